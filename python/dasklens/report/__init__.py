"""The report: what a block did, as one document that is read back and opens anywhere."""
