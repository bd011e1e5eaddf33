"""optimize_loss of tf.contrib.layers: loss, learning rate, optimizer and clipping in one call.

Sources  TensorFlow 1.15, tf.contrib.layers.optimize_loss;
         Neelakantan et al. 2015, arXiv:1511.06807 (gradient noise)
"""
import tensorflow.compat.v1 as tf

OPTIMIZER_CLS_NAMES = {
    "Adagrad": tf.train.AdagradOptimizer,
    "Adam": tf.train.AdamOptimizer,
    "Ftrl": tf.train.FtrlOptimizer,
    "Momentum": lambda learning_rate: tf.train.MomentumOptimizer(learning_rate, momentum=0.9),
    "RMSProp": tf.train.RMSPropOptimizer,
    "SGD": tf.train.GradientDescentOptimizer,
}
OPTIMIZER_SUMMARIES = ["learning_rate", "loss", "gradients", "gradient_norm", "global_gradient_norm"]


def optimize_loss(loss, global_step, learning_rate, optimizer, gradient_noise_scale=None,
                  gradient_multipliers=None, clip_gradients=None, learning_rate_decay_fn=None,
                  update_ops=None, variables=None, name=None, summaries=None,
                  colocate_gradients_with_ops=False, increment_global_step=True):
    """Returns a tensor that trains one step and has the value of the loss.

    optimizer: a name of OPTIMIZER_CLS_NAMES, a class, an optimizer, or a function of the learning rate.
    """
    loss = tf.convert_to_tensor(loss)
    if global_step is None:
        global_step = tf.train.get_global_step()
    else:
        tf.train.assert_global_step(global_step)
    with tf.variable_scope(name, "OptimizeLoss", [loss, global_step]):
        if update_ops is None:
            update_ops = tf.get_collection(tf.GraphKeys.UPDATE_OPS)
        if update_ops:
            with tf.control_dependencies(list(update_ops)):
                loss = tf.identity(loss)
        summaries = ["loss", "learning_rate", "global_gradient_norm"] if summaries is None else summaries
        unknown = set(summaries) - set(OPTIMIZER_SUMMARIES)
        if unknown:
            raise ValueError(f"Summaries should be of {OPTIMIZER_SUMMARIES}, saw {sorted(unknown)}.")
        rate = _learning_rate(learning_rate)
        if rate is not None and learning_rate_decay_fn is not None:
            if global_step is None:
                raise ValueError("global_step is required for learning_rate_decay_fn.")
            rate = learning_rate_decay_fn(rate, global_step)
            if "learning_rate" in summaries:
                tf.summary.scalar("learning_rate", rate)
        opt = _optimizer(optimizer, rate)
        gradients = opt.compute_gradients(loss, tf.trainable_variables() if variables is None else variables,
                                          colocate_gradients_with_ops=colocate_gradients_with_ops)
        if gradient_noise_scale is not None:
            gradients = [(g if g is None else g + gradient_noise_scale * tf.truncated_normal(v.shape), v)
                         for g, v in gradients]
        if gradient_multipliers is not None:
            gradients = [(_scale(g, _multiplier(gradient_multipliers, v)), v) for g, v in gradients]
        norms = {"global_gradient_norm", "gradient_norm"} & set(summaries)
        if norms:
            tf.summary.scalar("global_norm/gradient_norm", tf.global_norm([g for g, _ in gradients]))
        if isinstance(clip_gradients, float):
            clipped, _ = tf.clip_by_global_norm([g for g, _ in gradients], clip_gradients)
            gradients = list(zip(clipped, [v for _, v in gradients]))
        elif callable(clip_gradients):
            gradients = clip_gradients(gradients)
        elif clip_gradients is not None:
            raise ValueError(f"Unknown type {type(clip_gradients)} for clip_gradients")
        if "loss" in summaries:
            tf.summary.scalar("loss", loss)
        for gradient, variable in gradients:
            if gradient is not None:
                values = gradient.values if isinstance(gradient, tf.IndexedSlices) else gradient
                key = variable.name.replace(":", "_")
                if "gradients" in summaries:
                    tf.summary.histogram("gradients/" + key, values)
                if "gradient_norm" in summaries:
                    tf.summary.scalar("gradient_norm/" + key, tf.global_norm([values]))
        if norms and clip_gradients is not None:
            tf.summary.scalar("global_norm/clipped_gradient_norm", tf.global_norm([g for g, _ in gradients]))
        updates = opt.apply_gradients(gradients, global_step if increment_global_step else None, name="train")
        with tf.control_dependencies([updates]):
            return tf.identity(loss)


def _learning_rate(learning_rate):
    """A number becomes the variable OptimizeLoss/learning_rate, a scalar tensor stays."""
    if learning_rate is None or (isinstance(learning_rate, tf.Tensor) and learning_rate.shape.ndims == 0):
        return learning_rate
    if not isinstance(learning_rate, float):
        raise ValueError(f"The learning rate must be a float or a scalar tensor, saw {learning_rate!r}")
    if learning_rate < 0.:
        raise ValueError(f"Invalid learning_rate {learning_rate}.")
    return tf.get_variable("learning_rate", [], trainable=False,
                           initializer=tf.constant_initializer(learning_rate))


def _optimizer(optimizer, rate):
    if isinstance(optimizer, tf.train.Optimizer):
        return optimizer
    if isinstance(optimizer, str):
        if optimizer not in OPTIMIZER_CLS_NAMES:
            raise ValueError(f"The optimizer must be one of {list(OPTIMIZER_CLS_NAMES)}, saw {optimizer}")
        optimizer = OPTIMIZER_CLS_NAMES[optimizer]
        if rate is None:
            raise ValueError("Learning rate is None, but should be specified if optimizer is a name.")
    made = optimizer() if rate is None else optimizer(rate)
    if not isinstance(made, tf.train.Optimizer):
        raise ValueError(f"Unrecognized optimizer: function should return subclass of Optimizer. Got {made}.")
    return made


def _multiplier(multipliers, variable):
    for key, value in multipliers.items():
        if key is variable or key == variable.name:
            return value
    return None


def _scale(gradient, factor):
    if gradient is None or factor is None:
        return gradient
    if isinstance(gradient, tf.IndexedSlices):
        return tf.IndexedSlices(gradient.values * factor, gradient.indices, gradient.dense_shape)
    return gradient * tf.cast(factor, gradient.dtype)


def adaptive_clipping_fn(std_factor=2., decay=0.95, static_max_norm=None, global_step=None,
                         report_summary=False, epsilon=1e-8, name=None):
    """A clip_gradients that cuts a norm far above the mean of the norms before it."""
    def clip(gradients):
        norm = tf.global_norm([g for g, _ in gradients])
        with tf.variable_scope(name, "AdaptiveMaxNorm", [norm]):
            # m = moving mean of log |g|, s^2 = moving variance; clipped above exp(m + std_factor * s)
            log_norm = tf.log(norm + epsilon)
            kept = decay
            if global_step is not None:
                n = tf.cast(global_step, tf.float32)
                kept = tf.minimum(decay, n / (n + 1.))
            mean = _moving_average("mean", log_norm, kept)
            variance = _moving_average("sq_mean", tf.square(log_norm), kept) - tf.square(mean)
            max_norm = tf.exp(mean + std_factor * tf.sqrt(tf.maximum(epsilon, variance)))
        if report_summary:
            tf.summary.scalar("global_norm/adaptive_max_gradient_norm", max_norm)
        factor = tf.where(norm < max_norm, tf.ones_like(norm), tf.exp(mean) / norm)
        if static_max_norm is not None:
            factor = tf.minimum(static_max_norm / norm, factor)
        return [(_scale(g, factor), v) for g, v in gradients]
    return clip


def _moving_average(name, value, decay):
    average = tf.get_variable(name, value.shape, value.dtype, tf.zeros_initializer(), trainable=False)
    return tf.assign_sub(average, (average - value) * (1. - decay))
