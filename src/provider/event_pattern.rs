//! Patterns of event types.

use std::str::FromStr;

/// A pattern of event types: `*` is any text, `?` any character, `all` everything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventPattern(String);

impl EventPattern {
    /// True if it is one type, without a wildcard.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        !self.0.contains(['*', '?'])
    }

    /// Returns the text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// True if it matches an event type.
    #[must_use]
    pub fn matches(&self, event_type: &str) -> bool {
        let characters = |text: &str| text.chars().collect::<Vec<_>>();
        matches(&characters(&self.0), &characters(event_type))
    }
}

fn matches(pattern: &[char], text: &[char]) -> bool {
    // Only the last `*` is ever extended: an earlier one need not be tried again.
    let (mut p, mut t, mut star) = (0, 0, None);
    while t < text.len() {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(&c) if c == '?' || c == text[t] => {
                p += 1;
                t += 1;
            }
            _ => match star {
                Some((position, matched)) => {
                    star = Some((position, matched + 1));
                    p = position + 1;
                    t = matched + 1;
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

impl FromStr for EventPattern {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "" => Err("the type is empty".to_owned()),
            "all" => Ok(Self("*".to_owned())),
            _ => Ok(Self(text.to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_matches_complete_types() {
        for (pattern, event_type, expected) in [
            ("message.*", "message.opened", true),
            ("message.*", "suppression.created", false),
            ("*.created", "suppression.created", true),
            ("*ed", "message.bounced", true),
            ("m*e*d", "message.failed", true),
            ("message.opene?", "message.opened", true),
            ("message.opened", "message.opened2", false),
            ("all", "x", true),
            ("*", "", true),
            ("?", "é", true),
        ] {
            assert_eq!(
                pattern.parse::<EventPattern>().unwrap().matches(event_type),
                expected,
                "{pattern} {event_type}"
            );
        }
    }
}
