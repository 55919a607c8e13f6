"""From a TOML table to a frozen model, or to the list of what is wrong with it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails

from connext_monitor.config.problems import ConfigError, KeyPath, Problem, dotted, suggestion


class Table(BaseModel):
    """The base of every table's model: frozen, no unknown keys, no silent conversions, no values in its own errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, hide_input_in_errors=True)


M = TypeVar("M", bound=BaseModel)


def parse_table(model: type[M], table: Mapping[str, object], path: tuple[str, ...], *, file: Path) -> M:
    """Check the table that stands at ``path`` of ``file`` against the model (a `Table`).

    Raises `ConfigError` with a problem for each mistake. Of the model's own validators only texts made with `bad_value`
    reach the user; any other ``ValueError`` becomes a general refusal, since its text may quote the value.
    """
    data = dict(table)
    try:
        return model.model_validate(data, context={"folder": file.parent})
    except ValidationError as error:
        mistakes = error.errors(include_url=False, include_input=False)
    # Raised out here so that pydantic's error, which knows the values, does not hang on this one as its context.
    raise ConfigError(
        file, [_problem(mistake, model, data, path) for mistake in mistakes if not _echo(mistake, mistakes)]
    )


def _problem(
    mistake: ErrorDetails, model: type[BaseModel], data: Mapping[str, object], path: tuple[str, ...]
) -> Problem:
    key_path = _key_path_in(data, mistake["loc"])
    if mistake["type"] == "extra_forbidden":
        known = _keys_at(model, key_path[:-1])
        cure = suggestion(str(key_path[-1]), known, "remove it; known keys:")
        return Problem(dotted((*path, *key_path)), "is not a known key", cure)
    context = mistake.get("ctx", {})
    about = tuple(dotted((*path, *key_path, key)) for key in context.get("keys", ()))
    return Problem(dotted((*path, *key_path)), *_words(mistake["type"], context), about)


def _echo(mistake: ErrorDetails, mistakes: list[ErrorDetails]) -> bool:
    """Whether pydantic calls a list too short only because entries of it are wrong, which is reported already."""
    length = len(mistake["loc"])
    return mistake["type"] == "too_short" and any(
        len(other["loc"]) > length and other["loc"][:length] == mistake["loc"] for other in mistakes
    )


def _key_path_in(data: object, loc: KeyPath) -> KeyPath:
    """The part of pydantic's location that exists in the file; names of validators and unions follow it."""
    key_path: KeyPath = ()
    for part in loc:
        if isinstance(data, dict):
            key_path = (*key_path, part)
            if part not in data:
                return key_path
            data = data[part]
        elif isinstance(data, list) and isinstance(part, int) and part < len(data):
            key_path = (*key_path, part)
            data = data[part]
        else:
            return key_path
    return key_path


def _keys_at(model: type[BaseModel], key_path: KeyPath) -> list[str]:
    for part in key_path:
        if isinstance(part, int):
            continue
        field = model.model_fields.get(part)
        inner = _model_in(field.annotation) if field else None
        if inner is None:
            return []
        model = inner
    return list(model.model_fields)


def _model_in(annotation: object) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((model for part in get_args(annotation) if (model := _model_in(part))), None)


def _words(kind: str, context: Mapping[str, Any]) -> tuple[str, str]:
    if kind == "bad_value":
        return context["mistake"], context["cure"]
    mistake, cure = _WORDS.get(kind, ("is not valid", "compare it with docs/config.example.toml"))
    return mistake, cure.format_map(context)


# By pydantic's names of its errors. What is filled in comes from the model, never from the file.
_WORDS = {
    "missing": ("is missing", "add it"),
    "string_type": ("must be a string", "write it between quotes"),
    "int_type": ("must be a whole number", "write digits without quotes"),
    "float_type": ("must be a number", "write it without quotes"),
    "bool_type": ("must be true or false", "write it without quotes"),
    "list_type": ("must be a list", 'write it as ["…", "…"]'),
    "tuple_type": ("must be a list", 'write it as ["…", "…"]'),
    "model_type": ("must be a table", "write its keys below a line with its name in brackets"),
    "dict_type": ("must be a table", "write its keys below a line with its name in brackets"),
    "too_short": ("has too few entries", "give at least {min_length}"),
    "too_long": ("has too many entries", "give at most {max_length}"),
    "string_too_short": ("is empty or too short", "write at least {min_length} characters"),
    "string_too_long": ("is too long", "write at most {max_length} characters"),
    "literal_error": ("is not an allowed value", "write {expected}"),
    "enum": ("is not an allowed value", "write {expected}"),
    "greater_than_equal": ("is too small", "write a number of at least {ge}"),
    "greater_than": ("is too small", "write a number above {gt}"),
    "less_than_equal": ("is too large", "write a number of at most {le}"),
    "less_than": ("is too large", "write a number below {lt}"),
}
