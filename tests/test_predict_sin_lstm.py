"""predict_sin_lstm.py: its data and files, the network against NumPy, both ways to unroll, dropout, feeding back."""
import numpy as np
import oracles
import pytest
from test_time_series_rnn import weights

import predict_sin_lstm as script

SHRUNK = {"N_TRAIN": 300, "N_TEST": 60, "BATCH_SIZE": 16}
SMALL_FLAGS = ["--n-steps", "5", "--units", "4", "3"]
UNITS = [4, 3]


def test_windows_targets_and_test_points_of_the_sine():
    data, wave = script.make_data(n_steps=20, ahead=7), np.sin(0.01 * np.arange(11000))
    assert data.x_train.shape == (9980, 20, 1) and data.x_test.shape == (1000, 20, 1)
    np.testing.assert_allclose(np.append(data.x_train[-1], data.y_train[-1]), wave[9979:10000], atol=1e-6)
    np.testing.assert_array_equal(data.truth, wave[10000:])
    np.testing.assert_allclose(data.x_test[:, -1, 0], wave[9993:10993], atol=1e-6)  # 7 steps before each


def test_a_file_is_scaled_by_its_training_part_and_errors_are_in_its_units(tmp_path):
    path, values = tmp_path / "line.csv", 30000 + 20 * np.arange(200.0)
    path.write_text("\ufeffday,price\n" + "".join(f"x,{value}\n" for value in values) + "\n\n", encoding="utf-8")
    data = script.make_data(str(path), "price", n_steps=5, ahead=3)
    assert (data.mean, data.deviation) == (values[:180].mean(), values[:180].std())
    np.testing.assert_array_equal(data.truth, values[180:])
    errors = script.compute_errors(data.truth + 5, data, ahead=3).values()
    assert list(errors) == pytest.approx([25, 60 ** 2, 0], rel=1e-3, abs=1e-3)
    path.write_text("7\n" * 200)
    assert script.make_data(str(path), n_steps=5).deviation == 1  # not 0: a flat line is divided by it, too


@pytest.mark.parametrize("text, flags, expected", [
    ("1\nx\n", "", r"row 2: expected a number, not 'x'"), ("1\n\n2\n", "", "row 2"), ("1\nnan\n2\n", "", "row 2"),
    ("a,b\n1,2\n3\n", "--column b", "row 3: expected a number, not ''"), ("a,b\n", "--column c", "one of a, b"),
    ("1,2\n", "", "row 1.*'1,2'"), ("1\n" * 90, "", "81 values to train on, expected at least 84"),
    ("", "", "0 values"), ("\xff", "", "expected a text file"), ("", "--series none", "expected a file")])
def test_a_file_that_is_no_series_is_one_line_with_the_row(text, flags, expected, tmp_path):
    (tmp_path / "file").write_text(text, encoding="latin-1")
    with pytest.raises(SystemExit, match=expected) as ended:
        script.main(["--series", str(tmp_path / "file"), *flags.split()])
    assert len(str(ended.value).splitlines()) == 1


def numpy_predict(x, w):
    for layer, n_units in enumerate(UNITS):
        cell = {name: w[f"layer_{layer}/rnn/basic_lstm_cell/{name}"] for name in ("kernel", "bias")}
        x, _, _ = oracles.forward("lstm", cell, x, (np.zeros([len(x), n_units]),) * 2)
    return x[:, -1] @ w["weights"] + w["biases"]


@pytest.mark.parametrize("unroll", ["dynamic", "manual"])
def test_predictions_are_the_equations_without_dropout_each_fed_back(unroll):
    data = script.make_data(n_steps=5, ahead=3)._replace(mean=10.0, deviation=2.0)
    x, w = data.x_test, {}
    _, prediction = script.train(data, 1, 0, False, UNITS, 0.5, unroll, 3,
                                 on_step=lambda *_: w.update(weights()))
    for _ in range(3):
        x = np.concatenate([x[:, 1:], numpy_predict(x, w)[:, np.newaxis]], axis=1)
    np.testing.assert_allclose(prediction, 10 + 2 * x[:, -1, 0], rtol=1e-4)


def test_dropout_keeps_the_mean_and_each_epoch_has_its_order():
    with script.tf.Graph().as_default(), script.tf.Session() as sess:
        one, two = sess.run([script.dropout(script.tf.ones([100, 100]), 0.25, [seed, 1]) for seed in (1, 2)])
    assert set(one.flat) == {0, 4} and abs(one.mean() - 1) < 0.1 and (one != two).any()
    data = script.make_data(n_steps=5)
    assert not np.array_equal(*(script.make_batch(data, i, 0)[0] for i in (0, len(data.x_train) // 64)))


@pytest.mark.long
def test_dropout_has_a_new_mask_in_each_step_and_both_ways_to_unroll_train_alike(monkeypatch):
    monkeypatch.setattr(script, "LEARNING_RATE", 1e-9)
    data = script.make_data(n_steps=5)
    data.x_train[:], data.y_train[:] = 0.5, 0.6  # all alike: without dropout the loss stays
    whole, dropped, by_hand = [script.train(data, 4, xla=False, units=UNITS, keep_prob=keep_prob, unroll=unroll)[0]
                               for keep_prob, unroll in [(1, "dynamic"), (0.5, "dynamic"), (0.5, "manual")]]
    assert np.ptp(whole) < 1e-6 and np.abs(np.diff(dropped)).min() > 1e-5
    assert dropped == pytest.approx(by_hand, rel=1e-4)


@pytest.mark.long
def test_learns_a_series_far_from_0_and_beats_both_baselines(tmp_path):
    (tmp_path / "far").write_text("\n".join(map(str, 30000 + 500 * np.sin(0.8 * np.arange(600)))))
    results = script.main(["--series", str(tmp_path / "far"), "--units", "20", "--n-steps", "8", "--iterations", "300"])
    assert results["LSTM"] < min(results["last_value"], results["straight_line"]) / 5
