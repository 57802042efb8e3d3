//===- dialects/onnx/support/Regex.h -----------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Regular expressions in RE2's syntax, made into tables that runtime/library/regex.c matches whole texts with, in time
// linear in their length, or that find matches within texts.
#pragma once

#include "llvm/ADT/StringRef.h"
#include <optional>
#include <string>
#include <vector>

namespace onnxc {

struct RegexTables {
  /// A deterministic automaton: the class of each byte (the end of the text is byte 0), and for each state and class
  /// the next state; class 0, the end, leads to 1 where the text matches. State 0 matches nothing, 1 is where it
  /// starts.
  std::vector<int32_t> classes;
  std::vector<int32_t> transitions;
  /// Where that would be too large, `transitions` is empty: the instructions of a nondeterministic one, rows of
  /// {opcode (runtime/library/regex.h), two numbers, next instruction}.
  std::vector<int32_t> program;
};

/// Nothing, and what is wrong in `problem`, for a pattern that RE2 would not take either, or that is too large.
std::optional<RegexTables> compileRegex(llvm::StringRef pattern, std::string &problem);

/// The instructions of a nondeterministic automaton that keeps where groups begin and end, in rows as above; and how
/// many groups there are. None for a pattern that RE2 would not take either, or that is too large.
std::vector<int32_t> compileRegexGroups(llvm::StringRef pattern, int &groups, std::string &problem);

/// First and last letter of each range of a Unicode class ("L", "Nd", "Greek"), in order.
std::vector<std::pair<uint32_t, uint32_t>> getUnicodeRanges(llvm::StringRef name);

/// The numbers of an onnxc_regex_finder (runtime/library/regex.h). None where it is too large, too.
std::vector<int32_t> compileRegexFinder(llvm::StringRef pattern, std::string &problem);

} // namespace onnxc
