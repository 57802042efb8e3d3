//===- tools/onnxc-run/Files.h -----------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Which file holds which input or output, as the command line says it, and in which form: .pb, .npy or .txt.
//===-------------------------------------------------------------------------------===//
#ifndef ONNXC_RUN_FILES_H
#define ONNXC_RUN_FILES_H

#include "Value.h"

/// The values of an option that names files: DIR, FILE (for the next one that no other value is for) or NAME=FILE.
class Files {
public:
  /// `what`: "input" or "output". `mayBeNew`: what is not there is a folder to be made, or a file of one of the forms.
  std::string set(const std::vector<std::string> &values, const char *what, uint64_t count,
                  const onnxc_value_info *infos, bool mayBeNew);

  /// The path for number `i`; empty: there is none. In a folder, it is WHAT_i with the ending of the form that is
  /// there, or, of those to be written, with `form`.
  const std::string &operator[](uint64_t i) const { return paths[i]; }
  /// The folder for all that have no file of their own, or empty.
  const std::string &getFolder() const { return folder; }
  /// Gives those in the folder that have none a name.
  void nameInFolder(const char *what, const std::string &form);

  bool hasText() const;

private:
  std::vector<std::string> paths;
  std::string folder;
};

/// Whether the file's form is one that holds tensors only; `form`: npy or txt.
bool hasForm(const std::string &path, const char *form);

/// Reads a value of this type. `dims`: of the model, for text; -1 what isn't known.
std::string readAny(const std::string &path, int32_t type, const std::vector<int64_t> &dims, Value &value);

/// Writes one in the form that the path's ending says; `path` + `suffix` is written.
std::string writeAny(const std::string &path, const std::string &suffix, const onnxc_value_info &info,
                     const onnxc_value &value);

#endif
