#!/usr/bin/env python3
"""Try the loss on extreme outputs of the network and extreme offsets.

  scripts/fuzz_loss.py --count=100000

Values and gradients have to be finite in all cases. If the sigmas are in [1e-4, 1e4] and the logits
of rho in [-8, 8], the value also has to equal that of the papers' formulas, computed in extended
precision (Graves 2013, equations 16-25; Ha & Eck 2017, equation 9).

Legend: N cases, M mixtures.
"""

import argparse
import os
import sys

import numpy as np

MIXTURES = 5
CHUNK = 20_000
RELATIVE, ABSOLUTE = 1e-3, 1e-5
DENSITY_FLOOR = 1e-6


def cases(rng: np.random.Generator, count: int, extreme: bool) -> tuple[np.ndarray, np.ndarray]:
    """Return outputs `[N, 3 + 6 M]` and targets `[N, 5]`, float32."""
    size = [count, MIXTURES]
    log_sigma, rho = (np.log(1e30), 40.0) if extreme else (np.log(1e4), 8.0)
    scale_factor = 10.0 ** rng.uniform(-3, 3, [count, 1])
    offsets = rng.uniform(-1000, 1000, [count, 2]) / scale_factor
    sigmas = rng.uniform(-log_sigma, log_sigma, [2, *size])
    near = rng.normal(0, 3, [2, *size]) * np.exp(np.clip(sigmas, -20, 20))
    far = rng.normal(0, 10.0 ** rng.uniform(-3, 6), [2, *size])
    mus = np.where(rng.random(size) < 0.7, offsets.T[:, :, None] + near, far)
    logits = 10.0 ** rng.uniform(-1, 4 if extreme else 2)
    output = np.concatenate(
        [
            rng.normal(0, logits, [count, 3]),
            rng.normal(0, logits, size),
            *mus,
            *sigmas,
            rng.uniform(-rho, rho, size),
        ],
        axis=1,
    )
    if extreme:
        odd = rng.random(output.shape) < 0.02
        output = np.where(odd, rng.choice([0, 3e38, -3e38, 1e-40, 88, -104], output.shape), output)
    pen = np.eye(3)[rng.integers(0, 3, count)]
    return output.astype(np.float32), np.hstack([offsets, pen]).astype(np.float32)


def oracle(output: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Return the loss of each case, `[N]`, computed with the plain formulas."""
    output, target = output.astype(np.longdouble), target.astype(np.longdouble)
    pen, pi, mu_x, mu_y, log_sx, log_sy, r = np.split(output, 3 + MIXTURES * np.arange(6), axis=1)
    zx = (target[:, :1] - mu_x) / np.exp(log_sx)
    zy = (target[:, 1:2] - mu_y) / np.exp(log_sy)
    rho, root = np.tanh(r), 1 / np.cosh(r)  # root is sqrt(1 - rho^2)
    exponent = -(zx**2 + zy**2 - 2 * rho * zx * zy) / (2 * root**2)
    log_normal = exponent - np.log(2 * np.pi * root) - log_sx - log_sy
    density = np.exp(log_softmax(pi) + log_normal).sum(axis=1)
    offset_loss = -np.log(density + DENSITY_FLOOR) * (1 - target[:, 4])
    pen_loss = -(log_softmax(pen) * target[:, 2:]).sum(axis=1)
    return (offset_loss + pen_loss).astype(np.float64)


def log_softmax(x: np.ndarray) -> np.ndarray:
    x = x - x.max(axis=1, keepdims=True)
    return x - np.log(np.exp(x).sum(axis=1, keepdims=True))


def ours(output: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the loss of each case, `[N]`, and its gradient, `[N, 3 + 6 M]`."""
    import tensorflow as tf

    from sketch_rnn.model.losses import reconstruction_cost

    @tf.function(jit_compile=True)
    def losses(output, target):
        with tf.GradientTape() as tape:
            tape.watch(output)
            values = tf.vectorized_map(
                lambda case: reconstruction_cost(case[0][None, None], case[1][None, None]),
                (output, target),
            )
        return values, tape.gradient(values, output)

    values, gradients = losses(tf.constant(output), tf.constant(target))
    return values.numpy(), gradients.numpy()


def worst_error(values: np.ndarray, expected: np.ndarray) -> float:
    """Return the largest error as a share of the allowed one."""
    allowed = np.maximum(ABSOLUTE, RELATIVE * np.abs(expected))
    return float((np.abs(values - expected) / allowed).max())


def fuzz(count: int, seed: int) -> tuple[int, float]:
    """Return how many of the extreme cases are not finite, and the worst error of the others."""
    rng = np.random.default_rng(seed)
    broken, worst = 0, 0.0
    for first in range(0, count, CHUNK):
        size = min(CHUNK, count - first)
        values, gradients = ours(*cases(rng, size, extreme=True))
        broken += int((~np.isfinite(values) | ~np.isfinite(gradients).all(axis=1)).sum())
        output, target = cases(rng, size, extreme=False)
        values, gradients = ours(output, target)
        broken += int((~np.isfinite(values) | ~np.isfinite(gradients).all(axis=1)).sum())
        worst = max(worst, worst_error(values, oracle(output, target)))
    return broken, worst


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=100_000, help="of extreme and of other cases")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    broken, worst = fuzz(args.count, args.seed)
    print(
        f"{2 * args.count} cases, {broken} not finite; the largest error is {worst:.2g} of what is "
        f"allowed ({RELATIVE:g} relative or {ABSOLUTE:g} absolute)"
    )
    return int(broken > 0 or worst > 1)


if __name__ == "__main__":
    sys.exit(main())
