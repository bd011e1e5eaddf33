"""Cells of tf.contrib.rnn that are one op: a step (Block) or all steps (Fused).

Shapes  inputs of a step (batch, input), inputs of all steps (time, batch, input)
"""

import tensorflow.compat.v1 as tf

from .cells import LayerRNNCell, LSTMStateTuple

__all__ = ["LSTMBlockCell", "GRUBlockCell", "GRUBlockCellV2", "FusedRNNCell", "FusedRNNCellAdaptor",
           "TimeReversedFusedRNN", "LSTMBlockWrapper", "LSTMBlockFusedCell"]


@tf.RegisterGradient("LSTMBlockCell")
def lstm_block_gradient(op, *gradients):
    """TensorFlow 2 has the op and the op of its gradient; this joins them."""
    x, c, h, w, wci, wcf, wco, b = op.inputs
    i, cs, f, o, ci, co, _ = op.outputs
    d_c, d_gates, d_wci, d_wcf, d_wco = tf.raw_ops.LSTMBlockCellGrad(
        x=x, cs_prev=c, h_prev=h, w=w, wci=wci, wcf=wcf, wco=wco, b=b, i=i, cs=cs, f=f, o=o, ci=ci, co=co,
        cs_grad=gradients[1], h_grad=gradients[6], use_peephole=op.get_attr("use_peephole"))
    # gates = [x, h] W + b
    d_xh = tf.matmul(d_gates, w, transpose_b=True)
    d_x, d_h = tf.split(d_xh, [x.get_shape()[1].value, c.get_shape()[1].value], axis=1)
    d_w = tf.matmul(tf.concat([x, h], 1), d_gates, transpose_a=True)
    return d_x, d_c, d_h, d_w, d_wci, d_wcf, d_wco, tf.reduce_sum(d_gates, 0)


@tf.RegisterGradient("GRUBlockCell")
def gru_block_gradient(op, *gradients):
    x, h, w_ru, w_c, b_ru, b_c = op.inputs
    r, u, c, _ = op.outputs
    d_x, d_h, d_c, d_ru = tf.raw_ops.GRUBlockCellGrad(
        x=x, h_prev=h, w_ru=w_ru, w_c=w_c, b_ru=b_ru, b_c=b_c, r=r, u=u, c=c, d_h=gradients[3])
    # [r, u] = s([x, h] W_ru + b_ru);  c = tanh([x, r * h] W_c + b_c)
    d_w_ru = tf.matmul(tf.concat([x, h], 1), d_ru, transpose_a=True)
    d_w_c = tf.matmul(tf.concat([x, h * r], 1), d_c, transpose_a=True)
    return d_x, d_h, d_w_ru, d_w_c, tf.reduce_sum(d_ru, 0), tf.reduce_sum(d_c, 0)


class LSTMBlockCell(LayerRNNCell):
    """`LSTMCell` as one op. It has the variables of `LSTMCell`."""

    def __init__(self, num_units, forget_bias=1.0, cell_clip=None, use_peephole=False, dtype=None, reuse=None,
                 name="lstm_cell"):
        super().__init__(_reuse=reuse, dtype=dtype, name=name)
        self._num_units, self._forget_bias = num_units, forget_bias
        self._cell_clip = -1 if cell_clip is None else cell_clip
        self._use_peephole = use_peephole

    state_size = property(lambda self: LSTMStateTuple(self._num_units, self._num_units))
    output_size = property(lambda self: self._num_units)

    def build(self, shape):
        block_variables(self, int(shape[-1]))

    def call(self, inputs, state):
        c, h = state
        _, c, _, _, _, _, h = tf.raw_ops.LSTMBlockCell(
            x=inputs, cs_prev=c, h_prev=h, w=self._kernel, b=self._bias, forget_bias=self._forget_bias,
            cell_clip=self._cell_clip, use_peephole=self._use_peephole, **peepholes(self, inputs.dtype))
        return h, LSTMStateTuple(c, h)


def block_variables(cell, input_size):
    n = cell._num_units
    cell._kernel = cell.add_weight("kernel", [input_size + n, 4 * n])
    cell._bias = cell.add_weight("bias", [4 * n], initializer=tf.zeros_initializer())
    cell._diagonals = None
    if cell._use_peephole:
        cell._diagonals = [cell.add_weight(name, [n]) for name in ("w_i_diag", "w_f_diag", "w_o_diag")]
    cell.built = True


def peepholes(cell, dtype):
    zeros = tf.zeros([cell._num_units], dtype)
    return dict(zip(("wci", "wcf", "wco"), cell._diagonals or [zeros] * 3))


class GRUBlockCell(LayerRNNCell):
    """`GRUCell` as one op, with variables `w_ru`, `b_ru`, `w_c`, `b_c`."""

    NAMES = "w_ru", "b_ru", "w_c", "b_c"

    def __init__(self, num_units=None, cell_size=None, reuse=None, name="gru_cell"):
        super().__init__(_reuse=reuse, name=name)
        if (num_units is None) == (cell_size is None):
            raise ValueError("GRUBlockCell takes num_units, or cell_size, its old name")
        self._cell_size = num_units or cell_size

    state_size = property(lambda self: self._cell_size)
    output_size = property(lambda self: self._cell_size)

    def build(self, shape):
        n = self._cell_size
        w_ru, b_ru, w_c, b_c = self.NAMES
        rows = int(shape[-1]) + n
        self._gate_kernel = self.add_weight(w_ru, [rows, 2 * n])
        self._gate_bias = self.add_weight(b_ru, [2 * n], initializer=tf.constant_initializer(1.0))
        self._candidate_kernel = self.add_weight(w_c, [rows, n])
        self._candidate_bias = self.add_weight(b_c, [n], initializer=tf.zeros_initializer())
        self.built = True

    def call(self, inputs, h):
        _, _, _, h = tf.raw_ops.GRUBlockCell(
            x=inputs, h_prev=h, w_ru=self._gate_kernel, w_c=self._candidate_kernel, b_ru=self._gate_bias,
            b_c=self._candidate_bias)
        return h, h


class GRUBlockCellV2(GRUBlockCell):
    """`GRUBlockCell` with the variables' names of `GRUCell`."""

    NAMES = "gates/kernel", "gates/bias", "candidate/kernel", "candidate/bias"


class FusedRNNCell:
    """Takes all steps at once: `outputs, state = cell(inputs, initial_state, dtype, sequence_length,
    scope)`."""

    def __call__(self, inputs, initial_state=None, dtype=None, sequence_length=None, scope=None):
        raise NotImplementedError


class FusedRNNCellAdaptor(FusedRNNCell):
    """A cell of single steps as a fused one."""

    def __init__(self, cell, use_dynamic_rnn=False):
        self._cell, self._use_dynamic_rnn = cell, use_dynamic_rnn

    def __call__(self, inputs, initial_state=None, dtype=None, sequence_length=None, scope=None):
        is_list = isinstance(inputs, list)
        same = {"initial_state": initial_state, "dtype": dtype, "sequence_length": sequence_length,
                "scope": scope}
        if self._use_dynamic_rnn:
            outputs, state = tf.nn.dynamic_rnn(self._cell, tf.stack(inputs) if is_list else inputs,
                                               time_major=True, **same)
            return tf.unstack(outputs) if is_list else outputs, state
        outputs, state = tf.nn.static_rnn(self._cell, inputs if is_list else tf.unstack(inputs), **same)
        return outputs if is_list else tf.stack(outputs), state


class TimeReversedFusedRNN(FusedRNNCell):
    """The fused cell, from the last step to the first."""

    def __init__(self, cell):
        self._cell = cell

    def __call__(self, inputs, initial_state=None, dtype=None, sequence_length=None, scope=None):
        outputs, state = self._cell(
            self.reverse(inputs, sequence_length), initial_state=initial_state, dtype=dtype,
            sequence_length=sequence_length, scope=scope)
        return self.reverse(outputs, sequence_length), state

    def reverse(self, x, lengths):
        if isinstance(x, list):
            return x[::-1]
        if lengths is None:
            return tf.reverse(x, [0])
        return tf.reverse_sequence(x, lengths, seq_axis=0, batch_axis=1)


class LSTMBlockWrapper(tf.layers.Layer):
    """What fused LSTMs have in common: lists or tensors, lengths, first and last state."""

    def call(self, inputs, initial_state=None, dtype=None, sequence_length=None):
        is_list = isinstance(inputs, list)
        x = tf.stack(inputs) if is_list else inputs
        time = x.get_shape()[0].value or tf.shape(x)[0]
        batch = x.get_shape()[1].value or tf.shape(x)[1]
        if initial_state is None:
            if dtype is None:
                raise ValueError("initial_state or dtype must be given")
            zeros = tf.zeros(tf.stack([batch, self.num_units]), dtype)
            initial_state = zeros, zeros
        c, h = initial_state
        cs, hs = self._call_cell(x, c, h, dtype or c.dtype, sequence_length)
        if sequence_length is None:
            final = LSTMStateTuple(cs[-1], hs[-1])
        else:
            lengths = tf.convert_to_tensor(sequence_length)
            # outputs after the end are 0; the state at step 0 is the initial one
            hs *= tf.expand_dims(tf.transpose(tf.sequence_mask(lengths, time, hs.dtype)), -1)
            where = tf.stack([lengths, tf.range(batch, dtype=lengths.dtype)], axis=1)
            final = LSTMStateTuple(*(tf.gather_nd(tf.concat([tf.expand_dims(first, 0), rest], 0), where)
                                     for first, rest in ((c, cs), (h, hs))))
        return tf.unstack(hs) if is_list else hs, final


class LSTMBlockFusedCell(LSTMBlockWrapper):
    """`LSTMCell` over all steps as one op. It has the variables of `LSTMCell`."""

    def __init__(self, num_units, forget_bias=1.0, cell_clip=None, use_peephole=False, reuse=None, dtype=None,
                 name="lstm_fused_cell"):
        super().__init__(_reuse=reuse, name=name, dtype=dtype)
        self._num_units, self._forget_bias = num_units, forget_bias
        self._cell_clip = -1 if cell_clip is None else cell_clip
        self._use_peephole = use_peephole

    num_units = property(lambda self: self._num_units)

    def build(self, shape):
        shape = shape[0] if isinstance(shape, list) else shape
        block_variables(self, int(shape[-1]))

    def _call_cell(self, inputs, initial_cell_state, initial_output, dtype, sequence_length):
        time = tf.shape(inputs)[0] if sequence_length is None else tf.reduce_max(sequence_length)
        _, cs, _, _, _, _, hs = tf.raw_ops.BlockLSTM(
            seq_len_max=tf.cast(time, tf.int64), x=inputs, cs_prev=initial_cell_state, h_prev=initial_output,
            w=self._kernel, b=self._bias, forget_bias=self._forget_bias, cell_clip=self._cell_clip,
            use_peephole=self._use_peephole, **peepholes(self, dtype))
        return cs, hs
