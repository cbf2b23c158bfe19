"""Variations of a call: values of the log put in the places they fit, and small changes of single values."""

import ast
import itertools
import json
import re

import values


def slots(call, names):
    """Places of a call that hold a value of their own: (path, name), arguments of constructors included."""
    found = []
    for number, recipe in enumerate(call["args"]):
        name = names[number] if number < len(names) else ""
        found += [(["args", number], name)] + below(recipe, ["args", number], 0)
    for number, (name, recipe) in enumerate(call["kwargs"]):
        found += [(["kwargs", number, 1], name)] + below(recipe, ["kwargs", number, 1], 0)
    return found


def below(recipe, path, depth):
    if depth > 2:
        return []
    found = []
    if recipe[0] == "new":
        for number, inner in enumerate(recipe[2]):
            found += [(path + [2, number], "")] + below(inner, path + [2, number], depth + 1)
    if recipe[0] in ("new", "raw"):
        at = 3 if recipe[0] == "new" else 2
        for number, (name, inner) in enumerate(recipe[at]):
            found += [(path + [at, number, 1], name)] + below(inner, path + [at, number, 1], depth + 1)
    return found


def nodes(call):
    """Every place of a call that holds a recipe, outer before inner."""
    found = []

    def visit(recipe, path):
        found.append(path)
        if len(found) > 400:
            return
        tag = recipe[0]
        if tag in ("list", "tuple", "set"):
            for number, inner in enumerate(recipe[1][:30]):
                visit(inner, path + [1, number])
        elif tag == "dict":
            for number, (_, inner) in enumerate(recipe[1][:30]):
                visit(inner, path + [1, number, 1])
        elif tag == "fake":
            for number, (_, inner) in enumerate(recipe[1][:30]):
                visit(inner, path + [1, number, 1])
        elif tag in ("new", "raw"):
            for at in ([2, 3] if tag == "new" else []):
                for number, inner in enumerate(recipe[at]):
                    visit(inner if at == 2 else inner[1], path + [at, number] + ([] if at == 2 else [1]))
            if tag == "raw":
                for number, (_, inner) in enumerate(recipe[2]):
                    visit(inner, path + [2, number, 1])
            if tag == "new":
                for step, (_, args, kwargs) in enumerate(recipe[4]):
                    for number, inner in enumerate(args):
                        visit(inner, path + [4, step, 1, number])
                    for number, (_, inner) in enumerate(kwargs):
                        visit(inner, path + [4, step, 2, number, 1])

    for number, recipe in enumerate(call["args"]):
        visit(recipe, ["args", number])
    for number, (_, recipe) in enumerate(call["kwargs"]):
        visit(recipe, ["kwargs", number, 1])
    if call.get("self"):
        visit(call["self"], ["self"])
    return found


def at(call, path):
    for step in path:
        call = call[step]
    return call


def put(call, path, recipe):
    """The call with another recipe at a place; what is not on the way is shared."""
    if not path:
        return recipe
    copy = dict(call) if isinstance(call, dict) else list(call)
    copy[path[0]] = put(copy[path[0]], path[1:], recipe)
    return copy


def encode(value):
    try:
        return values.Encoder().encode(value)
    except values.CannotEncode:
        return None


def kind(recipe):
    return type(ast.literal_eval(recipe[1])).__name__ if recipe[0] == "lit" else recipe[0]


def alike(one, two):
    """Whether two words look like the same sort of thing."""

    def form(word):
        return (word[:1] == "/", word.isupper(), word.isdigit(), "." in word, "-" in word, " " in word)

    return form(one) == form(two)


def fitting(recipe, name, mined, loose, made_up):
    """Values of one text that fit a place, the likeliest first; words of prose only in place of recorded ones."""
    found = []
    words = mined.values if made_up else mined.words
    if recipe[0] in ("ref", "std", "raw", "new", "fake"):
        return found
    tag = kind(recipe)
    if name in mined.named:
        value = mined.named[name]
        if loose or tag == "NoneType" or type(value).__name__ == tag:
            found.append(value)
    if tag in ("dict", "NoneType"):
        found += [item for item in mined.objects if isinstance(item, dict)]
        if tag == "dict" and values.is_plain(recipe):
            whole = values.build(recipe)
            found += [dict(whole, **item) for item in mined.objects if isinstance(item, dict) and all(isinstance(k, str) for k in item)]
    if tag == "list":
        found += [item for item in mined.objects if isinstance(item, list)]
        found += [value for value in mined.named.values() if isinstance(value, list)]
    if tag == "str":
        text = ast.literal_eval(recipe[1])
        if text[:1] in ("{", "["):
            found += mined.raw
        else:
            found += [word for word in words if alike(word, text) or (made_up and name)]
            if loose:
                found += mined.raw + words
    if tag == "bytes":
        found += [text.encode("utf-8", "replace") for text in mined.raw + words[:10]]
    if tag in ("int", "float"):
        found += [number for number in mined.numbers if type(number).__name__ == tag or loose]
    if tag == "NoneType" and loose:
        found += words[:10]
    recipes = []
    for value in found:
        encoded = encode(value)
        if encoded is not None and encoded != recipe and encoded not in recipes:
            recipes.append(encoded)
    return recipes[:12]


def logged(call, names, mined, loose=False, made_up=False):
    """The call with values of one log line in as many places as fit, most places first."""
    places = slots(call, names)[:10]
    choices = [fitting(at(call, path), name, mined, loose, made_up) for path, name in places]
    # A value that fits an argument itself is not tried first inside of an object's constructor.
    top = any(found for found, (path, _) in zip(choices, places) if len(path) <= 3)
    choices = [
        [None] + found if top and len(path) > 3 else found + [None] for found, (path, _) in zip(choices, places)
    ]
    for chosen in itertools.islice(itertools.product(*choices), 240):
        changed = call
        for (path, _), recipe in zip(places, chosen):
            if recipe is not None:
                changed = put(changed, path, recipe)
        if changed is not call:
            yield changed


def smaller(recipe):
    """A container without one of its parts."""
    return [[recipe[0], recipe[1][:n] + recipe[1][n + 1 :]] for n in range(min(len(recipe[1]), 12))]


def variants(recipe, suggested, missing, words):
    """Other values for one place, the likeliest first; sorted into ranks by position."""
    tag = kind(recipe)
    found = []
    if tag == "dict":
        for number, (key, _) in enumerate(recipe[1][:12]):
            if key[0] == "lit" and ast.literal_eval(key[1]) in missing:
                found.append(["dict", recipe[1][:number] + recipe[1][number + 1 :]])
        found += [["dict", [[encode(word), item] if n == 0 else [key, item] for n, (key, item) in enumerate(recipe[1])]] for word in suggested[:3] if isinstance(word, str) and encode(word) is not None and recipe[1]]
    found += [item for item in map(encode, suggested) if item is not None]
    if tag in ("list", "tuple", "set", "dict"):
        found += [[recipe[0], []]] + smaller(recipe)
    if tag in ("list", "tuple"):
        found += [[recipe[0], recipe[1] * 2], [recipe[0], recipe[1] * 3], [recipe[0], recipe[1][::-1]], ["list", [["lit", "None"]]]]
        found += [[recipe[0], recipe[1] * 7]] + [[recipe[0], recipe[1] + recipe[1][-1:]]]
    if tag == "dict":
        found += [["dict", recipe[1] + [[["lit", "'another'"], ["lit", "1"]]]]]
    if tag == "str":
        text = ast.literal_eval(recipe[1])
        others = ["", text[:-1], text[1:], text + "x", text + " " + text, " ", text.upper(), text.lower(), "0", "-1", "1.5"]
        others += [text + mark for mark in ("-", "_", ".", "/", ":", ",", "+", "?", "\n", "\u00e9")] + ["a", "-", "/", "%", text * 20]
        found += map(encode, others + words[:20])
    if tag == "bytes":
        found += map(encode, [b"", b"\xff", b"a", ast.literal_eval(recipe[1])[:-1]])
    if tag in ("int", "float", "bool"):
        number = ast.literal_eval(recipe[1])
        others = [0, 1, -1, number + 1, number - 1, 2, number * 2, str(number), number + 0.5, not number]
        found += map(encode, others + list(range(3, 26)) + [50, 100, 1000, 10**6, float("inf"), float("nan")])
    found += map(encode, [None, "", 0, "a", 1, [], {}, -1, 1.5, [1], (), ["a"], {"a": 1}])
    if tag == "new" and recipe[4]:
        found = [recipe[:4] + [recipe[4][:-1]], recipe[:4] + [recipe[4] + recipe[4][-1:]]] + found
    unique = []
    for item in found:
        if item is not None and item != recipe and item not in unique:
            unique.append(item)
    return unique


def singles(call, suggested, missing, words):
    """The call with one value changed: the likeliest change of every place first."""
    places = [(path, variants(at(call, path), suggested, missing, words)) for path in nodes(call) if at(call, path)[0] not in ("ref", "std")]
    for rank in range(max([len(options) for _, options in places] or [0])):
        for path, options in places:
            if rank < len(options):
                yield put(call, path, options[rank])


def quoted(source):
    """Every short text constant of a source."""
    return {found[0] or found[1] for found in re.findall(r"'([^'\\\n]{1,80})'|\"([^\"\\\n]{1,80})\"", source)}


def reductions(call, fixed):
    """Smaller calls: named arguments and parts of containers dropped, histories shortened.

    What the code names (`fixed`) stays: a record without one of its fields would fail in another way once this
    failure is repaired. For the same reason a list keeps one element.
    """
    if call["args"]:
        # Only an argument with a default can go; without any other the call fails in another way.
        yield put(call, ["args"], call["args"][:-1])
    for path in nodes(call):
        recipe = at(call, path)
        if recipe[0] == "dict":
            for number, (key, _) in enumerate(recipe[1][:30]):
                if key[0] != "lit" or ast.literal_eval(key[1]) not in fixed:
                    yield put(call, path, ["dict", recipe[1][:number] + recipe[1][number + 1 :]])
        if recipe[0] in ("list", "tuple", "set") and len(recipe[1]) > 1:
            if len(recipe[1]) > 2:
                half = len(recipe[1]) // 2
                yield put(call, path, [recipe[0], recipe[1][half:]])
                yield put(call, path, [recipe[0], recipe[1][:half]])
            for less in smaller(recipe):
                yield put(call, path, less)
        if recipe[0] == "new":
            for number in range(len(recipe[4])):
                yield put(call, path + [4], recipe[4][:number] + recipe[4][number + 1 :])
        if recipe[0] == "lit" and kind(recipe) == "str" and len(recipe[1]) > 60:
            text = ast.literal_eval(recipe[1])
            yield put(call, path, encode(text[: len(text) // 2]))
            yield put(call, path, encode(text[len(text) // 2 :]))


def size(call):
    return len(json.dumps(call))
