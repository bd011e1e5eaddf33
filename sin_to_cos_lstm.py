"""An LSTM maps a sine wave to the cosine, trained by stateful truncated backpropagation through time.

Shows   placeholder, BasicLSTMCell, dynamic_rnn, an initial state that is fed
Run     python sin_to_cos_lstm.py            (then once more with --stateless)
Expect  a cost of 10 to 70 that falls below 1; about 0.1 over the last 20 windows; 10 to 30 s
Notes   notes/sin_to_cos_lstm.md
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

N_STEPS = 20  # time steps per window: the gradient flows back this far, the state is carried further
N_INPUTS = 1
N_UNITS = 10
N_OUTPUTS = 1
BATCH_SIZE = 50
LEARNING_RATE = 0.006
ITERATIONS = 200


# data -------------------------------------------------------------------------
def make_batch(i):
    """Returns window i of each row: x = sin(t), y = cos(t) (batch, time, 1), t (batch, time) in radians."""
    # row b of window i + 1 continues where row b of window i ended; points are 1 / (10 pi) radians apart
    t = (i * N_STEPS + np.arange(BATCH_SIZE * N_STEPS).reshape(BATCH_SIZE, N_STEPS)) / (10 * np.pi)
    return np.sin(t)[:, :, np.newaxis], np.cos(t)[:, :, np.newaxis], t


# graph ------------------------------------------------------------------------
def dense(inputs, n):
    """(rows, inputs) -> (rows, n)"""
    weights = tf.get_variable("weights", [inputs.shape[1], n], initializer=tf.random_normal_initializer())
    biases = tf.get_variable("biases", [n], initializer=tf.constant_initializer(0.1))
    return tf.matmul(inputs, weights) + biases


def predict(x, state):
    """x (batch, time, input), state [c, h] (2, batch, unit) -> prediction (batch, time, output), new state"""
    with tf.variable_scope("in_hidden"):
        inputs = dense(tf.reshape(x, [-1, N_INPUTS]), N_UNITS)  # (batch * time, unit)
        inputs = tf.reshape(inputs, [-1, N_STEPS, N_UNITS])  # (batch, time, unit)
    with tf.variable_scope("LSTM_cell"):
        cell = tf.nn.rnn_cell.BasicLSTMCell(N_UNITS, forget_bias=1.0)
        initial_state = tf.nn.rnn_cell.LSTMStateTuple(state[0], state[1])
        outputs, final_state = tf.nn.dynamic_rnn(cell, inputs, initial_state=initial_state)
    with tf.variable_scope("out_hidden"):
        prediction = dense(tf.reshape(outputs, [-1, N_UNITS]), N_OUTPUTS)  # (batch * time, output)
        return tf.reshape(prediction, [-1, N_STEPS, N_OUTPUTS]), tf.stack(final_state)


def compute_cost(prediction, y):
    """cost = sum over batch and time of (prediction - y)^2 / batch size"""
    return tf.reduce_sum(tf.square(prediction - y)) / tf.cast(tf.shape(y)[0], tf.float32)


def training_step(x, y, state):
    """Runs the network and updates its weights; returns cost, prediction and final state."""
    prediction, final_state = predict(x, state)
    cost = compute_cost(prediction, y)
    update = tf.train.AdamOptimizer(LEARNING_RATE).minimize(cost)
    with tf.control_dependencies([update]):  # the copies wait for the update: fetching one trains
        return [tf.identity(result) for result in (cost, prediction, final_state)]


# train ------------------------------------------------------------------------
def train(iterations=ITERATIONS, seed=0, xla=XLA, stateless=False, on_step=lambda *_: None):
    """Returns the costs; calls on_step(i, cost, wave), where wave is (t, target, prediction) of row 0."""
    costs = []
    with tf.Graph().as_default(), tf.Session() as sess:
        tf.set_random_seed(seed)
        x = tf.placeholder(tf.float32, [None, N_STEPS, N_INPUTS], name="x")
        y = tf.placeholder(tf.float32, [None, N_STEPS, N_OUTPUTS], name="y")
        c_h = tf.placeholder(tf.float32, [2, None, N_UNITS], name="c_h")
        step = tf.xla.experimental.compile(training_step, [x, y, c_h]) if xla else training_step(x, y, c_h)
        sess.run(tf.global_variables_initializer())
        state = zeros = np.zeros([2, BATCH_SIZE, N_UNITS])
        for i in steps(iterations):
            x_batch, y_batch, t = make_batch(i)
            cost, prediction, final_state = sess.run(step, {x: x_batch, y: y_batch, c_h: state})
            if not np.isfinite(cost):
                sys.exit(f"the cost is {cost} at iteration {i}: training stopped")
            state = zeros if stateless else final_state  # the next window starts where this one ended
            costs.append(float(cost))
            on_step(i, cost, (t[0], y_batch[0, :, 0], prediction[0, :, 0]))
    return costs


# plot -------------------------------------------------------------------------
def plot_waves(figure):
    """Prepares the axes; returns update(i, cost, waves), where waves is a list of (t, target, prediction)."""
    axes = figure.subplots()
    target, output = axes.plot([], [], "r", [], [], "b--")
    axes.set(xlabel="t (radians)", ylabel="value", ylim=(-1.5, 2))
    axes.legend(["target: cos(t)", "prediction"], loc="upper right", ncol=2)

    def update(i, cost, waves):
        t, y, prediction = np.concatenate(waves, axis=1)
        target.set_data(t, y)
        output.set_data(t, prediction)
        axes.set(xlim=(t[0], t[0] + 20 * N_STEPS / (10 * np.pi)), title=f"window {i + 1}, cost {cost:.2f}")
    return update


# main -------------------------------------------------------------------------
def main(argv=()):
    parser = flags()
    parser.add_argument("--iterations", type=int, default=ITERATIONS, metavar="N", help="training iterations")
    parser.add_argument("--stateless", action="store_true", help="start every window with zeros as the state")
    parser.add_argument("--no-xla", dest="xla", action="store_false", default=XLA, help="do not compile")
    args = parser.parse_args(argv)
    draw = live(args, plot_waves, figsize=(9, 4))
    waves = []

    def on_step(i, cost, wave):
        waves.append(wave)
        if i % 20 == 0:
            tqdm.write(f"cost:  {cost:.4f}")
        draw(i, cost, waves[-20:])  # the last 20 windows fill the axes

    costs = train(args.iterations, args.seed, args.xla, args.stateless, on_step)
    mean_cost = float(np.mean(costs[-20:]))
    print(f"mean cost of the last {len(costs[-20:])} windows: {mean_cost:.4f}")
    draw(len(costs) - 1, costs[-1], waves[-20:], end=True)
    return {"costs": costs, "mean_cost": mean_cost}


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
