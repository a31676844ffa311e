//! `insmod`: loads a module from a file (kmod's `tools/insmod.c`).
//!
//! DIFFERS: kmod 30 has only `--version` and `--help` besides the short options it ignores; `--force` and its two
//! halves, `--syslog` (but not `-s`, which 30 ignores) and `--verbose` are those of later versions.

use super::reason::{self, Before};
use super::{Messages, c_string, join, short_name};
use crate::Invocation;
use crate::backend::{self, Modules, Outcome};
use crate::error::{Failure, errno_text};
use crate::getopt::{Arg, Opt, Parser, Spec};
use crate::output;
use kofile::Format;
use rustix::io::Errno;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileExt;
use std::path::Path;

const IGNORE_MODVERSIONS: u32 = 1;
const IGNORE_VERMAGIC: u32 = 2;

/// Its options; `cli` tells of them.
pub const SPEC: Spec = Spec {
    short: "psfvVh",
    long: &[
        ("version", Arg::No, 'V'),
        ("help", Arg::No, 'h'),
        ("syslog", Arg::No, 'S'),
        ("verbose", Arg::No, 'v'),
        ("force", Arg::No, 'f'),
        ("force-modversion", Arg::No, 'm'),
        ("force-vermagic", Arg::No, 'g'),
        ("instance", Arg::Required, 'I'),
        ("explain", Arg::No, 'X'),
    ],
};

#[derive(Debug, Default)]
struct Options {
    flags: u32,
    syslog: bool,
    verbose: bool,
    explain: bool,
    instance: Option<OsString>,
}

/// The tool.
pub fn main(call: &Invocation) -> Result<u8, Failure> {
    let mut parser = Parser::new(SPEC, &call.argv0, &call.words);
    let mut options = Options::default();
    while let Some(option) = parser.next_option() {
        let Opt::Known(code, value) = option else { return Ok(1) };
        match code {
            'f' => options.flags |= IGNORE_MODVERSIONS | IGNORE_VERMAGIC,
            'm' => options.flags |= IGNORE_MODVERSIONS,
            'g' => options.flags |= IGNORE_VERMAGIC,
            'S' => options.syslog = true,
            'v' => options.verbose = true,
            'X' => options.explain = true,
            'I' => options.instance = value,
            'h' => return Ok(output::print("insmod", &usage(&call.argv0))),
            'V' => return Ok(output::print("insmod", super::VERSION)),
            _ => {}
        }
    }
    let messages = Messages::new(&call.argv0, options.syslog);
    let operands = parser.operands();
    let Some((file, params)) = operands.split_first() else {
        messages.error("missing filename.");
        return Ok(1);
    };
    if file == "-" {
        messages.error("this tool does not support loading from stdin!");
        return Ok(1);
    }
    insert(file, &join(params), &options, &messages)
}

fn usage(argv0: &OsStr) -> String {
    format!(
        "Usage:\n\t{} [options] filename [args]\nOptions:\n\t-V, --version     show version\n\t-h, --help        show this help\n",
        short_name(argv0)
    )
}

fn insert(file: &OsStr, params: &[u8], options: &Options, messages: &Messages) -> Result<u8, Failure> {
    let shown = file.to_string_lossy();
    let path = Path::new(file);
    let there = match std::fs::metadata(path) {
        // A path that ends in a slash names no file.
        Ok(_) if file.as_bytes().ends_with(b"/") => Err(Errno::NOENT.into()),
        other => other,
    };
    if let Err(error) = there {
        messages.error(&format!("could not load module {shown}: {}", errno_text(&error)));
        return Ok(1);
    }
    let mut modules = backend::modules(options.instance.as_deref())?;
    if options.verbose {
        println!("insmod {shown} {}", String::from_utf8_lossy(params));
    }
    let explains = options.explain || io::IsTerminal::is_terminal(&io::stderr());
    let before = if explains { Before::now(options.instance.as_deref()) } else { Before::default() };
    match load(&mut *modules, path, params, options.flags) {
        Ok(Outcome::Done) => Ok(0),
        Ok(Outcome::Killed { signal }) => backend::die(signal),
        Err(error) => {
            messages.error(&format!("could not insert module {shown}: {}", reason(&error)));
            if explains && let Some(errno) = error.raw_os_error() {
                reason::explain(options.instance.as_deref(), &before, errno, path);
            }
            Ok(1)
        }
    }
}

/// Loads the file at `path`: as a descriptor where the kernel reads it itself, unpacked otherwise.
pub fn load(modules: &mut dyn Modules, path: &Path, params: &[u8], flags: u32) -> io::Result<Outcome> {
    let params = c_string(params);
    let file = File::open(path)?;
    let format = packed(&file)?;
    if let Some(more) = by_descriptor(modules, format) {
        match modules.insert(file.as_fd(), path, &params, flags | more) {
            Err(error) if error.raw_os_error() == Some(Errno::NOSYS.raw_os_error()) => {}
            result => return result,
        }
    }
    let mut image = match kofile::Image::open(path) {
        Ok(image) if !image.bytes().is_empty() => image.into_bytes(),
        // An empty file cannot be mapped; that is what kmod answers to a file that it cannot unpack, too.
        Ok(_) | Err(_) => return Err(Errno::INVAL.into()),
    };
    if flags & IGNORE_MODVERSIONS != 0 {
        super::force::hide_versions(&mut image);
    }
    if flags & IGNORE_VERMAGIC != 0 {
        super::force::strip_vermagic(&mut image);
    }
    modules.insert_bytes(&image, path, &params, flags)
}

/// Whether the kernel reads the file itself, and with which flags: a plain one, or one in the format that it unpacks.
fn by_descriptor(modules: &mut dyn Modules, format: Option<Format>) -> Option<u32> {
    const COMPRESSED: u32 = 4;
    let Some(format) = format else { return Some(0) };
    let known = modules.read("/sys/module/compression").ok()?;
    (known.trim_ascii() == format.name().as_bytes()).then_some(COMPRESSED)
}

/// How the file is compressed.
fn packed(file: &File) -> io::Result<Option<Format>> {
    let mut magic = [0; 6];
    let got = file.read_at(&mut magic, 0)?;
    Ok(Format::detect(magic.get(..got).unwrap_or_default()))
}

/// kmod's words for what the kernel answers to a load.
pub fn reason(error: &io::Error) -> String {
    // An init function returns what it likes: not every number is one of an `Errno`.
    let is = |errno: Errno| error.raw_os_error() == Some(errno.raw_os_error());
    match () {
        () if is(Errno::NOEXEC) => "Invalid module format".into(),
        () if is(Errno::NOENT) => "Unknown symbol in module".into(),
        () if is(Errno::SRCH) => "Module has wrong symbol version".into(),
        () if is(Errno::INVAL) => "Invalid parameters".into(),
        () => errno_text(error),
    }
}

#[test]
fn any_number_has_words() {
    let words = |errno| reason(&io::Error::from_raw_os_error(errno));
    assert_eq!(words(8), "Invalid module format");
    assert_eq!(words(517), "Unknown error 517");
    for errno in [0, -1, 4095, 4096, 5000, i32::MAX, i32::MIN] {
        assert_eq!(words(errno), format!("Unknown error {errno}").replace("Unknown error 0", "Success"));
    }
}
