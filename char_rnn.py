# /// script
# requires-python = ">=3.10,<3.14"
# dependencies = ["matplotlib>=3.8", "numpy>=1.26", "tensorflow>=2.21,<2.22", "tf_keras>=2.21,<2.22", "tqdm>=4.66"]
# ///
"""A network reads the manual of Python letter by letter, guesses what comes next, and then writes on by itself.

Shows   one-hot input, two LSTM layers, dropout, a state carried in a variable, clipped gradients, sampling
Run     python char_rnn.py            (or --text FILE; with --checkpoint DIR, then with --sample 500 as well)
Expect  bits per character of text kept out: 2.46 by trigram counts, below 1.9 by the network, in 3 minutes on two cores
Notes   notes/char_rnn.md
"""
import argparse
import collections
import functools
import os
import pydoc_data.topics
import signal
import sys
import tempfile
import textwrap
import time
import types
import warnings
import zlib

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

N_STEPS = 64  # the gradient flows back this far; the state is carried on from the beginning of the text
N_UNITS = 128
N_LAYERS = 2
KEEP_PROB = 0.9
BATCH_SIZE = 32  # readers, each in its own part of the text
LEARNING_RATE = 0.004
MAX_NORM = 5.0
ITERATIONS = 3000
REPORT_EVERY = 100
SAMPLE_EVERY = 500
SAMPLE_LENGTH = 200
CHECKPOINT = "char_rnn"


# data -------------------------------------------------------------------------
def read_text(path=None):
    """Returns a file as a string, or the language reference that every Python carries; raises WrongInput."""
    if path is None:
        return "\n".join(text for _, text in sorted(pydoc_data.topics.topics.items()))
    try:
        with open(path, encoding="utf-8-sig") as file:
            text = file.read()
    except (OSError, UnicodeDecodeError) as error:
        raise WrongInput(f"--text {path!r}: expected a file of UTF-8 text: {error}")
    enough = 10 * (BATCH_SIZE * N_STEPS + 1)  # a window for every reader in the tenth that is kept out
    if len(text) < enough:
        raise WrongInput(f"--text {path!r}: expected at least {enough} characters, not {len(text)}")
    return text


def split(text):
    """Returns the nine tenths to train on, and the last tenth, which is kept out."""
    return text[:-(len(text) // 10)], text[-(len(text) // 10):]


def make_windows(text, chars):
    """Returns the codes x, y (window, batch, time) of a text, where y is one character ahead of x.

    Row b of window i + 1 goes on where row b of window i ended. At the end, what fills no window is left out.
    """
    codes = {char: code for code, char in enumerate(chars)}
    stream = np.array([codes[char] for char in text], np.int32)
    n_windows = (len(stream) - 1) // (BATCH_SIZE * N_STEPS)
    n = n_windows * BATCH_SIZE * N_STEPS
    # y[t] = x[t + 1], also at the end of a window: shift the stream first, cut it afterwards
    return [s.reshape(BATCH_SIZE, n_windows, N_STEPS).swapaxes(0, 1) for s in (stream[:n], stream[1:n + 1])]


def count_bits(text, held_out, n):
    """Returns bits per character of held_out, but for its first, by counts of n characters in a row in text.

    Smoothed by interpolation with shorter and shorter rows: method C of Witten and Bell, 1991.
    """
    followers = collections.defaultdict(collections.Counter)
    for k in range(n):
        for i in range(len(text) - k):
            followers[text[i:i + k]][text[i + k]] += 1

    @functools.lru_cache(maxsize=None)
    def probability(row):
        if not row:
            return 1 / len(set(text + held_out))
        seen, shorter = followers.get(row[:-1]), probability(row[1:])
        # P(c | ab) = (N(abc) + T(ab) P(c | b)) / (N(ab) + T(ab)), where T(ab) kinds of characters follow ab
        return (seen[row[-1]] + len(seen) * shorter) / (sum(seen.values()) + len(seen)) if seen else shorter

    return -np.mean([np.log2(probability(held_out[max(0, i - n + 1):i + 1])) for i in range(1, len(held_out))])


# graph ------------------------------------------------------------------------
def network(x, state, n_chars, masks=(1.0,) * N_LAYERS):
    """Codes (batch, time), state (layer, c and h, batch, unit) -> logits (batch * time, char), final state.

    masks (layer, batch, time, unit) multiply the outputs of each layer; without them there is no dropout.
    """
    outputs = tf.one_hot(x, n_chars)  # (batch, time, char)
    final_state = []
    for k in range(N_LAYERS):  # the numbers of MultiRNNCell, with each layer's outputs at hand for its mask
        with tf.variable_scope(f"layer_{k}"):
            cell = tf.nn.rnn_cell.BasicLSTMCell(N_UNITS)
            initial_state = tf.nn.rnn_cell.LSTMStateTuple(state[k, 0], state[k, 1])
            outputs, last = tf.nn.dynamic_rnn(cell, outputs, initial_state=initial_state)  # (batch, time, unit)
        outputs *= masks[k]  # as DropoutWrapper(output_keep_prob) does
        final_state.append(last)  # of c and h (batch, unit)
    with tf.variable_scope("output"):
        weights = tf.get_variable("weights", [N_UNITS, n_chars])
        biases = tf.get_variable("biases", [n_chars], initializer=tf.zeros_initializer())
    return tf.matmul(tf.reshape(outputs, [-1, N_UNITS]), weights) + biases, tf.stack(final_state)


def training_step(x, y, carry, masks, n_chars):
    """Forward, loss, gradients, and the update of weights and carried state; returns the loss in bits per character."""
    state = tf.get_variable("state", [N_LAYERS, 2, BATCH_SIZE, N_UNITS], initializer=tf.zeros_initializer(),
                            trainable=False, use_resource=True)
    logits, final_state = network(x, carry * state, n_chars, masks)
    loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=tf.reshape(y, [-1]), logits=logits))
    weights = tf.trainable_variables()
    # g <- g min(1, MAX_NORM / |g|), where |g| is the norm of all gradients in one vector
    gradients, _ = tf.clip_by_global_norm(tf.gradients(loss, weights), MAX_NORM)
    update = tf.train.AdamOptimizer(LEARNING_RATE).apply_gradients(zip(gradients, weights), tf.train.get_global_step())
    with tf.control_dependencies([update, state.assign(final_state)]):
        return [loss / np.log(2)]


def prediction(x, state, n_chars):
    """Codes and state as in network() -> log probabilities of what comes next (batch * time, char), final state."""
    logits, final_state = network(x, state, n_chars)
    return [tf.nn.log_softmax(logits), final_state]


def build_graph(chars, checksum=0, keep_prob=1.0, xla=XLA):
    """Builds training step and prediction; returns their placeholders and results by name.

    The variables vocabulary and checksum tell a checkpoint's reader what text it was trained on.
    """
    x = tf.placeholder(tf.int32, [BATCH_SIZE, N_STEPS], name="x")
    y = tf.placeholder(tf.int32, [BATCH_SIZE, N_STEPS], name="y")
    carry = tf.placeholder(tf.float32, [], name="carry")  # 1, or 0 where the text begins
    dice = tf.placeholder(tf.int32, [2], name="dice")  # the seed, and the step: a run that goes on throws the same
    any_x = tf.placeholder(tf.int32, [None, None], name="any_x")
    state = tf.placeholder(tf.float32, [N_LAYERS, 2, None, N_UNITS], name="any_state")
    with tf.variable_scope("", use_resource=True):  # the kind of variable that XLA can count up
        tf.train.get_or_create_global_step()
    tf.get_variable("vocabulary", initializer=np.array([ord(char) for char in chars], np.int32), trainable=False)
    tf.get_variable("checksum", initializer=np.int64(checksum), trainable=False)
    # mask = 1 / keep_prob with probability keep_prob, else 0; outside of XLA, which would draw it anew at every use
    noise = tf.random.stateless_uniform([N_LAYERS, BATCH_SIZE, N_STEPS, N_UNITS], dice)
    masks = tf.floor(keep_prob + noise) / keep_prob
    build = tf.xla.experimental.compile if xla else lambda step, inputs: step(*inputs)
    loss, = build(functools.partial(training_step, n_chars=len(chars)), [x, y, carry, masks])
    with tf.variable_scope("", reuse=True):
        log_p, final_state = build(functools.partial(prediction, n_chars=len(chars)), [any_x, state])
    return types.SimpleNamespace(x=x, y=y, carry=carry, dice=dice, loss=loss,
                                 any_x=any_x, state=state, log_p=log_p, final_state=final_state)


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


def trained_on(folder):
    """Returns vocabulary and checksum of the text of the newest checkpoint, or None; raises WrongInput."""
    if not os.path.exists(os.path.join(folder, "checkpoint")):
        return None
    try:
        newest = os.path.basename(tf.train.get_checkpoint_state(folder).model_checkpoint_path)
    except (AttributeError, ValueError):  # there is no list, or no text
        raise WrongInput(f"--checkpoint {folder!r}: expected a list of checkpoints in its file 'checkpoint'")
    try:
        reader = tf.train.load_checkpoint(os.path.join(folder, newest))
        return "".join(map(chr, reader.get_tensor("vocabulary"))), int(reader.get_tensor("checksum"))
    except (tf.errors.OpError, ValueError, IndexError):  # the last one: of a file that ends too early
        raise WrongInput(f"--checkpoint {folder!r}: expected a whole checkpoint of this model, not {newest!r}")


def evaluate(sess, graph, x, y):
    """Returns bits per character of windows (window, batch, time), with a state of its own that is carried on."""
    state, bits = np.zeros([N_LAYERS, 2, BATCH_SIZE, N_UNITS], np.float32), []
    for x_window, y_window in zip(x, y):
        log_p, state = sess.run([graph.log_p, graph.final_state], {graph.any_x: x_window, graph.state: state})
        bits.append(-np.mean(np.take_along_axis(log_p, y_window.reshape(-1, 1), axis=1)) / np.log(2))
    return float(np.mean(bits))


def write(sess, graph, chars, n, prime=None, temperature=1.0, seed=0):
    """Returns the prime, or else the first of the characters, and n more that the network writes, one a step."""
    dice, text = np.random.RandomState(seed), prime or chars[0]
    state = np.zeros([N_LAYERS, 2, 1, N_UNITS], np.float32)
    for i in range(len(text) + n - 1):
        log_p, state = sess.run([graph.log_p, graph.final_state], {graph.any_x: [[chars.index(text[i])]],
                                                                   graph.state: state})
        if i == len(text) - 1:
            # P(c) = p(c)^(1 / T) / sum of p^(1 / T)
            sums = np.cumsum(np.exp((log_p[0] - log_p.max()) / temperature))
            text += chars[np.searchsorted(sums, dice.rand() * sums[-1])]
    return text


def check_prime(prime, chars):
    """Raises WrongInput where the prime has a character that the vocabulary has not."""
    strange = sorted(set(prime or "") - set(chars))
    if strange:
        raise WrongInput(f"--prime {prime!r}: expected characters of the text, not {strange[0]!r}")


def train(iterations=ITERATIONS, seed=0, xla=XLA, text=None, keep_prob=KEEP_PROB, checkpoint=None, logdir=None,
          prime=None, temperature=1.0, on_step=None):
    """Trains on nine tenths of a text, and measures on the last; calls on_step(i, bits, report) at every step.

    bits are those of the step; report is None, or every REPORT_EVERY steps (steps done, mean bits since the last
    report, bits on the text kept out). Returns a dict: iterations, those done, and the bits per character without
    dropout, training and kept_out. Raises WrongInput.
    """
    text = read_text() if text is None else text
    chars, checksum = "".join(sorted(set(text))), zlib.crc32(text.encode())
    check_prime(prime, chars)
    stored = checkpoint and trained_on(checkpoint)
    if stored and stored != (chars, checksum):
        raise WrongInput(f"--checkpoint {checkpoint!r}: expected the text that it was trained on")
    (x, y), (x_test, y_test) = [make_windows(part, chars) for part in split(text)]
    recent = []
    with tf.Graph().as_default(), tf.Session() as sess:  # a graph of its own: main() can run again in one process
        tf.set_random_seed(seed)
        graph = build_graph(chars, checksum, keep_prob, xla)
        saver = tf.train.Saver(max_to_keep=2)
        sess.run(tf.global_variables_initializer())
        if checkpoint:
            restore(sess, saver, checkpoint)
        done = first = int(sess.run(tf.train.get_global_step()))
        writer = tf.summary.FileWriter(logdir, sess.graph) if logdir else None
        for i in steps(iterations, first):
            window = i % len(x)
            bits = sess.run(graph.loss, {graph.x: x[window], graph.y: y[window], graph.dice: [seed, i],
                                         graph.carry: float(window > 0)})  # no memory of the end where it begins anew
            if not np.isfinite(bits):
                sys.exit(f"the loss is {bits} at iteration {i}: training stopped")
            done, report = i + 1, None
            recent.append(float(bits))
            if done % REPORT_EVERY == 0:
                report = done, np.mean(recent), evaluate(sess, graph, x_test, y_test)
                recent = []
                tqdm.write("{}\tbits per character: {:.3f}\tkept out: {:.3f}".format(*report))
                if writer:
                    for tag, value in zip(["bits/training", "bits/kept_out"], report[1:]):
                        summary = tf.Summary(value=[tf.Summary.Value(tag=tag, simple_value=value)])
                        writer.add_summary(summary, done)
                if checkpoint:
                    save(sess, saver, checkpoint, done)
            if done % SAMPLE_EVERY == 0:
                tqdm.write(textwrap.indent(write(sess, graph, chars, SAMPLE_LENGTH, prime, temperature, seed), "    "))
            if on_step:
                on_step(i, bits, report)
        if writer:
            writer.close()
        if checkpoint and done > first:
            save(sess, saver, checkpoint, done)
        return {"iterations": done, "training": evaluate(sess, graph, x, y),
                "kept_out": evaluate(sess, graph, x_test, y_test)}


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


def sample(checkpoint, n, prime=None, temperature=1.0, seed=0, xla=XLA):
    """Returns what write() does with the network in a checkpoint; raises WrongInput."""
    stored = trained_on(checkpoint)
    if not stored:
        raise WrongInput(f"--checkpoint {checkpoint!r}: expected a trained network to sample from")
    check_prime(prime, stored[0])
    with tf.Graph().as_default(), tf.Session() as sess:
        graph = build_graph(*stored, xla=xla)
        restore(sess, tf.train.Saver(), checkpoint)
        return write(sess, graph, stored[0], n, prime, temperature, seed)


# plot -------------------------------------------------------------------------
def plot_bits(figure, data):
    """Prepares the axes; returns update(), which draws data["reports"] beside data["trigram"]."""
    axes = figure.subplots()
    training, = axes.plot([], [], "b.-", label="network, text it trains on (with dropout)")
    kept_out, = axes.plot([], [], "r.-", label="network, text kept out")
    axes.axhline(data["trigram"], color="k", linestyle="--", label="counts of three characters, text kept out")
    axes.set(xlabel="iteration", ylabel="bits per character")
    axes.legend(loc="upper right")

    def update():
        if not data["reports"]:
            return
        iterations, *curves = zip(*data["reports"])
        training.set_data(iterations, curves[0])
        kept_out.set_data(iterations, curves[1])
        axes.set_xlim(0, iterations[-1])
        bits = (data["trigram"], *curves[0], *curves[1])
        axes.set_ylim(min(bits) - 0.2, max(bits) + 0.2)

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
    add("--text", metavar="FILE", help="UTF-8 (default: the language reference in pydoc_data.topics)")
    add("--keep-prob", type=number(0.01, 1.0), default=KEEP_PROB, metavar="P",
        help="share of outputs that dropout keeps (default: %(default)s)")
    add("--checkpoint", type=output(), metavar="DIR", help="save there as it goes, and resume from there")
    add("--sample", type=number(1), metavar="N",
        help="train no more: write N characters with what --checkpoint holds")
    add("--prime", metavar="TEXT", help="what a sample goes on from")
    add("--temperature", type=number(0.01, 100.0), default=1.0, metavar="T",
        help="of a sample: below 1 safer, above 1 bolder (default: %(default)s)")
    add("--logdir", type=output(), metavar="DIR",
        help="write curves and graph for TensorBoard (pip install tensorboard; tensorboard --logdir DIR)")
    args = parser.parse_args(argv)
    if args.sample and not args.checkpoint:
        parser.error(f"--sample {args.sample}: expected --checkpoint DIR as well, with a trained network")
    try:
        if args.sample:
            text = sample(args.checkpoint, args.sample, args.prime, args.temperature, args.seed, args.xla)
            print(text)
            return {"sample": text}
        text = read_text(args.text)
        learn, kept_out = split(text)
        scored = kept_out[:len(kept_out) - (len(kept_out) - 1) % (BATCH_SIZE * N_STEPS)]  # whole windows, as train()
        unigram, trigram = count_bits(learn, scored, 1), count_bits(learn, scored, 3)
        reports = collections.deque(maxlen=10000)
        draw = live(args, plot_bits, {"reports": reports, "trigram": trigram}, figsize=(8, 5))

        def on_step(i, bits, report):
            if report:
                reports.append(report)
            draw()

        results = train(args.iterations, args.seed, args.xla, text, args.keep_prob, args.checkpoint, args.logdir,
                        args.prime, args.temperature, on_step)
    except WrongInput as error:
        parser.error(error)
    print(f"bits per character after {results['iterations']} iterations")
    print(f"text it trained on:   network {results['training']:.3f}")
    print(f"text kept out:        network {results['kept_out']:.3f}, "
          f"trigram counts {trigram:.3f}, unigram counts {unigram:.3f}")
    draw(end=True)
    return dict(results, unigram=unigram, trigram=trigram, reports=list(reports))


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
