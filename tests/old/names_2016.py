# MNIST-like rows, classified by an LSTM. Written for TensorFlow 0.12.
import sys
import numpy as np
import tensorflow as tf

n_steps, n_input, n_hidden, n_classes = 5, 4, 6, 3

x = tf.placeholder("float", [None, n_steps, n_input])
y = tf.placeholder("float", [None, n_classes])

tf.get_variable_scope().set_initializer(tf.random_uniform_initializer(-0.5, 0.5, seed=1))
weights = tf.get_variable("weights", [2 * n_hidden, n_classes])
biases = tf.get_variable("biases", [n_classes])

rows = tf.transpose(x, [1, 0, 2])
rows = tf.reshape(rows, [-1, n_input])
rows = tf.split(0, n_steps, rows)
cell = tf.nn.rnn_cell.LSTMCell(n_hidden, n_input, forget_bias=0.5)
outputs, state = tf.nn.rnn(cell, rows, dtype=tf.float32)
last = tf.concat(1, [outputs[-1], tf.mul(outputs[0], 0.5)])
pred = tf.matmul(last, weights) + biases
cost = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(pred, y))
both = tf.pack([cost, tf.reduce_mean(tf.sub(pred, 1.0))])
train_op = tf.train.AdamOptimizer(0.05).minimize(cost)
tf.scalar_summary("cost", cost)
merged = tf.merge_all_summaries()

rng = np.random.RandomState(0)
batch_x = rng.rand(8, n_steps, n_input)
batch_y = np.eye(n_classes)[rng.randint(n_classes, size=8)]
saver = tf.train.Saver()
with tf.Session() as sess:
    sess.run(tf.initialize_all_variables())
    if tf.train.latest_checkpoint(sys.argv[1]):
        saver.restore(sess, tf.train.latest_checkpoint(sys.argv[1]))
    else:
        saver.save(sess, sys.argv[1] + "/model.ckpt")
    writer = tf.train.SummaryWriter(sys.argv[1] + "/logs", sess.graph)
    for step in range(5):
        summary, values, _ = sess.run([merged, both, train_op], feed_dict={x: batch_x, y: batch_y})
        writer.add_summary(summary, step)
        print("%d %.5f %.5f" % (step, values[0], values[1]))
