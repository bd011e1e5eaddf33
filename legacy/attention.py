"""Attention of tf.contrib.seq2seq: mechanisms that score a memory, and the cell wrapper that uses them.

Sources  Bahdanau et al. 2015, arXiv:1409.0473; Luong et al. 2015, arXiv:1508.04025;
         Salimans and Kingma 2016, arXiv:1602.07868 (normalize=True);
         Raffel et al. 2017, arXiv:1704.00784 (monotonic)
Shapes   memory (batch, time, depth), query (batch, unit), scores and alignments (batch, time)
"""
import functools
import math

import numpy as np
import tensorflow.compat.v1 as tf

nest = tf.nest


def zero_tensors(size, batch_size, dtype):
    """Zeros of shape (batch, size) for each size of a structure: a number, a TensorShape, a tensor."""
    def zeros(s):
        rest = [s] if isinstance(s, tf.Tensor) else tf.TensorShape(s).as_list()
        return tf.zeros([batch_size] + rest, dtype)
    return nest.map_structure(zeros, size)


_zero_state_tensors = zero_tensors


def _prepare_memory(memory, memory_sequence_length=None, check_inner_dims_defined=True):
    """The memory as tensors, with zeros after the end of each sequence."""
    def prepare(m):
        m = tf.convert_to_tensor(m, name="memory")
        if check_inner_dims_defined and not m.shape[2:].is_fully_defined():
            raise ValueError(f"Expected memory {m.name} to have known inner dimensions, saw shape {m.shape}")
        if memory_sequence_length is None:
            return m
        mask = tf.sequence_mask(memory_sequence_length, maxlen=tf.shape(m)[1], dtype=m.dtype)  # (batch, time)
        for _ in range(m.shape.ndims - 2):
            mask = tf.expand_dims(mask, -1)
        return m * mask
    return nest.map_structure(prepare, memory)


def _maybe_mask_score(score, memory_sequence_length, score_mask_value):
    """The scores (batch, time), with score_mask_value (minus infinity) after the end of each sequence."""
    if memory_sequence_length is None:
        return score
    positive = tf.assert_positive(memory_sequence_length,
                                  message="All values in memory_sequence_length must be greater than zero.")
    with tf.control_dependencies([positive]):
        mask = tf.sequence_mask(memory_sequence_length, maxlen=tf.shape(score)[1])
    return tf.where(mask, score, score_mask_value * tf.ones_like(score))


class AttentionMechanism:
    """What AttentionWrapper accepts: __call__(query, state) -> alignments, next state."""


class _BaseAttentionMechanism(AttentionMechanism):
    """Holds the values (the masked memory) and the keys (the memory layer applied to them)."""

    def __init__(self, query_layer, memory, probability_fn, memory_sequence_length=None, memory_layer=None,
                 check_inner_dims_defined=True, score_mask_value=None, custom_key_value_fn=None, name=None):
        self._query_layer = query_layer
        self._memory_layer = memory_layer
        self.dtype = memory_layer.dtype
        if score_mask_value is None:
            score_mask_value = tf.as_dtype(self.dtype).as_numpy_dtype(-np.inf)
        self._probability_fn = lambda score, previous: probability_fn(
            _maybe_mask_score(score, memory_sequence_length, score_mask_value), previous)
        with tf.name_scope(name, "BaseAttentionMechanismInit", nest.flatten(memory)):
            self._values = _prepare_memory(memory, memory_sequence_length, check_inner_dims_defined)
            self._keys = memory_layer(self._values) if memory_layer else self._values
            if custom_key_value_fn is not None:
                self._keys, self._values = custom_key_value_fn(self._keys, self._values)
            known, dynamic = self._keys.shape.as_list(), tf.shape(self._keys)
            self._batch_size = dynamic[0] if known[0] is None else known[0]
            self._alignments_size = dynamic[1] if known[1] is None else known[1]

    memory_layer = property(lambda self: self._memory_layer)
    query_layer = property(lambda self: self._query_layer)
    values = property(lambda self: self._values)
    keys = property(lambda self: self._keys)
    batch_size = property(lambda self: self._batch_size)
    alignments_size = property(lambda self: self._alignments_size)
    state_size = property(lambda self: self._alignments_size)

    def initial_alignments(self, batch_size, dtype):
        return zero_tensors(self._alignments_size, batch_size, dtype)

    def initial_state(self, batch_size, dtype):
        return self.initial_alignments(batch_size, dtype)


def _dense(num_units, name, dtype):
    return tf.layers.Dense(num_units, name=name, use_bias=False, dtype=dtype)


def _luong_score(query, keys, scale):
    if query.shape[-1] != keys.shape[-1]:
        raise ValueError(f"The query ({query}) has {query.shape[-1]} units, the keys ({keys}) have "
                         f"{keys.shape[-1]}. Set num_units to the query's.")
    # score_j = g * q^T k_j
    score = tf.squeeze(tf.matmul(tf.expand_dims(query, 1), keys, transpose_b=True), [1])
    return score if scale is None else scale * score


def _bahdanau_score(processed_query, keys, attention_v, attention_g=None, attention_b=None):
    query = tf.expand_dims(processed_query, 1)  # (batch, 1, unit)
    if attention_g is None or attention_b is None:
        # score_j = v^T tanh(W_q q + k_j)
        return tf.reduce_sum(attention_v * tf.tanh(keys + query), [2])
    # score_j = g v^T / |v| tanh(W_q q + k_j + b)
    normed_v = attention_g * attention_v * tf.rsqrt(tf.reduce_sum(tf.square(attention_v)))
    return tf.reduce_sum(normed_v * tf.tanh(keys + query + attention_b), [2])


class _Luong(_BaseAttentionMechanism):
    """What the two multiplicative mechanisms share: no query layer, so num_units is the query's depth."""

    def __init__(self, num_units, memory, probability_fn, dtype, scale, name, **others):
        super().__init__(
            None, memory, probability_fn, name=name,
            memory_layer=_dense(num_units, "memory_layer", dtype or tf.float32), **others)
        self._num_units, self._scale, self._name = num_units, scale, name

    def _score(self, query):
        scale = None
        if self._scale:
            scale = tf.get_variable("attention_g", [], query.dtype, tf.ones_initializer())
        return _luong_score(query, self._keys, scale)


class _Bahdanau(_BaseAttentionMechanism):
    """What the two additive mechanisms share."""

    def __init__(self, num_units, memory, probability_fn, dtype, normalize, name, **others):
        dtype = dtype or tf.float32
        super().__init__(
            _dense(num_units, "query_layer", dtype), memory, probability_fn, name=name,
            memory_layer=_dense(num_units, "memory_layer", dtype), **others)
        self._num_units, self._normalize, self._name = num_units, normalize, name

    def _score(self, query):
        query = self.query_layer(query) if self.query_layer else query
        v = tf.get_variable("attention_v", [self._num_units], query.dtype)
        g = b = None
        if self._normalize:
            g = tf.get_variable("attention_g", [], query.dtype,
                                tf.constant_initializer(math.sqrt(1. / self._num_units)))
            b = tf.get_variable("attention_b", [self._num_units], query.dtype, tf.zeros_initializer())
        return _bahdanau_score(query, self._keys, v, g, b)


class LuongAttention(_Luong):
    """Multiplicative attention, arXiv:1508.04025; scale=True multiplies the score by one learned number."""

    def __init__(self, num_units, memory, memory_sequence_length=None, scale=False, probability_fn=None,
                 score_mask_value=None, dtype=None, custom_key_value_fn=None, name="LuongAttention"):
        super().__init__(
            num_units, memory, lambda score, _: (probability_fn or tf.nn.softmax)(score), dtype, scale, name,
            memory_sequence_length=memory_sequence_length, score_mask_value=score_mask_value,
            custom_key_value_fn=custom_key_value_fn)

    def __call__(self, query, state):
        with tf.variable_scope(None, "luong_attention", [query]):
            alignments = self._probability_fn(self._score(query), state)
        return alignments, alignments


class BahdanauAttention(_Bahdanau):
    """Additive attention, arXiv:1409.0473; normalize=True is weight normalization, arXiv:1602.07868."""

    def __init__(self, num_units, memory, memory_sequence_length=None, normalize=False, probability_fn=None,
                 score_mask_value=None, dtype=None, custom_key_value_fn=None, name="BahdanauAttention"):
        super().__init__(
            num_units, memory, lambda score, _: (probability_fn or tf.nn.softmax)(score), dtype, normalize,
            name, memory_sequence_length=memory_sequence_length, score_mask_value=score_mask_value,
            custom_key_value_fn=custom_key_value_fn)

    def __call__(self, query, state):
        with tf.variable_scope(None, "bahdanau_attention", [query]):
            alignments = self._probability_fn(self._score(query), state)
        return alignments, alignments


def safe_cumprod(x, *args, **kwargs):
    """cumprod as exp(cumsum(log x)), with x clipped to [tiny, 1]."""
    x = tf.convert_to_tensor(x)
    tiny = np.finfo(x.dtype.as_numpy_dtype).tiny
    return tf.exp(tf.cumsum(tf.log(tf.clip_by_value(x, tiny, 1)), *args, **kwargs))


def monotonic_attention(p_choose_i, previous_attention, mode):
    """The alignments (batch, time) of a reader that never goes back; mode: recursive, parallel or hard."""
    p = tf.convert_to_tensor(p_choose_i)
    previous = tf.convert_to_tensor(previous_attention)
    if mode == "recursive":
        # q_j = (1 - p_(j-1)) q_(j-1) + previous_j;  alignment_j = p_j q_j
        shifted = tf.concat([tf.ones_like(p[:, :1]), 1 - p[:, :-1]], 1)
        q = tf.scan(lambda q, ab: ab[0] * q + ab[1], [tf.transpose(shifted), tf.transpose(previous)],
                    tf.zeros_like(p[:, 0]))
        return p * tf.transpose(q)
    if mode == "parallel":
        # alignment_j = p_j c_j sum_(k<=j) previous_k / c_k,  c_j = prod_(k<j) (1 - p_k)
        c = safe_cumprod(1 - p, axis=1, exclusive=True)
        return p * c * tf.cumsum(previous / tf.clip_by_value(c, 1e-10, 1.), axis=1)
    if mode == "hard":
        p *= tf.cumsum(previous, axis=1)
        return p * tf.cumprod(1 - p, axis=1, exclusive=True)
    raise ValueError("mode must be 'recursive', 'parallel', or 'hard'.")


def _monotonic_probability_fn(score, previous_alignments, sigmoid_noise, mode, seed=None):
    if sigmoid_noise > 0:
        score += sigmoid_noise * tf.random_normal(tf.shape(score), dtype=score.dtype, seed=seed)
    p = tf.cast(score > 0, score.dtype) if mode == "hard" else tf.sigmoid(score)
    return monotonic_attention(p, previous_alignments, mode)


class _BaseMonotonicAttentionMechanism(_BaseAttentionMechanism):
    """A bias on the score; before the first step all attention is at the first position."""

    def initial_alignments(self, batch_size, dtype):
        return tf.one_hot(tf.zeros([batch_size], tf.int32), self._alignments_size, dtype=dtype)

    def __call__(self, query, state):
        with tf.variable_scope(None, self._scope_name, [query]):
            score = self._score(query)
            score += tf.get_variable("attention_score_bias", dtype=query.dtype,
                                     initializer=self._score_bias_init)
        alignments = self._probability_fn(score, state)
        return alignments, alignments


class BahdanauMonotonicAttention(_BaseMonotonicAttentionMechanism, _Bahdanau):
    _scope_name = "bahdanau_monotonic_attention"

    def __init__(self, num_units, memory, memory_sequence_length=None, normalize=False, score_mask_value=None,
                 sigmoid_noise=0., sigmoid_noise_seed=None, score_bias_init=0., mode="parallel", dtype=None,
                 name="BahdanauMonotonicAttention"):
        probability_fn = functools.partial(_monotonic_probability_fn, sigmoid_noise=sigmoid_noise, mode=mode,
                                           seed=sigmoid_noise_seed)
        super().__init__(
            num_units, memory, probability_fn, dtype, normalize, name,
            memory_sequence_length=memory_sequence_length, score_mask_value=score_mask_value)
        self._score_bias_init = score_bias_init


class LuongMonotonicAttention(_BaseMonotonicAttentionMechanism, _Luong):
    _scope_name = "luong_monotonic_attention"

    def __init__(self, num_units, memory, memory_sequence_length=None, scale=False, score_mask_value=None,
                 sigmoid_noise=0., sigmoid_noise_seed=None, score_bias_init=0., mode="parallel", dtype=None,
                 name="LuongMonotonicAttention"):
        probability_fn = functools.partial(_monotonic_probability_fn, sigmoid_noise=sigmoid_noise, mode=mode,
                                           seed=sigmoid_noise_seed)
        super().__init__(
            num_units, memory, probability_fn, dtype, scale, name,
            memory_sequence_length=memory_sequence_length, score_mask_value=score_mask_value)
        self._score_bias_init = score_bias_init


def hardmax(logits, name=None):
    """A one-hot vector at the largest logit."""
    with tf.name_scope(name, "Hardmax", [logits]):
        logits = tf.convert_to_tensor(logits, name="logits")
        depth = logits.shape.as_list()[-1]
        return tf.one_hot(tf.argmax(logits, -1), tf.shape(logits)[-1] if depth is None else depth,
                          dtype=logits.dtype)
