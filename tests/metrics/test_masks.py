# SPDX-License-Identifier: Apache-2.0
"""Masks against their truth: IoU, objects, F2, thresholds, openings, and scenes in tiles."""

from __future__ import annotations

import re
import warnings
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import jaccard_score

from rtl4ml.data import tiling as data_tiling
from rtl4ml.errors import BadInput
from rtl4ml.ir.types import Fixed, Stream
from rtl4ml.metrics import masks as metrics_masks
from rtl4ml.ops.opening import Opening


def refuses(text: str) -> Any:
    return pytest.raises(BadInput, match=f"^{re.escape(text)}$")


def drawn(*rows: str) -> np.ndarray[Any, Any]:
    """A mask: # is a ship."""
    return np.array([[c == "#" for c in row] for row in rows])


def bar(length: int, start: int = 0, width: int = 40) -> np.ndarray[Any, Any]:
    """A mask of one row, True on `length` pixels."""
    mask = np.zeros((1, width), dtype=bool)
    mask[0, start : start + length] = True
    return mask


# ------------------------------------------------------------------------------------------------------------- metrics


@given(st.integers(1, 4), st.floats(0, 1), st.floats(0, 1), st.integers(0, 2**16))
def test_pixel_iou_is_that_of_scikit_learn(n: int, p: float, q: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    truth, found = rng.random((n, 7, 9)) < p, rng.random((n, 7, 9)) < q
    want = jaccard_score(truth.ravel(), found.ravel(), zero_division=1.0)
    assert metrics_masks.pixel_iou(truth, found) == pytest.approx(want, abs=1e-15)


def test_pixel_iou_by_hand() -> None:
    assert metrics_masks.pixel_iou([drawn("##.."), drawn("#")], [drawn(".###"), drawn("#")]) == 2 / 5
    assert metrics_masks.pixel_iou([drawn("....")], [drawn("....")]) == 1.0
    assert metrics_masks.pixel_iou([drawn("....")], [drawn("#...")]) == 0.0


def test_objects_touch_at_corners_and_numbers_stay_apart() -> None:
    mask = drawn("#..#", ".#.#", "....")
    numbered, count = metrics_masks.objects(mask)
    assert count == 2
    assert numbered[0, 0] == numbered[1, 1] != numbered[0, 3] == numbered[1, 3]
    numbered, count = metrics_masks.objects(np.array([[7, 7, 2], [0, 0, 2]], np.uint8))
    assert (count, numbered.tolist()) == (2, [[2, 2, 1], [0, 0, 1]])
    assert metrics_masks.objects(np.ones((2, 2), np.uint8))[0].tolist() == [[1, 1], [1, 1]]
    assert metrics_masks.objects(np.zeros((2, 2), np.uint8))[1] == 0


@pytest.mark.parametrize(
    ("length", "hits"),
    [
        (10, 0),  # IoU 0.5 is not greater than 0.5
        (11, 1),  # 0.55 is greater than 0.5, not than 0.55
        (12, 2),
        (19, 9),  # 0.95
        (20, 10),
    ],
)
def test_hit_is_above_the_threshold_and_not_at_it(length: int, hits: int) -> None:
    counts = metrics_masks.count_objects(bar(20), bar(length))
    assert counts.hits == (1,) * hits + (0,) * (10 - hits)
    assert np.mean(counts.f2) == pytest.approx(hits / 10)


def test_f2_by_hand() -> None:
    # Two ships; one is found whole, one is missed, and one object is none: TP 1, FN 1, FP 1 at every threshold.
    truth, found = drawn("##..##....", ".........."), drawn("##........", "........##")
    counts = metrics_masks.count_objects(truth, found)
    assert (counts.truth, counts.found, counts.hits) == (2, 2, (1,) * 10)
    assert counts.f2 == (float(Fraction(5, 5 + 4 + 1)),) * 10
    # A miss weighs four times a false alarm: TP 1, FN 1 gives 5 / 9, TP 1, FP 1 gives 5 / 6.
    one = drawn("##........", "..........")
    assert metrics_masks.count_objects(truth, one).f2[0] == 5 / 9
    assert metrics_masks.count_objects(one, truth).f2[0] == 5 / 6


def test_frames_without_ships() -> None:
    sea, ship = np.zeros((3, 3), bool), drawn("##.", "...", "...")
    assert metrics_masks.count_objects(sea, sea).f2 == (1.0,) * 10
    assert metrics_masks.count_objects(sea, ship).f2 == (0.0,) * 10
    assert metrics_masks.count_objects(ship, sea).f2 == (0.0,) * 10
    result = metrics_masks.score([sea, sea, ship], [sea, ship, ship])
    assert result.f2 == pytest.approx(2 / 3)
    assert result.frames == 3
    assert result.iou == 2 / 4
    assert (result.objects.truth, result.objects.found, result.objects.hits) == (1, 2, (1,) * 10)


def test_score_is_the_mean_over_frames_not_over_objects() -> None:
    many = drawn("#.#.#.#.#.#")  # six, all found
    result = metrics_masks.score([many, bar(20)], [many, bar(12)])
    assert result.f2_at == (1.0, 1.0) + (0.5,) * 8
    assert result.f2 == pytest.approx(0.6)


def test_numbered_truth_keeps_touching_ships_apart() -> None:
    truth = np.array([[1, 1, 1, 1, 2, 2, 2, 2]])
    found = drawn("########")
    assert metrics_masks.count_objects(truth > 0, found).hits == (1,) * 10
    assert metrics_masks.count_objects(truth, found).hits == (0,) * 10
    assert metrics_masks.count_objects(truth, truth * 3).hits == (2,) * 10


@given(st.integers(0, 2**16), st.floats(0.1, 0.9), st.floats(0, 0.5))
def test_hits_are_those_of_every_pair_compared(seed: int, density: float, noise: float) -> None:
    rng = np.random.default_rng(seed)
    truth = rng.random((9, 9)) < density
    found = truth ^ (rng.random((9, 9)) < noise)
    (t, n), (f, m) = metrics_masks.objects(truth), metrics_masks.objects(found)
    hits = []
    for percent in metrics_masks.IOU_PERCENT:
        some = 0
        for i in range(1, n + 1):
            for j in range(1, m + 1):
                a, b = t == i, f == j
                some += Fraction(int((a & b).sum()), int((a | b).sum())) > Fraction(percent, 100)
        hits.append(some)
    assert metrics_masks.count_objects(truth, found).hits == tuple(hits)


def test_masks_that_do_not_fit() -> None:
    one = np.zeros((1, 2, 2), bool)
    for metric in (metrics_masks.score, metrics_masks.pixel_iou):
        with refuses(
            "masks: truth and result must have the same frames, at least 1, not 1 and 2; give one mask a frame"
        ):
            metric(one, np.zeros((2, 2, 2), bool))
        with refuses(
            "masks: truth and result must have the same frames, at least 1, not 0 and 0; give one mask a frame"
        ):
            metric(one[:0], one[:0])
        with refuses(
            "masks: truth and result must be (height, width) of one size, not (2, 2) and (2, 3) in frame 0; "
            "give one mask a frame"
        ):
            metric(one, np.zeros((1, 2, 3), bool))
        with refuses(
            "masks: must be bool or numbers of objects, not float64 in frame 0; apply a threshold first"
        ):
            metric(one, one.astype(float))


# -------------------------------------------------------------------------------------------- from probability to mask


@given(
    st.integers(1, 14),
    st.integers(1, 14),
    st.sampled_from([1, 2, 3]),
    st.floats(0.3, 1),
    st.integers(0, 2**16),
)
def test_opening_is_the_hardwares_and_that_of_scikit_image(
    h: int, w: int, radius: int, density: float, seed: int
) -> None:
    from skimage.morphology import binary_opening, disk

    masks = np.random.default_rng(seed).random((3, h, w)) < density
    y = metrics_masks.opened(masks, radius)
    bit = Stream("m", (h, w, 1), Fixed(False, 1, 0), 0, 1)
    op = Opening(name="o", inputs=(bit,), radius=radius)
    np.testing.assert_array_equal(y, op.golden(masks[..., None].astype(np.int64))[..., 0])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # deprecated in 0.26 in favor of opening
        np.testing.assert_array_equal(y, [binary_opening(m, disk(radius)) for m in masks])
    assert y.dtype == np.bool_
    np.testing.assert_array_equal(metrics_masks.opened(masks[0], radius), y[0])


def test_opening_of_a_view_and_none() -> None:
    masks = np.random.default_rng(0).random((2, 9, 8)) < 0.9
    np.testing.assert_array_equal(
        metrics_masks.opened(masks[:, ::-1, ::2]), metrics_masks.opened(masks[:, ::-1, ::2].copy())
    )
    none = metrics_masks.opened(masks, 0)
    np.testing.assert_array_equal(none, masks)
    assert none is not masks
    assert metrics_masks.opened(masks[:0]).shape == (0, 9, 8)


@pytest.mark.parametrize("radius", [-1, 8, 1.5, True])
def test_bad_radius(radius: Any) -> None:
    with refuses(f"opening: must be a radius of 0 to 7 pixels, not {radius!r}; give 0 for no opening"):
        metrics_masks.opened(np.zeros((4, 4), bool), radius)


def test_bad_masks_and_probabilities() -> None:
    with refuses(
        "opening: masks must be bool of shape (frames, height, width), not float64 of (4, 4); apply a threshold first"
    ):
        metrics_masks.opened(np.zeros((4, 4)))  # type: ignore[arg-type]
    with refuses(
        "probabilities: must be real of shape (frames, height, width), not float64 of (1, 4, 4, 1); "
        "leave out the channel axis"
    ):
        metrics_masks.binarize(np.zeros((1, 4, 4, 1)), 0.5)
    p = np.zeros((2, 3, 3))
    p[1, 0, 2] = np.nan
    with refuses("probabilities: must be finite, not nan at (1, 0, 2); check the network"):
        metrics_masks.binarize(p, 0.5)


def test_mask_is_at_least_the_threshold_as_in_hardware() -> None:
    assert metrics_masks.binarize(np.array([[0.4, 0.5, 0.6]]), 0.5, opening=0).tolist() == [
        [False, True, True]
    ]
    p = np.zeros((1, 9, 9))
    p[0, 2:7, 2:7] = 0.9
    p[0, 0, 8] = 0.9
    found = metrics_masks.binarize(p, 0.5)
    assert found.sum() == 13  # a disk of radius 2; the corner pixel is gone
    assert not found[0, 0, 8]


def stairs(*values: float) -> np.ndarray[Any, Any]:
    """A frame of a row of probabilities."""
    return np.array([[values]])


def test_threshold_that_is_best() -> None:
    p = stairs(0.9, 0.8, 0.32, 0.1)
    truth = stairs(1, 1, 1, 0) > 0
    choice = metrics_masks.choose_threshold(p, truth, by="iou", opening=0)
    assert (choice.threshold, choice.value, choice.by) == (0.3, 1.0, "iou")
    assert choice.curve[0] == (0.05, 0.75)
    assert choice.curve[-1] == (0.95, 0.0)
    assert len(choice.curve) == 19
    # IoU 3/4 of the one object above 0.1, at thresholds 0.35 to 0.8 only 2/3: F2 sees the same best.
    assert metrics_masks.choose_threshold(p, truth, opening=0).threshold == 0.3
    # Two objects that run together below 0.4: IoU gains by their bridge, F2 does not.
    p, truth = stairs(0.9, 0.4, 0.9, 0.9, 0.3), stairs(1, 0, 1, 1, 1) > 0
    iou = metrics_masks.choose_threshold(p, truth, by="iou", opening=0)
    f2 = metrics_masks.choose_threshold(p, truth, by="f2", opening=0)
    assert (iou.threshold, iou.value) == (0.3, 0.8)
    assert f2.threshold == 0.5
    assert f2.value == pytest.approx((4 + 6 * 0.5) / 10)  # IoU 2/3 of the second: a hit at 0.5 ... 0.65


def test_threshold_of_scenes_of_several_sizes() -> None:
    scenes = [stairs(0.9, 0.2)[0], stairs(0.7, 0.1, 0.6)[0]]
    truth = [np.array([[1, 0]]), np.array([[2, 0, 3]])]
    choice = metrics_masks.choose_threshold(scenes, truth, opening=0)
    assert (choice.threshold, choice.value) == (0.5, 1.0)
    assert dict(choice.curve)[0.65] == pytest.approx(
        (1 + 5 / 9) / 2
    )  # one of the second scene's two is missed


def test_ties_go_to_the_nearest_to_a_half_then_to_the_lower() -> None:
    truth = stairs(1, 0) > 0
    assert metrics_masks.choose_threshold(stairs(0.99, 0.01), truth, opening=0).threshold == 0.5
    assert metrics_masks.choose_threshold(stairs(0.99, 0.62), truth, opening=0).threshold == 0.65
    for low, high in ((0.3, 0.7), (0.4, 0.6), (0.45, 0.55)):
        for pair in ((low, high), (high, low)):
            choice = metrics_masks.choose_threshold(stairs(0.99, 0.01), truth, opening=0, thresholds=pair)
            assert choice.threshold == low


def test_threshold_is_chosen_on_opened_masks() -> None:
    p, truth = np.full((1, 12, 12), 0.1), np.zeros((1, 12, 12), bool)
    p[0, 3:8, 3:8] = 0.9
    p[0, 3:5, 8:12] = 0.6  # a wake, thinner than the disk
    truth[0, 3:8, 3:8] = True
    truth = metrics_masks.opened(truth)
    assert metrics_masks.choose_threshold(p, truth, by="iou").threshold == 0.5
    assert metrics_masks.choose_threshold(p, truth, by="iou", opening=0).threshold == 0.65


def test_bad_choices() -> None:
    p, truth = stairs(0.5), stairs(1) > 0
    with refuses("by: must be f2 or iou, not 'f1'; name one of them"):
        metrics_masks.choose_threshold(p, truth, by="f1")
    with refuses("thresholds: must be finite and at least one, not []; leave them out for 0.05 to 0.95"):
        metrics_masks.choose_threshold(p, truth, thresholds=[])
    with refuses("thresholds: must be finite and at least one, not [nan]; leave them out for 0.05 to 0.95"):
        metrics_masks.choose_threshold(p, truth, thresholds=[float("nan")])
    with refuses(
        "probabilities: must be (height, width) a frame, not (1,) in frame 0; give one channel a frame"
    ):
        metrics_masks.choose_threshold(p[0], truth)


# --------------------------------------------------------------------------------------------------------------- tiles


@given(st.data())
def test_stitching_undoes_cutting(draw: st.DataObject) -> None:
    side = st.integers(1, 23)
    scene, tile = draw.draw(st.tuples(side, side)), draw.draw(st.tuples(side, side))
    stride = (draw.draw(st.integers(1, tile[0])), draw.draw(st.integers(1, tile[1])))
    tiling = data_tiling.Tiling(scene=scene, tile=tile, stride=stride)
    image = np.arange(scene[0] * scene[1] * 2).reshape(*scene, 2)
    tiles = tiling.cut(image)
    assert tiles.shape == (len(tiling), *tile, 2)
    np.testing.assert_array_equal(tiling.stitch(tiles), image)
    mask = image[..., 0] % 3 == 0
    back = tiling.stitch(tiling.cut(mask))
    assert back.dtype == np.bool_
    np.testing.assert_array_equal(back, mask)


def test_pixel_is_that_of_the_nearest_centre() -> None:
    tiling = data_tiling.Tiling(scene=(4, 11), tile=(4, 4), stride=(4, 2))
    assert tiling.places == ((0, 0), (0, 2), (0, 4), (0, 6), (0, 7))
    tiles = np.broadcast_to(np.arange(5)[:, None, None], (5, 4, 4))
    # Centres 1.5, 3.5, 5.5, 7.5, 8.5; pixel 8 is as near to the last two and is the earlier one's.
    assert tiling.stitch(tiles)[0].tolist() == [0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4]


def test_small_scene_is_filled_up() -> None:
    tiling = data_tiling.Tiling(scene=(2, 3), tile=(4, 4), stride=(4, 4))
    tiles = tiling.cut(np.ones((2, 3), np.uint8))
    assert tiles.tolist() == [[[1, 1, 1, 0], [1, 1, 1, 0], [0] * 4, [0] * 4]]
    assert tiling.stitch(tiles).tolist() == [[1, 1, 1]] * 2


def test_bad_tilings() -> None:
    with refuses("tiling: tile must be rows and columns of at least 1, not (0, 4); give two numbers"):
        data_tiling.Tiling(scene=(4, 4), tile=(0, 4), stride=(1, 1))
    with refuses("tiling: the stride must be at most the tile, (4, 4), not (4, 5); give a smaller one"):
        data_tiling.Tiling(scene=(9, 9), tile=(4, 4), stride=(4, 5))
    tiling = data_tiling.Tiling(scene=(4, 4), tile=(4, 4), stride=(4, 4))
    with refuses("tiling: the scene must be of (4, 4), not (5, 4); make a tiling of its size"):
        tiling.cut(np.zeros((5, 4, 3)))
    with refuses("tiling: tiles must be of (1, 4, 4), not (2, 4, 4); give those of this tiling"):
        tiling.stitch(np.zeros((2, 4, 4)))
