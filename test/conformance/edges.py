"""Small models whose sizes only the run knows, at sizes where something ends, is empty, or is 1, against onnxruntime.

    edges.py FOLDER [FILTER]

compiles each (onnxc and onnxc-run are found on the path) and runs every set of inputs: the result is onnxruntime's, or
where that has none, ours is an error that names the node or the input. A set that is `Refused` is one that onnxruntime
answers and a compiled model does not, but with an error: docs/Limits.md and docs/decisions say why.
"""

import itertools
import pathlib
import shutil
import subprocess
import sys

import numpy as np
import onnx
import onnx.parser
import onnxruntime
from onnx import numpy_helper

onnxruntime.set_default_logger_severity(4)
rng = np.random.default_rng(13)
CASES = {}


class Refused(list):
    pass


def case(name, text, *sets, opset=21):
    assert name not in CASES
    CASES[name] = (f'<ir_version: 10, opset_import: ["" : {opset}]>\n{text}', sets)


def f(*shape):
    return rng.normal(size=shape).astype(np.float32)


def i(*values):
    return np.array(values, np.int64)


def floats(*values):
    return np.array(values, np.float32)


def u8(*shape):
    return rng.integers(0, 255, shape).astype(np.uint8)


def grid(*ranges):
    return itertools.product(*ranges)


# ---- Slices: whatever start and end are, they are clamped ------------------------------------------------------------

CONSTANTS = "int64[1] zero = {0}, int64[1] one = {1}, int64[1] two = {2}, int64[1] far = {9223372036854775807}, " \
            "int64[1] back = {-1}, int64[1] three = {3}"


def sliced(name, body, sizes, result="float[n, q] y", inputs="float[n, s] a, float[1, t] b"):
    """`body` slices a [2, s] with the sizes of b [1, t]."""
    case(name, f"g ({inputs}) => ({result}) <{CONSTANTS}> {{ t = Shape <start = 1, end = 2> (b) s = Shape <start = 1, end = 2> (a) {body} }}",
         *[[f(2, s), f(1, t)] for s, t in sizes])


SIZES = [(5, 3), (5, 5), (5, 9), (1, 4), (0, 3), (4, 0), (0, 0), (1, 1), (7, 6)]
sliced("slice-end", "y = Slice (a, zero, t, one)", SIZES)
sliced("slice-end-table", "y = Slice (a, zero, t, one)", [(6, t) for t in (0, 1, 5, 6, 7, 9)], inputs="float[n, 6] a, float[1, t] b")
sliced("slice-start", "y = Slice (a, t, far, one)", SIZES)
sliced("slice-chunk", "st = Mul (t, two) e = Add (st, t) y = Slice (a, st, e, one)", SIZES + [(5, 2), (8, 3)])
sliced("slice-chunks-join", "st = Mul (t, two) a0 = Slice (a, zero, t, one) a1 = Slice (a, t, st, one) a2 = Slice (a, st, far, one) "
       "c = Concat <axis = 1> (a0, a1, a2) y = Add (a, c)", SIZES)
sliced("slice-last", "m = Neg (t) y = Slice (a, m, far, one)", SIZES)
sliced("slice-last-table", "m = Neg (t) y = Slice (a, m, far, one)", [(6, t) for t in (0, 1, 6, 9)], inputs="float[n, 6] a, float[1, t] b")
sliced("slice-but-last", "m = Neg (t) y = Slice (a, zero, m, one)", SIZES)
sliced("slice-last-but-one", "m = Neg (t) e = Sub (m, one) y = Slice (a, e, m, one)", SIZES)
sliced("slice-element-last", "y = Slice (a, back, far, one)", SIZES)
sliced("slice-element-first", "y = Slice (a, zero, one, one)", SIZES)
sliced("slice-element-broadcast", "e = Slice (a, back, far, one) y = Mul (a, e)", SIZES)
sliced("slice-element-squeeze", "e = Slice (a, back, far, one) y = Squeeze (e, one)", SIZES, result="float[n] y")
sliced("slice-less", "e = Sub (t, three) y = Slice (a, e, far, one)", SIZES)
sliced("slice-own-less", "e = Sub (s, three) y = Slice (a, e, far, one)", SIZES + [(2, 2), (3, 3), (4, 4)])
sliced("slice-own-less-one", "e = Sub (s, one) y = Slice (a, zero, e, one)", SIZES)
sliced("slice-steps", "y = Slice (a, zero, t, one, two)", SIZES)
sliced("slice-backwards", "y = Slice (a, t, zero, one, back)", SIZES)
sliced("slice-backwards-whole", "m = Neg (far) y = Slice (a, back, m, one, back)", SIZES)
sliced("slice-middle", "y = Slice (a, two, three, one)", SIZES)
sliced("slice-add", "e = Slice (a, zero, t, one) y = Add (e, b)", [(5, 3), (5, 5), (5, 9), (1, 4), (0, 3), (4, 0), (1, 1), (3, 2)])
sliced("slice-add-table", "e = Slice (a, zero, t, one) y = Add (e, b)", [(6, t) for t in (0, 1, 5, 6, 7)],
       inputs="float[n, 6] a, float[1, t] b")
# The positions of a decoder: rows p to p + q of a table. Of less than q rows one would broadcast: that is an error of ours.
case("slice-positions", f"""g (float[p] past, float[q, 4] x) => (float[q, 4] y) <float[6, 4] table = {{{", ".join(map(str, range(24)))}}}, {CONSTANTS}>
{{ p = Shape (past) q = Shape <end = 1> (x) e = Add (p, q) rows = Slice (table, p, e, zero) y = Add (x, rows) }}""",
     *[[f(p), f(q, 4)] for p, q in [(0, 3), (2, 4), (0, 6), (5, 1), (0, 0), (4, 4), (2, 0)]])
case("slice-empty-of-one", f"g (float[s] x, float[t] b) => (float[q] y) <{CONSTANTS}> {{ t = Shape (b) e = Slice (x, zero, t) y = Add (e, b) }}",
     [f(3), f(2)], [f(1), f(3)], Refused([f(0), f(1)]))
case("slice-lists", "g (float[n, s] x, int64[k] starts, int64[k] ends, int64[k] axes) => (float[p, q] y) { y = Slice (x, starts, ends, axes) }",
     [f(4, 5), i(1), i(3), i(1)], [f(4, 5), i(1, 0), i(3, 9), i(-2, 1)], [f(4, 5), i(), i(), i()], [f(4, 5), i(1), i(3), i(2)],
     [f(2, 0), i(-1), i(3), i(0)])
case("slice-lists-steps", "g (float[n, s] x, int64[k] starts, int64[k] ends, int64[k] axes, int64[k] steps) => (float[p, q] y) "
     "{ y = Slice (x, starts, ends, axes, steps) }",
     [f(4, 5), i(1), i(5), i(1), i(2)], [f(4, 5), i(3, 0), i(-9, 9), i(0, 1), i(-1, 3)], [f(0, 5), i(3), i(-9), i(0), i(-1)])
case("slice-lists-first", "g (float[n, s] x, int64[k] starts, int64[k] ends) => (float[p, q] y) { y = Slice (x, starts, ends) }",
     [f(4, 5), i(1), i(3)], [f(4, 5), i(1, -2), i(3, 9)], [f(4, 5), i(1, 0, 0), i(3, 1, 1)])

# ---- Ranks that a size of 1 would change -----------------------------------------------------------------------------

case("squeeze", "g (float[n, 3, 1] x) => (float[n, 3] y) { y = Squeeze (x) }", [f(2, 3, 1)], [f(0, 3, 1)], [f(1, 3, 1)])
case("squeeze-axes", "g (float[n, s] x) => (float[n] y) <int64[1] axes = {1}> { y = Squeeze (x, axes) }",
     [f(2, 1)], [f(0, 1)], [f(2, 3)], [f(0, 3)], [f(0, 0)])

# ---- Lengths that can only be one number -----------------------------------------------------------------------------

case("length-tile", "g (float[a, b] x, int64[k] r) => (float[c, d] y) { y = Tile (x, r) }",
     [f(2, 3), i(2, 1)], [f(1, 0), i(3, 2)], [f(2, 3), i(2)], [f(2, 3), i(1, 1, 1)])
case("length-pad", "g (float[a, b] x, int64[k] p) => (float[c, d] y) { y = Pad (x, p) }", [f(2, 3), i(1, 0, 0, 2)], [f(2, 3), i(1, 0, 0)])
case("length-pad-axes", "g (float[a, b] x, int64[k] p, float v, int64[j] axes) => (float[c, d] y) <int64[2] q = {1, 2}> { y = Pad (x, q, v, axes) }",
     [f(2, 3), i(0), np.float32(4), i(1)], [f(2, 3), i(0), np.float32(4), i(-2)])
case("length-top-k", "g (float[a, b] x, int64[k] n) => (float[c, d] y, int64[c, d] z) { y, z = TopK (x, n) }", [f(2, 5), i(3)], [f(2, 5), i(0)], [f(2, 5), i(1, 2)])
case("length-one-hot", "g (int64[a] x, int64[k] depth, float[j] values) => (float[a, d] y) { y = OneHot (x, depth, values) }",
     [i(0, 2, -1), i(4), floats(0, 1)], [i(0), i(2, 2), floats(0, 1)], [i(0), i(2), floats(0)])
case("length-split", "g (float[a, b] x, int64[k] parts) => (float[a, c] y, float[a, d] z) { y, z = Split <axis = 1> (x, parts) }",
     [f(2, 5), i(2, 3)], [f(2, 5), i(5, 0)], [f(2, 5), i(5)])
case("length-resize", "g (float[1, 1, h, w] x, float[k] scales) => (float[a, b, c, d] y) { y = Resize <mode = \"linear\"> (x, , scales) }",
     [f(1, 1, 3, 4), floats(1, 1, 2, 2)], [f(1, 1, 3, 4), floats(2, 2)])
case("length-crop", "g (float[a, b] x, int64[k] shape) => (float[c, d] y) { y = CenterCropPad (x, shape) }", [f(4, 5), i(2, 7)])
case("length-trilu", "g (float[a, b] x, int64[k] d) => (float[a, b] y) { y = Trilu (x, d) }", [f(4, 5), i(1)], [f(4, 5), i(-1)])
case("length-cumsum", "g (float[a, b] x, int64[k] axis) => (float[a, b] y) { y = CumSum (x, axis) }", [f(4, 5), i(1)], [f(4, 5), i(-2)])
case("length-unpool", "g (float[1, 1, h, w] x, int64[1, 1, h, w] at, int64[k] shape) => (float[a, b, c, d] y) "
     "{ y = MaxUnpool <kernel_shape = [2, 2], strides = [2, 2]> (x, at, shape) }",
     [f(1, 1, 2, 2), i(0, 3, 9, 14).reshape(1, 1, 2, 2), i(1, 1, 4, 4)], opset=11)
case("length-col2im", "g (float[n, c, l] x, int64[j] image, int64[k] block) => (float[n, d, a, b] y) { y = Col2Im <strides = [1, 1]> (x, image, block) }",
     [f(1, 4, 9), i(4, 4), i(2, 2)], opset=18)
case("length-dft", "g (float[n, l, k] x) => (float[n, m, p] y) { y = DFT <axis = 1> (x) }", [f(2, 5, 1)], [f(2, 4, 2)], [f(2, 4, 3)], opset=17)
case("length-stft", "g (float[n, l, k] x, float[w] window) => (float[n, m, p, q] y) <int64 step = {2}> { y = STFT <onesided = 0> (x, step, window) }",
     [f(2, 9, 1), f(4)], [f(2, 8, 2), f(3)], opset=17)
case("length-reduce", "g (float[a, b] x, int64[k] axes) => (float[c, d] y) { y = ReduceSum (x, axes) }",
     [f(2, 3), i(0)], [f(2, 3), i(0, -1)], [f(2, 3), i()])

# ---- Channels, kernels and heads that only the run knows -------------------------------------------------------------

for version in (18, 21):
    scale = "g" if version == 18 else "c"
    case(f"group-normalization-{version}", f"g (float[n, c, l] x, float[{scale}] s, float[{scale}] b) => (float[n, c, l] y) "
         "{ y = GroupNormalization <num_groups = 2> (x, s, b) }",
         *[[f(n, c, 5), f(2 if version == 18 else c), f(2 if version == 18 else c)] for n, c in [(2, 4), (1, 2), (3, 6), (2, 5)]], opset=version)
case("batch-normalization", "g (float[n, c, l] x, float[c] s, float[c] b, float[c] m, float[c] v) => (float[n, c, l] y) "
     "{ y = BatchNormalization (x, s, b, m, v) }", *[[f(2, c, 3), f(c), f(c), f(c), np.abs(f(c))] for c in (1, 4, 7)])
case("layer-normalization", "g (float[n, d] x, float[e] s, float[h] b) => (float[n, d] y) { y = LayerNormalization (x, s, b) }",
     *[[f(3, d), f(e), f(e)] for d, e in [(5, 5), (1, 1), (8, 8)]], [f(3, 4), f(5), f(5)])
case("instance-normalization", "g (float[n, c, l] x, float[c] s, float[c] b) => (float[n, c, l] y) { y = InstanceNormalization (x, s, b) }",
     [f(2, 3, 4), f(3), f(3)], [f(1, 1, 2), f(1), f(1)])
CONV = "float[n, c, h, v] x, float[m, k, a, b] w"
case("conv", f"g ({CONV}, float[m] bias) => (float[n, m, p, q] y) {{ y = Conv <strides = [2, 1], pads = [1, 0, 0, 1]> (x, w, bias) }}",
     [f(1, 3, 7, 8), f(4, 3, 3, 2), f(4)], [f(2, 1, 5, 5), f(2, 1, 1, 1), f(2)], [f(1, 3, 2, 9), f(4, 3, 3, 9), f(4)], [f(1, 3, 7, 8), f(4, 2, 3, 2), f(4)],
     [f(1, 3, 2, 2), f(4, 3, 5, 2), f(4)])
case("conv-dilated-groups", f"g ({CONV}) => (float[n, m, p, q] y) {{ y = Conv <group = 2, dilations = [2, 1]> (x, w) }}",
     [f(1, 4, 7, 8), f(6, 2, 3, 2)], [f(2, 2, 5, 5), f(2, 1, 1, 3)], [f(1, 4, 7, 8), f(3, 2, 3, 2)])
case("conv-same", f"g ({CONV}) => (float[n, m, p, q] y) {{ y = Conv <auto_pad = \"SAME_UPPER\", strides = [2, 1]> (x, w) }}",
     [f(1, 3, 7, 8), f(4, 3, 3, 2)], [f(1, 3, 6, 5), f(4, 3, 2, 4)], [f(1, 1, 6, 5), f(2, 1, 1, 1)])
case("conv-1d", "g (float[n, c, h] x, float[m, c, a] w) => (float[n, m, p] y) { y = Conv (x, w) }", [f(1, 3, 7), f(4, 3, 3)], [f(1, 1, 1), f(2, 1, 1)])
case("conv-3d", "g (float[n, c, h, v, u] x, float[m, c, a, b, d] w) => (float[n, m, p, q, r] y) { y = Conv (x, w) }", [f(1, 3, 7, 4, 5), f(4, 3, 3, 2, 2)])
case("conv-kernel-shape", f"g ({CONV}) => (float[n, m, p, q] y) {{ y = Conv <kernel_shape = [3, 2]> (x, w) }}",
     [f(1, 3, 7, 8), f(4, 3, 3, 2)], [f(1, 3, 7, 8), f(4, 3, 2, 2)])
case("conv-channels", "g (float[n, c, h, v] x) => (float[n, m, p, q] y) <float[1, 2, 1, 1] w = {1, 2}> { y = Conv (x, w) }", [f(1, 2, 3, 3)], [f(1, 1, 3, 3)], [f(1, 3, 3, 3)])
case("conv-depthwise", "g (float[n, c, h, v] x) => (float[n, m, p, q] y) <float[2, 1, 1, 2] w = {1, 2, 3, 4}> { y = Conv <group = 2> (x, w) }",
     [f(1, 2, 3, 3)], [f(1, 4, 3, 3)])
case("conv-transpose", f"g ({CONV}, float[j] bias) => (float[n, j, p, q] y) {{ y = ConvTranspose <strides = [2, 1], pads = [1, 0, 0, 1]> (x, w, bias) }}",
     [f(1, 3, 4, 5), f(3, 4, 3, 2), f(4)], [f(2, 1, 2, 3), f(1, 2, 3, 2), f(2)], [f(1, 3, 4, 5), f(2, 4, 3, 2), f(4)])
case("conv-transpose-groups", f"g ({CONV}) => (float[n, j, p, q] y) {{ y = ConvTranspose <group = 2, strides = [1, 2], dilations = [2, 1], output_padding = [0, 1]> (x, w) }}",
     [f(1, 4, 4, 5), f(4, 3, 3, 2)], [f(2, 2, 2, 3), f(2, 1, 1, 2)])
case("conv-transpose-shape", f"g (float[n, c, h, v] x) => (float[n, j, p, q] y) <float[1, 1, 2, 2] w = {{1, 2, 3, 4}}> "
     "{ y = ConvTranspose <strides = [2, 2], output_shape = [5, 6]> (x, w) }", [f(1, 1, 3, 3)], [f(1, 1, 2, 3)])
case("conv-integer", "g (uint8[n, c, h, v] x, uint8[m, c, a, b] w, uint8[i] xz, uint8[j] wz) => (int32[n, m, p, q] y) { y = ConvInteger (x, w, xz, wz) }",
     [u8(1, 3, 5, 6), u8(2, 3, 2, 3), u8(1), u8(1)])
case("matmul-integer", "g (uint8[m, k] a, uint8[k, n] b, uint8[i] az, uint8[j] bz) => (int32[m, n] y) { y = MatMulInteger (a, b, az, bz) }",
     [u8(3, 4), u8(4, 5), u8(1), u8(1)], [u8(3, 4), u8(4, 5), u8(1), u8(5)])
case("quantize", "g (float[n, c] x, float[k] s, uint8[k] z) => (uint8[n, c] y) { y = QuantizeLinear <axis = 1> (x, s, z) }",
     [f(3, 4), np.abs(f(1)), u8(1)], [f(3, 4), np.abs(f(4)), u8(4)], [f(3, 4), np.abs(f(3)), u8(3)])
case("dequantize-vector", "g (uint8[n] x, float[k] s, uint8[k] z) => (float[n] y) { y = DequantizeLinear (x, s, z) }", [u8(5), np.abs(f(1)), u8(1)])
RECURRENT = "float[t, b, i] x, float[d, g, i] w, float[d, g, h] r, float[d, j] bias, int32[b] lengths, float[d, b, h] start"
for op, gates in (("RNN", 1), ("GRU", 3), ("LSTM", 4)):
    for name, attributes, directions in (("", "hidden_size = 3", 1), ("-both", 'direction = "bidirectional"', 2)):
        def operands(t, b, n, h):
            return [f(t, b, n), f(directions, gates * h, n), f(directions, gates * h, h), f(directions, 2 * gates * h),
                    rng.integers(1, max(t, 1) + 1, b).astype(np.int32), f(directions, b, h)]
        case(f"{op.lower()}{name}", f"g ({RECURRENT}) => (float[t, d, b, h] y, float[d, b, h] last) {{ y, last = {op} <{attributes}> (x, w, r, bias, lengths, start) }}",
             operands(4, 2, 5, 3), operands(1, 1, 1, 3), *([] if "hidden" in attributes else [operands(3, 2, 2, 4)]))
ATTENTION = "float[b, h, q, d] q, float[b, k, s, d] k, float[b, k, s, v] v"
case("attention-heads", f"g ({ATTENTION}) => (float[b, h, q, v] y) {{ y = Attention (q, k, v) }}",
     [f(2, 4, 3, 8), f(2, 2, 5, 8), f(2, 2, 5, 6)], [f(1, 2, 3, 4), f(1, 2, 5, 4), f(1, 2, 5, 4)], [f(1, 3, 3, 4), f(1, 2, 5, 4), f(1, 2, 5, 4)], opset=23)
case("attention-mask", f"g (float[b, h, q, d] q, float[b, h, s, d] k, float[b, h, s, d] v, float[mb, mh, mq, s] mask) => (float[b, h, q, d] y) {{ y = Attention (q, k, v, mask) }}",
     *[[f(2, 4, 3, 8), f(2, 4, 5, 8), f(2, 4, 5, 8), f(*m, 5)] for m in [(1, 1, 3), (2, 4, 3), (2, 1, 3)]], opset=23)

# ---- Sizes that must agree ------------------------------------------------------------------------------------------

case("agree-grid-sample", "g (float[n, c, h, w] x, float[m, p, q, 2] grid) => (float[a, b, d, e] y) { y = GridSample (x, grid) }",
     [f(2, 3, 4, 5), f(2, 3, 3, 2)], [f(2, 3, 4, 5), f(1, 3, 3, 2)])
case("agree-roi-align", "g (float[n, c, h, w] x, float[r, 4] rois, int64[i] batch) => (float[a, b, d, e] y) "
     "{ y = RoiAlign <output_height = 2, output_width = 2> (x, rois, batch) }",
     [f(2, 3, 8, 8), np.abs(f(3, 4)), i(0, 1, 0)], [f(2, 3, 8, 8), np.abs(f(3, 4)), i(0, 1)])
case("agree-scatter-elements", "g (float[n, c] x, int64[a, b] at, float[d, e] u) => (float[n, c] y) { y = ScatterElements <axis = 1> (x, at, u) }",
     [f(2, 5), i(1, 3, 0, 2).reshape(2, 2), f(2, 2)], [f(2, 5), i(1, 3, 0, 2).reshape(2, 2), f(2, 1)], [f(1, 5), i(1, 3, 0, 2).reshape(2, 2), f(2, 2)])
case("agree-scatter-nd", "g (float[n, c] x, int64[a, 1] at, float[b, d] u) => (float[n, c] y) { y = ScatterND (x, at, u) }",
     [f(4, 3), i(2, 0).reshape(2, 1), f(2, 3)], [f(4, 3), i(2, 0).reshape(2, 1), f(1, 3)], [f(4, 3), i(2, 0).reshape(2, 1), f(2, 2)])
case("agree-gather-elements", "g (float[n, c] x, int64[a, b] at) => (float[a, b] y) { y = GatherElements <axis = 1> (x, at) }",
     [f(2, 5), i(1, 3, 0, 2).reshape(2, 2)], [f(1, 5), i(1, 3, 0, 2).reshape(2, 2)])
case("agree-reverse-sequence", "g (float[t, n] x, int64[m] lengths) => (float[t, n] y) { y = ReverseSequence (x, lengths) }", [f(4, 2), i(2, 4)], [f(4, 2), i(2)])
case("agree-loss", "g (float[n, c] x, int64[m] labels, float[d] weights) => (float y) { y = SoftmaxCrossEntropyLoss (x, labels, weights) }",
     [f(3, 4), i(0, 3, 1), f(4)], [f(3, 4), i(0, 3, 1), f(2)])
case("agree-concat", "g (float[n, 2] a, float[m, 3] b) => (float[n, 5] y) { y = Concat <axis = 1> (a, b) }", [f(3, 2), f(3, 3)], [f(3, 2), f(1, 3)])
case("agree-instance-normalization", "g (float[n, c, l] x, float[k] s, float[j] b) => (float[n, c, l] y) { y = InstanceNormalization (x, s, b) }",
     [f(2, 3, 4), f(3), f(3)], [f(2, 3, 4), f(2), f(3)])
case("agree-unpool", "g (float[1, 1, h, w] x, int64[1, 1, i, j] at) => (float[a, b, c, d] y) { y = MaxUnpool <kernel_shape = [2, 2], strides = [2, 2]> (x, at) }",
     [f(1, 1, 2, 2), i(0, 3, 9, 14).reshape(1, 1, 2, 2)], [f(1, 1, 2, 2), i(0, 3).reshape(1, 1, 1, 2)])

# ---- Broadcasts of sizes that turn out to be 1 -----------------------------------------------------------------------

EDGES = [(3, 3), (1, 3), (3, 1), (1, 1), (0, 1), (1, 0), (0, 0), (2, 3)]
for op in ("Add", "Div", "Pow", "PRelu", "Mod"):
    attributes = " <fmod = 1>" if op == "Mod" else ""
    case(f"broadcast-{op.lower()}", f"g (float[n, 4] a, float[m, 4] b) => (float[p, 4] y) {{ y = {op}{attributes} (a, b) }}",
         *[[np.abs(f(n, 4)) + 1, np.abs(f(m, 4)) + 1] for n, m in EDGES if op != "PRelu" or m in (1, n)])
case("broadcast-inner", "g (float[2, n] a, float[2, m] b) => (float[2, p] y) { y = Add (a, b) }", *[[f(2, n), f(2, m)] for n, m in EDGES])
case("broadcast-ranks", "g (float[n] a, float[m, k] b) => (float[p, q] y) { y = Mul (a, b) }", [f(3), f(2, 3)], [f(1), f(2, 3)], [f(3), f(2, 1)], [f(2), f(2, 3)])
case("broadcast-max", "g (float[n, 2] a, float[m, 2] b, float[k, 2] c) => (float[p, 2] y) { y = Max (a, b, c) }",
     *[[f(n, 2), f(m, 2), f(k, 2)] for n, m, k in [(3, 1, 1), (1, 3, 3), (1, 1, 3), (3, 3, 3), (2, 3, 1)]])
case("broadcast-where", "g (bool[n, 4] c, float[m, 4] a, float[k, 1] b) => (float[p, 4] y) { y = Where (c, a, b) }",
     *[[f(n, 4) > 0, f(m, 4), f(k, 1)] for n, m, k in [(3, 1, 1), (1, 3, 3), (1, 1, 3), (3, 3, 3), (2, 3, 1)]])
case("broadcast-expand", "g (float[n, 1] a, float[m, 3] b) => (float[p, 3] y) { s = Shape (b) y = Expand (a, s) }", *[[f(n, 1), f(m, 3)] for n, m in EDGES])
case("broadcast-clip", "g (float[n] a, float[k] low) => (float[n] y) <int64[0] none = {}> { l = Reshape (low, none) y = Clip (a, l) }", [f(5), f(1)])
case("broadcast-matmul", "g (float[n, 2, k] a, float[m, k, 3] b) => (float[p, 2, 3] y) { y = MatMul (a, b) }",
     *[[f(n, 2, 5), f(m, 5, 3)] for n, m in EDGES], [f(2, 2, 5), f(2, 4, 3)])
case("matmul-inner", "g (float[n, k] a, float[j, m] b) => (float[n, m] y) { y = MatMul (a, b) }", [f(2, 3), f(3, 4)], [f(2, 3), f(7, 4)])
case("broadcast-gemm", "g (float[n, k] a, float[k, m] b, float[i, j] c) => (float[n, m] y) { y = Gemm (a, b, c) }",
     *[[f(3, 2), f(2, 4), f(*c)] for c in [(3, 4), (1, 4), (3, 1), (1, 1), (2, 4)]])
case("gemm-inner", "g (float[n, k] a, float[m, j] b) => (float[n, m] y) { y = Gemm <transB = 1> (a, b) }", [f(3, 2), f(4, 2)], [f(3, 2), f(4, 9)])
case("einsum-ellipsis", 'g (float[n, 2, 5] a, float[m, 3, 5] b) => (float[p, 2, 3] y) { y = Einsum <equation = "...ij,...kj->...ik"> (a, b) }',
     *[[f(n, 2, 5), f(m, 3, 5)] for n, m in EDGES if n * m])  # of nothing onnxruntime divides by 0
case("einsum-letters", 'g (float[n, j] a, float[m, k] b) => (float[p] y) { y = Einsum <equation = "ij,ij->i"> (a, b) }',
     [f(3, 4), f(3, 4)], [f(1, 4), f(3, 4)], [f(3, 4), f(3, 1)], [f(3, 1), f(1, 4)], [f(2, 4), f(3, 4)])
case("einsum-three", 'g (float[n, j] a, float[j, k] b, float[k] c) => (float[n] y) { y = Einsum <equation = "ij,jk,k->i"> (a, b, c) }', [f(3, 4), f(4, 2), f(2)])
case("layer-normalization-one", "g (float[n, 4] x, float[e] s) => (float[n, 4] y) { y = LayerNormalization (x, s) }", [f(3, 4), f(4)])


# ---- Running them ----------------------------------------------------------------------------------------------------

def write(folder, kind, arrays):
    folder.mkdir(parents=True, exist_ok=True)
    for k, array in enumerate(arrays):
        (folder / f"{kind}_{k}.pb").write_bytes(numpy_helper.from_array(np.asarray(array)).SerializeToString())


def run(*command):
    return subprocess.run([str(c) for c in command], capture_output=True, text=True, timeout=300)


def answer(text, arrays):
    """What onnxruntime makes of the inputs, None where it fails. It gets no size from a name, and needs a hidden_size."""
    model = onnx.parser.parse_model(text)
    for output in model.graph.output:
        output.type.tensor_type.ClearField("shape")
    for k, info in enumerate(model.graph.input):
        for d, dim in enumerate(info.type.tensor_type.shape.dim):
            if dim.dim_param:
                dim.dim_param = f"i{k}d{d}"
    for node in model.graph.node:
        if node.op_type in ("RNN", "GRU", "LSTM") and not any(a.name == "hidden_size" for a in node.attribute):
            node.attribute.append(onnx.helper.make_attribute("hidden_size", arrays[2].shape[2]))
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    try:
        return session.run(None, {i.name: np.asarray(a) for i, a in zip(session.get_inputs(), arrays)})
    except Exception:
        return None


def check(folder, name, text, sets):
    """Complaints about one model, and how many of its runs gave a result, and an error."""
    folder.mkdir(parents=True)
    onnx.save(onnx.parser.parse_model(text), folder / "model.onnx")
    compiled = run("onnxc", "-O1", folder / "model.onnx", "-o", folder / "model.so")
    if compiled.returncode:
        return [f"{name}: does not compile: {compiled.stderr.strip()}"], 0, 0
    problems, answers, errors = [], 0, 0
    for n, arrays in enumerate(sets):
        data = folder / f"test_data_set_{n}"
        write(data, "input", arrays)
        want = answer(text, arrays)
        if want is not None:
            write(data, "output", want)
        got = run("onnxc-run", folder / "model.so", "--inputs", data, *(["--check", data, "--rtol", "1e-4", "--atol", "1e-5"] if want is not None else []))
        shapes = [np.shape(a) for a in arrays]
        isRefused = got.returncode == 2 and ("node '" in got.stderr or "input '" in got.stderr)
        if want is None or isinstance(arrays, Refused):
            errors += isRefused
            if not isRefused:
                problems.append(f"{name}: no error for {shapes}: {got.returncode} {(got.stdout + got.stderr).strip()[-300:]}")
        elif got.returncode:
            problems.append(f"{name}: {shapes}, onnxruntime gives {[a.shape for a in want]}: {(got.stdout + got.stderr).strip()[-400:]}")
        else:
            answers += 1
    return problems, answers, errors


def main():
    folder = pathlib.Path(sys.argv[1])
    shutil.rmtree(folder, ignore_errors=True)
    wanted = sys.argv[2] if len(sys.argv) > 2 else ""
    answers = errors = failed = 0
    for name, (text, sets) in CASES.items():
        if wanted not in name:
            continue
        try:
            problems, right, refused = check(folder / name, name, text, sets)
        except Exception as e:
            problems, right, refused = [f"{name}: {type(e).__name__}: {e}"], 0, 0
        answers, errors, failed = answers + right, errors + refused, failed + len(problems)
        for problem in problems:
            print(problem, flush=True)
    print(f"{answers} results as onnxruntime's, {errors} errors, {failed} problems")
    sys.exit(failed != 0)


if __name__ == "__main__":
    main()
