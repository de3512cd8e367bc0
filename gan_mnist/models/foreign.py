"""External classifiers: a user's builder, a saved model, a network of keras.applications.

Whatever the network takes and returns, the model built from it maps images of the study to float32
logits of its classes, as our own do. In front of the network, the body, are the preprocessing
layers that it needs; behind it, unless it has one, a head with a unit for each class.
"""

import importlib
import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import keras
import numpy as np
from keras import layers

from gan_mnist.errors import InputError, in_one_line
from gan_mnist.models.names import APPLICATIONS, AUTO, ClassifierChoice
from gan_mnist.models.preprocessing import Shape, preprocess

# A network that begins by multiplying with less than this is meant for 0..255.
SMALL_SCALE = 0.02
PUBLISHED_CLASSES = 1000


class Parts(NamedTuple):
    """An external network without the preprocessing layers that we put in front of it.

    Attributes:
        body: Maps preprocessed images to features or logits.
        head: Maps the features to logits; None if the body returns logits.
        weights: Weights of the head; None if they are drawn anew.
    """

    body: keras.Model
    head: layers.Layer | None = None
    weights: list[np.ndarray] | None = None


@dataclass(frozen=True)
class BuildForeign:
    """Builds the external network of a choice; equal choices build equal networks."""

    choice: ClassifierChoice

    def __call__(self, image_shape: Shape, num_classes: int, width: int) -> keras.Model:
        """As the builders in `gan_mnist.models.classifiers`; only a user's builder uses `width`.

        Weights that are not those of a file are drawn as any network's, so they follow the seed.

        Raises:
            InputError: If it is no classifier of such images.
            RuntimeError: If the file is not the one that the run began with.
        """
        choice = self.choice
        if choice.digest() != choice.classifier_sha256:
            raise RuntimeError(f"{choice.file} is not the file that the run began with")
        parts = _PARTS[choice.kind](choice, image_shape, num_classes, width)
        _check_images(choice, parts.body, image_shape)
        images = keras.Input(image_shape)
        x = parts.body(
            preprocess(images, parts.body.input_shape[1:], pixels_of(choice, parts.body))
        )
        if parts.head is not None:
            if len(x.shape) == 4:
                x = layers.GlobalAveragePooling2D()(x)
            x = parts.head(x)
            if parts.weights is not None:
                parts.head.set_weights(parts.weights)
        if x.dtype != "float32":
            x = layers.Activation("linear", dtype="float32")(x)
        if x.shape[1:] != (num_classes,):
            raise _refusal(
                choice, f"gives {x.shape} for {num_classes} classes", f"(n, {num_classes}) logits"
            )
        model = keras.Model(images, x, name="foreign")
        _freeze(choice, model)
        return model


def check(
    choice: ClassifierChoice, image_shape: Shape, num_classes: int, width: int, precision: str
) -> str:
    """Builds a network as a trial will, and returns the pixel range that it expects.

    Args:
        choice: What `ClassifierChoice.located` returned.
        image_shape: (H, W, C) of the study's images.
        num_classes: Number of the study's classes.
        width: The setting of this name, for a user's builder.
        precision: Keras dtype policy, which is set.

    Returns:
        One of `PIXELS`.

    Raises:
        InputError: If it is no classifier of such images, with the reason in one line.
    """
    keras.config.set_dtype_policy(precision)
    try:
        return _checked(choice, image_shape, num_classes, width)
    except InputError:
        raise
    # What else is wrong with a network shows where Keras meets it.
    except Exception as error:
        raise _failure(choice, "cannot be used", error) from error


def _checked(choice: ClassifierChoice, image_shape: Shape, num_classes: int, width: int) -> str:
    random.seed(0)
    model = BuildForeign(choice)(image_shape, num_classes, width)
    images = np.random.default_rng(0).random((8, *image_shape), np.float32)
    logits = np.asarray(model(images, training=False))
    if not np.isfinite(logits).all():
        raise _refusal(choice, "gives numbers that are not finite", "finite logits")
    if logits.min() >= 0 and np.allclose(logits.sum(axis=1), 1, atol=1e-3):
        raise _refusal(choice, "gives probabilities", "logits: a last layer without softmax")
    if choice.kind == "builder":
        random.seed(0)
        redrawn_weights = BuildForeign(choice)(image_shape, num_classes, width).get_weights()
        if not all(map(np.array_equal, model.get_weights(), redrawn_weights)):
            raise _refusal(
                choice, "draws other weights each time", "weights of Keras' initializers"
            )
    return pixels_of(
        choice, next(layer for layer in model.layers if isinstance(layer, keras.Model))
    )


def pixels_of(choice: ClassifierChoice, body: keras.Model) -> str:
    """The pixel range, black to white, that the body expects, one of `PIXELS`.

    It is as the choice says. Else an application expects what its weights were trained with, and
    any other network [0, 1], unless it begins by dividing, as by 255.
    """
    if choice.pixels != AUTO:
        return choice.pixels
    if choice.kind == "application":
        return APPLICATIONS[choice.application].pixels
    scales = (np.max(layer.scale) for layer in _leaves(body) if isinstance(layer, layers.Rescaling))
    return "0..255" if next(scales, 1) < SMALL_SCALE else "0..1"


def _of_builder(
    choice: ClassifierChoice, image_shape: Shape, num_classes: int, width: int
) -> Parts:
    module, _, function = choice.classifier.partition(":")
    try:
        model = getattr(importlib.import_module(module), function)(image_shape, num_classes, width)
        if isinstance(model, keras.Sequential) and not model.built:
            model.build((None, *image_shape))
    # It is somebody's program and may fail in any way.
    except Exception as error:
        raise _failure(choice, "failed", error) from error
    if not isinstance(model, keras.Model):
        raise _refusal(choice, f"returns a {type(model).__name__}", "a keras.Model")
    if not hasattr(model, "inputs"):  # a subclass of Model, which tells no shape of its own
        images = keras.Input(image_shape)
        model = keras.Model(images, model(images))
    _check_single(choice, model)
    return Parts(model)


def _of_saved(choice: ClassifierChoice, image_shape: Shape, num_classes: int, width: int) -> Parts:
    try:
        model = keras.saving.load_model(choice.classifier, compile=False)
        _check_single(choice, model)
        # A plain graph of layers, which can be cut.
        model = keras.Model(model.inputs[0], model.outputs[0])
    except InputError:
        raise
    # A damaged or foreign file lets any of a dozen types through.
    except Exception as error:
        raise _failure(choice, "cannot be loaded", error) from error
    _adopt_precision(model)
    return _with_head(model, num_classes)


def _with_head(model: keras.Model, num_classes: int) -> Parts:
    """A final softmax is taken away; a last `Dense` of another width is replaced."""
    last = model.operations[-1]
    if _gives_probabilities(last) and not isinstance(last, layers.Dense):
        model = keras.Model(model.inputs[0], last.input)
        last = model.operations[-1]
    if not isinstance(last, layers.Dense):
        if model.output_shape[1:] == (num_classes,):
            return Parts(model)
        return Parts(model, _new_head(num_classes))
    if last.units != num_classes:
        return Parts(keras.Model(model.inputs[0], last.input), _new_head(num_classes))
    # The same layer without its softmax, and in float32.
    activation = None if _gives_probabilities(last) else last.activation
    head = layers.Dense(num_classes, activation, last.use_bias, dtype="float32", name="head")
    return Parts(keras.Model(model.inputs[0], last.input), head, last.get_weights())


def _of_application(
    choice: ClassifierChoice, image_shape: Shape, num_classes: int, width: int
) -> Parts:
    build = getattr(keras.applications, choice.application)
    side = max(*image_shape[:2], APPLICATIONS[choice.application].least_side)
    body = build(include_top=False, weights=None, input_shape=(side, side, 3), pooling="avg")
    if choice.weights:
        try:
            _load_body(body, build, choice.weights)
        except Exception as error:  # whatever a file of other weights lets through
            raise _failure(choice, f"cannot load {choice.weights!r}", error) from error
    return Parts(body, _new_head(num_classes))


_PARTS: Mapping[str, Callable[[ClassifierChoice, Shape, int, int], Parts]] = {
    "builder": _of_builder,
    "saved": _of_saved,
    "application": _of_application,
}


def _load_body(body: keras.Model, build: Callable[..., keras.Model], path: str) -> None:
    """Loads weights that were saved without the head, or with that of ImageNet's classes."""
    try:
        body.load_weights(path)
    except ValueError:
        full_model = build(include_top=True, weights=None, classes=PUBLISHED_CLASSES)
        full_model.load_weights(path)
        # The head's come last.
        body.set_weights(full_model.get_weights()[: len(body.get_weights())])


def _new_head(num_classes: int) -> layers.Layer:
    return layers.Dense(num_classes, dtype="float32", name="head")


def _gives_probabilities(layer: object) -> bool:
    if isinstance(layer, layers.Softmax):
        return True
    activation = getattr(layer, "activation", None)
    return activation in (keras.activations.softmax, keras.activations.sigmoid)


def _check_single(choice: ClassifierChoice, model: keras.Model) -> None:
    if len(model.inputs) != 1 or len(model.outputs) != 1:
        raise _refusal(choice, "has several inputs or outputs", "a model with one of each")


def _check_images(choice: ClassifierChoice, body: keras.Model, image_shape: Shape) -> None:
    shape = body.input_shape
    if len(shape) != 4 or shape[-1] not in (image_shape[-1], 3):
        raise _refusal(
            choice,
            f"takes {shape}",
            f"images of {image_shape[-1]} channels, (n, H, W, {image_shape[-1]})",
        )
    is_colour = shape[-1] == 3
    if pixels_of(choice, body) in ("torch", "caffe") and not is_colour:
        raise _refusal(choice, f"takes {shape}", f"3 channels with pixels={choice.pixels}")


def _freeze(choice: ClassifierChoice, model: keras.Model) -> None:
    """Freezes the first `frozen` layers with weights; below 0, all but so many at the end."""
    if not choice.frozen:
        return
    weighted_layers = [layer for layer in _leaves(model) if layer.weights]
    high = len(weighted_layers) - 1
    if not -high <= choice.frozen <= high:
        raise InputError(
            f"setting frozen: {choice.frozen} is out of range; accepted with "
            f"classifier={choice.classifier}: {-high} to {high}, as it has {high + 1} layers with "
            "weights"
        )
    for layer in weighted_layers[: choice.frozen]:
        layer.trainable = False


def _leaves(model: keras.Model) -> Iterator[layers.Layer]:
    """Yields the layers, from the input on, including those of nested models."""
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from _leaves(layer)
        else:
            yield layer


def _adopt_precision(model: keras.Model) -> None:
    """A file tells in which precision the model was saved; it is to run in that of the study."""
    for layer in _leaves(model):
        layer.dtype_policy = keras.config.dtype_policy()


def _refusal(choice: ClassifierChoice, fault: str, accepted: str) -> InputError:
    return InputError(f"--classifier: {choice.classifier!r} {fault}; accepted: {accepted}")


def _failure(choice: ClassifierChoice, fault: str, error: Exception) -> InputError:
    reason = in_one_line(error)
    return InputError(f"--classifier: {choice.classifier!r} {fault}: {reason}")
