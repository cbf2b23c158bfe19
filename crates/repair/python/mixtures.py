"""Inputs put together of what the tests give: parts of all calls in other numbers and orders.

What two programs do alike on the inputs of few tests says little; on mixtures of their parts they seldom agree by chance. The
same calls lead to the same mixtures, wherever they are made.
"""

import ast
import random

LONGEST = 7


class Mixer:
    """Makes values of the kind of some recipes, from their own parts."""

    def __init__(self, calls):
        self.random = random.Random(7)
        self.columns = [[args[at] for args in calls] for at in range(min(map(len, calls), default=0))]
        self.numbers = sorted({value for args in calls for recipe in args for value in numbers(recipe)})

    def mixtures(self, most):
        for _ in range(most):
            yield [self.like(column) for column in self.columns]

    def like(self, recipes, depth=0):
        """A value like some recipes, one of which says its kind."""
        model = self.random.choice(recipes)
        alike = [recipe for recipe in recipes if kind(recipe) == kind(model)]
        if self.random.random() < 0.2 or depth > 4:
            return model
        if model[0] in ("list", "set"):
            return [model[0], self.parts([item for recipe in alike for item in recipe[1]], depth)]
        if model[0] == "tuple":
            same = [recipe for recipe in alike if len(recipe[1]) == len(model[1])]
            return ["tuple", [self.like([recipe[1][at] for recipe in same], depth + 1) for at in range(len(model[1]))]]
        if model[0] == "dict":
            return ["dict", self.entries([entry for recipe in alike for entry in recipe[1]], depth)]
        if model[0] == "lit":
            return self.literal(ast.literal_eval(model[1]), [ast.literal_eval(recipe[1]) for recipe in alike])
        return model

    def parts(self, items, depth):
        if not items:
            return []
        lists = [item for item in items if item[0] == "list"]
        if lists and self.random.random() < 0.7:
            # Rows of one table are equally long.
            length = len(self.random.choice(lists)[1])
            cells = [cell for item in lists for cell in item[1]]
            rows = range(self.random.randint(1, LONGEST))
            return [["list", [self.like(cells, depth + 1) for _ in range(length)] if cells else []] for _ in rows]
        return [self.like(items, depth + 1) for _ in range(self.random.randint(0, LONGEST))]

    def entries(self, entries, depth):
        if not entries:
            return []
        found = {}
        for _ in range(self.random.randint(0, LONGEST)):
            key, value = self.random.choice(entries)
            found[key[1] if key[0] == "lit" else str(key)] = [key, self.like([value for _, value in entries], depth + 1)]
        return list(found.values())

    def literal(self, model, alike):
        if isinstance(model, bool) or model is None:
            return ["lit", repr(self.random.choice(alike))]
        if isinstance(model, int):
            value = self.random.choice(self.numbers or [model])
            return ["lit", repr(value + self.random.choice((0, 0, 0, 1, -1, 2)) if value or self.random.random() < 0.5 else value)]
        if isinstance(model, str):
            if len(alike) > 2 and all(len(text) == 1 or text.isalnum() for text in alike) and max(map(len, alike)) > 1:
                # Names are taken as they are.
                return ["lit", repr(self.random.choice(alike))]
            letters = sorted({letter for text in alike for letter in text})
            longest = max(map(len, alike))
            length = self.random.randint(0, longest + 2) if longest > 1 else longest
            return ["lit", repr("".join(self.random.choice(letters) for _ in range(length)) if letters else model)]
        return ["lit", repr(self.random.choice(alike))]


def kind(recipe):
    return type(ast.literal_eval(recipe[1])).__name__ if recipe[0] == "lit" else recipe[0]


def numbers(recipe):
    """The whole numbers of a recipe."""
    if recipe[0] == "lit":
        text = recipe[1].lstrip("-")
        if text.isdigit() and len(text) < 7:
            yield int(recipe[1])
    elif recipe[0] in ("list", "tuple", "set"):
        for item in recipe[1]:
            yield from numbers(item)
    elif recipe[0] == "dict":
        for key, value in recipe[1]:
            yield from numbers(key)
            yield from numbers(value)
