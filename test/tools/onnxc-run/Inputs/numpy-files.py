# A model that hands every type that NumPy has on to its outputs, and the arrays for it; --check: whether they came back.
import sys

import numpy as np
import onnx
from onnx import TensorProto, helper

folder = sys.argv[1]
arrays = {
    "float32": np.array([[1.5, -2, np.inf], [np.nan, 0, 1e-40]], np.float32).T,  # in Fortran's order
    "float64": np.array([[0.1, -np.inf, 1e300]]),
    "float16": np.array([1.5, 65504, 6e-8, np.inf, np.nan], np.float16),
    "bool": np.array([[True], [False]]),
    "string": np.array([["a", "größer"], ["", "日本"]]),
}
for kind in "iu":
    for size in 1, 2, 4, 8:
        info = np.iinfo(f"{kind}{size}")
        arrays[info.dtype.name] = np.array([info.min, 0, info.max], info.dtype)
arrays["cube"] = np.asfortranarray(np.arange(24, dtype=np.int32).reshape(2, 3, 4))

if "--check" in sys.argv:
    for i, (name, array) in enumerate(arrays.items()):
        got = np.load(f"{folder}/out/output_{i}.npy")
        if array.dtype.kind == "U":
            got = np.char.decode(got, "utf-8")
        assert got.dtype == array.dtype or array.dtype.kind == "U", name
        np.testing.assert_array_equal(got, array, err_msg=name)
    sys.exit()

import os

os.makedirs(f"{folder}/in")
inputs, outputs, nodes = [], [], []
for i, (name, array) in enumerate(arrays.items()):
    element = TensorProto.STRING if array.dtype.kind == "U" else helper.np_dtype_to_tensor_dtype(array.dtype)
    inputs.append(helper.make_tensor_value_info(name, element, array.shape))
    outputs.append(helper.make_tensor_value_info(name + "_out", element, array.shape))
    nodes.append(helper.make_node("Identity", [name], [name + "_out"]))
    np.save(f"{folder}/in/input_{i}.npy", array)
model = helper.make_model(helper.make_graph(nodes, "types", inputs, outputs), ir_version=8,
                          opset_imports=[helper.make_opsetid("", 18)])
onnx.save(model, f"{folder}/types.onnx")
np.save(f"{folder}/big.npy", arrays["float32"].astype(">f4"))
np.save(f"{folder}/objects.npy", np.array([None]), allow_pickle=True)
np.save(f"{folder}/records.npy", np.zeros(3, [("a", np.int32), ("b", np.float32)]))
