// cpp-embed: any model by file name, from C++: what it wants, what it gives, and how long it takes.
// Usage: cpp-embed MODEL.so. ./build.sh compiles a model and this file with CMake, and runs it.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "onnxc/onnxc.hpp"

#include <cstdio>
#include <vector>

static void run(const char *path) {
  // A session is one inference at a time; a server has one for each of its threads, all with the same model and pool.
  onnxc::Model model(path);
  onnxc::Pool pool;
  onnxc::Session session(model, pool);
  session.setTimeLimit(std::chrono::seconds(10));

  // Inputs full of zeros; a size that the model leaves open becomes 1.
  std::vector<std::vector<float>> memory;
  uint64_t index = 0;
  for (const onnxc_value_info &input : model.inputs()) {
    std::printf("input  %s: %s\n", input.name, model.describe(input).c_str());
    std::vector<int64_t> dims(input.dims, input.dims + input.rank);
    size_t size = 1;
    for (int64_t &dim : dims)
      size *= size_t(dim = dim < 0 ? 1 : dim);
    memory.emplace_back(size);
    session.set(index++, memory.back(), dims); // throws where the input isn't of float
  }

  session.run(); // plans, gets memory for workspace and outputs, and runs
  auto start = std::chrono::steady_clock::now();
  session.run(); // only runs
  std::chrono::duration<double, std::micro> time = std::chrono::steady_clock::now() - start;

  index = 0;
  for (const onnxc_value_info &output : model.outputs()) {
    onnxc::Tensor<const float> result = session.output<float>(index++);
    std::printf("output %s: %s = [", output.name, model.describe(output, result.dims()).c_str());
    for (size_t i = 0; i < result.size() && i < 4; ++i)
      std::printf("%s%g", i ? ", " : "", double(result[i]));
    std::printf("%s]\n", result.size() > 4 ? ", ..." : "");
  }
  std::printf("%.1f microseconds on %d threads, %llu bytes of workspace\n", time.count(), int(pool.threads()),
              (unsigned long long)session.workspaceSize());
}

int main(int argc, char **argv) {
  try {
    run(argc > 1 ? argv[1] : "model.so");
  } catch (const onnxc::Error &error) {
    std::fprintf(stderr, "cpp-embed: %s\n", error.what());
    return 1;
  }
}
