"""Numbers that say what shape a cloud of embeddings has."""

from core.geometry.angles import mean_cosine
from core.geometry.report import ClassShape, measure, shape_by_class
from core.geometry.spectrum import anisotropy, isoscore

__all__ = ["ClassShape", "anisotropy", "isoscore", "mean_cosine", "measure", "shape_by_class"]
