"""Write `docs/api.md` from the docstrings: ``python docs/make_api.py``. A test holds it to them."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import dasklens
from dasklens.widgets import marks

HEAD = """# API reference

Written from the docstrings by `python docs/make_api.py`; `help(dasklens.TaskStream)` says the same.
"""
#: Where what is inherited is said of each that inherits it.
MODULES = (
    "dasklens.report.comparison",
    "dasklens.report.exports",
    "dasklens.report.run",
    "dasklens.widgets.receiver",
)
SECTION = re.compile(r"^(\w[\w ]+)\n-+\n", re.MULTILINE)


def page() -> str:
    """The whole page as Markdown."""
    public = [("dasklens", name, getattr(dasklens, name)) for name in dasklens.__all__ if name[0] != "_"]
    public += [("dasklens.widgets.marks", name, getattr(marks, name)) for name in ("Spans", "Flame")]
    return HEAD + "".join(entry(module, name, thing) for module, name, thing in public)


def entry(module: str, name: str, thing: object) -> str:
    """One name: its signature, its docstring, and its public methods and properties."""
    text = f"\n## `{module}.{name}{signature(thing)}`\n\n{markdown(thing)}\n"
    if not isinstance(thing, type):
        return text
    ours = [vars(each) for each in reversed(thing.__mro__) if each.__module__ in MODULES]
    members = {name: value for each in [*ours, vars(thing)] for name, value in each.items()}
    for member, value in sorted(members.items()):
        if not member.startswith("_") and (inspect.isfunction(value) or isinstance(value, property)):
            call = signature(value) if inspect.isfunction(value) else ""
            text += f"\n### `.{member}{call}`\n\n{markdown(value)}\n"
    return text


def signature(thing: object) -> str:
    """As one would call it: without self and without types."""
    parameters = list(inspect.signature(thing).parameters.values())  # type: ignore[arg-type]
    plain = [p.replace(annotation=p.empty) for p in parameters if p.name != "self"]
    # Of what takes traits only, Pythons of one minor version do not agree on the first.
    plain = [p for p in plain if p.kind is not p.VAR_POSITIONAL]
    return str(inspect.Signature(plain))


def markdown(thing: object) -> str:
    """A numpydoc docstring: its sections as bold lines, definitions as a list, examples as code."""
    doc = inspect.getdoc(thing) or ""
    parts = SECTION.split(doc.replace("  # doctest: +SKIP", ""))
    out = [parts[0].strip()]
    for title, body in zip(parts[1::2], parts[2::2], strict=True):
        out.append(f"**{title}**")
        body = body.rstrip()
        out.append(f"```python\n{body}\n```" if title == "Examples" else definitions(body))
    return "\n\n".join(out)


def definitions(body: str) -> str:
    """``name : kind`` and the indented lines below it as one item each."""
    items: list[list[str]] = []
    for line in body.split("\n"):
        if line and not line.startswith(" "):
            name, colon, kind = line.partition(" : ")
            items.append([f"- `{name}`" + (f" ({kind})" if colon else "")])
        elif line.strip() and items:
            items[-1].append(line.strip())
    return "\n".join(" ".join([item[0] + ":" * (len(item) > 1), *item[1:]]) for item in items)


if __name__ == "__main__":
    Path(__file__).with_name("api.md").write_text(page(), encoding="utf-8")
