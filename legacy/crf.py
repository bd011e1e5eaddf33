"""tf.contrib.crf: a linear-chain conditional random field on top of a recurrent network.

Source   Lafferty et al. 2001, Conditional Random Fields; TensorFlow 1.15, tf.contrib.crf
Shapes   inputs, potentials (batch, time, tag); tag_indices (batch, time); sequence_lengths (batch);
         transition_params (tag, tag), from row to column
"""
import numpy as np
import tensorflow.compat.v1 as tf

__all__ = [
    "CrfDecodeBackwardRnnCell", "CrfDecodeForwardRnnCell", "CrfForwardRnnCell", "crf_binary_score",
    "crf_decode", "crf_log_likelihood", "crf_log_norm", "crf_multitag_sequence_score", "crf_sequence_score",
    "crf_unary_score", "viterbi_decode",
]


def _if_one_step(inputs, one_step, more_steps):
    """Calls one_step() where there is one step, else more_steps(); a cond of both where that is unknown."""
    static = inputs.shape.as_list()[1]
    if static is not None:
        return one_step() if static == 1 else more_steps()
    return tf.cond(tf.equal(tf.shape(inputs)[1], 1), one_step, more_steps)


def _zero_where_empty(scores, sequence_lengths):
    return tf.where(sequence_lengths <= 0, tf.zeros_like(scores), scores)


def _less_one(sequence_lengths):
    return tf.maximum(tf.cast(0, sequence_lengths.dtype), sequence_lengths - 1)


def crf_unary_score(tag_indices, sequence_lengths, inputs):
    """The sum over time of inputs[t, tag_t]; (batch)."""
    scores = tf.gather(inputs, tag_indices, axis=2, batch_dims=2)  # (batch, time)
    mask = tf.sequence_mask(sequence_lengths, maxlen=tf.shape(tag_indices)[1], dtype=tf.float32)
    return tf.reduce_sum(scores * mask, 1)


def crf_binary_score(tag_indices, sequence_lengths, transition_params):
    """The sum over time of transition_params[tag_t, tag_(t+1)]; (batch)."""
    pairs = tf.stack([tag_indices[:, :-1], tag_indices[:, 1:]], 2)  # (batch, time - 1, 2)
    mask = tf.sequence_mask(sequence_lengths, maxlen=tf.shape(tag_indices)[1], dtype=tf.float32)
    return tf.reduce_sum(tf.gather_nd(transition_params, pairs) * mask[:, 1:], 1)


def crf_sequence_score(inputs, tag_indices, sequence_lengths, transition_params):
    """The score of one tag sequence, not normalized: unary and binary scores; (batch)."""
    def one_step():
        scores = tf.gather(inputs[:, 0], tag_indices[:, 0], axis=1, batch_dims=1)
        return _zero_where_empty(scores, sequence_lengths)

    def more_steps():
        return (crf_unary_score(tag_indices, sequence_lengths, inputs)
                + crf_binary_score(tag_indices, sequence_lengths, transition_params))
    return _if_one_step(inputs, one_step, more_steps)


def crf_multitag_sequence_score(inputs, tag_bitmap, sequence_lengths, transition_params):
    """log sum exp of the scores of the sequences that tag_bitmap (batch, time, tag) allows; (batch)."""
    allowed = tf.where(tag_bitmap, inputs, tf.fill(tf.shape(inputs), float("-inf")))
    return _if_one_step(inputs, lambda: tf.reduce_logsumexp(allowed, axis=[1, 2]),
                        lambda: crf_log_norm(allowed, sequence_lengths, transition_params))


def crf_log_norm(inputs, sequence_lengths, transition_params):
    """log sum exp of the scores of all tag sequences, by the forward algorithm; (batch)."""
    first = inputs[:, 0]

    def more_steps():
        _, alphas = tf.nn.dynamic_rnn(CrfForwardRnnCell(transition_params), inputs[:, 1:],
                                      _less_one(sequence_lengths), first)
        return tf.reduce_logsumexp(alphas, [1])
    log_norm = _if_one_step(inputs, lambda: tf.reduce_logsumexp(first, [1]), more_steps)
    return _zero_where_empty(log_norm, sequence_lengths)


def crf_log_likelihood(inputs, tag_indices, sequence_lengths, transition_params=None):
    """Returns log p(tags | inputs) (batch), and the transitions, a variable where none were given."""
    if transition_params is None:
        n_tags = inputs.shape.as_list()[2]
        transition_params = tf.get_variable("transitions", [n_tags, n_tags])
    # log p = score(tags) - log sum exp score(all tags)
    score = crf_sequence_score(inputs, tag_indices, sequence_lengths, transition_params)
    return score - crf_log_norm(inputs, sequence_lengths, transition_params), transition_params


class _TransitionCell(tf.nn.rnn_cell.RNNCell):
    """A cell without weights of its own; its state is one score per tag (batch, tag)."""

    def __init__(self, transition_params):
        self._transition_params = tf.expand_dims(transition_params, 0)
        self._num_tags = self._transition_params.shape.as_list()[1]

    state_size = property(lambda self: self._num_tags)
    output_size = property(lambda self: self._num_tags)


class CrfForwardRnnCell(_TransitionCell):
    """One step of the forward algorithm."""

    def __call__(self, inputs, state, scope=None):
        # alpha_t[j] = x_t[j] + log sum_i exp(alpha_(t-1)[i] + A[i, j])
        alphas = inputs + tf.reduce_logsumexp(tf.expand_dims(state, 2) + self._transition_params, [1])
        return alphas, alphas


class CrfDecodeForwardRnnCell(_TransitionCell):
    """One step of Viterbi's algorithm; the outputs are the best tags before each tag."""

    def __call__(self, inputs, state, scope=None):
        # best_t[j] = x_t[j] + max_i (best_(t-1)[i] + A[i, j])
        scores = tf.expand_dims(state, 2) + self._transition_params
        return tf.cast(tf.argmax(scores, 1), tf.int32), inputs + tf.reduce_max(scores, [1])


class CrfDecodeBackwardRnnCell(tf.nn.rnn_cell.RNNCell):
    """One step back along the best tags; the state is a tag (batch, 1)."""

    def __init__(self, num_tags):
        self._num_tags = num_tags

    state_size = property(lambda self: 1)
    output_size = property(lambda self: 1)

    def __call__(self, inputs, state, scope=None):
        tags = tf.gather(inputs, state, batch_dims=1)
        return tags, tags


def crf_decode(potentials, transition_params, sequence_length):
    """The best tag sequence (batch, time), int32, and its score (batch)."""
    first = potentials[:, 0]

    def one_step():
        return tf.cast(tf.argmax(potentials, axis=2), tf.int32), tf.reduce_max(first, axis=1)

    def more_steps():
        lengths = _less_one(sequence_length)
        before, best = tf.nn.dynamic_rnn(CrfDecodeForwardRnnCell(transition_params), potentials[:, 1:],
                                         lengths, first, dtype=tf.int32)
        last = tf.expand_dims(tf.cast(tf.argmax(best, axis=1), tf.int32), 1)
        before = tf.reverse_sequence(before, lengths, seq_dim=1)
        tags, _ = tf.nn.dynamic_rnn(CrfDecodeBackwardRnnCell(potentials.shape.as_list()[2]), before, lengths,
                                    last, dtype=tf.int32)
        tags = tf.concat([last, tf.squeeze(tags, [2])], 1)
        return tf.reverse_sequence(tags, sequence_length, seq_dim=1), tf.reduce_max(best, axis=1)
    return _if_one_step(potentials, one_step, more_steps)


def viterbi_decode(score, transition_params):
    """crf_decode of one sequence in NumPy: score (time, tag) -> a list of tags, and its score."""
    best = np.array(score[0])
    before = []
    for x in score[1:]:
        # best_t[j] = x_t[j] + max_i (best_(t-1)[i] + A[i, j])
        scores = np.expand_dims(best, 1) + transition_params
        before.append(np.argmax(scores, 0))
        best = x + np.max(scores, 0)
    tags = [np.argmax(best)]
    for step in reversed(before):
        tags.append(step[tags[-1]])
    return tags[::-1], np.max(best)
