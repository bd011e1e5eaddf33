# /// script
# requires-python = ">=3.10,<3.14"
# dependencies = ["matplotlib>=3.8", "numpy>=1.26", "tensorflow>=2.21,<2.22", "tf_keras>=2.21,<2.22", "tqdm>=4.66"]
# ///
"""Handwritten digits, read row by row: a recurrent network classifies a sequence by the state it ends in.

Shows   BasicRNNCell or BasicLSTMCell, dynamic_rnn, the final state as a summary, softmax cross-entropy, in_top_k
Run     python mnist_rnn_classifier.py            (then with --cell lstm)
Expect  a test accuracy above 0.97 in 6 minutes on two cores, on MNIST; with --cell lstm above 0.98 in 2 minutes
Notes   notes/mnist_rnn_classifier.md
"""
import argparse
import collections
import contextlib
import functools
import gzip
import io
import os
import signal
import socket
import sys
import tempfile
import time
import warnings
import zipfile
import zlib

os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")  # tf.nn.rnn_cell lives in tf_keras since TF 2.16
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # the C++ log only: errors arrive as exceptions
warnings.filterwarnings("ignore", message="`tf.nn.rnn_cell")

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.font_manager import FontProperties
from matplotlib.patches import PathPatch
from matplotlib.path import Path
from matplotlib.textpath import TextPath
from matplotlib.transforms import Affine2D
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

N_STEPS = 28  # an image is a sequence of 28 rows
N_INPUTS = 28  # of 28 pixels each
N_OUTPUTS = 10
Setting = collections.namedtuple("Setting", "units learning_rate batch_size epochs iterations")
SETTINGS = {"rnn": Setting(150, 0.001, 150, 100, None), "lstm": Setting(100, 0.01, 100, None, 8000)}
EVALUATED = 10000  # training images that the training accuracy is taken over: as many as MNIST has for the test
CHECKPOINT = "mnist_rnn_classifier"

DRAWN = 6000, 1000  # training and test digits, where MNIST cannot be had
TRAIN_FONTS = ["DejaVuSans", "DejaVuSans-Bold", "DejaVuSans-Oblique", "DejaVuSans-BoldOblique", "DejaVuSansMono",
               "DejaVuSansMono-Bold", "DejaVuSansMono-Oblique", "DejaVuSansMono-BoldOblique", "STIXGeneral",
               "STIXGeneralBol", "STIXGeneralItalic", "STIXGeneralBolIta", "cmr10", "cmb10", "cmtt10"]
TEST_FONTS = ["DejaVuSerif", "DejaVuSerif-Bold", "DejaVuSerif-Italic", "DejaVuSerif-BoldItalic", "cmss10"]


# data -------------------------------------------------------------------------
Data = collections.namedtuple("Data", "name x_train y_train x_test y_test")


def load_data(path=None, seed=0):
    """Returns Data: images (image, 28, 28) of bytes and labels (image,), for training and for the test.

    The path is a folder of four IDX files or a mnist.npz. Without one the data are MNIST as Keras downloads it, or
    where that fails digits drawn from fonts. Raises WrongInput where the files are not what they should be.
    """
    if path is None:
        return download_mnist() or draw_data(seed)
    npz = os.path.join(path, "mnist.npz") if os.path.isdir(path) else path
    if os.path.exists(npz) or not os.path.isdir(path):
        arrays = read_npz(npz)
    else:
        arrays = [read_idx(path, name) for name in ("train-images-idx3", "train-labels-idx1",
                                                    "t10k-images-idx3", "t10k-labels-idx1")]
    return check(Data(os.path.basename(os.path.abspath(path)).replace(".npz", ""), *arrays), path)


def read_idx(folder, name):
    """Returns the array of bytes in an IDX file, gzipped or not; source: LeCun's page of the MNIST files."""
    path = os.path.join(folder, name + "-ubyte")
    path = path if os.path.exists(path) else path + ".gz"
    try:
        with open(path, "rb") as file:
            content = file.read()
        content = gzip.decompress(content) if content.startswith(b"\x1f\x8b") else content
    except (OSError, EOFError, zlib.error) as error:
        raise WrongInput(f"--data: expected a whole file {path!r}: {reason(error)}") from error
    rank = int(name[-1])  # the header is big-endian: the magic number 2048 + rank, then the size of each dimension
    size = 4 + 4 * rank
    magic, *shape = np.frombuffer(content[:size].ljust(size, b"\0"), ">u4").tolist()
    if magic != 2048 + rank:
        raise WrongInput(f"--data: {path!r} has the magic number {magic}, expected {2048 + rank}")
    if len(content) != size + np.prod(shape, dtype=float):
        raise WrongInput(f"--data: {path!r} has {len(content) - size} bytes of data, its header says {shape}")
    return np.frombuffer(content, np.uint8, offset=size).reshape(shape)


def read_npz(path):
    """Returns the four arrays of a file such as Keras' mnist.npz."""
    try:
        if not zipfile.is_zipfile(path):  # an old NumPy would complain of it a second time, on the way out
            raise ValueError("no such file" if not os.path.exists(path) else "not a whole zip file")
        with np.load(path) as arrays:
            return [arrays[key] for key in ("x_train", "y_train", "x_test", "y_test")]
    except Exception as error:  # NumPy raises a dozen different ones
        raise WrongInput(f"--data: expected a folder, or a whole mnist.npz in {path!r}: {reason(error)}") from error


def reason(error):
    """The first line of what an exception says, without the path that some repeat."""
    return (getattr(error, "strerror", None) or str(error) or type(error).__name__).splitlines()[0]


def check(data, path):
    """Returns the data; raises WrongInput unless they are 28 x 28 images of bytes, each with a label from 0 to 9."""
    batch = max(setting.batch_size for setting in SETTINGS.values())
    for part, x, y, least in (("training", data.x_train, data.y_train, batch), ("test", data.x_test, data.y_test, 1)):
        if x.dtype != np.uint8 or x.shape[1:] != (N_STEPS, N_INPUTS):
            wrong = f"images are {x.shape} of {x.dtype}, expected (images, {N_STEPS}, {N_INPUTS}) of uint8"
        elif y.dtype.kind not in "iu" or y.shape != (len(x),):
            wrong = f"labels are {y.shape} of {y.dtype}, expected ({len(x)},) whole numbers, one for each image"
        elif len(x) < least:
            wrong = f"images are {len(x)}, expected at least {least}"
        elif y.min() < 0 or y.max() >= N_OUTPUTS:
            wrong = f"labels go from {y.min()} to {y.max()}, expected 0 to {N_OUTPUTS - 1}"
        else:
            continue
        raise WrongInput(f"--data {path!r}: the {part} {wrong}")
    return data


def download_mnist():
    """Returns MNIST from Keras' cache, or downloads it first; where that fails, says why in one line, returns None."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(10)  # seconds without an answer
    try:  # Keras prints its progress on stdout, which is for results
        with contextlib.redirect_stdout(sys.stderr if sys.stderr.isatty() else io.StringIO()):
            (x_train, y_train), (x_test, y_test) = tf.keras.datasets.mnist.load_data()
        return Data("MNIST", x_train, y_train, x_test, y_test)
    except Exception as error:  # Keras raises no narrower one
        print(f"no MNIST, the digits are drawn from Matplotlib's fonts instead: {reason(error)}", file=sys.stderr)
    finally:
        socket.setdefaulttimeout(before)


def draw_data(seed):
    """Returns Data of digits drawn from fonts; those of the test are drawn from fonts that the training never sees."""
    drawn = [draw_digits(fonts, n, [seed, n]) for fonts, n in zip((TRAIN_FONTS, TEST_FONTS), DRAWN)]
    return Data("drawn digits", *drawn[0], *drawn[1])


def draw_digits(fonts, n, seed):
    """Returns n images (n, 28, 28) and labels (n,); font, stroke, turn, size and place of each digit are random."""
    random = np.random.RandomState(seed)
    labels = random.randint(0, 10, n)
    columns, rows = 50, -(-n // 50)
    sheet = plt.Figure(figsize=(columns, rows), dpi=28, facecolor="black")  # a square inch is an image of 28 x 28
    glyphs = {}
    for k, digit in enumerate(labels):
        key = fonts[random.randint(len(fonts))], digit
        if key not in glyphs:  # an outline with its middle at 0 and a height of 1
            file = os.path.join(matplotlib.get_data_path(), "fonts", "ttf", key[0] + ".ttf")
            outline = TextPath((0, 0), str(digit), prop=FontProperties(fname=file))
            low, high = outline.vertices.min(axis=0), outline.vertices.max(axis=0)
            glyphs[key] = Path((outline.vertices - (low + high) / 2) / (high - low)[1], outline.codes)
        place = Affine2D().rotate_deg(random.uniform(-15, 15)).scale(random.uniform(0.5, 0.7))
        place.translate(*random.uniform(0.43, 0.57, 2)).translate(k % columns, rows - 1 - k // columns)
        sheet.add_artist(PathPatch(glyphs[key], color="white", linewidth=random.uniform(0, 3),
                                   transform=place + sheet.dpi_scale_trans))
    canvas = FigureCanvasAgg(sheet)
    canvas.draw()
    pixels = np.array(canvas.buffer_rgba())[:, :, 0].reshape(rows, N_STEPS, columns, N_INPUTS)
    return pixels.swapaxes(1, 2).reshape(-1, N_STEPS, N_INPUTS)[:n], labels


def steps_per_epoch(data, cell):
    """How many whole batches an epoch has; it does without the images that are left over."""
    return len(data.x_train) // SETTINGS[cell].batch_size


@functools.lru_cache(maxsize=1)
def order(n, epoch, seed):
    """Returns the order in which an epoch takes the n training images, each once."""
    return np.random.RandomState([seed, epoch]).permutation(n)


def make_batch(data, cell, i, seed):
    """Returns the batch of step i: x (batch, 28, 28) from 0 to 1, and y (batch,)."""
    size = SETTINGS[cell].batch_size
    epoch, k = divmod(i, steps_per_epoch(data, cell))
    rows = order(len(data.x_train), epoch, seed)[k * size:(k + 1) * size]
    return scale(data.x_train[rows]), data.y_train[rows]


def scale(images):
    """Bytes to numbers from 0 (background) to 1 (ink)."""
    return images.astype(np.float32) / 255


# graph ------------------------------------------------------------------------
def add_cell(x, cell):
    """(batch, time, input) -> the cell's output after the last row (batch, unit)"""
    units = SETTINGS[cell].units
    cells = {"rnn": tf.nn.rnn_cell.BasicRNNCell, "lstm": tf.nn.rnn_cell.BasicLSTMCell}
    outputs, state = tf.nn.dynamic_rnn(cells[cell](units), x, dtype=tf.float32)  # outputs (batch, time, unit)
    return state.h if cell == "lstm" else state  # the same numbers as outputs[:, -1]


def add_output_layer(h):
    """(batch, unit) -> logits (batch, output)"""
    with tf.variable_scope("fully_connected"):
        weights = tf.get_variable("weights", [h.shape[1], N_OUTPUTS])
        biases = tf.get_variable("biases", [N_OUTPUTS], initializer=tf.zeros_initializer())
        return tf.matmul(h, weights) + biases


def training_step(x, y, cell):
    """Forward, loss, gradients and update; returns [loss], a number."""
    logits = add_output_layer(add_cell(x, cell))
    # loss = mean over the batch of -log softmax(logits)[y]
    loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=y, logits=logits))
    optimizer = tf.train.AdamOptimizer(SETTINGS[cell].learning_rate)
    with tf.control_dependencies([optimizer.minimize(loss, tf.train.get_or_create_global_step())]):
        return [tf.identity(loss)]


def evaluation(x, y, cell):
    """Returns for each image whether it is recognized, and as what, both (batch,); uses the weights of the training."""
    with tf.variable_scope("", reuse=True):
        logits = add_output_layer(add_cell(x, cell))
    return [tf.nn.in_top_k(logits, y, 1), tf.argmax(logits, 1)]


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


def start(sess, cell, xla, checkpoint):
    """Builds a model, with new weights or those of the checkpoint; raises WrongInput where that does not fit.

    Returns the placeholders x and y, the best accuracy so far, training step, evaluation, and the savers of last and
    best weights.
    """
    x = tf.placeholder(tf.float32, [None, N_STEPS, N_INPUTS], name="x")
    y = tf.placeholder(tf.int32, [None], name="y")
    best = tf.get_variable("best_accuracy", [], initializer=tf.zeros_initializer(), trainable=False)
    build = tf.xla.experimental.compile if xla else lambda step, inputs: step(*inputs)
    step = build(functools.partial(training_step, cell=cell), [x, y])
    judge = build(functools.partial(evaluation, cell=cell), [x, y])
    saver, best_saver = tf.train.Saver(max_to_keep=2), tf.train.Saver(max_to_keep=1)
    sess.run(tf.global_variables_initializer())
    if checkpoint:  # the best first, so that its saver knows it, and since the last may not have been saved yet
        restore(sess, best_saver, os.path.join(checkpoint, "best"))
        restore(sess, saver, checkpoint)
    return x, y, best, step, judge, saver, best_saver


def check_checkpoint(cell, checkpoint):
    """Raises WrongInput where the checkpoint does not fit, before data are downloaded and an epoch is trained."""
    folder = os.path.join(checkpoint, "best")
    if os.path.exists(folder) and not (os.path.isdir(folder) and os.access(folder, os.W_OK)):
        raise WrongInput(f"--checkpoint {checkpoint!r}: expected a writable folder {folder!r}")
    if os.path.exists(checkpoint):
        with tf.Graph().as_default(), tf.Session() as sess:
            start(sess, cell, False, checkpoint)


Result = collections.namedtuple("Result", "epochs train_accuracy test_accuracy predictions")


def train(data=None, cell="rnn", iterations=None, seed=0, xla=XLA, checkpoint=None, on_step=None):
    """Trains a cell, "rnn" or "lstm", on data, which load_data() returned or is to load from that path.

    Returns a Result: how many epochs it took, the accuracy on the first 10,000 training images and on all test images,
    from 0 to 1, and the digit that each test image (image,) is taken for. Calls on_step(i, loss, result) at every step,
    where the result is None but at the end of an epoch and of the training. Raises WrongInput where the data or the
    checkpoint do not fit.
    """
    data = data if isinstance(data, Data) else load_data(data, seed)
    per_epoch = steps_per_epoch(data, cell)
    if iterations is None:
        iterations = SETTINGS[cell].iterations or SETTINGS[cell].epochs * per_epoch
    with tf.Graph().as_default(), tf.Session() as sess:  # a graph of its own: main() can run again in one process
        tf.set_random_seed(seed)
        x, y, best, step, judge, saver, best_saver = start(sess, cell, xla, checkpoint)

        def evaluate(done):
            def recognize(images, labels):
                batches = [slice(k, k + 1000) for k in range(0, len(images), 1000)]  # all at once is a lot of memory
                judged = [sess.run(judge, {x: scale(images[rows]), y: labels[rows]}) for rows in batches]
                right, predictions = (np.concatenate(parts) for parts in zip(*judged))
                return float(np.mean(right)), predictions

            train_accuracy, _ = recognize(data.x_train[:EVALUATED], data.y_train[:EVALUATED])
            return Result(done / per_epoch, train_accuracy, *recognize(data.x_test, data.y_test))

        done = first = int(sess.run(tf.train.get_global_step()))
        result = None
        for i in steps(iterations, first):
            x_batch, y_batch = make_batch(data, cell, i, seed)
            loss, = sess.run(step, {x: x_batch, y: y_batch})
            if not np.isfinite(loss):
                sys.exit(f"the loss is {loss} at iteration {i}: training stopped")
            done = i + 1
            result = evaluate(done) if done % per_epoch == 0 or done == iterations else None
            if result and checkpoint:
                if result.test_accuracy > sess.run(best):
                    best.load(result.test_accuracy, sess)
                    save(sess, best_saver, os.path.join(checkpoint, "best"), done)
                save(sess, saver, checkpoint, done)
            if on_step:
                on_step(i, loss, result)
        if checkpoint and done > first and not result:  # Ctrl-C within an epoch
            save(sess, saver, checkpoint, done)
        return result or evaluate(done)


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
def plot_results(figure, shown):
    """Prepares the axes; returns update(), which draws shown: {"data": Data, "results": [Result, ...]}."""
    data, size = shown["data"], 40  # of a tile in pixels: the image and its caption
    curves, confusion, mistakes = figure.subplots(1, 3, gridspec_kw={"width_ratios": [4, 4, 3]})
    lines = [curves.plot([], [], ".-", label=f"{part} images")[0] for part in ("training", "test")]
    curves.set(xlabel="epochs", ylabel="accuracy", title=f"recognized: {data.name}")
    curves.legend(loc="lower right")
    counts = confusion.imshow(np.zeros([N_OUTPUTS, N_OUTPUTS]), cmap="Reds")
    confusion.set(xlabel="taken for", ylabel="is", xticks=range(10), yticks=range(10), title="confused: test images")
    figure.colorbar(counts, ax=confusion, label="images", shrink=0.8)
    tiles = mistakes.imshow(np.zeros([4 * size, 3 * size]), cmap="gray_r", vmax=255)
    captions = [mistakes.text((k % 3 + 0.5) * size, k // 3 * size + 8, "", ha="center", size=8) for k in range(12)]
    mistakes.set_title("the first of these")
    mistakes.axis("off")
    figure.tight_layout()

    def update():
        epochs, *accuracies, predictions = zip(*shown["results"])
        for line, accuracy in zip(lines, accuracies):
            line.set_data(epochs, accuracy)
        curves.set(xlim=(0, 1.05 * epochs[-1]), ylim=(np.min(accuracies) - 0.05, 1))
        y, taken_for = data.y_test, predictions[-1]
        matrix = np.bincount(N_OUTPUTS * y + taken_for, minlength=N_OUTPUTS ** 2).reshape(N_OUTPUTS, N_OUTPUTS)
        np.fill_diagonal(matrix, 0)  # the thousands that are right would hide the mistakes
        counts.set_data(matrix)
        counts.set_clim(0, max(1, matrix.max()))
        wrong = np.flatnonzero(y != taken_for)[:len(captions)]
        picture = np.zeros([len(captions), size, size])
        picture[:len(wrong), -N_STEPS:, 6:6 + N_INPUTS] = data.x_test[wrong]
        tiles.set_data(picture.reshape(4, 3, size, size).swapaxes(1, 2).reshape(4 * size, 3 * size))
        for k, caption in enumerate(captions):
            caption.set_text(f"{y[wrong[k]]}, not {taken_for[wrong[k]]}" if k < len(wrong) else "")

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
    parser = flags()
    add = parser.add_argument
    add("--cell", choices=sorted(SETTINGS), default="rnn", help="what reads the rows (default: %(default)s)")
    add("--epochs", type=number(1), metavar="N", help="of training (default of rnn: 100)")
    add("--iterations", type=number(1), metavar="N", help="of training, whatever --epochs says (default of lstm: 8000)")
    add("--no-xla", dest="xla", action="store_false", default=XLA, help="run the plain graph, as on TF 1.15")
    add("--data", metavar="DIR", help="the four IDX files, or a mnist.npz (default: Keras' download)")
    add("--checkpoint", type=output(), metavar="DIR",
        help="save there as it goes, and resume from there; DIR/best keeps what did best on the test images")
    add("--predict", action="store_true", help="classify the test images from the checkpoint, without training")
    args = parser.parse_args(argv)
    if args.predict and not (args.checkpoint and os.path.exists(os.path.join(args.checkpoint, "checkpoint"))):
        parser.error(f"--predict: expected --checkpoint DIR with a checkpoint, not {args.checkpoint!r}")
    try:
        if args.checkpoint:
            check_checkpoint(args.cell, args.checkpoint)
        data = load_data(args.data, args.seed)
        per_epoch = steps_per_epoch(data, args.cell)
        shown = {"data": data, "results": []}
        draw = live(args, plot_results, shown, seconds=1, figsize=(11, 4))

        def on_step(i, loss, result):
            if result:
                shown["results"].append(result)
                tqdm.write(f"{i // per_epoch} Train accuracy:  {result.train_accuracy:.4f} "
                           f"Test accuracy:  {result.test_accuracy:.4f}  ({data.name})")
            if shown["results"]:
                draw()

        iterations = 0 if args.predict else args.iterations or args.epochs and args.epochs * per_epoch
        result = train(data, args.cell, iterations, args.seed, args.xla, args.checkpoint, on_step)
    except WrongInput as error:
        parser.error(error)
    right = int(round(result.test_accuracy * len(data.y_test)))
    print(f"{data.name}: {right} of {len(data.y_test)} test images recognized, accuracy {result.test_accuracy:.4f}")
    shown["results"] = shown["results"] or [result]
    draw(end=True)
    return {"results": shown["results"]}


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
