"""Functions of PyTorch under the name ATen, by PyTorch's documentation: with all arguments as inputs, as the fallback of its
exporter writes them, and with numbers as attributes, as older rules of it do."""

import sys

import numpy as np
from onnx import helper

from cases import Cases

cases = Cases(sys.argv[1])
f32 = np.float32


def aten(case, function, inputs, output, *arguments, domain="org.pytorch.aten", symbolic=False, op="ATen", **attributes):
    """`arguments` follow the inputs; None is one that is absent."""
    outputs = output if isinstance(output, list) else [output]
    names = [f"y{i}" for i in range(len(outputs))]
    given = {f"c{i}": np.asarray(a) for i, a in enumerate(arguments) if a is not None}
    rest = ["" if a is None else f"c{i}" for i, a in enumerate(arguments)]
    node = helper.make_node(op, list(inputs) + rest, names, domain=domain, **attributes)
    node.attribute.append(helper.make_attribute("name" if op == "ATenOp" else "operator", function))
    opsets = {"": 13, domain: 1} if domain else {"": 9}
    cases.add(case, [node], inputs, dict(zip(names, outputs)), opsets, given, symbolic)


x = cases.floats(2, 3, 5, 6)
table = cases.floats(7, 4)
ids = np.array([1, 4, 0, 2, 6, 3])

aten("embedding", "embedding", {"w": table, "i": ids}, table[ids], np.array(-1), np.array(False), np.array(False))
aten("embedding-training", "aten::embedding", {"w": table, "i": ids}, table[ids], np.array(-1), np.array(False), np.array(False),
     domain="com.microsoft", op="ATenOp")

# Four bags, of which the third is empty.
offsets = np.array([0, 2, 5, 5])
bags = [ids[0:2], ids[2:5], ids[5:5], ids[5:]]
of = np.array([0, 0, 1, 1, 1, 3])
sizes = np.array([2, 3, 0, 1])
total = np.array([table[b].sum(0) for b in bags])
bag = {"w": table, "i": ids, "o": offsets}
for symbolic in (False, True):
    aten(f"bag-sum-{symbolic}", "embedding_bag", bag, [total, of, sizes], domain="", symbolic=symbolic, mode=0, sparse=0, scale_grad_by_freq=0)
aten("bag-mean", "embedding_bag", bag, total / np.maximum(sizes, 1)[:, None].astype(f32), False, 1, False, None, False)
largest = np.array([table[b].max(0) if len(b) else np.zeros(4, f32) for b in bags])
where = np.array([b[table[b].argmax(0)] if len(b) else [-1] * 4 for b in bags])
aten("bag-max", "embedding_bag", bag, [largest, of, sizes, where], domain="", mode=2)
weights = cases.floats(6)
weighted = np.array([(weights[of == k, None] * table[ids[of == k]]).sum(0) for k in range(4)])
aten("bag-weights", "embedding_bag", bag, weighted, False, 0, False, weights, False)
aten("bag-end", "embedding_bag", {"w": table, "i": ids, "o": np.array([0, 2, 5, 5, 6])}, total, False, 0, False, None, True)
aten("bag-rows", "embedding_bag", {"w": table, "i": ids.reshape(2, 3)}, table[ids.reshape(2, 3)].sum(1), None, False, 0)

# Indexing, as numpy does it.
a, b = np.array([[1], [0]]), np.array([2, -1, 0])
aten("index-one", "index", {"x": x}, x[:, :, b], None, None, b)
aten("index-neighbours", "index", {"x": x, "a": a % 2, "b": b}, x[a % 2, b])
aten("index-inner", "index", {"x": x}, x[:, b, a], None, b, a)
aten("index-apart", "index", {"x": x}, x[a, :, b], a, None, b)
aten("index-symbolic", "index", {"x": x, "a": a % 2, "b": b}, x[a % 2, b], symbolic=True)
aten("index-select", "index_select", {"x": x}, x[:, :, [4, 0]], np.array(-2), np.array([4, 0]))
g = cases.random.integers(0, 5, (3, 2, 6))
aten("gather", "gather", {"x": x[0]}, np.take_along_axis(x[0], g, 1), np.array(1), g, np.array(False))

# Windows of 3 elements, 2 apart.
windows = np.stack([x[:, :, 0:3], x[:, :, 2:5]], 2)
for symbolic in (False, True):
    aten(f"unfold-{symbolic}", "unfold", {"x": x}, np.moveaxis(windows, 3, 4), 2, 3, 2, symbolic=symbolic)
aten("unfold-attributes", "unfold", {"x": x[0, 0]}, np.stack([x[0, 0, :, k : k + 2] for k in range(5)], 1), domain="", dimension=-1,
     size=2, step=1)

# Resampling: the nearest element before, and between two elements with half a pixel's offset or with aligned corners.
aten("nearest", "upsample_nearest2d", {"x": x}, x[:, :, np.arange(10) * 5 // 10][..., np.arange(9) * 6 // 9], np.array([10, 9]), None, None)
aten("nearest-scales", "upsample_nearest2d", {"x": x}, x.repeat(2, 2).repeat(3, 3), None, np.array([2, 3], f32), overload_name="vec")


def linear(v, size, aligned):
    n = v.shape[-1]
    at = np.arange(size) * (n - 1) / (size - 1) if aligned else np.clip((np.arange(size) + 0.5) * n / size - 0.5, 0, None)
    low = np.minimum(at.astype(int), n - 1)
    part = (at - low).astype(f32)
    return v[..., low] * (1 - part) + v[..., np.minimum(low + 1, n - 1)] * part


for aligned in (False, True):
    wanted = linear(linear(x, 11, aligned).swapaxes(2, 3), 8, aligned).swapaxes(2, 3)
    aten(f"bilinear-{aligned}", "upsample_bilinear2d", {"x": x}, wanted, np.array([8, 11]), np.array(aligned), None, None)
aten("bilinear-attributes", "upsample_bilinear2d", {"x": x}, wanted, domain="", output_size=[8, 11], align_corners=1)

means = np.stack([x[:, :, 0:3].mean(2), x[:, :, 2:5].mean(2)], 2)
means = np.stack([means[..., 0:2].mean(3), means[..., 1:3].mean(3), means[..., 3:5].mean(3), means[..., 4:6].mean(3)], 3)
aten("adaptive", "adaptive_avg_pool2d", {"x": x}, means, np.array([2, 4]))
aten("adaptive-one", "_adaptive_avg_pool2d", {"x": x}, x.mean((2, 3), keepdims=True), np.array([1, 1]), symbolic=True)

weight, bias = cases.floats(6), cases.floats(6)
normal = (x - x.mean(3, keepdims=True)) / np.sqrt(x.var(3, keepdims=True) + 1e-3)
aten("layer-norm", "layer_norm", {"x": x}, normal * weight + bias, np.array([6]), weight, bias, 1e-3, True)
aten("layer-norm-attributes", "layer_norm", {"x": x}, normal * weight + bias, weight, bias, domain="", normalized_shape=[6], eps=1e-3,
     cudnn_enable=1)
aten("layer-norm-plain", "layer_norm", {"x": x}, normal, np.array([6]), None, None, 1e-3, True)
groups = (x - x.mean((2, 3), keepdims=True)) / np.sqrt(x.var((2, 3), keepdims=True) + 1e-5)
channel = cases.floats(3)[:, None, None]
aten("group-norm", "group_norm", {"x": x}, groups * channel, 3, channel.ravel(), None, 1e-5, True)

aten("variance", "var", {"x": x}, x.var(ddof=1), True)
aten("deviation", "std", {"x": x}, x.std((1, 3), ddof=1), np.array([1, -1]), True, False)
aten("deviation-correction", "std", {"x": x}, x.std(2, ddof=0, keepdims=True), np.array([2]), 0, True, symbolic=True)
aten("triangle", "triu", {"x": x}, np.triu(x, -1), -1)
aten("lower", "tril", {"x": x}, np.tril(x, 0))
aten("bits", "bitwise_and", {"a": ids, "b": ids[::-1].copy()}, ids & ids[::-1])
aten("truth", "bitwise_or", {"a": ids > 2, "b": ids % 2 == 0}, (ids > 2) | (ids % 2 == 0))
aten("nan", "isnan", {"x": np.array([1, np.nan], f32)}, np.array([False, True]))
aten("transposed", "numpy_T", {"x": x}, x.T)
