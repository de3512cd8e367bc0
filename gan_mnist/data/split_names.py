"""Names of the training, validation and test splits in folders and tables."""

import re
from collections.abc import Collection, Iterable, Mapping

TRAIN, VALIDATION, TEST = "train", "validation", "test"
# Names of test images, or, beside others that are called test, of validation images.
_EVALUATED = ("eval", "evaluation", "holdout", "hold_out")
_STEMS = {
    TRAIN: ("train", "training", "trn"),
    VALIDATION: ("validation", "valid", "val", "validate", "dev"),
    TEST: ("test", "testing", "tst", *_EVALUATED),
}
_ENDS = ("", "set", "_set", "_data", "_images", "_split")
SPLIT_NAMES: Mapping[str, str] = {
    f"{stem}{end}": split for split, stems in _STEMS.items() for stem in stems for end in _ENDS
}
_EVALUATED_NAMES = {f"{stem}{end}" for stem in _EVALUATED for end in _ENDS}
_WORD = {stem: split for split, stems in _STEMS.items() for stem in stems}


def normalized(name: str) -> str:
    """The name of a split or column for comparisons: lower case, "_" for blanks and hyphens."""
    return name.strip().lower().replace("-", "_").replace(" ", "_")


def splits_of(names: Collection[str]) -> dict[str, str]:
    """Maps names that stand side by side to their splits, "" for none.

    Names may share further words, as `seg_train` and `seg_test` or `train2017` and `val2017` do,
    if one of them is of training images.
    """
    splits = {name: SPLIT_NAMES.get(normalized(name), "") for name in names}
    if not any(splits.values()):
        splits |= _with_more_words(names)
    evaluated_names = {name for name in names if _is_evaluated(name)}
    other_splits = {split for name, split in splits.items() if name not in evaluated_names}
    if TEST in other_splits and VALIDATION not in other_splits:
        splits |= {name: VALIDATION for name in evaluated_names if splits[name]}
    return splits


def is_usual(name: str) -> bool:
    """Whether a name alone says that it is of a split, and of which."""
    return normalized(name) in SPLIT_NAMES and normalized(name) not in _EVALUATED_NAMES


def is_like_split(name: str) -> bool:
    """Whether a name has a word for a split in it."""
    return normalized(name) in SPLIT_NAMES or any(word in _WORD for word in _words(name))


def _is_evaluated(name: str) -> bool:
    return normalized(name) in _EVALUATED_NAMES or bool({*_EVALUATED} & {*_words(name)})


def _with_more_words(names: Iterable[str]) -> dict[str, str]:
    """The splits of names that are alike but for a word, if there is one set of these."""
    splits_by_pattern: dict[tuple[str, ...], dict[str, str]] = {}
    for name in names:
        words = _words(name)
        for index, word in enumerate(words):
            if word in _WORD:
                pattern = *words[:index], "", *words[index + 1 :]
                splits_by_pattern.setdefault(pattern, {})[name] = _WORD[word]
    candidates = [
        splits
        for splits in splits_by_pattern.values()
        if TRAIN in splits.values() and len({*splits.values()}) > 1
    ]
    return candidates[0] if len(candidates) == 1 else {}


def _words(name: str) -> list[str]:
    """Words and numbers in a name: those of `SegTrain_224` are seg, train and 224."""
    return [word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+|[0-9]+|[^\W\d_]+", name)]
