"""predict_sin_lstm.py: its data, the two ways to unroll, the hooks of its session, and its checkpoints."""
import itertools
import os
import shutil
import signal

import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from conftest import run

import predict_sin_lstm as script

FEW = ["--iterations", "3", "--points", "300", "60"]
SMALL = {"points": [300, 60], "units": [4, 3], "n_steps": 5, "batch_size": 16, "xla": False}  # well under a second
SMALL_FLAGS = ["--points", "300", "60", "--units", "4", "3", "--n-steps", "5", "--batch-size", "16", "--no-xla"]


def checkpoint(folder):
    """The variables of the newest checkpoint, by name."""
    reader = tf.train.load_checkpoint(tf.train.latest_checkpoint(str(folder)))
    return {name: reader.get_tensor(name) for name in reader.get_variable_to_shape_map()}


def assert_same(some, others):
    assert set(some) == set(others)
    for name in some:
        np.testing.assert_array_equal(some[name], others[name], err_msg=name)


# data ---------------------------------------------------------------------------------------------------------------
def test_every_window_is_there_and_is_followed_by_its_target():
    x, y = script.make_windows(np.arange(8.), 3)
    assert x.shape == (5, 3, 1) and y.shape == (5, 1)  # range(len(seq) - timesteps - 1) would lose the last: 4
    for row, target in zip(x[:, :, 0], y[:, 0]):
        assert list(row) + [target] == list(np.arange(row[0], row[0] + 4))


def test_test_points_go_on_where_training_ends_and_share_no_point():
    x_train, y_train, x_test, y_test = script.make_data(20, [10000, 1000], 0.01)
    assert len(x_train) == 9980 and len(x_test) == 980
    assert y_train[-1, 0] == np.float32(np.sin(99.99)) and x_test[0, 0, 0] == np.float32(np.sin(100.00))


def test_baselines_on_a_parabola():
    x, y = script.make_windows(np.arange(50.) ** 2, 4)  # the differences are 2n + 1, the second differences 2
    assert script.baselines(x, y) == {"last value": np.mean((y - x[:, -1]) ** 2), "straight line": 4}


def test_each_epoch_takes_each_window_once_in_an_order_of_its_own():
    x = y = np.arange(50)[:, np.newaxis]
    epochs = [np.concatenate([script.make_batch(x, y, 5 * epoch + i, 10, seed=0)[0][:, 0] for i in range(5)])
              for epoch in range(2)]
    assert sorted(epochs[0]) == sorted(epochs[1]) == list(range(50))
    assert list(epochs[0]) != list(epochs[1])
    assert script.make_batch(x, y, 3, 10, seed=0)[0].tolist() != script.make_batch(x, y, 3, 10, seed=1)[0].tolist()


# graph --------------------------------------------------------------------------------------------------------------
def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def forward(x, variables, n_layers):
    """The network in NumPy. Gates of BasicLSTMCell: input i, new value j, forget f (plus 1), output o."""
    outputs = x
    for layer in range(n_layers):
        kernel = variables[f"layer_{layer}/rnn/basic_lstm_cell/kernel"]
        bias = variables[f"layer_{layer}/rnn/basic_lstm_cell/bias"]
        c = h = np.zeros([len(x), len(bias) // 4])
        steps = []
        for t in range(x.shape[1]):
            i, j, f, o = np.split(np.concatenate([outputs[:, t], h], axis=1) @ kernel + bias, 4, axis=1)
            c = sigmoid(f + 1) * c + sigmoid(i) * np.tanh(j)
            h = sigmoid(o) * np.tanh(c)
            steps.append(h)
        outputs = np.stack(steps, axis=1)
    return outputs[:, -1] @ variables["weights"] + variables["biases"]


@pytest.mark.parametrize("options", [{"xla": script.XLA}, {"unroll": "manual"}])
def test_prediction_is_that_of_the_recurrence_in_numpy_without_dropout(options, tmp_path):
    prediction, _ = script.train(20, keep_prob=0.5, checkpoint=str(tmp_path), **dict(SMALL, **options))
    x_test = script.make_data(5, [300, 60], script.GAP)[2]
    np.testing.assert_allclose(prediction, forward(x_test, checkpoint(tmp_path), 2), atol=1e-5)


def losses(iterations=8, **options):
    found = []
    script.train(iterations, on_step=lambda i, loss, predict: found.append(loss), **dict(SMALL, **options))
    return found


def test_dynamic_manual_and_xla_are_the_same_numbers():
    dynamic = losses(keep_prob=1)
    assert len(dynamic) == 8
    np.testing.assert_allclose(losses(keep_prob=1, unroll="manual"), dynamic, rtol=1e-4)
    np.testing.assert_allclose(losses(keep_prob=1, xla=script.XLA), dynamic, rtol=1e-4)


def test_dropout_is_the_same_in_both_ways_to_unroll():
    dynamic = losses(keep_prob=0.5)
    np.testing.assert_allclose(losses(keep_prob=0.5, unroll="manual"), dynamic, rtol=1e-4)
    assert not np.allclose(losses(keep_prob=1), dynamic, rtol=0.01)


@pytest.mark.long
def test_either_way_to_unroll_resumes_the_checkpoint_of_the_other(tmp_path):
    whole = losses(6, checkpoint=str(tmp_path / "whole"))
    first = losses(3, checkpoint=str(tmp_path / "halves"), unroll="manual")
    np.testing.assert_allclose(first + losses(6, checkpoint=str(tmp_path / "halves")), whole, rtol=1e-4)


def test_dropout_masks_scale_and_differ_from_step_to_step():
    ones = np.ones([50, 20, 10], np.float32)
    with tf.Graph().as_default(), tf.Session() as sess:
        seed = tf.placeholder(tf.int32, [2])
        build = tf.xla.experimental.compile if script.XLA else lambda step, inputs: step(*inputs)
        kept, = build(lambda seed: [script.dropout(tf.constant(ones), 0.8, seed)], [seed])
        first, again, other = (sess.run(kept, {seed: value}) for value in ([0, 1], [0, 1], [0, 2]))
    assert set(np.unique(first)) == {0, np.float32(1 / 0.8)}
    assert np.mean(first) == pytest.approx(1, abs=0.02)
    assert np.array_equal(first, again) and not np.array_equal(first, other)
    for axis in (0, 1):  # neither the windows nor the steps share one mask
        assert np.mean(np.ptp(first, axis=axis) > 0) > 0.9


def test_every_step_and_layer_has_a_mask_of_its_own_that_is_the_seed_s(monkeypatch):
    seeds, dropout = [], script.dropout
    monkeypatch.setattr(script, "dropout", lambda outputs, keep_prob, seed: seeds.append(seed) or dropout(
        outputs, keep_prob, seed))
    with tf.Graph().as_default(), tf.Session() as sess:
        step = tf.train.get_or_create_global_step()
        script.predict_next(tf.zeros([1, 2, 1]), [3, 3], "dynamic", keep_prob=0.5, seed=7)
        found = [[list(pair) for pair in sess.run(seeds, {step: i})] for i in range(3)]
    assert found == [[[7, 0], [7, 1]], [[7, 2], [7, 3]], [[7, 4], [7, 5]]]


def test_every_training_step_drops_other_outputs(monkeypatch):
    monkeypatch.setattr(script, "shuffle", lambda n, epoch, seed: np.arange(n))
    always_the_same = {"batch_size": 295, "learning_rate": 1e-9, "iterations": 4}  # all windows, weights that stay
    assert np.ptp(losses(keep_prob=1, **always_the_same)) < 1e-6
    assert np.min(np.abs(np.diff(losses(keep_prob=0.5, **always_the_same)))) > 1e-5


# train --------------------------------------------------------------------------------------------------------------
def test_learns_what_neither_a_mean_nor_the_last_value_gives():
    options = {"points": [1000, 300], "gap": 0.3, "n_steps": 10}
    prediction, done = script.train(400, units=[20], keep_prob=1, **options)
    _, _, x, y = script.make_data(**options)
    assert done == 400
    assert script.mse(prediction, y) < script.baselines(x, y)["last value"] / 10 < script.mse(0, y) / 50


def test_asking_for_a_prediction_does_not_train():
    found = []
    script.train(8, on_step=lambda i, loss, predict: [predict(), found.append(loss)], **SMALL)
    assert found == losses()


def test_a_prediction_is_that_of_the_weights_after_the_step():
    seen = []
    final, _ = script.train(3, on_step=lambda i, loss, predict: seen.append(predict()), **SMALL)
    assert np.array_equal(seen[-1], final) and not np.array_equal(seen[-2], final)


def test_the_stop_hook_ends_a_loop_that_does_not_also_where_it_is_resumed(tmp_path, monkeypatch):
    script.train(1, checkpoint=str(tmp_path), **SMALL)
    monkeypatch.setattr(script, "steps", lambda iterations, first: itertools.count(first))
    seen = []
    with pytest.raises(RuntimeError, match="should_stop"):
        script.train(3, checkpoint=str(tmp_path), on_step=lambda i, *_: seen.append(i), **SMALL)
    assert seen == [1, 2]


def test_a_loss_that_is_not_finite_ends_the_run_and_is_not_saved(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(script, "SAVE_EVERY", 1)
    seen = []
    with pytest.raises(SystemExit) as ended:
        script.train(50, learning_rate=1e25, checkpoint=str(tmp_path), on_step=lambda i, *_: seen.append(i), **SMALL)
    assert seen == [0]  # the second loss is infinity, the third would be NaN
    assert ended.value.code == "the loss is not finite at iteration 1: training stopped"
    assert not caplog.records  # main() ends with this one line
    assert checkpoint(tmp_path)["global_step"] == 1


def test_summaries_are_the_losses(tmp_path):
    found = losses(21, xla=script.XLA, logdir=str(tmp_path))
    events = [event for path in tmp_path.iterdir() for event in tf.train.summary_iterator(str(path))]
    values = {event.step: value.simple_value
              for event in events for value in event.summary.value if value.tag == "loss"}
    # each stands at its own step; which steps these are, the hook decides by a counter that it reads while it counts up
    assert len(values) in (2, 3) and min(values) == 1
    np.testing.assert_array_equal(np.float32(list(values.values())), np.float32([found[step - 1] for step in values]))
    assert any(event.graph_def for event in events)


# checkpoints --------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("different", [
    {"keep_prob": 1}, pytest.param({"keep_prob": 0.5, "xla": script.XLA}, marks=pytest.mark.long)])
def test_killed_and_resumed_is_never_killed(different, tmp_path, monkeypatch):
    def kill(i, loss, predict):
        if i == 7:
            raise RuntimeError("killed")

    monkeypatch.setattr(script, "SAVE_EVERY", 3)
    options = dict(SMALL, **different)
    whole, _ = script.train(12, checkpoint=str(tmp_path / "whole"), **options)
    with pytest.raises(RuntimeError, match="killed"):
        script.train(12, checkpoint=str(tmp_path / "killed"), on_step=kill, **options)
    assert checkpoint(tmp_path / "killed")["global_step"] == 6
    (tmp_path / "killed").rename(tmp_path / "moved")
    script.shuffle.cache_clear()  # as in a new process
    resumed, done = script.train(12, checkpoint=str(tmp_path / "moved"), **options)
    assert done == 12 and np.array_equal(whole, resumed)
    assert_same(checkpoint(tmp_path / "whole"), checkpoint(tmp_path / "moved"))


def test_ctrl_c_saves_and_goes_on_to_the_result(tmp_path):
    def press(i, loss, predict):
        if i == 4:
            os.kill(os.getpid(), signal.SIGINT)

    before = signal.getsignal(signal.SIGINT)
    prediction, done = script.train(50, checkpoint=str(tmp_path), on_step=press, **SMALL)
    assert done == checkpoint(tmp_path)["global_step"] == 5 and prediction.shape == (55, 1)
    assert signal.getsignal(signal.SIGINT) is before


def test_a_folder_that_vanishes_is_one_line(tmp_path):
    def remove(i, loss, predict):
        shutil.rmtree(str(tmp_path / "checkpoint"))
        (tmp_path / "checkpoint").write_text("")

    with pytest.raises(SystemExit) as ended:
        script.train(1, checkpoint=str(tmp_path / "checkpoint"), on_step=remove, **SMALL)
    assert "cannot be written" in ended.value.code and len(ended.value.code.splitlines()) == 1


@pytest.mark.long
def test_each_tensorflow_begins_alike_and_resumes_what_the_other_saved(tmp_path, other_python, capsys):
    def here(n):
        script.main([*flags, "--iterations", str(n)])
        return capsys.readouterr().out

    def there(n):
        done = run("predict_sin_lstm", *flags, "--iterations", str(n), cwd=str(tmp_path), python=other_python)
        assert done.returncode == 0, done.stderr
        return done.stdout

    flags = [*SMALL_FLAGS, "--no-plot", "--checkpoint", str(tmp_path / "checkpoint")]
    first = there(20)
    assert here(20) == first  # nothing is left to train: the same weights predict the same
    second = here(40)
    assert there(40) == second != first
    flags[-1] = str(tmp_path / "fresh")
    assert here(20) == first  # the same seed draws the same weights and masks


@pytest.fixture(scope="module")
def two_steps(tmp_path_factory):
    folder = tmp_path_factory.mktemp("two") / "checkpoint"
    script.train(2, checkpoint=str(folder), **SMALL)
    return folder


@pytest.mark.parametrize("wrong", ["another model", "cut off", "flipped", "no list", "another script", "gone",
                                   "not text"])
def test_a_checkpoint_that_does_not_fit_is_one_line_and_status_2(wrong, two_steps, tmp_path, capsys):
    tmp_path = tmp_path / "copy"
    shutil.copytree(str(two_steps), str(tmp_path))
    flags = [*SMALL_FLAGS, "--no-plot", "--iterations", "2", "--checkpoint", str(tmp_path)]
    data = next(tmp_path.glob("*-2.data*"))
    if wrong == "another model":
        flags += ["--units", "5", "3"]
    elif wrong == "cut off":
        data.write_bytes(data.read_bytes()[:-9])
    elif wrong == "flipped":
        data.write_bytes(data.read_bytes()[:-9] + b"123456789")
    elif wrong == "no list":
        (tmp_path / "checkpoint").write_text("")
    elif wrong == "not text":
        (tmp_path / "checkpoint").write_bytes(b"\xff\xfe\x00")
    elif wrong == "another script":
        for path in list(tmp_path.glob("predict_sin_lstm-2.*")):
            path.rename(tmp_path / path.name.replace("predict_sin_lstm", "char_rnn"))
        (tmp_path / "checkpoint").write_text('model_checkpoint_path: "char_rnn-2"\n')
    elif wrong == "gone":
        next(tmp_path.glob("*-2.index")).unlink()
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(SystemExit) as ended:
        script.main(flags)
    shown = capsys.readouterr()
    assert ended.value.code == 2 and not shown.out
    assert len(shown.err.splitlines()) == 1 and str(tmp_path) in shown.err
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


# main ---------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("wrong", ["--keep-prob 0", "--keep-prob 1.1", "--keep-prob nan", "--layers 0", "--units 0",
                                   "--units 3 4 5", "--layers 3 --units 4 5", "--unroll static", "--n-steps 1",
                                   "--points 20 1000", "--points 100 20", "--points 5", "--batch-size 9981",
                                   "--points 10001 20000 --n-steps 10000", "--gap 0",
                                   "--checkpoint=", "--logdir nowhere/there", "--checkpoint file", "--batch-size 0"])
def test_wrong_use_is_one_line_and_status_2(wrong, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(SystemExit) as ended:
        script.main(wrong.split(" "))
    shown = capsys.readouterr()
    assert ended.value.code == 2 and not shown.out and len(shown.err.splitlines()) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_result_line_and_what_main_returns(capsys):
    results = script.main([*FEW, "--layers", "1", "--units", "2"])
    assert results["mse"] == pytest.approx(script.mse(results["prediction"], script.make_data(20, [300, 60], .01)[3]))
    errors = [results["mse"], *results["baselines"].values()]
    assert capsys.readouterr().out.split() == "test MSE: {:.2e} last value: {:.2e} straight line: {:.2e}".format(
        *errors).split()


def test_what_is_printed_and_drawn_stands_at_its_points_and_iterations(monkeypatch, capsys, pictures):
    y = script.make_data(20, [300, 60], 0.01)[3]

    def train(iterations, seed, xla, n_steps, units, keep_prob, batch_size, points, gap, unroll, checkpoint, logdir,
              on_step):
        for i in range(500):
            on_step(i, 0, lambda i=i: y + (i + 1) / 500)
        return y + 2, 510

    monkeypatch.setattr(script, "train", train)
    figures = pictures(script)
    script.main(["--points", "300", "60", "--no-plot"])
    assert capsys.readouterr().out.splitlines()[:2] == ["250 \tMSE: 2.50e-01", "500 \tMSE: 1.00e+00"]
    top, bottom = figures[0].axes
    for line, shift in zip(top.lines, (0, 2)):
        t, values = line.get_data()
        np.testing.assert_allclose(np.ravel(values), np.sin(t) + shift, atol=1e-6)
    error, *baselines = bottom.lines
    np.testing.assert_allclose(error.get_data(), [[250, 500, 510], [0.25, 1, 4]], rtol=1e-5)
    assert {line.get_label() for line in baselines} == {"last value", "straight line"}
