# Writes a model with constants of 90 floats, two of them equal, and one of a float: 384 bytes up to the second, and 360,
# which make 744 with the first one's 24 of filling.
import sys

values = {"a": range(90), "b": range(90), "c": range(1, 91)}
text = ", ".join(f"float[90] {name} = {{{', '.join(map(str, numbers))}}}" for name, numbers in values.items())
with open(sys.argv[1], "w") as out:
    out.write(f"""<ir_version: 10, opset_import: ["": 22]>
g (float[90] x) => (float[90] y) <{text}, float d = {{2}}> {{
  p = Add (x, a)
  q = Mul (p, b)
  r = Add (q, c)
  y = Mul (r, d)
}}
""")
