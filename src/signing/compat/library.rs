//! The published Standard Webhooks libraries.

use super::base64::{Base64Dialect, Padding, SkippedChars};

/// A published library of the Standard Webhooks project, by its language.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReferenceLibrary {
    /// `standardwebhooks` 1.1 for JavaScript.
    JavaScript,
    /// `standardwebhooks` 1.1 for Python.
    Python,
    /// `standardwebhooks` 1.0 for Rust.
    Rust,
    /// For Go.
    Go,
    /// For Ruby.
    Ruby,
    /// For PHP.
    Php,
    /// For Java.
    Java,
    /// For C#.
    CSharp,
    /// For Elixir.
    Elixir,
}

use ReferenceLibrary::{CSharp, Elixir, Go, Java, JavaScript, Php, Python, Ruby, Rust};

impl ReferenceLibrary {
    /// All libraries.
    pub const ALL: [Self; 9] = [JavaScript, Python, Rust, Go, Ruby, Php, Java, CSharp, Elixir];

    /// Returns the name on the command line and in JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            JavaScript => "javascript",
            Python => "python",
            Rust => "rust",
            Go => "go",
            Ruby => "ruby",
            Php => "php",
            Java => "java",
            CSharp => "csharp",
            Elixir => "elixir",
        }
    }

    /// Returns the name for people.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            JavaScript => "JavaScript",
            Python => "Python",
            Rust => "Rust",
            Go => "Go",
            Ruby => "Ruby",
            Php => "PHP",
            Java => "Java",
            CSharp => "C#",
            Elixir => "Elixir",
        }
    }

    /// Returns the usual way to give it a secret.
    pub(super) fn constructor(self) -> &'static str {
        match self {
            JavaScript | Java | CSharp => "new Webhook(secret)",
            Python => "Webhook(secret)",
            Rust => "Webhook::new(&secret)",
            Go => "NewWebhook(secret)",
            Ruby => "Webhook.new(secret)",
            Php => "new Webhook($secret)",
            Elixir => "Webhook.verify",
        }
    }

    /// Returns the way to give it a key that is text and not base64, if there is one.
    pub(super) fn raw_key_constructor(self) -> Option<&'static str> {
        match self {
            JavaScript => Some("new Webhook(Buffer.from(secret), { format: \"raw\" })"),
            Python => Some("Webhook(secret.encode())"),
            Rust => Some("Webhook::from_bytes(secret.into_bytes())"),
            Go => Some("NewWebhookRaw([]byte(secret))"),
            Java => Some("new Webhook(secret.getBytes(UTF_8))"),
            CSharp => Some("new Webhook(Encoding.UTF8.GetBytes(secret))"),
            // The one for Ruby decodes base64 all the same, the one for PHP always throws, the one for Elixir has none.
            Ruby | Php | Elixir => None,
        }
    }

    pub(super) fn base64_dialect(self) -> Base64Dialect {
        let (skipped_chars, padding) = match self {
            JavaScript => (SkippedChars::Nothing, Padding::FromTheEnd),
            Python => (SkippedChars::Foreign, Padding::Counted),
            Rust | Elixir => (SkippedChars::Nothing, Padding::Needed),
            Go => (SkippedChars::LineBreaks, Padding::Needed),
            Ruby | Php => (SkippedChars::Foreign, Padding::Ignored),
            Java => (SkippedChars::Nothing, Padding::Optional),
            CSharp => (SkippedChars::WhiteSpace, Padding::Needed),
        };
        Base64Dialect { skipped_chars, padding, canonical: self == Rust, twice: self == Elixir }
    }
}

#[cfg(test)]
mod tests {
    use ::base64::Engine as _;
    use ::base64::engine::general_purpose::STANDARD;
    use serde_json::Value;

    use super::*;
    use crate::signing::{Key, KeyFormat, SignatureAlgorithm};

    #[test]
    fn every_secret_vector_is_decoded_as_the_libraries_did() {
        const RECORDED: [(ReferenceLibrary, &str); 8] = [
            (JavaScript, "js_std_1.1.1"),
            (Python, "py_std_1.1.0"),
            (Rust, "rust_std_1.0.1"),
            (Go, "go_std_head"),
            (Ruby, "ruby_std_head"),
            (Php, "php_std_head"),
            (Java, "java_std_head"),
            (CSharp, "cs_std_head_mono"),
        ];
        let text = include_str!("../../../tests/it/vectors/standard-webhooks.json");
        let vectors: Value = serde_json::from_str(text).unwrap();
        let mut compared = 0;
        for case in vectors["secret_vectors"]["vectors"].as_array().unwrap() {
            let (name, Some(secret)) = (&case["name"], case["secret"].as_str()) else { continue };
            for (library, recorded) in RECORDED {
                let names_library = |list: &Value| list.as_array().unwrap().iter().any(|one| one == recorded);
                let other = case["disagree"].as_array().unwrap().iter().find(|other| names_library(&other["libs"]));
                let derived = library.base64_dialect().key(secret);
                match other.map(|other| other["result"].as_str().unwrap()) {
                    Some(result) if result.starts_with("error") => assert_eq!(derived, None, "{name} {library:?}"),
                    // The empty key of older versions does not matter here: it is rejected before.
                    None if !names_library(&case["agree"]) || secret == "whsec_" => continue,
                    None => {
                        let key = KeyFormat::Hex.read(case["intended_key_hex"].as_str().unwrap());
                        assert_eq!(derived.map(Key::Shared), key.ok(), "{name} {library:?}");
                    }
                    Some(signature) => {
                        let prepared =
                            SignatureAlgorithm::HmacSha256.prepare_key(&Key::Shared(derived.unwrap())).unwrap();
                        let pieces: [&[u8]; 2] =
                            [b"msg_p5jXN8AQM9LWM0D4loKWxJek.1614265330.", br#"{"test": 2432232314}"#];
                        let made = STANDARD.encode(prepared.sign(&pieces).unwrap());
                        assert_eq!(format!("v1,{made}"), signature, "{name} {library:?}");
                    }
                }
                compared += 1;
            }
        }
        assert!(compared > 150, "{compared}");
    }
}
