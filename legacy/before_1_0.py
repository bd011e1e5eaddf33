"""Names of TensorFlow before 1.0, and those that took their arguments in another order.

`RENAMED` has the names that have only another name today. `FUNCTIONS` has those that did something else with
their arguments; each takes the old order and today's, and tells them apart by what it is given.
"""

import ast
import functools

import tensorflow.compat.v1 as tf

from . import report

# with batch_ before them until 0.12
BATCH = ["cholesky", "cholesky_solve", "fft", "ifft", "fft2d", "ifft2d", "fft3d", "ifft3d",
         "matrix_band_part", "matrix_determinant", "matrix_diag", "matrix_diag_part", "matrix_inverse",
         "matrix_set_diag", "matrix_solve", "matrix_transpose", "matrix_triangular_solve", "self_adjoint_eig",
         "svd"]
RENAMED = {
    "tf.concat_v2": "tf.concat",
    "tf.complex_abs": "tf.abs",
    "tf.image.per_image_whitening": "tf.image.per_image_standardization",
    "tf.inv": "tf.reciprocal",
    "tf.listdiff": "tf.setdiff1d",
    "tf.merge_all_summaries": "tf.summary.merge_all",
    "tf.merge_summary": "tf.summary.merge",
    "tf.mul": "tf.multiply",
    "tf.neg": "tf.negative",
    "tf.nn.bidirectional_rnn": "tf.nn.static_bidirectional_rnn",
    "tf.nn.deconv2d": "tf.nn.conv2d_transpose",
    "tf.nn.rnn_cell.linear": "tf.contrib.rnn._linear",
    "tf.nn.seq2seq": "tf.contrib.legacy_seq2seq",
    "tf.nn.state_saving_rnn": "tf.nn.static_state_saving_rnn",
    "tf.pack": "tf.stack",
    "tf.select": "tf.where",
    "tf.sub": "tf.subtract",
    "tf.types": "tf.dtypes",
    "tf.unpack": "tf.unstack",
    **{"tf.batch_" + name: "tf." + name for name in BATCH},
}


def is_old_axis(x):
    """An axis stands where today the tensors do."""
    return isinstance(x, int) or isinstance(x, tf.Tensor) and x.shape.ndims == 0


def concat(values=None, axis=None, name="concat", concat_dim=None):
    """Until 0.12: concat(concat_dim, values)."""
    if concat_dim is not None:
        axis, values = concat_dim, values if values is not None else axis
    elif is_old_axis(values) and not is_old_axis(axis):
        report.edit("tf.concat(axis, values)", "tf.concat(values, axis)")
        values, axis = axis, values
    return tf.concat(values, axis, name)


def split(value=None, num_or_size_splits=None, axis=0, num=None, name="split", split_dim=None,
          num_split=None):
    """Until 0.12: split(split_dim, num_split, value)."""
    if split_dim is not None or num_split is not None:
        # the third argument may stand without its name
        value = value if value is not None else axis
        return tf.split(value, num_split, split_dim or 0, name=name)
    if is_old_axis(value) and not is_old_axis(axis):
        report.edit("tf.split(axis, n, value)", "tf.split(value, n, axis)")
        value, axis = axis, value
    return tf.split(value, num_or_size_splits, axis, num, name)


def reverse(tensor, axis=None, name=None, dims=None):
    """Until 0.12: reverse(tensor, dims), with a bool for each axis."""
    axis = dims if axis is None else axis
    if isinstance(axis, (list, tuple)) and axis and all(isinstance(x, bool) for x in axis):
        report.edit("tf.reverse(x, [bools])", "tf.reverse(x, [axes])")
        axis = [i for i, is_reversed in enumerate(axis) if is_reversed]
    return tf.reverse(tensor, axis, name)


def batch_matmul(x, y, adj_x=False, adj_y=False, name=None):
    return tf.matmul(x, y, adjoint_a=adj_x, adjoint_b=adj_y, name=name)


def resize_images(images, size, *args, **kwargs):
    """Until 0.12: resize_images(images, height, width, method, align_corners)."""
    if isinstance(size, int):
        size, args = [size, args[0]], args[1:]
    return tf.image.resize_images(images, size, *args, **kwargs)


def cross_entropy(function, *order):
    """Until 0.12: the logits first, and by position; since then, by name only."""
    @functools.wraps(function)
    def loss(*args, **kwargs):
        if args and args[0] is None:
            return function(*args, **kwargs)
        if args:
            report.edit(f"tf.nn.{function.__name__}(logits, labels)",
                        f"tf.nn.{function.__name__}(labels=labels, logits=logits)")
            kwargs.update(zip(order, args))
        if "targets" in kwargs:
            kwargs["labels"] = kwargs.pop("targets")
        return function(**kwargs)
    return loss


def weighted_cross_entropy(*args, **kwargs):
    """Until 0.12: (logits, targets, pos_weight); since then (labels, logits, pos_weight)."""
    from . import scan
    if len(args) > 1 and scan.script().before_1_0:
        args = (args[1], args[0]) + args[2:]
    return tf.nn.weighted_cross_entropy_with_logits(*args, **kwargs)


def sampled(function):
    """Until 0.12: (weights, biases, inputs, labels, ...); the labels are the ones that are whole numbers."""
    @functools.wraps(function)
    def loss(weights, biases, labels=None, inputs=None, *args, **kwargs):
        if labels is not None and inputs is not None:
            labels, inputs = tf.convert_to_tensor(labels), tf.convert_to_tensor(inputs)
            if labels.dtype.is_floating and inputs.dtype.is_integer:
                report.edit(f"tf.nn.{function.__name__}(w, b, inputs, labels, ...)",
                            f"tf.nn.{function.__name__}(w, b, labels, inputs, ...)")
                labels, inputs = inputs, labels
        return function(weights, biases, labels, inputs, *args, **kwargs)
    return loss


def ctc_loss(labels=None, inputs=None, sequence_length=None, *args, **kwargs):
    """Until 0.12: (inputs, labels, sequence_length)."""
    if isinstance(inputs, tf.SparseTensor):
        labels, inputs = inputs, labels
    return tf.nn.ctc_loss(labels, inputs, sequence_length, *args, **kwargs)


def op_scope(values, name, default_name=None):
    return tf.name_scope(name, default_name, values)


def variable_op_scope(values, name_or_scope, default_name=None, *args, **kwargs):
    return tf.variable_scope(name_or_scope, default_name, values, *args, **kwargs)


def summary(function):
    @functools.wraps(function)
    def old(tag, values, *args, collections=None, name=None, **kwargs):
        if "max_images" in kwargs:
            kwargs["max_outputs"] = kwargs.pop("max_images")
        return function(tag if isinstance(tag, str) else name or "summary", values, *args,
                        collections=collections, **kwargs)
    return old


def summary_writer(logdir, graph=None, *args, **kwargs):
    """Until 0.12 the graph could be a GraphDef."""
    if isinstance(graph, tf.GraphDef):
        return tf.summary.FileWriter(logdir, None, *args, graph_def=graph, **kwargs)
    return tf.summary.FileWriter(logdir, graph, *args, **kwargs)


def rnn(cell, inputs, initial_state=None, dtype=None, sequence_length=None, scope=None):
    """`static_rnn`; until 0.6 it answered with the states of all steps, of which scripts took the last."""
    from . import scan
    outputs, state = tf.nn.static_rnn(cell, inputs, initial_state, dtype, sequence_length, scope)
    return outputs, [state] if scan.script().list_of_states else state


FUNCTIONS = {
    "tf.audio_summary": summary(tf.summary.audio),
    "tf.batch_matmul": batch_matmul,
    "tf.concat": concat,
    "tf.histogram_summary": summary(tf.summary.histogram),
    "tf.image.resize_images": resize_images,
    "tf.image_summary": summary(tf.summary.image),
    "tf.nn.ctc_loss": ctc_loss,
    "tf.nn.nce_loss": sampled(tf.nn.nce_loss),
    "tf.nn.rnn": rnn,
    "tf.nn.sampled_softmax_loss": sampled(tf.nn.sampled_softmax_loss),
    "tf.nn.sigmoid_cross_entropy_with_logits": cross_entropy(
        tf.nn.sigmoid_cross_entropy_with_logits, "logits", "labels", "name"),
    "tf.nn.softmax_cross_entropy_with_logits": cross_entropy(
        tf.nn.softmax_cross_entropy_with_logits, "logits", "labels", "dim", "name"),
    "tf.nn.sparse_softmax_cross_entropy_with_logits": cross_entropy(
        tf.nn.sparse_softmax_cross_entropy_with_logits, "logits", "labels", "name"),
    "tf.nn.weighted_cross_entropy_with_logits": weighted_cross_entropy,
    "tf.op_scope": op_scope,
    "tf.reverse": reverse,
    "tf.scalar_summary": summary(tf.summary.scalar),
    "tf.split": split,
    "tf.train.SummaryWriter": summary_writer,
    "tf.variable_op_scope": variable_op_scope,
}
# what each of them is today, where TensorFlow 1.15 has the name no longer
NEW_NAMES = {
    "tf.audio_summary": "tf.summary.audio",
    "tf.batch_matmul": "tf.matmul",
    "tf.histogram_summary": "tf.summary.histogram",
    "tf.image_summary": "tf.summary.image",
    "tf.nn.rnn": "tf.nn.static_rnn",
    "tf.op_scope": "tf.name_scope",
    "tf.scalar_summary": "tf.summary.scalar",
    "tf.train.SummaryWriter": "tf.summary.FileWriter",
    "tf.variable_op_scope": "tf.variable_scope",
}


def install():
    """An optimizer in a scope that reuses variables makes its own, as before 1.0; later that was an error."""
    apply_gradients = tf.train.Optimizer.apply_gradients

    @functools.wraps(apply_gradients)
    def apply(self, *args, **kwargs):
        if tf.get_variable_scope().reuse:
            with tf.variable_scope(tf.get_variable_scope(), reuse=tf.AUTO_REUSE):
                return apply_gradients(self, *args, **kwargs)
        return apply_gradients(self, *args, **kwargs)
    tf.train.Optimizer.apply_gradients = apply


def is_gone(name, node):
    """Whether no TensorFlow since 1.0 has this name, or takes these arguments."""
    if name in RENAMED or name in NEW_NAMES or name.startswith("tf.nn.seq2seq."):
        return True
    if not isinstance(node, ast.Call):
        return False
    keywords = {keyword.arg for keyword in node.keywords}
    if name == "tf.concat":
        return "concat_dim" in keywords or len(node.args) > 1 and is_number(node.args[0])
    if name == "tf.split":
        return "split_dim" in keywords or len(node.args) > 2 and is_number(node.args[0])
    return False


def is_number(node):
    return isinstance(node, ast.Constant) and isinstance(node.value, int)
