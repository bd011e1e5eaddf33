"""What notes/creative_rnn.md quotes beyond the output of its commands."""
import measure
import numpy as np

import creative_rnn as script


def seeds():
    """Both kinds of training, four seeds of the random numbers: how far the generated values reach, and how wrong."""
    rows = []
    for inputs in ("values", "times"):
        truth = script.series(script.make_times(inputs, 320))[0, :, 0]
        for seed in range(4):
            zeros, example = script.train(seed=seed, inputs=inputs)[1]
            error = (example - truth)[20:] ** 2
            rows.append([inputs, seed, f"{zeros[20:].min():.3g} to {zeros[20:].max():.3g}",
                         f"{example[20:].min():.3g} to {example[20:].max():.3g}",
                         *(f"{np.mean(error[:n]):.2g}" for n in (1, 10, 300))])
    return {"seeds": measure.table(["--inputs", "--seed", "after zeros", "after the series", "MSE of value 1",
                                    "of 1 to 10", "of 1 to 300"], rows)}


def timing_training():
    variants = {}
    for inputs in ("values", "times"):
        kwargs = {"iterations": 320, "inputs": inputs}
        variants[inputs + "_xla"] = ("creative_rnn", False, kwargs)
        variants[inputs + "_plain"] = ("creative_rnn", False, dict(kwargs, xla=False))
        variants[inputs + "_tf1"] = ("creative_rnn", True, dict(kwargs, xla=False))
    ms = measure.milliseconds(variants)
    return dict({"ms_" + name: timed["median"] for name, timed in ms.items()},
                faster=ms["values_tf1"]["median"] / ms["values_xla"]["median"])
