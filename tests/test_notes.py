"""The pages say what the scripts do: stored outputs and numbers, quoted code, commands, links, two languages alike."""
import ast
import re
import shlex
import sys
import textwrap

import pytest
from conftest import ROOT, SCRIPTS, parser_of, source

sys.path.insert(0, str(ROOT / "notes"))
import render

HEADINGS = {"": ["Goal", "Idea", "Shapes", "The code", "Run it", "What came out", "What differs from the notes",
                 "Traps", "Questions", "Summary"],
            "zh": ["目标", "思路", "形状", "代码", "运行", "结果", "与笔记的不同", "陷阱", "问题", "小结"]}
PAGES = sorted((ROOT / "notes").glob("*.md")) + sorted((ROOT / "notes" / "zh").glob("*.md"))
BOOKS = [ROOT / name for name in ("README.md", "README.zh.md", "MIGRATING.md", "MIGRATING.zh.md")]

each_chinese = pytest.mark.parametrize("path", [path for path in PAGES + BOOKS if "zh" in str(path.relative_to(ROOT))],
                                       ids=lambda path: path.name)


def read(path):
    return path.read_text(encoding="utf-8")


def headings(text):
    """Returns level and words of each heading outside of code."""
    return re.findall(r"^(#+) (.+)$", re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL), re.MULTILINE)


def section(text, title):
    """Returns the text below a heading of level two."""
    return re.search(rf"^## {title}\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL).group(1)


@pytest.mark.skipif(sys.version_info < (3, 9), reason="the pages are measured by today's Python")
@pytest.mark.parametrize("path", PAGES + BOOKS[:2], ids=lambda path: "/".join(path.parts[-2:]))
def test_outputs_and_numbers_are_the_stored_ones(path):
    filled = render.readme if path in BOOKS else render.written
    assert filled(path) == read(path), "python notes/render.py --text"


@pytest.mark.parametrize("name", SCRIPTS)
@pytest.mark.parametrize("language", HEADINGS)
def test_headings_and_quoted_code(name, language):
    text = read(ROOT / "notes" / language / f"{name}.md")
    assert [words for level, words in headings(text) if level == "##"] == HEADINGS[language]
    quoted = re.findall(r"^```python\n(.*?)^```", section(text, HEADINGS[language][3]), re.MULTILINE | re.DOTALL)
    assert quoted, "a page shows the lesson's lines"
    lines = [line.strip() for line in source(name).splitlines()]
    for block in quoted:
        wanted = [line.strip() for line in block.rstrip().splitlines()]
        assert any(lines[i:i + len(wanted)] == wanted for i in range(len(lines))), block
        ast.parse(textwrap.dedent(block)) if block.startswith("def ") else None
    assert text.count("<details>") >= 3


@pytest.mark.parametrize("path", PAGES, ids=lambda path: "/".join(path.parts[-2:]))
def test_commands_parse(path, tmp_path, monkeypatch):
    (tmp_path / "notes" / "figures").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)  # --save-plot opens its file
    for command in re.findall(r"(?:^\$ |`|^)(python \w+\.py[^`|\n]*)", read(path), re.MULTILINE):
        _, script, *argv = shlex.split(command, comments=True)
        if script[:-3] in SCRIPTS:
            parser_of(script[:-3]).parse_args(argv)


def anchors(path):
    """Returns the names by which GitHub knows the headings of a file."""
    return {re.sub(r"[^\w -]", "", words.lower()).replace(" ", "-") for _, words in headings(read(path))}


@pytest.mark.parametrize("path", PAGES + BOOKS, ids=lambda path: "/".join(path.parts[-2:]))
def test_links_lead_somewhere(path):
    for link in re.findall(r"\]\((?!http)([^)]+)\)", read(path)):
        file, _, anchor = link.partition("#")
        target = (path.parent / file).resolve() if file else path
        assert target.exists() and (not anchor or anchor in anchors(target)), link


def parts(text):
    """Returns what two languages of one text have in common."""
    code = re.sub(r"  # .*", "", text)  # comments may be translated
    return {"headings": [level for level, _ in headings(text)],
            "code": re.findall(r"^```(?:console|python|sh|powershell|math)\n.*?^```", code, re.MULTILINE | re.DOTALL),
            "numbers": re.findall(r"<!-- values: .*? -->", text), "rows": len(re.findall(r"^\|.+\|$", text, re.M)),
            "figures": re.findall(r"([\w.-]+\.(?:png|gif|svg))\)", text), "questions": text.count("<details>")}


@each_chinese
def test_both_languages_are_the_same_page(path):
    english = str(path.relative_to(ROOT)).replace("zh/", "").replace(".zh", "")
    assert parts(read(path)) == parts(read(ROOT / english))


@each_chinese
def test_a_cell_and_a_unit_have_two_names_in_chinese(path):
    assert not re.findall(r".{6}(?<!循环)(?<!隐藏)单元.{4}", read(path))
