// RUN: %cc %support -c %source/runtime/support/support.c -o %t.o
// RUN: %cc %strict -fno-builtin %s %t.o -lm -o %t && %t
// RUN: %if qemu-aarch64 %{ %cc -target aarch64-linux-gnu %support -c %source/runtime/support/support.c -o %t.a64.o %}
// RUN: %if qemu-aarch64 %{ %cc -target aarch64-linux-gnu %strict -fno-builtin -c %s -o %t.main.o %}
// RUN: %if qemu-aarch64 %{ aarch64-linux-gnu-gcc -static %t.main.o %t.a64.o -lm -o %t.a64 && qemu-aarch64 %t.a64 %}
//
// The functions that LLVM calls behind the back of generated code, against the C library's and the compiler's own.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Inputs/expect.h"

#include <float.h>
#include <math.h>
#include <stdint.h>

typedef unsigned __int128 U128;

void *our_memcpy(void *, const void *, size_t);
void *our_memmove(void *, const void *, size_t);
void *our_memset(void *, int, size_t);
int our_memcmp(const void *, const void *, size_t);
_Float16 our___truncdfhf2(double);
_Float16 our___truncsfhf2(float);
__bf16 our___truncdfbf2(double);
__bf16 our___truncsfbf2(float);
float our___extendhfsf2(_Float16);
double our___powidf2(double, int), our_ldexp(double, int), our_fma(double, double, double), our_fmod(double, double);
float our___powisf2(float, int), our_ldexpf(float, int), our_fmaf(float, float, float), our_fmodf(float, float);
U128 our___udivti3(U128, U128), our___umodti3(U128, U128);
__int128 our___divti3(__int128, __int128), our___modti3(__int128, __int128);
#define UNARY(X) X(floor) X(ceil) X(trunc) X(round) X(rint) X(nearbyint)
#define DECLARE(name)                                                                                                  \
  double our_##name(double);                                                                                           \
  float our_##name##f(float);
UNARY(DECLARE)
DECLARE(roundeven)
double our_fmin(double, double), our_fmax(double, double);
float our_fminf(float, float), our_fmaxf(float, float);

static uint64_t state = 1;
static uint64_t bits(void) {
  uint64_t z = state += 0x9E3779B97F4A7C15u;
  z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
  z = (z ^ z >> 27) * 0x94D049BB133111EBu;
  return z ^ z >> 31;
}

/* Any bit pattern; or near one, or near the smallest, or a multiple of a half; now and then an edge. */
static double anyDouble(void) {
  static const double edges[] = {0.0, 0.5,    1,         1.5,     2.5,     INFINITY,  NAN,
                                 -0., 5e-324, 0x1p-1022, DBL_MAX, 0x1p52,  0x1p23,    -0.5,
                                 -1., 65504,  65520,     0x1p-24, 0x1p-25, -INFINITY, FLT_MAX};
  uint64_t x = bits();
  double value;
  switch (bits() % 6) {
  case 0:
    return edges[x % (sizeof(edges) / sizeof(edges[0]))];
  case 1:
    x = x >> 12 | (x & 7) << 60 >> 2 | UINT64_C(1018) << 52;
    break;
  case 2:
    x &= UINT64_C(0x803fffffffffffff);
    break;
  case 3:
    return (double)(int64_t)(x >> 40) / 2 - 4e6;
  case 4:
    x &= x << 7 & x << 20;
  }
  memcpy(&value, &x, 8);
  return value;
}

static float anyFloat(void) {
  uint32_t x = (uint32_t)bits();
  float value;
  if (bits() % 2)
    return (float)anyDouble();
  memcpy(&value, &x, 4);
  return value;
}

static int sameDouble(double a, double b) { return (isnan(a) && isnan(b)) || memcmp(&a, &b, 8) == 0; }
static int sameFloat(float a, float b) { return (isnan(a) && isnan(b)) || memcmp(&a, &b, 4) == 0; }
static uint16_t half(_Float16 x) {
  uint16_t r;
  memcpy(&r, &x, 2);
  return r;
}
static uint16_t bfloat(__bf16 x) {
  uint16_t r;
  memcpy(&r, &x, 2);
  return r;
}

static void memory(void) {
  enum { Size = 700 };
  static unsigned char a[Size], b[Size], want[Size];
  for (size_t n = 0; n < 400; n += n < 160 ? 1 : 13)
    for (size_t from = 0; from < 70; from += 3)
      for (size_t to = 0; to < 200; to += 7) {
        for (int i = 0; i < Size; ++i)
          a[i] = want[i] = (unsigned char)bits(), b[i] = (unsigned char)i;
        EXPECT(our_memmove(a + to, a + from, n) == a + to);
        memmove(want + to, want + from, n);
        EXPECT(memcmp(a, want, Size) == 0);
        memcpy(want, b, Size);
        EXPECT(our_memcpy(b + to, a + from, n) == b + to);
        memcpy(want + to, a + from, n);
        EXPECT(memcmp(b, want, Size) == 0);
        EXPECT(our_memset(b + to, (int)n * 5 + 1, n) == b + to);
        memset(want + to, (int)n * 5 + 1, n);
        EXPECT(memcmp(b, want, Size) == 0);
        memcpy(a, b, Size);
        EXPECT(our_memcmp(a, b, n) == 0);
        if (n) {
          a[from % n] ^= 1 + (unsigned char)(bits() % 255);
          int order = memcmp(a, b, n), ours = our_memcmp(a, b, n);
          EXPECT((order > 0) == (ours > 0) && (order < 0) == (ours < 0));
        }
      }
}

/* The definition, slowly: of the two neighbours of `x` the nearer one, or the even one. `value` decodes the format. */
static int nearest(double x, uint16_t got, double (*value)(uint16_t), uint16_t infinity) {
  uint16_t sign = got & 0x8000, magnitude = got & 0x7fff;
  if (isnan(x))
    return magnitude > infinity;
  if (!!signbit(x) != !!sign)
    return 0;
  x = fabs(x);
  /* Rounding sees the format as if its exponents went on: infinity stands where the next power of two would be. */
  double at = value(magnitude), below = magnitude ? value(magnitude - 1) : -INFINITY;
  double above = magnitude < infinity ? value(magnitude + 1) : INFINITY;
  if (isinf(x))
    return magnitude == infinity;
  double lower = (at + below) / 2, upper = (at + above) / 2; /* exact: few bits */
  return magnitude <= infinity && (x > lower || (x == lower && !(magnitude & 1))) &&
         (x < upper || (x == upper && !(magnitude & 1)));
}
static double halfValue(uint16_t m) { return m >= 0x400 ? ldexp(1024 + (m & 0x3ff), (m >> 10) - 25) : ldexp(m, -24); }
static double bfloatValue(uint16_t m) { return m >= 0x80 ? ldexp(128 + (m & 0x7f), (m >> 7) - 134) : ldexp(m, -133); }

static void narrow(void) {
  for (int i = 0; i < 300000; ++i) {
    double d = i % 3 ? anyDouble() : ldexp((double)(bits() >> 11), (int)(bits() % 60) - 90);
    float f = i % 3 ? anyFloat() : (float)d;
    EXPECT(nearest(d, half(our___truncdfhf2(d)), halfValue, 0x7c00));
    EXPECT(nearest(f, half(our___truncsfhf2(f)), halfValue, 0x7c00));
    EXPECT(nearest(d, bfloat(our___truncdfbf2(d)), bfloatValue, 0x7f80));
    EXPECT(nearest(f, bfloat(our___truncsfbf2(f)), bfloatValue, 0x7f80));
  }
  for (unsigned i = 0; i < 0x10000; ++i) {
    uint16_t pattern = (uint16_t)i, magnitude = pattern & 0x7fff;
    _Float16 h;
    memcpy(&h, &pattern, 2);
    float wide = our___extendhfsf2(h);
    if (magnitude > 0x7c00)
      EXPECT(isnan(wide) && half(our___truncsfhf2(wide)) == (pattern | 0x200));
    else
      EXPECT(wide == (pattern >> 15 ? -1 : 1) * (magnitude == 0x7c00 ? INFINITY : halfValue(magnitude)) &&
             half(our___truncsfhf2(wide)) == pattern);
  }
}

static void arithmetic(void) {
  for (int i = 0; i < 1000000; ++i) {
    double x = anyDouble(), y = anyDouble(), z = bits() % 4 ? anyDouble() : -x * y;
    float fx = anyFloat(), fy = anyFloat(), fz = bits() % 4 ? anyFloat() : -fx * fy;
#define CHECK(name)                                                                                                    \
  EXPECT(sameDouble(our_##name(x), name(x)));                                                                          \
  EXPECT(sameFloat(our_##name##f(fx), name##f(fx)));
    UNARY(CHECK)
    EXPECT(sameDouble(our_roundeven(x), nearbyint(x)));
    EXPECT(sameFloat(our_roundevenf(fx), nearbyintf(fx)));
    EXPECT(sameDouble(our_fma(x, y, z), fma(x, y, z)));
    EXPECT(sameFloat(our_fmaf(fx, fy, fz), fmaf(fx, fy, fz)));
    double product = ldexp(x, (int)(bits() % 2200) - 1100);
    EXPECT(sameDouble(our_fma(x, y, product), fma(x, y, product)));
    if (!isnan(x) && !isnan(y))
      EXPECT(our_fmin(x, y) == fmin(x, y) && our_fmax(x, y) == fmax(x, y));
    if (!isnan(fx) && !isnan(fy))
      EXPECT(our_fminf(fx, fy) == fminf(fx, fy) && our_fmaxf(fx, fy) == fmaxf(fx, fy));
    int n = (int)(bits() % 5000) - 2500;
    EXPECT(sameDouble(our_ldexp(x, n), ldexp(x, n)));
    EXPECT(sameFloat(our_ldexpf(fx, n), ldexpf(fx, n)));
    if (i % 10 == 0) {
      EXPECT(sameDouble(our_fmod(x, y), fmod(x, y)));
      EXPECT(sameFloat(our_fmodf(fx, fy), fmodf(fx, fy)));
    }
  }
  EXPECT(our_fmin(NAN, 1) == 1 && our_fmax(1, NAN) == 1 && isnan(our_fminf(NAN, NAN)));
  EXPECT(our___powidf2(2, -3) == 0.125 && our___powidf2(3, 4) == 81 && our___powisf2(-2, 5) == -32);
  EXPECT(our___powisf2(1, INT32_MIN) == 1 && our___powisf2(5, 0) == 1);
}

static void division(void) {
  for (int i = 0; i < 100000; ++i) {
    U128 a = (U128)bits() << 64 | bits(), b = (U128)bits() << 64 | bits();
    a >>= bits() % 128;
    b >>= bits() % 128;
    b += !b;
    __int128 sa = (__int128)a, sb = (__int128)b;
    EXPECT(our___udivti3(a, b) == a / b && our___umodti3(a, b) == a % b);
    EXPECT(our___divti3(sa, sb) == sa / sb && our___modti3(sa, sb) == sa % sb);
    EXPECT(our___divti3(-sa, sb) == -sa / sb && our___modti3(-sa, sb) == -sa % sb);
  }
}

int main(void) {
  memory();
  narrow();
  arithmetic();
  division();
  return failures != 0;
}
