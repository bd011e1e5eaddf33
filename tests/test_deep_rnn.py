"""deep_rnn.py: one kernel per layer, both stacks alike, dropout only while training, and checkpoints."""
import os

import numpy as np
import pytest
from conftest import run
from test_contract import functions

import deep_rnn as script
import time_series_rnn
from deep_rnn import tf

FEW = ["--iterations", "3", "--layers", "2"]
SMALL = {"n_layers": 3, "n_units": 20}


def names_of(**options):
    names = []
    script.train(1, on_step=lambda *rest: names.extend(v.op.name for v in tf.global_variables()), **options)
    return names


def stored(folder):
    reader = tf.train.load_checkpoint(str(folder))
    return {name: reader.get_tensor(name) for name in reader.get_variable_to_shape_map()}


def test_it_is_a_small_diff_of_time_series_rnn():
    lesson, this = functions("time_series_rnn"), functions("deep_rnn")
    same = [name for name in lesson if name in this]
    assert same == [name for name in this if name in lesson]  # the same order
    assert set(this) - set(lesson) == {"glorot", "make_cell", "restore", "save"}
    assert set(lesson) - set(this) == {"make_windows", "make_batch", "make_test", "shown"}
    assert this["series"] == lesson["series"]
    np.testing.assert_array_equal(script.make_times(), time_series_rnn.make_times())


@pytest.mark.parametrize("stack", ["multi", "layerwise"])
@pytest.mark.parametrize("keep_prob", [1, 0.5])
def test_one_kernel_for_each_layer_under_the_same_name(stack, keep_prob):
    kernels = [name for name in names_of(stack=stack, keep_prob=keep_prob, **SMALL) if name.endswith("/kernel")]
    assert kernels == [f"rnn/multi_rnn_cell/cell_{n}/basic_rnn_cell/kernel" for n in range(3)] + ["dense/kernel"]


def test_the_same_cell_ten_times_is_one_layer_or_none_at_all():
    def kernels(n_inputs):
        with tf.Graph().as_default():
            cell = tf.nn.rnn_cell.BasicRNNCell(8)
            x = tf.placeholder(tf.float32, [None, 5, n_inputs])
            tf.nn.dynamic_rnn(tf.nn.rnn_cell.MultiRNNCell([cell] * 10), x, dtype=tf.float32)
            return [v.op.name for v in tf.trainable_variables() if "kernel" in v.name]

    assert len(kernels(8)) == 1  # one kernel where ten are wanted
    with pytest.raises(ValueError):  # and it fits the first layer only
        kernels(1)


def test_both_stacks_train_alike():
    (multi, by_multi), (layerwise, by_layers) = [script.train(5, stack=s, **SMALL) for s in ("multi", "layerwise")]
    np.testing.assert_allclose(multi, layerwise, rtol=1e-6)
    np.testing.assert_allclose(by_multi, by_layers, rtol=1e-5, atol=1e-6)


def forward(w, outputs):
    """The prediction (time,) of points (time, input), by the equations."""
    for n in range(3):
        name, h, hs = f"rnn/multi_rnn_cell/cell_{n}/basic_rnn_cell/", np.zeros(20), []
        for x_t in outputs:
            h = np.maximum(np.concatenate([x_t, h]) @ w[name + "kernel"] + w[name + "bias"], 0)
            hs.append(h)
        outputs = np.array(hs)
    return (outputs @ w["dense/kernel"] + w["dense/bias"])[:, 0]


def test_loss_and_prediction_are_those_of_the_equations_each_at_its_points():
    seen = []

    def on_step(i, loss, test):
        values = {v.op.name: tf.get_default_session().run(v) for v in tf.trainable_variables()}
        seen.append((values, loss, test()))

    script.train(2, on_step=on_step, **SMALL)
    (before, _, _), (after, loss, prediction) = seen
    t = script.make_times()[0]  # (time, input)
    assert loss == pytest.approx(np.mean((forward(before, t[:-1]) - script.series(t[:-1, 0])) ** 2), rel=1e-4)
    np.testing.assert_allclose(forward(after, t[1:]), prediction, rtol=1e-4, atol=1e-5)


def test_printed_numbers_are_of_the_step_and_of_the_points_that_they_name(capsys):
    results = script.main(["--iterations", "101", "--layers", "1", "--units", "5", "--no-xla", "--no-plot"])
    losses, t = results["losses"], script.make_times()[0, 1:, 0]
    on = np.mean((results["prediction"] - script.series(t)) ** 2)
    late = np.mean((results["prediction"][1:] - script.series(t)[:-1]) ** 2)
    assert capsys.readouterr().out.splitlines() == [
        f"0 \tMSE: {losses[0]:.4g}", f"100 \tMSE: {losses[100]:.4g}",
        f"MSE on the 100 points from t = 0.15 to 15: {on:.4g}", f"MSE of the same against the point before: {late:.4g}"]
    assert results["mse"] == on != late


def test_first_weights_do_not_depend_on_the_graph():
    first = []
    for options in ({}, {"stack": "layerwise", "xla": False}, {"seed": 1, "xla": False}):
        first.append(script.train(1, **SMALL, **options)[1])
    np.testing.assert_allclose(first[1], first[0], rtol=1e-4, atol=1e-5)
    assert not np.allclose(first[2], first[0], atol=0.01)


def test_dropout_while_training_and_never_while_predicting():
    tests, losses = [], []
    for keep_prob in (1, 0.5):  # a rate of 0 leaves the weights as they are: what differs is dropout
        rate, script.LEARNING_RATE = script.LEARNING_RATE, 0.0
        try:
            losses.append(script.train(4, keep_prob=keep_prob, on_step=lambda i, loss, test: tests.append(test()),
                                       **SMALL)[0])
        finally:
            script.LEARNING_RATE = rate
    kept, dropped = losses
    assert len(set(kept)) == 1
    assert len(set(dropped)) == 4, "each step draws its own mask"
    for prediction in tests[5:]:
        np.testing.assert_array_equal(prediction, tests[4])
    np.testing.assert_allclose(tests[4], tests[0], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("stack", ["multi", "layerwise"])
def test_the_seed_fixes_the_masks_of_the_plain_graph(stack):
    once, again = [script.train(5, keep_prob=0.5, xla=False, stack=stack, **SMALL)[0] for _ in range(2)]
    assert once == again


def test_what_dropout_keeps():
    """A layer keeps about P of its inputs, times 1 / P, and all of its state; masks differ between the steps."""
    def cell_outputs(x, keep_prob):
        cell = script.make_cell(1, keep_prob, True)
        return [tf.nn.dynamic_rnn(cell, x, dtype=tf.float32)[0]]

    with tf.Graph().as_default(), tf.Session() as sess:
        tf.set_random_seed(0)
        x, keep = tf.placeholder(tf.float32, [1000, 2, 1]), tf.placeholder_with_default(1.0, [])
        build = tf.xla.experimental.compile if script.XLA else lambda step, inputs: step(*inputs)
        with tf.variable_scope("", initializer=tf.constant_initializer([[1.0], [1.0]])):  # h_t = x_t + h_(t-1)
            outputs, = build(cell_outputs, [x, keep])
        sess.run(tf.global_variables_initializer())
        ones = np.ones([1000, 2, 1])
        np.testing.assert_array_equal(sess.run(outputs, {x: ones}), np.cumsum(ones, axis=1))
        kept = np.diff(sess.run(outputs, {x: ones, keep: 0.25}), axis=1, prepend=0)  # of x_1, x_2
    assert set(np.unique(kept)) == {0, 4}
    assert 0.2 < np.mean(kept > 0) < 0.3
    assert np.any(kept[:, 0] != kept[:, 1])


def test_it_learns(monkeypatch):
    monkeypatch.setattr(script, "LEARNING_RATE", 0.001)
    losses, _ = script.train(150, **SMALL)
    assert losses[-1] < 0.8 * losses[0]


@pytest.mark.long
def test_a_run_in_two_parts_ends_with_the_same_weights(tmp_path):
    whole, _ = script.train(6, checkpoint=str(tmp_path / "whole"), **SMALL)
    first, _ = script.train(3, checkpoint=str(tmp_path / "parts"), **SMALL)
    second, prediction = script.train(6, checkpoint=str(tmp_path / "parts"), **SMALL)
    assert whole == first + second
    a, b = stored(tmp_path / "whole"), stored(tmp_path / "parts")
    assert set(a) == set(b) and a["global_step"] == 6
    for name in a:
        np.testing.assert_array_equal(a[name], b[name], err_msg=name)
    nothing, again = script.train(6, checkpoint=str(tmp_path / "parts"), **SMALL)
    assert nothing == []
    np.testing.assert_array_equal(prediction, again)


def test_a_killed_run_goes_on_from_its_last_checkpoint(tmp_path, monkeypatch):
    monkeypatch.setattr(script, "SAVE_EVERY", 2)

    def killed(i, loss, test):
        if i == 4:
            raise RuntimeError

    whole, _ = script.train(6, xla=False, **SMALL)
    with pytest.raises(RuntimeError):
        script.train(6, xla=False, checkpoint=str(tmp_path / "c"), on_step=killed, **SMALL)
    assert script.train(6, xla=False, checkpoint=str(tmp_path / "c"), **SMALL)[0] == whole[4:]


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A folder with a checkpoint of three iterations, and the results of the run that wrote it."""
    folder = tmp_path_factory.mktemp("trained") / "c"
    return folder, script.main(FEW + ["--no-plot", "--checkpoint", str(folder)])


def test_predict_gives_the_numbers_of_the_training_run_and_writes_nothing(trained):
    folder, results = trained
    before = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
    for flags in ([], ["--stack", "layerwise"], ["--keep-prob", "0.5"]):
        predicted = script.main(["--layers", "2", "--no-plot", "--predict", "--checkpoint", str(folder), *flags])
        assert predicted["losses"] == []
        np.testing.assert_allclose(predicted["prediction"], results["prediction"], rtol=1e-5, atol=1e-6)
    assert {path.name: path.stat().st_mtime_ns for path in folder.iterdir()} == before


def refused(capsys, *flags):
    with pytest.raises(SystemExit) as ended:
        script.main([*flags, "--no-plot"])
    shown = capsys.readouterr()
    assert ended.value.code == 2 and not shown.out and len(shown.err.splitlines()) == 1, shown
    return shown.err


def test_predict_needs_weights(tmp_path, capsys):
    assert "None" in refused(capsys, "--predict")
    assert str(tmp_path) in refused(capsys, "--predict", "--checkpoint", str(tmp_path))
    assert not os.listdir(str(tmp_path))


@pytest.mark.parametrize("other", [["--layers", "3"], ["--layers", "2", "--units", "50"]])
def test_a_checkpoint_of_another_model_is_refused(trained, other, capsys):
    assert "deep_rnn-3" in refused(capsys, *other, "--checkpoint", str(trained[0]))


@pytest.mark.parametrize("damage", ["list", "data", "name"])
def test_a_damaged_checkpoint_is_refused(damage, trained, tmp_path, capsys):
    for path in trained[0].iterdir():
        (tmp_path / path.name.replace("deep_rnn", "char_rnn" if damage == "name" else "deep_rnn")).write_bytes(
            path.read_bytes().replace(b"deep_rnn", b"char_rnn") if path.name == "checkpoint" and damage == "name" else
            b"\0\1" if path.name == "checkpoint" and damage == "list" else
            path.read_bytes()[:1000] if ".data" in path.name and damage == "data" else path.read_bytes())
    refused(capsys, "--layers", "2", "--predict", "--checkpoint", str(tmp_path))


def test_a_checkpoint_of_the_other_tensorflow_predicts_the_same(other_python, tmp_path):
    folder = str(tmp_path / "c")
    theirs = run("deep_rnn", *FEW, "--no-plot", "--checkpoint", folder, cwd=str(tmp_path), python=other_python)
    assert theirs.returncode == 0, theirs.stderr
    mine = run("deep_rnn", "--layers", "2", "--no-plot", "--predict", "--checkpoint", folder, cwd=str(tmp_path))
    assert mine.returncode == 0, mine.stderr
    assert mine.stdout.splitlines() == theirs.stdout.splitlines()[1:]
