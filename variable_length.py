# /// script
# requires-python = ">=3.10,<3.14"
# dependencies = ["matplotlib>=3.8", "numpy>=1.26", "tensorflow>=2.21,<2.22", "tf_keras>=2.21,<2.22", "tqdm>=4.66"]
# ///
"""Sequences of any length, in and out: sequence_length for what is read, an end-of-sequence token for what is written.

Shows   dynamic_rnn with sequence_length, and what padding does without; an encoder-decoder that learns to reverse
        digit sequences: teacher forcing, a loss that ends at EOS, greedy decoding by raw_rnn that stops there
Run     python variable_length.py            (then once more with --no-lengths)
Expect  more than 99 % of sequences that were never trained on right, digits and length, in 30 s on two cores
Notes   notes/variable_length.md
"""
import argparse
import collections
import os
import random
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

N_STEPS = 9  # the longest sequence that is read
N_TOKENS = 11  # the ten digits, and
EOS = 10  # end of sequence; as its first input it also sets the decoder going
N_UNITS = 128
BATCH_SIZE = 128
LEARNING_RATE = 0.004  # at the first iteration, then less and less, in a straight line towards zero at the last
CLIP_NORM = 1.0
ITERATIONS = 1500
TEST_EVERY = 100  # iterations
TESTED = 1000  # held-out sequences of each length, where there are so many; a tenth of that during the training
STEP_LIMIT = 2 * N_STEPS  # a decoder that never writes EOS is stopped here

NOTES_X = np.array([[[0, 1, 2], [9, 8, 7]], [[3, 4, 5], [0, 0, 0]], [[6, 7, 8], [6, 5, 4]], [[9, 0, 1], [3, 2, 1]]])
NOTES_LENGTHS = np.array([2, 1, 2, 2])  # the second sequence has one step, and zeros after it


# data -------------------------------------------------------------------------
def targets(x, lengths, copy=False):
    """Digits (batch, time) -> what to write (batch, time + 1): the digits last to first, then EOS up to the end."""
    t = np.arange(N_STEPS + 1)
    source = t[np.newaxis] if copy else lengths[:, np.newaxis] - 1 - t
    digits = np.take_along_axis(x, source.clip(0, N_STEPS - 1), axis=1)
    return np.where(t < lengths[:, np.newaxis], digits, EOS)


def make_batch(i, seed):
    """Returns the sequences of step i: x (batch, time), lengths 1 to 9 (batch,). A sequence ends in padding: zeros.

    Never one whose digits sum to a multiple of ten: those are held out.
    """
    rng = np.random.RandomState([seed, i])
    lengths = rng.randint(1, N_STEPS + 1, BATCH_SIZE)
    x = rng.randint(10, size=[BATCH_SIZE, N_STEPS])
    x[np.arange(N_STEPS) >= lengths[:, np.newaxis]] = 0
    x[:, 0] = (x[:, 0] + (x.sum(axis=1) % 10 == 0)) % 10
    return x, lengths


def held_out(length, count):
    """Returns different sequences whose digits sum to a multiple of ten: all, or count of them where there are more."""
    n = 10 ** (length - 1)  # the digits after the first are free
    x = np.zeros([min(n, count), N_STEPS], int)
    for row, rest in zip(x, random.Random(length).sample(range(n), len(x))):
        row[1:length] = [int(digit) for digit in str(n + rest)[1:]]
    x[:, 0] = -x.sum(axis=1) % 10
    return x, np.full(len(x), length)


# graph ------------------------------------------------------------------------
def padded_batch(seed=0):
    """Runs one BasicRNNCell over the notes' batch, with and without sequence_length.

    Returns the outputs (batch, time, unit) and states (batch, unit) with, then those without.
    """
    with tf.Graph().as_default(), tf.Session() as sess:
        tf.set_random_seed(seed)
        x = tf.placeholder(tf.float32, [None, 2, 3], name="x")
        lengths = tf.placeholder(tf.int32, [None], name="lengths")
        cell = tf.nn.rnn_cell.BasicRNNCell(5)
        right = tf.nn.dynamic_rnn(cell, x, sequence_length=lengths, dtype=tf.float32)
        wrong = tf.nn.dynamic_rnn(cell, x, dtype=tf.float32)  # the same cell, so the same weights
        sess.run(tf.global_variables_initializer())
        return sess.run([*right, *wrong], {x: NOTES_X, lengths: NOTES_LENGTHS})


def encode(x, lengths):
    """Digits (batch, time) and lengths (batch,) -> the state after the last real digit, c and h (batch, unit)"""
    with tf.variable_scope("encoder"):
        cell = tf.nn.rnn_cell.BasicLSTMCell(N_UNITS)
        inputs = tf.one_hot(x, N_TOKENS)  # (batch, time, token)
        _, state = tf.nn.dynamic_rnn(cell, inputs, sequence_length=lengths, dtype=tf.float32)
        return state


def output_layer():
    """Returns weights (unit, token) and biases (token): made here, because both decoders share them."""
    with tf.variable_scope("output"):
        weights = tf.get_variable("weights", [N_UNITS, N_TOKENS])
        return weights, tf.get_variable("biases", [N_TOKENS], initializer=tf.zeros_initializer())


def decode_taught(state, y):
    """Teacher forcing: each step is given the target of the step before; logits (batch, time + 1, token)"""
    weights, biases = output_layer()
    first = tf.fill([tf.shape(y)[0], 1], EOS)
    with tf.variable_scope("decoder"):
        cell = tf.nn.rnn_cell.BasicLSTMCell(N_UNITS)
        inputs = tf.one_hot(tf.concat([first, y[:, :-1]], axis=1), N_TOKENS)  # (batch, time + 1, token)
        outputs, _ = tf.nn.dynamic_rnn(cell, inputs, initial_state=state)  # (batch, time + 1, unit)
    return tf.tensordot(outputs, weights, 1) + biases


def decode_greedily(state):
    """Each step is given what the step before wrote; tokens (batch, steps), zeros after EOS.

    The loop ends when every sequence has its EOS: the number of steps is as much a result as the tokens.
    """
    weights, biases = output_layer()
    batch_size = tf.shape(state.h)[0]

    def loop(step, output, cell_state, loop_state):
        if output is None:  # before the first step
            token, finished, cell_state = tf.fill([batch_size], EOS), tf.zeros([batch_size], tf.bool), state
            written = tf.zeros([], tf.int32)  # only tells raw_rnn the type and shape of what it will collect
        else:
            written = token = tf.argmax(tf.matmul(output, weights) + biases, axis=1, output_type=tf.int32)
            finished = tf.equal(token, EOS) | (step >= STEP_LIMIT)
        return finished, tf.one_hot(token, N_TOKENS), cell_state, written, None

    with tf.variable_scope("decoder"):
        tokens, _, _ = tf.nn.raw_rnn(tf.nn.rnn_cell.BasicLSTMCell(N_UNITS), loop)
    return tf.transpose(tokens.stack())  # (steps, batch) -> (batch, steps)


def sequence_loss(logits, y):
    """The mean cross-entropy of the tokens up to EOS and with it, and their number; what comes after does not count."""
    n_tokens = 1 + tf.reduce_sum(tf.cast(tf.not_equal(y, EOS), tf.int32), axis=1)  # (batch,)
    mask = tf.sequence_mask(n_tokens, N_STEPS + 1, dtype=tf.float32)  # (batch, time + 1)
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=y, logits=logits)  # (batch, time + 1)
    # loss = sum of mask * -log p(y) / sum of mask
    return tf.reduce_sum(mask * losses) / tf.reduce_sum(mask), tf.reduce_sum(mask)


def training_step(x, lengths, y, learning_rate):
    """Forward, loss, gradients and update; returns the loss and the number of tokens that it counts.

    Encoder and decoder as in Sutskever, Vinyals and Le, Sequence to Sequence Learning with Neural Networks, 2014.
    """
    loss, counted = sequence_loss(decode_taught(encode(x, lengths), y), y)
    optimizer = tf.train.AdamOptimizer(learning_rate)
    gradients, variables = zip(*optimizer.compute_gradients(loss))
    gradients, _ = tf.clip_by_global_norm(gradients, CLIP_NORM)
    with tf.control_dependencies([optimizer.apply_gradients(zip(gradients, variables))]):
        return [tf.identity(loss), tf.identity(counted)]


# train ------------------------------------------------------------------------
def train(iterations=ITERATIONS, seed=0, xla=XLA, no_lengths=False, copy=False, on_step=None):
    """Trains; returns the losses, the number of tokens that the last one counts, and what test(TESTED) finds.

    Calls on_step(i, loss, test). test(count) reads count held-out sequences of each length, and returns for each
    length a dict: the length, the steps of the decoder, and the texts that were read, written and wanted.
    """
    losses = []
    with tf.Graph().as_default(), tf.Session() as sess:
        tf.set_random_seed(seed)
        x = tf.placeholder(tf.int32, [None, N_STEPS], name="x")
        lengths = tf.placeholder(tf.int32, [None], name="lengths")
        y = tf.placeholder(tf.int32, [None, N_STEPS + 1], name="y")
        learning_rate = tf.placeholder(tf.float32, [], name="learning_rate")
        build = tf.xla.experimental.compile if xla else lambda step, inputs: step(*inputs)
        step = build(training_step, [x, lengths, y, learning_rate])
        with tf.variable_scope("", reuse=True):  # the trained variables, no others
            tokens = decode_greedily(encode(x, lengths))  # not compiled: XLA must know the number of steps
        sess.run(tf.global_variables_initializer())

        def read(x_batch, n):
            # lengths that are all N_STEPS are the same as no sequence_length
            return {x: x_batch, lengths: np.full_like(n, N_STEPS) if no_lengths else n}

        def test(count):
            found = []
            for length in range(1, N_STEPS + 1):
                x_test, n = held_out(length, count)
                written = sess.run(tokens, read(x_test, n))  # (batch, steps)
                found.append({"length": length, "steps": written.shape[1], "written": spell(written),
                              "read": spell(targets(x_test, n, True)), "wanted": spell(targets(x_test, n, copy))})
            return found

        for i in steps(iterations):
            x_batch, n = make_batch(i, seed)
            rate = LEARNING_RATE * (1 - i / iterations)
            loss, counted = sess.run(step, {**read(x_batch, n), y: targets(x_batch, n, copy), learning_rate: rate})
            if not np.isfinite(loss):
                sys.exit(f"the loss is {loss} at iteration {i}: training stopped")
            losses.append(float(loss))
            if on_step:
                on_step(i, loss, test)
        return losses, int(counted), test(TESTED)


def spell(tokens):
    """Tokens (batch, steps) -> texts: the digits before EOS; where there is no EOS, all of them and '...'."""
    rows = ["".join("0123456789."[token] for token in row) for row in tokens]
    return [row.partition(".")[0] if "." in row else row + "..." for row in rows]


def share_right(found):
    """Returns the share of sequences with the right digits and the right length."""
    right = [written == wanted for part in found for written, wanted in zip(part["written"], part["wanted"])]
    return sum(right) / len(right)


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
def plot_accuracy(figure, tests):
    """Prepares the axes; returns update(), which draws tests: rows of iteration, loss, share right by length."""
    figure.subplots_adjust(left=0.08, right=0.97, bottom=0.13, wspace=0.25)
    by_length, by_iteration = figure.subplots(1, 2)
    earlier, = by_length.plot([], [], "0.8", label="earlier tests")
    latest, = by_length.plot([], [], "ro-", label="latest test", clip_on=False, zorder=3)
    by_length.set(xlabel="length (digits)", ylabel="held-out sequences right (%)", xlim=(0.5, N_STEPS + 0.5),
                  ylim=(0, 100), xticks=range(1, N_STEPS + 1))
    by_length.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncol=2, frameon=False)
    loss, = by_iteration.semilogy([], [], "b")
    by_iteration.set(xlabel="iteration", ylabel="loss (nats per token)")

    def update():
        iterations, losses, shares = zip(*tests)
        curves = np.array([[*curve, np.nan] for curve in shares[-20:]])  # NaN lifts the pen between two curves
        earlier.set_data(np.tile(np.arange(1, N_STEPS + 2), len(curves)), 100 * curves.ravel())
        latest.set_data(np.arange(1, N_STEPS + 1), 100 * curves[-1, :-1])
        loss.set_data(iterations, losses)
        by_iteration.set(xlim=(0, iterations[-1]), ylim=(min(0.001, *losses), 3))

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


def show_padded_batch(seed):
    """Prints what the notes' batch comes to, with and without sequence_length; returns how far off the states are."""
    results = padded_batch(seed)
    past = np.arange(2) >= NOTES_LENGTHS[:, np.newaxis]  # (batch, time): True in the padding
    print("outputs of the notes' padded batch, with sequence_length:", np.array_str(results[0], precision=3), sep="\n")
    off = []
    for kind, outputs, states in ("with", *results[:2]), ("without", *results[2:]):
        last = outputs[np.arange(len(outputs)), NOTES_LENGTHS - 1]  # (batch, unit): of the last real step
        off.append(abs(states - last).max(axis=1))
        print(f"{kind:7s} sequence_length: largest output in the padding {abs(outputs[past]).max():.3f}, "
              f"states off by {' '.join(f'{value:.3f}' for value in off[-1])}")
    return off


def main(argv=None):
    parser = flags(ITERATIONS)
    parser.add_argument("--no-lengths", action="store_true", help="the encoder reads the padding too: the wrong way")
    parser.add_argument("--copy", action="store_true", help="write the digits in the order in which they were read")
    args = parser.parse_args(argv)
    off = show_padded_batch(args.seed)
    tests = collections.deque(maxlen=1000)
    draw = live(args, plot_accuracy, tests, figsize=(9, 4))

    def on_step(i, loss, test):
        if (i + 1) % TEST_EVERY == 0:
            found = test(TESTED // 10)
            tests.append((i + 1, loss, [share_right([part]) for part in found]))
            tqdm.write(f"{i + 1:5d} \tloss: {loss:.4f} \theld-out sequences right: {100 * share_right(found):.1f} %")
            draw()

    losses, counted, found = train(args.iterations, args.seed, args.xla, args.no_lengths, args.copy, on_step)
    tests.append((len(losses), losses[-1], [share_right([part]) for part in found]))
    print(f"the last loss counts {counted} of {BATCH_SIZE * (N_STEPS + 1)} tokens: up to EOS and with it")
    print("length  held out  right (%)  decoder steps  example, a wrong one where there is one")
    for part in found:
        texts = list(zip(part["read"], part["written"], part["wanted"]))
        read, written, _ = next((row for row in texts if row[1] != row[2]), texts[-1])
        print(f"{part['length']:6d} {len(texts):9d} {100 * share_right([part]):10.1f} {part['steps']:14d}  "
              f"{read} -> {written}")
    print(f"held-out sequences right, digits and length: {100 * share_right(found):.2f} %")
    draw(end=True)
    return {"off": off, "losses": losses, "counted": counted, "found": found, "right": share_right(found)}


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
