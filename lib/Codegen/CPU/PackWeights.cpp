//===- lib/Codegen/CPU/PackWeights.cpp ---------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Weights are packed here, as bytes and in parallel; the IR only ever sees the name of the result.
#include "lib/Codegen/CPU/PackWeights.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "mlir/IR/Matchers.h"
#include "mlir/IR/Threading.h"
#include <atomic>

using namespace mlir;
using namespace onnxc;

static void setRowMajor(ConstantView &view) {
  view.strides.assign(view.shape.size(), 1);
  for (size_t i = view.shape.size(); i-- > 1;)
    view.strides[i - 1] = view.strides[i] * view.shape[i];
}

static std::optional<ConstantView> ofAttribute(Attribute attribute) {
  auto elements = dyn_cast<ElementsAttr>(attribute);
  if (!elements || !(elements.getElementType().isF32() || elements.getElementType().isInteger(8) ||
                     elements.getElementType().isInteger(16)))
    return std::nullopt;
  size_t width = elements.getElementType().getIntOrFloatBitWidth() / 8;
  ConstantView view;
  view.attribute = elements;
  llvm::append_range(view.shape, elements.getShapedType().getShape());
  setRowMajor(view);
  if (auto resource = dyn_cast<DenseResourceElementsAttr>(attribute)) {
    AsmResourceBlob *blob = resource.getRawHandle().getBlob();
    if (!blob || blob->getData().size() != size_t(elements.getNumElements()) * width)
      return std::nullopt;
    view.data = blob->getData().data();
    return view;
  }
  auto dense = dyn_cast<DenseElementsAttr>(attribute);
  if (!dense)
    return std::nullopt;
  view.data = dense.getRawData().data();
  if (dense.isSplat())
    view.strides.assign(view.shape.size(), 0);
  return view;
}

std::optional<ConstantView> ConstantView::of(Value value) {
  Attribute attribute;
  if (matchPattern(value, m_Constant(&attribute)))
    return ofAttribute(attribute);
  Operation *op = value.getDefiningOp();
  if (!op)
    return std::nullopt;
  auto resultShape = cast<ShapedType>(value.getType()).getShape();
  if (auto transpose = dyn_cast<linalg::TransposeOp>(op)) {
    auto input = of(transpose.getInput());
    if (!input)
      return std::nullopt;
    ConstantView view = *input;
    for (auto [i, from] : llvm::enumerate(transpose.getPermutation())) {
      view.shape[i] = input->shape[from];
      view.strides[i] = input->strides[from];
    }
    return view;
  }
  auto reshape = [&](Value source, ArrayRef<ReassociationIndices> groups, bool expand) -> std::optional<ConstantView> {
    auto input = of(source);
    if (!input)
      return std::nullopt;
    ConstantView view = *input;
    view.shape.assign(resultShape.begin(), resultShape.end());
    view.strides.assign(resultShape.size(), 0);
    for (auto [i, group] : llvm::enumerate(groups)) {
      if (expand) {
        int64_t stride = input->strides[i];
        for (int64_t d : llvm::reverse(group)) {
          view.strides[d] = stride;
          stride *= view.shape[d];
        }
        continue;
      }
      // Collapsed dimensions must lie one inside the other. Those of size one lie anywhere.
      std::optional<int64_t> inner, next;
      for (int64_t d : llvm::reverse(group)) {
        if (input->shape[d] == 1)
          continue;
        if (next && input->strides[d] != *next)
          return std::nullopt;
        if (!inner)
          inner = input->strides[d];
        next = input->strides[d] * input->shape[d];
      }
      view.strides[i] = inner.value_or(0);
    }
    return view;
  };
  if (auto expand = dyn_cast<tensor::ExpandShapeOp>(op))
    return reshape(expand.getSrc(), expand.getReassociationIndices(), true);
  if (auto collapse = dyn_cast<tensor::CollapseShapeOp>(op))
    return reshape(collapse.getSrc(), collapse.getReassociationIndices(), false);
  if (auto slice = dyn_cast<tensor::ExtractSliceOp>(op)) {
    auto input = of(slice.getSource());
    if (!input || slice.getType().getRank() != slice.getSourceType().getRank() ||
        ShapedType::isDynamicShape(slice.getStaticOffsets()) || ShapedType::isDynamicShape(slice.getStaticSizes()) ||
        ShapedType::isDynamicShape(slice.getStaticStrides()))
      return std::nullopt;
    ConstantView view = *input;
    for (size_t i = 0; i < view.shape.size(); ++i) {
      view.offset += slice.getStaticOffset(i) * view.strides[i];
      view.strides[i] *= slice.getStaticStride(i);
      view.shape[i] = slice.getStaticSize(i);
    }
    return view;
  }
  return std::nullopt;
}

/// A new constant whose bytes `fill` writes.
template <typename T>
static ElementsAttr makeConstant(Type element, ArrayRef<int64_t> shape, llvm::function_ref<void(T *)> fill) {
  auto type = RankedTensorType::get(shape, element);
  AsmResourceBlob blob = HeapAsmResourceBlob::allocate(size_t(type.getNumElements()) * sizeof(T), 64);
  fill(reinterpret_cast<T *>(blob.getMutableData().data()));
  return DenseResourceElementsAttr::get(type, "packed", std::move(blob));
}

namespace {
/// Walks the columns of a constant right side.
struct Columns {
  Columns(const ConstantView &view, AffineMap map, ArrayRef<int64_t> sizes, unsigned batchDims, int64_t lanes)
      : view(view), sizes(sizes), batchDims(batchDims), strides(sizes.size(), 0), count(sizes[batchDims]),
        panels(llvm::divideCeil(count, lanes)) {
    for (auto [i, expr] : llvm::enumerate(map.getResults()))
      if (auto dim = dyn_cast<AffineDimExpr>(expr))
        strides[dim.getPosition()] = view.strides[i];
    for (int64_t size : sizes.take_front(batchDims))
      batches *= size;
    stride = strides[batchDims];
    // Offset in the source of each reduced element: the same for all columns.
    ArrayRef<int64_t> reduced = getReduced(), reducedStrides = ArrayRef(strides).drop_front(batchDims + 1);
    int64_t depth = 1;
    for (int64_t size : reduced)
      depth *= size;
    offsets.assign(depth, 0);
    for (int64_t k = 0; k < depth; ++k) {
      int64_t rest = k;
      for (size_t d = reduced.size(); d-- > 0; rest /= reduced[d])
        offsets[k] += rest % reduced[d] * reducedStrides[d];
    }
  }

  ArrayRef<int64_t> getReduced() const { return sizes.drop_front(batchDims + 1); }
  SmallVector<int64_t> getShape(ArrayRef<int64_t> rest) const {
    SmallVector<int64_t> shape(sizes.take_front(batchDims));
    shape.push_back(panels);
    llvm::append_range(shape, rest);
    return shape;
  }
  /// Where in the source column `n` of batch `batch` (linear) begins.
  int64_t begin(int64_t batch, int64_t n) const {
    int64_t from = view.offset + n * stride;
    for (unsigned d = batchDims; d-- > 0; batch /= sizes[d])
      from += batch % sizes[d] * strides[d];
    return from;
  }

  const ConstantView &view;
  ArrayRef<int64_t> sizes; // of (b, n, k)
  unsigned batchDims;
  SmallVector<int64_t> strides;
  int64_t count, panels, batches = 1, stride;
  std::vector<int64_t> offsets;
};
} // namespace

/// A number as f16, if it is one.
static std::optional<uint16_t> asHalf(float number) {
  uint32_t bits;
  memcpy(&bits, &number, sizeof(bits));
  uint32_t sign = bits >> 16 & 0x8000, magnitude = bits & 0x7fffffff;
  int exponent = int(magnitude >> 23) - 127;
  if (magnitude == 0)
    return sign;
  if (exponent >= -14 && exponent <= 15 && (magnitude & 0x1fff) == 0)
    return sign | ((magnitude >> 13) - (112 << 10));
  uint32_t significand = (magnitude & 0x7fffff) | 0x800000; // times 2^(exponent - 23); subnormal ones are times 2^-24
  if (exponent >= -24 && exponent < -14 && significand % (1u << (-exponent - 1)) == 0)
    return sign | significand >> (-exponent - 1);
  return std::nullopt;
}

/// Packs what `convert` makes of the numbers; null where that isn't anything.
template <typename T, typename Convert>
static ElementsAttr packAs(const ConstantView &view, const Columns &columns, int64_t lanes, Type element,
                           Convert convert) {
  SmallVector<int64_t> rest(columns.getReduced());
  rest.push_back(lanes);
  int64_t depth = columns.offsets.size(), panels = columns.panels;
  MLIRContext *context = view.attribute.getContext();
  std::atomic<bool> fits = true;
  ElementsAttr result = makeConstant<T>(element, columns.getShape(rest), [&](T *packed) {
    parallelFor(context, 0, size_t(columns.batches * panels), [&](size_t task) {
      int64_t n0 = task % panels * lanes, from = columns.begin(task / panels, n0);
      int64_t inside = std::min(lanes, columns.count - n0);
      T *to = packed + task * depth * lanes;
      for (int64_t k = 0; k < depth && fits; ++k, to += lanes) {
        const float *source = reinterpret_cast<const float *>(view.data) + from + columns.offsets[k];
        for (int64_t lane = 0; lane < inside; ++lane) {
          std::optional<T> number = convert(source[lane * columns.stride]);
          if (!number)
            fits = false;
          to[lane] = number.value_or(0);
        }
        std::fill(to + inside, to + lanes, T(0));
      }
    });
  });
  if (fits)
    return result;
  release(result);
  return {};
}

ElementsAttr onnxc::packConstant(const ConstantView &view, AffineMap map, ArrayRef<int64_t> sizes, unsigned batchDims,
                                 int64_t lanes, bool asHalf) {
  Columns columns(view, map, sizes, batchDims, lanes);
  constexpr int64_t leastElements = 1 << 14;
  if (asHalf && ShapedType::getNumElements(sizes) >= leastElements)
    if (ElementsAttr packed =
            packAs<uint16_t>(view, columns, lanes, Float16Type::get(view.attribute.getContext()), ::asHalf))
      return packed;
  return packAs<float>(view, columns, lanes, view.element(), [](float number) { return std::optional<float>(number); });
}

ElementsAttr onnxc::packBytes(const ConstantView &view, AffineMap map, ArrayRef<int64_t> sizes, unsigned batchDims,
                              int64_t lanes) {
  Columns columns(view, map, sizes, batchDims, lanes);
  int64_t last = sizes.back(), outer = columns.offsets.size() / last, words = outer * llvm::divideCeil(last, 4);
  MLIRContext *context = view.attribute.getContext();
  return makeConstant<uint32_t>(
      IntegerType::get(context, 32), columns.getShape({words + 1, lanes}), [&](uint32_t *packed) {
        parallelFor(context, 0, size_t(columns.batches * columns.panels), [&](size_t task) {
          int64_t n0 = task % columns.panels * lanes, from = columns.begin(task / columns.panels, n0);
          int64_t inside = std::min(lanes, columns.count - n0);
          uint32_t *to = packed + task * (words + 1) * lanes;
          std::fill(to, to + (words + 1) * lanes, 0);
          uint32_t *sums = to + words * lanes;
          for (int64_t k = 0; k < outer * last; ++k) {
            int64_t word = k / last * llvm::divideCeil(last, 4) + k % last / 4, shift = k % last % 4 * 8;
            const char *source = view.data + from + columns.offsets[k];
            for (int64_t lane = 0; lane < inside; ++lane) {
              auto number = static_cast<int8_t>(source[lane * columns.stride]);
              to[word * lanes + lane] |= static_cast<uint32_t>(static_cast<uint8_t>(number)) << shift;
              sums[lane] += static_cast<uint32_t>(static_cast<int32_t>(number));
            }
          }
        });
      });
}

ElementsAttr onnxc::packBlocks(const ConstantView &numbers, const ConstantView &scales, const ConstantView *zeros,
                               int64_t lanes, int64_t &bits) {
  int64_t columns = numbers.shape[0], blocks = numbers.shape[1], block = numbers.shape[2];
  MLIRContext *context = numbers.attribute.getContext();
  // The range of the numbers says how many bits they need.
  std::atomic<int> most = 0;
  parallelFor(context, 0, size_t(columns), [&](size_t n) {
    int own = 0;
    for (int64_t k = 0; k < blocks; ++k)
      for (int64_t i = 0; i < block; ++i) {
        int number = numbers.at<int8_t>({int64_t(n), k, i});
        own = std::max(own, number < 0 ? ~number : number);
      }
    for (int known = most; known < own && !most.compare_exchange_weak(known, own);)
      ;
  });
  bits = most < 2 ? 2 : most < 8 ? 4 : 8;
  while (block * bits % 32 != 0)
    bits *= 2;
  int64_t perWord = 32 / bits, words = block / perWord, panels = llvm::divideCeil(columns, lanes);
  SmallVector<int64_t> shape{panels, blocks, words + (zeros ? 2 : 1), lanes};
  uint32_t mask = (1u << bits) - 1;
  return makeConstant<uint32_t>(IntegerType::get(context, 32), shape, [&](uint32_t *packed) {
    parallelFor(context, 0, size_t(panels), [&](size_t panel) {
      uint32_t *to = packed + panel * blocks * shape[2] * lanes;
      auto forEachColumn = [&](llvm::function_ref<uint32_t(int64_t)> get) {
        for (int64_t lane = 0; lane < lanes; ++lane) {
          int64_t n = panel * lanes + lane;
          *to++ = n < columns ? get(n) : 0;
        }
      };
      for (int64_t k = 0; k < blocks; ++k) {
        for (int64_t word = 0; word < words; ++word)
          forEachColumn([&](int64_t n) {
            uint32_t joined = 0;
            for (int64_t j = 0; j < perWord; ++j)
              joined |= (numbers.at<int8_t>({n, k, word * perWord + j}) & mask) << (j * bits);
            return joined;
          });
        forEachColumn([&](int64_t n) { return llvm::bit_cast<uint32_t>(scales.at<float>({n, k})); });
        if (zeros)
          forEachColumn([&](int64_t n) { return llvm::bit_cast<uint32_t>(zeros->at<float>({n, k})); });
      }
    });
  });
}

template <typename T> static ElementsAttr materialiseAs(const ConstantView &view) {
  return makeConstant<T>(view.element(), view.shape, [&](T *to) {
    int64_t count = 1;
    for (int64_t size : view.shape)
      count *= size;
    for (int64_t i = 0; i < count; ++i) {
      int64_t rest = i, from = view.offset;
      for (size_t d = view.shape.size(); d-- > 0; rest /= view.shape[d])
        from += rest % view.shape[d] * view.strides[d];
      to[i] = reinterpret_cast<const T *>(view.data)[from];
    }
  });
}

ElementsAttr onnxc::materialise(const ConstantView &view) {
  ConstantView plain;
  plain.shape = view.shape;
  setRowMajor(plain);
  if (plain.strides == view.strides && view.offset == 0)
    if (view.attribute.getShapedType().getShape() == ArrayRef(view.shape))
      return view.attribute;
  switch (view.element().getIntOrFloatBitWidth()) {
  case 8:
    return materialiseAs<int8_t>(view);
  case 16:
    return materialiseAs<int16_t>(view);
  default:
    return materialiseAs<float>(view);
  }
}

void onnxc::release(ElementsAttr attribute) {
  if (auto resource = dyn_cast<DenseResourceElementsAttr>(attribute))
    resource.getRawHandle().getResource()->setBlob(AsmResourceBlob());
}
