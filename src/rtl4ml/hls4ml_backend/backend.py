# SPDX-License-Identifier: Apache-2.0
"""The backend that hls4ml asks. It stays light, for every `import hls4ml` makes one.

hls4ml's parser still runs before a backend is asked, so a model must have layers that it knows; what it made of them
says which layers there are and what is asked of them. The design comes from the Keras model that it hands over.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from types import MethodType
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from hls4ml.backends.backend import Backend, get_available_backends, get_backend
from hls4ml.backends.fpga.fpga_backend import FPGABackend
from hls4ml.model.flow import register_flow
from hls4ml.model.optimizer import ModelOptimizerPass
from numpy.typing import NDArray

from rtl4ml.errors import BadInput, HlsCannot, StaleProject
from rtl4ml.hls4ml_backend import options, vendor_report
from rtl4ml.host import frameworks, identity, progress

NAME = "rtl4ml"
# Samples that `build` makes up where it is given none and none were predicted.
_SAMPLES = 64


class Run:
    """What one call of hls4ml's converter led to; hls4ml's profiling converts a copy of the configuration again.

    conversion: once there is one; absent: layers that `Trace` was set for before they were taken out
    profiled:   whether hls4ml profiles the model, so that the next trace says which bits are never used
    """

    def __init__(self) -> None:
        self.conversion: Any = None
        self.absent: set[str] = set()
        self.profiled = False


class Rtl4mlBackend(Backend):  # type: ignore[misc]  # hls4ml has no types
    """The converter runs `rtl4ml.convert`, `predict` is `Design.emulate`, `build` simulates and synthesizes."""

    def __init__(self) -> None:
        super().__init__(NAME)
        self.register_pass("convert", ModelOptimizerPass("convert", self._convert))
        self._flow = register_flow("ip", [f"{self.name}:convert"], backend=self.name)
        self._runs: WeakKeyDictionary[Any, Run] = WeakKeyDictionary()
        self._seen: WeakKeyDictionary[Any, NDArray[Any]] = WeakKeyDictionary()

    # -- what hls4ml asks while it converts --

    def create_initial_config(self, **given: Any) -> dict[str, Any]:
        """The configuration: part or board, clock_period in ns, and the arguments of `rtl4ml.convert` by their names.

        Raises BadInput for an option that neither hls4ml nor rtl4ml has; hls4ml's others are said to be without effect.
        """
        frameworks.keras()
        own = options.read(given, self._elsewhere("create_initial_config"))
        return {
            "Part": own["device"].part if "device" in own else None,
            "ClockPeriod": own["clock_period"],
            "IOType": given.get("io_type") or "io_stream",
            "HLSConfig": {},
            "WriterConfig": {"Namespace": None, "WriteWeightsTxt": False, "WriteTar": False},
            "Rtl4ml": own,
            "Rtl4mlRun": Run(),
        }

    def create_layer_class(self, layer_class: Any) -> Any:
        """hls4ml's own class: nothing is generated from it."""
        return layer_class

    def get_default_flow(self) -> str:
        """A flow that converts."""
        return str(self._flow)

    def get_writer_flow(self) -> str:
        """The same."""
        return str(self._flow)

    @classmethod
    def convert_precision_string(cls, precision: Any) -> Any:
        """hls4ml's reading of ap_fixed and its kin."""
        return FPGABackend.convert_precision_string(precision)

    def _convert(self, model: Any) -> bool:
        """Converts, so that whatever is refused is refused by hls4ml's converter, and not later."""
        if model in self._runs:
            return False
        run = model.config.config.setdefault("Rtl4mlRun", Run())
        # hls4ml asks backends to predict, but traces within a library itself.
        model.trace = MethodType(lambda m, x: m.config.backend.trace(m, x), model)
        self._runs[model] = run
        if run.conversion is None:
            run.absent |= {n.name for n in model.get_layers() if n.get_attr("trace")}
            run.conversion = self._heavy("conversion").converted(model)
        else:  # of a copy of the configuration: hls4ml profiles
            found = run.conversion
            self._heavy("layers").show_types(model, found.design.graph, found.values)
            run.profiled = True
            self._heavy("conversion").print_weights(model, found)
        return False  # nothing that other passes would have to see

    @staticmethod
    def _heavy(module: str) -> Any:
        return import_module(f"rtl4ml.hls4ml_backend.{module}")

    def _elsewhere(self, function: str) -> list[Any]:
        """hls4ml's own functions of this name."""
        others = [get_backend(name) for name in get_available_backends() if name != self.name.lower()]
        return [getattr(other, function) for other in others if hasattr(other, function)]

    # -- what the user asks --

    def write(self, model: Any) -> None:
        """Nothing more, as hls4ml's converter has written the project; again where its folder is another's or gone."""
        run = self._run(model)
        design = run.conversion.design
        try:
            identity.check(design.folder, design.identity)
        except StaleProject:
            run.conversion = self._heavy("conversion").again(run.conversion)

    def _run(self, model: Any) -> Run:
        if model not in self._runs:
            self._convert(model)
        return self._runs[model]

    def compile(self, model: Any) -> None:
        """Nothing: hls4ml has called `write`, and loads the running program in place of a library."""

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
        run = self._run(model)
        batch = _batch(x, run.conversion.parsed.input.shape)
        profiled, run.profiled = run.profiled, False
        found = self._heavy("conversion").trace(model, run.conversion, batch, run.absent, profiled=profiled)
        return y, found

    def build(
        self,
        model: Any,
        csim: bool = True,
        synth: bool = True,
        cosim: bool = True,
        timing: bool = False,
        **others: Any,
    ) -> dict[str, Any]:
        """Proves and measures the design; the report as a dict, also in report.json and report.html.

        csim:   C simulation of the hls4ml project with g++, where it can hold the model
        cosim:  the RTL with Verilator, once without and once with random stalls
        synth:  resources with Yosys
        timing: the longest path by a static analysis, which takes a while
        The samples are those of `input_data_tb`, of the last `predict`, or random ones. The dict has, besides, what
        `hls4ml.report` reads. Raises BadInput for what only Vivado or Vitis can do, or no backend has.
        """
        options.check_build(others, self._elsewhere("build"))
        design = self.design(model)
        x = self._samples(model, design)
        if not len(x):
            given = model.config.config.get("InputData") or "predict"
            raise BadInput(f"{given}: must give samples to compare, not none; give at least one")
        samples = f"{len(x):,} samples"
        outputs = {}
        with progress.printed(f"emulate {samples}"):
            design.emulate(x)
        if csim:
            with progress.printed(f"C simulation of the HLS project, {samples}") as tell:
                try:
                    outputs["csim"] = design.csim(x, progress=tell)
                except HlsCannot as error:
                    print(f"C simulation left out: {error}")
        if cosim:
            with progress.printed(f"RTL simulation, {samples}") as tell:
                outputs["rtl"] = design.simulate(x, progress=tell).y
            with progress.printed(f"RTL simulation under random stalls, {samples}") as tell:
                design.simulate(x, stalls="random", progress=tell)
        if synth:
            with progress.printed("synthesis with Yosys") as tell:
                design.synthesize(progress=tell)
        if timing:
            with progress.printed("static timing analysis") as tell:
                design.estimate_timing(progress=tell)
        report: dict[str, Any] = design.report()
        name = str(model.config.config.get("ProjectName"))
        return {**report, **vendor_report.write(report, outputs, design.folder, name)}

    def design(self, model: Any) -> Any:
        """The rtl4ml Design behind an hls4ml model, converted if it was not yet."""
        return self._run(model).conversion.design

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
