"""What a reader gets wrong: one line that names the value and what was expected, and nothing is lost."""
import importlib
import shutil

import numpy as np
import pytest
from conftest import CHECKPOINTED, SCRIPTS, lines, long, mostly_long, parser_of, stored

import deep_rnn
from deep_rnn import tf

COUNT = ["x", "0", "-1", "1.5"]
WRONG = {  # flag -> values that no script takes for it
    "--iterations": COUNT, "--layers": COUNT, "--units": COUNT, "--steps": COUNT, "--n-steps": COUNT,
    "--sample": ["x", "-1", "1.5"], "--timeout": COUNT, "--seed": ["x", "1.5", "nan"], "--task": ["x", "-1", "2"],
    "--ahead": ["x", "1.5"], "--keep-prob": ["x", "0", "1.01", "nan"], "--temperature": ["x", "0", "-1", "nan"],
    "--save-plot": ["picture.gif2", "folder", "nowhere/a.png"], "--checkpoint": ["file", "/proc/there", "a" * 300],
    "--cell": ["", "RNN"], "--cells": ["", "LSTM", "gru,gru"], "--inputs": ["dates"], "--placement": ["both"],
    "--unroll": ["static"], "--devices": ["/tpu:0", "/cpu:99", "cpu"], "--text": ["nowhere", "folder", "file"],
    "--cluster": ["x", "a:1", "a:1,b:0", "a:1,b:x", "a:1,a:1"], "--data": ["nowhere", "folder", "file"],
    "--prime": ["snow \u2603"], "--series": ["nowhere", "folder", "file"], "--column": ["nowhere"],
}


def tree(folder):
    return {str(path): path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}


@pytest.mark.parametrize("name, flag", [
    long(name, flag) if flag == "--iterations" and name != "sin_to_cos_lstm" or
    flag == "--checkpoint" and name != "deep_rnn" else (name, flag)
    for name in SCRIPTS for action in parser_of(name)._actions if action.nargs != 0 for flag in action.option_strings])
def test_every_flag_refuses_what_it_cannot_take(name, flag, tmp_path, small, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(f"{name}.{'no_' * (flag == '--iterations')}steps", None, raising=False)  # before it trains
    (tmp_path / "file").write_text("")
    (tmp_path / "folder").mkdir()
    needed = {"--column": ["--series", "file"], "--task": ["--cluster", "a:1,b:2"]}.get(flag, [])
    more = {"predict_sin_lstm --ahead": ["0"], "bidirectional_lstm --ahead": ["99"]}.get(f"{name} {flag}", [])
    for value in WRONG[flag] + more:
        before = {path: content for path, content in tree(tmp_path).items() if content}
        with pytest.raises(SystemExit) as ended:
            small(name, *needed, f"{flag}={value}")
        said = lines(capsys.readouterr().err) + (lines(ended.value.code) if isinstance(ended.value.code, str) else [])
        assert len(said) == 1 and ended.value.code != 0 and value[:200] in said[0], (value, said)
        assert {path: content for path, content in tree(tmp_path).items() if content} == before


HARMS = [f"{file} {how}" for file in ("list", "index", "data") for how in ("garbage", "empty", "truncated", "missing")]


def spoil(folder, damage):
    """Damages the newest checkpoint in the folder."""
    file, how = damage.split()
    path = {"list": [folder / "checkpoint"], "index": sorted(folder.glob("*.index")),
            "data": sorted(folder.glob("*.data*"))}[file][-1]
    content = path.read_bytes()
    path.unlink()
    if how != "missing":
        path.write_bytes({"garbage": b"\xff\xfe\x00\x80", "empty": b"", "truncated": content[:len(content) // 2]}[how])


@pytest.mark.parametrize("damage", [damage for damage in HARMS if damage != "list missing"])
def test_restore_finds_every_damage(damage, tmp_path):
    with tf.Graph().as_default(), tf.Session() as sess:
        tf.get_variable("v", initializer=np.arange(100.0))
        tf.train.get_or_create_global_step()
        saver = tf.train.Saver(save_relative_paths=True)
        sess.run(tf.global_variables_initializer())
        deep_rnn.save(sess, saver, str(tmp_path))
        deep_rnn.restore(sess, saver, str(tmp_path))
        spoil(tmp_path, damage)
        before = tree(tmp_path)
        with pytest.raises(SystemExit, match="--checkpoint .*: expected a checkpoint of this script"):
            deep_rnn.restore(sess, saver, str(tmp_path))
    assert tree(tmp_path) == before


def test_weights_that_are_not_finite_are_not_saved(tmp_path):
    with tf.Graph().as_default(), tf.Session() as sess:
        weights = tf.get_variable("weights", initializer=[1.0, 2.0])
        tf.train.get_or_create_global_step()
        saver = tf.train.Saver()
        sess.run(tf.global_variables_initializer())
        deep_rnn.save(sess, saver, str(tmp_path))
        before = tree(tmp_path)
        weights.load([1.0, np.nan], sess)
        with pytest.raises(SystemExit, match="the weights are not finite"):
            deep_rnn.save(sess, saver, str(tmp_path))
    assert tree(tmp_path) == before


@pytest.mark.parametrize("name", mostly_long(CHECKPOINTED, "deep_rnn"))
def test_a_checkpoint_moves_with_its_folder_and_fits_one_model_only(name, tmp_path, small, monkeypatch, capsys):
    first, copy = tmp_path / "first", tmp_path / "copy"
    small(name, "--iterations", "2", "--checkpoint", first)
    shutil.copytree(str(first), str(copy))
    before = tree(first)
    small(name, "--iterations", "4", "--checkpoint", copy)
    assert tree(first) == before
    where, = {path.parent for path in copy.rglob("checkpoint")}
    assert stored(where)["global_step"] == 4
    before = tree(copy)
    module = importlib.import_module(name)
    monkeypatch.setattr(module, "tf", tf)
    original = tf.global_variables
    monkeypatch.setattr(tf, "global_variables", lambda: original()[1:])  # as of another model
    with pytest.raises(SystemExit, match="--checkpoint .*: expected a checkpoint of this script"):
        small(name, "--iterations", "6", "--checkpoint", copy)
    assert tree(copy) == before
