"""Networks of the literature as QKeras models, at any size: what a benchmark of that name is made of.

Normalisations are folded, residuals are quantised before they are added, and an average is quantised behind:
so QKeras' floating point and the integers compute one function.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def bits(width: int = 8, integer: int = 0):
    from qkeras import quantized_bits

    return quantized_bits(bits=width, integer=integer, symmetric=0, alpha=1)


def quantised(kind: str, *arguments, role: str = "kernel", **more):
    """A QKeras layer with weights of eight bits."""
    import qkeras

    quantisers = {f"{role}_quantizer": bits(), "bias_quantizer": bits()}
    return getattr(qkeras, kind)(*arguments, **quantisers, **more)


def relu(name: str):
    from qkeras import QActivation, quantized_relu

    return QActivation(quantized_relu(8, 3), name=name)


def linear(name: str):
    from qkeras import QActivation

    return QActivation(bits(8, 3), name=name)


def conv(x, filters: int, size, name: str, strides=1, fold: bool = False, last=relu):
    """Convolution with ``same`` padding, its normalisation folded if asked for, and what is behind it."""
    kind = "QConv2DBatchnorm" if fold else "QConv2D"
    made = quantised(kind, filters, size, strides=strides, padding="same", name=name)
    return last(f"{name}_act")(made(x))


def depthwise(x, size, name: str, strides=1, fold: bool = True):
    kind = "QDepthwiseConv2DBatchnorm" if fold else "QDepthwiseConv2D"
    made = quantised(kind, size, role="depthwise", strides=strides, padding="same", name=name)
    return relu(f"{name}_act")(made(x))


def _classifier(source, x, classes: int, name: str):
    """Average over the whole image, quantised, and a dense layer."""
    import tensorflow as tf

    k = tf.keras.layers
    x = linear("mean_act")(k.AveragePooling2D(tuple(int(n) for n in x.shape[1:3]), name="mean")(x))
    x = quantised("QDense", classes, name="fc")(k.Flatten(name="flat")(x))
    return tf.keras.Model(source, x, name=name)


def _sample(shape: Sequence[int]):
    import tensorflow as tf

    return tf.keras.Input(shape, name="sample")


def resnet8(shape=(32, 32, 3), width: int = 16, classes: int = 10):
    """Three residual stacks, two of them with a strided 1 x 1 short cut (tinyml_cifar10_resnetv1)."""
    import tensorflow as tf

    source = _sample(shape)
    x = conv(source, width, 3, "stem", fold=True)
    for number, (filters, stride) in enumerate(((width, 1), (2 * width, 2), (4 * width, 2))):
        name = f"stack{number}"
        y = conv(x, filters, 3, f"{name}a", stride, fold=True)
        y = conv(y, filters, 3, f"{name}b", fold=True, last=linear)
        x = conv(x, filters, 1, f"{name}s", stride, last=linear) if stride > 1 else x
        x = relu(f"{name}_act")(tf.keras.layers.Add(name=f"{name}_sum")([x, y]))
    return _classifier(source, x, classes, "resnet8")


MOBILENET = ((64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), *[(512, 1)] * 5, (1024, 2), (1024, 1))


def mobilenet(shape=(96, 96, 3), alpha: float = 0.25, blocks=MOBILENET, classes: int = 2):
    """MobileNetV1 (tinyml_person_detection)."""
    source = _sample(shape)
    x = conv(source, int(32 * alpha), 3, "stem", 2, fold=True)
    for number, (filters, stride) in enumerate(blocks):
        x = depthwise(x, 3, f"deep{number}", stride)
        x = conv(x, int(filters * alpha), 1, f"point{number}", fold=True)
    return _classifier(source, x, classes, "mobilenet")


def ds_cnn(shape=(49, 10, 1), width: int = 64, blocks: int = 4, classes: int = 12):
    """Depthwise separable convolutions over a spectrogram (keyword_spotting)."""
    import tensorflow as tf

    source = _sample(shape)
    x = conv(source, width, (10, 4), "stem", 2, fold=True)
    for number in range(blocks):
        x = depthwise(x, 3, f"deep{number}")
        x = conv(x, width, 1, f"point{number}", fold=True)
    return _classifier(source, tf.keras.layers.Dropout(0.4, name="drop")(x), classes, "ds_cnn")


def squeezenet(shape=(32, 32, 3), fires=((8, 32), (8, 32), (16, 64)), stem: int = 16, classes: int = 10):
    """Fire modules: a 1 x 1 convolution, and 1 x 1 and 3 x 3 ones behind it that are joined."""
    import tensorflow as tf

    k, source = tf.keras.layers, _sample(shape)
    x = k.MaxPooling2D(3, strides=2, name="pool0")(conv(source, stem, 3, "stem"))
    for number, (squeeze, expand) in enumerate(fires):
        y = conv(x, squeeze, 1, f"fire{number}s")
        small, large = conv(y, expand, 1, f"fire{number}a"), conv(y, expand, 3, f"fire{number}b")
        x = k.Concatenate(name=f"fire{number}")([small, large])
        x = k.MaxPooling2D(3, strides=2, name="pool1")(x) if number == 1 else x
    x = k.GlobalAveragePooling2D(name="mean")(conv(x, classes, 1, "last"))
    return tf.keras.Model(source, linear("mean_act")(x), name="squeezenet")


def resnet18(shape=(32, 32, 3), width: int = 64, classes: int = 10):
    """Four stages of two residual blocks (cifar10_resnet18)."""
    import tensorflow as tf

    source = _sample(shape)
    x = conv(source, width, 3, "stem", fold=True)
    for number in range(8):
        name, filters = f"block{number}", width << number // 2
        stride = 2 if number and number % 2 == 0 else 1
        y = conv(x, filters, 3, f"{name}a", stride, fold=True)
        y = conv(y, filters, 3, f"{name}b", fold=True, last=linear)
        x = conv(x, filters, 1, f"{name}s", stride, fold=True, last=linear) if stride > 1 else x
        x = relu(f"{name}_act")(tf.keras.layers.Add(name=f"{name}_sum")([x, y]))
    return _classifier(source, x, classes, "resnet18")


def filled(model, seed: int = 0):
    """The model with drawn weights, each layer's scaled to keep activations in range."""
    rng = np.random.default_rng(seed)
    model.set_weights([_drawn(variable, rng) for variable in model.weights])
    return model


def _drawn(variable, rng):
    name, shape = variable.name, tuple(variable.shape)
    if "iteration" in name:
        return np.int64(-1)
    if "variance" in name or "gamma" in name:
        return rng.uniform(0.5, 1.5, shape)
    if "kernel" in name:
        terms = np.prod(shape[:2]) if "depthwise" in name else np.prod(shape[:-1])
        return rng.normal(0, np.sqrt(2 / terms), shape)
    return rng.normal(0, 0.1, shape)
