"""How fast every operator is beside onnxruntime: float32, about a million elements, default attributes, one thread.

    speed.py [OPERATOR...] [--bin build/bin] [--rounds 5] [--seconds 0.2] [--threads 1]

Both take turns, so that a noisy machine disturbs both alike; a ratio is the median of those of the rounds, above 1 where
onnxc is faster. Needs onnxruntime; an operator that one of the two can't run is listed with the reason.
"""

import argparse
import json
import math
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np
import onnx
from onnx import defs, numpy_helper

import oracles
import settings

HISTORY = [s for s in defs.get_all_schemas_with_history() if not s.domain]
N = 1024
SQUARE, IMAGE = (N, N), (1, 64, 128, 128)
# Other operands than one tensor of SQUARE: shapes of the float ones, arrays for the others; attributes; which operands are
# initializers; outputs.
CASES = {
    **{name: ([SQUARE, SQUARE],) for name in settings.BINARY + ["Max", "Min", "Mean", "Sum", "Mod", "Pow"]},
    "Where": ([np.random.default_rng(0).integers(2, size=SQUARE).astype(bool), SQUARE, SQUARE],),
    "Clip": ([SQUARE, np.float32(-1), np.float32(1)], {}, (1, 2)),
    "Cast": ([SQUARE], dict(to=onnx.TensorProto.INT32)),
    "Mod": ([SQUARE, SQUARE], dict(fmod=1)),
    **{name: ([SQUARE, settings.i64(1)], {}, (1,)) for name in settings.REDUCTIONS.split() + ["Unsqueeze"]},
    "ArgMax": ([SQUARE], dict(axis=1)), "ArgMin": ([SQUARE], dict(axis=1)),
    "CumSum": ([SQUARE, np.array(1)], {}, (1,)), "CumProd": ([SQUARE, np.array(1)], {}, (1,)),
    "TopK": ([SQUARE, settings.i64(10)], {}, (1,), 2),
    "Reshape": ([SQUARE, settings.i64(-1)], {}, (1,)), "Expand": ([(N, 1), settings.i64(N, N)], {}, (1,)),
    "Tile": ([(N, N // 4), settings.i64(1, 4)], {}, (1,)), "Concat": ([(N, N // 2), (N, N // 2)], dict(axis=1)),
    "Split": ([SQUARE], dict(num_outputs=2), (), 2),
    "Slice": ([SQUARE, settings.i64(8, 8), settings.i64(N, N - 8)], {}, (1, 2)),
    "Pad": ([SQUARE, settings.i64(1, 1, 1, 1)], {}, (1,)), "CenterCropPad": ([SQUARE, settings.i64(N - 8, N + 8)], {}, (1,)),
    "Gather": ([SQUARE, np.arange(N)[::-1].copy()],), "GatherElements": ([SQUARE, np.tile(np.arange(N), (N, 1))],),
    "GatherND": ([SQUARE, np.arange(N).reshape(N, 1)],),
    "ScatterElements": ([SQUARE, np.tile(np.arange(N), (N, 1)), SQUARE], dict(axis=1)),
    "ScatterND": ([SQUARE, np.arange(N).reshape(N, 1), SQUARE],),
    "OneHot": ([np.arange(N) % 1000, np.array(1000), np.array([0, 1], np.float32)], {}, (1, 2)),
    "Compress": ([SQUARE, np.arange(N) % 2 == 0], dict(axis=1)), "EyeLike": ([SQUARE],), "Squeeze": ([(1, N, N), settings.i64(0)], {}, (1,)),
    "Range": ([np.float32(0), np.float32(N * N), np.float32(1)],), "ConstantOfShape": ([settings.i64(N, N)],),
    "DepthToSpace": ([IMAGE], dict(blocksize=2)), "SpaceToDepth": ([IMAGE], dict(blocksize=2)),
    "ReverseSequence": ([SQUARE, np.full(N, N, np.int64)],),
    "MatMul": ([SQUARE, SQUARE],), "Gemm": ([SQUARE, SQUARE, (N,)], {}, (1, 2)), "Einsum": ([SQUARE, SQUARE], dict(equation="ij,jk->ik")),
    "Conv": ([IMAGE, (64, 64, 3, 3), (64,)], dict(pads=[1, 1, 1, 1]), (1, 2)),
    "ConvTranspose": ([(1, 64, 64, 64), (64, 64, 2, 2)], dict(strides=[2, 2]), (1,)),
    **{name: ([IMAGE], dict(kernel_shape=[3, 3], strides=[2, 2])) for name in ("AveragePool", "MaxPool", "LpPool")},
    **{name: ([IMAGE],) for name in ("GlobalAveragePool", "GlobalMaxPool", "GlobalLpPool", "MeanVarianceNormalization")},
    "BatchNormalization": ([IMAGE] + [np.ones(64, np.float32)] * 4, {}, (1, 2, 3, 4)),
    "InstanceNormalization": ([IMAGE, (64,), (64,)], {}, (1, 2)), "GroupNormalization": ([IMAGE, (64,), (64,)], dict(num_groups=8), (1, 2)),
    "LayerNormalization": ([SQUARE, (N,), (N,)], {}, (1, 2)), "RMSNormalization": ([SQUARE, (N,)], {}, (1,)),
    "LRN": ([IMAGE], dict(size=5)),
    "RNN": ([(64, 16, 128), (1, 128, 128), (1, 128, 128)], dict(hidden_size=128), (1, 2), 2),
    "GRU": ([(64, 16, 128), (1, 384, 128), (1, 384, 128)], dict(hidden_size=128), (1, 2), 2),
    "LSTM": ([(64, 16, 128), (1, 512, 128), (1, 512, 128)], dict(hidden_size=128), (1, 2), 3),
    "Attention": ([(1, 8, 256, 64)] * 3,),
    "Resize": ([(1, 64, 64, 64), None, np.array([1, 1, 2, 2], np.float32)], dict(mode="linear"), (2,)),
    "GridSample": ([(1, 16, 128, 128), np.random.default_rng(0).uniform(-1, 1, (1, 128, 128, 2)).astype(np.float32)],),
    "QuantizeLinear": ([SQUARE, np.float32(0.1), np.uint8(128)], {}, (1, 2)),
    "DequantizeLinear": ([np.random.default_rng(0).integers(256, size=SQUARE).astype(np.uint8), np.float32(0.1), np.uint8(128)], {}, (1, 2)),
    "DynamicQuantizeLinear": ([SQUARE], {}, (), 3), "Det": ([(N, 32, 32)],),
    "NegativeLogLikelihoodLoss": ([SQUARE, np.arange(N)],), "SoftmaxCrossEntropyLoss": ([SQUARE, np.arange(N)],),
    **{name: ([SQUARE],) for name in settings.UNARY + ["Softmax", "LogSoftmax", "Hardmax", "LpNormalization", "Transpose",
                                                       "Flatten", "Trilu", "Dropout", "NonZero"]},
    "Not": ([np.ones(SQUARE, bool)],), "And": ([np.ones(SQUARE, bool)] * 2,), "Or": ([np.ones(SQUARE, bool)] * 2,),
    "Xor": ([np.ones(SQUARE, bool)] * 2,), **{name: ([np.ones(SQUARE, np.int32)] * 2,) for name in ("BitwiseAnd", "BitwiseOr", "BitwiseXor")},
    "BitwiseNot": ([np.ones(SQUARE, np.int32)],), "BitShift": ([np.ones(SQUARE, np.uint32)] * 2, dict(direction="LEFT")),
}


class Ort:
    def __init__(self, model, feeds, threads):
        options = oracles.onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
        self.session = oracles.onnxruntime.InferenceSession(model.SerializeToString(), options, ["CPUExecutionProvider"])
        self.feeds = feeds

    def measure(self, seconds):
        times, end = [], time.perf_counter() + seconds
        self.session.run(None, self.feeds)
        while not times or time.perf_counter() < end:
            start = time.perf_counter()
            self.session.run(None, self.feeds)
            times.append(time.perf_counter() - start)
        return statistics.median(times)


class Onnxc:
    def __init__(self, model, feeds, threads, programs, folder):
        self.programs, self.folder, self.threads, self.repeat = programs, folder, threads, 1
        (folder / "m.onnx").write_bytes(model.SerializeToString())
        for k, value in enumerate(feeds.values()):
            (folder / f"input_{k}.pb").write_bytes(numpy_helper.from_array(value).SerializeToString())
        self.call("onnxc", folder / "m.onnx", "-o", folder / "m.so", "--no-header")

    def call(self, program, *words):
        done = subprocess.run([self.programs / program, *map(str, words)], capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError((done.stderr or done.stdout).strip().split("\n")[0])
        return done.stdout

    def measure(self, seconds):
        out = self.call("onnxc-run", self.folder / "m.so", "--inputs", self.folder, "--warmup", 1, "--repeat", self.repeat,
                        "--threads", self.threads, "--json", "-")
        median = statistics.median(json.loads(out[out.index("{"):])["latency_ns"]) * 1e-9
        self.repeat = max(3, min(10000, int(seconds / max(median, 1e-7))))
        return median


def build(name):
    operands, attributes, constants, outputs = CASES[name] + ({}, (), 1)[len(CASES[name]) - 1:]
    schema, rng = defs.get_schema(name), np.random.default_rng(0)
    of = settings.DOMAIN.get(name, "nonzero" if name in ("Div", "Mod") else "positive" if name == "Pow" else "normal")
    context = settings.Context(schema, {}, rng)
    arrays = [context.fill(np.dtype(np.float32), o, of) if isinstance(o, tuple) else None if o is None else np.asarray(o) for o in operands]
    # onnxruntime knows some of the newest forms only in name.
    opset = 22 if any(s.name == name and s.since_version <= 22 for s in HISTORY) else schema.since_version
    model = oracles.make_model(name, "", opset, arrays, attributes, outputs, constants)
    inferred = onnx.shape_inference.infer_shapes(model)
    return inferred, {i.name: arrays[int(i.name[1:])] for i in model.graph.input}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("operators", nargs="*")
    parser.add_argument("--bin", type=pathlib.Path, default=pathlib.Path("build/bin"))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=0.2, help="that each measures in a round")
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    if not oracles.onnxruntime:
        sys.exit("speed.py needs onnxruntime")
    ratios, failed = [], []
    print(f"{'operator':28}{'onnxruntime ms':>16}{'onnxc ms':>12}{'ratio':>8}")
    for name in sorted(arguments.operators or CASES):
        with tempfile.TemporaryDirectory() as folder:
            try:
                model, feeds = build(name)
                engines = Ort(model, feeds, arguments.threads), Onnxc(model, feeds, arguments.threads, arguments.bin, pathlib.Path(folder))
                engines[1].measure(arguments.seconds)
                rounds = [tuple(e.measure(arguments.seconds) for e in engines) for _ in range(arguments.rounds)]
            except Exception as error:
                failed.append(f"{name}: {str(error).splitlines()[0][:150]}")
                continue
        ratio = statistics.median(a / b for a, b in rounds)
        ratios.append(ratio)
        print(f"{name:28}{statistics.median(a for a, _ in rounds) * 1e3:16.3f}{statistics.median(b for _, b in rounds) * 1e3:12.3f}{ratio:8.2f}", flush=True)
    if ratios:
        print(f"geometric mean of {len(ratios)}: {math.exp(statistics.fmean(map(math.log, ratios))):.2f}")
    print(*failed, sep="\n")


if __name__ == "__main__":
    main()
