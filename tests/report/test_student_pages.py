# SPDX-License-Identifier: Apache-2.0
"""The pages of the spectral students say what the committed metrics say; their pictures are there."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from rtl4ml.metrics import statistics

ROOT = Path(__file__).parents[2]
PAGES = ROOT / "docs" / "students"
NAMES = sorted(p.stem for p in PAGES.glob("*_1dcnn*.md"))
SUMMARIES = sorted(p.name for p in PAGES.glob("salinas_widths*.json"))


@pytest.mark.parametrize("name", NAMES)
def test_page_has_the_figures_of_the_committed_metrics(name: str) -> None:
    text = (PAGES / f"{name}.md").read_text()
    metrics = json.loads((ROOT / "models" / f"{name}.json").read_text())
    assert metrics["recipe"]["sha256"][:16] in text
    assert metrics["data"]["sha256"][:16] in text
    oa = " | ".join(f"{100 * metrics[stage]['test']['oa']:.2f} %" for stage in ("float", "quantized"))
    assert f"| overall accuracy | {oa} |" in text
    assert "0 of " in text.partition("emulation against QKeras")[2].partition("\n")[0]
    links = re.findall(r"\]\(([^)]+)\)", text)
    assert {f"{name}_map.png", f"{name}_confusion.png"} <= set(links)
    for link in links:
        assert (PAGES / link).is_file(), link


@pytest.mark.parametrize("name", SUMMARIES)
def test_summary_has_the_spreads_and_tests_of_its_runs(name: str) -> None:
    summary = json.loads((PAGES / name).read_text())
    for model in summary["models"].values():
        for key in ("oa", "aa", "kappa"):
            assert model[key] == statistics.spread(model["runs"][key]).__dict__
    compared = statistics.compare({k: model["runs"]["oa"] for k, model in summary["models"].items()})
    assert summary["tests"]["kruskal_oa"] == pytest.approx(compared.kruskal, rel=1e-9)
    found = {f"{a} | {b}": p for (a, b), p in compared.dunn.items()}
    assert summary["tests"]["dunn_oa"] == pytest.approx(found, rel=1e-9)
    page = (PAGES / "seeds.md").read_text()
    for name, model in summary["models"].items():
        runs = " | ".join(f"{100 * oa:.2f}" for oa in model["runs"]["oa"])
        mean, std = (100 * model["oa"][key] for key in ("mean", "std"))
        assert f"| {name} | {runs} | {mean:.2f} ± {std:.2f} |" in page
    for pair, p in summary["tests"]["wilcoxon_per_class"].items():
        dunn = summary["tests"]["dunn_oa"][pair]
        assert f"| {pair.replace(' | ', ' against ')} | {p:.4f} | {dunn:.4f} |" in page


@pytest.mark.parametrize("name", SUMMARIES)
def test_students_are_the_runs_of_their_seed(name: str) -> None:
    summary = json.loads((PAGES / name).read_text())
    students = {n for n in summary["models"] if (ROOT / "models" / f"{n}.keras").is_file()}
    assert students == {n for n in summary["models"] if not n.endswith("float")}
    if summary["split"]["disjoint"]:  # those that come with rtl4ml are of this split
        for n in students:
            metrics = json.loads((ROOT / "models" / f"{n}.json").read_text())
            run = summary["seeds"].index(metrics["recipe"]["seed"])
            for key in ("oa", "aa", "kappa"):
                assert summary["models"][n]["runs"][key][run] == metrics["quantized"]["test"][key]
