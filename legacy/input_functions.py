"""Input functions of tf.estimator.inputs, and the feeding of arrays of tf.contrib.learn."""
import numpy as np
import tensorflow.compat.v1 as tf


def _by_name(data):
    """A dictionary of arrays as sorted pairs; an array as one pair, whose name is None."""
    pairs = sorted(data.items()) if isinstance(data, dict) else [(None, data)]
    return [(k, np.asarray(v)) for k, v in pairs]


def numpy_input_fn(x, y=None, batch_size=128, num_epochs=1, shuffle=None, queue_capacity=1000, num_threads=1):
    """Returns a function that returns features, or features and labels, one batch at a time.

    x: an array or a dictionary of arrays; y: the same, or None; num_epochs=None goes on for ever.
    """
    if not isinstance(shuffle, bool):
        raise ValueError("shuffle must be provided and explicitly set as boolean")
    arrays = {("x", k): v for k, v in _by_name(x)}
    if y is not None:
        arrays.update({("y", k): v for k, v in _by_name(y)})
    n = len(next(iter(arrays.values())))
    if any(len(v) != n for v in arrays.values()):
        raise ValueError("Length of tensors in x and y is mismatched.")

    def input_fn():
        rows = tf.data.Dataset.range(n)
        if shuffle:
            rows = rows.shuffle(n)
        rows = rows.repeat(num_epochs).batch(batch_size)
        iterator = tf.data.make_initializable_iterator(rows)
        tf.add_to_collection(tf.GraphKeys.TABLE_INITIALIZERS, iterator.initializer)
        tensors = tf.py_func(lambda i: [v[i] for v in arrays.values()], [iterator.get_next()],
                             [tf.as_dtype(v.dtype) for v in arrays.values()], stateful=True)
        for tensor, array in zip(tensors, arrays.values()):
            tensor.set_shape((None,) + array.shape[1:])
        named = dict(zip(arrays, tensors))
        features, labels = [{k: t for (which, k), t in named.items() if which == name} for name in "xy"]
        features, labels = [d.get(None, d) for d in (features, labels)]
        return features if y is None else (features, labels)
    return input_fn


def pandas_input_fn(x, y=None, batch_size=128, num_epochs=1, shuffle=None, queue_capacity=1000, num_threads=1,
                    target_column="target"):
    """numpy_input_fn of a DataFrame's columns; y is a Series or a DataFrame."""
    labels = None
    if y is not None:
        labels = {k: y[k].values for k in y} if hasattr(y, "columns") else y.values
    return numpy_input_fn({k: x[k].values for k in x}, labels, batch_size, num_epochs, shuffle)


class Feeder:
    """Feeds arrays through the placeholders "input" and "output", one batch at a time.

    The order of a shuffled epoch is that of TF 1.15: NumPy's RandomState(42), one permutation for each epoch.
    """

    def __init__(self, x, y, batch_size, shuffle, epochs):
        self._x = _arrays(x)
        self._y = None if y is None else _arrays(y)
        self._n = len(next(iter(self._x.values())) if isinstance(x, dict) else self._x)
        self._batch_size = batch_size or self._n
        self._random = np.random.RandomState(42) if shuffle else None
        self._epochs = epochs
        self._epoch, self._offset = 0, 0
        self._order = self._new_order()

    def _new_order(self):
        return np.arange(self._n) if self._random is None else self._random.permutation(self._n)

    def input_fn(self):
        self._placeholders = [(_placeholders(data, name, columns), data) for data, name, columns in (
            (self._x, "input", True), (self._y, "output", False)) if data is not None]
        return self._placeholders[0][0], (self._placeholders[1][0] if self._y is not None else None)

    def feed(self):
        if self._epochs is not None and self._epoch >= self._epochs:
            raise StopIteration
        rows = self._order[self._offset:self._offset + self._batch_size]
        self._offset += self._batch_size
        if self._offset >= self._n:
            self._order, self._offset, self._epoch = self._new_order(), 0, self._epoch + 1
        feed = {}
        for placeholder, data in self._placeholders:
            pairs = zip(tf.nest.flatten(placeholder), tf.nest.flatten(data))
            feed.update({p: v[rows].reshape([len(rows)] + p.shape.as_list()[1:]) for p, v in pairs})
        return feed


def _arrays(data):
    """An array of a list, an iterator or a pandas object; a dictionary of arrays of a dictionary."""
    if isinstance(data, dict):
        return {k: _arrays(v) for k, v in data.items()}
    return np.asarray(list(data) if hasattr(data, "__next__") else data)


def _placeholders(data, name, columns):
    if isinstance(data, dict):
        return {k: _placeholders(v, f"{name}_{k}", columns) for k, v in data.items()}
    shape = list(data.shape[1:])
    if columns and not shape:
        shape = [1]  # one feature
    if not columns and shape and shape[0] == 1:
        shape = shape[1:]
    return tf.placeholder(tf.as_dtype(data.dtype), [None] + shape, name=name)
