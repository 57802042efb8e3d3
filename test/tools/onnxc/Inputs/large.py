# Writes a model of products that differ in size: one that takes seconds to compile.
import sys

sizes = [17 + 7 * i for i in range(21)]
nodes = []
for i, (rows, columns) in enumerate(zip(sizes, sizes[1:])):
    nodes.append(f"s{i} = Constant <value_ints = [{rows}, {columns}]> ()")
    nodes.append(f"w{i} = ConstantOfShape <value = float[1] {{{i}.5}}> (s{i})")
    nodes.append(f"m{i} = MatMul (v{i}, w{i})")
    nodes.append(f"v{i + 1} = Softmax (m{i})")
with open(sys.argv[1], "w") as out:
    out.write('<ir_version: 10, opset_import: ["": 22]>\n')
    out.write(f"g (float[n, {sizes[0]}] v0) => (float[n, {sizes[-1]}] v20) {{\n  " + "\n  ".join(nodes) + "\n}\n")
