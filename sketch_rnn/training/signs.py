"""Signs of a run's progress, in addition to its costs.

Legend: B drawings, Z latent.
"""

from collections.abc import Sequence

import numpy as np

UNUSED_BELOW = 0.01  # nats of KL; a dimension with less carries no information
TELLING_FROM = 0.1  # nats of KL; a dimension with more has to be visible in drawings
NEAR_CLIP = 0.5  # as a share of `grad_clip`


def unused_dimensions(kl_per_dimension: np.ndarray) -> int:
    """Return how many latent dimensions carry no information, given the KL of each, `[Z]`."""
    return int((kl_per_dimension < UNUSED_BELOW).sum())


def recovered(z: np.ndarray, mu: np.ndarray, kl_per_dimension: np.ndarray) -> float | None:
    """Return how well drawings made from random z reveal that z, relative to what the KL allows.

    Suppose that real drawings have a KL of k nats in one dimension, and that their z is distributed
    like the prior. Then the posterior variance in this dimension is exp(-2 k), and the prior
    variance is 1. So a drawing reveals the fraction 1 - exp(-2 k) of the variance of its z.
    Drawings made from random z reveal as much, if they are like real drawings. A result of 1 means
    that they do; a result of 0 or below means that they reveal nothing.

    Args:
      z: samples from the prior, `[B, Z]`.
      mu: the mu of the drawings made from these z, `[B, Z]`.
      kl_per_dimension: the KL of each dimension for real drawings, `[Z]`.

    Returns:
      The fraction of z that is recovered, divided by the fraction that can be recovered; None if
      no dimension carries enough information, or if the drawings cannot be encoded.
    """
    telling = kl_per_dimension >= TELLING_FROM
    if not telling.any() or not np.isfinite(mu).all():
        return None
    found = 1 - np.square(mu - z).mean(axis=0)[telling]
    possible = 1 - np.exp(-2 * kl_per_dimension[telling])
    return float(found.sum() / possible.sum())


def clipped(second_moments: Sequence[np.ndarray], updates: int, grad_clip: float) -> float:
    """Return the share of the gradient's elements that were clipped recently, or nearly.

    Args:
      second_moments: Adam's second moments of the clipped gradients.
      updates: the number of updates that Adam has made.
      grad_clip: the largest magnitude of an element after clipping.
    """
    least = np.square(NEAR_CLIP * grad_clip) * (1 - 0.999**updates)
    over = sum(int((moment >= least).sum()) for moment in second_moments)
    return over / max(1, sum(moment.size for moment in second_moments))
