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


def iteration():
    """How much slower an iteration of dynamic_rnn is than one of static_rnn at 50 steps, also with 150 units, and
    how much XLA gains: ratios of the medians of three measurements in turn."""
    variants = {"static": {"way": "static_rnn"}, "dynamic": {"way": "dynamic_rnn"},
                "xla": {"way": "dynamic_rnn", "xla": True},
                "wide_static": {"way": "static_rnn", "n_units": 150},
                "wide_dynamic": {"way": "dynamic_rnn", "n_units": 150}}
    times = {name: [] for name in variants}
    for _ in range(3):
        for name, options in variants.items():
            times[name].append(script.train(100, n_steps=50, **options)["each"])
    each = {name: statistics.median(values) for name, values in times.items()}
    return {"slower": each["dynamic"] / each["static"], "faster": each["dynamic"] / each["xla"],
            "wide_slower": each["wide_dynamic"] / each["wide_static"]}
