"""Numbers of notes/mnist_rnn_classifier.md that its commands do not print; mnist: the folder of the four files."""

import measure

import mnist_rnn_classifier as script

SEEDS = range(4)


def _runs(name, *flags):
    """Returns the accuracies of several seeds: at the end, and lowest and highest in the second half."""
    runs = [script.main(["--data", "mnist", "--no-plot", "--seed", str(seed), *flags]) for seed in SEEDS]
    late = [[result.test_accuracy for result in run["results"][len(run["results"]) // 2:]] for run in runs]
    return {**measure.span(name, [run["test_accuracy"] for run in runs]),
            f"{name}_worst": min(map(min, late), default=0), f"{name}_best": max(map(max, late), default=0)}


def basic_rnn():
    """The default run with 4 seeds."""
    return _runs("rnn")


def lstm():
    """The run with --cell lstm and 4 seeds."""
    return _runs("lstm", "--cell", "lstm")


def one_epoch():
    """After every training image was seen once."""
    return {**_runs("rnn_epoch", "--iterations", "400"), **_runs("lstm_epoch", "--cell", "lstm", "--iterations", "600")}


def drawn_digits():
    """The LSTM on drawn digits: 600 iterations, 10 epochs."""
    data = script.Data("drawn digits", *script.draw_digits(6000, 0), *script.draw_digits(1000, 0))
    return measure.span("drawn", [script.train(data, "lstm", 600, seed).test_accuracy for seed in SEEDS])


def softmax_twice():
    """Two epochs of the LSTM, with the right loss and with the loss of a network that ends in a softmax."""
    data, right = script.load_data("mnist"), script.compute_loss
    values = measure.span("once", [script.train(data, "lstm", 1200, seed).test_accuracy for seed in SEEDS])
    script.compute_loss = lambda logits, y: right(script.tf.nn.softmax(logits), y)
    try:
        twice = [script.train(data, "lstm", 1200, seed).test_accuracy for seed in SEEDS]
        return {**values, **measure.span("twice", twice)}
    finally:
        script.compute_loss = right
