"""The command as a person meets it: what it accepts, what it refuses and how, and how fast."""

import dataclasses
import socket
import sys

import pytest

from gan_mnist import experiments
from gan_mnist.errors import InputError
from gan_mnist.files import write_json
from gan_mnist.main import FLAGS, main
from gan_mnist.study.description import study_description

MAIN = main
IMBALANCE = "--experiment=imbalance"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], ["--experiment", "imbalance"]),
        (["--experiment="], ["--experiment", "imbalance"]),
        (["--experiment"], ["experiment"]),
        (["--experiment=imbalanse"], ["'imbalanse'", "did you mean 'imbalance'?"]),
        (["--experiment=../imbalance"], ["'../imbalance'"]),
        (["--experiment=imbalance\n"], ["'imbalance\\n'"]),
        (["--list", "--experiment=x"], ["--experiment", "'x'"]),
        ([IMBALANCE, "--preset=quik"], ["--preset", "'quik'", "did you mean 'quick'?", "smoke"]),
        ([IMBALANCE, "--preset="], ["--preset", "smoke, quick, paper"]),
        ([IMBALANCE, "--presett=quick"], ["--presett", "did you mean '--preset'?", "--workdir"]),
        ([IMBALANCE, "quick"], ["'quick'", "--name=value"]),
        ([IMBALANCE, "--", "quick"], ["'quick'", "--name=value"]),
        ([IMBALANCE, "--engine=rai"], ["--engine", "'rai'", "did you mean 'ray'?", "local"]),
        ([IMBALANCE, "--precision=float16"], ["precision", "'float16'", "mixed_float16"]),
        ([IMBALANCE, "--classifier=resnt"], ["--classifier", "did you mean 'resnet'?"]),
        ([IMBALANCE, "--classifier="], ["--classifier", "''", "small_cnn, deep_cnn"]),
        (["--experiment=denoising", "--classifier=resnet"], ["--classifier", "no classifier"]),
        ([IMBALANCE, "--test_dir=new"], ["--test_dir", "'new'", "NAME=DIR"]),
        ([IMBALANCE, "--test_dir=new=/nowhere"], ["--test_dir new", "'/nowhere'"]),
        ([IMBALANCE, "--test_dir=minority=/tmp"], ["--test_dir", "'minority'"]),
        (["--experiment=denoising", "--test_dir=a=b"], ["--test_dir", "no classifier"]),
        ([IMBALANCE, "--seeds=0"], ["--seeds", "'0'", "[1, "]),
        ([IMBALANCE, "--seeds=-3"], ["--seeds", "'-3'"]),
        ([IMBALANCE, "--seeds=five"], ["--seeds", "'five'", "integer"]),
        ([IMBALANCE, "--seeds=1.5"], ["--seeds", "'1.5'", "integer"]),
        ([IMBALANCE, "--seeds="], ["--seeds", "''", "integer"]),
        ([IMBALANCE, "--seeds=99999999999999999999"], ["--seeds", "[1, "]),
        ([IMBALANCE, "--seeds=0x2"], ["--seeds", "'0x2'", "integer"]),
        ([IMBALANCE, "--seeds=5:6"], ["--seeds", "'5:6'", "integer"]),
        ([IMBALANCE, "--seeds=1_0"], ["--seeds", "'1_0'", "integer"]),
        ([IMBALANCE, "--seeds=\N{ARABIC-INDIC DIGIT TWO}"], ["--seeds", "integer"]),
        ([IMBALANCE, "--nolist=1"], ["--nolist=1", "accepted: --nolist, or --list=false"]),
        ([IMBALANCE, "--nodebug="], ["--nodebug=", "accepted: --nodebug, or --debug=false"]),
        (["-nodebug=1"], ["-nodebug=1", "accepted: --nodebug, or --debug=false"]),
        ([IMBALANCE, "--jobs=0"], ["--jobs", "'0'", "[1, "]),
        ([IMBALANCE, "--jobs=two"], ["--jobs", "'two'", "integer"]),
        ([IMBALANCE, "--dry_run=maybe"], ["--dry_run", "'maybe'"]),
        ([IMBALANCE, "--arms=duplicat"], ["--arms", "'duplicat'", "did you mean 'duplicate'?"]),
        ([IMBALANCE, "--arms=none,,copy"], ["--arms", "''"]),
        ([IMBALANCE, "--arms=cgan,copy,cgan"], ["--arms", "'cgan' is given twice"]),
        (
            ["--experiment=data_scaling", "--set", f"smallest={10**26}"],
            ["smallest", "fewer than 2", "two powers of two"],
        ),
        ([IMBALANCE, "--preset=smoke", "--workdir=run\udcff"], ["text", "run", "UTF-8"]),
        ([IMBALANCE, "--set", "groups=\udcff"], ["text", "UTF-8"]),
        ([IMBALANCE, "--arms="], ["--arms", "''", "duplicate"]),
        ([IMBALANCE, "--dataset=mnst"], ["--dataset", "'mnst'", "did you mean 'mnist'?"]),
        ([IMBALANCE, "--dataset=mnist", "--data_dir=/nowhere"], ["--data_dir", "'/nowhere'"]),
        ([IMBALANCE, "--dataset=folder"], ["--data_dir", "folder"]),
        ([IMBALANCE, "--dataset=folder", "--data_dir=" + "x" * 5000], ["--data_dir"]),
        ([IMBALANCE, "--data_dir=/tmp"], ["--data_dir", "mnist_sample"]),
        ([IMBALANCE, "--set"], ["set"]),
        ([IMBALANCE, "--set", "updates"], ["--set", "'updates'", "name=value"]),
        ([IMBALANCE, "--set", ""], ["--set", "name=value"]),
        ([IMBALANCE, "--set", "=20"], ["--set", "''"]),
        ([IMBALANCE, "--set", "updats=20"], ["'updats'", "did you mean 'updates'?"]),
        ([IMBALANCE, "--set", "updates=many"], ["updates", "'many'", "integer"]),
        ([IMBALANCE, "--set", "updates=1_000"], ["updates", "'1_000'", "integer"]),
        ([IMBALANCE, "--set", "zoom=0.1\N{ARABIC-INDIC DIGIT TWO}"], ["zoom", "a number"]),
        ([IMBALANCE, "--set", "updates=\udcff"], ["text", "UTF-8"]),
        ([IMBALANCE, "--set", "updates=" + "9" * 5000], ["updates", "integer"]),
        ([IMBALANCE, "--set", "updates=" + "9" * 50 + "0"], ["updates", "between 10 and"]),
        ([IMBALANCE, "--set", "updates=15"], ["updates", "15", "multiples of 10"]),
        ([IMBALANCE, "--set", "gan_width=0"], ["gan_width", "0", "between 1 and"]),
        ([IMBALANCE, "--set", "learning_rate=-1"], ["learning_rate", "-1", "between"]),
        ([IMBALANCE, "--set", "learning_rate=0,001"], ["'0,001'", "a decimal point, as in 0.1"]),
        ([IMBALANCE, "--set", "learning_rate=nan"], ["learning_rate", "nan"]),
        ([IMBALANCE, "--set", "zoom=2"], ["zoom", "2", "between 0 and 0.9"]),
        ([IMBALANCE, "--set", "gan_architecture=vgg"], ["gan_architecture", "mlp, dcgan"]),
        (["--experiment=conditional_gan", "--set", "gan_architecture=mlp"], ["gan_architecture"]),
        ([IMBALANCE, "--set", "channels=2"], ["channels", "2", "1 or 3"]),
        ([IMBALANCE, "--set", "image_size=4"], ["image_size", "4", "8 or more"]),
        ([IMBALANCE, "--set", "generator=copy"], ["--set", "generator", "--arms"]),
        ([IMBALANCE, "--set", "precision=float32"], ["--set", "precision", "--precision"]),
        ([IMBALANCE, "--set", "data_dir=/tmp"], ["--set", "data_dir", "--data_dir"]),
        ([IMBALANCE, "--set", "classifier_sha256=x"], ["classifier_sha256 is found, not set"]),
        ([IMBALANCE, "--set", "given_sha256=x"], ["given_sha256 is found, not set"]),
        ([IMBALANCE, "--set", "test_sets=x"], ["test_sets is found, not set"]),
        ([IMBALANCE, "--effect="], ["--effect", "''"]),
        ([IMBALANCE, "--pilot="], ["--pilot", "''"]),
        ([IMBALANCE, "--set", "classes=1,2,ten"], ["classes", "'ten'", "0, 1, 2"]),
        ([IMBALANCE, "--set", "classes=1,1,2"], ["classes", "'1'", "twice"]),
        ([IMBALANCE, "--set", "classes=1"], ["classes", "2 or more"]),
        ([IMBALANCE, "--set", "counts=1,300"], ["counts", "2 counts for 3 classes"]),
        ([IMBALANCE, "--set", "counts=-1,300,300"], ["counts", "-1", "at least 0"]),
        ([IMBALANCE, "--set", "counts=1,,300,300"], ["counts", "''", "integer"]),
        ([IMBALANCE, "--set", "counts=9,9,9"], ["counts", "balanced"]),
        ([IMBALANCE, "--set", "starve=1:" + "9" * 5000], ["--set starve", "CLASS:COUNT"]),
        ([IMBALANCE, "--workdir=" + "a" * 300, "--primary=cgan > none"], ["--workdir", "long"]),
        ([IMBALANCE, "--dataset=folder", "--data_dir=a\nb\u2028c"], ["--data_dir"]),
        ([IMBALANCE, f"--generated={'a' * 250}=cgan"], ["--generated", "50 at most"]),
        ([IMBALANCE, "--set", "counts=1,9999,300"], ["counts", "9999", "'2'", "1 to 350"]),
        ([IMBALANCE, "--set", "validation_per_class=9999"], ["validation_per_class", "9999"]),
    ],
    ids=lambda value: " ".join(value)[:60].encode("ascii", "replace").decode(),
)
def test_bad_input_is_refused_in_one_line(refused, arguments, told):
    line = refused(*arguments)
    assert all(part in line for part in told), line


def test_ray_that_is_not_installed_is_named_with_its_remedy(refused, monkeypatch):
    # A module that is None cannot be imported or found, whether or not it is installed.
    monkeypatch.setitem(sys.modules, "ray", None)
    line = refused(IMBALANCE, "--engine=ray")
    assert "--engine" in line
    assert "pip install" in line
    assert "[ray]" in line


@pytest.mark.parametrize("form", ["127.0.0.1:{}", "ray://127.0.0.1:{}", "nowhere.invalid:{}"])
def test_a_ray_cluster_that_is_not_there_is_told_at_once(refused, monkeypatch, form):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: name)
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # and nobody listens
        address = form.format(nobody.getsockname()[1])
        monkeypatch.setenv("RAY_ADDRESS", address)
        line = refused(IMBALANCE, "--engine=ray")
    assert line.startswith(f"error: --engine: no Ray cluster at RAY_ADDRESS={address}: ")


@pytest.mark.parametrize("place", ["file", "file/below", "/proc/here"])
def test_a_work_directory_that_cannot_be_is_refused(refused, tmp_path, place):
    (tmp_path / "file").write_text("mine")
    line = refused(IMBALANCE, f"--workdir={tmp_path / place}", "--export_dir=")
    assert "--workdir" in line
    assert place in line
    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.parametrize("place", ["file", "file/below", "/proc/here"])
def test_an_export_directory_that_cannot_be_is_refused(refused, tmp_path, place):
    (tmp_path / "file").write_text("mine")
    line = refused(IMBALANCE, f"--export_dir={tmp_path / place}")
    assert "--export_dir" in line
    assert place in line


def test_help_and_lists(command):
    status, out, err = command("--help")
    assert (status, err) == (0, "")
    assert all(f"--{name} " in out for name in (*FLAGS, "flagfile"))
    assert all(name in out for name in experiments.names())
    status, out, err = command("--list")
    assert (status, err) == (0, "")
    assert all(
        name in out and experiments.load(name).question in out for name in experiments.names()
    )


@pytest.mark.parametrize("name", experiments.names())
def test_the_list_of_an_experiment_tells_arms_and_settings(command, name):
    status, out, err = command("--list", f"--experiment={name}")
    assert (status, err) == (0, "")
    study = experiments.load(name)
    lines = out.splitlines()
    for arm in study.arms:
        assert [arm.name, *arm.about.split()] in [line.split() for line in lines]
    for setting in study.settings.identity():
        assert any(line.split()[:1] == [setting] for line in lines), setting


@pytest.mark.parametrize("name", experiments.names())
def test_every_setting_is_listed_once_below_what_it_is_of(command, name):
    settings = experiments.load(name).settings
    out = command("--list", f"--experiment={name}")[1]
    # (heading, name, what it is) of every line; the arms come first.
    told, heading = [], ""
    for line in out.splitlines():
        if line.startswith(" "):
            told.append((heading, *line.split(maxsplit=1)))
        else:
            heading = line
    told = [row for row in told if row[0].startswith("settings, ")]
    groups = {f"settings, {group}:": fields for group, fields in settings.fields_by_group().items()}
    assert [row[:2] for row in told] == [
        (group, field.name) for group, fields in groups.items() for field in fields
    ]
    fields = {field.name: field for field in dataclasses.fields(settings)}
    assert sorted(row[1] for row in told) == sorted(fields)
    assert all(len(row) == 3 and row[2].startswith(fields[row[1]].metadata["help"]) for row in told)
    declared = {vars(owner).get("GROUP") for owner in type(settings).__mro__}
    assert set(settings.fields_by_group()) <= declared | {name}


def test_flags_may_come_from_a_file(command, tmp_path):
    (tmp_path / "flags").write_text(f"# what to run\n\n{IMBALANCE}\n--seeds=3\n--arms=copy\n")
    status, out, err = command(f"--flagfile={tmp_path / 'flags'}", "--seeds=4", "--dry_run")
    assert (status, err) == (0, "")
    assert "2 arms x 4 seeds = 8" in out


def test_help_in_full_is_help(command):
    assert command("--helpfull") == command("--help")


def test_values_are_listed_in_the_form_that_set_takes(command):
    _, out, _ = command("--list", "--experiment=denoising")
    told = {words[0]: line for line in out.splitlines() if (words := line.split())}
    assert told["a"].endswith("(default 0.2,1.0)")
    assert told["classes"].endswith("(none by default)")
    assert told["scales"].endswith("(default image; accepted: image, batch)")


def test_a_dry_run_prints_the_plan_and_writes_nothing(command, directory):
    flags = ["--preset=paper", "--seeds=3", "--arms=copy,oracle", "--set", "counts=2,30,40"]
    status, out, err = command(IMBALANCE, *flags, "--set", "classes=7,8,9", "--dry_run")
    assert (status, err) == (0, "")
    assert "3 arms x 3 seeds = 9" in out
    assert str(directory / "runs" / "imbalance") in out
    assert "sha256" in out
    settings = dict(line.split(maxsplit=1) for line in out.splitlines() if line.startswith("  "))
    assert settings["counts"] == "[2, 30, 40]"
    assert settings["classes"] == "['7', '8', '9']"
    assert settings["gan_updates"] == "20000"
    assert settings["repeats"] == "2"
    assert {"none", "copy", "oracle"} <= set(settings)
    assert "cgan" not in settings
    assert list(directory.iterdir()) == []


def test_flags_of_one_call_do_not_reach_the_next(command):
    command(IMBALANCE, "--arms=copy", "--set", "updates=20", "--seeds=1", "--dry_run")
    out = command(IMBALANCE, "--dry_run")[1]
    assert ["updates", "1000"] in [line.split() for line in out.splitlines()]
    assert "shuffled_labels" in out


def test_a_control_with_settings_of_its_own_leaves_the_others_free(command):
    gan = "--experiment=conditional_gan"
    status, out, _ = command(gan, "--dry_run", "--set", "gan_width=3")
    assert status == 0
    assert "gan_width 3 (mlp: 64)" in [" ".join(line.split()) for line in out.splitlines()]
    status, _, err = command(gan, "--dry_run", "--set", "generator=copy")
    assert status == 2
    assert "generator is what arms differ in" in err


def test_debug_shows_where_it_was_refused(capsys):
    with pytest.raises(InputError, match="--preset"):
        main(["main.py", IMBALANCE, "--preset=x", "--debug"])


def test_a_plan_that_a_directory_refuses_is_told_so_before_it_runs(command, tmp_path):
    plan = experiments.make_plan("imbalance", preset="smoke", workdir=tmp_path / "run")
    write_json(tmp_path / "run" / "study.json", study_description(plan, "as told"))
    flags = [IMBALANCE, "--preset=smoke", f"--workdir={tmp_path / 'run'}", "--dry_run"]
    assert command(*flags)[0] == 0
    status, out, err = command(*flags, "--set", "updates=30")
    assert (status, out) == (2, "")
    assert "holds a study with other settings (updates: 20 -> 30)" in err
    # The records say it, too.
    (tmp_path / "run" / "study.json").unlink()
    trial = plan.trials()[0]
    told = {"arm": trial.arm, "seed": trial.seed, "status": "done", "error": None}
    told |= {"experiment": "imbalance", "dataset": dict(trial.provenance)}
    told |= {"settings": trial.settings.identity(), "fingerprint": trial.fingerprint}
    told |= {"metrics": {"minority_recall": 0.5}, "seconds": {"training": 1.0}}
    trial.directory.mkdir(parents=True)
    write_json(trial.record_path, told)
    assert command(*flags)[0] == 0
    status, out, err = command(*flags, "--set", "updates=30")
    assert (status, out) == (2, "")
    assert "updates: 20 -> 30" in err


@pytest.mark.slow
def test_a_plan_that_cannot_be_run_so_is_told_so_before(command, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    for flag in ("workdir", "export_dir"):
        status, out, err = command(IMBALANCE, f"--{flag}={tmp_path / 'file' / 'run'}", "--dry_run")
        assert (status, out) == (2, "")
        assert err.startswith(f"error: --{flag}: cannot write ")
    monkeypatch.setattr("gan_mnist.commands.running.check_engine", lambda engine: None)
    flags = ["--strategy=mirrored", "--engine=ray", "--dry_run"]
    status, out, err = command(IMBALANCE, "--arms=classical", *flags)
    assert (status, out) == (2, "")
    assert "mirrored is not accepted with --engine=ray" in err
