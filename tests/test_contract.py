"""What every script keeps, whatever it teaches."""
import ast
import importlib
import inspect
import pickle
import re
import sys

import matplotlib.pyplot as plt
import numpy as np
import pytest
import tensorflow as tf
from conftest import ROOT, SCRIPTS, few, lines, mostly_long, parser_of, run, source

BUDGET = {"simple_rnn": 180, "static_vs_dynamic_rnn": 270, "variable_length": 320, "sin_to_cos_lstm": 215,
          "bptt_rnn": 260, "predict_sin_lstm": 330, "mnist_rnn_classifier": 360, "time_series_rnn": 260,
          "creative_rnn": 230, "deep_rnn": 260, "multi_gpu_rnn": 430, "lstm_peephole_gru": 320,
          "bidirectional_lstm": 280, "char_rnn": 370}
NOTES = {
    "sin_to_cos_lstm": {"N_STEPS": 20, "N_UNITS": 10, "BATCH_SIZE": 50, "LEARNING_RATE": 0.006, "ITERATIONS": 200},
    "time_series_rnn": {"N_STEPS": 100, "N_UNITS": 100, "LEARNING_RATE": 0.001, "ITERATIONS": 10000},
    "creative_rnn": {"N_STEPS": 20, "N_UNITS": 100, "LEARNING_RATE": 0.001, "ITERATIONS": 10000, "N_GENERATED": 300},
    "deep_rnn": {"N_STEPS": 100, "N_UNITS": 100, "N_LAYERS": 10, "LEARNING_RATE": 0.00001, "ITERATIONS": 10000},
    "multi_gpu_rnn": {"N_STEPS": 100, "N_UNITS": 100, "N_LAYERS": 3},
    "lstm_peephole_gru": {"N_STEPS": 100, "N_UNITS": 100, "LEARNING_RATE": 0.00001, "ITERATIONS": 10000,
                          "CELLS": {"lstm": 5, "peephole": 10, "gru": 10, "coupled": 5}},
    "mnist_rnn_classifier": {"N_UNITS": {"rnn": 150, "lstm": 100}, "LEARNING_RATE": {"rnn": 0.001, "lstm": 0.01},
                             "BATCH_SIZE": {"rnn": 150, "lstm": 100}, "EPOCHS": 100}}
FENCE = "\n\n\n# the same in every script -----------------------------------------------------\n"
SECTIONS = ["data", "graph", "train", "run", "plot", "main", "the same in every script"]

each_script = pytest.mark.parametrize("name", SCRIPTS)


def header(name):
    """Returns the tricks around the imports, without the imports of the standard library and the constants."""
    text = source(name)
    end = text.index("\nXLA = ") if "\nXLA = " in text else text.index("\nN_")
    return text[text.index('\nos.environ["TF'):end].replace("    from tqdm import tqdm\n", "").strip()


def plumbing(name):
    """Returns the parts below the fence, by their first lines."""
    parts = source(name).split(FENCE)[1].split("\n\n\n")
    return {part.splitlines()[0]: part.strip() for part in parts}


@pytest.mark.parametrize("name", mostly_long(SCRIPTS, "sin_to_cos_lstm"))  # the others: test_trains_in_a_thread
def test_run_as_a_reader_does(name, tmp_path):
    done = run(name, *few(name), cwd=tmp_path)
    assert done.returncode == 0 and done.stdout.strip(), done.stderr
    assert lines(done.stderr) == ["no window: --save-plot FILE keeps the picture"]
    assert not list(tmp_path.iterdir()), "a run writes nothing that was not asked for"


@each_script
def test_sections_stand_in_their_order_and_within_the_budget(name):
    text = source(name)
    found = re.findall(r"^# ([a-z ]+?) -{10,}$", text, re.MULTILINE)
    assert found == [section for section in SECTIONS if section in found] and {"plot", "main"} <= set(found)
    assert len(text.splitlines()) <= BUDGET[name]
    assert max(map(len, text.splitlines())) <= 110
    has_checkpoints = "def save(sess" in text
    assert len(text.split(FENCE)[1].splitlines()) + 1 <= (95 if has_checkpoints else 70)


@each_script
def test_header_and_plumbing_are_the_same_to_the_letter(name):
    models = {**plumbing("sin_to_cos_lstm"), **plumbing("deep_rnn")}
    assert header(name) == header("sin_to_cos_lstm")
    for first, part in plumbing(name).items():
        assert part == models[first]


@each_script
def test_pep_723_block_equals_the_requirements(name):
    block = re.search(r"^# /// script\n(.*?)^# ///$", source(name), re.DOTALL | re.MULTILINE).group(1)
    dependencies = ast.literal_eval(re.search(r"dependencies = (\[.*?\])", block).group(1))
    assert dependencies == (ROOT / "requirements.txt").read_text().split()


@each_script
def test_docstring_has_its_four_lines_and_the_page_exists(name):
    docstring = ast.get_docstring(ast.parse(source(name)))
    words = [line.split()[0] for line in docstring.splitlines()[2:] if line and not line[0].isspace()]
    assert words == ["Shows", "Run", "Expect", "Notes"]
    assert (ROOT / "notes" / f"{name}.md").exists()


@each_script
def test_stands_alone_and_explains_its_functions(name):
    tree = ast.parse(source(name))
    imported = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    imported |= {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    imported = {module.split(".")[0] for module in imported}
    standard = getattr(sys, "stdlib_module_names", imported)
    assert imported - {"matplotlib", "numpy", "tensorflow", "tf_keras", "tqdm"} <= set(standard) - set(SCRIPTS)
    for node in tree.body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and node.name != "main":
            assert ast.get_docstring(node), f"{node.name} has no docstring"


@each_script
def test_help_shows_the_docstring_and_flags_that_make_sense_alone(name, capsys):
    module = importlib.import_module(name)
    with pytest.raises(SystemExit) as ended:
        module.main(["--help"])
    shown = capsys.readouterr().out
    assert ended.value.code == 0 and module.__doc__.strip() in shown
    assert {"--seed", "--no-plot", "--save-plot"} <= set(re.findall(r"--[a-z-]+", shown))
    assert not re.search(r"^\s+--\S+( \S+)?\s+(of|for|to|which|there)\b", shown, re.MULTILINE)


@pytest.mark.parametrize("name", NOTES)
def test_sizes_rates_and_series_are_the_notes(name):
    module, t = importlib.import_module(name), np.arange(101) * 0.15
    assert {constant: getattr(module, constant) for constant in NOTES[name]} == NOTES[name]
    if hasattr(module, "series"):
        np.testing.assert_allclose(module.series(t), t * np.sin(t) / 3 + 2 * np.sin(5 * t))
    if hasattr(module, "make_inputs"):
        np.testing.assert_allclose(np.ravel(module.make_inputs()), [*t[:-1], *t[1:]])  # the second: one point later


TRAINING = [name for name in SCRIPTS if "def train(" in source(name)]


def handed(name, *argv):
    """Returns what main() hands on to train() the first time, by parameter."""
    module, found = importlib.import_module(name), {}
    signature = inspect.signature(module.train)

    def train(*args, **options):
        found.update(signature.bind(*args, **options).arguments)
        found.pop("on_step", None)
        raise InterruptedError

    with pytest.MonkeyPatch().context() as patch, pytest.raises(InterruptedError):
        patch.setattr(module, "train", train)
        for slow, found_there in ("gradients", ([0.0], [[1.0]])), ("describe", None):
            patch.setattr(module, slow, lambda *_, there=found_there: there, raising=False)
        module.main(*argv)
    plt.close("all")
    return found


@pytest.mark.parametrize("name", TRAINING)
def test_main_without_arguments_trains_with_the_defaults(name, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["kernel", "-f", "kernel.json"])  # a notebook's own
    own = inspect.signature(importlib.import_module(name).train).parameters
    for key, value in handed(name).items():
        if own[key].default is not inspect.Parameter.empty and name != "static_vs_dynamic_rnn":  # it compares
            assert value == own[key].default or list(value) == list(own[key].default), key


@pytest.mark.parametrize("name", TRAINING)
def test_each_flag_reaches_the_training(name, tmp_path):
    series, table = tmp_path / "series", tmp_path / "table"
    series.write_text("".join(f"{n * n}\n" for n in range(300)))
    table.write_text("a,b\n" + "".join(f"{n},{n * n}\n" for n in range(300)))
    values = {"--text": inspect.__file__, "--prime": "a", "--checkpoint": tmp_path, "--series": series, "--column": "b",
              "--devices": "/cpu:0", int: 4, float: 0.5}
    needed = few(name)[:2] if few(name)[0] in ("--text", "--data") else []  # less to read
    skipped = ["--help", "--no-plot", "--save-plot", "--data", "--cluster", "--task", "--timeout"]
    if name == "static_vs_dynamic_rnn" or tf.__version__.startswith("1."):
        skipped.append("--no-xla")  # the first training is never compiled
    old = handed(name, needed)
    for action in parser_of(name)._actions:
        flag = action.option_strings[-1]
        if flag in skipped:
            continue
        given = [flag] if action.nargs == 0 else [flag, values.get(flag, values.get(action.type))]
        if action.choices:
            given = [flag, list(action.choices)[-1]]  # the default is the first
        if flag == "--column":
            needed = ["--series", str(table), "--column", "a"]
            old = handed(name, needed)
        new = handed(name, [*needed, *map(str, given)])
        changed = {key for key in new if pickle.dumps(new[key]) != pickle.dumps(old.get(key))}
        assert action.dest in changed if action.dest in new else changed, flag
