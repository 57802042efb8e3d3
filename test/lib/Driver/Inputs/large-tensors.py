"""large-tensors.py FOLDER: compiles models in which four large tensors of one type go one way to one operator, and prints a
line for each: "ok", or what is wrong. onnxc may have the memory of one and a half of them beside its own, and results are those of
ONNX Runtime for the tensors as numbers. large-tensors.py FOLDER PATTERN: those alone whose names fit, with figures."""
import os
import re
import subprocess
import sys
import time

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper

FOLDER = sys.argv[1]
COPIES = 4
MIB = 1 << 20
TYPES = {"float32": TensorProto.FLOAT, "float16": TensorProto.FLOAT16, "bfloat16": TensorProto.BFLOAT16,
         "int8": TensorProto.INT8, "uint8": TensorProto.UINT8}
WIDTH = {"float32": 4, "float16": 2, "bfloat16": 2, "int8": 1, "uint8": 1}
BLOCK = np.random.default_rng(1).standard_normal(1 << 16).astype(np.float32) / 32


class Model:
    """In plain form, which ONNX Runtime gets, weights are float32 (or bytes) and nothing lies between them and operators."""

    def __init__(self, name, plain):
        self.path, self.plain = f"{FOLDER}/{name}.onnx", plain
        self.nodes, self.tensors, self.inputs, self.outputs, self.largest = [], [], {}, [], 0
        self.file = open(self.path + ".data", "wb")

    def node(self, kind, operands, domain="", **attributes):
        name = f"v{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, operands, [name], domain=domain, **attributes))
        return name

    def outside(self, kind, shape, content):
        tensor = TensorProto(name=f"w{len(self.tensors)}", data_type=kind, dims=shape,
                             data_location=TensorProto.EXTERNAL)
        for key, value in (("location", self.path.rsplit("/", 1)[1] + ".data"), ("offset", self.file.tell()),
                           ("length", len(content))):
            tensor.external_data.add(key=key, value=str(value))
        self.file.write(content)
        self.tensors.append(tensor)
        return tensor.name

    def constant(self, array):
        self.tensors.append(onnx.numpy_helper.from_array(np.asarray(array), f"w{len(self.tensors)}"))
        return self.tensors[-1].name

    def bytes(self, kind, shape):
        """Random bytes."""
        start, count = 1 + 101 * len(self.tensors), int(np.prod(shape))
        content = np.resize(np.roll(BLOCK, start).view(np.uint8)[1::4] ^ np.roll(BLOCK, 7 * start).view(np.uint8)[::4], count)
        self.largest = max(self.largest, count)
        return self.outside(TYPES[kind], shape, content.tobytes())

    def weight(self, kind, way, shape):
        """A tensor of this shape that the operator gets as float32, or as `kind` where nothing casts it."""
        steps = way.split("+") if way else []
        order = list(range(len(shape)))[::-1] if "transpose" in steps else list(range(len(shape)))
        numbers = np.resize(np.roll(BLOCK, 1 + 101 * len(self.tensors)), int(np.prod(shape)))
        numbers = numbers.reshape([shape[i] for i in order])
        if kind == "float16":
            stored = numbers.astype(np.float16)
            numbers = stored.astype(np.float32)
        elif kind == "bfloat16":
            stored = (numbers.view(np.uint32) >> 16).astype(np.uint16)
            numbers = (stored.astype(np.uint32) << 16).view(np.float32)
        else:
            stored = numbers
        self.largest = max(self.largest, numbers.nbytes if kind == "float32" else stored.nbytes)
        if self.plain:
            return self.outside(TensorProto.FLOAT, shape, np.ascontiguousarray(numbers.transpose(order)).tobytes())
        name = self.outside(TYPES[kind], list(numbers.shape), stored.tobytes())
        for step in steps:
            name = self.node("Transpose", [name], perm=order) if step == "transpose" else \
                self.node("Cast", [name], to=TensorProto.FLOAT)
        return name

    def input(self, kind, shape):
        name = f"x{len(self.inputs)}"
        if kind == "int64":
            values, proto = np.arange(np.prod(shape)).reshape(shape) * 37 % 1000, TensorProto.INT64
        elif kind == "uint8":
            values, proto = (np.arange(np.prod(shape)).reshape(shape) * 37 % 256).astype(np.uint8), TensorProto.UINT8
        else:
            values = np.resize(BLOCK[::-1], int(np.prod(shape))).reshape(shape) * 32
            values, proto = (values, TensorProto.FLOAT) if self.plain else (values, TYPES[kind])
        self.inputs[name] = (proto, values)
        return name

    def save(self):
        self.file.close()
        graph = helper.make_graph(
            self.nodes, "large", [helper.make_tensor_value_info(name, kind, values.shape)
                                  for name, (kind, values) in self.inputs.items()],
            [onnx.ValueInfoProto(name=name) for name in self.outputs], self.tensors)
        onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21), helper.make_opsetid("com.microsoft", 1)],
                                    ir_version=10), self.path)


def matmul(m, weight, kind):
    return m.node("MatMul", [m.input(kind, [3, 2048]), weight([2048, 2048])])


def gemm(m, weight, kind):
    return m.node("Gemm", [m.input(kind, [3, 2048]), weight([2048, 2048])], transB=1)


def conv(m, weight, kind):
    return m.node("Conv", [m.input(kind, [1, 512, 5, 5]), weight([512, 512, 4, 4])])


def conv_transpose(m, weight, kind):
    return m.node("ConvTranspose", [m.input(kind, [1, 512, 3, 3]), weight([512, 512, 4, 4])], strides=[2, 2])


def lstm(m, weight, kind):
    x = m.input(kind, [2, 1, 1024])
    return m.node("LSTM", [x, weight([1, 4096, 1024]), weight([1, 4096, 1024])], hidden_size=1024)


def gru(m, weight, kind):
    x = m.input(kind, [2, 1, 1024])
    return m.node("GRU", [x, weight([1, 3072, 1024]), weight([1, 3072, 1024])], hidden_size=1024, linear_before_reset=1)


def gather(m, weight, kind):
    return m.node("Gather", [weight([2048, 2048]), m.input("int64", [3])])


def forms():
    """Name, type, way and what adds the operator to a model."""
    for operator in (matmul, gemm, conv, conv_transpose, lstm, gru, gather):
        few = operator in (gemm, gru) # they share what is tried with others
        for kind, ways in (("float32", ["", "transpose"]), ("float16", [""] if few else ["", "cast", "cast+transpose"]),
                           ("bfloat16", ["transpose+cast"] if few else ["", "transpose+cast"])):
            for way in ways:
                computed = "float32" if way else kind
                yield operator.__name__, kind, way, lambda m, kind=kind, way=way, operator=operator, computed=computed: \
                    operator(m, lambda shape: m.weight(kind, way, shape), computed)
    for kind in ("int8", "uint8"):
        yield "matmul_integer", kind, "", lambda m, kind=kind: m.node(
            "MatMulInteger", [m.input("uint8", [3, 4096]), m.bytes(kind, [4096, 2048])])
        yield "matmul_integer", kind, "transpose", lambda m, kind=kind: m.node(
            "MatMulInteger", [m.input("uint8", [3, 4096]),
                              m.node("Transpose", [m.bytes(kind, [2048, 4096])], perm=[1, 0])])
        yield "conv_integer", kind, "", lambda m, kind=kind: m.node(
            "ConvInteger", [m.input("uint8", [1, 1024, 3, 3]), m.bytes(kind, [1024, 1024, 3, 3])] +
            (["", m.constant(np.uint8(128))] if kind == "uint8" else []))
    for bits in (2, 4, 8):
        for zeros in (False, True):
            def few(m, bits=bits, zeros=zeros):
                rows, columns, block = 8192, 4096, 32
                blocks = columns // block
                scales = np.resize(np.abs(BLOCK) + np.float32(0.1), rows * blocks)
                points = [m.bytes("uint8", [rows, blocks * bits // 8])] if zeros else []
                return m.node("MatMulNBits", [m.input("float32", [3, columns]),
                                              m.bytes("uint8", [rows, blocks, block * bits // 8]),
                                              m.outside(TensorProto.FLOAT, [rows, blocks], scales.tobytes())] + points,
                              domain="com.microsoft", N=rows, K=columns, bits=bits, block_size=block)
            yield "matmul_nbits", f"{bits} bits", "zeros" if zeros else "", few


def build(name, add, plain):
    model = Model(name, plain)
    for _ in range(COPIES):
        model.outputs.append(add(model))
    model.save()
    return model


def compile(model):
    """The most memory that onnxc has of its own."""
    child, peak = subprocess.Popen(["onnxc", model.path, "-q", "-o", model.path + ".so"]), 0
    while child.poll() is None:
        with open(f"/proc/{child.pid}/status") as status:
            own = re.search(r"RssAnon:\s+(\d+)", status.read())
        peak = max(peak, int(own[1]) * 1024 if own else 0)
        time.sleep(0.002)
    return peak if child.returncode == 0 else None


def run(model):
    arguments = []
    for i, (name, (kind, values)) in enumerate(model.inputs.items()):
        file = f"{FOLDER}/x{i}.pb"
        if kind == TensorProto.BFLOAT16:
            tensor = helper.make_tensor(name, kind, values.shape,
                                        (np.ascontiguousarray(values, np.float32).view(np.uint32) >> 16).astype(np.uint16)
                                        .tobytes(), raw=True)
        elif kind == TensorProto.FLOAT16:
            tensor = onnx.numpy_helper.from_array(values.astype(np.float16), name)
        else:
            tensor = onnx.numpy_helper.from_array(values, name)
        with open(file, "wb") as stream:
            stream.write(tensor.SerializeToString())
        arguments += ["--inputs", f"{name}={file}"]
    subprocess.run(["onnxc-run", model.path + ".so", "--outputs", FOLDER + "/out"] + arguments, check=True,
                   stdout=subprocess.DEVNULL)
    results = []
    for i in range(COPIES):
        tensor = onnx.load_tensor(f"{FOLDER}/out/output_{i}.pb")
        results.append(onnx.numpy_helper.to_array(tensor).astype(np.float32))
    return results


def main():
    only = sys.argv[2] if len(sys.argv) > 2 else ""
    for operator, kind, way, add in forms():
        name = f"{operator} {kind}" + (f", {way}" if way else "")
        if not re.search(only, name):
            continue
        model = build("model", add, plain=False)
        peak = compile(model)
        if peak is None:
            print(name + ": does not compile")
            continue
        most = 40 * MIB + 3 * model.largest // 2
        plain = build("plain", add, plain=True)
        session = onnxruntime.InferenceSession(plain.path, providers=["CPUExecutionProvider"])
        expected = session.run(None, {x: values for x, (_, values) in plain.inputs.items()})
        tolerance = {"float16": 2e-2, "bfloat16": 1e-1}.get(kind if not way else "", 1e-3)
        got = run(model)
        difference = max(np.abs(x - y).max() / max(1, np.abs(y).max()) for x, y in zip(got, expected))
        wrong = []
        if peak > most:
            wrong.append(f"{peak // MIB} MiB of memory, more than {most // MIB}")
        if not difference <= tolerance:
            wrong.append(f"differs by {difference:.3g}")
        figures = f" ({peak // MIB} MiB, {difference:.1e})" if only else ""
        print(f"{name}: " + (", ".join(wrong) or "ok") + figures, flush=True)
        for file in os.listdir(FOLDER):
            if file.startswith(("model", "plain")):
                os.remove(f"{FOLDER}/{file}")


main()
