"""Which rows of a table tell of which images, whatever the table looks like."""

import time

import pytest
from numbered import EXPECTED, FILES, labelled, load, table, write_images
from PIL import Image

from gan_mnist.data.tables import _separator
from gan_mnist.errors import InputError


@pytest.fixture
def images(tmp_path):
    return write_images(tmp_path)


@pytest.mark.parametrize("called", ["y", "set", "path", "target", "id", "name"])
def test_a_class_may_be_called_as_a_column_is(images, called):
    """Where the first row is about an image there is no header, whatever its class is called."""
    other = {"cat": called, "dog": "other"}
    text = table([], lambda n, c: [FILES[n], other[c]]).removeprefix("\n")
    expected = {number: other[label] for number, label in EXPECTED.items()}
    assert labelled(load(images, text)) == expected


def test_a_column_of_another_name_may_be_of_images(images):
    Image.new("L", (8, 8), 70).save(images / "images" / "label.png")
    dataset = load(images, table(["picture", "label"], lambda n, c: [FILES[n], c]))
    assert labelled(dataset) == EXPECTED


def test_a_name_with_two_suffixes_is_not_the_one_with_the_first(images):
    """As converters write them: `p1_1.tif` of `p1_1.png` is called `p1_1.png.tif`."""
    for name in FILES.values():
        Image.new("L", (8, 8), 90).save(images / "images" / f"{name}.tif")
    for before in ("", "images/", "./images/", f"{images}/images/"):
        text = table(["image", "label"], lambda n, c, b=before: [f"{b}{FILES[n]}", c])
        assert labelled(load(images, text)) == EXPECTED


@pytest.mark.parametrize(
    ("line", "separator"),
    [
        ("file,label,note", ","),
        ("file;label", ";"),
        ("file\tlabel", "\t"),
        ("a|b|c,d", "|"),
        ('"a;b;c",d', ","),
        ("alone", ","),
        ("", ","),
        ("\n\n \na;b", ";"),
        ("image;label;notes, free, text\na.png;cat;x\nb.png;dog;y, z", ";"),
        ("a.png\tx, y, z\nb.png\tx", "\t"),
        ("file,label\na.png,cat;dog", ","),
    ],
)
def test_the_first_line_tells_what_separates(line, separator):
    assert _separator(line) == separator


def test_quoted_notes_do_not_change_what_separates(images):
    text = table(["file", "label", "note"], lambda n, c: [FILES[n], c, "size;'L';" * (n == 1)])
    assert labelled(load(images, text)) == EXPECTED


def test_apostrophes_cost_no_time(images):
    began = time.monotonic()
    with pytest.raises(InputError):
        load(images, "".join(f"'i{n}.png,'a,'0\n" for n in range(4000)))
    assert time.monotonic() - began < 5


def test_a_second_column_that_may_hold_the_classes_is_told(images):
    def row(n, c):
        return [FILES[n], c, "pet"]

    dataset = load(images, table(["file", "category", "label"], row), label_column="category")
    assert "cautions" not in dataset.provenance
    dataset = load(images, table(["file", "category", "class"], row), "two.csv")
    assert labelled(dataset) == EXPECTED
    told = "the classes are in column category of two.csv, not in class (--set label_column=...)"
    assert dataset.provenance["cautions"] == [told]


def test_images_without_label_and_without_row_are_counted_not_rows(images):
    """The first has a row with a label as well, the second two without; the third has no row."""
    rows = f"{FILES[1]},\n{FILES[2]},\n{FILES[2]},\n"
    rows += "".join(f"{FILES[n]},{EXPECTED[n]}\n" for n in (1, 4, 5, 6))
    dataset = load(images, f"file,label\n{rows}")
    assert labelled(dataset) == {n: EXPECTED[n] for n in (1, 4, 5, 6)}
    assert dataset.files["passed_over"] == {
        "without a label": 1,
        "without a row in the labels": 1,
        "no image by name (.csv)": 1,
    }


def test_columns_without_a_header_may_be_asked_for_by_their_numbers(images):
    """A class that is called as a column's number makes no header of its row."""
    text = table([], lambda n, c: [FILES[n], {"cat": "2", "dog": "3"}[c]]).removeprefix("\n")
    expected = {number: {"cat": "2", "dog": "3"}[label] for number, label in EXPECTED.items()}
    for options in ({"label_column": "2"}, {"file_column": "1", "label_column": "2"}):
        assert labelled(load(images, text, **options)) == expected


@pytest.mark.parametrize("separator", [", ", "; ", "\t "])
def test_blanks_before_quotes_are_no_part_of_a_name(images, separator):
    text = table(["image", "label"], lambda n, c: [f'"{FILES[n]}"', f'"{c}"'], separator)
    assert labelled(load(images, text)) == EXPECTED
