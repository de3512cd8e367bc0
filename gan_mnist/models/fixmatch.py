"""The loss of FixMatch: predictions of an unlabelled image are to agree across augmentations."""

import keras
import tensorflow as tf

# Of the source, for all of its data sets but ImageNet.
THRESHOLD = 0.95


@keras.saving.register_keras_serializable("gan_mnist")
class FixMatch(keras.losses.Loss):
    """Cross-entropy of labelled rows, and of unlabelled rows with pseudo-labels.

    A batch is labelled rows, then unlabelled images in their weak view, then the same in the same
    order in their strong view; unlabelled rows have the label -1. Where the network's confidence in
    the weak view reaches `THRESHOLD`, its prediction is the label of the strong view. The mean over
    the batch is the mean cross-entropy of the labelled rows plus, with weight 1, the sum of the
    strong views' divided by the number of all unlabelled images, confident or not.

    If every row is labelled, it is the cross-entropy.

    Source: arXiv 2001.07685, equations 3 and 4. Different: the weak view is predicted in training
    mode, dropout included; no moving average of the weights is evaluated.
    """

    def call(self, y_true: tf.Tensor, y_pred: tf.Tensor) -> tf.Tensor:
        """Maps labels, int (n,) or (n, 1), and float32 logits (n, k) to losses, float32 (n,)."""
        labels = tf.reshape(tf.cast(y_true, tf.int32), [-1])
        is_labelled = labels >= 0
        num_labelled = tf.reduce_sum(tf.cast(is_labelled, tf.int32))
        num_unlabelled = (tf.size(labels) - num_labelled) // 2
        weak_probabilities = tf.nn.softmax(
            tf.stop_gradient(y_pred[num_labelled : num_labelled + num_unlabelled])
        )
        confidence_mask = tf.cast(
            tf.reduce_max(weak_probabilities, axis=-1) >= THRESHOLD, tf.float32
        )
        strong_losses = tf.nn.sparse_softmax_cross_entropy_with_logits(
            tf.argmax(weak_probabilities, axis=-1), y_pred[num_labelled + num_unlabelled :]
        )
        consistency = tf.math.divide_no_nan(
            tf.reduce_sum(confidence_mask * strong_losses), tf.cast(num_unlabelled, tf.float32)
        )
        supervised = tf.nn.sparse_softmax_cross_entropy_with_logits(tf.maximum(labels, 0), y_pred)
        # Keras takes the mean over all rows: the labelled ones stand for the others.
        labelled_mask = tf.cast(is_labelled, tf.float32)
        return labelled_mask / tf.reduce_mean(labelled_mask) * (supervised + consistency)
