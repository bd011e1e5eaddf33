"""What notes/lstm_peephole_gru.md quotes beyond the script's own output."""
import statistics

import measure

CELLS = {"lstm": 5, "peephole": 10, "gru": 10, "coupled": 5}
SEEDS = """
import json, sys
import lstm_peephole_gru as script
print(json.dumps([script.train(sys.argv[1], 2000, seed=seed, layers=1)["mse"] for seed in range(3)]))
"""


def seeds():
    """MSE of one layer after 2,000 iterations, three seeds each."""
    ends = {cell: sorted(measure.python(SEEDS, cell)) for cell in CELLS}
    return {"seeds_ends": ends, "seeds_table": measure.table(
        ["one layer of", "lowest", "median", "highest"],
        [[cell, *(f"{mse:.2f}" for mse in (ends[cell][0], statistics.median(ends[cell]), ends[cell][-1]))]
         for cell in CELLS])}


def timing():
    """ms per iteration at the default depths, this file on both TensorFlows; and of all cells at one depth, 5."""
    variants = {}
    for cell, layers in CELLS.items():
        for depth in sorted({layers, 5}):
            kwargs = {"cell": cell, "layers": depth}
            variants[cell, depth, "xla"] = "lstm_peephole_gru", False, dict(kwargs, iterations=80)
            variants[cell, depth, "tf1"] = "lstm_peephole_gru", True, dict(kwargs, iterations=30, xla=False)
    timed = measure.milliseconds(variants, rounds=2, warm_up=10)
    median = {key: ms["median"] for key, ms in timed.items()}
    values = {f"{cell}_times": median[cell, layers, "tf1"] / median[cell, layers, "xla"]
              for cell, layers in CELLS.items()}
    values["minutes"] = sum(median[cell, layers, "xla"] for cell, layers in CELLS.items()) * 10000 / 60000
    values.update(gru_to_lstm=median["gru", 5, "xla"] / median["lstm", 5, "xla"],
                  gru_to_lstm_tf1=median["gru", 5, "tf1"] / median["lstm", 5, "tf1"])
    shown = {key: f"{ms['median']:.1f} ({ms['low']:.1f} to {ms['high']:.1f})" for key, ms in timed.items()}
    values["timing_table"] = measure.table(
        ["cell", "layers", "TF 2.21, XLA", "TF 1.15", "times faster"],
        [[cell, layers, shown[cell, layers, "xla"], shown[cell, layers, "tf1"], f"{values[f'{cell}_times']:.1f}"]
         for cell, layers in CELLS.items()])
    values["depth_table"] = measure.table(
        ["5 layers of", "TF 2.21, XLA", "TF 1.15"],
        [[cell, shown[cell, 5, "xla"], shown[cell, 5, "tf1"]] for cell in CELLS])
    return values
