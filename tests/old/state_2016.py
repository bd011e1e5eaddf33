# A language model on a loop of numbers, with the state of one batch carried to the next. Written for TensorFlow 0.9.
import sys
import numpy as np
import tensorflow as tf

batch_size, num_steps, size, vocab_size = 2, 4, 5, 7


class Model(object):
    def __init__(self, is_training):
        self.inputs = tf.placeholder(tf.int32, [batch_size, num_steps])
        self.targets = tf.placeholder(tf.int32, [batch_size, num_steps])
        cell = tf.nn.rnn_cell.BasicLSTMCell(size, forget_bias=0.0)
        if is_training:
            cell = tf.nn.rnn_cell.DropoutWrapper(cell, output_keep_prob=1.0)
        cell = tf.nn.rnn_cell.MultiRNNCell([cell] * 2)
        self.initial_state = cell.zero_state(batch_size, tf.float32)
        embedding = tf.get_variable("embedding", [vocab_size, 3])
        inputs = tf.nn.embedding_lookup(embedding, self.inputs)
        inputs = [tf.squeeze(i, [1]) for i in tf.split(1, num_steps, inputs)]
        outputs, self.final_state = tf.nn.rnn(cell, inputs, initial_state=self.initial_state)
        output = tf.reshape(tf.concat(1, outputs), [-1, size])
        logits = tf.nn.xw_plus_b(output, tf.get_variable("w", [size, vocab_size]), tf.get_variable("b", [vocab_size]))
        loss = tf.nn.seq2seq.sequence_loss_by_example(
            [logits], [tf.reshape(self.targets, [-1])], [tf.ones([batch_size * num_steps])])
        self.cost = tf.reduce_sum(loss) / batch_size
        if is_training:
            tvars = tf.trainable_variables()
            grads, _ = tf.clip_by_global_norm(tf.gradients(self.cost, tvars), 5)
            self.train_op = tf.train.GradientDescentOptimizer(0.5).apply_gradients(zip(grads, tvars))


with tf.Graph().as_default(), tf.Session() as session:
    initializer = tf.random_uniform_initializer(-0.5, 0.5, seed=1)
    with tf.variable_scope("model", reuse=None, initializer=initializer):
        m = Model(is_training=True)
    with tf.variable_scope("model", reuse=True, initializer=initializer):
        mtest = Model(is_training=False)
    session.run(tf.initialize_all_variables())
    saver = tf.train.Saver(tf.all_variables())
    if tf.train.latest_checkpoint(sys.argv[1]):
        saver.restore(session, tf.train.latest_checkpoint(sys.argv[1]))
    else:
        saver.save(session, sys.argv[1] + "/model.ckpt")
    data = np.arange(100) % vocab_size
    state = m.initial_state.eval()
    for i in range(5):
        x = data[i * 8:i * 8 + 8].reshape(2, 4)
        cost, state, _ = session.run([m.cost, m.final_state, m.train_op],
                                     {m.inputs: x, m.targets: (x + 1) % vocab_size, m.initial_state: state})
        print("%d %.4f %s" % (i, cost, state.shape))
    print("%.4f" % session.run(mtest.cost, {mtest.inputs: x, mtest.targets: x, mtest.initial_state: state}))
