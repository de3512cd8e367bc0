"""An exported generator whose images tell what was asked for, made without our exporter."""

import json

import tensorflow as tf

from gan_mnist.models.saved import digest_of

LEVELS = (40, 125, 210)


def export_levels(directory, class_names, shape, order=None, **about):
    """Writes `directory/generator`, `classes.json`, and the checksum by which it counts as ours.

    Its images are noisy and of a level of grey a class: of 255, `LEVELS` of the places that classes
    have in `order`, by name where there is none.
    """
    order = sorted(class_names) if order is None else order
    levels = [LEVELS[order.index(name)] if name in order else 0 for name in class_names]

    class Levels(tf.Module):
        def __init__(self):
            self.levels = tf.Variable(levels, dtype=tf.float32)

        @tf.function(input_signature=[tf.TensorSpec((None,), tf.int32, "labels"),
                                      tf.TensorSpec((), tf.int32, "seed")])  # fmt: skip
        def generate_seeded(self, labels, seed):
            size = tf.concat([tf.shape(labels), shape], 0)
            noise = tf.random.stateless_uniform(size, [seed, 0], -15, 16)
            images = (tf.gather(self.levels, labels)[:, None, None, None] + noise) / 255
            return {"images": tf.ensure_shape(images, (None, *shape))}

    model = Levels()
    signatures = {"generate_seeded": model.generate_seeded}
    tf.saved_model.save(model, str(directory / "generator"), signatures=signatures)
    (directory / "classes.json").write_text(json.dumps(list(class_names)))
    checksums = {"generator": digest_of(directory / "generator")}
    (directory / "checksums.json").write_text(json.dumps(checksums))
    if about:
        (directory / "about.json").write_text(json.dumps(about))
    return directory
