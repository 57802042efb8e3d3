//===- dialects/onnx/support/Regex.cpp ---------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Regular expressions: parsed into a tree, made into a nondeterministic automaton over the bytes of UTF-8, and that
// into a deterministic one. See Regex.h.
#include "dialects/onnx/support/Regex.h"
#include "runtime/library/regex.h"
#include "runtime/library/unicode.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/Support/Unicode.h"
#include <map>
#include <memory>

using namespace llvm;
using onnxc::RegexTables;

// RE2's limits: how often something is repeated, however it is nested, and how deep.
static constexpr int kMaxRepeat = 1000;
static constexpr int kMaxDepth = 1000;
/// Instructions of the nondeterministic automaton.
static constexpr size_t kMaxSteps = 1 << 16;
/// Of the deterministic one: entries of the table, and what may be done for it.
static constexpr size_t kMaxEntries = 1 << 18;
static constexpr size_t kMaxWork = 1 << 24;
static constexpr uint32_t kLastLetter = 0x10FFFF;

//===- Sets of letters --------------------------------------------------------------===//

namespace {
class Letters {
public:
  Letters() = default;
  Letters(std::initializer_list<std::pair<uint32_t, uint32_t>> ranges) : ranges(ranges) {}

  void add(uint32_t first, uint32_t last) { ranges.push_back({first, last}); }
  void add(const Letters &other) { llvm::append_range(ranges, other.ranges); }

  /// In order, without overlap.
  const std::vector<std::pair<uint32_t, uint32_t>> &sorted() {
    llvm::sort(ranges);
    std::vector<std::pair<uint32_t, uint32_t>> merged;
    for (auto range : ranges)
      if (!merged.empty() && range.first <= merged.back().second + 1)
        merged.back().second = std::max(merged.back().second, range.second);
      else
        merged.push_back(range);
    return ranges = merged;
  }

  Letters negated() {
    Letters others;
    uint32_t next = 0;
    for (auto [first, last] : sorted()) {
      if (first > next)
        others.add(next, first - 1);
      next = last + 1;
    }
    if (next <= kLastLetter)
      others.add(next, kLastLetter);
    return others;
  }

  /// With all letters that differ from one of these in case only.
  Letters folded() {
    // Letters that fold to the same one, where they are several.
    static const std::vector<std::vector<uint32_t>> alike = [] {
      constexpr uint32_t kLastWithCase = 0x1E943;
      std::map<uint32_t, std::vector<uint32_t>> byFold;
      for (uint32_t letter = 0; letter <= kLastWithCase; ++letter)
        byFold[sys::unicode::foldCharSimple(letter)].push_back(letter);
      std::vector<std::vector<uint32_t>> groups;
      for (auto &[fold, group] : byFold)
        if (group.size() > 1)
          groups.push_back(std::move(group));
      return groups;
    }();
    sorted();
    auto has = [&](uint32_t letter) {
      auto after = llvm::upper_bound(ranges, std::make_pair(letter, kLastLetter));
      return after != ranges.begin() && std::prev(after)->second >= letter;
    };
    Letters result = *this;
    for (const std::vector<uint32_t> &group : alike)
      if (llvm::any_of(group, has))
        for (uint32_t letter : group)
          result.add(letter, letter);
    return result;
  }

private:
  std::vector<std::pair<uint32_t, uint32_t>> ranges;
};

/// A run of letters of the same class, up to the next row.
struct UnicodeRow {
  uint32_t first;
  const char *name;
};
#include "dialects/onnx/support/UnicodeClasses.inc"

/// "Greek", "Lu", "L" (all that begin with it), "Any". Nothing where there is no such class.
std::optional<Letters> getUnicodeClass(StringRef name) {
  if (name == "Any")
    return Letters{{0, kLastLetter}};
  Letters letters;
  bool isKnown = false;
  auto addRows = [&](ArrayRef<UnicodeRow> rows, function_ref<bool(StringRef)> isOne) {
    for (auto [i, row] : llvm::enumerate(rows))
      if (isOne(row.name)) {
        letters.add(row.first, i + 1 < rows.size() ? rows[i + 1].first - 1 : kLastLetter);
        isKnown = true;
      }
  };
  // What is assigned to no letter is of no class, though "C" begins its name.
  addRows(kCategories, [&](StringRef category) {
    return category != "Cn" && (name == category || (name.size() == 1 && category.starts_with(name)));
  });
  addRows(kScripts, [&](StringRef script) { return name == script && script != "Unknown"; });
  return isKnown ? std::optional<Letters>(letters) : std::nullopt;
}

//===- The tree ---------------------------------------------------------------------===//

struct Node {
  enum Kind { Set, AnyByte, Condition, Concat, Alternate, Repeat, Group } kind;
  Letters letters;                             ///< of Set
  int32_t condition = 0;                       ///< of Condition: ONNXC_REGEX_TEXT_BEGINS, ...
  int least = 0, most = 0;                     ///< of Repeat; most -1: any number
  bool isLazy = false;                         ///< of Repeat: as few as possible are tried first
  int group = 0;                               ///< of Group: its number, from 1 on
  int repeats = 1;                             ///< how often this may be copied, with what is nested in it
  std::vector<std::unique_ptr<Node>> children; ///< of the others
};
using Tree = std::unique_ptr<Node>;

Tree makeNode(Node::Kind kind) {
  auto node = std::make_unique<Node>();
  node->kind = kind;
  return node;
}

/// RE2's syntax (github.com/google/re2/wiki/Syntax), as it is without options.
class Parser {
public:
  Parser(StringRef pattern, std::string &problem) : text(pattern.str()), problem(problem) {}

  Tree parse() {
    Tree tree = parseAlternatives();
    if (tree && !atEnd())
      return error("unexpected )");
    return tree;
  }

private:
  struct Flags {
    bool ignoresCase = false, isMultiLine = false, dotIsAll = false, isUngreedy = false;
  };

  bool atEnd() const { return at == text.size(); }
  char peek(size_t ahead = 0) const { return at + ahead < text.size() ? text[at + ahead] : '\0'; }
  StringRef rest() const { return StringRef(text).drop_front(at); }
  bool take(StringRef token) {
    if (!rest().starts_with(token))
      return false;
    at += token.size();
    return true;
  }
  std::nullptr_t error(const Twine &message) {
    if (problem.empty())
      problem = ("at byte " + Twine(at) + ": " + message).str();
    return nullptr;
  }

  std::optional<uint32_t> takeLetter() {
    uint32_t letter;
    int length = onnxc_decode(text.c_str() + at, &letter);
    if (letter > kLastLetter) {
      error("invalid UTF-8");
      return std::nullopt;
    }
    at += length;
    return letter;
  }

  Tree parseAlternatives() {
    if (++depth > kMaxDepth)
      return error("nested too deeply");
    Tree alternatives = makeNode(Node::Alternate);
    do {
      Tree concat = parseConcat();
      if (!concat)
        return nullptr;
      alternatives->repeats = std::max(alternatives->repeats, concat->repeats);
      alternatives->children.push_back(std::move(concat));
    } while (take("|"));
    --depth;
    return alternatives;
  }

  Tree parseConcat() {
    Tree concat = makeNode(Node::Concat);
    while (!atEnd() && peek() != '|' && peek() != ')') {
      if (take("\\Q")) { // literal up to \E, or to the end
        while (!atEnd() && !take("\\E")) {
          auto letter = takeLetter();
          if (!letter)
            return nullptr;
          Tree repeated = parseRepetition(makeSet({{*letter, *letter}}), /*literal=*/true);
          concat->children.push_back(std::move(repeated));
        }
        continue;
      }
      size_t before = at;
      bool isFlags = false;
      Tree atom = parseAtom(isFlags);
      if (!atom)
        return nullptr;
      if (isFlags) { // nothing that could be repeated
        if (strchr("*+?", peek()) && !atEnd())
          return error("missing argument to repetition operator");
        continue;
      }
      assert(at > before && "every turn gets on");
      (void)before;
      Tree repeated = parseRepetition(std::move(atom), /*literal=*/false);
      if (!repeated)
        return nullptr;
      concat->repeats = std::max(concat->repeats, repeated->repeats);
      concat->children.push_back(std::move(repeated));
    }
    return concat;
  }

  /// {n}, {n,} or {n,m}; anything else in braces is literal.
  bool takeCounts(int &least, int &most) {
    StringRef counts = rest();
    auto number = [&](int &value) {
      StringRef digits = counts.take_while(isDigit);
      counts = counts.drop_front(digits.size());
      if (digits.empty())
        return false;
      value = digits.size() > 6 || digits.getAsInteger(10, value) ? kMaxRepeat + 1 : value;
      return true;
    };
    if (!counts.consume_front("{") || !number(least))
      return false;
    most = least;
    if (counts.consume_front(",")) {
      most = -1;
      if (!counts.starts_with("}"))
        if (!number(most))
          return false;
    }
    if (!counts.consume_front("}"))
      return false;
    at = text.size() - counts.size();
    return true;
  }

  bool takeRepetition(int &least, int &most) {
    least = 0, most = -1;
    if (take("*"))
      return true;
    least = 1;
    if (take("+"))
      return true;
    least = 0, most = 1;
    return take("?") || takeCounts(least, most);
  }

  Tree parseRepetition(Tree atom, bool literal) {
    int least, most;
    if (literal || !takeRepetition(least, most))
      return atom;
    if (least > kMaxRepeat || most > kMaxRepeat || (most >= 0 && most < least))
      return error("bad repetition counts");
    bool isLazy = take("?") != flags.isUngreedy;
    int ignored;
    if (size_t before = at; takeRepetition(ignored, ignored)) {
      at = before;
      return error("bad repetition operator");
    }
    Tree repeat = makeNode(Node::Repeat);
    repeat->least = least;
    repeat->most = most;
    repeat->isLazy = isLazy;
    repeat->repeats = atom->repeats * std::max({least, most, 1});
    if (repeat->repeats > kMaxRepeat)
      return error("repeated more than " + Twine(kMaxRepeat) + " times");
    repeat->children.push_back(std::move(atom));
    return repeat;
  }

  Tree makeSet(Letters letters) {
    Tree node = makeNode(Node::Set);
    node->letters = flags.ignoresCase ? letters.folded() : std::move(letters);
    return node;
  }

  Tree makeCondition(int32_t condition) {
    Tree node = makeNode(Node::Condition);
    node->condition = condition;
    return node;
  }

  Tree parseAtom(bool &isFlags) {
    switch (peek()) {
    case '(':
      return parseGroup(isFlags);
    case '[':
      return parseClass();
    case '\\':
      return parseEscape();
    case '.': {
      ++at;
      Tree node = makeNode(Node::Set);
      node->letters = flags.dotIsAll ? Letters{{0, kLastLetter}} : Letters{{0, '\n' - 1}, {'\n' + 1, kLastLetter}};
      return node;
    }
    case '^':
      ++at;
      return makeCondition(flags.isMultiLine ? ONNXC_REGEX_LINE_BEGINS : ONNXC_REGEX_TEXT_BEGINS);
    case '$':
      ++at;
      return makeCondition(flags.isMultiLine ? ONNXC_REGEX_LINE_ENDS : ONNXC_REGEX_TEXT_ENDS);
    case '*':
    case '+':
    case '?':
      return error("missing argument to repetition operator");
    default:
      int least, most;
      if (size_t before = at; takeCounts(least, most)) {
        at = before;
        return error("missing argument to repetition operator");
      }
      auto letter = takeLetter();
      return letter ? makeSet({{*letter, *letter}}) : nullptr;
    }
  }

  Tree parseGroup(bool &isFlags) {
    ++at; // (
    Flags outer = flags;
    int group = rest().starts_with("?") && !rest().starts_with("?P<") && !rest().starts_with("?<") ? 0 : ++groups;
    if (take("?P<") || (!rest().starts_with("?<=") && !rest().starts_with("?<!") && take("?<"))) {
      StringRef name = rest().take_while([](char c) { return isAlnum(c) || c == '_'; });
      if (name.empty() || !names.insert(name).second)
        return error("bad or repeated name of a group");
      at += name.size();
      if (!take(">"))
        return error("bad name of a group");
    } else if (take("?")) {
      bool set = true, any = false;
      for (;; ++at) {
        char flag = peek();
        if (flag == 'i')
          flags.ignoresCase = set;
        else if (flag == 'm')
          flags.isMultiLine = set;
        else if (flag == 's')
          flags.dotIsAll = set;
        else if (flag == '-' && set)
          set = false, any = false;
        else if (flag == 'U')
          flags.isUngreedy = set;
        else
          break;
        any |= flag != '-';
      }
      if (!set && !any)
        return error("missing flag");
      if (take(")")) { // until the group ends that this is in
        isFlags = true;
        return makeNode(Node::Concat);
      }
      if (!take(":"))
        return error("not an operator of RE2");
    }
    Tree body = parseAlternatives();
    if (!body)
      return nullptr;
    if (!take(")"))
      return error("missing )");
    flags = outer;
    if (group == 0)
      return body;
    Tree node = makeNode(Node::Group);
    node->group = group;
    node->repeats = body->repeats;
    node->children.push_back(std::move(body));
    return node;
  }

  static std::optional<Letters> getPerlClass(char name) {
    switch (name | 0x20) {
    case 'd':
      return Letters{{'0', '9'}};
    case 's':
      return Letters{{'\t', '\n'}, {'\f', '\r'}, {' ', ' '}};
    case 'w':
      return Letters{{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}};
    }
    return std::nullopt;
  }

  static std::optional<Letters> getPosixClass(StringRef name) {
    return StringSwitch<std::optional<Letters>>(name)
        .Case("alnum", Letters{{'0', '9'}, {'A', 'Z'}, {'a', 'z'}})
        .Case("alpha", Letters{{'A', 'Z'}, {'a', 'z'}})
        .Case("ascii", Letters{{0, 0x7F}})
        .Case("blank", Letters{{'\t', '\t'}, {' ', ' '}})
        .Case("cntrl", Letters{{0, 0x1F}, {0x7F, 0x7F}})
        .Case("digit", Letters{{'0', '9'}})
        .Case("graph", Letters{{'!', '~'}})
        .Case("lower", Letters{{'a', 'z'}})
        .Case("print", Letters{{' ', '~'}})
        .Case("punct", Letters{{'!', '/'}, {':', '@'}, {'[', '`'}, {'{', '~'}})
        .Case("space", Letters{{'\t', '\r'}, {' ', ' '}})
        .Case("upper", Letters{{'A', 'Z'}})
        .Case("word", Letters{{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}})
        .Case("xdigit", Letters{{'0', '9'}, {'A', 'F'}, {'a', 'f'}})
        .Default(std::nullopt);
  }

  /// What follows \p or \P: N, {Greek}, {^Lu}.
  std::optional<Letters> takeUnicodeClass(bool &isNegated) {
    at += 2;
    StringRef name = rest().take_front(1);
    if (name == "{") {
      size_t end = rest().find('}');
      if (end == StringRef::npos) {
        error("bad class of Unicode");
        return std::nullopt;
      }
      name = rest().slice(1, end);
    }
    StringRef bare = name;
    if (bare.consume_front("^"))
      isNegated = !isNegated;
    auto letters = getUnicodeClass(bare);
    if (letters)
      at += rest().front() == '{' ? name.size() + 2 : 1;
    else
      error("no class of Unicode");
    return letters;
  }

  /// \d, \W, \pL, [:alpha:], [:^space:]. Case is folded before a class is negated.
  std::optional<Letters> takeNamedClass(bool inBrackets) {
    std::optional<Letters> letters;
    bool isNegated = false;
    if (peek() == '\\') {
      isNegated = isUpper(peek(1));
      if (peek(1) == 'p' || peek(1) == 'P')
        letters = takeUnicodeClass(isNegated);
      else if ((letters = getPerlClass(peek(1))))
        at += 2;
    } else if (inBrackets && rest().starts_with("[:")) {
      size_t end = rest().find(":]");
      if (end == StringRef::npos)
        return std::nullopt;
      StringRef name = rest().slice(2, end);
      isNegated = name.consume_front("^");
      letters = getPosixClass(name);
      if (letters)
        at += end + 2;
      else
        error("bad character class");
    }
    if (!letters)
      return std::nullopt;
    if (flags.ignoresCase)
      letters = letters->folded();
    return isNegated ? letters->negated() : letters;
  }

  /// A backslash and what it makes of the next: one letter.
  std::optional<uint32_t> takeEscapedLetter() {
    ++at; // the backslash
    auto fail = [&](const char *message) {
      error(message);
      return std::nullopt;
    };
    if (atEnd())
      return fail("trailing backslash");
    char c = peek();
    auto digits = [&](unsigned radix, size_t most) -> std::optional<uint32_t> {
      StringRef number = rest().take_front(most).take_while([&](char d) { return hexDigitValue(d) < radix; });
      uint32_t letter;
      if (number.empty() || number.getAsInteger(radix, letter) || letter > kLastLetter)
        return std::nullopt;
      at += number.size();
      return letter;
    };
    if (c == '0' || (c >= '1' && c <= '7' && peek(1) >= '0' && peek(1) <= '7'))
      return digits(8, 3);
    if (c == 'x') {
      ++at;
      bool hasBraces = take("{");
      auto letter = hasBraces                                   ? digits(16, 8)
                    : rest().size() >= 2 && isHexDigit(peek(1)) ? digits(16, 2)
                                                                : std::nullopt;
      if (!letter || (hasBraces && !take("}")))
        return fail("bad escape");
      return letter;
    }
    if (size_t i = StringRef("afnrtv").find(c); i != StringRef::npos) {
      ++at;
      return "\a\f\n\r\t\v"[i];
    }
    if (isAlnum(c) || static_cast<signed char>(c) < 0)
      return fail("bad escape");
    ++at;
    return c;
  }

  Tree parseEscape() {
    if (take("\\A"))
      return makeCondition(ONNXC_REGEX_TEXT_BEGINS);
    if (take("\\z"))
      return makeCondition(ONNXC_REGEX_TEXT_ENDS);
    if (take("\\b"))
      return makeCondition(ONNXC_REGEX_WORD_EDGE);
    if (take("\\B"))
      return makeCondition(ONNXC_REGEX_NO_WORD_EDGE);
    if (take("\\C"))
      return makeNode(Node::AnyByte);
    Tree node = makeNode(Node::Set);
    if (auto letters = takeNamedClass(/*inBrackets=*/false)) {
      node->letters = *letters;
      return node;
    }
    if (!problem.empty())
      return nullptr;
    auto letter = takeEscapedLetter();
    return letter ? makeSet({{*letter, *letter}}) : nullptr;
  }

  Tree parseClass() {
    ++at; // [
    bool isNegated = take("^");
    Letters letters;
    for (bool isFirst = true; isFirst || peek() != ']'; isFirst = false) {
      if (atEnd())
        return error("missing ]");
      if (auto named = takeNamedClass(/*inBrackets=*/true)) {
        letters.add(*named);
        continue;
      }
      if (!problem.empty())
        return nullptr;
      auto takeOne = [&] { return peek() == '\\' ? takeEscapedLetter() : takeLetter(); };
      auto first = takeOne();
      if (!first)
        return nullptr;
      auto last = first;
      if (peek() == '-' && peek(1) != ']' && at + 1 < text.size()) {
        ++at;
        last = takeOne();
        if (!last)
          return nullptr;
        if (*last < *first)
          return error("bad character class range");
      }
      Letters range{{*first, *last}};
      letters.add(flags.ignoresCase ? range.folded() : range);
    }
    ++at; // ]
    Tree node = makeNode(Node::Set);
    node->letters = isNegated ? letters.negated() : letters;
    return node;
  }

public:
  int groups = 0; ///< that have been begun

private:
  std::string text; // zero-terminated
  std::string &problem;
  size_t at = 0;
  int depth = 0;
  Flags flags;
  StringSet<> names;
};

//===- The nondeterministic automaton -----------------------------------------------===//

/// Built from its end: `compile` makes what `node` matches go on at `next`, and returns where it begins.
class Assembler {
public:
  explicit Assembler(bool keepsGroups = false) : keepsGroups(keepsGroups) {}

  /// False where it is too large.
  bool assemble(Node &tree) {
    emit({ONNXC_REGEX_SPLIT, 0, 0, 0}); // it starts at 0
    int32_t match = emit({ONNXC_REGEX_MATCH, 0, 0, 0});
    steps[0].next = steps[0].a = compile(tree, match);
    return !isTooLarge;
  }
  std::vector<onnxc_regex_step> steps;

private:
  int32_t emit(onnxc_regex_step step) {
    isTooLarge |= steps.size() >= kMaxSteps;
    if (!isTooLarge)
      steps.push_back(step);
    return static_cast<int32_t>(steps.size() - 1);
  }

  int32_t compile(Node &node, int32_t next) {
    if (isTooLarge || ++turns > 16 * kMaxSteps) {
      isTooLarge = true;
      return next;
    }
    switch (node.kind) {
    case Node::Set:
      return compileSet(node.letters, next);
    case Node::AnyByte:
      return emit({ONNXC_REGEX_BYTE, 1, 255, next});
    case Node::Condition:
      return emit({ONNXC_REGEX_ASSERT, node.condition, 0, next});
    case Node::Group:
      if (!keepsGroups)
        return compile(*node.children[0], next);
      next = compile(*node.children[0], emit({ONNXC_REGEX_SAVE, 2 * node.group + 1, 0, next}));
      return emit({ONNXC_REGEX_SAVE, 2 * node.group, 0, next});
    case Node::Concat:
      for (Tree &child : llvm::reverse(node.children))
        next = compile(*child, next);
      return next;
    case Node::Alternate: {
      int32_t all = compile(*node.children.back(), next);
      for (Tree &child : llvm::drop_begin(llvm::reverse(node.children))) {
        int32_t one = compile(*child, next);
        all = emit({ONNXC_REGEX_SPLIT, all, 0, one});
      }
      return all;
    }
    case Node::Repeat: {
      Node &child = *node.children[0];
      int32_t end = next;
      if (node.most < 0) {
        next = emit({ONNXC_REGEX_SPLIT, end, 0, end});
        int32_t body = compile(child, next);
        (node.isLazy ? steps[next].a : steps[next].next) = body;
      }
      for (int i = node.least; i < node.most; ++i) {
        int32_t body = compile(child, next);
        next = node.isLazy ? emit({ONNXC_REGEX_SPLIT, body, 0, end}) : emit({ONNXC_REGEX_SPLIT, end, 0, body});
      }
      for (int i = 0; i < node.least; ++i)
        next = compile(child, next);
      return next;
    }
    }
    llvm_unreachable("all kinds are above");
  }

  int32_t compileSet(Letters &letters, int32_t next) {
    known.clear();
    std::vector<int32_t> ways;
    for (auto [first, last] : letters.sorted())
      addRange(first, last, next, ways);
    if (ways.empty()) // no letter: a byte that no text has
      return emit({ONNXC_REGEX_BYTE, 0, 0, next});
    int32_t all = ways.back();
    for (int32_t way : llvm::drop_begin(llvm::reverse(ways)))
      all = emit({ONNXC_REGEX_SPLIT, all, 0, way});
    return all;
  }

  /// Cuts letters until each of their bytes runs through a range of its own, whatever the others are.
  void addRange(uint32_t first, uint32_t last, int32_t next, std::vector<int32_t> &ways) {
    auto cut = [&](uint32_t before) {
      addRange(first, before - 1, next, ways);
      addRange(before, last, next, ways);
    };
    if (isTooLarge)
      return;
    for (uint32_t length : {0x80u, 0x800u, 0xD800u, 0xE000u, 0x10000u})
      if (first < length && last >= length)
        return cut(length);
    if (first >= 0xD800 && last < 0xE000) // surrogates are no letters
      return;
    int bytes = first < 0x80 ? 1 : first < 0x800 ? 2 : first < 0x10000 ? 3 : 4;
    for (int i = 1; i < bytes; ++i) {
      uint32_t low = (1u << 6 * i) - 1;
      if ((first & ~low) == (last & ~low))
        continue;
      if (first & low)
        return cut((first | low) + 1);
      if ((last & low) != low)
        return cut(last & ~low);
    }
    char from[4], to[4];
    onnxc_encode(first, from);
    onnxc_encode(last, to);
    for (int i = bytes - 1; i >= 0; --i) {
      int32_t a = static_cast<unsigned char>(from[i]), b = static_cast<unsigned char>(to[i]);
      auto [step, isNew] = known.try_emplace({a, b, next}, 0);
      if (isNew)
        step->second = emit({ONNXC_REGEX_BYTE, a, b, next});
      next = step->second;
    }
    ways.push_back(next);
  }

  std::map<std::tuple<int32_t, int32_t, int32_t>, int32_t> known; ///< steps of one set: ends that ranges share
  bool keepsGroups;
  size_t turns = 0;
  bool isTooLarge = false;
};

//===- The deterministic automaton --------------------------------------------------===//

/// A state is the steps that the automaton may be at after a byte, and what that byte looks like to conditions.
class Determinizer {
public:
  explicit Determinizer(ArrayRef<onnxc_regex_step> steps) : steps(steps), seen(steps.size(), 0) {
    hasConditions = llvm::any_of(steps, [](const onnxc_regex_step &step) { return step.op == ONNXC_REGEX_ASSERT; });
  }

  /// False where it is too large. With `finder` for matches anywhere: it may start after every kind of byte, and the
  /// row of a state ends with whether a match may end before each.
  bool run(RegexTables &tables, onnxc_regex_finder *finder = nullptr) {
    findClasses(tables.classes);
    size_t width = examples.size();
    find({{}, ONNXC_REGEX_NOTHING});
    find({{0}, ONNXC_REGEX_NOTHING});
    for (int before = 0; finder && before < 4; ++before)
      finder->starts[before] = find({{0}, hasConditions ? before : ONNXC_REGEX_NOTHING});
    for (size_t state = 0; state < states.size(); ++state) {
      if (states.size() * width > kMaxEntries || work > kMaxWork) {
        tables.transitions.clear();
        return false;
      }
      State from = *states[state];
      tables.transitions.push_back(reach(from, ONNXC_REGEX_NOTHING).second);
      std::optional<std::vector<int32_t>> reached[4];
      for (size_t k = 1; k < width; ++k) {
        int after = hasConditions ? onnxc_regex_look(examples[k]) : ONNXC_REGEX_OTHER;
        if (!reached[after])
          reached[after] = reach(from, after).first;
        State to{{}, hasConditions ? after : ONNXC_REGEX_NOTHING};
        for (int32_t index : *reached[after])
          if (examples[k] >= steps[index].a && examples[k] <= steps[index].b)
            to.first.push_back(steps[index].next);
        llvm::sort(to.first);
        to.first.erase(llvm::unique(to.first), to.first.end());
        if (to.first.empty())
          to.second = ONNXC_REGEX_NOTHING;
        work += reached[after]->size();
        tables.transitions.push_back(find(std::move(to)));
      }
      for (int after = 0; finder && after < 4; ++after)
        tables.transitions.push_back(reach(from, after).second);
    }
    return true;
  }

private:
  using State = std::pair<std::vector<int32_t>, int>;

  /// Bytes that no step tells apart are of one class.
  void findClasses(std::vector<int32_t> &classes) {
    std::vector<bool> begins(257);
    begins[0] = begins[1] = true;
    for (const onnxc_regex_step &step : steps)
      if (step.op == ONNXC_REGEX_BYTE)
        begins[step.a] = begins[step.b + 1] = true;
    if (hasConditions)
      for (int byte = 1; byte < 256; ++byte)
        if (onnxc_regex_look(byte) != onnxc_regex_look(byte - 1))
          begins[byte] = true;
    for (int byte = 0; byte < 256; ++byte) {
      if (begins[byte])
        examples.push_back(byte);
      classes.push_back(examples.size() - 1);
    }
  }

  int32_t find(State state) {
    auto [known, isNew] = numbers.try_emplace(std::move(state), states.size());
    if (isNew)
      states.push_back(&known->first);
    return known->second;
  }

  /// The steps that wait for a byte, and whether the text may end here.
  std::pair<std::vector<int32_t>, bool> reach(const State &state, int after) {
    std::vector<int32_t> stack = state.first, waiting;
    bool matches = false;
    ++time;
    while (!stack.empty()) {
      int32_t index = stack.back();
      stack.pop_back();
      if (seen[index] == time)
        continue;
      seen[index] = time;
      ++work;
      const onnxc_regex_step &step = steps[index];
      if (step.op == ONNXC_REGEX_BYTE)
        waiting.push_back(index);
      else if (step.op == ONNXC_REGEX_MATCH)
        matches = true;
      else if (step.op == ONNXC_REGEX_SPLIT)
        stack.insert(stack.end(), {step.a, step.next});
      else if (onnxc_regex_holds(step.a, state.second, after))
        stack.push_back(step.next);
    }
    return {std::move(waiting), matches};
  }

  ArrayRef<onnxc_regex_step> steps;
  bool hasConditions;
  std::vector<int> examples; ///< a byte of each class
  std::map<State, int32_t> numbers;
  std::vector<const State *> states;
  std::vector<size_t> seen;
  size_t time = 0, work = 0;
};
} // namespace

/// None after a problem.
static std::vector<onnxc_regex_step> assemble(StringRef pattern, std::string &problem) {
  Tree tree = Parser(pattern, problem).parse();
  if (!tree || !problem.empty())
    return {};
  Assembler automaton;
  if (!automaton.assemble(*tree)) {
    problem = "it is too large";
    return {};
  }
  return automaton.steps;
}

std::optional<onnxc::RegexTables> onnxc::compileRegex(StringRef pattern, std::string &problem) {
  std::vector<onnxc_regex_step> steps = assemble(pattern, problem);
  if (steps.empty())
    return std::nullopt;
  RegexTables tables;
  if (!Determinizer(steps).run(tables))
    for (const onnxc_regex_step &step : steps)
      tables.program.insert(tables.program.end(), {step.op, step.a, step.b, step.next});
  return tables;
}

std::vector<int32_t> onnxc::compileRegexGroups(StringRef pattern, int &groups, std::string &problem) {
  Parser parser(pattern, problem);
  Tree tree = parser.parse();
  if (!tree || !problem.empty())
    return {};
  Assembler automaton(/*keepsGroups=*/true);
  if (!automaton.assemble(*tree)) {
    problem = "it is too large";
    return {};
  }
  groups = parser.groups;
  std::vector<int32_t> numbers;
  for (const onnxc_regex_step &step : automaton.steps)
    numbers.insert(numbers.end(), {step.op, step.a, step.b, step.next});
  return numbers;
}

std::vector<std::pair<uint32_t, uint32_t>> onnxc::getUnicodeRanges(StringRef name) {
  auto letters = getUnicodeClass(name);
  assert(letters && "a class that there is");
  return letters->sorted();
}

std::vector<int32_t> onnxc::compileRegexFinder(StringRef pattern, std::string &problem) {
  std::vector<onnxc_regex_step> steps = assemble(pattern, problem);
  if (steps.empty())
    return {};
  RegexTables tables;
  onnxc_regex_finder finder;
  if (!Determinizer(steps).run(tables, &finder)) {
    problem = "it is too large";
    return {};
  }
  constexpr size_t head = sizeof(finder) / sizeof(int32_t);
  finder.size = static_cast<int32_t>(head + tables.transitions.size());
  finder.width = tables.classes.back() + 1;
  llvm::copy(tables.classes, finder.classes);
  std::vector<int32_t> numbers(head);
  std::memcpy(numbers.data(), &finder, sizeof(finder));
  llvm::append_range(numbers, tables.transitions);
  return numbers;
}
