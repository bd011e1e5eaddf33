"""What all tests share: the scripts, and ways to run them in this process or in one of their own."""
import argparse
import importlib
import os
import pathlib
import subprocess
import sys

os.environ["MPLBACKEND"] = "Agg"
os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent
SCRIPTS = sorted(path.stem for path in ROOT.glob("*.py"))
sys.path.insert(0, str(ROOT))


def few(name):
    """The flags of a short run: FEW in tests/test_NAME.py, or else three iterations."""
    return getattr(importlib.import_module(f"test_{name}"), "FEW", ["--iterations", "3"])


def small(name):
    """The flags of a run on the plain graph that is small and quick, but for --iterations."""
    data = ["--data", importlib.import_module("test_mnist_rnn_classifier").SMALL] if name.startswith("mnist") else []
    return [*data, *{
        "char_rnn": ["--text", argparse.__file__, "--keep-prob", "1", "--no-xla"],
        "deep_rnn": ["--layers", "2", "--units", "8", "--no-xla"],
        "lstm_peephole_gru": ["--cells", "gru", "--layers", "1", "--no-xla"],
        "mnist_rnn_classifier": ["--cell", "lstm", "--no-xla"],
        "multi_gpu_rnn": [], "simple_rnn": [],
        "predict_sin_lstm": ["--points", "300", "60", "--units", "4", "3", "--n-steps", "5", "--batch-size", "16",
                             "--keep-prob", "1", "--no-xla"],
        "static_vs_dynamic_rnn": ["--steps", "2", "--no-xla"],
    }.get(name, ["--no-xla"])]


def files(name, folder):
    """Where in the folder of --checkpoint the files of small(name) are."""
    return folder / "gru" if name == "lstm_peephole_gru" else folder


def stored(folder):
    """All variables of the newest checkpoint in the folder, by name."""
    import tensorflow.compat.v1 as tf
    reader = tf.train.load_checkpoint(str(folder))
    return {name: reader.get_tensor(name) for name in reader.get_variable_to_shape_map()}


def run(name, *flags, cwd, python=sys.executable, **environment):
    """Runs a script in a process of its own, without display; returns exit status, stdout and stderr."""
    variables = {key: value for key, value in os.environ.items() if key not in ("DISPLAY", "MPLBACKEND")}
    return subprocess.run([python, str(ROOT / f"{name}.py"), *flags], cwd=cwd, env=dict(variables, **environment),
                          stdin=subprocess.DEVNULL, capture_output=True, text=True)


@pytest.fixture
def pictures(monkeypatch):
    """Returns pictures(module): a list that gets each figure on which main() of that script draws from then on."""
    def pictures(module):
        figures, name = [], next(name for name in vars(module) if name.startswith("plot_"))
        plot = getattr(module, name)
        monkeypatch.setattr(module, name, lambda figure, data: figures.append(figure) or plot(figure, data))
        return figures

    return pictures


@pytest.fixture
def other_python():
    """A Python that has the other TensorFlow: TF1_PYTHON where this one is TF 2, TF2_PYTHON where it is TF 1.15."""
    import tensorflow
    variable = "TF2_PYTHON" if tensorflow.__version__.startswith("1.") else "TF1_PYTHON"
    if not os.environ.get(variable):
        pytest.skip(f"{variable} is not set: no second TensorFlow to compare with")
    return os.environ[variable]


@pytest.fixture
def both_pythons(other_python):
    """A Python with TensorFlow 1.15, and one with TensorFlow 2: this one, and the other."""
    import tensorflow
    is_tf1 = tensorflow.__version__.startswith("1.")
    return (sys.executable, other_python) if is_tf1 else (other_python, sys.executable)
