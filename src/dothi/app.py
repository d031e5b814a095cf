"""Puts the house together: settings -> stores -> brokers -> connectors -> HTTP; starts it and stops it."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from dothi.api.exchange import PREFIX, Limits
from dothi.api.operations import CityFacts, http_problem, operations_api
from dothi.api.remote_notices import remote_notices_route
from dothi.api.rules_desk import RuleDesk
from dothi.api.server import ngsi_ld_routes
from dothi.api.token import TokenGuard
from dothi.automation.alarms.alarm import Severity
from dothi.automation.alarms.alarms import Alarms
from dothi.automation.alarms.entity import TERMS as ALARM_TERMS
from dothi.automation.alarms.people import Channel, Message, People, Quiet
from dothi.automation.derive import Derivation
from dothi.automation.incidents.entity import TERMS as INCIDENT_TERMS
from dothi.automation.incidents.incidents import Incidents
from dothi.automation.procedures.definition import Text as DeskText
from dothi.automation.rules.book import Book
from dothi.automation.rules.files import take, texts_in
from dothi.automation.rules.hands import hands
from dothi.automation.rules.live import LiveRules
from dothi.automation.rules.report import RealIncident
from dothi.automation.shifts.desk import TERMS as DESK_TERMS
from dothi.automation.shifts.desk import ShiftDesk
from dothi.broker.background import Background
from dothi.broker.batch import Batches
from dothi.broker.broker import Broker, alias_of
from dothi.broker.clock import wall_clock
from dothi.broker.consume import Consume
from dothi.broker.contexts import Bounds, Contexts
from dothi.broker.dead_letters import DeadLetters
from dothi.broker.delivery import Terms
from dothi.broker.expiry import Expiry
from dothi.broker.federation.federation import Federation
from dothi.broker.ingest import Ingest
from dothi.broker.outside import Guard, Outside
from dothi.broker.provision import Provision
from dothi.broker.registrations import Registrations
from dothi.broker.remote_subscriptions import RemoteSubscriptions
from dothi.broker.snapshots import Snapshots
from dothi.broker.source_subscriptions import SourceSubscriptions
from dothi.broker.subscriptions import Subscriptions
from dothi.broker.tenants import FOLDER as TENANTS
from dothi.broker.tenants import Tenants
from dothi.city.module import CityModule, Text, load_modules
from dothi.connectors.http_poll import PollSource
from dothi.connectors.mqtt import MqttSource, Subscription
from dothi.connectors.supervisor import Connectors, Runner, Source
from dothi.connectors.uptime import Uptime
from dothi.settings import Settings
from dothi.storage.sqlite import SqliteStore
from dothi.web.features import layer_views
from dothi.web.live import LiveMap
from dothi.web.pages import web_routes
from dothi.web.vocabulary import vocabulary_of

#: The address under which the city's own @context is known without the network.
OWN_CONTEXT = "https://dothi.dev/context/v1.jsonld"
SMART_DATA_MODELS = "https://smartdatamodels.org/context.jsonld"

STATIC = Path(str(files("dothi.web") / "static"))

#: Lifespan state: called by the server before it waits for open answers, since live streams never end by themselves.
END_STREAMS = "end_streams"


class FolderInUse(Exception):
    """Another process has the folder open; two writers would harm each other."""


@dataclass(frozen=True, slots=True)
class City:
    """An open city: every tenant's broker, the connectors, and what the modules declare."""

    settings: Settings
    tenants: Tenants
    modules: Sequence[CityModule]
    connectors: Connectors
    alarms: Alarms
    people: People
    desk: ShiftDesk
    book: Book
    rules: LiveRules
    uptime: Uptime
    watching: Background


#: A connector that does not come from the settings: made once the city is open (the demo city's live change).
MakeRunner = Callable[[Connectors], Runner]


@asynccontextmanager
async def open_city(
    settings: Settings, runners: Sequence[MakeRunner] = (), extra: Sequence[CityModule] = ()
) -> AsyncIterator[City]:
    """Open the folder of the settings as a city and close it at the end; `extra` modules come beside the installed.

    Raises FolderInUse, ValueError.
    """
    folder = settings.storage.folder
    async with AsyncExitStack() as stack:
        stack.enter_context(locked(folder))
        guard = Guard(settings.network.allow)
        outside = await stack.enter_async_context(Outside(guard, deadline=settings.network.context_deadline_s))
        modules = [*load_modules(), *extra]
        tenants = await Tenants.open(folder, broker_opener(settings, outside, modules), settings.server.max_tenants)
        stack.push_async_callback(tenants.close)
        feeds = {f"{module.name}.{feed.name}": feed.decode for module in modules for feed in module.feeds}
        connectors = Connectors(sources(settings), tenants.default.ingest, outside, feeds)
        for make in runners:
            connectors.add(make(connectors))
        people = People(channels(settings))
        alarms = await stack.enter_async_context(watched_alarms(tenants.default, modules, people))
        desk = await stack.enter_async_context(watched_desk(tenants.default, alarms, people, folder / "procedures"))
        uptime = Uptime(connectors.health, wall_clock)
        watching = Background()
        watching.start("uptime", uptime.run)
        stack.push_async_callback(watching.stop)
        book, rules = await stack.enter_async_context(
            working_rules(tenants.default, modules, folder / "rules", alarms, people, desk, outside)
        )
        yield City(settings, tenants, modules, connectors, alarms, people, desk, book, rules, uptime, watching)


@asynccontextmanager
async def watched_alarms(broker: Broker, modules: Sequence[CityModule], people: People) -> AsyncIterator[Alarms]:
    """The alarms of the default tenant, woken and written in the background, and told to people."""
    kinds = [kind for module in modules for kind in module.types]
    units = {(kind.name, each.name): each.unit for kind in kinds for each in kind.attributes if each.unit}
    names = vocabulary_of(modules, await broker.contexts.resolve(OWN_CONTEXT))
    alarms = Alarms(broker.store, names, units=units)
    await alarms.open()
    background = Background()
    background.start("alarms", alarms.run)
    background.start("people", people.run)
    alarms.subscribe(people.hear)
    try:
        yield alarms
    finally:
        await background.stop()
        alarms.close()
        people.close()


@asynccontextmanager
async def watched_desk(broker: Broker, alarms: Alarms, people: People, procedures: Path) -> AsyncIterator[ShiftDesk]:
    """The shift desk of the default tenant, whose clocks and escalation run in the background."""

    def tell(names: Sequence[str], title: DeskText, severity: Severity) -> None:
        people.tell(Message(severity, {"vi": title.vi, "en": title.en}, {"vi": "", "en": ""}), names)

    desk = ShiftDesk(broker.store, alarms, tell)
    await desk.open(procedures)
    background = Background()
    background.start("procedures", desk.runs.run)
    background.start("escalation", desk.escalation.run)
    try:
        yield desk
    finally:
        await background.stop()


@asynccontextmanager
async def working_rules(
    broker: Broker,
    modules: Sequence[CityModule],
    folder: Path,
    alarms: Alarms,
    people: People,
    desk: ShiftDesk,
    outside: Outside,
) -> AsyncIterator[tuple[Book, LiveRules]]:
    """The rules of the default tenant with those of the files in `folder`, at work in the background."""
    names = vocabulary_of(modules, await broker.contexts.resolve(OWN_CONTEXT))
    book = Book(broker.store)
    await book.open()
    await take(book, texts_in(folder), wall_clock())
    rules = LiveRules(broker.store, book, names.iris, hands(broker.store, names, alarms, people, desk.runs, outside))
    background = Background()
    background.start("rules", rules.run)
    try:
        yield book, rules
    finally:
        await background.stop()


async def real_incidents(incidents: Incidents, alarms: Alarms) -> list[RealIncident]:
    """What a back-test is compared with: the incidents that people opened, and the entities that they were about."""
    found = []
    for one in await incidents.all():
        members = alarms.board.some(one.alarms)
        sources = frozenset(alarm.source for alarm in members if alarm.source is not None)
        found.append(RealIncident(one.id, one.opened_at, one.closed_at, sources))
    return found


def channels(settings: Settings) -> list[Channel]:
    """The ways to people that the settings declare."""
    return [
        Channel(
            one.name, tuple(one.urls), one.severity, None if one.quiet is None else Quiet.parse(one.quiet), one.language
        )
        for one in settings.people
    ]


def broker_opener(
    settings: Settings, outside: Outside, modules: Sequence[CityModule]
) -> Callable[[Path], Awaitable[Broker]]:
    """How a tenant's folder becomes its broker, its followers running."""
    own = {OWN_CONTEXT: own_context(modules)}
    bounds = Bounds(deadline=settings.network.context_deadline_s)
    derive = {name: compute for module in modules for name, compute in module.derive.items()}
    terms = Terms(timeout=settings.network.notify_deadline_s, age=settings.network.notify_max_age_h * 3600)

    async def open_broker(folder: Path, snapshot: str | None = None) -> Broker:
        """The broker of a tenant, or of a snapshot of this id, whose folder lies below the tenant's."""
        store = SqliteStore(folder)
        await store.open()
        contexts = Contexts(store, outside, bounds=bounds, own=own)
        await contexts.open()
        home = folder if snapshot is None else folder.parent.parent
        tenant = unquote(home.name) if home.parent.name == TENANTS else None
        subscriptions = Subscriptions(
            store, contexts, outside, tenant=tenant, base=base(settings), terms=terms, snapshot=snapshot
        )
        await subscriptions.start()
        registrations = Registrations(store, outside, tenant=tenant, base=base(settings))
        await registrations.open()
        source_subscriptions = SourceSubscriptions(
            store, contexts, outside, registrations, tenant=tenant, base=base(settings), terms=terms
        )
        await source_subscriptions.start()
        alias, consume = await alias_of(store), Consume(store)
        federation = Federation(
            registrations,
            consume,
            contexts,
            outside,
            alias,
            deadline=settings.network.source_deadline_s,
            limit=int(settings.network.source_answer_mib * 1024 * 1024),
        )
        background = Background()
        background.start("registrations", registrations.run)
        remote_subscriptions = RemoteSubscriptions(
            store, subscriptions.notifier, federation, address=base(settings), tenant=tenant
        )
        if snapshot is None:
            background.start("remote subscriptions", remote_subscriptions.run)
        names = vocabulary_of(modules, await contexts.resolve(OWN_CONTEXT))
        background.start("expiry", Expiry(store).run)
        background.start("derive", Derivation(store, names, derive).run)
        broker = Broker(
            store=store,
            contexts=contexts,
            provision=Provision(store),
            batches=Batches(store),
            ingest=Ingest(store, contexts, OWN_CONTEXT),
            consume=consume,
            federation=federation,
            registrations=registrations,
            subscriptions=subscriptions,
            source_subscriptions=source_subscriptions,
            remote_subscriptions=remote_subscriptions,
            alias=alias,
            closers=[
                contexts.close,
                registrations.close,
                subscriptions.stop,
                source_subscriptions.stop,
                background.stop,
            ],
        )
        if snapshot is None:
            broker.snapshots = Snapshots(
                store, folder, open_broker, contexts, outside, most=settings.server.max_snapshots
            )
            await broker.snapshots.start()
            broker.closers.append(broker.snapshots.stop)
        return broker

    return open_broker


def base(settings: Settings) -> str | None:
    """The address under which the server is reached: that of the settings, else the one on this machine."""
    if settings.server.address is not None:
        return settings.server.address.rstrip("/")
    host = settings.server.host
    return f"http://{f'[{host}]' if ':' in host else host}:{settings.server.port}" if settings.server.port else None


def own_context(modules: Sequence[CityModule]) -> Mapping[str, Any]:
    """The @context of documents that come without one: Smart Data Models, and over them what the modules declare."""
    terms: dict[str, str] = {**ALARM_TERMS, **INCIDENT_TERMS, **DESK_TERMS}
    for module in modules:
        terms.update(module.terms)
        terms.update({type.name: type.iri for type in module.types})
    return {"@context": [SMART_DATA_MODELS, terms]}


def sources(settings: Settings) -> list[Source]:
    """What the settings want listened to and polled."""
    listened: list[Source] = [
        MqttSource(
            **{
                **one.model_dump(exclude={"topics"}),
                "topics": tuple(Subscription(**t.model_dump()) for t in one.topics),
            }
        )
        for one in settings.mqtt
    ]
    return listened + [PollSource(**one.model_dump()) for one in settings.poll]


def http_app(
    settings: Settings,
    *,
    demo: bool = False,
    runners: Sequence[MakeRunner] = (),
    extra: Sequence[CityModule] = (),
) -> ASGIApp:
    """The ASGI application of a city: it opens the city at startup and closes it at shutdown."""
    door = Door()

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[dict[str, Any]]:
        async with open_city(settings, runners, extra) as city:
            streams = ExitStack()
            app.router.routes.extend(await city_routes(city, demo, streams))
            connecting = asyncio.ensure_future(city.connectors.run())
            limits = Limits(
                body=int(settings.server.max_body_mib * 1024 * 1024),
                page=settings.server.max_page,
                instances=settings.server.max_instances,
            )
            (route,) = ngsi_ld_routes(city.tenants, limits)
            door.ngsi_ld = route.handle
            try:
                yield {END_STREAMS: streams.close}
            finally:
                streams.close()
                door.ngsi_ld = None
                connecting.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await connecting

    async def live(request: Request) -> Response:
        return JSONResponse({"status": "live"})

    async def ready(request: Request) -> Response:
        is_open = door.ngsi_ld is not None
        return JSONResponse({"status": "ready" if is_open else "starting"}, 200 if is_open else 503)

    door.pages = Starlette(
        routes=[Route("/health/live", live), Route("/health/ready", ready)],
        exception_handlers={HTTPException: http_problem},
        lifespan=lifespan,
    )
    return door if settings.server.token is None else TokenGuard(door, settings.server.token)


class Door:
    """Sends the standard's API straight to its handlers, everything else through Starlette.

    The API turns its own errors into answers, so a framework's layers around it would only cost: 10 µs a request.
    """

    ngsi_ld: ASGIApp | None = None
    pages: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self.ngsi_ld is not None and scope["type"] == "http" and scope["path"].startswith(PREFIX + "/"):
            await self.ngsi_ld(scope, receive, send)
        else:
            await self.pages(scope, receive, send)


async def city_routes(city: City, demo: bool, streams: ExitStack) -> list[BaseRoute]:
    """Every route of an open city but the standard's API; what ends its endless answers is left in `streams`."""
    settings, broker = city.settings, city.tenants.default
    vocabulary = vocabulary_of(city.modules, await broker.contexts.resolve(OWN_CONTEXT))
    views = layer_views(city.modules, vocabulary)
    live = LiveMap(broker.store, views, now=wall_clock)
    streams.callback(live.close)
    streams.callback(city.alarms.close)
    city.watching.start("live map", live.preload)
    facts = CityFacts(
        name=Text(settings.city.name_vi, settings.city.name_en),
        center=settings.city.center,
        zoom=settings.city.zoom,
        bounds=settings.city.bounds,
        demo=demo,
        version=version("dothi"),
    )
    operations = operations_api(
        facts,
        broker.store,
        city.modules,
        vocabulary,
        live,
        connectors=city.connectors.health,
        dead_letters=DeadLetters(broker.subscriptions, broker.source_subscriptions),
        alarms=city.alarms,
        people=city.people,
        rules=RuleDesk(
            broker.store,
            city.book,
            city.rules,
            city.modules,
            vocabulary,
            people=lambda: city.people.names,
            procedures=lambda: [procedure.id for procedure in city.desk.books.find()],
            incidents=partial(real_incidents, Incidents(broker.store, vocabulary), city.alarms),
        ),
        desk=city.desk,
        uptime=city.uptime,
    )
    remote = remote_notices_route(city.tenants, int(settings.server.max_body_mib * 1024 * 1024))
    return [Mount("/api", operations), remote, *web_routes(STATIC)]


@contextlib.contextmanager
def locked(folder: Path) -> Any:
    """Hold the folder for this process alone."""
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o644)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.read(descriptor, 20).decode() or "?"
            raise FolderInUse(f"{folder} is open in another dothi (process {holder}); stop it first") from error
        os.ftruncate(descriptor, 0)
        os.write(descriptor, str(os.getpid()).encode())
        yield
    finally:
        os.close(descriptor)
