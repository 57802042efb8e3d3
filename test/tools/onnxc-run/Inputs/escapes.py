# model.onnx, whose names and texts would move the cursor, change colours, and begin lines of their own.
from onnx import TensorProto, helper

x, y, t = "x\x1b[2J\nok", "yBAD", "t\u202e"
texts = helper.make_tensor("c", TensorProto.STRING, [2], ["\x1b]0;pwned\x07".encode(), "\u009b\t".encode()])
graph = helper.make_graph([helper.make_node("Relu", [x], [y]), helper.make_node("Identity", ["c"], [t])], "g",
                          [helper.make_tensor_value_info(x, TensorProto.FLOAT, [2])],
                          [helper.make_tensor_value_info(y, TensorProto.FLOAT, [2]),
                           helper.make_tensor_value_info(t, TensorProto.STRING, [2])], [texts])
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
model.metadata_props.add(key="a\x1b[31m", value="b\r")
with open("model.onnx", "wb") as f:
    f.write(model.SerializeToString().replace(b"yBAD", b"y\xc3\x28X"))
