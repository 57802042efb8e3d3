//===- test/fuzz/targets/regex.cpp -------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Regular expressions: the first line is one, the rest a text. Whatever is compiled runs, and the three ways to run it
// agree on what matches.
//===-------------------------------------------------------------------------------===//
#include "target.h"

#include "dialects/onnx/support/Regex.h"
#include <algorithm>

extern "C" {
#include "runtime/library/regex.h"
onnxc_function onnxc_regex_run_table, onnxc_regex_run_program, onnxc_regex_replace, onnxc_regex_split,
    onnxc_text_tokenize;
}

namespace {

int64_t one = 1;

onnxc_value numbersOf(int64_t &count, const std::vector<int32_t> &numbers) {
  count = int64_t(numbers.size());
  return fuzzTensor(ONNXC_INT32, 1, &count, numbers.data());
}

/// The first match from `from` on, the longest of those that begin there: found by looking at all of them.
const char *find(const onnxc_regex_finder *finder, const char *begin, const char *end, const char *from,
                 const char **last) {
  auto *states = reinterpret_cast<const int32_t *>(finder + 1);
  auto look = [&](const char *at) {
    return at >= begin && at < end ? onnxc_regex_look(static_cast<unsigned char>(*at)) : int(ONNXC_REGEX_NOTHING);
  };
  for (; from <= end; ++from) {
    if (from < end && (*from & 0xC0) == 0x80)
      continue;
    *last = nullptr;
    int32_t state = finder->starts[look(from - 1)];
    for (const char *at = from; state; ++at) {
      const int32_t *row = states + int64_t(state) * (finder->width + 4);
      *last = row[finder->width + look(at)] ? at : *last;
      state = at == end ? 0 : row[finder->classes[static_cast<unsigned char>(*at)]];
    }
    if (*last)
      return from;
  }
  return nullptr;
}

int64_t letters(const char *from, const char *to) {
  return std::count_if(from, to, [](char c) { return (c & 0xC0) != 0x80; });
}

std::vector<std::string> tokenize(const onnxc_regex_finder *finder, const char *text, int64_t least, bool separates) {
  std::vector<std::string> tokens;
  const char *from = text, *end = text + strlen(text), *last;
  auto keep = [&](const char *from, const char *to) {
    bool isKept = from < to && letters(from, to) >= least;
    if (isKept)
      tokens.emplace_back(from, to);
    return isKept;
  };
  while (const char *begin = find(finder, text, end, from, &last)) {
    bool isUsed = keep(separates ? from : begin, separates ? begin : last);
    if (separates)
      isUsed = last > begin;
    from = last;
    if (!isUsed)
      for (from = begin + 1; from < end && (*from & 0xC0) == 0x80;)
        ++from;
  }
  if (separates)
    keep(from, end);
  return tokens;
}

void match(onnxc_heap *heap, const uint8_t *data, size_t size) {
  const char *pattern = fuzzText(heap, &data, &size, '\n'), *text = fuzzText(heap, &data, &size, 0);
  if (strlen(pattern) > 64) // whose tables may take seconds to make
    return;
  std::string problem;
  auto tables = onnxc::compileRegex(pattern, problem);
  FUZZ_EXPECT(tables.has_value() == problem.empty());
  if (!tables)
    return;
  int64_t n[4];
  onnxc_value x = fuzzTensor(ONNXC_STRING, 1, &one, &text);
  uint8_t isMatch = 0;
  onnxc_value y = fuzzTensor(ONNXC_BOOL, 1, &one, &isMatch);
  onnxc_value first = numbersOf(n[0], tables->transitions.empty() ? tables->program : tables->classes),
              second = numbersOf(n[1], tables->transitions);
  const onnxc_value *in[] = {&x, &first, &second};
  FUZZ_EXPECT((tables->transitions.empty() ? onnxc_regex_run_program : onnxc_regex_run_table)(heap, in, &y) == 0);

  std::vector<int32_t> numbers = onnxc::compileRegexFinder(pattern, problem);
  const char *end = text + strlen(text), *last = nullptr, *begin = nullptr;
  if (!numbers.empty()) {
    auto *finder = reinterpret_cast<const onnxc_regex_finder *>(numbers.data());
    begin = find(finder, text, end, text, &last);
    FUZZ_EXPECT(!begin || (begin >= text && begin <= last && last <= end));
    bool isInside = (*text & 0xC0) == 0x80; // no match begins within a letter
    FUZZ_EXPECT(isInside || (begin == text && last == end) == isMatch);
    const char *padding = "";
    for (int64_t flags = 0; flags < 8; ++flags) {
      int64_t how[3] = {flags & 1, flags & 2 ? 2 : 1, flags >> 2}, three = 3, dims[2] = {-1, -1};
      onnxc_value table = numbersOf(n[0], numbers), fill = fuzzTensor(ONNXC_STRING, 1, &one, &padding),
                  rules = fuzzTensor(ONNXC_INT64, 1, &three, how), out = fuzzTensor(ONNXC_STRING, 2, dims, nullptr);
      const onnxc_value *in[] = {&x, &table, &fill, &rules};
      FUZZ_EXPECT(onnxc_text_tokenize(heap, in, &out) == 0);
      std::vector<std::string> tokens = tokenize(finder, text, how[1], how[2]);
      int64_t marks = how[0] && !tokens.empty();
      FUZZ_EXPECT(dims[1] == int64_t(tokens.size()) + 2 * marks);
      for (size_t i = 0; i < tokens.size(); ++i)
        FUZZ_EXPECT(tokens[i] == static_cast<const char *const *>(out.data)[int64_t(i) + marks]);
    }
  }

  problem.clear();
  int groups = 0;
  std::vector<int32_t> program = onnxc::compileRegexGroups(pattern, groups, problem);
  if (program.empty())
    return;
  int64_t four = 4, two = 2, how[4] = {groups, 0, 0, 0};
  const char *mark = "\x01\\0\x01", *made = nullptr;
  onnxc_value steps = numbersOf(n[2], program), becomes = fuzzTensor(ONNXC_STRING, 1, &one, &mark),
              rules = fuzzTensor(ONNXC_INT64, 1, &two, how), out = fuzzTensor(ONNXC_STRING, 1, &one, &made);
  const onnxc_value *replace[] = {&x, &steps, &becomes, &rules};
  FUZZ_EXPECT(onnxc_regex_replace(heap, replace, &out) == 0);
  if (!numbers.empty() && !strchr(text, 1)) { // the first match begins at the same place, and no other is longer
    const char *found = strchr(made, 1);
    FUZZ_EXPECT((found != nullptr) == (begin != nullptr));
    FUZZ_EXPECT(!found || (found - made == begin - text && strchr(found + 1, 1) - found - 1 <= last - begin));
  }
  how[1] = 1;
  FUZZ_EXPECT(onnxc_regex_replace(heap, replace, &out) == 0);
  if (groups == 0) // splitting looks at the first
    return;
  int64_t split[4] = {groups, groups, 1, 0}, dims[3] = {-1, -1, -1}, rows[2], rowCount = 2;
  onnxc_value splitRules = fuzzTensor(ONNXC_INT64, 1, &four, split);
  onnxc_value parts[4] = {fuzzTensor(ONNXC_INT64, 1, &rowCount, rows), fuzzTensor(ONNXC_STRING, 1, &dims[0], nullptr),
                          fuzzTensor(ONNXC_INT64, 1, &dims[1], nullptr), fuzzTensor(ONNXC_INT64, 1, &dims[2], nullptr)};
  const onnxc_value *splitIn[] = {&x, &steps, &steps, &splitRules};
  FUZZ_EXPECT(onnxc_regex_split(heap, splitIn, parts) == 0 && rows[1] == dims[0]);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  fuzzInHeap(match, data, size);
  return 0;
}
