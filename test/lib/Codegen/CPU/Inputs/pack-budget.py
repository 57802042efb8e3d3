# Writes model.onnxtxt, in which one constant of 1 MB is multiplied in 60 forms, an input for it and what is expected.
import itertools

import numpy

BITS = 18
forms = [(sizes, order) for sizes in itertools.product(range(1, BITS), repeat=3) if sum(sizes) == BITS
         for order in itertools.permutations(range(3))]
forms = [([1 << bits for bits in sizes], order) for sizes, order in forms[::len(forms) // 60][:60]]
constant = (numpy.arange(1 << BITS) % 7).astype(numpy.float32)
x = (numpy.arange(1 << BITS) % 3).astype(numpy.float32).reshape(1, -1)
body, expected = "", []
for i, (sizes, order) in enumerate(forms):
    rows = sizes[order[1]]
    body += (f"d{i} = Constant <value_ints = {sizes}> () r{i} = Reshape (c, d{i}) "
             f"t{i} = Transpose <perm = {list(order)}> (r{i}) e{i} = Constant <value_ints = [{rows}]> () "
             f"f{i} = Slice (x, z, e{i}, o) y{i} = MatMul (f{i}, t{i}) u{i} = ReduceSum <keepdims = 0> (y{i})\n"
             f"v{i} = Reshape (u{i}, o)\n")
    expected.append((x[:, :rows] @ constant.reshape(sizes).transpose(order)).sum())
open("model.onnxtxt", "w").write(f"""<ir_version: 8, opset_import: ["" : 17]>
g (float[1, {1 << BITS}] x) => (float[{len(forms)}] y) <int32 from = {{0}}, int32 to = {{{1 << BITS}}}, int32 by = {{1}}, int32 seven = {{7}},
    int64[1] z = {{0}}, int64[1] o = {{1}}> {{
n = Range (from, to, by) m = Mod (n, seven) c = Cast <to = 1> (m)
{body}y = Concat <axis = 0> ({", ".join(f"v{i}" for i in range(len(forms)))})
}}
""")
numpy.save("x.npy", x)
numpy.save("y.npy", numpy.array(expected, numpy.float32))
