"""char_rnn: targets one ahead, a state that is carried and saved, masks that are drawn again, counts."""
import argparse

import numpy as np
import oracles
import pytest
import tensorflow.compat.v1 as tf
from conftest import stored
from test_time_series_rnn import weights

import char_rnn as script

SHRUNK = {"N_UNITS": 12, "BATCH_SIZE": 4, "N_STEPS": 5, "REPORT_EVERY": 8}
FEW = ["--text", argparse.__file__, "--iterations", "3", "--no-xla"]  # compiling takes longer
SMALL_FLAGS, NO_DROPOUT = ["--text", __file__, "--sample", "20"], ["--keep-prob", "1"]
TEXT = "".join(f"the quick brown fox {i * i} jumps over {i} lazy dogs. " for i in range(12))


@pytest.fixture
def train(monkeypatch):
    for name, value in SHRUNK.items():
        monkeypatch.setattr(script, name, value)
    return lambda *args, text=TEXT, **options: script.train(text, *args, xla=False, length=3, **options)


def test_targets_are_the_stream_shifted_by_one_and_rows_go_on(train):
    x, y = script.make_windows(range(103), range(103))  # (window, batch, time)
    # y also at the end of a window, where x[:, 0] is the usual mistake
    assert (y == x + 1).all() and (x.swapaxes(0, 1) == np.reshape(range(100), [4, 5, 5])).all()
    learn, kept_out = script.split(TEXT)
    assert TEXT.startswith(learn + kept_out) and len(learn) == len(TEXT) - len(TEXT) // 10 and len(kept_out) % 20 == 1


@pytest.mark.parametrize("held_out, n, expected", [
    ("caab", 1, (1 + 1 + 2) / 3),  # P(a) = (3 + 3/3) / (5 + 3) = 1/2, P(b) = (1 + 3/3) / (5 + 3) = 1/4
    ("cab", 2, (1 - np.log2(7 / 24)) / 2),  # P(b | a) = (1 + 3 P(b)) / (3 + 3), nothing follows c
    ("aab", 3, -np.log2(5 / 12 * 31 / 48) / 2)])  # P(b | aa) = (1 + P(b | a)) / 2, P(a | a) = (1 + 3/2) / 6
def test_counts_of_aabac_by_hand(held_out, n, expected):
    assert script.count_bits("aabac", held_out, n) == pytest.approx(expected)


def numpy_bits(x, y, w, state, masks=(1, 1)):
    """x, y (batch, time), state and masks by layer -> bits per character, final states"""
    outputs, final = np.eye(len(w["vocabulary"]))[x], []
    for layer in range(2):
        cell = {name: w[f"layer_{layer}/rnn/basic_lstm_cell/{name}"] for name in ("kernel", "bias")}
        outputs, final_state, _ = oracles.forward("lstm", cell, outputs, tuple(state[layer]))
        outputs = outputs * masks[layer]
        final.append(final_state)
    p = np.exp(outputs @ w["output/weights"] + w["output/biases"])
    return -np.log2(np.take_along_axis(p, y[..., np.newaxis], axis=-1)[..., 0] / p.sum(axis=-1)).mean(), final


def test_numpy_computes_the_same_and_the_text_begins_with_an_empty_state(train):
    (x, y), kept_out = [script.make_windows(part, sorted(set(TEXT))) for part in script.split(TEXT)]
    seen, state, all_bits = [], np.zeros([2, 2, 4, 12]), []
    results = train(len(x) + 1, 7, keep_prob=0.6, on_step=lambda i, bits, _:
                    seen.append((bits, weights("global_variables"))))
    for i in (1, len(x)):
        w, k = seen[i - 1][1], i % len(x)
        with tf.Graph().as_default(), tf.Session() as sess:
            masks = np.floor(0.6 + sess.run(tf.random.stateless_uniform([2, 4, 5, 12], [7, i]))) / 0.6
        bits, final = numpy_bits(x[k], y[k], w, w["state"] * (k > 0), masks)
        assert seen[i][0] == pytest.approx(bits, rel=1e-4)
        np.testing.assert_allclose(seen[i][1]["state"], final, atol=1e-5)
    for x, y in zip(*kept_out):
        bits, state = numpy_bits(x, y, seen[-1][1], state)
        all_bits.append(bits)
    assert len(all_bits) == 2 and results["kept_out"] == pytest.approx(np.mean(all_bits), rel=1e-4)


def test_gradients_are_clipped(train, monkeypatch):
    monkeypatch.setattr(script, "MAX_NORM", 1e-12)
    seen = []
    train(2, on_step=lambda *_: seen.append(weights()["output/weights"]))
    np.testing.assert_allclose(*seen, atol=1e-5)  # Adam divides by the gradient's size, but not by less than 1e-8


@pytest.mark.long
def test_a_resumed_run_draws_the_same_masks_and_another_text_is_refused(train, tmp_path):
    for name, iterations in ("whole", 20), ("parts", 9), ("parts", 20):
        train(iterations, seed=-3, checkpoint=str(tmp_path / name))
    np.testing.assert_equal(stored(tmp_path / "parts"), stored(tmp_path / "whole"))
    with pytest.raises(SystemExit, match="expected the text that it was trained on"):
        train(20, text=TEXT[::-1], checkpoint=str(tmp_path / "parts"))


def test_writes_by_the_probabilities_and_the_temperature():
    for temperature, share in (1.0, [0.2, 0.5, 0.3]), (0.5, [0.105, 0.658, 0.237]):
        text = script.write(lambda x, state: (np.log([[0.2, 0.5, 0.3]]), state), "abc", 997, "cab", temperature)
        assert text[:3] == "cab" and len(text) == 1000
        np.testing.assert_allclose([text.count(char) / 1000 for char in "abc"], share, atol=0.05)


@pytest.mark.long
def test_learns_what_counts_of_three_characters_cannot_know(train, monkeypatch):
    for name, value in {"N_UNITS": 24, "N_STEPS": 11, "LEARNING_RATE": 0.007}.items():
        monkeypatch.setattr(script, name, value)
    text = " xa xb xc xd xe xf xg xh" * 60  # what follows x depends on what stands before the blank
    assert script.count_bits(*script.split(text), 3) > 0.9
    assert train(700, text=text, keep_prob=1.0)["kept_out"] < 0.6
