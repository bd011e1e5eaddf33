"""More cells of tf.contrib.rnn: update gates, phased, groups, convolutions, independent units.

Shapes  inputs (batch, input), states and outputs (batch, unit), unless a cell says otherwise
"""

import tensorflow.compat.v1 as tf

from .cells import Cell, LayerRNNCell, LSTMStateTuple, clip, lstm_sizes, peephole, split, width

__all__ = ["UGRNNCell", "IntersectionRNNCell", "PhasedLSTMCell", "ConvLSTMCell", "Conv1DLSTMCell",
           "Conv2DLSTMCell", "Conv3DLSTMCell", "GLSTMCell", "WeightNormLSTMCell", "SRUCell", "IndRNNCell"]


class UGRNNCell(Cell):
    """Update gate RNN (Collins et al. 2016, arXiv:1611.09913)."""

    def __init__(self, num_units, initializer=None, forget_bias=1.0, activation=tf.tanh, reuse=None):
        super().__init__(num_units, num_units, reuse)
        self._num_units, self._initializer = num_units, initializer
        self._forget_bias, self._activation = forget_bias, activation

    def call(self, inputs, state):
        with tf.variable_scope(tf.get_variable_scope(), initializer=self._initializer):
            g, c = split(self.linear(tf.concat([inputs, state], 1), 2 * self._num_units), 2)
        # h' = g * h + (1 - g) * tanh(c)
        g = tf.sigmoid(g + self._forget_bias)
        state = g * state + (1.0 - g) * self._activation(c)
        return state, state


class IntersectionRNNCell(Cell):
    """UGRNN over time and a highway layer over depth (Collins et al. 2016, arXiv:1611.09913)."""

    def __init__(self, num_units, num_in_proj=None, initializer=None, forget_bias=1.0,
                 y_activation=tf.nn.relu, reuse=None):
        super().__init__(num_units, num_units, reuse)
        self._num_units, self._num_in_proj, self._initializer = num_units, num_in_proj, initializer
        self._forget_bias, self._y_activation = forget_bias, y_activation

    def call(self, inputs, state):
        n = self._num_units
        with tf.variable_scope(tf.get_variable_scope(), initializer=self._initializer):
            if width(inputs) != n:
                if not self._num_in_proj:
                    raise ValueError(f"{width(inputs)} features and {n} units: set num_in_proj")
                with tf.variable_scope("in_projection"):
                    inputs = self.linear(inputs, n, name="in")
            gh, h, gy, y = split(self.linear(tf.concat([inputs, state], 1), 4 * n), 4)
        # h' = gh * h + (1 - gh) * tanh(.);  y = gy * x + (1 - gy) * relu(.)
        gh = tf.sigmoid(gh + self._forget_bias)
        gy = tf.sigmoid(gy + self._forget_bias)
        state = gh * state + (1.0 - gh) * tf.tanh(h)
        return gy * inputs + (1.0 - gy) * self._y_activation(y), state


class PhasedLSTMCell(Cell):
    """LSTM that is open for a part of each unit's period (Neil et al. 2016, arXiv:1610.09513).

    Shapes  inputs: the pair of time (batch, 1) and x (batch, input)
    """

    def __init__(self, num_units, use_peepholes=False, leak=0.001, ratio_on=0.1, trainable_ratio_on=True,
                 period_init_min=1.0, period_init_max=1000.0, reuse=None):
        super().__init__(LSTMStateTuple(num_units, num_units), num_units, reuse, autocast=False)
        self._num_units, self._use_peepholes, self._leak = num_units, use_peepholes, leak
        self._ratio_on, self._trainable_ratio_on = ratio_on, trainable_ratio_on
        self._period = period_init_min, period_init_max

    def call(self, inputs, state):
        n = self._num_units
        c_prev, h_prev = state
        time, x = inputs
        peep = [c_prev] if self._use_peepholes else []
        with tf.variable_scope("mask_gates"):
            i, f = split(tf.sigmoid(self.linear([x, h_prev] + peep, 2 * n, name="mask")), 2)
        with tf.variable_scope("new_input"):
            c = c_prev * f + i * tf.tanh(self.linear([x, h_prev], n, name="input"))
        peep = [c] if self._use_peepholes else []
        with tf.variable_scope("output_gate"):
            h = tf.tanh(c) * tf.sigmoid(self.linear([x, h_prev] + peep, n, name="output"))
        low, high = self._period
        # periods are uniform in their logarithm
        draw = lambda shape, dtype=tf.float32, partition_info=None: tf.exp(  # noqa: E731
            tf.random_uniform(shape, tf.log(low), tf.log(high), dtype))
        period = tf.get_variable("period", [n], initializer=draw)
        phase = tf.get_variable("phase", [n], initializer=tf.random_uniform_initializer(0.0,
                                                                                        period.initial_value))
        on = tf.get_variable("ratio_on", [n], initializer=tf.constant_initializer(self._ratio_on),
                             trainable=self._trainable_ratio_on)
        # phi = ((t - shift) mod period) / period, with the gradient of the identity through mod
        period, shifted = tf.cast(period, time.dtype), time - tf.cast(phase, time.dtype)
        phi = tf.cast((tf.stop_gradient(tf.mod(shifted, period) - shifted) + shifted) / period, tf.float32)
        # k rises to 1, falls to 0, and leaks while closed
        k_up = 2 * phi / on
        k = tf.where(phi < on, 2 - k_up, self._leak * phi)
        k = tf.where(phi < 0.5 * on, k_up, k)
        c = k * c + (1 - k) * c_prev
        h = k * h + (1 - k) * h_prev
        return h, LSTMStateTuple(c, h)


class ConvLSTMCell(Cell):
    """LSTM whose products are convolutions (Shi et al. 2015, arXiv:1506.04214).

    Shapes  inputs (batch, *input_shape), states (batch, *input_shape[:-1], output_channels)
    """

    def __init__(self, conv_ndims, input_shape, output_channels, kernel_shape, use_bias=True,
                 skip_connection=False,
                 forget_bias=1.0, initializers=None, name="conv_lstm_cell"):
        if conv_ndims != len(input_shape) - 1:
            raise ValueError(f"input_shape {input_shape} must have {conv_ndims} axes and the channels")
        place = list(input_shape[:-1])
        size = tf.TensorShape(place + [output_channels])
        out = tf.TensorShape(place + [output_channels + (input_shape[-1] if skip_connection else 0)])
        super().__init__(LSTMStateTuple(size, size), out, name=name)
        self._ndims, self._channels, self._kernel_shape = conv_ndims, output_channels, list(kernel_shape)
        self._use_bias, self._skip, self._forget_bias = use_bias, skip_connection, forget_bias

    def call(self, inputs, state, scope=None):
        c, h = state
        x = tf.concat([inputs, h], -1)
        kernel = tf.get_variable("kernel", self._kernel_shape + [width(x), 4 * self._channels], x.dtype)
        gates = tf.nn.convolution(x, kernel, "SAME")
        if self._use_bias:
            gates += tf.get_variable("biases", [4 * self._channels], x.dtype, tf.zeros_initializer())
        i, j, f, o = tf.split(gates, 4, axis=-1)
        # c' = s(f + b) * c + s(i) * tanh(j);  h' = tanh(c') * s(o)
        c = tf.sigmoid(f + self._forget_bias) * c + tf.sigmoid(i) * tf.tanh(j)
        h = tf.tanh(c) * tf.sigmoid(o)
        if self._skip:
            h = tf.concat([h, inputs], -1)
        return h, LSTMStateTuple(c, h)


class Conv1DLSTMCell(ConvLSTMCell):
    def __init__(self, name="conv_1d_lstm_cell", **kwargs):
        super().__init__(conv_ndims=1, name=name, **kwargs)


class Conv2DLSTMCell(ConvLSTMCell):
    def __init__(self, name="conv_2d_lstm_cell", **kwargs):
        super().__init__(conv_ndims=2, name=name, **kwargs)


class Conv3DLSTMCell(ConvLSTMCell):
    def __init__(self, name="conv_3d_lstm_cell", **kwargs):
        super().__init__(conv_ndims=3, name=name, **kwargs)


class GLSTMCell(Cell):
    """LSTM in groups of units that do not see each other (Kuchaiev and Ginsburg 2017, arXiv:1703.10722)."""

    def __init__(self, num_units, initializer=None, num_proj=None, number_of_groups=1, forget_bias=1.0,
                 activation=tf.tanh, reuse=None):
        super().__init__(*lstm_sizes(num_units, num_proj), reuse=reuse)
        if num_units % number_of_groups or (num_proj or 0) % number_of_groups:
            raise ValueError(f"{number_of_groups} groups do not divide {num_units}, {num_proj}")
        self._num_units, self._num_proj, self._groups = num_units, num_proj, number_of_groups
        self._initializer, self._forget_bias, self._activation = initializer, forget_bias, activation

    def call(self, inputs, state):
        c, h = state
        n, groups, dtype = self._num_units, self._groups, inputs.dtype
        with tf.variable_scope(tf.get_variable_scope(), initializer=self._initializer):
            parts = []
            for k, (x, m) in enumerate(zip(split(inputs, groups), split(h, groups))):
                with tf.variable_scope(f"group{k}"):
                    parts.append(split(self.linear(tf.concat([x, m], 1), 4 * n // groups, False, k), 4))
            i, j, f, o = (tf.nn.bias_add(tf.concat(gate, 1), tf.get_variable("bias_" + name, [n], dtype,
                                                                            tf.zeros_initializer()))
                          for name, gate in zip("ijfo", zip(*parts)))
        c = tf.sigmoid(f + self._forget_bias) * c + tf.sigmoid(i) * tf.tanh(j)
        h = tf.sigmoid(o) * self._activation(c)
        if self._num_proj is not None:
            with tf.variable_scope("projection"):
                h = self.linear(h, self._num_proj, False, "projection")
        return h, LSTMStateTuple(c, h)


class WeightNormLSTMCell(Cell):
    """LSTM with W = g v / |v| (Salimans and Kingma 2016, arXiv:1602.07868)."""

    def __init__(self, num_units, norm=True, use_peepholes=False, cell_clip=None, initializer=None,
                 num_proj=None,
                 proj_clip=None, forget_bias=1, activation=None, reuse=None):
        super().__init__(*lstm_sizes(num_units, num_proj), reuse=reuse)
        self._num_units, self._num_proj, self._norm = num_units, num_proj, norm
        self._initializer = initializer
        self._use_peepholes, self._cell_clip, self._proj_clip = use_peepholes, cell_clip, proj_clip
        self._forget_bias, self._activation = forget_bias, activation or tf.tanh

    def product(self, args, size, bias):
        sizes = [width(a) for a in args]
        kernel = tf.get_variable("kernel", [sum(sizes), size], args[0].dtype)
        if self._norm:
            kernel = tf.concat([tf.nn.l2_normalize(v, axis=0) * tf.get_variable(f"norm_{k}", [size], v.dtype)
                                for k, v in enumerate(tf.split(kernel, sizes))], 0)
        result = tf.matmul(tf.concat(args, 1), kernel)
        if not bias:
            return result
        return tf.nn.bias_add(result, tf.get_variable("bias", [size], result.dtype, tf.zeros_initializer()))

    def call(self, inputs, state):
        c, h = state
        n, dtype = self._num_units, inputs.dtype
        with tf.variable_scope("wn_lstm_cell", initializer=self._initializer):
            i, j, f, o = split(self.product([inputs, h], 4 * n, True), 4)
            w_f = w_i = w_o = 0.0
            if self._use_peepholes:
                w_f, w_i, w_o = (peephole(name, n, dtype) for name in ("w_f_diag", "w_i_diag", "w_o_diag"))
            c = c * tf.sigmoid(f + self._forget_bias + w_f * c) + tf.sigmoid(i
                                                                             + w_i * c) * self._activation(j)
            c = clip(c, self._cell_clip)
            h = tf.sigmoid(o + w_o * c) * self._activation(c)
            if self._num_proj is not None:
                with tf.variable_scope("projection"):
                    h = clip(self.product([h], self._num_proj, False), self._proj_clip)
        return h, LSTMStateTuple(c, h)


class UnitCell(LayerRNNCell):
    """Cells whose variables are made in `build`, from a table of names, shapes and initializers."""

    state_size = property(lambda self: self._num_units)
    output_size = property(lambda self: self._num_units)

    def __init__(self, num_units, activation=None, reuse=None, name=None, dtype=None, **kwargs):
        super().__init__(_reuse=reuse, name=name, dtype=dtype, **kwargs)
        self._num_units, self._activation = num_units, activation or tf.tanh

    def build(self, shape):
        self._v = {name: self.add_weight(name, size, initializer=initializer)
                   for name, size, initializer in self.variables_of(int(shape[-1]), self._num_units)}
        self.built = True


def uniform():
    return tf.random_uniform_initializer(-1, 1)


class SRUCell(UnitCell):
    """Simple recurrent unit (Lei et al. 2017, arXiv:1709.02755)."""

    def variables_of(self, depth, n):
        return [("kernel", [depth, 4 * n], None), ("bias", [2 * n], tf.zeros_initializer())]

    def call(self, inputs, state):
        x, f, r, x_tx = split(tf.matmul(inputs, self._v["kernel"]), 4)
        f, r = split(tf.sigmoid(tf.nn.bias_add(tf.concat([f, r], 1), self._v["bias"])), 2)
        # c' = f * c + (1 - f) * x;  h = r * tanh(c') + (1 - r) * x
        c = f * state + (1.0 - f) * x
        return r * self._activation(c) + (1.0 - r) * x_tx, c


class IndRNNCell(UnitCell):
    """Each unit sees its own past only (Li et al. 2018, arXiv:1803.04831)."""

    def variables_of(self, depth, n):
        return [("kernel_w", [depth, n], None), ("kernel_u", [1, n], uniform()), ("bias", [n],
                                                                                  tf.zeros_initializer())]

    def call(self, inputs, state):
        # h' = tanh(x W + u * h + b)
        gates = tf.matmul(inputs, self._v["kernel_w"]) + state * self._v["kernel_u"]
        h = self._activation(tf.nn.bias_add(gates, self._v["bias"]))
        return h, h
