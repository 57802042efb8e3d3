/* The binary interface of a compiled model: what onnxc writes and what a program calls.
 *
 * Treated as a schema: a field is never moved or reused, new ones go to the end, and readers check `abi_version` and
 * `struct_size` before they look. The compiler writes these structs field by field (lib/Emit/ModelTable.cpp), so the
 * static asserts at the end hold for it, too. Only C11 headers of a freestanding implementation are needed.
 *
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 */
#ifndef ONNXC_ABI_H
#define ONNXC_ABI_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if UINTPTR_MAX != UINT64_MAX
#error "compiled models have 64-bit pointers: onnxc compiles for x86-64 and aarch64"
#endif

#define ONNXC_ABI_VERSION 1
#define ONNXC_ABI_REVISION 3 /* of this header: how often fields have been added, from 1 on */

/* Element types, with the numbers of ONNX's TensorProto.DataType. */
typedef enum onnxc_type {
  ONNXC_UNDEFINED = 0,
  ONNXC_FLOAT = 1,
  ONNXC_UINT8 = 2,
  ONNXC_INT8 = 3,
  ONNXC_UINT16 = 4,
  ONNXC_INT16 = 5,
  ONNXC_INT32 = 6,
  ONNXC_INT64 = 7,
  ONNXC_STRING = 8,
  ONNXC_BOOL = 9,
  ONNXC_FLOAT16 = 10,
  ONNXC_DOUBLE = 11,
  ONNXC_UINT32 = 12,
  ONNXC_UINT64 = 13,
  ONNXC_COMPLEX64 = 14, /* real and imaginary part, as C's float _Complex */
  ONNXC_COMPLEX128 = 15,
  ONNXC_BFLOAT16 = 16,
  ONNXC_FLOAT8E4M3FN = 17, /* floats of 8, 6 and 4 bits take a byte each, the others of its bits zero */
  ONNXC_FLOAT8E4M3FNUZ = 18,
  ONNXC_FLOAT8E5M2 = 19,
  ONNXC_FLOAT8E5M2FNUZ = 20,
  ONNXC_UINT4 = 21, /* integers of 4 and 2 bits take a byte each, the others of its bits zero or copies of the sign */
  ONNXC_INT4 = 22,
  ONNXC_FLOAT4E2M1 = 23,
  ONNXC_FLOAT8E8M0 = 24,
  ONNXC_UINT2 = 25,
  ONNXC_INT2 = 26,
  ONNXC_FLOAT6E2M3 = 27,
  ONNXC_FLOAT6E3M2 = 28,
} onnxc_type;

/* What the type of an input or output is besides an element type: a flag says that it isn't a tensor. */
#define ONNXC_SEQUENCE 0x100               /* of tensors with that element type; with ONNXC_MAP: of maps */
#define ONNXC_OPTIONAL 0x200               /* a tensor, or with ONNXC_SEQUENCE a sequence; or nothing */
#define ONNXC_MAP 0x400                    /* to values of that element type */
#define ONNXC_MAP_KEY(type) ((type) << 16) /* the element type of a map's keys */
#define ONNXC_ELEMENT_TYPE(type) ((type) & 0xff)

typedef enum onnxc_status {
  ONNXC_OK = 0,
  ONNXC_ERROR_ARGUMENT = 1,    /* a null pointer, an unknown name, a struct_size that is too small */
  ONNXC_ERROR_SHAPE = 2,       /* dims that the model does not accept */
  ONNXC_ERROR_TYPE = 3,        /* an element type that the model does not accept */
  ONNXC_ERROR_FILE = 4,        /* a file that can't be read, or isn't what it should be */
  ONNXC_ERROR_UNSUPPORTED = 5, /* another ABI version, or this processor lacks features the model was built for */
  ONNXC_ERROR_MEMORY = 6,      /* the allocator returned NULL */
  ONNXC_ERROR_RUN = 7,         /* a node fails on these sizes or values; onnxc_call.error_site says which */
  ONNXC_ERROR_CANCELLED = 8,   /* onnxc_call.cancel was set while the model ran */
  ONNXC_ERROR_DEADLINE = 9     /* onnxc_call.deadline has passed */
} onnxc_status;

static inline const char *onnxc_status_text(onnxc_status status) {
  static const char *const texts[] = {"fine",
                                      "a wrong argument",
                                      "shapes that the model does not accept",
                                      "an element type that the model does not accept",
                                      "a file that can't be read, or isn't what it should be",
                                      "the model is for another interface or processor",
                                      "out of memory",
                                      "a node of the model fails",
                                      "cancelled",
                                      "not done by its deadline"};
  return (size_t)status < sizeof(texts) / sizeof(texts[0]) ? texts[(size_t)status] : "an unknown status";
}

/* A dimension of an onnxc_value_info: a size >= 0, or one of these. */
#define ONNXC_DIM_RUN (INT64_MIN + 1) /* of an output, follows from what is computed: run() tells, plan() says -1 */
#define ONNXC_DIM_COMPUTED INT64_MIN  /* follows from the inputs: ask plan() */
#define ONNXC_DIM_SYMBOL(k) (-1 - (int64_t)(k)) /* onnxc_model.symbols[k], chosen by the caller */

/* What the model says of one of its inputs or outputs. */
typedef struct onnxc_value_info {
  const char *name;
  int32_t type;        /* onnxc_type, and flags where it isn't a tensor */
  int32_t rank;        /* 0 where it isn't a tensor */
  const int64_t *dims; /* `rank` dimensions, see above */
} onnxc_value_info;

/* A dense row-major tensor; an element of ONNXC_STRING is a `const char *` to zero-terminated UTF-8. Inputs: the caller
 * sets both; plan() needs the data of onnxc_model.plan_inputs only. Outputs: `dims` points to room for `rank` sizes
 * that plan() writes, and the caller then points `data` to memory of that many elements, 64-byte aligned for best
 * speed. Outputs that only run() knows the size of (some dimension is ONNXC_DIM_RUN), outputs of strings and those that
 * aren't tensors: run() sets `data` to memory from onnxc_call.allocator, which release() gives back. Where the type
 * isn't a tensor, `data` points to an onnxc_value and `dims` is not used. */
typedef struct onnxc_tensor {
  void *data;
  int64_t *dims;
} onnxc_tensor;

typedef enum onnxc_kind {
  ONNXC_KIND_NONE = 0, /* an optional without a value */
  ONNXC_KIND_TENSOR = 1,
  ONNXC_KIND_SEQUENCE = 2,
  ONNXC_KIND_MAP = 3
} onnxc_kind;

/* A value that isn't just a tensor. */
typedef struct onnxc_value {
  int32_t kind;              /* onnxc_kind */
  int32_t type;              /* element type of a tensor or of the tensors in a sequence */
  int64_t count;             /* dimensions of a tensor, items of a sequence, 2 of a map */
  int64_t *dims;             /* of a tensor */
  void *data;                /* of a tensor */
  struct onnxc_value *items; /* of a sequence; of a map: a tensor of keys and one of values, both of shape [entries] */
} onnxc_value;

/* Where memory comes from. `alignment` is a power of two; `release` gets the size that was asked for. */
typedef struct onnxc_allocator {
  void *self;
  void *(*allocate)(void *self, size_t alignment, size_t size); /* NULL when there is none */
  void (*release)(void *self, void *memory, size_t size);
} onnxc_allocator;

/* Runs body(context, i, worker) for every i in [0, n), each once, in any order, on any thread, and returns when all are
 * done. `worker` is in [0, threads) and no two bodies run at the same time with the same worker. */
typedef void (*onnxc_body)(void *context, int64_t i, int32_t worker);
typedef struct onnxc_pool {
  void *self;
  void (*parallel_for)(void *self, int64_t n, onnxc_body body, void *context);
  int32_t threads;
  int32_t reserved;
} onnxc_pool;

/* One inference. All memory is the caller's; of it only what outputs are made of is kept after the call. */
typedef struct onnxc_call {
  uint32_t struct_size; /* sizeof(onnxc_call) */
  int32_t error_site;   /* out, after an error: index into onnxc_model.error_sites, or -1 */
  const onnxc_tensor *inputs;
  onnxc_tensor *outputs;
  const void *weights;              /* onnxc_model.weights, or where the program mapped the model's weights file */
  void *workspace;                  /* 64-byte aligned; may be NULL when workspace_size is 0 */
  uint64_t workspace_size;          /* bytes: out of plan(), in to run() */
  const onnxc_pool *pool;           /* NULL: everything on the calling thread */
  const onnxc_allocator *allocator; /* for what only run() knows the size of; needed where onnxc_model.release is set.
                                       Used from the thread that calls run(), and until release() */
  void *kept;                       /* NULL before run(); then what release() gives back */
  int64_t *ranks; /* room for onnxc_model.rank_output_count numbers, which run() writes; NULL: not wanted */
  /* Out, with error_site: a number that lies outside of its range, an index say; inside where there is none to tell. */
  int64_t error_value, error_least, error_most;
  /* What ends a run early. A model looks at both before every parallel loop, and now and then in others. The outputs
   * are then unspecified, nothing is kept, and the same call may run again. */
  const int32_t *cancel;  /* NULL, or what another thread may set to 1: ONNXC_ERROR_CANCELLED */
  int64_t (*clock)(void); /* NULL, or a clock: once it shows `deadline` or more, ONNXC_ERROR_DEADLINE */
  int64_t deadline;
  uint64_t most_pixels; /* of an image that the model decodes; 0: 2^26, or 512 for each byte of its stream */
} onnxc_call;

/* Whether a struct that says how big it is has a field that came later than the first ones. */
#define ONNXC_HAS(type, object, field) ((object)->struct_size >= offsetof(type, field) + sizeof((object)->field))

/* A compiled model. Constant data; any number of threads may use it at the same time. */
typedef struct onnxc_model {
  uint32_t abi_version; /* ONNXC_ABI_VERSION of the compiler */
  uint32_t struct_size; /* sizeof(onnxc_model) of the compiler */
  const char *name;
  const char *target;   /* target triple */
  const char *features; /* processor features the code needs, LLVM's names, comma separated */
  uint64_t input_count;
  const onnxc_value_info *inputs;
  uint64_t output_count;
  const onnxc_value_info *outputs;
  uint64_t symbol_count;
  const char *const *symbols; /* names of the dimensions that the caller chooses */
  const void *weights;        /* NULL when they are in a file beside the model */
  uint64_t weights_size;      /* bytes */
  const char *weights_file;   /* file name, to be looked for in the model's folder; NULL when embedded */
  uint64_t weights_hash;      /* xxHash64 of the weights (seed 0), to notice a wrong file */
  uint64_t error_site_count;
  const char *const *error_sites; /* "node 'name' (Gather): index out of range on axis 0" */
  uint64_t metadata_count;
  const char *const *metadata; /* key, value, key, value, ... of the ONNX file's metadata_props */
  /* From inputs[].dims, and the data of `plan_inputs`: writes outputs[].dims and workspace_size. */
  int32_t (*plan)(onnxc_call *call);
  /* Computes the outputs. plan() must have been called with the same dims, and the same data of `plan_inputs`. */
  int32_t (*run)(onnxc_call *call);
  uint64_t plan_input_count;   /* 0 in nearly every model: no size depends on a value */
  const uint64_t *plan_inputs; /* indices of the inputs that sizes depend on: plan() reads their data */
  /* Gives back the memory of the outputs that run() allocated. NULL in a model that never allocates. A run that fails
   * keeps nothing; before the same onnxc_call is run again it must be released. */
  void (*release)(onnxc_call *call);
  uint64_t rank_output_count;   /* 0 in nearly every model: every output has one rank */
  const uint64_t *rank_outputs; /* indices of the outputs whose rank run() tells in onnxc_call.ranks, in this order.
                                   `rank` of such an output is the highest; the tensor has the last of its dims, and
                                   those before them are 1 */
  const char *producer;         /* "onnxc 1.2.3 (LLVM 22.1.0)" */
  const char *options;          /* that it was compiled with, as onnxc takes them */
  uint64_t source_hash; /* xxHash64 (seed 0) of the model file, without external data; 0: it wasn't a file of its own */
} onnxc_model;

/* The only symbol that a compiled model exports is `const onnxc_model *PREFIX_model(void)`; a shared library also has
 * it under the name `onnxc_model_entry`, for programs that open models by file name. */
typedef const onnxc_model *(*onnxc_model_function)(void);

#if defined(__cplusplus)
#define ONNXC_STATIC_ASSERT static_assert
#else
#define ONNXC_STATIC_ASSERT _Static_assert
#endif
ONNXC_STATIC_ASSERT(sizeof(onnxc_value_info) == 24, "schema");
ONNXC_STATIC_ASSERT(sizeof(onnxc_tensor) == 16, "schema");
ONNXC_STATIC_ASSERT(sizeof(onnxc_pool) == 24, "schema");
ONNXC_STATIC_ASSERT(sizeof(onnxc_value) == 40, "schema");
ONNXC_STATIC_ASSERT(sizeof(onnxc_allocator) == 24, "schema");
ONNXC_STATIC_ASSERT(offsetof(onnxc_call, kept) == 64, "schema");
ONNXC_STATIC_ASSERT(sizeof(onnxc_call) == 136, "schema");
ONNXC_STATIC_ASSERT(offsetof(onnxc_model, weights) == 80, "schema");
ONNXC_STATIC_ASSERT(sizeof(onnxc_model) == 224, "schema");

#ifdef __cplusplus
}
#endif
#endif
