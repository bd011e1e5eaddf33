"""What notes/time_series_rnn.md quotes beyond the output of its commands."""
import measure
import numpy as np

import time_series_rnn as script


def spikes():
    """Three seeds of the notes' setting, with and without clipping: how often the loss leaps up."""
    rows = []
    for clip_norm in (None, 10, 1, 0.1):
        for seed in (0, 1, 2):
            losses = np.array(script.train(seed=seed, clip_norm=clip_norm)[0])
            first = int(np.argmax(losses < 0.1))
            above = losses[first:] > 0.1 if losses.min() < 0.1 else []
            jumps = int(np.sum(np.diff(np.concatenate([[0], above])) > 0))
            rows.append([clip_norm or "none", seed, first if len(above) else "never", jumps, int(np.sum(above)),
                         f"{losses.min():.2g}", f"{np.median(losses[-1000:]):.2g}", f"{losses[-1]:.2g}"])
    return {"spikes": measure.table(["--clip-norm", "seed", "first below 0.1 at", "jumps above 0.1 after that",
                                     "iterations above 0.1 after that", "smallest", "median of the last 1,000", "last"],
                                    rows)}


def counting():
    """What the notes' network (seed 0, 4,500 iterations) answers to inputs that it was not trained on."""
    t = script.make_times()[:, :-1]
    inputs = {"the times it was trained on": t, "all times 0.15 later": t + 0.15, "all times 1 later": t + 1,
              "the times in backward order": t[:, ::-1], "t = 7.5 at every step": 0 * t + 7.5}
    right = script.make_test, script.shown
    script.make_test = lambda _: (None, np.concatenate(list(inputs.values())), None)  # all of them as one batch
    script.shown = lambda outputs, _: outputs[:, :, 0]
    try:
        answers = script.train(4500)[1]
    finally:
        script.make_test, script.shown = right
    rows = []
    for (name, x), answer in zip(inputs.items(), answers):
        trained, true = [np.mean((answer - script.series(clock)[0, :, 0]) ** 2) for clock in (t, x)]
        rows.append([name, f"{trained:.2g}", f"{true:.2g}"])
    return {"counting": measure.table(["it is given", "MSE against the 100 values it was trained on",
                                       "MSE against f at the times it is given"], rows)}


def agreement():
    """The largest relative difference between the losses of the two projections, over 100 iterations."""
    dense, wrapper = [np.array(script.train(100, projection=p)[0]) for p in ("dense", "wrapper")]
    return {"agreement": float(np.max(np.abs(wrapper / dense - 1)))}


def forecasts():
    """--inputs values, three seeds: MSE on what was kept out of training."""
    _, _, y = script.make_test("values")
    mse = [float(np.mean((script.train(seed=seed, inputs="values")[1] - script.shown(y, "values")) ** 2))
           for seed in (0, 1, 2)]
    return {"forecast_low": min(mse), "forecast_high": max(mse)}


def first_value():
    """The MSE of --inputs values by step of the window, after 2,000 iterations: the first steps know no past."""
    right = script.shown
    script.shown = lambda outputs, inputs: outputs[:, :, 0]
    try:
        _, _, y = script.make_test("values")
        answers = script.train(2000, inputs="values")[1]
    finally:
        script.shown = right
    mse = np.mean((answers - y[:, :, 0]) ** 2, axis=0)
    return {"step1": float(mse[0]), "step2": float(mse[1]), "step5": float(mse[4]), "step20": float(mse[19])}


def wrapped_targets():
    """The same when the last target of each training window is wrapped round to the window's first value."""
    right = script.make_batch

    def wrapped(*args):
        x, y = right(*args)
        return x, np.concatenate([y[:, :-1], x[:, :1]], axis=1)

    _, x, y = script.make_test("values")
    truth = script.shown(y, "values")
    script.make_batch = wrapped
    try:
        runs = [script.train(seed=seed, inputs="values") for seed in (0, 1, 2)]
    finally:
        script.make_batch = right
    mse = [float(np.mean((answer - truth) ** 2)) for _, answer in runs]
    first = [float(np.mean((answer - x[:, 0, 0]) ** 2)) for _, answer in runs]
    return {"wrapped_low": min(mse), "wrapped_high": max(mse), "wrapped_first_high": max(first),
            "last_value_mse": float(np.mean((x[:, -1, 0] - truth) ** 2))}


def timing_projection():
    variants = {}
    for projection in ("dense", "wrapper"):
        kwargs = {"iterations": 320, "projection": projection}
        variants[projection + "_xla"] = ("time_series_rnn", False, kwargs)
        variants[projection + "_plain"] = ("time_series_rnn", False, dict(kwargs, xla=False))
        variants[projection + "_tf1"] = ("time_series_rnn", True, dict(kwargs, xla=False))
    variants["values_xla"] = ("time_series_rnn", False, {"iterations": 320, "inputs": "values"})
    ms = measure.milliseconds(variants)
    results = {"ms_" + name: timed["median"] for name, timed in ms.items()}
    for where in ("xla", "plain", "tf1"):
        results["price_" + where] = results["ms_wrapper_" + where] / results["ms_dense_" + where] - 1
    results["faster"] = results["ms_dense_tf1"] / results["ms_dense_xla"]
    return results
