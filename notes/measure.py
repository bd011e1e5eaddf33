"""What the experiments of the notes share: runs of a script in a process of its own, on either TensorFlow."""
import json
import os
import pathlib
import statistics
import subprocess
import sys

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
