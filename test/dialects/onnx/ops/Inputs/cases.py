"""Writes test cases in the layout of the backend cases: a model, its inputs, and what its outputs must be."""

import pathlib

import numpy as np
import onnx
from onnx import helper, numpy_helper


def _type(array):
    is_text = array.dtype.kind in "OSU"
    return onnx.TensorProto.STRING if is_text else helper.np_dtype_to_tensor_dtype(array.dtype)


def _tensor(array):
    return numpy_helper.from_array(array.astype(object) if array.dtype.kind in "OSU" else array)


class Cases:
    """A folder of cases. Sizes of inputs are in the models as numbers, or with `symbolic` as names."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.random = np.random.default_rng(0)

    def floats(self, *shape, type=np.float32):
        return self.random.standard_normal(shape).astype(type)

    def add(self, name, nodes, inputs, outputs, opsets={"": 7}, constants={}, symbolic=False):
        """`nodes`: of helper.make_node. `inputs`, `outputs`, `constants`: arrays by name."""

        def values(arrays, what):
            return [
                helper.make_tensor_value_info(k, _type(a), [f"{k}{what}{i}" for i in range(a.ndim)] if what else a.shape)
                for k, a in arrays.items()
            ]

        inputs = {k: np.asarray(a) for k, a in inputs.items()}
        outputs = {k: np.asarray(a) for k, a in outputs.items()}
        graph = helper.make_graph(
            nodes,
            name,
            values(inputs, "_" if symbolic else ""),
            values(outputs, "_"),
            [numpy_helper.from_array(np.asarray(a), k) for k, a in constants.items()],
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid(k, v) for k, v in opsets.items()], ir_version=4)
        data = self.folder / name / "test_data_set_0"
        data.mkdir(parents=True)
        onnx.save(model, data.parent / "model.onnx")
        for what, arrays in (("input", inputs), ("output", outputs)):
            for i, array in enumerate(arrays.values()):
                (data / f"{what}_{i}.pb").write_bytes(_tensor(array).SerializeToString())
