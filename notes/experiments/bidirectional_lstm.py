"""What notes/bidirectional_lstm.md says beyond the script's own output."""
import measure
import numpy as np

import bidirectional_lstm as script


def _last(**kwargs):
    """Trains; returns the means of the last losses and accuracies."""
    return [np.mean(values[-script.N_LAST:], axis=0).tolist() for values in script.train(**kwargs)]


def over_seeds():
    """The last losses and accuracies for five seeds; and the accuracies after 2000 iterations."""
    losses, accuracies = zip(*(_last(seed=seed) for seed in range(5)))
    ratios = [forward / variance for forward, _, variance in losses]
    rows = [[f"`{name}`" if name.startswith("out") else name, *(f"{f(values):.3f}" for f in (np.mean, min, max))]
            for name, values in zip(script.READINGS, zip(*accuracies))]
    late = _last(iterations=2000)[1]
    return {"forward_low": min(ratios), "forward_high": max(ratios),
            "both_low": min(both for _, both, _ in losses), "both_high": max(both for _, both, _ in losses),
            "table_classifier": measure.table(["what it reads", "mean", "lowest", "highest"], rows),
            "late_half": late[0], "late_outputs": late[1], "late_states": late[2]}


def how_far_ahead():
    """The last losses of both networks, by how far ahead the target lies."""
    rows = []
    for ahead in (-3, 0, 1, 3, 6, 10):
        forward, both, variance = _last(ahead=ahead)[0]
        rows.append([f"{ahead:+d}", f"{variance:.4f}", f"{forward:.4f}", f"{both:.4f}"])
    return {"table_ahead": measure.table(["ahead", "variance of y", "forward only", "bidirectional"], rows)}


def timing_step():
    """ms per training iteration of all networks together, on both TensorFlows."""
    ms = measure.milliseconds({name: ("bidirectional_lstm", tf1, {"iterations": 120, "xla": xla})
                               for name, tf1, xla in [("TF 1.15", True, False), ("TF 2", False, False),
                                                      ("TF 2, XLA", False, True)]})
    rows = [[name, *(f"{each[key]:.1f}" for key in ("median", "low", "high"))] for name, each in ms.items()]
    return {"table_step": measure.table(["", "median ms", "10th percentile", "90th"], rows)}
