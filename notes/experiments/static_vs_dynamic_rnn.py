"""What notes/static_vs_dynamic_rnn.md says beyond the script's own output."""
import measure
import numpy as np

import static_vs_dynamic_rnn as script

FIRST = """
import json, sys
import static_vs_dynamic_rnn as script
print(json.dumps(script.train(3, 0, True, sys.argv[1], int(sys.argv[2]))))
"""


def agreement():
    """The largest difference from by_hand, in outputs and in gradients, for three seeds, at 20 and at 100 steps."""
    values = {}
    for n_steps in (20, 100):
        for seed in range(3):
            results = script.compare(seed, n_steps)[1]
            for way in ("static_rnn", "dynamic_rnn"):
                gaps = [float(np.abs(a - b).max()) for a, b in zip(results[way], results["by_hand"])]
                for key, gap in (("outputs", gaps[0]), ("gradients", max(gaps[1:]))):
                    key = f"{key}_{n_steps}"
                    values[key] = max(values.get(key, 0.0), gap)
    return values


def graph_size():
    """The nodes of both graphs, at the fewest and the most steps of the default run."""
    return {f"nodes_{way}_{n_steps}": script.train(1, way=f"{way}_rnn", n_steps=n_steps)["nodes"]
            for way in ("static", "dynamic") for n_steps in (2, 500)}


def timing_ways():
    """ms per training iteration at 50 steps: the notes' 5 units, and 150 units; TF 1.15 beside today's TensorFlow."""
    variants = {}
    for n_units in (5, 150):
        for name, way, tf1, xla in (("static_rnn, TF 1.15", "static_rnn", True, False),
                                    ("dynamic_rnn, TF 1.15", "dynamic_rnn", True, False),
                                    ("static_rnn", "static_rnn", False, False),
                                    ("dynamic_rnn", "dynamic_rnn", False, False),
                                    ("swap_memory", "swap_memory", False, False),
                                    ("static_rnn, XLA", "static_rnn", False, True),
                                    ("dynamic_rnn, XLA", "dynamic_rnn", False, True)):
            if n_units == 5 or name in ("static_rnn", "dynamic_rnn", "dynamic_rnn, XLA"):
                variants[name, n_units] = ("static_vs_dynamic_rnn", tf1, {
                    "iterations": 70, "xla": xla, "way": way, "n_steps": 50, "n_units": n_units})
    ms = measure.milliseconds(variants)
    shown = {key: "{median:.2f} ({low:.2f} to {high:.2f})".format(**each) for key, each in ms.items()}
    rows = [[name, shown[name, 5], shown.get((name, 150), "")] for name, n_units in variants if n_units == 5]
    plain = {key: each["median"] for key, each in ms.items()}
    return {"table_ways": measure.table(["50 steps", "5 units, ms", "150 units, ms"], rows),
            "dynamic_over_static": plain["dynamic_rnn", 5] / plain["static_rnn", 5],
            "dynamic_over_static_150": plain["dynamic_rnn", 150] / plain["static_rnn", 150],
            "swap_over_dynamic": plain["swap_memory", 5] / plain["dynamic_rnn", 5],
            "plain_over_xla": plain["dynamic_rnn", 5] / plain["dynamic_rnn, XLA", 5]}


def timing_compile():
    """Seconds that XLA takes to compile, with the first iteration, by the number of steps."""
    rows, seconds = [], {}
    for n_steps in (10, 50, 100):
        for way in ("static_rnn", "dynamic_rnn"):
            seconds[way, n_steps] = measure.python(FIRST, way, str(n_steps))["first"]
        rows.append([n_steps, *(f"{seconds[way, n_steps]:.1f} s" for way in ("static_rnn", "dynamic_rnn"))])
    return {"table_compile": measure.table(["steps", "static_rnn", "dynamic_rnn"], rows)}
