"""The fake study with findings: who told how many trials."""
