/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 * The least a unit test needs: a condition that, when false, says so and fails the program at its end. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int failures;

#define EXPECT(condition)                                                                                              \
  do {                                                                                                                 \
    if (!(condition) && ++failures < 20)                                                                               \
      fprintf(stderr, "%s:%d: expected %s\n", __FILE__, __LINE__, #condition);                                         \
  } while (0)

#define EXPECT_TEXT(text, part)                                                                                        \
  do {                                                                                                                 \
    if (!strstr(text, part) && ++failures)                                                                             \
      fprintf(stderr, "%s:%d: expected \"%s\" in \"%s\"\n", __FILE__, __LINE__, part, text);                           \
  } while (0)
