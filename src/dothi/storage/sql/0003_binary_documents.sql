-- entity.doc becomes JSONB, SQLite's own binary form: a search in it need not parse the text of every entity first.
-- Written by jsonb(), read by json(); the operators and functions take either.
UPDATE entity SET doc = jsonb(doc) WHERE doc IS NOT NULL;
