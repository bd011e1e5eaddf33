# A time series with cells and wrappers of tf.contrib.rnn. Written for TensorFlow 1.8.
import os
import sys
import numpy as np
import tensorflow as tf

n_steps, n_inputs, n_outputs = 8, 2, 1
checkpoint_path = os.path.join(sys.argv[1], "model")

tf.reset_default_graph()
X = tf.placeholder(tf.float32, [None, n_steps, n_inputs])
y = tf.placeholder(tf.float32, [None, n_steps, n_outputs])

with tf.variable_scope("rnns", initializer=tf.random_uniform_initializer(-0.5, 0.5, seed=1)):
    cells_fw = [tf.contrib.rnn.LayerNormBasicLSTMCell(6), tf.contrib.rnn.NASCell(5)]
    cells_bw = [tf.contrib.rnn.UGRNNCell(6), tf.contrib.rnn.LSTMBlockCell(5)]
    outputs, _, _ = tf.contrib.rnn.stack_bidirectional_dynamic_rnn(
        cells_fw, cells_bw, X, dtype=tf.float32, sequence_length=tf.constant([8, 6, 7]))
    cell = tf.contrib.rnn.OutputProjectionWrapper(
        tf.contrib.rnn.AttentionCellWrapper(
            tf.nn.rnn_cell.ResidualWrapper(tf.contrib.rnn.InputProjectionWrapper(
                tf.nn.rnn_cell.BasicRNNCell(num_units=10, activation=tf.nn.elu), 10)), attn_length=3),
        output_size=n_outputs)
    predictions, states = tf.nn.dynamic_rnn(cell, outputs, dtype=tf.float32)

loss = tf.reduce_mean(tf.square(predictions - y))
training_op = tf.train.AdamOptimizer(learning_rate=0.01).minimize(loss)
init = tf.global_variables_initializer()
saver = tf.train.Saver()

t = np.linspace(0, 5, 3 * (n_steps + 1)).reshape(3, n_steps + 1, 1)
wave = t * np.sin(t) / 3 + 2 * np.sin(t * 5)
X_batch = np.concatenate([wave[:, :-1], t[:, :-1]], axis=2)
with tf.Session() as sess:
    if os.path.isfile(checkpoint_path + ".index"):
        saver.restore(sess, checkpoint_path)
    else:
        init.run()
        saver.save(sess, checkpoint_path)
    for iteration in range(5):
        mse, _ = sess.run([loss, training_op], feed_dict={X: X_batch, y: wave[:, 1:]})
        print(iteration, "\tMSE: %.5f" % mse)
