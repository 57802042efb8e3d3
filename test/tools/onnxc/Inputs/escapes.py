# A model of a node whose name and operator would move the cursor, forge a line and turn the direction of writing.
from onnx import TensorProto, helper

name = "n\x1b]0;pwned\x07\x1b[2J\nok.onnx: error: all fine\r\u202e\u2028\u009b"
vector = lambda name: helper.make_tensor_value_info(name, TensorProto.FLOAT, [2])
node = helper.make_node("NoSuchOp\x1b[31m", ["x"], ["y"], name=name)
graph = helper.make_graph([node], "g", [vector("x")], [vector("y")])
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
open("model.onnx", "wb").write(model.SerializeToString())
