# Compiles a model with large weights, and ends the compiler when its temporary files are there.
import glob
import signal
import subprocess
import sys
import time

import numpy as np
from onnx import TensorProto, helper, numpy_helper

weights = np.random.default_rng(0).random((3000, 3000), np.float32)
graph = helper.make_graph([helper.make_node("MatMul", ["x", "w"], ["y"])], "large",
                          [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3000])],
                          [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 3000])],
                          [numpy_helper.from_array(weights, "w")])
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
with open("weights.onnx", "wb") as file:
    file.write(model.SerializeToString())
for number in (signal.SIGTERM, signal.SIGINT, signal.SIGBUS):
    compiler = subprocess.Popen(["onnxc", "weights.onnx", "-q", "-o", "weights.so"], stderr=subprocess.PIPE, text=True)
    while compiler.poll() is None and not glob.glob("weights.so.*.tmp"):
        time.sleep(0.001)
    if compiler.poll() is None:
        compiler.send_signal(number)
    text = compiler.communicate()[1]
    if glob.glob("weights.so.*.tmp"):
        sys.exit(f"signal {number}: temporary files are left")
    if number == signal.SIGBUS and compiler.returncode != 0 and not text.startswith("weights.onnx: error: a file"):
        sys.exit(f"signal {number}: status {compiler.returncode}, {text}")
