# /// script
# requires-python = ">=3.10,<3.14"
# dependencies = ["matplotlib>=3.8", "numpy>=1.26", "tensorflow>=2.21,<2.22", "tf_keras>=2.21,<2.22", "tqdm>=4.66"]
# ///
"""Four gated cells learn one series: LSTM, peephole LSTM, GRU, and a coupled LSTM that is written here.

Shows   BasicLSTMCell, LSTMCell(use_peepholes=True), GRUCell, a subclass of RNNCell, and what each costs and reaches
Run     python lstm_peephole_gru.py          (and for one depth: --layers 5)
Expect  an MSE that falls from 6 or more to about 2 (lstm, peephole) or below 0.5 (gru, coupled); 8 minutes on two cores
Notes   notes/lstm_peephole_gru.md
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

N_STEPS = 100
N_INPUTS = 1
N_UNITS = 100
N_LAYERS = {"lstm": 5, "peephole": 10, "gru": 10, "coupled": 5}  # the notes' depths; they do not show the coupled one
N_OUTPUTS = 1
LEARNING_RATE = 0.00001
ITERATIONS = 10000
CHECKPOINT = "lstm_peephole_gru"  # the script's own name, so that another script's checkpoint is refused
SAVE_EVERY = 500


# data -------------------------------------------------------------------------
def series(t):
    """The series at t (radians), of the shape of t."""
    # f(t) = t sin(t) / 3 + 2 sin(5 t)
    return t * np.sin(t) / 3 + 2 * np.sin(5 * t)


def make_times():
    """Returns the 101 points t (1, time, 1): trained on all but the last, examined on all but the first."""
    return np.linspace(0, 15, N_STEPS + 1)[np.newaxis, :, np.newaxis]


# graph ------------------------------------------------------------------------
class CoupledLSTMCell(tf.nn.rnn_cell.RNNCell):
    """An LSTM that forgets as much as it stores: its input gate is 1 - f. A cell is two sizes and one time step."""

    def __init__(self, num_units, forget_bias=1.0, activation=tf.tanh):
        super().__init__()
        self.num_units, self.forget_bias, self.activation = num_units, forget_bias, activation

    @property
    def state_size(self):
        return tf.nn.rnn_cell.LSTMStateTuple(self.num_units, self.num_units)

    @property
    def output_size(self):
        return self.num_units

    @tf.autograph.experimental.do_not_convert  # it is graph code already: no need to read this file a second time
    def call(self, inputs, state):
        """inputs (batch, input) and the state c, h (batch, unit) -> h (batch, unit), the new state"""
        c, h = state
        kernel = tf.get_variable("kernel", [inputs.shape[1] + self.num_units, 3 * self.num_units])
        bias = tf.get_variable("bias", [3 * self.num_units], initializer=tf.zeros_initializer())
        # j, f, o = [x, h] kernel + bias
        j, f, o = tf.split(tf.matmul(tf.concat([inputs, h], 1), kernel) + bias, 3, axis=1)
        # c' = f c + (1 - f) relu(j)        with f <- sigmoid(f + 1)
        f = tf.sigmoid(f + self.forget_bias)
        c = f * c + (1 - f) * self.activation(j)
        # h' = sigmoid(o) relu(c')
        h = tf.sigmoid(o) * self.activation(c)
        return h, tf.nn.rnn_cell.LSTMStateTuple(c, h)


def make_cell(name):
    """Returns a new cell: one a layer, because layers that share a cell share its weights.

    In the equations c' and h' are c and h after the step, and the activation is relu, as in the notes.
    """
    if name == "lstm":
        # i, j, f, o = [x, h] kernel + bias
        # c' = sigmoid(f + 1) c + sigmoid(i) relu(j)
        # h' = sigmoid(o) relu(c')
        return tf.nn.rnn_cell.BasicLSTMCell(N_UNITS, forget_bias=1.0, activation=tf.nn.relu)
    if name == "peephole":
        # c' = sigmoid(f + 1 + w_f_diag c) c + sigmoid(i + w_i_diag c) relu(j): these two gates see the old c
        # h' = sigmoid(o + w_o_diag c') relu(c'): the output gate sees the new one
        return tf.nn.rnn_cell.LSTMCell(N_UNITS, use_peepholes=True, forget_bias=1.0, activation=tf.nn.relu)
    if name == "gru":
        # r, u = sigmoid([x, h] gates/kernel + gates/bias)
        # h' = u h + (1 - u) relu([x, r h] candidate/kernel + candidate/bias)
        return tf.nn.rnn_cell.GRUCell(N_UNITS, activation=tf.nn.relu)
    return CoupledLSTMCell(N_UNITS, activation=tf.nn.relu)


def dense(inputs, n_outputs):
    """(rows, inputs) -> (rows, outputs)"""
    with tf.variable_scope("dense"):
        kernel = tf.get_variable("kernel", [inputs.shape[1], n_outputs], initializer=tf.glorot_uniform_initializer())
        bias = tf.get_variable("bias", [n_outputs], initializer=tf.zeros_initializer())
        return tf.matmul(inputs, kernel) + bias


def predict(x, cell, layers):
    """(batch, time, input) -> (batch, time, output)"""
    outputs = x
    for n in range(layers):
        with tf.variable_scope(f"layer_{n}"):
            # one loop a layer, where the notes have one MultiRNNCell in one loop: the same numbers
            outputs, _ = tf.nn.dynamic_rnn(make_cell(cell), outputs, dtype=tf.float32)  # (batch, time, unit)
    prediction = dense(tf.reshape(outputs, [-1, N_UNITS]), N_OUTPUTS)  # (batch * time, output): one matmul for all
    return tf.reshape(prediction, [-1, N_STEPS, N_OUTPUTS])


def compute_loss(prediction, y):
    """A number: the mean over batch and time of (prediction - y)^2."""
    return tf.reduce_mean(tf.square(prediction - y))


def training_step(x, y, cell, layers):
    """Forward, loss, gradients and update; returns loss and prediction."""
    prediction = predict(x, cell, layers)
    loss = compute_loss(prediction, y)
    global_step = tf.train.get_or_create_global_step()  # here: XLA updates resource variables only
    with tf.control_dependencies([tf.train.AdamOptimizer(LEARNING_RATE).minimize(loss, global_step)]):
        return [tf.identity(loss), tf.identity(prediction)]


# train ------------------------------------------------------------------------
class WrongInput(Exception):
    """What the reader got wrong: main() says it in one line and ends with status 2."""


def restore(sess, saver, folder):
    """Takes up the newest checkpoint in the folder, if there is one; raises WrongInput where it does not fit."""
    if not os.path.exists(os.path.join(folder, "checkpoint")):
        return
    try:
        state = tf.train.get_checkpoint_state(folder)
        newest, *kept = map(os.path.basename, [state.model_checkpoint_path, *state.all_model_checkpoint_paths])
    except (AttributeError, ValueError):  # there is no list, or no text
        raise WrongInput(f"--checkpoint {folder!r}: expected a list of checkpoints in its file 'checkpoint'")
    try:
        shapes = {variable.op.name: variable.shape.as_list() for variable in tf.global_variables()}
        stored = tf.train.list_variables(os.path.join(folder, newest))
        if not newest.startswith(CHECKPOINT + "-") or dict(stored) != shapes:
            raise ValueError
        saver.restore(sess, os.path.join(folder, newest))
    except (tf.errors.OpError, ValueError):
        raise WrongInput(f"--checkpoint {folder!r}: expected a whole checkpoint of this model, not {newest!r}")
    saver.recover_last_checkpoints([os.path.join(folder, name) for name in kept])  # here, where the folder is a copy


def save(sess, saver, folder, step):
    """Writes a checkpoint; until it is whole, the one before it stays."""
    if not all(np.isfinite(weights).all() for weights in sess.run(tf.trainable_variables())):
        sys.exit(f"the weights are not finite after {step} iterations: training stopped, the checkpoint before is kept")
    try:
        os.makedirs(folder, exist_ok=True)
        saver.save(sess, os.path.join(folder, CHECKPOINT), step, write_meta_graph=False)
    except (tf.errors.OpError, OSError, ValueError) as error:
        reason = str(error).split("\n\t [[")[0].splitlines()[-1]  # TF 2 says where before it says why
        sys.exit(f"--checkpoint {folder!r} cannot be written, the one before is kept: {reason}")


def start(sess, cell, layers, xla, folder):
    """Builds a model, with new weights or those of the checkpoint in the folder; raises WrongInput where it is none.

    Returns the placeholders x and y, the training step, prediction and MSE of the weights as they are, and the saver.
    """
    x = tf.placeholder(tf.float32, [None, N_STEPS, N_INPUTS], name="x")
    y = tf.placeholder(tf.float32, [None, N_STEPS, N_OUTPUTS], name="y")
    build = tf.xla.experimental.compile if xla else lambda step, inputs: step(*inputs)
    step = build(lambda x, y: training_step(x, y, cell, layers), [x, y])
    tf.get_variable_scope().reuse_variables()  # the same weights, a second time, without the update
    prediction = predict(x, cell, layers)
    saver = tf.train.Saver(max_to_keep=2)
    sess.run(tf.global_variables_initializer())
    if folder:
        restore(sess, saver, folder)
    return x, y, step, prediction, compute_loss(prediction, y), saver


def train(cell="lstm", iterations=ITERATIONS, seed=0, xla=XLA, layers=None, checkpoint=None, on_step=None):
    """Trains a stack of one cell, N_LAYERS deep or as said; saves in and resumes from the folder checkpoint/cell.

    Returns a dict: layers, parameters, iterations done; mse, of the points trained on, and prediction (point,) of all
    points but the first, both from the weights at the end; ms, the median of an iteration, and seconds of the training,
    both None where nothing was left to train. Calls on_step(i, loss, prediction), the latter (point,) of the points
    trained on. Raises WrongInput where the checkpoint does not fit.
    """
    layers = layers or N_LAYERS[cell]
    folder = checkpoint and os.path.join(checkpoint, cell)
    t = make_times()
    with tf.Graph().as_default(), tf.Session() as sess:
        tf.set_random_seed(seed)
        x, y, step, prediction, mse, saver = start(sess, cell, layers, xla, folder)
        parameters = sum(int(np.prod(variable.shape)) for variable in tf.trainable_variables())
        batch = {x: t[:, :-1], y: series(t[:, :-1])}  # the same at every step
        done = first = int(sess.run(tf.train.get_global_step()))
        begin, ms = time.time(), []
        for i in steps(iterations, first):
            before = time.perf_counter()
            loss, trained = sess.run(step, batch)
            ms.append(1000 * (time.perf_counter() - before))
            if not np.isfinite(loss):
                sys.exit(f"the loss is {loss} at iteration {i}: training stopped")
            done = i + 1
            if folder and done % SAVE_EVERY == 0:
                save(sess, saver, folder, done)
            if on_step:
                on_step(i, loss, trained[0, :, 0])
        seconds = time.time() - begin
        if folder and done > first:
            save(sess, saver, folder, done)
        return {"layers": layers, "parameters": parameters, "iterations": done, "mse": float(sess.run(mse, batch)),
                "prediction": sess.run(prediction, {x: t[:, 1:]})[0, :, 0],
                "ms": float(np.median(ms[1:] or ms)) if ms else None,  # the first iteration compiles
                "seconds": seconds if ms else None}


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
def plot_cells(figure, data):
    """Prepares the axes; returns update(), which draws data: cell -> lists of iterations, losses, t and prediction."""
    left, right = figure.subplots(1, 2)
    t = make_times().flatten()
    right.plot(t, series(t), "k:", label="truth")
    colours = dict(zip(N_LAYERS, ["tab:red", "tab:blue", "tab:green", "tab:orange"]))
    losses = {cell: left.plot([], [], colours[cell], linewidth=1, label=cell)[0] for cell in data}
    predictions = {cell: right.plot([], [], colours[cell], linewidth=1)[0] for cell in data}
    left.set(xlabel="iteration", ylabel="MSE", yscale="log")
    left.legend(loc="upper right")
    right.set(xlabel="t (radians)", ylabel="value")
    right.legend(loc="upper left")

    def update():
        for cell, curves in data.items():
            losses[cell].set_data(curves["iterations"], curves["losses"])
            predictions[cell].set_data(curves["t"], curves["prediction"])
        left.relim()
        left.autoscale_view()

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


def names(choices):
    """An argparse type: some of the choices, separated by commas, each once."""
    def parse(text):
        chosen = text.split(",")
        if not set(chosen) <= set(choices) or len(chosen) > len(set(chosen)):
            raise ValueError
        return chosen
    parse.__name__ = "list of " + ",".join(choices)
    return parse


def check(cell, layers, checkpoint):
    """Raises WrongInput where the cell's checkpoint does not fit: now, not after the training of another cell."""
    folder = os.path.join(checkpoint, cell)
    if not os.path.exists(folder):
        return
    if not os.path.isdir(folder) or not os.access(folder, os.W_OK):
        raise WrongInput(f"--checkpoint {checkpoint!r}: expected a writable folder {folder!r}")
    with tf.Graph().as_default(), tf.Session() as sess:
        start(sess, cell, layers or N_LAYERS[cell], False, folder)


def print_table(results):
    """Prints a row for each cell; the last two columns without numbers where nothing was left to train."""
    print(f"{'cell':8} {'layers':>6} {'parameters':>10} {'iterations':>10} {'MSE':>8}\tstep\ttotal")
    for cell, result in results.items():
        spent = [f"{result['ms']:.1f} ms", f"{result['seconds']:.0f} s"] if result["ms"] else ["-", "-"]
        print(f"{cell:8} {result['layers']:6} {result['parameters']:10,} {result['iterations']:10,} "
              f"{result['mse']:8.3g}", *spent, sep="\t")


def main(argv=None):
    parser = flags(ITERATIONS)
    add = parser.add_argument
    add("--cells", type=names(N_LAYERS), default=list(N_LAYERS), metavar="A,B",
        help=f"which, one after the other (default: {','.join(N_LAYERS)})")
    add("--layers", type=number(1, 100), metavar="N",
        help=f"the same depth for all (default: {', '.join(f'{cell} {n}' for cell, n in N_LAYERS.items())})")
    add("--checkpoint", type=output(), metavar="DIR", help="save there as it goes, and resume from there")
    args = parser.parse_args(argv)
    t = make_times().flatten()
    data = {cell: {"iterations": [], "losses": [], "t": [], "prediction": []} for cell in args.cells}
    every = 1 + args.iterations // 1000  # what is drawn stays bounded, however long the training
    results = {}

    def on_step(i, loss, prediction):
        if i % 1000 == 0:
            tqdm.write(f"{cell} {i} \tMSE: {loss:.4g}")
        if i % every == 0:
            data[cell]["iterations"].append(i)
            data[cell]["losses"].append(loss)
            data[cell].update(t=t[:-1], prediction=prediction)
            draw()

    try:
        for cell in args.cells if args.checkpoint else []:
            check(cell, args.layers, args.checkpoint)
        draw = live(args, plot_cells, data, figsize=(12, 4), layout="tight")
        for cell in args.cells:
            results[cell] = train(cell, args.iterations, args.seed, args.xla, args.layers, args.checkpoint, on_step)
            data[cell].update(t=t[1:], prediction=results[cell]["prediction"])  # the notes end with these points
            if results[cell]["iterations"] < args.iterations:
                break  # Ctrl-C: on to the results
    except WrongInput as error:
        parser.error(error)
    print_table(results)
    draw(end=True)
    return results


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
