"""Folding: how many outputs and inputs every operator does at once, for an interval or a budget."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from rtl4ml.errors import BadInput, OverBudget
from rtl4ml.ir import Folding, Graph, Op
from rtl4ml.netlist import Resources
from rtl4ml.ops.conv import Linear

# XCZU9EG (DS891, table of Zynq UltraScale+ EG devices); no UltraRAM.
XCZU9EG = {"lut": 274_080, "ff": 548_160, "dsp": 2_520, "bram36": 912}


def _cost(f: Folding) -> tuple[int, int, int]:
    """Fewest products at once, then no replay of the inputs, then the fewest lanes."""
    return f.multipliers, f.simd, f.pe


def fold(graph: Graph, *, target_interval: int, layers: Mapping[str, tuple[int, int]] | None = None) -> Graph:
    """The graph with the cheapest folding of every operator that meets `target_interval` cycles a sample.

    layers: (pe, simd) by layer or operator name, taken as it stands.
    Raises OverBudget where even the widest folding of an operator is too slow, BadInput for an illegal one.
    """
    given = dict(layers or {})
    made: dict[str, Op] = {}
    lanes: dict[str, int] = {s.name: 1 for s in graph.inputs}
    ops = []
    for op in graph.ops:
        options = list(op.foldings())
        chosen = _pinned(op, options, given)
        if chosen is None:
            fast = [f for f in options if f.interval <= target_interval]
            if not fast:
                best = min(f.interval for f in options)
                raise OverBudget(
                    f"{op.name}: target_interval must be at least {best} cycles for this layer, not "
                    f"{target_interval}; raise it"
                )
            if isinstance(op, Linear):
                products = [f for f in fast if f.style != "unrolled"]
                whole = [f for f in fast if f.style == "unrolled"]
                # Unrolled only where folding cannot meet the target, or where there is nothing to fold.
                chosen = min(products, key=_cost) if products else whole[0]
            else:
                before = lanes[op.x.name]
                keep = [f for f in fast if f.simd == before]
                chosen = keep[0] if keep else min(fast, key=lambda f: (f.simd, f.pe))
        op = replace(op, pe=chosen.pe, simd=chosen.simd)
        if isinstance(op, Linear):
            op = replace(op, style=chosen.style)
        lanes[op.output.name] = chosen.pe
        made[op.name] = op
        ops.append(op)
    if given:
        raise BadInput(
            f"{next(iter(given))}: a folding by hand must name a layer of the model, not {next(iter(given))!r}; "
            f"layers: {', '.join(o.name for o in graph.ops)}"
        )
    return replace(graph, ops=tuple(ops))


def _pinned(op: Op, options: list[Folding], given: dict[str, tuple[int, int]]) -> Folding | None:
    """The folding that the user asked for, taken out of `given`."""
    key = next((k for k in (op.name, *op.layers) if k in given), None) if isinstance(op, Linear) else None
    if key is None:
        return None
    pe, simd = given.pop(key)
    for f in options:
        if (f.pe, f.simd) == (pe, simd):
            return f
    raise BadInput(
        f"{key}: pe must be one of {sorted({f.pe for f in options})} and simd one of "
        f"{sorted({f.simd for f in options})}, not {pe} and {simd}"
    )


def fold_for(
    graph: Graph,
    *,
    target_interval: int | None,
    budget: Mapping[str, float] | None,
    layers: Mapping[str, tuple[int, int]] | None = None,
) -> Graph:
    """The graph folded for an interval, or for the smallest interval that the budget holds.

    target_interval: cycles a sample; None: as many as the input has positions, or what the budget allows
    budget:          greatest share of the device by resource (0 to 1]; None: all of the device
    Raises OverBudget with the layer that costs most and the nearest interval that fits; BadInput.
    """
    shares = dict(budget or {})
    for k, v in shares.items():
        if k not in XCZU9EG or not 0 < v <= 1:
            raise BadInput(
                f"budget: must give shares (0 to 1] of {', '.join(XCZU9EG)}, not {k}={v!r}; write lut=0.5"
            )
    if target_interval is not None:
        if isinstance(target_interval, bool) or not isinstance(target_interval, int) or target_interval < 1:
            raise BadInput(
                f"target_interval: must be a whole number of cycles from 1 up, not {target_interval!r}"
            )
        folded = fold(graph, target_interval=target_interval, layers=layers)
        over = _over(folded, shares)
        if over is None:
            return folded
        fits = _search(graph, shares, layers, target_interval)
        hint = f"target_interval={fits[1]} fits" if fits else "no folding fits; take a smaller model"
        raise OverBudget(f"{over}; {hint}")
    start = max(1, graph.inputs[0].pixels if len(graph.inputs[0].shape) > 1 else graph.inputs[0].elements)
    fits = _search(graph, shares, layers, start)
    if fits is None:
        widest = max(_intervals(graph))
        raise OverBudget(
            f"{_over(fold(graph, target_interval=widest, layers=layers), shares)}; "
            f"this is the smallest design, take a smaller model"
        )
    return fits[0]


def _intervals(graph: Graph) -> list[int]:
    """Every interval that some folding of some operator has."""
    return sorted({f.interval for op in graph.ops for f in op.foldings()})


def _search(
    graph: Graph, shares: Mapping[str, float], layers: Mapping[str, tuple[int, int]] | None, start: int
) -> tuple[Graph, int] | None:
    """The first design from `start` cycles up that fits, by bisection over the intervals that foldings have."""
    floor = max(min(f.interval for f in op.foldings()) for op in graph.ops)
    options = [t for t in _intervals(graph) if t >= max(start, floor)] or [max(start, floor)]
    if start >= floor and start not in options:
        options.insert(0, start)
    lo, hi, best = 0, len(options) - 1, None
    while lo <= hi:
        mid = lo if best is None and lo == 0 and hi == len(options) - 1 else (lo + hi) // 2
        folded = fold(graph, target_interval=options[mid], layers=layers)
        if _over(folded, shares) is None:
            best = (folded, options[mid])
            hi = mid - 1
        else:
            lo = mid + 1
    return best


def _over(graph: Graph, shares: Mapping[str, float]) -> str | None:
    """What exceeds the budget, and the layer that costs most of it; None if all fits."""
    layers = layer_resources(graph)
    for k, available in XCZU9EG.items():
        limit = available * shares.get(k, 1.0)
        need = sum(getattr(r, k) for r in layers.values())
        if need > limit:
            name = max(layers, key=lambda n: getattr(layers[n], k))
            return (
                f"{name}: the design must fit {limit:,.0f} {k}, not need {need:,.0f}, most of it in this layer "
                f"({getattr(layers[name], k):,.0f})"
            )
    return None


def layer_resources(graph: Graph) -> dict[str, Resources]:
    """Predicted resources of every operator of a folded graph, the edges under "edges"."""
    from rtl4ml.lower import lower
    from rtl4ml.resources import estimate
    from rtl4ml.synthesize import units

    out: dict[str, Resources] = {}
    for u in units(lower(graph), frames_in_flight=4):
        out[u.layer] = out.get(u.layer, Resources()) + estimate(u.module, u.params, u.cell)
    return out
