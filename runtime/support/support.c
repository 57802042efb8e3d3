/*===- runtime/support/support.c ---------------------------------------------------===
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 * The functions that LLVM may call behind the back of generated code, so that a compiled model needs no C library.
 *===--------------------------------------------------------------------------------===
 *
 * The list was found by compiling every floating point, conversion and division instruction for every target; what is
 * not here (128-bit integers to floating point) would be an undefined symbol when the model is linked.
 *
 * Compiled as bitcode for each target (-O2 -ffreestanding -fno-builtin -ffp-contract=off) and embedded into onnxc,
 * which gives the functions local names in the model. -fno-builtin keeps LLVM from turning the loop of memcpy into a
 * call of memcpy. No function here may use another one's instruction: floorf must not be compiled to a call of floorf.
 */
#include <stddef.h>
#include <stdint.h>

#ifndef SUPPORT
#define SUPPORT(name) name /* tests put a prefix here, beside the C library's own */
#endif
#define HIDDEN __attribute__((visibility("hidden")))

/*===- Memory -----------------------------------------------------------------------===*/

/* Unaligned accesses that may alias everything. The wide one is split into what the target has. */
typedef uint16_t __attribute__((aligned(1), may_alias)) U16;
typedef uint32_t __attribute__((aligned(1), may_alias)) U32;
typedef uint64_t __attribute__((aligned(1), may_alias)) U64;
typedef unsigned char __attribute__((vector_size(16), aligned(1), may_alias)) V16;
typedef unsigned char __attribute__((vector_size(32), aligned(1), may_alias)) V32;

#define AT(type, pointer, offset) (*(type *)((char *)(pointer) + (offset)))
#define FROM(type, pointer, offset) (*(const type *)((const char *)(pointer) + (offset)))

/* Up to 64 bytes: all loads come before the first store, so source and destination may overlap. Two accesses of one
 * size, from the front and from the back, cover every length between that size and its double. */
static inline void copySmall(void *to, const void *from, size_t n) {
  if (n >= 32) {
    V32 a = FROM(V32, from, 0), b = FROM(V32, from, n - 32);
    AT(V32, to, 0) = a, AT(V32, to, n - 32) = b;
  } else if (n >= 16) {
    V16 a = FROM(V16, from, 0), b = FROM(V16, from, n - 16);
    AT(V16, to, 0) = a, AT(V16, to, n - 16) = b;
  } else if (n >= 8) {
    uint64_t a = FROM(U64, from, 0), b = FROM(U64, from, n - 8);
    AT(U64, to, 0) = a, AT(U64, to, n - 8) = b;
  } else if (n >= 4) {
    uint32_t a = FROM(U32, from, 0), b = FROM(U32, from, n - 4);
    AT(U32, to, 0) = a, AT(U32, to, n - 4) = b;
  } else if (n >= 2) {
    uint16_t a = FROM(U16, from, 0), b = FROM(U16, from, n - 2);
    AT(U16, to, 0) = a, AT(U16, to, n - 2) = b;
  } else if (n) {
    AT(char, to, 0) = FROM(char, from, 0);
  }
}

/* More than 64 bytes, front to back; right when `to` is below `from`, or they don't overlap. The last 64 bytes are
 * loaded first, and stored last. */
static inline void copyForward(void *to, const void *from, size_t n) {
  V32 y = FROM(V32, from, n - 64), z = FROM(V32, from, n - 32);
  size_t i = 0;
  for (; i + 128 < n; i += 128) {
    V32 a = FROM(V32, from, i), b = FROM(V32, from, i + 32), c = FROM(V32, from, i + 64), d = FROM(V32, from, i + 96);
    AT(V32, to, i) = a, AT(V32, to, i + 32) = b, AT(V32, to, i + 64) = c, AT(V32, to, i + 96) = d;
  }
  if (i + 64 < n) {
    V32 a = FROM(V32, from, i), b = FROM(V32, from, i + 32);
    AT(V32, to, i) = a, AT(V32, to, i + 32) = b;
  }
  AT(V32, to, n - 64) = y, AT(V32, to, n - 32) = z;
}

/* The mirror image. */
static inline void copyBackward(void *to, const void *from, size_t n) {
  V32 y = FROM(V32, from, 0), z = FROM(V32, from, 32);
  size_t i = n;
  for (; i > 128; i -= 128) {
    V32 a = FROM(V32, from, i - 32), b = FROM(V32, from, i - 64), c = FROM(V32, from, i - 96),
        d = FROM(V32, from, i - 128);
    AT(V32, to, i - 32) = a, AT(V32, to, i - 64) = b, AT(V32, to, i - 96) = c, AT(V32, to, i - 128) = d;
  }
  if (i > 64) {
    V32 a = FROM(V32, from, i - 32), b = FROM(V32, from, i - 64);
    AT(V32, to, i - 32) = a, AT(V32, to, i - 64) = b;
  }
  AT(V32, to, 0) = y, AT(V32, to, 32) = z;
}

HIDDEN void *SUPPORT(memcpy)(void *restrict to, const void *restrict from, size_t n) {
  if (n <= 64)
    copySmall(to, from, n);
  else
    copyForward(to, from, n);
  return to;
}

HIDDEN void *SUPPORT(memmove)(void *to, const void *from, size_t n) {
  if (n <= 64)
    copySmall(to, from, n);
  else if ((uintptr_t)to - (uintptr_t)from >= n) /* wraps around when `to` is below */
    copyForward(to, from, n);
  else
    copyBackward(to, from, n);
  return to;
}

HIDDEN void *SUPPORT(memset)(void *to, int byte, size_t n) {
  uint64_t word = (unsigned char)byte * UINT64_C(0x0101010101010101);
  V32 wide = (V32){} + (unsigned char)byte;
  if (n >= 32) {
    for (size_t i = 0; i + 32 < n; i += 32)
      AT(V32, to, i) = wide;
    AT(V32, to, n - 32) = wide;
  } else if (n >= 8) {
    for (size_t i = 0; i + 8 < n; i += 8)
      AT(U64, to, i) = word;
    AT(U64, to, n - 8) = word;
  } else {
    for (size_t i = 0; i < n; ++i)
      AT(char, to, i) = (char)byte;
  }
  return to;
}

HIDDEN int SUPPORT(memcmp)(const void *a, const void *b, size_t n) {
  size_t i = 0;
  while (i + 8 <= n && FROM(U64, a, i) == FROM(U64, b, i))
    i += 8;
  for (; i < n; ++i)
    if (FROM(unsigned char, a, i) != FROM(unsigned char, b, i))
      return FROM(unsigned char, a, i) < FROM(unsigned char, b, i) ? -1 : 1;
  return 0;
}

HIDDEN int SUPPORT(bcmp)(const void *a, const void *b, size_t n) { return SUPPORT(memcmp)(a, b, n); }

/*===- Bits of floating point numbers -----------------------------------------------===*/

#define BITCAST(To, name, From)                                                                                        \
  static inline To name(From value) {                                                                                  \
    union {                                                                                                            \
      From from;                                                                                                       \
      To to;                                                                                                           \
    } u = {value};                                                                                                     \
    return u.to;                                                                                                       \
  }
BITCAST(uint32_t, floatBits, float)
BITCAST(float, bitsFloat, uint32_t)
BITCAST(uint64_t, doubleBits, double)
BITCAST(double, bitsDouble, uint64_t)

/* value >> shift, rounded to nearest, ties to even. 0 < shift < 64. */
static inline uint64_t roundedShift(uint64_t value, int shift) {
  uint64_t half = UINT64_C(1) << (shift - 1), kept = value >> shift, rest = value & (2 * half - 1);
  return kept + (rest > half || (rest == half && (kept & 1)));
}

/* A double as the bits of a format of 16 bits with `mantissa` stored bits of mantissa, rounded once. */
static inline uint16_t narrow(double value, int mantissa, int bias) {
  uint64_t bits = doubleBits(value), magnitude = bits << 1 >> 1;
  uint16_t sign = (uint16_t)(bits >> 48 & 0x8000);
  uint16_t infinity = (uint16_t)(0x7fff >> mantissa << mantissa);
  if (magnitude > UINT64_C(0x7ff0000000000000)) /* NaN: quiet, with as much of its payload as fits */
    return sign | infinity | (uint16_t)(1 << (mantissa - 1)) |
           (uint16_t)((magnitude >> (52 - mantissa)) & ((1u << mantissa) - 1));
  int exponent = (int)(magnitude >> 52) - 1023 + bias; /* as stored in the result, if it is normal */
  uint64_t significand = (magnitude & UINT64_C(0xfffffffffffff)) | UINT64_C(0x10000000000000);
  if (exponent <= 0) { /* subnormal: fewer bits are kept; beyond 12 more, nothing is */
    int shift = 52 - mantissa + 1 - exponent;
    return shift > 63 ? sign : sign | (uint16_t)roundedShift(significand, shift);
  }
  if (exponent > 2 * bias)
    return sign | infinity;
  /* The implicit bit adds one to the exponent, and so does a mantissa that rounds up to a power of two. */
  uint64_t rounded = roundedShift(significand, 52 - mantissa) + ((uint64_t)(exponent - 1) << mantissa);
  return sign | (uint16_t)(rounded > infinity ? infinity : rounded);
}

BITCAST(_Float16, bitsHalf, uint16_t)
BITCAST(uint16_t, halfBits, _Float16)
BITCAST(__bf16, bitsBfloat, uint16_t)

HIDDEN _Float16 SUPPORT(__truncdfhf2)(double x) { return bitsHalf(narrow(x, 10, 15)); }
HIDDEN _Float16 SUPPORT(__truncsfhf2)(float x) { return bitsHalf(narrow(x, 10, 15)); }
HIDDEN __bf16 SUPPORT(__truncdfbf2)(double x) { return bitsBfloat(narrow(x, 7, 127)); }

HIDDEN __bf16 SUPPORT(__truncsfbf2)(float x) {
  uint32_t bits = floatBits(x);
  if (bits << 1 > 0xff000000u)
    return bitsBfloat((uint16_t)(bits >> 16 | 0x40));
  return bitsBfloat((uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16));
}

HIDDEN float SUPPORT(__extendhfsf2)(_Float16 x) {
  uint32_t bits = halfBits(x), sign = bits << 16 & 0x80000000u, magnitude = bits & 0x7fff;
  if (magnitude >= 0x7c00)
    return bitsFloat(sign | 0x7f800000u | (magnitude & 0x3ff) << 13 | (magnitude > 0x7c00 ? 0x400000u : 0));
  if (magnitude < 0x400)
    return bitsFloat(sign | floatBits((float)(int)magnitude * 0x1p-24f));
  return bitsFloat(sign | ((magnitude << 13) + (112u << 23)));
}

/*===- Rounding to integers ---------------------------------------------------------===*/

/* `Whole`: from here on every number is an integer. Truncation by conversion keeps the sign of zero with copysign. */
#define ROUNDING(Real, Integer, Whole, s)                                                                              \
  HIDDEN Real SUPPORT(trunc##s)(Real x) {                                                                              \
    return __builtin_fabs##s(x) < Whole ? __builtin_copysign##s((Real)(Integer)x, x) : x;                              \
  }                                                                                                                    \
  HIDDEN Real SUPPORT(floor##s)(Real x) {                                                                              \
    Real t = SUPPORT(trunc##s)(x);                                                                                     \
    return t > x ? t - 1 : t;                                                                                          \
  }                                                                                                                    \
  HIDDEN Real SUPPORT(ceil##s)(Real x) {                                                                               \
    Real t = SUPPORT(trunc##s)(x);                                                                                     \
    return t < x ? __builtin_copysign##s(t + 1, x) : t; /* ceil(-0.5) is -0 */                                         \
  }                                                                                                                    \
  HIDDEN Real SUPPORT(round##s)(Real x) {                                                                              \
    Real t = SUPPORT(trunc##s)(x);                                                                                     \
    return __builtin_fabs##s(x - t) >= (Real)0.5 ? t + __builtin_copysign##s((Real)1, x) : t;                          \
  }                                                                                                                    \
  HIDDEN Real SUPPORT(roundeven##s)(Real x) { /* the sum has no bits left for a fraction: the adder rounds */          \
    Real a = __builtin_fabs##s(x);                                                                                     \
    return a < Whole ? __builtin_copysign##s(a + Whole - Whole, x) : x;                                                \
  }                                                                                                                    \
  HIDDEN Real SUPPORT(rint##s)(Real x) { return SUPPORT(roundeven##s)(x); }                                            \
  HIDDEN Real SUPPORT(nearbyint##s)(Real x) { return SUPPORT(roundeven##s)(x); }

ROUNDING(float, int32_t, 0x1p23f, f)
ROUNDING(double, int64_t, 0x1p52, )

/*===- Minimum and maximum: a NaN loses ----------------------------------------------===*/

#define MINMAX(Real, s)                                                                                                \
  HIDDEN Real SUPPORT(fmin##s)(Real x, Real y) { return y < x || x != x ? y : x; }                                     \
  HIDDEN Real SUPPORT(fmax##s)(Real x, Real y) { return y > x || x != x ? y : x; }

MINMAX(float, f)
MINMAX(double, )

/*===- Remainder, powers, scaling ---------------------------------------------------===*/

/* The significands' remainder, one shift at a time: as many bits of the exponents' difference as 64 bits have room for.
 */
HIDDEN double SUPPORT(fmod)(double x, double y) {
  const uint64_t infinity = UINT64_C(0x7ff0000000000000), implicit = UINT64_C(1) << 52;
  uint64_t bits = doubleBits(x), a = bits << 1 >> 1, b = doubleBits(y) << 1 >> 1;
  if (a >= infinity || b > infinity || b == 0)
    return (x * y) / (x * y); /* NaN */
  if (a < b)
    return x;
  int ea = (int)(a >> 52), eb = (int)(b >> 52);
  a = ea ? (a & (implicit - 1)) | implicit : a;
  b = eb ? (b & (implicit - 1)) | implicit : b;
  ea += !ea; /* a subnormal has the exponent of the smallest normal number */
  eb += !eb;
  int room = __builtin_clzll(b);
  a %= b;
  for (int left = ea - eb; left > 0 && a; left -= room)
    a = (a << (left < room ? left : room)) % b;
  if (!a)
    return bitsDouble(bits >> 63 << 63);
  int shift = __builtin_clzll(a) - 11;
  if (shift > eb - 1)
    shift = eb - 1;
  return bitsDouble((bits >> 63 << 63) | (((uint64_t)(eb - shift - 1) << 52) + (a << shift)));
}

/* Exact: the remainder of two floats is a float. */
HIDDEN float SUPPORT(fmodf)(float x, float y) { return (float)SUPPORT(fmod)(x, y); }

HIDDEN double SUPPORT(__powidf2)(double x, int n) {
  double result = 1;
  for (unsigned k = n < 0 ? 0u - (unsigned)n : (unsigned)n; k; k >>= 1, x *= x)
    if (k & 1)
      result *= x;
  return n < 0 ? 1 / result : result;
}

HIDDEN float SUPPORT(__powisf2)(float x, int n) {
  float result = 1;
  for (unsigned k = n < 0 ? 0u - (unsigned)n : (unsigned)n; k; k >>= 1, x *= x)
    if (k & 1)
      result *= x;
  return n < 0 ? 1 / result : result;
}

/* Large steps up are exact; a step down leaves 53 bits above the subnormal numbers, so that only the last one rounds.
 */
HIDDEN double SUPPORT(ldexp)(double x, int n) {
  for (int i = 0; i < 2 && n > 1023; ++i, n -= 1023)
    x *= 0x1p1023;
  for (int i = 0; i < 2 && n < -1022; ++i, n += 969)
    x *= 0x1p-969;
  n = n > 1023 ? 1023 : n < -1022 ? -1022 : n;
  return x * bitsDouble((uint64_t)(n + 1023) << 52);
}

/* Exact in double, then rounded once. */
HIDDEN float SUPPORT(ldexpf)(float x, int n) {
  n = n > 600 ? 600 : n < -600 ? -600 : n;
  return (float)(x * bitsDouble((uint64_t)(n + 1023) << 52));
}

/*===- Fused multiply-add -----------------------------------------------------------===*/

/* The product of two floats is exact in double. The sum is rounded to odd (an inexact one gets an odd last bit), which
 * makes the final rounding to float right, as double has more than two bits to spare. */
HIDDEN float SUPPORT(fmaf)(float x, float y, float z) {
  double product = (double)x * y, sum = product + z;
  double part = sum - product, error = (product - (sum - part)) + (z - part);
  uint64_t bits = doubleBits(sum);
  if (error != 0 && bits << 1 >> 1 < UINT64_C(0x7ff0000000000000) && !(bits & 1))
    bits += (error > 0) == (sum > 0) ? 1 : (uint64_t)-1;
  return (float)bitsDouble(bits);
}

typedef unsigned __int128 U128;

/* A finite number other than zero as significand * 2^exponent, the significand in [2^52, 2^53). */
static inline uint64_t split(double x, int *exponent) {
  uint64_t magnitude = doubleBits(x) << 1 >> 1;
  int stored = (int)(magnitude >> 52);
  if (!stored) {
    int shift = __builtin_clzll(magnitude) - 11;
    *exponent = -1074 - shift;
    return magnitude << shift;
  }
  *exponent = stored - 1075;
  return (magnitude & UINT64_C(0xfffffffffffff)) | UINT64_C(0x10000000000000);
}

/* value >> shift, with a last bit that is 1 if any bit was lost. */
static inline U128 stickyShift(U128 value, int shift) {
  if (shift > 127)
    return value != 0;
  return value >> shift | ((value & (((U128)1 << shift) - 1)) != 0);
}

/* In integers: product and addend are aligned within 128 bits, what does not fit is only remembered as "not zero". */
HIDDEN double SUPPORT(fma)(double x, double y, double z) {
  const uint64_t infinity = UINT64_C(0x7ff0000000000000);
  if ((doubleBits(x) & infinity) == infinity || (doubleBits(y) & infinity) == infinity || x == 0 || y == 0)
    return x * y + z;
  if ((doubleBits(z) & infinity) == infinity)
    return z + z; /* the product is finite, even where x * y is not */
  if (z == 0 && doubleBits(x * y) << 1 != 0)
    return x * y;
  int ex, ey, ez = 0;
  U128 product = (U128)split(x, &ex) * split(y, &ey) << 20; /* in [2^124, 2^126) */
  U128 addend = z == 0 ? 0 : (U128)split(z, &ez) << 73;     /* in [2^125, 2^126), or zero */
  int exponent = ex + ey - 20;
  ez -= 73;
  if (addend) {
    if (exponent >= ez) {
      addend = stickyShift(addend, exponent - ez);
    } else {
      product = stickyShift(product, ez - exponent);
      exponent = ez;
    }
  }
  uint64_t sign = (doubleBits(x) ^ doubleBits(y)) >> 63;
  U128 sum = product + addend;
  if (addend && sign != doubleBits(z) >> 63) {
    sum = product - addend;
    if (product < addend) {
      sum = addend - product;
      sign ^= 1;
    }
  }
  if (!sum)
    return 0;
  uint64_t high = (uint64_t)(sum >> 64);
  int top = high ? 127 - __builtin_clzll(high) : 63 - __builtin_clzll((uint64_t)sum);
  int last = exponent + top - 52; /* the exponent of the result's last bit */
  if (last < -1074)
    last = -1074;
  if (last > 971)
    return bitsDouble(sign << 63 | infinity);
  int shift = last - exponent;
  uint64_t kept;
  if (shift <= 0) {
    kept = (uint64_t)(sum << -shift);
  } else if (shift > 127) {
    kept = 0;
  } else {
    U128 half = (U128)1 << (shift - 1), rest = sum & (2 * half - 1);
    kept = (uint64_t)(sum >> shift);
    kept += rest > half || (rest == half && (kept & 1));
  }
  uint64_t bits = ((uint64_t)(last + 1074) << 52) + kept; /* the implicit bit adds one to the exponent */
  return bitsDouble(sign << 63 | (bits > infinity ? infinity : bits));
}

/*===- Division of 128-bit integers -------------------------------------------------===*/

static inline int leadingZeros(U128 x) {
  uint64_t high = (uint64_t)(x >> 64);
  return high ? __builtin_clzll(high) : 64 + __builtin_clzll((uint64_t)x);
}

/* Bit by bit: addresses and sizes are never that wide, so this only has to be right. */
static U128 divide(U128 a, U128 b, U128 *remainder) {
  U128 quotient = 0;
  if (b && a >= b)
    for (int shift = leadingZeros(b) - leadingZeros(a); shift >= 0; --shift)
      if (a >= b << shift) {
        a -= b << shift;
        quotient |= (U128)1 << shift;
      }
  *remainder = a;
  return quotient;
}

HIDDEN U128 SUPPORT(__udivti3)(U128 a, U128 b) {
  U128 remainder;
  return divide(a, b, &remainder);
}

HIDDEN U128 SUPPORT(__umodti3)(U128 a, U128 b) {
  U128 remainder;
  divide(a, b, &remainder);
  return remainder;
}

HIDDEN __int128 SUPPORT(__divti3)(__int128 a, __int128 b) {
  U128 remainder, quotient = divide(a < 0 ? 0 - (U128)a : (U128)a, b < 0 ? 0 - (U128)b : (U128)b, &remainder);
  return (__int128)((a < 0) != (b < 0) ? 0 - quotient : quotient);
}

HIDDEN __int128 SUPPORT(__modti3)(__int128 a, __int128 b) {
  U128 remainder;
  divide(a < 0 ? 0 - (U128)a : (U128)a, b < 0 ? 0 - (U128)b : (U128)b, &remainder);
  return (__int128)(a < 0 ? 0 - remainder : remainder);
}
