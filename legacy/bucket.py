"""Buckets of tf.contrib.training: batches of sequences of about the same length, by queues.

Source   TensorFlow 1.15, tf.contrib.training.bucket and bucket_by_sequence_length
"""
import tensorflow.compat.v1 as tf

from .framework import smart_cond

nest = tf.nest


def bucket(tensors, which_bucket, batch_size, num_buckets, num_threads=1, capacity=32, bucket_capacities=None,
           shapes=None, dynamic_pad=False, allow_smaller_final_batch=False, keep_input=True, shared_name=None,
           name=None):
    """Returns the bucket's number and a batch; one queue for each bucket, one for the batches."""
    flat = [tf.convert_to_tensor(t) for t in nest.flatten(tensors)]
    sizes = list(batch_size) if isinstance(batch_size, (list, tuple)) else [batch_size] * num_buckets
    capacities = bucket_capacities or [capacity] * num_buckets
    types = [t.dtype for t in flat]
    shapes = [tf.TensorShape(s) for s in shapes or [t.shape for t in flat]]
    with tf.name_scope(name, "bucket", flat):
        make_queue = tf.PaddingFIFOQueue if dynamic_pad else tf.FIFOQueue
        queues = [make_queue(capacities[i], types, shapes, name=f"bucket_queue_{i}")
                  for i in range(num_buckets)]
        fixed = isinstance(batch_size, int) and not allow_smaller_final_batch
        batch_shapes = [tf.TensorShape([batch_size if fixed else None]).concatenate(s) for s in shapes]
        top = tf.PaddingFIFOQueue(capacity, [tf.int32] + types, [tf.TensorShape([])] + batch_shapes,
                                  name="top_queue")

        def enqueue_in(i):
            return tf.cond(tf.equal(which_bucket, i), lambda: queues[i].enqueue(flat), tf.no_op)

        enqueue = smart_cond(keep_input, lambda: tf.group(*[enqueue_in(i) for i in range(num_buckets)]),
                             tf.no_op)
        batches = []
        for i, queue in enumerate(queues):
            take = queue.dequeue_up_to if allow_smaller_final_batch else queue.dequeue_many
            batches.append(top.enqueue([tf.constant(i)] + nest.flatten(take(sizes[i]))))
        ends = (tf.errors.OutOfRangeError, tf.errors.CancelledError)
        tf.train.add_queue_runner(tf.train.QueueRunner(
            queues[0], batches, top.close(), top.close(cancel_pending_enqueues=True), ends))
        tf.train.add_queue_runner(tf.train.QueueRunner(
            top, [enqueue] * num_threads, tf.group(*[q.close() for q in queues]),
            tf.group(*[q.close(cancel_pending_enqueues=True) for q in queues]), ends))
        dequeued = top.dequeue()
        return dequeued[0], nest.pack_sequence_as(tensors, dequeued[1:])


def bucket_by_sequence_length(input_length, tensors, batch_size, bucket_boundaries, num_threads=1,
                              capacity=32, bucket_capacities=None, shapes=None, dynamic_pad=False,
                              allow_smaller_final_batch=False, keep_input=True, shared_name=None, name=None):
    """Returns a batch's lengths and tensors; bucket i holds the lengths between two boundaries."""
    input_length = tf.convert_to_tensor(input_length, tf.int32)
    which = tf.reduce_sum(tf.cast(input_length >= list(bucket_boundaries), tf.int32))
    shapes = None if shapes is None else [tf.TensorShape([])] + list(shapes)
    _, (lengths, batch) = bucket(
        (input_length, tensors), which, batch_size, len(bucket_boundaries) + 1, num_threads, capacity,
        bucket_capacities, shapes, dynamic_pad, allow_smaller_final_batch, keep_input, shared_name, name)
    return lengths, batch
