"""What is said of a table of labels that is refused."""

import pytest
from numbered import EXPECTED, FILES, GOOD, load, table, write_images

from gan_mnist.errors import InputError

ACCEPTED = "accepted: train, validation or test, or a usual form of these such as val"


def of_splits(second, third):
    """A table in which two of the six images are of other splits than `train`."""
    splits = {2: second, 3: third}
    return table(["file", "label", "part"], lambda n, c: [FILES[n], c, splits.get(n, "train")])


@pytest.mark.parametrize(
    ("text", "options", "expected"),
    [
        (
            "file,label\n" + "".join(f'{FILES[n]},"{EXPECTED[n]}\a"\n' for n in FILES),
            {},
            r"setting labels: the class 'cat\x07' in column 'label' of labels.csv cannot be "
            "printed; accepted: names of printable characters",
        ),
        (
            GOOD + f"{FILES[1]},dog\n",
            {},
            f"setting labels: labels.csv has two rows for '{FILES[1]}': class 'cat' and class "
            "'dog'; accepted: one class for each image",
        ),
        (
            of_splits("test", "") + f"{FILES[2]},dog,train\n",
            {"split_column": "part"},
            f"setting split_column, part: no split in 1 of 7 rows; {ACCEPTED}",
        ),
        (
            of_splits("test", "test") + f"{FILES[2]},dog,train\n",
            {"split_column": "part"},
            f"setting labels: labels.csv has two rows for '{FILES[2]}': split 'test' and split "
            "'train'; accepted: one split for each image",
        ),
        (
            of_splits("Trian 2", ""),
            {"split_column": "part"},
            f"setting split_column, part: 'Trian 2' is unknown; {ACCEPTED}",
        ),
        (
            of_splits("p1", "") + f"{FILES[3]},cat,p1\n",
            {"groups": "column:part"},
            f"setting labels: labels.csv has two rows for '{FILES[3]}': no group and group 'p1'; "
            "accepted: one group for each image",
        ),
        (
            table(["file"], lambda n, c: [FILES[n]]),
            {},
            "setting labels: labels.csv has no column of classes besides that of file names "
            "(file); accepted: one",
        ),
        (
            table(["file", "split"], lambda n, c: [FILES[n], "train" if n > 2 else "test"]),
            {},
            "setting labels: labels.csv has no column of classes besides those of file names "
            "(file) and splits (split); accepted: one",
        ),
    ],
)
def test_what_is_wrong_is_said(tmp_path, text, options, expected):
    with pytest.raises(InputError) as error:
        load(write_images(tmp_path), text, **options)
    assert str(error.value) == expected
