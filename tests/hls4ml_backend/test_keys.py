# SPDX-License-Identifier: Apache-2.0
"""Keys of hls4ml's configuration: used, said to be without effect, or refused."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hls4ml_nets import chain, config_of, convert

from rtl4ml.errors import BadInput
from rtl4ml.folding.by_hand import reuse_factors
from rtl4ml.hls4ml_backend import keys


def design_of(h: Any) -> Any:
    return h.config.backend.design(h)


@pytest.fixture(scope="module")
def net() -> Any:
    return chain(softmax=True)


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "key of the model": (
        {"Model": {"ReuseFaktor": 2}},
        "Model: must have keys that hls4ml has, not 'ReuseFaktor'; write ReuseFactor",
    ),
    "layer": (
        {"LayerName": {"dens": {"ReuseFactor": 2}}},
        "LayerName: must name layers, not 'dens'; write dense",
    ),
    "kind of layer": (
        {"LayerType": {"Dnse": {"ReuseFactor": 2}}},
        "LayerType: must name kinds of layers, not 'Dnse'; write Dense",
    ),
    "key of a layer": (
        {"LayerName": {"dense": {"Reuse": 2}}},
        "dense: must have keys that hls4ml has, not 'Reuse'; write ReuseFactor",
    ),
    "type of a layer": (
        {"LayerName": {"dense": {"Precision": {"wieght": "fixed<4,1>"}}}},
        "dense: Precision must have types that it has, not 'wieght'; write weight",
    ),
    "factor": (
        {"LayerName": {"dense": {"ReuseFactor": 0}}},
        "dense: ReuseFactor must be a whole number from 1 up, not 0; 1 is the fastest",
    ),
    "strategy": (
        {"LayerName": {"dense": {"Strategy": "Fast"}}},
        "dense: Strategy must be one of latency, resource, resource_unrolled, unrolled, distributed_arithmetic, "
        "not fast",
    ),
    "adders": (
        {"LayerName": {"dense": {"Strategy": "distributed_arithmetic", "ReuseFactor": 3}}},
        "dense: Strategy distributed_arithmetic must go with ReuseFactor 1, not 3; take another strategy",
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_misspelt_keys_and_wrong_values_are_refused(net: Any, what: str, tmp_path: Path) -> None:
    config, text = REFUSED[what]
    with pytest.raises(BadInput, match=f"^{re.escape(text)}$"):
        convert(net, tmp_path / "p", hls_config=config)
    assert not (tmp_path / "p").exists()


def test_adders_and_a_target_are_refused_together(net: Any, tmp_path: Path) -> None:
    text = "conv: Strategy distributed_arithmetic must go with ReuseFactor 1, not with target_interval; leave one out"
    with pytest.raises(BadInput, match=f"^{re.escape(text)}$"):
        convert(
            net,
            tmp_path / "p",
            hls_config={"Model": {"Strategy": "distributed_arithmetic"}},
            target_interval=9,
        )


def test_reuse_factors_set_the_foldings(net: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """By layer, by kind, by model; the nearest legal one is said. `conv` has 6 x 4 products, `dense` 20 x 3."""
    config = config_of(net, default_reuse_factor=2)
    config["LayerName"]["dense"]["ReuseFactor"] = 7
    config["LayerName"]["logits"]["Strategy"] = "Resource"
    h = convert(net, tmp_path / "p", hls_config=config)
    design = design_of(h)
    assert reuse_factors(design.plan) == {"conv": 2, "dense": 6, "logits": 2}
    said = capsys.readouterr().out
    assert "\nReuseFactor: the nearest that is legal was taken, dense 7 -> 6\n" in said
    assert design.target_interval == design.cycles.interval == 20  # 10 positions of conv
    x = np.random.default_rng(5).uniform(-1, 1, (6, 12, 2))
    assert np.array_equal(design.simulate(x).y, design.reference(x))

    h = convert(
        net,
        tmp_path / "q",
        hls_config={"Model": {"ReuseFactor": 4}, "LayerType": {"Dense": {"ReuseFactor": 1}}},
        foldings={"logits": (1, 1)},
    )
    assert reuse_factors(design_of(h).plan) == {"conv": 4, "dense": 1, "logits": 6}
    assert design_of(h).plan.foldings["dense"].style == "unrolled"


def test_a_strategy_takes_multipliers_or_adders(net: Any, tmp_path: Path) -> None:
    layers = {
        "conv": {"Strategy": "distributed_arithmetic"},
        "dense": {"Strategy": "Resource"},
        "logits": {"Strategy": "Latency"},
    }
    h = convert(net, tmp_path / "p", hls_config={"LayerName": layers})
    plan = design_of(h).plan
    assert [plan.foldings[n].style for n in layers] == ["unrolled", "", "unrolled"]
    assert reuse_factors(plan) == {"conv": 1, "dense": 2, "logits": 1}
    assert set(keys.STRATEGIES.values()) == {None, False, True}


def test_what_has_no_effect_is_said_once(
    net: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The configuration of another backend of hls4ml's is taken as it is."""
    import hls4ml

    config = hls4ml.utils.config_from_keras_model(net, granularity="name", backend="Vitis")
    config["LayerName"]["classes"]["exp_table_t"] = "ap_fixed<18,8>"
    convert(net, tmp_path / "p", hls_config=config, target_interval=40)
    lines = [line for line in capsys.readouterr().out.splitlines() if "without effect" in line]
    assert lines == [
        "keys of hls4ml's configuration without effect here: BramFactor, ConvImplementation, Implementation, "
        "ParallelizationFactor, ReuseFactor, Skip, Strategy, TableSize, TraceOutput, accum, exp_table, exp_table_t, "
        "inv_inp, inv_table, table"
    ]
    convert(net, tmp_path / "q", hls_config={}, target_interval=40)
    (line,) = [line for line in capsys.readouterr().out.splitlines() if "without effect" in line]
    assert line == "keys of hls4ml's configuration without effect here: ReuseFactor, Strategy"
