# SPDX-License-Identifier: Apache-2.0
"""The shape of the source tree: what every file has, how long it may be, where imports stand.

The layers themselves are held by import-linter (`[tool.importlinter]` of pyproject.toml, run by `make lint`). Every
list of exceptions here is exact: a test fails when one is missing, and when one is no longer needed.
"""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
CONFIG = tomllib.loads((ROOT / "pyproject.toml").read_text())
CODE = sorted(
    p
    for folder in ("src", "rtl", "hls", "boards", "models", "sim", "scripts", "tests")
    for p in (ROOT / folder).rglob("*")
    if p.suffix in {".py", ".sv", ".cpp", ".h"} and not {"obj_dir", "golden"} & set(p.parts)
)
SOURCES = [p for p in CODE if p.suffix == ".py" and p.is_relative_to(ROOT / "src")]

# Lines above which a file must be split, and the files that are longer, with the reason.
MOST_LINES = 450
LONG = {
    "sim/cycles.cpp": "the compiled stepper: one loop, and the records that it reads",
}

# Own modules that functions import, with the reason. In cli/ every command imports what it runs.
LATE = {
    "models/salinas_1dcnn.py": "rtl4ml.steps imports TensorFlow, which recipes without steps do without",
    "src/rtl4ml/frontends/qkeras/model_file.py": "importing rtl4ml.steps imports TensorFlow",
}


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def test_every_file_states_its_licence() -> None:
    without = [name(p) for p in CODE if "SPDX-License-Identifier: Apache-2.0" not in first_line(p)]
    assert not without, f"these files must begin with an SPDX line: {without}"


def first_line(path: Path) -> str:
    return path.read_text(encoding="utf-8").partition("\n")[0]


def test_every_module_says_what_it_is() -> None:
    without = [name(p) for p in SOURCES if not ast.get_docstring(parsed(p))]
    assert not without, f"these modules must have a docstring: {without}"


def test_no_file_is_too_long() -> None:
    tests = ROOT / "tests"
    long = {name(p) for p in CODE if not p.is_relative_to(tests) and len(lines(p)) > MOST_LINES}
    assert long == set(LONG), (
        f"longer than {MOST_LINES} lines, not listed: {sorted(long - set(LONG))}; listed, not longer: "
        f"{sorted(set(LONG) - long)}"
    )


def lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines()


def test_functions_import_no_own_modules() -> None:
    modules = [*SOURCES, *(ROOT / "models").glob("*.py"), *(ROOT / "sim").glob("*.py")]
    late = {
        name(p) for p in modules if not p.is_relative_to(ROOT / "src/rtl4ml/cli") and list(late_imports(p))
    }
    assert late == set(LATE), (
        f"import own modules inside functions, not listed: {sorted(late - set(LATE))}; listed, but do not: "
        f"{sorted(set(LATE) - late)}"
    )


def late_imports(path: Path) -> Iterator[str]:
    """Own modules that the functions of a module import."""
    for node, inside in imports(parsed(path)):
        names = [a.name for a in node.names] if isinstance(node, ast.Import) else [node.module or ""]
        if inside:
            yield from (n for n in names if n.partition(".")[0] == "rtl4ml")


def imports(node: ast.AST, inside: bool = False) -> Iterator[tuple[ast.Import | ast.ImportFrom, bool]]:
    """Every import below a node, and whether it stands inside a function; no expression is searched."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import | ast.ImportFrom):
            yield child, inside
        elif isinstance(child, ast.stmt | ast.excepthandler | ast.match_case):
            yield from imports(child, inside or isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef))


def test_no_private_name_is_imported() -> None:
    private = [
        f"{name(p)}: {node.module}.{a.name}"
        for p in SOURCES
        for node, _ in imports(parsed(p))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("rtl4ml")
        for a in node.names
        if re.fullmatch(r"_[^_].*", a.name)
    ]
    assert not private, f"private names of other modules are imported: {private}"


def test_imported_modules_exist() -> None:
    """Programs that tests and scripts run stand in texts, which no linter reads."""
    modules = {".".join(p.relative_to(ROOT / "src").with_suffix("").parts) for p in SOURCES}
    modules |= {m.removesuffix(".__init__") for m in modules}
    mapped = CONFIG["tool"]["setuptools"]["package-dir"]
    modules |= {f"{k}.{p.stem}" for k, v in mapped.items() if k != "rtl4ml" for p in (ROOT / v).glob("*.py")}
    given = set(re.findall(r'^    "(\w+)": "', (ROOT / "src/rtl4ml/__init__.py").read_text(), re.MULTILINE))
    statement = re.compile(r"^ *(?:from (rtl4ml[\w.]*) import ([\w, ]+)|import (rtl4ml[\w.]*))", re.MULTILINE)
    gone = set()
    for path in (p for p in CODE if p.suffix == ".py"):
        for module, names, plain in statement.findall(path.read_text(encoding="utf-8")):
            wanted = {module or plain} - {"rtl4ml"} - set(mapped)
            if module == "rtl4ml":
                wanted = {f"rtl4ml.{n.split()[0]}" for n in names.split(",") if n.split()[0] not in given}
            gone |= {f"{name(path)}: {m}" for m in wanted - modules - {"rtl4ml.__version__"}}
    assert not gone, f"imports of modules that do not exist: {sorted(gone)}"


def test_the_layers_have_no_exceptions() -> None:
    contracts = CONFIG["tool"]["importlinter"]["contracts"]
    ignored = {c["name"]: c["ignore_imports"] for c in contracts if c.get("ignore_imports")}
    assert not ignored, f"the contracts of imports must hold without exceptions: {ignored}"


def test_packages_are_those_that_exist() -> None:
    setup = CONFIG["tool"]["setuptools"]
    mapped = {k: v for k, v in setup["package-dir"].items() if k != "rtl4ml"}
    there = {".".join(p.parent.relative_to(ROOT / "src").parts) for p in SOURCES if p.name == "__init__.py"}
    there |= {package for package, folder in mapped.items() if (ROOT / folder / "__init__.py").is_file()}
    declared = set(setup["packages"])
    assert len(declared) == len(setup["packages"]), "a package is declared twice"
    assert declared == there, (
        f"declared, not there: {sorted(declared - there)}; there, not declared: {sorted(there - declared)}"
    )


def test_no_file_of_src_lies_outside_of_a_package() -> None:
    bare = {name(p.parent) for p in SOURCES if not (p.parent / "__init__.py").is_file()}
    assert not bare, f"these folders have modules and no __init__.py: {sorted(bare)}"


@pytest.mark.parametrize("rule", ["PLC0415", "SLF001", "TID253", "C901", "PLR0915"])
def test_every_exception_from_the_linter_is_needed(rule: str) -> None:
    """The linter does not say when a file of `per-file-ignores` needs its entry no more."""
    lint = CONFIG["tool"]["ruff"]["lint"]
    listed = {file for file, rules in lint["per-file-ignores"].items() if rule in rules and "*" not in file}
    absent = [file for file in listed if not (ROOT / file).is_file()]
    assert not absent, f"{rule}: there are no such files: {absent}"
    options = {
        "mccabe.max-complexity": lint["mccabe"]["max-complexity"],
        "pylint.max-statements": lint["pylint"]["max-statements"],
        "flake8-self.extend-ignore-names": lint["flake8-self"]["extend-ignore-names"],
        "flake8-tidy-imports.banned-module-level-imports": lint["flake8-tidy-imports"][
            "banned-module-level-imports"
        ],
    }
    command = [sys.executable, "-m", "ruff", "check", "--isolated", "--no-cache", "--target-version", "py311"]
    config = [part for k, v in options.items() for part in ("--config", f"lint.{k} = {json.dumps(v)}")]
    rules = "PLC0415,TID253" if rule == "PLC0415" else rule  # what TID253 bans above is allowed below
    command += [*config, "--select", rules, "--output-format", "json", *sorted(listed)]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert ran.returncode in (0, 1), ran.stderr
    found = (
        {name(Path(e["filename"])) for e in json.loads(ran.stdout) if e["code"] == rule} if listed else set()
    )
    assert found == listed, f"{rule}: these files no longer need their exception: {sorted(listed - found)}"


def test_tests_stand_by_package() -> None:
    """A folder of tests is that of a package of src; what serves several is in support, golden and rtl."""
    folders = {p.name for p in (ROOT / "tests").iterdir() if p.is_dir() and any(p.rglob("test_*.py"))}
    packages = {p.parent.name for p in (ROOT / "src/rtl4ml").glob("*/__init__.py")}
    assert folders <= packages, f"no package of src: {sorted(folders - packages)}"
    helpers = {name(p) for p in (ROOT / "tests").glob("*.py") if not p.name.startswith("test_")}
    assert helpers == {"tests/conftest.py"}, f"helpers must be in tests/support, not {sorted(helpers)}"
