import re
from pathlib import Path

import pytest
import yaml

import core
from core import IsobarError, load_run
from core.training.spec import RunSpec
from core.yaml_text import parsed

LAUGHS = "a: &a [lol, lol, lol, lol, lol, lol, lol, lol, lol]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]\n" for before, name in zip("abcdefgh", "bcdefghi")
)
"""Four hundred million words in nine lines."""


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (LAUGHS, "aliases spell more than 200,000 values"),
        ("a: &a [*a]", "aliases spell more than 200,000 values"),
        ("a: &a {b: *a}", "aliases spell more than 200,000 values"),
        ("a: " + "[" * 100_000, "nest|deep"),
        ("a: " + "[" * 900 + "]" * 900, "nest|deep"),
        ("a: 2026-99-99", "month"),
        ("a: " + "1" * 5_000, "digits"),
        ("{[1]: 2, {a: 1}: 3}", "unhashable|hashable"),
        ("!!python/object/apply:os.system ['touch it']", "could not determine a constructor"),
        ("a: b: c", "mapping values"),
        ("a: '\x07'", "special characters|unacceptable|control"),
        (b"a: \xff\xfe\xfa", "utf-?8|UTF-8|encod"),
        ("--- a\n--- b", "single document"),
        ("x" * 4_000_001, "at most 4,000,000"),
    ],
    ids=range(14),
)
def test_what_is_no_yaml_or_too_large_is_a_clause(text, said):
    with pytest.raises(ValueError, match=said) as error:
        parsed(text)
    assert "\n" not in str(error.value)


def test_aliases_that_spell_little_are_read():
    text = "base: &base {seed: 0, weight: 1.5}\nothers: [*base, *base, {<<: *base, seed: 1}]\n"
    assert parsed(text) == yaml.safe_load(text)
    assert parsed("") is None
    assert parsed(b"\xef\xbb\xbfa: 1") == {"a": 1}


@pytest.mark.parametrize("name", ["model", "learning_rate", "regularizers", "nonsense"])
def test_a_setting_of_many_aliases_is_refused_in_a_sentence(tmp_path, name):
    for text in (LAUGHS + f"{name}: *i\n", f"a: &a [{'x, ' * 300}]\n{name}: [{'*a, ' * 300}]\n"):
        (tmp_path / "spec.yaml").write_text(text)
        with pytest.raises(IsobarError) as error:
            RunSpec.from_yaml(tmp_path / "spec.yaml")
        assert len(str(error.value)) < 2_000


def test_a_run_with_such_settings_is_listed(tmp_path):
    (tmp_path / "spec.yaml").write_text(LAUGHS)
    run = load_run(tmp_path)
    assert run.spec == {}
    assert "spec.yaml is missing or can't be read." in run.problems


def test_nothing_else_in_the_package_reads_yaml():
    root = Path(core.__file__).parents[1]
    files = [path for package in ("core", "explorer") for path in (root / package).rglob("*.py")]
    assert len(files) > 100
    found = [path for path in files if re.search(r"yaml\.(safe_|full_|unsafe_)?load", path.read_text("utf-8"))]
    assert found == []
