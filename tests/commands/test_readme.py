"""The command that renews published results and what pages repeat of them."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gan_mnist.commands import published, readme
from gan_mnist.errors import InputError
from gan_mnist.report import headline
from gan_mnist.report.readme import renew, renewed_pages

ROOT = Path(__file__).parents[2]
SUMMARY = json.loads((ROOT / headline.RUN / "summary.json").read_text())
TEXT = "Told:\n<!-- results: imbalance/mnist {} -->\nwhatever\n<!-- end -->\nand so on\n"


def cells(text):
    rows = re.findall(r"^\|(.+)\|$", text, re.M)
    return [[cell.strip() for cell in row.split("|")] for row in rows]


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A repository with a run, its picture, a README of another answer, and a brief run."""
    run = tmp_path / headline.RUN
    shutil.copytree(ROOT / headline.RUN, run)
    brief = run.with_name("brief")
    brief.mkdir()
    (brief / "summary.json").write_text('{"answer": "Yes.", "carried_by": ""}')
    (tmp_path / headline.PICTURE).parent.mkdir(parents=True)
    for name in (headline.PICTURE, headline.IMAGES):
        shutil.copy(ROOT / name, tmp_path / name)
    (tmp_path / "README.md").write_text(TEXT.format("answer"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_block_is_filled_and_what_is_around_it_stays(checkout):
    filled = renew(TEXT.format("answer"), checkout / "README.md", checkout)
    told = f"> **{SUMMARY['answer']}**\n>\n> {SUMMARY['carried_by']}"
    assert filled == TEXT.format("answer").replace("whatever", told)
    brief = renew(
        TEXT.format("answer").replace("/mnist", "/brief"), checkout / "README.md", checkout
    )
    assert "> **Yes.**\n<!-- end -->" in brief
    full = renew(TEXT.format("in_full"), checkout / "README.md", checkout)
    assert f"\nIn full: {SUMMARY['in_full']}\n" in full
    assert renew(filled, checkout / "README.md", checkout) == filled


def test_the_interval_beside_a_verdict_is_the_one_that_decides(checkout):
    path = checkout / headline.RUN / "summary.json"
    arms = json.loads(path.read_text())["arms"]
    over = {"difference_ci95": [0.1, 0.3], "difference_ci95_images": [-0.2, 0.25]}
    arms["cgan"] |= over | {"difference": 0.2, "verdict": "cannot tell"}
    path.write_text(json.dumps(SUMMARY | {"arms": arms}))
    filled = renew(TEXT.format("table digits=2"), checkout / "README.md", checkout)
    (row,) = (row for row in cells(filled) if row[0] == "`cgan`")
    assert row[2] == "+0.20 [-0.20, 0.30]"


def test_a_table_has_a_row_an_arm_the_best_first(checkout):
    filled = renew(TEXT.format("table digits=2 with=macro_auc"), checkout / "README.md", checkout)
    rows = {row[0].strip("`"): row[1:] for row in cells(filled)[2:]}
    arms = SUMMARY["arms"]
    assert set(rows) == {name for name, arm in arms.items() if arm["n"]}
    means = [arms[name]["mean"] for name in rows]
    assert means == sorted(means, reverse=True)
    assert rows["cgan"] == [
        "0.51 [0.40, 0.61]",
        "+0.19 [0.14, 0.24]",
        "28 %",
        "helps",
        "-0.46 [-0.57, -0.36], hurts",
        f"{arms['cgan']['metrics']['macro_auc']['mean']:.4f}",
    ]
    assert "`smote` does not apply" in filled


def test_pages_that_are_up_to_date_are_none_to_renew(checkout):
    page = checkout / "README.md"
    (text,) = (renewed := renewed_pages(checkout)).values()
    assert list(renewed) == [page]
    page.write_text(text)
    assert renewed_pages(checkout) == {}


def test_a_run_is_rebuilt_and_written_only_when_it_is_asked(checkout, monkeypatch):
    directory = checkout / headline.RUN
    path, report = directory / "summary.json", directory / "report.md"
    assert published.rebuild(directory).stale_files == ()
    path.write_text(json.dumps(SUMMARY | {"answer": "Yes!"}))
    text = report.read_text()
    report.unlink()
    run = published.rebuild(directory)
    assert run.stale_files == (path, report)
    assert not report.exists()
    monkeypatch.setattr(published.page, "draw_arms", lambda *arguments: None)  # takes seconds
    run.write()
    assert json.loads(path.read_text())["answer"] == SUMMARY["answer"]
    assert report.read_text() == text


def test_a_metric_is_told_in_multiples_of_the_controls(checkout):
    part = "table digits=2 with=accuracy/control"
    rows = cells(renew(TEXT.format(part), checkout / "README.md", checkout))
    control = next(row for row in rows if row[0] == "`none`")
    assert control[-1] == "1.00"


MAIN = "python -m gan_mnist.main --experiment=imbalance"
WORKDIR = "--workdir=runs/imbalance_mnist"


@pytest.mark.parametrize(
    ("given", "dataset", "told"),
    [
        (f"{MAIN} --data_dir /home/me/m", "mnist", f"{MAIN} --data_dir=data/mnist {WORKDIR}"),
        (f"{MAIN} --data_dir /me/cats -v", "folder", f"{MAIN} --data_dir=data/cats -v {WORKDIR}"),
        (f"{MAIN} '--data_dir=/a b/c' -v", "folder", f"{MAIN} --data_dir=data/c -v {WORKDIR}"),
        (
            f"{MAIN} --data_dir=a --primary=\"cgan > none\" --workdir='my run'",
            "folder",
            f"{MAIN} --data_dir=data/a --primary=\"cgan > none\" --workdir='my run'",
        ),
        (f"{MAIN} --set 'classes=\"--workdir\"'", "mnist", None),
        (
            "gan_mnist.run('imbalance', data_dir='/me/cats', seeds=3)",
            "folder",
            "gan_mnist.run('imbalance', data_dir='data/cats', seeds=3, "
            "workdir='runs/imbalance_mnist')",
        ),
        (
            "gan_mnist.run('x', data_dir=PosixPath('/me/cats'), workdir=PosixPath('y'))",
            "folder",
            "gan_mnist.run('x', data_dir='data/cats', workdir=PosixPath('y'))",
        ),
    ],
)
def test_a_command_is_one_that_a_reader_can_run(checkout, given, dataset, told):
    path = checkout / headline.RUN / "study.json"
    study = json.loads(path.read_text())
    study["settings"]["dataset"] = dataset
    path.write_text(json.dumps(study | {"command_line": given}))
    filled = renew(TEXT.format("command"), checkout / "README.md", checkout)
    assert filled.splitlines()[3] == f"    {told or f'{given} {WORKDIR}'}"


def test_a_single_seed_is_one(checkout):
    path = checkout / headline.RUN / "summary.json"
    path.write_text(json.dumps(SUMMARY | {"seeds": [0]}))
    filled = renew(TEXT.format("command"), checkout / "README.md", checkout)
    assert "\n1 seed: [records]" in filled


@pytest.mark.slow
def test_the_command_names_what_is_stale_and_mends_it(checkout, capsys):
    assert readme.main(["readme", "--check"]) == 1
    assert capsys.readouterr().out == "stale: README.md\n"
    assert "whatever" in (checkout / "README.md").read_text()
    assert readme.main(["readme"]) == 0
    assert capsys.readouterr().out == "renewed: README.md\n"
    assert readme.main(["readme", "--check"]) == 0
    assert capsys.readouterr().out == ""


@pytest.mark.slow
def test_a_picture_of_other_numbers_is_stale_and_is_drawn_again(checkout, capsys):
    Image.new("L", (9, 9)).save(checkout / headline.PICTURE)
    assert readme.main(["readme", "--check"]) == 1
    assert "stale: docs/figures/imbalance.png" in capsys.readouterr().out
    assert readme.main(["readme"]) == 0
    assert not headline.is_stale(checkout)


@pytest.mark.slow
def test_a_summary_that_does_not_follow_from_its_records_is_made_anew(checkout, capsys):
    path = checkout / headline.RUN / "summary.json"
    summary = json.loads(path.read_text())
    path.write_text(json.dumps(summary | {"answer": "Yes!"}))
    report = checkout / headline.RUN / "report.md"
    before = report.read_text()
    report.write_text("Yes!")
    assert readme.main(["readme", "--check"]) == 1
    told = capsys.readouterr().out
    assert told == "".join(f"stale: {headline.RUN}/{n}\n" for n in ("summary.json", "report.md"))
    assert report.read_text() == "Yes!"
    assert readme.main(["readme"]) == 0
    assert json.loads(path.read_text())["answer"] == summary["answer"]
    assert report.read_text() == before


@pytest.mark.slow
def test_the_pictures_images_are_taken_from_a_run(checkout):
    for row, (arm, *_) in enumerate(headline.ROWS):
        directory = checkout / "run" / "trials" / arm / "seed-00"
        directory.mkdir(parents=True)
        np.savez(directory / "gallery.npz", images=np.full((12, 28, 28, 1), row, np.uint8))
    drawn = (checkout / headline.PICTURE).read_bytes()
    assert readme.main(["readme", "--run=run"]) == 0
    assert (checkout / headline.PICTURE).read_bytes() != drawn
    with np.load(checkout / headline.IMAGES) as kept:
        assert [int(kept[arm].max()) for arm, *_ in headline.ROWS] == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    ("text", "flags", "told"),
    [
        (TEXT.format("answr"), [], "did you mean 'answer'"),
        (TEXT.format("table with=speed"), [], "'speed' is unknown"),
        (TEXT.format("answer").replace("<!-- end -->", ""), [], "not closed"),
        (TEXT.format("answer").replace("/mnist", "/other"), [], "no summary.json"),
        (TEXT.format("findings").replace("/mnist", "/brief"), [], "no findings"),
        (TEXT.format("answer"), ["--run=run", "--check"], "--run"),
        (TEXT.format("answer"), ["--run=nowhere"], "gallery.npz"),
    ],
)
def test_what_cannot_be_filled_is_one_line_and_status_2(
    checkout, capsys, monkeypatch, text, flags, told
):
    monkeypatch.setattr(published, "stale_runs", lambda root: [])  # it comes before
    (checkout / "README.md").write_text(text)
    assert readme.main(["readme", *flags]) == 2
    error = capsys.readouterr().err
    assert told in error
    assert error.count("\n") == 1
    assert (checkout / "README.md").read_text() == text


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (TEXT.format("answer").replace("<!-- end -->\n", "") + TEXT.format("in_full"), 2),
        (TEXT.format("answer") + TEXT.format("in_full").replace("<!-- end -->", ""), 7),
        (TEXT.format("answer") + TEXT.format("in_full =3"), 7),
    ],
    ids=["not closed", "the last one", "not well formed"],
)
def test_a_block_that_cannot_be_read_is_told_with_its_line(checkout, text, line):
    with pytest.raises(InputError, match=f"line {line} of .*README.md: a block is not closed"):
        renew(text, checkout / "README.md", checkout)


def test_another_directory_is_refused(tmp_path):
    with pytest.raises(InputError, match="is not a checkout"):
        renewed_pages(tmp_path)


@pytest.mark.slow
def test_the_command_does_without_tensorflow(checkout):
    code = (
        "import sys\nfrom gan_mnist.commands import readme\nassert readme.main(['', '--check']) < 2"
        "\nassert not {'tensorflow', 'keras'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], cwd=checkout, check=True, capture_output=True)
