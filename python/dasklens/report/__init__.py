"""Reports: what was recorded of a block, as one document that can be kept, shown and read back."""
