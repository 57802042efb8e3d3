"""Convolutional models that onnxruntime has optimised and saved, with what they compute without. Prints the operators of
com.microsoft.nchwc that are in them."""

import pathlib
import sys

import numpy as np
import onnx
import onnxruntime
from onnx import helper, numpy_helper

folder = pathlib.Path(sys.argv[1])
rng = np.random.default_rng(0)
onnxruntime.set_default_logger_severity(4)
found = set()


class Graph:
    def __init__(self):
        self.nodes, self.weights = [], []

    def constant(self, array):
        self.weights.append(numpy_helper.from_array(array, f"w{len(self.weights)}"))
        return self.weights[-1].name

    def add(self, op, *inputs, **attributes):
        self.nodes.append(helper.make_node(op, inputs, [f"v{len(self.nodes)}"], **attributes))
        return self.nodes[-1].output[0]

    def conv(self, x, inputs, outputs, kernel=3, group=1, bias=True, **attributes):
        w = self.constant((rng.standard_normal((outputs, inputs // group, kernel, kernel)) / np.sqrt(inputs * kernel)).astype(np.float32))
        more = [self.constant(rng.standard_normal(outputs).astype(np.float32))] if bias else []
        return self.add("Conv", x, w, *more, group=group, **attributes)

    def save(self, name, y, shape):
        graph = helper.make_graph(self.nodes, name, [helper.make_tensor_value_info("x", 1, shape)], [helper.make_tensor_value_info(y, 1, None)], self.weights)
        graph.output[0].type.tensor_type.ClearField("shape")
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        data = folder / name / "test_data_set_0"
        data.mkdir(parents=True)
        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
        options.optimized_model_filepath = str(data.parent / "model.onnx")
        onnxruntime.InferenceSession(model.SerializeToString(), options, ["CPUExecutionProvider"])
        plain = onnxruntime.SessionOptions()
        plain.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        x = rng.standard_normal([n if isinstance(n, int) else 2 for n in shape]).astype(np.float32)
        result, = onnxruntime.InferenceSession(model.SerializeToString(), plain, ["CPUExecutionProvider"]).run(None, {"x": x})
        for what, array in (("input", x), ("output", result)):
            (data / f"{what}_0.pb").write_bytes(numpy_helper.from_array(array).SerializeToString())
        found.update(n.op_type for n in onnx.load(data.parent / "model.onnx").graph.node if n.domain == "com.microsoft.nchwc")


# 24 channels are whole blocks of 8, but not of 16: so each model tells which blocks it has.
for name, size in (("residual", [1, 3, 19, 23]), ("residual-symbolic", ["n", 3, 19, 23])):
    g = Graph()
    x = g.add("Relu", g.conv("x", 3, 48, pads=[1, 1, 1, 1], strides=[2, 2]))
    x = g.add("MaxPool", x, kernel_shape=[3, 3], strides=[1, 1], pads=[1, 1, 1, 1])
    y = g.add("LeakyRelu", g.conv(x, 48, 32, bias=False, auto_pad="SAME_UPPER"), alpha=0.1)
    y = g.add("Relu", g.conv(y, 32, 32, group=32, pads=[1, 1, 1, 1]))
    y = g.conv(y, 32, 24, kernel=1)
    x = g.add("Relu", g.add("Add", g.conv(x, 48, 24, pads=[1, 1, 1, 1]), y))
    x = g.add("AveragePool", g.conv(x, 24, 32, kernel=1), kernel_shape=[2, 2], strides=[2, 2], pads=[1, 0, 0, 1], count_include_pad=1)
    g.save(name, g.add("GlobalAveragePool", g.conv(x, 32, 48, kernel=1)), size)

g = Graph()
x = g.add("Clip", g.conv("x", 12, 24), g.constant(np.float32(0).reshape(())), g.constant(np.float32(6).reshape(())))
x = g.conv(x, 24, 64, kernel=1)
x = g.add("Sigmoid", g.conv(x, 64, 64, group=2, dilations=[2, 2]))
x = g.add("Concat", x, g.add("Tanh", g.conv(x, 64, 32, kernel=1)), axis=1)
x = g.add("Softmax", x, axis=1)  # which has no blocked form
g.save("groups", g.add("GlobalMaxPool", g.conv(x, 96, 32, kernel=1)), [2, 12, 17, 15])

for mode, transform in (("nearest", "asymmetric"), ("linear", "half_pixel"), ("linear", "asymmetric"), ("linear", "align_corners")):
    g = Graph()
    scales = g.constant(np.array([1, 1, 2, 3], np.float32))
    x = g.conv("x", 3, 24, kernel=1)
    x = g.add("Resize", x, "", scales, mode=mode, coordinate_transformation_mode=transform, nearest_mode="floor")
    g.save(f"upsample-{mode}-{transform}", g.conv(x, 24, 8, kernel=1), [1, 3, 5, 4])

print(*sorted(found))
