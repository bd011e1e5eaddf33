"""tf.contrib.metrics: tf.metrics with predictions first and labels second.

Source   TensorFlow 1.15, tf.contrib.metrics
"""
import tensorflow.compat.v1 as tf


def _swapped(metric):
    """tf.metrics.f(labels, predictions, ...) as f(predictions, labels, ...)."""
    def streaming(predictions, labels, *args, **kwargs):
        return metric(labels, predictions, *args, **kwargs)
    return streaming


confusion_matrix = tf.confusion_matrix
set_size = tf.sets.size
set_intersection = tf.sets.intersection
set_difference = tf.sets.difference
set_union = tf.sets.union
streaming_mean = tf.metrics.mean
streaming_mean_tensor = tf.metrics.mean_tensor
streaming_percentage_less = tf.metrics.percentage_below

streaming_accuracy = _swapped(tf.metrics.accuracy)
streaming_auc = _swapped(tf.metrics.auc)
streaming_false_negatives = _swapped(tf.metrics.false_negatives)
streaming_false_positives = _swapped(tf.metrics.false_positives)
streaming_mean_absolute_error = _swapped(tf.metrics.mean_absolute_error)
streaming_mean_cosine_distance = _swapped(tf.metrics.mean_cosine_distance)
streaming_mean_iou = _swapped(tf.metrics.mean_iou)
streaming_mean_relative_error = _swapped(tf.metrics.mean_relative_error)
streaming_mean_squared_error = _swapped(tf.metrics.mean_squared_error)
streaming_precision = _swapped(tf.metrics.precision)
streaming_precision_at_thresholds = _swapped(tf.metrics.precision_at_thresholds)
streaming_recall = _swapped(tf.metrics.recall)
streaming_recall_at_thresholds = _swapped(tf.metrics.recall_at_thresholds)
streaming_root_mean_squared_error = _swapped(tf.metrics.root_mean_squared_error)
streaming_sensitivity_at_specificity = _swapped(tf.metrics.sensitivity_at_specificity)
streaming_sparse_average_precision_at_k = _swapped(tf.metrics.average_precision_at_k)
streaming_sparse_precision_at_k = _swapped(tf.metrics.precision_at_k)
streaming_sparse_recall_at_k = _swapped(tf.metrics.recall_at_k)
streaming_specificity_at_sensitivity = _swapped(tf.metrics.specificity_at_sensitivity)
streaming_true_negatives = _swapped(tf.metrics.true_negatives)
streaming_true_positives = _swapped(tf.metrics.true_positives)


def accuracy(predictions, labels, weights=None, name=None):
    """The fraction of predictions that equal their label; not streaming: of this batch alone."""
    with tf.name_scope(name, "accuracy", [predictions, labels]):
        correct = tf.cast(tf.equal(predictions, labels), tf.float32)
        if weights is None:
            return tf.reduce_mean(correct)
        return tf.reduce_sum(correct * weights) / tf.reduce_sum(weights * tf.ones_like(correct))


def aggregate_metrics(*value_update_tuples):
    values, updates = zip(*value_update_tuples)
    return values, updates


def aggregate_metric_map(names_to_tuples):
    values, updates = zip(*names_to_tuples.values())
    return dict(zip(names_to_tuples, values)), dict(zip(names_to_tuples, updates))
