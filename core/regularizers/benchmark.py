"""How long the regularizers take, forward and backward, beside IsoScore* by singular values."""

import time
from collections.abc import Callable

import torch
from torch import Tensor

from core.regularizers.cosine import CosineLoss
from core.regularizers.istar import IStarLoss
from core.regularizers.persistent_entropy import PersistentEntropyLoss

STATES, DIMENSIONS, ZETA = 512, 768, 0.2  # a batch of 512 states of BERT-base; the authors' zeta
_PRODUCTS = "the two matrix products of I-STAR alone"


def run(n: int = STATES, d: int = DIMENSIONS, rounds: int = 5) -> list[dict]:
    """Return one row a regularizer: the best of the rounds, forward and backward, and how often it fits into the SVD's.

    The SVD is the authors' own code where their package is installed (``pip install IsoScore``), else the same steps
    written out. Below I-STAR stand its two matrix products alone, which are most of it: the covariance, and that times
    the states. Rounds are interleaved, because a shared machine disturbs each of them differently.
    """
    generator = torch.Generator().manual_seed(0)

    def cloud(rows: int) -> Tensor:
        x = torch.randn(rows, d, generator=generator) / (1 + torch.arange(d)).sqrt()
        return x + torch.randn(d, generator=generator)

    states, labels = cloud(n), torch.arange(n) % 2
    shrinkage = torch.cov(cloud(4 * d).T)
    istar = IStarLoss(1.0, ZETA, shrinkage)
    by_svd, name = _published()
    terms: dict[str, Callable[[Tensor], Tensor]] = {
        name: lambda x: 1 - by_svd(x, shrinkage, ZETA),
        "I-STAR": lambda x: istar(x, labels),
        "I-STAR, identity as shrinkage": lambda x: IStarLoss(1.0, ZETA)(x, labels),
        "cosine": lambda x: CosineLoss()(x, labels),
        "persistent entropy, 2 classes": lambda x: PersistentEntropyLoss()(x, labels),
    }
    best, values = dict.fromkeys([*terms, _PRODUCTS], float("inf")), {}
    for _ in range(rounds + 1):  # the first compiles and allocates; it never is the best
        start = time.perf_counter()
        torch.mm(states, torch.mm(states.mT, states))
        best[_PRODUCTS] = min(best[_PRODUCTS], time.perf_counter() - start)
        for what, term in terms.items():
            x = states.clone().requires_grad_()
            start = time.perf_counter()
            value = term(x)
            value.backward()
            best[what] = min(best[what], time.perf_counter() - start)
            values[what] = (value.detach(), x.grad)
    svd, svd_gradient = values[name]
    rows = []
    for what in (name, "I-STAR", _PRODUCTS, *list(terms)[2:]):
        row = {
            "forward and backward": f"{what}, {n} x {d}",
            "ms": 1e3 * best[what],
            "times faster than SVD": best[name] / best[what],
            "difference of value": "",
            "of gradient, relative": "",
        }
        if what in (name, "I-STAR"):
            value, gradient = values[what]
            row["difference of value"] = f"{abs(value - svd):.0e}"
            row["of gradient, relative"] = f"{(gradient - svd_gradient).norm() / svd_gradient.norm():.0e}"
        rows.append(row)
    return rows


def isoscore_by_svd(states: Tensor, shrinkage: Tensor, zeta: float) -> Tensor:
    """Return IsoScore* by the paper's algorithm, by singular values: what the closed form is measured against."""
    d = states.shape[1]
    variances = torch.linalg.svdvals((1 - zeta) * torch.cov(states.T) + zeta * shrinkage)
    normalized = d**0.5 * variances / variances.norm()
    defect = (normalized - 1).norm() / (2 * (d - d**0.5)) ** 0.5
    return ((d - defect**2 * (d - d**0.5)) ** 2 - d) / (d * (d - 1))


def _published() -> tuple[Callable[[Tensor, Tensor, float], Tensor], str]:
    try:
        from IsoScore.IsoScore import istar
    except ImportError:
        return isoscore_by_svd, "IsoScore* by SVD"
    return lambda x, s, z: istar().IsoScore_star(x, s, z, is_eval=False), "IsoScore* by SVD (package IsoScore)"
