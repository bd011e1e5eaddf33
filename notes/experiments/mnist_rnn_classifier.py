"""What the page of mnist_rnn_classifier.py says beyond its commands. MNIST_DIR: the folder of the four IDX files."""
import os

import measure

import mnist_rnn_classifier as script


def _train(cell, data=None, **kwargs):
    """Returns the results at the end of each epoch."""
    results = []
    script.train(data or os.environ["MNIST_DIR"], cell,
                 on_step=lambda i, loss, result: results.append(result) if result else None, **kwargs)
    return results


def _ends(name, results):
    test = [result.test_accuracy for result in results]
    half = sorted(test[len(test) // 2:])  # how steady it is once it has learnt
    return {name: test[-1], f"{name}_best": max(test), f"{name}_worst": half[0], f"{name}_median": half[len(half) // 2]}


def lstm_seed_1():
    return _ends("lstm_1", _train("lstm", seed=1))


def lstm_seed_2():
    return _ends("lstm_2", _train("lstm", seed=2))


def rnn_seed_1():
    return _ends("rnn_1", _train("rnn", seed=1))


def drawn_digits():
    """Digits from fonts, tested on other fonts; and how long it takes to draw them is not told, it is a second."""
    data = script.draw_data(0)
    rnn = _train("rnn", data, iterations=20 * script.steps_per_epoch(data, "rnn"))
    lstm = _train("lstm", data, iterations=20 * script.steps_per_epoch(data, "lstm"))
    return {"drawn_rnn": rnn[-1].test_accuracy, "drawn_lstm": lstm[-1].test_accuracy,
            "drawn_rnn_train": rnn[-1].train_accuracy, "drawn_lstm_train": lstm[-1].train_accuracy}


def timing_rnn():
    """ms per iteration of the basic RNN: compiled, plain, and plain on TF 1.15, in turn."""
    return _timing("rnn", 120)


def timing_lstm():
    return _timing("lstm", 120)


def _timing(cell, iterations):
    kwargs = {"data": os.environ["MNIST_DIR"], "cell": cell, "iterations": iterations}
    ms = measure.milliseconds({"xla": ("mnist_rnn_classifier", False, kwargs),
                               "plain": ("mnist_rnn_classifier", False, dict(kwargs, xla=False)),
                               "tf1": ("mnist_rnn_classifier", True, dict(kwargs, xla=False))}, rounds=3)
    values = {f"{cell}_{name}_{key}": value for name, row in ms.items() for key, value in row.items()}
    return dict(values, **{f"{cell}_times": ms["tf1"]["median"] / ms["xla"]["median"]})
