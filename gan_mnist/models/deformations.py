"""Deformations learnt from pairs of images: one is moved until it lies on the other.

What moves one image of a class onto another keeps the class, and moves images of other classes in
ways that their own class has, too. So what is learnt on classes with many images serves a class
with one.

Source: Learned-Miller 2006 (Data driven image models through continuous joint alignment) for
deformations that classes share; Hauberg et al. 2016 (arXiv 1510.02795) for pairs of one class.
What differs: an affine map and a smooth field, where the first has affine maps alone; registered
deformations are drawn as they are, where the second fits a Gaussian to them.
"""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from gan_mnist.models.anchored import Anchors
from gan_mnist.models.class_pairs import pairs_by_class
from gan_mnist.models.latents import as_labels
from gan_mnist.models.styles import NUM_STYLES, fit_style_slopes, measure_styles
from gan_mnist.models.warping import (
    bilinear,
    source_coordinates,
    thickened,
    thicker,
    thinner,
)

# Larger images are registered at this size, as control points are few and a batch is all pairs.
# Where they are moved, a stroke becomes thicker by as many pixels as here, so by a smaller part.
MOST_PIXELS = 32
CONTROL_POINTS = 5
NUM_FIELD = 2 * CONTROL_POINTS**2
# 4 linear, 2 shift, the field's control points, 1 thickness.
NUM_PARAMETERS = 4 + 2 + NUM_FIELD + 1
# Standard deviation of the blur at first and at the end, in sides of the image.
COARSE_BLUR_SD, FINE_BLUR_SD = 0.1, 0.025
# The share of updates in which the blur decreases; in the others it stays fine.
COARSE_SHARE = 0.7
# The error is computed at every second pixel, along both axes.
STEP = 2
# Weights of squares beside the mean squared error: of the steps between neighbouring control
# points, of the affine map, and of the thickness.
ROUGHNESS, AFFINE, THICKNESS = 0.02, 0.01, 0.001


@keras.saving.register_keras_serializable("gan_mnist")
class Deform(layers.Layer):
    """Moves images by an affine map and a smooth field, and makes strokes thicker or thinner.

    (images, deformations): float (n, H, W, C) in [0, 1] and float (n, 57) -> images of the same
    shape and range. A deformation holds, for coordinates that run from -1 to 1 across the image,
    the four entries of (matrix - identity), the shift, the displacements (x, y) at 5 x 5 control
    points, row by row, between which they are interpolated bicubically (Catmull-Rom), and how much
    thicker strokes become, 1 for a pixel on all sides, or thinner, below 0. It tells where each
    pixel comes from; beyond the edge that is the edge.
    """

    def call(self, images: tf.Tensor, deformations: tf.Tensor) -> tf.Tensor:
        return self.move(self.planes(images), deformations)

    def planes(self, images: tf.Tensor) -> tf.Tensor:
        """Images as they are, thicker and thinner: (n, H, W, 3 C)."""
        return tf.concat([images, thicker(images), thinner(images)], axis=-1)

    def move(self, planes: tf.Tensor, deformations: tf.Tensor, step: int = 1) -> tf.Tensor:
        """As the call, from the result of `planes`; only every `step`-th pixel is computed."""
        height, width = planes.shape[1:3]
        linear, shift, field, thickness = tf.split(deformations, [4, 2, NUM_FIELD, 1], axis=-1)
        points = tf.reshape(field, (-1, CONTROL_POINTS, CONTROL_POINTS, 2))
        x, y = source_coordinates(linear, shift, points, height, width, step)
        plain, thick, thin = tf.split(bilinear(planes, x, y, border="nearest"), 3, axis=-1)
        thickness = tf.clip_by_value(thickness[:, :, None, None], -1.0, 1.0)
        return thickened(plain, thick, thin, thickness)


@keras.saving.register_keras_serializable("gan_mnist")
class DeformationModel(keras.Model):
    """Registers pairs of images, and applies the deformations that it finds to other images.

    Batches are (sources, targets, pairs): float32 (n, H, W, C) in [0, 1] twice, and the number of
    each pair, int (n,). The squared error of blurred images descends from coarse to fine.

    Attributes:
        deformations: float32 (pairs, 57), what moves each source onto its target; 0 at first.
        average: (images, deformations) -> moved images, a network without weights.
        anchors: The images that are moved when it is sampled.
    """

    def __init__(
        self,
        image_shape: tuple[int, int, int],
        num_pairs: int,
        updates: int,
        own: bool = False,
        scale: float = 1.0,
        most: int = 0,
        alike: bool = False,
        many: float = 1.0,
        **options: Any,
    ):
        """Begins with all deformations 0.

        Args:
            image_shape: (H, W, C).
            num_pairs: Pairs that are registered.
            updates: Of the registration, after which the blur is finest.
            own: Images are moved by deformations of their own class only, not of any class.
            scale: What deformations are multiplied by when images are drawn.
            most: Pairs of one class, at most; 0: as many as there are.
            alike: Deformations are adjusted to the style of the image that is moved; see
                `fit_style_slopes`.
            many: A further factor for images whose class has pairs.
            **options: Of `keras.Model`, such as `name`.
        """
        super().__init__(**options)
        self.image_shape = tuple(image_shape)
        self.num_pairs, self.updates, self.own, self.scale = num_pairs, updates, own, scale
        self.most, self.alike, self.many = most, alike, many
        self.deformations = self.add_weight(
            shape=(num_pairs, NUM_PARAMETERS), initializer="zeros", name="deformations"
        )
        if alike:
            shapes = {"styles": (num_pairs, NUM_STYLES), "slopes": (NUM_STYLES, NUM_PARAMETERS)}
            self.styles, self.slopes = (
                self.add_weight(shape=shape, initializer="zeros", trainable=False, name=name)
                for name, shape in shapes.items()
            )
        images, deformations = keras.Input(image_shape), keras.Input((NUM_PARAMETERS,))
        moved = Deform(dtype="float32")(images, deformations)
        self.average = keras.Model([images, deformations], moved, name="deform")
        self.anchors = Anchors(image_shape)
        # How many pairs each class has. Checkpoints of runs know it by this name.
        self._pairs_of = tf.Variable([num_pairs], shape=(None,), trainable=False)
        self._loss = keras.metrics.Mean(name="registration_loss")
        self.built = True

    def get_config(self) -> dict[str, Any]:
        names = ("image_shape", "num_pairs", "updates", "own", "scale", "most", "alike", "many")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}

    def save_assets(self, dir_path: str) -> None:
        """Keras' part of `save` that is no weight: the anchors, and the classes of the pairs."""
        self.anchors.save(Path(dir_path))
        np.save(Path(dir_path) / "pairs.npy", self._pairs_of.numpy())

    def load_assets(self, dir_path: str) -> None:
        self.anchors.load(Path(dir_path))
        self._pairs_of.assign(np.load(Path(dir_path) / "pairs.npy"))

    @property
    def metrics(self) -> list[keras.metrics.Metric]:
        return [self._loss]

    @property
    def exported(self) -> list[Any]:
        """The resources that `sample` reads, for an export."""
        style_weights = [self.styles.value, self.slopes.value] if self.alike else []
        return [self.deformations.value, *style_weights, self._pairs_of, *self.anchors.variables]

    def adopt(self, images: np.ndarray, labels: np.ndarray) -> None:
        """Sets the anchors, and the number of pairs of each class.

        Args:
            images: (n, H, W, C), uint8 or float32 in [0, 1].
            labels: int (n,) in 0..num_classes-1, every class among them.
        """
        self.anchors.adopt(images, labels)
        pairs = pairs_by_class(as_labels(labels).numpy(), self.num_pairs)
        self._pairs_of.assign(np.minimum(pairs, self.most or self.num_pairs))

    def fit_style_slopes(self, sources: np.ndarray) -> None:
        """Fits how deformations depend on the style of their source image.

        Args:
            sources: Source images of the first n pairs, in their order, (n, H, W, C), uint8 or
                float32 in [0, 1].
        """
        if sources.dtype == np.uint8:
            sources = sources / np.float32(255)
        source_styles = measure_styles(as_registered(tf.constant(sources))).numpy()
        styles = np.zeros(self.styles.shape, np.float32)
        styles[: len(sources)] = source_styles
        self.styles.assign(styles)
        deformations = self.deformations.numpy()[: len(sources)]
        self.slopes.assign(fit_style_slopes(source_styles, deformations))

    # Update t of T:
    #   1. s = COARSE_BLUR_SD (FINE_BLUR_SD / COARSE_BLUR_SD)^min(t / (COARSE_SHARE T), 1)
    #   2. error = mean (moved(blurred(source, s)) - blurred(target, s))^2, over every second pixel
    #   3. deformations descend error + penalty
    def train_step(self, batch: Any) -> dict[str, tf.Tensor]:
        sources, targets, pairs = batch
        update = tf.cast(self.optimizer.iterations, tf.float32)
        progress = tf.minimum(update / (COARSE_SHARE * self.updates), 1.0)
        blur_sd = COARSE_BLUR_SD * (FINE_BLUR_SD / COARSE_BLUR_SD) ** progress
        deform = self.average.layers[-1]
        planes, targets = blurred(deform.planes(sources), blur_sd), blurred(targets, blur_sd)
        with tf.GradientTape() as tape:
            deformations = tf.gather(self.deformations.value, pairs)
            moved = deform.move(planes, deformations, STEP)
            error = tf.reduce_mean((moved - targets[:, ::STEP, ::STEP]) ** 2, axis=[1, 2, 3])
            # Each pair is a problem of its own: a sum, so that none weighs less among many.
            losses = error + _penalty(deformations)
            loss = self.optimizer.scale_loss(tf.reduce_sum(losses))
        gradient = tape.gradient(loss, self.deformations.value)
        self.optimizer.apply([tf.convert_to_tensor(gradient)], [self.deformations])
        self._loss.update_state(losses)
        return {metric.name: metric.result() for metric in self.metrics}

    def sample(self, labels: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """Anchors of each label, moved by deformations that are drawn with replacement.

        Args:
            labels: int32 (n,).
            seed: int32 (2,); equal seeds and labels give equal images.

        Returns:
            float32 (n, H, W, C) in [0, 1].
        """
        labels, seeds = as_labels(labels), tf.random.split(seed, 2)
        images = self.anchors.draw(labels, seeds[0])
        num_pairs_by_class = self._pairs_of
        # Pairs are in the order of their classes: those that an image may be moved as are
        # `num_candidates` from `first_pairs` on.
        if self.own:
            first_pairs = tf.gather(tf.cumsum(num_pairs_by_class, exclusive=True), labels)
            num_candidates = tf.gather(num_pairs_by_class, labels)
        else:
            first_pairs = tf.zeros_like(labels)
            num_candidates = tf.fill(tf.shape(labels), tf.reduce_sum(num_pairs_by_class))
        draws = tf.random.stateless_uniform(tf.shape(labels), seeds[1])
        drawn = tf.cast(draws * tf.cast(num_candidates, tf.float32), tf.int32)
        # In float32 a draw close to 1 may be rounded up.
        pairs = first_pairs + tf.minimum(drawn, num_candidates - 1)
        deformations = tf.gather(self.deformations.value, pairs)
        if self.alike:
            source_styles = tf.gather(self.styles.value, pairs)
            deformations += (measure_styles(as_registered(images)) - source_styles) @ self.slopes
        has_pairs = tf.gather(num_pairs_by_class, labels)[:, None] > 0
        deformations *= self.scale * tf.where(has_pairs, self.many, 1.0)
        return tf.clip_by_value(self.average([images, deformations]), 0.0, 1.0)


def as_registered(images: tf.Tensor) -> tf.Tensor:
    """Images (n, H, W, C), larger ones reduced to `MOST_PIXELS` a side: float32, same range."""
    sides = tuple(min(side, MOST_PIXELS) for side in images.shape[1:3])
    return images if tuple(images.shape[1:3]) == sides else tf.image.resize(images, sides, "area")


def blurred(images: tf.Tensor, blur_sd: tf.Tensor) -> tf.Tensor:
    """Blurs images (n, H, W, C) by a Gaussian of sd `blur_sd`, in sides, normalised at the edge."""
    rows, columns = (_blurring(size, blur_sd) for size in images.shape[1:3])
    return tf.einsum("ia,nabc,jb->nijc", rows, images, columns)


def _blurring(num_pixels: int, blur_sd: tf.Tensor) -> tf.Tensor:
    """float32 (num_pixels, num_pixels): what each pixel takes of the others; rows sum to 1."""
    positions = np.arange(num_pixels, dtype=np.float32) / num_pixels
    return tf.nn.softmax(-((positions[:, None] - positions) ** 2) / (2 * blur_sd**2))


def _penalty(deformations: tf.Tensor) -> tf.Tensor:
    """The regularisation penalty of each deformation: float (n,)."""
    affine, field, thickness = tf.split(deformations, [6, NUM_FIELD, 1], axis=-1)
    points = tf.reshape(field, (-1, CONTROL_POINTS, CONTROL_POINTS, 2))
    down, right = points[:, 1:] - points[:, :-1], points[:, :, 1:] - points[:, :, :-1]
    roughness = tf.reduce_sum(down**2, axis=[1, 2, 3]) + tf.reduce_sum(right**2, axis=[1, 2, 3])
    magnitude = tf.reduce_sum(affine**2, axis=-1)
    return ROUGHNESS * roughness + AFFINE * magnitude + THICKNESS * thickness[:, 0] ** 2
