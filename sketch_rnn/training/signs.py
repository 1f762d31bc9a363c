"""Signs of a run's progress, beside its costs.

Legend: B drawings, Z latent.
"""

from collections.abc import Sequence

import numpy as np

UNUSED_BELOW = 0.01  # nats of KL: a dimension that tells nothing
TELLING_FROM = 0.1  # nats of KL: a dimension that drawings have to show
NEAR_CLIP = 0.5  # of `grad_clip`


def unused_dimensions(kl_per_dimension: np.ndarray) -> int:
    """Return how many latent dimensions, of `[Z]`, tell nothing about a drawing."""
    return int((kl_per_dimension < UNUSED_BELOW).sum())


def recovered(z: np.ndarray, mu: np.ndarray, kl_per_dimension: np.ndarray) -> float | None:
    """Return how much of random z is recovered from their drawings, as a share of what KL promises.

    A dimension with a KL of k nats, whose z are spread like the prior, has a posterior variance of
    exp(-2 k): so much of z is lost on its way through a drawing, and no more if drawings of random
    z are like real ones. 1 is all that is promised; about 0, or less, is nothing.

    Args:
      z: from the prior, `[B, Z]`.
      mu: of the drawings made from them, `[B, Z]`.
      kl_per_dimension: of real drawings, `[Z]`.

    Returns:
      The share; None where no dimension tells anything, or the drawings cannot be encoded.
    """
    telling = kl_per_dimension >= TELLING_FROM
    if not telling.any() or not np.isfinite(mu).all():
        return None
    found = 1 - np.square(mu - z).mean(axis=0)[telling]
    promised = 1 - np.exp(-2 * kl_per_dimension[telling])
    return float(found.sum() / promised.sum())


def clipped(second_moments: Sequence[np.ndarray], updates: int, grad_clip: float) -> float:
    """Return the share of the gradient's elements that were clipped, or nearly, in recent updates.

    Args:
      second_moments: Adam's, of clipped gradients.
      updates: that Adam has made.
      grad_clip: what each element is clipped to.
    """
    least = np.square(NEAR_CLIP * grad_clip) * (1 - 0.999**updates)
    over = sum(int((moment >= least).sum()) for moment in second_moments)
    return over / max(1, sum(moment.size for moment in second_moments))
