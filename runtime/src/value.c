/*===- runtime/src/value.c ---------------------------------------------------------===
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 * Whether memory that a program calls a sequence, an optional, a map or strings is one: models follow its pointers.
 *===--------------------------------------------------------------------------------===*/
#include "internal.h"

#include <stdarg.h>
#include <stdio.h>

enum { MostDims = 64 }; /* of a tensor; no operator makes as many */

/* Which input is checked, and where its errors go. */
typedef struct Check {
  const onnxc_value_info *info;
  onnxc_error *error;
} Check;

#if defined(__GNUC__)
__attribute__((format(printf, 3, 4)))
#endif
static onnxc_status refuse(const Check *check, onnxc_status status, const char *format, ...) {
  char text[256];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof(text), format, arguments);
  va_end(arguments);
  return onnxc_fail(check->error, status, "input '%s': %s", check->info->name, text);
}

static const char *kindName(int32_t kind) {
  return kind == ONNXC_KIND_NONE       ? "nothing"
         : kind == ONNXC_KIND_TENSOR   ? "a tensor"
         : kind == ONNXC_KIND_SEQUENCE ? "a sequence"
         : kind == ONNXC_KIND_MAP      ? "a map"
                                       : "of an unknown kind";
}

static onnxc_status checkKind(const Check *check, const onnxc_value *value, int32_t kind, const char *where) {
  if (value->kind == kind)
    return ONNXC_OK;
  return refuse(check, ONNXC_ERROR_TYPE, "%s is %s, expected %s", where, kindName(value->kind), kindName(kind));
}

static onnxc_status checkType(const Check *check, int32_t type, int32_t want, const char *where) {
  if (type == want)
    return ONNXC_OK;
  return refuse(check, ONNXC_ERROR_TYPE, "%s is of %s, expected %s", where, onnxc_type_name(type),
                onnxc_type_name(want));
}

static onnxc_status checkData(const Check *check, int32_t type, int64_t bytes, const void *data, const char *where) {
  if (!data && bytes)
    return refuse(check, ONNXC_ERROR_ARGUMENT, "%s has no data", where);
  if (type == ONNXC_STRING)
    for (int64_t i = 0; i < bytes / (int64_t)sizeof(char *); ++i)
      if (!((const char *const *)data)[i])
        return refuse(check, ONNXC_ERROR_ARGUMENT, "%s: string %lld is NULL", where, (long long)i);
  return ONNXC_OK;
}

static onnxc_status checkTensor(const Check *check, const onnxc_value *value, int32_t type, const char *where) {
  onnxc_status status = checkKind(check, value, ONNXC_KIND_TENSOR, where);
  if (status == ONNXC_OK)
    status = checkType(check, value->type, type, where);
  if (status != ONNXC_OK)
    return status;
  if (value->count < 0 || value->count > MostDims)
    return refuse(check, ONNXC_ERROR_SHAPE, "%s has %lld dimensions", where, (long long)value->count);
  if (value->count && !value->dims)
    return refuse(check, ONNXC_ERROR_ARGUMENT, "%s has no dims", where);
  for (int64_t d = 0; d < value->count; ++d)
    if (value->dims[d] < 0)
      return refuse(check, ONNXC_ERROR_SHAPE, "%s: dimension %lld is negative (%lld)", where, (long long)d,
                    (long long)value->dims[d]);
  int64_t bytes = onnxc_byte_size(type, (int32_t)value->count, value->dims);
  if (bytes < 0)
    return refuse(check, ONNXC_ERROR_SHAPE, "%s is too big: its size overflows 63 bits", where);
  return checkData(check, type, bytes, value->data, where);
}

static onnxc_status checkItems(const Check *check, const onnxc_value *value, const char *where) {
  if (value->count < 0)
    return refuse(check, ONNXC_ERROR_SHAPE, "%s has %lld items", where, (long long)value->count);
  if (value->count && !value->items)
    return refuse(check, ONNXC_ERROR_ARGUMENT, "%s has no items", where);
  return ONNXC_OK;
}

static onnxc_status checkMap(const Check *check, const onnxc_value *value, const char *where) {
  int32_t type = check->info->type;
  char inside[64];
  onnxc_status status = checkKind(check, value, ONNXC_KIND_MAP, where);
  if (status == ONNXC_OK && value->count != 2)
    return refuse(check, ONNXC_ERROR_SHAPE, "%s has %lld items, expected 2: keys and values", where,
                  (long long)value->count);
  if (status == ONNXC_OK)
    status = checkItems(check, value, where);
  for (int i = 0; i < 2 && status == ONNXC_OK; ++i) {
    snprintf(inside, sizeof(inside), "%s of %s", i ? "the tensor of values" : "the tensor of keys", where);
    status = checkTensor(check, &value->items[i], i ? ONNXC_ELEMENT_TYPE(type) : onnxc_key_type(type), inside);
    if (status == ONNXC_OK && value->items[i].count != 1)
      return refuse(check, ONNXC_ERROR_SHAPE, "%s has %lld dimensions, expected 1", inside,
                    (long long)value->items[i].count);
  }
  if (status == ONNXC_OK && value->items[0].dims[0] != value->items[1].dims[0])
    return refuse(check, ONNXC_ERROR_SHAPE, "%s has %lld keys and %lld values", where,
                  (long long)value->items[0].dims[0], (long long)value->items[1].dims[0]);
  return status;
}

/* A tensor, or a map: what a sequence is made of. */
static onnxc_status checkItem(const Check *check, const onnxc_value *value, const char *where) {
  return check->info->type & ONNXC_MAP ? checkMap(check, value, where)
                                       : checkTensor(check, value, ONNXC_ELEMENT_TYPE(check->info->type), where);
}

static onnxc_status checkSequence(const Check *check, const onnxc_value *value) {
  onnxc_status status = checkKind(check, value, ONNXC_KIND_SEQUENCE, "the value");
  if (status == ONNXC_OK && !(check->info->type & ONNXC_MAP))
    status = checkType(check, value->type, ONNXC_ELEMENT_TYPE(check->info->type), "the sequence");
  if (status == ONNXC_OK)
    status = checkItems(check, value, "the sequence");
  for (int64_t i = 0; status == ONNXC_OK && i < value->count; ++i) {
    char where[32];
    snprintf(where, sizeof(where), "item %lld", (long long)i);
    status = checkItem(check, &value->items[i], where);
  }
  return status;
}

/* The depth is that of the type, whatever `items` point to: a sequence, in it maps, in them tensors. */
onnxc_status onnxc_check_data(const onnxc_value_info *info, const onnxc_tensor *input, onnxc_error *error) {
  Check check = {info, error};
  const onnxc_value *value = input->data;
  if (onnxc_is_tensor(info->type)) {
    int64_t bytes = onnxc_byte_size(info->type, info->rank, input->dims);
    if (!input->data && bytes) /* by far the most frequent mistake: without "input 'x': the tensor" */
      return onnxc_fail(error, ONNXC_ERROR_ARGUMENT, "input '%s' has no data", info->name);
    return checkData(&check, info->type, bytes, input->data, "the tensor");
  }
  if (!value)
    return onnxc_fail(error, ONNXC_ERROR_ARGUMENT, "input '%s' has no data", info->name);
  if (info->type & ONNXC_OPTIONAL && value->kind == ONNXC_KIND_NONE)
    return ONNXC_OK;
  return info->type & ONNXC_SEQUENCE ? checkSequence(&check, value) : checkItem(&check, value, "the value");
}
