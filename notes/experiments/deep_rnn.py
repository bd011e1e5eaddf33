"""Numbers of notes/deep_rnn.md that its commands do not print."""

import measure
import numpy as np

import deep_rnn as script

tf = script.tf
SEEDS = range(4)


def _depth(n_layers):
    """The default run with some number of layers and 4 seeds: losses on the way, MSE at the end, and a point late."""
    n_default, values = script.N_LAYERS, {}
    script.N_LAYERS = n_layers
    try:
        runs = [script.train(seed=seed) for seed in SEEDS]
    finally:
        script.N_LAYERS = n_default
    truth = script.series(script.make_inputs()[1].flatten())
    for i in (1000, 3000, 9999):
        values.update(measure.span(f"layers{n_layers}_at{i}", [losses[i] for losses, _ in runs]))
    values.update(measure.span(f"layers{n_layers}_lowest", [min(losses) for losses, _ in runs]))
    values.update(measure.span(f"layers{n_layers}_mse", [float(np.mean((p - truth) ** 2)) for _, p in runs]))
    values.update(measure.span(f"layers{n_layers}_late", [float(np.mean((p[1:] - truth[:-1]) ** 2)) for _, p in runs]))
    return values


def layers_1():
    """One layer."""
    return _depth(1)


def layers_3():
    """Three layers."""
    return _depth(3)


def layers_5():
    """Five layers."""
    return _depth(5)


def layers_10():
    """Ten layers: the default."""
    return _depth(10)


def repeated_cell():
    """Kernels and weights of ten cells and of one cell ten times, where the input is as wide as a layer."""
    values = {}
    for name, cells in (("list", [None] * 10), ("star", [tf.nn.rnn_cell.BasicRNNCell(script.N_UNITS)] * 10)):
        with tf.Graph().as_default():
            cells = [cell or tf.nn.rnn_cell.BasicRNNCell(script.N_UNITS) for cell in cells]
            x = tf.placeholder(tf.float32, [None, script.N_STEPS, script.N_UNITS])
            tf.nn.dynamic_rnn(tf.nn.rnn_cell.MultiRNNCell(cells), x, dtype=tf.float32)
            shapes = [v.shape for v in tf.trainable_variables()]
            values[f"{name}_kernels"] = sum(len(shape) == 2 for shape in shapes)
            values[f"{name}_weights"] = sum(shape.num_elements() for shape in shapes)
    return values


def shared_cell():
    """The loss after 3,000 iterations of ten cells, and of a first layer with one cell nine times above it."""
    make, made = tf.nn.rnn_cell.BasicRNNCell, []
    own = script.train(3000)[0]

    def shared(*args, **options):
        n_layer = len(made) % script.N_LAYERS  # predict() makes the cells of a network one after the other
        made.append(made[-1] if n_layer > 1 else make(*args, **options))
        return made[-1]

    tf.nn.rnn_cell.BasicRNNCell = shared
    try:
        losses = script.train(3000)[0]
    finally:
        tf.nn.rnn_cell.BasicRNNCell = make
    return {"own": own[-1], "shared": losses[-1]}
