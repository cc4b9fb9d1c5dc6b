//! The command line up to the cursor, read as far as it goes: the command, the options given, and the part to complete.

use clap::{Arg, ArgAction, Command};

/// The part of the line that is to be completed.
pub(super) enum Wanted<'a> {
    /// The value of this argument; the text before it belongs to the same word, such as `--type=`.
    Value(&'a Arg, String),
    /// An option.
    Option,
    /// A command below this one, or the value of the next positional argument.
    Word(Option<&'a Arg>),
    /// A command of the user's own, and its arguments.
    Other,
}

/// A line that ends at the cursor.
pub(super) struct Line<'a> {
    /// The command that the words lead to.
    pub(super) command: &'a Command,
    /// The part to complete.
    pub(super) wanted: Wanted<'a>,
    /// The beginning of that part, as typed so far.
    pub(super) typed: String,
    /// The options before it, by their long names, with their values.
    given: Vec<(&'a str, String)>,
}

impl<'a> Line<'a> {
    /// Reads the words behind the program's name; the last one is to be completed.
    pub(super) fn read(root: &'a Command, words: &[String]) -> Self {
        let (typed, before) = words.split_last().map_or((String::new(), words), |(last, rest)| (last.clone(), rest));
        let mut line = Self { command: root, wanted: Wanted::Option, typed, given: Vec::new() };
        let (mut pending, mut places, mut escaped) = (None, 0, false);
        for word in before {
            if let Some(option) = pending.take() {
                line.give(option, word);
            } else if escaped {
                places += 1;
            } else if word == "--" {
                escaped = true;
            } else if word.len() > 1 && word.starts_with('-') {
                pending = line.option(word);
            } else if let Some(below) = line.command.find_subcommand(word).filter(|_| places == 0) {
                line.command = below;
            } else {
                places += 1;
            }
        }
        line.wanted = match pending {
            Some(option) => Wanted::Value(option, String::new()),
            None if escaped => Wanted::Other,
            None => line.last_word(places),
        };
        if let Wanted::Value(argument, prefix) = &mut line.wanted {
            // Of a list, the last item is completed.
            let delimiter = argument.get_value_delimiter().and_then(|delimiter| line.typed.rfind(delimiter));
            prefix.extend(delimiter.map(|at| line.typed.drain(..=at).collect::<String>()));
        }
        line
    }

    /// The values that an option was given.
    pub(super) fn given(&self, long: &str) -> impl Iterator<Item = &str> {
        self.given.iter().filter(move |(name, _)| *name == long).map(|(_, value)| value.as_str())
    }

    /// The options that may still follow.
    pub(super) fn options(&self) -> impl Iterator<Item = &'a Arg> {
        let may_repeat = |option: &Arg| matches!(option.get_action(), ArgAction::Append | ArgAction::Count);
        let left = move |option: &&Arg| {
            may_repeat(option) || self.given(option.get_long().unwrap_or_default()).next().is_none()
        };
        self.command.get_arguments().filter(|option| !option.is_positional() && !option.is_hide_set()).filter(left)
    }

    fn last_word(&mut self, places: usize) -> Wanted<'a> {
        if self.typed.starts_with("--") {
            let Some((name, value)) = self.typed.split_once('=') else { return Wanted::Option };
            let Some(option) = self.long(&name[2..]) else { return Wanted::Option };
            let (prefix, value) = (format!("{name}="), value.to_owned());
            self.typed = value;
            return Wanted::Value(option, prefix);
        }
        if let Some(rest) = self.typed.strip_prefix('-').filter(|rest| !rest.is_empty()) {
            let first = rest.chars().next().unwrap_or_default();
            let value = &rest[first.len_utf8()..];
            return match self.short(first).filter(|option| takes_value(option) && !value.is_empty()) {
                Some(option) => {
                    self.typed = value.to_owned();
                    Wanted::Value(option, format!("-{first}"))
                }
                None => Wanted::Option,
            };
        }
        let positional: Vec<&Arg> = self.command.get_positionals().filter(|place| !place.is_last_set()).collect();
        let repeated = positional.last().filter(|place| matches!(place.get_action(), ArgAction::Append));
        Wanted::Word(positional.get(places).or(repeated).copied())
    }

    /// Reads a word that is an option, or several short ones; returns the option if its value is the next word.
    fn option(&mut self, word: &str) -> Option<&'a Arg> {
        if let Some(long) = word.strip_prefix("--") {
            let (name, value) = long.split_once('=').map_or((long, None), |(name, value)| (name, Some(value)));
            let option = self.long(name)?;
            return match value {
                Some(value) => {
                    self.give(option, value);
                    None
                }
                None if takes_value(option) => Some(option),
                None => {
                    self.give(option, "");
                    None
                }
            };
        }
        let mut letters = word[1..].chars();
        while let Some(letter) = letters.next() {
            let option = self.short(letter)?;
            if takes_value(option) {
                let value = letters.as_str().trim_start_matches('=');
                if value.is_empty() {
                    return Some(option);
                }
                self.give(option, value);
                return None;
            }
            self.give(option, "");
        }
        None
    }

    fn give(&mut self, option: &'a Arg, value: &str) {
        self.given.push((option.get_long().unwrap_or_default(), value.to_owned()));
    }

    fn long(&self, name: &str) -> Option<&'a Arg> {
        let is_it = |option: &&Arg| option.get_long_and_visible_aliases().is_some_and(|names| names.contains(&name));
        self.command.get_arguments().find(is_it)
    }

    fn short(&self, letter: char) -> Option<&'a Arg> {
        self.command.get_arguments().find(|option| option.get_short() == Some(letter))
    }
}

fn takes_value(option: &Arg) -> bool {
    option.get_action().takes_values()
}
