"""What notes/bidirectional_lstm.md quotes beyond the script's own output."""
import measure
import numpy as np

import bidirectional_lstm as script


def over_seeds():
    """The default run with eight seeds."""
    keys = ["forward_only", "bidirectional", *(f"accuracy_{n}" for n in range(len(script.CLASSIFIERS)))]
    return measure.seeds("bidirectional_lstm", [], keys)


def how_far_ahead():
    """The last losses of both networks, by how far ahead the target lies."""
    values = {}
    for ahead in (-3, 0, 1, 3, 6, 10):
        losses = script.train(ahead=ahead)[0]
        name = f"ahead_{ahead}".replace("-", "minus_")
        _, forward, both = np.mean(losses[-script.N_LAST:], axis=0).tolist()
        values.update({f"{name}_forward": forward, f"{name}_both": both})
    return values


def _accuracies(biases, seed, iterations):
    """Trains classifiers, each (index in summaries(), forget bias); returns their last accuracies."""
    kept = script.CLASSIFIERS
    script.CLASSIFIERS = {f"{reading}, {bias}": (reading, bias) for reading, bias in biases}
    try:
        return np.mean(script.train(iterations, seed)[1][-script.N_LAST:], axis=0).tolist()
    finally:
        script.CLASSIFIERS = kept


def forget_bias():
    """Accuracies of classifiers that read outputs[:, -1], by forget bias; 400 iterations, four seeds.

    And the share f^39 of the first input that is left at the end when all gates stand at sigmoid(bias).
    """
    biases, values = [0, 1, 2, 3, 5], {}
    runs = [_accuracies([(1, bias) for bias in biases], seed, script.ITERATIONS) for seed in range(4)]
    for bias, numbers in zip(biases, zip(*runs)):
        gate = 1 / (1 + np.exp(-bias))
        values.update({f"bias_{bias}_gate": float(gate), f"bias_{bias}_left": float(gate ** 39),
                       f"bias_{bias}_low": min(numbers), f"bias_{bias}_high": max(numbers)})
    return values


def late():
    """Accuracies after 2,000 iterations: outputs[:, -1] with forget bias 1 and 3, and the final states."""
    names = ["late_outputs", "late_outputs_3", "late_states"]
    return dict(zip(names, _accuracies([(1, 1), (1, 3), (2, 1)], 0, 2000)))


def reach():
    """Mean |gradient| of outputs[:, -1] by the first input, untrained; forget bias 1 and 3, eight seeds."""
    tf, found = script.tf, {1: [], 3: []}
    for seed in range(8):
        with tf.Graph().as_default(), tf.Session() as sess:
            tf.set_random_seed(seed)
            x, gradients = tf.constant(script.make_batch(0, seed)[0], tf.float32), []
            for bias in found:
                with tf.variable_scope(f"bias_{bias}"):
                    read = script.summaries(*script.add_bidirectional(x, bias))
                gradients += tf.gradients(read[1], x)
            sess.run(tf.global_variables_initializer())
            for bias, gradient in zip(found, sess.run(gradients)):
                found[bias].append(float(np.abs(gradient[:, 0]).mean()))
    return {f"reach_{bias}_{name}": pick(values) for bias, values in found.items()
            for name, pick in (("low", min), ("high", max))}
