"""The command line `dasklens`, for terminals and CI jobs."""

#: Exit codes: all is fine; a file says something bad; the command line is wrong, or a file cannot be read.
FINE, BAD, UNUSABLE = 0, 1, 2
