/*===- runtime/library/top-k.h -----------------------------------------------------===
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 * TopK for elements of BITS bits: top-k.c, which says how it works, includes this for each width.
 *===--------------------------------------------------------------------------------===*/
#define PASTE(a, b) a##b
#define JOIN(a, b) PASTE(a, b)
#define NAMED(name) JOIN(name, BITS)
#define Key NAMED(Key)
#define Keys NAMED(Keys)
#define Best NAMED(Best)

typedef JOIN(NAMED(int), _t) __attribute__((may_alias)) Key;
/* More than the target's vectors hold is split into several. */
typedef Key __attribute__((vector_size(64), aligned(BITS / 8), may_alias)) Keys;

#define TO_KEY(bits)                                                                                                   \
  int64_t most = (int64_t)(~UINT64_C(0) >> (65 - BITS));                                                               \
  __typeof__(bits) sign = (bits >> (BITS - 1)) & (Key)order->negated;                                                  \
  __typeof__(bits) isNan = ((Key)order->infinity - (bits & (Key)most)) >> (BITS - 1);                                  \
  __typeof__(bits) number = ((bits & (Key)order->kept) ^ sign) - sign;                                                 \
  return ((number & ~isNan) | (isNan & (Key)most)) ^ (Key)order->flipped

static inline Key NAMED(toKey)(Key bits, const Order *order) { TO_KEY(bits); }
static inline Keys NAMED(toKeys)(Keys bits, const Order *order) { TO_KEY(bits); }
static inline int NAMED(isAny)(Keys mask) { return __builtin_reduce_or(mask) != 0; }

/* The best `count` elements of a line; entry i is at i * stride. */
typedef struct Best {
  Key *keys;
  int64_t *places, stride, count;
} Best;

static inline Key NAMED(keyAt)(const Best *best, int64_t i) { return best->keys[i * best->stride]; }

static inline void NAMED(move)(const Best *best, int64_t to, int64_t from) {
  best->keys[to * best->stride] = best->keys[from * best->stride];
  best->places[to * best->stride] = best->places[from * best->stride];
}

static inline void NAMED(set)(const Best *best, int64_t i, Key key, int64_t place) {
  best->keys[i * best->stride] = key;
  best->places[i * best->stride] = place;
}

/* Whether an element goes before entry i: it is better, or as good and earlier. */
static inline int NAMED(goesBefore)(const Best *best, Key key, int64_t place, int64_t i) {
  Key other = NAMED(keyAt)(best, i);
  return key != other ? key > other : place < best->places[i * best->stride];
}

/* Puts an element at entry `i` of the first `count`, a heap whose root goes last of all, or further down where it may
 * be. */
static void NAMED(sink)(const Best *best, int64_t count, int64_t i, Key key, int64_t place) {
  for (int64_t child; (child = 2 * i + 1) < count; i = child) {
    if (child + 1 < count &&
        NAMED(goesBefore)(best, NAMED(keyAt)(best, child), best->places[child * best->stride], child + 1))
      ++child;
    if (!NAMED(goesBefore)(best, key, place, child))
      break;
    NAMED(move)(best, i, child);
  }
  NAMED(set)(best, i, key, place);
}

/* Puts an element that is behind all of the `count` first entries in the line among them; what is at `count` goes. */
static inline void NAMED(insert)(const Best *best, int64_t count, Key key, int64_t place) {
  int64_t i = count;
  for (; i > 0 && NAMED(keyAt)(best, i - 1) < key; --i)
    NAMED(move)(best, i, i - 1);
  NAMED(set)(best, i, key, place);
}

/* The first elements of the line. Gives the key of the worst one. */
static Key NAMED(begin)(const Best *best, const Key *line, const Order *order) {
  int isHeap = best->count > MostInOrder;
  for (int64_t i = 0; i < best->count; ++i) {
    Key key = NAMED(toKey)(line[i * best->stride], order);
    if (isHeap)
      NAMED(set)(best, i, key, i);
    else
      NAMED(insert)(best, i, key, i);
  }
  if (!isHeap)
    return NAMED(keyAt)(best, best->count - 1);
  for (int64_t i = best->count / 2; i-- > 0;)
    NAMED(sink)(best, best->count, i, NAMED(keyAt)(best, i), best->places[i * best->stride]);
  return NAMED(keyAt)(best, 0);
}

/* Takes an element that is better than the worst one, for that. Gives the key of the worst one then. */
static inline Key NAMED(take)(const Best *best, Key key, int64_t place) {
  if (best->count > MostInOrder) {
    NAMED(sink)(best, best->count, 0, key, place);
    return NAMED(keyAt)(best, 0);
  }
  NAMED(insert)(best, best->count - 1, key, place);
  return NAMED(keyAt)(best, best->count - 1);
}

/* Puts the entries in order, and the values in the place of their keys. */
static void NAMED(end)(const Best *best, const Key *line) {
  if (best->count > MostInOrder)
    for (int64_t last = best->count - 1; last > 0; --last) {
      Key key = NAMED(keyAt)(best, last);
      int64_t place = best->places[last * best->stride];
      NAMED(move)(best, last, 0);
      NAMED(sink)(best, last, 0, key, place);
    }
  for (int64_t i = 0; i < best->count; ++i)
    best->keys[i * best->stride] = line[best->places[i * best->stride] * best->stride];
}

/* One line: vectors along it. */
static void NAMED(takeLine)(Best best, const Key *line, int64_t length, Order order) {
  enum { Lanes = 512 / BITS };
  Key worst = NAMED(begin)(&best, line, &order), lane[Lanes];
  int64_t i = best.count;
  for (; best.stride == 1 && i + Lanes <= length; i += Lanes) {
    Keys keys = NAMED(toKeys)(*(const Keys *)(line + i), &order);
    if (!NAMED(isAny)(keys > worst))
      continue;
    *(Keys *)lane = keys;
    for (int j = 0; j < Lanes; ++j)
      if (lane[j] > worst)
        worst = NAMED(take)(&best, lane[j], i + j);
  }
  for (; i < length; ++i) {
    Key key = NAMED(toKey)(line[i * best.stride], &order);
    if (key > worst)
      worst = NAMED(take)(&best, key, i);
  }
  NAMED(end)(&best, line);
}

/* As many lines side by side as a vector has lanes. */
static void NAMED(takeLines)(Best best, const Key *lines, int64_t length, Order order) {
  enum { Lanes = 512 / BITS };
  Key worst[Lanes], lane[Lanes];
  Best one = best;
  for (int j = 0; j < Lanes; ++j, ++one.keys, ++one.places)
    worst[j] = NAMED(begin)(&one, lines + j, &order);
  for (int64_t i = best.count; i < length; ++i) {
    Keys keys = NAMED(toKeys)(*(const Keys *)(lines + i * best.stride), &order);
    if (!NAMED(isAny)(keys > *(const Keys *)worst))
      continue;
    *(Keys *)lane = keys;
    for (int j = 0; j < Lanes; ++j)
      if (lane[j] > worst[j]) {
        one.keys = best.keys + j, one.places = best.places + j;
        worst[j] = NAMED(take)(&one, lane[j], i);
      }
  }
  for (int j = 0; j < Lanes; ++j) {
    one.keys = best.keys + j, one.places = best.places + j;
    NAMED(end)(&one, lines + j);
  }
}

/* in: the flat tensor [outer, length, inner]; length, inner, k and whether the largest are wanted. out: the values and
 * their places in the line, flat tensors [outer, k, inner]. Needs no memory. */
int32_t NAMED(onnxc_top_k_)(onnxc_heap *heap, const onnxc_value *const *in, onnxc_value *out) {
  (void)heap;
  enum { Lanes = 512 / BITS };
  const int64_t *settings = in[1]->data;
  int64_t length = settings[0], inner = settings[1], k = settings[2], all = onnxc_element_count(out);
  Order order = makeOrder(in[0]->type, settings[3] != 0);
  const Key *lines = in[0]->data;
  Best best = {out[0].data, out[1].data, inner, k};
  for (int64_t done = 0; done < all; done += k * inner, lines += length * inner) {
    int64_t j = 0;
    for (int64_t step; j < inner; j += step, best.keys += step, best.places += step) {
      step = Lanes <= inner - j ? Lanes : 1;
      (step == 1 ? NAMED(takeLine) : NAMED(takeLines))(best, lines + j, length, order);
    }
    best.keys += (k - 1) * inner, best.places += (k - 1) * inner;
  }
  return 0;
}

#undef TO_KEY
#undef Best
#undef Keys
#undef Key
#undef NAMED
#undef JOIN
#undef PASTE
#undef BITS
