// RUN: %cc %strict -I %source -fsanitize=address,undefined %s %images -o %t && %t
//
// The decoders of images: variants that no backend case has, and damaged streams, which must give an image or none.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/library/image.h"
#include "Inputs/expect.h"

struct onnxc_heap {
  void *pieces[64];
  int count;
  uint64_t mostPixels;
};

uint64_t onnxc_heap_most_pixels(const onnxc_heap *heap) { return heap->mostPixels; }

void *onnxc_heap_allocate(onnxc_heap *heap, uint64_t size) {
  EXPECT(size < 1 << 26 && heap->count < 64); /* the streams here are short */
  return heap->pieces[heap->count++] = malloc(size ? size : 1);
}

int64_t onnxc_element_count(const onnxc_value *tensor) { return tensor->dims[0] * tensor->dims[1] * tensor->dims[2]; }

int onnxc_make_tensor(onnxc_heap *heap, onnxc_value *out, const int64_t *dims) {
  for (int i = 0; i < 3; ++i)
    out->dims[i] = dims[i];
  out->data = onnxc_heap_allocate(heap, (uint64_t)onnxc_element_count(out));
  return 1;
}

int32_t onnxc_decode_image(onnxc_heap *heap, const onnxc_value *const *in, onnxc_value *out);

static onnxc_heap heap;
static int64_t dims[3];

static int32_t decode(const uint8_t *stream, int64_t size, int64_t format, const uint8_t **pixels) {
  while (heap.count)
    free(heap.pieces[--heap.count]);
  uint8_t *copy = onnxc_heap_allocate(&heap, (uint64_t)size); /* of that size to the byte */
  memcpy(copy, stream ? stream : copy, (size_t)size);
  onnxc_value bytes = {ONNXC_KIND_TENSOR, ONNXC_UINT8, 1, &size, copy, NULL};
  onnxc_value number = {ONNXC_KIND_TENSOR, ONNXC_INT64, 0, NULL, &format, NULL};
  dims[0] = dims[1] = -1;
  dims[2] = format == ONNXC_IMAGE_GRAYSCALE ? 1 : 3;
  onnxc_value out = {ONNXC_KIND_TENSOR, ONNXC_UINT8, 3, dims, NULL, NULL};
  int32_t status = onnxc_decode_image(&heap, (const onnxc_value *const[]){&bytes, &number}, &out);
  *pixels = out.data;
  return status;
}

static void expectImage(const uint8_t *stream, int64_t size, int64_t height, int64_t width, const uint8_t *expected) {
  const uint8_t *pixels;
  EXPECT(decode(stream, size, ONNXC_IMAGE_GRAYSCALE, &pixels) == 0);
  EXPECT(dims[0] == height && dims[1] == width && memcmp(pixels, expected, (size_t)(height * width)) == 0);
  uint8_t damaged[256];
  for (int64_t i = 0; i < size; ++i) {
    EXPECT(decode(stream, i, ONNXC_IMAGE_RGB, &pixels) >= 0);
    for (int value = 0; value < 256; ++value) {
      memcpy(damaged, stream, (size_t)size);
      damaged[i] = (uint8_t)value;
      EXPECT(decode(damaged, size, ONNXC_IMAGE_BGR, &pixels) >= 0);
    }
  }
}

/* Interlaced, gray, in two chunks. */
static const uint8_t png[] = {0x89, 'P',  'N',  'G',  '\r', '\n', 0x1A, '\n', 0,    0,    0,    13,   'I',  'H',  'D',
                              'R',  0,    0,    0,    3,    0,    0,    0,    2,    8,    0,    0,    0,    1,    0xCF,
                              0x18, 0x09, 0x50, 0,    0,    0,    9,    'I',  'D',  'A',  'T',  0x78, 0xDA, 0x63, 0x70,
                              0x61, 0xA9, 0x63, 0x10, 0x60, 0x15, 0x3A, 0xEF, 0xF1, 0,    0,    0,    9,    'I',  'D',
                              'A',  'T',  0xB8, 0x3E, 0x5F, 0x10, 0,    0x0A, 0x24, 0x02, 0x5E, 0xFA, 0x9C, 0x19, 0x75,
                              0,    0,    0,    0,    'I',  'E',  'N',  'D',  0xAE, 0x42, 0x60, 0x82};

/* 4 bits, run-length encoded, two colours: a run, single pixels, and a row that ends early. */
static const uint8_t bmp[] = {'B', 'M',  0, 0, 0, 0, 0,    0,    0, 0, 62, 0,    0, 0, 40, 0, 0, 0, 4, 0, 0,
                              0,   3,    0, 0, 0, 1, 0,    4,    0, 2, 0,  0,    0, 0, 0,  0, 0, 0, 0, 0, 0,
                              0,   0,    0, 0, 2, 0, 0,    0,    0, 0, 0,  0,    9, 9, 9,  0, 7, 7, 7, 0, /* palette */
                              4,   0x01, 0, 0, 0, 3, 0x10, 0x10, 0, 0, 1,  0x10, 0, 1};

/* WebP: with loss, and of few colours without. */
static const uint8_t lossy[] = {
    0x52, 0x49, 0x46, 0x46, 0x42, 0,    0,    0,    0x57, 0x45, 0x42, 0x50, 0x56, 0x50, 0x38, 0x20, 0x36, 0,    0,
    0,    0xD0, 1,    0,    0x9D, 1,    0x2A, 5,    0,    4,    0,    2,    0x80, 0x46, 0x25, 0xB0, 2,    0x74, 1,
    0x14, 0xA3, 0xF5, 0xA4, 0x88, 0,    0xFE, 0xF0, 0x64, 0xFC, 0x89, 0x28, 0xD6, 0x0B, 0xFF, 0xB1, 0x9B, 0xFF, 0xFA,
    0x77, 0x7F, 0xFF, 0x47, 0x5C, 0x7D, 0xAB, 0x57, 0x5A, 0xAF, 0xEA, 0xB8, 0x78, 0xBD, 0,    0,    0};
static const uint8_t lossless[] = {
    0x52, 0x49, 0x46, 0x46, 0x32, 0,    0,    0,    0x57, 0x45, 0x42, 0x50, 0x56, 0x50, 0x38, 0x4C, 0x25, 0, 0, 0,
    0x2F, 2,    0x80, 0,    0,    0x50, 0xC8, 0x36, 2,    0x74, 0x39, 0x86, 0xF3, 0x57, 0x7D, 0x25, 0x84, 4, 4, 0xD5,
    0xFF, 0xB5, 0x12, 0x99, 0x80, 0x65, 0x6C, 0xB8, 0x94, 0x58, 0xFF, 0x43, 0x89, 0x51, 0x9A, 0x9F, 0x0E, 0};

/* JPEG 2000: two layers; by place, each pass of a block for itself. */
static const uint8_t reversible[] = {
    0xFF, 0x4F, 0xFF, 0x51, 0,    0x29, 0,    0,    0,    0,    0,    5,    0,    0,    0,    4,    0,
    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    5,    0,    0,    0,    4,    0,    0,
    0,    0,    0,    0,    0,    0,    0,    1,    7,    1,    1,    0xFF, 0x52, 0,    0x0C, 0,    0,
    0,    2,    0,    1,    4,    4,    0,    1,    0xFF, 0x5C, 0,    7,    0x40, 0x40, 0x48, 0x48, 0x50,
    0xFF, 0x90, 0,    0x0A, 0,    0,    0,    0,    0,    0x31, 0,    1,    0xFF, 0x93, 0xCF, 0xB0, 0x1C,
    0x0C, 0xD8, 0x3E, 0xE3, 9,    0x4F, 0x2F, 0xC0, 0x7C, 1,    0xC0, 0xF0, 0x90, 0x1F, 0x18, 0x30, 8,
    0x87, 0xC7, 4,    0xBE, 0x14, 0x11, 2,    0x4F, 0xA5, 0xC0, 0xC1, 0xE0, 0xA0, 0x5D, 0x7F, 0xFF, 0xD9};
static const uint8_t irreversible[] = {
    0xFF, 0x4F, 0xFF, 0x51, 0,    0x2F, 0,    0,    0,    0,    0,    3,    0,    0,    0,    3,    0,    0,
    0,    0,    0,    0,    0,    0,    0,    0,    0,    3,    0,    0,    0,    3,    0,    0,    0,    0,
    0,    0,    0,    0,    0,    3,    7,    1,    1,    7,    1,    1,    7,    1,    1,    0xFF, 0x52, 0,
    0x0C, 0,    2,    0,    1,    1,    1,    4,    4,    0x2C, 0,    0xFF, 0x5C, 0,    0x0B, 0x42, 0x48, 0x24,
    0x57, 0xD3, 0x57, 0xD3, 0x57, 0x62, 0xFF, 0x90, 0,    0x0A, 0,    0,    0,    0,    0,    0x28, 0,    1,
    0xFF, 0x93, 0xCF, 0x80, 0x91, 0x28, 0x80, 0x0A, 0x92, 0xFF, 0x7F, 0x7F, 0xBF, 0xFF, 0x7F, 0x2F, 0xC8, 0x80,
    8,    0x82, 0xC6, 0x22, 7,    0x9F, 0x3F, 0x80, 0x80, 0x80, 0xFF, 0xD9};

static const char pgm[] = "P2 # comment\n3 1 15\n0 5 15 ";

/* A TIFF file of 4 x 4 pixels of one byte, whose palette is of 32-bit numbers. */
static void expectPalette(void) {
  uint8_t file[768] = {'I', 'I', '*', 0, 8, 0, 0, 0, 10};
  const uint32_t entries[10][4] = {{256, 3, 1, 4},   {257, 3, 1, 4}, {258, 3, 1, 4}, {259, 3, 1, 1}, {262, 3, 1, 3},
                                   {273, 4, 1, 700}, {277, 3, 1, 1}, {278, 3, 1, 4}, {279, 4, 1, 8}, {320, 4, 48, 150}};
  for (int i = 0; i < 10; ++i) {
    const uint32_t words[3] = {entries[i][0] | entries[i][1] << 16, entries[i][2], entries[i][3]};
    memcpy(file + 10 + 12 * i, words, sizeof words);
  }
  memset(file + 150, 0xFF, 192);
  const uint8_t *pixels;
  for (int format = ONNXC_IMAGE_RGB; format <= ONNXC_IMAGE_GRAYSCALE; ++format) {
    EXPECT(decode(file, sizeof file, format, &pixels) == 0);
    EXPECT(dims[0] == 4 && dims[1] == 4 && pixels[0] == 255 && pixels[4 * 4 * dims[2] - 1] == 255);
  }
}

/* A WebP file of 16384 x 16384 pixels, all the same, which take no bits. */
static void expectTooLarge(void) {
  uint8_t file[64] = {'R', 'I', 'F', 'F', 56, 0, 0, 0, 'W', 'E', 'B', 'P', 'V', 'P', '8', 'L', 44, 0, 0, 0, 0x2F};
  const uint64_t bits = 16383 | 16383 << 14 | (UINT64_C(0x11111) << (14 + 14 + 4 + 3));
  memcpy(file + 21, &bits, sizeof bits);
  const uint8_t *pixels;
  EXPECT(decode(file, sizeof file, ONNXC_IMAGE_RGB, &pixels) == ONNXC_IMAGE_LARGE);
  heap.mostPixels = 5; /* 3 x 2 are there */
  EXPECT(decode(png, sizeof png, ONNXC_IMAGE_RGB, &pixels) == ONNXC_IMAGE_LARGE);
  heap.mostPixels = 6;
  EXPECT(decode(png, sizeof png, ONNXC_IMAGE_RGB, &pixels) == 0 && dims[1] == 3);
  heap.mostPixels = 0;
}

int main(void) {
  expectPalette();
  expectTooLarge();
  expectImage(png, sizeof png, 2, 3, (const uint8_t[]){68, 16, 126, 215, 159, 17});
  expectImage(bmp, sizeof bmp, 3, 4, (const uint8_t[]){7, 9, 9, 9, 7, 9, 7, 9, 9, 7, 9, 7});
  expectImage((const uint8_t *)pgm, sizeof pgm - 1, 1, 3, (const uint8_t[]){0, 85, 255});
  expectImage(lossy, sizeof lossy, 4, 5, (const uint8_t[]){189, 192, 199, 204, 208, 189, 192, 199, 203, 223,
                                                           189, 192, 200, 203, 218, 187, 191, 199, 205, 212});
  expectImage(lossless, sizeof lossless, 3, 3, (const uint8_t[]){18, 75, 18, 151, 75, 18, 151, 75, 2});
  expectImage(reversible, sizeof reversible, 4, 5, (const uint8_t[]){185, 184, 201, 202, 212, 192, 195, 202, 207, 225,
                                                                     193, 185, 201, 202, 218, 182, 188, 198, 202, 207});
  expectImage(irreversible, sizeof irreversible, 3, 3, (const uint8_t[]){181, 192, 203, 192, 197, 202, 203, 202, 201});
  const uint8_t *pixels;
  EXPECT(decode((const uint8_t *)"text", 4, ONNXC_IMAGE_RGB, &pixels) == 0 && dims[0] == 0 && dims[1] == 0);
  decode(NULL, 0, ONNXC_IMAGE_RGB, &pixels);
  while (heap.count)
    free(heap.pieces[--heap.count]);
  return failures != 0;
}
