"""One peer at one row, in a process of its own: python benchmarks/worker.py PEER ROW WEIGHTS

Trains the first steps and says on stdout, as one line of JSON, when the first began (seconds since 1970), how long it
took and what the losses were. Then for each line on stdin, a number of seconds, it trains on for that long and says
the ms of each step; in between it waits.
"""
import contextlib
import importlib
import itertools
import json
import os
import sys
import time

import numpy as np
import rows

CHECKED = 6  # steps whose losses are compared: the first one before any update, the last one after five
PEERS = "xla", "plain", "tf1", "torch", "jax"  # ours three times: the first one's weights are all the others'
WARM_UP = 0.2  # of the time asked for, at least three steps: not counted


def say(answer):
    print(json.dumps(answer), file=sys.__stdout__, flush=True)


def pace():
    """A generator that yields before each step and is sent the loss after it; ends where stdin ends."""
    began, before, losses = time.time(), time.perf_counter(), []
    losses.append(float((yield)))
    first = time.perf_counter() - before
    while len(losses) < CHECKED:
        losses.append(float((yield)))
    say({"began": began, "first": first, "losses": losses})
    for line in iter(sys.stdin.readline, ""):
        say((yield from turn(float(line))))


def turn(seconds):
    """Returns the ms of the steps of a turn, without those that warm up."""
    for _ in range(3):
        yield
    stamps = [time.perf_counter()]
    while stamps[-1] - stamps[0] < (1 + WARM_UP) * seconds or len(stamps) < 13:
        yield
        stamps.append(time.perf_counter())
    counted = [stamp for stamp in stamps if stamp - stamps[0] >= WARM_UP * seconds]
    counted = counted if len(counted) > 9 else stamps
    return [1000 * (b - a) for a, b in zip(counted, counted[1:])]


def main():
    peer, row, weights_file = sys.argv[1:]
    if peer in ("torch", "jax"):
        with np.load(weights_file) as weights:
            step = importlib.import_module("peer_" + peer).make_step(rows.ROWS[row], weights)
        pacing = pace()
        next(pacing)
        with contextlib.suppress(StopIteration):
            for i in itertools.count():
                pacing.send(step(i))
    else:
        import ours  # not above: the other peers need no TensorFlow
        with open(os.devnull, "w") as nothing, contextlib.redirect_stdout(nothing):  # char_rnn reports every 100 steps
            ours.train(rows.ROWS[row], weights_file, pace, xla=peer == "xla")


if __name__ == "__main__":
    main()
