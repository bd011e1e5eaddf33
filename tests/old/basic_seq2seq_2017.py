# Letters to sorted letters, as the first tutorials of tf.contrib.seq2seq. Written for TensorFlow 1.2.
import sys
import numpy as np
import tensorflow as tf
from tensorflow.python.layers.core import Dense

letters = ["<PAD>", "<UNK>", "<GO>", "<EOS>"] + list("abcdef")
to_int = {c: i for i, c in enumerate(letters)}
rnn_size, num_layers, embedding_size, batch_size = 10, 2, 5, 3


def get_decoder_cell(size):
    return tf.contrib.rnn.LSTMCell(size, initializer=tf.random_uniform_initializer(-0.1, 0.1, seed=2))


tf.get_variable_scope().set_initializer(tf.random_uniform_initializer(-0.5, 0.5, seed=1))
input_data, targets = [tf.placeholder(tf.int32, [None, None]) for _ in range(2)]
source_lengths, target_lengths = [tf.placeholder(tf.int32, (None,)) for _ in range(2)]
embedded = tf.contrib.layers.embed_sequence(input_data, len(letters), embedding_size)
cell = tf.contrib.rnn.MultiRNNCell([get_decoder_cell(rnn_size) for _ in range(num_layers)])
_, state = tf.nn.dynamic_rnn(cell, embedded, sequence_length=source_lengths, dtype=tf.float32)
ending = tf.strided_slice(targets, [0, 0], [batch_size, -1], [1, 1])
decoder_input = tf.concat([tf.fill([batch_size, 1], to_int["<GO>"]), ending], 1)
embeddings = tf.Variable(tf.random_uniform([len(letters), embedding_size], seed=3))
cell = tf.contrib.rnn.MultiRNNCell([get_decoder_cell(rnn_size) for _ in range(num_layers)])
output_layer = Dense(len(letters),
                     kernel_initializer=tf.truncated_normal_initializer(mean=0.0, stddev=0.1, seed=4))
with tf.variable_scope("decode"):
    helper = tf.contrib.seq2seq.TrainingHelper(
        inputs=tf.nn.embedding_lookup(embeddings, decoder_input), sequence_length=target_lengths,
        time_major=False)
    decoder = tf.contrib.seq2seq.BasicDecoder(cell, helper, state, output_layer)
    training, _, _ = tf.contrib.seq2seq.dynamic_decode(decoder, impute_finished=True,
                                                       maximum_iterations=tf.reduce_max(target_lengths))
with tf.variable_scope("decode", reuse=True):
    tokens = tf.tile(tf.constant([to_int["<GO>"]], dtype=tf.int32), [batch_size], name="start_tokens")
    helper = tf.contrib.seq2seq.GreedyEmbeddingHelper(embeddings, tokens, to_int["<EOS>"])
    decoder = tf.contrib.seq2seq.BasicDecoder(cell, helper, state, output_layer)
    predicting, _, _ = tf.contrib.seq2seq.dynamic_decode(decoder, impute_finished=True, maximum_iterations=6)
masks = tf.sequence_mask(target_lengths, tf.reduce_max(target_lengths), dtype=tf.float32, name="masks")
cost = tf.contrib.seq2seq.sequence_loss(training.rnn_output, targets, masks)
optimizer = tf.train.AdamOptimizer(0.02)
capped = [(tf.clip_by_value(g, -5., 5.), v) for g, v in optimizer.compute_gradients(cost) if g is not None]
train_op = optimizer.apply_gradients(capped)

pairs = [("bca", "abc"), ("fd", "df"), ("eadb", "abde")]


def padded(texts, eos):
    rows = [[to_int[c] for c in text] + [to_int["<EOS>"]] * eos for text in texts]
    lengths = [len(row) for row in rows]
    return np.array([row + [0] * (max(lengths) - len(row)) for row in rows]), lengths


x, x_lengths = padded([p[0] for p in pairs], 0)
y, y_lengths = padded([p[1] for p in pairs], 1)
feed = {input_data: x, targets: y, source_lengths: x_lengths, target_lengths: y_lengths}
with tf.Session() as sess:
    saver = tf.train.Saver()
    if tf.train.get_checkpoint_state(sys.argv[1]):
        saver.restore(sess, tf.train.latest_checkpoint(sys.argv[1]))
    else:
        sess.run(tf.global_variables_initializer())
        saver.save(sess, sys.argv[1] + "/trained_model.ckpt")
    for batch_i in range(60):
        _, loss = sess.run([train_op, cost], feed)
        if batch_i % 10 == 0:
            print("Batch {:>2} - Training Loss: {:>6.3f}".format(batch_i, loss))
    for row in sess.run(predicting.sample_id, feed):
        print("".join(letters[i] for i in row))
