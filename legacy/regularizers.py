"""Initializers and regularizers of tf.contrib.layers.

Sources  Glorot and Bengio 2010 (xavier); He et al. 2015, arXiv:1502.01852 (variance scaling); TensorFlow 1.15
"""
import math
import numbers

import tensorflow.compat.v1 as tf


def variance_scaling_initializer(factor=2.0, mode="FAN_IN", uniform=False, seed=None, dtype=tf.float32):
    """Random weights of variance factor / n; n is the number of inputs, of outputs, or their mean."""
    if mode not in ("FAN_IN", "FAN_OUT", "FAN_AVG"):
        raise TypeError(f"Unknown mode {mode} [FAN_IN, FAN_OUT, FAN_AVG]")

    def initializer(shape, dtype=dtype, partition_info=None):
        shape = [int(n) for n in shape]
        field = 1.
        for n in shape[:-2]:
            field *= n
        fan_in = (shape[-2] if len(shape) > 1 else shape[-1] if shape else 1) * field
        fan_out = (shape[-1] if shape else 1) * field
        n = {"FAN_IN": fan_in, "FAN_OUT": fan_out, "FAN_AVG": (fan_in + fan_out) / 2.}[mode]
        if uniform:
            limit = math.sqrt(3. * factor / n)
            return tf.random_uniform(shape, -limit, limit, dtype, seed=seed)
        return tf.truncated_normal(shape, 0., math.sqrt(1.3 * factor / n), dtype, seed=seed)
    return initializer


def xavier_initializer(uniform=True, seed=None, dtype=tf.float32):
    """variance = 2 / (inputs + outputs)."""
    return variance_scaling_initializer(1., "FAN_AVG", uniform, seed, dtype)


xavier_initializer_conv2d = xavier_initializer


def _regularizer(scale, scope, name, measure):
    if isinstance(scale, numbers.Integral):
        raise ValueError(f"scale cannot be an integer: {scale}")
    if isinstance(scale, numbers.Real):
        if scale < 0.:
            raise ValueError(f"Setting a scale less than 0 on a regularizer: {scale:g}")
        if scale == 0.:
            return lambda _: None

    def regularizer(weights):
        with tf.name_scope(scope, name, [weights]):
            return tf.convert_to_tensor(scale, weights.dtype.base_dtype) * measure(weights)
    return regularizer


def l1_regularizer(scale, scope=None):
    """scale * sum |w|"""
    return _regularizer(scale, scope, "l1_regularizer", lambda weights: tf.reduce_sum(tf.abs(weights)))


def l2_regularizer(scale, scope=None):
    """scale * sum w^2 / 2"""
    return _regularizer(scale, scope, "l2_regularizer", tf.nn.l2_loss)


def l1_l2_regularizer(scale_l1=1.0, scale_l2=1.0, scope=None):
    return sum_regularizer([l1_regularizer(scale_l1), l2_regularizer(scale_l2)], scope or "l1_l2_regularizer")


def sum_regularizer(regularizer_list, scope=None):
    regularizers = [r for r in regularizer_list if r is not None]
    if not regularizers:
        return None

    def sum_of_all(weights):
        with tf.name_scope(scope, "sum_regularizer", [weights]):
            penalties = [p for p in (r(weights) for r in regularizers) if p is not None]
            return tf.add_n(penalties) if penalties else None
    return sum_of_all


def apply_regularization(regularizer, weights_list=None):
    """The sum of the penalties of all weights, also added to the collection REGULARIZATION_LOSSES."""
    weights_list = weights_list or tf.get_collection(tf.GraphKeys.WEIGHTS)
    if not weights_list:
        raise ValueError("No weights to regularize.")
    with tf.name_scope("get_regularization_penalty", values=weights_list):
        penalties = [regularizer(weights) for weights in weights_list]
        penalty = tf.add_n([tf.constant(0.) if p is None else p for p in penalties])
    tf.add_to_collection(tf.GraphKeys.REGULARIZATION_LOSSES, penalty)
    return penalty
