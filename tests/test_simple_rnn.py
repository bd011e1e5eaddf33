"""simple_rnn.py: two steps by hand, the worked example to the last digit, one set of weights for all steps."""
import matplotlib.pyplot as plt
import numpy as np
import tensorflow.compat.v1 as tf

import simple_rnn as script

FEW = []


def test_two_steps_equal_numpy():
    (y0, y1), (numpy_y0, numpy_y1) = script.two_steps(seed=3)
    assert y0.shape == y1.shape == (4, 5)
    np.testing.assert_allclose(y0, numpy_y0, atol=1e-6)
    np.testing.assert_allclose(y1, numpy_y1, atol=1e-6)
    assert np.abs(y1 - y0).max() > 0.1


def test_the_second_step_depends_on_the_first():
    with tf.Graph().as_default(), tf.Session() as sess:
        x0 = tf.placeholder(tf.float32, [None, 3])
        weights = script.make_weights()
        _, y0 = script.rnn_step(x0, tf.zeros([1, 5]), *weights)
        _, y1 = script.rnn_step(tf.zeros([1, 3]), y0, *weights)
        sess.run(tf.global_variables_initializer())
        assert np.abs(sess.run(tf.gradients(y1, x0)[0], {x0: np.zeros([1, 3])})).max() > 1e-3
        assert len(tf.trainable_variables()) == 3


def test_worked_example_is_that_of_the_notes():
    ours, numpy_ = script.worked_example()
    (a0, h0, o0), (a1, h1, o1) = ours
    np.testing.assert_allclose(a0, [[0.6, 0.5]], atol=1e-12)
    np.testing.assert_allclose(h0, np.tanh([[0.6, 0.5]]), atol=1e-12)
    # a_1 = 2 * [.5 .6] + h_0 @ [[.1 .2] [.3 .4]] + [.1 -.1], written out
    first, second = np.tanh(0.6), np.tanh(0.5)
    np.testing.assert_allclose(a1, [[1.1 + 0.1 * first + 0.3 * second, 1.1 + 0.2 * first + 0.4 * second]], atol=1e-12)
    assert abs(o0.item() - (h0[0, 0] + 2 * h0[0, 1] + 0.1)) < 1e-12
    assert abs(o1.item() - 2.72707101) < 5e-9
    for step, numpy_step in zip(ours, numpy_):
        for a, b in zip(step, numpy_step):
            np.testing.assert_allclose(a, b, atol=1e-12)


def test_longer_sequence_is_one_rnn_unrolled():
    x, states = script.remember(seed=0)
    assert x.shape == (script.N_STEPS, 3) and states.shape == (script.N_STEPS, 5)
    with tf.Graph().as_default(), tf.Session() as sess:
        tf.set_random_seed(0)
        tf.placeholder(tf.float32)  # as in remember(): what an initializer draws depends on its place in the graph
        weights = script.make_weights()
        sess.run(tf.global_variables_initializer())
        weights = sess.run(weights)
    expected = [state[0] for _, state in script.numpy_steps(x[:, np.newaxis], np.zeros([1, 5]), *weights)]
    np.testing.assert_allclose(states[:10], expected[:10], atol=1e-4)  # later the differences of rounding may grow


def test_each_seed_draws_weights_of_its_own():
    for states in (lambda seed: script.two_steps(seed)[0][1], lambda seed: script.remember(seed)[1]):
        np.testing.assert_array_equal(states(1), states(1))
        assert np.abs(states(2) - states(1)).max() > 0.1


def test_the_pulses_come_one_after_the_other():
    x = script.make_pulses()
    assert [list(np.flatnonzero(pulse)) for pulse in x.T] == [list(range(n, n + 5)) for n in (0, 20, 40)]
    assert x.max() == 1


def test_prints_the_outputs_and_the_example(capsys):
    script.main(["--no-plot"])
    shown = capsys.readouterr().out
    assert shown.count("2.72707101") == 2
    assert "-" * 50 in shown


def test_what_is_printed_is_what_was_computed(monkeypatch, capsys):
    y0, y1, states, seeds = np.array([[1.0]]), np.array([[2.0]]), np.zeros([60, 5]), []
    ours, theirs = ([[np.full([1, 1], n + 10.0 * t + k) for k in (1, 2, 3)] for t in (0, 1)] for n in (0, 0.5))
    monkeypatch.setattr(script, "two_steps", lambda seed: seeds.append(seed) or ([y0, y1], [y0 - 0.25, y1 + 0.5]))
    monkeypatch.setattr(script, "worked_example", lambda: (ours, theirs))
    monkeypatch.setattr(script, "remember", lambda seed: seeds.append(seed) or (script.make_pulses(), states))
    script.main(["--seed", "3", "--no-plot"])
    lines = capsys.readouterr().out.splitlines()
    assert lines[:4] == ["[[1.]]", "-" * 50, "[[2.]]", "largest difference from NumPy: 5.0e-01"]
    assert lines[-1].split() == ["step", "1", "output", "[13.00000000]", "[13.50000000]"]
    assert seeds == [3, 3]


def test_the_picture_has_the_inputs_above_and_a_row_for_each_unit_below():
    x, states, figure = script.make_pulses(), np.random.RandomState(0).uniform(-1, 1, [60, 5]), plt.Figure()
    script.plot_states(figure, (x, states))()
    above, below = figure.axes[:2]
    np.testing.assert_array_equal([line.get_ydata() for line in above.lines], x.T)
    np.testing.assert_array_equal(below.images[0].get_array(), states.T)
