"""tf.contrib.seq2seq of TensorFlow 1.0 to 1.15: its names, gathered from the modules beside this one."""
import tensorflow.compat.v1 as tf

from .attention import (
    AttentionMechanism,
    BahdanauAttention,
    BahdanauMonotonicAttention,
    LuongAttention,
    LuongMonotonicAttention,
    hardmax,
    monotonic_attention,
    safe_cumprod,
)
from .attention_wrapper import (
    AttentionWrapper,
    AttentionWrapperState,
    DynamicAttentionWrapper,
    DynamicAttentionWrapperState,
)
from .beam_search import (
    BeamSearchDecoder,
    BeamSearchDecoderOutput,
    BeamSearchDecoderState,
    FinalBeamSearchDecoderOutput,
    gather_tree,
    tile_batch,
)
from .decoding import BasicDecoder, BasicDecoderOutput, Decoder, dynamic_decode
from .helpers import (
    CustomHelper,
    GreedyEmbeddingHelper,
    Helper,
    InferenceHelper,
    SampleEmbeddingHelper,
    ScheduledEmbeddingTrainingHelper,
    ScheduledOutputTrainingHelper,
    TrainingHelper,
)
from .seq2seq_1_0 import (
    attention_decoder_fn_inference,
    attention_decoder_fn_train,
    dynamic_rnn_decoder,
    prepare_attention,
    simple_decoder_fn_inference,
    simple_decoder_fn_train,
)

__all__ = [
    "AttentionMechanism", "AttentionWrapper", "AttentionWrapperState", "BahdanauAttention",
    "BahdanauMonotonicAttention", "BasicDecoder", "BasicDecoderOutput", "BeamSearchDecoder",
    "BeamSearchDecoderOutput", "BeamSearchDecoderState", "CustomHelper", "Decoder", "DynamicAttentionWrapper",
    "DynamicAttentionWrapperState", "FinalBeamSearchDecoderOutput", "GreedyEmbeddingHelper", "Helper",
    "InferenceHelper", "LuongAttention", "LuongMonotonicAttention", "SampleEmbeddingHelper",
    "ScheduledEmbeddingTrainingHelper", "ScheduledOutputTrainingHelper", "TrainingHelper",
    "attention_decoder_fn_inference", "attention_decoder_fn_train", "dynamic_decode",
    "dynamic_rnn_decoder", "gather_tree", "hardmax", "monotonic_attention", "prepare_attention",
    "safe_cumprod", "sequence_loss",
    "simple_decoder_fn_inference", "simple_decoder_fn_train", "tile_batch",
]


def sequence_loss(logits, targets, weights, average_across_timesteps=True, average_across_batch=True,
                  sum_over_timesteps=False, sum_over_batch=False, softmax_loss_function=None, name=None):
    """Weighted cross-entropy of logits (batch, time, word) against targets (batch, time).

    average_*: divided by the sum of the weights; sum_over_*: divided by the number of weights that are not 0.
    An axis with neither stays.
    """
    for value, rank, what in ((logits, 3, "Logits"), (targets, 2, "Targets"), (weights, 2, "Weights")):
        if len(value.shape) != rank:
            raise ValueError(f"{what} must have {rank} dimensions, saw shape {value.shape}")
    if (average_across_timesteps and sum_over_timesteps) or (average_across_batch and sum_over_batch):
        raise ValueError("average_across_* and sum_over_* cannot both be set for the same axis.")
    with tf.name_scope(name, "sequence_loss", [logits, targets, weights]):
        flat_logits = tf.reshape(logits, [-1, tf.shape(logits)[2]])
        loss_function = softmax_loss_function or tf.nn.sparse_softmax_cross_entropy_with_logits
        # loss = -sum_bt w_bt log p(target_bt) / sum_bt w_bt
        loss = loss_function(labels=tf.reshape(targets, [-1]), logits=flat_logits)
        loss *= tf.reshape(weights, [-1])
        if average_across_timesteps and average_across_batch:
            return tf.div_no_nan(tf.reduce_sum(loss), tf.reduce_sum(weights))
        if sum_over_timesteps and sum_over_batch:
            return tf.div_no_nan(tf.reduce_sum(loss), tf.cast(tf.count_nonzero(weights), loss.dtype))
        loss = tf.reshape(loss, tf.shape(logits)[:2])
        if average_across_timesteps or average_across_batch:
            axis = [0] if average_across_batch else [1]
            return tf.div_no_nan(tf.reduce_sum(loss, axis), tf.reduce_sum(weights, axis))
        if sum_over_timesteps or sum_over_batch:
            axis = [0] if sum_over_batch else [1]
            return tf.div_no_nan(tf.reduce_sum(loss, axis),
                                 tf.cast(tf.count_nonzero(weights, axis), loss.dtype))
        return loss
