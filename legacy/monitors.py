"""Monitors of tf.contrib.learn: what watches a training.

Source   TensorFlow 1.15, tf.contrib.learn.monitors
"""
import time

import tensorflow.compat.v1 as tf

CheckpointSaver = tf.train.CheckpointSaverHook
NanLossDuringTrainingError = tf.train.NanLossDuringTrainingError
StopAtStep = tf.train.StopAtStepHook
SummarySaver = tf.train.SummarySaverHook


def PrintTensor(tensor_names, every_n=100, first_n=1):
    """Logs tensors, by name, every_n steps."""
    return tf.train.LoggingTensorHook(tensor_names, every_n)


class ValidationMonitor(tf.train.SessionRunHook):
    """Evaluates the latest checkpoint every_n_steps, and ends a training that no longer improves."""

    def __init__(self, x=None, y=None, input_fn=None, batch_size=None, eval_steps=None, every_n_steps=100,
                 metrics=None, hooks=None, early_stopping_rounds=None, early_stopping_metric="loss",
                 early_stopping_metric_minimize=True, name=None, check_interval_secs=5):
        if x is None and input_fn is None:
            raise ValueError("Either x or input_fn should be provided.")
        self._data = {"x": x, "y": y, "batch_size": batch_size, "metrics": metrics}
        self._evaluation = {"input_fn": input_fn, "steps": eval_steps, "hooks": hooks, "name": name}
        self._every_n_steps = every_n_steps
        self._rounds = early_stopping_rounds
        self._metric = early_stopping_metric
        self._sign = 1 if early_stopping_metric_minimize else -1
        self._check_interval_secs = check_interval_secs
        self._last_step, self._last_time, self._latest = 0, None, None
        self.best_step = self.best_value = self.best_metrics = None
        self.early_stopped = False

    def set_estimator(self, estimator):
        self._estimator = estimator

    def begin(self):
        self._step = tf.train.get_global_step()

    def before_run(self, run_context):
        return tf.train.SessionRunArgs(self._step)

    def after_run(self, run_context, run_values):
        step = int(run_values.results)
        if step < self._last_step + self._every_n_steps:
            return
        self._last_step = step
        now = time.time()
        too_soon = self._last_time is not None and now - self._last_time <= (self._check_interval_secs or 0)
        latest = None if too_soon else self._estimator.latest_checkpoint()
        if latest is None or latest == self._latest:
            return
        self._last_time, self._latest = now, latest
        given = {name: value for name, value in self._data.items() if value is not None}
        results = self._estimator.evaluate(**dict(self._evaluation, **given))
        tf.logging.info("Validation (step %d): %s", step, results)
        if self._rounds is not None:
            value = results[self._metric]
            if self.best_value is None or self._sign * value < self._sign * self.best_value:
                self.best_value, self.best_step, self.best_metrics = value, step, dict(results)
            if step - self.best_step >= self._rounds:
                self.early_stopped = True
                run_context.request_stop()
