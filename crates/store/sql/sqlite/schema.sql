-- Another number after every change of the schema, whoever made it.
PRAGMA schema_version
