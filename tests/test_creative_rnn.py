"""creative_rnn.py: what is fed back, from which seeds, and that it reads as time_series_rnn.py does."""
import numpy as np
import pytest
from test_contract import functions
from test_time_series_rnn import numpy_predict, weights

import creative_rnn as script
import time_series_rnn
from creative_rnn import tf

FEW = ["--iterations", "3"]


def test_it_is_a_small_diff_of_time_series_rnn():
    lesson, this = functions("time_series_rnn"), functions("creative_rnn")
    same = [name for name in lesson if name in this]
    assert same == [name for name in this if name in lesson]  # the same order
    assert set(this) - set(lesson) == {"make_seeds", "plot_sequences"}
    assert set(lesson) - set(this) == {"make_test", "shown", "plot_series"}
    for name in ("series", "dense"):
        assert this[name] == lesson[name]
    last = np.array([2.0, 17.3])
    for mine, theirs in zip(script.make_windows(last), time_series_rnn.make_windows(last)):
        np.testing.assert_array_equal(mine, theirs)


def test_batches_and_seeds():
    x, y = script.make_batch(0, "times")
    np.testing.assert_array_equal(x[0, :, 0], np.linspace(0, 19, 20))
    np.testing.assert_array_equal(y, script.series(x))
    seeds = script.make_seeds("times")
    np.testing.assert_array_equal(seeds, [np.zeros([20, 1]), y[0]])
    x, y = script.make_batch(0, "values")
    assert x.shape == y.shape == (20, 20, 1)
    np.testing.assert_array_equal(x[:, 1:], y[:, :-1])
    np.testing.assert_allclose(script.make_seeds("values")[1, :, 0], script.series(np.arange(20) / 10))
    assert not np.allclose(x, script.make_batch(0, "values", seed=1)[0])


def test_every_window_lies_between_the_beginning_and_the_end_of_the_series(monkeypatch):
    ends = []
    monkeypatch.setattr(script, "make_windows", ends.append)
    for i in range(200):
        script.make_batch(i, "values")
    assert 2 <= np.min(ends) < 2.1 and 29.9 < np.max(ends) < 30


@pytest.mark.parametrize("inputs", ["times", "values"])
def test_loss_is_over_all_steps_of_the_batch_and_weights_are_the_seed_s(inputs, monkeypatch):
    monkeypatch.setattr(script, "N_GENERATED", 1)
    seen = []
    losses, _ = script.train(2, seed=1, inputs=inputs, xla=False, on_step=lambda *rest: seen.append(weights()))
    x, y = script.make_batch(1, inputs, seed=1)
    assert losses[1] == pytest.approx(np.mean((numpy_predict(x, seen[0]) - y) ** 2), rel=1e-4)
    script.train(1, seed=2, inputs=inputs, xla=False, on_step=lambda *rest: seen.append(weights()))
    kernels = [w["rnn/basic_rnn_cell/kernel"] for w in (seen[0], seen[2])]
    assert np.abs(kernels[0] - kernels[1]).max() > 0.1


@pytest.mark.parametrize("inputs", ["times", "values"])
def test_each_value_is_the_last_output_for_the_20_before_it(inputs):
    seen = []
    _, sequences = script.train(2, inputs=inputs, on_value=lambda s: seen.append((s, weights())))
    assert sequences.shape == (2, 320) and len(seen) == 300
    np.testing.assert_array_equal(sequences[:, :20], script.make_seeds(inputs)[:, :, 0])
    for n in (0, 1, 25, 299):
        so_far, w = seen[n]
        assert so_far.shape == (2, 21 + n)
        np.testing.assert_array_equal(so_far, sequences[:, :21 + n])
        expected = numpy_predict(sequences[:, n:n + 20, np.newaxis], w)[:, -1, 0]
        np.testing.assert_allclose(so_far[:, -1], expected, rtol=1e-4, atol=1e-5)


def test_generating_does_not_train():
    seen = []
    script.train(2, on_value=lambda s: seen.append(weights()))
    for name, value in seen[0].items():
        np.testing.assert_array_equal(value, seen[-1][name])


def test_fed_with_values_it_goes_on_as_the_series_does():
    truth = script.series(script.make_times("values", 23))[0, :, 0]
    _, sequences = script.train(500)
    error = np.abs(sequences[1] - np.append(truth, np.zeros(297)))[20:23].max()
    stands_still = np.abs(truth[19] - truth[20:23]).max()
    assert error < stands_still / 2


@pytest.mark.skipif(not script.XLA, reason="TF 1.15 runs the plain graph")
def test_xla_and_the_plain_graph_train_alike():
    (loss, sequences), (plain_loss, plain_sequences) = [script.train(5, xla=xla) for xla in (True, False)]
    np.testing.assert_allclose(loss, plain_loss, rtol=1e-4)
    np.testing.assert_allclose(sequences[:, :25], plain_sequences[:, :25], rtol=1e-3, atol=1e-4)


def test_a_loss_that_is_not_finite_stops_the_training(monkeypatch):
    monkeypatch.setattr(script, "make_batch", lambda *rest: [np.full([1, 20, 1], np.nan)] * 2)
    with pytest.raises(SystemExit, match="the loss is nan at iteration 0: training stopped"):
        script.train(2)


def test_variables_have_the_names_of_the_lesson():
    names = []
    script.train(1, on_step=lambda *rest: names.extend(v.op.name for v in tf.trainable_variables()))
    assert names == ["rnn/basic_rnn_cell/kernel", "rnn/basic_rnn_cell/bias", "dense/kernel", "dense/bias"]


def test_results(capsys):
    results = script.main(FEW + ["--no-plot"])
    assert len(results["losses"]) == 3 and results["sequences"].shape == (2, 320)
    assert capsys.readouterr().out.count("300 values after") == 2


@pytest.mark.parametrize("inputs, step", [("values", 0.1), ("times", 1)])
def test_what_is_printed_and_drawn_is_what_was_generated(inputs, step, monkeypatch, capsys, pictures):
    zeros, other = sequences = np.random.RandomState(0).normal(size=[2, 320])
    sequences[:, :20] *= 10  # the seeds are no part of the results
    truth = script.series(step * np.arange(320))

    def train(iterations, seed, xla, inputs, on_step, on_value):
        for i in range(101):
            on_step(i, i + 0.5)
        return [], sequences

    monkeypatch.setattr(script, "train", train)
    figures = pictures(script)
    script.main(["--inputs", inputs, "--no-plot"])
    assert capsys.readouterr().out.splitlines() == [
        "0 \tMSE: 0.5", "100 \tMSE: 100.5",
        f"300 values after 20 zeros: from {zeros[20:].min():.3g} to {zeros[20:].max():.3g}",
        f"300 values after the first 20 of the series: from {other[20:].min():.3g} to {other[20:].max():.3g}",
        f"MSE of the latter against the series: {np.mean((other[20:] - truth[20:]) ** 2):.4g}"]
    (above,), (series, below) = (axes.lines for axes in figures[0].axes)
    for line, values in [(above, zeros), (series, truth), (below, other)]:
        np.testing.assert_allclose(line.get_data(), [range(320), values])
