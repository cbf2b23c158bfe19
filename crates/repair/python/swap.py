"""Puts a changed file into the running project: code objects are exchanged in place, so that whoever holds a function
runs the changed one; what no function holds is run anew.

All code that is put in counts its steps (turns of loops, calls), so that code that does not end is told by a number of
steps and not by a clock.
"""

import __future__
import ast
import builtins
import gc
import os
import sys
import types

from program import FUNCTIONS, LOOPS, is_docstring

TICK = "__groundcrew_step__"


class OutOfSteps(BaseException):
    """Ends code that does not end by itself."""


class Steps:
    def __init__(self):
        self.left = 1 << 60

    def install(self):
        def step():
            self.left -= 1
            if self.left < 0:
                if self.left < -1000:
                    # Whatever catches everything goes on for ever.
                    os._exit(0)
                raise OutOfSteps()

        setattr(builtins, TICK, step)


class Counted(ast.NodeTransformer):
    def step(self, node, block):
        call = ast.Expr(ast.Call(ast.Name(TICK, ast.Load()), [], []))
        at = 1 if isinstance(node, FUNCTIONS) and block and is_docstring(block[0]) else 0
        for inner in ast.walk(call):
            inner.lineno = inner.end_lineno = block[0].lineno
            inner.col_offset = inner.end_col_offset = 0
        block.insert(at, call)

    def block(self, node):
        self.generic_visit(node)
        self.step(node, node.body)
        return node

    visit_FunctionDef = visit_AsyncFunctionDef = visit_For = visit_AsyncFor = visit_While = block


def future_flags(tree):
    flags = 0
    for statement in tree.body:
        if isinstance(statement, ast.ImportFrom) and statement.module == "__future__":
            for name in statement.names:
                flags |= getattr(__future__, name.name).compiler_flag
    return flags


def inner_codes(code, path=()):
    """The code objects beneath one, by their names and their numbers among equals."""
    found, count = {}, {}
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            number = count.get(constant.co_name, 0)
            count[constant.co_name] = number + 1
            here = path + ((constant.co_name, number),)
            found[here] = constant
            found.update(inner_codes(constant, here))
    return found


class Loaded:
    """A file of the project as it is loaded."""

    def __init__(self, root, file):
        self.file = file
        self.name = os.path.join(root, file.path)
        self.flags = future_flags(file.tree)
        self.module = None
        for module in list(sys.modules.values()):
            path = getattr(module, "__file__", None)
            if isinstance(path, str) and os.path.realpath(path) == self.name and module.__name__ != "__main__":
                self.module = module
        self.functions = {}
        for found in gc.get_objects():
            if isinstance(found, types.FunctionType) and self.is_here(found.__code__):
                self.functions.setdefault((found.__code__.co_name, found.__code__.co_firstlineno), []).append(found)
        self.filenames = {f.__code__.co_filename for all in self.functions.values() for f in all}
        self.units = {}

    def is_here(self, code):
        name = code.co_filename
        if name == self.name:
            return True
        return os.path.basename(name) == os.path.basename(self.name) and os.path.realpath(name) == self.name

    def compile(self, tree):
        Counted().visit(tree)
        name = next(iter(self.filenames), self.name)
        return compile(tree, name, "exec", flags=self.flags, dont_inherit=True)

    def unit(self, number):
        """The compiled form of a top-level statement as it is."""
        if number not in self.units:
            self.units[number] = inner_codes(self.parse(number, []))
        return self.units[number]

    def parse(self, number, edits):
        return self.compile(self.tree(number, edits))

    def tree(self, number, edits):
        statement = self.file.tree.body[number]
        start, end = self.file.span(statement)
        first = self.file.data.count(b"\n", 0, start)
        text = apply(self.file.data[start:end], [(a - start, b - start, new) for a, b, new in edits])
        return ast.parse(b"\n" * first + text)

    def count(self):
        """From now on the functions of the file count their steps."""
        for number, statement in enumerate(self.file.tree.body):
            if isinstance(statement, (*FUNCTIONS, ast.ClassDef)):
                self.put(number, inner_codes(self.compile(self.tree(number, []))))

    def put(self, number, codes):
        """Exchanges the code of the functions of a top-level statement; says whether all could be."""
        whole = True
        for path, code in self.plain_unit(number).items():
            new = codes.get(path)
            for function in self.functions.get((code.co_name, code.co_firstlineno), ()):
                if new is None or len(new.co_freevars) != len(function.__code__.co_freevars):
                    whole = False
                else:
                    function.__code__ = new
        return whole

    def plain_unit(self, number):
        """The code objects by which the functions of a top-level statement are known."""
        return self.unit(number)

    def run_anew(self, edits):
        """Runs the whole changed file, and gives its functions and classes to who holds the old ones."""
        code = self.compile(ast.parse(apply(self.file.data, edits)))
        names = self.module.__dict__
        before = dict(names)
        exec(code, names)
        for name, old in before.items():
            new = names.get(name)
            if new is not old and not (name.startswith("__") and name.endswith("__")):
                names[name] = migrate(old, new, self.module.__name__)
                if names[name] is not old:
                    spread(name, old, names[name])


def migrate(old, new, module):
    """What stands for a new value: the old function or class with new code, where there is one."""
    if isinstance(old, types.FunctionType) and isinstance(new, types.FunctionType) and old.__module__ == module:
        try:
            old.__code__, old.__defaults__, old.__kwdefaults__ = new.__code__, new.__defaults__, new.__kwdefaults__
        except ValueError:
            return new
        return old
    if isinstance(old, type) and isinstance(new, type) and old.__module__ == module:
        for name, value in list(vars(new).items()):
            known = vars(old).get(name)
            inner = [getattr(value, "__func__", value), getattr(known, "__func__", known)]
            if all(isinstance(function, types.FunctionType) for function in inner):
                if migrate(inner[1], inner[0], module) is inner[1]:
                    continue
            if name not in ("__dict__", "__weakref__", "__module__", "__doc__", "__qualname__"):
                try:
                    setattr(old, name, value)
                except (AttributeError, TypeError):
                    pass
        return old
    return new


def spread(name, before, after):
    """Other modules hold under the same name what they imported."""
    for module in list(sys.modules.values()):
        names = getattr(module, "__dict__", None)
        if isinstance(names, dict) and before is not None and names.get(name) is before:
            names[name] = after


def apply(data, edits):
    """The text with replacements of bytes; those at the same place in the order given."""
    parts, at = [], 0
    for start, end, new in sorted(edits, key=lambda edit: (edit[0], edit[1])):
        if start < at:
            raise ValueError("edits overlap")
        parts += [data[at:start], new]
        at = end
    return b"".join(parts + [data[at:]])
