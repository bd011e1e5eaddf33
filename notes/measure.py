"""What the experiments of the notes share: runs of a script in a process of its own, on either TensorFlow."""
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

TIMED = """
import json, sys, time
import {script} as script
warm_up, kwargs = {warm_up}, json.loads(sys.argv[1])
stamps = []
script.train(on_step=lambda *args: stamps.append(time.perf_counter()), **kwargs)
print(json.dumps([1000 * (b - a) for a, b in zip(stamps[warm_up:], stamps[warm_up + 1:])]))
"""


def python(code, *args, tf1=False):
    """Runs code in a new interpreter at the top of the repository; returns what its last printed line says, as JSON."""
    if tf1 and not TF1_PYTHON:
        raise SystemExit("set TF1_PYTHON to a Python 3.7 that has TensorFlow 1.15")
    environment = dict(os.environ, MPLBACKEND="Agg", PYTHONPATH=str(ROOT))
    done = subprocess.run([TF1_PYTHON if tf1 else sys.executable, "-c", code, *args], cwd=ROOT, env=environment,
                          stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def spend(command, **environment):
    """Runs a command (a list) at the top of the repository; ends this program with its stderr where it fails.

    Returns a dict: what it printed on stdout, the wall-clock seconds, and the peak of its memory in MB.
    """
    with tempfile.TemporaryFile("w+") as stdout, tempfile.TemporaryFile("w+") as stderr:
        started = time.time()
        process = subprocess.Popen(command, cwd=ROOT, env=dict(os.environ, MPLBACKEND="Agg", **environment),
                                   stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr)
        _, status, usage = os.wait4(process.pid, 0)  # which, unlike wait(), says what it used
        seconds = time.time() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        for file in (stdout, stderr):
            file.seek(0)
        if process.returncode:
            sys.exit(f"{command[-1]}: exit status {process.returncode}\n{stderr.read()}")
        unit = 2**20 if sys.platform == "darwin" else 2**10  # of ru_maxrss: bytes there, else kilobytes
        return {"stdout": stdout.read(), "seconds": seconds, "memory": usage.ru_maxrss / unit}


def store(path, results, **options):
    """Writes results as JSON, whole or not at all."""
    path.parent.mkdir(exist_ok=True)
    part = path.with_suffix(".part")
    part.write_text(json.dumps(results, indent=1, **options) + "\n")
    part.replace(path)


def milliseconds(variants, rounds=2, warm_up=20):
    """Times training steps of several variants, in turn, round after round.

    variants: name -> (script, tf1, keyword arguments of its train(), iterations among them).
    Returns name -> dict of median, low and high: ms per iteration, the latter two the 10th and 90th percentile.
    """
    steps = {name: [] for name in variants}
    for _ in range(rounds):
        for name, (script, tf1, kwargs) in variants.items():
            steps[name] += python(TIMED.format(script=script, warm_up=warm_up), json.dumps(kwargs), tf1=tf1)
    return {name: {"median": statistics.median(ms), "low": sorted(ms)[len(ms) // 10],
                   "high": sorted(ms)[len(ms) * 9 // 10]} for name, ms in steps.items()}


def table(header, rows):
    """Returns a Markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)


def timing_values(variants, base="tf1", **options):
    """milliseconds(), flattened for a page: NAME_ms, NAME_ms_low, NAME_ms_high, and base_to_NAME, how much faster."""
    timed = milliseconds(variants, **options)
    values = {}
    for name, ms in timed.items():
        values.update({f"{name}_ms": ms["median"], f"{name}_ms_low": ms["low"], f"{name}_ms_high": ms["high"]})
        values[f"{base}_to_{name}"] = timed[base]["median"] / ms["median"]
    return values
