"""tf.contrib.learn: estimators that are fitted to arrays, vocabularies, and run_n.

Source   TensorFlow 1.15, tf.contrib.learn (once skflow)
"""
import collections
import sys
import types

import numpy as np
import tensorflow.compat.v1 as tf

from . import estimator as core
from . import learn_models, vocabulary
from . import monitors as training_monitors
from .estimator import RunConfig, chosen, instances, takes  # noqa: F401
from .input_functions import Feeder

preprocessing = types.SimpleNamespace(
    ByteProcessor=vocabulary.ByteProcessor, CategoricalVocabulary=vocabulary.CategoricalVocabulary,
    VocabularyProcessor=vocabulary.VocabularyProcessor, tokenizer=vocabulary.tokenizer, text=vocabulary,
    categorical_vocabulary=vocabulary)
models = ops = learn_models
monitors = training_monitors


class ModeKeys:
    TRAIN = "train"
    EVAL = "eval"
    INFER = "infer"


class NotFittedError(ValueError, AttributeError):
    """The model directory holds no checkpoint."""


class ModelFnOps(collections.namedtuple("ModelFnOps", (
        "predictions", "loss", "train_op", "eval_metric_ops", "output_alternatives", "training_chief_hooks",
        "training_hooks", "scaffold", "mode"))):
    """What a model function returns, or the tuple predictions, loss, train_op."""

    def __new__(cls, mode, predictions=None, loss=None, train_op=None, eval_metric_ops=None,
                output_alternatives=None, training_chief_hooks=None, training_hooks=None, scaffold=None):
        if loss is not None:
            loss = tf.reshape(loss, [])
        return super().__new__(
            cls, predictions, loss, train_op, dict(eval_metric_ops or {}), output_alternatives,
            list(training_chief_hooks or []), list(training_hooks or []), scaffold, mode)


class MetricSpec:
    """A metric, and which prediction and which label it compares."""

    def __init__(self, metric_fn, prediction_key=None, label_key=None, weight_key=None):
        self.metric_fn = metric_fn
        self.prediction_key = prediction_key
        self.label_key = label_key
        self.weight_key = weight_key

    def create_metric_ops(self, inputs, labels, predictions):
        given = [_item(predictions, self.prediction_key), _item(labels, self.label_key)]
        names = takes(self.metric_fn)
        weights = {"weights": inputs[self.weight_key]} if self.weight_key else {}
        if "predictions" in names and "labels" in names:
            return self.metric_fn(predictions=given[0], labels=given[1], **weights)
        return self.metric_fn(*given, **weights)


def _item(tensors, key):
    if not isinstance(tensors, dict):
        return tensors
    return tensors[key] if key else next(iter(tensors.values()))


class BaseEstimator(core.Estimator):
    """tf.estimator.Estimator with scikit-learn's methods: fit, score, predict, on arrays or an input_fn."""

    def __init__(self, model_fn=None, model_dir=None, config=None, params=None, feature_engineering_fn=None):
        super().__init__(model_fn, model_dir, config, params)
        self._new_labels = lambda: None  # predict's labels: placeholders like those of the last fit
        self._feature_engineering_fn = feature_engineering_fn or (lambda features, labels: (features, labels))

    def _spec(self, features, labels, mode, metrics=None):
        if labels is not None and mode != ModeKeys.INFER:
            info = [tf.nest.map_structure(lambda t: t.dtype.base_dtype, labels),
                    tf.nest.map_structure(lambda t: t.shape, labels)]
            self._new_labels = lambda: tf.nest.map_structure(tf.placeholder, *info)
        features, labels = self._feature_engineering_fn(features, labels)
        given = {"mode": mode, "params": self._params, "config": self._config, "model_dir": self.model_dir}
        names = takes(self._model_fn)
        result = self._model_fn(features, labels, **{k: v for k, v in given.items() if k in names})
        if not isinstance(result, (ModelFnOps, core.EstimatorSpec)):
            predictions, loss, train_op = result
            result = ModelFnOps(mode, predictions, loss, train_op)
        for name, metric in (metrics or {}).items():
            if isinstance(metric, MetricSpec):
                result.eval_metric_ops[name] = metric.create_metric_ops(features, labels, result.predictions)
            elif isinstance(name, tuple):
                result.eval_metric_ops[name[0]] = metric(result.predictions[name[1]], labels)
            else:
                result.eval_metric_ops[name] = metric(result.predictions, labels)
        return result

    def fit(self, x=None, y=None, input_fn=None, steps=None, batch_size=None, monitors=None, max_steps=None):
        """Trains on arrays, shuffled, for steps batches (128 instances by default), or on an input_fn."""
        feeder = None if x is None else Feeder(x, y, batch_size or 128, True, None)
        hooks = [] if feeder is None else [tf.train.FeedFnHook(feeder.feed)]
        for monitor in monitors or []:
            if hasattr(monitor, "set_estimator"):
                monitor.set_estimator(self)
            hooks.append(monitor)
        latest = self.latest_checkpoint()
        if max_steps is not None and latest and tf.train.load_variable(latest, "global_step") >= max_steps:
            return self
        if steps is not None or max_steps is not None:
            hooks.append(tf.train.StopAtStepHook(steps, max_steps))
        with tf.Graph().as_default():
            self._seed()
            step = tf.train.create_global_step()
            features, labels = core._tensors_of(input_fn() if feeder is None else feeder.input_fn())
            self._train(self._spec(features, labels, ModeKeys.TRAIN), step, hooks)
        return self

    def partial_fit(self, x=None, y=None, input_fn=None, steps=1, batch_size=None, monitors=None):
        return self.fit(x, y, input_fn, steps, batch_size, monitors)

    def evaluate(self, x=None, y=None, input_fn=None, feed_fn=None, batch_size=None, steps=None, metrics=None,
                 name=None, checkpoint_path=None, hooks=None, log_progress=True):
        feeder = None if x is None else Feeder(x, y, batch_size or 128, False, 1)
        feed_fn = feed_fn if feeder is None else feeder.feed
        path = self._checkpoint(checkpoint_path)
        with tf.Graph().as_default():
            self._seed()
            step = tf.train.create_global_step()
            features, labels = core._tensors_of(input_fn() if feeder is None else feeder.input_fn())
            spec = self._spec(features, labels, ModeKeys.EVAL, metrics)
            values = dict(spec.eval_metric_ops)
            values.setdefault("loss", tf.metrics.mean(spec.loss))
            hooks = list(hooks or []) + ([tf.train.FeedFnHook(feed_fn)] if feed_fn else [])
            return self._evaluate(values, step, path, steps, hooks, spec.scaffold, name)

    def score(self, x=None, y=None, batch_size=128, steps=None, metrics=None, name=None):
        return self.evaluate(x, y, batch_size=batch_size, steps=steps, metrics=metrics, name=name)

    def predict(self, x=None, input_fn=None, batch_size=None, outputs=None, as_iterable=True,
                iterate_batches=False):
        """Yields predictions one by one; as_iterable=False returns an array or a dictionary of arrays."""
        batches = self._predict_batches(x, input_fn, batch_size, outputs)
        if x is not None and not as_iterable:
            batches = list(batches)
            if isinstance(batches[0], dict):
                return {k: np.concatenate([batch[k] for batch in batches]) for k in batches[0]}
            return np.concatenate(batches)
        return batches if iterate_batches else (p for batch in batches for p in instances(batch))

    def _predict_batches(self, x, input_fn, batch_size, outputs):
        feeder = None if x is None else Feeder(x, None, batch_size, False, 1)
        path = self._checkpoint()
        with tf.Graph().as_default() as graph:
            self._seed()
            tf.train.create_global_step()
            features, _ = core._tensors_of(input_fn() if feeder is None else feeder.input_fn(), False)
            spec = self._spec(features, self._new_labels(), ModeKeys.INFER)
            is_constant = feeder is None and not graph.get_collection(tf.GraphKeys.QUEUE_RUNNERS) and not any(
                op.type == "IteratorGetNext" for op in graph.get_operations())
            for batch in self._predict(spec, chosen(spec.predictions, outputs), path,
                                       feed_fn=None if feeder is None else feeder.feed):
                yield batch
                if is_constant:
                    return

    def _checkpoint(self, checkpoint_path=None):
        path = checkpoint_path or self.latest_checkpoint()
        if not path:
            raise NotFittedError(f"Couldn't find trained model at {self.model_dir}.")
        return path


class Estimator(BaseEstimator):
    """An estimator of a model function."""


class SKCompat:
    """An estimator whose fit, score and predict take arrays, and whose predict returns arrays."""

    def __init__(self, estimator):
        self._estimator = estimator

    def fit(self, x, y, batch_size=128, steps=None, max_steps=None, monitors=None):
        self._estimator.fit(x, y, steps=steps, batch_size=batch_size, monitors=monitors, max_steps=max_steps)
        return self

    def score(self, x, y, batch_size=128, steps=None, metrics=None, name=None):
        return self._estimator.score(x, y, batch_size, steps, metrics, name)

    def predict(self, x, batch_size=128, outputs=None):
        return self._estimator.predict(x, batch_size=batch_size, outputs=outputs, as_iterable=False)


def run_feeds(output_dict, feed_dicts, restore_checkpoint_path=None):
    """Runs the tensors once for each feed_dict, in a new session; variables are new or a checkpoint's."""
    with next(iter(output_dict.values())).graph.as_default(), tf.Session() as session:
        if restore_checkpoint_path:
            tf.train.Saver().restore(session, restore_checkpoint_path)
        else:
            session.run(tf.global_variables_initializer())
        session.run([tf.local_variables_initializer(), tf.tables_initializer()])
        coordinator = tf.train.Coordinator()
        threads = tf.train.start_queue_runners(session, coordinator)
        try:
            return [session.run(output_dict, feed) for feed in feed_dicts]
        finally:
            coordinator.request_stop()
            coordinator.join(threads, stop_grace_period_secs=120)


def run_n(output_dict, feed_dict=None, restore_checkpoint_path=None, n=1):
    return run_feeds(output_dict, [feed_dict] * n, restore_checkpoint_path)


class Experiment:
    """An estimator with the data that it is trained and evaluated on."""

    def __init__(self, estimator, train_input_fn, eval_input_fn, eval_metrics=None, train_steps=None,
                 eval_steps=100, **others):
        self.estimator = estimator
        self._train_input_fn, self._eval_input_fn = train_input_fn, eval_input_fn
        self._eval_metrics, self._train_steps, self._eval_steps = eval_metrics, train_steps, eval_steps

    def train(self, delay_secs=None):
        if isinstance(self.estimator, BaseEstimator):
            return self.estimator.fit(input_fn=self._train_input_fn, max_steps=self._train_steps)
        return self.estimator.train(self._train_input_fn, max_steps=self._train_steps)

    def evaluate(self, delay_secs=None):
        metrics = {"metrics": self._eval_metrics} if isinstance(self.estimator, BaseEstimator) else {}
        return self.estimator.evaluate(input_fn=self._eval_input_fn, steps=self._eval_steps, **metrics)

    def train_and_evaluate(self):
        self.train()
        return self.evaluate(), []


def _run(experiment_fn, output_dir=None, schedule="train_and_evaluate", run_config=None, hparams=None):
    experiment = experiment_fn(output_dir) if run_config is None else experiment_fn(run_config, hparams)
    return getattr(experiment, schedule)()


learn_runner = types.SimpleNamespace(run=_run)
estimators = sys.modules[__name__]
