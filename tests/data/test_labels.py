"""Labels from a table, and groups that stay on one side of every split."""

import numpy as np
import pytest
from PIL import Image

from gan_mnist.data.dataset import Dataset
from gan_mnist.data.datasets import load_dataset
from gan_mnist.data.folder import FolderOptions
from gan_mnist.data.splits import Split, carve_test, set_aside
from gan_mnist.data.subsets import allot
from gan_mnist.errors import InputError


@pytest.fixture
def images(tmp_path):
    """Six images, the grey level of which is ten times their number."""
    for number in range(1, 7):
        path = tmp_path / "images" / f"p{(number + 1) // 2}_{number}.png"
        path.parent.mkdir(exist_ok=True)
        Image.new("L", (8, 8), 10 * number).save(path)
    return tmp_path


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


@pytest.mark.parametrize(
    "text",
    [
        table(["image_id", "label"], lambda n, c: [FILES[n], c]),
        table(["Image ID", "Species"], lambda n, c: [FILES[n].removesuffix(".png"), c]),
        table(["file_name", "text"], lambda n, c: [f"images/{FILES[n]}", c]),
        table(["path", "class"], lambda n, c: [f"C:\\data\\images\\{FILES[n]}", c], ";"),
        table(["class", "no", "what"], lambda n, c: [c, str(n), f"/kaggle/images/{FILES[n]}"]),
        "\ufeff" + table(["image", "label"], lambda n, c: [f'"{FILES[n]}"', f'"{c}"'], "\t"),
    ],
)
def test_columns_are_found_by_name_or_content(images, text):
    dataset = load(images, text)
    assert labelled(dataset) == EXPECTED
    assert dataset.files["passed_over"] == {"no image by name (.csv)": 1}
    assert dataset.source == f"image folder {images.name}, labels of labels.csv"


def test_without_a_header_no_row_is_lost(images):
    rows = {
        "a.csv": lambda n, c: [FILES[n], c],
        "b.csv": lambda n, c: [c, FILES[n].removesuffix(".png")],
        "c.csv": lambda n, c: [FILES[n], f"note {n}", c],
    }
    texts = {name: table([], row).removeprefix("\n") for name, row in rows.items()}
    for name in ("a.csv", "b.csv"):
        assert labelled(load(images, texts[name], name)) == EXPECTED
    with pytest.raises(InputError, match=r"cannot be told; .* label_column=..., of 2, 3"):
        load(images, texts["c.csv"], "c.csv")
    assert labelled(load(images, texts["c.csv"], "c.csv", label_column="3")) == EXPECTED


def test_a_header_may_be_called_as_an_image_is(images):
    for name in ("image", "label"):
        Image.new("L", (8, 8), 70).save(images / "images" / f"{name}.png")
    dataset = load(images, table(["image", "label"], lambda n, c: [FILES[n], c]))
    assert labelled(dataset) == EXPECTED
    assert dataset.files["passed_over"]["without a row in the labels"] == 2


def test_columns_may_be_named(images):
    text = table(
        ["label", "other", "a", "b"],
        lambda n, c: ["x", str(n), FILES[n], {"cat": "Felis, catus", "dog": "Canis"}[c]],
    ).replace("Felis, catus", '"Felis, catus"')
    dataset = load(images, text, file_column="a", label_column="b")
    assert dataset.class_names == ("Canis", "Felis, catus")


def test_a_table_may_lie_anywhere(images, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "train.csv"
    elsewhere.write_text(table(["image", "label"], lambda n, c: [FILES[n], c]))
    assert labelled(load(images, labels=str(elsewhere))) == EXPECTED


@pytest.mark.parametrize("place", ["archive", "archive/images"])
def test_a_table_is_found_in_a_folder_that_holds_all_images(images, place):
    (images / "archive").mkdir()
    (images / "images").rename(images / "archive" / "images")
    text = table(["image", "label"], lambda n, c: [FILES[n], c])
    (images / place / "train.csv").write_text(text)
    found = load(images, labels="train.csv")
    assert labelled(found) == EXPECTED
    assert found.source == f"image folder {images.name}/{place}, labels of train.csv"
    nearer = table(["image", "label"], lambda n, c: [FILES[n], c.upper()])
    again = load(images, nearer, "train.csv", skip_bad=True)
    assert set(labelled(again).values()) == {"CAT", "DOG"}
    Image.new("L", (8, 8)).save(images / "cover.png")
    (images / "train.csv").unlink()
    with pytest.raises(InputError, match=r"'train\.csv' cannot be read"):
        load(images, labels="train.csv", resize="crop")


@pytest.mark.parametrize(
    ("values", "expected"),
    [("train eval", "train test"), ("seg_train seg_test", "train test"), ("trn val", "train val")],
)
def test_splits_of_a_column_have_the_names_that_folders_have(images, values, expected):
    first, second = values.split()
    text = table(
        ["image", "label", "split"], lambda n, c: [FILES[n], c, first if n < 5 else second]
    )
    splits = load(images, text).splits
    other = {"test": "test", "val": "validation"}[expected.split()[1]]
    assert sorted(splits[other].filenames) == ["images/p3_5.png", "images/p3_6.png"]


def test_splits_are_taken_from_a_column(images):
    names = {1: "train", 2: "TRAIN", 3: "val", 4: "Validation", 5: "test", 6: "testing"}
    dataset = load(images, table(["image", "label", "split"], lambda n, c: [FILES[n], c, names[n]]))
    parts = {name: list(split.filenames) for name, split in dataset.splits.items()}
    assert parts == {
        "train": [f"images/{FILES[n]}" for n in (1, 2)],
        "validation": [f"images/{FILES[n]}" for n in (3, 4)],
        "test": [f"images/{FILES[n]}" for n in (5, 6)],
    }


def test_a_column_that_tells_other_things_is_no_split(images):
    text = table(["image", "label", "set"], lambda n, c: [FILES[n], c, f"set {n}"])
    assert labelled(load(images, text)) == EXPECTED
    with pytest.raises(InputError, match=r"^setting split_column, set: 'set_1' is unknown"):
        load(images, text, split_column="set")


def test_what_table_and_folder_lack_is_counted(images):
    text = table(["image", "label"], lambda n, c: [FILES[n], "" if n == 6 else c])
    text = text.replace(FILES[5], "gone.png") + "nothing.png,dog\n"
    dataset = load(images, text)
    assert labelled(dataset) == {n: EXPECTED[n] for n in (1, 2, 3, 4)}
    assert dataset.files["read"] == 4
    assert dataset.files["passed_over"] == {
        "rows of the labels without an image": 2,
        "without a label": 1,
        "without a row in the labels": 1,
        "no image by name (.csv)": 1,
    }


GOOD = table(["image", "label"], lambda n, c: [FILES[n], c])


@pytest.mark.parametrize(
    ("text", "options", "complaint"),
    [
        (None, {"labels": "no.csv"}, r"^setting labels: 'no.csv' cannot be read \(No such file"),
        (None, {"labels": "/dev/zero"}, r"^setting labels: '/dev/zero' .*\(it is no file\)"),
        ("", {}, r"^setting labels: 'labels.csv' cannot be read \(No columns to parse"),
        ("a,b\n1,2\n3,4\n", {}, r"no column of labels.csv \(a, b\) holds names of images"),
        (
            table(["image", "a", "b"], lambda n, c: [FILES[n], c, c]),
            {},
            "which column of labels.csv holds the classes cannot be told; .*=..., of a, b$",
        ),
        (GOOD, {"label_column": "lable"}, "^setting label_column: 'lable' .*mean 'label'"),
        (GOOD, {"groups": "column:who"}, "^setting groups: 'who' is unknown; accepted: image"),
        (GOOD.replace("dog", "cat"), {}, r"tells of 1 class\(es\)"),
        (GOOD + f"{FILES[1]},dog\n", {}, f"tells two things of '{FILES[1]}'"),
        (
            table(["image", "label", "split"], lambda n, c: [FILES[n], c, "test"]),
            {},
            "has no images to train on",
        ),
        (None, {"label_column": "x"}, "a column is named; accepted with --set labels="),
        (None, {"groups": "column:x"}, "a column is named; accepted with --set labels="),
        (GOOD, {"groups": "("}, r"^setting groups: '\(' is no regular expression"),
        (GOOD, {"groups": "patient"}, "^setting groups: 'patient' is found in no name"),
    ],
)
def test_bad_tables_are_refused(images, text, options, complaint):
    with pytest.raises(InputError, match=complaint) as error:
        load(images, text, **options)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16"])
def test_a_table_of_another_encoding_is_told_which_is_accepted(images, encoding):
    (images / "old.csv").write_bytes(GOOD.replace("dog", "dög").encode(encoding))
    with pytest.raises(InputError, match=r"'old.csv' cannot be read .* accepted: a CSV file in U"):
        load(images, labels="old.csv")


def test_a_name_that_may_be_two_images_is_refused(images):
    twin = images / "more" / FILES[1]
    twin.parent.mkdir()
    Image.new("L", (8, 8)).save(twin)
    with pytest.raises(InputError, match=f"'{FILES[1]}' may be images/p1_1.png or more/p1_1.png"):
        load(images, GOOD)
    dataset = load(images, GOOD.replace(FILES[1], f"images/{FILES[1]}"))
    assert labelled(dataset) == EXPECTED


def test_of_equal_names_those_in_the_folder_of_the_split_are_meant(images):
    (images / "images").rename(images / "train")
    for name in FILES.values():
        (images / "test").mkdir(exist_ok=True)
        Image.new("L", (8, 8)).save(images / "test" / name)
    dataset = load(images, GOOD, "train_labels.csv")
    assert labelled(dataset) == EXPECTED
    assert dataset.files["passed_over"]["without a row in the labels"] == 6
    with pytest.raises(InputError, match=f"'{FILES[1]}' may be test/p1_1.png or train/p1_1.png"):
        load(images, GOOD, "all.csv")


def test_options_of_folders_are_refused_elsewhere():
    with pytest.raises(InputError, match=r"^setting labels: 'x.csv' is not accepted"):
        load_dataset("mnist_sample", options=FolderOptions(labels="x.csv"))


@pytest.mark.parametrize(
    ("text", "groups"),
    [
        (GOOD, r"p(\d)_"),
        (GOOD, r"p\d"),
        (
            table(["image", "label", "who"], lambda n, c: [FILES[n], c, f"w{(n + 1) // 2}"]),
            "column:who",
        ),
    ],
)
def test_groups_stay_on_one_side(images, text, groups):
    dataset = load(images, text, groups=groups)
    for part in (dataset.train, dataset.test):
        numbers = [int(name.rpartition("_")[2].removesuffix(".png")) for name in part.filenames]
        assert len(numbers) == 2 * len({(n + 1) // 2 for n in numbers})
    assert len(dataset.test) == 2


def grouped(sizes, groups_of):
    """A split of classes of so many images, of the groups that `groups_of(label, k)` tells."""
    labels = np.repeat(np.arange(len(sizes)), sizes)
    groups = np.concatenate([[groups_of(c, k) for k in range(n)] for c, n in enumerate(sizes)])
    names = tuple(str(number) for number in range(len(labels)))
    return Split(np.zeros((len(labels), 1, 1, 1), np.uint8), labels, names, groups)


@pytest.mark.parametrize(
    ("sizes", "groups_of"),
    [
        ((50, 40), lambda label, k: 100 * label + k // 5),  # a class a group
        ((60, 60), lambda label, k: k // 6),  # both classes in each
        ((7, 200), lambda label, k: 100 * label + k % 3),
        ((30, 30), lambda label, k: k if label else 1000 + k // 15),  # two groups, and thirty
    ],
)
def test_a_fifth_is_carved_in_whole_groups(sizes, groups_of):
    train, test = carve_test(grouped(sizes, groups_of), ("a", "b"), "made up")
    assert not set(train.groups) & set(test.groups)
    assert len(train) + len(test) == sum(sizes)
    shares = np.bincount(test.labels, minlength=2) / sizes
    # As near to a fifth as the largest group allows; and both sides have of each class.
    largest = [np.bincount(groups_of_class).max() / n for groups_of_class, n in (
        (np.array([groups_of(c, k) for k in range(n)]), n) for c, n in enumerate(sizes)
    )]  # fmt: skip
    assert (shares > 0).all()
    assert (shares < 1).all()
    assert (np.abs(shares - 0.2) <= np.maximum(largest, 0.05)).all()


def test_a_class_of_one_group_cannot_be_divided():
    split = grouped((4, 6), lambda label, k: 0 if label == 0 else 1 + k)
    with pytest.raises(InputError, match=r"^made up: images of class 'a' cannot be divided"):
        carve_test(split, ("a", "b"), "made up")


def test_validation_takes_whole_groups_too(images):
    train = grouped((40, 40), lambda label, k: 100 * label + k // 4)
    test = grouped((2, 2), lambda label, k: 1000 + k)
    dataset = Dataset("made up", "", ("a", "b"), train, test)
    found = allot(dataset, ("b", "a"), None, 0, 9)
    group_of = dict(zip(train.filenames, train.groups, strict=True))
    sides = [
        {group_of[name] for name in part.filenames} for part in (found.train, found.validation)
    ]
    assert not sides[0] & sides[1]
    assert np.bincount(found.validation.labels).tolist() == [8, 8]
    assert np.bincount(found.train.labels).tolist() == [32, 32]
    again = allot(dataset, ("b", "a"), (5, 5), 1, 9)
    assert again.validation.filenames == found.validation.filenames


def test_no_choice_leaves_a_class_without_images():
    rng = np.random.default_rng(0)
    for seed in range(200):
        labels = np.concatenate([np.arange(3), rng.integers(0, 3, 9)])
        groups = rng.integers(0, 5, 12)
        chosen = set_aside(labels, groups, np.full(3, 2), seed)
        assert not set(groups[chosen]) & set(groups[~chosen])
        assert set(labels[~chosen]) == {0, 1, 2}


def test_groups_on_both_sides_of_splits_that_are_given_are_told(images):
    names = {1: "train", 2: "train", 3: "val", 4: "val", 5: "test", 6: "test"}
    who = {1: "x", 2: "y", 3: "y", 4: "z", 5: "x", 6: "y"}
    text = table(["image", "label", "split", "who"], lambda n, c: [FILES[n], c, names[n], who[n]])
    assert load(images, text, groups="column:who").files["noted"] == {
        "of the test split, of groups that are in the train split too": 2,
        "of the validation split, of groups that are in the train split too": 1,
        "of the test split, of groups that are in the validation split too": 1,
    }
