# SPDX-License-Identifier: Apache-2.0
"""Networks that a sweep trains: what they are made of, which are stopped, and that none is trained twice."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pytest
from sweep_nets import Inline

from rtl4ml.errors import BadInput
from rtl4ml.sweep import space as spaces
from rtl4ml.sweep import study, trained
from rtl4ml.sweep.precision import Head, Labelled
from rtl4ml.sweep.space import Space
from rtl4ml.sweep.study import Settings
from rtl4ml.sweep.trained import Hopeless, Lesson, Taught, arguments_of
from rtl4ml.training.classification.fit import Pixels
from rtl4ml.training.classification.recipe import read_recipe

RNG = np.random.default_rng(4)
BANDS, CLASSES = 12, 3


def pixels(number: int) -> Pixels:
    """Pixels whose class is where their spectrum is bright."""
    labels = RNG.integers(0, CLASSES, number).astype(np.int32)
    x = RNG.uniform(0, 0.3, (number, BANDS, 1))
    for k, c in enumerate(labels):
        x[k, 4 * c : 4 * c + 4] += 0.4
    return Pixels(inputs=x.astype(np.float32), labels=labels)


TRAIN, CHECK, OTHER = pixels(256), pixels(64), pixels(64)


def small(epochs: int = 6) -> Lesson:
    """A recipe of a few weights and epochs."""
    recipe = read_recipe("salinas_1dcnn_4bit")
    build = {**recipe.build, "bands": BANDS, "classes": CLASSES, "kernels": 4, "hidden": [6]}
    build |= {"weight_bits": [4] * 3, "weight_integers": [1, 0, 0]}
    build |= {"activation_bits": [4] * 2, "activation_integers": [0, 0]}
    recipe = replace(
        recipe,
        build=build,
        float_stage=replace(recipe.float_stage, epochs=8, batch=32),
        quantized_stage=replace(recipe.quantized_stage, batch=32),
    )
    assert recipe.network
    return Lesson(recipe, TRAIN, CHECK, epochs)


def taught(folder: Path, **options: Any) -> Taught:
    return Taught(small(**options), Head(), folder / "trained")


def swept(source: Taught, axes: Space, storage: str = "sqlite://") -> study.Result:
    return study.sweep(
        source,
        axes,
        model="small",
        identity={"network": source.digest()},
        settings=Settings(storage=storage),
        accuracies=source.accuracies,
    )


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers in this process."""
    from contextlib import contextmanager

    @contextmanager
    def pool(*_: Any) -> Any:
        yield Inline()

    monkeypatch.setattr(study.pools, "pool", pool)


AXES = spaces.space([("weight_bits", "2,5"), ("build.hidden", ["6", "8x6"][:1]), ("interval", "24,48")])


def test_networks_are_trained_and_none_twice(
    tmp_path: Path, here: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = swept(taught(tmp_path), AXES)
    oa = [p.outcome.accuracy["oa"] for p in found.points if p.outcome and p.outcome.accuracy]
    assert len(oa) == 4 and max(oa) > 0.9
    monkeypatch.delattr(trained, "start_quantized")  # nothing is begun again
    again = taught(tmp_path)
    same = swept(again, AXES)
    assert [p.outcome and p.outcome.accuracy for p in same.points] == [
        p.outcome and p.outcome.accuracy for p in found.points
    ]
    data = Labelled(OTHER.inputs, OTHER.labels)
    tested = study.tested(again, same, data, Settings())
    assert set(tested.tested) == {p.number for p in same.front}
    live = again.model(same.front[0].params)
    right = np.mean(live.predict(OTHER.inputs, verbose=0).argmax(-1) == OTHER.labels)
    assert tested.tested[same.front[0].number] == pytest.approx(float(right))


def test_what_is_trained_again_is_the_same(tmp_path: Path, here: None) -> None:
    """Also from a rung that another run has left."""
    one, two = taught(tmp_path / "a"), taught(tmp_path / "b")
    axes = spaces.space([("weight_bits", "5"), ("interval", "24")])
    swept(one, axes)
    (tmp_path / "b/trained").mkdir(parents=True)
    (key,) = one.states
    for upto in (0, 2):
        name = one._file((), upto) if upto == 0 else one._file(key, upto)
        (tmp_path / "b/trained" / name.name).write_bytes(name.read_bytes())
    swept(two, axes)
    for a, b in zip(one.states[key].best_weights, two.states[key].best_weights, strict=True):
        np.testing.assert_array_equal(a, b)


def test_the_hopeless_are_stopped_and_say_why(
    tmp_path: Path, here: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = trained.rung

    def bad(what: Any, network: Any, first: Any, state: Any, upto: int) -> Any:
        assert upto == 2 or network["weight_bits"] != 5, "it was to be stopped"
        made = real(what, network, first, state, upto)
        return replace(made, best=(0.1, 0.0)) if network["weight_bits"] == 5 else made

    monkeypatch.setattr(trained, "rung", bad)
    found = swept(taught(tmp_path), AXES)
    told = {p.params["weight_bits"]: p.outcome.refused for p in found.points if p.outcome}
    assert told == {
        2: "",
        5: "stopped after 2 epochs: a network of no more bits is more than 1 % more accurate",
    }


def test_few_bits_are_no_reason_to_stop() -> None:
    found = optuna.create_study(pruner=Hopeless(), direction="maximize")
    networks = {
        "a": (2, 16, 0.9),
        "b": (8, 16, 0.99),
        "c": (8, 32, 0.7),
        "d": (4, 16, 0.95),
        "e": (5, 16, 0.93),
    }
    trials = {}
    for name, (bits, kernels, score) in networks.items():
        trials[name] = found.ask()
        trials[name].set_user_attr("network", [["weight_bits", bits], ["build.kernels", kernels]])
        trials[name].report(score, 5)
    assert [name for name, trial in trials.items() if trial.should_prune()] == ["e"]


def test_axes_are_arguments_of_the_recipe() -> None:
    recipe = small().recipe
    assert arguments_of({"bits": 3, "build.kernels": 8, "build.hidden": "16x8"}, recipe) == {
        "weight_bits": [3, 3, 3],
        "activation_bits": [3, 3],
        "kernels": 8,
        "hidden": [16, 8],
    }
    assert arguments_of({"build.hidden": 16}, recipe) == {"hidden": [16]}
    with pytest.raises(BadInput) as error:
        arguments_of({"build.depth": 3}, recipe)
    assert str(error.value).startswith(
        "sweep: build.depth must be an argument in [build] of salinas_1dcnn_4bit.toml, not depth; there are bands, "
    )
    with pytest.raises(BadInput) as error:
        arguments_of({"weight_bits.conv": 3}, recipe)
    assert str(error.value) == (
        "sweep: weight_bits.conv must be of all layers of salinas_1dcnn_4bit.toml, not of conv; take a model for that"
    )
    with pytest.raises(BadInput) as error:
        spaces.axis("build.hidden", "32x,4")
    assert str(error.value) == (
        "sweep: build.hidden must be whole numbers from 1 up, or several as in 32x16, not '32x,4'; write it so"
    )


def test_another_search_than_the_grid_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput) as error:
        study.sweep(
            taught(tmp_path), AXES, model="small", identity={}, settings=Settings("tpe"), accuracies=("oa",)
        )
    assert str(error.value) == (
        "sweep: --search must be grid for a recipe, all of whose networks are trained first, not tpe; leave it out"
    )
