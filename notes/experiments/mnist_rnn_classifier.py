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
    """What another seed comes to, with the settings of the notes."""
    return _ends("lstm_1", _train("lstm", seed=1))


def lstm_seed_2():
    """And a third."""
    return _ends("lstm_2", _train("lstm", seed=2))


def one_epoch():
    """What a cell knows of the test images after it has seen every training image once."""
    return {f"one_epoch_{cell}": _train(cell, iterations=60000 // setting.batch_size)[-1].test_accuracy
            for cell, setting in script.SETTINGS.items()}


def drawn_digits():
    """Digits drawn from fonts, tested on other fonts: 20 epochs."""
    values = {}
    for cell in script.SETTINGS:
        data = script.draw_data(0)
        result = _train(cell, data, iterations=20 * script.steps_per_epoch(data, cell))[-1]
        values.update({f"drawn_{cell}": result.test_accuracy, f"drawn_{cell}_train": result.train_accuracy})
    return values


def timing_rnn():
    """ms per training step of the basic RNN: one file, three ways."""
    values = _timing("rnn")
    return dict(values, rnn_minutes=values["rnn_xla_ms"] * 100 * 400 / 60000)


def timing_lstm():
    """The same of the LSTM."""
    values = _timing("lstm")
    return dict(values, lstm_minutes=values["lstm_xla_ms"] * 8000 / 60000)


def _timing(cell):
    kwargs = {"data": os.environ["MNIST_DIR"], "cell": cell, "iterations": 120}
    return measure.timing_values({f"{cell}_xla": ("mnist_rnn_classifier", False, kwargs),
                                  f"{cell}_plain": ("mnist_rnn_classifier", False, dict(kwargs, xla=False)),
                                  f"{cell}_tf1": ("mnist_rnn_classifier", True, dict(kwargs, xla=False))},
                                 base=f"{cell}_tf1")
