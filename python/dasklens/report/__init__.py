"""Reports: what ran, as one file that opens anywhere."""
