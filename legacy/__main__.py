"""The command: python -m legacy [--report] [--own-cells | --shared-cells] script.py [its arguments]"""

import argparse
import builtins
import os
import sys
import types

from . import report, sources


def arguments():
    parser = argparse.ArgumentParser(
        prog="python -m legacy", description="Runs a TensorFlow 1.x script as it is.")
    parser.add_argument("--report", action="store_true",
                        help="print the edits that make the script run without legacy")
    cells = parser.add_mutually_exclusive_group()
    cells.add_argument("--own-cells", action="store_true", help="[cell] * n is n cells, as before TF 1.1")
    cells.add_argument("--shared-cells", action="store_true", help="[cell] * n is one cell, as since TF 1.2")
    parser.add_argument("script")
    parser.add_argument("arguments", nargs=argparse.REMAINDER)
    return parser.parse_args()


def run(options):
    script = options.script
    try:
        with open(script, "rb") as file:
            source = file.read()
    except OSError as error:
        sys.exit(f"legacy: {script}: {error.strerror}")
    old = not report.on_tensorflow_1()
    code = report.python_3(lambda: sources.compiled(source, script) if old
                           else compile(source, script, "exec", dont_inherit=True), script)
    command, sys.argv = sys.argv[1:], [script] + options.arguments
    sys.path[0] = os.path.dirname(os.path.abspath(script))
    module = types.ModuleType("__main__")
    module.__file__, module.__builtins__ = script, builtins
    sys.modules["__main__"] = module
    report.with_edits, report.command = options.report, command
    if old:
        from . import scan
        module.__legacy__ = sources.FUNCTIONS
        scan.script().own_cells = options.own_cells or (False if options.shared_cells else None)
    try:
        exec(code, module.__dict__)
    except Exception as error:
        # the traceback begins in the script
        report.end_with(type(error), error.with_traceback(error.__traceback__.tb_next), error.__traceback__)
        sys.exit(1)


if __name__ == "__main__":
    run(arguments())
