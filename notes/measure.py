"""What the experiments of the notes share: runs in processes of their own, on either TensorFlow."""
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
TF1_PYTHON = os.environ.get("TF1_PYTHON")  # Python 3.7 with TensorFlow 1.15

SEEDS = """
import functools, importlib, json, sys
name, argv, keys, n = json.loads(sys.argv[1])
main = importlib.import_module(name).main
runs = [main([*argv, "--no-plot", "--seed", str(seed)]) for seed in range(n)]
print(json.dumps([[float(functools.reduce(lambda part, key: part[key], key.split("."), run)) for key in keys]
                  for run in runs]))
"""


def python(code, *args, tf1=False):
    """Runs code in a new interpreter at the top of the repository; returns its last printed line, read as JSON."""
    if tf1 and not TF1_PYTHON:
        sys.exit("TF1_PYTHON: expected a Python 3.7 with TensorFlow 1.15")
    environment = dict(os.environ, MPLBACKEND="Agg", PYTHONPATH=str(ROOT))
    done = subprocess.run([TF1_PYTHON if tf1 else sys.executable, "-c", code, *args], cwd=ROOT, env=environment,
                          stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def span(prefix, numbers):
    """Returns PREFIX: the median, PREFIX_low and PREFIX_high: the lowest and the highest of some numbers."""
    return {prefix: statistics.median(numbers), f"{prefix}_low": min(numbers), f"{prefix}_high": max(numbers)}


def seeds(name, argv, keys, n=8, xla=True, tf1=False):
    """Runs a script with the seeds 0 to n - 1; keys are numbers in the dict that its main() returns, as mse or gru.mse.

    Returns the span() of each key.
    """
    argv = argv if xla else [*argv, "--no-xla"]
    runs = python(SEEDS, json.dumps([name, argv, keys, n]), tf1=tf1)
    values = {}
    for key, numbers in zip(keys, zip(*runs)):
        values.update(span(key, numbers))
    return values


def named(prefix, values):
    """Returns the values under names that begin with a prefix."""
    return {f"{prefix}_{key}": value for key, value in values.items()}


def spend(command, **environment):
    """Runs a command (a list) at the top of the repository; ends this program with its stderr where it fails.

    Returns its stdout, the wall-clock seconds, and the peak of its memory in MB.
    """
    with tempfile.TemporaryFile("w+") as stdout, tempfile.TemporaryFile("w+") as stderr:
        started = time.time()
        process = subprocess.Popen(command, cwd=ROOT, env=dict(os.environ, MPLBACKEND="Agg", **environment),
                                   stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.time() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        for file in (stdout, stderr):
            file.seek(0)
        if process.returncode:
            sys.exit(f"{command[-1]}: exit status {process.returncode}\n{stderr.read()}")
        unit = 2**20 if sys.platform == "darwin" else 2**10  # ru_maxrss is in bytes there, else in kB
        return {"stdout": stdout.read(), "seconds": seconds, "memory": usage.ru_maxrss / unit}


def store(path, results, **options):
    """Writes results as JSON, whole or not at all."""
    path.parent.mkdir(exist_ok=True)
    part = path.with_suffix(".part")
    part.write_text(json.dumps(results, indent=1, **options) + "\n")
    part.replace(path)
