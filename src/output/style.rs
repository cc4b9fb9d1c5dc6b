//! Colours of each stream. Only this module uses the `colored` crate.

use std::str::FromStr;

use colored::Colorize as _;

use crate::environment;

/// The option `--color`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ColorChoice {
    /// On a terminal, unless `NO_COLOR` is set; elsewhere only with `CLICOLOR_FORCE`.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

impl ColorChoice {
    /// Returns the choice of `NO_COLOR` or `CLICOLOR_FORCE`.
    #[must_use]
    pub fn from_environment() -> Option<Self> {
        if environment::var_os("NO_COLOR").is_some() {
            Some(Self::Never)
        } else {
            environment::var_os("CLICOLOR_FORCE").filter(|value| value != "0").map(|_| Self::Always)
        }
    }
}

impl FromStr for ColorChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "auto" => Ok(Self::Auto),
            "always" => Ok(Self::Always),
            "never" => Ok(Self::Never),
            _ => Err(format!("`{text}` is not one of `auto`, `always`, `never`")),
        }
    }
}

/// The colours of one stream.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    on: bool,
}

impl Style {
    /// Decides for a stream.
    #[must_use]
    pub fn new(choice: ColorChoice, terminal: bool) -> Self {
        let choice =
            if choice == ColorChoice::Auto { ColorChoice::from_environment().unwrap_or_default() } else { choice };
        let on = match choice {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto => terminal && environment::var_os("TERM").is_none_or(|term| term != "dumb"),
        };
        Self::fixed(on)
    }

    /// Creates a style that is coloured or not, for any stream.
    #[must_use]
    pub fn fixed(on: bool) -> Self {
        // The crate examines stdout only, so each stream is decided here instead.
        colored::control::set_override(true);
        Self { on }
    }

    fn with(self, text: &str, style: impl FnOnce(&str) -> colored::ColoredString) -> String {
        if self.on && !text.is_empty() { style(text).to_string() } else { text.to_owned() }
    }

    /// Good.
    #[must_use]
    pub fn green(self, text: &str) -> String {
        self.with(text, |text| text.green())
    }

    /// Bad.
    #[must_use]
    pub fn red(self, text: &str) -> String {
        self.with(text, |text| text.red().bold())
    }

    /// Worth a look.
    #[must_use]
    pub fn yellow(self, text: &str) -> String {
        self.with(text, |text| text.yellow())
    }

    /// A name or an id.
    #[must_use]
    pub fn cyan(self, text: &str) -> String {
        self.with(text, |text| text.cyan())
    }

    /// The subject of a line.
    #[must_use]
    pub fn bold(self, text: &str) -> String {
        self.with(text, |text| text.bold())
    }

    /// Ordinary text.
    #[must_use]
    pub fn plain(self, text: &str) -> String {
        text.to_owned()
    }

    /// Details.
    #[must_use]
    pub fn faint(self, text: &str) -> String {
        self.with(text, |text| text.dimmed())
    }
}
