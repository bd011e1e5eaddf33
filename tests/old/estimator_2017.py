# A recurrent classifier as an Estimator, fed by numpy_input_fn. Written for TensorFlow 1.4.
import sys
import numpy as np
import tensorflow as tf

N_STEPS, N_INPUTS, N_UNITS, N_CLASSES = 7, 3, 6, 2
tf.logging.set_verbosity(tf.logging.WARN)


def initializer(shape, dtype=tf.float32, partition_info=None):
    return tf.reshape(tf.lin_space(-0.5, 0.5, int(np.prod(shape))), shape)


def model_fn(features, labels, mode, params):
    cells = [tf.nn.rnn_cell.GRUCell(params["units"], kernel_initializer=initializer) for _ in range(2)]
    lengths = features["lengths"]
    outputs, states = tf.nn.dynamic_rnn(tf.nn.rnn_cell.MultiRNNCell(cells), features["x"], lengths,
                                        dtype=tf.float32)
    logits = tf.layers.dense(states[-1], N_CLASSES, kernel_initializer=initializer)
    classes = tf.argmax(logits, axis=1)
    if mode == tf.estimator.ModeKeys.PREDICT:
        return tf.estimator.EstimatorSpec(mode, predictions={"class": classes, "p": tf.nn.softmax(logits)})
    loss = tf.losses.sparse_softmax_cross_entropy(labels=labels, logits=logits)
    if mode == tf.estimator.ModeKeys.EVAL:
        return tf.estimator.EstimatorSpec(mode, loss=loss, eval_metric_ops={
            "accuracy": tf.metrics.accuracy(labels=labels, predictions=classes)})
    train_op = tf.train.AdamOptimizer(params["rate"]).minimize(loss, global_step=tf.train.get_global_step())
    return tf.estimator.EstimatorSpec(mode, loss=loss, train_op=train_op)


r = np.random.RandomState(3)
x = r.randn(40, N_STEPS, N_INPUTS).astype(np.float32)
data = {"x": x, "lengths": r.randint(3, N_STEPS + 1, 40).astype(np.int32)}
y = (x[:, 0, 0] > 0).astype(np.int32)
classifier = tf.estimator.Estimator(model_fn, model_dir=sys.argv[1], params={"units": N_UNITS, "rate": 0.02},
                                    config=tf.estimator.RunConfig(tf_random_seed=5,
                                                                  save_checkpoints_steps=20))
train_input = tf.estimator.inputs.numpy_input_fn(data, y, batch_size=8, num_epochs=None, shuffle=False)
eval_input = tf.estimator.inputs.numpy_input_fn(data, y, batch_size=16, num_epochs=1, shuffle=False)
for max_steps in (30, 60):
    classifier.train(train_input, max_steps=max_steps)
scores = classifier.evaluate(eval_input)
print("step %(global_step)d: loss %(loss).4f, accuracy %(accuracy).3f" % scores)
first = {k: v[:5] for k, v in data.items()}
test_input = tf.estimator.inputs.numpy_input_fn(first, num_epochs=1, shuffle=False)
for prediction in classifier.predict(test_input):
    print(prediction["class"], np.round(prediction["p"], 4))
print(sorted(classifier.get_variable_names())[:4])
