"""A script of this repository as a peer: its own train(), from given weights. Runs on both TensorFlows."""
import contextlib
import importlib
import os
import pathlib
import sys

import numpy as np
import rows

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))


class Enough(Exception):
    """Leaves a training."""


def options(script, row):
    """The keyword arguments of the script's train(), with the benchmark's data where the script's own are not small."""
    kwargs = dict(row.kwargs, iterations=10**9)
    if row.script == "mnist_rnn_classifier":
        x, y = rows.images()
        kwargs["data"] = script.Data("noise", x, y, x[:1000], y[:1000])
    if row.script == "char_rnn":
        kwargs.update(text=rows.text(), keep_prob=row.keep_prob)
    return kwargs


def train(row, weights_file, pace, xla=True):
    """Trains as the script does, for as long as the generator pace() goes on: it is sent the loss after each step.

    Stores the first weights in weights_file, or takes them from there where it exists.
    """
    script = importlib.import_module(row.script)
    tf, pacing, losses = script.tf, pace(), []

    def steps(iterations, first=0):  # in place of the script's own, which counts the steps inside its session
        sess, variables = tf.get_default_session(), tf.trainable_variables()
        if os.path.exists(weights_file):
            with np.load(weights_file) as stored:
                for variable in variables:
                    variable.load(stored[variable.op.name], sess)
        else:
            np.savez(weights_file, **{v.op.name: value for v, value in zip(variables, sess.run(variables))})
        next(pacing)
        for i in range(first, iterations):
            yield i
            try:
                pacing.send(losses[-1])
            except StopIteration:
                raise Enough

    script.steps = steps
    with contextlib.suppress(Enough):
        script.train(xla=xla, on_step=lambda i, loss, *_: losses.append(loss), **options(script, row))
