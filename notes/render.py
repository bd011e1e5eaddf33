"""Runs again what the notes pages quote, and rewrites their outputs, numbers and figures in place.

    python notes/render.py                 every page (about an hour)
    python notes/render.py simple_rnn      one page; the others are left alone
    python notes/render.py --missing       run only what has no stored result yet
    python notes/render.py --text          run nothing: write the stored results into the pages again

A page, notes/NAME.md, quotes in two ways:

- a block that begins ```console and `$ command`: the command is run at the top of the repository,
  and what it prints on stdout stands below it;
- `<!--{name:.3f}-->0.131<!--/-->`: the value of that name, in that format. Values come from the functions of
  notes/experiments/NAME.py, each of which returns a dict; and run1_seconds, run2_seconds ... are the wall-clock
  seconds of the page's commands, in their order.

notes/zh/NAME.md is the same page in Chinese. It quotes the same commands and values, and is written from the same
results: nothing runs twice. notes/zh/words.json has the Chinese for the words in tables and values. The line under a
page's title, which leads to the pages before and after it, is made here too, in the order of the table in README.md.

Results are stored in notes/results/NAME.json, beside the machine, the versions and the date. TF1_PYTHON names a
Python 3.7 with TensorFlow 1.15, for the experiments that compare the two.
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
import sys

import measure
from tqdm import tqdm

NOTES = pathlib.Path(__file__).resolve().parent
ROOT = NOTES.parent
COMMAND = re.compile(r"^```console\n\$ (?P<command>.+)\n(?P<output>(?:(?!```).*\n)*)```$", re.MULTILINE)
# each language's folder in notes/: where its table of scripts is, and the words of navigation()
LANGUAGES = {"": ("../README.md#the-scripts-in-reading-order", "previous: ", "all scripts", "next: "),
             "zh": ("../../README.zh.md#按阅读顺序排列的脚本", "上一篇：", "全部脚本", "下一篇：")}
VALUE = re.compile(r"<!--\{(?P<name>\w+)(?P<format>:[^}]*)?\}-->(?P<value>.*?)<!--/-->", re.DOTALL)


def pages():
    return sorted(path.stem for path in NOTES.glob("*.md"))


def versions(name):
    """Returns the files of a page, one for each language that it is written in."""
    return [path for path in (NOTES / language / f"{name}.md" for language in LANGUAGES) if path.exists()]


def load(name):
    path = NOTES / "results" / f"{name}.json"
    return json.loads(path.read_text()) if path.exists() else {"commands": {}, "experiments": {}}


def store(name, results):
    measure.store(NOTES / "results" / f"{name}.json", results, sort_keys=True)


RESULTS = {  # what the README quotes of each default run's output
    "simple_rnn": r"step 1 output +\[(?P<result>\S+)\]",
    "static_vs_dynamic_rnn": r" 500 +static_rnn +(?P<static>\d+).* 500 +dynamic_rnn +(?P<dynamic>\d+)",
    "variable_length": r"held-out sequences right, digits and length: (?P<result>\S+) %",
    "sin_to_cos_lstm": r"mean cost of the last 20 windows: (?P<result>\S+)",
    "predict_sin_lstm": r"^test MSE: (?P<result>\S+)",
    "mnist_rnn_classifier": r"test images recognized, accuracy (?P<result>\S+)",
    "time_series_rnn": r"^9000\s+MSE: (?P<result>\S+)",
    "creative_rnn": r"values after the first 20 of the series: from (?P<low>\S+) to (?P<high>\S+)",
    "deep_rnn": r"^9000\s+MSE: (?P<result>\S+)",
    "multi_gpu_rnn": r"^/cpu:0 +\d+ +(?P<first>\d+).*^/cpu:1 +\d+ +(?P<second>\d+).*^/cpu:2 +\d+ +(?P<third>\d+)",
    "lstm_peephole_gru": r"^lstm +\d+ +\S+ +\S+ +(?P<lstm>\S+)\t.*^gru +\d+ +\S+ +\S+ +(?P<gru>\S+)\t",
    "bidirectional_lstm": r"^mean squared error.*?forward only +(?P<forward>\S+)\s+bidirectional +(?P<both>\S+)",
    "char_rnn": r"^text kept out: +network (?P<network>\S+), trigram counts (?P<trigram>[\d.]+)",
}


def default_run(name):
    """Returns what is stored of the run with all defaults: the one that draws the page's first figure."""
    return next(run for command, run in load(name)["commands"].items() if f"figures/{name}.png" in command)


def readme_text(text):
    """Returns a README with its values `<!--{PAGE.NAME:.3f}-->` as stored; raises KeyError where one is not.

    NAME is a value of the page's experiments, a name in RESULTS, or `seconds`: those of the default run.
    """
    values = {}
    for name in pages():
        results = load(name)
        for part in results["experiments"].values():
            values.update({f"{name}.{key}": value for key, value in part.items()})
        run = default_run(name)
        found = re.search(RESULTS[name], run["stdout"], re.MULTILINE | re.DOTALL)
        values.update({f"{name}.{key}": float(value) for key, value in found.groupdict().items()})
        values[f"{name}.seconds"] = run["seconds"]

    def value(match):
        return f"<!--{{{match[1]}{match[2]}}}-->{format(values[match[1]], match[2][1:])}<!--/-->"

    return re.sub(r"<!--\{(\w+\.\w+)(:[^}]*)\}-->.*?<!--/-->", value, text)


def readme():
    """Rewrites the numbers in README.md, and in its translations."""
    for path in ROOT.glob("README*.md"):
        path.write_text(readme_text(path.read_text(encoding="utf-8")), encoding="utf-8")


def machine():
    from importlib.metadata import version
    cpu = re.search(r"model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text()).group(1) \
        if os.path.exists("/proc/cpuinfo") else platform.processor()
    return {"cpu": cpu, "cores": os.cpu_count(), "python": platform.python_version(),
            "tensorflow": version("tensorflow"), "numpy": version("numpy"),
            "date": datetime.date.today().isoformat()}


def run(command):
    """Runs one command as a reader would type it; returns what it printed, its seconds and its peak memory in MB."""
    path = os.path.dirname(sys.executable) + os.pathsep + os.environ["PATH"]  # so that `python` is this one
    done = measure.spend(["bash", "-o", "pipefail", "-c", command], PATH=path)
    return {"stdout": done["stdout"], "seconds": round(done["seconds"], 1), "memory": round(done["memory"])}


def experiments(name):
    """Returns the public functions of notes/experiments/NAME.py, by name."""
    if not (NOTES / "experiments" / f"{name}.py").exists():
        return {}
    sys.path[:0] = [str(NOTES), str(ROOT)]
    module = importlib.import_module(f"experiments.{name}")
    return {key: value for key, value in vars(module).items()
            if inspect.isfunction(value) and value.__module__ == module.__name__ and not key.startswith("_")}


def translated(text, words):
    """Returns a text with its tables' cells, and what stands for a picture, in the words of another language."""
    return re.sub(r"(?<=\| )[^|\n]+(?= \|)|(?<=!\[)[^]]+(?=\])", lambda cell: words.get(cell[0], cell[0]), text)


def page_text(text, results, words=None):
    """Returns the page with every output and every value as stored; raises KeyError where one is not.

    words: what to write in place of a value, or of a table's cell, that is just this word. With them,
    "1 to 2" is "1 ~ 2".
    """
    values = {key: value for part in results["experiments"].values() for key, value in part.items()}
    for n, match in enumerate(COMMAND.finditer(text), 1):
        values[f"run{n}_seconds"] = results["commands"][match["command"]]["seconds"]

    def output(match):
        stdout = results["commands"][match["command"]]["stdout"].rstrip("\n")
        return "```console\n$ {}\n{}```".format(match["command"], stdout + "\n" if stdout else "")

    def value(match):
        spec = match["format"] or ""
        shown = format(values[match["name"]], spec[1:])
        if words:
            shown = re.sub(r"(?<=\d) to (?=-?\d)", " ~ ", translated(words.get(shown, shown), words))
        shown = f"\n{shown}\n" if "\n" in shown else shown  # a table stands on lines of its own
        return "<!--{" + match["name"] + spec + "}-->" + shown + "<!--/-->"

    return VALUE.sub(value, COMMAND.sub(output, text))


def navigation(path):
    """Returns the line that leads from a page to its neighbours, to the table of scripts, and to its translation."""
    order = re.findall(r"^\| \[(\w+)\.py\]", (ROOT / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
    language = path.parent.name if path.parent != NOTES else ""
    table, before, every, after = LANGUAGES[language]
    i = order.index(path.stem)
    links = [f"[{before}{name}]({name}.md)" for name in order[:i][-1:]] + [f"[{every}]({table})"]
    links += [f"[{after}{name}]({name}.md)" for name in order[i + 1:i + 2]]
    if language:
        links.append(f"[English](../{path.name})")
    elif (NOTES / "zh" / path.name).exists():
        links.append(f"[中文](zh/{path.name})")
    return " · ".join(links)


def chinese():
    """Returns the Chinese for the words in tables and values."""
    return json.loads((NOTES / "zh" / "words.json").read_text(encoding="utf-8"))


def written(path):
    """Returns the whole text of a page, in whatever language, as it follows from its prose and the stored results."""
    text = path.read_text(encoding="utf-8")
    text = page_text(text, load(path.stem), chinese() if path.parent != NOTES else None)
    return re.sub(r"\A(# .+\n)(?s:.*?)(?=^## )", lambda match: f"{match[1]}\n{navigation(path)}\n\n", text, count=1,
                  flags=re.MULTILINE)


def write(name):
    """Writes the stored results into a page, in all its languages."""
    for path in versions(name):
        try:
            text = written(path)
        except KeyError as error:
            sys.exit(f"{path}: nothing is stored for {error}; python notes/render.py {name} --missing runs it")
        path.write_text(text, encoding="utf-8")


def render(name, missing):
    results = load(name)
    text = (NOTES / f"{name}.md").read_text(encoding="utf-8")  # a translation has the same commands
    commands = [match["command"] for match in COMMAND.finditer(text)]
    parts = experiments(name)
    work = [("commands", key, lambda key=key: run(key)) for key in commands]
    work += [("experiments", key, part) for key, part in parts.items()]
    for kind, key, action in tqdm(work, desc=name, disable=None):
        if not (missing and key in results[kind]):
            tqdm.write(f"{name}: {key}", file=sys.stderr)
            results[kind][key] = action()
            results["machine"] = machine()
            store(name, results)  # what was measured is kept, whatever comes after it
    results["commands"] = {key: results["commands"][key] for key in commands}
    results["experiments"] = {key: results["experiments"][key] for key in parts}
    store(name, results)
    write(name)


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pages", nargs="*", metavar="PAGE", help=f"of {', '.join(pages())} (default: all)")
    parser.add_argument("--missing", action="store_true", help="run only what has no stored result")
    parser.add_argument("--text", action="store_true", help="run nothing: write the results into the pages again")
    args = parser.parse_args(argv)
    for name in args.pages:
        if name not in pages():
            parser.error(f"no page {name!r}: expected one of {', '.join(pages())}")
    for name in args.pages or pages():
        if args.text:
            write(name)
        else:
            render(name, args.missing)


if __name__ == "__main__":
    main()
    readme()
