# /// script
# requires-python = ">=3.10,<3.14"
# dependencies = ["matplotlib>=3.8", "numpy>=1.26", "tensorflow>=2.21,<2.22", "tf_keras>=2.21,<2.22", "tqdm>=4.66"]
# ///
"""One RNN, unrolled three ways: by hand, by static_rnn and by dynamic_rnn; the same numbers, at what price?

Shows   BasicRNNCell, static_rnn, dynamic_rnn, swap_memory, reuse_variables; what a graph weighs
Run     python static_vs_dynamic_rnn.py            (then once more with --steps 10 --logdir graphs)
Expect  equal outputs and gradients; as many nodes for 500 steps as for 2 from dynamic_rnn alone; a minute on two cores
Notes   notes/static_vs_dynamic_rnn.md
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

N_STEPS = [2, 10, 50, 100, 200, 500]  # the lengths to measure; the notes have two steps
N_INPUTS = 3
N_UNITS = 5
BATCH_SIZE = 4
LEARNING_RATE = 0.01
ITERATIONS = 20  # of training, for each row of the table
N_COMPARED = 20  # steps of the graph in which all three ways share their variables
STATIC_XLA = 50  # what XLA takes to compile an unrolled graph grows with its steps: at most so many


# data -------------------------------------------------------------------------
def make_batch(n_steps, seed=0):
    """Returns noise x and the target y, both (batch, time, input): an echo of the step before, y_t = x_(t-1) / 2."""
    x = np.random.RandomState(seed).normal(size=[BATCH_SIZE, n_steps, N_INPUTS])
    y = np.zeros_like(x)
    y[:, 1:] = x[:, :-1] / 2
    return x, y


# graph ------------------------------------------------------------------------
def by_hand(x, n_units):
    """(batch, time, input) -> (batch, time, unit), by a Python loop: each step adds its own nodes to the graph."""
    h = tf.zeros([tf.shape(x)[0], n_units])
    outputs = []
    with tf.variable_scope("rnn"), tf.variable_scope("basic_rnn_cell") as scope:  # where BasicRNNCell keeps its own
        for t in range(x.shape[1]):
            if t > 0:
                scope.reuse_variables()  # else get_variable raises: the kernel exists already
            kernel = tf.get_variable("kernel", [N_INPUTS + n_units, n_units])
            bias = tf.get_variable("bias", [n_units], initializer=tf.zeros_initializer())
            # h_t = tanh([x_t, h_(t-1)] W + b)
            h = tf.tanh(tf.matmul(tf.concat([x[:, t], h], axis=1), kernel) + bias)  # (batch, unit)
            outputs.append(h)
    return tf.stack(outputs, axis=1)


def static_rnn(x, n_units):
    """The same, by static_rnn: the same Python loop, inside TensorFlow. It takes and returns a list of steps."""
    cell = tf.nn.rnn_cell.BasicRNNCell(n_units)
    outputs, _ = tf.nn.static_rnn(cell, tf.unstack(x, axis=1), dtype=tf.float32)  # lists of (batch, input or unit)
    return tf.stack(outputs, axis=1)


def dynamic_rnn(x, n_units, swap_memory=False):
    """The same, by dynamic_rnn: one while_loop in the graph, whatever the length."""
    cell = tf.nn.rnn_cell.BasicRNNCell(n_units)
    return tf.nn.dynamic_rnn(cell, x, dtype=tf.float32, swap_memory=swap_memory)[0]


def swap_memory(x, n_units):
    """The same, by dynamic_rnn that moves what the gradients need later to CPU memory where a GPU's gets full."""
    return dynamic_rnn(x, n_units, swap_memory=True)


WAYS = {way.__name__: way for way in (by_hand, static_rnn, dynamic_rnn, swap_memory)}


def compute_loss(outputs, y):
    """A number: the mean squared error of the first units, one for each input."""
    return tf.reduce_mean(tf.square(outputs[:, :, :N_INPUTS] - y))


# train ------------------------------------------------------------------------
def compare(seed=0, n_steps=N_COMPARED):
    """Builds three ways in one graph, on the same two variables; runs each once.

    Returns the names of the variables, and for each way its outputs and its gradients by kernel and bias.
    """
    with tf.Graph().as_default(), tf.Session() as sess:
        tf.set_random_seed(seed)
        x_batch, y_batch = make_batch(n_steps, seed)
        x, y = tf.constant(x_batch, tf.float32), tf.constant(y_batch, tf.float32)
        fetches = {}
        for name in ("by_hand", "static_rnn", "dynamic_rnn"):
            with tf.variable_scope("", reuse=tf.AUTO_REUSE):
                outputs = WAYS[name](x, N_UNITS)
            fetches[name] = [outputs, *tf.gradients(compute_loss(outputs, y), tf.trainable_variables())]
        sess.run(tf.global_variables_initializer())
        return [v.op.name for v in tf.global_variables()], sess.run(fetches)


def train(iterations=ITERATIONS, seed=0, xla=False, way="dynamic_rnn", n_steps=100, n_units=N_UNITS, logdir=None,
          on_step=None):
    """Builds and trains one RNN; returns what it weighed and took: a row of the table, with times in seconds."""
    with tf.Graph().as_default() as graph, tf.Session() as sess:
        tf.set_random_seed(seed)
        x = tf.placeholder(tf.float32, [None, n_steps, N_INPUTS], name="x")
        y = tf.placeholder(tf.float32, [None, n_steps, N_INPUTS], name="y")

        def training_step(x, y):
            with tf.variable_scope("", initializer=tf.glorot_uniform_initializer(seed)):  # all ways start alike
                loss = compute_loss(WAYS[way](x, n_units), y)
            with tf.control_dependencies([tf.train.AdamOptimizer(LEARNING_RATE).minimize(loss)]):
                return [tf.identity(loss)]

        started = time.perf_counter()
        build = tf.xla.experimental.compile if xla else lambda step, inputs: step(*inputs)
        step = build(training_step, [x, y])
        built = time.perf_counter() - started
        definition = graph.as_graph_def()
        if logdir:
            tf.summary.FileWriter(os.path.join(logdir, way + "_xla" * xla), graph).close()

        sess.run(tf.global_variables_initializer())
        x_batch, y_batch = make_batch(n_steps, seed)
        seconds = []
        for i in range(iterations):
            started = time.perf_counter()
            loss, = sess.run(step, {x: x_batch, y: y_batch})
            seconds.append(time.perf_counter() - started)
            if not np.isfinite(loss):
                sys.exit(f"the loss is {loss} at iteration {i}: training stopped")
            if on_step:
                on_step(i, loss)
    return {"nodes": len(definition.node), "bytes": definition.ByteSize(), "loss": float(loss), "n_steps": n_steps,
            "build": built, "first": seconds[0], "each": float(np.median(seconds[1:] or seconds))}


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
def plot_prices(figure, table):
    """Prepares the axes; returns update(), which draws table: label -> rows of train()."""
    size, clock = figure.subplots(1, 2)
    size.set(xlabel="steps", ylabel="size of the graph: nodes (solid), bytes (dashed)", xscale="log", yscale="log")
    clock.set(xlabel="steps", ylabel="seconds: to build (solid), per iteration (dashed)", xscale="log", yscale="log")
    lines = [(axes.plot([], [], style, color=f"C{n}", markersize=5, label=label)[0], label, key)
             for n, label in enumerate(table)
             for axes, key, style in [(size, "nodes", "o-"), (size, "bytes", "^--"),
                                      (clock, "build", "o-"), (clock, "each", "^--")]]
    figure.legend(handles=[line for line, _, key in lines if key == "nodes"], loc="upper center", ncol=len(table))
    figure.subplots_adjust(left=0.08, right=0.98, wspace=0.25)

    def update():
        for line, label, key in lines:
            line.set_data([row["n_steps"] for row in table[label]], [row[key] for row in table[label]])
        for axes in (size, clock):
            axes.relim()
            axes.autoscale_view()

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
    parser.add_argument("--steps", type=number(1, 10000), nargs="+", default=N_STEPS, metavar="N",
                        help="lengths to measure (default: 2 10 50 100 200 500)")
    parser.add_argument("--units", type=number(1, 10000), default=N_UNITS, metavar="N",
                        help="of the RNN (default: %(default)s)")
    parser.add_argument("--logdir", type=output(), metavar="DIR",
                        help="write one graph per way, of the shortest length, for TensorBoard "
                             "(pip install tensorboard; tensorboard --logdir DIR)")
    args = parser.parse_args(argv)
    lengths = sorted(set(args.steps))
    ways = [(way, False) for way in WAYS] + [("static_rnn", True), ("dynamic_rnn", True)] * args.xla
    cases = [(n_steps, way, xla) for n_steps in lengths for way, xla in ways
             if not xla or way == "dynamic_rnn" or n_steps <= STATIC_XLA]
    table = {way + ", XLA" * xla: [] for way, xla in ways}
    draw = live(args, plot_prices, table, figsize=(11, 5))

    names, results = compare(args.seed)
    print(f"{N_COMPARED} steps, all ways in one graph, on the same {len(names)} variables: {', '.join(names)}")
    expected = results.pop("by_hand")
    differences = {way: [float(np.abs(a - b).max()) for a, b in zip(results[way], expected)] for way in results}
    for way, (outputs, *gradients) in differences.items():
        print(f"{way:<11} differs from by_hand by {outputs:.1e} in its outputs, {max(gradients):.1e} in its gradients")
    print(f"{'steps':>5}  {'way':<18}{'nodes':>6}{'bytes':>9}    loss\tbuild\tfirst\teach iteration")
    for i in steps(len(cases)):  # here a step is a row: Ctrl-C ends the table after the row it is at
        n_steps, way, xla = cases[i]
        row = train(args.iterations, args.seed, xla, way, n_steps, args.units,
                    args.logdir if n_steps == lengths[0] else None)
        label = way + ", XLA" * xla
        table[label].append(row)
        # tabs, because the times have no fixed width
        tqdm.write(f"{n_steps:5d}  {label:<18}{row['nodes']:6d}{row['bytes']:9d}  {row['loss']:.4f}\t"
                   f"{row['build']:.2f} s\t{row['first']:.2f} s\t{1000 * row['each']:.2f} ms")
        draw()
    draw(end=True)
    return {"variables": names, "differences": differences, "table": table}


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
