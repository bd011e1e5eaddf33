# /// script
# requires-python = ">=3.10,<3.14"
# dependencies = ["matplotlib>=3.8", "numpy>=1.26", "tensorflow>=2.21,<2.22", "tf_keras>=2.21,<2.22", "tqdm>=4.66"]
# ///
"""A recurrent network by hand: the same weights at every step, and a state that carries the past.

Shows   placeholder, Variable, Session, feed_dict; one step of an RNN; unrolling it through time in a Python loop
Run     python simple_rnn.py            (then once more with --seed 1: other weights, another memory)
Expect  TensorFlow and NumPy side by side, the same numbers; the second output of the worked example is 2.72707101
Notes   notes/simple_rnn.md
"""
import argparse
import os
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

N_INPUTS = 3
N_UNITS = 5
N_STEPS = 60  # of the longer sequence, for the picture

X0 = np.array([[0, 1, 2], [3, 4, 5], [6, 7, 8], [9, 0, 1]])  # step 0 of four instances: (batch, input)
X1 = np.array([[9, 8, 7], [0, 0, 0], [6, 5, 4], [3, 2, 1]])  # step 1


# data -------------------------------------------------------------------------
def make_pulses():
    """Returns x (time, input): each input is 1 for five steps, one input after the other, and 0 otherwise."""
    x = np.zeros([N_STEPS, N_INPUTS])
    for i in range(N_INPUTS):
        x[20 * i:20 * i + 5, i] = 1
    return x


# graph ------------------------------------------------------------------------
def make_weights():
    """Returns the variables W_x (input, unit), W_h (unit, unit) and b (1, unit)."""
    w_x = tf.Variable(tf.random_normal([N_INPUTS, N_UNITS]), name="W_x")
    w_h = tf.Variable(tf.random_normal([N_UNITS, N_UNITS]), name="W_h")
    return w_x, w_h, tf.Variable(tf.zeros([1, N_UNITS]), name="b")


def rnn_step(x, state, w_x, w_h, b):
    """One step: x (batch, input) and state (batch, unit) -> pre-activation and new state, both (batch, unit)."""
    # a_t = x_t W_x + h_(t-1) W_h + b;  h_t = tanh(a_t)
    a = tf.matmul(x, w_x) + tf.matmul(state, w_h) + b
    return a, tf.tanh(a)


def numpy_steps(xs, state, w_x, w_h, b):
    """The same in NumPy, for a list of inputs; returns a list of (pre-activation, state)."""
    history = []
    for x in xs:
        a = x @ w_x + state @ w_h + b
        state = np.tanh(a)
        history.append((a, state))
    return history


# run --------------------------------------------------------------------------
def two_steps(seed=0):
    """The notes' first RNN: two steps, four instances. Returns y0, y1 from TensorFlow and the same from NumPy."""
    with tf.Graph().as_default(), tf.Session() as sess:
        tf.set_random_seed(seed)
        x0 = tf.placeholder(tf.float32, [None, N_INPUTS], name="x0")
        x1 = tf.placeholder(tf.float32, [None, N_INPUTS], name="x1")
        weights = make_weights()
        _, y0 = rnn_step(x0, tf.zeros([tf.shape(x0)[0], N_UNITS]), *weights)  # there is no state before step 0
        _, y1 = rnn_step(x1, y0, *weights)  # the same weights, and the state of step 0
        sess.run(tf.global_variables_initializer())
        ours = sess.run([y0, y1], {x0: X0, x1: X1})
        return ours, [state for _, state in numpy_steps([X0, X1], np.zeros([4, N_UNITS]), *sess.run(weights))]


def worked_example():
    """The notes' forward pass with fixed weights, in float64. Returns rows of (a, state, output), twice."""
    x = np.array([[[1.0]], [[2.0]]])  # (time, batch, input)
    w_h, w_x, b = np.array([[0.1, 0.2], [0.3, 0.4]]), np.array([[0.5, 0.6]]), np.array([[0.1, -0.1]])
    w_out, b_out = np.array([[1.0], [2.0]]), 0.1
    with tf.Graph().as_default(), tf.Session() as sess:
        state, fetches = tf.zeros([1, 2], tf.float64), []
        for t in range(2):
            a, state = rnn_step(tf.constant(x[t]), state, w_x, w_h, b)
            fetches.append((a, state, tf.matmul(state, w_out) + b_out))  # o_t = h_t W_out + b_out
        ours = sess.run(fetches)
    return ours, [(a, state, state @ w_out + b_out) for a, state in numpy_steps(x, np.zeros([1, 2]), w_x, w_h, b)]


def remember(seed=0):
    """Unrolls the RNN over the pulses; returns x (time, input) and the states (time, unit)."""
    with tf.Graph().as_default(), tf.Session() as sess:
        tf.set_random_seed(seed)
        x = tf.placeholder(tf.float32, [N_STEPS, N_INPUTS], name="x")
        weights = make_weights()
        state, states = tf.zeros([1, N_UNITS]), []
        for t in range(N_STEPS):  # a copy of the step for every t, one set of weights
            _, state = rnn_step(x[t:t + 1], state, *weights)
            states.append(state)
        sess.run(tf.global_variables_initializer())
        pulses = make_pulses()
        return pulses, sess.run(tf.concat(states, axis=0), {x: pulses})


# plot -------------------------------------------------------------------------
def plot_states(figure, data):
    """Prepares the axes; returns update(), which draws data: x (time, input) and states (time, unit)."""
    x, states = data
    above, below = figure.subplots(2, 1, sharex=True)

    def update():
        for i in range(N_INPUTS):
            above.step(range(N_STEPS), x[:, i], where="mid", label=f"input {i}")
        above.set(ylabel="input", ylim=(-0.1, 1.5))
        above.legend(loc="upper right", ncol=N_INPUTS)
        image = below.imshow(states.T, aspect="auto", cmap="RdBu", vmin=-1, vmax=1)
        below.set(xlabel="time (steps)", ylabel="unit", yticks=range(N_UNITS))
        figure.colorbar(image, ax=[above, below], label="state (tanh: -1 to 1)")

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
    args = flags().parse_args(argv)
    (y0, y1), (numpy_y0, numpy_y1) = outputs = two_steps(args.seed)
    print(y0, "-" * 50, y1, sep="\n")
    difference = max(np.abs(y0 - numpy_y0).max(), np.abs(y1 - numpy_y1).max())
    print(f"largest difference from NumPy: {difference:.1e}")

    print("\nworked example        TensorFlow                    NumPy")
    example = worked_example()
    for t, (ours, theirs) in enumerate(zip(*example)):
        for name, *values in zip(["pre-activation", "state", "output"], ours, theirs):
            texts = [np.array2string(value[0], precision=8, floatmode="fixed") for value in values]
            print(f"step {t} {name:14} {texts[0]:29} {texts[1]}")

    pulses, states = remember(args.seed)
    draw = live(args, plot_states, (pulses, states), figsize=(9, 5))
    draw(end=True)
    return {"outputs": outputs, "example": example, "states": states}


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
