//! Scenarios: the events of one message's life, in order.

use std::str::FromStr;
use std::time::Duration;

use indexmap::IndexMap;
use serde::{Deserialize, Deserializer, de};

use crate::duration::HumanDuration;

/// Events that belong together. They share the values of one message.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Scenario {
    /// The name.
    pub name: String,
    /// Description.
    pub description: String,
    /// The events in order.
    #[serde(deserialize_with = "steps")]
    pub steps: Vec<ScenarioStep>,
    /// The editions that have it; absent means all.
    pub editions: Option<Vec<String>>,
    /// Values that replace the provider's own of the same names.
    #[serde(default)]
    pub values: IndexMap<String, String>,
}

/// One event, and its delay after the previous one. Written `TYPE` or `TYPE +DURATION`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScenarioStep {
    /// The event's type.
    pub event_type: String,
    /// The time since the previous step.
    pub delay: Duration,
}

impl FromStr for ScenarioStep {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once(" +") {
            None if text.is_empty() || text.contains(' ') => {
                Err(format!("`{text}` is not a step, expected TYPE or `TYPE +DURATION`"))
            }
            None => Ok(Self { event_type: text.to_owned(), delay: Duration::ZERO }),
            Some((event_type, delay)) => {
                Ok(Self { event_type: event_type.to_owned(), delay: delay.parse::<HumanDuration>()?.0 })
            }
        }
    }
}

fn steps<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<ScenarioStep>, D::Error> {
    let steps: Vec<String> = Vec::deserialize(deserializer)?;
    if steps.is_empty() {
        return Err(de::Error::custom("a scenario needs at least one step"));
    }
    steps.iter().map(|step| step.parse().map_err(de::Error::custom)).collect()
}
