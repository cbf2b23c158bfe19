"""Edits of names and attributes: another one that can stand in the place, or another expression of the function."""

import ast

from place import ATOM, LOOSE, level_of
from program import alike, known_alike, plain


def name(place, node):
    """Another name that can stand where a name stands."""
    if isinstance(node.ctx, ast.Del):
        return
    parent, field = place.file.above.get(node, (None, None))
    called = isinstance(parent, ast.Call) and field == "func"
    if called:
        return
    kinds = place.kinds(node)
    if "function" in kinds and node.id not in place.scope.local:
        return
    stored = isinstance(node.ctx, ast.Store)
    prior = 0.4 if isinstance(parent, (ast.Call, ast.Subscript, ast.Tuple)) else 0.3
    count = 0
    for other in place.names(kinds, (node.id,)):
        if stored and not place.is_local(other):
            continue
        exact = bool(plain(kinds) and plain(place.scope.of(other)))
        weight = 2.0 if other in place.scope.unread else 1.0 if exact else 0.4
        yield place.put(node, other, ATOM, "name", (prior * 0.6 if stored else prior) * weight * (1 if place.is_local(other) else 0.6))
        count += 1
        if count >= 10:
            break
    if stored:
        return
    for other in place.scope.local:
        # The name that stands there may be wrong by its kind, too.
        if other != node.id and not alike(kinds, place.scope.of(other)) and "function" not in place.scope.of(other):
            yield place.put(node, other, ATOM, "name", prior * (1.5 if other in place.scope.unread else 0.3))
    owner = place.file.up(place.statement, ast.ClassDef)
    if owner is not None and node.id not in ("self", "cls"):
        if node.id in place.scope.fields.get(owner.name, {}):
            yield place.put(node, "self." + node.id, ATOM, "name", 0.4)


def attribute(place, node):
    holder = [kind for kind in place.kinds(node.value) if kind in place.scope.fields]
    owner = place.file.up(place.statement, ast.ClassDef)
    if isinstance(node.value, ast.Name) and node.value.id == "self" and owner is not None:
        holder.append(owner.name)
    kinds = place.kinds(node)
    parent, field = place.file.above.get(node, (None, None))
    called = isinstance(parent, ast.Call) and field == "func"
    others = {}
    for kind in holder:
        for other, found in place.scope.fields.get(kind, {}).items():
            others.setdefault(other, set()).update(found)
    if not others:
        for found in ast.walk(place.file.tree):
            if isinstance(found, ast.Attribute) and not isinstance(place.file.parent(found), ast.Call):
                if place.text(found.value) == place.text(node.value):
                    others.setdefault(found.attr, set())
    if called:
        for other in method_names(place, node):
            yield renamed(place, node, other, 0.2)
    else:
        for other, found in list(others.items())[:12]:
            if other != node.attr and alike(kinds, found):
                yield renamed(place, node, other, 0.35)
    if isinstance(node.value, ast.Name) and node.value.id == "self" and node.attr in place.scope.local:
        yield place.put(node, node.attr, ATOM, "name", 0.3)
    if not called and isinstance(node.ctx, ast.Load):
        yield place.put(node, place.text(node.value), ATOM, "attribute", 0.06)


def deeper(place, node):
    """A part of an object where the object itself is used."""
    parent, field = place.file.above.get(node, (None, None))
    if not isinstance(node.ctx, ast.Load) or isinstance(parent, ast.Attribute) and isinstance(place.file.parent(parent), ast.Call):
        return
    text, kinds = place.text(node), place.kinds(node)
    if text in ("self", "cls"):
        return
    for kind in sorted(plain(kinds)):
        for field, found in list(place.scope.fields.get(kind, {}).items())[:8]:
            yield place.put(node, "%s.%s" % (text, field), ATOM, "attribute", 0.2 if alike(kinds, found) else 0.1)


def method_names(place, node):
    """Other methods of the same file that are called with as many arguments."""
    call = place.file.parent(node)
    owner = place.file.up(place.statement, ast.ClassDef)
    found = []
    for other in ast.walk(owner or place.file.tree):
        if isinstance(other, ast.FunctionDef) and isinstance(place.file.parent(other), ast.ClassDef):
            wanted = len(other.args.args) - 1
            if other.name != node.attr and wanted - len(other.args.defaults) <= len(call.args) <= wanted and not other.name.startswith("__"):
                found.append(other.name)
    return found[:8]


def renamed(place, node, other, prior):
    end = place.file.span(node)[1]
    return place.edit([(end - len(node.attr.encode()), end, other)], "attribute", prior, "%s instead of %s" % (other, node.attr))


def donors(place, node):
    """Other expressions of the same function with values of the same kind."""
    if not isinstance(node, (ast.Call, ast.Subscript, ast.Attribute, ast.Name, ast.BinOp)) or place.function is None:
        return
    if isinstance(getattr(node, "ctx", None), (ast.Store, ast.Del)):
        if isinstance(node.ctx, ast.Del) or not isinstance(node, (ast.Subscript, ast.Attribute)):
            return
    parent, field = place.file.above.get(node, (None, None))
    if field in ("func", "target") or isinstance(parent, (ast.Attribute, ast.Starred)) or field == "value" and isinstance(parent, (ast.Attribute, ast.Subscript)):
        return
    stored = isinstance(getattr(node, "ctx", None), ast.Store)
    kinds, mine = place.kinds(node), place.text(node)
    seen, count = {mine}, 0
    for found in ast.walk(place.function):
        usable = isinstance(found, (ast.Subscript, ast.Attribute)) or not stored and isinstance(found, (ast.Call, ast.BinOp))
        if not usable or place.file.field(found) == "func" or isinstance(place.file.statement(found), ast.FunctionDef):
            continue
        text = place.text(found)
        if text in seen or len(text) > 50 or "\n" in text or not known_alike(kinds, place.kinds(found)):
            continue
        seen.add(text)
        count += 1
        yield place.put(node, text, level_of(found), "donor", 0.15)
        if count >= 12:
            return
    if isinstance(node, (ast.Call, ast.Subscript, ast.Attribute, ast.BinOp)) and not stored and known_alike(kinds, kinds):
        for other in place.names(kinds)[:8]:
            if known_alike(kinds, place.scope.of(other)):
                yield place.put(node, other, ATOM, "name", 0.2)


def tuples(place, node):
    """Another pair of values of the same function in place of one."""
    if not isinstance(node.ctx, ast.Load) or place.function is None or isinstance(place.file.parent(node), ast.Subscript):
        return
    mine, kinds, count = ast.dump(node), [plain(place.kinds(item)) for item in node.elts], 0
    for found in ast.walk(place.function):
        if isinstance(found, ast.Tuple) and isinstance(found.ctx, ast.Load) and len(found.elts) == len(node.elts) and ast.dump(found) != mine:
            text = place.text(found)
            alike_all = all(not one or one & plain(place.kinds(two)) for one, two in zip(kinds, found.elts))
            if alike_all and "\n" not in text and len(text) <= 60 and count < 6:
                count += 1
                yield place.put(node, text, ATOM if text[:1] == "(" else LOOSE, "donor", 0.15)
