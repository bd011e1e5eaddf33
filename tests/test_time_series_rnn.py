"""time_series_rnn.py: the data, the network against NumPy, and what clipping and the two projections do."""
import numpy as np
import pytest

import time_series_rnn as script
from time_series_rnn import tf

FEW = ["--iterations", "3"]


def weights():
    """The weights at this moment, by name; called from on_step, where the session is the default one."""
    return {v.op.name.split("output_projection_wrapper/")[-1]: tf.get_default_session().run(v)
            for v in tf.global_variables()}


def numpy_predict(x, weights):
    """(batch, time, 1) -> (batch, time, 1), from the equations."""
    by_end = {name.split("rnn/")[-1]: value for name, value in weights.items()}
    h, outputs = np.zeros([len(x), script.N_UNITS]), []
    for x_t in x.transpose(1, 0, 2):
        h = np.maximum(np.hstack([x_t, h]) @ by_end["basic_rnn_cell/kernel"] + by_end["basic_rnn_cell/bias"], 0)
        outputs.append(h @ by_end["dense/kernel"] + by_end["dense/bias"])
    return np.stack(outputs, axis=1)


def test_the_series():
    np.testing.assert_allclose(script.series(np.array([0, np.pi / 2, 2 * np.pi])), [0, np.pi / 6 + 2, 0], atol=1e-12)


def test_times_are_the_first_100_of_101_points_and_the_last_100():
    x, y = script.make_batch(7, "times")
    t, x_test, y_test = script.make_test("times")
    assert x.shape == y.shape == x_test.shape == (1, 100, 1)
    assert (x[0, 0, 0], x_test[0, -1, 0]) == (0, 15)
    np.testing.assert_array_equal(x[:, 1:], x_test[:, :-1])
    np.testing.assert_array_equal(y_test, script.series(x_test))
    np.testing.assert_array_equal(script.shown(y_test, "times"), script.series(t))


def test_windows_are_shifted_by_one_and_pure_functions_of_the_step():
    x, y = script.make_batch(7, "values", seed=1)
    assert x.shape == y.shape == (50, 20, 1)
    np.testing.assert_array_equal(x[:, 1:], y[:, :-1])
    np.testing.assert_array_equal(x, script.make_batch(7, "values", seed=1)[0])
    assert not np.allclose(x, script.make_batch(8, "values", seed=1)[0])
    assert not np.allclose(x, script.make_batch(7, "values", seed=2)[0])


def test_no_training_window_reaches_what_is_kept_out(monkeypatch):
    asked = []
    monkeypatch.setattr(script, "make_windows", asked.append)
    for i in range(200):
        script.make_batch(i, "values")
    assert np.min(asked) >= 2 and np.max(asked) < 24 and np.max(asked) > 23.9
    monkeypatch.undo()
    t, x, y = script.make_test("values")
    assert len(t) == 60 and t[0] > 24 and t[-1] == pytest.approx(30)
    np.testing.assert_allclose(script.shown(y, "values"), script.series(t))
    np.testing.assert_allclose(script.shown(x, "values"), script.series(t - 0.1))


@pytest.mark.parametrize("inputs", ["times", "values"])
@pytest.mark.parametrize("projection", ["dense", "wrapper"])
def test_prediction_and_loss_are_those_of_the_equations(inputs, projection):
    seen = []
    losses, final = script.train(2, inputs=inputs, projection=projection,
                                 on_step=lambda i, loss, test: seen.append((weights(), test())))
    np.testing.assert_array_equal(final, seen[-1][1])
    _, x, _ = script.make_test(inputs)
    for w, prediction in seen:
        np.testing.assert_allclose(script.shown(numpy_predict(x, w), inputs), prediction, rtol=1e-4, atol=1e-5)
    x, y = script.make_batch(1, inputs)
    assert losses[1] == pytest.approx(np.mean((numpy_predict(x, seen[0][0]) - y) ** 2), rel=1e-4)


def test_wrapper_and_dense_train_alike():
    (dense, by_dense), (wrapper, by_wrapper) = [script.train(10, projection=p) for p in ("dense", "wrapper")]
    np.testing.assert_allclose(dense, wrapper, rtol=1e-4)
    np.testing.assert_allclose(by_dense, by_wrapper, rtol=1e-3, atol=1e-3)
    assert dense[-1] < dense[0]


@pytest.mark.skipif(not script.XLA, reason="TF 1.15 runs the plain graph")
def test_xla_and_the_plain_graph_train_alike():
    np.testing.assert_allclose(script.train(10, xla=True)[0], script.train(10, xla=False)[0], rtol=1e-4)


def gradient_norm(clip_norm):
    """The norm of the first step's gradients: Adam's first moment is then a tenth of them."""
    norms = []

    def on_step(i, loss, test):
        norms.append(np.sqrt(sum(np.sum((10 * value) ** 2) for name, value in weights().items()
                                 if name.endswith("/Adam"))))

    script.train(1, xla=False, clip_norm=clip_norm, on_step=on_step)
    return norms[0]


def test_clipping_shortens_long_gradients_and_leaves_short_ones():
    free = gradient_norm(None)
    assert gradient_norm(free / 2) == pytest.approx(free / 2, rel=1e-3)
    assert gradient_norm(free * 2) == pytest.approx(free, rel=1e-3)


def test_a_prediction_does_not_train():
    alone, _ = script.train(3, xla=False)
    assert script.train(3, xla=False, on_step=lambda i, loss, test: test())[0] == alone


def test_forecasts_beat_tomorrow_is_as_today(capsys):
    results = script.main(["--inputs", "values", "--iterations", "250", "--no-plot"])
    t, x, y = script.make_test("values")
    as_today = np.mean((script.shown(x, "values") - script.shown(y, "values")) ** 2)
    assert results["mse"] < as_today / 5
    assert f"MSE there of \"tomorrow is as today\": {as_today:.4g}" in capsys.readouterr().out


def test_what_is_printed_and_drawn_is_of_all_points(monkeypatch, capsys, pictures):
    final = np.random.RandomState(0).normal(size=100)

    def train(iterations, seed, xla, inputs, projection, clip_norm, on_step):
        for i in range(3001):
            on_step(i, i + 0.5, lambda: 9 * final)
        return [], final

    monkeypatch.setattr(script, "train", train)
    figures = pictures(script)
    script.main(["--no-plot"])
    t = np.arange(1, 101) * 0.15
    truth = script.series(t)
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == ["0 \tMSE: 0.5", "100 \tMSE: 100.5"] and len(lines) == 33
    assert lines[-2:] == [f"MSE on the 100 points from t = 0.15 to 15: {np.mean((final - truth) ** 2):.4g}",
                          f"MSE of the same against the point before: {np.mean((final[1:] - truth[:-1]) ** 2):.4g}"]
    left, right = figures[0].axes
    for line, values in zip(left.lines, (truth, final)):
        np.testing.assert_allclose(line.get_data(), [t, values])
    starts = np.arange(0, 3001, 7)  # a point for seven steps, their highest
    np.testing.assert_array_equal(right.lines[0].get_data(), [starts, np.minimum(starts + 6, 3000) + 0.5])


def test_weights_are_the_seed_s():
    losses = [script.train(1, seed, xla=False)[0] for seed in (1, 1, 2)]  # the batch is the same for all seeds
    assert losses[0] == losses[1] != losses[2]


def test_the_notes_sequence_is_learnt():
    losses, _ = script.train(300, seed=1)
    assert min(losses[250:]) < 0.8 * losses[0]


def test_a_loss_that_is_not_finite_stops_the_training(monkeypatch):
    good = script.make_batch
    monkeypatch.setattr(script, "make_batch", lambda i, *rest: np.array(good(i, *rest)) * (np.nan if i == 2 else 1))
    with pytest.raises(SystemExit, match="the loss is nan at iteration 2: training stopped"):
        script.train(4)


@pytest.mark.parametrize("wrong", ["--inputs dates", "--projection both", "--clip-norm 0", "--clip-norm nan"])
def test_wrong_use(wrong, capsys):
    with pytest.raises(SystemExit) as ended:
        script.main(wrong.split())
    shown = capsys.readouterr()
    assert ended.value.code == 2 and len(shown.err.splitlines()) == 1 and wrong.split()[1] in shown.err
