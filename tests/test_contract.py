"""What every script keeps, whatever it teaches."""
import ast
import importlib
import inspect
import re
import sys

import pytest
from conftest import ROOT, SCRIPTS, few, run

HOUSE = ["steps", "live", "number", "output", "flags", "restore", "save"]  # where these stand, they are the same
EXPECTED = {"simple_rnn", "static_vs_dynamic_rnn", "variable_length", "sin_to_cos_lstm", "mnist_rnn_classifier",
            "time_series_rnn", "creative_rnn", "deep_rnn", "multi_gpu_rnn", "lstm_peephole_gru", "bidirectional_lstm",
            "predict_sin_lstm", "char_rnn"}

each_script = pytest.mark.parametrize("name", SCRIPTS)


def source(name):
    return (ROOT / f"{name}.py").read_text(encoding="utf-8")


def functions(name):
    """The top-level functions of a script: name -> source text."""
    text = source(name)
    lines, body = text.splitlines(), ast.parse(text).body
    ends = [node.lineno - 1 for node in body[1:]] + [len(lines)]
    return {node.name: "\n".join(lines[node.lineno - 1:end]).split("\n\n\n")[0].rstrip()
            for node, end in zip(body, ends) if isinstance(node, ast.FunctionDef)}


def header(name):
    """From the first environment variable to XLA, but for the imports, of which a script may need more or fewer."""
    text = source(name)
    lines = text[text.index("os.environ.setdefault"):text.index("\nXLA =")].splitlines()
    return [line for line in lines if not re.match(r"(import|from) ", line)]


def test_only_known_scripts_stand_at_the_top():
    assert set(SCRIPTS) <= EXPECTED


@each_script
def test_run_as_a_reader_does(name, tmp_path):
    done = run(name, *few(name), cwd=str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()
    assert done.stderr.splitlines() == ["no display: --save-plot FILE keeps the picture"]
    assert not list(tmp_path.iterdir()), "a run writes nothing that was not asked for"


@each_script
def test_help_shows_the_docstring_and_the_flags(name, capsys):
    module = importlib.import_module(name)
    with pytest.raises(SystemExit) as ended:
        module.main(["--help"])
    assert ended.value.code == 0
    shown = capsys.readouterr().out
    assert module.__doc__.strip() in shown
    assert {"--seed", "--no-plot", "--save-plot"} <= set(re.findall(r"--[a-z-]+", shown))


@each_script
def test_header_is_word_for_word_the_same(name):
    assert header(name) == header("sin_to_cos_lstm")
    assert source(name).endswith(source("sin_to_cos_lstm")[source("sin_to_cos_lstm").index("\n\nif __name__"):])
    shared, others = functions("sin_to_cos_lstm"), functions(name)
    for other in SCRIPTS:
        shared = dict(functions(other), **shared)
    for function in HOUSE:
        assert others.get(function, shared.get(function)) == shared.get(function), function


@each_script
def test_pep_723_block_equals_the_requirements(name):
    block = re.match(r"# /// script\n(.*?)# ///\n", source(name), re.DOTALL).group(1).replace("# ", "")
    dependencies = ast.literal_eval(re.search(r"dependencies = (\[.*?\])", block, re.DOTALL).group(1))
    assert dependencies == (ROOT / "requirements.txt").read_text().split()
    assert 'requires-python = ">=3.10,<3.14"' in block


@each_script
def test_docstring_has_its_four_lines_and_the_page_exists(name):
    words = [line.split()[0] for line in ast.get_docstring(ast.parse(source(name))).splitlines()[2:]
             if line and not line[0].isspace()]
    assert words == ["Shows", "Run", "Expect", "Notes"]
    assert (ROOT / "notes" / f"{name}.md").exists()


@each_script
def test_stands_alone(name):
    tree = ast.parse(source(name))
    imported = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    imported |= {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    imported = {module.split(".")[0] for module in imported}
    standard = getattr(sys, "stdlib_module_names", imported)
    assert imported - {"matplotlib", "numpy", "tensorflow", "tf_keras", "tqdm"} <= set(standard) - set(SCRIPTS)


@each_script
def test_lines_fit_and_functions_are_explained(name):
    module = ast.parse(source(name))
    assert max(map(len, source(name).splitlines())) <= 120
    for node in module.body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and node.name not in ("main",):
            assert ast.get_docstring(node), f"{node.name} has no docstring"


@pytest.mark.parametrize("name, expected", [
    ("static_vs_dynamic_rnn", {"N_UNITS": 5, "BATCH_SIZE": 4, "LEARNING_RATE": 0.01, "ITERATIONS": 20}),
    ("variable_length", {"N_UNITS": 128, "BATCH_SIZE": 128, "LEARNING_RATE": 0.004, "ITERATIONS": 1500}),
    ("bidirectional_lstm", {"N_UNITS": 32, "BATCH_SIZE": 32, "LEARNING_RATE": 0.01, "ITERATIONS": 400}),
    ("sin_to_cos_lstm", {"N_UNITS": 10, "BATCH_SIZE": 50, "LEARNING_RATE": 0.006, "ITERATIONS": 200}),
    ("time_series_rnn", {"N_UNITS": 100, "BATCH_SIZE": 50, "LEARNING_RATE": 0.001, "ITERATIONS": 10000}),
    ("creative_rnn", {"N_UNITS": 100, "BATCH_SIZE": 20, "LEARNING_RATE": 0.001, "ITERATIONS": 10000}),
    ("predict_sin_lstm", {"N_UNITS": 20, "N_LAYERS": 2, "BATCH_SIZE": 64, "LEARNING_RATE": 0.001, "KEEP_PROB": 0.9,
                          "ITERATIONS": 7750}),
    ("deep_rnn", {"N_STEPS": 100, "N_UNITS": 100, "N_LAYERS": 10, "LEARNING_RATE": 0.00001, "KEEP_PROB": 1.0,
                  "ITERATIONS": 10000}),
    ("lstm_peephole_gru", {"N_STEPS": 100, "N_UNITS": 100, "LEARNING_RATE": 0.00001, "ITERATIONS": 10000,
                           "N_LAYERS": {"lstm": 5, "peephole": 10, "gru": 10, "coupled": 5}}),
    ("multi_gpu_rnn", {"N_STEPS": 100, "N_UNITS": 100, "N_LAYERS": 3, "LEARNING_RATE": 0.001, "ITERATIONS": 500}),
    ("char_rnn", {"N_STEPS": 64, "N_UNITS": 128, "N_LAYERS": 2, "BATCH_SIZE": 32, "KEEP_PROB": 0.9,
                  "LEARNING_RATE": 0.004, "MAX_NORM": 5.0, "ITERATIONS": 3000})])
def test_defaults_are_those_of_the_stored_results(name, expected):
    module = importlib.import_module(name)
    assert {key: getattr(module, key) for key in expected} == expected, "the pages' numbers must be measured anew"


class Handed(Exception):
    """Carries out of main() what it hands on to train()."""


def handed_on(name, argv, monkeypatch):
    """The arguments with which main(argv) calls train(), by name; nothing is trained."""
    module = importlib.import_module(name)
    signature = inspect.signature(module.train)

    def train(*args, **options):
        raise Handed(signature.bind(*args, **options).arguments)

    monkeypatch.setattr(module, "train", train)
    with pytest.raises(Handed) as raised:
        module.main(["--no-plot", *argv])
    return raised.value.args[0]


@pytest.mark.parametrize("name, argv, expected", [
    ("static_vs_dynamic_rnn", "--steps 6 --units 7", {"n_steps": 6, "n_units": 7}),
    ("variable_length", "--no-lengths", {"no_lengths": True, "copy": False}),
    ("variable_length", "--copy", {"no_lengths": False, "copy": True}),
    ("bidirectional_lstm", "--ahead -2", {"ahead": -2}),
    ("sin_to_cos_lstm", "--stateless", {"stateless": True}),
    ("time_series_rnn", "--inputs values --projection wrapper --clip-norm 0.5",
     {"inputs": "values", "projection": "wrapper", "clip_norm": 0.5}),
    ("creative_rnn", "--inputs times", {"inputs": "times"}),
    ("deep_rnn", "--stack layerwise --layers 3 --units 7 --keep-prob 0.5",
     {"stack": "layerwise", "n_layers": 3, "n_units": 7, "keep_prob": 0.5, "checkpoint": None}),
    ("predict_sin_lstm", "--n-steps 6 --units 4 3 --keep-prob 0.25 --batch-size 16 --points 300 60 --gap 0.5 "
     "--unroll manual", {"n_steps": 6, "units": [4, 3], "keep_prob": 0.25, "batch_size": 16, "points": [300, 60],
                         "gap": 0.5, "unroll": "manual"})])
def test_every_flag_reaches_the_training(name, argv, expected, monkeypatch):
    handed = handed_on(name, ["--iterations", "7", "--seed", "5", "--no-xla", *argv.split()], monkeypatch)
    expected = dict(expected, iterations=7, seed=5, xla=False)
    assert {key: handed[key] for key in expected} == expected


@pytest.mark.parametrize("name", ["variable_length", "bidirectional_lstm", "sin_to_cos_lstm", "time_series_rnn",
                                  "creative_rnn", "predict_sin_lstm", "deep_rnn"])
def test_without_flags_main_trains_as_train_does_by_itself(name, monkeypatch):
    own = inspect.signature(importlib.import_module(name).train).parameters
    handed = handed_on(name, [], monkeypatch)
    for key in set(handed) - {"on_step", "on_value"}:
        default = own[key].default
        assert handed[key] == (list(default) if isinstance(default, tuple) else default), key
