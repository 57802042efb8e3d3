"""Operators that ONNX has given up, by their definitions (onnx 1.4, onnx/defs/experiments/defs.cc)."""

import sys

import numpy as np
from onnx import helper

from cases import Cases

cases = Cases(sys.argv[1])
f32 = np.float32


def one(case, op, inputs, output, domain="", opset=7, constants={}, symbolic=False, outputs=1, **attributes):
    """A node of `op` whose inputs are those of the model, then the constants."""
    results = [f"y{i}" for i in range(outputs)]
    node = helper.make_node(op, list(inputs) + list(constants), results, domain=domain, **attributes)
    opsets = {"": opset} if not domain else {"": opset, domain: 1}
    arrays = dict(zip(results, output if outputs > 1 else [output]))
    cases.add(case, [node], inputs, arrays, opsets, constants, symbolic)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


x = cases.floats(2, 3, 5, 6)
bias = np.array([1.5, -2, 0.25], f32)[:, None, None]
for symbolic in (False, True):
    suffix = "-symbolic" if symbolic else ""
    one("affine" + suffix, "Affine", {"x": x}, 2.5 * x - 1, symbolic=symbolic, alpha=2.5, beta=-1.0)
    one("image-scaler" + suffix, "ImageScaler", {"x": x}, 0.5 * x + bias, symbolic=symbolic, bias=list(bias.ravel()), scale=0.5)
    one("crop" + suffix, "Crop", {"x": x}, x[:, :, 2:4, 1:6], symbolic=symbolic, border=[1, 2, 0, 1])
    one("crop-size" + suffix, "Crop", {"x": x}, x[:, :, 2:4, 1:4], symbolic=symbolic, border=[1, 2, 0, 0], scale=[2, 3])
    one("parametric-softplus" + suffix, "ParametricSoftplus", {"x": x}, 1.2 * np.log1p(np.exp(0.7 * x)), symbolic=symbolic,
        alpha=1.2, beta=0.7)
    one("fc" + suffix, "FC", {"x": x}, x.reshape(2, 90) @ (w := cases.floats(4, 3, 5, 6)).reshape(4, 90).T + (b := cases.floats(4)),
        constants={"w": w, "b": b}, symbolic=symbolic)
one("affine-defaults", "Affine", {"x": x}, x)
one("affine-float64", "Affine", {"x": x.astype(np.float64)}, 3 * x.astype(np.float64) + 0.5, alpha=3.0, beta=0.5)
one("affine-float16", "Affine", {"x": np.arange(8, dtype=np.float16)}, np.arange(8, dtype=np.float16) * 2 + 1, alpha=2.0, beta=1.0)
one("affine-after-version-10", "Affine", {"x": x}, 2 * x, opset=13, alpha=2.0)
one("affine-microsoft", "Affine", {"x": x}, 2 * x + 1, domain="com.microsoft", opset=13, alpha=2.0, beta=1.0)
one("scale", "Scale", {"x": x}, 3 * x, scale=3.0)
one("image-scaler-no-bias", "ImageScaler", {"x": x}, 2 * x, scale=2.0)
one("crop-size-alone", "Crop", {"x": x}, x[:, :, :2, :3], scale=[2, 3])
one("scaled-tanh", "ScaledTanh", {"x": x}, 1.5 * np.tanh(0.5 * x), alpha=1.5, beta=0.5)
one("scaled-tanh-no-attributes", "ScaledTanh", {"x": x}, np.tanh(x))
one("thresholded-relu", "ThresholdedRelu", {"x": x}, np.where(x > 1, x, 0))
one("thresholded-relu-alpha", "ThresholdedRelu", {"x": x}, np.where(x > 0.3, x, 0), alpha=0.3)
one("dynamic-slice", "DynamicSlice", {"x": x, "starts": np.array([1, -3]), "ends": np.array([2, 100]), "axes": np.array([1, 3])},
    x[:, 1:2, :, -3:])
one("dynamic-slice-late", "DynamicSlice", {"x": x}, x[1:], opset=12, constants={"starts": np.array([1]), "ends": np.array([9])})

# Mean and variance over all but the channels, or over these, too.
for across, axes in ((0, (0, 2, 3)), (1, (0, 1, 2, 3))):
    centred = x - x.mean(axes, keepdims=True)
    one(f"mean-variance-{across}", "MeanVarianceNormalization", {"x": x}, centred / x.std(axes, keepdims=True), across_channels=across)
    one(f"mean-{across}", "MeanVarianceNormalization", {"x": x}, centred, across_channels=across, normalize_variance=0)

inverse = 1 / np.sqrt((x * x).mean((2, 3), keepdims=True) + 1e-5)
scale = cases.floats(5, 6)
one("simplified-layer-normalization", "SimplifiedLayerNormalization", {"x": x}, [x * inverse * scale, inverse], outputs=2,
    constants={"scale": scale}, axis=-2)

x2, w2 = cases.floats(2, 3, 4), cases.floats(5, 2, 2)
one("fc-axis", "FC", {"x": x2}, x2.reshape(6, 4) @ w2.reshape(5, 4).T + b[:1], constants={"w": w2, "b": b[:1].repeat(5)}, axis=2)
one("constant-fill", "ConstantFill", {"x": x2}, np.full((2, 3, 4, 7), 3, np.int32), value=3.5, dtype=6, extra_shape=[7], symbolic=True)
one("constant-fill-content", "ConstantFill", {"x": np.array([2, 3])}, np.full((2, 3, 1), 1.5, f32), value=1.5, extra_shape=[1],
    input_as_shape=1)
one("constant-fill-bool", "ConstantFill", {}, np.full((2, 2), True), shape=[2, 2], value=1.0, dtype=9)
one("given-tensor-fill", "GivenTensorFill", {}, np.array([[1, 2, 3], [4, 5, 6.5]], f32), shape=[2, 3],
    values=[1.0, 2.0, 3.0, 4.0, 5.0, 6.5])
one("given-tensor-fill-like", "GivenTensorFill", {"x": np.zeros((2, 2))}, np.array([[[1.], [2]], [[3], [4]]]), extra_shape=[1],
    values=[1.0, 2.0, 3.0, 4.0])
one("given-tensor-int64-fill", "GivenTensorInt64Fill", {}, np.array([-1, 2**40]), domain="org.pytorch._caffe2", shape=[2],
    values=[-1, 2**40])
one("given-tensor-bool-fill", "GivenTensorBoolFill", {}, np.array([True, False]), shape=[2], values=[7, 0])

h, gates = cases.floats(4, 5), cases.floats(4, 15)
s, o = sigmoid(gates[:, 5:10]), np.tanh(gates[:, 10:])
runs = np.array([3, 2, 1, 4])[:, None] > 2
state = {"h": h, "gates": gates, "lengths": np.array([3, 2, 1, 4], f32), "t": np.array([2], f32)}
one("gru-unit", "GRUUnit", state, np.where(runs, h * s + o * (1 - s), h))
one("gru-unit-drop", "GRUUnit", state, np.where(runs, h * s + o * (1 - s), 0), drop_states=1)
one("gru-unit-batch", "GRUUnit", dict(state, h=h[None], gates=gates[None]), np.where(runs, h * s + o * (1 - s), h)[None])

one("loop-index-tensor", "LoopIndexTensor", {"x": x2, "i": np.array([2])}, x2[:, 2], axis=1)
one("alias", "AliasWithName", {"x": x2}, x2, domain="org.pytorch._caffe2", is_backward=0)
one("memcpy", "MemcpyToHost", {"x": x2}, x2, opset=17)

# Windows that Caffe2's legacy_pad describes: VALID, SAME (more behind than before), and reaching beyond the end.
w3 = cases.floats(2, 3, 2, 2)


def pool(image, kernel, stride, reduce):
    """Windows that lie inside, or as far as they do."""
    rows, columns = (range(0, -(-(n - kernel) // stride) * stride + 1, stride) for n in image.shape[2:])
    parts = [[reduce(image[:, :, r : r + kernel, c : c + kernel], axis=(2, 3)) for c in columns] for r in rows]
    return np.moveaxis(np.array(parts), (0, 1), (2, 3))


one("legacy-same", "MaxPool", {"x": x}, pool(np.pad(x, ((0, 0), (0, 0), (0, 1), (0, 0)), constant_values=-9), 2, 2, np.max),
    kernel_shape=[2, 2], strides=[2, 2], legacy_pad=2)
one("legacy-valid", "MaxPool", {"x": x}, pool(x[:, :, :4], 2, 2, np.max), kernel_shape=[2, 2], strides=[2, 2], pads=[1, 1, 1, 1],
    legacy_pad=1)
one("legacy-caffe", "AveragePool", {"x": x}, pool(x, 3, 2, np.mean), kernel_shape=[3, 3], strides=[2, 2], legacy_pad=3)
