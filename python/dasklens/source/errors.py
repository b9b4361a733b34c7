"""What can be said in one sentence when a scheduler cannot be read."""

from __future__ import annotations


class NotRecorded(RuntimeError):
    """The scheduler does not record for dasklens and could not be made to."""


class SchedulerLost(ConnectionError):
    """The scheduler went away while it was being read."""
