//===- lib/Import/Recognize.cpp ----------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Signatures of the files that are taken for ONNX models. See Recognize.h.
#include "lib/Import/Recognize.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

using llvm::StringRef;

namespace {
struct Signature {
  size_t offset;
  StringRef bytes;
  const char *sentence;
};

const char kPyTorch[] = "this is a PyTorch file, which has weights but no graph: export the model in Python with "
                        "torch.onnx.export(model, example_inputs, \"model.onnx\")";
const char kUnpack[] = "unpack it and compile the .onnx file inside";
const char kKeras[] = "this is a Keras model: convert it with tf2onnx, or save it with model.export(\"model.onnx\", "
                      "format=\"onnx\")";
const char kTensorFlow[] = "this is a TensorFlow model: convert it, for example with python -m tf2onnx.convert "
                           "(--saved-model FOLDER or --graphdef FILE) --output model.onnx";

#define BYTES(text) StringRef(text, sizeof(text) - 1)

const Signature kSignatures[] = {
    {0, BYTES("version https://git-lfs.github.com/spec/"),
     "this is a Git LFS pointer, not the file itself: run 'git lfs pull' in its repository, or download the file"},
    {4, BYTES("TFL3"),
     "this is a TensorFlow Lite model: convert it with python -m tf2onnx.convert --tflite FILE --output model.onnx"},
    {4, BYTES("ORTM"), "this is a model in onnxruntime's ORT format, which is made of an ONNX model: compile that one"},
    {0, BYTES("GGUF"), "this is a GGUF file, weights for llama.cpp without a graph: export the original model to ONNX"},
    {0, BYTES("\x89HDF\r\n\x1a\n"), kKeras},
    {0, BYTES("\x93NUMPY"), "this is a numpy array, not a model"},
    {0, BYTES("\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19"), kPyTorch}, // its magic number, pickled
    {0,
     BYTES("\x7f"
           "ELF"),
     "this is compiled code, not a model; a model that onnxc has compiled is run by onnxc-run"},
    {0, BYTES("\x1f\x8b"), "this is a gzip archive: unpack it (gunzip, or tar xzf) and compile the .onnx file inside"},
    {0, BYTES("BZh"), "this is a bzip2 archive: unpack it (bunzip2, or tar xjf) and compile the .onnx file inside"},
    {0,
     BYTES("\xfd"
           "7zXZ\0"),
     "this is an xz archive: unpack it (unxz, or tar xJf) and compile the .onnx file inside"},
    {0, BYTES("\x28\xb5\x2f\xfd"), "this is a zstd archive: unpack it (unzstd) and compile the .onnx file inside"},
    {0, BYTES("7z\xbc\xaf\x27\x1c"), "this is a 7z archive: unpack it and compile the .onnx file inside"},
    {257, BYTES("ustar"), "this is a tar archive: unpack it (tar xf) and compile the .onnx file inside"},
};
} // namespace

static std::string recognizeZip(StringRef bytes) {
  StringRef start = bytes.take_front(1 << 16), names = bytes.take_back(1 << 16); // which are listed at the end
  auto has = [&](StringRef name) { return start.contains(name) || names.contains(name); };
  if (has("/data.pkl") || has("/constants.pkl"))
    return kPyTorch;
  if (has("model.weights.h5"))
    return kKeras;
  if (has(".npy"))
    return "this is an archive of numpy arrays, not a model";
  return "this is a zip archive: " + std::string(kUnpack);
}

/// Text in the place of a model.
static std::string recognizeText(StringRef bytes) {
  bytes.consume_front("\xef\xbb\xbf"); // byte order mark
  std::string start = bytes.ltrim().take_front(256).lower();
  StringRef text = start;
  if (text.starts_with("<!doctype html") || text.starts_with("<html") || text.starts_with("<head"))
    return "this is a web page, not the file itself: download it again, by the address of its raw content";
  if (text.starts_with("<?xml") || text.starts_with("<net"))
    return "this is an XML file, as OpenVINO has for its models: compile the ONNX model that it was made of";
  if (text.starts_with("{") || text.starts_with("["))
    return "this is JSON text, not a model: look for the .onnx file beside it";
  return {};
}

bool onnxc::isModelText(StringRef bytes) {
  StringRef text = bytes.ltrim();
  return text.starts_with("<") && text.take_front(256).contains("ir_version");
}

std::string onnxc::recognizeFile(StringRef bytes) {
  if (bytes.empty())
    return "the file is empty: writing or downloading it has failed";
  for (const Signature &signature : kSignatures) {
    // A flatbuffer's identifier is behind a small offset; in a model the name of its producer may be there.
    bool mayBe =
        signature.offset != 4 || bytes.drop_front(std::min<size_t>(2, bytes.size())).starts_with(BYTES("\0\0"));
    if (mayBe && bytes.drop_front(std::min(signature.offset, bytes.size())).starts_with(signature.bytes))
      return signature.sentence;
  }
  if (bytes.starts_with("PK\x03\x04") || bytes.starts_with("PK\x05\x06"))
    return recognizeZip(bytes);
  // "8 bytes: N, an unsigned little-endian 64-bit integer, the size of the header; N bytes: a JSON" (safetensors)
  if (bytes.size() > 8 && bytes[8] == '{' && llvm::support::endian::read64le(bytes.data()) <= bytes.size() - 8)
    return "this is a safetensors file, which has weights but no graph: export the model that uses them to ONNX, for "
           "example with optimum-cli export onnx";
  // PROTO and a version from 2 to 5, and the STOP at the end.
  if (bytes.size() > 2 && bytes[0] == '\x80' && bytes[1] >= 2 && bytes[1] <= 5 && bytes.back() == '.')
    return "this is a pickled Python object, not an ONNX model: convert it in Python, for example with skl2onnx for "
           "scikit-learn or torch.onnx.export for PyTorch";
  return recognizeText(bytes);
}

std::string onnxc::recognizeProtobuf(StringRef bytes, StringRef path) {
  // GraphDef begins with a NodeDef, and that with its name; SavedModel with its version, 1, and a MetaGraphDef.
  bool isGraphDef = bytes.size() > 2 && bytes[0] == '\x0a' && bytes.take_front(8).drop_front(1).contains('\x0a');
  bool isSavedModel = bytes.starts_with("\x08\x01\x12");
  if (isGraphDef || isSavedModel)
    return kTensorFlow;
  return llvm::StringSwitch<std::string>(llvm::sys::path::extension(path).lower())
      .Case(".pb", "if it is a TensorFlow model, convert it with tf2onnx")
      .Case(".mlmodel", "it looks like a Core ML model: compile the ONNX model that it was made of")
      .Case(".caffemodel", "it looks like a Caffe model: convert it to ONNX first")
      .Case(".pdmodel", "it looks like a PaddlePaddle model: convert it with paddle2onnx")
      .Default("");
}

std::string onnxc::recognizeFolder(StringRef path) {
  std::error_code error;
  std::string models, what;
  unsigned count = 0;
  for (llvm::sys::fs::directory_iterator it(path, error), end; it != end && !error && ++count < 1000;
       it.increment(error)) {
    StringRef name = llvm::sys::path::filename(it->path());
    if (name == "saved_model.pb")
      return kTensorFlow;
    if (name.ends_with(".onnx") && (models.empty() || it->path() < models))
      models = it->path();
  }
  return "this is a folder: give the model file in it" + (models.empty() ? "" : ", for example " + models);
}
