"""variable_length.py: what padding must not touch, and a decoder that stops by itself."""
import numpy as np
import pytest
import tensorflow.compat.v1 as tf

import variable_length as script

FEW = ["--iterations", "2"]
VARIABLES = {"encoder/rnn/basic_lstm_cell/kernel": [139, 512], "encoder/rnn/basic_lstm_cell/bias": [512],
             "decoder/rnn/basic_lstm_cell/kernel": [139, 512], "decoder/rnn/basic_lstm_cell/bias": [512],
             "output/weights": [128, 11], "output/biases": [11]}


def one_hot(token):
    return np.eye(script.N_TOKENS)[token]


def lstm(weights, part, token, c, h):
    """One step of an LSTM for one sequence, in NumPy."""
    kernel, bias = (weights[f"{part}/rnn/basic_lstm_cell/{name}"] for name in ("kernel", "bias"))
    i, j, f, o = np.split(np.concatenate([one_hot(token), h]) @ kernel + bias, 4)
    sigmoid = lambda z: 1 / (1 + np.exp(-z))  # noqa: E731
    c = sigmoid(f + 1) * c + sigmoid(i) * np.tanh(j)
    return c, sigmoid(o) * np.tanh(c)


def logits_of(weights, h):
    return h @ weights["output/weights"] + weights["output/biases"]


def state_of(weights, digits):
    c = h = np.zeros(script.N_UNITS)
    for digit in digits:
        c, h = lstm(weights, "encoder", digit, c, h)
    return c, h


@pytest.fixture(scope="module")
def model():
    """run(names, feed) of the whole model with large random weights, and those weights as arrays."""
    with tf.Graph().as_default(), tf.Session() as sess:
        tf.set_random_seed(1)
        x = tf.placeholder(tf.int32, [None, script.N_STEPS])
        lengths = tf.placeholder(tf.int32, [None])
        y = tf.placeholder(tf.int32, [None, script.N_STEPS + 1])
        state = script.encode(x, lengths)
        logits = script.decode_taught(state, y)
        loss, counted = script.sequence_loss(logits, y)
        with tf.variable_scope("", reuse=True):
            tokens = script.decode_greedily(state)
        tensors = {"x": x, "lengths": lengths, "y": y, "c": state.c, "h": state.h, "logits": logits, "loss": loss,
                   "counted": counted, "tokens": tokens, "gradient": tf.gradients(loss, logits)[0]}
        variables = tf.trainable_variables()
        for seed, v in enumerate(variables):  # large: so that many different tokens are written, EOS among them
            sess.run(v.assign(tf.random_normal(v.shape, stddev=0.5, seed=seed)))
        run = lambda names, **feed: sess.run([tensors[name] for name in names.split()],  # noqa: E731
                                             {tensors[name]: value for name, value in feed.items()})
        yield run, {v.op.name: sess.run(v).astype(float) for v in variables}


@pytest.fixture(scope="module")
def batch():
    x, lengths = script.make_batch(0, 3)
    return x, lengths, script.targets(x, lengths)


# the notes' padded batch --------------------------------------------------------
def test_padded_batch_with_and_without_lengths():
    outputs, states, wrong_outputs, wrong_states = script.padded_batch(seed=4)
    assert not outputs[1, 1].any() and outputs[[0, 2, 3]].all()
    np.testing.assert_array_equal(states, [outputs[0, 1], outputs[1, 0], outputs[2, 1], outputs[3, 1]])
    np.testing.assert_array_equal(wrong_outputs[[0, 2, 3]], outputs[[0, 2, 3]])
    np.testing.assert_array_equal(wrong_states, wrong_outputs[:, 1])  # of the padding, in row 1
    assert abs(wrong_states[1] - states[1]).max() > 0.1


def test_what_is_printed_of_the_padded_batch(capsys):
    with_lengths, without = script.show_padded_batch(seed=4)
    assert not with_lengths.any() and not without[[0, 2, 3]].any() and without[1] > 0.1
    shown = capsys.readouterr().out
    assert "with    sequence_length: largest output in the padding 0.000, states off by 0.000 0.000 0.000" in shown
    assert f"states off by 0.000 {without[1]:.3f} 0.000 0.000" in shown


# data -----------------------------------------------------------------------------
def test_targets_are_the_reversed_digits_and_then_eos(batch):
    x, lengths, y = batch
    for digits, n, row, same in zip(x.tolist(), lengths, y.tolist(), script.targets(x, lengths, copy=True).tolist()):
        assert row == digits[:n][::-1] + [script.EOS] * (10 - n)
        assert same == digits[:n] + [script.EOS] * (10 - n)


def test_held_out_sequences_are_different_and_never_trained_on():
    held = set()
    for length in range(1, 10):
        x, lengths = script.held_out(length, 150)
        assert (lengths == length).all() and not x[:, length:].any() and (x >= 0).all() and (x < 10).all()
        texts = set(script.spell(script.targets(x, lengths, copy=True)))
        assert len(texts) == len(x) == min(10 ** (length - 1), 150) and {len(text) for text in texts} == {length}
        held |= texts
    trained = []
    for i in range(200):
        x, lengths = script.make_batch(i, 0)
        assert not x[np.arange(9) >= lengths[:, np.newaxis]].any()
        trained += script.spell(script.targets(x, lengths, copy=True))
    assert not held & set(trained)
    assert len(held | {text for text in trained if len(text) < 3}) == len(held) + 9 + 90  # no other is left out
    counts = np.bincount([len(text) for text in trained])
    assert counts[0] == 0 and (counts[1:] > 0.8 * len(trained) / 9).all()


def test_batches_are_a_function_of_step_and_seed():
    same, other_step, other_seed = script.make_batch(5, 1), script.make_batch(6, 1), script.make_batch(5, 2)
    np.testing.assert_array_equal(script.make_batch(5, 1)[0], same[0])
    assert (same[0] != other_step[0]).any() and (same[0] != other_seed[0]).any()


def test_spell_needs_eos():
    assert script.spell(np.array([[1, 2, 10, 0], [10, 0, 0, 0], [1, 2, 0, 0]])) == ["12", "", "1200..."]


# graph ------------------------------------------------------------------------------
def test_encoder_is_numpy_s_over_the_real_digits_only(model, batch):
    (run, weights), (x, lengths, _) = model, batch
    c, h = run("c h", x=x, lengths=lengths)
    for row in range(20):
        expected = state_of(weights, x[row, :lengths[row]])
        np.testing.assert_allclose([c[row], h[row]], expected, atol=1e-5)
    padded_with_nines = np.where(np.arange(9) < lengths[:, np.newaxis], x, 9)
    np.testing.assert_array_equal(run("h", x=padded_with_nines, lengths=lengths)[0], h)
    assert abs(run("h", x=x, lengths=np.full_like(lengths, 9))[0] - h)[lengths < 9].max(axis=1).min() > 0.01


def test_teacher_forcing_feeds_the_target_of_the_step_before(model, batch):
    (run, weights), (x, lengths, y) = model, batch
    logits, = run("logits", x=x, lengths=lengths, y=y)
    for row in range(10):
        c, h = state_of(weights, x[row, :lengths[row]])
        for t, token in enumerate([script.EOS, *y[row, :-1]]):
            c, h = lstm(weights, "decoder", token, c, h)
            np.testing.assert_allclose(logits[row, t], logits_of(weights, h), atol=2e-4)


def test_loss_ends_with_the_first_eos(model, batch):
    (run, _), (x, lengths, y) = model, batch
    logits, loss, counted, gradient = run("logits loss counted gradient", x=x, lengths=lengths, y=y)
    logits = logits.astype(float)
    log_p = logits - np.log(np.exp(logits).sum(axis=2, keepdims=True))
    losses = [-log_p[row, t, y[row, t]] for row, n in enumerate(lengths) for t in range(n + 1)]
    assert counted == len(losses) == (lengths + 1).sum()
    np.testing.assert_allclose(loss, np.mean(losses), rtol=1e-5)
    after = np.arange(10) > lengths[:, np.newaxis]
    assert not gradient[after].any() and abs(gradient[~after]).max(axis=1).min() > 0


def test_greedy_decoding_is_numpy_s_and_stops_when_all_have_eos(model, batch):
    (run, weights), (x, lengths, _) = model, batch
    tokens, = run("tokens", x=x, lengths=lengths)
    expected = []
    for digits, n in zip(x, lengths):
        (c, h), row = state_of(weights, digits[:n]), [script.EOS]
        while len(row) <= script.STEP_LIMIT and (len(row) == 1 or row[-1] != script.EOS):
            c, h = lstm(weights, "decoder", row[-1], c, h)
            row.append(int(np.argmax(logits_of(weights, h))))
        expected.append(row[1:])
    ended = [row for row, written in enumerate(expected) if written[-1] == script.EOS]
    assert 10 < len(ended) < len(x) and len({len(expected[row]) for row in ended}) > 3  # the weights make a fair test
    assert tokens.shape[1] == script.STEP_LIMIT
    for row, written in zip(tokens.tolist(), expected):
        assert row == written + [0] * (script.STEP_LIMIT - len(written))
    some = sorted(ended, key=lambda row: len(expected[row]))[:8]
    tokens, = run("tokens", x=x[some], lengths=lengths[some])
    assert tokens.shape[1] == len(expected[some[-1]]) < script.STEP_LIMIT


def test_both_decoders_share_their_weights_and_names_are_everywhere_the_same(model):
    assert {name: list(value.shape) for name, value in model[1].items()} == VARIABLES
    with tf.Graph().as_default():
        shapes = [None, script.N_STEPS], [None], [None, script.N_STEPS + 1]
        inputs = [tf.placeholder(tf.int32, shape) for shape in shapes] + [tf.constant(0.1)]
        if script.XLA:
            tf.xla.experimental.compile(script.training_step, inputs)
        else:
            script.training_step(*inputs)
        assert {v.op.name: v.shape.as_list() for v in tf.trainable_variables()} == VARIABLES


# training -----------------------------------------------------------------------------
@pytest.mark.skipif(not script.XLA, reason="TF 1.15 runs the plain graph always")
def test_xla_and_the_plain_graph_learn_the_same(monkeypatch):
    monkeypatch.setattr(script, "TESTED", 10)
    compiled, plain = script.train(4, xla=True)[0], script.train(4, xla=False)[0]
    np.testing.assert_allclose(compiled, plain, rtol=1e-4)


def test_the_learning_rate_falls_to_the_last_iteration_and_the_norm_of_all_gradients_is_clipped(monkeypatch):
    fed, norms, plain = [], [], tf.Session.run

    def spy(self, fetches, feed_dict=None, **kwargs):
        fed.extend(value for key, value in (feed_dict or {}).items() if key.op.name == "learning_rate")
        return plain(self, fetches, feed_dict, **kwargs)

    def on_step(i, loss, test):  # Adam's first moment is at first a tenth of the gradient
        moments = [plain(tf.get_default_session(), v) for v in tf.global_variables() if v.op.name.endswith("/Adam")]
        norms.append(np.sqrt(sum(np.sum((10 * moment) ** 2) for moment in moments)))

    monkeypatch.setattr(script, "TESTED", 1)
    monkeypatch.setattr(script, "CLIP_NORM", 0.001)
    monkeypatch.setattr(tf.Session, "run", spy)
    script.train(4, xla=False, on_step=on_step)
    np.testing.assert_allclose(fed, [0.004, 0.003, 0.002, 0.001])
    assert norms[0] == pytest.approx(0.001, rel=1e-3)


def test_weights_are_the_seed_s(monkeypatch):
    batch = script.make_batch(0, 0)
    monkeypatch.setattr(script, "make_batch", lambda i, seed: batch)
    monkeypatch.setattr(script, "TESTED", 1)
    (one,), (other,) = (script.train(1, seed, xla=False)[0] for seed in (1, 2))
    assert abs(one - other) > 1e-4


@pytest.fixture(scope="module")
def trained():
    return script.train(220)


def test_it_learns_to_reverse_and_to_stop(trained):
    losses, counted, found = trained
    assert counted == (script.make_batch(219, 0)[1] + 1).sum()
    assert abs(losses[0] - np.log(script.N_TOKENS)) < 0.1 and losses[-1] < 0.8
    assert [part["length"] for part in found] == list(range(1, 10))
    assert [len(part["read"]) for part in found] == [1, 10, 100, 1000, 1000, 1000, 1000, 1000, 1000]
    for part in found:
        assert part["wanted"] == [text[::-1] for text in part["read"]]
        assert part["steps"] == 1 + max(len(text) for text in part["written"]) < script.STEP_LIMIT
    assert script.share_right(found[1:3]) > 0.5  # guessed digits are right once in 100 or 1000 times
    assert script.share_right(found[3:4]) > 0.2


def test_without_lengths_the_padding_is_read_and_last_zeros_are_lost(monkeypatch):
    monkeypatch.setattr(script, "TESTED", 100)

    def written(text, found):
        part = found[len(text) - 1]
        return part["written"][part["read"].index(text)]

    with_lengths, without = script.train(60, xla=False)[2], script.train(60, xla=False, no_lengths=True)[2]
    assert written("0", with_lengths) != written("000", with_lengths)
    assert written("0", without) == written("00", without) == written("000", without)
    assert written("19", without) == written("190", without) != written("28", without)


def test_copy_trains_for_and_wants_the_digits_as_they_were_read(monkeypatch):
    asked, targets = [], script.targets
    monkeypatch.setattr(script, "TESTED", 10)
    monkeypatch.setattr(script, "targets", lambda x, n, copy=False: asked.append(copy) or targets(x, n, copy))
    for part in script.train(1, xla=False, copy=True)[2]:
        assert part["wanted"] == part["read"]
    assert all(asked)


def test_a_loss_that_is_not_finite_stops_the_training(monkeypatch):
    monkeypatch.setattr(script, "LEARNING_RATE", float("nan"))
    with pytest.raises(SystemExit, match="the loss is nan at iteration 1: training stopped"):
        script.train(3, xla=False)


def test_main_prints_what_it_returns(capsys):
    results = script.main(["--iterations", "2", "--no-plot", "--seed", "3"])
    shown = capsys.readouterr().out
    assert f"the last loss counts {results['counted']} of 1280 tokens" in shown
    assert f"right, digits and length: {100 * results['right']:.2f} %" in shown
    rows = [line.split() for line in shown.splitlines() if line[:6].strip().isdigit()]
    expected = [(part["length"], part["steps"]) for part in results["found"]]
    assert [(int(row[0]), int(row[3])) for row in rows] == expected


def test_what_is_printed_and_drawn_is_of_the_tests_and_at_the_end_of_the_last_one(monkeypatch, capsys, pictures):
    def found(right):
        """For each length ten sequences, the first right(length) of them written as they should be."""
        return [{"length": n, "steps": n + 1, "read": ["read"] * 10, "wanted": ["good"] * 10,
                 "written": ["good"] * right(n) + ["goods"] * (10 - right(n))} for n in range(1, 10)]

    def train(iterations, seed, xla, no_lengths, copy, on_step):
        for i in range(250):
            on_step(i, 2 - i / 1000, lambda count: found(lambda n: n) if count == script.TESTED // 10 else None)
        return [2 - i / 1000 for i in range(250)], 700, found(lambda n: 10 - n)

    monkeypatch.setattr(script, "train", train)
    figures = pictures(script)
    script.main(["--no-plot"])
    lines = capsys.readouterr().out.splitlines()
    assert [line.split() for line in lines if "loss:" in line] == [
        f"{n} loss: {loss} held-out sequences right: 50.0 %".split() for n, loss in ((100, "1.9010"), (200, "1.8010"))]
    assert lines[-2].split() == ["9", "10", "10.0", "10", "read", "->", "goods"]
    by_length, by_iteration = figures[0].axes
    earlier, latest = by_length.lines
    np.testing.assert_allclose(latest.get_data(), [range(1, 10), range(90, 0, -10)])
    np.testing.assert_allclose(earlier.get_data()[1][:10], [*range(10, 100, 10), np.nan])
    np.testing.assert_allclose(by_iteration.lines[0].get_data(), [[100, 200, 250], [1.901, 1.801, 1.751]])


@pytest.mark.long
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_default_run_is_right_in_99_of_100(seed):
    found = script.train(seed=seed)[2]
    assert script.share_right(found) >= 0.99
    assert [part["steps"] for part in found] == list(range(2, 11))
