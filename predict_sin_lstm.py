# /// script
# requires-python = ">=3.10,<3.14"
# dependencies = ["matplotlib>=3.8", "numpy>=1.26", "tensorflow>=2.21,<2.22", "tf_keras>=2.21,<2.22", "tqdm>=4.66"]
# ///
"""Two LSTM layers read 20 points of a sine and predict the next one, trained by MonitoredTrainingSession.

Shows   the last output as a forecast, dropout, an RNN unrolled by hand, MonitoredTrainingSession and its hooks
Run     python predict_sin_lstm.py            (then once more with --keep-prob 1)
Expect  a test error near 1e-4, where repeating the last value has 5e-5: dropout blurs; under a minute on two cores
Notes   notes/predict_sin_lstm.md
"""
import argparse
import collections
import functools
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

N_STEPS = 20
GAP = 0.01  # radians between two points
POINTS = [10000, 1000]  # to train on, and right after them to test on
N_LAYERS = 2
N_UNITS = 20
KEEP_PROB = 0.9
BATCH_SIZE = 64
LEARNING_RATE = 0.001
ITERATIONS = 7750  # 50 epochs of 155 batches
SHOW_EVERY = 250  # iterations from one test to the next
SAVE_EVERY = 500
CHECKPOINT = "predict_sin_lstm"


# data -------------------------------------------------------------------------
def make_windows(wave, n_steps):
    """A wave of n points -> x (n - n_steps, n_steps, 1) and y (n - n_steps, 1): each window, and the value after it."""
    rows = np.arange(len(wave) - n_steps)[:, np.newaxis] + np.arange(n_steps)  # (window, time)
    return wave[rows][:, :, np.newaxis], wave[n_steps:, np.newaxis]


def make_data(n_steps, points, gap):
    """Returns x, y to train on and x, y to test on: windows of sin(t) at t = 0, gap, 2 gap ... radians.

    points: how many to train on, and how many right after them to test on. No window holds points of both.
    """
    wave = np.sin(gap * np.arange(sum(points))).astype(np.float32)
    return make_windows(wave[:points[0]], n_steps) + make_windows(wave[points[0]:], n_steps)


@functools.lru_cache(maxsize=1)
def shuffle(n, epoch, seed):
    """Returns the order in which an epoch goes through n windows."""
    return np.random.RandomState([seed, epoch]).permutation(n)


def make_batch(x, y, i, batch_size, seed):
    """Returns batch i: a function of the step alone, so that a run that is resumed goes on with the same ones."""
    epoch, batch = divmod(i, len(x) // batch_size)  # what is left of an epoch, less than a batch, is not used
    rows = shuffle(len(x), epoch, seed)[batch * batch_size:(batch + 1) * batch_size]
    return x[rows], y[rows]


def mse(prediction, y):
    """The mean squared error, a number."""
    return float(np.mean(np.square(prediction - y)))


def baselines(x, y):
    """Returns the errors of two forecasts without a network: as the last value; straight on through the last two."""
    return {"last value": mse(x[:, -1], y), "straight line": mse(2 * x[:, -1] - x[:, -2], y)}


# graph ------------------------------------------------------------------------
def unroll_by_hand(cell, inputs):
    """What dynamic_rnn does, as a Python loop: (batch, time, input) -> (batch, time, unit)."""
    with tf.variable_scope("rnn") as scope:  # dynamic_rnn's scope: a checkpoint of one loads in the other
        state = cell.zero_state(tf.shape(inputs)[0], tf.float32)
        outputs = []
        for t in range(inputs.shape[1]):
            if t > 0:
                scope.reuse_variables()  # the weights of step 0 serve every step; a cell of today would see to it
            output, state = cell(inputs[:, t], state)  # (batch, unit)
            outputs.append(output)
        return tf.stack(outputs, axis=1)


def dropout(outputs, keep_prob, seed):
    """What DropoutWrapper(output_keep_prob=...) does at each step, for all steps at once; seed: two whole numbers."""
    # outputs = outputs * mask / keep_prob; the mask is a function of its seed, also under XLA
    mask = tf.random.stateless_uniform(tf.shape(outputs), seed) < keep_prob
    return outputs * tf.cast(mask, tf.float32) / keep_prob


def predict_next(x, units, unroll, keep_prob=1.0, seed=0):
    """x (batch, time, 1) -> the value that follows (batch, 1). units: of each layer."""
    outputs = x
    for layer, n_units in enumerate(units):  # seeds for all weights: else they depend on how many ops came before
        with tf.variable_scope(f"layer_{layer}", initializer=tf.glorot_uniform_initializer(layer)):
            cell = tf.nn.rnn_cell.BasicLSTMCell(n_units)
            if unroll == "manual":
                outputs = unroll_by_hand(cell, outputs)
            else:  # the numbers of MultiRNNCell, with each layer's outputs at hand for the dropout
                outputs, _ = tf.nn.dynamic_rnn(cell, outputs, dtype=tf.float32)  # (batch, time, unit)
            if keep_prob < 1:
                step = tf.cast(tf.train.get_global_step(), tf.int32)
                outputs = dropout(outputs, keep_prob, tf.stack([seed, step * len(units) + layer]))
    weights = tf.get_variable("weights", [units[-1], 1], initializer=tf.glorot_uniform_initializer(len(units)))
    biases = tf.get_variable("biases", [1], initializer=tf.zeros_initializer())
    return tf.matmul(outputs[:, -1], weights) + biases  # only the last step has seen the whole window


def training_step(x, y, units, unroll, keep_prob, seed, learning_rate):
    """Forward, loss, gradients and update; returns [loss]."""
    prediction = predict_next(x, units, unroll, keep_prob, seed)
    # loss = mean over the batch of (prediction - y)^2
    loss = tf.reduce_mean(tf.square(prediction - y))
    update = tf.train.AdamOptimizer(learning_rate).minimize(loss, tf.train.get_global_step())
    with tf.control_dependencies([update]):
        return [tf.identity(loss)]


# train ------------------------------------------------------------------------
class WrongInput(Exception):
    """What the reader got wrong: main() says it in one line and ends with status 2."""


def check_checkpoint(saver, folder):
    """Raises WrongInput where the folder's newest checkpoint, which the session will restore unasked, does not fit."""
    if not os.path.exists(os.path.join(folder, "checkpoint")):
        return
    try:
        newest = os.path.basename(tf.train.get_checkpoint_state(folder).model_checkpoint_path)
        stored = {name for name, _ in tf.train.list_variables(os.path.join(folder, newest))}
        if not newest.startswith(CHECKPOINT + "-") or stored != {v.op.name for v in tf.global_variables()}:
            raise ValueError
        with tf.Session() as sess:  # a rehearsal
            saver.restore(sess, os.path.join(folder, newest))
    except (tf.errors.OpError, AttributeError, ValueError):  # AttributeError: its file 'checkpoint' lists none
        raise WrongInput(f"--checkpoint {folder!r}: expected a whole checkpoint of this model, or none") from None


def train(iterations=ITERATIONS, seed=0, xla=XLA, n_steps=N_STEPS, units=(N_UNITS,) * N_LAYERS, keep_prob=KEEP_PROB,
          batch_size=BATCH_SIZE, points=POINTS, gap=GAP, unroll="dynamic", checkpoint=None, logdir=None, on_step=None,
          learning_rate=LEARNING_RATE):
    """Trains; returns the prediction (window, 1) of the test windows, and the iterations done in all.

    Calls on_step(i, loss, predict) after each, where predict() returns the prediction as it then is.
    Raises WrongInput where the checkpoint does not fit.
    """
    x_train, y_train, x_test, _ = make_data(n_steps, points, gap)
    with tf.Graph().as_default():  # of its own: main() can run again in one process
        tf.set_random_seed(seed)
        x = tf.placeholder(tf.float32, [None, n_steps, 1], name="x")
        y = tf.placeholder(tf.float32, [None, 1], name="y")
        with tf.variable_scope("", use_resource=True):  # XLA compiles no other kind of variable
            global_step = tf.train.get_or_create_global_step()
        build = tf.xla.experimental.compile if xla else lambda step, inputs: step(*inputs)
        loss, = build(lambda x, y: training_step(x, y, units, unroll, keep_prob, seed, learning_rate), [x, y])
        with tf.variable_scope("", reuse=True):  # the same weights, no dropout
            prediction, = build(lambda x: [predict_next(x, units, unroll)], [x])
        saver = tf.train.Saver(max_to_keep=2, save_relative_paths=True)
        if checkpoint:
            check_checkpoint(saver, checkpoint)

        tf.logging.set_verbosity(tf.logging.FATAL)  # NanTensorHook raises, and would log a line besides
        final = tf.train.FinalOpsHook([prediction, global_step], {x: x_test})  # after the last step, or Ctrl-C
        scaffold = tf.train.Scaffold(saver=saver)
        hooks = [tf.train.StopAtStepHook(last_step=iterations),
                 tf.train.NanTensorHook(0 * loss),  # 0 * inf is NaN: the hook alone would let infinity pass
                 final]
        if checkpoint:  # saves at the start, every so many steps, and at the end
            hooks.append(tf.train.CheckpointSaverHook(checkpoint, save_steps=SAVE_EVERY, scaffold=scaffold,
                                                      checkpoint_basename=CHECKPOINT))
        if logdir:
            hooks.append(tf.train.SummarySaverHook(10, output_dir=logdir, summary_op=tf.summary.scalar("loss", loss)))
        try:
            with tf.train.MonitoredTrainingSession(checkpoint_dir=checkpoint, scaffold=scaffold, hooks=hooks,
                                                   save_checkpoint_secs=None, save_summaries_steps=None,
                                                   log_step_count_steps=None) as sess:
                def raw(fetch, feed=None):  # past the hooks: theirs would be one more training step
                    return sess.run_step_fn(lambda step_context: step_context.session.run(fetch, feed))

                for i in steps(iterations, int(raw(global_step))):
                    x_batch, y_batch = make_batch(x_train, y_train, i, batch_size, seed)
                    value = sess.run(loss, {x: x_batch, y: y_batch})
                    if on_step:
                        on_step(i, value, functools.partial(raw, prediction, {x: x_test}))
        except tf.train.NanLossDuringTrainingError:
            sys.exit(f"the loss is not finite at iteration {i}: training stopped")
        except (tf.errors.OpError, OSError, ValueError) as error:  # a full disk, a folder that is gone ...
            if not checkpoint:
                raise
            reason = str(error).split("\n\t [[")[0].splitlines()[-1]  # TF 2 says where before it says why
            sys.exit(f"--checkpoint {checkpoint!r} cannot be written: {reason}")
        finally:
            tf.summary.FileWriterCache.clear()  # the hooks share their writers, and leave them open
    return final.final_ops_values


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
def plot_forecast(figure, data):
    """Prepares the axes; returns update(), which draws data["prediction"] and data["errors"], of (iteration, MSE)."""
    top, bottom = figure.subplots(2)
    top.plot(data["t"], data["y"], "r", label="sin(t)")
    forecast, = top.plot([], [], "b--", label="prediction")
    top.set(xlabel="t (radians)", ylabel="value", ylim=(-1.2, 1.2))
    error, = bottom.plot([], [], "b.-", label="LSTM")
    for (name, value), color in zip(data["baselines"].items(), ["tab:orange", "tab:green"]):
        bottom.axhline(value, color=color, ls="--", label=name)
    bottom.set(xlabel="iteration", ylabel="test MSE", yscale="log")
    for axes in (top, bottom):
        axes.legend(loc="upper left", bbox_to_anchor=(1, 1))

    def update():
        forecast.set_data(data["t"], data["prediction"])
        error.set_data(*zip(*data["errors"]))
        bottom.relim()
        bottom.autoscale_view()

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
    add("--layers", type=number(1, 100), default=N_LAYERS, metavar="N", help="of LSTM cells (default: %(default)s)")
    add("--units", type=number(1, 10000), nargs="+", default=[N_UNITS], metavar="N",
        help=f"of every layer, or one number for each (default: {N_UNITS})")
    add("--keep-prob", type=number(0.01, 1.0), default=KEEP_PROB, metavar="P",
        help="share of each layer's outputs that dropout keeps in training; 1: no dropout (default: %(default)s)")
    add("--unroll", choices=["dynamic", "manual"], default="dynamic",
        help="dynamic_rnn, or a Python loop, which runs as a plain graph (default: %(default)s)")
    add("--n-steps", type=number(2, 10000), default=N_STEPS, metavar="N", help="of a window (default: %(default)s)")
    add("--batch-size", type=number(1), default=BATCH_SIZE, metavar="N", help="windows a step (default: %(default)s)")
    add("--points", type=number(3, 10**6), nargs=2, default=POINTS, metavar=("TRAIN", "TEST"),
        help="of the sine, test after training (default: {} {})".format(*POINTS))
    add("--gap", type=number(1e-6, 3.0), default=GAP, metavar="T", help="from point to point, in radians "
        "(default: %(default)s)")
    add("--checkpoint", type=output(), metavar="DIR", help="save there as it goes, and resume from there")
    add("--logdir", type=output(), metavar="DIR",
        help="write loss and graph for TensorBoard (pip install tensorboard; tensorboard --logdir DIR)")
    args = parser.parse_args(argv)
    units = args.units * args.layers if len(args.units) == 1 else args.units
    if len(units) != args.layers:
        parser.error(f"--units {units}: expected one number, or one for each of the {args.layers} layers")
    if min(args.points) <= args.n_steps:
        parser.error(f"--points {args.points}: expected more points than the {args.n_steps} of a window")
    if max(args.points) * args.n_steps > 10**8:  # gigabytes of windows
        parser.error(f"--points {args.points}: expected at most {10**8 // args.n_steps} for windows of {args.n_steps}")
    if args.batch_size > args.points[0] - args.n_steps:
        parser.error(f"--batch-size {args.batch_size}: expected at most {args.points[0] - args.n_steps}, all windows")

    _, _, x, y = make_data(args.n_steps, args.points, args.gap)
    others = baselines(x, y)
    t = args.gap * (args.points[0] + args.n_steps + np.arange(len(y)))
    data = {"t": t, "y": y, "prediction": y * np.nan, "errors": collections.deque(maxlen=1000), "baselines": others}
    draw = live(args, plot_forecast, data, figsize=(9, 6), constrained_layout=True)

    def show(done, prediction):
        data["prediction"] = prediction
        data["errors"].append((done, mse(prediction, y)))

    def on_step(i, loss, predict):
        if (i + 1) % SHOW_EVERY == 0:
            show(i + 1, predict())
            tqdm.write("{} \tMSE: {:.2e}".format(*data["errors"][-1]))
            draw()

    try:
        prediction, done = train(args.iterations, args.seed, args.xla and args.unroll == "dynamic", args.n_steps, units,
                                 args.keep_prob, args.batch_size, args.points, args.gap, args.unroll, args.checkpoint,
                                 args.logdir, on_step)
    except WrongInput as error:
        parser.error(error)
    show(done, prediction)
    print(f"test MSE: {mse(prediction, y):.2e}", *(f"{name}: {error:.2e}" for name, error in others.items()), sep="   ")
    draw(end=True)
    return {"prediction": prediction, "mse": mse(prediction, y), "baselines": others}


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
