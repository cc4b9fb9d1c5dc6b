//! `whk providers`: the providers and their data, and a template for your own.

use std::fs;
use std::path::Path;

use super::{CUSTOM_PROVIDERS_DIR, CommandContext};
use crate::cli::{ProvidersArgs, ProvidersCommand};
use crate::error::{Error, ExitStatus, Result};
use crate::output::{Table, plural, sanitize};
use crate::provider::{CheckedManifest, ProviderRef, check_manifest};
use crate::report::{print_provider, print_provider_line};

pub(super) fn run(context: &CommandContext, command: &ProvidersArgs) -> Result<ExitStatus> {
    match (&command.action, &command.name) {
        (Some(ProvidersCommand::New { name }), _) => create(context, name),
        (Some(ProvidersCommand::Check { path }), _) => check(context, path),
        (None, Some(name)) => {
            let provider = context.catalog.load(name)?;
            print_provider(context.output, &provider)?;
            context.output.status(&format!("events: whk events {}@{}", provider.name, provider.edition));
            Ok(ExitStatus::Success)
        }
        (None, None) => list(context),
    }
}

fn list(context: &CommandContext) -> Result<ExitStatus> {
    let mut table = Table::of_descriptions();
    for name in context.catalog.names() {
        let provider = context.catalog.load(&ProviderRef::default_edition(name))?;
        print_provider_line(context.output, &provider)?;
        table.row([name.to_owned(), provider.summary.clone()]);
    }
    context.output.print(&table.lines(context.output.width().unwrap_or(80)).join("\n"))?;
    context.output.status("details: whk providers NAME · add your own: whk providers new NAME");
    Ok(ExitStatus::Success)
}

fn create(context: &CommandContext, name: &str) -> Result<ExitStatus> {
    let name: ProviderRef = name.parse().map_err(Error::new)?;
    if name.edition.is_some() {
        return Err(Error::new("an edition is described inside the provider's file")
            .hint(format!("whk providers new {}", name.provider)));
    }
    let folder = Path::new(CUSTOM_PROVIDERS_DIR);
    let path = folder.join(format!("{}.toml", name.provider));
    let cannot = |error: std::io::Error| Error::new(format!("cannot write {}", path.display())).cause(error);
    fs::create_dir_all(folder).map_err(cannot)?;
    let text = include_str!("own_provider.toml").replace("NAME", &name.provider);
    let mut file = fs::OpenOptions::new().write(true).create_new(true).open(&path).map_err(cannot)?;
    std::io::Write::write_all(&mut file, text.as_bytes()).map_err(cannot)?;
    context.output.print(&path.display().to_string())?;
    context.output.print_json(&serde_json::json!({"kind": "created", "path": path.display().to_string()}))?;
    context.output.status(&format!("next: whk providers check {}", path.display()));
    Ok(ExitStatus::Success)
}

fn check(context: &CommandContext, path: &Path) -> Result<ExitStatus> {
    let CheckedManifest { provider, file } = check_manifest(path, || context.random(0), context.now())?;
    let (editions, events) = (provider.editions.len(), provider.events.len());
    context.output.print_json(&serde_json::json!({
        "kind": "checked", "provider": provider.name, "editions": editions, "events": events
    }))?;
    context.output.print(&format!(
        "{} {}: {}, {}",
        context.output.style.green("✓"),
        sanitize(&file.display().to_string()),
        plural(editions as u64, "edition", "editions"),
        plural(events as u64, "event", "events")
    ))?;
    Ok(ExitStatus::Success)
}
