"""Numbers of notes/lstm_peephole_gru.md that its commands do not print."""
import tempfile

import measure
import numpy as np

import lstm_peephole_gru as script

tf = script.tf


def _runs(prefix, cell, n_seeds=4, **options):
    """Results of some seeds: the MSEs of the end, the highest loss of the last 90 %, and how often it leaps there."""
    results = [script.train(cell, seed=seed, **options) for seed in range(n_seeds)]
    values = {f"{prefix}_parameters": results[0]["parameters"]}
    for key in ("train_mse", "lowest", "mse"):
        values.update(measure.span(f"{prefix}_{key}", [result[key] for result in results]))
    highest, leaps = [], []
    for result in results:
        losses = np.array(result["losses"])
        is_high = losses > 2 * np.minimum.accumulate(losses)
        first = len(losses) // 10
        highest.append(float(losses[first:].max()))
        leaps.append(int(np.sum(is_high[first + 1:] & ~is_high[first:-1])))
    return {**values, **measure.span(f"{prefix}_highest", highest), **measure.span(f"{prefix}_leaps", leaps)}


def _rnn(prefix, **options):
    """The same with a basic RNN for the cell."""
    make_cell = script.make_cell
    script.make_cell = lambda cell, act: tf.nn.rnn_cell.BasicRNNCell(script.N_UNITS, activation=act)
    try:
        return _runs(prefix, "lstm", **options)
    finally:
        script.make_cell = make_cell


def lstm():
    """The notes' settings: 5 layers."""
    return _runs("lstm5", "lstm")


def coupled():
    """5 layers."""
    return _runs("coupled5", "coupled")


def peephole():
    """10 layers."""
    return _runs("peephole10", "peephole")


def gru():
    """10 layers."""
    return _runs("gru10", "gru")


def five_layers():
    """The other cells of the notes with 5 layers, and a basic RNN."""
    values = _rnn("rnn5", n_layers=5)
    for cell in ("peephole", "gru"):
        values.update(_runs(f"{cell}5", cell, n_layers=5))
    return values


def tanh():
    """1,000 iterations of 5 layers with --tanh."""
    values = _rnn("rnn_tanh", n_layers=5, iterations=1000, tanh=True, n_seeds=8)
    for cell in script.CELLS:
        values.update(_runs(f"{cell}_tanh", cell, n_layers=5, iterations=1000, tanh=True, n_seeds=8))
    return values


def fast_relu():
    """5 layers of LSTM with relu and the learning rate of --tanh: their highest loss, and how many end with nan."""
    slow, script.LEARNING_RATE = script.LEARNING_RATE, script.TANH_LEARNING_RATE
    runs, n_nan = [], 0
    try:
        for seed in range(4):
            runs.append([])
            try:
                script.train("lstm", 1000, seed, n_layers=5, on_step=lambda i, loss, _: runs[-1].append(float(loss)))
            except SystemExit:
                n_nan += 1
    finally:
        script.LEARNING_RATE = slow
    return {**measure.span("fast_relu_highest", [max(losses) for losses in runs]), "fast_relu_nan": n_nan}


class _Clipped(tf.train.AdamOptimizer):
    """Adam on gradients that are shortened to a common norm of 1."""

    def compute_gradients(self, *args, **options):
        gradients, variables = zip(*super().compute_gradients(*args, **options))
        return list(zip(tf.clip_by_global_norm(gradients, 1.0)[0], variables))


def clipped():
    """The LSTM of --tanh with clipped gradients."""
    adam, tf.train.AdamOptimizer = tf.train.AdamOptimizer, _Clipped
    try:
        return _runs("clipped", "lstm", n_layers=5, iterations=1000, tanh=True)
    finally:
        tf.train.AdamOptimizer = adam


def wrong_order():
    """A trained coupled cell, and the same weights read as f, j, o."""
    split = tf.split
    with tempfile.TemporaryDirectory() as folder:
        options = {"n_layers": 5, "iterations": 1000, "tanh": True, "checkpoint": folder}
        right = script.train("coupled", **options)["train_mse"]
        tf.split = lambda *args, **kwargs: [split(*args, **kwargs)[n] for n in (1, 0, 2)]
        try:
            wrong = script.train("coupled", **options)["train_mse"]  # nothing is left to train
        finally:
            tf.split = split
    return {"right_order": right, "wrong_order": wrong}
