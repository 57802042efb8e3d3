"""What the sweep tries of each operator: shapes and attributes, one generator for a family.

A generator gets a Context, which makes tensors of the types that are being tried, and yields Try after Try. The first one
is the plain case, it is made for every type; those marked `deep` for the default types only. settings_control.py has
sequences, optionals and operators with graphs, settings_contrib.py those of onnxruntime's own domains.
"""

import dataclasses
import itertools
import struct
import zlib

import ml_dtypes
import numpy as np
import onnx

from contrib import is_contrib
from values import Value, element, element_dtype, parts

WORDS = np.array(["", "a", "bc", "tail", "größe", "A", "x y"], dtype=object)


@dataclasses.dataclass
class Try:
    label: str
    inputs: list  # arrays and Values; None for an absent optional input
    attributes: dict = dataclasses.field(default_factory=dict)
    outputs: int = 1
    parameters: tuple = ()  # inputs that models usually hold as initializers; tried both ways
    more: tuple = ()  # other inputs for the same node: then it is tried with symbolic dimensions, too
    deep: bool = False
    # The results by the text of the specification, where no implementation has it or all get it wrong: a list of them,
    # or a function of the operands that gives it (for all data sets).
    expected: object = None
    check: str = "values"  # "shape": the values are random
    before: tuple = ()  # nodes that stand before the operator's (Gradient names their results); inputs are called x0, x1, ...


def is_float(dtype):
    return dtype.kind == "f" or (dtype.kind == "V" and not dtype.name.lstrip("u").startswith("int"))


class Context:
    """Makes operands of formal inputs of `schema`, whose type variables have the `types` being tried."""

    def __init__(self, schema, types, rng):
        self.schema, self.types, self.rng = schema, types, rng
        self.version = schema.since_version

    def type(self, k):
        """The type of formal input k: "seq(tensor(float))"."""
        return self.types[self.formal(k).type_str]

    def formal(self, k):
        return self.schema.inputs[min(k, len(self.schema.inputs) - 1)]

    def dtype(self, k):
        """Its element type."""
        return element_dtype(self.type(k))

    def element(self, variable, default=np.float32):
        """The element type of a type variable; older versions may not have it."""
        return element_dtype(self.types[variable]) if variable in self.types else np.dtype(default)

    def __call__(self, k, *shape, of="normal"):
        """A tensor for formal input k. `of`: normal, positive, unit (inside -1..1), above1, nonzero, full (range)."""
        return self.fill(self.dtype(k), shape, of)

    def value(self, text, *shapes):
        """Of any type: a sequence has a tensor of each shape, an optional one of the first; without a shape it is empty."""
        kind, inner = parts(text)
        if kind == "tensor":
            return self.fill(element_dtype(text), shapes[0])
        if kind == "optional":
            held = self.value(inner, *shapes) if shapes else None
            return Value(text, held.content if isinstance(held, Value) else held)
        return Value(text, [self.fill(element_dtype(text), s) for s in shapes])

    def fill(self, dtype, shape, of="normal"):
        rng, size = self.rng, shape
        if dtype == object:
            return WORDS[rng.integers(len(WORDS), size=size)] if shape else np.array(WORDS[rng.integers(len(WORDS))], dtype=object)
        if dtype == bool:
            return np.asarray(rng.integers(2, size=size), bool)
        if dtype.kind == "c":
            return np.asarray(rng.normal(size=size) + 1j * rng.normal(size=size), dtype)
        if is_float(dtype):
            x = {"normal": lambda: rng.normal(size=size) * 2, "full": lambda: rng.normal(size=size) * 20,
                 "positive": lambda: rng.uniform(0.1, 4, size), "unit": lambda: rng.uniform(-0.95, 0.95, size),
                 "above1": lambda: rng.uniform(1.05, 6, size),
                 "nonzero": lambda: rng.uniform(0.25, 3, size) * rng.choice([-1, 1], size)}[of]()
            return np.asarray(np.asarray(x, np.float32), dtype) if dtype != np.float64 else np.asarray(x)
        info = ml_dtypes.iinfo(dtype) if dtype.kind == "V" else np.iinfo(dtype)
        least, most = int(info.min), int(info.max)
        low, high = {"normal": (-9, 9), "unit": (-1, 1), "full": (least, most), "above1": (1, 9),
                     "positive": (1, 9), "nonzero": (1, 7)}[of]
        low, high = max(low, least), min(high, most)
        x = rng.integers(low, high, size, endpoint=True, dtype=np.uint64 if high > 2**63 - 1 else np.int64)
        if of == "nonzero" and least < 0:
            x = x * rng.choice([-1, 1], size)
        return np.asarray(np.asarray(x).astype(np.int32 if dtype.kind == "V" else dtype), dtype)

    def numbers(self, k, values):
        """The given numbers as formal input k."""
        with np.errstate(over="ignore"):
            return np.asarray(np.asarray(values, np.float32), self.dtype(k))


TABLE = {}


def settings(*operators):
    def register(generator):
        for operator in operators:
            TABLE[operator] = generator
        return generator
    return register


def key(schema):
    """Of an operator in the table: its name, behind the domain where that is one of onnxruntime's own."""
    return f"{schema.domain}.{schema.name}" if is_contrib(schema.domain) else schema.name


def i64(*values):
    return np.array(values, np.int64)


def shapes_of(make, rank2=(3, 17)):
    """An odd shape, and for the symbolic form: one element, none, and more than a vector with a tail."""
    return make(*rank2), tuple(make(*s) for s in ((1, 1), (0, 5), (37, 131), (2, 1)))


# ---- Element by element --------------------------------------------------------------------------------------------

DOMAIN = {"Acos": "unit", "Acosh": "above1", "Asin": "unit", "Atanh": "unit", "Tan": "unit", "Log": "positive",
          "Sqrt": "positive", "Reciprocal": "nonzero", "BitwiseNot": "full", "Sign": "normal"}
ACTIVATIONS = {"Celu": [dict(alpha=2.0)], "Elu": [dict(alpha=0.5)], "HardSigmoid": [dict(alpha=0.5, beta=0.6)],
               "LeakyRelu": [dict(alpha=0.3), dict(alpha=-0.5)], "Selu": [dict(alpha=2.0, gamma=3.0)],
               "Shrink": [dict(lambd=1.5, bias=1.5), dict(lambd=0.5, bias=0.0)], "Swish": [dict(alpha=1.5)],
               "ThresholdedRelu": [dict(alpha=0.3)], "Gelu": [dict(approximate="tanh")],
               "IsInf": [dict(detect_positive=0), dict(detect_negative=0), dict(detect_positive=0, detect_negative=0)]}
UNARY = """Abs Acos Acosh Asin Asinh Atan Atanh Ceil Celu Cos Cosh Elu Erf Exp Floor Gelu HardSigmoid HardSwish Identity
           IsInf IsNaN LeakyRelu Log Mish Neg Not BitwiseNot Reciprocal Relu Round Selu Shrink Sigmoid Sign Sin Sinh
           Softplus Softsign Sqrt Swish Tan Tanh ThresholdedRelu""".split()


@settings(*UNARY)
def unary(c):
    of = DOMAIN.get(c.schema.name, "normal")
    if not c.type(0).startswith("tensor("):
        make = lambda *shapes: [c.value(c.type(0), *shapes)]
        yield Try("value", make((3, 5), (3, 5)), more=(make((4, 5), (4, 5)),), expected=lambda x: [x])
        if c.type(0).startswith("seq("):
            yield Try("empty", make(), expected=lambda x: [x])
            yield Try("mixed", make((3, 5), (), (0, 2)), expected=lambda x: [x])
        return
    plain, more = shapes_of(lambda *s: [c(0, *s, of=of)])
    yield Try("plain", plain, more=more)
    for n, attributes in enumerate(ACTIVATIONS.get(c.schema.name, ())):
        yield Try(f"attributes{n}", [c(0, 5, 7, of=of)], attributes)
    yield Try("scalar", [c(0, of=of)], deep=True)
    yield Try("rank5", [c(0, 2, 3, 1, 5, 3, of=of)], deep=True)
    yield Try("large", [c(0, 300001, of=of)], deep=True)
    if is_float(c.dtype(0)) and c.schema.name != "Identity":
        yield Try("special", [c.numbers(0, [np.nan, np.inf, -np.inf, 0.0, -0.0, 1, -1, 0.5, 1.5, 2.5, -2.5, 80, -80])])


BINARY = """Add And BitwiseAnd BitwiseOr BitwiseXor Div Equal Greater GreaterOrEqual Less LessOrEqual Mul Or PRelu Sub
            SwiGLU Xor""".split()


@settings(*BINARY)
def binary(c):
    name = c.schema.name
    second = "nonzero" if name == "Div" else "normal"
    both = lambda s, t: [c(0, *s), c(1, *t, of=second)]
    plain, more = shapes_of(lambda *s: both(s, s))
    yield Try("plain", plain, more=more)
    if name == "SwiGLU":
        yield Try("alpha", both((3, 17), (3, 17)), dict(alpha=1.7))
        return
    if c.version >= 7:
        yield Try("row", both((5, 17), (17,)), more=(both((1, 9), (9,)), both((4, 0), (0,))))
        yield Try("column", both((2, 3, 17), (3, 1)), deep=True)
        yield Try("scalar", both((7, 9), ()), deep=True)
        if name != "PRelu":
            yield Try("outer", both((5, 1), (1, 19)), deep=True)
            yield Try("rankup", both((3,), (2, 5, 3)), deep=True)
            yield Try("scalars", both((), ()), deep=True)
    yield Try("large", both((300001,), (300001,)), deep=True)
    if name in ("Greater", "GreaterOrEqual", "Less", "LessOrEqual", "Equal") or name.startswith("Bitwise"):
        a = c(0, 64, of="full")
        yield Try("full", [a, np.where(np.arange(64) % 3 == 0, a, c(1, 64, of="full")).astype(a.dtype)])
    if is_float(c.dtype(0)) and name != "PRelu":  # implementations multiply a zero, too
        special = [np.nan, np.inf, -np.inf, 0.0, -0.0, 1.5, -2.0]
        a, b = zip(*itertools.product(special, special))
        yield Try("special", [c.numbers(0, a), c.numbers(1, b)])


@settings("Max", "Min", "Mean", "Sum")
def any_number(c):
    make = lambda *shapes: [c(0, *s) for s in shapes]
    plain, more = shapes_of(lambda *s: make(s, s))
    yield Try("plain", plain, more=more)
    yield Try("one", make((5, 7)), deep=True)
    if c.version >= 8:
        yield Try("three", make((3, 1), (7,), (2, 1, 1)))
    if is_float(c.dtype(0)):
        special = [np.nan, np.inf, -np.inf, 0.0, 1.5, -2.0]
        a, b = zip(*itertools.product(special, special))
        yield Try("special", [c.numbers(0, a), c.numbers(0, b)])
    elif c.schema.name in ("Max", "Min"):
        yield Try("full", [c(0, 64, of="full"), c(0, 64, of="full")])


@settings("Mod")
def mod(c):
    fmod = dict(fmod=1) if is_float(c.dtype(0)) else {}
    both = lambda s, t: [c(0, *s), c(1, *t, of="nonzero")]
    plain, more = shapes_of(lambda *s: both(s, s))
    yield Try("plain", plain, fmod, more=more)
    yield Try("fmod", both((5, 17), (17,)), dict(fmod=1))
    yield Try("floor", both((5, 17), (17,)), deep=True)


@settings("Pow")
def power(c):
    signed = not is_float(c.element("T1", c.dtype(0)))
    make = lambda s, t: [c(0, *s, of="positive" if not signed else "normal"),
                         np.clip(c(1, *t).astype(np.float64), 0, 4).astype(c.dtype(1)) if signed else c(1, *t)]
    if not is_float(c.dtype(0)) and not signed:
        make = lambda s, t: [c(0, *s, of="positive"), np.abs(c(1, *t)).astype(c.dtype(1))]
    plain, more = shapes_of(lambda *s: make(s, s))
    yield Try("plain", plain, more=more)
    yield Try("row", make((5, 7), (7,)))
    for exponent in (0, 1, 2, 3) + ((0.5, -1, -2) if is_float(c.dtype(0)) and not signed else ()):
        yield Try(f"by{exponent}", [c(0, 5, 7, of="positive"), c.numbers(1, exponent)], parameters=(1,),
                  deep=exponent != 2)


@settings("BitShift")
def bit_shift(c):
    make = lambda s: [c(0, *s, of="full"), c(1, *s, of="positive")]
    plain, more = shapes_of(lambda *s: make(s))
    yield Try("left", plain, dict(direction="LEFT"), more=more)
    yield Try("right", make((5, 9)), dict(direction="RIGHT"))
    yield Try("wide", [c(0, 33, of="full"), c(1, 33, of="nonzero")], dict(direction="RIGHT"))


@settings("Clip")
def clip(c):
    low, high = c.numbers(1, 2 if c.dtype(0).kind == "u" else -2), c.numbers(2, 3)
    if c.version < 11:
        yield Try("plain", [c(0, 5, 7)], dict(min=-1.0, max=1.0))
        return
    plain, more = shapes_of(lambda *s: [c(0, *s), low, high])
    yield Try("plain", plain, parameters=(1, 2), more=more)
    yield Try("low", [c(0, 5, 7), low])
    yield Try("high", [c(0, 5, 7), None, high])
    yield Try("none", [c(0, 5, 7)])
    yield Try("crossed", [c(0, 5, 7), high, low], deep=True)


@settings("Where")
def where(c):
    make = lambda s, t, u: [c(0, *s), c(1, *t), c(2, *u)]
    plain, more = shapes_of(lambda *s: make(s, s, s))
    yield Try("plain", plain, more=more)
    yield Try("broadcast", make((5, 1), (7,), (2, 1, 1)))
    yield Try("scalars", make((9,), (), ()), deep=True)


def element_type(context, text):
    return element(context.types[text])


def is_tiny(dtype):
    return dtype != object and (bits(dtype) < 8 or dtype == ml_dtypes.float8_e8m0fnu)


def convert_tiny(x, target):
    """Floats are rounded and saturate, of integers the low bits remain."""
    wide = x.astype(np.float32)
    if target == object:
        return (wide if is_float(x.dtype) else wide.astype(int)).astype(str).astype(object)
    if is_float(target):
        most = ml_dtypes.finfo(target).max.astype(np.float32)
        return np.minimum(wide, most).astype(target) if target == ml_dtypes.float8_e8m0fnu else np.clip(wide, -most, most).astype(target)
    low = wide.astype(int) & ((1 << bits(target)) - 1)
    return np.where(low > int(ml_dtypes.iinfo(target).max), low - (1 << bits(target)), low).astype(np.int8).astype(target)


@settings("Cast", "CastLike")
def cast(c):
    source, target = c.dtype(0), c.element("T2")
    if not is_float(source) or is_float(target) or target == object:
        make = lambda *s: c(0, *s, of="full" if source.kind in "iu" and target.kind in "iu" else "normal")
    else:  # what does not fit the target is undefined
        make = lambda *s: c(0, *s, of="positive" if target.kind == "u" else "normal")
    if source == object:
        numbers = np.array(["1", "-2", "0", "3.5e1", "7"] if is_float(target) or target == object else ["1", "12", "0", "7"], object)
        make = lambda *s: numbers[c.rng.integers(len(numbers), size=s)]
    if target.kind == "V" and not is_float(target) and is_float(source):  # whether it rounds or truncates is not said
        make = lambda *s: c.fill(target, s, "full").astype(np.float32).astype(source)
    if ml_dtypes.float8_e8m0fnu in (source, target) and source != target:  # no zero, nothing negative
        names = source.name + target.name
        most = 1 if "int2" in names else 3 if "int4" in names else 7
        powers = lambda *s: np.exp2(c.rng.integers(0, most, s)).astype(np.float32).astype(source if source != object else int)
        make = powers if source != object else lambda *s: np.array(["1", "12", "7", "3.5e1"], object)[c.rng.integers(4, size=s)]
    result = None
    if target == object and (is_float(source) or source == bool):
        # The implementations write numbers differently. As numpy does, and those that it does not have as float32.
        result = lambda x, *_: [(x.astype(np.float32) if source.name.startswith(("bfloat", "float4_", "float6_", "float8_")) else x).astype(str).astype(object)]
    elif source == object and target == bool:
        result = lambda x, *_: [np.array([float(v) != 0 for v in x.flat], bool).reshape(x.shape)]
    elif all(t == object or is_tiny(t) for t in (source, target)) and source != target and (source, target) != (object, ml_dtypes.float8_e8m0fnu):
        result = lambda x, *_: [convert_tiny(x, target)]  # the implementations lack many of them
        if source == object and not is_float(target):
            make = lambda *s: np.array(["0", "1"], object)[c.rng.integers(2, size=s)]
    rounding = [] if target != ml_dtypes.float8_e8m0fnu or source not in (np.float32, np.float16, object) else [
        dict(round_mode=mode) for mode in ("up", "down", "nearest")]
    if c.schema.name == "CastLike":
        yield Try("plain", [make(3, 17), c(1, 2)], expected=result)
        for attributes in rounding:
            if source != object:  # neither implementation has it
                x = np.array([1, 1.25, 1.75, 3.25, 3.75, 0.3]).astype(source)
                exponent = {"up": np.ceil(np.log2(x)), "down": np.floor(np.log2(x)), "nearest": np.array([0, 0, 1, 2, 2, -2])}[attributes["round_mode"]]
                yield Try(attributes["round_mode"], [x, c(1, 2)], attributes, expected=[np.exp2(exponent).astype(np.float32).astype(target)])
        if target.name.startswith("float8_e4") and is_float(source):
            yield Try("nosaturate", [c(0, 64, of="full"), c(1, 2)], dict(saturate=0))
        return
    attributes = dict(to=element_type(c, "T2"))
    if c.version < 6:
        attributes = dict(to=onnx.TensorProto.DataType.Name(attributes["to"]))
    plain, more = shapes_of(lambda *s: [make(*s)])
    yield Try("plain", plain, attributes, more=more, expected=result)
    for mode in rounding:
        x = np.array(["1", "1.25", "1.5", "1.75", "3", "3.5", "0.3", "1.5e20", "2"], object)
        yield Try(mode["round_mode"], [x if source == object else x[:7].astype(float).astype(source)], dict(attributes, **mode))
    if target.name.startswith("float8") and is_float(source):
        yield Try("nosaturate", [c(0, 64, of="full")], dict(attributes, saturate=0))
    if is_float(source) and is_float(target):
        yield Try("special", [c.numbers(0, [np.nan, np.inf, -np.inf, 0.0, -0.0, 1e-7, 65520.0, 1e30])], attributes)


def bits(dtype):
    return 8 * dtype.itemsize if dtype.kind != "V" else (ml_dtypes.finfo if is_float(dtype) else ml_dtypes.iinfo)(dtype).bits


@settings("BitCast")
def bit_cast(c):
    if bits(c.dtype(0)) == bits(c.element("T2")) and object not in (c.dtype(0), c.element("T2")):
        plain, more = shapes_of(lambda *s: [c(0, *s)])
        yield Try("plain", plain, dict(to=element_type(c, "T2")), more=more)


@settings("Dropout")
def dropout(c):
    plain, more = shapes_of(lambda *s: [c(0, *s)])
    yield Try("plain", plain, more=more)
    if c.version >= 12:  # before, implementations make different masks
        yield Try("mask", [c(0, 5, 7)], outputs=2)
        yield Try("ratio", [c(0, 5, 7), c.numbers(1, 0.3), np.array(False)], outputs=2, parameters=(1, 2))
        yield Try("zero", [c(0, 5, 7), c.numbers(1, 0), np.array(True)], outputs=2, parameters=(1, 2))
        yield Try("random", [c(0, 5, 7), c.numbers(1, 0.5), np.array(True)], dict(seed=3), outputs=2, parameters=(1, 2), check="shape",
                  expected=lambda x, *_: [x, np.ones(x.shape, bool)])


# ---- Reductions ----------------------------------------------------------------------------------------------------

REDUCTIONS = "ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum ReduceSumSquare"


@settings(*REDUCTIONS.split())
def reduction(c):
    name = c.schema.name
    of = "positive" if name in ("ReduceLogSum", "ReduceL2") else "normal"
    if name == "ReduceProd" and is_float(c.dtype(0)):
        of = "unit"
    tensor = lambda *s: c(0, *s, of=of)
    as_input = len(c.schema.inputs) > 1

    def reduce(label, data, axes, more=(), **attributes):
        if as_input:
            with_axes = [None if axes is None else i64(*axes)] if axes is not None else []
            return Try(label, [data] + with_axes, {k: v for k, v in attributes.items() if k != "deep"}, parameters=(1,) if with_axes else (),
                       more=tuple([m] + with_axes for m in more), deep=attributes.get("deep", False))
        if axes is not None:
            attributes["axes"] = list(axes)
        deep = attributes.pop("deep", False)
        return Try(label, [data], attributes, more=tuple([m] for m in more), deep=deep)

    yield reduce("last", tensor(5, 17), (-1,), more=[tensor(1, 1), tensor(9, 131), tensor(0, 3)])
    yield reduce("first", tensor(19, 37), (0,), keepdims=0)
    yield reduce("all", tensor(3, 5, 7), None)
    yield reduce("middle", tensor(3, 9, 5), (1,), keepdims=0, deep=True)
    yield reduce("outer", tensor(3, 4, 5), (0, -1), deep=True)
    yield reduce("nokeep", tensor(3, 4), None, keepdims=0, deep=True)
    yield reduce("scalar", tensor(), None, deep=True)
    yield reduce("one", tensor(4, 1, 3), (1,), deep=True)
    yield reduce("large", tensor(7, 40001), (1,), deep=True)
    yield reduce("largecolumns", tensor(401, 701), (0,), deep=True)
    if as_input:
        yield reduce("emptyaxes", tensor(3, 4), (), deep=True)
        yield reduce("noop", tensor(3, 4), (), noop_with_empty_axes=1, deep=True)
        yield reduce("noopabsent", tensor(3, 4), None, noop_with_empty_axes=1, deep=True)
        yield reduce("nothing", tensor(2, 0, 3), (1,), deep=True)
    if is_float(c.dtype(0)) and name in ("ReduceMax", "ReduceMin", "ReduceLogSumExp", "ReduceSum"):
        rows = [[1, np.inf, 2], [-np.inf, -np.inf, -np.inf], [np.nan, 1, 2], [1, np.nan, 5], [np.inf, -np.inf, 0]]
        yield reduce("special", c.numbers(0, rows), (1,), deep=True)
    if name in ("ReduceMax", "ReduceMin") and c.dtype(0).kind in "iu":
        yield reduce("full", tensor(5, 33) if c.dtype(0) == bool else c(0, 5, 33, of="full"), (1,))


@settings("ArgMax", "ArgMin")
def arg(c):
    yield Try("plain", [c(0, 5, 17)], dict(axis=1), more=([c(0, 1, 1)], [c(0, 9, 131)]))
    yield Try("default", [c(0, 7, 5)])
    yield Try("nokeep", [c(0, 3, 9, 4)], dict(axis=-2, keepdims=0))
    if c.version >= 12:
        yield Try("last", [c(0, 4, 33)], dict(axis=1, select_last_index=1))
    yield Try("full", [c(0, 4, 33, of="full")], dict(axis=1))
    if is_float(c.dtype(0)):
        yield Try("special", [c.numbers(0, [[1, np.nan, 3], [np.inf, np.inf, 0], [-np.inf, -np.inf, -np.inf]])], dict(axis=1), deep=True)


@settings("CumSum", "CumProd")
def cumulative(c):
    of = "unit" if c.schema.name == "CumProd" else "normal"
    axis = lambda n: np.array(n, c.dtype(1))
    yield Try("plain", [c(0, 5, 17, of=of), axis(1)], parameters=(1,), more=([c(0, 1, 1, of=of), axis(1)], [c(0, 0, 4, of=of), axis(1)]))
    for reverse, exclusive in ((1, 0), (0, 1), (1, 1)):
        yield Try(f"reverse{reverse}exclusive{exclusive}", [c(0, 4, 3, 5, of=of), axis(-2)],
                  dict(reverse=reverse, exclusive=exclusive), parameters=(1,))


@settings("Softmax", "LogSoftmax", "Hardmax")
def softmax(c):
    yield Try("plain", [c(0, 5, 17)], more=([c(0, 1, 1)], [c(0, 9, 131)], [c(0, 0, 3)]))
    yield Try("axis0", [c(0, 7, 5)], dict(axis=0))
    yield Try("middle", [c(0, 3, 9, 4)], dict(axis=1))
    yield Try("wide", [c(0, 3, 1001, of="full")], deep=True)
    yield Try("large", [c(0, 31, 9001)], deep=True)
    if is_float(c.dtype(0)):
        yield Try("special", [c.numbers(0, [[1, -np.inf, 3], [80, 90, 100], [-1000, -1001, -1002]])], deep=True)


@settings("LpNormalization")
def lp_normalization(c):
    for p in (1, 2):
        yield Try(f"p{p}", [c(0, 5, 17)], dict(p=p), more=([c(0, 1, 1)], [c(0, 9, 131)]))
    yield Try("axis0", [c(0, 5, 7)], dict(axis=0))


@settings("TopK")
def top_k(c):
    if c.version < 10:
        yield Try("plain", [c(0, 5, 17)], dict(k=3), outputs=2)
        return
    yield Try("plain", [c(0, 5, 17, of="full"), i64(3)], outputs=2, parameters=(1,), more=([c(0, 9, 131), i64(3)], [c(0, 1, 3), i64(3)]))
    yield Try("smallest", [c(0, 7, 5), i64(2)], dict(axis=0, largest=0), outputs=2, parameters=(1,))
    yield Try("all", [c(0, 3, 9), i64(9)], outputs=2, parameters=(1,), deep=True)
    yield Try("unsorted", [c(0, 3, 9, of="full"), i64(1)], dict(sorted=0), outputs=2, parameters=(1,), deep=True)  # of one no order is
    yield Try("none", [c(0, 3, 9), i64(0)], outputs=2, parameters=(1,), deep=True)
    if is_float(c.dtype(0)):
        yield Try("special", [c.numbers(0, [[1, np.inf, -np.inf, 3], [0.0, -0.0, 1, -1]]), i64(3)], outputs=2, parameters=(1,), deep=True)


# ---- Movement ------------------------------------------------------------------------------------------------------

@settings("Transpose")
def transpose(c):
    yield Try("plain", [c(0, 5, 17)], more=([c(0, 1, 1)], [c(0, 37, 131)], [c(0, 0, 3)]))
    yield Try("perm", [c(0, 2, 3, 5, 7)], dict(perm=[0, 3, 1, 2]))
    yield Try("inner", [c(0, 3, 33, 35)], dict(perm=[0, 2, 1]), deep=True)
    yield Try("scalar", [c(0)], deep=True)
    yield Try("large", [c(0, 513, 601)], deep=True)


@settings("Reshape")
def reshape(c):
    if c.version < 5:
        yield Try("plain", [c(0, 3, 8)], dict(shape=[4, 6]))
        return
    yield Try("plain", [c(0, 3, 8), i64(4, 6)], parameters=(1,))
    yield Try("infer", [c(0, 4, 6), i64(2, -1, 3)], parameters=(1,), more=([c(0, 2, 3), i64(2, -1, 3)], [c(0, 6, 8), i64(2, -1, 3)]))
    yield Try("copy", [c(0, 3, 8, 2), i64(0, -1)], parameters=(1,), deep=True)
    yield Try("scalar", [c(0, 1, 1), i64()], parameters=(1,), deep=True)
    yield Try("empty", [c(0, 0, 3), i64(3, 0, 5)], dict(allowzero=1), parameters=(1,), deep=True)


@settings("Flatten")
def flatten(c):
    yield Try("plain", [c(0, 2, 3, 5)], more=([c(0, 1, 1, 1)], [c(0, 4, 0, 3)]))
    for axis in (0, 2, 3, -1):
        yield Try(f"axis{axis}", [c(0, 2, 3, 5)], dict(axis=axis), deep=True)
    yield Try("scalar", [c(0)], dict(axis=0), deep=True)


@settings("Squeeze", "Unsqueeze")
def squeeze(c):
    is_squeeze = c.schema.name == "Squeeze"
    data, axes = ((1, 3, 1, 5), (0, -2)) if is_squeeze else ((3, 5), (0, -1))
    if c.version < 13:
        axes = (0, 2)
        yield Try("plain", [c(0, *data)], dict(axes=list(axes)))
    else:
        yield Try("plain", [c(0, *data), i64(*axes)], parameters=(1,))
    if is_squeeze:
        yield Try("all", [c(0, 1, 3, 1)], deep=True)


@settings("Expand")
def expand(c):
    yield Try("plain", [c(0, 3, 1), i64(2, 3, 5)], parameters=(1,), more=([c(0, 7, 1), i64(2, 7, 5)],))
    yield Try("scalar", [c(0), i64(3, 4)], parameters=(1,), deep=True)
    yield Try("lower", [c(0, 2, 3, 1), i64(1, 4)], parameters=(1,), deep=True)
    yield Try("empty", [c(0, 3, 1), i64(3, 0)], parameters=(1,), deep=True)


@settings("Tile")
def tile(c):
    if c.version < 6:
        return
    yield Try("plain", [c(0, 3, 5), i64(2, 3)], parameters=(1,), more=([c(0, 1, 7), i64(2, 3)], [c(0, 0, 2), i64(2, 3)]))
    yield Try("zero", [c(0, 3, 5), i64(2, 0)], parameters=(1,), deep=True)
    yield Try("one", [c(0, 3, 5), i64(1, 1)], parameters=(1,), deep=True)


@settings("Concat")
def concat(c):
    make = lambda *shapes: [c(0, *s) for s in shapes]
    yield Try("plain", make((3, 5), (3, 2)), dict(axis=1), more=(make((1, 1), (1, 7)), make((4, 0), (4, 3))))
    yield Try("axis0", make((3, 5), (1, 5), (2, 5)), dict(axis=-2))
    yield Try("one", make((3, 5),), dict(axis=0), deep=True)
    yield Try("empty", make((3, 0), (3, 0)), dict(axis=1), deep=True)


@settings("Split")
def split(c):
    yield Try("even", [c(0, 4, 6)], dict(axis=1, num_outputs=3) if c.version >= 18 else dict(axis=1), outputs=3, more=([c(0, 1, 3)], [c(0, 7, 9)]))
    if c.version >= 13:
        yield Try("sizes", [c(0, 4, 6), i64(1, 0, 5)], dict(axis=-1), outputs=3, parameters=(1,))
    else:
        yield Try("sizes", [c(0, 4, 6)], dict(axis=1, split=[1, 2, 3]), outputs=3)
    if c.version >= 18:
        yield Try("uneven", [c(0, 7, 3)], dict(num_outputs=3), outputs=3, deep=True)


@settings("Slice")
def slice_(c):
    if c.version < 10:
        yield Try("plain", [c(0, 9, 7)], dict(starts=[1, -3], ends=[5, 1000], axes=[0, 1]))
        return
    n = lambda k, *values: np.array(values, c.dtype(k))
    p = (1, 2, 3, 4)
    yield Try("plain", [c(0, 9, 7), n(1, 1, 0), n(2, 5, 1000), n(3, 0, 1), n(4, 2, 1)], parameters=p)
    yield Try("backwards", [c(0, 9, 7), n(1, -1), n(2, -1000), n(3, -1), n(4, -2)], parameters=p)
    yield Try("default", [c(0, 9, 7), n(1, 2, 1), n(2, -1, 6)], parameters=(1, 2),
              more=([c(0, 12, 8), n(1, 2, 1), n(2, -1, 6)], [c(0, 2, 3), n(1, 2, 1), n(2, -1, 6)]))
    yield Try("empty", [c(0, 9, 7), n(1, 5), n(2, 2), n(3, 0)], parameters=(1, 2, 3), deep=True)
    yield Try("far", [c(0, 9, 7), n(1, -100), n(2, 2**31 - 1), n(3, 0), n(4, 3)], parameters=p, deep=True)


@settings("Pad")
def pad(c):
    if c.version < 11:
        yield Try("plain", [c(0, 3, 5)], dict(pads=[1, 0, 0, 2], value=1.5) if c.version > 1 else dict(paddings=[1, 0, 0, 2]))
        return
    pads = i64(1, 0, 0, 2)
    yield Try("plain", [c(0, 3, 5), pads, c(2)], parameters=(1, 2), more=([c(0, 1, 1), pads, c(2)], [c(0, 7, 0), pads, c(2)]))
    has_zero = c.dtype(0) != ml_dtypes.float8_e8m0fnu
    if has_zero:
        yield Try("default", [c(0, 3, 5), pads], parameters=(1,))
    for mode in ("edge", "reflect") + (("wrap",) if c.version >= 19 else ()):
        yield Try(mode, [c(0, 4, 5), i64(2, 1, 1, 3)], dict(mode=mode), parameters=(1,))
    yield Try("crop", [c(0, 5, 7), i64(-1, 2, -1, -3)], parameters=(1,), deep=True)
    if c.version >= 18 and has_zero:
        yield Try("axes", [c(0, 4, 5), i64(2, 1), None, np.array([-1], c.dtype(3))], parameters=(1, 3))


@settings("CenterCropPad")
def center_crop_pad(c):
    n = lambda *values: np.array(values, c.dtype(1))
    def result(*axes):  # the evaluator pads text with the number 0
        def place(x, shape):
            sizes = list(x.shape)
            for axis, size in zip(axes, shape):
                sizes[axis] = int(size)
            y = np.full(sizes, "", object)
            pairs = [(slice((n - m) // 2, (n - m) // 2 + m) if n > m else slice(None),
                      slice((m - n) // 2, (m - n) // 2 + n) if n < m else slice(None)) for m, n in zip(x.shape, sizes)]
            y[tuple(a for a, _ in pairs)] = x[tuple(b for _, b in pairs)]
            return [y]
        return place if c.dtype(0) == object else None
    yield Try("plain", [c(0, 5, 8), n(8, 5)], parameters=(1,), more=([c(0, 9, 3), n(8, 5)],), expected=result(0, 1))
    yield Try("axes", [c(0, 5, 8, 3), n(7, 6)], dict(axes=[2, 0]), parameters=(1,), expected=result(2, 0))


@settings("DepthToSpace", "SpaceToDepth")
def depth_to_space(c):
    shape = (2, 8, 3, 5) if c.schema.name == "DepthToSpace" else (2, 3, 4, 6)
    other = (1, 4, 1, 1) if c.schema.name == "DepthToSpace" else (1, 1, 2, 2)
    yield Try("plain", [c(0, *shape)], dict(blocksize=2), more=([c(0, *other)],))
    for mode in ("DCR", "CRD"):
        yield Try(mode, [c(0, *shape)], dict(blocksize=2, mode=mode))


@settings("ReverseSequence")
def reverse_sequence(c):
    yield Try("plain", [c(0, 4, 3, 2), i64(4, 1, 2)], dict(time_axis=0, batch_axis=1))
    yield Try("swapped", [c(0, 3, 4), i64(1, 4, 3)], dict(time_axis=1, batch_axis=0))


@settings("Trilu")
def trilu(c):
    yield Try("plain", [c(0, 5, 7)], more=([c(0, 1, 1)], [c(0, 9, 4)], [c(0, 0, 3)]))
    for k, upper in ((1, 1), (-2, 1), (2, 0), (-1, 0)):
        yield Try(f"k{k}upper{upper}", [c(0, 2, 4, 5), np.array(k)], dict(upper=upper), parameters=(1,), deep=k != 1)


@settings("Shape")
def shape(c):
    yield Try("plain", [c(0, 3, 5)], more=([c(0, 0, 1)],))
    if c.version >= 15:
        yield Try("part", [c(0, 3, 5, 7)], dict(start=-2, end=10), deep=True)


@settings("Size")
def size(c):
    yield Try("plain", [c(0, 3, 5)], more=([c(0, 0, 1)],))


@settings("ConstantOfShape")
def constant_of_shape(c):
    value = onnx.numpy_helper.from_array(c.fill(c.element("T2"), (1,)), "value")
    yield Try("plain", [i64(3, 5)], dict(value=value), parameters=(0,))
    yield Try("scalar", [i64()], dict(value=value), parameters=(0,), deep=True)
    yield Try("empty", [i64(0, 2)], dict(value=value), parameters=(0,), deep=True)
    yield Try("default", [i64(7)], parameters=(0,), deep=True)


@settings("Constant")
def constant(c):
    value = c.fill(c.element("T"), (3, 5))
    yield Try("value", [], dict(value=onnx.numpy_helper.from_array(value, "value")))
    if c.version >= 12:
        yield Try("float", [], dict(value_float=1.5), deep=True)
        yield Try("floats", [], dict(value_floats=[1.5, 2.5]), deep=True)
        yield Try("int", [], dict(value_int=3), deep=True)
        yield Try("ints", [], dict(value_ints=[3, 4, 5]), deep=True)
        yield Try("string", [], dict(value_string="größe"), expected=[np.array("größe", object)], deep=True)
        yield Try("strings", [], dict(value_strings=["", "a b"]), expected=[np.array(["", "a b"], object)], deep=True)
    if c.version >= 11:
        make = onnx.numpy_helper.from_array
        dense = np.zeros((3, 4), np.float32)
        dense.flat[[1, 6, 11]] = values = np.float32([1.5, -2, 3])
        for label, indices in (("linear", i64(1, 6, 11)), ("coordinates", i64(0, 1, 1, 2, 2, 3).reshape(3, 2))):
            yield Try(label, [], dict(sparse_value=onnx.helper.make_sparse_tensor(make(values, "v"), make(indices, "i"), [3, 4])), expected=[dense], deep=True)


@settings("EyeLike")
def eye_like(c):
    yield Try("plain", [c(0, 5, 7)], dict(dtype=element_type(c, "T2")), more=([c(0, 1, 1)], [c(0, 9, 4)]))
    yield Try("k", [c(0, 5, 7)], dict(k=-1))
    yield Try("k2", [c(0, 5, 7)], dict(k=2), deep=True)


@settings("Range")
def range_(c):
    yield Try("plain", [c.numbers(0, 1), c.numbers(1, 10), c.numbers(2, 2)], parameters=(0, 1, 2))
    yield Try("down", [c.numbers(0, 10), c.numbers(1, 3), c.numbers(2, -2)], parameters=(0, 1, 2))
    yield Try("empty", [c.numbers(0, 5), c.numbers(1, 3), c.numbers(2, 1)], parameters=(0, 1, 2), deep=True)
    yield Try("stash", [c.numbers(0, 1), c.numbers(1, 10), c.numbers(2, 0.75)], dict(stash_type=1), parameters=(0, 1, 2), deep=True)


@settings("OneHot")
def one_hot(c):
    indices = lambda *s: np.round(c(0, *s, of="positive").astype(np.float32)).astype(c.dtype(0))
    depth, values = c.numbers(1, 10), c.fill(c.element("T3"), (2,))
    def result(axis):  # the reference evaluator multiplies the values
        def place(indices, depth, values):
            numbers = indices.astype(np.float64)
            hot = np.where(numbers < 0, numbers + 10, numbers)[..., None] == np.arange(10)
            return [np.moveaxis(np.where(hot, values[1], values[0]).astype(values.dtype), -1, axis)]
        return place if values.dtype in (bool, object) else None
    yield Try("plain", [indices(5), depth, values], parameters=(1,), more=([indices(1), depth, values], [indices(0), depth, values]), expected=result(-1))
    yield Try("axis", [indices(3, 4), depth, values], dict(axis=1), parameters=(1,), expected=result(1))
    if c.dtype(0).kind != "u":
        yield Try("outside", [c.numbers(0, [-1, 3, 100, -11, -10]), depth, values], parameters=(1,), expected=result(-1))


# ---- Indexing ------------------------------------------------------------------------------------------------------

@settings("Gather")
def gather(c):
    n = lambda values: np.array(values, c.dtype(1))
    # onnxruntime gives some texts as empty ones.
    result = lambda axis: (lambda x, indices: [np.asarray(np.take(x, indices, axis), object)]) if c.dtype(0) == object else None
    yield Try("plain", [c(0, 5, 7), n([[0, 4], [-1, 2]])], more=([c(0, 9, 3), n([[0, 4], [-1, 2]])],), expected=result(0))
    yield Try("axis1", [c(0, 3, 5, 4), n([1, 4, -5])], dict(axis=1), parameters=(1,), expected=result(1))
    yield Try("scalar", [c(0, 3, 5), n(1)], dict(axis=-1), parameters=(1,), deep=True)
    yield Try("empty", [c(0, 3, 5), n(np.zeros((0, 2)))], deep=True)


@settings("GatherElements")
def gather_elements(c):
    n = lambda values: np.array(values, c.dtype(1))
    yield Try("plain", [c(0, 3, 4), n([[0, 2, -1, 1], [1, 1, 0, -3]])])
    yield Try("axis1", [c(0, 3, 4), n([[0, 3], [-1, 1], [-4, 2]])], dict(axis=1))


@settings("GatherND")
def gather_nd(c):
    yield Try("plain", [c(0, 3, 4, 5), i64(0, 3, -1, 0).reshape(2, 2)])
    yield Try("elements", [c(0, 3, 4), i64(0, 3, -1, 0, 1, 1).reshape(3, 2)], deep=True)
    if c.version >= 12:
        yield Try("batch", [c(0, 2, 4, 5), i64(0, -1).reshape(2, 1)], dict(batch_dims=1), deep=True)


def reductions_of(c, since_add):
    kinds = ["none"]
    if c.version >= since_add and c.dtype(0) not in (bool, object) and c.dtype(0).kind != "c":
        kinds += ["add", "mul"] + (["max", "min"] if c.version >= 18 else [])
    return kinds


@settings("ScatterElements", "Scatter")
def scatter_elements(c):
    n = lambda values: np.array(values, c.dtype(1))

    def put(axis):  # the older operator is implemented without complex numbers
        def result(x, indices, updates):
            np.put_along_axis(y := x.copy(), indices, updates, axis)
            return [y]
        return result if c.schema.name == "Scatter" and c.dtype(0).kind == "c" else None
    yield Try("plain", [c(0, 3, 4), n([[0, 2, -1, 1], [1, 1, 0, -3]]), c(2, 2, 4)], expected=put(0))
    for kind in reductions_of(c, 16):
        yield Try(f"reduction-{kind}", [c(0, 3, 5), n([[0, 3], [-1, 1], [-4, 2]]), c(2, 3, 2)],
                  dict(axis=1, reduction=kind) if c.version >= 16 else dict(axis=1), expected=put(1))


@settings("ScatterND")
def scatter_nd(c):
    yield Try("plain", [c(0, 4, 5), i64(0, 3).reshape(2, 1), c(2, 2, 5)])
    for kind in reductions_of(c, 16):
        yield Try(f"reduction-{kind}", [c(0, 3, 4), i64(0, 3, -1, 0, 1, 1).reshape(3, 2), c(2, 3)], dict(reduction=kind) if c.version >= 16 else {})


@settings("TensorScatter")
def tensor_scatter(c):
    yield Try("plain", [c(0, 2, 3, 6, 4), c(1, 2, 3, 2, 4), i64(1, 3)])
    yield Try("circular", [c(0, 2, 6, 4), c(1, 2, 2, 4), i64(5, 3)], dict(mode="circular"))
    yield Try("default", [c(0, 2, 6, 4), c(1, 2, 2, 4)], deep=True)
    yield Try("axis", [c(0, 2, 6, 3, 4), c(1, 2, 2, 3, 4), i64(1, 3)], dict(axis=1), deep=True)


@settings("Compress")
def compress(c):
    yield Try("plain", [c(0, 3, 4), np.array([1, 0, 1, 1], bool)], dict(axis=1))
    yield Try("flat", [c(0, 3, 4), np.array([0, 1, 0, 1, 1], bool)])


@settings("NonZero")
def non_zero(c):
    yield Try("plain", [c(0, 5, 7)], more=([c(0, 1, 1)], [c(0, 0, 3)]))
    yield Try("vector", [c(0, 33)], deep=True)


@settings("Unique")
def unique(c):
    yield Try("plain", [c(0, 23)], outputs=4)
    yield Try("unsorted", [c(0, 5, 4)], dict(sorted=0), outputs=4)
    yield Try("axis", [np.concatenate([c(0, 3, 2)] * 2)], dict(axis=0), outputs=4, deep=True)


# ---- Products ------------------------------------------------------------------------------------------------------

@settings("MatMul")
def matmul(c):
    make = lambda a, b: [c(0, *a), c(1, *b)]
    yield Try("plain", make((5, 7), (7, 9)), more=(make((1, 1), (1, 1)), make((33, 17), (17, 65)), make((3, 0), (0, 4)), make((0, 3), (3, 2))))
    yield Try("weight", make((5, 33), (33, 19)), parameters=(1,))
    yield Try("batch", make((2, 1, 3, 4), (5, 4, 6)))
    yield Try("vector", make((7,), (7, 3)), deep=True)
    yield Try("vectors", make((7,), (7,)), deep=True)
    yield Try("matrixvector", make((2, 5, 7), (7,)), deep=True)
    yield Try("large", make((131, 257), (257, 193)), deep=True)


@settings("Gemm")
def gemm(c):
    make = lambda a, b, *rest: [c(0, *a), c(1, *b)] + [c(2, *s) for s in rest]
    yield Try("plain", make((5, 7), (7, 9), (9,)), more=(make((1, 1), (1, 1), (1,)), make((33, 17), (17, 65), (65,))))
    yield Try("transposed", make((7, 5), (9, 7), (5, 1)), dict(transA=1, transB=1, alpha=0.5, beta=2.0) if is_float(c.dtype(0)) else dict(transA=1, transB=1))
    yield Try("weight", make((5, 33), (19, 33), (19,)), dict(transB=1), parameters=(1, 2))
    if c.version >= 11:
        yield Try("without", make((5, 7), (7, 3)), deep=True)


@settings("Einsum")
def einsum(c):
    make = lambda *shapes: [c(0, *s) for s in shapes]
    yield Try("matmul", make((5, 7), (7, 9)), dict(equation="ij,jk->ik"), more=(make((1, 1), (1, 1)),))
    yield Try("batch", make((2, 3, 4), (2, 4, 5)), dict(equation="...ij,...jk->...ik"))
    for n, (equation, shapes) in enumerate([("ij->ji", [(3, 5)]), ("ii->i", [(4, 4)]), ("ij->", [(3, 5)]), ("i,j->ij", [(3,), (5,)]),
                                            ("bi, io, bo", [(2, 3), (3, 4), (2, 4)]), ("abc,cd", [(2, 3, 4), (4, 5)])]):
        yield Try(f"equation{n}", make(*shapes), dict(equation=equation), deep=True)


@settings("MatMulInteger")
def matmul_integer(c):
    a, b = c(0, 5, 7, of="full"), c(1, 7, 9, of="full")
    yield Try("plain", [a, b])
    yield Try("zero", [a, b, c(2, of="positive"), c(3, of="positive")], parameters=(1, 3))
    yield Try("rows", [a, b, c(2, 5, of="full"), c(3, 9, of="full")])


@settings("QLinearMatMul")
def qlinear_matmul(c):
    f = lambda k, *v: np.array(v[0] if len(v) == 1 else v, np.float32).astype(c.dtype(k))
    def result(a, sa, za, b, sb, zb, sy, zy):
        wide = [v.astype(np.float32) for v in (a, sa, za, b, sb, zb, sy, zy)]
        y = (wide[0] - wide[2]) * wide[1] @ ((wide[3] - wide[5]) * wide[4]) / wide[6]
        if is_float(zy.dtype):
            most = np.float32(ml_dtypes.finfo(zy.dtype).max)
            return [np.clip(y + wide[7], -most, most).astype(zy.dtype)]
        info = np.iinfo(zy.dtype)
        return [np.clip(np.rint(y) + wide[7], info.min, info.max).astype(zy.dtype)]
    # What onnxruntime has is uint8 and int8 with float32 scales, and the evaluator no more.
    own = c.version >= 21 and (any(is_float(c.dtype(k)) for k in (0, 3, 7)) or c.dtype(1) != np.float32)
    for label, zero in (("plain", 0),) + ((("zero", 3),) if not any(is_float(c.dtype(k)) for k in (0, 3, 7)) else ()):
        z = lambda k: c.numbers(k, zero)
        yield Try(label, [c(0, 5, 7, of="full"), f(1, 0.05), z(2), c(3, 7, 9, of="full"), f(4, 0.04), z(5), f(6, 0.9), z(7)],
                  parameters=(1, 2, 3, 4, 5, 6, 7), expected=result if own else None)


@settings("Det")
def det(c):
    yield Try("plain", [c(0, 3, 3)])
    yield Try("batch", [c(0, 2, 4, 4)])


@settings("DFT")
def dft(c):
    if c.version < 20:
        yield Try("plain", [c(0, 2, 8, 1)], dict(axis=1))
        return
    yield Try("plain", [c(0, 2, 8, 1), None, i64(1)[0]], parameters=(2,))
    yield Try("odd", [c(0, 2, 7, 2), None, i64(1)[0]], parameters=(2,))
    yield Try("inverse", [c(0, 2, 6, 2), None, i64(1)[0]], dict(inverse=1), parameters=(2,))
    yield Try("onesided", [c(0, 2, 6, 1), np.array(8, c.dtype(1)), i64(1)[0]], dict(onesided=1), parameters=(1, 2))


@settings("STFT")
def stft(c):
    yield Try("plain", [c(0, 2, 32, 1), np.array(8, c.dtype(1)), c(2, 16, of="unit"), np.array(16, c.dtype(3))], parameters=(1, 2, 3))
    yield Try("both", [c(0, 2, 32, 1), np.array(8, c.dtype(1)), c(2, 16, of="unit"), np.array(16, c.dtype(3))], dict(onesided=0), parameters=(1, 2, 3), deep=True)
    yield Try("complex", [c(0, 2, 32, 2), np.array(8, c.dtype(1)), c(2, 16, of="unit")], dict(onesided=0), parameters=(1, 2), deep=True)


@settings("BlackmanWindow", "HammingWindow", "HannWindow")
def window(c):
    datatype = dict(output_datatype=element_type(c, "T2"))
    if not is_float(c.element("T2")):  # 1 - epsilon is 0 as an integer
        return
    yield Try("plain", [np.array(10, c.dtype(0))], datatype, parameters=(0,))
    yield Try("symmetric", [np.array(9, c.dtype(0))], dict(periodic=0), parameters=(0,), deep=True)


@settings("MelWeightMatrix")
def mel_weight_matrix(c):
    n = lambda k, value: np.array(value, np.float32).astype(c.dtype(k))
    yield Try("plain", [n(0, 8), n(1, 16), n(2, 8192), n(3, 0), n(4, 4096)], dict(output_datatype=element_type(c, "T3")), parameters=(0, 1, 2, 3, 4))


# ---- Networks ------------------------------------------------------------------------------------------------------

@settings("Conv")
def conv(c):
    make = lambda x, w, bias=True: [c(0, *x), c(1, *w)] + ([c(2, w[0])] if bias else [])
    p = (1, 2)
    yield Try("plain", make((1, 3, 7, 9), (5, 3, 3, 3)), dict(pads=[1, 1, 1, 1]), parameters=p, more=(make((2, 3, 5, 3), (5, 3, 3, 3)),))
    yield Try("strided", make((2, 4, 9, 8), (6, 4, 3, 2), False), dict(strides=[2, 3]), parameters=(1,))
    yield Try("dilated", make((1, 2, 9, 8), (3, 2, 3, 2)), dict(dilations=[2, 3], pads=[2, 0, 1, 3]), parameters=p, deep=True)
    yield Try("groups", make((1, 4, 6, 5), (6, 2, 3, 3)), dict(group=2), parameters=p, deep=True)
    yield Try("depthwise", make((1, 5, 8, 9), (5, 1, 3, 3)), dict(group=5, pads=[1, 1, 1, 1]), parameters=p)
    yield Try("pointwise", make((1, 17, 6, 5), (9, 17, 1, 1)), parameters=p)
    yield Try("same", make((1, 2, 7, 8), (3, 2, 3, 3)), dict(auto_pad="SAME_UPPER", strides=[2, 2]), parameters=p, deep=True)
    yield Try("samelower", make((1, 2, 7, 8), (3, 2, 4, 3)), dict(auto_pad="SAME_LOWER", strides=[2, 2]), parameters=p, deep=True)
    yield Try("1d", make((2, 3, 17), (4, 3, 5)), dict(pads=[2, 2]), parameters=p, deep=True)
    yield Try("3d", make((1, 2, 5, 4, 6), (3, 2, 3, 2, 3)), parameters=p, deep=True)
    yield Try("valid", make((1, 2, 7, 8), (3, 2, 3, 2)), dict(auto_pad="VALID", kernel_shape=[3, 2], strides=[2, 1]), parameters=p, deep=True)
    yield Try("large", make((1, 33, 30, 31), (65, 33, 3, 3)), dict(pads=[1, 1, 1, 1]), parameters=p, deep=True)


@settings("ConvTranspose")
def conv_transpose(c):
    make = lambda x, w, m=None: [c(0, *x), c(1, *w)] + ([c(2, m)] if m else [])
    yield Try("plain", make((1, 3, 4, 5), (3, 2, 3, 3), 2), parameters=(1, 2), more=(make((2, 3, 1, 6), (3, 2, 3, 3), 2),))
    yield Try("strided", make((1, 2, 4, 5), (2, 3, 3, 2)), dict(strides=[2, 3], pads=[1, 0, 0, 1], output_padding=[1, 0]), parameters=(1,))
    yield Try("groups", make((1, 4, 3, 3), (4, 2, 3, 3), 4), dict(group=2, dilations=[2, 1]), parameters=(1, 2), deep=True)
    yield Try("1d", make((1, 2, 7), (2, 3, 4)), dict(strides=[2]), parameters=(1,), deep=True)
    yield Try("same", make((1, 2, 4, 5), (2, 3, 3, 3)), dict(auto_pad="SAME_UPPER", strides=[2, 2]), parameters=(1,), deep=True)
    yield Try("kernel", make((1, 2, 4, 5), (2, 3, 3, 2)), dict(kernel_shape=[3, 2], strides=[2, 2], output_padding=[1, 1], dilations=[1, 2]), parameters=(1,), deep=True)
    yield Try("shape", make((1, 2, 4, 5), (2, 3, 3, 3)), dict(output_shape=[9, 11], strides=[2, 2]), parameters=(1,), deep=True)


INTEGER_WINDOWS = [("strided", dict(strides=[2, 3], dilations=[1, 2], kernel_shape=[3, 3]), 3),
                   ("groups", dict(group=3, pads=[0, 1, 2, 1]), 1),
                   ("same", dict(auto_pad="SAME_UPPER", strides=[2, 2]), 3),
                   ("valid", dict(auto_pad="VALID"), 3)]


@settings("ConvInteger")
def conv_integer(c):
    x, w = c(0, 1, 3, 6, 7, of="full"), c(1, 4, 3, 3, 3, of="full")
    yield Try("plain", [x, w], parameters=(1,))
    yield Try("zero", [x, w, c(2, of="positive"), c(3, of="positive")], dict(pads=[1, 1, 1, 1]), parameters=(1, 3))
    yield Try("channels", [x, w, c(2, of="positive"), c(3, 4, of="full")], parameters=(1, 3), deep=True)
    for label, attributes, channels in INTEGER_WINDOWS:
        yield Try(label, [x, w[:3, :channels], c(2, of="positive")], attributes, parameters=(1,), deep=True)


@settings("QLinearConv")
def qlinear_conv(c):
    f = lambda *v: np.array(v[0] if len(v) == 1 else v, np.float32)
    z = lambda k: c.numbers(k, 3)
    x, w = c(0, 1, 3, 6, 7, of="full"), c(3, 4, 3, 3, 3, of="full")
    zero = z(5) if c.dtype(3).kind == "u" else c.numbers(5, 0)
    p = (1, 2, 3, 4, 5, 6, 7, 8)
    yield Try("plain", [x, f(0.05), z(2), w, f(0.04), zero, f(0.9), z(7)], parameters=p[:-1])
    yield Try("bias", [x, f(0.05), z(2), w, f(0.04), zero, f(0.9), z(7), c(8, 4)], dict(pads=[1, 1, 1, 1]), parameters=p)
    yield Try("channels", [x, f(0.05), z(2), w, f(0.04, 0.02, 0.03, 0.05), c.numbers(5, [0] * 4), f(0.9), z(7)], parameters=p[:-1], deep=True)
    for label, attributes, channels in INTEGER_WINDOWS:
        yield Try(label, [x, f(0.05), z(2), w[:3, :channels], f(0.04), zero, f(0.9), z(7)], attributes, parameters=p[:-1], deep=True)


POOL = [("plain", (1, 3, 7, 9), dict(kernel_shape=[3, 3])),
        ("strided", (2, 2, 8, 9), dict(kernel_shape=[3, 2], strides=[2, 3], pads=[1, 0, 1, 1])),
        ("ceil", (1, 2, 8, 9), dict(kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1)),
        ("dilated", (1, 2, 9, 8), dict(kernel_shape=[2, 3], dilations=[3, 2])),
        ("same", (1, 2, 7, 8), dict(kernel_shape=[3, 3], strides=[2, 2], auto_pad="SAME_UPPER")),
        ("samelower", (1, 2, 7, 8), dict(kernel_shape=[2, 2], strides=[2, 2], auto_pad="SAME_LOWER")),
        ("1d", (2, 3, 17), dict(kernel_shape=[4], strides=[3])),
        ("3d", (1, 2, 5, 4, 6), dict(kernel_shape=[2, 2, 3]))]


@settings("AveragePool", "MaxPool", "LpPool")
def pool(c):
    for label, shape, attributes in POOL:
        if set(attributes) <= set(c.schema.attributes):
            yield Try(label, [c(0, *shape)], attributes, more=([c(0, 2, 3, 4, 5)],) if label == "plain" else (), deep=label not in ("plain", "strided"))
    if c.schema.name == "AveragePool" and c.version >= 7:
        yield Try("counted", [c(0, 1, 2, 6, 7)], dict(kernel_shape=[3, 3], pads=[1, 1, 1, 1], count_include_pad=1))
    if c.schema.name == "LpPool":
        yield Try("p1", [c(0, 1, 2, 6, 7)], dict(kernel_shape=[3, 3], p=1))
    if c.schema.name == "MaxPool" and c.version >= 8:
        x = c.rng.permutation(84).reshape(1, 2, 6, 7).astype(np.float32).astype(c.dtype(0))
        yield Try("indices", [x], dict(kernel_shape=[3, 3], strides=[2, 2]), outputs=2)
        yield Try("column", [x], dict(kernel_shape=[3, 3], strides=[2, 2], storage_order=1), outputs=2, deep=True)


@settings("GlobalAveragePool", "GlobalMaxPool", "GlobalLpPool")
def global_pool(c):
    yield Try("plain", [c(0, 2, 3, 5, 7)], more=([c(0, 1, 1, 1, 1)], [c(0, 1, 17, 9, 4)]))
    yield Try("1d", [c(0, 2, 3, 33)], deep=True)
    yield Try("3d", [c(0, 1, 2, 3, 4, 5)], deep=True)
    if c.schema.name == "GlobalLpPool":
        yield Try("p3", [c(0, 2, 3, 5, 7)], dict(p=3))


@settings("MaxUnpool")
def max_unpool(c):
    places = i64(1, 3, 8, 14).reshape(1, 1, 2, 2)
    yield Try("plain", [c(0, 1, 1, 2, 2), places], dict(kernel_shape=[2, 2], strides=[2, 2]))
    yield Try("pads", [c(0, 1, 1, 2, 2), i64(0, 2, 3, 8).reshape(1, 1, 2, 2)], dict(kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1]), deep=True)
    yield Try("shape", [c(0, 1, 1, 2, 2), places, i64(1, 1, 4, 4)], dict(kernel_shape=[2, 2], strides=[2, 2]), parameters=(2,))


@settings("MaxRoiPool")
def max_roi_pool(c):
    yield Try("plain", [c(0, 1, 2, 6, 6), c.numbers(1, [[0, 0, 0, 3, 3], [0, 1, 2, 5, 4]])], dict(pooled_shape=[2, 2]))
    yield Try("scale", [c(0, 2, 2, 6, 6), c.numbers(1, [[1, 0, 0, 6, 6], [0, 2, 4, 10, 8]])], dict(pooled_shape=[2, 3], spatial_scale=0.5), deep=True)


@settings("RoiAlign")
def roi_align(c):
    rois = c.numbers(1, [[0.5, 0.5, 4, 4], [1, 2, 5, 5.5]])
    for mode in ("avg", "max"):
        yield Try(mode, [c(0, 1, 2, 6, 6), rois, i64(0, 0)], dict(mode=mode, output_height=2, output_width=3, sampling_ratio=2))
    for transform in ("half_pixel", "output_half_pixel"):
        yield Try(transform, [c(0, 1, 2, 6, 6), rois * rois.dtype.type(2), i64(0, 0)], dict(output_height=2, output_width=3, spatial_scale=0.5,
                  coordinate_transformation_mode=transform), deep=True)


@settings("BatchNormalization")
def batch_normalization(c):
    make = lambda *s: [c(0, *s), c(1, s[1]), c(2, s[1]), c(3, s[1]), c(4, s[1], of="positive")]
    old = dict(is_test=1) if c.version < 7 else {}
    yield Try("plain", make(2, 3, 5, 7), old, parameters=(1, 2, 3, 4), more=(make(1, 3, 1, 1), make(3, 3, 4, 9)))
    yield Try("2d", make(4, 5), dict(old, epsilon=0.01), deep=True)
    if c.version >= 14:
        yield Try("training", make(2, 3, 4, 5), dict(training_mode=1, momentum=0.8), outputs=3)


@settings("InstanceNormalization")
def instance_normalization(c):
    make = lambda *s: [c(0, *s), c(1, s[1]), c(2, s[1])]
    yield Try("plain", make(2, 3, 5, 7), parameters=(1, 2), more=(make(1, 3, 2, 2), make(3, 3, 4, 9)))
    yield Try("1d", make(2, 3, 17), dict(epsilon=0.01))


@settings("LayerNormalization", "RMSNormalization")
def layer_normalization(c):
    if c.dtype(0) != c.dtype(1):  # the schema and the implementations disagree about the result's type
        return
    make = lambda shape, axis, bias=True: [c(0, *shape), c(1, *shape[axis:])] + ([c(2, *shape[axis:])] if bias and len(c.schema.inputs) > 2 else [])
    yield Try("plain", make((5, 17), -1), parameters=(1, 2), more=(make((1, 17), -1), make((9, 17), -1)))
    yield Try("axis", make((2, 3, 4, 5), 2, False), dict(axis=2, epsilon=0.01))
    yield Try("large", make((31, 1025), -1), deep=True)
    yield Try("stash", make((5, 17), -1), dict(stash_type=1), deep=True)
    if c.schema.name == "LayerNormalization":
        yield Try("outputs", make((5, 17), -1), outputs=3)


@settings("GroupNormalization")
def group_normalization(c):
    n = 4 if c.version >= 21 else 2
    make = lambda *s: [c(0, *s), c(1, n), c(2, n)]
    yield Try("plain", make(2, 4, 5, 7), dict(num_groups=2), parameters=(1, 2), more=(make(1, 4, 3, 2),))
    yield Try("stash", make(2, 4, 5), dict(num_groups=2, epsilon=0.01, stash_type=1), deep=True)


@settings("MeanVarianceNormalization")
def mean_variance_normalization(c):
    yield Try("plain", [c(0, 2, 3, 5, 7)], more=([c(0, 3, 3, 4, 4)],))
    yield Try("axes", [c(0, 3, 5, 7)], dict(axes=[0, 2]))


@settings("LRN")
def lrn(c):
    yield Try("plain", [c(0, 2, 7, 3, 5)], dict(size=3), more=([c(0, 1, 1, 2, 2)], [c(0, 1, 9, 4, 4)]))
    yield Try("even", [c(0, 2, 7, 3, 5)], dict(size=4, alpha=0.1, beta=0.5, bias=2.0))


def recurrent_gates(name):
    return {"RNN": 1, "GRU": 3, "LSTM": 4}[name]


@settings("RNN", "GRU", "LSTM")
def recurrent(c):
    name, gates, hidden, width = c.schema.name, recurrent_gates(c.schema.name), 5, 3
    outputs = 3 if name == "LSTM" else 2

    def make(steps, batch, directions=1, lens=None, initial=False, bias=True, peepholes=False):
        x = [c(0, steps, batch, width), c(1, directions, gates * hidden, width), c(2, directions, gates * hidden, hidden)]
        if bias:
            x.append(c(3, directions, 2 * gates * hidden))
        if lens is not None or initial:
            x += [None] * (4 - len(x)) + [None if lens is None else np.array(lens, np.int32)]
        if initial:
            x.append(c(5, directions, batch, hidden))
            if name == "LSTM":
                x.append(c(6, directions, batch, hidden))
        if peepholes:
            x += [None] * (7 - len(x)) + [c(7, directions, 3 * hidden)]
        return x
    base = dict(hidden_size=hidden)
    yield Try("plain", make(4, 2), base, outputs, (1, 2, 3), more=(make(1, 1), make(7, 3)))
    for direction in ("reverse", "bidirectional"):
        yield Try(direction, make(4, 2, 2 if direction == "bidirectional" else 1), dict(base, direction=direction), outputs, (1, 2, 3))
    yield Try("lengths", make(5, 3, lens=[5, 2, 3], initial=True), base, outputs, (1, 2, 3))
    yield Try("backlengths", make(5, 3, lens=[5, 2, 3]), dict(base, direction="reverse"), outputs, (1, 2, 3), deep=True)
    yield Try("clip", make(4, 2, bias=False), dict(base, clip=0.5), outputs, (1, 2), deep=True)
    if name == "LSTM":
        yield Try("peepholes", make(4, 2, peepholes=True), base, outputs, (1, 2, 3, 7))
    if name == "GRU":
        yield Try("linear", make(4, 2), dict(base, linear_before_reset=1), outputs, (1, 2, 3))
    if name == "LSTM":
        yield Try("coupled", make(4, 2), dict(base, input_forget=1), outputs, (1, 2, 3), deep=True)
    # alpha and beta count up the activations that have them.
    for n, (first, alpha, beta) in enumerate([("Relu", [], []), ("Affine", [0.5], [0.25]), ("LeakyRelu", [0.2], []), ("ThresholdedRelu", [0.4], []),
                                              ("ScaledTanh", [1.2], [0.7]), ("HardSigmoid", [0.3], [0.4]), ("Elu", [0.6], []),
                                              ("Softsign", [], []), ("Softplus", [], [])]):
        if (name, first) == ("GRU", "Softplus"):  # grows until the exponentials of onnxruntime are infinite
            continue
        chosen = dict(activations={"RNN": [first], "GRU": ["Sigmoid", first], "LSTM": ["Sigmoid", first, "Tanh"]}[name])
        yield Try(f"activation{n}", make(4, 2), dict(base, **chosen, **({"activation_alpha": alpha} if alpha else {}), **({"activation_beta": beta} if beta else {})),
                  outputs, (1, 2, 3), deep=True)


@settings("Attention")
def attention(c):
    make = lambda q, k, v, *rest: [c(0, *q), c(1, *k), c(2, *v), *rest]
    yield Try("plain", make((2, 3, 5, 8), (2, 3, 7, 8), (2, 3, 7, 8)), more=(make((1, 3, 1, 8), (1, 3, 9, 8), (1, 3, 9, 8)),))
    yield Try("mask", make((2, 3, 5, 8), (2, 3, 7, 8), (2, 3, 7, 8), c(3, 5, 7)))
    yield Try("causal", make((1, 2, 5, 8), (1, 2, 5, 8), (1, 2, 5, 4)), dict(is_causal=1))
    yield Try("grouped", make((1, 4, 5, 8), (1, 2, 6, 8), (1, 2, 6, 8)), dict(scale=0.5, softcap=2.0))
    yield Try("3d", make((2, 5, 12), (2, 7, 12), (2, 7, 12)), dict(q_num_heads=3, kv_num_heads=3))
    past = [None, c(4, 2, 3, 4, 8), c(5, 2, 3, 4, 8)]
    yield Try("past", make((2, 3, 5, 8), (2, 3, 7, 8), (2, 3, 7, 8), *past), outputs=3)
    for mode in range(4 if c.version >= 23 else 0):
        yield Try(f"products{mode}", make((2, 3, 5, 8), (2, 3, 7, 8), (2, 3, 7, 8), c(3, 5, 7)), dict(qk_matmul_output_mode=mode, softcap=3.0), outputs=4, deep=True)
    yield Try("precision", make((2, 3, 5, 8), (2, 3, 7, 8), (2, 3, 7, 8)), dict(softmax_precision=1), deep=True)
    for left, right in ((2, -1), (-1, 1), (1, 2)):
        yield Try(f"window{left},{right}", make((1, 2, 6, 8), (1, 2, 6, 8), (1, 2, 6, 4)), dict(left_window_size=left, right_window_size=right), deep=True)
    if c.version >= 24:
        yield Try("lengths", make((2, 3, 5, 8), (2, 3, 7, 8), (2, 3, 7, 8), None, None, None, i64(3, 7)))


@settings("RotaryEmbedding")
def rotary_embedding(c):
    yield Try("plain", [c(0, 2, 3, 5, 8), c(1, 9, 4), c(2, 9, 4), c.rng.integers(9, size=(2, 5))])
    yield Try("interleaved", [c(0, 2, 3, 5, 8), c(1, 2, 5, 4), c(2, 2, 5, 4)], dict(interleaved=1))
    yield Try("heads", [c(0, 2, 5, 24), c(1, 2, 5, 4), c(2, 2, 5, 4)], dict(num_heads=3), deep=True)
    yield Try("part", [c(0, 2, 3, 5, 8), c(1, 2, 5, 2), c(2, 2, 5, 2)], dict(rotary_embedding_dim=4), deep=True)


@settings("CausalConvWithState")
def causal_conv(c):
    yield Try("plain", [c(0, 2, 3, 7), c(1, 3, 1, 4), c(2, 3), c(3, 2, 3, 3)], dict(activation="silu"), outputs=2)
    yield Try("none", [c(0, 2, 3, 7), c(1, 3, 1, 4)], outputs=2)


@settings("LinearAttention")
def linear_attention(c):
    q = lambda k: c(k, 1, 4, 8, of="unit")
    heads = dict(q_num_heads=2, kv_num_heads=2)
    yield Try("plain", [q(0), q(1), q(2)], dict(heads, update_rule="linear"), outputs=2)
    gates = [c(3, 1, 2, 4, 4, of="unit"), -abs(c(4, 1, 4, 8, of="unit")), abs(c(5, 1, 4, 2, of="unit"))]
    yield Try("scale", [q(0), c(1, 1, 4, 4, of="unit"), c(2, 1, 4, 6, of="unit")], dict(q_num_heads=2, kv_num_heads=1, update_rule="linear", scale=0.5, chunk_size=2),
              outputs=2, deep=True)
    for n, rule in ((1, "linear"), (2, "gated"), (3, "delta"), (3, "gated_delta")):
        yield Try(rule, [q(0), q(1), q(2)] + [gates[0], None if rule == "delta" else gates[1], gates[2]][:n], dict(heads, update_rule=rule), outputs=2)


@settings("DeformConv")
def deform_conv(c):
    make = lambda *rest: [c(0, 1, 2, 5, 5), c(1, 3, 2, 3, 3), c(2, 1, 18, 3, 3, of="unit"), *rest]
    yield Try("plain", make(c(3, 3)), dict(kernel_shape=[3, 3]))
    yield Try("mask", make(None, c(4, 1, 9, 3, 3, of="unit")), dict(kernel_shape=[3, 3]))
    x, offset = c(0, 2, 4, 7, 8), c(2, 2, 16, 4, 4, of="unit")
    yield Try("windows", [x, c(1, 6, 2, 2, 2), offset], dict(kernel_shape=[2, 2], group=2, offset_group=2, strides=[2, 2], pads=[1, 0, 0, 1], dilations=[1, 2]), deep=True)


@settings("Col2Im")
def col2im(c):
    if c.dtype(0) == object:  # the sum of texts, and of none, is not said
        return
    yield Try("plain", [c(0, 1, 8, 9), i64(4, 4), i64(2, 2)], parameters=(1, 2))
    yield Try("windows", [c(0, 2, 8, 9), i64(5, 5), i64(2, 2)], dict(strides=[2, 2], pads=[1, 1, 1, 1], dilations=[2, 1]), parameters=(1, 2), deep=True)
    def fold(x, *_):  # onnxruntime takes elements of other blocks
        y = np.zeros((1, 2, 11), x.dtype)
        for element, block in np.ndindex(3, 4):
            y[..., 2 * element + 2 * block] += x.reshape(1, 2, 3, 4)[..., element, block]
        return [y[..., :10]]
    yield Try("1d", [c(0, 1, 6, 4), i64(10), i64(3)], dict(strides=[2], pads=[0, 1], dilations=[2]), parameters=(1, 2), expected=fold, deep=True)


@settings("AffineGrid")
def affine_grid(c):
    for align in (0, 1):
        yield Try(f"align{align}", [c(0, 2, 2, 3), i64(2, 1, 3, 4)], dict(align_corners=align), parameters=(1,))
    yield Try("3d", [c(0, 1, 3, 4), i64(1, 1, 2, 3, 4)], parameters=(1,), deep=True)


@settings("GridSample")
def grid_sample(c):
    modes = ("linear", "nearest", "cubic") if c.version >= 20 else ("bilinear", "nearest", "bicubic")
    if not is_float(c.dtype(0)):  # what rounds a mean of integers is not said
        modes = ("nearest",)
    if c.dtype(0) == object:
        def nearest(x, grid):
            y = np.full(x.shape[:2] + grid.shape[1:3], "", object)
            for n, i, j in np.ndindex(*grid.shape[:3]):
                column, row = (int(np.rint(((v + 1) * size - 1) / 2)) for v, size in zip(grid[n, i, j].astype(float), x.shape[:1:-1]))
                if 0 <= row < x.shape[2] and 0 <= column < x.shape[3]:
                    y[n, :, i, j] = x[n, :, row, column]
            return [y]
        yield Try("nearest", [c(0, 1, 2, 5, 6), c.numbers(1, c.rng.uniform(-1.2, 1.2, (1, 3, 4, 2)))], dict(mode="nearest"), expected=nearest)
        return
    for mode, padding, align in itertools.product(modes, ("zeros", "border", "reflection"), (0, 1)):
        yield Try(f"{mode}-{padding}-{align}", [c(0, 1, 2, 5, 6), c.fill(c.dtype(1), (1, 3, 4, 2), "unit")],
                  dict(mode=mode, padding_mode=padding, align_corners=align), deep=(mode, padding, align) != (modes[0], "zeros", 0))


@settings("Resize", "Upsample")
def resize(c):
    scales = np.array([1, 1, 1.5, 2], np.float32)
    if c.version < 9:
        yield Try("plain", [c(0, 1, 2, 4, 5)], dict(scales=[1.0, 1.0, 2.0, 2.0]))
        return
    if c.version < 11:
        for mode in ("nearest", "linear") if is_float(c.dtype(0)) else ("nearest",):
            yield Try(mode, [c(0, 1, 2, 4, 5), np.array([1, 1, 2, 2], np.float32)], dict(mode=mode), parameters=(1,))
        return
    none = [None] if c.version >= 13 else [np.array([], np.float32)]
    def nearest(x, *_):  # the implementations have numbers alone, and the real part of complex ones
        for axis, scale in zip((2, 3), scales[2:]):
            size = x.shape[axis]
            places = np.ceil((np.arange(int(size * scale)) + 0.5) / scale - 1)
            x = np.take(x, np.clip(places, 0, size - 1).astype(int), axis)
        return [x]
    if c.dtype(0).kind in "bcO":
        yield Try("nearest", [c(0, 1, 2, 4, 5)] + none + [scales], dict(mode="nearest"), parameters=(1, 2), expected=nearest)
        return
    # What rounds a mean of integers is not said.
    for mode in ("nearest", "linear", "cubic") if is_float(c.dtype(0)) else ("nearest",):
        yield Try(mode, [c(0, 1, 2, 4, 5)] + none + [scales], dict(mode=mode), parameters=(1, 2), deep=mode == "cubic")
        for transform in ("align_corners", "asymmetric", "pytorch_half_pixel"):
            yield Try(f"{mode}-{transform}", [c(0, 1, 2, 4, 5)] + none + [scales], dict(mode=mode, coordinate_transformation_mode=transform), parameters=(1, 2), deep=True)
    for rounding in ("floor", "ceil", "round_prefer_ceil"):
        yield Try(f"nearest-{rounding}", [c(0, 1, 2, 4, 5)] + none + [scales], dict(nearest_mode=rounding), parameters=(1, 2), deep=True)
    roi = c.numbers(1, [0, 0, 0.125, 0.25, 1, 1, 0.75, 1.25])
    yield Try("crop", [c(0, 1, 2, 4, 5), roi, scales], dict(mode="linear" if is_float(c.dtype(0)) else "nearest", extrapolation_value=2.0,
              coordinate_transformation_mode="tf_crop_and_resize"), parameters=(1, 2))
    if c.version >= 13:
        yield Try("sizes", [c(0, 1, 2, 4, 5), None, None, i64(1, 2, 3, 8)], dict(mode="linear"), parameters=(3,), deep=True)
    if is_float(c.dtype(0)):
        yield Try("coefficient", [c(0, 1, 2, 4, 5)] + none + [scales], dict(mode="cubic", cubic_coeff_a=-0.5), parameters=(1, 2), deep=True)
        yield Try("inside", [c(0, 1, 2, 4, 5)] + none + [scales], dict(mode="cubic", exclude_outside=1), parameters=(1, 2), deep=True)
        yield Try("symmetric", [c(0, 1, 2, 4, 5)] + none + [np.array([1, 1, 1.25, 1.7], np.float32)], dict(mode="linear", coordinate_transformation_mode="half_pixel_symmetric"),
                  parameters=(1, 2), deep=True)
    if c.version >= 18:
        yield Try("axes", [c(0, 1, 2, 4, 5), None, scales[[3, 2]]], dict(mode="linear", axes=[3, 2]), parameters=(2,), deep=True)
        for policy in ("not_larger", "not_smaller"):
            yield Try(policy, [c(0, 1, 2, 4, 5), None, None, i64(7, 8)], dict(mode="nearest", axes=[2, 3], keep_aspect_ratio_policy=policy), parameters=(3,), deep=True)
        yield Try("antialias", [c(0, 1, 2, 9, 8), None, np.array([1, 1, 0.5, 0.4], np.float32)], dict(mode="linear", antialias=1), parameters=(2,), deep=True)


# ---- Quantisation, losses, the rest --------------------------------------------------------------------------------

@settings("QuantizeLinear")
def quantize_linear(c):
    zero = lambda *s: np.zeros(s, c.element("T3", c.element("T2")))
    least = 0.3 if is_float(c.dtype(1)) else 1
    scale = lambda *s: np.asarray(np.asarray(c.rng.uniform(least, 3 * least, s), np.float32), c.dtype(1))
    of = "full" if is_float(c.dtype(0)) else "normal"
    yield Try("plain", [c(0, 5, 17, of=of), scale(), zero()], parameters=(1, 2), more=([c(0, 1, 1), scale(), zero()], [c(0, 0, 3), scale(), zero()]))
    if c.version >= 13:
        yield Try("axis", [c(0, 5, 4), scale(4), zero(4)], dict(axis=1), parameters=(1, 2))
        yield Try("nozero", [c(0, 5, 4, of="positive"), scale()], parameters=(1,), deep=True)
    if c.version >= 21 and c.dtype(0) == np.float32:
        target = zero().dtype
        yield Try("typed", [c(0, 5, 4, of=of), scale()], dict(output_dtype=element_type(c, "T3" if "T3" in c.types else "T2")), parameters=(1,))
        if target.name.startswith("float8"):
            yield Try("nosaturate", [c(0, 64, of="full") * 100, scale(), zero()], dict(saturate=0), parameters=(1, 2))
    if c.version >= 23:
        yield Try("precision", [c(0, 5, 4, of=of), scale(), zero()], dict(precision=1), parameters=(1, 2), deep=True)
    if c.version >= 21:
        yield Try("blocks", [c(0, 3, 8), scale(3, 4), zero(3, 4)], dict(axis=1, block_size=2), parameters=(1, 2))


@settings("DequantizeLinear")
def dequantize_linear(c):
    small = is_float(c.dtype(0)) or c.element("T2") == ml_dtypes.float8_e8m0fnu
    attributes = {} if not small else dict(output_dtype=element_type(c, "T3")) if c.version >= 23 else {}
    zero = lambda *s: np.ones(s, np.float32).astype(c.dtype(0)) if c.dtype(0) != np.int32 else np.zeros(s, np.int32)
    scale = lambda *s: np.asarray(np.asarray(c.rng.uniform(0.3, 0.9, s), np.float32), c.element("T2"))

    def result(x, scale, zero=None):  # neither implementation takes a zero point of small floats or a scale of exponents
        spread = (lambda v: v) if not scale.ndim or scale.ndim == 1 else lambda v: np.repeat(v, x.shape[1] // scale.shape[1], 1)
        wide = x.astype(np.float32) - (0 if zero is None else spread(zero.astype(np.float32)))
        return [(wide * spread(scale.astype(np.float32))).astype(c.element("T3", scale.dtype))]
    result = result if small and c.version >= 23 else None
    yield Try("plain", [c(0, 5, 17, of="full"), scale(), zero()], attributes, parameters=(1, 2), expected=result,
              more=([c(0, 1, 1), scale(), zero()], [c(0, 0, 3), scale(), zero()]))
    if c.version >= 13:
        yield Try("axis", [c(0, 5, 4, of="full"), scale(4), zero(4)], dict(attributes, axis=1), parameters=(1, 2), expected=result)
        yield Try("nozero", [c(0, 5, 4, of="full"), scale()], attributes, parameters=(1,), expected=result)
    if c.version >= 21:
        yield Try("blocks", [c(0, 3, 8, of="full"), scale(3, 4), zero(3, 4)], dict(attributes, axis=1, block_size=2), parameters=(1, 2), expected=result)


@settings("DynamicQuantizeLinear")
def dynamic_quantize_linear(c):
    yield Try("plain", [c(0, 5, 17)], outputs=3, more=([c(0, 1, 1)], [c(0, 9, 131)]))


@settings("NegativeLogLikelihoodLoss", "SoftmaxCrossEntropyLoss")
def loss(c):
    labels = lambda *s: np.asarray(c.rng.integers(0, 5, s), c.dtype(1))
    yield Try("plain", [c(0, 4, 5), labels(4)], more=([c(0, 1, 5), labels(1)], [c(0, 9, 5), labels(9)]))
    for reduction in ("none", "sum", "mean"):
        yield Try(reduction, [c(0, 2, 5, 3), labels(2, 3), c(2, 5, of="positive")], dict(reduction=reduction, ignore_index=2))
    if c.schema.name == "SoftmaxCrossEntropyLoss":
        yield Try("logarithms", [c(0, 2, 5, 3), labels(2, 3)], outputs=2, deep=True)


@settings("NonMaxSuppression")
def non_max_suppression(c):
    corner, extent = c.rng.uniform(0, 5, (1, 9, 2)), c.rng.uniform(1, 4, (1, 9, 2))
    boxes = np.concatenate([corner, corner + extent], -1).astype(np.float32)
    scores = c.rng.uniform(0, 1, (1, 2, 9)).astype(np.float32)
    limits = [i64(3), np.array([0.3], np.float32), np.array([0.2], np.float32)]
    yield Try("plain", [boxes, scores] + limits, parameters=(2, 3, 4))
    yield Try("center", [boxes, scores] + limits, dict(center_point_box=1), parameters=(2, 3, 4))
    yield Try("default", [boxes, scores], deep=True)


@settings("StringConcat")
def string_concat(c):
    plain, more = shapes_of(lambda *s: [c(0, *s), c(1, *s)])
    yield Try("plain", plain, more=more)
    yield Try("broadcast", [c(0, 3, 1), c(1, 4)])


@settings("RegexFullMatch")
def regex_full_match(c):
    yield Try("plain", [c(0, 3, 5)], dict(pattern="[a-z]+"))


@settings("StringNormalizer")
def string_normalizer(c):
    yield Try("upper", [np.array(["monday", "Tuesday", "wednesday"], object)], dict(case_change_action="UPPER", is_case_sensitive=1, stopwords=["monday"]))
    yield Try("plain", [np.array(["monday", "Tuesday"], object)])
    yield Try("lower", [np.array([["monday", "TUESDAY", "x"]], object)], dict(case_change_action="LOWER", is_case_sensitive=0, stopwords=["X"], locale="en_US"),
              expected=[np.array([["monday", "tuesday"]], object)])


@settings("StringSplit")
def string_split(c):
    yield Try("plain", [np.array(["a b", "c  d e", ""], object)], outputs=2)
    yield Try("delimiter", [np.array(["a-b", "c--d-e", "x"], object)], dict(delimiter="-", maxsplit=1), outputs=2)


@settings("TfIdfVectorizer")
def tf_idf_vectorizer(c):
    numbers = [2, 3, 5, 4, 5, 6, 7, 8, 6, 7]
    pool = dict(pool_strings=[str(n) for n in numbers]) if c.dtype(0) == object else dict(pool_int64s=numbers)
    make = lambda *values: [np.array(values).astype(str).astype(object) if c.dtype(0) == object else np.array(values, c.dtype(0))]
    pool.update(ngram_counts=[0, 4], ngram_indexes=[0, 1, 2, 3, 4, 5, 6], min_gram_length=1, max_gram_length=2)
    x = [1, 1, 3, 3, 3, 7, 8, 6, 7, 5, 6, 8]
    yield Try("plain", make(*x), dict(pool, mode="TF", max_skip_count=0), more=(make(5, 6), make(9)))
    yield Try("rows", make(x[:6], x[6:]), dict(pool, mode="TFIDF", max_skip_count=2, weights=[0.5, 1.0, 2.0, 3.0, 1.0, 0.25, 7.0]))
    yield Try("skip", make(*x), dict(pool, mode="IDF", max_skip_count=5, min_gram_length=2), deep=True)


@settings("ImageDecoder")
def image_decoder(c):
    image = c.rng.integers(0, 256, (3, 5, 3)).astype(np.uint8)
    chunk = lambda kind, data: struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    rows = b"".join(b"\0" + row.tobytes() for row in image)
    png = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 5, 3, 8, 2, 0, 0, 0)) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    pnm = b"P6\n5 3\n255\n" + image.tobytes()
    padded = b"".join(row.tobytes() + b"\0" for row in image[::-1, :, ::-1])  # bottom up, blue first, rows of whole words
    bmp = b"BM" + struct.pack("<IIIIiiHHIIiiII", 54 + len(padded), 0, 54, 40, 5, 3, 1, 24, 0, len(padded), 0, 0, 0, 0) + padded
    for label, data in (("png", png), ("pnm", pnm), ("bmp", bmp)):
        yield Try(label, [np.frombuffer(data, np.uint8)], expected=[image])
        yield Try(label + "-bgr", [np.frombuffer(data, np.uint8)], dict(pixel_format="BGR"), expected=[image[..., ::-1].copy()], deep=True)


# ---- Random numbers: where chance has no say, and the shape and type of the others ----------------------------------

@settings("RandomUniform", "RandomNormal")
def random(c):
    dtype = element_type(c, "T")
    certain = dict(low=2.5, high=2.5) if c.schema.name == "RandomUniform" else dict(mean=2.5, scale=0.0)
    full = [np.full((3, 5), 2.5).astype(c.element("T"))]
    yield Try("certain", [], dict(certain, shape=[3, 5], dtype=dtype), expected=full)
    yield Try("seed", [], dict(shape=[3, 5], dtype=dtype, seed=1.0), expected=full, check="shape")


@settings("RandomUniformLike", "RandomNormalLike")
def random_like(c):
    certain = dict(low=2.5, high=2.5) if c.schema.name == "RandomUniformLike" else dict(mean=2.5, scale=0.0)
    result = lambda x: [np.full(x.shape, 2.5).astype(c.element("T2"))]
    yield Try("certain", [c(0, 3, 5)], dict(certain, dtype=element_type(c, "T2")), expected=result, more=([c(0, 0, 4)], [c(0, 7, 1)]))
    yield Try("random", [c(0, 3, 5)], dict(dtype=element_type(c, "T2"), seed=1.0), expected=result, check="shape")
    if c.dtype(0) == c.element("T2"):
        yield Try("like", [c(0, 3, 5)], certain, expected=result)


@settings("Bernoulli")
def bernoulli(c):
    chances = lambda *s: np.asarray(c.rng.integers(2, size=s), c.dtype(0))
    result = lambda x: [x.astype(c.element("T2"))]
    yield Try("certain", [chances(3, 5)], dict(dtype=element_type(c, "T2")), expected=result, more=([chances(1, 1)], [chances(0, 3)]))
    yield Try("random", [np.full((3, 5), 0.5).astype(c.dtype(0))], dict(dtype=element_type(c, "T2"), seed=2.0), expected=result, check="shape")


@settings("Multinomial")
def multinomial(c):
    logits = c.numbers(0, [[0, -300, -300], [-300, -300, 0]])
    result = lambda x: [np.repeat([[0], [2]], 5, 1).astype(c.element("T2"))]
    yield Try("certain", [logits], dict(dtype=element_type(c, "T2"), sample_size=5), expected=result)
    yield Try("random", [np.zeros_like(logits)], dict(dtype=element_type(c, "T2"), sample_size=5, seed=1.0), expected=result, check="shape")
