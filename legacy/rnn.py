"""tf.contrib.rnn: cells of TensorFlow itself, cells of contrib, and the functions that unroll them."""

import tensorflow.compat.v1 as tf

from .cells import *  # noqa: F403
from .cells import LayerRNNCell, Linear, _linear  # noqa: F401
from .cells_grid import *  # noqa: F403
from .cells_more import *  # noqa: F403
from .fused import *  # noqa: F403
from .wrappers import *  # noqa: F403

# names that TensorFlow still has elsewhere
for _name in ("RNNCell", "BasicRNNCell", "BasicLSTMCell", "GRUCell", "LSTMCell", "LSTMStateTuple",
              "MultiRNNCell",
              "DropoutWrapper", "DeviceWrapper", "ResidualWrapper"):
    globals()[_name] = getattr(tf.nn.rnn_cell, _name)
static_rnn = tf.nn.static_rnn
static_state_saving_rnn = tf.nn.static_state_saving_rnn
static_bidirectional_rnn = tf.nn.static_bidirectional_rnn
_Linear = Linear


def stack_bidirectional_rnn(cells_fw, cells_bw, inputs, initial_states_fw=None, initial_states_bw=None,
                            dtype=None, sequence_length=None, scope=None):
    """Layers of bidirectional RNNs over a list of steps; each layer reads both directions of the one below.

    Shapes  inputs and outputs: lists of (batch, unit); states: one for each layer
    """
    def layer(fw, bw, x, state_fw, state_bw, scope):
        x, state_fw, state_bw = static_bidirectional_rnn(fw, bw, x, state_fw, state_bw, dtype,
                                                         sequence_length, scope)
        return x, (state_fw, state_bw)
    return stack(layer, cells_fw, cells_bw, inputs, initial_states_fw, initial_states_bw, scope)


def stack_bidirectional_dynamic_rnn(cells_fw, cells_bw, inputs, initial_states_fw=None,
                                    initial_states_bw=None,
                                    dtype=None, sequence_length=None, parallel_iterations=None,
                                    time_major=False, scope=None, swap_memory=False):
    """Layers of `bidirectional_dynamic_rnn`; each layer reads both directions of the one below.

    Shapes  inputs (batch, time, input), outputs (batch, time, forward and backward units)
    """
    def layer(fw, bw, x, state_fw, state_bw, scope):
        outputs, states = tf.nn.bidirectional_dynamic_rnn(
            fw, bw, x, sequence_length, state_fw, state_bw, dtype, parallel_iterations, swap_memory,
            time_major)
        return tf.concat(outputs, 2), states
    return stack(layer, cells_fw, cells_bw, inputs, initial_states_fw, initial_states_bw, scope)


def stack(layer, cells_fw, cells_bw, inputs, states_fw, states_bw, scope):
    for name, cells in (("cells_fw", cells_fw), ("cells_bw", cells_bw)):
        if not cells or not isinstance(cells, list):
            raise ValueError(f"{name} must be a list of cells, one for each layer")
    for name, states in (("initial_states_fw", states_fw), ("initial_states_bw", states_bw)):
        if states is not None and (not isinstance(states, list) or len(states) != len(cells_fw)):
            raise ValueError(f"{name} must be a list of states, one for each layer")
    if len(cells_fw) != len(cells_bw):
        raise ValueError(f"{len(cells_fw)} cells forward and {len(cells_bw)} backward: they must be equal")
    none = [None] * len(cells_fw)
    last = []
    with tf.variable_scope(scope or "stack_bidirectional_rnn"):
        for i, each in enumerate(zip(cells_fw, cells_bw, states_fw or none, states_bw or none)):
            with tf.variable_scope(f"cell_{i}") as cell_scope:
                fw, bw, state_fw, state_bw = each
                inputs, states = layer(fw, bw, inputs, state_fw, state_bw, cell_scope)
                last.append(states)
    return inputs, tuple(fw for fw, _ in last), tuple(bw for _, bw in last)


def transpose_batch_time(x):
    """(batch, time, ...) to (time, batch, ...), or back."""
    rank = x.get_shape().ndims
    return tf.transpose(x, [1, 0] + list(range(2, rank)))


def best_effort_input_batch_size(flat_input):
    """Batch size of time-major inputs: a number where one of them knows it, else a tensor."""
    for x in flat_input:
        if x.get_shape().ndims is not None and x.get_shape()[1].value is not None:
            return x.get_shape()[1].value
    return tf.shape(flat_input[0])[1]
