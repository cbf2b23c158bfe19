"""What of a function no longer runs with a candidate: a condition that never holds any more passes as easily as a right one."""

import sys

import program


class Reach:
    """Follows which lines of some files run while it is entered."""

    def __init__(self, names):
        self.names, self.lines = names, set()

    def __enter__(self):
        sys.settrace(self.follow)

    def __exit__(self, *raised):
        sys.settrace(None)

    def follow(self, frame, event, _):
        return self.line if frame.f_code.co_filename in self.names else None

    def line(self, frame, event, _):
        if event == "line":
            self.lines.add(frame.f_lineno)
        return self.line


def idle(search, candidate, run):
    """Lines of the function that tests ran before and that no longer run."""
    place = candidate.place
    if place.function is None or run is None:
        return []
    first, last = program.first_line(place.function), place.function.end_lineno
    known = list(search.seen_by.failing_lines.values()) + list(search.seen_by.passing_lines.values())
    before = {line for lines in known for file, line in lines if file == place.file.path and first < line <= last}
    now = moved(place.file.data, candidate.edits)
    return sorted(line for line in before if now(line) is not None and now(line) not in run)


def moved(data, edits):
    """Where a line is after the edits; None for one that they touch."""
    shifts = []
    for start, end, new in edits:
        at, to = (data.count(b"\n", 0, place) + 1 for place in (start, end))
        shifts.append((at, to, new.count(b"\n") - data.count(b"\n", start, end)))

    def now(line):
        if any(at <= line <= to for at, to, _ in shifts):
            return None
        return line + sum(shift for _, to, shift in shifts if to < line)

    return now
