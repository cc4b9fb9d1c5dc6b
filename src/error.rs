//! Errors as people read them, and exit codes as scripts read them.

use std::fmt;
use std::process::ExitCode;

/// The outcome of a run as its exit code shows it. The numbers are public and never change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExitStatus {
    /// Success: valid, delivered, all passed, expectation met, or a normal end.
    Success,
    /// A check failed: an invalid signature, a rejected delivery, an unmet expectation.
    Failure,
    /// The command could not run: bad usage, unreadable input, bad config, port in use, log not writable.
    Error,
    /// The target could not be reached.
    Unreachable,
    /// Timed out waiting for what was expected.
    TimedOut,
    /// Interrupted before the outcome was known.
    Interrupted,
    /// The code of the command that was run: `whk listen -- COMMAND`.
    Command(u8),
}

impl ExitStatus {
    /// The number.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::Success => 0,
            Self::Failure => 1,
            Self::Error => 2,
            Self::Unreachable => 3,
            Self::TimedOut => 4,
            Self::Interrupted => 130,
            Self::Command(code) => code,
        }
    }
}

impl From<ExitStatus> for ExitCode {
    fn from(status: ExitStatus) -> Self {
        Self::from(status.code())
    }
}

/// The kind of a problem. It determines the exit code.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ErrorKind {
    /// Bad usage, input or configuration.
    #[default]
    Invalid,
    /// Something that was named does not exist.
    NotFound,
    /// An address or a file is in use.
    Conflict,
    /// The target could not be reached.
    Unreachable,
    /// A file cannot be read or written.
    Io,
}

impl From<ErrorKind> for ExitStatus {
    fn from(kind: ErrorKind) -> Self {
        match kind {
            ErrorKind::Unreachable => Self::Unreachable,
            ErrorKind::Invalid | ErrorKind::NotFound | ErrorKind::Conflict | ErrorKind::Io => Self::Error,
        }
    }
}

/// The problem, its causes, what is available instead, and one command to type.
#[derive(Clone, Debug)]
pub struct Error {
    /// The kind of the problem.
    pub kind: ErrorKind,
    message: String,
    causes: Vec<String>,
    available: Option<String>,
    hint: Option<String>,
}

/// The result of a step that can end the command.
pub type Result<T = ()> = std::result::Result<T, Error>;

impl Error {
    /// Makes an error of the kind `Invalid`.
    pub fn new(message: impl Into<String>) -> Self {
        Self { kind: ErrorKind::Invalid, message: message.into(), causes: Vec::new(), available: None, hint: None }
    }

    /// Adds a cause beneath.
    #[must_use]
    pub fn cause(mut self, cause: impl fmt::Display) -> Self {
        self.causes.push(without_os_code(cause.to_string()));
        self
    }

    /// Returns message and causes on one line, without the hint.
    #[must_use]
    pub fn one_line(&self) -> String {
        std::iter::once(&self.message).chain(&self.causes).cloned().collect::<Vec<_>>().join(": ")
    }

    /// Returns the hint, if there is one.
    #[must_use]
    pub fn hint_text(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    /// Returns message, causes and what is available on one line, without the hint.
    #[must_use]
    pub fn details(&self) -> String {
        [Some(self.one_line()), self.available.clone()].into_iter().flatten().collect::<Vec<_>>().join("; ")
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
            let text = without_os_code(error.to_string());
            if self.causes.last().is_none_or(|last| !last.ends_with(&text)) {
                self.causes.push(text);
            }
            next = error.source();
        }
        self
    }

    /// Adds a list of what is possible, below the causes: `available: a, b`, or `available WHAT: a, b`.
    #[must_use]
    pub fn available<S: AsRef<str>>(mut self, what: &str, names: impl IntoIterator<Item = S>) -> Self {
        let names: Vec<String> = names.into_iter().map(|name| name.as_ref().to_owned()).collect();
        let gap = if what.is_empty() { "" } else { " " };
        self.available = (!names.is_empty()).then(|| format!("available{gap}{what}: {}", names.join(", ")));
        self
    }

    /// Adds one thing to type.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Sets the kind.
    #[must_use]
    pub fn kind(mut self, kind: ErrorKind) -> Self {
        self.kind = kind;
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error: {}", self.message)?;
        for cause in &self.causes {
            write!(f, "\n  caused by: {cause}")?;
        }
        if let Some(available) = &self.available {
            write_wrapped(f, available)?;
        }
        if let Some(hint) = &self.hint {
            write!(f, "\nhint: {hint}")?;
        }
        Ok(())
    }
}

/// Columns of the terminal that output must fit.
const WIDTH: usize = 80;

/// Writes a list on as many lines as it needs, those after the first indented.
fn write_wrapped(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    let mut column = WIDTH;
    for (index, word) in text.split(' ').enumerate() {
        let length = word.chars().count();
        if column + 1 + length > WIDTH {
            let indent = if index == 0 { "" } else { "  " };
            write!(f, "\n{indent}{word}")?;
            column = indent.len() + length;
        } else {
            write!(f, " {word}")?;
            column += 1 + length;
        }
    }
    Ok(())
}

impl std::error::Error for Error {}
/// Removes the number that the standard library adds to errors of the system, and begins those in lower case:
/// `No such file or directory (os error 2)` becomes `no such file or directory`.
pub(crate) fn without_os_code(text: String) -> String {
    let Some((before, code)) = text.rsplit_once(" (os error ") else { return text };
    if !code.strip_suffix(')').is_some_and(|code| code.bytes().all(|byte| byte.is_ascii_digit())) {
        return text;
    }
    let (path, reason) = before.rsplit_once(": ").map_or(("", before), |(path, reason)| (path, reason));
    let mut letters = reason.chars();
    let first = letters.next().map(|letter| letter.to_lowercase().to_string()).unwrap_or_default();
    let separator = if path.is_empty() { "" } else { ": " };
    format!("{path}{separator}{first}{}", letters.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_of_the_system_lose_their_number() {
        let shown = |text: &str| without_os_code(text.to_owned());
        assert_eq!(shown("No such file or directory (os error 2)"), "no such file or directory");
        assert_eq!(shown("a/b.pem: Is a directory (os error 21)"), "a/b.pem: is a directory");
        assert_eq!(shown("Ähnlich (os error 1)"), "ähnlich");
        for kept in ["", "No such thing", "X (os error )y", "X (os error a)"] {
            assert_eq!(shown(kept), kept);
        }
    }

    #[test]
    fn the_kind_determines_the_exit_code() {
        for (kind, code) in [
            (ErrorKind::Invalid, 2),
            (ErrorKind::NotFound, 2),
            (ErrorKind::Conflict, 2),
            (ErrorKind::Io, 2),
            (ErrorKind::Unreachable, 3),
        ] {
            assert_eq!(ExitStatus::from(Error::new("").kind(kind).kind).code(), code, "{kind:?}");
        }
        assert_eq!(Error::new("").kind, ErrorKind::Invalid);
    }
}
