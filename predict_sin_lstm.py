"""Two LSTM layers read 20 values of a sine, or of a series in a file, and predict the next one.

Shows   stacked LSTMs, the last output as a forecast, dropout, an RNN unrolled by hand, standardised data
Run     python predict_sin_lstm.py            (then with --series FILE, a column of numbers)
Expect  an MSE below 1e-4, where repeating the last value has 5e-5 and a straight line 5e-9; 30 to 60 s
Notes   notes/predict_sin_lstm.md
"""
import argparse
import collections
import contextlib
import csv
import functools
import os
import signal
import sys
import threading
import warnings

os.environ["TF_USE_LEGACY_KERAS"] = "1"  # tf.nn.rnn_cell needs the package tf_keras since TF 2.16
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
warnings.filterwarnings("ignore", message="`tf.nn.rnn_cell")
if "tensorflow" in sys.modules and sys.modules["tensorflow"].executing_eagerly():
    print("TensorFlow 2 is in use already: this process is in TF 1 mode from now on", file=sys.stderr)
try:
    import numpy as np
    import tensorflow.compat.v1 as tf
    from tqdm import tqdm
except KeyboardInterrupt:  # Ctrl-C while TensorFlow loads
    sys.exit(130)
tf.logging.set_verbosity(tf.logging.ERROR)
tf.disable_v2_behavior()  # TF 1 graphs; also makes tf.set_random_seed reach every initializer
XLA = not tf.__version__.startswith("1.")  # XLA compiles the step; on TF 1.15 that makes LSTMs slower

N_STEPS = 20  # values in a window
UNITS = [20, 20]  # of each layer
BATCH_SIZE = 64
LEARNING_RATE = 0.001
ITERATIONS = 7750  # 50 epochs of 155 batches
REPORT_EVERY = 250
N_TRAIN = 10000  # points of the sine to train on,
N_TEST = 1000  # and right after them to test on
GAP = 0.01  # radians from one point to the next

Data = collections.namedtuple("Data", "x_train y_train x_test truth mean deviation")


# data -------------------------------------------------------------------------
def read_series(path, column):
    """Returns the numbers in a file: one in each row, or the named column of a CSV file with a header."""
    if not os.path.isfile(path):
        sys.exit(f"--series {path!r}: expected a file")
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            rows = list(csv.reader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        sys.exit(f"--series {path!r}: expected a text file: {error}")
    while rows and not any(rows[-1]):  # empty lines at the end
        rows.pop()
    header = rows.pop(0) if column and rows else []
    if column and column not in header:
        sys.exit(f"--column {column!r}: expected one of {', '.join(header)}")
    values = []
    for number, row in enumerate(rows, 2 if column else 1):
        cell = dict(zip(header, row)).get(column, "") if column else ",".join(row)
        try:
            values.append(float(cell))
        except ValueError:
            values.append(np.nan)
        if not np.isfinite(values[-1]):
            sys.exit(f"--series {path!r}, row {number}: expected a number, not {cell!r}")
    return np.array(values)


def make_windows(series, n_steps):
    """Returns all windows x (window, time, 1) of a series and the values that follow them, y (window, 1)."""
    starts = np.arange(len(series) - n_steps)
    x = series[starts[:, np.newaxis] + np.arange(n_steps)]  # (window, time)
    return x[:, :, np.newaxis], series[n_steps:, np.newaxis]


def make_data(path=None, column=None, n_steps=N_STEPS, ahead=1):
    """Returns Data of a sine, or of a file whose last tenth is the test part; its truth is (point,)."""
    series = np.sin(GAP * np.arange(N_TRAIN + N_TEST)) if path is None else read_series(path, column)
    n_train = N_TRAIN if path is None else len(series) - len(series) // 10
    needed = n_steps + max(ahead, BATCH_SIZE)
    if n_train < needed:
        sys.exit(f"{path or 'sine'}: {n_train} values to train on, expected at least {needed}")
    past = series[:n_train]  # the test part is the future: it must not contribute to mean and deviation
    mean, deviation = (0.0, 1.0) if path is None else (past.mean(), past.std() or 1.0)
    scaled = ((series - mean) / deviation).astype(np.float32)
    x_train, y_train = make_windows(scaled[:n_train], n_steps)
    x_test, _ = make_windows(scaled[n_train - n_steps - ahead + 1:len(series) - ahead + 1], n_steps)
    return Data(x_train, y_train, x_test, series[n_train:], mean, deviation)


def make_batch(data, i, seed):
    """Returns x (batch, time, 1) and y (batch, 1) of training step i; each epoch has its own order."""
    epoch, batch = divmod(i, len(data.x_train) // BATCH_SIZE)
    order = np.random.RandomState([abs(seed) % 2**32, epoch]).permutation(len(data.x_train))
    rows = order[batch * BATCH_SIZE:(batch + 1) * BATCH_SIZE]
    return data.x_train[rows], data.y_train[rows]


def compute_errors(prediction, data, ahead):
    """Returns the mean squared errors (MSE) of the network and of two baselines at the test points."""
    last, before = (data.mean + data.deviation * data.x_test[:, -k, 0] for k in (1, 2))  # (point,)
    forecasts = {"LSTM": prediction, "last value": last, "straight line": last + ahead * (last - before)}
    return {name: float(np.mean((forecast - data.truth) ** 2)) for name, forecast in forecasts.items()}


# graph ------------------------------------------------------------------------
def unroll_by_hand(cell, inputs):
    """Does what dynamic_rnn does, in a Python loop: (batch, time, input) -> (batch, time, unit)."""
    with tf.variable_scope("rnn") as scope:  # so the variables get the names that dynamic_rnn gives
        state = cell.zero_state(tf.shape(inputs)[0], tf.float32)
        outputs = []
        for t in range(inputs.shape[1]):
            if t > 0:
                scope.reuse_variables()  # every step has the weights of step 0
            output, state = cell(inputs[:, t], state)  # (batch, unit), and the state for the next step
            outputs.append(output)
        return tf.stack(outputs, axis=1)


def dropout(outputs, keep_prob, seed):
    """Does what DropoutWrapper(output_keep_prob=...) does at each step; seed: two integers."""
    # outputs mask / keep_prob, with a mask of 0s and 1s; XLA ignores the seed of other random ops
    mask = tf.random.stateless_uniform(tf.shape(outputs), seed) < keep_prob
    return outputs * tf.cast(mask, tf.float32) / keep_prob


def predict(x, units, unroll, keep_prob=1.0, seed=0):
    """x (batch, time, 1) -> the value that follows (batch, 1)"""
    outputs = x
    for layer, n_units in enumerate(units):
        with tf.variable_scope(f"layer_{layer}", initializer=tf.glorot_uniform_initializer(layer)):
            cell = tf.nn.rnn_cell.BasicLSTMCell(n_units)
            if unroll == "manual":
                outputs = unroll_by_hand(cell, outputs)
            else:
                outputs, _ = tf.nn.dynamic_rnn(cell, outputs, dtype=tf.float32)  # (batch, time, unit)
            if keep_prob < 1:
                i = tf.cast(tf.train.get_or_create_global_step(), tf.int32)
                outputs = dropout(outputs, keep_prob, tf.stack([abs(seed) % 2**31, i * len(units) + layer]))
    glorot = tf.glorot_uniform_initializer(len(units))
    weights = tf.get_variable("weights", [units[-1], 1], initializer=glorot)
    biases = tf.get_variable("biases", [1], initializer=tf.zeros_initializer())
    return tf.matmul(outputs[:, -1], weights) + biases  # only the last step has read the whole window


def compute_loss(prediction, y):
    """loss = mean over the batch of (prediction - y)^2"""
    return tf.reduce_mean(tf.square(prediction - y))


def training_step(x, y, **options):
    """Runs the network and updates its weights; returns the loss. options: those of predict()."""
    loss = compute_loss(predict(x, **options), y)
    update = tf.train.AdamOptimizer(LEARNING_RATE).minimize(loss, tf.train.get_or_create_global_step())
    with tf.control_dependencies([update]):  # whoever fetches the loss also trains
        return [tf.identity(loss)]


# train ------------------------------------------------------------------------
def train(data, iterations=ITERATIONS, seed=0, xla=XLA, units=UNITS, keep_prob=1.0, unroll="dynamic", ahead=1,
          on_step=lambda *_: None):
    """Returns losses and test prediction (point,); calls on_step(i, loss, forecast): forecast() predicts."""
    losses = []
    network = functools.partial(predict, units=units, unroll=unroll)
    training = functools.partial(training_step, units=units, unroll=unroll, keep_prob=keep_prob, seed=seed)
    with tf.Graph().as_default(), tf.Session() as sess:
        tf.set_random_seed(seed)
        x = tf.placeholder(tf.float32, [None, *data.x_train.shape[1:]], name="x")
        y = tf.placeholder(tf.float32, [None, 1], name="y")
        step = tf.xla.experimental.compile(training, [x, y]) if xla else training(x, y)
        tf.get_variable_scope().reuse_variables()  # the network once more: the same weights, no dropout
        following = tf.xla.experimental.compile(network, [x])[0] if xla else network(x)
        sess.run(tf.global_variables_initializer())

        def forecast():
            windows = data.x_test
            for _ in range(ahead):
                # each window moves on by one step: its prediction becomes its last value
                prediction = sess.run(following, {x: windows})  # (point, 1)
                windows = np.concatenate([windows[:, 1:], prediction[:, np.newaxis]], axis=1)
            return data.mean + data.deviation * prediction[:, 0]

        for i in steps(iterations):
            x_batch, y_batch = make_batch(data, i, seed)
            loss, = sess.run(step, {x: x_batch, y: y_batch})
            if not np.isfinite(loss):
                sys.exit(f"the loss is {loss} at iteration {i}: training stopped")
            losses.append(float(loss))
            on_step(i, loss, forecast)
        return losses, forecast()


# plot -------------------------------------------------------------------------
def plot_forecast(figure):
    """Prepares the axes; returns update(truth, prediction, history) for a history of (iteration, errors)."""
    top, bottom = figure.subplots(2)
    red, blue = top.plot([], [], "r", [], [], "b")
    red.set_linewidth(4)  # wider than a prediction that covers it
    top.set(xlabel="test point", ylabel="value")
    top.legend(["truth", "prediction"], loc="lower left", bbox_to_anchor=(0, 1), ncol=2, frameon=False)
    lines = bottom.plot([], [], "b.-", [], [], "k--", [], [], "k:")
    bottom.set(xlabel="iteration", ylabel="test MSE", yscale="log")
    bottom.legend(["LSTM", "last value", "straight line"], loc="upper left", bbox_to_anchor=(1, 1))

    def update(truth, prediction, history):
        red.set_data(range(len(truth)), truth)
        blue.set_data(range(len(truth)), prediction)
        iterations, errors = zip(*history)
        for line, name in zip(lines, errors[0]):
            line.set_data(iterations, [found[name] for found in errors])
        for axes in (top, bottom):
            axes.relim()
            axes.autoscale_view()
    return update


# main -------------------------------------------------------------------------
def main(argv=()):
    parser = flags()
    add = parser.add_argument
    add("--iterations", type=int, default=ITERATIONS, metavar="N", help="training iterations")
    add("--series", metavar="FILE", help="predict the numbers in a file instead of a sine: a column, or CSV")
    add("--column", metavar="NAME", help="the column of the CSV file")
    add("--ahead", type=int, default=1, metavar="K", help="predict K steps ahead by feeding predictions back")
    add("--n-steps", type=int, default=N_STEPS, metavar="N", help="values in a window (default: 20)")
    add("--units", type=int, nargs="+", default=UNITS, metavar="N", help="units, one number per layer: 20 20")
    add("--keep-prob", type=float, default=1.0, metavar="P", help="below 1: dropout after each layer")
    add("--unroll", choices=["dynamic", "manual"], default="dynamic", help="manual: in a Python loop")
    add("--no-xla", dest="xla", action="store_false", default=XLA, help="do not compile")
    args = parser.parse_args(argv)
    if not 0 < args.keep_prob <= 1:
        parser.error(f"--keep-prob {args.keep_prob}: expected a number above 0, at most 1")
    if min(args.n_steps - 1, args.ahead, *args.units) < 1:
        parser.error(f"--n-steps {args.n_steps} --ahead {args.ahead} --units {args.units}: at least 2, 1, 1")
    data = make_data(args.series, args.column, args.n_steps, args.ahead)
    draw = live(args, plot_forecast, figsize=(9, 6), constrained_layout=True)
    history = []

    def on_step(i, loss, forecast):
        if (i + 1) % REPORT_EVERY == 0:
            prediction = forecast()
            history.append((i + 1, compute_errors(prediction, data, args.ahead)))
            tqdm.write(f"{i + 1} \tMSE {history[-1][1]['LSTM']:.2e}")
            draw(data.truth, prediction, history)

    xla = args.xla and args.unroll == "dynamic"  # the unrolled loop takes long to compile
    losses, prediction = train(data, args.iterations, args.seed, xla, args.units, args.keep_prob, args.unroll,
                               args.ahead, on_step)
    errors = compute_errors(prediction, data, args.ahead)
    for name, mse in errors.items():
        print(f"{name:13} MSE {mse:.2e} \tRMSE {mse ** 0.5:.3g}")
    draw(data.truth, prediction, [*history, (len(losses), errors)], end=True)
    return {"losses": losses, **{name.replace(" ", "_"): mse for name, mse in errors.items()}}


# the same in every script -----------------------------------------------------
def flags():
    """Returns a parser with the flags that all scripts share."""
    sys.stdout, sys.stderr = [s or open(os.devnull, "w") for s in (sys.stdout, sys.stderr)]  # None if closed
    parser = argparse.ArgumentParser(description=__doc__, usage=argparse.SUPPRESS,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=0, metavar="S", help="random seed (default: 0)")
    parser.add_argument("--no-plot", action="store_true", help="open no window")
    parser.add_argument("--save-plot", type=argparse.FileType("ab"), metavar="FILE", help="save the picture")
    return parser


def steps(iterations, first=0):
    """Yields first, ..., iterations - 1 with a progress bar; Ctrl-C ends the loop after the current step."""
    if iterations < 1:
        sys.exit(f"--iterations {iterations}: expected at least 1")
    pressed = threading.Event()
    is_main = threading.current_thread() is threading.main_thread()
    handled = is_main and signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if handled:  # only remember it: a KeyboardInterrupt inside sess.run can crash TensorFlow
        signal.signal(signal.SIGINT, lambda *_: pressed.set())
    try:
        for i in tqdm(range(first, iterations), initial=first, total=iterations, disable=None):
            yield i
            if pressed.is_set():
                print(f"stopped by Ctrl-C after {i + 1} of {iterations} iterations", file=sys.stderr)
                break
    finally:
        if handled:
            signal.signal(signal.SIGINT, signal.default_int_handler)


def live(args, plot, **options):
    """Returns draw(*data), which updates a window; draw(*data, end=True) saves and keeps the picture."""
    backend = os.environ.pop("MPLBACKEND", None)  # Matplotlib cannot be imported with a wrong one
    import matplotlib.pyplot as plt
    with contextlib.suppress(Exception):  # a wrong or missing backend: Matplotlib chooses
        plt.switch_backend(backend)
    plt.rcParams.update({"interactive": True, "figure.raise_window": False})  # a frame steals no focus
    hidden = args.no_plot or threading.current_thread() is not threading.main_thread()
    figure = plt.Figure(**options) if hidden else plt.figure(**options)
    window = figure.canvas.required_interactive_framework  # None: nothing can be shown
    if not (window or args.no_plot or args.save_plot):
        print("no window: --save-plot FILE keeps the picture", file=sys.stderr)
    path, formats = args.save_plot and args.save_plot.name, tuple(figure.canvas.get_supported_filetypes())
    if path and not path.lower().endswith(formats):
        sys.exit(f"--save-plot {path!r}: expected a name that ends in .{', .'.join(formats)}")
    update = plot(figure)
    def draw(*data, end=False):
        update(*data)
        if end and path:
            figure.savefig(path)
        if window and plt.fignum_exists(figure.number):  # a closed window ends the drawing only
            figure.canvas.draw_idle()
            figure.canvas.flush_events()
            plt.show(block=end)
    return draw


# /// script
# requires-python = ">=3.10,<3.14"
# dependencies = ["matplotlib", "numpy", "tensorflow>=2.21,<2.22", "tf_keras>=2.21,<2.22", "tqdm"]
# ///
if __name__ == "__main__":
    try:
        main(sys.argv[1:])
        print(end="", flush=True)  # a closed pipe is noticed here, not while Python exits
    except (KeyboardInterrupt, BrokenPipeError):  # python x.py | head
        sys.stdout = None  # else Python flushes it on exit and complains
        sys.exit(130)
