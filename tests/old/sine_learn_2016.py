# The sine wave with tf.contrib.learn, fitted to arrays. Written for TensorFlow 0.12 to 1.1.
import sys
import numpy as np
import tensorflow as tf
from tensorflow.contrib import learn
from tensorflow.contrib.learn.python.learn.estimators import model_fn as model_fn_lib

TIMESTEPS, HIDDEN_SIZE = 6, 5


def linear_weights(shape, dtype=tf.float32, partition_info=None):
    size = int(np.prod(shape))
    return tf.reshape(tf.sin(tf.range(size, dtype=dtype)), shape)


def lstm_model(features, labels, mode, params):
    with tf.variable_scope("rnn", initializer=linear_weights):
        cell = tf.contrib.rnn.BasicLSTMCell(HIDDEN_SIZE)
        outputs, _ = tf.contrib.rnn.static_rnn(cell, tf.unstack(features, axis=1), dtype=tf.float32)
    predictions = tf.contrib.layers.fully_connected(outputs[-1], 1, None, weights_initializer=linear_weights)
    predictions = tf.reshape(predictions, [-1])
    loss = tf.contrib.losses.mean_squared_error(predictions, tf.reshape(labels, [-1]))
    train_op = tf.contrib.layers.optimize_loss(loss, tf.contrib.framework.get_global_step(),
                                               optimizer="Adagrad", learning_rate=params["learning_rate"])
    return model_fn_lib.ModelFnOps(mode, {"next": predictions}, loss, train_op)


wave = np.sin(np.arange(90) * 0.2).astype(np.float32)
X = np.array([wave[i:i + TIMESTEPS, None] for i in range(80)])
y = np.array([wave[i + TIMESTEPS] for i in range(80)])
regressor = learn.Estimator(model_fn=lstm_model, model_dir=sys.argv[1], params={"learning_rate": 0.1})
regressor.fit(X, y, batch_size=16, max_steps=40)
score = regressor.evaluate(X, y, metrics={"rmse": learn.MetricSpec(
    tf.contrib.metrics.streaming_root_mean_squared_error, prediction_key="next")})
print("rmse %.4f, loss %.4f" % (score["rmse"], score["loss"]))
predicted = np.array([p["next"] for p in regressor.predict(X[:4])])
print(" ".join("%.4f" % p for p in predicted))

words = learn.preprocessing.VocabularyProcessor(5, min_frequency=1)
texts = ["a bird in the hand", "two birds in the bush", "the hand, the bush"]
print(np.array(list(words.fit_transform(texts))))
print(len(words.vocabulary_), list(words.reverse([[3, 1, 0]])))
