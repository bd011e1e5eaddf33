"""The cells of TensorFlow inside dynamic_rnn, and the one written here, against tests/oracles.py."""
import numpy as np
import oracles
import pytest
import tensorflow.compat.v1 as tf

import lstm_peephole_gru

N_INPUTS, N_UNITS, N_STEPS = 3, 5, 7

pytestmark = pytest.mark.filterwarnings("ignore:`tf.nn.rnn_cell")


def make_cell(name, activation, forget_bias):
    cells, activation = tf.nn.rnn_cell, getattr(tf.nn, activation)
    if name == "rnn":
        return cells.BasicRNNCell(N_UNITS, activation=activation)
    if name == "lstm":
        return cells.BasicLSTMCell(N_UNITS, forget_bias=forget_bias, activation=activation)
    if name == "peephole":
        return cells.LSTMCell(N_UNITS, use_peepholes=True, forget_bias=forget_bias, activation=activation)
    if name == "gru":
        return cells.GRUCell(N_UNITS, activation=activation)
    return lstm_peephole_gru.CoupledLSTMCell(N_UNITS, forget_bias=forget_bias, activation=activation)


def draw(cell, batch, seed=1):
    """Returns float64 variables, x, the initial state, and the weights of the loss for outputs and final state."""
    random = np.random.RandomState(seed)
    variables = {name: random.normal(0, 0.6, shape) for name, shape in oracles.shapes(cell, N_INPUTS, N_UNITS).items()}
    n = 1 if cell in ("rnn", "gru") else 2
    state, d_state = (tuple(random.normal(0, 1, [batch, N_UNITS]) for _ in range(n)) for _ in range(2))
    x = random.normal(0, 1, [batch, N_STEPS, N_INPUTS])
    return variables, x, state, random.normal(0, 1, [batch, N_STEPS, N_UNITS]), d_state


def with_tensorflow(cell, activation, variables, x, state, d_outputs, d_state, forget_bias):
    """outputs, final state, and gradients of variables, x and state, from dynamic_rnn in float32."""
    with tf.Graph().as_default(), tf.Session() as sess:
        inputs = tf.placeholder(tf.float32, [None, N_STEPS, N_INPUTS])
        first = [tf.placeholder(tf.float32, [None, N_UNITS]) for _ in state]
        nested = first[0] if len(first) == 1 else tf.nn.rnn_cell.LSTMStateTuple(*first)
        outputs, final = tf.nn.dynamic_rnn(make_cell(cell, activation, forget_bias), inputs, initial_state=nested)
        final = [final] if len(first) == 1 else list(final)
        loss = tf.reduce_sum(outputs * d_outputs) + sum(tf.reduce_sum(s * d) for s, d in zip(final, d_state))
        by_name = {v.op.name.split("/", 2)[2]: v for v in tf.trainable_variables()}  # after rnn/some_cell/
        assert {n: tuple(v.shape.as_list()) for n, v in by_name.items()} == oracles.shapes(cell, N_INPUTS, N_UNITS)
        names = list(variables)
        gradients = tf.gradients(loss, [by_name[name] for name in names] + [inputs] + first)
        for name in names:
            by_name[name].load(variables[name], sess)
        found = sess.run([outputs, final, gradients], dict(zip([inputs, *first], [x, *state])))
    outputs, final, gradients = found
    n = len(names)
    return outputs, final, dict(zip(names, gradients[:n])), gradients[n], gradients[n + 1:]


@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("activation", ["relu", "tanh"])
@pytest.mark.parametrize("cell", oracles.CELLS)
def test_cell_and_its_gradients_are_the_equations(cell, activation, batch):
    forget_bias = {1: 1.0, 3: 0.4}[batch]
    variables, x, state, d_outputs, d_state = draw(cell, batch)
    outputs, final, tape = oracles.forward(cell, variables, x, state, activation, forget_bias)
    d_variables, d_x, d_first = oracles.backward(cell, variables, tape, d_outputs, d_state, activation)
    found = with_tensorflow(cell, activation, variables, x, state, d_outputs, d_state, forget_bias)
    for ours, theirs in zip([outputs, *final, d_x, *d_first], [found[0], *found[1], found[3], *found[4]]):
        assert np.std(ours) > 0.01, "nothing to compare"
        np.testing.assert_allclose(theirs, ours, rtol=1e-5, atol=1e-5)
    for name in variables:
        assert np.std(d_variables[name]) > 0.01, f"nothing to compare in {name}"
        np.testing.assert_allclose(found[2][name], d_variables[name], rtol=1e-5, atol=1e-5, err_msg=name)


@pytest.mark.parametrize("cell", oracles.CELLS)
def test_the_oracle_s_own_gradient_is_the_slope_of_its_loss(cell):
    # without TensorFlow: a small move of one number changes the loss by its gradient
    variables, x, state, d_outputs, d_state = draw(cell, 2)

    def loss():
        outputs, final, _ = oracles.forward(cell, variables, x, state)
        return np.sum(outputs * d_outputs) + sum(np.sum(s * d) for s, d in zip(final, d_state))

    _, _, tape = oracles.forward(cell, variables, x, state)
    d_variables, d_x, d_first = oracles.backward(cell, variables, tape, d_outputs, d_state)
    for value, gradient in [*((variables[name], d_variables[name]) for name in variables), (x, d_x),
                            *zip(state, d_first)]:
        value.flat[1] += 1e-6
        above = loss()
        value.flat[1] -= 2e-6
        below = loss()
        value.flat[1] += 1e-6
        assert (above - below) / 2e-6 == pytest.approx(gradient.flat[1], rel=1e-6, abs=1e-8)
