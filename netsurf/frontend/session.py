"""TensorFlow, started quietly and reproducibly. Only processes that train or convert call this."""

from __future__ import annotations

import logging
import os
import warnings
from typing import Any

from netsurf.errors import MissingToolError


def start(seed: int = 0, threads: int = 2) -> Any:
    """Import TensorFlow for the CPU with deterministic operations, and seed all of its generators.

    The same seed, versions, kind of processor and number of threads give the same weights.

    Returns
    -------
    The module ``tensorflow``.

    Raises
    ------
    MissingToolError
        If TensorFlow or QKeras is not installed.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
    warnings.filterwarnings("ignore", module="(tensorflow|keras|qkeras|hls4ml)")
    try:
        import qkeras
        import tensorflow
    except ModuleNotFoundError as error:
        raise MissingToolError(str(error.name), "make setup") from error
    _mend(qkeras, tensorflow)
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    _set_threads(tensorflow, threads)
    tensorflow.keras.utils.set_random_seed(seed)
    tensorflow.config.experimental.enable_op_determinism()
    return tensorflow


def _mend(qkeras: Any, tensorflow: Any) -> None:
    """Give QKeras 0.9 functions that TensorFlow moved, for ``QConv2DTranspose`` and for ``QGRU``."""
    operations = qkeras.qconvolutional.array_ops
    operations.stack = getattr(operations, "stack", tensorflow.stack)
    nest, operations = qkeras.qrecurrent.nest, qkeras.qrecurrent.array_ops
    operations.unstack = getattr(operations, "unstack", tensorflow.unstack)
    nest.is_sequence = getattr(nest, "is_sequence", nest.is_nested)


def _set_threads(tensorflow: Any, threads: int) -> None:
    try:
        tensorflow.config.threading.set_intra_op_parallelism_threads(threads)
        tensorflow.config.threading.set_inter_op_parallelism_threads(1)
    except RuntimeError:  # its thread pools exist already
        return
