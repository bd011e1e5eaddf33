"""Helpers of tf.contrib.seq2seq: where a decoder's next inputs come from.

Source   TensorFlow 1.15, tf.contrib.seq2seq; scheduled sampling: Bengio et al. 2015, arXiv:1506.03099
Shapes   outputs (batch, unit), sample_ids (batch), finished (batch)
"""
import tensorflow.compat.v1 as tf

nest = tf.nest


def transpose_batch_time(x):
    """Swaps the first two axes of a tensor that has two."""
    if x.shape.ndims is not None and x.shape.ndims < 2:
        return x
    if x.shape.ndims is None:
        return tf.transpose(x, tf.concat([[1, 0], tf.range(2, tf.rank(x))], 0))
    return tf.transpose(x, [1, 0] + list(range(2, x.shape.ndims)))


_transpose_batch_time = transpose_batch_time


def _unstack_ta(inp):
    return tf.TensorArray(inp.dtype, size=tf.shape(inp)[0], element_shape=inp.shape[1:]).unstack(inp)


def _embedding_fn(embedding):
    return embedding if callable(embedding) else lambda ids: tf.nn.embedding_lookup(embedding, ids)


def _categorical(logits, seed):
    return tf.reshape(tf.multinomial(logits, 1, seed=seed, output_dtype=tf.int32), [-1])


class Helper:
    """What BasicDecoder needs: batch_size, initialize, sample, next_inputs, and what a sample looks like."""

    sample_ids_shape = tf.TensorShape([])
    sample_ids_dtype = tf.int32
    _batch_size = None

    @property
    def batch_size(self):
        if self._batch_size is None:
            raise ValueError("batch_size accessed before initialize was called")
        return self._batch_size

    def initialize(self, name=None):
        """Returns finished and the first inputs."""
        raise NotImplementedError

    def sample(self, time, outputs, state, name=None):
        """Returns sample_ids."""
        raise NotImplementedError

    def next_inputs(self, time, outputs, state, sample_ids, name=None):
        """Returns finished, next inputs and next state."""
        raise NotImplementedError


class CustomHelper(Helper):
    """A helper of three functions."""

    sample_ids_shape = property(lambda self: self._sample_ids_shape)
    sample_ids_dtype = property(lambda self: self._sample_ids_dtype)

    def __init__(self, initialize_fn, sample_fn, next_inputs_fn, sample_ids_shape=None,
                 sample_ids_dtype=None):
        self._initialize_fn = initialize_fn
        self._sample_fn = sample_fn
        self._next_inputs_fn = next_inputs_fn
        self._sample_ids_shape = tf.TensorShape(sample_ids_shape or [])
        self._sample_ids_dtype = sample_ids_dtype or tf.int32

    def initialize(self, name=None):
        finished, inputs = self._initialize_fn()
        if self._batch_size is None:
            self._batch_size = tf.size(finished)
        return finished, inputs

    def sample(self, time, outputs, state, name=None):
        return self._sample_fn(time=time, outputs=outputs, state=state)

    def next_inputs(self, time, outputs, state, sample_ids, name=None):
        return self._next_inputs_fn(time=time, outputs=outputs, state=state, sample_ids=sample_ids)


class TrainingHelper(Helper):
    """Teacher forcing: the next inputs are those of the data; sample_ids are the argmax of the outputs."""

    def __init__(self, inputs, sequence_length, time_major=False, name=None):
        with tf.name_scope(name, "TrainingHelper", [inputs, sequence_length]):
            inputs = nest.map_structure(lambda x: tf.convert_to_tensor(x, name="inputs"), inputs)
            self._inputs = inputs
            if not time_major:
                inputs = nest.map_structure(transpose_batch_time, inputs)
            self._input_tas = nest.map_structure(_unstack_ta, inputs)
            self._sequence_length = tf.convert_to_tensor(sequence_length, name="sequence_length")
            if self._sequence_length.shape.ndims != 1:
                raise ValueError(f"sequence_length must be a vector, saw {self._sequence_length.shape}")
            self._zero_inputs = nest.map_structure(lambda x: tf.zeros_like(x[0, :]), inputs)
            self._batch_size = tf.size(self._sequence_length)

    inputs = property(lambda self: self._inputs)
    sequence_length = property(lambda self: self._sequence_length)

    def _read(self, time, finished):
        return tf.cond(tf.reduce_all(finished), lambda: self._zero_inputs,
                       lambda: nest.map_structure(lambda ta: ta.read(time), self._input_tas))

    def initialize(self, name=None):
        finished = tf.equal(0, self._sequence_length)
        return finished, self._read(0, finished)

    def sample(self, time, outputs, state=None, name=None):
        return tf.cast(tf.argmax(outputs, axis=-1), tf.int32)

    def next_inputs(self, time, outputs, state, sample_ids=None, name=None):
        finished = time + 1 >= self._sequence_length
        return finished, self._read(time + 1, finished), state


def _uniform_below(probability, batch_size, seed):
    return tf.random_uniform([batch_size], seed=seed, dtype=probability.dtype) < probability


class ScheduledEmbeddingTrainingHelper(TrainingHelper):
    """With sampling_probability, the next input is the embedding of a word drawn from the outputs.

    sample_ids is -1 where none was drawn.
    """

    def __init__(self, inputs, sequence_length, embedding, sampling_probability, time_major=False, seed=None,
                 scheduling_seed=None, name=None):
        self._embedding_fn = _embedding_fn(embedding)
        self._sampling_probability = tf.convert_to_tensor(sampling_probability, name="sampling_probability")
        self._seed = seed
        self._scheduling_seed = scheduling_seed
        super().__init__(inputs, sequence_length, time_major, name)

    def sample(self, time, outputs, state, name=None):
        chosen = _uniform_below(self._sampling_probability, self.batch_size, self._scheduling_seed)
        return tf.where(chosen, _categorical(outputs, self._seed), tf.fill([self.batch_size], -1))

    def next_inputs(self, time, outputs, state, sample_ids, name=None):
        finished, inputs, state = super().next_inputs(time, outputs, state)

        def mixed():
            return tf.where(sample_ids > -1, self._embedding_fn(tf.maximum(sample_ids, 0)), inputs)
        return finished, tf.cond(tf.reduce_all(finished), lambda: inputs, mixed), state


class ScheduledOutputTrainingHelper(TrainingHelper):
    """With sampling_probability, the next input is made of the output; sample_ids says where, 1 or 0."""

    def __init__(self, inputs, sequence_length, sampling_probability, time_major=False, seed=None,
                 next_inputs_fn=None, auxiliary_inputs=None, name=None):
        self._sampling_probability = tf.convert_to_tensor(sampling_probability, name="sampling_probability")
        self._seed = seed
        self._next_inputs_fn = next_inputs_fn
        self._auxiliary_input_tas = None
        if auxiliary_inputs is not None:
            auxiliary = tf.convert_to_tensor(auxiliary_inputs, name="auxiliary_inputs")
            inputs = tf.concat([inputs, auxiliary], -1)
            steps = auxiliary if time_major else transpose_batch_time(auxiliary)
            self._auxiliary_input_tas = _unstack_ta(steps)
        super().__init__(inputs, sequence_length, time_major, name)

    def sample(self, time, outputs, state, name=None):
        return tf.cast(_uniform_below(self._sampling_probability, self.batch_size, self._seed), tf.int32)

    def next_inputs(self, time, outputs, state, sample_ids, name=None):
        finished, inputs, state = super().next_inputs(time, outputs, state)
        chosen = tf.cast(sample_ids, tf.bool)

        def mixed():
            new = outputs if self._next_inputs_fn is None else self._next_inputs_fn(outputs)
            if self._auxiliary_input_tas is not None:
                new = tf.concat([new, self._auxiliary_input_tas.read(time + 1)], -1)
            return tf.where(chosen, new, inputs)
        unchanged = tf.logical_or(tf.reduce_all(finished), tf.logical_not(tf.reduce_any(chosen)))
        return finished, tf.cond(unchanged, lambda: inputs, mixed), state


class GreedyEmbeddingHelper(Helper):
    """The next input is the embedding of the most probable word, until that is end_token."""

    def __init__(self, embedding, start_tokens, end_token):
        self._embedding_fn = _embedding_fn(embedding)
        self._start_tokens = tf.convert_to_tensor(start_tokens, dtype=tf.int32, name="start_tokens")
        self._end_token = tf.convert_to_tensor(end_token, dtype=tf.int32, name="end_token")
        if self._start_tokens.shape.ndims != 1:
            raise ValueError("start_tokens must be a vector")
        if self._end_token.shape.ndims != 0:
            raise ValueError("end_token must be a scalar")
        self._batch_size = tf.size(self._start_tokens)
        self._start_inputs = self._embedding_fn(self._start_tokens)

    def initialize(self, name=None):
        return tf.tile([False], [self._batch_size]), self._start_inputs

    def sample(self, time, outputs, state, name=None):
        return tf.argmax(outputs, axis=-1, output_type=tf.int32)

    def next_inputs(self, time, outputs, state, sample_ids, name=None):
        finished = tf.equal(sample_ids, self._end_token)
        inputs = tf.cond(tf.reduce_all(finished), lambda: self._start_inputs,
                         lambda: self._embedding_fn(sample_ids))
        return finished, inputs, state


class SampleEmbeddingHelper(GreedyEmbeddingHelper):
    """The same with a word drawn from softmax(outputs / softmax_temperature)."""

    def __init__(self, embedding, start_tokens, end_token, softmax_temperature=None, seed=None):
        super().__init__(embedding, start_tokens, end_token)
        self._softmax_temperature = softmax_temperature
        self._seed = seed

    def sample(self, time, outputs, state, name=None):
        if self._softmax_temperature is not None:
            outputs = outputs / self._softmax_temperature
        return _categorical(outputs, self._seed)


class InferenceHelper(Helper):
    """The next input is what sample_fn makes of the outputs, or next_inputs_fn of that."""

    sample_ids_shape = property(lambda self: self._sample_shape)
    sample_ids_dtype = property(lambda self: self._sample_dtype)

    def __init__(self, sample_fn, sample_shape, sample_dtype, start_inputs, end_fn, next_inputs_fn=None):
        self._sample_fn = sample_fn
        self._end_fn = end_fn
        self._sample_shape = tf.TensorShape(sample_shape)
        self._sample_dtype = sample_dtype
        self._next_inputs_fn = next_inputs_fn
        self._start_inputs = tf.convert_to_tensor(start_inputs, name="start_inputs")
        self._batch_size = tf.shape(self._start_inputs)[0]

    def initialize(self, name=None):
        return tf.tile([False], [self._batch_size]), self._start_inputs

    def sample(self, time, outputs, state, name=None):
        return self._sample_fn(outputs)

    def next_inputs(self, time, outputs, state, sample_ids, name=None):
        inputs = sample_ids if self._next_inputs_fn is None else self._next_inputs_fn(sample_ids)
        return self._end_fn(sample_ids), inputs, state
