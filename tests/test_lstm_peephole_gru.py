"""lstm_peephole_gru.py: each stack is that of the equations, and each cell learns."""
import numpy as np
import oracles
import pytest
import tensorflow.compat.v1 as tf
from conftest import stored

import lstm_peephole_gru as script

SMALL_FLAGS = ["--layers", "1", "--cells", "gru"]
FEW = [*SMALL_FLAGS, "coupled", "--iterations", "3"]
SHRUNK = {"N_STEPS": 10, "N_UNITS": 8}
SCOPES = {"lstm": "basic_lstm_cell", "peephole": "lstm_cell", "gru": "gru_cell",
          "coupled": "coupled_lstm_cell"}


def by_layer(cell, values):
    """Returns the variables of each of two layers, by their names inside the cell's scope."""
    scopes = [f"layer_{n}/rnn/{SCOPES[cell]}/" for n in range(2)]
    return [{name[len(scope):]: value for name, value in values.items() if name.startswith(scope)}
            for scope in scopes]


@pytest.mark.parametrize("tanh", [False, True])
@pytest.mark.parametrize("cell", script.CELLS)
def test_loss_and_gradients_of_the_stack_are_those_of_the_equations(cell, tanh, monkeypatch):
    monkeypatch.setattr(script, "N_STEPS", 20)
    x, act = script.make_inputs()[1] / 15, "tanh" if tanh else "relu"
    y = script.series(15 * x)
    with tf.Graph().as_default(), tf.Session() as sess:
        tf.set_random_seed(2)
        loss = script.compute_loss(script.predict(tf.constant(x, tf.float32), cell, 2, tanh), y)
        variables = {v.op.name: v for v in tf.trainable_variables()}
        gradients = dict(zip(variables, tf.gradients(loss, list(variables.values()))))
        sess.run(tf.global_variables_initializer())
        weights = {name: w.astype(np.float64) for name, w in sess.run(variables).items()}
        found_loss, found = sess.run([loss, gradients])
    state, outputs, tapes = (np.zeros([1, 100]),) * (1 if cell == "gru" else 2), x, []
    for n_inputs, layer in zip((1, 100), by_layer(cell, weights)):
        assert {name: w.shape for name, w in layer.items()} == oracles.shapes(cell, n_inputs, 100)
        outputs, _, tape = oracles.forward(cell, layer, outputs, state, act)
        tapes.append(tape)
    error = outputs @ weights["dense/kernel"] + weights["dense/bias"] - y
    assert found_loss == pytest.approx(np.mean(error ** 2), rel=1e-5)
    d_outputs = 2 / error.size * error @ weights["dense/kernel"].T
    for layer, tape, ours in list(zip(by_layer(cell, weights), tapes, by_layer(cell, found)))[::-1]:
        theirs, d_outputs, _ = oracles.backward(cell, layer, tape, d_outputs, state, act)
        for name, gradient in theirs.items():
            assert gradient.any(), f"nothing to compare in {name}"
            np.testing.assert_allclose(ours[name], gradient, rtol=1e-3, atol=1e-4 * np.abs(gradient).max())


def test_results_are_those_of_the_saved_weights_and_tanh_does_not_go_on_from_relu(tmp_path):
    result = script.train("gru", 3, xla=False, n_layers=1, checkpoint=str(tmp_path))
    w, mse = stored(tmp_path), []
    for t in script.make_inputs():
        outputs, _, _ = oracles.forward("gru", by_layer("gru", w)[0], t, (np.zeros([1, 100]),), "relu")
        mse.append(np.mean((outputs @ w["dense/kernel"] + w["dense/bias"] - script.series(t)) ** 2))
    assert [result["train_mse"], result["mse"]] == pytest.approx(mse, rel=1e-4)
    assert result["lowest"] == min([*result["losses"], result["train_mse"]])
    with pytest.raises(SystemExit, match="expected a checkpoint of this script"):
        script.train("gru", 6, xla=False, n_layers=1, tanh=True, checkpoint=str(tmp_path))


@pytest.mark.long
@pytest.mark.parametrize("cell", script.CELLS)
def test_every_cell_learns_with_tanh_and_a_usual_learning_rate(cell, monkeypatch):
    monkeypatch.setattr(script, "N_STEPS", 30)
    result = script.train(cell, 200, n_layers=1, tanh=True)
    constant = np.var(script.series(script.make_inputs()[0]))  # the MSE of the best constant
    assert result["losses"][0] > 0.9 * constant and result["train_mse"] < 0.8 * constant
