//! Settings: flags, then the environment, the project's `whk.toml`, the user's file, and the built-in default. One
//! function for each setting.

use std::collections::BTreeMap;
use std::fs;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use serde::{Deserialize, Deserializer};
use toml::Spanned;

use crate::cli::{Address, SecretSource, SigningArgs, Size, ToleranceFlag};
use crate::duration::HumanDuration;
use crate::environment;
use crate::error::{Error, Result};
use crate::http::client::Endpoint;
use crate::output::ColorChoice;
use crate::provider::{Provider, ProviderRef};
use crate::signing::{Secret, Tolerance};
use crate::strict_toml;

/// The file's name, in a project and in the user's folder alike.
pub const FILE_NAME: &str = "whk.toml";

/// A config file. All keys are optional; an unknown key is an error.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct File {
    /// The default provider.
    provider: Option<Spanned<ProviderRef>>,
    /// `auto`, `always` or `never`.
    #[serde(default, deserialize_with = "choice")]
    color: Option<ColorChoice>,
    /// A provider's secret or secrets: `env:NAME`, `file:PATH` or a text.
    #[serde(default)]
    secrets: BTreeMap<Spanned<String>, Secrets>,
    #[serde(default)]
    listen: Listen,
    #[serde(default)]
    send: Send,
    #[serde(default)]
    verify: Verify,
    /// The file itself; its paths are relative to the folder that holds it.
    #[serde(skip)]
    path: PathBuf,
    /// The providers that have secrets here, each with its place: `file:line:column`.
    #[serde(skip)]
    places: Vec<(String, String)>,
    /// The place of the default provider.
    #[serde(skip)]
    default_place: String,
}

impl File {
    fn folder(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new(""))
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Listen {
    address: Option<Address>,
    log: Option<PathBuf>,
    sync: Option<bool>,
    rotate: Option<Size>,
    keep: Option<NonZeroU32>,
    max_body: Option<Size>,
    tolerance: Option<ToleranceFlag>,
    allow_host: Option<Vec<String>>,
    forward_to: Option<Endpoint>,
    forward_timeout: Option<HumanDuration>,
    slow_after: Option<HumanDuration>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Send {
    url: Option<Endpoint>,
    timeout: Option<HumanDuration>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Verify {
    tolerance: Option<ToleranceFlag>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged, expecting = "expected a secret or a list of secrets: `env:NAME`, `file:PATH` or a text")]
enum Secrets {
    One(SecretSource),
    Many(Vec<SecretSource>),
}

impl Secrets {
    fn sources(&self) -> &[SecretSource] {
        match self {
            Self::One(source) => std::slice::from_ref(source),
            Self::Many(sources) => sources,
        }
    }
}

fn choice<'de, D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Option<ColorChoice>, D::Error> {
    String::deserialize(deserializer)?.parse().map(Some).map_err(serde::de::Error::custom)
}

/// The config files that apply, nearest first.
#[derive(Debug, Default)]
pub struct Config {
    files: Vec<File>,
    /// Set once the hint on a secret was shown: secrets are resolved for each provider.
    hinted: OnceLock<()>,
}

/// The secrets that were found for a provider.
pub struct Found {
    /// The secrets; empty if nothing is configured.
    pub secrets: Vec<Secret>,
    /// The source of each, for people: `env:NAME`, `file:PATH`, or a description.
    pub sources: Vec<String>,
    /// The origin, for people.
    pub origin: String,
    /// Remarks, a line each.
    pub remarks: Vec<String>,
    /// A likely mistake in the way a secret was given.
    pub hint: Option<String>,
}

impl Config {
    /// Reads the file named by `--config`, else the project's; then the user's.
    ///
    /// # Errors
    /// A file that was named is missing, or a file is malformed; with file, line and column.
    pub fn read(named: Option<&Path>) -> Result<Self> {
        let project = match named {
            Some(path) => Some(path.to_owned()),
            None => std::env::current_dir()
                .ok()
                .and_then(|folder| folder.ancestors().map(|folder| folder.join(FILE_NAME)).find(|path| path.is_file())),
        };
        let user = environment::config_dir().map(|folder| folder.join(FILE_NAME)).filter(|path| path.is_file());
        let mut paths: Vec<PathBuf> = Vec::new();
        for path in [project, user].into_iter().flatten() {
            if !paths.contains(&path) {
                paths.push(path);
            }
        }
        let files = paths.iter().map(|path| read(path)).collect::<Result<_>>()?;
        Ok(Self { files, hinted: OnceLock::new() })
    }

    fn first<'a, T>(&'a self, setting: impl Fn(&'a File) -> Option<T>) -> Option<T> {
        self.files.iter().find_map(setting)
    }

    /// Returns when to use colours.
    #[must_use]
    pub fn color(&self, flag: Option<ColorChoice>) -> ColorChoice {
        flag.or_else(ColorChoice::from_environment).or_else(|| self.first(|file| file.color)).unwrap_or_default()
    }

    /// Returns the default provider: it counts if neither a flag nor the event determines another.
    #[must_use]
    pub fn provider(&self) -> Option<ProviderRef> {
        self.first(|file| file.provider.as_ref().map(|name| name.get_ref().clone()))
    }

    /// Returns the address to listen on.
    #[must_use]
    pub fn address(&self, flag: Option<Address>) -> Address {
        flag.or_else(|| self.first(|file| file.listen.address.clone())).unwrap_or_default()
    }

    /// Returns the log; `None` means the one in the data folder.
    #[must_use]
    pub fn log(&self, flag: Option<PathBuf>) -> Option<PathBuf> {
        flag.or_else(|| self.first(|file| file.listen.log.as_ref().map(|log| file.folder().join(log))))
    }

    /// True if a response waits until its record is on the disk.
    #[must_use]
    pub fn sync(&self, flag: bool) -> bool {
        flag || self.first(|file| file.listen.sync).unwrap_or_default()
    }

    /// Returns the size at which the log is rotated; `None` means never.
    #[must_use]
    pub fn rotate(&self, flag: Option<Size>) -> Option<Size> {
        flag.or_else(|| self.first(|file| file.listen.rotate))
    }

    /// Returns the number of rotated log files to keep; `None` means all.
    #[must_use]
    pub fn keep(&self, flag: Option<NonZeroU32>) -> Option<NonZeroU32> {
        flag.or_else(|| self.first(|file| file.listen.keep))
    }

    /// Returns the maximum size of a body in bytes: 1 MiB by default, as in `AhaSend`'s own SDK.
    #[must_use]
    pub fn max_body(&self, flag: Option<Size>) -> usize {
        let size = flag.or_else(|| self.first(|file| file.listen.max_body)).unwrap_or(Size(1 << 20));
        usize::try_from(size.0).unwrap_or(usize::MAX)
    }

    /// Returns the accepted hosts beside this machine's own names.
    #[must_use]
    pub fn allowed_hosts(&self, flags: &[String]) -> Vec<String> {
        if !flags.is_empty() {
            return flags.to_vec();
        }
        self.first(|file| file.listen.allow_host.clone()).unwrap_or_default()
    }

    /// Returns the handler to forward requests to.
    #[must_use]
    pub fn forward_to(&self, flag: Option<Endpoint>) -> Option<Endpoint> {
        flag.or_else(|| self.first(|file| file.listen.forward_to.clone()))
    }

    /// Returns the handler's timeout; `None` means the provider's own.
    #[must_use]
    pub fn forward_timeout(&self, flag: Option<HumanDuration>) -> Option<HumanDuration> {
        flag.or_else(|| self.first(|file| file.listen.forward_timeout))
    }

    /// Returns the time after which a response is marked as slow; `None` means the provider's own timeout.
    #[must_use]
    pub fn slow_after(&self, flag: Option<HumanDuration>) -> Option<HumanDuration> {
        flag.or_else(|| self.first(|file| file.listen.slow_after))
    }

    /// Returns the tolerance of `listen`.
    #[must_use]
    pub fn listen_tolerance(&self, flag: Option<ToleranceFlag>) -> Tolerance {
        flag.or_else(|| self.first(|file| file.listen.tolerance)).map_or(Tolerance::Scheme, |flag| flag.0)
    }

    /// Returns the tolerance of `verify`.
    #[must_use]
    pub fn verify_tolerance(&self, flag: Option<ToleranceFlag>) -> Tolerance {
        flag.or_else(|| self.first(|file| file.verify.tolerance)).map_or(Tolerance::Scheme, |flag| flag.0)
    }

    /// Returns the URL to send to: as [`Config::target`], else that of `whk listen`.
    ///
    /// # Errors
    /// `WHK_URL` is not an address.
    pub fn url(&self, argument: Option<Endpoint>) -> Result<Endpoint> {
        let path = argument.as_ref().filter(|argument| argument.is_path_only()).map(Endpoint::target);
        let default = || "http://127.0.0.1:9450/".parse::<Endpoint>().expect("the default is an address");
        Ok(match (self.target(argument)?, path) {
            (Some(target), _) => target,
            (None, Some(path)) => default().with_target(&path),
            (None, None) => default(),
        })
    }

    /// The URL of a handler: the argument, else `WHK_URL`, else `url` of `[send]`; none if nothing names one. An argument
    /// that is a path alone is that path on the others.
    ///
    /// # Errors
    /// `WHK_URL` is not an address.
    pub fn target(&self, argument: Option<Endpoint>) -> Result<Option<Endpoint>> {
        let path = match argument {
            Some(argument) if argument.is_path_only() => Some(argument.target()),
            Some(argument) => return Ok(Some(argument)),
            None => None,
        };
        let variable = environment::var("WHK_URL").filter(|text| !text.is_empty());
        let variable = variable.map(|text| text.parse::<Endpoint>()).transpose().map_err(|error| {
            Error::new("WHK_URL cannot be used").cause(error).hint("export WHK_URL=http://127.0.0.1:3000/")
        })?;
        let base = variable
            .filter(|endpoint| !endpoint.is_path_only())
            .or_else(|| self.first(|file| file.send.url.clone()).filter(|endpoint| !endpoint.is_path_only()));
        Ok(match path {
            Some(path) => base.map(|base| base.with_target(&path)),
            None => base,
        })
    }

    /// Returns the timeout of a delivery; `None` means the provider's own.
    #[must_use]
    pub fn timeout(&self, flag: Option<HumanDuration>) -> Option<HumanDuration> {
        flag.or_else(|| self.first(|file| file.send.timeout))
    }

    /// Rejects names of unknown providers: with a typing error, the setting would never be used. `known` gives the names
    /// of providers, `is_alias` tells if a name is another one of a provider.
    ///
    /// # Errors
    /// There is one; with file, line and column.
    pub fn check_providers<'a, I: Iterator<Item = &'a str>>(
        &self,
        known: impl Fn() -> I,
        is_alias: impl Fn(&str) -> Result<bool>,
    ) -> Result {
        let unknown = |name: &str| !known().any(|known| known == name);
        let rejected = |place: &str, name: &str| {
            let error = Error::new(format!("{place}: there is no provider `{name}`")).available("", known());
            Err(match strict_toml::nearest(name, known()) {
                Some(nearest) => error.hint(format!("did you mean `{nearest}`?")),
                None => error.hint(format!("to add your own: whk providers new {name}")),
            })
        };
        for file in &self.files {
            if let Some(default) = file.provider.as_ref().map(|name| name.get_ref().provider.as_str())
                && unknown(default)
                && !is_alias(default)?
            {
                return rejected(&file.default_place, default);
            }
            if let Some((name, place)) = file.places.iter().find(|(name, _)| unknown(name)) {
                return rejected(place, name);
            }
        }
        Ok(())
    }

    /// Returns whether this is the first call: a hint is shown once in a run.
    #[must_use]
    pub fn hints_first(&self) -> bool {
        self.hinted.set(()).is_ok()
    }

    /// Returns whether there are secrets of any provider in the files.
    #[must_use]
    pub fn has_secrets(&self) -> bool {
        self.files.iter().any(|file| !file.secrets.is_empty())
    }

    /// Returns the configured secrets of a provider; none if only the development secret is left.
    ///
    /// # Errors
    /// A variable is not set, or a file cannot be read or is empty.
    pub fn secrets(&self, identity: &SigningArgs, provider: &Provider) -> Result<Found> {
        if let Some(given) = given(identity)? {
            return Ok(given);
        }
        for file in &self.files {
            if let Some(secrets) = file.secrets.get(provider.name.as_str()) {
                return resolve(secrets.sources(), file.folder(), &file.path.display().to_string());
            }
        }
        Ok(Found {
            secrets: Vec::new(),
            sources: Vec::new(),
            origin: "development secret".to_owned(),
            remarks: Vec::new(),
            hint: None,
        })
    }
}

fn read(path: &Path) -> Result<File> {
    let text = fs::read_to_string(path)
        .map_err(|error| Error::new(format!("cannot read the config file {}", path.display())).cause(error))?;
    let mut file: File = strict_toml::read(path, &text)?;
    let place = |at: usize| format!("{}{}", path.display(), strict_toml::location(&text, at));
    file.default_place = file.provider.as_ref().map(|name| place(name.span().start)).unwrap_or_default();
    file.places = file.secrets.keys().map(|key| (key.get_ref().clone(), place(key.span().start))).collect();
    path.clone_into(&mut file.path);
    Ok(file)
}

/// Returns the secrets of the command line, else of `WHK_SECRET`: they are for any provider.
///
/// # Errors
/// A variable is not set, or a file cannot be read or is empty.
pub fn given(identity: &SigningArgs) -> Result<Option<Found>> {
    if !identity.secrets.is_empty() {
        return resolve(&identity.secrets, Path::new(""), COMMAND_LINE).map(Some);
    }
    let Some(text) = environment::var("WHK_SECRET") else { return Ok(None) };
    if text.is_empty() {
        return Err(Error::new("`WHK_SECRET` is set and empty").hint("unset WHK_SECRET"));
    }
    let source = SecretSource::Variable("WHK_SECRET".to_owned());
    resolve(&[source], Path::new(""), "WHK_SECRET").map(Some)
}

/// The origin of secrets given with `-s`.
const COMMAND_LINE: &str = "the command line";

fn resolve(sources: &[SecretSource], folder: &Path, origin: &str) -> Result<Found> {
    let (secrets, names, remarks) = (Vec::new(), Vec::new(), Vec::new());
    let mut found = Found { secrets, sources: names, origin: origin.to_owned(), remarks, hint: None };
    for source in sources {
        let text = match source {
            SecretSource::Literal(secret) => {
                let name = secret.expose_secret();
                if is_variable(name) {
                    let what = format!("the secret is the text `{name}`, and a variable of this name is set");
                    found.hint = Some(format!("hint: did you mean -s env:{name}? ({what})"));
                }
                name.to_owned()
            }
            SecretSource::Variable(name) => {
                let text = environment::var(name).filter(|text| !text.is_empty());
                text.ok_or_else(|| {
                    Error::new(format!("the secret's variable `{name}` is not set, or empty"))
                        .hint(format!("export {name}='…'"))
                })?
            }
            SecretSource::File(path) => from_file(&folder.join(path), &mut found.remarks)?,
        };
        let name = match source {
            SecretSource::Literal(_) if origin == COMMAND_LINE => "the secret given with -s".to_owned(),
            SecretSource::Literal(_) => format!("the secret in {origin}"),
            SecretSource::Variable(name) => format!("env:{name}"),
            SecretSource::File(path) => format!("file:{}", path.display()),
        };
        let secret = Secret::parse(&text).map_err(|flaw| Error::new(format!("cannot read {name}")).cause(flaw))?;
        found.secrets.push(secret);
        found.sources.push(name);
    }
    Ok(found)
}

/// Maximum size of a secret file.
const LARGEST_SECRET: usize = 64 << 10;

fn from_file(path: &Path, remarks: &mut Vec<String>) -> Result<String> {
    let cannot = || Error::new(format!("cannot read the secret from {}", path.display()));
    let bytes = fs::read(path).map_err(|error| cannot().cause(error))?;
    if bytes.len() > LARGEST_SECRET {
        return Err(cannot().cause("it is larger than 64 KiB: is it the right file?"));
    }
    let text = String::from_utf8(bytes).map_err(|_| cannot().cause("it is not UTF-8 text"))?;
    let secret = text.strip_suffix("\r\n").or_else(|| text.strip_suffix('\n')).unwrap_or(&text);
    if secret.is_empty() {
        return Err(cannot().cause("the file is empty"));
    }
    if secret.len() < text.len() {
        remarks.push(format!("the newline at the end of {} is not part of the secret", path.display()));
    }
    Ok(secret.to_owned())
}

/// Returns whether a text is the name of a variable that is set, in the usual upper case.
fn is_variable(text: &str) -> bool {
    let named = text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_');
    named && text.starts_with(|c: char| c.is_ascii_uppercase() || c == '_') && environment::var_os(text).is_some()
}
