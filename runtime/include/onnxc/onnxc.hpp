/* The runtime library for C++17: models, sessions and pools that clean up after themselves, tensors as views, errors as
 * exceptions.
 *
 *   onnxc::Session session(onnxc::Model("model.so"));
 *   session.set("pixels", pixels, {1, 3, 224, 224});
 *   session.run();
 *   for (float score : session.output<float>("scores"))
 *     ...
 *
 * Nothing but a thin layer over onnxc/runtime.h, which says all else. Objects can be moved, and a moved-from one only
 * be destroyed or assigned to. A session keeps its model and its pool alive.
 *
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 */
#ifndef ONNXC_ONNXC_HPP
#define ONNXC_ONNXC_HPP

#include "onnxc/runtime.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <stdexcept>
#include <string>
#include <type_traits>

namespace onnxc {

/// What went wrong: a status and the runtime's text.
class Error : public std::runtime_error {
public:
  Error(onnxc_status status, const std::string &text) : std::runtime_error(text), code(status) {}
  onnxc_status status() const noexcept { return code; }

private:
  onnxc_status code;
};

/// Consecutive elements that belong to somebody else.
template <typename T> class Span {
public:
  constexpr Span() noexcept = default;
  constexpr Span(T *data, std::size_t size) noexcept : first(data), count(size) {}
  /// Of anything with data() and size(): std::vector, std::array, std::string, std::span.
  template <typename Container,
            typename = std::enable_if_t<std::is_convertible_v<
                std::remove_pointer_t<decltype(std::declval<Container &>().data())> (*)[], T (*)[]>>>
  constexpr Span(Container &&container) : first(container.data()), count(container.size()) {}
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Winit-list-lifetime" /* a parameter's value lives as long as the call */
#endif
  /// Of a list in braces, until the end of the statement.
  template <typename U = T, typename = std::enable_if_t<std::is_const_v<U>>>
  constexpr Span(std::initializer_list<std::remove_const_t<U>> list) noexcept
      : first(list.begin()), count(list.size()) {}
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif

  constexpr T *data() const noexcept { return first; }
  constexpr std::size_t size() const noexcept { return count; }
  constexpr T *begin() const noexcept { return first; }
  constexpr T *end() const noexcept { return first + count; }
  constexpr T &operator[](std::size_t i) const { return first[i]; }

private:
  T *first = nullptr;
  std::size_t count = 0;
};

/// A dense row-major tensor: its elements, and its sizes. Both last as long as whatever it is a view of.
template <typename T> class Tensor : public Span<T> {
public:
  Tensor(T *data, std::size_t size, Span<const int64_t> dims) : Span<T>(data, size), sizes(dims) {}
  Span<const int64_t> dims() const noexcept { return sizes; }

private:
  Span<const int64_t> sizes;
};

namespace detail {
inline void check(onnxc_status status, const onnxc_error &error) {
  if (status != ONNXC_OK)
    throw Error(status, error.text);
}

/// Whether elements of a model's type are values of T in memory: numbers as what they are, small floats as their bits.
template <typename T> bool holds(int32_t type) {
  using Element = std::remove_const_t<T>;
  switch (type) {
  case ONNXC_FLOAT:
    return std::is_same_v<Element, float>;
  case ONNXC_DOUBLE:
    return std::is_same_v<Element, double>;
  case ONNXC_BOOL:
    return std::is_same_v<Element, bool> || std::is_same_v<Element, uint8_t>;
  case ONNXC_STRING:
    return std::is_same_v<Element, const char *> || std::is_same_v<Element, char *>;
  case ONNXC_FLOAT16:
  case ONNXC_BFLOAT16:
    return sizeof(Element) == 2 && std::is_trivially_copyable_v<Element>; // std::float16_t of C++23, too
  case ONNXC_INT8:
  case ONNXC_INT16:
  case ONNXC_INT32:
  case ONNXC_INT64:
  case ONNXC_INT4:
  case ONNXC_INT2:
    return std::is_integral_v<Element> && std::is_signed_v<Element> && sizeof(Element) == onnxc_type_size(type);
  case ONNXC_COMPLEX64:
  case ONNXC_COMPLEX128:
    return std::is_trivially_copyable_v<Element> && sizeof(Element) == onnxc_type_size(type); // std::complex
  }
  return std::is_integral_v<Element> && std::is_unsigned_v<Element> && sizeof(Element) == onnxc_type_size(type);
}

template <typename T> void checkType(const onnxc_value_info &info, const char *what) {
  bool isTensor = !(info.type & (ONNXC_SEQUENCE | ONNXC_OPTIONAL | ONNXC_MAP));
  if (!isTensor || !holds<T>(info.type))
    throw Error(ONNXC_ERROR_TYPE, std::string(what) + " '" + info.name + "' is of type " + onnxc_type_name(info.type) +
                                      ", which the C++ type is not");
}
} // namespace detail

/// An input or output, by its number or its name.
class Which {
public:
  template <typename Index, typename = std::enable_if_t<std::is_integral_v<Index>>>
  Which(Index index) : index(uint64_t(index)) {}
  Which(const char *name) : name(name) {}
  Which(const std::string &name) : name(name.c_str()) {}

private:
  friend class Session;
  uint64_t index = 0;
  const char *name = nullptr;
};

/// Threads that sessions share. 0: as many as this process may use processors.
class Pool {
public:
  explicit Pool(int32_t threads = 0) : pool(onnxc_pool_create(threads), onnxc_pool_destroy) {
    if (!pool)
      throw Error(ONNXC_ERROR_MEMORY, "the threads can't be had");
  }
  Pool(Pool &&) noexcept = default;
  Pool &operator=(Pool &&) noexcept = default;
  int32_t threads() const { return pool->threads; }

private:
  friend class Session;
  std::shared_ptr<onnxc_pool> pool;
};

/// A compiled model, opened; any number of threads may use it.
class Model {
public:
  explicit Model(const std::string &path, const onnxc_options *options = nullptr) {
    onnxc_error error;
    onnxc_library *opened;
    detail::check(onnxc_open(path.c_str(), options, &opened, &error), error);
    library.reset(opened, onnxc_close);
  }
  /// Of a model that is linked into the program: Model(PREFIX_model()).
  explicit Model(const onnxc_model *linked, const onnxc_options *options = nullptr) {
    onnxc_error error;
    onnxc_library *opened;
    detail::check(onnxc_open_linked(linked, options, &opened, &error), error);
    library.reset(opened, onnxc_close);
  }
  Model(Model &&) noexcept = default;
  Model &operator=(Model &&) noexcept = default;

  /// The model's own description: names, types, symbols, metadata.
  const onnxc_model &description() const { return *onnxc_library_model(library.get()); }
  Span<const onnxc_value_info> inputs() const { return {description().inputs, std::size_t(description().input_count)}; }
  Span<const onnxc_value_info> outputs() const {
    return {description().outputs, std::size_t(description().output_count)};
  }
  /// "float32[batch,3,224,224]"; `dims` replace what is not fixed.
  std::string describe(const onnxc_value_info &value, Span<const int64_t> dims = {}) const {
    std::string text(std::size_t(onnxc_describe(&description(), &value, dims.data(), nullptr, 0)), '\0');
    onnxc_describe(&description(), &value, dims.data(), &text[0], text.size() + 1);
    return text;
  }

private:
  friend class Session;
  std::shared_ptr<onnxc_library> library;
};

/// One inference at a time. All functions but cancel() are for one thread at a time.
class Session {
public:
  explicit Session(const Model &model) : Session(model.library, nullptr) {}
  Session(const Model &model, const Pool &pool) : Session(model.library, pool.pool) {}
  Session(Session &&) noexcept = default;
  Session &operator=(Session &&) noexcept = default;

  /// Gives an input its elements, which are not copied, and its sizes.
  template <typename T> void set(Which which, Span<const T> elements, Span<const int64_t> dims) {
    uint64_t index = findInput(which);
    const onnxc_value_info &info = description().inputs[index];
    detail::checkType<T>(info, "input");
    uint64_t count = 1;
    for (int64_t dim : dims)
      if (dim < 0 || __builtin_mul_overflow(count, uint64_t(dim), &count))
        throw Error(ONNXC_ERROR_SHAPE, std::string("input '") + info.name + "': its sizes are negative or too big");
    if (count != elements.size())
      throw Error(ONNXC_ERROR_SHAPE, std::string("input '") + info.name + "' has " + std::to_string(elements.size()) +
                                         " elements, its sizes say " + std::to_string(count));
    onnxc_error error;
    detail::check(onnxc_set_input(session.get(), index, elements.data(), dims.data(), int32_t(dims.size()), &error),
                  error);
  }
  template <typename Container> void set(Which which, const Container &elements, Span<const int64_t> dims) {
    using Element = std::remove_const_t<std::remove_pointer_t<decltype(elements.data())>>;
    set<Element>(which, Span<const Element>(elements.data(), elements.size()), dims);
  }
  /// An input that isn't a tensor.
  void set(Which which, const onnxc_value &value) {
    onnxc_error error;
    detail::check(onnxc_set_input(session.get(), findInput(which), &value, nullptr, 0, &error), error);
  }

  /// Lets run() write an output to memory of the caller.
  template <typename T> void write(Which which, Span<T> memory) {
    onnxc_error error;
    uint64_t index = findOutput(which);
    detail::checkType<T>(description().outputs[index], "output");
    detail::check(onnxc_set_output(session.get(), index, memory.data(), memory.size() * sizeof(T), &error), error);
  }

  /// Computes the sizes of outputs and workspace, and gets memory for them; run() does it where it is due.
  void plan() {
    onnxc_error error;
    detail::check(onnxc_plan(session.get(), &error), error);
  }
  void run() {
    onnxc_error error;
    detail::check(onnxc_run(session.get(), &error), error);
  }

  /// An output after run(), until the next one.
  template <typename T> Tensor<const T> output(Which which) const {
    uint64_t index = findOutput(which);
    const onnxc_value_info &info = description().outputs[index];
    detail::checkType<T>(info, "output");
    onnxc_tensor tensor = onnxc_output(session.get(), index);
    std::size_t count = 1;
    for (int32_t d = 0; d < info.rank; ++d)
      count *= tensor.dims[d] < 0 ? 0 : std::size_t(tensor.dims[d]);
    return {static_cast<const T *>(tensor.data), tensor.data ? count : 0, {tensor.dims, std::size_t(info.rank)}};
  }
  /// One that isn't a tensor, or NULL.
  const onnxc_value *value(Which which) const {
    return static_cast<const onnxc_value *>(onnxc_output(session.get(), findOutput(which)).data);
  }

  uint64_t workspaceSize() const { return onnxc_workspace_size(session.get()); }
  void trim() { onnxc_session_trim(session.get()); }

  /// Ends the run that is under way, and later ones until resume(): from any thread. run() throws.
  void cancel() { onnxc_cancel(session.get(), 1); }
  void resume() { onnxc_cancel(session.get(), 0); }
  /// How long a run may take; 0: any time.
  void setTimeLimit(std::chrono::nanoseconds limit) { onnxc_set_time_limit(session.get(), int64_t(limit.count())); }
  /// Pixels of an image that the model may decode; 0: as many as onnxc_call says.
  void setPixelLimit(uint64_t pixels) { onnxc_set_pixel_limit(session.get(), pixels); }

private:
  struct Destroy {
    void operator()(onnxc_session *made) const { onnxc_session_destroy(made); }
  };

  Session(std::shared_ptr<onnxc_library> model, std::shared_ptr<onnxc_pool> threads)
      : library(std::move(model)), pool(std::move(threads)) {
    onnxc_error error;
    onnxc_session *made;
    detail::check(onnxc_session_create(library.get(), pool.get(), &made, &error), error);
    session.reset(made);
  }

  const onnxc_model &description() const { return *onnxc_library_model(library.get()); }
  uint64_t findInput(Which which) const {
    if (which.name)
      which.index = uint64_t(onnxc_find_input(&description(), which.name));
    return check(which.index, description().inputs, description().input_count, "input");
  }
  uint64_t findOutput(Which which) const {
    if (which.name)
      which.index = uint64_t(onnxc_find_output(&description(), which.name));
    return check(which.index, description().outputs, description().output_count, "output");
  }
  static uint64_t check(uint64_t index, const onnxc_value_info *infos, uint64_t count, const char *what) {
    if (index < count)
      return index;
    std::string names;
    for (uint64_t i = 0; i < count; ++i)
      names += (i ? ", " : "") + std::string(infos[i].name);
    throw Error(ONNXC_ERROR_ARGUMENT, std::string("no such ") + what + "; there are: " + names);
  }

  std::shared_ptr<onnxc_library> library; // destroyed after the session
  std::shared_ptr<onnxc_pool> pool;
  std::unique_ptr<onnxc_session, Destroy> session;
};

} // namespace onnxc
#endif
