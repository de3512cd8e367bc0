"""A classifier that makes a part of each training batch itself, on the device that trains."""

import copy
from collections.abc import Callable
from typing import Any, Self

import keras
import tensorflow as tf

Augment = Callable[[tf.Tensor, tuple[tf.Tensor, tf.Tensor]], tf.Tensor]


@keras.saving.register_keras_serializable("gan_mnist")
class GeneratingClassifier(keras.Model):
    """Trains on real images and, beside them, on those that a frozen generator makes on the spot.

    Batches are ((images, latents, key), (labels, generated_labels)): float32 (n, H, W, C) in
    [0, 1], float32 (m, d), int64 (2,), int32 (n,) and int32 (m,); n images are real, m are
    generated. Images need not pass through the host, as they would in `tf.data`. Otherwise it is
    the classifier that it wraps: it predicts, is evaluated and exported like that.

    Attributes:
        generator: (latents, one-hot labels) to images in [0, 1]; set its weights before training.
        augment: What is applied to generated images, or None. To be saved with the model, it is
            registered with `keras.saving.register_keras_serializable`.
    """

    def __init__(
        self,
        classifier: keras.Model,
        generator: keras.Model,
        augment: Augment | None = None,
        name: str | None = None,
    ):
        """Wraps `classifier`.

        Args:
            classifier: Functional or sequential model from images to logits.
            generator: Takes latents and one-hot labels.
            augment: Applied to the generated images and `key`; the real ones are used as they
                come.
            name: Keras name.
        """
        super().__init__(inputs=classifier.inputs[0], outputs=classifier.outputs[0], name=name)
        generator.trainable = False
        self.generator = generator
        self.augment = augment

    def train_step(self, batch: Any) -> dict[str, tf.Tensor]:
        (images, latents, key), (labels, generated_labels) = batch
        one_hot = tf.one_hot(generated_labels, self.generator.inputs[1].shape[-1])
        generated = self.generator([latents, one_hot], training=False)
        if self.augment is not None:
            generated = self.augment(generated, (key[0], key[1]))
        mixed = tf.concat([images, tf.stop_gradient(generated)], axis=0)
        return super().train_step((mixed, tf.concat([labels, generated_labels], axis=0)))

    def get_config(self) -> dict[str, Any]:
        # The classifier itself is not kept, as its layers would be found twice; they make it again.
        parts = {
            "classifier": keras.Model(self.inputs[0], self.outputs[0], name=self.name),
            "generator": self.generator,
            "augment": self.augment,
        }
        config = {key: keras.saving.serialize_keras_object(part) for key, part in parts.items()}
        return config | {"name": self.name}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Self:
        # Keras empties the configs of functional models that it reads.
        options = copy.deepcopy(config)
        for key in ("classifier", "generator", "augment"):
            options[key] = keras.saving.deserialize_keras_object(options[key], custom_objects)
        return cls(**options)
