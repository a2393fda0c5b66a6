"""Eigenpairs and the diagonal of a matrix that is known by its products with vectors only."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Product = Callable[[Floats], Floats]


def eigenpairs(
    product: Product, start: Floats, count: int, tolerance: float, steps: int
) -> tuple[Floats, Floats]:
    """Eigenpairs that are largest in size, of a symmetric matrix.

    Lanczos with full reorthogonalisation (Golub and Van Loan, Matrix Computations, 10.3): the eigenpairs
    of the matrix within the space of ``start, H start, H H start, ...``, grown until the residual
    ``|H v - lambda v|`` of each wanted pair is below ``tolerance`` times the largest eigenvalue.

    Parameters
    ----------
    product
        ``product(v)`` returns the matrix times ``v``, both ``(size,)``.
    start
        Any vector ``(size,)`` that is not zero.
    count
        Pairs wanted.
    steps
        Most products that are spent.

    Returns
    -------
    Eigenvalues ``(count,)`` from the largest in size down, and unit eigenvectors ``(count, size)`` whose
    largest component is positive. Both are zero from where the space ends (a matrix of small rank).

    >>> values, vectors = eigenpairs(lambda v: np.array([3.0, -5.0, 1.0]) * v, np.ones(3), 2, 1e-9, 9)
    >>> values.round(6).tolist(), np.abs(vectors).round(6).tolist()
    ([-5.0, 3.0], [[0.0, 1.0, 0.0], [1.0, 0.0, 0.0]])
    """
    basis, alphas, betas = [start / np.linalg.norm(start)], [], []
    while True:
        image = product(basis[-1])
        alphas.append(float(image @ basis[-1]))
        rest = _without(np.stack(basis), image)
        values, vectors = np.linalg.eigh(np.diag(alphas) + np.diag(betas, 1) + np.diag(betas, -1))
        largest = np.argsort(-np.abs(values), kind="stable")[:count]
        betas.append(float(np.linalg.norm(rest)))
        scale = np.abs(values).max()
        found = len(alphas) >= count and (betas[-1] * np.abs(vectors[-1, largest]) <= tolerance * scale).all()
        if found or betas[-1] <= 1e-6 * scale or len(alphas) == min(steps, len(start)):
            return _padded(values[largest], vectors[:, largest].T @ np.stack(basis), count)
        basis.append(rest / betas[-1])


def _without(basis: Floats, vector: Floats) -> Floats:
    """``vector`` without its part in the span of ``basis``; twice is enough."""
    for _ in range(2):
        vector = vector - basis.T @ (basis @ vector)
    return vector


def _padded(values: Floats, vectors: Floats, count: int) -> tuple[Floats, Floats]:
    size = vectors.shape[1]
    peak = np.abs(vectors).argmax(axis=1)
    vectors = vectors * np.sign(vectors[np.arange(len(vectors)), peak])[:, None]
    missing = count - len(values)
    return np.append(values, np.zeros(missing)), np.vstack([vectors, np.zeros((missing, size))])


def diagonal(product: Product, probes: Iterable[Floats], tolerance: float) -> Floats:
    """Hutchinson's estimate of the diagonal, ``mean z * (H z)`` over sign vectors ``z``.

    Stops after the probe whose arrival changes the estimate by less than ``tolerance`` of its length.

    >>> signs = [np.array([1.0, 1.0]), np.array([1.0, -1.0])]
    >>> diagonal(lambda v: np.array([[2.0, 1.0], [1.0, 4.0]]) @ v, signs, 0.0).tolist()
    [2.0, 4.0]
    """
    estimate: Floats = np.zeros(0)
    for number, signs in enumerate(probes):
        drawn = signs * product(signs)
        moved = drawn if number == 0 else (drawn - estimate) / (number + 1)
        estimate = moved if number == 0 else estimate + moved
        if number and np.linalg.norm(moved) <= tolerance * np.linalg.norm(estimate):
            break
    return estimate
