"""A recurrent network by hand: the same weights at every step, and a state that carries the past.

Shows   placeholder, Variable, Session, feed_dict; one step of an RNN, unrolled through time in a Python loop
Run     python simple_rnn.py            (then once more with --seed 1: other weights, another memory)
Expect  the same numbers from TensorFlow and NumPy; the worked example ends with the output 2.72707101
Notes   notes/simple_rnn.md
"""
import argparse
import contextlib
import os
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
except KeyboardInterrupt:  # Ctrl-C while TensorFlow loads
    sys.exit(130)
tf.logging.set_verbosity(tf.logging.ERROR)
tf.disable_v2_behavior()  # TF 1 graphs; also makes tf.set_random_seed reach every initializer

N_INPUTS = 3
N_UNITS = 5
N_STEPS = 60  # of the longer sequence in the picture

X0 = np.array([[0, 1, 2], [3, 4, 5], [6, 7, 8], [9, 0, 1]])  # step 0 of four instances: (batch, input)
X1 = np.array([[9, 8, 7], [0, 0, 0], [6, 5, 4], [3, 2, 1]])  # step 1


# data -------------------------------------------------------------------------
def make_pulses():
    """Returns x (time, input): each input is 1 for five steps, one input after the other, and 0 otherwise."""
    return (np.arange(N_STEPS)[:, np.newaxis] // 5 == [0, 4, 8]).astype(float)  # steps 0-4, 20-24, 40-44


# graph ------------------------------------------------------------------------
def make_weights():
    """Returns the variables W_x (input, unit), W_h (unit, unit) and b (1, unit)."""
    w_x = tf.Variable(tf.random_normal([N_INPUTS, N_UNITS]), name="W_x")
    w_h = tf.Variable(tf.random_normal([N_UNITS, N_UNITS]), name="W_h")
    return w_x, w_h, tf.Variable(tf.zeros([1, N_UNITS]), name="b")


def unroll(xs, state, w_x, w_h, b, tanh=tf.tanh):
    """Steps over a list of inputs (batch, input), in TF or NumPy; returns (pre-activation, state) of each"""
    history = []
    for x in xs:  # one copy of the step for each input, one set of weights for all
        # a_t = x_t W_x + h_(t-1) W_h + b,  h_t = tanh(a_t)
        a = x @ w_x + state @ w_h + b  # (batch, unit)
        state = tanh(a)
        history.append((a, state))
    return history


# run --------------------------------------------------------------------------
def two_steps(seed=0):
    """Runs the RNN on X0 and X1; returns its states [y0, y1] (batch, unit), then the same from NumPy."""
    with tf.Graph().as_default(), tf.Session() as sess:
        tf.set_random_seed(seed)
        x0 = tf.placeholder(tf.float32, [None, N_INPUTS], name="x0")
        x1 = tf.placeholder(tf.float32, [None, N_INPUTS], name="x1")
        weights = make_weights()
        zeros = tf.zeros([tf.shape(x0)[0], N_UNITS])  # the state before step 0
        outputs = [state for _, state in unroll([x0, x1], zeros, *weights)]  # no output layer: the states
        sess.run(tf.global_variables_initializer())
        history = unroll([X0, X1], np.zeros([4, N_UNITS]), *sess.run(weights), tanh=np.tanh)
        return sess.run(outputs, {x0: X0, x1: X1}), [state for _, state in history]


def worked_example():
    """Two steps with fixed weights; returns (pre-activation (1, 2), state (1, 2), output (1, 1)) of each."""
    x = np.array([[[1.0]], [[2.0]]])  # (time, batch, input)
    w_x, w_h, b = np.array([[0.5, 0.6]]), np.array([[0.1, 0.2], [0.3, 0.4]]), np.array([[0.1, -0.1]])
    w_out, b_out = np.array([[1.0], [2.0]]), 0.1
    # o_t = h_t W_out + b_out
    return [(a, h, h @ w_out + b_out) for a, h in unroll(x, np.zeros([1, 2]), w_x, w_h, b, tanh=np.tanh)]


def remember(seed=0):
    """Unrolls the RNN over the pulses, as a batch of one; returns x (time, input) and states (time, unit)."""
    with tf.Graph().as_default(), tf.Session() as sess:
        tf.set_random_seed(seed)
        x = tf.placeholder(tf.float32, [N_STEPS, N_INPUTS], name="x")
        weights = make_weights()
        history = unroll([x[t:t + 1] for t in range(N_STEPS)], tf.zeros([1, N_UNITS]), *weights)
        sess.run(tf.global_variables_initializer())
        states = tf.concat([state for _, state in history], axis=0)
        return make_pulses(), sess.run(states, {x: make_pulses()})


# plot -------------------------------------------------------------------------
def plot_states(figure):
    """Prepares the axes; returns update(x, states), with x (time, input) and states (time, unit)."""
    above, below = figure.subplots(2, 1, sharex=True)
    inputs = above.imshow(np.zeros([N_INPUTS, N_STEPS]), aspect="auto", cmap="Greys", vmin=0, vmax=1)
    units = below.imshow(np.zeros([N_UNITS, N_STEPS]), aspect="auto", cmap="RdBu", vmin=-1, vmax=1)
    above.set(ylabel="input", yticks=range(N_INPUTS))
    below.set(xlabel="time (steps)", ylabel="unit", yticks=range(N_UNITS))
    figure.colorbar(units, ax=[above, below], label="state (tanh: -1 to 1)")

    def update(x, states):
        inputs.set_data(x.T)
        units.set_data(states.T)
    return update


# main -------------------------------------------------------------------------
def main(argv=()):
    args = flags().parse_args(argv)
    draw = live(args, plot_states, figsize=(9, 5))
    (y0, y1), numpy_outputs = two_steps(args.seed)
    print(y0, "-" * 50, y1, sep="\n")
    difference = float(np.abs(np.subtract([y0, y1], numpy_outputs)).max())
    print(f"largest difference from NumPy: {difference:.1e}")

    for t, (a, state, output) in enumerate(worked_example()):
        print(f"\nstep {t} of the worked example")
        print("before activation:", a[0])
        print("state:", state[0])
        print("output:", output[0])
    draw(*remember(args.seed), end=True)
    return {"y0": y0, "y1": y1, "difference": difference, "output": output.item()}


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
