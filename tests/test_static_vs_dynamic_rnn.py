import os
import signal
import types

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

import static_vs_dynamic_rnn as script

FEW = ["--steps", "2", "--iterations", "3"]


def numpy_rnn(x, y, kernel, bias):
    """Outputs, and the gradients of the mean squared error by kernel and bias, by backpropagation through time."""
    batch, n_steps, n_inputs = x.shape
    h = [np.zeros([batch, len(bias)])]
    for t in range(n_steps):
        h.append(np.tanh(np.concatenate([x[:, t], h[-1]], axis=1).dot(kernel) + bias))
    outputs = np.stack(h[1:], axis=1)
    d_kernel, d_bias, d_h = np.zeros_like(kernel), np.zeros_like(bias), np.zeros_like(h[0])
    for t in reversed(range(n_steps)):
        d_h[:, :n_inputs] += 2 * (outputs[:, t, :n_inputs] - y[:, t]) / y.size
        d_sum = d_h * (1 - outputs[:, t] ** 2)
        d_kernel += np.concatenate([x[:, t], h[t]], axis=1).T.dot(d_sum)
        d_bias += d_sum.sum(axis=0)
        d_h = d_sum.dot(kernel[n_inputs:].T)
    return outputs, d_kernel, d_bias


@pytest.mark.parametrize("way", list(script.WAYS))
def test_every_way_is_the_recurrence_in_numpy(way):
    x_batch, y_batch = script.make_batch(7, seed=1)
    with tf.Graph().as_default(), tf.Session() as sess:
        tf.set_random_seed(0)
        x, y = tf.constant(x_batch, tf.float32), tf.constant(y_batch, tf.float32)
        outputs = script.WAYS[way](x, script.N_UNITS)
        kernel, bias = tf.trainable_variables()
        assert [kernel.op.name, bias.op.name] == ["rnn/basic_rnn_cell/kernel", "rnn/basic_rnn_cell/bias"]
        sess.run(tf.global_variables_initializer())
        sess.run(bias.assign([0.1, -0.2, 0.3, 0, 0.5]))
        fetched = sess.run([outputs, *tf.gradients(script.compute_loss(outputs, y), [kernel, bias])])
        expected = numpy_rnn(x_batch, y_batch, *(v.astype(float) for v in sess.run([kernel, bias])))
    assert np.abs(expected[0]).max() > 0.5 and np.abs(expected[1]).max() > 0.01
    for value, right in zip(fetched, expected):
        np.testing.assert_allclose(value, right, rtol=0, atol=1e-6)


def test_in_one_graph_all_ways_agree_on_the_same_two_variables():
    names, results = script.compare(seed=3)
    assert names == ["rnn/basic_rnn_cell/kernel", "rnn/basic_rnn_cell/bias"]
    for way in ("static_rnn", "dynamic_rnn"):
        for value, right in zip(results[way], results["by_hand"]):
            assert np.abs(right).max() > 1e-3
            np.testing.assert_allclose(value, right, rtol=0, atol=1e-6)


def test_only_dynamic_rnn_stays_flat_in_nodes():
    nodes = {way: [script.train(1, way=way, n_steps=n)["nodes"] for n in (2, 12, 22)] for way in script.WAYS}
    for way in ("dynamic_rnn", "swap_memory"):
        assert len(set(nodes[way])) == 1
    for way in ("by_hand", "static_rnn"):
        two, twelve, twenty_two = nodes[way]
        assert twenty_two - twelve == twelve - two > 100  # so many nodes for ten more steps
    assert nodes["static_rnn"][0] < nodes["dynamic_rnn"][0] < nodes["static_rnn"][2]


def test_all_ways_learn_the_same_and_need_the_recurrence():
    losses = {}

    def losses_of(way, **kwargs):
        losses[way] = []
        script.train(120, way=way, n_steps=6, on_step=lambda i, loss: losses[way].append(loss), **kwargs)
        return losses[way]

    expected = losses_of("by_hand")
    for way in ("static_rnn", "dynamic_rnn", "swap_memory"):
        np.testing.assert_allclose(losses_of(way), expected, rtol=0, atol=1e-4)
    if script.XLA:
        np.testing.assert_allclose(losses_of("dynamic_rnn", xla=True), expected, rtol=0, atol=1e-4)
    x, y = script.make_batch(6)
    ones = np.concatenate([x, np.ones_like(x[:, :, :1])], axis=2).reshape(-1, 4)  # the best that no memory can do:
    residuals = ones.dot(np.linalg.lstsq(ones, y.reshape(-1, 3), rcond=None)[0]) - y.reshape(-1, 3)
    assert expected[-1] < np.mean(residuals ** 2) / 2


def test_a_second_loop_without_reuse_is_refused():
    with tf.Graph().as_default():
        x = tf.zeros([4, 2, 3])
        script.by_hand(x, 5)
        with pytest.raises(ValueError, match="already exists"):
            script.by_hand(x, 5)


def test_the_target_is_half_the_input_of_the_step_before():
    x, y = script.make_batch(3)
    assert x.shape == y.shape == (script.BATCH_SIZE, 3, script.N_INPUTS)
    np.testing.assert_array_equal(y[:, 1:], x[:, :2] / 2)
    assert not y[:, 0].any()


def test_the_table_has_a_row_for_each_length_and_way(capsys, monkeypatch):
    monkeypatch.setattr(script, "STATIC_XLA", 2)
    result = script.main(["--steps", "3", "2", "3", "--iterations", "1", "--no-plot"])
    lengths = {label: [row["n_steps"] for row in rows] for label, rows in result["table"].items()}
    assert lengths == dict({way: [2, 3] for way in script.WAYS},
                           **({"static_rnn, XLA": [2], "dynamic_rnn, XLA": [2, 3]} if script.XLA else {}))
    assert max(max(values) for values in result["differences"].values()) <= 1e-6
    shown = capsys.readouterr().out
    row = result["table"]["dynamic_rnn"][1]
    expected = ["3", "dynamic_rnn", str(row["nodes"]), str(row["bytes"]), f"{row['loss']:.4f}"]
    assert expected in [line.split()[:5] for line in shown.splitlines()]
    if script.XLA:  # which puts its own nodes around the step
        assert row["nodes"] < result["table"]["dynamic_rnn, XLA"][1]["nodes"]
    losses = [rows[0]["loss"] for rows in result["table"].values()]
    np.testing.assert_allclose(losses, losses[0], rtol=0, atol=1e-6)


def test_each_seed_draws_data_and_weights_of_its_own(monkeypatch):
    assert np.abs(script.make_batch(3, seed=1)[0] - script.make_batch(3, seed=2)[0]).max() > 0.1
    monkeypatch.setattr(script, "make_batch", lambda n_steps, seed: np.ones([2, 4, n_steps, 3]))
    first, again, other = (script.train(1, seed, n_steps=2)["loss"] for seed in (1, 1, 2))
    assert first == again != other


def test_the_loss_is_that_of_the_last_iteration_and_the_times_are_told_apart(monkeypatch):
    clock, losses = iter([0, 7, 10, 15, 20, 21, 30, 32]), []
    monkeypatch.setattr(script, "time", types.SimpleNamespace(perf_counter=lambda: next(clock)))
    row = script.train(3, n_steps=2, on_step=lambda i, loss: losses.append(loss))
    assert len(losses) == 3 and row["loss"] == losses[-1] < losses[0]
    assert [row[key] for key in ("build", "first", "each")] == [7, 5, 1.5]


def test_what_is_printed_and_drawn_stands_in_its_column_and_its_panel(monkeypatch, capsys, pictures):
    def train(iterations, seed, xla, way, n_steps, n_units, logdir):
        return {"n_steps": n_steps, "nodes": 10 * n_steps, "bytes": 100 * n_steps, "loss": 0.5, "build": 2 * n_steps,
                "first": 3 * n_steps, "each": 4 * n_steps}

    compared = {"by_hand": [0, 0, 0], "static_rnn": [1, 2, 3], "dynamic_rnn": [1.5, 4, 2.5]}
    monkeypatch.setattr(script, "compare", lambda seed: (["kernel", "bias"], dict(compared)))
    monkeypatch.setattr(script, "train", train)
    figures = pictures(script)
    script.main(["--steps", "2", "3", "--no-xla", "--no-plot"])
    lines = capsys.readouterr().out.splitlines()
    assert lines[2] == "dynamic_rnn differs from by_hand by 1.5e+00 in its outputs, 4.0e+00 in its gradients"
    assert lines[-1].split() == ["3", "swap_memory", "30", "300", "0.5000", "6.00", "s", "9.00", "s", "12000.00", "ms"]
    size, clock = figures[0].axes
    for axes, solid, dashed in ((size, [20, 30], [200, 300]), (clock, [4, 6], [8, 12])):
        assert len(axes.lines) == 8
        for line in axes.lines:
            np.testing.assert_array_equal(line.get_data(), [[2, 3], solid if line.get_linestyle() == "-" else dashed])


def test_logdir_gets_one_graph_for_each_way(tmp_path):
    result = script.main(["--steps", "5", "2", "--iterations", "1", "--no-plot", "--no-xla", "--logdir", str(tmp_path)])
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(script.WAYS)
    for way in script.WAYS:
        path, = (tmp_path / way).iterdir()
        graph = tf.GraphDef.FromString([e.graph_def for e in tf.train.summary_iterator(str(path)) if e.graph_def][0])
        assert len(graph.node) == result["table"][way][0]["nodes"]
        assert any(node.attr["swap_memory"].b for node in graph.node) == (way == "swap_memory")


def test_ctrl_c_ends_the_table_after_the_row_it_is_at(monkeypatch):
    train = script.train

    def press(*args):
        os.kill(os.getpid(), signal.SIGINT)
        return train(*args)

    monkeypatch.setattr(script, "train", press)
    result = script.main(["--steps", "2", "--iterations", "2", "--no-plot"])
    assert [len(rows) for rows in result["table"].values()] == [1] + [0] * (len(result["table"]) - 1)


@pytest.mark.parametrize("wrong", ["--steps 0", "--steps 2 x", "--steps 99999", "--units 0", "--logdir nowhere/deep"])
def test_wrong_flags_are_one_line_and_status_2(wrong, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as ended:
        script.main(wrong.split())
    assert ended.value.code == 2
    shown = capsys.readouterr()
    assert not shown.out and len(shown.err.splitlines()) == 1 and wrong.split()[-1] in shown.err
    assert not list(tmp_path.iterdir())


def test_a_loss_that_is_not_finite_stops_the_run(monkeypatch):
    monkeypatch.setattr(script, "LEARNING_RATE", float("nan"))
    with pytest.raises(SystemExit, match="the loss is nan at iteration 1: training stopped"):
        script.train(5, n_steps=2)
