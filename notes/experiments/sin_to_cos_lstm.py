"""What notes/sin_to_cos_lstm.md quotes beyond the script's own output."""
import statistics

import measure

SEEDS = """
import json, sys
import numpy as np
import sin_to_cos_lstm as script
xla = json.loads(sys.argv[1])
ends = {name: [float(np.mean(script.train(seed=seed, xla=xla, stateless=name == "stateless")[-20:]))
               for seed in range(24)] for name in ("stateful", "stateless")}
print(json.dumps(ends))
"""


def _quantiles(prefix, xla, tf1=False):
    ends = measure.python(SEEDS, "true" if xla else "false", tf1=tf1)
    values = {f"{prefix}_ends": ends}
    for name, costs in ends.items():
        costs = sorted(costs)  # 24 of them: the third from either end is the 10th and the 90th percentile
        values.update({f"{prefix}_{name}": statistics.median(costs), f"{prefix}_{name}_low": costs[2],
                       f"{prefix}_{name}_high": costs[-3]})
    return values


def seeds_xla():
    """Mean cost of the last 20 windows over 24 seeds, TF 2.21 with XLA."""
    return _quantiles("xla", xla=True)


def seeds_plain():
    """The same, TF 2.21 on the plain graph."""
    return _quantiles("plain", xla=False)


def seeds_tf1():
    """The same, TF 1.15 on the plain graph."""
    return _quantiles("tf1", xla=False, tf1=True)


def first_window():
    """The cost of the first window, over the same seeds."""
    code = "import json, sin_to_cos_lstm as s; print(json.dumps([s.train(1, k)[0] for k in range(24)]))"
    first = measure.python(code)
    return {"first_low": min(first), "first_high": max(first)}


def longer():
    """What five times as many windows bring, over the same seeds."""
    code = "import json, sin_to_cos_lstm as s; print(json.dumps([sum(s.train(1000, k)[-20:]) / 20 for k in range(24)]))"
    return {"longer_cost": statistics.median(measure.python(code))}


def timing():
    """ms per training step: one file, three ways."""
    return measure.timing_values({"xla": ("sin_to_cos_lstm", False, {"iterations": 400}),
                                  "plain": ("sin_to_cos_lstm", False, {"iterations": 400, "xla": False}),
                                  "tf1": ("sin_to_cos_lstm", True, {"iterations": 400, "xla": False})})


RUNS = """
import json, sys, time
import sin_to_cos_lstm as script
config, stamps = script.tf.ConfigProto, []
if sys.argv[1] == "pool":
    script.tf.ConfigProto = lambda **options: config()
script.train(iterations=600, on_step=lambda *args: stamps.append(time.perf_counter()))
print(json.dumps([1000 * (b - a) for a, b in zip(stamps[100:], stamps[101:])]))
"""


def timing_thread():
    """ms per training step with XLA, run by a thread of TensorFlow's pool, and by the calling one."""
    ms = {"pool": [], "caller": []}
    for _ in range(4):
        for way in ms:
            ms[way] += measure.python(RUNS, way)
    return {f"{way}_ms": statistics.median(values) for way, values in ms.items()}
