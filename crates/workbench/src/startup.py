"""Runs first in every Python of a run: what was installed from the user's checkout is imported from the work tree.

An editable installation names folders of the checkout, in `.pth` files or in the mapping of an import hook. The checkout
is not there in the sandbox, and must not be what is tested. GROUNDCREW_MOVED says from where to where. Placed as
`sitecustomize`, since that runs after all `.pth` files and before anything of the project, and hands on to the next one.
"""
import json
import os
import sys


def moved(path, orders):
    """Where a path of the checkout lies in the work tree, or None if it is none of the checkout."""
    if not isinstance(path, str):
        return None
    inside = [sys.prefix, sys.base_prefix, orders["to"]]
    if any(path == folder or path.startswith(folder + os.sep) for folder in inside):
        return None
    for old in orders["from"]:
        if path == old or path.startswith(old + os.sep):
            return orders["to"] + path[len(old):]
    return None


def move_paths(orders):
    """Folders that `.pth` files name; where those of the checkout do not exist here, Python has dropped them."""
    found = [moved(path, orders) for path in sys.path]
    sys.path[:] = [path for path in sys.path if not moved(path, orders)]
    sites = [path for path in sys.path if path.endswith(("site-packages", "dist-packages")) and os.path.isdir(path)]
    for site in sites:
        for name in sorted(os.listdir(site)):
            if name.endswith(".pth"):
                with open(os.path.join(site, name), encoding="utf-8", errors="replace") as lines:
                    named = [os.path.normpath(os.path.join(site, line.strip())) for line in lines]
                found.extend(moved(path, orders) for path in named)
    # Before the installed packages, so that a copy among them does not win.
    at = min([sys.path.index(site) for site in sites] or [len(sys.path)])
    for path in found:
        if path and os.path.isdir(path) and path not in sys.path:
            sys.path.insert(at, path)
            at += 1


def move_mapping(mapping, orders):
    for name, place in list(mapping.items()):
        if isinstance(place, str):
            mapping[name] = moved(place, orders) or place
        elif isinstance(place, list):
            mapping[name] = [moved(path, orders) or path for path in place]


def move_hooks(orders):
    """Mappings of import hooks, as setuptools and the `editables` package write them."""
    for name, module in list(sys.modules.items()):
        if name.startswith("__editable__"):
            for mapping in ("MAPPING", "NAMESPACES"):
                if isinstance(getattr(module, mapping, None), dict):
                    move_mapping(getattr(module, mapping), orders)
    finder = getattr(sys.modules.get("editables.redirector"), "RedirectingFinder", None)
    if isinstance(getattr(finder, "_redirections", None), dict):
        move_mapping(finder._redirections, orders)


def hand_on(own):
    """Runs the sitecustomize of the interpreter, if it has one."""
    from importlib.machinery import PathFinder

    if PathFinder.find_spec("sitecustomize", sys.path) is None:
        return
    # The import of this file ends with whatever then stands under its name.
    sys.modules.pop("sitecustomize", None)
    try:
        import sitecustomize
    except Exception:
        sys.modules["sitecustomize"] = own


def start():
    own = sys.modules["sitecustomize"]
    here = os.path.dirname(os.path.abspath(__file__))
    sys.path[:] = [path for path in sys.path if os.path.abspath(path or ".") != here or path == ""]
    orders = json.loads(os.environ.get("GROUNDCREW_MOVED") or "null")
    if orders:
        move_paths(orders)
        move_hooks(orders)
    hand_on(own)


start()
