"""The rows of the benchmark: what each trains, on which data. NumPy only, so that every peer can import it.

A row's model is a stack of recurrent layers, between two dense ones or before one. Its first weights come from the
script's own graph, as a dict by variable name in the graph's order; split_weights() sorts them by layer.
"""
import collections
import functools

import numpy as np

# script and kwargs: of its train(); cell, activation, loss, learning_rate, clip and keep_prob: what peers build;
# carried: the state goes on from step to step; fetched: a prediction is returned beside the loss
Row = collections.namedtuple("Row", "script kwargs cell activation batch loss learning_rate clip keep_prob carried "
                                    "fetched note")


def series(t):
    """The series of three scripts at t (radians), of the shape of t."""
    return t * np.sin(t) / 3 + 2 * np.sin(5 * t)


def waves(i):
    """sin_to_cos_lstm: x, y (50, 20, 1)"""
    t = np.arange(i * 20, i * 20 + 50 * 20).reshape(50, 20) / (10 * np.pi)
    return np.sin(t)[:, :, np.newaxis], np.cos(t)[:, :, np.newaxis]


def times(i):
    """time_series_rnn and deep_rnn: x, y (1, 100, 1), the same at every step"""
    t = np.linspace(0, 15, 101)[np.newaxis, :-1, np.newaxis]
    return t, series(t)


@functools.lru_cache(maxsize=1)
def times_once(i=0):
    """lstm_peephole_gru: the same, made once"""
    return times(0)


def values(i):
    """creative_rnn: x, y (20, 20, 1), y one step ahead"""
    last = np.random.default_rng([0, i]).uniform(2, 30, 20)
    points = series(np.reshape(last, [-1, 1, 1]) + 0.1 * np.arange(-20, 1)[:, np.newaxis])
    return points[:, :-1], points[:, 1:]


@functools.lru_cache(maxsize=1)
def images():
    """As many images (60000, 28, 28) and labels as MNIST has, of noise: nothing to download, as fast to learn from."""
    random = np.random.RandomState(0)
    x = np.frombuffer(random.bytes(60000 * 28 * 28), np.uint8).reshape(60000, 28, 28)
    return x, random.randint(0, 10, 60000)


@functools.lru_cache(maxsize=1)
def order(epoch):
    return np.random.RandomState([0, epoch]).permutation(60000)


def digits(size):
    """mnist_rnn_classifier: x (batch, 28, 28), y (batch,)"""
    def batch(i):
        x, y = images()
        epoch, k = divmod(i, len(x) // size)
        chosen = order(epoch)[k * size:(k + 1) * size]
        return x[chosen].astype(np.float32) / 255, y[chosen]
    return batch


def text():
    """300,000 characters of 95 kinds, without sense: the same in every Python, unlike the one that char_rnn reads."""
    return "".join(map(chr, np.random.RandomState(0).randint(32, 127, 300000)))


@functools.lru_cache(maxsize=1)
def windows():
    stream = np.array([ord(char) - 32 for char in text()[:-30000]], np.int32)
    n = (len(stream) - 1) // (32 * 64) * 32 * 64
    return [part.reshape(32, -1, 64).swapaxes(0, 1) for part in (stream[:n], stream[1:n + 1])]


def characters(i):
    """char_rnn: codes x, y (32, 64); an epoch has 131 windows"""
    x, y = windows()
    return x[i % len(x)], y[i % len(x)]


def row(script, cell, activation, batch, loss, learning_rate, clip=None, keep_prob=1.0, carried=False, fetched=False,
        note="", **kwargs):
    """Returns a Row; keywords beyond its fields are the script's own."""
    if script in ("lstm_peephole_gru", "mnist_rnn_classifier"):
        kwargs["cell"] = cell
    return Row(script, kwargs, cell, activation, batch, loss, learning_rate, clip, keep_prob, carried, fetched, note)


OWN_LOOP = "PyTorch has no such cell: a loop of its own, as `torch.compile` makes it"
gated = functools.partial(row, "lstm_peephole_gru", activation="relu", batch=times_once, loss="mean",
                          learning_rate=0.00001, fetched=True)
mnist = functools.partial(row, "mnist_rnn_classifier", activation="tanh", loss="classes")
chars = functools.partial(row, "char_rnn", "lstm", "tanh", characters, "bits", 0.004, clip=5.0, carried=True)

ROWS = {
    "sin_to_cos": row("sin_to_cos_lstm", "lstm", "tanh", waves, "sum", 0.006, carried=True, fetched=True),
    "time_series": row("time_series_rnn", "rnn", "relu", times, "mean", 0.001),
    "creative": row("creative_rnn", "rnn", "relu", values, "mean", 0.001, inputs="values"),
    "deep": row("deep_rnn", "rnn", "relu", times, "mean", 0.00001),
    "lstm x 5": gated(cell="lstm", note="relu. " + OWN_LOOP),
    "peephole x 10": gated(cell="peephole", note="relu. " + OWN_LOOP),
    "gru x 10": gated(cell="gru", note="relu. " + OWN_LOOP),
    "mnist rnn": mnist(cell="rnn", batch=digits(150), learning_rate=0.001),
    "mnist lstm": mnist(cell="lstm", batch=digits(100), learning_rate=0.01),
    "char_rnn": chars(keep_prob=0.9, note="dropout: each peer throws its own dice, so the losses are not compared"),
    "char_rnn (no dropout)": chars(),
}


def split_weights(weights, dtype=np.float32):
    """Variables by name, in the graph's order -> the dense layer before (or None), layers, the dense one after.

    A layer is a dict: kernel, bias and so on; kernels are (inputs + units, gates * units). A dense layer is a pair.
    """
    layers, dense = {}, []
    for name, value in weights.items():
        scope, _, leaf = name.rpartition("_cell/")
        if "rnn/" in name:
            layers.setdefault(scope, {})[leaf] = np.asarray(value, dtype)
        else:
            dense.append(np.asarray(value, dtype))
    return tuple(dense[:-2]) or None, list(layers.values()), tuple(dense[-2:])


def initial_carry(i):
    """What the carried state is multiplied with before char_rnn's step i: 0 where the text begins."""
    return float(i % len(windows()[0]) > 0)
