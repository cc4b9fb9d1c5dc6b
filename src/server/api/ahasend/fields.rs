//! The fields of a webhook in a request: all of them optional in an update, where null changes nothing.

use serde_json::{Map, Value};

use crate::server::api::error::ApiError;
use crate::server::api::validation::check_url;
use crate::server::model::WebhookFields;
use crate::signing::Secret;

/// The fields that turn an event on, each with the event's type.
pub(super) const FLAGS: [(&str, &str); 10] = [
    ("on_reception", "message.reception"),
    ("on_delivered", "message.delivered"),
    ("on_transient_error", "message.transient_error"),
    ("on_failed", "message.failed"),
    ("on_bounced", "message.bounced"),
    ("on_suppressed", "message.suppressed"),
    ("on_opened", "message.opened"),
    ("on_clicked", "message.clicked"),
    ("on_suppression_created", "suppression.created"),
    ("on_dns_error", "domain.dns_error"),
];

/// Maximum length of a name in characters.
const MAX_NAME: usize = 255;

/// The part of an account that a webhook is for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Scope {
    Global,
    Scoped,
}

/// The fields that a request has.
pub(super) struct Changes {
    name: Option<String>,
    url: Option<String>,
    enabled: Option<bool>,
    flags: Vec<(&'static str, bool)>,
    scope: Option<Scope>,
    domains: Option<Vec<String>>,
}

impl Changes {
    /// Reads a body.
    pub(super) fn read(body: &Map<String, Value>) -> Result<Self, ApiError> {
        let name = text(body, "name")?;
        if name.as_ref().is_some_and(|name| name.trim().is_empty() || name.chars().count() > MAX_NAME) {
            return Err(ApiError::invalid(format!("`name` is not a text of 1 to {MAX_NAME} characters")));
        }
        let url = text(body, "url")?;
        url.as_deref().map(check_url).transpose()?;
        let mut flags = Vec::new();
        for (flag, event_type) in FLAGS {
            if let Some(on) = boolean(body, flag)? {
                flags.push((event_type, on));
            }
        }
        let scope = match text(body, "scope")?.as_deref() {
            None => None,
            Some("global") => Some(Scope::Global),
            Some("scoped") => Some(Scope::Scoped),
            Some(_) => return Err(ApiError::invalid("`scope` is not one of global, scoped")),
        };
        Ok(Self { name, url, enabled: boolean(body, "enabled")?, flags, scope, domains: domains(body)? })
    }

    /// Returns the fields of a new webhook, without its secret, provider and account.
    pub(super) fn create(self) -> Result<WebhookFields, ApiError> {
        for (name, missing) in
            [("name", self.name.is_none()), ("url", self.url.is_none()), ("scope", self.scope.is_none())]
        {
            if missing {
                return Err(ApiError::invalid(format!("`{name}` is missing")));
            }
        }
        self.apply(WebhookFields {
            provider: String::new(),
            account: String::new(),
            url: String::new(),
            secret: Secret::new(String::new()),
            events: Vec::new(),
            enabled: true,
            details: Map::from_iter([
                ("name".to_owned(), Value::Null),
                ("scope".to_owned(), "global".into()),
                ("domains".to_owned(), Value::Array(Vec::new())),
            ]),
        })
    }

    /// Changes the fields of a webhook.
    pub(super) fn apply(self, mut fields: WebhookFields) -> Result<WebhookFields, ApiError> {
        fields.url = self.url.unwrap_or(fields.url);
        fields.enabled = self.enabled.unwrap_or(fields.enabled);
        if let Some(name) = self.name {
            fields.details.insert("name".to_owned(), name.into());
        }
        for (event_type, on) in self.flags {
            fields.events.retain(|have| have != event_type);
            if on {
                fields.events.push(event_type.to_owned());
            }
        }
        let was_scoped = fields.details.get("scope").is_some_and(|scope| scope == "scoped");
        match self.scope {
            Some(Scope::Global) => set_scope(&mut fields, "global", Vec::new()),
            None if !was_scoped => {}
            Some(Scope::Scoped) if !was_scoped => match self.domains {
                Some(domains) if !domains.is_empty() => set_scope(&mut fields, "scoped", domains),
                _ => return Err(ApiError::invalid("`domains` is empty, expected at least one for the scope `scoped`")),
            },
            Some(Scope::Scoped) | None => {
                if let Some(domains) = self.domains {
                    set_scope(&mut fields, "scoped", domains);
                }
            }
        }
        Ok(fields)
    }
}

fn set_scope(fields: &mut WebhookFields, scope: &str, domains: Vec<String>) {
    fields.details.insert("scope".to_owned(), scope.into());
    fields.details.insert("domains".to_owned(), domains.into());
}

fn text(body: &Map<String, Value>, name: &str) -> Result<Option<String>, ApiError> {
    match body.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(ApiError::invalid(format!("`{name}` is not a text"))),
    }
}

fn boolean(body: &Map<String, Value>, name: &str) -> Result<Option<bool>, ApiError> {
    match body.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Bool(value)) => Ok(Some(*value)),
        Some(_) => Err(ApiError::invalid(format!("`{name}` is not true or false"))),
    }
}

fn domains(body: &Map<String, Value>) -> Result<Option<Vec<String>>, ApiError> {
    let wrong = || ApiError::invalid("`domains` is not a list of domains");
    let items = match body.get("domains") {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::Array(items)) => items,
        Some(_) => return Err(wrong()),
    };
    let mut domains: Vec<String> = Vec::new();
    for item in items {
        let domain = item.as_str().filter(|domain| !domain.trim().is_empty()).ok_or_else(wrong)?;
        if !domains.iter().any(|have| have == domain) {
            domains.push(domain.to_owned());
        }
    }
    Ok(Some(domains))
}
