"""What a function does with its parameters, and values that would let it run."""

import ast
import inspect
import textwrap
import typing

import values

TEXT = set("strip split lower upper startswith endswith replace encode format join lstrip rstrip splitlines title find".split())
LIST = set("append extend insert sort reverse".split())
DICT = set("items keys values setdefault update".split())
WHOLE = set("count n num number size length limit total index i j k x y width height page offset quantity amount year month day port".split())
WORDS = set("name text s string path url key value title message line word filename sku id code label".split())
WHOLE |= set("cents pence seconds minutes hours days weeks months years metres meters miles grams degrees pixels points".split())


class Shape:
    """Uses of one value."""

    def __init__(self):
        self.kinds = []
        self.keys = {}
        self.inner = None
        self.constants = []
        self.attributes = {}
        self.called = False

    def add(self, kind):
        if kind not in self.kinds:
            self.kinds.append(kind)

    def key(self, name):
        self.add("dict")
        return self.keys.setdefault(name, Shape())

    def attribute(self, name):
        return self.attributes.setdefault(name, Shape())

    def item(self):
        self.inner = self.inner or Shape()
        return self.inner


class Reader(ast.NodeVisitor):
    """Follows parameters through one function."""

    def __init__(self, names):
        self.known = {name: Shape() for name in names}

    def see(self, node):
        """The shape of an expression, or None."""
        if isinstance(node, ast.Name):
            return self.known.get(node.id)
        if isinstance(node, ast.Subscript):
            return self.subscript(node)
        if isinstance(node, ast.Call):
            return self.call(node)
        if isinstance(node, ast.Attribute):
            base = self.see(node.value)
            return None if base is None else base.attribute(node.attr)
        if isinstance(node, (ast.BoolOp,)):
            return self.see(node.values[0])
        return None

    def subscript(self, node):
        base = self.see(node.value)
        index = node.slice.value if node.slice.__class__.__name__ == "Index" else node.slice
        if base is None:
            return None
        if isinstance(index, ast.Constant) and isinstance(index.value, str):
            return base.key(index.value)
        if isinstance(index, ast.Slice) or isinstance(index, (ast.Constant, ast.UnaryOp)):
            base.add("list")
            return base.item() if not isinstance(index, ast.Slice) else base
        base.add("map")
        return base.item()

    def call(self, node):
        function = node.func
        if isinstance(function, ast.Attribute):
            base = self.see(function.value)
            if base is None:
                return None
            name = function.attr
            if name == "get" and node.args and isinstance(node.args[0], ast.Constant):
                return base.key(str(node.args[0].value))
            kind = "str" if name in TEXT else "list" if name in LIST else "dict" if name in DICT else None
            if kind:
                base.add(kind)
            else:
                base.attribute(name).called = True
            return base if name in ("strip", "lower", "upper") else base.item() if name == "values" else None
        if isinstance(function, ast.Name) and node.args:
            base = self.see(node.args[0])
            if base is not None:
                if function.id in ("len", "sum", "sorted", "min", "max", "enumerate", "list", "set", "tuple", "reversed"):
                    base.add("list")
                elif function.id in ("int", "float"):
                    base.add("str")
                elif function.id in ("range", "abs", "round"):
                    base.add("num")
                return base
        return None

    def bind(self, target, source):
        shape = self.see(source)
        if shape is None:
            return
        if isinstance(target, ast.Name):
            self.known.setdefault(target.id, shape)

    def each(self, target, source):
        shape = self.see(source)
        if shape is None:
            return
        if isinstance(source, ast.Call) and isinstance(source.func, ast.Name) and source.func.id == "enumerate":
            target = target.elts[1] if isinstance(target, ast.Tuple) and len(target.elts) == 2 else target
        if "dict" not in shape.kinds:
            shape.add("list")
        item = shape.item()
        if isinstance(target, ast.Name):
            self.known.setdefault(target.id, item)
        elif isinstance(target, ast.Tuple):
            item.add("pair%d" % len(target.elts))

    def visit_Assign(self, node):
        for target in node.targets:
            self.bind(target, node.value)
        self.generic_visit(node)

    def visit_For(self, node):
        self.each(node.target, node.iter)
        self.generic_visit(node)

    def visit_comprehension(self, node):
        self.each(node.target, node.iter)
        self.generic_visit(node)

    def visit_ListComp(self, node):
        for generator in node.generators:
            self.visit(generator)
        self.generic_visit(node)

    visit_SetComp = visit_GeneratorExp = visit_DictComp = visit_ListComp

    def visit_BinOp(self, node):
        left, right = self.see(node.left), self.see(node.right)
        text = any(isinstance(side, ast.Constant) and isinstance(side.value, str) for side in (node.left, node.right))
        for shape in (left, right):
            if shape is not None and not isinstance(node.op, ast.Mod):
                shape.add("str" if text else "num")
        self.generic_visit(node)

    def visit_AugAssign(self, node):
        for shape in (self.see(node.target), self.see(node.value)):
            if shape is not None:
                shape.add("num")
        self.generic_visit(node)

    def visit_Compare(self, node):
        sides = [node.left] + node.comparators
        for side in sides:
            shape = self.see(side)
            for other in sides:
                if shape is not None and isinstance(other, ast.Constant):
                    shape.constants.append(other.value)
        self.generic_visit(node)

    def visit_Subscript(self, node):
        self.see(node)
        self.generic_visit(node)

    def visit_Call(self, node):
        self.see(node)
        self.generic_visit(node)

    def visit_Attribute(self, node):
        self.see(node)
        self.generic_visit(node)


def shapes_of(function, names):
    reader = Reader(names)
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
        reader.visit(tree)
    except (OSError, SyntaxError, TypeError, ValueError, RecursionError):
        pass
    return reader.known


def samples(shape, name, depth=0):
    """Values for a shape, the likeliest first."""
    found = []
    if shape is None or depth > 4:
        shape = Shape()
    if shape.keys:
        first = {key: samples(inner, key, depth + 1) for key, inner in shape.keys.items()}
        whole = {key: options[0] for key, options in first.items()}
        found.append(whole)
        for key, options in first.items():
            found += [dict(whole, **{key: option}) for option in options[1:5]]
            found.append({k: v for k, v in whole.items() if k != key})
    found += shape.constants[:6]
    for kind in shape.kinds:
        if kind == "list":
            item = samples(shape.inner, name.rstrip("s"), depth + 1)
            found += [[item[0]], [], [item[0]] * 2, [item[0]] * 7] + [[other] for other in item[1:5]] + [item[:3]]
        elif kind == "map":
            item = samples(shape.inner, name.rstrip("s"), depth + 1)
            found += [{}, {"a": item[0]}, [item[0]], []]
        elif kind == "dict" and not shape.keys:
            found += [{"a": 1}, {}]
        elif kind == "str":
            found += ["a", "", "1", "a b", "a,b", "a:1"]
        elif kind == "num":
            found += [1, 0, -1, 2, 3, 7, 1.5]
        elif kind.startswith("pair"):
            found.append(tuple(range(1, int(kind[4:]) + 1)))
    lower = name.lower()
    if lower in WHOLE or lower.startswith(("num_", "n_", "max_", "min_")) or lower.endswith(("_count", "_id", "_size")):
        found += [1, 0, 2, -1, 5]
    elif lower in WORDS or lower.endswith(("name", "text", "path", "url", "str")):
        found += ["a", "", "a b", "1"]
    elif lower.endswith("s") and not found:
        found += [["a"], [1], [], {"a": 1}]
    found += ["a", 1, [1], {"a": 1}, None, "", 0, [], {}, True, 1.5, ["a"], "1", (1, 2), b"a"]
    unique = []
    for value in found:
        if not any(type(value) is type(other) and repr(value) == repr(other) for other in unique):
            unique.append(value)
    return unique


def annotated(annotation, depth=0):
    """Values of an annotation, or None where it says nothing."""
    plain = {
        int: [1, 0, -1, 2, 7],
        float: [1.5, 0.0, -1.0],
        str: ["a", "", "1", "a b"],
        bytes: [b"a", b""],
        bool: [True, False],
        list: [[1], [], ["a"]],
        dict: [{"a": 1}, {}],
        tuple: [(1, 2), ()],
        set: [{1}, set()],
        type(None): [None],
    }
    named = {kind.__name__: options for kind, options in plain.items()}
    if isinstance(annotation, str):
        return named.get(annotation.strip())
    if isinstance(annotation, type) and annotation in plain:
        return plain[annotation]
    origin, args = getattr(annotation, "__origin__", None), getattr(annotation, "__args__", None) or ()
    if depth > 3 or origin is None:
        return None
    inner = [annotated(arg, depth + 1) or ["a"] for arg in args if arg is not Ellipsis]
    if origin is typing.Union:
        return [value for options in inner for value in options[:3]]
    name = getattr(origin, "__name__", "")
    if name in ("list", "Sequence", "Iterable", "Iterator", "Collection") and inner:
        return [[inner[0][0]], [], list(inner[0]), [inner[0][0]] * 7]
    if name in ("dict", "Mapping", "MutableMapping") and len(inner) == 2:
        try:
            return [{inner[0][0]: inner[1][0]}, {}]
        except TypeError:
            return [{}]
    if name == "tuple" and inner:
        return [tuple(options[0] for options in inner)]
    return None


def stand_in(shape, depth=0):
    """A recipe for an object that has what a function reads of it; what is called answers to any call."""
    parts = []
    for name, inner in list(shape.attributes.items())[:30]:
        if inner.called or name.startswith("__") or depth > 2:
            continue
        if inner.attributes and not inner.kinds and not inner.keys:
            parts.append([name, stand_in(inner, depth + 1)])
            continue
        try:
            parts.append([name, values.Encoder().encode(samples(inner, name)[0])])
        except values.CannotEncode:
            pass
    return ["fake", parts]


def recipes(function, parameter, shape, make):
    """Recipes for one parameter; `make` builds an object of a class of the project."""
    options = []
    if isinstance(parameter.annotation, type) and parameter.annotation.__module__ not in ("builtins", "typing", "inspect"):
        options += make(parameter.annotation)
    used = annotated(parameter.annotation) if parameter.annotation is not parameter.empty else None
    for value in (used or []) + samples(shape, parameter.name):
        try:
            options.append(values.Encoder().encode(value))
        except values.CannotEncode:
            pass
    if shape is not None and shape.attributes and not shape.kinds and not shape.keys and not used:
        options = make(parameter.name) + [stand_in(shape)] + options
    if parameter.default is not parameter.empty:
        try:
            options.insert(0, values.Encoder().encode(parameter.default))
        except values.CannotEncode:
            pass
    unique = []
    for option in options:
        if option not in unique:
            unique.append(option)
    return unique[:40]
