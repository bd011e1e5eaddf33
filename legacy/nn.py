"""tf.contrib.nn: cross-entropies of before 1.0, and a softmax loss of samples.

Source   TensorFlow 1.15, tf.contrib.nn
"""
import tensorflow.compat.v1 as tf


def deprecated_flipped_softmax_cross_entropy_with_logits(logits, labels, dim=-1, name=None):
    return tf.nn.softmax_cross_entropy_with_logits(labels=labels, logits=logits, axis=dim, name=name)


def deprecated_flipped_sparse_softmax_cross_entropy_with_logits(logits, labels, name=None):
    return tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits, name=name)


def deprecated_flipped_sigmoid_cross_entropy_with_logits(logits, targets, name=None):
    return tf.nn.sigmoid_cross_entropy_with_logits(labels=targets, logits=logits, name=name)


def alpha_dropout(x, keep_prob, noise_shape=None, seed=None, name=None):
    """Dropout that keeps mean and variance of SELU's outputs; Klambauer et al. 2017, arXiv:1706.02515."""
    with tf.name_scope(name, "alpha_dropout", [x]):
        alpha = -1.7580993408473766
        kept = tf.cast(tf.random_uniform(tf.shape(x) if noise_shape is None else noise_shape, seed=seed)
                       < keep_prob, x.dtype)
        a = (keep_prob + keep_prob * (1 - keep_prob) * alpha ** 2) ** -0.5
        return a * (x * kept + alpha * (1 - kept)) - a * (1 - keep_prob) * alpha
