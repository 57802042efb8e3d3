//===- lib/Emit/Link.cpp -----------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// From object files in memory and the weights to the file that the user gets. lld and llvm-objcopy run as libraries.
#include "lib/Emit/Link.h"
#include "lld/Common/Driver.h"
#include "runtime/src/hash.h"
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

static void writeZeros(raw_ostream &stream, uint64_t count) {
  for (static const char zeros[64] = {}; count > 0;) {
    uint64_t n = std::min<uint64_t>(count, sizeof zeros);
    stream.write(zeros, n);
    count -= n;
  }
}

void onnxc::WeightsBlob::write(raw_ostream &stream) const {
  uint64_t position = 0;
  for (const Piece &piece : pieces) {
    writeZeros(stream, piece.offset - position);
    stream.write(piece.bytes.data(), piece.bytes.size());
    position = piece.offset + piece.bytes.size();
  }
  writeZeros(stream, size - position);
}

namespace {
/// A stream whose bytes are only hashed.
class HashStream : public raw_ostream {
public:
  HashStream() : raw_ostream(/*unbuffered=*/true) { onnxc_hash_start(&hasher); }
  uint64_t finish() const { return onnxc_hash_finish(&hasher); }

private:
  void write_impl(const char *data, size_t size) override { onnxc_hash_update(&hasher, data, size); }
  uint64_t current_pos() const override { return hasher.total; }
  onnxc_hasher hasher;
};
} // namespace

uint64_t onnxc::WeightsBlob::hash() const {
  HashStream stream;
  write(stream);
  return stream.finish();
}

/// Writes a relocatable ELF file that is one read-only section with one hidden symbol. Small enough to do by hand, and
/// the bytes go straight to the file.
static void writeWeightsObject(raw_ostream &stream, const onnxc::WeightsBlob &weights, StringRef symbol,
                               StringRef triple) {
  std::string strings = std::string(1, '\0') + symbol.str() + '\0';
  static const char sectionNames[] = "\0.rodata.weights\0.symtab\0.strtab\0.shstrtab\0.note.GNU-stack";
  constexpr unsigned kWeights = 1, kSymbols = 17, kStrings = 25, kSectionNames = 33, kStack = 43;
  uint64_t data = 64, symbols = alignTo(data + weights.size, 8), names = symbols + 2 * sizeof(ELF::Elf64_Sym),
           sectionStrings = names + strings.size(), headers = alignTo(sectionStrings + sizeof sectionNames, 8);

  ELF::Elf64_Ehdr header = {};
  memcpy(header.e_ident, ELF::ElfMagic, 4);
  header.e_ident[ELF::EI_CLASS] = ELF::ELFCLASS64;
  header.e_ident[ELF::EI_DATA] = ELF::ELFDATA2LSB;
  header.e_ident[ELF::EI_VERSION] = ELF::EV_CURRENT;
  header.e_type = ELF::ET_REL;
  header.e_machine = Triple(triple).getArch() == Triple::x86_64 ? ELF::EM_X86_64 : ELF::EM_AARCH64;
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
  ELF::Elf64_Shdr sections[6] = {
      {},
      section(kWeights, ELF::SHT_PROGBITS, ELF::SHF_ALLOC, data, weights.size, 64),
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
  entries[1].st_size = weights.size;

  stream.write(reinterpret_cast<const char *>(&header), sizeof header);
  weights.write(stream);
  writeZeros(stream, symbols - data - weights.size);
  stream.write(reinterpret_cast<const char *>(entries), sizeof entries);
  stream << strings;
  stream.write(sectionNames, sizeof sectionNames);
  writeZeros(stream, headers - sectionStrings - sizeof sectionNames);
  stream.write(reinterpret_cast<const char *>(sections), sizeof sections);
}

bool onnxc::removesFilesOnSignals = false;

// ---- Files ---------------------------------------------------------------------------------------------------------

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
    if (std::error_code code =
            fs::createUniqueFile(beside + ".%%%%%%%%.tmp", fd, name, fs::OF_None, fs::all_read | fs::all_write))
      return fileError(path, code);
    if (onnxc::removesFilesOnSignals)
      sys::RemoveFileOnSignal(name);
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

Error onnxc::writeFile(StringRef path, function_ref<void(raw_ostream &)> write) {
  auto file = TemporaryFile::create(path);
  if (!file)
    return file.takeError();
  if (Error error = file->write(write))
    return error;
  return file->keep();
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
          writeWeightsObject(stream, *input.weights, input.weightsSymbol, input.triple);
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

/// Writes into `output` what `make` makes of the content of `file`, with its permissions.
static Error rewrite(StringRef path, const TemporaryFile &file, TemporaryFile &output,
                     function_ref<Error(MemoryBufferRef, raw_ostream &)> make) {
  auto buffer = MemoryBuffer::getFile(file.getName(), /*IsText=*/false, /*RequiresNullTerminator=*/false);
  if (!buffer)
    return fileError(path, buffer.getError());
  if (auto permissions = fs::getPermissions(file.getName()))
    fs::setPermissions(output.getName(), *permissions);
  Error failure = Error::success();
  Error written = output.write([&](raw_ostream &stream) {
    failure = joinErrors(std::move(failure), make((*buffer)->getMemBufferRef(), stream));
  });
  return joinErrors(std::move(failure), std::move(written));
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
  if (Error error = link(path, linked->getName(), arguments, input))
    return error;
  auto output = TemporaryFile::create(path);
  if (!output)
    return output.takeError();
  if (Error error = rewrite(path, *linked, *output, [](MemoryBufferRef content, raw_ostream &stream) {
        constexpr size_t part = kBufferSize / 2; // goes through the buffer
        for (StringRef rest = content.getBuffer(); !rest.empty(); rest = rest.drop_front(std::min(part, rest.size())))
          stream << rest.take_front(part);
        return Error::success();
      }))
    return error;
  return output->keep();
}

/// One relocatable file in which only the exports are visible.
static Error linkRelocatable(StringRef path, TemporaryFile &output, const onnxc::LinkInput &input) {
  auto joined = TemporaryFile::create(path);
  if (!joined)
    return joined.takeError();
  if (Error error = link(path, joined->getName(), {"-r"}, input))
    return error;
  return rewrite(path, *joined, output, [&](MemoryBufferRef content, raw_ostream &stream) -> Error {
    auto object = object::ObjectFile::createELFObjectFile(content);
    if (!object)
      return object.takeError();
    objcopy::CommonConfig common;
    common.DiscardMode = objcopy::DiscardType::Locals; // profilers show the names of the others
    objcopy::ELFConfig elf;
    elf.LocalizeHidden = true;
    return objcopy::elf::executeObjcopyOnBinary(common, elf, cast<object::ELFObjectFileBase>(**object), stream);
  });
}

Error onnxc::writeObject(StringRef path, const LinkInput &input) {
  auto output = TemporaryFile::create(path);
  if (!output)
    return output.takeError();
  if (Error error = linkRelocatable(path, *output, input))
    return error;
  return output->keep();
}

Error onnxc::writeArchive(StringRef path, const LinkInput &input) {
  auto object = TemporaryFile::create(path);
  if (!object)
    return object.takeError();
  if (Error error = linkRelocatable(path, *object, input))
    return error;
  auto member = NewArchiveMember::getFile(object->getName(), /*Deterministic=*/true);
  if (!member)
    return member.takeError();
  std::string name = sys::path::stem(path).str() + ".o";
  member->MemberName = name;
  auto output = TemporaryFile::create(path);
  if (!output)
    return output.takeError();
  std::vector<NewArchiveMember> members;
  members.push_back(std::move(*member));
  if (Error error = llvm::writeArchive(output->getName(), members, SymtabWritingMode::NormalSymtab,
                                       object::Archive::K_GNU, /*Deterministic=*/true, /*Thin=*/false))
    return error;
  return output->keep();
}
