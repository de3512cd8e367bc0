"""The demo in headless Chromium: drawn on, given files, slid; in an environment of its own."""

import json
import re
import shutil
import socket
import subprocess
from pathlib import Path

import pytest
from environments import Environment
from PIL import Image
from small_exports import SIZE, export_all

HERE = Path(__file__).parent
BROWSERS = ("chromium", "chromium-browser", "google-chrome")


@pytest.fixture(scope="module")
def seen(tmp_path_factory):
    """What a person sees."""
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    assert browser, f"no browser: make test-all needs one of {', '.join(BROWSERS)}"
    place = tmp_path_factory.mktemp("demo")
    code = f"gan_mnist[demo] @ file://{place}/code"
    environment = Environment(place, "3.11", code, "playwright")
    export_all(place / "models")
    (place / "bad.png").write_bytes(b"no image")
    Image.new("L", (SIZE, SIZE), 255).save(place / "good.png")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = ["python", "-m", "gan_mnist.demo", "--models=models", f"--port={port}"]
    with (
        (place / "demo.log").open("w") as log,
        subprocess.Popen(
            command, cwd=place, env=environment.variables, stdout=subprocess.PIPE, stderr=log,
            text=True,
        ) as demo,
    ):  # fmt: skip
        try:
            address = demo.stdout.readline().split(" ")[0]
            assert address == f"http://127.0.0.1:{port}", (place / "demo.log").read_text()
            told = environment.run("python", HERE / "look_at_demo.py", address, browser, place)
        finally:
            demo.terminate()
            status = demo.wait(30)
    assert status == 143
    assert "the page is closed" in (place / "demo.log").read_text()
    return json.loads(told)


def said(rows):
    """What each arm says, by its name."""
    return {row[0]: row[1] for row in rows if row[0] in ("none", "classical")}


def test_drawing_changes_what_every_arm_says(seen):
    assert seen["before"] == [["Draw a digit, and see what every arm says."]]
    assert said(seen["line"]) == {"none": "thin", "classical": "thin"}
    assert said(seen["block"]) == {"none": "thin", "classical": "thick"}
    assert seen["cleared"] == seen["before"]
    shown = next(row[-1] for row in seen["line"] if row[0] == "none")
    assert shown == "the imbalanced images as they are; real images of thin, thick at first: 1, 300"


def test_files_are_taken_and_bad_ones_are_told(seen):
    assert seen["bad"].startswith("bad.png: not an image; accepted: PNG")
    # White, inverted as on paper: there is no ink on it.
    assert said(seen["good"]) == {"none": "thin", "classical": "thin"}


def test_sliders_change_what_is_generated(seen):
    assert seen["generated"] == [16, 16, True, True]


def test_sliders_change_what_is_denoised_beside_the_filter_and_the_input(seen):
    levels = {time: re.findall(r"([\d.]+) dB", seen[time]) for time in ("noisy", "quiet")}
    assert {len(found) for found in levels.values()} == {3}
    assert float(levels["noisy"][0]) < float(levels["quiet"][0])
    for name in ("wanted", "drowned in", "untreated", "filter", "denoiser"):
        assert name in seen["noisy"]


def test_the_page_asks_nobody_else_and_complains_of_nothing(seen):
    assert len(set(seen["hosts"])) == 1
    assert seen["errors"] == []
    assert seen["beyond"] <= 0
