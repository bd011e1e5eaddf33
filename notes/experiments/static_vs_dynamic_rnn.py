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
    """The largest difference from by_hand, in outputs and in gradients, for five seeds, at 20 and at 200 steps."""
    values = {}
    for n_steps in (20, 200):
        for seed in range(5):
            results = script.compare(seed, n_steps)[1]
            for way in ("static_rnn", "dynamic_rnn"):
                gaps = [float(np.abs(a - b).max()) for a, b in zip(results[way], results["by_hand"])]
                for key, gap in (("outputs", gaps[0]), ("gradients", max(gaps[1:]))):
                    key = f"{key}_{n_steps}"
                    values[key] = max(values.get(key, 0.0), gap)
    return values


def timing_ways():
    """ms per training iteration at 100 steps: the notes' 5 units, and 150 units; TF 1.15 beside TF 2.21."""
    variants, values = {}, {}
    for n_units in (5, 150):
        for way in ("static_rnn", "dynamic_rnn", "swap_memory"):
            for tf1 in (False, True):
                variants[way, n_units, tf1, False] = n_units
        for way in ("static_rnn", "dynamic_rnn"):
            variants[way, n_units, False, True] = n_units
    ms = measure.milliseconds({key: ("static_vs_dynamic_rnn", key[2], {
        "iterations": 70, "xla": key[3], "way": key[0], "n_steps": 100, "n_units": key[1]}) for key in variants})
    rows = []
    for label, way, tf1, xla in (("static_rnn, TF 1.15", "static_rnn", True, False),
                                 ("dynamic_rnn, TF 1.15", "dynamic_rnn", True, False),
                                 ("swap_memory, TF 1.15", "swap_memory", True, False),
                                 ("static_rnn, TF 2", "static_rnn", False, False),
                                 ("dynamic_rnn, TF 2", "dynamic_rnn", False, False),
                                 ("swap_memory, TF 2", "swap_memory", False, False),
                                 ("static_rnn, TF 2, XLA", "static_rnn", False, True),
                                 ("dynamic_rnn, TF 2, XLA", "dynamic_rnn", False, True)):
        shown = [ms[way, n_units, tf1, xla] for n_units in (5, 150)]
        rows.append([label, *("{median:.2f} ({low:.2f} to {high:.2f})".format(**each) for each in shown)])
    values["table_ways"] = measure.table(["100 steps", "5 units, ms", "150 units, ms"], rows)
    dynamic, static = ms["dynamic_rnn", 5, False, False]["median"], ms["static_rnn", 5, False, False]["median"]
    values["dynamic_over_static"] = dynamic / static
    values["swap_over_dynamic"] = ms["swap_memory", 5, False, False]["median"] / dynamic
    values["plain_over_xla"] = dynamic / ms["dynamic_rnn", 5, False, True]["median"]
    values["dynamic_over_static_150"] = (ms["dynamic_rnn", 150, False, False]["median"]
                                         / ms["static_rnn", 150, False, False]["median"])
    return values


def timing_compile():
    """Seconds that XLA takes to compile, with the first iteration, by the number of steps."""
    rows, seconds = [], {}
    for n_steps in (10, 50, 100):
        for way in ("static_rnn", "dynamic_rnn"):
            seconds[way, n_steps] = measure.python(FIRST, way, str(n_steps))["first"]
        rows.append([n_steps, *(f"{seconds[way, n_steps]:.1f} s" for way in ("static_rnn", "dynamic_rnn"))])
    return {"table_compile": measure.table(["steps", "static_rnn", "dynamic_rnn"], rows),
            "static_compile_per_100": seconds["static_rnn", 100], "dynamic_compile_100": seconds["dynamic_rnn", 100]}
