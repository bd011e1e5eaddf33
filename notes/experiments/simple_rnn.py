"""What notes/simple_rnn.md quotes beyond the script's own output."""
import numpy as np

import simple_rnn as script


def memory():
    """Counts of 24 seeds whose states stand still, move or are near zero ten steps after the first pulse."""
    counts = {"fixed": 0, "moving": 0, "silent": 0}
    for seed in range(24):
        quiet = script.remember(seed)[1][15:20]  # the input has been zero for ten steps and more
        counts["fixed" if np.abs(np.diff(quiet, axis=0)).max() < 0.05 else "moving"] += 1
        counts["silent"] += int(np.abs(quiet[-1]).max() < 0.05)
    return counts
