"""How the script and its own modules are compiled: as Python does it, but for a few calls.

Until NumPy 2.4 `int(a)`, `float(a)` and `"%d" % a` took an array of one number. No function can give that
back, for the calls are Python's own; so they are compiled as calls of the functions below.
"""

import ast
import importlib.machinery
import os
import sys

import numpy as np

from . import report


def number(x):
    """An array of one number as that number; anything else as it is."""
    return x.item() if isinstance(x, np.ndarray) and x.ndim and x.size == 1 else x


def as_int(x):
    return int(number(x))


def as_float(x):
    return float(number(x))


def with_percent(text, values):
    """text % values"""
    if isinstance(text, str):
        values = tuple(map(number, values)) if isinstance(values, tuple) else number(values)
    return text % values


FUNCTIONS = {"int": as_int, "float": as_float, "%": with_percent}


class OldCalls(ast.NodeTransformer):
    """Replaces the calls; names are left alone, for `int` is a type, too."""

    def call(self, name, args, node):
        target = ast.Subscript(ast.Name("__legacy__", ast.Load()), ast.Constant(name), ast.Load())
        return ast.fix_missing_locations(ast.copy_location(ast.Call(target, args, []), node))

    def visit_Call(self, node):
        self.generic_visit(node)
        if isinstance(node.func, ast.Name) and node.func.id in ("int", "float") and len(node.args) == 1 \
                and not node.keywords and not isinstance(node.args[0], ast.Starred):
            return self.call(node.func.id, node.args, node)
        return node

    def visit_BinOp(self, node):
        self.generic_visit(node)
        if isinstance(node.op, ast.Mod) and isinstance(node.left,
                                                       ast.Constant) and isinstance(node.left.value, str):
            return self.call("%", [node.left, node.right], node)
        return node

    def visit_ImportFrom(self, node):
        """`tensorflow.python.keras` was the Keras of 1.x; TensorFlow 2 keeps a part of it, for itself."""
        if (node.module or "").startswith("tensorflow.python.keras"):
            node.module = node.module[len("tensorflow.python."):]
        return node

    def visit_Assign(self, node):
        """`outputs, state = dynamic_decode(...)`: in 1.1 it answered with two; the lengths came with 1.2."""
        self.generic_visit(node)
        function = getattr(node.value, "func", None)
        name = getattr(function, "attr", getattr(function, "id", ""))
        if name == "dynamic_decode" and len(getattr(node.targets[0], "elts", [])) == 2:
            two = ast.Subscript(node.value, ast.Slice(upper=ast.Constant(2)), ast.Load())
            node.value = ast.fix_missing_locations(ast.copy_location(two, node.value))
        return node


def compiled(source, path):
    """The code of a source, or the one line that says that it is Python 2."""
    tree = compile(source, path, "exec", ast.PyCF_ONLY_AST, dont_inherit=True)
    return compile(OldCalls().visit(tree), path, "exec", dont_inherit=True)


class Loader(importlib.machinery.SourceFileLoader):
    """Loads one of the script's own modules. Nothing is kept in __pycache__."""

    def get_code(self, fullname):
        path = self.get_filename(fullname)
        return report.python_3(lambda: compiled(self.get_data(path), path), path)

    def exec_module(self, module):
        module.__dict__["__legacy__"] = FUNCTIONS
        super().exec_module(module)


class Finder:
    """Finds the script's own modules: those that are neither Python's nor a package's."""

    @staticmethod
    def find_spec(name, path=None, target=None):
        spec = importlib.machinery.PathFinder.find_spec(name, path)
        if spec is None or type(spec.loader) is not importlib.machinery.SourceFileLoader:
            return None
        if not report.is_script(os.path.abspath(spec.origin)):
            return None
        spec.loader = Loader(spec.loader.name, spec.loader.path)
        return spec


def install():
    sys.meta_path.insert(0, Finder)
