"""Figures in a notebook cell: marks, the parts around them, one module a figure."""
