"""Runs what the notes quote, and writes outputs and numbers into the pages.

    python notes/render.py                 every page and README (hours)
    python notes/render.py simple_rnn      one page; --missing: only what has no stored result
    python notes/render.py --text          runs nothing: writes the stored results into the pages again

A page, notes/NAME.md or notes/zh/NAME.md, quotes in two ways. What the command of a ```console block prints follows
it. A comment above a paragraph, list item or table, `<!-- values: cost:.3f=0.131 run1.seconds:.0f=12 -->`, lists the
numbers of that block in their order: those of the dicts that the functions of notes/experiments/NAME.py return,
runN.KEY of the dict that main() of the page's N-th command returned (runN.KEY.KEY for a dict in it), runN.seconds.
In README.md the page's name comes first: `deep_rnn.run1.mse`. Results are stored in notes/results/NAME.json with
machine and date. TF1_PYTHON names a Python 3.7 with TensorFlow 1.15.
"""
import argparse
import datetime
import importlib
import inspect
import json
import os
import pathlib
import platform
import re
import shlex
import sys

import measure
from tqdm import tqdm

NOTES = pathlib.Path(__file__).resolve().parent
ROOT = NOTES.parent
ORDER = ["simple_rnn", "static_vs_dynamic_rnn", "variable_length", "sin_to_cos_lstm", "bptt_rnn", "predict_sin_lstm",
         "mnist_rnn_classifier", "time_series_rnn", "creative_rnn", "deep_rnn", "multi_gpu_rnn", "lstm_peephole_gru",
         "bidirectional_lstm", "char_rnn"]  # as they are read
COMMAND = re.compile(r"^```console\n\$ (?P<command>.+)\n(?P<output>(?:(?!```).*\n)*)```$", re.MULTILINE)
VALUES = re.compile(r"^(?P<indent> *)<!-- values: (?P<items>.+?) -->\n(?P<block>(?:.+\n)+)", re.MULTILINE)
ITEM = re.compile(r"(?P<name>[\w.]+)(?P<format>:[^=\s]+)=(?P<text>\S+)")
UNMEASURED = ("Some numbers of this page come from shorter runs; `python notes/render.py {}` measures them.",
              "本页有些数字来自较短的运行；`python notes/render.py {}` 会重新测量。")

MAIN = """
import importlib, json, sys
import numpy as np
def numbers(returned, prefix=""):
    found = {}
    for key, value in returned.items():
        if isinstance(value, dict):
            found.update(numbers(value, f"{prefix}{key}."))
        elif isinstance(value, (int, float, np.number)):
            found[f"{prefix}{key}"] = float(value)
    return found
json.dump(numbers(importlib.import_module(sys.argv[1]).main(sys.argv[3:])), open(sys.argv[2], "w"))
"""


def load(name):
    """Returns what is stored of a page: its commands and experiments, each with its machine."""
    path = NOTES / "results" / f"{name}.json"
    return json.loads(path.read_text()) if path.exists() else {"commands": {}, "experiments": {}}


def machine():
    """Returns the processor, the versions and the date that a measurement belongs to."""
    from importlib.metadata import version
    info = pathlib.Path("/proc/cpuinfo").read_text() if os.path.exists("/proc/cpuinfo") else ""
    fields = dict(re.findall(r"^(model name|cpu family|model)\s*: (.*)$", info, re.MULTILINE))
    cpu = "{model name}, family {cpu family}, model {model}".format(**fields) if info else platform.processor()
    return {"cpu": cpu, "cores": os.cpu_count(), "python": platform.python_version(),
            "tensorflow": version("tensorflow"), "numpy": version("numpy"), "date": datetime.date.today().isoformat()}


def run(command):
    """Runs one command of a page; returns its stdout, the numbers that main() returned, seconds and MB of memory."""
    words = shlex.split(command)
    numbers = ROOT / "notes" / "results" / f"returned.{os.getpid()}.part"
    numbers.write_text("{}")
    if words[0] == "python" and words[1].endswith(".py"):
        words = [sys.executable, "-c", MAIN, words[1][:-3], str(numbers), *words[2:]]
    elif words[0] == "python":
        words[0] = sys.executable
    done = measure.spend(words, PYTHONPATH=str(ROOT))
    returned = json.loads(numbers.read_text())
    numbers.unlink()
    return {"stdout": done["stdout"], "returned": returned, "seconds": round(done["seconds"], 1),
            "memory": round(done["memory"])}


def experiments(name):
    """Returns the public functions of notes/experiments/NAME.py, by name."""
    if not (NOTES / "experiments" / f"{name}.py").exists():
        return {}
    sys.path[:0] = [str(NOTES), str(ROOT)]
    module = importlib.import_module(f"experiments.{name}")
    return {key: value for key, value in vars(module).items()
            if inspect.isfunction(value) and value.__module__ == module.__name__ and not key.startswith("_")}


def values(name):
    """Returns all numbers that a page can quote, by name."""
    results = load(name)
    numbers = {key: value for part in results["experiments"].values() for key, value in part.items()}
    page = (NOTES / f"{name}.md").read_text(encoding="utf-8")
    for n, match in enumerate(COMMAND.finditer(page), 1):
        done = results["commands"].get(match["command"], {})
        numbers.update({f"run{n}.{key}": value for key, value in done.get("returned", {}).items()})
        if done:
            numbers[f"run{n}.seconds"] = done["seconds"]
    return numbers


def filled(text, numbers):
    """Returns a text with its numbers replaced; one that is not measured yet stays as it is."""
    def fill(match):
        items, block, start = [], match["block"], 0
        for item in ITEM.finditer(match["items"]):
            new = format(numbers[item["name"]], item["format"][1:]) if item["name"] in numbers else item["text"]
            old = re.compile(rf"(?<![\w.,]){re.escape(item['text'])}(?!\w|[.,]\d)").search(block, start)
            block = block[:old.start()] + new + block[old.end():]
            start = old.start() + len(new)
            items.append(f"{item['name']}{item['format']}={new}")
        return f"{match['indent']}<!-- values: {' '.join(items)} -->\n{block}"

    return VALUES.sub(fill, text)


def navigation(path):
    """Returns the line under a page's title: its script, its neighbours, all scripts, the other language."""
    chinese = path.parent != NOTES
    up = "../.." if chinese else ".."
    words = ("脚本", "上一篇", "下一篇", "全部脚本") if chinese else ("script", "previous", "next", "all scripts")
    name, order = path.stem, [name for name in ORDER if (NOTES / f"{name}.md").exists()]
    links = [f"[{words[0]}: {name}.py]({up}/{name}.py)"] if name in order else []
    if name in order:
        i = order.index(name)
        links += [f"[{words[1]}: {before}]({before}.md)" for before in order[:i][-1:]]
        links += [f"[{words[2]}: {after}]({after}.md)" for after in order[i + 1:i + 2]]
    other = f"[English](../{path.name})" if chinese else f"[中文](zh/{path.name})"
    return " · ".join([*links, f"[{words[3]}]({up}/README{'.zh' if chinese else ''}.md)", other])


def written(path):
    """Returns the whole text of a page as it follows from its prose and the stored results."""
    name, text, chinese = path.stem, path.read_text(encoding="utf-8"), path.parent != NOTES
    commands, numbers = load(name)["commands"], values(name)

    def output(match):
        stdout = commands.get(match["command"], {"stdout": match["output"]})["stdout"]
        return f"```console\n$ {match['command']}\n{stdout.rstrip()}\n```"

    quoted = {item["name"] for match in VALUES.finditer(text) for item in ITEM.finditer(match["items"])}
    lead = f"{navigation(path)}\n\n"
    if quoted - set(numbers) or any(match["command"] not in commands for match in COMMAND.finditer(text)):
        lead += f"*{UNMEASURED[chinese].format(name)}*\n\n"
    text = filled(COMMAND.sub(output, text), numbers)
    return re.sub(r"\A(# .+\n)(?s:.*?)(?=^## )", lambda match: f"{match[1]}\n{lead}", text, count=1,
                  flags=re.MULTILINE)


def readme(path):
    """Returns the text of a README with the numbers of all pages."""
    numbers = {f"{name}.{key}": value for name in ORDER if (NOTES / f"{name}.md").exists()
               for key, value in values(name).items()}
    return filled(path.read_text(encoding="utf-8"), numbers)


def render(name, missing):
    """Runs what a page quotes, or what is missing of it, and stores each result at once."""
    results = load(name)
    page = (NOTES / f"{name}.md").read_text(encoding="utf-8")
    commands, parts = [match["command"] for match in COMMAND.finditer(page)], experiments(name)
    work = [("commands", key, lambda key=key: run(key)) for key in commands]
    work += [("experiments", key, part) for key, part in parts.items()]
    for kind, key, action in tqdm(work, desc=name, disable=None):
        if not (missing and key in results[kind]):
            tqdm.write(f"{name}: {key}", file=sys.stderr)
            results[kind][key] = {**action(), "machine": machine()}
            measure.store(NOTES / "results" / f"{name}.json", results, sort_keys=True)
    results["commands"] = {key: results["commands"][key] for key in commands}
    results["experiments"] = {key: results["experiments"][key] for key in parts}
    if work:  # legacy.md has nothing to run
        measure.store(NOTES / "results" / f"{name}.json", results, sort_keys=True)


def main(argv=None):
    pages = sorted(path.stem for path in NOTES.glob("*.md"))
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pages", nargs="*", metavar="PAGE", help="default: all")
    parser.add_argument("--missing", action="store_true", help="run only what has no stored result")
    parser.add_argument("--text", action="store_true", help="run nothing")
    args = parser.parse_args(argv)
    for name in args.pages or pages:
        if not args.text:
            render(name, args.missing)
        for path in NOTES / f"{name}.md", NOTES / "zh" / f"{name}.md":
            path.write_text(written(path), encoding="utf-8")
    for path in ROOT.glob("README*.md"):
        path.write_text(readme(path), encoding="utf-8")


if __name__ == "__main__":
    main()
