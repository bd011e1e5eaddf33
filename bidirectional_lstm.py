"""A bidirectional LSTM reads a sequence from both ends: its outputs, its states, and when it is needed.

Shows   BasicLSTMCell, MultiRNNCell, bidirectional_dynamic_rnn, its two outputs and two states, forget_bias
Run     python bidirectional_lstm.py            (then once more with --ahead -3: the answer lies in the past)
Expect  forward only a loss of 1 (the variance of the target), bidirectional below 0.01; 20 to 60 s
Notes   notes/bidirectional_lstm.md
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

N_STEPS = 40  # the notes' input: 32 sequences of 40 steps and 5 features
N_FEATURES = 5
BATCH_SIZE = 32
N_UNITS = 32  # of each LSTM that is trained
AHEAD = 3  # steps from an input to the target
LEARNING_RATE = 0.01
ITERATIONS = 400
N_LAST = 20  # results are means over the last iterations
CLASSIFIERS = {  # what a classifier reads: its index in summaries(), and the forget bias of its LSTMs
    "backward half of outputs[:, -1]": (0, 1),
    "outputs[:, -1]": (1, 1),
    "the two final states": (2, 1),
    "outputs[:, -1], forget_bias=3": (1, 3)}


# data -------------------------------------------------------------------------
def make_batch(i, seed=0, ahead=AHEAD):
    """Returns batch i: white noise x (batch, time, 1) and y_t = x_(t + ahead) (batch, time - |ahead|, 1)."""
    x = np.random.RandomState([seed % 2**32, i]).normal(size=[BATCH_SIZE, N_STEPS, 1])
    return x, x[:, max(0, ahead):N_STEPS + min(0, ahead)]  # no step of x tells anything about another


# graph ------------------------------------------------------------------------
def describe():
    """Builds the notes' layers; prints the sizes of their cells, the shapes of their outputs and states."""
    cell = tf.nn.rnn_cell.BasicLSTMCell
    stack = tf.nn.rnn_cell.MultiRNNCell([cell(n_units) for n_units in (128, 256, 512)])
    with tf.Graph().as_default():  # a graph knows its shapes without a session
        x = tf.placeholder(tf.float32, [BATCH_SIZE, N_STEPS, N_FEATURES], name="x")
        for title, cells in [("one LSTM of 128", [cell(128)]), ("three stacked: 128, 256, 512", [stack]),
                             ("bidirectional: 128 forward, 128 backward", [cell(128), cell(128)]),
                             ("bidirectional: 128 forward, 120 backward", [cell(128), cell(120)])]:
            rnn = tf.nn.bidirectional_dynamic_rnn if len(cells) == 2 else tf.nn.dynamic_rnn
            with tf.variable_scope(None, "layer"):
                tensors = rnn(*cells, x, dtype=tf.float32)
            outputs, states = tf.nest.map_structure(lambda tensor: tuple(tensor.shape.as_list()), tensors)
            print(title)
            print("    output_size", [each.output_size for each in cells])
            print("    state_size", [each.state_size for each in cells])
            print("    outputs", outputs)
            print("    final state", states)


def add_bidirectional(x, forget_bias=1):
    """x (batch, time, input) -> outputs (batch, time, unit) x 2, states x 2: forward first, then backward"""
    cells = [tf.nn.rnn_cell.BasicLSTMCell(N_UNITS, forget_bias) for _ in range(2)]
    return tf.nn.bidirectional_dynamic_rnn(*cells, x, dtype=tf.float32)


def dense(inputs):
    """(rows, inputs) -> (rows, 1)"""
    weights = tf.get_variable("weights", [inputs.shape[1], 1])
    return tf.matmul(inputs, weights) + tf.get_variable("biases", [1], initializer=tf.zeros_initializer())


def forecast_step(x, y, ahead):
    """Trains two networks that share no variable; returns both losses and both predictions (shape of y)."""
    with tf.variable_scope("forward_only"):
        one_way, _ = tf.nn.dynamic_rnn(tf.nn.rnn_cell.BasicLSTMCell(2 * N_UNITS), x, dtype=tf.float32)
    with tf.variable_scope("bidirectional"):
        both_ways = tf.concat(add_bidirectional(x)[0], axis=2)  # (batch, time, 2 * unit), as one_way
    losses, predictions = [], []
    for name, outputs in [("forward_only", one_way), ("bidirectional", both_ways)]:
        with tf.variable_scope(name):
            rows = dense(tf.reshape(outputs, [-1, 2 * N_UNITS]))  # (batch * time, 1)
        prediction = tf.reshape(rows, [-1, N_STEPS, 1])[:, max(0, -ahead):][:, :y.shape[1]]
        # loss = mean over batch and time of (prediction - y)^2
        losses.append(tf.reduce_mean(tf.square(prediction - y)))
        predictions.append(prediction)
    with tf.control_dependencies([tf.train.AdamOptimizer(LEARNING_RATE).minimize(tf.add_n(losses))]):
        return [tf.identity(result) for result in losses + predictions]


def summaries(outputs, states):
    """What a classifier could read, numbered as in CLASSIFIERS: (batch, unit), (batch, 2 * unit) twice"""
    _, h = [tf.concat(parts, axis=1) for parts in zip(*states)]  # c beside c, h beside h
    return [outputs[1][:, -1], tf.concat(outputs, axis=2)[:, -1], h]


def classify_step(x):
    """Trains all classifiers: is the first input positive? Returns the sum of losses and the accuracies."""
    # at first f = sigmoid(forget_bias): f^39 of what c holds of x_0 is left, 5e-6 for 1, 0.15 for 3
    label = tf.cast(x[:, 0] > 0, tf.float32)  # (batch, 1)
    losses, accuracies = [], []
    for reading, forget_bias in CLASSIFIERS.values():
        with tf.variable_scope(f"reading_{len(losses)}"):
            logits = dense(summaries(*add_bidirectional(x, forget_bias))[reading])  # (batch, 1)
        losses.append(tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(labels=label, logits=logits)))
        accuracies.append(tf.reduce_mean(tf.cast(tf.equal(logits > 0, label > 0), tf.float32)))
    with tf.control_dependencies([tf.train.AdamOptimizer(LEARNING_RATE).minimize(tf.add_n(losses))]):
        return [tf.add_n(losses), tf.stack(accuracies)]


# train ------------------------------------------------------------------------
def train(iterations=ITERATIONS, seed=0, xla=XLA, ahead=AHEAD, on_step=lambda *_: None):
    """Returns by iteration [variance of y, forward only, bidirectional] and the accuracies, then the
    last y and predictions. Every batch is new. Calls on_step(i, loss, (losses so far, y, predictions)).
    """
    all_losses, all_accuracies = [], []
    with tf.Graph().as_default(), tf.Session() as sess:
        tf.set_random_seed(seed)
        x = tf.placeholder(tf.float32, [None, N_STEPS, 1], name="x")
        y = tf.placeholder(tf.float32, [None, N_STEPS - abs(ahead), 1], name="y")

        def training_step(x, y):
            return forecast_step(x, y, ahead) + classify_step(x)

        step = tf.xla.experimental.compile(training_step, [x, y]) if xla else training_step(x, y)
        sess.run(tf.global_variables_initializer())
        for i in steps(iterations):
            x_batch, y_batch = make_batch(i, seed, ahead)
            forward, both, *predictions, loss, accuracies = sess.run(step, {x: x_batch, y: y_batch})
            loss += forward + both
            if not np.isfinite(loss):
                sys.exit(f"the loss is {loss} at iteration {i}: training stopped")
            all_losses.append([float(np.mean(np.square(y_batch))), float(forward), float(both)])
            all_accuracies.append(accuracies.tolist())
            on_step(i, loss, (all_losses, y_batch, predictions))
    return all_losses, all_accuracies, y_batch, predictions


# plot -------------------------------------------------------------------------
def plot_both(figure):
    """Prepares the axes; returns update(t, losses, y, predictions), where t holds the steps of y."""
    values, loss = figure.subplots(1, 2)
    lines = values.plot([], [], "r", [], [], "g", [], [], "b--")
    values.set(xlabel="step", ylabel="value", xlim=(0, N_STEPS), ylim=(-4, 5))
    values.legend(["target", "forward only", "bidirectional"], loc="upper center", ncol=3)
    curves = loss.semilogy([], [], "0.8", [], [], "g", [], [], "b")
    curves[0].set_linewidth(6)  # the loss of forward only lies on the variance
    loss.set(xlabel="iteration", ylabel="mean squared error", ylim=(1e-4, 4))
    loss.legend(["variance of y", "forward only", "bidirectional"], loc="lower left")

    def update(t, losses, y, predictions):
        for line, batch in zip(lines, [y, *predictions]):
            line.set_data(t, batch[0, :, 0])
        first = max(0, len(losses) - 1000)
        for curve, column in zip(curves, zip(*losses[first:])):
            curve.set_data(range(first, len(losses)), column)
        loss.set_xlim(first, len(losses))
    return update


# main -------------------------------------------------------------------------
def main(argv=()):
    parser = flags()
    parser.add_argument("--iterations", type=int, default=ITERATIONS, metavar="N", help="training iterations")
    parser.add_argument("--ahead", type=int, default=AHEAD, metavar="K", help="target: x at step t + K")
    parser.add_argument("--no-xla", dest="xla", action="store_false", default=XLA, help="do not compile")
    args = parser.parse_args(argv)
    if abs(args.ahead) > 20:
        parser.error(f"--ahead {args.ahead}: expected -20 to 20")
    draw = live(args, plot_both, figsize=(11, 4), tight_layout=True)
    t = np.arange(N_STEPS)[max(0, -args.ahead):N_STEPS - max(0, args.ahead)]  # the steps that have a target

    def on_step(i, loss, result):
        _, forward, both = result[0][-1]
        if i % 50 == 0:
            tqdm.write(f"{i}\tforward only: {forward:.4f}\tbidirectional: {both:.4f}")
        if i % 4 == 0:
            draw(t, *result)

    print(f"input {BATCH_SIZE, N_STEPS, N_FEATURES}: batch, steps, features")
    describe()
    print(f"\nthe target is y_t = x_(t{args.ahead:+d}), x is white noise")
    losses, accuracies, *wave = train(args.iterations, args.seed, args.xla, args.ahead, on_step)
    variance, forward, both = np.mean(losses[-N_LAST:], axis=0).tolist()
    print(f"mean squared error of the last {len(losses[-N_LAST:])} batches, all of them new")
    print(f"    variance of y   {variance:.4f}   what the answer 0 gets")
    print(f"    forward only    {forward:.4f}\n    bidirectional   {both:.4f}")

    print("\na classifier: is the first of the inputs positive?")
    accuracies = np.mean(accuracies[-N_LAST:], axis=0).tolist()
    for name, accuracy in zip(CLASSIFIERS, accuracies):
        print(f"    {name:<33}{accuracy:.3f} right")
    draw(t, losses, *wave, end=True)
    return {"variance": variance, "forward_only": forward, "bidirectional": both,
            **{f"accuracy_{n}": accuracy for n, accuracy in enumerate(accuracies)}}


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
