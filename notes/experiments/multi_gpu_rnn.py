"""What notes/multi_gpu_rnn.md quotes beyond the script's own output."""
import re
import socket
import statistics
import subprocess
import sys

import measure

ABLATIONS = """
import json
import multi_gpu_rnn as script
tf, minimize, call = script.tf, script.tf.train.AdamOptimizer.minimize, script.LocalRNNCell.call

def counts(placement, colocate=True, local=True):
    tf.train.AdamOptimizer.minimize = lambda self, loss, step, colocate_gradients_with_ops: minimize(
        self, loss, step, colocate_gradients_with_ops=colocate)
    script.LocalRNNCell.call = call if local else tf.nn.rnn_cell.BasicRNNCell.call
    work, _ = script.read_trace(script.train(1, placement=placement)[2])
    return ([work[device]["matmuls"] for device in script.CPUS], sum(w["tensors sent"] for w in work.values()),
            sum(w["bytes sent"] for w in work.values()))

print(json.dumps({f"{placement}{how}": counts(placement, **options) for placement in ("per-layer", "per-step")
                  for how, options in {"": {}, ", without colocate_gradients_with_ops": {"colocate": False},
                                       ", a plain BasicRNNCell": {"local": False}}.items()}, default=int))
"""

SEEDS = """
import json
import multi_gpu_rnn as script
ends = [script.train(seed=seed)[0] for seed in range(5)]
script.LEARNING_RATE = 0.00001
print(json.dumps([[min(losses[-100:]), max(losses[-100:])] for losses in ends] + [script.train()[1]]))
"""

NOTES_WRAPPER = """
import json
import multi_gpu_rnn as script
tf = script.tf

class DeviceCellWrapper(tf.nn.rnn_cell.RNNCell):
    def __init__(self, device, cell):
        super().__init__()
        self._cell, self._device = cell, device
    state_size = property(lambda self: self._cell.state_size)
    output = property(lambda self: self._cell.output_size)
    def __call__(self, inputs, state, scope=None):
        with tf.device(self._device):
            return self._cell(inputs, state, scope)

try:
    cells = [DeviceCellWrapper(device, tf.nn.rnn_cell.BasicRNNCell(100)) for device in script.CPUS]
    tf.nn.dynamic_rnn(tf.nn.rnn_cell.MultiRNNCell(cells), tf.zeros([1, 100, 1]), dtype=tf.float32)
    print(json.dumps("no error"))
except Exception as error:
    print(json.dumps(f"{type(error).__name__}: {error}".strip(": ")))
"""

CLUSTERED = """
import json, sys, time
import multi_gpu_rnn as script
placement, stamps = sys.argv[2], []
train = script.train
def timed(iterations, seed, names, placement, target, checkpoint, on_step):
    def stamp(i, loss):
        stamps.append(time.perf_counter())
        on_step(i, loss)
    return train(iterations, seed, names, placement, target, checkpoint, stamp)
script.train = timed
result = script.main(["--cluster", sys.argv[1], "--task", "0", "--placement", placement, "--iterations", "60",
                      "--no-plot"])
print(json.dumps({"ms": [1000 * (b - a) for a, b in zip(stamps[10:], stamps[11:])], "loss": result["loss"],
                  "work": result["work"]}, default=int))
"""


def _free_ports(n):
    sockets = [socket.socket() for _ in range(n)]
    for s in sockets:
        s.bind(("127.0.0.1", 0))
    names = ",".join(f"127.0.0.1:{s.getsockname()[1]}" for s in sockets)
    for s in sockets:
        s.close()
    return names


def _clustered(placement):
    """Three processes of this machine, 60 iterations."""
    names = _free_ports(3)
    others = [subprocess.Popen([sys.executable, "multi_gpu_rnn.py", "--cluster", names, "--task", str(task)],
                               cwd=measure.ROOT, stdout=subprocess.DEVNULL) for task in (1, 2)]
    try:
        return measure.python(CLUSTERED, names, placement)
    finally:
        for other in others:
            try:
                other.wait(30)
            except subprocess.TimeoutExpired:
                other.kill()


def ablations():
    """Where the matrix products ran, and what crossed: as it is, and with each of the two precautions left out."""
    rows = [[how, *matmuls, f"{sent:,}", f"{sent_bytes:,}"]
            for how, (matmuls, sent, sent_bytes) in measure.python(ABLATIONS).items()]
    return {"ablations": measure.table(["variant", *(f"products on /cpu:{k}" for k in range(3)), "tensors sent",
                                        "bytes sent"], rows)}


def seeds():
    """The last 100 losses of five seeds, and the end with the learning rate of the notes."""
    *ends, slow = measure.python(SEEDS)
    return {"lowest": statistics.median(low for low, _ in ends), "highest": max(high for _, high in ends),
            "lowest_of_all": min(low for low, _ in ends), "notes_rate_loss": slow}


def notes_wrapper():
    """What the wrapper of the notes ends with."""
    error = re.sub(r"\s+", " ", measure.python(NOTES_WRAPPER))[:120]
    return {"notes_wrapper": f"`{error}`"}  # a marker is no comment inside of backticks


def cluster():
    """The same training by three processes: loss, and what crossed."""
    values = {}
    for placement in "per_layer", "per_step":
        result = _clustered(placement.replace("_", "-"))
        values[f"cluster_{placement}_loss"] = result["loss"]
        values[f"cluster_{placement}_sent"] = sum(counts["tensors sent"] for counts in result["work"].values())
    values["one_process_loss"] = measure.python("import json, multi_gpu_rnn as s; print(json.dumps(s.train(60)[1]))")
    return values


def timing():
    """ms per training step in one process: placements, one device, and TF 1.15."""
    variants = {}
    for tf in "tf2", "tf1":
        for placement in "per_layer", "per_step":
            variants[f"{tf}_{placement}"] = "multi_gpu_rnn", tf == "tf1", {"iterations": 150,
                                                                           "placement": placement.replace("_", "-")}
            variants[f"{tf}_{placement}_one"] = (*variants[f"{tf}_{placement}"][:2],
                                                 dict(variants[f"{tf}_{placement}"][2], devices=["/cpu:0"]))
    return measure.timing_values(variants, base="tf2_per_layer", rounds=2)


def timing_cluster():
    """ms per training step of three processes on this machine."""
    return {f"cluster_{placement}_ms": statistics.median(_clustered(placement.replace("_", "-"))["ms"])
            for placement in ("per_layer", "per_step")}
