/*===- runtime/library/pnm.c -------------------------------------------------------===
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 * The portable image formats PBM, PGM and PPM, plain and raw.
 *===--------------------------------------------------------------------------------===*/
#include "runtime/library/image.h"

static int isSpace(uint8_t byte) { return byte == ' ' || (byte >= 9 && byte <= 13); }

/* Skips white space, and comments to the end of their line. */
static uint64_t skipSpace(const onnxc_image *image, uint64_t at) {
  for (; at < image->size; ++at)
    if (image->data[at] == '#')
      while (at + 1 < image->size && image->data[at] != '\n' && image->data[at] != '\r')
        ++at;
    else if (!isSpace(image->data[at]))
      break;
  return at;
}

/* The next number of text, of at most `digits` digits; -1 when there is none. */
static int64_t readNumber(const onnxc_image *image, uint64_t *at, int digits) {
  int64_t number = -1;
  *at = skipSpace(image, *at);
  for (; *at < image->size && image->data[*at] >= '0' && image->data[*at] <= '9'; ++*at) {
    if (digits-- == 0)
      return -1;
    number = (number < 0 ? 0 : number * 10) + image->data[*at] - '0';
  }
  return number;
}

/* A sample of 0 to `most` as one of 0 to 255: halves to the even number, as in the reference. */
static int scale(int64_t sample, int64_t most) {
  if (most == 255 || sample >= most)
    return sample >= most ? 255 : (int)sample;
  int64_t twice = 2 * sample * 255, whole = twice / (2 * most), rest = twice % (2 * most);
  return (int)(whole + (rest > most || (rest == most && whole % 2)));
}

int onnxc_decode_pnm(onnxc_image *image) {
  int kind = image->data[1] - '0', isRaw = kind > 3, isBits = kind % 3 == 1, channels = kind % 3 == 0 ? 3 : 1;
  uint64_t at = 2;
  if (kind == 7) /* PAM */
    return ONNXC_IMAGE_UNSUPPORTED;
  int64_t width = readNumber(image, &at, 9), height = readNumber(image, &at, 9);
  int64_t most = isBits ? 1 : readNumber(image, &at, 9);
  if (width <= 0 || height <= 0 || most <= 0 || most > 65535 || at >= image->size)
    return ONNXC_IMAGE_DAMAGED;
  ++at; /* one byte of white space */
  int bytes = most > 255 ? 2 : 1;
  uint64_t samples = (uint64_t)width * channels; /* of a row; less than 2^32, so the products here fit */
  uint64_t row = isBits && isRaw ? (samples + 7) / 8 : isRaw ? samples * bytes : samples;
  if (row * (uint64_t)height > image->size - at) /* plain: each sample takes a byte at least */
    return ONNXC_IMAGE_DAMAGED;
  int status = onnxc_image_begin(image, width, height);
  if (status)
    return status;
  for (int64_t y = 0; y < height; ++y, at += isRaw ? row : 0)
    for (int64_t x = 0; x < width; ++x) {
      int pixel[3];
      for (int c = 0; c < channels; ++c) {
        int64_t sample;
        const uint8_t *from = image->data + at;
        if (isBits && isRaw) {
          sample = from[x / 8] >> (7 - x % 8) & 1;
        } else if (isRaw) {
          uint64_t i = (uint64_t)x * channels + c;
          sample = bytes == 2 ? onnxc_read_be16(from + i * 2) : from[i];
        } else if (isBits) { /* digits need nothing between them */
          at = skipSpace(image, at);
          sample = at < image->size ? image->data[at++] - '0' : -1;
        } else {
          sample = readNumber(image, &at, 9);
        }
        if (sample < 0 || (!isRaw && sample > most))
          return ONNXC_IMAGE_DAMAGED;
        pixel[c] = scale(isBits ? 1 - sample : sample, most); /* a set bit is black */
      }
      onnxc_image_put(image, x, y, pixel[0], pixel[channels / 2], pixel[channels - 1]);
    }
  return 0;
}
