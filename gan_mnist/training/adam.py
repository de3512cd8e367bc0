"""Adam with one fused operation a variable."""

from typing import Any

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable("gan_mnist")
class Adam(keras.optimizers.Adam):
    """Keras' Adam by TensorFlow's fused operation.

    Keras writes an update as some twenty operations a variable, a large part of what is traced
    for a small network. In float32 the numbers are equal but for rounding. Arguments, variables
    and checkpoints are those of `keras.optimizers.Adam`.
    """

    def update_step(self, gradient: Any, variable: tf.Variable, learning_rate: tf.Tensor) -> None:
        """Changes one variable by its gradient of the same shape."""
        if self.amsgrad or isinstance(gradient, tf.IndexedSlices):
            super().update_step(gradient, variable, learning_rate)
            return
        dtype, index = variable.dtype, self._get_variable_index(variable)
        update = tf.cast(self.iterations, dtype) + 1
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle,
            m=self._momentums[index].value.handle,
            v=self._velocities[index].value.handle,
            beta1_power=tf.pow(tf.constant(self.beta_1, dtype), update),
            beta2_power=tf.pow(tf.constant(self.beta_2, dtype), update),
            lr=tf.cast(learning_rate, dtype),
            beta1=self.beta_1,
            beta2=self.beta_2,
            epsilon=self.epsilon,
            grad=tf.cast(gradient, dtype),
        )


def scaled_adam(
    learning_rate: Any, beta_1: float = 0.9, beta_2: float = 0.999
) -> keras.optimizers.Optimizer:
    """Adam; in mixed_float16 its loss is scaled, as small gradients would become 0."""
    adam = Adam(learning_rate, beta_1, beta_2)
    if keras.config.dtype_policy().name == "mixed_float16":
        return keras.optimizers.LossScaleOptimizer(adam)
    return adam
