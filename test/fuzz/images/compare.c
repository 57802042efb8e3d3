/*===- test/fuzz/images/compare.c --------------------------------------------------===
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 * Our decoders against the libraries that everybody has: compare SEED ROUNDS [MUTANTS [FOLDER]]. Files of every kind
 * give the same pixels within their bound. Then so many damaged copies of each: where both read one, the pixels are
 * told, and what one of them refuses is counted. With FOLDER the files are written there, as FORMAT/NAME, with a byte
 * behind them that says how the fuzz targets want the pixels.
 *===--------------------------------------------------------------------------------===*/
#include "images.h"

#include "runtime/library/image.h"
#include "test/fuzz/targets/target.h"

#include <sys/stat.h>

static const char *const formats[] = {"jpeg", "png", "webp", "jpeg2000", "tiff"};
enum { Formats = 5 };
static struct {
  long files, unsupported, failures, both, same, ours, theirs;
} counts[Formats];
static int mutants, round_;
static const char *folder;
static uint32_t state;

static uint32_t randomBelow(uint32_t n) {
  state = state * 1664525 + 1013904223;
  return (uint32_t)((uint64_t)(state >> 8) * n >> 24);
}

static Image ours;
static int32_t status;

int32_t onnxc_decode_image(onnxc_heap *heap, const onnxc_value *const *in, onnxc_value *out);

static void decode(onnxc_heap *heap, const uint8_t *data, size_t size) {
  int64_t count = (int64_t)size, one = 1, format = ONNXC_IMAGE_RGB, dims[3] = {-1, -1, 3};
  onnxc_value bytes = fuzzTensor(ONNXC_UINT8, 1, &count, data), number = fuzzTensor(ONNXC_INT64, 1, &one, &format);
  onnxc_value out = fuzzTensor(ONNXC_UINT8, 3, dims, NULL);
  const onnxc_value *in[] = {&bytes, &number};
  status = onnxc_decode_image(heap, in, &out);
  ours = (Image){0, 0, NULL};
  if (status || dims[0] * dims[1] == 0)
    return;
  ours = (Image){(int)dims[1], (int)dims[0], malloc((size_t)(dims[0] * dims[1] * 3))};
  memcpy(ours.pixels, out.data, (size_t)(dims[0] * dims[1] * 3));
}

/* By how much the two differ at most; 256 where one has another size. */
static int differ(const Image *a, const Image *b) {
  if (a->width != b->width || a->height != b->height)
    return 256;
  int most = 0;
  for (long i = 0, n = 3L * a->width * a->height; i < n; ++i) {
    int difference = abs(a->pixels[i] - b->pixels[i]);
    most = difference > most ? difference : most;
  }
  return most;
}

static void compareDamaged(const File *file, int k) {
  uint8_t *bytes = malloc(file->size);
  for (int i = 0; i < mutants; ++i) {
    size_t size = randomBelow(4) ? file->size : randomBelow((uint32_t)file->size) + 1;
    memcpy(bytes, file->bytes, file->size);
    for (uint32_t n = randomBelow(4); n > 0 || size == file->size; --n) {
      bytes[randomBelow((uint32_t)size)] = (uint8_t)randomBelow(256);
      if (n <= 1)
        break;
    }
    Image theirs;
    int isRead = readImage(file->format, bytes, size, &theirs);
    fuzzInHeap(decode, bytes, size);
    counts[k].ours += ours.pixels && !isRead;
    counts[k].theirs += !ours.pixels && isRead && status <= 0;
    if (ours.pixels && isRead) {
      ++counts[k].both;
      counts[k].same += differ(&ours, &theirs) <= file->bound;
    }
    free(theirs.pixels);
    free(ours.pixels);
  }
  free(bytes);
}

static void compare(File *file) {
  int k = 0;
  while (strcmp(formats[k], file->format) != 0)
    ++k;
  ++counts[k].files;
  Image theirs;
  if (!readImage(file->format, file->bytes, file->size, &theirs)) {
    fprintf(stderr, "%s/%s: the library does not read what it has written\n", file->format, file->name);
    ++counts[k].failures;
    return;
  }
  fuzzInHeap(decode, file->bytes, file->size);
  int difference = ours.pixels ? differ(&ours, &theirs) : 0;
  if (!ours.pixels && status == ONNXC_IMAGE_UNSUPPORTED) {
    ++counts[k].unsupported;
  } else if (!ours.pixels || difference > file->bound) {
    fprintf(stderr, "%s/%s: %s %d\n", file->format, file->name, ours.pixels ? "differs by" : "is refused with",
            ours.pixels ? difference : status);
    ++counts[k].failures;
  }
  if (folder) {
    char path[1024];
    snprintf(path, sizeof path, "%s/%s", folder, file->format);
    mkdir(path, 0777);
    snprintf(path, sizeof path, "%s/%s/%s-%d", folder, file->format, file->name, round_);
    FILE *to = fopen(path, "wb");
    FUZZ_EXPECT(to && fwrite(file->bytes, 1, file->size, to) == file->size && fputc(0, to) == 0 && fclose(to) == 0);
  }
  free(theirs.pixels);
  free(ours.pixels);
  compareDamaged(file, k);
}

int main(int argc, char **argv) {
  uint32_t seed = argc > 1 ? (uint32_t)atoi(argv[1]) : 0;
  int rounds = argc > 2 ? atoi(argv[2]) : 1;
  mutants = argc > 3 ? atoi(argv[3]) : 0;
  folder = argc > 4 ? argv[4] : NULL;
  if (folder)
    mkdir(folder, 0777);
  state = seed;
  long failures = 0;
  for (round_ = 0; round_ < rounds; ++round_)
    makeImages(seed + (uint32_t)round_, compare);
  for (int k = 0; k < Formats; ++k) {
    printf("%s: %ld files, %ld of a kind that is not supported, %ld failures", formats[k], counts[k].files,
           counts[k].unsupported, counts[k].failures);
    if (mutants)
      printf("; damaged: %ld read by both, %ld the same; by us alone %ld, by the library alone %ld", counts[k].both,
             counts[k].same, counts[k].ours, counts[k].theirs);
    printf("\n");
    failures += counts[k].failures;
  }
  return failures != 0;
}
