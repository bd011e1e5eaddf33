"""Experiments of notes/predict_sin_lstm.md; run by notes/render.py."""
import json
import statistics

import measure

SEEDS = range(3)
NOTES = {"n_steps": 10, "batch_size": 128, "points": [11000, 1100], "gap": 100 / 11000, "keep_prob": 1}
EPOCH = 85  # batches of 128 in 10,990 windows
COMPARED = ["units", "epochs", "iterations", "test MSE, median of 3 seeds", "lowest", "highest"]

RUN = """
import json, sys
import predict_sin_lstm as script
kwargs = json.loads(sys.argv[1])
defaults = {"n_steps": script.N_STEPS, "points": script.POINTS, "gap": script.GAP}
y = script.make_data(**{key: kwargs.get(key, value) for key, value in defaults.items()})[3]
print(json.dumps(script.mse(script.train(**kwargs)[0], y)))
"""

NO_DENSE = """
import predict_sin_lstm as script
tf = script.tf

def predict_next(x, units, *rest):
    for layer, n_units in enumerate(units):
        with tf.variable_scope(f"layer_{layer}", initializer=tf.glorot_uniform_initializer(layer)):
            x, _ = tf.nn.dynamic_rnn(tf.nn.rnn_cell.BasicLSTMCell(n_units), x, dtype=tf.float32)
    return x[:, -1]

script.predict_next = predict_next
""" + RUN

SESSIONS = """
import json, statistics, time
import numpy as np
import predict_sin_lstm as script
tf = script.tf
x_train, y_train, *_ = script.make_data(script.N_STEPS, script.POINTS, script.GAP)

def stamps(run, x, y, loss):
    found = []
    for i in range(300):
        found.append(time.perf_counter())
        x_batch, y_batch = script.make_batch(x_train, y_train, i, script.BATCH_SIZE, 0)
        run(loss, {x: x_batch, y: y_batch})
    return [1000 * (b - a) for a, b in zip(found[20:], found[21:])]

ms = {"plain": [], "monitored": []}
for _ in range(3):
    for kind in ms:
        with tf.Graph().as_default():
            x = tf.placeholder(tf.float32, [None, script.N_STEPS, 1])
            y = tf.placeholder(tf.float32, [None, 1])
            with tf.variable_scope("", use_resource=True):
                tf.train.get_or_create_global_step()
            loss, = tf.xla.experimental.compile(
                lambda x, y: script.training_step(x, y, [20, 20], "dynamic", 1, 0, 0.001), [x, y])
            if kind == "plain":
                with tf.Session() as sess:
                    sess.run(tf.global_variables_initializer())
                    ms[kind] += stamps(sess.run, x, y, loss)
            else:
                hooks = [tf.train.StopAtStepHook(last_step=10**6), tf.train.NanTensorHook(0 * loss)]
                with tf.train.MonitoredTrainingSession(hooks=hooks, log_step_count_steps=None) as sess:
                    ms[kind] += stamps(sess.run, x, y, loss)
print(json.dumps({kind: statistics.median(found) for kind, found in ms.items()}))
"""

MASKS = """
import json
import numpy as np
import predict_sin_lstm as script
tf = script.tf

def mask(dropout):
    with tf.Graph().as_default(), tf.Session() as sess:
        tf.set_random_seed(0)
        out, = tf.xla.experimental.compile(lambda x: [dropout(x)], [tf.ones([1000])])
        return sess.run(out)

ways = {"wrapper": lambda x: tf.nn.dropout(x, rate=0.5), "script": lambda x: script.dropout(x, 0.5, [0, 1])}
print(json.dumps({name: bool(np.array_equal(mask(way), mask(way))) for name, way in ways.items()}))
"""

LEFT_ON = """
import json, sys
import predict_sin_lstm as script
tf, right, calls = script.tf, script.predict_next, []

def predict_next(x, units, unroll, *args):
    calls.append(x)
    off = right(x, units, unroll, *args)
    if len(calls) == 1:  # the training step
        return off
    with tf.variable_scope("", reuse=True):
        return tf.concat([off, right(x, units, unroll, script.KEEP_PROB)], axis=1)

script.predict_next = predict_next
y = script.make_data(script.N_STEPS, script.POINTS, script.GAP)[3]
prediction, _ = script.train(seed=int(sys.argv[1]))
print(json.dumps([script.mse(prediction[:, :1], y), script.mse(prediction[:, 1:], y)]))
"""


def _mse(code=RUN, **kwargs):
    """Returns the test errors of one run for each seed."""
    return [measure.python(code, json.dumps(dict(kwargs, seed=seed))) for seed in SEEDS]


def _row(*cells, errors):
    return [*cells, f"{statistics.median(errors):.1e}", f"{min(errors):.1e}", f"{max(errors):.1e}"]


def one_unit_or_twenty_and_one():
    """The comparison of the notes, and the same iterations for both."""
    rows, values = [], {}
    for name, units, epochs in [("one", [1], 150), ("two", [20, 1], 50), ("one_short", [1], 50), ("wide", [20], 50)]:
        errors = _mse(units=units, iterations=epochs * EPOCH, **NOTES)
        rows.append(_row(" + ".join(map(str, units)), epochs, epochs * EPOCH, errors=errors))
        values[f"{name}_mse"] = statistics.median(errors)
    values["one_over_two"] = values["one_mse"] / values["two_mse"]
    return dict(values, comparison_table=measure.table(COMPARED, rows))


def without_the_dense_layer():
    """The networks that the notes compare, as the notes have them: the last output of the one unit is the forecast."""
    rows = [_row(" + ".join(map(str, units)), epochs, epochs * EPOCH,
                 errors=_mse(NO_DENSE, units=units, iterations=epochs * EPOCH, **NOTES))
            for units, epochs in [([1], 150), ([20, 1], 50), ([1], 50)]]
    return {"no_dense_table": measure.table(COMPARED, rows)}


def dropout_rates():
    """What output dropout does to a regression on a smooth curve."""
    rows, values = [], {}
    for keep_prob in (1, 0.9, 0.5):
        errors = _mse(keep_prob=keep_prob)
        rows.append(_row(keep_prob, errors=errors))
        values[f"keep_{round(100 * keep_prob)}"] = statistics.median(errors)
    header = ["--keep-prob", "test MSE, median of 3 seeds", "lowest", "highest"]
    return dict(values, dropout_table=measure.table(header, rows))


def dropout_left_on():
    """The default run, three seeds: the weights of one training, predicting without dropout and with it."""
    off, on = zip(*(measure.python(LEFT_ON, str(seed)) for seed in SEEDS))
    return {"left_off": statistics.median(off), "left_on": statistics.median(on),
            "left_on_low": min(on), "left_on_high": max(on), "left_on_times": statistics.median(on)
            / statistics.median(off)}


def data_of_the_notes():
    """Counts what the notes' functions make of their numbers."""
    import numpy as np
    seq, timesteps = np.sin(np.linspace(0, 100, 10000)), 20
    return {"windows_notes": len(range(len(seq) - timesteps - 1)), "windows_all": len(seq) - timesteps,
            "gap_train": np.linspace(0, 100, 11000)[1], "gap_test": np.linspace(100, 110, 1100)[1] - 100,
            "gap_named": np.linspace(0, 100, 10000)[1]}


def same_masks():
    """Whether two runs with the same seed drop the same outputs under XLA."""
    return {f"same_{name}": "the same" if same else "different" for name, same in measure.python(MASKS).items()}


def timing_unroll():
    """Milliseconds an iteration: XLA, plain, by hand, and TF 1.15."""
    runs = {"iterations": 220}
    names = {"xla": "XLA, TF 2.21", "plain": "plain graph, TF 2.21", "manual": "`--unroll manual`, TF 2.21",
             "tf1": "plain graph, TF 1.15", "tf1_manual": "`--unroll manual`, TF 1.15"}
    ms = measure.milliseconds({
        "xla": ("predict_sin_lstm", False, runs),
        "plain": ("predict_sin_lstm", False, dict(runs, xla=False)),
        "manual": ("predict_sin_lstm", False, dict(runs, xla=False, unroll="manual")),
        "tf1": ("predict_sin_lstm", True, runs),
        "tf1_manual": ("predict_sin_lstm", True, dict(runs, unroll="manual"))})
    rows = [[names[key], *(f"{value[part]:.2f}" for part in ("median", "low", "high"))] for key, value in ms.items()]
    values = {f"{key}_ms": value["median"] for key, value in ms.items()}
    return dict(values, plain_over_xla=values["plain_ms"] / values["xla_ms"], timing_table=measure.table(
        ["", "ms per iteration, median", "10th percentile", "90th"], rows))


def timing_compile():
    """Seconds until the first step is done, under XLA."""
    code = ("import json, sys, time; import predict_sin_lstm as script; start = time.time()\n"
            "stamps = []; script.train(2, unroll=sys.argv[1], on_step=lambda *_: stamps.append(time.time()))\n"
            "print(json.dumps(stamps[0] - start))")
    return {f"first_step_{unroll}": measure.python(code, unroll) for unroll in ("dynamic", "manual")}


def timing_session():
    """What the hooks cost: the same compiled step in a plain Session and in a MonitoredTrainingSession."""
    ms = measure.python(SESSIONS)
    return {"session_ms": ms["plain"], "monitored_ms": ms["monitored"], "hooks_ms": ms["monitored"] - ms["plain"]}
