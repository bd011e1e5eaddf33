"""Beam search of tf.contrib.seq2seq.

Source   TensorFlow 1.15, tf.contrib.seq2seq.BeamSearchDecoder; penalties: Wu et al. 2016, arXiv:1609.08144
Shapes   log_probs, finished, lengths (batch, beam); scores of a step (batch, beam, word);
         predicted_ids (batch, time, beam), best beam first
"""
import collections

import numpy as np
import tensorflow.compat.v1 as tf

from .attention_wrapper import AttentionWrapperState
from .decoding import Decoder, rnn_output_size
from .helpers import _embedding_fn

nest = tf.nest
static_value = tf.get_static_value


class BeamSearchDecoderState(collections.namedtuple("BeamSearchDecoderState", (
        "cell_state", "log_probs", "finished", "lengths", "accumulated_attention_probs"))):
    """The cell's state (batch, beam, unit) and what is known of each beam."""


class BeamSearchDecoderOutput(collections.namedtuple("BeamSearchDecoderOutput", (
        "scores", "predicted_ids", "parent_ids"))):
    """Of one step: the scores, the words, and the beams that the words follow."""


class FinalBeamSearchDecoderOutput(collections.namedtuple("FinalBeamDecoderOutput", (
        "predicted_ids", "beam_search_decoder_output"))):
    """The words along each beam, and the steps that they were read from."""


def tile_batch(t, multiplier, name=None):
    """Repeats each entry of the batch: (batch, ...) -> (batch * multiplier, ...), a a b b c c."""
    def tile(x):
        x = tf.convert_to_tensor(x, name="t")
        if not x.shape.ndims:
            raise ValueError("t must have statically known rank")
        shape = tf.shape(x)
        tiled = tf.tile(tf.expand_dims(x, 1), [1, multiplier] + [1] * (x.shape.ndims - 1))
        tiled = tf.reshape(tiled, tf.concat([[shape[0] * multiplier], shape[1:]], 0))
        known = x.shape.as_list()[0] is not None and not isinstance(multiplier, tf.Tensor)
        batch_size = x.shape.as_list()[0] * multiplier if known else None
        tiled.set_shape(tf.TensorShape([batch_size]).concatenate(x.shape[1:]))
        return tiled
    with tf.name_scope(name, "tile_batch", nest.flatten(t)):
        return nest.map_structure(tile, t)


def gather_tree(step_ids, parent_ids, max_sequence_lengths, end_token):
    """Reads each beam backwards from its last step along its parents; (time, batch, beam) -> the same.

    What follows the first end_token of a beam, or max_sequence_lengths (batch), is end_token.
    """
    step_ids = tf.convert_to_tensor(step_ids)
    parent_ids = tf.convert_to_tensor(parent_ids)
    shape = tf.shape(step_ids)
    lengths = tf.minimum(tf.reshape(max_sequence_lengths, [-1, 1]), shape[0])  # (batch, 1)
    own_beam = tf.tile(tf.expand_dims(tf.range(shape[2]), 0), [shape[1], 1])  # (batch, beam)

    def step_back(beams_and_ids, step):
        ids, parents, time = step
        started = tf.fill(tf.shape(own_beam), time) < lengths - 1
        beam = tf.where(started, beams_and_ids[0], own_beam)
        return tf.gather(parents, beam, batch_dims=1), tf.gather(ids, beam, batch_dims=1)

    _, ids = tf.scan(step_back, (step_ids, parent_ids, tf.range(shape[0])),
                     (own_beam, tf.zeros(shape[1:], step_ids.dtype)), reverse=True)
    end_tokens = tf.fill(shape, end_token)
    in_time = tf.reshape(tf.range(shape[0]), [-1, 1, 1]) < tf.expand_dims(lengths, 0)
    ids = tf.where(tf.logical_and(in_time, tf.fill(shape, True)), ids, end_tokens)
    ended = tf.cumsum(tf.cast(tf.equal(ids, end_token), tf.int32), axis=0, exclusive=True) > 0
    ids = tf.where(ended, end_tokens, ids)
    ids.set_shape(step_ids.shape)
    return ids


def gather_tree_from_array(t, parent_ids, sequence_length):
    """Sorts a stacked TensorArray (time, batch * beam, ...) along the beams, like gather_tree."""
    shape = tf.shape(parent_ids)
    max_time, batch_size, beam_width = shape[0], shape[1], shape[2]
    own_beam = tf.tile(tf.reshape(tf.range(beam_width), [1, 1, -1]), [max_time, batch_size, 1])
    lengths = tf.cast(tf.reduce_max(sequence_length, axis=1), tf.int32)
    beams = gather_tree(own_beam, parent_ids, lengths, beam_width + 1)
    in_time = tf.transpose(tf.sequence_mask(sequence_length, maxlen=max_time), [2, 0, 1])
    beams = tf.where(in_time, beams, own_beam)
    ordered = tf.gather(tf.reshape(t, tf.concat([shape, [-1]], 0)), beams, batch_dims=2)
    return tf.reshape(ordered, tf.shape(t))


def _length_penalty(lengths, weight):
    # penalty = ((5 + length) / 6)^weight
    if static_value(tf.convert_to_tensor(weight)) == 0:
        return 1.
    return ((5. + tf.cast(lengths, tf.float32)) ** weight) / (6. ** weight)


def _coverage_penalty(attention_probs, finished, weight):
    # penalty = weight * sum_j log(min(sum_t alignment_tj, 1)), for finished beams
    masked = tf.where(tf.equal(attention_probs, 0.), tf.ones_like(attention_probs), attention_probs)
    penalty = tf.reduce_sum(tf.log(tf.minimum(masked, 1.)), 2) * tf.cast(finished, tf.float32)
    return tf.expand_dims(penalty * weight, 2)


def _mask_probs(probs, eos_token, finished):
    """Log probabilities (batch, beam, word); a finished beam can only say eos_token again."""
    shape = tf.shape(probs)
    only_eos = tf.one_hot(tf.fill(shape[:2], eos_token), shape[2], dtype=probs.dtype,
                          on_value=tf.cast(0., probs.dtype), off_value=probs.dtype.min)
    return tf.where(tf.tile(tf.expand_dims(finished, 2), [1, 1, shape[2]]), only_eos, probs)


def get_attention_probs(cell_state, coverage_penalty_weight):
    """The alignments (batch, beam, time) of the attention in the cell's state, the mean if there are more."""
    if static_value(tf.convert_to_tensor(coverage_penalty_weight)) == 0:
        return None
    states = [cell_state] if isinstance(cell_state, AttentionWrapperState) else list(cell_state)
    states = [s for s in states if isinstance(s, AttentionWrapperState)]
    if not states:
        raise ValueError("coverage_penalty_weight must be 0.0 if no cell is attentional.")
    alignments = [s.alignments if isinstance(s.alignments, tuple) else (s.alignments,) for s in states]
    means = [tf.add_n(list(each)) / len(each) for each in alignments]
    return tf.add_n(means) / len(means)


class BeamSearchDecoder(Decoder):
    """Keeps the beam_width best sequences at each step; tile_batch tiles its memory and state."""

    tracks_own_finished = True

    def __init__(self, cell, embedding, start_tokens, end_token, initial_state, beam_width, output_layer=None,
                 length_penalty_weight=0.0, coverage_penalty_weight=0.0, reorder_tensor_arrays=True):
        self._cell = cell
        self._output_layer = output_layer
        self._beam_width = beam_width
        self._length_penalty_weight = length_penalty_weight
        self._coverage_penalty_weight = coverage_penalty_weight
        self._reorder_tensor_arrays = reorder_tensor_arrays
        self._embedding_fn = _embedding_fn(embedding)
        start_tokens = tf.convert_to_tensor(start_tokens, dtype=tf.int32, name="start_tokens")
        if start_tokens.shape.ndims != 1:
            raise ValueError("start_tokens must be a vector")
        self._end_token = tf.convert_to_tensor(end_token, dtype=tf.int32, name="end_token")
        if self._end_token.shape.ndims != 0:
            raise ValueError("end_token must be a scalar")
        self._batch_size = tf.size(start_tokens)
        self._initial_cell_state = nest.map_structure(self._split, initial_state, cell.state_size)
        self._start_tokens = tf.tile(tf.expand_dims(start_tokens, 1), [1, beam_width])
        self._start_inputs = self._embedding_fn(self._start_tokens)

    batch_size = property(lambda self: self._batch_size)

    @property
    def output_size(self):
        beams = tf.TensorShape([self._beam_width])
        return BeamSearchDecoderOutput(beams, beams, beams)

    @property
    def output_dtype(self):
        dtype = nest.flatten(self._initial_cell_state)[0].dtype
        scores = nest.map_structure(lambda _: dtype, rnn_output_size(self._cell, self._output_layer))
        return BeamSearchDecoderOutput(scores, tf.int32, tf.int32)

    def _split(self, t, size):
        """(batch * beam, ...) -> (batch, beam, ...); scalars and TensorArrays stay."""
        if isinstance(t, tf.TensorArray) or t.shape.ndims == 0:
            return t
        split = tf.reshape(t, tf.concat([[self._batch_size, self._beam_width], tf.shape(t)[1:]], 0))
        expected = tf.TensorShape([static_value(self._batch_size), self._beam_width])
        expected = expected.concatenate(_shape(size))
        if not split.shape.is_compatible_with(expected):
            raise ValueError(f"The state has shape {split.shape}, expected {expected}: batch, beam, depth. "
                             "zero_state takes batch_size * beam_width, tile_batch tiles an encoder's state.")
        split.set_shape(expected)
        return split

    def _merge(self, t, size):
        """(batch, beam, ...) -> (batch * beam, ...); scalars and TensorArrays stay."""
        if isinstance(t, tf.TensorArray) or t.shape.ndims < 2:
            return t
        merged = tf.reshape(t, tf.concat([[self._batch_size * self._beam_width], tf.shape(t)[2:]], 0))
        batch_size = static_value(self._batch_size)
        merged.set_shape(tf.TensorShape([None if batch_size is None else batch_size * self._beam_width])
                         .concatenate(_shape(size)))
        return merged

    def initialize(self, name=None):
        dtype = nest.flatten(self._initial_cell_state)[0].dtype
        first = tf.zeros([self._batch_size], tf.int32)
        # All beams start equal: only the first counts in the first step.
        finished = tf.one_hot(first, self._beam_width, on_value=False, off_value=True, dtype=tf.bool)
        log_probs = tf.one_hot(first, self._beam_width, dtype=dtype, on_value=tf.cast(0., dtype),
                               off_value=tf.cast(-np.inf, dtype))
        attention = get_attention_probs(self._initial_cell_state, self._coverage_penalty_weight)
        state = BeamSearchDecoderState(
            self._initial_cell_state, log_probs, finished,
            tf.zeros([self._batch_size, self._beam_width], tf.int64), () if attention is None else attention)
        return finished, self._start_inputs, state

    def step(self, time, inputs, state, name=None):
        with tf.name_scope(name, "BeamSearchDecoderStep", (time, inputs, state)):
            inputs = nest.map_structure(lambda x: self._merge(x, x.shape[2:]), inputs)
            cell_state = nest.map_structure(self._merge, state.cell_state, self._cell.state_size)
            outputs, cell_state = self._cell(inputs, cell_state)
            outputs = nest.map_structure(lambda x: self._split(x, x.shape[1:]), outputs)
            cell_state = nest.map_structure(self._split, cell_state, self._cell.state_size)
            if self._output_layer is not None:
                outputs = self._output_layer(outputs)
            output, state = self._best(outputs, cell_state, state)
            inputs = tf.cond(tf.reduce_all(state.finished), lambda: self._start_inputs,
                             lambda: self._embedding_fn(output.predicted_ids))
        return output, state, inputs, state.finished

    def _best(self, logits, cell_state, state):
        """The beam_width best continuations of all beams, and the state after them."""
        n_words = logits.shape.as_list()[-1] or tf.shape(logits)[-1]
        going_on = tf.logical_not(state.finished)
        log_probs = _mask_probs(tf.nn.log_softmax(logits), self._end_token, state.finished)
        log_probs += tf.expand_dims(state.log_probs, 2)
        is_word = tf.one_hot(tf.fill(tf.shape(state.lengths), self._end_token), n_words, dtype=tf.int64,
                             on_value=tf.cast(0, tf.int64), off_value=tf.cast(1, tf.int64))
        lengths = tf.expand_dims(state.lengths, 2) + is_word * tf.expand_dims(tf.cast(going_on, tf.int64), 2)
        scores = log_probs / tf.cast(_length_penalty(lengths, self._length_penalty_weight), log_probs.dtype)
        attention = get_attention_probs(cell_state, self._coverage_penalty_weight)
        if attention is not None:
            attention *= tf.expand_dims(tf.cast(going_on, tf.float32), 2)
            attention += state.accumulated_attention_probs
            scores += _coverage_penalty(attention, state.finished, self._coverage_penalty_weight)

        flat = [self._batch_size, -1]
        best_scores, best = tf.nn.top_k(tf.reshape(scores, flat), k=self._beam_width)
        known = [static_value(self._batch_size), self._beam_width]
        best_scores.set_shape(known)
        best.set_shape(known)
        words, parents = best % n_words, best // n_words

        def follow(t):
            """What belongs to the parents of the new beams: (batch, beam, ...) -> the same."""
            if isinstance(t, tf.TensorArray) or t.shape.ndims < 2:
                return t
            followed = tf.gather(t, parents, batch_dims=1)
            followed.set_shape(t.shape)
            return followed

        was_finished = follow(state.finished)
        log_probs = tf.gather(tf.reshape(log_probs, flat), best, batch_dims=1)
        log_probs.set_shape(known)
        next_state = BeamSearchDecoderState(
            cell_state=nest.map_structure(follow, cell_state),
            log_probs=log_probs,
            finished=tf.logical_or(was_finished, tf.equal(words, self._end_token)),
            lengths=follow(state.lengths) + tf.cast(tf.logical_not(was_finished), tf.int64),
            accumulated_attention_probs=() if attention is None else follow(attention))
        return BeamSearchDecoderOutput(best_scores, words, parents), next_state

    def finalize(self, outputs, final_state, sequence_lengths):
        lengths = tf.cast(tf.reduce_max(final_state.lengths, axis=1), tf.int32)
        words = gather_tree(outputs.predicted_ids, outputs.parent_ids, lengths, self._end_token)
        if self._reorder_tensor_arrays:
            def sort(t):
                if not isinstance(t, tf.TensorArray) or not t.element_shape.ndims:
                    return t
                return gather_tree_from_array(t.stack(), outputs.parent_ids, final_state.lengths)
            final_state = final_state._replace(cell_state=nest.map_structure(sort, final_state.cell_state))
        return FinalBeamSearchDecoderOutput(words, outputs), final_state


def _shape(size):
    return tf.TensorShape(static_value(size) if isinstance(size, tf.Tensor) else size)
