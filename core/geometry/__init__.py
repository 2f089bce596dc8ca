"""Numbers that say what shape a cloud of embeddings has."""

from core.geometry.angles import mean_cosine, mean_vector_share
from core.geometry.catalogue import MAIN, MEASURES, Measure
from core.geometry.classes import ClassShape, shape_by_class
from core.geometry.report import measure, measure_names
from core.geometry.spectrum import (
    anisotropy,
    effective_rank,
    eigenvalue_early_enrichment,
    isoscore,
    outlier_dimensions,
    singular_values,
)

__all__ = [
    "MAIN",
    "MEASURES",
    "ClassShape",
    "Measure",
    "anisotropy",
    "effective_rank",
    "eigenvalue_early_enrichment",
    "isoscore",
    "mean_cosine",
    "mean_vector_share",
    "measure",
    "measure_names",
    "outlier_dimensions",
    "shape_by_class",
    "singular_values",
]
