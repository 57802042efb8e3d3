"""Quantisers of training tools, by their definitions: docs/qonnx-custom-ops of QONNX, RequantShift of quantlib, FakeQuantize of
OpenVINO. All that is not integers is calculated in float32."""

import sys

import numpy as np
from onnx import helper

from cases import Cases

cases = Cases(sys.argv[1])
f32 = np.float32
QONNX = "qonnx.custom_op.general"

ROUNDINGS = {
    "ROUND": np.round,
    "HALF_EVEN": np.round,
    "CEIL": np.ceil,
    "FLOOR": np.floor,
    "UP": lambda x: np.sign(x) * np.ceil(np.abs(x)),
    "DOWN": np.trunc,
    "HALF_UP": lambda x: np.sign(x) * np.floor(np.abs(x) + f32(0.5)),
    "HALF_DOWN": lambda x: np.sign(x) * np.ceil(np.abs(x) - f32(0.5)),
}


def one(case, op, x, parameters, output, domain=QONNX, at_run_time=False, symbolic=False, **attributes):
    """Parameters are constants, or inputs of the run."""
    given = {f"p{i}": np.asarray(p) for i, p in enumerate(parameters) if p is not None}
    names = ["" if p is None else f"p{i}" for i, p in enumerate(parameters)]
    node = helper.make_node(op, ["x"] + names, ["y"], domain=domain, **attributes)
    inputs = dict({"x": x}, **(given if at_run_time else {}))
    opsets = {"": 13, domain: 1} if domain else {"": 13}
    cases.add(case, [node], inputs, {"y": output}, opsets, {} if at_run_time else given, symbolic)


def bounds(width, signed, narrow):
    high = f32(2) ** (width - 1 if signed else width)
    low = (1 if narrow else 0) - high if signed else f32(0)
    return low, high - f32(2 if narrow and not signed else 1)


def quant(x, scale, zero, width, signed=1, narrow=0, rounding="ROUND"):
    if signed and np.all(width == 1):
        return (np.where(x / scale + zero >= 0, f32(1), f32(-1)) - zero) * scale
    low, high = bounds(f32(width), signed, narrow)
    return ((ROUNDINGS[rounding.upper()](np.minimum(np.maximum(x / scale + zero, low), high)) - zero) * scale).astype(f32)


x = cases.floats(2, 3, 4, 5) * f32(10)
# Halves, whose rounding is the difference between the modes.
ties = np.arange(-6.5, 7, 0.25, dtype=f32)
for rounding in list(ROUNDINGS) + ["round", "half_up"]:
    one(f"quant-{rounding}-ties", "Quant", ties, [f32(1), f32(0), f32(4)], quant(ties, f32(1), f32(0), 4, rounding=rounding),
        rounding_mode=rounding)
for domain in (QONNX, "onnx.brevitas", "finn.custom_op.general"):
    for op in ("Quant", "IntQuant"):
        one(f"{op}-{domain}", op, x, [f32(0.37), f32(0), f32(5)], quant(x, f32(0.37), f32(0), 5), domain=domain, signed=1, narrow=0,
            rounding_mode="ROUND")
for signed in (0, 1):
    for narrow in (0, 1):
        for width in (1, 2, 3, 8, 16, 24):
            one(f"quant-{signed}-{narrow}-{width}", "Quant", x, [f32(0.1), f32(2), f32(width)],
                quant(x, f32(0.1), f32(2), width, signed, narrow), signed=signed, narrow=narrow)
scales = np.array([0.5, 0.3, 2.5], f32)[:, None, None]
zeros = np.array([0, 1, -2], f32)[:, None, None]
widths = np.array([2, 4, 8], f32)[:, None, None]
for at_run_time in (False, True):
    one(f"quant-channels-{at_run_time}", "Quant", x, [scales, zeros, widths], quant(x, scales, zeros, widths, narrow=1), narrow=1,
        at_run_time=at_run_time)
    one(f"quant-symbolic-{at_run_time}", "Quant", x, [f32(0.25), f32(0), f32(4)], quant(x, f32(0.25), f32(0), 4),
        at_run_time=at_run_time, symbolic=True)
one("quant-sign-at-run-time", "Quant", x, [f32(0.5), f32(0), f32(1)], quant(x, f32(0.5), f32(0), 1), at_run_time=True)
one("quant-width-int32", "Quant", x, [f32(0.5), f32(0), np.int32(4)], quant(x, f32(0.5), f32(0), 4))
one("quant-special", "Quant", np.array([np.nan, np.inf, -np.inf, -0.0], f32), [f32(0.5), f32(0), f32(4)],
    np.array([np.nan, 3.5, -4, 0], f32))
one("quant-empty", "Quant", x[:0], [f32(0.5), f32(0), f32(4)], x[:0], symbolic=True)
one("bipolar", "BipolarQuant", x, [scales], np.where(x >= 0, f32(1), f32(-1)) * scales)
one("bipolar-brevitas", "BipolarQuant", np.array([0, -0.0, -1, 2], f32), [f32(0.5)], np.array([0.5, 0.5, -0.5, 0.5], f32),
    domain="onnx.brevitas")

whole = np.round(x * 4)
for rounding in ("FLOOR", "ROUND", "CEIL", "HALF_UP"):
    wanted = (ROUNDINGS[rounding]((np.round(whole * 2) + f32(1)) / 8) - f32(1)) * f32(0.5)
    one(f"trunc-{rounding}", "Trunc", whole, [f32(0.5), f32(1), f32(10), f32(7)], wanted, rounding_mode=rounding)
    low, high = bounds(f32(5), 1, 0)
    y = ROUNDINGS[rounding](np.clip((np.round(whole / f32(0.1)) + f32(4)) / 8, low, high))
    one(f"trunc-scale-{rounding}", "Trunc", whole, [f32(0.1), f32(4), f32(10), f32(0.8), f32(5)], (y - f32(0.5)) * f32(0.8),
        rounding_mode=rounding, signed=1, narrow=0)


def float_quant(x, scale, exponent, mantissa, bias, largest=None, rounding="ROUND"):
    x = (x / scale).astype(np.float64)
    power = np.frexp(np.where(x == 0, 2.0**-126, x))[1] - 1.0
    step = 2.0 ** np.maximum(power - mantissa, 1 - bias - mantissa)
    top = (2 - 2.0**-mantissa) * 2.0 ** (2.0**exponent - 1 - bias)
    top = top if largest is None else min(top, largest)
    rounded = ROUNDINGS[rounding](x / step) * step
    return (np.clip(rounded, -top, top) * scale).astype(f32), rounded, top


wide = np.concatenate([x.ravel() * f32(10) ** k for k in range(-4, 4)] + [np.array([0, 1, 2, 0.5, 448, 1e30, -1e30], f32)])
for exponent, mantissa, bias, largest in ((4, 3, 7, 448), (5, 2, 15, 57344), (2, 1, 1, 6), (3, 2, 3, None), (8, 7, 127, None)):
    for scale in (1, 0.37):
        one(f"float-{exponent}-{mantissa}-{scale}", "FloatQuant", wide, [f32(scale), f32(exponent), f32(mantissa), f32(bias),
            None if largest is None else f32(largest)], float_quant(wide, f32(scale), exponent, mantissa, bias, largest)[0])
one("float-floor", "FloatQuant", wide, [f32(1), f32(4), f32(3), f32(7), f32(448)],
    float_quant(wide, f32(1), 4, 3, 7, 448, "FLOOR")[0], rounding_mode="FLOOR")
one("float-bias", "FloatQuant", wide, [f32(1), f32(4), f32(3)], float_quant(wide, f32(1), 4, 3, 7)[0])
for special, value in (("has_inf", np.inf), ("has_nan", np.nan)):
    clipped, rounded, top = float_quant(wide, f32(1), 4, 3, 7, 448)
    wanted = np.where(rounded > top, value, np.where(rounded < -top, -value, clipped)).astype(f32)
    one(f"float-{special}", "FloatQuant", wide, [f32(1), f32(4), f32(3), f32(7), f32(448)], wanted, saturation=0, **{special: 1})

thresholds = np.sort(cases.floats(3, 7) * f32(5))
reached = (x[..., None] >= thresholds[:, None, None]).sum(-1).astype(f32)
one("thresholds", "MultiThreshold", x, [thresholds], reached * 2 - 3, out_scale=2.0, out_bias=-3.0, out_dtype="INT4")
one("thresholds-shared", "MultiThreshold", x, [thresholds[:1]], (x[..., None] >= thresholds[0]).sum(-1).astype(f32), out_dtype="UINT3",
    symbolic=True)
one("thresholds-last", "MultiThreshold", np.moveaxis(x, 1, 3).copy(), [thresholds], np.moveaxis(reached, 1, 3), out_dtype="UINT3",
    data_layout="NHWC")
a, b = (cases.random.integers(0, 2, s).astype(f32) for s in ((4, 9), (9, 5)))
one("popcount", "XnorPopcountMatMul", a, [b], (a[:, :, None] == b).sum(1).astype(f32))
levels = cases.random.integers(0, 16, (1, 2, 6, 6)).astype(f32)
sums = levels.reshape(1, 2, 3, 2, 3, 2).sum((3, 5))
one("average", "QuantAvgPool2d", levels, [], np.floor(sums / 2**2), kernel=2, stride=2, ibits=4, obits=4, signed=0)
one("average-last", "QuantAvgPool2d", np.moveaxis(levels, 1, 3).copy(), [], np.moveaxis(np.floor(sums / 2**3), 1, 3), kernel=2, stride=2,
    ibits=4, obits=3, signed=0, data_layout="NHWC")
last = np.moveaxis(levels, 1, 3).copy()
largest = last.reshape(1, 3, 2, 3, 2, 2).max((2, 4))
one("pool-last", "MaxPoolNHWC", last, [], largest, kernel_shape=[2, 2], strides=[2, 2], pads=[0, 0, 0, 0])
channels = "qonnx.custom_op.channels_last"
one("pool-channels", "MaxPool", last, [], largest, domain=channels, kernel_shape=[2, 2], strides=[2, 2])
w = cases.floats(3, 1, 1, 2)
one("conv-channels", "Conv", last, [w], last @ w[:, 0, 0].T, domain=channels, kernel_shape=[1, 1], strides=[1, 1], group=1)

# x * mul + add, divided by div and rounded down, in so many levels.
n = cases.random.integers(-5000, 5000, (2, 3, 4, 5))
mul, add = np.array([7, 250, 31]), np.array([100, -3000, 0])
floor = np.floor_divide(n * mul[:, None, None] + add[:, None, None], 512)
for kind in (np.int32, f32, np.int64):
    parameters = [mul.astype(kind), add.astype(kind)]
    name = np.dtype(kind).name
    tensors = {k: helper.make_tensor(k, 1, [], [v]) for k, v in (("div", 512.0), ("n_levels_out", 256.0), ("signed", 1.0))}
    one(f"requant-{name}", "RequantShift", n.astype(kind), parameters, np.clip(floor, -128, 127).astype(kind), domain="PACTOps", **tensors)
    one(f"requant-unsigned-{name}", "RequantShift", n.astype(kind), parameters, np.clip(floor, 0, 255).astype(kind), domain="PACTOps",
        div=512, n_levels=256, signed=0)
one("requant-plain", "RequantShift", n[:, :, 0, 0].astype(f32), [mul.astype(f32), np.array([5], f32)],
    np.clip(np.floor((n[:, :, 0, 0] * mul + 5) / 512), -8, 7).astype(f32), domain="", div=512.0, n_levels=16, signed=1)

ranges = [f32(-10), f32(8), f32(-5), f32(4)]
inside = np.round((x + f32(10)) / f32(18) * f32(15)) / f32(15) * f32(9) - f32(5)
one("fake", "FakeQuantize", x, ranges, np.where(x <= -10, f32(-5), np.where(x > 8, f32(4), inside)).astype(f32),
    domain="org.openvinotoolkit", levels=16)
