//===- lib/Import/Problems.cpp -----------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The report on a model that can't be compiled. See Problems.h.
#include "lib/Import/Problems.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace onnxc;

/// A damaged model can be wrong in more ways than anybody reads.
static constexpr size_t kMaxGroups = 64, kMaxNames = 4;

void Problems::add(Location loc, std::string what, StringRef where) {
  auto it = indices.find(what);
  if (it == indices.end()) {
    if (groups.size() == kMaxGroups) {
      ++dropped;
      return;
    }
    it = indices.try_emplace(what, groups.size()).first;
    groups.push_back({loc, std::move(what), 0, {}});
  }
  Group &group = groups[it->second];
  if (group.count++ < kMaxNames)
    group.names.push_back(where.str());
}

void Problems::add(const Problems &others) {
  for (const Group &group : others.groups)
    for (const std::string &name : group.names)
      add(group.first, group.what, name);
  dropped += others.dropped;
}

bool Problems::areLimitations() const {
  return dropped == 0 && llvm::all_of(groups, [](const Group &group) {
           StringRef what = group.what;
           return what.contains("not implemented") || what.contains("not supported") ||
                  what.contains("can't be compiled");
         });
}

void Problems::report(Location model) const {
  auto places = [](const Group &group) {
    if (group.count == 1 && group.names.front().empty())
      return std::string();
    return (group.count == 1 ? std::string(" [at ") : " [" + std::to_string(group.count) + " times: at ") +
           llvm::join(group.names, ", ") + (group.count > group.names.size() ? ", ...]" : "]");
  };
  if (groups.size() == 1 && !dropped) {
    emitError(groups.front().first) << groups.front().what << places(groups.front());
    return;
  }
  InFlightDiagnostic diagnostic = emitError(model)
                                  << "the model can't be compiled: " << groups.size() + dropped << " kinds of problems";
  for (const Group &group : groups)
    diagnostic.attachNote(group.first) << group.what << places(group);
  if (dropped)
    diagnostic.attachNote(model) << "and " << dropped << " more";
}

ErrorCollector::ErrorCollector(MLIRContext *context)
    : handler(context, [this](Diagnostic &diagnostic) {
        if (diagnostic.getSeverity() != DiagnosticSeverity::Error)
          return failure();
        if (!text.empty())
          text += "; ";
        std::string message = diagnostic.str();
        StringRef rest = message; // "'onnx.Conv' op group 3 ..."
        if (rest.consume_front("'onnx.")) {
          size_t end = rest.find("' op ");
          rest = end == StringRef::npos ? StringRef(message) : rest.drop_front(end + 5);
        }
        text += rest;
        for (Diagnostic &note : diagnostic.getNotes())
          if (std::string message = note.str(); !StringRef(message).starts_with("see current operation"))
            text += ": " + message;
        return success();
      }) {}

std::string ErrorCollector::take() {
  std::string taken = std::move(text);
  text.clear();
  return taken;
}
