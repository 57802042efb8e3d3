"""Tries every operator with every type that it takes, in several shapes and settings, against two other implementations.

    sweep.py FOLDER [--per-operator N] [--filter TEXT] [--runner onnxc-conformance [-O0 ...]]

Writes one-node models with inputs and expected results into FOLDER, in the layout of the backend cases, runs them with the
runner and reports what passes. FOLDER/cases.tsv and FOLDER/skipped.tsv list the cases and what no case could be made of.
settings*.py say what is tried, oracles.py how expected results are made (where the settings don't bring them), known.tsv which
cases (patterns) fail for a known reason: the sweep fails when another one does.
"""

import argparse
import collections
import concurrent.futures
import fnmatch
import multiprocessing
import pathlib
import re
import shutil
import subprocess
import sys
import zlib

import numpy as np
import onnx
from onnx import defs, helper

import contrib
import oracles
import settings
import settings_contrib  # fills the table
import settings_control  # so does this
import settings_ml  # and this
from values import element, shape_of, tensors_of, to_proto, type_of, type_proto

PREFERRED = ("tensor(float)", "tensor(int64)", "tensor(uint8)", "tensor(int32)", "tensor(bool)", "tensor(string)")
# Operators that relate several of their types: every combination is tried.
PRODUCTS = {"Cast", "BitCast", "LabelEncoder"}


def allowed_types(schema):
    """Type strings by what a formal parameter calls its type, those of tensors first."""
    allowed = {c.type_param_str: c.allowed_type_strs for c in schema.type_constraints}
    allowed.update((f.type_str, f.types) for f in list(schema.inputs) + list(schema.outputs))  # which spell maps in full
    return {k: sorted(v, key=lambda t: (t.count("("), t)) for k, v in allowed.items()}


def assignments(schema, is_newest):
    """The plain types first, then each element type of each type variable, alone and wherever it may stand."""
    allowed = allowed_types(schema)
    plain = {k: next((t for p in PREFERRED for t in v if p in t), v[0]) for k, v in allowed.items()}
    tried = [plain]
    if not is_newest:
        return tried
    if schema.name in PRODUCTS:
        return tried + [{"T1": a, "T2": b} for a in allowed["T1"] for b in allowed["T2"] if {"T1": a, "T2": b} != plain]
    for e in dict.fromkeys(element(t) for v in allowed.values() for t in v):
        tried.append({k: next((t for t in v if element(t) == e), plain[k]) for k, v in allowed.items()})
    for k, v in allowed.items():
        tried += [dict(plain, **{k: t}) for t in v]
    return list({tuple(t.items()): t for t in tried}.values())


def short(text):
    return re.sub(r"tensor\((\w+)\)", r"\1", text)


def defaults(schema):
    return {name: helper.get_attribute_value(a.default_value) for name, a in schema.attributes.items() if a.default_value.type}


def symbolic_shapes(sets):
    """Shapes of the operands in all data sets: a dimension that varies is a symbol, the same for those that vary alike."""
    shapes, symbols = [], {}
    for k, first in enumerate(sets[0]):
        if not isinstance(first, np.ndarray):
            shapes.append(first and shape_of(first))
            continue
        sizes = [tuple(s[k].shape[axis] for s in sets) for axis in range(first.ndim)]
        shapes.append([v[0] if len(set(v)) == 1 else symbols.setdefault(v, f"N{len(symbols)}") for v in sizes])
    return shapes


def write_case(folder, model, sets):
    shutil.rmtree(folder, ignore_errors=True)  # of a process that crashed
    folder.mkdir(parents=True)
    for n, (inputs, outputs) in enumerate(sets):
        data = folder / f"test_data_set_{n}"
        data.mkdir()
        for prefix, values in (("input", inputs), ("output", outputs)):
            for k, value in enumerate(values):
                (data / f"{prefix}_{k}.pb").write_bytes(to_proto(value, f"{prefix[0]}{k}").SerializeToString())
    (folder / "model.onnx").write_bytes(model.SerializeToString())


def pick(items, count, key, seed):
    return items if count is None else sorted(items, key=lambda item: zlib.crc32(f"{seed}{key(item)}".encode()))[:count]


class Sweep:
    """All cases of one operator version."""

    def __init__(self, schema, is_newest, arguments):
        self.schema, self.is_newest, self.arguments = schema, is_newest, arguments
        is_current = is_newest and not schema.domain and not defs.get_schema(schema.name).deprecated
        self.opset = defs.onnx_opset_version() if is_current else schema.since_version
        self.cases, self.skipped = [], []

    def run(self):
        schema, count = self.schema, self.arguments.per_operator
        operator = f"{schema.domain or 'ai.onnx'}.{schema.name}-{schema.since_version}"
        generator = settings.TABLE.get(settings.key(schema))
        if not generator:
            self.skipped.append((operator, "no settings written"))
            return self
        for types in pick(assignments(schema, self.is_newest), count, lambda t: t.values(), operator):
            name = operator + "_" + ",".join(f"{k}={short(v)}" for k, v in types.items()
                                             if k in {c.type_param_str for c in schema.type_constraints})
            is_plain = types == assignments(schema, False)[0]
            context = settings.Context(schema, types, np.random.default_rng(zlib.crc32(name.encode())))
            try:
                tries = [t for t in generator(context) if is_plain and self.is_newest or not t.deep]
            except Exception as error:
                self.skipped.append((name, f"no operands: {type(error).__name__} {error}"))
                continue
            for t in tries:  # older forms have floats where newer ones have integers
                t.attributes = {k: float(v) if isinstance(v, int) and k in schema.attributes and schema.attributes[k].type == defs.OpSchema.AttrType.FLOAT
                                else v for k, v in t.attributes.items()}
            for t in pick(tries, None if count is None else 1, lambda t: t.label, name):
                if len(t.inputs) > schema.max_input or t.outputs > schema.max_output or set(t.attributes) - set(schema.attributes):
                    continue  # an older version can't do this
                if self.arguments.filter in f"{name}_{t.label}":
                    self.make(name, t, types, is_plain)
        return self

    def make(self, name, t, types, is_plain):
        constant = frozenset(k for k in t.parameters if k < len(t.inputs) and t.inputs[k] is not None)
        variants = [("static", constant, (t.inputs,))]
        if constant and is_plain:
            variants.append(("dynamic", frozenset(), (t.inputs,)))
        if t.more:
            same = all(len(s) == len(t.inputs) for s in t.more)
            assert same, "data sets of one node have the same operands"
            held = {k for k in constant if all(np.array_equal(s[k], t.inputs[k]) for s in t.more)}
            variants.append(("symbolic", frozenset(held), (t.inputs,) + tuple(t.more)))
        if is_plain or self.arguments.per_operator:
            variants.append(("spelled", constant, (t.inputs,)))  # with all attributes that have a default
        formal = [self.schema.inputs[min(k, len(self.schema.inputs) - 1)] for k in range(len(t.inputs))]
        allowed = [f.types for f in formal]
        for variant, constants, sets in variants:
            case = f"{name}_{t.label}_{variant}".replace(" ", "")
            shapes = symbolic_shapes(sets) if len(sets) > 1 else None
            attributes = dict(t.attributes)
            if variant == "spelled":
                attributes = {**defaults(self.schema), **attributes}
                if attributes == t.attributes:
                    continue
            def make(arrays, constants, shapes=None):
                return oracles.make_model(self.schema.name, self.schema.domain, self.opset, arrays, attributes, t.outputs, constants, shapes, t.before)
            done, how = [], "both"
            for n, arrays in enumerate(sets):
                try:
                    if t.expected is None:
                        declared = {f"y{k}": types.get(f.type_str, f.type_str) for k, f in enumerate(self.schema.outputs[:t.outputs])} if contrib.is_contrib(self.schema.domain) else {}
                        outputs, known = oracles.expect(make, arrays, self.schema, allowed, constants, self.is_newest, declared)
                    elif callable(t.expected):
                        outputs, known = t.expected(*arrays), "settings"
                    else:
                        outputs, known = t.expected if n == 0 else None, "settings"
                except Exception as error:
                    outputs, known = None, f"{type(error).__name__} {error}"
                if outputs is None:
                    self.skipped.append((f"{case}/{n}", known))
                    continue
                how = known if known != "both" else how
                if any(y.dtype == object and not all(isinstance(v, str) for v in y.flat) for y in tensors_of(outputs)):
                    self.skipped.append((f"{case}/{n}", "the expected result is no tensor of an element type"))
                    continue
                done.append(([a for k, a in enumerate(arrays) if a is not None and k not in constants], outputs))
            if not done:
                continue
            model = make(sets[0], constants, shapes)
            for k, value in enumerate(model.graph.output):
                value.type.CopyFrom(type_proto(type_of(done[0][1][k])))
            write_case(self.arguments.folder / (self.schema.domain or "ai.onnx") / case, model, done)
            everything = tensors_of(y for _, ys in done for y in ys)
            bounds = [oracles.precision(y.dtype) for y in everything]
            loose = 30 if t.label.startswith("large") else 1
            # One implementation, or a float32 operand or inner type (stash_type), may make float64 results single.
            if how == "single" or "stash_type" in self.schema.attributes or any(a.dtype == np.float32 for a in tensors_of(t.inputs)):
                bounds = [oracles.precision(np.dtype(np.float32)) if y.dtype == np.float64 else b for y, b in zip(everything, bounds)]
            rtol = max((r for r, _ in bounds), default=0)
            atol = max((a * oracles.magnitude(y) for (_, a), y in zip(bounds, everything)), default=0) * loose
            if "Quantize" in self.schema.name or self.schema.name.startswith(("QLinear", "QGemm")):
                atol = max(atol, 1.0 if not (everything and settings.is_float(everything[0].dtype)) else atol)  # a tie that rounds the other way
            if self.schema.name == "DynamicQuantizeLSTM":  # the state is quantised at every step, and may round the other way
                atol = max(atol, 1e-2)
            pairs = {f"{f.name}:{type_of(a)}" for f, a in zip(formal, t.inputs) if a is not None}
            self.cases.append((case, f"{self.schema.domain or 'ai.onnx'}.{self.schema.name}", str(self.schema.since_version),
                               "newest" if self.is_newest else "older", f"{rtol:g}", f"{atol:g}", t.check, how, " ".join(sorted(pairs))))


def sweep(index, arguments):
    done = Sweep(*schemas()[index], arguments).run()
    return done.cases, done.skipped


def schemas():
    """All operator versions: (schema, whether it is the newest), without those that only say that the operator is deprecated."""
    history = [s for s in defs.get_all_schemas_with_history() if not s.deprecated]
    newest = {}
    for s in history:
        newest[s.domain, s.name] = max(newest.get((s.domain, s.name), 0), s.since_version)
    ordered = sorted(history, key=lambda s: (s.domain, s.name, -s.since_version))
    return [(s, newest[s.domain, s.name] == s.since_version) for s in ordered] + [(s, True) for s in contrib.schemas()]


def generate(arguments):
    shutil.rmtree(arguments.folder, ignore_errors=True)
    arguments.folder.mkdir(parents=True)
    # --per-operator is a sample of the newest forms.
    indices = [n for n, (s, is_newest) in enumerate(schemas()) if (is_newest or arguments.per_operator is None)
               and (not arguments.operator or s.name in arguments.operator)]
    cases, skipped = [], []
    # A process of its own: an implementation that crashes costs one operator version.
    left = list(indices)
    while left:
        with concurrent.futures.ProcessPoolExecutor(arguments.jobs, multiprocessing.get_context("fork")) as pool:
            futures = {n: pool.submit(sweep, n, arguments) for n in left}
            for n, future in futures.items():
                try:
                    made, not_made = future.result()
                    cases += made
                    skipped += not_made
                    left.remove(n)
                except concurrent.futures.process.BrokenProcessPool:
                    if arguments.jobs == 1:
                        left.remove(n)
                        skipped.append((f"{schemas()[n][0].name}-{schemas()[n][0].since_version}", "another implementation crashed"))
                    arguments.jobs = 1
                    break
    head = ("case", "operator", "version", "age", "rtol", "atol", "check", "expected", "pairs")
    for file, rows in (("cases.tsv", [head] + sorted(cases)), ("skipped.tsv", sorted(skipped))):
        (arguments.folder / file).write_text("".join("\t".join(row) + "\n" for row in rows))
    print(f"{len(cases)} cases, {len(skipped)} not made", flush=True)


def report(arguments, output):
    """Whether only cases fail that are known to."""
    rows = [line.split("\t") for line in (arguments.folder / "cases.tsv").read_text().splitlines()[1:]]
    state = {}
    for line in output.splitlines():
        words = line.split(" ", 2)
        if words[0] in ("PASS", "FAIL", "SKIP"):
            state[words[1].rstrip(":").split("/")[-1]] = words[0]
    count = collections.Counter(state.get(row[0], "FAIL") for row in rows)
    passing = {(row[1], pair) for row in rows if row[3] == "newest" and state.get(row[0]) == "PASS" for pair in row[8].split()}
    possible = {(f"{s.domain or 'ai.onnx'}.{s.name}", f"{i.name}:{t}") for s, is_newest in schemas() if is_newest
                and not (arguments.operator and s.name not in arguments.operator) for i in s.inputs for t in i.types}
    print(f"combinations of operator, types and setting: {len(rows)} tried, {count['PASS']} passed, {count['FAIL']} failed, "
          f"{count['SKIP']} not supported by onnxc")
    known = [line.split("\t")[0] for line in (pathlib.Path(__file__).parent / "known.tsv").read_text().splitlines()]
    failed = [line for line in output.splitlines() if line.startswith("FAIL")]
    news = [line for line in failed if not any(fnmatch.fnmatchcase(line.split(" ")[1].rstrip(":").split("/")[1], k) for k in known)]
    print(*news, sep="\n")
    print(f"failures: {len(failed) - len(news)} known, {len(news)} others")
    share = 100 * len(passing & possible) / max(1, len(possible))
    print(f"pairs of operator and input type: {len(passing & possible)} of {len(possible)} ({share:.1f} %) have a case that passes")
    if arguments.per_operator is None and not arguments.filter:
        for operator in sorted({operator for operator, _ in possible - passing}):
            print(f"  {operator} lacks " + " ".join(sorted(p for o, p in possible - passing if o == operator)))
    return not news


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--per-operator", type=int, help="only so many combinations of types of each operator, a setting of each")
    parser.add_argument("--operator", action="append", help="only this operator; may be repeated")
    parser.add_argument("--filter", default="", help="only cases whose name contains this")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--keep", action="store_true", help="run the cases that are in the folder")
    parser.add_argument("--runner", nargs=argparse.REMAINDER, help="onnxc-conformance and its options")
    arguments = parser.parse_args()
    if not arguments.keep:
        generate(arguments)
    if not arguments.runner:
        return 0
    command = arguments.runner + [str(arguments.folder), "--tolerances", str(arguments.folder / "cases.tsv"), "--list-passed", "--list-skipped", "--known-attributes"]
    run = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    (arguments.folder / "results.txt").write_text(run.stdout)
    return 0 if report(arguments, run.stdout) else 1


if __name__ == "__main__":
    sys.exit(main())
