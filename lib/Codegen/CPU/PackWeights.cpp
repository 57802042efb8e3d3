//===- lib/Codegen/CPU/PackWeights.cpp ---------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Chooses the form of packed weights. See PackWeights.h.
#include "lib/Codegen/CPU/PackWeights.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace onnxc;
using kernel::PackedAttr;
using kernel::Packing;

/// [b..., ceil(n / lanes), rest...]
static RankedTensorType makeType(ArrayRef<int64_t> sizes, unsigned batchDims, int64_t lanes, ArrayRef<int64_t> rest,
                                 Type element) {
  SmallVector<int64_t> shape(sizes.take_front(batchDims));
  shape.push_back(llvm::divideCeil(sizes[batchDims], lanes));
  llvm::append_range(shape, rest);
  return RankedTensorType::get(shape, element);
}

ElementsAttr onnxc::packConstant(const ConstantView &view, AffineMap map, ArrayRef<int64_t> sizes, unsigned batchDims,
                                 int64_t lanes, bool half) {
  constexpr int64_t leastElements = 1 << 14;
  MLIRContext *context = view.source.getContext();
  Type element = ShapedType::getNumElements(sizes) >= leastElements ? findShortType(view, half) : Type();
  if (!element)
    element = Float32Type::get(context);
  SmallVector<int64_t> rest(sizes.drop_front(batchDims + 1));
  rest.push_back(lanes);
  return PackedAttr::get(makeType(sizes, batchDims, lanes, rest, element), Packing::Numbers, view.asAttribute(), map,
                         sizes, batchDims, lanes);
}

ElementsAttr onnxc::packBytes(const ConstantView &view, AffineMap map, ArrayRef<int64_t> sizes, unsigned batchDims,
                              int64_t lanes) {
  ArrayRef<int64_t> outer = sizes.drop_front(batchDims + 1).drop_back();
  int64_t words = ShapedType::getNumElements(outer) * llvm::divideCeil(sizes.back(), 4);
  Type word = IntegerType::get(view.source.getContext(), 32);
  return PackedAttr::get(makeType(sizes, batchDims, lanes, {words + 1, lanes}, word), Packing::Words,
                         view.asAttribute(), map, sizes, batchDims, lanes);
}

ElementsAttr onnxc::packBlocks(const ConstantView &numbers, const ConstantView &scales, const ConstantView *zeros,
                               int64_t lanes, int64_t &bits) {
  int64_t columns = numbers.shape[0], blocks = numbers.shape[1], block = numbers.shape[2];
  // Where the model does not say how many bits they need, the range of the numbers does.
  bool isNarrow = numbers.bits == 2 || numbers.bits == 4;
  int most = 0;
  for (int64_t n = 0; n < columns && most < 8 && !isNarrow; ++n)
    for (int64_t k = 0; k < blocks; ++k) {
      int64_t from = numbers.position({n, k, 0});
      for (int64_t i = 0; i < block; ++i) {
        int number = numbers.byteAt(from + i * numbers.strides[2]);
        most = std::max(most, number < 0 ? ~number : number);
      }
    }
  bits = isNarrow ? numbers.bits : most < 2 ? 2 : most < 8 ? 4 : 8;
  while (block * bits % 32 != 0)
    bits *= 2;
  int64_t perWord = 32 / bits, words = block / perWord;
  SmallVector<ElementsAttr> sources{numbers.asAttribute(), scales.asAttribute()};
  if (zeros)
    sources.push_back(zeros->asAttribute());
  MLIRContext *context = numbers.source.getContext();
  auto type = RankedTensorType::get({(columns + lanes - 1) / lanes, blocks, words + (zeros ? 2 : 1), lanes},
                                    IntegerType::get(context, 32));
  return PackedAttr::get(type, Packing::Blocks, sources, AffineMap::getMultiDimIdentityMap(3, context), numbers.shape,
                         /*batchDims=*/0, lanes);
}
