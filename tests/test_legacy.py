"""legacy.rnn, legacy_seq2seq and the old cells against TF 1.15's own, and the command `python -m legacy`."""
import gzip
import os
import subprocess
import sys

import numpy as np
import pytest
from conftest import ROOT
from legacy_oracle import check, environment, expected, numbers, run

legacy_only = pytest.mark.skipif(sys.version_info < (3, 8), reason="on TF 1.15 legacy does nothing")
OLD = sorted((ROOT / "tests" / "old").glob("*.py"))


def tensor(tf, name, *shape):
    return tf.constant(numbers(name, shape, 1.0))


def flat(tf, outputs, state):
    """Outputs and states as one dict of tensors."""
    try:
        flatten = tf.contrib.framework.nest.flatten
    except AttributeError:
        flatten = tf.nest.flatten
    return {f"{name} {i}": part for name, whole in (("output", outputs), ("state", state))
            for i, part in enumerate(flatten(whole))}


def cell(name, *args, **kwargs):
    """A case: a cell of tf.contrib.rnn over three steps."""
    def build(tf):
        made = getattr(tf.contrib.rnn, name)(*args, **kwargs)
        return flat(tf, *tf.nn.dynamic_rnn(made, tensor(tf, "x", 2, 3, 4), sequence_length=[3, 2], dtype=tf.float32))
    return build


def wrapped(name, *args, **kwargs):
    """A case: a wrapper around a GRU of four units over a list of three steps."""
    def build(tf):
        made = getattr(tf.contrib.rnn, name)(tf.contrib.rnn.GRUCell(4), *args, **kwargs)
        inputs = [tf.constant([1, 2])] * 3 if name == "EmbeddingWrapper" else tf.unstack(tensor(tf, "x", 3, 2, 4))
        return flat(tf, *tf.contrib.rnn.static_rnn(made, inputs, dtype=tf.float32))
    return build


def fused(lengths=None, **kwargs):
    def build(tf):
        made = tf.contrib.rnn.LSTMBlockFusedCell(5, **kwargs)
        return flat(tf, *made(tensor(tf, "x", 3, 2, 4), dtype=tf.float32, sequence_length=lengths))
    return build


def both_ways(tf):
    r = tf.contrib.rnn
    adaptor = r.FusedRNNCellAdaptor(r.BasicRNNCell(3), use_dynamic_rnn=True)
    x = tensor(tf, "x", 3, 2, 4)
    with tf.variable_scope("fw"):
        fw = adaptor(x, dtype=tf.float32)
    with tf.variable_scope("bw"):
        bw = r.TimeReversedFusedRNN(r.LSTMBlockFusedCell(3))(x, dtype=tf.float32, sequence_length=[3, 1])
    return flat(tf, *zip(fw, bw))


def bidirectional(name, steps):
    def build(tf):
        r = tf.contrib.rnn
        cells = [[r.LSTMCell(3), r.GRUCell(2)] for _ in range(2)]
        x = tensor(tf, "x", 2, 3, 4)
        outputs, fw, bw = getattr(r, name)(*cells, tf.unstack(x, axis=1) if steps else x, dtype=tf.float32)
        return flat(tf, outputs, (fw, bw))
    return build


def conv(tf):
    made = tf.contrib.rnn.Conv2DLSTMCell(input_shape=[4, 4, 2], output_channels=3, kernel_shape=[3, 3])
    return flat(tf, *tf.nn.dynamic_rnn(made, tensor(tf, "x", 2, 3, 4, 4, 2), dtype=tf.float32))


def grid(name, **kwargs):
    def build(tf):
        made = getattr(tf.contrib.rnn, name)(3, feature_size=2, frequency_skip=1, num_frequency_blocks=[3], **kwargs)
        return flat(tf, *tf.nn.dynamic_rnn(made, tensor(tf, "x", 2, 3, 4), dtype=tf.float32))
    return build


def time_frequency(tf):
    made = tf.contrib.rnn.TimeFreqLSTMCell(3, use_peepholes=True, feature_size=2, frequency_skip=2)
    return flat(tf, *made(tensor(tf, "x", 2, 4), tensor(tf, "state", 2, 12)))


def phased(tf):
    made = tf.contrib.rnn.PhasedLSTMCell(3, use_peepholes=True)
    inputs = tensor(tf, "t", 2, 3, 1), tensor(tf, "x", 2, 3, 4)
    return flat(tf, *tf.nn.dynamic_rnn(made, inputs, dtype=tf.float32))


def seq2seq(name, symbols=True, feed=False, layers=1, **kwargs):
    """A case: a function of tf.contrib.legacy_seq2seq; with `feed` a tensor decides at run time."""
    def build(tf):
        s = tf.contrib.legacy_seq2seq
        cells = [tf.contrib.rnn.BasicLSTMCell(4) for _ in range(layers)]
        made = tf.contrib.rnn.MultiRNNCell(cells) if layers > 1 else cells[0]
        if symbols:
            inputs = [tf.constant([1, 2]), tf.constant([0, 3]), tf.constant([4, 1])]
            sizes = [5, 3] if "tied" in name else [5, 5, 3]
            feed_previous = tf.constant(True) if feed == "tensor" else feed
            return flat(tf, *getattr(s, name)(inputs, inputs, made, *sizes, feed_previous=feed_previous, **kwargs))
        inputs = tf.unstack(tensor(tf, "x", 3, 2, 4))
        return flat(tf, *getattr(s, name)(inputs, inputs, made, **kwargs))
    return build


def buckets(tf):
    s = tf.contrib.legacy_seq2seq
    inputs = [tf.constant([1, 2]), tf.constant([0, 3]), tf.constant([4, 1])]
    weights = [tf.constant([1.0, 0.5])] * 3

    def model(x, y):
        return s.embedding_attention_seq2seq(x, y, tf.contrib.rnn.GRUCell(4), 5, 5, 3, num_heads=2)
    outputs, losses = s.model_with_buckets(inputs, inputs, inputs, weights, [(2, 2), (3, 3)], model)
    return flat(tf, outputs, losses)


def one_to_many(tf):
    inputs = [tf.constant([1, 2]), tf.constant([0, 3])]
    cells = {"a": tf.contrib.rnn.GRUCell(4), "b": tf.contrib.rnn.GRUCell(4)}
    outputs, states = tf.contrib.legacy_seq2seq.one2many_rnn_seq2seq(
        inputs, {"a": inputs, "b": inputs}, tf.contrib.rnn.GRUCell(4), cells, 5, {"a": 4, "b": 5}, 3)
    return flat(tf, [outputs["a"], outputs["b"]], [states["a"], states["b"]])


def shared_list(tf):
    made = tf.contrib.rnn.MultiRNNCell([tf.contrib.rnn.BasicLSTMCell(4)] * 3)
    return flat(tf, *tf.nn.dynamic_rnn(made, tensor(tf, "x", 2, 3, 4), dtype=tf.float32))


CASES = {
    "AttentionCellWrapper": wrapped("AttentionCellWrapper", 2, state_is_tuple=True),
    "AttentionCellWrapper, one tensor": wrapped("AttentionCellWrapper", 3, attn_size=2, state_is_tuple=False),
    "Conv2DLSTMCell": conv,
    "CoupledInputForgetGateLSTMCell": cell("CoupledInputForgetGateLSTMCell", 5, True, num_proj=3, proj_clip=0.1),
    "CoupledInputForgetGateLSTMCell, norm": cell("CoupledInputForgetGateLSTMCell", 8, layer_norm=True,
                                                 num_unit_shards=2),
    "EmbeddingWrapper": wrapped("EmbeddingWrapper", 5, 3),
    "FusedRNNCellAdaptor, TimeReversedFusedRNN": both_ways,
    "GLSTMCell": cell("GLSTMCell", 4, number_of_groups=2, num_proj=2),
    "GRUBlockCell": cell("GRUBlockCell", 5),
    "GRUBlockCellV2": cell("GRUBlockCellV2", 5),
    "GridLSTMCell": grid("GridLSTMCell", use_peepholes=True),
    "GridLSTMCell, coupled and shared": grid("GridLSTMCell", use_peepholes=True, share_time_frequency_weights=True,
                                             couple_input_forget_gates=True, state_is_tuple=False),
    "GridLSTMCell, both ways": grid("BidirectionalGridLSTMCell", cell_clip=0.3, backward_slice_offset=1),
    "HighwayWrapper": wrapped("HighwayWrapper"),
    "HighwayWrapper, own gates": wrapped("HighwayWrapper", couple_carry_transform_gates=False),
    "IndRNNCell": cell("IndRNNCell", 5),
    "IndyGRUCell": cell("IndyGRUCell", 5),
    "IndyLSTMCell": cell("IndyLSTMCell", 5),
    "InputProjectionWrapper": wrapped("InputProjectionWrapper", 3),
    "IntersectionRNNCell": cell("IntersectionRNNCell", 5, num_in_proj=5),
    "LSTMBlockCell": cell("LSTMBlockCell", 5, use_peephole=True, cell_clip=0.3),
    "LSTMBlockFusedCell": fused(),
    "LSTMBlockFusedCell, lengths": fused([3, 1], use_peephole=True),
    "LayerNormBasicLSTMCell": cell("LayerNormBasicLSTMCell", 5),
    "LayerNormBasicLSTMCell, no norm": cell("LayerNormBasicLSTMCell", 5, layer_norm=False),
    "NASCell": cell("NASCell", 5),
    "NASCell, projection": cell("NASCell", 5, num_proj=3, use_bias=True),
    "OutputProjectionWrapper": wrapped("OutputProjectionWrapper", 3),
    "PhasedLSTMCell": phased,
    "SRUCell": cell("SRUCell", 5),
    "TimeFreqLSTMCell": time_frequency,
    "UGRNNCell": cell("UGRNNCell", 5),
    "[cell] * 3": shared_list,
    "attention, 3 heads": seq2seq("embedding_attention_seq2seq", num_heads=3, initial_state_attention=True),
    "attention, two layers": seq2seq("embedding_attention_seq2seq", layers=2, feed=True),
    "basic_rnn_seq2seq": seq2seq("basic_rnn_seq2seq", symbols=False, layers=2),
    "embedding_attention_seq2seq": seq2seq("embedding_attention_seq2seq", feed="tensor"),
    "embedding_rnn_seq2seq": seq2seq("embedding_rnn_seq2seq", feed="tensor"),
    "embedding_tied_rnn_seq2seq": seq2seq("embedding_tied_rnn_seq2seq", feed="tensor", layers=2),
    "model_with_buckets": buckets,
    "one2many_rnn_seq2seq": one_to_many,
    "stack_bidirectional_dynamic_rnn": bidirectional("stack_bidirectional_dynamic_rnn", steps=False),
    "stack_bidirectional_rnn": bidirectional("stack_bidirectional_rnn", steps=True),
    "tied_rnn_seq2seq": seq2seq("tied_rnn_seq2seq", symbols=False),
}


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    folder = tmp_path_factory.mktemp("values")
    return expected(__file__, folder), run(sys.executable, __file__, folder / "given.npz")


@pytest.mark.long
@legacy_only
@pytest.mark.parametrize("name", CASES)
def test_equals_tensorflow_1(name, both):
    check(name, *both)


# what makes of a script that is older than 1.0 one that TF 1.15 runs: the edits that legacy makes needless
EDITS = {
    "names_2016.py": [
        ("tf.split(0, n_steps, rows)", "tf.split(rows, n_steps, 0)"),
        ("LSTMCell(n_hidden, n_input, ", "LSTMCell(n_hidden, "),
        ("tf.nn.rnn(", "tf.nn.static_rnn("),
        ("tf.concat(1, [outputs[-1], tf.mul(outputs[0], 0.5)])",
         "tf.concat([outputs[-1], tf.multiply(outputs[0], 0.5)], 1)"),
        ("logits(pred, y)", "logits(labels=y, logits=pred)"),
        ("tf.pack(", "tf.stack("),
        ("tf.sub(", "tf.subtract("),
        ("tf.scalar_summary(", "tf.summary.scalar("),
        ("tf.merge_all_summaries(", "tf.summary.merge_all("),
        ("tf.train.SummaryWriter(", "tf.summary.FileWriter("),
    ],
    "state_2016.py": [
        ("forget_bias=0.0)", "forget_bias=0.0, state_is_tuple=False)"),
        ("cell = tf.nn.rnn_cell.BasicLSTMCell", "cell = lambda: tf.nn.rnn_cell.BasicLSTMCell"),
        ("cell = tf.nn.rnn_cell.DropoutWrapper(cell, output_keep_prob=1.0)\n", "pass\n"),
        ("MultiRNNCell([cell] * 2)", "MultiRNNCell([cell(), cell()], state_is_tuple=False)"),
        ("tf.split(1, num_steps, inputs)", "tf.split(inputs, num_steps, 1)"),
        ("tf.nn.rnn(", "tf.nn.static_rnn("),
        ("tf.concat(1, outputs)", "tf.concat(outputs, 1)"),
        ("tf.nn.seq2seq.", "tf.contrib.legacy_seq2seq."),
    ],
}


def ported(script, folder):
    text = script.read_text()
    for old, new in EDITS.get(script.name, []):
        assert old in text
        text = text.replace(old, new)
    path = folder / script.name
    path.write_text(text)
    return path


def run_old(python, script, folder, *flags):
    """What an old script prints, in a process of that Python; the command is the same on both TensorFlows."""
    done = subprocess.run([python, "-m", "legacy", *flags, str(script), str(folder)], env=environment(),
                          cwd=str(folder), stdin=subprocess.DEVNULL, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return [line for line in done.stdout.splitlines() if not line.startswith("Extracting")], done.stderr


def folder_with_digits(folder):
    """A folder with MNIST's four files, of 60 and 20 noisy digits."""
    folder.mkdir()
    rng = np.random.RandomState(0)
    for name, count in (("train", 60), ("t10k", 20)):
        images, labels = rng.randint(0, 256, (count, 28, 28)), rng.randint(0, 10, count)
        for what, header, data in (("images-idx3", [2051, count, 28, 28], images),
                                   ("labels-idx1", [2049, count], labels)):
            content = np.array(header, ">i4").tobytes() + data.astype(np.uint8).tobytes()
            (folder / f"{name}-{what}-ubyte.gz").write_bytes(gzip.compress(content))
    return folder


@legacy_only
@pytest.mark.parametrize("script", [
    pytest.param(path, marks=[] if path.stem == "names_2016" else pytest.mark.long, id=path.stem) for path in OLD])
def test_old_script_prints_the_numbers_of_tensorflow_1(script, tmp_path):
    """The numbers that TF 1.15 printed; where it is here, from the other's checkpoint, too."""
    wanted = script.with_suffix(".txt").read_text().splitlines()
    ours = folder_with_digits(tmp_path / "ours")
    given, told = run_old(sys.executable, script, ours)
    assert wanted and given == wanted
    assert "as before TF" in told or script.name not in EDITS
    other_python = os.environ.get("TF1_PYTHON")
    if other_python:
        theirs, edited = folder_with_digits(tmp_path / "theirs"), ported(script, tmp_path)
        assert run_old(other_python, edited, theirs)[0] == wanted
        assert run_old(sys.executable, script, theirs)[0] == wanted
        assert run_old(other_python, edited, ours)[0] == wanted


@legacy_only
@pytest.mark.long
@pytest.mark.parametrize("source, words", [
    ("import tensorflow as tf\n\ntf.contrib.rnn.NoCell(3)\n", ["line 3", "tf.contrib.rnn.NoCell", "MIGRATING.md"]),
    ("import os\nprint 'cost', 3\n", ["line 2", "Python 2", "2to3"]),
    ("import tensorflow as tf\ntf.nn.no_such_thing()\n", ["line 2", "tf.nn.no_such_thing"]),
    ("from tensorflow.contrib.nowhere import x\n", ["line 1", "tf.contrib.nowhere"]),
    ("for i in xrange(3):\n    pass\n", ["line 1", "xrange", "2to3"]),
    ("from tensorflow.examples.tutorials.mnist import input_data\nimport os\nos.environ.update(MNIST_DIR='')\n"
     "os.environ.update(HOME='/nowhere')\ninput_data.read_data_sets('/nowhere')\n", ["MNIST", "/nowhere", "MNIST_DIR"]),
])
def test_what_is_missing_is_one_line(source, words, tmp_path):
    (tmp_path / "script.py").write_text(source)
    done = subprocess.run([sys.executable, "-m", "legacy", str(tmp_path / "script.py")], cwd=str(ROOT),
                          stdin=subprocess.DEVNULL, capture_output=True, text=True)
    assert done.returncode == 1 and "Traceback" not in done.stderr
    said, = [line for line in done.stderr.splitlines() if line.startswith("legacy: ")]
    assert all(word in said for word in words)


OLD_HABITS = """
import sys, collections, time, matplotlib
import numpy as np
matplotlib.use("Agg", warn=False)
import matplotlib.pyplot as plt
import tensorflow as tf
import helper
assert sys.argv[1:] == ["--rate", "0.5"] and __name__ == "__main__" and __file__.endswith("script.py")
assert np.int is int and np.Inf == np.inf and np.reshape(np.arange(4), newshape=(2, 2)).shape == (2, 2)
assert np.array([[1], [2, 3]]).dtype == object and np.fromstring(b"ab", np.uint8)[1] == 98
assert int(np.array([3])) == 3 and "%d %.1f" % (np.array([4]), np.array([[0.5]])) == "4 0.5"
assert helper.first(np.array([2.0])) == 2 and np.zeros(2, dtype=int).dtype == np.int64
assert isinstance([], collections.Iterable)
plt.style.use("seaborn-darkgrid")
ax = plt.gca()
ax.lines.remove(ax.plot([1, 2])[0])
assert not ax.lines and time.clock() > 0
tf.app.flags.DEFINE_float("rate", 0.1, "rate")
tf.app.flags.DEFINE_string("log_dir", "here", "absl has this name, too")
tf.app.flags.FLAGS._parse_flags()
assert tf.app.flags.FLAGS.__flags == {"rate": 0.5, "log_dir": "here"}, tf.app.flags.FLAGS.__flags
assert tf.__version__.startswith("1.15") and not hasattr(tf, "no_such_thing")
x = tf.placeholder(tf.float32, [None, 3, 2])
one = tf.contrib.rnn.LSTMCell(4)
stack = tf.contrib.rnn.MultiRNNCell([one] * 2)
outputs, state = tf.nn.dynamic_rnn(stack, x, initial_state=tf.zeros([5, 16]))
assert state.shape == (5, 16) and len(tf.trainable_variables()) == 4
print([np.float32(1.0)], "old habits die hard")
"""


@pytest.mark.long
@legacy_only
def test_old_habits(tmp_path):
    """What newer NumPy, Matplotlib, Python and absl took away; the command line; the report."""
    (tmp_path / "script.py").write_text(OLD_HABITS)
    (tmp_path / "helper.py").write_text("def first(a):\n    return float(a)\n")
    done = subprocess.run([sys.executable, "-m", "legacy", "--report", str(tmp_path / "script.py"), "--rate", "0.5"],
                          cwd=str(ROOT), stdin=subprocess.DEVNULL, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "[1.0] old habits die hard\n"
    assert "`[cell] * 2` became 2 cells, because the sizes differ" in done.stderr
    assert "[make_cell() for _ in range(2)]" in done.stderr


@legacy_only
@pytest.mark.long  # only CI installs pandas
def test_old_pandas(tmp_path):
    pytest.importorskip("pandas")
    (tmp_path / "script.py").write_text("import pandas as pd\nprint(pd.DataFrame({'a': [1, 2]}).as_matrix().shape)\n")
    assert run_old(sys.executable, tmp_path / "script.py", tmp_path)[0] == ["(2, 1)"]
