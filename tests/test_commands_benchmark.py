"""Whole commands, alone and in turn with another build."""

import pytest

from core import commands_benchmark
from core.commands_benchmark import run
from core.cost import Cost

COMMANDS = {"look": ("inspect",)}


def test_a_command_alone_has_medians(monkeypatch):
    asked, costs = [], iter([Cost(9, 9, 9), Cost(3, 1, 5), Cost(1, 2, 6), Cost(2, 3, 4)])
    monkeypatch.setattr(commands_benchmark, "_cost", lambda build, arguments: asked.append(arguments) or next(costs))
    assert run(pairs=3, commands=COMMANDS) == [{"command": "look", "wall s": 2, "CPU s": 2, "MiB": 5}]
    assert asked == [("--help",), *[("inspect",)] * 3]


def test_two_builds_take_turns_and_ratios_are_within_a_turn(monkeypatch, tmp_path):
    (tmp_path / "core").mkdir()
    (tmp_path / "core" / "cli.py").touch()  # as builds of long ago had it
    took = {"other": iter((1.0, 4.0, 2.0, 8.0)), "this": iter((1.0, 1.0, 2.0, 4.0))}
    asked = []

    def cost(build, arguments):
        side = "other" if build == tmp_path else "this"
        asked.append(side)
        return Cost(next(took[side]), 1.0, 1.0)

    monkeypatch.setattr(commands_benchmark, "_cost", cost)
    first, *_ = rows = run(tmp_path, pairs=3, commands=COMMANDS)
    assert first == {"command": "look", "what": "wall s", "the other build": 4.0, "this one": 2.0, "ratio": 0.5}
    assert [row["what"] for row in rows] == ["wall s", "CPU s", "MiB"]
    assert asked == ["other", "this", "this", "other", "other", "this", "this", "other"]


@pytest.mark.slow
def test_a_real_command_is_measured():
    [row] = run(pairs=1, commands={"--help": ("--help",)})
    assert row["wall s"] > 0
    assert row["CPU s"] > 0
    assert row["MiB"] > 10
