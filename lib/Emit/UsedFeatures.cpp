//===- lib/Emit/UsedFeatures.cpp ---------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Which instruction sets machine code really uses. See UsedFeatures.h.
//
// The code is disassembled, and one instruction of each kind looked at. The assembler of AArch64 knows what an
// instruction needs: it gets the text again for the same machine without one of its features, and what it refuses then
// needs that feature, or one that is built on it. That of x86 takes everything, so there a table says which
// instructions an extension has brought. Extensions without a row in it count as used.
#include "lib/Emit/UsedFeatures.h"
#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/MC/MCAsmInfo.h"
#include "llvm/MC/MCContext.h"
#include "llvm/MC/MCDisassembler/MCDisassembler.h"
#include "llvm/MC/MCInst.h"
#include "llvm/MC/MCInstPrinter.h"
#include "llvm/MC/MCInstrInfo.h"
#include "llvm/MC/MCObjectFileInfo.h"
#include "llvm/MC/MCParser/MCAsmParser.h"
#include "llvm/MC/MCParser/MCTargetAsmParser.h"
#include "llvm/MC/MCStreamer.h"
#include "llvm/MC/MCSubtargetInfo.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Object/ELFObjectFile.h"
#include "llvm/Support/SourceMgr.h"
#include "llvm/Target/TargetMachine.h"
#include <set>

using namespace llvm;
using namespace onnxc;

static constexpr unsigned EAX = 0, EBX = 1, ECX = 2, EDX = 3;
/// As runtime/src/features.c has them.
static constexpr uint64_t AVX = 0x6, AVX512 = 0xe6, AMX = 0x60000;

static const KnownFeature kX86[] = {
#define ONNXC_X86_FEATURE(name, leaf, subleaf, reg, bit, state, instead)                                               \
  {name, leaf, subleaf, reg, bit, state, instead},
#include "onnxc/features.def"
};
static const KnownFeature kAArch64[] = {
#define ONNXC_AARCH64_FEATURE(name, word, bit) {name, 0, 0, 0, bit, 0, "generic"},
#include "onnxc/features.def"
};

ArrayRef<KnownFeature> onnxc::getKnownFeatures(const TargetMachine &machine) {
  return machine.getTargetTriple().getArch() == Triple::x86_64 ? ArrayRef<KnownFeature>(kX86)
                                                               : ArrayRef<KnownFeature>(kAArch64);
}

std::vector<KnownFeature> onnxc::getUsableFeatures(const TargetMachine &machine) {
  const MCSubtargetInfo &info = *machine.getMCSubtargetInfo();
  std::vector<KnownFeature> features;
  for (const KnownFeature &known : getKnownFeatures(machine))
    for (const SubtargetFeatureKV &feature : info.getAllProcessorFeatures())
      if (feature.Key == known.name && info.getFeatureBits().test(feature.Value) && !known.instead.empty())
        features.push_back(known);
  return features;
}

namespace {
/// x86: the instructions of an extension, by how their names begin. Those that processors have only together (AVX and
/// AVX2, the AVX-512 of servers) count as used with any instruction of their encoding.
/// Source: Intel 64 and IA-32 Architectures Software Developer's Manual, volume 2, "CPUID Feature Flag" of each
/// instruction.
struct Extension {
  StringLiteral name;
  char encoding; ///< 'V': VEX, 'E': EVEX, '*': any
  StringLiteral mnemonics;
};
const Extension kExtensions[] = {
    {"avx", 'V', "v"},
    {"avx", 'E', ""},
    {"avx2", 'V', "v"},
    {"avx2", 'E', ""},
    {"avx512f", 'V', "k"}, // operations on masks
    {"avx512f", 'E', ""},
    {"avx512bw", 'V', "k"},
    {"avx512bw", 'E', ""},
    {"avx512dq", 'V', "k"},
    {"avx512dq", 'E', ""},
    {"avx512vl", 'E', ""},
    {"avx512cd", 'E', "vplzcnt vpconflict vpbroadcastm"},
    {"avx512ifma", 'E', "vpmadd52"},
    {"avx512vbmi", 'E', "vpermb vpermi2b vpermt2b vpmultishiftqb"},
    {"avx512vbmi2", 'E', "vpcompressb vpcompressw vpexpandb vpexpandw vpshld vpshrd"},
    {"avx512vnni", 'E', "vpdpbusd vpdpwssd"},
    {"avx512bitalg", 'E', "vpopcntb vpopcntw vpshufbitqmb"},
    {"avx512vpopcntdq", 'E', "vpopcntd vpopcntq"},
    {"avx512vp2intersect", 'E', "vp2intersect"},
    {"avx512bf16", 'E', "vcvtneps2bf16 vcvtne2ps2bf16 vdpbf16ps"},
    {"avx512fp16", 'H', ""},
    {"amx-tile", '*', "tile ldtilecfg sttilecfg"},
    {"amx-int8", '*', "tdpbssd tdpbsud tdpbusd tdpbuud"},
    {"amx-bf16", '*', "tdpbf16ps"},
    {"amx-fp16", '*', "tdpfp16ps"},
    {"amx-complex", '*', "tcmm"},
    {"fma", '*', "vfmadd vfmsub vfnmadd vfnmsub"},
    {"f16c", '*', "vcvtph2ps vcvtps2ph"},
    {"avxvnni", 'V', "vpdpbusd vpdpwssd"},
    {"avxvnniint8", 'V', "vpdpbssd vpdpbsud vpdpbuud"},
    {"avxvnniint16", 'V', "vpdpwsud vpdpwusd vpdpwuud"},
    {"avxifma", 'V', "vpmadd52"},
    {"avxneconvert", 'V', "vcvtneps2bf16 vcvtnee vcvtneo vbcstne"},
    {"popcnt", '*', "popcnt"},
    {"lzcnt", '*', "lzcnt"},
    {"movbe", '*', "movbe"},
    {"bmi", 'V', "andn bextr blsi blsmsk blsr"},
    {"bmi", '*', "tzcnt"},
    {"bmi2", 'V', "bzhi mulx pdep pext rorx sarx shlx shrx"},
    {"crc32", '*', "crc32"},
    {"cx16", '*', "cmpxchg16b"},
    {"sahf", '*', "sahf lahf"},
    {"prfchw", '*', "prefetchw"},
    {"sse4a", '*', "extrq insertq movntss movntsd"},
    {"pclmul", '*', "pclmul vpclmul"},
    {"vpclmulqdq", '*', "vpclmul"},
    {"aes", '*', "aes vaes"},
    {"vaes", '*', "vaes"},
    {"gfni", '*', "gf2p8 vgf2p8"},
    {"sha", '*', "sha1 sha256"},
    {"sha512", '*', "vsha512"},
    {"sm3", '*', "vsm3"},
    {"sm4", '*', "vsm4"},
    {"adx", '*', "adcx adox"},
    {"movdiri", '*', "movdiri"},
    {"movdir64b", '*', "movdir64b"},
};

/// The kinds of instructions in machine code.
class CodeReader {
public:
  explicit CodeReader(const TargetMachine &machine)
      : machine(machine), target(machine.getTarget()), triple(machine.getTargetTriple()),
        context(triple, machine.getMCAsmInfo(), machine.getMCRegisterInfo(), machine.getMCSubtargetInfo()),
        disassembler(target.createMCDisassembler(*machine.getMCSubtargetInfo(), context)),
        printer(target.createMCInstPrinter(triple, machine.getMCAsmInfo()->getAssemblerDialect(),
                                           *machine.getMCAsmInfo(), *machine.getMCInstrInfo(),
                                           *machine.getMCRegisterInfo())) {}

  /// False where something is no instruction.
  Expected<bool> read(ArrayRef<char> object) {
    auto file = object::ObjectFile::createELFObjectFile(
        MemoryBufferRef(StringRef(object.data(), object.size()), "model"), /*InitContent=*/false);
    if (!file)
      return file.takeError();
    for (const object::SectionRef &section : (*file)->sections()) {
      if (!section.isText())
        continue;
      auto content = section.getContents();
      if (!content)
        return content.takeError();
      for (ArrayRef<uint8_t> bytes = arrayRefFromStringRef(*content); !bytes.empty();) {
        MCInst instruction;
        uint64_t size = 0;
        if (disassembler->getInstruction(instruction, size, bytes, 0, nulls()) != MCDisassembler::Success || !size)
          return false;
        if (seen.insert(instruction.getOpcode()).second)
          add(instruction, bytes);
        bytes = bytes.drop_front(size);
      }
    }
    return true;
  }

  bool uses(StringRef feature) const {
    if (triple.getArch() != Triple::x86_64)
      return !assembles(feature);
    bool isKnown = false;
    for (const Extension &extension : kExtensions) {
      if (extension.name != feature)
        continue;
      isKnown = true;
      if (llvm::any_of(mnemonics, [&](const auto &used) { return isPartOf(extension, used.first, used.second); }))
        return true;
    }
    return !isKnown;
  }

private:
  static bool isPartOf(const Extension &extension, StringRef mnemonic, char encoding) {
    if (extension.encoding != '*' && extension.encoding != encoding && !(extension.encoding == 'E' && encoding == 'H'))
      return false;
    SmallVector<StringRef> names;
    StringRef(extension.mnemonics).split(names, ' ');
    return llvm::any_of(names, [&](StringRef name) { return mnemonic.starts_with(name); });
  }

  void add(const MCInst &instruction, ArrayRef<uint8_t> bytes) {
    if (triple.getArch() != Triple::x86_64) {
      raw_string_ostream stream(text);
      printer->printInst(&instruction, 0, "", *machine.getMCSubtargetInfo(), stream);
      stream << "\n";
      return;
    }
    while (bytes.size() > 2 && is_contained({0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0x67}, bytes.front()))
      bytes = bytes.drop_front(); // segments and the size of addresses
    uint8_t first = bytes.front();
    bool isVex = first == 0xc4 || first == 0xc5, isEvex = first == 0x62 && bytes.size() > 1;
    bool isHalf = isEvex && ((bytes[1] & 7) == 5 || (bytes[1] & 7) == 6); // maps 5 and 6
    StringRef mnemonic = printer->getMnemonic(instruction).first;
    mnemonics.insert({mnemonic.trim().str(), isHalf ? 'H' : isEvex ? 'E' : isVex ? 'V' : 'L'});
  }

  /// Whether the assembler takes all of it for the machine without this feature.
  bool assembles(StringRef without) const {
    std::string features = machine.getTargetFeatureString().str();
    features += (features.empty() ? "-" : ",-") + without.str();
    std::unique_ptr<MCSubtargetInfo> info(target.createMCSubtargetInfo(triple, machine.getTargetCPU(), features));
    SourceMgr source;
    source.AddNewSourceBuffer(MemoryBuffer::getMemBuffer(text), SMLoc());
    source.setDiagHandler([](const SMDiagnostic &, void *) {});
    MCContext assembly(triple, machine.getMCAsmInfo(), machine.getMCRegisterInfo(), info.get(), &source);
    MCObjectFileInfo sections;
    sections.initMCObjectFileInfo(assembly, /*PIC=*/true);
    assembly.setObjectFileInfo(&sections);
    std::unique_ptr<MCStreamer> nowhere(target.createNullStreamer(assembly));
    std::unique_ptr<MCAsmParser> parser(createMCAsmParser(source, assembly, *nowhere, *machine.getMCAsmInfo()));
    MCTargetOptions options;
    std::unique_ptr<MCTargetAsmParser> instructions(
        target.createMCAsmParser(*info, *parser, *machine.getMCInstrInfo(), options));
    parser->setTargetParser(*instructions);
    return !parser->Run(/*NoInitialTextSection=*/false, /*NoFinalize=*/true);
  }

  const TargetMachine &machine;
  const Target &target;
  Triple triple;
  MCContext context;
  std::unique_ptr<MCDisassembler> disassembler;
  std::unique_ptr<MCInstPrinter> printer;
  DenseSet<unsigned> seen;                          ///< opcodes
  std::set<std::pair<std::string, char>> mnemonics; ///< x86: with their encoding; 'H': EVEX of half precision
  std::string text;                                 ///< AArch64: for the assembler
};
} // namespace

Expected<std::vector<KnownFeature>> onnxc::getUsedFeatures(ArrayRef<SmallVector<char, 0>> objects,
                                                           const TargetMachine &machine) {
  std::vector<KnownFeature> features = getUsableFeatures(machine);
  CodeReader reader(machine);
  for (const auto &object : objects) {
    auto isRead = reader.read(object);
    if (!isRead)
      return isRead.takeError();
    if (!*isRead)
      return features; // code that the disassembler does not know: anything may be in it
  }
  llvm::erase_if(features, [&](const KnownFeature &feature) { return !reader.uses(feature.name); });
  return features;
}
