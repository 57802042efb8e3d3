//===- tools/onnxc-run/Files.cpp ---------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Which file holds which input or output, and in which form. See Files.h.
//===-------------------------------------------------------------------------------===//
#include "Files.h"
#include "Npy.h"
#include "Text.h"

#include <algorithm>
#include <sys/stat.h>
#include <unistd.h>

namespace {

const char *const Forms[] = {"pb", "npy", "txt"};

bool isThere(const std::string &path) { return access(path.c_str(), F_OK) == 0; }

bool isFolder(const std::string &path) {
  struct stat info;
  return stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode);
}

bool isOfAForm(const std::string &path) {
  return std::any_of(std::begin(Forms), std::end(Forms), [&](const char *form) { return hasForm(path, form); });
}

} // namespace

bool hasForm(const std::string &path, const char *form) {
  std::string ending = std::string(".") + form;
  return path.size() > ending.size() && path.compare(path.size() - ending.size(), ending.size(), ending) == 0;
}

std::string Files::set(const std::vector<std::string> &values, const char *what, uint64_t count,
                       const onnxc_value_info *infos, bool mayBeNew) {
  paths.assign(count, {});
  std::vector<std::string> unnamed;
  for (const std::string &value : values) {
    uint64_t named = count;
    size_t equals = value.npos;
    for (uint64_t i = 0; i < count; ++i) { // a name may have a '=' in it
      std::string start = infos[i].name + std::string("=");
      if (value.compare(0, start.size(), start) == 0)
        named = i, equals = start.size();
    }
    if (named < count) {
      paths[named] = value.substr(equals);
      continue;
    }
    bool isFile = isThere(value) ? !isFolder(value) : mayBeNew && isOfAForm(value);
    if (!isFile && !mayBeNew && !isThere(value)) {
      std::string names;
      for (uint64_t i = 0; i < count; ++i)
        names += (i ? ", " : "") + std::string(infos[i].name);
      return "there is no file or folder '" + value + "'" +
             (value.find('=') == value.npos
                  ? ""
                  : ", and no " + std::string(what) + " of that name (there are: " + names + ")");
    }
    if (isFile)
      unnamed.push_back(value);
    else if (folder.empty())
      folder = value;
    else
      return "two folders: '" + folder + "' and '" + value + "'";
  }
  uint64_t next = 0;
  for (const std::string &path : unnamed) {
    while (next < count && !paths[next].empty())
      ++next;
    if (next == count)
      return "'" + path + "': the model has only " + std::to_string(count) + " " + what + (count == 1 ? "" : "s");
    paths[next] = path;
  }
  for (uint64_t i = 0; i < count; ++i)
    if (!paths[i].empty() && !isOfAForm(paths[i]))
      return "'" + paths[i] + "': files end in .pb, .npy or .txt";
  return {};
}

void Files::nameInFolder(const char *what, const std::string &form) {
  for (uint64_t i = 0; i < paths.size() && !folder.empty(); ++i) {
    if (!paths[i].empty())
      continue;
    std::string stem = folder + "/" + what + "_" + std::to_string(i) + ".";
    for (const char *known : Forms)
      if (form.empty() && paths[i].empty() && isThere(stem + known))
        paths[i] = stem + known;
    if (!form.empty())
      paths[i] = stem + form;
  }
}

bool Files::hasText() const {
  return std::any_of(paths.begin(), paths.end(), [](const std::string &path) { return hasForm(path, "txt"); });
}

std::string readAny(const std::string &path, int32_t type, const std::vector<int64_t> &dims, Value &value) {
  bool isNpy = hasForm(path, "npy");
  if (!isNpy && !hasForm(path, "txt"))
    return readValue(path, type, value);
  if (!isTensor(type))
    return "'" + path + "': only a .pb file can hold what is no tensor";
  Tensor tensor;
  std::string error = readFile(path, [&](const void *bytes, uint64_t size) {
    return isNpy ? parseNpy(bytes, size, type, tensor) : parseText(bytes, size, type, dims, tensor);
  });
  if (error.empty())
    value.root = value.add(std::move(tensor));
  return error;
}

std::string writeAny(const std::string &path, const std::string &suffix, const onnxc_value_info &info,
                     const onnxc_value &value) {
  bool isNpy = hasForm(path, "npy");
  if (!isNpy && !hasForm(path, "txt"))
    return writeValue(path + suffix, info.name, info.type, value);
  if (!isTensor(info.type))
    return "'" + path + "': only a .pb file can hold what is no tensor";
  return isNpy ? writeNpy(path + suffix, value) : writeFile(path + suffix, formatText(value));
}
