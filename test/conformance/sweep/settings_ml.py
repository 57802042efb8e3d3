"""What the sweep tries of ai.onnx.ml and ai.onnx.preview.*, see settings.py. oracles_ml.py has the expected results."""

import itertools

import numpy as np
from onnx import TensorProto, helper, numpy_helper, parser

from settings import Try, i64, is_float, settings
from values import Value

TRANSFORMS = ("NONE", "SOFTMAX", "LOGISTIC", "SOFTMAX_ZERO", "PROBIT")


def tensor(values, dtype):
    return numpy_helper.from_array(np.asarray(values, dtype), "tensor")


def labels(c, count, kind="ints"):
    """`count` labels of classes, of the type of Y."""
    if c.element("T2") == object:
        return dict(classlabels_strings=["no", "maybe", "größe", "yes", ""][:count])
    return {f"classlabels_{kind}": [3, -5, 9, 0, 2**40][:count]}


def floats(c, *shape, scale=1.0):
    """Parameters of a model, with few digits, so that their products are the same whichever way they are added."""
    return (c.rng.integers(-8, 9, size=shape).reshape(-1) * (scale / 8)).tolist()


# ---- Features ------------------------------------------------------------------------------------------------------

@settings("ArrayFeatureExtractor")
def array_feature_extractor(c):
    y = i64(0, 4, 2, 2)
    yield Try("plain", [c(0, 3, 5), y], parameters=(1,), more=([c(0, 1, 5), y], [c(0, 0, 5), y]))
    yield Try("vector", [c(0, 5), y])
    yield Try("rank3", [c(0, 2, 3, 5), y.reshape(2, 2)])


@settings("Binarizer")
def binarizer(c):
    yield Try("plain", [c(0, 3, 17)], dict(threshold=1.0), more=([c(0, 1, 1)], [c(0, 0, 3)]))
    yield Try("default", [c(0, 2, 3, 4)])
    if is_float(c.dtype(0)):
        yield Try("special", [c.numbers(0, [np.nan, np.inf, -np.inf, 0.0, -0.0, 1, -1])])


@settings("FeatureVectorizer")
def feature_vectorizer(c):
    make = lambda n: [c(0, n, 2), c(0, n, 4)]  # (no rows crash onnxruntime)
    yield Try("plain", make(3), dict(inputdimensions=[2, 4]), more=(make(1), make(9)))
    yield Try("one", [c(0, 2, 3)], dict(inputdimensions=[3]))
    yield Try("vectors", [c(0, 3), c(0, 1), c(0, 2)], dict(inputdimensions=[3, 1, 2]))


@settings("Imputer")
def imputer(c):
    if is_float(c.dtype(0)):
        x = [[1, np.nan, 3], [np.nan, 5, 6], [np.nan, np.inf, np.nan]]
        missing, name = dict(replaced_value_float=float("nan")), "imputed_value_floats"
        number = dict(replaced_value_float=3.0)
    else:
        x, missing, name = [[1, 2, 3], [2, 5, 6], [-1, 2, 2]], dict(replaced_value_int64=2), "imputed_value_int64s"
        number = dict(replaced_value_int64=3)
    values = [7.0, -8.0, 9.0] if is_float(c.dtype(0)) else [7, -8, 9]
    make = lambda rows: [c.numbers(0, np.reshape(rows, (-1, 3)))]
    yield Try("plain", make(x), {**missing, name: values}, more=(make(x[:1]), make([])))
    yield Try("one", make(x), {**missing, name: values[:1]})
    yield Try("number", make(x), {**number, name: values})
    yield Try("zero", [c.numbers(0, [[0, 1], [2, 0]])], {name: values[:2]})


@settings("Normalizer")
def normalizer(c):
    for norm in ("MAX", "L1", "L2"):
        x = c(0, 3, 5)
        x[:, 0] = 11  # the largest one is positive: of others the implementations and the formula differ
        yield Try(norm, [x], dict(norm=norm), more=([np.abs(c(0, 1, 5))], [np.zeros((2, 5), c.dtype(0))]))
        yield Try(f"{norm}-vector", [np.abs(c(0, 7, of="nonzero"))], dict(norm=norm), deep=True)


@settings("OneHotEncoder")
def one_hot_encoder(c):
    attributes = dict(cats_strings=["a", "A", "bc", "größe"]) if c.dtype(0) == object else dict(cats_int64s=[1, 2, -3, 0])
    values = ["a", "A", "bc"] if c.dtype(0) == object else [2, -3, 1]
    plain, more = [c(0, 2, 5)], ([c(0, 1, 5)], [c(0, 0, 5)])
    yield Try("plain", plain, attributes, more=more)
    yield Try("vector", [c(0, 9)], attributes)
    yield Try("present", [np.array([values, values[::-1]], c.dtype(0))], dict(attributes, zeros=0))
    if is_float(c.dtype(0)):
        yield Try("fraction", [c.numbers(0, [1.75, 2.5, -3.25, 0.5, -0.5])], attributes)


@settings("Scaler")
def scaler(c):
    each = dict(offset=[1.0, 2.0, 3.0, 4.0], scale=[0.5, 2.0, 1.0, -1.0])
    yield Try("plain", [c(0, 3, 4)], each, more=([c(0, 1, 4)], [c(0, 0, 4)], [c(0, 37, 4)]))
    yield Try("one", [c(0, 3, 4)], dict(offset=[1.0], scale=[0.5]))


# ---- Categories ----------------------------------------------------------------------------------------------------

LISTS = {"float32": "floats", "int64": "int64s", "object": "strings"}
KEYS = {"f": [1.5, -2.0, 0.0, 7.25, 1e10], "i": [3, -2, 0, 7, 32767], "O": ["a", "bc", "", "größe", "A"]}
OTHERS = {"f": [1.0, np.inf, -7.25], "i": [4, -3, -32768], "O": ["b", "grösse", "aa"]}


def list_or_tensor(prefix, values, dtype, as_tensor=False):
    """The attribute that has values of this type."""
    if as_tensor or dtype.name not in LISTS:
        return {f"{prefix}_tensor": tensor(values, dtype)}
    return {f"{prefix}_{LISTS[dtype.name]}": values}


@settings("LabelEncoder")
def label_encoder(c):
    source, target = c.element("T1"), c.element("T2")
    if c.version == 1:
        yield Try("numbers", [i64(0, 4, 5, -1, 1)], dict(classes_strings=KEYS["O"], default_string="none"))
        yield Try("texts", [np.array(KEYS["O"][::-1] + ["none"], object)], dict(classes_strings=KEYS["O"], default_int64=77))
        return
    keys, values = KEYS[source.kind], KEYS[target.kind][::-1]
    make = lambda *s: [np.array(keys + OTHERS[source.kind], source)[c.rng.integers(len(keys) + 3, size=s)]]
    attributes = {**list_or_tensor("keys", keys, source), **list_or_tensor("values", values, target)}
    default = OTHERS[target.kind][0]
    single = "default_tensor" if target.name not in LISTS else f"default_{LISTS[target.name][:-1]}"
    given = {single: tensor([default], target) if single == "default_tensor" else default}
    yield Try("plain", make(3, 5), attributes | given, more=(make(1, 1), make(0, 5), make(37, 11)))
    yield Try("default", make(9), attributes)
    if source.kind == "f":
        with_nan = keys + [float("nan")]
        yield Try("nan", [np.array([[np.nan, 1.5], [-0.0, np.inf]], source)], {
            **list_or_tensor("keys", with_nan, source), **list_or_tensor("values", values + OTHERS[target.kind][-1:], target), **given})
    if c.version >= 4:
        yield Try("repeated", make(9), {**list_or_tensor("keys", keys + keys[1:2], source),
                                       **list_or_tensor("values", values + OTHERS[target.kind][-1:], target), **given})
        yield Try("tensors", make(9), {**list_or_tensor("keys", keys, source, True), **list_or_tensor("values", values, target, True),
                                      "default_tensor": tensor([default], target)})


@settings("CategoryMapper")
def category_mapper(c):
    make = lambda *s: [np.array(KEYS["O"] + OTHERS["O"], object)[c.rng.integers(8, size=s)] if c.dtype(0) == object
                       else i64(*KEYS["i"], *OTHERS["i"])[c.rng.integers(8, size=s)]]
    categories = dict(cats_strings=KEYS["O"], cats_int64s=KEYS["i"])
    default = dict(default_int64=77) if c.dtype(0) == object else dict(default_string="none")
    yield Try("plain", make(3, 5), categories | default, more=(make(1, 1), make(0, 5), make(37, 11)))
    yield Try("default", make(9), categories)


# ---- Maps ----------------------------------------------------------------------------------------------------------

@settings("CastMap")
def cast_map(c):
    dtype, to = c.dtype(0), {"f": "TO_FLOAT", "i": "TO_INT64", "O": "TO_STRING"}[c.element("T2").kind]
    numbers = ["1.5", "-3", "10", "0"] if dtype == object else [1.5, -3.0, 10.0, 0.0]
    if to == "TO_INT64":
        numbers = ["1", "-3", "10", "0"] if dtype == object else [1.0, -3.0, 10.0, 0.0]
    make = lambda *keys: [Value(c.type(0), {k: np.array(v, dtype) for k, v in zip(keys, numbers)})]
    yield Try("plain", make(5, 0, 2, 9), dict(cast_to=to), more=(make(7), make(3, 1)))
    yield Try("sparse", make(5, 0, 2, 6), dict(cast_to=to, map_form="SPARSE", max_map=8), more=(make(0), make(7, 3)))


@settings("DictVectorizer")
def dict_vectorizer(c):
    is_text, dtype = "string," in c.type(0), c.dtype(0)
    words = ["b", "a", "größe", "", "zz"] if is_text else [7, -1, 0, 2**40, 3]
    make = lambda *at: [Value(c.type(0), {words[k]: c.fill(dtype, ()) for k in at})]
    yield Try("plain", make(3, 0, 2), {"string_vocabulary" if is_text else "int64_vocabulary": words}, more=(make(4), make(), make(0, 1, 2, 3, 4)))


@settings("ZipMap")
def zip_map(c):
    is_text = "string" in c.types["T"]
    keys = dict(classlabels_strings=["b", "a", "größe"]) if is_text else dict(classlabels_int64s=[7, -1, 2**40])
    yield Try("plain", [c(0, 4, 3)], keys, more=([c(0, 1, 3)], [c(0, 9, 3)]))
    yield Try("vector", [c(0, 3)], keys)


# ---- Scores --------------------------------------------------------------------------------------------------------

def score_parameters(c, targets, transform, features=4):
    """Coefficients and intercepts; PROBIT takes scores between 0 and 1."""
    small = transform == "PROBIT"
    coefficients = floats(c, targets, features, scale=1 / 64 if small else 1)
    return coefficients, [0.5 + n / 16 if small else n - 1.25 for n in range(targets)]


@settings("LinearRegressor")
def linear_regressor(c):
    for transform in TRANSFORMS:
        coefficients, intercepts = score_parameters(c, 3, transform)
        yield Try("plain" if transform == "NONE" else transform, [c(0, 5, 4)], dict(
            coefficients=coefficients, intercepts=intercepts, targets=3, post_transform=transform), more=([c(0, 1, 4)], [c(0, 0, 4)], [c(0, 37, 4)]))
    yield Try("one", [c(0, 5, 4)], dict(coefficients=floats(c, 4)))
    yield Try("vector", [c(0, 4)], dict(coefficients=floats(c, 4), intercepts=[0.5]), deep=True)


@settings("LinearClassifier")
def linear_classifier(c):
    for transform in TRANSFORMS:
        coefficients, intercepts = score_parameters(c, 3, transform)
        yield Try("plain" if transform == "NONE" else transform, [c(0, 5, 4)], dict(
            coefficients=coefficients, intercepts=intercepts, post_transform=transform, **labels(c, 3)), 2, more=([c(0, 1, 4)], [c(0, 37, 4)]))
    for transform in TRANSFORMS[:-1]:
        yield Try(f"two-{transform}", [c(0, 5, 4)], dict(coefficients=floats(c, 2, 4), intercepts=[0.25, -0.5], post_transform=transform,
                                                         multi_class=1, **labels(c, 2)), 2, deep=True)
    # One score for two classes. What the first one's is without LOGISTIC nobody agrees about.
    yield Try("single", [c(0, 5, 4)], dict(coefficients=floats(c, 4), intercepts=[0.25], post_transform="LOGISTIC", **labels(c, 2)), 2)


KERNELS = {"LINEAR": [0.0, 0.0, 0.0], "POLY": [0.25, 0.5, 3.0], "RBF": [0.125, 0.0, 0.0], "SIGMOID": [0.125, -0.25, 0.0]}


@settings("SVMRegressor")
def svm_regressor(c):
    make = lambda rows: [c(0, rows, 4)]
    for kernel, parameters in KERNELS.items():
        machine = dict(kernel_type=kernel, kernel_params=parameters, n_supports=6, support_vectors=floats(c, 6, 4, scale=2),
                       coefficients=floats(c, 6), rho=[0.375])
        yield Try("plain" if kernel == "LINEAR" else kernel, make(5), machine, more=(make(1), make(0), make(37)))
        yield Try(f"{kernel}-one", make(9), dict(machine, one_class=1))
    # coefficients without vectors
    yield Try("vectorless", make(5), dict(coefficients=floats(c, 4), rho=[0.375]))
    yield Try("degree", make(5), dict(kernel_type="POLY", kernel_params=[0.25, 0.5, 4.0], n_supports=3, support_vectors=floats(c, 3, 4),
                                     coefficients=floats(c, 3), rho=[-0.5]), deep=True)
    yield Try("PROBIT", make(5), dict(coefficients=floats(c, 4, scale=1 / 64), rho=[0.5], post_transform="PROBIT"), deep=True)


@settings("SVMClassifier")
def svm_classifier(c):
    make = lambda rows, features=4: [c(0, rows, features)]
    for kernel, parameters in KERNELS.items():
        for classes in (2, 3, 4):
            counts, pairs = [2, 3, 1, 2][:classes], classes * (classes - 1) // 2
            vectors = sum(counts)
            machine = dict(kernel_type=kernel, kernel_params=parameters, vectors_per_class=counts, support_vectors=floats(c, vectors, 4, scale=2),
                           coefficients=floats(c, classes - 1, vectors), rho=floats(c, pairs), **labels(c, classes))
            deep = kernel != "RBF" or classes == 4
            yield Try(f"{kernel}-{classes}", make(7), machine, 2, more=(make(1), make(37)), deep=deep)
            probabilities = dict(prob_a=[-1 - n / 8 for n in range(pairs)], prob_b=[n / 16 - 0.25 for n in range(pairs)])
            yield Try(f"{kernel}-{classes}-probabilities", make(7), machine | probabilities, 2, more=(make(1), make(37)), deep=deep)
            if kernel == "RBF" and classes < 4:
                for transform in TRANSFORMS[1:-1] if classes == 3 else TRANSFORMS[2:3]:  # of two scores nobody agrees about softmax
                    yield Try(f"{transform}-{classes}", make(7), dict(machine, post_transform=transform), 2, deep=classes == 2)
    for transform in TRANSFORMS:
        coefficients, _ = score_parameters(c, 3, transform)
        yield Try(f"vectorless-{transform}", make(7), dict(coefficients=coefficients, rho=[0.5, 0.5, 0.5], kernel_params=[0.0, 0.0, 0.0], post_transform=transform,
                                                           **labels(c, 3)), 2, deep=transform != "NONE")


# ---- Trees ---------------------------------------------------------------------------------------------------------

BRANCHES = ("BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE", "BRANCH_GT", "BRANCH_EQ", "BRANCH_NEQ")


def grow(c, depth, modes, features=4):
    """A tree in the order of its nodes: (mode, feature, threshold, NaN is true, true child, false child), None for leaves."""
    nodes = []

    def plant(left):
        place = len(nodes)
        nodes.append(None)
        if left and (left == depth or c.rng.integers(5)):
            yes, no = plant(left - 1), plant(left - 1)
            nodes[place] = (modes[c.rng.integers(len(modes))], int(c.rng.integers(features)), int(c.rng.integers(-6, 7)) / 2, int(c.rng.integers(2)), yes, no)
        return place
    plant(depth)
    return nodes


def rows(c, count, features=4):
    """What meets the thresholds, too, and has NaN where there can be."""
    x = c.rng.integers(-14, 15, size=(count, features)) / 4
    x = np.asarray(x if is_float(c.dtype(0)) else np.round(x), np.float32).astype(c.dtype(0))
    if is_float(c.dtype(0)):
        x[c.rng.integers(6, size=x.shape) == 0] = np.nan
    return x


def named_nodes(trees):
    nodes = [(t, k, node) for t, tree in enumerate(trees) for k, node in enumerate(tree)]
    get = lambda field, otherwise=0: [n[field] if n else otherwise for _, _, n in nodes]
    return dict(nodes_treeids=[t for t, _, _ in nodes], nodes_nodeids=[k for _, k, _ in nodes], nodes_modes=get(0, "LEAF"),
                nodes_featureids=get(1), nodes_values=get(2, 0.0), nodes_missing_value_tracks_true=get(3), nodes_truenodeids=get(4), nodes_falsenodeids=get(5),
                nodes_hitrates=[1.0] * len(nodes))


def named_votes(c, trees, targets, prefix, scale=1.0, each=None):
    """Every leaf votes for `each` targets, one or two if that is None."""
    leaves = [(t, k) for t, tree in enumerate(trees) for k, node in enumerate(tree) if node is None]
    votes = [(t, k, int(target)) for t, k in leaves
             for target in c.rng.permutation(targets)[:min(targets, each or int(c.rng.integers(1, 3)))]]
    ids = {"target": "target_ids", "class": "class_ids"}[prefix]
    return {f"{prefix}_treeids": [t for t, _, _ in votes], f"{prefix}_nodeids": [k for _, k, _ in votes], ids: [i for _, _, i in votes],
            f"{prefix}_weights": floats(c, len(votes), scale=scale)}


def as_tensors(attributes):
    """The form that version 3 has for models of doubles."""
    names = {"nodes_values", "nodes_hitrates", "target_weights", "class_weights", "base_values"}
    return {k + "_as_tensor" if k in names else k: tensor(np.float64(v) * 1.1, np.float64) if k in names else v for k, v in attributes.items()}


@settings("TreeEnsembleRegressor")
def tree_ensemble_regressor(c):
    make = lambda trees, targets, **more: {**named_nodes(trees), **named_votes(c, trees, targets, "target"), "n_targets": targets, **more}
    forest = lambda modes, count=5: [grow(c, 3, modes) for _ in range(count)]
    yield Try("plain", [rows(c, 9)], make(forest(BRANCHES[:1]), 1), more=([rows(c, 1)], [rows(c, 0)], [rows(c, 301)]))
    for mode in BRANCHES[1:]:
        yield Try(mode, [rows(c, 19)], make(forest((mode,)), 1), deep=True)
    yield Try("mixed", [rows(c, 33)], make(forest(BRANCHES, 9), 3))
    for how in ("AVERAGE", "MIN", "MAX"):
        yield Try(how, [rows(c, 9)], make(forest(BRANCHES), 2, aggregate_function=how, base_values=[0.5, -1.25]))
    for transform in TRANSFORMS[1:-1]:
        yield Try(transform, [rows(c, 9)], make(forest(BRANCHES), 3, post_transform=transform))
    trees = forest(BRANCHES, 3)
    yield Try("PROBIT", [rows(c, 9)], dict(make(trees, 2, post_transform="PROBIT"), **named_votes(c, trees, 2, "target", 1 / 16), base_values=[0.5, 0.25]), deep=True)
    yield Try("leaf", [rows(c, 3)], make([[None]], 1))
    if c.dtype(0) == np.float64:
        yield Try("doubles", [rows(c, 33) * 1.1], as_tensors(make(forest(BRANCHES, 9), 2, base_values=[0.5, -1.25])))


@settings("TreeEnsembleClassifier")
def tree_ensemble_classifier(c):
    def make(trees, classes, **more):  # votes against a class are for those that have none, or not: nobody agrees
        votes = named_votes(c, trees, classes, "class")
        return {**named_nodes(trees), **votes, "class_weights": np.abs(votes["class_weights"]).tolist(), **labels(c, classes, "int64s"), **more}
    forest = lambda modes, count=5: [grow(c, 3, modes) for _ in range(count)]
    yield Try("plain", [rows(c, 9)], make(forest(BRANCHES[:1]), 3), 2, more=([rows(c, 1)], [rows(c, 301)]))
    yield Try("mixed", [rows(c, 33)], make(forest(BRANCHES, 9), 4, base_values=[0.5, 0.25, 1.5, 0.125]), 2)
    for transform in TRANSFORMS[1:-1]:
        yield Try(transform, [rows(c, 9)], make(forest(BRANCHES), 3, post_transform=transform), 2)
    trees = forest(BRANCHES, 3)
    yield Try("PROBIT", [rows(c, 9)], dict(make(trees, 3, post_transform="PROBIT"), **named_votes(c, trees, 3, "class", 1 / 16), base_values=[0.5, 0.25, 0.75]), 2, deep=True)
    yield Try("both", [rows(c, 9)], make(forest(BRANCHES), 2), 2, deep=True)
    # All votes are for one of two classes. About votes against it, and about transforms of the two scores, nobody agrees.
    trees = forest(BRANCHES[:1], 2)
    votes = named_votes(c, trees, 1, "class")
    votes["class_weights"] = (c.rng.integers(0, 33, len(votes["class_ids"])) / 64).tolist()
    yield Try("single", [rows(c, 9)], dict(make(trees, 2), **votes), 2, deep=True)
    if c.dtype(0) == np.float64:
        yield Try("doubles", [rows(c, 33) * 1.1], as_tensors(make(forest(BRANCHES, 9), 3, base_values=[0.5, 1.25, 0.25])), 2)


def numbered_nodes(c, trees, targets, members=()):
    """The form of TreeEnsemble: interior nodes and leaves are numbered, each through all trees. Every leaf has one vote."""
    dtype, nodes, leaves, roots, sets = c.dtype(0), [], [], [], []
    for tree in trees:
        places = {}
        interior = [k for k, node in enumerate(tree) if node]
        for k, node in enumerate(tree):
            places[k] = (0, len(nodes) + interior.index(k)) if node else (1, len(leaves) + k - sum(i < k for i in interior))
        leaves += [int(c.rng.integers(targets)) for node in tree if not node]
        roots.append(len(nodes))
        # A leaf alone is a node both of whose children it is.
        nodes += [node[:4] + places[node[4]] + places[node[5]] for node in tree if node] or [(0, 0, 0.0, 0) + places[0] * 2]
    modes = [n[0] for n in nodes]
    for mode in modes:
        if mode == 6:
            sets += [int(v) / 2 for v in c.rng.permutation(np.arange(-6, 7))[:c.rng.integers(1, 6)]] + [np.nan]
    attributes = dict(tree_roots=roots, nodes_modes=tensor(modes, np.uint8), nodes_featureids=[n[1] for n in nodes], nodes_splits=tensor([n[2] for n in nodes], dtype),
                      nodes_hitrates=tensor(np.ones(len(nodes)), dtype),
                      nodes_missing_value_tracks_true=[n[3] for n in nodes], nodes_trueleafs=[n[4] for n in nodes], nodes_truenodeids=[n[5] for n in nodes],
                      nodes_falseleafs=[n[6] for n in nodes], nodes_falsenodeids=[n[7] for n in nodes],
                      leaf_targetids=leaves, leaf_weights=tensor(floats(c, len(leaves)), dtype), n_targets=targets)
    return dict(attributes, membership_values=tensor(sets, dtype)) if sets else attributes


@settings("TreeEnsemble")
def tree_ensemble(c):
    forest = lambda modes, count=5: [grow(c, 3, modes) for _ in range(count)]
    yield Try("plain", [rows(c, 9)], numbered_nodes(c, forest((0,)), 1), more=([rows(c, 1)], [rows(c, 0)], [rows(c, 301)]))
    for mode in range(1, 7):
        yield Try(f"mode{mode}", [rows(c, 33)], numbered_nodes(c, forest((mode,)), 2))
    yield Try("mixed", [rows(c, 33)], numbered_nodes(c, forest(range(7), 9), 3))
    for how in range(4):
        yield Try(f"aggregate{how}", [rows(c, 9)], dict(numbered_nodes(c, forest((0, 3)), 2), aggregate_function=how))
    for transform in range(1, 4):
        yield Try(TRANSFORMS[transform], [rows(c, 9)], dict(numbered_nodes(c, forest((0,)), 3), post_transform=transform))
    chances = numbered_nodes(c, forest((0,), 1), 1)
    count = len(chances["leaf_targetids"])
    yield Try("PROBIT", [rows(c, 9)], dict(chances, post_transform=4, leaf_weights=tensor(np.arange(1, count + 1) / (count + 1), c.dtype(0))))
    yield Try("leaf", [rows(c, 3)], numbered_nodes(c, [[None], grow(c, 1, (0,))], 1))
    # By the text; onnxruntime and the reference evaluator leave a single score as it is.
    leaf = numbered_nodes(c, [[None]], 1)
    share = 1 / (1 + np.exp(-numpy_helper.to_array(leaf["leaf_weights"]).astype(np.float64)))
    yield Try("single-LOGISTIC", [rows(c, 3)], dict(leaf, post_transform=2), expected=lambda x: [np.full((len(x), 1), share, x.dtype)])


# ---- Attention -----------------------------------------------------------------------------------------------------

def modifier(c, text, *nodes):
    """A graph of one tensor of the type that probabilities have."""
    kind = helper.np_dtype_to_tensor_dtype(np.dtype(np.float64 if c.dtype(0) == np.float64 else np.float32))
    value = lambda name: helper.make_tensor_value_info(name, kind, None)
    return helper.make_graph(list(nodes), text, [value("in")], [value("out")])


@settings("FlexAttention")
def flex_attention(c):
    make = lambda q, k, v: [c(0, *q, of="unit"), c(1, *k, of="unit"), c(2, *v, of="unit")]
    yield Try("plain", make((2, 3, 5, 8), (2, 3, 7, 8), (2, 3, 7, 8)), more=(make((1, 3, 1, 8), (1, 3, 9, 8), (1, 3, 9, 8)),))
    yield Try("grouped", make((1, 4, 5, 8), (1, 2, 6, 8), (1, 2, 6, 4)), dict(scale=0.5))
    yield Try("precision", make((1, 2, 5, 8), (1, 2, 6, 8), (1, 2, 6, 4)), dict(softmax_precision=TensorProto.DOUBLE))
    yield Try("score", make((1, 2, 5, 8), (1, 2, 6, 8), (1, 2, 6, 4)), dict(score_mod=modifier(c, "score", helper.make_node("Tanh", ["in"], ["out"]))))
    yield Try("both", make((1, 2, 5, 8), (1, 2, 6, 8), (1, 2, 6, 4)), dict(
        score_mod=modifier(c, "score", helper.make_node("Add", ["in", "in"], ["out"])),
        prob_mod=modifier(c, "probability", helper.make_node("Sqrt", ["in"], ["out"]))))


# ---- Training ------------------------------------------------------------------------------------------------------

def optimizer(c, kinds, attributes, *variants):
    """`kinds`: how a list of tensors is filled, for what is trained, gradients and state."""
    def make(count, *shapes):
        rate = np.array(0.125, c.dtype(0))
        return [rate, np.array(count, np.int64)] + [c(2, *shape, of=kind) for kind in kinds for shape in shapes]
    n = len(kinds) - 1
    yield Try("plain", make(3, (5, 7)), attributes, n, more=(make(0, (5, 7)), make(1, (1, 3)), make(9, (0, 2))))
    yield Try("two", make(1, (3, 4), (2,)), attributes, 2 * n)
    yield Try("scalar", make(0, ()), attributes, n, deep=True)
    for k, variant in enumerate(variants):
        yield Try(f"variant{k}", make(k, (4, 3)), attributes | variant, n)


@settings("Adagrad")
def adagrad(c):
    return optimizer(c, ("normal", "normal", "positive"), {}, dict(norm_coefficient=0.25), dict(decay_factor=0.5), dict(epsilon=0.5, decay_factor=0.25))


@settings("Adam")
def adam(c):
    return optimizer(c, ("normal", "normal", "normal", "positive"), {}, dict(norm_coefficient=0.25), dict(alpha=0.5, beta=0.25),
                     dict(epsilon=0.5, norm_coefficient_post=0.125))


@settings("Momentum")
def momentum(c):
    return optimizer(c, ("normal", "normal", "normal"), dict(alpha=0.75, beta=0.5, norm_coefficient=0.125, mode="standard"), dict(mode="nesterov"),
                     dict(mode="nesterov", norm_coefficient=0.0), dict(norm_coefficient=0.0))


# What is differentiated, the shapes of x0, x1, ... and how they are filled.
DIFFERENTIATED = {
    "Add": ("out = Add (x0, x1)", (3, 4), (4,)),
    "Sub": ("out = Sub (x0, x1)", (3, 1), (2, 1, 4)),
    "Mul": ("out = Mul (x0, x1)", (3, 4), ()),
    "Div": ("out = Div (x0, x1)", (3, 4), (3, 1)),
    "Pow": ("out = Pow (x0, x1)", (3, 4), (4,)),
    "Sum": ("out = Sum (x0, x1, x2)", (3, 4), (4,), (1, 1)),
    "Mean": ("out = Mean (x0, x1, x2)", (3, 4), (4,), (3, 1)),
    "Max": ("out = Max (x0, x1)", (3, 4), (4,)),
    "Min": ("out = Min (x0, x1)", (3, 4), (3, 4)),
    "Clip": ("out = Clip (x0, x1, x2)", (3, 4), (), ()),
    "Where": ("zero = Sub (x1, x1) is = Greater (x1, zero) out = Where (is, x0, x1)", (3, 4), (4,)),
    "LeakyRelu": ("less = Sub (x0, x1) out = LeakyRelu <alpha = 0.3> (less)", (3, 4), (4,)),
    "Concat": ("out = Concat <axis = -1> (x0, x1, x2)", (3, 4), (3, 1), (3, 2)),
    "Conv": ("out = Conv <strides = [2, 1], pads = [1, 0, 1, 1]> (x0, x1, x2)", (2, 3, 6, 5), (4, 3, 3, 2), (4,)),
    "Conv-dilations": ("out = Conv <dilations = [2]> (x0, x1)", (1, 2, 9), (3, 2, 3)),
    "ConvTranspose": ("out = ConvTranspose <strides = [2, 1]> (x0, x1)", (1, 3, 3, 4), (3, 2, 2, 3)),
    "Dropout": ("ratio = Sub (x1, x1) zero = Size (ratio) training = Cast <to = 9> (zero) out = Dropout (x0, ratio, training)", (3, 4), ()),
    "Expand": ("shape = Constant <value_ints = [2, 3, 4]> () out = Expand (x0, shape)", (3, 1)),
    "Flatten": ("out = Flatten (x0)", (2, 3, 2)),
    "Gather": ("at = Constant <value_ints = [2, 0, 2]> () out = Gather (x0, at)", (3, 4)),
    "Gemm": ("out = Gemm <alpha = 0.5, beta = 2.0, transA = 1, transB = 1> (x0, x1, x2)", (4, 3), (5, 4), (5,)),
    "GlobalAveragePool": ("out = GlobalAveragePool (x0)", (2, 3, 4, 2)),
    "LogSoftmax": ("out = LogSoftmax <axis = 0> (x0)", (3, 4)),
    "MatMul": ("out = MatMul (x0, x1)", (2, 3, 4), (4, 2)),
    "MatMul-vector": ("out = MatMul (x0, x1)", (4,), (2, 4, 3)),
    "Pad": ("pads = Constant <value_ints = [0, 1, 2, 0]> () out = Pad (x0, pads)", (2, 3)),
    "ReduceMean": ("axes = Constant <value_ints = [-1]> () out = ReduceMean <keepdims = 0> (x0, axes)", (3, 4)),
    "ReduceSum": ("axes = Constant <value_ints = [0, 2]> () out = ReduceSum (x0, axes)", (2, 3, 2)),
    "Reshape": ("shape = Constant <value_ints = [2, -1]> () out = Reshape (x0, shape)", (3, 4)),
    "Slice": ("from = Constant <value_ints = [1]> () to = Constant <value_ints = [3]> () axes = Constant <value_ints = [-1]> () out = Slice (x0, from, to, axes)", (3, 4)),
    "Softmax": ("out = Softmax (x0)", (3, 4)),
    "Split": ("left, right = Split <axis = 1, num_outputs = 2> (x0) out = Div (left, right)", (3, 4)),
    "Squeeze": ("axes = Constant <value_ints = [1]> () wide = Unsqueeze (x0, axes) tall = Transpose <perm = [2, 0, 1]> (wide) out = Squeeze (tall)", (3, 4)),
    "Steps": ("a = Ceil (x0) b = Floor (x0) c = Round (x0) d = Sign (x0) out = Sum (a, b, c, d, x0)", (3, 4)),
    "AveragePool": ("out = AveragePool <kernel_shape = [3, 2], strides = [2, 1], pads = [1, 0, 1, 1]> (x0)", (2, 2, 6, 5)),
    "AveragePool-pads": ("out = AveragePool <kernel_shape = [2], dilations = [2], pads = [1, 2], count_include_pad = 1> (x0)", (1, 2, 7)),
    "BatchNormalization": ("out = BatchNormalization (x0, x1, x2, x3, x4)", (2, 3, 4), (3,), (3,), (3,), (3,)),
    "BatchNormalization-training": ("out, mean, variance = BatchNormalization <training_mode = 1> (x0, x1, x2, x3, x4)", (2, 3, 4), (3,), (3,), (3,), (3,)),
    "CumSum": ("axis = Constant <value_int = 1> () out = CumSum <exclusive = 1> (x0, axis)", (3, 4)),
    "Gather-axis": ("at = Constant <value_ints = [2, 0, 2]> () out = Gather <axis = 1> (x0, at)", (2, 3, 2)),
    "Gather-matrix": ("at = Constant <value_ints = [2, 0, -1, 1]> () shape = Constant <value_ints = [2, 2]> () matrix = Reshape (at, shape) out = Gather <axis = -1> (x0, matrix)", (2, 2, 3)),
    "GatherElements": ("at = ArgMax <axis = 1> (x0) out = GatherElements <axis = 1> (x0, at)", (3, 4)),
    "Gelu-tanh": ("out = Gelu <approximate = \"tanh\"> (x0)", (3, 4)),
    "GlobalMaxPool": ("out = GlobalMaxPool (x0)", (2, 3, 4, 2)),
    "InstanceNormalization": ("out = InstanceNormalization (x0, x1, x2)", (2, 3, 4, 2), (3,), (3,)),
    "LayerNormalization": ("out = LayerNormalization <axis = 1> (x0, x1, x2)", (2, 3, 4), (3, 4), (3, 4)),
    "MaxPool": ("out = MaxPool <kernel_shape = [2, 3], strides = [1, 2], pads = [0, 1, 1, 0]> (x0)", (2, 2, 5, 6)),
    "MaxPool-indices": ("out, places = MaxPool <kernel_shape = [2], storage_order = 1> (x0)", (1, 2, 7)),
    "NegativeLogLikelihoodLoss": ("chances = LogSoftmax <axis = 1> (x0) right = Constant <value_ints = [1, 0, 2]> () out = NegativeLogLikelihoodLoss <reduction = \"none\"> (chances, right)", (3, 4)),
    "Tile": ("repeats = Constant <value_ints = [1, 3, 2]> () out = Tile (x0, repeats)", (2, 3, 1)),
    "Trilu": ("out = Trilu <upper = 0> (x0)", (3, 4)),
    "PRelu": ("out = PRelu (x0, x1)", (3, 4), (4,)),
    "RMSNormalization": ("out = RMSNormalization (x0, x1)", (3, 4), (4,)),
    "ReduceL1": ("axes = Constant <value_ints = [1]> () out = ReduceL1 <keepdims = 0> (x0, axes)", (3, 4)),
    "ReduceL2": ("axes = Constant <value_ints = [0, 2]> () out = ReduceL2 (x0, axes)", (2, 3, 2)),
    "ReduceLogSum": ("axes = Constant <value_ints = [1]> () out = ReduceLogSum <keepdims = 0> (x0, axes)", (3, 4)),
    "ReduceLogSumExp": ("axes = Constant <value_ints = [1]> () out = ReduceLogSumExp <keepdims = 0> (x0, axes)", (3, 4)),
    "ReduceMax": ("axes = Constant <value_ints = [1]> () out = ReduceMax <keepdims = 0> (x0, axes)", (3, 4)),
    "ReduceMin": ("out = ReduceMin <keepdims = 0> (x0)", (3, 4)),
    "ReduceSumSquare": ("axes = Constant <value_ints = [1]> () out = ReduceSumSquare (x0, axes)", (3, 4)),
    "SoftmaxCrossEntropyLoss": ("right = Constant <value_ints = [1, 0, 2, 1, 3, 3]> () shape = Constant <value_ints = [2, 3]> () table = Reshape (right, shape)"
                                " out, chances = SoftmaxCrossEntropyLoss <ignore_index = 2> (x0, table)", (2, 4, 3)),
    "SoftmaxCrossEntropyLoss-chances": ("right = Constant <value_ints = [1, 0, 2]> () loss, chances = SoftmaxCrossEntropyLoss <reduction = \"sum\"> (x0, right)"
                                        " out = Mul (loss, chances)", (3, 4)),
}
PIECEWISE = {"Abs", "Clip", "Max", "Min", "Where", "Relu", "LeakyRelu", "Steps", "GatherElements", "GlobalMaxPool", "MaxPool", "MaxPool-indices", "ReduceMax", "ReduceMin",
             "PRelu", "ReduceL1", "HardSigmoid", "HardSwish", "ThresholdedRelu", "Selu", "Elu", "Celu"}
ABOVE_0, INSIDE_1 = {"Pow", "Log", "Sqrt", "ReduceLogSum", "BatchNormalization", "BatchNormalization-training"}, {"Acos", "Asin", "Atanh", "Tan"}
for name in """Acosh Asinh Celu Cosh Elu Gelu HardSigmoid HardSwish Mish Selu Sinh Softsign Swish Tan ThresholdedRelu Acos Asin Atanh""".split():
    DIFFERENTIATED[name] = (f"out = {name} (x0)", (3, 4))
for name in "Abs Atan Cos Erf Exp Identity Log Neg Reciprocal Relu Sigmoid Sin Softplus Sqrt Tanh".split():
    DIFFERENTIATED[name] = (f"out = {name} (x0)", (3, 4))


@settings("Gradient")
def gradient(c):
    """Of a sum of squares, so that no two elements have the same derivative by chance."""
    dtype = c.element("T1") if is_float(c.element("T1")) else c.element("T2")
    number = helper.np_dtype_to_tensor_dtype(dtype)

    def differentiate(label, text, inputs, constants=(), **more):
        nodes = parser.parse_graph("g () => () {" + text + " squares = Mul (out, out) target = ReduceSum <keepdims = 0> (squares) }").node
        names = [f"x{k}" for k in range(len(inputs) + len(constants))]
        attributes = dict(xs=names[:len(inputs)], y="target", **(dict(zs=names[len(inputs):]) if constants else {}))
        return Try(label, [*inputs, *constants], attributes, len(inputs), before=tuple(nodes), **more)
    x = lambda *shape: c.fill(dtype, shape, "nonzero")
    if is_float(c.element("T1")):
        yield differentiate("plain", "product = Mul (x0, x1) out = Tanh (product)", [x(3, 4), x(4)])
        yield differentiate("fixed", "product = Mul (x0, x1) out = Sin (product)", [x(3, 4)], [x(4)])
        for name, (text, *shapes) in DIFFERENTIATED.items():
            of = "positive" if name in ABOVE_0 else "unit" if name in INSIDE_1 else "above1" if name == "Acosh" else "nonzero"
            inputs = [np.asarray(c.fill(dtype, shape, of) * (0.6 if of == "unit" else 1), dtype) for shape in shapes]
            if name in PIECEWISE:  # every element far from the others and from whole numbers
                inputs = [((c.rng.permutation(x.size).reshape(x.shape) - x.size // 2) / 4 + 0.11 + k / 16).astype(dtype) for k, x in enumerate(inputs)]
            if name == "Clip":
                inputs[1:] = np.array(-1, dtype), np.array(1, dtype)
                yield differentiate(name, text, inputs[:1], inputs[1:], deep=True)
            else:
                yield differentiate(name, text, inputs, deep=True)
        return
    z = c.fill(c.element("T1"), (3, 4), "positive" if c.element("T1").kind in "iu" else "normal")
    if z.dtype == bool:
        text = "less = Neg (x0) out = Where (x1, x0, less)"
    elif z.dtype.kind == "c":
        text = f"count = Size (x1) scale = Cast <to = {number}> (count) out = Mul (x0, scale)"
    else:
        text = f"scale = Cast <to = {number}> (x1) out = Mul (x0, scale)"
    if z.dtype == object:
        z = np.array([["1", "-2.5", "1e1", "0"]], object)
    yield differentiate("plain", text, [x(3, 4)], [z])
