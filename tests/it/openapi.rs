//! The description of the APIs of `whk serve`: it has every route and no other, published tools accept it, and the server
//! does what it says.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::guides::setting;
use crate::harness::env::TestEnv;
use crate::harness::handler::TestHandler;
use crate::harness::http::Answer;
use crate::harness::serve::{KEY, ServeProcess};
use crate::harness::snapshot;

/// The path of the description.
const PATH: &str = "/_whk/openapi.json";

/// An account of AhaSend.
const ACCOUNT: &str = "4cdd7bdd-294e-4762-892f-83d40abf5a87";

/// The methods of a path.
type Methods = BTreeSet<String>;

fn description(serving: &ServeProcess) -> Value {
    serving.succeed("GET", PATH, &Value::Null)
}

/// The paths of a description with their methods; an `OpenAPI` path has other keys as well.
fn described(description: &Value) -> BTreeMap<String, Methods> {
    let methods = ["get", "put", "post", "delete", "options", "head", "patch", "trace"];
    let paths = description["paths"].as_object().unwrap();
    let of = |item: &Value| -> Methods {
        let keys = item.as_object().unwrap().keys();
        keys.filter(|key| methods.contains(&key.as_str())).map(|key| key.to_uppercase()).collect()
    };
    paths.iter().map(|(path, item)| (path.clone(), of(item))).collect()
}

/// The paths of the router with their methods, where these providers are served in this order.
fn routed(providers: &[&str]) -> BTreeMap<String, Methods> {
    let mut served: BTreeMap<String, Methods> = BTreeMap::new();
    let mut add = |path: String, method: String| {
        served.entry(path).or_default().insert(method);
    };
    let mut bases = BTreeSet::new();
    for provider in providers {
        let routes = whk::server::routes(provider);
        let base = |path: &str| path.split('/').nth(1).unwrap().to_owned();
        let is_first = bases.insert(base(&routes[0].1));
        for (method, path) in routes {
            add(if is_first { path } else { format!("/{provider}{path}") }, method.to_string());
        }
    }
    for (method, path) in whk::server::own_routes() {
        add(path, method.to_string());
    }
    served
}

/// The methods that the server has at a path: those that its response to another method allows.
fn allowed(serving: &ServeProcess, path: &str) -> Methods {
    let filled = path.replace("{account_id}", ACCOUNT).replace("{webhook_id}", ACCOUNT);
    let filled = filled.replace(['{', '}'], "");
    let Answer { status, head, .. } = serving.call_with("PATCH", &filled, "{}");
    assert_eq!(status, 405, "PATCH {filled}: {head}");
    let allow = head.lines().find_map(|line| line.strip_prefix("allow: ")).unwrap();
    allow.split(',').filter(|method| *method != "HEAD").map(str::to_owned).collect()
}

#[test]
fn every_route_is_described_and_every_described_route_is_there() {
    let room = TestEnv::new();
    let all = whk::server::providers_with_api();
    for providers in [all.as_slice(), &["autosend"], &["ahasend", "aisend", "selfmx"]] {
        let chosen: Vec<&str> = providers.iter().flat_map(|name| ["-p", name]).collect();
        let serving = room.serve(if providers == all { &[] } else { &chosen });
        let description = description(&serving);
        let described = described(&description);
        assert_eq!(described, routed(providers), "{providers:?}");
        for (path, methods) in described {
            assert_eq!(allowed(&serving, &path), methods, "{path}");
            let servers = description["paths"][&path]["servers"].as_array().cloned().unwrap_or_default();
            for below in servers.iter().map(|server| server["url"].as_str().unwrap()).filter(|url| *url != "/") {
                assert_eq!(allowed(&serving, &format!("{below}{path}")), methods, "{below}{path}");
            }
        }
    }
}

#[test]
fn every_link_of_the_description_leads_somewhere_and_every_component_is_used() {
    fn links<'a>(value: &'a Value, found: &mut BTreeSet<&'a str>) {
        match value {
            Value::Object(fields) => fields.iter().for_each(|(name, field)| match field {
                Value::String(link) if name == "$ref" => found.extend([link.as_str()]),
                field => links(field, found),
            }),
            Value::Array(items) => items.iter().for_each(|item| links(item, found)),
            _ => {}
        }
    }
    let room = TestEnv::new();
    let description = description(&room.serve(&[]));
    let mut found = BTreeSet::new();
    links(&description, &mut found);
    for link in &found {
        assert!(description.pointer(&link[1..]).is_some(), "{link}");
    }
    for (kind, entries) in description["components"].as_object().unwrap() {
        for name in entries.as_object().unwrap().keys().filter(|_| kind != "securitySchemes") {
            assert!(found.contains(format!("#/components/{kind}/{name}").as_str()), "{kind} {name} is not used");
        }
    }
}

#[test]
fn the_description_needs_no_key_and_holds_none() {
    let room = TestEnv::new();
    let serving = room.serve(&[]);
    let answer = serving.request("GET", PATH, "", "");
    assert_eq!(answer.status, 200);
    assert!(answer.head.contains("\r\ncontent-type: application/json\r\n"), "{}", answer.head);
    assert!(!answer.body.contains(KEY), "{}", answer.body);
    let page = serving.request("GET", PATH, "origin: https://evil.example\r\n", "");
    assert_eq!(page.status, 403);
}

#[test]
fn the_committed_description_is_current() {
    let room = TestEnv::new();
    let description = description(&room.serve(&[]));
    snapshot::compare_file("docs/openapi.json", &format!("{description:#}\n"));
}

#[test]
fn a_published_validator_accepts_the_description() {
    let room = TestEnv::new();
    for chosen in [["-p", "selfmx"].as_slice(), &["-p", "ahasend"], &[]] {
        room.write("openapi.json", description(&room.serve(chosen)).to_string());
        let arguments = ["-m", "openapi_spec_validator", "--schema", "3.1", "openapi.json"];
        let output = room.program(setting("WHK_INTEROP_PYTHON"), arguments).run().assert_exit(0);
        assert_eq!(output.stdout(), "openapi.json: OK\n");
    }
}

/// Registers a webhook with each provider and has an event delivered to it; returns the ids by the start of the path.
fn webhooks_with_logs(serving: &ServeProcess, handler: &TestHandler) -> Value {
    let url = handler.url();
    let selfmx = json!({ "url": url, "events": ["delivered"], "secret": "s" });
    let autosend = json!({ "url": url, "events": ["email.opened"] });
    let ahasend = json!({ "name": "a", "url": url, "scope": "global", "on_delivered": true });
    let triggered = serving.succeed("POST", &format!("/v2/accounts/{ACCOUNT}/webhooks"), &ahasend)["id"].clone();
    let first = serving.succeed("POST", "/v1/webhooks", &selfmx)["id"].clone();
    let ids = json!({
        "/v1": first,
        "/v2/accounts/{account_id}": triggered,
        "/_whk": first,
        "/aisend/v1": serving.succeed("POST", "/aisend/v1/webhooks", &selfmx)["id"],
        "/autosend/v1": serving.succeed("POST", "/autosend/v1/webhooks", &autosend)["data"]["webhook"]["id"],
    });
    for (provider, event) in [
        ("selfmx", "delivered"),
        ("aisend", "delivered"),
        ("autosend", "email.opened"),
        ("ahasend", "message.delivered"),
    ] {
        serving.succeed("POST", "/_whk/emit", &json!({ "provider": provider, "type": event }));
    }
    handler.wait_for(4);
    ids
}

#[test]
fn schemathesis_finds_no_failure_of_the_server_and_nothing_that_is_not_described() {
    let room = TestEnv::new();
    let handler = TestHandler::accepting();
    let serving = room.serve(&["--speed", "max"]);
    let webhooks = webhooks_with_logs(&serving, &handler);
    // What a schema allows can still be impossible: it says nothing of the rules for a URL, a cursor or a path in a body.
    let arguments = [
        "-m",
        "schemathesis.cli",
        "run",
        &format!("{}{PATH}", serving.url()),
        "--header",
        &format!("Authorization: Bearer {KEY}"),
        // It has no end.
        "--exclude-path=/_whk/stream",
        "--checks=all",
        "--exclude-checks=positive_data_acceptance",
        "--seed=15",
        "--max-examples=10",
        "--no-shrink",
        "--continue-on-failure",
        "--no-color",
        "--generation-database=none",
    ];
    let output = room
        .program(setting("WHK_INTEROP_PYTHON"), arguments)
        .env("SCHEMATHESIS_HOOKS", "serve_hooks")
        .env("PYTHONPATH", setting("WHK_INTEROP_PYTHON_DIR"))
        .env("HANDLER", handler.url())
        .env("WEBHOOKS", webhooks.to_string())
        .run()
        .assert_exit(0);
    let stdout = output.stdout();
    assert!(!stdout.contains("Missing test data"), "{stdout}");
    // Nothing that was generated can have been sent beyond the handler.
    for path in ["/v1/webhooks", "/aisend/v1/webhooks"] {
        let webhooks = serving.succeed("GET", path, &Value::Null);
        let urls: BTreeSet<&str> =
            webhooks["data"].as_array().unwrap().iter().map(|webhook| webhook["url"].as_str().unwrap()).collect();
        assert_eq!(urls, BTreeSet::from([handler.url().as_str()]), "{path}");
    }
}
