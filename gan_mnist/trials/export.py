"""Exports models: SavedModels with named signatures, which TensorFlow alone can load."""

import dataclasses
import functools
import hashlib
import shutil
from collections.abc import Callable, Collection, Sequence
from pathlib import Path

import keras
import tensorflow as tf
from keras.export import ExportArchive

from gan_mnist.data.encoded import decode
from gan_mnist.data.images import DEFAULT_CONVERSION, ImageConversion
from gan_mnist.data.pipelines import as_float
from gan_mnist.files import read_json, write_json
from gan_mnist.generators.trained import TrainedGenerator
from gan_mnist.models.conditional_gan import WideLatents
from gan_mnist.models.denoiser import DenoisingModel
from gan_mnist.models.latents import LatentSampler
from gan_mnist.models.saved import CHECKSUMS, digest_of
from gan_mnist.models.two_networks import TwoNetworks

Sampler = TwoNetworks | WideLatents
_NETWORKS = ("classifier", "generator", "denoiser")
# How far beyond [0, 1] mixed precision or a resize may leave a pixel.
ROUNDING = 1e-2
BAD_RANGE = (
    "images: values beyond [0, 1] or NaN; accepted: float32 in [0, 1]; "
    "`classify_uint8` takes images of 0 to 255"
)


def export_classifier(
    model: keras.Model,
    class_names: Sequence[str],
    directory: Path,
    conversion: ImageConversion = DEFAULT_CONVERSION,
) -> None:
    """Writes `directory/classifier`, with four signatures, and `classifier.keras`.

    Three take images, and differ in their form alone:

    - `classify(images)`: float32 (n, H, W, C) in [0, 1]; other values are refused.
    - `classify_uint8(images)`: uint8 (n, H, W, C).
    - `classify_encoded(files)`: string (n,), the bytes of image files, which `decode` converts as
      `conversion` says, but to the model's size and channels.

    Each returns `label` (string: the class name), `index` (int32, into `class_names`) and
    `probability` (float32, of that class), all (n,), and `probabilities`, float32 (n, classes).
    `classes()` returns `classes`: string (classes,), the class names.
    """
    names = tf.constant(list(class_names))
    # What predicts, without how it was trained: no generator is shipped with it, and no custom
    # class or metric is needed to load it.
    inference_model = keras.Model(model.inputs[0], model.outputs[0])
    image_shape = model.input_shape[1:]
    conversion = dataclasses.replace(
        conversion, image_size=image_shape[0], channels=image_shape[-1]
    )

    def answer(images: tf.Tensor) -> dict[str, tf.Tensor]:
        probabilities = tf.nn.softmax(inference_model(images, training=False))
        index = tf.argmax(probabilities, axis=-1, output_type=tf.int32)
        return {
            "label": tf.gather(names, index),
            "index": index,
            "probability": tf.reduce_max(probabilities, axis=-1),
            "probabilities": probabilities,
        }

    def classify(images: tf.Tensor) -> dict[str, tf.Tensor]:
        # All within, rather than none beyond: so that NaN is refused too.
        is_in_range = tf.reduce_all((images >= -ROUNDING) & (images <= 1 + ROUNDING))
        with tf.control_dependencies([tf.debugging.Assert(is_in_range, [BAD_RANGE])]):
            return answer(tf.identity(images))

    def classify_uint8(images: tf.Tensor) -> dict[str, tf.Tensor]:
        return answer(as_float(images))

    def classify_encoded(files: tf.Tensor) -> dict[str, tf.Tensor]:
        return answer(_decoder(conversion)(files))

    @tf.function(input_signature=[])
    def classes() -> dict[str, tf.Tensor]:
        return {"classes": tf.identity(names)}

    archive = ExportArchive()
    archive.track(inference_model)
    for function, shape, dtype, name in (
        (classify, (None, *image_shape), tf.float32, "images"),
        (classify_uint8, (None, *image_shape), tf.uint8, "images"),
        (classify_encoded, (None,), tf.string, "files"),
    ):
        _add_endpoint(archive, function, tf.TensorSpec(shape, dtype, name))
    classes.get_concrete_function()
    archive.add_endpoint("classes", classes)
    archive.write_out(str(directory / "classifier"), verbose=False)
    _keep_checksum(directory, "classifier")
    inference_model.save(directory / "classifier.keras")
    write_json(directory / "classes.json", list(class_names))


@functools.cache
def _decoder(conversion: ImageConversion) -> tf.types.experimental.ConcreteFunction:
    """Decodes files, string (n,), to float32 (n, H, W, C); a process exports it with every arm."""
    image_shape = (conversion.image_size, conversion.image_size, conversion.channels)

    @tf.function(input_signature=[tf.TensorSpec((None,), tf.string, "files")], autograph=False)
    def decode_all(files: tf.Tensor) -> tf.Tensor:
        return tf.map_fn(
            lambda contents: decode(contents, conversion),
            files,
            fn_output_signature=tf.TensorSpec(image_shape, tf.float32),
        )

    return decode_all.get_concrete_function()


def _add_endpoint(
    archive: ExportArchive, function: Callable[..., dict[str, tf.Tensor]], *specs: tf.TensorSpec
) -> None:
    """Adds `function` as a signature of its name, for arguments of these `specs`.

    Keras traces an endpoint, and TensorFlow traces it anew, as its cache tells what is saved from
    what is not. So what they trace is a call of the graph, which is made once.
    """
    graph = tf.function(function, list(specs), autograph=False).get_concrete_function()

    # The names of the arguments are part of the signature.
    @functools.wraps(function)
    def call(*arguments: tf.Tensor) -> dict[str, tf.Tensor]:
        return graph(*arguments)

    archive.add_endpoint(function.__name__, call, list(specs))


def remove_others(directory: Path, made: Collection[str]) -> None:
    """Removes networks of earlier exports from `directory`, those whose names are not in `made`."""
    for name in {*_NETWORKS}.difference(made):
        if (saved_model := directory / name).is_symlink():
            saved_model.unlink()
        elif saved_model.is_dir():
            shutil.rmtree(saved_model)
        (directory / f"{name}.keras").unlink(missing_ok=True)
    if checksums := read_json(directory / CHECKSUMS):
        write_json(
            directory / CHECKSUMS, {key: value for key, value in checksums.items() if key in made}
        )


def _keep_checksum(directory: Path, name: str) -> None:
    """Adds the digest of a SavedModel to its directory's: commands recognise our exports by it."""
    checksums = read_json(directory / CHECKSUMS) or {}
    write_json(directory / CHECKSUMS, checksums | {name: digest_of(directory / name)})


def export_generator(
    generator: TrainedGenerator, class_names: Sequence[str], directory: Path
) -> None:
    """Writes `directory/generator`, with two signatures or four, and `generator.keras`.

    `generate(labels)` draws anew at every call; `generate_seeded(labels, seed)` is reproducible.
    Labels are int32 (n,) indices into `class_names`, the seed is an int32 scalar, and the output
    `images` is float32 (n, H, W, C) in [0, 1].

    Where images are decoded from latents and labels alone, `latents(labels, seed)` returns the
    latents of a seed, float32 (n, dim), and `decode(latents, labels)` the `images` of any latents:
    for those of a seed, the images of `generate_seeded`.

    Arms that share a generator export it one after the other: from the second on it is copied.
    """
    digest = _digest(generator.network)
    if not _copied(generator.exported, digest, directory):
        _write_generator(generator.network, directory)
        generator.exported = digest, directory
    _keep_checksum(directory, "generator")
    write_json(directory / "classes.json", list(class_names))


def _digest(network: Sampler) -> str:
    """SHA-256 of all values that `network` samples with."""
    digest = hashlib.sha256()
    for resource in network.exported:
        for variable in getattr(resource, "weights", [resource]):
            digest.update(variable.numpy().tobytes())
    return digest.hexdigest()


def _copied(exported: tuple[str, Path] | None, digest: str, directory: Path) -> bool:
    """Copies an earlier export to `directory` if it has this `digest`; returns whether it did."""
    if exported is None or exported[0] != digest or exported[1] == directory:
        return False
    source = exported[1]
    try:
        # Without times and modes: the copies are new files, as those of any export.
        shutil.copytree(
            source / "generator",
            directory / "generator",
            copy_function=shutil.copyfile,
            dirs_exist_ok=True,
        )
        shutil.copyfile(source / "generator.keras", directory / "generator.keras")
    except OSError:  # the first one is gone; any other trouble will show when it is made anew
        return False
    return True


def _write_generator(network: Sampler, directory: Path) -> None:
    def generate_seeded(labels: tf.Tensor, seed: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"images": network.sample(labels, tf.stack([seed, 0]))}

    def generate(labels: tf.Tensor) -> dict[str, tf.Tensor]:
        # `tf.random.uniform` would build this process's global seed into the graph.
        seed = tf.raw_ops.RandomUniformInt(shape=[2], minval=0, maxval=tf.int32.max)
        return {"images": network.sample(labels, seed)}

    label_spec = tf.TensorSpec((None,), tf.int32, name="labels")
    archive = ExportArchive()
    for resource in network.exported:
        archive.track(resource)
    _add_endpoint(archive, generate, label_spec)
    _add_endpoint(archive, generate_seeded, label_spec, tf.TensorSpec((), tf.int32, name="seed"))
    if isinstance(network, LatentSampler | WideLatents):
        _add_latents(archive, network)
    archive.write_out(str(directory / "generator"), verbose=False)
    network.average.save(directory / "generator.keras")


def _add_latents(archive: ExportArchive, network: LatentSampler | WideLatents) -> None:
    def latents(labels: tf.Tensor, seed: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"latents": network.prior.draw(tf.shape(labels)[0], tf.stack([seed, 0]))}

    def decode(latents: tf.Tensor, labels: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"images": network.decode(latents, labels)}

    label_spec = tf.TensorSpec((None,), tf.int32, name="labels")
    latent_spec = tf.TensorSpec((None, network.prior.dim), tf.float32, name="latents")
    _add_endpoint(archive, latents, label_spec, tf.TensorSpec((), tf.int32, name="seed"))
    _add_endpoint(archive, decode, latent_spec, label_spec)


def export_denoiser(model: DenoisingModel, directory: Path, has_refs: bool = True) -> None:
    """Writes `directory/denoiser`, with the signature `denoise`, and `denoiser.keras`.

    `denoise(input, ref)` takes noisy images and the images to remove from them, each float32
    (n, H, W, C) in [0, 1]; the output `images` is float32 (n, H, W, C) in [0, 1]. Without refs
    it is `denoise(input)`; the network in `denoiser.keras` then needs black images as refs.
    """
    network = model.average

    def denoise(input: tf.Tensor, ref: tf.Tensor | None = None) -> dict[str, tf.Tensor]:
        return {"images": model.denoise(input, tf.zeros_like(input) if ref is None else ref)}

    archive = ExportArchive()
    archive.track(network)
    specs = [
        tf.TensorSpec((None, *tensor.shape[1:]), tf.float32, name=name)
        for name, tensor in zip(("input", "ref"), network.inputs, strict=True)
    ]
    _add_endpoint(archive, denoise, *(specs if has_refs else specs[:1]))
    archive.write_out(str(directory / "denoiser"), verbose=False)
    _keep_checksum(directory, "denoiser")
    network.save(directory / "denoiser.keras")
