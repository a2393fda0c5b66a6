"""Small campaigns shared by tests: 840 stored bits on 40 samples, every trial under a millisecond."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from netsurf.campaign.campaign import Campaign
from netsurf.campaign.problem import Problem
from netsurf.campaign.spec import make_spec
from netsurf.fixed import FixedFormat
from netsurf.ir import Layer, Network, Parameter, TensorSpec, execute

WEIGHT = FixedFormat(6, 1)
PIXEL = FixedFormat(4, 4, signed=False)
SUM = FixedFormat(20, 10)
HIDDEN = FixedFormat(6, 4, signed=False, overflow="SAT")


def _dense(name, source, inputs, outputs, rng):
    stored = {
        role: Parameter(f"{name}.{role}", rng.integers(-32, 32, shape), WEIGHT)
        for role, shape in (("kernel", (inputs, outputs)), ("bias", (outputs,)))
    }
    return Layer(name, "dense", (source,), TensorSpec((outputs,), SUM), stored, {"accumulator": SUM})


def small_network(seed=0, task="classification") -> Network:
    """12 inputs, 8 hidden, 4 outputs; 6-bit weights."""
    rng = np.random.default_rng(seed)
    hidden = Layer("relu1", "relu", ("fc1",), TensorSpec((8,), HIDDEN))
    layers = (_dense("fc1", "input", 12, 8, rng), hidden, _dense("fc2", "relu1", 8, 4, rng))
    return Network("small", TensorSpec((12,), PIXEL), layers, task)


def small_problem(seed=0, samples=40, task="classification") -> Problem:
    """Samples whose labels the network knows nine times in ten; targets near its outputs for regression."""
    network = small_network(seed, task)
    rng = np.random.default_rng(seed + 1)
    inputs = rng.integers(0, 16, (samples, 12)).astype(np.uint8)
    outputs = execute(network, inputs)
    if task == "regression":
        noisy = outputs * 2.0**-SUM.fraction + rng.normal(0, 0.5, outputs.shape)
        return Problem(network, inputs, noisy, tolerance=0.25)
    wrong = rng.random(samples) < 0.1
    return Problem(network, inputs, np.where(wrong, (outputs.argmax(1) + 1) % 4, outputs.argmax(1)))


def small_campaign(task="classification", problem=None, faults=None, **fields) -> Campaign:
    """A campaign on :func:`small_problem`; bernoulli at 1 % unless ``fields`` say otherwise."""
    problem = problem or small_problem(task=task)
    if "mode" not in fields and "ber" not in fields:
        fields["ber"] = (0.01,)
    return Campaign(make_spec(benchmark="small", **fields), problem, faults)


def contents(folder: Path) -> dict[str, bytes]:
    """Every file of the finished content of a run folder, by name."""
    return {path.name: path.read_bytes() for path in sorted((folder / "chunks").iterdir())}
