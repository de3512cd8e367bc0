"""Labels from a table."""

import ast

import pytest
from numbered import EXPECTED, FILES, GOOD, labelled, load, table, write_images
from PIL import Image

from gan_mnist.data.datasets import load_dataset
from gan_mnist.data.folder import FolderOptions
from gan_mnist.errors import InputError


@pytest.fixture
def images(tmp_path):
    return write_images(tmp_path)


@pytest.mark.parametrize(
    "text",
    [
        table(["image_id", "label"], lambda n, c: [FILES[n], c]),
        table(["Image ID", "Species"], lambda n, c: [FILES[n].removesuffix(".png"), c]),
        table(["file_name", "text"], lambda n, c: [f"images/{FILES[n]}", c]),
        table(["path", "class"], lambda n, c: [f"C:\\data\\images\\{FILES[n]}", c], ";"),
        table(["class", "no", "what"], lambda n, c: [c, str(n), f"/kaggle/images/{FILES[n]}"]),
        table(["file", "label"], lambda n, c: [FILES[n], f"{c},"]),
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
    with pytest.raises(InputError, match=r"^setting split_column, set: 'set 1' is unknown"):
        load(images, text, split_column="set")


def test_gaps_are_of_no_concern_beside_a_whole_column_of_splits_or_where_a_class_is_meant(images):
    """`train` and another word may be classes, and of two columns one is meant."""
    place = {n: "test" if n > 4 else "train" for n in FILES}
    text = table(["image", "label", "set", "split"], lambda n, c: [
        FILES[n], c, "train" if n == 1 else "gallery", place[n]
    ])  # fmt: skip
    whole = load(images, text)
    assert len(whole.test.images) == len([n for n in FILES if n > 4])
    named = {"cat": "train", "dog": "other"}
    text = table(["image", "set"], lambda n, c: [FILES[n], named.get(c, c)])
    assert load(images, text, "one.csv").class_names == ("other", "train")
    assert load(images, text, "two.csv", label_column="set").class_names == ("other", "train")


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
        (
            table(["image", "label"], lambda n, c: [FILES[n], c, "more"]),
            {},
            r"cannot be read \(its rows have more columns than its header\)",
        ),
        (GOOD, {"label_column": "lable"}, "^setting label_column: 'lable' .*mean 'label'"),
        (GOOD, {"groups": "column:who"}, "^setting groups: 'who' is unknown; accepted: image"),
        (GOOD.replace("dog", "cat"), {}, r"tells of 1 class\(es\)"),
        (GOOD + f"{FILES[1]},dog\n", {}, f"has two rows for '{FILES[1]}'"),
        (
            table(["image", "label", "split"], lambda n, c: [FILES[n], c, "test"]),
            {},
            "has no images to train on",
        ),
        (
            table(["image", "label", "split"], lambda n, c: [FILES[n], c, "test" * (n % 2)]),
            {},
            "^setting labels: column 'split' of labels.csv names splits, and ''",
        ),
        (None, {"label_column": "x"}, "a column is named; accepted with --set labels="),
        (None, {"groups": "column:x"}, "a column is named; accepted with --set labels="),
        (GOOD, {"groups": "("}, r"^setting groups: '\(' is no regular expression"),
        (GOOD, {"groups": "a{99999999999}"}, "^setting groups: .* is no regular expression"),
        (GOOD, {"groups": "(" * 3000 + ")" * 3000}, "is no regular expression"),
        (GOOD, {"groups": "patient"}, "^setting groups: 'patient' finds no group in any name"),
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


@pytest.mark.parametrize("row", ["p3_6.png", "train/p3_6.png", "p3_6", "/kaggle/train/p3_6.png"])
@pytest.mark.parametrize("column", ["", ",train"])
def test_an_image_of_another_split_is_not_taken_for_one_that_is_missing(images, row, column):
    """Of a row in `train.csv`, whose image is lost, and another of that name is to be tested on."""
    (images / "images").rename(images / "train")
    (images / "test").mkdir()
    (images / "train" / FILES[6]).rename(images / "test" / FILES[6])
    rest = "".join(f"{FILES[n]},{EXPECTED[n]}{column}\n" for n in range(1, 6))
    head = f"file,label{column and ',split'}\n"
    dataset = load(images, f"{head}{rest}{row},bird{column}\n", "train.csv")
    assert dataset.class_names == ("cat", "dog")
    assert dataset.files["passed_over"]["rows of the labels without an image"] == 1
    assert labelled(dataset) == {n: EXPECTED[n] for n in range(1, 6)}
    # A row that names its folder means it, whatever the table is called.
    (images / "train.csv").unlink()
    text = f"{head}{rest}test/{FILES[6]},dog{column}\n"
    dataset = load(images, text, "train_labels.csv")
    assert labelled(dataset) == EXPECTED


def test_an_image_in_the_folder_of_another_class_is_not_meant(tmp_path):
    for name, level in {"cat/1": 10, "cat/2": 20, "dog/3": 30, "dog/4": 40}.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        Image.new("L", (8, 8), level).save(tmp_path / f"{name}.png")
    rows = "cat/1.png,cat\ncat/2.png,cat\ncat/3.png,cat\ndog/4.png,dog\n"
    dataset = load(tmp_path, "file,label\n" + rows + "elsewhere/dog/3.png,dog\n")
    named = {
        name: dataset.class_names[label]
        for split in dataset.splits.values()
        for name, label in zip(split.filenames, split.labels, strict=True)
    }
    expected = {"cat/1.png": "cat", "cat/2.png": "cat", "dog/3.png": "dog", "dog/4.png": "dog"}
    assert named == expected
    assert dataset.files["passed_over"]["rows of the labels without an image"] == 1


@pytest.mark.parametrize(
    ("option", "value"),
    [("labels", "'x.csv'"), ("duplicates", "'drop'"), ("groups", "'x.*'")],
)
def test_options_of_folders_are_refused_elsewhere(option, value):
    with pytest.raises(InputError, match=rf"^setting {option}: {value} is not accepted"):
        load_dataset("mnist_sample", options=FolderOptions(**{option: ast.literal_eval(value)}))


@pytest.mark.parametrize("home", ["train", "train_images"])
def test_a_column_may_divide_images_of_one_folder(images, home):
    """As on Kaggle: the folder is called after where it came from, and the table says more."""
    (images / "images").rename(images / home)
    splits = dict(zip(FILES, ["train", "train", "val", "val", "test", "test"], strict=True))
    rows = "".join(f"{FILES[n]},{EXPECTED[n]},{splits[n]}\n" for n in FILES)
    dataset = load(images, f"file,label,split\n{rows}")
    assert labelled(dataset) == EXPECTED
    assert [len(split) for split in (dataset.train, dataset.validation, dataset.test)] == [2, 2, 2]


def test_a_table_that_is_called_after_another_split_may_tell_of_all(images):
    (images / "images").rename(images / "train")
    assert labelled(load(images, GOOD, "validation_labels.csv")) == EXPECTED


def test_folders_of_another_machine_are_none_of_these(tmp_path):
    for name, level in {"cat/1": 10, "cat/2": 20, "dog/3": 30, "dog/4": 40}.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        Image.new("L", (8, 8), level).save(tmp_path / f"{name}.png")
    paths = ["cat/1", "cat/2", "dog/3", "dog/4"]
    rows = "".join(f"/home/cat/photos/{path}.png,{path[:3]}\n" for path in paths)
    assert load(tmp_path, f"file,label\n{rows}").files["read"] == 4
