"""lstm_peephole_gru.py: its stacks are the equations' stacks, all cells learn, and a checkpoint loses nothing."""
import json
import os
import signal
import subprocess
import types

import numpy as np
import oracles
import pytest
import tensorflow.compat.v1 as tf
from conftest import ROOT

import lstm_peephole_gru as script

FEW = ["--iterations", "2", "--layers", "1", "--cells", "gru,coupled"]
CELLS = list(script.N_LAYERS)
SCOPES = {"lstm": "basic_lstm_cell", "peephole": "lstm_cell", "gru": "gru_cell", "coupled": "coupled_lstm_cell"}

pytestmark = pytest.mark.filterwarnings("ignore:`tf.nn.rnn_cell")

# reads one checkpoint and writes another, on the other TensorFlow; train(cell, 2) of three done trains nothing
EXCHANGE = """
import json, sys
import lstm_peephole_gru as script
script.N_STEPS = 10
read = script.train("peephole", 2, layers=1, checkpoint=sys.argv[1])
written = script.train("coupled", 3, layers=1, checkpoint=sys.argv[1])
print(json.dumps([[r["iterations"], r["mse"], *map(float, r["prediction"])] for r in (read, written)]))
"""


@pytest.fixture
def short(monkeypatch):
    """Ten steps over the same series, where the number of steps does not matter."""
    monkeypatch.setattr(script, "N_STEPS", 10)


def names_and_shapes(cell, layers):
    """The variables of a model as they have to be: name -> shape."""
    expected = {"dense/kernel": (script.N_UNITS, 1), "dense/bias": (1,)}
    for n in range(layers):
        for name, shape in oracles.shapes(cell, script.N_UNITS if n else 1, script.N_UNITS).items():
            expected[f"layer_{n}/rnn/{SCOPES[cell]}/{name}"] = shape
    return expected


def zero_state(cell):
    return tuple(np.zeros([1, script.N_UNITS]) for _ in range(1 if cell == "gru" else 2))


def numpy_forward(cell, layers, weights, x):
    """The whole model in float64: prediction, outputs of the last layer, and weights and tape of each."""
    h, layer_weights, tapes = x, [], []
    for n in range(layers):
        scope = f"layer_{n}/rnn/{SCOPES[cell]}/"
        layer_weights.append({name[len(scope):]: w for name, w in weights.items() if name.startswith(scope)})
        h, _, tape = oracles.forward(cell, layer_weights[n], h, zero_state(cell), "relu")
        tapes.append(tape)
    return h @ weights["dense/kernel"] + weights["dense/bias"], h, layer_weights, tapes


def numpy_loss_and_gradients(cell, layers, weights, x, y):
    """The whole model in float64, forward and back: the loss, and its gradients by name."""
    prediction, inputs, layer_weights, tapes = numpy_forward(cell, layers, weights, x)
    error = prediction - y
    d_prediction = 2 * error / error.size
    gradients = {"dense/kernel": np.einsum("btu,bto->uo", inputs, d_prediction),
                 "dense/bias": d_prediction.sum(axis=(0, 1))}
    d_outputs = d_prediction @ weights["dense/kernel"].T
    for n in reversed(range(layers)):
        of_layer, d_outputs, _ = oracles.backward(cell, layer_weights[n], tapes[n], d_outputs, zero_state(cell), "relu")
        gradients.update({f"layer_{n}/rnn/{SCOPES[cell]}/{name}": g for name, g in of_layer.items()})
    return np.mean(error ** 2), gradients


@pytest.mark.parametrize("cell", CELLS)
def test_loss_and_gradients_of_the_stack_are_those_of_the_equations(cell):
    t = script.make_times()[:, 1:]
    x, y = t / 15, script.series(t)
    with tf.Graph().as_default(), tf.Session() as sess:
        tf.set_random_seed(2)
        loss = script.compute_loss(script.predict(tf.constant(x, tf.float32), cell, 2), y)
        variables = {v.op.name: v for v in tf.trainable_variables()}
        assert {name: tuple(v.shape.as_list()) for name, v in variables.items()} == names_and_shapes(cell, 2)
        gradients = dict(zip(variables, tf.gradients(loss, list(variables.values()))))
        sess.run(tf.global_variables_initializer())
        weights = {name: w.astype(np.float64) for name, w in sess.run(variables).items()}
        found_loss, found = sess.run([loss, gradients])
    loss, gradients = numpy_loss_and_gradients(cell, 2, weights, x, y)
    assert found_loss == pytest.approx(loss, rel=1e-5)
    for name in gradients:
        assert gradients[name].any(), f"nothing to compare in {name}"
        scale = np.abs(gradients[name]).max()
        np.testing.assert_allclose(found[name], gradients[name], rtol=1e-4, atol=1e-5 * scale, err_msg=name)


def test_layer_by_layer_is_the_notes_multi_rnn_cell():
    x = np.linspace(0, 15, 2 * script.N_STEPS).reshape(2, script.N_STEPS, 1)
    with tf.Graph().as_default(), tf.Session() as sess:
        tf.set_random_seed(1)
        place = tf.placeholder(tf.float32, [None, script.N_STEPS, 1])
        stack = tf.nn.rnn_cell.MultiRNNCell([script.make_cell("peephole") for _ in range(3)])
        outputs, _ = tf.nn.dynamic_rnn(stack, place, dtype=tf.float32)
        by_layer = script.predict(place, "peephole", 3)
        sess.run(tf.global_variables_initializer())
        for v in tf.trainable_variables():
            if v.op.name.startswith("rnn/"):
                twin = v.op.name.replace("rnn/multi_rnn_cell/cell_", "layer_").replace("/lstm", "/rnn/lstm") + ":0"
                v.load(sess.run(twin), sess)
        outputs, by_layer, kernel, bias = sess.run([outputs, by_layer, "dense/kernel:0", "dense/bias:0"], {place: x})
    assert by_layer.any()
    np.testing.assert_allclose(outputs @ kernel + bias, by_layer, rtol=1e-5, atol=1e-6 * np.abs(by_layer).max())


def test_the_coupled_cell_stores_exactly_what_it_forgets():
    # a candidate equal to the old c leaves c as it is, whatever the gate: no LSTM with two gates does that
    c = np.array([[0.3, 1.0, 2.0]], np.float32)
    with tf.Graph().as_default(), tf.Session() as sess:
        cell = script.CoupledLSTMCell(3, activation=tf.identity)
        _, state = cell(tf.ones([1, 2]), tf.nn.rnn_cell.LSTMStateTuple(tf.constant(c), tf.zeros([1, 3])))
        kernel, bias = tf.trainable_variables()
        sess.run(tf.global_variables_initializer())
        values = np.zeros(kernel.shape.as_list(), np.float32)
        values[:2, :3] = c / 2  # j = c
        values[:2, 3:6] = np.random.RandomState(0).normal(0, 1, [2, 3])
        kernel.load(values, sess)
        np.testing.assert_allclose(sess.run(state.c), c, rtol=1e-6)


@pytest.mark.parametrize("cell", CELLS)
def test_every_cell_learns(cell, monkeypatch):
    monkeypatch.setattr(script, "N_STEPS", 30)
    monkeypatch.setattr(script, "LEARNING_RATE", 0.003)
    losses = []
    mse = script.train(cell, 150, layers=1, on_step=lambda i, loss, _: losses.append(loss))["mse"]
    constant = np.var(script.series(script.make_times()[:, :-1]))  # the MSE of the best constant
    assert losses[0] > 0.9 * constant and mse < 0.55 * constant


def test_loss_mse_and_prediction_are_at_the_points_the_docstring_says(short, tmp_path):
    t, seen = script.make_times(), []
    options = {"layers": 1, "xla": False, "checkpoint": str(tmp_path)}
    script.train("gru", 1, **options)
    before = stored(tmp_path / "gru")
    result = script.train("gru", 2, on_step=lambda i, loss, trained: seen.append((i, loss, trained)), **options)
    after = stored(tmp_path / "gru")
    (i, loss, trained), = seen
    expected = numpy_forward("gru", 1, before, t[:, :-1])[0]
    assert i == 1 and loss == pytest.approx(np.mean((expected - script.series(t[:, :-1])) ** 2), rel=1e-5)
    np.testing.assert_allclose(trained, expected[0, :, 0], rtol=1e-4, atol=1e-5)
    mse = np.mean((numpy_forward("gru", 1, after, t[:, :-1])[0] - script.series(t[:, :-1])) ** 2)
    assert result["mse"] == pytest.approx(mse, rel=1e-5) and mse < loss
    np.testing.assert_allclose(result["prediction"], numpy_forward("gru", 1, after, t[:, 1:])[0][0, :, 0],
                               rtol=1e-4, atol=1e-5)
    assert result["parameters"] == sum(np.prod(shape) for shape in names_and_shapes("gru", 1).values())


def test_what_is_printed_is_of_the_step_and_the_cell(short, capsys):
    flags = ["--iterations", "1", "--layers", "1", "--cells", "gru", "--no-plot", "--no-xla"]
    results = [script.main([*flags, "--seed", seed])["gru"] for seed in ("0", "1")]
    assert results[0]["mse"] != results[1]["mse"]
    losses = []
    script.train("gru", 1, 1, False, 1, on_step=lambda i, loss, _: losses.append(loss))
    first, header, row = capsys.readouterr().out.splitlines()[-3:]
    assert first == f"gru 0 \tMSE: {losses[0]:.4g}"
    numbers = ["gru", "1", f"{results[1]['parameters']:,}", "1", f"{results[1]['mse']:.3g}"]
    assert row.split()[:5] == numbers and header.split()[:5] == ["cell", "layers", "parameters", "iterations", "MSE"]


def test_time_of_an_iteration_is_without_the_first_which_compiles(short, monkeypatch):
    clock = iter([0, 9, 10, 10.001, 20, 20.003, 30, 30.002])  # seconds: 9, then 1, 3 and 2 ms
    monkeypatch.setattr(script, "time", types.SimpleNamespace(time=lambda: 0.0, perf_counter=clock.__next__))
    assert script.train("gru", 4, layers=1, xla=False)["ms"] == pytest.approx(2)


@pytest.mark.skipif(not script.XLA, reason="TF 1.15 trains on the plain graph")
def test_xla_changes_the_speed_and_not_the_numbers(short):
    fast, plain = (script.train("peephole", 10, layers=2, xla=xla) for xla in (True, False))
    np.testing.assert_allclose(fast["prediction"], plain["prediction"], rtol=1e-4, atol=1e-4)
    assert fast["mse"] == pytest.approx(plain["mse"], rel=1e-4)


def stored(folder):
    reader = tf.train.load_checkpoint(str(folder))
    return {name: reader.get_tensor(name) for name in reader.get_variable_to_shape_map()}


@pytest.mark.parametrize("cell", ["peephole"])
def test_stopped_anywhere_and_started_again_ends_with_the_same_bits(cell, short, tmp_path, monkeypatch):
    monkeypatch.setattr(script, "SAVE_EVERY", 2)
    whole, parts = str(tmp_path / "whole"), str(tmp_path / "parts")
    kwargs = {"layers": 1, "xla": False}

    def killed(i, *_):
        if i == 4:
            raise ZeroDivisionError

    expected = script.train(cell, 7, checkpoint=whole, **kwargs)
    with pytest.raises(ZeroDivisionError):  # five steps are done, four are saved
        script.train(cell, 7, checkpoint=parts, on_step=killed, **kwargs)
    seen = []
    found = script.train(cell, 7, seed=9, checkpoint=parts, on_step=lambda i, *_: seen.append(i), **kwargs)
    assert seen == [4, 5, 6]
    expected_values, values = stored(tmp_path / "whole" / cell), stored(tmp_path / "parts" / cell)
    assert values["global_step"] == 7 and (tmp_path / "parts" / cell / "lstm_peephole_gru-7.index").exists()
    assert set(names_and_shapes(cell, 1)) < set(values) == set(expected_values)
    assert all(np.array_equal(values[name], expected_values[name]) for name in values)
    assert found["mse"] == expected["mse"] and (found["prediction"] == expected["prediction"]).all()
    again = script.train(cell, 7, checkpoint=parts, **kwargs)  # nothing is left to train: the same results
    assert again["mse"] == expected["mse"] and again["ms"] is None


def test_checkpoints_go_both_ways(other_python, short, tmp_path):
    def numbers(result):
        return [result["iterations"], result["mse"], *result["prediction"]]

    written_here = script.train("peephole", 3, layers=1, checkpoint=str(tmp_path))
    shown = subprocess.run([other_python, "-c", EXCHANGE, str(tmp_path)], env=dict(os.environ, PYTHONPATH=str(ROOT)),
                           check=True, stdout=subprocess.PIPE).stdout
    read_there, written_there = json.loads(shown.decode().splitlines()[-1])
    read_here = script.train("coupled", 2, layers=1, checkpoint=str(tmp_path), xla=False)
    for written, read in ((numbers(written_here), read_there), (written_there, numbers(read_here))):
        assert written[0] == read[0] == 3
        np.testing.assert_allclose(read, written, rtol=1e-4, atol=1e-5)


def test_a_checkpoint_that_does_not_fit_is_found_before_any_training(short, tmp_path, capsys, monkeypatch):
    folder = str(tmp_path)
    flags = ["--no-plot", "--checkpoint", folder, "--layers", "1", "--iterations", "1"]
    script.train("gru", 1, layers=1, checkpoint=folder, xla=False)
    monkeypatch.setattr(script, "train", None)  # would be a TypeError

    def refused(*more):
        with pytest.raises(SystemExit) as ended:
            script.main([*flags, *more])
        shown = capsys.readouterr()
        assert ended.value.code == 2 and not shown.out and len(shown.err.splitlines()) == 1
        assert folder in shown.err and os.listdir(folder) == ["gru"]

    refused("--cells", "lstm,gru", "--layers", "2")
    (tmp_path / "gru").rename(tmp_path / "coupled")
    (tmp_path / "gru").mkdir()
    for path in (tmp_path / "coupled").iterdir():
        path.rename(tmp_path / "gru" / path.name)
    (tmp_path / "coupled").rmdir()
    data = next((tmp_path / "gru").glob("*.data*"))
    data.write_bytes(data.read_bytes()[:-1000])
    refused("--cells", "coupled,gru")
    (tmp_path / "gru" / "checkpoint").write_text("nonsense")
    refused("--cells", "gru")


@pytest.mark.parametrize("cells", ["", "lstm,rnn", "gru,gru", "LSTM", "lstm,"])
def test_wrong_cells_are_refused(cells, capsys):
    with pytest.raises(SystemExit) as ended:
        script.main(["--cells", cells])
    assert ended.value.code == 2 and f"{cells!r}" in capsys.readouterr().err


def test_ctrl_c_leaves_the_cells_that_follow_untrained(monkeypatch, capsys):
    monkeypatch.setattr(script.tqdm, "write", lambda line: os.kill(os.getpid(), signal.SIGINT))
    results = script.main(["--iterations", "9", "--layers", "1", "--no-plot", "--no-xla"])
    assert list(results) == ["lstm"] and results["lstm"]["iterations"] == 1
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == ["cell", "lstm"]


def test_a_loss_that_is_not_finite_stops_the_training_and_is_not_saved(monkeypatch, tmp_path):
    monkeypatch.setattr(script, "LEARNING_RATE", 1e30)
    monkeypatch.setattr(script, "SAVE_EVERY", 1)
    with pytest.raises(SystemExit, match=r"the loss is (nan|inf) at iteration 1:"):
        script.train("gru", 20, layers=1, xla=False, checkpoint=str(tmp_path))
    assert stored(tmp_path / "gru")["global_step"] == 1
