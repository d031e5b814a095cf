"""An active @context: names to IRIs and IRIs to names, each known one at the cost of a dictionary look-up."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Any, Final, NamedTuple

from pyld import ContextResolver, jsonld

from dothi.model.context_parts import NOT_KNOWN, gather
from dothi.model.errors import BadRequestData
from dothi.model.packaged import CORE, DEFAULT_VOCAB, core_terms, is_core, packaged

MAX_NAME: Final = 1024

#: How many names beyond its own terms a context remembers in each direction; a full memory is emptied.
_REMEMBERED: Final = 4096

#: What may not stand in a name or IRI: clause 4.6.2 and RFC 3987 (control characters, spaces, <>"{}|\^`, surrogates).
_FORBIDDEN = re.compile(r"[\x00-\x20\x7f-\x9f\s<>\"{}|\\^`\ud800-\udfff]")
_ABSOLUTE = re.compile(r"[A-Za-z][A-Za-z0-9+,\-.]*:\S*", re.ASCII)
_KEYWORD_LIKE = re.compile(r"@[A-Za-z]+", re.ASCII)
_IRI_FORM = re.compile(r".*((:[^:])|/)", re.DOTALL)
_KEYWORDS: Final = frozenset(jsonld.KEYWORDS)

#: The containers in the order in which JSON-LD prefers a term for an object without @id (JSON-LD API 4.3, 4.5).
_CONTAINERS: Final = {
    container: rank
    for rank, container in enumerate(("@id", "@id@set", "@type", "@set@type", "@set", "@none", "@index", "@index@set"))
}
_LAST_CHOICE: Final = 1000


class Definition(NamedTuple):
    """What a term means: `iri` is None for a term mapped to null, `rank` orders terms of one IRI (None: never chosen),
    `prefix` says that the term may begin a compact IRI."""

    iri: str | None
    rank: int | None
    prefix: bool


class _Memory(dict[str, str]):
    """Answers by name; works out and keeps those it has not met."""

    __slots__ = ("_limit", "_work_out")

    def __init__(self, work_out: Callable[[str], str], own: int) -> None:
        self._work_out = work_out
        self._limit = own + _REMEMBERED

    def __missing__(self, name: str) -> str:
        answer = self._work_out(name)
        if len(self) >= self._limit:
            self.clear()
        self[name] = answer
        return answer


class Context:
    """The meaning of names in one request.

    `expand(name)` gives the IRI of an attribute or type name: a term, a compact IRI, or a full IRI, which stays; any
    other name is put behind `vocab`. Raises BadRequestData for names that can be none. `compact(iri)` gives the name
    back: the term that JSON-LD compaction would choose for an attribute or type, else the shortest compact IRI, else
    the IRI itself; `expand(compact(iri)) == iri`, unless a prefix of the context hides the IRI's own scheme.

    `source` is the context as it was asked for: the address for a Link header, or an array or object. `member` is the
    value for "@context" in a JSON-LD body: the source, and the core context after it where it has not got that itself.
    """

    __slots__ = ("_definitions", "_prefixes", "_terms", "compact", "expand", "member", "source", "vocab")

    expand: Callable[[str], str]
    compact: Callable[[str], str]

    def __init__(self, definitions: Mapping[str, Definition], vocab: str, source: Any, has_core: bool = False) -> None:
        self.source = source
        self.member = source if has_core else _with_core(source)
        self.vocab = vocab
        self._definitions = definitions
        self._terms = _best_terms(definitions)
        self._prefixes = _prefixes(definitions)
        self.expand = _Memory(self._expand, len(definitions)).__getitem__
        self.compact = _Memory(self._compact, len(definitions)).__getitem__

    def __repr__(self) -> str:
        return f"Context({self.source!r})"

    def __len__(self) -> int:
        """How many terms it has, those of the core context included."""
        return len(self._definitions)

    def _expand(self, name: str) -> str:
        _check_name(name)
        iri = self._meaning(name)
        if iri in _KEYWORDS:
            raise BadRequestData(f"{name!r} stands for {iri} in this @context, so it names no attribute or type.")
        bad = _FORBIDDEN.search(iri)
        if bad:
            raise BadRequestData(f"{name!r} expands to {iri!r}, which is no IRI: it has {bad[0]!r} in it.")
        return iri

    def _meaning(self, name: str) -> str:
        """IRI expansion of JSON-LD API 5.2 for vocabulary terms."""
        definition = self._definitions.get(name)
        if definition is not None:
            if definition.iri is None:
                raise BadRequestData(f"The @context maps {name!r} to null: give it an IRI, or leave the attribute out.")
            return definition.iri
        if name in _KEYWORDS:
            return name
        prefix, colon, suffix = name.partition(":")
        if colon and prefix:
            if prefix == "_":
                raise BadRequestData(f"{name!r} is a blank node, which names no attribute or type.")
            if suffix.startswith("//"):
                return name
            start = self._definitions.get(prefix)
            if start is not None and start.prefix and start.iri is not None:
                return start.iri + suffix
            if _ABSOLUTE.fullmatch(name):
                return name
        return self.vocab + name

    def _compact(self, iri: str) -> str:
        term = self._terms.get(iri)
        if term is not None:
            return term
        suffix = iri[len(self.vocab) :] if iri.startswith(self.vocab) else ""
        if suffix and suffix not in self._definitions and self._means(suffix, iri):
            return suffix
        candidates = [name for name in self._compact_iris(iri) if self._means(name, iri)]
        return min(candidates, key=lambda name: (len(name), name), default=iri)

    def _compact_iris(self, iri: str) -> Iterable[str]:
        for end in range(1, len(iri)):
            for term in self._prefixes.get(iri[:end], ()):
                name = f"{term}:{iri[end:]}"
                if name not in self._definitions:
                    yield name

    def _means(self, name: str, iri: str) -> bool:
        try:
            return self._expand(name) == iri
        except BadRequestData:
            return False


@cache
def core_context() -> Context:
    """The newest core context alone, which is what a request without @context means."""
    return Context(_core_definitions(), DEFAULT_VOCAB, CORE)


def packaged_context(address: str) -> Context | None:
    """The context of an address that dothi knows without the network, else None."""
    if is_core(address):
        return core_context() if address == CORE else parse([core_terms(address)], address)
    if packaged(address) is None:
        return None
    parts = gather(address, packaged_documents)
    return parse(parts.objects, address, parts.has_core)


def packaged_documents(address: str) -> Any:
    """The packaged documents as `context_parts.Documents`."""
    document = packaged(address)
    return NOT_KNOWN if document is None else document["@context"]


def parse(objects: Iterable[dict[str, Any] | None], source: Any, has_core: bool = False) -> Context:
    """The active context of plain context objects (see context_parts.gather), the core context last (4.4, 5.2.3).

    The terms of the core context always win; its @vocab only stands in where the objects have none (clause 5.5.7).
    `has_core` says that the objects hold the core context already.
    Raises BadRequestData for what is no JSON-LD context.
    """
    definitions, vocab = _process(objects)
    if vocab is not None and (not _ABSOLUTE.fullmatch(vocab) or _FORBIDDEN.search(vocab)):
        raise BadRequestData(f"@vocab in the @context is {vocab!r}, which is no IRI.")
    return Context(definitions | _core_definitions(), vocab or DEFAULT_VOCAB, source, has_core)


@cache
def _core_definitions() -> dict[str, Definition]:
    return _process([core_terms()])[0]


def _process(objects: Iterable[dict[str, Any] | None]) -> tuple[dict[str, Definition], str | None]:
    processor = jsonld.JsonLdProcessor()
    options = {"processingMode": "json-ld-1.1", "contextResolver": ContextResolver({}, _refuse_to_load)}
    start = processor.process_context({}, None, options)
    active = start
    as_written: dict[str, Any] = {}
    for part in objects:
        if part is None:
            active, as_written = start, {}
            continue
        plain, held = _digestible(part, active)
        try:
            active = processor.process_context(active, plain, options)
        except jsonld.JsonLdError as error:
            raise BadRequestData(_fault(error)) from None
        except (KeyError, TypeError, ValueError, AttributeError, IndexError, RecursionError) as error:
            raise BadRequestData(f"The @context cannot be processed: {type(error).__name__} {error}.") from None
        as_written |= held
    definitions = {term: _definition(mapping) for term, mapping in active["mappings"].items()}
    vocab = active.get("@vocab")
    return _with_iri_forms(definitions, as_written, vocab or DEFAULT_VOCAB), vocab


def _digestible(part: dict[str, Any], active: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """What PyLD is given of a context object, and the terms in the form of an IRI, which are taken as written.

    JSON-LD refuses a whole context for a term such as open311:type that does not expand to itself; the Smart Data
    Models have such. Scoped contexts are left out: they do not touch the names of attributes and types.
    """
    plain: dict[str, Any] = {}
    held: dict[str, Any] = {}
    for term, value in part.items():
        if term in ("@vocab", "@language", "@direction") and value is None and term not in active:
            continue
        target = value.get("@id", value.get("@reverse")) if isinstance(value, dict) else value
        if _keyword_like(term) or (isinstance(target, str) and _keyword_like(target)):
            continue
        if isinstance(value, dict) and "@context" in value:
            value = {key: member for key, member in value.items() if key != "@context"}
        (held if _IRI_FORM.match(term) else plain)[term] = value
    return plain, held


def _keyword_like(text: str) -> bool:
    """JSON-LD keeps names such as @foo for its future and ignores them."""
    return _KEYWORD_LIKE.fullmatch(text) is not None and text not in _KEYWORDS


def _with_iri_forms(definitions: dict[str, Definition], held: Mapping[str, Any], vocab: str) -> dict[str, Definition]:
    if not held:
        return definitions
    names = Context(definitions, vocab, None)
    for term, value in held.items():
        members = value if isinstance(value, dict) else {"@id": value}
        target = members.get("@id", members.get("@reverse", term))
        if target is not None and not isinstance(target, str):
            raise BadRequestData(f"The @context gives {term!r} no IRI but {target!r}.")
        iri = names.expand(target) if target is not None else None
        containers = members.get("@container", "@none")
        mapping = {"@id": iri, "reverse": "@reverse" in members, "_prefix": False} | {
            key: members[key] for key in ("@type", "@language", "@direction") if key in members
        }
        mapping["@container"] = containers if isinstance(containers, list) else [str(containers)]
        definitions[term] = _definition(mapping)
    return definitions


def _definition(mapping: Mapping[str, Any]) -> Definition:
    """The part of a PyLD term definition that names depend on."""
    if not mapping["@id"] or mapping["reverse"]:
        return Definition(mapping["@id"], None, mapping["_prefix"])
    container = _CONTAINERS.get("".join(sorted(mapping.get("@container", ("@none",)))))
    if mapping.get("@type") == "@id":
        preference = 0
    elif mapping.get("@type", "@none") == "@none" and "@language" not in mapping and "@direction" not in mapping:
        preference = 1
    else:
        container, preference = None, 0
    rank = _LAST_CHOICE if container is None else 2 * container + preference
    return Definition(mapping["@id"], rank, mapping["_prefix"])


def _best_terms(definitions: Mapping[str, Definition]) -> dict[str, str]:
    """IRI -> the term for it: best rank, then shortest, then least (inverse context creation, JSON-LD API 4.3)."""
    best: dict[str, tuple[int, int, str]] = {}
    for term, (iri, rank, _) in definitions.items():
        if iri is None or rank is None or _FORBIDDEN.search(term) or len(term) > MAX_NAME:
            continue
        candidate = (rank, len(term), term)
        if iri not in best or candidate < best[iri]:
            best[iri] = candidate
    return {iri: term for iri, (_, _, term) in best.items()}


def _prefixes(definitions: Mapping[str, Definition]) -> dict[str, list[str]]:
    """IRI -> the terms that may stand for it at the beginning of a compact IRI."""
    prefixes: dict[str, list[str]] = {}
    for term, (iri, _, prefix) in definitions.items():
        if prefix and iri and ":" not in term:
            prefixes.setdefault(iri, []).append(term)
    return prefixes


def _check_name(name: str) -> None:
    if not name:
        raise BadRequestData("A name is empty: give the attribute or type a name.")
    if len(name) > MAX_NAME:
        raise BadRequestData(f"The name {name[:40]!r}... has {len(name)} characters; {MAX_NAME} are possible.")
    bad = _FORBIDDEN.search(name)
    if bad:
        raise BadRequestData(
            f'The name {name!r} has {bad[0]!r} in it: control characters, spaces and <>"{{}}|\\^` are not possible.'
        )
    if _keyword_like(name):
        raise BadRequestData(f"The name {name!r} looks like a JSON-LD keyword: leave the @ out.")


def _with_core(source: Any) -> Any:
    parts = source if isinstance(source, list) else [source]
    if any(isinstance(part, str) and is_core(part) for part in parts):
        return source
    return [*parts, CORE]


def _fault(error: Any) -> str:
    """What is wrong with a context in the words of JSON-LD, with the term where PyLD names it."""
    details = error.details or {}
    place = f" at {details['term']!r}" if "term" in details else ""
    return f"The @context is no JSON-LD context: {error.code or error.type}{place}. {error.args[0]}"


def _refuse_to_load(url: str, options: Any) -> Any:
    raise ValueError(f"{url} stands where an address is not followed")
