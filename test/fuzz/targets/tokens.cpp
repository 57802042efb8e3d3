//===- test/fuzz/targets/tokens.cpp ------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The tokenizers that have a vocabulary: word pieces, byte pairs, the longest token. The first line is the vocabulary,
// the second special tokens, the others are texts.
//===-------------------------------------------------------------------------------===//
#include "target.h"

#include <algorithm>
#include <map>
#include <string>
#include <vector>

extern "C" {
onnxc_function onnxc_basic_tokens, onnxc_bert_tokens, onnxc_word_pieces, onnxc_bert_text, onnxc_byte_pairs,
    onnxc_token_text, onnxc_longest_tokens;
}

namespace {

struct Lexicon {
  std::string bytes;
  std::vector<int32_t> rows;
  int64_t dims[2];
  onnxc_value values[2];

  explicit Lexicon(const std::vector<std::pair<std::string, int32_t>> &entries) {
    for (auto &[text, number] : entries) {
      rows.insert(rows.end(), {int32_t(bytes.size()), number});
      bytes += text;
    }
    rows.insert(rows.end(), {int32_t(bytes.size()), -1});
    dims[0] = int64_t(bytes.size()) + 1;
    dims[1] = int64_t(rows.size());
    values[0] = fuzzTensor(ONNXC_UINT8, 1, &dims[0], bytes.data());
    values[1] = fuzzTensor(ONNXC_INT32, 1, &dims[1], rows.data());
  }
};

/// A vector of numbers or texts.
template <typename T> struct Input {
  std::vector<T> items;
  int64_t count;
  onnxc_value value;
  Input(int32_t type, std::vector<T> given)
      : items(std::move(given)), count(int64_t(items.size())), value(fuzzTensor(type, 1, &count, items.data())) {}
};

std::vector<std::string> words(const std::string &line) {
  std::vector<std::string> parts(1);
  for (char c : line)
    if (c == ' ')
      parts.emplace_back();
    else
      parts.back() += c;
  parts.erase(std::remove(parts.begin(), parts.end(), ""), parts.end());
  return parts;
}

void tokenize(onnxc_heap *heap, const uint8_t *data, size_t size) {
  if (size == 0)
    return;
  uint8_t how = *data++;
  --size;
  std::map<std::string, int32_t> vocabulary;
  std::string first = fuzzText(heap, &data, &size, '\n'), second = fuzzText(heap, &data, &size, '\n');
  for (const std::string &word : words(first))
    vocabulary.try_emplace(word, int32_t(vocabulary.size()));
  std::vector<std::pair<std::string, int32_t>> specialList;
  for (const std::string &word : words(second))
    specialList.push_back({word, int32_t(specialList.size()) + 1000});
  std::vector<const char *> texts;
  while (size && texts.size() < 8)
    texts.push_back(fuzzText(heap, &data, &size, '\n'));
  Lexicon known({vocabulary.begin(), vocabulary.end()}), specials(specialList);
  Input x(ONNXC_STRING, texts), sign(ONNXC_STRING, std::vector<const char *>{"##"}),
      unknown(ONNXC_STRING, std::vector<const char *>{"[UNK]"});
  auto bit = [&](int k) { return int64_t(how >> k & 1); };

  int64_t n[4] = {-1, -1, -1, -1}, pairs[2] = {-1, 2};
  if (!texts.empty()) {
    Input single(ONNXC_STRING, std::vector<const char *>{texts[0]});
    Input rules(ONNXC_INT64, std::vector<int64_t>{bit(0), bit(1), bit(2), bit(3), bit(4)});
    const onnxc_value *in[] = {&single.value, &rules.value};
    onnxc_value out = fuzzTensor(ONNXC_STRING, 1, n, nullptr);
    FUZZ_EXPECT(onnxc_basic_tokens(heap, in, &out) == 0);

    Input two(ONNXC_STRING, std::vector<const char *>(texts.begin(), texts.begin() + (texts.size() > 1 ? 2 : 1)));
    Input numbers(ONNXC_INT64, std::vector<int64_t>{-1, 101, 102, bit(3), bit(0), bit(1), bit(2), how >> 5});
    const onnxc_value *bert[] = {&two.value, &known.values[0], &known.values[1], &sign.value, &numbers.value};
    int64_t m[3] = {-1, -1, -1};
    onnxc_value outs[4] = {fuzzTensor(ONNXC_INT64, 1, &m[0], nullptr), fuzzTensor(ONNXC_INT64, 1, &m[1], nullptr),
                           fuzzTensor(ONNXC_INT64, 1, &m[2], nullptr), fuzzTensor(ONNXC_INT64, 2, pairs, nullptr)};
    FUZZ_EXPECT(onnxc_bert_tokens(heap, bert, outs) == 0 && m[0] == m[1]);

    // Back to text, with numbers that need not be any of the vocabulary's.
    Input how2(ONNXC_INT64, std::vector<int64_t>{bit(4), bit(5)});
    int64_t made = -1;
    onnxc_value back = fuzzTensor(ONNXC_STRING, 1, &made, nullptr);
    const onnxc_value *text[] = {&outs[0], &outs[3], &known.values[0], &known.values[1], &unknown.value, &how2.value};
    int32_t status = onnxc_bert_text(heap, text, &back);
    FUZZ_EXPECT(status == 0 || status == 1);
    Input how3(ONNXC_INT64, std::vector<int64_t>{bit(4), bit(5), bit(6)});
    Input whole(ONNXC_STRING, std::vector<const char *>(1));
    const onnxc_value *tokens[] = {&outs[0], &known.values[0], &known.values[1], &unknown.value, &how3.value};
    status = onnxc_token_text(heap, tokens, &whole.value);
    FUZZ_EXPECT(status >= 0 && status <= 2);
  }

  Input none(ONNXC_INT64, std::vector<int64_t>{}), longest(ONNXC_INT64, std::vector<int64_t>{how});
  const onnxc_value *pieces[] = {&x.value,       &known.values[0], &known.values[1], &sign.value,
                                 &unknown.value, &none.value,      &longest.value};
  onnxc_value made[4] = {fuzzTensor(ONNXC_STRING, 1, &n[0], nullptr), fuzzTensor(ONNXC_INT64, 1, &n[1], nullptr),
                         fuzzTensor(ONNXC_INT64, 1, &n[2], nullptr), fuzzTensor(ONNXC_INT64, 1, &n[3], nullptr)};
  n[0] = -1;
  FUZZ_EXPECT(onnxc_word_pieces(heap, pieces, made) == 0);

  struct Merge {
    int32_t first, second, merged, rank;
  };
  std::vector<Merge> merges; // each word of the vocabulary of its two parts, if these are words, too
  for (auto &[word, number] : vocabulary)
    for (size_t i = 1; i < word.size(); ++i) {
      auto left = vocabulary.find(word.substr(0, i)), right = vocabulary.find(word.substr(i));
      if (left != vocabulary.end() && right != vocabulary.end())
        merges.push_back({left->second, right->second, number, int32_t(merges.size() * 7 % 1009)});
    }
  std::sort(merges.begin(), merges.end(),
            [](auto &a, auto &b) { return std::pair(a.first, a.second) < std::pair(b.first, b.second); });
  std::vector<int32_t> rows;
  for (const Merge &merge : merges)
    rows.insert(rows.end(), {merge.first, merge.second, merge.merged, merge.rank});
  Input table(ONNXC_INT32, rows), letters(ONNXC_INT32, std::vector<int32_t>{'A', 'Z', 'a', 'z', 0xC0, 0x24F}),
      digits(ONNXC_INT32, std::vector<int32_t>{'0', '9'});
  Input numbers(ONNXC_INT64, std::vector<int64_t>{bit(0), bit(1) ? 7 : -1, bit(2) ? 8 : -1, 9, bit(3) ? 5 : -1});
  int64_t ids[2] = {-1, -1}, mask[2] = {-1, -1}, places[3] = {-1, -1, -1};
  onnxc_value coded[3] = {fuzzTensor(ONNXC_INT64, 2, ids, nullptr), fuzzTensor(ONNXC_INT64, 2, mask, nullptr),
                          fuzzTensor(ONNXC_INT64, 3, places, nullptr)};
  const onnxc_value *encode[] = {
      &x.value,     &known.values[0], &known.values[1], &specials.values[0], &specials.values[1],
      &table.value, &letters.value,   &digits.value,    &numbers.value};
  FUZZ_EXPECT(onnxc_byte_pairs(heap, encode, coded) == 0);

  int64_t found[2] = {-1, -1};
  onnxc_value longestOut = fuzzTensor(ONNXC_INT64, 2, found, nullptr);
  const onnxc_value *longestIn[] = {&x.value, &known.values[0], &known.values[1]};
  int32_t status = onnxc_longest_tokens(heap, longestIn, &longestOut);
  FUZZ_EXPECT(status == 0 || status == 1);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  fuzzInHeap(tokenize, data, size);
  return 0;
}
