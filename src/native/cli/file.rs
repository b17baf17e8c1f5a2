//! The configuration file: what it says of a command becomes arguments of the command line, unless they are there already.
//!
//! A key is the name of an option, in a table that is the name of a command; whatever has no option is a mistake. So there is
//! one definition of every setting, clap's, and one place that checks values. Environment and command line go first.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
};

use clap::{Arg, ArgAction, ArgMatches, Command, builder::ValueRange, parser::ValueSource};
use toml::{Table, Value};

use super::files;

/// What is wrong with a configuration file. It holds no value: that may be a key.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Wrong {
    /// It cannot be read, for this reason.
    Unreadable(String),
    /// It is not TOML from this line on.
    NoToml(usize),
    /// It has a table or a value at its top that is no command.
    NoCommand(String),
    /// There is no option of this name: command and key.
    NoOption(String, String),
    /// The option takes no such value: command and key.
    Value(String, String),
}

/// What a file adds to the command line.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Added {
    /// The whole command line.
    pub(super) arguments: Vec<OsString>,
    /// The file, if there is one that others may read although it holds secrets.
    pub(super) exposed: Option<PathBuf>,
}

/// The command line with what the file adds to it, if it names one. The error says which file.
pub(super) fn add(mut cli: Command, arguments: Vec<OsString>) -> Result<Added, (PathBuf, Wrong)> {
    let unchanged = |arguments| Ok(Added { arguments, exposed: None });
    // Whatever is wrong or missing is said when the whole is parsed. Help is an error, too, and needs no file.
    let given = cli.clone().ignore_errors(true).try_get_matches_from(&arguments);
    let Some((name, given)) = given.ok().and_then(|mut given| given.remove_subcommand()) else {
        return unchanged(arguments);
    };
    let Some(path) = given.get_one::<PathBuf>("config").cloned() else { return unchanged(arguments) };
    cli.build();
    let read = || {
        let table = read(&path)?;
        let mut secret = false;
        let mut added = Vec::new();
        for (command, settings) in &table {
            let no_command = || Wrong::NoCommand(command.clone());
            let definition = cli.find_subcommand(command).ok_or_else(no_command)?;
            let settings = settings.as_table().ok_or_else(no_command)?;
            for (key, value) in settings {
                let setting = Setting::of(definition, key, value)?;
                secret |= setting.is_secret();
                if *command == name && setting.counts(definition, &given) {
                    added.push(setting);
                }
            }
        }
        Ok((added, secret))
    };
    match read() {
        Ok((added, secret)) => {
            let exposed = (secret && others_may_read(&path)).then_some(path);
            Ok(Added { arguments: join(arguments, &added), exposed })
        }
        Err(wrong) => Err((path, wrong)),
    }
}

fn read(path: &Path) -> Result<Table, Wrong> {
    let text = files::text(path).map_err(|error| Wrong::Unreadable(error.to_string()))?;
    text.parse().map_err(|error: toml::de::Error| {
        // The message shows the line, and a key with it.
        let before = text.get(..error.span().unwrap_or_default().start).unwrap_or_default();
        Wrong::NoToml(before.matches('\n').count() + 1)
    })
}

/// One key of the file with its option.
struct Setting<'a> {
    arg: &'a Arg,
    values: Values,
}

enum Values {
    /// A switch that is off, or without a value.
    Switch(bool),
    Texts(Vec<String>),
}

impl<'a> Setting<'a> {
    fn of(command: &'a Command, key: &str, value: &Value) -> Result<Self, Wrong> {
        let name = |arg: &Arg| arg.get_long().unwrap_or(arg.get_id().as_str()) == key;
        // What is global is about the program, and so is the file itself.
        let arg =
            command.get_arguments().find(|arg| name(arg) && !arg.is_global_set() && takes_values_or_is_switch(arg));
        let arg = arg.ok_or_else(|| Wrong::NoOption(command.get_name().to_owned(), key.to_owned()))?;
        let values = values(arg, value).filter(|values| values.are_right(arg));
        let values = values.ok_or_else(|| Wrong::Value(command.get_name().to_owned(), key.to_owned()))?;
        Ok(Self { arg, values })
    }

    /// Links hold keys, and they alone stand without an option's name.
    fn is_secret(&self) -> bool {
        self.arg.is_positional() && self.arg.is_hide_env_values_set()
    }

    /// Whether neither the option nor one that contradicts it was given in a way that goes first.
    fn counts(&self, command: &Command, given: &ArgMatches) -> bool {
        let is_given = |arg: &Arg| {
            let source = given.value_source(arg.get_id().as_str());
            matches!(source, Some(ValueSource::CommandLine | ValueSource::EnvVariable))
        };
        let against = |one: &Arg, other: &Arg| {
            command.get_arg_conflicts_with(one).iter().any(|conflict| conflict.get_id() == other.get_id())
        };
        let contradicts = |other: &&Arg| against(self.arg, other) || against(other, self.arg);
        !is_given(self.arg) && !command.get_arguments().filter(contradicts).any(is_given)
    }
}

/// Neither `--help` nor `--version`.
fn takes_values_or_is_switch(arg: &Arg) -> bool {
    matches!(arg.get_action(), ArgAction::Set | ArgAction::Append | ArgAction::SetTrue)
}

fn values(arg: &Arg, value: &Value) -> Option<Values> {
    let text = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Integer(number) => Some(number.to_string()),
        Value::Float(number) => Some(number.to_string()),
        Value::Boolean(_) | Value::Datetime(_) | Value::Array(_) | Value::Table(_) => None,
    };
    match value {
        Value::Boolean(on) if is_boolean(arg) => Some(Values::Texts(vec![on.to_string()])),
        Value::Boolean(on) if may_stand_alone(arg) => Some(Values::Switch(*on)),
        Value::Array(list) if matches!(arg.get_action(), ArgAction::Append) => {
            list.iter().map(text).collect::<Option<_>>().map(Values::Texts)
        }
        value @ (Value::String(_) | Value::Integer(_) | Value::Float(_)) => {
            text(value).map(|text| Values::Texts(vec![text]))
        }
        Value::Boolean(_) | Value::Datetime(_) | Value::Array(_) | Value::Table(_) => None,
    }
}

/// Whether it is said to be `true` or `false`.
fn is_boolean(arg: &Arg) -> bool {
    let mut words = arg.get_value_parser().possible_values().into_iter().flatten();
    !matches!(arg.get_action(), ArgAction::SetTrue) && words.any(|word| word.get_name() == "false")
}

fn may_stand_alone(arg: &Arg) -> bool {
    matches!(arg.get_action(), ArgAction::SetTrue) || arg.get_num_args().is_some_and(|count| count.min_values() == 0)
}

impl Values {
    /// Whether the option takes them. Asked here, because clap's own message would repeat them.
    fn are_right(&self, arg: &Arg) -> bool {
        let texts = match self {
            Self::Switch(_) => return true,
            Self::Texts(_) if matches!(arg.get_action(), ArgAction::SetTrue) => return false,
            Self::Texts(texts) => texts,
        };
        let mut alike = Arg::new("value").long("value").num_args(ValueRange::SINGLE).action(ArgAction::Append);
        alike = alike.value_parser(arg.get_value_parser().clone()).value_delimiter(arg.get_value_delimiter());
        let texts = texts.iter().map(|text| format!("--value={text}"));
        Command::new("alike").no_binary_name(true).arg(alike).try_get_matches_from(texts).is_ok()
    }
}

/// Options go before a `--`, values without an option behind one.
fn join(mut arguments: Vec<OsString>, added: &[Setting<'_>]) -> Vec<OsString> {
    let end = arguments.iter().position(|argument| argument == "--");
    let behind = end.map_or_else(Vec::new, |end| arguments.split_off(end + 1));
    let has_end = arguments.pop_if(|argument| argument == "--").is_some();
    let mut positional = Vec::new();
    for Setting { arg, values } in added {
        match (arg.get_long(), values) {
            (Some(long), Values::Switch(true)) => arguments.push(format!("--{long}").into()),
            (_, Values::Switch(_)) => {}
            (Some(long), Values::Texts(texts)) => {
                arguments.extend(texts.iter().map(|text| format!("--{long}={text}").into()));
            }
            (None, Values::Texts(texts)) => positional.extend(texts.iter().map(OsString::from)),
        }
    }
    if has_end || !positional.is_empty() {
        arguments.push("--".into());
    }
    arguments.extend(behind);
    arguments.extend(positional);
    arguments
}

#[cfg(unix)]
fn others_may_read(path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    path.metadata().is_ok_and(|metadata| metadata.mode() & 0o077 != 0)
}

/// Where rights are no bits, nobody can tell so easily.
#[cfg(not(unix))]
fn others_may_read(_: &Path) -> bool {
    false
}

#[cfg(test)]
mod tests;
