"""The benchmarks: rows like the scripts, peers that compute the same, tables and figure as the stored results say."""
import importlib
import json
import os
import re
import subprocess
import sys
import types

import matplotlib.axes
import numpy as np
import pytest
from conftest import ROOT, SCRIPTS

sys.path.insert(0, str(ROOT / "benchmarks"))
import drawing
import ours
import rows
import run as benchmark
import worker

TF2_ONLY = pytest.mark.skipif(sys.version_info < (3, 8), reason="PyTorch and JAX run beside today's TensorFlow")


def stored():
    """What is stored; the same functions are tested on made-up results, below."""
    if not benchmark.RESULTS.exists():
        pytest.skip("no results are stored yet")
    return benchmark.load()


def made_up():
    """Results of all parts, with numbers that are easy to find again."""
    machine = {"cpu": "a CPU", "cores": 2, "python": "3.11", "tensorflow": "2.21.0", "torch": "2.13.0", "jax": "0.10",
               "numpy": "2", "date": "2001-02-03"}
    peers = {peer: {"median": 2.0 + n, "low": 1.5 + n, "high": 9.0 + n, "steps": 9, "start": 3.0, "first": 0.5,
                    "difference": 2e-6} for n, peer in enumerate(worker.PEERS) if peer != "tf1"}
    script = {"seconds": 12.3, "import": 4.5, "first": None, "memory": 678.0}
    return {"steps": {"machine": machine, "results": {"sin_to_cos": peers, "lstm x 5": peers}},
            "scripts": {"machine": machine, "results": {"simple_rnn": script}},
            "drawing": {"machine": machine, "results": {"deep_rnn": {"100": 7.7, "10000": 8.8}}},
            "memory": {"machine": machine, "results": {"static_rnn": {"10": 400.0, "100": 555.0}}}}


def test_tables_and_figure_come_from_the_results(tmp_path, monkeypatch):
    results = made_up()
    monkeypatch.setattr(benchmark, "FIGURE", tmp_path / "figure.png")
    monkeypatch.setattr(benchmark, "RESULTS", tmp_path / "results.json")
    page = tmp_path / "README.md"
    page.write_text("before\n" + "".join(f"<!--{name}-->\nold\n<!--/{name}-->\n" for name in
                                        ("benchmarks", "steps", "scripts", "drawing", "memory")) + "after\n")
    monkeypatch.setattr(benchmark, "pages", lambda: [(page, "benchmarks/", None)])
    benchmark.store(results)
    assert benchmark.load() == results
    benchmark.main(["--text"])
    text = page.read_text(encoding="utf-8")
    assert text.startswith("before\n") and text.endswith("after\n") and "old" not in text
    assert "| sin_to_cos | **2.00** | 3.00 (1.5x) |  | 5.00 (2.5x) | 6.00 (3.0x) |" in text
    assert "| lstm x 5 | PyTorch | 5.00 | 4.50 to 12.00 | 2.5x | 3.0 | 0.50 | 2e-06 | " + \
        rows.ROWS["lstm x 5"].note in text
    assert "| simple_rnn.py | 12.3 | 4.5 |  | 678 |" in text
    assert "| deep_rnn | 7.7 | 8.8 |" in text and "| static_rnn | 400 | 555 |" in text
    assert "](benchmarks/figure.png)" in text and "a CPU · 2 CPU" in text and "2001-02-03" in text
    assert benchmark.FIGURE.read_bytes().startswith(b"\x89PNG")
    benchmark.main(["--text"])
    assert page.read_text(encoding="utf-8") == text


class Turns:
    """Stands in for the peers' processes: of each, its first losses and the ms of its turns; keeps what was done."""

    def __init__(self, monkeypatch, losses, ms):
        self.losses, self.ms, self.done, self.weights = losses, ms, [], set()
        monkeypatch.setattr(benchmark, "python_of", lambda peer: peer in losses)
        monkeypatch.setattr(benchmark, "start", self.start)
        monkeypatch.setattr(benchmark, "listen", self.listen)

    def start(self, peer, row, weights, folder):
        self.weights.add(weights)
        stdin = types.SimpleNamespace(write=lambda line: self.done.append((peer, line)), flush=lambda: None,
                                      close=lambda: self.done.append((peer, "end")))
        process = types.SimpleNamespace(stdin=stdin, wait=lambda: None, turns=iter(self.ms[peer]))
        return process, {"start": 2.0, "first": 1.0, "losses": self.losses[peer], "ms": []}

    def listen(self, process, peer, row):
        return next(process.turns)


def test_peers_take_turns_and_the_spread_is_that_of_all_their_steps(monkeypatch):
    losses = {"xla": [10.0, 0.5], "plain": [10.0, 0.5], "torch": [10.0004, 0.49996], "jax": [10.0, 0.5]}
    ms = {peer: [[30, 20, 1], [2, 3, 900, 4, 5, 6, 7]] for peer in losses}
    turns = Turns(monkeypatch, losses, dict(ms, jax=[[1], [3]]))
    results = benchmark.measure_row("creative", 2, 0.5)
    order = [(peer, "0.5\n") for peer in losses] * 2
    assert turns.done == order + [(peer, "end") for peer in reversed(list(losses))] and len(turns.weights) == 1
    assert list(results) == list(losses)
    assert results["xla"] == {"start": 2.0, "first": 1.0, "median": 5.5, "low": 2, "high": 900, "steps": 10,
                              "difference": 0}
    assert results["jax"]["median"] == 2
    assert results["torch"]["difference"] == pytest.approx(4e-5)  # relative where the loss is above 1


@pytest.mark.parametrize("jax", [[10.0, 0.5002], [10.0, 0.4998], [10.002, 0.5], [9.998, 0.5]])
def test_losses_that_differ_are_no_result_but_with_dropout(monkeypatch, jax):
    losses = {"xla": [10.0, 0.5], "jax": jax}
    Turns(monkeypatch, losses, {peer: [[1.0]] for peer in losses})
    with pytest.raises(SystemExit, match="creative: the losses differ by 2.0e-04"):
        benchmark.measure_row("creative", 1, 0.5)
    Turns(monkeypatch, losses, {peer: [[1.0]] for peer in losses})
    assert [peer["difference"] for peer in benchmark.measure_row("char_rnn", 1, 0.5).values()] == [None, None]


def test_what_is_measured_again_replaces_its_own_result_only(monkeypatch, tmp_path):
    monkeypatch.setattr(benchmark, "RESULTS", tmp_path / "results.json")
    monkeypatch.setattr(benchmark, "machine", lambda: "this one")
    benchmark.store({"drawing": {"machine": "old", "results": {"c": 1, "a": 2, "gone": 3}}, "memory": "untouched"})
    benchmark.measure_part("drawing", ["a", "b"], lambda name: name + "!", ["a", "b", "c"])
    results = benchmark.load()
    assert results == {"drawing": {"machine": "this one", "results": {"a": "a!", "b": "b!", "c": 1}},
                       "memory": "untouched"}
    assert list(results["drawing"]["results"]) == ["a", "b", "c"]
    assert benchmark.names(["a", "b", "c"])("c, a") == ["a", "c"]


def test_dots_and_bars_of_the_figure_are_the_results(monkeypatch, tmp_path):
    drawn, plain = {}, matplotlib.axes.Axes.errorbar

    def errorbar(self, x, y, xerr, label, **options):
        drawn[label] = [(median - low, median, median + high) for median, low, high in zip(x, *xerr)]
        return plain(self, x, y, xerr=xerr, label=label, **options)

    monkeypatch.setattr(matplotlib.axes.Axes, "errorbar", errorbar)
    monkeypatch.setattr(benchmark, "FIGURE", tmp_path / "figure.png")
    benchmark.draw(made_up()["steps"])
    assert drawn == {name: [(1.5 + n, 2.0 + n, 9.0 + n)] * 2 for n, name in enumerate(
        ["XLA", "--no-xla", "TF 1.15", "PyTorch", "JAX"]) if name != "TF 1.15"}


def test_frames_are_drawn_by_the_script_as_of_the_iterations_asked_for(monkeypatch):
    script = importlib.import_module("deep_rnn")
    for thing, name in ((script, "live"), (script, "train"), (script.tqdm, "write"), (drawing, "milliseconds")):
        monkeypatch.setattr(thing, name, getattr(thing, name))  # to be put back
    monkeypatch.setattr(drawing, "FRAMES", (100, 300))

    def milliseconds(canvas, update):
        update()
        return len(canvas.figure.axes[1].lines[0].get_xdata())  # the losses so far

    monkeypatch.setattr(drawing, "milliseconds", milliseconds)
    assert drawing.measure("deep_rnn") == {100: 101, 300: 301}


def test_a_frame_is_updated_and_drawn_and_of_several_the_median_counts(monkeypatch):
    done, stamps = [], [0, 9, 9, 9.001, 9, 9.003, 9, 9.002, 9, 9.004]  # seconds
    monkeypatch.setattr(drawing, "REPEATS", 5)
    monkeypatch.setattr(drawing, "time", types.SimpleNamespace(perf_counter=iter(stamps).__next__))
    canvas = types.SimpleNamespace(draw=lambda: done.append("draw"))
    assert drawing.milliseconds(canvas, lambda: done.append("update")) == pytest.approx(3)
    assert done == ["update", "draw"] * 5


def test_pages_say_what_is_stored():
    results = stored()
    for path, folder, words in benchmark.pages():
        text = path.read_text(encoding="utf-8")
        assert benchmark.filled(text, results, folder, words) == text, path


def test_stored_results_are_whole_and_fair():
    results = stored()
    assert list(results["steps"]["results"]) == list(rows.ROWS)
    assert list(results["scripts"]["results"]) == SCRIPTS
    for name, peers in results["steps"]["results"].items():
        assert {"xla", "plain", "torch", "jax"} <= set(peers), name
        for peer in peers.values():
            assert 0 < peer["low"] <= peer["median"] <= peer["high"]
            assert (peer["difference"] is None) == (rows.ROWS[name].keep_prob < 1)
            assert peer["difference"] is None or peer["difference"] <= benchmark.TOLERANCE


def test_every_row_is_a_script_and_the_readme_of_the_benchmarks_has_every_block():
    assert {row.script for row in rows.ROWS.values()} <= set(SCRIPTS)
    assert set(drawing.DRAWN) == set(SCRIPTS) - {"simple_rnn", "static_vs_dynamic_rnn"}  # which draw no training
    text = (ROOT / "benchmarks" / "README.md").read_text(encoding="utf-8")
    assert set(re.findall("<!--([a-z]+)-->", text)) == set(benchmark.blocks(made_up()))


def batch_of(name, i):
    """The batch of a row, made by its script."""
    row = rows.ROWS[name]
    script = importlib.import_module(row.script)
    if row.script in ("deep_rnn", "lstm_peephole_gru"):
        t = script.make_times()[:, :-1]
        return t, script.series(t)
    if row.script == "mnist_rnn_classifier":
        return script.make_batch(script.Data("noise", *rows.images(), None, None), row.cell, i, 0)
    if row.script == "char_rnn":
        chars = "".join(sorted(set(rows.text())))
        return [part[i] for part in script.make_windows(script.split(rows.text())[0], chars)]
    options = {"time_series_rnn": ["times"], "creative_rnn": ["values"]}
    return script.make_batch(i, *options.get(row.script, []))[:2]


@pytest.mark.parametrize("name", rows.ROWS)
@pytest.mark.parametrize("i", [0, 3])
def test_batches_are_those_of_the_script(name, i):
    for made, expected in zip(rows.ROWS[name].batch(i), batch_of(name, i)):
        np.testing.assert_array_equal(made, expected)


def test_text_begins_anew_where_the_script_s_does():
    script = importlib.import_module("char_rnn")
    n = len(script.make_windows(script.split(rows.text())[0], sorted(set(rows.text())))[0])
    assert [rows.initial_carry(i) for i in (0, 1, n - 1, n, n + 1)] == [0, 1, 1, 0, 1]


@pytest.mark.parametrize("name", rows.ROWS)
def test_learning_rates_are_those_of_the_script(name):
    row = rows.ROWS[name]
    script = importlib.import_module(row.script)
    settings = script.SETTINGS[row.cell] if row.script == "mnist_rnn_classifier" else None
    assert row.learning_rate == (settings.learning_rate if settings else script.LEARNING_RATE)
    if row.script == "char_rnn":
        assert row.clip == script.MAX_NORM and row.keep_prob in (script.KEEP_PROB, 1)


def test_ours_begins_with_the_weights_that_are_given(monkeypatch, tmp_path):
    row, weights, losses = rows.ROWS["time_series"], str(tmp_path / "weights.npz"), []
    script = importlib.import_module(row.script)
    monkeypatch.setattr(script, "steps", script.steps)  # to be put back

    def pace():
        losses.append((yield))

    ours.train(row, weights, pace, xla=False)
    with np.load(weights) as stored:
        np.savez(weights, **{name: 0 * stored[name] for name in stored.files})
    ours.train(row, weights, pace, xla=False)
    zero = np.mean(rows.times(0)[1] ** 2)  # of a network that always says 0
    assert losses[1] == pytest.approx(zero, rel=1e-5) and abs(losses[0] - zero) > 0.01


def test_ours_trains_with_the_dropout_and_on_the_text_of_the_row():
    script = importlib.import_module("char_rnn")
    for name, keep_prob in (("char_rnn", 0.9), ("char_rnn (no dropout)", 1.0)):
        kwargs = ours.options(script, rows.ROWS[name])
        assert kwargs["keep_prob"] == keep_prob and kwargs["text"] == rows.text()


def first_losses(peer, row, weights, python=sys.executable):
    """What a worker says of its first six steps."""
    done = subprocess.run([python, str(ROOT / "benchmarks" / "worker.py"), peer, row, weights], cwd=str(ROOT),
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, check=True,
                          env=dict(os.environ, MPLBACKEND="Agg"))
    return json.loads(done.stdout.splitlines()[0])["losses"]


@TF2_ONLY
@pytest.mark.parametrize("row", ["sin_to_cos", "mnist lstm", "char_rnn (no dropout)"])
def test_peers_compute_the_same(row, tmp_path):
    pytest.importorskip("torch", reason="pip install -r benchmarks/requirements.txt")
    pytest.importorskip("jax", reason="pip install -r benchmarks/requirements.txt")
    weights = str(tmp_path / "weights.npz")
    ours = first_losses("xla", row, weights)
    assert len(ours) == 6 and ours[0] != ours[-1]
    for peer in ("plain", "torch", "jax"):
        assert benchmark.difference(ours, first_losses(peer, row, weights)) <= benchmark.TOLERANCE, peer


@pytest.mark.parametrize("row", ["gru x 10", "lstm x 5", "peephole x 10"])
def test_loops_of_pytorch_and_jax_agree(row, tmp_path):
    torch = pytest.importorskip("torch", reason="pip install -r benchmarks/requirements.txt")
    pytest.importorskip("jax", reason="pip install -r benchmarks/requirements.txt")
    import peer_jax
    import peer_torch
    torch.set_num_threads(1)
    weights = weights_of(rows.ROWS[row], units=7, layers=2)
    steps = peer_torch.make_step(rows.ROWS[row], weights, compiled=False), peer_jax.make_step(rows.ROWS[row], weights)
    losses = [[step(i) for i in range(worker.CHECKED)] for step in steps]
    assert benchmark.difference(*losses) <= benchmark.TOLERANCE
    assert benchmark.difference(losses[0], losses[1][::-1]) > 0  # they change from step to step


def weights_of(row, units, layers):
    """Random weights of a small stack, by names as lstm_peephole_gru.py gives; larger ones make a relu LSTM explode."""
    random, weights = np.random.RandomState(0), {}
    for n in range(layers):
        size = units + (units if n else 1)
        shapes = {"kernel": [size, 4 * units], "bias": [4 * units]}
        if row.cell == "gru":
            shapes = {"gates/kernel": [size, 2 * units], "gates/bias": [2 * units],
                      "candidate/kernel": [size, units], "candidate/bias": [units]}
        if row.cell == "peephole":
            shapes.update({f"w_{gate}_diag": [units] for gate in "fio"})
        for leaf, shape in shapes.items():
            weights[f"layer_{n}/rnn/some_cell/{leaf}"] = random.randn(*shape) / 5
    return dict(weights, **{"dense/kernel": random.randn(units, 1), "dense/bias": random.randn(1)})


@pytest.mark.long
def test_worker_says_nothing_but_its_answers(tmp_path):
    code = "import char_rnn, worker; char_rnn.REPORT_EVERY = 2; worker.main()"
    path = os.pathsep.join([str(ROOT), str(ROOT / "benchmarks")])
    done = subprocess.run([sys.executable, "-c", code, "plain", "char_rnn (no dropout)", str(tmp_path / "weights.npz")],
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, check=True, cwd=str(tmp_path),
                          env=dict(os.environ, MPLBACKEND="Agg", PYTHONPATH=path))
    answer, = map(json.loads, done.stdout.splitlines())  # char_rnn printed three reports meanwhile
    assert len(answer["losses"]) == 6


def test_worker_takes_turns_and_ends_with_its_input(tmp_path):
    process = subprocess.Popen([sys.executable, str(ROOT / "benchmarks" / "worker.py"), "plain", "time_series",
                                str(tmp_path / "weights.npz")], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               text=True, cwd=str(tmp_path), env=dict(os.environ, MPLBACKEND="Agg"))
    said = [json.loads(line) for line in process.communicate("0.1\n0.1\n")[0].splitlines()]
    assert process.returncode == 0 and len(said) == 3
    assert len(said[0]["losses"]) == 6 and said[0]["first"] > 0
    for ms in said[1:]:
        assert len(ms) > 8 and min(ms) > 0
    with np.load(str(tmp_path / "weights.npz")) as weights:
        before, layers, after = rows.split_weights(weights)
    assert before is None and layers[0]["kernel"].shape == (101, 100) and after[0].shape == (100, 1)
