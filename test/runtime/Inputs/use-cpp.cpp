// What onnxc.hpp promises: results, errors, lifetimes, moves.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "onnxc/onnxc.hpp"

#include <array>
#include <cstdio>
#include <cstring>
#include <functional>
#include <vector>

extern "C" const onnxc_model *demo_model(void);
extern "C" const onnxc_model *values_model(void);

static int failures;
#define EXPECT(condition)                                                                                              \
  do {                                                                                                                 \
    if (!(condition) && ++failures)                                                                                    \
      std::fprintf(stderr, "%d: expected %s\n", __LINE__, #condition);                                                 \
  } while (0)

static void expectThrows(onnxc_status status, const char *text, const std::function<void()> &body) {
  try {
    body();
  } catch (const onnxc::Error &error) {
    EXPECT(error.status() == status);
    if (!std::strstr(error.what(), text) && ++failures)
      std::fprintf(stderr, "expected \"%s\" in \"%s\"\n", text, error.what());
    return;
  }
  std::fprintf(stderr, "nothing was thrown, expected \"%s\"\n", text);
  ++failures;
}

static_assert(!std::is_copy_constructible_v<onnxc::Model> && std::is_nothrow_move_constructible_v<onnxc::Model>);
static_assert(!std::is_copy_constructible_v<onnxc::Session> && std::is_nothrow_move_assignable_v<onnxc::Session>);
static_assert(!std::is_copy_constructible_v<onnxc::Pool>);

static void tensors() {
  std::vector<float> x = {1, 2, 3, 4, 5, 6, 7, 8};
  std::array<int64_t, 1> row = {1};
  onnxc::Session session = [] { // outlives its model and its pool
    onnxc::Model model(demo_model());
    onnxc::Pool pool(2);
    EXPECT(pool.threads() == 2 && model.inputs().size() == 2 && model.describe(model.inputs()[0]) == "float32[n,4]");
    return onnxc::Session(model, pool);
  }();
  session.set("x", x, {2, 4});
  session.set(1, row, {});
  session.run();
  onnxc::Tensor<const float> y = session.output<float>("y"), picked = session.output<float>(1);
  EXPECT(y.size() == 8 && y.dims().size() == 2 && y.dims()[0] == 2 && y[5] == 12.5f);
  EXPECT(picked.size() == 4 && picked[3] == y[7]);

  std::vector<float> mine(8);
  session.write(0, onnxc::Span<float>(mine));
  session.run();
  EXPECT(mine[5] == 12.5f && session.output<float>(0).data() == mine.data() && session.workspaceSize() == 32);

  session.cancel();
  expectThrows(ONNXC_ERROR_CANCELLED, "was cancelled", [&] { session.run(); });
  session.resume();
  session.setTimeLimit(std::chrono::nanoseconds(1));
  expectThrows(ONNXC_ERROR_DEADLINE, "deadline", [&] { session.run(); });
  session.setTimeLimit(std::chrono::hours(1));
  session.trim();
  onnxc::Session moved = std::move(session);
  moved.run();

  row[0] = 2;
  expectThrows(ONNXC_ERROR_RUN, "node 'pick' (Gather)", [&] { moved.run(); });
  expectThrows(ONNXC_ERROR_TYPE, "input 'x' is of type float32", [&] { moved.set(0, row, {1, 1}); });
  expectThrows(ONNXC_ERROR_TYPE, "output 'y' is of type float32", [&] { moved.output<double>(0); });
  expectThrows(ONNXC_ERROR_SHAPE, "input 'x' has 8 elements, its sizes say 12", [&] { moved.set(0, x, {3, 4}); });
  expectThrows(ONNXC_ERROR_SHAPE, "negative or too big", [&] { moved.set(0, x, {-2, 4}); });
  expectThrows(ONNXC_ERROR_SHAPE, "expects float32[n,4]", [&] { moved.set(0, x, {8}); });
  expectThrows(ONNXC_ERROR_ARGUMENT, "no such input; there are: x, row", [&] { moved.set("z", x, {8}); });
  expectThrows(ONNXC_ERROR_FILE, "can't open 'absent.so'", [] { onnxc::Model("absent.so"); });
}

static void values() {
  onnxc::Session session{onnxc::Model(values_model())};
  std::vector<const char *> words = {"abcd", "ab"};
  float item[2] = {1, 2}, score = 0.5f;
  int64_t two = 2, one = 1;
  const char *key = "abcd";
  onnxc_value tensor = {ONNXC_KIND_TENSOR, ONNXC_FLOAT, 1, &two, item, nullptr};
  onnxc_value bag = {ONNXC_KIND_SEQUENCE, ONNXC_FLOAT, 1, nullptr, nullptr, &tensor}, none = {};
  onnxc_value pair[2] = {{ONNXC_KIND_TENSOR, ONNXC_STRING, 1, &one, &key, nullptr},
                         {ONNXC_KIND_TENSOR, ONNXC_FLOAT, 1, &one, &score, nullptr}};
  onnxc_value scores = {ONNXC_KIND_MAP, ONNXC_FLOAT, 2, nullptr, nullptr, pair};
  none.type = ONNXC_INT64;
  session.set(0, words, {2});
  session.set(1, bag);
  session.set(2, none);
  session.set(3, scores);
  session.run();
  EXPECT(session.output<const char *>(0).size() == 1 && !std::strcmp(session.output<const char *>(0)[0], "abcd"));
  EXPECT(session.value(1)->count == 2);
}

int main() {
  tensors();
  values();
  return failures != 0;
}
