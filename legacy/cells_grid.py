"""Cells of tf.contrib.rnn over frequencies, and the cells of independent units that have gates.

Shapes  inputs (batch, features); a grid cell cuts them into blocks of neighbouring features, and walks over
        them
"""

import collections

import tensorflow.compat.v1 as tf

from .cells import Cell, LSTMStateTuple, clip, peephole, shards, split, width
from .cells_more import UnitCell, uniform

__all__ = ["IndyGRUCell", "IndyLSTMCell", "TimeFreqLSTMCell", "GridLSTMCell", "BidirectionalGridLSTMCell"]


class IndyGRUCell(UnitCell):
    """GRU whose units see their own past only (Gonnet and Deselaers 2019, arXiv:1903.08023)."""

    def __init__(self, num_units, activation=None, reuse=None, kernel_initializer=None, bias_initializer=None,
                 name=None, dtype=None):
        super().__init__(num_units, activation, reuse, name, dtype)
        self._kernel_initializer, self._bias_initializer = kernel_initializer, bias_initializer

    def variables_of(self, depth, n):
        bias = self._bias_initializer
        return [("gates/kernel_w", [depth, 2 * n], self._kernel_initializer),
                ("gates/kernel_u", [1, 2 * n], uniform()),
                ("gates/bias", [2 * n], bias or tf.constant_initializer(1.0)),
                ("candidate/kernel", [depth, n], self._kernel_initializer),
                ("candidate/kernel_u", [1, n], uniform()),
                ("candidate/bias", [n], bias or tf.zeros_initializer())]

    def call(self, inputs, state):
        def together(name, kernel, past):
            return tf.nn.bias_add(tf.matmul(inputs, self._v[f"{name}/{kernel}"])
                                  + past * self._v[f"{name}/kernel_u"], self._v[f"{name}/bias"])
        # r, u = s(x W + [h, h] * u + b);  c = tanh(x W + r * h * u + b);  h' = u * h + (1 - u) * c
        r, u = split(tf.sigmoid(together("gates", "kernel_w", tf.tile(state, [1, 2]))), 2)
        c = self._activation(together("candidate", "kernel", r * state))
        state = u * state + (1 - u) * c
        return state, state


class IndyLSTMCell(UnitCell):
    """LSTM whose units see their own past only (Gonnet and Deselaers 2019, arXiv:1903.08023)."""

    state_size = property(lambda self: LSTMStateTuple(self._num_units, self._num_units))

    def __init__(self, num_units, forget_bias=1.0, activation=None, reuse=None, kernel_initializer=None,
                 bias_initializer=None, name=None, dtype=None):
        super().__init__(num_units, activation, reuse, name, dtype)
        self._forget_bias = forget_bias
        self._kernel_initializer, self._bias_initializer = kernel_initializer, bias_initializer

    def variables_of(self, depth, n):
        return [("kernel_w", [depth, 4 * n], self._kernel_initializer), ("kernel_u", [1, 4 * n], uniform()),
                ("bias", [4 * n], self._bias_initializer or tf.zeros_initializer())]

    def call(self, inputs, state):
        c, h = state
        gates = tf.matmul(inputs, self._v["kernel_w"]) + tf.tile(h, [1, 4]) * self._v["kernel_u"]
        i, j, f, o = split(tf.nn.bias_add(gates, self._v["bias"]), 4)
        c = c * tf.sigmoid(f + self._forget_bias) + tf.sigmoid(i) * self._activation(j)
        h = self._activation(c) * tf.sigmoid(o)
        return h, LSTMStateTuple(c, h)


def windows(x, size, skip, start=0):
    """Blocks of `size` features, `skip` apart."""
    count = (width(x) - start - size) // skip + 1
    return [x[:, start + k * skip:start + k * skip + size] for k in range(count)]


class TimeFreqLSTMCell(Cell):
    """One LSTM over time and over frequency (Li et al. 2015, doi:10.1109/ICASSP.2015.7178832).

    Shapes  state (batch, 2 * unit * blocks): c and m of each block; output (batch, unit * blocks)
    """

    def __init__(self, num_units, use_peepholes=False, cell_clip=None, initializer=None, num_unit_shards=1,
                 forget_bias=1.0, feature_size=None, frequency_skip=1, reuse=None):
        super().__init__(2 * num_units, num_units, reuse)
        self._num_units, self._use_peepholes, self._cell_clip = num_units, use_peepholes, cell_clip
        self._shards, self._forget_bias = num_unit_shards, forget_bias
        self._feature_size, self._frequency_skip = feature_size, frequency_skip

    def call(self, inputs, state):
        n, dtype = self._num_units, inputs.dtype
        blocks = windows(inputs, self._feature_size, self._frequency_skip)
        kernel = shards("W", [self._feature_size + 2 * n, 4 * n], dtype, self._shards)
        bias = tf.get_variable("B", [4 * n], dtype, tf.zeros_initializer())
        w_f = w_i = w_o = 0.0
        if self._use_peepholes:
            w_f, w_i, w_o = (peephole(name, n, dtype) for name in ("W_F_diag", "W_I_diag", "W_O_diag"))
        m_freq = tf.zeros([tf.shape(inputs)[0], n], dtype)
        states, outputs = [], []
        for k, block in enumerate(blocks):
            c, m = state[:, 2 * k * n:(2 * k + 1) * n], state[:, (2 * k + 1) * n:(2 * k + 2) * n]
            gates = tf.nn.bias_add(tf.matmul(tf.concat([block, m, m_freq], 1), kernel), bias)
            i, j, f, o = split(gates, 4)
            c = tf.sigmoid(f + self._forget_bias + w_f * c) * c + tf.sigmoid(i + w_i * c) * tf.tanh(j)
            c = clip(c, self._cell_clip)
            m_freq = tf.sigmoid(o + w_o * c) * tf.tanh(c)
            states += [c, m_freq]
            outputs.append(m_freq)
        return tf.concat(outputs, 1), tf.concat(states, 1)


class GridLSTMCell(Cell):
    """An LSTM over time and one over frequency (Kalchbrenner et al. 2015, arXiv:1507.01526).

    Shapes  state: c and m (batch, unit) of each block; output (batch, 2 * unit * blocks): m over time, m over
            frequency
    """

    directions = ["state"]

    def __init__(self, num_units, use_peepholes=False, share_time_frequency_weights=False, cell_clip=None,
                 initializer=None, num_unit_shards=1, forget_bias=1.0, feature_size=None, frequency_skip=None,
                 num_frequency_blocks=None, start_freqindex_list=None, end_freqindex_list=None,
                 couple_input_forget_gates=False, state_is_tuple=True, reuse=None):
        if num_frequency_blocks is None:
            raise ValueError("num_frequency_blocks must be given: a list of numbers of blocks")
        total = sum(num_frequency_blocks) * len(self.directions)
        names = [f"{direction}_f{k:02d}_b{b:02d}_{part}" for direction in self.directions
                 for b, count in enumerate(num_frequency_blocks) for k in range(count) for part in "cm"]
        self.state_tuple_type = collections.namedtuple(f"{type(self).__name__[:-4]}StateTuple", names)
        size = self.state_tuple_type(*[num_units] * len(names)) if state_is_tuple else 2 * num_units * total
        super().__init__(size, 2 * num_units * total, reuse)
        self._num_units, self._use_peepholes = num_units, use_peepholes
        self._share = share_time_frequency_weights
        self._cell_clip, self._shards, self._forget_bias = cell_clip, num_unit_shards, forget_bias
        self._feature_size, self._skip, self._counts = feature_size, frequency_skip, num_frequency_blocks
        self._ranges = list(zip(start_freqindex_list or [], end_freqindex_list or []))
        self._coupled, self._state_is_tuple = couple_input_forget_gates, state_is_tuple

    def call(self, inputs, state):
        if not self._state_is_tuple:
            state = self.state_tuple_type(*split(state, len(self.state_tuple_type._fields)))
        new, outputs = {}, []
        for b, blocks in enumerate(self.blocks(inputs)):
            outputs += self.walk(blocks, b, state, "state", new)
        state = self.state_tuple_type(**new)
        return tf.concat(outputs, 1), state if self._state_is_tuple else tf.concat(state, 1)

    def blocks(self, inputs, offset=0):
        """The blocks of each range of features; an offset shifts them, over zeros."""
        if offset:
            inputs = tf.pad(inputs, [[0, 0], [max(-offset, 0), max(offset, 0)]])
            offset = max(offset, 0)
        ranges = self._ranges or [(0, width(inputs) - offset)]
        found = [windows(inputs[:, :end + offset], self._feature_size, self._skip, start + offset)
                 for start, end in ranges]
        if [len(blocks) for blocks in found] != list(self._counts):
            raise ValueError(f"num_frequency_blocks is {self._counts}; inputs have {list(map(len, found))}")
        return found

    def walk(self, blocks, b, state, direction, new):
        """The outputs of one range of blocks, from the first to the last; their states go to `new`."""
        n, dtype = self._num_units, blocks[0].dtype
        gates = ["i", "j", "o"] if self._coupled else ["i", "j", "f", "o"]
        rows = width(blocks[0]) + 2 * n

        def weights(name):
            return (shards(f"W_{name}_{b}", [rows, len(gates) * n], dtype, self._shards),
                    tf.get_variable(f"B_{name}_{b}", [len(gates) * n], dtype, tf.zeros_initializer()))
        w = {"freq": weights("f")}
        w["time"] = w["freq"] if self._share else weights("t")
        diagonals = collections.defaultdict(float)
        if self._use_peepholes:
            for axis in ("freq",) if self._share else ("freq", "time"):
                for gate in "IO" if self._coupled else "FIO":
                    for to in "ft":
                        diagonals[axis, gate, to] = peephole(f"W_{gate}_diag_{axis}{to}_{b}", n, dtype)

        c_freq = m_freq = tf.zeros([tf.shape(blocks[0])[0], n], dtype)
        outputs = []
        for k, block in enumerate(blocks):
            name = f"{direction}_f{k:02d}_b{b:02d}"
            c_time, m_time = getattr(state, name + "_c"), getattr(state, name + "_m")
            x = tf.concat([block, m_time, m_freq], 1)
            made = {}
            for axis, c in (("freq", c_freq), ("time", c_time)):
                of = "freq" if self._share else axis
                g = dict(zip(gates, split(tf.nn.bias_add(tf.matmul(x, w[axis][0]), w[axis][1]), len(gates))))

                def peep(gate, c_f, c_t, of=of):
                    return diagonals[of, gate, "f"] * c_f + diagonals[of, gate, "t"] * c_t
                i = tf.sigmoid(g["i"] + peep("I", c_freq, c_time))
                f = 1.0 - i if self._coupled else tf.sigmoid(g["f"] + self._forget_bias + peep("F", c_freq,
                                                                                               c_time))
                made[axis] = clip(f * c + i * tf.tanh(g["j"]), self._cell_clip), g["o"], peep
            c_freq, c_time = made["freq"][0], made["time"][0]
            m_freq, m_time = (tf.sigmoid(o + peep("O", c_freq, c_time)) * tf.tanh(c) for c, o, peep in
                              (made["freq"], made["time"]))
            new[name + "_c"], new[name + "_m"] = c_time, m_time
            outputs += [m_time, m_freq]
        return outputs


class BidirectionalGridLSTMCell(GridLSTMCell):
    """`GridLSTMCell` that walks over the frequencies in both directions."""

    directions = ["fwd_state", "bwd_state"]

    def __init__(self, num_units, use_peepholes=False, share_time_frequency_weights=False, cell_clip=None,
                 initializer=None, num_unit_shards=1, forget_bias=1.0, feature_size=None, frequency_skip=None,
                 num_frequency_blocks=None, start_freqindex_list=None, end_freqindex_list=None,
                 couple_input_forget_gates=False, backward_slice_offset=0, reuse=None):
        super().__init__(num_units, use_peepholes, share_time_frequency_weights, cell_clip, initializer,
                         num_unit_shards, forget_bias, feature_size, frequency_skip, num_frequency_blocks,
                         start_freqindex_list, end_freqindex_list, couple_input_forget_gates, True, reuse)
        self._backward_slice_offset = backward_slice_offset

    def call(self, inputs, state):
        new, outputs = {}, []
        for way, direction in (("fwd", 1), ("bwd", -1)):
            blocks = self.blocks(inputs, 0 if way == "fwd" else self._backward_slice_offset)
            with tf.variable_scope(way):
                for b, some in enumerate(blocks):
                    outputs += self.walk(some[::direction], b, state, way + "_state", new)
        return tf.concat(outputs, 1), self.state_tuple_type(**new)
