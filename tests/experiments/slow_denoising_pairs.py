"""Denoising on pairs of one's own: a run with its files, its resume, and the command after it."""

import csv
import json

import numpy as np
import pytest
from PIL import Image

from gan_mnist import denoise
from gan_mnist.main import main

ARMS = ("resConvNet_v1_dcnn", "resConvNet_v2_dcnn", "squared_error", "subtract_and_filter")
SIDE = 16


@pytest.fixture(scope="module")
def scans(tmp_path_factory):
    """Twelve pairs: shades, and the same with a tenth of the pixels white."""
    root = tmp_path_factory.mktemp("scans")
    for number in range(12):
        rng = np.random.default_rng(number)
        clean = np.tile(np.linspace(*rng.integers(0, 200, 2), SIDE), (SIDE, 1))
        noisy = np.where(rng.random((SIDE, SIDE)) < 0.1, 255, clean)
        for name, pixels in (("clean", clean), ("noisy", noisy)):
            (root / name).mkdir(exist_ok=True)
            Image.fromarray(pixels.astype(np.uint8)).save(root / name / f"{number}.png")
    return root


def psnr(one, other):
    return 10 * np.log10(255**2 / np.mean((one.astype(float) - other) ** 2))


def test_a_run_on_pairs_and_what_it_exports(scans, tmp_path, capsys, monkeypatch):
    run, saved = tmp_path / "run", tmp_path / "saved"
    flags = [
        *("--experiment=denoising", "--preset=smoke", "--seeds=1", "--jobs=1"),
        *("--dataset=folder", f"--data_dir={scans}", f"--workdir={run}", f"--export_dir={saved}"),
        f"--arms={','.join(ARMS)}",
    ]
    assert main(["main.py", *flags]) == 0, capsys.readouterr().err
    records = {
        arm: json.loads((run / "trials" / arm / "seed-00" / "record.json").read_text())
        for arm in ARMS
    }
    assert [records[arm]["status"] for arm in ARMS] == ["done", "not_applicable", "done", "done"]
    told = records["subtract_and_filter"]["metrics"]
    # White specks on shades: the median filter takes them away.
    assert told["psnr_db"] > told["input_psnr_db"] + 1
    inputs = {records[arm]["metrics"]["input_psnr_db"] for arm in ARMS if arm != ARMS[1]}
    assert len(inputs) == 1
    each = [
        psnr(
            *(np.asarray(Image.open(scans / name / f"{number}.png")) for name in ("noisy", "clean"))
        )
        for number in range(12)
    ]
    assert min(each) < inputs.pop() < max(each)
    assert not any("leak" in name for name in told)

    # As after a kill just before a record was written.
    path = run / "trials" / ARMS[2] / "seed-00" / "record.json"
    path.unlink()
    monkeypatch.setattr("gan_mnist.report.page.write_report", lambda *_: None)
    assert main(["main.py", *flags]) == 0
    again = json.loads(path.read_text())["metrics"]
    kept = {name: value for name, value in again.items() if "second" not in name}
    assert kept == {name: records[ARMS[2]]["metrics"][name] for name in kept}

    capsys.readouterr()
    monkeypatch.chdir(tmp_path)
    model = saved / "denoising" / ARMS[0]
    asked = [f"--model={model}", f"--images={scans / 'noisy'}", f"--truth={scans / 'clean'}"]
    assert denoise.main(["denoise.py", *asked, "--output=cleaned"]) == 0
    assert capsys.readouterr().out.startswith("denoised 12 images, passed over 0, PSNR ")
    (table,) = (tmp_path / "cleaned").glob("*.csv")
    with table.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 12
    cleaned = sorted((tmp_path / "cleaned").rglob("*.png"))
    assert len(cleaned) == 12
    assert {np.asarray(Image.open(path)).shape for path in cleaned} == {(SIDE, SIDE)}
