"""AttentionWrapper of tf.contrib.seq2seq: a cell that reads a memory at each step.

Source   TensorFlow 1.15, tf.contrib.seq2seq.AttentionWrapper
Shapes   inputs (batch, input), attention (batch, attention_layer_size) or (batch, depth of the memory)
"""
import collections

import tensorflow.compat.v1 as tf

from .attention import (  # noqa: F401  (old scripts import these names from here)
    AttentionMechanism,
    BahdanauAttention,
    BahdanauMonotonicAttention,
    LuongAttention,
    LuongMonotonicAttention,
    _bahdanau_score,
    _BaseAttentionMechanism,
    _BaseMonotonicAttentionMechanism,
    _luong_score,
    _maybe_mask_score,
    _monotonic_probability_fn,
    _prepare_memory,
    _zero_state_tensors,
    hardmax,
    monotonic_attention,
    safe_cumprod,
    zero_tensors,
)

nest = tf.nest


class AttentionWrapperState(collections.namedtuple("AttentionWrapperState", (
        "cell_state", "attention", "time", "alignments", "alignment_history", "attention_state"))):
    """The state of the wrapped cell, what it attended to last, and where."""

    def clone(self, **kwargs):
        """A copy with some fields replaced; each new tensor has the static shape of the old one."""
        def with_same_shape(old, new):
            if isinstance(old, tf.Tensor) and isinstance(new, tf.Tensor):
                new = tf.identity(new)
                new.set_shape(old.shape)
            return new
        return nest.map_structure(with_same_shape, self, self._replace(**kwargs))


def _compute_attention(attention_mechanism, cell_output, attention_state, attention_layer):
    """Returns attention (batch, unit), alignments (batch, time) and the mechanism's next state."""
    alignments, next_state = attention_mechanism(cell_output, state=attention_state)
    # context = sum_j alignment_j value_j;  attention = W [output, context]
    context = tf.squeeze(tf.matmul(tf.expand_dims(alignments, 1), attention_mechanism.values), [1])
    if attention_layer is None:
        return context, alignments, next_state
    return attention_layer(tf.concat([cell_output, context], 1)), alignments, next_state


class AttentionWrapper(tf.nn.rnn_cell.RNNCell):
    """One step: cell([inputs, attention before]), then the attention that its output asks for.

    attention_mechanism and attention_layer_size may be lists: one attention each, concatenated.
    """

    def __init__(self, cell, attention_mechanism, attention_layer_size=None, alignment_history=False,
                 cell_input_fn=None, output_attention=True, initial_cell_state=None, name=None,
                 attention_layer=None, attention_fn=None, dtype=None):
        super().__init__(name=name, dtype=dtype)
        self._is_multi = isinstance(attention_mechanism, (list, tuple))
        mechanisms = tuple(attention_mechanism) if self._is_multi else (attention_mechanism,)
        for mechanism in mechanisms:
            if not isinstance(mechanism, AttentionMechanism):
                raise TypeError("attention_mechanism must be an AttentionMechanism or a list of them, saw "
                                f"{type(mechanism).__name__}")
        if attention_layer_size is not None and attention_layer is not None:
            raise ValueError("Only one of attention_layer_size and attention_layer should be set")
        depths = [mechanism.values.shape.as_list()[-1] for mechanism in mechanisms]
        self._attention_layers = None
        if attention_layer_size is not None:
            depths = list(nest.flatten(attention_layer_size))
            self._attention_layers = tuple(
                tf.layers.Dense(depth, name="attention_layer", use_bias=False, dtype=mechanism.dtype)
                for depth, mechanism in zip(depths, mechanisms))
        elif attention_layer is not None:
            is_list = isinstance(attention_layer, (list, tuple))
            self._attention_layers = tuple(attention_layer) if is_list else (attention_layer,)
            shapes = [layer.compute_output_shape([None, cell.output_size + depth])
                      for layer, depth in zip(self._attention_layers, depths)]
            depths = [tf.TensorShape(shape).as_list()[-1] for shape in shapes]
        if len(depths) != len(mechanisms) or len(self._attention_layers or depths) != len(mechanisms):
            raise ValueError(f"Expected one attention layer per attention_mechanism, saw {len(depths)} for "
                             f"{len(mechanisms)}")
        self._attention_layer_size = sum(depths)
        self._attention_fn = attention_fn or _compute_attention
        self._cell = cell
        self._attention_mechanisms = mechanisms
        self._cell_input_fn = cell_input_fn or (lambda inputs, attention: tf.concat([inputs, attention], -1))
        self._output_attention = output_attention
        self._alignment_history = alignment_history
        self._initial_cell_state = None
        with tf.name_scope(name, "AttentionWrapperInit"):
            if initial_cell_state is not None:
                last = nest.flatten(initial_cell_state)[-1]
                self._initial_cell_state = self._checked(initial_cell_state, _batch_size(last))

    def _batch_size_checks(self, batch_size, error_message):
        return [tf.assert_equal(batch_size, mechanism.batch_size, message=error_message)
                for mechanism in self._attention_mechanisms]

    def _checked(self, tensors, batch_size):
        message = (f"AttentionWrapper {self.name}: the batch sizes of the memory and of the cell differ. "
                   "With a BeamSearchDecoder, tf.contrib.seq2seq.tile_batch tiles both, and zero_state takes "
                   "batch_size * beam_width.")
        with tf.control_dependencies(self._batch_size_checks(batch_size, message)):
            return nest.map_structure(tf.identity, tensors)

    def _item_or_tuple(self, seq):
        items = tuple(seq)
        return items if self._is_multi else items[0]

    @property
    def output_size(self):
        return self._attention_layer_size if self._output_attention else self._cell.output_size

    @property
    def state_size(self):
        return AttentionWrapperState(
            cell_state=self._cell.state_size,
            time=tf.TensorShape([]),
            attention=self._attention_layer_size,
            alignments=self._item_or_tuple(a.alignments_size for a in self._attention_mechanisms),
            attention_state=self._item_or_tuple(a.state_size for a in self._attention_mechanisms),
            alignment_history=self._item_or_tuple(
                a.alignments_size if self._alignment_history else () for a in self._attention_mechanisms))

    def zero_state(self, batch_size, dtype):
        with tf.name_scope(type(self).__name__ + "ZeroState", values=[batch_size]):
            cell_state = self._initial_cell_state
            if cell_state is None:
                cell_state = self._cell.zero_state(batch_size, dtype)
            cell_state = self._checked(cell_state, batch_size)
            alignments = [a.initial_alignments(batch_size, dtype) for a in self._attention_mechanisms]
            return AttentionWrapperState(
                cell_state=cell_state,
                time=tf.zeros([], tf.int32),
                attention=zero_tensors(self._attention_layer_size, batch_size, dtype),
                alignments=self._item_or_tuple(alignments),
                attention_state=self._item_or_tuple(
                    a.initial_state(batch_size, dtype) for a in self._attention_mechanisms),
                alignment_history=self._item_or_tuple(
                    tf.TensorArray(dtype, size=0, dynamic_size=True, element_shape=alignment.shape)
                    if self._alignment_history else () for alignment in alignments))

    def call(self, inputs, state):
        if not isinstance(state, AttentionWrapperState):
            raise TypeError(f"The state must be an AttentionWrapperState, saw {type(state)}")
        cell_output, next_cell_state = self._cell(self._cell_input_fn(inputs, state.attention),
                                                  state.cell_state)
        cell_output = self._checked(cell_output, _batch_size(cell_output))
        states, histories = state.attention_state, state.alignment_history
        if not self._is_multi:
            states, histories = [states], [histories]
        attentions, alignments, next_states, next_histories = [], [], [], []
        layers = self._attention_layers or [None] * len(states)
        for i, mechanism in enumerate(self._attention_mechanisms):
            attention, alignment, next_state = self._attention_fn(
                mechanism, cell_output, states[i], layers[i])
            attentions.append(attention)
            alignments.append(alignment)
            next_states.append(next_state)
            history = histories[i].write(state.time, alignment) if self._alignment_history else ()
            next_histories.append(history)
        attention = tf.concat(attentions, 1)
        next_state = AttentionWrapperState(
            time=state.time + 1,
            cell_state=next_cell_state,
            attention=attention,
            attention_state=self._item_or_tuple(next_states),
            alignments=self._item_or_tuple(alignments),
            alignment_history=self._item_or_tuple(next_histories))
        return (attention if self._output_attention else cell_output), next_state


class DynamicAttentionWrapperState(collections.namedtuple("DynamicAttentionWrapperState",
                                                          ("cell_state", "attention"))):
    """The state of a DynamicAttentionWrapper."""


class DynamicAttentionWrapper(tf.nn.rnn_cell.RNNCell):
    """AttentionWrapper as TF 1.1 had it, with a state of two fields; its mechanisms are those of today."""

    def __init__(self, cell, attention_mechanism, attention_size, cell_input_fn=None, probability_fn=None,
                 output_attention=True, name=None):
        super().__init__(name=name)
        if probability_fn is not None:
            attention_mechanism._probability_fn = lambda score, _: probability_fn(score)
        self._cell = cell
        self._attention_mechanism = attention_mechanism
        self._attention_size = attention_size
        self._attention_layer = tf.layers.Dense(attention_size, name="attention_layer")
        self._cell_input_fn = cell_input_fn or (lambda inputs, attention: tf.concat([inputs, attention], -1))
        self._output_attention = output_attention

    @property
    def output_size(self):
        return self._attention_size if self._output_attention else self._cell.output_size

    @property
    def state_size(self):
        return DynamicAttentionWrapperState(self._cell.state_size, self._attention_size)

    def zero_state(self, batch_size, dtype):
        return DynamicAttentionWrapperState(self._cell.zero_state(batch_size, dtype),
                                            zero_tensors(self._attention_size, batch_size, dtype))

    def call(self, inputs, state):
        output, cell_state = self._cell(self._cell_input_fn(inputs, state.attention), state.cell_state)
        attention, _, _ = _compute_attention(self._attention_mechanism, output, None, self._attention_layer)
        next_state = DynamicAttentionWrapperState(cell_state, attention)
        return (attention if self._output_attention else output), next_state


def _batch_size(tensor):
    static = tensor.shape.as_list()[0]
    return tf.shape(tensor)[0] if static is None else static
