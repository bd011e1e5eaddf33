"""Ten recurrent layers learn the series of time_series_rnn.py; dropout is applied in training only.

Shows   MultiRNNCell, DropoutWrapper, the same weights in a training and a prediction graph, Saver
Run     python deep_rnn.py            (then with --keep-prob 0.5; with --checkpoint DIR, twice)
Expect  a training MSE that falls from 6 to below 0.001; 0.1 to 1 one point later; 1 to 3 minutes
Notes   notes/deep_rnn.md
"""
import argparse
import contextlib
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

N_STEPS = 100
N_INPUTS = 1
N_UNITS = 100
N_LAYERS = 10
N_OUTPUTS = 1
LEARNING_RATE = 0.00001
ITERATIONS = 10000
REPORT_EVERY = 100
SAVE_EVERY = 1000


# data -------------------------------------------------------------------------
def series(t):
    """Returns f(t) = t sin(t) / 3 + 2 sin(5 t), t in radians."""
    return t * np.sin(t) / 3 + 2 * np.sin(5 * t)


def make_inputs():
    """Returns 100 times to train on and the same one point later to test on: (1, 100, 1), in radians."""
    t = np.linspace(0, 15, N_STEPS + 1)[np.newaxis, :, np.newaxis]
    return t[:, :-1], t[:, 1:]


# graph ------------------------------------------------------------------------
def predict(x, keep_prob=1.0):
    """(batch, time, input) -> (batch, time, output)"""
    # one cell per layer: [cell] * N_LAYERS would give all layers the same weights
    cells = [tf.nn.rnn_cell.BasicRNNCell(N_UNITS, activation=tf.nn.relu) for _ in range(N_LAYERS)]
    if keep_prob < 1:  # x_t becomes x_t mask_t / keep_prob; mask_t is 1 with probability keep_prob, else 0
        cells = [tf.nn.rnn_cell.DropoutWrapper(cell, input_keep_prob=keep_prob) for cell in cells]
    # parallel_iterations=1: else the time steps draw their masks in any order, and no seed repeats a run
    outputs, _ = tf.nn.dynamic_rnn(tf.nn.rnn_cell.MultiRNNCell(cells), x, dtype=tf.float32,
                                   parallel_iterations=1)  # (batch, time, unit)
    with tf.variable_scope("dense"):
        kernel = tf.get_variable("kernel", [N_UNITS, N_OUTPUTS])
        bias = tf.get_variable("bias", [N_OUTPUTS], initializer=tf.zeros_initializer())
    prediction = tf.matmul(tf.reshape(outputs, [-1, N_UNITS]), kernel) + bias  # (batch * time, output)
    return tf.reshape(prediction, [-1, N_STEPS, N_OUTPUTS])


def compute_loss(prediction, y):
    """loss = mean over batch and time of (prediction - y)^2"""
    return tf.reduce_mean(tf.square(prediction - y))


def training_step(x, y, keep_prob):
    """Runs the network with dropout and updates its weights; returns [loss]."""
    loss = compute_loss(predict(x, keep_prob), y)
    global_step = tf.train.get_or_create_global_step()  # created here it is a variable that XLA can update
    update = tf.train.AdamOptimizer(LEARNING_RATE).minimize(loss, global_step)
    with tf.control_dependencies([update]):  # whoever fetches the loss also trains
        return [tf.identity(loss)]


# train ------------------------------------------------------------------------
def train(iterations=ITERATIONS, seed=0, xla=XLA, keep_prob=1.0, checkpoint=None, on_step=lambda *_: None):
    """Returns losses and last prediction (point,); on_step(i, loss, prediction) gets None between reports."""
    losses = []
    x_train, x_test = make_inputs()
    with tf.Graph().as_default(), tf.Session() as sess:
        tf.set_random_seed(seed)
        x = tf.placeholder(tf.float32, [None, N_STEPS, N_INPUTS], name="x")
        y = tf.placeholder(tf.float32, [None, N_STEPS, N_OUTPUTS], name="y")
        dropout_step = functools.partial(training_step, keep_prob=keep_prob)  # compile() takes tensors only
        step = tf.xla.experimental.compile(dropout_step, [x, y]) if xla else dropout_step(x, y)
        with tf.variable_scope("", reuse=True):  # a second network, with the same weights and no dropout
            test = predict(x)
        saver = tf.train.Saver(max_to_keep=2, save_relative_paths=True)
        sess.run(tf.global_variables_initializer())
        if checkpoint:
            restore(sess, saver, checkpoint)
        for i in steps(iterations, first=sess.run(tf.train.get_global_step())):
            loss, = sess.run(step, {x: x_train, y: series(x_train)})
            if not np.isfinite(loss):
                sys.exit(f"the loss is {loss} at iteration {i}: training stopped")
            losses.append(float(loss))
            prediction = sess.run(test, {x: x_test}).flatten() if i % REPORT_EVERY == 0 else None
            if checkpoint and (i + 1) % SAVE_EVERY == 0:
                save(sess, saver, checkpoint)
            on_step(i, loss, prediction)
        if checkpoint:
            save(sess, saver, checkpoint)
        return losses, sess.run(test, {x: x_test}).flatten()


# plot -------------------------------------------------------------------------
def plot_series(figure):
    """Prepares the axes; returns update(prediction, history), history being a list of (iteration, loss)."""
    left, right = figure.subplots(1, 2)
    t = make_inputs()[1].flatten()
    left.plot(t, series(t), "r", label="truth")
    output, = left.plot([], [], "b", label="prediction")
    left.set(xlabel="t (radians)", ylabel="value")
    left.legend(loc="upper left")
    curve, = right.plot([], [], "k")
    right.set(xlabel="iteration", ylabel="MSE", yscale="log")

    def update(prediction, history):
        output.set_data(t, prediction)
        curve.set_data(*np.reshape(history, [-1, 2]).T)  # two rows, also where history is empty
        right.relim()
        right.autoscale_view()
    return update


# main -------------------------------------------------------------------------
def main(argv=()):
    parser = flags()
    parser.add_argument("--iterations", type=int, default=ITERATIONS, metavar="N", help="training iterations")
    parser.add_argument("--keep-prob", type=float, default=1.0, metavar="P", help="below 1: dropout")
    parser.add_argument("--checkpoint", metavar="DIR", help="save the weights, and go on from them")
    parser.add_argument("--no-xla", dest="xla", action="store_false", default=XLA, help="do not compile")
    args = parser.parse_args(argv)
    if not 0 < args.keep_prob <= 1:
        parser.error(f"--keep-prob {args.keep_prob}: expected a number above 0, at most 1")
    draw = live(args, plot_series, figsize=(12, 4), layout="tight")
    history = []

    def on_step(i, loss, prediction):
        if prediction is not None:
            tqdm.write(f"{i} \tMSE {loss:.4g}")
            history.append((i, loss))
            draw(prediction, history)

    losses, prediction = train(args.iterations, args.seed, args.xla, args.keep_prob, args.checkpoint, on_step)
    truth = series(make_inputs()[1].flatten())
    mse = float(np.mean((prediction - truth) ** 2))
    print("every tenth true value:     ", *np.round(truth[9::10], 2))
    print("every tenth predicted value:", *np.round(prediction[9::10], 2))
    print(f"MSE {mse:.4g}")
    draw(prediction, history, end=True)
    return {"losses": losses, "prediction": prediction, "mse": mse}


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


def save(sess, saver, folder):
    """Saves a checkpoint; the previous one stays until this one is complete."""
    if not all(np.isfinite(weights).all() for weights in sess.run(tf.trainable_variables())):
        sys.exit("the weights are not finite: training stopped, the last checkpoint is kept")
    try:
        os.makedirs(folder, exist_ok=True)
        saver.save(sess, os.path.join(folder, "model"), tf.train.get_global_step(), write_meta_graph=False)
    except (tf.errors.OpError, OSError, ValueError) as error:
        sys.exit(f"--checkpoint {folder!r}: cannot be written: {type(error).__name__}")


def restore(sess, saver, folder):
    """Restores the newest checkpoint, or saves a first one; ends the script where it does not fit."""
    if not os.path.exists(os.path.join(folder, "checkpoint")):
        return save(sess, saver, folder)  # shows at once whether the folder can be written
    try:
        newest = tf.train.latest_checkpoint(folder)
        shapes = {variable.op.name: variable.shape.as_list() for variable in tf.global_variables()}
        if dict(tf.train.list_variables(newest)) != shapes:
            raise ValueError  # on TF 2 a Saver restores wrong shapes without an error
        saver.restore(sess, newest)
    except (tf.errors.OpError, TypeError, ValueError):
        sys.exit(f"--checkpoint {folder!r}: expected a checkpoint of this script with the same flags")


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
