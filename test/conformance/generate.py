"""Writes the ONNX backend test cases of the installed onnx package into a folder.

    generate.py OUTPUT

Layout as everywhere: KIND/CASE/{model.onnx,test_data_set_N/{input,output}_K.pb}. Node cases come from the package's own
generator, the stored kinds (simple, pytorch-converted, pytorch-operator) are copied. Cases whose values no TensorProto
holds (sequences, optionals, maps) are written, too, each value as its own kind of message.
"""

import pathlib
import random
import shutil
import sys

import numpy
import onnx
import onnx.backend.test
from onnx import TensorProto, numpy_helper
from onnx.backend.test.case import node


def message(value, info):
    kind = info.type.WhichOneof("value")
    if kind == "sequence_type":
        return numpy_helper.from_list(value, info.name)
    if kind == "map_type":
        return numpy_helper.from_dict(value, info.name)
    if kind == "optional_type":
        return numpy_helper.from_optional(value, info.name)
    return value if isinstance(value, TensorProto) else numpy_helper.from_array(numpy.asarray(value), info.name)


def write(case, folder):
    folder.mkdir(parents=True)
    (folder / "model.onnx").write_bytes(case.model.SerializeToString())
    for n, (inputs, outputs) in enumerate(case.data_sets):
        data = folder / f"test_data_set_{n}"
        data.mkdir()
        for prefix, values, infos in (("input", inputs, case.model.graph.input), ("output", outputs, case.model.graph.output)):
            for k, (value, info) in enumerate(zip(values, infos)):
                (data / f"{prefix}_{k}.pb").write_bytes(message(value, info).SerializeToString())


def main():
    output = pathlib.Path(sys.argv[1])
    partial = output.with_name(output.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    random.seed(0)
    numpy.random.seed(0)
    skipped = []
    for case in node.collect_testcases(None):
        try:
            write(case, partial / "node" / case.name)
        except Exception as error:  # a value that this version of the package can't serialise
            shutil.rmtree(partial / "node" / case.name, ignore_errors=True)
            skipped.append(f"{case.name} ({error})")
    stored = pathlib.Path(onnx.backend.test.__file__).parent / "data"
    for kind in ("simple", "pytorch-converted", "pytorch-operator"):
        shutil.copytree(stored / kind, partial / kind)
    shutil.rmtree(output, ignore_errors=True)
    partial.rename(output)
    print(f"{sum(1 for _ in output.rglob('model.onnx'))} cases", *skipped, sep="\n  not written: ")


if __name__ == "__main__":
    main()
