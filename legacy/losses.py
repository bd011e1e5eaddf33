"""tf.contrib.losses: predictions first, labels second, the reverse of tf.losses.

Source   TensorFlow 1.15, tf.contrib.losses. A loss is the sum of weighted errors, divided by the number
         of errors whose weight is not 0; it also goes into the collection LOSSES.
"""
import tensorflow.compat.v1 as tf

add_loss = tf.losses.add_loss
get_losses = tf.losses.get_losses
get_regularization_losses = tf.losses.get_regularization_losses


def get_total_loss(add_regularization_losses=True, name="total_loss"):
    losses = get_losses()
    if add_regularization_losses:
        losses = losses + tf.get_collection(tf.GraphKeys.REGULARIZATION_LOSSES)
    return tf.add_n(losses, name=name)


def _spread(weights, losses):
    """The weights as a tensor that broadcasts over the losses from the left."""
    weights = tf.cast(tf.convert_to_tensor(weights), tf.float32)
    if weights.shape.ndims > 1 and weights.shape.as_list()[-1] == 1:
        weights = tf.squeeze(weights, [-1])
    if weights.shape.ndims == 0:
        return weights
    return tf.reshape(weights, tf.concat(
        [tf.shape(weights), tf.ones([losses.shape.ndims - weights.shape.ndims], tf.int32)], 0))


def compute_weighted_loss(losses, weights=1.0, scope=None):
    """sum (weight * loss) / number of losses whose weight is not 0"""
    with tf.name_scope(scope, "weighted_loss", [losses, weights]):
        losses = tf.convert_to_tensor(losses)
        values = tf.cast(losses, tf.float32)
        weights = _spread(weights, values) * tf.ones_like(values)
        present = tf.reduce_sum(tf.cast(tf.not_equal(weights, 0.), tf.float32))
        loss = tf.cast(tf.div_no_nan(tf.reduce_sum(values * weights), present), losses.dtype)
    tf.losses.add_loss(loss)
    return loss


def _pair(predictions, labels):
    predictions.shape.assert_is_compatible_with(labels.shape)
    return tf.cast(predictions, tf.float32), tf.cast(labels, tf.float32)


def absolute_difference(predictions, labels=None, weights=1.0, scope=None):
    predictions, labels = _pair(predictions, labels)
    return compute_weighted_loss(tf.abs(predictions - labels), weights, scope)


def mean_squared_error(predictions, labels=None, weights=1.0, scope=None):
    return compute_weighted_loss(tf.squared_difference(*_pair(predictions, labels)), weights, scope)


def log_loss(predictions, labels=None, weights=1.0, epsilon=1e-7, scope=None):
    p, labels = _pair(predictions, labels)
    # loss = -y log p - (1 - y) log(1 - p)
    loss = -labels * tf.log(p + epsilon) - (1 - labels) * tf.log(1 - p + epsilon)
    return compute_weighted_loss(loss, weights, scope)


def hinge_loss(logits, labels=None, scope=None):
    """max(0, 1 - y * logit) for each, with y = 2 * label - 1; not reduced."""
    logits, labels = _pair(logits, labels)
    return tf.nn.relu(1. - (2. * labels - 1.) * logits)


def cosine_distance(predictions, labels=None, axis=None, weights=1.0, scope=None, dim=None):
    predictions, labels = _pair(predictions, labels)
    axis = dim if axis is None else axis
    return compute_weighted_loss(1. - tf.reduce_sum(predictions * labels, [axis]), weights, scope)


def mean_pairwise_squared_error(predictions, labels=None, weights=1.0, scope=None):
    """The squared error of the differences between all pairs of one instance's values."""
    difference = tf.subtract(*_pair(predictions, labels))
    weights = _spread(weights, difference)
    axes = list(range(1, difference.shape.ndims))
    counted = tf.cast(tf.not_equal(weights, 0.), tf.float32) * tf.ones_like(difference)
    n = tf.reduce_sum(counted, axes)
    # loss = 2 sum d^2 / n - 2 (sum d / n)^2
    loss = 2. * tf.div_no_nan(tf.reduce_sum(tf.square(difference), axes), n)
    loss -= 2. * tf.div_no_nan(tf.square(tf.reduce_sum(difference, axes)), tf.square(n))
    per_instance = weights if weights.shape.ndims == 0 else tf.reduce_mean(weights, axes)
    loss = tf.reduce_sum(loss * per_instance)
    tf.losses.add_loss(loss)
    return loss


def sigmoid_cross_entropy(logits, multi_class_labels, weights=1.0, label_smoothing=0, scope=None):
    labels = tf.cast(multi_class_labels, logits.dtype) * (1. - label_smoothing) + 0.5 * label_smoothing
    return compute_weighted_loss(
        tf.nn.sigmoid_cross_entropy_with_logits(labels=labels, logits=logits), weights, scope)


def softmax_cross_entropy(logits, onehot_labels, weights=1.0, label_smoothing=0, scope=None):
    labels = tf.cast(onehot_labels, logits.dtype)
    if label_smoothing > 0:
        n_classes = tf.cast(tf.shape(labels)[1], logits.dtype)
        labels = labels * (1. - label_smoothing) + label_smoothing / n_classes
    return compute_weighted_loss(
        tf.nn.softmax_cross_entropy_with_logits(labels=labels, logits=logits), weights, scope)


def sparse_softmax_cross_entropy(logits, labels, weights=1.0, scope=None):
    labels = tf.reshape(labels, [tf.shape(labels)[0]])
    return compute_weighted_loss(
        tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits), weights, scope)
