# /// script
# requires-python = ">=3.10,<3.14"
# dependencies = ["matplotlib>=3.8", "numpy>=1.26", "tensorflow>=2.21,<2.22", "tf_keras>=2.21,<2.22", "tqdm>=4.66"]
# ///
"""An LSTM hears a sine and speaks the cosine, by stateful truncated backpropagation through time.

Shows   placeholder, BasicLSTMCell, dynamic_rnn, an initial state that is fed: the memory outlives the window
Run     python sin_to_cos_lstm.py            (then once more with --stateless)
Expect  a cost of 10 to 70 that falls below 1: about 0.1 over the last 20 windows, in 10 s on two cores
Notes   notes/sin_to_cos_lstm.md
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

N_STEPS = 20  # the gradient flows back this far, the state much further
N_INPUTS = 1
N_UNITS = 10
N_OUTPUTS = 1
BATCH_SIZE = 50
LEARNING_RATE = 0.006
ITERATIONS = 200


# data -------------------------------------------------------------------------
def make_batch(i):
    """Returns window i of the two waves as x, y (batch, time, 1) and t (batch, time) in radians.

    Row b of window i + 1 goes on where row b of window i ended.
    """
    first = i * N_STEPS
    t = np.arange(first, first + BATCH_SIZE * N_STEPS).reshape(BATCH_SIZE, N_STEPS) / (10 * np.pi)
    return np.sin(t)[:, :, np.newaxis], np.cos(t)[:, :, np.newaxis], t


# graph ------------------------------------------------------------------------
def dense(inputs, n_outputs):
    """(rows, inputs) -> (rows, outputs)"""
    weights = tf.get_variable("weights", [inputs.shape[1], n_outputs], initializer=tf.random_normal_initializer(0, 1))
    biases = tf.get_variable("biases", [n_outputs], initializer=tf.constant_initializer(0.1))
    return tf.matmul(inputs, weights) + biases


def add_input_layer(x):
    """(batch, time, input) -> (batch, time, unit)"""
    with tf.variable_scope("in_hidden"):
        inputs = tf.reshape(x, [-1, N_INPUTS])  # (batch * time, input): one matmul for all steps
        return tf.reshape(dense(inputs, N_UNITS), [-1, N_STEPS, N_UNITS])


def add_cell(inputs, c, h):
    """(batch, time, unit) and the state (batch, unit) x 2 -> outputs (batch, time, unit), final state"""
    with tf.variable_scope("LSTM_cell"):
        cell = tf.nn.rnn_cell.BasicLSTMCell(N_UNITS, forget_bias=1.0)
        return tf.nn.dynamic_rnn(cell, inputs, initial_state=tf.nn.rnn_cell.LSTMStateTuple(c, h))


def add_output_layer(outputs):
    """(batch, time, unit) -> (batch, time, output)"""
    with tf.variable_scope("out_hidden"):
        prediction = dense(tf.reshape(outputs, [-1, N_UNITS]), N_OUTPUTS)  # (batch * time, output)
        return tf.reshape(prediction, [-1, N_STEPS, N_OUTPUTS])


def compute_cost(prediction, y):
    """A number: the squared error of a window, averaged over the batch."""
    # cost = sum over batch and time of (prediction - y)^2 / batch size
    return tf.reduce_sum(tf.square(prediction - y)) / tf.cast(tf.shape(y)[0], tf.float32)


def training_step(x, y, c, h):
    """Forward, cost, gradients and update; returns cost, prediction and the final state c, h."""
    outputs, state = add_cell(add_input_layer(x), c, h)
    prediction = add_output_layer(outputs)
    cost = compute_cost(prediction, y)
    with tf.control_dependencies([tf.train.AdamOptimizer(LEARNING_RATE).minimize(cost)]):
        return [tf.identity(t) for t in (cost, prediction, state.c, state.h)]


# train ------------------------------------------------------------------------
def train(iterations=ITERATIONS, seed=0, xla=XLA, stateless=False, logdir=None, on_step=None):
    """Trains on windows 0, 1, 2 ...; returns the cost of each. Calls on_step(i, cost, t, y, prediction)."""
    costs = []
    # a compiled step is one operation, and a short one: this thread runs it rather than wake another
    config = tf.ConfigProto(inter_op_parallelism_threads=-1 if xla else 0)
    with tf.Graph().as_default(), tf.Session(config=config) as sess:
        tf.set_random_seed(seed)
        x = tf.placeholder(tf.float32, [None, N_STEPS, N_INPUTS], name="x")
        y = tf.placeholder(tf.float32, [None, N_STEPS, N_OUTPUTS], name="y")
        c = tf.placeholder(tf.float32, [None, N_UNITS], name="c")
        h = tf.placeholder(tf.float32, [None, N_UNITS], name="h")
        build = tf.xla.experimental.compile if xla else lambda step, inputs: step(*inputs)
        step = build(training_step, [x, y, c, h])
        sess.run(tf.global_variables_initializer())
        writer = tf.summary.FileWriter(logdir, sess.graph) if logdir else None

        zeros = np.zeros([BATCH_SIZE, N_UNITS], np.float32)
        state = zeros, zeros
        for i in steps(iterations):
            x_batch, y_batch, t_batch = make_batch(i)
            cost, prediction, *final_state = sess.run(step, {x: x_batch, y: y_batch, c: state[0], h: state[1]})
            if not np.isfinite(cost):
                sys.exit(f"the cost is {cost} at iteration {i}: training stopped")
            state = (zeros, zeros) if stateless else final_state  # what this window ends with, the next begins with
            costs.append(float(cost))
            if writer:
                writer.add_summary(tf.Summary(value=[tf.Summary.Value(tag="cost", simple_value=cost)]), i)
            if on_step:
                on_step(i, cost, t_batch, y_batch, prediction)
        if writer:
            writer.close()
    return costs


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
def plot_waves(figure, waves):
    """Prepares the axes; returns update(), which draws waves: the last windows, each of rows t, target, prediction."""
    axes = figure.subplots()
    target, = axes.plot([], [], "r", label="target: cos(t)")
    output, = axes.plot([], [], "b--", label="prediction")
    axes.set(xlabel="t (radians)", ylabel="value", ylim=(-1.6, 1.6))
    axes.legend(loc="upper right", ncol=2)

    def update():
        t, y, prediction = np.concatenate(waves, axis=1)
        target.set_data(t, y)
        output.set_data(t, prediction)
        axes.set_xlim(t[0], t[0] + waves.maxlen * N_STEPS / (10 * np.pi))

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
    parser.add_argument("--stateless", action="store_true", help="begin every window with a memory of zeros")
    parser.add_argument("--logdir", type=output(), metavar="DIR",
                        help="write cost and graph for TensorBoard (pip install tensorboard; tensorboard --logdir DIR)")
    args = parser.parse_args(argv)
    waves = collections.deque(maxlen=20)  # what is drawn stays bounded, however long the training
    draw = live(args, plot_waves, waves, seconds=0, figsize=(9, 4))

    def on_step(i, cost, t, y, prediction):
        waves.append((t[0], y[0, :, 0], prediction[0, :, 0]))  # row 0 of the batch, as in the notes
        if i % 20 == 0:
            tqdm.write(f"cost:  {cost:.4f}")
        draw()

    costs = train(args.iterations, args.seed, args.xla, args.stateless, args.logdir, on_step)
    print(f"mean cost of the last {len(costs[-20:])} windows: {np.mean(costs[-20:]):.4f}")
    draw(end=True)
    return {"costs": costs}


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
