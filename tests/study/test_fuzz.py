"""What nobody thought of: whatever is read is right, or refused in one line, and nothing else.

Hypothesis draws the same examples every time, as a test that fails now and then helps nobody. With
`FUZZ=100` in the environment it searches on, among a hundred times as many that are drawn anew.
"""

import dataclasses
import gzip
import io
import json
import os
import struct
import tempfile
import typing
from pathlib import Path

import numpy as np
import pytest
from fake_study import STUDY as FAKE
from fake_study import FakeSettings
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from gan_mnist import experiments
from gan_mnist.data.datasets import load_dataset
from gan_mnist.data.idx import read_idx
from gan_mnist.data.images import ImageConversion, read_image
from gan_mnist.errors import InputError, listed
from gan_mnist.files import Damaged, read_form
from gan_mnist.study.answer.summary import summarize
from gan_mnist.study.assignments import parse_assignments, typed
from gan_mnist.study.forms import Description
from gan_mnist.study.records import read_record
from gan_mnist.study.settings import with_changes
from gan_mnist.study.trial import Plan

TIMES = int(os.environ.get("FUZZ", "1"))
PLACE = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
FILE = Path(PLACE.name) / "file"


def fuzzed(examples):
    return settings(
        max_examples=TIMES * examples,
        derandomize=TIMES == 1,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )


def or_refused(read, *arguments):
    """What `read` returns; None if it refuses, which it does in one line."""
    try:
        return read(*arguments)
    except (InputError, Damaged) as error:
        line = str(error)
    assert line
    assert "\n" not in line
    return None


@st.composite
def damaged(draw, contents):
    """One of the contents with some bytes replaced, cut out or put in."""
    content = bytearray(draw(st.sampled_from(contents)))
    for _ in range(draw(st.integers(0, 3))):
        place = draw(st.integers(0, len(content)))
        length = draw(st.integers(0, 8))
        content[place : place + length] = draw(st.binary(max_size=8))
    return bytes(content)


VALUES = bytes(range(60))
IDX = struct.pack(">IIII", 0x803, 3, 5, 4) + VALUES


@fuzzed(300)
@given(damaged([IDX, struct.pack(">II", 0x801, 60) + VALUES, b""]), st.booleans(), st.booleans())
def test_idx_files(content, packs, flips):
    path = FILE.with_suffix(".gz" if packs or flips else ".idx")
    packed = gzip.compress(content, mtime=0) if packs else content
    path.write_bytes(packed[:-9] + b"\0" + packed[-8:] if flips else packed)
    for num_dimensions in (1, 3):
        found = or_refused(read_idx, path, num_dimensions)
        if found is not None:
            header = 4 + 4 * num_dimensions
            assert found.tobytes() == content[header:]
            assert struct.pack(f">{num_dimensions}I", *found.shape) == content[4:header]


def pictures():
    drawn = Image.fromarray(np.random.default_rng(0).integers(0, 256, (9, 7, 4), np.uint8))
    kinds = [("png", "RGBA"), ("png", "P"), ("png", "1"), ("jpeg", "RGB"), ("jpeg", "CMYK")]
    kinds += [("gif", "P"), ("bmp", "RGB"), ("tiff", "LA"), ("webp", "RGBA"), ("ppm", "L")]
    for kind, mode in kinds:
        file = io.BytesIO()
        drawn.convert(mode).save(file, kind)
        yield file.getvalue()


@fuzzed(500)
@given(damaged([*pictures()]), st.sampled_from((1, 3)), st.sampled_from(("pad", "crop")))
def test_image_files(content, channels, resize):
    FILE.write_bytes(content)
    # A header of another size may make it large, which is refused before it is decoded.
    found = or_refused(read_image, FILE, ImageConversion(8, channels, resize, megabytes=4))
    assert found is None or (found.shape, found.dtype) == ((8, 8, channels), np.uint8)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)
PLAN = Plan(
    FAKE, "quick", FakeSettings(), FAKE.select(["small"]), (0, 1), {"sha256": "0"}, Path("nowhere")
)
CORRECT = {"labels": "0a", "classes": [None], "sizes": [9], "weights": [1.0], "bits": [["gAA="]]}


def record(arm, seed):
    return {
        "arm": arm, "seed": seed, "status": "done", "error": None, "updates": 10,
        "metrics": {"score": 0.1 * seed, "loss": 0.5}, "settings": {"scale": 1.0},
        "fingerprint": "0", "seconds": {"training": 1.0}, "generators": ["g"], "device": "CPU",
        "versions": {"python": "3"}, "correct": CORRECT, "dataset": {"sha256": "0"},
    }  # fmt: skip


@st.composite
def changed(draw, value):
    """JSON with one part of it replaced, left out or added."""
    value = json.loads(json.dumps(value))
    place = value
    while True:
        keys = list(place) if isinstance(place, dict) else range(len(place))
        key = draw(st.sampled_from(keys))
        inner = place[key]
        if isinstance(inner, dict | list) and inner and draw(st.booleans()):
            place = inner
            continue
        what = draw(st.sampled_from(("replace", "replace", "remove", "add")))
        if what == "remove":
            del place[key]
        elif what == "add" and isinstance(place, dict):
            place[draw(st.text(max_size=5))] = draw(JSON)
        else:
            place[key] = draw(JSON)
        return value


@fuzzed(200)
@given(changed(record("small", 1)))
def test_records_that_are_believed_can_be_summarised(content):
    FILE.write_text(json.dumps(content))
    found = or_refused(read_record, FILE)
    if found is not None:
        assert found == json.loads(json.dumps(content))
        others = [record(arm.name, seed) for arm in PLAN.arms for seed in PLAN.seeds]
        told = summarize(PLAN, [*others, found])
        json.dumps(told, allow_nan=False)


@fuzzed(100)
@given(changed({"experiment": "x", "dataset": {"sha256": "0"}, "settings": {"a": 1},
                "arms": {"none": {"changes": {}}}}))  # fmt: skip
def test_study_files_are_of_their_form_or_damaged(content):
    FILE.write_text(json.dumps(content))
    if (found := or_refused(read_form, FILE, Description)) is not None:
        assert isinstance(found["experiment"], str)
        assert isinstance(found["dataset"]["sha256"], str)
        assert found["settings"].items() is not None
        assert all(isinstance(arm["changes"], dict) for arm in found["arms"].values())


@fuzzed(200)
@given(st.binary(max_size=40) | damaged([json.dumps(record("small", 1)).encode()]))
def test_bytes_that_may_be_no_record(content):
    FILE.write_bytes(content)
    or_refused(read_record, FILE)


STUDIES = {name: experiments.load(name) for name in experiments.names()}
NUMBERS = st.sampled_from((0, 1, 2, 3, 5, 7, 10, 2**31, 2**53 + 1, 2**63, 10**26, 1e-300, 1e300))
ANY = NUMBERS | st.integers() | st.floats() | st.text(max_size=6) | st.booleans() | st.none()
ANY |= st.lists(ANY, max_size=3)


@pytest.fixture(scope="module")
def digits():
    return load_dataset("mnist_sample").planned_for(2)


@fuzzed(400)
@given(data=st.data())
def test_values_of_settings(data, digits):
    """A value is taken, and then the settings can be resolved, or it is refused."""
    study = STUDIES[data.draw(st.sampled_from(sorted(STUDIES)))]
    fields = [f for f in dataclasses.fields(study.settings) if not f.metadata["location"]]
    field = data.draw(st.sampled_from(fields))
    value = data.draw(ANY)

    def resolve():
        values = typed(study.settings, {field.name: value})
        made = with_changes(study.settings, values, "--set")
        return dataclasses.replace(made, dataset="mnist_sample").resolve(digits)

    resolved = or_refused(resolve)
    if resolved is not None:
        json.dumps(resolved.identity(), allow_nan=False)
        # What is explicit stays as it is.
        assert or_refused(resolved.resolve, digits) == resolved


@fuzzed(500)
@given(name=st.sampled_from([f.name for f in dataclasses.fields(FakeSettings)]) | st.text(),
       text=st.text(max_size=12) | ANY.map(str))  # fmt: skip
def test_set_parsing(name, text):
    values = or_refused(parse_assignments, FakeSettings(), [f"{name}={text}"])
    if values:
        kinds = typing.get_type_hints(FakeSettings)
        ((name, value),) = values.items()
        kind = typing.get_origin(kinds[name]) or kinds[name]
        assert type(value) is kind
        assert typed(FakeSettings(), values) == values


@fuzzed(300)
@given(st.lists(st.text(min_size=1, max_size=6), min_size=1, max_size=4))
def test_lists_that_are_told_can_be_given_back(names):
    values = or_refused(parse_assignments, FakeSettings(), [f"classes={listed(names)}"])
    assert values == {"classes": tuple(names)}
