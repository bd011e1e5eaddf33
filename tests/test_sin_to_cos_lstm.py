"""sin_to_cos_lstm.py: windows join, cost and state are those of the equations, the state makes it learn."""
import numpy as np
import oracles
import pytest
import tensorflow.compat.v1 as tf

import sin_to_cos_lstm as script


def test_windows_join_row_by_row_and_49_of_50_rows_come_again():
    for i in (0, 1, 7):
        (x, y, t), (x_next, _, t_next) = script.make_batch(i), script.make_batch(i + 1)
        assert x.shape == y.shape == (50, 20, 1) and t.shape == (50, 20)
        np.testing.assert_allclose(t_next[:, 0] - t[:, -1], 1 / (10 * np.pi), rtol=1e-9)
        np.testing.assert_array_equal(x_next[:-1], x[1:])
        np.testing.assert_array_equal([x[:, :, 0], y[:, :, 0]], [np.sin(t), np.cos(t)])


def test_cost_and_final_state_are_those_of_the_equations():
    random = np.random.RandomState(3)
    x, y, state = random.randn(3, 20, 1), random.randn(3, 20, 1), random.randn(2, 3, 10)
    with tf.Graph().as_default(), tf.Session() as sess:
        tf.set_random_seed(1)
        prediction, final_state = script.predict(tf.constant(x, tf.float32), tf.constant(state, tf.float32))
        cost = script.compute_cost(prediction, y)
        sess.run(tf.global_variables_initializer())
        w, cost, final_state = sess.run([{v.op.name: v for v in tf.trainable_variables()}, cost, final_state])
    lstm = {name: w[f"LSTM_cell/rnn/basic_lstm_cell/{name}"].astype(float) for name in ("kernel", "bias")}
    inputs = x @ w["in_hidden/weights"] + w["in_hidden/biases"]
    outputs, expected, _ = oracles.forward("lstm", lstm, inputs, tuple(state))
    error = outputs @ w["out_hidden/weights"] + w["out_hidden/biases"] - y
    np.testing.assert_allclose(cost, np.sum(error ** 2) / 3, rtol=1e-4)  # per window of 20 steps
    np.testing.assert_allclose(final_state, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.long
def test_the_state_makes_it_learn():
    stateful, stateless = script.train(), script.train(stateless=True)
    assert stateful[0] == stateless[0] > 5  # the first window starts with zeros in both
    assert np.mean(stateful[-20:]) < 1 < 1.3 < np.mean(stateless[-20:])


def test_main_returns_the_costs_and_their_mean():
    results = script.main(["--iterations", "30", "--no-plot", "--no-xla"])
    assert len(results["costs"]) == 30 and results["mean_cost"] == np.mean(results["costs"][10:])
