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


def test_recipe_carries_a_checkpoint_of_contrib_over(tmp_path, other_python):
    import tensorflow
    one, two = sys.executable, other_python
    tf1, tf2 = (one, two) if tensorflow.__version__.startswith("1.") else (two, one)
    saved = python(BEFORE + FEED, "save", tmp_path / "model", interpreter=tf1)
    for interpreter in (tf1, tf2):
        restored = python(AFTER + FEED, "restore", tmp_path / "model", interpreter=interpreter)
        np.testing.assert_allclose(float(restored), float(saved), rtol=1e-5)
    names = dict(tensorflow.train.list_variables(str(tmp_path / "model")))
    assert names["fully_connected/weights"] == [10, 1] and "rnn/basic_lstm_cell/kernel" in names


def test_messages_of_an_old_script_are_quoted_as_they_are():
    import tensorflow
    if tensorflow.__version__.startswith("1."):
        pytest.skip("these are the messages of TensorFlow 2")
    said = python("""
import tensorflow as tf
import tensorflow.compat.v1 as v1
for line in ["tf.placeholder", "tf.Session", "tf.contrib", "tf.nn.rnn_cell", "import tensorflow.contrib.rnn",
             "import tensorflow.examples", "v1.contrib", "v1.placeholder(tf.float32)",
             "v1.nn.rnn_cell.BasicLSTMCell(1)"]:
    try:
        exec(line)
        print("no error")
    except Exception as error:
        print(error)
""").splitlines()
    assert len(said) == 9
    for message in said:
        shown = message.split(". Did you mean")[0].replace("attribute 'Session'", "attribute 'placeholder'")
        shown = shown.replace("'tensorflow' has no attribute 'contrib'", "'tensorflow' has no attribute 'placeholder'")
        for table in troubleshooting():
            assert shown in table, message


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
