"""A recurrent network learns a time series: from the times, as in the notes, or from the values so far.

Shows   BasicRNNCell, dynamic_rnn, one dense layer for all time steps, forecasting
Run     python time_series_rnn.py            (then with --inputs values, which is forecasting)
Expect  an MSE of about 10 that falls, mostly below 0.01, and leaps up now and then; 10 to 30 s
Notes   notes/time_series_rnn.md
"""
import argparse
import contextlib
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

N_STEPS = 100  # time steps of the one sequence of --inputs times
N_WINDOW = 20  # time steps of each window of --inputs values
N_INPUTS = 1
N_UNITS = 100
N_OUTPUTS = 1
BATCH_SIZE = 50  # windows of --inputs values
LEARNING_RATE = 0.001
ITERATIONS = 10000
STEP = 0.1  # radians from one value of a window to the next
T_TRAINED = 24.0  # windows of --inputs values are trained on up to here,
T_END = 30.0  # and tested from there to here


# data -------------------------------------------------------------------------
def series(t):
    """Returns the series at t (radians), in the shape of t."""
    # f(t) = t sin(t) / 3 + 2 sin(5 t)
    return t * np.sin(t) / 3 + 2 * np.sin(5 * t)


def make_times():
    """Returns 101 times t (1, 101, 1): all but the last to train on, all but the first to test on."""
    return np.linspace(0, 15, N_STEPS + 1)[np.newaxis, :, np.newaxis]


def make_windows(last):
    """Returns x and y (batch, time, 1): y is x one step later; row b of y ends at time last[b]."""
    t = np.reshape(last, [-1, 1, 1]) + STEP * np.arange(-N_WINDOW, 1)[:, np.newaxis]  # (batch, time + 1, 1)
    return series(t[:, :-1]), series(t[:, 1:])


def make_batch(i, inputs, seed=0):
    """Returns x and y (batch, time, 1) of training step i."""
    if inputs == "times":
        t = make_times()[:, :-1]  # the same sequence in every step
        return t, series(t)
    random = np.random.default_rng([abs(seed), i])
    return make_windows(random.uniform(STEP * N_WINDOW, T_TRAINED, BATCH_SIZE))


def make_test(inputs):
    """Returns the times t (point,) of the test points and x (batch, time, 1), read to predict them."""
    if inputs == "times":
        return make_times()[0, 1:, 0], make_times()[:, 1:]
    t = np.arange(T_TRAINED + STEP, T_END + STEP / 2, STEP)
    return t, make_windows(t)[0]


# graph ------------------------------------------------------------------------
def predict(x):
    """x (batch, time, input) -> prediction (batch, time, output)"""
    # h_t = relu([x_t, h_(t-1)] W + b)
    cell = tf.nn.rnn_cell.BasicRNNCell(N_UNITS, activation=tf.nn.relu)
    outputs, _ = tf.nn.dynamic_rnn(cell, x, dtype=tf.float32)  # (batch, time, unit)
    glorot = tf.glorot_uniform_initializer(seed=1)  # TensorFlow combines it with --seed
    kernel = tf.get_variable("dense/kernel", [N_UNITS, N_OUTPUTS], initializer=glorot)
    bias = tf.get_variable("dense/bias", [N_OUTPUTS], initializer=tf.zeros_initializer())
    # prediction_t = h_t kernel + bias, for all steps in one product: (batch * time, unit) x (unit, output)
    prediction = tf.matmul(tf.reshape(outputs, [-1, N_UNITS]), kernel) + bias
    return tf.reshape(prediction, [-1, x.shape[1], N_OUTPUTS])


def compute_loss(prediction, y):
    """loss = mean over batch and time of (prediction - y)^2"""
    return tf.reduce_mean(tf.square(prediction - y))


def training_step(x, y):
    """Runs the network and updates its weights; returns the loss."""
    loss = compute_loss(predict(x), y)
    update = tf.train.AdamOptimizer(LEARNING_RATE).minimize(loss)
    with tf.control_dependencies([update]):  # whoever fetches the loss also trains
        return [tf.identity(loss)]


# train ------------------------------------------------------------------------
def train(iterations=ITERATIONS, seed=0, xla=XLA, inputs="times", on_step=lambda *_: None):
    """Returns losses and test prediction (point,); calls on_step(i, loss, test), where test() predicts."""
    losses = []
    x_test = make_test(inputs)[1]  # (batch, time, 1)
    with tf.Graph().as_default(), tf.Session() as sess:
        tf.set_random_seed(seed)
        x = tf.placeholder(tf.float32, [None, x_test.shape[1], N_INPUTS], name="x")
        y = tf.placeholder(tf.float32, [None, x_test.shape[1], N_OUTPUTS], name="y")
        step = tf.xla.experimental.compile(training_step, [x, y]) if xla else training_step(x, y)
        tf.get_variable_scope().reuse_variables()  # the network once more: the same weights, no update
        prediction = tf.xla.experimental.compile(predict, [x])[0] if xla else predict(x)
        sess.run(tf.global_variables_initializer())

        def test():
            outputs = sess.run(prediction, {x: x_test})
            # all steps of the one sequence, or the last step of each window
            return outputs[0, :, 0] if inputs == "times" else outputs[:, -1, 0]

        for i in steps(iterations):
            x_batch, y_batch = make_batch(i, inputs, seed)
            loss, = sess.run(step, {x: x_batch, y: y_batch})
            if not np.isfinite(loss):
                sys.exit(f"the loss is {loss} at iteration {i}: training stopped")
            losses.append(float(loss))
            on_step(i, loss, test)
        return losses, test()


# plot -------------------------------------------------------------------------
def plot_series(figure):
    """Prepares the axes; returns update(t, truth, prediction, losses), the first three of shape (point,)."""
    left, right = figure.subplots(1, 2)
    red, = left.plot([], [], "r", linewidth=4)  # wider than a prediction that covers it
    blue, = left.plot([], [], "b")
    left.set(xlabel="t (radians)", ylabel="value")
    left.legend(["truth", "prediction"], loc="lower left", bbox_to_anchor=(0, 1), ncol=2, frameon=False)
    black, = right.plot([], [], "k", linewidth=0.5)
    right.set(xlabel="iteration", ylabel="MSE", yscale="log")

    def update(t, truth, prediction, losses):
        red.set_data(t, truth)
        blue.set_data(t, prediction)
        stride = 1 + len(losses) // 500  # a point is the highest loss of so many steps: no leap is lost
        starts = range(0, len(losses), stride)
        black.set_data(starts, [max(losses[k:k + stride]) for k in starts])
        for axes in (left, right):
            axes.relim()
            axes.autoscale_view()
    return update


# main -------------------------------------------------------------------------
def main(argv=()):
    parser = flags()
    parser.add_argument("--iterations", type=int, default=ITERATIONS, metavar="N", help="training iterations")
    parser.add_argument("--inputs", choices=["times", "values"], default="times",
                        help="what the network reads: the times, or the values so far (default: times)")
    parser.add_argument("--no-xla", dest="xla", action="store_false", default=XLA, help="do not compile")
    args = parser.parse_args(argv)
    t, _ = make_test(args.inputs)
    truth, before = series(t), series(t - t[1] + t[0])  # at the points, and one point earlier
    draw = live(args, plot_series, figsize=(12, 4), constrained_layout=True)
    so_far = []

    def on_step(i, loss, test):
        so_far.append(loss)
        if i % 100 == 0:
            tqdm.write(f"{i} \tMSE {loss:.4g}")
            draw(t, truth, test(), so_far)

    losses, prediction = train(args.iterations, args.seed, args.xla, args.inputs, on_step)
    print("every tenth true value:     ", *np.round(truth[9::10], 2))
    print("every tenth predicted value:", *np.round(prediction[9::10], 2))
    mse = float(np.mean((prediction - truth) ** 2))
    print(f"MSE on these {len(t)} points: {mse:.4g}")
    if args.inputs == "times":  # a network that only counts its steps would output the point before each
        name, other = "against the point before each", float(np.mean((prediction - before) ** 2))
    else:
        name, other = "of repeating the last value", float(np.mean((before - truth) ** 2))
    print(f"MSE {name}: {other:.4g}")
    draw(t, truth, prediction, losses, end=True)
    return {"losses": losses, "smallest_loss": min(losses), "mse": mse, "other_mse": other}


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
