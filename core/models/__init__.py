"""What can be loaded, and how its hidden states become embeddings."""

from core.models.builtin import BUILT_IN

__all__ = ["BUILT_IN"]
