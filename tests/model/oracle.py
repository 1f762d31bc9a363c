"""The model step by step in float64 NumPy: a plain and slow reference that the package is tested
against.

Everything except the losses is analytic and accepts complex arrays, so `derivatives` is exact
except for rounding.

Legend: T time, B batch, I inputs per step, C constant inputs, U units, S state, Z latent, N points,
M mixtures.
"""

from collections.abc import Callable

import numpy as np

LAYER_NORM_EPSILON = 1e-3
EMBEDDING = 32


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def layer_norm(x, gamma, beta):
    mean = x.mean(axis=-1, keepdims=True)
    variance = ((x - mean) ** 2).mean(axis=-1, keepdims=True)
    return gamma * (x - mean) / np.sqrt(variance + LAYER_NORM_EPSILON) + beta


def lstm_step(weights, x, state, scale):
    """Do one step: x `[B, I + C]`, state (c, h) -> h and the new state.

    `scale` is the factor of the candidate's dropout.
    """
    c, h = np.split(state, 2, axis=-1)
    i, j, f, o = np.split(x @ weights["W_xh"] + h @ weights["W_hh"] + weights["bias"], 4, axis=-1)
    c = sigmoid(f + 1) * c + sigmoid(i) * (np.tanh(j) * scale)
    h = sigmoid(o) * np.tanh(c)
    return h, np.concatenate([c, h], axis=-1)


def normed_gates(gates, c, weights, scale, prefix=""):
    """Map the four gates, `[B, U]` each before layer norm, and c to h and the new c."""
    gammas = np.split(weights[prefix + "ln_all_gamma"], 4)
    betas = np.split(weights[prefix + "ln_all_beta"], 4)
    i, j, f, o = (layer_norm(*args) for args in zip(gates, gammas, betas, strict=True))
    c = sigmoid(f + 1) * c + sigmoid(i) * (np.tanh(j) * scale)
    c_normed = layer_norm(c, weights[prefix + "ln_c_gamma"], weights[prefix + "ln_c_beta"])
    return sigmoid(o) * np.tanh(c_normed), c


def layer_norm_step(weights, x, state, scale):
    """Do one step as `lstm_step` does, with the state (h, c)."""
    h, c = np.split(state, 2, axis=-1)
    gates = np.split(x @ weights["W_xh"] + h @ weights["W_hh"], 4, axis=-1)
    h, c = normed_gates(gates, c, weights, scale)
    return h, np.concatenate([h, c], axis=-1)


def hyper_step(weights, x, state, scale):
    """Do one step as `lstm_step` does, with the state (h, hyper h, c, hyper c)."""
    units, hyper_units = len(weights["W_hh"]), len(weights["hyper_W_hh"])
    h, hyper_h, c, hyper_c = np.split(
        state, np.cumsum([units, hyper_units, units]).tolist(), axis=-1
    )
    hyper_x = np.concatenate([x, h], axis=-1)
    hyper_gates = hyper_x @ weights["hyper_W_xh"] + hyper_h @ weights["hyper_W_hh"]
    hyper_h, hyper_c = normed_gates(
        np.split(hyper_gates, 4, axis=-1), hyper_c, weights, 1, prefix="hyper_"
    )

    def alpha(k):  # of the pairs ix jx fx ox ih jh fh oh
        columns = slice(k * EMBEDDING, (k + 1) * EMBEDDING)
        zw = hyper_h @ weights["zw_kernel"][:, columns] + weights["zw_bias"][columns]
        return zw @ weights["alpha_kernel"][k]

    def beta(k):  # of ih jh fh oh
        columns = slice(k * EMBEDDING, (k + 1) * EMBEDDING)
        return (hyper_h @ weights["zb_kernel"][:, columns]) @ weights["beta_kernel"][k]

    of_x = np.split(x @ weights["W_xh"], 4, axis=-1)
    of_h = np.split(h @ weights["W_hh"], 4, axis=-1)
    bias = np.split(weights["bias"], 4)
    gates = [alpha(k) * of_x[k] + alpha(4 + k) * of_h[k] + beta(k) + bias[k] for k in range(4)]
    h, c = normed_gates(gates, c, weights, scale)
    return h, np.concatenate([h, hyper_h, c, hyper_c], axis=-1)


STEPS = {"lstm": lstm_step, "layer_norm": layer_norm_step, "hyper": hyper_step}


def state_size(cell, weights):
    hyper_units = len(weights["hyper_W_hh"]) if cell == "hyper" else 0
    return 2 * (len(weights["W_hh"]) + hyper_units)


def recurrent(
    cell,
    weights,
    x,
    context=None,
    state=None,
    starts=None,
    sketch=None,
    dropout_mask=None,
    keep_prob=1.0,
):
    """Run a cell over x `[T, B, I]`; see `sketch_rnn.model.recurrent.Recurrent.call`."""
    zero = np.zeros((x.shape[1], state_size(cell, weights)))
    first = zero if state is None else state
    state = first if sketch is None else zero
    hs = []
    for t in range(len(x)):
        inputs = x[t]
        if context is not None:
            read = context if sketch is None else context[sketch[t]]
            inputs = np.concatenate([inputs, read], axis=-1)
        if starts is not None:
            initial = zero if sketch is None else first[sketch[t]]
            state = np.where(starts[t][:, None], initial, state)
        scale = 1.0 if dropout_mask is None else dropout_mask[t] / keep_prob
        h, state = STEPS[cell](weights, inputs, state, scale)
        hs.append(h)
    return np.stack(hs), state


def encoder(
    cell, forward, backward, sketches, forward_mask=None, backward_mask=None, keep_prob=1.0
):
    """Return the final h of both directions, `[B, 2 U]`.

    `sketches` contains the points `[n, 5]` of each sketch. The masks are `[n, U]`, one per sketch,
    in the order in which that direction reads the points.
    """
    finals = []
    for i, points in enumerate(sketches):
        h = []
        for weights, x, dropout_mask in (
            (forward, points, forward_mask),
            (backward, points[::-1], backward_mask),
        ):
            mask = None if dropout_mask is None else dropout_mask[i][:, None]
            hs, _ = recurrent(cell, weights, x[:, None], dropout_mask=mask, keep_prob=keep_prob)
            h.append(hs[-1, 0])
        finals.append(np.concatenate(h))
    return np.stack(finals)


def decoder(
    cell,
    weights,
    points,
    z=None,
    dropout_mask=None,
    keep_prob=1.0,
    input_mask=None,
    input_keep_prob=1.0,
    output_mask=None,
    output_keep_prob=1.0,
):
    """Return the output `[T, B, 3 + 6 M]` and the final state for points `[T, B, 5]`.

    `weights` contains the recurrent layer's weights by name, and `first_state/kernel`,
    `first_state/bias`, `output/kernel`, `output/bias`.
    """
    state = None
    x = points
    if z is not None:
        state = np.tanh(z @ weights["first_state/kernel"] + weights["first_state/bias"])
        x = np.stack([np.concatenate([point, z], axis=-1) for point in points])
    if input_mask is not None:
        x = x * input_mask / input_keep_prob
    h, state = recurrent(
        cell, weights, x, state=state, dropout_mask=dropout_mask, keep_prob=keep_prob
    )
    if output_mask is not None:
        h = h * output_mask / output_keep_prob
    return h @ weights["output/kernel"] + weights["output/bias"], state


def log_sum_exp(x):
    largest = x.max(axis=-1, keepdims=True)
    return largest[..., 0] + np.log(np.exp(x - largest).sum(axis=-1))


def offset_terms(output, target):
    """Return log pi, the log density of each component, and the terms that their gradients need.

    All are `[N, M]`. The equations are those of the paper (Graves 2013, 24 and 25), with
    1 / cosh(r)^2 for 1 - rho^2. The relative error of the quadratic form is at most 4 cosh(r)^2
    times that of a single operation.
    """
    pi, mu_x, mu_y, log_sx, log_sy, r = np.split(output[:, 3:], 6, axis=-1)
    zx = (target[:, :1] - mu_x) / np.exp(log_sx)
    zy = (target[:, 1:2] - mu_y) / np.exp(log_sy)
    rho, cosh2 = np.tanh(r), np.cosh(r) ** 2
    quadratic = (zx**2 + zy**2 - 2 * rho * zx * zy) * cosh2
    log_pi = pi - log_sum_exp(pi)[:, None]
    log_normal = -np.log(2 * np.pi) - log_sx - log_sy + np.log(cosh2) / 2 - quadratic / 2
    return log_pi, log_normal, (zx, zy, log_sx, log_sy, rho, cosh2, quadratic)


def point_losses(output, target):
    """Return the offset and the pen loss at each point, `[N]` each, and the gradient of their sum.

    Args:
      output: float64 `[N, 3 + 6 M]`.
      target: float64 `[N, 5]`.

    Returns:
      offset losses, pen losses, d (offset + pen) / d output `[N, 3 + 6 M]`.
    """
    log_pi, log_normal, (zx, zy, log_sx, log_sy, rho, cosh2, quadratic) = offset_terms(
        output, target
    )
    goes_on = 1 - target[:, 4]
    log_density = log_sum_exp(log_pi + log_normal)
    log_total = np.logaddexp(log_density, np.log(1e-6))
    offset = -log_total * goes_on

    pen_logits = output[:, :3]
    log_pen = pen_logits - log_sum_exp(pen_logits)[:, None]
    pen = -np.where(target[:, 2:] > 0, target[:, 2:] * log_pen, 0).sum(axis=-1)

    # Of -log(sum + 1e-6): each component's share of sum + 1e-6, times d log_normal (and of pi).
    share = np.exp(log_pi + log_normal - log_total[:, None]) * goes_on[:, None]
    d_zx, d_zy = cosh2 * (zx - rho * zy), cosh2 * (zy - rho * zx)  # of quadratic / 2
    d_r = rho + zx * zy - rho * quadratic
    gradient = np.concatenate(
        [
            np.exp(log_pen) * target[:, 2:].sum(axis=-1, keepdims=True) - target[:, 2:],
            -(share - np.exp(log_pi) * share.sum(axis=-1, keepdims=True)),
            -share * d_zx / np.exp(log_sx),
            -share * d_zy / np.exp(log_sy),
            -share * (d_zx * zx - 1),
            -share * (d_zy * zy - 1),
            -share * d_r,
        ],
        axis=-1,
    )
    return offset, pen, gradient


def derivatives(
    function: Callable[[dict], complex], values: dict, name: str, entries: np.ndarray
) -> np.ndarray:
    """Return d function / d values[name] at the flat indices `entries`.

    Complex steps make the result exact except for rounding.
    """
    step = 1e-30
    found = []
    for entry in entries:
        moved = values[name].astype(complex)
        moved.flat[entry] += 1j * step
        found.append(function(values | {name: moved}).imag / step)
    return np.array(found)
