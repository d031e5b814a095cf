"""The command line: serve a city, show the demo, load and check files, look at settings and API."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import signal
import socket
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import structlog
import typer
import uvicorn
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from starlette.types import ASGIApp

from dothi.settings import Settings, SettingsError, read_settings
from dothi.web.protocol import PATIENCE, GatheringProtocol, Patience

if TYPE_CHECKING:
    from dothi.connectors.propose import Proposal

#: Exit codes beside 0: data had faults; settings or usage are wrong; the server could not start.
DATA_FAULTS, WRONG_USAGE, CANNOT_START = 1, 2, 3

cli = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="dothi: an open smart-city operations centre.",
    epilog="Exit codes: 0 done; 1 files had faults; 2 wrong usage or settings; 3 the server could not start.",
)

#: How often uvicorn calls `on_tick`.
TICKS_PER_SECOND = 10

Config = Annotated[Path | None, typer.Option(help="Settings file; default dothi.toml where it exists.")]
Data = Annotated[Path | None, typer.Option(help="Folder of the city; a new folder is a new, empty city.")]
Port = Annotated[int | None, typer.Option(min=0, max=65535, help="Port to listen on; 0 takes a free one.")]
Host = Annotated[str | None, typer.Option(help="Address to listen on; anything but loopback needs server.token.")]
Json = Annotated[bool, typer.Option("--json", help="Answer in JSON for machines.")]

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)


def main() -> None:
    """Entry point of the `dothi` command."""
    cli()


@cli.callback()
def _log_to_stderr() -> None:
    """Keep the standard output for answers, so that --json can be read by machines whatever is logged."""
    structlog.configure(logger_factory=structlog.WriteLoggerFactory(sys.stderr), cache_logger_on_first_use=False)


@cli.command()
def serve(port: Port = None, host: Host = None, data: Data = None, config: Config = None) -> None:
    """Serve a city until SIGTERM or Ctrl-C."""
    from dothi.app import http_app

    settings = _settings(config, port, host, data)
    run_server(settings, http_app(settings))


@cli.command()
def demo(
    port: Port = None,
    host: Host = None,
    data: Data = None,
    config: Config = None,
    seed: Annotated[int, typer.Option(help="The same seed gives the same city.")] = 2021,
    size: Annotated[float, typer.Option(min=0.1, max=100, help="1 is about 1,500 entities.")] = 1,
    days: Annotated[int, typer.Option(min=1, max=3660, help="Days of hourly history.")] = 365,
) -> None:
    """Serve a made-up Bình Dương that lives: a year of history, then change every few seconds."""
    from dothi.app import OWN_CONTEXT, http_app, open_city
    from dothi.demo.city import DemoCity
    from dothi.demo.declaration import module
    from dothi.demo.desk import fill_desk
    from dothi.demo.run import FACTS, DemoRunner, fill

    settings = _settings(config, port, host, data or Path("data") / "demo", city=FACTS)
    made_up = DemoCity(seed, round(1500 * size))

    async def prepare(tell: Callable[[float, float], None]) -> None:
        async with open_city(settings, extra=[module]) as city:
            broker = city.tenants.default
            await fill(broker, await broker.contexts.resolve(OWN_CONTEXT), made_up, days, tell)
            await fill_desk(city.desk)

    with _progress("Building the demo city") as tell, _told_errors():
        asyncio.run(prepare(tell))
    runners = [lambda connectors: DemoRunner(connectors.intake, made_up)]
    run_server(settings, http_app(settings, demo=True, extra=[module], runners=runners))


@cli.command()
def load(
    files: Annotated[list[Path], typer.Argument(help="NGSI-LD JSON, CSV, TSV, Excel, GeoJSON or GTFS files.")],
    data: Data = None,
    config: Config = None,
    mapping: Annotated[Path | None, typer.Option(help="TOML that says what the columns of a table mean.")] = None,
    lenient: Annotated[bool, typer.Option(help="Mend known dirt and report it, instead of refusing.")] = False,
    tenant: Annotated[str | None, typer.Option(help="Tenant to load into; made when new.")] = None,
    as_json: Json = False,
) -> None:
    """Load files into a city that is not being served."""
    from dothi.app import open_city
    from dothi.connectors.load import LoadReport, load_files

    settings = _settings(config, None, None, data)
    plan = _mapping(mapping)

    async def run(tell: Callable[[Any], None]) -> LoadReport:
        async with open_city(settings) as city:
            broker = city.tenants.default if tenant is None else await city.tenants.ensure(tenant)
            return await load_files(
                files, broker.ingest, mapping=plan, lenient=lenient, progress=tell, gtfs=_gtfs_entities()
            )

    with _bytes_progress("Loading") as tell, _told_errors():
        report = asyncio.run(run(tell))
    _tell_report(report, as_json)


@cli.command()
def check(
    files: Annotated[list[Path], typer.Argument(help="Files to read without storing anything.")],
    mapping: Annotated[
        Path | None, typer.Option(help="Mapping to check a table with; without one it is proposed.")
    ] = None,
    lenient: Annotated[bool, typer.Option(help="Mend known dirt and report it, instead of refusing.")] = False,
    as_json: Json = False,
) -> None:
    """Read files, report their faults, and propose a mapping for tables that have none."""
    from dothi.app import open_city
    from dothi.broker.ingest import Judge
    from dothi.connectors.load import FileReport, LoadReport, load_files

    plan = _mapping(mapping)
    proposals = {} if plan is not None else _proposals(files)
    rest = [path for path in files if path not in proposals]

    async def run(tell: Callable[[Any], None]) -> LoadReport:
        with tempfile.TemporaryDirectory() as nowhere:
            async with open_city(_settings(None, None, None, Path(nowhere))) as city:
                judge = Judge(city.tenants.default.ingest)
                return await load_files(
                    rest, judge, mapping=plan, lenient=lenient, progress=tell, gtfs=_gtfs_entities()
                )

    with _bytes_progress("Checking") as tell, _told_errors():
        report = asyncio.run(run(tell))
    for path, proposal in proposals.items():
        faults = list(proposal.problems)
        report.files.append(FileReport(path.name, "table", proposal.rows, rejected=len(faults), problems=faults))
        if not as_json:
            out.print(f"# Look over this mapping, save it as {path}.toml, then run: dothi load {path}", markup=False)
            out.print(proposal.toml, markup=False)
    _tell_report(report, as_json, {str(path): proposal.toml for path, proposal in proposals.items()})


def _proposals(files: list[Path]) -> dict[Path, Proposal]:
    """A proposed mapping for each table that has none beside it; what cannot be read is told by the check itself."""
    from dothi.connectors.files import mapping_beside, recognise
    from dothi.connectors.propose import propose
    from dothi.model.errors import InvalidRequest

    found = {}
    for path in files:
        try:
            if recognise(path) == "table" and mapping_beside(path) is None:
                found[path] = propose(path)
        except InvalidRequest:
            continue
    return found


@cli.command()
def openapi() -> None:
    """Print the OpenAPI description of the operations API."""
    from dothi.api.operations import describe

    print(json.dumps(describe(), indent=2, ensure_ascii=False))


@cli.command("new-module")
def new_module(
    name: Annotated[str, typer.Argument(help="Name of the module, for example flood.")],
    folder: Annotated[Path, typer.Option(help="Folder to write the package into.")] = Path(),
) -> None:
    """Write a city module of the one shape, ready to fill, with a test that passes."""
    from dothi.city.scaffold import new_module as write

    try:
        paths = write(name, folder)
    except (ValueError, FileExistsError) as error:
        _fail(str(error))
    for path in paths:
        out.print(str(path), markup=False)


@cli.command("check-config")
def check_config(config: Config = None, as_json: Json = False) -> None:
    """Read the settings, tell their faults or show what is in force."""
    settings = _settings(config, None, None, None)
    values = settings.model_dump(mode="json")
    if values["server"]["token"]:
        values["server"]["token"] = "***"
    for source in values["mqtt"]:
        source["password"] = "***" if source["password"] else None
    for person in values["people"]:
        person["urls"] = [f"{url.partition(':')[0]}://***" for url in person["urls"]]
    if as_json:
        print(json.dumps(values, ensure_ascii=False, indent=2))
        return
    for section, table in values.items():
        for name, value in table.items() if isinstance(table, dict) else [("", table)]:
            out.print(f"{section}{'.' if name else ''}{name} = {json.dumps(value, ensure_ascii=False)}", markup=False)


def run_server(settings: Settings, app: ASGIApp) -> None:
    """Serve on the address of the settings; prints the address when ready, ends cleanly on SIGTERM."""
    from dothi.app import locked

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _end)  # uvicorn raises its signal again when it is done: 0 is said then, not 143
    gc.set_threshold(100_000, 20, 50)  # JSON makes many short-lived dicts; the default looks at them too often
    try:
        listener = socket.create_server(
            (settings.server.host, settings.server.port), family=_family(settings.server.host), backlog=2048
        )
    except OSError as error:
        why = os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror
        err.print(f"cannot listen on {settings.server.host}:{settings.server.port}: {why}", style="red")
        raise typer.Exit(CANNOT_START) from error
    with _told_errors(), locked(settings.storage.folder):
        pass  # a folder that cannot be had is told in one line here; inside the server it would be a trace
    config = uvicorn.Config(
        app, loop="uvloop", http=GatheringProtocol, ws="none", access_log=False, log_level="warning",
        server_header=False, proxy_headers=False, date_header=False, timeout_graceful_shutdown=10,
    )  # fmt: skip
    server = _Server(config, settings)
    server.run(sockets=[listener])
    if not server.started:
        raise typer.Exit(CANNOT_START)


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, settings: Settings) -> None:
        super().__init__(config)
        self._settings = settings
        self._patience = Patience()

    async def on_tick(self, counter: int) -> bool:
        if counter % (PATIENCE * TICKS_PER_SECOND) == 0:
            self._patience.sweep(list(self.server_state.connections))
        return await super().on_tick(counter)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started and sockets:
            gc.freeze()
            host, port = sockets[0].getsockname()[:2]
            address = f"[{host}]" if ":" in host else host
            out.print(
                f"dothi is ready at http://{address}:{port}  (data in {self._settings.storage.folder})", markup=False
            )

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        from dothi.app import END_STREAMS

        end_streams = self.lifespan.state.get(END_STREAMS)
        if end_streams is not None:
            end_streams()
        await super().shutdown(sockets)


def _end(number: int, frame: Any) -> None:
    raise SystemExit(0)


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def _settings(
    config: Path | None, port: int | None, host: str | None, data: Path | None, **sections: dict[str, Any]
) -> Settings:
    server = {name: value for name, value in (("port", port), ("host", host)) if value is not None}
    storage = {} if data is None else {"folder": data}
    try:
        return read_settings(config, server=server, storage=storage, **sections)
    except SettingsError as error:
        _fail(str(error))


def _fail(text: str) -> NoReturn:
    err.print(text, style="red", markup=False)
    raise typer.Exit(WRONG_USAGE)


def _mapping(path: Path | None) -> Any:
    from dothi.connectors.mapping import read_mapping
    from dothi.model.errors import Problem

    if path is None:
        return None
    try:
        return read_mapping(path)
    except Problem as problem:
        _fail(problem.detail)


def _gtfs_entities() -> Any:
    from dothi.city.mobility.gtfs import gtfs_entities

    return gtfs_entities


@contextmanager
def _told_errors() -> Iterator[None]:
    """Turn what a user can mend into a line and an exit code."""
    from dothi.app import FolderInUse
    from dothi.model.errors import Problem

    try:
        yield
    except FolderInUse as error:
        err.print(str(error), style="red", markup=False)
        raise typer.Exit(CANNOT_START) from error
    except OSError as error:
        err.print(f"{error.filename}: {error.strerror}" if error.filename else str(error), style="red", markup=False)
        raise typer.Exit(CANNOT_START) from error
    except Problem as error:
        _fail(error.detail)
    except (KeyboardInterrupt, asyncio.CancelledError) as error:
        raise typer.Exit(128 + signal.SIGINT) from error


@contextmanager
def _progress(title: str) -> Iterator[Callable[[float, float], None]]:
    """A bar with rate and remaining time on a terminal; a plain end elsewhere. Told (done, total)."""
    bar = Progress(
        TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(show_speed=True), TimeRemainingColumn(),
        console=err, disable=not err.is_terminal,
    )  # fmt: skip
    with bar:
        task = bar.add_task(title, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


@contextmanager
def _bytes_progress(title: str) -> Iterator[Callable[[Any], None]]:
    bar = Progress(
        TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(), console=err, disable=not err.is_terminal,
    )  # fmt: skip
    with bar:
        task = bar.add_task(title, total=None, rate="")

        def tell(step: Any) -> None:
            elapsed = bar.tasks[0].elapsed or 0.0
            rate = f"{step.values / elapsed:,.0f} values/s" if elapsed > 0.2 else ""
            bar.update(task, completed=step.done, total=step.total, description=f"{title} {step.file}", rate=rate)

        yield tell


def _tell_report(report: Any, as_json: bool, proposals: dict[str, str] | None = None) -> None:
    from msgspec import to_builtins

    if as_json:
        answer = {"files": to_builtins(report.files), "entities": report.entities, "values": report.values}
        print(json.dumps({**answer, "proposals": proposals or {}}, ensure_ascii=False))
    else:
        for file in report.files:
            if file.refused is not None:
                err.print(f"{file.file}: {file.refused}", style="red", markup=False)
                continue
            counts = f"{file.entities:,} documents, {file.values:,} values"
            counts += f", {file.rejected:,} refused" if file.rejected else ""
            counts += f", {file.repairs:,} mended" if file.repairs else ""
            out.print(f"{file.file} ({file.kind}): {counts}", markup=False)
            for trouble in [*file.problems, *file.mended][:20]:
                mend = f" ({trouble.mend})" if trouble.mend else ""
                err.print(f"  {trouble.where}: {trouble.what}{mend}", markup=False)
    if not report.is_clean:
        raise typer.Exit(DATA_FAULTS)
