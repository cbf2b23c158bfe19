"""Edits of all places of one expression at a time: two names taken for one another, or one that is wrong throughout."""

import ast
import itertools

from place import ADDED
from program import known_alike, plain

# Names of one expression that are looked at.
MOST = 5


def exchanged(place, node):
    """Two names of an expression, each in the place of the other."""
    parent = place.file.parent(node)
    if isinstance(getattr(node, "ctx", None), ast.Store) or isinstance(node, ast.BinOp) and isinstance(parent, ast.BinOp):
        return
    read = names_read(node)
    for one, two in itertools.combinations(list(read)[:MOST], 2):
        if known_alike(place.scope.of(one), place.scope.of(two)):
            start, end = place.file.span(node)
            edits = [(*place.file.span(found), two) for found in read[one]] + [(*place.file.span(found), one) for found in read[two]]
            # Two parts that are nothing but names are swapped as such.
            if len(edits) > 2 or any(place.file.parent(found) is not node for found in read[one] + read[two]):
                yield place.edit(edits, "name", 0.2, "%s and %s are exchanged in %s" % (one, two, place.text(node)))


def throughout(place):
    """A name that a statement reads more than once, another in all its places, or one more or less."""
    read = {}
    for node in place.nodes:
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            read.setdefault(node.id, []).append(node)
    for name, found in list(read.items())[:MOST]:
        kinds = place.scope.of(name)
        if len(found) < 2 or not place.is_local(name) or not plain(kinds) or "function" in kinds:
            continue
        for other in place.names(kinds, (name,))[:5]:
            if place.is_local(other) and known_alike(kinds, place.scope.of(other)):
                yield place.edit([(*place.file.span(node), other) for node in found], "name", 0.15, "%s instead of %s throughout" % (other, name))
        if plain(kinds) == {"int"}:
            for sign in ("+", "-"):
                made = "%s %s 1" % (name, sign)
                edits = [(*place.file.span(node), place.fitted(node, made, ADDED)) for node in found]
                yield place.edit(edits, "offset", 0.15, "%s instead of %s throughout" % (made, name))


def names_read(node):
    """The names that an expression reads, each with its places."""
    read = {}
    for found in ast.walk(node):
        if isinstance(found, ast.Name) and isinstance(found.ctx, ast.Load):
            read.setdefault(found.id, []).append(found)
    return read
