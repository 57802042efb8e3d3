//===- lib/Import/Tensors.h --------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Reads the tensors of a model: raw, typed, sparse, or in files beside the model.
#pragma once

#include "lib/Import/Import.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/Diagnostics.h"

namespace onnxc::proto {
class TensorProto;
class SparseTensorProto;
} // namespace onnxc::proto

namespace onnxc {

class TensorReader {
public:
  /// `model`: the serialized model that payloads refer to; `folder`: where external data are.
  TensorReader(std::shared_ptr<llvm::MemoryBuffer> model, llvm::StringRef folder, mlir::MLIRContext &context,
               const ImportOptions &options)
      : model(std::move(model)), folder(folder.str()), context(context), options(options) {}

  /// The content as a dense attribute (small, or all elements equal) or a resource (big). `name` names the resource.
  /// Null after an error at `loc`.
  mlir::ElementsAttr read(const proto::TensorProto &tensor, llvm::StringRef name, mlir::Location loc);
  mlir::ElementsAttr read(const proto::SparseTensorProto &tensor, llvm::StringRef name, mlir::Location loc);
  mlir::ElementsAttr readStrings(const proto::TensorProto &tensor, mlir::Location loc);

private:
  /// Little-endian elements, and who keeps them alive when they are not in `storage`.
  struct Bytes {
    mlir::RankedTensorType type;
    llvm::ArrayRef<char> data;
    std::shared_ptr<llvm::MemoryBuffer> owner;
    llvm::SmallVector<char, 0> storage;
  };
  llvm::LogicalResult readBytes(const proto::TensorProto &tensor, Bytes &bytes, mlir::Location loc);
  llvm::LogicalResult readExternal(const proto::TensorProto &tensor, uint64_t size, Bytes &bytes, mlir::Location loc);
  llvm::LogicalResult makeType(llvm::ArrayRef<int64_t> dims, int64_t onnxType, mlir::RankedTensorType &type,
                               uint64_t &size, mlir::Location loc);
  std::shared_ptr<llvm::MemoryBuffer> open(llvm::StringRef location, mlir::Location loc);
  mlir::ElementsAttr makeElements(Bytes &bytes, llvm::StringRef name);

  std::shared_ptr<llvm::MemoryBuffer> model;
  std::string folder;
  mlir::MLIRContext &context;
  const ImportOptions &options;
  llvm::StringMap<std::shared_ptr<llvm::MemoryBuffer>> files;
};

} // namespace onnxc
