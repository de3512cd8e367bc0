"""Names of classes and images, as people, cameras and programs give them."""

import pytest
from PIL import Image

from gan_mnist.data.class_folders import class_of_folders
from gan_mnist.data.finding import find_classes
from gan_mnist.data.labels import find_labelled
from gan_mnist.data.tables import Columns
from gan_mnist.errors import InputError


def draw(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (8, 8), 9).save(folder / name)


# The last with blanks that programs use: macOS in times, Japanese, and those that do not break.
@pytest.mark.parametrize(
    "name",
    [
        "cat, black",
        "100 %",
        "고양이",
        "😀",
        "👩\u200d🚀",
        "cat ",
        "3\u202fPM",
        "東\u3000京",
        "a\xa0b",
    ],
)
def test_classes_and_images_have_any_name(tmp_path, name):
    draw(tmp_path, f"{name}/{name}.png", "other/1.png")
    assert {file.class_name for file in find_classes(tmp_path).files} == {name, "other"}
    (tmp_path / "labels.csv").write_text(f'file,label\n"{name}.png","{name}"\n1.png,other\n')
    found = find_labelled(tmp_path, "labels.csv", Columns())
    assert {file.class_name for file in found.files} == {name.strip(), "other"}


# Hindi with what parts letters, marks of direction, a soft hyphen, a flag of tags, a BOM, and an
# emoji that is younger than the tables of Python 3.11.
@pytest.mark.parametrize(
    "name",
    ["क\u200cष", "\u200eabc", "soft\u00adhyphen", "🏴\U000e0067\U000e007f", "\U0001fae9"],
)
def test_what_cannot_be_seen_and_is_harmless_may_be_in_a_name(tmp_path, name):
    draw(tmp_path, f"{name}/{name}.png", "other/1.png")
    assert {file.class_name for file in find_classes(tmp_path).files} == {name, "other"}


@pytest.mark.parametrize(
    "name", ["\u202egnp", "a\u2067b", "a\x1bb", "a\u2028b", "\ufffe", "\ue000"]
)
def test_what_turns_or_ends_a_line_is_refused(tmp_path, name):
    draw(tmp_path, f"{name}/1.png", "other/1.png")
    with pytest.raises(InputError, match="cannot be printed"):
        find_classes(tmp_path)


def test_photographs_of_several_views_are_images_by_name(tmp_path):
    draw(tmp_path, "a/1.png", "b/1.png")
    view = Image.new("RGB", (8, 8))
    view.save(tmp_path / "a" / "2.mpo", "MPO", save_all=True, append_images=[view])
    assert "a/2.mpo" in find_classes(tmp_path).names


COMPOSED, APART = "caf\u00e9", "cafe\u0301"


def test_accents_are_alike_however_they_are_written(tmp_path):
    """As between folders that a Mac made, and a table or folders that another system did."""
    for split, name in (("train", COMPOSED), ("test", APART)):
        draw(tmp_path, *(f"{split}/{name}/{i}{name}.png" for i in range(2)), f"{split}/tea/1.png")
    found = find_classes(tmp_path)
    assert {file.class_name for file in found.files} == {COMPOSED, "tea"}
    assert len(found.files) == 6
    rows = "".join(f"{i}{COMPOSED}.png,{name}\n" for i, name in enumerate((COMPOSED, APART)))
    for split in ("train", "test"):
        (tmp_path / split / "labels.csv").write_text(f"file,label\n{rows}1.png,tea\n")
        labelled = find_labelled(tmp_path / split, "labels.csv", Columns())
        assert len(labelled.files) == 3
        assert {file.class_name for file in labelled.files} == {COMPOSED, "tea"}
    assert class_of_folders([COMPOSED]) == {COMPOSED: COMPOSED}
    assert {file.class_name for file in find_classes(tmp_path, [APART]).files} == {APART, "tea"}


def test_splits_within_class_folders_are_known_by_folders_of_any_name(tmp_path):
    for name in (APART, "tea"):
        draw(tmp_path, f"{name}/train/1.png", f"{name}/test/1.png")
    assert {(file.class_name, file.split) for file in find_classes(tmp_path).files} == {
        (name, split) for name in (COMPOSED, "tea") for split in ("train", "test")
    }
