"""Words as vectors: the encoders of tf.contrib.layers.

Source   TensorFlow 1.15, tf.contrib.layers.embed_sequence and bow_encoder
"""
import tensorflow.compat.v1 as tf

from .framework import model_variable


def embed_sequence(ids, vocab_size=None, embed_dim=None, unique=False, initializer=None, regularizer=None,
                   trainable=True, scope=None, reuse=None):
    """Looks ids (batch, time) up in the variable EmbedSequence/embeddings; (batch, time, embed_dim)."""
    if not (reuse or (vocab_size and embed_dim)):
        raise ValueError(f"Without reuse, vocab_size and embed_dim are needed, saw {vocab_size}, {embed_dim}")
    with tf.variable_scope(scope, "EmbedSequence", [ids], reuse=reuse):
        shape = [vocab_size, embed_dim] if vocab_size and embed_dim else None
        embeddings = model_variable("embeddings", shape, initializer=initializer, regularizer=regularizer,
                                    trainable=trainable)
        return tf.nn.embedding_lookup(embeddings, ids)


def bow_encoder(ids, vocab_size, embed_dim, sparse_lookup=True, initializer=None, regularizer=None,
                trainable=True, scope=None, reuse=None):
    """The mean of the embeddings of ids (batch, time); 0 is no word where sparse_lookup is True."""
    with tf.variable_scope(scope, "bow_encoder", [ids], reuse=reuse):
        embeddings = model_variable("embeddings", [vocab_size, embed_dim], initializer=initializer,
                                    regularizer=regularizer, trainable=trainable)
        if not sparse_lookup:
            return tf.reduce_mean(tf.nn.embedding_lookup(embeddings, ids), axis=1)
        sparse = ids if isinstance(ids, tf.SparseTensor) else tf.sparse.from_dense(ids)
        return tf.nn.safe_embedding_lookup_sparse([embeddings], sparse, combiner="mean", default_id=0)
