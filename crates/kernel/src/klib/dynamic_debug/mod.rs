//! Debug messages that can be switched on one by one. Counterpart: lib/dynamic_debug.c.
//!
//! The module's own code tests whether a message is on: these functions are called for those that are. [`queries`] switches
//! messages, for the parameter `dyndbg` that every module has; the messages of the kernel's own code stay off.

mod query;

use crate::base::core::{self, Device};
use crate::module::{self, Module};
use crate::{env, jump_label, log, sched};
use kabi::errno::{E2BIG, EINVAL};
use kabi::{Field, KPtr, KResult, VarArgs, exports, kexport, size_of_struct};
use machine::access;
use query::{Change, LETTERS, Query, matches};

exports![__dynamic_pr_debug, __dynamic_dev_dbg];

/// The kernel's `struct _ddebug`: one message of the source.
#[derive(Debug)]
pub struct Descriptor;

static MODNAME: Field = Field::new("_ddebug", "modname");
static FUNCTION: Field = Field::new("_ddebug", "function");
static FILENAME: Field = Field::new("_ddebug", "filename");
static FORMAT: Field = Field::new("_ddebug", "format");

static KEY: Field = Field::new("_ddebug", "key");

/// A write to the control file has fewer bytes.
const PAGE: usize = 4096;
/// The message is on.
const PRINT: u32 = 1;
// What the prefix shows: bits of `flags`.
const MODULE: u32 = 1 << 1;
const FUNC: u32 = 1 << 2;
const LINE: u32 = 1 << 3;
const TASK: u32 = 1 << 4;
const SOURCE: u32 = 1 << 5;
/// `KERN_DEBUG`.
const DEBUG: i32 = 7;

/// A message's place in the source, and what its prefix shall show.
#[derive(Debug, Default)]
struct Message {
    module: String,
    function: String,
    file: String,
    format: Vec<u8>,
    line: u32,
    class: u32,
    flags: u32,
}

/// The class of messages that have none (`_DPRINTK_CLASS_DFLT`).
const NO_CLASS: u32 = 63;

impl Message {
    fn read(of: KPtr<Descriptor>) -> KResult<Self> {
        let text = |field: &Field| {
            let bytes = access::read_str(field.get(of)?, 256)?;
            KResult::Ok(String::from_utf8_lossy(&bytes).into_owned())
        };
        let bits: u32 = of.get(Self::bits_at()?)?;
        Ok(Self {
            module: text(&MODNAME)?,
            function: text(&FUNCTION)?,
            file: text(&FILENAME)?,
            format: access::read_str(FORMAT.get(of)?, 4096)?,
            line: bits & 0x3_ffff,
            class: bits >> 18 & 0x3f,
            flags: bits >> 24,
        })
    }

    /// Behind the last pointer: 18 bits line, 6 bits class, 8 bits flags.
    fn bits_at() -> KResult<u64> {
        Ok(FORMAT.offset()? + 8)
    }

    /// True if the query means it; its module is checked already.
    fn is_meant(&self, query: &Query) -> bool {
        let like = |pattern: &Option<Vec<u8>>, text: &str| pattern.as_ref().is_none_or(|p| matches(p, text.as_bytes()));
        let base = self.file.rsplit('/').next().unwrap_or_default();
        let said = |wanted: &Vec<u8>| match wanted.strip_prefix(b"^") {
            Some(start) => self.format.starts_with(start),
            None => wanted.is_empty() || self.format.windows(wanted.len()).any(|part| part == wanted),
        };
        let (first, last) = query.lines;
        self.class == NO_CLASS
            && (like(&query.file, &self.file) || like(&query.file, base))
            && like(&query.function, &self.function)
            && query.format.as_ref().is_none_or(said)
            && (first == 0 || self.line >= first)
            && (last == 0 || self.line <= last)
    }

    /// Changes its flags; it lies at `at`.
    fn change(&self, at: KPtr<Descriptor>, change: Change) -> KResult {
        let flags = self.flags & change.mask | change.flags;
        if (flags ^ self.flags) & PRINT != 0 {
            jump_label::set(KPtr::new(KEY.of(at)?.addr()), flags & PRINT != 0)?;
        }
        let bits = Self::bits_at()?;
        at.put(bits, at.get::<u32>(bits)? & 0xff_ffff | flags << 24)
    }

    fn prefix(&self, task: u32) -> String {
        let has = |flag| self.flags & flag != 0;
        let parts = [
            has(MODULE).then(|| self.module.clone()),
            has(FUNC).then(|| self.function.clone()),
            has(SOURCE).then(|| self.file.clone()),
            has(LINE).then(|| self.line.to_string()),
        ];
        let place: String = parts.into_iter().flatten().map(|part| part + ":").collect();
        let task = if has(TASK) { format!("[{task}] ") } else { String::new() };
        if place.is_empty() { task } else { format!("{task}{place} ") }
    }
}

/// The messages of a module, and where they lie.
fn messages(module: &Module) -> KResult<Vec<(KPtr<Descriptor>, Message)>> {
    let image = module.image();
    let Some(table) = image.section("__dyndbg") else { return Ok(Vec::new()) };
    let size = size_of_struct("_ddebug")? as u64;
    let at = (0..table.size / size).map(|i| KPtr::new(table.addr + i * size));
    at.map(|at| Ok((at, Message::read(at)?))).collect()
}

/// The flags that this kernel knows.
fn letters() -> Vec<(u8, u32)> {
    let source = env::version() >= (6, 3);
    LETTERS.into_iter().filter(|(letter, _)| *letter != b's' || source).collect()
}

fn complain(line: &[u8]) {
    log::printk(Some(3), &[b"dyndbg: ", line, b"\n"].concat());
}

/// Does what the queries in `text` say: how many messages they mean. `modname` is meant where they name no module.
///
/// # Errors
/// `EINVAL` for a query that is not understood; the log says why, and the others count all the same.
pub fn queries(modname: Option<&[u8]>, text: &[u8]) -> KResult<usize> {
    let (mut found, mut result) = (0, Ok(()));
    for one in query::split(text) {
        match Query::parse(one, modname, &letters()) {
            Ok(query) => found += apply(&query)?,
            Err(complaints) => {
                complaints.iter().for_each(|line| complain(line));
                result = Err(EINVAL);
            }
        }
    }
    result?;
    Ok(found)
}

/// DIFFERS: messages with a class are not switched; a module declares those for its own parameters to switch.
fn apply(query: &Query) -> KResult<usize> {
    let mut found = 0;
    if query.class.is_some() {
        return Ok(found);
    }
    let meant = |m: &Module| query.module.as_ref().is_none_or(|name| matches(name, m.name().as_bytes()));
    for module in module::all().iter().filter(|m| meant(m)) {
        for (at, message) in messages(module)?.iter().filter(|(_, m)| m.is_meant(query)) {
            message.change(*at, query.change)?;
            found += 1;
        }
    }
    Ok(found)
}

/// The control file: a line for each message. DIFFERS: those of the kernel's own code are not among them.
///
/// # Errors
/// When a module's table cannot be read.
pub fn control() -> KResult<Vec<u8>> {
    let mut out = b"# filename:lineno [module]function flags format\n".to_vec();
    for module in module::all().iter().rev() {
        // From the end of the table, as the compiler puts the last message first.
        for (_, m) in messages(module)?.into_iter().rev() {
            let flags = LETTERS.iter().filter(|(_, flag)| m.flags & flag != 0).map(|(l, _)| char::from(*l));
            let flags: String = flags.collect();
            let flags = if flags.is_empty() { "_" } else { &flags };
            out.extend(format!("{}:{} [{}]{} ={flags} \"", m.file, m.line, m.module, m.function).bytes());
            out.extend(m.format.iter().flat_map(|b| escaped(*b)));
            out.extend(b"\"\n");
        }
    }
    Ok(out)
}

/// A byte of a format as the control file shows it.
fn escaped(byte: u8) -> Vec<u8> {
    match byte {
        b'\n' => b"\\n".to_vec(),
        b'\r' => b"\\r".to_vec(),
        b'\t' => b"\\t".to_vec(),
        other => vec![other],
    }
}

/// A write to the control file.
///
/// # Errors
/// `E2BIG` for more than a page, or as [`queries`].
pub fn write_control(data: &[u8]) -> KResult<usize> {
    if data.len() >= PAGE {
        log::line(4, &format!("dyndbg: expected <{PAGE} bytes into control"));
        return Err(E2BIG.into());
    }
    queries(None, data.split(|b| *b == 0).next().unwrap_or_default())?;
    Ok(data.len())
}

fn prefix(of: KPtr<Descriptor>) -> KResult<String> {
    Ok(Message::read(of)?.prefix(sched::caller().tid))
}

/// Prints a debug message that is switched on.
#[kexport(since = "2.6.30", header = "linux/dynamic_debug.h")]
fn __dynamic_pr_debug(of: KPtr<Descriptor>, format: KPtr, args: VarArgs) -> KResult {
    let message = env::format(format.addr(), args.0)?;
    log::log().emit(0, DEBUG, None, &[prefix(of)?.as_bytes(), &message].concat());
    Ok(())
}

/// Prints a debug message about a device that is switched on.
#[kexport(since = "2.6.30", header = "linux/dynamic_debug.h")]
fn __dynamic_dev_dbg(of: KPtr<Descriptor>, device: KPtr<Device>, format: KPtr, args: VarArgs) -> KResult {
    let message = env::format(format.addr(), args.0)?;
    let before = if device.is_null() { String::new() } else { prefix(of)? };
    core::print(DEBUG, device, before.as_bytes(), &message).map(|_| ())
}

#[test]
fn prefixes_show_what_their_flags_say() {
    let message = |flags| Message {
        module: "m".into(),
        function: "f".into(),
        file: "d/m.c".into(),
        line: 7,
        flags,
        ..Message::default()
    };
    let got = [1, 3, 0x0f, 0x11, 0x3f].map(|flags| message(flags).prefix(42));
    assert_eq!(got, ["", "m: ", "m:f:7: ", "[42] ", "[42] m:f:d/m.c:7: "]);
}
