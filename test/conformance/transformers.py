"""Models of the operators of com.microsoft that attend and generate, with what onnxruntime makes of them.

    transformers.py FOLDER [FILTER]

writes cases in the layout of the backend cases. Each case is a node and several sets of its
inputs; a dimension that differs between the sets is a symbol.
"""

import pathlib
import shutil
import sys

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

onnxruntime.set_default_logger_severity(4)
rng = np.random.default_rng(20)
CASES = {}


def cases(make):
    CASES[make.__name__] = make
    return make


def f(*shape, scale=1.0):
    return (rng.normal(size=shape) * scale).astype(np.float32)


def i32(*values):
    return np.array(values, np.int32)


def scalar(value, dtype=np.int32):
    return np.array(value, dtype)


def value_info(name, arrays, symbols):
    """The type of an input that has these values in the sets."""
    first, dims = arrays[0], []
    for axis in range(first.ndim):
        sizes = tuple(a.shape[axis] for a in arrays)
        dims.append(sizes[0] if len(set(sizes)) == 1 else symbols.setdefault(sizes, f"s{len(symbols)}"))
    return helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(first.dtype), dims)


def node_model(op, sets, outputs, attributes, constants=()):
    names = ["" if a is None else f"x{k}" for k, a in enumerate(sets[0])]
    symbols = {}
    inputs = [value_info(n, [s[k] for s in sets], symbols) for k, n in enumerate(names) if n and k not in constants]
    initializers = [numpy_helper.from_array(sets[0][k], names[k]) for k in constants]
    # `outputs`: for each its element type, or None where it is not asked for
    results = ["" if t is None else f"y{k}" for k, t in enumerate(outputs)]
    node = helper.make_node(op, names, results, op, domain="com.microsoft", **attributes)
    infos = [helper.make_tensor_value_info(n, t, None) for n, t in zip(results, outputs) if n]
    graph = helper.make_graph([node], op, inputs, infos, initializers)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20), helper.make_opsetid("com.microsoft", 1)], ir_version=10)


def options():
    o = onnxruntime.SessionOptions()
    o.intra_op_num_threads = o.inter_op_num_threads = 1
    return o


def write(folder, model, feeds):
    """A case of `model`; `feeds`: for each set the inputs by name."""
    session = onnxruntime.InferenceSession(model.SerializeToString(), options(), providers=["CPUExecutionProvider"])
    folder.mkdir(parents=True)
    onnx.save(model, folder / "model.onnx")
    for n, feed in enumerate(feeds):
        data = folder / f"test_data_set_{n}"
        data.mkdir()
        for kind, arrays in (("input", [feed[i.name] for i in model.graph.input]), ("output", session.run(None, feed))):
            for k, array in enumerate(arrays):
                (data / f"{kind}_{k}.pb").write_bytes(numpy_helper.from_array(array).SerializeToString())


class Writer:
    def __init__(self, folder, wanted):
        self.folder, self.wanted, self.count = folder, wanted, 0

    def model(self, name, model, feeds):
        if self.wanted in name:
            self.count += 1
            write(self.folder / name, model, feeds)

    def node(self, name, op, *sets, outputs=(TensorProto.FLOAT,), constants=(), **attributes):
        model = node_model(op, sets, outputs, attributes, constants)
        self.model(name, model, [{f"x{k}": a for k, a in enumerate(s) if a is not None and k not in constants} for s in sets])


F = TensorProto.FLOAT


@cases
def attention_with_buffers(w):
    """A past that shares its buffer, and beams that go on from each other's keys."""
    def step(batch, heads, room, size, past, length=1, beams=0, mask=False, bias=False, projection=False):
        hidden = heads * size
        q, k, v = (f(batch, length, hidden) for _ in range(3))
        padding = np.ones((batch, past + length), np.int32)
        padding[0, 0] = padding[-1, -1] = 0
        where = rng.integers(0, beams, (batch // beams, beams, room)).astype(np.int32) if beams else None
        return dict(q=q, k=k, v=v, keys=f(batch, heads, room, size), values=f(batch, heads, room, size), past=i32(past),
                    padding=padding if mask else None, bias=f(1 if length == 1 else batch, heads, length, past + length) if bias else None,
                    projection=f(3 * hidden) if projection else None, width=i32(beams or 1), where=where)

    def multi(s):
        return [s[k] for k in ("q", "k", "v", "projection", "padding", "bias", "keys", "values", "past", "where")]

    def decoder(s):
        return [s[k] for k in ("q", "k", "v", "padding", "bias", "keys", "values", "past", "width", "where", "projection")]

    three, four = (F,) * 3, (F,) * 4
    plain = [step(2, 2, 6, 4, 3), step(1, 2, 9, 4, 0), step(3, 2, 4, 4, 3)]
    beams = [step(4, 2, 6, 4, 3, beams=2, mask=True, bias=True, projection=True),
             step(6, 2, 9, 4, 8, beams=3, mask=True, bias=True, projection=True)]
    w.node("mha-buffer", "MultiHeadAttention", *map(multi, plain), outputs=three, num_heads=2)
    w.node("mha-buffer-beams", "MultiHeadAttention", *map(multi, beams), outputs=four, num_heads=2, unidirectional=1)
    several = [step(2, 3, 8, 4, 3, length=2), step(1, 3, 9, 4, 0, length=4)]
    w.node("mha-buffer-several", "MultiHeadAttention", *map(multi, several), outputs=three, num_heads=3)
    w.node("mha-buffer-several-causal", "MultiHeadAttention", *map(multi, several), outputs=four, num_heads=3, unidirectional=1, scale=0.3)
    w.node("mha-buffer-static", "MultiHeadAttention", multi(beams[0]), outputs=four, num_heads=2)
    shared = dict(num_heads=2, past_present_share_buffer=1)
    w.node("dmmha-buffer", "DecoderMaskedMultiHeadAttention", *map(decoder, plain), outputs=three, **shared)
    w.node("dmmha-buffer-beams", "DecoderMaskedMultiHeadAttention", *map(decoder, beams), outputs=four, output_qk=1, scale=0.7,
           mask_filter_value=-5.0, **shared)
    one = [step(2, 2, 6, 4, 3, beams=1, mask=True), step(3, 2, 5, 4, 4, beams=1, mask=True)]
    w.node("dmmha-buffer-one-beam", "DecoderMaskedMultiHeadAttention", *map(decoder, one), outputs=three, **shared)
    cached = [[f(2, 1, 8), f(2, 2, 5, 4), f(2, 2, 5, 4), np.array([[1] * 5, [1, 0, 1, 0, 1]], np.int32)] + [None] * 6 + [f(24)],
              [f(1, 1, 8), f(1, 2, 3, 4), f(1, 2, 3, 4), np.ones((1, 3), np.int32)] + [None] * 6 + [f(24)]]
    w.node("dmmha-cross", "DecoderMaskedMultiHeadAttention", *cached, num_heads=2)
    w.node("dmmha-cross-plain", "DecoderMaskedMultiHeadAttention", *[s[:3] for s in cached], num_heads=2)


@cases
def attention_scores(w):
    """Scores as a result, keys and values that have their heads first."""
    q, k, v = f(2, 3, 8), f(2, 5, 8), f(2, 5, 8)
    mask = np.array([[1, 1, 1, 1, 1], [1, 1, 0, 1, 0]], np.int32)
    four = (F,) * 4
    w.node("mha-scores", "MultiHeadAttention", [q, k, v], [f(1, 2, 8), f(1, 3, 8), f(1, 3, 8)], outputs=four, num_heads=2)
    w.node("mha-scores-mask", "MultiHeadAttention", [q, k, v, f(24), mask, f(1, 2, 3, 5)], outputs=four, num_heads=2)
    w.node("mha-scores-causal", "MultiHeadAttention", [k, v, f(2, 5, 8)], outputs=four, num_heads=2, unidirectional=1)
    past = [q, f(2, 3, 8), f(2, 3, 8), None, None, None, f(2, 2, 4, 4), f(2, 2, 4, 4)]
    w.node("mha-scores-past", "MultiHeadAttention", past, outputs=four, num_heads=2, unidirectional=1)
    heads = [[q, f(2, 2, 5, 4), f(2, 2, 5, 4), None, mask, f(2, 2, 3, 5)], [f(1, 2, 8), f(1, 2, 4, 4), f(1, 2, 4, 4), None, mask[:1, :4], f(1, 2, 2, 4)]]
    w.node("mha-heads-first", "MultiHeadAttention", *heads, outputs=four, num_heads=2)
    w.node("mha-heads-first-bias", "MultiHeadAttention", [q, f(2, 2, 5, 4), f(2, 2, 5, 4), f(24)], num_heads=2)


def main():
    folder = pathlib.Path(sys.argv[1])
    shutil.rmtree(folder, ignore_errors=True)
    writer = Writer(folder, sys.argv[2] if len(sys.argv) > 2 else "")
    for make in CASES.values():
        make(writer)
    print(f"{writer.count} cases")


if __name__ == "__main__":
    main()
