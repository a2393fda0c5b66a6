"""Peers on PyTorch. The network holds integer codes in float32, which :mod:`task` has proved exact."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import numpy as np
from task import Task, Upset

from netsurf.errors import NetworkError
from netsurf.fixed import FixedFormat
from netsurf.ir import Network

Count = Callable[[Upset], int]
"""Number of correct samples under one upset."""

BATCH = 1000
"""The fastest batch of PyTorchFI and of plain PyTorch on this network; MRFI's is the whole test set."""


def pytorchfi(task: Task) -> Count:
    """PyTorchFI 0.6.0: ``declare_weight_fi`` copies the model and writes one weight."""
    from pytorchfi.core import fault_injection

    torch = _torch(task.threads)
    model, number = build(task), {layer.name: i for i, layer in enumerate(task.dense)}
    injector = fault_injection(
        model, BATCH, input_shape=[task.codes.shape[1]], layer_types=[torch.nn.Linear], use_cuda=False
    )
    count = _counter(task, BATCH)

    def run(upset: Upset) -> int:
        faulty = injector.declare_weight_fi(
            layer_num=[number[upset.layer]],
            k=[upset.column],
            dim1=[upset.row],
            dim2=[None],  # PyTorchFI indexes weights in four dimensions; None leaves a matrix as it is
            dim3=[None],
            value=[float(upset.new)],
        )
        return count(faulty)

    return run


def in_place(task: Task) -> Count:
    """No library: write the weight, run the model, write it back."""
    model, count = build(task), _counter(task, BATCH)

    def run(upset: Upset) -> int:
        weight = getattr(model, upset.layer).weight
        weight[upset.column, upset.row] = upset.new
        correct = count(model)
        weight[upset.column, upset.row] = upset.old
        return correct

    return run


def mrfi(task: Task) -> Count:
    """MRFI 2.1.0: ``IntFixedBitFlip`` on a fixed position of one layer's weights.

    The weights are codes already, so none of its quantisations is between: they are no ``ap_fixed``.
    """
    from mrfi import MRFI, EasyConfig

    names = [layer.name for layer in task.dense]
    width = {layer.name: layer.parameters["kernel"].format.width for layer in task.dense}
    config = EasyConfig({"faultinject": [_mrfi_weights(name, width[name]) for name in names]})
    injector = MRFI(build(task), config)
    weights = {name: injector.get_weights_configs(module_fullname=name)[0] for name in names}
    count = _counter(task, len(task.codes))

    def run(upset: Upset) -> int:
        for name, layer in weights.items():  # a layer without a position is restored
            here = name == upset.layer
            place = upset.column * len(task.network.parameters[f"{name}.kernel"].codes) + upset.row
            layer.selector.args.positions = [place] if here else []
            layer.error_mode.args.bit = upset.bit if here else 0
        return count(injector)

    return run


def _mrfi_weights(name: str, width: int) -> dict[str, Any]:
    return {
        "type": "weight",
        "name": "weight",
        "module_fullname": name,
        "selector": {"method": "FixPositions", "positions": []},
        "error_mode": {"method": "IntFixedBitFlip", "bit_width": width, "bit": 0},
    }


def build(task: Task) -> Any:
    """The network as ``torch.nn.Module``: a Linear for each dense layer, integer codes throughout."""
    torch = _torch(task.threads)

    class Requantise(torch.nn.Module):
        def __init__(self, source: FixedFormat, target: FixedFormat) -> None:
            super().__init__()
            self.scale = 2.0 ** (target.fraction - source.fraction)
            self.round = _rounding(torch, target)
            self.least, self.most = max(target.minimum, 0), target.maximum

        def forward(self, x):
            return self.round(x * self.scale).clamp(self.least, self.most)

    model = torch.nn.Sequential()
    for layer in task.network.layers:
        if layer.kind == "dense":
            model.add_module(layer.name, _linear(torch, task.network, layer))
        else:
            source = task.network.spec(layer.inputs[0]).format
            model.add_module(layer.name, Requantise(source, layer.output.format))
    return model.requires_grad_(False).eval()


def _linear(torch: Any, network: Network, layer: Any) -> Any:
    kernel, bias = layer.parameters["kernel"], layer.parameters["bias"]
    shift = network.spec(layer.inputs[0]).format.fraction + kernel.format.fraction - bias.format.fraction
    linear = torch.nn.Linear(*kernel.codes.shape)
    linear.weight.data = torch.tensor(kernel.codes.T.astype(np.float32).copy())
    linear.bias.data = torch.tensor((bias.codes << shift).astype(np.float32))
    return linear


def _rounding(torch: Any, target: FixedFormat) -> Any:
    known = {"TRN": torch.floor, "RND_CONV": torch.round}  # torch.round takes halves to even
    if target.rounding not in known or not target.overflow.startswith("SAT"):
        raise NetworkError(
            f"the PyTorch peers cannot round to {target}; they know {', '.join(known)} with SAT"
        )
    return known[target.rounding]


def _counter(task: Task, batch: int) -> Callable[[Any], int]:
    """Correct samples of a model over the whole test set, ``batch`` at a time."""
    torch = importlib.import_module("torch")
    inputs = torch.tensor(task.codes.astype(np.float32)).split(batch)
    labels = torch.tensor(task.labels).split(batch)

    def count(model: Any) -> int:
        with torch.no_grad():
            return sum(int((model(x).argmax(1) == y).sum()) for x, y in zip(inputs, labels, strict=True))

    return count


def _torch(threads: int) -> Any:
    torch = importlib.import_module("torch")
    torch.set_num_threads(threads)
    return torch
