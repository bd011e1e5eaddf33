"""tf.contrib.keras: Keras 2, which is tf.keras here."""
import tensorflow.compat.v1 as tf


def __getattr__(name):
    return getattr(tf.keras, name)
