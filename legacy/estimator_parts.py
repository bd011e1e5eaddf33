"""What tf.estimator.Estimator is told: modes, specifications, how often to save, when to stop.

Source   TensorFlow 1.15, tf.estimator
"""
import collections
import copy
import types

import tensorflow.compat.v1 as tf

TrainSpec = collections.namedtuple("TrainSpec", "input_fn max_steps hooks", defaults=(None, ()))
EvalSpec = collections.namedtuple(
    "EvalSpec", "input_fn steps name hooks exporters start_delay_secs throttle_secs",
    defaults=(100, None, (), (), 120, 600))
ServingInputReceiver = collections.namedtuple(
    "ServingInputReceiver", "features receiver_tensors receiver_tensors_alternatives", defaults=(None,))
PredictOutput = collections.namedtuple("PredictOutput", "outputs")
export = types.SimpleNamespace(ServingInputReceiver=ServingInputReceiver, PredictOutput=PredictOutput)


class ModeKeys:
    TRAIN = "train"
    EVAL = "eval"
    PREDICT = "infer"


class EstimatorSpec(collections.namedtuple("EstimatorSpec", (
        "mode", "predictions", "loss", "train_op", "eval_metric_ops", "export_outputs",
        "training_chief_hooks", "training_hooks", "scaffold", "evaluation_hooks", "prediction_hooks"))):
    """What a model function returns."""

    def __new__(cls, mode, predictions=None, loss=None, train_op=None, eval_metric_ops=None,
                export_outputs=None, training_chief_hooks=None, training_hooks=None, scaffold=None,
                evaluation_hooks=None, prediction_hooks=None):
        if mode == ModeKeys.TRAIN and train_op is None:
            raise ValueError("Missing train_op.")
        if mode in (ModeKeys.TRAIN, ModeKeys.EVAL) and loss is None:
            raise ValueError("Missing loss.")
        if mode == ModeKeys.PREDICT and predictions is None:
            raise ValueError("Missing predictions.")
        if loss is not None:
            loss = tf.reshape(loss, [])
        return super().__new__(
            cls, mode, {} if predictions is None else predictions, loss, train_op,
            dict(eval_metric_ops or {}), export_outputs, list(training_chief_hooks or []),
            list(training_hooks or []), scaffold, list(evaluation_hooks or []), list(prediction_hooks or []))


class RunConfig:
    """Where and how often to save."""

    def __init__(self, model_dir=None, tf_random_seed=None, save_summary_steps=100,
                 save_checkpoints_steps=None, save_checkpoints_secs=None, session_config=None,
                 keep_checkpoint_max=5, keep_checkpoint_every_n_hours=10000, log_step_count_steps=100,
                 **others):
        self.model_dir = model_dir
        self.tf_random_seed = tf_random_seed
        self.save_summary_steps = save_summary_steps
        self.save_checkpoints_steps = save_checkpoints_steps
        self.save_checkpoints_secs = save_checkpoints_secs
        if not save_checkpoints_steps and save_checkpoints_secs is None:
            self.save_checkpoints_secs = 600
        self.session_config = session_config
        self.keep_checkpoint_max = keep_checkpoint_max
        self.keep_checkpoint_every_n_hours = keep_checkpoint_every_n_hours
        self.log_step_count_steps = log_step_count_steps
        self.is_chief, self.task_type, self.task_id, self.num_worker_replicas = True, "worker", 0, 1
        vars(self).update(others)

    def replace(self, **kwargs):
        new = copy.copy(self)
        vars(new).update(kwargs)
        return new


class StopAfterNEvalsHook(tf.train.SessionRunHook):
    """Ends an evaluation after n batches."""

    def __init__(self, num_evals, log_progress=True):
        self._left = num_evals

    def after_run(self, run_context, run_values):
        self._left -= 1
        if self._left <= 0:
            run_context.request_stop()
