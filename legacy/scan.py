"""Which version of TensorFlow a script was written for, read from its source before it runs.

What counts is names: those that a version dropped, and those that it brought. The script's own modules count,
too.
"""

import ast
import os
import sys
import tokenize

from . import before_1_0

BROUGHT_BY_0_12 = {"tf." + name for name in [
    "global_variables_initializer", "local_variables_initializer", "variables_initializer",
    "global_variables", "summary.scalar", "summary.histogram", "summary.image", "summary.merge_all",
    "summary.merge",
    "summary.FileWriter", "stack", "unstack", "multiply", "subtract", "negative"]}
BROUGHT_BY_1_0 = ("tf.contrib.rnn.Basic", "tf.contrib.rnn.LSTMCell", "tf.contrib.rnn.LSTMState",
                  "tf.contrib.rnn.GRUCell", "tf.contrib.rnn.Multi", "tf.contrib.rnn.Dropout",
                  "tf.contrib.rnn.static", "tf.contrib.legacy_seq2seq", "tf.contrib.seq2seq", "tf.layers.",
                  "tf.data.",
                  "tf.keras.", "tf.estimator.", "tf.nn.static_", "tf.contrib.data.")
# what old code calls the modules that it imports from TensorFlow's own folders
HOMES = {"rnn_cell": "tf.nn.rnn_cell", "rnn": "tf.nn", "seq2seq": "tf.nn.seq2seq",
         "rnn_cell_impl": "tf.nn.rnn_cell",
         "array_ops": "tf", "math_ops": "tf", "nn_ops": "tf.nn", "control_flow_ops": "tf",
         "variable_scope": "tf"}


class Script:
    """A script and its modules: `uses` is what they use of TensorFlow, (file, line, dotted name, node)."""

    def __init__(self, path=None):
        self.own_cells = None
        self.uses, self.files, self.trees = [], [], {}
        if path:
            self.read(os.path.abspath(path))
        names = {name for _, _, name, _ in self.uses}
        modules = any(name.startswith("tf.models.rnn") for name in names)
        gone = modules or any(before_1_0.is_gone(name, node) for _, _, name, node in self.uses)
        brought_1_0 = any(name.startswith(BROUGHT_BY_1_0) for name in names)
        self.before_1_0 = gone and not brought_1_0
        self.stateless_cells = self.before_1_0
        nodes = [node for tree in self.trees.values() for node in ast.walk(tree)]
        self.list_of_states = modules and any(is_last_state(node) for node in nodes)
        self.one_tensor_states = (self.before_1_0 and not names & BROUGHT_BY_0_12
                                  and not any(shows_tuples(node) for node in nodes)
                                  or self.list_of_states)

    def read(self, path):
        if path in self.files or not os.path.isfile(path):
            return
        self.files.append(path)
        try:
            with tokenize.open(path) as file:
                tree = ast.parse(file.read())
        except (SyntaxError, UnicodeDecodeError):
            return
        self.trees[path] = tree
        self.uses += [(path, node.lineno, name, node) for name, node in names_of(tree)]
        folder = os.path.dirname(path)
        for node in ast.walk(tree):
            wanted = []
            if isinstance(node, ast.Import):
                wanted = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                wanted = [node.module or ""] + [f"{node.module or ''}.{alias.name}".strip(".")
                                                for alias in node.names]
            for name in wanted:
                base = os.path.join(folder, *name.split("."))
                self.read(base + ".py")
                self.read(os.path.join(base, "__init__.py"))


def names_of(tree):
    """(dotted name, node) for all that a module uses of TensorFlow; calls come as calls, with their
    arguments."""
    aliases = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.split(".")[0] == "tensorflow":
                    aliases[alias.asname or "tensorflow"] = tf_name(alias.name if alias.asname
                                                                    else "tensorflow")
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "tensorflow":
            for alias in node.names:
                dotted = tf_name(f"{node.module}.{alias.name}")
                aliases[alias.asname or alias.name] = dotted
                yield dotted, node
    called = {id(node.func): node for node in ast.walk(tree) if isinstance(node, ast.Call)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            dotted = dotted_name(node, aliases)
            if dotted:
                yield dotted, called.get(id(node), node)


def tf_name(path):
    """The public name of a module or name: `tensorflow.python.ops.rnn_cell.LSTMCell` is
    `tf.nn.rnn_cell.LSTMCell`."""
    parts = path.split(".")
    if parts[:2] == ["tensorflow", "python"] and len(parts) > 3:
        for i in range(2, len(parts)):
            if parts[i] in HOMES:
                return ".".join([HOMES[parts[i]]] + parts[i + 1:])
    return ".".join(["tf"] + parts[1:])


def dotted_name(node, aliases):
    parts = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if isinstance(node, ast.Name) and node.id in aliases:
        return ".".join([aliases[node.id]] + parts[::-1])
    return None


def is_state(node):
    name = getattr(node, "id", getattr(node, "attr", ""))
    return "state" in name and "size" not in name


def is_last_state(node):
    """`states[-1]`: until 0.6 `rnn` answered with the states of all steps."""
    return (isinstance(node, ast.Subscript) and is_state(node.value)
            and getattr(node.value, "id", getattr(node.value, "attr", "")).endswith("states")
            and isinstance(node.slice, ast.UnaryOp))


def shows_tuples(node):
    """Whether the code takes states apart, as only tuples can be, or says which it wants."""
    if isinstance(node, ast.keyword):
        return node.arg == "state_is_tuple"
    if isinstance(node, ast.Attribute):
        return node.attr == "LSTMStateTuple" or node.attr in ("c", "h") and is_state(node.value)
    if isinstance(node, ast.Subscript):
        return is_state(node.value) and isinstance(node.slice, (ast.Constant, ast.UnaryOp))
    if isinstance(node, ast.Assign):
        return isinstance(node.targets[0], ast.Tuple) and is_state(node.value)
    return False


_script = None


def script():
    """The script of this process: what the command was given, or what runs as `__main__`."""
    global _script
    if _script is None:
        _script = Script(getattr(sys.modules.get("__main__"), "__file__", None))
    return _script
