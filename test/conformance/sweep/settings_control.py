"""What the sweep tries of sequences and optionals and of the operators that have graphs, see settings.py."""

import numpy as np
from onnx import helper

from settings import Try, i64, settings
from values import Value, element, element_dtype, parts, plain, shape_of, tensor_type, type_of, type_proto


def sequence(c, k, *shapes):
    return c.value(c.type(k), *shapes)


def of(value, content):
    """A value of the same type."""
    return Value(value.type, content)


# ---- Sequences -----------------------------------------------------------------------------------------------------

@settings("SequenceConstruct")
def sequence_construct(c):
    yield Try("plain", [c(0, 3, 5), c(0, 2, 5), c(0, 3, 5)], more=([c(0, 1, 1), c(0, 0, 1), c(0, 7, 1)],))
    yield Try("ranks", [c(0, 3), c(0), c(0, 2, 2)], expected=lambda *x: [Value(f"seq({c.type(0)})", list(x))])
    yield Try("one", [c(0, 3)], deep=True)


@settings("SequenceEmpty")
def sequence_empty(c):
    yield Try("plain", [], dict(dtype=element(c.types["S"])), expected=[Value(c.types["S"], [])])
    yield Try("default", [], expected=[Value("seq(tensor(float))", [])], deep=True)


def related(c, a, b):
    """Whether two formal inputs have the same element type."""
    return element(c.type(a)) == element(c.type(b))


@settings("SequenceInsert")
def sequence_insert(c):
    if not related(c, 0, 1):
        return
    make = lambda position, *shapes: [sequence(c, 0, *shapes), c(1, 3, 4)] + ([] if position is None else [np.array(position, c.dtype(2))])
    yield Try("plain", make(1, (3, 4), (2, 4), (3, 1)), expected=lambda s, x, p: [of(s, s.content[:1] + [x] + s.content[1:])],
              more=(make(1, (1, 1), (0, 1)),))
    yield Try("back", make(None, (3, 4), (2, 4)), expected=lambda s, x: [of(s, s.content + [x])])
    yield Try("negative", make(-2, (3, 4), (2, 4)), expected=lambda s, x, p: [of(s, [x] + s.content)], deep=True)
    yield Try("end", make(2, (3, 4), (2, 4)), expected=lambda s, x, p: [of(s, s.content + [x])], deep=True)
    yield Try("empty", make(0), expected=lambda s, x, p: [of(s, [x])], deep=True)


@settings("SequenceAt", "SequenceErase")
def sequence_at(c):
    is_at = c.schema.name == "SequenceAt"
    make = lambda position, *shapes: [sequence(c, 0, *shapes), np.array(position, c.dtype(1))]
    result = lambda s, p: [s.content[p] if is_at else of(s, [x for n, x in enumerate(s.content) if n != int(p) % len(s.content)])]
    yield Try("plain", make(1, (3, 4), (2, 4), (3, 1)), expected=result, parameters=(1,))
    yield Try("negative", make(-3, (3, 4), (2, 4), (3, 1)), expected=result)
    yield Try("last", make(2, (3, 4), (2, 4), (0, 1)), expected=result, deep=True)


@settings("SequenceLength")
def sequence_length(c):
    for label, shapes in (("plain", ((3, 4), (2, 4))), ("ranks", ((3,), (), (2, 2))), ("empty", ())):
        yield Try(label, [sequence(c, 0, *shapes)], expected=lambda s: [np.array(len(s.content))])


@settings("ConcatFromSequence")
def concat_from_sequence(c):
    yield Try("plain", [sequence(c, 0, (3, 4), (3, 1), (3, 0))], dict(axis=1), expected=lambda s: [np.concatenate(s.content, 1)])
    yield Try("new", [sequence(c, 0, (3, 4), (3, 4))], dict(axis=-1, new_axis=1), expected=lambda s: [np.stack(s.content, -1)])
    yield Try("scalars", [sequence(c, 0, (), (), ())], dict(axis=0, new_axis=1), expected=lambda s: [np.stack(s.content)], deep=True)


@settings("SplitToSequence")
def split_to_sequence(c):
    result = lambda *ends: lambda x, *_: [Value(f"seq({c.type(0)})", np.split(x, ends, -1))]
    yield Try("plain", [c(0, 3, 7), np.array([1, 0, 6], c.dtype(1))], dict(axis=-1), parameters=(1,), expected=result(1, 1))
    yield Try("scalar", [c(0, 3, 7), np.array(3, c.dtype(1))], dict(axis=1), parameters=(1,), expected=result(3, 6))
    yield Try("ones", [c(0, 2, 3)], dict(axis=1), expected=result(1, 2))
    yield Try("nokeep", [c(0, 3, 2)], dict(keepdims=0), expected=lambda x: [Value(f"seq({c.type(0)})", list(x))],
              more=([c(0, 1, 5)],))


# ---- Optionals -----------------------------------------------------------------------------------------------------

def operand(c, k, *, present=True):
    """A value for formal input k, or an empty one."""
    return c.value(c.type(k), *([(3, 5), (3, 5)] if present else []))


@settings("Optional")
def optional(c):
    held = c.type(0)
    result = lambda content: [Value(f"optional({held})", content)]
    yield Try("plain", [operand(c, 0)], expected=lambda x: result(plain(x)))
    yield Try("none", [], dict(type=type_proto(held)), expected=result(None))


@settings("OptionalHasElement", "OptionalGetElement")
def optional_has_element(c):
    text = c.type(0)
    is_optional, inner = parts(text)[0] == "optional", parts(text)[1]
    if c.schema.name == "OptionalHasElement":
        yield Try("plain", [operand(c, 0)], expected=[np.array(True)])
        if is_optional:
            yield Try("none", [operand(c, 0, present=False)], expected=[np.array(False)])
        elif c.version >= 18:
            yield Try("absent", [], expected=[np.array(False)], deep=True)
        return
    yield Try("plain", [operand(c, 0)],
              expected=lambda x: [x if not is_optional else Value(inner, x.content) if inner.startswith("seq(") else x.content])


# ---- Graphs --------------------------------------------------------------------------------------------------------

def graph(name, inputs, nodes, outputs):
    """`inputs`, `outputs`: pairs of a name and a value that has the type (and shape), or a type."""
    def info(name, like):
        is_type = isinstance(like, str)
        return helper.make_value_info(name, type_proto(like if is_type else type_of(like), None if is_type else shape_of(like)))
    return helper.make_graph(nodes, name, [info(*i) for i in inputs], [info(*o) for o in outputs])


def constant(name, array):
    return helper.make_node("Constant", [], [name], value=helper.make_tensor(
        name, helper.np_dtype_to_tensor_dtype(array.dtype), array.shape, array.ravel().tolist()))


def node(operator, inputs, outputs, **attributes):
    return helper.make_node(operator, inputs.split(), outputs.split(), **attributes)


@settings("If")
def if_(c):
    a, b = np.float32([[1.5, 2], [3, 4]]), np.float32([[5, 6]])
    branch = lambda value: graph("branch", [], [constant("a", value), node("Shape", "a", "s")], [("a", "tensor(float)"), ("s", i64(2, 2))])
    result = lambda cond: [x := a if cond else b, i64(*x.shape)]
    yield Try("plain", [np.array(True)], dict(then_branch=branch(a), else_branch=branch(b)), outputs=2, expected=result,
              more=([np.array(False)],), parameters=(0,))
    yield Try("vector", [np.array([False])], dict(then_branch=branch(a), else_branch=branch(b)), outputs=2, expected=result, deep=True)
    if c.version >= 13:
        pair = lambda first, second: graph("branch", [], [constant("a", first), constant("b", second), node("SequenceConstruct", "a b", "s")],
                                           [("s", "seq(tensor(float))")])
        yield Try("sequences", [np.array(True)], dict(then_branch=pair(a, b), else_branch=pair(b, b)), more=([np.array(False)],),
                  expected=lambda cond: [Value("seq(tensor(float))", [a if cond else b, b])])


@settings("Loop")
def loop(c):
    """Carries a value of every type unchanged and collects the numbers of the iterations."""
    state = operand(c, 2)
    is_tensor = not isinstance(state, Value)
    limit, always = np.array(3), np.array(True)
    body = graph("body", [("i", np.array(0)), ("before", always), ("v", state)],
                 [node("Identity", "before", "after"), node("Identity", "v", "w"), node("Identity", "i", "number")],
                 [("after", always), ("w", state), ("number", np.array(0))])
    yield Try("plain", [limit, always, state], dict(body=body), outputs=2, parameters=(0, 1),
              expected=lambda n, cond, x: [x, np.arange(int(n))])
    if not is_tensor:
        return
    body = graph("body", [("i", np.array(0)), ("before", always), ("v", state)],
                 [node("Identity", "before", "after"), node("Identity", "v", "w"), node("Identity", "v", "copy")],
                 [("after", always), ("w", state), ("copy", state)])
    copies = lambda n, cond, x: [x, np.stack([x] * int(n)) if n else np.zeros((0,) + x.shape, x.dtype)]
    yield Try("collect", [limit, always, state], dict(body=body), outputs=2, expected=copies)
    yield Try("never", [limit, np.array(False), state], dict(body=body), outputs=2, expected=lambda n, cond, x: copies(0, cond, x), deep=True)
    yield Try("none", [np.array(0), always, state], dict(body=body), outputs=2, expected=copies, parameters=(0,), deep=True)
    until = graph("body", [("i", np.array(0)), ("before", always), ("v", state)],
                  [constant("four", np.array(4)), node("Less", "i four", "after"), node("Identity", "v", "w"), node("Identity", "i", "number")],
                  [("after", always), ("w", state), ("number", np.array(0))])
    yield Try("until", [None, always, state], dict(body=until), outputs=2, expected=lambda n, cond, x: [x, np.arange(5)])
    yield Try("counted", [np.array(2), None, state], dict(body=until), outputs=2, expected=lambda n, cond, x: [x, np.arange(2)])
    if c.dtype(2) == np.float32:
        double = graph("body", [("i", np.array(0)), ("before", always), ("v", state)],
                       [node("Identity", "before", "after"), node("Add", "v v", "w"), node("Neg", "v", "minus")],
                       [("after", always), ("w", state), ("minus", state)])
        yield Try("double", [limit, always, state], dict(body=double), outputs=2, parameters=(0, 1), deep=True,
                  expected=lambda n, cond, x: [8 * x, np.stack([-x, -2 * x, -4 * x])])


@settings("Scan")
def scan(c):
    """Each scan output is the element before: any type can do that."""
    if c.version == 8:
        make = lambda batch, steps, width: [None, c(1, batch, width), c(1, batch, steps, width)]
        result = lambda _, first, x: [x[:, -1], np.concatenate([first[:, None], x[:, :-1]], 1)]
    else:
        make = lambda steps, width: [c(0, width), c(0, steps, width)]
        result = lambda first, x: [x[-1], np.concatenate([first[None], x[:-1]])]
    row = c(0 if c.version > 8 else 1, 5)
    body = graph("body", [("before", row), ("x", row)], [node("Identity", "x", "after"), node("Identity", "before", "y")], [("after", row), ("y", row)])
    yield Try("plain", make(4, 5) if c.version > 8 else make(2, 4, 5), dict(body=body, num_scan_inputs=1), outputs=2, expected=result,
              more=(make(1, 5), make(9, 5)) if c.version > 8 else ())
    if c.version > 8:
        yield Try("reversed", make(4, 5), dict(body=body, num_scan_inputs=1, scan_input_directions=[1], scan_output_directions=[1]), outputs=2,
                  expected=lambda first, x: [x[0], np.concatenate([x[1:], first[None]])])
        yield Try("axis", [c(0, 5), c(0, 5, 3)], dict(body=body, num_scan_inputs=1, scan_input_axes=[1], scan_output_axes=[-1]), outputs=2,
                  expected=lambda first, x: [x[:, -1], np.concatenate([first[:, None], x[:, :-1]], 1)], deep=True)


@settings("SequenceMap")
def sequence_map(c):
    first, additional = sequence(c, 0, (3, 4), (2, 4)), c.value(c.type(1), (3, 5), (1, 5))
    x, y = (tensor_type(element_dtype(c.type(k))) for k in (0, 1))
    body = graph("body", [("x", x), ("y", y)], [node("Identity", "y", "b"), node("Identity", "x", "a")], [("a", x), ("b", y)])
    result = lambda s, t: [s, t if isinstance(t, Value) else Value(f"seq({type_of(t)})", [t] * len(s.content))]
    none = [sequence(c, 0), of(additional, []) if isinstance(additional, Value) else additional]
    yield Try("plain", [first, additional], dict(body=body), outputs=2, expected=result, more=(none,))
    shapes = graph("body", [("x", x)], [node("Shape", "x", "s")], [("s", i64(0, 0))])
    yield Try("shapes", [first], dict(body=shapes), expected=lambda s: [Value("seq(tensor(int64))", [i64(*t.shape) for t in s.content])])
