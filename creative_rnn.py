# /// script
# requires-python = ">=3.10,<3.14"
# dependencies = ["matplotlib>=3.8", "numpy>=1.26", "tensorflow>=2.21,<2.22", "tf_keras>=2.21,<2.22", "tqdm>=4.66"]
# ///
"""A recurrent network continues a series by itself: each value that it predicts becomes its next input.

Shows   what time_series_rnn.py shows, then a loop in Python that feeds the last 20 values back, from two seeds at once
Run     python creative_rnn.py               (then with --inputs times, which is what the notes do)
Expect  two waves of 300 values, one from zeros and one from the series; 14 s on two cores
Notes   notes/creative_rnn.md
"""
import argparse
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

N_STEPS = 20
N_INPUTS = 1
N_UNITS = 100
N_OUTPUTS = 1
BATCH_SIZE = 20  # of --inputs values; --inputs times has one sequence
LEARNING_RATE = 0.001
ITERATIONS = 10000
STEP = 0.1  # between two values of --inputs values
T_END = 30.0  # it learns the series up to here
N_GENERATED = 300
SEEDS = "20 zeros", "the first 20 of the series"


# data -------------------------------------------------------------------------
def series(t):
    """The series at t (radians), of the shape of t."""
    # f(t) = t sin(t) / 3 + 2 sin(5 t)
    return t * np.sin(t) / 3 + 2 * np.sin(5 * t)


def make_times(inputs, n_steps=N_STEPS):
    """Returns the first points t (1, time, 1): whole radians, as in the notes, for --inputs times."""
    return (1 if inputs == "times" else STEP) * np.arange(n_steps)[np.newaxis, :, np.newaxis]


def make_windows(last):
    """Returns x, y (batch, time, 1): windows of the series and the same one step later; y ends at last (batch,)."""
    steps_back = STEP * np.arange(-N_STEPS, 1)
    values = series(np.reshape(last, [-1, 1, 1]) + steps_back[:, np.newaxis])  # (batch, time + 1, 1)
    return values[:, :-1], values[:, 1:]


def make_batch(i, inputs, seed=0):
    """Returns x, y (batch, time, 1) of training step i: times and the series there, or values and the next values."""
    if inputs == "times":
        t = make_times(inputs)  # the same at every step
        return t, series(t)
    return make_windows(np.random.default_rng([seed, i]).uniform(STEP * N_STEPS, T_END, BATCH_SIZE))


def make_seeds(inputs):
    """Returns what the two generated sequences begin with (2, time, 1): zeros, and the first values of the series."""
    values = series(make_times(inputs))
    return np.concatenate([np.zeros_like(values), values])


# graph ------------------------------------------------------------------------
def dense(inputs, n_outputs):
    """(rows, inputs) -> (rows, outputs)"""
    with tf.variable_scope("dense"):
        # a seed of its own: the first weights are the same wherever in the graph the layer stands
        glorot = tf.glorot_uniform_initializer(seed=1)
        kernel = tf.get_variable("kernel", [inputs.shape[1], n_outputs], initializer=glorot)
        bias = tf.get_variable("bias", [n_outputs], initializer=tf.zeros_initializer())
        return tf.matmul(inputs, kernel) + bias


def predict(x):
    """(batch, time, input) -> (batch, time, output)"""
    # h_t = relu([x_t, h_(t-1)] W + b)
    cell = tf.nn.rnn_cell.BasicRNNCell(N_UNITS, activation=tf.nn.relu)
    outputs, _ = tf.nn.dynamic_rnn(cell, x, dtype=tf.float32)  # (batch, time, unit)
    outputs = tf.reshape(outputs, [-1, N_UNITS])  # (batch * time, unit): one matmul for all steps
    return tf.reshape(dense(outputs, N_OUTPUTS), [-1, x.shape[1], N_OUTPUTS])


def training_step(x, y):
    """Forward, loss, gradients and update; returns the loss."""
    # loss = mean over batch and time of (prediction - y)^2
    loss = tf.reduce_mean(tf.square(predict(x) - y))
    with tf.control_dependencies([tf.train.AdamOptimizer(LEARNING_RATE).minimize(loss)]):
        return tf.identity(loss)


# train ------------------------------------------------------------------------
def train(iterations=ITERATIONS, seed=0, xla=XLA, inputs="values", on_step=None, on_value=None):
    """Trains, then generates; returns the loss of each step and the two sequences (2, N_STEPS + N_GENERATED).

    Calls on_step(i, loss) after each step, and on_value(sequences) after each generated pair of values.
    """
    losses = []
    # a compiled step is one operation, and a short one: this thread runs it rather than wake another
    config = tf.ConfigProto(inter_op_parallelism_threads=-1 if xla else 0)
    with tf.Graph().as_default(), tf.Session(config=config) as sess:
        tf.set_random_seed(seed)
        x = tf.placeholder(tf.float32, [None, N_STEPS, N_INPUTS], name="x")
        y = tf.placeholder(tf.float32, [None, N_STEPS, N_OUTPUTS], name="y")
        build = tf.xla.experimental.compile if xla else lambda step, inputs: step(*inputs)
        step = build(lambda x, y: [training_step(x, y)], [x, y])
        tf.get_variable_scope().reuse_variables()  # the same weights, a second time, without the update
        prediction, = build(lambda x: [predict(x)], [x])
        sess.run(tf.global_variables_initializer())

        for i in steps(iterations):
            x_batch, y_batch = make_batch(i, inputs, seed)
            loss, = sess.run(step, {x: x_batch, y: y_batch})
            if not np.isfinite(loss):
                sys.exit(f"the loss is {loss} at iteration {i}: training stopped")
            losses.append(float(loss))
            if on_step:
                on_step(i, loss)

        sequences = make_seeds(inputs)  # (2, time, 1)
        for _ in range(N_GENERATED):
            # s_t = the last output of the network for s_(t-20) ... s_(t-1)
            outputs = sess.run(prediction, {x: sequences[:, -N_STEPS:]})
            sequences = np.concatenate([sequences, outputs[:, -1:]], axis=1)
            if on_value:
                on_value(sequences[:, :, 0])
        return losses, sequences[:, :, 0]


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
def plot_sequences(figure, data):
    """Prepares the axes; returns update(), which draws data: the sequences (2, step) so far and the series (step,)."""
    panels, lines = figure.subplots(2, 1, sharex=True), []
    panels[1].plot(data["series"], "r", linewidth=0.5, label="how the series goes on")
    for axes, name in zip(panels, SEEDS):
        lines += axes.plot([], [], "b", label="generated")
        axes.axvspan(0, N_STEPS - 1, color="0.9", label="seed: " + name)
        axes.set(ylabel="value", xlim=(0, N_STEPS + N_GENERATED))
        axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncol=3, frameon=False)
    panels[1].set(xlabel="step")

    def update():
        for line, sequence in zip(lines, data["sequences"]):
            line.set_data(np.arange(len(sequence)), sequence)
            line.axes.relim()
            line.axes.autoscale_view()
        reach = 2.5 * np.abs(data["sequences"][1]).max()  # the series itself grows without end
        panels[1].set_ylim(-reach, reach)

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
    add = parser.add_argument
    add("--inputs", choices=["times", "values"], default="values",
        help="train on the values so far, or on times as the notes do (default: %(default)s)")
    args = parser.parse_args(argv)
    t = make_times(args.inputs, N_STEPS + N_GENERATED)
    data = {"series": series(t)[0, :, 0], "sequences": make_seeds(args.inputs)[:, :, 0]}
    draw = live(args, plot_sequences, data, seconds=0, figsize=(9, 6), layout="tight")

    def on_step(i, loss):
        if i % 100 == 0:
            tqdm.write(f"{i} \tMSE: {loss:.4g}")
        if i % 1000 == 0:
            draw()  # the two seeds

    def on_value(sequences):
        data["sequences"] = sequences
        if sequences.shape[1] % 10 == 0:
            draw()

    losses, data["sequences"] = train(args.iterations, args.seed, args.xla, args.inputs, on_step, on_value)
    for name, sequence in zip(SEEDS, data["sequences"][:, N_STEPS:]):
        print(f"{N_GENERATED} values after {name}: from {sequence.min():.3g} to {sequence.max():.3g}")
    mse = np.mean((data["sequences"][1] - data["series"])[N_STEPS:] ** 2)
    print(f"MSE of the latter against the series: {mse:.4g}")
    draw(end=True)
    return {"losses": losses, "sequences": data["sequences"], "mse": mse}


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
