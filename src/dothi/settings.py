"""Typed settings from dothi.toml and DOTHI__ environment variables; the environment wins."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_settings import BaseSettings, InitSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


class Section(BaseModel):
    """A table of dothi.toml; a name that it does not know is a mistake and is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Server(Section):
    host: str = Field("127.0.0.1", description="Address to listen on. Anything but loopback needs `token`.")
    port: int = Field(8090, ge=0, le=65535, description="Port to listen on; 0 takes a free one.")
    address: str | None = Field(
        None,
        pattern=r"^https?://[^\s/]+",
        description="Address under which receivers and other cities reach this server, such as "
        "https://city.example.vn; without it http://host:port.",
    )
    token: str | None = Field(
        None, min_length=16, description="API token that every call must bear: Authorization: Bearer <token>."
    )
    max_body_mib: float = Field(16, gt=0, description="Largest request body, MiB; larger ones are answered 413.")
    max_page: int = Field(1000, ge=1, description="Largest `limit` of a query.")
    max_instances: int = Field(
        10_000, ge=1, description="Most attribute instances in one temporal answer; a longer past is answered in parts."
    )
    max_tenants: int = Field(100, ge=1, description="Most tenants that may be created by NGSILD-Tenant.")
    max_snapshots: int = Field(
        20, ge=1, description="Most snapshots of a tenant; for one more, the one of the lowest priority is deleted."
    )


class Storage(Section):
    folder: Path = Field(Path("data"), description="Folder of the city's data; a new folder is a new, empty city.")


class Network(Section):
    allow: list[str] = Field(
        default_factory=list,
        description="Private hosts or networks (CIDR) that notifications, contexts and polling may call.",
    )
    context_deadline_s: float = Field(5, gt=0, description="Longest wait for an @context document, seconds.")
    notify_deadline_s: float = Field(5, gt=0, description="Longest wait for a notification's receiver, seconds.")
    notify_max_age_h: float = Field(
        24,
        gt=0,
        description="Hours for which an undelivered notification is tried again before it becomes a dead letter.",
    )
    source_deadline_s: float = Field(
        3, gt=0, description="Longest wait for a context source whose registration names no timeout, seconds."
    )
    source_answer_mib: float = Field(16, gt=0, description="Largest answer taken from a context source, MiB.")


class CityFacts(Section):
    name_vi: str = Field("Thành phố của tôi", description="Name of the city in Vietnamese.")
    name_en: str = Field("My city", description="Name of the city in English.")
    center: tuple[float, float] = Field((106.68, 11.15), description="Longitude and latitude where the map opens.")
    zoom: float = Field(9.5, ge=0, le=22, description="Zoom at which the map opens.")
    bounds: tuple[float, float, float, float] | None = Field(
        None, description="West, south, east and north of the city: the map opens on it, whatever the screen."
    )


class Mqtt(Section):
    """One MQTT broker to listen to."""

    name: str = Field(description="Name of the connector.")
    host: str = Field("127.0.0.1", description="Host of the MQTT broker.")
    port: int = Field(1883, ge=1, le=65535, description="Port of the MQTT broker.")
    tls: bool = Field(False, description="Connect by TLS (MQTTS).")
    username: str | None = Field(None, description="User name, if the broker asks.")
    password: str | None = Field(None, description="Password, if the broker asks.")
    client_id: str | None = Field(None, description="Client id; a fixed one keeps the session over restarts.")
    topics: list[Topic] = Field(description="What to subscribe to and how to read it.")


class Topic(Section):
    pattern: str = Field(description="Topic filter with + and #, for example lorawan/+/up.")
    feed: str = Field(description="How to read messages: json, smart-data-model, chirpstack, ttn or MODULE.FEED.")
    type: str | None = Field(None, description="Entity type for feeds that do not carry one.")
    id: str | None = Field(
        None, description="Entity id template with {1}, {2}... for the + of the pattern and {member} of the message."
    )
    qos: Literal[0, 1, 2] = Field(1, description="Quality of service asked for.")
    context: str | None = Field(None, description="Address of the @context for the names; default dothi's own.")


class Poll(Section):
    """One HTTP address to ask again and again."""

    name: str = Field(description="Name of the connector.")
    url: str = Field(description="http or https address.")
    feed: str = Field(description="How to read the answer: json, smart-data-model or MODULE.FEED.")
    every_s: float = Field(60, ge=1, description="Seconds between two requests.")
    type: str | None = Field(None, description="Entity type for feeds that do not carry one.")
    id: str | None = Field(None, description="Entity id template with {member} of the message.")
    headers: dict[str, str] = Field(default_factory=dict, description="Request headers to send.")
    deadline_s: float = Field(20, gt=0, description="Longest wait for an answer, seconds.")
    context: str | None = Field(None, description="Address of the @context for the names; default dothi's own.")


class Person(Section):
    """A way to people who are told of alarms."""

    name: str = Field(description="Name of the way, such as truong-ca; escalation chains name it.")
    urls: list[str] = Field(
        min_length=1,
        description="Where to send, as apprise writes it: tgram://..., zalo://..., mailto://..., json://...",
    )
    severity: Literal["critical", "major", "minor", "advisory"] = Field(
        "major", description="The least severity that they want to hear of."
    )
    quiet: str | None = Field(
        None,
        pattern=r"^([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d$",
        description="Hours in which only critical alarms may disturb, such as 22:00-06:00 (time of Vietnam).",
    )
    language: Literal["vi", "en"] = Field("vi", description="Language of the messages.")


class Settings(BaseSettings):
    """Everything that can be set. A file is one TOML table per section; DOTHI__SERVER__PORT=80 sets server.port."""

    model_config = SettingsConfigDict(
        env_prefix="DOTHI__",
        env_nested_delimiter="__",
        extra="forbid",
        frozen=True,
        nested_model_default_partial_update=True,
    )

    server: Server = Server()
    storage: Storage = Storage()
    network: Network = Network()
    city: CityFacts = CityFacts()
    mqtt: Annotated[list[Mqtt], Field(description="MQTT brokers.")] = []
    poll: Annotated[list[Poll], Field(description="HTTP addresses to poll.")] = []
    people: Annotated[list[Person], Field(description="Ways to people who are told of alarms.")] = []

    @model_validator(mode="after")
    def _guarded(self) -> Settings:
        if self.server.host not in LOOPBACK and self.server.token is None:
            raise ValueError(
                f"server.host {self.server.host!r} can be reached from outside: set server.token "
                "(16 characters or more) or listen on 127.0.0.1"
            )
        return self


class SettingsError(Exception):
    """Settings that cannot be used; the text has one line per fault with its place."""


def read_settings(file: Path | None = None, **flags: dict[str, Any]) -> Settings:
    """Settings of a TOML file (default: dothi.toml where it exists), the environment over it, flags over both.

    `flags`: section name -> settings given on the command line. Raises SettingsError naming file, setting, fault.
    """
    source = file or Path("dothi.toml")
    table: dict[str, Any] = {}
    if file is not None or source.exists():
        try:
            table = tomllib.loads(source.read_text("utf-8"))
        except OSError as error:
            raise SettingsError(f"{source}: cannot be read: {error.strerror}") from error
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise SettingsError(f"{source}: no valid TOML: {error}") from error

    class Layered(Settings):
        @classmethod
        def settings_customise_sources(
            cls,
            settings_cls: type[BaseSettings],
            init_settings: PydanticBaseSettingsSource,
            env_settings: PydanticBaseSettingsSource,
            dotenv_settings: PydanticBaseSettingsSource,
            file_secret_settings: PydanticBaseSettingsSource,
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            return init_settings, env_settings, InitSettingsSource(settings_cls, table)

    try:
        return Layered(**{name: values for name, values in flags.items() if values})  # type: ignore[arg-type]
    except ValidationError as error:
        faults = []
        for fault in error.errors():
            place = ".".join(map(str, fault["loc"]))
            where = f"{source}: {place}" if place and _stands_in(table, fault["loc"]) else place or "settings"
            faults.append(f"{where}: {fault['msg'].removeprefix('Value error, ')}")
        raise SettingsError("\n".join(faults)) from error


def _stands_in(table: Any, place: tuple[int | str, ...]) -> bool:
    """Whether the file itself has something at this place."""
    for step in place:
        try:
            table = table[step]
        except (KeyError, IndexError, TypeError):
            return False
    return True


Mqtt.model_rebuild()
