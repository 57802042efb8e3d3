"""The schemas of onnxruntime's own domains as the onnx package has those of its own; and which of them have a CPU kernel."""

import functools

import onnx
from onnx import defs

try:
    from onnxruntime.capi import onnxruntime_pybind11_state as state
except ImportError:
    state = None

# (onnxruntime has opsets of com.ms.internal.* for itself alone, and of training without kernels)
DOMAINS = ("com.microsoft", "com.microsoft.nchwc")


def is_contrib(domain):
    return domain in DOMAINS


@functools.cache
def kernels():
    """(domain, operator) of all CPU kernels."""
    return {(k.domain, k.op_name) for k in state.get_all_opkernel_def() if "CPU" in k.provider} if state else set()


def formal(f):
    option = getattr(defs.OpSchema.FormalParameterOption, str(f.option).rpartition(".")[2])
    return defs.OpSchema.FormalParameter(f.name, f.typeStr, param_option=option, is_homogeneous=f.isHomogeneous)


def attribute(a):
    kind = getattr(defs.OpSchema.AttrType, str(a.type).rpartition(".")[2])
    default = onnx.AttributeProto.FromString(a._default_value)
    if a.required or not default.type:
        return defs.OpSchema.Attribute(a.name, kind, required=a.required)
    default.name = a.name
    return defs.OpSchema.Attribute(a.name, default)


@functools.cache
def schemas():
    """Those of operators with a CPU kernel, by domain and name."""
    made = []
    for s in sorted(state.get_all_operator_schema() if state else (), key=lambda s: (s.domain, s.name)):
        if is_contrib(s.domain) and (s.domain, s.name) in kernels():
            constraints = [(c.type_param_str, sorted(c.allowed_type_strs), "") for c in s.type_constraints]
            made.append(defs.OpSchema(s.name, s.domain, s.since_version, inputs=[formal(f) for f in s.inputs], outputs=[formal(f) for f in s.outputs],
                                      type_constraints=constraints, attributes=[attribute(a) for a in s.attributes.values()]))
    return made
