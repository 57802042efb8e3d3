"""What a one-node model should compute, by onnxruntime and by the reference evaluator of the onnx package.

Both must agree. For what oracles_ml.py evaluates by the text, its results count, whatever they say. 16-bit and 8-bit floats
are computed wide: the node with float32 operands of the same values, its results rounded once, which is the most exact answer
that the type can hold.
"""

import os
import warnings

import ml_dtypes
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

os.environ.setdefault("ALLOW_RELEASED_ONNX_OPSET_ONLY", "0")
try:
    import onnxruntime
    onnxruntime.set_default_logger_severity(4)
except ImportError:
    onnxruntime = None

import oracles_ml
from settings import is_float
from values import Value, element, element_dtype, flatten, plain, shape_of, type_of, type_proto, type_text, wrap

# Rounding of the type: relative, and absolute for a result of magnitude 1.
PRECISION = {np.dtype(np.float64): (1e-6, 1e-7), np.dtype(np.float32): (1e-4, 1e-5), np.dtype(np.float16): (4e-3, 2e-3),
             np.dtype(ml_dtypes.bfloat16): (2e-2, 1e-2), np.dtype(np.complex64): (1e-4, 1e-5),
             np.dtype(np.complex128): (1e-7, 1e-9)}
# Operators whose results depend on the type that they are computed in, or that name types in attributes.
NARROW = {"Cast", "CastLike", "BitCast", "QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear", "EyeLike", "Range",
          "QLinearMatMul", "MelWeightMatrix", "Constant", "ConstantOfShape", "OneHot", "Size", "Shape"}
# Where the reference evaluator is known to be wrong: it leaves clip and sequence_lens out, normalises as many channels as
# there are batches, gives a regression the type of its input (the schema says float32).
WITHOUT_REFERENCE = {"GRU", "LSTM", "RNN", "LRN", "LinearRegressor"}


def precision(dtype):
    return PRECISION.get(dtype, (0.3, 0.05) if is_float(dtype) else (0.0, 0.0))


def magnitude(array):
    if not is_float(array.dtype) or not array.size:
        return 1.0
    finite = np.abs(np.asarray(array, np.float64))
    finite = finite[np.isfinite(finite)]
    return max(1.0, float(finite.max())) if finite.size else 1.0


def close(a, b, dtype=None):
    """`dtype`: of which the precision counts; that of the arrays."""
    if isinstance(a, Value) or isinstance(b, Value):
        (a, xs), (b, ys) = flatten(a), flatten(b)
        return a == b and all(close(x, y) for x, y in zip(xs, ys))
    if a.shape != b.shape or a.dtype != b.dtype:
        return False
    if not is_float(a.dtype) and a.dtype.kind != "c":
        return bool(np.all(a == b))
    rtol, atol = precision(dtype or a.dtype)
    wide = np.complex128 if a.dtype.kind == "c" else np.float64
    return bool(np.allclose(a.astype(wide), b.astype(wide), rtol, atol * magnitude(b), equal_nan=True))


def make_model(operator, domain, opset, arrays, attributes, outputs, constants=(), shapes=None, before=()):
    """The one-node model. `arrays`: the operands, None for absent ones; `constants`: those that are initializers; `before`: nodes
    that the node talks about."""
    names = ["" if a is None else f"x{k}" for k, a in enumerate(arrays)]
    inputs, initializers = [], []
    for k, array in enumerate(arrays):
        if array is None:
            continue
        if k in constants:
            initializers.append(numpy_helper.from_array(array, names[k]))
        else:
            inputs.append(helper.make_value_info(names[k], type_proto(type_of(array), shapes[k] if shapes else shape_of(array))))
    node = helper.make_node(operator, names, [f"y{k}" for k in range(outputs)], operator, domain=domain, **attributes)
    graph = helper.make_graph([*before, node], operator, inputs, [onnx.ValueInfoProto(name=f"y{k}") for k in range(outputs)], initializers)
    imports = [helper.make_opsetid("", opset if not domain else 25 if before else 22)] + ([helper.make_opsetid(domain, opset)] if domain else [])
    return helper.make_model(graph, opset_imports=imports, ir_version=10)


def infer_types(model):
    """Types of the outputs, as far as shape inference tells."""
    try:
        inferred = onnx.shape_inference.infer_shapes(model, strict_mode=True)
    except Exception:
        return {}
    return {o.name: text for o in inferred.graph.output if (text := type_text(o.type))}


def is_tensor(text):
    return text is not None and text.startswith("tensor(")


def run_reference(model, feeds, types):
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        results = ReferenceEvaluator(model).run(None, feeds)
        return [wrap(y, types.get(o.name)) for o, y in zip(model.graph.output, results)]


# Types that numpy has no own name for go through an exact conversion.
CARRIERS = {TensorProto.BFLOAT16: TensorProto.FLOAT, TensorProto.FLOAT8E4M3FN: TensorProto.FLOAT, TensorProto.FLOAT8E5M2: TensorProto.FLOAT,
            TensorProto.FLOAT8E4M3FNUZ: TensorProto.FLOAT, TensorProto.FLOAT8E5M2FNUZ: TensorProto.FLOAT,
            TensorProto.INT4: TensorProto.INT8, TensorProto.UINT4: TensorProto.UINT8}


def same_before(schema):
    """Older versions that differ in the element types alone, newest first: onnxruntime may have but those."""
    def form(s):
        return ([i.name for i in s.inputs], [o.name for o in s.outputs],
                {k: (a.type, a.default_value.SerializeToString()) for k, a in s.attributes.items()})
    history = [s for s in onnx.defs.get_all_schemas_with_history() if (s.domain, s.name) == (schema.domain, schema.name)]
    versions = []
    for s in sorted(history, key=lambda s: -s.since_version):
        if form(s) != form(schema):
            break
        versions.append(s.since_version)
    return versions[1:]


def run_ort(model, feeds, types, opset=None):
    """`opset`: instead of the model's own."""
    carriers = {name: CARRIERS[element(text)] for name, text in types.items() if is_tensor(text) and element(text) in CARRIERS}
    wrapped = onnx.ModelProto()
    wrapped.CopyFrom(model)
    if opset:
        wrapped.opset_import[-1].version = opset
    graph, feeds, before, after = wrapped.graph, dict(feeds), [], []
    opset = max(o.version for o in wrapped.opset_import if not o.domain)
    for value in graph.input:
        carrier = CARRIERS.get(value.type.tensor_type.elem_type)
        if carrier:
            before.append(helper.make_node("Cast", [value.name + "_carried"], [value.name], to=value.type.tensor_type.elem_type))
            feeds[value.name + "_carried"] = feeds.pop(value.name).astype(helper.tensor_dtype_to_np_dtype(carrier))
            value.name += "_carried"
            value.type.tensor_type.elem_type = carrier
    for value in graph.output:
        if carrier := carriers.get(value.name):
            after.append(helper.make_node("Cast", [value.name], [value.name + "_carried"], to=carrier))
            value.name += "_carried"
    if (before or after) and opset < 21:
        raise ValueError("conversions need a newer opset")
    nodes = before + list(graph.node) + after
    del graph.node[:]
    graph.node.extend(nodes)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(wrapped.SerializeToString(), options, ["CPUExecutionProvider"])
    results = session.run(None, feeds)
    names = [o.name.removesuffix("_carried") for o in graph.output]
    return [np.asarray(y).astype(element_dtype(types[n])) if n in carriers else wrap(y, types.get(n))
            for n, y in zip(names, results)]


def expect(make, arrays, schema, types, constants, is_newest, declared):
    """The expected results, or None, and how they are known: "both", "wide", or the one that could tell; else why not.

    `make(arrays, constants)` makes the model. `declared`: types of the outputs, where shape inference does not know the operator.
    """
    older = [] if not is_newest else same_before(schema)
    narrow = [isinstance(a, np.ndarray) and is_float(a.dtype) and a.dtype.itemsize < 4 for a in arrays]
    def evaluate(arrays, constants):
        model = make(arrays, constants)
        inferred = infer_types(model)
        feeds = {i.name: plain(arrays[int(i.name[1:])]) for i in model.graph.input}
        results, reasons = {}, []
        for opset in ([None] + older if onnxruntime else []):
            try:
                results["onnxruntime"] = run_ort(model, feeds, inferred, opset)
                break
            except Exception as error:
                reasons.append("onnxruntime: " + str(error).split("\n")[0][:160])
                if "NOT_IMPLEMENTED" not in str(error):
                    break
        if onnxruntime and schema.name in WITHOUT_REFERENCE:
            return inferred, results, reasons
        try:
            results["reference"] = run_reference(model, feeds, inferred)
        except Exception as error:
            reasons.append(f"reference: {type(error).__name__} " + str(error).split("\n")[0][:160])
        return inferred, results, reasons

    own = oracles_ml.evaluate(make(arrays, constants), arrays)
    if own is not None:
        results = evaluate(arrays, constants)[1]
        # (the reference evaluator is often wrong about types)
        typed = lambda x, y: x.astype(y.dtype) if isinstance(x, np.ndarray) and isinstance(y, np.ndarray) and x.dtype.kind == y.dtype.kind == "f" else x
        agree = any(len(ys) == len(own) and all(close(typed(x, y), y) for x, y in zip(ys, own)) for ys in results.values())
        return own, "both" if agree else "text, against " + " and ".join(results) if results else "text"
    inferred, results, reasons = None, {}, []
    if any(narrow) and schema.name not in NARROW and all("tensor(float)" in types[k] for k, n in enumerate(narrow) if n):
        inferred = infer_types(make(arrays, constants)) or declared
        wide = [a.astype(np.float32) if n else a for a, n in zip(arrays, narrow)]
        _, results, reasons = evaluate(wide, constants)
        targets = [element_dtype(t) for t in inferred.values()]
        if any(len(ys) != len(targets) for ys in results.values()) or not all(is_tensor(t) for t in inferred.values()):
            results = {}
        with np.errstate(all="ignore"):
            results = {k: [y.astype(t) if y.dtype == np.float32 else y for y, t in zip(ys, targets)] for k, ys in results.items()}
    if not results:
        inferred, results, reasons = evaluate(arrays, constants)
        for ys in results.values():  # what a typed output must be
            for k, y in enumerate(ys):
                if is_tensor(t := inferred.get(f"y{k}")) and y.dtype != element_dtype(t):
                    ys[k] = y.astype(element_dtype(t)) if y.dtype != object else y
    if not results and any(isinstance(a, np.ndarray) and a.dtype == np.float64 for a in arrays):
        # Where no implementation has float64, float32 tells as much as it can.
        single = [a.astype(np.float32) if isinstance(a, np.ndarray) and a.dtype == np.float64 else a for a in arrays]
        _, results, _ = evaluate(single, constants)
        if results:
            ys = next(iter(results.values()))
            doubles = {schema.inputs[min(k, len(schema.inputs) - 1)].type_str for k, a in enumerate(arrays)
                       if isinstance(a, np.ndarray) and a.dtype == np.float64}
            return [y.astype(np.float64) if y.dtype == np.float32 and schema.outputs[k].type_str in doubles else y for k, y in enumerate(ys)], "single"
    if len(results) == 2:
        a, b = results.values()
        if len(a) == len(b) and all(close(x, y) for x, y in zip(a, b)):
            return a, "both"
        single = np.dtype(np.float32)
        if len(a) == len(b) and all(close(x, y, single if isinstance(x, np.ndarray) and x.dtype == np.float64 else None) for x, y in zip(a, b)):
            return b, "single"  # one of them computes in single precision
        if not is_newest:  # the reference evaluator takes some older forms for newer ones
            return a, "onnxruntime"
        return None, "onnxruntime and the reference evaluator disagree"
    if results:
        (name, value), = results.items()
        if onnxruntime and not is_newest and name == "reference":
            return None, "; ".join(reasons)
        return value, name
    return None, "; ".join(reasons)
