-- The first layout of a city's file. Names of attributes and types are kept once, in `name`, and referred to by number.

CREATE TABLE name (
  n   INTEGER PRIMARY KEY,
  iri TEXT NOT NULL UNIQUE
);

-- The state. `types` is a JSON array of name numbers in the order given, `scopes` a JSON array of texts or NULL.
-- `doc` is a JSON object: "<name number>" -> attribute instance or array of instances (model.entity.Instance: reserved
-- members by their names, sub-attributes by their IRI, createdAt and modifiedAt in microseconds). NULL once deleted:
-- the row stays, since history and a later re-creation share its number.
CREATE TABLE entity (
  n        INTEGER PRIMARY KEY,
  id       TEXT NOT NULL UNIQUE,
  types    TEXT NOT NULL,
  scopes   TEXT,
  created  INTEGER NOT NULL,
  modified INTEGER NOT NULL,
  expires  INTEGER,
  deleted  INTEGER,
  doc      TEXT
);

-- Living entities by type; a row for each type of a multi-type entity.
CREATE TABLE entity_type (
  type   INTEGER NOT NULL,
  entity INTEGER NOT NULL,
  PRIMARY KEY (type, entity)
) WITHOUT ROWID;

CREATE INDEX entity_expires ON entity (expires) WHERE expires IS NOT NULL;

-- Living entities by scope.
CREATE TABLE entity_scope (
  scope  TEXT NOT NULL,
  entity INTEGER NOT NULL,
  PRIMARY KEY (scope, entity)
) WITHOUT ROWID;

-- Boxes of GeoProperty values of living entities, one row per instance, id = entity * 256 + its place in the entity.
-- The box is float32 and rounds outwards; lon and lat are exact where the geometry is a Point, else NULL.
CREATE VIRTUAL TABLE place USING rtree (
  id, west, east, south, north,
  +entity INTEGER, +attribute INTEGER, +lon REAL, +lat REAL
);

-- The change log and the tail of history: one row per write to an entity. `kind`: 0 created, 1 updated, 2 deleted,
-- 3 added to the past without touching the state (not told to followers).
-- `doc` is a JSON object: "<name number>" -> instance or array of instances written; deletions are instances with
-- deletedAt. `cause` is NULL for ("api", 0), else a JSON array [by, depth].
CREATE TABLE change (
  seq    INTEGER PRIMARY KEY,
  entity INTEGER NOT NULL,
  at     INTEGER NOT NULL,
  kind   INTEGER NOT NULL,
  cause  TEXT,
  doc    TEXT NOT NULL
);
CREATE INDEX change_entity ON change (entity, seq);

-- One series per (entity, attribute, datasetId); the default instance has dataset ''.
CREATE TABLE series (
  n         INTEGER PRIMARY KEY,
  entity    INTEGER NOT NULL,
  attribute INTEGER NOT NULL,
  dataset   TEXT NOT NULL,
  UNIQUE (entity, attribute, dataset)
);

-- Sealed history: up to some thousand instances of one series, ordered by time (observedAt, else recorded).
-- count, total, low, high speak of numeric values; `points` is the number of instances.
CREATE TABLE chunk (
  n      INTEGER PRIMARY KEY,
  series INTEGER NOT NULL,
  start  INTEGER NOT NULL,
  "end"  INTEGER NOT NULL,
  points INTEGER NOT NULL,
  count  INTEGER NOT NULL,
  total  REAL,
  low    REAL,
  high   REAL,
  data   BLOB NOT NULL
);
CREATE INDEX chunk_series ON chunk (series, "end");

-- Durable documents: subscriptions, registrations, hosted contexts, cursors of followers, the outbox, dead letters.
CREATE TABLE record (
  kind TEXT NOT NULL,
  key  TEXT NOT NULL,
  doc  TEXT NOT NULL,
  PRIMARY KEY (kind, key)
) WITHOUT ROWID;
