"""variable_length.py: padding changes nothing, and the decoder stops by itself."""
import numpy as np
import oracles
import pytest
import tensorflow.compat.v1 as tf
from test_time_series_rnn import weights

import variable_length as script

FEW = ["--iterations", "2"]
SHRUNK = {"TESTED": 10, "N_UNITS": 8}


def test_held_out_sequences_are_different_and_never_trained_on():
    held = [script.spell(script.targets(*script.held_out(length, 150))) for length in range(1, 10)]
    assert [len(set(texts)) for texts in held] == [1, 10, 100] + [150] * 6
    trained = {text for i in range(200) for text in script.spell(script.targets(*script.make_batch(i, -1)))}
    assert {len(text) for text in trained} == set(range(1, 10))
    assert not trained & set(sum(held, [])) and len({text for text in trained if len(text) < 3}) == 9 + 90


def test_encoder_decoders_and_loss_are_the_equations_over_the_real_tokens():
    x, lengths = (part[:20].astype(np.int32) for part in script.make_batch(0, 3))
    targets, losses, zeros = script.targets(x, lengths), [], np.zeros([1, script.N_UNITS])
    with tf.Graph().as_default(), tf.Session() as sess:
        y, state = tf.placeholder(tf.int32, [None, None]), script.encode(tf.constant(x), tf.constant(lengths))
        logits = script.decode_taught(state, y)
        loss = script.compute_loss(logits, y)
        with tf.variable_scope("", reuse=True):
            tokens = script.decode_greedily(state)
        for seed, v in enumerate(tf.trainable_variables()):  # large: many different tokens are written
            sess.run(v.assign(tf.random_normal(v.shape, stddev=0.5, seed=seed)))
        written, (*encoder, w_out, b_out, kernel, bias) = sess.run([tokens, tf.trainable_variables()])
        (found, cost), again = sess.run([logits, loss], {y: targets}), sess.run(logits, {y: written})
    lstm = lambda v, row, state: oracles.forward(  # noqa: E731
        "lstm", dict(zip(["kernel", "bias"], v)), np.eye(script.N_TOKENS)[np.array([row])], state)
    for row, (digits, n, target) in enumerate(zip(x, lengths, targets)):
        assert target.tolist() == [*digits[:n][::-1], *[script.EOS] * (10 - n)]
        _, state, _ = lstm(encoder, digits[:n], (zeros, zeros))
        expected = lstm([kernel, bias], [script.EOS, *target[:n]], state)[0][0] @ w_out + b_out
        np.testing.assert_allclose(found[row, :n + 1], expected, atol=2e-4)
        losses += (np.log(np.exp(expected).sum(axis=1)) - expected[range(n + 1), target[:n + 1]]).tolist()
        end = [*written[row], script.EOS].index(script.EOS) + 1  # greedy: as if taught with its own tokens
        assert (written[row, :end] == again[row, :end].argmax(axis=1)).all() and not written[row, end:].any()
    np.testing.assert_allclose(cost, np.mean(losses), rtol=1e-4)
    assert written.shape[1] == 18  # two times the longest: then the loop ends without EOS


def test_gradients_are_clipped_and_the_learning_rate_falls(monkeypatch):
    norms, seen, clip = [], [], tf.clip_by_global_norm
    monkeypatch.setattr(script.tf, "clip_by_global_norm", lambda g, norm: norms.append(norm) or clip(g, norm))
    monkeypatch.setattr(script, "TESTED", 1)
    script.train(4, xla=False, on_step=lambda *_: seen.append(weights()["output/weights"]))
    moved = [np.abs(after - before).max() for before, after in zip(seen, seen[1:])]
    assert norms == [1.0] and moved[2] < 0.5 * moved[0]  # Adam moves weights by the learning rate


@pytest.mark.long
def test_it_learns_to_reverse_and_to_stop_but_without_lengths_reads_the_padding(monkeypatch):
    monkeypatch.setattr(script, "TESTED", 100)
    right, wrong = script.train(200, xla=False)[1], script.train(10, xla=False, no_lengths=True)[1]
    assert script.share_right(right[1] + right[2]) > 40  # guessed digits are right in 1 to 10 %
    assert len({written for read, written, _ in wrong[0] + wrong[1] if read in ("0", "00")}) == 1
