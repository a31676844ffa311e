//! Options of lkm's own commands: what is taken is what the definitions in `cli` name, and nothing else.

use lexopt::Arg;
use std::ffi::OsString;

/// What the definition of a tool's option is called (its long name, or its letter). A word that is none goes to `operand`.
///
/// # Errors
/// The tool has no such option.
pub fn option(
    tool: &str,
    argument: Arg<'_>,
    operand: impl FnOnce(OsString),
) -> Result<Option<&'static str>, lexopt::Error> {
    let command = cli::command(tool);
    let found = match &argument {
        Arg::Short(letter) => command.short(*letter),
        Arg::Long(name) => command.long(name),
        Arg::Value(_) => None,
    };
    match (found, argument) {
        (Some(option), _) => Ok(Some(option.key())),
        (None, Arg::Value(word)) => {
            operand(word);
            Ok(None)
        }
        (None, other) => Err(other.unexpected()),
    }
}

/// An option that is defined, and that the tool does not look at.
pub fn untaken(name: &str) -> lexopt::Error {
    lexopt::Error::UnexpectedOption(name.into())
}
