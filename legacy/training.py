"""tf.contrib.training: hyperparameters, and the short ways to train.

Source   TensorFlow 1.15, tf.contrib.training.HParams: each value keeps the type that it had first
"""
import json
import re

import tensorflow.compat.v1 as tf

from .bucket import bucket, bucket_by_sequence_length  # noqa: F401
from .estimator import StopAfterNEvalsHook  # noqa: F401

get_or_create_eval_step = tf.train.get_or_create_global_step
checkpoints_iterator = tf.train.checkpoints_iterator
_PARAMETER = re.compile(r"""
    (?P<name>[a-zA-Z][\w.]*)
    (\[\s*(?P<index>\d+)\s*\])?
    \s*=\s*
    (\[(?P<values>[^\]]*)\] | (?P<value>[^,\[]*))
    ($|,\s*)""", re.VERBOSE)


def _parsed(kind, name, text):
    try:
        if kind is bool:
            return text in ("true", "True") or text not in ("false", "False") and bool(int(text))
        return kind(text)
    except ValueError:
        raise ValueError(f"Could not parse hparam {name!r} of type {kind.__name__!r} with value {text!r}")


def parse_values(values, type_map, ignore_unknown=False):
    """Reads "name=value,name=[value,value],name[1]=value" into a dictionary, by the types of type_map."""
    found, position = {}, 0
    while position < len(values):
        match = _PARAMETER.match(values, position)
        if not match:
            raise ValueError(f"Malformed hyperparameter value: {values[position:]}")
        position = match.end()
        name = match.group("name")
        if name not in type_map:
            if ignore_unknown:
                continue
            raise ValueError(f"Unknown hyperparameter type for {name}")
        kind, text = type_map[name], match.group("value")
        if match.group("index"):
            value = dict(found.get(name, {}))
            value[int(match.group("index"))] = _parsed(kind, name, text)
        elif name in found:
            raise ValueError(f"Multiple assignments to variable {name!r} in {values}")
        elif text is None:
            value = [_parsed(kind, name, v) for v in re.split("[ ,]", match.group("values")) if v]
        else:
            value = _parsed(kind, name, text)
        found[name] = value
    return found


def _cast(name, kind, value):
    """The value as its first type, where no meaning is lost: 1 may become 1.0, 1.5 may not become 1."""
    if type(value) is kind or kind is type(None):
        return value
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if kind in (str, bytes) and not isinstance(value, (str, bytes)) \
            or (kind is bool) != isinstance(value, bool) \
            or kind is int and not isinstance(value, int) \
            or kind is float and not is_number:
        raise ValueError(f"Could not cast hparam {name!r} of type {kind!r} from value {value!r}")
    return kind(value)


class HParams:
    """Hyperparameters as attributes: HParams(units=64).parse("units=128").units"""

    def __init__(self, hparam_def=None, model_structure=None, **kwargs):
        self._hparam_types = {}
        self._model_structure = model_structure
        for name, value in kwargs.items():
            self.add_hparam(name, value)

    def add_hparam(self, name, value):
        if getattr(self, name, None) is not None:
            raise ValueError(f"Hyperparameter name is reserved: {name}")
        is_list = isinstance(value, (list, tuple))
        if is_list and not value:
            raise ValueError(f"Multi-valued hyperparameters cannot be empty: {name}")
        self._hparam_types[name] = (type(value[0] if is_list else value), is_list)
        setattr(self, name, value)

    def set_hparam(self, name, value):
        kind, is_list = self._hparam_types[name]
        if isinstance(value, list) != is_list:
            raise ValueError(f"hparam {name!r} {'takes' if is_list else 'does not take'} a list")
        setattr(self, name, [_cast(name, kind, v) for v in value] if is_list else _cast(name, kind, value))

    def del_hparam(self, name):
        if hasattr(self, name):
            delattr(self, name)
            del self._hparam_types[name]

    def override_from_dict(self, values_dict):
        for name, value in values_dict.items():
            self.set_hparam(name, value)
        return self

    set_from_map = override_from_dict

    def parse(self, values):
        types = {name: kind for name, (kind, _) in self._hparam_types.items()}
        return self.override_from_dict(parse_values(values, types))

    def parse_json(self, values_json):
        return self.override_from_dict(json.loads(values_json))

    def to_json(self, indent=None, separators=None, sort_keys=False):
        return json.dumps(self.values(), indent=indent, separators=separators, sort_keys=sort_keys)

    def values(self):
        return {name: getattr(self, name) for name in self._hparam_types}

    def get(self, key, default=None):
        return getattr(self, key) if key in self._hparam_types else default

    def get_model_structure(self):
        return self._model_structure

    def set_model_structure(self, model_structure):
        self._model_structure = model_structure

    def __contains__(self, key):
        return key in self._hparam_types

    def __str__(self):
        return ",".join("{}={}".format(*pair) for pair in self.values().items())

    def __repr__(self):
        return f"{type(self).__name__}({sorted(self.values().items())})"


def clip_gradient_norms(gradients_to_variables, max_norm):
    """Clips each gradient by its own norm."""
    return [(g if g is None else tf.clip_by_norm(g, max_norm), v) for g, v in gradients_to_variables]


def create_train_op(total_loss, optimizer, global_step=0, update_ops=None, variables_to_train=None,
                    transform_grads_fn=None, summarize_gradients=False, gate_gradients=1,
                    aggregation_method=None, colocate_gradients_with_ops=False, check_numerics=True):
    """An operation that trains one step and has the value of the loss; global_step=0 is tf.train's."""
    if isinstance(global_step, int):
        global_step = tf.train.get_or_create_global_step()
    updates = tf.get_collection(tf.GraphKeys.UPDATE_OPS) if update_ops is None else list(update_ops)
    with tf.control_dependencies(updates):
        total_loss = tf.identity(total_loss)
    gradients = optimizer.compute_gradients(total_loss, variables_to_train, gate_gradients,
                                            aggregation_method, colocate_gradients_with_ops)
    if transform_grads_fn:
        gradients = transform_grads_fn(gradients)
    trained = optimizer.apply_gradients(gradients, global_step)
    if check_numerics:
        total_loss = tf.check_numerics(total_loss, "LossTensor is inf or nan")
    with tf.control_dependencies([trained]):
        train_op = tf.identity(total_loss)
    tf.add_to_collection(tf.GraphKeys.TRAIN_OP, train_op)
    return train_op


def train(train_op, logdir, master="", is_chief=True, scaffold=None, hooks=None, chief_only_hooks=None,
          save_checkpoint_secs=600, save_summaries_steps=100, config=None, max_wait_secs=7200):
    """Runs train_op until a hook stops it; returns its last value."""
    value = None
    with tf.train.MonitoredTrainingSession(
            master, is_chief, logdir, scaffold, hooks, chief_only_hooks, save_checkpoint_secs,
            save_summaries_steps, config=config) as session:
        while not session.should_stop():
            value = session.run(train_op)
    return value
