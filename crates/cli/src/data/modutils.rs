//! The tools of Linux 2.4's modutils, which an instance with `--personality 2.4` has. They have manual pages only: outside of
//! such an instance their names are kmod's.

use super::BLANK;
use crate::{Command, Kind, Operands, Opt};

/// The tools.
pub const TOOLS: &[Command] = &[INSMOD, RMMOD, LSMOD, KSYMS];

const VERSION: Opt = Opt::flag("V", &["version"], "show the version");
const SYSLOG: Opt = Opt::flag("s", &["syslog"], "send messages to syslog, not to standard error");
const STATUS: (&str, &str) = ("Exit status", "0, or 1 if anything failed.");
const SEE: &[&str] = &["insmod-2.4(8)", "rmmod-2.4(8)", "lsmod-2.4(8)", "ksyms(8)", "lkm-sh(1)", "lkm-run(1)"];

const INSMOD: Command = Command {
    name: "insmod-2.4",
    summary: "link a module of Linux 2.4 and load it",
    usage: &[("insmod [options] FILE [name=value ...]", "")],
    text: &[
        "Inside `lkm sh --personality 2.4`, insmod works as in modutils 2.4: it asks the kernel for its symbols, links the object \
         FILE for the address that the kernel gives, writes parameters into the module's variables, and hands the image over.",
        "A FILE without slash and dot is the name of a module, looked for in $MODPATH or else in /lib/modules/RELEASE.",
    ],
    options: &[
        Opt::flag("f", &["force"], "load also where the kernel's version is another; taints the kernel"),
        Opt::flag("k", &["autoclean"], "let `rmmod -a` remove the module"),
        Opt::flag("L", &["lock"], "do not load a module twice at the same time"),
        Opt::flag("m", &["map"], "print a map of the module's sections and symbols"),
        Opt::flag("n", &["noload"], "do everything but load"),
        Opt::flag("p", &["probe", "poll"], "see whether the module fits the kernel"),
        Opt::flag("q", &["quiet"], "do not list unresolved symbols"),
        Opt::flag("r", &["root"], "has no meaning here: who owns the file does not matter"),
        SYSLOG,
        Opt::flag("v", &["verbose"], "tell what is done"),
        Opt::flag("x", &["noexport"], "export nothing, if the module does not say what"),
        Opt::flag("X", &["export"], "export all global symbols then; so without an option"),
        Opt::flag("y", &["noksymoops"], "add no symbols for ksymoops"),
        Opt::flag("Y", &["ksymoops"], "add them; so without an option"),
        Opt::with("o", &["name"], "NAME", Kind::Text, "the module's name, not the file's"),
        Opt::with("O", &["blob"], "FILE", Kind::File, "write the linked image to this file, too"),
        Opt::with("P", &["prefix"], "PREFIX", Kind::Text, "what stands before the versions in names of symbols"),
        VERSION,
        Opt::flag("h", &["help"], "show a help"),
    ],
    operands: Operands::ModuleFile,
    notes: &[STATUS, ("Bugs", "Persistent data (-e) and kallsyms (-S) of modutils are refused.")],
    examples: &[("insmod -o second ./hello.o who=world", "under another name, with a parameter")],
    see: SEE,
    ..BLANK
};

const RMMOD: Command = Command {
    name: "rmmod-2.4",
    summary: "unload modules of Linux 2.4",
    usage: &[("rmmod [options] MODULE ...", ""), ("rmmod -a", "what is not used any more")],
    text: &["Inside `lkm sh --personality 2.4`, rmmod works as in modutils 2.4."],
    options: &[
        Opt::flag("a", &["all"], "remove what was loaded with -k and nobody uses"),
        Opt::flag("r", &["stacks"], "remove also what the modules used, if nobody else does"),
        SYSLOG,
        Opt::flag("v", &["verbose"], "tell what is done"),
        VERSION,
        Opt::flag("h", &["help"], "show a help"),
    ],
    notes: &[STATUS],
    examples: &[("rmmod -r user", "user, and what only user used")],
    see: SEE,
    ..BLANK
};

const LSMOD: Command = Command {
    name: "lsmod-2.4",
    summary: "list the modules of Linux 2.4",
    usage: &[("lsmod", "")],
    text: &[
        "Inside `lkm sh --personality 2.4`, lsmod shows /proc/modules as modutils 2.4 does: name, size, count of uses, users.",
    ],
    options: &[VERSION, Opt::flag("h", &["help"], "show a help")],
    notes: &[STATUS],
    examples: &[("lsmod | grep unused", "what nobody uses")],
    see: SEE,
    ..BLANK
};

const KSYMS: Command = Command {
    name: "ksyms",
    summary: "list the symbols that modules of Linux 2.4, or the kernel, export",
    usage: &[("ksyms [options]", "")],
    text: &[
        "Inside `lkm sh --personality 2.4`, prints the address and the name of each symbol that a module exports, and the module.",
        "Where the kernel has versions of symbols, names carry them: printk_R1b7d4074.",
    ],
    options: &[
        Opt::flag("a", &["all"], "also the symbols of the kernel"),
        Opt::flag("m", &["info"], "also a line for each module: its address and its size"),
        Opt::flag("h", &["noheader"], "without the line of headings"),
        VERSION,
        Opt::flag("H", &["help"], "show a help"),
    ],
    notes: &[STATUS],
    examples: &[("ksyms -a | grep kmalloc", "what the kernel offers of that name")],
    see: SEE,
    ..BLANK
};
