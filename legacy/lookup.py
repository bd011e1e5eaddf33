"""tf.contrib.lookup: tables of words and their numbers.

Source   TensorFlow 1.15, tf.contrib.lookup; the tables themselves are those of tf.lookup
"""
import tensorflow.compat.v1 as tf
from tensorflow.python.ops import lookup_ops

HashTable = tf.lookup.StaticHashTable
MutableHashTable = lookup_ops.MutableHashTable
KeyValueTensorInitializer = tf.lookup.KeyValueTensorInitializer
TextFileInitializer = tf.lookup.TextFileInitializer
TextFileIndex = tf.lookup.TextFileIndex
IdTableWithHashBuckets = lookup_ops.IdTableWithHashBuckets
FastHashSpec = lookup_ops.FastHashSpec
StrongHashSpec = lookup_ops.StrongHashSpec
index_table_from_file = lookup_ops.index_table_from_file
index_to_string_table_from_file = lookup_ops.index_to_string_table_from_file
string_to_index_table_from_file = lookup_ops.index_table_from_file


def index_table_from_tensor(mapping, num_oov_buckets=0, default_value=-1, hasher_spec=FastHashSpec,
                            dtype=tf.string, name=None):
    return lookup_ops.index_table_from_tensor(mapping, num_oov_buckets, default_value, hasher_spec, dtype,
                                              name)


def string_to_index_table_from_tensor(mapping, num_oov_buckets=0, default_value=-1, hasher_spec=FastHashSpec,
                                      name=None):
    return lookup_ops.index_table_from_tensor(mapping, num_oov_buckets, default_value, hasher_spec, name=name)


def index_to_string_table_from_tensor(mapping, default_value="UNK", name=None):
    return lookup_ops.index_to_string_table_from_tensor(mapping, default_value, name)


def string_to_index(tensor, mapping, default_value=-1, name=None):
    return index_table_from_tensor(mapping, default_value=default_value).lookup(tensor, name)


def index_to_string(tensor, mapping, default_value="UNK", name=None):
    return index_to_string_table_from_tensor(mapping, default_value).lookup(tensor, name)
