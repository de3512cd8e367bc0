"""One folder an experiment: a question, its arms as a table, and the code of one trial."""
