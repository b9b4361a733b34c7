"""The field ``comparison`` of a document, checked: a file comes from anybody.

`dasklens.report.comparing` makes it, `js/src/core/compared.ts` reads it in a page.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..model.compare import VERDICTS

KINDS = ("pair", "trend")
UNITS = ("", "s", "B", "B/s", "%", "n")
Check = Callable[[Any], Any]


def checked_comparison(raw: Any) -> dict[str, Any]:
    """The comparison, if it is one.

    Raises
    ------
    ValueError
        When it is none; the message says which part of it.
    """
    kind = _one_of(KINDS)(_field(raw, "kind"))
    runs = _list(_run)(_field(raw, "runs"))
    if len(runs) < 2 or (kind == "pair" and len(runs) != 2):
        raise ValueError(f"a {kind} of {len(runs)} runs")
    each = _values(len(runs))
    return {
        "kind": kind,
        "verdict": _text(_field(raw, "verdict")),
        "runs": runs,
        "figures": _list(_object(name=_text, title=_text, unit=_one_of(UNITS), values=each(_maybe)))(
            _field(raw, "figures")
        ),
        "prefixes": _list(
            _object(
                prefix=_text,
                tasks=each(_count),
                medians=each(_maybe),
                seconds=each(_number),
                shares=each(_number),
                ratio=_maybe,
                interval=_interval,
                surely=_interval,
                verdict=_one_of(VERDICTS),
            )
        )(_field(raw, "prefixes")),
        "functions": _list(_function)(_field(raw, "functions")),
        "extent": _extent(_field(raw, "extent")),
        "peaks": _list(_object(worker=_text, values=each(_maybe)))(_field(raw, "peaks")),
        **{name: _count(_field(raw, name)) for name in ("all_prefixes", "compared", "fewest")},
        "notes": _list(_text)(_field(raw, "notes")),
        "method": _text(_field(raw, "method")),
    }


def _run(raw: Any) -> dict[str, Any]:
    found: dict[str, Any] = _object(
        label=_text,
        title=_text,
        start=_number,
        stop=_number,
        ended_early=_text,
        missed=_count,
        exception=_text,
    )(raw)
    versions = _field(raw, "versions")
    if not isinstance(versions, dict):
        raise ValueError("versions that are no object")
    return {**found, "versions": {name: _text(value) for name, value in versions.items()}}


def _function(raw: Any) -> list[Any]:
    checks = (_text, _text, _count, _text, _number, _number, _count, _count)
    if not isinstance(raw, list) or len(raw) != len(checks):
        raise ValueError("a function that is no list of eight values")
    return [check(value) for check, value in zip(checks, raw, strict=True)]


def _field(raw: Any, name: str) -> Any:
    if not isinstance(raw, dict) or name not in raw:
        raise ValueError(f"no {name!r} where one should be")
    return raw[name]


def _object(**checks: Check) -> Check:
    return lambda raw: {name: check(_field(raw, name)) for name, check in checks.items()}


def _list(check: Check) -> Check:
    def checked(raw: Any) -> list[Any]:
        if not isinstance(raw, list):
            raise ValueError("something else than a list where one should be")
        return [check(each) for each in raw]

    return checked


def _values(n: int) -> Callable[[Check], Check]:
    """A list with a value a run."""

    def of(check: Check) -> Check:
        def checked(raw: Any) -> list[Any]:
            if not isinstance(raw, list) or len(raw) != n:
                raise ValueError(f"something else than a list of {n} values where one should be")
            return [check(each) for each in raw]

        return checked

    return of


def _extent(raw: Any) -> list[float]:
    found: list[float] = _values(2)(_number)(raw)
    if not found[0] < found[1]:
        raise ValueError("an extent that ends before it begins")
    return found


def _interval(raw: Any) -> list[float | None] | None:
    if raw is None:
        return None
    low, high = _values(2)(_maybe)(raw)
    return [low, high]


def _text(raw: Any) -> str:
    if not isinstance(raw, str):
        raise ValueError("something else than text where some should be")
    return raw


def _number(raw: Any) -> float:
    if type(raw) not in (int, float) or abs(raw) > 1e300:
        raise ValueError("something else than a number where one should be")
    return raw  # type: ignore[no-any-return]


def _maybe(raw: Any) -> float | None:
    return None if raw is None else _number(raw)


def _count(raw: Any) -> int:
    if type(raw) is not int or not 0 <= raw < 2**53:
        raise ValueError("something else than a count where one should be")
    return raw


def _one_of(known: tuple[str, ...]) -> Check:
    def checked(raw: Any) -> str:
        if raw not in known:
            raise ValueError(f"{str(raw)[:40]!r} where one of {', '.join(filter(None, known))} should be")
        return str(raw)

    return checked
