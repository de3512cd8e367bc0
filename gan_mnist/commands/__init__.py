"""The commands beside `main`: exported models used on files, and what all commands share."""
