/*===- test/fuzz/images/images.h ---------------------------------------------------===
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 * Images as the system's libraries write and read them: libjpeg-turbo, libpng, libwebp, OpenJPEG, libtiff.
 *===--------------------------------------------------------------------------------===*/
#ifndef ONNXC_FUZZ_IMAGES_H
#define ONNXC_FUZZ_IMAGES_H

#include <stddef.h>
#include <stdint.h>

typedef struct Image {
  int width, height;
  uint8_t *pixels; /* RGB; from malloc */
} Image;

typedef struct File {
  const char *format; /* jpeg, png, webp, jpeg2000 or tiff */
  char name[96];      /* what is special about it; without blanks */
  int bound;          /* by how much a sample may differ */
  uint8_t *bytes;     /* from malloc */
  size_t size;
} File;

/* Calls `take` with files of every kind that the libraries write, of pixels made from `seed`. */
void makeImages(uint32_t seed, void (*take)(File *file));

/* What the library makes of a file of this format; 0 where it refuses it, or warns. */
int readImage(const char *format, const uint8_t *bytes, size_t size, Image *image);

#endif
