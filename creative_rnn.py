"""A recurrent network continues a series on its own: each value that it predicts becomes its next input.

Shows   the network of time_series_rnn.py, and a loop that feeds its last output back as an input
Run     python creative_rnn.py               (then with --inputs values, which is forecasting)
Expect  two sequences of 300 values, small waves that do not follow the series; 10 to 30 s
Notes   notes/creative_rnn.md
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

N_STEPS = 20
N_UNITS = 100
N_INPUTS = N_OUTPUTS = 1  # each output becomes an input
BATCH_SIZE = 20  # windows of --inputs values; --inputs times has one sequence
LEARNING_RATE = 0.001
ITERATIONS = 10000
STEP = {"times": 1.0, "values": 0.1}  # radians from one value to the next
N_GENERATED = 300
SEEDS = "20 zeros", "the first 20 values of the series"


# data -------------------------------------------------------------------------
def series(t):
    """Returns the series at t (radians), in the shape of t."""
    # f(t) = t sin(t) / 3 + 2 sin(5 t)
    return t * np.sin(t) / 3 + 2 * np.sin(5 * t)


def make_batch(i, inputs, seed=0):
    """Returns x and y (batch, time, 1) of training step i: times and the series, or values and the next."""
    if inputs == "times":
        t = STEP[inputs] * np.arange(N_STEPS)[np.newaxis, :, np.newaxis]  # the same sequence in every step
        return t, series(t)
    last = np.random.default_rng([abs(seed), i]).uniform(2, 30, [BATCH_SIZE, 1, 1])
    t = last + STEP[inputs] * np.arange(-N_STEPS, 1)[:, np.newaxis]  # (batch, time + 1, 1)
    return series(t[:, :-1]), series(t[:, 1:])


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
    """Returns losses and sequences (2, time); calls on_step(i, loss, generate): generate() makes new ones."""
    losses = []
    with tf.Graph().as_default(), tf.Session() as sess:
        tf.set_random_seed(seed)
        x = tf.placeholder(tf.float32, [None, N_STEPS, N_INPUTS], name="x")
        y = tf.placeholder(tf.float32, [None, N_STEPS, N_OUTPUTS], name="y")
        step = tf.xla.experimental.compile(training_step, [x, y]) if xla else training_step(x, y)
        tf.get_variable_scope().reuse_variables()  # the network once more: the same weights, no update
        prediction = tf.xla.experimental.compile(predict, [x])[0] if xla else predict(x)
        sess.run(tf.global_variables_initializer())

        def generate():
            values = series(STEP[inputs] * np.arange(N_STEPS))
            sequences = np.stack([0 * values, values])  # (2, time): the two seeds
            for _ in range(N_GENERATED):
                # s_t = the last output of the network for the inputs s_(t-20), ..., s_(t-1)
                outputs = sess.run(prediction, {x: sequences[:, -N_STEPS:, np.newaxis]})  # (2, time, output)
                sequences = np.append(sequences, outputs[:, -1], axis=1)
            return sequences

        for i in steps(iterations):
            x_batch, y_batch = make_batch(i, inputs, seed)
            loss, = sess.run(step, {x: x_batch, y: y_batch})
            if not np.isfinite(loss):
                sys.exit(f"the loss is {loss} at iteration {i}: training stopped")
            losses.append(float(loss))
            on_step(i, loss, generate)
        return losses, generate()


# plot -------------------------------------------------------------------------
def plot_sequences(figure):
    """Prepares the axes; returns update(sequences, truth) for (2, time) and (time,)."""
    panels = figure.subplots(2, 1)
    red, = panels[1].plot([], [], "r", linewidth=0.5, label="the series")
    blue = [axes.plot([], [], "b", label="generated")[0] for axes in panels]
    for axes, name in zip(panels, SEEDS):
        axes.axvspan(0, N_STEPS - 1, color="0.9", label=f"seed: {name}")
        axes.set(xlabel="time step", ylabel="value", xlim=(0, N_STEPS + N_GENERATED))
        axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncol=3, frameon=False)

    def update(sequences, truth):
        red.set_data(range(len(truth)), truth)
        for axes, line, sequence in zip(panels, blue, sequences):
            line.set_data(range(len(sequence)), sequence)
            axes.set_ylim(1.5 * min(sequence) - 0.1, 1.5 * max(sequence) + 0.1)  # the red line may leave it
    return update


# main -------------------------------------------------------------------------
def main(argv=()):
    parser = flags()
    parser.add_argument("--iterations", type=int, default=ITERATIONS, metavar="N", help="training iterations")
    parser.add_argument("--inputs", choices=["times", "values"], default="times", help="what to train on")
    parser.add_argument("--no-xla", dest="xla", action="store_false", default=XLA, help="do not compile")
    args = parser.parse_args(argv)
    truth = series(STEP[args.inputs] * np.arange(N_STEPS + N_GENERATED))
    draw = live(args, plot_sequences, figsize=(9, 6), constrained_layout=True)

    def on_step(i, loss, generate):
        if i % 500 == 0:
            tqdm.write(f"{i} \tMSE {loss:.4g}")
            draw(generate(), truth)

    losses, sequences = train(args.iterations, args.seed, args.xla, args.inputs, on_step)
    for name, sequence in zip(SEEDS, sequences[:, N_STEPS:]):
        print(f"{N_GENERATED} values after {name}: {sequence.min():.3g} to {sequence.max():.3g}")
    mse = float(np.mean(np.square(sequences[1] - truth)[N_STEPS:]))
    print(f"MSE of the latter against the series: {mse:.4g}")
    draw(sequences, truth, end=True)
    return {"losses": losses, "sequences": sequences, "mse": mse}


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
