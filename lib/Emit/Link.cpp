//===- lib/Emit/Link.cpp -----------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// From object files in memory and the weights to the file that the user gets. lld and llvm-objcopy run as libraries.
#include "lib/Emit/Link.h"
#include "lld/Common/Driver.h"
#include "llvm/BinaryFormat/ELF.h"
#include "llvm/ObjCopy/CommonConfig.h"
#include "llvm/ObjCopy/ELF/ELFConfig.h"
#include "llvm/ObjCopy/ELF/ELFObjcopy.h"
#include "llvm/Object/ArchiveWriter.h"
#include "llvm/Object/ELFObjectFile.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Signals.h"
#include "llvm/Support/raw_ostream.h"
#include "llvm/TargetParser/Triple.h"
#include <mutex>

LLD_HAS_DRIVER(elf)

using namespace llvm;
namespace fs = llvm::sys::fs;

// ---- Weights -------------------------------------------------------------------------------------------------------

/// What the section of the weights is called, in objects and in libraries: where processors have large sections,
/// linkers place them behind everything that is reached by 32 bits.
static constexpr StringLiteral kWeightsSection = ".lrodata";

/// A relocatable ELF file that has a place for the weights, but not their bytes, under a hidden symbol: linkers work on
/// what is small, and `embed` adds the bytes to what they have made.
static void writePlaceholder(raw_ostream &stream, uint64_t size, StringRef symbol, StringRef triple) {
  std::string strings = std::string(1, '\0') + symbol.str() + '\0';
  static const char sectionNames[] = "\0.lrodata\0.symtab\0.strtab\0.shstrtab\0.note.GNU-stack";
  constexpr unsigned kWeights = 1, kSymbols = 10, kStrings = 18, kSectionNames = 26, kStack = 36;
  uint64_t symbols = sizeof(ELF::Elf64_Ehdr), names = symbols + 2 * sizeof(ELF::Elf64_Sym),
           sectionStrings = names + strings.size(), headers = alignTo(sectionStrings + sizeof sectionNames, 8);
  bool isX86 = Triple(triple).getArch() == Triple::x86_64;

  ELF::Elf64_Ehdr header = {};
  memcpy(header.e_ident, ELF::ElfMagic, 4);
  header.e_ident[ELF::EI_CLASS] = ELF::ELFCLASS64;
  header.e_ident[ELF::EI_DATA] = ELF::ELFDATA2LSB;
  header.e_ident[ELF::EI_VERSION] = ELF::EV_CURRENT;
  header.e_type = ELF::ET_REL;
  header.e_machine = isX86 ? ELF::EM_X86_64 : ELF::EM_AARCH64;
  header.e_version = ELF::EV_CURRENT;
  header.e_shoff = headers;
  header.e_ehsize = sizeof header;
  header.e_shentsize = sizeof(ELF::Elf64_Shdr);
  header.e_shnum = 6;
  header.e_shstrndx = 4;

  auto section = [](unsigned name, unsigned type, uint64_t flags, uint64_t offset, uint64_t size, uint64_t align) {
    ELF::Elf64_Shdr s = {};
    s.sh_name = name, s.sh_type = type, s.sh_flags = flags, s.sh_offset = offset, s.sh_size = size,
    s.sh_addralign = align;
    return s;
  };
  uint64_t flags = ELF::SHF_ALLOC | (isX86 ? ELF::SHF_X86_64_LARGE : 0);
  ELF::Elf64_Shdr sections[6] = {
      {},
      section(kWeights, ELF::SHT_NOBITS, flags, symbols, size, 64),
      section(kSymbols, ELF::SHT_SYMTAB, 0, symbols, 2 * sizeof(ELF::Elf64_Sym), 8),
      section(kStrings, ELF::SHT_STRTAB, 0, names, strings.size(), 1),
      section(kSectionNames, ELF::SHT_STRTAB, 0, sectionStrings, sizeof sectionNames, 1),
      section(kStack, ELF::SHT_PROGBITS, 0, headers, 0, 1),
  };
  sections[2].sh_link = 3;
  sections[2].sh_info = 1; // the first symbol that is not local
  sections[2].sh_entsize = sizeof(ELF::Elf64_Sym);

  ELF::Elf64_Sym entries[2] = {};
  entries[1].st_name = 1;
  entries[1].setBindingAndType(ELF::STB_GLOBAL, ELF::STT_OBJECT);
  entries[1].st_other = ELF::STV_HIDDEN;
  entries[1].st_shndx = 1;
  entries[1].st_size = size;

  stream.write(reinterpret_cast<const char *>(&header), sizeof header);
  stream.write(reinterpret_cast<const char *>(entries), sizeof entries);
  stream << strings;
  stream.write(sectionNames, sizeof sectionNames);
  stream.write_zeros(headers - sectionStrings - sizeof sectionNames);
  stream.write(reinterpret_cast<const char *>(sections), sizeof sections);
}

/// Turns the place that an ELF file has for the weights, if there are any, into one at its end, and says how large the
/// file is with them.
static Expected<uint64_t> placeWeights(MutableArrayRef<char> file, const onnxc::WeightsBlob *weights) {
  if (!weights)
    return file.size();
  auto parsed = object::ELF64LEFile::create(toStringRef(file));
  if (!parsed)
    return parsed.takeError();
  auto sections = parsed->sections();
  auto programs = parsed->program_headers();
  if (!sections || !programs)
    return joinErrors(sections.takeError(), programs.takeError());
  // The headers are part of `file`, which is ours to change.
  for (const auto &known : *sections) {
    auto name = parsed->getSectionName(known);
    if (!name)
      return name.takeError();
    if (*name != kWeightsSection)
      continue;
    auto &section = const_cast<object::ELF64LE::Shdr &>(known);
    uint64_t offset = alignTo(file.size(), section.sh_addralign);
    if (!programs->empty()) { // a library, which has a segment of nothing else
      auto own = find_if(*programs, [&](const object::ELF64LE::Phdr &program) {
        return program.p_type == ELF::PT_LOAD && program.p_vaddr == section.sh_addr &&
               program.p_memsz == section.sh_size && program.p_filesz == 0;
      });
      if (own == programs->end())
        return createStringError("the weights have no segment");
      auto &segment = const_cast<object::ELF64LE::Phdr &>(*own);
      segment.p_offset = offset = alignTo(offset, segment.p_align);
      segment.p_filesz = segment.p_memsz;
    }
    section.sh_type = ELF::SHT_PROGBITS;
    section.sh_offset = offset;
    return offset + weights->size();
  }
  return createStringError("the weights have no section");
}

/// Writes an ELF file that has `size` bytes with the weights.
static void writeWithWeights(ArrayRef<char> file, const onnxc::WeightsBlob *weights, uint64_t size,
                             raw_ostream &stream) {
  stream << toStringRef(file);
  if (!weights)
    return;
  stream.write_zeros(size - weights->size() - file.size());
  weights->write(stream);
}

// ---- Files ---------------------------------------------------------------------------------------------------------

bool onnxc::removesFilesOnSignals = false;

static Error fileError(StringRef path, std::error_code code) {
  return createStringError("can't write " + path.str() + ": " + code.message());
}

/// Linux keeps what is written at once, from memory that is there, in large pages: such a library loads with fewer page
/// faults.
static constexpr size_t kBufferSize = 4 << 20;

namespace {
/// A file beside its final place, which it takes in `keep`; removed otherwise.
class TemporaryFile {
public:
  static Expected<TemporaryFile> create(StringRef path) {
    // What is there and no file (a device, a pipe) is not to be replaced by one.
    fs::file_status present;
    if (!fs::status(path, present) && fs::exists(present) && !fs::is_regular_file(present))
      return createStringError("can't write " + path.str() + ": it is no regular file");
    // lld takes names that begin with - or @ for something else.
    std::string beside = (sys::path::is_absolute(path) ? "" : "./") + path.str();
    int fd;
    SmallString<128> name;
    while (true) {
      fs::createUniquePath(beside + ".%%%%%%%%.tmp", name, /*MakeAbsolute=*/false);
      if (onnxc::removesFilesOnSignals) // before it is there: a signal may come at any time
        sys::RemoveFileOnSignal(name);
      std::error_code code =
          fs::openFileForWrite(name, fd, fs::CD_CreateNew, fs::OF_None, fs::all_read | fs::all_write);
      if (!code)
        break;
      if (onnxc::removesFilesOnSignals)
        sys::DontRemoveFileOnSignal(name);
      if (code != std::errc::file_exists)
        return fileError(path, code);
    }
    return TemporaryFile(path, name, fd);
  }
  TemporaryFile(TemporaryFile &&other)
      : path(std::move(other.path)), name(std::move(other.name)), fd(std::exchange(other.fd, -1)) {
    other.name.clear();
  }
  ~TemporaryFile() {
    close();
    if (name.empty())
      return;
    fs::remove(name);
    forget();
  }

  StringRef getName() const { return name; }
  Error write(function_ref<void(raw_ostream &)> body) {
    raw_fd_ostream stream(std::exchange(fd, -1), /*shouldClose=*/true);
    stream.SetBufferSize(kBufferSize);
    body(stream);
    stream.close();
    if (!stream.has_error())
      return Error::success();
    std::error_code code = stream.error();
    stream.clear_error();
    return fileError(path, code);
  }
  Error keep() {
    close();
    if (std::error_code code = fs::rename(name, path))
      return fileError(path, code);
    forget();
    name.clear();
    return Error::success();
  }

private:
  void forget() {
    if (onnxc::removesFilesOnSignals)
      sys::DontRemoveFileOnSignal(name);
  }
  TemporaryFile(StringRef path, StringRef name, int fd) : path(path.str()), name(name.str()), fd(fd) {}
  void close() {
    if (fd >= 0)
      raw_fd_ostream(std::exchange(fd, -1), /*shouldClose=*/true).close();
  }
  std::string path, name;
  int fd;
};
} // namespace

static Error writeOutput(StringRef path, function_ref<void(raw_ostream &)> write,
                         std::optional<fs::perms> permissions) {
  auto file = TemporaryFile::create(path);
  if (!file)
    return file.takeError();
  if (permissions)
    fs::setPermissions(file->getName(), *permissions);
  if (Error error = file->write(write))
    return error;
  return file->keep();
}

Error onnxc::writeFile(StringRef path, function_ref<void(raw_ostream &)> write) {
  return writeOutput(path, write, std::nullopt);
}

// ---- lld -----------------------------------------------------------------------------------------------------------

/// Runs lld on the inputs, with `arguments` before them, and puts the result into `output`.
static Error link(StringRef path, StringRef output, ArrayRef<std::string> arguments, const onnxc::LinkInput &input) {
  // What lld reads are files: they live beside the output as long as the link takes.
  std::vector<TemporaryFile> files;
  std::vector<std::string> command = {"ld.lld", "-o", output.str()};
  command.insert(command.end(), arguments.begin(), arguments.end());
  auto add = [&](function_ref<void(raw_ostream &)> write) -> Error {
    auto file = TemporaryFile::create(path);
    if (!file)
      return file.takeError();
    if (Error error = file->write(write))
      return error;
    command.push_back(file->getName().str());
    files.push_back(std::move(*file));
    return Error::success();
  };
  for (const auto &object : input.objects)
    if (Error error = add([&](raw_ostream &stream) { stream.write(object.data(), object.size()); }))
      return error;
  if (input.weights)
    if (Error error = add([&](raw_ostream &stream) {
          writePlaceholder(stream, input.weights->size(), input.weightsSymbol, input.triple);
        }))
      return error;

  std::vector<const char *> argv;
  for (const std::string &word : command)
    argv.push_back(word.c_str());
  std::string text;
  raw_string_ostream messages(text);
  static std::mutex one; // lld keeps its state in globals
  std::lock_guard<std::mutex> guard(one);
  lld::Result result = lld::lldMain(argv, messages, messages, {{lld::Gnu, &lld::elf::link}});
  if (result.retCode)
    return createStringError("linking " + path.str() + " failed: " + StringRef(text).trim().str());
  return Error::success();
}

/// A file as bytes that may be changed. Without weights they are few.
static Expected<SmallVector<char, 0>> readBack(StringRef path, const TemporaryFile &file) {
  auto buffer = MemoryBuffer::getFile(file.getName(), /*IsText=*/false, /*RequiresNullTerminator=*/false);
  if (!buffer)
    return fileError(path, buffer.getError());
  return SmallVector<char, 0>((*buffer)->getBufferStart(), (*buffer)->getBufferEnd());
}

Error onnxc::writeSharedLibrary(StringRef path, const LinkInput &input) {
  auto script = TemporaryFile::create(path);
  if (!script)
    return script.takeError();
  if (Error error = script->write([&](raw_ostream &stream) {
        stream << "{ global: ";
        for (const std::string &name : input.exports)
          stream << name << "; ";
        stream << "local: *; };\n";
      }))
    return error;
  auto order = TemporaryFile::create(path);
  if (!order)
    return order.takeError();
  // Behind all that code reaches by 32 bits. What may follow, bytes that are written to, the table has an address of.
  if (Error error = order->write([&](raw_ostream &stream) {
        stream << "SECTIONS { " << kWeightsSection << " : ALIGN(CONSTANT(MAXPAGESIZE)) { *(" << kWeightsSection
               << ") } } INSERT AFTER .relro_padding;\n";
      }))
    return error;
  auto linked = TemporaryFile::create(path);
  if (!linked)
    return linked.takeError();
  std::vector<std::string> arguments = {"-shared",
                                        "-nostdlib",
                                        "--gc-sections",
                                        "-z",
                                        "now",
                                        "-z",
                                        "defs",
                                        "-z",
                                        "noexecstack",
                                        "-z",
                                        "separate-code",
                                        "--hash-style=gnu",
                                        "--build-id=none",
                                        "-soname=" + sys::path::filename(path).str(),
                                        "--version-script=" + script->getName().str()};
  if (!input.keepsSymbols)
    arguments.push_back("-s");
  if (input.weights)
    arguments.push_back("--script=" + order->getName().str());
  if (Error error = link(path, linked->getName(), arguments, input))
    return error;
  auto library = readBack(path, *linked);
  if (!library)
    return library.takeError();
  auto size = placeWeights(*library, input.weights);
  if (!size)
    return size.takeError();
  auto permissions = fs::getPermissions(linked->getName());
  return writeOutput(
      path, [&](raw_ostream &stream) { writeWithWeights(*library, input.weights, *size, stream); },
      permissions ? std::optional(*permissions) : std::nullopt);
}

namespace {
/// An object with a place for the weights, and its size with them.
struct Relocatable {
  SmallVector<char, 0> object;
  uint64_t size;
};
} // namespace

/// One relocatable file in which only the exports are visible.
static Expected<Relocatable> linkRelocatable(StringRef path, const onnxc::LinkInput &input) {
  auto joined = TemporaryFile::create(path);
  if (!joined)
    return joined.takeError();
  if (Error error = link(path, joined->getName(), {"-r"}, input))
    return error;
  auto content = readBack(path, *joined);
  if (!content)
    return content.takeError();
  auto object = object::ObjectFile::createELFObjectFile(MemoryBufferRef(toStringRef(*content), path));
  if (!object)
    return object.takeError();
  objcopy::CommonConfig common;
  common.DiscardMode = objcopy::DiscardType::Locals; // profilers show the names of the others
  objcopy::ELFConfig elf;
  elf.LocalizeHidden = true;
  SmallVector<char, 0> made;
  raw_svector_ostream stream(made);
  if (Error error =
          objcopy::elf::executeObjcopyOnBinary(common, elf, cast<object::ELFObjectFileBase>(**object), stream))
    return error;
  auto size = placeWeights(made, input.weights);
  if (!size)
    return size.takeError();
  return Relocatable{std::move(made), *size};
}

Error onnxc::writeObject(StringRef path, const LinkInput &input) {
  auto made = linkRelocatable(path, input);
  if (!made)
    return made.takeError();
  return writeFile(path,
                   [&](raw_ostream &stream) { writeWithWeights(made->object, input.weights, made->size, stream); });
}

Error onnxc::writeArchive(StringRef path, const LinkInput &input) {
  auto made = linkRelocatable(path, input);
  if (!made)
    return made.takeError();
  // "ar_size" is ten digits, and the last but for two bytes of a member's header.
  constexpr size_t digits = 10, end = 2;
  std::string text = std::to_string(made->size);
  if (text.size() > digits)
    return createStringError("can't write " + path.str() + ": it would have " + text +
                             " bytes, and an archive ends at 10^10: put the weights beside it with --weights=external, "
                             "or write a .so or .o");
  // An archive of the object without the weights, whose header is told of them.
  std::string name = sys::path::stem(path).str() + ".o";
  std::vector<NewArchiveMember> members;
  members.emplace_back(MemoryBufferRef(toStringRef(made->object), name));
  auto archive = writeArchiveToBuffer(members, SymtabWritingMode::NormalSymtab, object::Archive::K_GNU,
                                      /*Deterministic=*/true, /*Thin=*/false);
  if (!archive)
    return archive.takeError();
  StringRef whole = (*archive)->getBuffer();
  std::string front = whole.take_front(whole.rfind(toStringRef(made->object))).str();
  text.resize(digits, ' ');
  front.replace(front.size() - digits - end, digits, text);
  return writeFile(path, [&](raw_ostream &stream) {
    stream << front;
    writeWithWeights(made->object, input.weights, made->size, stream);
    if (made->size % 2) // members begin at even places
      stream << '\n';
  });
}
