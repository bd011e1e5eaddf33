"""ms per training step: the scripts beside the same work in PyTorch and JAX.

    python benchmarks/run.py                            all rows, about 20 minutes
    python benchmarks/run.py --rows "gru x 10,creative"
    python benchmarks/run.py --text                     measures nothing: tables and figure from the stored results

Results are stored in benchmarks/results.json, each row with its machine, versions and date; figure.png and the tables
of benchmarks/README.md come from these. pip install -r benchmarks/requirements.txt first. TF1_PYTHON names a
Python 3.7 with TensorFlow 1.15: without it, that column stays empty.
"""
import argparse
import contextlib
import json
import os
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile
import time

import matplotlib.pyplot as plt
from matplotlib.backends.backend_agg import FigureCanvasAgg
from tqdm import tqdm

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent
sys.path[:0] = [str(HERE), str(ROOT / "notes")]
import measure
import render
import rows
from worker import PEERS

RESULTS, FIGURE, PAGE = HERE / "results.json", HERE / "figure.png", HERE / "README.md"
NAMES = {"xla": "XLA", "plain": "`--no-xla`", "tf1": "TF 1.15", "torch": "PyTorch", "jax": "JAX"}
TOLERANCE = 1e-4  # of the losses, relative to those above 1


# steps ------------------------------------------------------------------------
def python_of(peer):
    """Returns the interpreter of a peer, or None where there is none."""
    return os.environ.get("TF1_PYTHON") if peer == "tf1" else sys.executable


def start(peer, row, weights, folder):
    """Starts a worker; returns it when its first steps are done, with what it says of them."""
    environment = dict(os.environ, MPLBACKEND="Agg", TORCHINDUCTOR_CACHE_DIR=os.path.join(folder, peer))  # compile anew
    began = time.time()
    process = subprocess.Popen([python_of(peer), str(HERE / "worker.py"), peer, row, weights], env=environment,
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    said = listen(process, peer, row)
    return process, {"start": said["began"] - began, "first": said["first"], "losses": said["losses"], "ms": []}


def listen(process, peer, row):
    """Returns the next line of a worker, from JSON."""
    line = process.stdout.readline()
    if not line:
        raise SystemExit(f"{row}: {peer} ended with status {process.wait()}")
    return json.loads(line)


def difference(losses, others):
    """Returns the largest difference of two lists of losses, relative where they are above 1."""
    return max(abs(a - b) / max(1, abs(a)) for a, b in zip(losses, others))


def measure_row(name, rounds, seconds):
    """Runs all peers at one row, in turn, round after round; returns peer -> what came out."""
    peers = [peer for peer in PEERS if python_of(peer)]
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        weights, workers, results = os.path.join(folder, "weights.npz"), {}, {}
        for peer in peers:  # one at a time; the first one stores the weights that the others begin with
            workers[peer], results[peer] = start(peer, name, weights, folder)
            stack.callback(workers[peer].wait)
            stack.callback(workers[peer].stdin.close)  # which ends it
        for _ in range(rounds):
            for peer, process in workers.items():  # the others wait meanwhile
                process.stdin.write(f"{seconds}\n")
                process.stdin.flush()
                results[peer]["ms"] += listen(process, peer, name)
    reference = results["xla"]["losses"]
    for result in results.values():
        ms = sorted(result.pop("ms"))
        result.update(median=statistics.median(ms), low=ms[len(ms) // 10], high=ms[len(ms) * 9 // 10], steps=len(ms))
        result["difference"] = difference(reference, result.pop("losses")) if rows.ROWS[name].keep_prob == 1 else None
        if result["difference"] is not None and result["difference"] > TOLERANCE:
            raise SystemExit(f"{name}: the losses differ by {result['difference']:.1e}, expected {TOLERANCE}")
    return results


# results ----------------------------------------------------------------------
def machine():
    """Returns where, with what and when."""
    from importlib.metadata import version  # not in Python 3.7, where the tests import this file
    there = dict(render.machine(), torch=version("torch"), jax=version("jax"))
    if python_of("tf1"):
        there["tensorflow 1"] = measure.python("import json, tensorflow; print(json.dumps(tensorflow.__version__))",
                                               tf1=True)
    return there


def load():
    """Returns row -> {"machine": ..., "peers": peer -> what came out}."""
    return json.loads(RESULTS.read_text()) if RESULTS.exists() else {}


def measure_rows(names, rounds, seconds):
    """Measures some rows, and stores each as it comes; keeps what is stored of the others."""
    for name in tqdm(names, disable=None):
        tqdm.write(name, file=sys.stderr)
        known = dict(load(), **{name: {"peers": measure_row(name, rounds, seconds), "machine": machine()}})
        measure.store(RESULTS, {key: known[key] for key in rows.ROWS if key in known})


# tables -----------------------------------------------------------------------
def times(ratio):
    return f"{ratio:.1f}x" if ratio < 9.95 else f"{ratio:.0f}x"


def table(header, lines):
    """Returns a Markdown table."""
    lines = [header, ["---"] * len(header), *lines]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)


def where(results):
    """Returns a line for each machine that rows come from: the rows, processor, versions and date."""
    groups = {}
    for name, row in results.items():
        m = row["machine"]
        tensorflow = " / ".join(m[key] for key in ("tensorflow", "tensorflow 1") if m.get(key))
        line = (f"{m['cpu']} · {m['cores']} CPU · Python {m['python']} · TensorFlow {tensorflow} · "
                f"PyTorch {m['torch']} · JAX {m['jax']} · {m['date']}")
        groups.setdefault(line, []).append(name)
    return "\n\n".join(f"{', '.join(names) if len(groups) > 1 else 'All rows'}: {line}"
                       for line, names in groups.items())


def short_table(results):
    """ms per step, and how many times ours each peer takes."""
    lines = []
    for name, row in results.items():
        ours = row["peers"]["xla"]["median"]
        lines.append([name, f"**{ours:.2f}**", *(
            f"{row['peers'][peer]['median']:.2f} ({times(row['peers'][peer]['median'] / ours)})"
            if peer in row["peers"] else "" for peer in PEERS if peer != "xla")])
    return table(["ms per training step", *NAMES.values()], lines)


def full_table(results):
    """A line for each row and peer."""
    lines = []
    for name, row in results.items():
        for peer, each in row["peers"].items():
            gap = each["difference"]
            lines.append([name, NAMES[peer], f"{each['median']:.2f}", f"{each['low']:.2f} to {each['high']:.2f}",
                          times(each["median"] / row["peers"]["xla"]["median"]), f"{each['start']:.1f}",
                          f"{each['first']:.2f}", "" if gap is None else f"{gap:.0e}",
                          rows.ROWS[name].note if peer == "torch" else ""])
    return table(["row", "peer", "ms per step, median", "10th to 90th percentile", "against XLA", "start-up, s",
                  "first step, s", "losses differ by", "note"], lines)


def filled(text, results):
    """Returns a page with its tables, each between <!--name--> and <!--/name-->."""
    blocks = {"short": f"![ms per training step](figure.png)\n\n{short_table(results)}\n\n{where(results)}",
              "full": full_table(results)}
    for name, block in blocks.items():
        text = re.sub(f"(?<=<!--{name}-->\n).*?(?=<!--/{name}-->)", lambda _, block=block: f"\n{block}\n\n", text,
                      flags=re.DOTALL)
    return text


# figure -----------------------------------------------------------------------
def draw(results):
    """A line for each row, a dot for each peer with a bar from the 10th to the 90th percentile."""
    colours = dict(zip(PEERS, ["tab:red", "tab:orange", "tab:gray", "tab:purple", "tab:blue"]))
    figure = plt.Figure(figsize=(9, 5.5), layout="constrained")
    FigureCanvasAgg(figure)
    axes, names = figure.subplots(), list(results)
    for n, peer in enumerate(PEERS):
        shown = [(y, results[name]["peers"][peer]) for y, name in enumerate(names) if peer in results[name]["peers"]]
        if shown:
            y, each = zip(*shown)
            medians = [e["median"] for e in each]
            spread = [[e["median"] - e["low"] for e in each], [e["high"] - e["median"] for e in each]]
            axes.errorbar(medians, [v + 0.13 * (n - 2) for v in y], xerr=spread, fmt="o", markersize=5, linewidth=1,
                          color=colours[peer], label=NAMES[peer].replace("`", ""))
    for y in range(len(names)):
        axes.axhspan(y - 0.5, y + 0.5, color="0.95" if y % 2 else "1", zorder=0)
    axes.set(xscale="log", xlabel="ms per training step: median, 10th to 90th percentile", yticks=range(len(names)),
             yticklabels=names, ylim=(len(names) - 0.5, -0.5))
    axes.xaxis.set_major_formatter("{x:g}")
    axes.grid(axis="x", color="0.8", linewidth=0.5)
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncol=len(PEERS), frameon=False)
    figure.savefig(FIGURE, dpi=100)


# main -------------------------------------------------------------------------
def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", default=",".join(rows.ROWS), metavar="A,B", help="default: all")
    parser.add_argument("--rounds", type=int, default=3, metavar="N", help="turns of each peer (default: 3)")
    parser.add_argument("--seconds", type=float, default=1.0, metavar="S", help="length of a turn (default: 1)")
    parser.add_argument("--text", action="store_true", help="measure nothing")
    args = parser.parse_args(argv)
    for name in set(args.rows.split(",")) - set(rows.ROWS):
        parser.error(f"--rows {name!r}: expected some of {', '.join(rows.ROWS)}")
    if not args.text:
        measure_rows(args.rows.split(","), args.rounds, args.seconds)
    PAGE.write_text(filled(PAGE.read_text(encoding="utf-8"), load()), encoding="utf-8")
    draw(load())


if __name__ == "__main__":
    main()
