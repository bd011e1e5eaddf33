"""A recurrent network reads handwritten digits row by row and classifies each image by its final state.

Shows   BasicRNNCell or BasicLSTMCell, dynamic_rnn, the final state, softmax cross-entropy, in_top_k, Saver
Run     python mnist_rnn_classifier.py            (then with --cell lstm)
Expect  on MNIST a test accuracy above 0.95 in 6 to 10 minutes; with --cell lstm above 0.97 in 2
Notes   notes/mnist_rnn_classifier.md
"""
import argparse
import collections
import contextlib
import functools
import gzip
import os
import signal
import socket
import sys
import threading
import warnings
import zipfile

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

N_STEPS = 28  # an image is a sequence of 28 rows
N_INPUTS = 28  # a row has 28 pixels
N_OUTPUTS = 10
N_UNITS = {"rnn": 150, "lstm": 100}
LEARNING_RATE = {"rnn": 0.001, "lstm": 0.01}
BATCH_SIZE = {"rnn": 150, "lstm": 100}
EPOCHS = 100  # of the basic RNN
ITERATIONS = 8000  # of the LSTM
REPORT_EVERY = 500  # iterations of the LSTM; the basic RNN reports each epoch
REPORT = {"rnn": "{0:.0f} Train accuracy:  {1:.4f} Test accuracy:  {2:.4f}",
          "lstm": "train loss: {3:.4f} | test accuracy: {2:.2f}"}

# images (image, 28, 28) of bytes, labels (image,)
Data = collections.namedtuple("Data", "name x_train y_train x_test y_test")
Result = collections.namedtuple("Result", "epochs train_accuracy test_accuracy predictions")


# data -------------------------------------------------------------------------
def load_data(path=None, seed=0):
    """Returns Data: the files at the path, or Keras' download, or, where that fails, drawn digits."""
    if path is not None:
        return Data("images of --data", *read_files(path))
    socket.setdefaulttimeout(10)  # seconds without an answer
    try:
        with contextlib.redirect_stdout(sys.stderr):  # Keras prints its progress; stdout is for results
            train, test = tf.keras.datasets.mnist.load_data()
        return Data("MNIST", *train, *test)
    except Exception as error:  # Keras raises no narrower one
        print(f"MNIST cannot be downloaded, digits are drawn instead: {error}", file=sys.stderr)
        return Data("drawn digits", *draw_digits(6000, seed), *draw_digits(1000, seed))


def read_files(path):
    """Returns the four arrays in a mnist.npz or a folder of IDX files; wrong files end the script."""
    npz = os.path.join(path, "mnist.npz") if os.path.isdir(path) else path
    try:
        if os.path.isfile(npz):
            with zipfile.ZipFile(npz) as files:
                arrays = [read_array(files.open(f"{kind}_{part}.npy"), rank, is_npy=True)
                          for part in ("train", "test") for kind, rank in (("x", 3), ("y", 1))]
        else:
            arrays = [read_idx(os.path.join(path, f"{part}-{kind}-idx{rank}-ubyte"), rank)
                      for part in ("train", "t10k") for kind, rank in (("images", 3), ("labels", 1))]
        for x, y, least in (*arrays[:2], BATCH_SIZE["rnn"]), (*arrays[2:], 1):
            if len(x) != len(y) or len(x) < least or y.max() >= N_OUTPUTS:
                raise ValueError(f"{len(x)} images (at least {least}), {len(y)} labels from 0 to {y.max()}")
    except Exception as error:  # zipfile, gzip and NumPy raise a dozen different ones
        sys.exit(f"--data {path!r}: expected the files of MNIST: {error}")
    return arrays


def read_idx(path, rank):
    """Returns the array in an IDX file, which may be gzipped."""
    path = path if os.path.exists(path) else path + ".gz"
    if not os.path.isfile(path):  # a pipe or a device might never end
        raise ValueError(f"{path!r} is no file")
    with open(path, "rb") as file:
        is_gzip = file.peek(2).startswith(b"\x1f\x8b")
        return read_array(gzip.GzipFile(fileobj=file) if is_gzip else file, rank)


def read_array(file, rank, is_npy=False):
    """Returns the bytes in an open file as an array; a wrong header is refused before memory is taken."""
    if is_npy:
        np.lib.format.read_magic(file)
        shape, is_transposed, dtype = np.lib.format.read_array_header_1_0(file)
    else:  # IDX: 2048 for bytes plus the rank, then each dimension, in four bytes, big-endian
        magic, *shape = np.frombuffer(file.read(4 + 4 * rank), ">u4").tolist()
        is_transposed, dtype = False, "uint8" if magic == 2048 + rank else f"magic number {magic}"
    if dtype != "uint8" or list(shape[1:]) != [N_STEPS, N_INPUTS][:rank - 1] or not 0 < shape[0] <= 300000:
        raise ValueError(f"{file.name!r} has {shape} of {dtype}, expected (n, 28, 28) or (n,) of uint8")
    size = int(np.prod(shape))
    content = file.read(size + 1)
    if len(content) != size:
        raise ValueError(f"{file.name!r} does not have the {size} values that its header promises")
    return np.frombuffer(content, np.uint8).reshape(shape, order="F" if is_transposed else "C")


def draw_digits(n, seed):
    """Returns images (n, 28, 28) and labels (n,): lines through points 0 to E of a 3 x 5 grid, shaken."""
    lines = ["02EC0", "31D", "0286CE", "02878EC", "0682E", "2068EC", "20CE86", "02D", "02EC068", "8602E"]
    random = np.random.RandomState([abs(seed) % 2**32, n])
    labels = random.randint(0, 10, n)
    pixels = (np.arange(N_INPUTS) + 1j * np.arange(N_STEPS)[:, np.newaxis])[:, :, np.newaxis]  # x + iy
    images = np.zeros([n, N_STEPS, N_INPUTS], np.uint8)
    for k, label in enumerate(labels):
        points = np.array([complex(int(c, 16) % 3 - 1, int(c, 16) // 3 - 2) for c in lines[label]])  # 3 x 5
        points += random.normal(0, 0.2, [len(points), 2]) @ [1, 1j]
        points = 13.5 + 13.5j + points * random.uniform(3.5, 5) * np.exp(1j * random.uniform(-0.2, 0.2))
        start, piece = points[:-1], np.diff(points)
        # the point of a piece that is nearest to a pixel is start + share piece, with a share from 0 to 1
        share = np.clip(((pixels - start) / piece).real, 0, 1)
        distance = np.abs(pixels - start - share * piece).min(axis=-1)
        images[k] = 255 * np.clip(random.uniform(1.5, 2.5) - distance, 0, 1)
    return images, labels


def make_batch(data, i, batch_size, seed):
    """Returns x (batch, 28, 28) from 0 to 1 and y (batch,) of step i; an epoch takes each image once."""
    epoch, k = divmod(i, len(data.x_train) // batch_size)
    rows = shuffle(len(data.x_train), epoch, abs(seed) % 2**32)[k * batch_size:(k + 1) * batch_size]
    return data.x_train[rows] / 255, data.y_train[rows]


@functools.lru_cache(maxsize=1)
def shuffle(n, epoch, seed):
    """Returns the order in which an epoch takes the n training images."""
    return np.random.RandomState([seed, epoch]).permutation(n)


# graph ------------------------------------------------------------------------
def predict(x, cell):
    """x (batch, time, input) -> logits (batch, output)"""
    make_cell = {"rnn": tf.nn.rnn_cell.BasicRNNCell, "lstm": tf.nn.rnn_cell.BasicLSTMCell}[cell]
    # an image does not continue the one before it: dynamic_rnn starts each with a state of zeros
    _, state = tf.nn.dynamic_rnn(make_cell(N_UNITS[cell]), x, dtype=tf.float32)
    h = state.h if cell == "lstm" else state  # (batch, unit), the same numbers as outputs[:, -1]
    with tf.variable_scope("fully_connected"):
        weights = tf.get_variable("weights", [N_UNITS[cell], N_OUTPUTS])
        biases = tf.get_variable("biases", [N_OUTPUTS], initializer=tf.zeros_initializer())
        return tf.matmul(h, weights) + biases


def compute_loss(logits, y):
    """loss = mean over the batch of -log softmax(logits)[y]"""
    return tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=y, logits=logits))


def training_step(x, y, cell):
    """Runs the network and updates its weights; returns [loss]."""
    loss = compute_loss(predict(x, cell), y)
    global_step = tf.train.get_or_create_global_step()  # here, because XLA updates resource variables only
    update = tf.train.AdamOptimizer(LEARNING_RATE[cell]).minimize(loss, global_step)
    with tf.control_dependencies([update]):  # whoever fetches the loss also trains
        return [tf.identity(loss)]


def classify(x, y, cell):
    """Returns whether the network is right (batch,) and the digit that it sees (batch,)."""
    with tf.variable_scope("", reuse=True):  # the weights of the training
        logits = predict(x, cell)
    return [tf.nn.in_top_k(logits, y, 1), tf.argmax(logits, 1)]


# train ------------------------------------------------------------------------
def train(data, cell="rnn", iterations=None, seed=0, xla=XLA, checkpoint=None, on_step=lambda *_: None):
    """Trains, or goes on from the checkpoint; returns a Result; calls on_step(i, loss, None or a Result)."""
    per_epoch = len(data.x_train) // BATCH_SIZE[cell]
    if iterations is None:
        iterations = EPOCHS * per_epoch if cell == "rnn" else ITERATIONS
    with tf.Graph().as_default(), tf.Session() as sess:
        tf.set_random_seed(seed)
        x = tf.placeholder(tf.float32, [None, N_STEPS, N_INPUTS], name="x")
        y = tf.placeholder(tf.int32, [None], name="y")
        build = [functools.partial(function, cell=cell) for function in (training_step, classify)]
        step, test = [tf.xla.experimental.compile(f, [x, y]) if xla else f(x, y) for f in build]
        saver = tf.train.Saver(max_to_keep=2, save_relative_paths=True)
        sess.run(tf.global_variables_initializer())
        if checkpoint:
            restore(sess, saver, checkpoint)

        def evaluate(n_steps):
            train_right, _ = sess.run(test, {x: data.x_train[:10000] / 255, y: data.y_train[:10000]})
            right, predictions = sess.run(test, {x: data.x_test / 255, y: data.y_test})
            return Result(n_steps / per_epoch, float(train_right.mean()), float(right.mean()), predictions)

        for i in steps(iterations, first=sess.run(tf.train.get_global_step())):
            x_batch, y_batch = make_batch(data, i, BATCH_SIZE[cell], seed)
            loss, = sess.run(step, {x: x_batch, y: y_batch})
            if not np.isfinite(loss):
                sys.exit(f"the loss is {loss} at iteration {i}: training stopped")
            if checkpoint and (i + 1) % REPORT_EVERY == 0:
                save(sess, saver, checkpoint)
            is_due = (i + 1) % per_epoch == 0 if cell == "rnn" else i % REPORT_EVERY == 0
            on_step(i, loss, evaluate(i + 1) if is_due else None)
        if checkpoint:
            save(sess, saver, checkpoint)
        return evaluate(int(sess.run(tf.train.get_global_step())))


# plot -------------------------------------------------------------------------
def plot_results(figure):
    """Prepares the axes; returns update(data, results), results being a list of Result."""
    axes = figure.subplot_mosaic("aaa123;aaa456;aaa789")
    lines = axes["a"].plot([], [], "r.-", [], [], "b.-")
    axes["a"].set(xlabel="epochs", ylabel="accuracy")
    axes["a"].legend(["training images", "test images"])
    tiles = [axes[k].imshow(np.zeros([N_STEPS, N_INPUTS]), cmap="gray_r", vmax=255) for k in "123456789"]

    def update(data, results):
        epochs, *accuracies, seen = zip(*results)
        for line, accuracy in zip(lines, accuracies):
            line.set_data(epochs, accuracy)
        axes["a"].set(xlim=(0, 1.05 * epochs[-1]), ylim=(np.min(accuracies) - 0.05, 1))
        for tile in tiles:
            tile.axes.set_visible(False)
        for tile, k in zip(tiles, np.flatnonzero(data.y_test != seen[-1])):  # the first mistakes
            tile.set_data(data.x_test[k])
            tile.axes.set(visible=True, xticks=[], yticks=[], title=f"{data.y_test[k]} seen as {seen[-1][k]}")
    return update


# main -------------------------------------------------------------------------
def main(argv=()):
    parser = flags()
    parser.add_argument("--cell", choices=["rnn", "lstm"], default="rnn", help="cell (default: rnn)")
    parser.add_argument("--iterations", type=int, metavar="N",
                        help="training iterations (default: 100 epochs; for the lstm 8000 iterations)")
    parser.add_argument("--data", metavar="PATH", help="folder with the files of MNIST (default: download)")
    parser.add_argument("--checkpoint", metavar="DIR", help="save the weights, and go on from them")
    parser.add_argument("--no-xla", dest="xla", action="store_false", default=XLA, help="do not compile")
    args = parser.parse_args(argv)
    data = load_data(args.data, args.seed)
    draw = live(args, plot_results, figsize=(12, 4), layout="tight")
    print(f"{data.name}: {len(data.x_train)} for training, {len(data.x_test)} for the test")
    losses, results = [], []

    def on_step(i, loss, result):
        losses.append(float(loss))
        if result:
            results.append(result)
            tqdm.write(REPORT[args.cell].format(result.epochs - 1, *result[1:3], loss))
            draw(data, results)

    result = train(data, args.cell, args.iterations, args.seed, args.xla, args.checkpoint, on_step)
    print(f"accuracy on the {len(data.y_test)} test images: {result.test_accuracy:.4f}")
    draw(data, results + [result], end=True)
    return {"test_accuracy": result.test_accuracy, "losses": losses, "results": results}


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
