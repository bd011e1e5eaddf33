"""Decoders of tf.contrib.seq2seq: the loop, and the decoder that asks a helper for its next inputs.

Source   TensorFlow 1.15, tf.contrib.seq2seq.dynamic_decode and BasicDecoder
Shapes   inputs (batch, input); outputs of dynamic_decode (batch, time, unit), or time first
"""
import collections
import contextlib

import tensorflow.compat.v1 as tf

from .attention import zero_tensors
from .helpers import Helper, transpose_batch_time

nest = tf.nest


class Decoder:
    """What dynamic_decode needs: batch_size, output_size, output_dtype, initialize, step, finalize."""

    tracks_own_finished = False

    def initialize(self, name=None):
        """Returns finished (batch), the first inputs and the first state."""
        raise NotImplementedError

    def step(self, time, inputs, state, name=None):
        """Returns outputs, next state, next inputs, finished (batch)."""
        raise NotImplementedError

    def finalize(self, outputs, final_state, sequence_lengths):
        raise NotImplementedError


def rnn_output_size(cell, output_layer):
    """The size of what the cell puts out, after the output layer if there is one."""
    if output_layer is None:
        return cell.output_size
    shapes = nest.map_structure(lambda s: tf.TensorShape([None]).concatenate(s), cell.output_size)
    return nest.map_structure(lambda s: tf.TensorShape(s)[1:], output_layer.compute_output_shape(shapes))


class BasicDecoderOutput(collections.namedtuple("BasicDecoderOutput", ("rnn_output", "sample_id"))):
    """rnn_output (batch, time, unit) and sample_id (batch, time)."""


class BasicDecoder(Decoder):
    """Runs the cell, samples by the helper, and takes the next inputs from it."""

    def __init__(self, cell, helper, initial_state, output_layer=None):
        if not isinstance(helper, Helper):
            raise TypeError(f"helper must be a Helper, received: {type(helper)}")
        self._cell = cell
        self._helper = helper
        self._initial_state = initial_state
        self._output_layer = output_layer

    batch_size = property(lambda self: self._helper.batch_size)

    def _rnn_output_size(self):
        return rnn_output_size(self._cell, self._output_layer)

    @property
    def output_size(self):
        return BasicDecoderOutput(self._rnn_output_size(), self._helper.sample_ids_shape)

    @property
    def output_dtype(self):
        dtype = nest.flatten(self._initial_state)[0].dtype
        return BasicDecoderOutput(nest.map_structure(lambda _: dtype, self._rnn_output_size()),
                                  self._helper.sample_ids_dtype)

    def initialize(self, name=None):
        return self._helper.initialize() + (self._initial_state,)

    def step(self, time, inputs, state, name=None):
        with tf.name_scope(name, "BasicDecoderStep", (time, inputs, state)):
            outputs, state = self._cell(inputs, state)
            if self._output_layer is not None:
                outputs = self._output_layer(outputs)
            sample_ids = self._helper.sample(time=time, outputs=outputs, state=state)
            finished, next_inputs, next_state = self._helper.next_inputs(
                time=time, outputs=outputs, state=state, sample_ids=sample_ids)
        return BasicDecoderOutput(outputs, sample_ids), next_state, next_inputs, finished


def _element_shape(batch_size, size):
    """Shape of one step's output, as far as it is known: (batch,) + size."""
    if not isinstance(size, tf.TensorShape) or size.ndims == 0:
        return None
    return tf.TensorShape([tf.get_static_value(tf.convert_to_tensor(batch_size))]).concatenate(size)


def dynamic_decode(decoder, output_time_major=False, impute_finished=False, maximum_iterations=None,
                   parallel_iterations=32, swap_memory=False, scope=None, **kwargs):
    """Steps the decoder until all sequences are finished, or maximum_iterations times.

    Returns the outputs of all steps, the final state, and the lengths (batch). impute_finished=True writes
    zeros for finished sequences and keeps their state.
    """
    if not isinstance(decoder, Decoder):
        raise TypeError(f"Expected decoder to be type Decoder, but saw: {type(decoder)}")
    with tf.variable_scope(scope, "decoder") as varscope:
        graph_context = tf.get_default_graph()._get_control_flow_context()
        while graph_context is not None and not graph_context.IsWhileContext():
            graph_context = graph_context.outer_context
        if varscope.caching_device is None and graph_context is None:
            varscope.set_caching_device(lambda op: op.device)
        finished, inputs, state = decoder.initialize()
        zero_outputs = nest.map_structure(lambda s, d: zero_tensors(s, decoder.batch_size, d),
                                          decoder.output_size, decoder.output_dtype)
        if maximum_iterations is not None:
            maximum_iterations = tf.convert_to_tensor(maximum_iterations, tf.int32, name="maximum_iterations")
            if maximum_iterations.shape.ndims != 0:
                raise ValueError("maximum_iterations must be a scalar")
            finished = tf.logical_or(finished, maximum_iterations <= 0)
        outputs_ta = nest.map_structure(
            lambda s, d: tf.TensorArray(d, size=0, dynamic_size=True,
                                        element_shape=_element_shape(decoder.batch_size, s)),
            decoder.output_size, decoder.output_dtype)

        def condition(time, outputs_ta, state, inputs, finished, lengths):
            return tf.logical_not(tf.reduce_all(finished))

        def body(time, outputs_ta, state, inputs, finished, lengths):
            outputs, next_state, next_inputs, decoder_finished = decoder.step(time, inputs, state)
            next_finished = decoder_finished
            if not decoder.tracks_own_finished:
                next_finished = tf.logical_or(decoder_finished, finished)
            lengths = tf.where(tf.logical_not(finished), tf.fill(tf.shape(lengths), time + 1), lengths)
            nest.assert_same_structure(state, next_state)
            nest.assert_same_structure(outputs_ta, outputs)
            nest.assert_same_structure(inputs, next_inputs)

            def keep_finished(new, old):
                if isinstance(old, tf.TensorArray):
                    return new
                new.set_shape(old.shape)
                return new if new.shape.ndims == 0 else tf.where(finished, old, new)

            if impute_finished:
                outputs = nest.map_structure(lambda out, zero: tf.where(finished, zero, out),
                                             outputs, zero_outputs)
                next_state = nest.map_structure(keep_finished, next_state, state)
            outputs_ta = nest.map_structure(lambda ta, out: ta.write(time, out), outputs_ta, outputs)
            return time + 1, outputs_ta, next_state, next_inputs, next_finished, lengths

        _, outputs_ta, final_state, _, _, lengths = tf.while_loop(
            condition, body,
            (tf.constant(0), outputs_ta, state, inputs, finished, tf.zeros_like(finished, tf.int32)),
            parallel_iterations=parallel_iterations, maximum_iterations=maximum_iterations,
            swap_memory=swap_memory)
        outputs = nest.map_structure(lambda ta: ta.stack(), outputs_ta)
        with contextlib.suppress(NotImplementedError):
            outputs, final_state = decoder.finalize(outputs, final_state, lengths)
        if not output_time_major:
            outputs = nest.map_structure(transpose_batch_time, outputs)
    return outputs, final_state, lengths
