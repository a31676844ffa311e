//! Debug messages that can be switched on one by one. Counterpart: lib/dynamic_debug.c.
//!
//! The module's own code tests whether a message is on: these functions are called for those that are.

use crate::base::core::{self, Device};
use crate::{env, log, sched};
use kabi::{Field, KPtr, KResult, VarArgs, exports, kexport};
use machine::access;

exports![__dynamic_pr_debug, __dynamic_dev_dbg];

/// The kernel's `struct _ddebug`: one message of the source.
#[derive(Debug)]
pub struct Descriptor;

static MODNAME: Field = Field::new("_ddebug", "modname");
static FUNCTION: Field = Field::new("_ddebug", "function");
static FILENAME: Field = Field::new("_ddebug", "filename");
static FORMAT: Field = Field::new("_ddebug", "format");

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
    line: u32,
    flags: u32,
}

impl Message {
    fn read(of: KPtr<Descriptor>) -> KResult<Self> {
        let text = |field: &Field| {
            let bytes = access::read_str(field.get(of)?, 256)?;
            KResult::Ok(String::from_utf8_lossy(&bytes).into_owned())
        };
        // Behind the last pointer: 18 bits line, 6 bits class, 8 bits flags.
        let bits: u32 = of.get(FORMAT.offset()? + 8)?;
        Ok(Self {
            module: text(&MODNAME)?,
            function: text(&FUNCTION)?,
            file: text(&FILENAME)?,
            line: bits & 0x3_ffff,
            flags: bits >> 24,
        })
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
    let message = |flags| Message { module: "m".into(), function: "f".into(), file: "d/m.c".into(), line: 7, flags };
    let got = [1, 3, 0x0f, 0x11, 0x3f].map(|flags| message(flags).prefix(42));
    assert_eq!(got, ["", "m: ", "m:f:7: ", "[42] ", "[42] m:f:d/m.c:7: "]);
}
