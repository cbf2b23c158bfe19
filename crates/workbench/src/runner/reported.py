"""Runs a test command that leaves a report, and hands the report on as one line of JSON.

Reads its orders as JSON from standard input: {word, root, call: {argv, env, files, source, reports}}. The line goes to the
original standard output and is led by a random word; neither that output nor anything of this process is handed on to the
command, so that nothing a test prints is taken for the report. Written for every Python from 3.6 on, standard library only.
"""
import fnmatch
import json
import os
import shutil
import stat
import subprocess
import sys
import tempfile

# Bytes of a report that are handed on; a longer one is told to be cut.
LIMIT = 7 << 20
# Bytes at the end of an output that are shown beside the report.
SHOWN = 64 << 10
# What stands for the folder of the report.
FOLDER = "\0"
# Reports that a command may leave at most.
MOST = 2000


def read(path, left):
    """A plain file's text, not through a link; and whether all of it."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return None, True
    with os.fdopen(handle, "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            return None, True
        data = file.read(left + 1)
    text = data[:left].decode("utf-8", "replace")
    # Control characters would take six bytes each in JSON, and no report needs them.
    return text.translate(CONTROLS), len(data) <= left


CONTROLS = {code: "?" for code in range(32) if chr(code) not in "\t\n\r\x1b"}


def named(root, patterns):
    """Plain files beneath the root that the patterns name; only the last part may be one."""
    found = []
    for pattern in patterns:
        folder, name = os.path.split(os.path.normpath(pattern))
        above = os.path.realpath(os.path.join(root, folder))
        if os.path.isabs(folder) or above != os.path.join(os.path.realpath(root), folder).rstrip("/"):
            continue
        for entry in sorted(os.listdir(above)) if os.path.isdir(above) else ():
            path = os.path.join(above, entry)
            if fnmatch.fnmatchcase(entry, name) and not os.path.islink(path) and os.path.isfile(path):
                found.append(path)
    return found[:MOST]


def run(argv, env, out, err):
    try:
        child = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=out, stderr=err, env=env)
    except OSError as error:
        return (127 if isinstance(error, FileNotFoundError) else 126), "%s: %s" % (argv[0], error.strerror)
    return child.wait(), None


def program(argv, env):
    """The program by its whole path, since a search would take the folders of this process."""
    found = shutil.which(argv[0], path=env.get("PATH"))
    return [found or argv[0]] + argv[1:]


def main():
    orders = json.loads(sys.stdin.buffer.read().decode("utf-8"))
    out = os.dup(1)
    os.set_inheritable(out, False)
    os.dup2(2, 1)
    root, call = os.path.realpath(orders["root"]), orders["call"]
    folder = tempfile.mkdtemp()
    here = lambda text: text.replace(FOLDER, folder)
    for name, text in call["files"]:
        with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
            file.write(here(text))
    env = dict(os.environ, **{name: here(value) for name, value in call["env"]})
    # What the script needs is not the tests' business.
    env.pop("GROUNDCREW_MOVED", None)
    argv = program([here(word) for word in call["argv"]], env)
    source, paths = call["source"], [os.path.join(folder, "report")]
    if source == "named":
        # One that lay there before is not of this run.
        for path in named(root, call["reports"]):
            os.unlink(path)
        code, problem = run(argv, env, 2, 2)
        paths = named(root, call["reports"])
    elif source == "file":
        code, problem = run(argv, env, 2, 2)
    else:
        with open(os.path.join(folder, "report"), "ab") as file:
            code, problem = run(argv, env, file, file if source == "both" else 2)
        shown = read(paths[0], 1 << 30)[0] or ""
        sys.stderr.write(shown[-SHOWN:])
        sys.stderr.flush()
    text, whole = "", True
    for path in paths:
        part, all_of_it = read(path, LIMIT - len(text))
        text, whole = text + (part or ""), whole and all_of_it
    told = {"at": "report", "text": text, "whole": whole, "problem": problem}
    data = (orders["word"] + json.dumps(told, ensure_ascii=False) + "\n").encode("utf-8", "replace")
    while data:
        data = data[os.write(out, data):]
    # A signal's number as a shell tells it.
    os._exit(code & 0xFF if code >= 0 else 128 - code)


if __name__ == "__main__":
    main()
