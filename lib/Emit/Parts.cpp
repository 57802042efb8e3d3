//===- lib/Emit/Parts.cpp ----------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A large module becomes machine code in parts, on all processors. See Parts.h.
#include "lib/Emit/Parts.h"
#include "llvm/ADT/EquivalenceClasses.h"
#include "llvm/Bitcode/BitcodeReader.h"
#include "llvm/Bitcode/BitcodeWriter.h"
#include "llvm/IR/Constants.h"
#include "llvm/IR/InstIterator.h"
#include "llvm/IR/Module.h"
#include "llvm/Support/ThreadPool.h"
#include "llvm/Support/raw_ostream.h"
#include "llvm/Target/TargetMachine.h"
#include "llvm/Transforms/Utils/Cloning.h"

using namespace llvm;

/// The number of parts follows from the module alone, so the code is the same on every machine.
static constexpr uint64_t kInstructionsPerPart = 4000;
static constexpr unsigned kMaxParts = 32;

namespace {
using PartOf = DenseMap<const GlobalValue *, unsigned>;

/// Functions that call one another stay together, since what one knows about its arguments is worth much to another;
/// a task that is only handed to the thread pool, and what is not to be inlined, needs nobody; parts of a
/// kernel stay with it. The largest such groups
/// go to the emptiest parts.
PartOf assignParts(const Module &module, unsigned count) {
  EquivalenceClasses<const Function *> together;
  for (const Function &function : module) {
    if (function.isDeclaration())
      continue;
    together.insert(&function);
    for (const Instruction &instruction : instructions(function))
      if (auto *call = dyn_cast<CallBase>(&instruction))
        if (const Function *callee = call->getCalledFunction();
            callee && !callee->isDeclaration() &&
            (!callee->hasFnAttribute(Attribute::NoInline) || function.hasFnAttribute(onnxc::kKernelAttribute)))
          together.unionSets(&function, callee);
  }
  struct Group {
    uint64_t size = 0;
    SmallVector<const Function *> functions;
  };
  MapVector<const Function *, Group> groups; // in the order of the module
  for (const Function &function : module)
    if (!function.isDeclaration()) {
      Group &group = groups[together.getLeaderValue(&function)];
      group.size += function.getInstructionCount();
      group.functions.push_back(&function);
    }
  SmallVector<Group> order = llvm::map_to_vector(groups, [](auto &entry) { return entry.second; });
  llvm::stable_sort(order, [](const Group &a, const Group &b) { return a.size > b.size; });
  SmallVector<uint64_t> sizes(count);
  PartOf partOf;
  for (const Group &group : order) {
    unsigned part = llvm::min_element(sizes) - sizes.begin();
    sizes[part] += group.size;
    for (const Function *function : group.functions)
      partOf[function] = part;
  }
  return partOf;
}

/// Calls `visit` for every part that uses `value`; variables that have no part yet count as those of part 0.
void forEachUsingPart(const Value &value, const PartOf &partOf, function_ref<void(unsigned)> visit) {
  for (const User *user : value.users()) {
    if (auto *instruction = dyn_cast<Instruction>(user))
      visit(partOf.lookup(instruction->getFunction()));
    else if (auto *global = dyn_cast<GlobalValue>(user))
      visit(partOf.lookup(global));
    else
      forEachUsingPart(*user, partOf, visit);
  }
}

/// Splits the functions of `module` and its variables; what another part uses becomes a hidden symbol.
PartOf split(Module &module, unsigned count) {
  PartOf partOf = assignParts(module, count);
  for (GlobalVariable &variable : module.globals()) {
    if (variable.isDeclaration() || !variable.hasLocalLinkage())
      continue;
    std::optional<unsigned> only;
    bool isShared = false;
    forEachUsingPart(variable, partOf, [&](unsigned part) {
      isShared |= only && *only != part;
      only = part;
    });
    partOf[&variable] = only && !isShared ? *only : 0;
  }
  for (GlobalValue &value : module.global_values()) {
    if (value.isDeclaration() || !value.hasLocalLinkage())
      continue;
    bool isElsewhere = false;
    forEachUsingPart(value, partOf, [&](unsigned part) { isElsewhere |= part != partOf.lookup(&value); });
    if (!isElsewhere)
      continue;
    value.setLinkage(GlobalValue::ExternalLinkage);
    value.setVisibility(GlobalValue::HiddenVisibility);
    if (!value.hasName())
      value.setName("constant");
  }
  return partOf;
}

Expected<SmallVector<char, 0>> compilePart(MemoryBufferRef bitcode, const onnxc::TargetSpec &target, int optLevel) {
  LLVMContext context;
  auto module = parseBitcodeFile(bitcode, context);
  if (!module)
    return module.takeError();
  auto machine = onnxc::createTargetMachine(target, optLevel);
  if (!machine)
    return machine.takeError();
  return onnxc::compileModule(**module, **machine, optLevel, CodeGenFileType::ObjectFile);
}
} // namespace

Expected<std::vector<SmallVector<char, 0>>> onnxc::compileParts(std::unique_ptr<Module> module, TargetMachine &machine,
                                                                const TargetSpec &target, int optLevel) {
  unsigned count = std::min<uint64_t>(module->getInstructionCount() / kInstructionsPerPart, kMaxParts);
  if (count <= 1) {
    auto object = compileModule(*module, machine, optLevel, CodeGenFileType::ObjectFile);
    if (!object)
      return object.takeError();
    std::vector<SmallVector<char, 0>> objects;
    objects.push_back(std::move(*object));
    return objects;
  }
  PartOf partOf = split(*module, count);
  std::vector<SmallVector<char, 0>> bitcode(count), objects(count);
  for (unsigned part = 0; part < count; ++part) {
    ValueToValueMapTy map;
    auto clone = CloneModule(*module, map, [&](const GlobalValue *value) { return partOf.lookup(value) == part; });
    raw_svector_ostream stream(bitcode[part]);
    WriteBitcodeToFile(*clone, stream);
  }
  module = {};

  std::vector<std::string> failures(count);
  DefaultThreadPool pool(optimal_concurrency(count));
  for (unsigned part = 0; part < count; ++part)
    pool.async([&, part] {
      auto object = compilePart(MemoryBufferRef(toStringRef(bitcode[part]), "part"), target, optLevel);
      if (object)
        objects[part] = std::move(*object);
      else
        failures[part] = toString(object.takeError());
    });
  pool.wait();
  for (const std::string &failure : failures)
    if (!failure.empty())
      return createStringError(failure);
  return objects;
}
