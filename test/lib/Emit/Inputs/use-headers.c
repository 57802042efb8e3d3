/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 * Compiled as C and as C++: the four headers in one program. Only the demo is linked; the others are just looked at.
 */
#include "demo.h"
#include "fixed.h"
#include "hostile.h"
#include "values.h"

#include <string.h>

int main(void) {
  float x[12] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}, y[12], picked[DEMO_PICKED_SIZE], workspace[12];
  int64_t row = -1;
  const char *error = NULL;
  uint64_t size;
  demo_dims dims;
  if (sizeof(workspace) != demo_workspace_size(3, NULL))
    return 1;
  if (demo_plan(7, NULL, &dims, &size) != ONNXC_OK || dims.y[0] != 7 || dims.y[1] != 4 || size != 112)
    return 2;
  if (demo_workspace_size(-1, NULL) != UINT64_MAX)
    return 7;
  if (demo_run(3, x, &row, y, picked, workspace, sizeof(workspace), NULL, &error) != ONNXC_OK || error)
    return 3;
  if (y[5] != 10.5f || picked[3] != y[11])
    return 4;
  if (demo_run(3, x, &row, y, picked, workspace, 8, NULL, &error) != ONNXC_ERROR_ARGUMENT ||
      !strstr(error, "workspace"))
    return 5;
  row = 3;
  if (demo_run(3, x, &row, y, picked, workspace, sizeof(workspace), NULL, &error) != ONNXC_ERROR_RUN)
    return 6;
  return strcmp(error, "node 'pick' (Gather): index out of range") != 0;
}
