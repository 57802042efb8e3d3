//===- lib/Emit/StackSize.cpp ------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// How much stack a model needs. See StackSize.h.
//
// Every function has a section of its own, and LLVM notes the size of its frame. A section that refers to another one
// may call it, or hand it to somebody who does, so the longest path through the sections is a bound.
#include "lib/Emit/StackSize.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/BinaryFormat/ELF.h"
#include "llvm/ObjCopy/CommonConfig.h"
#include "llvm/ObjCopy/ELF/ELFConfig.h"
#include "llvm/ObjCopy/ELF/ELFObjcopy.h"
#include "llvm/Object/ELFObjectFile.h"
#include "llvm/Support/LEB128.h"
#include "llvm/Support/raw_ostream.h"

using namespace llvm;

/// Besides its frame a function takes room for the address to return to, and to align the frame for vectors.
static constexpr uint64_t kPerCall = 8 + 64;
/// What a function that calls nobody may use below its frame (System V ABI, x86-64: the red zone).
static constexpr uint64_t kRedZone = 128;

namespace {
struct Section {
  uint64_t frame = 0;
  bool isCode = false, isKnown = false;
  SmallVector<unsigned> uses;
  enum { New, Open, Done } state = New;
  uint64_t depth = 0; ///< the longest path from here
};

class Graph {
public:
  Error add(ArrayRef<char> bytes) {
    auto file =
        object::ObjectFile::createELFObjectFile(MemoryBufferRef(StringRef(bytes.data(), bytes.size()), "model"));
    if (!file)
      return file.takeError();
    auto *object = dyn_cast<object::ELF64LEObjectFile>(file->get());
    if (!object)
      return createStringError("not an object file of 64 bits");
    unsigned first = sections.size();
    auto numberOf = [&](const object::SectionRef &section) { return first + unsigned(section.getIndex()); };
    unsigned count = 0;
    for (const object::SectionRef &section : object->sections())
      count = std::max(count, unsigned(section.getIndex()) + 1);
    sections.resize(first + count);
    for (const object::SectionRef &section : object->sections()) {
      sections[numberOf(section)].isCode = section.isText() && section.getSize() > 0;
      auto name = section.getName();
      if (!name)
        return name.takeError();
      if (*name == ".stack_sizes")
        if (Error problem = readFrame(*object, section, first))
          return problem;
      if (Error problem = readUses(section, numberOf))
        return problem;
    }
    for (const object::SymbolRef &symbol : object->symbols()) {
      auto section = symbol.getSection();
      auto name = symbol.getName();
      auto flags = symbol.getFlags();
      if (!section || !name || !flags)
        return joinErrors(joinErrors(section.takeError(), name.takeError()), flags.takeError());
      if (*section != object->section_end() && *flags & object::SymbolRef::SF_Global)
        defined[*name] = numberOf(**section);
    }
    files.push_back(std::move(*file)); // names are in it
    return Error::success();
  }

  std::optional<uint64_t> longestPath() {
    for (auto [user, name] : undefined)
      if (auto place = defined.find(name); place != defined.end())
        sections[user].uses.push_back(place->second);
    dropLabels();
    uint64_t most = 0;
    for (unsigned i = 0; i < sections.size(); ++i) {
      if (!visit(i))
        return std::nullopt;
      most = std::max(most, sections[i].depth);
    }
    return most;
  }

private:
  /// The frame of the function whose section this one is linked to: its address, then the size as ULEB128.
  Error readFrame(const object::ELF64LEObjectFile &object, const object::SectionRef &section, unsigned first) {
    auto content = section.getContents();
    if (!content)
      return content.takeError();
    Section &code = sections[first + object.getSection(section.getRawDataRefImpl())->sh_link];
    const uint8_t *at = content->bytes_begin(), *end = content->bytes_end();
    while (end - at > 8) {
      unsigned length = 0;
      const char *problem = nullptr;
      uint64_t size = decodeULEB128(at + 8, &length, end, &problem);
      if (problem)
        return createStringError(problem);
      code.frame = std::max(code.frame, size);
      code.isKnown = true;
      at += 8 + length;
    }
    return Error::success();
  }

  Error readUses(const object::SectionRef &section, function_ref<unsigned(const object::SectionRef &)> numberOf) {
    auto user = section.getRelocatedSection();
    if (!user)
      return user.takeError();
    const object::ObjectFile *object = section.getObject();
    if (*user == object->section_end() || !(object::ELFSectionRef(**user).getFlags() & ELF::SHF_ALLOC))
      return Error::success();
    unsigned number = numberOf(**user);
    for (const object::RelocationRef &relocation : section.relocations()) {
      object::symbol_iterator symbol = relocation.getSymbol();
      if (symbol == object->symbol_end())
        continue;
      auto place = symbol->getSection();
      auto name = symbol->getName();
      if (!place || !name)
        return joinErrors(place.takeError(), name.takeError());
      if (*place == object->section_end())
        undefined.push_back({number, *name});
      else if (numberOf(**place) != number)
        sections[number].uses.push_back(numberOf(**place));
      else if (sections[number].isCode)
        sections[number].uses.push_back(number);
    }
    return Error::success();
  }

  /// A table that one function alone has, of places in this function: where a switch goes, and no calls.
  void dropLabels() {
    DenseMap<unsigned, unsigned> onlyUser;
    for (auto [number, section] : llvm::enumerate(sections))
      for (unsigned use : section.uses)
        if (auto [place, isNew] = onlyUser.try_emplace(use, number); !isNew && place->second != number)
          place->second = ~0u;
    for (unsigned number = 0; number < sections.size(); ++number)
      if (Section &section = sections[number]; !section.isCode)
        llvm::erase_if(section.uses, [&](unsigned use) { return onlyUser.lookup_or(number, ~0u) == use; });
  }

  /// False where a path comes back to where it has been, or through a function whose frame nobody knows.
  bool visit(unsigned number) {
    Section &section = sections[number];
    if (section.state == Section::Done)
      return true;
    if (section.state == Section::Open || (section.isCode && !section.isKnown))
      return false;
    section.state = Section::Open;
    uint64_t below = section.isCode ? kRedZone : 0;
    for (unsigned use : section.uses) {
      if (!visit(use))
        return false;
      below = std::max(below, sections[use].depth);
    }
    section.depth = below + (section.isCode ? section.frame + kPerCall : 0);
    section.state = Section::Done;
    return true;
  }

  std::vector<Section> sections;
  std::vector<std::unique_ptr<object::ObjectFile>> files;
  StringMap<unsigned> defined;
  std::vector<std::pair<unsigned, StringRef>> undefined;
};
} // namespace

Expected<std::optional<uint64_t>> onnxc::boundStack(ArrayRef<SmallVector<char, 0>> objects) {
  Graph graph;
  for (const auto &object : objects)
    if (Error problem = graph.add(object))
      return problem;
  return graph.longestPath();
}

Error onnxc::dropStackSizes(std::vector<SmallVector<char, 0>> &objects) {
  for (auto &bytes : objects) {
    auto file =
        object::ObjectFile::createELFObjectFile(MemoryBufferRef(StringRef(bytes.data(), bytes.size()), "model"));
    if (!file)
      return file.takeError();
    objcopy::CommonConfig common;
    if (Error problem = common.ToRemove.addMatcher(objcopy::NameOrPattern::create(
            ".stack_sizes", objcopy::MatchStyle::Literal, [](Error error) { return error; })))
      return problem;
    SmallVector<char, 0> result;
    raw_svector_ostream stream(result);
    if (Error problem = objcopy::elf::executeObjcopyOnBinary(common, objcopy::ELFConfig(),
                                                             cast<object::ELFObjectFileBase>(**file), stream))
      return problem;
    bytes = std::move(result);
  }
  return Error::success();
}
