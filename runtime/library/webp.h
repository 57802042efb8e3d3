/*===- runtime/library/webp.h ------------------------------------------------------===
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 * What the container of WebP (webp.c) and its two kinds of frames share.
 *===--------------------------------------------------------------------------------===*/
#ifndef ONNXC_LIBRARY_WEBP_H
#define ONNXC_LIBRARY_WEBP_H

#include "runtime/library/image.h"

/* The bits of a frame, and its place in the image, which has been begun and contains it. */
typedef struct onnxc_webp_frame {
  onnxc_image *image;
  const uint8_t *data;
  uint64_t size;
  int64_t left, top, width, height;
} onnxc_webp_frame;

/* Their headers, from which the width and height have been taken, are in `data`, too. */
enum { ONNXC_VP8_HEADER = 10, ONNXC_VP8L_HEADER = 5 };
int onnxc_decode_vp8(const onnxc_webp_frame *frame);
int onnxc_decode_vp8l(const onnxc_webp_frame *frame);

#endif
