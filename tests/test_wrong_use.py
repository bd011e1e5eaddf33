"""What a reader gets wrong: one line that names the value and what was expected, status 2, nothing written."""
import argparse
import importlib
import os
import re
import shutil

import numpy as np
import pytest
from conftest import SCRIPTS, files, run, small

import deep_rnn
from deep_rnn import tf

NUMBER = ["x", "", " ", "-1", "nan", "inf", "-inf", "1e400", "9" * 30, "0x10", "1,5", "None"]
COUNT = [*NUMBER, "0", "-0", "1.5", "1e3", "2147483648"]
SHARE = [*NUMBER, "0", "0.0", "1.01"]
FOLDER = ["", "file", "nowhere/there", "file/there", "/proc", "/proc/there", "/dev/null"]
SWITCH = ["yes", ""]


def file(suffix):
    return ["", suffix.replace(".", "x"), "picture", "picture.gif", "folder", "folder" + suffix,
            "nowhere/there" + suffix, "file/there" + suffix, "/proc/there" + suffix, "there" + suffix + "/"]


# flag -> values that no script takes for it; where a flag has several, they and the one that is wrong
WRONG = {
    "--iterations": COUNT, "--epochs": COUNT, "--layers": [*COUNT, "1001"], "--units": [*COUNT, "10001"],
    "--steps": [*COUNT, "10001"], "--n-steps": [*COUNT, "1", "10001"], "--batch-size": COUNT, "--sample": COUNT,
    "--timeout": COUNT, "--seed": [*NUMBER, "1.5", "1e3", "2147483648"], "--task": [*NUMBER, "1.5"],
    "--ahead": [value for value in COUNT if value not in ("-1", "0", "-0")] + ["21", "-21"],
    "--points": [(["300"], "--points"), (["x", "60"], "x"), (["300", "nan"], "nan"), (["0", "60"], "0"),
                 (["300", "-5"], "-5"), (["300", "9" * 30], "9" * 30), (["300", "2"], "2"), (["", "60"], "''")],
    "--keep-prob": SHARE, "--gap": [*NUMBER, "0", "3.1"], "--clip-norm": [*NUMBER, "0", "1001"],
    "--temperature": [*NUMBER, "0", "101"],
    "--save-plot": file(".png"), "--trace": file(".json"), "--checkpoint": FOLDER, "--logdir": FOLDER,
    "--no-plot": SWITCH, "--no-xla": SWITCH, "--stateless": SWITCH, "--no-lengths": SWITCH, "--copy": SWITCH,
    "--predict": SWITCH,
    "--cell": ["gru", "", "RNN", "3"], "--cells": ["rnn", "", "LSTM", "lstm,", "gru,gru"], "--stack": ["deep", "", "3"],
    "--inputs": ["dates", "", "3"], "--projection": ["both", "", "3"], "--placement": ["both", "", "3"],
    "--unroll": ["static", "", "3"], "--devices": ["/tpu:0", "", "/cpu:-1", "/cpu:nan", "/cpu:99", "cpu"],
    "--cluster": ["", "x", "a:1", "a:1,b", "a:1,b:0", "a:1,b:-1", "a:1,b:99999", "a:1,b:x", "a:1,a:1"],
    "--text": ["", "nowhere", "folder", "file", "file/there", "binary"],
    "--data": ["", "nowhere", "folder", "file", "file/there", "binary"],
    "--prime": ["snow \u2603"],
}
EXPECTED = re.compile("expected|choose from|invalid ((int|float) from .* to|writable|list of) |ignored explicit")


class Parsed(Exception):
    """Carries the parser out of main()."""


def parser(name):
    """The parser of a script, as main() builds it."""
    def parse(self, argv=None):
        raise Parsed(self)

    with pytest.MonkeyPatch().context() as patch:
        patch.setattr(argparse.ArgumentParser, "parse_args", parse)
        with pytest.raises(Parsed) as raised:
            importlib.import_module(name).main([])
    return raised.value.args[0]


def flags(name):
    """All flags of a script but --help: name -> what argparse knows of it."""
    return {action.option_strings[0]: action for action in parser(name)._actions if action.dest != "help"}


def tree(folder):
    return {str(path): path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}


def refused(name, argv, capsys, *named):
    """Runs main(), which must refuse; returns the line."""
    capsys.readouterr()
    with pytest.raises(SystemExit) as ended:
        importlib.import_module(name).main(argv)
    shown = capsys.readouterr()
    assert ended.value.code == 2 and not shown.out, (argv, ended.value.code, shown.out)
    assert len(shown.err.splitlines()) == 1 and "Traceback" not in shown.err, (argv, shown.err)
    for word in named:
        assert word in shown.err, (argv, shown.err)
    return shown.err


@pytest.mark.parametrize("name, flag", [(name, flag) for name in SCRIPTS for flag in flags(name)])
def test_every_flag_refuses_what_it_cannot_take(name, flag, tmp_path, monkeypatch, capsys):
    assert flag in WRONG, "a new flag needs a row in the table"
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("")
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00" * 100000)
    for folder in ("folder", "folder.png", "folder.json"):
        (tmp_path / folder).mkdir()
    if flag != "--prime":  # for which the text is read and nothing else done
        monkeypatch.setattr(importlib.import_module(name), "train", None, raising=False)
    before = tree(tmp_path)
    for value in WRONG[flag]:
        values, named = value if isinstance(value, tuple) else ([value], value)
        line = refused(name, [flag, *values] if len(values) > 1 or named == flag else [f"{flag}={value}"], capsys, flag,
                       named)
        assert EXPECTED.search(line), line
    assert tree(tmp_path) == before


@pytest.mark.parametrize("name", SCRIPTS)
def test_what_is_right_is_not_refused(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "old.png").write_text("")
    (tmp_path / "old").mkdir()
    right = {"--save-plot": ["old.png", "new.svg", "old/new.pdf", "./new.png"], "--checkpoint": ["new", "new/", "old/"],
             "--logdir": ["new", "new/", "old", "old/new/"], "--seed": ["0", "2147483647"],
             "--iterations": ["1", "2147483647"], "--keep-prob": ["1", "0.01", "1e-2"]}
    known = parser(name)
    for flag, values in right.items():
        for value in values if flag in flags(name) else []:
            known.parse_args([flag, value])
    assert sorted(os.listdir(str(tmp_path))) == ["old", "old.png"] and not os.listdir(str(tmp_path / "old"))


@pytest.mark.parametrize("name", SCRIPTS)
def test_what_is_no_flag_is_refused(name, capsys):
    refused(name, ["--no-such-flag"], capsys, "--no-such-flag")
    refused(name, ["word"], capsys, "word")


# checkpoints ------------------------------------------------------------------
CHECKPOINTED = [name for name in SCRIPTS if "--checkpoint" in flags(name)]
OTHER_SIZES = {"deep_rnn": ["--units", "9"], "lstm_peephole_gru": ["--layers", "2"],
               "mnist_rnn_classifier": ["--cell", "rnn"], "predict_sin_lstm": ["--units", "5", "3"],
               "char_rnn": "N_UNITS", "multi_gpu_rnn": "N_UNITS"}  # where no flag says the size, the constant that does


def spoil(folder, damage):
    """Damages the checkpoint in the folder in one of many ways."""
    *_, index = sorted(folder.glob("*.index"))  # the newest
    *_, data = sorted(folder.glob("*.data*"))
    names = {"list": folder / "checkpoint", "index": index, "data": data}
    path, how = names[damage.split()[0]], damage.split()[1]
    content = path.read_bytes()
    path.unlink()
    if how == "folder":
        path.mkdir()
    elif how != "missing":
        path.write_bytes({"garbage": b"\xff\xfe\x00\x80", "empty": b"", "nonsense": b"\0\1", "truncated": content[:-9],
                          "beginning": content[:7], "words": b"what is this",
                          "flipped": content[:-9] + b"123456789"}[how])


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Returns trained(name): a folder with a checkpoint of a short run of the script; the files are in the second."""
    folders = {}

    def folder(name):
        if name not in folders:
            folders[name] = tmp_path_factory.mktemp(name) / "model"
            importlib.import_module(name).main([*small(name), "--iterations", "2", "--no-plot", "--checkpoint",
                                                str(folders[name])])
        return folders[name]

    return folder


@pytest.mark.parametrize("name", CHECKPOINTED)
@pytest.mark.parametrize("damage", ["list garbage", "list empty", "data truncated", "other sizes", "other script"])
def test_a_checkpoint_that_does_not_fit_is_one_line(name, damage, trained, tmp_path, monkeypatch, capsys):
    shutil.copytree(str(trained(name)), str(tmp_path / "model"))
    folder, module = files(name, tmp_path / "model"), importlib.import_module(name)
    argv = [*small(name), "--iterations", "4", "--checkpoint", str(tmp_path / "model")]
    if damage == "other sizes" and isinstance(OTHER_SIZES[name], list):
        argv += OTHER_SIZES[name]
    elif damage == "other sizes":
        monkeypatch.setattr(module, OTHER_SIZES[name], 9)
    elif damage == "other script":
        for path in list(folder.iterdir()):
            path.rename(folder / path.name.replace(name, "other_script"))
        (folder / "checkpoint").write_text('model_checkpoint_path: "other_script-2"')
    else:
        spoil(folder, damage)
    monkeypatch.setattr(module, "steps", None)  # nothing is trained
    before = tree(tmp_path)
    line = refused(name, argv, capsys, "--checkpoint", str(tmp_path / "model"))  # without --no-plot: no second line
    assert "expected" in line
    assert tree(tmp_path) == before


@pytest.mark.parametrize("damage", [f"{file} {how}" for file in ("list", "index", "data") for how in (
    "garbage", "empty", "folder", "missing", "truncated", "beginning", "words", "nonsense", "flipped")])
def test_restore_finds_every_damage(damage, tmp_path):
    if damage == "list missing":
        pytest.skip("without its list a folder has no checkpoint yet")
    with tf.Graph().as_default(), tf.Session() as sess:
        tf.get_variable("v", initializer=np.arange(100.0))
        saver = tf.train.Saver()
        sess.run(tf.global_variables_initializer())
        deep_rnn.save(sess, saver, str(tmp_path), 2)
        deep_rnn.restore(sess, saver, str(tmp_path))
        spoil(tmp_path, damage)
        before = tree(tmp_path)
        with pytest.raises(deep_rnn.WrongInput, match="--checkpoint .*: expected a"):
            deep_rnn.restore(sess, saver, str(tmp_path))
    assert tree(tmp_path) == before


def test_a_copied_folder_leaves_the_files_of_the_first_alone(tmp_path):
    first, copy = str(tmp_path / "first"), str(tmp_path / "copy")
    with tf.Graph().as_default(), tf.Session() as sess:
        tf.get_variable("v", initializer=np.arange(100.0))
        saver = tf.train.Saver(max_to_keep=2)
        sess.run(tf.global_variables_initializer())
        for step in (1, 2):
            deep_rnn.save(sess, saver, first, step)
        shutil.copytree(first, copy)
        before = tree(tmp_path / "first")
        saver = tf.train.Saver(max_to_keep=2)
        deep_rnn.restore(sess, saver, copy)
        for step in (3, 4):
            deep_rnn.save(sess, saver, copy, step)
    assert tree(tmp_path / "first") == before
    assert sorted(path.name for path in (tmp_path / "copy").glob("*.index")) == ["deep_rnn-3.index", "deep_rnn-4.index"]


@pytest.mark.parametrize("wrong", ["list garbage", "file"])
def test_the_best_weights_of_mnist_are_looked_at_before_the_data(wrong, trained, tmp_path, monkeypatch, capsys):
    shutil.copytree(str(trained("mnist_rnn_classifier")), str(tmp_path / "model"))
    best = tmp_path / "model" / "best"
    if wrong == "file":
        shutil.rmtree(str(best))
        best.write_text("")
    else:
        spoil(best, wrong)
    monkeypatch.setattr(importlib.import_module("mnist_rnn_classifier"), "load_data", None)
    refused("mnist_rnn_classifier", [*small("mnist_rnn_classifier"), "--checkpoint", str(tmp_path / "model")], capsys,
            str(best))


# in a process of its own ------------------------------------------------------
@pytest.mark.parametrize("name, argv", [("mnist_rnn_classifier", ["--seed", "nan"]),
                                        ("sin_to_cos_lstm", ["--save-plot", "/proc/picture.png"]),
                                        ("char_rnn", ["--checkpoint", "model", "--sample", "5"])])
def test_as_a_reader_meets_it(name, argv, tmp_path):
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "checkpoint").write_bytes(b"\xff\xfe\x00")
    before = tree(tmp_path)
    done = run(name, *argv, cwd=str(tmp_path))
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (2, "", 1), done
    assert argv[0] in done.stderr and argv[1] in done.stderr
    assert tree(tmp_path) == before
