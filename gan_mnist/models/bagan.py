"""BAGAN: a conditional GAN that begins as an autoencoder, and whose discriminator classifies.

Source: Mariani et al. 2018 (arXiv 1803.09655). An autoencoder is trained on all images; a Gaussian
is fitted to the codes of each class; the decoder becomes the generator, with latents from that
Gaussian, and the encoder's convolutions the discriminator's, which predicts an image's class, or
fake. What differs: smaller networks with SiLU and without dropout, and Gaussians of the last codes
during the autoencoder's training, not of all images after it.
"""

from typing import Any, ClassVar

import keras
import tensorflow as tf
from keras import layers, ops

from gan_mnist.models.adversarial import AdversarialModel
from gan_mnist.models.latents import LatentSampler, as_labels
from gan_mnist.models.two_networks import minimize, without_loss_scale
from gan_mnist.models.vae_flow import downsampled, upsampled

# Factor by which older codes count less in a Gaussian an update: some hundred updates matter.
MEMORY = 0.99
# Added to variances: of a class of few images they are 0 in most directions.
LEAST_VARIANCE = 1e-3


@keras.saving.register_keras_serializable("gan_mnist")
class ClassGaussians(layers.Layer):
    """Maps points from N(0, 1) to the Gaussian of their class.

    (points, one_hot): float32 (n, d) and (n, k) -> float32 (n, d). Points of a class without codes
    are not changed.

    Attributes:
        seen: float32 (k,): the number of codes of each class, older ones weighted less.
        sums: float32 (k, d), of these codes.
        products: float32 (k, d, d), the sums of their outer products.
    """

    def build(self, points_shape: Any, one_hot_shape: Any) -> None:
        d, k = points_shape[-1], one_hot_shape[-1]
        kwargs: dict[str, Any] = {"initializer": "zeros", "trainable": False, "dtype": "float32"}
        self.seen = self.add_weight(shape=(k,), name="seen", **kwargs)
        self.sums = self.add_weight(shape=(k, d), name="sums", **kwargs)
        self.products = self.add_weight(shape=(k, d, d), name="products", **kwargs)

    def update_statistics(self, codes: tf.Tensor, one_hot: tf.Tensor) -> None:
        """Updates the statistics by codes (n, d) of one-hot classes (n, k)."""
        self.seen.assign(MEMORY * self.seen + tf.reduce_sum(one_hot, axis=0))
        self.sums.assign(MEMORY * self.sums + tf.einsum("nk,nd->kd", one_hot, codes))
        products = tf.einsum("nk,nd,ne->kde", one_hot, codes, codes)
        self.products.assign(MEMORY * self.products + products)

    def call(self, points: tf.Tensor, one_hot: tf.Tensor) -> tf.Tensor:
        is_known = ops.cast(self.seen > 0, "float32")
        counts = ops.where(self.seen > 0, self.seen, ops.ones_like(self.seen))
        means = self.sums / counts[:, None]
        identity = ops.eye(self.sums.shape[-1], dtype="float32")
        estimates = self.products / counts[:, None, None] - means[:, :, None] * means[:, None, :]
        estimates = estimates + LEAST_VARIANCE * identity
        covariances = ops.where(is_known[:, None, None] > 0, estimates, identity)
        # NaN where rounding leaves no root, as after codes that grew without bound: a training that
        # diverges. Keras's own function would raise an error of another kind.
        roots = tf.linalg.cholesky(covariances)
        # Of each class the point that it would be; then the one of the label.
        points_by_class = ops.einsum("kde,ne->nkd", roots, points) + means
        return ops.sum(points_by_class * one_hot[:, :, None], axis=1)

    def compute_output_spec(self, points: Any, one_hot: Any) -> keras.KerasTensor:
        return keras.KerasTensor(points.shape, "float32")


@keras.saving.register_keras_serializable("gan_mnist")
class BAGAN(LatentSampler, AdversarialModel):
    """Batches are (images, labels): float32 (n, H, W, C) in [0, 1] and int32 (n,).

    The first `autoencoder_updates` updates train encoder and decoder; with the next one the
    discriminator takes the encoder's convolutions, and the adversarial updates begin. The count of
    its optimizer is reset then: Adam's bias correction follows the count, and for variables whose
    moments are still 0 the first steps would be ten times as long as the learning rate.

    Attributes:
        encoder: Maps images to codes, (n, d).
        autoencoder_updates: How many of the updates train the autoencoder.
    """

    NETWORKS: ClassVar[tuple[str, ...]] = ("encoder", "generator", "discriminator")
    BATCH: ClassVar[tuple[str, ...]] = ("images", "labels")

    def __init__(
        self,
        encoder: keras.Model,
        generator: keras.Model,
        discriminator: keras.Model,
        autoencoder_updates: int,
        **options: Any,
    ):
        """Wires built networks; of the generator, see `build_bagan_generator`."""
        super().__init__(generator, discriminator, **options)
        self.encoder, self.autoencoder_updates = encoder, autoencoder_updates
        self._decoder = generator.get_layer("decoder")
        self._gaussians = generator.get_layer("gaussians")
        kwargs: dict[str, Any] = {"initializer": "zeros", "trainable": False, "dtype": "int32"}
        self._done = self.add_weight(shape=(), name="updates_done", **kwargs)
        self.set_distribution("normal")
        self._means["pixel_loss"] = keras.metrics.Mean(name="pixel_loss")

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "autoencoder_updates": self.autoencoder_updates}

    @property
    def update(self) -> tf.Tensor:
        return tf.convert_to_tensor(self._done)

    @property
    def trained(self) -> list[list[keras.Variable]]:
        # The encoder learns by the optimizer of the network that it becomes.
        generator_variables, discriminator_variables = super().trained
        return [generator_variables, self.encoder.trainable_variables + discriminator_variables]

    def train_step(self, batch: Any) -> dict[str, tf.Tensor]:
        images, labels = self.unpack(batch)
        update = self.update
        ops.cond(update == self.autoencoder_updates, self._begin_as_encoder, lambda: None)
        ops.cond(
            update < self.autoencoder_updates,
            lambda: self._autoencode(images, labels),
            lambda: self._compete((images, labels)),
        )
        self._done.assign_add(1)
        return {name: mean.result() for name, mean in self._means.items()}

    def test_step(self, batch: Any) -> dict[str, tf.Tensor]:
        """As in `AdversarialModel`, and the autoencoder's loss, too; nothing is updated."""
        metrics = super().test_step(batch)
        self.autoencoder_loss(self.unpack(batch)[0])
        return {**metrics, "pixel_loss": self._means["pixel_loss"].result()}

    def _compete(self, batch: Any) -> None:
        super().train_step(batch)

    def _begin_as_encoder(self) -> None:
        """Copies the encoder's weights to the discriminator, except for the last layer."""
        without_loss_scale(self.discriminator_optimizer).iterations.assign(0)
        for layer, encoder_layer in zip(
            self.discriminator.layers[:-1], self.encoder.layers[:-1], strict=True
        ):
            for variable, value in zip(layer.weights, encoder_layer.weights, strict=True):
                variable.assign(value)

    def _autoencode(self, images: tf.Tensor, labels: tf.Tensor) -> None:
        decoder, encoder = self._decoder.trainable_variables, self.encoder.trainable_variables
        with tf.GradientTape(persistent=True) as tape:
            loss = self.autoencoder_loss(images)
        minimize(self.generator_optimizer, tape, loss, decoder)
        minimize(self.discriminator_optimizer, tape, loss, encoder)
        codes = tf.cast(self.encoder(images, training=False), tf.float32)
        self._gaussians.update_statistics(codes, self.one_hot(labels))
        self.update_average()

    def update_average(self) -> None:
        """Updates the moving average; the statistics of codes are copied instead.

        Averaged, each of their moments would stop where its steps are rounded away, and moments
        that do not belong together may give a variance below 0.
        """
        super().update_average()
        averaged = self.average.get_layer("gaussians").weights
        for average, current in zip(averaged, self._gaussians.weights, strict=True):
            average.value.assign(current.value)

    def autoencoder_loss(self, images: tf.Tensor) -> tf.Tensor:
        """Mean squared error of the pixels."""
        logits = self._decoder(self.encoder(images, training=True), training=True)
        errors = tf.nn.sigmoid(tf.cast(logits, tf.float32)) - images
        loss = tf.reduce_mean(tf.square(errors))
        self._means["pixel_loss"].update_state(loss)
        return loss

    def generate(self, batch: Any, latents: tf.Tensor | None) -> tf.Tensor:
        return self.generator([latents, self.one_hot(batch[1])], training=True)

    def _judge(
        self, batch: Any, fake_images: tf.Tensor, seed: tf.Tensor, training: bool
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """The loss of a classifier with one more class, fake, which weighs as much as any other."""
        real_logits = self.discriminator(batch[0], training=training)
        fake_logits = self.discriminator(fake_images, training=training)
        fake_labels = tf.fill(tf.shape(fake_logits)[:1], self.num_classes)
        d_loss = self.num_classes * _cross_entropy(batch[1], real_logits)
        d_loss = (d_loss + _cross_entropy(fake_labels, fake_logits)) / (self.num_classes + 1)
        # Margins of a real image's class, and of any class for a fake one: above 0 it is predicted.
        is_class = tf.one_hot(as_labels(batch[1]), self.num_classes + 1, True, False, dtype=tf.bool)
        minimum = real_logits.dtype.min
        class_logits, other_logits = (
            tf.reduce_max(tf.where(mask, real_logits, minimum), axis=1)
            for mask in (is_class, ~is_class)
        )
        fake_margins = tf.reduce_max(fake_logits[:, :-1], axis=1) - fake_logits[:, -1]
        return d_loss, class_logits - other_logits, fake_margins

    def _adversarial_loss(self, batch: Any, fake_images: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        with keras.StatelessScope():
            fake_logits = self.discriminator(fake_images, training=self.judge_in_training)
        return _cross_entropy(batch[1], fake_logits)


def _cross_entropy(labels: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    logits = tf.cast(logits, tf.float32)
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(as_labels(labels), logits)
    return tf.reduce_mean(losses)


def build_bagan(
    image_shape: tuple[int, int, int],
    num_classes: int,
    width: int,
    latent_dim: int,
    autoencoder_updates: int,
    average_decay: float = 0.998,
    **options: Any,
) -> BAGAN:
    """A BAGAN, not compiled; `options` are others of `BAGAN`."""
    return BAGAN(
        build_bagan_network(image_shape, latent_dim, width),
        build_bagan_generator(image_shape, num_classes, width, latent_dim),
        build_bagan_network(image_shape, num_classes + 1, width),
        autoencoder_updates,
        average_decay=average_decay,
        name="bagan",
        **options,
    )


def build_bagan_network(image_shape: tuple[int, int, int], outputs: int, width: int) -> keras.Model:
    """Images to codes, or to logits of the classes and of fake: alike but for the last layer."""
    images = keras.Input(image_shape)
    return keras.Model(images, layers.Dense(outputs, dtype="float32")(downsampled(images, width)))


def build_bagan_generator(
    image_shape: tuple[int, int, int], num_classes: int, width: int, latent_dim: int
) -> keras.Model:
    """(latents, one-hot labels) -> images: the layer `gaussians`, and the model `decoder`."""
    latents, one_hot = keras.Input((latent_dim,)), keras.Input((num_classes,))
    codes = keras.Input((latent_dim,))
    decoder = keras.Model(codes, upsampled(codes, image_shape, width), name="decoder")
    class_codes = ClassGaussians(dtype="float32", name="gaussians")(latents, one_hot)
    images = layers.Activation("sigmoid", dtype="float32")(decoder(class_codes))
    return keras.Model([latents, one_hot], images, name="bagan_generator")
