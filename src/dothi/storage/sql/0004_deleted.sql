-- Entities that are gone but have a past, for temporal queries.
CREATE INDEX IF NOT EXISTS entity_deleted ON entity (deleted) WHERE deleted IS NOT NULL;
