//! The tools for the kernel's log: util-linux's dmesg, and klogd.

use super::{BLANK, HELP, INSTANCE};
use crate::{Command, Kind, Operands, Opt};

/// The tools.
pub const TOOLS: &[Command] = &[DMESG, KLOGD];

const FACILITIES: Kind = Kind::Choice(&[
    "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp",
]);
const LEVELS: Kind = Kind::Choice(&["emerg", "alert", "crit", "err", "warn", "notice", "info", "debug"]);
const NUMBERS: Kind = Kind::Choice(&["1", "2", "3", "4", "5", "6", "7", "8"]);

const DMESG: Command = Command {
    name: "dmesg",
    section: 1,
    summary: "print or control the kernel's log",
    usage: &[("dmesg [options]", "print the log"), ("dmesg -C | -c | -D | -E | -n LEVEL", "control it")],
    text: &[
        "Prints the ring buffer in which the kernel keeps its messages, empties it, or sets what the console shows of it. Inside \
         an instance of lkm's kernel it is that kernel's.",
    ],
    options: &[
        Opt::flag("C", &["clear"], "empty the buffer"),
        Opt::flag("c", &["read-clear"], "print the messages, then empty the buffer"),
        Opt::flag("D", &["console-off"], "show no messages on the console"),
        Opt::flag("E", &["console-on"], "show messages on the console"),
        Opt::with(
            "F",
            &["file"],
            "FILE",
            Kind::File,
            "read this file, in the form of syslog(2), not the kernel's buffer",
        ),
        Opt::with("f", &["facility"], "LIST", FACILITIES, "only messages of these facilities"),
        Opt::flag("H", &["human"], "print for people: with colours, times and a pager"),
        // In util-linux's list of letters, but without a meaning.
        Opt::hidden("i", &[]),
        Opt::flag("J", &["json"], "print JSON"),
        Opt::flag("k", &["kernel"], "only messages of the kernel"),
        Opt::with("L", &["color"], "WHEN", Kind::Choice(&["auto", "always", "never"]), "colour messages").optional(),
        Opt::with("l", &["level"], "LIST", LEVELS, "only messages of these levels"),
        Opt::with("n", &["console-level"], "LEVEL", LEVELS, "show messages of this level and worse on the console"),
        Opt::flag("P", &["nopager"], "use no pager"),
        Opt::flag("p", &["force-prefix"], "show the time on every line of a message with several"),
        Opt::flag("r", &["raw"], "print the buffer as it is"),
        Opt::flag("", &["noescape"], "print control characters as they are"),
        Opt::flag("S", &["syslog"], "use syslog(2), not /dev/kmsg"),
        Opt::with("s", &["buffer-size"], "SIZE", Kind::Text, "how many bytes are asked for with syslog(2)"),
        Opt::flag("u", &["userspace"], "only messages that programs wrote"),
        Opt::flag("w", &["follow"], "wait for more messages"),
        Opt::flag("W", &["follow-new"], "wait for messages, and print the new ones only"),
        Opt::flag("x", &["decode"], "show facility and level in words"),
        Opt::flag("d", &["show-delta"], "show the time since the message before"),
        Opt::flag("e", &["reltime"], "show the local time, and the time since the message before"),
        Opt::flag("T", &["ctime"], "show the date; wrong after the machine slept"),
        Opt::flag("t", &["notime"], "show no times"),
        Opt::with(
            "",
            &["time-format"],
            "FORMAT",
            Kind::Choice(&["delta", "reltime", "ctime", "notime", "iso"]),
            "show times in this form; ctime and iso are wrong after the machine slept",
        ),
        Opt::with("", &["since"], "TIME", Kind::Text, "only messages since then"),
        Opt::with("", &["until"], "TIME", Kind::Text, "only messages until then"),
        INSTANCE,
        Opt::flag("V", &["version"], "show the version"),
        HELP,
    ],
    notes: &[("Exit status", "0, or 1 if anything failed.")],
    examples: &[
        ("dmesg -H", "for people, in a pager"),
        ("dmesg -l err,warn -T", "what went wrong, with dates"),
        ("dmesg -w", "watch it"),
        ("dmesg --since '10 minutes ago' -J", "for programs"),
        ("dmesg -n 4", "only errors and worse reach the console"),
    ],
    see: &["klogd(8)", "syslog(2)", "lkm(1)"],
    ..BLANK
};

const KLOGD: Command = Command {
    name: "klogd",
    summary: "write the kernel's log to a file or to syslog",
    usage: &[
        ("klogd [-dnopsx2] [-c n] [-f file] [-k file]", ""),
        ("klogd -i | -I", ""),
        ("klogd --printk[=NAME[=VALUE]]", ""),
    ],
    text: &[
        "Reads the kernel's log and writes it to syslog, or to a file. Goes to the background, where it stays until a signal ends \
         it.",
    ],
    options: &[
        Opt::with("c", &[], "n", NUMBERS, "print messages of a level below n on the console (1 to 8)"),
        Opt::flag("d", &[], "tell on standard error what is logged"),
        Opt::with(
            "f",
            &[],
            "file",
            Kind::File,
            "log to this file instead of syslog; it is emptied first. \"-\" is standard output",
        ),
        Opt::flag("i", &[], "have the running klogd read the symbols of modules again"),
        Opt::flag("I", &[], "have it read all symbols again"),
        Opt::with("k", &[], "file", Kind::File, "take the kernel's symbols from this System.map"),
        Opt::flag("n", &[], "stay in the foreground"),
        Opt::flag("o", &[], "log what is there, and end"),
        Opt::flag("p", &[], "read the symbols of modules again when an oops is logged"),
        Opt::flag("s", &[], "use syslog(2), even if there is /proc/kmsg"),
        Opt::flag("x", &[], "leave addresses as they are"),
        Opt::flag("2", &[], "log a line in which addresses were replaced by symbols twice: so, and as it was"),
        INSTANCE_LOG,
        Opt::with("", &["log-socket"], "PATH", Kind::File, "the socket of syslog instead of /dev/log"),
        Opt::with(
            "",
            &["pid-file"],
            "PATH",
            Kind::File,
            "where the process id is kept. Otherwise /run/klogd.pid; in an instance /run/lkm/klogd.pid; \
             $XDG_RUNTIME_DIR/lkm/klogd.pid where those cannot be written",
        ),
        Opt::with(
            "",
            &["printk"],
            "NAME[=VALUE]",
            Kind::Text,
            "show the kernel's printk settings, or one of them, or set it; as sysctl(8) does",
        )
        .optional(),
        Opt::flag("v", &["version"], "show the version"),
        HELP,
    ],
    operands: Operands::None,
    notes: &[(
        "Signals",
        "SIGTERM and SIGINT end it. SIGHUP opens the file (or the socket) again; a file that was renamed or removed is noticed \
         without it. SIGTSTP pauses, SIGCONT goes on. SIGUSR1 and SIGUSR2 do what -i and -I ask for.",
    )],
    examples: &[
        ("klogd -o -f ./krnl.msg", "what the kernel said up to now"),
        ("klogd -f /var/log/kernel.log -c 4", "all of it from now on; only errors and worse reach the console"),
        ("klogd --printk=printk=\"4 4 1 7\"", "set the levels of the console"),
    ],
    see: &["dmesg(1)", "syslog(2)", "lkm(1)"],
    ..BLANK
};

const INSTANCE_LOG: Opt = Opt { text: "the log of this instance of lkm's kernel", ..INSTANCE };
