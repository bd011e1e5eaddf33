"""MIGRATING.md and README: today's names exist on both TensorFlows, and messages are quoted as they are."""
import importlib
import re

import numpy as np
import pytest
from conftest import ROOT, SCRIPTS

import deep_rnn
from deep_rnn import tf

TEXT = (ROOT / "MIGRATING.md").read_text(encoding="utf-8")
TF2 = not tf.__version__.startswith("1.")


def section(title):
    return re.split(r"^## ", TEXT.split(f"\n## {title}\n")[1], flags=re.MULTILINE)[0]


def rows():
    """Returns the rows of the table of names: the book's, today's, the example's."""
    return re.findall(r"^\| (.+?) \| (.+?) \| ?(.*?) ?\|$", section("Name by name"), re.MULTILINE)[2:]


@pytest.mark.parametrize("row", rows(), ids=lambda row: re.findall(r"`(.+?)`", row[0])[0])
def test_todays_names_exist_and_are_shown(row):
    _, today, example = row
    entries = [entry for entry in re.findall(r"`(.+?)`", today)
               if re.match(r"(tf|np|\w+_(rnn|lstm|gru|classifier))\.", entry)]
    with tf.Graph().as_default():
        names = {"tf": tf, "np": np, "a": tf.ones([2, 2]), "b": tf.ones([2, 2]), "labels": [1, 2]}
        names.update((name, importlib.import_module(name)) for name in SCRIPTS)
        for entry in entries:
            eval(entry, names)
    assert entries or "legacy" in today or "make_cell" in today or "sess.run" in today
    for script in re.findall(r"\]\((\w+\.py)\)", example):
        assert (ROOT / script).exists()


def feed(x, y):
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        return sess.run(y, {x: np.zeros([7, 3, 2])})


def fixed_state():
    x, cell = tf.placeholder(tf.float32, [None, 3, 2]), tf.nn.rnn_cell.BasicLSTMCell(4)
    return feed(x, tf.nn.dynamic_rnn(cell, x, initial_state=cell.zero_state(5, tf.float32))[0])


def wrong_shape():
    x = tf.placeholder(tf.float32, [None, 3])
    return feed(x, 2 * x)


def no_initializer():
    with tf.Session() as sess:
        return sess.run(tf.get_variable("v", [2]))


def no_gpu():
    with tf.device("/gpu:0"):
        x = tf.placeholder(tf.float32)
        return feed(x, 2 * x)


def one_cell():
    cells = tf.nn.rnn_cell.MultiRNNCell([tf.nn.rnn_cell.BasicLSTMCell(10)] * 2)
    return tf.nn.dynamic_rnn(cells, tf.ones([1, 3, 1]), dtype=tf.float32)


def built_twice():
    return [tf.nn.dynamic_rnn(tf.nn.rnn_cell.BasicLSTMCell(4), tf.ones([1, 3, 1]), dtype=tf.float32) for _ in "ab"]


def step_outside():
    tf.train.get_or_create_global_step()
    return tf.xla.experimental.compile(lambda x: deep_rnn.training_step(x, x, 1.0), [tf.ones([1, 100, 1])])


def value_inside():
    return tf.xla.experimental.compile(lambda x: [tf.get_variable("v", initializer=2 * x)], [tf.ones([2])])


@pytest.mark.parametrize("call, message", [
    (fixed_state, "ConcatOp : Dimension"), (wrong_shape, "Cannot feed value of shape"),
    (no_initializer, "Attempting to use uninitialized value"), (no_gpu, "Cannot assign a device for operation"),
    (one_cell, "Dimensions must be equal, but are 20 and 11"), (built_twice, "already exists, disallowed."),
    (step_outside, "Non-resource Variables are not supported inside XLA computations"),
    (value_inside, "from inside a control-flow"), (lambda: tf.concat(1, [tf.ones([2, 2])] * 2), "must have rank 0")],
    ids=lambda value: getattr(value, "__name__", ""))
def test_messages_of_graphs_are_quoted(call, message):
    if call is no_gpu and tf.config.experimental.list_physical_devices("GPU"):
        pytest.skip("there is a GPU")
    with tf.Graph().as_default(), pytest.raises(Exception, match=re.escape(message)):
        call()
    assert message in TEXT


def test_the_scripts_own_messages_are_quoted():
    source = (ROOT / "sin_to_cos_lstm.py").read_text(encoding="utf-8")
    for message in re.findall(r"^\| `(.+?)` \|", TEXT.split("What the scripts say:")[1], re.MULTILINE):
        assert message in source
