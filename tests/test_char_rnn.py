"""char_rnn.py: targets one ahead, a state that is carried and saved, dice that fall as before, honest counts."""
import argparse
import functools
import json
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from conftest import ROOT

import char_rnn as script

FEW = ["--text", argparse.__file__, "--iterations", "3", "--no-xla"]  # compiling takes longer

# trains a small network in a process of its own: to be killed, and to be read by the other TensorFlow
SMALL = """
import json, sys
import char_rnn as script
constants, action, kwargs = map(json.loads, sys.argv[1:])
for name, value in constants.items():
    setattr(script, name, value)
print(json.dumps(getattr(script, action)(**kwargs)), flush=True)
"""
SIZES = {"N_UNITS": 12, "BATCH_SIZE": 4, "N_STEPS": 5, "REPORT_EVERY": 8, "SAMPLE_EVERY": 1000}
TEXT = "".join(f"the quick brown fox {i * i} jumps over {i} lazy dogs. " for i in range(12))  # 24 windows


train = functools.partial(script.train, xla=False)  # compiling takes longer than a short training


def wrap(x, y):
    """The targets as many a character RNN has them."""
    return x, np.concatenate([y[:, :, :-1], x[:, :, :1]], axis=2)


@pytest.fixture
def small(monkeypatch):
    for name, value in SIZES.items():
        monkeypatch.setattr(script, name, value)


def start(python, action, **kwargs):
    """Starts script.action(**kwargs) with the small sizes in a process of its own."""
    return subprocess.Popen([python, "-c", SMALL, json.dumps(SIZES), json.dumps(action), json.dumps(kwargs)],
                            env=dict(os.environ, PYTHONPATH=str(ROOT)), stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def result(python, action, **kwargs):
    out, error = start(python, action, **kwargs).communicate()
    assert out, error.decode()
    return json.loads(out.decode().splitlines()[-1])


def stored(folder):
    """All variables of the newest checkpoint, by name."""
    reader = tf.train.load_checkpoint(str(folder))
    return {name: reader.get_tensor(name) for name in reader.get_variable_to_shape_map()}


def spy(monkeypatch):
    """Returns a list that collects what each training step of train() is fed, by the placeholder's name."""
    fed, run = [], tf.Session.run

    def spied(self, fetches, feed_dict=None, **kwargs):
        names = {key.op.name: value for key, value in (feed_dict or {}).items()}
        if "carry" in names:
            fed.append(names)
        return run(self, fetches, feed_dict, **kwargs)

    monkeypatch.setattr(tf.Session, "run", spied)
    return fed


def numpy_network(weights, codes, state, n_chars, masks=None):
    """Log probabilities (time, char) and the final state, by the equations, for one stream in float64.

    masks (layer, time, unit) multiply what a layer hands on.
    """
    sigmoid = lambda a: 1 / (1 + np.exp(-a))  # noqa: E731
    *cells, w, b = weights
    state, log_p = [list(layer) for layer in state], []
    masks = np.ones([script.N_LAYERS, len(codes), 1]) if masks is None else masks
    for t, code in enumerate(codes):
        h = np.eye(n_chars)[code]
        for k in range(script.N_LAYERS):
            c, before = state[k]
            i, j, f, o = np.split(np.concatenate([h, before]) @ cells[2 * k] + cells[2 * k + 1], 4)
            c = sigmoid(f + 1) * c + sigmoid(i) * np.tanh(j)
            h = sigmoid(o) * np.tanh(c)
            state[k] = [c, h]
            h = h * masks[k][t]
        logits = h @ w + b
        log_p.append(logits - np.log(np.exp(logits).sum()))
    return np.array(log_p), np.array(state)


def test_targets_are_the_stream_shifted_by_one_and_rows_go_on(small):
    chars = [chr(200 + k) for k in range(103)]
    x, y = script.make_windows("".join(chars), chars)
    assert x.shape == y.shape == (5, 4, 5)
    rows = x.swapaxes(0, 1).reshape(4, 25)
    assert rows.ravel().tolist() == list(range(100))  # every row is one stretch of the text, and none overlap
    assert (y == x + 1).all()  # also at the end of a window and of a row, where the well-known mistake takes x[:, 0]
    assert not (y[:, :, -1] == x[:, :, 0]).any()


def test_default_text_is_what_python_carries_in_a_fixed_order():
    text = script.read_text()
    assert 350000 < len(text) < 700000 and text == script.read_text()
    learn, kept_out = script.split(text)
    assert learn + kept_out == text and len(kept_out) == len(text) // 10
    assert 2 < script.count_bits(learn, kept_out, 3) < 2.6 < 4.5 < script.count_bits(learn, kept_out, 1) < 4.8


def test_counts_by_hand():
    # unigram: N = 5 of a a b a c, T = 3, V = 3:  P(a) = (3 + 3/3) / (5 + 3) = 1/2, P(b) = (1 + 3/3) / (5 + 3) = 1/4
    assert script.count_bits("aabac", "caab", 1) == pytest.approx((1 + 1 + 2) / 3)
    # bigram: after a come a, b, c:  P(b | a) = (1 + 3 P(b)) / (3 + 3) = 7/24;  after c nothing: P(a | c) = P(a)
    assert script.count_bits("aabac", "ab", 2) == pytest.approx(-np.log2(7 / 24))
    assert script.count_bits("aabac", "ca", 2) == pytest.approx(1)
    # trigram: after aa comes b once:  P(b | aa) = (1 + P(b | a)) / 2;  the first character only gives context
    assert script.count_bits("aabac", "aab", 3) == pytest.approx(
        (-np.log2((1 + 3 / 2) / 6) - np.log2((1 + 7 / 24) / 2)) / 2)
    for context in ("a", "xy", "the"):
        total = sum(2 ** -(script.count_bits(TEXT, context + c, 4) * len(context) - (
            script.count_bits(TEXT, context, 4) * (len(context) - 1) if len(context) > 1 else 0)) for c in set(TEXT))
        assert total == pytest.approx(1)  # probabilities, so that bits can be compared with those of the network


def test_prediction_against_numpy_and_one_window_goes_on_where_the_last_ended(small):
    codes = np.random.RandomState(1).randint(0, 7, 10)
    with tf.Graph().as_default(), tf.Session() as sess:
        tf.set_random_seed(2)
        graph = script.build_graph("abcdefg", xla=False)
        sess.run(tf.global_variables_initializer())
        weights = sess.run(tf.trainable_variables())
        assert [w.shape for w in weights] == [(19, 48), (48,), (24, 48), (48,), (12, 7), (7,)]  # one kernel a layer
        feed = {graph.any_x: codes[np.newaxis], graph.state: np.zeros([2, 2, 1, 12])}
        log_p, state = sess.run([graph.log_p, graph.final_state], feed)
        halves = []
        feed[graph.any_x] = codes[np.newaxis, :5]
        for half in (codes[:5], codes[5:]):
            p, feed[graph.state] = sess.run([graph.log_p, graph.final_state],
                                            {graph.any_x: half[np.newaxis], graph.state: feed[graph.state]})
            halves.append(p)
    expected, final = numpy_network([w.astype(float) for w in weights], codes, np.zeros([2, 2, 12]), 7)
    np.testing.assert_allclose(log_p, expected, atol=1e-5)
    np.testing.assert_allclose(state[:, :, 0], final, atol=1e-5)
    np.testing.assert_allclose(np.concatenate(halves), expected, atol=1e-5)


def test_training_step_carries_its_state_forgets_on_demand_and_clips(small, monkeypatch):
    monkeypatch.setattr(script, "MAX_NORM", 0.01)
    x, y = script.make_windows(TEXT, sorted(set(TEXT)))
    n_chars = len(set(TEXT))
    with tf.Graph().as_default(), tf.Session() as sess:
        graph = script.build_graph(sorted(set(TEXT)), xla=False)
        sess.run(tf.global_variables_initializer())
        carried, = [v for v in tf.global_variables() if v.op.name == "state"]
        state = np.zeros([4, 2, 2, 12])  # of each reader: (layer, c and h, unit)
        for i, carry in ((0, 1), (1, 1), (2, 0)):
            weights = [w.astype(float) for w in sess.run(tf.trainable_variables())]
            bits = sess.run(graph.loss, {graph.x: x[i], graph.y: y[i], graph.carry: carry, graph.dice: [0, i]})
            read = [numpy_network(weights, x[i][b], carry * state[b], n_chars) for b in range(4)]
            assert bits == pytest.approx(-np.mean([log_p[range(5), y[i][b]] for b, (log_p, _) in enumerate(read)])
                                         / np.log(2), abs=1e-4)
            state = np.array([final for _, final in read])
            np.testing.assert_allclose(sess.run(carried).transpose(2, 0, 1, 3), state, atol=1e-5)
            if i == 0:  # Adam's first mean is (1 - beta1) g, here with |g| clipped to 0.01
                means = sess.run([v for v in tf.global_variables() if v.op.name.endswith("/Adam")])
                assert np.sqrt(sum((m ** 2).sum() for m in means)) == pytest.approx(0.1 * 0.01, rel=1e-3)
        assert sess.run(tf.train.get_global_step()) == 3


def test_dropout_is_a_function_of_seed_and_step_and_off_in_prediction(small, monkeypatch):
    monkeypatch.setattr(script, "LEARNING_RATE", 0.0)
    x, y = script.make_windows(TEXT, sorted(set(TEXT)))
    bits = {}
    for keep_prob in (1.0, 0.5):
        with tf.Graph().as_default(), tf.Session() as sess:
            tf.set_random_seed(0)
            graph = script.build_graph(sorted(set(TEXT)), keep_prob=keep_prob, xla=False)
            sess.run(tf.global_variables_initializer())
            bits[keep_prob] = [sess.run(graph.loss, {graph.x: x[0], graph.y: y[0], graph.carry: 0, graph.dice: dice})
                               for dice in ([0, 0], [0, 1], [1, 0], [0, 0])]
            bits[keep_prob, "prediction"] = script.evaluate(sess, graph, x[:1], y[:1])
    assert bits[1.0] == [bits[1.0][0]] * 4 and bits[1.0][0] == pytest.approx(bits[1.0, "prediction"], rel=1e-5)
    assert bits[0.5][3] == bits[0.5][0] and len(set(bits[0.5])) == 3
    assert bits[0.5, "prediction"] == bits[1.0, "prediction"]


def test_dropout_keeps_p_of_the_outputs_of_each_layer_times_1_over_p(small, monkeypatch):
    seen, step = [], script.training_step
    monkeypatch.setattr(script, "training_step", lambda *args, **kwargs: seen.append(args) or step(*args, **kwargs))
    x, y = script.make_windows(TEXT, sorted(set(TEXT)))
    with tf.Graph().as_default(), tf.Session() as sess:
        graph = script.build_graph(sorted(set(TEXT)), keep_prob=0.75, xla=False)
        sess.run(tf.global_variables_initializer())
        weights = [w.astype(float) for w in sess.run(tf.trainable_variables())]
        _, _, _, masks = seen[0]
        feed = {graph.x: x[0], graph.y: y[0], graph.carry: 0, graph.dice: [0, 3]}
        bits, masks = sess.run([graph.loss, masks], feed)
    assert masks.shape == (2, 4, 5, 12) and set(np.unique(masks)) == {0, np.float32(1 / 0.75)}
    assert 0.65 < np.mean(masks > 0) < 0.85
    assert all(masks.std(axis=axis).max() > 0 for axis in range(4))  # other layers, readers, steps, units: other dice
    log_p = [numpy_network(weights, x[0][b], np.zeros([2, 2, 12]), len(set(TEXT)), masks[:, b])[0] for b in range(4)]
    assert bits == pytest.approx(-np.mean([log_p[b][range(5), y[0][b]] for b in range(4)]) / np.log(2), abs=1e-5)


def test_memory_is_dropped_where_the_text_begins_anew_and_nowhere_else(small, monkeypatch):
    fed = spy(monkeypatch)
    train(60, text=TEXT, seed=5)
    n = len(script.make_windows(script.split(TEXT)[0], sorted(set(TEXT)))[0])
    assert 20 < n < 30
    assert [i for i, feed in enumerate(fed) if feed["carry"] == 0] == [0, n, 2 * n]
    assert (fed[0]["x"] == fed[n]["x"]).all() and [feed["dice"] for feed in fed] == [[5, i] for i in range(60)]
    assert all((a["y"][:, -1] == b["x"][:, 0]).all() for a, b in zip(fed[:n - 1], fed[1:n]))


def test_learns_what_counts_of_three_cannot_know(small, monkeypatch):
    for name, value in {"N_UNITS": 24, "N_STEPS": 11, "LEARNING_RATE": 0.02, "REPORT_EVERY": 1000}.items():
        monkeypatch.setattr(script, name, value)
    text = " xa xb xc xd xe xf xg xh" * 60  # what comes after x? the answer stands before the blank before it
    learn, kept_out = script.split(text)
    trigram = script.count_bits(learn, kept_out, 3)
    bits = train(300, text=text, keep_prob=1.0)["kept_out"]
    assert bits < 0.45 < 0.9 < trigram
    # the well-known mistake: the last target of a window is its own first character
    plain = script.make_windows
    monkeypatch.setattr(script, "make_windows", lambda *args: wrap(*plain(*args)))
    assert train(300, text=text, keep_prob=1.0)["training"] > 0.6


def numpy_bits(weights, text, chars):
    """Bits per character of a text, in whole windows, by readers whose state goes on from window to window."""
    x, y = script.make_windows(text, chars)
    bits = []
    for b in range(script.BATCH_SIZE):
        log_p, _ = numpy_network(weights, x[:, b].ravel(), np.zeros([2, 2, script.N_UNITS]), len(chars))
        bits.append(-np.mean(log_p[range(x[:, b].size), y[:, b].ravel()]) / np.log(2))
    return np.mean(bits)


def test_reports_and_results_are_bits_of_the_text_that_they_name(small, tmp_path, monkeypatch):
    monkeypatch.setattr(script, "N_STEPS", 3)
    steps, reports = [], []
    results = train(16, text=TEXT * 2, checkpoint=str(tmp_path), on_step=lambda i, bits, report: (
        steps.append(bits), reports.append(report)))
    names = [f"layer_{k}/rnn/basic_lstm_cell/{leaf}" for k in range(2) for leaf in ("kernel", "bias")]
    values = stored(tmp_path)
    weights = [values[name].astype(float) for name in [*names, "output/weights", "output/biases"]]
    chars = "".join(sorted(set(TEXT)))
    for part, name in zip(script.split(TEXT * 2), ("training", "kept_out")):
        assert results[name] == pytest.approx(numpy_bits(weights, part, chars), abs=1e-5)
    assert abs(results["training"] - results["kept_out"]) > 1e-3
    assert [i for i, report in enumerate(reports) if report] == [7, 15]
    for report, end in ((reports[7], 8), (reports[15], 16)):
        assert report[:2] == (end, pytest.approx(np.mean(steps[end - 8:end])))  # since the last report
    assert reports[15][2] == results["kept_out"] != reports[7][2]


def test_main_trains_as_asked_and_counts_on_the_windows_that_the_network_is_measured_on(
        small, tmp_path, monkeypatch, capsys):
    asked, file, plain = [], tmp_path / "text", script.train
    monkeypatch.setattr(script, "train", lambda *args: asked.append(args[:9]) or plain(*args))
    file.write_text(TEXT)
    results = script.main(["--iterations", "8", "--seed", "3", "--no-xla", "--text", str(file), "--keep-prob", "0.5",
                           "--prime", "fox", "--temperature", "2", "--no-plot"])
    assert asked == [(8, 3, False, TEXT, 0.5, None, None, "fox", 2.0)]
    learn, kept_out = script.split(TEXT)
    n = script.make_windows(kept_out, sorted(set(TEXT)))[1].size  # characters that are guessed
    unigram, trigram = (script.count_bits(learn, kept_out[:n + 1], k) for k in (1, 3))
    assert n + 1 < len(kept_out) and (results["unigram"], results["trigram"]) == (unigram, trigram)
    assert capsys.readouterr().out.splitlines()[-3:] == [
        "bits per character after 8 iterations", f"text it trained on:   network {results['training']:.3f}",
        f"text kept out:        network {results['kept_out']:.3f}, trigram counts {trigram:.3f}, "
        f"unigram counts {unigram:.3f}"]


def test_the_seed_is_that_of_the_first_weights_too(small):
    same, again, other = (train(0, text=TEXT, seed=seed)["kept_out"] for seed in (1, 1, 2))
    assert same == again != other


@pytest.mark.skipif(not script.XLA, reason="TF 1.15 trains on the plain graph")
def test_xla_changes_the_speed_and_not_the_numbers(small):
    a, b = (script.train(12, text=TEXT, xla=xla) for xla in (True, False))
    assert a["kept_out"] == pytest.approx(b["kept_out"], rel=1e-4)


def test_stopped_and_resumed_gives_the_same_weights_bit_for_bit(small, tmp_path):
    never, often = str(tmp_path / "never"), str(tmp_path / "often")
    train(40, text=TEXT, checkpoint=never)
    for iterations in (29, 40):  # the text begins anew between, and there is dropout
        results = train(iterations, text=TEXT, checkpoint=often)
    whole, parts = stored(never), stored(often)
    assert sorted(whole) == sorted(parts) and whole["global_step"] == 40 and np.abs(whole["state"]).max() > 0.01
    assert all((whole[name] == parts[name]).all() for name in whole)
    assert "".join(map(chr, whole["vocabulary"])) == "".join(sorted(set(TEXT)))
    assert train(40, text=TEXT, checkpoint=often) == results  # nothing left to train, the same results


@pytest.mark.long
def test_checkpoints_go_both_ways(other_python, small, tmp_path):
    for writer, reader in ((sys.executable, other_python), (other_python, sys.executable)):
        folder = str(tmp_path / f"by_{len(list(tmp_path.iterdir()))}")
        result(writer, "train", iterations=20, text=TEXT, checkpoint=folder)
        first, second = (result(python, "train", iterations=20, text=TEXT, checkpoint=folder)
                         for python in (writer, reader))
        assert first["kept_out"] == pytest.approx(second["kept_out"], rel=1e-5)
        first, second = (result(python, "sample", checkpoint=folder, n=30, prime="fox") for python in (writer, reader))
        assert first == second and len(first) == 33
        # and trained on by the other
        assert result(reader, "train", iterations=25, text=TEXT, checkpoint=folder)["iterations"] == 25


def test_writes_what_the_network_believes(small):
    with tf.Graph().as_default(), tf.Session() as sess:
        graph = script.build_graph("abc", xla=False)
        sess.run(tf.global_variables_initializer())
        variables = {v.op.name: v for v in tf.trainable_variables()}
        for variable in variables.values():
            variable.load(np.zeros(variable.shape.as_list()), sess)
        variables["output/biases"].load(np.log([0.2, 0.5, 0.3]), sess)  # so p = .2 .5 .3, whatever came before
        share = lambda text: [text.count(c) / len(text) for c in "abc"]  # noqa: E731
        text = script.write(sess, graph, "abc", 1000, prime="cab")
        assert text.startswith("cab") and len(text) == 1003
        np.testing.assert_allclose(share(text), [0.2, 0.5, 0.3], atol=0.05)
        # at temperature T: p^(1 / T), made to sum to 1; at 0.5 that is .04 .25 .09 over .38
        np.testing.assert_allclose(share(script.write(sess, graph, "abc", 1000, temperature=0.5)),
                                   [0.105, 0.658, 0.237], atol=0.05)
        assert script.write(sess, graph, "abc", 20, "c", temperature=0.01) == "c" + "b" * 20
        assert script.write(sess, graph, "abc", 50) == script.write(sess, graph, "abc", 50, seed=0)
        assert script.write(sess, graph, "abc", 50) != script.write(sess, graph, "abc", 50, seed=1)


def test_what_it_writes_follows_from_all_that_it_has_read(small):
    chars = "abcdefghij"
    with tf.Graph().as_default(), tf.Session() as sess:
        graph = script.build_graph(chars, xla=False)
        sess.run(tf.global_variables_initializer())
        for n, variable in enumerate(tf.trainable_variables()):
            variable.load(np.random.RandomState(n).normal(0, 2, variable.shape.as_list()), sess)
        text = script.write(sess, graph, chars, 40, "cab", temperature=0.01)  # what is likeliest
        feed = {graph.any_x: [[chars.index(char) for char in text[:-1]]], graph.state: np.zeros([2, 2, 1, 12])}
        likeliest = sess.run(graph.log_p, feed).argmax(axis=1)
    assert text == "cab" + "".join(chars[code] for code in likeliest[2:])
    assert len({(a, b) for a, b in zip(text, text[1:])}) > len(set(text))  # not by the last character alone


def test_sample_reads_no_text_and_trains_nothing(small, tmp_path, capsys):
    folder = str(tmp_path / "model")
    train(8, text=TEXT, checkpoint=folder)
    before = sorted((path.name, path.stat().st_mtime) for path in (tmp_path / "model").iterdir())
    capsys.readouterr()
    results = script.main(["--no-xla", "--checkpoint", folder, "--sample", "25", "--prime", "lazy "])
    assert results["sample"].startswith("lazy ")
    shown = capsys.readouterr()
    assert len(shown.out) == 5 + 25 + 1 and not shown.err
    assert before == sorted((path.name, path.stat().st_mtime) for path in (tmp_path / "model").iterdir())
    samples = [script.main(["--no-xla", "--checkpoint", folder, "--sample", "25", "--prime", "lazy ", *flags])["sample"]
               for flags in (["--temperature", "0.1"], ["--seed", "1"])]
    assert len({results["sample"], *samples}) == 3


def wrong(capsys, *flags):
    """Runs main with what must be refused; returns the one line that says why."""
    capsys.readouterr()
    with pytest.raises(SystemExit) as ended:
        script.main(list(flags))
    shown = capsys.readouterr()
    assert ended.value.code == 2 and not shown.out and len(shown.err.splitlines()) == 1
    return shown.err


def test_texts_that_are_refused(tmp_path, capsys):
    file, model = tmp_path / "text", str(tmp_path / "model")
    few = ["--iterations", "1", "--no-plot", "--no-xla", "--checkpoint", model, "--text", str(file)]
    assert "No such file" in wrong(capsys, *few)
    for content, why in ((b"", "not 0"), (b"short", "not 5"), (b"\xff\xfe" * 20000, "UTF-8")):
        file.write_bytes(content)
        assert why in wrong(capsys, *few)
    assert "directory" in wrong(capsys, *few[:-1], str(tmp_path))
    file.write_text("some text " * 3000)
    assert "'Q'" in wrong(capsys, *few, "--prime", "moQ")
    assert not os.path.exists(model)
    for flags in (["--temperature", "0"], ["--keep-prob", "1.1"], ["--keep-prob", "nan"], ["--sample", "0"]):
        assert flags[1] in wrong(capsys, *few, *flags)


def test_checkpoints_that_are_refused(small, tmp_path, capsys):
    text, other, model = tmp_path / "text", tmp_path / "other", tmp_path / "model"
    text.write_text(TEXT)
    other.write_text(TEXT[::-1])  # the same characters
    few = ["--iterations", "9", "--no-plot", "--no-xla", "--checkpoint", str(model), "--text"]
    assert "--checkpoint" in wrong(capsys, "--sample", "5")
    sampling = ["--no-xla", "--checkpoint", str(model), "--sample", "5"]
    assert "trained network" in wrong(capsys, *sampling)
    script.main([*few, str(text)])
    files = sorted(path.name for path in model.iterdir())
    assert "trained on" in wrong(capsys, *few, str(other))
    assert "'Q'" in wrong(capsys, *sampling, "--prime", "Q")
    data = next(model.glob("char_rnn-9.data*"))
    whole = data.read_bytes()
    for rest in (whole[:-100], whole[:7], b""):
        data.write_bytes(rest)
        assert "whole checkpoint" in wrong(capsys, *few, str(text))
        assert "whole checkpoint" in wrong(capsys, *sampling)
    data.write_bytes(whole)
    (model / "checkpoint").write_text("model_checkpoint_path: 'deep_rnn-9'")
    assert "deep_rnn-9" in wrong(capsys, *few, str(text))
    shutil.rmtree(str(model))
    model.write_text("")
    assert "folder" in wrong(capsys, *few, str(text))
    assert "char_rnn-9.index" in files


def test_logdir_holds_both_curves(small, tmp_path):
    reports = []
    train(16, text=TEXT, logdir=str(tmp_path), on_step=lambda i, bits, report: reports.append(report))
    events = list(tf.train.summary_iterator(str(next(tmp_path.glob("events*")))))
    written = [(event.step, value.tag, value.simple_value) for event in events for value in event.summary.value]
    assert [(step, tag) for step, tag, _ in written] == [
        (step, tag) for step in (8, 16) for tag in ("bits/training", "bits/kept_out")]
    np.testing.assert_allclose([value for _, _, value in written],
                               np.ravel([report[1:] for report in reports if report]), rtol=1e-6)


def test_a_loss_that_is_not_finite_stops_the_training_and_keeps_the_checkpoint(small, monkeypatch, tmp_path):
    monkeypatch.setattr(script, "LEARNING_RATE", float("inf"))
    with pytest.raises(SystemExit, match=r"the loss is (nan|inf) at iteration \d+"):
        train(20, text=TEXT, checkpoint=str(tmp_path / "model"))
    assert not (tmp_path / "model").exists()
