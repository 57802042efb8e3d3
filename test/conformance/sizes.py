"""Runs models at sizes that nobody thinks of, and compares with onnxruntime: an empty batch, a text of one token, primes.

    sizes.py MODEL_OR_FOLDER... [--sizes 0,1,2,7,33] [--jobs 2] [--limit 60] [--tsv FILE] [--onnxc-flag=-O0]

A model is a .onnx or .onnxtxt file; folders are searched for those that have a symbolic dimension in an input. All symbols
get each size, then different ones: each symbol in turn each size, while the others are as in the test_data_set_0 beside the
model, or small; and draws. Values are those of that data set, repeated or cut to the new sizes; without it normal(0, 1), and
integers 0 or 1.

Each run ends in one of the states below. A run of ours that crashes, does not end, differs, or refuses what onnxruntime
answers fails the test; both run in processes of their own, so that either may crash.

    same        equal results within tolerance       ours only   onnxruntime refuses, crashes or does not end
    both refuse an error message on both sides       different   other shapes or values
    theirs only we refuse, onnxruntime answers       crash       a signal, or no end within the limit, on our side
"""

import argparse
import collections
import concurrent.futures
import pathlib
import pickle
import subprocess
import sys
import tempfile

import numpy as np
import onnx
from onnx import helper, numpy_helper

STATES = ("same", "both refuse", "ours only", "theirs only", "different", "crash")
FAILURES = {"theirs only", "different", "crash"}
# A Dropout in training, say: only shapes are compared.
RANDOM = {"RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike", "Multinomial", "Bernoulli", "Dropout"}

# The other side: reads (assignment, inputs) one after the other, answers each with arrays or a message.
PEER = """
import pickle, sys
import onnxruntime
onnxruntime.set_default_logger_severity(4)
options = onnxruntime.SessionOptions()
options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
options.intra_op_num_threads = 1
def answer(value):
    pickle.dump(value, sys.stdout.buffer); sys.stdout.buffer.flush()
try:
    session = onnxruntime.InferenceSession(sys.argv[1], options, providers=["CPUExecutionProvider"])
    answer("")
except Exception as error:
    answer(str(error)); sys.exit()
while True:
    try:
        inputs = pickle.load(sys.stdin.buffer)
    except EOFError:
        break
    try:
        answer(session.run(None, inputs))
    except Exception as error:
        answer(str(error))
"""


class Peer:
    """onnxruntime in a process that is started again where it has crashed or does not end."""

    def __init__(self, path, limit):
        self.path, self.limit, self.process = path, limit, None

    def ask(self, inputs):
        """Its results, or a message."""
        if not self.process:
            self.process = subprocess.Popen([sys.executable, "-c", PEER, str(self.path)], stdin=subprocess.PIPE,
                                            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
            refusal = self.receive()
            if refusal:
                self.close()
                return refusal
        try:
            pickle.dump(inputs, self.process.stdin)
            self.process.stdin.flush()
        except BrokenPipeError:
            pass
        return self.receive()

    def receive(self):
        with concurrent.futures.ThreadPoolExecutor(1) as reader:
            answer = reader.submit(pickle.load, self.process.stdout)
            try:
                return answer.result(self.limit)
            except concurrent.futures.TimeoutError:
                self.process.kill()  # which ends the read, too
                message = "onnxruntime does not end"
            except (EOFError, pickle.UnpicklingError):
                message = "onnxruntime has crashed"
        self.close()
        return message

    def close(self):
        if self.process:
            self.process.kill()
            self.process.communicate()
            self.process = None


def load(path):
    if path.suffix == ".onnxtxt":
        text = "\n".join(line for line in path.read_text().splitlines() if not line.startswith("#"))
        return onnx.parser.parse_model(text)
    return onnx.load(path, load_external_data=False)


def dims_of(value):
    """Sizes and names; an unnamed dimension is a symbol of its own. None for what is not a tensor of known rank."""
    tensor = value.type.tensor_type
    if not value.type.HasField("tensor_type") or not tensor.HasField("shape"):
        return None
    return [d.dim_value if d.HasField("dim_value") and d.dim_value >= 0 else d.dim_param or f"{value.name}[{i}]"
            for i, d in enumerate(tensor.shape.dim)]


def rounds_activations(model):
    """Whether onnxruntime may round what MatMulNBits multiplies to 8 bits: onnxc never does."""
    return any(a.name == "accuracy_level" and a.i == 4 for node in model.graph.node for a in node.attribute)


def inputs_of(model):
    held = {t.name for t in model.graph.initializer}
    return [v for v in model.graph.input if v.name not in held]


def symbols_of(model):
    return list(dict.fromkeys(d for v in inputs_of(model) for d in dims_of(v) or () if isinstance(d, str)))


def assignments(symbols, sizes, usual):
    """`usual`: sizes of the recorded inputs."""
    tried = [dict.fromkeys(symbols, size) for size in sizes]
    if usual or len(symbols) > 1:
        others = {s: usual.get(s, sorted(sizes)[len(sizes) // 2]) for s in symbols}
        tried += [{**others, symbol: size} for symbol in symbols for size in sizes]
    if len(symbols) > 1:
        random = np.random.default_rng(len(symbols))
        tried += [{s: int(random.choice(sizes)) for s in symbols} for _ in range(3)]
    return list({tuple(a.items()): a for a in tried}.values())


def usual_sizes(model, recorded):
    result = {}
    for number, value in enumerate(inputs_of(model)):
        if number in recorded and dims_of(value) is not None:
            result.update((d, n) for d, n in zip(dims_of(value), recorded[number].shape) if isinstance(d, str))
    return result


def make_inputs(model, recorded, assignment, seed):
    """Values by name, or a text that says why there are none."""
    random, result = np.random.default_rng(seed), {}
    for number, value in enumerate(inputs_of(model)):
        dims = dims_of(value)
        if dims is None:
            return f"input {value.name} is not a tensor of known rank"
        shape = [assignment.get(d, d) for d in dims]
        if np.prod([float(d) for d in shape]) > 1 << 28:
            return f"input {value.name} is too big"
        known = recorded.get(number)
        dtype = helper.tensor_dtype_to_np_dtype(value.type.tensor_type.elem_type)
        if known is not None and known.size and known.dtype == dtype:
            result[value.name] = np.resize(known, shape)
        elif dtype.kind == "O" or value.type.tensor_type.elem_type == onnx.TensorProto.STRING:
            result[value.name] = random.choice(np.array(["a", "be", ""], object), shape)
        elif dtype.kind in "iub":
            result[value.name] = random.integers(0, 2, shape).astype(dtype)
        else:
            result[value.name] = random.standard_normal(shape).astype(dtype)
    return result



def difference(want, got, exact, quantised=False):
    """None where equal within tolerance, else what differs. In a quantised model one rounding the other way makes others: it
    is enough that most of the result is the same."""
    if isinstance(want, (list, tuple)):
        if not isinstance(got, (list, tuple)) or len(want) != len(got):
            return "another number of items"
        return next((d for w, g in zip(want, got) if (d := difference(w, g, exact, quantised))), None)
    if isinstance(want, dict):
        keys = sorted(want, key=str)
        if keys != sorted(got, key=str):
            return "other keys"
        return next((d for k in keys if (d := difference(np.asarray(want[k]), np.asarray(got[k]), exact, quantised))), None)
    if want is None or got is None:
        return None if want is got else "a value where none is expected, or none"
    if want.shape != got.shape:
        return f"shape {list(got.shape)}, expected {list(want.shape)}"
    if not exact or not want.size:
        return None
    if want.dtype.kind in "OUS" or got.dtype.kind in "OUS":
        text = lambda a: [x.decode() if isinstance(x, bytes) else str(x) for x in a.ravel()]
        return None if text(want) == text(got) else "other strings"
    if quantised and (not np.isfinite(want).all() or np.sqrt(np.mean(np.square(got.astype(np.float64) - want)))
                      <= 0.15 * np.sqrt(np.mean(np.square(want.astype(np.float64))))):
        return None
    if want.dtype.kind in "iub":
        # A rounding that lies between two results is one step of a quantised one.
        apart = np.abs(want.astype(np.float64) - got.astype(np.float64))
        most = 1 if want.dtype.itemsize == 1 and want.dtype.kind != "b" else 0
        return None if apart.max() <= most else f"{np.sum(apart > most)} of {want.size} integers differ"
    want, got = want.astype(np.float64), got.astype(np.float64)
    finite = np.abs(want[np.isfinite(want)])
    close = np.isclose(got, want, rtol=1e-2, atol=2e-3 * max(1e-3, finite.max() if finite.size else 0), equal_nan=True)
    if close.all():
        return None
    at = int(np.argmin(close.ravel()))
    return f"{np.sum(~close)} of {close.size} differ, first at {at}: {got.ravel()[at]:.6g}, expected {want.ravel()[at]:.6g}"


def read_outputs(model, folder):
    results = []
    for i, value in enumerate(model.graph.output):
        data, kind = (folder / f"output_{i}.pb").read_bytes(), value.type.WhichOneof("value")
        if kind == "sequence_type":
            results.append(numpy_helper.to_list(onnx.SequenceProto.FromString(data)))
        elif kind == "map_type":
            results.append(numpy_helper.to_dict(onnx.MapProto.FromString(data)))
        elif kind == "optional_type":
            results.append(numpy_helper.to_optional(onnx.OptionalProto.FromString(data)))
        else:
            results.append(numpy_helper.to_array(onnx.TensorProto.FromString(data)))
    return results


def execute(command, limit):
    """Exit status (negative: a signal; None: no end) and the first line that it has said."""
    try:
        done = subprocess.run([str(c) for c in command], capture_output=True, text=True, errors="replace", timeout=limit)
    except subprocess.TimeoutExpired:
        return None, "no end"
    lines = [line for line in (done.stderr + done.stdout).splitlines() if "error" in line] or done.stderr.splitlines()
    return done.returncode, lines[0] if lines else f"exit status {done.returncode}"


def try_model(path, arguments):
    """(assignment, state, detail) of every run."""
    model, rows = load(path), []
    nodes = {node.op_type for nodes in [model.graph.node, *(f.node for f in model.functions)] for node in nodes}
    exact, quantised = not nodes & RANDOM, any("QuantizeLinear" in name for name in nodes) or rounds_activations(model)
    recorded = {int(p.stem.split("_")[1]): p for p in path.parent.glob("test_data_set_0/input_*.pb")} if path.suffix == ".onnx" else {}
    values = {}
    for number, file in recorded.items():
        try:
            values[number] = numpy_helper.to_array(onnx.TensorProto.FromString(file.read_bytes()))
        except Exception:
            pass  # a sequence, say
    with tempfile.TemporaryDirectory(prefix="sizes-", dir=arguments.scratch) as scratch:
        scratch = pathlib.Path(scratch)
        binary, source = scratch / "m.so", path
        if path.suffix == ".onnxtxt":
            source = scratch / "model.onnx"
            onnx.save(model, source)
        code, text = execute(["onnxc", path, "-o", binary, "--no-header", *arguments.onnxc_flag], 10 * arguments.limit)
        if code != 0:
            return [("compile", "crash" if code is None or code != 1 else "theirs only", text)]
        peer = Peer(source, arguments.limit)
        for seed, assignment in enumerate(assignments(symbols_of(model), arguments.sizes, usual_sizes(model, values))):
            label = " ".join(f"{k}={v}" for k, v in assignment.items())
            inputs = make_inputs(model, values, assignment, seed)
            if isinstance(inputs, str):
                rows.append((label, "skipped", inputs))
                continue
            folder = scratch / "in"
            folder.mkdir(exist_ok=True)
            for number, value in enumerate(inputs_of(model)):
                (folder / f"input_{number}.pb").write_bytes(
                    numpy_helper.from_array(inputs[value.name], value.name).SerializeToString())
            code, text = execute(["onnxc-run", binary, "--inputs", folder, "--outputs", scratch / "out", "--threads", "2"],
                                 arguments.limit)
            theirs = peer.ask(inputs)
            if code not in (0, 2):
                rows.append((label, "crash", text))
            elif isinstance(theirs, str):
                rows.append((label, "ours only" if code == 0 else "both refuse", (theirs if code == 0 else text + " | " + theirs)))
            elif code != 0:
                rows.append((label, "theirs only", text))
            else:
                apart = difference(theirs, read_outputs(model, scratch / "out"), exact, quantised)
                rows.append((label, "different" if apart else "same", apart or ""))
        peer.close()
    return rows


def find_models(paths):
    for path in map(pathlib.Path, paths):
        if path.is_file():
            yield path
            continue
        for file in sorted([*path.rglob("*.onnx"), *path.rglob("*.onnxtxt")]):
            try:
                has_symbols = symbols_of(load(file))
            except Exception:
                continue  # not a model: an input of a test of the importer, say
            if has_symbols:
                yield file


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("paths", nargs="+")
    parser.add_argument("--sizes", type=lambda text: [int(s) for s in text.split(",")], default=[0, 1, 2, 7, 33])
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--limit", type=float, default=60, help="seconds of a run")
    parser.add_argument("--tsv", help="a line for every run")
    parser.add_argument("--scratch", help="folder for libraries and data (that of the system)")
    parser.add_argument("--onnxc-flag", action="append", default=[])
    arguments = parser.parse_args()

    counts, lines, failing, models = collections.Counter(), [], 0, 0
    with concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool:
        paths = list(find_models(arguments.paths))
        for path, rows in zip(paths, pool.map(lambda path: try_model(path, arguments), paths)):
            models += 1
            for label, state, detail in rows:
                counts[state] += 1
                detail = " ".join(detail.split())[:300]
                lines.append(f"{path}\t{label}\t{state}\t{detail}")
                if state in FAILURES:
                    failing += 1
                    print(f"{state}: {path} {label}: {detail}", flush=True)
    if arguments.tsv:
        pathlib.Path(arguments.tsv).write_text("\n".join(["model\tsizes\tstate\tdetail", *lines]) + "\n")
    print(f"{models} models, {sum(counts.values())} runs: " + ", ".join(f"{s} {counts[s]}" for s in (*STATES, "skipped")))
    sys.exit(1 if failing or not counts["same"] else 0)


if __name__ == "__main__":
    main()
