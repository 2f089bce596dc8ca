"""Numbers that say what shape a cloud of embeddings has."""

from core.geometry.axes import Projection, aligned_axes, common_axes
from core.geometry.catalogue import COMPARISONS, MAIN, MEASURES
from core.geometry.classes import ClassShape, shape_by_class
from core.geometry.compare import compare_spaces
from core.geometry.maps import own_axes, umap_maps
from core.geometry.measures import Measure
from core.geometry.measures.angles import cosine_shares, isotropic_cosine_shares, mean_cosine, mean_vector_share
from core.geometry.measures.density import gaussianity, kmeans_patchiness, vrm
from core.geometry.measures.dimension import ph_dimension, two_nn
from core.geometry.measures.quantizers import quantizer_lloyd, quantizer_patchiness
from core.geometry.measures.spectrum import (
    anisotropy,
    effective_rank,
    eigenvalue_early_enrichment,
    isoscore,
    outlier_dimensions,
    partition_ratio,
    singular_values,
)
from core.geometry.measures.within import APART, anisotropy_within, between_share, nc1
from core.geometry.merges import Merge, merges
from core.geometry.neighbours import class_silhouettes, nearest_to, neighbours_kept
from core.geometry.report import (
    isotropic_reference,
    measure,
    measure_by_class,
    measure_differences,
    measure_interval,
    measure_intervals,
    measure_names,
)
from core.geometry.stream import CloudStream, Moments

__all__ = [
    "APART",
    "COMPARISONS",
    "MAIN",
    "MEASURES",
    "ClassShape",
    "CloudStream",
    "Measure",
    "Merge",
    "Moments",
    "Projection",
    "aligned_axes",
    "anisotropy",
    "anisotropy_within",
    "between_share",
    "class_silhouettes",
    "common_axes",
    "compare_spaces",
    "cosine_shares",
    "effective_rank",
    "eigenvalue_early_enrichment",
    "gaussianity",
    "isoscore",
    "isotropic_cosine_shares",
    "isotropic_reference",
    "kmeans_patchiness",
    "mean_cosine",
    "mean_vector_share",
    "measure",
    "measure_by_class",
    "measure_differences",
    "measure_interval",
    "measure_intervals",
    "measure_names",
    "merges",
    "nc1",
    "nearest_to",
    "neighbours_kept",
    "outlier_dimensions",
    "own_axes",
    "partition_ratio",
    "ph_dimension",
    "quantizer_lloyd",
    "quantizer_patchiness",
    "shape_by_class",
    "singular_values",
    "two_nn",
    "umap_maps",
    "vrm",
]
