"""tf.contrib.seq2seq of TensorFlow 1.0, gone since 1.1: a decoder of one function per step.

Source   TensorFlow 1.0, tf.contrib.seq2seq; attention after arXiv:1409.0473 and arXiv:1508.04025
Shapes   cell_input (batch, input), attention_states and outputs (batch, time, unit), or time first
"""
import tensorflow.compat.v1 as tf

from . import layers


def dynamic_rnn_decoder(cell, decoder_fn, inputs=None, sequence_length=None, parallel_iterations=None,
                        swap_memory=False, time_major=False, scope=None, name=None):
    """Steps a cell by decoder_fn; returns the outputs, the final state and the final context state.

    decoder_fn(time, cell_state, cell_input, cell_output, context_state) returns done (or None:
    sequence_length decides), the cell's state, its next input, what to put out, and the next context state.
    """
    if inputs is not None:
        inputs = tf.convert_to_tensor(inputs)
        steps = inputs if time_major else tf.transpose(inputs, [1, 0, 2])
        max_time = tf.shape(steps)[0]
        steps_ta = tf.TensorArray(steps.dtype, size=max_time).unstack(steps)

    def next_step_input(time, is_first):
        if inputs is None:
            return None
        if is_first:
            read = steps_ta.read(0)
        else:
            read = tf.cond(tf.equal(time, max_time), lambda: tf.zeros_like(steps[0]),
                           lambda: steps_ta.read(time))
        read.set_shape(steps.shape[1:])
        return read

    def loop_fn(time, cell_output, cell_state, loop_state):
        done, context_state = loop_state if isinstance(loop_state, tuple) else (loop_state, None)
        done, cell_state, cell_input, output, context_state = decoder_fn(
            time, cell_state, next_step_input(time, cell_state is None), cell_output, context_state)
        if done is None:
            done = time >= sequence_length
        return done, cell_input, cell_state, output, done if context_state is None else (done, context_state)

    with tf.name_scope(name, "dynamic_rnn_decoder"):
        outputs_ta, state, loop_state = tf.nn.raw_rnn(cell, loop_fn, parallel_iterations, swap_memory, scope)
        outputs = outputs_ta.stack()
        if not time_major:
            outputs = tf.transpose(outputs, [1, 0, 2])
        return outputs, state, loop_state[1] if isinstance(loop_state, tuple) else None


def simple_decoder_fn_train(encoder_state, name=None):
    """Teacher forcing from the encoder's state."""
    def decoder_fn(time, cell_state, cell_input, cell_output, context_state):
        state = encoder_state if cell_state is None else cell_state
        return None, state, cell_input, cell_output, context_state
    return decoder_fn


def simple_decoder_fn_inference(output_fn, encoder_state, embeddings, start_of_sequence_id,
                                end_of_sequence_id, maximum_length, num_decoder_symbols, dtype=tf.int32,
                                name=None):
    """The next input is the embedding of the most probable word."""
    return _inference(output_fn, encoder_state, lambda output: (output, None), embeddings,
                      start_of_sequence_id, end_of_sequence_id, maximum_length, num_decoder_symbols, dtype)


def attention_decoder_fn_train(encoder_state, attention_keys, attention_values, attention_score_fn,
                               attention_construct_fn, name=None):
    """Teacher forcing; each input is joined with the attention of the output before."""
    def decoder_fn(time, cell_state, cell_input, cell_output, context_state):
        if cell_state is None:
            cell_state, attention = encoder_state, _no_attention(encoder_state)
        else:
            cell_output = attention = attention_construct_fn(cell_output, attention_keys, attention_values)
        return None, cell_state, tf.concat([cell_input, attention], 1), cell_output, context_state
    return decoder_fn


def attention_decoder_fn_inference(output_fn, encoder_state, attention_keys, attention_values,
                                   attention_score_fn, attention_construct_fn, embeddings,
                                   start_of_sequence_id, end_of_sequence_id, maximum_length,
                                   num_decoder_symbols, dtype=tf.int32, name=None):
    """The next input is the embedding of the most probable word, joined with the attention."""
    def attend(cell_output):
        if cell_output is None:
            return None, _no_attention(encoder_state)
        attention = attention_construct_fn(cell_output, attention_keys, attention_values)
        return attention, attention
    return _inference(output_fn, encoder_state, attend, embeddings, start_of_sequence_id, end_of_sequence_id,
                      maximum_length, num_decoder_symbols, dtype)


def _inference(output_fn, encoder_state, attend, embeddings, start_id, end_id, maximum_length, n_symbols,
               dtype):
    batch_size = tf.shape(tf.nest.flatten(encoder_state)[0])[0]

    def decoder_fn(time, cell_state, cell_input, cell_output, context_state):
        output, attention = attend(cell_output)
        if cell_output is None:
            words = tf.fill([batch_size], tf.cast(start_id, dtype))
            done = tf.zeros([batch_size], tf.bool)
            cell_state, output = encoder_state, tf.zeros([n_symbols], tf.float32)
        else:
            output = output if output_fn is None else output_fn(output)
            words = tf.cast(tf.argmax(output, 1), dtype)
            done = tf.equal(words, tf.cast(end_id, dtype))
        next_input = tf.gather(embeddings, words)
        if attention is not None:
            next_input = tf.concat([next_input, attention], 1)
        done = tf.logical_or(done, time > maximum_length)
        return done, cell_state, next_input, output, context_state
    return decoder_fn


def _no_attention(encoder_state):
    """Zeros of the shape of the top layer's output."""
    top = encoder_state
    if isinstance(top, tuple) and not isinstance(top, tf.nn.rnn_cell.LSTMStateTuple):
        top = top[-1]
    return tf.zeros_like(top.h if isinstance(top, tf.nn.rnn_cell.LSTMStateTuple) else top)


def prepare_attention(attention_states, attention_option, num_units, reuse=False):
    """Returns keys, values, the function that scores, and the one that makes attention of an output."""
    with tf.variable_scope("attention_keys", reuse=reuse) as scope:
        keys = layers.linear(attention_states, num_units, biases_initializer=None, scope=scope)
    if attention_option not in ("bahdanau", "luong"):
        raise ValueError(f"Unknown attention option {attention_option}!")
    if attention_option == "bahdanau":
        with tf.variable_scope("attention_score", reuse=reuse):
            query_w = tf.get_variable("attnW", [num_units, num_units])
            score_v = tf.get_variable("attnV", [num_units])

    def score_fn(query, keys, values):
        if attention_option == "bahdanau":
            # score_j = v^T tanh(k_j + W q)
            query = tf.expand_dims(tf.matmul(query, query_w), 1)
            scores = tf.reduce_sum(score_v * tf.tanh(keys + query), [2])
        else:
            # score_j = k_j^T q
            scores = tf.reduce_sum(keys * tf.expand_dims(query, 1), [2])
        return tf.reduce_sum(tf.expand_dims(tf.nn.softmax(scores), 2) * values, [1])

    with tf.variable_scope("attention_construct", reuse=reuse) as construct_scope:
        pass

    def construct_fn(query, keys, values):
        # attention = W [query, context]
        joined = tf.concat([query, score_fn(query, keys, values)], 1)
        return layers.linear(joined, num_units, biases_initializer=None, reuse=tf.AUTO_REUSE,
                             scope=construct_scope)
    return keys, attention_states, score_fn, construct_fn
