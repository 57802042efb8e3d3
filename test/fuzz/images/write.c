/*===- test/fuzz/images/write.c ----------------------------------------------------===
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 * Files of every kind that the libraries write. See images.h.
 *===--------------------------------------------------------------------------------===*/
#include "images.h"

#include <openjpeg.h>
#include <png.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tiffio.h>
#include <webp/encode.h>

#include <jpeglib.h>

static uint32_t state;
static uint32_t randomBelow(uint32_t n) {
  state = state * 1664525 + 1013904223;
  return (uint32_t)((uint64_t)(state >> 8) * n >> 24);
}

static void (*takeFile)(File *file);

static void give(const char *format, int bound, uint8_t *bytes, size_t size, const char *name, ...) {
  File file = {.format = format, .bound = bound, .bytes = bytes, .size = size};
  va_list list;
  va_start(list, name);
  vsnprintf(file.name, sizeof file.name, name, list);
  va_end(list);
  takeFile(&file);
  free(bytes);
}

/* Slopes, edges and noise: something for every part of a coder. `most`: the largest sample. */
static void fill(uint16_t *samples, int width, int height, int channels, int most) {
  int slope[8], start[8], noise = randomBelow(3) ? (int)randomBelow(8) : most / 2;
  for (int c = 0; c < channels; ++c) {
    slope[c] = (int)randomBelow(17) - 8;
    start[c] = (int)randomBelow((uint32_t)most + 1);
  }
  int edge = (int)randomBelow((uint32_t)width);
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x)
      for (int c = 0; c < channels; ++c) {
        int value = start[c] + slope[c] * (x + 2 * y) * most / 512 + (x > edge ? most / 3 : 0) +
                    (noise ? (int)randomBelow((uint32_t)noise + 1) : 0);
        value = value < 0 ? 0 : value > most ? most : value;
        samples[(y * width + x) * channels + c] = (uint16_t)value;
      }
}

static int randomSize(void) {
  static const int sizes[] = {1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 33, 40, 64, 65, 100};
  return sizes[randomBelow(sizeof sizes / sizeof *sizes)];
}

/*===- JPEG --------------------------------------------------------------------------===*/

static void ignoreJpeg(j_common_ptr c, int level) { (void)c, (void)level; }

static void writeJpeg(int colors, int wide, int high, int isProgressive, int restart, int isOptimized, int quality) {
  struct jpeg_compress_struct c;
  struct jpeg_error_mgr errors;
  unsigned char *bytes = NULL;
  unsigned long size = 0;
  int width = randomSize(), height = randomSize();
  int channels = colors == JCS_GRAYSCALE ? 1 : colors == JCS_CMYK || colors == JCS_YCCK ? 4 : 3;
  uint16_t *samples = malloc((size_t)(width * height * channels) * 2);
  fill(samples, width, height, channels, 255);
  c.err = jpeg_std_error(&errors);
  errors.emit_message = ignoreJpeg;
  jpeg_create_compress(&c);
  jpeg_mem_dest(&c, &bytes, &size);
  c.image_width = (JDIMENSION)width;
  c.image_height = (JDIMENSION)height;
  c.input_components = channels;
  c.in_color_space = channels == 1 ? JCS_GRAYSCALE : channels == 4 ? JCS_CMYK : JCS_RGB;
  jpeg_set_defaults(&c);
  jpeg_set_colorspace(&c, (J_COLOR_SPACE)colors);
  jpeg_set_quality(&c, quality, (boolean)randomBelow(2));
  for (int i = 0; i < channels && (colors == JCS_YCbCr || colors == JCS_YCCK); ++i) {
    int isFull = i == 0 || i == 3;
    c.comp_info[i].h_samp_factor = isFull ? wide : 1;
    c.comp_info[i].v_samp_factor = isFull ? high : 1;
  }
  c.optimize_coding = isOptimized;
  c.restart_interval = (unsigned)restart;
  if (isProgressive)
    jpeg_simple_progression(&c);
  jpeg_start_compress(&c, TRUE);
  JSAMPLE *row = malloc((size_t)(width * channels));
  for (int y = 0; y < height; ++y) {
    for (int i = 0; i < width * channels; ++i)
      row[i] = (JSAMPLE)samples[y * width * channels + i];
    jpeg_write_scanlines(&c, &row, 1);
  }
  jpeg_finish_compress(&c);
  jpeg_destroy_compress(&c);
  free(row);
  free(samples);
  give("jpeg", 0, bytes, size, "colors-%d-sampling-%dx%d-%s-restart-%d-%s-quality-%d-%dx%d", colors, wide, high,
       isProgressive ? "progressive" : "baseline", restart, isOptimized ? "optimized" : "usual", quality, width,
       height);
}

static void writeJpegs(void) {
  static const int samplings[][2] = {{1, 1}, {2, 1}, {1, 2}, {2, 2}, {4, 1}, {1, 4}, {4, 2}, {2, 4}};
  static const int colors[] = {JCS_GRAYSCALE, JCS_RGB, JCS_YCbCr, JCS_CMYK, JCS_YCCK};
  for (int k = 0; k < 5; ++k)
    for (int s = 0; s < (colors[k] == JCS_YCbCr ? 8 : colors[k] == JCS_YCCK ? 6 : 1); ++s) /* 10 blocks are the most */
      for (int progressive = 0; progressive < 2; ++progressive)
        for (int variant = 0; variant < 2; ++variant)
          writeJpeg(colors[k], samplings[s][0], samplings[s][1], progressive, variant ? 1 + (int)randomBelow(5) : 0,
                    (int)randomBelow(2), 1 + (int)randomBelow(100));
}

/*===- PNG ---------------------------------------------------------------------------===*/

typedef struct Growing {
  uint8_t *bytes;
  size_t size, at;
} Growing;

static void appendPng(png_structp png, png_bytep bytes, size_t count) {
  Growing *to = png_get_io_ptr(png);
  to->bytes = realloc(to->bytes, to->size + count);
  memcpy(to->bytes + to->size, bytes, count);
  to->size += count;
}

static void writePng(int type, int depth, int interlace, int filters, int hasTransparency) {
  png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
  png_infop info = png_create_info_struct(png);
  Growing to = {0};
  int width = randomSize(), height = randomSize();
  int channels = type == PNG_COLOR_TYPE_RGB          ? 3
                 : type == PNG_COLOR_TYPE_RGBA       ? 4
                 : type == PNG_COLOR_TYPE_GRAY_ALPHA ? 2
                                                     : 1;
  png_set_write_fn(png, &to, appendPng, NULL);
  png_set_IHDR(png, info, (png_uint_32)width, (png_uint_32)height, depth, type, interlace, 0, 0);
  png_set_filter(png, 0, filters);
  png_set_compression_level(png, (int)randomBelow(10));
  png_color palette[256];
  int entries = 1 + (int)randomBelow(1u << (depth < 8 ? depth : 8));
  if (type == PNG_COLOR_TYPE_PALETTE) {
    for (int i = 0; i < entries; ++i)
      palette[i] = (png_color){(uint8_t)randomBelow(256), (uint8_t)randomBelow(256), (uint8_t)randomBelow(256)};
    png_set_PLTE(png, info, palette, entries);
  }
  if (hasTransparency) {
    png_color_16 key = {0, 1, 1, 1, 1};
    png_byte alpha[2] = {10, 200};
    png_set_tRNS(png, info, alpha, type == PNG_COLOR_TYPE_PALETTE ? 1 : 0, &key);
  }
  png_write_info(png, info);
  int most = type == PNG_COLOR_TYPE_PALETTE ? entries - 1 : (1 << depth) - 1;
  uint16_t *samples = malloc((size_t)(width * height * channels) * 2);
  fill(samples, width, height, channels, most);
  size_t stride = ((size_t)(width * channels * depth) + 7) / 8;
  png_bytep *rows = malloc(sizeof(png_bytep) * (size_t)height);
  for (int y = 0; y < height; ++y) {
    rows[y] = calloc(1, stride);
    for (int i = 0; i < width * channels; ++i) {
      unsigned value = samples[y * width * channels + i];
      if (depth == 16)
        rows[y][2 * i] = (uint8_t)(value >> 8), rows[y][2 * i + 1] = (uint8_t)value;
      else
        rows[y][i * depth / 8] |= (uint8_t)(value << (8 - depth - i * depth % 8));
    }
  }
  png_write_image(png, rows);
  png_write_end(png, info);
  png_destroy_write_struct(&png, &info);
  for (int y = 0; y < height; ++y)
    free(rows[y]);
  free(rows);
  free(samples);
  give("png", 0, to.bytes, to.size, "type-%d-depth-%d-interlace-%d-filters-%x-key-%d-%dx%d", type, depth, interlace,
       filters, hasTransparency, width, height);
}

static void writePngs(void) {
  static const int kinds[][2] = {{0, 1}, {0, 2}, {0, 4}, {0, 8}, {0, 16}, {2, 8}, {2, 16}, {3, 1},
                                 {3, 2}, {3, 4}, {3, 8}, {4, 8}, {4, 16}, {6, 8}, {6, 16}};
  static const int filters[] = {PNG_FILTER_NONE, PNG_FILTER_SUB,   PNG_FILTER_UP,
                                PNG_FILTER_AVG,  PNG_FILTER_PAETH, PNG_ALL_FILTERS};
  for (size_t k = 0; k < sizeof kinds / sizeof *kinds; ++k)
    for (int interlace = 0; interlace < 2; ++interlace)
      for (int f = 0; f < 6; ++f)
        writePng(kinds[k][0], kinds[k][1], interlace, filters[f], f == 5 && kinds[k][0] < 4);
}

/*===- WebP --------------------------------------------------------------------------===*/

static void writeWebp(int isLossless, int variant) {
  WebPConfig config;
  WebPConfigInit(&config);
  config.lossless = isLossless;
  config.quality = (float)randomBelow(101);
  config.method = (int)randomBelow(7);
  config.segments = 1 + (int)randomBelow(4);
  config.sns_strength = (int)randomBelow(101);
  config.filter_strength = (int)randomBelow(101);
  config.filter_sharpness = (int)randomBelow(8);
  config.filter_type = (int)randomBelow(2);
  config.partitions = (int)randomBelow(4);
  config.alpha_compression = (int)randomBelow(2);
  config.alpha_filtering = (int)randomBelow(3);
  config.near_lossless = isLossless && variant % 3 == 0 ? (int)randomBelow(101) : 100;
  config.exact = 1;
  WebPPicture picture;
  WebPPictureInit(&picture);
  WebPMemoryWriter writer;
  WebPMemoryWriterInit(&writer);
  picture.use_argb = isLossless;
  picture.width = randomSize();
  picture.height = randomSize();
  picture.writer = WebPMemoryWrite;
  picture.custom_ptr = &writer;
  int hasAlpha = variant % 2, channels = hasAlpha ? 4 : 3, few = variant % 5 == 0;
  uint16_t *samples = malloc((size_t)(picture.width * picture.height * channels) * 2);
  fill(samples, picture.width, picture.height, channels, 255);
  uint8_t *pixels = malloc((size_t)(picture.width * picture.height * channels));
  for (int i = 0; i < picture.width * picture.height * channels; ++i)
    pixels[i] = (uint8_t)(few ? samples[i] / 85 * 85 : samples[i]); /* of few colours: a palette */
  if (hasAlpha)
    WebPPictureImportRGBA(&picture, pixels, picture.width * 4);
  else
    WebPPictureImportRGB(&picture, pixels, picture.width * 3);
  if (!WebPEncode(&config, &picture))
    abort();
  WebPPictureFree(&picture);
  free(samples);
  free(pixels);
  uint8_t *bytes = malloc(writer.size);
  memcpy(bytes, writer.mem, writer.size);
  size_t size = writer.size;
  WebPMemoryWriterClear(&writer);
  give("webp", 0, bytes, size, "%s-method-%d-segments-%d-filter-%d-%d-partitions-%d-alpha-%d-%dx%d",
       isLossless ? "lossless" : "lossy", config.method, config.segments, config.filter_type, config.filter_strength,
       config.partitions, hasAlpha, picture.width, picture.height);
}

/*===- JPEG 2000 ---------------------------------------------------------------------===*/

static OPJ_SIZE_T appendJpeg2000(void *bytes, OPJ_SIZE_T count, void *user) {
  Growing *to = user;
  if (to->at + count > to->size) {
    to->bytes = realloc(to->bytes, to->at + count);
    memset(to->bytes + to->size, 0, to->at + count - to->size);
    to->size = to->at + count;
  }
  memcpy(to->bytes + to->at, bytes, count);
  to->at += count;
  return count;
}
static OPJ_BOOL seekJpeg2000(OPJ_OFF_T at, void *user) {
  ((Growing *)user)->at = (size_t)at;
  return OPJ_TRUE;
}
static OPJ_OFF_T skipJpeg2000(OPJ_OFF_T count, void *user) {
  ((Growing *)user)->at += (size_t)count;
  return count;
}

static void writeJpeg2000(int variant) {
  opj_cparameters_t p;
  opj_set_default_encoder_parameters(&p);
  int channels = variant % 4 == 0 ? 1 : variant % 7 == 0 ? 4 : 3, width = randomSize(), height = randomSize();
  int depth = variant % 6 == 5 ? 12 : 8, isFile = (int)randomBelow(2), isSubsampled = channels == 3 && variant % 5 == 1;
  p.irreversible = (int)randomBelow(2);
  p.numresolution = 1 + (int)randomBelow(6);
  while (p.numresolution > 1 && (width >> (p.numresolution - 1) < 1 || height >> (p.numresolution - 1) < 1))
    --p.numresolution;
  p.prog_order = (OPJ_PROG_ORDER)randomBelow(5);
  p.cblockw_init = 4 << randomBelow(5);
  p.cblockh_init = 4 << randomBelow(5);
  p.mode = (int)randomBelow(64);
  p.tcp_mct = (char)(channels >= 3 && !isSubsampled && randomBelow(2));
  p.tcp_numlayers = 1 + (int)randomBelow(3);
  p.cp_disto_alloc = 1;
  for (int i = 0; i < p.tcp_numlayers; ++i)
    p.tcp_rates[i] = i + 1 == p.tcp_numlayers ? (float)(randomBelow(2) ? 1 : 4) : (float)(40 >> i);
  if (randomBelow(3) == 0) {
    p.tile_size_on = OPJ_TRUE;
    p.cp_tdx = p.cp_tdy = 32;
  }
  if (randomBelow(3) == 0) {
    p.csty |= 1;
    p.res_spec = 1;
    p.prcw_init[0] = p.prch_init[0] = 64;
  }
  p.csty |= (int)(randomBelow(2) * 2 + randomBelow(2) * 4);
  opj_image_cmptparm_t parts[4];
  memset(parts, 0, sizeof parts);
  for (int i = 0; i < channels; ++i) {
    parts[i].dx = parts[i].dy = isSubsampled && i > 0 && i < 3 ? 2 : 1;
    parts[i].w = ((OPJ_UINT32)width + parts[i].dx - 1) / parts[i].dx;
    parts[i].h = ((OPJ_UINT32)height + parts[i].dy - 1) / parts[i].dy;
    parts[i].prec = (OPJ_UINT32)depth;
  }
  opj_image_t *image = opj_image_create((OPJ_UINT32)channels, parts,
                                        isSubsampled    ? OPJ_CLRSPC_SYCC
                                        : channels == 1 ? OPJ_CLRSPC_GRAY
                                                        : OPJ_CLRSPC_SRGB);
  image->x1 = (OPJ_UINT32)width;
  image->y1 = (OPJ_UINT32)height;
  uint16_t *samples = malloc((size_t)(width * height) * 2);
  for (int i = 0; i < channels; ++i) {
    fill(samples, (int)parts[i].w, (int)parts[i].h, 1, (1 << depth) - 1);
    for (OPJ_UINT32 k = 0; k < parts[i].w * parts[i].h; ++k)
      image->comps[i].data[k] = samples[k];
  }
  free(samples);
  Growing to = {0};
  opj_codec_t *codec = opj_create_compress(isFile ? OPJ_CODEC_JP2 : OPJ_CODEC_J2K);
  opj_stream_t *stream = opj_stream_default_create(OPJ_FALSE);
  opj_stream_set_write_function(stream, appendJpeg2000);
  opj_stream_set_seek_function(stream, seekJpeg2000);
  opj_stream_set_skip_function(stream, skipJpeg2000);
  opj_stream_set_user_data(stream, &to, NULL);
  int isDone = opj_setup_encoder(codec, &p, image) && opj_start_compress(codec, image, stream) &&
               opj_encode(codec, stream) && opj_end_compress(codec, stream);
  opj_stream_destroy(stream);
  opj_destroy_codec(codec);
  opj_image_destroy(image);
  if (isDone)
    give("jpeg2000",
         isSubsampled     ? 3
         : p.irreversible ? 1
                          : 0,
         to.bytes, to.size,
         "%s-%s-channels-%d-depth-%d-sub-%d-res-%d-order-%d-mode-%d-layers-%d-style-%d-mix-%d-tiles-%d-%dx%d",
         isFile ? "jp2" : "j2k", p.irreversible ? "lossy" : "lossless", channels, depth, isSubsampled, p.numresolution,
         p.prog_order, p.mode, p.tcp_numlayers, p.csty, p.tcp_mct, p.tile_size_on, width, height);
  else
    free(to.bytes);
}

/*===- TIFF --------------------------------------------------------------------------===*/

static tmsize_t readGrowing(thandle_t user, void *bytes, tmsize_t count) {
  Growing *to = user;
  size_t left = to->at < to->size ? to->size - to->at : 0;
  size_t taken = (size_t)count < left ? (size_t)count : left;
  memcpy(bytes, to->bytes + to->at, taken);
  to->at += taken;
  return (tmsize_t)taken;
}
static tmsize_t writeGrowing(thandle_t user, void *bytes, tmsize_t count) {
  return (tmsize_t)appendJpeg2000(bytes, (OPJ_SIZE_T)count, user);
}
static toff_t seekGrowing(thandle_t user, toff_t at, int from) {
  Growing *to = user;
  to->at = (size_t)at + (from == SEEK_CUR ? to->at : from == SEEK_END ? to->size : 0);
  return to->at;
}
static int closeGrowing(thandle_t user) {
  (void)user;
  return 0;
}
static toff_t sizeOfGrowing(thandle_t user) { return ((Growing *)user)->size; }

static void writeTiff(const char *order, int photometric, int bits, int compression, int isTiled, int isPlanar,
                      int predictor) {
  Growing to = {0};
  TIFF *t = TIFFClientOpen("made", order, &to, readGrowing, writeGrowing, seekGrowing, closeGrowing, sizeOfGrowing,
                           NULL, NULL);
  int width = randomSize(), height = randomSize(),
      channels = photometric == PHOTOMETRIC_RGB ? 3 + (int)randomBelow(2) : 1;
  TIFFSetField(t, TIFFTAG_IMAGEWIDTH, width);
  TIFFSetField(t, TIFFTAG_IMAGELENGTH, height);
  TIFFSetField(t, TIFFTAG_SAMPLESPERPIXEL, channels);
  TIFFSetField(t, TIFFTAG_BITSPERSAMPLE, bits);
  TIFFSetField(t, TIFFTAG_PHOTOMETRIC, photometric);
  TIFFSetField(t, TIFFTAG_COMPRESSION, compression);
  TIFFSetField(t, TIFFTAG_PLANARCONFIG, isPlanar ? PLANARCONFIG_SEPARATE : PLANARCONFIG_CONTIG);
  if (predictor)
    TIFFSetField(t, TIFFTAG_PREDICTOR, predictor);
  uint16_t extra = EXTRASAMPLE_UNASSALPHA, map[3][256];
  if (channels == 4)
    TIFFSetField(t, TIFFTAG_EXTRASAMPLES, 1, &extra);
  if (photometric == PHOTOMETRIC_PALETTE) {
    for (int i = 0; i < 3 << bits; ++i)
      map[i % 3][i / 3] = (uint16_t)(randomBelow(256) * 257);
    TIFFSetField(t, TIFFTAG_COLORMAP, map[0], map[1], map[2]);
  }
  int rows = 1 + (int)randomBelow((uint32_t)height), tile = 16 << randomBelow(2);
  if (isTiled) {
    TIFFSetField(t, TIFFTAG_TILEWIDTH, tile);
    TIFFSetField(t, TIFFTAG_TILELENGTH, tile);
  } else {
    TIFFSetField(t, TIFFTAG_ROWSPERSTRIP, rows);
  }
  int together = isPlanar ? 1 : channels, unitWide = isTiled ? tile : width, unitHigh = isTiled ? tile : rows;
  size_t stride = ((size_t)(unitWide * together * bits) + 7) / 8;
  uint16_t *samples = malloc((size_t)(unitWide * unitHigh * together) * 2);
  uint8_t *unit = malloc(stride * (size_t)unitHigh);
  int count = (int)(isTiled ? TIFFNumberOfTiles(t) : TIFFNumberOfStrips(t));
  for (int k = 0; k < count; ++k) {
    fill(samples, unitWide, unitHigh, together, (1 << bits) - 1);
    memset(unit, 0, stride * (size_t)unitHigh);
    for (int y = 0; y < unitHigh; ++y)
      for (int i = 0; i < unitWide * together; ++i) {
        unsigned value = samples[y * unitWide * together + i];
        uint8_t *row = unit + (size_t)y * stride;
        if (bits == 16)
          ((uint16_t *)(void *)row)[i] = (uint16_t)value;
        else
          row[i * bits / 8] |= (uint8_t)(value << (8 - bits - i * bits % 8));
      }
    int perPlane = (height + rows - 1) / rows,
        last = k % perPlane == perPlane - 1 ? height - k % perPlane * rows : rows;
    if (isTiled)
      TIFFWriteEncodedTile(t, (uint32_t)k, unit, (tmsize_t)(stride * (size_t)tile));
    else
      TIFFWriteEncodedStrip(t, (uint32_t)k, unit, (tmsize_t)(stride * (size_t)last));
  }
  TIFFClose(t);
  free(samples);
  free(unit);
  give("tiff", 0, to.bytes, to.size, "%s-photometric-%d-bits-%d-compression-%d-%s-%s-predictor-%d-channels-%d-%dx%d",
       order + 1, photometric, bits, compression, isTiled ? "tiles" : "strips", isPlanar ? "planes" : "pixels",
       predictor, channels, width, height);
}

static void writeTiffs(void) {
  static const int compressions[] = {COMPRESSION_NONE, COMPRESSION_LZW, COMPRESSION_ADOBE_DEFLATE, COMPRESSION_DEFLATE,
                                     COMPRESSION_PACKBITS};
  for (int photometric = 0; photometric < 4; ++photometric)
    for (int bits = 1; bits <= 16; bits *= 2) {
      if ((photometric == PHOTOMETRIC_RGB && bits < 8) || (photometric == PHOTOMETRIC_PALETTE && bits > 8))
        continue;
      for (int c = 0; c < 5; ++c)
        for (int k = 0; k < 4; ++k) {
          int hasPredictor =
              bits >= 8 && compressions[c] != COMPRESSION_NONE && compressions[c] != COMPRESSION_PACKBITS;
          writeTiff(randomBelow(2) ? "wl" : "wb", photometric, bits, compressions[c], k & 1, (k & 2) != 0,
                    hasPredictor ? 1 + (int)randomBelow(2) : 0);
        }
    }
}

static void ignoreTiff(const char *module, const char *format, va_list list) { (void)module, (void)format, (void)list; }

void makeImages(uint32_t seed, void (*take)(File *file)) {
  state = seed;
  takeFile = take;
  TIFFSetWarningHandler(ignoreTiff);
  writeJpegs();
  writePngs();
  for (int i = 0; i < 40; ++i)
    writeWebp(i % 2, i / 2);
  for (int i = 0; i < 80; ++i)
    writeJpeg2000(i);
  writeTiffs();
}
