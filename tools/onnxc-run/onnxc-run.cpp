//===- tools/onnxc-run/onnxc-run.cpp -----------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Loads a compiled model, feeds it, times it, and writes or compares what comes out.
//===-------------------------------------------------------------------------------===//
#include "Compare.h"
#include "Files.h"
#include "Numbers.h"
#include "Text.h"
#include "onnxc/runtime.h"

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <optional>
#include <sys/stat.h>
#include <unistd.h>

namespace {

const char *const HelpText = R"(onnxc-run: runs a model that onnxc compiled to a shared library.

usage: onnxc-run MODEL.so [options]

What goes in and comes out
  --inputs FILE    read an input, NAME=FILE the one of that name; FILE.npy as NumPy saves it,
                   FILE.txt numbers or lines of text (a first line '# float32[2,3]' says the
                   shape), FILE.pb an ONNX TensorProto (Sequence-, Optional- or MapProto where
                   the model's type is one); or DIR: input_0.pb (.npy, .txt), input_1.pb, ...
                   in the order of the model's inputs. Repeatable. Without it, seeded random
                   values: floating point normal(0,1), integers and bool 0 or 1, words,
                   sequences of three tensors of two elements, maps of three entries
  --dim NAME=N     size of a symbolic dimension of random inputs (default 1) and of text
                   files without a shape; repeatable
  --seed S         another set of random values (default 0)
  --outputs DIR    write output_0.pb, output_1.pb, ...; the folder is made if missing; or
                   FILE or NAME=FILE as above. Repeatable
  --format F       of files in the folder of --outputs: pb (default), npy or txt
  --print          show the outputs, of long rows the ends; --print=all: everything
  --check DIR      compare with output_N.pb (.npy, .txt) there, FILE, or NAME=FILE
  --rtol R         and accept |got - want| <= atol + rtol * |want|
  --atol A         (defaults: rtol 1e-3, for bfloat16 2^-6; atol 1e-7)

How it runs
  --threads N      threads to compute with (default 1; 0: all processors)
  --warmup N       runs before timing starts (default 0, or 1 without --repeat)
  --repeat N       timed runs (default: as many as fit into half a second, and one where
                   outputs are written, shown or compared)
  --time-limit MS  no run may take longer: it ends with an error
  --pixel-limit N  no image that the model decodes may have more pixels

What it tells
  --info           print inputs, outputs, symbols and target, and run nothing
  --json FILE      write latencies and memory as JSON; '-': to stdout, instead of words
  --help, --version

Exit status: 0 fine; 1 an output differs from --check; 2 anything else went wrong.

Examples
  onnxc model.onnx -o model.so && onnxc-run model.so --info
  onnxc-run model.so --inputs x.npy --print
  onnxc-run model.so --inputs test_data_set_0 --check test_data_set_0
  onnxc-run model.so --dim batch=8 --threads 2
  onnxc-run model.so --inputs ids=ids.txt --inputs mask=mask.npy --outputs out --format npy
)";

enum ExitStatus { Fine = 0, Mismatch = 1, BadInput = 2 };

struct Options {
  const char *model = nullptr, *json = nullptr, *format = "pb";
  std::vector<std::string> inputs, outputs, check;
  double rtol = -1, atol = 1e-7; // rtol < 0: by type
  double timeLimit = 0;          // milliseconds; 0: none
  int64_t pixelLimit = 0;        // 0: as onnxc_call says
  std::vector<std::pair<std::string, int64_t>> dims;
  int64_t seed = 0, warmup = -1, repeat = 0, threads = 1; // repeat 0: by time
  bool info = false, print = false, printAll = false;

  /// Whether it's about what comes out, rather than how fast.
  bool wantsOutputs() const { return print || !outputs.empty() || !check.empty(); }
};

/// Everything fails in the same way: one line, starting as compilers' errors do, and exit status 2.
int fail(const std::string &text) {
  fprintf(stderr, "onnxc-run: error: %s\n", visible(text).c_str());
  return BadInput;
}

int64_t now() {
  timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

//===- Options ---------------------------------------------------------------------===//

bool parseInteger(const char *text, int64_t least, int64_t &value) {
  char *end;
  errno = 0;
  long long parsed = strtoll(text, &end, 10);
  value = parsed;
  return end != text && *end == 0 && errno == 0 && parsed >= least;
}

bool parseTolerance(const char *text, double &value) {
  char *end;
  value = strtod(text, &end);
  return end != text && *end == 0 && value >= 0;
}

/// Returns an empty string, or the error.
std::string parseOptions(int argc, char **argv, Options &options) {
  for (int i = 1; i < argc; ++i) {
    std::string name = argv[i];
    const char *value = nullptr;
    if (name.rfind("--", 0) != 0) {
      if (options.model)
        return "two models: '" + std::string(options.model) + "' and '" + name + "'";
      options.model = argv[i];
      continue;
    }
    if (name == "--info") {
      options.info = true;
      continue;
    }
    size_t equals = name.find('='); // --name=value and --name value
    if (equals != std::string::npos) {
      value = argv[i] + equals + 1;
      name.resize(equals);
    }
    if (name == "--print") {
      if (value && strcmp(value, "all") != 0)
        return "option --print: '" + std::string(value) + "' is not all";
      options.print = true;
      options.printAll |= value != nullptr;
      continue;
    }
    struct Option {
      const char *name;
      const char **text = nullptr;
      std::vector<std::string> *list = nullptr;
      int64_t *integer = nullptr;
      int64_t least = 0;
      double *number = nullptr;
    } const table[] = {
        {"--inputs", nullptr, &options.inputs},
        {"--outputs", nullptr, &options.outputs},
        {"--check", nullptr, &options.check},
        {"--json", &options.json},
        {"--format", &options.format},
        {"--seed", nullptr, nullptr, &options.seed, INT64_MIN},
        {"--warmup", nullptr, nullptr, &options.warmup},
        {"--repeat", nullptr, nullptr, &options.repeat, 1},
        {"--threads", nullptr, nullptr, &options.threads},
        {"--rtol", nullptr, nullptr, nullptr, 0, &options.rtol},
        {"--atol", nullptr, nullptr, nullptr, 0, &options.atol},
        {"--time-limit", nullptr, nullptr, nullptr, 0, &options.timeLimit},
        {"--pixel-limit", nullptr, nullptr, &options.pixelLimit},
        {"--dim"},
    };
    auto *known = std::find_if(std::begin(table), std::end(table), [&](auto &row) { return name == row.name; });
    if (known == std::end(table))
      return "unknown option '" + name + "'; see onnxc-run --help";
    if (!value && i + 1 == argc)
      return "option " + name + " needs a value";
    if (!value)
      value = argv[++i];
    if (known->text) {
      *known->text = value;
    } else if (known->list) {
      known->list->push_back(value);
    } else if (known->integer) {
      if (!parseInteger(value, known->least, *known->integer))
        return "option " + name + ": '" + value + "' is not an integer" +
               (known->least == INT64_MIN ? std::string() : " of at least " + std::to_string(known->least));
    } else if (known->number) {
      if (!parseTolerance(value, *known->number))
        return "option " + name + ": '" + value + "' is not a number of at least 0";
    } else {
      const char *separator = strrchr(value, '=');
      int64_t size;
      if (!separator || !parseInteger(separator + 1, 0, size))
        return "option --dim: '" + std::string(value) + "' is not of the form NAME=SIZE";
      options.dims.emplace_back(std::string(value, separator), size);
    }
  }
  if (!options.model)
    return "no model; see onnxc-run --help";
  if (options.threads > 4096)
    return "option --threads: at most 4096";
  if (strcmp(options.format, "pb") && strcmp(options.format, "npy") && strcmp(options.format, "txt"))
    return "option --format: '" + std::string(options.format) + "' is none of pb, npy and txt";
  return {};
}

//===- Inputs ----------------------------------------------------------------------===//

/// SplitMix64: small, and good enough for test data on every machine alike.
struct Random {
  uint64_t state;

  uint64_t bits() {
    uint64_t z = state += 0x9E3779B97F4A7C15u;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return z ^ z >> 31;
  }
  double normal() { // the sum of four, of variance 1
    uint64_t word = bits();
    int64_t sum = int64_t((word & 0xffff) + (word >> 16 & 0xffff) + (word >> 32 & 0xffff) + (word >> 48)) - 2 * 0xffff;
    return double(sum) * (1.7320508075688772 / 0x1p16);
  }
};

template <typename T, typename F> void fill(Tensor &tensor, F value) {
  T *data = static_cast<T *>(tensor.memory.get());
  for (uint64_t i = 0, count = tensor.size / sizeof(T); i < count; ++i)
    data[i] = T(value());
}

void fillRandom(Tensor &tensor, uint64_t seed) {
  Random random{seed};
  auto normal = [&] { return random.normal(); };
  auto bit = [&] { return random.bits() >> 63; };
  switch (tensor.type) {
  case ONNXC_FLOAT:
    return fill<float>(tensor, normal);
  case ONNXC_DOUBLE:
    return fill<double>(tensor, normal);
  case ONNXC_FLOAT16:
    return fill<uint16_t>(tensor, [&] { return toHalf(normal()); });
  case ONNXC_BFLOAT16:
    return fill<uint16_t>(tensor, [&] { return toBfloat(float(normal())); });
  case ONNXC_COMPLEX64:
    return fill<float>(tensor, normal);
  case ONNXC_COMPLEX128:
    return fill<double>(tensor, normal);
  // Numbers between -2 and 2: all bits but the first of the exponent.
  case ONNXC_FLOAT8E4M3FN:
  case ONNXC_FLOAT8E5M2:
    return fill<uint8_t>(tensor, [&] { return random.bits() >> 32 & 0xbf; });
  case ONNXC_FLOAT8E4M3FNUZ: // without a sign: NaN is a negative 0
  case ONNXC_FLOAT8E5M2FNUZ:
    return fill<uint8_t>(tensor, [&] { return random.bits() >> 32 & 0x3f; });
  case ONNXC_FLOAT6E2M3:
  case ONNXC_FLOAT6E3M2:
    return fill<uint8_t>(tensor, [&] { return random.bits() >> 32 & 0x2f; });
  case ONNXC_FLOAT4E2M1:
    return fill<uint8_t>(tensor, [&] { return random.bits() >> 32 & 0xb; });
  case ONNXC_FLOAT8E8M0:
    return fill<uint8_t>(tensor, [&] { return 127 - (random.bits() >> 32 & 7); });
  }
  switch (onnxc_type_size(tensor.type)) {
  case 1:
    return fill<uint8_t>(tensor, bit);
  case 2:
    return fill<uint16_t>(tensor, bit);
  case 4:
    return fill<uint32_t>(tensor, bit);
  case 8:
    return fill<uint64_t>(tensor, bit);
  }
}

/// One to eight letters.
bool fillWords(Tensor &tensor, uint64_t count, uint64_t seed) {
  Random random{seed};
  std::vector<std::string> words(count);
  for (std::string &word : words)
    for (uint64_t letters = random.bits() % 8 + 1; letters; --letters)
      word += char('a' + random.bits() % 26);
  return setStrings(tensor, {words.begin(), words.end()});
}

/// A tensor of random elements, or nothing when there is no memory for it.
std::optional<Tensor> randomTensor(int32_t type, std::vector<int64_t> dims, uint64_t seed) {
  Tensor tensor;
  tensor.type = type;
  tensor.dims = std::move(dims);
  if (!allocate(tensor) || (type == ONNXC_STRING && !fillWords(tensor, tensor.size / sizeof(char *), seed)))
    return {};
  if (type != ONNXC_STRING)
    fillRandom(tensor, seed);
  return tensor;
}

/// Nothing says of what shapes the tensors of a sequence or optional are.
void randomValue(int32_t type, uint64_t seed, Value &value) {
  int32_t element = ONNXC_ELEMENT_TYPE(type), key = keyType(type);
  auto item = [&](uint64_t i) -> onnxc_value {
    if (!(type & ONNXC_MAP))
      return value.add(*randomTensor(element, {2}, seed + i * 7919));
    Tensor keys = *randomTensor(key, {3}, seed + i * 7919);
    if (key != ONNXC_STRING) { // 0, 1, 2: keys differ
      memset(keys.memory.get(), 0, keys.size);
      for (size_t k = 0, size = onnxc_type_size(key); k < 3; ++k)
        static_cast<char *>(keys.memory.get())[k * size] = char(k);
    }
    onnxc_value *items = value.addItems(2);
    items[0] = value.add(std::move(keys));
    items[1] = value.add(*randomTensor(element, {3}, seed + i * 7919 + 1));
    return {ONNXC_KIND_MAP, element, 2, nullptr, nullptr, items};
  };
  if (!(type & ONNXC_SEQUENCE)) {
    value.root = item(0);
    return;
  }
  onnxc_value *items = value.addItems(3);
  for (uint64_t i = 0; i < 3; ++i)
    items[i] = item(i);
  value.root = {ONNXC_KIND_SEQUENCE, element, 3, nullptr, nullptr, items};
}

bool isSupported(int32_t valueType) {
  int32_t type = ONNXC_ELEMENT_TYPE(valueType);
  if (valueType & ONNXC_MAP && onnxc_type_size(keyType(valueType)) == 0)
    return false;
  return onnxc_type_size(type) != 0;
}

std::string listSymbols(const onnxc_model *model) {
  std::string text;
  for (uint64_t i = 0; i < model->symbol_count; ++i)
    if (model->symbols[i][0])
      text += (text.empty() ? "" : ", ") + std::string(model->symbols[i]);
  return text.empty() ? "none" : text;
}

/// The dims of an input as far as the model and --dim know them; else -1.
std::vector<int64_t> knownDims(const onnxc_model *model, const onnxc_value_info &info, const Options &options) {
  std::vector<int64_t> dims;
  for (int32_t d = 0; d < info.rank; ++d) {
    int64_t dim = info.dims[d];
    if (dim < 0 && dim != ONNXC_DIM_COMPUTED && dim != ONNXC_DIM_RUN) {
      const char *symbol = model->symbols[-1 - dim];
      for (auto &[name, size] : options.dims)
        if (name == symbol)
          dim = size;
    }
    dims.push_back(dim < 0 ? -1 : dim);
  }
  return dims;
}

std::string randomInput(const onnxc_model *model, uint64_t index, const Options &options, Value &value) {
  const onnxc_value_info &info = model->inputs[index];
  uint64_t seed = uint64_t(options.seed) * 1000003 + index;
  if (!isTensor(info.type)) {
    randomValue(info.type, seed, value);
    return {};
  }
  std::vector<int64_t> dims = knownDims(model, info, options);
  for (int32_t d = 0; d < info.rank; ++d) {
    if (info.dims[d] == ONNXC_DIM_COMPUTED)
      return "input '" + std::string(info.name) + "': dimension " + std::to_string(d) +
             " follows from other inputs; give files with --inputs";
    if (dims[size_t(d)] < 0)
      dims[size_t(d)] = 1;
  }
  std::optional<Tensor> tensor = randomTensor(info.type, std::move(dims), seed);
  if (!tensor)
    return "no memory for input '" + std::string(info.name) + "': it is too big";
  value.root = value.add(std::move(*tensor));
  return {};
}

std::string fileInput(const onnxc_model *model, uint64_t index, const Files &files, const Options &options,
                      Value &value) {
  const onnxc_value_info &info = model->inputs[index];
  std::string who = "input " + std::to_string(index) + " ('" + info.name + "'): ", path = files[index];
  if (path.empty())
    return who + (files.getFolder().empty()
                      ? "there is no file for it: add --inputs '" + std::string(info.name) + "=FILE'"
                      : "there is no file '" + files.getFolder() + "/input_" + std::to_string(index) + ".pb'");
  std::string error = readAny(path, info.type, knownDims(model, info, options), value);
  if (!error.empty())
    return who + error;
  adoptType(value.root, info.type);
  if (isTensor(info.type) && value.root.type != info.type) // of others, the runtime checks all parts
    return who + "'" + path + "' holds " + onnxc_type_name(value.root.type) + ", the model expects " +
           onnxc_type_name(info.type);
  return {};
}

/// Fills and sets all inputs. Returns an empty string, or the error.
std::string setInputs(const onnxc_model *model, onnxc_session *session, const Options &options,
                      std::deque<Value> &inputs) {
  for (auto &dim : options.dims)
    if (onnxc_find_symbol(model, dim.first.c_str()) < 0)
      return "option --dim: the model has no symbolic dimension '" + dim.first + "' (there are: " + listSymbols(model) +
             ")";
  Files files;
  std::string wrong = files.set(options.inputs, "input", model->input_count, model->inputs, /*mayBeNew=*/false);
  if (!wrong.empty())
    return "option --inputs: " + wrong;
  files.nameInFolder("input", "");
  if (!options.inputs.empty() && !options.dims.empty() && !files.hasText())
    return "option --dim is for random inputs and text files: other files have sizes of their own";
  for (uint64_t i = 0; i < model->input_count; ++i) {
    if (!isSupported(model->inputs[i].type))
      return "input '" + std::string(model->inputs[i].name) + "' is of type " + onnxc_type_name(model->inputs[i].type) +
             ", which onnxc-run can't feed";
    Value &value = inputs.emplace_back();
    std::string error =
        options.inputs.empty() ? randomInput(model, i, options, value) : fileInput(model, i, files, options, value);
    if (error.empty())
      error = setInput(model, session, i, value);
    if (!error.empty())
      return error;
  }
  return {};
}

//===- Outputs ---------------------------------------------------------------------===//

/// Files appear under their names only when all of them are complete.
std::string writeOutputs(const onnxc_model *model, onnxc_session *session, const Options &options) {
  Files files;
  std::string error = files.set(options.outputs, "output", model->output_count, model->outputs, /*mayBeNew=*/true);
  if (!error.empty())
    return "option --outputs: " + error;
  const std::string &folder = files.getFolder();
  if (!folder.empty() && mkdir(folder.c_str(), 0777) != 0 && errno != EEXIST)
    return "can't make the folder '" + folder + "': " + strerror(errno);
  files.nameInFolder("output", options.format);
  std::string suffix = ".tmp" + std::to_string(getpid());
  std::vector<std::string> paths;
  for (uint64_t i = 0; i < model->output_count && error.empty(); ++i) {
    if (files[i].empty())
      continue;
    paths.push_back(files[i]);
    error = writeAny(files[i], suffix, model->outputs[i], getOutput(model, session, i));
  }
  for (std::string &path : paths)
    if (error.empty() && rename((path + suffix).c_str(), path.c_str()) != 0)
      error = "can't write '" + path + "': " + strerror(errno);
  if (!error.empty())
    for (std::string &path : paths)
      unlink((path + suffix).c_str());
  return error;
}

/// Says on stderr what differs, and in `status` whether anything does. Returns an empty string, or why it can't say.
std::string checkOutputs(const onnxc_model *model, onnxc_session *session, const Options &options, ExitStatus &status,
                         double &largest) {
  uint64_t compared = 0;
  Files files;
  std::string error = files.set(options.check, "output", model->output_count, model->outputs, /*mayBeNew=*/false);
  if (!error.empty())
    return "option --check: " + error;
  files.nameInFolder("output", "");
  for (uint64_t i = 0; i < model->output_count; ++i) {
    const onnxc_value_info &info = model->outputs[i];
    if (files[i].empty())
      continue; // data sets may leave out outputs
    Value want;
    onnxc_value got = getOutput(model, session, i);
    std::vector<int64_t> dims;
    if (isTensor(info.type))
      dims.assign(got.dims, got.dims + got.count);
    error = readAny(files[i], info.type, dims, want);
    if (!error.empty())
      return error;
    adoptType(want.root, info.type);
    double rtol = options.rtol >= 0 ? options.rtol : ONNXC_ELEMENT_TYPE(info.type) == ONNXC_BFLOAT16 ? 0x1p-6 : 1e-3;
    Comparison result = compare(want.root, got, rtol, options.atol);
    largest = std::max(largest, result.largest);
    ++compared;
    if (result.difference.empty())
      continue;
    status = Mismatch;
    fprintf(stderr, "onnxc-run: mismatch: output %llu ('%s'): %s\n", (unsigned long long)i, visible(info.name).c_str(),
            visible(result.difference).c_str());
  }
  return compared ? std::string() : "option --check: there is no output_N.pb in '" + files.getFolder() + "'";
}

//===- Report ----------------------------------------------------------------------===//

struct Report {
  std::vector<int64_t> latencies; // in the order of the runs
  int64_t load = 0;
  uint64_t workspace = 0;
  double largest = -1; // of --check

  int64_t quantile(double q) const {
    std::vector<int64_t> sorted = latencies;
    size_t at = std::min(sorted.size() - 1, size_t(q * double(sorted.size())));
    std::nth_element(sorted.begin(), sorted.begin() + ptrdiff_t(at), sorted.end());
    return sorted[at];
  }
};

/// Peak resident memory since exec. ru_maxrss would start with the parent's.
uint64_t peakMemory() {
  FILE *file = fopen("/proc/self/status", "re");
  char line[256];
  unsigned long long kilobytes = 0;
  while (file && fgets(line, sizeof(line), file))
    if (sscanf(line, "VmHWM: %llu kB", &kilobytes) == 1)
      break;
  if (file)
    fclose(file);
  return kilobytes * 1024;
}

/// "12.3 µs", "4.56 ms", "2.1 s".
std::string timeText(int64_t nanoseconds) {
  char text[32];
  double t = double(nanoseconds);
  if (t < 1e6)
    snprintf(text, sizeof(text), "%.3g µs", t * 1e-3);
  else if (t < 1e9)
    snprintf(text, sizeof(text), "%.4g ms", t * 1e-6);
  else
    snprintf(text, sizeof(text), "%.4g s", t * 1e-9);
  return text;
}

std::string memoryText(uint64_t bytes) {
  char text[32];
  if (bytes < 10000)
    snprintf(text, sizeof(text), "%llu bytes", (unsigned long long)bytes);
  else if (bytes < 10 << 20)
    snprintf(text, sizeof(text), "%.1f KiB", double(bytes) / 1024);
  else
    snprintf(text, sizeof(text), "%.1f MiB", double(bytes) / (1 << 20));
  return text;
}

/// The type, and what is known of the value; NULL: nothing.
std::string describe(const onnxc_model *model, const onnxc_value_info &info, const onnxc_value *value) {
  char text[1024];
  onnxc_describe(model, &info, value && isTensor(info.type) ? value->dims : nullptr, text, sizeof(text));
  std::string line = std::string(info.name) + ": " + text;
  if (!value || isTensor(info.type))
    return line;
  return line + (value->kind == ONNXC_KIND_NONE       ? ", nothing"
                 : value->kind == ONNXC_KIND_SEQUENCE ? ", items: " + std::to_string(value->count)
                 : value->kind == ONNXC_KIND_MAP      ? ", entries: " + std::to_string(value->items[0].dims[0])
                                                      : ", there");
}

/// A line whose text is the model's.
void printLine(const char *what, const std::string &text) { printf("%-10s %s\n", what, visible(text).c_str()); }

void printValues(const onnxc_model *model, const std::deque<Value> *inputs, onnxc_session *session) {
  printLine("model", std::string(model->name) + " for " + model->target);
  for (uint64_t i = 0; i < model->input_count; ++i)
    printLine(("input " + std::to_string(i)).c_str(),
              describe(model, model->inputs[i], inputs ? &(*inputs)[i].root : nullptr));
  for (uint64_t i = 0; i < model->output_count; ++i) {
    onnxc_value value = session ? getOutput(model, session, i) : onnxc_value{};
    onnxc_value_info info = model->outputs[i];
    if (session)
      info.rank = onnxc_output_rank(session, i);
    bool hasRankOfRun = !session && std::count(model->rank_outputs, model->rank_outputs + model->rank_output_count, i);
    printLine(("output " + std::to_string(i)).c_str(),
              describe(model, info, session ? &value : nullptr) + (hasRankOfRun ? " or fewer dimensions" : ""));
  }
}

void printInfo(const onnxc_model *model) {
  printValues(model, nullptr, nullptr);
  printLine("symbols", listSymbols(model));
  printLine("features", model->features && *model->features ? model->features : "none");
  printLine("weights",
            memoryText(model->weights_size) + " " + (model->weights_file ? model->weights_file : "(embedded)"));
  if (ONNXC_HAS(onnxc_model, model, source_hash) && model->producer) {
    printLine("producer", model->producer);
    printLine("options", model->options ? model->options : "");
    printf("source     xxHash64 %016llx\n", (unsigned long long)model->source_hash);
  }
  for (uint64_t i = 0; i < model->metadata_count; ++i)
    printLine("metadata", std::string(model->metadata[2 * i]) + ": " + model->metadata[2 * i + 1]);
}

void printWords(const Report &report) {
  printf("latency    min %s, median %s, p99 %s (%zu run%s)\n", timeText(report.quantile(0)).c_str(),
         timeText(report.quantile(0.5)).c_str(), timeText(report.quantile(0.99)).c_str(), report.latencies.size(),
         report.latencies.size() == 1 ? "" : "s");
  printf("load       %s\n", timeText(report.load).c_str());
  printf("workspace  %s\n", memoryText(report.workspace).c_str());
  printf("peak       %s\n", memoryText(peakMemory()).c_str());
  if (report.largest >= 0)
    printf("check      largest difference %.3g\n", report.largest);
}

std::string writeJson(const Report &report, const std::string &path) {
  std::string text = "{\"latency_ns\": [";
  for (size_t i = 0; i < report.latencies.size(); ++i)
    text += (i ? ", " : "") + std::to_string(report.latencies[i]);
  text += "],\n \"min_ns\": " + std::to_string(report.quantile(0)) +
          ", \"median_ns\": " + std::to_string(report.quantile(0.5)) +
          ", \"p99_ns\": " + std::to_string(report.quantile(0.99)) + ",\n \"load_ns\": " + std::to_string(report.load) +
          ", \"workspace_bytes\": " + std::to_string(report.workspace) +
          ", \"peak_rss_bytes\": " + std::to_string(peakMemory());
  if (report.largest >= 0) {
    char number[64];
    snprintf(number, sizeof(number), std::isfinite(report.largest) ? "%.9g" : "null", report.largest);
    text += std::string(", \"largest_difference\": ") + number;
  }
  text += "}\n";
  bool toStdout = path == "-";
  std::string partial = path + ".tmp" + std::to_string(getpid());
  FILE *file = toStdout ? stdout : fopen(partial.c_str(), "we");
  bool good = file && fwrite(text.data(), 1, text.size(), file) == text.size();
  if (toStdout)
    return good && fflush(stdout) == 0 ? std::string() : "can't write to stdout";
  good = file && fclose(file) == 0 && good && rename(partial.c_str(), path.c_str()) == 0;
  if (good)
    return {};
  std::string error = "can't write '" + path + "': " + strerror(errno);
  unlink(partial.c_str());
  return error;
}

//===- Running ---------------------------------------------------------------------===//

/// A line on the terminal, for whoever waits longer than a second.
struct Progress {
  int64_t start = now(), shown = 0;
  bool visible = isatty(STDERR_FILENO);

  void update(int64_t done, int64_t total) {
    int64_t time = visible ? now() : 0;
    if (!visible || time - start < 1000000000 || time - shown < 200000000)
      return;
    shown = time;
    fprintf(stderr, "\rrun %lld of %lld", (long long)done, (long long)total);
  }
  ~Progress() {
    if (shown)
      fprintf(stderr, "\r\033[K");
  }
};

std::string runAll(onnxc_session *session, const Options &options, std::vector<int64_t> &latencies) {
  constexpr int64_t Budget = 500'000'000, MostRuns = 1 << 20; // without --repeat
  bool byTime = options.repeat == 0 && !options.wantsOutputs();
  int64_t repeat = byTime ? MostRuns : std::max<int64_t>(options.repeat, 1);
  int64_t warmup = options.warmup >= 0 ? options.warmup : byTime;
  Progress progress;
  onnxc_error error;
  latencies.reserve(size_t(std::min<int64_t>(repeat, byTime ? 1024 : MostRuns)));
  int64_t sum = 0;
  for (int64_t i = 0; i < warmup + repeat && !(byTime && sum > Budget); ++i) {
    int64_t start = now();
    if (onnxc_run(session, &error))
      return error.text;
    if (i >= warmup) {
      latencies.push_back(now() - start);
      sum += latencies.back();
    }
    if (!byTime)
      progress.update(i + 1, warmup + repeat);
  }
  return {};
}

struct Closer {
  void operator()(onnxc_library *library) const { onnxc_close(library); }
  void operator()(onnxc_session *session) const { onnxc_session_destroy(session); }
  void operator()(onnxc_pool *pool) const { onnxc_pool_destroy(pool); }
};

int runModel(const Options &options) {
  onnxc_error error;
  int64_t start = now();
  onnxc_library *opened;
  if (onnxc_open(options.model, nullptr, &opened, &error))
    return fail(error.text);
  Report report;
  report.load = now() - start;
  std::unique_ptr<onnxc_library, Closer> library(opened);
  const onnxc_model *model = onnxc_library_model(opened);
  if (options.info) {
    printInfo(model);
    return Fine;
  }
  for (uint64_t i = 0; i < model->output_count; ++i)
    if (options.wantsOutputs() && !isSupported(model->outputs[i].type))
      return fail("output '" + std::string(model->outputs[i].name) + "' is of type " +
                  onnxc_type_name(model->outputs[i].type) + ", which onnxc-run can't write");

  std::unique_ptr<onnxc_pool, Closer> pool;
  if (options.threads != 1) {
    pool.reset(onnxc_pool_create(int32_t(options.threads)));
    if (!pool)
      return fail("can't start " + std::to_string(options.threads) + " threads");
  }
  onnxc_session *created;
  if (onnxc_session_create(opened, pool.get(), &created, &error))
    return fail(error.text);
  std::unique_ptr<onnxc_session, Closer> session(created);
  std::deque<Value> inputs;
  std::string text = setInputs(model, created, options, inputs);
  if (!text.empty())
    return fail(text);
  if (onnxc_plan(created, &error))
    return fail(error.text);
  report.workspace = onnxc_workspace_size(created);

  onnxc_set_time_limit(created, int64_t(std::min(std::ceil(options.timeLimit * 1e6), 9e18)));
  onnxc_set_pixel_limit(created, uint64_t(options.pixelLimit));
  text = runAll(created, options, report.latencies);
  if (text.empty() && !options.outputs.empty())
    text = writeOutputs(model, created, options);
  ExitStatus status = Fine;
  if (text.empty() && !options.check.empty()) {
    report.largest = 0;
    text = checkOutputs(model, created, options, status, report.largest);
  }
  if (text.empty() && options.json)
    text = writeJson(report, options.json);
  if (!text.empty())
    return fail(text);
  if (!options.json || strcmp(options.json, "-") != 0) {
    printValues(model, &inputs, created);
    for (uint64_t i = 0; i < model->output_count && options.print; ++i)
      printf("%s\n%s\n", visible(model->outputs[i].name).c_str(),
             printText(getOutput(model, created, i), options.printAll).c_str());
    printWords(report);
  }
  return status;
}

} // namespace

int main(int argc, char **argv) {
  for (int i = 1; i < argc; ++i) {
    if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h")) {
      fputs(HelpText, stdout);
      return Fine;
    }
    if (!strcmp(argv[i], "--version")) {
      puts("onnxc-run " ONNXC_VERSION);
      return Fine;
    }
  }
  Options options;
  std::string error = parseOptions(argc, argv, options);
  return error.empty() ? runModel(options) : fail(error);
}
