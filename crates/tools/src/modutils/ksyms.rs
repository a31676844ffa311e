//! `ksyms`: what the kernel and its modules export. Counterpart: insmod/ksyms.c of modutils 2.4.27; ksyms(8).

use super::Messages;
use super::kernel::{Kernel, Module, Result as Asked, Symbol};
use crate::Invocation;
use crate::error::Failure;
use crate::getopt::{Arg, Opt, Parser, Spec};
use crate::output;

const SPEC: Spec = Spec {
    short: "amhVH",
    long: &[
        ("all", Arg::No, 'a'),
        ("info", Arg::No, 'm'),
        ("noheader", Arg::No, 'h'),
        ("version", Arg::No, 'V'),
        ("help", Arg::No, 'H'),
    ],
};

const USAGE: &str = "\
Usage:
ksyms [-ahm?V]

 -a, --all      Display all symbols
 -h, --noheader Suppress the column header
 -m, --info     Display module information
 -H, --help     Print this message
 -V, --version  Print the release version
";

/// The tool.
pub fn main(call: &Invocation) -> Result<u8, Failure> {
    let mut parser = Parser::new(SPEC, &call.argv0, &call.words);
    let (mut all, mut info, mut header) = (false, false, true);
    while let Some(option) = parser.next_option() {
        match option {
            Opt::Known('a', _) => all = true,
            Opt::Known('m', _) => info = true,
            Opt::Known('h', _) => header = false,
            Opt::Known('V', _) => tell!("ksyms version {}", super::VERSION),
            other => {
                tell_part!("{USAGE}");
                return Ok(u8::from(other == Opt::Bad));
            }
        }
    }
    let mut messages = Messages::new("ksyms");
    let client = match super::connect("ksyms") {
        Ok(client) => client,
        Err(error) => {
            tell!("{error}");
            return Ok(1);
        }
    };
    match list(&Kernel(&client), all, info, header) {
        Ok(text) => Ok(output::print("ksyms", &text)),
        Err(error) => {
            messages.error(&format!("query_module: {}", error.text()));
            Ok(1)
        }
    }
}

fn list(kernel: &Kernel<'_>, all: bool, info: bool, header: bool) -> Asked<String> {
    let mut text = String::new();
    if header {
        text += &format!("{:<16}  {:<32}  Defined by\n", "Address", "Symbol");
    }
    for module in kernel.modules()? {
        if info {
            text += &module_row(&module);
        }
        // A module that goes meanwhile exports nothing.
        for Symbol { value, name } in kernel.symbols(Some(&module.name)).unwrap_or_default() {
            text += &format!("{value:016x}  {name:<32}  [{}]\n", module.name);
        }
    }
    if all {
        text.extend(kernel.symbols(None)?.iter().map(|s| format!("{:016x}  {:<32}\n", s.value, s.name)));
    }
    Ok(text)
}

fn module_row(module: &Module) -> String {
    let start = format!("{:016x}  ({}k)", module.addr, module.size.div_ceil(1024));
    format!("{start:<52}[{}]\n", module.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    // printf formats of insmod/ksyms.c with pointers of 16 digits.
    #[test]
    fn a_module_s_row_ends_in_the_column_of_names() {
        let module = Module { name: "m".into(), addr: 0x1080_0000, size: 1025, ..Module::default() };
        assert_eq!(module_row(&module), format!("0000000010800000  (2k){}[m]\n", " ".repeat(30)));
    }
}
