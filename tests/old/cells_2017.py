# An encoder and a decoder that predict the rest of a wave, of one list of cells. Written for TensorFlow 1.2.
import sys
import numpy as np
import tensorflow as tf
from tensorflow.contrib import rnn

n_units, n_steps = 4, 6

enc_inputs = tf.placeholder(tf.float32, [None, n_steps, n_units])
dec_inputs = tf.placeholder(tf.float32, [None, n_steps, n_units])
targets = tf.placeholder(tf.float32, [None, n_steps, 1])

with tf.variable_scope("seq2seq", initializer=tf.random_uniform_initializer(-0.5, 0.5, seed=1)):
    cell = rnn.DropoutWrapper(rnn.GRUCell(n_units), output_keep_prob=1.0)
    cell = rnn.MultiRNNCell([cell] * 3)
    with tf.variable_scope("encoder"):
        _, enc_states = tf.nn.dynamic_rnn(cell, enc_inputs, dtype=tf.float32)
    with tf.variable_scope("decoder"):
        outputs, dec_states = tf.nn.dynamic_rnn(cell, dec_inputs, initial_state=enc_states)
    model = tf.layers.dense(outputs, 1, activation=None)
cost = tf.losses.mean_squared_error(targets, model)
optimizer = tf.train.GradientDescentOptimizer(0.1).minimize(cost)

wave = np.sin(np.arange(100) * 0.3)
saver = tf.train.Saver()
with tf.Session() as sess:
    sess.run(tf.global_variables_initializer())
    if tf.train.latest_checkpoint(sys.argv[1]):
        saver.restore(sess, tf.train.latest_checkpoint(sys.argv[1]))
    else:
        saver.save(sess, sys.argv[1] + "/model.ckpt")
    for v in tf.trainable_variables():
        print(v.op.name, v.shape.as_list())
    for epoch in range(5):
        start = np.arange(epoch, epoch + 3)[:, None] + np.arange(2 * n_steps)
        batch = np.stack([wave[start + k] for k in range(n_units)], axis=2)
        _, loss, states = sess.run([optimizer, cost, dec_states], feed_dict={
            enc_inputs: batch[:, :n_steps], dec_inputs: batch[:, n_steps:], targets: batch[:, n_steps:, :1]})
        print("Epoch: %04d cost = %.5f state = %.5f" % (epoch + 1, loss, states[2].sum()))
