"""Makes cases of recorded answers: recorded.py FILE FOLDER. A line of the file is one node with its inputs and outputs, as JSON;
operators of onnxruntime-extensions were recorded with version 0.15.2 of that package on Linux. A case has a few nodes, of both
domains in which files have these operators."""

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
    return np.array(values, object if kind == "str" else kind).reshape(shape)


cases = Cases(sys.argv[2])
rows = [json.loads(line) for line in pathlib.Path(sys.argv[1]).read_text().splitlines()]
for first in range(0, len(rows), NODES):
    nodes, inputs, outputs, constants = [], {}, {}, {}
    for number, row in enumerate(rows[first : first + NODES], first):
        given = {f"x{number}_{i}": array(entry) for i, entry in enumerate(row["inputs"])}
        made = {f"y{number}_{i}": array(entry) for i, entry in enumerate(row["outputs"])}
        nodes.append(helper.make_node(row["op"], list(given), list(made), domain=DOMAINS[number % 2], **row["attributes"]))
        constants.update({f"x{number}_{i}": given.pop(f"x{number}_{i}") for i in row["constants"]})
        inputs.update(given)
        outputs.update(made)
    cases.add(f"{first:03}-{rows[first]['op']}", nodes, inputs, outputs, {"": 17, **dict.fromkeys(DOMAINS, 1)}, constants, symbolic=True)
