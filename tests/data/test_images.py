# SPDX-License-Identifier: Apache-2.0
"""Images and masks: the files of three kinds of sets, damaged or contradictory ones, and what a split may not do."""

from __future__ import annotations

import re
import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from rtl4ml.data import airbus, deal, image_files, mask_folders, sen2ships
from rtl4ml.data import frames as data_frames
from rtl4ml.errors import BadData

ALL = {"train": ["a", "d"], "validation": ["b"], "test": ["c"]}


def refuses(text: str) -> Any:
    return pytest.raises(BadData, match=f"^{re.escape(text)}$")


def fields(**changes: Any) -> dict[str, Any]:
    """Four frames of 4 x 5 pixels with a ship each: two train, one validates, one tests."""
    masks = np.zeros((4, 4, 5), bool)
    masks[:, 1, 2] = True
    made: dict[str, Any] = {
        "name": "made up",
        "images": np.random.default_rng(0).integers(0, 256, (4, 4, 5, 3), dtype=np.uint8),
        "masks": masks,
        "names": ("a", "b", "c", "d"),
        "groups": ("x", "y", "z", "x"),
        "train": np.array([0, 3]),
        "validation": np.array([1]),
        "test": np.array([2]),
        "source": "made.up",
    }
    return {**made, **changes}


def write(path: Path, pixels: Any, dtype: Any = np.uint8) -> None:
    path.parent.mkdir(exist_ok=True)
    Image.fromarray(np.asarray(pixels, dtype)).save(path)


def write_folders(root: Path) -> tuple[Path, Path]:
    """The frames of `fields` as files."""
    made = fields()
    for name, image, mask in zip(made["names"], made["images"], made["masks"], strict=True):
        write(root / "images" / f"{name}.png", image)
        write(root / "masks" / f"{name}.png", 255 * mask)
    return root / "images", root / "masks"


# ------------------------------------------------------------------------------------------------------------- frames


def test_frames_say_what_they_are() -> None:
    frames = data_frames.Frames(**fields())
    assert frames.shape == (4, 5, 3)
    assert frames.disjoint
    assert frames.groups_of("train") == ("x",)
    assert not data_frames.Frames(**fields(groups=("x", "y", "x", "x"))).disjoint
    with refuses("part: must be one of train, validation, test, not 'val'; name one of them"):
        frames.groups_of("val")


def test_hash_is_of_the_pixels() -> None:
    made = fields()
    base = data_frames.Frames(**made).sha256()
    assert data_frames.Frames(**{**made, "names": ("e", "f", "g", "h"), "source": "another"}).sha256() == base
    other = made["masks"].copy()
    other[3, 0, 0] = True
    assert data_frames.Frames(**{**made, "masks": other}).sha256() != base
    assert data_frames.Frames(**{**made, "images": made["images"] ^ 1}).sha256() != base


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        (
            {"images": np.zeros((4, 4, 5, 3))},
            "images must be uint8 of shape (images, height, width, channels), not float64 of (4, 4, 5, 3); "
            "check the file",
        ),
        (
            {"masks": np.ones((4, 5, 4), bool)},
            "masks must be bool of the images' shape, (4, 4, 5), not bool of (4, 5, 4); take both from one set",
        ),
        (
            {"images": np.zeros((0, 4, 5, 3), np.uint8), "masks": np.zeros((0, 4, 5), bool)},
            "a set must have images, not none; give another",
        ),
        ({"names": ("a", "b", "c")}, "names must be one an image, 4, not 3; check the set"),
        ({"groups": ("a",) * 5}, "groups must be one an image, 4, not 5; check the set"),
        ({"names": ("a", "b", "c", "b")}, "every image must have a name of its own, not b twice; rename one"),
        (
            {"masks": np.zeros((4, 4, 5), bool)},
            "the masks must have ship pixels, not only background; check that they belong to the images",
        ),
        ({"test": np.array([4])}, "indices of test images must be 0 to 3, not 4; deal them out again"),
        (
            {"validation": np.array([], int)},
            "the validation part of a split must have images, not none; deal them out again",
        ),
        (
            {"masks": fields()["masks"] & (np.arange(4) != 2)[:, None, None]},
            "the test part of a split must have ship pixels, not only background; deal the images out again",
        ),
        (
            {"train": np.array([3, 3])},
            "the train part of a split must have each image once, not one twice; deal them out again",
        ),
        (
            {"test": np.array([2, 3])},
            "a split must have each image in one part, not d in train and test; deal them out again",
        ),
        (
            {"images": fields()["images"][[0, 1, 0, 3]]},
            "no two parts of a split may share an image, not a of train and c of test, which are equal; "
            "drop one of them",
        ),
    ],
)
def test_frames_that_contradict_themselves(changes: dict[str, Any], text: str) -> None:
    with refuses(f"made.up: {text}"):
        data_frames.Frames(**fields(**changes))


def test_equal_images_may_train_together() -> None:
    data_frames.Frames(**fields(images=fields()["images"][[0, 1, 2, 0]]))


def test_named_split() -> None:
    frames = data_frames.Frames(**fields())

    def split(parts: dict[str, list[str]]) -> dict[str, list[int]]:
        found = data_frames.named_split(frames.source, frames.names, parts)
        return {part: numbers.tolist() for part, numbers in found.items()}

    found = split({"train": ["c"], "validation": ["b"], "test": ["a", "d"]})
    assert found == {"train": [2], "validation": [1], "test": [0, 3]}
    with refuses(
        "made.up: a split must have the parts train, validation, test, not train, test; name all three"
    ):
        split({"train": ["a"], "test": ["b"]})
    with refuses("made.up: the test part of a split must name images of the set, not q; check the names"):
        split({**ALL, "test": ["q"]})


def test_dealt_split_keeps_groups_and_equal_images_together(rng: np.random.Generator) -> None:
    pixels = rng.integers(0, 256, (60, 4, 5, 1), dtype=np.uint8)
    masks = rng.random((60, 4, 5)) < 0.2
    groups = [f"g{i // 3}" for i in range(60)]
    pixels[59] = pixels[0]  # makes one of the groups g0 and g19
    parts = deal.deal(pixels, masks, groups, seed=3)
    assert sorted(np.concatenate(parts).tolist()) == list(range(60))
    home = {i: k for k, part in enumerate(parts) for i in part.tolist()}
    assert all(home[i] == home[i - i % 3] for i in range(60))
    assert home[0] == home[59]
    assert [len(p) for p in parts] == pytest.approx([39, 9, 12], abs=4)
    again = deal.deal(pixels, masks, groups, seed=3)
    assert all((a == b).all() for a, b in zip(parts, again, strict=True))
    with refuses(
        "split: shares of validation and test must be above 0 and below 1 together, not 0.5 and 0.5; give others"
    ):
        deal.deal(pixels, masks, groups, seed=3, validation=0.5, test=0.5)
    with refuses(
        "split: the masks must have ship pixels, not only background; check that they belong to the images"
    ):
        deal.deal(pixels, masks & False, groups, seed=3)
    masks[3:] = False
    with refuses(
        "split: enough groups must have ships for all three parts, not 1 of 19; give more images or smaller groups"
    ):
        deal.deal(pixels, masks, groups, seed=3)


# ------------------------------------------------------------------------------------------------------------ folders


def test_folders_of_equal_names(tmp_path: Path) -> None:
    places = write_folders(tmp_path)
    (places[0] / "notes.txt").write_text("no image")
    frames = mask_folders.folders(*places, split=ALL, groups={"a": "port"})
    made = fields()
    np.testing.assert_array_equal(frames.images, made["images"])
    np.testing.assert_array_equal(frames.masks, made["masks"])
    assert frames.names == ("a", "b", "c", "d")
    assert frames.groups == ("port", "b", "c", "d")
    assert frames.train.tolist() == [0, 3]
    dealt = mask_folders.folders(*places, seed=1)
    assert sorted([*dealt.train, *dealt.validation, *dealt.test]) == [0, 1, 2, 3]
    assert dealt.sha256() == frames.sha256()
    with refuses(f"groups: must name images of {places[0]}, not z; leave it out"):
        mask_folders.folders(*places, groups={"z": "port"})


def test_kinds_of_pixels(tmp_path: Path) -> None:
    grey = np.array([[0, 7], [255, 1]], np.uint8)
    write(tmp_path / "grey.png", grey)
    assert image_files.read_image(tmp_path / "grey.png").tolist() == [[[0], [7]], [[255], [1]]]
    Image.fromarray(grey > 1).save(tmp_path / "bits.png")
    assert image_files.read_mask(tmp_path / "bits.png").tolist() == [[0, 1], [1, 0]]
    write(tmp_path / "wide.png", [[0, 300]], np.uint16)
    assert image_files.read_mask(tmp_path / "wide.png").tolist() == [[0, 300]]
    with refuses(
        "wide.png: an image must have 8-bit grey, RGB or RGBA pixels, not those of mode I;16; convert it"
    ):
        image_files.read_image(tmp_path / "wide.png")
    palette = Image.fromarray(np.array([[0, 1]], np.uint8), "P")
    palette.putpalette([10, 20, 30, 40, 50, 60])
    palette.save(tmp_path / "palette.png")
    assert image_files.read_mask(tmp_path / "palette.png").tolist() == [[0, 1]]
    assert image_files.read_image(tmp_path / "palette.png").tolist() == [[[10, 20, 30], [40, 50, 60]]]
    write(tmp_path / "colour.png", np.zeros((2, 2, 3)))
    with refuses(
        "colour.png: a mask must have one channel of integers, not those of mode RGB; save it in grey"
    ):
        image_files.read_mask(tmp_path / "colour.png")
    with refuses("a.jpg: a mask must be one of .png, .tif, .tiff, .bmp, not .jpg; save it without loss"):
        image_files.read_mask(tmp_path / "a.jpg")
    write(tmp_path / "signed.tif", [[-4, 0]], np.int32)
    with refuses("signed.tif: a mask must have numbers of at least 0, not -4; save it anew"):
        image_files.read_mask(tmp_path / "signed.tif")
    pages = [Image.fromarray(grey)] * 2
    pages[0].save(tmp_path / "pages.tif", save_all=True, append_images=pages[1:])
    with refuses("pages.tif: must hold one image, not 2; save each in a file of its own"):
        image_files.read_image(tmp_path / "pages.tif")


def test_folders_that_do_not_fit(tmp_path: Path) -> None:
    places = write_folders(tmp_path)
    write(places[1] / "c.png", np.ones((5, 4)))
    with refuses(
        "c.png and c.png: a mask must be of its image's size, 4 x 5, not 5 x 4; take both from one set"
    ):
        mask_folders.folders(*places, split=ALL)
    write(places[1] / "c.png", np.ones((6, 5)))
    write(places[0] / "c.png", np.ones((6, 5, 3)))
    with refuses(
        f"{places[0]}: images must be of one size, 4 x 5 x 3 as a, not 6 x 5 x 3 as c; cut them to one size"
    ):
        mask_folders.folders(*places, split=ALL)
    (places[1] / "c.png").unlink()
    with refuses(f"c.png: must have a mask in {places[1]}, not none; add it or leave it out"):
        mask_folders.folders(*places)
    (places[0] / "c.png").unlink()
    (places[0] / "d.png").unlink()
    with refuses(f"d.png: must have an image in {places[0]}, not none; add it or leave it out"):
        mask_folders.folders(*places)
    write(places[0] / "a.bmp", np.ones((4, 5, 3)))
    with refuses(f"{places[0]}: images must have names of their own, not a twice; rename one"):
        mask_folders.folders(*places)
    write(places[1] / "b.jpg", np.ones((4, 5)))
    (places[0] / "a.bmp").unlink()
    with refuses("b.jpg: a mask must be one of .png, .tif, .tiff, .bmp, not .jpg; save it without loss"):
        mask_folders.folders(*places)
    with refuses(f"{tmp_path / 'no'}: the folder of images must be a folder, not missing; check the path"):
        mask_folders.folders(tmp_path / "no", places[1])
    (tmp_path / "empty").mkdir()
    with refuses(
        f"{tmp_path / 'empty'}: the folder of masks must hold .png, .tif, .tiff, .bmp, not none; check the path"
    ):
        mask_folders.folders(places[0], tmp_path / "empty")


def test_damaged_image(tmp_path: Path, rng: np.random.Generator) -> None:
    path = tmp_path / "a.png"
    write(path, rng.integers(0, 256, (20, 20, 3)))
    whole = path.read_bytes()
    for length in [0, 1, 8, 30, *rng.integers(31, len(whole) - 20, 10)]:
        path.write_bytes(whole[:length])
        with pytest.raises(BadData, match=r"^a\.png: must be an image, not damaged \(.*\); fetch it again$"):
            image_files.read_image(path)
    for _ in range(60):  # a byte that is wrong may be a pixel that is wrong; it must not be another exception
        place, value = int(rng.integers(len(whole))), int(rng.integers(256))
        path.write_bytes(whole[:place] + bytes([value]) + whole[place + 1 :])
        try:
            image_files.read_image(path)
        except BadData as error:
            assert str(error).startswith("a.png: ")
            assert "\n" not in str(error)
    with refuses(f"b.png: must be a file in {tmp_path}, not missing; fetch it or leave it out"):
        image_files.read_image(tmp_path / "b.png")


def test_image_of_more_pixels_than_memory_has(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    write(path, np.zeros((1, 1)))
    content = bytearray(path.read_bytes())
    content[16:24] = (100_000).to_bytes(4, "big") * 2
    content[29:33] = zlib.crc32(content[12:29]).to_bytes(4, "big")
    path.write_bytes(content)
    with pytest.raises(
        BadData, match=r"^a\.png: must be a mask, not damaged \(Image size \(10000000000 pixels\)"
    ):
        image_files.read_mask(path)


# --------------------------------------------------------------------------------------------------------- run lengths


@given(st.integers(1, 9), st.integers(1, 9), st.floats(0, 1), st.integers(0, 2**16))
def test_run_lengths_go_there_and_back(h: int, w: int, density: float, seed: int) -> None:
    mask = np.random.default_rng(seed).random((h, w)) < density
    np.testing.assert_array_equal(airbus.decode_rle(airbus.encode_rle(mask), (h, w)), mask)


def test_run_lengths_by_hand() -> None:
    mask = airbus.decode_rle("2 3 6 1", (3, 2))  # down the first column, then down the second
    assert mask.tolist() == [[False, True], [True, False], [True, True]]
    assert airbus.encode_rle(mask) == "2 3 6 1"
    assert not airbus.decode_rle("").any()
    assert airbus.decode_rle("").shape == (768, 768)
    last = airbus.decode_rle("589824 1")
    assert np.argwhere(last).tolist() == [[767, 767]]
    assert airbus.decode_rle("769 1")[0, 1]


@pytest.mark.parametrize(
    ("runs", "text"),
    [
        ("1 2 x 4", "runs must be whole numbers, not 'x'; fetch the file again"),
        ("1 -2", "runs must be whole numbers, not '-2'; fetch the file again"),
        ("1 2 3", "runs must be pairs of start and length, not 3 numbers; fetch the file again"),
        ("0 2", "starts and lengths must be at least 1, not 0 2; fetch the file again"),
        ("1 0", "starts and lengths must be at least 1, not 1 0; fetch the file again"),
        ("5 3", "runs must end within the frame, 6 pixels, not at 7; give the shape of the images"),
        ("1 3 3 1", "runs must ascend without overlap, not start at 3 before 4; fetch the file again"),
    ],
)
def test_bad_run_lengths(runs: str, text: str) -> None:
    with refuses(f"a.csv, line 2: {text}"):
        airbus.decode_rle(runs, (3, 2), where="a.csv, line 2")


def write_airbus(root: Path, rows: str, header: str = "ImageId,EncodedPixels") -> tuple[Path, Path]:
    for i, name in enumerate("abcd"):
        write(root / "train" / f"{name}.png", np.full((3, 2, 3), 10 * i))
    (root / "runs.csv").write_text(f"{header}\n{rows}", encoding="utf-8")
    return root / "train", root / "runs.csv"


def test_airbus_frames(tmp_path: Path) -> None:
    place, runs = write_airbus(tmp_path, "b.png,1 1\nb.png,5 2\na.png,\nc.png,2 1\nd.png,3 2\ne.png,1 6\n")
    split = {"train": ["a.png", "b.png"], "validation": ["c.png"], "test": ["d.png"]}
    chosen = ["a.png", "b.png", "c.png", "d.png"]
    frames = airbus.airbus(place, runs, names=chosen, shape=(3, 2), split=split)
    assert frames.names == tuple(chosen)
    assert not frames.masks[0].any()
    assert frames.masks[1].tolist() == [[True, False], [False, True], [False, True]]
    assert frames.images[:, 0, 0, 0].tolist() == [0, 10, 20, 30]
    assert frames.source == "train and runs.csv"
    with refuses(f"e.png: must be a file in {place}, not missing; fetch it or leave it out"):
        airbus.airbus(place, runs, shape=(3, 2))
    with refuses("runs.csv: must list f.png, not lack it; leave the image out"):
        airbus.airbus(place, runs, names=["f.png"], shape=(3, 2))
    with refuses("a.png: must be of 4 x 2 pixels, not 3 x 2; give the shape of the images"):
        airbus.airbus(place, runs, names=["a.png"], shape=(4, 2))
    with refuses(f"{place}: a set must have images, not none; give another"):
        airbus.airbus(place, runs, names=[], shape=(3, 2))
    with refuses(f"{runs}: the folder of images must be a folder, not a file; check the path"):
        airbus.airbus(runs, runs, shape=(3, 2))


@pytest.mark.parametrize(
    ("rows", "text"),
    [
        ("a.png,1 1\nb.png,1 7\n", ", line 3: runs must end within the frame, 6 pixels, not at 7; "
         "give the shape of the images"),
        ("a.png,1 1\na.png,\n", ", line 3: an image without ships must have one row, not a.png several; "
         "fetch the file again"),
        ("a.png,\na.png,1 1\n", ", line 3: an image without ships must have one row, not a.png several; "
         "fetch the file again"),
        ("a.png\n", ", line 2: a row must have the header's cells, not more or fewer; fetch the file again"),
        ("a.png,1 1,x\n", ", line 2: a row must have the header's cells, not more or fewer; fetch the file again"),
        ("../a.png,1 1\n", ", line 2: ImageId must be the name of a file, not '../a.png'; fetch the file again"),
        ("", ": must list images, not none; fetch it again"),
    ],
)  # fmt: skip
def test_bad_csv(tmp_path: Path, rows: str, text: str) -> None:
    _, runs = write_airbus(tmp_path, rows)
    with refuses(f"runs.csv{text}"):
        airbus.read_runs(runs, (3, 2))


def test_csv_that_is_none(tmp_path: Path) -> None:
    _, runs = write_airbus(tmp_path, "a,b\n", "Image,Pixels")
    with refuses(
        "runs.csv: must have the columns ImageId and EncodedPixels, not Image, Pixels; fetch it again"
    ):
        airbus.read_runs(runs)
    runs.write_bytes(b"ImageId,EncodedPixels\n\xff\xfe,1 1\n")
    with pytest.raises(BadData, match=r"^runs\.csv: must be a CSV file, not damaged \(.*\); fetch it again$"):
        airbus.read_runs(runs)
    with refuses(f"no.csv: must be a file in {tmp_path}, not missing; check the path"):
        airbus.read_runs(tmp_path / "no.csv")


# ---------------------------------------------------------------------------------------------------------- sen2ships


def tile_fields(**changes: Any) -> dict[str, Any]:
    rgbn = np.random.default_rng(1).integers(1, 256, (4, 4, 4, 4), dtype=np.uint8)
    rgbn[1, ..., 3] = 0
    mask = np.zeros((4, 4, 4), np.uint8)
    mask[:, 2, 1] = 1
    made = {
        "rgbn": rgbn,
        "mask": mask,
        "port": np.array(["rom", "oslo", "kiel", "bari"]),
        "y": np.array([0, 128, 0, 0], np.int16),
        "x": np.array([0, 0, 256, 0], np.int16),
        "split": np.array(["train", "train", "val", "test"]),
    }
    return {k: v for k, v in {**made, **changes}.items() if v is not None}


def test_tiles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    np.savez(tmp_path / "sen2ships_tiles128.npz", **tile_fields())
    monkeypatch.setenv("RTL4ML_DATA", str(tmp_path))
    frames = sen2ships.sen2ships()
    assert frames.shape == (4, 4, 3)
    assert frames.names == ("rom_0000_0000", "oslo_0128_0000", "kiel_0000_0256", "bari_0000_0000")
    assert (frames.train.tolist(), frames.validation.tolist(), frames.test.tolist()) == ([0, 1], [2], [3])
    assert frames.masks.sum() == 4
    infrared = sen2ships.sen2ships(nir=True)
    assert infrared.shape == (4, 4, 4)
    assert infrared.groups == ("rom", "kiel", "bari")
    monkeypatch.delenv("RTL4ML_DATA")
    with refuses(
        "sen2ships: the folder of the images must be given, not left out; give --data or set RTL4ML_DATA"
    ):
        sen2ships.sen2ships()


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"port": None, "x": None}, "must hold rgbn, mask, port, y, x, split, not lack port, x; fetch it again"),
        (
            {"rgbn": np.zeros((4, 4, 4, 3), np.uint8)},
            "rgbn must be uint8 of shape (tiles, height, width, 4), not uint8 of (4, 4, 4, 3); fetch it again",
        ),
        (
            {"mask": np.ones((4, 4, 5), np.uint8)},
            "masks must be bool of the images' shape, (4, 4, 4), not bool of (4, 4, 5); take both from one set",
        ),
        ({"y": np.zeros(3, int)}, "y must be one a tile, (4,), not (3,); fetch it again"),
        ({"x": np.zeros(4)}, "x must hold integers, not float64; fetch it again"),
        ({"port": np.arange(4)}, "port must hold texts, not int64; fetch it again"),
        ({"split": np.array(["train", "val", "test", "dev"])}, "split must be one of train, val, test, not dev; "
         "fetch it again"),
        (
            {"port": np.array(["rom", "oslo", "kiel", "rom"]), "y": np.array([0, 0, 0, 128])},
            "a split by port must have each port in one part, not rom in several; fetch it again",
        ),
    ],
)  # fmt: skip
def test_tiles_that_contradict_themselves(tmp_path: Path, changes: dict[str, Any], text: str) -> None:
    np.savez(tmp_path / "sen2ships_tiles128.npz", **tile_fields(**changes))
    with refuses(f"sen2ships_tiles128.npz: {text}"):
        sen2ships.sen2ships(data=tmp_path)


def test_tiles_missing_or_damaged(tmp_path: Path) -> None:
    with refuses(
        f"{tmp_path}: the folder must hold sen2ships_tiles128.npz, not lack it; give another folder"
    ):
        sen2ships.sen2ships(data=tmp_path)
    path = tmp_path / "sen2ships_tiles128.npz"
    np.savez_compressed(path, **tile_fields())
    whole = path.read_bytes()
    for length in (0, 5, 100, len(whole) - 30):
        path.write_bytes(whole[:length])
        with pytest.raises(
            BadData,
            match=r"^sen2ships_tiles128\.npz: must be a \.npz file, not damaged \(.*\); fetch it again$",
        ):
            sen2ships.sen2ships(data=tmp_path)


def test_whole_scene(tmp_path: Path) -> None:
    place = tmp_path / "sen2ships"
    with refuses(
        f"{place}: the folder must hold <port>_rgb.png and <port>_inst.png, not none of them; give another folder"
    ):
        sen2ships.sen2ships_ports(data=tmp_path)
    write(place / "rom_rgb.png", np.full((2, 3, 3), 9))
    write(place / "rom_inst.png", [[0, 1, 1], [2, 0, 0]])
    assert sen2ships.sen2ships_ports(data=tmp_path) == ("rom",)
    scene = sen2ships.sen2ships_scene("rom", data=tmp_path)
    assert scene.image.shape == (2, 3, 3)
    assert scene.instances.tolist() == [[0, 1, 1], [2, 0, 0]]
    assert scene.mask.tolist() == [[False, True, True], [True, False, False]]
    with refuses("port: must be one of rom, not 'oslo'; name one of them"):
        sen2ships.sen2ships_scene("oslo", data=tmp_path)
    with refuses("rom_nir.png: near infrared must be there, not missing; leave nir out"):
        sen2ships.sen2ships_scene("rom", data=tmp_path, nir=True)
    write(place / "rom_nir.png", np.full((2, 2), 7))
    with refuses(
        "rom_nir.png: near infrared must be of its image's size, 2 x 3, not 2 x 2; take both from one set"
    ):
        sen2ships.sen2ships_scene("rom", data=tmp_path, nir=True)
    write(place / "rom_nir.png", np.full((2, 3), 7))
    assert sen2ships.sen2ships_scene("rom", data=tmp_path, nir=True).image[1, 2].tolist() == [9, 9, 9, 7]
    write(place / "rom_inst.png", np.ones((3, 3)))
    with refuses(
        "rom_rgb.png and rom_inst.png: a mask must be of its image's size, 2 x 3, not 3 x 3; take both from one set"
    ):
        sen2ships.sen2ships_scene("rom", data=tmp_path)
    write(place / "rom_inst.png", np.zeros((2, 3)))
    with refuses(
        "rom_rgb.png and rom_inst.png: the mask must have ship pixels, not only background; "
        "check that it belongs to the image"
    ):
        sen2ships.sen2ships_scene("rom", data=tmp_path)


def test_whole_scenes_train_beside_the_tiles(tmp_path: Path) -> None:
    np.savez(tmp_path / "sen2ships_tiles128.npz", **tile_fields())
    frames = sen2ships.sen2ships(data=tmp_path)
    pixels = np.random.default_rng(2).integers(0, 256, (6, 9, 3), dtype=np.uint8)
    ships = np.zeros((6, 9), np.uint8)
    ships[5, 8] = 3
    rom = data_frames.Picture(name="rom", image=pixels, instances=ships, source="rom_rgb.png")
    found = data_frames.with_scenes(frames, [rom])
    new = [
        f"rom_{r:04d}_{c:04d}" for r in (0, 2) for c in (0, 4, 5) if (r, c) != (0, 0)
    ]  # that tile is there
    assert found.names == (*frames.names, *new)
    assert found.train.tolist() == [0, 1, 4, 5, 6, 7, 8]
    assert (found.validation.tolist(), found.test.tolist()) == ([2], [3])
    np.testing.assert_array_equal(found.images[8], pixels[2:, 5:])
    assert found.masks[4:].sum(axis=(1, 2)).tolist() == [0, 0, 0, 0, 1]
    assert data_frames.with_scenes(frames, []) is frames
    kiel = replace(rom, name="kiel", source="kiel_rgb.png")
    with refuses(
        "kiel_rgb.png: a scene to train on must be of oslo, rom, not of kiel, which validates or tests; leave it out"
    ):
        data_frames.with_scenes(frames, [kiel])


def test_sen2ships_is_what_its_description_says(data: Path) -> None:
    frames = sen2ships.sen2ships(data=data)
    assert frames.images.shape == (380, 128, 128, 3)
    assert (len(frames.train), len(frames.validation), len(frames.test)) == (306, 30, 44)
    assert frames.groups_of("validation") == ("casablanca", "valencia")
    assert frames.groups_of("test") == ("genoa", "san_francisco")
    assert [int(frames.masks[p].sum()) for p in (frames.train, frames.validation, frames.test)] == [
        33135,
        3261,
        4637,
    ]
    ports = sen2ships.sen2ships_ports(data=data)
    assert len(ports) == 14
    assert set(ports) == set(frames.groups)
    scene = sen2ships.sen2ships_scene("casablanca", data=data, nir=True)
    assert scene.image.shape == (339, 511, 4)
    assert len(np.unique(scene.instances)) - 1 == 15
    assert scene.mask.sum() == 1476
    for name, image, mask in zip(frames.names, frames.images, frames.masks, strict=True):
        port, y, x = name.rsplit("_", 2)
        if port == "casablanca":
            here = slice(int(y), int(y) + 128), slice(int(x), int(x) + 128)
            np.testing.assert_array_equal(scene.image[here][..., :3], image)
            np.testing.assert_array_equal(scene.mask[here], mask)
