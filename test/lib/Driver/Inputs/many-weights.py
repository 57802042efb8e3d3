"""many-weights.py MODEL: a chain of products whose 24 matrices, of 4 MiB as float32, lie in a file beside the model: plain,
transposed, or as float16 that the model casts."""
import sys

import numpy as np
import onnx
from onnx import TensorProto, helper

path, size = sys.argv[1], 1024
block = np.random.default_rng(1).standard_normal((size, size)).astype(np.float32) / 32
nodes, weights, x = [], [], "x"
with open(path + ".data", "wb") as file:
    for i in range(24):
        kind = ("plain", "transposed", "cast", "both")[i % 4]
        half = kind in ("cast", "both")
        matrix = np.roll(block, i).astype(np.float16 if half else np.float32)
        w = TensorProto(name=f"w{i}", data_type=helper.np_dtype_to_tensor_dtype(matrix.dtype), dims=matrix.shape,
                        data_location=TensorProto.EXTERNAL)
        for key, value in (("location", path + ".data"), ("offset", file.tell()), ("length", matrix.nbytes)):
            w.external_data.add(key=key, value=str(value))
        matrix.tofile(file)
        weights.append(w)
        name = w.name
        if half:
            nodes.append(helper.make_node("Cast", [name], [name + "_cast"], to=TensorProto.FLOAT))
            name += "_cast"
        if kind in ("transposed", "both"):
            nodes.append(helper.make_node("Transpose", [name], [name + "_t"], perm=[1, 0]))
            name += "_t"
        nodes.append(helper.make_node("MatMul", [x, name], [f"x{i}"]))
        x = f"x{i}"
shape = [1, size]
graph = helper.make_graph(nodes, "chain", [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
                          [helper.make_tensor_value_info(x, TensorProto.FLOAT, shape)], weights)
onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10), path)
