"""The rows in JAX: one scan over time for each layer, the whole step in one jit, its buffers donated."""
import functools

import jax
import jax.numpy as jnp
import numpy as np
import rows
from jax import nn


def rnn(activation, layer, h, z):
    """One step: state h and inputs z (batch, unit) -> state, output"""
    h = activation(z + h @ layer["w_h"])
    return h, h


def lstm(activation, layer, state, z):
    """State c, h (batch, unit) and inputs z (batch, 4 units) -> state, output. With peepholes where there are some."""
    c, h = state
    i, j, f, o = jnp.split(z + h @ layer["w_h"], 4, axis=1)
    if "w_f_diag" in layer:
        f, i = f + layer["w_f_diag"] * c, i + layer["w_i_diag"] * c
    c = nn.sigmoid(f + 1) * c + nn.sigmoid(i) * activation(j)
    if "w_f_diag" in layer:
        o = o + layer["w_o_diag"] * c
    h = nn.sigmoid(o) * activation(c)
    return (c, h), h


def gru(activation, layer, h, z):
    """State h (batch, unit) and inputs z (batch, 3 units) -> state, output"""
    gates, candidate = jnp.split(z, [2 * h.shape[1]], axis=1)
    r, u = jnp.split(nn.sigmoid(gates + h @ layer["w_h"]), 2, axis=1)
    h = u * h + (1 - u) * activation(candidate + (r * h) @ layer["w_candidate"])
    return h, h


CELLS = {"rnn": rnn, "lstm": lstm, "peephole": lstm, "gru": gru}


def arrange(layer, units):
    """TensorFlow's variables of a layer -> the weights of the inputs, for all steps in one product, and the others."""
    layer = dict(layer)
    if "gates/kernel" in layer:
        gates, candidate = layer["gates/kernel"], layer["candidate/kernel"]
        return {"w_x": np.concatenate([gates[:-units], candidate[:-units]], axis=1), "w_h": gates[-units:],
                "w_candidate": candidate[-units:], "bias": np.r_[layer["gates/bias"], layer["candidate/bias"]]}
    kernel = layer.pop("kernel")
    return dict(layer, w_x=kernel[:-units], w_h=kernel[-units:])


def make_params(row, weights):
    before, layers, after = rows.split_weights(weights)
    params = {"layers": [arrange(layer, len(after[0])) for layer in layers], "after": after}
    return jax.tree.map(jnp.array, dict(params, before=before) if before else params)


def zero_state(row, params, batch_size):
    """Returns the state of each layer: c, h (batch, unit) of an LSTM, else h"""
    zeros = [np.zeros([batch_size, len(layer["w_h"])], np.float32) for layer in params["layers"]]
    return jax.tree.map(jnp.array, [(z, z) if CELLS[row.cell] is lstm else z for z in zeros])


def predict(row, params, x, states, key):
    """(batch, time, input) or codes (batch, time) -> prediction or logits, states"""
    x = nn.one_hot(x, params["after"][1].size) if row.loss == "bits" else x
    outputs = x.swapaxes(0, 1)  # (time, batch, input): scan goes along the first axis
    if "before" in params:
        outputs = outputs @ params["before"][0] + params["before"][1]
    cell, final_states = functools.partial(CELLS[row.cell], getattr(nn, row.activation)), []
    for layer, state in zip(params["layers"], states):
        state, outputs = jax.lax.scan(functools.partial(cell, layer), state, outputs @ layer["w_x"] + layer["bias"])
        if row.keep_prob < 1:
            key, dice = jax.random.split(key)
            outputs = jnp.where(jax.random.bernoulli(dice, row.keep_prob, outputs.shape), outputs / row.keep_prob, 0)
        final_states.append(state)
    weights, bias = params["after"]
    if row.loss == "classes":
        return outputs[-1] @ weights + bias, final_states
    return (outputs @ weights + bias).swapaxes(0, 1), final_states


def compute_loss(row, params, x, y, states, key):
    prediction, states = predict(row, params, x, states, key)
    if row.loss in ("classes", "bits"):
        loss = -jnp.mean(jnp.take_along_axis(nn.log_softmax(prediction), y[..., None], axis=-1))
    else:
        squares = jnp.square(prediction - y)
        loss = squares.mean() if row.loss == "mean" else squares.sum() / len(y)
    return loss, (prediction, states)


def adam(learning_rate, t, params, grads, m, v):
    """Adam as TensorFlow has it: Kingma and Ba, 2015, the last lines of section 2."""
    m = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, m, grads)
    v = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, v, grads)
    rate = learning_rate * jnp.sqrt(1 - 0.999 ** t) / (1 - 0.9 ** t)
    return jax.tree.map(lambda p, m, v: p - rate * m / (jnp.sqrt(v) + 1e-8), params, m, v), m, v


@functools.partial(jax.jit, static_argnums=0, donate_argnums=(1, 4))
def training_step(row, training, x, y, states, carry):
    """training: step, key, weights and Adam's moments -> the same after the step, states, and what is fetched"""
    t, key, params, m, v = training
    t, (key, dice) = t + 1, jax.random.split(key)
    states = jax.tree.map(lambda state: carry * state, states)
    compute = jax.value_and_grad(functools.partial(compute_loss, row), has_aux=True)
    (loss, (prediction, states)), grads = compute(params, x, y, states, dice)
    if row.clip:
        norm = jnp.sqrt(sum(jnp.vdot(g, g) for g in jax.tree.leaves(grads)))
        grads = jax.tree.map(lambda g: g * jnp.minimum(1, row.clip / norm), grads)
    fetched = (loss / np.log(2) if row.loss == "bits" else loss, prediction if row.fetched else ())
    return (t, key, *adam(row.learning_rate, t, params, grads, m, v)), states, fetched


def make_step(row, weights):
    """Returns step(i), which trains on batch i and returns the loss."""
    row = row._replace(kwargs=None, note="")  # hashable: jit compiles for a row
    params = make_params(row, weights)
    zeros = jax.tree.map(jnp.zeros_like, params)
    key = jax.random.key(0, impl="unsafe_rbg")  # the fastest there is
    training = jnp.float32(0), key, params, zeros, jax.tree.map(jnp.copy, zeros)
    states = zero_state(row, params, len(row.batch(0)[0]))

    def step(i):
        nonlocal training, states
        x, y = (part.astype(np.float32) if part.dtype == np.float64 else part for part in row.batch(i))
        carry = rows.initial_carry(i) if row.loss == "bits" else float(row.carried)
        training, states, (loss, prediction) = training_step(row, training, x, y, states, np.float32(carry))
        if row.fetched:
            np.asarray(prediction)
        return float(loss)

    return step
