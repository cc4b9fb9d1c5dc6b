//! The `OpenAPI` description of the APIs that are served.
//!
//! Each API has a file in `description/`, in a short form: a parameter and a schema are named alone, and the parameters
//! of a path and the errors that every operation can have are not repeated. `build.rs` writes it without spaces. A test
//! compares the routes that are described with those that are served.

use std::sync::OnceLock;

use axum::body::Bytes;
use axum::http::StatusCode;
use serde_json::{Map, Value, json};

/// Returns the file of an API, as `build.rs` wrote it.
macro_rules! description_file {
    ($name:literal) => {
        include_str!(concat!(env!("OUT_DIR"), "/description/", $name, ".json"))
    };
}

pub(super) use description_file;

/// The description of one API, at the paths where it is served.
pub(super) struct ApiDescription {
    /// The name that its operations and its components start with.
    pub(super) name: &'static str,
    /// Its file.
    pub(super) file: &'static str,
    /// The path that its routes start with.
    pub(super) base: String,
    /// A path that it is below as well.
    pub(super) also_below: Option<String>,
    /// The types of event that it has.
    pub(super) event_types: Vec<String>,
    /// True if it can reject calls because there were too many.
    pub(super) has_rate_limit: bool,
}

/// The whole description, which is written when it is read first.
pub(super) struct Description {
    apis: Vec<ApiDescription>,
    json: OnceLock<Bytes>,
}

impl Description {
    pub(super) fn new(apis: Vec<ApiDescription>) -> Self {
        Self { apis, json: OnceLock::new() }
    }

    /// Returns it as JSON.
    pub(super) fn json(&self) -> Bytes {
        self.json.get_or_init(|| self.document().to_string().into()).clone()
    }

    fn document(&self) -> Value {
        let (mut paths, mut components) = (Map::new(), Map::new());
        for api in &self.apis {
            api.add(&mut paths, &mut components);
        }
        components.insert(
            "securitySchemes".to_owned(),
            json!({ "key": {
                "type": "http",
                "scheme": "bearer",
                "description": "The key that `whk serve` prints, or that `--api-key` sets",
            } }),
        );
        let tags: Vec<Value> = self.apis.iter().map(|api| json!({ "name": api.name })).collect();
        json!({
            "openapi": "3.1.0",
            "info": {
                "title": "whk serve",
                "version": env!("CARGO_PKG_VERSION"),
                "description": "The webhook APIs of providers, on this machine. `GET` can be `HEAD` as well; a method \
                                that a path does not have is 405 with `allow`, and an unknown path is 404 with a list \
                                of the known ones.",
            },
            "servers": [{ "url": "/" }],
            "security": [{ "key": [] }],
            "tags": tags,
            "paths": paths,
            "components": components,
        })
    }
}

impl ApiDescription {
    /// Adds the paths and the components of this API to those of a document.
    fn add(&self, paths: &mut Map<String, Value>, components: &mut Map<String, Value>) {
        let mut file: Map<String, Value> = serde_json::from_str(self.file).expect("build.rs has read and written it");
        let mut statuses = Vec::new();
        for kind in ["paths", "parameters", "schemas"] {
            if let Some(entries) = file.get_mut(kind) {
                self.expand(entries);
            }
        }
        for (path, operations) in section(&mut file, "paths") {
            let Value::Object(operations) = operations else { continue };
            let mut item = Map::new();
            if let Some(below) = &self.also_below {
                item.insert("servers".to_owned(), json!([{ "url": "/" }, { "url": below }]));
            }
            let in_path: Vec<Value> = names_in(&path).map(|name| self.link("parameters", name)).collect();
            if !in_path.is_empty() {
                item.insert("parameters".to_owned(), in_path.into());
            }
            for (method, operation) in operations {
                let Value::Object(operation) = operation else { continue };
                item.insert(method, self.operation(operation, path.contains('{'), &mut statuses).into());
            }
            paths.insert(format!("{}{path}", self.base), item.into());
        }
        statuses.sort_unstable();
        statuses.dedup();
        let errors = statuses.into_iter().map(|status| (status.to_string(), self.error(status)));
        for (kind, entries) in [
            ("parameters", section(&mut file, "parameters")),
            ("responses", errors.collect()),
            ("schemas", section(&mut file, "schemas")),
        ] {
            let all = components.entry(kind).or_insert_with(|| Map::new().into());
            for (name, entry) in entries {
                all[format!("{}.{name}", self.name)] = entry;
            }
        }
    }

    /// Writes an operation in full; notes the errors that it can have.
    fn operation(&self, mut short: Map<String, Value>, has_id: bool, statuses: &mut Vec<u16>) -> Map<String, Value> {
        let mut operation = Map::new();
        let id = short.remove("id").unwrap_or_default();
        operation.insert("operationId".to_owned(), format!("{}.{}", self.name, id.as_str().unwrap_or_default()).into());
        operation.insert("tags".to_owned(), json!([self.name]));
        let mut errors = vec![400, 403, 500];
        if short.get("security").is_none_or(|security| security.as_array().is_some_and(|any| !any.is_empty())) {
            errors.push(401);
        }
        if has_id {
            errors.push(404);
        }
        if self.has_rate_limit {
            errors.push(429);
        }
        if let Some(Value::Array(names)) = short.get_mut("parameters") {
            for name in names {
                *name = self.link("parameters", name.as_str().unwrap_or_default());
            }
        }
        if let Some(Value::String(schema)) = short.get("requestBody") {
            let body = json!({ "required": true, "content": self.content(schema) });
            short.insert("requestBody".to_owned(), body);
        }
        if short.contains_key("requestBody") {
            errors.push(413);
        }
        let mut responses = Map::new();
        for (status, response) in section(&mut short, "responses") {
            match &response {
                Value::String(schema) if schema == "Error" => errors.extend(status.parse::<u16>()),
                Value::String(schema) => {
                    let description = if status == "201" { "Created" } else { "Success" };
                    responses.insert(status, json!({ "description": description, "content": self.content(schema) }));
                }
                _ => drop(responses.insert(status, response)),
            }
        }
        errors.sort_unstable();
        statuses.extend(&errors);
        for status in errors {
            responses.insert(status.to_string(), self.link("responses", &status.to_string()));
        }
        operation.append(&mut short);
        operation.insert("responses".to_owned(), responses.into());
        operation
    }

    /// Describes the response of an error.
    fn error(&self, status: u16) -> Value {
        let description = match status {
            400 => "The request is malformed, or a parameter or a field is missing or not possible",
            401 => "The key is missing or wrong",
            403 => "The request is not allowed: it comes from a page of another origin, or reaches a limit",
            404 => "There is nothing with this id in this account",
            409 => "The request contradicts the present state, or an earlier request",
            413 => "The body is too large",
            422 => "The key of idempotency was used with another request",
            429 => "There were too many calls; with `--rate-limits` only",
            500 => "The server failed",
            _ => StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason()).unwrap_or("Error"),
        };
        let mut response = json!({ "description": description, "content": self.content("Error") });
        if status == 401 {
            response["headers"] = json!({ "www-authenticate": { "required": true, "schema": { "const": "Bearer" } } });
        }
        response
    }

    fn content(&self, schema: &str) -> Value {
        json!({ "application/json": { "schema": self.link("schemas", schema) } })
    }

    fn link(&self, kind: &str, name: &str) -> Value {
        json!({ "$ref": format!("#/components/{kind}/{}.{name}", self.name) })
    }

    /// Completes the links to schemas, and the lists of event types.
    fn expand(&self, value: &mut Value) {
        match value {
            Value::Object(fields) => {
                if let Some(Value::String(name)) = fields.get("$ref") {
                    *value = self.link("schemas", name);
                    return;
                }
                for (name, field) in fields {
                    if name == "enum" && field == "EVENTS" {
                        *field = json!(self.event_types);
                    } else {
                        self.expand(field);
                    }
                }
            }
            Value::Array(items) => items.iter_mut().for_each(|item| self.expand(item)),
            _ => {}
        }
    }
}

/// Takes a section out of a file; empty if it is missing.
fn section(file: &mut Map<String, Value>, name: &str) -> Map<String, Value> {
    match file.remove(name) {
        Some(Value::Object(section)) => section,
        _ => Map::new(),
    }
}

/// Returns the names in braces in a path.
fn names_in(path: &str) -> impl Iterator<Item = &str> {
    path.split('{').skip(1).filter_map(|rest| rest.split('}').next())
}
