//! What the program says of its configuration file.

use std::path::Path;

use super::super::file::Wrong;

/// What is wrong with it, and where.
pub(in super::super) fn wrong(path: &Path, wrong: &Wrong) -> String {
    let file = path.display();
    match wrong {
        Wrong::Unreadable(cause) => format!("the configuration file {file} cannot be read: {cause}"),
        Wrong::NoToml(line) => format!("{file}: line {line} is not valid TOML; texts must be in quotes"),
        Wrong::NoCommand(name) => {
            format!("{file}: \"{name}\" is not a command; settings go below [bridge], [check] and so on")
        }
        Wrong::NoOption(command, key) => format!("{file}: `pasarela {command}` has no option \"{key}\""),
        Wrong::Value(command, key) => format!("{file}: the value of \"{key}\" below [{command}] cannot be used"),
    }
}

/// Others may read a file with keys in it.
pub(in super::super) fn exposed(path: &Path) -> String {
    format!(
        "warning: other users of this computer can read {0}, which holds secrets; try: chmod 600 {0}",
        path.display()
    )
}
