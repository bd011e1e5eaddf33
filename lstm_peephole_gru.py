"""Four gated cells learn one series: LSTM, peephole LSTM, GRU, and a coupled LSTM that is written here.

Shows   BasicLSTMCell, LSTMCell with peepholes, GRUCell, a subclass of RNNCell
Run     python lstm_peephole_gru.py          (then with --tanh --layers 5 --iterations 1000)
Expect  an MSE of 6 or more that falls, with leaps; 8 to 16 minutes on two cores
Notes   notes/lstm_peephole_gru.md
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
CELLS = {"lstm": 5, "peephole": 10, "gru": 10, "coupled": 5}  # layers of each, as in the notes
N_OUTPUTS = 1
LEARNING_RATE = 0.00001
TANH_LEARNING_RATE = 0.001  # relu would leap to an MSE of many millions
ITERATIONS = 10000
SAVE_EVERY = 500


# data -------------------------------------------------------------------------
def series(t):
    """Returns f(t) = t sin(t) / 3 + 2 sin(5 t), t in radians."""
    return t * np.sin(t) / 3 + 2 * np.sin(5 * t)


def make_inputs():
    """Returns the times to train on and, one point later, the times to predict: (1, 100, 1) each."""
    t = np.linspace(0, 15, N_STEPS + 1)[np.newaxis, :, np.newaxis]
    return t[:, :-1], t[:, 1:]


# graph ------------------------------------------------------------------------
class CoupledLSTMCell(tf.nn.rnn_cell.RNNCell):
    """An LSTM with input gate 1 - f: it stores new content only where it forgets the old."""
    state_size = property(lambda self: tf.nn.rnn_cell.LSTMStateTuple(self.num_units, self.num_units))
    output_size = property(lambda self: self.num_units)

    def __init__(self, num_units, forget_bias=1.0, activation=tf.tanh):
        super().__init__()
        self.num_units, self.forget_bias, self.activation = num_units, forget_bias, activation

    @tf.autograph.experimental.do_not_convert  # else AutoGraph parses this file anew while it trains
    def call(self, inputs, state):
        """One time step: inputs (batch, input), state c, h (batch, unit) -> h (batch, unit), new state"""
        c, h = state
        kernel = tf.get_variable("kernel", [inputs.shape[1] + self.num_units, 3 * self.num_units])
        bias = tf.get_variable("bias", [3 * self.num_units], initializer=tf.zeros_initializer())
        # j, f, o = [x, h] kernel + bias
        j, f, o = tf.split(tf.matmul(tf.concat([inputs, h], 1), kernel) + bias, 3, axis=1)
        # c' = g c + (1 - g) act(j), where g = sigmoid(f + 1) is the forget gate
        f = tf.sigmoid(f + self.forget_bias)
        c = f * c + (1 - f) * self.activation(j)
        # h' = sigmoid(o) act(c')
        h = tf.sigmoid(o) * self.activation(c)
        return h, tf.nn.rnn_cell.LSTMStateTuple(c, h)


def make_cell(cell, act):
    """Returns a new cell with activation act; in the equations c' and h' are c and h after the step."""
    if cell == "lstm":
        # i, j, f, o = [x, h] kernel + bias
        # c' = sigmoid(f + 1) c + sigmoid(i) act(j)
        # h' = sigmoid(o) act(c')
        return tf.nn.rnn_cell.BasicLSTMCell(N_UNITS, forget_bias=1.0, activation=act)
    if cell == "peephole":
        # c' = sigmoid(f + w_f_diag c + 1) c + sigmoid(i + w_i_diag c) act(j): both gates see the old c
        # h' = sigmoid(o + w_o_diag c') act(c'): the output gate sees the new c
        return tf.nn.rnn_cell.LSTMCell(N_UNITS, use_peepholes=True, forget_bias=1.0, activation=act)
    if cell == "gru":
        # r, u = sigmoid([x, h] gates/kernel + gates/bias)
        # h' = u h + (1 - u) act([x, r h] candidate/kernel + candidate/bias)
        return tf.nn.rnn_cell.GRUCell(N_UNITS, activation=act)
    return CoupledLSTMCell(N_UNITS, activation=act)


def predict(x, cell, n_layers, tanh):
    """(batch, time, input) -> (batch, time, output)"""
    # relu, as in the notes, has no upper bound: states and gradients can explode
    act = tf.tanh if tanh else tf.nn.relu
    outputs = x
    for n in range(n_layers):  # the same numbers as one MultiRNNCell in one dynamic_rnn
        with tf.variable_scope(f"layer_{n}"):
            outputs, _ = tf.nn.dynamic_rnn(make_cell(cell, act), outputs, dtype=tf.float32)
    outputs = tf.reshape(outputs, [-1, N_UNITS])  # (batch * time, unit)
    with tf.variable_scope("dense"):
        kernel = tf.get_variable("kernel", [N_UNITS, N_OUTPUTS])
        bias = tf.get_variable("bias", [N_OUTPUTS], initializer=tf.zeros_initializer())
    return tf.reshape(tf.matmul(outputs, kernel) + bias, [-1, N_STEPS, N_OUTPUTS])


def compute_loss(prediction, y):
    """loss = mean over batch and time of (prediction - y)^2"""
    return tf.reduce_mean(tf.square(prediction - y))


def training_step(x, y, cell, n_layers, tanh):
    """Runs the network and updates its weights; returns loss and prediction."""
    prediction = predict(x, cell, n_layers, tanh)
    loss = compute_loss(prediction, y)
    global_step = tf.train.get_or_create_global_step()  # here, because XLA updates resource variables only
    optimizer = tf.train.AdamOptimizer(LEARNING_RATE)
    if tanh:  # another name: checkpoints of the two activations differ
        optimizer = tf.train.AdamOptimizer(TANH_LEARNING_RATE, name="AdamTanh")
    update = optimizer.minimize(loss, global_step)
    with tf.control_dependencies([update]):  # whoever fetches the loss also trains
        return [tf.identity(loss), tf.identity(prediction)]


# train ------------------------------------------------------------------------
def train(cell="lstm", iterations=ITERATIONS, seed=0, xla=XLA, n_layers=None, tanh=False, checkpoint=None,
          on_step=lambda *_: None):
    """Returns the results of one of the CELLS as a dict; calls on_step(i, loss, prediction (point,))."""
    losses, n_layers = [], n_layers or CELLS[cell]
    x_train, x_test = make_inputs()
    with tf.Graph().as_default(), tf.Session() as sess:
        tf.set_random_seed(seed)
        x = tf.placeholder(tf.float32, [None, N_STEPS, N_INPUTS], name="x")
        y = tf.placeholder(tf.float32, [None, N_STEPS, N_OUTPUTS], name="y")
        cell_step = functools.partial(training_step, cell=cell, n_layers=n_layers, tanh=tanh)
        step = tf.xla.experimental.compile(cell_step, [x, y]) if xla else cell_step(x, y)
        with tf.variable_scope("", reuse=True):  # the same weights, without the update
            test = predict(x, cell, n_layers, tanh)
        saver = tf.train.Saver(max_to_keep=2, save_relative_paths=True)
        sess.run(tf.global_variables_initializer())
        if checkpoint:
            restore(sess, saver, checkpoint)
        for i in steps(iterations, first=sess.run(tf.train.get_global_step())):
            loss, prediction = sess.run(step, {x: x_train, y: series(x_train)})
            if not np.isfinite(loss):
                sys.exit(f"the loss is {loss} at iteration {i}: training stopped")
            losses.append(float(loss))
            if checkpoint and (i + 1) % SAVE_EVERY == 0:
                save(sess, saver, checkpoint)
            on_step(i, loss, prediction.flatten())
        if checkpoint:
            save(sess, saver, checkpoint)
        train_mse = float(np.mean((sess.run(test, {x: x_train}) - series(x_train)) ** 2))
        prediction = sess.run(test, {x: x_test}).flatten()
        return {"losses": losses, "train_mse": train_mse, "lowest": min([*losses, train_mse]),
                "mse": float(np.mean((prediction - series(x_test).flatten()) ** 2)), "prediction": prediction,
                "parameters": sum(v.shape.num_elements() for v in tf.trainable_variables())}


# plot -------------------------------------------------------------------------
def plot_cells(figure, cells):
    """Prepares the axes; returns update(cell, first point, prediction, history of (iteration, loss))."""
    axes = figure.subplot_mosaic([cells, ["loss"] * len(cells)])
    t = np.linspace(0, 15, N_STEPS + 1)
    lines = {}
    for cell in cells:
        axes[cell].plot(t, series(t), "r", label="truth")
        lines[cell] = axes[cell].plot([], [], "b", label="prediction") + axes["loss"].plot([], [], label=cell)
        axes[cell].set(xlabel="t (radians)", ylabel="value", title=cell)
    axes[cells[0]].legend(loc="upper left", fontsize="small")
    axes["loss"].set(xlabel="iteration", ylabel="MSE", yscale="log")
    axes["loss"].legend(loc="lower left")

    def update(cell, first, prediction, history):
        output, curve = lines[cell]
        output.set_data(t[first:first + N_STEPS], prediction)
        curve.set_data(*np.reshape(history[::1 + len(history) // 1000], [-1, 2]).T)
        for ax in axes.values():
            ax.relim()
            ax.autoscale_view()
    return update


# main -------------------------------------------------------------------------
def main(argv=()):
    parser = flags()
    parser.add_argument("--iterations", type=int, default=ITERATIONS, metavar="N", help="iterations per cell")
    parser.add_argument("--cells", nargs="+", choices=CELLS, default=list(CELLS), help="cells to train")
    parser.add_argument("--layers", type=int, choices=range(1, 11), help="layers of every cell")
    parser.add_argument("--tanh", action="store_true", help="tanh for relu, and a learning rate of 0.001")
    parser.add_argument("--checkpoint", metavar="DIR", help="save the weights, and go on from them")
    parser.add_argument("--no-xla", dest="xla", action="store_false", default=XLA, help="do not compile")
    args = parser.parse_args(argv)
    cells = [cell for cell in CELLS if cell in args.cells]
    draw = live(args, lambda figure: plot_cells(figure, cells), figsize=(12, 6), layout="tight")
    results = {}

    def on_step(i, loss, prediction):
        history.append((i, loss))
        if i % 1000 == 0:
            tqdm.write(f"{cell} {i} \tMSE {loss:.4g}")
        if i % 200 == 0:
            draw(cell, 0, prediction, history)

    for cell in cells:
        history = []
        folder = args.checkpoint and os.path.join(args.checkpoint, cell)
        result = train(cell, args.iterations, args.seed, args.xla, args.layers, args.tanh, folder, on_step)
        print("every tenth true value:     ", *np.round(series(make_inputs()[1]).flatten()[9::10], 2))
        print("every tenth predicted value:", *np.round(result["prediction"][9::10], 2))
        print(f"{cell} x {args.layers or CELLS[cell]}: {result['parameters']:,} parameters,",
              f"MSE {result['train_mse']:.3g} (lowest {result['lowest']:.3g}), test MSE {result['mse']:.3g}")
        draw(cell, 1, result["prediction"], history)
        results[cell] = result
    draw(cell, 1, result["prediction"], history, end=True)
    return results


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
