"""What a frame of a live picture costs: python benchmarks/drawing.py SCRIPT

Runs the script's main() with a training that only reports, so that what is drawn grows as it does in a real one, and
says on stdout, as JSON, the ms to update and draw the figure as of iteration 100 and as of iteration 10,000.
"""
import contextlib
import importlib
import json
import os
import pathlib
import statistics
import sys
import time

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

FRAMES = 100, 10000  # iterations
REPEATS = 10
RANDOM = np.random.RandomState(0)


class Enough(Exception):
    """Leaves main()."""


def points(*shape):
    """Numbers from 0 to 1."""
    return RANDOM.rand(*shape)


def digits(script, i):
    """At the end of an epoch of 400 steps, what mnist_rnn_classifier finds."""
    result = script.Result((i + 1) / 400, 0.9 * points(), 0.9 * points(), RANDOM.randint(0, 10, 1000))
    return 1.0, result if (i + 1) % 400 == 0 else None


def lengths(script, i):
    """What variable_length's test() finds."""
    return [{"length": n, "steps": n + 1, "read": ["1"], "written": [str(RANDOM.randint(2))], "wanted": ["1"]}
            for n in range(1, script.N_STEPS + 1)]


REPORTS = {  # script -> what its training reports to on_step after step i, but for i itself
    "bidirectional_lstm": lambda script, i: (points(3) + 0.01, points(1, len_ahead(script), 1),
                                             points(2, 1, len_ahead(script), 1)),
    "char_rnn": lambda script, i: (5 * points(), (i, 5 * points(), 5 * points()) if i % 100 == 0 else None),
    "creative_rnn": lambda script, i: (points() + 0.01,),
    "deep_rnn": lambda script, i: (points() + 0.01, lambda: points(100)),
    "lstm_peephole_gru": lambda script, i: (points() + 0.01, points(100)),
    "mnist_rnn_classifier": digits,
    "multi_gpu_rnn": lambda script, i: (points() + 0.01,),
    "predict_sin_lstm": lambda script, i: (points(), lambda: points(
        len(script.make_data(script.N_STEPS, script.POINTS, script.GAP)[3]), 1)),
    "sin_to_cos_lstm": lambda script, i: (1.0, script.make_batch(i)[2], script.make_batch(i)[1], points(50, 20, 1)),
    "time_series_rnn": lambda script, i: (points() + 0.01, lambda: points(100)),
    "variable_length": lambda script, i: (points() + 0.01, lambda count: lengths(script, i)),
}
DRAWN = sorted(REPORTS)


def len_ahead(script):
    """The steps of bidirectional_lstm that have a target."""
    return script.N_STEPS - abs(script.AHEAD)


def noise(script):
    """A thousand images for mnist_rnn_classifier, whose digits nobody looks at."""
    images = RANDOM.randint(0, 256, (1000, 28, 28)).astype(np.uint8)
    labels = RANDOM.randint(0, 10, 1000)
    return script.Data("noise", images, labels, images, labels)


def milliseconds(canvas, update):
    """Returns the median ms of a frame."""
    ms = []
    for _ in range(REPEATS):
        began = time.perf_counter()
        update()
        canvas.draw()
        ms.append(1000 * (time.perf_counter() - began))
    return statistics.median(ms)


def measure(name):
    """Returns iteration -> ms of the first frame that the script draws then or later."""
    script, at, found, left = importlib.import_module(name), [-1], {}, list(FRAMES)

    def live(args, plot, data, seconds=0.05, **options):
        figure = script.plt.Figure(**options)
        canvas, update = FigureCanvasAgg(figure), plot(figure, data)

        def draw(end=False):
            if at[0] >= left[0]:
                found[left.pop(0)] = milliseconds(canvas, update)

        return draw

    def train(*args, **kwargs):
        functions = {arg.__name__: arg for arg in [*args, *kwargs.values()] if callable(arg)}
        if "on_value" in functions:  # creative_rnn generates 300 values, however long it trained
            functions["on_value"](points(2, script.N_STEPS + script.N_GENERATED))
        while left:
            at[0] += 1
            functions["on_step"](at[0], *REPORTS[name](script, at[0]))
        raise Enough

    script.live, script.train, script.tqdm.write = live, train, lambda *args, **kwargs: None
    if name == "mnist_rnn_classifier":
        script.load_data = lambda *args: noise(script)
    with open(os.devnull, "w") as nothing, contextlib.redirect_stdout(nothing), contextlib.suppress(Enough):
        script.main([])
    return found


if __name__ == "__main__":
    print(json.dumps(measure(sys.argv[1])))
