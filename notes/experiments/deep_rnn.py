"""What notes/deep_rnn.md quotes beyond the output of its commands."""
import measure
import numpy as np

import deep_rnn as script


def agreement():
    """The largest relative difference between the losses of the two stacks, over 50 iterations of the default run."""
    multi, layerwise = [np.array(script.train(50, stack=stack)[0]) for stack in ("multi", "layerwise")]
    return {"agreement": float(np.max(np.abs(layerwise / multi - 1)))}


def trap():
    """Kernels and weights of ten cells in a list and of [cell] * 10, with as many inputs as units."""
    tf, results = script.tf, {}
    for name, make in (("list", lambda cell: [cell() for _ in range(10)]), ("star", lambda cell: [cell()] * 10)):
        with tf.Graph().as_default():
            cells = make(lambda: tf.nn.rnn_cell.BasicRNNCell(script.N_UNITS))
            x = tf.placeholder(tf.float32, [None, script.N_STEPS, script.N_UNITS])
            tf.nn.dynamic_rnn(tf.nn.rnn_cell.MultiRNNCell(cells), x, dtype=tf.float32)
            variables = tf.trainable_variables()
            results[name + "_kernels"] = len([v for v in variables if v.op.name.endswith("kernel")])
            results[name + "_weights"] = int(sum(np.prod(v.shape.as_list()) for v in variables))
    return results


def shared_cell():
    """The first 3,000 iterations of the default run with ten cells; and with [cell] * 9 on top of the first layer."""
    right, made = script.make_cell, []

    def make_cell(*args):
        if len(made) % script.N_LAYERS < 2:  # the first layer has one input, and so needs a cell of its own
            made.append(right(*args))
        else:
            made.append(made[-1])
        return made[-1]

    own = script.train(3000)[0]
    script.make_cell = make_cell
    try:
        shared = script.train(3000)[0]
    finally:
        script.make_cell = right
    return {"own_mse": own[-1], "shared_mse": shared[-1], "shared_lowest": min(shared)}


def depth():
    """The default run with fewer layers."""
    rows = []
    for n_layers in (1, 3, 5):
        losses, _ = script.train(n_layers=n_layers)
        rows.append([n_layers, *(f"{losses[i]:.2g}" for i in (0, 1000, 3000, 5000, 9999))])
    return {"depth": measure.table(["--layers", "MSE at 0", "1,000", "3,000", "5,000", "9,999"], rows)}


def timing_stacks():
    variants = {"dropout_xla": ("deep_rnn", False, {"iterations": 120, "keep_prob": 0.5})}
    for stack in ("multi", "layerwise"):
        kwargs = {"iterations": 120, "stack": stack}
        variants[stack + "_xla"] = ("deep_rnn", False, kwargs)
        variants[stack + "_plain"] = ("deep_rnn", False, dict(kwargs, xla=False))
        variants[stack + "_tf1"] = ("deep_rnn", True, dict(kwargs, xla=False))
    ms = measure.milliseconds(variants)
    return dict({"ms_" + name: timed["median"] for name, timed in ms.items()},
                faster=ms["multi_tf1"]["median"] / ms["multi_xla"]["median"])
