//! The reasons why a request is not valid, by the names that scripts rely on.

use super::ValueSource;

/// The cause of a failure, by the name that scripts rely on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureCause {
    /// A header that the scheme needs is absent or empty.
    MissingHeader,
    /// A header cannot be parsed.
    MalformedHeader,
    /// The signature is right and the timestamp is before the tolerance.
    TimestampTooOld,
    /// The signature is right and the timestamp is after the tolerance.
    TimestampTooNew,
    /// The timestamp is in milliseconds instead of seconds, or the reverse.
    TimestampUnit,
    /// The signature is right for the secret read another way.
    WrongSecretEncoding,
    /// The signature is right and written another way.
    WrongSignatureEncoding,
    /// The signature is right for the body as another JSON serializer writes it.
    BodyChangedReserialized,
    /// The signature is right for the body with other white space around it.
    BodyChangedWhitespace,
    /// The signature is right for other parts of the request.
    SignedContent,
    /// The signature is right by another provider's scheme.
    WrongScheme,
    /// No signature was made with any of the secrets over this request.
    SecretMismatch,
}

impl FailureCause {
    /// Returns whether it is about the time of the request.
    #[must_use]
    pub fn is_about_time(self) -> bool {
        matches!(self, Self::TimestampTooOld | Self::TimestampTooNew)
    }

    /// Returns whether it is about a header that is absent or cannot be parsed.
    #[must_use]
    pub fn is_about_header(self) -> bool {
        matches!(self, Self::MissingHeader | Self::MalformedHeader)
    }

    /// Returns whether other content was signed, or a body that has changed since.
    #[must_use]
    pub fn is_about_content(self) -> bool {
        matches!(self, Self::SignedContent | Self::BodyChangedReserialized | Self::BodyChangedWhitespace)
    }

    /// Returns whether it is claimed only if it reproduces the signature.
    fn is_reproduced(self) -> bool {
        !self.is_about_time() && !self.is_about_header() && self != Self::SecretMismatch
    }

    /// The name in JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::MissingHeader => "missing-header",
            Self::MalformedHeader => "malformed-header",
            Self::TimestampTooOld => "timestamp-too-old",
            Self::TimestampTooNew => "timestamp-too-new",
            Self::TimestampUnit => "timestamp-unit",
            Self::WrongSecretEncoding => "wrong-secret-encoding",
            Self::WrongSignatureEncoding => "wrong-signature-encoding",
            Self::BodyChangedReserialized => "body-changed-reserialized",
            Self::BodyChangedWhitespace => "body-changed-whitespace",
            Self::SignedContent => "signed-content",
            Self::WrongScheme => "wrong-scheme",
            Self::SecretMismatch => "secret-mismatch",
        }
    }
}

/// One cause that holds, with its sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The cause.
    pub cause: FailureCause,
    /// The cause in one sentence.
    pub message: String,
    /// The headers, or other places, that are at fault.
    pub headers: Vec<String>,
}

impl Fault {
    /// Makes a fault that is about no header.
    #[must_use]
    pub fn new(cause: FailureCause, message: impl Into<String>) -> Self {
        Self { cause, message: message.into(), headers: Vec::new() }
    }

    /// Makes the fault of a value that is absent or cannot be parsed; `what` follows its name.
    pub(super) fn malformed(header: &str, what: &str) -> Self {
        Self {
            cause: FailureCause::MalformedHeader,
            message: format!("`{header}` {what}"),
            headers: vec![header.to_owned()],
        }
    }

    /// Makes the fault of values that are absent, or empty.
    pub(super) fn missing(absent: &[&ValueSource], empty: &[&ValueSource]) -> Self {
        let mut parts = Vec::new();
        for (sources, what) in [(absent, "missing"), (empty, "empty")] {
            let names: Vec<String> = sources.iter().map(ToString::to_string).collect();
            match names.as_slice() {
                [] => {}
                [one] => parts.push(format!("{one} is {what}")),
                [first @ .., last] => parts.push(format!("{} and {last} are {what}", first.join(", "))),
            }
        }
        Self {
            cause: FailureCause::MissingHeader,
            message: parts.join(", and "),
            headers: absent.iter().chain(empty).map(|source| source.name().to_owned()).collect(),
        }
    }
}

/// The reason why a request is not valid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerificationFailure {
    /// The most fundamental cause.
    pub cause: FailureCause,
    /// All causes in one sentence.
    pub message: String,
    /// Every cause that holds, the most fundamental one first; never empty.
    pub faults: Vec<Fault>,
    /// True if the signature is right, and only the time is not.
    pub signature_matches: bool,
}

impl VerificationFailure {
    /// Makes the failure of these faults, of which there is at least one, in this order.
    #[must_use]
    pub fn new(faults: Vec<Fault>) -> Self {
        Self::with_lead("", faults)
    }

    /// Makes the failure of a request with a right signature and these faults of its time, of which there is at least
    /// one.
    pub(super) fn of_right_signature(faults: Vec<Fault>) -> Self {
        Self { signature_matches: true, ..Self::with_lead("the signature is right, but ", faults) }
    }

    fn with_lead(lead: &str, faults: Vec<Fault>) -> Self {
        let first = faults.first().expect("a failure has a fault");
        let cause = first.cause;
        let mut message = format!("{lead}{}", first.message);
        for pair in faults.windows(2) {
            let both_reproduced = pair.iter().all(|fault| fault.cause.is_reproduced());
            message.push_str(if both_reproduced { "; and " } else { "; also, " });
            message.push_str(&pair[1].message);
        }
        Self { cause, message, faults, signature_matches: false }
    }

    /// Returns the headers, or other places, that are at fault, the most fundamental one first.
    pub fn headers(&self) -> impl Iterator<Item = &str> {
        self.faults.iter().flat_map(|fault| &fault.headers).map(String::as_str)
    }

    /// Returns the faults of the time as it was read, without those of the headers and the signature.
    pub fn clock_faults(&self) -> impl Iterator<Item = &Fault> {
        let is_about_clock = |fault: &&Fault| fault.cause.is_about_time() || fault.cause == FailureCause::TimestampUnit;
        self.faults.iter().filter(is_about_clock)
    }
}
