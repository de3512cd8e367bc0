"""A folder of images that are known by their grey, and tables of labels for them."""

from PIL import Image

from gan_mnist.data.datasets import load_dataset
from gan_mnist.data.folder import FolderOptions


def write_images(folder):
    """Six images, the grey level of which is ten times their number."""
    for number in range(1, 7):
        path = folder / "images" / f"p{(number + 1) // 2}_{number}.png"
        path.parent.mkdir(exist_ok=True)
        Image.new("L", (8, 8), 10 * number).save(path)
    return folder


def load(folder, text=None, name="labels.csv", **options):
    if text is not None:
        (folder / name).write_text(text, encoding="utf-8")
        options["labels"] = name
    return load_dataset("folder", str(folder), options=FolderOptions(**options))


def labelled(dataset):
    """The class of each image, by its number; checks that pixels are those of the name."""
    found = {}
    for split in dataset.splits.values():
        for image, label, name in zip(split.images, split.labels, split.filenames, strict=True):
            number = int(name.rpartition("_")[2].removesuffix(".png"))
            assert (image == 10 * number).all()
            found[number] = dataset.class_names[label]
    return found


EXPECTED = {1: "cat", 2: "dog", 3: "cat", 4: "dog", 5: "cat", 6: "dog"}
FILES = {number: f"p{(number + 1) // 2}_{number}.png" for number in EXPECTED}


def table(header, row, separator=","):
    lines = [separator.join(row(number, label)) for number, label in EXPECTED.items()]
    return "\n".join([separator.join(header), *lines]) + "\n"


GOOD = table(["image", "label"], lambda n, c: [FILES[n], c])
