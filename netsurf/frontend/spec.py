"""BenchmarkSpec: what ``benchmarks/NAME/benchmark.yaml`` says, checked."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import yaml
from numpy.typing import ArrayLike, NDArray
from pydantic import Field, ValidationError, model_validator

from netsurf.errors import FormatError, UnknownNameError, UnsupportedLayerError, UsageError
from netsurf.fixed import cast, quantize, to_real
from netsurf.frontend import datasets
from netsurf.frontend.datasets import DataSplits, Split
from netsurf.frontend.kinds import LAYERS, AnyLayer, LayerSpec, Weighted
from netsurf.frontend.kinds.base import Count, Name, Precision, Scheme, Shape, Strict
from netsurf.paths import benchmarks

Codes = NDArray[np.int64]

FILE = "benchmark.yaml"

INPUT = "input"
"""Name of the tensor that holds the samples."""

SHOWN = 8
"""Layers that an architecture in one line shows; of more the first three and the last."""

PIXEL_FRACTION = 8
"""Fractional bits of a ``uint8`` sample: a pixel of 255 is the number 255/256."""


class Input(Strict):
    """Shape of a sample and the format of its codes."""

    shape: tuple[Count, ...]
    format: Precision


class Training(Strict):
    """How the weights are fitted: Adam with a cosine-decayed learning rate."""

    epochs: Annotated[int, Field(gt=0)]
    batch: Annotated[int, Field(gt=0)]
    learning_rate: Annotated[float, Field(gt=0)]
    seed: int = 0
    loss: Literal["default", "telescope"] = "default"
    """``default``: cross-entropy of the softmax, or the mean squared error of a regression."""
    tune: Annotated[int, Field(ge=0)] = 0
    """Epochs of the quantised model, which starts from the float twin; 0: it starts afresh."""
    samples: Annotated[int, Field(gt=0)] | None = None
    """The first so many training samples alone are trained on, by the float twin too; None: all."""
    shift: Annotated[int, Field(ge=0)] = 0
    """Images are moved by up to this many pixels in each direction, anew in every other epoch."""


class Pruning(Strict):
    """Magnitude pruning of every kernel while training; see :mod:`netsurf.frontend.pruning`."""

    sparsity: Annotated[float, Field(gt=0, lt=1)]
    """Part of each kernel's weights that is removed in the end."""
    begin: Annotated[float, Field(ge=0, lt=1)] = 0.25
    end: Annotated[float, Field(gt=0, le=1)] = 0.75
    """Parts of the training at which sparsity starts to grow and has reached its target."""
    every: Annotated[int, Field(gt=0)] = 100
    """Steps after which the mask is chosen anew."""

    @model_validator(mode="after")
    def _in_order(self) -> Pruning:
        if self.begin >= self.end:
            raise ValueError(f"begin {self.begin} must be before end {self.end}")
        return self


class Target(Strict):
    """Regression: an output ``o`` of the network stands for ``o * scale + offset``."""

    offset: float = 0.0
    scale: Annotated[float, Field(gt=0)] = 1.0


class BenchmarkSpec(Strict):
    """A benchmark: data, architecture, number formats and training.

    Parameters
    ----------
    name
        The folder's name and the network's.
    scheme
        Format of every kernel and bias.
    tolerance
        Regression: change of an output, in the data set's unit, that is no silent data corruption.
    exact
        Whether every output of the integer network must be the QKeras model's. False is for networks with
        functions that hls4ml tabulates: then decisions must be equal on 97 % of the test samples.
    pruning
        How many weights are removed, and when; None removes none.
    like
        The benchmark that this one is a variant of.
    """

    name: Name
    title: str
    data: str
    task: Literal["classification", "regression"]
    input: Input
    scheme: Scheme
    layers: Annotated[tuple[AnyLayer, ...], Field(min_length=1)]
    training: Training
    target: Target = Target()
    tolerance: Annotated[float, Field(ge=0)] = 0.0
    exact: bool = True
    pruning: Pruning | None = None
    like: Name | None = None

    @model_validator(mode="after")
    def _layers_fit(self) -> BenchmarkSpec:
        names = [layer.name for layer in self.layers]
        twice = sorted({name for name in names if names.count(name) > 1} | ({INPUT} & set(names)))
        if twice:
            raise ValueError(f"two tensors are called {', '.join(twice)}")
        if not self.scheme.signed:
            raise ValueError("scheme: hls4ml stores every weight as signed; write q<bits,integer,1>")
        shapes, sources = self.shapes, self.sources
        for layer in self.layers:
            _check_reuse(layer, [shapes[name] for name in sources[layer.name]])
        return self

    @property
    def sources(self) -> dict[str, tuple[str, ...]]:
        """Tensors that each layer reads, by its name; ``input`` or earlier layers."""
        found: dict[str, tuple[str, ...]] = {}
        before = INPUT
        for layer in self.layers:
            found[layer.name] = layer.inputs or (before,)
            before = layer.name
        return found

    @property
    def shapes(self) -> dict[str, Shape]:
        """Shape of the input and of what each layer computes, without the samples."""
        found, sources = {INPUT: self.input.shape}, self.sources
        for layer in self.layers:
            found[layer.name] = _output(layer, sources[layer.name], found)
        return found

    @property
    def shape(self) -> str:
        """The input and every layer with weights, ``784-64-10`` or ``28x28x1-c16-42-10``."""
        shapes = self.shapes
        stored = [layer for layer in self.layers if isinstance(layer, Weighted) and layer.kind != "batchnorm"]
        units = [f"{layer.mark}{shapes[layer.name][-1]}" for layer in stored]
        shown = units if len(units) <= SHOWN else [*units[:3], f"({len(units) - 4} more)", units[-1]]
        return "-".join(["x".join(map(str, self.input.shape)), *shown])

    @property
    def scheme_text(self) -> str:
        """The scheme as it was written, ``q<6,0,1>``."""
        scheme = self.scheme
        return f"q<{scheme.width},{scheme.integer - scheme.signed},{int(scheme.signed)}>"

    @property
    def sparsity(self) -> float:
        """Part of the weights that pruning removes."""
        return self.pruning.sparsity if self.pruning else 0.0

    @property
    def folder(self) -> Path:
        """The benchmark's folder."""
        return benchmarks() / self.name

    @property
    def reuse_factors(self) -> dict[str, int]:
        """Reuse factor of each layer with weights, by name."""
        return {layer.name: layer.reuse_factor for layer in self.layers if isinstance(layer, Weighted)}

    @property
    def output_tolerance(self) -> float:
        """``tolerance`` in the network's own unit, as :func:`netsurf.engine.outcome.classify` takes it."""
        return self.tolerance / self.target.scale

    def with_epochs(self, epochs: int) -> BenchmarkSpec:
        """The same benchmark, trained for another number of epochs."""
        return self.model_copy(update={"training": self.training.model_copy(update={"epochs": epochs})})

    def output_labels(self, labels: ArrayLike) -> NDArray[Any]:
        """Labels as the network's outputs stand for them: classes, or targets in the network's own unit."""
        labels = np.asarray(labels)
        if self.task == "classification":
            return labels
        return (labels - self.target.offset) / self.target.scale

    def splits(self) -> DataSplits:
        """The benchmark's samples; fetches them on first use."""
        return datasets.load(self.data)

    def inputs(self, split: Split) -> Codes:
        """Samples as codes of the input format, rounded to nearest and saturated.

        Returns
        -------
        ``int64 (samples, *input.shape)``.
        """
        nearest = replace(self.input.format, rounding="RND_CONV", overflow="SAT")
        if split.x.dtype == np.uint8:
            codes = cast(split.x, PIXEL_FRACTION, nearest)
        else:
            codes = quantize(split.x, nearest)
        return codes.reshape(len(split), *self.input.shape)

    def predictions(self, outputs: ArrayLike, fraction: int) -> NDArray[Any]:
        """What output codes ``(samples, outputs)`` with ``fraction`` fractional bits stand for.

        Class numbers (the first of equals), or targets in the data set's unit: ``(samples,)``, or
        ``(samples, outputs)`` if a sample has several.
        """
        outputs = np.asarray(outputs)
        if self.task == "classification":
            return outputs.argmax(axis=-1)
        targets = to_real(outputs, fraction) * self.target.scale + self.target.offset
        return targets[:, 0] if targets.shape[1] == 1 else targets


def _output(layer: LayerSpec, sources: tuple[str, ...], shapes: dict[str, Shape]) -> Shape:
    """Shape of what a layer computes; ValueError says which layer does not fit what it reads."""
    unknown = [name for name in sources if name not in shapes]
    if unknown:
        raise ValueError(
            f"layer '{layer.name}' reads {', '.join(unknown)}, which comes before it nowhere; "
            f"use {', '.join(shapes)}"
        )
    if len(sources) != layer.arity:
        raise ValueError(f"layer '{layer.name}' reads {layer.arity} tensors, not {', '.join(sources)}")
    try:
        return layer.output(*(shapes[name] for name in sources))
    except ValueError as error:
        raise ValueError(f"layer '{layer.name}': {error}") from error


def _check_reuse(layer: LayerSpec, shapes: list[Shape]) -> None:
    if isinstance(layer, Weighted) and layer.terms(*shapes) % layer.reuse_factor:
        raise ValueError(
            f"layer '{layer.name}': reuse_factor {layer.reuse_factor} must divide its "
            f"{layer.terms(*shapes)} inputs"
        )


def names(variants: bool = True) -> list[str]:
    """Benchmarks that have a folder with a benchmark.yaml.

    Parameters
    ----------
    variants
        False leaves out those that are ``like`` another benchmark.
    """
    found = sorted(path.parent.name for path in benchmarks().glob(f"*/{FILE}"))
    return found if variants else [name for name in found if load(name).like is None]


def load(name: str) -> BenchmarkSpec:
    """The specification of the benchmark called ``name``.

    Raises
    ------
    UnknownNameError
        If there is no such benchmark, or it names no known data set.
    FormatError
        If a scheme or precision in it is malformed.
    UnsupportedLayerError
        If it has a layer of another kind than :data:`LAYERS`.
    UsageError
        If anything else in the file is wrong.
    """
    if name not in names():
        raise UnknownNameError("benchmark", name, names())
    return parse((benchmarks() / name / FILE).read_text(), name)


def parse(text: str, name: str) -> BenchmarkSpec:
    """Read the text of a benchmark.yaml; errors as for :func:`load`."""
    where = f"{name}/{FILE}"
    document = _whole(text, (name,))
    _refuse_unknown_layers(document, where)
    try:
        spec = BenchmarkSpec.model_validate({"name": name, **document})
    except FormatError as error:
        raise FormatError(f"{where}: {error}") from error
    except ValidationError as error:
        raise UsageError(f"{where}: {_sentence(error)}") from error
    datasets.dataset(spec.data)
    return spec


def _whole(text: str, chain: tuple[str, ...]) -> dict[str, Any]:
    """What a file says; of a variant on top of what the benchmark says that it is like.

    ``chain`` holds the names from the variant to this file.
    """
    where = f"{chain[-1]}/{FILE}"
    try:
        document = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise UsageError(f"{where} is no YAML: {' '.join(str(error).split())}") from error
    if not isinstance(document, dict):
        raise UsageError(f"{where} must be a mapping of keys to values")
    base = document.get("like")
    if base is None:
        return document
    if base in chain:
        raise UsageError(f"{where}: like: {' is like '.join((*chain, base))}, which never ends")
    if base not in names():
        raise UnknownNameError(f"{where}: like: benchmark", str(base), names())
    return _whole((benchmarks() / base / FILE).read_text(), (*chain, base)) | document


def _refuse_unknown_layers(document: dict[str, Any], where: str) -> None:
    for layer in document.get("layers") or ():
        kind = layer.get("kind") if isinstance(layer, dict) else layer
        if kind not in LAYERS:
            raise UnsupportedLayerError(
                f"{where}: layer kind '{kind}' is not supported; use {', '.join(LAYERS)}"
            )


def _sentence(error: ValidationError) -> str:
    """Every complaint of pydantic as ``key.key: what is wrong``."""
    complaints = []
    for entry in error.errors():
        place = ".".join(map(str, entry["loc"]))
        message = entry["msg"].removeprefix("Value error, ")
        complaints.append(f"{place}: {message}" if place else message)
    return "; ".join(complaints)


def testdata(spec: BenchmarkSpec) -> tuple[Codes, NDArray[Any]]:
    """Input codes and labels of the benchmark's whole test set.

    Returns
    -------
    ``int64 (samples, *input.shape)`` and, for each sample, its class or its target.
    """
    test = datasets.dataset(spec.data).test()
    return spec.inputs(test), test.y


def calibration(spec: BenchmarkSpec) -> tuple[Codes, NDArray[Any]]:
    """Input codes and labels of the calibration samples, which no weight was fitted to."""
    split = spec.splits().calibration
    return spec.inputs(split), split.y
