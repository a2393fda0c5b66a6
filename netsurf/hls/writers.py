"""What each layer kind is in hls4ml's words: one writer function a kind, and one line in :data:`WRITERS`.

Every precision is given, so hls4ml infers and merges nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from netsurf.errors import UnsupportedLayerError
from netsurf.fixed import FixedFormat, to_real
from netsurf.ir import Layer, Network, Parameter, TensorSpec
from netsurf.ir.kinds.activation import SPANS, table_codes

Entry = tuple[dict[str, Any], dict[str, str], int]
"""What hls4ml's converter says about a layer, its precisions by role, and its reuse factor."""

_SIDES = ("pad_top", "pad_bottom", "pad_left", "pad_right")


def entries_of(network: Network, layer: Layer) -> list[Entry]:
    """The hls4ml layers that compute a layer, one behind the other; mostly it is one.

    Raises
    ------
    UnsupportedLayerError
        If hls4ml has none.
    """
    if layer.kind not in WRITERS:
        raise UnsupportedLayerError(
            f"layer '{layer.name}': hls4ml has no {layer.kind}; supported: {', '.join(sorted(WRITERS))}"
        )
    said = WRITERS[layer.kind](network, layer)
    return said if isinstance(said, list) else [said]


def input_entry(network: Network) -> Entry:
    """The input layer."""
    entry = {"class_name": "InputLayer", "input_shape": list(network.input.shape)}
    return entry, {"result": str(network.input.format)}, 1


def _real(parameter: Parameter) -> Any:
    return to_real(parameter.codes, parameter.format.fraction)


def _result(layer: Layer) -> dict[str, str]:
    return {"result": str(layer.output.format)}


def _stored(layer: Layer) -> dict[str, str]:
    """Precisions of a layer that adds products."""
    return {
        **_result(layer),
        "accum": str(layer.attributes["accumulator"]),
        "weight": str(layer.parameters["kernel"].format),
        "bias": str(layer.parameters["bias"].format),
    }


def _reuse(layer: Layer) -> int:
    return int(layer.attributes.get("reuse_factor", 1))


def _dense(network: Network, layer: Layer) -> Entry:
    kernel, bias = layer.parameters["kernel"], layer.parameters["bias"]
    entry = {
        "class_name": "Dense",
        "n_in": kernel.codes.shape[0],
        "n_out": kernel.codes.shape[1],
        "use_bias": True,
        "weight_data": _real(kernel),
        "bias_data": _real(bias),
    }
    return entry, _stored(layer), _reuse(layer)


def _sizes(layer: Layer, shape: tuple[int, ...], size: tuple[int, ...], window: str) -> dict[str, Any]:
    """Geometry of a window, under the names that hls4ml gives to one and to two axes."""
    names = ("height", "width")[-len(size) :]
    strides, padding = layer.attributes["strides"], layer.attributes["padding"]
    return {
        **{f"in_{name}": n for name, n in zip(names, shape, strict=False)},
        **{f"out_{name}": n for name, n in zip(names, layer.output.shape, strict=False)},
        **{f"{window}_{name}": n for name, n in zip(names, size, strict=True)},
        **{f"stride_{name}": n for name, n in zip(names, strides, strict=True)},
        **dict(zip(_SIDES[-len(padding) :], padding, strict=True)),
    }


def _convolution(network: Network, layer: Layer, size: tuple[int, ...], names: tuple[str, str]) -> Entry:
    """``names``: hls4ml's class without its number of axes, and the key of its kernel."""
    if max(layer.attributes.get("dilation", (1,))) > 1:
        raise UnsupportedLayerError(f"layer '{layer.name}': hls4ml 1.3.0 has no dilated convolution")
    shape = network.spec(layer.inputs[0]).shape
    entry = {
        "class_name": f"{names[0]}{len(size)}D",
        **_sizes(layer, shape, size, "filt"),
        "n_chan": shape[-1],
        "n_filt": layer.output.shape[-1],
        "depth_multiplier": 1,
        names[1]: _real(layer.parameters["kernel"]),
        "bias_data": _real(layer.parameters["bias"]),
    }
    return entry, _stored(layer), _reuse(layer)


def _conv(network: Network, layer: Layer) -> Entry:
    size = layer.parameters["kernel"].codes.shape[:-2]
    return _convolution(network, layer, size, ("Conv", "weight_data"))


def _depthwise(network: Network, layer: Layer) -> Entry:
    size = layer.parameters["kernel"].codes.shape[:-1]
    return _convolution(network, layer, size, ("DepthwiseConv", "depthwise_data"))


def _batchnorm(network: Network, layer: Layer) -> Entry:
    shape = network.spec(layer.inputs[0]).shape
    entry = {
        "class_name": "BatchNormalization",
        "n_in": layer.output.size,
        "n_filt": shape[-1] if len(shape) > 1 else -1,
        "scale_data": _real(layer.parameters["scale"]),
        "bias_data": _real(layer.parameters["bias"]),
    }
    roles = {role: str(parameter.format) for role, parameter in layer.parameters.items()}
    return entry, {**_result(layer), **roles}, 1


def _pool(network: Network, layer: Layer) -> Entry | list[Entry]:
    spec, size = network.spec(layer.inputs[0]), layer.attributes["size"]
    name = {"max_pool": "Max", "average_pool": "Average"}[layer.kind]
    precisions = {**_result(layer), "accum": str(layer.attributes["accumulator"])}
    if len(layer.output.shape) == 1:
        names = ("n_in",) if len(size) == 1 else ("in_height", "in_width")
        whole = {"class_name": f"Global{name}Pooling{len(size)}D", "n_filt": spec.shape[-1]}
        return {**whole, **dict(zip(names, spec.shape, strict=False))}, precisions, 1
    entry = {
        "class_name": f"{name}Pooling{len(size)}D",
        **_sizes(layer, spec.shape, size, "pool"),
        "n_filt": spec.shape[-1],
        "n_in": spec.shape[0],
        "n_out": layer.output.shape[0],
    }
    padding = layer.attributes["padding"]
    if layer.kind == "max_pool" and any(padding) and not spec.format.signed:
        return [_padding(spec, padding), (_without_padding(entry, spec, padding), precisions, 1)]
    return entry, precisions, 1


def _without_padding(entry: dict[str, Any], spec: Any, padding: tuple[int, ...]) -> dict[str, Any]:
    """The pooling behind a zero padding.

    hls4ml 1.3.0 pads with the code whose highest bit alone is 1: the smallest of a signed type, but half
    the range of an unsigned one.
    """
    spatial = [n + sum(padding[2 * i : 2 * i + 2]) for i, n in enumerate(spec.shape[:-1])]
    names = ("in_height", "in_width")[-len(spatial) :]
    sides = dict.fromkeys(_SIDES[-len(padding) :], 0)
    return {**entry, **dict(zip(names, spatial, strict=True)), "n_in": spatial[0], **sides}


def _padding(spec: Any, padding: tuple[int, ...]) -> Entry:
    axes = len(padding) // 2
    names = ("height", "width")[-axes:]
    entry = {
        "class_name": f"ZeroPadding{axes}D",
        **{f"in_{name}": n for name, n in zip(names, spec.shape, strict=False)},
        **{
            f"out_{name}": n + sum(padding[2 * i : 2 * i + 2])
            for i, (name, n) in enumerate(zip(names, spec.shape, strict=False))
        },
        "n_chan": spec.shape[-1],
        **dict(zip(_SIDES[-len(padding) :], padding, strict=True)),
    }
    return entry, {"result": str(spec.format)}, 1


def _zero_pad(network: Network, layer: Layer) -> Entry:
    return _padding(network.spec(layer.inputs[0]), layer.attributes["padding"])


def _add(network: Network, layer: Layer) -> Entry:
    return {"class_name": "Merge", "op": "add"}, _result(layer), 1


def _concatenate(network: Network, layer: Layer) -> Entry:
    entry = {"class_name": "Concatenate", "axis": layer.attributes["axis"] + 1}
    return {**entry, "op": f"concatenate{len(layer.output.shape)}d"}, _result(layer), 1


def _upsample(network: Network, layer: Layer) -> Entry:
    shape = network.spec(layer.inputs[0]).shape
    sizes = (1, *shape) if len(shape) == 2 else shape
    grown = (1, *layer.output.shape) if len(shape) == 2 else layer.output.shape
    entry = {
        "class_name": "Resize",
        "algorithm": "nearest",
        "in_height": sizes[0],
        "in_width": sizes[1],
        "out_height": grown[0],
        "out_width": grown[1],
        "n_chan": shape[-1],
    }
    return entry, _result(layer), 1


def _zero_insert(network: Network, layer: Layer) -> list[Entry]:
    """Zeros between positions, in hls4ml's words: axes are split off, padded, joined again, width first."""
    spec, factors = network.spec(layer.inputs[0]), layer.attributes["factors"]
    rows, columns = spec.shape[:-1] if len(factors) == 2 else (1, spec.shape[0])
    channels = spec.shape[-1]
    down, right = factors if len(factors) == 2 else (1, *factors)
    form = spec.format
    return [
        *_between(TensorSpec((rows * columns, 1, channels), form), right),
        *_between(TensorSpec((rows, 1, columns * right * channels), form), down),
        _shaped(layer.output),
    ]


def _between(spec: TensorSpec, factor: int) -> list[Entry]:
    """Codes as rows of one position, and ``factor - 1`` zeros behind each."""
    return [_shaped(spec), _padding(spec, (0, 0, 0, factor - 1))] if factor > 1 else []


def _shaped(spec: TensorSpec) -> Entry:
    return {"class_name": "Reshape", "target_shape": list(spec.shape)}, {"result": str(spec.format)}, 1


def _transpose(network: Network, layer: Layer) -> Entry:
    return {"class_name": "Transpose", "perm": list(layer.attributes["permutation"])}, _result(layer), 1


def _activation(network: Network, layer: Layer) -> Entry:
    size = network.spec(layer.inputs[0]).size
    return {"class_name": "Activation", "activation": layer.kind, "n_in": size}, _result(layer), 1


def _leaky(network: Network, layer: Layer) -> Entry:
    alpha, form = layer.attributes["alpha"], layer.attributes["alpha_format"]
    entry = {"class_name": "LeakyReLU", "activation": "leaky_relu", "n_in": layer.output.size}
    entry["activ_param"] = float(to_real(alpha, form.fraction))
    return entry, {**_result(layer), "param": str(form)}, 1


def _hard(network: Network, layer: Layer) -> Entry:
    entry = {"class_name": "HardActivation", "activation": layer.kind, "n_in": layer.output.size}
    for key in ("slope", "shift"):
        form = layer.attributes[f"{key}_format"]
        entry[key] = float(to_real(layer.attributes[key], form.fraction))
        entry[f"{key}_prec"] = _precision(form)
    return entry, _result(layer), 1


def _precision(form: FixedFormat) -> Any:
    """A format as hls4ml's own type."""
    from hls4ml.backends.fpga.fpga_backend import FPGABackend

    return FPGABackend.convert_precision_string(str(form))


def _table(network: Network, layer: Layer) -> Entry:
    """A function's table; hls4ml's C++ fills it itself, so only its own tables can be said."""
    table, form = layer.attributes["table"], layer.attributes["table_format"]
    functions = [name for name in SPANS if table_codes(name, len(table), form) == table]
    if not functions or SPANS[functions[0]] != layer.attributes["span"]:
        raise UnsupportedLayerError(f"layer '{layer.name}': its table is none of hls4ml's {', '.join(SPANS)}")
    entry = {"class_name": "Activation", "activation": functions[0], "n_in": layer.output.size}
    return {**entry, "table_size": len(table), "table_t": _precision(form)}, _result(layer), 1


def _recurrent(network: Network, layer: Layer) -> Entry:
    """An ``LSTM`` or a ``GRU``; both tables have one size and type, and hls4ml fills them itself."""
    (steps, features), roles = network.spec(layer.inputs[0]).shape, layer.parameters
    form, size = layer.attributes["table_format"], len(layer.attributes["gate_table"])
    inner = roles.get("recurrent_bias")
    entry = {
        "class_name": layer.kind.upper(),
        "n_in": features,
        "n_out": layer.output.shape[-1],
        "n_timesteps": steps,
        "return_sequences": len(layer.output.shape) == 2,
        "return_state": False,
        "direction": "forward",
        "weight_data": _real(roles["kernel"]),
        "recurrent_weight_data": _real(roles["recurrent"]),
        "bias_data": _real(roles["bias"]),
        **({"recurrent_bias_data": _real(inner)} if inner else {}),
        "activation": _function(layer, "cell"),
        "recurrent_activation": _function(layer, "gate"),
        "table_size": size,
        "table_t": _precision(form),
    }
    precisions = {
        **_stored(layer),
        "recurrent_weight": str(roles["recurrent"].format),
        "recurrent_bias": str((inner or roles["bias"]).format),
    }
    return entry, precisions, _reuse(layer)


def _function(layer: Layer, which: str) -> str:
    """The function that a table of a recurrent layer holds."""
    table, span = layer.attributes[f"{which}_table"], layer.attributes[f"{which}_span"]
    size, form = len(layer.attributes["gate_table"]), layer.attributes["table_format"]
    for name in ("sigmoid", "tanh"):
        if (table_codes(name, size, form), SPANS[name]) == (table, span):
            return name
    raise UnsupportedLayerError(
        f"layer '{layer.name}': its {which} table is none of hls4ml's sigmoid and tanh of {size} entries"
    )


def _reshape(network: Network, layer: Layer) -> Entry | list[Entry]:
    """A reshape; one that says nothing stands between a transpose and a flatten.

    hls4ml 1.3.0 takes every transpose before flatten and dense for one that puts channels last, and permutes
    the dense kernel accordingly, whatever the transpose was.
    """
    entry = {"class_name": "Reshape", "target_shape": list(layer.output.shape)}, _result(layer), 1
    source = network.spec(layer.inputs[0]).shape
    turned = any(x.name == layer.inputs[0] and x.kind == "transpose" for x in network.layers)
    if turned and len(layer.output.shape) == 1:
        return [({"class_name": "Reshape", "target_shape": list(source)}, _result(layer), 1), entry]
    return entry


WRITERS: dict[str, Callable[[Network, Layer], Entry | list[Entry]]] = {
    "add": _add,
    "average_pool": _pool,
    "batchnorm": _batchnorm,
    "concatenate": _concatenate,
    "conv": _conv,
    "dense": _dense,
    "depthwise": _depthwise,
    "flatten": _reshape,
    "gru": _recurrent,
    "hard_sigmoid": _hard,
    "hard_tanh": _hard,
    "leaky_relu": _leaky,
    "linear": _activation,
    "lstm": _recurrent,
    "max_pool": _pool,
    "relu": _activation,
    "reshape": _reshape,
    "table": _table,
    "transpose": _transpose,
    "upsample": _upsample,
    "zero_insert": _zero_insert,
    "zero_pad": _zero_pad,
}
"""Layer kind to the function that says it in hls4ml's words."""
