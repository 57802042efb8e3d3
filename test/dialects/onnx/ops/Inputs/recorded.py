"""Makes cases of recorded answers: recorded.py FILE FOLDER. A line of the file is one node with its inputs and outputs, as JSON
(bytes in base64), the first may have long texts that attributes name. Operators of onnxruntime-extensions were recorded with
version 0.15.2 of that package on Linux. A case has a few nodes, of both domains in which files have these operators."""

import base64
import json
import pathlib
import sys

import numpy as np
from onnx import helper

from cases import Cases

DOMAINS = ["ai.onnx.contrib", "com.microsoft.extensions"]
NODES = 12  # of a case


def array(entry):
    kind, shape, values = entry
    if kind == "uint8":
        return np.frombuffer(base64.b64decode(values), np.uint8).reshape(shape)
    return np.array(values, object if kind == "str" else kind).reshape(shape)


cases = Cases(sys.argv[2])
rows = [json.loads(line) for line in pathlib.Path(sys.argv[1]).read_text().splitlines()]
texts = rows.pop(0)["texts"] if "texts" in rows[0] else {}
for first in range(0, len(rows), NODES):
    nodes, inputs, outputs, constants = [], {}, {}, {}
    for number, row in enumerate(rows[first : first + NODES], first):
        given = {f"x{number}_{i}": array(entry) for i, entry in enumerate(row["inputs"])}
        made = {f"y{number}_{i}": array(entry) for i, entry in enumerate(row["outputs"])}
        attributes = {k: texts.get(v, v) for k, v in row["attributes"].items()}
        nodes.append(helper.make_node(row["op"], list(given), list(made), domain=DOMAINS[number % 2], **attributes))
        constants.update({f"x{number}_{i}": given.pop(f"x{number}_{i}") for i in row["constants"]})
        inputs.update(given)
        outputs.update(made)
    cases.add(f"{first:03}-{rows[first]['op']}", nodes, inputs, outputs, {"": 17, **dict.fromkeys(DOMAINS, 1)}, constants, symbolic=True)
