"""Wrappers of tf.contrib.rnn: a cell with something before, after or around it.

Shapes  inputs (batch, input), outputs (batch, unit)
"""

import math

import tensorflow.compat.v1 as tf

from .cells import Cell, width

__all__ = ["EmbeddingWrapper", "InputProjectionWrapper", "OutputProjectionWrapper", "AttentionCellWrapper",
           "HighwayWrapper", "CompiledWrapper"]


class Wrapper(Cell):
    """States and zero states are those of the cell inside."""

    def __init__(self, cell, output_size=None, reuse=None):
        super().__init__(None, output_size, reuse)
        self._cell = cell

    @property
    def state_size(self):
        return self._cell.state_size

    @property
    def output_size(self):
        return self._output_size or self._cell.output_size

    def zero_state(self, batch_size, dtype):
        with tf.name_scope(type(self).__name__ + "ZeroState"):
            return self._cell.zero_state(batch_size, dtype)


class EmbeddingWrapper(Wrapper):
    """Looks up the input symbols (batch,) or (batch, 1) in a matrix `embedding`; use
    `tf.nn.embedding_lookup`."""

    def __init__(self, cell, embedding_classes, embedding_size, initializer=None, reuse=None):
        if embedding_classes <= 0 or embedding_size <= 0:
            raise ValueError(f"{embedding_classes} classes and {embedding_size} features must be positive")
        super().__init__(cell, reuse=reuse)
        self._shape, self._initializer = [embedding_classes, embedding_size], initializer

    def call(self, inputs, state):
        with tf.device("/cpu:0"):
            # sqrt(3) makes the variance 1
            sqrt3 = math.sqrt(3)
            initializer = (self._initializer or tf.get_variable_scope().initializer
                           or tf.random_uniform_initializer(-sqrt3, sqrt3))
            dtype = state[0].dtype if isinstance(state, tuple) else state.dtype
            embedding = tf.get_variable("embedding", self._shape, dtype, initializer)
            embedded = tf.nn.embedding_lookup(embedding, tf.reshape(inputs, [-1]))
            return self._cell(embedded, state)


class InputProjectionWrapper(Wrapper):
    """A dense layer before the cell; with `dynamic_rnn`, one dense layer over all steps is faster."""

    def __init__(self, cell, num_proj, activation=None, input_size=None, reuse=None):
        super().__init__(cell, reuse=reuse)
        self._num_proj, self._activation = num_proj, activation

    def call(self, inputs, state):
        projected = self.linear(inputs, self._num_proj)
        return self._cell(self._activation(projected) if self._activation else projected, state)


class OutputProjectionWrapper(Wrapper):
    """A dense layer after the cell; with `dynamic_rnn`, one dense layer over all steps is faster."""

    def __init__(self, cell, output_size, activation=None, reuse=None):
        if output_size < 1:
            raise ValueError(f"output_size is {output_size}; it must be positive")
        super().__init__(cell, output_size, reuse)
        self._activation = activation

    def call(self, inputs, state):
        output, state = self._cell(inputs, state)
        projected = self.linear(output, self._output_size)
        return self._activation(projected) if self._activation else projected, state


class AttentionCellWrapper(Cell):
    """Attention over the last `attn_length` outputs (Bahdanau et al. 2015, arXiv:1409.0473).

    Shapes  state: the cell's state, attention (batch, size), the last outputs (batch, length * size)
    """

    def __init__(self, cell, attn_length, attn_size=None, attn_vec_size=None, input_size=None,
                 state_is_tuple=True, reuse=None):
        if isinstance(cell.state_size, tuple) and not state_is_tuple:
            raise ValueError(f"the cell's state is a tuple, {cell.state_size}: state_is_tuple must be True")
        if attn_length <= 0:
            raise ValueError(f"attn_length is {attn_length}; it must be positive")
        size = attn_size or cell.output_size
        sizes = (cell.state_size, size, size * attn_length)
        super().__init__(sizes if state_is_tuple else sum(sizes), size, reuse)
        self._cell, self._sizes, self._state_is_tuple = cell, sizes, state_is_tuple
        self._attn_length, self._attn_size, self._attn_vec_size = attn_length, size, attn_vec_size or size
        self._input_size = input_size

    def call(self, inputs, state):
        length, size = self._attn_length, self._attn_size
        state, attention, past = state if self._state_is_tuple else tf.split(state, list(self._sizes), axis=1)
        past = tf.reshape(past, [-1, length, size])
        inputs = self.linear([inputs, attention], self._input_size or width(inputs), name="in")
        output, state = self._cell(inputs, state)
        query = tf.concat(tf.nest.flatten(state), 1)
        attention = self.attend(query, past)
        with tf.variable_scope("attn_output_projection"):
            output = self.linear([output, attention], size, name="out")
        past = tf.concat([past[:, 1:], tf.expand_dims(output, 1)], 1)
        new = (state, attention, tf.reshape(past, [-1, length * size]))
        return output, new if self._state_is_tuple else tf.concat(new, 1)

    def attend(self, query, past):
        with tf.variable_scope("attention"):
            w = tf.get_variable("attn_w", [1, 1, self._attn_size, self._attn_vec_size])
            v = tf.get_variable("attn_v", [self._attn_vec_size])
            hidden = tf.expand_dims(past, 2)
            y = tf.reshape(self.linear(query, self._attn_vec_size, name="query"), [-1, 1, 1,
                                                                                   self._attn_vec_size])
            # score = v . tanh(W past + U query);  attention = sum of softmax(score) * past
            score = tf.reduce_sum(v * tf.tanh(tf.nn.conv2d(hidden, w, [1, 1, 1, 1], "SAME") + y), [2, 3])
            weights = tf.reshape(tf.nn.softmax(score), [-1, self._attn_length, 1, 1])
            return tf.reshape(tf.reduce_sum(weights * hidden, [1, 2]), [-1, self._attn_size])


class HighwayWrapper(Wrapper):
    """A gate between input and output (Zilly et al. 2016, arXiv:1607.03474)."""

    def __init__(self, cell, couple_carry_transform_gates=True, carry_bias_init=1.0):
        super().__init__(cell)
        self._coupled, self._carry_bias_init = couple_carry_transform_gates, carry_bias_init

    def __call__(self, inputs, state, scope=None):
        outputs, state = self._cell(inputs, state, scope=scope)
        tf.nest.assert_same_structure(inputs, outputs)
        return tf.nest.map_structure(self.highway, inputs, outputs), state

    def highway(self, x, y):
        x.get_shape().assert_is_compatible_with(y.get_shape())
        carry = self.gate(x, "carry", self._carry_bias_init)
        transform = 1 - carry if self._coupled else self.gate(x, "transform", -self._carry_bias_init)
        return x * carry + y * transform

    def gate(self, x, name, bias):
        size = width(x)
        kernel = tf.get_variable(name + "_w", [size, size])
        return tf.sigmoid(tf.nn.xw_plus_b(
            x, kernel, tf.get_variable(name + "_b", [size], initializer=tf.constant_initializer(bias))))


class CompiledWrapper(Wrapper):
    """Compiles each step of the cell with XLA."""

    def __init__(self, cell, compile_stateful=False):
        super().__init__(cell)

    def __call__(self, inputs, state, scope=None):
        with tf.xla.experimental.jit_scope():
            return self._cell(inputs, state, scope=scope)
