"""Values of more than 8 bits: as bright in every folder, and to a model, as in the training."""

import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from test_bit_depth import png

from gan_mnist.commands.exported import read_conversion
from gan_mnist.data.images import ImageConversion, read_image
from gan_mnist.settings import ClassifierSettings
from gan_mnist.settings.further import as_test_dir

# Of 12 bits, and of what is much darker: of 10.
LIGHT, DARK = 4000, 900
SHOWN = round(DARK * 255 / 4095)


def write(folder, value, colour, number=2):
    for name in ("cat", "dog"):
        for row in range(number):
            levels = np.full((16, 16, 3 if colour else 1), value - row, np.uint16)
            if colour:
                levels[..., 1:] //= 2
            png(folder / name / f"{row}.png", levels)
    return folder


@pytest.fixture(params=[False, True], ids=["grey", "colour"])
def places(request, tmp_path):
    """Folders of the training and of darker images."""
    light = write(tmp_path / "light", LIGHT, request.param, number=5)
    return light, write(tmp_path / "dark", DARK, request.param)


def resolved(light, **changes):
    settings = ClassifierSettings(dataset="folder", data_dir=str(light), **changes)
    return settings.resolve(settings.load())


def test_a_further_test_set_is_read_in_the_range_of_the_data_set(places):
    light, dark = places
    settings = resolved(light, test_dir=as_test_dir({"dark": dark}))
    assert settings.white == 4095
    subset = settings.further_tests()["dark"].subset
    assert np.asarray(subset.images)[..., 0].max() == SHOWN


def test_what_is_beyond_the_range_is_white(places):
    light, dark = places
    settings = resolved(dark, test_dir=as_test_dir({"light": light}))
    assert settings.white == 1023
    subset = settings.further_tests()["light"].subset
    assert (np.asarray(subset.images)[..., 0] == 255).all()


def test_so_are_generated_images(places):
    light, dark = places
    from gan_mnist.data.given import read_given

    given = read_given(dark, ("cat", "dog"), resolved(light).conversion)
    assert np.asarray(given.subset.images)[..., 0].max() == SHOWN


def test_a_trial_reads_what_the_plan_did_and_older_runs_go_on(places):
    light, _ = places
    settings = resolved(light)
    assert settings.load().sha256 == replace(settings, white=0).load().sha256
    assert settings.identity() == replace(settings, white=0).identity()
    other = ClassifierSettings(dataset="folder", data_dir=str(light), white=65535)
    assert other.load().sha256 != settings.load().sha256


def test_a_model_is_asked_in_the_range_of_its_training(places, tmp_path):
    light, dark = places
    told = resolved(light).load().provenance
    assert told["white"] == 4095
    (tmp_path / "about.json").write_text(json.dumps({"settings": {}, "dataset": told}))
    conversion = replace(read_conversion(tmp_path / "classifier"), image_size=16, channels=3)
    assert read_image(dark / "cat" / "0.png", conversion)[0, 0, 0] == SHOWN
    (tmp_path / "about.json").write_text(json.dumps({"settings": {}, "dataset": {}}))
    assert read_conversion(tmp_path / "classifier") == ImageConversion()


@pytest.mark.parametrize("other", [False, True])
def test_images_of_8_bits_have_no_range_to_carry(tmp_path, other):
    """So that another folder's own is taken, and nothing new is told of theirs."""
    for name in ("cat", "dog"):
        for row in range(5):
            (tmp_path / "light" / name).mkdir(parents=True, exist_ok=True)
            grey = Image.new("L", (16, 16), 20 * row)
            grey.save(tmp_path / "light" / name / f"{row}.png")
    dark = write(tmp_path / "dark", DARK, colour=False)
    settings = resolved(tmp_path / "light", test_dir=as_test_dir({"dark": dark} if other else {}))
    assert settings.white == 0
    assert "white" not in settings.load().provenance
    if other:
        images = settings.further_tests()["dark"].subset.images
        assert np.asarray(images).max() == round(DARK * 255 / 1023)
