# SPDX-License-Identifier: Apache-2.0
"""Scenes and splits: files as published, damaged or contradictory ones, and what a split may not do."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.io
from hypothesis import given, settings
from hypothesis import strategies as st

from rtl4ml.data import catalog, scenes, synthetic
from rtl4ml.errors import BadData

FILES = {
    "salinas": ("Salinas_corrected.mat", "salinas_corrected", "Salinas_gt.mat", "salinas_gt", 16),
    "pavia_university": ("PaviaU.mat", "paviaU", "PaviaU_gt.mat", "paviaU_gt", 9),
    "indian_pines": (
        "Indian_pines_corrected.mat",
        "indian_pines_corrected",
        "Indian_pines_gt.mat",
        "indian_pines_gt",
        16,
    ),
}
FIELDS = {
    "name": "made up",
    "spectra": np.array([[1, 2], [3, 4], [5, 6]], np.int16),
    "labels": np.array([0, 1, 0]),
    "row": np.array([0, 0, 1]),
    "col": np.array([1, 2, 0]),
    "shape": (2, 3),
    "class_names": ("a", "b"),
    "source": "made_up.mat",
}


def write_published(folder: Path, scene: str, cube: Any, truth: Any) -> None:
    cube_file, cube_name, truth_file, truth_name, _ = FILES[scene]
    scipy.io.savemat(folder / cube_file, {cube_name: cube})
    scipy.io.savemat(folder / truth_file, {truth_name: truth})


def refuses(text: str) -> Any:
    return pytest.raises(BadData, match=f"^{re.escape(text)}$")


# ------------------------------------------------------------------------------------------------------------ files


@pytest.mark.parametrize("scene", FILES)
def test_published_scene_gives_every_labelled_pixel_and_no_other(
    tmp_path: Path, scene: str, rng: np.random.Generator
) -> None:
    classes = FILES[scene][4]
    cube = rng.integers(-9, 9000, (7, 5, 4)).astype(np.int16)
    truth = rng.integers(0, classes + 1, (7, 5)).astype(np.uint8)
    write_published(tmp_path, scene, cube, truth)
    found = catalog.load(scene, data=tmp_path)
    wanted = [(r, c) for r in range(7) for c in range(5) if truth[r, c]]
    assert list(zip(found.row.tolist(), found.col.tolist(), strict=True)) == wanted
    for i, (r, c) in enumerate(wanted):
        assert found.spectra[i].tolist() == cube[r, c].tolist()
        assert found.labels[i] == truth[r, c] - 1
    assert found.classes == classes
    assert found.shape == (7, 5)
    assert not found.synthetic
    assert found.block_split is None


def test_single_array_of_another_name_in_another_case_one_folder_down(tmp_path: Path) -> None:
    (tmp_path / "below").mkdir()
    scipy.io.savemat(
        tmp_path / "below" / "paviau.MAT", {"cube": np.ones((2, 2, 3)), "extra": np.ones((2, 2))}
    )
    scipy.io.savemat(tmp_path / "PaviaU_gt.mat", {"map": np.array([[0, 1], [9, 0]])})
    found = catalog.load("pavia_university", data=tmp_path)
    assert found.labels.tolist() == [0, 8]


def test_folder_comes_from_the_variable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_published(tmp_path, "pavia_university", np.ones((2, 2, 3)), np.ones((2, 2), np.uint8))
    monkeypatch.setenv("RTL4ML_DATA", str(tmp_path))
    assert len(catalog.load("pavia_university").labels) == 4
    assert len(catalog.load_or_synthetic("pavia_university").labels) == 4
    monkeypatch.delenv("RTL4ML_DATA")
    assert catalog.load_or_synthetic("pavia_university").synthetic
    with refuses(
        "pavia_university: the folder of the scene must be given, not left out; give --data or set RTL4ML_DATA"
    ):
        catalog.load("pavia_university")


def test_a_folder_that_is_named_but_not_there_is_no_reason_for_a_synthetic_scene(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = tmp_path / "gone"
    monkeypatch.setenv("RTL4ML_DATA", str(gone))
    with refuses(f"{gone}: RTL4ML_DATA must be a folder, not missing; check the path"):
        catalog.load_or_synthetic("salinas_crop")
    with refuses(
        f"{tmp_path}: the folder must hold salinas_crop150_labelled.npz or Salinas_corrected.mat and Salinas_gt.mat, "
        "not none of them; give another"
    ):
        catalog.load_or_synthetic("salinas_crop", data=tmp_path)
    file = tmp_path / "file"
    file.write_text("")
    with refuses(f"{file}: --data must be a folder, not a file; check the path"):
        catalog.load("salinas_crop", data=file)


def test_crop_of_the_published_scene_is_the_npz(tmp_path: Path, data: Path) -> None:
    """Places, classes and split; the cube itself is made up, for the published one is not at hand."""
    packed = catalog.load("salinas_crop", data=data)
    truth_file = next(data.rglob("Salinas_gt.mat"), None)
    if truth_file is None:
        pytest.skip("no Salinas_gt.mat in RTL4ML_DATA")
    truth = scipy.io.loadmat(truth_file)["salinas_gt"]
    cube = np.zeros((512, 217, 204), np.int16)
    cube[packed.row, packed.col] = packed.spectra
    write_published(tmp_path, "salinas", cube, truth)
    cut = catalog.load("salinas_crop", data=tmp_path)
    assert packed.block_split is not None
    assert cut.block_split is not None
    for key in ("spectra", "labels", "row", "col", "block_split"):
        np.testing.assert_array_equal(getattr(cut, key), getattr(packed, key), err_msg=key)
    assert cut.class_names == packed.class_names
    assert cut.sha256() == packed.sha256()


def test_crop_is_what_its_description_says(data: Path) -> None:
    crop = catalog.load("salinas_crop", data=data)
    assert crop.spectra.shape == (13908, 204)
    assert (crop.spectra.min(), crop.spectra.max()) == (-9, 8374)
    assert np.bincount(crop.labels).tolist() == [2009, 2263, 2558, 2123, 1068, 1927, 916, 1044]
    split = scenes.given_split(crop)
    assert (len(split.train), len(split.validation), len(split.test)) == (5162, 2179, 6567)
    assert split.disjoint


# ------------------------------------------------------------------------------------------------------- bad files


def test_sizes_differ(tmp_path: Path) -> None:
    write_published(tmp_path, "indian_pines", np.ones((4, 5, 3)), np.ones((5, 4), np.uint8))
    with refuses(
        "Indian_pines_corrected.mat: the cube must be of the ground truth's size, 5 x 4, not 4 x 5; "
        "take it and Indian_pines_gt.mat from one scene"
    ):
        catalog.load("indian_pines", data=tmp_path)


@pytest.mark.parametrize(
    ("label", "text"),
    [
        (10, "PaviaU_gt.mat: labels must be 0 (none) to 9, not 10; check the file"),
        (-1, "PaviaU_gt.mat: labels must be 0 (none) to 9, not -1; check the file"),
        (1.5, "PaviaU_gt.mat: labels must be whole numbers, not fractions; check the file"),
        (
            0,
            "PaviaU.mat and PaviaU_gt.mat: a scene must have labelled pixels, not none; check the ground truth",
        ),
    ],
)
def test_labels_out_of_range(tmp_path: Path, label: float, text: str) -> None:
    truth = np.zeros((2, 2))
    truth[1, 0] = label
    write_published(tmp_path, "pavia_university", np.ones((2, 2, 3)), truth)
    with refuses(text):
        catalog.load("pavia_university", data=tmp_path)


@pytest.mark.parametrize(("value", "word"), [(np.nan, "nan"), (np.inf, "inf")])
def test_reflectance_that_is_no_number(tmp_path: Path, value: float, word: str) -> None:
    cube = np.ones((2, 2, 3))
    cube[1, 0, 2] = value
    truth = np.ones((2, 2), np.uint8)
    write_published(tmp_path, "pavia_university", cube, truth)
    with refuses(
        f"PaviaU.mat and PaviaU_gt.mat: reflectance must be finite, not {word} at row 1, column 0, band 2; "
        "repair the cube or leave the pixel unlabelled"
    ):
        catalog.load("pavia_university", data=tmp_path)
    truth[1, 0] = 0  # the way out
    write_published(tmp_path, "pavia_university", cube, truth)
    assert len(catalog.load("pavia_university", data=tmp_path).labels) == 3


def test_file_that_is_missing_foreign_or_ambiguous(tmp_path: Path) -> None:
    with refuses(
        f"{tmp_path}: the folder must hold PaviaU.mat as published, not lack it; give another folder"
    ):
        catalog.load("pavia_university", data=tmp_path)
    write_published(tmp_path, "pavia_university", np.ones((2, 2, 3)), np.ones((2, 2), np.uint8))
    scipy.io.savemat(tmp_path / "PaviaU.mat", {"a": np.ones((2, 2, 3)), "b": np.ones((2, 2, 3))})
    with refuses(
        "PaviaU.mat: must hold paviaU or a single array of 3 dimensions, not 2 of them; take the file as published"
    ):
        catalog.load("pavia_university", data=tmp_path)
    scipy.io.savemat(tmp_path / "PaviaU.mat", {"paviaU": np.ones((2, 2, 3)) * 1j})
    with refuses("PaviaU.mat: paviaU must hold real numbers, not complex128; check the file"):
        catalog.load("pavia_university", data=tmp_path)


def test_damaged_mat_file(tmp_path: Path, rng: np.random.Generator) -> None:
    write_published(tmp_path, "pavia_university", rng.random((6, 6, 9)), np.ones((6, 6), np.uint8))
    path = tmp_path / "PaviaU.mat"
    whole = path.read_bytes()
    for length in [0, 1, 100, 127, 128, 132, *rng.integers(133, len(whole), 20)]:
        path.write_bytes(whole[:length])
        with pytest.raises(
            BadData, match=r"^PaviaU\.mat: must (be a MATLAB file, not damaged \(.*\); fetch it|hold)"
        ):
            catalog.load("pavia_university", data=tmp_path)
    # A byte that is wrong may be a number that is wrong; it must not be another exception.
    for _ in range(100):
        place, value = int(rng.integers(len(whole))), int(rng.integers(256))
        path.write_bytes(whole[:place] + bytes([value]) + whole[place + 1 :])
        try:
            catalog.load("pavia_university", data=tmp_path)
        except BadData as error:
            assert str(error).startswith("PaviaU.mat")
            assert "\n" not in str(error)
    path.write_bytes(whole[:124] + b"\x00\x02IM" + whole[128:])
    with refuses("PaviaU.mat: must be a MATLAB file of version 5 to 7, not 7.3; save it with -v7"):
        catalog.load("pavia_university", data=tmp_path)


def packed_fields(**changes: Any) -> dict[str, Any]:
    fields = {
        "X": np.zeros((2, 204), np.int16),
        "y8": np.array([1, 8], np.uint8),
        "row": np.array([200, 201], np.int16),
        "col": np.array([0, 1], np.int16),
        "block_split": np.array([1, 3], np.uint8),
    }
    return {k: v for k, v in {**fields, **changes}.items() if v is not None}


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"row": None}, "must hold X, y8, row, col, block_split, not lack row; check the file"),
        ({"y8": np.array([1, 9])}, "labels must be 1 to 8, not 9; check the file"),
        ({"y8": np.array([1])}, "y8 must be one a spectrum, 2, not 1; check the file"),
        ({"y8": np.array([[1, 2]])}, "y8 must have 1 dimension, not 2; check the file"),
        ({"col": np.array([0.5, 1])}, "col must hold integers, not float64; check the file"),
        ({"col": np.array([0, 217])}, "columns must be 0 to 216, not 217; check the file"),
        ({"row": np.array([-1, 3])}, "rows must be 0 to 511, not -1; check the file"),
        ({"X": np.zeros((2, 3, 1))}, "spectra must be (pixels, bands), not (2, 3, 1); check the file"),
        ({"X": np.zeros((2, 3), bool)}, "spectra must be integers or floats, not bool; convert them first"),
        ({"block_split": np.array([1, 4])}, "the split must hold 0 to 3, not 4; check the file"),
        (
            {"row": np.array([200, 200]), "col": np.array([7, 7])},
            "every place must be labelled once, in row-major order, not twice or out of order; check the file",
        ),
    ],
)
def test_npz_that_contradicts_itself(tmp_path: Path, changes: dict[str, Any], text: str) -> None:
    np.savez(tmp_path / "salinas_crop150_labelled.npz", **packed_fields(**changes))
    with refuses(f"salinas_crop150_labelled.npz: {text}"):
        catalog.load("salinas_crop", data=tmp_path)


def test_npz_runs_no_code_and_damage_is_seen(tmp_path: Path, rng: np.random.Generator) -> None:
    path = tmp_path / "salinas_crop150_labelled.npz"
    ran = tmp_path / "ran"

    class Trap:
        def __reduce__(self) -> tuple[Any, ...]:
            return Path.touch, (ran,)

    np.savez(path, **packed_fields(y8=np.array([Trap(), Trap()], dtype=object)))
    with pytest.raises(
        BadData, match=r"^salinas_crop150_labelled\.npz: must be a \.npz file, not damaged \(Object"
    ):
        catalog.load("salinas_crop", data=tmp_path)
    assert not ran.exists()
    np.savez_compressed(path, **packed_fields(X=rng.integers(0, 8000, (2, 204))))
    whole = path.read_bytes()
    for length in [0, 1, 30, *rng.integers(31, len(whole), 10)]:
        path.write_bytes(whole[:length])
        with pytest.raises(
            BadData, match=r"^salinas_crop150_labelled\.npz: must be a \.npz file, not damaged"
        ):
            catalog.load("salinas_crop", data=tmp_path)


# ------------------------------------------------------------------------------------------------- scenes in memory


def test_unknown_scene() -> None:
    with refuses(
        "scene: must be one of salinas_crop, salinas, pavia_university, indian_pines, synthetic, not 'mars'; "
        "name one of them"
    ):
        catalog.load("mars")


def test_image_is_the_labelled_bounding_box() -> None:
    scene = scenes.Scene(**{**FIELDS, "row": np.array([3, 3, 4]), "shape": (9, 9)})
    assert scene.image(np.array([7, 8, 9])).tolist() == [[-1, 7, 8], [9, -1, -1]]
    assert scene.image(np.array([7, 8, 9]), fill=0).tolist() == [[0, 7, 8], [9, 0, 0]]


def test_hash_is_of_the_numbers_not_of_their_type() -> None:
    base = scenes.Scene(**FIELDS).sha256()
    assert scenes.Scene(**{**FIELDS, "spectra": FIELDS["spectra"].astype(np.float64)}).sha256() == base
    assert scenes.Scene(**{**FIELDS, "spectra": FIELDS["spectra"].astype(">u4")}).sha256() == base
    for key, value in (
        ("spectra", FIELDS["spectra"] + 1),
        ("spectra", FIELDS["spectra"] + 0.25),
        ("labels", np.array([0, 1, 1])),
        ("col", np.array([0, 2, 0])),
    ):
        assert scenes.Scene(**{**FIELDS, key: value}).sha256() != base, key


def test_labels_one_a_spectrum() -> None:
    with refuses("made_up.mat: labels must be one a spectrum, 3, not 2; check the file"):
        scenes.Scene(**{**FIELDS, "labels": np.array([0, 1])})


# ----------------------------------------------------------------------------------------------- synthetic, splits


def test_synthetic_scene_is_repeatable_and_says_what_it_is() -> None:
    one, two, other = (
        synthetic.synthetic(side=40),
        synthetic.synthetic(side=40),
        synthetic.synthetic(side=40, seed=1),
    )
    assert one.synthetic
    assert one.name == "synthetic"
    assert "synthetic" in one.source
    assert one.sha256() == two.sha256() != other.sha256()
    assert one.bands == 204
    assert set(one.labels.tolist()) == set(range(8))
    assert one.spectra.dtype == np.int16


BLOCKY = synthetic.synthetic(side=60, classes=3, bands=5)


@settings(max_examples=25)
@given(
    seed=st.integers(0, 2**32 - 1),
    train=st.floats(0.1, 0.6),
    validation=st.floats(0.1, 0.3),
    block=st.integers(2, 12),
)
def test_block_split_shares_no_block_and_misses_no_class(
    seed: int, train: float, validation: float, block: int
) -> None:
    scene = BLOCKY
    split = scenes.block_split(scene, seed=seed, train=train, validation=validation, block=block)
    parts = (split.train, split.validation, split.test)
    assert sorted(np.concatenate(parts).tolist()) == list(range(len(scene.labels)))
    blocks = [
        set(zip((scene.row[p] // block).tolist(), (scene.col[p] // block).tolist(), strict=True))
        for p in parts
    ]
    assert not (blocks[0] & blocks[1] or blocks[0] & blocks[2] or blocks[1] & blocks[2])
    for part in parts:
        assert set(scene.labels[part].tolist()) == {0, 1, 2}
    assert split.disjoint


def test_block_split_meets_its_shares_about() -> None:
    scene = synthetic.synthetic()
    split = scenes.block_split(scene, seed=0)
    share = [len(part) / len(scene.labels) for part in (split.train, split.validation, split.test)]
    assert share == pytest.approx([0.4, 0.15, 0.45], abs=0.1)


def test_block_split_that_cannot_be() -> None:
    lonely = scenes.Scene(**FIELDS)
    with refuses(
        "made_up.mat: every class must lie in enough blocks to be in all three parts, not a in 1; "
        'use smaller blocks or split = "random"'
    ):
        scenes.block_split(lonely, seed=0)
    with refuses(
        "split: shares of train and validation must be above 0 and below 1 together, not 0.8 and 0.2; give others"
    ):
        scenes.block_split(lonely, seed=0, train=0.8, validation=0.2)


def test_random_split_takes_so_many_of_each_class_and_owns_up_to_leaking(seed: int) -> None:
    scene = synthetic.synthetic(side=60)
    split = scenes.random_split(scene, seed=seed, train=20, validation=3)
    assert np.bincount(scene.labels[split.train]).tolist() == [20] * 8
    assert np.bincount(scene.labels[split.validation]).tolist() == [3] * 8
    parts = np.concatenate([split.train, split.validation, split.test])
    assert sorted(parts.tolist()) == list(range(len(scene.labels)))
    assert not split.disjoint
    assert "leak" in split.name
    again = scenes.random_split(scene, seed=seed, train=20, validation=3)
    np.testing.assert_array_equal(split.train, again.train)
    with refuses(
        "made_up.mat: every class must have more than 1 pixels for this split, not 1 of b; ask for fewer"
    ):
        scenes.random_split(scenes.Scene(**FIELDS), seed=seed, train=1, validation=0)


def test_split_that_shares_pixels() -> None:
    with refuses("s: a split must have each pixel in one part, not 1 pixels in several; deal them out again"):
        scenes.Split(
            name="s", disjoint=True, train=np.array([0, 1]), validation=np.array([1]), test=np.array([2])
        )
    with refuses("s: the validation part of a split must have pixels, not none; check the file"):
        scenes.Split(
            name="s", disjoint=True, train=np.array([0]), validation=np.array([], int), test=np.array([2])
        )


def test_given_split_of_a_scene_without() -> None:
    with refuses('made_up.mat: a given split must come with the scene, not be absent; use split = "block"'):
        scenes.given_split(scenes.Scene(**FIELDS))
