"""How good predictions are: accuracy, or the errors of a regression."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Values = NDArray[Any]


def accuracy(predicted: Values, labels: Values) -> float:
    """Fraction of predictions that equal the label."""
    return float(np.mean(predicted == labels))


def mse(predicted: Values, labels: Values) -> float:
    """Mean squared error."""
    return float(np.mean((predicted - labels) ** 2))


def mae(predicted: Values, labels: Values) -> float:
    """Mean absolute error."""
    return float(np.mean(np.abs(predicted - labels)))


def r2(predicted: Values, labels: Values) -> float:
    """Coefficient of determination, ``1 - mse / variance of the labels``."""
    return 1.0 - mse(predicted, labels) / float(np.var(labels))


SCORES: dict[str, dict[str, Callable[[Values, Values], float]]] = {
    "classification": {"accuracy": accuracy},
    "regression": {"mse": mse, "mae": mae, "r2": r2},
}
"""Scores that are reported for each task; the first is the one that tables show."""


def score(task: str, predicted: Values, labels: Values) -> dict[str, float]:
    """Every score of a task, by name, to six decimals; targets may have any shape of as many numbers.

    >>> score("classification", np.array([1, 2, 3]), np.array([1, 2, 0]))
    {'accuracy': 0.666667}
    """
    labels = np.reshape(labels, np.shape(predicted))
    return {name: round(function(predicted, labels), 6) for name, function in SCORES[task].items()}
