"""What all tests share: the scripts, and ways to run them in this process or in one of their own."""
import argparse
import importlib
import os
import pathlib
import re
import subprocess
import sys

os.environ["MPLBACKEND"] = "Agg"
os.environ["TF_USE_LEGACY_KERAS"] = "1"

import matplotlib.pyplot  # noqa: F401  before a script takes MPLBACKEND out of the environment
import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent
SCRIPTS = sorted(path.stem for path in ROOT.glob("*.py"))
CHECKPOINTED = [name for name in SCRIPTS if '"--checkpoint"' in (ROOT / f"{name}.py").read_text(encoding="utf-8")]
sys.path.insert(0, str(ROOT))

TENSORFLOW_SAYS = re.compile(r"^(WARNING: All log|[IWE]\d{4} |To enable the following|\d{4}-\d\d-\d\d |$)")


def own(name, what, default):
    """Returns a constant of tests/test_NAME.py, or the default."""
    return getattr(importlib.import_module(f"test_{name}"), what, default)


def few(name):
    """Returns the flags of a short run, as a reader would type them."""
    return own(name, "FEW", ["--iterations", "3"])


def long(*values):
    """Returns the values of one case, which waits for -m long."""
    return pytest.param(*values, marks=pytest.mark.long)


def mostly_long(names, *now):
    """Returns names as parameters; those that are not in now wait for -m long."""
    return [name if name in now else long(name) for name in names]


def parser_of(name):
    """Returns the parser that main() of a script makes."""
    class Parsed(Exception):
        pass

    def parse(self, argv=None):
        raise Parsed(self)

    with pytest.MonkeyPatch().context() as patch:
        patch.setattr(argparse.ArgumentParser, "parse_args", parse)
        with pytest.raises(Parsed) as raised:
            importlib.import_module(name).main()
    return raised.value.args[0]


def source(name):
    return (ROOT / f"{name}.py").read_text(encoding="utf-8")


def lines(stderr):
    """Returns the lines on stderr that are not TensorFlow's own."""
    return [line for line in stderr.splitlines() if not TENSORFLOW_SAYS.match(line)]


def run(name, *flags, cwd, python=sys.executable, **environment):
    """Runs a script in a process of its own, without display; returns exit status, stdout and stderr."""
    variables = {key: value for key, value in os.environ.items() if key not in ("DISPLAY", "MPLBACKEND")}
    return subprocess.run([python, str(ROOT / f"{name}.py"), *flags], cwd=str(cwd), env=dict(variables, **environment),
                          stdin=subprocess.DEVNULL, capture_output=True, text=True)


def stored(folder):
    """Returns all variables of the newest checkpoint in the folder, by name."""
    import tensorflow.compat.v1 as tf
    reader = tf.train.load_checkpoint(tf.train.latest_checkpoint(str(folder)))
    return {name: reader.get_tensor(name) for name in reader.get_variable_to_shape_map()}


@pytest.fixture
def small(monkeypatch):
    """Returns small(name, *flags), which runs main() on the plain graph with small constants; without a window."""
    def small(name, *flags):
        module = importlib.import_module(name)
        for constant, value in own(name, "SHRUNK", {}).items():
            monkeypatch.setattr(module, constant, value)
        plain = ["--no-xla"] if '"--no-xla"' in source(name) else []
        return module.main([*own(name, "SMALL_FLAGS", []), *plain, "--no-plot", *map(str, flags)])

    return small


@pytest.fixture
def other_python():
    """Returns a Python with the other TensorFlow: TF1_PYTHON where this one is TF 2, TF2_PYTHON where it is 1.15."""
    import tensorflow
    variable = "TF2_PYTHON" if tensorflow.__version__.startswith("1.") else "TF1_PYTHON"
    if not os.environ.get(variable):
        pytest.skip(f"{variable} is not set: no second TensorFlow to compare with")
    return os.environ[variable]
