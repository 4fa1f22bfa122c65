"""JSON merge patch: the difference between two documents, as a document of the same shape.

Source: RFC 7396. A member that is null in a patch is taken out, so a document that itself holds nulls cannot be patched
exactly; the tally holds none.
"""

from __future__ import annotations

from typing import TypeAlias

Json: TypeAlias = "dict[str, Json] | list[Json] | str | int | float | bool | None"
JsonObject: TypeAlias = "dict[str, Json]"


def diff(old: JsonObject, new: JsonObject) -> JsonObject:
    """Return the smallest patch that makes `new` of `old`; empty where they are equal. Neither may hold nulls."""
    patch: JsonObject = {name: None for name in old if name not in new}
    for name, value in new.items():
        if name not in old:
            patch[name] = value
            continue
        before = old[name]
        if isinstance(before, dict) and isinstance(value, dict):
            inner = diff(before, value)
            if inner:
                patch[name] = inner
        elif before != value or type(before) is not type(value):
            # `True == 1` and `1 == 1.0` in Python, but not to those who read the JSON.
            patch[name] = value
    return patch


def apply(patch: JsonObject, target: JsonObject) -> JsonObject:
    """Return `target` as patched. Neither argument is changed; unpatched parts are shared with the result."""
    result = dict(target)
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        elif isinstance(value, dict):
            before = result.get(name)
            result[name] = apply(value, before if isinstance(before, dict) else {})
        else:
            result[name] = value
    return result
