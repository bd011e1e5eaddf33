"""What notes/bptt_rnn.md quotes beyond the script's own output."""
import measure

SEEDS = """
import json, sys
import numpy as np
import bptt_rnn as script
seeds = range(6)
ends = np.array([script.train(seed=seed)[-50:].mean(axis=0) for seed in seeds])  # (seed, lag * cell)
left = np.median([script.gradients(seed)[1][:, script.LAGS] for seed in seeds], axis=0)  # (cell, lag)
learned = (ends < 0.03).sum(axis=0).reshape(len(script.LAGS), -1).T  # (cell, lag)
values = {}
for (kind, setting), k, n in zip(script.CELLS, left, learned):
    for lag, *both in zip(script.LAGS, k, n):
        name = f"{kind}_{setting}_{lag}".replace(".", "")
        values["left_" + name], values["learned_" + name] = map(float, both)
print(json.dumps(values))
"""

TRUNCATED = """
import json, sys
import numpy as np
import bptt_rnn as script
from bptt_rnn import tf
lag, first, last = 10, 20, 80  # the steps before first only fill the state, those from first on have a cost
styles = [(k1, k2) for k2 in (5, 10, 12, 20) for k1 in (k2, 1)]


def make_batch(i, seed, n_steps):
    x = np.random.RandomState([seed, i]).choice([-1.0, 1.0], [script.BATCH_SIZE, last])
    return np.stack([x, np.roll(x, lag, axis=1)], axis=2)  # random signs, and the signs of lag steps before


def training_step(x):
    x, y, costs = x[:, :, :1], x[:, :, 1:], []
    for k1, k2 in styles:
        with tf.variable_scope(f"every_{k1}_through_{k2}", reuse=tf.AUTO_REUSE):
            cell = tf.nn.rnn_cell.BasicRNNCell(script.N_UNITS)
            states, _ = tf.nn.dynamic_rnn(cell, x, dtype=tf.float32)  # an RNN's state is its output
            ends = range(first + k1, last + 1, k1)  # every k1 steps ends a window of k2 steps
            windows = tf.concat([x[:, end - k2:end] for end in ends], axis=0)
            state = tf.stop_gradient(tf.concat([states[:, end - k2 - 1] for end in ends], axis=0))
            outputs, _ = tf.nn.dynamic_rnn(cell, windows, initial_state=state)
            outputs = tf.reshape(outputs[:, -k1:], [-1, script.N_UNITS])  # each output is in one cost only
            target = tf.concat([y[:, end - k1:end] for end in ends], axis=0)
            prediction = tf.matmul(outputs, tf.get_variable("out", [script.N_UNITS, 1]))
            costs.append(tf.reduce_mean(tf.square(prediction - tf.reshape(target, [-1, 1]))))
    update = tf.train.AdamOptimizer(script.LEARNING_RATE).minimize(tf.add_n(costs))
    with tf.control_dependencies([update]):
        return [tf.identity(costs)]


script.make_batch, script.training_step, script.LAGS = make_batch, training_step, (last - 1,)
costs = np.array([script.train(seed=seed) for seed in range(4)])  # (seed, iteration, style)
values = {}
for (k1, k2), cost in zip(styles, np.moveaxis(costs, 2, 0)):
    values[f"early_{k1}_{k2}"] = float(np.median(cost[:, 90:100].mean(axis=1)))
    values[f"late_{k1}_{k2}"] = float(np.median(cost[:, -50:].mean(axis=1)))
print(json.dumps(values))
"""


def seeds():
    """What is left of a gradient, the median of six seeds, and how many of them learn at each lag."""
    return measure.python(SEEDS)


def truncated():
    """An RNN repeats its input of 10 steps before: costs early and late, medians of four seeds."""
    return measure.python(TRUNCATED)
