"""Writes the reference pages that are made from the code: settings, command line, routes."""

from __future__ import annotations

import re
import typing
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import typer
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined
from starlette.routing import Route

from dothi.api.exchange import PREFIX
from dothi.api.operations import describe
from dothi.api.server import OPERATIONS
from dothi.app import http_app
from dothi.cli import cli
from dothi.settings import Settings
from dothi.web.pages import APP_PAGES, web_routes

REFERENCE = Path(__file__).parent / "reference"
MADE = "<!-- Made by docs/generate.py from the code; change it there. -->\n"

#: Routes outside the two APIs, whose handlers have no texts of their own; a new one must be told here.
PLAIN_ROUTES: Mapping[str, str] = {
    "/health/live": "200 while the process runs.",
    "/health/ready": "200 once the city is open, 503 before. Neither of the two asks for the token.",
    "/": "The operations app, as at each of its pages (/wall, ...); 503 with a hint where it was not built.",
    "/assets/{path}": "The app's files whose names carry a hash: cached for ever.",
    "/{path}": "The app's other files, asked for again each time.",
}

#: What the operations API's own schema does not list.
SELF = {"/openapi.json": "The OpenAPI description of this API; `dothi openapi` prints the same."}


def pages() -> dict[str, Callable[[], str]]:
    """File name in docs/reference -> how to write it."""
    return {"settings.md": settings_page, "cli.md": cli_page, "routes.md": routes_page}


def settings_page() -> str:
    """Every setting: name, type, default, meaning."""
    out = ["# Settings", "", MADE, SETTINGS_INTRODUCTION]
    for name, field in Settings.model_fields.items():
        model = _model(field.annotation)
        heading = f"## [{name}]" if field.annotation is model else f"## [[{name}]]"
        about = field.description or (model.__doc__ if model.__doc__ and _is_own_text(model) else "")
        out += [heading, "", *([_sentence(about), ""] if about else []), *_settings_table(name, model), ""]
        for inner, list_field in model.model_fields.items():
            if (listed := _listed(list_field.annotation)) is not None:
                out += [f"### [[{name}.{inner}]]", "", *_settings_table(f"{name}.{inner}", listed), ""]
    return "\n".join(out).rstrip() + "\n"


SETTINGS_INTRODUCTION = """\
Settings come from three places; each goes over the one before:

1. the file `dothi.toml` in the working folder, or the one named by `--config`; one TOML table per section;
2. environment variables: `DOTHI__SERVER__PORT=9000` sets `server.port`. Lists are JSON:
   `DOTHI__NETWORK__ALLOW='["10.1.2.0/24"]'`;
3. options of the command line, such as `--port`.

A name that dothi does not know is refused, so that a typing error is told. `dothi check-config` reads the settings and
tells their faults or shows what is in force, with secrets hidden. Settings are read at the start: change them, then
start again.

```toml
[server]
port = 8090

[storage]
folder = "/var/lib/dothi"

[city]
name_vi = "Bình Dương"
name_en = "Binh Duong"
center = [106.68, 11.15]
zoom = 9.5

[[mqtt]]
name = "stations"
host = "127.0.0.1"

[[mqtt.topics]]
pattern = "city/air/+"
feed = "environment.plain"
```
"""


def cli_page() -> str:
    """Every command with its arguments and options."""
    group: Any = typer.main.get_command(cli)
    out = ["# Command line", "", MADE, _sentence(group.help), "", CLI_INTRODUCTION]
    for name, command in group.commands.items():
        usage = " ".join(["dothi", name, *_usage(command.params)])
        out += [f"## dothi {name}", "", _sentence(command.help), "", f"```\n{usage}\n```", ""]
        if command.params:
            out += ["| option | default | what |", "| --- | --- | --- |", *map(_option_row, command.params), ""]
    out += ["## Exit codes", "", "| code | when |", "| --- | --- |"]
    codes = re.findall(r"(\d) ([^;.]+)", group.epilog)
    out += [f"| {code} | {when.strip()} |" for code, when in codes]
    return "\n".join(out) + "\n"


CLI_INTRODUCTION = """\
`dothi --help` and `dothi COMMAND --help` say the same as this page. Progress goes to standard error and is shown on a
terminal only; results go to standard output. Settings that no option names come from dothi.toml and the environment:
see [settings](settings.md). Without `--data`, `dothi demo` uses the folder `data/demo`.
"""


def routes_page() -> str:
    """Every HTTP route with what it does; those of NGSI-LD with their clauses."""
    out = ["# HTTP routes", "", MADE, ROUTES_INTRODUCTION, "## NGSI-LD", ""]
    out += [f"Paths below `{PREFIX}`. Parameters and answers: [the NGSI-LD API](ngsi-ld-api.md).", ""]
    out += ["| method | path | what | clauses |", "| --- | --- | --- | --- |", *_ngsi_ld_rows()]
    out += ["", "## Operations API", "", "Paths below `/api`: what the app reads. Nothing here writes.", ""]
    out += ["| method | path | what |", "| --- | --- | --- |", *_operations_rows()]
    out += ["", "## Health and app", "", "| method | path | what |", "| --- | --- | --- |"]
    out += [f"| GET | `{path}` | {PLAIN_ROUTES[path]} |" for path in plain_paths()]
    return "\n".join(out) + "\n"


ROUTES_INTRODUCTION = """\
All routes of one server. With `server.token` set, every call but those to /health and to the app's static files (`/`,
`/assets/`, `/theme.js`, `/favicon.svg`) must bear `Authorization: Bearer <token>` (401 otherwise); see
[secure a city](../howto/secure-a-city.md). Clauses are those of ETSI GS CIM 009 V1.9.1: of the HTTP binding (6) and of
the operation (5).
"""


def plain_paths() -> list[str]:
    """Paths outside the two APIs, as the code announces them."""
    app: Any = http_app(Settings())
    paths = [route.path for route in [*app.pages.routes, *web_routes(Path())] if isinstance(route, Route)]
    named = [re.sub(r":\w+}", "}", path) for path in paths]
    return [path for path in named if path.split("/")[1] not in APP_PAGES]


def _ngsi_ld_rows() -> Iterator[str]:
    for one in OPERATIONS:
        told = (one.handler.__doc__ or "").splitlines()[0].partition(": ")[2]
        what, _, clauses = told.rstrip(".").removesuffix(")").rpartition(" (")
        what = what.replace("the same, asked", "a page, asked")
        known = clauses.split(", ")
        clauses = ", ".join(dict.fromkeys([*known, *one.clause.split(", ")]))
        yield f"| {one.method} | `/{one.path}` | {what} | {clauses} |"


def _operations_rows() -> Iterator[str]:
    for path, methods in describe()["paths"].items():
        for method, operation in methods.items():
            yield f"| {method.upper()} | `{path}` | {_cell(operation['description'])} |"
    yield from (f"| GET | `{path}` | {what} |" for path, what in SELF.items())


def _settings_table(section: str, model: type[BaseModel]) -> Iterator[str]:
    yield "| setting | type | default | what |"
    yield "| --- | --- | --- | --- |"
    for name, field in model.model_fields.items():
        default = _default(field)
        yield f"| `{section}.{name}` | {_type(field)} | {default} | {_cell(field.description or '')} |"


def _default(field: FieldInfo) -> str:
    value = field.get_default(call_default_factory=True)
    if value is PydanticUndefined:
        return "required"
    if value is None:
        return "none"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return f"`{list(value)}`" if isinstance(value, tuple) else f"`{value}`"


def _type(field: FieldInfo) -> str:
    return _type_name(field.annotation) + "".join(_bounds(field.metadata))


def _type_name(annotation: Any) -> str:
    if (origin := typing.get_origin(annotation)) is typing.Literal:
        return " or ".join(map(str, typing.get_args(annotation)))
    arguments = [each for each in typing.get_args(annotation) if each is not type(None)]
    if origin is list:
        return f"list of {_type_name(arguments[0])}"
    if origin is tuple:
        return f"{len(arguments)} numbers"
    if origin is dict:
        return "table of texts"
    if arguments:
        return _type_name(arguments[0])
    named = {int: "whole number", float: "number", str: "text", bool: "true or false", Path: "path"}
    return named.get(annotation, "tables")


def _bounds(metadata: Iterable[Any]) -> Iterator[str]:
    for each in metadata:
        for name, sign in (("ge", "≥"), ("gt", ">"), ("le", "≤"), ("lt", "<"), ("min_length", "length ≥")):
            if (bound := getattr(each, name, None)) is not None:
                yield f", {sign} {bound}"


def _model(annotation: Any) -> type[BaseModel]:
    return _listed(annotation) or annotation


def _listed(annotation: Any) -> type[BaseModel] | None:
    """The model of a list of tables."""
    arguments = typing.get_args(annotation)
    is_model = len(arguments) == 1 and isinstance(arguments[0], type) and issubclass(arguments[0], BaseModel)
    return arguments[0] if is_model else None


def _is_own_text(model: type[BaseModel]) -> bool:
    return "__doc__" in vars(model) and model.__doc__ is not None


def _usage(parameters: Iterable[Any]) -> list[str]:
    arguments = [each for each in parameters if each.param_type_name == "argument"]
    words = ["[OPTIONS]"] if len(arguments) < len(list(parameters)) else []
    return words + [each.name.upper() + ("..." if each.nargs == -1 else "") for each in arguments]


def _option_row(parameter: Any) -> str:
    if parameter.param_type_name == "argument":
        return f"| `{parameter.name.upper()}` | required | {_cell(parameter.help)} |"
    name = parameter.opts[0] if parameter.is_flag else f"{parameter.opts[0]} {parameter.name.upper()}"
    default = "" if parameter.is_flag or parameter.default is None else f"`{parameter.default}`"
    return f"| `{name}` | {default} | {_cell(parameter.help)} |"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")


def _sentence(text: str) -> str:
    text = " ".join(text.split())
    return text if text.endswith(".") else text + "."


def write() -> None:
    """Write every page."""
    for name, text in pages().items():
        (REFERENCE / name).write_text(text(), encoding="utf-8")


if __name__ == "__main__":
    write()
