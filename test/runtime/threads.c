// RUN: %cc %strict %s %runtime -o %t && %t
// RUN: %cc %strict -fsanitize=thread %s %runtime -o %t.tsan && %t.tsan
// RUN: %cc %strict -fsanitize=thread -DONNXC_NO_FUTEX %s %runtime -o %t.cond && %t.cond
//
// The thread pool: every index once, no worker twice at a time, nested and concurrent loops, many threads.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#define _GNU_SOURCE /* nanosleep */
#include "Inputs/expect.h"
#include "onnxc/runtime.h"

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

enum { MostThreads = 8, MostItems = 5000 };

typedef struct Loop {
  onnxc_pool *pool;
  atomic_int count[MostItems];    /* how often each index was run */
  atomic_int inside[MostThreads]; /* bodies that run as this worker right now */
  int plain;                      /* written before and after the loop: the pool must order it */
  atomic_int wrong;
} Loop;

static void countBody(void *context, int64_t i, int32_t worker) {
  Loop *loop = context;
  if (worker < 0 || worker >= loop->pool->threads || atomic_fetch_add(&loop->inside[worker], 1) != 0)
    atomic_fetch_add(&loop->wrong, 1);
  atomic_fetch_add(&loop->count[i], loop->plain);
  atomic_fetch_sub(&loop->inside[worker], 1);
}

static void everyIndexOnce(onnxc_pool *pool, int64_t n) {
  Loop *loop = calloc(1, sizeof(Loop));
  loop->pool = pool;
  loop->plain = 1;
  pool->parallel_for(pool->self, n, countBody, loop);
  loop->plain = 2; /* a race with a late worker, if there is one */
  for (int64_t i = 0; i < MostItems; ++i)
    EXPECT(loop->count[i] == (i < n));
  EXPECT(loop->wrong == 0);
  free(loop);
}

typedef struct Nest {
  onnxc_pool *pool, *other;
  atomic_int inner, otherInner;
  atomic_int wrong;
} Nest;

typedef struct NestItem {
  Nest *nest;
  int32_t worker;
} NestItem;

static void innerBody(void *context, int64_t i, int32_t worker) {
  NestItem *item = context;
  (void)i;
  atomic_fetch_add(&item->nest->inner, 1);
  if (worker != item->worker) /* inline: as the worker that it is nested in */
    atomic_fetch_add(&item->nest->wrong, 1);
}

static void otherBody(void *context, int64_t i, int32_t worker) {
  (void)i, (void)worker;
  atomic_fetch_add((atomic_int *)context, 1);
}

static void outerBody(void *context, int64_t i, int32_t worker) {
  Nest *nest = context;
  NestItem item = {nest, worker};
  (void)i;
  nest->pool->parallel_for(nest->pool->self, 10, innerBody, &item);
  nest->other->parallel_for(nest->other->self, 3, otherBody, &nest->otherInner);
}

static void nested(onnxc_pool *pool, onnxc_pool *other) {
  Nest nest = {pool, other, 0, 0, 0};
  pool->parallel_for(pool->self, 100, outerBody, &nest);
  EXPECT(nest.inner == 1000);
  EXPECT(nest.otherInner == 300);
  EXPECT(nest.wrong == 0);
}

static void *loopsFromAnotherThread(void *pool) {
  for (int round = 0; round < 200; ++round)
    everyIndexOnce(pool, round % 40);
  return NULL;
}

static void concurrentCallers(onnxc_pool *pool) {
  pthread_t threads[4];
  for (int i = 0; i < 4; ++i)
    pthread_create(&threads[i], NULL, loopsFromAnotherThread, pool);
  for (int i = 0; i < 4; ++i)
    pthread_join(threads[i], NULL);
}

static void pauseBetweenLoops(onnxc_pool *pool) { /* workers fall asleep in between */
  for (int round = 0; round < 30; ++round) {
    nanosleep(&(struct timespec){0, round % 2 ? 300000 : 20000}, NULL);
    everyIndexOnce(pool, 64);
  }
}

static void nothing(void *context, int64_t i, int32_t worker) { (void)context, (void)i, (void)worker; }

static void *loopOnce(void *context) {
  onnxc_pool *pool = context;
  pool->parallel_for(pool->self, 10, nothing, NULL);
  return NULL;
}

/* The first item lasts until another thread has had a loop of its own. */
static void waitForOther(void *context, int64_t i, int32_t worker) {
  (void)worker;
  pthread_t other;
  if (i == 0 && pthread_create(&other, NULL, loopOnce, context) == 0)
    pthread_join(other, NULL);
}

static void busy(void) {
  onnxc_pool *pool = onnxc_pool_create(2);
  loopOnce(pool);
  EXPECT(onnxc_pool_busy_count(pool) == 0);
  pool->parallel_for(pool->self, 2, waitForOther, pool);
  EXPECT(onnxc_pool_busy_count(pool) == 1);
  onnxc_pool_destroy(pool);
}

int main(void) {
  busy();
  onnxc_pool *other = onnxc_pool_create(2);
  for (int threads = 1; threads <= MostThreads; threads *= 2) {
    onnxc_pool *pool = onnxc_pool_create(threads);
    if (!pool)
      return EXIT_FAILURE;
    EXPECT(pool->threads == threads);
    for (int64_t n = 0; n <= MostItems; n = n * 3 + 1)
      everyIndexOnce(pool, n);
    for (int round = 0; round < 300; ++round)
      everyIndexOnce(pool, 1 + round % 7);
    nested(pool, other);
    concurrentCallers(pool);
    pauseBetweenLoops(pool);
    onnxc_pool_destroy(pool);
  }
  for (int round = 0; round < 50; ++round) /* stopped before the workers have looked at anything */
    onnxc_pool_destroy(onnxc_pool_create(3));
  onnxc_pool *automatic = onnxc_pool_create(0);
  EXPECT(automatic && automatic->threads >= 1);
  onnxc_pool_destroy(automatic);
  onnxc_pool_destroy(other);
  onnxc_pool_destroy(NULL);
  return failures != 0;
}
