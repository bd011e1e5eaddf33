"""The pages say what the scripts do: stored outputs and numbers, commands that parse, names and figures that exist."""
import ast
import importlib
import json
import os
import re
import shlex
import sys
import types

import pytest
from conftest import ROOT, SCRIPTS

sys.path.insert(0, str(ROOT / "notes"))
import measure
import render

HEADINGS = ["Idea", "Shapes", "Reading the code", "Run it", "What came out", "Traps", "Try"]

CHINESE_HEADINGS = ["思路", "形状", "读代码", "运行", "结果", "陷阱", "试一试"]
BROKEN = {"sin_to_cos_lstm": "`--stateless`", "deep_rnn": "`[cell] * n`", "predict_sin_lstm": "dropout left on",
          "variable_length": "padding without lengths", "time_series_rnn": "targets that wrap round",
          "char_rnn": "targets that wrap round", "bidirectional_lstm": "the last output"}
EXERCISES = {"static_vs_dynamic_rnn": "`dynamic_rnn` over `static_rnn`", "variable_length": "of variable length?",
             "multi_gpu_rnn": "several GPUs?"}
CHINESE = sorted(path.stem for path in (ROOT / "notes" / "zh").glob("*.md"))

TODAY = pytest.mark.skipif(sys.version_info < (3, 9), reason="the notes are measured by today's Python")

each_page = pytest.mark.parametrize("name", SCRIPTS)
each_chinese_page = pytest.mark.parametrize("name", CHINESE)


def page(name, language="."):
    return (ROOT / "notes" / language / f"{name}.md").read_text(encoding="utf-8")


def headings(text):
    """Returns the level and the words of each heading; what looks like one in a code block is none."""
    text = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    return [(len(level), words) for level, words in re.findall(r"^(#+) (.+)$", text, re.MULTILINE)]


def anchors(path):
    """Returns the names by which GitHub knows the headings of a file."""
    return {re.sub(r"[^\w -]", "", words.lower()).replace(" ", "-")
            for _, words in headings(path.read_text(encoding="utf-8"))}


def broken_links(path):
    """Returns the links of a file in the repository that lead nowhere, to a missing file or to a missing heading."""
    broken = []
    for link in re.findall(r"\]\((?!http)([^)]+)\)", path.read_text(encoding="utf-8")):
        file, _, anchor = link.partition("#")
        target = (path.parent / file).resolve() if file else path
        if not target.exists() or anchor and anchor not in anchors(target):
            broken.append(link)
    return broken


def boxes(text, lead):
    """Returns the text of each box that begins with this lead in bold."""
    return re.findall(rf"^> \*\*{lead}.+\*\*.*\n(?:>.*\n)*", text, re.MULTILINE)


def inline(text):
    """Returns each piece of inline code, within one backquote or two."""
    return re.findall(r"``.+?``|`[^`]+`", text)


def quoted(text):
    """What two languages of one page, or of README, have in common; for each kind, what there is."""
    plain = re.sub(r"^> ?|(?<=  )# .*", "", text, flags=re.MULTILINE)  # comments may be translated
    return {"levels of headings": [level for level, _ in headings(text)],
            "code": re.findall(r"^```(?:console|sh|python)\n.*?^```", plain, re.MULTILINE | re.DOTALL),
            "commands": sorted(re.findall(r"`(python [^`]+)`", text)),
            "markers": sorted(re.findall(r"<!--(\{[^}]*\})-->", text)),
            "figures": re.findall(r"([\w.-]+\.(?:png|gif))\)", text),
            "rows of tables": len(re.findall(r"^\|.+\|$", text, re.MULTILINE))}


@each_page
def test_page_has_the_template_s_headings(name):
    assert page(name).startswith(f"# {name}.py: ")
    assert [words for level, words in headings(page(name)) if level == 2] == HEADINGS


def test_pages_lead_on_in_reading_order():
    order = re.findall(r"^\| \[(\w+)\.py\]", (ROOT / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(order) == SCRIPTS
    for i, name in enumerate(order):
        lines = page(name).split("\n")
        assert lines[1] == lines[3] == "" and lines[4].startswith("## ")
        neighbours = re.findall(r"\[(?:previous|next): (\w+)\]\(\1\.md\)", lines[2])
        assert neighbours == order[max(i - 1, 0):i] + order[i + 1:i + 2]
        assert "[all scripts](../README.md#" in lines[2]


@each_page
def test_line_that_leads_on_is_as_made(name):
    for path in render.versions(name):
        assert path.read_text(encoding="utf-8").split("\n")[2] == render.navigation(path)


@each_page
def test_no_line_of_prose_begins_with_a_marker(name):
    """Such a line would be a block of HTML: it ends the paragraph before it, and its own Markdown is not read."""
    for path in render.versions(name):
        for line in path.read_text(encoding="utf-8").split("\n"):
            assert not re.match(r"(?:[\s>]|[-*] |\d+\. )*<!--\{[^}]*\}-->.", line), line


@each_page
def test_boxes_say_what_is_wrong_and_what_it_costs(name):
    traps = page(name).split("\n## Traps\n")[1].split("\n## ")[0]
    found = boxes(traps, "Broken on purpose: ")
    assert len(found) == (name in BROKEN) == page(name).count("**Broken on purpose")
    for box in found:
        assert BROKEN[name] in box
        assert "The wrong line" in box and "> ```python\n" in box  # what to change
        assert "where it should be" in box.replace("\n> ", " ")
        assert len(re.findall(r"<!--\{", box)) >= 2  # the wrong number and the right one


@each_page
def test_exercises_are_answered_with_what_was_measured(name):
    found = boxes(page(name), "Exercise: ")
    assert len(found) == (name in EXERCISES) == page(name).count("**Exercise")
    for box in found:
        assert EXERCISES[name] in box and len(re.findall(r"<!--\{", box)) >= 4


@each_page
def test_outputs_and_numbers_are_the_stored_results(name):
    assert render.page_text(page(name), render.load(name)) == page(name)


@each_page
def test_commands_parse(name, monkeypatch):
    commands = re.findall(r"(?:^\$ |`|&& )python ([a-z_]+)\.py([^`|&\n]*)", page(name), re.MULTILINE)
    assert name in [script for script, _ in commands]

    class Parsed(Exception):
        pass

    for script, flags in commands:
        module = importlib.import_module(script)
        parse = module.argparse.ArgumentParser.parse_args

        def parsed(self, argv=None, parse=parse):
            parse(self, argv)
            raise Parsed

        with monkeypatch.context() as patch:
            patch.chdir(ROOT)
            patch.setattr(module.argparse.ArgumentParser, "parse_args", parsed)
            with pytest.raises(Parsed):
                module.main(shlex.split(flags))


@each_page
def test_functions_named_under_reading_the_code_exist(name):
    text = page(name).split("## Reading the code")[1].split("\n## ")[0]
    module = ast.parse((ROOT / f"{name}.py").read_text(encoding="utf-8"))
    defined = {node.name for node in ast.walk(module) if isinstance(node, (ast.FunctionDef, ast.ClassDef))}
    named = re.findall(r"^- `(\w+)[`(]", text, re.MULTILINE)
    assert named and set(named) <= defined, set(named) - defined


@each_page
def test_figures_and_links_resolve(name):
    figures = re.findall(r"\]\(([^)]+\.png)\)", page(name))
    assert figures
    assert broken_links(ROOT / "notes" / f"{name}.md") == []
    for figure in figures:
        assert os.path.getsize(ROOT / "notes" / figure) < 200_000


def test_readme_names_every_script_and_page_and_every_link_resolves():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    for name in SCRIPTS:
        assert f"| [{name}.py]({name}.py) · [notes](notes/{name}.md) |" in text
    assert broken_links(ROOT / "README.md") == []


def test_every_figure_is_referred_to():
    pages = (ROOT / "README.md").read_text(encoding="utf-8") + "".join(map(page, SCRIPTS))
    for figure in (ROOT / "notes" / "figures").glob("*"):
        assert f"figures/{figure.name})" in pages, figure.name


def test_a_number_that_was_typed_over_is_found():
    results = {"commands": {"python x.py": {"stdout": "a\n", "seconds": 2.0}}, "experiments": {"e": {"v": 1.25}}}
    text = "```console\n$ python x.py\na\n```\n<!--{v:.1f}-->1.2<!--/-->, <!--{run1_seconds:.0f}-->2<!--/--> s\n"
    assert render.page_text(text, results) == text
    assert render.page_text(text.replace("1.2<", "1.3<"), results) == text
    assert render.page_text(text.replace("\na\n", "\nb\n"), results) == text
    with pytest.raises(KeyError):
        render.page_text("<!--{w}--><!--/-->", results)


@pytest.mark.parametrize("given, wanted", [
    ("7 to 8", "7 ~ 8"), ("mean", "平均"), ("by mean and", "by mean and"), ("| of 1 to 10 |", "| 第 1 至 10 个 |"),
    ("| steps | mean |\n| --- | --- |\n| mean 1 | 1.5 (1.0 to -2.0) |",
     "| 步数 | 平均 |\n| --- | --- |\n| mean 1 | 1.5 (1.0 ~ -2.0) |")])
def test_words_of_values_are_translated_whole(given, wanted):
    results = {"commands": {}, "experiments": {"e": {"v": given}}}
    words = {"mean": "平均", "steps": "步数", "of 1 to 10": "第 1 至 10 个"}
    assert wanted in render.page_text("<!--{v}--><!--/-->", results, words)
    assert given in render.page_text("<!--{v}--><!--/-->", results)


def test_text_is_written_without_running(monkeypatch, tmp_path):
    notes = tmp_path / "notes"
    for folder in ("results", "zh"):
        (notes / folder).mkdir(parents=True)
    (tmp_path / "README.md").write_text("| [a.py](a.py) |\n| [b.py](b.py) |\n", encoding="utf-8")
    (notes / "zh" / "words.json").write_text("{}", encoding="utf-8")
    monkeypatch.setattr(render, "NOTES", notes)
    monkeypatch.setattr(render, "ROOT", tmp_path)
    monkeypatch.setattr(render, "run", None)  # whoever calls it fails
    stored = {"commands": {"x": {"stdout": "1\n", "seconds": 2.0}}, "experiments": {"e": {"v": 0.5}}}
    (notes / "results" / "a.json").write_text(json.dumps(stored), encoding="utf-8")
    text = ("\n{}\n\n## H\n\n```console\n$ x\n{}```\n\n"
            "v <!--{{v:.2f}}-->{}<!--/--> <!--{{run1_seconds:.0f}}-->{}<!--/-->\n")
    for language in ("", "zh"):
        (notes / language / "a.md").write_text("# a\n" + text.format("old", "", "", ""), encoding="utf-8")
    (notes / "b.md").write_text("left alone", encoding="utf-8")
    render.main(["a", "--text"])
    for language in ("", "zh"):
        path = notes / language / "a.md"
        assert path.read_text(encoding="utf-8") == "# a\n" + text.format(render.navigation(path), "1\n", "0.50", "2")
    assert "(b.md)" in render.navigation(notes / "a.md") and "(a.md)" in render.navigation(notes / "b.md")
    assert (notes / "b.md").read_text(encoding="utf-8") == "left alone"
    (notes / "zh" / "a.md").write_text("# a\n\n## H\n\n<!--{w}--><!--/-->\n", encoding="utf-8")
    with pytest.raises(SystemExit, match="nothing is stored for 'w'"):
        render.main(["a", "--text"])


def test_only_what_is_missing_is_run_and_what_the_page_quotes_no_more_is_forgotten(monkeypatch, tmp_path):
    monkeypatch.setattr(render, "NOTES", tmp_path)
    monkeypatch.setattr(render, "navigation", lambda path: "navigation")
    ran = []
    monkeypatch.setattr(render, "run", lambda command: ran.append(command) or {
        "stdout": f"{command} {len(ran)}\n", "seconds": 3.0})
    monkeypatch.setattr(render, "experiments", lambda name: {"e": lambda: ran.append("e") or {"v": len(ran)}})
    monkeypatch.setattr(render, "machine", lambda: "this one")
    old = {"stdout": "old\n", "seconds": 1.0}
    path, results = tmp_path / "a.md", tmp_path / "results" / "a.json"
    path.write_text("# a\n\n## H\n\n```console\n$ x\n```\n\n```console\n$ y\n```\n\n<!--{v}--><!--/-->\n")
    measure.store(results, {"commands": {"x": old, "gone": old}, "experiments": {"gone": {"w": 1}}, "machine": "old"})
    render.main(["a", "--missing"])
    assert ran == ["y", "e"]
    assert json.loads(results.read_text()) == {
        "commands": {"x": old, "y": {"stdout": "y 1\n", "seconds": 3.0}}, "experiments": {"e": {"v": 2}},
        "machine": "this one"}
    page = "# a\n\nnavigation\n\n## H\n\n```console\n$ x\n{}```\n\n```console\n$ y\n{}```\n\n<!--{{v}}-->{}<!--/-->\n"
    assert path.read_text() == page.format("old\n", "y 1\n", 2)
    render.main(["a"])
    assert ran == ["y", "e", "x", "y", "e"] and path.read_text() == page.format("x 3\n", "y 4\n", 5)


def test_experiments_are_the_public_functions_of_their_file():
    tree = ast.parse((ROOT / "notes" / "experiments" / "char_rnn.py").read_text(encoding="utf-8"))
    names = [node.name for node in tree.body if isinstance(node, ast.FunctionDef)]
    public = [name for name in names if not name.startswith("_")]
    assert list(render.experiments("char_rnn")) == public != names
    assert set(render.load("char_rnn")["experiments"]) == set(public)
    assert render.experiments("no_such_page") == {}


# what measures --------------------------------------------------------------------------------------------------
@TODAY
def test_a_command_is_run_as_a_reader_types_it_and_its_failure_is_not_stored(capfd):
    done = render.run("python -c 'import os, sys; print(os.path.dirname(sys.executable)); print(1, file=sys.stderr)'")
    assert done["stdout"] == os.path.dirname(sys.executable) + "\n" and set(done) == {"stdout", "seconds", "memory"}
    assert capfd.readouterr() == ("", "")
    for command in ("echo why >&2; exit 3", "(echo why >&2; exit 3) | cat"):
        with pytest.raises(SystemExit, match="exit status 3\nwhy"):
            render.run(command)


@TODAY
def test_memory_is_in_mb():
    code = ("import json, sys; sys.path.insert(0, 'notes'); import measure; print(json.dumps([measure.spend("
            "[sys.executable, '-c', f\"len(b'1' * {n} * 2**20)\"])['memory'] for n in (1, 200)]))")
    less, more = measure.python(code)  # from a small process: no child's peak is below that of its parent
    assert 190 < more - less < 210


def test_python_returns_the_last_line_of_the_interpreter_that_is_asked_for(monkeypatch):
    code = "import json, sys; print(1); print(json.dumps(sys.argv[1:]))"
    assert measure.python(code, "a", "b") == ["a", "b"]
    monkeypatch.setattr(measure, "TF1_PYTHON", None)
    with pytest.raises(SystemExit, match="TF1_PYTHON"):
        measure.python(code, tf1=True)
    monkeypatch.setattr(measure, "TF1_PYTHON", "/no/such/python")
    with pytest.raises(FileNotFoundError):
        measure.python(code, tf1=True)


def test_steps_are_timed_without_those_that_warm_up(monkeypatch, capsys):
    clock = iter([0, 5, 6, 6.25, 6.75, 7])  # seconds
    script = types.SimpleNamespace(train=lambda on_step, iterations: [on_step(i, 0.5) for i in range(iterations)])
    monkeypatch.setitem(sys.modules, "some_script", script)
    monkeypatch.setitem(sys.modules, "time", types.SimpleNamespace(perf_counter=clock.__next__))
    monkeypatch.setattr(sys, "argv", ["-c", json.dumps({"iterations": 6})])
    exec(measure.TIMED.format(script="some_script", warm_up=2), {})
    assert json.loads(capsys.readouterr().out) == [250, 500, 250]


def test_medians_and_percentiles_are_of_all_rounds(monkeypatch):
    asked, ms = [], {"slow": iter([[30] * 10, [10] * 9 + [1000]]), "quick": iter([[1, 2] * 5, [3] * 10])}
    name = {"slow_script": "slow", "quick_script": "quick"}

    def python(code, kwargs, tf1=False):
        script, = re.findall(r"import (\w+) as script", code)
        asked.append((script, json.loads(kwargs), tf1))
        return next(ms[name[script]])

    monkeypatch.setattr(measure, "python", python)
    values = measure.timing_values({"tf1": ("slow_script", True, {"xla": False}),
                                    "xla": ("quick_script", False, {"iterations": 9})})
    assert asked == 2 * [("slow_script", {"xla": False}, True), ("quick_script", {"iterations": 9}, False)]  # in turn
    assert values == {"tf1_ms": 30, "tf1_ms_low": 10, "tf1_ms_high": 30, "tf1_to_tf1": 1,
                      "xla_ms": 2.5, "xla_ms_low": 1, "xla_ms_high": 3, "tf1_to_xla": 12}


# what the two languages have in common ----------------------------------------------------------------------------
@each_chinese_page
def test_chinese_page_has_the_template_s_headings(name):
    text = page(name, "zh")
    assert text.startswith(f"# {name}.py：")
    assert [words for level, words in headings(text) if level == 2] == CHINESE_HEADINGS


@each_chinese_page
def test_chinese_page_quotes_what_the_english_page_quotes(name):
    english, chinese = quoted(page(name)), quoted(page(name, "zh"))
    for kind in english:
        assert chinese[kind] == english[kind], kind


@each_chinese_page
def test_chinese_page_names_the_same_functions_and_has_the_same_boxes(name):
    parts = page(name).split("\n## ")[3], page(name, "zh").split("\n## ")[3]
    english, chinese = [re.findall(r"^- `(\w+)[`(]", text, re.MULTILINE) for text in parts]
    assert chinese == english
    for lead, translated in (("Broken on purpose: ", "故意改错："), ("Exercise: ", "练习：")):
        assert len(boxes(page(name, "zh"), translated)) == len(boxes(page(name), lead))


@each_chinese_page
def test_links_on_a_chinese_page_resolve(name):
    path = ROOT / "notes" / "zh" / f"{name}.md"
    assert "../../README.zh.md#" in path.read_text(encoding="utf-8")
    assert broken_links(path) == []


@pytest.mark.parametrize("link, broken", [
    ("b.md", False), ("b.md#一二-three", False), ("#一", False), ("c.md", True), ("b.md#一", True), ("#二", True)])
def test_a_link_that_leads_nowhere_is_found(link, broken, tmp_path):
    (tmp_path / "a.md").write_text(f"# 一\n\n```sh\n# 二\n```\n\n[x]({link})\n", encoding="utf-8")
    (tmp_path / "b.md").write_text("## 一，二 Three\n", encoding="utf-8")
    assert broken_links(tmp_path / "a.md") == ([link] if broken else [])


@each_chinese_page
def test_chinese_page_is_written_from_the_same_results(name):
    path = ROOT / "notes" / "zh" / f"{name}.md"
    assert render.written(path) == path.read_text(encoding="utf-8")
    tables = re.sub(r"`[^`]*`", "", "".join(re.findall(r"^\|.+\n", page(name, "zh"), re.MULTILINE)))
    assert re.findall(r"[a-z]{2,} [a-z]{2,}", tables) == []  # notes/zh/words.json has no Chinese for these


def test_chinese_pages_are_of_scripts():
    assert set(CHINESE) <= set(SCRIPTS)
    for name in CHINESE:
        figures = re.findall(r"\]\(([^)]+\.png)\)", page(name, "zh"))
        assert all((ROOT / "notes" / "zh" / figure).exists() for figure in figures)


def test_chinese_readme_quotes_what_the_readme_quotes():
    texts = [(ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "README.zh.md")]
    english, chinese = map(quoted, texts)
    for kind in english:
        assert chinese[kind] == english[kind], kind
    links = [re.findall(r"^\| \[(\w+)\.py\]\(\1\.py\) · \[\w+\]\(notes/([\w/]+)\.md\) \|", text, re.MULTILINE)
             for text in texts]
    assert len(links[0]) == len(SCRIPTS)
    assert [(name, f"zh/{notes}") for name, notes in links[0]] == links[1]
    rows = [re.findall(r"^\|.+\|$", text, re.MULTILINE) for text in texts]
    assert len(rows[0]) == len(rows[1])
    for one, other in zip(*rows):
        assert sorted(inline(one)) == sorted(inline(other))


def test_every_page_stands_in_both_languages():
    assert CHINESE == SCRIPTS
    assert broken_links(ROOT / "README.zh.md") == []
    for name, other in (("README.md", "README.zh.md"), ("README.zh.md", "README.md")):
        assert f"]({other})" in (ROOT / name).read_text(encoding="utf-8")
