"""What may be set: traitlets of the section ``c.Dasklens`` of Jupyter's configuration."""

from __future__ import annotations

from traitlets import Bool, Float, Int, List, TraitError, Unicode, Union, validate
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

    trusted_users = List(
        Union([Int(), Unicode()]),
        help="""Users of this machine, names or ids, whose programs may listen where a scheduler is looked for
        at an address of this machine, beside yourself and root. Who listens there can pass a proof on and
        read what a scheduler recorded.""",
    ).tag(config=True)

    @property
    def trusted_ids(self) -> frozenset[int]:
        """Ids of `trusted_users`."""
        return frozenset(map(_uid, self.trusted_users))

    @validate("trusted_users")
    def _known(self, proposal: dict[str, object]) -> list[int | str]:
        value = proposal["value"]
        assert isinstance(value, list)
        for user in value:
            _uid(user)
        return value

    @validate("capability_lifetime", "poll_interval")
    def _positive(self, proposal: dict[str, object]) -> float:
        value = proposal["value"]
        assert isinstance(value, float)
        if not 0.05 <= value < float("inf"):
            name = getattr(proposal["trait"], "name", "")
            raise TraitError(f"Dasklens.{name} should be seconds, at least 0.05, got {value!r}.")
        return value


def _uid(user: int | str) -> int:
    if str(user).isdecimal():
        return int(user)
    try:
        import pwd

        return pwd.getpwnam(str(user)).pw_uid
    except (ImportError, KeyError):
        raise TraitError(
            f"Dasklens.trusted_users should be names or ids of users of this machine, got {user!r}."
        ) from None
