"""Runs one script against many versions of the sources, each in a forked child, without touching the files.

Reads {root, script, seconds, targets, candidates: [{path: text}]} and answers a list of {raised, results, value}: the
exceptions, null where the script ran to its end; kinds that the targets gave; the literal that the script left. It is a sieve only: what passes is validated on a real checkout afterwards.
"""

import importlib.machinery
import json
import os
import select
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import calls
import check
import kinds
import reproduce

LOST = {
    "raised": [{"type": "", "module": "", "message": "it did not end", "frames": []}],
    "results": {},
    "value": None,
}


def override(root, files):
    """From now on imports of these files get other texts."""
    texts = {os.path.join(root, path): text.encode() for path, text in files.items()}
    loader = importlib.machinery.SourceFileLoader
    get_data, path_stats = loader.get_data, loader.path_stats

    def data(self, path):
        text = texts.get(os.path.realpath(path))
        return get_data(self, path) if text is None else text

    def stats(self, path):
        text = texts.get(os.path.realpath(path))
        # A time no compiled file has, so that none is taken for this text.
        return path_stats(self, path) if text is None else {"mtime": 1, "size": len(text)}

    cache = loader._cache_bytecode

    def keep(self, source_path, bytecode_path, content):
        # What is compiled from such a text must never be taken for another one.
        if os.path.realpath(source_path) not in texts:
            cache(self, source_path, bytecode_path, content)

    loader.get_data, loader.path_stats, loader._cache_bytecode = data, stats, keep


def attempt(spec, files):
    override(spec["root"], files)
    watch = kinds.Watch(spec["root"], spec["targets"])
    raised, names = None, {"__name__": "__main__"}
    calls.alarm(spec["seconds"])
    sys.setprofile(watch.profile)
    try:
        exec(compile(spec["script"], "<reproduction>", "exec"), names)
    except BaseException as error:
        sys.setprofile(None)
        calls.alarm(0)
        raised = calls.describe(error, spec["root"])
    sys.setprofile(None)
    calls.alarm(0)
    value = check.plain(names["result"]) if raised is None and "result" in names else None
    return {"raised": raised, "results": watch.told()["results"], "value": value}


def one(spec, files):
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reader)
        try:
            reproduce.quiet_child()
            data = json.dumps(attempt(spec, files)).encode()
            while data:
                data = data[os.write(writer, data) :]
        finally:
            os._exit(0)
    os.close(writer)
    data, ends = b"", time.monotonic() + spec["seconds"] + 2
    while time.monotonic() < ends:
        ready, _, _ = select.select([reader], [], [], 0.2)
        if ready:
            part = os.read(reader, 65536)
            if not part:
                break
            data += part
    reproduce.finish_child(pid)
    os.close(reader)
    try:
        return json.loads(data)
    except ValueError:
        return LOST


def main():
    spec = json.load(sys.stdin)
    answer = calls.silence()
    spec["root"] = os.path.realpath(spec["root"])
    calls.step_aside()
    sys.path.insert(0, spec["root"])
    sys.argv = ["reproduction.py"]
    # Every candidate imports the project anew; compiled once, its files load in a fraction of the time.
    sys.pycache_prefix, sys.dont_write_bytecode = tempfile.mkdtemp(), False
    json.dump([one(spec, files) for files in spec["candidates"]], answer)
    answer.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
