"""Searches single edits with which failing tests pass and no other test fails, in one process with the project loaded.

Reads {root, paths, kind, args, tests, only, budget, seconds} and answers {failing, suspects, plausible, validated, cut, …}. Candidates are
made statement by statement in order of suspicion and tried in order of prior times suspicion, each in a fork of this
process in which the code of the changed functions is exchanged. The order is the same in every run; the clock only
ends it early, which is told. What passes here is validated again on a clean work tree by whoever asked.
"""

import ast
import json
import os
import signal
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import calls
import forks
import judge
import moves
import program
import spectrum
import suites
import swap
import tweaks
from place import Candidate, Place, enclosing

# Statements whose candidates are weighed against one another at a time.
TOGETHER = 80
# Candidates that are tried after the first that passes: at least, and as a part of those before it.
AFTER, AFTER_UNSURE, AFTER_PART = 160, 400, 0.5
# The same of a small project, where more rivals cost next to nothing.
AFTER_SMALL = 480
# Beyond these, as long as what comes next is not far less likely than the best that passed; how many more at most.
NEARLY, AFTER_MOST = 0.25, 1_200
# What one that ran into the clock counts for among these.
DEAR = 6
# Score from which a candidate that passes is likely to be right.
SURE = 0.3
PLAUSIBLE = 24
# Passing tests that a candidate meets.
PASSING = 150
STEPS, STEPS_TIMES = 2_500, 4
# Steps of one test while it is measured; how many times more are given where nothing passes, and to how many candidates.
MEASURED, MORE, AGAIN, ENOUGH_AGAIN = 2_000_000, 10, (250, 12), 4
# Steps that all of these may take together.
STEPS_AGAIN = 25_000_000
# Edits that are gone on from, statements at which a second one is tried, and pairs of one edit.
PAIRED, PAIRED_PLACES, PAIRS = 6, 40, 1_200
# Causes of failing tests that are looked at one by one where no edit cures all.
CAUSES = 2
# Steps that may be spent on looking whether candidates left something behind.
CHECKED = 20_000
# Bytes of a project whose steps are counted from the start.
EARLY = 300_000
# Candidates that are tried in one fork, and forks that may be spoiled before each candidate gets one of its own.
BATCH = 24
SPOILED = 3
# Bounds of one candidate and of a batch, in seconds. Steps end what does not end; the clock only what computes for long
# within a step, and is so far from all else that the speed of a machine decides nothing.
CPU, CPU_LEAST, CPU_TIMES, WALL = 6.0, 0.2, 10.0, 30.0
CPU_BATCH, WALL_BATCH = 10.0, 60.0
LONGEST = 512 << 10


class Search:
    def __init__(self, orders, tests):
        self.root = orders["root"]
        self.orders = orders
        self.tests = tests
        self.started = time.monotonic()
        self.files, self.loaded = {}, {}
        self.steps = swap.Steps()
        self.validated = self.killed = self.clocked = self.spoiled = 0
        self.plausible, self.partial, self.endless = [], [], []
        self.pairs = 0
        self.cut = None
        self.share = 1.0
        self.seen = set()

    def out_of_time(self):
        if time.monotonic() - self.started > self.orders["seconds"] * self.share:
            self.cut = "time"
        elif self.validated >= self.orders["budget"] * self.share:
            self.cut = "budget"
        return self.cut is not None

    def run(self):
        self.steps.install()
        self.count_early()
        outcomes, elsewhere = spectrum.baseline(self.tests, set(self.orders.get("tests") or ()), self.steps)
        bad = [id for id in self.tests.ids if outcomes.get(id) not in (None, suites.SKIPPED)]
        self.outcomes = outcomes
        named = self.orders.get("tests")
        wanted = [id for id in bad if not named or id in named]
        wanted = self.likeliest(wanted, elsewhere)
        answer = {"tests": len(self.tests.ids), "failing": [], "others_failing": [id for id in bad if id not in wanted]}
        if not wanted:
            return {**answer, "problem": "no test fails" if not bad else "none of the named tests fails"}
        self.seen_by = self.spectrum = spectrum.measure(self.tests, outcomes, set(wanted), elsewhere, self.root, spectrum.is_test_file)
        failing = [id for id in wanted if id in set(wanted[: spectrum.FOLLOWED_FAILING])]
        for number, id in enumerate(failing):
            chain = self.seen_by.chains[number] if number < len(self.seen_by.chains) else []
            answer["failing"].append({"test": id, "said": outcomes[id], "chain": chain})
        self.failing, self.failed_before = wanted, set(wanted)
        places = self.places()
        answer["suspects"] = [
            {"file": p.file.path, "line": p.statement.lineno, "function": p.function.name if p.function else "<module>", "statement": judge.headline(p), "score": round(p.suspicion, 3)}
            for p in places[:8]
        ]
        self.measure_steps()
        aims = self.aims(wanted)
        for number, ids in enumerate(aims):
            if number:
                places = self.aim(ids)
            self.share = (number + 1) / len(aims)
            self.cut = None
            self.search(places)
            if not self.plausible and self.cut is None and number == 0:
                self.search_pairs(places)
            if self.plausible:
                break
        if self.plausible and number:
            answer["others_failing"] += [id for id in wanted if id not in ids]
            answer["failing"] = [failing for failing in answer["failing"] if failing["test"] in ids]
        judged = judge.judge(self, self.plausible)
        return {
            **answer,
            "plausible": judged,
            "partial": [judge.told(candidate) for candidate, _ in self.partial[:3]],
            "validated": self.validated,
            "pairs": self.pairs,
            "killed": self.killed,
            "clocked": self.clocked,
            "cut": self.cut,
            "seconds": round(time.monotonic() - self.started, 3),
        }

    def likeliest(self, wanted, elsewhere):
        """The failing tests that an edit in this process can make pass, if there are such."""
        return [id for id in wanted if id not in elsewhere] or wanted

    def aims(self, wanted):
        """What is to pass: all that fails; else what fails in the tests that the last commit changed, since it is they that
        somebody is after; else what has one cause."""
        recent = {os.path.join(self.root, path) for path in self.orders.get("recent") or ()}
        newest = [id for id in self.seen_by.failing_lines if os.path.realpath(self.tests.file(id) or "") in recent]
        causes = self.seen_by.causes()[:CAUSES]
        found = [wanted] + ([newest] if newest else []) + (causes if len(causes) > 1 else [])
        sets = [set(ids) for ids in found]
        return [ids for number, ids in enumerate(found) if sets[number] not in sets[:number]]

    def file(self, path):
        if path not in self.files:
            self.files[path] = None
            name = os.path.join(self.root, path)
            try:
                with open(name, "rb") as text:
                    data = text.read()
                data.decode("utf-8")
                if len(data) <= LONGEST and not data.startswith(b"\xef\xbb\xbf"):
                    self.files[path] = program.File(path, data)
            except (OSError, ValueError, SyntaxError, RecursionError):
                pass
        return self.files[path]

    def load(self, path):
        """The file as it is loaded, its functions counting their steps; None where it is not."""
        file = self.file(path)
        if file is not None and path not in self.loaded:
            loaded = swap.Loaded(self.root, file)
            self.loaded[path] = loaded if loaded.module is not None else None
            if loaded.module is not None:
                loaded.count()
        return self.loaded.get(path)

    def count_early(self):
        """Lets a small project count its steps from the start, so that a test that does not end is told at once."""
        paths = set()
        for module in list(sys.modules.values()):
            path = calls.inside(getattr(module, "__file__", None) or "", self.root)
            if path is not None and path.endswith(".py") and not spectrum.is_test_file(path):
                paths.add(path)
        self.is_small = sum(os.path.getsize(os.path.join(self.root, path)) for path in paths) <= EARLY
        if self.is_small:
            for path in sorted(paths):
                self.load(path)

    def places(self):
        """Suspicious statements, the most suspicious first, then in the order of the text."""
        suspicion = self.seen_by.suspicion()
        found = []
        for path in sorted({path for path, _ in suspicion}):
            file = self.file(path) if is_within(self.orders.get("only"), path) else None
            if file is None:
                continue
            if self.load(path) is None:
                continue
            scopes, most, read = {}, {}, {}
            for statement in [node for node in ast.walk(file.tree) if isinstance(node, ast.stmt)]:
                function = enclosing(file, statement)
                level = max([suspicion.get((path, line), 0) for line in program.lines_of(statement)] or [0])
                if isinstance(statement, (*program.FUNCTIONS, ast.ClassDef)) or function is None or program.is_docstring(statement):
                    continue
                if level > 0:
                    if function not in scopes:
                        scopes[function] = program.Scope(file, function, self.seen_by)
                    found.append(Place(file, statement, function, scopes[function], level))
                    most[function] = max(most.get(function, 0), level)
                    for node in found[-1].nodes:
                        if isinstance(node, ast.Name):
                            read[node.id] = max(read.get(node.id, 0), level)
            # Headers of functions and values of the module are as suspicious as what uses them, but a little less.
            for function, level in most.items():
                scope = scopes[function]
                found.append(Place(file, function, function, scope, level * 0.9))
            module = program.Scope(file, None, self.seen_by)
            for statement in file.tree.body:
                if isinstance(statement, (ast.Assign, ast.AnnAssign)):
                    target = statement.targets[0] if isinstance(statement, ast.Assign) else statement.target
                    if isinstance(target, ast.Name) and target.id in read:
                        found.append(Place(file, statement, None, module, read[target.id] * 0.7))
        found.sort(key=lambda place: -place.suspicion)
        return found

    def aim(self, ids):
        """Wants only some of the failing tests, those of one cause, and says which statements are suspicious then."""
        self.failing = [id for id in self.failing if id in ids]
        self.failing += [id for id in ids if id not in self.failing]
        self.seen_by = self.spectrum.of(ids)
        self.partial, self.endless, self.seen = [], [], set()
        return self.places()

    def measure_steps(self):
        """The bound of steps and of time, from the tests as they go now; the cheap ones then go first."""
        # What does not end has nothing to be measured.
        ids = [id for id in self.failing if self.outcomes[id] != "hung"] + list(self.seen_by.passing_lines)

        def work(tell):
            before = time.process_time()

            def note(id, error):
                nonlocal before
                used, now = MEASURED - self.steps.left, time.process_time()
                if not isinstance(error, swap.OutOfSteps):
                    tell(json.dumps([id, used, now - before]).encode() + b"\n")
                self.steps.left, before = MEASURED, now
                return True

            self.steps.left = MEASURED
            self.tests.run(ids, note)

        used, seconds = {}, 0.0
        for line in forks.run(work, 20.0, 40.0).split(b"\n"):
            try:
                id, steps, time_of = json.loads(line)
            except ValueError:
                continue
            used[id] = max(steps, used.get(id, 0))
            seconds += time_of
        self.most_steps = STEPS + STEPS_TIMES * max(used.values(), default=0)
        self.cpu = min(CPU, CPU_LEAST + CPU_TIMES * seconds)
        self.failing.sort(key=lambda id: used.get(id, MEASURED))
        self.passing = sorted(self.seen_by.passing_lines, key=lambda id: used.get(id, MEASURED))
        # Those by which is told whether something was left behind: the cheapest of both.
        ending = [id for id in self.failing if self.outcomes[id] != "hung"]
        self.checks, left = ending[:1] + self.passing[:1], CHECKED
        for id in ending[1:] + self.passing[1:PASSING]:
            left -= used.get(id, MEASURED) + 100
            if left >= 0:
                self.checks.append(id)

    def search(self, places):
        """Tries candidates until some pass and enough others were tried beside them."""
        stop = last = None
        for first in range(0, len(places), TOGETHER):
            made = []
            for place in places[first : first + TOGETHER]:
                for family in (tweaks, moves):
                    made.extend(family.candidates(place))
            made.sort(key=lambda candidate: -candidate.score)
            made = iter([candidate for candidate in made])
            while True:
                batch = list(self.batch(made))
                if not batch or self.out_of_time():
                    break
                if stop is not None and self.validated >= stop:
                    best = max(candidate.score for candidate in self.plausible)
                    if best >= SURE or batch[0].score < NEARLY * best or self.validated >= last or self.clocked:
                        break
                for candidate, said in zip(batch, self.try_all(batch)):
                    if said == b"P":
                        self.plausible.append(candidate)
                        if stop is None:
                            most = AFTER if candidate.score >= SURE else AFTER_UNSURE
                            most = AFTER_SMALL if self.is_small and self.clocked == 0 else most
                            stop = self.validated + max(most, int(self.validated * AFTER_PART))
                            last = stop + AFTER_MOST
                    elif said[:1] == b"F" and said != b"F0":
                        self.partial.append((candidate, int(said[1:])))
                    elif said in (b"L", b""):
                        self.endless.append(candidate)
                        if said == b"" and stop is not None:
                            stop -= DEAR
                if len(self.plausible) >= PLAUSIBLE:
                    break
            if self.plausible or self.cut:
                return
        self.with_more_steps()

    def with_more_steps(self):
        """Tries again what did not end: the right one may do more than the failing tests did before they failed."""
        for most in AGAIN:
            self.most_steps, self.cpu = self.most_steps * MORE, min(CPU, self.cpu * 4)
            again, self.endless = self.endless[: max(4, min(most, STEPS_AGAIN // self.most_steps))], []
            for candidate in again:
                if self.out_of_time() or len(self.plausible) >= ENOUGH_AGAIN:
                    return
                self.validated += 1
                said = self.validate(candidate)
                if said == b"P":
                    self.plausible.append(candidate)
                elif said == b"L":
                    self.endless.append(candidate)
            if self.plausible:
                return

    def search_pairs(self, places):
        """Tries a second edit beside each that makes some of the failing tests pass, and none that passed fail.

        Each of the two must mend a test that the other one does not: of edits that do nothing alone, far more pass by
        chance than are right.
        """
        begun = [candidate for candidate, passed in sorted(self.partial, key=lambda item: (-item[1], -item[0].score)) if self.harmless(candidate)]
        for first in begun[:PAIRED]:
            made, seconds, mended = [], {}, self.mends(first)
            for place in [place for place in places if place.file is first.place.file][:PAIRED_PLACES]:
                for family in (tweaks, moves):
                    for second in family.candidates(place):
                        made.append(joined(first, second))
                        seconds[id(made[-1])] = second
            made.sort(key=lambda candidate: -candidate.score)
            left, stop = iter(made), self.validated + PAIRS
            while not self.out_of_time() and self.validated < stop:
                batch = list(self.batch(left))
                if not batch:
                    break
                self.pairs += len(batch)
                passed = [candidate for candidate, said in zip(batch, self.try_all(batch)) if said == b"P"]
                self.plausible += [pair for pair in passed if self.mends(seconds[id(pair)]) - mended]
            if self.plausible:
                return

    def mends(self, candidate):
        """The failing tests that pass with a candidate."""

        def work(tell):
            def note(id, error):
                self.steps.left = self.most_steps
                if error is None:
                    tell(json.dumps(id).encode() + b"\n")
                return True

            self.steps.left = self.most_steps
            if self.put(candidate):
                self.tests.run(self.failing, note)

        return {line for line in forks.run(work, self.cpu, WALL).split(b"\n") if line}

    def harmless(self, candidate):
        """Whether every passing test that runs the function still passes."""

        def work(tell):
            failed = []

            def note(id, error):
                self.steps.left = self.most_steps
                failed.extend([id] if error is not None else [])
                return error is None

            self.steps.left = self.most_steps
            if self.put(candidate):
                self.tests.run(self.relevant(candidate.place), note)
                tell(b"B" if failed else b"P")

        return forks.run(work, self.cpu, WALL) == b"P"

    def batch(self, made):
        """The next new candidates, as many as the budget leaves."""
        left = min(BATCH, self.orders["budget"] - self.validated)
        while left > 0:
            candidate = next(made, None)
            if candidate is None:
                return
            if self.is_new(candidate):
                left -= 1
                yield candidate

    def try_all(self, batch):
        """What became of each candidate of a batch.

        Many are tried in one fork, each after the other was taken out again. Whether one left something behind shows at the
        end: the tests must go as they did. If not, each is tried in a fork of its own, as is whatever passes.
        """
        self.validated += len(batch)
        inner = [candidate for candidate in batch if self.is_inner(candidate)]
        said = {}
        while inner and self.spoiled < SPOILED:
            told = forks.run(lambda tell: self.one_after_the_other(inner, tell), CPU_BATCH, WALL_BATCH).split(b"\n")
            ended = [line for line in told[:-1] if line]
            if ended and ended[-1] == b"clean":
                said.update((id(candidate), line) for candidate, line in zip(inner, ended[:-1]))
                break
            if ended and ended[-1] == b"spoiled":
                self.spoiled += 1
                break
            # A bound ended the fork, and the one that ran with it. Whether those before it left something behind is not
            # known, so they are believed only as long as none did.
            if len(ended) >= len(inner):
                self.spoiled += 1
                break
            said[id(inner[len(ended)])] = b""
            if self.spoiled == 0:
                said.update((id(candidate), line) for candidate, line in zip(inner, ended))
                del inner[: len(ended) + 1]
            else:
                del inner[len(ended)]
        results = []
        for candidate in batch:
            line = said.get(id(candidate))
            if line is None or line == b"P":
                line = self.validate(candidate)
            if line[:1] == b"B" and line[1:]:
                self.ask_first(candidate, int(line[1:]))
            self.killed += line in (b"", b"L")
            self.clocked += line == b""
            results.append(line)
        return results

    def is_inner(self, candidate):
        """Whether only code objects change, so that the change can be taken back."""
        place = candidate.place
        inside = place.function is not None and not isinstance(place.statement, program.FUNCTIONS)
        return inside and unit_of(place.file, candidate.edits) is not None

    def one_after_the_other(self, batch, tell):
        for candidate in batch:
            file = candidate.place.file
            number, loaded = unit_of(file, candidate.edits), self.loaded[file.path]
            try:
                codes = swap.inner_codes(loaded.parse(number, candidate.edits))
            except (SyntaxError, ValueError, RecursionError):
                tell(b"S\n")
                continue
            signal.setitimer(signal.ITIMER_VIRTUAL, self.cpu)
            if loaded.put(number, codes):
                tell(self.tried(candidate) + b"\n")
            else:
                tell(self.validate(candidate) + b"\n")
            loaded.put(number, loaded.unit(number))
        signal.setitimer(signal.ITIMER_VIRTUAL, CPU_BATCH)
        tell(b"clean\n" if self.goes_as_before() else b"spoiled\n")

    def goes_as_before(self):
        failed = []

        def note(id, error):
            self.steps.left = self.most_steps
            if error is not None:
                failed.append(id)
            return True

        self.steps.left = self.most_steps
        self.tests.run(self.checks, note)
        return set(failed) == self.failed_before & set(self.checks)

    def is_new(self, candidate):
        file = candidate.place.file
        try:
            text = swap.apply(file.data, candidate.edits)
        except ValueError:
            return False
        key = (file.path, text)
        if text == file.data or key in self.seen:
            return False
        self.seen.add(key)
        return True

    def put(self, candidate):
        """Puts a candidate into this process; says whether it is one at all."""
        file = candidate.place.file
        loaded = self.loaded[file.path]
        number = unit_of(file, candidate.edits)
        within = number is not None and candidate.place.function is not None and not isinstance(candidate.place.statement, program.FUNCTIONS)
        try:
            if within and loaded.put(number, swap.inner_codes(loaded.parse(number, candidate.edits))):
                return True
            loaded.run_anew(candidate.edits)
        except (SyntaxError, ValueError, RecursionError):
            return False
        return True

    def relevant(self, place):
        """Passing tests that run the function of a place."""
        file, function = place.file, place.function
        first, last = (program.first_line(function), function.end_lineno) if function else (0, 1 << 30)
        key = (file.path, first)
        known = self.__dict__.setdefault("relevance", {})
        if key not in known:
            known[key] = [
                id
                for id in self.passing
                if any(path == file.path and first <= line <= last for path, line in self.seen_by.passing_lines[id])
            ][:PASSING]
        return known[key]

    def validate(self, candidate):
        """Tries a candidate in a fork of its own."""

        def work(tell):
            tell(self.tried(candidate) if self.put(candidate) else b"S")

        return forks.run(work, self.cpu, WALL)

    def tried(self, candidate):
        """How the tests go with a candidate that is put in: P if all pass, B and the number of the test if one fails that
        passed, L if it does not end, F and the number of failing tests that pass now."""
        state = {"passed": 0, "error": None, "test": None}

        def note(id, error):
            self.steps.left = self.most_steps
            state["error"], state["test"] = error, id
            state["passed"] += error is None
            return error is None

        self.steps.left = self.most_steps
        self.tests.run(self.failing, note)
        if isinstance(state["error"], swap.OutOfSteps):
            return b"L"
        if state["error"] is not None or state["passed"] < len(self.failing):
            return b"F%d" % state["passed"]
        self.tests.run(self.relevant(candidate.place), note)
        if state["error"] is None:
            return b"P"
        if state["test"] not in self.passing:
            # What stands for the class or the module of a test.
            return b"B"
        number = self.passing.index(state["test"])
        self.ask_first(candidate, number)
        return b"B%d" % number

    def ask_first(self, candidate, number):
        """The passing test that told a candidate wrong is the first that the next one of its function meets."""
        known, test = self.relevant(candidate.place), self.passing[number]
        if test in known:
            known.remove(test)
            known.insert(0, test)


def joined(first, second):
    """Both edits as one candidate at the place of the second."""
    why = "%s, and %s" % (first.why, second.why)
    return Candidate(second.place, first.edits + second.edits, "pair", first.prior * second.prior, why)


def is_within(only, path):
    """Whether a file lies where the person wants changes."""
    return not only or any((path + "/").startswith(place.rstrip("/") + "/") for place in only)


def unit_of(file, edits):
    """The top-level statement that holds all edits, by its number."""
    for number, statement in enumerate(file.tree.body):
        if isinstance(statement, (*program.FUNCTIONS, ast.ClassDef)):
            start, end = file.span(statement)
            # A statement added at the end of the last line of a function lies one byte behind it.
            if all(start < a and b <= end + 1 for a, b, _ in edits):
                return number
    return None


def main():
    orders = json.load(sys.stdin)
    answer = calls.silence()
    nowhere = os.open(os.devnull, os.O_RDWR)
    os.dup2(nowhere, 2)
    orders["root"] = os.path.realpath(orders["root"])
    calls.step_aside()
    sys.path[:] = [orders["root"]] + [path for path in orders["paths"] if path != orders["root"]] + sys.path
    found = {"problem": "the tests could not be loaded"}

    def work(tests):
        found.clear()
        try:
            found.update(Search(orders, tests).run())
        except Exception:
            import traceback

            found.update({"problem": traceback.format_exc()[-1500:]})

    try:
        suites.load(orders["kind"], orders["args"], work)
    except BaseException as error:
        if "problem" in found:
            found["problem"] = "the tests could not be loaded: %s: %s" % (type(error).__name__, error)
    json.dump(found, answer)
    answer.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
