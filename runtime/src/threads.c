/*===- runtime/src/threads.c -------------------------------------------------------===
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 * The thread pool: one loop at a time, shared out in about a microsecond.
 *
 * Every thread has a share of the indices, always the same part of them, and takes from the others' when its own is
 * used up. So what one loop has written is read in the next by the same processor, as far as both go through their data
 * in the same order. That matters where processors don't share a cache.
 *
 * The calling thread opens a gate, works itself, closes the gate when all shares are used up, and waits only for those
 * workers that went through. So a worker that the kernel has not scheduled holds nobody up, and a loop costs no more
 * than the calling thread alone would need. Whoever waits spins for a moment, then sleeps on a futex.
 *===--------------------------------------------------------------------------------===*/
#define _GNU_SOURCE /* sched_getaffinity, syscall */
#include "onnxc/runtime.h"

#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#if defined(__linux__) && !defined(ONNXC_NO_FUTEX)
#include <linux/futex.h>
#include <sys/syscall.h>
#define USE_FUTEX 1
#else
#define USE_FUTEX 0
#endif

enum {
  CacheLine = 64,
  LongestSpin = 50000, /* nanoseconds: about what it costs to wake a sleeper */
  ShortestSpin = 1000
};

/* The gate: whether workers may enter, whether the caller sleeps until they have left, and how many are inside. */
#define GATE_OPEN 0x80000000u
#define GATE_WAITING 0x40000000u

typedef struct Pool Pool;

/* A thread of the pool; the first is the calling one. */
typedef struct Worker {
  /* The first chunk of this worker's share that nobody has taken; in the upper half the loop that this is about, since
   * nobody touches all shares when a loop begins. */
  _Alignas(CacheLine) _Atomic uint64_t share;
  pthread_t thread;
  Pool *pool;
  int32_t index;
} Worker;

struct Pool {
  onnxc_pool interface; /* first: what the caller sees is the address of this */
  /* The loop under way. Written while the gate is closed and nobody is inside. */
  onnxc_body body;
  void *context;
  int64_t count, chunk, chunks;
  uint32_t loop; /* its number, never 0 */
  int32_t longestSpin;
  atomic_int busy; /* a loop is under way */
  _Atomic uint64_t turnedAway;
  _Alignas(CacheLine) atomic_uint gate;
  _Alignas(CacheLine) atomic_uint epoch; /* counts loops; workers sleep on it */
  atomic_uint sleepers;
  atomic_int stop;
#if !USE_FUTEX
  pthread_mutex_t mutex;
  pthread_cond_t condition;
#endif
  Worker workers[];
};

/* The loops that this thread is inside of, innermost first: a nested loop of the same pool runs inline, as that worker.
 * It is about the thread and not about any model, so it isn't global state in disguise. */
typedef struct Frame {
  const Pool *pool;
  int32_t worker;
  const struct Frame *outer;
} Frame;
static _Thread_local const Frame *innermost;

static void waitWhile(Pool *pool, atomic_uint *word, unsigned value) {
#if USE_FUTEX
  (void)pool;
  syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, NULL, NULL, 0); /* may return early: callers look again */
#else
  pthread_mutex_lock(&pool->mutex);
  while (atomic_load(word) == value)
    pthread_cond_wait(&pool->condition, &pool->mutex);
  pthread_mutex_unlock(&pool->mutex);
#endif
}

static void wake(Pool *pool, atomic_uint *word, int count) {
#if USE_FUTEX
  (void)pool;
  syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, count, NULL, NULL, 0);
#else
  (void)word, (void)count;
  pthread_mutex_lock(&pool->mutex);
  pthread_cond_broadcast(&pool->condition);
  pthread_mutex_unlock(&pool->mutex);
#endif
}

static void relax(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("isb"); /* `yield` is a no-op on most cores; this really takes a while */
#endif
}

static int64_t now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

/* Spins until *word differs from `value`, for `limit` nanoseconds at most. Returns whether it does. */
static int spinWhile(atomic_uint *word, unsigned value, int64_t limit) {
  int64_t start = 0;
  for (unsigned i = 0; limit > 0; ++i) {
    if (atomic_load_explicit(word, memory_order_acquire) != value)
      return 1;
    relax();
    if (i % 8 == 7) {
      int64_t time = now();
      if (!start)
        start = time;
      else if (time - start > limit)
        break;
    }
  }
  return atomic_load_explicit(word, memory_order_acquire) != value;
}

/* Takes a chunk of the share of worker `owner`: its number, or -1 where there is none left. */
static int64_t takeChunk(Pool *pool, int32_t owner) {
  _Atomic uint64_t *share = &pool->workers[owner].share;
  uint64_t first = (uint64_t)(pool->chunks * owner / pool->interface.threads);
  uint64_t end = (uint64_t)(pool->chunks * (owner + 1) / pool->interface.threads);
  uint64_t seen = atomic_load_explicit(share, memory_order_relaxed), chunk;
  do {
    chunk = seen >> 32 == pool->loop ? seen & UINT32_MAX : first;
    if (chunk >= end)
      return -1;
  } while (!atomic_compare_exchange_weak_explicit(share, &seen, (uint64_t)pool->loop << 32 | (chunk + 1),
                                                  memory_order_relaxed, memory_order_relaxed));
  return (int64_t)chunk;
}

/* Takes chunks until there are none left, first of the worker's own share. */
static void work(Pool *pool, int32_t worker) {
  Frame frame = {pool, worker, innermost};
  innermost = &frame;
  for (int32_t i = 0; i < pool->interface.threads; ++i) {
    int32_t owner = (worker + i) % pool->interface.threads;
    for (int64_t chunk; (chunk = takeChunk(pool, owner)) >= 0;) {
      int64_t begin = chunk * pool->chunk;
      int64_t end = pool->count - begin > pool->chunk ? begin + pool->chunk : pool->count;
      for (int64_t index = begin; index < end; ++index)
        pool->body(pool->context, index, worker);
    }
  }
  innermost = frame.outer;
}

static void *workerMain(void *argument) {
  Worker *self = argument;
  Pool *pool = self->pool;
  unsigned seen = 0;
  int64_t spin = pool->longestSpin;
  while (!atomic_load(&pool->stop)) {
    if (spinWhile(&pool->epoch, seen, spin)) {
      spin = pool->longestSpin;
    } else {
      /* Spinning didn't pay; half the effort next time, so that a machine with other work is not kept from it. */
      spin = spin / 2 > ShortestSpin ? spin / 2 : spin ? ShortestSpin : 0;
      atomic_fetch_add(&pool->sleepers, 1);
      while (atomic_load(&pool->epoch) == seen)
        waitWhile(pool, &pool->epoch, seen);
      atomic_fetch_sub(&pool->sleepers, 1);
    }
    seen = atomic_load(&pool->epoch);
    unsigned gate = atomic_load(&pool->gate);
    while ((gate & GATE_OPEN) && !atomic_compare_exchange_weak(&pool->gate, &gate, gate + 1))
      ;
    if (!(gate & GATE_OPEN))
      continue; /* too late: the others have done it all */
    work(pool, self->index);
    if (atomic_fetch_sub(&pool->gate, 1) == (GATE_WAITING | 1))
      wake(pool, &pool->gate, 1);
  }
  return NULL;
}

static void runInline(int64_t n, onnxc_body body, void *context, int32_t worker) {
  for (int64_t i = 0; i < n; ++i)
    body(context, i, worker);
}

static void parallelFor(void *self, int64_t n, onnxc_body body, void *context) {
  Pool *pool = self;
  for (const Frame *f = innermost; f; f = f->outer)
    if (f->pool == pool)
      return runInline(n, body, context, f->worker);
  int idle = 0;
  if (n <= 1 || pool->interface.threads == 1)
    return runInline(n, body, context, 0);
  if (!atomic_compare_exchange_strong(&pool->busy, &idle, 1)) {
    atomic_fetch_add(&pool->turnedAway, 1);
    return runInline(n, body, context, 0);
  }

  pool->body = body;
  pool->context = context;
  pool->count = n;
  pool->chunk = n / (32 * (int64_t)pool->interface.threads);
  if (pool->chunk < 1)
    pool->chunk = 1;
  pool->chunks = (n - 1) / pool->chunk + 1;
  if (++pool->loop == 0) { /* numbers begin again: what shares say of old ones must not be taken for new */
    for (int32_t i = 0; i < pool->interface.threads; ++i)
      atomic_store(&pool->workers[i].share, 0);
    pool->loop = 1;
  }
  atomic_store(&pool->gate, GATE_OPEN);
  atomic_fetch_add(&pool->epoch, 1);
  if (atomic_load(&pool->sleepers))
    wake(pool, &pool->epoch, n - 1 < pool->interface.threads ? (int)(n - 1) : INT_MAX);

  work(pool, 0);

  atomic_fetch_and(&pool->gate, ~GATE_OPEN);
  int64_t spin = pool->longestSpin;
  for (unsigned gate; (gate = atomic_load(&pool->gate)) & ~GATE_WAITING;) {
    if (spinWhile(&pool->gate, gate, spin))
      continue;
    spin = 0; /* somebody inside has no processor, perhaps because we have it */
    if ((gate & GATE_WAITING) || atomic_compare_exchange_strong(&pool->gate, &gate, gate | GATE_WAITING))
      waitWhile(pool, &pool->gate, gate | GATE_WAITING);
  }
  atomic_store(&pool->busy, 0);
}

static int32_t processorCount(void) {
#if defined(__linux__)
  cpu_set_t set; /* fails beyond 1024 processors: then all that are online */
  if (sched_getaffinity(0, sizeof(set), &set) == 0)
    return CPU_COUNT(&set);
#endif
  long online = sysconf(_SC_NPROCESSORS_ONLN);
  return online < 1 ? 1 : online > 4096 ? 4096 : (int32_t)online;
}

/* Stops workers 1 to `last`. */
static void destroy(Pool *pool, int32_t last) {
  atomic_store(&pool->stop, 1);
  atomic_fetch_add(&pool->epoch, 1);
  wake(pool, &pool->epoch, INT_MAX);
  for (int32_t i = 1; i <= last; ++i)
    pthread_join(pool->workers[i].thread, NULL);
#if !USE_FUTEX
  pthread_mutex_destroy(&pool->mutex);
  pthread_cond_destroy(&pool->condition);
#endif
  free(pool);
}

onnxc_pool *onnxc_pool_create(int32_t threads) {
  int32_t processors = processorCount();
  if (threads <= 0)
    threads = processors;
  size_t size = sizeof(Pool) + (size_t)threads * sizeof(Worker);
  Pool *pool = aligned_alloc(CacheLine, (size + CacheLine - 1) & ~(size_t)(CacheLine - 1));
  if (!pool)
    return NULL;
  memset(pool, 0, size);
  pool->interface = (onnxc_pool){.self = pool, .parallel_for = parallelFor, .threads = threads};
  pool->longestSpin = threads > processors ? 0 : LongestSpin; /* a spinning thread would keep a working one waiting */
#if !USE_FUTEX
  pthread_mutex_init(&pool->mutex, NULL);
  pthread_cond_init(&pool->condition, NULL);
#endif
  for (int32_t i = 1; i < threads; ++i) {
    pool->workers[i].pool = pool;
    pool->workers[i].index = i;
    if (pthread_create(&pool->workers[i].thread, NULL, workerMain, &pool->workers[i]) != 0) {
      destroy(pool, i - 1);
      return NULL;
    }
  }
  return &pool->interface;
}

uint64_t onnxc_pool_busy_count(const onnxc_pool *pool) { return atomic_load(&((Pool *)pool->self)->turnedAway); }

void onnxc_pool_destroy(onnxc_pool *pool) {
  if (pool)
    destroy(pool->self, pool->threads - 1);
}
