"""From records to an answer: compared arms, verdicts, and the words for them."""
