# SPDX-License-Identifier: Apache-2.0
"""The hls4ml backend: hls4ml's script, rtl4ml's hardware.

hls4ml's parser still runs before a backend is asked, so a model must have layers that it knows; what it made of them is
not used. The design comes from the Keras model that it hands over in its configuration.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import MethodType
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from hls4ml.backends.backend import Backend
from hls4ml.backends.fpga.fpga_backend import FPGABackend
from hls4ml.model.flow import register_flow
from hls4ml.model.optimizer import ModelOptimizerPass
from numpy.typing import NDArray

import rtl4ml
from rtl4ml import arguments
from rtl4ml.errors import BadInput, BadModel, HlsCannot
from rtl4ml.frontends import precision
from rtl4ml.host import frameworks, progress

NAME = "rtl4ml"
# The clock of `rtl4ml.convert`, 250 MHz.
_PERIOD_NS = 4.0
# Samples that `build` makes up where it is given none and none were predicted.
_SAMPLES = 64
_OPTIONS = ("target_interval", "budget", "input_precision", "output", "threshold", "foldings")


def _give_trace(model: Any) -> bool:
    """Gives a model the backend's `trace`: hls4ml asks backends to predict, but traces within a library itself."""
    model.trace = MethodType(lambda m, x: m.config.backend.trace(m, x), model)
    return False  # nothing that other passes would have to see


class Rtl4mlBackend(Backend):  # type: ignore[misc]
    """`compile` is `rtl4ml.convert`, `predict` is `Design.emulate`, `build` simulates, synthesizes and reports."""

    def __init__(self) -> None:
        super().__init__(NAME)
        self.register_pass("trace", ModelOptimizerPass("trace", _give_trace))
        self._flow = register_flow("ip", [f"{self.name}:trace"], backend=self.name)
        self._designs: WeakKeyDictionary[Any, Any] = WeakKeyDictionary()
        self._seen: WeakKeyDictionary[Any, NDArray[Any]] = WeakKeyDictionary()

    # -- what hls4ml asks while it converts --

    def create_initial_config(
        self,
        part: str | None = None,
        clock_period: float | None = None,
        io_type: str = "io_stream",
        **options: Any,
    ) -> dict[str, Any]:
        """The configuration: clock_period in ns, and the arguments of `rtl4ml.convert` by their names.

        Raises BadInput for another part; `io_type` is accepted, the hardware streams in any case. Other backends'
        options are ignored.
        """
        frameworks.keras()
        if part is not None and not (isinstance(part, str) and part.lower().startswith("xczu9eg")):
            raise BadInput(f"part: must be the ZCU102's xczu9eg-ffvb1156-2-e, not {part}; leave it out")
        period = arguments.real(_PERIOD_NS if clock_period is None else clock_period)
        if period is None or not 1 < period < 10**6:
            raise BadInput(
                f"clock_period: must be a period above 1 ns, not {arguments.shown(clock_period)}; 4 is usual"
            )
        own = {k: options[k] for k in _OPTIONS if options.get(k) is not None}
        return {
            "Part": part,
            "ClockPeriod": period,
            "IOType": io_type,
            "HLSConfig": {},
            "WriterConfig": {"Namespace": None, "WriteWeightsTxt": False, "WriteTar": False},
            "Rtl4ml": own,
        }

    def create_layer_class(self, layer_class: Any) -> Any:
        """hls4ml's own class: nothing is generated from it."""
        return layer_class

    def get_default_flow(self) -> str:
        """A flow that leaves the layers alone."""
        return str(self._flow)

    def get_writer_flow(self) -> str:
        """The same."""
        return str(self._flow)

    @classmethod
    def convert_precision_string(cls, precision: Any) -> Any:
        """hls4ml's reading of ap_fixed and its kin."""
        return FPGABackend.convert_precision_string(precision)

    # -- what the user asks --

    def write(self, model: Any) -> None:
        """Converts the model that hls4ml was given; the project goes to its output folder."""
        config = model.config.config
        keras_model = config.get("KerasModel")
        if keras_model is None:
            raise BadModel(
                f"{config.get('ProjectName')}: backend='rtl4ml' must be given a Keras model, "
                f"not one of PyTorch or ONNX; use convert_from_keras_model"
            )
        options = dict(config["Rtl4ml"])
        clock_mhz = 1000 / float(config["ClockPeriod"])
        out = Path(config["OutputDir"])
        with progress.printed(f"convert {keras_model.name}"):
            try:
                design = rtl4ml.convert(keras_model, out=out, clock_mhz=clock_mhz, **options)
            except BadModel:
                declared = _declared_input(config)
                if declared is None or "input_precision" in options:
                    raise
                design = rtl4ml.convert(
                    keras_model, out=out, clock_mhz=clock_mhz, input_precision=declared, **options
                )
        self._designs[model] = design
        if notice := design.parsed.notice():
            print(notice)
        if design.parsed.output == "logits" and (head := design.parsed.cut[0]):
            print(
                f"{keras_model.name}: predict gives the values before the {head} at its output, "
                "which order classes alike"
            )

    def compile(self, model: Any) -> None:
        """Nothing more: hls4ml has called `write`, and loads the running program in place of a library."""

    def predict(self, model: Any, x: Any) -> NDArray[np.float64]:
        """Exact values, flat per sample and without the batch axis for one sample, as with hls4ml's other backends."""
        design = self.design(model)
        batch = _batch(x, design.graph.inputs[0].shape)
        y: NDArray[np.float64] = design.emulate(batch)
        self._seen[model] = batch[:_SAMPLES]
        flat = y.reshape(len(y), -1)
        return flat[0] if len(flat) == 1 else flat

    def trace(self, model: Any, x: Any) -> tuple[NDArray[np.float64], dict[str, NDArray[np.float64]]]:
        """What `predict` gives, and by layer with `Trace` set its exact values (N, *shape).

        Named as hls4ml names them: the activation within a layer is one of its own. Of a layer that the hardware has
        no values of, as a normalization that became part of the quantizer behind it, a line is printed.
        """
        y = self.predict(model, x)
        parsed = self.design(model).parsed
        batch = _batch(x, parsed.input.shape)
        traced = [n for n in model.get_layers() if n.get_attr("trace") and n.class_name != "Input"]
        known = {layer.name for layer in model.config.config["KerasModel"]._flatten_layers()}
        # An activation within a layer: no layer of Keras's, and the one before it is.
        inner = {n.name: n.inputs[0] for n in model.get_layers() if n.name not in known and n.inputs}
        streams, without = {}, []
        for n in traced:
            stream = parsed.values.get(inner.get(n.name, n.name))
            if n.name in inner.values():
                stream = parsed.sums.get(n.name)
            if n.name in inner and n.get_attr("activation") == "linear":
                continue  # hls4ml's other backends drop it
            if stream is None:
                without.append(n.name)
            else:
                streams[n.name] = stream
        if without:
            print(f"trace: the hardware has no values of {', '.join(without)} alone")
        graph = replace(parsed.graph, outputs=tuple(streams.values()))
        values = graph.emulate([parsed.quantize_input(batch)])
        return y, {name: s.real(v) for (name, s), v in zip(streams.items(), values, strict=True)}

    def build(
        self, model: Any, csim: bool = True, synth: bool = True, cosim: bool = True, **others: Any
    ) -> dict[str, Any]:
        """Proves and measures the design; the report as a dict, also in report.json and report.html.

        csim:  C simulation of the hls4ml project with g++, where it can hold the model
        cosim: the RTL with Verilator, once without and once with random stalls
        synth: resources with Yosys
        The samples are those of `input_data_tb`, of the last `predict`, or random ones. Raises BadInput for what
        only Vivado or Vitis can do.
        """
        for name in ("export", "vsynth"):
            if others.get(name):
                raise BadInput(
                    f"{name}: must be left to Vivado, not asked of backend='rtl4ml'; see boards/zcu102"
                )
        design = self.design(model)
        x = self._samples(model, design)
        if not len(x):
            given = model.config.config.get("InputData") or "predict"
            raise BadInput(f"{given}: must give samples to compare, not none; give at least one")
        samples = f"{len(x):,} samples"
        with progress.printed(f"emulate {samples}"):
            design.emulate(x)
        if csim:
            with progress.printed(f"C simulation of the HLS project, {samples}") as tell:
                try:
                    design.csim(x, progress=tell)
                except HlsCannot as error:
                    print(f"C simulation left out: {error}")
        if cosim:
            with progress.printed(f"RTL simulation, {samples}") as tell:
                design.simulate(x, progress=tell)
            with progress.printed(f"RTL simulation under random stalls, {samples}") as tell:
                design.simulate(x, stalls="random", progress=tell)
        if synth:
            with progress.printed("synthesis with Yosys") as tell:
                design.synthesize(progress=tell)
        report: dict[str, Any] = design.report()
        return report

    def design(self, model: Any) -> Any:
        """The rtl4ml Design behind an hls4ml model, converted if it was not yet."""
        if model not in self._designs:
            self.write(model)
        return self._designs[model]

    def _samples(self, model: Any, design: Any) -> NDArray[Any]:
        shape = design.graph.inputs[0].shape
        given = model.config.config.get("InputData")
        if given:
            path = Path(given)
            try:
                data = (
                    np.load(path, allow_pickle=False) if path.suffix == ".npy" else np.loadtxt(path, ndmin=2)
                )
                return np.asarray(data).reshape(-1, *shape)
            except (OSError, ValueError) as error:
                line = str(error).splitlines()[0]
                raise BadInput(
                    f"{path}: must hold samples of shape {shape}, not fail with {line!r}"
                ) from None
        if model in self._seen:
            return self._seen[model]
        s = design.graph.inputs[0]
        integers = np.random.default_rng(0).integers(s.lo, s.hi, (_SAMPLES, *shape), endpoint=True)
        return np.asarray(s.real(integers))


def _batch(x: Any, shape: tuple[int, ...]) -> NDArray[Any]:
    """Samples as hls4ml's other backends take them: of any shape with the right number of elements, or a single one."""
    batch = np.asarray(x)
    size = int(np.prod(shape))
    if batch.shape[1:] == shape or batch.dtype == object:
        return batch
    if batch.ndim > 1 and batch[0].size == size:
        return batch.reshape(-1, *shape)
    return batch.reshape(1, *shape) if batch.size == size else batch


def _declared_input(config: dict[str, Any]) -> str | None:
    """The type that hls4ml's configuration gives the model's input layer, if it gives one; with hls4ml's modes."""
    names = [layer.name for layer in config["KerasModel"].layers if type(layer).__name__ == "InputLayer"]
    for name in names:
        p = config["HLSConfig"].get("LayerName", {}).get(name, {}).get("Precision")
        p = p.get("result") if isinstance(p, dict) else p
        if isinstance(p, str) and p != "auto":
            return precision.with_modes(p)
    return None
