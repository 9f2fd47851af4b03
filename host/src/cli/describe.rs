//! `describe`: what a framework asks of the host under a configuration. Its hidden twin `inspect`
//! asks in a process of its own.

use super::exit::{Exit, Failure};
use super::plugins::Format;
use crate::plugins::{InspectError, Inspected, inspect, inspect_apart};
use crate::terminal::{out, outln};
use clap::Args;
use serde::Serialize;
use serde_json::Value;
use ssl_plugin_api::description::ConfigKey;
use std::path::{Path, PathBuf};

/// Print a framework's configuration keys and what it asks of the host
///
/// The text is TOML. The keys under [config] go into a benchmark under [framework.ID.config], those
/// under [description.recipe] under [framework.ID.recipe].
#[derive(Args, Debug)]
pub struct Describe {
    /// The plugin library; a name alone is looked for beside this program too
    #[arg(value_parser = super::library)]
    library: PathBuf,
    /// The framework's id; may be left out if the library holds only one
    id: Option<String>,
    /// A file of configuration keys, TOML or JSON
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// How to print
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

impl Describe {
    pub(super) fn execute(&self) -> Result<Exit, Failure> {
        let config = self.config.as_deref().map_or(Ok(Value::Null), read)?;
        let library = std::path::absolute(&self.library).unwrap_or_else(|_| self.library.clone());
        let id = self.id.as_deref();
        let found = match std::env::current_exe() {
            Ok(program) => inspect_apart(&program, &library, id, &config, None),
            Err(_) => inspect(&library, id, &config, None),
        };
        let found = found.map_err(failure)?;
        match self.format {
            Format::Json => outln!("{:#}", serde_json::json!(found)),
            Format::Text => out!("{}", text(&found)?),
        }
        Ok(Exit::Done)
    }
}

/// Describe one framework and write the answer down as JSON; started by `describe`
#[derive(Args, Debug)]
pub struct Inspect {
    /// The plugin library
    library: PathBuf,
    /// The configuration, as JSON
    config: String,
    /// The framework's id
    #[arg(long)]
    id: Option<String>,
    /// Circumstances of a run, as JSON, in which it is created and weighed
    #[arg(long)]
    context: Option<String>,
    /// The file to write
    answer: PathBuf,
}

impl Inspect {
    pub(super) fn execute(self) -> Result<Exit, Failure> {
        let no_json = |error| Failure::with_help(Exit::BadInput, error, "pass JSON");
        let config: Value = serde_json::from_str(&self.config).map_err(no_json)?;
        let context = self.context.as_deref().map(serde_json::from_str);
        let context = context.transpose().map_err(no_json)?;
        let found = inspect(&self.library, self.id.as_deref(), &config, context.as_ref());
        super::give_answer(&self.answer, &found)?;
        Ok(Exit::Done)
    }
}

fn failure(error: InspectError) -> Failure {
    let (exit, help) = match &error {
        InspectError::Refused { .. } => (
            Exit::PluginFault,
            "build the plugin for this version; `ssl-lottery doctor` says what this one expects",
        ),
        InspectError::Nothing { .. } => (
            Exit::BadInput,
            "the library itself is sound: mend what it names, or ask where its frameworks can be found",
        ),
        InspectError::Framework { .. } => (Exit::BadInput, "name one of them"),
        InspectError::Config { .. } => (
            Exit::BadInput,
            "`ssl-lottery describe LIB` without --config lists the keys and their ranges",
        ),
        InspectError::Plugin { .. } => (
            Exit::PluginFault,
            "this is a fault of the plugin; `ssl-lottery conformance` tries it further",
        ),
    };
    Failure::with_help(exit, error, help)
}

/// A file of configuration keys.
fn read(path: &Path) -> Result<Value, Failure> {
    let unreadable = |reason: String| {
        Failure::message(
            Exit::BadInput,
            format!(
                "{}: expected a table of configuration keys, found: {reason}",
                path.display()
            ),
            "write the keys as TOML (`key = value`), or as a JSON object in a file named *.json",
        )
    };
    let text = crate::regular::read_text(path).map_err(|error| unreadable(error.to_string()))?;
    if path.extension().is_some_and(|it| it == "json") {
        return serde_json::from_str(&text).map_err(|error| unreadable(error.to_string()));
    }
    toml::from_str(&text).map_err(|error| unreadable(error.message().to_owned()))
}

/// The answer as TOML with comments.
fn text(found: &Inspected) -> Result<String, Failure> {
    #[derive(Serialize)]
    struct Described<'a> {
        description: &'a ssl_plugin_api::description::Description,
    }
    let it = &found.metadata;
    let mut text = format!(
        "# {}: {} {}, {} ({}), {}\n\n[config]\n",
        it.id, it.name, it.version, it.paper, it.year, it.license
    );
    if it.schema.keys.is_empty() {
        text.push_str("# This framework has no configuration keys.\n");
    }
    for key in &it.schema.keys {
        text.push_str(&entry(key, found.config.get(&key.key)));
    }
    let described = Described {
        description: &found.description,
    };
    let described = toml::to_string(&described).map_err(|error| {
        let help = "this is a fault of ssl-lottery itself; please report it";
        Failure::with_help(Exit::BadInput, error, help)
    })?;
    text.push('\n');
    text.push_str(&described);
    Ok(text)
}

/// One key with its range, its source and its value. TOML has no null: a key without a value is a
/// comment.
fn entry(key: &ConfigKey, value: Option<&Value>) -> String {
    let value = value.unwrap_or(&key.default);
    let line = toml::Value::try_from(value).map_or_else(
        |_| format!("# {} is null", key.key),
        |value| format!("{} = {value}", key.key),
    );
    let default = if *value == key.default {
        String::new()
    } else {
        format!("; default {}", key.default)
    };
    format!(
        "# {} ({}{default})\n# {}\n{line}\n",
        key.doc,
        key.kind.describe(),
        key.source
    )
}
