"""What a classifier's name can be, where its file is, and what is refused without TensorFlow."""

import hashlib
import os
import sys

import pytest

from gan_mnist.errors import InputError
from gan_mnist.models.names import ClassifierChoice


@pytest.fixture
def here(directory, monkeypatch):
    """The current folder with a module and a file in it, which Python does not search as yet."""
    elsewhere = [folder for folder in sys.path if folder and folder != str(directory)]
    monkeypatch.setattr(sys, "path", elsewhere)
    (directory / "my_networks.py").write_text("def build(*_): ...\n")
    (directory / "broken").mkdir()
    (directory / "broken" / "__init__.py").write_text("1 / 0\n")
    (directory / "model.keras").write_bytes(b"of a model")
    os.mkfifo(directory / "pipe.keras")
    return directory


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("resnet", "ours"),
        ("applications:VGG16", "application"),
        ("model.keras", "saved"),
        ("some:where/model.h5", "saved"),
        ("package.module:build", "builder"),
        ("resnet.py", "unknown"),
        ("", "unknown"),
    ],
)
def test_a_name_tells_its_kind(name, kind):
    assert ClassifierChoice(name).kind == kind


def test_what_is_found_has_absolute_paths_and_a_checksum(here):
    digest = hashlib.sha256(b"of a model").hexdigest()
    path = str(here / "model.keras")
    assert ClassifierChoice("model.keras").located(8) == ClassifierChoice(
        path, classifier_sha256=digest
    )
    assert ClassifierChoice("applications:VGG16", "model.keras").located(8) == ClassifierChoice(
        "applications:VGG16", path, digest
    )
    assert ClassifierChoice("applications:VGG16").located(8) == ClassifierChoice(
        "applications:VGG16"
    )
    for found in (ClassifierChoice(path, classifier_sha256=digest), ClassifierChoice("resnet")):
        assert found.located(8) == found


def test_a_package_that_ends_the_process_ends_not_ours(here):
    (here / "quitter").mkdir()
    (here / "quitter" / "__init__.py").write_text("import sys; sys.exit(0)")
    with pytest.raises(InputError, match=r"--classifier: .* cannot be found: SystemExit: 0"):
        ClassifierChoice("quitter.net:build").located(8)


def test_a_builder_is_looked_for_in_the_current_folder_too(here):
    found = ClassifierChoice("my_networks:build").located(8)
    text = (here / "my_networks.py").read_bytes()
    assert found == ClassifierChoice(
        "my_networks:build", classifier_sha256=hashlib.sha256(text).hexdigest()
    )
    # Last, so that it hides nothing; processes that are started inherit it.
    assert sys.path[-1] == os.getcwd()
    assert "my_networks" not in sys.modules


@pytest.mark.parametrize(
    ("name", "options", "told"),
    [
        ("resnt", {}, "--classifier: 'resnt' is unknown; did you mean 'resnet'?"),
        ("applications:VGG6", {}, "'VGG6' is unknown; did you mean 'VGG16'?"),
        ("no.keras", {}, "--classifier: 'no.keras' cannot be read: No such file"),
        ("pipe.keras", {}, "'pipe.keras' cannot be read: it is a folder, or no file"),
        ("broken.h5\0.h5", {}, "cannot be read"),
        ("applications:VGG16", {"weights": "no.h5"}, "setting weights: 'no.h5' cannot be read"),
        ("no_module:build", {}, "--classifier: 'no_module:build' cannot be found; accepted"),
        ("no_package.module:build", {}, "cannot be found: ModuleNotFoundError"),
        ("broken.module:build", {}, "cannot be found: ZeroDivisionError: division by zero"),
        ("my_networks:", {}, "cannot be found"),
        (":build", {}, "cannot be found"),
        ("sys:exit", {}, "cannot be found"),  # in no file
        ("resnet", {"weights": "model.keras"}, "setting weights: 'model.keras' is not accepted"),
        ("model.keras", {"weights": "model.keras"}, "accepted with applications:NAME"),
        ("resnet", {"frozen": 1}, "setting frozen: 1 is not accepted with classifier=resnet"),
        ("my_networks:build", {"frozen": -1}, "accepted with a saved model or applications:NAME"),
        ("resnet", {"pixels": "caffe"}, "setting pixels: 'caffe' is not accepted with"),
    ],
)
@pytest.mark.usefixtures("here")
def test_what_cannot_be_is_refused_in_one_line(name, options, told):
    with pytest.raises(InputError) as error:
        ClassifierChoice(name, **options).located(8)
    assert told in str(error.value)
    assert "\n" not in str(error.value)
