# Models that are wrong in ways that other runtimes forgive, with the results that they give. Each must compile with the one
# warning that is named here, or without any; the folders are then cases for onnxc-conformance.
#
# forgiven.py FOLDER
import math
import os
import subprocess
import sys

import numpy as np
from onnx import TensorProto, helper, numpy_helper

folder = sys.argv[1]
node = helper.make_node
x = np.arange(12, dtype=np.float32).reshape(3, 4)
image = np.arange(16, dtype=np.float32).reshape(1, 1, 4, 4)
failures = 0


def info(name, array, shaped=True):
    array = np.asarray(array)
    kind = TensorProto.STRING if array.dtype == object else helper.np_dtype_to_tensor_dtype(array.dtype)
    return helper.make_tensor_value_info(name, kind, array.shape if shaped else None)


def constant(name, value, dtype=np.int64):
    return numpy_helper.from_array(np.array(value, dtype), name)


def tensor(array, name):
    if array.dtype == object:
        return helper.make_tensor(name, TensorProto.STRING, array.shape, [text for text in array.ravel()])
    return numpy_helper.from_array(array, name)


def case(name, warning, nodes, feeds, results, initializers=(), opset=17, domains=(), change=None, shaped=True, ir=8):
    """`change` gets the model and may give other bytes for the file."""
    global failures
    graph = helper.make_graph(nodes, "g", [info(k, v, shaped) for k, v in feeds.items()],
                              [info(k, v) for k, v in results.items()], list(initializers))
    imports = [helper.make_opsetid("", opset)] if opset else []
    model = helper.make_model(graph, opset_imports=imports + [helper.make_opsetid(*d) for d in domains], ir_version=ir)
    changed = change(model) if change else None
    content = changed if isinstance(changed, bytes) else model.SerializeToString()
    path = os.path.join(folder, name)
    data = os.path.join(path, "test_data_set_0")
    os.makedirs(data)
    file = os.path.join(path, "model.onnx")
    with open(file, "wb") as f:
        f.write(content)
    outputs = list(results.items()) * (2 if name == "output-twice" else 1)
    for kind, values in (("input", feeds.items()), ("output", outputs)):
        for i, (key, value) in enumerate(values):
            with open(os.path.join(data, f"{kind}_{i}.pb"), "wb") as f:
                f.write(tensor(np.asarray(value), key).SerializeToString())
    run = subprocess.run(["onnxc", file, "--emit=onnx", "-o", os.devnull], capture_output=True, text=True)
    warnings = [line for line in run.stderr.splitlines() if ": warning: " in line]
    assumed = [line for line in run.stderr.splitlines() if ": note: assumed: " in line]
    wanted = 1 if warning else 0
    if run.returncode or len(warnings) != wanted or len(assumed) != wanted or (warning and warning not in warnings[0]):
        print(f"{name}: wanted the warning '{warning}', got\n{run.stderr}")
        failures += 1


def each(name, warning, nodes, feeds, values, results, **more):
    """The operands `values` as constants and as inputs of the model."""
    arrays = {k: np.array(v, d) for k, (v, d) in values.items()}
    case(name + "-constant", warning, nodes, feeds, results, [numpy_helper.from_array(v, k) for k, v in arrays.items()],
         **more)
    case(name + "-fed", warning, nodes, {**feeds, **arrays}, results, **more)


i64, f32 = np.int64, np.float32

# ---- Domains, attributes, names
gelu = np.array([[0.5 * v * (1 + math.erf(v / math.sqrt(2))) for v in row] for row in x], f32)
case("domain", "no opset of the domain com.microsoft", [node("Gelu", ["x"], ["y"], domain="com.microsoft")], {"x": x},
     {"y": gelu})
case("domain-ml", "no opset of the domain ai.onnx.ml",
     [node("Binarizer", ["x"], ["y"], domain="ai.onnx.ml", threshold=5.0)], {"x": x}, {"y": (x > 5).astype(f32)})
case("domain-onnx", "no opset of the domain ai.onnx is", [node("Relu", ["x"], ["y"])], {"x": x}, {"y": x}, opset=0,
     domains=[("com.microsoft", 1)])
case("attribute", "Relu has no attribute 'exporter_hint'", [node("Relu", ["x"], ["y"], exporter_hint=1)], {"x": x},
     {"y": x})
case("attribute-constant", "Constant has no attribute 'hint'",
     [node("Constant", [], ["c"], value_float=2.0, hint="h"), node("Mul", ["x", "c"], ["y"])], {"x": x}, {"y": 2 * x})

# Of operators that are made of others.
case("attribute-made-of-others", "BiasGelu has no attribute 'exporter_hint'",
     [node("BiasGelu", ["x", "b"], ["y"], domain="com.microsoft", exporter_hint=1)], {"x": x}, {"y": gelu},
     [constant("b", [0, 0, 0, 0], f32)], domains=[("com.microsoft", 1)])
case("attribute-passed-on", "FusedGemm has no attribute 'hint'",
     [node("FusedGemm", ["x", "b"], ["y"], domain="com.microsoft", transB=1, activation="Relu", hint="h")], {"x": x},
     {"y": x @ x.T}, [constant("b", x, f32)], domains=[("com.microsoft", 1)])
case("attribute-graph", "FlexAttention has no attribute 'prelude'",
     [node("FlexAttention", ["q", "q", "v"], ["y"], domain="ai.onnx.preview",
           prelude=helper.make_graph([], "p", [], []))], {"q": image * 0, "v": image},
     {"y": np.broadcast_to(image.mean(axis=2, keepdims=True), image.shape)}, domains=[("ai.onnx.preview", 1)])


def untyped(model):
    attribute = model.graph.node[0].attribute.add()
    attribute.name = "alpha"


case("attribute-without-value", "'alpha' has neither a type nor a value", [node("LeakyRelu", ["x"], ["y"])], {"x": -x},
     {"y": f32(-0.01) * x}, change=untyped)
case("output-twice", "the output is listed twice", [node("Neg", ["x"], ["y"])], {"x": x}, {"y": -x},
     change=lambda model: model.graph.output.append(model.graph.output[0]))
case("input-twice", "the input is listed twice", [node("Neg", ["x"], ["y"])], {"x": x}, {"y": -x},
     change=lambda model: model.graph.input.append(model.graph.input[0]))
one, two = constant("c", [1, 1, 1, 1], f32), constant("c", [2, 2, 2, 2], f32)
add = node("Add", ["x", "c"], ["y"])
case("initializer-twice", "two initializers have this name", [add], {"x": x}, {"y": x + 2}, [one, two])
case("initializer-and-constant", "two constants have this name", [node("Constant", [], ["c"], value=two), add], {"x": x},
     {"y": x + 2}, [one])
case("constant-twice", "two constants have this name",
     [node("Constant", [], ["c"], value=one), node("Constant", [], ["c"], value=two), add], {"x": x}, {"y": x + 2})


def declare(*shape):
    return lambda model: model.graph.value_info.append(helper.make_tensor_value_info("z", TensorProto.FLOAT, shape))


for name, shape in (("size", (3, 5)), ("rank", (12,))):
    case("declared-" + name, "declares another shape", [node("Neg", ["x"], ["z"]), node("Neg", ["z"], ["y"])], {"x": x},
         {"y": x}, change=declare(*shape))

# ---- Scalars for vectors
each("slice", "a scalar where a vector is meant: ends;", [node("Slice", ["x", "s", "e"], ["y"])], {"x": x},
     {"s": ([1], i64), "e": (3, i64)}, {"y": x[1:3]})
each("slice-both", "a scalar where a vector is meant: starts, ends;", [node("Slice", ["x", "s", "e"], ["y"])], {"x": x},
     {"s": (1, i64), "e": (3, i64)}, {"y": x[1:3]})
each("slice-axes", "a scalar where a vector is meant: axes;", [node("Slice", ["x", "s", "e", "a"], ["y"])], {"x": x},
     {"s": ([1], i64), "e": ([3], i64), "a": (1, i64)}, {"y": x[:, 1:3]})
each("slice-steps", "a scalar where a vector is meant: steps;", [node("Slice", ["x", "s", "e", "a", "t"], ["y"])], {"x": x},
     {"s": ([0], i64), "e": ([4], i64), "a": ([1], i64), "t": (2, i64)}, {"y": x[:, ::2]})
each("tile", "a scalar where a vector is meant: repeats;", [node("Tile", ["v", "r"], ["y"])], {"v": x[0]}, {"r": (2, i64)},
     {"y": np.tile(x[0], 2)})
each("expand", "a scalar where a vector is meant: shape;", [node("Expand", ["v", "r"], ["y"])], {"v": x[0, :1]}, {"r": (4, i64)},
     {"y": np.zeros(4, f32)})
each("reshape", "a scalar where a vector is meant: shape;", [node("Reshape", ["x", "r"], ["y"])], {"x": x}, {"r": (-1, i64)}, {"y": x.ravel()})
each("constant-of-shape", "a scalar where a vector is meant: input;", [node("ConstantOfShape", ["r"], ["y"])], {}, {"r": (3, i64)},
     {"y": np.zeros(3, f32)})
case("squeeze", "a scalar where a vector is meant: axes;", [node("Squeeze", ["x", "a"], ["y"])], {"x": x[:, :1]}, {"y": x[:, 0]},
     [constant("a", 1)])
case("unsqueeze", "a scalar where a vector is meant: axes;", [node("Unsqueeze", ["x", "a"], ["y"])], {"x": x}, {"y": x[:, None]},
     [constant("a", 1)])
case("reduce-sum", "a scalar where a vector is meant: axes;", [node("ReduceSum", ["x", "a"], ["y"])], {"x": x}, {"y": x.sum(1, keepdims=True)},
     [constant("a", 1)])
case("reduce-mean", "a scalar where a vector is meant: axes;", [node("ReduceMean", ["x", "a"], ["y"])], {"x": x},
     {"y": x.mean(1, keepdims=True)}, [constant("a", 1)], opset=18)
case("pad-axes", "a scalar where a vector is meant: axes;", [node("Pad", ["x", "p", "", "a"], ["y"])], {"x": x}, {"y": np.pad(x, ((0, 0), (1, 1)))},
     [constant("p", [1, 1]), constant("a", 1)], opset=18)
case("topk", "a scalar where a vector is meant: K;", [node("TopK", ["x", "k"], ["y", "i"])], {"x": x},
     {"y": x[:, :1:-1], "i": np.array([[3, 2]] * 3)}, [constant("k", 2)])
case("split", "a scalar where a vector is meant: split;", [node("Split", ["x", "s"], ["y"], axis=0)], {"x": x}, {"y": x}, [constant("s", 3)])
case("center-crop", "a scalar where a vector is meant: shape;", [node("CenterCropPad", ["x", "s"], ["y"], axes=[1])], {"x": x}, {"y": x[:, 1:3]},
     [constant("s", 2)], opset=18)
case("resize-scales", "a scalar where a vector is meant: scales;", [node("Resize", ["v", "", "s"], ["y"], mode="nearest",
                                                  coordinate_transformation_mode="asymmetric", nearest_mode="floor")],
     {"v": x[0]}, {"y": x[0].repeat(2)}, [constant("s", 2, f32)])
case("resize-sizes", "a scalar where a vector is meant: sizes;", [node("Resize", ["v", "", "", "s"], ["y"], mode="nearest",
                                                coordinate_transformation_mode="asymmetric", nearest_mode="floor")],
     {"v": x[0]}, {"y": x[0].repeat(2)}, [constant("s", 8)])
case("compress", "a scalar where a vector is meant: condition;", [node("Compress", ["v", "c"], ["y"])], {"v": x[0], "c": np.array(True)},
     {"y": x[0, :1]}, change=lambda model: model.graph.output[0].type.tensor_type.shape.dim[0].ClearField("dim_value"))
each("compress-matrix", "the condition has rank 2", [node("Compress", ["x", "c"], ["y"])], {"x": x},
     {"c": ([[True, False], [True, False]], bool)}, {"y": np.array([0, 2], f32)})

# ---- What operators forgive
signal, window = np.sin(np.arange(16, dtype=f32)).reshape(1, 16), np.ones(8, f32)
frames = np.stack([np.fft.rfft(signal[0, i:i + 8]) for i in (0, 4, 8)])[None]
case("stft", "the signal lacks the last dimension", [node("STFT", ["s", "t", "w"], ["y"])], {"s": signal},
     {"y": np.stack([frames.real, frames.imag], -1).astype(f32)}, [constant("t", 4), constant("w", window, f32)])
ml = [("ai.onnx.ml", 3)]
case("features", "input 0 has rank 3", [node("FeatureVectorizer", ["a", "b"], ["y"], inputdimensions=[4, 3],
                                             domain="ai.onnx.ml")],
     {"a": x[:2].reshape(2, 2, 2), "b": x[:2, :3]}, {"y": np.concatenate([x[:2], x[:2, :3]], 1)}, domains=ml)
case("linear", "there are 6 coefficients for 2 times 2 features",
     [node("LinearRegressor", ["x"], ["y"], coefficients=[1., 2., 3., 4., 5., 6.], intercepts=[.5, .25], targets=2,
           domain="ai.onnx.ml")], {"x": x[:, :2]}, {"y": x[:, :2] @ np.array([[1, 3], [2, 4]], f32) + np.array([.5, .25], f32)},
     domains=ml)
scores = x[:, :2] @ np.array([[1, -3], [2, 4]], f32) + np.array([.5, .25], f32)
case("classifier", "there are 6 coefficients for 2 times 2 features",
     [node("LinearClassifier", ["x"], ["l", "y"], coefficients=[1., 2., -3., 4., 5., 6.], intercepts=[.5, .25],
           classlabels_ints=[7, 8], domain="ai.onnx.ml")], {"x": x[:, :2]}, {"l": 7 + scores.argmax(1), "y": scores},
     domains=ml)
case("imputer", "which is not the number of features", [node("Imputer", ["x"], ["y"], imputed_value_floats=[9., 8.],
                                                             replaced_value_float=5., domain="ai.onnx.ml")],
     {"x": x}, {"y": np.where(x == 5, f32(9), x)}, domains=ml)

# ---- Old files
column = np.array([1, 2, 3], f32)
for opset, warning in ((1, None), (6, None), (7, "no attributes 'broadcast' and 'axis' from opset 7 on"),
                       (17, "no attributes 'broadcast' and 'axis' from opset 7 on")):
    case(f"axis-broadcast-{opset}", warning, [node("Mul", ["x", "c"], ["y"], broadcast=1, axis=0)], {"x": x, "c": column},
         {"y": x * column[:, None]}, opset=opset)


def old(version):
    def change(model):
        model.ir_version = version
        del model.opset_import[:]
        for n in model.graph.node:
            for attribute in n.attribute:
                attribute.ClearField("type")

    return change


for version in (1, 2):
    case(f"ir-{version}", f"the model has IR version {version}",
         [node("Mul", ["x", "c"], ["m"], broadcast=1, axis=0), node("Clip", ["m"], ["y"], min=1.0, max=7.0)],
         {"x": x}, {"y": np.clip(x * column[:, None], 1, 7)}, [constant("c", column, f32)], change=old(version),
         )

# ---- More bytes than needed
case("zero-byte", "a string contains a zero byte", [node("Identity", ["t"], ["y"])], {},
     {"y": np.array([b"a\0b", b"c"], object)}, [tensor(np.array([b"a\0b", b"c"], object), "t")])
case("zero-byte-attribute", "a string of 'value_strings' contains a zero byte",
     [node("Constant", [], ["y"], value_strings=[b"\0a", b"c\0d"])], {}, {"y": np.array([b"\0a", b"c\0d"], object)})
case("zero-byte-compared", "contains a zero byte",
     [node("LabelEncoder", ["t"], ["y"], keys_strings=[b"a\0b", b"a\0c", b"d"], values_int64s=[1, 2, 3],
           domain="ai.onnx.ml")],
     {"t": np.array([b"a\0c", b"a\0b", b"a"], object)}, {"y": np.array([2, 1, -1])}, domains=ml)
case("zero-byte-string", "a string of 'value_string' contains a zero byte",
     [node("Constant", [], ["y"], value_string=b"c\0d")], {}, {"y": np.array(b"c\0d", object)})
case("zero-byte-default", "a string of 'default_string' contains a zero byte",
     [node("LabelEncoder", ["t"], ["y"], keys_int64s=[1], values_strings=["a"], default_string=b"b\0c",
           domain="ai.onnx.ml")],
     {"t": np.array([1, 2])}, {"y": np.array([b"a", b"b\0c"], object)}, domains=ml)
long = TensorProto(name="c", data_type=TensorProto.FLOAT, dims=[4], raw_data=np.arange(6, dtype=f32).tobytes())
case("tensor-trailing", "the tensor holds 24 bytes, more than", [add], {"x": x}, {"y": x + np.arange(4, dtype=f32)}, [long])
typed = TensorProto(name="c", data_type=TensorProto.FLOAT, dims=[4], float_data=range(6))
case("tensor-trailing-typed", "the tensor holds 24 bytes, more than", [add], {"x": x}, {"y": x + np.arange(4, dtype=f32)},
     [typed])
for name, trailing in (("zeros", bytes(16)), ("text", b"\nsigned by nobody\n"), ("bits", b"\xff" * 9)):
    case("file-trailing-" + name, f"{len(trailing)} bytes follow the model", [node("Neg", ["x"], ["y"])], {"x": x},
         {"y": -x}, change=lambda model: model.SerializeToString() + trailing)

# ---- Inputs without a shape
weights = constant("w", np.ones((2, 1, 3, 3)), f32)
sums = np.array([[image[0, 0, i:i + 3, k:k + 3].sum() for k in range(2)] for i in range(2)], f32)
guess = "the model doesn't say how many dimensions the input has"
case("rank-conv", guess, [node("Conv", ["x", "w"], ["y"])], {"x": image}, {"y": np.stack([sums, sums])[None]}, [weights],
     shaped=False)
case("rank-conv-far", guess, [node("Relu", ["x"], ["a"]), node("BatchNormalization", ["a", "s", "b", "b", "s"], ["c"]),
                              node("Conv", ["c", "w"], ["y"])], {"x": image}, {"y": np.stack([sums, sums])[None]},
     [weights, constant("s", [1], f32), constant("b", [0], f32)], shaped=False)
case("rank-matmul", guess, [node("MatMul", ["x", "w"], ["y"])], {"x": x}, {"y": x @ np.ones((4, 2), f32)},
     [constant("w", np.ones((4, 2)), f32)], shaped=False)
case("rank-gemm", guess, [node("Gemm", ["x", "w"], ["y"])], {"x": x}, {"y": x @ np.ones((4, 2), f32)},
     [constant("w", np.ones((4, 2)), f32)], shaped=False)
case("rank-transpose", guess, [node("Transpose", ["x"], ["y"], perm=[2, 0, 1])], {"x": image[0]},
     {"y": image[0].transpose(2, 0, 1)}, shaped=False)
case("rank-output", guess, [node("Relu", ["x"], ["y"])], {"x": image[0]}, {"y": image[0]}, shaped=False)
case("rank-gather", guess, [node("Gather", ["w", "i"], ["a"]), node("Transpose", ["a"], ["y"], perm=[0, 2, 1])],
     {"i": np.array([[0, 2]])}, {"y": x[[0, 2]].T[None]}, [constant("w", x, f32)], shaped=False)
case("rank-flatten", guess, [node("Flatten", ["x"], ["a"]), node("Gemm", ["a", "w"], ["y"])], {"x": x},
     {"y": x @ np.ones((4, 2), f32)}, [constant("w", np.ones((4, 2)), f32)], shaped=False)
sys.exit(failures)
