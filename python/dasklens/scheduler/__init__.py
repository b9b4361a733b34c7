"""What runs inside the scheduler process.

Imports here and in ``wire`` are relative, so that the same source also works when it is uploaded
to a scheduler without dasklens, under another package name (``source/attach.py``).
"""
