"""tf.contrib.framework: argument scopes, and variables found by name.

Source   TensorFlow 1.15, tf.contrib.framework
"""
import contextlib
import functools
import re
import types

import tensorflow.compat.v1 as tf
from tensorflow.python.util import nest as tf_nest

nest = types.SimpleNamespace(**dict(vars(tf_nest), is_sequence=tf_nest.is_nested))
is_tensor = tf.is_tensor
argsort = tf.argsort
sort = tf.sort
py_func = tf.py_func
TensorSpec = tf.TensorSpec
init_from_checkpoint = tf.train.init_from_checkpoint
load_checkpoint = tf.train.load_checkpoint
load_variable = tf.train.load_variable
list_variables = tf.train.list_variables
get_global_step = tf.train.get_global_step
create_global_step = tf.train.create_global_step
get_or_create_global_step = tf.train.get_or_create_global_step
assert_global_step = tf.train.assert_global_step

_scopes = [{}]  # one dictionary for each open arg_scope: function -> its arguments


def add_arg_scope(func):
    """Decorates a function so that arg_scope can give it arguments."""
    @functools.wraps(func)
    def with_scope(*args, **kwargs):
        given = dict(_scopes[-1].get(with_scope.arg_scope_key, {}), **kwargs)
        return func(*args, **given)
    with_scope.arg_scope_key = f"{func.__module__}.{func.__name__}"
    return with_scope


def has_arg_scope(func):
    return hasattr(func, "arg_scope_key")


def current_arg_scope():
    return _scopes[-1]


@contextlib.contextmanager
def arg_scope(list_ops_or_scope, **kwargs):
    """Within it, the listed functions are called with these arguments, unless a call gives its own."""
    slim = None
    if isinstance(list_ops_or_scope, dict):
        scope = dict(list_ops_or_scope)
        slim = scope.get("tf_slim")
    else:
        scope = dict(_scopes[-1])
        for op in list_ops_or_scope:
            if has_arg_scope(op):
                scope[op.arg_scope_key] = dict(scope.get(op.arg_scope_key, {}), **kwargs)
        slim = [op for op in list_ops_or_scope if not has_arg_scope(op)]
    with contextlib.ExitStack() as stack:
        if slim:
            import tf_slim
            scope["tf_slim"] = stack.enter_context(
                tf_slim.arg_scope(slim, **({} if isinstance(slim, dict) else kwargs)))
        _scopes.append(scope)
        try:
            yield scope
        finally:
            _scopes.pop()


@add_arg_scope
def variable(name, shape=None, dtype=None, initializer=None, regularizer=None, trainable=True,
             collections=None, caching_device=None, device=None, partitioner=None, custom_getter=None,
             use_resource=None):
    """tf.get_variable, on a device."""
    with tf.device(device or ""):
        return tf.get_variable(name, shape, dtype, initializer, regularizer, trainable,
                               sorted(set(collections or [tf.GraphKeys.GLOBAL_VARIABLES])), caching_device,
                               partitioner, use_resource=use_resource, custom_getter=custom_getter)


@add_arg_scope
def model_variable(name, shape=None, dtype=tf.float32, initializer=None, regularizer=None, trainable=True,
                   collections=None, caching_device=None, device=None, partitioner=None, custom_getter=None,
                   use_resource=None):
    """A variable that is also in the collection MODEL_VARIABLES."""
    collections = list(collections or []) + [tf.GraphKeys.GLOBAL_VARIABLES, tf.GraphKeys.MODEL_VARIABLES]
    return variable(name, shape, dtype, initializer, regularizer, trainable, collections, caching_device,
                    device, partitioner, custom_getter, use_resource)


def add_model_variable(var):
    if not any(v is var for v in tf.get_collection(tf.GraphKeys.MODEL_VARIABLES)):
        tf.add_to_collection(tf.GraphKeys.MODEL_VARIABLES, var)


def local_variable(initial_value, validate_shape=True, name=None, use_resource=None):
    return tf.Variable(initial_value, trainable=False, collections=[tf.GraphKeys.LOCAL_VARIABLES],
                       validate_shape=validate_shape, use_resource=use_resource, name=name)


def global_variable(initial_value, validate_shape=True, name=None, use_resource=None):
    return tf.Variable(initial_value, trainable=False, collections=[tf.GraphKeys.GLOBAL_VARIABLES],
                       validate_shape=validate_shape, use_resource=use_resource, name=name)


def get_variables(scope=None, suffix=None, collection=tf.GraphKeys.GLOBAL_VARIABLES):
    scope = scope.name if isinstance(scope, tf.VariableScope) else scope
    if suffix is not None:
        scope = (scope or "") + ".*" + (suffix if ":" in suffix else suffix + ":")
    return tf.get_collection(collection, scope)


def get_model_variables(scope=None, suffix=None):
    return get_variables(scope, suffix, tf.GraphKeys.MODEL_VARIABLES)


def get_local_variables(scope=None, suffix=None):
    return get_variables(scope, suffix, tf.GraphKeys.LOCAL_VARIABLES)


def get_trainable_variables(scope=None, suffix=None):
    return get_variables(scope, suffix, tf.GraphKeys.TRAINABLE_VARIABLES)


def get_variables_by_suffix(suffix, scope=None):
    return get_variables(scope, suffix)


def get_variables_by_name(given_name, scope=None):
    return get_variables(scope, f"/{given_name}:|^{given_name}:")


def get_variable_full_name(var):
    return var._save_slice_info.full_name if var._save_slice_info else var.op.name


def get_unique_variable(var_op_name):
    for var in get_variables(var_op_name):
        if var.op.name == var_op_name:
            return var
    raise ValueError(f"Couldn't find variable {var_op_name}")


def get_variables_to_restore(include=None, exclude=None):
    kept = get_variables() if include is None else [v for scope in include for v in get_variables(scope)]
    left_out = {v.name for scope in exclude or [] for v in get_variables(scope)}
    return [v for v in kept if v.name not in left_out]


def filter_variables(var_list, include_patterns=None, exclude_patterns=None, reg_search=True):
    match = re.search if reg_search else re.match

    def any_of(patterns, var):
        return any(match(pattern, var.name) for pattern in patterns)
    return [v for v in var_list if (include_patterns is None or any_of(include_patterns, v))
            and not any_of(exclude_patterns or [], v)]


def assign_from_values_fn(var_names_to_values):
    """Returns a function of a session that gives variables values, by name."""
    variables = {v.op.name: v for v in get_variables()}

    def assign(session):
        for name, value in var_names_to_values.items():
            variables[name].load(value.reshape(variables[name].shape), session)
    return assign


def assign_from_checkpoint_fn(model_path, var_list, ignore_missing_vars=False, reshape_variables=False):
    """Returns a function of a session that restores variables; None where the checkpoint has none."""
    variables = var_list if isinstance(var_list, dict) else {v.op.name: v for v in var_list}
    if not variables:
        raise ValueError("var_list cannot be empty")
    if ignore_missing_vars:
        reader = tf.train.load_checkpoint(model_path)
        variables = {name: v for name, v in variables.items() if reader.has_tensor(name)}
    if not variables:
        return None
    saver = tf.train.Saver(variables, reshape=reshape_variables)
    return lambda session: saver.restore(session, model_path)


def assert_scalar(tensor, name=None):
    tensor = tf.convert_to_tensor(tensor)
    tf.assert_scalar(tensor)
    return tensor


def assert_same_float_dtype(tensors=None, dtype=None):
    return tf.debugging.assert_same_float_dtype(tensors, dtype)


def get_name_scope():
    return tf.get_default_graph().get_name_scope()


def get_placeholders(graph=None):
    operations = (graph or tf.get_default_graph()).get_operations()
    return [op.outputs[0] for op in operations if op.type == "Placeholder"]


def smart_constant_value(pred):
    return tf.get_static_value(pred) if isinstance(pred, tf.Tensor) else bool(pred)


def smart_cond(pred, true_fn=None, false_fn=None, name=None):
    """Calls one of the functions where pred is known, else builds a tf.cond of both."""
    known = smart_constant_value(pred) if not isinstance(pred, tf.Variable) else None
    if known is None:
        return tf.cond(pred, true_fn, false_fn, name=name)
    return true_fn() if known else false_fn()


def with_shape(expected_shape, tensor):
    tensor = tf.convert_to_tensor(tensor)
    tensor.set_shape(expected_shape)
    return tensor


def with_same_shape(expected_tensor, tensor):
    return with_shape(expected_tensor.shape, tensor)


def deprecated(date, instructions, warn_once=True):
    """The decorator of functions that TensorFlow was to remove; here it decorates nothing."""
    return lambda func: func


def deprecated_args(date, instructions, *deprecated_arg_names_or_tuples, **kwargs):
    return lambda func: func
