"""tf.contrib.signal: it became tf.signal."""
import tensorflow.compat.v1 as tf


def __getattr__(name):
    return getattr(tf.signal, name)
