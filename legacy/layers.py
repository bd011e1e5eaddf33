"""tf.contrib.layers: the layers that recurrent scripts use; all others come from the package tf_slim.

Sources  TensorFlow 1.15, tf.contrib.layers; Ioffe and Szegedy 2015, arXiv:1502.03167 (batch_norm);
         Ba et al. 2016, arXiv:1607.06450 (layer_norm)
"""
import functools

import tensorflow.compat.v1 as tf

from .encoders import bow_encoder, embed_sequence  # noqa: F401
from .framework import add_arg_scope, model_variable, smart_cond
from .optimizers import (  # noqa: F401
    OPTIMIZER_CLS_NAMES,
    OPTIMIZER_SUMMARIES,
    adaptive_clipping_fn,
    optimize_loss,
)
from .regularizers import (  # noqa: F401
    apply_regularization,
    l1_l2_regularizer,
    l1_regularizer,
    l2_regularizer,
    sum_regularizer,
    variance_scaling_initializer,
    xavier_initializer,
    xavier_initializer_conv2d,
)

safe_embedding_lookup_sparse = tf.nn.safe_embedding_lookup_sparse
softmax = tf.nn.softmax
XAVIER, ZEROS = xavier_initializer(), tf.zeros_initializer()


def __getattr__(name):
    if name.startswith("__"):
        raise AttributeError(name)
    try:
        import tf_slim.layers
    except ImportError:
        raise AttributeError(f"tf.contrib.layers.{name} needs the package tf_slim: pip install tf_slim")
    return getattr(tf_slim.layers, name)


def _collections(variables_collections, name):
    if isinstance(variables_collections, dict):
        return variables_collections.get(name)
    return variables_collections


def _collect(outputs, collections, activation_fn=None, normalizer_fn=None, normalizer_params=None):
    """Normalizer and activation, and the outputs' place in collections."""
    if normalizer_fn is not None:
        outputs = normalizer_fn(outputs, **(normalizer_params or {}))
    if activation_fn is not None:
        outputs = activation_fn(outputs)
    if collections:
        tf.add_to_collections([collections] if isinstance(collections, str) else collections, outputs)
    return outputs


@add_arg_scope
def fully_connected(inputs, num_outputs, activation_fn=tf.nn.relu, normalizer_fn=None, normalizer_params=None,
                    weights_initializer=XAVIER, weights_regularizer=None,
                    biases_initializer=ZEROS, biases_regularizer=None, reuse=None,
                    variables_collections=None, outputs_collections=None, trainable=True, scope=None):
    """activation(x W + b) over the last axis; (..., input) -> (..., num_outputs)."""
    with tf.variable_scope(scope, "fully_connected", [inputs], reuse=reuse):
        inputs = tf.convert_to_tensor(inputs)
        n_inputs = inputs.shape.as_list()[-1]
        if n_inputs is None:
            raise ValueError("The last dimension of the inputs to fully_connected must be known.")
        weights = model_variable("weights", [n_inputs, num_outputs], inputs.dtype.base_dtype,
                                 weights_initializer, weights_regularizer, trainable,
                                 _collections(variables_collections, "weights"))
        rank = inputs.shape.ndims
        outputs = tf.matmul(inputs, weights) if rank == 2 else tf.tensordot(inputs, weights, 1)
        if not normalizer_fn and biases_initializer:
            outputs = tf.nn.bias_add(outputs, model_variable(
                "biases", [num_outputs], inputs.dtype.base_dtype, biases_initializer, biases_regularizer,
                trainable, _collections(variables_collections, "biases")))
        return _collect(outputs, outputs_collections, activation_fn, normalizer_fn, normalizer_params)


linear = functools.partial(fully_connected, activation_fn=None)
relu = functools.partial(fully_connected, activation_fn=tf.nn.relu)
relu6 = functools.partial(fully_connected, activation_fn=tf.nn.relu6)
elu = functools.partial(fully_connected, activation_fn=tf.nn.elu)


def _tuple(value, n):
    return [value] * n if isinstance(value, int) else list(value)


@add_arg_scope
def convolution(inputs, num_outputs, kernel_size, stride=1, padding="SAME", data_format=None, rate=1,
                activation_fn=tf.nn.relu, normalizer_fn=None, normalizer_params=None,
                weights_initializer=XAVIER, weights_regularizer=None,
                biases_initializer=ZEROS, biases_regularizer=None, reuse=None,
                variables_collections=None, outputs_collections=None, trainable=True, scope=None,
                conv_dims=None):
    """A convolution over one, two or three axes; (batch, ..., channel) -> (batch, ..., num_outputs)."""
    with tf.variable_scope(scope, "Conv", [inputs], reuse=reuse):
        inputs = tf.convert_to_tensor(inputs)
        n = inputs.shape.ndims - 2
        if conv_dims not in (None, n):
            raise ValueError(f"Convolution expects input with rank {conv_dims + 2}, got {n + 2}")
        data_format = data_format or ["NWC", "NHWC", "NDHWC"][n - 1]
        n_inputs = inputs.shape.as_list()[data_format.index("C")]
        weights = model_variable(
            "weights", _tuple(kernel_size, n) + [n_inputs, num_outputs], inputs.dtype.base_dtype,
            weights_initializer, weights_regularizer, trainable,
            _collections(variables_collections, "weights"))
        outputs = tf.nn.convolution(inputs, weights, padding.upper(), strides=_tuple(stride, n),
                                    dilation_rate=_tuple(rate, n), data_format=data_format)
        if not normalizer_fn and biases_initializer:
            outputs = tf.nn.bias_add(outputs, model_variable(
                "biases", [num_outputs], inputs.dtype.base_dtype, biases_initializer, biases_regularizer,
                trainable, _collections(variables_collections, "biases")),
                data_format="NC" if data_format.startswith("NC") else None)
        return _collect(outputs, outputs_collections, activation_fn, normalizer_fn, normalizer_params)


@add_arg_scope
def convolution1d(inputs, num_outputs, kernel_size, *args, **kwargs):
    return convolution(inputs, num_outputs, kernel_size, *args, **dict(kwargs, conv_dims=1))


@add_arg_scope
def convolution2d(inputs, num_outputs, kernel_size, *args, **kwargs):
    return convolution(inputs, num_outputs, kernel_size, *args, **dict(kwargs, conv_dims=2))


@add_arg_scope
def convolution3d(inputs, num_outputs, kernel_size, *args, **kwargs):
    return convolution(inputs, num_outputs, kernel_size, *args, **dict(kwargs, conv_dims=3))


conv1d, conv2d, conv3d = convolution1d, convolution2d, convolution3d


def _pool(kind, inputs, kernel_size, stride, padding, data_format, outputs_collections, scope):
    with tf.name_scope(scope, kind + "Pool2D", [inputs]):
        outputs = tf.nn.pool(inputs, _tuple(kernel_size, 2), kind.upper(), padding.upper(),
                             strides=_tuple(stride, 2), data_format=data_format)
        return _collect(outputs, outputs_collections)


@add_arg_scope
def max_pool2d(inputs, kernel_size, stride=2, padding="VALID", data_format="NHWC", outputs_collections=None,
               scope=None):
    return _pool("Max", inputs, kernel_size, stride, padding, data_format, outputs_collections, scope)


@add_arg_scope
def avg_pool2d(inputs, kernel_size, stride=2, padding="VALID", data_format="NHWC", outputs_collections=None,
               scope=None):
    return _pool("Avg", inputs, kernel_size, stride, padding, data_format, outputs_collections, scope)


@add_arg_scope
def flatten(inputs, outputs_collections=None, scope=None):
    with tf.name_scope(scope, "Flatten", [inputs]):
        return _collect(tf.layers.flatten(tf.convert_to_tensor(inputs)), outputs_collections)


@add_arg_scope
def dropout(inputs, keep_prob=0.5, noise_shape=None, is_training=True, outputs_collections=None, scope=None,
            seed=None):
    with tf.variable_scope(scope, "Dropout", [inputs]):
        inputs = tf.convert_to_tensor(inputs)
        outputs = smart_cond(is_training, lambda: tf.nn.dropout(inputs, keep_prob, noise_shape, seed),
                             lambda: tf.identity(inputs))
        return _collect(outputs, outputs_collections)


@add_arg_scope
def one_hot_encoding(labels, num_classes, on_value=1.0, off_value=0.0, outputs_collections=None, scope=None):
    with tf.name_scope(scope, "OneHotEncoding", [labels]):
        return _collect(tf.one_hot(labels, num_classes, on_value, off_value), outputs_collections)


@add_arg_scope
def layer_norm(inputs, center=True, scale=True, activation_fn=None, reuse=None, variables_collections=None,
               outputs_collections=None, trainable=True, begin_norm_axis=1, begin_params_axis=-1, scope=None):
    """(x - mean) / sqrt(variance) * gamma + beta, over the axes from begin_norm_axis."""
    with tf.variable_scope(scope, "LayerNorm", [inputs], reuse=reuse):
        inputs = tf.convert_to_tensor(inputs)
        shape = inputs.shape[begin_params_axis:]
        names = [name for name, wanted in (("beta", center), ("gamma", scale)) if wanted]
        variables = {name: model_variable(
            name, shape, inputs.dtype.base_dtype,
            tf.zeros_initializer() if name == "beta" else tf.ones_initializer(), trainable=trainable,
            collections=_collections(variables_collections, name)) for name in names}
        mean, variance = tf.nn.moments(inputs, list(range(inputs.shape.ndims))[begin_norm_axis:],
                                       keep_dims=True)
        epsilon = 1e-3 if inputs.dtype == tf.float16 else 1e-12
        outputs = tf.nn.batch_normalization(inputs, mean, variance, variables.get("beta"),
                                            variables.get("gamma"), epsilon)
        outputs.set_shape(inputs.shape)
        return _collect(outputs, outputs_collections, activation_fn)


@add_arg_scope
def batch_norm(inputs, decay=0.999, center=True, scale=False, epsilon=0.001, activation_fn=None,
               param_initializers=None, param_regularizers=None, updates_collections=tf.GraphKeys.UPDATE_OPS,
               is_training=True, reuse=None, variables_collections=None, outputs_collections=None,
               trainable=True, batch_weights=None, fused=None, data_format="NHWC",
               zero_debias_moving_mean=False, scope=None):
    """Normalizes by the batch's moments in training, by their moving averages else."""
    if batch_weights is not None or zero_debias_moving_mean:
        raise ValueError("legacy's batch_norm has neither batch_weights nor zero_debias_moving_mean")
    with tf.variable_scope(scope, "BatchNorm", [inputs], reuse=reuse):
        inputs = tf.convert_to_tensor(inputs)
        rank = inputs.shape.ndims
        axis = 1 if data_format.startswith("NC") else rank - 1
        depth = inputs.shape.as_list()[axis]

        def parameter(name, value, is_trained):
            return model_variable(
                name, [depth], tf.float32,
                (param_initializers or {}).get(name, tf.constant_initializer(value)),
                (param_regularizers or {}).get(name), is_trained, _collections(variables_collections, name))
        by_layer = updates_collections == tf.GraphKeys.UPDATE_OPS and (rank != 2 or fused is False)
        wanted = [name for name, is_wanted in (("beta", center), ("gamma", scale)) if is_wanted]
        made = {name: parameter(name, float(name == "gamma"), trainable)  # TF 1.15 makes gamma first there
                for name in sorted(wanted, reverse=by_layer)}
        beta, gamma = made.get("beta"), made.get("gamma")
        moving_mean = parameter("moving_mean", 0., False)
        moving_variance = parameter("moving_variance", 1., False)

        def training():
            mean, variance = tf.nn.moments(inputs, [i for i in range(rank) if i != axis])
            n = tf.cast(tf.size(inputs), tf.float32) / depth
            # the fused kernel averages the variance of the population: sum (x - mean)^2 / (n - 1)
            factor = n / tf.maximum(n - 1., 1.) if fused is not False and rank in (2, 4) else 1.
            updates = [tf.assign_sub(moving_mean, (moving_mean - mean) * (1. - decay)),
                       tf.assign_sub(moving_variance, (moving_variance - variance * factor) * (1. - decay))]
            if updates_collections is None:
                with tf.control_dependencies(updates):
                    return tf.identity(mean), tf.identity(variance)
            return mean, variance, updates

        if is_training is False:
            mean, variance = moving_mean, moving_variance
        elif updates_collections is None:
            mean, variance = smart_cond(is_training, training,
                                        lambda: (tf.identity(moving_mean), tf.identity(moving_variance)))
        else:
            mean, variance, updates = smart_cond(
                is_training, training, lambda: (tf.identity(moving_mean), tf.identity(moving_variance),
                                                [tf.identity(moving_mean), tf.identity(moving_variance)]))
            tf.add_to_collections(updates_collections, updates[0])
            tf.add_to_collections(updates_collections, updates[1])
        shape = [depth if i == axis else 1 for i in range(rank)]
        mean, variance, beta, gamma = [v if v is None else tf.reshape(v, shape)
                                       for v in (mean, variance, beta, gamma)]
        outputs = tf.nn.batch_normalization(inputs, mean, variance, beta, gamma, epsilon)
        outputs.set_shape(inputs.shape)
        return _collect(outputs, outputs_collections, activation_fn)


def stack(inputs, layer, stack_args, **kwargs):
    """Calls layer once for each of stack_args, each time on the outputs before."""
    scope = kwargs.pop("scope", None)
    with tf.variable_scope(scope, "Stack", [inputs]):
        scope = scope or getattr(layer, "__name__",
                                 getattr(getattr(layer, "func", None), "__name__", "stack"))
        for i, args in enumerate(stack_args):
            args = args if isinstance(args, (list, tuple)) else [args]
            inputs = layer(inputs, *args, scope=f"{scope}_{i + 1}", **kwargs)
        return inputs


def repeat(inputs, repetitions, layer, *args, **kwargs):
    """Calls layer repetitions times with the same arguments, each time on the outputs before."""
    scope = kwargs.pop("scope", None)
    with tf.variable_scope(scope, "Repeat", [inputs]):
        scope = scope or getattr(layer, "__name__",
                                 getattr(getattr(layer, "func", None), "__name__", "repeat"))
        for i in range(repetitions):
            inputs = layer(inputs, *args, scope=f"{scope}_{i + 1}", **kwargs)
        return inputs
