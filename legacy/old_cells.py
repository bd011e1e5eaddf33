"""Cells as the versions before them understood them.

Until TF 1.0 a cell had no variables of its own: each call made them, or found them, in the scope of the call.
So one cell in a list `[cell] * 3`, or in an encoder and a decoder, was several layers. Since 1.2 a cell keeps
what it made at its first call, and each further use shares it, or fails where the sizes differ.

Here a cell behaves as in 1.15 as long as 1.15 could run the script. It behaves as before 1.1 for a script
with names that only those versions had, and where 1.15 fails: the layer gets a twin, made with the same
arguments.
"""

import copy
import functools
import re
import warnings

import tensorflow.compat.v1 as tf

from . import report, scan

rnn_cell = tf.nn.rnn_cell
RNNCell = rnn_cell.RNNCell
LayerRNNCell = rnn_cell.BasicLSTMCell.__mro__[1]


# one entry for each list with one cell several times
decision = []


def clone(cell, made=None):
    """A new cell of the same arguments. Cells within it are new, too; the same one twice stays one twice."""
    made = {} if made is None else made
    if id(cell) in made:
        return made[id(cell)]
    if not isinstance(cell, RNNCell):
        return copy.deepcopy(cell)
    args, kwargs = cell._made_with

    def again(x):
        if isinstance(x, RNNCell):
            return clone(x, made)
        if type(x) in (list, tuple):
            return type(x)(again(y) for y in x)
        return x
    made[id(cell)] = type(cell)(*map(again, args), **{key: again(x) for key, x in kwargs.items()})
    return made[id(cell)]


def own_layers(cells):
    """`[cell] * n` as n cells."""
    return [cell if cell not in cells[:i] else clone(cell) for i, cell in enumerate(cells)]


def twin(cell, inputs):
    """The cell that this call means: itself, or the twin that the scope of the call has."""
    size = getattr(tf.nest.flatten(inputs)[-1], "shape", tf.TensorShape(None))
    size = size[-1].value if size.ndims else None
    scope = tf.get_variable_scope().name
    uses = cell.__dict__.setdefault("_uses", {})
    if not uses:
        uses[scope] = cell, size
    if scope in uses and uses[scope][1] == size:
        return uses[scope][0]
    if not scan.script().stateless_cells:
        for used, width in uses.values():
            if width == size:
                return used
    why = "as before TF 1.1" if scan.script().stateless_cells else "because their inputs differ in size"
    report.did(f"one {type(cell).__name__} in {len(uses) + 1} scopes became {len(uses) + 1} cells, {why}",
               "make one cell for each place where it is used")
    uses[scope] = clone(cell), size
    return uses[scope][0]


def with_any_state(call):
    """Takes a state as one tensor where the cell has a tuple, or the other way round, and answers in kind."""
    @functools.wraps(call)
    def one_step(cell, inputs, state, *args, **kwargs):
        cell = twin(cell, inputs)
        if isinstance(state, tf.Tensor) and isinstance(cell.state_size, (tuple, list)):
            parts = tf.split(state, tf.nest.flatten(cell.state_size), axis=1)
            output, new = call(cell, inputs, tf.nest.pack_sequence_as(cell.state_size, parts), *args,
                               **kwargs)
            return output, tf.concat(tf.nest.flatten(new), 1)
        if isinstance(state, (tuple, list)) and isinstance(cell.state_size, int):
            output, new = call(cell, inputs, tf.concat(tf.nest.flatten(state), 1), *args, **kwargs)
            sizes = [part.shape[-1].value for part in tf.nest.flatten(state)]
            return output, tf.nest.pack_sequence_as(state, tf.split(new, sizes, axis=1))
        return call(cell, inputs, state, *args, **kwargs)
    return one_step


def is_number(x):
    return isinstance(x, int) and not isinstance(x, bool)


def old_arguments(cell_class, position):
    """Drops `input_size`, which stood at this position until 1.0, and sets the default of
    `state_is_tuple`."""
    init = cell_class.__init__
    has_tuple = cell_class in (rnn_cell.BasicLSTMCell, rnn_cell.LSTMCell, rnn_cell.MultiRNNCell)

    @functools.wraps(init)
    def __init__(self, *args, **kwargs):
        if kwargs.pop("input_size", None) is not None:
            report.edit("input_size=...", "")
        if position is not None and len(args) > position and (
                is_number(args[position]) or (args[position] is None and scan.script().before_1_0)):
            report.edit(f"{cell_class.__name__}(..., {args[position]}, ...)", "without the input size")
            args = args[:position] + args[position + 1:]
        if has_tuple and scan.script().one_tensor_states and "state_is_tuple" not in kwargs:
            kwargs["state_is_tuple"] = False
            report.did("states are one tensor each, as before TF 0.12", "state_is_tuple=False")
        init(self, *args, **kwargs)
    cell_class.__init__ = __init__


def multi_cell(init, call):
    def __init__(self, cells, state_is_tuple=True):
        init(self, list(cells) if isinstance(cells, (list, tuple)) else cells, state_is_tuple)

    def multi_call(self, inputs, state):
        cells = list(self._cells)
        sizes = [inputs.shape[-1].value] + [cell.output_size for cell in cells[:-1]]
        if len(set(map(id, cells))) < len(cells) and not getattr(self, "_settled", False):
            equal = len(set(sizes)) == 1
            own = scan.script().own_cells
            decision.append(own)
            if own is None:
                own = scan.script().stateless_cells or not equal
            if own:
                why = "as asked" if scan.script().own_cells else "because the sizes differ"
                why = "as before TF 1.1" if scan.script().stateless_cells else why
                report.did(f"`[cell] * {len(cells)}` became {len(cells)} cells, {why}",
                           f"[make_cell() for _ in range({len(cells)})]")
                self._cells = own_layers(cells)
            else:
                report.did(f"`[cell] * {len(cells)}` is one cell with shared weights, as in TF 1.2 to 1.15 "
                           "(--own-cells makes it several, as before 1.1)")
            self._settled = True
        return call(self, inputs, state)
    return __init__, multi_call


def restore(self, sess, save_path):
    """A checkpoint tells how many cells `[cell] * n` was: where it differs from what was taken, it is
    right."""
    if save_path and decision:
        saved = {name for name, _ in tf.train.list_variables(save_path)}
        made = {variable.op.name for variable in tf.global_variables()}
        several = re.compile(r"cell_[1-9]\d*/")
        for names, others, flag in ((saved, made, "--own-cells"), (made, saved, "--shared-cells")):
            if any(several.search(name) for name in names) and not any(several.search(name)
                                                                       for name in others):
                report.start_again(flag, f"the checkpoint {save_path} says so")
    return restore.before(self, sess, save_path)


def install():
    """Puts all this around the cells of TensorFlow, in this process."""
    warnings.filterwarnings("ignore", message=".*`tf.nn.rnn_cell")
    warnings.filterwarnings("ignore", message=".*`tf.layers")
    new = RNNCell.__new__

    def __new__(cls, *args, **kwargs):
        cell = new(cls)
        object.__setattr__(cell, "_made_with", (args, kwargs))
        return cell
    RNNCell.__new__ = __new__
    for cell_class in (RNNCell, LayerRNNCell):
        cell_class.__call__ = with_any_state(cell_class.__call__)
    restore.before = tf.train.Saver.restore
    tf.train.Saver.restore = restore
    multi = rnn_cell.MultiRNNCell
    multi.__init__, multi.call = multi_cell(multi.__init__, multi.call)
    for name, position in (("BasicRNNCell", 1), ("GRUCell", 1), ("LSTMCell", 1), ("BasicLSTMCell", 2),
                           ("MultiRNNCell", None)):
        old_arguments(getattr(rnn_cell, name), position)
