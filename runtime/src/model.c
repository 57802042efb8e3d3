/*===- runtime/src/model.c ---------------------------------------------------------===
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 * From a file name to a model that may be called: every doubt is settled here, before the first instruction of it runs.
 *===--------------------------------------------------------------------------------===*/
#define _GNU_SOURCE /* MADV_HUGEPAGE, RTLD_NOLOAD */
#include "internal.h"

#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* Big blocks (workspaces) are worth huge pages: fewer faults on the first run, fewer misses on all. */
enum { HugePage = 2 << 20 };

static void *allocateDefault(void *self, size_t alignment, size_t size) {
  (void)self;
  if (size >= 2 * HugePage && alignment < HugePage)
    alignment = HugePage;
  if (alignment < sizeof(void *))
    alignment = sizeof(void *);
  void *memory = NULL;
  if (posix_memalign(&memory, alignment, size ? size : 1) != 0)
    return NULL;
#ifdef MADV_HUGEPAGE
  if (alignment == HugePage)
    madvise(memory, size & ~(size_t)4095, MADV_HUGEPAGE); /* only advice: failing changes nothing */
#endif
  return memory;
}

static void releaseDefault(void *self, void *memory, size_t size) {
  (void)self, (void)size;
  free(memory);
}

const onnxc_allocator onnxc_default_allocator = {NULL, allocateDefault, releaseDefault};

/* What tells a file from the one that took its place: a number of the file system is used again, but not at once. */
typedef struct FileIdentity {
  uint64_t device, number, seconds, nanoseconds; /* of the last change */
} FileIdentity;

static FileIdentity identify(const struct stat *info) {
  return (FileIdentity){(uint64_t)info->st_dev, (uint64_t)info->st_ino, (uint64_t)info->st_ctim.tv_sec,
                        (uint64_t)info->st_ctim.tv_nsec};
}

#if defined(__x86_64__)
enum { OwnMachine = EM_X86_64 };
#elif defined(__aarch64__)
enum { OwnMachine = EM_AARCH64 };
#endif

static const char *machineName(unsigned machine) {
  return machine == EM_X86_64    ? "x86-64"
         : machine == EM_AARCH64 ? "AArch64"
         : machine == EM_RISCV   ? "RISC-V"
                                 : "another processor";
}

/* Looks at the ELF headers: the dynamic linker's own words for these mistakes are obscure, and a file that is shorter
 * than its headers say would raise SIGBUS later. */
static onnxc_status checkFile(const char *path, FileIdentity *identity, onnxc_error *error) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  struct stat info;
  if (fd < 0)
    return onnxc_fail(error, ONNXC_ERROR_FILE, "can't open '%s': %s", path, strerror(errno));
  onnxc_status status = ONNXC_OK;
  Elf64_Ehdr header;
  if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode))
    status = onnxc_fail(error, ONNXC_ERROR_FILE, "'%s' is not a file", path);
  else if (pread(fd, &header, sizeof(header), 0) != sizeof(header) || memcmp(header.e_ident, ELFMAG, SELFMAG) != 0)
    status = onnxc_fail(error, ONNXC_ERROR_FILE,
                        "'%s' is not a compiled model (onnxc writes them as shared libraries, MODEL.so)", path);
  else if (header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_machine != OwnMachine)
    status = onnxc_fail(error, ONNXC_ERROR_UNSUPPORTED, "'%s' is compiled for %s, this program runs on %s", path,
                        machineName(header.e_machine), machineName(OwnMachine));
  else if (header.e_type != ET_DYN)
    status = onnxc_fail(error, ONNXC_ERROR_FILE,
                        "'%s' is not a shared library: link it with the program, or compile to .so", path);
  for (unsigned i = 0; status == ONNXC_OK && i < header.e_phnum; ++i) {
    Elf64_Phdr segment;
    if (pread(fd, &segment, sizeof(segment), (off_t)(header.e_phoff + i * sizeof(segment))) != sizeof(segment) ||
        (segment.p_type == PT_LOAD &&
         (segment.p_offset > (uint64_t)info.st_size || segment.p_filesz > (uint64_t)info.st_size - segment.p_offset)))
      status = onnxc_fail(error, ONNXC_ERROR_FILE, "'%s' is truncated", path);
  }
  if (status == ONNXC_OK)
    *identity = identify(&info);
  close(fd);
  return status;
}

/* The file's path under a name that no other version of it has had: the bits of a hash of its identity as "./" and "/"
 * between folder and file. */
static int privateName(const char *path, const FileIdentity *identity, char *name, size_t size) {
  size_t folder = (size_t)(strrchr(path, '/') + 1 - path), length = folder;
  uint64_t hash = onnxc_hash(identity, sizeof(*identity));
  if (strlen(path) + 2 * 64 >= size)
    return 0;
  memcpy(name, path, folder);
  for (int bit = 0; bit < 64; ++bit) {
    if (hash >> bit & 1)
      name[length++] = '.';
    name[length++] = '/';
  }
  strcpy(name + length, path + folder);
  return 1;
}

/* Where a library of that name is loaded already, the C library hands that one out without looking at the file, which
 * may have been replaced. Under a name of its own the file is looked at, and is still loaded only once. */
static void *load(const char *path, const FileIdentity *identity) {
  char name[4096];
  void *sameName = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NOLOAD);
  if (!sameName)
    return dlopen(path, RTLD_NOW | RTLD_LOCAL);
  void *handle = privateName(path, identity, name, sizeof(name)) ? dlopen(name, RTLD_NOW | RTLD_LOCAL) : NULL;
  dlclose(sameName);
  return handle;
}

/* Checks the file and loads it: again when it is replaced meanwhile. `shown` is the path as the caller wrote it. */
static onnxc_status loadFile(onnxc_library *library, const char *path, const char *shown, onnxc_error *error) {
  for (int tries = 0; tries < 8; ++tries) {
    FileIdentity checked, loaded;
    struct stat info;
    onnxc_status status = checkFile(shown, &checked, error);
    if (status != ONNXC_OK)
      return status;
    library->handle = load(path, &checked);
    if (!library->handle) {
      const char *reason = dlerror();
      return onnxc_fail(error, ONNXC_ERROR_FILE, "can't load '%s': %s", shown,
                        reason ? reason : "its path is too long");
    }
    if (stat(path, &info) == 0) {
      loaded = identify(&info);
      if (memcmp(&loaded, &checked, sizeof(loaded)) == 0)
        return ONNXC_OK;
    }
    dlclose(library->handle);
    library->handle = NULL;
  }
  return onnxc_fail(error, ONNXC_ERROR_FILE, "can't load '%s': the file changes all the time", shown);
}

/* Maps the weights file: nothing is copied, and programs with the same model share it. */
static onnxc_status mapWeights(onnxc_library *library, const char *path, int skipHash, onnxc_error *error) {
  const onnxc_model *model = library->model;
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  struct stat info;
  if (fd < 0)
    return onnxc_fail(error, ONNXC_ERROR_FILE, "can't open '%s', the weights of model '%s': %s", path, model->name,
                      strerror(errno));
  if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode) || (uint64_t)info.st_size != model->weights_size) {
    close(fd);
    return onnxc_fail(error, ONNXC_ERROR_FILE, "'%s' is not the weights file of model '%s': %lld bytes, expected %llu",
                      path, model->name, (long long)info.st_size, (unsigned long long)model->weights_size);
  }
  library->mapped_size = model->weights_size;
  if (library->mapped_size) {
    library->mapping = mmap(NULL, library->mapped_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (library->mapping == MAP_FAILED) {
      library->mapping = NULL;
      close(fd);
      return onnxc_fail(error, ONNXC_ERROR_FILE, "can't map '%s': %s", path, strerror(errno));
    }
  }
  close(fd);
  library->weights = library->mapping;
  if (skipHash || onnxc_hash(library->mapping, library->mapped_size) == model->weights_hash)
    return ONNXC_OK;
  return onnxc_fail(error, ONNXC_ERROR_FILE, "'%s' is not the weights file of model '%s': its content differs (hash)",
                    path, model->name);
}

static onnxc_library *createLibrary(const onnxc_options *options, onnxc_error *error) {
  const onnxc_allocator *allocator = options && options->allocator ? options->allocator : &onnxc_default_allocator;
  onnxc_library *library = allocator->allocate(allocator->self, _Alignof(onnxc_library), sizeof(*library));
  if (!library) {
    onnxc_fail(error, ONNXC_ERROR_MEMORY, "out of memory");
    return NULL;
  }
  memset(library, 0, sizeof(*library));
  library->allocator = *allocator;
  return library;
}

/* What both ways of opening have in common. `file`: what to call the model in messages, or NULL; `folder` of
 * `folderLength` bytes: where it is, with the last '/'. */
static onnxc_status finishOpen(onnxc_library *library, const onnxc_model *model, const char *file, const char *folder,
                               size_t folderLength, const onnxc_options *options, onnxc_error *error) {
  onnxc_status status = onnxc_check_file(model, file, error);
  if (status != ONNXC_OK)
    return status;
  library->model = model;
  library->weights = model->weights;
  if (!model->weights_file)
    return ONNXC_OK;
  int skipHash = options && options->skip_weights_hash;
  if (options && options->weights_path)
    return mapWeights(library, options->weights_path, skipHash, error);
  if (strchr(model->weights_file, '/')) /* a file name, so that a model can't reach out of its folder */
    return onnxc_fail(error, ONNXC_ERROR_FILE, "the model '%s' names a weights file with a path", model->name);
  char path[4096];
  int length = snprintf(path, sizeof(path), "%.*s%s", (int)folderLength, folder, model->weights_file);
  if (length < 0 || (size_t)length >= sizeof(path))
    return onnxc_fail(error, ONNXC_ERROR_FILE, "the path of the weights file of model '%s' is too long", model->name);
  return mapWeights(library, path, skipHash, error);
}

onnxc_status onnxc_open(const char *path, const onnxc_options *options, onnxc_library **result, onnxc_error *error) {
  if (!result)
    return onnxc_fail(error, ONNXC_ERROR_ARGUMENT, "no place for the result");
  *result = NULL;
  if (!path)
    return onnxc_fail(error, ONNXC_ERROR_ARGUMENT, "no path");
  const char *shown = path, *slash = strrchr(path, '/');
  char local[4096];
  if (!slash) { /* dlopen would search its own folders for a bare name */
    int length = snprintf(local, sizeof(local), "./%s", path);
    if (length < 0 || (size_t)length >= sizeof(local))
      return onnxc_fail(error, ONNXC_ERROR_FILE, "the path is too long");
    path = local;
    slash = path + 1;
  }
  onnxc_library *library = createLibrary(options, error);
  if (!library)
    return ONNXC_ERROR_MEMORY;
  onnxc_status status = loadFile(library, path, shown, error);
  void *symbol = library->handle ? dlsym(library->handle, "onnxc_model_entry") : NULL;
  onnxc_model_function entry;
  memcpy(&entry, &symbol, sizeof(entry)); /* ISO C has no cast from an object's pointer to a function's */
  if (status == ONNXC_OK && !entry)
    status = onnxc_fail(error, ONNXC_ERROR_FILE, "'%s' is a shared library, but not a model compiled by onnxc", shown);
  if (status == ONNXC_OK)
    status = finishOpen(library, entry(), shown, path, (size_t)(slash + 1 - path), options, error);
  if (status == ONNXC_OK)
    *result = library;
  else
    onnxc_close(library);
  return status;
}

onnxc_status onnxc_open_linked(const onnxc_model *model, const onnxc_options *options, onnxc_library **result,
                               onnxc_error *error) {
  if (!result)
    return onnxc_fail(error, ONNXC_ERROR_ARGUMENT, "no place for the result");
  *result = NULL;
  onnxc_library *library = createLibrary(options, error);
  if (!library)
    return ONNXC_ERROR_MEMORY;
  onnxc_status status = finishOpen(library, model, NULL, "", 0, options, error);
  if (status == ONNXC_OK)
    *result = library;
  else
    onnxc_close(library);
  return status;
}

void onnxc_close(onnxc_library *library) {
  if (!library)
    return;
  if (library->mapping)
    munmap(library->mapping, library->mapped_size);
  if (library->handle)
    dlclose(library->handle);
  onnxc_allocator allocator = library->allocator;
  allocator.release(allocator.self, library, sizeof(*library));
}

const onnxc_model *onnxc_library_model(const onnxc_library *library) { return library->model; }

const void *onnxc_library_weights(const onnxc_library *library) { return library->weights; }
