"""The hls4ml backend and writer called ``NetSurf``.

The C++ is hls4ml's own: its Vivado passes and templates write the firmware that is simulated. NetSurf adds
what its hardware needs: legal reuse factors, one order of summation, protection by layer, the integer
network and the Verilog.
"""

from __future__ import annotations

import subprocess
import warnings
from pathlib import Path
from typing import Any

import yaml
from hls4ml.backends.fpga.fpga_backend import FPGABackend
from hls4ml.model.attributes import ConfigurableAttribute, TypeAttribute
from hls4ml.model.flow import register_flow
from hls4ml.model.layers import (
    GRU,
    LSTM,
    BatchNormalization,
    Conv1D,
    Conv2D,
    Dense,
    DepthwiseConv1D,
    DepthwiseConv2D,
)
from hls4ml.model.optimizer import layer_optimizer, model_optimizer
from hls4ml.model.types import FixedPrecisionType
from hls4ml.writer.vivado_writer import VivadoWriter

from netsurf import toolchain
from netsurf.errors import ToolFailedError, UnknownNameError, UsageError
from netsurf.frontend.from_hls4ml import merged_quantizers
from netsurf.hls import backend, headers, project
from netsurf.hls.backend import NAME

_FIRMWARE = (
    "project_dir",
    "project_cpp",
    "project_header",
    "weights",
    "defines",
    "parameters",
    "test_bench",
    "bridge",
    "build_script",
    "nnet_utils",
    "generated_code",
)
_VENDOR = ("project.tcl", "build_prj.tcl", "vivado_synth.tcl")


class NetSurfWriter(VivadoWriter):
    """Writes hls4ml's firmware for the C simulation, the integer network, the plan and the Verilog."""

    def write_hls(self, model: Any, is_multigraph: bool = False) -> None:
        """Write the project folder (called by hls4ml's ``write``)."""
        if is_multigraph:
            raise UsageError("NetSurf emits one accelerator a network; do not split the model graph")
        for step in _FIRMWARE:
            getattr(self, f"write_{step}")(model)
        headers.repair(Path(model.config.get_output_dir()))
        for script in _VENDOR:
            (Path(model.config.get_output_dir()) / script).unlink()
        project.write(model)
        self.write_yml(model)
        self.write_tar(model)

    def write_yml(self, model: Any) -> None:
        """Write ``hls4ml_config.yml``; TensorFlow is imported only if there is a Keras model to save."""
        if "KerasModel" in model.config.config:
            super().write_yml(model)
        else:
            path = Path(model.config.get_output_dir()) / "hls4ml_config.yml"
            path.write_text(yaml.dump(model.config.config))


class NetSurfBackend(FPGABackend):
    """hls4ml's ``NetSurf`` backend: see docs and :mod:`netsurf.hls.project`."""

    def __init__(self) -> None:
        super().__init__(NAME)
        protection = ConfigurableAttribute(
            "protection",
            value_type=(str, int, float),
            default="none",
            description="'none', a scheme as 'tmr', 'dmr', 'parity' or 'secded:word=32', or the fraction of "
            "the layer's stored bits that is triplicated.",
        )
        stored = (Dense, Conv1D, Conv2D, DepthwiseConv1D, DepthwiseConv2D, BatchNormalization, LSTM, GRU)
        for kind in stored:
            self.attribute_map.setdefault(kind, []).append(protection)
        self._add_recurrent_attributes()
        self._register_flows()

    def _add_recurrent_attributes(self) -> None:
        """What the templates of a recurrent layer ask for, as the Vivado backend has it."""
        for kind in (LSTM, GRU):
            self.attribute_map.setdefault(kind, []).extend(
                [
                    ConfigurableAttribute("recurrent_reuse_factor", default=1),
                    ConfigurableAttribute("static", value_type=bool, default=True),
                    ConfigurableAttribute("table_size", default=1024),
                    TypeAttribute("table", default=FixedPrecisionType(18, 8)),
                ]
            )

    def _register_flows(self) -> None:
        before = register_flow(
            "init_layers",
            [
                "netsurf:restore_quantizers",
                "netsurf:init_dense",
                "netsurf:init_conv1d",
                "netsurf:init_conv2d",
            ],
            ["optimize"],
            self.name,
        )
        stages = ("init_layers", "quantization", "optimize", "specific_types", "apply_templates")
        vivado = [f"vivado:{stage}" for stage in stages]
        self._default_flow = register_flow("ip", None, ["optimize", before, *vivado], self.name)
        writer_passes = ["make_stamp", "netsurf:write_hls"]
        self._writer_flow = register_flow("write", writer_passes, [self._default_flow], self.name)

    def get_default_flow(self) -> str:
        """Name of the flow that hls4ml applies on conversion."""
        return self._default_flow

    def get_writer_flow(self) -> str:
        """Name of the flow that hls4ml applies to write the project."""
        return self._writer_flow

    def create_initial_config(
        self,
        part: str = "xcvu13p-flga2577-2-e",
        clock_period: float = 5,
        io_type: str = "io_parallel",
        namespace: str | None = None,
        write_weights_txt: bool = True,
        write_tar: bool = False,
        task: str = "classification",
        ranker: str = "msb",
        **_: Any,
    ) -> dict[str, Any]:
        """Configuration of a conversion; keyword arguments of ``convert_from_keras_model`` arrive here.

        Parameters
        ----------
        part, clock_period
            Echoed; the Verilog is for any FPGA or ASIC.
        io_type
            ``io_parallel``; the accelerator streams by itself.
        task
            ``classification`` or ``regression``: what a decision is.
        ranker
            Who chooses the bits when a layer's ``Protection`` is a fraction; one that needs no data.
        """
        if io_type != "io_parallel":
            raise UsageError(
                f"io_type '{io_type}': the NetSurf backend takes io_parallel (it always streams)"
            )
        if task not in ("classification", "regression"):
            raise UnknownNameError("task", task, ("classification", "regression"))
        return {
            "Part": part,
            "ClockPeriod": clock_period,
            "IOType": io_type,
            "Task": task,
            "Ranker": ranker,
            "HLSConfig": {},
            "WriterConfig": {
                "Namespace": namespace,
                "WriteWeightsTxt": write_weights_txt,
                "WriteTar": write_tar,
                "TBOutputStream": "both",
            },
        }

    @model_optimizer()
    def restore_quantizers(self, model: Any) -> bool:
        """Give a layer the precision of the linear quantiser that hls4ml merged into it and forgot."""
        for node, _, asked, _ in merged_quantizers(model):
            node.get_output_variable().type.precision = self.convert_precision_string(asked)
        return False

    @layer_optimizer(Dense)
    def init_dense(self, layer: Any) -> None:
        """Choose the closest legal reuse factor, and the one order of summation that the Verilog has."""
        config, key = layer.model.config, layer.name.lower()
        layer.set_attr("reuse_factor", config.get_reuse_factor(layer))
        self.set_closest_reuse_factor(layer, *_products(self, layer))
        config.layer_name_rf[key] = layer.get_attr("reuse_factor")
        if config.get_strategy(layer).lower() != "latency":
            warnings.warn(
                f"layer '{layer.name}': Strategy '{config.get_strategy(layer)}' would change nothing but the "
                "order of sums in the C simulation; using 'Latency', ReuseFactor alone shapes the hardware",
                stacklevel=2,
            )
            config.layer_name_strategy[key] = "latency"

    @layer_optimizer(Conv1D)
    def init_conv1d(self, layer: Any) -> None:
        """As for a dense layer: one convolution is one dense layer, position after position."""
        self.init_dense(layer)

    @layer_optimizer(Conv2D)
    def init_conv2d(self, layer: Any) -> None:
        """As :meth:`init_conv1d`."""
        self.init_dense(layer)

    def get_valid_reuse_factors(self, n_in: int, n_out: int) -> list[int]:
        """Divisors of the inputs: ``n_in / RF`` words of the weight store are read every cycle."""
        return [factor for factor in range(1, n_in + 1) if n_in % factor == 0]

    def compile(self, model: Any) -> str:
        """Compile the C simulation with hls4ml's own script; returns the library's path.

        Raises
        ------
        MissingToolError, ToolFailedError
            If there is no compiler, or it fails; the log lies in the project folder.
        """
        toolchain.compiler()
        folder = Path(model.config.get_output_dir()).absolute()
        run = subprocess.run(
            ["bash", "build_lib.sh"],
            cwd=folder,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
        (folder / "build_lib.log").write_text(run.stdout)
        if run.returncode:
            raise ToolFailedError("build_lib.sh", folder / "build_lib.log", run.stdout)
        stamp = model.config.get_config_value("Stamp")
        return str(folder / "firmware" / f"{model.config.get_project_name()}-{stamp}.so")

    def predict(self, model: Any, x: Any, sim: str = "csim") -> Any:
        """Outputs of the C simulation (``sim="csim"``) or of the simulated Verilog (``sim="rtl"``)."""
        if sim == "csim":
            return model._predict(x)
        if sim == "rtl":
            return project.predict_rtl(model, x)
        raise UnknownNameError("simulation", sim, ("csim", "rtl"))

    def build(self, model: Any, synth: bool = True, cosim: bool = False, **_: Any) -> dict[str, Any]:
        """Report of the accelerator, with hls4ml's keys; see :func:`netsurf.hls.project.report`."""
        return project.report(model, synth=synth, cosim=cosim)


def _products(chosen: NetSurfBackend, layer: Any) -> tuple[int, int]:
    """Products that make one sum, and sums; a depthwise convolution adds over its own channel alone."""
    inputs, outputs = chosen.get_layer_mult_size(layer)
    if isinstance(layer, (DepthwiseConv1D, DepthwiseConv2D)):
        inputs //= layer.get_attr("n_chan")
    return inputs, outputs


while backend.waiting:  # this module was imported before hls4ml, which called back before it was whole
    backend.register(*backend.waiting.pop())
