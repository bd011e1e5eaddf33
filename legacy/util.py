"""tf.contrib.util: constants in protocol buffers."""
import tensorflow.compat.v1 as tf

constant_value = tf.get_static_value
make_tensor_proto = tf.make_tensor_proto
make_ndarray = tf.make_ndarray
