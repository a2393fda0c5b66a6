"""What an hls4ml model becomes under ``backend="NetSurf"``: a design point, its folder, its Verilog.

The project folder is hls4ml's (``firmware/``, ``build_lib.sh``, ``hls4ml_config.yml``) plus::

    network/        the integer network (netsurf.ir.load)
    plan.json       the protected bits (netsurf.harden.load_plan)
    accelerator/    the Verilog, its file list and site map (netsurf.emit.load)

The Verilog is always written from the project's own network and plan.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netsurf.errors import DisagreementError, PlanError
from netsurf.fault import Fault, FaultList
from netsurf.fixed import to_real
from netsurf.frontend.from_hls4ml import codes_of, read_network
from netsurf.harden import SCHEMES, DesignPoint, ProtectionPlan, plan_by_name, save_plan
from netsurf.harden.select import parse_scheme
from netsurf.ir import Network, execute, save

NO_FAULT = FaultList.of([Fault(())])
"""A fault list that upsets nothing, once."""


def design_point(graph: Any) -> DesignPoint:
    """The network that the graph stands for, protected as its layers ask."""
    config = graph.config.config
    network = read_network(graph, graph.config.get_project_name(), config["Task"])
    return DesignPoint(network, plan(graph, network, config["Ranker"]))


def plan(graph: Any, network: Network, ranker: str) -> ProtectionPlan:
    """Protect each layer as its ``Protection`` asks: by a scheme, or a fraction of its bits by ``tmr``.

    Raises
    ------
    PlanError
        If a ``Protection`` is neither ``none``, a scheme nor a fraction.
    """
    from netsurf.rank import rank

    asked = {layer.name: _asked(graph.graph[layer.name]) for layer in network.layers if layer.parameters}
    levels = {name: level for name, level in asked.items() if isinstance(level, float)}
    ranking = rank(ranker, network) if any(0 < level < 1 for level in levels.values()) else None
    bits, start = [], 0
    for layer in network.layers:
        stop = start + sum(parameter.stored_bits for parameter in layer.parameters.values())
        count = round(levels.get(layer.name, 0.0) * (stop - start))
        every = np.arange(start, stop)
        of_layer = every if ranking is None else ranking[(ranking >= start) & (ranking < stop)]
        bits.append((every if count == len(every) else of_layer)[:count])
        start = stop
    notes = {"protection": asked, "ranker": ranker}
    schemes = {name: text for name, text in asked.items() if isinstance(text, str)}
    others = plan_by_name(network, schemes, {}).schemes
    return ProtectionPlan(network.digest, network.stored_bits, np.concatenate(bits), notes, others)


def _asked(node: Any) -> float | str:
    """The fraction of a layer's bits that is triplicated, or another scheme with its options."""
    asked = str(node.get_attr("protection", "none")).lower()
    words = {"none": 0.0, "tmr": 1.0}
    if asked.split(":")[0] in SCHEMES and asked not in words:
        parse_scheme(asked)
        return asked
    try:
        level = words[asked] if asked in words else float(asked)
    except ValueError:
        level = -1.0
    if not 0 <= level <= 1:
        raise PlanError(
            f"layer '{node.name}': Protection '{asked}'; write 'none', a scheme ({', '.join(SCHEMES)}) or "
            "a fraction 0 to 1 of bits to triplicate"
        )
    return level


def folder_of(graph: Any) -> Path:
    """The project folder."""
    return Path(graph.config.get_output_dir()).absolute()


def write(graph: Any) -> None:
    """Write network, plan and Verilog into the project folder."""
    from netsurf.emit import architecture, emit

    design, folder = design_point(graph), folder_of(graph)
    save(design.network, folder / "network")
    save_plan(design.plan, folder / "plan.json")
    emit(design, architecture("spec", design.network), folder / "accelerator")


def predict_rtl(graph: Any, x: NDArray[np.floating]) -> NDArray[np.floating]:
    """Outputs of the verilated accelerator, shaped and typed as hls4ml shapes those of the C simulation.

    Raises
    ------
    SiteMapError
        If the project has not been written, or is not that of the model any more: call ``write()``.
    """
    from netsurf.cosim import VerilatorEngine
    from netsurf.emit import load

    design = design_point(graph)
    engine = VerilatorEngine(load(folder_of(graph) / "accelerator"), design, jobs=1)
    codes = codes_of(design.network, np.asarray(x).reshape(-1, *design.network.input.shape))
    outputs = engine.run(NO_FAULT, codes).outputs[0]
    real = to_real(outputs, design.network.output.format.fraction).astype(np.asarray(x).dtype)
    return real[0] if len(real) == 1 else real


def report(graph: Any, synth: bool = True, cosim: bool = False) -> dict[str, Any]:
    """What is known about the accelerator, under the keys that hls4ml users look for.

    Parameters
    ----------
    synth
        Give latency and interval, as the emitter states them and the simulation checks them. Area is None
        here: it comes from synthesis.
    cosim
        Simulate the Verilog on random inputs and compare with the integer network.

    Raises
    ------
    DisagreementError
        If ``cosim`` finds a difference.
    """
    from netsurf.emit import load

    accelerator = load(folder_of(graph) / "accelerator")
    design = design_point(graph)
    cycles = {
        "BestLatency": accelerator.latency,
        "WorstLatency": accelerator.latency,
        "IntervalMin": accelerator.interval,
        "IntervalMax": accelerator.interval,
    }
    result: dict[str, Any] = {}
    if synth:
        clock = {
            "TargetClockPeriod": graph.config.get_config_value("ClockPeriod"),
            "EstimatedClockPeriod": None,
        }
        area = dict.fromkeys(("LUT", "FF", "DSP", "BRAM_18K", "URAM"))
        result["CSynthesisReport"] = {**clock, **cycles, **area}
    if cosim:
        result["CosimReport"] = {"RTL": "Verilog", "Status": _cosim(graph, design)}
    result["NetSurf"] = {
        "StoredBits": design.network.stored_bits,
        "ProtectedBits": len(design.plan.protected),
        "StoredBitsWithReplicas": design.space.size,
        "Protection": design.plan.level,
        "Overhead": design.space.size / design.network.stored_bits - 1,
    }
    return result


def _cosim(graph: Any, design: DesignPoint, samples: int = 64, seed: int = 0) -> str:
    """``Pass``, if the Verilog computes the network's integers for random inputs."""
    network = design.network
    low, high = network.input.format.minimum, network.input.format.maximum
    codes = np.random.default_rng(seed).integers(low, high, (samples, *network.input.shape), endpoint=True)
    real = to_real(codes, network.input.format.fraction)
    expected = to_real(execute(network, codes), network.output.format.fraction)
    wrong = int((predict_rtl(graph, real) != expected).any(axis=1).sum())
    if wrong:
        raise DisagreementError(f"{network.name}: the Verilog differs on {wrong} of {samples} random samples")
    return "Pass"
