"""tf.estimator, which left TensorFlow in 2.16: a model function, and the sessions that train and use it.

Source   TensorFlow 1.15, tf.estimator. Checkpoints, names and random seeds are those of TF 1.15.
"""
import copy
import inspect
import os
import tempfile
import time
import types

import numpy as np
import tensorflow.compat.v1 as tf

from . import early_stopping
from .early_stopping import (  # noqa: F401
    make_early_stopping_hook,
    stop_if_higher_hook,
    stop_if_lower_hook,
    stop_if_no_decrease_hook,
    stop_if_no_increase_hook,
)
from .estimator_parts import (  # noqa: F401
    EstimatorSpec,
    EvalSpec,
    ModeKeys,
    PredictOutput,
    RunConfig,
    ServingInputReceiver,
    StopAfterNEvalsHook,
    TrainSpec,
    export,
)
from .input_functions import numpy_input_fn, pandas_input_fn

experimental = early_stopping
inputs = types.SimpleNamespace(numpy_input_fn=numpy_input_fn, pandas_input_fn=pandas_input_fn)
LoggingTensorHook = tf.train.LoggingTensorHook
StopAtStepHook = tf.train.StopAtStepHook
SessionRunHook = tf.train.SessionRunHook
CheckpointSaverHook = tf.train.CheckpointSaverHook


def takes(function):
    """The names of a function's arguments."""
    return list(inspect.signature(function).parameters)


def _tensors_of(result, wants_labels=True):
    """What an input_fn returned, as features and labels; a Dataset is iterated."""
    if isinstance(result, tf.data.Dataset):
        iterator = tf.data.make_initializable_iterator(result)
        tf.add_to_collection(tf.GraphKeys.TABLE_INITIALIZERS, iterator.initializer)
        result = iterator.get_next()
    if isinstance(result, (list, tuple)) and len(result) == 2:
        return result[0], result[1] if wants_labels else None
    return (result[0] if isinstance(result, (list, tuple)) and len(result) == 1 else result), None


class Estimator:
    """Trains, evaluates and predicts with model_fn(features, labels, mode, params, config)."""

    def __init__(self, model_fn, model_dir=None, config=None, params=None, warm_start_from=None):
        if isinstance(config, dict):
            config = RunConfig(**config)
        self._config = copy.copy(config or RunConfig())
        self._config.model_dir = model_dir or self._config.model_dir or tempfile.mkdtemp()
        self._model_fn = model_fn
        self._params = copy.deepcopy(params) if isinstance(params, dict) or params is None else params
        self._warm_start_from = warm_start_from

    model_dir = property(lambda self: self._config.model_dir)
    config = property(lambda self: copy.copy(self._config))
    params = property(lambda self: {} if self._params is None else self._params)
    model_fn = property(lambda self: self._model_fn)

    def _session_config(self):
        return self._config.session_config or tf.ConfigProto(allow_soft_placement=True)

    def _call_input_fn(self, input_fn, mode):
        given = {"mode": mode, "params": self.params, "config": self.config}
        names = takes(input_fn)
        with tf.device("/cpu:0"):
            return input_fn(**{name: value for name, value in given.items() if name in names})

    def _call_model_fn(self, features, labels, mode):
        given = {"labels": labels, "mode": mode, "params": self.params, "config": self.config}
        names = takes(self._model_fn)
        return self._model_fn(features=features, **{k: v for k, v in given.items() if k in names})

    def _seed(self):
        tf.set_random_seed(1 if self._config.tf_random_seed is None else self._config.tf_random_seed)

    def train(self, input_fn, hooks=None, steps=None, max_steps=None, saving_listeners=None):
        """Trains steps more, or until global_step is max_steps, or until the input ends."""
        if steps is not None and max_steps is not None:
            raise ValueError("Can not provide both steps and max_steps.")
        hooks = list(hooks or [])
        if max_steps is not None:
            latest = self.latest_checkpoint()
            if latest and tf.train.load_variable(latest, "global_step") >= max_steps:
                return self
        if steps is not None or max_steps is not None:
            hooks.append(tf.train.StopAtStepHook(steps, max_steps))
        with tf.Graph().as_default():
            self._seed()
            step = tf.train.create_global_step()
            features, labels = _tensors_of(self._call_input_fn(input_fn, ModeKeys.TRAIN))
            spec = self._call_model_fn(features, labels, ModeKeys.TRAIN)
            self._train(spec, step, hooks, saving_listeners)
        return self

    def _train(self, spec, step, hooks, saving_listeners=None):
        """Runs spec.train_op in a session that restores, saves and summarizes; returns the last loss."""
        config = self._config
        tf.add_to_collection(tf.GraphKeys.LOSSES, spec.loss)
        if not tf.get_collection(tf.GraphKeys.SUMMARIES, "loss"):
            tf.summary.scalar("loss", spec.loss)
        if self._warm_start_from:
            tf.train.warm_start(self._warm_start_from)
        hooks = list(hooks) + [
            tf.train.NanTensorHook(spec.loss),
            tf.train.LoggingTensorHook({"loss": spec.loss, "step": step}, config.log_step_count_steps or 100)]
        scaffold = spec.scaffold or tf.train.Scaffold()
        if not (scaffold.saver or tf.get_collection(tf.GraphKeys.SAVERS)):
            tf.add_to_collection(tf.GraphKeys.SAVERS, tf.train.Saver(
                sharded=True, max_to_keep=config.keep_checkpoint_max, defer_build=True,
                save_relative_paths=True, keep_checkpoint_every_n_hours=config.keep_checkpoint_every_n_hours))
        chief_hooks = list(spec.training_chief_hooks)
        given = hooks + chief_hooks + spec.training_hooks
        if not any(isinstance(hook, tf.train.CheckpointSaverHook) for hook in given):
            steps = config.save_checkpoints_steps
            chief_hooks.append(tf.train.CheckpointSaverHook(
                self.model_dir, None if steps else config.save_checkpoints_secs or 600, steps,
                scaffold=scaffold, listeners=saving_listeners))
        loss = None
        with tf.train.MonitoredTrainingSession(
                checkpoint_dir=self.model_dir, scaffold=scaffold, hooks=hooks + spec.training_hooks,
                chief_only_hooks=chief_hooks, save_checkpoint_secs=0, config=self._session_config(),
                save_summaries_steps=config.save_summary_steps, log_step_count_steps=None) as session:
            while not session.should_stop():
                _, loss = session.run([spec.train_op, spec.loss])
        return loss

    def _checkpoint(self, checkpoint_path=None):
        path = checkpoint_path or self.latest_checkpoint()
        if not path:
            raise ValueError(f"Could not find trained model in model_dir: {self.model_dir}.")
        return path

    def evaluate(self, input_fn, steps=None, hooks=None, checkpoint_path=None, name=None):
        """Returns the metrics over steps batches, or until the input ends, with loss and global_step."""
        path = self._checkpoint(checkpoint_path)
        with tf.Graph().as_default():
            self._seed()
            step = tf.train.create_global_step()
            features, labels = _tensors_of(self._call_input_fn(input_fn, ModeKeys.EVAL))
            spec = self._call_model_fn(features, labels, ModeKeys.EVAL)
            metrics = dict(spec.eval_metric_ops)
            metrics.setdefault("loss", tf.metrics.mean(spec.loss))
            return self._evaluate(metrics, step, path, steps, list(hooks or []) + spec.evaluation_hooks,
                                  spec.scaffold, name)

    def _evaluate(self, metrics, step, path, steps, hooks, scaffold, name):
        pairs = {k: v if isinstance(v, (list, tuple)) else (v, v) for k, v in metrics.items()}
        updates = tf.group(*[update for _, update in pairs.values()])
        values = dict({k: value for k, (value, _) in pairs.items()}, global_step=step)
        last = tf.train.FinalOpsHook(values)
        hooks = hooks + [last] + ([StopAfterNEvalsHook(steps)] if steps else [])
        creator = tf.train.ChiefSessionCreator(scaffold, config=self._session_config(),
                                               checkpoint_filename_with_path=path)
        with tf.train.MonitoredSession(creator, hooks) as session:
            while not session.should_stop():
                session.run(updates)
        results = last.final_ops_values
        writer = tf.summary.FileWriter(self.eval_dir(name))
        numbers = [tf.Summary.Value(tag=k, simple_value=float(v)) for k, v in results.items()
                   if k != "global_step" and np.ndim(v) == 0 and np.asarray(v).dtype.kind in "fiu"]
        writer.add_summary(tf.Summary(value=numbers), results["global_step"])
        writer.close()
        return results

    def predict(self, input_fn, predict_keys=None, hooks=None, checkpoint_path=None,
                yield_single_examples=True):
        """Yields the predictions, one instance at a time or one batch."""
        path = self._checkpoint(checkpoint_path)
        with tf.Graph().as_default():
            self._seed()
            tf.train.create_global_step()
            features, _ = _tensors_of(self._call_input_fn(input_fn, ModeKeys.PREDICT), wants_labels=False)
            spec = self._call_model_fn(features, None, ModeKeys.PREDICT)
            for batch in self._predict(spec, chosen(spec.predictions, predict_keys), path, hooks):
                yield from instances(batch) if yield_single_examples else [batch]

    def _predict(self, spec, predictions, path, hooks=None, feed_fn=None):
        creator = tf.train.ChiefSessionCreator(spec.scaffold, config=self._session_config(),
                                               checkpoint_filename_with_path=path)
        hooks = list(hooks or []) + list(getattr(spec, "prediction_hooks", []))
        with tf.train.MonitoredSession(creator, hooks) as session:
            while not session.should_stop():
                yield session.run(predictions, feed_fn() if feed_fn else None)

    def eval_dir(self, name=None):
        return os.path.join(self.model_dir, "eval_" + name if name else "eval")

    def latest_checkpoint(self):
        return tf.train.latest_checkpoint(self.model_dir)

    def get_variable_value(self, name):
        return tf.train.load_variable(self.model_dir, name)

    def get_variable_names(self):
        return [name for name, _ in tf.train.list_variables(self.model_dir)]

    def export_savedmodel(self, export_dir_base, serving_input_receiver_fn, assets_extra=None, as_text=False,
                          checkpoint_path=None, strip_default_attrs=False):
        """Writes a SavedModel into a new folder, named by the time; returns its path."""
        folder = os.path.join(export_dir_base, str(int(time.time())))
        with tf.Graph().as_default() as graph:
            tf.train.create_global_step()
            receiver = serving_input_receiver_fn()
            spec = self._call_model_fn(receiver.features, None, ModeKeys.PREDICT)
            with tf.Session(graph=graph, config=self._session_config()) as session:
                tf.train.Saver().restore(session, self._checkpoint(checkpoint_path))
                received = receiver.receiver_tensors
                received = received if isinstance(received, dict) else {"input": received}
                predicted = spec.predictions
                predicted = predicted if isinstance(predicted, dict) else {"output": predicted}
                tf.saved_model.simple_save(session, folder, received, predicted,
                                           legacy_init_op=tf.tables_initializer())
        return folder.encode()

    export_saved_model = export_savedmodel


def chosen(predictions, keys):
    if not keys:
        return predictions
    return {k: v for k, v in predictions.items() if k in keys}


def instances(batch):
    """One batch of predictions, an array or a dictionary of arrays, as its instances."""
    if not isinstance(batch, dict):
        return list(batch)
    return [dict(zip(batch, values)) for values in zip(*batch.values())]


def train_and_evaluate(estimator, train_spec, eval_spec):
    """Trains to max_steps, then evaluates; returns the metrics and no exports."""
    estimator.train(train_spec.input_fn, list(train_spec.hooks or []), max_steps=train_spec.max_steps)
    results = estimator.evaluate(eval_spec.input_fn, eval_spec.steps, list(eval_spec.hooks or []),
                                 name=eval_spec.name)
    return results, []
