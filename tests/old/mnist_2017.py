# Rows of digits through the old sequence-to-sequence model, as if they were words. Written for TensorFlow 1.1.
import sys
import tensorflow as tf
from tensorflow.contrib import legacy_seq2seq
from tensorflow.examples.tutorials.mnist import input_data

flags = tf.app.flags
flags.DEFINE_string("train_dir", sys.argv[1], "folder")
flags.DEFINE_integer("steps", 5, "steps")
FLAGS = flags.FLAGS


def main(_):
    mnist = input_data.read_data_sets(FLAGS.train_dir, one_hot=True, validation_size=10)
    encoder = [tf.placeholder(tf.int32, [None], name="encoder%d" % i) for i in range(4)]
    decoder = [tf.placeholder(tf.int32, [None], name="decoder%d" % i) for i in range(3)]
    targets = decoder[1:] + [tf.zeros_like(decoder[0])]
    weights = [tf.ones_like(target, dtype=tf.float32) for target in targets]
    with tf.variable_scope("model", initializer=tf.random_uniform_initializer(-0.5, 0.5, seed=1)):
        outputs, losses = legacy_seq2seq.model_with_buckets(
            encoder, decoder, targets, weights, [(2, 2), (4, 3)],
            lambda x, y: legacy_seq2seq.embedding_attention_seq2seq(
                x, y, tf.contrib.rnn.BasicLSTMCell(6), num_encoder_symbols=12, num_decoder_symbols=12,
                embedding_size=5, num_heads=2, feed_previous=False))
        loss = losses[1]
    train = tf.train.AdagradOptimizer(0.5).minimize(loss)
    saver = tf.train.Saver()
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        if tf.train.latest_checkpoint(FLAGS.train_dir):
            saver.restore(sess, tf.train.latest_checkpoint(FLAGS.train_dir))
        else:
            saver.save(sess, FLAGS.train_dir + "/model.ckpt")
        for step in range(FLAGS.steps):
            images, labels = mnist.train.next_batch(20, shuffle=False)
            words = (images.reshape(-1, 28, 28).sum(axis=2) * 100).astype(int) % 12
            feed = {place: words[:, i] for i, place in enumerate(encoder)}
            feed.update({place: words[:, 10 + i] for i, place in enumerate(decoder)})
            print(step, "%.5f" % sess.run([loss, train], feed)[0], labels.argmax(1).sum(), images.mean().round(5),
                  mnist.train.epochs_completed)


if __name__ == "__main__":
    tf.app.run()
