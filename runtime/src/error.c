/*===- runtime/src/error.c ---------------------------------------------------------===
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 * Error texts are written into the caller's memory, so that there is none to free and no global state.
 *===--------------------------------------------------------------------------------===*/
#include "internal.h"

#include <stdarg.h>
#include <stdio.h>

onnxc_status onnxc_fail(onnxc_error *error, onnxc_status status, const char *format, ...) {
  if (error) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error->text, sizeof(error->text), format, arguments);
    va_end(arguments);
  }
  return status;
}
