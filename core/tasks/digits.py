"""The built-in task `digits`: which of the ten digits is this handwriting?

The 1,797 real images of 8 x 8 pixels in 17 greys that come with scikit-learn: the test set of E. Alpaydin and C. Kaynak's
"Optical Recognition of Handwritten Digits" (1998, UCI Machine Learning Repository). White on black, as they are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.modalities.media import image_cell
from core.tasks.media import media_split, media_task
from core.tasks.sampling import stratified_rows

if TYPE_CHECKING:
    from core.tasks.task import Task

VALIDATION_SIZE = 360
TRAIN_SIZE = 1797 - VALIDATION_SIZE


def make_task(seed: int, train_size: int = TRAIN_SIZE) -> Task:
    """Return the task with a stratified fifth of the images, drawn by `seed`, for validation; there are no more than these."""
    import numpy as np
    from PIL import Image
    from sklearn.datasets import load_digits

    digits = load_digits()
    greys = np.round(digits.images * (255 / 16)).astype(np.uint8)
    taken = np.zeros(len(greys), bool)
    taken[stratified_rows(digits.target, VALIDATION_SIZE, seed)] = True

    def split(rows):
        cells = [image_cell(Image.fromarray(greys[row]), f"digits/{row:04d}.png") for row in rows]
        return media_split("image", cells, digits.target[rows])

    return media_task(
        "digits",
        "image",
        train=split(np.flatnonzero(~taken)),
        validation=split(np.flatnonzero(taken)),
        label_names=tuple("0123456789"),
        source=f"built in, images of scikit-learn, split with seed {seed}",
    )
