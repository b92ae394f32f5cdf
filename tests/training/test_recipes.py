# SPDX-License-Identifier: Apache-2.0
"""Tables of recipes, apart from any task: types, bounds, rules, and that tasks are siblings."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

import pytest

import rtl4ml
from rtl4ml.errors import BadData
from rtl4ml.training import recipes
from rtl4ml.training.recipes import Field, Rule, one_of, read_table

FIELDS = {
    "epochs": Field(int, low=1),
    "rate": Field(float, low=1e-12, needed=False),
    "flip": Field(bool, needed=False),
    "schedule": Field(str, one_of("cosine or constant", "cosine", "constant"), needed=False),
    "share": Field(float, Rule(lambda v: 0 < v <= 1, "a share above 0 and up to 1"), needed=False),
    "own": Field(None, Rule(lambda v: v == [2], "a list of 2", "write [2]"), needed=False),
    "build": Field(dict, needed=False),
}


@pytest.mark.parametrize(
    "content",
    [
        {"epochs": 1},
        {"epochs": 10**400, "rate": 1},  # whole numbers are numbers, and no float is asked of them
        {"epochs": 1, "rate": 0.5, "flip": False, "schedule": "cosine", "share": 1, "own": [2], "build": {}},
    ],
)
def test_a_table_that_is_right_is_given_as_it_is(content: dict[str, Any]) -> None:
    assert read_table("x.toml", "float.", content, FIELDS) == content


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ({}, "a recipe must have float.epochs, not lack it; add it"),
        (
            {"epochs": 1, "epoch": 2},
            "keys must be float.epochs, float.rate, float.flip, float.schedule, float.share, float.own, "
            "float.build, not float.epoch; take it out",
        ),
        ({"epochs": 0}, "float.epochs must be a number from 1 up, not 0; mend it"),
        ({"epochs": 1.0}, "float.epochs must be a whole number, not 1.0; mend it"),
        ({"epochs": True}, "float.epochs must be a whole number, not True; mend it"),
        ({"epochs": 1, "rate": True}, "float.rate must be a number, not True; mend it"),
        ({"epochs": 1, "rate": "1"}, "float.rate must be a number, not '1'; mend it"),
        ({"epochs": 1, "rate": 0}, "float.rate must be a number from 1e-12 up, not 0; mend it"),
        (
            {"epochs": 1, "rate": float("nan")},
            "float.rate must be a number from 1e-12 up, not nan; mend it",
        ),
        (
            {"epochs": 1, "rate": float("inf")},
            "float.rate must be a number from 1e-12 up, not inf; mend it",
        ),
        ({"epochs": 1, "flip": 0}, "float.flip must be true or false, not 0; mend it"),
        ({"epochs": 1, "schedule": 3}, "float.schedule must be text, not 3; mend it"),
        (
            {"epochs": 1, "schedule": "linear"},
            "float.schedule must be cosine or constant, not 'linear'; write one of them",
        ),
        ({"epochs": 1, "share": 1.5}, "float.share must be a share above 0 and up to 1, not 1.5; mend it"),
        ({"epochs": 1, "own": 2}, "float.own must be a list of 2, not 2; write [2]"),
        ({"epochs": 1, "build": [1]}, "float.build must be a table, not [1]; mend it"),
    ],
)
def test_what_is_wrong_with_a_table_is_said(content: dict[str, Any], text: str) -> None:
    with pytest.raises(BadData, match=f"^{re.escape(f'x.toml: {text}')}$"):
        read_table("x.toml", "float.", content, FIELDS)


def test_kinds_of_recipes(tmp_path: Path) -> None:
    assert recipes.kind_of("salinas_1dcnn") is None
    assert recipes.kind_of("sen2ships_unet") == "segmentation"
    assert recipes.kind_of(tmp_path / "nowhere.toml") is None
    (tmp_path / "broken.toml").write_text("kind = ")
    assert recipes.kind_of(tmp_path / "broken.toml") is None


def test_no_task_imports_another_s_modules_and_nothing_shared_imports_a_task() -> None:
    root = Path(str(rtl4ml.__file__)).parent / "training"
    tasks = {path.name for path in root.iterdir() if (path / "__init__.py").is_file()}
    assert {"classification", "segmentation"} <= tasks
    for path in root.rglob("*.py"):
        own = path.relative_to(root).parts[0]
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom):
                names = [f"{node.module}.{name.name}" for name in node.names]
            elif isinstance(node, ast.Import):
                names = [name.name for name in node.names]
            else:
                continue
            for name in names:
                _, _, rest = name.partition("rtl4ml.training.")
                assert rest.split(".")[0] in ({"", own} | {rest.split(".")[0]} - tasks), f"{path}: {name}"
