from fake_study.trial import run_trial

__all__ = ["run_trial"]
