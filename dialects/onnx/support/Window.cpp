//===- dialects/onnx/support/Window.cpp --------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// How a window slides over the spatial dimensions of a tensor. See Window.h.
#include "dialects/onnx/support/Window.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"

using namespace mlir;
using namespace onnxc::onnx;

/// `values` or, when absent, n times `initial`; checked to be n numbers of at least `least`.
static FailureOr<SmallVector<int64_t>> getNumbers(Operation *op, StringRef name,
                                                  std::optional<ArrayRef<int64_t>> values, size_t n, int64_t initial,
                                                  int64_t least) {
  if (!values || values->empty())
    return SmallVector<int64_t>(n, initial);
  if (values->size() != n)
    return op->emitOpError() << name << " has " << values->size() << " elements, expected " << n;
  for (int64_t value : *values)
    if (value < least || value > std::numeric_limits<int32_t>::max())
      return op->emitOpError() << name << " contains " << value << ", expected at least " << least;
  return SmallVector<int64_t>(*values);
}

FailureOr<Window> Window::get(Operation *op, ArrayRef<AffineExpr> spatial, ArrayRef<AffineExpr> kernel,
                              const WindowAttributes &attributes) {
  size_t n = spatial.size();
  Window window;
  window.ceilMode = attributes.ceilMode;
  window.clips = attributes.clips;
  if (attributes.autoPad == "SAME_UPPER")
    window.same = Upper;
  else if (attributes.autoPad == "SAME_LOWER")
    window.same = Lower;
  else if (attributes.autoPad == "NOTSET" || attributes.autoPad == "VALID" || attributes.autoPad.empty())
    window.same = None;
  else
    return op->emitOpError("auto_pad \"")
           << attributes.autoPad << "\" is none of NOTSET, VALID, SAME_UPPER and SAME_LOWER";
  auto kernels = getNumbers(op, "kernel_shape", attributes.kernelShape, n, 1, 1);
  auto strides = getNumbers(op, "strides", attributes.strides, n, 1, 1);
  auto dilations = getNumbers(op, "dilations", attributes.dilations, n, 1, 1);
  bool hasPads = attributes.autoPad == "NOTSET" || attributes.autoPad.empty();
  auto pads = getNumbers(op, "pads", hasPads ? attributes.pads : std::nullopt, 2 * n, 0, 0);
  if (failed(kernels) || failed(strides) || failed(dilations) || failed(pads))
    return failure();
  for (size_t i = 0; i < n; ++i) {
    AffineExpr none = makeDim(op->getContext(), 0), size = makeDim(op->getContext(), (*kernels)[i]);
    if (!kernel.empty()) {
      auto known = getConstant(kernel[i]);
      if (attributes.kernelShape && !attributes.kernelShape->empty() && known && *known != (*kernels)[i])
        return op->emitOpError("kernel_shape differs from the sizes of the weights");
      size = kernel[i];
    }
    WindowAxis axis{spatial[i], size, (*strides)[i], (*dilations)[i], (*pads)[i], (*pads)[n + i], AffineExpr(), none};
    // Positions of the window: where it starts from -padBegin in steps of the stride and does not leave the padding.
    if (window.same != None) {
      axis.output = axis.input.ceilDiv(axis.stride);
    } else {
      AffineExpr last = axis.input + (axis.padBegin + axis.padEnd - axis.span());
      if (auto number = getConstant(last), span = getConstant(axis.span());
          number && span && *number + window.spare(axis) < 0)
        return op->emitOpError("the window covers ") << *span << " elements, but spatial axis " << i << " has only "
                                                     << *number + *span << " with its padding";
      if (window.spare(axis) > 0)
        axis.missing = clampToZero(op, last * -1);
      // Where the window must fit, the run checks that the maximum makes no difference: it is there to be compared.
      if (!window.ceilMode)
        axis.output = (axis.stride > 1 ? clampToZero(op, last) : last).floorDiv(axis.stride) + 1;
      else // windows that start in the padding behind the data do not count
        axis.output = (axis.padEnd + axis.stride <= axis.extent() ? last + axis.stride : axis.input + axis.padBegin)
                          .ceilDiv(axis.stride);
    }
    window.axes.push_back(axis);
  }
  return window;
}

Dims Window::outputDims() const {
  return llvm::map_to_vector(axes, [](const WindowAxis &axis) { return axis.output; });
}

int64_t Window::size() const {
  int64_t size = 1;
  for (const WindowAxis &axis : axes)
    size *= axis.kernel();
  return size;
}

std::pair<OpFoldResult, OpFoldResult> Window::padding(LoweringBuilder &b, unsigned i) const {
  const WindowAxis &axis = axes[i];
  auto input = getConstant(axis.input), output = getConstant(axis.output);
  if (same == None) {
    int64_t end = axis.padEnd;
    if (ceilMode) // what the last window needs, or at most needs
      end = input ? std::max(end, (*output - 1) * axis.stride + axis.extent() - *input - axis.padBegin)
                  : end + axis.stride - 1;
    else if (getConstant(axis.missing) != 0)
      return {b.getIndexAttr(axis.padBegin), b.materialize(simplify(axis.missing + end))};
    return {b.getIndexAttr(axis.padBegin), b.getIndexAttr(end)};
  }
  // total = max((output - 1) * stride + extent - input, 0), the odd one behind (upper) or in front (lower).
  if (getConstant(axis.kernelSize) && (input || axis.stride == 1)) {
    int64_t total =
        input ? std::max<int64_t>((*output - 1) * axis.stride + axis.extent() - *input, 0) : axis.extent() - 1;
    int64_t less = total / 2, more = total - less;
    return {b.getIndexAttr(same == Upper ? less : more), b.getIndexAttr(same == Upper ? more : less)};
  }
  Value needed = b.materializeIndex((axis.output - 1) * axis.stride + axis.span() - axis.input);
  Value total = arith::MaxSIOp::create(b, needed, b.index(0));
  Value less = arith::DivUIOp::create(b, total, b.index(2)), more = arith::SubIOp::create(b, total, less);
  return same == Upper ? std::pair<OpFoldResult, OpFoldResult>{less, more}
                       : std::pair<OpFoldResult, OpFoldResult>{more, less};
}

Lowered Window::pad(LoweringBuilder &b, Lowered value, Value scalar) const {
  size_t leading = value.rank() - axes.size();
  SmallVector<OpFoldResult> low(leading, b.getIndexAttr(0)), high = low;
  Dims dims = value.dims();
  for (unsigned i = 0; i < axes.size(); ++i) {
    b.requireNonNegative(axes[i].kernelSize - 1, "the kernel has no element along spatial axis " + Twine(i));
    if (same == None) // what `get` checks of numbers
      b.requireNonNegative(axes[i].input + (axes[i].padBegin + axes[i].padEnd - axes[i].span() + spare(axes[i])),
                           "the window is larger than spatial axis " + Twine(i) + " with its padding");
    auto [begin, end] = padding(b, i);
    low.push_back(begin);
    high.push_back(end);
    auto before = getConstantIntValue(begin), after = getConstantIntValue(end);
    // With padding known at run time only, the size is that of the windows, or of a larger input.
    if (before && after)
      dims[leading + i] = dims[leading + i] + (*before + *after);
    else if (same == None)
      dims[leading + i] = simplify(dims[leading + i] + axes[i].missing + (axes[i].padBegin + axes[i].padEnd));
    else
      dims[leading + i] = (axes[i].output - 1) * axes[i].stride + axes[i].span();
  }
  return onnxc::onnx::pad(b, value, low, high, dims, scalar);
}

Window Window::withUnitAxis(MLIRContext *context) const {
  Window result = *this;
  AffineExpr one = makeDim(context, 1);
  result.axes.insert(result.axes.begin(), WindowAxis{one, one, 1, 1, 0, 0, one, makeDim(context, 0)});
  return result;
}

static DenseIntElementsAttr getNumbersAttr(Builder &b, ArrayRef<int64_t> values) {
  return DenseIntElementsAttr::get(RankedTensorType::get(values.size(), b.getI64Type()), values);
}

DenseIntElementsAttr Window::strides(Builder &b) const {
  return getNumbersAttr(b, llvm::map_to_vector(axes, [](const WindowAxis &axis) { return axis.stride; }));
}

DenseIntElementsAttr Window::dilations(Builder &b) const {
  return getNumbersAttr(b, llvm::map_to_vector(axes, [](const WindowAxis &axis) { return axis.dilation; }));
}
