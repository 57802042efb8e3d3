//===- lib/Import/Tensors.h --------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Reads the tensors of a model: raw, typed, sparse, or in files beside the model.
#pragma once

#include "lib/Import/Import.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/Diagnostics.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/DenseSet.h"

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
      : model(std::move(model)), folder(folder.str()), context(context), options(options),
        fileBytes(this->model ? this->model->getBufferSize() : 0) {}

  /// The content as a dense attribute (small, or all elements equal) or a resource (big). `name` names the resource.
  /// Null after an error at `loc`.
  mlir::ElementsAttr read(const proto::TensorProto &tensor, llvm::StringRef name, mlir::Location loc);
  mlir::ElementsAttr read(const proto::SparseTensorProto &tensor, llvm::StringRef name, mlir::Location loc);
  mlir::ElementsAttr readStrings(const proto::TensorProto &tensor, mlir::Location loc);

  /// Bytes of the model and of the files beside it that were read.
  uint64_t getFileBytes() const { return fileBytes; }

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
  mlir::ElementsAttr readDense(const proto::TensorProto &tensor, llvm::StringRef name, mlir::Location loc);
  mlir::ElementsAttr readSparse(const proto::SparseTensorProto &sparse, llvm::StringRef name, mlir::Location loc);

  std::shared_ptr<llvm::MemoryBuffer> model;
  std::string folder;
  mlir::MLIRContext &context;
  const ImportOptions &options;
  llvm::StringMap<std::shared_ptr<llvm::MemoryBuffer>> files;
  /// By message: one in a function is read once, however often that is called.
  llvm::DenseMap<const void *, mlir::ElementsAttr> known;
  // What all of the model's tensors take together is bounded by its files.
  uint64_t fileBytes, sparseBytes = 0, externalBytes = 0;
  llvm::DenseSet<std::pair<const char *, uint64_t>> ranges; ///< of external files that tensors are
};

} // namespace onnxc
