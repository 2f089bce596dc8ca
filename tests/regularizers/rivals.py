"""Judges of the rival regularizers: their definitions, written out as the papers list them."""

import torch


def published_isoscore(states, zeta, shrinkage):
    """IsoScore*, step after step of its paper's algorithm, by singular values; differentiable."""
    d = states.shape[1]
    covariance = (1 - zeta) * torch.cov(states.T) + zeta * shrinkage
    variances = torch.linalg.svdvals(covariance)
    normalized = d**0.5 * variances / variances.norm()
    defect = (normalized - 1).norm() / (2 * (d - d**0.5)) ** 0.5
    return ((d - defect**2 * (d - d**0.5)) ** 2 - d) / (d * (d - 1))


def mean_cosine(embeddings):
    """The mean of the cosine matrix off its diagonal."""
    cosines = torch.nn.functional.cosine_similarity(embeddings[:, None], embeddings[None], dim=2)
    return cosines[~torch.eye(len(embeddings), dtype=torch.bool)].mean()
