"""bidirectional_lstm.py: two LSTMs, one of which reads backward; what needs them; the forget bias."""
import numpy as np
import oracles
import pytest
import tensorflow.compat.v1 as tf

import bidirectional_lstm as script

FEW = ["--iterations", "3", "--no-xla"]  # compiling takes longer than training
SHRUNK = {"N_UNITS": 4, "CLASSIFIERS": {"the two final states": (2, 1)}}


def test_both_directions_are_two_lstms_and_a_forget_bias_of_3_lets_the_last_output_know_the_first_input():
    batch, _ = script.make_batch(0)
    with tf.Graph().as_default(), tf.Session() as sess:
        x, reach = tf.constant(batch, tf.float32), []
        for bias in (1, 3):
            with tf.variable_scope(f"bias_{bias}"):
                outputs, states = script.add_bidirectional(x, bias)
            reach += tf.gradients(outputs[0][:, -1], x)
        sess.run(tf.global_variables_initializer())
        read = script.summaries(outputs, states)
        outputs, read, *weights = sess.run([outputs, read, *tf.global_variables()[4:]])
        one, three = (np.abs(gradient[:, 0]).mean() for gradient in sess.run(reach))
    assert three > 100 * one  # seeds 0 to 7: 500 to 13,000 times
    zeros = (np.zeros([len(batch), script.N_UNITS]),) * 2
    there, back = (dict(zip(["kernel", "bias"], part)) for part in (weights[:2], weights[2:]))
    expected, (_, h), _ = oracles.forward("lstm", there, batch, zeros, forget_bias=3)
    turned, (_, h_back), _ = oracles.forward("lstm", back, batch[:, ::-1], zeros, forget_bias=3)
    right = [expected, turned[:, ::-1], turned[:, 0], np.hstack([h, turned[:, 0]]), np.hstack([h, h_back])]
    for found, expected in zip([*outputs, *read], right):
        np.testing.assert_allclose(found, expected, atol=1e-4)


@pytest.mark.parametrize("ahead", [-3, 3])
def test_targets_lie_ahead_and_only_both_directions_see_the_future(ahead):
    x, y = script.make_batch(5, seed=-1, ahead=ahead)
    step = 5 + max(0, -ahead)  # of answer 5
    np.testing.assert_array_equal(y, x[:, step - 5 + ahead:][:, :40 - abs(ahead)])
    with tf.Graph().as_default(), tf.Session() as sess:
        x, y = tf.constant(x, tf.float32), tf.constant(y, tf.float32)
        _, _, *predictions = script.forecast_step(x, y, ahead)
        sess.run(tf.global_variables_initializer())
        one_way, both = sess.run([tf.gradients(prediction[:, 5], x)[0] for prediction in predictions])
    assert one_way[:, step].any() and not one_way[:, step + 1:].any() and both[:, step + 1:].any()


@pytest.mark.long
def test_the_future_needs_both_directions_and_a_classifier_the_final_states():
    results = script.main(["--iterations", "120", "--ahead", "2", "--no-xla", "--no-plot"])
    variance, forward, both, half, last, states, _ = results.values()
    assert abs(variance - 1) < 0.05 and forward > 0.97 * variance and both < 0.2
    assert max(half, last) < 0.6 and states > 0.9  # means over 640 examples: a guess is 0.5 +- 0.02
    assert all(bias == 1 + 2 * name.endswith("forget_bias=3") for name, (_, bias) in script.CLASSIFIERS.items())
