"""Sequences of any length: sequence_length for the input, an end-of-sequence token for the output.

Shows   dynamic_rnn with sequence_length; an encoder-decoder with teacher forcing; greedy decoding by raw_rnn
Run     python variable_length.py            (then once more with --no-lengths)
Expect  more than 99 % of the held-out digit sequences reversed without a mistake; 30 to 50 s
Notes   notes/variable_length.md
"""
import argparse
import contextlib
import os
import random
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

N_STEPS = 9  # the longest input sequence
N_TOKENS = 11  # the ten digits and EOS
EOS = 10  # end of sequence; also the decoder's first input
N_UNITS = 128
BATCH_SIZE = 128
LEARNING_RATE = 0.004  # at the first iteration; it falls in a straight line to zero
ITERATIONS = 1500
TEST_EVERY = 100
TESTED = 1000  # held-out sequences of each length at the end; a tenth of them during the training
X = np.array([[[0, 1, 2], [9, 8, 7]], [[3, 4, 5], [0, 0, 0]], [[6, 7, 8], [6, 5, 4]], [[9, 0, 1], [3, 2, 1]]])
LENGTHS = np.array([2, 1, 2, 2])  # in the notes' batch X the second sequence has one step and then padding


# data -------------------------------------------------------------------------
def targets(x, lengths, copy=False):
    """Digits (batch, time) -> target tokens (batch, time + 1): the digits in reverse, then EOS to the end"""
    t = np.arange(N_STEPS + 1)
    source = t[np.newaxis] if copy else lengths[:, np.newaxis] - 1 - t
    digits = np.take_along_axis(x, source.clip(0, N_STEPS - 1), axis=1)
    return np.where(t < lengths[:, np.newaxis], digits, EOS)


def make_batch(i, seed):
    """Returns x (batch, time), digits and then padding, with lengths (batch,); none of them is held out."""
    rng = np.random.RandomState([seed % 2**32, i])
    lengths = rng.randint(1, N_STEPS + 1, BATCH_SIZE)
    x = rng.randint(10, size=[BATCH_SIZE, N_STEPS])
    x[np.arange(N_STEPS) >= lengths[:, np.newaxis]] = 0
    x[:, 0] = (x[:, 0] + (x.sum(axis=1) % 10 == 0)) % 10  # held out: sums divisible by 10
    return x, lengths


def held_out(length, count):
    """Returns x and lengths of count different held-out sequences, or of all where there are fewer."""
    n = 10 ** (length - 1)  # so many exist: the first digit follows from the sum
    x = np.zeros([min(n, count), N_STEPS], int)
    for row, rest in zip(x, random.Random(length).sample(range(n), len(x))):
        row[1:length] = [int(digit) for digit in str(n + rest)[1:]]
    x[:, 0] = -x.sum(axis=1) % 10
    return x, np.full(len(x), length)


# graph ------------------------------------------------------------------------
def encode(x, lengths):
    """x (batch, time), lengths (batch,) -> the state after the last digit of each, c and h (batch, unit)"""
    with tf.variable_scope("encoder"):
        cell = tf.nn.rnn_cell.BasicLSTMCell(N_UNITS)
        _, state = tf.nn.dynamic_rnn(cell, tf.one_hot(x, N_TOKENS), sequence_length=lengths, dtype=tf.float32)
        return state


def output_layer():
    """Returns the weights (unit, token) and biases (token,) that both decoders share."""
    weights = tf.get_variable("output/weights", [N_UNITS, N_TOKENS])
    return weights, tf.get_variable("output/biases", [N_TOKENS], initializer=tf.zeros_initializer())


def decode_taught(state, y):
    """Teacher forcing: the input is the target of the step before; returns logits (batch, time + 1, token)"""
    weights, biases = output_layer()
    first = tf.fill([tf.shape(y)[0], 1], EOS)
    with tf.variable_scope("decoder"):
        inputs = tf.one_hot(tf.concat([first, y[:, :-1]], axis=1), N_TOKENS)  # (batch, time + 1, token)
        outputs, _ = tf.nn.dynamic_rnn(tf.nn.rnn_cell.BasicLSTMCell(N_UNITS), inputs, initial_state=state)
    return tf.tensordot(outputs, weights, 1) + biases


def decode_greedily(state):
    """The input is the token that the step before wrote; returns tokens (batch, steps), zeros after EOS"""
    weights, biases = output_layer()
    batch_size = tf.shape(state.h)[0]

    def loop(step, output, cell_state, loop_state):
        if output is None:  # before the first step
            token, finished, cell_state = tf.fill([batch_size], EOS), tf.zeros([batch_size], tf.bool), state
            written = tf.zeros([], tf.int32)  # raw_rnn first calls loop for type and shape of a token
        else:
            written = token = tf.argmax(tf.matmul(output, weights) + biases, axis=1, output_type=tf.int32)
            finished = tf.equal(token, EOS) | (step >= 2 * N_STEPS)
        return finished, tf.one_hot(token, N_TOKENS), cell_state, written, None  # stops when all are finished

    with tf.variable_scope("decoder"):
        tokens, _, _ = tf.nn.raw_rnn(tf.nn.rnn_cell.BasicLSTMCell(N_UNITS), loop)
    return tf.transpose(tokens.stack())  # (steps, batch) -> (batch, steps)


def compute_loss(logits, y):
    """The mean cross-entropy of the tokens up to and including EOS."""
    n_tokens = 1 + tf.reduce_sum(tf.cast(tf.not_equal(y, EOS), tf.int32), axis=1)  # (batch,)
    mask = tf.sequence_mask(n_tokens, N_STEPS + 1, dtype=tf.float32)  # (batch, time + 1)
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=y, logits=logits)  # (batch, time + 1)
    # loss = sum of mask * -log p(y) / sum of mask
    return tf.reduce_sum(mask * losses) / tf.reduce_sum(mask)


def training_step(x, lengths, y, learning_rate):
    """Runs encoder and decoder and updates their weights; returns the loss."""
    loss = compute_loss(decode_taught(encode(x, lengths), y), y)
    optimizer = tf.train.AdamOptimizer(learning_rate)
    gradients, variables = zip(*optimizer.compute_gradients(loss))
    gradients, _ = tf.clip_by_global_norm(gradients, 1.0)
    with tf.control_dependencies([optimizer.apply_gradients(zip(gradients, variables))]):
        return [tf.identity(loss)]


# train ------------------------------------------------------------------------
def train(iterations=ITERATIONS, seed=0, xla=XLA, no_lengths=False, copy=False, on_step=lambda *_: None):
    """Returns the losses and test(TESTED) after the training; calls on_step(i, loss, test)."""
    losses = []
    with tf.Graph().as_default(), tf.Session() as sess:
        tf.set_random_seed(seed)
        x = tf.placeholder(tf.int32, [None, N_STEPS], name="x")
        lengths = tf.placeholder(tf.int32, [None], name="lengths")
        y = tf.placeholder(tf.int32, [None, N_STEPS + 1], name="y")
        learning_rate = tf.placeholder(tf.float32, [], name="learning_rate")
        inputs = [x, lengths, y, learning_rate]
        step = tf.xla.experimental.compile(training_step, inputs) if xla else training_step(*inputs)
        with tf.variable_scope("", reuse=True):  # the trained variables
            tokens = decode_greedily(encode(x, lengths))  # not compiled: XLA must know the number of steps
        sess.run(tf.global_variables_initializer())

        least = N_STEPS if no_lengths else 1  # steps read at least; N_STEPS: the padding is read, too

        def test(count):
            """Decodes count held-out sequences of each length; returns for each (read, written, wanted)."""
            found = []
            for length in range(1, N_STEPS + 1):
                x_test, n = held_out(length, count)
                written = sess.run(tokens, {x: x_test, lengths: np.maximum(n, least)})  # (batch, steps)
                read, wanted = targets(x_test, n, copy=True), targets(x_test, n, copy)
                found.append(list(zip(spell(read), spell(written), spell(wanted))))
            return found

        for i in steps(iterations):
            x_batch, n = make_batch(i, seed)
            loss, = sess.run(step, {x: x_batch, lengths: np.maximum(n, least), y: targets(x_batch, n, copy),
                                    learning_rate: LEARNING_RATE * (1 - i / iterations)})
            if not np.isfinite(loss):
                sys.exit(f"the loss is {loss} at iteration {i}: training stopped")
            losses.append(float(loss))
            on_step(i, loss, test)
        return losses, test(TESTED)


def spell(tokens):
    """Tokens (batch, steps) -> texts: the digits before EOS"""
    return ["".join("0123456789."[token] for token in row).split(".")[0] for row in tokens]


def share_right(texts):
    """Returns the percentage of texts (read, written, wanted) with the right digits and length."""
    return 100 * float(np.mean([written == wanted for _, written, wanted in texts]))


# plot -------------------------------------------------------------------------
def plot_accuracy(figure):
    """Prepares the axes; returns update(tests), where tests is a list of (iteration, loss, % by length)."""
    axes = figure.subplots()
    earlier, latest = axes.plot([], [], "0.8", [], [], "ro-", clip_on=False)
    axes.set(xlabel="length (digits)", ylabel="held-out right (%)", xlim=(0.5, N_STEPS + 0.5), ylim=(0, 100))
    axes.legend(["earlier tests", "latest test"], loc="lower right", bbox_to_anchor=(1, 1), ncol=2)

    def update(tests):
        curves = [[*by_length, np.nan] for _, _, by_length in tests[-20:]]  # NaN ends the line of one test
        earlier.set_data([*range(1, N_STEPS + 2)] * len(curves), np.ravel(curves))
        latest.set_data(range(1, N_STEPS + 1), curves[-1][:-1])
        axes.set_title("iteration {}, loss {:.4f}".format(*tests[-1]), loc="left")
    return update


# main -------------------------------------------------------------------------
def show_padded_batch(seed=0):
    """Runs the notes' batch with and without sequence_length; prints outputs and how wrong the states are."""
    with tf.Graph().as_default(), tf.Session() as sess:
        tf.set_random_seed(seed)
        x = tf.placeholder(tf.float32, [None, 2, 3], name="x")
        lengths = tf.placeholder(tf.int32, [None], name="lengths")
        cell = tf.nn.rnn_cell.BasicRNNCell(5)
        right = tf.nn.dynamic_rnn(cell, x, sequence_length=lengths, dtype=tf.float32)
        wrong = tf.nn.dynamic_rnn(cell, x, dtype=tf.float32)  # the same weights
        sess.run(tf.global_variables_initializer())
        results = sess.run({"with": right, "without": wrong}, {x: X, lengths: LENGTHS})
    print(results["with"][0])
    for name, (outputs, states) in results.items():
        last = outputs[range(len(X)), LENGTHS - 1]  # (batch, unit), of the last real step
        print(f"{name:7} sequence_length: final states off by", np.abs(states - last).max(axis=1).round(3))


def main(argv=()):
    parser = flags()
    parser.add_argument("--iterations", type=int, default=ITERATIONS, metavar="N", help="training iterations")
    parser.add_argument("--no-lengths", action="store_true", help="let the encoder read the padding, too")
    parser.add_argument("--copy", action="store_true", help="write the digits in the order of the input")
    parser.add_argument("--no-xla", dest="xla", action="store_false", default=XLA, help="do not compile")
    args = parser.parse_args(argv)
    tests = []
    draw = live(args, plot_accuracy, figsize=(7, 4.5))
    show_padded_batch(args.seed)

    def on_step(i, loss, test):
        if (i + 1) % TEST_EVERY == 0:
            found = test(TESTED // 10)
            tests.append((i + 1, loss, [share_right(texts) for texts in found]))
            right = share_right(sum(found, []))
            tqdm.write(f"{i + 1:5d} \tloss: {loss:.4f} \theld-out sequences right: {right:.1f} %")
            draw(tests)

    losses, found = train(args.iterations, args.seed, args.xla, args.no_lengths, args.copy, on_step)
    by_length, right = [share_right(texts) for texts in found], share_right(sum(found, []))
    tests.append((len(losses), losses[-1], by_length))
    print("length  held out  right (%)  example, a wrong one where there is one")
    for n, texts in enumerate(found, 1):
        read, written, _ = next((row for row in texts if row[1] != row[2]), texts[-1])
        print(f"{n:6d} {len(texts):9d} {by_length[n - 1]:10.1f}  {read} -> {written}")
    print(f"held-out sequences right, digits and length: {right:.2f} %")
    draw(tests, end=True)
    return {"losses": losses, "found": found, "by_length": by_length, "right": right}


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
