"""A statement that may be wrong, and how text is put in its place: brackets where the surroundings need them."""

import ast

from program import FUNCTIONS, alike, infer, walk

# How tightly a text holds together.
ATOM, ADDED, COMPARED, JOINED, LOOSE = range(5)


class Candidate:
    """Edits of one file with what speaks for them."""

    __slots__ = ("place", "edits", "family", "prior", "why", "score")

    def __init__(self, place, edits, family, prior, why):
        self.place, self.edits, self.family, self.prior, self.why = place, edits, family, prior, why
        self.score = prior * place.suspicion


def level_of(node):
    if isinstance(node, (ast.BinOp, ast.Await)) or (isinstance(node, ast.UnaryOp) and not isinstance(node.op, ast.Not)):
        return ADDED
    if isinstance(node, (ast.Compare, ast.UnaryOp)):
        return COMPARED
    if isinstance(node, ast.BoolOp):
        return JOINED
    if isinstance(node, (ast.IfExp, ast.Lambda, ast.Yield, ast.YieldFrom, ast.Tuple)) or type(node).__name__ == "NamedExpr":
        return LOOSE
    return ATOM


class Place:
    """One statement with its file, function and names."""

    def __init__(self, file, statement, function, scope, suspicion):
        self.file, self.statement, self.function, self.scope = file, statement, function, scope
        self.suspicion = suspicion
        self.nodes = walk(statement)

    def text(self, node):
        return self.file.text(node)

    def kinds(self, node):
        return infer(self.scope, node)

    def bracketed(self, node, wanted=ADDED):
        """The text of an expression, in brackets where it would fall apart among tighter ones."""
        text = self.text(node)
        if self.file.in_brackets(node) and isinstance(node, (ast.GeneratorExp,)):
            return text
        loose = level_of(node) >= wanted and level_of(node) != ATOM
        return "(" + text + ")" if loose else text

    def room(self, node):
        """The loosest text that can stand where an expression stands."""
        parent, field = self.file.above.get(node, (None, None))
        if isinstance(parent, (ast.BinOp, ast.Starred, ast.Await, ast.FormattedValue)):
            return ATOM
        if isinstance(parent, ast.UnaryOp):
            return COMPARED if isinstance(parent.op, ast.Not) else ATOM
        if isinstance(parent, (ast.Attribute, ast.Subscript)) and field == "value":
            return ATOM
        if isinstance(parent, ast.Call) and field == "func":
            return ATOM
        if isinstance(parent, ast.Compare):
            return ADDED
        if isinstance(parent, (ast.BoolOp, ast.IfExp)):
            return COMPARED
        if isinstance(parent, ast.comprehension):
            return JOINED
        return LOOSE

    def fitted(self, node, text, level):
        room = self.room(node)
        if level <= room or self.file.in_brackets(node) and not self.is_only_argument(node):
            return text
        parent, field = self.file.above[node]
        if level == ADDED and isinstance(parent, ast.BinOp) and isinstance(parent.op, (ast.Add, ast.Sub)):
            if field == "left" or isinstance(parent.op, ast.Add):
                return text
        return "(" + text + ")"

    def is_only_argument(self, node):
        parent = self.file.parent(node)
        return isinstance(parent, ast.Call) and len(parent.args) + len(parent.keywords) == 1

    def put(self, node, text, level, family, prior, why=None):
        """A candidate with another text in place of an expression."""
        start, end = self.file.span(node)
        text = self.fitted(node, text, level)
        why = why or "%s instead of %s" % (text, self.text(node))
        return Candidate(self, [(start, end, text.encode())], family, prior, brief(why))

    def edit(self, edits, family, prior, why):
        return Candidate(self, [(a, b, new.encode()) for a, b, new in edits], family, prior, brief(why))

    def between(self, before, after, text, family, prior, why):
        """A candidate with another operator between two operands; brackets around them stay."""
        start, end = self.file.span(before)[1], self.file.span(after)[0]
        gap = self.file.data[start:end].decode()
        core = gap.strip("() \t\r\n\\")
        if not core:
            return None
        at = gap.index(core)
        begin = start + len(gap[:at].encode())
        return self.edit([(begin, begin + len(core.encode()), text)], family, prior, why)

    def names(self, kinds, but=()):
        """Names of values that can stand where some kinds are wanted; names of known kinds and local ones first."""
        found = []
        for name in self.scope.values():
            if name in but or name == "self" or name == "cls":
                continue
            seen = self.scope.of(name)
            if alike(kinds, seen) and not seen & {"function", "class"}:
                found.append((name not in self.scope.unread, not (kinds and seen), name not in self.scope.local, name))
        found.sort(key=lambda item: item[:3])
        return [item[3] for item in found]

    def is_local(self, name):
        return name in self.scope.local


def brief(why):
    why = " ".join(why.split())
    return why if len(why) <= 160 else why[:157] + "..."


def enclosing(file, statement):
    node = file.parent(statement)
    while node is not None and not isinstance(node, FUNCTIONS):
        node = file.parent(node)
    return node
