//===- dialects/kernel/Weights.cpp -------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The attributes kernel.view and kernel.packed: how their bytes are made from those of the model, in parallel.
#include "dialects/kernel/Weights.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "mlir/IR/Matchers.h"
#include "llvm/Support/Parallel.h"

using namespace mlir;
using namespace onnxc;
using kernel::PackedAttr;
using kernel::Packing;
using kernel::ViewAttr;

// ---- Views ---------------------------------------------------------------------------------------------------------

static SmallVector<int64_t> getRowMajor(ArrayRef<int64_t> shape) {
  SmallVector<int64_t> strides(shape.size(), 1);
  for (size_t i = shape.size(); i-- > 1;)
    strides[i - 1] = strides[i] * shape[i];
  return strides;
}

std::optional<ConstantView> ConstantView::of(Attribute attribute) {
  auto elements = dyn_cast<ElementsAttr>(attribute);
  if (!elements)
    return std::nullopt;
  ConstantView view;
  view.element = elements.getElementType();
  llvm::append_range(view.shape, elements.getShapedType().getShape());
  auto made = dyn_cast<ViewAttr>(attribute);
  view.source = made ? made.getSource() : elements;
  Type stored = view.stored();
  if (!stored.isIntOrFloat() || stored.getIntOrFloatBitWidth() % 8 != 0)
    return std::nullopt;
  view.strides = made ? llvm::to_vector(made.getStrides()) : getRowMajor(view.shape);
  view.offset = made ? made.getOffset() : 0;
  view.bits = made ? made.getBits() : 0;
  if (auto resource = dyn_cast<DenseResourceElementsAttr>(view.source)) {
    AsmResourceBlob *blob = resource.getRawHandle().getBlob();
    if (!blob || blob->getData().size() != size_t(resource.getNumElements()) * (stored.getIntOrFloatBitWidth() / 8))
      return std::nullopt;
    view.data = blob->getData().data();
    return view;
  }
  auto dense = dyn_cast<DenseElementsAttr>(view.source);
  if (!dense)
    return std::nullopt;
  view.data = dense.getRawData().data();
  if (dense.isSplat())
    view.strides.assign(view.shape.size(), 0), view.offset = 0;
  return view;
}

ConstantView ConstantView::transpose(ArrayRef<int64_t> permutation) const {
  ConstantView view = *this;
  for (auto [i, from] : llvm::enumerate(permutation)) {
    view.shape[i] = shape[from];
    view.strides[i] = strides[from];
  }
  return view;
}

ConstantView ConstantView::slice(ArrayRef<int64_t> offsets, ArrayRef<int64_t> sizes, ArrayRef<int64_t> steps) const {
  ConstantView view = *this;
  for (size_t i = 0; i < shape.size(); ++i) {
    view.offset += offsets[i] * strides[i];
    view.strides[i] *= steps[i];
    view.shape[i] = sizes[i];
  }
  return view;
}

std::optional<ConstantView> ConstantView::reshape(ArrayRef<int64_t> sizes) const {
  ConstantView view = *this;
  view.shape.assign(sizes.begin(), sizes.end());
  view.strides.assign(sizes.size(), 0);
  if (view.count() != count())
    return std::nullopt;
  if (count() == 0)
    return view;
  // From the innermost dimension on: as few of the old ones and of the new ones as have the same product.
  size_t from = shape.size(), to = sizes.size();
  while (from > 0) {
    int64_t inner = strides[--from], have = shape[from], wanted = 1, stride = inner;
    if (have == 1)
      continue;
    size_t first = to;
    while (wanted != have) {
      if (wanted < have && to > 0) {
        wanted *= sizes[--to];
      } else {
        // The next dimension must go on where this one ends. Those of size 1 lie anywhere.
        if (from == 0 || (shape[from - 1] != 1 && strides[from - 1] != inner * have))
          return std::nullopt;
        have *= shape[--from];
      }
    }
    for (size_t i = first; i-- > to; stride *= sizes[i])
      view.strides[i] = stride;
  }
  return view;
}

/// Whether all that `generic` does is to make f32 of 16-bit floats, each in the place that its map says.
static bool isWidening(linalg::GenericOp generic) {
  if (generic.getNumDpsInputs() != 1 || generic.getNumDpsInits() != 1 || generic.getNumReductionLoops() != 0 ||
      !generic.hasPureTensorSemantics() || !generic.getIndexingMapsArray()[1].isIdentity() ||
      !generic.getIndexingMapsArray()[0].isPermutation())
    return false;
  auto widen = generic.getBody()->getTerminator()->getOperand(0).getDefiningOp<arith::ExtFOp>();
  return widen && widen.getIn() == generic.getBody()->getArgument(0) && widen.getType().isF32() &&
         widen.getIn().getType().getIntOrFloatBitWidth() == 16;
}

std::optional<ConstantView> ConstantView::of(Value value) {
  Attribute attribute;
  if (matchPattern(value, m_Constant(&attribute)))
    return of(attribute);
  Operation *op = value.getDefiningOp();
  auto type = dyn_cast<RankedTensorType>(value.getType());
  if (!op || !type || !type.hasStaticShape())
    return std::nullopt;
  if (auto transpose = dyn_cast<linalg::TransposeOp>(op)) {
    auto input = of(transpose.getInput());
    return input ? std::optional(input->transpose(transpose.getPermutation())) : std::nullopt;
  }
  if (auto generic = dyn_cast<linalg::GenericOp>(op); generic && isWidening(generic)) {
    auto input = of(generic.getInputs()[0]);
    if (!input || input->element != input->stored())
      return std::nullopt;
    ConstantView view = *input;
    view.element = type.getElementType();
    for (auto [i, expr] : llvm::enumerate(generic.getIndexingMapsArray()[0].getResults())) {
      unsigned to = cast<AffineDimExpr>(expr).getPosition();
      view.shape[to] = input->shape[i];
      view.strides[to] = input->strides[i];
    }
    return view;
  }
  if (isa<tensor::ExpandShapeOp, tensor::CollapseShapeOp>(op)) {
    auto input = of(op->getOperand(0));
    return input ? input->reshape(type.getShape()) : std::nullopt;
  }
  if (auto slice = dyn_cast<tensor::ExtractSliceOp>(op)) {
    auto input = of(slice.getSource());
    if (!input || ShapedType::isDynamicShape(slice.getStaticOffsets()) ||
        ShapedType::isDynamicShape(slice.getStaticSizes()) || ShapedType::isDynamicShape(slice.getStaticStrides()))
      return std::nullopt;
    return input->slice(slice.getStaticOffsets(), slice.getStaticSizes(), slice.getStaticStrides())
        .reshape(type.getShape());
  }
  return std::nullopt;
}

ElementsAttr ConstantView::asAttribute() const {
  auto type = RankedTensorType::get(shape, element);
  auto isWhole = [&] {
    return element == stored() && bits == 0 && offset == 0 && type.getNumElements() == source.getNumElements() &&
           llvm::all_of(llvm::zip_equal(shape, strides, getRowMajor(shape)), [](auto dim) {
             auto [size, stride, plain] = dim;
             return size == 1 || stride == plain;
           });
  };
  if (source.getShapedType() == type && isWhole())
    return source;
  if (auto resource = dyn_cast<DenseResourceElementsAttr>(source); resource && isWhole())
    return DenseResourceElementsAttr::get(type, resource.getRawHandle());
  if (auto dense = dyn_cast<DenseElementsAttr>(source);
      dense && element == stored() && bits == 0 && (dense.isSplat() || isWhole()))
    return dense.isSplat() ? dense.resizeSplat(type) : dense.reshape(type);
  return ViewAttr::get(type, source, offset, strides, bits);
}

// ---- Numbers -------------------------------------------------------------------------------------------------------

namespace {
/// f16 as f32, by a table.
struct WidenHalf {
  WidenHalf() : numbers(1 << 16) {
    for (auto [bits, number] : llvm::enumerate(numbers)) {
      APFloat exact(APFloat::IEEEhalf(), APInt(16, bits));
      bool isLossy;
      exact.convert(APFloat::IEEEsingle(), APFloat::rmNearestTiesToEven, &isLossy);
      number = exact.convertToFloat();
    }
  }
  float operator()(uint16_t bits) const { return numbers[bits]; }
  static const WidenHalf &get() {
    static const WidenHalf table;
    return table;
  }
  std::vector<float> numbers;
};

float widenBrain(uint16_t bits) { return llvm::bit_cast<float>(static_cast<uint32_t>(bits) << 16); }

/// A number as f16, if it is one.
std::optional<uint16_t> asHalf(float number) {
  auto bits = llvm::bit_cast<uint32_t>(number);
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

/// A number as bf16, if it is one.
std::optional<uint16_t> asBrain(float number) {
  auto bits = llvm::bit_cast<uint32_t>(number);
  return (bits & 0xffff) == 0 ? std::optional<uint16_t>(bits >> 16) : std::nullopt;
}

/// Calls `body` with a function that gives the f32 at a position.
template <typename Body> auto withFloats(const ConstantView &view, Body body) {
  if (view.bits != 0)
    return body([&view](int64_t at) { return static_cast<float>(view.byteAt(at)); });
  if (view.stored().isF16())
    return body([&table = WidenHalf::get(), from = reinterpret_cast<const uint16_t *>(view.data)](int64_t at) {
      return table(from[at]);
    });
  if (view.stored().isBF16())
    return body([from = reinterpret_cast<const uint16_t *>(view.data)](int64_t at) { return widenBrain(from[at]); });
  return body([from = reinterpret_cast<const float *>(view.data)](int64_t at) { return from[at]; });
}
} // namespace

float onnxc::getFloat(const ConstantView &view, int64_t position) {
  return withFloats(view, [&](auto read) { return read(position); });
}

Type onnxc::findShortType(const ConstantView &view, bool half) {
  MLIRContext *context = view.source.getContext();
  if (view.stored().isBF16() || (view.stored().isF16() && half))
    return view.stored();
  // In the order of memory, until neither is left.
  SmallVector<std::pair<int64_t, int64_t>> dims; // stride, size
  for (auto [stride, size] : llvm::zip_equal(view.strides, view.shape))
    dims.push_back({stride, size});
  llvm::sort(dims, std::greater<>());
  auto [stride, inner] = dims.empty() ? std::pair<int64_t, int64_t>(1, 1) : dims.pop_back_val();
  int64_t rows = inner ? view.count() / inner : 0;
  bool brain = true;
  withFloats(view, [&, stride = stride, inner = inner](auto read) {
    for (int64_t row = 0; row < rows && (half || brain); ++row) {
      int64_t rest = row, from = view.offset;
      for (auto [step, size] : llvm::reverse(dims)) {
        from += rest % size * step;
        rest /= size;
      }
      for (int64_t i = 0; i < inner && (half || brain); ++i) {
        float number = read(from + i * stride);
        half = half && asHalf(number);
        brain = brain && asBrain(number);
      }
    }
  });
  return half ? Type(Float16Type::get(context)) : brain ? Type(BFloat16Type::get(context)) : Type();
}

// ---- Bytes of a view -----------------------------------------------------------------------------------------------

/// Few bytes are made by the thread that wants them.
static void forEachTask(size_t tasks, size_t bytes, llvm::function_ref<void(size_t)> body) {
  constexpr size_t worthThreads = 1 << 20;
  if (bytes >= worthThreads)
    llvm::parallelFor(0, tasks, body);
  else
    for (size_t task = 0; task < tasks; ++task)
      body(task);
}

namespace {
/// Copies a strided view into consecutive elements, of which `read` gives the one at a position.
template <typename To, typename Read> struct Gather {
  Gather(const ConstantView &view, Read read) : offset(view.offset), read(read) {
    // Dimensions that lie one inside the other are one.
    for (auto [size, stride] : llvm::zip_equal(view.shape, view.strides)) {
      if (size == 1)
        continue;
      if (!sizes.empty() && strides.back() == stride * size)
        sizes.back() *= size, strides.back() = stride;
      else
        sizes.push_back(size), strides.push_back(stride);
    }
    while (sizes.size() < 2)
      sizes.insert(sizes.begin(), 1), strides.insert(strides.begin(), 0);
  }

  void run(To *to) const {
    int64_t rows = sizes[sizes.size() - 2], columns = sizes.back(), matrices = 1;
    for (int64_t size : ArrayRef(sizes).drop_back(2))
      matrices *= size;
    int64_t rowStride = strides[strides.size() - 2], stride = strides.back();
    int64_t blocks = llvm::divideCeil(rows, kBlock);
    forEachTask(matrices * blocks, matrices * rows * columns * sizeof(To), [&](size_t task) {
      int64_t source = offset;
      for (int64_t d = sizes.size() - 2, rest = task / blocks; d-- > 0; rest /= sizes[d])
        source += rest % sizes[d] * strides[d];
      int64_t begin = task % blocks * kBlock, end = std::min(rows, begin + kBlock);
      To *target = to + task / blocks * rows * columns;
      if (rowStride < stride) // the rows of a block share the cache lines that they read
        for (int64_t j = 0; j < columns; ++j)
          for (int64_t i = begin; i < end; ++i)
            target[i * columns + j] = read(source + i * rowStride + j * stride);
      else
        for (int64_t i = begin; i < end; ++i)
          for (int64_t j = 0; j < columns; ++j)
            target[i * columns + j] = read(source + i * rowStride + j * stride);
    });
  }

private:
  static constexpr int64_t kBlock = 16;
  SmallVector<int64_t> sizes, strides; // in elements, outermost first
  int64_t offset;
  Read read;
};
} // namespace

static void makeView(const ConstantView &view, char *to) {
  auto run = [&](auto into, auto read) {
    using To = decltype(into);
    Gather<To, decltype(read)>(view, read).run(reinterpret_cast<To *>(to));
  };
  if (view.element.isF32() && view.element != view.stored())
    return withFloats(view, [&](auto read) { run(float(), read); });
  if (view.bits != 0)
    return run(int8_t(), [&](int64_t at) { return view.byteAt(at); });
  auto same = [&](auto element) {
    run(element, [from = reinterpret_cast<const decltype(element) *>(view.data)](int64_t at) { return from[at]; });
  };
  switch (view.element.getIntOrFloatBitWidth()) {
  case 8:
    return same(uint8_t());
  case 16:
    return same(uint16_t());
  case 32:
    return same(uint32_t());
  case 64:
    return same(uint64_t());
  default:
    llvm_unreachable("elements of this width have no view");
  }
}

// ---- Packed bytes --------------------------------------------------------------------------------------------------

namespace {
/// Walks the columns of a constant right side.
struct Columns {
  Columns(const ConstantView &view, PackedAttr packed)
      : view(view), sizes(packed.getSizes()), batchDims(packed.getBatchDims()), strides(sizes.size(), 0),
        count(sizes[batchDims]), lanes(packed.getLanes()), panels(llvm::divideCeil(count, lanes)) {
    for (auto [i, expr] : llvm::enumerate(packed.getMap().getResults()))
      if (auto dim = dyn_cast<AffineDimExpr>(expr))
        strides[dim.getPosition()] = view.strides[i];
    for (int64_t size : sizes.take_front(batchDims))
      batches *= size;
    stride = strides[batchDims];
    // Offset in the source of each reduced element: the same for all columns.
    ArrayRef<int64_t> reduced = sizes.drop_front(batchDims + 1),
                      reducedStrides = ArrayRef(strides).drop_front(batchDims + 1);
    offsets.assign(ShapedType::getNumElements(reduced), 0);
    for (auto [k, offset] : llvm::enumerate(offsets)) {
      int64_t rest = k;
      for (size_t d = reduced.size(); d-- > 0; rest /= reduced[d])
        offset += rest % reduced[d] * reducedStrides[d];
    }
  }

  /// Where in the source column `n` of batch `batch` (linear) begins.
  int64_t begin(int64_t batch, int64_t n) const {
    int64_t from = view.offset + n * stride;
    for (unsigned d = batchDims; d-- > 0; batch /= sizes[d])
      from += batch % sizes[d] * strides[d];
    return from;
  }
  /// Calls `body` for each panel with its number, where its first column begins, and how many it has.
  void forEachPanel(size_t bytes, llvm::function_ref<void(int64_t panel, int64_t from, int64_t inside)> body) const {
    forEachTask(batches * panels, bytes, [&](size_t task) {
      int64_t n0 = task % panels * lanes;
      body(task, begin(task / panels, n0), std::min(lanes, count - n0));
    });
  }

  const ConstantView &view;
  ArrayRef<int64_t> sizes; // of (b, n, k)
  unsigned batchDims;
  SmallVector<int64_t> strides;
  int64_t count, lanes, panels, batches = 1, stride;
  std::vector<int64_t> offsets;
};
} // namespace

static void makeNumbers(PackedAttr packed, const ConstantView &view, MutableArrayRef<char> bytes) {
  Columns columns(view, packed);
  int64_t depth = columns.offsets.size(), lanes = columns.lanes;
  auto run = [&](auto into, auto read) {
    using To = decltype(into);
    columns.forEachPanel(bytes.size(), [&](int64_t panel, int64_t from, int64_t inside) {
      To *to = reinterpret_cast<To *>(bytes.data()) + panel * depth * lanes;
      for (int64_t k = 0; k < depth; ++k, to += lanes) {
        for (int64_t lane = 0; lane < inside; ++lane)
          to[lane] = read(from + columns.offsets[k] + lane * columns.stride);
        std::fill(to + inside, to + lanes, To(0));
      }
    });
  };
  Type made = packed.getElementType();
  if (view.stored() == made && !made.isF32())
    return run(uint16_t(), [from = reinterpret_cast<const uint16_t *>(view.data)](int64_t at) { return from[at]; });
  withFloats(view, [&](auto read) {
    if (made.isF32())
      run(float(), read);
    else if (made.isF16())
      run(uint16_t(), [&](int64_t at) { return asHalf(read(at)).value_or(0); });
    else
      run(uint16_t(), [&](int64_t at) { return asBrain(read(at)).value_or(0); });
  });
}

static void makeWords(PackedAttr packed, const ConstantView &view, MutableArrayRef<char> bytes) {
  Columns columns(view, packed);
  int64_t last = columns.sizes.back(), outer = last ? columns.offsets.size() / last : 0,
          words = outer * llvm::divideCeil(last, 4), lanes = columns.lanes;
  columns.forEachPanel(bytes.size(), [&](int64_t panel, int64_t from, int64_t inside) {
    uint32_t *to = reinterpret_cast<uint32_t *>(bytes.data()) + panel * (words + 1) * lanes;
    std::fill(to, to + (words + 1) * lanes, 0);
    uint32_t *sums = to + words * lanes;
    for (int64_t k = 0; k < outer * last; ++k) {
      int64_t word = k / last * llvm::divideCeil(last, 4) + k % last / 4, shift = k % last % 4 * 8;
      for (int64_t lane = 0; lane < inside; ++lane) {
        int8_t number = view.byteAt(from + columns.offsets[k] + lane * columns.stride);
        to[word * lanes + lane] |= static_cast<uint32_t>(static_cast<uint8_t>(number)) << shift;
        sums[lane] += static_cast<uint32_t>(static_cast<int32_t>(number));
      }
    }
  });
}

static void makeBlocks(PackedAttr packed, ArrayRef<ConstantView> views, MutableArrayRef<char> bytes) {
  const ConstantView &numbers = views[0], &scales = views[1], *zeros = views.size() > 2 ? &views[2] : nullptr;
  int64_t columns = numbers.shape[0], blocks = numbers.shape[1], block = numbers.shape[2], lanes = packed.getLanes();
  int64_t perBlock = packed.getShapedType().getDimSize(2), words = perBlock - (zeros ? 2 : 1),
          perWord = words ? block / words : 0, bits = perWord ? 32 / perWord : 0;
  uint32_t mask = (1u << bits) - 1;
  forEachTask(packed.getShapedType().getDimSize(0), bytes.size(), [&](size_t panel) {
    uint32_t *to = reinterpret_cast<uint32_t *>(bytes.data()) + panel * blocks * perBlock * lanes;
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
          int64_t from = numbers.position({n, k, word * perWord});
          for (int64_t j = 0; j < perWord; ++j)
            joined |= (numbers.byteAt(from + j * numbers.strides[2]) & mask) << (j * bits);
          return joined;
        });
      forEachColumn([&](int64_t n) { return llvm::bit_cast<uint32_t>(getFloat(scales, scales.position({n, k}))); });
      if (zeros)
        forEachColumn([&](int64_t n) { return llvm::bit_cast<uint32_t>(getFloat(*zeros, zeros->position({n, k}))); });
    }
  });
}

bool onnxc::isMade(Attribute constant) { return isa<ViewAttr, PackedAttr>(constant); }

void onnxc::makeBytes(ElementsAttr constant, MutableArrayRef<char> to) {
  if (isa<ViewAttr>(constant))
    return makeView(*ConstantView::of(constant), to.data());
  auto packed = cast<PackedAttr>(constant);
  auto views = llvm::map_to_vector(packed.getSources(), [](ElementsAttr source) { return *ConstantView::of(source); });
  switch (packed.getPacking()) {
  case Packing::Numbers:
    return makeNumbers(packed, views[0], to);
  case Packing::Words:
    return makeWords(packed, views[0], to);
  case Packing::Blocks:
    return makeBlocks(packed, views, to);
  }
}

// ---- Text ----------------------------------------------------------------------------------------------------------

// A dump may be of any origin: what is read is checked to stay inside of its sources.

/// Whether constants of this type can be looked at element by element.
static bool hasElements(Type type) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  return tensor && tensor.hasStaticShape() && tensor.getElementType().isIntOrFloat() &&
         tensor.getElementTypeBitWidth() % 8 == 0 && tensor.getElementTypeBitWidth() <= 64;
}

LogicalResult ViewAttr::verify(llvm::function_ref<InFlightDiagnostic()> emitError, ShapedType type, ElementsAttr source,
                               int64_t offset, ArrayRef<int64_t> strides, int64_t bits) {
  if (!hasElements(type) || !hasElements(source.getShapedType()) ||
      !isa<DenseElementsAttr, DenseResourceElementsAttr>(source))
    return emitError() << "a view is of a dense constant, and has static sizes";
  Type from = source.getElementType(), to = type.getElementType();
  if (bits != 0 && (!llvm::is_contained({2, 4, 8}, bits) || !from.isInteger(8)))
    return emitError() << "a view takes 2, 4 or 8 bits of bytes";
  if (from != to && !(to.isF32() && (from.isF16() || from.isBF16() || bits != 0)))
    return emitError() << "a view does not make " << to << " of " << from;
  if (static_cast<int64_t>(strides.size()) != type.getRank())
    return emitError() << "a view has a stride for each dimension";
  int64_t least = offset, most = offset;
  for (auto [size, stride] : llvm::zip_equal(type.getShape(), strides)) {
    int64_t length;
    if (size == 0)
      return success();
    if (llvm::MulOverflow(size - 1, stride, length) || (length > 0 && llvm::AddOverflow(most, length, most)) ||
        (length < 0 && llvm::AddOverflow(least, length, least)))
      return emitError() << "a view ends behind its source";
  }
  if (least < 0 || (bits != 0 ? most / (8 / bits) : most) >= source.getNumElements())
    return emitError() << "a view ends behind its source";
  return success();
}

LogicalResult PackedAttr::verify(llvm::function_ref<InFlightDiagnostic()> emitError, ShapedType type, Packing packing,
                                 ArrayRef<ElementsAttr> sources, AffineMap map, ArrayRef<int64_t> sizes,
                                 int64_t batchDims, int64_t lanes) {
  bool isBlocks = packing == Packing::Blocks;
  if (sources.empty() || (isBlocks ? sources.size() != 2 && sources.size() != 3 : sources.size() != 1) ||
      !llvm::all_of(sources, [](ElementsAttr source) {
        return hasElements(source.getShapedType()) &&
               isa<DenseElementsAttr, DenseResourceElementsAttr, ViewAttr>(source);
      }))
    return emitError() << "packed weights have other sources";
  constexpr int64_t mostLanes = 1024;
  ArrayRef<int64_t> shape = sources[0].getShapedType().getShape();
  if (batchDims < 0 || batchDims >= static_cast<int64_t>(sizes.size()) || lanes < 1 || lanes > mostLanes ||
      map.getNumDims() != sizes.size() || map.getNumResults() != shape.size() || !map.isPermutation())
    return emitError() << "the dimensions of packed weights do not fit together";
  for (auto [expr, size] : llvm::zip_equal(map.getResults(), shape))
    if (sizes[cast<AffineDimExpr>(expr).getPosition()] != size)
      return emitError() << "the sizes of packed weights are not those of their source";
  Type element = sources[0].getElementType(), made = type.getElementType();
  if (packing == Packing::Numbers ? !element.isF32() || !(made.isF32() || made.isF16() || made.isBF16())
                                  : !element.isInteger(8) || !made.isInteger(32))
    return emitError() << "packed weights have other elements";

  SmallVector<int64_t> expected(sizes.take_front(batchDims));
  expected.push_back((sizes[batchDims] + lanes - 1) / lanes);
  ArrayRef<int64_t> reduced = sizes.drop_front(batchDims + 1);
  if (packing == Packing::Numbers) {
    llvm::append_range(expected, reduced);
  } else if (packing == Packing::Words) {
    if (reduced.empty())
      return emitError() << "packed words have a reduced dimension";
    expected.push_back(ShapedType::getNumElements(reduced.drop_back()) * ((reduced.back() + 3) / 4) + 1);
  } else {
    if (shape.size() != 3 || !map.isIdentity() || batchDims != 0 ||
        !llvm::all_of(sources.drop_front(), [&](ElementsAttr each) {
          return each.getElementType().isF32() && each.getShapedType().getShape() == shape.take_front(2);
        }))
      return emitError() << "packed blocks have numbers [n, blocks, block], and scales and zeros [n, blocks]";
    int64_t rank = type.getRank(), words = rank == 4 ? type.getDimSize(2) - (int64_t(sources.size()) - 1) : 0;
    int64_t perWord = words > 0 && shape[2] % words == 0 ? shape[2] / words : 0;
    if (!llvm::is_contained({4, 8, 16}, perWord))
      return emitError() << "packed blocks have words of 2, 4 or 8 bits a number";
    llvm::append_range(expected, ArrayRef<int64_t>{shape[1], type.getDimSize(2)});
  }
  expected.push_back(lanes);
  if (type.getShape() != ArrayRef(expected))
    return emitError() << "packed weights are of another shape than " << type;
  return success();
}

Attribute ViewAttr::parse(AsmParser &parser, Type type) {
  ElementsAttr source;
  int64_t offset, bits = 0;
  SmallVector<int64_t> strides;
  auto parseStride = [&] { return parser.parseInteger(strides.emplace_back()); };
  auto shaped = dyn_cast_or_null<ShapedType>(type);
  SMLoc place = parser.getCurrentLocation();
  if (parser.parseLess() || parser.parseAttribute(source) || parser.parseComma() || parser.parseKeyword("offset") ||
      parser.parseInteger(offset) || parser.parseComma() || parser.parseKeyword("strides") ||
      parser.parseCommaSeparatedList(AsmParser::Delimiter::Square, parseStride))
    return {};
  if (succeeded(parser.parseOptionalComma()) && (parser.parseKeyword("bits") || parser.parseInteger(bits)))
    return {};
  if (parser.parseGreater())
    return {};
  if (!shaped)
    return parser.emitError(place, "a view has a type"), Attribute();
  return ViewAttr::getChecked([&] { return parser.emitError(place); }, shaped, source, offset, strides, bits);
}

void ViewAttr::print(AsmPrinter &printer) const {
  printer << "<" << getSource() << ", offset " << getOffset() << ", strides [" << getStrides() << "]";
  if (getBits() != 0)
    printer << ", bits " << getBits();
  printer << ">";
}

static constexpr StringLiteral kPackings[] = {"numbers", "words", "blocks"};

Attribute PackedAttr::parse(AsmParser &parser, Type type) {
  StringRef name;
  SmallVector<ElementsAttr> sources;
  AffineMapAttr map;
  SmallVector<int64_t> sizes;
  int64_t batchDims, lanes;
  auto parseSource = [&] { return parser.parseAttribute(sources.emplace_back()); };
  auto parseSize = [&] { return parser.parseInteger(sizes.emplace_back()); };
  auto shaped = dyn_cast_or_null<ShapedType>(type);
  SMLoc place = parser.getCurrentLocation();
  if (parser.parseLess() || parser.parseKeyword(&name) ||
      parser.parseCommaSeparatedList(AsmParser::Delimiter::Square, parseSource) || parser.parseComma() ||
      parser.parseAttribute(map) || parser.parseComma() || parser.parseKeyword("sizes") ||
      parser.parseCommaSeparatedList(AsmParser::Delimiter::Square, parseSize) || parser.parseComma() ||
      parser.parseKeyword("batch") || parser.parseInteger(batchDims) || parser.parseComma() ||
      parser.parseKeyword("lanes") || parser.parseInteger(lanes) || parser.parseGreater())
    return {};
  const auto *packing = llvm::find(kPackings, name);
  if (!shaped || packing == std::end(kPackings))
    return parser.emitError(place, "packed weights have a type and are numbers, words or blocks"), Attribute();
  return PackedAttr::getChecked([&] { return parser.emitError(place); }, shaped,
                                static_cast<Packing>(packing - std::begin(kPackings)), sources, map.getValue(), sizes,
                                batchDims, lanes);
}

void PackedAttr::print(AsmPrinter &printer) const {
  printer << "<" << kPackings[static_cast<unsigned>(getPacking())] << " [";
  llvm::interleaveComma(getSources(), printer);
  printer << "], " << AffineMapAttr::get(getMap()) << ", sizes [" << getSizes() << "], batch " << getBatchDims()
          << ", lanes " << getLanes() << ">";
}
