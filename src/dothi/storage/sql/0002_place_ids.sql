-- The id of a place tells entity and attribute, so that most searches need no more than the nodes of the tree:
-- id = entity * 2^32 + attribute * 2^8 + its place in the entity. (Columns with a + are a look into another table each.)
CREATE VIRTUAL TABLE place_by_id USING rtree (id, west, east, south, north, +lon REAL, +lat REAL);
INSERT INTO place_by_id SELECT (entity << 32) + (attribute << 8) + id % 256, west, east, south, north, lon, lat FROM place;
DROP TABLE place;
ALTER TABLE place_by_id RENAME TO place;
