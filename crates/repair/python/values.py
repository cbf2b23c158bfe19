"""Values as recipes: JSON that says how to build a value again, here or in a script.

["lit", source]                           a literal
["list" | "tuple" | "set", [recipe]]      a container
["dict", [[key, value]]]
["ref", "module:path"]                    something a module holds by name: a class, a function, an enum member
["new", "module:path", args, kwargs, calls]  a constructor call, then method calls on the object
["raw", "module:path", [[name, recipe]]]  an object with these attributes, its constructor not run
["std", source, module]                   an expression over one module of the standard library
["fake", [[name, recipe]]]                a stand-in that has these attributes and takes any call
"""

import ast
import dataclasses
import enum
import importlib
import sys
import types

MAX_DEPTH = 8
MAX_NODES = 1500
MAX_TEXT = 20000
STANDARD = {
    "datetime": ("date", "datetime", "time", "timedelta", "timezone"),
    "decimal": ("Decimal",),
    "fractions": ("Fraction",),
    "uuid": ("UUID",),
    "pathlib": ("PurePosixPath", "PosixPath", "PurePath", "Path"),
    "collections": ("OrderedDict", "Counter", "deque"),
}


class CannotEncode(Exception):
    pass


def reachable(value):
    """The "module:path" under which a class or function can be imported, or None."""
    module, path = getattr(value, "__module__", None), getattr(value, "__qualname__", None)
    if not isinstance(module, str) or not isinstance(path, str) or module == "__main__" or "<" in path:
        return None
    found = sys.modules.get(module)
    for part in path.split("."):
        found = getattr(found, part, None)
    return module + ":" + path if found is value else None


def resolve(name):
    module, path = name.split(":", 1)
    found = importlib.import_module(module)
    for part in path.split(".") if path else []:
        found = getattr(found, part)
    return found


class Encoder:
    """Turns values into recipes; `origin(obj)` may tell how an object was made and used."""

    def __init__(self, origin=None):
        self.origin = origin or (lambda obj: None)
        self.nodes = 0
        self.path = []

    def encode(self, value):
        self.nodes += 1
        if self.nodes > MAX_NODES or len(self.path) > MAX_DEPTH or any(value is above for above in self.path):
            raise CannotEncode("too large, too deep or circular")
        self.path.append(value)
        try:
            return self.one(value)
        finally:
            self.path.pop()

    def one(self, value):
        kind = type(value)
        if value is None or value is Ellipsis or kind in (bool, int, str, bytes, float, complex):
            return literal(value)
        if kind in (list, tuple):
            return [kind.__name__, [self.encode(item) for item in value]]
        if kind in (set, frozenset):
            items = sorted(value, key=repr)
            node = ["set", [self.encode(item) for item in items]]
            return node if kind is set else ["new", "builtins:frozenset", [node], [], []]
        if kind is dict:
            return ["dict", [[self.encode(k), self.encode(v)] for k, v in value.items()]]
        if isinstance(value, enum.Enum) and reachable(kind):
            return ["ref", reachable(kind) + "." + value.name]
        if isinstance(value, (type, types.FunctionType, types.BuiltinFunctionType)):
            name = reachable(value)
            if name:
                return ["ref", name]
            raise CannotEncode("not importable")
        if isinstance(value, types.ModuleType):
            return ["ref", value.__name__ + ":"]
        if kind.__module__.split(".")[0] in STANDARD:
            return standard(value)
        return self.instance(value)

    def instance(self, value):
        kind = type(value)
        name = reachable(kind)
        if not name or kind.__module__ in ("builtins", "_thread", "unittest.mock"):
            raise CannotEncode("an object of " + kind.__name__)
        if isinstance(value, tuple) and hasattr(kind, "_fields"):
            return ["new", name, [self.encode(item) for item in value], [], []]
        if dataclasses.is_dataclass(value) and all(field.init for field in dataclasses.fields(value)):
            fields = [[f.name, self.encode(getattr(value, f.name))] for f in dataclasses.fields(value)]
            return ["new", name, [], fields, []]
        made = self.origin(value)
        if made is not None:
            return ["new", name, made["args"], made["kwargs"], list(made["calls"])]
        if isinstance(value, (str, bytes, int, float, list, dict, tuple, set, BaseException)):
            raise CannotEncode("an object of " + kind.__name__)
        state = getattr(value, "__dict__", None)
        if not isinstance(state, dict) or len(state) > 40:
            raise CannotEncode("an object of " + kind.__name__)
        return ["raw", name, [[key, self.encode(item)] for key, item in state.items()]]


def literal(value):
    source = repr(value)
    if len(source) > MAX_TEXT:
        raise CannotEncode("too long")
    if isinstance(value, (float, complex)) and ("inf" in source or "nan" in source):
        return ["std", "float(%r)" % source, "math"] if isinstance(value, float) else fail()
    return ["lit", source]


def fail():
    raise CannotEncode("not a literal")


def standard(value):
    kind = type(value)
    module = kind.__module__.split(".")[0]
    if kind.__name__ not in STANDARD.get(module, ()):
        raise CannotEncode("an object of " + kind.__name__)
    source = repr(value)
    if not source.startswith(module + "."):
        source = module + "." + source
    try:
        if len(source) < 400 and eval(source, {module: importlib.import_module(module)}) == value:
            return ["std", source, module]
    except Exception:
        pass
    raise CannotEncode("no expression for " + kind.__name__)


def build(recipe):
    """The value of a recipe."""
    tag = recipe[0]
    if tag == "lit":
        return ast.literal_eval(recipe[1])
    if tag == "list":
        return [build(item) for item in recipe[1]]
    if tag == "tuple":
        return tuple([build(item) for item in recipe[1]])
    if tag == "set":
        return set([build(item) for item in recipe[1]])
    if tag == "dict":
        return {build(key): build(item) for key, item in recipe[1]}
    if tag == "ref":
        return resolve(recipe[1])
    if tag == "std":
        return eval(recipe[1], {recipe[2]: importlib.import_module(recipe[2])})
    if tag == "fake":
        # Loading it takes longer than most calls, and few need it.
        from unittest.mock import MagicMock

        return MagicMock(**{name: build(item) for name, item in recipe[1]})
    if tag == "raw":
        kind = resolve(recipe[1])
        made = kind.__new__(kind)
        made.__dict__.update({name: build(item) for name, item in recipe[2]})
        return made
    made = resolve(recipe[1])(*[build(a) for a in recipe[2]], **{name: build(a) for name, a in recipe[3]})
    for name, args, kwargs in recipe[4]:
        getattr(made, name)(*[build(a) for a in args], **{key: build(a) for key, a in kwargs})
    return made


class Renderer:
    """Turns recipes into source; statements that must run first are collected."""

    def __init__(self):
        self.modules = []
        self.setup = []

    def name(self, reference):
        module, path = reference.split(":", 1)
        if module == "builtins":
            return path
        if module not in self.modules:
            self.modules.append(module)
        return module + ("." + path if path else "")

    def source(self, recipe):
        tag = recipe[0]
        if tag == "lit":
            return recipe[1]
        if tag == "list":
            return "[" + ", ".join(map(self.source, recipe[1])) + "]"
        if tag == "tuple":
            inside = ", ".join(map(self.source, recipe[1]))
            return "(" + inside + ("," if len(recipe[1]) == 1 else "") + ")"
        if tag == "set":
            return "{" + ", ".join(map(self.source, recipe[1])) + "}" if recipe[1] else "set()"
        if tag == "dict":
            return "{" + ", ".join(self.source(k) + ": " + self.source(v) for k, v in recipe[1]) + "}"
        if tag == "ref":
            return self.name(recipe[1])
        if tag == "std":
            self.name(recipe[2] + ":")
            return recipe[1]
        if tag == "fake":
            made = self.name("unittest.mock:MagicMock")
            return self.call(made, [], [[name, item] for name, item in recipe[1]])
        if tag == "raw":
            kind = self.name(recipe[1])
            made = self.variable(recipe[1])
            self.setup.append("%s = %s.__new__(%s)" % (made, kind, kind))
            for name, item in recipe[2]:
                self.setup.append("%s.__dict__[%r] = %s" % (made, name, self.source(item)))
            return made
        call = self.call(self.name(recipe[1]), recipe[2], recipe[3])
        if not recipe[4]:
            return call
        made = self.variable(recipe[1])
        self.setup.append("%s = %s" % (made, call))
        for name, args, kwargs in recipe[4]:
            self.setup.append(self.call(made + "." + name, args, kwargs))
        return made

    def call(self, function, args, kwargs):
        parts = [self.source(a) for a in args]
        parts += [name + "=" + self.source(a) for name, a in kwargs]
        return function + "(" + ", ".join(parts) + ")"

    def variable(self, reference):
        stem = "".join(c if c.isalnum() else "_" for c in reference.split(":")[1].split(".")[-1]).lower()
        taken = sum(1 for line in self.setup if line.split(" ")[0].rstrip("0123456789") == "a_" + stem)
        return "a_" + stem + (str(taken + 1) if taken else "")


def is_plain(recipe):
    """Whether a recipe is made of literals and containers only."""
    tag = recipe[0]
    if tag in ("list", "tuple", "set"):
        return all(map(is_plain, recipe[1]))
    if tag == "dict":
        return all(is_plain(key) and is_plain(item) for key, item in recipe[1])
    return tag == "lit"
