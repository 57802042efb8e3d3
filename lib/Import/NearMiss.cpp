//===- lib/Import/NearMiss.cpp -----------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Names that differ by a slip. See NearMiss.h.
#include "lib/Import/NearMiss.h"
#include "llvm/ADT/StringExtras.h"
#include <algorithm>
#include <string>
#include <vector>

using llvm::StringRef;

static std::string plain(StringRef name) {
  std::string text = name.lower();
  llvm::erase(text, '_');
  return text;
}

/// Optimal string alignment: the fewest insertions, deletions, replacements and swaps of neighbours.
static size_t countSlips(StringRef a, StringRef b) {
  std::vector<std::vector<size_t>> slips(a.size() + 1, std::vector<size_t>(b.size() + 1));
  for (size_t i = 0; i <= a.size(); ++i)
    for (size_t k = 0; k <= b.size(); ++k) {
      size_t &here = slips[i][k];
      if (i == 0 || k == 0) {
        here = i + k;
        continue;
      }
      here = std::min({slips[i - 1][k] + 1, slips[i][k - 1] + 1, slips[i - 1][k - 1] + (a[i - 1] != b[k - 1])});
      if (i > 1 && k > 1 && a[i - 1] == b[k - 2] && a[i - 2] == b[k - 1])
        here = std::min(here, slips[i - 2][k - 2] + 1);
    }
  return slips[a.size()][b.size()];
}

StringRef onnxc::findNearMiss(StringRef wrong, llvm::ArrayRef<StringRef> names) {
  std::string text = plain(wrong);
  if (text.size() < 2 || text.size() > 64) // no slip, but a name of another kind
    return {};
  StringRef best;
  size_t fewest = text.size() >= 10 ? 4 : text.size() >= 5 ? 3 : 2;
  for (StringRef name : names) {
    std::string candidate = plain(name);
    if (candidate.size() + fewest < text.size() || text.size() + fewest < candidate.size())
      continue;
    if (size_t slips = countSlips(text, candidate); slips < fewest) {
      fewest = slips;
      best = name;
    }
  }
  return best;
}

std::string onnxc::suggest(StringRef wrong, llvm::ArrayRef<StringRef> names) {
  StringRef meant = findNearMiss(wrong, names);
  return meant.empty() ? std::string() : ("; did you mean '" + meant + "'?").str();
}
