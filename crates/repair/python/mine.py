"""Values that a log line or an exception's text holds: JSON and Python literals, words, numbers, named values.

No log format is known here; a line is text in which some parts can be read as values.
"""

import ast
import datetime
import decimal
import json
import re
import urllib.parse

MAX_LINE = 16000
MAX_PARTS = 40
NUMBER = re.compile(r"-?\d+(?:\.\d+)?\Z")
QUOTED = re.compile(r"'([^'\n]{0,400})'|\"([^\"\n]{0,400})\"")
NAMED = re.compile(r"([A-Za-z_][\w.-]{0,60})=(\"[^\"\n]{0,400}\"|'[^'\n]{0,400}'|[^\s,;&]{1,400})")
# When a line was written and how bad it is says nothing about what the program was given.
STAMP = re.compile(
    r"\s*\[?\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?(?:Z| ?[+-]\d\d:?\d\d)?\]?(?=\s|$)"
    r"(?:\s*[\[|-]?\s*(?:TRACE|DEBUG|INFO|NOTICE|WARN|WARNING|ERROR|CRITICAL|FATAL)\b\]?)?"
)


class Mined:
    """What one text holds."""

    def __init__(self, text):
        self.text = STAMP.sub("", text[:MAX_LINE], count=1) if STAMP.match(text) else text[:MAX_LINE]
        self.objects = []
        self.raw = []
        self.words = []
        self.values = []
        self.numbers = []
        self.named = {}
        rest = self.take_objects()
        for name, value in NAMED.findall(rest):
            self.named.setdefault(name, guess(value.strip("\"'")))
        for found in QUOTED.findall(rest):
            self.word(found[0] or found[1], True)
        for word in rest.split()[:200]:
            word = word.strip(",;()[]<>\"'")
            self.word(word)
            self.word(word.rstrip(".:"))
            if "=" in word:
                self.word(word.split("=", 1)[1].strip("\"'"), True)
            if "?" in word:
                self.query(word.split("?", 1))
        for item in self.objects:
            self.names(item, 0)

    def word(self, word, value=False):
        # A word of prose is hardly a value; one with a digit or a mark in it, or in quotes, may be.
        if word and word not in self.values and (value or not word.isalpha()):
            self.values.append(word)
        if word and word not in self.words and len(self.words) < 120:
            self.words.append(word)
            if NUMBER.match(word) and len(word) < 18:
                self.numbers.append(guess(word))

    def query(self, parts):
        self.word(parts[0], True)
        pairs = urllib.parse.parse_qsl(parts[1], keep_blank_values=True)[:40]
        if pairs:
            self.objects.append(dict(pairs))
        for name, value in pairs:
            self.named.setdefault(name, guess(value))
            self.word(value, True)

    def names(self, item, depth):
        if depth > 4 or len(self.named) > 200:
            return
        if isinstance(item, dict):
            for key, value in item.items():
                if isinstance(key, str):
                    self.named.setdefault(key, value)
                self.names(value, depth + 1)
        elif isinstance(item, list):
            for value in item[:20]:
                self.names(value, depth + 1)

    def take_objects(self):
        """Reads every JSON or Python literal of the text, outermost first; returns the text without them."""
        rest, at = [], 0
        tries = 0
        while at < len(self.text):
            if self.text[at] in "{[" and tries < MAX_PARTS:
                tries += 1
                found = read_object(self.text, at)
                if found is not None:
                    value, end = found
                    self.objects.append(value)
                    self.raw.append(self.text[at:end])
                    rest.append(" ")
                    at = end
                    continue
            rest.append(self.text[at])
            at += 1
        return "".join(rest)


def read_object(text, at):
    try:
        value, end = json.JSONDecoder().raw_decode(text, at)
        return (value, end) if value else None
    except (ValueError, RecursionError):
        pass
    depth = 0
    for end in range(at, min(len(text), at + 4000)):
        depth += (text[end] in "{[") - (text[end] in "}]")
        if depth == 0:
            try:
                value = ast.literal_eval(text[at : end + 1])
                return (value, end + 1) if value else None
            except (ValueError, SyntaxError, RecursionError, MemoryError):
                return None
    return None


def guess(word):
    if NUMBER.match(word) and len(word) < 18:
        return float(word) if "." in word else int(word)
    return {"true": True, "false": False, "null": None, "none": None}.get(word.lower(), word)


def hints(exception, message):
    """Values that the exception's text suggests, the likeliest first, and keys that may have been missing."""
    suggested, missing = [], []
    samples = {
        "NoneType": [None],
        "str": ["a", "", "1"],
        "int": [1, 0],
        "float": [1.5],
        "list": [[], [1]],
        "dict": [{}, {"a": 1}],
        "tuple": [(), (1,)],
        "bytes": [b"a"],
        "bool": [True],
        "set": [set()],
    }
    if exception == "KeyError":
        try:
            missing.append(ast.literal_eval(message))
        except Exception:
            missing.append(message)
        suggested += missing
    for name in re.findall(r"\b(NoneType|str|int|float|list|dict|tuple|bytes|bool|set)\b", message):
        for value in samples[name]:
            if not any(type(value) is type(s) and value == s for s in suggested):
                suggested.append(value)
    if exception == "IndexError":
        suggested += [[], "", (), 0, [1]]
    if exception == "ZeroDivisionError":
        suggested += [0, 0.0, [], {}, ""]
    if exception.startswith("Unicode"):
        suggested += [b"\xff\xfe", "\u00e9", "\ud800"]
    if exception in ("ValueError", "OverflowError", "InvalidOperation"):
        suggested += ["", "a", 0, -1, 1e400, 10**20]
    made = re.match(r"Object of type (\w+) is not JSON serializable", message)
    if made:
        told = {
            "date": datetime.date(2020, 1, 2),
            "datetime": datetime.datetime(2020, 1, 2, 3, 4, 5),
            "Decimal": decimal.Decimal("1.5"),
        }
        suggested[:0] = [told[made.group(1)]] if made.group(1) in told else []
    for found in QUOTED.findall(message):
        word = found[0] or found[1]
        if word not in samples and word not in suggested:
            suggested.append(word)
    for word in message.split():
        word = word.strip(".,:;()'\"")
        if NUMBER.match(word) and len(word) < 18:
            suggested.append(guess(word))
    return suggested, missing
