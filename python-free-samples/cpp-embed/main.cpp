// cpp-embed: any model by file name, from C++: what it wants, what it gives, and how long it takes.
// Usage: cpp-embed MODEL.so. ./build.sh compiles a model and this file with CMake, and runs it.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "onnxc/runtime.h"

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <vector>

struct Close {
  void operator()(onnxc_library *library) const { onnxc_close(library); }
  void operator()(onnxc_session *session) const { onnxc_session_destroy(session); }
  void operator()(onnxc_pool *pool) const { onnxc_pool_destroy(pool); }
};
template <typename T> using Owned = std::unique_ptr<T, Close>;

static onnxc_error error;
static void check(onnxc_status status) {
  if (status == ONNXC_OK)
    return;
  std::fprintf(stderr, "cpp-embed: %s\n", error.text);
  std::exit(EXIT_FAILURE);
}

static void print(const char *what, const onnxc_model *model, const onnxc_value_info &value, const int64_t *dims) {
  char text[256];
  onnxc_describe(model, &value, dims, text, sizeof(text));
  std::printf("%s %s: %s\n", what, value.name, text);
}

int main(int argc, char **argv) {
  onnxc_library *opened = nullptr;
  check(onnxc_open(argc > 1 ? argv[1] : "model.so", nullptr, &opened, &error));
  Owned<onnxc_library> library(opened);
  const onnxc_model *model = onnxc_library_model(opened);

  // A session is one inference at a time; a server has one for each of its threads, all with the same library and pool.
  Owned<onnxc_pool> pool(onnxc_pool_create(0));
  onnxc_session *created = nullptr;
  check(onnxc_session_create(opened, pool.get(), &created, &error));
  Owned<onnxc_session> session(created);

  // Inputs full of zeros; a size that the model leaves open becomes 1.
  std::vector<std::vector<char>> memory;
  for (uint64_t i = 0; i < model->input_count; ++i) {
    const onnxc_value_info &input = model->inputs[i];
    print("input ", model, input, nullptr);
    std::vector<int64_t> dims(input.dims, input.dims + input.rank);
    size_t size = onnxc_type_size(input.type);
    for (int64_t &dim : dims)
      size *= size_t(dim = dim < 0 ? 1 : dim);
    memory.emplace_back(size);
    check(onnxc_set_input(created, i, memory.back().data(), dims.data(), input.rank, &error));
  }

  check(onnxc_run(created, &error)); // plans, gets memory for workspace and outputs, and runs
  auto start = std::chrono::steady_clock::now();
  check(onnxc_run(created, &error)); // only runs
  std::chrono::duration<double, std::micro> time = std::chrono::steady_clock::now() - start;

  for (uint64_t i = 0; i < model->output_count; ++i)
    print("output", model, model->outputs[i], onnxc_output(created, i).dims);
  std::printf("%.1f microseconds on %d threads, %llu bytes of workspace\n", time.count(), pool ? int(pool->threads) : 1,
              (unsigned long long)onnxc_workspace_size(created));
}
