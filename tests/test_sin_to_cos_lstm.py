"""sin_to_cos_lstm.py: its windows join, its LSTM is the equations' LSTM, and its memory is what makes it learn."""
import json
import os
import signal
import subprocess
import sys

import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from conftest import ROOT

import sin_to_cos_lstm as script

FEW = ["--iterations", "3"]
WIDTH = script.N_UNITS

# what a checkpoint's reader does, on either TensorFlow: builds the graph, then saves after three steps or restores
EXCHANGE = """
import json, sys
import numpy as np
import sin_to_cos_lstm as script
from sin_to_cos_lstm import tf
action, path = sys.argv[1:]
x, y, _ = script.make_batch(0)
zeros = np.zeros([script.BATCH_SIZE, script.N_UNITS], np.float32)
with tf.Graph().as_default(), tf.Session() as sess:
    tf.set_random_seed(5)
    step = script.training_step(tf.constant(x, tf.float32), tf.constant(y, tf.float32), zeros, zeros)
    saver = tf.train.Saver()
    sess.run(tf.global_variables_initializer())
    if action == "save":
        for _ in range(3):
            sess.run(step)
        saver.save(sess, path)
    else:
        saver.restore(sess, path)
    print(json.dumps([float(v) for v in np.ravel(sess.run(step[1]))]))
"""


def numpy_forward(weights, x, y, c, h):
    """The whole model in float64 from its equations; returns the cost, the predictions and the final state."""
    sigmoid = lambda a: 1 / (1 + np.exp(-a))  # noqa: E731
    w_in, b_in, kernel, bias, w_out, b_out = weights
    predictions = []
    for t in range(x.shape[1]):
        inputs = x[:, t] @ w_in + b_in
        i, j, f, o = np.split(np.concatenate([inputs, h], axis=1) @ kernel + bias, 4, axis=1)
        c = sigmoid(f + 1) * c + sigmoid(i) * np.tanh(j)
        h = sigmoid(o) * np.tanh(c)
        predictions.append(h @ w_out + b_out)
    prediction = np.stack(predictions, axis=1)
    return np.sum((prediction - y) ** 2) / len(x), prediction, c, h


def numeric_gradient(cost, weights, epsilon=1e-5):
    """Central differences of cost(weights), for each number of each array."""
    gradients = [np.zeros_like(w) for w in weights]
    for w, g in zip(weights, gradients):
        for index in np.ndindex(*w.shape):
            kept = w[index]
            w[index] = kept + epsilon
            above = cost(weights)
            w[index] = kept - epsilon
            g[index] = (above - cost(weights)) / (2 * epsilon)
            w[index] = kept
    return gradients


def test_windows_join_row_by_row():
    for i in (0, 1, 7):
        (x, y, t), (_, _, t_next) = script.make_batch(i), script.make_batch(i + 1)
        assert x.shape == y.shape == (50, 20, 1) and t.shape == (50, 20)
        np.testing.assert_allclose(t_next[:, 0] - t[:, -1], 1 / (10 * np.pi), rtol=1e-9)
        np.testing.assert_array_equal(x[:, :, 0], np.sin(t))
        np.testing.assert_array_equal(y[:, :, 0], np.cos(t))


def test_forward_and_gradients_against_numpy_with_the_gradient_ending_at_the_window():
    random = np.random.RandomState(3)
    x, y, x_next, y_next = random.randn(4, 3, script.N_STEPS, 1)
    with tf.Graph().as_default(), tf.Session() as sess:
        tf.set_random_seed(1)
        c, h = tf.placeholder(tf.float32, [None, WIDTH]), tf.placeholder(tf.float32, [None, WIDTH])
        place = tf.placeholder(tf.float32, [None, script.N_STEPS, 1])
        target = tf.placeholder(tf.float32, [None, script.N_STEPS, 1])
        outputs, state = script.add_cell(script.add_input_layer(place), c, h)
        prediction = script.add_output_layer(outputs)
        cost = script.compute_cost(prediction, target)
        gradients = tf.gradients(cost, tf.trainable_variables())
        sess.run(tf.global_variables_initializer())
        weights = [w.astype(np.float64) for w in sess.run(tf.trainable_variables())]
        first = numpy_forward(weights, x, y, *np.zeros([2, 3, WIDTH]))
        ours = sess.run([cost, prediction, state.c, state.h], {place: x, target: y, c: np.zeros([3, WIDTH]),
                                                               h: np.zeros([3, WIDTH])})
        second = sess.run(gradients, {place: x_next, target: y_next, c: ours[2], h: ours[3]})
    for a, b in zip(ours, first):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5)

    fixed = first[2:]  # the state of window one, a constant for window two
    truncated = numeric_gradient(lambda w: numpy_forward(w, x_next, y_next, *fixed)[0], weights)
    full = numeric_gradient(lambda w: numpy_forward(w, x_next, y_next, *numpy_forward(
        w, x, y, *np.zeros([2, 3, WIDTH]))[2:])[0], weights)
    scale = max(np.abs(g).max() for g in truncated)
    for a, b in zip(second, truncated):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5 * scale)
    assert max(np.abs(a - b).max() for a, b in zip(second, full)) > 1e-3 * scale


def test_weights_begin_as_in_the_notes_under_the_notes_names():
    with tf.Graph().as_default(), tf.Session() as sess:
        tf.set_random_seed(0)
        script.training_step(*(tf.zeros(shape) for shape in ([50, 20, 1], [50, 20, 1], [50, 10], [50, 10])))
        shapes = {v.op.name: tuple(v.shape.as_list()) for v in tf.trainable_variables()}
        sess.run(tf.global_variables_initializer())
        biases = sess.run(["in_hidden/biases:0", "out_hidden/biases:0"])
        weights = np.concatenate(sess.run(["in_hidden/weights:0", "out_hidden/weights:0"]), axis=None)
    assert shapes == {"in_hidden/weights": (1, 10), "in_hidden/biases": (10,),
                      "LSTM_cell/rnn/basic_lstm_cell/kernel": (20, 40), "LSTM_cell/rnn/basic_lstm_cell/bias": (40,),
                      "out_hidden/weights": (10, 1), "out_hidden/biases": (1,)}
    assert all((b == np.float32(0.1)).all() for b in biases)
    assert 0.5 < np.std(weights) < 1.5  # 20 numbers from N(0, 1)


@pytest.mark.parametrize("seed", [0, pytest.param(1, marks=pytest.mark.long)])
def test_memory_that_outlives_the_window_is_what_learns(seed):
    stateful, stateless = script.train(seed=seed), script.train(seed=seed, stateless=True)
    assert stateful[0] == stateless[0]  # the first window has no memory in either
    assert abs(stateful[1] - stateless[1]) > 0.01
    assert stateful[0] > 5
    assert np.mean(stateful[-20:]) < 1 < 1.3 < np.mean(stateless[-20:])


def test_what_is_fed_is_the_state_that_came_out(monkeypatch):
    runs = []
    plain = tf.Session.run

    def spy(self, fetches, feed_dict=None, **kwargs):
        result = plain(self, fetches, feed_dict, **kwargs)
        if feed_dict:
            runs.append(({key.op.name: value for key, value in feed_dict.items()}, result))
        return result

    monkeypatch.setattr(tf.Session, "run", spy)
    script.train(iterations=4, xla=False)
    assert len(runs) == 4
    for i, (fed, _) in enumerate(runs):
        np.testing.assert_array_equal([fed["x"], fed["y"]], script.make_batch(i)[:2])
    assert not runs[0][0]["c"].any() and not runs[0][0]["h"].any()
    for (_, (_, _, c, h)), (fed, _) in zip(runs, runs[1:]):
        assert c.any() and (fed["c"] == c).all() and (fed["h"] == h).all()


@pytest.mark.skipif(not script.XLA, reason="TF 1.15 trains on the plain graph")
def test_xla_changes_the_speed_and_not_the_numbers():
    np.testing.assert_allclose(script.train(20, xla=True), script.train(20, xla=False), rtol=1e-4)


def test_checkpoints_go_both_ways(other_python, tmp_path):
    environment = dict(os.environ, PYTHONPATH=str(ROOT))
    predictions = []
    for writer, reader in ((sys.executable, other_python), (other_python, sys.executable)):
        path = str(tmp_path / f"model{len(predictions)}")
        for python, action in ((writer, "save"), (reader, "restore")):
            shown = subprocess.run([python, "-c", EXCHANGE, action, path], env=environment, check=True,
                                   stdout=subprocess.PIPE).stdout
            predictions.append(json.loads(shown.decode().splitlines()[-1]))
    np.testing.assert_allclose(predictions[0], predictions[1], atol=1e-5)
    np.testing.assert_allclose(predictions[2], predictions[3], atol=1e-5)


def test_logdir_holds_the_cost_of_every_window_and_the_graph(tmp_path):
    costs = script.train(iterations=3, logdir=str(tmp_path))
    events = list(tf.train.summary_iterator(str(next(tmp_path.glob("events*")))))
    written = [(event.step, value.simple_value) for event in events for value in event.summary.value]
    np.testing.assert_allclose(written, list(enumerate(costs)), rtol=1e-6)
    assert any(event.graph_def for event in events)


def test_each_seed_draws_weights_of_its_own():
    first, again, other = (script.train(1, seed, xla=False) for seed in (1, 1, 2))
    assert first == again != other


def test_costs_are_printed_and_row_0_of_the_last_20_windows_is_drawn(monkeypatch, capsys, pictures):
    def train(iterations, seed, xla, stateless, logdir, on_step):
        for i in range(45):
            x, y, t = script.make_batch(i)
            on_step(i, 100 + i, t, y, x)  # as if the sine were the prediction
        return list(range(100, 145))

    monkeypatch.setattr(script, "train", train)
    figures = pictures(script)
    script.main(["--no-plot"])
    assert capsys.readouterr().out.splitlines() == ["cost:  100.0000", "cost:  120.0000", "cost:  140.0000",
                                                    "mean cost of the last 20 windows: 134.5000"]
    axes, = figures[0].axes
    t = np.arange(500, 900) / (10 * np.pi)
    for line, wave in zip(axes.lines, (np.cos, np.sin)):
        np.testing.assert_allclose(line.get_data(), [t, wave(t)], atol=1e-9)
    np.testing.assert_allclose(axes.get_xlim(), [t[0], t[0] + 400 / (10 * np.pi)])


def test_a_cost_that_is_not_finite_stops_the_training(monkeypatch):
    monkeypatch.setattr(script, "LEARNING_RATE", 1e30)
    with pytest.raises(SystemExit, match=r"the cost is (nan|inf) at iteration \d+"):
        script.train(iterations=20, xla=False)


@pytest.mark.skipif(os.name == "nt", reason="there is no SIGINT to send on Windows")
def test_ctrl_c_ends_the_training_and_goes_on_to_the_results():
    command = [sys.executable, str(ROOT / "sin_to_cos_lstm.py"), "--iterations", "1000000", "--no-plot"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, bufsize=1)
    try:
        assert process.stdout.readline().startswith("cost:  ")
        process.send_signal(signal.SIGINT)
        rest, errors = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 0 and not errors
    assert rest.splitlines()[-1].startswith("mean cost of the last ")
