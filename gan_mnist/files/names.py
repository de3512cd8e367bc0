"""Names of the files of a run that more than one module knows; other programs read them, too."""

STUDY = "study.json"
RECORDS = "records.jsonl"
SUMMARY = "summary.json"
# The folder with a folder for each arm, and therein one for each seed, with the trial's record.
TRIALS = "trials"
RECORD = "record.json"
EVERY_RECORD = f"{TRIALS}/*/*/{RECORD}"
# Holds the share that is done, and its seconds, while a training is under way.
PROGRESS = "progress.json"
