"""One call of a function of the project: resolving it, running it, and telling where it failed."""

import inspect
import os
import signal
import sys

import values

COMPREHENSIONS = ("<listcomp>", "<dictcomp>", "<setcomp>", "<genexpr>")


class OutOfTime(BaseException):
    pass


class Target:
    """A function by its file's module and its dotted path there."""

    def __init__(self, spec):
        self.spec = spec
        self.module = spec["module"]
        self.path = spec["path"]
        self.kind = None
        self.function = None

    def load(self):
        """Imports the function; says whether it can be called from outside."""
        if self.spec.get("nested"):
            return False
        parts = self.path.split(".")
        try:
            holder = values.resolve(self.module + ":" + ".".join(parts[:-1]))
            raw = inspect.getattr_static(holder, parts[-1])
        except OutOfTime:
            raise
        except BaseException:
            return False
        self.kind = "function"
        if inspect.isclass(holder):
            self.kind = "method"
            if isinstance(raw, staticmethod):
                self.kind = "function"
            elif isinstance(raw, classmethod):
                self.kind = "classmethod"
            elif isinstance(raw, property):
                self.kind, raw = "property", raw.fget
        if isinstance(raw, (staticmethod, classmethod)):
            raw = raw.__func__
        self.function = inspect.unwrap(raw) if callable(raw) else None
        return self.function is not None

    def signature(self):
        return inspect.signature(self.function)

    def run(self, call):
        """Runs a call; a coroutine or generator is run to its end."""
        args = [values.build(a) for a in call["args"]]
        kwargs = {name: values.build(a) for name, a in call["kwargs"]}
        holder = values.build(call["self"]) if call.get("self") else None
        for name, before, named in call.get("before", []):
            quietly(holder, name, before, named)
        if call.get("self") and call["self"][0] == "fake":
            # The method itself is taken from its class: a stand-in would answer in its place.
            return finish(self.function(holder, *args, **kwargs))
        if self.kind == "property":
            return getattr(holder, self.path.split(".")[-1])
        if holder is not None:
            if self.path.split(".")[-1] == "__init__":
                return holder
            function = getattr(holder, self.path.split(".")[-1])
        else:
            function = values.resolve(self.module + ":" + self.path)
            if self.path.endswith(".__init__"):
                function = values.resolve(self.module + ":" + self.path[: -len(".__init__")])
        return finish(function(*args, **kwargs))

    def render(self, call):
        """The setup statements, the expression and the modules of a call."""
        renderer = values.Renderer()
        name = self.path.split(".")[-1]
        if call.get("self") and call["self"][0] == "fake":
            function = renderer.name(self.module + ":" + self.path) + (".fget" if self.kind == "property" else "")
            expression = renderer.call(function, [call["self"]] + call["args"], call["kwargs"])
        elif call.get("self"):
            holder = renderer.source(call["self"])
            if call.get("before") and not holder.isidentifier():
                variable = renderer.variable(call["self"][1])
                renderer.setup.append(variable + " = " + holder)
                holder = variable
            for step, before, named in call.get("before", []):
                renderer.setup.append(renderer.call(holder + "." + step, before, named))
            expression = holder + "." + name
            if self.kind != "property":
                expression = renderer.call(expression, call["args"], call["kwargs"])
        else:
            path = self.path[: -len(".__init__")] if self.path.endswith(".__init__") else self.path
            expression = renderer.call(renderer.name(self.module + ":" + path), call["args"], call["kwargs"])
        if inspect.iscoroutinefunction(self.function):
            renderer.modules.append("asyncio")
            expression = "asyncio.run(" + expression + ")"
        elif inspect.isgeneratorfunction(self.function):
            expression = "list(" + expression + ")"
        return {"setup": renderer.setup, "expression": expression, "modules": renderer.modules}


def quietly(holder, name, args, kwargs):
    try:
        finish(getattr(holder, name)(*[values.build(a) for a in args], **{k: values.build(a) for k, a in kwargs}))
    except Exception:
        pass


def finish(result):
    if inspect.iscoroutine(result):
        # Loading it takes longer than most calls, and few need it.
        import asyncio

        return asyncio.run(result)
    if inspect.isgenerator(result):
        items = []
        for item in result:
            items.append(item)
            if len(items) >= 10000:
                break
        return items
    return result


def alarm(seconds, computing=0):
    """From now on an alarm ends the running call, by the clock and, sooner, by what it computes: a busy machine then tells
    the same as one with nothing else to do."""

    def ring(signum, frame):
        raise OutOfTime()

    signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds, 0.05 if seconds else 0)
    signal.signal(signal.SIGPROF, ring)
    signal.setitimer(signal.ITIMER_PROF, computing, 0.05 if computing else 0)


def frames_of(error, root):
    """Frames of a traceback, innermost first: file beneath the root or None, line, function."""
    found = []
    step = error.__traceback__
    while step is not None:
        code = step.tb_frame.f_code
        found.append([inside(code.co_filename, root), step.tb_lineno, code.co_name])
        step = step.tb_next
    if isinstance(error, SyntaxError) and error.filename:
        found.append([inside(error.filename, root), error.lineno or 1, "<module>"])
    return found[::-1][:60]


INSIDE = {}


def inside(filename, root):
    known = INSIDE.get(filename, 0)
    if known == 0:
        path = os.path.realpath(filename) if filename and not filename.startswith("<") else ""
        known = os.path.relpath(path, root) if path.startswith(root + os.sep) else None
        if known and ("site-packages" in known.split(os.sep) or known.split(os.sep)[0] in (".venv", "venv")):
            known = None
        INSIDE[filename] = known
    return known


def describe(error, root):
    """An exception as data, with the exceptions that led to it."""
    chain = []
    while error is not None and len(chain) < 6:
        kind = type(error)
        try:
            message = str(error)[:2000]
        except Exception:
            message = ""
        chain.append(
            {
                "type": kind.__name__,
                "module": getattr(kind, "__module__", ""),
                "message": message,
                "frames": frames_of(error, root),
            }
        )
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return chain


def step_aside():
    """Takes the scripts of ours out of the way of imports: a project may have modules of the same names."""
    here = os.path.dirname(os.path.abspath(__file__))
    sys.path[:] = [path for path in sys.path if os.path.abspath(path or ".") != here]
    for name, module in list(sys.modules.items()):
        path = getattr(module, "__file__", None)
        if isinstance(path, str) and name != "__main__" and os.path.dirname(os.path.abspath(path)) == here:
            del sys.modules[name]


def silence():
    """Sends what the project prints nowhere; returns a stream for our own answer."""
    answer = os.fdopen(os.dup(1), "w", encoding="utf-8", errors="backslashreplace")
    nowhere = os.open(os.devnull, os.O_RDWR)
    os.dup2(nowhere, 0)
    os.dup2(nowhere, 1)
    sys.stdin = open(os.devnull)
    return answer
