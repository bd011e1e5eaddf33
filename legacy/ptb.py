"""tensorflow.models.rnn.ptb.reader: the Penn Treebank as numbers, and in batches.

Source  Mikolov's data, simple-examples.tgz: ptb.train.txt, ptb.valid.txt and ptb.test.txt in one folder
Shapes  x, y (batch, num_steps), int32; y is x one word later
"""

import collections
import os
import sys

import numpy as np
import tensorflow.compat.v1 as tf

reader = sys.modules[__name__]


def _read_words(filename):
    with open(filename, encoding="utf-8") as file:
        return file.read().replace("\n", " <eos> ").split()


def _build_vocab(filename):
    """A number for each word: 0 is the most frequent one; words as frequent as each other are in order."""
    counts = collections.Counter(_read_words(filename))
    words = sorted(counts, key=lambda word: (-counts[word], word))
    return {word: number for number, word in enumerate(words)}


def _file_to_word_ids(filename, word_to_id):
    return [word_to_id[word] for word in _read_words(filename) if word in word_to_id]


def ptb_raw_data(data_path=None):
    """Training, validation and test set, and the size of the vocabulary."""
    train, valid, test = (os.path.join(data_path, f"ptb.{name}.txt") for name in ("train", "valid", "test"))
    vocabulary = _build_vocab(train)
    return tuple(_file_to_word_ids(path, vocabulary) for path in (train, valid, test)) + (len(vocabulary),)


def ptb_iterator(raw_data, batch_size, num_steps):
    """Batches of arrays; each row of a batch goes on where it stopped in the batch before."""
    data = np.array(raw_data, np.int32)
    length = len(data) // batch_size
    data = data[:batch_size * length].reshape(batch_size, length)
    epoch_size = (length - 1) // num_steps
    if epoch_size == 0:
        raise ValueError("epoch_size == 0, decrease batch_size or num_steps")
    for i in range(epoch_size):
        start = i * num_steps
        yield data[:, start:start + num_steps], data[:, start + 1:start + num_steps + 1]


def ptb_producer(raw_data, batch_size, num_steps, name=None):
    """The same batches as tensors, from a queue."""
    with tf.name_scope(name, "PTBProducer", [raw_data, batch_size, num_steps]):
        raw_data = tf.convert_to_tensor(raw_data, name="raw_data", dtype=tf.int32)
        length = tf.size(raw_data) // batch_size
        data = tf.reshape(raw_data[:batch_size * length], [batch_size, length])
        i = tf.train.range_input_producer((length - 1) // num_steps, shuffle=False).dequeue()
        x, y = (tf.strided_slice(data, [0, i * num_steps + shift], [batch_size, (i + 1) * num_steps + shift])
                for shift in (0, 1))
        x.set_shape([batch_size, num_steps])
        y.set_shape([batch_size, num_steps])
        return x, y
