"""simple_rnn.py: the equations, the worked example to the last digit, one set of weights for all steps."""
import numpy as np
import oracles
import tensorflow.compat.v1 as tf

import simple_rnn as script

FEW = []


def test_the_notes_first_rnn_and_the_unrolled_one_follow_the_equations(monkeypatch):
    rng = np.random.RandomState(0)
    weights = w_x, w_h, b = rng.normal(size=[3, 5]), rng.normal(size=[5, 5]), rng.normal(size=[1, 5])

    def oracle(x):  # x (batch, time, input) -> states (batch, time, unit)
        variables = {"kernel": np.concatenate([w_x, w_h]), "bias": b[0]}
        return oracles.forward("rnn", variables, x, (np.zeros([len(x), 5]),))[0]

    with tf.Graph().as_default():
        assert [v.shape.as_list() for v in script.make_weights()] == [[3, 5], [5, 5], [1, 5]]
    monkeypatch.setattr(script, "make_weights", lambda: [tf.Variable(w, dtype=tf.float32) for w in weights])
    outputs, numpy_outputs = script.two_steps()
    expected = oracle(np.stack([script.X0, script.X1], axis=1))
    for found in (outputs, numpy_outputs):
        np.testing.assert_allclose(np.stack(found, axis=1), expected, atol=1e-5)
    x, states = script.remember()
    assert [list(np.flatnonzero(pulse)) for pulse in x.T] == [list(range(n, n + 5)) for n in (0, 20, 40)]
    np.testing.assert_allclose(states[:10], oracle(x[np.newaxis])[0, :10], atol=1e-4)
    assert states.shape == (60, 5)


def test_the_worked_example_is_that_of_the_notes():
    (a0, _, o0), (a1, _, o1) = script.worked_example()
    np.testing.assert_allclose(a0, [[0.6, 0.5]], atol=1e-12)
    first, second = np.tanh([0.6, 0.5])
    np.testing.assert_allclose(a1, [[1.1 + 0.1 * first + 0.3 * second, 1.1 + 0.2 * first + 0.4 * second]])
    np.testing.assert_allclose([o0.item(), o1.item()], [first + 2 * second + 0.1, 2.72707101], atol=5e-9)


def test_each_seed_draws_its_own_weights():
    one, again, two, below = [script.main(["--no-plot", "--seed", s])["y1"] for s in ("1", "1", "2", "-1")]
    np.testing.assert_array_equal(one, again)
    assert np.abs(one - two).max() > 0.1 < np.abs(one - below).max()
