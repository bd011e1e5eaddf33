"""tensorflow.examples.tutorials.mnist.input_data: MNIST from its four files, or from where Keras keeps it.

Shapes  images (n, 784), float32 from 0 to 1, or (n, 28, 28, 1); labels (n,), or (n, 10) with one_hot
"""

import collections
import gzip
import os
import struct
import sys

import numpy as np
import tensorflow.compat.v1 as tf

Datasets = collections.namedtuple("Datasets", ["train", "validation", "test"])
FILES = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte",
         "t10k-labels-idx1-ubyte")
KERAS = os.path.join("~", ".keras", "datasets", "mnist.npz")
# where old code looks for the function: input_data, datasets.mnist, datasets
input_data = mnist = base = sys.modules[__name__]


class DataSet:
    """Images and labels in batches, shuffled once in each epoch."""

    def __init__(self, images, labels, fake_data=False, one_hot=False, dtype=np.float32, reshape=True,
                 seed=None):
        if len(images) != len(labels):
            raise ValueError(f"{len(images)} images and {len(labels)} labels: the numbers must be equal")
        if reshape:
            images = images.reshape(len(images), -1)
        if np.dtype(getattr(dtype, "as_numpy_dtype", dtype)) == np.float32 and images.dtype == np.uint8:
            images = images.astype(np.float32) * np.float32(1.0 / 255.0)
        self._images, self._labels = images, labels
        graph_seed, op_seed = tf.get_seed(seed)
        np.random.seed(graph_seed if seed is None else op_seed)  # as TF 1.15: scripts count on the order
        self._start = self._epochs = 0

    images = property(lambda self: self._images)
    labels = property(lambda self: self._labels)
    num_examples = property(lambda self: len(self._images))
    epochs_completed = property(lambda self: self._epochs)

    def next_batch(self, batch_size, fake_data=False, shuffle=True):
        """The next `batch_size` examples; where an epoch ends within a batch, the next one fills it up."""
        if self._start == 0 and self._epochs == 0 and shuffle:
            self.shuffle()
        rest = self._images[self._start:], self._labels[self._start:]
        if len(rest[0]) >= batch_size:
            self._start += batch_size
            return rest[0][:batch_size], rest[1][:batch_size]
        self._epochs += 1
        if shuffle:
            self.shuffle()
        self._start = batch_size - len(rest[0])
        return (np.concatenate([rest[0], self._images[:self._start]]),
                np.concatenate([rest[1], self._labels[:self._start]]))

    def shuffle(self):
        order = np.arange(self.num_examples)
        np.random.shuffle(order)
        self._images, self._labels = self._images[order], self._labels[order]


def dense_to_one_hot(labels, num_classes=10):
    return np.eye(num_classes)[labels.ravel()]


def read_idx(path):
    """An array from an IDX file, by its header: two zeros, type 8, the number of axes, their sizes."""
    opened = gzip.open if path.endswith(".gz") else open
    with opened(path, "rb") as file:
        zeros, kind, axes = struct.unpack(">HBB", file.read(4))
        if (zeros, kind) != (0, 8):
            raise ValueError(f"{path} is not an IDX file of bytes")
        shape = struct.unpack(f">{axes}I", file.read(4 * axes))
        data = file.read()
    if len(data) != np.prod(shape):
        raise ValueError(f"{path} has {len(data)} bytes of data; its header says {shape}")
    return np.frombuffer(data, np.uint8).reshape(shape)


def extract_images(f):
    return read_idx(f.name)[..., np.newaxis]


def extract_labels(f, one_hot=False, num_classes=10):
    labels = read_idx(f.name)
    return dense_to_one_hot(labels, num_classes) if one_hot else labels


def find(folder):
    """The four arrays, from the folder, from $MNIST_DIR, or from Keras' cache."""
    for place in (folder, os.environ.get("MNIST_DIR", "")):
        paths = [next((path for path in (os.path.join(place, name + end) for end in ("", ".gz"))
                       if os.path.isfile(path)), None) for name in FILES]
        if place and all(paths):
            return [read_idx(path) for path in paths]
    keras = os.path.expanduser(KERAS)
    if os.path.isfile(keras):
        with np.load(keras) as data:
            return [data[name] for name in ("x_train", "y_train", "x_test", "y_test")]
    sys.exit(f"legacy: no MNIST in {folder!r}: put the four files there ({FILES[0]}.gz and so on), set "
             f"MNIST_DIR to their folder, or let Keras load it to {KERAS}")


def read_data_sets(train_dir, fake_data=False, one_hot=False, dtype=np.float32, reshape=True,
                   validation_size=5000,
                   seed=None, source_url=None, **old):
    """Training, validation and test set, as `DataSet`s."""
    if fake_data:
        images, labels = np.ones((10000, 28, 28), np.uint8), np.zeros(10000, np.uint8)
        parts = [images, labels, images, labels]
    else:
        parts = find(train_dir)
    images, labels, test_images, test_labels = parts
    if not 0 <= validation_size <= len(images):
        raise ValueError(f"validation_size is {validation_size}; it must be from 0 to {len(images)}")

    def data_set(images, labels):
        labels = dense_to_one_hot(labels) if one_hot else labels
        return DataSet(images[..., np.newaxis], labels, dtype=dtype, reshape=reshape, seed=seed)
    n = validation_size
    return Datasets(data_set(images[n:], labels[n:]), data_set(images[:n], labels[:n]),
                    data_set(test_images, test_labels))


def load_mnist(train_dir="MNIST-data"):
    return read_data_sets(train_dir)


def load_dataset(name, size="small"):
    if name != "mnist":
        raise ValueError(f"legacy has the data set 'mnist', not {name!r}")
    return load_mnist()
