//! The format of `provider.toml`, of built-in and custom providers alike.

use indexmap::IndexMap;
use serde::{Deserialize, Deserializer, de};

use super::template::ValueSpec;
use super::{BodyFormat, DeliveryPolicy, Scenario};
use crate::signing::{Challenge, Scheme, ValueSource};

/// A complete file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Manifest {
    pub(super) title: String,
    pub(super) summary: String,
    #[serde(default)]
    pub(super) aliases: Vec<String>,
    /// The edition that a name without one means.
    pub(super) default_edition: String,
    pub(super) secret: SecretSpec,
    pub(super) scheme: Scheme,
    #[serde(default)]
    pub(super) headers: IndexMap<String, String>,
    #[serde(default)]
    pub(super) limits: IndexMap<String, String>,
    pub(super) body: BodySpec,
    #[serde(rename = "parts")]
    pub(super) event_fields: EventFieldsSpec,
    pub(super) delivery: DeliveryPolicy,
    #[serde(rename = "answers")]
    pub(super) responses: ProviderResponses,
    #[serde(default)]
    pub(super) values: IndexMap<String, ValueSpec>,
    pub(super) edition: IndexMap<String, Edition>,
    #[serde(default)]
    pub(super) event: Vec<EventSpec>,
    #[serde(default)]
    pub(super) challenge: Vec<Challenge>,
    #[serde(default)]
    pub(super) scenario: Vec<Scenario>,
}

/// The differences of one edition; a table given here replaces the one above.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Edition {
    pub(super) summary: String,
    /// Names of the provider that mean this edition.
    #[serde(default)]
    pub(super) aliases: Vec<String>,
    /// The edition with files of bodies that it shares; absent means its own.
    pub(super) bodies: Option<String>,
    /// Values that replace the provider's own of the same names.
    #[serde(default)]
    pub(super) values: IndexMap<String, ValueSpec>,
    pub(super) scheme: Option<Scheme>,
    pub(super) delivery: Option<DeliveryPolicy>,
    pub(super) headers: Option<IndexMap<String, String>>,
    #[serde(rename = "parts")]
    pub(super) event_fields: Option<EventFieldsSpec>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct SecretSpec {
    /// Template of a new secret.
    pub(super) make: String,
    /// Template of a new key pair, if the provider can sign with one.
    pub(super) make_pair: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct BodySpec {
    #[serde(rename = "style")]
    pub(super) format: BodyFormat,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct EventFieldsSpec {
    #[serde(rename = "type", deserialize_with = "sources")]
    pub(super) event_type: Vec<ValueSource>,
    #[serde(deserialize_with = "sources")]
    pub(super) id: Vec<ValueSource>,
    /// Template of a new id.
    pub(super) make_id: String,
    #[serde(default, deserialize_with = "sources")]
    pub(super) from: Vec<ValueSource>,
    #[serde(default, deserialize_with = "sources")]
    pub(super) to: Vec<ValueSource>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct EventSpec {
    #[serde(rename = "type")]
    pub(super) event_type: String,
    pub(super) description: String,
    /// The editions that have it; absent means all.
    pub(super) editions: Option<Vec<String>>,
    /// The body; absent means the file `events/<edition>/<type>.json`.
    pub(super) body: Option<toml::Spanned<String>>,
}

/// The responses of the provider's own samples.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ProviderResponses {
    /// To a valid request.
    #[serde(rename = "ok")]
    pub valid: StaticResponse,
    /// To any other request.
    pub invalid: StaticResponse,
}

/// A response that is always the same.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct StaticResponse {
    /// The status.
    pub status: u16,
    /// The body.
    pub body: String,
    /// Its media type.
    #[serde(default = "plain_text")]
    pub content_type: String,
}

fn plain_text() -> String {
    "text/plain; charset=utf-8".to_owned()
}

fn sources<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<ValueSource>, D::Error> {
    Vec::<String>::deserialize(deserializer)?.iter().map(|one| one.parse().map_err(de::Error::custom)).collect()
}
