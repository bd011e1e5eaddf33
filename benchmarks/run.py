"""The scripts beside the same work in PyTorch and JAX: measures, and writes the tables and the figure.

    python benchmarks/run.py                      everything, about 20 minutes
    python benchmarks/run.py --parts steps        ms per training step, ours and the peers'
    python benchmarks/run.py --parts steps --rows "gru x 10,creative"
    python benchmarks/run.py --text               measure nothing: tables and figure from the stored results

Results are stored in benchmarks/results.json, each part beside the machine, the versions and the date. From these
come benchmarks/figure.png, the tables of benchmarks/README.md, and the one of the README.
pip install -r benchmarks/requirements.txt first. TF1_PYTHON names a Python 3.7 with TensorFlow 1.15: without it,
that column stays empty.
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
from drawing import DRAWN
from measure import table
from worker import PEERS

RESULTS, FIGURE = HERE / "results.json", HERE / "figure.png"
NAMES = {"xla": "XLA", "plain": "`--no-xla`", "tf1": "TF 1.15", "torch": "PyTorch", "jax": "JAX"}
SCRIPTS = sorted(path.stem for path in ROOT.glob("*.py"))
TOLERANCE = 1e-4  # of the losses, relative to those above 1
LENGTHS = 10, 100, 500  # steps of static and dynamic graphs


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


# whole scripts ----------------------------------------------------------------
FIRST = """
import time
import {script} as script
class Done(Exception):
    pass
def steps(*args):
    began = time.perf_counter()
    yield 0
    print("first", time.perf_counter() - began)
    raise Done
script.steps = steps
try:
    script.main(["--no-plot"])
except Done:
    pass
"""
STATIC = "import static_vs_dynamic_rnn as script; script.train(3, way={way!r}, n_steps={n}, n_units=100)"


def spend(*arguments):
    """Runs Python without a display; returns what measure.spend() does."""
    return measure.spend([sys.executable, *arguments], PYTHONPATH=str(ROOT))


def measure_script(name):
    """Returns the seconds and the peak MB of a script's default run as its page has them, and what of it is what."""
    whole = render.default_run(name)
    imported = statistics.median(spend("-c", f"import {name}")["seconds"] for _ in range(3))
    first = None
    if name not in ("simple_rnn", "static_vs_dynamic_rnn"):  # they train nothing, or a network in each row of a table
        first = float(spend("-c", FIRST.format(script=name))["stdout"].split()[-1])
    return {"seconds": whole["seconds"], "import": imported, "first": first, "memory": whole["memory"]}


def measure_drawing(name):
    """Returns frame -> ms that it takes to draw it."""
    return json.loads(spend(str(HERE / "drawing.py"), name)["stdout"])


def measure_memory(way):
    """Returns steps -> peak memory in MB of a process that builds and trains such a network, three steps long."""
    return {str(n): spend("-c", STATIC.format(way=way, n=n))["memory"] for n in LENGTHS}


# results ----------------------------------------------------------------------
def machine():
    """Where, with what and when."""
    from importlib.metadata import version  # not in Python 3.7, where the tests import this file
    there = dict(render.machine(), torch=version("torch"), jax=version("jax"))
    if python_of("tf1"):
        code = "import json, tensorflow; print(json.dumps(tensorflow.__version__))"
        there["tensorflow 1"] = measure.python(code, tf1=True)
    return there


def load():
    return json.loads(RESULTS.read_text()) if RESULTS.exists() else {}


def store(results):
    measure.store(RESULTS, results)


def measure_part(part, names, measured, every):
    """Measures some of a part, and stores each as it comes; keeps what is stored of the others."""
    for name in tqdm(names, desc=part, disable=None):
        tqdm.write(f"{part}: {name}", file=sys.stderr)
        value, results = measured(name), load()
        known = dict(results.get(part, {}).get("results", {}), **{name: value})
        results[part] = {"machine": machine(), "results": {key: known[key] for key in every if key in known}}
        store(results)


# tables -----------------------------------------------------------------------
def times(ratio):
    return f"{ratio:.1f}x" if ratio < 9.95 else f"{ratio:.0f}x"


def where(part):
    """One line: machine, versions and date of a part."""
    m = part["machine"]
    tensorflow = " / ".join(m[key] for key in ("tensorflow", "tensorflow 1") if m.get(key))
    return (f"{m['cpu']} · {m['cores']} CPU · Python {m['python']} · TensorFlow {tensorflow} · PyTorch {m['torch']} · "
            f"JAX {m['jax']} · {m['date']}")


def short_table(part):
    """ms per step, and how many times ours each peer takes."""
    lines = []
    for name, result in part["results"].items():
        ours = result["xla"]["median"]
        lines.append([name, f"**{ours:.2f}**", *(
            f"{result[peer]['median']:.2f} ({times(result[peer]['median'] / ours)})" if peer in result else ""
            for peer in PEERS if peer != "xla")])
    return table(["ms per training step", *NAMES.values()], lines)


def full_table(part):
    """A line for each row and peer."""
    lines = []
    for name, result in part["results"].items():
        for peer, each in result.items():
            gap = each["difference"]
            lines.append([name, NAMES[peer], f"{each['median']:.2f}", f"{each['low']:.2f} to {each['high']:.2f}",
                          times(each["median"] / result["xla"]["median"]), f"{each['start']:.1f}",
                          f"{each['first']:.2f}", "" if gap is None else f"{gap:.0e}",
                          rows.ROWS[name].note if peer == "torch" else ""])
    return table(["row", "peer", "ms per step, median", "10th to 90th percentile", "against XLA", "start-up, s",
                  "first step, s", "losses differ by", "note"], lines)


def scripts_table(part):
    lines = [[f"{name}.py", f"{r['seconds']:.1f}", f"{r['import']:.1f}",
              "" if r["first"] is None else f"{r['first']:.1f}", f"{r['memory']:.0f}"]
             for name, r in part["results"].items()]
    return table(["script", "seconds", "of these import", "first step", "peak memory, MB"],
                 lines)


def by_length_table(part, first, unit):
    """A line for each name, a column for each length."""
    lines = [[name, *(f"{value:.0f}" if value >= 100 else f"{value:.1f}" for value in result.values())]
             for name, result in part["results"].items()]
    columns = next(iter(part["results"].values()))
    return table([first, *(f"{int(n):,} {unit}" for n in columns)], lines)


def blocks(results):
    """Returns name of a block -> its text, for each block whose part is measured."""
    found = {}
    if "steps" in results:
        part = results["steps"]
        found["benchmarks"] = (f"![ms per training step]({{}}figure.png)\n\n{short_table(part)}\n\n{where(part)}")
        found["steps"] = f"{full_table(part)}\n\n{where(part)}"
    if "scripts" in results:
        found["scripts"] = f"{scripts_table(results['scripts'])}\n\n{where(results['scripts'])}"
    if "drawing" in results:
        text = by_length_table(results["drawing"], "ms to draw a frame", "iterations")
        found["drawing"] = f"{text}\n\n{where(results['drawing'])}"
    if "memory" in results:
        text = by_length_table(results["memory"], "peak memory, MB", "steps")
        found["memory"] = f"{text}\n\n{where(results['memory'])}"
    return found


def filled(text, results, folder="", words=None):
    """Returns a page with its blocks filled in, each between <!--name--> and <!--/name-->; in other words if given."""
    for name, block in blocks(results).items():
        block = block.replace("{}", folder) if words is None else render.translated(block.replace("{}", folder), words)
        text = re.sub(f"(?<=<!--{name}-->\n).*?(?=<!--/{name}-->)", lambda _, block=block: f"\n{block}\n\n", text,
                      flags=re.DOTALL)
    return text


def pages():
    """The pages with blocks, each with the folder of the figure as seen from there, and the words of its language."""
    return [(HERE / "README.md", "", None), (ROOT / "README.md", "benchmarks/", None),
            (ROOT / "README.zh.md", "benchmarks/", render.chinese())]


# figure -----------------------------------------------------------------------
def draw(part):
    """A line for each row, a dot for each peer with a bar from the 10th to the 90th percentile."""
    colours = dict(zip(PEERS, ["tab:red", "tab:orange", "tab:gray", "tab:purple", "tab:blue"]))
    figure = plt.Figure(figsize=(9, 5.5), layout="constrained")
    FigureCanvasAgg(figure)
    axes, names = figure.subplots(), list(part["results"])
    for n, peer in enumerate(PEERS):
        shown = [(y, part["results"][name][peer]) for y, name in enumerate(names) if peer in part["results"][name]]
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


def write_pages():
    """Rewrites figure and tables from the stored results."""
    results = load()
    for path, folder, words in pages():
        path.write_text(filled(path.read_text(encoding="utf-8"), results, folder, words), encoding="utf-8")
    if "steps" in results:
        draw(results["steps"])


# main -------------------------------------------------------------------------
def names(choices):
    """An argparse type: some of the choices, separated by commas, in the choices' order."""
    def parse(text):
        chosen = [name.strip() for name in text.split(",")]
        if not set(chosen) <= set(choices):
            raise ValueError
        return [name for name in choices if name in chosen]
    parse.__name__ = "list of " + ", ".join(choices)
    return parse


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add, parts = parser.add_argument, ["steps", "scripts", "drawing", "memory"]
    add("--parts", nargs="+", choices=parts, default=parts, metavar="PART",
        help=f"of {', '.join(parts)} (default: all)")
    add("--rows", type=names(rows.ROWS), default=list(rows.ROWS), metavar="A,B", help="of the part steps")
    add("--scripts", type=names(SCRIPTS), default=SCRIPTS, metavar="A,B", help="of the part scripts")
    add("--rounds", type=int, default=3, metavar="N", help="in which the peers take turns (default: %(default)s)")
    add("--seconds", type=float, default=1.0, metavar="S", help="of each turn (default: %(default)s)")
    add("--text", action="store_true", help="measure nothing: write tables and figure from the stored results")
    args = parser.parse_args(argv)
    if not args.text:
        work = {"steps": (args.rows, lambda name: measure_row(name, args.rounds, args.seconds), rows.ROWS),
                "scripts": (args.scripts, measure_script, SCRIPTS), "drawing": (DRAWN, measure_drawing, DRAWN),
                "memory": (["static_rnn", "dynamic_rnn"], measure_memory, ["static_rnn", "dynamic_rnn"])}
        for part in args.parts:
            measure_part(part, *work[part])
    write_pages()


if __name__ == "__main__":
    main()
