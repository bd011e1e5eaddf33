"""legacy.seq2seq, crf, layers, losses, learn and their neighbours against TF 1.15's own."""
import sys

import numpy as np
import pytest
from legacy_oracle import check, expected, numbers, run

BATCH, TIME, DEPTH, UNITS, WORDS = 3, 5, 4, 6, 7
LENGTHS = [5, 3, 1]


def tensor(tf, name, *shape):
    return tf.constant(numbers(name, shape, 1.0))


def decoded(mechanism, helper=None, plain=False, history=False, decode=None, **wrapper):
    """A case: AttentionWrapper around an LSTM; mechanism(s, memory) returns its attention."""
    def build(tf):
        s = tf.contrib.seq2seq
        x = tensor(tf, "x", BATCH, TIME, 4)
        cell = tf.nn.rnn_cell.LSTMCell(UNITS)
        attend = mechanism(s, tensor(tf, "memory", BATCH, TIME, DEPTH))
        attention = s.AttentionWrapper(cell, attend, alignment_history=history, **wrapper)
        asked = helper(tf, s, x) if helper else s.TrainingHelper(x, LENGTHS)
        decoder = s.BasicDecoder(attention, asked, attention.zero_state(BATCH, tf.float32),
                                 None if plain else tf.layers.Dense(WORDS, use_bias=False))
        outputs, state, lengths = s.dynamic_decode(decoder, maximum_iterations=8, **(decode or {}))
        values = {"output": outputs.rnn_output, "sample": outputs.sample_id, "lengths": lengths,
                  "c": state.cell_state.c, "attention": state.attention,
                  "memory": tf.stack([each.values for each in tf.nest.flatten(attend)])}
        if history:
            values["history"] = state.alignment_history.stack()
        return values
    return build


def embedding(tf):
    return tf.get_variable("embedding", [WORDS, 4])


def custom(tf, s, x):
    table = embedding(tf)
    return s.CustomHelper(
        lambda: (tf.fill([BATCH], False), tf.ones([BATCH, 4])),
        lambda time, outputs, state: tf.cast(tf.argmax(outputs, -1), tf.int32),
        lambda time, outputs, state, sample_ids: (sample_ids > 5, tf.gather(table, sample_ids), state))


HELPERS = {
    "GreedyEmbeddingHelper": lambda tf, s, x: s.GreedyEmbeddingHelper(embedding(tf), tf.fill([BATCH], 1), 2),
    "SampleEmbeddingHelper, cold": lambda tf, s, x: s.SampleEmbeddingHelper(
        embedding(tf), tf.fill([BATCH], 1), 2, softmax_temperature=1e-4),
    "ScheduledEmbeddingTrainingHelper, never": lambda tf, s, x: s.ScheduledEmbeddingTrainingHelper(
        x, LENGTHS, embedding(tf), 0.0),
    "ScheduledOutputTrainingHelper, always": lambda tf, s, x: s.ScheduledOutputTrainingHelper(
        x, LENGTHS, 1.0, next_inputs_fn=lambda y: y[:, :4], auxiliary_inputs=2 * x),
    "InferenceHelper": lambda tf, s, x: s.InferenceHelper(
        lambda y: tf.tanh(y[:, :4]), [4], tf.float32, tf.ones([BATCH, 4]), lambda sample: sample[:, 0] > 0.4),
    "CustomHelper": custom,
}
MECHANISMS = {
    "BahdanauAttention": lambda s, m: s.BahdanauAttention(UNITS, m, LENGTHS),
    "BahdanauAttention, normalize": lambda s, m: s.BahdanauAttention(UNITS, m, LENGTHS, normalize=True),
    "LuongAttention": lambda s, m: s.LuongAttention(UNITS, m, LENGTHS),
    "LuongAttention, scale, hardmax": lambda s, m: s.LuongAttention(UNITS, m, LENGTHS, True, s.hardmax),
    "BahdanauMonotonicAttention": lambda s, m: s.BahdanauMonotonicAttention(
        UNITS, m, LENGTHS, mode="recursive"),
    "LuongMonotonicAttention": lambda s, m: s.LuongMonotonicAttention(UNITS, m, scale=True),
    "LuongMonotonicAttention, hard": lambda s, m: s.LuongMonotonicAttention(UNITS, m, mode="hard"),
    "two mechanisms": lambda s, m: [s.BahdanauAttention(UNITS, m, LENGTHS), s.LuongAttention(UNITS, m)],
}


def beam(width=3, attention=True, known=True, layers=1, **kwargs):
    def build(tf):
        s = tf.contrib.seq2seq
        memory, lengths = tensor(tf, "memory", BATCH, TIME, DEPTH), tf.constant(LENGTHS)
        if not known:
            memory = tf.placeholder_with_default(memory, [None, None, DEPTH])
        batch = tf.shape(memory)[0]
        cells = [tf.nn.rnn_cell.LSTMCell(UNITS) for _ in range(layers)]
        cell = tf.nn.rnn_cell.MultiRNNCell(cells) if layers > 1 else cells[0]
        if attention:
            tiled = s.tile_batch(memory, width), s.tile_batch(lengths, width)
            cell = s.AttentionWrapper(cell, s.BahdanauAttention(UNITS, *tiled), 5, alignment_history=not known)
        decoder = s.BeamSearchDecoder(cell, embedding(tf), tf.fill([batch], 1), 2,
                                      cell.zero_state(batch * width, tf.float32), width,
                                      output_layer=tf.layers.Dense(WORDS), **kwargs)
        outputs, state, _ = s.dynamic_decode(decoder, maximum_iterations=9)
        floats = {"scores": outputs.beam_search_decoder_output.scores, "log_probs": state.log_probs}
        values = {"words": outputs.predicted_ids, "lengths": state.lengths}
        # float64 has no gradients here: a search has none
        values.update({name: tf.cast(value, tf.float64) for name, value in floats.items()})
        if not known:
            values["history"] = tf.cast(state.cell_state.alignment_history, tf.float64)
        return values
    return build


def gather_tree(tf):
    random = np.random.RandomState(2)
    words, parents = random.randint(0, 9, [7, 4, 3]), random.randint(0, 3, [7, 4, 3])
    return {"words": tf.contrib.seq2seq.gather_tree(words.astype("i"), parents.astype("i"), [7, 3, 0, 9], 4)}


def sequence_loss(tf):
    logits = tf.get_variable("logits", [BATCH, TIME, WORDS])
    targets, weights = tf.constant([[1, 2, 3, 4, 5]] * BATCH), tf.sequence_mask(LENGTHS, TIME, tf.float32) * 1.5
    flags = [(1, 1, 0, 0), (1, 0, 0, 0), (0, 1, 0, 0), (0, 0, 0, 0), (0, 0, 1, 1), (0, 0, 1, 0), (0, 0, 0, 1)]
    return {str(f): tf.contrib.seq2seq.sequence_loss(logits, targets, weights, *map(bool, f)) for f in flags}


def crf(time, known=True):
    def build(tf):
        c = tf.contrib.crf
        x = tensor(tf, "x", 4, time, 5) + tf.get_variable("bias", [5])
        tags = tf.constant(np.arange(4 * time).reshape(4, time) % 5)
        if not known:
            x = tf.placeholder_with_default(x, [None, None, 5])
            tags = tf.placeholder_with_default(tags, [None, None])
        lengths = tf.constant(np.minimum([6, 4, 0, 2], time))
        likelihood, transitions = c.crf_log_likelihood(x, tags, lengths)
        best, score = c.crf_decode(x, transitions, lengths)
        allowed = tf.constant(numbers("allowed", [4, time, 5]) > -0.3)
        return {"log_likelihood": likelihood, "best": best, "score": score,
                "many": c.crf_multitag_sequence_score(x, allowed, lengths, transitions)}
    return build


def dense(tf):
    c = tf.contrib.layers
    x = c.embed_sequence([[1, 2], [3, 0]], 5, 4)
    with tf.contrib.framework.arg_scope([c.fully_connected], activation_fn=tf.nn.elu, normalizer_fn=c.layer_norm):
        x = c.fully_connected(x, 6, weights_regularizer=c.l2_regularizer(0.1))
    x = c.linear(c.stack(x, c.fully_connected, [5, 4]), 3, biases_regularizer=c.l1_regularizer(0.2))
    return {"output": x, "penalty": tf.losses.get_regularization_loss(), "bow": c.bow_encoder([[1, 0]], 5, 4)}


def batch_norm(rank, **kwargs):
    def build(tf):
        x = tensor(tf, "x", *[4, 3, 3, 2][-rank:]) + tf.get_variable("bias", [2])
        outputs = tf.contrib.layers.batch_norm(x, scale=True, activation_fn=tf.tanh, **kwargs)
        with tf.control_dependencies([outputs] + tf.get_collection(tf.GraphKeys.UPDATE_OPS)):
            averages = {v.op.name: tf.cast(v.read_value(), tf.float64) for v in tf.global_variables()[-2:]}
        return dict(averages, output=outputs)
    return build


def convolutions(tf):
    c = tf.contrib.layers
    x = c.max_pool2d(c.conv2d(tensor(tf, "x", 2, 8, 8, 3), 4, 3), 2)
    x = c.conv2d(x, 5, [3, 2], stride=2, padding="VALID", activation_fn=None, scope="second")
    return {"output": c.flatten(c.avg_pool2d(x, 1, 1))}


def optimize_loss(optimizer, **kwargs):
    def build(tf):
        loss = tf.reduce_sum(tf.get_variable("w", [3]) * tf.constant([1., -2., 3.]))
        train = tf.contrib.layers.optimize_loss(loss, tf.train.get_or_create_global_step(), 0.1, optimizer, **kwargs)
        with tf.control_dependencies([train]):
            return {v.op.name: tf.cast(v.read_value(), tf.float64) for v in tf.global_variables()}
    return build


def losses(tf):
    c = tf.contrib.losses
    x, labels, weights = tf.get_variable("logits", [3, 3]), tf.one_hot([0, 1, 2], 3), tf.constant([1., 0., 2.])
    c.softmax_cross_entropy(x, labels, weights, label_smoothing=0.1)
    c.sparse_softmax_cross_entropy(x, tf.constant([0, 1, 2]), weights)
    c.sigmoid_cross_entropy(x, labels, 2.)
    for name in ("mean_squared_error", "absolute_difference", "mean_pairwise_squared_error"):
        getattr(c, name)(x, labels, weights)
    c.log_loss(tf.sigmoid(x), labels)
    return {"each": tf.stack(c.get_losses()), "total": c.get_total_loss(), "hinge": c.hinge_loss(x, labels)}


def metrics(tf):
    c = tf.contrib.metrics
    predictions, labels = tf.constant([1, 0, 1, 1]), tf.constant([1, 1, 1, 0])
    names = ["accuracy", "precision", "recall", "auc", "true_positives", "mean_iou"]
    more = {"mean_iou": [2]}
    return dict({name: getattr(c, "streaming_" + name)(predictions, labels, *more.get(name, []))[1]
                 for name in names}, now=c.accuracy(predictions, labels))


CASES = {"attention: " + name: decoded(mechanism, attention_layer_size=[3, 4] if "two" in name else 5)
         for name, mechanism in MECHANISMS.items()}
CASES.update({"helper: " + name: decoded(MECHANISMS["LuongAttention"], helper)
              for name, helper in HELPERS.items()})
CASES.update({
    "attention: history, impute_finished": decoded(MECHANISMS["BahdanauAttention"], history=True,
                                                   decode={"impute_finished": True, "output_time_major": True}),
    "attention: no layer, cell's output": decoded(MECHANISMS["LuongAttention"], plain=True, output_attention=False),
    "BeamSearchDecoder": beam(),
    "BeamSearchDecoder, no attention": beam(width=4, attention=False),
    "BeamSearchDecoder, penalties": beam(length_penalty_weight=0.8, coverage_penalty_weight=0.3, layers=2),
    "BeamSearchDecoder, unknown sizes": beam(known=False),
    "batch_norm, two axes": batch_norm(2),
    "batch_norm, four axes, at once": batch_norm(4, updates_collections=None),
    "batch_norm, not training": batch_norm(3, is_training=False),
    "convolutions": convolutions,
    "crf": crf(6),
    "crf, one step": crf(1, known=False),
    "fully_connected, embed_sequence": dense,
    "gather_tree": gather_tree,
    "losses": losses,
    "metrics": metrics,
    "optimize_loss, Adam": optimize_loss("Adam", clip_gradients=0.1),
    "optimize_loss, decay": optimize_loss("SGD", learning_rate_decay_fn=lambda rate, step: rate * 0.5),
    "sequence_loss": sequence_loss,
})


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    folder = tmp_path_factory.mktemp("values")
    return expected(__file__, folder), run(sys.executable, __file__, folder / "given.npz")


@pytest.mark.long
@pytest.mark.skipif(sys.version_info < (3, 8), reason="on TF 1.15 legacy does nothing")
@pytest.mark.parametrize("name", CASES)
def test_equals_tensorflow_1(name, both):
    check(name, *both)
