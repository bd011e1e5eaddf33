"""An LSTM reads a text character by character, predicts the next one, and then writes text of its own.

Shows   one_hot, two LSTM layers, dropout, a state kept in a variable, clipped gradients, sampling, Saver
Run     python char_rnn.py            (or --text FILE; with --checkpoint DIR, twice)
Expect  about 2.5 bits per character by trigram counts, below 1.95 by the network; 3 to 5 minutes
Notes   notes/char_rnn.md
"""
import argparse
import collections
import contextlib
import functools
import os
import pathlib
import pydoc_data.topics
import signal
import sys
import textwrap
import threading
import warnings
import zlib

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

N_STEPS = 64  # the gradient flows back this far; the state is carried on from the beginning of the text
N_UNITS = 128
N_LAYERS = 2
KEEP_PROB = 0.9
BATCH_SIZE = 32  # each row of the batch reads its own part of the text
LEARNING_RATE = 0.004
MAX_NORM = 5.0
ITERATIONS = 3000
REPORT_EVERY = 100
SAMPLE_EVERY = 500
COUNTED = 1000000  # of a long text, so many characters for trigrams, a tenth of that kept out


# data -------------------------------------------------------------------------
def read_text(path=None):
    """Returns a file as a string; without a path the language reference that every Python contains."""
    if path is None:
        return "\n".join(text for _, text in sorted(pydoc_data.topics.topics.items()))
    enough = 10 * (BATCH_SIZE * N_STEPS + 1)  # a window for the tenth that is kept out
    try:  # only of a file: a pipe or a device might never end
        text = pathlib.Path(path).read_text("utf-8-sig") if os.path.isfile(path) else ""
    except (OSError, UnicodeDecodeError):
        text = ""
    if len(text) < enough:
        sys.exit(f"--text {path!r}: expected a file of UTF-8 text of at least {enough} characters")
    return text


def split(text):
    """Returns the text to train on and the kept-out rest: the last tenth, at most 100,000, cut to windows"""
    n = min(len(text), COUNTED) // 10
    return text[:-n], text[-n:][:n - (n - 1) % (BATCH_SIZE * N_STEPS)]


def make_windows(text, chars):
    """Returns codes x, y (window, batch, time); row b of window i + 1 continues row b of window i."""
    codes = {char: code for code, char in enumerate(chars)}
    stream = np.array([codes[char] for char in text], np.int32)
    n_windows = (len(stream) - 1) // (BATCH_SIZE * N_STEPS)
    n = n_windows * BATCH_SIZE * N_STEPS  # the rest of the text fills no window
    # y[t] = x[t + 1], also at the end of a window: shift the stream first, then cut it
    return [s.reshape(BATCH_SIZE, n_windows, N_STEPS).swapaxes(0, 1) for s in (stream[:n], stream[1:n + 1])]


def count_bits(text, held_out, n):
    """Returns bits per character of held_out by counts of up to n characters: Witten and Bell, 1991."""
    followers = collections.defaultdict(collections.Counter)
    for k in range(n):
        for i in range(len(text) - k):
            followers[text[i:i + k]][text[i + k]] += 1

    @functools.lru_cache(maxsize=None)
    def probability(row):
        if not row:
            return 1 / len(set(text + held_out))
        seen, shorter = followers.get(row[:-1]), probability(row[1:])
        # P(c | ab) = (N(abc) + T(ab) P(c | b)) / (N(ab) + T(ab)), where T(ab) different characters follow ab
        return (seen[row[-1]] + len(seen) * shorter) / (sum(seen.values()) + len(seen)) if seen else shorter
    rows = [held_out[max(0, i - n + 1):i + 1] for i in range(1, len(held_out))]
    return float(-np.mean([np.log2(probability(row)) for row in rows]))


# graph ------------------------------------------------------------------------
def predict(x, state, masks=(1.0,) * N_LAYERS):
    """(batch, time, char), state (layer, c/h, batch, unit) -> logits (batch * time, char), final state"""
    outputs, final_states = x, []
    for k in range(N_LAYERS):  # MultiRNNCell computes the same, but hides the outputs of the lower layer
        with tf.variable_scope(f"layer_{k}"):
            cell = tf.nn.rnn_cell.BasicLSTMCell(N_UNITS)
            initial_state = tf.nn.rnn_cell.LSTMStateTuple(state[k, 0], state[k, 1])
            outputs, final_state = tf.nn.dynamic_rnn(cell, outputs, initial_state=initial_state)
        outputs *= masks[k]  # (batch, time, unit), as in DropoutWrapper(output_keep_prob)
        final_states.append(final_state)
    with tf.variable_scope("output"):
        weights = tf.get_variable("weights", [N_UNITS, x.shape[2]])
        biases = tf.get_variable("biases", [x.shape[2]], initializer=tf.zeros_initializer())
    return tf.matmul(tf.reshape(outputs, [-1, N_UNITS]), weights) + biases, tf.stack(final_states)


def compute_loss(logits, y):
    """loss = mean over batch and time of -log softmax(logits)[y], in nats"""
    return tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=y, logits=logits))


def training_step(x, y, carry, masks):
    """Runs the network, updates its weights and the carried state; returns [bits per character]."""
    state = tf.get_variable("state", [N_LAYERS, 2, BATCH_SIZE, N_UNITS], initializer=tf.zeros_initializer(),
                            trainable=False, use_resource=True)  # a variable, so checkpoints contain it
    logits, final_state = predict(x, carry * state, masks)
    loss = compute_loss(logits, tf.reshape(y, [-1]))
    weights = tf.trainable_variables()
    # g <- g min(1, MAX_NORM / |g|), where |g| is the norm of all gradients in one vector
    gradients, _ = tf.clip_by_global_norm(tf.gradients(loss, weights), MAX_NORM)
    optimizer = tf.train.AdamOptimizer(LEARNING_RATE)
    update = optimizer.apply_gradients(zip(gradients, weights), tf.train.get_global_step())
    with tf.control_dependencies([update, state.assign(final_state)]):  # whoever fetches the loss also trains
        return [loss / np.log(2)]


def next_char(x, state):
    """Returns log p(next character) (batch * time, char) and the final state, without dropout."""
    with tf.variable_scope("", reuse=True):  # the weights of the training
        logits, final_state = predict(x, state)
    return [tf.nn.log_softmax(logits), final_state]


# train ------------------------------------------------------------------------
def evaluate(read, x, y):
    """Returns the bits per character of windows (window, batch, time); read(x, state) runs the network."""
    state, bits = np.zeros([N_LAYERS, 2, BATCH_SIZE, N_UNITS]), []
    for x_window, y_window in zip(x, y):
        log_p, state = read(x_window, state)
        bits.append(-np.mean(np.take_along_axis(log_p, y_window.reshape(-1, 1), axis=1)) / np.log(2))
    return float(np.mean(bits))


def write(read, chars, n, prime=None, temperature=1.0, seed=0):
    """Returns the prime, or else chars[0], and n characters drawn from what read(x, state) predicts."""
    random, text = np.random.RandomState(abs(seed) % 2**32), prime or chars[0]
    state = np.zeros([N_LAYERS, 2, 1, N_UNITS])
    for i in range(len(text) + n - 1):
        log_p, state = read([[chars.index(text[i])]], state)
        if i == len(text) - 1:  # the prime is read: from now on each step adds a character
            # P(c) = p(c)^(1 / T) / sum of p^(1 / T)
            sums = np.cumsum(np.exp((log_p[0] - log_p.max()) / temperature))
            text += chars[np.searchsorted(sums, random.rand() * sums[-1])]
    return text


def train(text, iterations=ITERATIONS, seed=0, xla=XLA, keep_prob=KEEP_PROB, checkpoint=None,
          length=200, prime=None, temperature=1.0, on_step=lambda *_: None):
    """Trains; calls on_step(i, bits, report), report being None or (mean bits of training, bits kept out)."""
    chars, checksum = "".join(sorted(set(text))), zlib.crc32(text.encode())
    (x_train, y_train), (x_test, y_test) = [make_windows(part, chars) for part in split(text)]
    losses = []
    with tf.Graph().as_default(), tf.Session() as sess:
        tf.set_random_seed(seed)
        x = tf.placeholder(tf.int32, [BATCH_SIZE, N_STEPS], name="x")
        y = tf.placeholder(tf.int32, [BATCH_SIZE, N_STEPS], name="y")
        carry = tf.placeholder(tf.float32, [], name="carry")  # 1, or 0 where the text begins
        dice = tf.placeholder(tf.int32, [2], name="dice")  # seed and step: a resumed run draws the same masks
        any_x = tf.placeholder(tf.int32, [None, None], name="any_x")
        any_state = tf.placeholder(tf.float32, [N_LAYERS, 2, None, N_UNITS], name="any_state")
        with tf.variable_scope("", use_resource=True):  # XLA updates resource variables only
            global_step = tf.train.get_or_create_global_step()
        tf.get_variable("vocabulary", initializer=np.array([*map(ord, chars)], np.int32), trainable=False)
        trained_on = tf.get_variable("checksum", initializer=np.int64(checksum), trainable=False)
        # mask = 1 / keep_prob with probability keep_prob, else 0; XLA would draw it again at every use
        noise = tf.random.stateless_uniform([N_LAYERS, BATCH_SIZE, N_STEPS, N_UNITS], dice)
        masks = tf.floor(keep_prob + noise) / keep_prob
        inputs = [tf.one_hot(x, len(chars)), y, carry, masks]
        step = tf.xla.experimental.compile(training_step, inputs) if xla else training_step(*inputs)
        inputs = [tf.one_hot(any_x, len(chars)), any_state]
        prediction = tf.xla.experimental.compile(next_char, inputs) if xla else next_char(*inputs)
        saver = tf.train.Saver(max_to_keep=2, save_relative_paths=True)
        sess.run(tf.global_variables_initializer())
        if checkpoint:
            restore(sess, saver, checkpoint)
            if sess.run(trained_on) != checksum:
                sys.exit(f"--checkpoint {checkpoint!r}: expected the text that it was trained on")
        read = sess.make_callable(prediction, [any_x, any_state])  # read(x, state) -> log p, final state
        for i in steps(iterations, first=sess.run(global_step)):
            k = i % len(x_train)
            bits, = sess.run(step, {x: x_train[k], y: y_train[k], carry: k > 0, dice: [seed % 2**31, i]})
            if not np.isfinite(bits):
                sys.exit(f"the loss is {bits} at iteration {i}: training stopped")
            losses.append(float(bits))
            is_due = (i + 1) % REPORT_EVERY == 0
            if is_due and checkpoint:
                save(sess, saver, checkpoint)
            mean = float(np.mean(losses[-REPORT_EVERY:]))
            on_step(i, bits, (mean, evaluate(read, x_test, y_test)) if is_due else None)
            if (i + 1) % SAMPLE_EVERY == 0 and i + 1 < iterations:
                tqdm.write(textwrap.indent(write(read, chars, length, prime, temperature, seed), "    "))
        if checkpoint:
            save(sess, saver, checkpoint)
        return {"training": evaluate(read, x_train[:500], y_train[:500]),  # enough of a long text
                "kept_out": evaluate(read, x_test, y_test), "losses": losses,
                "sample": write(read, chars, length, prime, temperature, seed)}


# plot -------------------------------------------------------------------------
def plot_bits(figure):
    """Prepares the axes; returns update(reports, trigram): reports of iterations and bits of both texts."""
    axes = figure.subplots()
    lines = axes.plot([], [], "b.-", [], [], "r.-", [], [], "k--")
    axes.set(xlabel="iteration", ylabel="bits per character")
    axes.legend(["training text (with dropout)", "text kept out", "trigram counts, text kept out"])

    def update(reports, trigram):
        iterations, training, kept_out = np.reshape(reports, [-1, 3]).T
        for line, bits in zip(lines, (training, kept_out, np.full(len(iterations), trigram))):
            line.set_data(iterations, bits)
        axes.relim()
        axes.autoscale_view()
    return update


# main -------------------------------------------------------------------------
def main(argv=()):
    parser = flags()
    add = parser.add_argument
    add("--iterations", type=int, default=ITERATIONS, metavar="N", help="training iterations")
    add("--text", metavar="FILE", help="UTF-8 text to train on (default: Python's language reference)")
    add("--keep-prob", type=float, default=KEEP_PROB, metavar="P", help="below 1: dropout (default: 0.9)")
    add("--checkpoint", metavar="DIR", help="save the weights, and go on from them")
    add("--sample", type=int, default=200, metavar="N", help="length of a sample (default: 200)")
    add("--prime", metavar="TEXT", help="beginning of each sample")
    add("--temperature", type=float, default=1.0, metavar="T", help="below 1: likelier samples (default: 1)")
    add("--no-xla", dest="xla", action="store_false", default=XLA, help="do not compile")
    args = parser.parse_args(argv)
    if not (0 < args.keep_prob <= 1 and args.temperature > 0 and args.sample > 0):
        given = f"--keep-prob {args.keep_prob} --temperature {args.temperature} --sample {args.sample}"
        parser.error(f"{given}: expected 0 < P <= 1, T > 0, N > 0")
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="replace")  # not every terminal has every character
    text = read_text(args.text)
    if not set(args.prime or "") <= set(text):
        parser.error(f"--prime {args.prime!r}: expected characters of the text")
    learn, kept_out = split(text)
    trigram = count_bits(learn[:COUNTED], kept_out, 3)
    draw = live(args, plot_bits, figsize=(8, 5))
    reports = []

    def on_step(i, bits, report):
        if report:
            reports.append((i + 1, *report))
            tqdm.write("{}\tbits per character: {:.3f}\tkept out: {:.3f}".format(*reports[-1]))
            draw(reports, trigram)

    results = train(text, args.iterations, args.seed, args.xla, args.keep_prob, args.checkpoint, args.sample,
                    args.prime, args.temperature, on_step)
    print(textwrap.indent(results["sample"], "    "))
    print(f"text it trained on:  {results['training']:.3f} bits per character")
    print(f"text kept out:       {results['kept_out']:.3f}; by counts of three characters: {trigram:.3f}")
    draw(reports, trigram, end=True)
    return dict(results, trigram=trigram, reports=reports)


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


def save(sess, saver, folder):
    """Saves a checkpoint; the previous one stays until this one is complete."""
    if not all(np.isfinite(weights).all() for weights in sess.run(tf.trainable_variables())):
        sys.exit("the weights are not finite: training stopped, the last checkpoint is kept")
    try:
        os.makedirs(folder, exist_ok=True)
        saver.save(sess, os.path.join(folder, "model"), tf.train.get_global_step(), write_meta_graph=False)
    except (tf.errors.OpError, OSError, ValueError) as error:
        sys.exit(f"--checkpoint {folder!r}: cannot be written: {type(error).__name__}")


def restore(sess, saver, folder):
    """Restores the newest checkpoint, or saves a first one; ends the script where it does not fit."""
    if not os.path.exists(os.path.join(folder, "checkpoint")):
        return save(sess, saver, folder)  # shows at once whether the folder can be written
    try:
        newest = tf.train.latest_checkpoint(folder)
        shapes = {variable.op.name: variable.shape.as_list() for variable in tf.global_variables()}
        if dict(tf.train.list_variables(newest)) != shapes:
            raise ValueError  # on TF 2 a Saver restores wrong shapes without an error
        saver.restore(sess, newest)
    except (tf.errors.OpError, TypeError, ValueError):
        sys.exit(f"--checkpoint {folder!r}: expected a checkpoint of this script with the same flags")


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
