"""tf.contrib.legacy_seq2seq, tf.nn.seq2seq before 1.0: encoders and decoders that are unrolled step by step.

Source  Sutskever et al. 2014, arXiv:1409.3215; attention: Vinyals et al. 2014, arXiv:1412.7449
Shapes  encoder_inputs, decoder_inputs: lists, one for each step, of (batch, input), or of symbols (batch,) in
        the embedding functions; outputs: a list of (batch, output); state: the cell's
"""

import tensorflow.compat.v1 as tf

from .buckets import model_with_buckets, sequence_loss, sequence_loss_by_example  # noqa: F401
from .cells import Linear, width
from .old_cells import clone
from .wrappers import EmbeddingWrapper, OutputProjectionWrapper


def _extract_argmax_and_embed(embedding, output_projection=None, update_embedding=True):
    """The loop function of greedy decoding: the most likely symbol of one step is the next input."""
    def loop_function(prev, _):
        if output_projection is not None:
            prev = tf.nn.xw_plus_b(prev, output_projection[0], output_projection[1])
        embedded = tf.nn.embedding_lookup(embedding, tf.argmax(prev, 1))
        return embedded if update_embedding else tf.stop_gradient(embedded)
    return loop_function


def _input_of_step(i, x, outputs, loop_function):
    """x, or after step 0 what loop_function(output, step) makes of the last output; steps share weights."""
    if i == 0:
        return x
    tf.get_variable_scope().reuse_variables()
    if loop_function is None:
        return x
    with tf.variable_scope("loop_function", reuse=True):
        return loop_function(outputs[-1], i)


def rnn_decoder(decoder_inputs, initial_state, cell, loop_function=None, scope=None):
    """The cell over the inputs, or over what `loop_function(output, step)` makes of the last output."""
    with tf.variable_scope(scope or "rnn_decoder"):
        state, outputs = initial_state, []
        for i, x in enumerate(decoder_inputs):
            x = _input_of_step(i, x, outputs, loop_function)
            output, state = cell(x, state)
            outputs.append(output)
    return outputs, state


def basic_rnn_seq2seq(encoder_inputs, decoder_inputs, cell, dtype=tf.float32, scope=None):
    """The last state of the encoder is the first of the decoder; two cells of one kind."""
    with tf.variable_scope(scope or "basic_rnn_seq2seq"):
        _, state = tf.nn.static_rnn(clone(cell), encoder_inputs, dtype=dtype)
        return rnn_decoder(decoder_inputs, state, cell)


def tied_rnn_seq2seq(encoder_inputs, decoder_inputs, cell, loop_function=None, dtype=tf.float32, scope=None):
    """`basic_rnn_seq2seq` with one cell for both."""
    with tf.variable_scope("combined_tied_rnn_seq2seq"):
        scope = scope or "tied_rnn_seq2seq"
        _, state = tf.nn.static_rnn(cell, encoder_inputs, dtype=dtype, scope=scope)
        tf.get_variable_scope().reuse_variables()
        return rnn_decoder(decoder_inputs, state, cell, loop_function, scope)


def check_projection(projection, symbols, dtype):
    if projection is not None:
        for part, shape in zip(projection, ([None, symbols], [symbols])):
            tf.convert_to_tensor(part, dtype=dtype).get_shape().assert_is_compatible_with(shape)


def embedding_rnn_decoder(decoder_inputs, initial_state, cell, num_symbols, embedding_size,
                          output_projection=None, feed_previous=False, update_embedding_for_previous=True,
                          scope=None):
    """`rnn_decoder` over embedded symbols."""
    with tf.variable_scope(scope or "embedding_rnn_decoder") as scope:
        check_projection(output_projection, num_symbols, scope.dtype)
        embedding = tf.get_variable("embedding", [num_symbols, embedding_size])
        loop_function = None
        if feed_previous:
            loop_function = _extract_argmax_and_embed(embedding, output_projection,
                                                      update_embedding_for_previous)
        # one at a time: with a loop function only the first input is looked up
        inputs = (tf.nn.embedding_lookup(embedding, i) for i in decoder_inputs)
        return rnn_decoder(inputs, initial_state, cell, loop_function)


def fed(decoder, feed_previous, structure, steps):
    """The decoder that a flag chooses: a bool while the graph is built, a boolean tensor while it runs."""
    if isinstance(feed_previous, bool):
        return decoder(feed_previous)

    def flat(feed):
        with tf.variable_scope(tf.get_variable_scope(), reuse=None if feed else True):
            outputs, state = decoder(feed, update=False)
            return outputs + tf.nest.flatten(state)

    both = tf.cond(feed_previous, lambda: flat(True), lambda: flat(False))
    return both[:steps], tf.nest.pack_sequence_as(structure, both[steps:])


def embedding_rnn_seq2seq(encoder_inputs, decoder_inputs, cell, num_encoder_symbols, num_decoder_symbols,
                          embedding_size=None, output_projection=None, feed_previous=False, dtype=None,
                          scope=None):
    """`basic_rnn_seq2seq` over symbols; until 0.7 the embedding had the size of the cell."""
    embedding_size = embedding_size or cell.output_size
    with tf.variable_scope(scope or "embedding_rnn_seq2seq") as scope:
        if dtype is not None:
            scope.set_dtype(dtype)
        encoder = EmbeddingWrapper(clone(cell), num_encoder_symbols, embedding_size)
        _, encoder_state = tf.nn.static_rnn(encoder, encoder_inputs, dtype=scope.dtype)
        if output_projection is None:
            cell = OutputProjectionWrapper(cell, num_decoder_symbols)

        def decoder(feed, update=True):
            return embedding_rnn_decoder(decoder_inputs, encoder_state, cell, num_decoder_symbols,
                                         embedding_size, output_projection, feed, update)
        return fed(decoder, feed_previous, encoder_state, len(decoder_inputs))


def embedding_tied_rnn_seq2seq(encoder_inputs, decoder_inputs, cell, num_symbols, embedding_size=None,
                               num_decoder_symbols=None, output_projection=None, feed_previous=False,
                               dtype=None, scope=None):
    """`tied_rnn_seq2seq` over symbols, with one embedding for both."""
    embedding_size = embedding_size or cell.output_size
    with tf.variable_scope(scope or "embedding_tied_rnn_seq2seq", dtype=dtype) as scope:
        dtype = scope.dtype
        check_projection(output_projection, num_symbols, dtype)
        embedding = tf.get_variable("embedding", [num_symbols, embedding_size], dtype=dtype)
        encoder_inputs, decoder_inputs = ([tf.nn.embedding_lookup(embedding, x) for x in inputs]
                                          for inputs in (encoder_inputs, decoder_inputs))
        if output_projection is None:
            cell = OutputProjectionWrapper(cell, num_decoder_symbols or num_symbols)

        def decoder(feed, update=True):
            loop_function = _extract_argmax_and_embed(embedding, output_projection, update) if feed else None
            return tied_rnn_seq2seq(encoder_inputs, decoder_inputs, cell, loop_function, dtype)
        structure = cell.state_size
        return fed(decoder, feed_previous, structure, len(decoder_inputs))


def attention_decoder(decoder_inputs, initial_state, attention_states, cell, output_size=None, num_heads=1,
                      loop_function=None, dtype=None, scope=None, initial_state_attention=False):
    """A decoder that attends to `attention_states`, (batch, time, size), with each of its heads."""
    if not decoder_inputs or num_heads < 1:
        raise ValueError("attention_decoder needs at least one input and one head")
    output_size = output_size or cell.output_size
    with tf.variable_scope(scope or "attention_decoder", dtype=dtype) as scope:
        dtype = scope.dtype
        size = width(attention_states)
        length = attention_states.get_shape()[1].value or tf.shape(attention_states)[1]
        hidden = tf.reshape(attention_states, [-1, length, 1, size])
        heads = []
        for a in range(num_heads):
            w = tf.get_variable(f"AttnW_{a}", [1, 1, size, size], dtype)
            features = tf.nn.conv2d(hidden, w, [1, 1, 1, 1], "SAME")
            heads.append((features, tf.get_variable(f"AttnV_{a}", [size], dtype)))

        def attend(query):
            query = tf.concat(tf.nest.flatten(query), 1)
            contexts = []
            for a, (features, v) in enumerate(heads):
                with tf.variable_scope(f"Attention_{a}"):
                    y = tf.cast(tf.reshape(Linear(query, size, True)(query), [-1, 1, 1, size]), dtype)
                    # score = v . tanh(W hidden + U query);  context = sum of softmax(score) * hidden
                    score = tf.reduce_sum(v * tf.tanh(features + y), [2, 3])
                    weights = tf.cast(tf.nn.softmax(tf.cast(score, tf.float32)), dtype)
                    context = tf.reduce_sum(tf.reshape(weights, [-1, length, 1, 1]) * hidden, [1, 2])
                    contexts.append(tf.reshape(context, [-1, size]))
            return contexts

        def together(parts, output_size):
            parts = [tf.cast(part, dtype) for part in parts]
            return Linear(parts, output_size, True)(parts)

        state, outputs = initial_state, []
        contexts = [tf.zeros(tf.stack([tf.shape(decoder_inputs[0])[0], size]), dtype) for _ in heads]
        for context in contexts:
            context.set_shape([None, size])
        if initial_state_attention:
            contexts = attend(initial_state)
        for i, x in enumerate(decoder_inputs):
            x = _input_of_step(i, x, outputs, loop_function)
            output, state = cell(together([x] + contexts, width(x)), state)
            seen = i == 0 and initial_state_attention
            with tf.variable_scope(tf.get_variable_scope(), reuse=True if seen else None):
                contexts = attend(state)
            with tf.variable_scope("AttnOutputProjection"):
                outputs.append(together([output] + contexts, output_size))
    return outputs, state


def embedding_attention_decoder(decoder_inputs, initial_state, attention_states, cell, num_symbols,
                                embedding_size, num_heads=1, output_size=None, output_projection=None,
                                feed_previous=False, update_embedding_for_previous=True, dtype=None,
                                scope=None, initial_state_attention=False):
    """`attention_decoder` over symbols."""
    with tf.variable_scope(scope or "embedding_attention_decoder", dtype=dtype):
        embedding = tf.get_variable("embedding", [num_symbols, embedding_size])
        loop_function = None
        if feed_previous:
            loop_function = _extract_argmax_and_embed(embedding, output_projection,
                                                      update_embedding_for_previous)
        inputs = [tf.nn.embedding_lookup(embedding, i) for i in decoder_inputs]
        return attention_decoder(inputs, initial_state, attention_states, cell, output_size, num_heads,
                                 loop_function, initial_state_attention=initial_state_attention)


def embedding_attention_seq2seq(encoder_inputs, decoder_inputs, cell, num_encoder_symbols,
                                num_decoder_symbols, embedding_size=None, num_heads=1,
                                output_projection=None, feed_previous=False, dtype=None, scope=None,
                                initial_state_attention=False):
    """`embedding_rnn_seq2seq` whose decoder attends to the outputs of the encoder."""
    embedding_size = embedding_size or cell.output_size
    with tf.variable_scope(scope or "embedding_attention_seq2seq", dtype=dtype) as scope:
        encoder = EmbeddingWrapper(clone(cell), num_encoder_symbols, embedding_size)
        encoder_outputs, encoder_state = tf.nn.static_rnn(encoder, encoder_inputs, dtype=scope.dtype)
        attention_states = tf.concat([tf.reshape(e, [-1, 1, cell.output_size]) for e in encoder_outputs], 1)
        output_size = None
        if output_projection is None:
            cell = OutputProjectionWrapper(cell, num_decoder_symbols)
            output_size = num_decoder_symbols

        def decoder(feed, update=True):
            return embedding_attention_decoder(
                decoder_inputs, encoder_state, attention_states, cell, num_decoder_symbols, embedding_size,
                num_heads, output_size, output_projection, feed, update,
                initial_state_attention=initial_state_attention)
        return fed(decoder, feed_previous, encoder_state, len(decoder_inputs))


def one2many_rnn_seq2seq(encoder_inputs, decoder_inputs_dict, enc_cell, dec_cells_dict, num_encoder_symbols,
                         num_decoder_symbols_dict, embedding_size, feed_previous=False, dtype=None,
                         scope=None):
    """One encoder and several decoders, each by its name."""
    if set(dec_cells_dict) != set(decoder_inputs_dict):
        raise ValueError(f"cells {sorted(dec_cells_dict)} and inputs {sorted(decoder_inputs_dict)} differ")
    outputs, states = {}, {}
    with tf.variable_scope(scope or "one2many_rnn_seq2seq", dtype=dtype) as scope:
        encoder = EmbeddingWrapper(enc_cell, num_encoder_symbols, embedding_size)
        _, encoder_state = tf.nn.static_rnn(encoder, encoder_inputs, dtype=scope.dtype)
        for name, inputs in decoder_inputs_dict.items():
            symbols = num_decoder_symbols_dict[name]
            with tf.variable_scope(f"one2many_decoder_{name}"):
                cell = OutputProjectionWrapper(dec_cells_dict[name], symbols)

                def decoder(feed, update=True, inputs=inputs, cell=cell, symbols=symbols):
                    return embedding_rnn_decoder(inputs, encoder_state, cell, symbols, embedding_size,
                                                 feed_previous=feed)
                outputs[name], states[name] = fed(decoder, feed_previous, encoder_state, len(inputs))
    return outputs, states
