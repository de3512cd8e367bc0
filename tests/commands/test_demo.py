"""What the demo's page shows, asked of small exports without Gradio; and how it begins."""

import base64
import io
import re
import shutil
import socket
from html import unescape

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from small_exports import NAMES, SIZE, export_all, mixing_denoiser

from gan_mnist.commands.demo import command as demo
from gan_mnist.commands.demo import look as demo_look
from gan_mnist.commands.demo.mixtures import Denoiser, Mixture, digit
from gan_mnist.commands.demo.models import (
    Classifiers,
    Generator,
    drawn,
    find_exports,
    moved,
    uploaded,
)
from gan_mnist.data.datasets import load_dataset
from gan_mnist.data.images import ImageConversion
from gan_mnist.errors import InputError
from gan_mnist.trials.export import export_denoiser

MAIN = demo.main
GREY = ImageConversion(28, 1)
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return export_all(tmp_path_factory.mktemp("saved_models"))


@pytest.fixture(scope="module")
def exports(root):
    return find_exports(root)


@pytest.fixture(scope="module")
def classifiers(exports):
    return Classifiers(exports["classifier"])


def level(grey):
    """An image of one grey."""
    return lambda conversion: np.full(
        (conversion.image_size, conversion.image_size, conversion.channels), grey, np.uint8
    )


def pixels(pictures):
    return np.stack([np.asarray(picture) for picture in pictures])


def test_exports_are_found_by_kind_in_the_order_of_the_arms(exports, root):
    names = {kind: [export.name for export in found] for kind, found in exports.items()}
    assert names == {
        "classifier": ["imbalance/none", "imbalance/classical"],
        "generator": ["imbalance/cgan", "imbalance/warp_gan"],
        "denoiser": ["denoising/resConvNet_v3_dcnn"],
    }
    alone = find_exports(root / "imbalance" / "classical")["classifier"]
    assert [export.name for export in alone] == ["imbalance/classical"]


def test_exports_of_one_name_are_told_apart_by_where_they_lie(root, tmp_path):
    for place in ("saved_models", "runs/other"):
        shutil.copytree(root, tmp_path / place)
    found = find_exports(tmp_path)
    assert [export.name for export in found["generator"]] == [
        f"{place}/imbalance/{arm}"
        for place in ("runs/other", "saved_models")
        for arm in ("cgan", "warp_gan")
    ]
    assert (
        found["classifier"][0].training_in_words()
        == found["classifier"][2].training_in_words()
        != ""
    )


def test_what_an_arm_had_been_shown_is_told(exports, root, tmp_path):
    none, classical = exports["classifier"]
    assert (
        none.training_in_words()
        == "the imbalanced images as they are; real images of thin, thick at first: 1, 300"
    )
    assert "rotated" in classical.training_in_words()
    shutil.copytree(root / "imbalance" / "none" / "classifier", tmp_path / "a" / "b" / "classifier")
    for about in ("", '{"settings": 3}', "[]"):
        (tmp_path / "a" / "b" / "about.json").write_text(about)
        (foreign,) = find_exports(tmp_path)["classifier"]
        assert (foreign.name, foreign.training_in_words()) == ("a/b", "not told")


@pytest.mark.parametrize(("grey", "said"), [(10, "thin thin"), (80, "thin thick"),
                                            (200, "thick thick")])  # fmt: skip
def test_every_arm_says_what_it_thinks(classifiers, grey, said):
    answers = list(classifiers.say(level(grey)))
    assert " ".join(answer.classes[0][0] for answer in answers) == said
    assert [answer.export.arm for answer in answers] == ["none", "classical"]
    for answer in answers:
        assert {name for name, _ in answer.classes} == set(NAMES)
        assert sum(probability for _, probability in answer.classes) == pytest.approx(1)


def test_the_table_tells_every_arm_beside_what_it_had_been_shown(classifiers):
    page = demo_look.answers(classifiers, level(80))
    cells = [unescape(re.sub("<.*?>", "", cell)) for cell in re.findall("<t[dh].*?</t[dh]>", page)]
    assert cells[5:9] == ["imbalance", "none", "thin", "100%"]
    trained_on = next(classifiers.say(level(80))).export.training_in_words()
    assert cells[10:14] == [trained_on, "classical", "thick", "100%"]
    assert np.asarray(shown_in(page)[0]).tolist() == [[80] * SIZE] * SIZE
    assert "Draw a digit" in demo_look.answers(classifiers, None)


def shown_in(page):
    """The pictures on a page."""
    files = re.findall(r"data:image/png;base64,([\w+/=]+)", page)
    return [Image.open(io.BytesIO(base64.b64decode(file))) for file in files]


@pytest.mark.parametrize(("top", "left"), [(0, 0), (37, 61), (160, 100)])
def test_a_drawing_is_prepared_as_the_digits_were(top, left):
    ink = np.zeros((280, 280), np.uint8)
    ink[top : top + 120, left : left + 60] = 255  # with a foot, which pulls the centre of mass
    ink[top + 100 : top + 120, left : left + 100] = 255
    seen = drawn(ink)(GREY)[..., 0] / 255
    rows, columns = (np.flatnonzero(seen.max(axis=axis) > 0.5) for axis in (1, 0))
    assert rows[-1] - rows[0] + 1 == pytest.approx(20, abs=1)
    assert columns[-1] - columns[0] + 1 == pytest.approx(20 * 100 / 120, abs=1)
    centre = [(seen.sum(axis=1 - axis) @ np.arange(28)) / seen.sum() for axis in (0, 1)]
    np.testing.assert_allclose(centre, 13.5, atol=0.6)


def test_a_long_stroke_stays_within_the_image():
    ink = np.zeros((280, 280), np.uint8)
    ink[5, :] = 255
    seen = drawn(ink)(GREY)
    assert (seen.max(axis=(0, 2)) > 0).sum() == pytest.approx(20, abs=2)


def test_an_empty_drawing_is_none():
    assert drawn(demo_look.ink_of("")) is None
    assert drawn(np.zeros((9, 9), np.uint8)) is None


def test_the_canvas_gives_its_ink():
    picture = Image.new("RGBA", (4, 3))
    picture.putpixel((1, 2), (255, 255, 255, 200))
    file = io.BytesIO()
    picture.save(file, "PNG")
    ink = demo_look.ink_of(f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}")
    assert ink.shape == (3, 4)
    assert np.argwhere(ink).tolist() == [[2, 1]]


def test_an_upload_is_seen_inverted_or_not(tmp_path):
    Image.new("L", (9, 9), 250).save(tmp_path / "a.png")
    assert np.unique(uploaded(tmp_path / "a.png", False)(GREY)).tolist() == [250]
    assert np.unique(uploaded(tmp_path / "a.png", True)(GREY)).tolist() == [5]


@pytest.mark.parametrize("content", [b"", b"no image", b"\x89PNG\r\n\x1a\n broken"])
def test_a_bad_upload_is_told_on_the_page(classifiers, tmp_path, content):
    (tmp_path / "<x>.png").write_bytes(content)
    see = uploaded(tmp_path / "<x>.png", False)
    page = demo_look.with_errors_shown(lambda: demo_look.answers(classifiers, see))()
    assert page.startswith('<p class="bad" role="alert">&lt;x&gt;.png: ')
    assert str(tmp_path) not in page


def test_generated_images_are_those_of_labels_and_seed(exports):
    export, _ = exports["generator"]
    rows = Generator(export).rows(["thick"], 3, 7, (0.0, 0.0, 0.0))
    model = tf.saved_model.load(str(export.saved_model))
    given = {"labels": tf.constant([1, 1, 1]), "seed": tf.constant(7)}
    expected = model.signatures["generate_seeded"](**given)["images"].numpy()[..., 0]
    np.testing.assert_array_equal(pixels(rows["thick"]), np.round(255 * expected))
    assert list(rows) == ["thick"]
    assert len(shown_in(demo_look.sheet(rows))) == 3
    assert "Choose a class" in demo_look.sheet(Generator(export).rows([], 3, 7))


def test_sliders_move_the_latents_of_what_has_them(exports):
    cgan, warp_gan = map(Generator, exports["generator"])
    assert (cgan.has_latents, warp_gan.has_latents) == (True, False)
    still, one, other = (
        pixels(cgan.rows(NAMES, 2, 7, moves)["thin"]) for moves in ((0, 0), (1, 0), (0, 1))
    )
    assert not np.array_equal(still, one)
    assert not np.array_equal(one, other)


def test_moved_latents_are_spread_as_before():
    rng = np.random.default_rng(0)
    latents = rng.normal(size=(20, 500)).astype(np.float32)
    others = [rng.normal(size=(1, 500)) for _ in range(2)]
    np.testing.assert_array_equal(moved(latents, others, (0, 0)), latents)
    far = moved(latents, others, (2, -1))
    assert far.dtype == np.float32
    assert far.std() == pytest.approx(1, abs=0.05)
    expected = (latents[3] + 2 * others[0][0] - others[1][0]) / np.sqrt(6)
    np.testing.assert_allclose(far[3], expected, rtol=1e-5)


def test_a_mixture_is_told_with_what_becomes_of_it(exports):
    (export,) = exports["denoiser"]
    shown = Denoiser(export).pictures(level(102), level(51), Mixture(a=0.5, b=0.75, noise=0))
    greys = {name: np.unique(np.asarray(picture)).tolist() for name, (picture, _) in shown.items()}
    # 0.4 is to come out at full scale; 0.5 * 0.4 + 0.75 * 0.2 is given, and 0.75 * 0.2 shown.
    assert greys == {"wanted": [102], "other": [38], "untreated": [89], "filter": [0],
                     "denoiser": [76]}  # fmt: skip
    outputs = {"untreated": 0.35, "filter": 0.0, "denoiser": 0.75 * 0.35 + 0.25 * 0.15}
    # Marked at the scale of the mixture, to which the denoiser's answer is brought.
    outputs["denoiser"] *= 0.5
    for name, output in outputs.items():
        assert shown[name][1] == pytest.approx(-20 * np.log10(abs(0.2 - output)), abs=0.01)
    assert [shown[name][1] for name in ("wanted", "other")] == [None, None]
    page = demo_look.denoising_steps(shown)
    assert len(shown_in(page)) == 5
    assert f"<b>{shown['denoiser'][1]:.1f} dB</b>" in page


def test_a_denoiser_of_ones_own_pairs_is_shown_no_other_image(tmp_path):
    export_denoiser(mixing_denoiser(), tmp_path / "denoising" / "of_pairs", has_refs=False)
    (export,) = find_exports(tmp_path)["denoiser"]
    shown = Denoiser(export).pictures(level(102), level(51), Mixture(a=0.5, b=0.75, noise=0))
    greys = {name: np.unique(np.asarray(picture)).tolist() for name, (picture, _) in shown.items()}
    # A target is a times the image where nothing else is told.
    assert greys == {"wanted": [51], "other": [0], "untreated": [51], "filter": [51],
                     "denoiser": [38]}  # fmt: skip
    assert shown["untreated"][1] == 100


def test_noise_is_of_its_seed(exports):
    denoiser = Denoiser(exports["denoiser"][0])

    def noisy(**changes):
        mixture = Mixture(**{"noise": 0.5, **changes})
        return np.asarray(denoiser.pictures(digit(3), digit(4), mixture)["untreated"][0])

    assert np.array_equal(noisy(), noisy())
    assert not np.array_equal(noisy(), noisy(seed=1))
    assert noisy(noise=0).mean() < noisy().mean() < noisy(noise=1.0).mean()


def test_digits_are_test_images():
    test = load_dataset("mnist_sample").test.images
    np.testing.assert_array_equal(digit(999)(GREY), test[999])
    assert digit(0)(ImageConversion(16, 3)).shape == (16, 16, 3)


def test_no_models_are_refused(refused, tmp_path):
    (tmp_path / "empty").mkdir()
    for place in ("empty", "missing"):
        told = refused(f"--models={tmp_path / place}")
        assert f"--models: '{tmp_path / place}' holds no exported model" in told


def test_without_gradio_it_tells_how_to_install_it(refused, root, monkeypatch):
    monkeypatch.setattr(demo.importlib.util, "find_spec", lambda name: None)
    assert "pip install 'gan_mnist[demo]'" in refused(f"--models={root}")


def test_a_port_in_use_is_refused(refused, root, monkeypatch):
    monkeypatch.setattr(demo.importlib.util, "find_spec", lambda name: name)
    with socket.socket() as other:
        other.bind((demo.HOST, 0))
        other.listen()
        port = other.getsockname()[1]
        assert f"--port: {port}: Address already in use" in refused(
            f"--models={root}", f"--port={port}"
        )


def test_a_model_that_cannot_be_loaded_is_refused(tmp_path):
    (tmp_path / "a" / "b" / "classifier").mkdir(parents=True)
    (tmp_path / "a" / "b" / "classifier" / "saved_model.pb").write_bytes(b"\xff no model")
    with pytest.raises(InputError, match=r"^--models: .* cannot be loaded"):
        Classifiers(find_exports(tmp_path)["classifier"])


def test_models_that_cannot_be_looked_for_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"^--models: .* cannot be read: File name too long"):
        find_exports(tmp_path / ("a" * 300))
