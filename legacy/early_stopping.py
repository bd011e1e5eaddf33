"""Hooks of tf.estimator.experimental that end a training by the metrics of its evaluations.

Source   TensorFlow 1.15, tf.estimator.experimental. The metrics are read from the event files in eval_dir.
"""
import functools
import glob
import operator
import os

import tensorflow.compat.v1 as tf


class _StopHook(tf.train.SessionRunHook):
    """Asks should_stop_fn every run_every_steps steps, or run_every_secs seconds."""

    def __init__(self, should_stop_fn, run_every_secs, run_every_steps):
        self._should_stop_fn = should_stop_fn
        self._timer = tf.train.SecondOrStepTimer(None if run_every_steps else run_every_secs, run_every_steps)

    def begin(self):
        self._step = tf.train.get_global_step()

    def before_run(self, run_context):
        return tf.train.SessionRunArgs(self._step)

    def after_run(self, run_context, run_values):
        if self._timer.should_trigger_for_step(run_values.results):
            self._timer.update_last_triggered_step(run_values.results)
            if self._should_stop_fn():
                run_context.request_stop()


def make_early_stopping_hook(estimator, should_stop_fn, run_every_secs=60, run_every_steps=None):
    return _StopHook(should_stop_fn, run_every_secs, run_every_steps)


def read_eval_metrics(eval_dir):
    """The metrics of each evaluation: a dictionary global step -> {name: value}."""
    metrics = {}
    for path in sorted(glob.glob(os.path.join(eval_dir, "*.tfevents.*"))):
        for event in tf.train.summary_iterator(path):
            values = {v.tag: v.simple_value for v in event.summary.value if v.HasField("simple_value")}
            if values:
                metrics[event.step] = values
    return dict(sorted(metrics.items()))


def _history(estimator, metric_name, eval_dir, min_steps):
    metrics = read_eval_metrics(eval_dir or estimator.eval_dir())
    return [(step, values[metric_name]) for step, values in metrics.items() if step >= min_steps]


def _stop_if_threshold(better, estimator, metric_name, threshold, eval_dir=None, min_steps=0,
                       run_every_secs=60, run_every_steps=None):
    def should_stop():
        return any(better(v, threshold) for _, v in _history(estimator, metric_name, eval_dir, min_steps))
    return _StopHook(should_stop, run_every_secs, run_every_steps)


def _stop_if_no_improvement(better, estimator, metric_name, max_steps_without, eval_dir=None, min_steps=0,
                            run_every_secs=60, run_every_steps=None):
    def should_stop():
        best, best_step, step = None, None, None
        for step, value in _history(estimator, metric_name, eval_dir, min_steps):
            if best is None or better(value, best):
                best, best_step = value, step
        return best is not None and step - best_step >= max_steps_without
    return _StopHook(should_stop, run_every_secs, run_every_steps)


stop_if_higher_hook = functools.partial(_stop_if_threshold, operator.gt)
stop_if_lower_hook = functools.partial(_stop_if_threshold, operator.lt)


def stop_if_no_increase_hook(estimator, metric_name, max_steps_without_increase, *args, **kwargs):
    return _stop_if_no_improvement(operator.gt, estimator, metric_name, max_steps_without_increase, *args,
                                   **kwargs)


def stop_if_no_decrease_hook(estimator, metric_name, max_steps_without_decrease, *args, **kwargs):
    return _stop_if_no_improvement(operator.lt, estimator, metric_name, max_steps_without_decrease, *args,
                                   **kwargs)
