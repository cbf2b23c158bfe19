UPDATE crew_signals SET open = 0 WHERE name = ?1
