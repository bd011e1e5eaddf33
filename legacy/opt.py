"""tf.contrib.opt: optimizers that left with tf.contrib.

Sources  Adam: Kingma and Ba 2014, arXiv:1412.6980; Nadam: Dozat 2016;
         decoupled weight decay: Loshchilov and Hutter 2017, arXiv:1711.05101; TensorFlow 1.15, tf.contrib.opt
"""
import tensorflow.compat.v1 as tf


class LazyAdamOptimizer(tf.train.AdamOptimizer):
    """Adam that leaves the moments of rows without a gradient alone, as for an embedding's unused words."""

    def _apply_sparse(self, grad, var):
        beta1_power, beta2_power = [tf.cast(p, var.dtype.base_dtype) for p in self._get_beta_accumulators()]
        lr, beta1, beta2, epsilon = [tf.cast(t, var.dtype.base_dtype) for t in (
            self._lr_t, self._beta1_t, self._beta2_t, self._epsilon_t)]
        lr = lr * tf.sqrt(1 - beta2_power) / (1 - beta1_power)
        # m = b1 m + (1 - b1) g;  v = b2 v + (1 - b2) g^2;  w -= lr m / (sqrt(v) + epsilon), for these rows
        m, v = self.get_slot(var, "m"), self.get_slot(var, "v")
        m_rows = beta1 * tf.gather(m, grad.indices) + (1 - beta1) * grad.values
        v_rows = beta2 * tf.gather(v, grad.indices) + (1 - beta2) * tf.square(grad.values)
        with tf.control_dependencies([m_rows, v_rows]):
            return tf.group(tf.scatter_update(m, grad.indices, m_rows),
                            tf.scatter_update(v, grad.indices, v_rows),
                            tf.scatter_sub(var, grad.indices, lr * m_rows / (tf.sqrt(v_rows) + epsilon)))


class NadamOptimizer(tf.train.AdamOptimizer):
    """Adam with Nesterov's momentum."""

    def _apply_dense(self, grad, var):
        m, v = self.get_slot(var, "m"), self.get_slot(var, "v")
        beta1_power, beta2_power = self._get_beta_accumulators()
        return tf.raw_ops.ApplyAdam(
            var=var, m=m, v=v, beta1_power=tf.cast(beta1_power, var.dtype.base_dtype),
            beta2_power=tf.cast(beta2_power, var.dtype.base_dtype),
            lr=tf.cast(self._lr_t, var.dtype.base_dtype), beta1=tf.cast(self._beta1_t, var.dtype.base_dtype),
            beta2=tf.cast(self._beta2_t, var.dtype.base_dtype),
            epsilon=tf.cast(self._epsilon_t, var.dtype.base_dtype), grad=grad, use_locking=self._use_locking,
            use_nesterov=True)


def extend_with_decoupled_weight_decay(base_optimizer):
    """An optimizer class whose first argument is weight_decay: w -= weight_decay * w before each step."""
    class WithWeightDecay(base_optimizer):
        def __init__(self, weight_decay, *args, **kwargs):
            self._weight_decay = weight_decay
            super().__init__(*args, **kwargs)

        def minimize(self, loss, global_step=None, var_list=None, *args, **kwargs):
            self._decay_var_list = kwargs.pop("decay_var_list", None)
            return super().minimize(loss, global_step, var_list, *args, **kwargs)

        def apply_gradients(self, grads_and_vars, global_step=None, name=None, decay_var_list=None):
            chosen = decay_var_list or getattr(self, "_decay_var_list", None)
            names = None if chosen is None else {v.name for v in chosen}
            pairs = [(g, v) for g, v in grads_and_vars if g is not None]
            with tf.control_dependencies([g for g, _ in pairs]):
                decays = [tf.assign_sub(v, self._weight_decay * v) for _, v in pairs
                          if names is None or v.name in names]
            with tf.control_dependencies(decays):
                return super().apply_gradients(pairs, global_step, name)
    return WithWeightDecay


class AdamWOptimizer(extend_with_decoupled_weight_decay(tf.train.AdamOptimizer)):
    """Adam with decoupled weight decay."""

    def __init__(self, weight_decay, learning_rate=0.001, beta1=0.9, beta2=0.999, epsilon=1e-8,
                 use_locking=False, name="AdamW"):
        super().__init__(weight_decay, learning_rate, beta1, beta2, epsilon, use_locking, name)


class MomentumWOptimizer(extend_with_decoupled_weight_decay(tf.train.MomentumOptimizer)):
    """Momentum with decoupled weight decay."""

    def __init__(self, weight_decay, learning_rate, momentum, use_locking=False, name="MomentumW",
                 use_nesterov=False):
        super().__init__(weight_decay, learning_rate, momentum, use_locking, name,
                                                 use_nesterov)
