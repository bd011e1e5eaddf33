"""Backpropagation through time by hand, vanishing and exploding gradients, and why cells have gates.

Shows   BPTT in NumPy against tf.gradients, what is left of a gradient after k steps, gate biases
Run     python bptt_rnn.py
Expect  differences below 1e-12; recall after 100 steps: gru 3 below 0.01, most at 0.33; 1 to 3 min
Notes   notes/bptt_rnn.md
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

N_INPUTS = 2
N_UNITS = 32
BATCH_SIZE = 32
LEARNING_RATE = 0.005
ITERATIONS = 400
LAGS = 10, 30, 100
# rnn: scale of the first weights; lstm: forget bias; gru: bias of both gates
CELLS = [("rnn", 0.5), ("rnn", 1), ("rnn", 2), ("lstm", 0), ("lstm", 1), ("lstm", 3), ("gru", 1), ("gru", 3)]


def rnn_step(z, c):
    """z -> h, c (unused) and a function back: d_h, d_c -> d_z, d_c before; d_h is d cost / d h"""
    h = np.tanh(z)  # h = tanh(z)
    return h, c, lambda d_h, d_c: (d_h * (1 - h ** 2), d_c)  # dz = dh tanh'(z) = dh (1 - h^2)


def lstm_step(z, c_before):
    """z -> h, c and a function back: d_h, d_c -> d_z, d_c before; d_h is d cost / d h"""
    i, j, f, o = np.split(z, 4, axis=1)
    i, f, o = [1 / (1 + np.exp(-gate)) for gate in (i, f + 1, o)]  # sigmoid; 1 is the forget bias
    j = np.tanh(j)
    c = f * c_before + i * j  # c = f c_before + i j
    h = o * np.tanh(c)  # h = o tanh(c)

    def back(d_h, d_c):
        d_c = d_c + d_h * o * (1 - np.tanh(c) ** 2)  # c acts through the next step and through h
        d_i = d_c * j * i * (1 - i)  # sigmoid' = sigmoid (1 - sigmoid)
        d_j = d_c * i * (1 - j ** 2)
        d_f = d_c * c_before * f * (1 - f)
        d_o = d_h * np.tanh(c) * o * (1 - o)
        return np.concatenate([d_i, d_j, d_f, d_o], axis=1), d_c * f  # only f shrinks it, no weight matrix

    return h, c, back


def bptt(step, kernel, bias, x, d_outputs):
    """x and d cost / d outputs (batch, time, ...) -> d cost / d kernel, bias, x"""
    h = c = d_h = d_c = np.zeros([len(x), N_UNITS])
    d_kernel, d_bias, d_x, tape = np.zeros_like(kernel), np.zeros_like(bias), np.zeros_like(x), []
    for t in range(x.shape[1]):
        xh = np.concatenate([x[:, t], h], axis=1)
        h, c, back = step(xh @ kernel + bias, c)
        tape.append((xh, back))
    for t, (xh, back) in reversed(list(enumerate(tape))):
        d_z, d_c = back(d_h + d_outputs[:, t], d_c)  # h acts through step t + 1 and through output t
        d_kernel += xh.T @ d_z  # z = [x, h] kernel + bias with one kernel for all steps: a sum
        d_bias += d_z.sum(axis=0)
        d_x[:, t], d_h = np.split(d_z @ kernel.T, [N_INPUTS], axis=1)
    return d_kernel, d_bias, d_x


def gradients(seed):
    """Prints bptt() against tf.gradients; returns differences and what is left of a gradient (cell, k)."""
    random, differences = np.random.RandomState(abs(seed)), []
    x, d_outputs = random.randn(3, 6, N_INPUTS), random.randn(3, 6, N_UNITS)
    print("by hand   cost uses          |d cost / d x| at steps 0 to 5              off tf.gradients by")
    with tf.Graph().as_default(), tf.Session() as sess:
        tf.set_random_seed(seed)
        for step, cell in (rnn_step, tf.nn.rnn_cell.BasicRNNCell), (lstm_step, tf.nn.rnn_cell.BasicLSTMCell):
            inputs = tf.constant(x)  # float64
            outputs, _ = tf.nn.dynamic_rnn(cell(N_UNITS), inputs, dtype=inputs.dtype)
            weights = tf.trainable_variables()[-2:]  # kernel, bias
            sess.run(tf.global_variables_initializer())
            for used in [0, 1, 2, 3, 4, 5], [5], [1, 3]:  # the outputs that the cost uses
                d_used = d_outputs * np.isin(np.arange(6), used)[:, np.newaxis]
                expected = sess.run(tf.gradients(outputs, [*weights, inputs], grad_ys=d_used))
                by_hand = bptt(step, *sess.run(weights), x, d_used)
                differences.append(max(np.abs(a - b).max() for a, b in zip(by_hand, expected)))
                lengths = np.linalg.norm(by_hand[2], axis=(0, 2)).round(3)
                print(f"{step.__name__:9} {used!s:18} {lengths!s:43} {differences[-1]:.0e}")
        x = tf.constant(make_batch(0, seed, 300))  # the first 100 steps only fill the state
        left = [tf.norm(tf.gradients(prediction, x)[0], axis=[0, 2]) for prediction in predict(x)]
        sess.run(tf.global_variables_initializer())
        left = np.array(sess.run(left))[:, :-202:-1]  # |d prediction / d x of k steps before|, k = 0 ... 200
    return differences, left / left[:, :1]


# data -------------------------------------------------------------------------
def make_batch(i, seed, n_steps):
    """Returns x (batch, time, 2): random values, and a mark at step 0, the value to recall."""
    x = np.random.RandomState([abs(seed), i]).uniform(-1, 1, [BATCH_SIZE, n_steps, N_INPUTS])
    x[:, :, 1] = np.arange(n_steps) == 0
    return x


# graph ------------------------------------------------------------------------
def predict(x):
    """x (batch, time, input) -> a prediction (batch, 1) from the last output of each of CELLS"""
    def gate_bias(shape, dtype, partition_info=None):  # the candidate's bias stays 0
        return tf.constant(setting if shape[0] > N_UNITS else 0, dtype, shape)

    predictions = []
    for kind, setting in CELLS:
        cell = {"rnn": tf.nn.rnn_cell.BasicRNNCell(N_UNITS),
                "lstm": tf.nn.rnn_cell.BasicLSTMCell(N_UNITS, forget_bias=float(setting)),
                "gru": tf.nn.rnn_cell.GRUCell(N_UNITS, bias_initializer=gate_bias)}[kind]
        scale = tf.random_normal_initializer(0, setting / N_UNITS ** 0.5) if kind == "rnn" else None
        with tf.variable_scope(f"{kind}_{setting}_{x.shape[1]}_steps", initializer=scale):
            outputs, _ = tf.nn.dynamic_rnn(cell, x, dtype=x.dtype)
            predictions.append(tf.matmul(outputs[:, -1], tf.get_variable("out", [N_UNITS, 1], x.dtype)))
    return predictions


def training_step(x):
    """Trains every cell at every lag to recall the value at step 0; returns the costs (lag * cell)."""
    costs = [tf.reduce_mean(tf.square(p - x[:, 0, :1])) for lag in LAGS for p in predict(x[:, :lag + 1])]
    update = tf.train.AdamOptimizer(LEARNING_RATE).minimize(tf.add_n(costs))  # no two share weights
    with tf.control_dependencies([update]):
        return [tf.identity(costs)]


# train ------------------------------------------------------------------------
def train(iterations=ITERATIONS, seed=0, xla=XLA, on_step=lambda i, cost, costs: None):
    """Returns the costs (iteration, lag * cell); calls on_step(i, cost, costs so far) after each batch."""
    costs = []
    with tf.Graph().as_default(), tf.Session() as sess:
        tf.set_random_seed(seed)
        x = tf.placeholder(tf.float32, [BATCH_SIZE, 1 + max(LAGS), N_INPUTS], name="x")
        step = tf.xla.experimental.compile(training_step, [x]) if xla else training_step(x)
        sess.run(tf.global_variables_initializer())
        for i in steps(iterations):
            costs += sess.run(step, {x: make_batch(i, seed, 1 + max(LAGS))})  # one row (lag * cell,)
            on_step(i, costs[-1], costs)
    return np.array(costs)


# plot -------------------------------------------------------------------------
def plot_results(figure):
    """Prepares the axes; returns update(left, costs), what gradients() and train() return."""
    axes = figure.subplots(1, 1 + len(LAGS))
    axes[0].set(title="gradient left", xlabel="steps back", yscale="log", ylim=(1e-20, 1e20))
    for lag, axis in zip(LAGS, axes[1:]):
        axis.set(title=f"cost at lag {lag}", xlabel="iteration", yscale="log", ylim=(1e-4, 1))
    lines = [line for axis in axes for line in axis.plot(np.zeros([1, len(CELLS)]), lw=1)]
    axes[0].legend([f"{kind} {setting}" for kind, setting in CELLS], loc="upper left", fontsize="x-small")

    def update(left, costs):
        for line, curve in zip(lines, [*left, *np.transpose(costs)]):
            line.set_data(range(len(curve)), curve)
            line.axes.set_xlim(0, len(curve))

    return update


# main -------------------------------------------------------------------------
def main(argv=()):
    parser = flags()
    parser.add_argument("--iterations", type=int, default=ITERATIONS, metavar="N", help="training iterations")
    parser.add_argument("--no-xla", dest="xla", action="store_false", default=XLA, help="do not compile")
    args = parser.parse_args(argv)
    draw = live(args, plot_results, figsize=(13, 4), constrained_layout=True)
    differences, left = gradients(args.seed)
    costs = train(args.iterations, args.seed, args.xla, lambda i, cost, costs: draw(left, costs))
    print("gradient left and cost, lag:", *(f"{lag:6}" for lag in LAGS + LAGS))
    for (kind, setting), k, end in zip(CELLS, left, costs[-50:].mean(axis=0).reshape(len(LAGS), -1).T):
        print(f"{kind:4} {setting:22}", *(f"{k[lag]:6.0e}" for lag in LAGS), *(f"{c:6.3f}" for c in end))
    draw(left, costs, end=True)
    return {"difference": max(differences), "gru_cost": float(end[-1]), "left": left, "costs": costs}


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
