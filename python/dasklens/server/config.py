"""What may be set: traitlets of the section ``c.Dasklens`` of Jupyter's configuration."""

from __future__ import annotations

from traitlets import Bool, Float, List, TraitError, Unicode, validate
from traitlets.config import Configurable


class Dasklens(Configurable):
    """Settings of the server extension, in ``jupyter_server_config.py`` as ``c.Dasklens.…``."""

    allowed_hosts = List(
        Unicode(),
        help="""Hosts whose dashboards may be typed in, beside the loopback addresses: names
        ("dask.example.org"), names with a leading wildcard ("*.cluster.example.org"), addresses or networks
        ("10.1.0.0/16"). Announced schedulers need no entry here.""",
    ).tag(config=True)

    pages = Bool(
        True,
        help="""Whether pages of schedulers may be opened through this Jupyter server at all. Frames, which
        dasklens draws itself, are not pages.""",
    ).tag(config=True)

    capability_lifetime = Float(
        8 * 3600.0,
        help="""Seconds that the address of an opened page stays good. What it has open is closed then.""",
    ).tag(config=True)

    poll_interval = Float(
        0.5,
        help="""Seconds between two looks at the folder of announcements while somebody looks; when nobody
        does, a tenth as often.""",
    ).tag(config=True)

    ca_file = Unicode(
        "",
        help="""File with the certificates (PEM) that dashboards over HTTPS are verified against; the
        system's by default. A self-signed one is taken on loopback only, and named as such.""",
    ).tag(config=True)

    @validate("capability_lifetime", "poll_interval")
    def _positive(self, proposal: dict[str, object]) -> float:
        value = proposal["value"]
        assert isinstance(value, float)
        if not 0.05 <= value < float("inf"):
            name = getattr(proposal["trait"], "name", "")
            raise TraitError(f"Dasklens.{name} should be seconds, at least 0.05, got {value!r}.")
        return value
