"""tf.contrib.learn.models and tf.contrib.learn.ops: the last layer with its loss, and inputs as lists."""
import functools

import tensorflow.compat.v1 as tf


def _last_layer(x, n_outputs, init_mean, init_stddev):
    initializer = None
    if init_mean is not None:
        initializer = tf.random_normal_initializer(init_mean, init_stddev, dtype=x.dtype)
    weights = tf.get_variable("weights", [x.shape.as_list()[1], n_outputs], x.dtype, initializer)
    return weights, tf.get_variable("bias", [n_outputs], x.dtype, initializer)


def linear_regression(x, y, init_mean=None, init_stddev=1.0):
    """Returns the predictions x W + b, and their mean squared error."""
    with tf.variable_scope("linear_regression"):
        n_outputs = 1 if y.shape.ndims == 1 else y.shape.as_list()[1]
        return mean_squared_error_regressor(x, y, *_last_layer(x, n_outputs, init_mean, init_stddev))


def logistic_regression(x, y, class_weight=None, init_mean=None, init_stddev=1.0):
    """Returns the probabilities softmax(x W + b), and their cross-entropy with y (batch, class)."""
    with tf.variable_scope("logistic_regression"):
        weights, bias = _last_layer(x, y.shape.as_list()[-1], init_mean, init_stddev)
        return softmax_classifier(x, y, weights, bias, class_weight)


linear_regression_zero_init = functools.partial(linear_regression, init_mean=0.0, init_stddev=0.0)
logistic_regression_zero_init = functools.partial(logistic_regression, init_mean=0.0, init_stddev=0.0)


def mean_squared_error_regressor(tensor_in, labels, weights, biases, name=None):
    predictions = tf.nn.xw_plus_b(tensor_in, weights, biases)
    if labels.shape.ndims == 1:
        predictions = tf.squeeze(predictions, [1])
    return predictions, tf.losses.mean_squared_error(labels, predictions)


def softmax_classifier(tensor_in, labels, weights, biases, class_weight=None, name=None):
    logits = tf.nn.xw_plus_b(tensor_in, weights, biases)
    if class_weight is not None:
        logits = logits * class_weight
    return tf.nn.softmax(logits), tf.losses.softmax_cross_entropy(labels, logits)


def embedding_lookup(params, ids, name="embedding_lookup"):
    return tf.nn.embedding_lookup(params, ids, name=name)


def categorical_variable(tensor_in, n_classes, embedding_size, name):
    """Looks ids up in the variable NAME/NAME_embeddings."""
    with tf.variable_scope(name):
        return tf.nn.embedding_lookup(tf.get_variable(name + "_embeddings", [n_classes, embedding_size]),
                                      tensor_in)


def one_hot_matrix(tensor_in, num_classes, on_value=1.0, off_value=0.0):
    return tf.one_hot(tf.cast(tensor_in, tf.int64), num_classes, on_value, off_value)


def split_squeeze(dim, num_split, tensor_in):
    """A list of num_split tensors along an axis, without that axis."""
    return [tf.squeeze(part, [dim]) for part in tf.split(tensor_in, num_split, dim)]


def seq2seq_inputs(x, y, input_length, output_length, sentinel=None, name=None):
    """Lists of inputs, of the decoder's inputs, and of its targets, one tensor for each step."""
    in_x, y = tf.unstack(x, axis=1), tf.unstack(y, axis=1)
    if sentinel is None:
        sentinel = tf.zeros_like(y[0])
    return in_x, [sentinel] + y, y + [sentinel]
