"""Names of classes and images, as people, cameras and programs give them."""

import pytest
from PIL import Image

from gan_mnist.data.finding import find_classes
from gan_mnist.data.labels import find_labelled
from gan_mnist.data.tables import Columns


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
