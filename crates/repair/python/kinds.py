"""What kinds of values functions give and expressions have while code runs, told by names of kinds, never by values."""

import ast
import dis
import numbers
import os

import calls

KINDS = (
    (type(None), "nothing"),
    (bool, "truth"),
    (numbers.Number, "number"),
    (str, "text"),
    ((bytes, bytearray), "bytes"),
    (list, "list"),
    (tuple, "tuple"),
    (dict, "mapping"),
    ((set, frozenset), "set"),
)
GENERATOR = 0x20 | 0x80 | 0x200
MOST = 400
MOST_VALUES = 20


class Unknown(Exception):
    pass


def kind(value):
    for types, name in KINDS:
        if isinstance(value, types):
            return name
    return "other"


def expressions(file, first, last):
    """The names, attributes and subscripts on some lines of a file, by their source."""
    try:
        with open(file, encoding="utf-8") as text:
            source = text.read()
        tree = ast.parse(source)
    except (OSError, ValueError, SyntaxError):
        return {}
    found = {}
    for node in ast.walk(tree):
        if isinstance(node, (ast.Name, ast.Attribute, ast.Subscript)):
            if first <= node.lineno and node.end_lineno <= last and len(found) < 40:
                found[ast.get_source_segment(source, node)] = node
    return found


def read(node, names):
    """The values an expression may have, read without running code of the project."""
    if isinstance(node, ast.Constant):
        return [node.value]
    if isinstance(node, ast.Name):
        if node.id not in names:
            raise Unknown
        return [names[node.id]]
    if isinstance(node, ast.Attribute):
        fields = getattr(read(node.value, names)[0], "__dict__", None)
        if type(fields) is not dict or node.attr not in fields:
            raise Unknown
        return [fields[node.attr]]
    if not isinstance(node, ast.Subscript):
        raise Unknown
    holder = read(node.value, names)[0]
    if isinstance(node.slice, ast.Slice):
        raise Unknown
    if type(holder) in (list, tuple):
        return list(holder[:MOST_VALUES])
    if not isinstance(holder, dict):
        raise Unknown
    if isinstance(node.slice, ast.Constant):
        # A key that is written down has a meaning of its own.
        if dict.__contains__(holder, node.slice.value):
            return [dict.__getitem__(holder, node.slice.value)]
        raise Unknown
    return [value for _, value in zip(range(MOST_VALUES), dict.values(holder))]


class Watch:
    """Kinds seen in functions that are about to return; `profile` must see their events."""

    def __init__(self, root, targets, reads=None):
        self.root = root
        self.paths = {}
        for target in targets:
            self.paths.setdefault((target["file"], target["function"]), []).append(target["path"])
        self.reads = reads
        self.nodes = expressions(os.path.join(root, reads["file"]), *reads["lines"]) if reads else {}
        self.codes = {}
        self.left = {}
        self.results = {}
        self.values = {}

    def role(self, code):
        """The path of a function whose results count, and whether its expressions do; none where neither."""
        file = calls.inside(code.co_filename, self.root)
        if file is None:
            return None
        path = None
        known = self.paths.get((file, code.co_name), ())
        full = getattr(code, "co_qualname", None)
        if full is not None:
            full = full.replace(".<locals>", "")
            path = full if full in known else None
        elif len(known) == 1:
            path = known[0]
        reads = False
        if self.reads and file == self.reads["file"]:
            reads = self.reads["around"][0] - 20 <= code.co_firstlineno <= self.reads["around"][1]
        return (path, reads) if path or reads else None

    def profile(self, frame, event, arg):
        if event != "return":
            return
        code = frame.f_code
        role = self.codes.get(code, 0)
        if role == 0:
            role = self.codes[code] = self.role(code)
        if role is None:
            return
        left = self.left.get(code, MOST)
        if left <= 0:
            return
        self.left[code] = left - 1
        path, reads = role
        generator = code.co_flags & GENERATOR
        if path and (generator or arg is not None or not raises(frame)):
            found = "iterator" if generator else kind(arg)
            self.results.setdefault(path, set()).add(found)
        if reads:
            names = frame.f_locals
            for text, node in self.nodes.items():
                try:
                    self.values.setdefault(text, set()).update(kind(value) for value in read(node, names))
                except Exception:
                    pass

    def told(self):
        def lists(found):
            return {name: sorted(kinds) for name, kinds in found.items() if kinds}

        return {"values": lists(self.values), "results": lists(self.results)}


def raises(frame):
    """Whether a frame that seems to return nothing is left by an exception."""
    code = frame.f_code.co_code
    return not dis.opname[code[frame.f_lasti]].startswith(("RETURN", "INSTRUMENTED_RETURN"))
