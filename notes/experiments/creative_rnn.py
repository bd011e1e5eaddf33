"""Numbers of notes/creative_rnn.md that its commands do not print."""
import measure
import numpy as np

import creative_rnn as script

SEEDS = range(8)


def ranges():
    """Both ways to train, 8 seeds, compiled and as a plain graph: how large the values become, and their errors."""
    values = {}
    for inputs in ("times", "values"):
        truth = script.series(script.STEP[inputs] * np.arange(script.N_STEPS + script.N_GENERATED))
        runs = [script.train(seed=seed, xla=xla, inputs=inputs)[1] for xla in {script.XLA, False} for seed in SEEDS]
        for name, k in (("zeros", 0), ("series", 1)):
            sizes = [float(np.abs(sequences[k, script.N_STEPS:]).max()) for sequences in runs]
            values.update(measure.span(f"{inputs}_{name}", sizes))
        errors = np.array([(sequences[1] - truth)[script.N_STEPS:] ** 2 for sequences in runs])
        for n in (1, 10, 300):
            found = errors[:, :n].mean(axis=1).tolist()
            values.update(measure.span(f"{inputs}_mse{n}", found))
        values[f"{inputs}_truth"] = float(np.abs(truth).max())
    return values


def recurrence():
    """The series continued from its first 20 values by a linear recurrence of order 6."""
    h = script.STEP["values"]
    truth = script.series(h * np.arange(320))
    # the roots of its polynomial: those of t sin(t) are double
    roots = [np.exp(1j * h), np.exp(-1j * h)] * 2 + [np.exp(5j * h), np.exp(-5j * h)]
    weights = -np.real(np.poly(roots))[:0:-1]  # of the six values before, the oldest first
    sequence = list(truth[:20])
    for _ in range(300):
        sequence.append(weights @ sequence[-6:])
    errors = np.abs(np.array(sequence) - truth)
    rows = np.array([truth[k - 6:k] for k in range(6, 20)])
    fitted = np.linalg.lstsq(rows, truth[6:20], rcond=None)[0]  # from the 20 values alone
    return {"recurrence_next": float(errors[20]), "recurrence_300": float(errors.max()),
            "fitted_next": float(np.abs(fitted @ truth[14:20] - truth[20]))}
