"""The pages say what the scripts do: stored outputs and numbers, commands that parse, names and figures that exist."""
import ast
import importlib
import os
import re
import shlex
import sys

import pytest
from conftest import ROOT, SCRIPTS

sys.path.insert(0, str(ROOT / "notes"))
import render

HEADINGS = ["Idea", "Shapes", "Reading the code", "Run it", "What came out", "Traps", "Try"]

each_page = pytest.mark.parametrize("name", SCRIPTS)


def page(name):
    return (ROOT / "notes" / f"{name}.md").read_text(encoding="utf-8")


@each_page
def test_page_has_the_template_s_headings(name):
    assert page(name).startswith(f"# {name}.py: ")
    assert re.findall(r"^## (.+)$", page(name), re.MULTILINE) == HEADINGS


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
    links = re.findall(r"\]\(([^)#]+)\)", page(name))
    figures = [link for link in links if link.endswith(".png")]
    assert figures
    for link in links:
        if not link.startswith("http"):
            assert (ROOT / "notes" / link).exists(), link
    for figure in figures:
        assert os.path.getsize(ROOT / "notes" / figure) < 200_000


def test_readme_names_every_script_and_page_and_every_link_resolves():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    for name in SCRIPTS:
        assert f"| [{name}.py]({name}.py) · [notes](notes/{name}.md) |" in text
    for link in re.findall(r"\]\((?!http)([^)#]+)\)", text):
        assert (ROOT / link).exists(), link


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
