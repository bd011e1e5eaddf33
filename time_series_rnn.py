# /// script
# requires-python = ">=3.10,<3.14"
# dependencies = ["matplotlib>=3.8", "numpy>=1.26", "tensorflow>=2.21,<2.22", "tf_keras>=2.21,<2.22", "tqdm>=4.66"]
# ///
"""A recurrent network learns a series: from the time itself as in the notes, or from the values so far.

Shows   BasicRNNCell, dynamic_rnn, one dense layer for all steps or an OutputProjectionWrapper, gradient clipping
Run     python time_series_rnn.py            (then with --inputs values, which is forecasting)
Expect  an MSE of 7 that falls below 0.01, and leaps up again now and then; 10 s on two cores
Notes   notes/time_series_rnn.md
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

N_STEPS = {"times": 100, "values": 20}
N_INPUTS = 1
N_UNITS = 100
N_OUTPUTS = 1
BATCH_SIZE = 50  # of --inputs values; --inputs times has one sequence
LEARNING_RATE = 0.001
ITERATIONS = 10000
STEP = 0.1  # between two values
T_TRAINED = 24.0  # --inputs values learns the series up to here ...
T_END = 30.0  # ... and is examined from there to here


# data -------------------------------------------------------------------------
def series(t):
    """The series at t (radians), of the shape of t."""
    # f(t) = t sin(t) / 3 + 2 sin(5 t)
    return t * np.sin(t) / 3 + 2 * np.sin(5 * t)


def make_times():
    """Returns the points t (1, 101, 1) of --inputs times: trained on all but the last, shown on all but the first."""
    return np.linspace(0, 15, N_STEPS["times"] + 1)[np.newaxis, :, np.newaxis]


def make_windows(last):
    """Returns x, y (batch, time, 1): windows of the series and the same one step later; y ends at last (batch,)."""
    steps_back = STEP * np.arange(-N_STEPS["values"], 1)
    values = series(np.reshape(last, [-1, 1, 1]) + steps_back[:, np.newaxis])  # (batch, time + 1, 1)
    return values[:, :-1], values[:, 1:]


def make_batch(i, inputs, seed=0):
    """Returns x, y (batch, time, 1) of training step i: times and the series there, or values and the next values."""
    if inputs == "times":
        t = make_times()[:, :-1]  # the same at every step
        return t, series(t)
    return make_windows(np.random.default_rng([seed, i]).uniform(STEP * N_STEPS["values"], T_TRAINED, BATCH_SIZE))


def make_test(inputs):
    """Returns the t (point,) that are shown, and x, y (batch, time, 1), from which shown() picks the points."""
    if inputs == "times":
        t = make_times()[:, 1:]
        return t[0, :, 0], t, series(t)
    t = np.arange(T_TRAINED + STEP, T_END + STEP / 2, STEP)
    return (t, *make_windows(t))


def shown(outputs, inputs):
    """(batch, time, 1) -> (point,): all steps of the one sequence, or the last step of each window."""
    return outputs[0, :, 0] if inputs == "times" else outputs[:, -1, 0]


# graph ------------------------------------------------------------------------
def dense(inputs, n_outputs):
    """(rows, inputs) -> (rows, outputs)"""
    with tf.variable_scope("dense"):
        # a seed of its own: the first weights are the same wherever in the graph the layer stands
        glorot = tf.glorot_uniform_initializer(seed=1)
        kernel = tf.get_variable("kernel", [inputs.shape[1], n_outputs], initializer=glorot)
        bias = tf.get_variable("bias", [n_outputs], initializer=tf.zeros_initializer())
        return tf.matmul(inputs, kernel) + bias


class OutputProjectionWrapper(tf.nn.rnn_cell.RNNCell):
    """A cell with a dense layer on its output: tf.contrib.rnn had it, TF 2 no longer has."""

    def __init__(self, cell, output_size):
        super().__init__()
        self.cell, self.projected_size = cell, output_size

    @property
    def state_size(self):
        return self.cell.state_size

    @property
    def output_size(self):
        return self.projected_size

    def call(self, inputs, state):
        outputs, state = self.cell(inputs, state)  # (batch, unit) x 2
        return dense(outputs, self.projected_size), state  # (batch, output), (batch, unit)


def predict(x, projection):
    """(batch, time, input) -> (batch, time, output)"""
    # h_t = relu([x_t, h_(t-1)] W + b)
    cell = tf.nn.rnn_cell.BasicRNNCell(N_UNITS, activation=tf.nn.relu)
    if projection == "wrapper":  # (batch, output) in each step of the loop
        outputs, _ = tf.nn.dynamic_rnn(OutputProjectionWrapper(cell, N_OUTPUTS), x, dtype=tf.float32)
        return outputs
    outputs, _ = tf.nn.dynamic_rnn(cell, x, dtype=tf.float32)  # (batch, time, unit)
    outputs = tf.reshape(outputs, [-1, N_UNITS])  # (batch * time, unit): one matmul for all steps
    return tf.reshape(dense(outputs, N_OUTPUTS), [-1, x.shape[1], N_OUTPUTS])


def training_step(x, y, projection, clip_norm):
    """Forward, loss, gradients and update; returns the loss."""
    # loss = mean over batch and time of (prediction - y)^2
    loss = tf.reduce_mean(tf.square(predict(x, projection) - y))
    optimizer = tf.train.AdamOptimizer(LEARNING_RATE)
    gradients, variables = zip(*optimizer.compute_gradients(loss))
    if clip_norm:
        # all gradients * min(1, clip_norm / norm of them all): the direction stays
        gradients, _ = tf.clip_by_global_norm(gradients, clip_norm)
    with tf.control_dependencies([optimizer.apply_gradients(zip(gradients, variables))]):
        return tf.identity(loss)


# train ------------------------------------------------------------------------
def train(iterations=ITERATIONS, seed=0, xla=XLA, inputs="times", projection="dense", clip_norm=None, on_step=None):
    """Trains; returns the loss of each step and the prediction (point,) of what make_test() holds.

    Calls on_step(i, loss, test), where test() computes that prediction with the weights of this moment.
    """
    losses = []
    _, x_test, _ = make_test(inputs)
    # a compiled step is one operation, and a short one: this thread runs it rather than wake another
    config = tf.ConfigProto(inter_op_parallelism_threads=-1 if xla else 0)
    with tf.Graph().as_default(), tf.Session(config=config) as sess:
        tf.set_random_seed(seed)
        x = tf.placeholder(tf.float32, [None, N_STEPS[inputs], N_INPUTS], name="x")
        y = tf.placeholder(tf.float32, [None, N_STEPS[inputs], N_OUTPUTS], name="y")
        build = tf.xla.experimental.compile if xla else lambda step, inputs: step(*inputs)
        step = build(lambda x, y: [training_step(x, y, projection, clip_norm)], [x, y])
        tf.get_variable_scope().reuse_variables()  # the same weights, a second time, without the update
        prediction, = build(lambda x: [predict(x, projection)], [x])
        sess.run(tf.global_variables_initializer())

        def test():
            return shown(sess.run(prediction, {x: x_test}), inputs)

        for i in steps(iterations):
            x_batch, y_batch = make_batch(i, inputs, seed)
            loss, = sess.run(step, {x: x_batch, y: y_batch})
            if not np.isfinite(loss):
                sys.exit(f"the loss is {loss} at iteration {i}: training stopped")
            losses.append(float(loss))
            if on_step:
                on_step(i, loss, test)
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
        loss.set_data(starts, [max(data["losses"][k:k + stride]) for k in starts])
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
    add("--inputs", choices=["times", "values"], default="times",
        help="times: f(t) from t, as the notes do; values: the next value from those so far (default: %(default)s)")
    add("--projection", choices=["dense", "wrapper"], default="dense",
        help="from units to output after the loop, or in each of its steps (default: %(default)s)")
    add("--clip-norm", type=number(0.001, 1000.0), metavar="X", help="shorten longer gradients to X (default: do not)")
    args = parser.parse_args(argv)
    t, x, y = make_test(args.inputs)
    data = {"t": t, "truth": shown(y, args.inputs), "losses": [], "prediction": np.full(len(t), np.nan)}
    draw = live(args, plot_series, data, figsize=(12, 4), layout="tight")

    def on_step(i, loss, test):
        data["losses"].append(loss)
        if i % 100 == 0:
            tqdm.write(f"{i} \tMSE: {loss:.4g}")
            data["prediction"] = test()
            draw()

    losses, data["prediction"] = train(args.iterations, args.seed, args.xla, args.inputs, args.projection,
                                       args.clip_norm, on_step)
    mse = np.mean((data["prediction"] - data["truth"]) ** 2)
    print(f"MSE on the {len(t)} points from t = {t[0]:.4g} to {t[-1]:.4g}: {mse:.4g}")
    if args.inputs == "times":  # has it learnt f(t), or to count the steps?
        late = np.mean((data["prediction"][1:] - data["truth"][:-1]) ** 2)
        print(f"MSE of the same against the point before: {late:.4g}")
    else:
        as_today = np.mean((shown(x, args.inputs) - data["truth"]) ** 2)
        print(f"MSE there of \"tomorrow is as today\": {as_today:.4g}")
    draw(end=True)
    return {"losses": losses, "prediction": data["prediction"], "mse": mse}


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
