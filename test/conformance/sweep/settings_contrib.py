"""What the sweep tries of the operators of onnxruntime's own domains, see settings.py. Its kernels are what they are compared with."""

import itertools

import numpy as np

import settings as standard
from values import element, element_dtype
from settings import INTEGER_WINDOWS, POOL, Try, i64, is_float, shapes_of


def settings(*operators):
    return standard.settings(*("com.microsoft." + o for o in operators))


def f32(*values):
    return np.array(values[0] if len(values) == 1 else values, np.float32)


def i32(*values):
    return np.array(values, np.int32)


# ---- Activations and products ----------------------------------------------------------------------------------------

@settings("Gelu", "QuickGelu", "FastGelu")
def gelu(c):
    plain, more = shapes_of(lambda *s: [c(0, *s)])
    yield Try("plain", plain, more=more)
    if c.schema.name == "QuickGelu":
        yield Try("alpha", [c(0, 5, 7)], dict(alpha=0.5))
    if c.schema.name == "FastGelu":
        plain, more = shapes_of(lambda *s: [c(0, *s), c(1, s[-1])])
        yield Try("bias", plain, more=more)


@settings("BiasGelu")
def bias_gelu(c):
    plain, more = shapes_of(lambda *s: [c(0, *s), c(1, s[-1])])
    yield Try("plain", plain, more=more)


@settings("FusedGemm")
def fused_gemm(c):
    make = lambda m, k, n: [c(0, m, k), c(1, k, n), c(2, n)]
    yield Try("plain", make(5, 7, 9), dict(activation="Relu"), parameters=(1, 2), more=(make(1, 7, 9), make(4, 7, 9)))
    yield Try("none", [c(0, 5, 7), c(1, 9, 7)], dict(activation="Tanh", transB=1, alpha=0.5))
    yield Try("transposed", [c(0, 7, 5), c(1, 7, 9), c(2, 5, 1)], dict(activation="Sigmoid", transA=1, beta=0.25))
    for name, parameters in (("LeakyRelu", dict(alpha=0.1)), ("HardSigmoid", dict(alpha=0.3, beta=0.4)), ("Elu", dict(alpha=0.7)), ("Selu", dict(alpha=1.5, gamma=1.1)),
                             ("ThresholdedRelu", dict(alpha=0.4)), ("Softplus", {}), ("Softsign", {})):
        yield Try(name, make(3, 4, 5), dict(activation=name, **{"activation_" + k: v for k, v in parameters.items()}), deep=True)


@settings("FusedConv")
def fused_conv(c):
    make = lambda x, w: [c(0, *x), c(1, *w), c(2, w[0])]
    yield Try("plain", make((1, 3, 6, 7), (4, 3, 3, 3)), dict(activation="Relu"), parameters=(1, 2), more=(make((2, 3, 5, 9), (4, 3, 3, 3)),))
    yield Try("sum", make((1, 4, 6, 7), (4, 2, 3, 3)) + [c(3, 1, 4, 6, 7)], dict(activation="Relu", group=2, pads=[1, 1, 1, 1]), parameters=(1, 2))
    yield Try("unbiased", [c(0, 1, 3, 6, 7), c(1, 4, 3, 3, 3), None, c(3, 1, 4, 2, 3)], dict(strides=[2, 2], dilations=[1, 1]), parameters=(1,))
    for name, parameters in (("LeakyRelu", [0.1]), ("HardSigmoid", [0.3, 0.4]), ("Clip", [-1.0, 2.0]), ("Tanh", []), ("Sigmoid", [])):
        yield Try(name, make((1, 3, 6, 7), (4, 3, 3, 3)), dict(activation=name, auto_pad="SAME_UPPER", **(dict(activation_params=parameters) if parameters else {})),
                  parameters=(1, 2), deep=True)


@settings("FusedMatMul", "TransposeMatMul")
def fused_matmul(c):
    make = lambda a, b: [c(0, *a), c(1, *b)]
    yield Try("plain", make((5, 7), (7, 9)), dict(alpha=0.5), more=(make((1, 1), (1, 9)), make((4, 33), (33, 9))))
    for a, b in itertools.product((0, 1), (0, 1)):
        x, y = ((2, 3, 7, 5) if a else (2, 3, 5, 7)), ((2, 3, 9, 7) if b else (2, 3, 7, 9))
        yield Try(f"transposed{a}{b}", make(x, y), dict(transA=a, transB=b, alpha=2.0))
        if c.schema.name == "FusedMatMul":
            # (rows before the batch)
            yield Try(f"batch{a}{b}", make((x[2], *x[:2], x[3]), (y[2], *y[:2], y[3])), dict(transA=a, transB=b, transBatchA=1, transBatchB=1), deep=True)
    yield Try("broadcast", make((5, 7), (3, 7, 9)), dict(transA=0))
    yield Try("vector", make((7,), (7, 9)), dict(transA=1), deep=True)
    yield Try("vectors", make((7,), (7,)), dict(transB=1, alpha=3.0), deep=True)


# ---- Normalisations ------------------------------------------------------------------------------------------------

@settings("SkipLayerNormalization", "SkipSimplifiedLayerNormalization")
def skip_layer_normalization(c):
    simple = c.schema.name == "SkipSimplifiedLayerNormalization"
    beta = lambda n, given: [] if simple else [c(3, n) if given else None]
    make = lambda *s: [c(0, *s), c(1, *s), c(2, s[-1], of="positive")] + beta(s[-1], True)
    yield Try("plain", make(2, 3, 8), dict(epsilon=1e-5), more=(make(1, 1, 8), make(3, 5, 8)))
    yield Try("bias", make(2, 3, 8) + [c(4 - simple, 8)], dict(epsilon=1e-5))
    yield Try("nobeta", [c(0, 2, 3, 8), c(1, 2, 3, 8), c(2, 8)])
    if not simple:  # (nothing calculates its mean)
        yield Try("sum", make(2, 3, 8) + [c(4 - simple, 8)], outputs=4)
    yield Try("rows", make(6, 8), deep=True)
    yield Try("skiprow", [c(0, 2, 3, 8), c(1, 1, 3, 8), c(2, 8)] + beta(8, True), deep=True)
    yield Try("skipmatrix", [c(0, 2, 3, 8), c(1, 3, 8), c(2, 8)] + beta(8, False), deep=True)


@settings("QEmbedLayerNormalization")
def qembed_layer_normalization(c):
    ids = lambda most, *s: c.rng.integers(0, most, s).astype(np.int32)
    tables = [c(k, *s, of="full") for k, s in ((2, (9, 8)), (3, (7, 8)), (4, (2, 8)), (5, (8,)), (6, (8,)))]
    scales, zeros = [f32(x) for x in (0.02, 0.03, 0.01, 0.02, 0.04)], [c.numbers(13, x) for x in (3, 1, 7, 0, 5)]
    p = (2, 3, 4, 5, 6, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17)
    make = lambda b, s, mask=None: [ids(9, b, s), ids(2, b, s), *tables, mask, *scales, *zeros]
    yield Try("plain", make(2, 5), outputs=2, parameters=p, more=(make(1, 7),))
    yield Try("mask", make(2, 5, ids(2, 2, 5)), dict(epsilon=1e-5), outputs=2, parameters=p)
    words = make(2, 5)
    words[1] = words[4] = words[10] = words[15] = None
    yield Try("words", words, outputs=2, parameters=p)


@settings("EmbedLayerNormalization")
def embed_layer_normalization(c):
    ids = lambda most, *s: c.rng.integers(0, most, s).astype(np.int32)
    tables = lambda: [c(2, 9, 8), c(3, 7, 8), c(4, 2, 8), c(5, 8, of="positive"), c(6, 8)]
    same = tables()
    make = lambda b, s: [ids(9, b, s), ids(2, b, s)] + same
    yield Try("plain", make(2, 5), outputs=2, parameters=(2, 3, 4, 5, 6), more=(make(1, 7), make(3, 1)))
    yield Try("mask", make(2, 5) + [ids(2, 2, 5)], dict(epsilon=1e-5), outputs=3, parameters=(2, 3, 4, 5, 6))
    yield Try("words", [ids(9, 2, 5), None, same[0], same[1], None, same[3], same[4]], outputs=2)
    yield Try("positions", make(2, 5) + [None, ids(7, 2, 5)], outputs=3)
    yield Try("shared", make(2, 5) + [None, ids(7, 1, 5)], outputs=3, deep=True)
    yield Try("onlysum", make(2, 5), dict(mask_index_type=0), outputs=1, deep=True)


# ---- Gates and streams of language models ----------------------------------------------------------------------------

@settings("ScaledSiLU")
def scaled_silu(c):
    plain, more = shapes_of(lambda *s: [c(0, *s)])
    yield Try("plain", plain, dict(alpha=0.7), more=more)
    yield Try("scale", [c(0, 3, 5), c.numbers(1, 1.7)])


@settings("GatedAdd")
def gated_add(c):
    make = lambda *s: [c(0, *s), c(1, *s), c(2, *s[:-1], 1)]
    yield Try("plain", make(2, 3, 8), more=(make(1, 1, 8), make(4, 2, 8)))
    yield Try("row", make(5), deep=True)


@settings("GatedRMSNorm")
def gated_rms_norm(c):
    make = lambda *s, width=8: [c(0, *s), c(1, width), c(2, *s)]
    for activation in ("silu", "swish", "sigmoid"):
        yield Try(activation, make(2, 3, 8), dict(activation=activation), more=(make(1, 1, 8), make(4, 2, 8)))
    yield Try("heads", make(2, 3, 24), dict(epsilon=1e-3), more=(make(1, 5, 24),))


@settings("EngramGate")
def engram_gate(c):
    make = lambda b, s, n, h: [c(0, b, s, n, h), c(1, b, s, n, h), c(2, b, s, h), c(3, n, h), c(4, n, h)]
    yield Try("plain", make(2, 3, 4, 8), more=(make(1, 1, 4, 8), make(3, 5, 4, 8)))
    yield Try("normed", make(2, 3, 4, 8) + [c(5, 4, 8)], dict(epsilon=1e-3), outputs=2)


@settings("LinearAttentionGate")
def linear_attention_gate(c):
    make = lambda *s: [c(0, *s), c(1, s[-1]), -c(2, s[-1], of="positive")]
    yield Try("plain", make(2, 3, 4), more=(make(1, 1, 4), make(2, 7, 4)))
    yield Try("beta", make(2, 3, 4) + [c(3, 2, 3, 4)], outputs=2)


@settings("BranchwiseRMSNorm")
def branchwise_rms_norm(c):
    scale = lambda *s: c(1, *s)
    yield Try("plain", [c(0, 2, 3, 4, 8), scale(4, 8)], more=([c(0, 1, 5, 4, 8), scale(4, 8)],))
    yield Try("flat", [c(0, 2, 3, 32), scale(32)], dict(num_branches=4), more=([c(0, 1, 5, 32), scale(32)],))
    yield Try("shared", [c(0, 2, 3, 4, 8), scale(8)], dict(epsilon=1e-3))
    yield Try("bare", [c(0, 4, 8)])


@settings("HyperConnectionPreMix")
def hyper_connection_pre_mix(c):
    yield Try("plain", [c(0, 2, 3, 4, 8), c(1, 2, 3, 4)], more=([c(0, 1, 5, 4, 8), c(1, 1, 5, 4)],))
    yield Try("column", [c(0, 2, 3, 4, 8), c(1, 2, 3, 4, 1)], dict(reduction_scale=0.25))
    yield Try("features", [c(0, 2, 3, 4, 8), c(1, 2, 3, 4, 8)])
    yield Try("flat", [c(0, 2, 3, 32), c(1, 2, 3, 32)], dict(num_branches=4), more=([c(0, 1, 5, 32), c(1, 1, 5, 32)],))
    yield Try("flatgate", [c(0, 2, 3, 32), c(1, 2, 3, 4)], dict(num_branches=4))


@settings("HyperConnectionPostMix")
def hyper_connection_post_mix(c):
    make = lambda *s: [c(0, *s, 4, 8), c(1, *s, 8), c(2, *s, 4)]
    yield Try("plain", make(2, 3), more=(make(1, 5),))
    yield Try("mixed", make(2, 3) + [c(3, 2, 3, 4, 4)])
    yield Try("flat", [c(0, 2, 3, 32), c(1, 2, 3, 8), c(2, 2, 3, 4, 1), c(3, 2, 3, 4, 4)], dict(num_branches=4), more=([c(0, 1, 5, 32), c(1, 1, 5, 8), c(2, 1, 5, 4, 1), c(3, 1, 5, 4, 4)],))
    yield Try("features", [c(0, 2, 3, 4, 8), c(1, 2, 3, 8), c(2, 2, 3, 4, 8)])


# ---- Attention -------------------------------------------------------------------------------------------------------
# (more of it, with pasts that share their buffer, is in ../transformers.py)

@settings("RotaryEmbedding")
def rotary_embedding(c):
    tables = [c(2, 9, 4, of="unit"), c(3, 9, 4, of="unit")]
    ids = lambda *s: c.rng.integers(0, 9, s).astype(np.int64)
    yield Try("plain", [c(0, 2, 3, 16), ids(2, 3)] + tables, dict(num_heads=2), parameters=(2, 3), more=([c(0, 1, 5, 16), ids(1, 5)] + tables,))
    yield Try("heads", [c(0, 2, 3, 5, 8), ids(2, 5)] + tables, dict(interleaved=1), parameters=(2, 3))
    yield Try("start", [c(0, 2, 3, 16), i64(4)] + tables, parameters=(2, 3))
    yield Try("part", [c(0, 2, 3, 24), ids(2, 3)] + tables, dict(num_heads=2, rotary_embedding_dim=8), parameters=(2, 3), deep=True)


@settings("Attention")
def attention(c):
    make = lambda b, n, *rest: [c(0, b, n, 6, of="unit"), c(1, 6, 24, of="unit"), c(2, 24, of="unit"), *rest]
    mask = lambda b, n: (np.arange(n) < n - np.arange(b)[:, None]).astype(np.int32)
    heads = dict(num_heads=2)
    yield Try("plain", make(2, 3), heads, parameters=(1, 2), more=(make(1, 5), make(3, 1)))
    yield Try("mask", make(2, 4, mask(2, 4)), dict(heads, unidirectional=1), parameters=(1, 2), more=(make(3, 5, mask(3, 5)),))
    yield Try("past", make(2, 1, None, c(4, 2, 2, 2, 3, 4)), heads, 2, (1, 2), more=(make(1, 1, None, c(4, 2, 1, 2, 5, 4)),))
    yield Try("bias", make(2, 3, None, None, c(5, 2, 2, 3, 3)), dict(heads, scale=0.4), parameters=(1, 2))
    yield Try("sizes", [c(0, 2, 3, 6, of="unit"), c(1, 6, 20, of="unit"), c(2, 20, of="unit")], dict(heads, qkv_hidden_sizes=[8, 8, 4]), parameters=(1, 2))


@settings("MultiHeadAttention")
def multi_head_attention(c):
    make = lambda b, n, m, *rest: [c(0, b, n, 8), c(1, b, m, 8), c(2, b, m, 12), *rest]
    mask = lambda b, m: (np.arange(m) < m - np.arange(b)[:, None]).astype(np.int32)
    heads = dict(num_heads=2)
    yield Try("plain", make(2, 3, 5), heads, more=(make(1, 4, 1), make(3, 1, 6)))
    yield Try("bias", make(2, 3, 5, c(3, 28)), heads, parameters=(3,), more=(make(1, 4, 1, c(3, 28)),))
    yield Try("mask", make(2, 3, 5, None, mask(2, 5)), heads, more=(make(3, 1, 6, None, mask(3, 6)),))
    yield Try("scores", make(2, 3, 5, None, None, c(5, 1, 2, 3, 5)), dict(heads, scale=0.3))
    yield Try("past", [c(0, 2, 1, 8), c(1, 2, 1, 8), c(2, 2, 1, 8), None, None, None, c(6, 2, 2, 3, 4), c(7, 2, 2, 3, 4)], dict(heads, unidirectional=1), 3)


@settings("GroupQueryAttention")
def group_query_attention(c):
    real, cache = c.dtype(0), c.dtype(3)
    heads, bits = dict(num_heads=4, kv_num_heads=2), {"int8": 8, "uint8": 4}.get(cache.name)
    if cache != real and not bits:
        return
    quantised = dict(k_quant_type="PER_TENSOR", v_quant_type="PER_TENSOR", kv_cache_bit_width=bits) if bits else {}
    scales = [np.float32([0.3])] * 2 if bits else [None] * 2

    def make(b, n, past, lengths=None, total=None, rest=(), fresh=None, size=8):
        caches = [c(k, b, 2, past, size // 2 if bits == 4 else size, of="full" if bits else "normal") for k in (3, 4)]
        lengths = lengths or [past + n] * b
        rest = list(rest) + [None] * (5 - len(rest))
        return [c(0, b, n, 4 * size), c(1, b, n, 2 * size), c(2, b, n, 2 * size), *caches, i32(*lengths) - 1, i32(total or max(lengths)), *rest, *scales, None, None] + ([fresh] if fresh is not None else [])
    yield Try("plain", make(2, 1, 5), dict(heads, **quantised), 3, more=(make(3, 1, 2),))
    yield Try("several", make(1, 3, 5), dict(heads, **quantised), 3)
    yield Try("window", make(2, 1, 5), dict(heads, local_window_size=3, softcap=4.0, **quantised), 3)
    yield Try("sink", make(2, 1, 5, rest=[None, None, None, None, c(11, 4)]), dict(heads, **quantised), 3)
    yield Try("scorebias", make(2, 1, 5, rest=[None, None, None, c(10, 2, 4, 1, 6)]), dict(heads, scale=0.2, **quantised), 3)
    # (no rows of which nothing is said: ../transformers.py has those)
    yield Try("chunk", make(2, 3, 8, [8, 8], fresh=i32(3, 3)), dict(heads, **quantised), 3, more=(make(1, 2, 6, [6], fresh=i32(2)),))
    sliding = dict(heads, sliding_window_cache=1, local_window_size=4, **quantised)
    size = 32 if bits else 8  # (what onnxruntime asks for)
    yield Try("slide", make(2, 1, 4, [9, 6], size=size), sliding, 3, more=(make(3, 1, 4, [4, 5, 12], size=size),))
    yield Try("slidechunk", make(2, 3, 4, [9, 6], 10, fresh=i32(3, 3), size=size), sliding, 3)


@settings("SparseAttention")
def sparse_attention(c):
    # Two layouts of 16 keys to a block: all, and the first and the last ones.
    rows, columns = np.array([[0, 1, 3, 6], [0, 1, 2, 4]], np.int32), np.array([[0, 0, 1, 0, 1, 2], [0, 1, 0, 2, -1, -1]], np.int32)
    heads, groups, size = 4, 2, 8

    def make(n, *lengths):
        b = len(lengths)
        return [c(0, b, n, 32), c(1, b, n, 16), c(2, b, n, 16), c(3, b, 2, 48, 8), c(4, b, 2, 48, 8), rows, columns, i32(max(lengths)), i32(*lengths)]

    def expected(q, k, v, keys, values, rows, columns, total, lengths):  # (of different lengths onnxruntime reads the shares from another place than it writes them to)
        n, kind = q.shape[1], q.dtype
        keys, values, y = keys.copy(), values.copy(), np.zeros((len(lengths), n, heads, size), np.float32)
        for b, length in enumerate(lengths):
            start = 0 if n == total[0] else length - n
            for cache, new in ((keys, k), (values, v)):
                cache[b, :, start:start + n] = new[b].reshape(n, groups, size).swapaxes(0, 1)
            for h, i in itertools.product(range(heads), range(n)):
                row, layout = (start + i) // 16, h % len(rows)
                blocks = columns[layout, rows[layout, row]:rows[layout, row + 1]]
                seen = [p for p in range(start + i + 1) if p // 16 in blocks]
                scores = keys[b, h // 2, seen].astype(np.float32) @ q[b, i].reshape(heads, size)[h].astype(np.float32) / np.sqrt(size)
                shares = np.exp(scores - scores.max())
                y[b, i, h] = shares / shares.sum() @ values[b, h // 2, seen].astype(np.float32)
        return [y.reshape(len(lengths), n, -1).astype(kind), keys, values]
    attributes = dict(num_heads=heads, kv_num_heads=groups, sparse_block_size=16)
    for label, sets in (("plain", (make(1, 41, 41), make(1, 17))), ("lengths", (make(1, 41, 20), make(1, 17, 41, 33))), ("several", (make(3, 20, 48), make(3, 18, 4, 35))),
                        ("prompt", (make(40, 40, 40), make(33, 33)))):
        yield Try(label, sets[0], attributes, 3, (5, 6), more=sets[1:], expected=expected)


# ---- Layers with a state ---------------------------------------------------------------------------------------------

@settings("CausalConvWithState")
def causal_conv_with_state(c):
    make = lambda b, n, past=0: [c(0, b, 4, n), c(1, 4, 1, 3), c(2, 4)] + ([c(3, b, 4, past)] if past else [])
    yield Try("plain", make(2, 7), outputs=2, parameters=(1, 2), more=(make(1, 1), make(3, 2)))
    yield Try("past", make(2, 7, 2), dict(activation="silu"), 2, (1, 2), more=(make(1, 1, 2),))
    yield Try("dilated", make(2, 7, 4), dict(dilation=2, activation="swish"), 2, (1, 2))
    yield Try("unbiased", [c(0, 2, 4, 5), c(1, 4, 1, 1)], {}, 2, (1,))
    last = lambda b, n: [c(0, b, n, 4), c(1, 4, 1, 3), c(2, 4), c(3, b, 2, 4)]
    yield Try("last", last(2, 7), dict(channels_last=1), 2, (1, 2), more=(last(1, 1),))
    yield Try("lastdims", [c(0, 2, 7, 2, 2), c(1, 4, 1, 3)], dict(channels_last=1), 2, (1,))


@settings("VarlenCausalConvWithState")
def varlen_causal_conv_with_state(c):
    make = lambda *lengths, past=2: [c(0, sum(lengths), 4), c(1, 4, 1, 3), np.cumsum([0, *lengths]).astype(np.int32), c(3, 4), c(4, len(lengths), 4, past)]
    yield Try("plain", make(3, 1, 6), dict(activation="silu"), 2, (1, 3), more=(make(1), make(2, 2, 2, 2)))
    yield Try("dilated", make(3, 1, 6, past=4), dict(dilation=2), 2, (1, 3))
    unbiased = make(3, 1, 6)
    unbiased[3] = None
    yield Try("captured", unbiased + [i32(2, 5, 4)], dict(state_update_capacity=3), 3, (1,))


@settings("LinearAttention")
def linear_attention(c):
    def make(b, t, rule, q=4, k=4, v=4, per_key=False, past=True):
        normal = c(1, b, t, k, 4)
        normal = (normal.astype(np.float32) / np.linalg.norm(normal.astype(np.float32), axis=-1, keepdims=True)).astype(normal.dtype).reshape(b, t, k * 4)
        x = [c(0, b, t, q * 4), normal, c(2, b, t, v * 3), c(3, b, v, 4, 3) if past else None]
        return x + [-c(4, b, t, v * 4 if per_key else v, of="positive") if "gated" in rule else None] + ([c(5, b, t, v, of="unit")] if "delta" in rule else [])
    heads = lambda q, v: dict(q_num_heads=q, kv_num_heads=v)
    for rule in ("linear", "gated", "delta", "gated_delta"):
        yield Try(rule, make(2, 5, rule), dict(heads(4, 4), update_rule=rule), 2, more=(make(1, 1, rule), make(1, 9, rule)))
    yield Try("grouped", make(2, 5, "gated", v=2, k=2), dict(heads(4, 2), update_rule="gated"), 2)
    yield Try("inverse", make(2, 5, "gated_delta", q=2, k=2), dict(heads(2, 4), scale=0.3), 2)
    yield Try("keys", make(2, 5, "gated_delta", per_key=True, past=c.dtype(0) != np.float32), heads(4, 4), 2)


@settings("GatedDeltaNet")
def gated_delta_net(c):
    def make(*lengths, decays=(4,), packed=True, past=True, heads=2):
        n, b = sum(lengths), len(lengths)
        x = [c(0, n, heads, 5), c(1, n, heads, 5), c(2, n, 4, 3), np.cumsum([0, *lengths]).astype(np.int32) if packed else None]
        return x + [-c.fill(c.element("TG"), (n, *decays), "positive"), c.fill(c.element("TG"), (n, 4), "positive"), c.fill(np.dtype(np.float32), (b, 4, 3, 5)) if past else None]
    norm = dict(qk_l2_norm=1, beta_activation="sigmoid")
    yield Try("plain", make(5, 5, packed=False), norm, 2, more=(make(1, packed=False), make(3, 3, 3, packed=False)))
    yield Try("packed", make(4, 1, 7), norm, 2, more=(make(2), make(3, 3)))
    yield Try("nostate", make(4, 6, past=False), dict(norm, scale=0.25), 2)
    yield Try("keys", make(4, 6, decays=(4, 5)), norm, 2)
    logs = lambda *s: [c.fill(np.dtype(np.float32), s, "unit"), c.fill(np.dtype(np.float32), s, "unit")]
    yield Try("softplus", make(4, 6) + logs(4), dict(norm, gate_activation="softplus"), 2)
    yield Try("kda", make(4, 6, decays=(4, 5)) + [logs(4)[0], logs(4, 5)[1].reshape(-1)], dict(norm, gate_activation="kda", gate_lower_bound=-3.0), 2)
    for rule in ("linear", "gated", "delta"):
        x = make(4, 6)
        x[4 if rule != "gated" else 5] = None
        if rule == "linear":
            x[5] = None
        yield Try(rule, x, dict(norm if rule == "delta" else dict(qk_l2_norm=1), update_rule=rule), 2)
    # (what is behind the captured steps is not said)
    for label, x, more in (("updates", make(3, 4), {}), ("updatesbykey", make(3, 3, decays=(4, 5), packed=False), {}), ("updatesplain", make(3, 5), dict(update_rule="gated"))):
        if more:
            x[5] = None
        yield Try(label, x + [None, None, i32(3, 3)], dict(norm if not more else dict(qk_l2_norm=1), state_update_capacity=3, **more), 3)
    yield Try("inactive", make(3, 4) + [None, None, i32(3, 3), i32(0)], dict(norm, state_update_capacity=3), 3)
    packed = make(4, 6)
    yield Try("together", [c(0, 10, 2 * 10 + 12), None, None] + packed[3:], norm, 2)
    batch = make(5, 5, packed=False)
    yield Try("batch", [x if x is None or k == 6 else x.reshape(2, 5, *x.shape[1:]) for k, x in enumerate(batch)], norm, 2)


@settings("AttnLSTM")
def attn_lstm(c):
    hidden, width, depth, size = 5, 3, 4, 6
    def make(steps, batch, memory, directions=1, layer=7, lengths=None, memories=None, initial=False, peepholes=False):
        d = directions
        x = [c(0, steps, batch, width), c(1, d, 4 * hidden, width + (layer or depth)), c(2, d, 4 * hidden, hidden), c(3, d, 8 * hidden)]
        x += [lengths and np.array(lengths, np.int32), c(5, d, batch, hidden) if initial else None, c(6, d, batch, hidden) if initial else None]
        x += [c(7, d, 3 * hidden) if peepholes else None, c(8, d, hidden, size), c(9, d, depth, size), c(10, d, size), c(11, batch, memory, depth)]
        x += [memories and np.array(memories, np.int32)]
        return x + ([c(13, d, hidden + depth, layer)] if layer else [])
    base, p = dict(hidden_size=hidden), (1, 2, 3, 7, 8, 9, 10, 13)
    yield Try("plain", make(4, 2, 3, memories=[2, 3]), base, 3, p, more=(make(1, 1, 1, memories=[1]), make(6, 2, 5, memories=[5, 1])))
    yield Try("context", make(4, 2, 3, layer=None, memories=[3, 1]), base, 3, p)
    yield Try("lengths", make(4, 3, 3, lengths=[2, 4, 1], memories=[3, 3, 2], initial=True, peepholes=True), base, 3, p)
    yield Try("back", make(4, 2, 3, lengths=[3, 4], memories=[2, 3]), dict(base, direction="reverse"), 3, p)
    yield Try("both", make(4, 2, 3, directions=2, lengths=[4, 2], memories=[2, 3]), dict(base, direction="bidirectional", activations=["HardSigmoid", "Tanh", "Tanh", "Sigmoid", "Elu", "Tanh"], activation_alpha=[0.3, 0.7], activation_beta=[0.4]), 3, p)
    yield Try("clip", make(4, 2, 3, memories=[2, 3]), dict(base, clip=0.7), 3, p)


@settings("MRotaryEmbedding")
def m_rotary_embedding(c):
    table = lambda k: c(k, 11, 6, of="unit")
    ids = lambda b, t: c.rng.integers(0, 11, (3, b, t)).astype(np.int64)
    make = lambda b, t: [c(0, b, t, 24), ids(b, t), table(2), table(3)]
    yield Try("plain", make(2, 5), dict(mrope_section=[2, 1, 3], num_heads=2), parameters=(2, 3), more=(make(1, 1),))
    yield Try("layout", make(2, 5), dict(mrope_section=[2, 2, 2], mrope_layout=1, num_heads=2), parameters=(2, 3))
    yield Try("layoutuneven", make(2, 5), dict(mrope_section=[4, 1, 1], mrope_layout=1, num_heads=2), parameters=(2, 3))
    yield Try("interleaved", make(2, 5), dict(mrope_section=[2, 2, 2], interleaved=1, num_heads=2), parameters=(2, 3))
    yield Try("heads", [c(0, 2, 3, 5, 12), ids(2, 5), table(2), table(3)], dict(mrope_section=[6, 0, 0]), parameters=(2, 3))
    yield Try("partial", [c(0, 2, 5, 32), ids(2, 5), table(2), table(3)], dict(mrope_section=[2, 2, 2], num_heads=2, rotary_embedding_dim=12), parameters=(2, 3))


@settings("MoEGroupRouter")
def moe_group_router(c):
    make = lambda *s: [c(0, *s, 8), c(1, 8)]
    yield Try("plain", make(5), dict(top_k=2, n_group=4, topk_group=2), more=(make(1), make(9)))
    yield Try("one", make(2, 3), dict(top_k=3))
    yield Try("wide", make(5), dict(top_k=4, n_group=2, topk_group=1, group_topk=9, router_sentinel=-7.0))


# ---- Movement ------------------------------------------------------------------------------------------------------

@settings("ExpandDims")
def expand_dims(c):
    for axis in (0, 1, -1, -2):
        yield Try(f"axis{axis}", [c(0, 3, 5), np.array(axis, np.int32)], parameters=(1,), more=([c(0, 1, 4), np.array(axis, np.int32)],) if axis == 1 else ())


@settings("GatherND")
def gather_nd(c):
    yield Try("plain", [c(0, 4, 5), np.array([[1, 2], [3, 0], [-1, -5]], c.dtype(1))])
    yield Try("rows", [c(0, 4, 5), np.array([[1], [3]], c.dtype(1))])
    yield Try("deeper", [c(0, 2, 3, 4), np.array([[[0, 1]], [[1, 2]]], c.dtype(1))])


@settings("GridSample")
def grid_sample(c):
    if c.dtype(0) != np.float32:  # onnxruntime has no other
        return
    for mode, padding, align in itertools.product(("bilinear", "nearest", "bicubic"), ("zeros", "border", "reflection"), (0, 1)):
        yield Try(f"{mode}-{padding}-{align}", [c(0, 1, 2, 5, 6), c.fill(c.dtype(1), (1, 3, 4, 2), "unit")],
                  dict(mode=mode, padding_mode=padding, align_corners=align), deep=(mode, padding, align) != ("bilinear", "zeros", 0))


@settings("Pad")
def pad(c):
    yield Try("plain", [c(0, 2, 3), i64(1, 0, 2, 1)], parameters=(1,))
    yield Try("value", [c(0, 2, 3), i64(1, 0, 2, 1), c.numbers(2, [7])], parameters=(1, 2), more=([c(0, 1, 4), i64(1, 0, 2, 1), c.numbers(2, [7])],))
    yield Try("scalar", [c(0, 2, 3), i64(1, 0, 2, 1), c.numbers(2, 7)], parameters=(1,), deep=True)
    yield Try("row", [c(0, 2, 3), i64(1, 0, 2, 1).reshape(1, 4), c.numbers(2, [7])], parameters=(1,), deep=True)
    yield Try("crop", [c(0, 4, 5), i64(-1, 0, 2, -1)], parameters=(1,))
    for mode in ("reflect", "edge"):
        yield Try(mode, [c(0, 3, 4), i64(1, 2, 1, 0)], dict(mode=mode), parameters=(1,))


@settings("Range")
def range_(c):
    n = lambda *v: [np.array(x, c.dtype(0)) for x in v]
    yield Try("plain", n(1, 9, 2), parameters=(0, 1, 2), more=(n(1, 1, 2), n(1, 40, 2)))
    yield Try("down", n(9, 1, -3), parameters=(0, 1, 2))
    yield Try("step", n(2, 7), parameters=(0, 1))
    yield Try("vectors", [x.reshape(1) for x in n(1, 9, 2)], parameters=(0, 1, 2), deep=True)
    if is_float(c.dtype(0)):
        yield Try("broken", n(0.5, 3, 0.25), parameters=(0, 1, 2))


@settings("Trilu")
def trilu(c):
    for upper, k in itertools.product((0, 1), (None, -1, 2)):
        yield Try(f"{'upper' if upper else 'lower'}{k}", [c(0, 2, 4, 5)] + ([] if k is None else [np.array(k)]), dict(upper=upper), parameters=(1,))


@settings("Unique")
def unique(c):
    x = c.rng.integers(0, 6, 17).astype(c.dtype(0))
    yield Try("plain", [x], outputs=3, more=([x[:1]], [x[:9]]))


@settings("SampleOp")
def sample_op(c):
    plain, more = shapes_of(lambda *s: [c(0, *s)])
    yield Try("plain", plain, more=more)


@settings("UnfoldTensor")
def unfold_tensor(c):
    yield Try("plain", [c(0, 3, 9)], dict(size=3), more=([c(0, 1, 4)], [c(0, 2, 17)]))
    yield Try("steps", [c(0, 3, 9, 2)], dict(dim=1, size=4, step=2), more=([c(0, 2, 4, 2)], [c(0, 1, 13, 2)]))
    yield Try("first", [c(0, 7, 3)], dict(dim=0, size=2, step=3))
    yield Try("whole", [c(0, 2, 5)], dict(dim=-1, size=5), deep=True)


@settings("CDist")
def cdist(c):
    make = lambda m, n, k: [c(0, m, k), c(1, n, k)]
    for metric in ("sqeuclidean", "euclidean"):
        yield Try(metric, make(5, 7, 9), dict(metric=metric), more=(make(1, 3, 9), make(17, 2, 9)))
    yield Try("default", make(2, 3, 4))


@settings("ConvTransposeWithDynamicPads")
def conv_transpose_with_dynamic_pads(c):
    make = lambda x, w, pads: [c(0, *x), c(1, *w), i64(*pads)]
    yield Try("plain", make((1, 3, 4, 5), (3, 2, 3, 3), (1, 0, 0, 1)), dict(strides=[2, 2]), parameters=(1, 2))
    yield Try("bias", make((1, 4, 4, 5), (4, 2, 3, 3), (1, 1, 1, 1)) + [c(3, 4)], dict(strides=[2, 3], group=2, dilations=[1, 2], output_padding=[1, 0]), parameters=(1, 2, 3))


@settings("WordConvEmbedding")
def word_conv_embedding(c):
    words = np.array([[3, 5, 2, 1, 0, 0], [4, 0, 0, 0, 0, 0], [7, 6, 5, 4, 3, 2], [1, 1, 0, 0, 0, 0]], np.int32)
    weights = [c(1, 5, 1, 3, 4), c(2, 5), c(3, 8, 4)]
    yield Try("plain", [words] + weights, parameters=(1, 2, 3), more=([words[:1]] + weights, [words[[2, 1]][:, :4]] + weights))
    yield Try("sizes", [words] + weights, dict(embedding_size=5, conv_window_size=3, char_embedding_size=4), parameters=(1, 2, 3))


@settings("MatMulInteger16")
def matmul_integer16(c):
    make = lambda a, b: [c(0, *a, of="full"), c(1, *b, of="full")]
    yield Try("plain", make((5, 7), (7, 9)), more=(make((1, 7), (7, 9)),))
    yield Try("batch", make((2, 3, 5, 7), (3, 7, 9)))


@settings("Tokenizer")
def tokenizer(c):
    text = lambda *s: np.array(s, object)
    words = dict(mark=0, mincharnum=1, pad_value="#", separators=[" "])
    yield Try("plain", [text("a bc d", "größe x", "")], words, more=([text("a b")], [text("a", "b c d e")]))
    yield Try("mark", [text("a bc d", "größe x")], dict(words, mark=1))
    yield Try("matrix", [np.array([["a bc d", "x"], ["", "y z"]], object)], dict(words, pad_value="pad"))
    yield Try("shortest", [text("a bc def", "größe x")], dict(words, mincharnum=2))
    yield Try("several", [text("a,bc;d", "x, y")], dict(words, separators=[", ", ",", ";"]), deep=True)
    yield Try("letters", [text("abc", "größe")], dict(words, separators=[""]))
    yield Try("expression", [text("a1 b22", "333 c")], dict(mark=0, mincharnum=1, pad_value="#", tokenexp="[0-9]+"))


# ---- Tokens and their hashes ---------------------------------------------------------------------------------------

@settings("NGramRepeatBlock")
def ngram_repeat_block(c):
    ids = np.array([[1, 2, 3, 1, 2, 4, 1, 2], [5, 5, 5, 5, 5, 5, 5, 5], [0, 1, 2, 3, 4, 5, 6, 7]], np.int64)
    make = lambda ids: [ids, c(1, len(ids), 9)]
    for n in (1, 2, 3):
        yield Try(f"of{n}", make(ids), dict(ngram_size=n), more=(make(ids[:1]), make(ids[:2, :2]), make(ids[:, :1])))
    yield Try("long", make(ids), dict(ngram_size=12))


@settings("BifurcationDetector")
def bifurcation_detector(c):
    source = i64(2, 4, 6, 8, 2, 4, 7, 9, 3)
    yield Try("none", [source, i64(1, 4, 7), i64(0)], outputs=2, more=([source, i64(4), i64(0)], [source, i64(2, 9, 3), i64(0)]))
    make = lambda index, agree: [source, i64(5, 6), i64(index), np.append(source[index:index + agree], np.full(len(source) + 1 - index - agree, 77))]
    yield Try("predicted", make(2, 3), dict(min_ngram_size=1, max_ngram_size=3), 2, more=(make(0, 0), make(5, 4), make(9, 0)))
    yield Try("found", [source, i64(8, 2, 4), i64(0)], dict(min_ngram_size=2, max_ngram_size=3), 2)
    yield Try("twice", [source, i64(2, 4), i64(0)], dict(min_ngram_size=1, max_ngram_size=2), 2)


@settings("MurmurHash3")
def murmur_hash3(c):
    if c.types["T2"] == "tensor(int32)":
        attributes = dict(positive=0)
    else:
        attributes = {}
    plain, more = shapes_of(lambda *s: [c(0, *s, of="full")])
    yield Try("plain", plain, attributes, more=more)
    yield Try("seed", [c(0, 7, of="full")], dict(attributes, seed=42))


@settings("DynamicTimeWarping")
def dynamic_time_warping(c):
    make = lambda *s: [c(0, *s, of="positive")]
    yield Try("plain", make(5, 9), more=(make(1, 1), make(13, 4), make(1, 7)))
    yield Try("batch", make(1, 6, 4))
    yield Try("ties", [np.ones((4, 6), np.float32)])
    yield Try("negative", [c(0, 7, 7)])


def hash_tables(c, longest, heads):
    return [c.numbers(1, [3, 5, 7, 11][:longest]), c.numbers(2, [11, 13, 17, 19, 23, 29][:(longest - 1) * heads])]


@settings("NGramHashMapping")
def ngram_hash_mapping(c):
    base = dict(max_ngram_size=3, n_head_per_ngram=2, pad_id=1)
    ids = lambda *s: c.rng.integers(0, 9, s).astype(c.dtype(0))
    eos = c.numbers(0, 4)
    segments = lambda b, s: np.sort(c.rng.integers(0, 3, (b, s)), 1).astype(np.int32)
    make = lambda b, s: [ids(b, s)] + hash_tables(c, 3, 2)
    yield Try("plain", make(2, 7), base, 2, more=(make(1, 1), make(3, 2)))
    yield Try("past", make(2, 7) + [ids(2, 2)], base, 2, more=(make(1, 1) + [ids(1, 2)],))
    yield Try("eos", make(2, 17) + [ids(2, 2), c.numbers(4, [100, 200, 300, 400]), eos], dict(base, reset_on_eos=1), 2)
    yield Try("noreset", make(2, 7) + [None, None, eos], base, 2)
    yield Try("segments", make(2, 9) + [ids(2, 2), None, eos, segments(2, 9)], dict(base, reset_on_eos=1), 2, more=(make(1, 1) + [ids(1, 2), None, eos, segments(1, 1)],))
    yield Try("segmentsalone", make(2, 9) + [None, None, None, segments(2, 9)], base, 2)
    yield Try("longer", [ids(2, 7)] + hash_tables(c, 4, 1), dict(max_ngram_size=4, n_head_per_ngram=1, pad_id=0))
    wide = [c(0, 2, 7, of="full"), c(1, 3, of="full")] + hash_tables(c, 3, 2)[1:]
    yield Try("wrapping", wide, base, 2)


@settings("VarlenNGramHashMapping")
def varlen_ngram_hash_mapping(c):
    base = dict(max_ngram_size=3, n_head_per_ngram=2, pad_id=1)
    ids = lambda *s: c.rng.integers(0, 9, s).astype(c.dtype(0))
    eos = c.numbers(0, 4)
    make = lambda *lengths: [ids(sum(lengths))] + hash_tables(c, 3, 2) + [np.cumsum([0, *lengths]).astype(np.int32)]
    segments = lambda n: np.sort(c.rng.integers(0, 3, n)).astype(np.int32)
    yield Try("plain", make(3, 1, 6), base, 2, more=(make(1), make(2, 2, 2, 2)))
    yield Try("past", make(3, 1, 6) + [ids(3, 2)], base, 2)
    yield Try("eos", make(13, 1, 8) + [ids(3, 2), c.numbers(4, [100, 200, 300, 400]), eos], dict(base, reset_on_eos=1), 2)
    yield Try("segments", make(3, 1, 6) + [ids(3, 2), None, eos, segments(10), c.rng.integers(0, 3, (3, 2)).astype(np.int32)], dict(base, reset_on_eos=1), 3)
    yield Try("newsegments", make(3, 1, 6) + [None, None, None, segments(10)], base, 3)
    for label, counts in (("captured", i32(2, 5, 4)), ("negative", i32(-1, 0, 1))):
        yield Try(label, make(3, 1, 6) + [ids(3, 2), None, None, segments(10), None, counts], dict(base, state_update_capacity=3), 4)


# ---- Spatial, linear algebra -----------------------------------------------------------------------------------------

@settings("Inverse")
def inverse(c):
    make = lambda *s: [np.asarray(np.asarray(c(0, *s), np.float64) + 5 * np.eye(s[-1]), c.dtype(0))]
    yield Try("plain", make(3, 3), more=(make(1, 1), make(7, 7)))
    yield Try("batch", make(2, 3, 4, 4))
    yield Try("swapped", [c.numbers(0, [[0, 2, 1], [1, 0, 0], [3, 0, 1]])])


@settings("CropAndResize")
def crop_and_resize(c):
    boxes = c.numbers(1, [[0.1, 0.2, 0.9, 0.7], [0.8, 0.9, 0.2, 0.1], [-0.2, 0, 1.3, 1], [0.25, 0.5, 0.75, 0.5]])
    make = lambda x, size: [c(0, *x), boxes, i32(0, 1, 0, 1), i32(*size)]
    for mode in ("bilinear", "nearest") if c.dtype(0) != np.float64 else ("bilinear",):  # (a place in the middle, rounded otherwise)
        yield Try(mode, make((2, 3, 5, 6), (3, 4)), dict(mode=mode, extrapolation_value=2.5), parameters=(3,), more=(make((2, 3, 9, 2), (3, 4)),))
        yield Try(mode + "one", make((2, 3, 5, 6), (1, 1)), dict(mode=mode), parameters=(3,))
    yield Try("row", make((2, 1, 4, 4), (1, 7)), parameters=(3,), deep=True)


@settings("MaxpoolWithMask")
def maxpool_with_mask(c):
    masks = lambda *s: (c.rng.random(s) > 0.3).astype(np.int32)
    make = lambda x, m: [c(0, *x), masks(*m, *x[2:])]
    yield Try("plain", make((2, 3, 7, 9), (1, 1)), dict(kernel_shape=[3, 3]), more=(make((1, 3, 4, 5), (1, 1)),))
    yield Try("padded", make((2, 3, 8, 9), (2, 3)), dict(kernel_shape=[3, 2], strides=[2, 3], pads=[1, 0, 1, 1]))
    yield Try("same", make((1, 2, 7, 8), (1, 2)), dict(kernel_shape=[3, 3], strides=[2, 2], auto_pad="SAME_UPPER"))
    yield Try("1d", make((2, 3, 17), (1, 3)), dict(kernel_shape=[4], strides=[3]))
    yield Try("3d", make((1, 2, 5, 4, 6), (1, 1)), dict(kernel_shape=[2, 2, 3]))


# ---- Quantised -----------------------------------------------------------------------------------------------------

def quantity(c, k, *shape, scale=0.05, zero=3):
    """Numbers, scale and zero point that are formal inputs k to k + 2."""
    return [c(k, *shape, of="full"), f32(scale), c.numbers(k, zero)]


def quantum(c, k, scale=0.06, zero=5):
    """Scale and zero point of a result whose type formal input k has."""
    return [f32(scale), c.numbers(k, zero)]


@settings("QuantizeLinear")
def quantize_linear(c):
    scale = lambda *v: np.array(v[0] if len(v) == 1 else v, c.dtype(1))
    yield Try("plain", [c(0, 5, 17), scale(0.1), c.numbers(2, 1)], parameters=(1, 2), more=([c(0, 1, 1), scale(0.1), c.numbers(2, 1)],))
    yield Try("axis", [c(0, 5, 3), scale(0.1, 0.2, 0.3), c.numbers(2, [1, 2, 0])], dict(axis=1), parameters=(1, 2))
    yield Try("nozero", [c(0, 5, 3, of="positive"), scale(0.1)], parameters=(1,))


@settings("DequantizeLinear")
def dequantize_linear(c):
    scale = lambda *v: np.array(v[0] if len(v) == 1 else v, c.dtype(1))
    zero = (lambda v: c.numbers(0, np.zeros_like(v))) if c.dtype(0) == np.int32 else lambda v: c.numbers(0, v)
    yield Try("plain", [c(0, 5, 17, of="full"), scale(0.1), zero(1)], parameters=(1, 2), more=([c(0, 1, 1), scale(0.1), zero(1)],))
    yield Try("axis", [c(0, 5, 3, of="full"), scale(0.1, 0.2, 0.3), zero([1, 2, 0])], dict(axis=1), parameters=(1, 2))
    yield Try("nozero", [c(0, 5, 3, of="full"), scale(0.1)], parameters=(1,))


@settings("QLinearAdd", "QLinearMul")
def qlinear_binary(c):
    make = lambda s, t: quantity(c, 0, *s) + quantity(c, 3, *t, scale=0.03, zero=7) + quantum(c, 0)
    p = (1, 2, 4, 5, 6, 7)
    yield Try("plain", make((5, 17), (5, 17)), parameters=p, more=(make((1, 17), (1, 17)), make((0, 3), (0, 3))))
    yield Try("row", make((5, 17), (17,)), parameters=p)
    yield Try("scalar", make((5, 17), ()), parameters=p)
    yield Try("outer", make((5, 1), (1, 9)), parameters=p)


@settings("QLinearLeakyRelu", "QLinearSigmoid")
def qlinear_unary(c):
    attributes = dict(alpha=0.2) if c.schema.name == "QLinearLeakyRelu" else {}
    scale = 0.04 if attributes else 1 / 256
    plain, more = shapes_of(lambda *s: quantity(c, 0, *s) + quantum(c, 0, scale))
    yield Try("plain", plain, parameters=(1, 2, 3, 4), more=more)
    yield Try("run", plain, attributes)  # (without a zero point onnxruntime crashes)


@settings("QLinearSoftmax")
def qlinear_softmax(c):
    for opset, axis in itertools.product((9, 13), (-1, 1)):
        yield Try(f"opset{opset}axis{axis}", quantity(c, 0, 2, 3, 5) + quantum(c, 0, 1 / 256, 0), dict(axis=axis, opset=opset), parameters=(1, 2, 3, 4))


@settings("QLinearConcat")
def qlinear_concat(c):
    make = lambda axis, *shapes: [f32(0.06), c.numbers(1, 5)] + [x for k, s in enumerate(shapes) for x in (c.fill(c.dtype(1), s, "full"), f32(0.03 + k / 50), c.numbers(1, k))]
    yield Try("plain", make(1, (2, 3), (2, 5)), dict(axis=1), parameters=(0, 1, 3, 4, 6, 7), more=(make(1, (1, 3), (1, 5)),))
    yield Try("three", make(0, (2, 3), (1, 3), (4, 3)), dict(axis=0), parameters=(0, 1, 3, 4, 6, 7, 9, 10))
    yield Try("negative", make(-1, (2, 3, 4), (2, 3, 1)), dict(axis=-1), parameters=(0, 1, 3, 4, 6, 7))


@settings("QLinearWhere")
def qlinear_where(c):
    make = lambda s, t, u: [c(0, *s)] + quantity(c, 1, *t) + quantity(c, 4, *u, scale=0.03, zero=7) + quantum(c, 1)
    p = (2, 3, 5, 6, 7, 8)
    yield Try("plain", make((5, 7), (5, 7), (5, 7)), parameters=p, more=(make((1, 7), (1, 7), (1, 7)),))
    yield Try("broadcast", make((5, 1), (7,), ()), parameters=p)


@settings("QLinearAveragePool")
def qlinear_average_pool(c):
    for label, shape, attributes in POOL:
        if set(attributes) <= set(c.schema.attributes) and "auto_pad" not in attributes:
            yield Try(label, quantity(c, 0, *shape) + quantum(c, 0), attributes, parameters=(1, 2, 3, 4), deep=label not in ("plain", "strided"))
    yield Try("same", quantity(c, 0, 1, 2, 7, 8) + quantum(c, 0), dict(kernel_shape=[3, 3], strides=[2, 2], auto_pad="SAME_UPPER"), parameters=(1, 2, 3, 4), deep=True)
    yield Try("last", quantity(c, 0, 1, 7, 9, 3) + quantum(c, 0), dict(kernel_shape=[3, 2], channels_last=1), parameters=(1, 2, 3, 4))
    yield Try("counted", quantity(c, 0, 1, 2, 6, 7) + quantum(c, 0), dict(kernel_shape=[3, 3], pads=[1, 1, 1, 1], count_include_pad=1), parameters=(1, 2, 3, 4))


@settings("QLinearGlobalAveragePool")
def qlinear_global_average_pool(c):
    make = lambda *s: quantity(c, 0, *s) + quantum(c, 0)
    yield Try("plain", make(2, 3, 5, 7), parameters=(1, 2, 3, 4), more=(make(1, 3, 2, 2),))
    yield Try("last", make(2, 5, 7, 3), dict(channels_last=1), parameters=(1, 2, 3, 4))


@settings("QLinearConv")
def qlinear_conv(c):
    zero = c.numbers(5, 3 if c.dtype(3).kind == "u" else 0)
    make = lambda x, w: [c(0, *x, of="full"), f32(0.05), c.numbers(2, 3), c(3, *w, of="full"), f32(0.04), zero, f32(0.9), c.numbers(7, 3)]
    p = (1, 2, 3, 4, 5, 6, 7, 8)
    yield Try("plain", make((1, 3, 6, 7), (4, 3, 3, 3)), parameters=p[:-1])
    yield Try("bias", make((1, 3, 6, 7), (4, 3, 3, 3)) + [c(8, 4)], dict(pads=[1, 1, 1, 1]), parameters=p)
    yield Try("last", make((1, 6, 7, 3), (4, 3, 3, 3)) + [c(8, 4)], dict(channels_last=1), parameters=p)
    for label, attributes, channels in INTEGER_WINDOWS:
        yield Try(label, make((1, 3, 6, 7), (3, channels, 3, 3)), attributes, parameters=p[:-1], deep=True)


@settings("NhwcMaxPool")
def nhwc_max_pool(c):
    for label, shape, attributes in POOL:
        moved = (shape[0], *shape[2:], shape[1])
        yield Try(label, [c(0, *moved, of="full")], attributes, more=([c(0, 2, 4, 5, 3)],) if label == "plain" else (), deep=label not in ("plain", "strided"))


@settings("QGemm")
def qgemm(c):
    make = lambda m, k, n, a=0, b=0: [*quantity(c, 0, *((k, m) if a else (m, k)), scale=0.02), *quantity(c, 3, *((n, k) if b else (k, n)), scale=0.03)]
    p = (1, 2, 3, 4, 5, 6, 7, 8)
    same = c.types["TYZ"] == c.types["TA"]
    y = quantum(c, 8, 0.4) if same and c.types["TY"] == c.types["TYZ"] else []
    yield Try("plain", make(5, 7, 9) + [c(6, 9)] + y, parameters=p, more=((make(2, 7, 9) + [c(6, 9)] + y),))
    yield Try("real", make(5, 7, 9), parameters=p)
    yield Try("bias", make(5, 7, 9, b=1) + [c(6, 5, 9)], dict(transB=1, alpha=0.5), parameters=p)
    yield Try("transposed", make(5, 7, 9, a=1) + [c(6, 1, 9)], dict(transA=1), parameters=p)
    columns = make(5, 7, 9)
    columns[4], columns[5] = np.linspace(0.01, 0.05, 9, dtype=np.float32), np.arange(9).astype(c.dtype(3))
    yield Try("columns", columns + [c(6, 9)], parameters=p)


@settings("MatMulIntegerToFloat", "DynamicQuantizeMatMul")
def matmul_to_float(c):
    dynamic = c.schema.name == "DynamicQuantizeMatMul"
    a_scale = [] if dynamic else [c.numbers(2, 0.02)]
    b_scale = lambda *v: np.array(v[0] if len(v) == 1 else v, c.dtype(2))
    a_zero = [] if dynamic else [c.numbers(4, 3)]
    make = lambda a, b: [c(0, *a, of="normal" if dynamic else "full"), c(1, *b, of="full")]
    columns = np.linspace(0.01, 0.05, 9)
    p = (1, 2, 3, 4, 5, 6)
    yield Try("plain", make((5, 7), (7, 9)) + a_scale + [b_scale(0.03)], parameters=p, more=(make((2, 7), (7, 9)) + a_scale + [b_scale(0.03)],))
    yield Try("zero", make((5, 7), (7, 9)) + a_scale + [b_scale(0.03)] + a_zero + [c.numbers(1, 2)], parameters=p)
    yield Try("bias", make((2, 5, 7), (7, 9)) + a_scale + [b_scale(0.03)] + a_zero + [c.numbers(1, 2), c.fill(np.dtype(np.float32), (9,))], parameters=p)
    yield Try("columns", make((5, 7), (7, 9)) + a_scale + [b_scale(columns)] + a_zero + [c.numbers(1, np.arange(9))], parameters=p)
    yield Try("batch", make((2, 5, 7), (2, 7, 9)) + a_scale + [b_scale(0.03)], deep=True)


@settings("DynamicQuantizeLSTM")
def dynamic_quantize_lstm(c):
    hidden, width = 5, 3
    def make(steps, batch, directions=1, rest=(), per=False):
        scale = lambda: c.rng.uniform(0.01, 0.02, (directions, 4 * hidden) if per else (directions,)).astype(np.float32)
        zero = lambda k: np.zeros((directions, 4 * hidden) if per else (directions,), c.dtype(k))
        x = [c(0, steps, batch, width), c(1, directions, width, 4 * hidden, of="full"), c(2, directions, hidden, 4 * hidden, of="full"), c(3, directions, 8 * hidden), *rest]
        return x + [None] * (8 - len(x)) + [scale(), zero(1), scale(), zero(2)]
    base = dict(hidden_size=hidden)
    p = (1, 2, 3, 7, 8, 9, 10, 11)
    yield Try("plain", make(4, 2), base, 3, p)
    yield Try("both", make(4, 2, 2), dict(base, direction="bidirectional"), 3, p)
    yield Try("back", make(4, 2), dict(base, direction="reverse"), 3, p)
    yield Try("columns", make(4, 2, per=True), base, 3, p)
    yield Try("initial", make(4, 2, rest=[i32(4, 2), c(5, 1, 2, hidden), c(6, 1, 2, hidden), c(7, 1, 3 * hidden)]), dict(base, clip=1.0), 3, p)


@settings("GatherBlockQuantized")
def gather_block_quantized(c):
    packed = c.dtype(0) == np.uint8
    indices = np.array([[1, 0, 3]], c.dtype(1))
    scale = lambda *s: np.asarray(np.asarray(c.rng.uniform(0.1, 0.9, s), np.float32), c.dtype(2))
    yield Try("plain", [c(0, 5, 32 // (2 if packed else 1), of="full"), indices, scale(5, 2)], dict(block_size=16), parameters=(0, 2, 3))
    if not is_float(c.dtype(0)):
        yield Try("zero", [c(0, 5, 32 // (2 if packed else 1), of="full"), indices, scale(5, 2), c(0, 5, 2 // (2 if packed else 1), of="full")], dict(block_size=16), parameters=(0, 2, 3))
    if packed:
        yield Try("bytes", [c(0, 5, 32, of="full"), indices, scale(5, 2), c(0, 5, 2, of="full")], dict(block_size=16, bits=8), parameters=(0, 2, 3))
    else:
        yield Try("axes", [c(0, 32, 5, of="full"), indices, scale(2, 5)], dict(block_size=16, gather_axis=1, quantize_axis=0), parameters=(0, 2, 3))


FP4 = np.array([0, 0.0625, 8, 12, 4, 6, 2, 3], np.float32) / 12  # as bitsandbytes has them
NF4 = f32(-1, -0.6961928, -0.52507305, -0.3949175, -0.28444138, -0.18477343, -0.09105004, 0, 0.0795803, 0.1609302, 0.2461123, 0.33791524, 0.44070983, 0.562617,
          0.72295684, 1)


@settings("MatMulBnb4")
def matmul_bnb4(c):
    def back(n, k, block, kind):  # (onnxruntime multiplies with what lies behind the matrix)
        def result(a, b, absmax):
            codes = np.stack([b >> 4, b & 15], -1).reshape(-1)[:n * k]
            values = (NF4 if kind else np.concatenate([FP4, -FP4]))[codes] * np.repeat(absmax.astype(np.float32), block)[:n * k]
            return [(a.astype(np.float32) @ values.astype(a.dtype).astype(np.float32).reshape(n, k)).astype(a.dtype)]
        return result
    for kind, (label, n, k, block) in itertools.product((0, 1), (("plain", 5, 32, 16), ("odd", 3, 9, 16), ("across", 6, 24, 64))):
        numbers = n * k
        weights = [c(1, (numbers + 1) // 2, of="full"), np.asarray(np.asarray(c.rng.uniform(0.5, 2, -(-numbers // block)), np.float32), c.dtype(0))]
        attributes = dict(N=n, K=k, block_size=block, quant_type=kind)
        yield Try(f"{label}{kind}", [c(0, 2, 3, k)] + weights, attributes, parameters=(1, 2), more=([c(0, 1, 5, k)] + weights,) if label == "plain" else ())
        yield Try(f"{label}{kind}back", [c(0, 2, n)] + weights, dict(attributes, transB=0), parameters=(1, 2), expected=back(n, k, block, kind))


@settings("MatMulFpQ4")
def matmul_fp_q4(c):
    k, n = 64, 5
    for kind, extra in ((0, 4), (1, 5)):
        block = 32
        blobs = c.rng.integers(0, 256, (n, k // block, extra + block // 2)).astype(np.uint8)
        blobs[..., :4] = np.asarray(c.rng.uniform(0.05, 0.3, (n, k // block, 1)), np.float32).view(np.uint8)
        if extra == 5:
            blobs[..., 4] %= 16
        yield Try(f"kind{kind}", [c(0, 3, k), blobs.reshape(-1), i64(k, n)], dict(blk_quant_type=kind), parameters=(1, 2))


@settings("GatherPacked")
def gather_packed(c):
    # Numbers in a block, bytes that it takes, where its scales (floats of 16 bits) are.
    formats = {0: (1, 4, ()), 1: (1, 2, ()), 2: (32, 18, (0,)), 6: (32, 22, (0,)), 8: (32, 34, (0,)), 13: (256, 176, (0, 2)), 14: (256, 210, (208,)),
               20: (32, 18, (0,)), 23: (256, 136, (0,)), 30: (1, 2, ()), 42: (64, 18, (0,))}
    indices = np.array([[2, 0, -1], [1, 7, 3]], c.dtype(1))
    for kind, (block, size, scales) in formats.items():
        data = c.rng.integers(0, 256, (4, 512 // block, size)).astype(np.uint8)
        for at in scales:
            data[..., at:at + 2] = c.rng.uniform(0.05, 0.3, (4, 512 // block, 1)).astype(np.float16).view(np.uint8)
        if not scales:
            numbers = c.rng.normal(size=(4, 512)).astype({0: np.float32, 1: np.float16, 30: element_dtype("tensor(bfloat16)")}[kind])
            data = numbers.view(np.uint8)
        attributes = dict(K=512, packed_type=kind, output_dtype=element("tensor(float)" if c.types["T2"] == "tensor(float)" else c.types["T2"]))
        yield Try(f"kind{kind}", [data.reshape(4, -1), indices], attributes, parameters=(0,), deep=kind > 8 or kind == 0)


@settings("MatMulNBits")
def matmul_nbits(c):
    n, k, block = 5, 40, 16
    blocks = 3
    real = c.dtype(0)
    f = lambda *s: np.asarray(np.asarray(c.rng.uniform(0.05, 0.3, s), np.float32), real)
    for bits in (2, 4, 8):
        weights = [c(1, n, blocks, block * bits // 8, of="full"), f(n, blocks)]
        attributes = dict(K=k, N=n, bits=bits, block_size=block)
        a = c(0, 2, 3, k)
        yield Try(f"bits{bits}", [a] + weights, attributes, parameters=(1, 2, 3, 4, 5), deep=bits != 4)
        yield Try(f"zero{bits}", [a] + weights + [c.fill(np.dtype(np.uint8), (n, (blocks * bits + 7) // 8), "full")], attributes, parameters=(1, 2, 3, 4, 5), deep=bits != 4)
    weights = [c(1, n, blocks, block // 2, of="full"), f(n, blocks)]
    yield Try("realzero", [a] + weights + [np.asarray(np.asarray(c.rng.uniform(6, 9, (n, blocks)), np.float32), real)], dict(K=k, N=n, block_size=block), parameters=(1, 2, 3, 4, 5))
    yield Try("bias", [a] + weights + [None, None, f(n)], dict(K=k, N=n, block_size=block), parameters=(1, 2, 3, 4, 5))
    yield Try("groups", [a] + weights + [None, (np.arange(k) // block).astype(np.int32)[::-1].copy()], dict(K=k, N=n, block_size=block), parameters=(1, 2, 3, 4, 5))
