//! Templates of events: text with `{{…}}`, filled with values generated for each event.
//!
//! Inside the braces stands the name of a value of the provider's `[values]`, or a generator:
//! `uuid`, `hex N`, `alnum N`, `lower N` (lower-case letters and digits), `digits N`, `base64 N` (of N bytes),
//! `number LOW HIGH`, `time FORMAT [OFFSET]` (when it happened), `sent FORMAT [OFFSET]` (when it is sent), `attempt`,
//! `retries`, `retry` and `retry-reason` (of this attempt), and for secrets `ed25519`, `ed25519-hex` and `p256`.
//! A name keeps its value within one event; a generator gives a new one each time. `{{NAME|lower}}` gives a value in
//! lower case, `{{NAME|text}}` as text.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use indexmap::IndexMap;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use crate::duration::HumanDuration;
use crate::random::Rng;
use crate::signing::{Encoding, ed25519_pair, p256_pair};

/// A value: a template, or several of which one is drawn.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged, expecting = "expected a text, a list of texts, or true or false")]
pub(super) enum ValueSpec {
    Flag(bool),
    Template(String),
    Choice(Vec<String>),
}

/// Maximum depth of values that refer to others; more is a cycle.
const MAX_DEPTH: usize = 16;

/// The values of one event.
#[derive(Debug)]
pub struct TemplateContext<'a> {
    specs: &'a IndexMap<String, ValueSpec>,
    now: Cell<Timestamp>,
    sent: Cell<Timestamp>,
    /// The number of the attempt, from 1.
    attempt: Cell<u32>,
    /// The provider's word for the failure before it.
    retry_reason: RefCell<String>,
    random: RefCell<Rng>,
    cache: RefCell<HashMap<String, Value>>,
}

impl<'a> TemplateContext<'a> {
    pub(super) fn new(specs: &'a IndexMap<String, ValueSpec>, random: Rng, now: Timestamp) -> Self {
        Self {
            specs,
            now: Cell::new(now),
            sent: Cell::new(now),
            attempt: Cell::new(1),
            retry_reason: RefCell::default(),
            random: RefCell::new(random),
            cache: RefCell::default(),
        }
    }

    /// Sets the time of the event and the time it is sent; values generated before stay.
    pub fn set_times(&self, happens: Timestamp, sent: Timestamp) {
        self.now.set(happens);
        self.sent.set(sent);
    }

    /// Sets the number of the attempt, from 1, and the provider's word for the failure before it.
    pub(super) fn set_attempt(&self, number: u32, retry_reason: &str) {
        self.attempt.set(number);
        retry_reason.clone_into(&mut self.retry_reason.borrow_mut());
    }

    /// Sets a value that the caller knows, such as `type`.
    pub fn set(&self, name: &str, value: impl Into<Value>) {
        self.cache.borrow_mut().insert(name.to_owned(), value.into());
    }

    /// Renders a template that is a text.
    pub fn text(&self, template: &str) -> Result<String, String> {
        Ok(as_text(&self.render(template, 0)?))
    }

    /// Renders every text inside a JSON template. A text that is one placeholder takes the type of its value.
    pub fn json(&self, template: &Value) -> Result<Value, String> {
        Ok(match template {
            Value::String(text) => self.render(text, 0)?,
            Value::Array(items) => Value::Array(items.iter().map(|item| self.json(item)).collect::<Result<_, _>>()?),
            Value::Object(fields) => {
                Value::Object(fields.iter().map(|(key, value)| Ok((key.clone(), self.json(value)?))).collect::<Result<
                    _,
                    String,
                >>(
                )?)
            }
            other => other.clone(),
        })
    }

    fn render(&self, template: &str, depth: usize) -> Result<Value, String> {
        if depth > MAX_DEPTH {
            return Err(format!("`{template}` refers to itself"));
        }
        let mut filled = String::new();
        let mut rest = template;
        while let Some(open) = rest.find("{{") {
            let close =
                rest[open..].find("}}").ok_or_else(|| format!("a `{{{{` in `{template}` has no `}}}}`"))? + open;
            let value = self.value(rest[open + 2..close].trim(), depth)?;
            let after = &rest[close + 2..];
            let is_alone = rest.len() == template.len() && open == 0 && after.is_empty();
            if is_alone {
                return Ok(value);
            }
            filled.push_str(&rest[..open]);
            filled.push_str(&as_text(&value));
            rest = after;
        }
        filled.push_str(rest);
        Ok(Value::String(filled))
    }

    fn value(&self, expression: &str, depth: usize) -> Result<Value, String> {
        if let Some(cached) = self.cache.borrow().get(expression) {
            return Ok(cached.clone());
        }
        let Some(spec) = self.specs.get(expression) else {
            if let Some((inner, filter)) = expression.rsplit_once('|') {
                return apply_filter(&self.value(inner.trim(), depth)?, filter.trim());
            }
            return self.generate(expression);
        };
        let template = match spec {
            ValueSpec::Flag(flag) => return Ok((*flag).into()),
            ValueSpec::Template(template) => template,
            ValueSpec::Choice(templates) if templates.is_empty() => {
                return Err(format!("value `{expression}` has nothing to pick"));
            }
            ValueSpec::Choice(templates) => {
                let drawn = self.random.borrow_mut().below(templates.len() as u64);
                &templates[usize::try_from(drawn).unwrap_or(0)]
            }
        };
        let value = self.render(template, depth + 1)?;
        self.cache.borrow_mut().insert(expression.to_owned(), value.clone());
        Ok(value)
    }

    fn generate(&self, expression: &str) -> Result<Value, String> {
        let mut words = expression.split_whitespace();
        let generator = words.next().unwrap_or_default();
        let arguments: Vec<&str> = words.collect();
        let random = &mut *self.random.borrow_mut();
        match (generator, arguments.as_slice()) {
            ("uuid", []) => Ok(uuid(random).into()),
            ("hex", [length]) => Ok(random.string(b"0123456789abcdef", self::length(length)?).into()),
            ("alnum", [length]) => {
                let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
                Ok(random.string(alphabet, self::length(length)?).into())
            }
            ("digits", [length]) => {
                let length = self::length(length)?;
                let first = random.string(b"123456789", length.min(1));
                Ok((first + &random.string(b"0123456789", length.saturating_sub(1))).into())
            }
            ("base64", [length]) => {
                let mut bytes = vec![0; self::length(length)?];
                random.fill(&mut bytes);
                Ok(STANDARD.encode(bytes).into())
            }
            ("number", [low, high]) => {
                let (low, high) = (number::<u64>(low)?, number::<u64>(high)?);
                if high < low || high - low == u64::MAX {
                    return Err(format!("`{expression}`: the second number must not be below the first"));
                }
                Ok((low + random.below(high - low + 1)).into())
            }
            ("time", [format]) => time(self.now.get(), format),
            ("time", [format, offset]) => time(shifted(self.now.get(), offset)?, format),
            ("sent", [format]) => time(self.sent.get(), format),
            ("sent", [format, offset]) => time(shifted(self.sent.get(), offset)?, format),
            ("attempt", []) => Ok(self.attempt.get().into()),
            ("retries", []) => Ok(self.attempt.get().saturating_sub(1).into()),
            ("retry", []) => Ok(match self.attempt.get() {
                0 | 1 => "".into(),
                number => (number - 1).into(),
            }),
            ("retry-reason", []) => Ok(self.retry_reason.borrow().as_str().into()),
            ("ed25519", []) => Ok(STANDARD.encode(ed25519_pair(seed(random))).into()),
            ("ed25519-hex", []) => Ok(Encoding::Hex.encode(&ed25519_pair(seed(random))).into()),
            ("p256", []) => Ok(STANDARD.encode(p256_pair()).into()),
            ("lower", [length]) => {
                Ok(random.string(b"abcdefghijklmnopqrstuvwxyz0123456789", self::length(length)?).into())
            }
            _ => Err(format!("`{{{{{expression}}}}}` is neither a value nor a generator")),
        }
    }
}

/// True if the text of a template differs between the attempts of an event, itself or by a value that it names. With
/// `renewed`, the time of sending is that of the attempt.
pub(super) fn depends_on_attempt(specs: &IndexMap<String, ValueSpec>, template: &str, renewed: bool) -> bool {
    let differs = |word: &str| match word {
        "attempt" | "retries" | "retry" | "retry-reason" => true,
        "sent" => renewed,
        _ => false,
    };
    names_generator(specs, template, &differs, 0)
}

fn names_generator(
    specs: &IndexMap<String, ValueSpec>,
    template: &str,
    wanted: &impl Fn(&str) -> bool,
    depth: usize,
) -> bool {
    let below = |template: &String| names_generator(specs, template, wanted, depth + 1);
    let expressions = template.split("{{").skip(1).filter_map(|rest| rest.split_once("}}")).map(|(text, _)| text);
    let mut expressions = expressions.map(|text| text.split('|').next().unwrap_or_default().trim());
    depth <= MAX_DEPTH
        && expressions.any(|expression| match specs.get(expression) {
            Some(ValueSpec::Flag(_)) => false,
            Some(ValueSpec::Template(template)) => below(template),
            Some(ValueSpec::Choice(templates)) => templates.iter().any(below),
            None => expression.split_whitespace().next().is_some_and(wanted),
        })
}

fn apply_filter(value: &Value, filter: &str) -> Result<Value, String> {
    match filter {
        "lower" => Ok(as_text(value).to_lowercase().into()),
        "text" => Ok(as_text(value).into()),
        _ => Err(format!("unknown filter `{filter}`, expected `lower` or `text`")),
    }
}

fn as_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Maximum length of generated text, so that a typo in a file cannot fill the memory.
const MAX_GENERATED_LEN: usize = 1 << 20;

fn number<T: std::str::FromStr>(text: &str) -> Result<T, String> {
    text.parse().map_err(|_| format!("`{text}` is not a number"))
}

fn length(text: &str) -> Result<usize, String> {
    number(text)
        .and_then(|length| if length > MAX_GENERATED_LEN { Err(format!("`{text}` is too long")) } else { Ok(length) })
}

fn seed(random: &mut Rng) -> [u8; 32] {
    let mut seed = [0; 32];
    random.fill(&mut seed);
    seed
}

/// Makes a random (version 4) UUID, RFC 9562 section 5.4.
fn uuid(random: &mut Rng) -> String {
    let mut bytes = [0_u8; 16];
    random.fill(&mut bytes);
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let mut text = String::with_capacity(36);
    for (index, byte) in bytes.iter().enumerate() {
        if matches!(index, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        let _ = write!(text, "{byte:02x}");
    }
    text
}

fn time(timestamp: Timestamp, format: &str) -> Result<Value, String> {
    Ok(match format {
        "nanos" => format!("{timestamp:.9}").into(),
        // As Go writes RFC 3339 with nanoseconds: no trailing zeros, no fraction for a whole second.
        "nanos-trimmed" => timestamp.to_string().into(),
        "micros" => format!("{timestamp:.6}").into(),
        // As Python writes a time without a zone.
        "micros-bare" => format!("{timestamp:.6}").trim_end_matches('Z').into(),
        "millis" => format!("{timestamp:.3}").into(),
        "seconds" => format!("{timestamp:.0}").into(),
        "seconds-bare" => format!("{timestamp:.0}").trim_end_matches('Z').into(),
        "unix" => timestamp.as_second().into(),
        "unix-ms" => timestamp.as_millisecond().into(),
        "rfc2822" => timestamp.strftime("%a, %d %b %Y %H:%M:%S +0000").to_string().into(),
        _ => {
            return Err(format!(
                "unknown time format `{format}`, expected one of `nanos`, `nanos-trimmed`, `micros`, `micros-bare`, `millis`, `seconds`, `seconds-bare`, `unix`, `unix-ms`, `rfc2822`"
            ));
        }
    })
}

fn shifted(now: Timestamp, offset: &str) -> Result<Timestamp, String> {
    let wrong = || format!("`{offset}` is not an offset, expected one such as `+30d` or `-2s`");
    let (sign, span) = offset.split_at_checked(1).ok_or_else(wrong)?;
    let span: HumanDuration = span.parse()?;
    let shifted = match sign {
        "+" => now.checked_add(span.0),
        "-" => now.checked_sub(span.0),
        _ => return Err(wrong()),
    };
    shifted.map_err(|_| format!("`{offset}` leaves the range of times"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(specs: &str, template: &str) -> Result<Value, String> {
        let specs: IndexMap<String, ValueSpec> = toml::from_str(specs).unwrap();
        let now = "2026-03-02T08:15:33.120450000Z".parse().unwrap();
        TemplateContext::new(&specs, Rng::seeded(1), now).json(&serde_json::from_str(template).unwrap())
    }

    #[test]
    fn a_name_keeps_its_value_and_a_generator_does_not() {
        let value = filled("id = '{{hex 8}}'", r#"["{{id}}","{{id}}","{{hex 8}}"]"#).unwrap();
        assert_eq!(value[0], value[1]);
        assert_ne!(value[0], value[2]);
    }

    #[test]
    fn a_place_alone_keeps_its_type() {
        let specs = "n = '{{number 5 5}}'\nnothing = ''";
        let template = r#"{"alone":"{{n}}","inside":"n={{n}}","before":"{{n}}{{nothing}}","after":"{{nothing}}{{n}}"}"#;
        let value = filled(specs, template).unwrap();
        assert_eq!(value.to_string(), r#"{"alone":5,"inside":"n=5","before":"5","after":"5"}"#);
    }

    #[test]
    fn times_have_the_digits_that_were_asked_for() {
        let value = filled(
            "",
            r#"["{{time nanos}}","{{time nanos-trimmed}}","{{time micros}}","{{time micros-bare}}","{{time millis}}","{{time seconds}}","{{time seconds-bare}}","{{time unix-ms}}","{{time seconds +30d}}","{{time rfc2822}}"]"#,
        )
        .unwrap();
        assert_eq!(
            value.to_string(),
            r#"["2026-03-02T08:15:33.120450000Z","2026-03-02T08:15:33.12045Z","2026-03-02T08:15:33.120450Z","2026-03-02T08:15:33.120450","2026-03-02T08:15:33.120Z","2026-03-02T08:15:33Z","2026-03-02T08:15:33",1772439333120,"2026-04-01T08:15:33Z","Mon, 02 Mar 2026 08:15:33 +0000"]"#
        );
    }

    #[test]
    fn the_values_of_an_attempt_are_its_own() {
        let specs: IndexMap<String, ValueSpec> =
            toml::from_str("number = 'no. {{retry}}'\nloop = '{{loop}}'\nplain = 'x'").unwrap();
        let values = TemplateContext::new(&specs, Rng::seeded(1), Timestamp::UNIX_EPOCH);
        let template = "{{attempt}},{{retries}},{{retry}},{{retry-reason}}";
        assert_eq!(values.text(template).unwrap(), "1,0,,");
        values.set_attempt(3, "late");
        assert_eq!(values.text(template).unwrap(), "3,2,2,late");
        for (template, expected) in [
            ("{{attempt}}", true),
            ("a {{ retry-reason|lower }}", true),
            ("{{sent unix}}", true),
            ("{{number}}", true),
            ("{{time unix}} {{plain}} attempt", false),
            ("{{loop}}", false),
            ("{{attempt", false),
        ] {
            assert_eq!(depends_on_attempt(&specs, template, true), expected, "{template}");
        }
        assert!(!depends_on_attempt(&specs, "{{sent unix}}", false) && depends_on_attempt(&specs, "{{retry}}", false));
    }

    #[test]
    fn a_filter_changes_the_value_in_this_place_only() {
        let specs = "name = 'Dana'\nn = '{{number 5 5}}'";
        let value = filled(specs, r#"["{{name|lower}}@example.com","{{name}}","{{n|text}}","{{n}}"]"#).unwrap();
        assert_eq!(value.to_string(), r#"["dana@example.com","Dana","5",5]"#);
    }

    #[test]
    fn a_template_that_cannot_be_filled_says_why() {
        for (specs, template, expected) in [
            ("", r#""{{nope}}""#, "neither a value nor a generator"),
            ("", r#""{{uuid""#, "has no `}}`"),
            ("a = '{{b}}'\nb = '{{a}}'", r#""{{a}}""#, "refers to itself"),
            ("", r#""{{time noon}}""#, "unknown time format"),
            ("", r#""{{hex x}}""#, "is not a number"),
            ("", r#""{{number 5 4}}""#, "must not be below"),
            ("a = 'x'", r#""{{a|upper}}""#, "unknown filter `upper`"),
            ("a = []", r#""{{a}}""#, "nothing to pick"),
        ] {
            let error = filled(specs, template).unwrap_err();
            assert!(error.contains(expected), "{template}: {error}");
        }
    }
}
