"""What the documents say: their links lead somewhere, their commands and their Python are understood."""

import ast
import re
import shlex
from importlib.util import find_spec
from pathlib import Path

import pytest
import typer

ROOT = Path(__file__).parents[1]
PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), ROOT / "findings" / "README.md"]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def blocks(page, *languages):
    return [text for language, text in BLOCK.findall(page.read_text("utf-8")) if language in languages]


def anchors(page):
    titles = re.findall(r"^#+ (.+)$", page.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    prose = BLOCK.sub("", page.read_text("utf-8"))
    targets = [target for target in re.findall(r"\]\(([^)\s]+)\)", prose) if "://" not in target]
    for target in targets:
        path, _, anchor = target.partition("#")
        found = (page.parent / path).resolve() if path else page
        assert found.exists(), target
        assert not anchor or anchor in anchors(found), target


COMMANDS = [
    re.sub(r"^accelerate launch .*--no_python ", "", line.split("#")[0].split("&&")[-1].strip())
    for page in PAGES
    for text in blocks(page, "sh", "bash")
    for line in text.splitlines()
    if re.match(r"\s*(?:.*&& |accelerate launch .*)?isobar (?!&&)", line + " ")
]
MENTIONED = {
    command for page in PAGES for command in re.findall(r"`(isobar [^`]+)`", BLOCK.sub("", page.read_text("utf-8")))
}
MODULES = {
    name for page in PAGES for name in re.findall(r"python -m ((?:tests|core|explorer)[\w.]*)", page.read_text("utf-8"))
}


def test_there_are_commands_to_look_at():
    assert len(COMMANDS) > 20


@pytest.mark.parametrize("line", dict.fromkeys(COMMANDS))
def test_commands_are_understood(line):
    understood(shlex.split(line.rstrip("\\").strip())[1:])


@pytest.mark.parametrize("line", sorted(MENTIONED))
def test_commands_in_a_sentence_have_their_options_and_files(line):
    """In a sentence most lack what they must be given, so that the command, its options and the project's files are looked for."""
    group, words = whole_command(), shlex.split(line)[1:]
    context, command = group.make_context("isobar", []), group
    while words and hasattr(command, "get_command") and words[0] != "...":
        if words[0].startswith("--"):
            break
        command = command.get_command(context, words.pop(0))
        assert command is not None, line
    known = {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}
    assert {word.partition("=")[0] for word in words if word.startswith("--")} <= known | {"--help"}
    for word in words:
        assert not word.startswith(("assets/", "docs/", "tests/")) or (ROOT / word).exists(), word


@pytest.mark.parametrize("name", sorted(MODULES))
def test_modules_that_are_run_are_there(name):
    assert find_spec(name) is not None


@pytest.mark.parametrize("words", [["train", "--prset", "digits"], ["trian"], ["measure"]])
def test_wrong_ones_are_not(words):
    with pytest.raises(Exception, match=r"No such option|No such command|Missing parameter"):
        understood(words)


def whole_command():
    from core.cli import cli

    return typer.main.get_command(cli)


def understood(words):
    group = whole_command()
    context = group.make_context("isobar", words[:0])
    if words:
        name, command, rest = group.resolve_command(context, words)
        command.make_context(name, rest, parent=context)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_python_is_python_and_names_what_core_has(page):
    import core

    for text in blocks(page, "python"):
        tree = ast.parse(text)
        named = [
            name
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom) and node.module == "core"
            for name in node.names
        ]
        assert all(hasattr(core, name.name) for name in named)
