-- Whether somebody else has triggers here, which have to work whatever this program writes.
SELECT EXISTS (
    SELECT 1 FROM sqlite_schema
    WHERE type = 'trigger' AND name NOT IN ('crew_counts_insert', 'crew_counts_delete', 'crew_counts_update')
)
