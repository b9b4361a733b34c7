"""The command line `dasklens`, for terminals and CI jobs."""
