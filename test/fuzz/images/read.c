/*===- test/fuzz/images/read.c -----------------------------------------------------===
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 * What the libraries make of files, as RGB of 8 bits: opacity is left out, of more bits the upper ones are taken (of
 * JPEG 2000 rounded). See
 * images.h.
 *===--------------------------------------------------------------------------------===*/
#include "images.h"

#include <openjpeg.h>
#include <png.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tiffio.h>
#include <webp/decode.h>

#include <jpeglib.h>

enum { MostPixels = 1 << 20 };

/* The bytes of a file, where a library reads them. */
typedef struct Source {
  const uint8_t *bytes;
  size_t size, at;
} Source;

static int make(Image *image, int64_t width, int64_t height) {
  if (width < 1 || height < 1 || width > MostPixels || height > MostPixels || width * height > MostPixels)
    return 0;
  image->width = (int)width;
  image->height = (int)height;
  image->pixels = calloc((size_t)(width * height), 3);
  return 1;
}

/*===- JPEG --------------------------------------------------------------------------===*/

typedef struct JpegErrors {
  struct jpeg_error_mgr base;
  jmp_buf end;
} JpegErrors;

static void endJpeg(j_common_ptr c) { longjmp(((JpegErrors *)(void *)c->err)->end, 1); }
static void ignoreJpeg(j_common_ptr c) { (void)c; }

static int multiply(int a, int b) {
  int product = a * b + 128;
  return ((product >> 8) + product) >> 8;
}

static int readJpeg(const uint8_t *bytes, size_t size, Image *image) {
  struct jpeg_decompress_struct d;
  JpegErrors errors;
  d.err = jpeg_std_error(&errors.base);
  errors.base.error_exit = endJpeg;
  errors.base.output_message = ignoreJpeg;
  uint8_t *volatile row = NULL;
  if (setjmp(errors.end)) {
    jpeg_destroy_decompress(&d);
    free(row);
    return 0;
  }
  jpeg_create_decompress(&d);
  jpeg_mem_src(&d, bytes, size);
  jpeg_read_header(&d, TRUE);
  int isInk = d.num_components == 4;
  d.out_color_space = isInk ? JCS_CMYK : JCS_RGB;
  if (!make(image, d.image_width, d.image_height))
    endJpeg((j_common_ptr)&d);
  jpeg_start_decompress(&d);
  row = malloc((size_t)image->width * 4);
  for (int y = 0; y < image->height; ++y) {
    uint8_t *to = image->pixels + (size_t)y * (size_t)image->width * 3;
    JSAMPROW rows[1] = {row};
    jpeg_read_scanlines(&d, rows, 1);
    for (int x = 0; x < image->width; ++x)
      for (int c = 0; c < 3; ++c) /* inks as Adobe writes them: what is left of white */
        to[3 * x + c] =
            isInk ? (uint8_t)(row[4 * x + 3] - multiply(255 - row[4 * x + c], row[4 * x + 3])) : row[3 * x + c];
  }
  jpeg_finish_decompress(&d);
  int isSound = errors.base.num_warnings == 0;
  jpeg_destroy_decompress(&d);
  free(row);
  return isSound;
}

/*===- PNG ---------------------------------------------------------------------------===*/

static void takePng(png_structp png, png_bytep to, size_t count) {
  Source *source = png_get_io_ptr(png);
  if (count > source->size - source->at)
    png_error(png, "short");
  memcpy(to, source->bytes + source->at, count);
  source->at += count;
}

static void endPng(png_structp png, png_const_charp text) {
  (void)text;
  png_longjmp(png, 1);
}
static void ignorePng(png_structp png, png_const_charp text) { (void)png, (void)text; }

static int readPng(const uint8_t *bytes, size_t size, Image *image) {
  Source source = {bytes, size, 0};
  png_structp png = png_create_read_struct(PNG_LIBPNG_VER_STRING, NULL, endPng, ignorePng);
  png_infop info = png_create_info_struct(png);
  png_bytep *volatile rows = NULL;
  if (setjmp(png_jmpbuf(png))) {
    png_destroy_read_struct(&png, &info, NULL);
    free(rows);
    return 0;
  }
  png_set_read_fn(png, &source, takePng);
  png_read_info(png, info);
  int isWide = png_get_bit_depth(png, info) == 16;
  if (png_get_color_type(png, info) == PNG_COLOR_TYPE_PALETTE)
    png_set_palette_to_rgb(png);
  png_set_expand_gray_1_2_4_to_8(png);
  if (isWide)
    png_set_strip_16(png);
  png_set_strip_alpha(png);
  png_set_gray_to_rgb(png);
  png_set_interlace_handling(png);
  png_read_update_info(png, info);
  if (!make(image, png_get_image_width(png, info), png_get_image_height(png, info)) ||
      png_get_rowbytes(png, info) != (size_t)image->width * 3)
    png_error(png, "size");
  rows = malloc(sizeof(png_bytep) * (size_t)image->height);
  for (int y = 0; y < image->height; ++y)
    rows[y] = image->pixels + (size_t)y * (size_t)image->width * 3;
  png_read_image(png, rows);
  png_read_end(png, info);
  png_destroy_read_struct(&png, &info, NULL);
  free(rows);
  return 1;
}

/*===- WebP --------------------------------------------------------------------------===*/

static int readWebp(const uint8_t *bytes, size_t size, Image *image) {
  int width, height;
  return WebPGetInfo(bytes, size, &width, &height) && make(image, width, height) &&
         WebPDecodeRGBInto(bytes, size, image->pixels, (size_t)width * (size_t)height * 3, width * 3);
}

/*===- JPEG 2000 ---------------------------------------------------------------------===*/

static OPJ_SIZE_T takeJpeg2000(void *to, OPJ_SIZE_T count, void *user) {
  Source *source = user;
  size_t left = source->size - source->at, taken = count < left ? count : left;
  if (taken == 0)
    return (OPJ_SIZE_T)-1;
  memcpy(to, source->bytes + source->at, taken);
  source->at += taken;
  return taken;
}
static OPJ_OFF_T skipJpeg2000(OPJ_OFF_T count, void *user) {
  Source *source = user;
  size_t left = source->size - source->at;
  source->at += (size_t)count < left ? (size_t)count : left;
  return count;
}
static OPJ_BOOL seekJpeg2000(OPJ_OFF_T at, void *user) {
  Source *source = user;
  source->at = (size_t)at < source->size ? (size_t)at : source->size;
  return (size_t)at <= source->size;
}
static void countWarning(const char *text, void *user) {
  (void)text;
  ++*(int *)user;
}

static int clamp(double x) { return x < 0 ? 0 : x > 255 ? 255 : (int)(x + 0.5); }

static int sampleAt(const opj_image_comp_t *c, const opj_image_t *image, int x, int y) {
  int64_t column = (image->x0 + (OPJ_UINT32)x) / c->dx - c->x0, row = (image->y0 + (OPJ_UINT32)y) / c->dy - c->y0;
  column = column < 0 ? 0 : column >= c->w ? c->w - 1 : column;
  row = row < 0 ? 0 : row >= c->h ? c->h - 1 : row;
  int value = c->data[row * c->w + column] + (c->sgnd ? 1 << (c->prec - 1) : 0);
  if (c->prec <= 8)
    return value << (8 - c->prec);
  value = (value + (1 << (c->prec - 9))) >> (c->prec - 8);
  return value > 255 ? 255 : value;
}

static int readJpeg2000(const uint8_t *bytes, size_t size, Image *image) {
  Source source = {bytes, size, 0};
  int problems = 0, isRead = 0;
  opj_dparameters_t p;
  opj_set_default_decoder_parameters(&p);
  opj_codec_t *codec = opj_create_decompress(size && bytes[0] == 0xFF ? OPJ_CODEC_J2K : OPJ_CODEC_JP2);
  opj_set_warning_handler(codec, countWarning, &problems);
  opj_stream_t *stream = opj_stream_default_create(OPJ_TRUE);
  opj_stream_set_read_function(stream, takeJpeg2000);
  opj_stream_set_skip_function(stream, skipJpeg2000);
  opj_stream_set_seek_function(stream, seekJpeg2000);
  opj_stream_set_user_data(stream, &source, NULL);
  opj_stream_set_user_data_length(stream, size);
  opj_image_t *read = NULL;
  if (opj_setup_decoder(codec, &p) && opj_read_header(stream, codec, &read) &&
      make(image, (int64_t)read->x1 - read->x0, (int64_t)read->y1 - read->y0) &&
      (uint64_t)read->numcomps * (uint64_t)image->width * (uint64_t)image->height <= 4 * MostPixels &&
      opj_decode(codec, stream, read) && opj_end_decompress(codec, stream) && problems == 0) {
    isRead = 1;
    for (OPJ_UINT32 c = 0; c < read->numcomps; ++c)
      isRead &= read->comps[c].data && read->comps[c].w && read->comps[c].h && read->comps[c].prec <= 16;
    int isSycc = read->color_space == OPJ_CLRSPC_SYCC;
    if (read->color_space != OPJ_CLRSPC_SRGB && !isSycc && read->numcomps >= 3)
      isSycc = read->comps[0].dx == 1 &&
               (read->comps[1].dx != 1 || read->comps[1].dy != 1 || read->comps[2].dx != 1 || read->comps[2].dy != 1);
    for (int y = 0; isRead && y < image->height; ++y)
      for (int x = 0; x < image->width; ++x) {
        uint8_t *to = image->pixels + 3 * ((size_t)y * (size_t)image->width + (size_t)x);
        int s[3];
        for (OPJ_UINT32 c = 0; c < 3; ++c)
          s[c] = sampleAt(&read->comps[read->numcomps >= 3 ? c : 0], read, x, y);
        if (isSycc && read->numcomps >= 3) {
          double cb = s[1] - 128, cr = s[2] - 128, luma = s[0];
          s[0] = clamp(luma + 1.402 * cr);
          s[1] = clamp(luma - 0.344136 * cb - 0.714136 * cr);
          s[2] = clamp(luma + 1.772 * cb);
        }
        for (int c = 0; c < 3; ++c)
          to[c] = (uint8_t)s[c];
      }
  }
  opj_stream_destroy(stream);
  opj_destroy_codec(codec);
  opj_image_destroy(read);
  return isRead;
}

/*===- TIFF --------------------------------------------------------------------------===*/

static tmsize_t takeTiff(thandle_t user, void *to, tmsize_t count) {
  Source *source = user;
  size_t left = source->at < source->size ? source->size - source->at : 0;
  size_t taken = (size_t)count < left ? (size_t)count : left;
  memcpy(to, source->bytes + source->at, taken);
  source->at += taken;
  return (tmsize_t)taken;
}
static tmsize_t refuseTiff(thandle_t user, void *bytes, tmsize_t count) {
  (void)user, (void)bytes, (void)count;
  return 0;
}
static toff_t seekTiff(thandle_t user, toff_t at, int from) {
  Source *source = user;
  source->at = (size_t)at + (from == SEEK_CUR ? source->at : from == SEEK_END ? source->size : 0);
  return source->at;
}
static int closeTiff(thandle_t user) {
  (void)user;
  return 0;
}
static toff_t sizeOfTiff(thandle_t user) { return ((Source *)user)->size; }

static int tiffProblems;
static void countTiff(const char *module, const char *format, va_list list) {
  (void)module, (void)format, (void)list;
  ++tiffProblems;
}

static int readTiff(const uint8_t *bytes, size_t size, Image *image) {
  Source source = {bytes, size, 0};
  tiffProblems = 0;
  TIFFSetWarningHandler(countTiff);
  TIFFSetErrorHandler(countTiff);
  TIFF *t = TIFFClientOpen("read", "rm", &source, takeTiff, refuseTiff, seekTiff, closeTiff, sizeOfTiff, NULL, NULL);
  if (!t)
    return 0;
  uint32_t width = 0, height = 0;
  TIFFGetField(t, TIFFTAG_IMAGEWIDTH, &width);
  TIFFGetField(t, TIFFTAG_IMAGELENGTH, &height);
  int isRead = make(image, width, height);
  if (isRead) {
    uint16_t channels = 1, bits = 1, photometric = 0, planar = 1, *maps[3] = {NULL, NULL, NULL};
    TIFFGetFieldDefaulted(t, TIFFTAG_SAMPLESPERPIXEL, &channels);
    TIFFGetFieldDefaulted(t, TIFFTAG_BITSPERSAMPLE, &bits);
    TIFFGetField(t, TIFFTAG_PHOTOMETRIC, &photometric);
    TIFFGetFieldDefaulted(t, TIFFTAG_PLANARCONFIG, &planar);
    TIFFGetField(t, TIFFTAG_COLORMAP, &maps[0], &maps[1], &maps[2]);
    int isTiled = TIFFIsTiled(t), together = planar == 1 ? channels : 1;
    uint32_t wide = width, high = height;
    if (isTiled)
      TIFFGetField(t, TIFFTAG_TILEWIDTH, &wide), TIFFGetField(t, TIFFTAG_TILELENGTH, &high);
    else
      TIFFGetFieldDefaulted(t, TIFFTAG_ROWSPERSTRIP, &high);
    high = high < height || isTiled ? high : height;
    isRead = (bits == 1 || bits == 2 || bits == 4 || bits == 8 || bits == 16) && photometric <= PHOTOMETRIC_PALETTE &&
             (photometric != PHOTOMETRIC_RGB || channels >= 3) && (photometric != PHOTOMETRIC_PALETTE || maps[0]) &&
             wide && high && (isTiled ? TIFFTileSize(t) : TIFFStripSize(t)) < 64 << 20;
    uint32_t units = isRead ? isTiled ? TIFFNumberOfTiles(t) : TIFFNumberOfStrips(t) : 0;
    uint32_t across = isRead && isTiled ? (width + wide - 1) / wide : 1, planes = planar == 1 ? 1 : channels;
    size_t stride = ((size_t)wide * (size_t)together * bits + 7) / 8;
    uint8_t *unit = isRead ? malloc(stride * high) : NULL;
    for (uint32_t k = 0; isRead && k < units; ++k) {
      uint32_t perPlane = units / planes, plane = k / perPlane, index = k % perPlane, top = index / across * high,
               left = index % across * wide;
      tmsize_t got = isTiled ? TIFFReadEncodedTile(t, k, unit, (tmsize_t)(stride * high))
                             : TIFFReadEncodedStrip(t, k, unit, (tmsize_t)(stride * high));
      uint32_t rows = height - top < high ? height - top : high;
      isRead = plane >= planes || (got >= 0 && (size_t)got >= stride * rows);
      for (uint32_t y = 0; isRead && y < rows; ++y)
        for (uint32_t x = 0; x < wide && left + x < width; ++x)
          for (int i = 0; i < together; ++i) {
            const uint8_t *row = unit + y * stride;
            size_t at = (size_t)x * (size_t)together + (size_t)i;
            unsigned most = (1u << (bits > 8 ? 8 : bits)) - 1,
                     value = bits == 16 ? ((const uint16_t *)(const void *)row)[at] >> 8u
                                        : row[at * bits / 8] >> (8 - bits - at * bits % 8) & most;
            uint8_t *to = image->pixels + 3 * ((size_t)(top + y) * width + left + x);
            unsigned channel = planar == 1 ? (unsigned)i : plane;
            if (photometric == PHOTOMETRIC_RGB && channel < 3)
              to[channel] = (uint8_t)(value * 255 / most);
            else if (channel == 0 && photometric != PHOTOMETRIC_RGB)
              for (int c = 0; c < 3; ++c)
                to[c] = (uint8_t)(photometric == PHOTOMETRIC_PALETTE
                                      ? maps[c][value] >> 8u
                                      : (photometric == PHOTOMETRIC_MINISWHITE ? most - value : value) * 255 / most);
          }
    }
    free(unit);
  }
  TIFFClose(t);
  return isRead && tiffProblems == 0;
}

int readImage(const char *format, const uint8_t *bytes, size_t size, Image *image) {
  static const struct {
    const char *format;
    int (*read)(const uint8_t *bytes, size_t size, Image *image);
  } readers[] = {
      {"jpeg", readJpeg}, {"png", readPng}, {"webp", readWebp}, {"jpeg2000", readJpeg2000}, {"tiff", readTiff}};
  *image = (Image){0, 0, NULL};
  for (size_t i = 0; i < sizeof readers / sizeof *readers; ++i)
    if (strcmp(format, readers[i].format) == 0 && readers[i].read(bytes, size, image))
      return 1;
  free(image->pixels);
  image->pixels = NULL;
  return 0;
}
