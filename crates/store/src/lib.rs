//! Everything that touches the database: the store trait, SQLite, migrations, the conformance suite.
