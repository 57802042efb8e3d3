"""Prints models whose bodies are nested: growing.py sequences|ranks DEPTH."""
import sys

kind, number = sys.argv[1], int(sys.argv[2])
print('<ir_version: 10, opset_import: ["" : 21]>')


def sequences(level):
    """A Loop whose sequence starts empty; in a branch its body reads an item, of a rank that the body alone shows."""
    inner = f"y{level} = Relu (x)"
    if level < number:
        inner = f"""e{level} = SequenceEmpty () r{level} = Loop (m, t, e{level}) <body = {sequences(level + 1)}>
          y{level} = ConcatFromSequence <axis = 0> (r{level})"""
    return f"""b{level} (int64 i{level}, bool c{level}, seq(float[]) s{level}) => (bool g{level}, seq(float[]) q{level}) {{
      g{level} = Identity (c{level}) {inner} later{level} = Greater (i{level}, zero)
      q{level} = If (later{level}) <
        then_branch = t{level} () => (seq(float[]) a{level}) {{
          o{level} = SequenceAt (s{level}, zero) p{level} = Add (o{level}, y{level})
          a{level} = SequenceInsert (s{level}, p{level}) }},
        else_branch = f{level} () => (seq(float[]) d{level}) {{ d{level} = SequenceInsert (s{level}, y{level}) }}> }}"""


def ranks(level):
    """A Loop that carries a scalar at first and a matrix from the first round on."""
    inner = f"q{level} = Add (s{level}, x)"
    if level < number:
        inner = f"r{level} = Loop (m, t, one) <body = {ranks(level + 1)}> q{level} = Add (s{level}, r{level})"
    return f"""b{level} (int64 i{level}, bool c{level}, float s{level}) => (bool g{level}, float[j, k] q{level}) {{
      g{level} = Identity (c{level}) {inner} }}"""


if kind == "sequences":
    print(f"""g (float[2, 3] x) => (float[n, 3] y) <int64 m = {{2}}, bool t = {{1}}, int64 zero = {{0}}> {{
      e = SequenceEmpty () r = Loop (m, t, e) <body = {sequences(1)}> y = ConcatFromSequence <axis = 0> (r) }}""")
elif kind == "ranks":
    print(f"""g (float[2, 3] x) => (float[2, 3] y) <int64 m = {{2}}, bool t = {{1}}, float one = {{1.0}}> {{
      y = Loop (m, t, one) <body = {ranks(1)}> }}""")
