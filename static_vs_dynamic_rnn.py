"""One RNN unrolled three ways, by hand, by static_rnn and by dynamic_rnn: equal outputs at different costs.

Shows   BasicRNNCell, static_rnn, dynamic_rnn, reuse_variables; the size of a graph and what a step costs
Run     python static_vs_dynamic_rnn.py            (then once more with --steps 50 --units 150)
Expect  equal outputs and gradients; as many nodes for 500 steps as for 2 from dynamic_rnn; a minute
Notes   notes/static_vs_dynamic_rnn.md
"""
import argparse
import contextlib
import os
import signal
import sys
import threading
import time
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

N_INPUTS = 3  # the notes' network and their batch X (batch, time, input), below
N_UNITS = 5
BATCH_SIZE = 4
LENGTHS = [2, 10, 50, 100, 200, 500]  # the numbers of steps to measure
LEARNING_RATE = 0.01
ITERATIONS = 20  # training iterations for each row of the table
XLA_LIMIT = 50  # steps; longer static graphs are not compiled: compile time grows with the steps
X = np.array([[[0, 1, 2], [9, 8, 7]], [[3, 4, 5], [0, 0, 0]], [[6, 7, 8], [6, 5, 4]], [[9, 0, 1], [3, 2, 1]]])


# data -------------------------------------------------------------------------
def make_batch(n_steps, seed=0):
    """Returns noise x (batch, time, input) and y of the same shape, half the x of the step before."""
    x = np.random.RandomState(seed % 2**32).normal(size=[BATCH_SIZE, n_steps, N_INPUTS])
    y = np.zeros_like(x)
    y[:, 1:] = x[:, :-1] / 2  # y_t = x_(t-1) / 2: halved, because tanh stays within -1 and 1
    return x, y


# graph ------------------------------------------------------------------------
def by_hand(x, n_units=N_UNITS):
    """x (batch, time, input) -> outputs (batch, time, unit); every step adds its own nodes to the graph"""
    h = tf.zeros([tf.shape(x)[0], n_units])
    outputs = []
    with tf.variable_scope("rnn"), tf.variable_scope("basic_rnn_cell") as scope:  # BasicRNNCell's own names
        for t in range(x.shape[1]):
            if t > 0:
                scope.reuse_variables()  # else get_variable raises an error: the kernel exists already
            kernel = tf.get_variable("kernel", [N_INPUTS + n_units, n_units])
            bias = tf.get_variable("bias", [n_units], initializer=tf.zeros_initializer())
            # h_t = tanh([x_t, h_(t-1)] W + b)
            h = tf.tanh(tf.matmul(tf.concat([x[:, t], h], axis=1), kernel) + bias)  # (batch, unit)
            outputs.append(h)
    return tf.stack(outputs, axis=1)


def static_rnn(x, n_units=N_UNITS):
    """The same by tf.nn.static_rnn, also a loop in Python: from a list to a list, one tensor per step"""
    cell = tf.nn.rnn_cell.BasicRNNCell(n_units)
    outputs, _ = tf.nn.static_rnn(cell, tf.unstack(x, axis=1), dtype=tf.float32)  # list of (batch, unit)
    return tf.stack(outputs, axis=1)


def dynamic_rnn(x, n_units=N_UNITS):
    """The same by dynamic_rnn: the graph holds one cell inside a while_loop, for any number of steps."""
    cell = tf.nn.rnn_cell.BasicRNNCell(n_units)
    outputs, _ = tf.nn.dynamic_rnn(cell, x, dtype=tf.float32)
    return outputs


WAYS = {"by_hand": by_hand, "static_rnn": static_rnn, "dynamic_rnn": dynamic_rnn}


def compute_loss(outputs, y):
    """Mean squared error; without an output layer the first N_INPUTS units are the prediction."""
    return tf.reduce_mean(tf.square(outputs[:, :, :N_INPUTS] - y))


# train ------------------------------------------------------------------------
def compare(x_batch, seed=0):
    """Runs all ways in one graph, on the same kernel and bias; returns the outputs and gradients of each."""
    with tf.Graph().as_default(), tf.Session() as sess:
        tf.set_random_seed(seed)
        x = tf.placeholder(tf.float32, [None, *x_batch.shape[1:]], name="x")
        fetches = {}
        for name, way in WAYS.items():
            with tf.variable_scope("", reuse=tf.AUTO_REUSE):  # the first way makes the variables
                outputs = way(x)
            fetches[name] = [outputs, *tf.gradients(outputs, tf.trainable_variables())]
        sess.run(tf.global_variables_initializer())
        return sess.run(fetches, {x: x_batch})


def train(iterations=ITERATIONS, seed=0, xla=False, way="dynamic_rnn", n_steps=100, n_units=N_UNITS,
          on_step=lambda *_: None):
    """Trains one RNN; returns its row of the table; calls on_step(i, loss, seconds of this iteration)."""
    with tf.Graph().as_default() as graph, tf.Session() as sess:
        tf.set_random_seed(seed)
        x = tf.placeholder(tf.float32, [None, n_steps, N_INPUTS], name="x")
        y = tf.placeholder(tf.float32, [None, n_steps, N_INPUTS], name="y")

        def training_step(x, y):
            with tf.variable_scope("", initializer=tf.glorot_uniform_initializer(seed)):  # equal for all ways
                loss = compute_loss(WAYS[way](x, n_units), y)
            with tf.control_dependencies([tf.train.AdamOptimizer(LEARNING_RATE).minimize(loss)]):
                return [tf.identity(loss)]

        started = time.perf_counter()
        step = tf.xla.experimental.compile(training_step, [x, y]) if xla else training_step(x, y)
        build = time.perf_counter() - started  # seconds to add all nodes, also those of the gradients
        size = graph.as_graph_def()
        sess.run(tf.global_variables_initializer())
        x_batch, y_batch = make_batch(n_steps, seed)
        seconds = []
        for i in range(iterations):
            started = time.perf_counter()
            loss, = sess.run(step, {x: x_batch, y: y_batch})
            seconds.append(time.perf_counter() - started)
            if not np.isfinite(loss):
                sys.exit(f"the loss is {loss} at iteration {i}: training stopped")
            on_step(i, loss, seconds[-1])
    return {"n_steps": n_steps, "nodes": len(size.node), "bytes": size.ByteSize(), "loss": float(loss),
            "build": build, "first": seconds[0], "each": float(np.median(seconds[1:] or seconds))}


# plot -------------------------------------------------------------------------
def plot_costs(figure):
    """Prepares the axes; returns update(table), where table is label -> rows of train()."""
    panels = figure.subplots(1, 3)
    titles = {"nodes": "nodes of the graph", "build": "seconds to build it", "each": "seconds per iteration"}
    figure.subplots_adjust(left=0.06, right=0.98, top=0.82, bottom=0.12, wspace=0.22)

    def update(table):
        lengths = sorted({row["n_steps"] for rows in table.values() for row in rows})
        for axes, key in zip(panels, titles):
            axes.clear()
            for n, (label, rows) in enumerate(table.items()):
                positions = [lengths.index(row["n_steps"]) + (n - len(table) // 2) / 6 for row in rows]
                axes.bar(positions, [row[key] for row in rows], 1 / 6, label=label)
            axes.set(title=titles[key], xlabel="steps", xticks=range(len(lengths)), xticklabels=lengths)
        figure.legends.clear()
        figure.legend(*panels[0].get_legend_handles_labels(), loc="upper center", ncol=len(table))
    return update


# main -------------------------------------------------------------------------
def main(argv=()):
    parser = flags()
    parser.add_argument("--iterations", type=int, default=ITERATIONS, metavar="N", help="training iterations")
    parser.add_argument("--steps", type=int, nargs="+", default=LENGTHS, metavar="N",
                        help="lengths to measure (default: 2 10 50 100 200 500)")
    parser.add_argument("--units", type=int, default=N_UNITS, metavar="N", help="units (default: 5)")
    parser.add_argument("--no-xla", dest="xla", action="store_false", default=XLA, help="do not compile")
    args = parser.parse_args(argv)
    for name, values in [("iterations", [args.iterations]), ("steps", args.steps), ("units", [args.units])]:
        if not all(1 <= value <= 10000 for value in values):
            parser.error(f"--{name} {' '.join(map(str, values))}: expected 1 to 10000")
    lengths = sorted(set(args.steps))
    ways = {way: (way, False) for way in WAYS}
    if args.xla:
        ways.update({"static_rnn, XLA": ("static_rnn", True), "dynamic_rnn, XLA": ("dynamic_rnn", True)})
    rows = [(n, label) for n in lengths for label in ways if label != "static_rnn, XLA" or n <= XLA_LIMIT]
    table = {label: [] for label in ways}
    draw = live(args, plot_costs, figsize=(12, 4.5))

    results = compare(X, args.seed)
    for way in ("by_hand", "static_rnn"):
        y0, y1 = results[way][0].swapaxes(0, 1)  # (time, batch, unit)
        print(f"{way}:", y0, "-" * 50, y1, sep="\n")
    print("dynamic_rnn:", results["dynamic_rnn"][0], sep="\n")
    differences = {}
    for way in ("static_rnn", "dynamic_rnn"):
        gaps = [float(np.abs(a - b).max()) for a, b in zip(results[way], results["by_hand"])]
        differences[way] = max(gaps)
        print(f"{way:<11} differs from by_hand by {gaps[0]:.1e} in outputs, {max(gaps[1:]):.1e} in gradients")

    print(f"\n{'steps':>5}  {'way':<18}{'nodes':>6}{'bytes':>9}    loss\tbuild\tfirst\teach iteration")
    for i in steps(len(rows)):  # one step is one row: Ctrl-C ends the table after the current row
        n_steps, label = rows[i]
        way, xla = ways[label]
        row = train(args.iterations, args.seed, xla, way, n_steps, args.units)
        table[label].append(row)
        tqdm.write(f"{n_steps:5d}  {label:<18}{row['nodes']:6d}{row['bytes']:9d}  {row['loss']:.4f}\t"
                   f"{row['build']:.2f} s\t{row['first']:.2f} s\t{1000 * row['each']:.2f} ms")
        draw(table)
    draw(table, end=True)
    return {"differences": differences, "table": table}


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
