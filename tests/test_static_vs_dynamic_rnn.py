"""static_vs_dynamic_rnn.py: three ways with one result, and only one graph that does not grow."""
import numpy as np
import oracles
import pytest
import tensorflow.compat.v1 as tf

import static_vs_dynamic_rnn as script

SMALL_FLAGS = ["--steps", "2"]
FEW = [*SMALL_FLAGS, "--iterations", "3"]


@pytest.mark.parametrize("way", list(script.WAYS))
def test_every_way_is_the_recurrence_forward_and_backward(way):
    x, y = script.make_batch(7, seed=1)
    np.testing.assert_array_equal(y[:, 1:], x[:, :-1] / 2)
    assert not np.array_equal(x, script.make_batch(7, seed=2)[0])
    with tf.Graph().as_default(), tf.Session() as sess:
        outputs = script.WAYS[way](tf.constant(x, tf.float32), script.N_UNITS)
        kernel, bias = tf.trainable_variables()
        assert [v.op.name for v in (kernel, bias)] == ["rnn/basic_rnn_cell/kernel", "rnn/basic_rnn_cell/bias"]
        sess.run(tf.global_variables_initializer())
        sess.run(bias.assign([0.1, -0.2, 0.3, 0, 0.5]))
        loss = script.compute_loss(outputs, tf.constant(y, tf.float32))
        found = sess.run([outputs, *tf.gradients(loss, [kernel, bias])])
        weights = {"kernel": sess.run(kernel).astype(float), "bias": sess.run(bias).astype(float)}
    zeros = np.zeros([len(x), script.N_UNITS])
    expected, _, tape = oracles.forward("rnn", weights, x, (zeros,))
    d_outputs = np.zeros_like(expected)
    d_outputs[:, :, :3] = 2 * (expected[:, :, :3] - y) / y.size
    gradients, _, _ = oracles.backward("rnn", weights, tape, d_outputs, (zeros,))
    for value, right in zip(found, [expected, gradients["kernel"], gradients["bias"]]):
        np.testing.assert_allclose(value, right, rtol=0, atol=1e-6)


@pytest.mark.long
def test_only_the_graph_of_dynamic_rnn_does_not_grow_and_all_ways_learn_the_same():
    for way in script.WAYS:
        two, twelve, more = (script.train(1, way=way, n_steps=n)["nodes"] for n in (2, 12, 22))
        assert twelve - two == more - twelve == 0 if way == "dynamic_rnn" else twelve - two == more - twelve > 100
    losses = [script.train(120, way=way, n_steps=6)["loss"] for way in script.WAYS]
    np.testing.assert_allclose(losses, losses[0], rtol=0, atol=1e-4)
    assert losses[0] < 0.1  # the answer 0 gets 0.21, and without memory nothing gets much below


def test_main_compares_all_ways_on_the_notes_batch_and_measures_each_length_once(monkeypatch):
    rows, row = [], dict.fromkeys(["n_steps", "nodes", "bytes", "loss", "build", "first", "each"], 1)
    monkeypatch.setattr(script, "XLA", True)
    monkeypatch.setattr(script, "train", lambda i, seed, xla, way, n, units: rows.append((n, way, xla)) or row)
    results = script.main(["--steps", "100", "2", "100", "--no-plot"])
    assert max(results["differences"].values()) < 1e-4
    plain, loop = [(way, False) for way in script.WAYS], ("dynamic_rnn", True)
    assert rows == [(2, *way) for way in (*plain, ("static_rnn", True), loop)] + [(100, *way) for way in (*plain, loop)]
