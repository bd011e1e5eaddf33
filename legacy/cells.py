"""Cells of tf.contrib.rnn: layer norm, coupled gates, NAS, UGRNN, intersection, phased.

Shapes  inputs (batch, input), states and outputs (batch, unit), unless a cell says otherwise In the equations
x is the input, h the previous output, c the memory, s(.) the sigmoid, * the product by element.
"""

import tensorflow.compat.v1 as tf

__all__ = ["LayerNormBasicLSTMCell", "LayerNormLSTMCell", "CoupledInputForgetGateLSTMCell", "NASCell"]

RNNCell = tf.nn.rnn_cell.RNNCell
LayerRNNCell = tf.nn.rnn_cell.BasicLSTMCell.__mro__[1]
LSTMStateTuple = tf.nn.rnn_cell.LSTMStateTuple


class Linear:
    """[x1, x2, ...] W + b, with variables `kernel` and `bias` of the scope in which it is built."""

    def __init__(self, args, output_size, build_bias, bias_initializer=None, kernel_initializer=None):
        args = args if isinstance(args, (list, tuple)) else [args]
        sizes = [width(a) for a in args]
        dtype = args[0].dtype
        scope = tf.get_variable_scope()
        self.kernel = tf.get_variable("kernel", [sum(sizes), output_size], dtype, kernel_initializer)
        self.bias = None
        if build_bias:
            with tf.variable_scope(scope) as unpartitioned:
                unpartitioned.set_partitioner(None)
                self.bias = tf.get_variable("bias", [output_size], dtype, bias_initializer
                                            or tf.zeros_initializer())

    def __call__(self, args):
        args = args if isinstance(args, (list, tuple)) else [args]
        result = tf.matmul(args[0] if len(args) == 1 else tf.concat(args, 1), self.kernel)
        return result if self.bias is None else tf.nn.bias_add(result, self.bias)


def _linear(args, output_size, bias, bias_initializer=None, kernel_initializer=None, scope=None):
    """One `Linear`, built and applied."""
    if not isinstance(bias_initializer, (int, float)):
        with tf.variable_scope(scope or tf.get_variable_scope()):
            return Linear(args, output_size, bias, bias_initializer, kernel_initializer)(args)
    # before TF 1.2: linear(args, output_size, bias, bias_start, scope)
    if isinstance(kernel_initializer, str):
        scope, kernel_initializer = kernel_initializer, None
    with tf.variable_scope(scope or "Linear"):
        return Linear(args, output_size, bias, tf.constant_initializer(bias_initializer),
                      kernel_initializer)(args)


def width(tensor):
    """Size of the last axis, which must be known."""
    size = tensor.get_shape()[-1].value
    if size is None:
        raise ValueError(f"the last axis of {tensor.name}, shape {tensor.get_shape()}, must be known")
    return size


def split(tensor, parts):
    return tf.split(tensor, parts, axis=1)


class Cell(RNNCell):
    """What these cells have in common: two sizes, and linear maps that are built once."""

    def __init__(self, state_size, output_size, reuse=None, **kwargs):
        super().__init__(_reuse=reuse, **kwargs)
        self._state_size, self._output_size = state_size, output_size
        self._linears = {}

    @property
    def state_size(self):
        return self._state_size

    @property
    def output_size(self):
        return self._output_size

    def linear(self, args, output_size, bias=True, name=""):
        if name not in self._linears:
            self._linears[name] = Linear(args, output_size, bias)
        return self._linears[name](args)


def lstm_sizes(num_units, num_proj, state_is_tuple=True):
    output = num_proj or num_units
    return LSTMStateTuple(num_units, output) if state_is_tuple else num_units + output, output


def normalize(x, scope, gain, shift):
    """gamma (x - mean) / sqrt(variance) + beta, over the units (Ba et al. 2016, arXiv:1607.06450)."""
    with tf.variable_scope(scope):
        size = [width(x)]
        gamma = tf.get_variable("gamma", size, x.dtype, tf.constant_initializer(gain))
        beta = tf.get_variable("beta", size, x.dtype, tf.constant_initializer(shift))
    mean, variance = tf.nn.moments(x, [1], keep_dims=True)
    return tf.nn.batch_normalization(x, mean, variance, beta, gamma, 1e-3 if x.dtype == tf.float16 else 1e-12)


def peephole(name, num_units, dtype):
    return tf.get_variable(name, [num_units], dtype)


class LayerNormBasicLSTMCell(Cell):
    """LSTM with layer norm on gates and memory, and recurrent dropout (Semeniuta et al. 2016,
    arXiv:1603.05118)."""

    def __init__(self, num_units, forget_bias=1.0, input_size=None, activation=tf.tanh, layer_norm=True,
                 norm_gain=1.0, norm_shift=0.0, dropout_keep_prob=1.0, dropout_prob_seed=None, reuse=None):
        super().__init__(LSTMStateTuple(num_units, num_units), num_units, reuse)
        self._num_units, self._forget_bias, self._activation = num_units, forget_bias, activation
        self._layer_norm, self._norm_gain, self._norm_shift = layer_norm, norm_gain, norm_shift
        self._keep_prob, self._seed = dropout_keep_prob, dropout_prob_seed

    def call(self, inputs, state):
        c, h = state
        i, j, f, o = split(self.linear([inputs, h], 4 * self._num_units, not self._layer_norm), 4)
        if self._layer_norm:
            i, j, f, o = (self.norm(x, scope) for x, scope in
                          [(i, "input"), (j, "transform"), (f, "forget"), (o, "output")])
        g = self._activation(j)
        if not isinstance(self._keep_prob, float) or self._keep_prob < 1:
            g = tf.nn.dropout(g, self._keep_prob, seed=self._seed)
        # c' = c * s(f + b) + s(i) * dropout(g(j));  h' = g(norm(c')) * s(o)
        c = c * tf.sigmoid(f + self._forget_bias) + tf.sigmoid(i) * g
        if self._layer_norm:
            c = self.norm(c, "state")
        h = self._activation(c) * tf.sigmoid(o)
        return h, LSTMStateTuple(c, h)

    def norm(self, x, scope):
        return normalize(x, scope, self._norm_gain, self._norm_shift)


class LayerNormLSTMCell(Cell):
    """LSTM with peepholes, clipping and projection, and layer norm where asked for."""

    def __init__(self, num_units, use_peepholes=False, cell_clip=None, initializer=None, num_proj=None,
                 proj_clip=None, forget_bias=1.0, activation=None, layer_norm=False, norm_gain=1.0,
                 norm_shift=0.0, reuse=None):
        super().__init__(*lstm_sizes(num_units, num_proj), reuse=reuse)
        self._num_units, self._num_proj, self._initializer = num_units, num_proj, initializer
        self._use_peepholes, self._cell_clip, self._proj_clip = use_peepholes, cell_clip, proj_clip
        self._forget_bias, self._activation = forget_bias, activation or tf.tanh
        self._layer_norm, self._norm_gain, self._norm_shift = layer_norm, norm_gain, norm_shift

    def call(self, inputs, state):
        c, h = state
        dtype = inputs.dtype
        with tf.variable_scope(tf.get_variable_scope(), initializer=self._initializer):
            gates = self.linear([inputs, h], 4 * self._num_units, not self._layer_norm)
            if self._layer_norm:
                # 1.15 makes this variable and does not use it
                tf.get_variable("bias", [4 * self._num_units], dtype, tf.zeros_initializer())
            i, j, f, o = split(gates, 4)
            if self._layer_norm:
                i, j, f, o = (self.norm(x, scope) for x, scope in
                              [(i, "input"), (j, "transform"), (f, "forget"), (o, "output")])
            w_f = w_i = w_o = 0.0
            if self._use_peepholes:
                w_f, w_i, w_o = (peephole(name, self._num_units, dtype)
                                 for name in ("w_f_diag", "w_i_diag", "w_o_diag"))
            # c' = s(f + b + w_f * c) * c + s(i + w_i * c) * g(j);  h' = s(o + w_o * c') * g(c')
            c = tf.sigmoid(f + self._forget_bias + w_f * c) * c + tf.sigmoid(i
                                                                             + w_i * c) * self._activation(j)
            if self._layer_norm:
                c = self.norm(c, "state")
            c = clip(c, self._cell_clip)
            h = tf.sigmoid(o + w_o * c) * self._activation(c)
            if self._num_proj is not None:
                with tf.variable_scope("projection"):
                    h = clip(self.linear(h, self._num_proj, False, "projection"), self._proj_clip)
        return h, LSTMStateTuple(c, h)

    def norm(self, x, scope):
        return normalize(x, scope, self._norm_gain, self._norm_shift)


def clip(x, limit):
    return x if limit is None else tf.clip_by_value(x, -limit, limit)


def shards(name, shape, dtype, count):
    """The variable `name_0`, or `count` of them, joined along the first axis."""
    rows = [shape[0] // count + (i < shape[0] % count) for i in range(count)]
    parts = [tf.get_variable(f"{name}_{i}", [n] + shape[1:], dtype) for i, n in enumerate(rows)]
    return parts[0] if count == 1 else tf.concat(parts, 0)


class CoupledInputForgetGateLSTMCell(Cell):
    """LSTM whose input gate is 1 - forget gate (Greff et al. 2015, arXiv:1503.04069)."""

    def __init__(self, num_units, use_peepholes=False, initializer=None, num_proj=None, proj_clip=None,
                 num_unit_shards=1, num_proj_shards=1, forget_bias=1.0, state_is_tuple=True,
                 activation=tf.tanh,
                 reuse=None, layer_norm=False, norm_gain=1.0, norm_shift=0.0):
        super().__init__(*lstm_sizes(num_units, num_proj, state_is_tuple), reuse=reuse)
        self._num_units, self._num_proj, self._use_peepholes = num_units, num_proj, use_peepholes
        self._proj_clip, self._shards = proj_clip, (num_unit_shards, num_proj_shards)
        self._forget_bias, self._activation, self._state_is_tuple = forget_bias, activation, state_is_tuple
        self._layer_norm, self._norm_gain, self._norm_shift = layer_norm, norm_gain, norm_shift

    def call(self, inputs, state):
        n, dtype = self._num_units, inputs.dtype
        c, h = state if self._state_is_tuple else tf.split(state, [n, self._output_size], axis=1)
        kernel = shards("W", [width(inputs) + self._output_size, 3 * n], dtype, self._shards[0])
        bias = tf.get_variable("B", [3 * n], dtype, tf.zeros_initializer())
        gates = tf.matmul(tf.concat([inputs, h], 1), kernel)
        j, f, o = split(gates if self._layer_norm else tf.nn.bias_add(gates, bias), 3)
        if self._layer_norm:
            j, f, o = (self.norm(x, scope) for x, scope in [(j, "transform"), (f, "forget"), (o, "output")])
        w_f = w_o = 0.0
        if self._use_peepholes:
            w_f, w_o = peephole("W_F_diag", n, dtype), peephole("W_O_diag", n, dtype)
        # f = s(f + b + w_f * c);  c' = f * c + (1 - f) * g(j);  h' = s(o + w_o * c') * g(c')
        f = tf.sigmoid(f + self._forget_bias + w_f * c)
        c = f * c + (1 - f) * self._activation(j)
        if self._layer_norm:
            c = self.norm(c, "state")
        h = tf.sigmoid(o + w_o * c) * self._activation(c)
        if self._num_proj is not None:
            h = clip(tf.matmul(h, shards("W_P", [n, self._num_proj], dtype, self._shards[1])),
                     self._proj_clip)
        return h, LSTMStateTuple(c, h) if self._state_is_tuple else tf.concat([c, h], 1)

    def norm(self, x, scope):
        return normalize(x, scope, self._norm_gain, self._norm_shift)


class NASCell(LayerRNNCell):
    """The cell that architecture search found (Zoph and Le 2016, arXiv:1611.01578, figure 8)."""

    def __init__(self, num_units, num_proj=None, use_bias=False, reuse=None, **kwargs):
        super().__init__(_reuse=reuse, **kwargs)
        self._num_units, self._num_proj, self._use_bias = num_units, num_proj, use_bias
        self._state_size, self._output_size = lstm_sizes(num_units, num_proj)

    state_size = property(lambda self: self._state_size)
    output_size = property(lambda self: self._output_size)

    def build(self, shape):
        n = self._num_units
        self.recurrent_kernel = self.add_weight("recurrent_kernel", [self._output_size, 8 * n])
        self.kernel = self.add_weight("kernel", [int(shape[-1]), 8 * n])
        if self._use_bias:
            self.bias = self.add_weight("bias", [8 * n], initializer=tf.zeros_initializer())
        if self._num_proj is not None:
            self.projection_weights = self.add_weight("projection_weights", [n, self._num_proj])
        self.built = True

    def call(self, inputs, state):
        c, h = state
        m = tf.matmul(h, self.recurrent_kernel)
        if self._use_bias:
            m = tf.nn.bias_add(m, self.bias)
        m = split(m, 8)
        x = split(tf.matmul(inputs, self.kernel), 8)
        sigmoid, tanh, relu = tf.sigmoid, tf.tanh, tf.nn.relu
        # the leaves of the tree, then its pairs, then c' and h'
        a = sigmoid(x[0] + m[0]), relu(x[1] + m[1]), sigmoid(x[2] + m[2]), relu(x[3] * m[3])
        b = tanh(x[4] + m[4]), sigmoid(x[5] + m[5]), tanh(x[6] + m[6]), sigmoid(x[7] + m[7])
        c = tanh(tanh(a[0] * a[1]) + c) * tanh(a[2] + a[3])
        h = tanh(c * tanh(tanh(b[0] * b[1]) + sigmoid(b[2] + b[3])))
        if self._num_proj is not None:
            h = tf.matmul(h, self.projection_weights)
        return h, LSTMStateTuple(c, h)
