"""What notes/static_vs_dynamic_rnn.md quotes beyond the script's own output."""
import statistics

import numpy as np

import static_vs_dynamic_rnn as script


def agreement():
    """The largest difference from by_hand at 100 steps and three seeds, as a share of the largest value."""
    outputs, gradients = [], []
    for seed in range(3):
        results = script.compare(script.make_batch(100, seed)[0], seed)
        expected = results.pop("by_hand")
        for found in results.values():
            gaps = [float(np.abs(a - b).max() / np.abs(b).max()) for a, b in zip(found, expected)]
            outputs.append(gaps[0])
            gradients += gaps[1:]
    return {"outputs": max(outputs), "gradients": max(gradients)}


def graph_size():
    """The nodes of both graphs at 2 and at 500 steps, and the nodes that one more step adds."""
    values = {f"nodes_{way}_{n_steps}": script.train(1, way=f"{way}_rnn", n_steps=n_steps)["nodes"]
              for way in ("static", "dynamic") for n_steps in (2, 500)}
    return {**values, "nodes_per_step": (values["nodes_static_500"] - values["nodes_static_2"]) / 498}


def _milliseconds(n_units, n=3):
    """Milliseconds per training iteration at 50 steps, without XLA and with it: medians of n runs in turn."""
    variants = {"static": ("static_rnn", False), "dynamic": ("dynamic_rnn", False), "xla": ("dynamic_rnn", True)}
    times = {name: [] for name in variants}
    for _ in range(n):
        for name, (way, xla) in variants.items():
            row = script.train(100, xla=xla, way=way, n_steps=50, n_units=n_units)
            times[name].append(1000 * row["each"])
    return {name: statistics.median(values) for name, values in times.items()}


def iteration():
    """How much slower an iteration of dynamic_rnn is than one of static_rnn, and how much XLA gains."""
    ms = _milliseconds(script.N_UNITS)
    return {**{f"{name}_ms": value for name, value in ms.items()}, "slower": ms["dynamic"] / ms["static"],
            "faster": ms["dynamic"] / ms["xla"]}


def wide():
    """The first of these ratios with 150 units."""
    ms = _milliseconds(150)
    return {"wide_slower": ms["dynamic"] / ms["static"]}
