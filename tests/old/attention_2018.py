# Translation with attention: teacher forcing, then greedy and beam search. Written for TensorFlow 1.8.
import os
import sys
import numpy as np
import tensorflow as tf
from tensorflow.contrib.seq2seq.python.ops import attention_wrapper
from tensorflow.python.layers.core import Dense

VOCAB, EMBED, UNITS, BATCH, STEPS, GO, EOS, BEAMS = 12, 6, 8, 4, 5, 1, 2, 3
hparams = tf.contrib.training.HParams(learning_rate=0.05,
                                      attention="normed_bahdanau").parse("learning_rate=0.03")

tf.get_variable_scope().set_initializer(tf.random_uniform_initializer(-0.5, 0.5, seed=1))
source = tf.placeholder(tf.int32, [BATCH, STEPS])
target = tf.placeholder(tf.int32, [BATCH, STEPS])
lengths = tf.placeholder(tf.int32, [BATCH])
embedding = tf.get_variable("embedding", [VOCAB, EMBED])
projection = Dense(VOCAB, use_bias=False, name="projection")
fw, bw = tf.contrib.rnn.GRUCell(UNITS // 2), tf.contrib.rnn.GRUCell(UNITS // 2)
memory, state = tf.nn.bidirectional_dynamic_rnn(
    fw, bw, tf.nn.embedding_lookup(embedding, source), sequence_length=lengths, dtype=tf.float32)
memory, state = tf.concat(memory, 2), tf.concat(state, 1)


def decode(helper=None, beams=1, reuse=None):
    with tf.variable_scope("decode", reuse=reuse):
        m, n, s = [tf.contrib.seq2seq.tile_batch(t, beams) if beams > 1 else t for t in
                   (memory, lengths, state)]
        attention = tf.contrib.seq2seq.BahdanauAttention(UNITS, m, memory_sequence_length=n, normalize=True)
        cell = tf.contrib.seq2seq.AttentionWrapper(tf.contrib.rnn.GRUCell(UNITS), attention,
                                                   attention_layer_size=UNITS)
        start = cell.zero_state(BATCH * beams, tf.float32).clone(cell_state=s)
        assert isinstance(start, attention_wrapper.AttentionWrapperState)
        if beams > 1:
            decoder = tf.contrib.seq2seq.BeamSearchDecoder(cell, embedding, tf.fill([BATCH], GO), EOS, start,
                                                           beams, output_layer=projection,
                                                           length_penalty_weight=0.6)
        else:
            decoder = tf.contrib.seq2seq.BasicDecoder(cell, helper, start, output_layer=projection)
        outputs, _, _ = tf.contrib.seq2seq.dynamic_decode(decoder, maximum_iterations=STEPS)
        return outputs


inputs = tf.concat([tf.fill([BATCH, 1], GO), target[:, :-1]], 1)
logits = decode(tf.contrib.seq2seq.TrainingHelper(tf.nn.embedding_lookup(embedding, inputs),
                                                  tf.fill([BATCH], STEPS))).rnn_output
greedy = decode(tf.contrib.seq2seq.GreedyEmbeddingHelper(embedding, tf.fill([BATCH], GO), EOS),
                reuse=True).sample_id
beam = decode(beams=BEAMS, reuse=True).predicted_ids
loss = tf.contrib.seq2seq.sequence_loss(logits, target, tf.sequence_mask(lengths, STEPS, dtype=tf.float32))
train_op = tf.contrib.layers.optimize_loss(loss, tf.train.get_or_create_global_step(), hparams.learning_rate,
                                           "Adam", clip_gradients=1.0)
saver = tf.train.Saver()
with tf.Session() as sess:
    checkpoint = tf.train.latest_checkpoint(sys.argv[1])
    if checkpoint:
        saver.restore(sess, checkpoint)
    else:
        sess.run(tf.global_variables_initializer())
        saver.save(sess, os.path.join(sys.argv[1], "translate.ckpt"), global_step=0)
    words = np.random.RandomState(0).randint(3, VOCAB, [BATCH, STEPS])
    feed = {source: words, target: words[:, ::-1], lengths: [5, 4, 5, 3]}
    for step in range(40):
        current = sess.run(train_op, feed)
        if step % 8 == 0:
            print("step %d, loss %.4f" % (step, current))
    print(sess.run(greedy, feed))
    print(sess.run(beam, feed)[:, :, 0])
