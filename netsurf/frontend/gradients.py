"""Gradients and curvature of the loss, measured through a trained QKeras model.

The model is taken where the accelerator is: every kernel and bias holds the stored value (code times
``2**-fraction``), its own quantiser is taken off, and activations keep theirs, through which gradients
pass straight as QKeras defines it. So ``dL/dw`` is the gradient by the *stored* weight, and the loss is
that of the integer network. Arrays are flat over the elements of all stored tensors, in network order.

Needs TensorFlow; `netsurf.frontend.gather` runs it in a process of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netsurf.errors import UnknownNameError
from netsurf.fault.sample import generator
from netsurf.frontend import aiber, krylov, sample_gradients
from netsurf.frontend.rewrite import readable, with_stored
from netsurf.frontend.variables import variables
from netsurf.ir import Network
from netsurf.ir.kinds.recurrent import GATES
from netsurf.rank.bits import by_tensor, deltas, reals, to_planes

Floats = NDArray[np.float64]
Progress = Callable[[int, int, str], None]
Scalars = Callable[[Any, Any], Any]
"""Outputs and labels of some samples to ``(samples, C)`` scalars of each."""

STORED_OTHERWISE = ("QConv2DTranspose", "QDepthwiseConv2DBatchnorm")
"""Layers whose variables are not what a network stores: they are replaced by what is."""

CHUNK = 500
"""Samples of one pass; bounds the memory of activations."""

SAMPLE_CHUNK = 50
"""Samples whose gradients are held at once, one array of all weights each."""

_LANCZOS = 0x4C414E43
_PROBES = 0x50524F42
"""Counters that keep draws of one seed independent."""


@dataclass(frozen=True, slots=True)
class Effort:
    """How hard to try; part of the name under which a result is kept.

    Parameters
    ----------
    samples
        Calibration samples that are used, from the first.
    eigenpairs, eigen_tolerance, eigen_steps
        Pairs wanted; relative residual at which one counts as found; most products a Hessian.
    probes, probe_tolerance
        Most Rademacher probes, and the relative change of the estimate at which to stop.
    seed
        Start vectors, probes.
    """

    samples: int = 1000
    eigenpairs: int = 3
    eigen_tolerance: float = 1e-4
    eigen_steps: int = 80
    probes: int = 1000
    probe_tolerance: float = 1e-3
    seed: int = 0


class Differential:
    """A model as a function of its stored weights, over fixed samples.

    Parameters
    ----------
    model
        The Keras model that ``network`` was converted from. It is changed: use a copy of your own.
    x
        Real inputs ``float32 (samples, *shape)``.
    y
        Classes ``(samples,)``, or targets in the network's unit ``(samples, outputs)``.

    Raises
    ------
    NetworkError
        If a stored tensor has no variable of its shape in the model.
    """

    def __init__(self, model: Any, network: Network, x: NDArray[Any], y: NDArray[Any]) -> None:
        import tensorflow as tf

        model = with_stored(readable(model, STORED_OTHERWISE), network)
        self.tf, self.model, self.network = tf, model, network
        self.variables = variables(model, network)
        self.size = sum(p.codes.size for p in network.parameters.values())
        self.x = tf.constant(np.asarray(x, np.float32))
        labels = np.asarray(y, np.int64 if network.task == "classification" else np.float32)
        self.y = tf.constant(labels.reshape(len(x), *(() if network.task == "classification" else (-1,))))
        self.recurrent = any(layer.kind in GATES for layer in network.layers)
        product = self._product_backwards if self.recurrent else self._product_of
        self._gradient = tf.function(self._gradient_of, reduce_retracing=True)
        self._product = tf.function(product, reduce_retracing=True)
        self._squares = {name: self._squares_by(f) for name, f in self._scalars().items()}
        self.place(reals(network))

    def place(self, weights: Floats) -> None:
        """Let the model's stored tensors be ``weights (E,)``."""
        for variable, part in zip(self.variables, by_tensor(self.network, weights).values(), strict=True):
            variable.assign(part.astype(np.float32).reshape(variable.shape))

    def losses(self, outputs: Any, y: Any) -> Any:
        """Loss of each sample: softmax cross-entropy, or the mean squared error over its outputs."""
        tf = self.tf
        if self.network.task == "classification":
            return tf.nn.sparse_softmax_cross_entropy_with_logits(labels=y, logits=outputs)
        return tf.reduce_mean((outputs - y) ** 2, axis=-1)

    def gradient(self, loss: Callable[[Any, Any], Any] | None = None) -> Floats:
        """``dL/dw (E,)`` of the mean loss."""
        run = self._gradient if loss is None else lambda x, y: self._gradient_of(x, y, loss)
        return self._mean(run, CHUNK)

    def product(self, vector: Floats) -> Floats:
        """``H v (E,)``: the Hessian of the mean loss times a vector.

        Forward over reverse; reverse over reverse where a loop over time steps is, which has no forward mode.
        """
        parts = by_tensor(self.network, vector).values()
        tangents = [
            self.tf.constant(part.astype(np.float32).reshape(variable.shape))
            for variable, part in zip(self.variables, parts, strict=True)
        ]
        return self._mean(lambda x, y: self._product(x, y, tangents), CHUNK)

    def squares(self, scalar: str) -> Floats:
        """Mean over samples of squared gradients: of the ``loss``, or of the roots of its ``curvature``.

        The Hessian of a sample's loss by its outputs is ``sum_c l_c l_c'`` with
        ``l_c = sqrt(p_c) (e_c - p)`` for a softmax, so ``sum_c (d(l_c . f)/dw)**2`` is the diagonal of the
        Hessian wherever ``f`` is linear in each single weight, as in a network of relu layers.
        """
        return self._mean(self._squares[scalar], SAMPLE_CHUNK)

    def _mean(self, run: Callable[[Any, Any], Sequence[Any]], chunk: int) -> Floats:
        total = np.zeros(self.size)
        for start in range(0, len(self.x), chunk):
            x, y = self.x[start : start + chunk], self.y[start : start + chunk]
            parts = [np.asarray(part, np.float64).reshape(-1) for part in run(x, y)]
            total += np.concatenate(parts) * len(x)
        return total / len(self.x)

    def _gradient_of(self, x: Any, y: Any, loss: Callable[[Any, Any], Any] | None = None) -> Any:
        tf = self.tf
        with tf.GradientTape() as tape:
            value = tf.reduce_mean((loss or self.losses)(self.model(x, training=False), y))
        return tape.gradient(value, self.variables, unconnected_gradients="zero")

    def _product_of(self, x: Any, y: Any, tangents: Any) -> Any:
        with self.tf.autodiff.ForwardAccumulator(self.variables, tangents) as forward:
            gradients = self._gradient_of(x, y)
        return [forward.jvp(part, unconnected_gradients="zero") for part in gradients]

    def _product_backwards(self, x: Any, y: Any, tangents: Any) -> Any:
        tf = self.tf
        with tf.GradientTape() as tape:
            gradients = self._gradient_of(x, y)
            along = tf.add_n([tf.reduce_sum(g * v) for g, v in zip(gradients, tangents, strict=True)])
        return tape.gradient(along, self.variables, unconnected_gradients="zero")

    def _scalars(self) -> dict[str, Scalars]:
        return {"loss": lambda f, y: self.losses(f, y)[:, None], "curvature": self._roots}

    def _squares_by(self, scalars: Scalars) -> Callable[[Any, Any], Any]:
        """What adds up squared gradients of ``scalars`` over a few samples."""
        if self.recurrent:
            return sample_gradients.squares(self.model, self.variables, scalars)
        return self.tf.function(lambda x, y: self._squares_of(x, y, scalars), reduce_retracing=True)

    def _roots(self, outputs: Any, y: Any) -> Any:
        """``(1, C)`` scalars whose squared gradients add up to the Hessian's diagonal."""
        tf = self.tf
        if self.network.task != "classification":
            return outputs * np.float32(np.sqrt(2.0 / self.network.output.size))
        chance = tf.stop_gradient(tf.nn.softmax(outputs))
        return tf.sqrt(chance) * (outputs - tf.reduce_sum(chance * outputs, axis=-1, keepdims=True))

    def _squares_of(self, x: Any, y: Any, scalars: Scalars) -> Any:
        tf = self.tf

        def one(sample: Any) -> Any:
            with tf.GradientTape(persistent=True) as tape:
                values = tf.unstack(scalars(self.model(sample[0][None], training=False), sample[1][None])[0])
            rows = [tape.gradient(value, self.variables, unconnected_gradients="zero") for value in values]
            return [tf.add_n([part**2 for part in parts]) for parts in zip(*rows, strict=True)]

        return [tf.reduce_mean(part, axis=0) for part in tf.vectorized_map(one, (x, y))]


def probe(seed: int, number: int, size: int) -> Floats:
    """Rademacher vector ``number`` of a seed: ``size`` signs."""
    return generator(seed, _PROBES, number).integers(0, 2, size) * 2.0 - 1.0


def start_vector(seed: int, size: int) -> Floats:
    """Normal vector from which the search for eigenpairs starts."""
    return generator(seed, _LANCZOS).standard_normal(size)


def _eigenpairs(at: Differential, effort: Effort) -> tuple[Floats, Floats]:
    first = start_vector(effort.seed, at.size)
    return krylov.eigenpairs(at.product, first, effort.eigenpairs, effort.eigen_tolerance, effort.eigen_steps)


def _leading(at: Differential, effort: Effort, progress: Progress) -> dict[str, Floats]:
    values, vectors = _eigenpairs(at, effort)
    return {"eigenvalues": values, "eigenvectors": vectors}


def _hutchinson(at: Differential, effort: Effort, progress: Progress) -> dict[str, Floats]:
    draws = (probe(effort.seed, number, at.size) for number in range(effort.probes))
    return {"hutchinson_diagonal": krylov.diagonal(at.product, draws, effort.probe_tolerance)}


def _gradient(at: Differential, effort: Effort, progress: Progress) -> dict[str, Floats]:
    return {"gradient": at.gradient()}


def _fisher(at: Differential, effort: Effort, progress: Progress) -> dict[str, Floats]:
    return {"fisher": at.squares("loss")}


def _curvature(at: Differential, effort: Effort, progress: Progress) -> dict[str, Floats]:
    return {"hessian_diagonal": at.squares("curvature")}


def _at_deltas(at: Differential, measure: Callable[[], Any], progress: Progress) -> list[Any]:
    """``measure()`` with all weights replaced by the deltas of each plane in turn."""
    table, results = to_planes(at.network, deltas(at.network)), []
    for plane, weights in enumerate(table):
        at.place(weights)
        results.append(measure())
        progress(plane + 1, len(table), f"plane {plane}")
    at.place(reals(at.network))
    return results


def _delta_gradient(at: Differential, effort: Effort, progress: Progress) -> dict[str, Floats]:
    return {"delta_gradient": np.stack(_at_deltas(at, at.gradient, progress))}


def _delta_leading(at: Differential, effort: Effort, progress: Progress) -> dict[str, Floats]:
    pairs = _at_deltas(at, lambda: _eigenpairs(at, effort), progress)
    values, vectors = zip(*pairs, strict=True)
    return {"delta_eigenvalues": np.stack(values), "delta_eigenvectors": np.stack(vectors)}


def _aiber(at: Differential, effort: Effort, progress: Progress) -> dict[str, Floats]:
    settings = aiber.Settings()
    few = Differential(at.model, at.network, at.x[: settings.samples], at.y[: settings.samples])
    clean = few.model(few.x, training=False)

    def slope(weights: Floats) -> Floats:
        few.place(weights)
        return few.gradient(lambda outputs, y: -few.tf.reduce_mean((outputs - clean) ** 2, axis=-1))

    found = aiber.flip_probability(at.network, slope, settings)
    at.place(reals(at.network))
    return {"flip_probability": found}


MEASURES: dict[str, Callable[[Differential, Effort, Progress], dict[str, Floats]]] = {
    "gradient": _gradient,
    "fisher": _fisher,
    "hessian_diagonal": _curvature,
    "hutchinson_diagonal": _hutchinson,
    "eigenvalues": _leading,
    "eigenvectors": _leading,
    "delta_gradient": _delta_gradient,
    "delta_eigenvalues": _delta_leading,
    "delta_eigenvectors": _delta_leading,
    "flip_probability": _aiber,
}
"""Name of an array of evidence to what measures it."""


def measure(
    at: Differential,
    names: Iterable[str],
    effort: Effort,
    progress: Progress = lambda done, total, note: None,
    keep: Callable[[str, Floats], None] = lambda name, array: None,
) -> dict[str, Floats]:
    """Measure evidence by name (:data:`netsurf.rank.EVIDENCE`, source ``gradients``).

    Parameters
    ----------
    keep
        Called with every array as soon as it is measured.

    Returns
    -------
    At least the arrays named; what comes with one of them at no cost is returned too.

    Raises
    ------
    UnknownNameError
        If a name is not measured here.
    """
    found: dict[str, Floats] = {}
    for name in names:
        if name not in MEASURES:
            raise UnknownNameError("evidence from gradients", name, MEASURES)
        if name not in found:
            measured = MEASURES[name](at, effort, progress)
            for key, array in measured.items():
                keep(key, array)
            found |= measured
    return found


def measure_benchmark(
    bench: str,
    trained: bool,
    names: tuple[str, ...],
    effort: Effort,
    keep: Callable[[str, Floats], None] = lambda name, array: None,
) -> dict[str, Floats]:
    """Measure evidence of a benchmark's model on its calibration split; runs in a process of its own.

    Parameters
    ----------
    trained
        False takes the model that training starts from.
    keep
        Called with every array as soon as it is measured.

    Raises
    ------
    DataError
        If the benchmark was not trained or its data cannot be had.
    """
    from netsurf import ir
    from netsurf.frontend import spec as specs
    from netsurf.frontend.artefacts import model_of
    from netsurf.frontend.initial import initial
    from netsurf.frontend.session import start

    spec = specs.load(bench)
    start(effort.seed)
    model, network = (model_of(spec), ir.load(spec.folder)) if trained else initial(spec)
    at = Differential(model, network, *calibration_reals(spec, effort.samples))
    return measure(at, names, effort, keep=keep)


def calibration_reals(spec: Any, samples: int) -> tuple[NDArray[np.float64], NDArray[Any]]:
    """The first calibration samples as real inputs, and their classes or targets in the network's unit."""
    from netsurf.fixed import to_real
    from netsurf.frontend.spec import calibration

    codes, labels = calibration(spec)
    x = to_real(codes[:samples], spec.input.format.fraction)
    if spec.task == "classification":
        return x, labels[:samples]
    return x, (labels[:samples] - spec.target.offset) / spec.target.scale
