//! Compiles every folder below `fixtures/` into the binary, so that a new provider is data alone.
#![expect(clippy::disallowed_methods, reason = "cargo tells a build script its folders through the environment")]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

fn main() {
    println!("cargo:rerun-if-changed=fixtures");
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it"));
    let mut code = String::from("&[\n");
    for provider in folders(&root.join("fixtures")) {
        let name = provider.file_name().expect("a folder has a name").to_string_lossy().into_owned();
        let quick = quick(&provider.join("provider.toml"));
        let _ = writeln!(code, "    BuiltinProvider {{ name: {name:?}, manifest_json: {quick:?}, files: &[");
        let mut files = Vec::new();
        collect(&provider, &mut files);
        files.sort();
        for file in files {
            let relative = file.strip_prefix(&provider).expect("it is below").to_string_lossy().replace('\\', "/");
            let _ = writeln!(code, "        ({relative:?}, include_str!({:?})),", file.display().to_string());
        }
        code.push_str("    ] },\n");
    }
    code.push_str("]\n");
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets it")).join("fixtures.rs");
    fs::write(out, code).expect("the build folder can be written");
}

/// The same data as JSON, which is read ten times as fast when the tool starts. Empty where an event's body stands in
/// the file: messages about that need its place, which JSON does not keep.
fn quick(path: &Path) -> String {
    let text = fs::read_to_string(path).expect("the file can be read");
    let data: toml::Table = text.parse().unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let events = data.get("event").and_then(toml::Value::as_array);
    if events.is_some_and(|events| events.iter().any(|event| event.get("body").is_some())) {
        return String::new();
    }
    serde_json::to_string(&data).expect("TOML without dates can be written as JSON")
}

fn folders(path: &Path) -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> =
        fs::read_dir(path).expect("fixtures/ exists").flatten().map(|entry| entry.path()).collect();
    folders.retain(|path| path.join("provider.toml").is_file());
    folders.sort();
    folders
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder of fixtures can be read").flatten() {
        let path = entry.path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|kind| kind == "toml" || kind == "json") {
            files.push(path);
        }
    }
}
