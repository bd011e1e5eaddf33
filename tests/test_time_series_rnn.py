"""time_series_rnn.py: its data, the network against NumPy, and forecasts that beat the last value."""
import numpy as np
import oracles
import pytest
import tensorflow.compat.v1 as tf

import time_series_rnn as script


def weights(which="trainable_variables"):
    """Returns the weights of this moment by name; for on_step, where a session is open."""
    return {v.op.name: tf.get_default_session().run(v) for v in getattr(tf, which)()}


def numpy_predict(x, w):
    """(batch, time, 1) -> (batch, time, 1)"""
    cell = {name: w[f"rnn/basic_rnn_cell/{name}"] for name in ("kernel", "bias")}
    outputs, _, _ = oracles.forward("rnn", cell, x, (np.zeros([len(x), len(cell["bias"])]),), "relu")
    return outputs @ w["dense/kernel"] + w["dense/bias"]


def test_windows_of_values_are_shifted_by_one_and_never_reach_the_test_points():
    batches = np.array([script.make_batch(i, "values") for i in range(200)])  # (i, x or y, batch, time, 1)
    assert batches.shape == (200, 2, 50, 20, 1) and (batches[:, 0, :, 1:] == batches[:, 1, :, :-1]).all()
    assert len(np.unique(batches[:, 0, :, 0])) == 200 * 50
    np.testing.assert_allclose(script.make_batch(0, "times")[0][0, :, 0], np.arange(100) * 0.15)
    np.testing.assert_allclose(script.make_test("times")[1][0, :, 0], np.arange(1, 101) * 0.15)
    t, x_test = script.make_test("values")
    assert np.abs(batches).max() < 9.9 < np.abs(script.series(t)).max() and len(t) == 60  # it grows with t
    np.testing.assert_allclose(x_test[:, -1, 0], script.series(t - 0.1))


@pytest.mark.parametrize("inputs, points", [("times", np.s_[0, :, 0]), ("values", np.s_[:, -1, 0])])
def test_losses_and_predictions_are_those_of_the_equations(inputs, points):
    seen = []
    losses, _ = script.train(2, 0, False, inputs, on_step=lambda i, _, test: seen.append((test(), weights(), test())))
    for prediction, w, again in seen:
        expected = numpy_predict(script.make_test(inputs)[1], w)[points]
        np.testing.assert_allclose(prediction, expected, rtol=1e-4, atol=1e-5)
        np.testing.assert_array_equal(prediction, again)  # to predict is not to train
    x, y = script.make_batch(1, inputs)
    assert losses[1] == pytest.approx(np.mean((numpy_predict(x, seen[0][1]) - y) ** 2), rel=1e-4)


@pytest.mark.parametrize("inputs, step", [("times", 0.15), ("values", 0.1)])
def test_main_compares_the_prediction_and_the_point_before_with_the_truth(inputs, step, monkeypatch):
    t = script.make_test(inputs)[0]
    truth, before = script.series(t), script.series(t - step)
    monkeypatch.setattr(script, "train", lambda *_: ([3.0, 1.0, 2.0], truth + 0.5))
    results = script.main(["--inputs", inputs, "--no-plot"])
    other = np.mean((before - truth - 0.5 * (inputs == "times")) ** 2)
    assert [results["smallest_loss"], results["mse"], results["other_mse"]] == pytest.approx([1, 0.25, other])


@pytest.mark.long
def test_forecasts_beat_the_last_value():
    results = script.main(["--inputs", "values", "--iterations", "250", "--no-plot"])
    assert 5 * results["mse"] < results["other_mse"] < 0.9
