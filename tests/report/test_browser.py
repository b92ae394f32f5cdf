# SPDX-License-Identifier: Apache-2.0
"""report.html in headless Chromium: nothing sticks out at a wide and at a narrow screen, what must show shows."""

from __future__ import annotations

import html
import json
import os
import signal
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import report_example as example
from PIL import Image

from rtl4ml.report import compare_page, schema
from rtl4ml.report import page as report_page
from rtl4ml.report.compare import compare
from rtl4ml.report.extras import Data, Extras, Refusal

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
)
WIDTHS = (1280, 400)
LONG = "a_name_without_any_place_to_break_it_that_is_far_longer_than_a_narrow_screen_is_wide"

# Headless Chromium has no window narrower than 500 pixels, so the page is looked at through a frame of the width
# that is asked for; media queries follow the frame. The frame's page keeps its own policy against scripts.
HARNESS = """<!doctype html><meta charset="utf-8"><style>body {{ margin: 0 }} iframe {{ border: 0; display: block }}
</style><iframe style="width:{width}px;height:{height}px" srcdoc="{page}"></iframe><pre id="result"></pre><script>
addEventListener("load", () => {{
  const page = document.querySelector("iframe").contentDocument, root = page.documentElement;
  const shown = (e) => e.checkVisibility() && e.getBoundingClientRect().width > 0;
  const outside = (e) => {{
    const box = e.getBoundingClientRect();
    return !e.closest(".scroll") && shown(e) && (box.left < -0.5 || box.right > {width} + 0.5);
  }};
  const name = (e) => e.tagName + "." + (e.getAttribute("class") ?? "");
  const layers = page.querySelector("#layers table[data-sortable]");
  const column = (k) => layers ? [...layers.tBodies[0].rows].map((r) => r.cells[k].innerText.trim()) : [];
  const heads = layers ? [...layers.tHead.rows[0].cells] : [];
  const sorted = {{}};
  const tries = [["macs down", 2, 1], ["macs up", 2, 2], ["ram down", 9, 1], ["name up", 0, 1], ["name down", 0, 2]];
  for (const [what, k, clicks] of tries) {{
    for (let n = 0; n < clicks && layers; n++) heads[k].querySelector("button").click();
    sorted[what] = [column(k), heads[k]?.getAttribute("aria-sort"), heads.filter((h) => h.ariaSort).length];
    heads[k]?.removeAttribute("aria-sort");
  }}
  document.getElementById("result").textContent = JSON.stringify({{
    scroll_width: root.scrollWidth, client_width: root.clientWidth, height: root.scrollHeight,
    outside: [...page.querySelectorAll("body *")].filter(outside).map(name),
    verdicts: [...page.querySelectorAll(".verdict")].filter(shown).map((e) => e.innerText),
    pictures: [...page.querySelectorAll("svg.pipeline")].filter(shown).map((e) => e.getAttribute("class")),
    images: [...page.images].map((i) => i.complete && i.naturalWidth > 0),
    clipped: [...page.querySelectorAll("svg text")].filter((t) => {{
      const svg = t.ownerSVGElement;
      if (!shown(svg)) return false;
      const inner = t.getBoundingClientRect(), outer = svg.getBoundingClientRect();
      return inner.left < outer.left - 1 || inner.right > outer.right + 1;
    }}).map((t) => t.textContent),
    overfull: [...page.querySelectorAll("svg .stage")].filter(shown).filter((g) => {{
      const box = g.querySelector(".box").getBoundingClientRect();
      return [...g.querySelectorAll("text")].some((t) => t.getBoundingClientRect().right > box.right);
    }}).length,
    sorted, first: column(0),
    title: page.title, synthetic: page.body.innerText.toLowerCase().split("synthetic").length - 1,
    verdict_first: [...page.querySelectorAll(".cards .first")].map((v) => {{
      const rest = [...v.parentElement.querySelectorAll("td:not(.first)")].filter(shown);
      return rest.every((e) => e.getBoundingClientRect().top >= v.getBoundingClientRect().bottom - 1);
    }}),
    ground: getComputedStyle(page.body).backgroundColor,
    scrolls: [...page.querySelectorAll(".scroll")].filter((s) => s.scrollWidth > s.clientWidth).length,
  }});
}});
</script>"""


def run(chromium: Path, tmp_path: Path, *arguments: str) -> str:
    """Standard output of Chromium; it and its children are gone afterwards."""
    profile = tmp_path / f"profile{len(list(tmp_path.iterdir()))}"
    process = subprocess.Popen(
        [str(chromium), *FLAGS, f"--user-data-dir={profile}", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )
    try:
        out, _ = process.communicate(timeout=120)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    assert process.returncode == 0
    return out


def harness(tmp_path: Path, page: str, width: int, height: int = 2000) -> Path:
    file = tmp_path / f"harness_{width}.html"
    file.write_text(HARNESS.format(width=width, height=height, page=html.escape(page)), encoding="utf-8")
    return file


def look(chromium: Path, tmp_path: Path, page: str, width: int, *flags: str) -> dict[str, Any]:
    """What the harness measured of the page at that width."""
    file = harness(tmp_path, page, width)
    dom = run(
        chromium, tmp_path, *flags, f"--window-size={max(width, 500)},2000", "--dump-dom", file.as_uri()
    )
    found = dom.partition('<pre id="result">')[2].partition("</pre>")[0]
    result: dict[str, Any] = json.loads(html.unescape(found))
    return result


def full() -> str:
    return report_page.build(example.report(), example.extras())


def complete() -> str:
    return report_page.build(example.complete(), example.extras())


def unet() -> str:
    stages, edges = example.unet(5)
    return report_page.build(
        example.report(),
        example.extras(data=Data(name="fields", synthetic=True), stages=stages, edges=edges),
    )


def ships() -> str:
    return report_page.build(*example.ships())


def board_map() -> str:
    """A map that the driver got, without a truth."""
    scene, _ = example.scene(np.random.default_rng(1))
    extras = example.extras(on_board=replace(scene, truth=None, test=None))
    return report_page.build(example.report() | {"board": example.on_board()}, extras)


def board_masks() -> str:
    """Masks that the driver got."""
    r, e = example.ships()
    board = example.on_board()
    board["counts"]["frame"] = [48, 64]
    return report_page.build(r | {"board": board}, replace(e, frames=None, on_board=e.frames))


def ships_crowded() -> str:
    """A design that does not fit, of long names, large numbers and frames that are wide and low."""
    r, e = example.ships()
    r["resources"]["yosys"] = {"lut": 10**10, "ff": 10**10, "dsp": 10**10, "bram36": 10**10}
    for entry in (*r["layers"], *r["fifos"]):
        entry["name"] += LONG
    known = {s.name for s in e.stages}

    def long(name: str) -> str:
        return name + LONG if name in known else LONG + name

    assert e.frames is not None
    frames = example.frames(np.random.default_rng(0), count=1, size=(16, 900))
    return report_page.build(
        r,
        replace(
            e,
            data=Data(name=LONG, synthetic=True),
            frames=replace(frames, names=[LONG], total=10**12),
            stages=[
                replace(s, name=long(s.name), interval=10**10, shape=(10**6, 10**6, 1)) for s in e.stages
            ],
            edges=[
                replace(d, source=long(d.source), target=long(d.target), width=10**6, depth=10**9, peak=10**9)
                for d in e.edges
            ],
            fifos=[
                replace(p, name=p.name + LONG, source=long(p.source), target=long(p.target)) for p in e.fifos
            ],
            products=[replace(p, layer=p.layer + LONG, products=10**12) for p in e.products],
        ),
    )


def nothing() -> str:
    r = example.report()
    return report_page.build(
        schema.blank(model=r["model"], target=r["target"], available=r["resources"]["available"]), Extras()
    )


def crowded() -> str:
    r = example.report()
    r["model"]["name"] = r["accuracy"]["dataset"] = LONG
    for entry in (*r["layers"], *r["fifos"]):
        entry["name"] += LONG
        entry["macs" if "macs" in entry else "width"] = 10**15
    r["exactness"]["rtl"] = {"samples": 10**12, "values": 10**15, "mismatches": 10**15}
    r["resources"]["yosys"] = {"lut": 10**10, "ff": 10**10, "dsp": 10**10, "bram36": 10**10}
    r["efficiency"]["macs_per_cycle"] = 123_456_789_012.25
    class_map, confusion = example.scene(np.random.default_rng(0), classes=16)
    stages, edges = example.unet(2)
    stages = [replace(s, name=s.name + LONG, op=LONG, interval=10**9) for s in stages]
    edges = [replace(e, source=e.source + LONG, target=e.target + LONG, depth=10**9) for e in edges]
    return report_page.build(
        r,
        example.extras(
            data=Data(name=LONG, synthetic=True),
            class_names=[f"{LONG} {k}" for k in range(16)],
            class_map=class_map,
            confusion=confusion * 10**9,
            refusals=[Refusal(layer=LONG, reason=LONG)],
            notes=[LONG],
            stages=stages,
            edges=edges,
        ),
    )


@pytest.mark.gate
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize(
    "make", [full, complete, unet, nothing, crowded, ships, ships_crowded, board_map, board_masks]
)
def test_nothing_sticks_out(chromium: Path, tmp_path: Path, make: Any, width: int):
    seen = look(chromium, tmp_path, make(), width)
    assert seen["client_width"] == width
    assert seen["scroll_width"] == width
    assert seen["outside"] == []
    assert seen["clipped"] == []
    assert seen["overfull"] == 0
    assert all(seen["images"])
    assert len(seen["verdicts"]) == 5


@pytest.mark.parametrize("width", WIDTHS)
def test_two_designs_fit_the_screen(chromium: Path, tmp_path: Path, width: int):
    """Long names and large numbers of one, and layers that only one has."""
    a, b = example.report(), example.report()
    b["model"]["name"] = LONG
    b["cycles"]["interval"]["rtl"] = 10**12
    for layer in b["layers"][3:]:
        layer["name"] += LONG
        layer["macs"] = layer["lut"] = 10**12
    b["layers"][0]["lut"] = 10**12
    page = compare_page.build(compare(a, b, (Path("a"), Path("b"))))
    seen = look(chromium, tmp_path, page, width)
    assert seen["scroll_width"] == seen["client_width"] == width
    assert seen["outside"] == []
    assert len(seen["verdicts"]) == 10
    if width == 400:
        assert seen["scrolls"] == 0


@pytest.mark.parametrize("width", WIDTHS)
def test_page_shows_what_it_must(chromium: Path, tmp_path: Path, width: int):
    seen = look(chromium, tmp_path, full(), width)
    assert [v.split("\n")[0] for v in seen["verdicts"]] == (
        ["✓ Exact", "✓ Fits", "1.23 million pixels/s", "✓ Cycles as predicted", "? Timing not known"]
    )
    assert seen["verdicts"][2].split("\n")[-1].startswith("at an assumed 250 MHz clock")
    assert seen["pictures"] == ["pipeline wide" if width > 820 else "pipeline narrow"]
    assert seen["images"] == [True] * 3
    assert seen["synthetic"] == 0
    assert seen["scrolls"] == (1 if width == 400 else 0)  # the confusion matrix, in a box of its own
    assert look(chromium, tmp_path, unet(), width)["synthetic"] > 10


def test_on_a_narrow_screen_a_row_is_a_block_that_begins_with_its_verdict(chromium: Path, tmp_path: Path):
    seen = look(chromium, tmp_path, complete(), 400)
    assert seen["verdict_first"] == [True] * 6  # latency, interval; emulation, C simulation, RTL, stalls
    assert seen["scrolls"] == 1
    assert not any(look(chromium, tmp_path, complete(), 1280)["verdict_first"])


@pytest.mark.gate
@pytest.mark.parametrize(("width", "kind"), [(1280, "wide"), (990, "wide"), (970, "narrow"), (400, "narrow")])
def test_segmentation_page_shows_levels_and_masks(chromium: Path, tmp_path: Path, width: int, kind: str):
    seen = look(chromium, tmp_path, ships(), width)
    assert seen["pictures"] == [f"pipeline {kind}"]
    assert seen["images"] == [True] * 6
    if width == 1280:
        assert seen["scrolls"] == 0
    crowded = look(chromium, tmp_path, ships_crowded(), width)
    assert crowded["verdicts"][0].startswith("✗ Does not fit")
    assert crowded["pictures"] == [f"pipeline {kind}"]


def test_tables_sort(chromium: Path, tmp_path: Path):
    r = example.report()
    r["layers"][0]["bram36"] = 1.25  # between 1.5 and 0.5, though 25 is more than 5
    seen = look(chromium, tmp_path, report_page.build(r, example.extras()), 1280)
    names = [layer["name"] for layer in example.report()["layers"]]
    assert [n.split()[0] for n in seen["first"]] == sorted(names, reverse=True)  # as the last click left it
    macs = sorted((layer["macs"] for layer in example.report()["layers"]), reverse=True)
    shown, direction, heads = seen["sorted"]["macs down"]
    assert ([int(m.replace(",", "")) for m in shown], direction, heads) == (macs, "descending", 1)
    shown, direction, heads = seen["sorted"]["macs up"]
    assert ([int(m.replace(",", "")) for m in shown], direction, heads) == (macs[::-1], "ascending", 1)
    assert seen["sorted"]["ram down"][0] == ["6", "1.5", "1.25", "0.5", "0", "0", "0", "0"]
    assert [n.split()[0] for n in seen["sorted"]["name up"][0]] == sorted(names)


@pytest.mark.gate
def test_dark_and_light(chromium: Path, tmp_path: Path):
    def brightness(*flags: str) -> int:
        ground = look(chromium, tmp_path, full(), 1280, *flags)["ground"]
        return sum(int(c) for c in ground.removeprefix("rgb(").removesuffix(")").split(","))

    assert brightness("--blink-settings=preferredColorScheme=1") > 600
    assert brightness("--blink-settings=preferredColorScheme=0") < 150


def test_no_other_script_runs(chromium: Path, tmp_path: Path):
    page = full()
    title = look(chromium, tmp_path, page, 1280)["title"]
    assert title == "student_204: Exact, fits · rtl4ml"
    evil = page.replace("</main>", "<script>document.title = 'changed'</script></main>")
    assert evil != page
    assert look(chromium, tmp_path, evil, 1280)["title"] == title
    free = evil.replace('http-equiv="Content-Security-Policy"', 'name="none"')
    assert look(chromium, tmp_path, free, 1280)["title"] == "changed"  # so the policy is what held it back


@pytest.mark.gate
@pytest.mark.parametrize("width", WIDTHS)
def test_screenshot(chromium: Path, tmp_path: Path, width: int):
    """The page as file, at its whole height; kept in RTL4ML_SCREENSHOTS where that is set."""
    folder = Path(os.environ.get("RTL4ML_SCREENSHOTS") or tmp_path)
    height = look(chromium, tmp_path, full(), width)["height"]
    file = tmp_path / "report.html"
    report_page.write(example.report(), tmp_path, extras=example.extras())
    if width < 500:
        file = harness(tmp_path, file.read_text(encoding="utf-8"), width, height)
    shot = folder / f"report_{width}.png"
    run(chromium, tmp_path, f"--window-size={width},{height}", f"--screenshot={shot}", file.as_uri())
    image = Image.open(shot).convert("RGB")
    assert image.size == (width, height)
    pixels = np.asarray(image)
    assert len(np.unique(pixels.reshape(-1, 3), axis=0)) > 200
    # Something is drawn all the way down: no stripe as high as a screen is of one colour.
    changes = np.flatnonzero((pixels != pixels[:, :1]).any(axis=(1, 2)))
    assert np.diff(changes, prepend=0, append=height).max() < 200
