"""What CI installs is within what users are allowed, and whole."""

import configparser
import re
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent


def declared():
    """The requirements of `setup.cfg`, those of tests too, as far as they are of this Python."""
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg", encoding="utf-8")
    texts = config["options"]["install_requires"], config["options.extras_require"]["test"]
    lines = [line for text in texts for line in text.splitlines() if line.strip()]
    found = [Requirement(line) for line in lines if not line.startswith("#")]
    environment = {"python_version": "3.11", "extra": ""}
    return [one for one in found if one.marker is None or one.marker.evaluate(environment)]


def locked():
    lines = (ROOT / "requirements-ci.txt").read_text(encoding="utf-8").splitlines()
    pairs = [line.split("==") for line in lines if line and not line.startswith("#")]
    return {canonicalize_name(name): version.split(" ")[0] for name, version in pairs}


def test_every_requirement_is_locked_within_its_range():
    versions = locked()
    assert len(declared()) > 20
    for one in declared():
        assert one.specifier.contains(versions[canonicalize_name(one.name)]), one


def test_the_lock_names_no_place():
    """It is made where packages may come from elsewhere than they do for others."""
    text = (ROOT / "requirements-ci.txt").read_text(encoding="utf-8")
    assert not re.search(r"://|--index|--find-links|@ ", text)
