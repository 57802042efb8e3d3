"""What the operators of ai.onnx.ml and of ai.onnx.preview.* should compute, by the text of the specification.

An evaluation of our own for each operator, in float64: for onnxruntime and the reference evaluator leave out types, and
give up or differ on others. Where the text is silent or plainly not meant, the evaluations do what both of those do; what
only they define (the two scores of a classifier that has one) is left to them.
"""

import itertools

import numpy as np
from onnx import AttributeProto, TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from values import Value, element_dtype

TABLE = {}


def oracle(*operators):
    def register(evaluate):
        for operator in operators:
            TABLE[operator] = evaluate
        return evaluate
    return register


class Attributes(dict):
    """A node's attributes as Python values; an absent one is None."""

    def __init__(self, node):
        super().__init__((a.name, self.read(a)) for a in node.attribute)

    @staticmethod
    def read(attribute):
        value = helper.get_attribute_value(attribute)
        if attribute.type == AttributeProto.TENSOR:
            return numpy_helper.to_array(value)
        text = lambda v: v.decode() if isinstance(v, bytes) else v
        return [text(v) for v in value] if isinstance(value, (list, tuple)) else text(value)

    def __getattr__(self, name):
        return self.get(name)


def evaluate(model, arrays):
    """The results of the model's last node, or None where nothing is said here."""
    node = model.graph.node[-1]
    if node.op_type not in TABLE or not node.domain:
        return None
    with np.errstate(all="ignore"):
        return TABLE[node.op_type](Attributes(node), [a for a in arrays if a is not None], model)


def rows_of(x):
    """A vector is one row."""
    return np.atleast_2d(x).astype(np.float64)


def single(x):
    """Attributes are float32."""
    return np.asarray(x, np.float32).astype(np.float64)


# ---- Features ------------------------------------------------------------------------------------------------------

@oracle("ArrayFeatureExtractor")
def array_feature_extractor(a, operands, _):
    x, y = operands
    return [np.take(x[None] if x.ndim == 1 else x, y.reshape(-1), axis=-1)]


@oracle("Binarizer")
def binarizer(a, operands, _):
    x, = operands
    return [(x > single(a.threshold or 0)).astype(x.dtype)]


@oracle("FeatureVectorizer")
def feature_vectorizer(a, operands, _):
    parts = []
    for x, size in zip(map(rows_of, operands), a.inputdimensions or [np.atleast_2d(x).shape[1] for x in operands]):
        parts.append(np.pad(x[:, :size], ((0, 0), (0, max(0, size - x.shape[1])))))
    return [np.concatenate(parts, axis=1).astype(np.float32)]


@oracle("Imputer")
def imputer(a, operands, _):
    x, = operands
    if x.dtype.kind == "f":
        replaced, values = np.float32(a.replaced_value_float or 0), np.asarray(a.imputed_value_floats, np.float32)
        return [np.where(np.isnan(x) if np.isnan(replaced) else x == replaced, values.astype(x.dtype), x)]
    return [np.where(x == (a.replaced_value_int64 or 0), np.asarray(a.imputed_value_int64s, x.dtype), x)]


@oracle("Normalizer")
def normalizer(a, operands, _):
    x, = operands
    rows = rows_of(x)
    # Against the formulas L1 adds magnitudes and L2 keeps the sign, as everywhere.
    by = {"MAX": lambda: rows.max(axis=1), "L1": lambda: np.abs(rows).sum(axis=1), "L2": lambda: np.sqrt((rows**2).sum(axis=1))}[a.norm or "MAX"]()
    by = by[:, None]
    return [np.where(by == 0, rows, rows / by).reshape(x.shape).astype(np.float32)]


@oracle("Scaler")
def scaler(a, operands, _):
    x, = operands
    return [((x.astype(np.float64) - single(a.offset)) * single(a.scale)).astype(np.float32)]


# ---- Categories ----------------------------------------------------------------------------------------------------

def look_up(x, keys, values, default, dtype):
    """Of equal keys the last one counts. NaN is a key as another."""
    name = lambda v: "NaN" if isinstance(v, float) and v != v else v
    table = {name(k): v for k, v in zip(keys, values)}
    found = [table.get(name(v), default) for v in x.reshape(-1).tolist()]
    return np.array(found, dtype).reshape(x.shape)


def one_of(a, prefix):
    kinds = {"floats": np.float32, "int64s": np.int64, "strings": object, "tensor": None}
    (kind, value), = [(k, a[f"{prefix}_{k}"]) for k in kinds if a.get(f"{prefix}_{k}") is not None]
    value = value if kind == "tensor" else np.array(value, kinds[kind])
    return value.astype(object) if value.dtype.kind in "US" else value


@oracle("LabelEncoder")
def label_encoder(a, operands, _):
    x, = operands
    if a.classes_strings:
        both = (a.classes_strings, range(len(a.classes_strings)))
        return [both_ways(a, x, *both)]
    keys, values = one_of(a, "keys"), one_of(a, "values")
    default = a.default_tensor
    if default is not None:
        default = default.reshape(-1).tolist()[0]
    elif values.dtype == object:
        default = a.default_string or "_Unused"
    elif values.dtype.kind == "f":
        default = -0.0 if a.default_float is None or values.dtype != np.float32 else a.default_float
    else:
        default = -1 if a.default_int64 is None or values.dtype != np.int64 else a.default_int64
    return [look_up(x, keys.tolist(), values.tolist(), default, values.dtype)]


def both_ways(a, x, strings, integers):
    if x.dtype == object:
        return look_up(x, strings, integers, -1 if a.default_int64 is None else a.default_int64, np.int64)
    return look_up(x, integers, strings, a.default_string or "_Unused", object)


@oracle("CategoryMapper")
def category_mapper(a, operands, _):
    return [both_ways(a, operands[0], a.cats_strings, a.cats_int64s)]


@oracle("OneHotEncoder")
def one_hot_encoder(a, operands, _):
    x, = operands
    categories = np.array(a.cats_strings, object) if a.cats_strings else np.array(a.cats_int64s)
    x = x if x.dtype == object else x.astype(np.int64)
    return [(x[..., None] == categories).astype(np.float32)]


# ---- Maps ----------------------------------------------------------------------------------------------------------

@oracle("CastMap")
def cast_map(a, operands, _):
    # The text does not say what is where a sparse map has no key: as onnxruntime.
    table = {k: v.item() for k, v in operands[0].content.items()}
    to = {"TO_FLOAT": np.float32, "TO_INT64": np.int64, "TO_STRING": object}[a.cast_to or "TO_FLOAT"]
    is_text = operands[0].type == "map(int64,tensor(string))"
    if a.map_form == "SPARSE":
        row = [table.get(k, "0.f" if to is object and is_text else 0.0) for k in range(a.max_map)]
    else:
        row = [table[k] for k in sorted(table)]
    return [np.array([[str(v) if to is object else to(float(v)) for v in row]], to)]  # text as Cast makes it


@oracle("DictVectorizer")
def dict_vectorizer(a, operands, _):
    table, dtype = operands[0].content, element_dtype(operands[0].type)
    row = [np.asarray(table.get(k, "" if dtype == object else 0)).item() for k in a.int64_vocabulary or a.string_vocabulary]
    return [np.array([row], dtype)]


# ---- Scores --------------------------------------------------------------------------------------------------------

def transform(scores, kind):
    """post_transform, of which the text has but the names. One score alone is only changed by PROBIT."""
    if kind in (None, "NONE") or (scores.shape[1] == 1 and kind != "PROBIT"):
        return scores
    if kind == "LOGISTIC":
        return 1 / (1 + np.exp(-scores))
    if kind == "PROBIT":  # with Winitzki's approximation of the inverse error function
        x = 2 * scores - 1
        l = np.log((1 - x) * (1 + x))
        v = 2 / (np.pi * 0.147) + l / 2
        return np.sqrt(2) * np.sign(x) * np.sqrt(np.sqrt(v * v - l / 0.147) - v)
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    if kind == "SOFTMAX_ZERO":
        powers = np.where(np.abs(scores) <= 1e-7, 0, powers)
    return powers / powers.sum(axis=1, keepdims=True)


def choose(a, scores):
    labels = a.classlabels_ints or a.classlabels_int64s or a.classlabels_strings
    dtype = object if isinstance(labels[0], str) else np.int64
    return np.array([labels[k] for k in scores.argmax(axis=1)], dtype)


def linear(a, x, targets):
    return rows_of(x) @ single(a.coefficients).reshape(targets, -1).T + single(a.intercepts or [0] * targets)


@oracle("LinearRegressor")
def linear_regressor(a, operands, _):
    return [transform(linear(a, operands[0], a.targets or 1), a.post_transform).astype(np.float32)]


@oracle("LinearClassifier")
def linear_classifier(a, operands, _):
    classes = len(a.classlabels_ints or a.classlabels_strings)
    if len(a.intercepts or [0] * classes) != classes:
        return None
    scores = linear(a, operands[0], classes)
    return [choose(a, scores), transform(scores, a.post_transform).astype(np.float32)]


# ---- Support vectors -----------------------------------------------------------------------------------------------

def kernels(a, rows, count):
    """Of every row with every support vector."""
    vectors = single(a.support_vectors).reshape(count, -1)
    gamma, shift, degree = single(a.kernel_params or [0, 0, 0])
    dot = rows @ vectors.T
    return {"LINEAR": lambda: dot, "POLY": lambda: (gamma * dot + shift)**degree, "SIGMOID": lambda: np.tanh(gamma * dot + shift),
            "RBF": lambda: np.exp(-gamma * ((rows[:, None] - vectors)**2).sum(axis=-1))}[a.kernel_type or "LINEAR"]()


@oracle("SVMRegressor")
def svm_regressor(a, operands, _):
    rows = rows_of(operands[0])
    sums = kernels(a, rows, a.n_supports) if a.n_supports else rows  # without vectors: a linear model
    scores = (sums @ single(a.coefficients) + single(a.rho)[0])[:, None]
    if a.one_class:
        scores = np.where(scores > 0, 1, -1)
    return [transform(scores, a.post_transform).astype(np.float32)]


@oracle("SVMClassifier")
def svm_classifier(a, operands, _):
    """One against one, as libsvm: each comparison gives a vote, and prob_a and prob_b the probability of its first class."""
    classes, rows = len(a.classlabels_ints or a.classlabels_strings), rows_of(operands[0])
    if classes == 2 and not a.prob_a and a.post_transform not in (None, "NONE", "LOGISTIC"):  # of -score and score: only the others know
        return None
    if not a.vectors_per_class:  # one against all
        scores = linear(a, rows, classes) + single(a.rho)[0]
        return [choose(a, scores), transform(scores, a.post_transform).astype(np.float32)]
    ends = np.cumsum(a.vectors_per_class)
    k = kernels(a, rows, ends[-1])
    coefficients = single(a.coefficients).reshape(classes - 1, -1)
    part = lambda c: slice(ends[c] - a.vectors_per_class[c], ends[c])
    votes, scores = np.zeros((len(rows), classes)), []
    for (i, j), rho in zip(itertools.combinations(range(classes), 2), single(a.rho)):
        score = k[:, part(i)] @ coefficients[j - 1, part(i)] + k[:, part(j)] @ coefficients[i, part(j)] + rho
        votes[:, i] += score > 0
        votes[:, j] += score <= 0
        scores.append(score)
    scores = np.array(scores).T
    if a.prob_a:
        scores = np.array([couple(s, a, classes) for s in scores]).reshape(-1, classes)
    elif classes == 2:
        scores = np.concatenate([-scores, scores], axis=1)
    return [choose(a, votes), transform(scores, a.post_transform).astype(np.float32)]


def couple(scores, a, classes):
    """The second method of Wu, Lin and Weng (2004), as libsvm goes about it: not all the way to the p that make p' Q p smallest."""
    r = np.zeros((classes, classes))
    for (i, j), p in zip(itertools.combinations(range(classes), 2), 1 / (1 + np.exp(scores * single(a.prob_a) + single(a.prob_b)))):
        r[i, j], r[j, i] = np.clip(p, 1e-7, 1 - 1e-7), 1 - np.clip(p, 1e-7, 1 - 1e-7)
    q, p = -r.T * r + np.diag((r**2).sum(axis=0)), np.full(classes, 1 / classes)
    for _ in range(max(100, classes)):
        if np.abs(q @ p - p @ q @ p).max() < 0.005 / classes:
            break
        for t in range(classes):
            p[t] += (p @ q @ p - q[t] @ p) / q[t, t]
            p /= p.sum()
    return p


# ---- Trees ---------------------------------------------------------------------------------------------------------

COMPARE = [np.less_equal, np.less, np.greater_equal, np.greater, np.equal, np.not_equal]
MODES = ["BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE", "BRANCH_GT", "BRANCH_EQ", "BRANCH_NEQ"]


def aggregate(votes, targets, how, trees):
    """`votes`: of a row, (target, weight). A target that nobody votes for has 0."""
    result = []
    for target in range(targets):
        weights = [w for t, w in votes if t == target] or [0.0]
        result.append({"SUM": sum, "AVERAGE": lambda w: sum(w) / trees, "MIN": min, "MAX": max}[how](weights))
    return result


@oracle("TreeEnsemble")
def tree_ensemble(a, operands, _):
    x, = operands
    members, sets = [], iter(np.split(m := np.float64([] if a.membership_values is None else a.membership_values), np.flatnonzero(np.isnan(m)) + 1))
    for mode in a.nodes_modes:
        members.append(set(next(sets)[:-1]) if mode == 6 else None)
    scores = []
    for row in x.astype(np.float64):
        votes = []
        for node in a.tree_roots:
            is_leaf = False
            while not is_leaf:
                value, mode = row[a.nodes_featureids[node]], a.nodes_modes[node]
                yes = value in members[node] if mode == 6 else COMPARE[mode](value, float(a.nodes_splits[node]))
                # NaN differs from every number, so mode 5 is true of it whatever the node says: as both others, against the text.
                yes |= bool(np.isnan(value) and a.nodes_missing_value_tracks_true and a.nodes_missing_value_tracks_true[node])
                is_leaf, node = (a.nodes_trueleafs[node], a.nodes_truenodeids[node]) if yes else (a.nodes_falseleafs[node], a.nodes_falsenodeids[node])
            votes.append((a.leaf_targetids[node], float(a.leaf_weights[node])))
        how = ["AVERAGE", "SUM", "MIN", "MAX"][1 if a.aggregate_function is None else a.aggregate_function]
        scores.append(aggregate(votes, a.n_targets, how, len(a.tree_roots)))
    # The others: one takes 1 for 2, one does nothing.
    kind = ["NONE", "SOFTMAX", "LOGISTIC", "SOFTMAX_ZERO", "PROBIT"][a.post_transform or 0]
    return [transform(np.array(scores).reshape(-1, a.n_targets), kind).astype(x.dtype)]


def named_trees(a, x, ids, tree_ids, node_ids, weights, targets, how):
    """The scores of the two older operators: their nodes have names, leaves are among them and have any number of votes."""
    wide = lambda name: a[name] if a.get(name) is not None else a.get(name + "_as_tensor")
    tensor = lambda name: None if wide(name) is None else wide(name).astype(np.float64) if name not in a else single(wide(name))
    place = {name: k for k, name in enumerate(zip(a.nodes_treeids, a.nodes_nodeids))}
    splits, weights = tensor("nodes_values"), tensor(weights)
    scores = []
    for row in rows_of(x):
        votes = []
        for tree in dict.fromkeys(a.nodes_treeids):
            k = a.nodes_treeids.index(tree)
            while a.nodes_modes[k] != "LEAF":
                value = row[a.nodes_featureids[k]]
                # For NaN the node says it, of BRANCH_NEQ as well (which onnxruntime takes as true).
                yes = a.nodes_missing_value_tracks_true[k] if np.isnan(value) else COMPARE[MODES.index(a.nodes_modes[k])](value, splits[k])
                k = place[tree, (a.nodes_truenodeids if yes else a.nodes_falsenodeids)[k]]
            votes += [(t, w) for t, w, *name in zip(ids, weights, tree_ids, node_ids) if tuple(name) == (tree, a.nodes_nodeids[k])]
        scores.append(aggregate(votes, targets, how, len(set(a.nodes_treeids))))
    base = tensor("base_values")
    return np.array(scores).reshape(-1, targets) + (0 if base is None else base)


@oracle("TreeEnsembleRegressor")
def tree_ensemble_regressor(a, operands, _):
    scores = named_trees(a, operands[0], a.target_ids, a.target_treeids, a.target_nodeids, "target_weights", a.n_targets,
                         a.aggregate_function or "SUM")
    return [transform(scores, a.post_transform).astype(np.float32)]


@oracle("TreeEnsembleClassifier")
def tree_ensemble_classifier(a, operands, _):
    if len(set(a.class_ids)) == 1:
        return None
    scores = named_trees(a, operands[0], a.class_ids, a.class_treeids, a.class_nodeids, "class_weights",
                         len(a.classlabels_int64s or a.classlabels_strings), "SUM")
    return [choose(a, scores), transform(scores, a.post_transform).astype(np.float32)]


# ---- Attention -----------------------------------------------------------------------------------------------------

@oracle("FlexAttention")
def flex_attention(a, operands, model):
    q, k, v = (x.astype(np.float64) for x in operands)
    k, v = (np.repeat(x, q.shape[1] // k.shape[1], axis=1) for x in (k, v))
    scores = q @ k.swapaxes(-1, -2) * (1 / np.sqrt(q.shape[-1]) if a.scale is None else a.scale)
    modify = lambda graph, x: x if graph is None else run_wide(graph, model.opset_import, [x])[0]
    scores = modify(a.score_mod, scores)
    powers = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return [(modify(a.prob_mod, powers / powers.sum(axis=-1, keepdims=True)) @ v).astype(operands[0].dtype)]


# ---- Training ------------------------------------------------------------------------------------------------------

def steps(update, operands, kinds):
    """Runs `update(rate, count, tensors)` for each tensor that is trained; `kinds`: how many lists there are."""
    rate, count, lists = float(operands[0]), float(operands[1]), np.array(operands[2:], object)
    size = len(operands[2:]) // kinds
    results = [update(rate, count, *(operands[2 + k * size + i].astype(np.float64) for k in range(kinds))) for i in range(size)]
    return [result[k].astype(operands[2].dtype) for k in range(kinds - 1) for result in results]


@oracle("Adagrad")
def adagrad(a, operands, _):
    def update(r, t, x, g, h):
        r /= 1 + t * single(a.decay_factor or 0)
        g = single(a.norm_coefficient or 0) * x + g
        h = h + g * g
        return x - r * g / (np.sqrt(h) + single(1e-6 if a.epsilon is None else a.epsilon)), h
    return steps(update, operands, 3)


@oracle("Adam")
def adam(a, operands, _):
    alpha, beta = (single(d if v is None else v) for v, d in ((a.alpha, 0.9), (a.beta, 0.999)))
    def update(r, t, x, g, v, h):
        g = single(a.norm_coefficient or 0) * x + g
        v = alpha * v + (1 - alpha) * g
        h = beta * h + (1 - beta) * g * g
        if t > 0:
            r = r * np.sqrt(1 - beta**t) / (1 - alpha**t)
        x = x - r * v / (np.sqrt(h) + single(1e-6 if a.epsilon is None else a.epsilon))
        return (1 - single(a.norm_coefficient_post or 0)) * x, v, h
    return steps(update, operands, 4)


@oracle("Momentum")
def momentum(a, operands, _):
    def update(r, t, x, g, v):
        g = single(a.norm_coefficient) * x + g
        v = single(a.alpha) * v + (single(a.beta) if t > 0 else 1) * g
        return x - r * (g + single(a.alpha) * v if a.mode == "nesterov" else v), v
    return steps(update, operands, 3)


def widen(proto):
    """Everything that is floating-point in float64."""
    floats = (TensorProto.FLOAT, TensorProto.FLOAT16)
    for node in proto.node:
        for attribute in node.attribute:
            if attribute.name == "to" and attribute.i in floats:
                attribute.i = TensorProto.DOUBLE
            if attribute.HasField("g"):
                widen(attribute.g)
            if attribute.HasField("t") and attribute.t.data_type in floats:
                attribute.t.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(attribute.t).astype(np.float64), attribute.t.name))
    for value in itertools.chain(proto.input, proto.output):
        if value.type.tensor_type.elem_type in floats:
            value.type.tensor_type.elem_type = TensorProto.DOUBLE


def run_wide(graph, imports, arrays):
    """The results of a graph, computed in float64."""
    copy = type(graph)()
    copy.CopyFrom(graph)
    widen(copy)
    return ReferenceEvaluator(helper.make_model(copy, opset_imports=imports)).run(None, dict(zip((i.name for i in copy.input), arrays)))


@oracle("Gradient")
def gradient(a, operands, model):
    """Central differences of what the nodes before this one compute."""
    names = a.xs + (a.zs or [])
    copy = type(model.graph)()
    copy.CopyFrom(model.graph)
    del copy.node[-1], copy.output[:], copy.input[:]
    copy.output.append(helper.make_tensor_value_info(a.y, TensorProto.DOUBLE, None))
    wide = [x.astype(np.float64) if x.dtype.kind == "f" else x for x in operands]
    copy.input.extend(helper.make_tensor_value_info(n, helper.np_dtype_to_tensor_dtype(x.dtype), x.shape) for n, x in zip(names, wide))
    widen(copy)
    evaluator = ReferenceEvaluator(helper.make_model(copy, opset_imports=model.opset_import))
    results = []
    for k in range(len(a.xs)):
        slopes = np.zeros(wide[k].size)
        for i in range(wide[k].size):
            for step, weight in ((-2, 1), (-1, -8), (1, 8), (2, -1)):  # some operators are evaluated in float32: not too near
                moved = list(wide)
                moved[k] = wide[k].copy()
                moved[k].reshape(-1)[i] += step * 1e-2
                slopes[i] += weight * evaluator.run(None, dict(zip(names, moved)))[0].sum() / (12 * 1e-2)
        results.append(slopes.reshape(wide[k].shape).astype(operands[k].dtype))
    return results
