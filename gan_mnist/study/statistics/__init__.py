"""What numbers of arms and seeds say: differences, intervals, verdicts; knows no study."""
