"""What notes/bidirectional_lstm.md says beyond the script's own output."""
import measure
import numpy as np

import bidirectional_lstm as script


def future_over_seeds():
    """The last losses of both networks and the variance of the target, for five seeds."""
    last = [np.mean(script.train(seed=seed)[-script.N_LAST:], axis=0) for seed in range(5)]
    gaps = [forward / variance for forward, _, variance in last]
    return {"forward_low": min(gaps), "forward_high": max(gaps),
            "both_low": min(both for _, both, _ in last), "both_high": max(both for _, both, _ in last)}


def how_far_ahead():
    """The last losses of both networks, by how far ahead the target lies."""
    rows = []
    for ahead in (-3, 0, 1, 3, 6, 10):
        forward, both, variance = np.mean(script.train(ahead=ahead)[-script.N_LAST:], axis=0)
        rows.append([f"{ahead:+d}", f"{variance:.4f}", f"{forward:.4f}", f"{both:.4f}"])
    return {"table_ahead": measure.table(["ahead", "variance of y", "forward only", "bidirectional"], rows)}


def classifier_over_seeds():
    """The last accuracies by what is read, over five seeds; and outputs[:, -1] after 2000 iterations."""
    last = {name: [] for name in script.READINGS}
    for seed in range(5):
        for name, values in script.train_classifiers(seed=seed).items():
            last[name].append(float(np.mean(values[-script.N_LAST:])))
    rows = [[f"`{name}`" if name.startswith("out") else name, f"{np.mean(values):.3f}", f"{min(values):.3f}",
             f"{max(values):.3f}"] for name, values in last.items()]
    late = script.train_classifiers(2000)
    return {"table_classifier": measure.table(["what it reads", "mean", "lowest", "highest"], rows),
            "late_outputs": float(np.mean(late["outputs[:, -1]"][-script.N_LAST:])),
            "late_half": float(np.mean(late["backward half of outputs[:, -1]"][-script.N_LAST:])),
            "late_states": float(np.mean(late["the two final states"][-script.N_LAST:]))}


def timing_step():
    """ms per training iteration of the two networks together, on both TensorFlows."""
    ms = measure.milliseconds({name: ("bidirectional_lstm", tf1, {"iterations": 120, "xla": xla})
                               for name, tf1, xla in [("TF 1.15", True, False), ("TF 2", False, False),
                                                      ("TF 2, XLA", False, True)]})
    rows = [[name, *(f"{each[key]:.1f}" for key in ("median", "low", "high"))] for name, each in ms.items()]
    return {"table_step": measure.table(["", "median ms", "10th percentile", "90th"], rows)}
