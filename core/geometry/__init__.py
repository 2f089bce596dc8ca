"""Numbers that say what shape a cloud of embeddings has."""

from core.geometry.angles import mean_cosine, mean_vector_share
from core.geometry.catalogue import MAIN, MEASURES, Measure
from core.geometry.classes import ClassShape, shape_by_class
from core.geometry.density import point_patchiness, vasicek_ratio
from core.geometry.dimension import ph_dimension, two_nn
from core.geometry.report import isotropic_reference, measure, measure_by_class, measure_interval, measure_names
from core.geometry.spectrum import (
    anisotropy,
    effective_rank,
    eigenvalue_early_enrichment,
    isoscore,
    outlier_dimensions,
    partition_ratio,
    singular_values,
)
from core.geometry.stream import CloudStream, Moments

__all__ = [
    "MAIN",
    "MEASURES",
    "ClassShape",
    "CloudStream",
    "Measure",
    "Moments",
    "anisotropy",
    "effective_rank",
    "eigenvalue_early_enrichment",
    "isoscore",
    "isotropic_reference",
    "mean_cosine",
    "mean_vector_share",
    "measure",
    "measure_by_class",
    "measure_interval",
    "measure_names",
    "outlier_dimensions",
    "partition_ratio",
    "ph_dimension",
    "point_patchiness",
    "shape_by_class",
    "singular_values",
    "two_nn",
    "vasicek_ratio",
]
