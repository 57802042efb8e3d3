"""Operators of com.microsoft, by their definitions in numpy."""

import sys

import numpy as np
import onnx
from onnx import helper, numpy_helper

from cases import Cases

cases = Cases(sys.argv[1])
f32, i32, i64 = np.float32, np.int32, np.int64


def one(case, op, inputs, output, constants={}, symbolic=False, outputs=1, domain="com.microsoft", **attributes):
    """A node of `op` whose inputs are those of the model, then the constants."""
    results = [f"y{i}" for i in range(outputs)]
    node = helper.make_node(op, list(inputs) + list(constants), results, domain=domain, **attributes)
    arrays = dict(zip(results, output if outputs > 1 else [output]))
    cases.add(case, [node], inputs, arrays, {"": 21, domain: 1}, constants, symbolic)


for symbolic in (False, True):
    suffix = "-symbolic" if symbolic else ""
    x = cases.floats(2, 3, 3) + 4 * np.eye(3, dtype=f32)
    one("inverse" + suffix, "Inverse", {"x": x}, np.linalg.inv(x), symbolic=symbolic)
    a, b = cases.floats(3, 5), cases.floats(4, 5)
    one("cdist" + suffix, "CDist", {"a": a, "b": b}, np.linalg.norm(a[:, None] - b, axis=2), symbolic=symbolic, metric="euclidean")
    windows = np.lib.stride_tricks.sliding_window_view(x, 2, 1)
    one("unfold" + suffix, "UnfoldTensor", {"x": x}, windows, symbolic=symbolic, dim=1, size=2)

    # The costs of a path that goes down, then across.
    costs = np.full((4, 5), 9, f32)
    costs[:3, 0] = costs[3, :] = 0
    path = np.array([[0, 1, 2, 3, 3, 3, 3, 3], [0, 0, 0, 0, 1, 2, 3, 4]], i32)
    one("time-warping" + suffix, "DynamicTimeWarping", {"costs": costs}, path, symbolic=symbolic)

    source, text = np.array([7, 8, 9, 5, 8, 9, 1]), np.array([3, 7])
    one("bifurcation" + suffix, "BifurcationDetector", {"source": source, "text": text, "at": np.array([1]), "predicted": np.array([8, 9, 2, 0, 0, 0, 0])},
        [np.array([3, 7, 8, 9, 2]), np.array([-1])], symbolic=symbolic, outputs=2)
    one("bifurcation-none" + suffix, "BifurcationDetector", {"source": source, "text": np.array([7, 8, 9]), "at": np.array([0])},
        [np.array([7, 8, 9]), np.array([3])], symbolic=symbolic, outputs=2, min_ngram_size=1, max_ngram_size=3)

    ids, scores = np.array([[1, 2, 3, 1, 2], [4, 4, 4, 4, 4]]), cases.floats(2, 6)
    banned = scores.copy()
    banned[0, 3] = banned[1, 4] = -np.inf
    one("repeat" + suffix, "NGramRepeatBlock", {"ids": ids, "scores": scores}, banned, symbolic=symbolic, ngram_size=3)

# The values that the author of the hash gives for texts.
text = np.array(["", "test", "Hello, world!", "The quick brown fox jumps over the lazy dog"], object)
one("murmur", "MurmurHash3", {"x": text}, np.array([0, 0xba6bd213, 0xc0363e43, 0x2e4ff723], np.uint32))
one("murmur-seed", "MurmurHash3", {"x": text[1:2]}, np.array([0x704b81dc], np.uint32).view(i32), seed=0x9747b28c, positive=0)

one("crop-and-resize", "CropAndResize", {"x": np.arange(16, dtype=f32).reshape(1, 1, 4, 4)}, np.array([[[[0, 1.5, 3], [6, 7.5, 9], [12, 13.5, 15]]], [[[7.5] * 3] * 3]], f32),
    {"boxes": np.array([[0, 0, 1, 1], [0.5, 0.5, 0.5, 0.5]], f32), "batch": np.array([0, 0], i32), "size": np.array([3, 3], i32)})

# A sparse matrix: a constant, or an input, which is a dense tensor for a compiled model.
a, b = np.zeros((4, 5), f32), cases.floats(4, 3)
places = np.array([[0, 1], [2, 0], [2, 4], [3, 2]])
a[tuple(places.T)] = values = cases.floats(4)
product = 0.5 * a.T @ b
sparse = helper.make_sparse_tensor(numpy_helper.from_array(values, "v"), numpy_helper.from_array(places, "i"), a.shape)
node = helper.make_node("SparseToDenseMatMul", ["a", "b"], ["y"], domain="com.microsoft", transA=1, alpha=0.5)
opsets = {"": 21, "com.microsoft": 1}
cases.add("sparse-constant", [helper.make_node("Constant", [], ["a"], sparse_value=sparse), node], {"b": b}, {"y": product}, opsets)
cases.add("sparse-input", [node], {"a": a, "b": b}, {"y": product}, opsets)
path = cases.folder / "sparse-input" / "model.onnx"
model = onnx.load(path)
model.graph.input[0].type.CopyFrom(helper.make_sparse_tensor_type_proto(onnx.TensorProto.FLOAT, a.shape))
onnx.save(model, path)
