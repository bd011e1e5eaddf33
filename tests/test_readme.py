"""The README says what is so: numbers, names on both TensorFlows, error messages, recipe, anchors, animation."""
import importlib
import os
import re
import subprocess
import sys

import numpy as np
import pytest
from conftest import ROOT, SCRIPTS

sys.path.insert(0, str(ROOT / "notes"))
import animate
import render

TEXT = (ROOT / "README.md").read_text(encoding="utf-8")
CHINESE = (ROOT / "README.zh.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
BEFORE, AFTER = BLOCKS[-2:]
NAMES, CHINESE_NAMES = "From TensorFlow 1.x to today, name by name", "从 TensorFlow 1.x 到今天：名称对照"
MESSAGES, CHINESE_MESSAGES = "Troubleshooting, by error message", "故障排除：按报错信息查找"
FEED = """
import sys
with tf.Session() as sess:
    saver = tf.train.Saver()
    if sys.argv[1] == "save":
        sess.run(tf.global_variables_initializer())
        saver.save(sess, sys.argv[2])
    saver.restore(sess, sys.argv[2])
    print(sess.run(prediction, {x: [[[0.1 * t] for t in range(20)]]})[0, 0])
"""

CELLS = """
import sys
import numpy as np
x = tf.constant(np.random.RandomState(0).randn(3, 7, 5), tf.float32)
time_first = tf.transpose(x, [1, 0, 2])
targets, lengths = tf.argmax(x[:, :, ::-1], 2), tf.sequence_mask([7, 2, 4], 7, tf.float32)
"""
OLD_CELLS = """
import tensorflow as tf
from tensorflow.contrib import cudnn_rnn, legacy_seq2seq, rnn, seq2seq
""" + CELLS + """
def cell(n=4):
    return rnn.BasicLSTMCell(n)
results = [tf.nn.dynamic_rnn(made, x, dtype=tf.float32, scope=scope)[0] for scope, made in [
    ("block", rnn.LSTMBlockCell(4)), ("gru", rnn.GRUBlockCellV2(4)), ("residual", rnn.ResidualWrapper(cell(5))),
    ("cudnn", cudnn_rnn.CudnnCompatibleLSTMCell(4))]]
results += [rnn.LSTMBlockFusedCell(4)(time_first, dtype=tf.float32)[0],
            rnn.stack_bidirectional_dynamic_rnn([cell(), cell()], [cell(), cell()], x, dtype=tf.float32)[0],
            legacy_seq2seq.rnn_decoder(tf.unstack(time_first), cell().zero_state(3, tf.float32), cell())[0],
            seq2seq.sequence_loss(x, targets, lengths)]
"""
NEW_CELLS = """
import os; os.environ["TF_USE_LEGACY_KERAS"] = "1"
import tensorflow.compat.v1 as tf
tf.disable_v2_behavior()
""" + CELLS + """
rnn_cell = tf.nn.rnn_cell
def cell(n=4):
    return rnn_cell.BasicLSTMCell(n)
results = [tf.nn.dynamic_rnn(made, x, dtype=tf.float32, scope=scope)[0] for scope, made in [
    ("block", rnn_cell.LSTMCell(4)), ("gru", rnn_cell.GRUCell(4)), ("residual", rnn_cell.ResidualWrapper(cell(5))),
    ("cudnn", rnn_cell.LSTMCell(4, forget_bias=0.0, name="cudnn_compatible_lstm_cell"))]]
results += [tf.nn.dynamic_rnn(rnn_cell.LSTMCell(4, name="lstm_fused_cell"), time_first, dtype=tf.float32,
                              time_major=True, scope=tf.get_variable_scope())[0]]
below = x
for i in range(2):
    with tf.variable_scope("stack_bidirectional_rnn/cell_%d" % i):
        both, _ = tf.nn.bidirectional_dynamic_rnn(cell(), cell(), below, dtype=tf.float32)
        below = tf.concat(both, 2)
results += [below, tf.nn.static_rnn(cell(), tf.unstack(time_first), dtype=tf.float32, scope="rnn_decoder")[0],
            tf.losses.sparse_softmax_cross_entropy(targets, x, lengths)]
"""
FEED_CELLS = """
with tf.Session() as sess:
    if sys.argv[1] == "save":
        tf.set_random_seed(0)
        sess.run(tf.global_variables_initializer())
        for i, bias in enumerate(v for v in tf.trainable_variables() if v.shape.ndims == 1):
            bias.load(np.random.RandomState(i).randn(int(bias.shape[0])), sess)
        tf.train.Saver().save(sess, sys.argv[2])
    tf.train.Saver().restore(sess, sys.argv[2])
    print(repr([float(np.sum(np.square(result))) for result in sess.run(results)]))
"""

each_language = pytest.mark.parametrize("text", [TEXT, CHINESE], ids=["en", "zh"])


def section(title, text=TEXT):
    return re.split(r"^## ", text.split(f"\n## {title}\n")[1], flags=re.MULTILINE)[0]


def anchor(heading):
    """The anchor that GitHub gives to a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def migration(title=NAMES, text=TEXT):
    """The rows of the table of names: old, today, shown in."""
    return re.findall(r"^\| (.+?) \| (.+?) \| ?(.*?) ?\|$", section(title, text), re.MULTILINE)[2:]


def entries(row):
    """What a row of the table of names gives for today."""
    return re.findall(r"`(.+?)`", row[1])


def troubleshooting():
    """The tables of messages, in both languages."""
    return section(MESSAGES), section(CHINESE_MESSAGES, CHINESE)


def python(code, *args, interpreter=sys.executable):
    """Runs code in a new interpreter, which knows nothing of the TensorFlow that runs here; returns its stdout."""
    variables = {key: value for key, value in os.environ.items() if key not in ("TF_USE_LEGACY_KERAS", "TF2_BEHAVIOR")}
    done = subprocess.run([interpreter, "-c", code, *map(str, args)], capture_output=True, text=True, env=variables)
    assert done.returncode == 0, done.stderr
    return done.stdout


@each_language
def test_numbers_are_the_stored_results(text):
    assert render.readme_text(text) == text


def test_a_number_that_was_typed_over_is_found():
    first = render.readme_text("<!--{deep_rnn.seconds:.1f}--><!--/-->")
    assert first == f"<!--{{deep_rnn.seconds:.1f}}-->{default_run('deep_rnn')['seconds']:.1f}<!--/-->"
    assert render.readme_text(first.replace("<!--/-->", "1<!--/-->")) == first
    with pytest.raises(KeyError):
        render.readme_text("<!--{deep_rnn.no_such_value:.1f}--><!--/-->")


def default_run(name):
    run, = [run for command, run in render.load(name)["commands"].items() if f"figures/{name}.png" in command]
    return run


@each_language
@pytest.mark.parametrize("name", SCRIPTS)
def test_each_script_s_row_quotes_its_result_and_its_seconds(name, text):
    row, = re.findall(rf"^\| \[{name}\.py\].*$", text, re.MULTILINE)
    script, teaches, result, seconds = row.strip("| ").split(" | ")
    assert re.fullmatch(rf"<!--\{{{name}\.seconds:,?\.0f\}}-->[\d,]+<!--/-->", seconds)
    typed = re.sub(r"<!--\{.*?<!--/-->", "", result)
    assert typed != result and not re.search(r"\d\.\d", typed)


def test_results_are_found_in_the_outputs_where_the_readme_says():
    values = render.readme_text("<!--{simple_rnn.result:.8f}--><!--/--> <!--{multi_gpu_rnn.first:.0f}--><!--/-->")
    assert ">2.72707101<" in values and ">300<" in values
    assert set(render.RESULTS) == set(SCRIPTS)


def test_anchors_resolve():
    texts = {path.name: path.read_text(encoding="utf-8") for path in ROOT.glob("*.md")}
    count = 0
    for name, text in texts.items():
        for target, heading in re.findall(r"\]\(([\w.]*)#([^)]+)\)", text):
            count += 1
            assert heading in map(anchor, re.findall(r"^#+ (.+)$", texts[target or name], re.MULTILINE)), heading
    assert count


def test_contributing_links_resolve():
    for link in re.findall(r"\]\((?!http)([^)#]+)", (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")):
        assert (ROOT / link).exists(), link


def test_table_of_names_has_every_old_name():
    old = " ".join(row[0] for row in migration())
    for name in ("rnn.BasicRNNCell", "rnn.BasicLSTMCell", "LSTMCell", "GRUCell", "MultiRNNCell", "DropoutWrapper",
                 "static_rnn", "OutputProjectionWrapper", "layers.fully_connected", "layers.optimize_loss",
                 "framework.get_global_step", "examples.tutorials.mnist", "contrib.learn.Estimator", "tf.sub", "tf.div",
                 "legacy_seq2seq.sequence_loss_by_example", "initialize_all_variables", "tf.pack", "tf.mul",
                 "SummaryWriter", "scalar_summary", "state_is_tuple", "tf.concat", "tf.split", "contrib.seq2seq"):
        assert name in old, name


@pytest.mark.parametrize("row", migration(), ids=lambda row: re.findall(r"`(.+?)`", row[0])[0])
def test_today_s_names_exist_and_are_shown(row):
    old, today, shown = row
    import tensorflow.compat.v1 as tf
    assert entries(row)
    with tf.Graph().as_default():
        names = {"tf": tf, "a": tf.ones([2, 2]), "b": tf.ones([2, 2])}
        names.update((name, importlib.import_module(name)) for name in SCRIPTS)
        for entry in entries(row):
            eval(entry, names)
    for script in re.findall(r"\]\((\w+\.py)\)", shown):
        source = (ROOT / script).read_text(encoding="utf-8")
        last = [re.match(r"[\w.]+", entry).group().split(".")[-1] for entry in entries(row)]
        assert any(name in source for name in last) or "operator" in today, (script, last)


def test_chinese_table_of_names_gives_the_same_names_for_today():
    chinese = migration(CHINESE_NAMES, CHINESE)
    assert [entries(row) for row in chinese] == [entries(row) for row in migration()]
    assert [row[2] for row in chinese] == [row[2] for row in migration()]


@pytest.mark.long
def test_recipe_carries_a_checkpoint_of_contrib_over(tmp_path, both_pythons):
    import tensorflow
    tf1, tf2 = both_pythons
    saved = python(BEFORE + FEED, "save", tmp_path / "model", interpreter=tf1)
    for interpreter in (tf1, tf2):
        restored = python(AFTER + FEED, "restore", tmp_path / "model", interpreter=interpreter)
        np.testing.assert_allclose(float(restored), float(saved), rtol=1e-5)
    names = dict(tensorflow.train.list_variables(str(tmp_path / "model")))
    assert names["fully_connected/weights"] == [10, 1] and "rnn/basic_lstm_cell/kernel" in names


def test_what_took_the_place_of_contrib_reads_its_variables_and_gives_its_numbers(tmp_path, both_pythons):
    tf1, tf2 = both_pythons
    saved = eval(python(OLD_CELLS + FEED_CELLS, "save", tmp_path / "model", interpreter=tf1))
    assert len(saved) == 8 and min(saved) > 0.1
    for interpreter in (tf1, tf2):
        restored = eval(python(NEW_CELLS + FEED_CELLS, "restore", tmp_path / "model", interpreter=interpreter))
        np.testing.assert_allclose(restored, saved, rtol=1e-5)


def test_softmax_cross_entropy_in_the_old_order_is_wrong_on_tensorflow_2_and_no_error():
    import tensorflow.compat.v1 as tf
    logits, labels = [[2.0, 0.0, 1.0]], [[0.0, 1.0, 0.0]]
    with tf.Graph().as_default(), tf.Session() as sess:
        if tf.__version__.startswith("1."):
            with pytest.raises(ValueError, match="named arguments"):
                tf.nn.softmax_cross_entropy_with_logits(logits, labels)
        else:
            as_before = sess.run(tf.nn.softmax_cross_entropy_with_logits(logits, labels))
            meant = sess.run(tf.nn.softmax_cross_entropy_with_logits_v2(labels=labels, logits=logits))
            assert abs(as_before - meant) > 1


def test_messages_of_an_old_script_are_quoted_as_they_are():
    import tensorflow
    if tensorflow.__version__.startswith("1."):
        pytest.skip("these are the messages of TensorFlow 2")
    said = python("""
import tensorflow as tf
import tensorflow.compat.v1 as v1
for line in ["tf.placeholder", "tf.Session", "tf.contrib", "tf.nn.rnn_cell", "tf.nn.dynamic_rnn",
             "tf.train.AdamOptimizer", "import tensorflow.contrib.rnn", "import tensorflow.examples",
             "import tensorflow.models.rnn", "v1.contrib", "v1.estimator", "v1.nn.rnn", "v1.nn.seq2seq",
             "v1.placeholder(tf.float32)", "v1.Session().run(tf.constant(1))", "v1.nn.rnn_cell.BasicLSTMCell(1)"]:
    try:
        exec(line)
        print("no error")
    except Exception as error:
        print(error)
""").splitlines()
    assert len(said) == 16
    for message in said:
        shown, _, name = message.split(". Did you mean")[0].partition(" has no attribute ")
        for table in troubleshooting():
            row, = [row for row in table.split("\n") if shown + (name and " has no attribute ") in row and name in row]


def test_messages_of_old_calls_are_quoted_as_they_are(tmp_path):
    import tensorflow.compat.v1 as tf
    cell = tf.nn.rnn_cell.BasicLSTMCell
    dimensions = "Dimensions must be equal, but are 20 and 11 for"
    key = "Key rnn/basic_lstm_cell/bias not found in checkpoint"
    said = []
    for call in (lambda: tf.concat(1, [tf.ones([2, 2])] * 2), lambda: tf.split(1, 2, tf.ones([2, 2])),
                 lambda: tf.nn.dynamic_rnn(tf.nn.rnn_cell.MultiRNNCell([cell(10)] * 2), tf.ones([1, 3, 1]),
                                           dtype=tf.float32)):
        with tf.Graph().as_default(), pytest.raises((TypeError, ValueError)) as error:
            call()
        said.append(str(error.value))
    with tf.Graph().as_default(), tf.Session() as sess:
        tf.nn.dynamic_rnn(cell(4), tf.ones([1, 3, 1]), dtype=tf.float32)
        sess.run(tf.global_variables_initializer())
        old = {v.op.name.replace("bias", "biases").replace("kernel", "weights"): v for v in tf.global_variables()}
        tf.train.Saver(old).save(sess, str(tmp_path / "model"))
        tf.train.Saver(old).restore(sess, str(tmp_path / "model"))
        with pytest.raises(tf.errors.NotFoundError, match=key):
            tf.train.Saver().restore(sess, str(tmp_path / "model"))
    assert dimensions in said[2]
    for table in troubleshooting():
        assert all(message in table for message in (*said[:2], dimensions, key))


def test_message_of_a_graph_built_twice_is_quoted_as_it_is():
    import tensorflow.compat.v1 as tf
    with tf.Graph().as_default(), pytest.raises(ValueError) as error:
        for _ in range(2):
            tf.nn.dynamic_rnn(tf.nn.rnn_cell.BasicLSTMCell(4), tf.ones([1, 3, 1]), dtype=tf.float32)
    for table in troubleshooting():
        assert str(error.value).split(" Originally")[0] in table


def test_the_scripts_own_messages_are_quoted_as_they_are():
    for script, message in (("sin_to_cos_lstm", "no display: --save-plot FILE keeps the picture"),
                            ("mnist_rnn_classifier", "no MNIST, the digits are drawn from Matplotlib's fonts instead")):
        assert message in (ROOT / f"{script}.py").read_text(encoding="utf-8")
        for table in troubleshooting():
            assert message in table


@pytest.mark.parametrize("title", [(MESSAGES, CHINESE_MESSAGES), (NAMES, CHINESE_NAMES)], ids=["messages", "names"])
def test_chinese_tables_quote_the_same_messages_and_old_names_row_by_row(title):
    quoted = [[re.findall(r"``.+?``(?!`)|`[^`]+`", first) for first in re.findall(r"^\| (.+?) \|", part, re.MULTILINE)]
              for part in (section(title[0]), section(title[1], CHINESE))]
    assert quoted[0] == quoted[1] and any(quoted[0])


@each_language
def test_commands_name_files_that_exist(text):
    names = re.findall(r"(?:^|[ \\/])python ((?:notes/)?\w+\.py)", text, re.MULTILINE)
    assert "notes/render.py" in names
    for name in names:
        assert (ROOT / name).exists(), name
    assert text.count("<!--benchmarks-->") == text.count("<!--/benchmarks-->") == 1


def test_benchmarks_are_the_same_in_both_languages():
    """Both hold the same numbers; the words of the table may differ."""
    one, other = (text.split("<!--benchmarks-->")[1].split("<!--/benchmarks-->")[0] for text in (TEXT, CHINESE))
    assert re.findall(r"\d[\d.,]*", one) == re.findall(r"\d[\d.,]*", other)


def test_animation_grows_from_one_window_to_the_last(tmp_path):
    from PIL import Image
    frames = animate.animate(tmp_path / "short.gif", iterations=6)
    assert frames == 6 + animate.HOLD
    with Image.open(str(tmp_path / "short.gif")) as short:
        assert short.n_frames == 6  # Pillow stores equal frames as one
        first = np.array(short.convert("RGB"))
        short.seek(5)
        assert (np.array(short.convert("RGB")) != first).any()
        assert short.info["duration"] == 100 * (1 + animate.HOLD)
    path = ROOT / "notes" / "figures" / "sin_to_cos_lstm.gif"
    assert os.path.getsize(str(path)) < 1000000
    with Image.open(str(path)) as stored:
        assert stored.n_frames > 50 and "loop" in stored.info
