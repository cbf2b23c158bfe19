-- The database's clock: leases and times never use a worker's.
SELECT strftime('%Y-%m-%d %H:%M:%f', 'now')
