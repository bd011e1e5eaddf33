# /// script
# requires-python = ">=3.10,<3.14"
# dependencies = ["matplotlib>=3.8", "numpy>=1.26", "tensorflow>=2.21,<2.22", "tf_keras>=2.21,<2.22", "tqdm>=4.66"]
# ///
"""Ten recurrent layers learn the series of time_series_rnn.py; dropout while they train, and never when they predict.

Shows   MultiRNNCell, one dynamic_rnn per layer, DropoutWrapper, placeholder_with_default, Saver
Run     python deep_rnn.py                   (then with --keep-prob 0.5)
Expect  an MSE of 6 that falls below 0.0001; a minute on two cores
Notes   notes/deep_rnn.md
"""
import argparse
import itertools
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
N_LAYERS = 10
N_OUTPUTS = 1
LEARNING_RATE = 0.00001
KEEP_PROB = 1.0
ITERATIONS = 10000
CHECKPOINT = "deep_rnn"  # another script's checkpoint is refused
SAVE_EVERY = 1000


# data -------------------------------------------------------------------------
def series(t):
    """The series at t (radians), of the shape of t."""
    # f(t) = t sin(t) / 3 + 2 sin(5 t)
    return t * np.sin(t) / 3 + 2 * np.sin(5 * t)


def make_times():
    """Returns the points t (1, 101, 1): trained on all but the last, shown on all but the first."""
    return np.linspace(0, 15, N_STEPS + 1)[np.newaxis, :, np.newaxis]


# graph ------------------------------------------------------------------------
def glorot():
    """Returns an initializer whose n-th weights depend on n and on --seed, not on what else stands in the graph."""
    seeds = itertools.count()
    return lambda shape, **options: tf.glorot_uniform_initializer(seed=next(seeds))(shape, **options)


def dense(inputs, n_outputs):
    """(rows, inputs) -> (rows, outputs)"""
    with tf.variable_scope("dense"):
        kernel = tf.get_variable("kernel", [inputs.shape[1], n_outputs])
        bias = tf.get_variable("bias", [n_outputs], initializer=tf.zeros_initializer())
        return tf.matmul(inputs, kernel) + bias


def make_cell(n_units, keep_prob, dropout):
    """Returns one layer. keep_prob is a tensor, so one graph can both drop and not. dropout: False for no masks."""
    # h_t = relu([x_t * mask_t / keep_prob, h_(t-1)] W + b), where mask_t is 1 with probability keep_prob, else 0
    cell = tf.nn.rnn_cell.BasicRNNCell(n_units, activation=tf.nn.relu)
    return tf.nn.rnn_cell.DropoutWrapper(cell, input_keep_prob=keep_prob) if dropout else cell


def predict(x, keep_prob, dropout, stack, n_layers, n_units):
    """(batch, time, input) -> (batch, time, output)"""
    # [make_cell(...)] * n_layers would be one cell n_layers times
    cells = [make_cell(n_units, keep_prob, dropout) for _ in range(n_layers)]
    # with more than one step at once, the plain graph draws their masks in an order that no seed fixes
    options = {"dtype": tf.float32, "parallel_iterations": 1 if dropout else None}
    if stack == "multi":  # one loop over time, through all layers in each step
        outputs, _ = tf.nn.dynamic_rnn(tf.nn.rnn_cell.MultiRNNCell(cells), x, **options)  # (batch, time, unit)
    else:  # a loop over time for each layer; under the names that MultiRNNCell gives
        outputs = x
        for n, cell in enumerate(cells):
            outputs, _ = tf.nn.dynamic_rnn(cell, outputs, scope=f"rnn/multi_rnn_cell/cell_{n}", **options)
    outputs = tf.reshape(outputs, [-1, n_units])  # (batch * time, unit): one matmul for all steps
    return tf.reshape(dense(outputs, N_OUTPUTS), [-1, x.shape[1], N_OUTPUTS])


def training_step(x, y, keep_prob, *options):
    """Forward, loss, gradients and update; returns the loss. The options are those of predict()."""
    # loss = mean over batch and time of (prediction - y)^2
    loss = tf.reduce_mean(tf.square(predict(x, keep_prob, *options) - y))
    optimizer = tf.train.AdamOptimizer(LEARNING_RATE)
    with tf.control_dependencies([optimizer.minimize(loss, tf.train.get_or_create_global_step())]):
        return tf.identity(loss)


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


def train(iterations=ITERATIONS, seed=0, xla=XLA, stack="multi", n_layers=N_LAYERS, n_units=N_UNITS,
          keep_prob=KEEP_PROB, checkpoint=None, on_step=None):
    """Trains; returns the loss of each step and the prediction (point,) of all points but the first.

    Calls on_step(i, loss, test), where test() computes that prediction with the weights of this moment.
    Raises WrongInput where the folder checkpoint holds something else than a checkpoint of this model.
    """
    losses, t = [], make_times()
    with tf.Graph().as_default(), tf.Session() as sess:
        tf.set_random_seed(seed)
        x = tf.placeholder(tf.float32, [None, N_STEPS, N_INPUTS], name="x")
        y = tf.placeholder(tf.float32, [None, N_STEPS, N_OUTPUTS], name="y")
        keep = tf.placeholder_with_default(1.0, [], name="keep_prob")  # who feeds nothing drops nothing
        build = tf.xla.experimental.compile if xla else lambda step, inputs: step(*inputs)
        options = keep_prob < 1, stack, n_layers, n_units
        with tf.variable_scope("", initializer=glorot()):
            step, = build(lambda *inputs: [training_step(*inputs, *options)], [x, y, keep])
            tf.get_variable_scope().reuse_variables()  # the same weights, a second time, without the update
            prediction, = build(lambda *inputs: [predict(*inputs, *options)], [x, keep])
        saver = tf.train.Saver(max_to_keep=2)
        sess.run(tf.global_variables_initializer())
        if checkpoint:
            restore(sess, saver, checkpoint)

        def test():
            return sess.run(prediction, {x: t[:, 1:]})[0, :, 0]

        done = first = int(sess.run(tf.train.get_global_step()))
        for i in steps(iterations, first):
            loss = sess.run(step, {x: t[:, :-1], y: series(t[:, :-1]), keep: keep_prob})
            if not np.isfinite(loss):
                sys.exit(f"the loss is {loss} at iteration {i}: training stopped")
            losses.append(float(loss))
            done = i + 1
            if checkpoint and done % SAVE_EVERY == 0:
                save(sess, saver, checkpoint, done)
            if on_step:
                on_step(i, loss, test)
        if checkpoint and done > first:
            save(sess, saver, checkpoint, done)
        return losses, test()


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
def plot_series(figure, data):
    """Prepares the axes; returns update(), which draws data: t, truth, prediction (point,) and the losses so far."""
    left, right = figure.subplots(1, 2)
    left.plot(data["t"], data["truth"], "r", label="truth")
    prediction, = left.plot([], [], "b", label="prediction")
    left.set(xlabel="t (radians)", ylabel="value")
    left.legend(loc="upper left")
    loss, = right.plot([], [], "k", linewidth=0.5)
    right.set(xlabel="iteration", ylabel="MSE", yscale="log")

    def update():
        prediction.set_data(data["t"], data["prediction"])
        stride = 1 + len(data["losses"]) // 500  # a point shows the highest loss of so many steps: no leap is lost
        starts = range(0, len(data["losses"]), stride)
        loss.set_data(data["iterations"][::stride], [max(data["losses"][k:k + stride]) for k in starts])
        right.relim()
        right.autoscale_view()

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
    add("--layers", type=number(1, 1000), default=N_LAYERS, metavar="N", help="recurrent layers (default: %(default)s)")
    add("--units", type=number(1, 10000), default=N_UNITS, metavar="N", help="units of each (default: %(default)s)")
    add("--stack", choices=["multi", "layerwise"], default="multi",
        help="one loop for all layers, or one for each (default: %(default)s)")
    add("--keep-prob", type=number(0.01, 1.0), default=KEEP_PROB, metavar="P",
        help="of each layer's inputs, while training; 1 is no dropout (default: %(default)s)")
    add("--checkpoint", type=output(), metavar="DIR", help="save there as it goes, and resume from there")
    add("--predict", action="store_true", help="do not train: predict with the weights in --checkpoint")
    args = parser.parse_args(argv)
    if args.predict and not (args.checkpoint and os.path.exists(os.path.join(args.checkpoint, "checkpoint"))):
        parser.error(f"--predict needs trained weights in --checkpoint DIR, and DIR is {args.checkpoint!r}")
    t = make_times()[0, 1:, 0]
    data = {"t": t, "truth": series(t), "prediction": np.full(len(t), np.nan), "iterations": [], "losses": []}
    draw = live(args, plot_series, data, figsize=(12, 4), layout="tight")

    def on_step(i, loss, test):
        data["iterations"].append(i)
        data["losses"].append(loss)
        if i % 100 == 0:
            tqdm.write(f"{i} \tMSE: {loss:.4g}")
            data["prediction"] = test()
            draw()

    try:
        losses, data["prediction"] = train(0 if args.predict else args.iterations, args.seed, args.xla, args.stack,
                                           args.layers, args.units, args.keep_prob, args.checkpoint, on_step)
    except WrongInput as error:
        parser.error(error)
    mse = np.mean((data["prediction"] - data["truth"]) ** 2)
    late = np.mean((data["prediction"][1:] - data["truth"][:-1]) ** 2)
    print(f"MSE on the {len(t)} points from t = {t[0]:.4g} to {t[-1]:.4g}: {mse:.4g}")
    print(f"MSE of the same against the point before: {late:.4g}")
    draw(end=True)
    return {"losses": losses, "prediction": data["prediction"], "mse": mse}


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
