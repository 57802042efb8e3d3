/*===- runtime/src/tensor.c --------------------------------------------------------===
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 * What is known of tensors by their types and dims alone: sizes, names, and whether a model accepts them.
 *===--------------------------------------------------------------------------------===*/
#include "internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const struct {
  const char *name;
  size_t size;
} types[] = {
    [ONNXC_FLOAT] = {"float32", 4},
    [ONNXC_UINT8] = {"uint8", 1},
    [ONNXC_INT8] = {"int8", 1},
    [ONNXC_UINT16] = {"uint16", 2},
    [ONNXC_INT16] = {"int16", 2},
    [ONNXC_INT32] = {"int32", 4},
    [ONNXC_INT64] = {"int64", 8},
    [ONNXC_STRING] = {"string", 8},
    [ONNXC_BOOL] = {"bool", 1},
    [ONNXC_FLOAT16] = {"float16", 2},
    [ONNXC_DOUBLE] = {"float64", 8},
    [ONNXC_UINT32] = {"uint32", 4},
    [ONNXC_UINT64] = {"uint64", 8},
    [ONNXC_COMPLEX64] = {"complex64", 8},
    [ONNXC_COMPLEX128] = {"complex128", 16},
    [ONNXC_BFLOAT16] = {"bfloat16", 2},
    [ONNXC_UINT4] = {"uint4", 1},
    [ONNXC_INT4] = {"int4", 1},
    [ONNXC_UINT2] = {"uint2", 1},
    [ONNXC_INT2] = {"int2", 1},
    [ONNXC_FLOAT8E4M3FN] = {"float8e4m3fn", 1},
    [ONNXC_FLOAT8E4M3FNUZ] = {"float8e4m3fnuz", 1},
    [ONNXC_FLOAT8E5M2] = {"float8e5m2", 1},
    [ONNXC_FLOAT8E5M2FNUZ] = {"float8e5m2fnuz", 1},
    [ONNXC_FLOAT8E8M0] = {"float8e8m0", 1},
    [ONNXC_FLOAT6E2M3] = {"float6e2m3", 1},
    [ONNXC_FLOAT6E3M2] = {"float6e3m2", 1},
    [ONNXC_FLOAT4E2M1] = {"float4e2m1", 1},
};

static int isType(int32_t type) {
  return type > 0 && (size_t)type < sizeof(types) / sizeof(types[0]) && types[type].name;
}

size_t onnxc_type_size(int32_t type) { return isType(type) ? types[type].size : 0; }

const char *onnxc_type_name(int32_t type) {
  if (!onnxc_is_tensor(type))
    return type & ONNXC_OPTIONAL ? "optional" : type & ONNXC_SEQUENCE ? "sequence" : "map";
  return isType(type) ? types[type].name : "unknown";
}

int onnxc_is_allocated(const onnxc_value_info *output) {
  int isAllocated = output->type == ONNXC_STRING || !onnxc_is_tensor(output->type);
  for (int32_t d = 0; d < output->rank; ++d)
    isAllocated |= output->dims[d] == ONNXC_DIM_RUN;
  return isAllocated;
}

int64_t onnxc_byte_size(int32_t type, int32_t rank, const int64_t *dims) {
  int64_t size = (int64_t)onnxc_type_size(type);
  int empty = 0; /* a zero makes any other dims harmless */
  for (int32_t i = 0; i < rank; ++i)
    empty |= dims[i] == 0;
  if (empty)
    return 0;
  for (int32_t i = 0; i < rank; ++i)
    if (dims[i] < 0 || __builtin_mul_overflow(size, dims[i], &size))
      return -1;
  return size;
}

/* "batch", or "symbol 3" for one without a name. */
static const char *symbolName(const onnxc_model *model, int64_t symbol, char *room, size_t size) {
  if ((uint64_t)symbol < model->symbol_count && model->symbols[symbol][0])
    return model->symbols[symbol];
  snprintf(room, size, "symbol %lld", (long long)symbol);
  return room;
}

/* Appends like snprintf, but at `length` of a text of `size`; returns the new length. */
#define APPEND(...)                                                                                                    \
  (length += snprintf(length < size ? text + length : NULL, length < size ? size - length : 0, __VA_ARGS__))

int onnxc_describe(const onnxc_model *model, const onnxc_value_info *value, const int64_t *dims, char *text,
                   size_t size) {
  size_t length = 0;
  char room[32];
  const char *element = onnxc_type_name(ONNXC_ELEMENT_TYPE(value->type));
  if (!onnxc_is_tensor(value->type)) { /* its tensors may be of any shape */
    APPEND("%s%s", value->type & ONNXC_OPTIONAL ? "optional " : "", value->type & ONNXC_SEQUENCE ? "sequence of " : "");
    if (value->type & ONNXC_MAP)
      APPEND("map %s -> %s", onnxc_type_name(onnxc_key_type(value->type)), element);
    else
      APPEND("%s[...]", element);
    return (int)length;
  }
  APPEND("%s[", element);
  for (int32_t i = 0; i < value->rank; ++i) {
    int64_t dim = dims ? dims[i] : value->dims[i];
    if (i)
      APPEND(",");
    if (dim >= 0)
      APPEND("%lld", (long long)dim);
    else if (dim == ONNXC_DIM_COMPUTED || value->dims[i] == ONNXC_DIM_RUN)
      APPEND("?");
    else
      APPEND("%s", symbolName(model, -1 - dim, room, sizeof(room)));
  }
  APPEND("]");
  return (int)length;
}

static int64_t find(uint64_t count, const onnxc_value_info *values, const char *name) {
  for (uint64_t i = 0; i < count; ++i)
    if (strcmp(values[i].name, name) == 0)
      return (int64_t)i;
  return -1;
}

int64_t onnxc_find_input(const onnxc_model *model, const char *name) {
  return find(model->input_count, model->inputs, name);
}

int64_t onnxc_find_output(const onnxc_model *model, const char *name) {
  return find(model->output_count, model->outputs, name);
}

int64_t onnxc_find_symbol(const onnxc_model *model, const char *name) {
  for (uint64_t i = 0; i < model->symbol_count; ++i)
    if (strcmp(model->symbols[i], name) == 0)
      return (int64_t)i;
  return -1;
}

/* The first dimension, in the order of inputs, that symbol `dim` stands for: it decides, and the later ones must agree.
 * Looking again for each instead of keeping a table costs nothing at these sizes and needs no memory. */
static int64_t decidingDim(const onnxc_model *model, const onnxc_call *call, int64_t dim, uint64_t *input,
                           int32_t *axis) {
  for (uint64_t i = 0;; ++i)
    for (int32_t d = 0; d < model->inputs[i].rank; ++d)
      if (model->inputs[i].dims[d] == dim) {
        *input = i;
        *axis = d;
        return call->inputs[i].dims[d];
      }
}

static onnxc_status checkInput(const onnxc_model *model, const onnxc_call *call, uint64_t i, onnxc_error *error) {
  const onnxc_value_info *info = &model->inputs[i];
  const int64_t *dims = call->inputs[i].dims;
  for (int32_t d = 0; d < info->rank; ++d) {
    int64_t want = info->dims[d], first;
    uint64_t firstInput;
    int32_t firstAxis;
    char room[32];
    if (dims[d] < 0)
      return onnxc_fail(error, ONNXC_ERROR_SHAPE, "input '%s': dimension %d is negative (%lld)", info->name, (int)d,
                        (long long)dims[d]);
    if (want >= 0 && dims[d] != want)
      return onnxc_fail(error, ONNXC_ERROR_SHAPE, "input '%s': dimension %d is %lld, the model was compiled for %lld",
                        info->name, (int)d, (long long)dims[d], (long long)want);
    if (want >= 0 || want == ONNXC_DIM_COMPUTED)
      continue;
    first = decidingDim(model, call, want, &firstInput, &firstAxis);
    if (dims[d] != first)
      return onnxc_fail(error, ONNXC_ERROR_SHAPE,
                        "input '%s': dimension %d ('%s') is %lld, but it is %lld in dimension %d of input '%s'",
                        info->name, (int)d, symbolName(model, -1 - want, room, sizeof(room)), (long long)dims[d],
                        (long long)first, (int)firstAxis, model->inputs[firstInput].name);
  }
  if (onnxc_is_tensor(info->type) && onnxc_byte_size(info->type, info->rank, dims) < 0)
    return onnxc_fail(error, ONNXC_ERROR_SHAPE, "input '%s' is too big: its size overflows 63 bits", info->name);
  return ONNXC_OK;
}

/* Dims that only run() knows are -1 until then. */
static int isPossibleOutput(const onnxc_value_info *info, const int64_t *dims) {
  if (!onnxc_is_allocated(info))
    return onnxc_byte_size(info->type, info->rank, dims) >= 0;
  for (int32_t d = 0; d < info->rank; ++d)
    if (dims[d] < 0 && info->dims[d] != ONNXC_DIM_RUN)
      return 0;
  return 1;
}

/* Whether there is room in the call for the number that a check does not like. */
static int tellsValue(const onnxc_call *call) {
  return call->struct_size >= offsetof(onnxc_call, error_most) + sizeof(call->error_most);
}

static void forgetError(onnxc_call *call) {
  call->error_site = -1;
  if (tellsValue(call))
    call->error_value = call->error_least = call->error_most = 0;
}

static int hasSite(const onnxc_model *model, const onnxc_call *call) {
  return call->error_site >= 0 && (uint64_t)call->error_site < model->error_site_count;
}

static onnxc_status failAtSite(const onnxc_model *model, const onnxc_call *call, onnxc_status status,
                               onnxc_error *error) {
  const char *site = model->error_sites[call->error_site];
  if (!tellsValue(call) || (call->error_least <= call->error_value && call->error_value <= call->error_most))
    return onnxc_fail(error, status, "%s", site);
  return onnxc_fail(error, status, "%s: %" PRId64 " is not in [%" PRId64 ", %" PRId64 "]", site, call->error_value,
                    call->error_least, call->error_most);
}

/* Whether the call has what every model needs. */
static onnxc_status checkCall(const onnxc_model *model, const onnxc_call *call, onnxc_error *error) {
  if (!model || !call)
    return onnxc_fail(error, ONNXC_ERROR_ARGUMENT, "no model or no call");
  size_t callSize = onnxc_has_release(model) ? offsetof(onnxc_call, ranks) : offsetof(onnxc_call, allocator);
  if (call->struct_size < callSize)
    return onnxc_fail(error, ONNXC_ERROR_ARGUMENT, "onnxc_call.struct_size is %u, expected %zu", call->struct_size,
                      callSize);
  if ((model->input_count && !call->inputs) || (model->output_count && !call->outputs))
    return onnxc_fail(error, ONNXC_ERROR_ARGUMENT, "onnxc_call has no %s",
                      model->input_count && !call->inputs ? "inputs" : "outputs");
  for (uint64_t i = 0; i < model->input_count; ++i)
    if (model->inputs[i].rank && !call->inputs[i].dims)
      return onnxc_fail(error, ONNXC_ERROR_ARGUMENT, "input '%s' has no dims", model->inputs[i].name);
  for (uint64_t i = 0; i < model->output_count; ++i)
    if (model->outputs[i].rank && !call->outputs[i].dims)
      return onnxc_fail(error, ONNXC_ERROR_ARGUMENT, "output '%s' has no room for dims", model->outputs[i].name);
  return ONNXC_OK;
}

static int hasNoData(const onnxc_value_info *info, const onnxc_tensor *tensor) {
  return !tensor->data && onnxc_byte_size(info->type, info->rank, tensor->dims) != 0;
}

onnxc_status onnxc_call_plan(const onnxc_model *model, onnxc_call *call, onnxc_error *error) {
  onnxc_status status = checkCall(model, call, error);
  for (uint64_t i = 0; status == ONNXC_OK && i < model->input_count; ++i)
    status = checkInput(model, call, i, error);
  if (status != ONNXC_OK)
    return status;
  for (uint64_t i = 0; i < model->plan_input_count; ++i) {
    uint64_t index = model->plan_inputs[i];
    const onnxc_value_info *info = &model->inputs[index];
    if (hasNoData(info, &call->inputs[index]))
      return onnxc_fail(error, ONNXC_ERROR_ARGUMENT, "input '%s' has no data, and sizes depend on it", info->name);
    status = onnxc_check_data(info, &call->inputs[index], error);
    if (status != ONNXC_OK)
      return status;
  }
  forgetError(call);
  status = (onnxc_status)model->plan(call);
  if (status == ONNXC_OK) {
    for (uint64_t i = 0; i < model->output_count; ++i)
      if (!isPossibleOutput(&model->outputs[i], call->outputs[i].dims))
        return onnxc_fail(error, ONNXC_ERROR_SHAPE,
                          "output '%s' would be too big, or of negative size, for these inputs",
                          model->outputs[i].name);
    return ONNXC_OK;
  }
  if (hasSite(model, call))
    return failAtSite(model, call, status, error);
  return onnxc_fail(error, status, "the model '%s' does not accept these input shapes", model->name);
}

onnxc_status onnxc_call_run(const onnxc_model *model, onnxc_call *call, onnxc_error *error) {
  onnxc_status status = checkCall(model, call, error);
  if (status != ONNXC_OK)
    return status;
  for (uint64_t i = 0; i < model->input_count; ++i) {
    status = onnxc_check_data(&model->inputs[i], &call->inputs[i], error);
    if (status != ONNXC_OK)
      return status;
  }
  for (uint64_t i = 0; i < model->output_count; ++i) {
    const onnxc_value_info *info = &model->outputs[i];
    if (!onnxc_is_allocated(info) && hasNoData(info, &call->outputs[i]))
      return onnxc_fail(error, ONNXC_ERROR_ARGUMENT, "output '%s' has no memory", info->name);
  }
  if (model->weights_size && !call->weights)
    return onnxc_fail(error, ONNXC_ERROR_ARGUMENT, "onnxc_call.weights is NULL");
  if (call->workspace_size && !call->workspace)
    return onnxc_fail(error, ONNXC_ERROR_ARGUMENT, "onnxc_call.workspace is NULL");
  if (onnxc_has_release(model)) {
    if (!ONNXC_HAS(onnxc_call, call, kept) || !call->allocator || !call->allocator->allocate ||
        !call->allocator->release)
      return onnxc_fail(error, ONNXC_ERROR_ARGUMENT, "the model '%s' needs onnxc_call.allocator", model->name);
    if (call->kept)
      return onnxc_fail(error, ONNXC_ERROR_ARGUMENT,
                        "the outputs of this call's last run must be released before it runs again");
  }
  forgetError(call);
  status = (onnxc_status)model->run(call);
  if (status == ONNXC_OK)
    return ONNXC_OK;
  if (hasSite(model, call))
    return failAtSite(model, call, status, error);
  if (status == ONNXC_ERROR_MEMORY)
    return onnxc_fail(error, status, "the model '%s' ran out of memory", model->name);
  if (status == ONNXC_ERROR_CANCELLED)
    return onnxc_fail(error, status, "the run of model '%s' was cancelled", model->name);
  if (status == ONNXC_ERROR_DEADLINE)
    return onnxc_fail(error, status, "the model '%s' has not been done by its deadline", model->name);
  return onnxc_fail(error, status, "the model '%s' failed with status %d", model->name, (int)status);
}
