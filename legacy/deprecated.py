"""tf.contrib.deprecated: the summaries of before 1.0."""

import tensorflow.compat.v1 as tf

from .before_1_0 import FUNCTIONS

audio_summary = FUNCTIONS["tf.audio_summary"]
histogram_summary = FUNCTIONS["tf.histogram_summary"]
image_summary = FUNCTIONS["tf.image_summary"]
scalar_summary = FUNCTIONS["tf.scalar_summary"]
merge_summary = tf.summary.merge
merge_all_summaries = tf.summary.merge_all
