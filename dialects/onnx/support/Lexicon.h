//===- dialects/onnx/support/Lexicon.h ---------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Lists of texts as tables that runtime/library/lexicon.h reads: thousands of words are two constants.
#pragma once

#include "dialects/onnx/support/Lowering.h"
#include <map>
#include <string>

namespace onnxc::onnx {

/// Texts with a number each. A text may have any bytes.
using LexiconEntry = std::pair<std::string, int32_t>;

/// Appends the two constants that are the list, in its order, and their onnx types. To be searched, it must be sorted
/// by bytes, each text once, as a std::map has it.
void addLexicon(LoweringBuilder &b, llvm::ArrayRef<LexiconEntry> entries, llvm::SmallVectorImpl<mlir::Value> &values,
                llvm::SmallVectorImpl<mlir::Type> &types);
void addLexicon(LoweringBuilder &b, const std::map<std::string, int32_t> &entries,
                llvm::SmallVectorImpl<mlir::Value> &values, llvm::SmallVectorImpl<mlir::Type> &types);

/// Appends a constant of one text, or of numbers.
void addTable(LoweringBuilder &b, llvm::ArrayRef<int32_t> numbers, llvm::SmallVectorImpl<mlir::Value> &values,
              llvm::SmallVectorImpl<mlir::Type> &types);
void addText(LoweringBuilder &b, llvm::StringRef text, llvm::SmallVectorImpl<mlir::Value> &values,
             llvm::SmallVectorImpl<mlir::Type> &types);
void addNumbers(LoweringBuilder &b, llvm::ArrayRef<int64_t> numbers, llvm::SmallVectorImpl<mlir::Value> &values,
                llvm::SmallVectorImpl<mlir::Type> &types);

/// The parts of a text between any of these letters, without empty ones.
llvm::SmallVector<llvm::StringRef> splitAtAny(llvm::StringRef text, llvm::StringRef letters);

/// Reports an attribute with a zero byte: strings of the model end at one.
llvm::LogicalResult checkText(mlir::Operation *op, llvm::StringRef name, llvm::ArrayRef<llvm::StringRef> texts);

} // namespace onnxc::onnx
