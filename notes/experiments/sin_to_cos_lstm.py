"""Numbers of notes/sin_to_cos_lstm.md that its commands do not print."""
import measure
import numpy as np

import sin_to_cos_lstm as script


def _runs(prefix, n, **options):
    """Mean cost of the last 20 windows with the state carried on, and with --stateless."""
    values = {}
    for name, argv in (("stateful", []), ("stateless", ["--stateless"])):
        runs = measure.seeds("sin_to_cos_lstm", argv, ["mean_cost"], n, **options)
        values.update(measure.named(f"{prefix}_{name}", runs))
    return values


def seeds_xla():
    """24 seeds, TF 2.21 with XLA."""
    return _runs("xla", 24)


def seeds_plain():
    """8 seeds, TF 2.21 on the plain graph."""
    return _runs("plain", 8, xla=False)


def seeds_tf1():
    """8 seeds, TF 1.15."""
    return _runs("tf1", 8, tf1=True)


def longer():
    """Five times as many windows, 8 seeds."""
    return measure.named("longer", measure.seeds("sin_to_cos_lstm", ["--iterations", "1000"], ["mean_cost"]))


def first_window():
    """The cost of the first window, 24 seeds."""
    costs = [script.train(1, seed)[0] for seed in range(24)]
    return {"first_low": min(costs), "first_high": max(costs)}


def swapped():
    """The cosine as the input and the sine as the target, 8 seeds."""
    make_batch = script.make_batch
    try:
        script.make_batch = lambda i: [make_batch(i)[n] for n in (1, 0, 2)]
        costs = [np.mean(script.train(seed=seed)[-20:]) for seed in range(8)]
    finally:
        script.make_batch = make_batch
    return measure.span("swapped", costs)


def first_steps():
    """RMS error of row 0 in the first step and in the last ten steps of the last 20 windows of --stateless."""
    errors = []

    def on_step(i, cost, wave):
        errors.append(wave[2] - wave[1])

    script.train(stateless=True, on_step=on_step)
    rms = np.sqrt(np.mean(np.square(errors[-20:]), axis=0))
    return {"rms_first": float(rms[0]), "rms_late": float(np.mean(rms[10:]))}
