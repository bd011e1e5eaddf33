"""Numbers of notes/time_series_rnn.md that its commands do not print."""

import measure
import numpy as np

import time_series_rnn as script

tf = script.tf
SEEDS = range(8)


class _Learnt(Exception):
    """Ends a training and carries out what the network answers."""


def default_runs():
    """The default run with 8 seeds, compiled and as a plain graph."""
    values = {}
    for name, xla in (("xla", True), ("plain", False)):
        values.update(measure.named(name, measure.seeds("time_series_rnn", [], ["smallest_loss", "mse"], xla=xla)))
    return values


def forecasts():
    """--inputs values with 8 seeds, compiled and as a plain graph."""
    values = {}
    for name, xla in (("forecast", True), ("forecast_plain", False)):
        values.update(measure.named(name, measure.seeds("time_series_rnn", ["--inputs", "values"], ["mse"], xla=xla)))
    return values


def leaps():
    """How often the loss of the default run rises above 0.1 after it was below 0.01, and for how long."""
    counts, above = [], []
    for seed in SEEDS:
        is_low, n = False, 0
        losses = script.train(seed=seed)[0]
        for loss in losses:
            n += is_low and loss > 0.1
            is_low = loss < 0.1 if is_low else loss < 0.01
        counts.append(n)
        above.append(sum(loss > 0.1 for loss in losses[int(np.argmax(np.array(losses) < 0.01)):]))
    return {**measure.span("leaps", counts), **measure.span("iterations_above", above)}


def _answers(x, seed):
    """Trains until the loss is below 0.01; returns what the network then answers to x (batch, time, 1)."""
    def on_step(i, loss, test):
        if loss < 0.01:
            raise _Learnt(tf.get_default_session().run(script.predict(tf.constant(x, tf.float32))))

    try:
        script.train(seed=seed, on_step=on_step)
    except _Learnt as learnt:
        return learnt.args[0][:, :, 0]


def counting():
    """What the network answers to times that it was not trained on, each row against what it learnt and against f."""
    t = script.make_times()[:, :-1]
    inputs = {"same": t, "late": t + 0.15, "later": t + 1, "backward": t[:, ::-1], "constant": 0 * t + 7.5}
    answers = [_answers(np.concatenate(list(inputs.values())), seed) for seed in SEEDS]
    values = {}
    for k, (name, x) in enumerate(inputs.items()):
        for against, clock in (("learnt", t), ("true", x)):
            errors = [float(np.mean((answer[k] - script.series(clock)[0, :, 0]) ** 2)) for answer in answers]
            values.update(measure.span(f"{name}_{against}", errors))
    learnt, true = [[np.mean((answer[1] - script.series(clock)[0, :, 0]) ** 2) for answer in answers]
                    for clock in (t, t + 0.15)]
    values["n_counting"] = int(np.sum(np.less(learnt, true)))
    values["zero"] = float(np.mean(script.series(t) ** 2))
    return values


def steps_of_a_window():
    """The MSE of --inputs values at some steps of the test windows, after 2,000 iterations."""
    _, x = script.make_test("values")
    found = []

    def on_step(i, loss, test):
        if i == 1999:
            outputs = tf.get_default_session().run(script.predict(tf.constant(x, tf.float32)))
            found.append(np.mean((outputs[:, :-1] - x[:, 1:]) ** 2, axis=(0, 2)))

    for seed in SEEDS:
        script.train(2000, seed, inputs="values", on_step=on_step)
    return {f"step{n}": float(np.median(found, axis=0)[n - 1]) for n in (1, 2, 5, 19)}


def wrapped_targets():
    """Forecasts where the last target of each training window is the first value of the window, 8 seeds."""
    right = script.make_batch

    def wrapped(*args):
        x, y = right(*args)
        return x, np.concatenate([y[:, :-1], x[:, :1]], axis=1)

    t, x = script.make_test("values")
    script.make_batch = wrapped
    try:
        predictions = [script.train(seed=seed, inputs="values")[1] for seed in SEEDS]
    finally:
        script.make_batch = right
    return {**measure.span("wrapped", [float(np.mean((p - script.series(t)) ** 2)) for p in predictions]),
            **measure.span("wrapped_first", [float(np.mean((p - x[:, 0, 0]) ** 2)) for p in predictions])}


class OutputProjectionWrapper(tf.nn.rnn_cell.RNNCell):
    """A cell with a dense layer on its output."""

    state_size, output_size = script.N_UNITS, 1

    def __init__(self, cell):
        super().__init__()
        self.cell = cell

    def call(self, inputs, state):
        outputs, state = self.cell(inputs, state)
        kernel = tf.get_variable("kernel", [script.N_UNITS, 1], initializer=tf.glorot_uniform_initializer(seed=1))
        bias = tf.get_variable("bias", [1], initializer=tf.zeros_initializer())
        return tf.matmul(outputs, kernel) + bias, state


def wrapper():
    """The largest relative difference of the losses with the dense layer in the cell, over 100 iterations."""
    right, dense = script.predict, np.array(script.train(100)[0])

    def predict(x):
        cell = tf.nn.rnn_cell.BasicRNNCell(script.N_UNITS, activation=tf.nn.relu)
        return tf.nn.dynamic_rnn(OutputProjectionWrapper(cell), x, dtype=tf.float32)[0]

    script.predict = predict
    try:
        wrapped = np.array(script.train(100)[0])
    finally:
        script.predict = right
    return {"wrapper_difference": float(np.max(np.abs(wrapped / dense - 1)))}
