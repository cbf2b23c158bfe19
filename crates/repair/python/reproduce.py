"""Searches a call of the project that fails as the incident did.

Reads {root, paths, exception, message, chained, crash, targets, calls, lines, spoken, seconds, attempts} and answers
{found, attempts, seconds, problem}. Calls run in forked children, so that what one of them breaks stays there. A hit
counts only if it happens again, alone, in a fresh child.
"""

import inspect
import json
import mmap
import os
import random
import re
import resource
import select
import signal
import struct
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import calls
import mine
import observe
import shapes
import spoken
import values
import vary

CALL_SECONDS = 1.0
BATCH = 300
# Different hits that are told, and how long more are looked for after the first.
HITS = 4
# Calls drawn in a row that were tried before, after which there is nothing left to try.
REPEATED = 3000
MORE_SECONDS = 0.7
TYPED = ("TypeError", "AttributeError", "NameError", "UnboundLocalError", "ImportError", "ModuleNotFoundError")


def normal(message):
    """A message without what differs from input to input; type names and identifiers in quotes stay."""
    message = re.sub(r"0x[0-9a-fA-F]+|\d+(?:\.\d+)?", "#", message)
    keep = r"'(?:NoneType|str|int|float|list|dict|tuple|bytes|bool|set|method|function|[A-Za-z_]\w*)'"
    return re.sub(r"'[^']*'|\"[^\"]*\"", lambda m: m.group(0) if re.fullmatch(keep, m.group(0)) else "?", message)


def level_of(chain, spec):
    """How well an exception agrees with the incident: 0 not at all, 1 type and frame, 2 also the text's form, 3 the text."""
    for error in chain if spec["chained"] else chain[:1]:
        if not same_type(error, spec["exception"]) or not same_frame(error["frames"], spec["crash"]):
            continue
        if error["message"] == spec["message"]:
            return 3
        plain = spec["exception"].split(".")[-1]
        if plain == "KeyError" and spec["message"]:
            if same_sort_of_key(error["message"], spec):
                return 2
            continue
        if normal(error["message"]) == normal(spec["message"]):
            return 2
        if not spec["message"]:
            return 2
        if plain not in TYPED:
            return 1
    return 0


def same_sort_of_key(message, spec):
    """Whether another missing key is the same failure: not if either is written in the crashing statement itself."""
    if any(key in spec["crash"]["statement"].replace('"', "'") for key in (message, spec["message"])):
        return False
    return message[:1] == spec["message"][:1] or (message[:1] + spec["message"][:1]).isdigit()


def same_type(error, wanted):
    full = error["module"] + "." + error["type"]
    return wanted == error["type"] or full == wanted or ("." in wanted and full.endswith("." + wanted))


def same_frame(frames, crash):
    for file, line, function in frames:
        if file is None or function in calls.COMPREHENSIONS:
            continue
        return (
            file == crash["file"]
            and function == crash["function"]
            and (not crash["lines"] or crash["lines"][0] <= line <= crash["lines"][1])
        )
    return False


class Search:
    def __init__(self, spec):
        self.spec = spec
        self.root = spec["root"]
        self.targets = [calls.Target(target) for target in spec["targets"]]
        self.usable = []
        self.tried = 0
        self.ends = time.monotonic() + spec["seconds"]
        self.suggested, self.missing = mine.hints(spec["exception"].split(".")[-1], spec["message"])
        self.lines = [mine.Mined(line) for line in spec["lines"]]
        self.words = []
        for line in self.lines:
            self.words += [word for word in line.words if word not in self.words]
        self.seen = set()
        self.fixed = set()
        self.classes = None
        self.known = spec["classes"]

    def load(self):
        """Imports the targets; returns what went wrong if none can be called."""
        calls.alarm(20)
        problem = None
        for number, target in enumerate(self.targets):
            try:
                if target.load():
                    self.usable.append(number)
            except calls.OutOfTime:
                problem = "the import of %s takes too long" % target.module
                break
        for target in self.targets:
            self.words += [word for word in constants(target.function) if word not in self.words]
        if not self.usable and problem is None:
            problem = self.import_problem()
        calls.alarm(0)
        for module in {target.module for target in self.targets}:
            try:
                self.fixed |= vary.quoted(inspect.getsource(sys.modules[module]))
            except (KeyError, OSError, TypeError):
                pass
        return problem

    def import_problem(self):
        for target in self.targets:
            try:
                __import__(target.module)
            except BaseException as error:
                return "%s cannot be imported: %s: %s" % (target.module, type(error).__name__, str(error)[:300])
        return "no function of the stack can be called from outside"

    def names(self, number):
        try:
            names = list(self.targets[number].signature().parameters)
        except (TypeError, ValueError):
            return []
        return names[1:] if names[:1] in (["self"], ["cls"]) else names

    def recorded(self, number, limit):
        found = [call for call in self.spec["calls"] if call["target"] == number]
        return sorted(found, key=vary.size)[:limit]

    def attempts(self):
        """Calls with where their values come from, the most telling first."""
        repeated = 0
        for call, origin in self.ordered():
            key = json.dumps(call, sort_keys=True)
            repeated += 1
            if key not in self.seen:
                self.seen.add(key)
                repeated = 0
                yield call, origin
            # A function that takes nothing has one call, however often it is drawn.
            if repeated > REPEATED or time.monotonic() > self.ends:
                return

    def ordered(self):
        for call in self.printed(True):
            yield call, {"kind": "printed"}
        for loose in (False, True):
            for number, mined in enumerate(self.lines):
                for target in self.usable:
                    for call in self.recorded(target, 12):
                        for changed in vary.logged(call, self.names(target), mined, loose):
                            yield changed, {"kind": "logged", "line": number}
        for target in self.usable:
            for call in self.recorded(target, 40):
                yield call, {"kind": "recorded"}
        for call in self.printed(False):
            yield call, {"kind": "completed"}
        generated = {}
        for target in self.usable:
            generated[target] = list(self.generated(target, 60))
            for call in generated[target][:12]:
                for number, mined in enumerate(self.lines):
                    for changed in vary.logged(call, self.names(target), mined, False, True):
                        yield changed, {"kind": "logged", "line": number}
        streams = []
        for target in self.usable:
            for call in self.recorded(target, 12):
                streams.append((vary.singles(call, self.suggested, self.missing, self.words), "varied"))
            streams.append((iter(generated[target]), "generated"))
            for call in generated[target][:6]:
                streams.append((vary.singles(call, self.suggested, self.missing, self.words), "generated"))
        yield from in_turns(streams)
        for target in reversed(self.usable):
            for call in self.generated(target, 4000):
                yield call, {"kind": "generated"}
        yield from self.random_pairs(generated)

    def printed(self, whole):
        """Calls as the lines of the stack trace hold them: those without an open part, or those with, completed."""
        for number in self.usable:
            target = self.targets[number]
            name = target.path.split(".")[-1]
            if name == "__init__":
                name = target.path.split(".")[-2]
            for line in self.spec["spoken"]:
                if line["function"] not in (name, target.path.split(".")[-1]):
                    continue
                for holder, args, kwargs in spoken.calls_of(line["source"], name):
                    yield from self.filled(number, holder, args, kwargs, whole)

    def filled(self, number, holder, args, kwargs, whole):
        target = self.targets[number]
        args = [spoken.recipe(arg, self.class_named) for arg in args]
        kwargs = [[key, spoken.recipe(item, self.class_named)] for key, item in kwargs]
        method = target.kind in ("method", "property") and not target.path.endswith("__init__")
        holders = [None]
        if method and spoken.last_name(holder) == target.path.split(".")[-2]:
            # The class itself was asked, so the first argument is the object.
            holders, args = [args[0]] if args and args[0] is not spoken.OPEN else self.holders(number), args[1:]
        elif method:
            known = spoken.recipe(holder, self.class_named) if holder is not None else spoken.OPEN
            holders = self.holders(number) if known is spoken.OPEN else [known]
        parts = args + [recipe for _, recipe in kwargs]
        if whole != (spoken.OPEN not in parts and len(holders) == 1) or (parts and not any(parts)):
            return
        open_ones = self.options_for(number, args, kwargs)
        for chosen in by_rank([holders] + open_ones, 400):
            rest = chosen[1:]
            yield {
                "target": number,
                "self": chosen[0],
                "args": rest[: len(args)],
                "kwargs": [[key, recipe] for (key, _), recipe in zip(kwargs, rest[len(args) :])],
            }

    def options_for(self, number, args, kwargs):
        """For every argument the recipe that is known, or what the function does with its parameter."""
        target = self.targets[number]
        try:
            parameters = list(target.signature().parameters.values())
        except (TypeError, ValueError):
            parameters = []
        if parameters[:1] and parameters[0].name in ("self", "cls"):
            parameters = parameters[1:]
        used = shapes.shapes_of(target.function, [parameter.name for parameter in parameters])
        named = {parameter.name: parameter for parameter in parameters}
        pools = []
        for at, known in enumerate(args):
            parameter = parameters[at] if at < len(parameters) else None
            pools.append([known] if known is not spoken.OPEN else self.pool(target, parameter, used))
        for key, known in kwargs:
            pools.append([known] if known is not spoken.OPEN else self.pool(target, named.get(key), used))
        return pools

    def pool(self, target, parameter, used):
        if parameter is None:
            return [["lit", "None"], ["lit", "1"], ["lit", "'a'"]]
        return shapes.recipes(target.function, parameter, used.get(parameter.name), self.make)

    def class_named(self, name):
        """The "module:path" of the one class of the project with a name, whatever the case of its letters."""
        if self.classes is None:
            self.classes = {}
            for module in list(sys.modules.values()):
                if calls.inside(getattr(module, "__file__", None) or "", self.root) is None:
                    continue
                for kind in list(vars(module).values()):
                    if inspect.isclass(kind) and kind.__module__ == module.__name__ and values.reachable(kind):
                        self.classes.setdefault(kind.__name__.lower(), set()).add(values.reachable(kind))
        found = self.classes.get(name.lower(), set()) | {known for known in self.known.get(name, []) if self.holds(known)}
        return min(found) if len(found) == 1 else None

    def holds(self, name):
        """Whether a class that only its file names can be imported."""
        try:
            return inspect.isclass(values.resolve(name))
        except BaseException:
            return False

    def random_pairs(self, generated):
        """Two or three changes at once, drawn with a fixed seed."""
        chance = random.Random(20)
        pool = [(call, "varied") for target in self.usable for call in self.recorded(target, 12)]
        pool += [(call, "generated") for target in self.usable for call in generated[target][:20]]
        while pool:
            call, kind = chance.choice(pool)
            for _ in range(chance.choice((2, 2, 3))):
                places = [path for path in vary.nodes(call) if vary.at(call, path)[0] not in ("ref", "std")]
                if not places:
                    break
                path = chance.choice(places)
                options = vary.variants(vary.at(call, path), self.suggested, self.missing, self.words)
                call = vary.put(call, path, chance.choice(options[: chance.choice((4, 12, 60))]))
            yield call, {"kind": kind}

    def generated(self, number, limit):
        """Calls made from the signature and from what the function does with its parameters."""
        target = self.targets[number]
        holders = [None]
        if target.kind in ("method", "property") and not target.path.endswith("__init__"):
            holders = self.holders(number)
        for args, kwargs in argument_lists(target.function, self.make, limit):
            for holder in holders:
                yield {"target": number, "self": holder, "args": args, "kwargs": kwargs}

    def holders(self, number):
        """Objects to call a method on: made by their class, at last a stand-in that has what the method reads."""
        target = self.targets[number]
        found = self.objects(target.path.rsplit(".", 1)[0], target.module, 0)
        used = shapes.shapes_of(target.function, ["self"]).get("self")
        return found + [shapes.stand_in(used)] if used is not None and used.attributes else found

    def make(self, kind, depth=1):
        """Recipes for objects of a class, or of the one class that is named like a parameter."""
        name = self.class_named(kind.replace("_", "")) if isinstance(kind, str) else values.reachable(kind)
        return self.objects(name.split(":")[1], name.split(":")[0], depth) if name else []

    def objects(self, path, module, depth):
        """Recipes for objects of a class: recorded ones first, then its constructor with generated values."""
        name = module + ":" + path
        found = []
        for call in self.spec["calls"]:
            for where in vary.nodes(call):
                recipe = vary.at(call, where)
                if recipe[0] in ("new", "raw") and recipe[1] == name and recipe not in found and len(found) < 4:
                    found.append(recipe)
        if found or depth > 2:
            return found
        try:
            kind = values.resolve(name)
            made = lambda inner: self.make(inner, depth + 1)
            for args, kwargs in argument_lists(kind.__init__, made, 6):
                found.append(["new", name, args, kwargs, []])
        except Exception:
            return found
        return found or [["new", name, [], [], []]]

    def alone(self, call):
        """The level a call reaches in a fresh child."""
        return self.child(lambda: self.level(call), CALL_SECONDS + 3, 0)

    def child(self, work, seconds, otherwise):
        """The JSON that some work in a forked child gives."""
        reader, writer = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(reader)
            try:
                quiet_child()
                data = json.dumps(work()).encode()
                while data:
                    data = data[os.write(writer, data) :]
            finally:
                os._exit(0)
        os.close(writer)
        data, ends = b"", time.monotonic() + seconds
        while time.monotonic() < ends:
            ready, _, _ = select.select([reader], [], [], 0.2)
            if ready:
                part = os.read(reader, 65536)
                if not part:
                    break
                data += part
        finish_child(pid)
        os.close(reader)
        try:
            return json.loads(data)
        except ValueError:
            return otherwise

    def level(self, call):
        """Runs a call here and tells how well its failure agrees."""
        random.seed(0)
        calls.alarm(CALL_SECONDS)
        try:
            self.targets[call["target"]].run(call)
        except calls.OutOfTime:
            return 0
        except (KeyboardInterrupt, GeneratorExit):
            return 0
        except BaseException as error:
            calls.alarm(0)
            return level_of(calls.describe(error, self.root), self.spec)
        finally:
            calls.alarm(0)
        return 0

    def run(self):
        """Calls that fail as the incident did, up to a few that differ in the types of their arguments."""
        stream = self.attempts()
        weak, hits = None, []
        while time.monotonic() < self.ends and self.tried < self.spec["attempts"]:
            batch = []
            for item in stream:
                batch.append(item)
                if len(batch) >= BATCH:
                    break
            if not batch:
                break
            hit = self.batch(batch, 1 if weak is None and not hits else 2)
            while hit is not None and len(hits) < HITS:
                index, level = hit
                call, origin = batch[index]
                form = forms(call)
                if not any(form == forms(other) for other, _, _ in hits) and self.alone(call) >= level:
                    if level >= 2:
                        hits.append((call, origin, level))
                        if origin["kind"] == "printed":
                            # What really happened needs no made-up company.
                            self.ends = time.monotonic()
                            break
                        self.ends = min(self.ends, time.monotonic() + MORE_SECONDS)
                        batch = batch[index + 1 :]
                        hit = self.batch(batch, 2) if batch else None
                        continue
                    weak = (call, origin, level)
                    self.ends = min(self.ends, time.monotonic() + self.spec["seconds"] / 4)
                batch = batch[index + 1 :]
                hit = self.batch(batch, 1 if weak is None and not hits else 2) if batch else None
            if len(hits) >= HITS:
                break
        if not hits and weak:
            hits = [weak]
        found = []
        for call, origin, level in hits:
            told = self.told(call, origin, level)
            if not any(told["expression"] == other["expression"] for other in found):
                found.append(told)
        return found

    def batch(self, batch, least):
        """Runs calls one after another in a child; the first that reaches `least`, or None."""
        start = 0
        while start < len(batch):
            shared = mmap.mmap(-1, 16)
            shared[:16] = struct.pack("=qq", start, -1)
            pid = os.fork()
            if pid == 0:
                try:
                    quiet_child()
                    for index in range(start, len(batch)):
                        shared[:8] = struct.pack("=q", index)
                        level = self.level(batch[index][0])
                        if level >= least:
                            shared[8:16] = struct.pack("=q", level)
                            break
                    else:
                        shared[:8] = struct.pack("=q", len(batch))
                finally:
                    os._exit(0)
            self.watch(pid, shared)
            index, level = struct.unpack("=qq", shared[:16])
            shared.close()
            self.tried += max(0, min(index, len(batch) - 1) - start + 1)
            if level >= least and 0 <= index < len(batch):
                return index, level
            start = index + 1
            if time.monotonic() > self.ends:
                return None
        return None

    def watch(self, pid, shared):
        """Waits for a child that must move on to another call now and then."""
        last, since = None, time.monotonic()
        pause = 0.0005
        while True:
            done, _ = os.waitpid(pid, os.WNOHANG)
            if done:
                return
            now = shared[:8]
            if now != last:
                last, since = now, time.monotonic()
            if time.monotonic() - since > CALL_SECONDS + 2 or time.monotonic() > self.ends + 3:
                finish_child(pid)
                return
            time.sleep(pause)
            pause = min(pause * 1.5, 0.02)

    def told(self, call, origin, level):
        """What was found, as close to the crash and as small as it can be made."""
        outer = call
        call, direct = self.closer(call, level)
        # A printed call is what really happened: less of it might fail in another way once this failure is repaired.
        call, steps = (call, 0) if origin["kind"] == "printed" else self.smaller(call, level)
        target = self.targets[call["target"]]
        answer = {
            "target": call["target"],
            "call": call,
            "level": level,
            "origin": origin,
            "direct": direct,
            "reduced": steps,
        }
        answer.update(target.render(call))
        if direct:
            rendered = self.targets[outer["target"]].render(outer)
            answer["through"] = rendered["expression"][:2000]
        return answer

    def closer(self, call, level):
        """The innermost call within this call that fails in the same way by itself."""
        inner = self.child(lambda: self.record(call), CALL_SECONDS + 4, [])
        for found in sorted(inner, key=lambda item: -item["target"]):
            if found["target"] <= call["target"] or found["target"] not in self.usable:
                continue
            if oddness(found) <= oddness(call) and self.alone(found) >= level:
                return found, True
        return call, False

    def record(self, call):
        spec = dict(self.spec)
        observer = observe.Observer(spec)
        calls.alarm(CALL_SECONDS)
        sys.setprofile(observer.profile)
        try:
            self.targets[call["target"]].run(call)
        except BaseException:
            pass
        finally:
            sys.setprofile(None)
            calls.alarm(0)
        # The call that crashed is the last one of its function.
        return observer.calls[::-1]

    def smaller(self, call, level):
        steps, tries = 0, 0
        ends = time.monotonic() + 4
        improved = True
        while improved and tries < 250 and time.monotonic() < ends:
            improved = False
            for less in vary.reductions(call, self.fixed):
                tries += 1
                if vary.size(less) < vary.size(call) and self.alone(less) >= level:
                    call, improved, steps = less, True, steps + 1
                    break
                if tries >= 250 or time.monotonic() > ends:
                    break
        return call, steps


def constants(function):
    """Short text constants of a function, which decide about the way through it."""
    try:
        source = inspect.getsource(function)
    except (OSError, TypeError):
        return []
    return sorted(word for word in vary.quoted(source) if len(word) <= 20 and "%" not in word)[:8]


def forms(call):
    """The types of a call's arguments."""
    args = [vary.kind(recipe) for recipe in call["args"]] + [vary.kind(recipe) for _, recipe in call["kwargs"]]
    return (call["target"], args)


def oddness(call):
    """Objects of a call whose constructor is not run."""
    text = json.dumps(call)
    return text.count('["raw",') + text.count('["fake",')


def in_turns(streams):
    """One item of every stream after the other until all are empty."""
    streams = list(streams)
    while streams:
        for item in list(streams):
            call = next(item[0], None)
            if call is None:
                streams.remove(item)
            else:
                yield call, {"kind": item[1]}


def argument_lists(function, make, limit):
    """Arguments for a function: combinations of samples, those with the likeliest values first."""
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        return
    if parameters[:1] and parameters[0].name in ("self", "cls"):
        parameters = parameters[1:]
    used = shapes.shapes_of(function, [parameter.name for parameter in parameters])
    pools, named = [], []
    for parameter in parameters:
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            continue
        options = shapes.recipes(function, parameter, used.get(parameter.name), make)
        pools.append(options)
        named.append(parameter)
    for chosen in by_rank(pools, limit):
        args = [recipe for recipe, parameter in zip(chosen, named) if parameter.kind != parameter.KEYWORD_ONLY]
        kwargs = [[parameter.name, recipe] for recipe, parameter in zip(chosen, named) if parameter.kind == parameter.KEYWORD_ONLY]
        yield args, kwargs


def by_rank(pools, limit):
    """Combinations in the order of the sum of their ranks."""
    given = 0
    top = sum(len(pool) - 1 for pool in pools)
    for total in range(top + 1):
        for ranks in ranks_of(pools, total):
            yield [pool[rank] for pool, rank in zip(pools, ranks)]
            given += 1
            if given >= limit:
                return


def ranks_of(pools, total):
    if not pools:
        if total == 0:
            yield []
        return
    for rank in range(min(total, len(pools[0]) - 1) + 1):
        for rest in ranks_of(pools[1:], total - rank):
            yield [rank] + rest


def quiet_child():
    nowhere = os.open(os.devnull, os.O_RDWR)
    os.dup2(nowhere, 2)
    # No setsid: the sandbox ends what is left. Where it bounds memory by this limit and not by a control group, its
    # bound may be lower already.
    most = resource.getrlimit(resource.RLIMIT_AS)[1]
    resource.setrlimit(resource.RLIMIT_AS, (3 << 30 if most == resource.RLIM_INFINITY else min(3 << 30, most), most))


def finish_child(pid):
    try:
        os.kill(pid, signal.SIGKILL)
    except OSError:
        pass
    try:
        os.waitpid(pid, 0)
    except OSError:
        pass


def main():
    spec = json.load(sys.stdin)
    answer = calls.silence()
    spec["root"] = os.path.realpath(spec["root"])
    calls.step_aside()
    sys.path[:] = [spec["root"]] + [p for p in spec["paths"] if p != spec["root"]] + sys.path
    sys.argv = ["reproduction.py"]
    started = time.monotonic()
    search = Search(spec)
    problem = search.load()
    found = []
    if problem is None:
        found = search.run()
    result = {"found": found, "attempts": search.tried, "seconds": time.monotonic() - started, "problem": problem}
    json.dump(result, answer)
    answer.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
