"""Models of the operators of com.microsoft that attend and generate, with what onnxruntime makes of them.

    transformers.py FOLDER [TEXT]

writes cases in the layout of the backend cases, and FOLDER/tolerances.tsv: those whose name contains the text, or a sample.
Each case is a node and several sets of its inputs; a dimension that differs between the sets is a symbol.
"""

import pathlib
import shutil
import sys

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

onnxruntime.set_default_logger_severity(4)
rng = np.random.default_rng(20)
# Of the searches, which take long to compile, the sample has these.
SEARCHES = ("greedy-min-fed", "greedy-gram-2", "greedy-first-words", "greedy-mask", "greedy-first-decoder", "greedy-end-0", "sampling-3",
            "sampling-kept", "sampling-custom", "sampling-penalties", "beams-fed", "beams-words", "beams-scores", "beams-end-4-1",
            "beams-first-decoder", "encoder-2", "encoder-fed", "encoder-hidden", "encoder-all", "encoder-short", "whisper-fed", "whisper-times-2",
            "whisper-no-speech", "whisper-forced", "shared-greedy", "shared-beams-first", "shared-encoder-masked", "shared-whisper")
CASES = {}


def cases(make):
    CASES[make.__name__] = make
    return make


def f(*shape, scale=1.0):
    return (rng.normal(size=shape) * scale).astype(np.float32)


def i32(*values):
    return np.array(values, np.int32)


def scalar(value, dtype=np.int32):
    return np.array(value, dtype)


def value_info(name, arrays, symbols):
    """The type of an input that has these values in the sets."""
    first, dims = arrays[0], []
    for axis in range(first.ndim):
        sizes = tuple(a.shape[axis] for a in arrays)
        dims.append(sizes[0] if len(set(sizes)) == 1 else symbols.setdefault(sizes, f"s{len(symbols)}"))
    return helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(first.dtype), dims)


def node_model(op, sets, outputs, attributes, constants=(), known=None):
    names = ["" if a is None else f"x{k}" for k, a in enumerate(sets[0])]
    symbols = {}
    inputs = [value_info(n, [s[k] for s in sets], symbols) for k, n in enumerate(names) if n and k not in constants]
    initializers = [numpy_helper.from_array(sets[0][k], names[k]) for k in constants]
    # `outputs`: for each its element type, or None where it is not asked for
    results = ["" if t is None else f"y{k}" for k, t in enumerate(outputs)]
    nodes = [helper.make_node(op, names, results, op, domain="com.microsoft", **attributes)]
    for k, masks in (known or {}).items():
        inputs.append(value_info(f"known{k}", masks, symbols))
        initializers.append(numpy_helper.from_array(np.zeros((), helper.tensor_dtype_to_np_dtype(outputs[k])), f"zero{k}"))
        nodes.append(helper.make_node("Where", [f"known{k}", results[k], f"zero{k}"], [f"z{k}"]))
        results[k] = f"z{k}"
    infos = [helper.make_tensor_value_info(n, t, None) for n, t in zip(results, outputs) if n]
    graph = helper.make_graph(nodes, op, inputs, infos, initializers)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20), helper.make_opsetid("com.microsoft", 1)], ir_version=10)


def options():
    o = onnxruntime.SessionOptions()
    o.intra_op_num_threads = o.inter_op_num_threads = 1
    return o


def answer(session, feed, shared):
    """The outputs; `shared`: those that lie in the memory of an input, (input, output)."""
    if not shared:
        return session.run(None, feed)
    binding, memory = session.io_binding(), {}
    for name, array in feed.items():
        memory[name] = onnxruntime.OrtValue.ortvalue_from_numpy(array.copy())
        binding.bind_ortvalue_input(name, memory[name])
    for output in session.get_outputs():
        source = next((i for i, o in shared if o == output.name), None)
        binding.bind_ortvalue_output(output.name, memory[source]) if source else binding.bind_output(output.name, "cpu")
    session.run_with_iobinding(binding)
    return binding.copy_outputs_to_cpu()


def sentence_by_sentence(session, feed, shared):
    """The outputs of SparseAttention for each sentence of the batch alone. For a batch whose lengths differ onnxruntime's kernel
    is wrong (sparse_attention_base.h): ComputeAttentionProbs writes the shares of head i, counted over the batch, from
    i * queries * total_sequence_length on, and ComputeVxAttentionScore reads them from i * queries * the sentence's length on."""
    parts = []
    for n, length in enumerate(feed["x8"]):
        one = {name: a if name in ("x5", "x6") else a[n:n + 1] for name, a in feed.items() if name != "x7"}
        parts.append(answer(session, dict(one, x7=i32(length)), shared))
    return [np.concatenate(p) for p in zip(*parts)]


def start(model):
    return onnxruntime.InferenceSession(model.SerializeToString(), options(), providers=["CPUExecutionProvider"])


def like(model):
    """The outputs of another model with the same inputs."""
    other = start(model)
    return lambda session, feed, shared: answer(other, feed, shared)


def write(folder, model, feeds, shared=(), ask=answer):
    """A case of `model`; `feeds`: for each set the inputs by name; `ask` gives the outputs."""
    session = start(model)
    folder.mkdir(parents=True)
    onnx.save(model, folder / "model.onnx")
    for n, feed in enumerate(feeds):
        data = folder / f"test_data_set_{n}"
        data.mkdir()
        for kind, arrays in (("input", [feed[i.name] for i in model.graph.input]), ("output", ask(session, feed, shared))):
            for k, array in enumerate(arrays):
                (data / f"{kind}_{k}.pb").write_bytes(numpy_helper.from_array(array).SerializeToString())


class Writer:
    def __init__(self, folder, wanted):
        self.folder, self.wanted, self.count = folder, wanted, 0

    def model(self, name, model, feeds, shared=(), ask=answer):
        is_search = name.split("-")[0] in ("greedy", "sampling", "beams", "encoder", "whisper", "shared")
        if self.wanted in name if self.wanted else not is_search or name in SEARCHES:
            self.count += 1
            write(self.folder / name, model, feeds, shared, ask)

    def node(self, name, op, *sets, outputs=(TensorProto.FLOAT,), constants=(), shared=(), known=None, ask=answer, **attributes):
        """`known`: by the number of an output, for each set which of its elements are specified; the others become 0."""
        model = node_model(op, sets, outputs, attributes, constants, known)
        feeds = [{f"x{k}": a for k, a in enumerate(s) if a is not None and k not in constants} for s in sets]
        for k, masks in (known or {}).items():
            for feed, mask in zip(feeds, masks):
                feed[f"known{k}"] = mask
        self.model(name, model, feeds, shared, ask)


F = TensorProto.FLOAT


@cases
def attention_with_buffers(w):
    """A past that shares its buffer, and beams that go on from each other's keys."""
    def step(batch, heads, room, size, past, length=1, beams=0, mask=False, bias=False, projection=False):
        hidden = heads * size
        q, k, v = (f(batch, length, hidden) for _ in range(3))
        padding = np.ones((batch, past + length), np.int32)
        padding[0, 0] = padding[-1, -1] = 0
        where = rng.integers(0, beams, (batch // beams, beams, room)).astype(np.int32) if beams else None
        return dict(q=q, k=k, v=v, keys=f(batch, heads, room, size), values=f(batch, heads, room, size), past=i32(past),
                    padding=padding if mask else None, bias=f(1 if length == 1 else batch, heads, length, past + length) if bias else None,
                    projection=f(3 * hidden) if projection else None, width=i32(beams or 1), where=where)

    def multi(s):
        return [s[k] for k in ("q", "k", "v", "projection", "padding", "bias", "keys", "values", "past", "where")]

    def decoder(s):
        return [s[k] for k in ("q", "k", "v", "padding", "bias", "keys", "values", "past", "width", "where", "projection")]

    three, four = (F,) * 3, (F,) * 4
    plain = [step(2, 2, 6, 4, 3), step(1, 2, 9, 4, 0), step(3, 2, 4, 4, 3)]
    beams = [step(4, 2, 6, 4, 3, beams=2, mask=True, bias=True, projection=True),
             step(6, 2, 9, 4, 8, beams=3, mask=True, bias=True, projection=True)]
    w.node("mha-buffer", "MultiHeadAttention", *map(multi, plain), outputs=three, num_heads=2)
    w.node("mha-buffer-beams", "MultiHeadAttention", *map(multi, beams), outputs=four, num_heads=2, unidirectional=1)
    several = [step(2, 3, 8, 4, 3, length=2), step(1, 3, 9, 4, 0, length=4)]
    w.node("mha-buffer-several", "MultiHeadAttention", *map(multi, several), outputs=three, num_heads=3)
    w.node("mha-buffer-several-causal", "MultiHeadAttention", *map(multi, several), outputs=four, num_heads=3, unidirectional=1, scale=0.3)
    w.node("mha-buffer-static", "MultiHeadAttention", multi(beams[0]), outputs=four, num_heads=2)
    shared = dict(num_heads=2, past_present_share_buffer=1)
    w.node("dmmha-buffer", "DecoderMaskedMultiHeadAttention", *map(decoder, plain), outputs=three, **shared)
    w.node("dmmha-buffer-beams", "DecoderMaskedMultiHeadAttention", *map(decoder, beams), outputs=four, output_qk=1, scale=0.7,
           mask_filter_value=-5.0, **shared)
    one = [step(2, 2, 6, 4, 3, beams=1, mask=True), step(3, 2, 5, 4, 4, beams=1, mask=True)]
    w.node("dmmha-buffer-one-beam", "DecoderMaskedMultiHeadAttention", *map(decoder, one), outputs=three, **shared)
    cached = [[f(2, 1, 8), f(2, 2, 5, 4), f(2, 2, 5, 4), np.array([[1] * 5, [1, 0, 1, 0, 1]], np.int32)] + [None] * 6 + [f(24)],
              [f(1, 1, 8), f(1, 2, 3, 4), f(1, 2, 3, 4), np.ones((1, 3), np.int32)] + [None] * 6 + [f(24)]]
    w.node("dmmha-cross", "DecoderMaskedMultiHeadAttention", *cached, num_heads=2)
    w.node("dmmha-cross-plain", "DecoderMaskedMultiHeadAttention", *[s[:3] for s in cached], num_heads=2)


@cases
def attention_scores(w):
    """Scores as a result, keys and values that have their heads first."""
    q, k, v = f(2, 3, 8), f(2, 5, 8), f(2, 5, 8)
    mask = np.array([[1, 1, 1, 1, 1], [1, 1, 0, 1, 0]], np.int32)
    four = (F,) * 4
    w.node("mha-scores", "MultiHeadAttention", [q, k, v], [f(1, 2, 8), f(1, 3, 8), f(1, 3, 8)], outputs=four, num_heads=2)
    w.node("mha-scores-mask", "MultiHeadAttention", [q, k, v, f(24), mask, f(1, 2, 3, 5)], outputs=four, num_heads=2)
    w.node("mha-scores-causal", "MultiHeadAttention", [k, v, f(2, 5, 8)], outputs=four, num_heads=2, unidirectional=1)
    past = [q, f(2, 3, 8), f(2, 3, 8), None, None, None, f(2, 2, 4, 4), f(2, 2, 4, 4)]
    w.node("mha-scores-past", "MultiHeadAttention", past, outputs=four, num_heads=2, unidirectional=1)
    heads = [[q, f(2, 2, 5, 4), f(2, 2, 5, 4), None, mask, f(2, 2, 3, 5)], [f(1, 2, 8), f(1, 2, 4, 4), f(1, 2, 4, 4), None, mask[:1, :4], f(1, 2, 2, 4)]]
    w.node("mha-heads-first", "MultiHeadAttention", *heads, outputs=four, num_heads=2)
    w.node("mha-heads-first-bias", "MultiHeadAttention", [q, f(2, 2, 5, 4), f(2, 2, 5, 4), f(24)], num_heads=2)


@cases
def attention_of_groups(w):
    """Scores as a result, caches of bytes, blocks of keys."""
    step = lambda batch, length, room: [f(batch, length, 16), f(batch, length, 8), f(batch, length, 8), f(batch, 1, room, 8), f(batch, 1, room, 8)]
    heads = dict(num_heads=2, kv_num_heads=1)
    later, more = step(2, 1, 6) + [i32(3, 2), i32(4)], step(3, 1, 9) + [i32(8, 2, 4), i32(9)]
    for s in (later, more):  # behind the words that are there, onnxruntime has zeros
        for cache in s[3:5]:
            for row, last in enumerate(s[5]):
                cache[row, :, last:] = 0
    prompt = step(2, 3, 5)[:3] + [None, None, i32(2, 2), i32(3)]
    for output in (1, 2):
        w.node(f"gqa-scores-{output}", "GroupQueryAttention", later, more, outputs=(F,) * 4, qk_output=output, softcap=5.0, **heads)
        w.node(f"gqa-scores-{output}-prompt", "GroupQueryAttention", prompt, outputs=(F,) * 4, qk_output=output, local_window_size=2, **heads)
    for kind, scale in (("PER_TENSOR", np.array([0.07], np.float32)), ("PER_CHANNEL", np.abs(f(8)) / 9 + 0.02)):
        sets = []
        for s in (later, more):
            caches = [np.where(s[3] == 0, 0, rng.integers(-128, 128, s[3].shape)).astype(np.int8) for _ in range(2)]
            sets.append(s[:3] + caches + s[5:] + [None] * 5 + [scale, scale])
        w.node(f"gqa-bytes-{kind}", "GroupQueryAttention", *sets, outputs=(F, TensorProto.INT8, TensorProto.INT8), k_quant_type=kind, v_quant_type=kind,
               kv_cache_bit_width=8, **heads)
        halves = [[a.astype(np.float16) for a in s[:3]] + s[3:] for s in sets]
        w.node(f"gqa-bytes-{kind}-half", "GroupQueryAttention", *halves, outputs=(TensorProto.FLOAT16, TensorProto.INT8, TensorProto.INT8), k_quant_type=kind,
               v_quant_type=kind, kv_cache_bit_width=8, **heads)
    cached = [[f(b, s, 16), f(b, 0, 8), f(b, 0, 8), f(b, 1, 5, 8), f(b, 1, 5, 8), i32(*n), i32(5)] for b, s, n in ((2, 1, (4, 3)), (1, 3, (4,)))]
    w.node("gqa-nothing-new", "GroupQueryAttention", *cached, outputs=(F,) * 3, shared=(("x3", "y1"), ("x4", "y2")), **heads)
    half = lambda x: rng.integers(0, 256, (*x.shape[:-1], x.shape[-1] // 2)).astype(np.uint8)
    bytes_of = (F, TensorProto.UINT8, TensorProto.UINT8)
    first = step(2, 3, 4) + [i32(2, 2), i32(3)], step(1, 2, 0) + [i32(1), i32(2)]
    for kind, scale in (("PER_TENSOR", np.array([0.3], np.float32)), ("PER_CHANNEL", np.abs(f(1, 1, 1, 8)) / 5 + 0.1)):
        for name, pair in (("", (later, more)), ("-prompt", first)):
            sets = []
            for s in pair:
                caches = [half(s[3]), half(s[4])]
                for cache in caches:
                    for row, last in enumerate(s[5]):
                        cache[row, :, last:] = 0
                sets.append(s[:3] + caches + s[5:] + [None] * 5 + [scale, scale])
            w.node(f"gqa-nibbles-{kind}{name}", "GroupQueryAttention", *sets, outputs=bytes_of, k_quant_type=kind, v_quant_type=kind, kv_cache_bit_width=4, **heads)
    # Two layouts of 16 keys to a block: all, and the first and the last ones.
    rows, columns = np.array([[0, 1, 3, 6], [0, 1, 2, 4]], np.int32), np.array([[0, 0, 1, 0, 1, 2], [0, 1, 0, 2, -1, -1]], np.int32)

    def sparse(batch, length, lengths):
        q, k, v = f(batch, length, 32), f(batch, length, 16), f(batch, length, 16)
        return [q, k, v, f(batch, 2, 48, 8), f(batch, 2, 48, 8), rows, columns, i32(max(lengths)), i32(*lengths)]

    # Some rows of blocks may be without any: then all keys up to the query's own count alike.
    gaps = [np.array([[0, 1, 1, 3], [0, 1, 2, 3]], np.int32), np.array([[0, 0, 2, 0], [0, 1, 1, 0]], np.int32)]
    layout = dict(num_heads=4, kv_num_heads=2, sparse_block_size=16, shared=(("x3", "y1"), ("x4", "y2")))
    w.node("sparse", "SparseAttention", sparse(2, 1, [41, 41]), sparse(1, 1, [17]), outputs=(F,) * 3, **layout)
    w.node("sparse-prompt", "SparseAttention", sparse(2, 40, [40, 40]), outputs=(F,) * 3, scale=0.2, **layout)
    w.node("sparse-gaps", "SparseAttention", *[s[:5] + gaps + s[7:] for s in (sparse(2, 1, [20, 20]), sparse(1, 1, [40]))], outputs=(F,) * 3, **layout)
    w.node("sparse-lengths", "SparseAttention", sparse(2, 1, [41, 20]), sparse(3, 1, [17, 41, 33]), outputs=(F,) * 3, ask=sentence_by_sentence, **layout)
    w.node("sparse-lengths-several", "SparseAttention", sparse(2, 3, [20, 48]), sparse(3, 3, [18, 4, 35]), outputs=(F,) * 3, ask=sentence_by_sentence, **layout)


@cases
def attention_of_chunks(w):
    """GroupQueryAttention with chunks that are filled up (query_seqlens), and with caches of the last keys alone (sliding_window_cache)."""
    heads, none, window = dict(num_heads=2, kv_num_heads=1), [None] * 3, 3
    cos, sin = f(20, 8), f(20, 8)

    def chunk(length, room, lengths, fresh=None, total=None, size=8, bias=False, rotary=None, sink=False, cache=None):
        """The inputs for sentences that then have `lengths` keys, of which `fresh` are new."""
        batch, total = len(lengths), total or max(lengths)
        keys = [cache(batch, 1, room, size) if cache else f(batch, 1, room, size) for _ in range(2)]
        where = [cos, sin, None if rotary == "own" else rng.integers(0, 20, (batch, length))] if rotary else none
        scales = [np.array([0.3], np.float32)] * 2 if cache else none[:2]
        return [f(batch, length, 2 * size), f(batch, length, size), f(batch, length, size), *keys, i32(*[n - 1 for n in lengths]), i32(total), *where,
                f(batch, 2, length, total) if bias else None, f(2) if sink else None, *scales, None, None, None if fresh is None else i32(*fresh)]

    def kept(total, room):
        """How many of `total` keys a sliding cache keeps."""
        groups = room - window + 1
        return total if total <= room else total - groups * -(-(total - room) // groups)

    def known(sets, is_sliding, scores):
        masks = {0: [], 1: []}
        for s in sets:
            lengths, queries = s[5] + 1, s[16] if s[16] is not None else s[5] + 1
            rows = max(s[3].shape[2], int(s[6][0]))
            if is_sliding:
                rows = s[3].shape[2]
                lengths = np.array([kept(n, rows) for n in lengths])
            masks[0].append((np.arange(s[0].shape[1]) < queries[:, None])[:, :, None])
            masks[1].append((np.arange(rows) < lengths[:, None])[:, None, :, None])
        masks[2] = masks[1]
        if scores:
            masks[3] = [m[:, None] & np.ones((1, 1, 1, int(s[6][0])), bool) for s, m in zip(sets, masks[0])]
        return masks

    def node(name, *sets, cache=F, scores=False, **attributes):
        is_sliding = attributes.get("sliding_window_cache")
        w.node(name, "GroupQueryAttention", *sets, outputs=(F, cache, cache) + (F,) * scores, known=known(sets, is_sliding, scores), **heads, **attributes)

    def sets(**options):
        return chunk(3, 8, [5, 3], [2, 3], total=8, **options), chunk(4, 9, [4, 6, 5], [4, 1, 0], total=9, **options), chunk(1, 7, [4, 1], [1, 0], total=6, **options)

    node("gqa-chunk", *sets())
    node("gqa-chunk-grows", chunk(3, 5, [5, 3], [2, 3], total=7), chunk(2, 3, [5], [2], total=6))
    node("gqa-chunk-rotary", *sets(size=16, rotary="own"), do_rotary=1)
    node("gqa-chunk-positions", *sets(size=16, rotary="given"), do_rotary=1, rotary_interleaved=1)
    node("gqa-chunk-window", *sets(sink=True), local_window_size=2)
    node("gqa-chunk-bias", *sets(bias=True))
    node("gqa-chunk-scores", *sets(), scores=True, qk_output=1)
    half = lambda *shape: rng.integers(0, 256, (*shape[:-1], shape[-1] // 2)).astype(np.uint8)
    quantised = dict(cache=TensorProto.UINT8, k_quant_type="PER_TENSOR", v_quant_type="PER_TENSOR", kv_cache_bit_width=4)
    node("gqa-chunk-nibbles", *sets(cache=half), **quantised)

    slides = dict(sliding_window_cache=1, local_window_size=window)
    one = lambda **options: (chunk(1, 5, [9, 4], **options), chunk(1, 3, [7, 2, 3], **options), chunk(1, 6, [7], **options))
    node("gqa-slide", *one(), **slides)
    node("gqa-slide-several", chunk(6, 4, [9]), chunk(2, 7, [5]), chunk(4, 4, [4]), chunk(9, 5, [9]), **slides)
    node("gqa-slide-prompt", chunk(4, 6, [4, 4]), chunk(8, 3, [8, 8, 8]), **slides)
    both = lambda **options: (chunk(4, 5, [9, 3], [3, 2], **options), chunk(3, 6, [8, 2, 12], [0, 1, 3], total=14, **options))
    node("gqa-slide-chunk", *both(), **slides)
    node("gqa-slide-chunk-bias", *both(bias=True), **slides)
    node("gqa-slide-chunk-rotary", *both(size=16, rotary="own"), do_rotary=1, **slides)
    node("gqa-slide-nibbles", *both(size=32, cache=half), **slides, **quantised)
    for total in range(1, 14):
        node(f"gqa-slide-step-{total}", chunk(1, 5, [total]), **slides)


@cases
def masks(w):
    x, weights, bias = f(2, 3, 8), f(8, 24), f(24)
    w.node("attention-mask-starts", "Attention", [x, weights, bias, i32(3, 2, 0, 3, 6, 0, 3, 6)], num_heads=2)
    w.node("attention-past-length", "Attention", [x, weights, bias, None, f(2, 2, 2, 5, 4), None, i32(5)], outputs=(F, F), num_heads=2, unidirectional=1)


@cases
def experts(w):
    def layers(count, size, inner, gated=1):
        return [f(count, gated * inner, size), f(count, gated * inner), f(count, size, inner), f(count, size)]

    first = layers(4, 8, 6)
    for kind in ("relu", "gelu", "silu", "identity"):
        w.node(f"moe-{kind}", "MoE", [f(5, 8), f(5, 4), *first], [f(1, 8), f(1, 4), *first], activation_type=kind, k=2)
    w.node("moe-constants", "MoE", [f(2, 3, 8), f(6, 4), *first], [f(1, 2, 8), f(2, 4), *first], constants=(2, 3, 4, 5), activation_type="relu", k=3,
           normalize_routing_weights=1)
    w.node("moe-no-bias", "MoE", [f(5, 8), f(5, 4), first[0], None, first[2]], activation_type="relu", k=1)
    gated = layers(4, 8, 6, 2)
    w.node("moe-swiglu", "MoE", [f(5, 8), f(5, 4), *gated], activation_type="swiglu", k=2, swiglu_fusion=1, activation_alpha=1.702, activation_beta=1.0,
           swiglu_limit=0.8)

    def packed(bits, count, rows, columns):
        return rng.integers(0, 256, (count, rows, columns * bits // 8)).astype(np.uint8)

    def quantised(bits, block=0, zeros=False, size=32, inner=64):
        scales = lambda rows, columns: np.abs(f(4, rows, columns // block) if block else f(4, rows)) / 2**bits
        points = lambda rows, columns: rng.integers(0, 256, (4, rows, columns // block * bits // 8)).astype(np.uint8) if zeros else None
        return [packed(bits, 4, inner, size), scales(inner, size), f(4, inner), packed(bits, 4, size, inner), scales(size, inner), f(4, size),
                None, None, None, points(inner, size), points(size, inner)]

    for bits in (4, 8):
        inputs = [f(5, 32), f(5, 4), *quantised(bits)]
        w.node(f"qmoe-{bits}", "QMoE", inputs, constants=(2, 3, 4, 5, 6, 7), activation_type="silu", k=2, expert_weight_bits=bits)
        inputs = [f(3, 32), f(3, 4), *quantised(bits, 16, True)]
        w.node(f"qmoe-{bits}-blocks", "QMoE", inputs, activation_type="relu", k=2, expert_weight_bits=bits, block_size=16, normalize_routing_weights=1)


WORDS, HEADS, SIZE, FEATURES = 14, 2, 4, 3
HIDDEN = HEADS * SIZE


def info(name, kind, *dims):
    return helper.make_tensor_value_info(name, kind, dims)


def constant(name, array):
    return numpy_helper.from_array(np.asarray(array), name)


def gpt(name, seed, layers=2, shared=None):
    """A decoder with the inputs and outputs that GPT-2 has, of a seed; scores are far apart. `shared`: with operators whose caches share a buffer
    (or do not, but could), which Attention has not.
    """
    made = np.random.default_rng(seed)
    weight = lambda *shape: made.normal(size=shape).astype(np.float32)
    nodes, initializers = [], []

    def add(op, inputs, outputs, domain="", **attributes):
        nodes.append(helper.make_node(op, inputs, outputs, domain=domain, **attributes))

    initializers += [constant("words", weight(WORDS, HIDDEN)), constant("places", weight(40, HIDDEN)), constant("readout", 2 * weight(HIDDEN, WORDS)),
                     constant("first", np.array([0]))]
    add("Gather", ["words", "input_ids"], ["word"])
    add("Gather", ["places", "position_ids"], ["place"])
    add("Add", ["word", "place"], ["x0"])
    for k in range(layers):
        initializers += [constant(f"w{k}", weight(HIDDEN, 3 * HIDDEN)), constant(f"b{k}", weight(3 * HIDDEN))]
        if shared is None:
            add("Attention", [f"x{k}", f"w{k}", f"b{k}", "attention_mask", f"past_{k}"], [f"a{k}", f"present_{k}"], "com.microsoft",
                num_heads=HEADS, unidirectional=1)
        else:
            add("MatMul", [f"x{k}", f"w{k}"], [f"all_{k}"])
            add("Split", [f"all_{k}"], [f"q_{k}", f"k_{k}", f"v_{k}"], axis=2)
            add("Split", [f"past_{k}"], [f"keys_{k}", f"values_{k}"])
            add("Squeeze", [f"keys_{k}", "first"], [f"past_keys_{k}"])
            add("Squeeze", [f"values_{k}", "first"], [f"past_values_{k}"])
            add("MultiHeadAttention", [f"q_{k}", f"k_{k}", f"v_{k}", f"b{k}", "attention_mask", "", f"past_keys_{k}", f"past_values_{k}"]
                + ["past_sequence_length"] * (shared != ""), [f"a{k}", f"new_keys_{k}", f"new_values_{k}"], "com.microsoft", num_heads=HEADS, unidirectional=1)
            add("SequenceConstruct", [f"new_keys_{k}", f"new_values_{k}"], [f"new_{k}"])
            add("ConcatFromSequence", [f"new_{k}"], [f"present_{k}"], axis=0, new_axis=1)
        add("Add", [f"x{k}", f"a{k}"], [f"x{k + 1}"])
    add("MatMul", [f"x{layers}", "readout"], ["logits"])
    inputs = [info("input_ids", TensorProto.INT32, "batch", "length"), info("position_ids", TensorProto.INT32, "batch", "length"),
              info("attention_mask", TensorProto.INT32, "batch", "all")]
    inputs += [info(f"past_{k}", F, 2, "batch", HEADS, "before", SIZE) for k in range(layers)] + shared_inputs(shared or "")
    outputs = [info("logits", F, "batch", "length", WORDS)] + [info(f"present_{k}", F, 2, "batch", HEADS, "all", SIZE) for k in range(layers)]
    return helper.make_graph(nodes, name, inputs, outputs, initializers)


def encoder(seed, gives_first, layers=1, hears=False):
    """One of words, or, if it `hears`, of features, as Whisper has it."""
    made = np.random.default_rng(seed)
    weight = lambda *shape: made.normal(size=shape).astype(np.float32)
    nodes, initializers, selves, across = [], [], [], []

    def add(op, inputs, output, domain="", **attributes):
        nodes.append(helper.make_node(op, inputs, [output], domain=domain, **attributes))

    def heads(x, output):
        add("Reshape", [x, "split"], output + "_wide")
        add("Transpose", [output + "_wide"], output, perm=[0, 2, 1, 3])

    initializers += [constant("words", weight(WORDS, HIDDEN)), constant("split", np.array([0, 0, HEADS, SIZE]))]
    if hears:
        initializers.append(constant("features", weight(FEATURES, HIDDEN)))
        add("Transpose", ["encoder_input_ids"], "frames", perm=[0, 2, 1])
        add("MatMul", ["frames", "features"], "encoder_hidden_states")
    else:
        add("Gather", ["words", "encoder_input_ids"], "word")
        add("Cast", ["encoder_attention_mask"], "mask", to=F)
        initializers.append(constant("last", np.array([2])))
        add("Unsqueeze", ["mask", "last"], "wide")
        add("Mul", ["word", "wide"], "encoder_hidden_states")
    if gives_first:
        initializers.append(constant("readout", 2 * weight(HIDDEN, WORDS)))
        add("Gather", ["words", "decoder_input_ids"], "begin")
        add("ReduceMean", ["encoder_hidden_states"], "mean", axes=[1])
        add("Add", ["begin", "mean"], "first")
        add("MatMul", ["first", "readout"], "logits")
    for k in range(layers):
        for kind in ("key", "value"):
            initializers.append(constant(f"{kind}{k}", weight(HIDDEN, HIDDEN)))
            if gives_first:
                selves.append(f"present_{kind}_self_{k}")
                add("MatMul", ["begin", f"{kind}{k}"], f"s_{kind}{k}")
                heads(f"s_{kind}{k}", selves[-1])
            across.append(f"present_{kind}_cross_{k}")
            add("MatMul", ["encoder_hidden_states", f"{kind}{k}"], f"c_{kind}{k}")
            heads(f"c_{kind}{k}", across[-1])
    inputs = [info("encoder_input_ids", TensorProto.INT32, "batch", "source"), info("encoder_attention_mask", TensorProto.INT32, "batch", "source")]
    if hears:
        inputs = [info("encoder_input_ids", F, "batch", FEATURES, "source")]
    outputs = []
    if gives_first:
        begin = "begin" if hears else 1
        inputs.append(info("decoder_input_ids", TensorProto.INT32, "batch", begin))
        outputs += [info("logits", F, "batch", begin, WORDS), info("encoder_hidden_states", F, "batch", "source", HIDDEN)]
        outputs += [info(name, F, "batch", HEADS, begin, SIZE) for name in selves]
    outputs += [info(name, F, "batch", HEADS, "source", SIZE) for name in across]
    return helper.make_graph(nodes, "encoder", inputs, outputs, initializers)


def shared_inputs(shared):
    """What stands behind caches that share a buffer: how many words there are, and where the beams have them."""
    length = [info("past_sequence_length", TensorProto.INT32, 1)]
    beams = [info("beam_width", TensorProto.INT32, 1), info("cache_indirection", TensorProto.INT32, "sentences", "beams", "room")]
    return {"": [], "length": length, "beams": length + beams}[shared]


def decoder(seed, has_hidden=False, takes_all=False, layers=1, hears=False, shared=""):
    """One that looks at its own words, at the encoder's, and at whether these are padding (features are none)."""
    made = np.random.default_rng(seed)
    weight = lambda *shape: made.normal(size=shape).astype(np.float32)
    nodes, initializers, pasts, cross, presents = [], [], [], [], []

    def add(op, inputs, output, domain="", **attributes):
        nodes.append(helper.make_node(op, inputs, output if isinstance(output, list) else [output], domain=domain, **attributes))

    initializers += [constant("words", weight(WORDS, HIDDEN)), constant("readout", 2 * weight(HIDDEN, WORDS)), constant("minus", np.array([-1])),
                     constant("most", np.array([2**31])), constant("one", np.array([1]))]
    add("Gather", ["words", "input_ids"], "all")
    add("Slice", ["all", "minus", "most", "one"], "x0")
    for k in range(layers):
        projections = {kind: weight(HIDDEN, HIDDEN) for kind in ("q", "k", "v", "c")}
        initializers += [constant(f"{kind}{k}", w) for kind, w in projections.items()]
        for kind in "qkv":
            add("MatMul", [f"x{k}", f"{kind}{k}"], f"{kind}_{k}")
        pasts += [f"past_key_self_{k}", f"past_value_self_{k}"]
        cross += [f"past_key_cross_{k}", f"past_value_cross_{k}"]
        presents += [f"present_key_self_{k}", f"present_value_self_{k}"]
        found = [f"s{k}", *presents[-2:]]
        if shared == "beams":
            add("DecoderMaskedMultiHeadAttention", [f"q_{k}", f"k_{k}", f"v_{k}", "", "", *pasts[-2:], "past_sequence_length", "beam_width", "cache_indirection"],
                found, "com.microsoft", num_heads=HEADS, past_present_share_buffer=1)
        else:
            add("MultiHeadAttention", [f"q_{k}", f"k_{k}", f"v_{k}", "", "", "", *pasts[-2:]] + ["past_sequence_length"] * (shared == "length"),
                found, "com.microsoft", num_heads=HEADS)
        add("Add", [f"x{k}", f"s{k}"], f"y{k}")
        add("MatMul", [f"y{k}", f"c{k}"], f"c_{k}")
        add("MultiHeadAttention", [f"c_{k}", *cross[-2:]] + ["", "encoder_attention_mask"] * (not hears), f"e{k}", "com.microsoft", num_heads=HEADS)
        add("Add", [f"y{k}", f"e{k}"], f"x{k + 1}")
    x = f"x{layers}"
    inputs = [info("input_ids", TensorProto.INT32, "rows", "length" if takes_all else 1), info("encoder_attention_mask", TensorProto.INT32, "rows", "source")]
    if hears:
        inputs.pop()
    if has_hidden:
        inputs.append(info("encoder_hidden_states", F, "rows", "source", HIDDEN))
        if hears:  # onnxruntime gives the decoder a value of this size, but not this value
            add("Shape", ["encoder_hidden_states"], "sizes", start=1, end=2)
            add("Cast", ["sizes"], "mean", to=F)
        else:
            add("ReduceMean", ["encoder_hidden_states"], "mean", axes=[1])
        add("Add", [x, "mean"], "seen")
        x = "seen"
    add("MatMul", [x, "readout"], "logits")
    inputs += [info(name, F, "rows", HEADS, "before", SIZE) for name in pasts] + [info(name, F, "rows", HEADS, "source", SIZE) for name in cross]
    inputs += shared_inputs(shared)
    outputs = [info("logits", F, "rows", 1, WORDS)] + [info(name, F, "rows", HEADS, "now", SIZE) for name in presents]
    return helper.make_graph(nodes, "decoder", inputs, outputs, initializers)


def search_model(op, inputs, outputs, **attributes):
    """`inputs`: for each its value in the sets, or one that is a constant, or None."""
    names, infos, initializers, symbols = [], [], [], {}
    for k, value in enumerate(inputs):
        names.append("" if value is None else f"in{k}")
        if isinstance(value, list):
            infos.append(value_info(names[-1], value, symbols))
        elif value is not None:
            initializers.append(numpy_helper.from_array(value, names[-1]))
    while not names[-1]:
        names.pop()
    results = ["" if t is None else f"out{k}" for k, t in enumerate(outputs)]
    node = helper.make_node(op, names, results, op, domain="com.microsoft", **attributes)
    graph = helper.make_graph([node], op, infos, [helper.make_tensor_value_info(n, t, None) for n, t in zip(results, outputs) if n], initializers)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)], ir_version=8)
    sets = max(len(v) for v in inputs if isinstance(v, list))
    return model, [{f"in{k}": v[n] for k, v in enumerate(inputs) if isinstance(v, list)} for n in range(sets)]


def prompt(*rows):
    return np.array(rows, np.int32)


PROMPTS = [prompt([3, 5, 7], [0, 4, 9]), prompt([0, 0, 2, 8, 9], [6, 5, 4, 3, 2], [0, 11, 12, 13, 1])]
FIRST_WORDS = [np.array([[1] * 7 + [0] * 7] * 2, np.int32), np.array([[0] * 7 + [1] * 7] * 3, np.int32)]
I = TensorProto.INT32


@cases
def greedy(w):
    common = dict(model_type=0, eos_token_id=1, pad_token_id=0)

    def case(name, *inputs, seed=1, outputs=(I,), op="GreedySearch", **attributes):
        w.model(name, *search_model(op, inputs, outputs, decoder=gpt("decoder", seed), **dict(common, **attributes)))

    length = i32(12)
    lengths = [i32(12), i32(9)]
    case("greedy", PROMPTS, lengths)
    for seed in range(2, 6):
        case(f"greedy-{seed}", PROMPTS, length, seed=seed)
    case("greedy-one-step", PROMPTS, [i32(4), i32(6)])
    case("greedy-min", PROMPTS, length, i32(8), seed=2)
    case("greedy-min-fed", PROMPTS, lengths, [i32(8), i32(7)], [np.array([1.3], np.float32), np.array([0.8], np.float32)], seed=3)
    case("greedy-repetition", PROMPTS, length, None, np.array([1.5], np.float32), seed=4)
    for gram in (1, 2, 3):
        case(f"greedy-gram-{gram}", PROMPTS, length, seed=5, no_repeat_ngram_size=gram)
    case("greedy-words", PROMPTS, length, None, None, np.array([1, 0] * 7, np.int32), seed=2)
    case("greedy-first-words", PROMPTS, length, None, None, None, FIRST_WORDS, seed=2)
    masks = [np.array([[1, 1, 1], [1, 0, 1]], np.int32), np.array([[0, 0, 1, 1, 1], [1] * 5, [1, 1, 1, 0, 1]], np.int32)]
    case("greedy-mask", PROMPTS, length, None, None, None, None, masks, seed=3)
    case("greedy-first-decoder", PROMPTS, length, init_decoder=gpt("init", 7), seed=2)
    # onnxruntime leaves what is behind the end of all sentences as it is in memory: some must have no end.
    model, feeds = search_model("GreedySearch", [PROMPTS, length], (I,), decoder=gpt("decoder", 4), **dict(common, eos_token_id=WORDS))
    session = onnxruntime.InferenceSession(model.SerializeToString(), options())
    written = [session.run(None, feed)[0][:, feed["in0"].shape[1]:] for feed in feeds]
    ends = [end for end in range(1, WORDS) if all((rows == end).any() and not (rows == end).any(1).all() for rows in written)]
    for end in ends[:3]:
        case(f"greedy-end-{ends.index(end)}", PROMPTS, length, eos_token_id=end, seed=4)


@cases
def sampling(w):
    def case(name, *inputs, seed=1, presence=None, **attributes):
        attributes = dict(dict(model_type=0, eos_token_id=1, pad_token_id=0, top_p=0.8), **attributes)
        inputs = list(inputs) + [None] * (7 - len(inputs))
        w.model(name, *search_model("Sampling", inputs + [presence, i32(seed)], (I,), decoder=gpt("decoder", 11), **attributes))

    length = i32(12)
    for seed in (0, 3, 4):
        case(f"sampling-{seed}", PROMPTS, length, seed=seed)
    case("sampling-all", PROMPTS, length, top_p=0.999, temperature=9.0)
    case("sampling-kept", PROMPTS, length, min_tokens_to_keep=3, temperature=6.0, filter_value=-2.0, top_p=0.5)
    case("sampling-custom", PROMPTS, length, custom=1, temperature=3.0)
    case("sampling-penalties", PROMPTS, length, i32(9), np.array([1.2], np.float32), presence_penalty=2.0, temperature=2.0,
         presence=[np.array([[1, 0] * 7, [0, 1] * 7], np.int32), np.array([[1] * 14, [0] * 14, [0, 1] * 7], np.int32)])


@cases
def beams(w):
    def case(name, *inputs, seed=1, outputs=(I, F), **attributes):
        attributes = dict(dict(model_type=0, eos_token_id=1, pad_token_id=0), **attributes)
        w.model(name, *search_model("BeamSearch", inputs, outputs, decoder=gpt("decoder", seed), **attributes))

    length, least, three, two = i32(12), i32(1), i32(3), i32(2)
    penalty = lambda x: np.array([x], np.float32)
    case("beams", PROMPTS, length, least, three, two, penalty(1))
    for seed in range(2, 6):
        case(f"beams-{seed}", PROMPTS, length, least, three, two, penalty(0.7), seed=seed)
    for end in (3, 4, 8, 9, 12):
        for early in (0, 1):
            case(f"beams-end-{end}-{early}", PROMPTS, length, least, three, three, penalty(1.4), early_stopping=early, eos_token_id=end, seed=4)
    case("beams-fed", PROMPTS, [i32(12), i32(9)], [i32(8), i32(7)], [i32(4), i32(2)], [i32(3), i32(1)], [penalty(0.5), penalty(-1)],
         [penalty(1.3), penalty(0.9)], seed=3)
    case("beams-one", PROMPTS, length, least, i32(1), i32(1), penalty(1), seed=3)
    case("beams-scores", PROMPTS, length, least, three, two, penalty(1), outputs=(I, F, F), eos_token_id=13, seed=2)
    case("beams-words", PROMPTS, length, least, three, two, penalty(1), penalty(1.2), np.array([1, 1, 0, 1] * 3 + [1, 1], np.int32), FIRST_WORDS,
         no_repeat_ngram_size=2, seed=2)
    masks = [np.array([[1, 1, 1], [1, 0, 1]], np.int32), np.array([[0, 0, 1, 1, 1], [1] * 5, [1, 1, 1, 0, 1]], np.int32)]
    case("beams-mask", PROMPTS, length, least, two, two, penalty(1), None, None, None, masks, seed=3)
    case("beams-first-decoder", PROMPTS, length, least, three, two, penalty(1), init_decoder=gpt("init", 7), seed=2)


@cases
def beams_of_encoders(w):
    def case(name, *inputs, seed=1, outputs=(I, F), gives_first=True, has_hidden=False, takes_all=False, **attributes):
        attributes = dict(dict(model_type=1, eos_token_id=1, pad_token_id=0, decoder_start_token_id=2), **attributes)
        w.model(name, *search_model("BeamSearch", inputs, outputs, encoder=encoder(seed, gives_first), decoder=decoder(seed + 50, has_hidden, takes_all),
                                    **attributes))

    length, least, three, two = i32(9), i32(1), i32(3), i32(2)
    penalty = np.array([1.1], np.float32)
    for seed in range(1, 5):
        case(f"encoder-{seed}", PROMPTS, length, least, three, two, penalty, seed=seed)
    for end in (3, 5, 8, 11):
        case(f"encoder-end-{end}", PROMPTS, length, least, three, two, penalty, seed=2, eos_token_id=end, early_stopping=1)
        case(f"encoder-alone-end-{end}", PROMPTS, length, least, i32(1), i32(1), penalty, seed=2, eos_token_id=end, early_stopping=1)
    case("encoder-hidden", PROMPTS, length, least, three, two, penalty, has_hidden=True)
    case("encoder-all", PROMPTS, length, least, three, two, penalty, takes_all=True)
    case("encoder-scores", PROMPTS, length, least, three, two, penalty, outputs=(I, F, F), eos_token_id=13)
    case("encoder-fed", PROMPTS, [i32(9), i32(6)], [i32(4), i32(2)], [i32(3), i32(2)], [i32(2), i32(2)], [penalty, penalty * 2])
    masks = [np.array([[1, 1, 1], [1, 0, 1]], np.int32), np.array([[0, 0, 1, 1, 1], [1] * 5, [1, 1, 1, 0, 1]], np.int32)]
    case("encoder-mask", PROMPTS, length, least, three, two, penalty, None, None, None, masks)
    case("encoder-short", PROMPTS, length, least, three, two, penalty, gives_first=False)
    case("encoder-short-one", PROMPTS, length, least, i32(1), i32(1), penalty, gives_first=False, seed=3)


SOUNDS = [np.random.default_rng(3).normal(size=size).astype(np.float32) for size in ((2, FEATURES, 5), (3, FEATURES, 4))]
BEGINNINGS = [prompt([2, 3, 4], [2, 5, 13]), prompt([3], [2], [4])]


@cases
def beams_of_whisper(w):
    def case(name, *inputs, seed=1, outputs=(I, F), op="WhisperBeamSearch", has_hidden=False, takes_all=False, ask=None, **attributes):
        attributes = dict(dict(model_type=2, eos_token_id=1, pad_token_id=0, decoder_start_token_id=2), **attributes)
        graphs = dict(encoder=encoder(seed, True, hears=True), decoder=decoder(seed + 50, has_hidden, takes_all, hears=True))
        w.model(name, *search_model(op, inputs, outputs, **graphs, **attributes), ask=ask(inputs, graphs, attributes) if ask else answer)

    def at(**places):
        """The inputs behind the penalty."""
        return [places.get(f"x{k}") for k in range(6, 15)]

    length, least, three, two = i32(9), i32(1), i32(3), i32(2)
    penalty = np.array([1.1], np.float32)
    common = (SOUNDS, length, least, three, two, penalty)
    for seed in range(1, 5):
        case(f"whisper-{seed}", *common, seed=seed)
    case("whisper-beams", *common, op="BeamSearch")
    case("whisper-beginnings", *common, *at(x10=BEGINNINGS), op="BeamSearch", outputs=(I, F, F), eos_token_id=13, seed=2)
    case("whisper-hidden", *common, has_hidden=True)
    case("whisper-all", *common, *at(x10=BEGINNINGS), takes_all=True)
    case("whisper-fed", SOUNDS, [i32(9), i32(6)], [i32(6), i32(2)], [i32(3), i32(2)], [i32(2), i32(2)], [penalty, penalty * 2],
         *at(x10=BEGINNINGS, x11=[i32(0), i32(1)], x14=[np.array([1.7], np.float32), np.array([0], np.float32)]), beginning_timestamp_token_id=9)
    for seed in range(1, 5):
        case(f"whisper-times-{seed}", *common, *at(x10=BEGINNINGS, x11=i32(1)), seed=seed, beginning_timestamp_token_id=6 + seed, no_timestamps_token_id=5,
             start_of_lm_token_id=4, translate_token_id=3, transcribe_token_id=12, outputs=(I, F, F), eos_token_id=13)
    case("whisper-words", *common, *at(x6=penalty, x7=np.array([1, 1, 0, 1] * 3 + [1, 1], np.int32), x8=FIRST_WORDS, x11=i32(1)), no_repeat_ngram_size=2,
         beginning_timestamp_token_id=8, seed=3)

    # What onnxruntime has for CUDA alone. The probability of silence is that of its word, the first after the beginning ...
    def silence(inputs, graphs, attributes):
        whole = like(search_model("WhisperBeamSearch", inputs, (I, F, F), **graphs, **attributes)[0])

        def calculate(*asked):
            sequences, scores, words = whole(*asked)
            return sequences, scores, np.exp(words[0, :, 0, attributes["no_speech_token_id"]])

        return calculate

    case("whisper-no-speech", *common, outputs=(I, F, None, None, F), no_speech_token_id=7, ask=silence, eos_token_id=13)

    # ... and a word that is forced is certain: as if no others were allowed, but for the scores.
    def certain(inputs, graphs, attributes):
        forced = inputs[13]
        masks = [np.stack([np.arange(WORDS) == row[0] if row[0] >= 0 else np.full(WORDS, True) for row in ids]).astype(np.int32) for ids in forced]
        model, feeds = search_model("WhisperBeamSearch", inputs[:8] + (masks,), (I, F, F), **graphs, **attributes)
        given, whole = iter(feeds), like(model)

        def calculate(session, feed, shared):
            sequences, scores, words = whole(session, next(given), shared)
            ids = feed["in13"][:, 0]
            lost = np.where(ids < 0, 0, words[0, np.arange(len(ids)), 0, ids])
            return sequences, scores - (lost / np.float32(inputs[1][0]) ** penalty[0])[:, None]

        return calculate

    case("whisper-forced", *common, *at(x13=[np.array([[3], [-1]], np.int32), np.array([[-2], [5], [9]], np.int32)]), eos_token_id=WORDS, ask=certain)


@cases
def shared_buffers(w):
    """Caches that share a buffer with those of the next round: the results are those of caches that do not. onnxruntime comes to them where one row
    has one beam, and words are all there is (with a beam more, or an encoder, its CPU provider mixes up what the buffers hold).
    """
    def case(name, op, inputs, outputs, own, other=None, **attributes):
        attributes = dict(dict(eos_token_id=1, pad_token_id=0), **attributes)
        ask = like(search_model(op, inputs, outputs, **other, **attributes)[0]) if other else answer
        w.model(name, *search_model(op, inputs, outputs, **own, **attributes), ask=ask)

    length, least, three, two = i32(9), i32(1), i32(3), i32(2)
    penalty = np.array([1.1], np.float32)
    case("shared-greedy", "GreedySearch", [PROMPTS, [i32(12), i32(9)]], (I,), dict(decoder=gpt("decoder", 3, shared="length")))
    case("shared-greedy-first", "GreedySearch", [PROMPTS, length], (I,), dict(decoder=gpt("decoder", 3, shared="length"), init_decoder=gpt("init", 7, shared="length")))
    case("shared-sampling", "Sampling", [PROMPTS, length, *[None] * 6, i32(3)], (I,), dict(decoder=gpt("decoder", 3, shared="length")), top_p=0.8)
    case("shared-beam", "BeamSearch", [PROMPTS, length, least, i32(1), i32(1), penalty], (I, F), dict(decoder=gpt("decoder", 3, shared="length")))
    beams = [PROMPTS, length, least, three, two, penalty]
    case("shared-beams-first", "BeamSearch", beams, (I, F), dict(decoder=gpt("decoder", 3, shared="length"), init_decoder=gpt("init", 7, shared="length")),
         dict(decoder=gpt("decoder", 3, shared=""), init_decoder=gpt("init", 7, shared="")))
    for kind, shared in (("", "length"), ("-masked", "beams")):
        for form, gives_first in (("", True), ("-short", False)):
            graph = encoder(2, gives_first)
            case(f"shared-encoder{form}{kind}", "BeamSearch", beams, (I, F), dict(encoder=graph, decoder=decoder(52, shared=shared)),
                 dict(encoder=graph, decoder=decoder(52)), model_type=1, decoder_start_token_id=2)
        graph = encoder(1, True, hears=True)
        case(f"shared-whisper{kind}", "WhisperBeamSearch", [SOUNDS, *beams[1:], *[None] * 4, BEGINNINGS], (I, F),
             dict(encoder=graph, decoder=decoder(51, hears=True, shared=shared)), dict(encoder=graph, decoder=decoder(51, hears=True)))


def main():
    folder = pathlib.Path(sys.argv[1])
    shutil.rmtree(folder, ignore_errors=True)
    writer = Writer(folder, sys.argv[2] if len(sys.argv) > 2 else "")
    for make in CASES.values():
        make(writer)
    # Logarithms of probabilities near 1.
    rows = [f"{path.name}\t1e-3\t1e-5\n" for path in sorted(folder.iterdir()) if path.is_dir()]
    (folder / "tolerances.tsv").write_text("case\trtol\tatol\n" + "".join(rows))
    print(f"{writer.count} cases")


if __name__ == "__main__":
    main()
