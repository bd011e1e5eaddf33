"""What legacy did, told on stderr at the end, and what it cannot do, told in one line."""

import os
import re
import sys
import traceback
import types

START = os.getcwd()
HERE = os.path.dirname(os.path.abspath(__file__))
LIBRARY = os.path.dirname(os.__file__)

# what Python 2 had, as the compiler of Python 3 sees it
SYNTAX_OF_2 = re.compile(r"Missing parentheses|leading zeros|multiple exception types|"
                         r"inconsistent use of tabs|invalid hexadecimal literal|invalid decimal literal")
LINE_OF_2 = re.compile(r"^(print\s+[^(=\s]|exec\s+\w|raise\s+\w+\s*,|except\s+[\w.]+\s*,\s*\w+\s*:|"
                       r"def.*\(\()|`|<>|\bur['\"]")

# what a script finds missing that was written for Python 2
NAMES_OF_2 = {"xrange", "raw_input", "unicode", "basestring", "unichr", "reduce", "long", "file", "execfile",
              "cmp"}
MODULES_OF_2 = {"cPickle", "StringIO", "cStringIO", "urllib2", "urlparse", "Queue", "ConfigParser", "Tkinter",
                "HTMLParser", "commands", "cookielib", "__builtin__", "itertools.izip"}

with_edits = False
# the arguments of `python -m legacy`, where it is the command that runs
command = None
own = {}
done = {}
edits = {}


class Missing(AttributeError):
    """A name of TensorFlow 1.x that legacy does not have."""


def say(text):
    print("legacy: " + text, file=sys.stderr)


def on_tensorflow_1():
    import tensorflow
    return tensorflow.__version__.startswith("1.") and "legacy" not in tensorflow.__version__


def is_script(file):
    """Whether a file is the user's: neither legacy's, nor Python's, nor an installed package's."""
    return not (file.startswith(("<", HERE, LIBRARY)) or "site-packages" in file)


def shown(path):
    """The path as short as it can be written."""
    return min(os.path.relpath(path), os.path.abspath(path), key=len)


def python_3(compile_it, path):
    """What `compile_it` makes of a file; where that is Python 2, ends with one line that says so."""
    try:
        return compile_it()
    except SyntaxError as error:
        text = (error.text or "").strip()
        if SYNTAX_OF_2.search(str(error)) or LINE_OF_2.search(text):
            path = shown(path)
            sys.exit(f"legacy: {path}, line {error.lineno}: this is Python 2 ({text}); "
                     f"run `2to3 -w {path}` first")
        raise


def place():
    """File and line of the script, as it runs now: the innermost frame outside of Python and its packages."""
    frame = sys._getframe(1)
    while frame is not None:
        name = frame.f_code.co_filename
        if is_script(name):
            return shown(name), frame.f_lineno
        frame = frame.f_back
    return "", 0


def did(what, change=None):
    """Notes what legacy did for the script, and the edit that would make it needless."""
    done.setdefault(what)
    if change:
        edit("", change)


def is_own(name):
    """Notes that the script uses a name of which the code is legacy's."""
    own.setdefault(name)


def edit(old, new):
    """Notes one edit, at the line of the script that runs now."""
    file, line = place()
    if file:
        edits.setdefault((file, line, old, new))


def missing(name):
    """The error for a name that nobody has; it is an AttributeError, so that `hasattr` still works."""
    file, line = place()
    error = Missing(f"{file}, line {line}: legacy has no {name}; look for it in MIGRATING.md, or take it out")
    error.legacy_name = name
    return error


def start_again(flag, why):
    """Runs the command again with a flag; where legacy was imported, says that this is needed."""
    if command is None or flag in command:
        sys.exit(f"legacy: {why}: run it by python -m legacy {flag}")
    say(f"starting again with {flag}: {why}")
    sys.stdout.flush()
    os.chdir(START)
    os.execv(sys.executable, [sys.executable, "-m", "legacy", flag] + command)


def at_end():
    """Prints what was done; with `--report` the edits, too, in the order of the lines."""
    if own:
        say("legacy's own: " + ", ".join(own))
    for what in done:
        say(what)
    if with_edits:
        from . import port, scan
        for file, line, old, new in port.edits(scan.script()):
            edits.setdefault((shown(file), line, old, new))
        for file, line, old, new in sorted(edits):
            say(f"{file}:{line}: {old} -> {new}" if old else f"{file}:{line}: {new}")


def explain(error):
    """One line for what the script asks of TensorFlow, or of Python 2, and nobody has; else None."""
    if isinstance(error, Missing):
        return str(error)
    file, line = place_of(error)
    if isinstance(error, ImportError):
        if error.name in MODULES_OF_2:
            return f"{file}, line {line}: {error.name} is a module of Python 2; run `2to3 -w {file}` first"
        if (error.name or "").split(".")[0] == "tensorflow":
            name = re.search(r"cannot import name '(\w+)'", str(error))
            name = error.name + ("." + name.group(1) if name else "")
            return f"{file}, line {line}: legacy has no {name}; look for it in MIGRATING.md, or take it out"
    if isinstance(error, NameError) and getattr(error, "name", None) in NAMES_OF_2:
        return f"{file}, line {line}: {error.name} is a name of Python 2; run `2to3 -w {file}` first"
    if isinstance(error, AttributeError) and isinstance(getattr(error, "obj", None), types.ModuleType):
        module = error.obj.__name__
        if module.startswith(("tensorflow", "tf_keras")):
            name = module.replace("tensorflow._api.v2.compat.v1", "tf") + "." + error.name
            return f"{file}, line {line}: legacy has no {name}; look for it in MIGRATING.md, or take it out"
    return None


def place_of(error):
    """File and line of the script where the error came from."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__)
              if is_script(frame.filename)]
    return (shown(frames[-1].filename), frames[-1].lineno) if frames else ("", 0)


def end_with(kind, error, trace):
    """The hook for errors that nobody caught: one line where that says it all, else Python's traceback."""
    line = explain(error)
    if line is None:
        sys.__excepthook__(kind, error, trace)
    else:
        say(line)
