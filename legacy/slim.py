"""tf.contrib.slim: legacy's own layers under their short names, and all else from the package tf_slim."""
from . import framework, layers
from .framework import (  # noqa: F401
    add_arg_scope,
    arg_scope,
    assign_from_checkpoint_fn,
    get_model_variables,
    get_or_create_global_step,
    get_trainable_variables,
    get_variables,
    get_variables_by_name,
    get_variables_to_restore,
    model_variable,
    variable,
)
from .layers import *  # noqa: F403


def __getattr__(name):
    if name.startswith("__"):
        raise AttributeError(name)
    for own in (layers, framework):
        if name in vars(own):
            return vars(own)[name]
    try:
        import tf_slim
    except ImportError:
        raise AttributeError(f"tf.contrib.slim.{name} needs the package tf_slim: pip install tf_slim")
    return getattr(tf_slim, name)
