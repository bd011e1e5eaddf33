"""Numbers of notes/multi_gpu_rnn.md that its commands do not print."""
import statistics
import subprocess
import sys

import measure

import multi_gpu_rnn as script

VARIANTS = """
import json
import multi_gpu_rnn as script
tf, minimize, call = script.tf, script.tf.train.AdamOptimizer.minimize, script.LocalRNNCell.call

def counts(placement, colocate=True, local=True):
    tf.train.AdamOptimizer.minimize = lambda self, loss, step, colocate_gradients_with_ops: minimize(
        self, loss, step, colocate_gradients_with_ops=colocate)
    script.LocalRNNCell.call = call if local else tf.nn.rnn_cell.BasicRNNCell.call
    work, _ = script.read_trace(script.train(1, placement=placement)[3])
    return {**{f"on{k}": work[device]["matmuls"] for k, device in enumerate(script.CPUS)},
            "sent": sum(w["tensors sent"] for w in work.values()),
            "kilobytes": sum(w["bytes sent"] for w in work.values()) / 1000}

print(json.dumps({f"{placement[4:]}_{name}_{key}": value for placement in ("per-layer", "per-step")
                  for name, options in {"right": {}, "gathered": {"colocate": False}, "plain": {"local": False}}.items()
                  for key, value in counts(placement, **options).items()}))
"""

STEPS = """
import json, sys, time
import multi_gpu_rnn as script
stamps = []
script.train(150, placement=sys.argv[1], devices=sys.argv[2].split(","),
             on_step=lambda *_: stamps.append(time.perf_counter()))
print(json.dumps([1000 * (b - a) for a, b in zip(stamps[20:], stamps[21:])]))
"""

CLUSTER = """
import json, sys, time
import multi_gpu_rnn as script
stamps = []
script.live = lambda *_, **__: lambda *args, **options: stamps.append(time.perf_counter())  # every 5 steps
result = script.main(["--cluster", sys.argv[1], "--task", "0", "--placement", sys.argv[2], "--iterations", "60"])
print(json.dumps({"ms": [200 * (b - a) for a, b in zip(stamps[2:-1], stamps[3:-1])], "loss": result["loss"],
                  "sent": sum(counts["tensors sent"] for counts in result["work"].values())}))
"""


def variants():
    """Matrix products per device and what crossed: as it is, and without each of two precautions."""
    return measure.python(VARIANTS)


def notes_rate():
    """The loss after the default 500 iterations with the learning rate of the notes."""
    return {"notes_rate_loss": measure.python("import json, multi_gpu_rnn as s; s.LEARNING_RATE = 0.00001\n"
                                              "print(json.dumps(s.train()[1]))")}


def leaps():
    """Lowest and highest loss of the last 100 iterations, over 4 seeds; the traced step comes after them."""
    ends = [script.train(seed=seed)[0][-100:] for seed in range(4)]
    return {"lowest": statistics.median(map(min, ends)), "highest": max(map(max, ends))}


def milliseconds():
    """Median ms per training step in one process: one device, or three logical ones."""
    values = {}
    for placement in ("per-layer", "per-step"):
        for name, devices in (("one", "/cpu:0"), ("three", ",".join(script.CPUS))):
            values[f"{placement[4:]}_{name}_ms"] = statistics.median(measure.python(STEPS, placement, devices))
    return values


def cluster():
    """The same training in three processes of this machine: loss, tensors that crossed, ms per step."""
    values = {"one_process_loss": measure.python("import json, multi_gpu_rnn as s; print(json.dumps(s.train(60)[1]))")}
    for port, placement in (27410, "per-layer"), (27420, "per-step"):
        names = ",".join(f"127.0.0.1:{port + k}" for k in range(3))
        others = [subprocess.Popen([sys.executable, "multi_gpu_rnn.py", "--cluster", names, "--task", str(task)],
                                   cwd=measure.ROOT, stdout=subprocess.DEVNULL) for task in (1, 2)]
        try:
            result = measure.python(CLUSTER, names, placement)
        finally:
            for other in others:
                other.kill()
        values.update({f"cluster_{placement[4:]}_loss": result["loss"], f"cluster_{placement[4:]}_sent": result["sent"],
                       f"cluster_{placement[4:]}_ms": statistics.median(result["ms"])})
    return values
