//! `lkm` and its own commands.

use super::{BLANK, HELP};
use crate::{Command, Kind, Operands, Opt};

const KERNEL: Opt = Opt::with(
    "k",
    &["kernel"],
    "RELEASE",
    Kind::Release,
    "the kernel to run on; otherwise the one the module was built for",
);
const SHELL_S_KERNEL: Opt = Opt {
    text: "the kernel to run; otherwise the one that modules in this folder were built for, this machine's, or the newest \
           that is installed",
    ..KERNEL
};
const IMAGE: Opt = Opt::with("", &["image"], "FILE", Kind::File, "the kernel image to take");
const LEVEL: Opt = Opt::with(
    "l",
    &["loglevel"],
    "N",
    Kind::Choice(&["1", "2", "3", "4", "5", "6", "7", "8"]),
    "what of the kernel's log is shown (as `dmesg -n`; 7)",
);
const CPUS: Opt =
    Opt::with("", &["cpus"], "N", Kind::Text, "how many CPUs the kernel has; otherwise as many as this machine");
const CMDLINE: Opt = Opt::with(
    "",
    &["cmdline"],
    "TEXT",
    Kind::Text,
    "the kernel's command line (loglevel=, module_blacklist=, module.sig_enforce, MODULE.PARAM= ...)",
);
const CHECK: Opt = Opt::with(
    "",
    &["check"],
    "MODE",
    Kind::Choice(&["guard", "exact", "track", "fast"]),
    "what is watched of the module's use of memory: guard (accesses behind a block and to freed ones, damage around blocks; \
     the default), exact (also every access by an address in a register, to the byte; a source is built for it, a finished module \
     is checked as it is), track (who owns what, wrong frees), fast (nothing)",
);
const CHECK_OF_ALL: Opt = Opt::with(
    "",
    &["check"],
    "MODE",
    Kind::Choice(&["guard", "exact", "track", "fast"]),
    "what is watched of modules' use of memory: track (the default), guard, exact, fast: see `lkm run --help`",
);
const NO_FACES: Opt = Opt::flag("", &["no-faces"], "leave /proc, /sys and /dev as this machine has them");
const PERSONALITY: Opt = Opt::with(
    "",
    &["personality"],
    "2.4",
    Kind::Choice(&["2.4"]),
    "Linux 2.4's module system: create_module, insmod linking in user space (for the museum)",
);

/// `lkm` itself.
pub const LKM: Command = Command {
    name: "lkm",
    section: 1,
    summary: "run, load and look into Linux kernel modules",
    usage: &[("lkm COMMAND [arguments]", ""), ("COMMAND [arguments]", "where lkm is linked as a tool")],
    text: &[
        "Runs, loads and looks into Linux kernel modules, in an ordinary process or on this machine's kernel.",
        "The tools of kmod and util-linux, and klogd, take the options and give the output of the originals. They are also \
         found by the name of the program: a link named `modprobe` to lkm is modprobe.",
        "Every command shows its own options with `--help`.",
    ],
    options: &[HELP, Opt::flag("V", &["version"], "show the version")],
    operands: Operands::Commands,
    commands: &[
        ("run", "load a module into a kernel of its own, and tell what it left behind"),
        ("sh", "run a command or a shell inside a kernel of its own"),
        ("abi", "what lkm knows of kernels: list, show, import"),
        ("insmod", "load a module from a file"),
        ("rmmod", "unload modules"),
        ("lsmod", "list loaded modules"),
        ("modprobe", "load and unload modules with what they need"),
        ("depmod", "write the indexes of a module directory"),
        ("modinfo", "show what a module says of itself"),
        ("kmod", "the above by one name: help, list, static-nodes"),
        ("dmesg", "print or control the kernel's log"),
        ("klogd", "write the kernel's log to a file or to syslog"),
        ("check", "tell what is wrong with a module before it is loaded"),
        ("sign", "sign a module, or verify its signature"),
    ],
    examples: &[
        ("lkm run hello.ko", "load a module, unload it, and tell what it left behind"),
        ("lkm sh -- sh -c 'modprobe crc7 && lsmod'", "the tools inside talk to that kernel"),
        ("lkm check hello.ko", "what is wrong with it, without loading it"),
        ("lkm modinfo ./hello.ko", "what a module says of itself"),
    ],
    see: &["lkm-run(1)", "lkm-sh(1)", "lkm-abi(1)", "lkm-check(1)", "lkm-sign(1)", "kmod(8)", "dmesg(1)", "klogd(8)"],
    ..BLANK
};

/// lkm's own commands.
pub const OWN: &[Command] = &[RUN, SH, ABI, CHECK_MODULES, SIGN];

const RUN: Command = Command {
    name: "run",
    of: "lkm",
    section: 1,
    summary: "load a module into a kernel of its own, and tell what it left behind",
    usage: &[("lkm run [options] FILE [param=value ...] [-- COMMAND ...]", "")],
    text: &[
        "Loads a module into a kernel of its own, in an ordinary process; runs a command there; unloads it; tells what it left.",
        "FILE is a module (.ko, also compressed), a C file, or a folder with a Kbuild; the latter two are built first. Modules \
         that it depends on are taken from its folder or from the kernel's module tree.",
    ],
    options: &[
        KERNEL,
        IMAGE,
        LEVEL,
        CPUS,
        CMDLINE,
        CHECK,
        NO_FACES,
        PERSONALITY,
        Opt::flag("", &["json"], "print the report as JSON to standard output"),
        Opt::flag("v", &["verbose"], "tell what is done"),
        HELP,
    ],
    operands: Operands::Run,
    examples: &[
        ("lkm run hello.ko", ""),
        ("lkm run hello.c who=world", ""),
        ("lkm run ./driver -- cat /dev/driver", ""),
        ("lkm run -v jug.ko -- sh -c 'lsmod; dmesg | tail'", ""),
    ],
    notes: &[(
        "Exit status",
        "0 clean; the command's, if it failed; 120 something was left behind, or an oops; 121 the module was refused or its \
         init function failed; 122 the build failed; 123 this machine lacks something; 125 a fault of lkm's.",
    )],
    see: &["lkm(1)", "lkm-sh(1)", "modinfo(8)"],
    ..BLANK
};

const SH: Command = Command {
    name: "sh",
    of: "lkm",
    section: 1,
    summary: "run a command or a shell inside a kernel of its own",
    usage: &[("lkm sh [options] [-- COMMAND ...]", "")],
    text: &[
        "Runs a command, or your shell, inside a kernel of its own.",
        "Inside, insmod, rmmod, lsmod, dmesg, /proc, /sys and /dev are that kernel's; all else is this machine's. Nothing needs \
         root, and nothing that happens there touches this machine's kernel.",
    ],
    options: &[
        SHELL_S_KERNEL,
        IMAGE,
        LEVEL,
        CPUS,
        CMDLINE,
        CHECK_OF_ALL,
        NO_FACES,
        PERSONALITY,
        // One parser reads both commands.
        Opt::hidden("", &["json"]),
        Opt::hidden("v", &["verbose"]),
        HELP,
    ],
    operands: Operands::Program,
    examples: &[
        ("lkm sh", ""),
        ("lkm sh -- ./test.sh", ""),
        ("lkm sh -k 6.1.0-56-amd64 -- sh -c 'insmod a.ko && cat /proc/a'", ""),
    ],
    notes: &[("Exit status", "the command's; 123 this machine lacks something; 125 a fault of lkm's.")],
    see: &["lkm(1)", "lkm-run(1)"],
    ..BLANK
};

const ABI: Command = Command {
    name: "abi",
    of: "lkm",
    section: 1,
    summary: "show what lkm knows of kernels",
    usage: &[
        ("lkm abi list", "the kernels that can be run"),
        ("lkm abi import [RELEASE ...]", "read them now (all without a name)"),
        ("lkm abi show", "the kernel's exports, types, symbols, and where it was read from"),
        ("lkm abi show STRUCT[.MEMBER]", "the layout of a type, or the place of a member"),
        ("lkm abi show FUNCTION", "a prototype, and whether modules may call it"),
    ],
    text: &[
        "Shows what lkm knows of kernels. It is read once from a kernel's image (or its headers) and kept in the user's cache.",
    ],
    options: &[
        Opt { text: "which kernel; otherwise this machine's, or the newest that is installed", ..KERNEL },
        IMAGE,
        Opt::flag("", &["json"], "print JSON"),
        HELP,
    ],
    operands: Operands::Words(&["list", "import", "show"]),
    examples: &[
        ("lkm abi show task_struct.comm", ""),
        ("lkm abi show -k 6.1.0-56-amd64 kmem_cache_alloc", ""),
        ("lkm abi list --json", ""),
    ],
    see: &["lkm(1)"],
    ..BLANK
};

const CHECK_MODULES: Command = Command {
    name: "check",
    of: "lkm",
    section: 1,
    summary: "tell what is wrong with a module before it is loaded",
    usage: &[("lkm check [options] FILE|FOLDER ...", "")],
    text: &[
        "Tells what is wrong with modules, with file and line, before they are loaded. Nothing of them runs.",
        "FILE is a module (.ko, also compressed), or a C file, which is built first; FOLDER has modules anywhere below it, or a Kbuild. \
         Lines come from the debug information that kbuild makes; a module without it is told of by function and offset.",
        "Errors: what the kernel refuses the module for, in its own words; symbols that nobody exports, that are not for modules, \
         or for other licences, versions or namespaces. Modules in the folder of a FILE count as those that can be loaded before.",
        "Warnings: results that must be looked at and are not (`put_user`, `copy_to_user`, `try_module_get`, `kstrtoint` ...); memory \
         that is used untested; operations of a character device without `.owner`; an open function that counts without a lock; what init \
         registers and nothing unregisters; code that stays and uses what is freed after init; no licence.",
        "Notes: an init function without an exit function, no description, modules that must be loaded before.",
    ],
    options: &[KERNEL, IMAGE, Opt::flag("", &["json"], "print the findings as JSON"), HELP],
    operands: Operands::Files,
    examples: &[
        ("lkm check hello.ko", ""),
        ("lkm check .", "all modules of this folder, and how they need each other"),
        ("lkm check --json -k 6.1.0-56-amd64 driver.ko", ""),
    ],
    notes: &[(
        "Exit status",
        "0 nothing but notes; 1 warnings or errors; 2 wrong usage, or a file that cannot be read.",
    )],
    see: &["lkm(1)", "lkm-run(1)", "modinfo(8)"],
    ..BLANK
};

const SIGN: Command = Command {
    name: "sign",
    of: "lkm",
    section: 1,
    summary: "sign a module, or verify its signature",
    usage: &[
        ("lkm sign [-dkp] HASH KEY CERT MODULE [DEST]", "sign"),
        ("lkm sign -s RAW HASH CERT MODULE [DEST]", "append the PKCS#7 message in RAW, made elsewhere"),
        ("lkm sign --verify CERT MODULE", "tell whether CERT's key signed MODULE: 0 yes, 1 no, with the cause"),
        ("lkm sign --strip MODULE [DEST]", "remove a signature"),
    ],
    text: &[
        "Signs a module as the kernel's scripts/sign-file does, with the same arguments, and verifies signatures.",
        "HASH is sha256, sha384 or sha512. KEY is a private key in PEM: PKCS#8, PKCS#1 or SEC1; RSA of 2048 to 4096 bits, P-256 \
         with sha256, or P-384 with sha384. An encrypted key is opened with the passphrase in `KBUILD_SIGN_PIN`. CERT is its certificate in PEM or DER. Without DEST the module itself is replaced; \
         it is never half written, and keeps its mode.",
    ],
    options: &[
        Opt::flag("d", &[], "write only the PKCS#7 message, to MODULE.p7s"),
        Opt::flag(
            "k",
            &[],
            "name the key by the certificate's subject key identifier, not by issuer and serial number",
        ),
        Opt::flag("p", &[], "write the PKCS#7 message to MODULE.p7s, too"),
        Opt::flag("s", &[], "append a message that was made elsewhere"),
        Opt::flag("", &["verify"], "verify a signature"),
        Opt::flag("", &["strip"], "remove a signature"),
        Opt::flag("", &["json"], "with --verify: print JSON"),
        HELP,
    ],
    operands: Operands::Files,
    examples: &[
        (
            "openssl req -new -x509 -newkey rsa:2048 -nodes -subj \"/CN=My modules/\" -keyout key.pem -out cert.pem -days 3650",
            "",
        ),
        ("lkm sign sha256 key.pem cert.pem hello.ko", ""),
        ("lkm sign --verify cert.pem hello.ko && echo good", ""),
        ("modinfo -F signer hello.ko", ""),
    ],
    see: &["lkm(1)", "modinfo(8)"],
    ..BLANK
};
