//! `kmod static-nodes`: the device nodes that are there before their modules are (kmod's `tools/static-nodes.c`).

use crate::Invocation;
use crate::error::{Failure, errno_text};
use crate::getopt::{Arg, Opt, Parser, Spec};
use crate::output;
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::Path;

/// Its options; `cli` tells of them.
pub const SPEC: Spec = Spec {
    short: "o:f:h",
    long: &[("output", Arg::Required, 'o'), ("format", Arg::Required, 'f'), ("help", Arg::No, 'h')],
};

/// A node: its module, its name below /dev, its type, major and minor.
struct Node<'l> {
    module: &'l str,
    name: &'l str,
    kind: char,
    major: u32,
    minor: u32,
}

type Format = (&'static str, fn(&Node<'_>) -> String, &'static str);

const FORMATS: [Format; 3] = [
    ("human", human, "(default) a human readable format. Do not parse."),
    ("tmpfiles", tmpfiles, "the tmpfiles.d(5) format used by systemd-tmpfiles."),
    ("devname", devname, "the modules.devname format."),
];

fn human(node: &Node<'_>) -> String {
    let kind = if node.kind == 'c' { "character" } else { "block" };
    format!(
        "Module: {}\n\tDevice node: /dev/{}\n\t\tType: {kind} device\n\t\tMajor: {}\n\t\tMinor: {}\n",
        node.module, node.name, node.major, node.minor
    )
}

fn tmpfiles(node: &Node<'_>) -> String {
    let folder = node.name.rsplit_once('/').map(|(folder, _)| format!("d /dev/{folder} 0755 - - -\n"));
    let line = format!("{}! /dev/{} 0600 - - - {}:{}\n", node.kind, node.name, node.major, node.minor);
    folder.unwrap_or_default() + &line
}

fn devname(node: &Node<'_>) -> String {
    format!("{} {} {}{}:{}\n", node.module, node.name, node.kind, node.major, node.minor)
}

/// The command.
pub fn main(call: &Invocation) -> Result<u8, Failure> {
    let mut parser = Parser::new(SPEC, &call.argv0, &call.words);
    let (mut to, mut format): (_, fn(&Node<'_>) -> String) = (None, human);
    while let Some(option) = parser.next_option() {
        match option {
            Opt::Known('o', value) => to = value,
            Opt::Known('f', Some(name)) => match FORMATS.iter().find(|(known, ..)| name == *known) {
                Some((_, write, _)) => format = *write,
                None => {
                    tell!("Unknown format: '{}'.", name.display());
                    output::print("kmod", &usage());
                    return Ok(1);
                }
            },
            Opt::Known(..) => return Ok(output::print("kmod", &usage())),
            Opt::Bad => return Ok(1),
        }
    }
    let running = rustix::system::uname();
    let release = running.release().to_string_lossy();
    Ok(list(&format!("/lib/modules/{release}/modules.devname"), to.as_deref(), format))
}

fn usage() -> String {
    let mut text = String::from(
        "Usage:\n\tkmod static-nodes [options]\n\n\
         kmod static-nodes outputs the static-node information of the currently running kernel.\n\n\
         Options:\n\
         \t-f, --format=FORMAT  choose format to use: see \"Formats\"\n\
         \t-o, --output=FILE    write output to file\n\
         \t-h, --help           show this help\n\n\
         Formats:\n",
    );
    FORMATS.iter().for_each(|(name, _, what)| text.push_str(&format!("\t{name:<12} {what}\n")));
    text
}

/// Writes the nodes of a `modules.devname`; the exit status.
fn list(from: &str, to: Option<&OsStr>, format: fn(&Node<'_>) -> String) -> u8 {
    let text = match fs::read(from) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            tell!("Warning: {from} not found - ignoring");
            return 0;
        }
        Err(error) => {
            tell!("Error: could not open {from} - {}", errno_text(&error));
            return 1;
        }
    };
    let text = String::from_utf8_lossy(&text);
    let (mut out, mut status) = (String::new(), 0);
    for line in text.split_inclusive('\n').filter(|line| !line.starts_with('#')) {
        match node(line) {
            Some(node) => out.push_str(&format(&node)),
            None => {
                tell_part!("Error: invalid devname entry: {line}");
                status = 1;
            }
        }
    }
    store(to, &out).map_or(1, |()| status)
}

/// `MODULE NAME TYPE MAJOR:MINOR`.
fn node(line: &str) -> Option<Node<'_>> {
    let mut words = line.split_ascii_whitespace();
    let (module, name, numbers) = (words.next()?, words.next()?, words.next()?);
    let kind = numbers.chars().next().filter(|kind| matches!(kind, 'c' | 'b'))?;
    let (major, minor) = numbers.get(1..)?.split_once(':')?;
    let digits = minor.find(|c: char| !c.is_ascii_digit()).unwrap_or(minor.len());
    Some(Node { module, name, kind, major: major.parse().ok()?, minor: minor.get(..digits)?.parse().ok()? })
}

fn store(to: Option<&OsStr>, text: &str) -> Result<(), ()> {
    let Some(path) = to else {
        return output::write_stdout(text.as_bytes()).map_err(|error| {
            output::failed("kmod", &error);
        });
    };
    let shown = path.display();
    let path = Path::new(path);
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty())
        && let Err(error) = fs::create_dir_all(folder)
    {
        tell!("Error: could not create parent directory for {shown} - {}.", errno_text(&error));
        return Err(());
    }
    fs::write(path, text).map_err(|error| tell!("Error: could not create {shown} - {}", errno_text(&error)))
}

#[test]
fn nodes_are_shown_in_every_format() {
    let fuse = node("fuse fuse c10:229\n").unwrap();
    assert_eq!(devname(&fuse), "fuse fuse c10:229\n");
    let control = node("a mapper/control b1:2x").unwrap();
    assert_eq!(tmpfiles(&control), "d /dev/mapper 0755 - - -\nb! /dev/mapper/control 0600 - - - 1:2\n");
    assert!(human(&control).contains("Type: block device"));
    for wrong in ["", "a b", "a b x1:2", "a b c1", "a b c:1"] {
        assert!(node(wrong).is_none(), "{wrong}");
    }
}
