# /// script
# requires-python = ">=3.10,<3.14"
# dependencies = ["matplotlib>=3.8", "numpy>=1.26", "tensorflow>=2.21,<2.22", "tf_keras>=2.21,<2.22", "tqdm>=4.66"]
# ///
"""A bidirectional LSTM reads a sequence from both ends: what comes out, and when only that can answer.

Shows   BasicLSTMCell, MultiRNNCell, bidirectional_dynamic_rnn, its two outputs and its two states
Run     python bidirectional_lstm.py            (then once more with --ahead -3, where the answer lies in the past)
Expect  a loss of 1, the variance of the target, forward only, and of 0.001 in both directions; 20 s on two cores
Notes   notes/bidirectional_lstm.md
"""
import argparse
import collections
import os
import signal
import sys
import tempfile
import time
import warnings

os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")  # tf.nn.rnn_cell lives in tf_keras since TF 2.16
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # the C++ log only: errors arrive as exceptions
warnings.filterwarnings("ignore", message="`tf.nn.rnn_cell")

import matplotlib.pyplot as plt
import numpy as np
from tqdm import tqdm

stderr = os.dup(2)
os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # what TensorFlow logs before it reads the level above
try:
    import tensorflow.compat.v1 as tf
finally:
    os.dup2(stderr, 2)
tf.logging.set_verbosity(tf.logging.ERROR)  # no deprecation chatter
tf.disable_v2_behavior()  # also what makes tf.set_random_seed reach every initializer
XLA = not tf.__version__.startswith("1.")  # TF 1.15 compiles these steps too, but LSTMs run slower there

BATCH_SIZE = 32  # the notes' input: 32 sequences of 40 steps and 5 features
N_STEPS = 40
N_FEATURES = 5
N_UNITS = 32  # of each LSTM that is trained
AHEAD = 3  # so many steps in the future lies what is asked for
LEARNING_RATE = 0.01
ITERATIONS = 400
READINGS = ["backward half of outputs[:, -1]", "outputs[:, -1]", "the two final states"]  # by a classifier
N_LAST = 20  # results are means over so many last iterations


# data -------------------------------------------------------------------------
def make_batch(i, seed=0, ahead=AHEAD):
    """Returns batch i: noise x (batch, time, 1) of variance 1, and y_t = x_(t + ahead) of the steps that have one."""
    x = np.random.RandomState([seed, i]).normal(size=[BATCH_SIZE, N_STEPS, 1])  # no step tells of any other step
    return x, x[:, max(0, ahead):N_STEPS + min(0, ahead)]  # y: (batch, time - |ahead|, 1)


# graph ------------------------------------------------------------------------
def describe():
    """Builds the notes' layers; returns name -> lists of their sizes, and of the shapes of their outputs and states."""
    def parts(value):
        return list(value) if type(value) is tuple else [value]  # an LSTMStateTuple (c, h) is one part

    cell, described = tf.nn.rnn_cell.BasicLSTMCell, {}
    with tf.Graph().as_default():  # shapes are known without a session
        x = tf.placeholder(tf.float32, [BATCH_SIZE, N_STEPS, N_FEATURES], name="x")
        stack = tf.nn.rnn_cell.MultiRNNCell([cell(n_units) for n_units in (128, 256, 512)])
        for name, cells in [("one LSTM of 128", [cell(128)]),
                            ("three stacked: 128, 256, 512", [stack]),
                            ("bidirectional: 128 forward, 128 backward", [cell(128), cell(128)]),
                            ("bidirectional: 128 forward, 120 backward", [cell(128), cell(120)])]:
            with tf.variable_scope(f"layer_{len(described)}"):
                if len(cells) == 1:
                    outputs, states = tf.nn.dynamic_rnn(*cells, x, dtype=tf.float32)
                else:
                    outputs, states = tf.nn.bidirectional_dynamic_rnn(*cells, x, dtype=tf.float32)
            tensors = {"outputs": parts(outputs), "final state": parts(states)}
            if len(cells) == 2:
                tensors["both states joined"] = [join(states)]
            described[name] = {"output_size": [c.output_size for c in cells],
                               "state_size": [size for c in cells for size in parts(c.state_size)],
                               **tf.nest.map_structure(lambda t: tuple(t.shape.as_list()), tensors)}
    return described


def join(states):
    """Two states of (batch, unit) x 2 -> one LSTMStateTuple of (batch, all units) x 2"""
    return tf.nn.rnn_cell.LSTMStateTuple(*(tf.concat(parts, axis=1) for parts in zip(*states)))


def add_bidirectional(x):
    """(batch, time, input) -> outputs (batch, time, unit) x 2, states x 2; forward first, then backward"""
    cells = [tf.nn.rnn_cell.BasicLSTMCell(N_UNITS) for _ in range(2)]
    return tf.nn.bidirectional_dynamic_rnn(*cells, x, dtype=tf.float32)


def dense(inputs):
    """(rows, inputs) -> (rows, 1)"""
    weights = tf.get_variable("weights", [inputs.shape[1], 1])
    return tf.matmul(inputs, weights) + tf.get_variable("biases", [1], initializer=tf.zeros_initializer())


def training_step(x, y, ahead):
    """Trains both networks on the same batch; returns their losses and their predictions of the shape of y."""
    with tf.variable_scope("forward_only"):
        cell = tf.nn.rnn_cell.BasicLSTMCell(2 * N_UNITS)  # as many units as the other network has
        one_way, _ = tf.nn.dynamic_rnn(cell, x, dtype=tf.float32)
    with tf.variable_scope("bidirectional"):
        both_ways = tf.concat(add_bidirectional(x)[0], axis=2)  # (batch, time, unit) x 2 -> (batch, time, 2 * unit)
    losses, predictions = [], []
    for name, outputs in [("forward_only", one_way), ("bidirectional", both_ways)]:
        with tf.variable_scope(name):
            rows = dense(tf.reshape(outputs, [-1, 2 * N_UNITS]))  # (batch * time, 1)
        prediction = tf.reshape(rows, [-1, N_STEPS, 1])[:, max(0, -ahead):][:, :y.shape[1]]
        # loss = mean over batch and time of (prediction - y)^2
        losses.append(tf.reduce_mean(tf.square(prediction - y)))
        predictions.append(prediction)
    # the networks share no variable, so that each is trained by its own loss alone
    with tf.control_dependencies([tf.train.AdamOptimizer(LEARNING_RATE).minimize(tf.add_n(losses))]):
        return [tf.identity(t) for t in losses + predictions]


def readings(outputs, states):
    """Outputs (batch, time, unit) x 2 and states x 2 -> what a classifier could read: (batch, unit or 2 * unit) each"""
    return dict(zip(READINGS, [outputs[1][:, -1], tf.concat(outputs, axis=2)[:, -1], join(states).h]))


def classifying_step(x):
    """Trains a network for each reading: is the first input positive? Returns a loss and the accuracies (reading,)."""
    label = tf.cast(x[:, 0] > 0, tf.float32)  # (batch, 1)
    losses, accuracies = [], []
    for name in READINGS:
        with tf.variable_scope(f"reading_{len(losses)}"):
            logits = dense(readings(*add_bidirectional(x))[name])  # (batch, 1)
        losses.append(tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(labels=label, logits=logits)))
        accuracies.append(tf.reduce_mean(tf.cast(tf.equal(logits > 0, label > 0), tf.float32)))
    with tf.control_dependencies([tf.train.AdamOptimizer(LEARNING_RATE).minimize(tf.add_n(losses))]):
        return [tf.add_n(losses), tf.stack(accuracies)]


# train ------------------------------------------------------------------------
def count_steps(seed=0):
    """Returns for each reading how many steps of the input it depends on: those with a gradient that is not zero."""
    with tf.Graph().as_default(), tf.Session() as sess:
        tf.set_random_seed(seed)
        x = tf.constant(make_batch(0, seed)[0], tf.float32)
        found = readings(*add_bidirectional(x))
        gradients = {name: tf.gradients(found[name], x)[0] for name in found}  # (batch, time, 1)
        sess.run(tf.global_variables_initializer())
        return {name: int(np.any(g, axis=(0, 2)).sum()) for name, g in sess.run(gradients).items()}


def train(iterations=ITERATIONS, seed=0, xla=XLA, ahead=AHEAD, on_step=None):
    """Trains all networks side by side; calls on_step(i, losses, y, predictions).

    Returns for each iteration the losses of forward only, of bidirectional and of the answer 0, which is the variance
    of y; and the accuracies of the classifiers. Every batch is new: these are losses and accuracies on unseen data.
    """
    all_losses, all_accuracies = [], []
    with tf.Graph().as_default(), tf.Session() as sess:
        tf.set_random_seed(seed)
        x = tf.placeholder(tf.float32, [None, N_STEPS, 1], name="x")
        y = tf.placeholder(tf.float32, [None, N_STEPS - abs(ahead), 1], name="y")
        build = tf.xla.experimental.compile if xla else lambda step, inputs: step(*inputs)
        step = build(lambda x, y: [*training_step(x, y, ahead), *classifying_step(x)], [x, y])
        sess.run(tf.global_variables_initializer())
        for i in steps(iterations):
            x_batch, y_batch = make_batch(i, seed, ahead)
            *losses, forward, both, loss, accuracies = sess.run(step, {x: x_batch, y: y_batch})
            if not np.isfinite(loss + sum(losses)):
                sys.exit(f"the loss is {loss + sum(losses)} at iteration {i}: training stopped")
            all_losses.append([*map(float, losses), float(np.mean(np.square(y_batch)))])
            all_accuracies.append(accuracies.tolist())
            if on_step:
                on_step(i, all_losses[-1], y_batch, [forward, both])
    return all_losses, all_accuracies


def steps(iterations, first=0):
    """Counts the steps, with a progress bar; Ctrl-C ends the training after this step, a second one the script."""
    pressed = []
    before = signal.signal(signal.SIGINT, lambda *_: pressed.append(signal.signal(signal.SIGINT, before)))
    try:
        for i in tqdm(range(first, iterations), initial=first, total=iterations, disable=None):
            yield i
            if pressed:
                break
    finally:
        signal.signal(signal.SIGINT, before)


# plot -------------------------------------------------------------------------
def plot_both(figure, data):
    """Prepares the axes; returns update(), which draws data: the losses so far, a target and its two predictions."""
    loss, *panels = figure.subplots(1, 3)
    curves = [loss.plot([], [], style, label=label)[0]
              for style, label in [("C0", "forward only"), ("C1", "bidirectional"), ("k:", "variance of y")]]
    loss.set(xlabel="iteration", ylabel="mean squared error", yscale="log", ylim=(1e-4, 4))
    loss.legend(loc="lower left")
    lines = []
    for axes, title in zip(panels, ["forward only", "bidirectional"]):
        target, = axes.plot([], [], "r", label="target")
        prediction, = axes.plot([], [], "b--", label="prediction")
        axes.set(title=title, xlabel="step", ylabel="value", xlim=(0, N_STEPS), ylim=(-4, 4))
        axes.legend(loc="upper right", ncol=2)
        lines.append((target, prediction))
    figure.tight_layout()

    def update():
        i, *losses = zip(*data["losses"])
        loss.set_xlim(i[0], i[-1] + 1)
        for curve, values in zip(curves, losses):
            curve.set_data(i, values)
        for (target, prediction), values in zip(lines, data["predictions"]):
            target.set_data(data["steps"], data["y"])
            prediction.set_data(data["steps"], values)

    return update


def live(args, plot, data, seconds=0.05, **options):
    """Returns draw(), which shows plot(figure, data) as the data grow; draw(end=True) saves and keeps the picture."""
    plt.rcParams["figure.raise_window"] = False  # a new frame must not steal the focus
    window = not args.no_plot and plt.get_backend().lower() != "agg"  # Matplotlib's choice without a display
    figure = (plt.figure if window else plt.Figure)(**options)
    update, drawn, told = plot(figure, data), [0.0], window or args.no_plot or args.save_plot

    def draw(end=False):
        nonlocal told
        is_open = window and plt.fignum_exists(figure.number)  # a closed window ends the drawing, not the training
        if not told:  # not earlier: a checkpoint that is refused then is one line of its own
            tqdm.write("no display: --save-plot FILE keeps the picture", file=sys.stderr)
            told = True
        if end:
            update()
            try:
                if args.save_plot:
                    figure.savefig(args.save_plot)
            except (OSError, AttributeError) as error:  # Matplotlib's PDF of a full disk ends in the latter
                reason = error if isinstance(error, OSError) else error.__context__
                sys.exit(f"--save-plot {args.save_plot!r} cannot be written: {reason}")
            if is_open:
                plt.show()
        elif is_open and figure.canvas.required_interactive_framework and time.time() - drawn[0] >= seconds:
            update()
            plt.pause(0.001)
            drawn[0] = time.time()

    return draw


# main -------------------------------------------------------------------------
def number(low, high=2**31 - 1):
    """An argparse type: a number from low to high, whole where low is."""
    def parse(text):
        if not low <= type(low)(text) <= high:  # refuses NaN too
            raise ValueError
        return type(low)(text)
    parse.__name__ = f"{type(low).__name__} from {low} to {high}"
    return parse


def output(*suffixes):
    """An argparse type: a writable file with one of the suffixes, or where there is none a writable folder."""
    def parse(path):
        is_folder = os.path.isdir(path)
        if not path.endswith(suffixes or "") or not path or os.path.exists(path) and is_folder == bool(suffixes):
            raise ValueError
        try:  # os.access calls writable what is not: to root, on Windows
            if os.path.isfile(path):
                os.close(os.open(path, os.O_WRONLY))
            else:
                tempfile.TemporaryFile(dir=path if is_folder else os.path.dirname(os.path.abspath(path))).close()
        except OSError:
            raise ValueError
        return path
    parse.__name__ = "writable " + (" or ".join(suffixes) or "folder")
    return parse


def flags(iterations=None):
    """Returns a parser with the flags that every script has; without usage, so that an error is one line."""
    parser = argparse.ArgumentParser(description=__doc__, usage=argparse.SUPPRESS,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    if iterations:
        add("--iterations", type=number(1), default=iterations, metavar="N", help="of training (default: %(default)s)")
        add("--no-xla", dest="xla", action="store_false", default=XLA, help="run the plain graph, as on TF 1.15")
    add("--seed", type=number(0), default=0, metavar="S", help="of all that is random (default: %(default)s)")
    add("--no-plot", action="store_true", help="open no window")
    add("--save-plot", type=output(".png", ".svg", ".pdf"), metavar="FILE", help="write the final picture there")
    return parser


def main(argv=None):
    parser = flags(ITERATIONS)
    parser.add_argument("--ahead", type=number(-20, 20), default=AHEAD, metavar="K",
                        help="the target is y_t = x_(t + K); a K below 0 lies in the past (default: %(default)s)")
    args = parser.parse_args(argv)
    data = {"losses": collections.deque(maxlen=1000),
            "steps": np.arange(N_STEPS)[max(0, -args.ahead):][:N_STEPS - abs(args.ahead)]}
    draw = live(args, plot_both, data, figsize=(13, 4))

    print(f"input {BATCH_SIZE, N_STEPS, N_FEATURES}: batch, steps, features")
    layers = describe()
    for name, rows in layers.items():
        print(name)
        for key, value in rows.items():
            for n, part in enumerate(value):
                print(f"    {'' if n else key:<20}{part}")

    def on_step(i, losses, y, predictions):
        data["losses"].append((i, *losses))
        data["y"], data["predictions"] = y[0, :, 0], [prediction[0, :, 0] for prediction in predictions]
        if i % 50 == 0:
            tqdm.write(f"{i}\tforward only: {losses[0]:.4f}\tbidirectional: {losses[1]:.4f}")
        draw()

    print(f"\nthe target is y_t = x_(t{args.ahead:+d}), x is white noise")
    losses, accuracies = train(args.iterations, args.seed, args.xla, args.ahead, on_step)
    losses, accuracies = losses[-N_LAST:], accuracies[-N_LAST:]
    forward, both, variance = np.mean(losses, axis=0).tolist()
    print(f"mean squared error of the last {len(losses)} batches, all of them new")
    print(f"    variance of y   {variance:.4f}   what the answer 0 gets\n"
          f"    forward only    {forward:.4f}\n"
          f"    bidirectional   {both:.4f}")

    print("\na classifier: is the first of the inputs positive?")
    reached = count_steps(args.seed)
    accuracies = dict(zip(READINGS, np.mean(accuracies, axis=0).tolist()))
    print(f"    {'what it reads':<33}steps that reach it   accuracy")
    for name, accuracy in accuracies.items():
        print(f"    {name:<33}{reached[name]:>8} of {N_STEPS}          {accuracy:.3f}")
    draw(end=True)
    return {"layers": layers, "variance": variance, "forward only": forward, "bidirectional": both,
            "reached": reached, "accuracies": accuracies}


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
