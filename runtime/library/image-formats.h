/*===- runtime/library/image-formats.h ---------------------------------------------===
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 * Decoding of images: what the compiler (dialects/onnx/ops/Image.cpp) and image.c agree on.
 *===--------------------------------------------------------------------------------===*/
#ifndef ONNXC_LIBRARY_IMAGE_FORMATS_H
#define ONNXC_LIBRARY_IMAGE_FORMATS_H

enum { ONNXC_IMAGE_RGB, ONNXC_IMAGE_BGR, ONNXC_IMAGE_GRAYSCALE };

/* The statuses of onnxc_decode_image from 1 on, and their texts. */
enum { ONNXC_IMAGE_UNSUPPORTED = 1, ONNXC_IMAGE_OTHER_SIZE, ONNXC_IMAGE_BROKEN, ONNXC_IMAGE_LARGE };
#define ONNXC_IMAGE_FAILURES                                                                                           \
  {"ImageDecoder: the image uses a variant of its format that is not supported",                                       \
   "ImageDecoder: the image has another size than the model says",                                                     \
   "DecodeImage: the stream is damaged, or of no format that is known",                                                \
   "ImageDecoder: the image has more pixels than the program allows (onnxc_call.most_pixels)"}

/* Of onnxc_encode_image. */
#define ONNXC_IMAGE_ENCODER_FAILURES {"EncodeImage: the image has no pixels, or is too large for the format"}

#endif
