"""deep_rnn.py: the stack is that of the equations, and dropout acts in training only."""
import numpy as np
import oracles
import pytest
from conftest import long, stored

import deep_rnn as script

SHRUNK = {"N_LAYERS": 2, "N_UNITS": 8}


def numpy_predict(w, x):
    """(batch, time, 1) -> (batch, time, 1)"""
    for n in range(2):
        cell = {name: w[f"rnn/multi_rnn_cell/cell_{n}/basic_rnn_cell/{name}"] for name in ("kernel", "bias")}
        x, _, _ = oracles.forward("rnn", cell, x, (np.zeros([1, 100]),), "relu")
    return x @ w["dense/kernel"] + w["dense/bias"]


def test_loss_and_prediction_are_those_of_the_equations_each_at_its_points(tmp_path, monkeypatch):
    monkeypatch.setattr(script, "N_LAYERS", 2)
    script.train(1, xla=False, checkpoint=str(tmp_path))
    before, (losses, prediction) = stored(tmp_path), script.train(2, xla=False, checkpoint=str(tmp_path))
    x, x_test = script.make_inputs()
    assert losses == [pytest.approx(np.mean((numpy_predict(before, x) - script.series(x)) ** 2), rel=1e-4)]
    expected = numpy_predict(stored(tmp_path), x_test).flatten()
    np.testing.assert_allclose(prediction, expected, rtol=1e-3, atol=1e-5)


@pytest.mark.long
def test_it_learns(monkeypatch):
    monkeypatch.setattr(script, "N_LAYERS", 3)
    monkeypatch.setattr(script, "LEARNING_RATE", 0.0003)
    losses, _ = script.train(200)
    constant = np.var(script.series(script.make_inputs()[0]))  # the MSE of the best constant
    assert np.median(losses[-20:]) < 0.9 * constant


@pytest.mark.parametrize("xla", [False] + [long(True)] * script.XLA)
def test_each_training_step_draws_masks_and_predictions_have_none(xla, monkeypatch):
    for name, value in {"LEARNING_RATE": 0.0, "REPORT_EVERY": 1, "N_LAYERS": 3, "N_UNITS": 20}.items():
        monkeypatch.setattr(script, name, value)
    seen = []
    losses, _ = script.train(4, keep_prob=0.5, xla=xla, on_step=lambda *args: seen.append(args[2]))
    assert len(set(losses)) == 4  # the weights stay as they are: four draws of the masks
    np.testing.assert_array_equal(seen[1:], seen[:-1])


def test_dropout_masks_the_inputs_of_a_layer(monkeypatch):
    monkeypatch.setattr(script, "N_LAYERS", 1)
    monkeypatch.setattr(script, "N_STEPS", 1)  # no state to mask yet
    with script.tf.Graph().as_default(), script.tf.Session() as sess:
        script.tf.set_random_seed(1)
        dropped = script.predict(script.tf.ones([99, 1, 1]), 0.5)
        script.tf.get_variable_scope().reuse_variables()
        expected = script.predict(script.tf.constant([[[0.0]], [[2.0]]]))
        sess.run(script.tf.global_variables_initializer())
        dropped, expected = sess.run([dropped, expected])
    near = np.isclose(dropped.reshape(-1, 1), expected.flatten())  # (99, 2)
    assert near.any(axis=1).all() and near.any(axis=0).all()
