//! The values that flags take, each parsed at the boundary.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, de};

use crate::duration::HumanDuration;
use crate::receiver::DEFAULT_PORT;
use crate::signing::{ReferenceLibrary, Tolerance};

/// A time: absolute, or relative to the real clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeArg {
    /// This time.
    At(Timestamp),
    /// This long before now.
    Before(HumanDuration),
    /// This long after now.
    After(HumanDuration),
}

impl TimeArg {
    /// Returns the time, relative to `now`.
    ///
    /// # Errors
    /// It is outside the range of times, which ends with the year 9999.
    pub fn from(self, now: Timestamp) -> Result<Timestamp, String> {
        match self {
            Self::At(time) => Ok(time),
            Self::Before(span) => now.checked_sub(span.0).map_err(|error| error.to_string()),
            Self::After(span) => now.checked_add(span.0).map_err(|error| error.to_string()),
        }
    }
}

impl FromStr for TimeArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is not a time, expected RFC 3339, unix seconds, `now`, `-10m` or `+6m`");
        if text == "now" {
            return Ok(Self::After(HumanDuration::default()));
        }
        if let Ok(seconds) = text.parse::<i64>()
            && !text.starts_with('+')
        {
            return Timestamp::from_second(seconds).map(Self::At).map_err(|_| wrong());
        }
        match text.split_at_checked(1) {
            Some(("-", span)) => span.parse().map(Self::Before).map_err(|_| wrong()),
            Some(("+", span)) => span.parse().map(Self::After).map_err(|_| wrong()),
            _ => text.parse().map(Self::At).map_err(|_| wrong()),
        }
    }
}

/// The address to listen on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListenAddress {
    /// The host: a name or an IP address.
    pub host: String,
    /// The port; 0 is any free one.
    pub port: u16,
}

impl Default for ListenAddress {
    fn default() -> Self {
        Self { host: "127.0.0.1".to_owned(), port: DEFAULT_PORT }
    }
}

impl FromStr for ListenAddress {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::parse(text, DEFAULT_PORT)
    }
}

impl ListenAddress {
    /// Reads an address; a host alone has the default port.
    fn parse(text: &str, default_port: u16) -> Result<Self, String> {
        let wrong = || format!("`{text}` is not an address to listen on, expected PORT or HOST:PORT");
        let bare = text.strip_prefix(':').unwrap_or(text);
        if let Ok(port) = bare.parse() {
            return Ok(Self { port, ..Self::default() });
        }
        if text.chars().all(|c| c.is_ascii_digit()) || text.contains(['/', ' ']) {
            return Err(wrong());
        }
        let (host, port) = match text.rsplit_once(':') {
            Some((host, port)) if !host.contains(':') || host.ends_with(']') => {
                (host, port.parse().map_err(|_| wrong())?)
            }
            // Far more often a mistyped port than a host name without a port.
            _ if text.starts_with(|c: char| c.is_ascii_digit()) && !text.contains(['.', ':']) => return Err(wrong()),
            _ => (text, default_port),
        };
        let inner = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        let host = inner.filter(|inner| inner.parse::<std::net::Ipv6Addr>().is_ok()).unwrap_or(host);
        let colon = host.contains(':') && host.parse::<std::net::Ipv6Addr>().is_err();
        if host.is_empty() || colon || host.contains(['[', ']']) {
            Err(wrong())
        } else {
            Ok(Self { host: host.to_owned(), port })
        }
    }
}

impl fmt::Display for ListenAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

impl<'de> Deserialize<'de> for ListenAddress {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// The address of `whk serve`, which has a default of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServeAddress(pub ListenAddress);

/// The port of `whk serve`, beside that of `whk listen`.
const DEFAULT_SERVE_PORT: u16 = 9460;

impl Default for ServeAddress {
    fn default() -> Self {
        Self(ListenAddress { port: DEFAULT_SERVE_PORT, ..ListenAddress::default() })
    }
}

impl FromStr for ServeAddress {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        ListenAddress::parse(text, DEFAULT_SERVE_PORT).map(Self)
    }
}

impl<'de> Deserialize<'de> for ServeAddress {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// A header in curl's form: `Name: value`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeaderArg {
    /// The name.
    pub name: String,
    /// The value, without the white space around it.
    pub value: String,
}

impl FromStr for HeaderArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is not a header, expected `Name: value`");
        let (name, value) = text.split_once(':').ok_or_else(wrong)?;
        let token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
        if name.is_empty() || !name.chars().all(token) || value.contains(['\r', '\n', '\0']) {
            return Err(wrong());
        }
        Ok(Self { name: name.to_owned(), value: value.trim().to_owned() })
    }
}

/// A number of bytes: `4096`, `256KiB`, `1MiB`, `2MB`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ByteSize(pub u64);

impl FromStr for ByteSize {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is not a size, expected one such as `4096`, `256KiB` or `1MiB`");
        let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let (number, unit) = text.split_at(end);
        let scale: u64 = match unit.to_ascii_lowercase().as_str() {
            "" | "b" => 1,
            "kb" => 1000,
            "k" | "kib" => 1 << 10,
            "mb" => 1_000_000,
            "m" | "mib" => 1 << 20,
            "gb" => 1_000_000_000,
            "g" | "gib" => 1 << 30,
            _ => return Err(wrong()),
        };
        number.parse::<u64>().ok().and_then(|number| number.checked_mul(scale)).map(Self).ok_or_else(wrong)
    }
}

impl<'de> Deserialize<'de> for ByteSize {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// The tolerance for timestamps: a duration, or `none` for any time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ToleranceArg(pub Tolerance);

impl FromStr for ToleranceArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "none" {
            return Ok(Self(Tolerance::Unlimited));
        }
        text.parse::<HumanDuration>()
            .map(|span| Self(Tolerance::Seconds(span.0.as_secs())))
            .map_err(|error| format!("{error}, or `none`"))
    }
}

impl<'de> Deserialize<'de> for ToleranceArg {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// Libraries that must accept a request as well: one of them, or all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LibraryFilter(Option<ReferenceLibrary>);

impl LibraryFilter {
    /// Returns whether it selects this library.
    #[must_use]
    pub fn matches(self, library: ReferenceLibrary) -> bool {
        self.0.is_none_or(|only| only == library)
    }
}

impl clap::ValueEnum for LibraryFilter {
    fn value_variants<'a>() -> &'a [Self] {
        const VARIANTS: [LibraryFilter; ReferenceLibrary::ALL.len() + 1] = {
            let mut variants = [LibraryFilter(None); ReferenceLibrary::ALL.len() + 1];
            let mut at = 0;
            while at < ReferenceLibrary::ALL.len() {
                variants[at] = LibraryFilter(Some(ReferenceLibrary::ALL[at]));
                at += 1;
            }
            variants
        };
        &VARIANTS
    }

    fn to_possible_value(&self) -> Option<clap::builder::PossibleValue> {
        Some(clap::builder::PossibleValue::new(self.0.map_or("all", ReferenceLibrary::name)))
    }
}

/// Parses the maximum number of attempts in flight: above 10000, most systems have no more sockets.
pub(super) fn concurrency(text: &str) -> Result<usize, String> {
    let number = text.parse().ok().filter(|number| (1..=10_000).contains(number));
    number.ok_or_else(|| format!("`{text}` is not a number from 1 to 10000"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bare_port_binds_loopback() {
        for (text, expected) in [
            ("3000", "127.0.0.1:3000"),
            (":3000", "127.0.0.1:3000"),
            ("0.0.0.0:1", "0.0.0.0:1"),
            ("localhost", "localhost:9450"),
            ("[::1]:80", "[::1]:80"),
            ("::1", "[::1]:9450"),
            ("3f2ab:80", "3f2ab:80"),
        ] {
            assert_eq!(text.parse::<ListenAddress>().unwrap().to_string(), expected, "{text}");
        }
        for bad in ["", "70000", "a:b", "http://x", ":", "[=]:1", "[[::1]]", "80x"] {
            assert!(bad.parse::<ListenAddress>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn times_are_absolute_or_relative() {
        let now: Timestamp = "2026-03-02T08:00:00Z".parse().unwrap();
        for (text, expected) in [
            ("now", "2026-03-02T08:00:00Z"),
            ("-10m", "2026-03-02T07:50:00Z"),
            ("+6m", "2026-03-02T08:06:00Z"),
            ("1772438400", "2026-03-02T08:00:00Z"),
            ("2026-03-02T09:00:00+01:00", "2026-03-02T08:00:00Z"),
        ] {
            assert_eq!(text.parse::<TimeArg>().unwrap().from(now).unwrap().to_string(), expected, "{text}");
        }
        for bad in ["", "10m", "yesterday", "+", "99999999999999"] {
            assert!(bad.parse::<TimeArg>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn sizes_and_headers() {
        assert_eq!("1MiB".parse(), Ok(ByteSize(1 << 20)));
        assert_eq!("256k".parse(), Ok(ByteSize(256 << 10)));
        assert!("1XB".parse::<ByteSize>().is_err() && "".parse::<ByteSize>().is_err());
        assert_eq!("X-A:  b: c ".parse(), Ok(HeaderArg { name: "X-A".into(), value: "b: c".into() }));
        for bad in ["x", ": y", "a b: c", "a: b\nc: d"] {
            assert!(bad.parse::<HeaderArg>().is_err(), "{bad:?}");
        }
    }
}
