//! The only module that writes to the terminal: results on stdout, status on stderr, as text or as JSON Lines.

mod body;
mod cut;
mod github_actions;
mod hex;
pub mod human;
mod style;
mod table;
mod wrap;

use std::io::{self, IsTerminal as _, Write as _};
use std::process::Stdio;

use serde::Serialize;

pub use body::{body_lines, brief_lines};
pub use cut::{cut, cut_middle, cut_painted};
pub use github_actions::{MAX_ANNOTATIONS, Severity};
pub use hex::hex_lines;
pub use human::plural;
pub use style::{ColorChoice, Style};
pub use table::{Column, Table};
pub use wrap::wrap;

use crate::environment;
use crate::error::{Error, ErrorKind, Result};
pub use crate::sanitize::sanitize;

/// The amount of output on stderr.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verbosity {
    /// Errors only.
    Quiet,
    /// Errors, status and hints.
    Normal,
    /// Everything.
    Verbose,
}

/// The size of the screen that lines are for; `None` means any.
#[derive(Clone, Copy, Debug, Default)]
pub struct Screen {
    /// The number of columns.
    pub width: Option<usize>,
    /// The number of rows.
    pub height: Option<usize>,
}

/// The output of a command: its formats and styles.
#[derive(Clone, Copy, Debug)]
pub struct Output {
    /// True if stdout carries JSON Lines only.
    pub json: bool,
    /// The amount of output on stderr.
    pub verbosity: Verbosity,
    /// The colours of stdout.
    pub style: Style,
    /// The colours of stderr.
    pub stderr_style: Style,
}

impl Output {
    /// Decides for each stream whether it is coloured.
    #[must_use]
    pub fn new(json: bool, verbosity: Verbosity, color: ColorChoice) -> Self {
        Self {
            json,
            verbosity,
            style: Style::new(color, io::stdout().is_terminal()),
            stderr_style: Style::new(color, io::stderr().is_terminal()),
        }
    }

    /// Returns the width of stdout's terminal, else what `COLUMNS` says; `None` means any width.
    #[must_use]
    pub fn width(self) -> Option<usize> {
        self.screen().width
    }

    /// Returns the size of stdout's terminal, else what `COLUMNS` and `LINES` say.
    #[must_use]
    pub fn screen(self) -> Screen {
        let asked = |name: &str| environment::var(name).and_then(|text| text.parse::<usize>().ok());
        let size = if Self::is_terminal() { terminal_size::terminal_size() } else { None };
        let (width, height) = match size {
            Some((width, height)) => (Some(usize::from(width.0)), Some(usize::from(height.0))),
            None if Self::is_terminal() => (None, None),
            None => (asked("COLUMNS"), asked("LINES")),
        };
        Screen { width: width.map(|width| width.max(40)), height }
    }

    /// Returns whether stdout is a terminal.
    #[must_use]
    pub fn is_terminal() -> bool {
        io::stdout().is_terminal()
    }

    /// Writes the last status of a run that Ctrl-C ended. On a terminal it replaces the `^C`.
    pub fn final_status(self, text: &str) {
        self.status(&if io::stderr().is_terminal() { format!("\r{text}") } else { text.to_owned() });
    }

    /// Writes text to stdout, one or more lines. With `--json` it writes nothing.
    pub fn print(self, text: &str) -> Result {
        if self.json { Ok(()) } else { self.write_stdout(format!("{text}\n").as_bytes()) }
    }

    /// Writes one JSON object as a line. Without `--json` it writes nothing.
    pub fn print_json(self, value: &impl Serialize) -> Result {
        if !self.json {
            return Ok(());
        }
        let mut line = serde_json::to_vec(value).map_err(|error| Error::new("cannot write JSON").cause(error))?;
        line.push(b'\n');
        self.write_stdout(&line)
    }

    /// Returns whether GitHub Actions reads the output.
    #[must_use]
    pub fn in_github_actions() -> bool {
        github_actions()
    }

    /// Returns lines with text from outside, changed so that a CI service does not read one as a command.
    #[must_use]
    pub fn guard_ci_commands(lines: &[String]) -> String {
        if github_actions() {
            let lines: Vec<String> = lines.iter().map(|line| github_actions::escape_command(line)).collect();
            return lines.join("\n") + "\n";
        }
        lines.join("\n") + "\n"
    }

    /// Returns whether errors are annotated, as in GitHub Actions.
    #[must_use]
    pub fn annotates() -> bool {
        github_actions()
    }

    /// In GitHub Actions, annotates an error: on stdout, or on stderr if stdout is for JSON only.
    pub fn annotate(self, title: &str, message: &str) -> Result {
        self.annotate_as(Severity::Error, title, message)
    }

    /// In GitHub Actions, annotates an error or a warning, as [`annotate`](Self::annotate) does.
    pub fn annotate_as(self, severity: Severity, title: &str, message: &str) -> Result {
        if !github_actions() {
            return Ok(());
        }
        let line = github_actions::annotation(severity, title, message);
        if self.json {
            Self::to_stderr(&line);
            return Ok(());
        }
        self.print(&line)
    }

    /// Writes bytes to stdout unchanged. A reader that closed the pipe is not an error.
    pub fn write_stdout(self, bytes: &[u8]) -> Result {
        self.write_stdout_while_open(bytes).map(|_| ())
    }

    /// Writes bytes to stdout unchanged. Returns false if its reader has closed the pipe.
    pub fn write_stdout_while_open(self, bytes: &[u8]) -> Result<bool> {
        let mut stdout = io::stdout().lock();
        match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
            Err(error) => Err(Error::new("cannot write to stdout").kind(ErrorKind::Io).cause(error)),
        }
    }

    /// Returns the stdout for a child process: with `--json`, it is our stderr.
    #[must_use]
    pub fn child_stdout(self) -> Stdio {
        if self.json { io::stderr().into() } else { Stdio::inherit() }
    }

    /// Writes a status to stderr.
    pub fn status(self, text: &str) {
        if self.verbosity >= Verbosity::Normal {
            Self::to_stderr(text);
        }
    }

    /// Writes a hint, the next command to type, to stderr.
    pub fn hint(self, text: &str) {
        self.status(&format!("{} {text}", self.stderr_style.cyan("hint:")));
    }

    /// Writes a warning with a hint to stderr, at any verbosity.
    pub fn warning(self, text: &str, hint: &str) {
        let (warning, next) = (self.stderr_style.yellow("warning:"), self.stderr_style.cyan("hint:"));
        Self::to_stderr(&format!("{warning} {}\n{next} {}", sanitize(text), sanitize(hint)));
    }

    /// Writes a detail to stderr, with `-v` only.
    pub fn verbose(self, text: &str) {
        if self.verbosity >= Verbosity::Verbose {
            Self::to_stderr(text);
        }
    }

    /// Writes an error to stderr, at any verbosity.
    pub fn error(self, error: &Error) {
        Self::to_stderr(&self.error_text(error));
    }

    /// Returns an error in stderr's style. Text from outside in it is sanitized.
    #[must_use]
    pub fn error_text(self, error: &Error) -> String {
        let text = error.to_string();
        let style = self.stderr_style;
        let lines: Vec<String> = text
            .lines()
            .map(|line| {
                let line = sanitize(line);
                match line.split_once(':') {
                    Some(("error", rest)) => format!("{}{rest}", style.red("error:")),
                    Some(("hint", rest)) => format!("{}{rest}", style.cyan("hint:")),
                    Some((label, rest)) if label.starts_with("available") => {
                        format!("{}{rest}", style.cyan(&format!("{label}:")))
                    }
                    _ => line.into_owned(),
                }
            })
            .collect();
        lines.join("\n")
    }

    /// Writes bytes to stderr unchanged.
    pub fn write_stderr(bytes: &[u8]) {
        let _ = io::stderr().lock().write_all(bytes);
    }

    fn to_stderr(text: &str) {
        // There is no other place to report that stderr cannot be written.
        let _ = writeln!(io::stderr().lock(), "{text}");
    }
}

fn github_actions() -> bool {
    environment::var("GITHUB_ACTIONS").as_deref() == Some("true")
}
