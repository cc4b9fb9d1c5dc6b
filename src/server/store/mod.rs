//! The store of the server: webhooks, messages, deliveries and attempts, in one file or in memory. It has one writer, the
//! engine's thread; what one turn of the engine changes is one transaction.

mod deliveries;
mod overview;
mod retention;
mod schema;
mod sent;
mod webhooks;

use std::fmt;
use std::path::Path;

use jiff::Timestamp;
use rusqlite::types::Type;
use rusqlite::{Connection, OpenFlags, OptionalExtension as _, Row, params};

use self::retention::{KEPT_IN_FILE, KEPT_IN_MEMORY};
use self::schema::SchemaError;
use crate::error::{Error, ErrorKind, Result};
use crate::fs::private_options;

/// An open store.
pub(super) struct Store {
    connection: Connection,
    /// True between the first change and [`Store::commit`].
    in_transaction: bool,
    /// Number of deliveries that are kept, besides those that wait.
    kept: i64,
    /// The reason why a change of the present transaction could not be made: then none of them is.
    failure: Option<Error>,
}

/// A path is a path, also if it reads as a URI; one thread alone uses the connection.
const FLAGS: OpenFlags = OpenFlags::SQLITE_OPEN_READ_WRITE.union(OpenFlags::SQLITE_OPEN_NO_MUTEX);

/// Number of prepared statements that are kept: more than there are.
const KEPT_STATEMENTS: usize = 64;

impl Store {
    /// Makes a store in memory, which ends with the process.
    pub(super) fn in_memory() -> Result<Self> {
        let connection = Connection::open_in_memory().map_err(|error| store_error(&error))?;
        Self::prepare(connection, KEPT_IN_MEMORY).map_err(|error| unusable("the store in memory", &error))
    }

    /// Opens a file, or creates it with mode 0600. Nothing else can open it until the store is dropped.
    pub(super) fn open(path: &Path) -> Result<Self> {
        let shown = path.display().to_string();
        // SQLite would create it for everybody to read. It gives the files beside it the same mode.
        private_options()
            .append(true)
            .create(true)
            .open(path)
            .map_err(|error| Error::new(format!("cannot open {shown}")).kind(ErrorKind::Io).cause(error))?;
        let connection = Connection::open_with_flags(path, FLAGS).map_err(|error| unusable(&shown, &error.into()))?;
        Self::prepare(connection, KEPT_IN_FILE).map_err(|error| unusable(&shown, &error))
    }

    fn prepare(mut connection: Connection, kept: i64) -> std::result::Result<Self, SchemaError> {
        connection.set_prepared_statement_cache_capacity(KEPT_STATEMENTS);
        // One process alone: the lock stays, and no shared memory is needed beside the log.
        connection.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
        // A commit survives the end of the process at once, and a loss of power after the next checkpoint.
        connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
        connection.pragma_update(None, "synchronous", "NORMAL")?;
        schema::migrate(&mut connection)?;
        Ok(Self { connection, in_transaction: false, kept, failure: None })
    }

    /// Returns a setting.
    pub(super) fn setting(&self, name: &str) -> Result<Option<String>> {
        let mut statement = self.statement("SELECT value FROM setting WHERE name = ?1")?;
        statement.query_row([name], |row| row.get(0)).optional().map_err(|error| store_error(&error))
    }

    /// Keeps a setting.
    pub(super) fn set_setting(&mut self, name: &str, value: &str) -> Result {
        self.execute("INSERT OR REPLACE INTO setting (name, value) VALUES (?1, ?2)", params![name, value]).map(drop)
    }

    /// Makes everything durable that was changed since the last time.
    pub(super) fn commit(&mut self) -> Result {
        if !self.in_transaction {
            return Ok(());
        }
        // After a failure, the next change starts a new transaction.
        self.in_transaction = false;
        if let Some(failure) = self.failure.take() {
            let _ = self.connection.execute_batch("ROLLBACK");
            return Err(failure);
        }
        self.statement("COMMIT")?.execute([]).map(drop).map_err(|error| {
            let _ = self.connection.execute_batch("ROLLBACK");
            store_error(&error)
        })
    }

    /// Runs a statement that changes something; returns the number of rows that it changed.
    fn execute(&mut self, sql: &str, params: impl rusqlite::Params) -> Result<usize> {
        // SQLite may have ended the transaction with the failure.
        if let Some(failure) = &self.failure {
            return Err(failure.clone());
        }
        if !self.in_transaction {
            self.statement("BEGIN IMMEDIATE")?.execute([]).map_err(|error| store_error(&error))?;
            self.in_transaction = true;
        }
        let done = self.statement(sql)?.execute(params).map_err(|error| store_error(&error));
        if let (Err(error), None) = (&done, &self.failure) {
            self.failure = Some(error.clone());
        }
        done
    }

    /// Runs a statement that inserts a row; returns its number.
    fn insert(&mut self, sql: &str, params: impl rusqlite::Params) -> Result<i64> {
        self.execute(sql, params)?;
        Ok(self.connection.last_insert_rowid())
    }

    /// Returns the rows of a query.
    fn query<T>(
        &self,
        sql: &str,
        params: impl rusqlite::Params,
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>> {
        let mut statement = self.statement(sql)?;
        let rows = statement.query_map(params, read).map_err(|error| store_error(&error))?;
        rows.collect::<rusqlite::Result<Vec<T>>>().map_err(|error| store_error(&error))
    }

    /// Returns the first row of a query.
    fn query_one<T>(
        &self,
        sql: &str,
        params: impl rusqlite::Params,
        read: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Option<T>> {
        self.statement(sql)?.query_row(params, read).optional().map_err(|error| store_error(&error))
    }

    fn statement(&self, sql: &str) -> Result<rusqlite::CachedStatement<'_>> {
        self.connection.prepare_cached(sql).map_err(|error| store_error(&error))
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        let _ = self.commit();
    }
}

fn store_error(error: &rusqlite::Error) -> Error {
    match error.sqlite_error_code() {
        // Everything that was committed before stays in the file.
        Some(rusqlite::ErrorCode::DiskFull | rusqlite::ErrorCode::SystemIoFailure) => {
            Error::new("cannot write to the file of --data")
                .kind(ErrorKind::Io)
                .cause(error)
                .hint("make room, then start it again: it continues with everything that it had confirmed")
        }
        _ => Error::new("cannot use the store").kind(ErrorKind::Io).cause(error),
    }
}

/// Returns the error for a file that cannot be opened as a store.
fn unusable(name: &str, error: &SchemaError) -> Error {
    let cannot = Error::new(format!("cannot use {name}"));
    let other = "choose another file: whk serve --data FILE";
    match error {
        SchemaError::Foreign => {
            cannot.kind(ErrorKind::Invalid).cause("it is a database of another program").hint(other)
        }
        SchemaError::Newer => cannot.cause("it was written by a newer version of whk").hint(other),
        SchemaError::Database(error) => match error.sqlite_error_code() {
            Some(rusqlite::ErrorCode::DatabaseBusy | rusqlite::ErrorCode::DatabaseLocked) => {
                cannot.kind(ErrorKind::Conflict).cause("another process uses it").hint(other)
            }
            Some(rusqlite::ErrorCode::NotADatabase) => cannot.cause("it is not a database").hint(other),
            Some(rusqlite::ErrorCode::CannotOpen | rusqlite::ErrorCode::ReadOnly) => {
                cannot.kind(ErrorKind::Io).cause("it, or a file beside it, cannot be written").hint(other)
            }
            _ => cannot.kind(ErrorKind::Io).cause(error),
        },
    }
}

fn json(value: &impl serde::Serialize) -> Result<String> {
    serde_json::to_string(value).map_err(|error| Error::new("cannot write JSON").cause(error))
}

/// Returns a time as the store keeps it.
fn millis(time: Timestamp) -> i64 {
    time.as_millisecond()
}

/// Reads a time.
fn time(row: &Row<'_>, column: &str) -> rusqlite::Result<Timestamp> {
    optional_time(row, column).map(|time| time.unwrap_or(Timestamp::UNIX_EPOCH))
}

/// Reads a time that may be absent.
fn optional_time(row: &Row<'_>, column: &str) -> rusqlite::Result<Option<Timestamp>> {
    let value: Option<i64> = row.get(column)?;
    value.map(|millis| Timestamp::from_millisecond(millis).map_err(|error| conversion(&error))).transpose()
}

fn conversion(error: &impl fmt::Display) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(0, Type::Text, error.to_string().into())
}
