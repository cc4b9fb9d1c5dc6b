//! Errors as people read them, and exit codes as scripts read them.

use std::fmt;
use std::process::ExitCode;

/// What the exit code says. The numbers are public and never change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Yes: valid, delivered, all passed, expectation met, or a normal end.
    Yes,
    /// No: a signature is invalid, a delivery was refused, an expectation was broken.
    No,
    /// It could not run: bad usage, unreadable input, bad config, port taken, log not writable.
    CannotRun,
    /// The target could not be reached at all.
    Unreachable,
    /// Timed out waiting for what was expected.
    TimedOut,
    /// Interrupted before the answer was known.
    Interrupted,
    /// The code of the command that was run: `whk listen -- COMMAND`.
    Command(u8),
}

impl Exit {
    /// The number.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::Yes => 0,
            Self::No => 1,
            Self::CannotRun => 2,
            Self::Unreachable => 3,
            Self::TimedOut => 4,
            Self::Interrupted => 130,
            Self::Command(code) => code,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// What could not be done, why, and what to type next.
#[derive(Clone, Debug)]
pub struct Error {
    /// The exit code that it leads to.
    pub exit: Exit,
    message: String,
    causes: Vec<String>,
    hint: Option<String>,
}

/// The result of whatever can fail in a way that ends the command.
pub type Result<T = ()> = std::result::Result<T, Error>;

impl Error {
    /// An error that keeps the command from running.
    pub fn new(message: impl Into<String>) -> Self {
        Self { exit: Exit::CannotRun, message: message.into(), causes: Vec::new(), hint: None }
    }

    /// Adds a cause beneath.
    #[must_use]
    pub fn cause(mut self, cause: impl fmt::Display) -> Self {
        self.causes.push(cause.to_string());
        self
    }

    /// Message and causes on one line, without the hint.
    #[must_use]
    pub fn in_short(&self) -> String {
        std::iter::once(&self.message).chain(&self.causes).cloned().collect::<Vec<_>>().join(": ")
    }

    /// Puts a place before the message.
    #[must_use]
    pub fn at(mut self, place: &str) -> Self {
        self.message = format!("{place}: {}", self.message);
        self
    }

    /// Adds every cause of a foreign error, without repeating a line that is already there.
    #[must_use]
    pub fn causes(mut self, error: &dyn std::error::Error) -> Self {
        let mut next = Some(error);
        while let Some(error) = next {
            let text = error.to_string();
            if self.causes.last().is_none_or(|last| !last.ends_with(&text)) {
                self.causes.push(text);
            }
            next = error.source();
        }
        self
    }

    /// Adds one thing to type.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Sets the exit code.
    #[must_use]
    pub fn exit(mut self, exit: Exit) -> Self {
        self.exit = exit;
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error: {}", self.message)?;
        for cause in &self.causes {
            write!(f, "\n  caused by: {cause}")?;
        }
        if let Some(hint) = &self.hint {
            write!(f, "\nhint: {hint}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {}
