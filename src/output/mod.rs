//! The only writer: answers on stdout, status on stderr, for people or as JSON Lines.

mod annotation;
mod body;
mod cut;
mod paint;
mod request_view;
mod wrap;

use std::io::{self, IsTerminal as _, Write as _};
use std::process::Stdio;

use serde::Serialize;

pub use annotation::MAX_ANNOTATIONS;
pub use body::{body_lines, brief_lines};
pub use paint::{Choice, Paint};
pub use request_view::{HandlerView, RequestView};
pub use wrap::wrap;

pub use crate::clean::clean;
use crate::environment;
use crate::error::{Error, Result};

/// How much is said on stderr.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Volume {
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

/// Where a command writes.
#[derive(Clone, Copy, Debug)]
pub struct Output {
    /// Whether stdout carries JSON Lines and nothing else.
    pub json: bool,
    /// How much stderr carries.
    pub volume: Volume,
    /// The colours of stdout.
    pub paint: Paint,
    /// The colours of stderr.
    pub status_paint: Paint,
}

impl Output {
    /// Decides for each stream whether it is coloured.
    #[must_use]
    pub fn new(json: bool, volume: Volume, color: Choice) -> Self {
        Self {
            json,
            volume,
            paint: Paint::new(color, io::stdout().is_terminal()),
            status_paint: Paint::new(color, io::stderr().is_terminal()),
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

    /// Whether stdout is a terminal.
    #[must_use]
    pub fn is_terminal() -> bool {
        io::stdout().is_terminal()
    }

    /// Says something about the end of a run that Ctrl-C ended: on a terminal, below the `^C` that stands there.
    pub fn last_status(self, text: &str) {
        self.status(&if io::stderr().is_terminal() { format!("\r{text}") } else { text.to_owned() });
    }

    /// Writes an answer for people, a line or several. With `--json` it is left out.
    pub fn answer(self, text: &str) -> Result {
        if self.json { Ok(()) } else { self.raw(format!("{text}\n").as_bytes()) }
    }

    /// Writes one JSON object as a line; without `--json` it is left out.
    pub fn object(self, value: &impl Serialize) -> Result {
        if !self.json {
            return Ok(());
        }
        let mut line = serde_json::to_vec(value).map_err(|error| Error::new("cannot write JSON").cause(error))?;
        line.push(b'\n');
        self.raw(&line)
    }

    /// Returns whether GitHub Actions reads the output.
    #[must_use]
    pub fn in_github_actions() -> bool {
        github_actions()
    }

    /// Lines with text from outside, such that the log of a CI service does not take one for a command.
    #[must_use]
    pub fn text_of_others(lines: &[String]) -> String {
        if github_actions() {
            let lines: Vec<String> = lines.iter().map(|line| annotation::disarmed(line)).collect();
            return lines.join("\n") + "\n";
        }
        lines.join("\n") + "\n"
    }

    /// Whether errors are annotated, as in GitHub Actions.
    #[must_use]
    pub fn annotates() -> bool {
        github_actions()
    }

    /// In GitHub Actions, makes an error stand out: on stdout, or on stderr where stdout is for JSON alone.
    pub fn annotate(self, title: &str, message: &str) -> Result {
        if !github_actions() {
            return Ok(());
        }
        let line = annotation::annotation(title, message);
        if self.json {
            Self::to_stderr(&line);
            return Ok(());
        }
        self.answer(&line)
    }

    /// Writes bytes to stdout as they are. A reader that went away is no error: it has what it wanted.
    pub fn raw(self, bytes: &[u8]) -> Result {
        let mut stdout = io::stdout().lock();
        match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                Err(Error::new("cannot write to stdout").cause(error))
            }
            _ => Ok(()),
        }
    }

    /// Where another program that runs on our behalf may write what it calls its stdout: with `--json`, to stderr.
    #[must_use]
    pub fn stdout_of_others(self) -> Stdio {
        if self.json { io::stderr().into() } else { Stdio::inherit() }
    }

    /// Says something about the state of things, on stderr.
    pub fn status(self, text: &str) {
        if self.volume >= Volume::Normal {
            Self::to_stderr(text);
        }
    }

    /// Says what to type next, on stderr.
    pub fn hint(self, text: &str) {
        self.status(&format!("{} {text}", self.status_paint.cyan("hint:")));
    }

    /// Prints something that is probably wrong and what to type next, on stderr whatever the volume.
    pub fn warning(self, text: &str, hint: &str) {
        let (warning, next) = (self.status_paint.yellow("warning:"), self.status_paint.cyan("hint:"));
        Self::to_stderr(&format!("{warning} {}\n{next} {}", clean(text), clean(hint)));
    }

    /// Says a detail, on stderr with `-v`.
    pub fn detail(self, text: &str) {
        if self.volume >= Volume::Verbose {
            Self::to_stderr(text);
        }
    }

    /// Says an error, on stderr whatever the volume.
    pub fn error(self, error: &Error) {
        Self::to_stderr(&self.error_text(error));
    }

    /// An error in stderr's colours. Text from outside in it is made harmless.
    #[must_use]
    pub fn error_text(self, error: &Error) -> String {
        let text = error.to_string();
        let paint = self.status_paint;
        let lines: Vec<String> = text
            .lines()
            .map(|line| {
                let line = clean(line);
                match line.split_once(':') {
                    Some(("error", rest)) => format!("{}{rest}", paint.red("error:")),
                    Some(("hint", rest)) => format!("{}{rest}", paint.cyan("hint:")),
                    Some((label, rest)) if label.starts_with("available") => {
                        format!("{}{rest}", paint.cyan(&format!("{label}:")))
                    }
                    _ => line.into_owned(),
                }
            })
            .collect();
        lines.join("\n")
    }

    /// Writes bytes to stderr as they are.
    pub fn raw_status(bytes: &[u8]) {
        let _ = io::stderr().lock().write_all(bytes);
    }

    fn to_stderr(text: &str) {
        // There is nowhere left to say that stderr cannot be written.
        let _ = writeln!(io::stderr().lock(), "{text}");
    }
}

fn github_actions() -> bool {
    environment::var("GITHUB_ACTIONS").as_deref() == Some("true")
}
