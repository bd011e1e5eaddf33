# A tagger: bidirectional LSTM and a conditional random field. Written for TensorFlow 1.6.
import sys
import numpy as np
import tensorflow as tf

n_words, n_tags, dim, hidden = 20, 4, 6, 5
word_ids = tf.placeholder(tf.int32, shape=[None, None], name="word_ids")
sequence_lengths = tf.placeholder(tf.int32, shape=[None], name="sequence_lengths")
labels = tf.placeholder(tf.int32, shape=[None, None], name="labels")

tf.get_variable_scope().set_initializer(tf.random_uniform_initializer(-0.5, 0.5, seed=1))
with tf.variable_scope("words"):
    embeddings = tf.get_variable("_word_embeddings", dtype=tf.float32, shape=[n_words, dim])
    embedded = tf.nn.dropout(tf.nn.embedding_lookup(embeddings, word_ids), keep_prob=1.0)
with tf.variable_scope("bi-lstm"):
    cell_fw, cell_bw = tf.contrib.rnn.LSTMCell(hidden), tf.contrib.rnn.LSTMCell(hidden)
    (output_fw, output_bw), _ = tf.nn.bidirectional_dynamic_rnn(
        cell_fw, cell_bw, embedded, sequence_length=sequence_lengths, dtype=tf.float32)
    output = tf.concat([output_fw, output_bw], axis=-1)
with tf.variable_scope("proj"):
    W = tf.get_variable("W", shape=[2 * hidden, n_tags],
                        initializer=tf.contrib.layers.xavier_initializer(seed=1))
    b = tf.get_variable("b", shape=[n_tags], initializer=tf.zeros_initializer())
    nsteps = tf.shape(output)[1]
    scores = tf.reshape(tf.matmul(tf.reshape(output, [-1, 2 * hidden]), W) + b, [-1, nsteps, n_tags])
log_likelihood, transitions = tf.contrib.crf.crf_log_likelihood(scores, labels, sequence_lengths)
decoded, best = tf.contrib.crf.crf_decode(scores, transitions, sequence_lengths)
loss = tf.reduce_mean(-log_likelihood) + tf.contrib.layers.apply_regularization(
    tf.contrib.layers.l2_regularizer(1e-3), [W])
train_op = tf.train.AdamOptimizer(0.05).minimize(loss)

r = np.random.RandomState(1)
words = r.randint(1, n_words, [6, 7])
tags = (words + np.roll(words, 1, axis=1)) % n_tags
feed = {word_ids: words, labels: tags, sequence_lengths: [7, 7, 5, 4, 6, 1]}
saver = tf.train.Saver()
with tf.Session() as sess:
    if tf.train.latest_checkpoint(sys.argv[1]):
        saver.restore(sess, tf.train.latest_checkpoint(sys.argv[1]))
    else:
        sess.run(tf.global_variables_initializer())
        saver.save(sess, sys.argv[1] + "/model.weights")
    for epoch in range(30):
        _, train_loss = sess.run([train_op, loss], feed)
        if epoch % 6 == 0:
            print("epoch %d loss %.4f" % (epoch, train_loss))
    s, t, d = sess.run([scores, transitions, decoded], feed)
    viterbi, viterbi_score = tf.contrib.crf.viterbi_decode(s[0], t)
    print(viterbi == list(d[0]), "score %.3f" % viterbi_score)
    print(d)
