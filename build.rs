//! Compiles every folder below `fixtures/` into the binary, so that a new provider is data alone.
#![expect(clippy::disallowed_methods, reason = "cargo tells a build script its folders through the environment")]

#[path = "src/provider/manifest_index.rs"]
mod manifest_index;

use std::borrow::Cow;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

use flate2::Compression;
use flate2::write::DeflateEncoder;
use manifest_index::ManifestIndex;

fn main() {
    println!("cargo:rerun-if-changed=fixtures");
    println!("cargo:rerun-if-changed=src/provider/manifest_index.rs");
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it"));
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets it"));
    let mut code = String::from("&[\n");
    for provider in folders(&root.join("fixtures")) {
        let name = provider.file_name().expect("a folder has a name").to_string_lossy().into_owned();
        let manifest = manifest(&provider.join("provider.toml"));
        let (index, json) = (index(&manifest), manifest_json(&manifest));
        let _ =
            writeln!(code, "    BuiltinProvider {{ name: {name:?}, index: {index}, manifest_json: {json:?}, files: &[");
        let mut files = Vec::new();
        collect(&provider, &mut files);
        files.sort();
        let mut packer = DeflateEncoder::new(Vec::new(), Compression::best());
        for file in files {
            let relative = file.strip_prefix(&provider).expect("it is below").to_string_lossy().replace('\\', "/");
            let text = fs::read_to_string(&file).expect("the file can be read");
            packer.write_all(text.as_bytes()).expect("memory can be written");
            let _ = writeln!(code, "        ({relative:?}, {}),", text.len());
        }
        let blob = out.join(format!("{name}.deflate"));
        fs::write(&blob, packer.finish().expect("memory can be written")).expect("the build folder can be written");
        let _ = writeln!(code, "    ], packed: include_bytes!({:?}) }},", blob.display().to_string());
    }
    code.push_str("]\n");
    fs::write(out.join("fixtures.rs"), code).expect("the build folder can be written");
    compact_descriptions(&root.join("src/server/api/description"), &out.join("description"));
    discard_unwind_tables(&root.join("src/release.ld"));
}

/// Leaves the tables for unwinding out of a release build, by the linkers that are known to read the script: those that
/// Rust and GCC choose by themselves on Linux.
fn discard_unwind_tables(script: &Path) {
    println!("cargo:rerun-if-changed={}", script.display());
    let variable = |name: &str| env::var(name).unwrap_or_default();
    let is_default_linker =
        !variable("CARGO_ENCODED_RUSTFLAGS").contains("link") && variable("RUSTC_LINKER").is_empty();
    let target = [variable("CARGO_CFG_TARGET_OS"), variable("CARGO_CFG_TARGET_ENV"), variable("PROFILE")];
    if target == ["linux", "gnu", "release"] && is_default_linker {
        println!("cargo:rustc-link-arg-bins=-T");
        println!("cargo:rustc-link-arg-bins={}", script.display());
    }
}

/// Writes the descriptions of the APIs of `whk serve` without spaces.
fn compact_descriptions(folder: &Path, out: &Path) {
    println!("cargo:rerun-if-changed={}", folder.display());
    fs::create_dir_all(out).expect("the build folder can be written");
    for entry in fs::read_dir(folder).expect("the descriptions can be read").flatten() {
        let text = fs::read_to_string(entry.path()).expect("the file can be read");
        let json: serde_json::Value =
            serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", entry.path().display()));
        fs::write(out.join(entry.file_name()), json.to_string()).expect("the build folder can be written");
    }
}

fn manifest(path: &Path) -> toml::Table {
    let text = fs::read_to_string(path).expect("the file can be read");
    text.parse().unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Writes the index of a manifest as Rust.
fn index(manifest: &toml::Table) -> String {
    let list = |names: &[Cow<'_, str>]| {
        let names: Vec<String> = names.iter().map(|name| format!("Cow::Borrowed({name:?})")).collect();
        format!("Cow::Borrowed(&[{}])", names.join(", "))
    };
    let ManifestIndex { aliases, headers, signs_in_body, has_unsigned_challenge } = ManifestIndex::new(manifest);
    format!(
        "ManifestIndex {{ aliases: {}, headers: {}, signs_in_body: {signs_in_body}, has_unsigned_challenge: {has_unsigned_challenge} }}",
        list(&aliases),
        list(&headers)
    )
}

/// Writes the manifest as JSON, which is parsed ten times as fast when the tool starts. Empty if an event's body is part
/// of the file: messages about it need its location, which JSON does not keep.
fn manifest_json(manifest: &toml::Table) -> String {
    let events = manifest.get("event").and_then(toml::Value::as_array);
    if events.is_some_and(|events| events.iter().any(|event| event.get("body").is_some())) {
        return String::new();
    }
    serde_json::to_string(manifest).expect("TOML without dates can be written as JSON")
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
