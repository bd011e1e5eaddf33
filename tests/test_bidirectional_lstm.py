import numpy as np
import pytest
import tensorflow.compat.v1 as tf

import bidirectional_lstm as script

FEW = ["--iterations", "3", "--no-xla"]  # XLA takes longer to compile these networks than to train them


def numpy_lstm(x, kernel, bias):
    """(batch, time, input) -> outputs (batch, time, unit) and the final c and h, by the equations of an LSTM."""
    def sigmoid(z):
        return 1 / (1 + np.exp(-z))

    c = h = np.zeros([len(x), len(bias) // 4])
    outputs = []
    for t in range(x.shape[1]):
        i, j, f, o = np.split(np.concatenate([x[:, t], h], axis=1).dot(kernel) + bias, 4, axis=1)
        c = sigmoid(f + 1) * c + sigmoid(i) * np.tanh(j)
        h = sigmoid(o) * np.tanh(c)
        outputs.append(h)
    return np.stack(outputs, axis=1), c, h


def test_the_notes_shapes():
    layers = script.describe()
    assert [rows["output_size"] for rows in layers.values()] == [[128], [512], [128, 128], [128, 120]]
    one, stacked, _, both = layers.values()
    assert one["state_size"] == [(128, 128)]
    assert one["outputs"] == [(32, 40, 128)] and one["final state"] == [((32, 128), (32, 128))]
    assert stacked["state_size"] == [(128, 128), (256, 256), (512, 512)] and stacked["outputs"] == [(32, 40, 512)]
    assert stacked["final state"] == [((32, n), (32, n)) for n in (128, 256, 512)]
    assert both["outputs"] == [(32, 40, 128), (32, 40, 120)]
    assert both["final state"] == [((32, 128), (32, 128)), ((32, 120), (32, 120))]
    joined, = both["both states joined"]
    assert isinstance(joined, tf.nn.rnn_cell.LSTMStateTuple) and joined.c == joined.h == (32, 248)


def test_both_directions_are_two_lstms_of_which_one_reads_backward():
    x = np.random.RandomState(0).normal(size=[3, script.N_STEPS, 1])
    with tf.Graph().as_default(), tf.Session() as sess:
        tf.set_random_seed(0)
        outputs, states = script.add_bidirectional(tf.constant(x, tf.float32))
        joined, read = script.join(states), script.readings(outputs, states)
        sess.run(tf.global_variables_initializer())
        weights = {v.op.name: value for v, value in zip(tf.global_variables(), sess.run(tf.global_variables()))}
        (forward, backward), states, joined, read = sess.run([outputs, states, joined, read])
    one, other = ([weights[f"bidirectional_rnn/{way}/basic_lstm_cell/{name}"] for name in ("kernel", "bias")]
                  for way in ("fw", "bw"))
    assert len(weights) == 4
    expected, c, h = numpy_lstm(x, *one)
    np.testing.assert_allclose(forward, expected, atol=1e-5)
    expected, c_back, h_back = numpy_lstm(x[:, ::-1], *other)
    np.testing.assert_allclose(backward, expected[:, ::-1], atol=1e-5)
    np.testing.assert_allclose(joined.c, np.concatenate([c, c_back], axis=1), atol=1e-5)
    np.testing.assert_allclose(joined.h, np.concatenate([h, h_back], axis=1), atol=1e-5)
    np.testing.assert_array_equal(backward[:, 0], states[1].h)  # the backward half ends at the first step
    assert np.abs(backward[:, -1] - states[1].h).max() > 0.01
    expected = backward[:, -1], np.concatenate([forward[:, -1], backward[:, -1]], axis=1), joined.h
    for name, value in zip(script.READINGS, expected):
        np.testing.assert_array_equal(read[name], value)


@pytest.mark.parametrize("ahead", [-3, 0, 3])
def test_the_target_lies_ahead(ahead):
    x, y = script.make_batch(5, seed=1, ahead=ahead)
    assert x.shape == (script.BATCH_SIZE, script.N_STEPS, 1) and y.shape[1] == script.N_STEPS - abs(ahead)
    first = max(0, -ahead)
    for n in range(y.shape[1]):  # answer n belongs to step first + n
        np.testing.assert_array_equal(y[:, n], x[:, first + n + ahead])
    np.testing.assert_array_equal(x, script.make_batch(5, seed=1, ahead=ahead)[0])
    assert np.abs(x - script.make_batch(6, seed=1)[0]).max() > 1 < np.abs(x - script.make_batch(5, seed=2)[0]).max()


@pytest.mark.parametrize("ahead", [3, -3])
def test_predictions_stand_at_the_steps_of_their_targets(ahead):
    x_batch, y_batch = script.make_batch(0, ahead=ahead)
    with tf.Graph().as_default(), tf.Session() as sess:
        tf.set_random_seed(0)
        x, y = tf.constant(x_batch, tf.float32), tf.constant(y_batch, tf.float32)
        _, _, forward, both = script.training_step(x, y, ahead)
        sess.run(tf.global_variables_initializer())
        by_forward, by_both = sess.run([tf.gradients(prediction[:, 5], x)[0] for prediction in (forward, both)])
    step = 5 + max(0, -ahead)
    assert np.any(by_forward[:, step]) and not by_forward[:, step + 1:].any()  # nothing of the future
    assert np.any(by_both[:, :step]) and np.any(by_both[:, step + 1:])


def test_the_future_needs_both_directions_and_a_classifier_the_two_final_states():
    losses, accuracies = script.train(120, ahead=2)
    forward, both, variance = np.mean(losses[-20:], axis=0)
    assert forward > 0.98 * variance and abs(variance - 1) < 0.05
    assert losses[-1][2] == np.mean(script.make_batch(119, ahead=2)[1] ** 2)
    assert both < 0.1 * variance
    half, outputs, states = np.mean(accuracies[-40:], axis=0)
    assert abs(half - 0.5) < 0.06  # 1280 examples: chance is 0.5 +- 0.014
    assert outputs < 0.7 and states > 0.9


def test_weights_are_the_seed_s(monkeypatch):
    batch = script.make_batch(0)
    monkeypatch.setattr(script, "make_batch", lambda *args: batch)
    monkeypatch.setattr(script, "classifying_step", lambda x: [tf.zeros([]), tf.zeros([3])])
    (one, _), (other, _) = (script.train(1, seed, xla=False) for seed in (1, 2))
    assert np.abs(np.subtract(one, other))[0, :2].min() > 1e-4


def test_one_step_reaches_the_backward_half_of_the_last_outputs():
    assert script.count_steps() == {"backward half of outputs[:, -1]": 1, "outputs[:, -1]": script.N_STEPS,
                                    "the two final states": script.N_STEPS}


def test_the_two_networks_share_no_variable():
    with tf.Graph().as_default():
        x, y = (tf.constant(batch, tf.float32) for batch in script.make_batch(0))
        script.training_step(x, y, script.AHEAD)
        names = [v.op.name for v in tf.trainable_variables()]
        shapes = {v.op.name: v.shape.as_list() for v in tf.trainable_variables()}
    assert shapes["forward_only/weights"] == shapes["bidirectional/weights"] == [64, 1]  # as many units in both
    assert names == ["forward_only/rnn/basic_lstm_cell/kernel", "forward_only/rnn/basic_lstm_cell/bias",
                     "bidirectional/bidirectional_rnn/fw/basic_lstm_cell/kernel",
                     "bidirectional/bidirectional_rnn/fw/basic_lstm_cell/bias",
                     "bidirectional/bidirectional_rnn/bw/basic_lstm_cell/kernel",
                     "bidirectional/bidirectional_rnn/bw/basic_lstm_cell/bias",
                     "forward_only/weights", "forward_only/biases", "bidirectional/weights", "bidirectional/biases"]


def test_the_results_are_means_of_the_last_20_and_printed(capsys, monkeypatch):
    losses = [[9.0, 9.0, 9.0]] * 5 + [[1.5, 0.25, 1.0], [0.5, 0.75, 1.5]] * 10
    accuracies = [[9.0, 9.0, 9.0]] * 5 + [[0.5, 0.5, 1.0], [1.0, 0.25, 1.0]] * 10
    monkeypatch.setattr(script, "train", lambda *args: (losses, accuracies))
    monkeypatch.setattr(script, "live", lambda *args, **options: lambda end=False: None)
    result = script.main(["--ahead", "-1"])
    assert [result[key] for key in ("forward only", "bidirectional", "variance")] == [1.0, 0.5, 1.25]
    assert list(result["accuracies"].values()) == [0.75, 0.375, 1.0]
    shown = capsys.readouterr().out
    assert "both states joined  LSTMStateTuple(c=(32, 248), h=(32, 248))" in shown and "y_t = x_(t-1)" in shown
    assert "variance of y   1.2500" in shown and "forward only    1.0000\n    bidirectional   0.5000" in shown
    assert ["outputs[:,", "-1]", "40", "of", "40", "0.375"] in [line.split() for line in shown.splitlines()]


def test_what_is_drawn_stands_at_its_steps_and_under_its_name(monkeypatch, capsys, pictures):
    _, y = script.make_batch(0, ahead=-2)

    def train(iterations, seed, xla, ahead, on_step):
        for i in range(60):
            on_step(i, [i + 1.0, i + 2.0, i + 3.0], y, [y + 1, y + 2])
        return [[1.0, 1.0, 1.0]], [[1.0, 1.0, 1.0]]

    monkeypatch.setattr(script, "train", train)
    monkeypatch.setattr(script, "describe", dict)
    figures = pictures(script)
    script.main(["--ahead", "-2", "--no-plot"])
    assert "\n50\tforward only: 51.0000\tbidirectional: 52.0000\n" in capsys.readouterr().out
    loss, *panels = figures[0].axes
    assert [curve.get_label() for curve in loss.lines] == ["forward only", "bidirectional", "variance of y"]
    for n, curve in enumerate(loss.lines):
        np.testing.assert_array_equal(curve.get_data(), [range(60), np.arange(n + 1, n + 61)])
    for n, panel in enumerate(panels):
        assert panel.get_title() == ["forward only", "bidirectional"][n]
        target, prediction = panel.lines
        np.testing.assert_array_equal(target.get_data(), [range(2, 40), y[0, :, 0]])
        np.testing.assert_allclose(prediction.get_data(), [range(2, 40), y[0, :, 0] + n + 1])


def test_a_loss_that_is_not_finite_stops_the_run(monkeypatch):
    monkeypatch.setattr(script, "LEARNING_RATE", float("nan"))
    with pytest.raises(SystemExit, match="at iteration 1: training stopped"):
        script.train(5, xla=False)
