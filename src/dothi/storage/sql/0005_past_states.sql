-- States of the past: how chunks lie in time is read from the index alone, without touching their blobs.
CREATE INDEX chunk_span ON chunk (series, "end", start, points);
DROP INDEX chunk_series;
-- Lives that entities had before they were created again; the last life stands in `entity`.
CREATE TABLE life (
  entity  INTEGER NOT NULL,
  created INTEGER NOT NULL,
  deleted INTEGER NOT NULL
);
CREATE INDEX life_entity ON life (entity);
