"""The one format in which columns travel. Imports nothing of ours (and no numpy)."""
