"""Values that are not tensors: sequences, optionals and maps, with their types as schemas write them."""

import dataclasses

import numpy as np
import onnx
from onnx import helper, numpy_helper


@dataclasses.dataclass
class Value:
    """`content`: of a seq(...) a list, of an optional(...) None or what it holds, of a map(...) a dict."""
    type: str  # "seq(tensor(float))"
    content: object


def parts(text):
    """The kind of a type and the type that it holds: "seq(tensor(float))" is ("seq", "tensor(float)")."""
    kind, _, inner = text.removesuffix(")").partition("(")
    return kind, inner


def element(text):
    """The number of the innermost element type."""
    return onnx.TensorProto.DataType.Value(text.rpartition("tensor(")[2].rstrip(")").upper())


def element_dtype(text):
    return np.dtype(helper.tensor_dtype_to_np_dtype(element(text)))


def tensor_type(dtype):
    return f"tensor({onnx.TensorProto.DataType.Name(helper.np_dtype_to_tensor_dtype(dtype)).lower()})"


def type_of(value):
    return value.type if isinstance(value, Value) else tensor_type(value.dtype)


def map_of(inner):
    key, _, value = inner.partition(",")
    return onnx.TensorProto.DataType.Value(key.upper()), value


def type_proto(text, shape=None):
    """`shape`: of the tensors within."""
    kind, inner = parts(text)
    if kind == "tensor":
        return helper.make_tensor_type_proto(element(text), shape)
    if kind == "map":
        key, value = map_of(inner)
        return helper.make_map_type_proto(key, helper.make_tensor_type_proto(element(value), []))
    make = helper.make_sequence_type_proto if kind == "seq" else helper.make_optional_type_proto
    return make(type_proto(inner, shape))


def type_text(proto):
    """What `type_proto` makes a type of; None for an unknown one."""
    kind = proto.WhichOneof("value")
    if kind == "tensor_type":
        name = onnx.TensorProto.DataType.Name(proto.tensor_type.elem_type).lower()
        return f"tensor({name})" if proto.tensor_type.elem_type else None
    if kind in ("sequence_type", "optional_type"):
        inner = type_text(getattr(proto, kind).elem_type)
        return inner and f"{'seq' if kind == 'sequence_type' else 'optional'}({inner})"
    if kind == "map_type":
        inner = type_text(proto.map_type.value_type)
        return inner and f"map({onnx.TensorProto.DataType.Name(proto.map_type.key_type).lower()},{inner})"
    return None


def to_proto(value, name=""):
    if isinstance(value, Value):
        return content_proto(value.type, value.content, name)
    return numpy_helper.from_array(value, name)


FIELDS = {"tensor": "tensor_value", "seq": "sequence_value", "map": "map_value"}
KINDS = {"tensor": onnx.SequenceProto.TENSOR, "seq": onnx.SequenceProto.SEQUENCE, "map": onnx.SequenceProto.MAP}


def content_proto(text, content, name=""):
    kind, inner = parts(text)
    if kind == "tensor":
        return numpy_helper.from_array(np.asarray(content, element_dtype(text)), name)
    if kind == "map":
        key, item = map_of(inner)
        proto = onnx.MapProto(name=name, key_type=key, values=content_proto(f"seq({item})", list(content.values())))
        if key == onnx.TensorProto.STRING:
            proto.string_keys.extend(k.encode() for k in content)
        else:
            proto.keys.extend(content)
        return proto
    held = parts(inner)[0]
    if kind == "seq":
        proto = onnx.SequenceProto(name=name, elem_type=KINDS[held])
        getattr(proto, FIELDS[held] + "s").extend([content_proto(inner, item) for item in content])
        return proto
    proto = onnx.OptionalProto(name=name)
    if content is not None:
        proto.elem_type = KINDS[held]
        getattr(proto, FIELDS[held]).CopyFrom(content_proto(inner, content))
    return proto


def plain(value):
    """As other implementations take it."""
    return value.content if isinstance(value, Value) else value


def as_objects(array):
    array = np.asarray(array)
    return array.astype(object) if array.dtype.kind in "US" else array


def wrap(result, text):
    """What an implementation returned, as a value. `text`: its type, None if nothing tells."""
    if text is None and isinstance(result, list):
        if not result or isinstance(result[0], (dict, list)):
            raise TypeError("nothing tells the type of a sequence")
        text = f"seq({tensor_type(as_objects(result[0]).dtype)})"
    if text is None or parts(text)[0] == "tensor":
        return as_objects(result)
    return Value(text, wrap_content(result, text))


def wrap_content(result, text):
    kind, inner = parts(text)
    if kind == "seq":
        return [wrap_content(item, inner) for item in result]
    if kind == "optional":
        return None if result is None else wrap_content(result, inner)
    if kind == "map":
        return {key: np.asarray(item, element_dtype(inner)) for key, item in result.items()}
    return np.asarray(as_objects(result), element_dtype(text))


def flatten(value):
    """Its structure, which can be compared, and the tensors in it."""
    tensors = []

    def walk(content, text):
        kind, inner = parts(text)
        if kind == "seq":
            return [walk(item, inner) for item in content]
        if kind == "optional":
            return None if content is None else (walk(content, inner),)
        if kind == "map":
            return [(key, walk(content[key], map_of(inner)[1])) for key in sorted(content)]
        tensors.append(np.asarray(content))
        return "tensor"
    if isinstance(value, Value):
        return (value.type, walk(value.content, value.type)), tensors
    return "tensor", [value]


def tensors_of(values):
    return [t for value in values if value is not None for t in flatten(value)[1]]


def shape_of(value):
    """The shape that a graph input may declare: None where the tensors in it differ."""
    tensors = tensors_of([value])
    if not tensors or len({t.ndim for t in tensors}) > 1:
        return None
    return [sizes[0] if len(set(sizes)) == 1 else None for sizes in zip(*(t.shape for t in tensors))]
