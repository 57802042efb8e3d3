/*===- runtime/library/numbers.c ---------------------------------------------------===
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 * Numbers to text and back, exactly: a float is written as the shortest text that is read as the same float.
 *===--------------------------------------------------------------------------------===*/
#include "runtime/library/text.h"

/* What a function returns without memory: the run ends with ONNXC_ERROR_MEMORY. */
enum { OutOfMemory = -1, NoNumber = 1 };

/*===- Decimal numbers ---------------------------------------------------------------===*/

/* As many digits as tell on which side of the middle between two doubles a number is. */
enum { MaxDigits = 800, MaxShift = 58 };

/* 0.d0 d1 d2 ... x 10^point, without zeros at either end; 0 has no digits. */
typedef struct Decimal {
  int64_t point;
  int count;
  int isCut; /* the number is a bit larger than its digits say */
  unsigned char digits[MaxDigits];
} Decimal;

static void trim(Decimal *d) {
  while (d->count > 0 && d->digits[d->count - 1] == 0)
    --d->count;
}

/* The digit of 10^(-i-1) once the point is moved to the front. */
static int digitAt(const Decimal *d, int64_t i) { return i >= 0 && i < d->count ? d->digits[i] : 0; }

/* x 2^bits, bits <= MaxShift: from the last digit to the first, as on paper. */
static void multiply(Decimal *d, int bits) {
  enum { MaxCarry = 20 };
  unsigned char longer[MaxDigits + MaxCarry];
  int at = MaxDigits + MaxCarry;
  uint64_t carry = 0;
  for (int i = d->count - 1; i >= 0; --i) {
    carry += (uint64_t)d->digits[i] << bits;
    longer[--at] = carry % 10;
    carry /= 10;
  }
  int before = at;
  for (; carry; carry /= 10)
    longer[--at] = carry % 10;
  d->point += before - at;
  int count = MaxDigits + MaxCarry - at;
  for (int i = 0; i < count; ++i)
    if (i < MaxDigits)
      d->digits[i] = longer[at + i];
    else
      d->isCut |= longer[at + i] != 0;
  d->count = count < MaxDigits ? count : MaxDigits;
  trim(d);
}

/* / 2^bits, bits <= MaxShift: from the first digit to the last. */
static void divide(Decimal *d, int bits) {
  uint64_t rest = 0, mask = ((uint64_t)1 << bits) - 1;
  int written = 0, started = 0, total = d->count;
  int64_t skipped = 0;
  for (int i = 0; i < total || rest; ++i) {
    rest = rest * 10 + (i < total ? d->digits[i] : 0);
    unsigned char digit = (unsigned char)(rest >> bits);
    rest &= mask;
    started |= digit != 0;
    if (!started)
      ++skipped;
    else if (written < MaxDigits)
      d->digits[written++] = digit;
    else
      d->isCut |= digit != 0;
  }
  d->point -= skipped;
  d->count = written;
  trim(d);
}

static void shift(Decimal *d, int64_t bits) {
  while (bits && d->count) {
    int64_t step = bits > MaxShift ? MaxShift : bits < -MaxShift ? -MaxShift : bits;
    if (step > 0)
      multiply(d, (int)step);
    else
      divide(d, (int)-step);
    bits -= step;
  }
}

static void setInteger(Decimal *d, uint64_t number) {
  unsigned char digits[20];
  int at = 20;
  for (; number; number /= 10)
    digits[--at] = number % 10;
  d->count = 20 - at;
  d->point = d->count;
  d->isCut = 0;
  for (int i = 0; i < d->count; ++i)
    d->digits[i] = digits[at + i];
  trim(d);
}

static int compare(const Decimal *a, const Decimal *b) {
  if (!a->count || !b->count)
    return (a->count != 0) - (b->count != 0);
  if (a->point != b->point)
    return a->point < b->point ? -1 : 1;
  for (int i = 0; i < a->count || i < b->count; ++i)
    if (digitAt(a, i) != digitAt(b, i))
      return digitAt(a, i) - digitAt(b, i);
  return 0;
}

/* Whether the first `count` digits are nearer to the number when the last one is made one larger. A tie goes to the
 * even digit. */
static int roundsUp(const Decimal *d, int64_t count) {
  if (count < 0)
    return 0;
  int next = digitAt(d, count);
  if (next != 5 || count + 1 < d->count || d->isCut)
    return next >= 5;
  return digitAt(d, count - 1) % 2;
}

/* The first `count` digits of d, one more in the last of them where `up`. */
static void take(Decimal *to, const Decimal *d, int count, int up) {
  to->point = d->point;
  to->count = count < d->count ? count : d->count;
  to->isCut = 0;
  for (int i = 0; i < to->count; ++i)
    to->digits[i] = d->digits[i];
  if (up) {
    int i = to->count - 1;
    while (i >= 0 && to->digits[i] == 9)
      to->digits[i--] = 0;
    if (i >= 0) {
      ++to->digits[i];
    } else {
      to->digits[0] = 1;
      to->count = 1;
      ++to->point;
    }
  }
  trim(to);
}

/*===- Floats ------------------------------------------------------------------------===*/

/* number x 2^exponent, where that is a double or too large for one. */
static double scale(double number, int64_t exponent) {
  while (exponent) {
    int64_t step = exponent > 1000 ? 1000 : exponent < -1000 ? -1000 : exponent;
    union {
      uint64_t bits;
      double number;
    } power = {(uint64_t)(1023 + step) << 52};
    number *= power.number;
    exponent -= step;
  }
  return number;
}

/* The number of this many bits, the last of them 2^least at least, that is nearest to d. What is too large for a double
 * is infinite. */
static double toFloat(Decimal *d, int64_t precision, int64_t least) {
  if (!d->count || d->point < -400)
    return 0;
  if (d->point > 400)
    return __builtin_inf();
  int64_t exponent = 0; /* d x 2^exponent is the number; d goes to [1/2, 1) */
  while (d->point > 0) {
    int64_t bits = d->point * 3 < MaxShift ? d->point * 3 : MaxShift;
    shift(d, -bits);
    exponent += bits;
  }
  while (d->point < 0 || d->digits[0] < 5) {
    int64_t bits = d->point == 0 ? 1 : -d->point * 3 < MaxShift ? -d->point * 3 : MaxShift;
    shift(d, bits);
    exponent -= bits;
  }
  int64_t last = exponent - precision > least ? exponent - precision : least;
  shift(d, exponent - last);
  if (d->point > 20)
    return __builtin_inf();
  uint64_t number = 0;
  for (int64_t i = 0; i < d->point; ++i)
    number = number * 10 + (uint64_t)digitAt(d, i);
  number += (uint64_t)roundsUp(d, d->point);
  return scale((double)number, last);
}

/* The shortest digits that toFloat reads as the finite number x > 0, and of those the nearest. */
static void toShortest(Decimal *shortest, double x, int64_t precision, int64_t least) {
  union {
    double number;
    uint64_t bits;
  } of = {x};
  int64_t biased = (int64_t)(of.bits >> 52 & 0x7FF), last = biased ? biased - 1075 : -1074;
  uint64_t number = (of.bits & (((uint64_t)1 << 52) - 1)) | (biased ? (uint64_t)1 << 52 : 0);
  /* With the last bit that a number of this size has in its own type. */
  int64_t wanted = last + 64 - __builtin_clzll(number) - precision;
  wanted = wanted > least ? wanted : least;
  number = wanted >= last ? number >> (wanted - last) : number << (last - wanted);
  /* The numbers half way to its neighbours, which are read as it when it is even. Below a power of two they are nearer.
   */
  Decimal exact, low, high;
  int isPower = number == (uint64_t)1 << (precision - 1) && wanted > least;
  setInteger(&exact, number);
  shift(&exact, wanted);
  setInteger(&high, 2 * number + 1);
  shift(&high, wanted - 1);
  setInteger(&low, isPower ? 4 * number - 1 : 2 * number - 1);
  shift(&low, isPower ? wanted - 2 : wanted - 1);
  int slack = number % 2 == 0 ? 0 : 1;
  for (int count = 1;; ++count) {
    int up = roundsUp(&exact, count);
    for (int other = 0; other < 2; ++other) {
      take(shortest, &exact, count, up ^ other);
      if (count >= exact.count || (compare(&low, shortest) <= -slack && compare(shortest, &high) <= -slack))
        return;
    }
  }
}

/* Writes a float as Python and numpy do: in plain digits from 1e-4 to 1e16. Returns the length. */
static int writeFloat(char *to, double x, int64_t precision, int64_t least) {
  char *at = to;
  /* The reserved words of the specification. */
  const char *word = x != x ? "NaN" : x == __builtin_inf() ? "INF" : x == -__builtin_inf() ? "-INF" : NULL;
  if (word) {
    while (*word)
      *at++ = *word++;
    return (int)(at - to);
  }
  if (__builtin_signbit(x)) {
    *at++ = '-';
    x = -x;
  }
  Decimal d;
  d.count = 0;
  d.point = 1;
  if (x != 0)
    toShortest(&d, x, precision, least);
  int isPlain = d.point > -4 && d.point <= 16;
  int64_t point = isPlain ? d.point : 1; /* digits before the point */
  if (point <= 0) {
    *at++ = '0';
    *at++ = '.';
    for (int64_t i = point; i < 0; ++i)
      *at++ = '0';
  }
  for (int64_t i = 0; i < d.count || i < point; ++i) {
    if (i == point && i > 0)
      *at++ = '.';
    *at++ = (char)('0' + digitAt(&d, i));
  }
  if (isPlain) {
    if (d.count <= point) {
      *at++ = '.';
      *at++ = '0';
    }
    return (int)(at - to);
  }
  int64_t exponent = d.point - 1;
  *at++ = 'e';
  *at++ = exponent < 0 ? '-' : '+';
  exponent = exponent < 0 ? -exponent : exponent;
  if (exponent >= 100)
    *at++ = (char)('0' + exponent / 100);
  *at++ = (char)('0' + exponent / 10 % 10);
  *at++ = (char)('0' + exponent % 10);
  return (int)(at - to);
}

static int isBlank(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
static int isDigit(char c) { return c >= '0' && c <= '9'; }
static char toLower(char c) { return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c; }

/* Whether `word` (in small letters) is all there is up to blanks. */
static int isWord(const char *text, const char *word) {
  for (; *word; ++text, ++word)
    if (toLower(*text) != *word)
      return 0;
  while (isBlank(*text))
    ++text;
  return !*text;
}

/* 0 where the text is no number. */
static int readFloat(const char *text, int64_t precision, int64_t least, double *number) {
  while (isBlank(*text))
    ++text;
  int isNegative = *text == '-';
  text += *text == '-' || *text == '+';
  double size;
  if (isWord(text, "nan")) {
    size = __builtin_nan("");
  } else if (isWord(text, "inf") || isWord(text, "infinity")) {
    size = __builtin_inf();
  } else {
    Decimal d;
    d.point = 0;
    d.count = d.isCut = 0;
    int hasDigits = 0, hasPoint = 0;
    for (;; ++text) {
      if (*text == '.' && !hasPoint) {
        hasPoint = 1;
        continue;
      }
      if (!isDigit(*text))
        break;
      hasDigits = 1;
      if (*text == '0' && d.count == 0) {
        d.point -= hasPoint;
        continue;
      }
      d.point += !hasPoint;
      if (d.count < MaxDigits)
        d.digits[d.count++] = (unsigned char)(*text - '0');
      else
        d.isCut |= *text != '0';
    }
    if (!hasDigits)
      return 0;
    if (*text == 'e' || *text == 'E') {
      ++text;
      int goesDown = *text == '-';
      text += *text == '-' || *text == '+';
      if (!isDigit(*text))
        return 0;
      int64_t exponent = 0;
      for (; isDigit(*text); ++text)
        exponent = exponent < ((int64_t)1 << 50) ? exponent * 10 + (*text - '0') : exponent;
      d.point += goesDown ? -exponent : exponent;
    }
    if (!isWord(text, ""))
      return 0;
    trim(&d);
    size = toFloat(&d, precision, least);
  }
  *number = isNegative ? -size : size;
  return 1;
}

/*===- Functions for generated code --------------------------------------------------===*/

/* In: doubles, and the type that they have come from: {precision, exponent of its least bit}. */
int32_t onnxc_float_to_text(onnxc_heap *heap, const onnxc_value *const *in, onnxc_value *out) {
  const double *x = in[0]->data;
  const int64_t *format = in[1]->data;
  const char **y = out->data;
  for (int64_t i = 0, n = onnxc_element_count(out); i < n; ++i) {
    char text[40];
    int length = writeFloat(text, x[i], format[0], format[1]);
    if (!(y[i] = onnxc_text_make(heap, text, (uint64_t)length)))
      return OutOfMemory;
  }
  return 0;
}

int32_t onnxc_integer_to_text(onnxc_heap *heap, const onnxc_value *const *in, onnxc_value *out) {
  const uint64_t *x = in[0]->data;
  const char **y = out->data;
  for (int64_t i = 0, n = onnxc_element_count(out); i < n; ++i) {
    char text[24];
    int at = sizeof text, isNegative = in[0]->type == ONNXC_INT64 && (int64_t)x[i] < 0;
    uint64_t rest = isNegative ? -x[i] : x[i];
    do
      text[--at] = (char)('0' + rest % 10);
    while (rest /= 10);
    if (isNegative)
      text[--at] = '-';
    if (!(y[i] = onnxc_text_make(heap, text + at, sizeof text - (uint64_t)at)))
      return OutOfMemory;
  }
  return 0;
}

int32_t onnxc_truth_to_text(onnxc_heap *heap, const onnxc_value *const *in, onnxc_value *out) {
  (void)heap;
  const unsigned char *x = in[0]->data;
  const char **y = out->data;
  for (int64_t i = 0, n = onnxc_element_count(out); i < n; ++i)
    y[i] = x[i] ? "True" : "False";
  return 0;
}

/* In: text, and the type that doubles are made for: {precision, exponent of its least bit, whether it is bool}. */
int32_t onnxc_text_to_float(onnxc_heap *heap, const onnxc_value *const *in, onnxc_value *out) {
  (void)heap;
  const char *const *x = in[0]->data;
  const int64_t *format = in[1]->data;
  double *y = out->data;
  for (int64_t i = 0, n = onnxc_element_count(out); i < n; ++i) {
    if (format[2] && (isWord(x[i], "true") || isWord(x[i], "false")))
      y[i] = isWord(x[i], "true");
    else if (!readFloat(x[i], format[0], format[1], &y[i]))
      return NoNumber;
  }
  return 0;
}

/* 0 where the text is no number, or its integer part is none of 64 bits. */
static int readInteger(const char *text, int isSigned, uint64_t *number) {
  const char *at = text;
  while (isBlank(*at))
    ++at;
  int isNegative = *at == '-';
  at += *at == '-' || *at == '+';
  uint64_t size = 0;
  int fits = isDigit(*at);
  for (; isDigit(*at); ++at)
    fits &= !__builtin_mul_overflow(size, (uint64_t)10, &size) &&
            !__builtin_add_overflow(size, (uint64_t)(*at - '0'), &size);
  if (!isWord(at, "")) { /* a fraction is cut off */
    double value;
    if (!readFloat(text, 53, -1074, &value))
      return 0;
    double positive = isNegative ? -value : value;
    fits = positive < 0x1p64; /* not NaN, either */
    size = fits ? (uint64_t)positive : 0;
  }
  *number = isNegative ? -size : size;
  return fits && (!isSigned || size <= (uint64_t)INT64_MAX + (uint64_t)isNegative);
}

int32_t onnxc_text_to_integer(onnxc_heap *heap, const onnxc_value *const *in, onnxc_value *out) {
  (void)heap;
  const char *const *x = in[0]->data;
  uint64_t *y = out->data;
  for (int64_t i = 0, n = onnxc_element_count(out); i < n; ++i)
    if (!readInteger(x[i], out->type == ONNXC_INT64, &y[i]))
      return NoNumber;
  return 0;
}
