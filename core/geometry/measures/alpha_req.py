"""How fast the variances along the principal directions decay."""

import numpy as np

from core.geometry.cloud import Embeddings, as_cloud
from core.geometry.measures import INFINITY, Measure

FIRST, LAST = 5, 100  # ranks of the fit: the first few directions stand apart, the last ones are of too few points
LEAST = 20


def alpha_req(x: Embeddings) -> float:
    """Return the exponent alpha of the decay of the covariance's eigenvalues of `x` (n, d): lambda_i goes as i^-alpha.

    By least squares of ln lambda on ln i over the ranks i from 5 to 100, or to half the number of directions that vary
    where that is less: the last ones are small by the number of points alone. Range 0 (isotropic) upwards; a finite
    sample of an isotropic cloud lies above 0. NaN where fewer than 20 directions vary.

    Raises:
        IsobarError: fewer than two rows, NaN or infinity, or not an (n, d) array.

    Source: Agrawal, Mondal, Ghosh, Richards, "alpha-ReQ: Assessing Representation Quality in Self-Supervised Learning by
    Measuring Eigenspectrum Decay", NeurIPS 2022; it leaves the ranks to its user.
    """
    cloud = as_cloud(x).moderate
    values = cloud.centered_values
    vary = int((values > values[0] * max(cloud.n, cloud.d) * np.finfo(float).eps).sum())
    if vary < LEAST:
        return float("nan")
    ranks = np.arange(FIRST, min(LAST, vary // 2) + 1)
    return float(-np.polyfit(np.log(ranks), np.log(values[ranks - 1]), 1)[0])


MEASURES = (
    Measure(
        name="alpha_req",
        label="Decay of the spectrum (α-ReQ)",
        definition="How fast the variance falls along the principal directions: α, where the i-th falls as i^−α, fitted "
        "over the ranks 5 to 100 (or half the directions that vary).",
        source="Agrawal et al., NeurIPS 2022",
        isotropic="0",
        degenerate="≫ 1",
        undefined="where fewer than 20 directions vary",
        better="disputed",
        doubt="its authors find values near 1 best",
        range=(0.0, INFINITY),
        topic="isotropy",
        compute=alpha_req,
        needs=("centered_values",),
    ),
)
