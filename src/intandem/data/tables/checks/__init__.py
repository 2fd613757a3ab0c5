"""Rows that break a rule are set aside, and what a person should know is said. Files are read in `reading`."""
