"""Models of others, whose answers have another form, or never come: one line, and nothing left."""

import os
import re
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from gan_mnist import classify, denoise, generate
from gan_mnist.commands.classify import CheckedClassifier
from gan_mnist.errors import InputError
from gan_mnist.models.signature_calls import TimeLimitedSignature, is_any_running

SIDE, IMAGES = 8, 3
PHOTOS = np.zeros((IMAGES, SIDE, SIDE, 1), np.uint8)
CLASSIFY = [tf.TensorSpec((None, SIDE, SIDE, 1), name="images")]
DENOISE = [tf.TensorSpec((None, SIDE, SIDE, 1), name="input")]
GENERATE = [tf.TensorSpec((None,), tf.int32, "labels"), tf.TensorSpec((), tf.int32, "seed")]


def write_model(directory, name, specs, answer):
    """A SavedModel with one signature; `answer` makes tensors of the number of images."""
    model = tf.Module()

    def function(**inputs):
        return answer(tf.shape(inputs.get("labels", inputs.get(specs[0].name)))[0])

    concrete = tf.function(function, autograph=False).get_concrete_function(
        **{spec.name: spec for spec in specs}
    )
    signatures = {name: concrete}
    tf.saved_model.save(model, str(directory / "model"), signatures=signatures)
    (directory / "classes.json").write_text('["a", "b"]')
    return f"--model={directory / 'model'}"


@pytest.fixture
def photos(tmp_path):
    (tmp_path / "photos").mkdir()
    for number in range(IMAGES):
        Image.new("L", (SIDE, SIDE), 50 * number).save(tmp_path / "photos" / f"{number}.png")
    return f"--images={tmp_path / 'photos'}"


@pytest.fixture
def refused(capsys, directory):
    """The line in which `main` refuses what a model answers; nothing is left."""

    def refused(main, *arguments):
        status = main(["command", "--trust_model", "--output=out/table", *arguments])
        out, err = capsys.readouterr()
        assert (status, out) == (2, "")
        assert err.startswith("error: --model: ")
        assert err.count("\n") == 1
        assert not [path for path in directory.rglob("*") if path.is_file()]
        return err

    return refused


def answer(label=lambda n: tf.fill([n], "a"), probability=lambda n: tf.fill([n], 0.5)):
    return lambda n: {"label": label(n), "probability": probability(n)}


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (answer(label=lambda n: tf.fill([n], 1.0)), "float32 of shape (3,) as 'label'"),
        (answer(label=lambda n: tf.fill([n], 1)), "int32 of shape (3,) as 'label'"),
        (answer(label=lambda n: tf.constant("a")), "of shape () as 'label'"),
        (answer(label=lambda n: tf.fill([n - 1], "a")), "of shape (2,) as 'label'"),
        (answer(label=lambda n: tf.fill([n, 1], "a")), "of shape (3, 1) as 'label'"),
        (answer(label=lambda n: tf.fill([0], "a")), "of shape (0,) as 'label'"),
        (answer(probability=lambda n: tf.constant(0.5)), "of shape () as 'probability'"),
        (answer(probability=lambda n: tf.fill([n], "a")), "object of shape (3,) as 'probability'"),
        (answer(probability=lambda n: tf.fill([n + 1], 0.5)), "of shape (4,) as 'probability'"),
        (answer(probability=lambda n: tf.fill([n], 7.0)), "'probability' beyond [0, 1]"),
        (answer(probability=lambda n: tf.fill([n], np.nan)), "'probability' beyond [0, 1]"),
        (answer(probability=lambda n: tf.fill([n], 1 + 1j)), "complex"),
        (answer(label=lambda n: tf.strings.substr(tf.fill([n], "a"), 9, 1)), "it failed"),
        (answer(label=lambda n: tf.ones((9, 9)) @ tf.ones((n, 9))), "it failed"),
    ],
)
def test_a_classifier_that_answers_in_another_form(answer, told):
    with pytest.raises(InputError, match=f"^--model: .*{re.escape(told)}"):
        CheckedClassifier(lambda images: answer(len(images)), 1, ())(PHOTOS)


@pytest.mark.parametrize(
    ("probabilities", "told"),
    [
        (np.full((IMAGES, 1), 0.5, np.float32), "float32 of shape (3, 1) as 'probabilities'"),
        (np.full((IMAGES,), 0.5, np.float32), "float32 of shape (3,) as 'probabilities'"),
        (np.full((IMAGES, 2), b"a"), "object of shape (3, 2) as 'probabilities'"),
        (np.full((IMAGES, 2), np.nan, np.float32), "'probabilities' beyond [0, 1]"),
        (np.full((IMAGES, 2), -1, np.float32), "'probabilities' beyond [0, 1]"),
    ],
)
def test_probabilities_of_all_classes_in_another_form(probabilities, told):
    asked = CheckedClassifier(
        lambda images: {"probabilities": tf.constant(probabilities)}, 2, ("a", "b")
    )
    with pytest.raises(InputError, match=f"^--model: .*{re.escape(told)}"):
        asked(PHOTOS)


def test_the_likeliest_classes_come_first():
    told = tf.constant([[0.2, 0.7, 0.1], [0.5, 0.1, 0.4], [0.3, 0.3, 0.4]])
    asked = CheckedClassifier(lambda images: {"probabilities": told}, 2, ("a", "b", "c"))
    found = [[(name, round(share, 6)) for name, share in best] for best in asked(PHOTOS)]
    assert found == [[("b", 0.7), ("a", 0.2)], [("a", 0.5), ("c", 0.4)], [("c", 0.4), ("a", 0.3)]]


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (answer(label=lambda n: tf.fill([n - 1], "a")), "of shape (2,) as 'label'"),
        (answer(probability=lambda n: tf.fill([n], np.nan)), "'probability' beyond [0, 1]"),
        (answer(label=lambda n: tf.strings.substr(tf.fill([n], "a"), 9, 1)), "it failed"),
    ],
)
def test_an_exported_classifier_that_does_so_leaves_nothing(
    tmp_path, photos, refused, answer, told
):
    model = write_model(tmp_path, "classify", CLASSIFY, answer)
    assert told in refused(classify.main, model, photos)


def test_a_label_that_is_no_text_is_shown_as_bytes(tmp_path, photos, command):
    told = answer(label=lambda n: tf.fill([n], tf.constant(b"caf\xe9, \x00\n")))
    model = write_model(tmp_path, "classify", CLASSIFY, told)
    status, out, _ = command(model, photos, "--trust_model", "--output=table.csv")
    assert status == 0
    assert "\\xe9" in out


MAIN = classify.main


@pytest.mark.parametrize(
    ("images", "told"),
    [
        (lambda n: tf.zeros((n, SIDE, SIDE, 2)), "8, 8, 2)"),
        (lambda n: tf.fill((n, SIDE, SIDE, 1), np.inf), "finite"),
    ],
)
@pytest.mark.parametrize("name", ["denoise", "generate_seeded"])
def test_images_of_another_form(tmp_path, photos, refused, name, images, told):
    main, specs = (denoise.main, DENOISE) if name == "denoise" else (generate.main, GENERATE)
    model = write_model(tmp_path, name, specs, lambda n: {"images": images(n)})
    assert told in refused(main, model, *([photos] if name == "denoise" else []))


@pytest.fixture
def never():
    """Numbers for that many images, which come when the test has ended."""
    ended, waiting = threading.Event(), []

    def wait():
        waiting.append(threading.current_thread())
        ended.wait(60)
        return np.float32(0.5)

    yield lambda n: tf.fill([n], tf.ensure_shape(tf.numpy_function(wait, [], tf.float32), ()))
    assert waiting
    ended.set()
    deadline = time.monotonic() + 30
    while is_any_running():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.slow
def test_one_that_never_answers_is_given_up(tmp_path, photos, refused, never):
    model = write_model(tmp_path, "classify", CLASSIFY, answer(probability=never))
    began = time.monotonic()
    line = refused(classify.main, model, photos, "--most_seconds=1")
    assert "has not answered in 1 seconds; accepted: one that does" in line
    assert "--most_seconds" in line
    assert time.monotonic() - began < 20


@pytest.mark.slow
@pytest.mark.parametrize("name", ["denoise", "generate_seeded"])
def test_one_that_never_makes_an_image_is_given_up(tmp_path, photos, refused, never, name):
    main, specs = (denoise.main, DENOISE) if name == "denoise" else (generate.main, GENERATE)

    def images(n):
        return {"images": tf.zeros((n, SIDE, SIDE, 1)) + never(n)[:, None, None, None]}

    model = write_model(tmp_path, name, specs, images)
    line = refused(main, model, "--most_seconds=1", *([photos] if name == "denoise" else []))
    assert "has not answered in 1 seconds" in line


@pytest.mark.slow
def test_the_process_of_one_that_never_answers_ends(tmp_path, photos, directory):
    """Nothing ever stops this one."""

    def loop(n):
        (turns,) = tf.while_loop(lambda x: x < 2, lambda x: [tf.sin(x)], [tf.constant(1.0)])
        return tf.fill([n], turns)

    told = answer(probability=loop)
    model = write_model(tmp_path, "classify", CLASSIFY, told)
    done = subprocess.run(
        [sys.executable, "-m", "gan_mnist.commands.classify", model, photos, "--trust_model",
         "--most_seconds=1"],
        capture_output=True, text=True, check=False, timeout=100, env=dict(os.environ),
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr.startswith("error: --model: it has not answered in 1 seconds")
    assert list(directory.iterdir()) == []


def test_what_answers_in_time_is_as_it_was():
    asked = TimeLimitedSignature(tf.function(lambda x: {"y": x + 1}), 10)
    assert asked(x=tf.constant(1))["y"].numpy() == 2
    assert asked.get_concrete_function is not None

    def fails(**_):
        raise ArithmeticError("no")

    with pytest.raises(ArithmeticError, match="no"):
        TimeLimitedSignature(fails, 10)()


@pytest.mark.parametrize(
    ("main", "unread"), [(classify, "_find"), (denoise, "find_sides"), (generate, "load_model")]
)
def test_an_output_that_cannot_be_is_noticed_before_anything_is_looked_at(
    main, unread, tmp_path, photos, capsys, monkeypatch
):
    monkeypatch.setattr(main, unread, lambda *_, **__: pytest.fail("work was begun"))
    name, specs = {
        classify: ("classify", CLASSIFY),
        denoise: ("denoise", DENOISE),
        generate: ("generate_seeded", GENERATE),
    }[main]
    model = write_model(tmp_path, name, specs, lambda n: {"images": tf.zeros([n])})
    arguments = [model, "--output=/proc/here/out", *([] if main is generate else [photos])]
    assert main.main(["command", "--trust_model", *arguments]) == 2
    assert "--output: cannot write /proc/here" in capsys.readouterr().err
