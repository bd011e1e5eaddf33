"""What notes/variable_length.md quotes beyond the script's own output."""
import json
import time

import measure

RUNS = """
import json, sys
import variable_length as script
runs = []
for kwargs in json.loads(sys.argv[1]):
    shares = {}
    def on_step(i, loss, test):
        if (i + 1) % script.TEST_EVERY == 0:
            shares[i + 1] = script.share_right(test(script.TESTED // 10))
    losses, counted, found = script.train(on_step=on_step, **kwargs)
    rows = [row for part in found for row in zip(part["read"], part["written"], part["wanted"])]
    runs.append({"right": script.share_right(found), "shares": shares,
                 "wrong": [row for row in rows if row[1] != row[2]], "tested": len(rows)})
print(json.dumps(runs))
"""


def _runs(*kwargs, tf1=False):
    return measure.python(RUNS, json.dumps(kwargs), tf1=tf1)


def _first(shares, wanted):
    """The first test, by iteration, that found so many right."""
    return next((int(i) for i, share in shares.items() if share >= wanted), "never")


def seeds():
    """Three seeds, and the other order of writing for the same three."""
    reverse = _runs(*[{"seed": seed} for seed in range(3)])
    copy = _runs(*[{"seed": seed, "copy": True} for seed in range(3)])
    rows = [[seed, f"{100 * a['right']:.2f}", len(a["wrong"]), _first(a["shares"], 0.9), _first(a["shares"], 0.99),
             f"{100 * b['right']:.2f}", _first(b["shares"], 0.9), _first(b["shares"], 0.99)]
            for seed, (a, b) in enumerate(zip(reverse, copy))]
    header = ["seed", "right (%)", "wrong", "90 % after", "99 % after",
              "`--copy`: right (%)", "90 % after", "99 % after"]
    return {"seeds_table": measure.table(header, rows), "tested": reverse[0]["tested"],
            "seeds_lowest": 100 * min(run["right"] for run in reverse)}


def without_lengths():
    """Which sequences an encoder gets wrong that reads the padding too."""
    run, = _runs({"no_lengths": True})
    zeros = [read for read, _, _ in run["wrong"] if read.endswith("0")]
    shorter = [read for read, written, _ in run["wrong"] if written == read.rstrip("0")[::-1]]
    return {"no_lengths_right": 100 * run["right"], "no_lengths_wrong": len(run["wrong"]),
            "no_lengths_zeros": len(zeros), "no_lengths_shorter": len(shorter)}


def timing():
    """Milliseconds per training step, and what a whole default run comes to on TensorFlow 1.15."""
    values = measure.timing_values({
        "tf1": ("variable_length", True, {"iterations": 120}),
        "plain": ("variable_length", False, {"iterations": 120, "xla": False}),
        "xla": ("variable_length", False, {"iterations": 120, "xla": True})})
    started = time.time()
    code = "import variable_length as script; print(script.main(['--no-plot'])['right'])"
    right = measure.python(code, tf1=True)
    return dict(values, tf1_seconds=time.time() - started, tf1_right=100 * right)
