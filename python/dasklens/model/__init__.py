"""Pure data: standard library and numpy, on ``wire``. No I/O, no widgets, no cluster."""
