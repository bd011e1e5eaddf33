"""Losses and buckets of tf.contrib.legacy_seq2seq: lists of one logit, target and weight for each step.

Shapes  logits: lists of (batch, symbol); targets and weights: lists of (batch,)
"""

import inspect

import tensorflow.compat.v1 as tf


def cross_entropy(softmax_loss_function, target, logit):
    """The script's loss, by the names of its arguments: (labels, logits) since 1.0, (inputs, labels)
    before."""
    if softmax_loss_function is None:
        return tf.nn.sparse_softmax_cross_entropy_with_logits(labels=tf.reshape(target, [-1]), logits=logit)
    names = list(inspect.signature(softmax_loss_function).parameters)
    if "labels" in names and "logits" in names:
        return softmax_loss_function(labels=target, logits=logit)
    if names and any(word in names[0] for word in ("label", "target", "y_")):
        return softmax_loss_function(target, logit)
    return softmax_loss_function(logit, target)


def sequence_loss_by_example(logits, targets, weights, average_across_timesteps=True,
                             softmax_loss_function=None, name=None, *old):
    """Weighted cross entropy of each example, (batch,); lists of one logit, target and weight for each
    step."""
    if not isinstance(average_across_timesteps, (bool, type(None))) or old:
        # before 0.6: (logits, targets, weights, num_decoder_symbols, ...)
        average_across_timesteps, softmax_loss_function = True, None
    if not len(logits) == len(targets) == len(weights):
        raise ValueError(f"{len(logits)} logits, {len(targets)} targets and {len(weights)} weights: "
                         "the numbers must be equal")
    with tf.name_scope(name, "sequence_loss_by_example", list(logits) + list(targets) + list(weights)):
        total = tf.add_n([cross_entropy(softmax_loss_function, target, logit) * weight
                          for logit, target, weight in zip(logits, targets, weights)])
        return total / (tf.add_n(weights) + 1e-12) if average_across_timesteps else total


def sequence_loss(logits, targets, weights, average_across_timesteps=True, average_across_batch=True,
                  softmax_loss_function=None, name=None):
    """The sum of `sequence_loss_by_example`, a scalar, by default divided by the batch size."""
    with tf.name_scope(name, "sequence_loss", list(logits) + list(targets) + list(weights)):
        cost = tf.reduce_sum(sequence_loss_by_example(logits, targets, weights, average_across_timesteps,
                                                      softmax_loss_function))
        return cost / tf.cast(tf.shape(targets[0])[0], cost.dtype) if average_across_batch else cost


def model_with_buckets(encoder_inputs, decoder_inputs, targets, weights, buckets, seq2seq,
                       softmax_loss_function=None, per_example_loss=False, name=None):
    """The model once for each bucket (encoder length, decoder length), with the same variables."""
    for what, inputs, length in (("encoder_inputs", encoder_inputs, buckets[-1][0]),
                                 ("targets", targets, buckets[-1][1]), ("weights", weights, buckets[-1][1])):
        if len(inputs) < length:
            raise ValueError(f"{what} has {len(inputs)} steps and the last bucket {length}")
    loss = sequence_loss_by_example if per_example_loss else sequence_loss
    outputs, losses = [], []
    with tf.name_scope(name, "model_with_buckets", encoder_inputs + decoder_inputs + targets + weights):
        for j, (n, m) in enumerate(buckets):
            with tf.variable_scope(tf.get_variable_scope(), reuse=True if j > 0 else None):
                outputs.append(seq2seq(encoder_inputs[:n], decoder_inputs[:m])[0])
                losses.append(loss(outputs[-1], targets[:m], weights[:m],
                                   softmax_loss_function=softmax_loss_function))
    return outputs, losses
