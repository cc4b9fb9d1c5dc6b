//! The tables of the store, and the migrations that lead to them.

use rusqlite::Connection;

/// Marks a file as a store of `whk serve`: the bytes `whkS`.
pub(super) const APPLICATION_ID: i32 = 0x7768_6b53;

/// The statements that lead from each version of the schema to the next; `user_version` counts those that were run.
/// Released ones never change: a new version is a new entry.
const MIGRATIONS: [&str; 2] = [
    // Times are in milliseconds since 1970. The states are those of `DeliveryState::number`. A row of `delivery` that
    // ended stays as the log; the partial index keeps the search for what is due as short as the list of that.
    "CREATE TABLE setting (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE webhook (
        row INTEGER PRIMARY KEY AUTOINCREMENT,
        id TEXT NOT NULL UNIQUE,
        provider TEXT NOT NULL,
        account TEXT NOT NULL,
        url TEXT NOT NULL,
        secret TEXT NOT NULL,
        events TEXT NOT NULL,
        enabled INTEGER NOT NULL,
        details TEXT NOT NULL,
        successes INTEGER NOT NULL DEFAULT 0,
        failures INTEGER NOT NULL DEFAULT 0,
        failures_in_a_row INTEGER NOT NULL DEFAULT 0,
        last_attempt_at INTEGER,
        last_success_at INTEGER,
        last_failure_at INTEGER,
        created_at INTEGER NOT NULL,
        updated_at INTEGER NOT NULL
    );
    CREATE INDEX webhook_of_account ON webhook (provider, account, row);
    CREATE TABLE message (
        row INTEGER PRIMARY KEY AUTOINCREMENT,
        provider TEXT NOT NULL,
        event_type TEXT NOT NULL,
        event_id TEXT NOT NULL,
        headers TEXT NOT NULL,
        body BLOB NOT NULL,
        created_at INTEGER NOT NULL
    );
    CREATE TABLE delivery (
        row INTEGER PRIMARY KEY AUTOINCREMENT,
        webhook INTEGER NOT NULL,
        message INTEGER NOT NULL,
        event_id TEXT,
        state INTEGER NOT NULL,
        attempts INTEGER NOT NULL DEFAULT 0,
        wait_ms INTEGER NOT NULL DEFAULT 0,
        possibly_received INTEGER NOT NULL DEFAULT 0,
        due_at INTEGER NOT NULL,
        status INTEGER,
        error TEXT,
        duration_us INTEGER,
        created_at INTEGER NOT NULL,
        updated_at INTEGER NOT NULL
    );
    CREATE INDEX delivery_of_webhook ON delivery (webhook, row);
    CREATE INDEX delivery_due ON delivery (webhook, due_at) WHERE state = 0;
    CREATE INDEX delivery_in_flight ON delivery (row) WHERE state = 1;
    CREATE TABLE attempt (
        row INTEGER PRIMARY KEY AUTOINCREMENT,
        delivery INTEGER NOT NULL,
        webhook INTEGER NOT NULL,
        number INTEGER NOT NULL,
        at INTEGER NOT NULL,
        succeeded INTEGER NOT NULL,
        status INTEGER,
        error TEXT,
        duration_us INTEGER NOT NULL,
        next_at INTEGER,
        headers TEXT NOT NULL,
        response BLOB
    );
    CREATE INDEX attempt_of_webhook ON attempt (webhook, row);
    CREATE INDEX attempt_of_delivery ON attempt (delivery, row);",
    // Messages that no delivery needs any more are removed.
    "CREATE INDEX delivery_of_message ON delivery (message);",
];

/// The reason why a file cannot be used as a store.
#[derive(Debug)]
pub(super) enum SchemaError {
    /// It is a database of something else.
    Foreign,
    /// It was written by a newer version of `whk`.
    Newer,
    /// The database reported an error.
    Database(rusqlite::Error),
}

impl From<rusqlite::Error> for SchemaError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Database(error)
    }
}

/// Runs the migrations that the file has not seen, each with its version in one transaction.
pub(super) fn migrate(connection: &mut Connection) -> Result<(), SchemaError> {
    let pragma = |connection: &Connection, name: &str| connection.pragma_query_value(None, name, |row| row.get(0));
    let version: i64 = pragma(connection, "user_version")?;
    let id: i64 = pragma(connection, "application_id")?;
    let tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if id != i64::from(APPLICATION_ID) && (tables > 0 || version > 0) {
        return Err(SchemaError::Foreign);
    }
    let done = usize::try_from(version).unwrap_or(usize::MAX);
    if done > MIGRATIONS.len() {
        return Err(SchemaError::Newer);
    }
    for (index, statements) in MIGRATIONS.iter().enumerate().skip(done) {
        let transaction = connection.transaction()?;
        transaction.execute_batch(statements)?;
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        transaction.pragma_update(None, "user_version", i64::try_from(index).unwrap_or(i64::MAX) + 1)?;
        transaction.commit()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file as an earlier version left it, which knew this many migrations.
    fn earlier(known: usize) -> Connection {
        let connection = Connection::open_in_memory().unwrap();
        for statements in &MIGRATIONS[..known] {
            connection.execute_batch(statements).unwrap();
        }
        connection.pragma_update(None, "application_id", APPLICATION_ID).unwrap();
        connection.pragma_update(None, "user_version", i64::try_from(known).unwrap()).unwrap();
        connection
    }

    fn version(connection: &Connection) -> usize {
        connection.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap()
    }

    #[test]
    fn a_file_of_each_earlier_version_keeps_its_rows() {
        for known in 1..=MIGRATIONS.len() {
            let mut connection = earlier(known);
            connection
                .execute_batch(
                    "INSERT INTO setting VALUES ('api_key', 'k');
                    INSERT INTO message VALUES (7, 'selfmx', 'opened', 'evt_1', '[]', x'7b7d', 1);
                    INSERT INTO delivery (row, webhook, message, state, due_at, created_at, updated_at)
                        VALUES (9, 1, 7, 0, 5, 1, 1);",
                )
                .unwrap();
            migrate(&mut connection).unwrap();
            assert_eq!(version(&connection), MIGRATIONS.len(), "from version {known}");
            let read = |row: &rusqlite::Row<'_>| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?));
            let kept = connection.query_row("SELECT row, message FROM delivery", [], read);
            assert_eq!(kept.unwrap(), (9, 7));
            migrate(&mut connection).unwrap();
        }
    }

    #[test]
    fn a_newer_version_and_other_databases_are_left_alone() {
        let mut connection = earlier(MIGRATIONS.len());
        connection.pragma_update(None, "user_version", i64::try_from(MIGRATIONS.len()).unwrap() + 1).unwrap();
        assert!(matches!(migrate(&mut connection), Err(SchemaError::Newer)));
        let mut connection = Connection::open_in_memory().unwrap();
        connection.execute_batch("CREATE TABLE other (a)").unwrap();
        assert!(matches!(migrate(&mut connection), Err(SchemaError::Foreign)));
        assert_eq!(version(&connection), 0);
    }
}
