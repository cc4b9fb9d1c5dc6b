//! The commands: the only place where the parts meet.

mod address;
mod check;
mod complete;
mod completions;
mod default_log;
mod emit;
mod events;
mod listen;
mod log;
mod man;
mod providers;
mod ready_file;
mod replay;
mod secret;
mod send;
mod serve;
mod shared_results;
mod signals;
mod usage;
mod verify;
mod wait;

use std::cell::OnceCell;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;

use clap::Parser as _;
use jiff::Timestamp;

use crate::cli::{COMPLETE_COMMAND, Cli, Command, SigningArgs};
use crate::clock::Clock;
use crate::config::Config;
use crate::environment;
use crate::error::{Error, ExitStatus, Result};
use crate::output::{ColorChoice, Output, Verbosity};
use crate::provider::{Catalog, Provider, ProviderRef};
use crate::random::Rng;
use crate::report::DevelopmentSecretCheck;
use crate::secrets::{MissingSecret, ResolvedSecrets, SecretNote, SecretOrigin, SecretResolver};
use crate::signing::{Secret, Tolerance};
use crate::verification::Verifier;

/// The parts that every command uses.
struct CommandContext {
    config: Arc<Config>,
    catalog: Rc<Catalog>,
    output: Output,
    clock: Clock,
    seed: Option<u64>,
    /// The random seed that is used if none is given.
    default_seed: OnceCell<u64>,
}

/// Runs the command that the arguments name, and prints its error if it fails.
#[must_use]
pub(crate) fn run() -> ExitStatus {
    let arguments = environment::arguments();
    if arguments.get(1).is_some_and(|first| first == COMPLETE_COMMAND) {
        return complete::run(&arguments[2..]);
    }
    match Cli::try_parse_from(&arguments) {
        Ok(cli) => run_command(cli),
        Err(error) => usage::end(&arguments, &error),
    }
}

fn run_command(cli: Cli) -> ExitStatus {
    let global = &cli.global;
    let volume = match (global.quiet, global.verbose) {
        (true, _) => Verbosity::Quiet,
        (_, true) => Verbosity::Verbose,
        _ => Verbosity::Normal,
    };
    let plain = Output::new(global.json, volume, global.color.unwrap_or(ColorChoice::Auto));
    if let Command::Help(help) = &cli.command {
        // Help needs no config, and must not fail for a broken one.
        return ended(plain, usage::help_of(plain, &help.command));
    }
    // Errors are in the colours of the config, once that is read.
    let (output, result) = match context(&cli, plain) {
        Ok(context) => (context.output, dispatch(&context, cli.command)),
        Err(error) => (plain, Err(error)),
    };
    ended(output, result)
}

/// Returns the exit status of a result; prints its error.
fn ended(output: Output, result: Result<ExitStatus>) -> ExitStatus {
    result.unwrap_or_else(|error| {
        output.error(&error);
        error.kind.into()
    })
}

fn dispatch(context: &CommandContext, command: Command) -> Result<ExitStatus> {
    match command {
        Command::Listen(listen) => listen::run(context, &listen),
        Command::Send(send) => send::run(context, &send),
        Command::Verify(verify) => verify::run(context, &verify),
        Command::Replay(replay) => replay::run(context, &replay),
        Command::Log(log) => log::run(context, &log),
        Command::Check(check) => check::run(context, &check),
        Command::Emit(emit) => emit::run(context, &emit),
        Command::Serve(serve) => serve::run(context, &serve),
        Command::Events(events) => events::run(context, &events),
        Command::Providers(providers) => providers::run(context, &providers),
        Command::Secret(secret) => secret::run(context, &secret),
        Command::Completions(completions) => completions::run(context, &completions),
        Command::Man(man) => man::run(context, &man),
        Command::Help(help) => usage::help_of(context.output, &help.command),
    }
}

fn context(cli: &Cli, plain: Output) -> Result<CommandContext> {
    let config = Config::read(cli.global.config.as_deref())?;
    let output = Output::new(plain.json, plain.verbosity, config.color(cli.global.color));
    let clock = match cli.global.now {
        None => Clock::System,
        Some(time) => Clock::Fixed(
            time.from(Clock::System.now()).map_err(|error| Error::new("--now is not a possible time").cause(error))?,
        ),
    };
    let catalog = Rc::new(Catalog::new(custom_provider_dirs()));
    config.check_providers(|| catalog.names(), |name| catalog.is_known(name))?;
    Ok(CommandContext {
        config: Arc::new(config),
        catalog,
        output,
        clock,
        seed: cli.global.seed,
        default_seed: OnceCell::new(),
    })
}

/// The directory of a project's custom providers.
const CUSTOM_PROVIDERS_DIR: &str = "whk-providers";

/// Returns the directories of custom providers: the project's, then the user's.
fn custom_provider_dirs() -> Vec<PathBuf> {
    let project =
        environment::ancestor_dirs().iter().map(|folder| folder.join(CUSTOM_PROVIDERS_DIR)).find(|path| path.is_dir());
    let user = environment::config_dir().map(|folder| folder.join("providers"));
    project.into_iter().chain(user).collect()
}

/// The parts of a context that threads share; each thread makes a context from them.
struct SharedContext {
    config: Arc<Config>,
    output: Output,
    clock: Clock,
    seed: Option<u64>,
}

impl SharedContext {
    fn context(&self) -> CommandContext {
        CommandContext {
            config: Arc::clone(&self.config),
            catalog: Rc::new(Catalog::new(custom_provider_dirs())),
            output: self.output,
            clock: self.clock,
            seed: self.seed,
            default_seed: OnceCell::new(),
        }
    }
}

impl CommandContext {
    fn shared(&self) -> SharedContext {
        SharedContext { config: Arc::clone(&self.config), output: self.output, clock: self.clock, seed: self.seed }
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Returns random values for the event with this number: repeatable with `--seed`.
    fn random(&self, number: u64) -> Rng {
        Rng::for_event(self.event_seed(), number)
    }

    /// Returns the seed of events: that of `--seed`, or a random one.
    fn event_seed(&self) -> u64 {
        // One draw is enough if no seed is given: these values are not secrets.
        self.seed.unwrap_or_else(|| *self.default_seed.get_or_init(|| Rng::System.bits()))
    }

    /// Returns the resolver of secrets: from the flags, the environment and the config.
    fn secret_resolver(&self, identity: &SigningArgs) -> SecretResolver {
        self.config.secret_resolver(&identity.secrets)
    }

    /// Returns the secrets of a provider, and prints notes on them. Creates its development secret if there is none.
    fn secrets(&self, identity: &SigningArgs, provider: &Provider) -> Result<Vec<Secret>> {
        let found = self.secret_resolver(identity).resolve(provider, MissingSecret::Create)?;
        print_secret_notes(&self.config, self.output, provider, &found);
        if found.secrets.first().is_some_and(|secret| provider.scheme.reads_both_ways(secret)) {
            let other = "to use it as literal text: -s text:…";
            self.output.status(&format!("note: the secret is decoded from base64 after `whsec_`; {other}"));
        }
        Ok(found.secrets)
    }

    /// Returns a check for hints: if no secret of a provider is configured, the development secret is used.
    fn development_secret_check(&self, identity: &SigningArgs) -> DevelopmentSecretCheck<'static> {
        let (config, identity) = (Arc::clone(&self.config), identity.clone());
        Box::new(move |provider| Ok(config.secret_resolver(&identity.secrets).configured(provider)?.is_none()))
    }

    /// Returns a function that looks up the secrets of a provider, and prints notes on them.
    ///
    /// # Errors
    /// A secret that was given cannot be read: that is an error now, not with the first request.
    fn secret_lookup(
        &self,
        identity: &SigningArgs,
        missing: MissingSecret,
    ) -> Result<impl Fn(&Provider) -> Result<Vec<Secret>> + 'static> {
        let resolver = self.secret_resolver(identity);
        resolver.given()?;
        let (config, output) = (Arc::clone(&self.config), self.output);
        Ok(move |provider: &Provider| {
            let found = resolver.resolve(provider, missing)?;
            print_secret_notes(&config, output, provider, &found);
            Ok(found.secrets)
        })
    }

    /// Returns a verifier of requests. No development secret is created: it cannot have signed earlier requests.
    fn verifier(
        &self,
        identity: &SigningArgs,
        required_provider: Option<ProviderRef>,
        default_provider: Option<ProviderRef>,
        tolerance: Tolerance,
    ) -> Result<Verifier<'static>> {
        let secrets = self.secret_lookup(identity, MissingSecret::Fail)?;
        Ok(Verifier::new(Rc::clone(&self.catalog), required_provider, default_provider, Box::new(secrets), tolerance))
    }
}

/// Prints the origin of a provider's secrets, and notes on the way they are given. A hint is printed once.
fn print_secret_notes(config: &Config, output: Output, provider: &Provider, found: &ResolvedSecrets) {
    for note in &found.notes {
        match note {
            SecretNote::Detail(text) => output.verbose(text),
            SecretNote::Hint(text) if config.hints_first() => output.status(text),
            SecretNote::Hint(_) => {}
        }
    }
    if let SecretOrigin::Configured(origin) = &found.origin {
        output.verbose(&format!("the secret of {} comes from {origin}", provider.name));
    }
}

/// Runs a task that uses sockets on a single-threaded runtime; only commands that need one start it.
fn block_on<T>(what: impl Future<Output = T>) -> Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Error::new("cannot start").cause(error))?;
    Ok(tokio::task::LocalSet::new().block_on(&runtime, what))
}
