//! The tools of kmod.

use super::{BLANK, HELP, INSTANCE};
use crate::{Command, Kind, Operands, Opt};

const VERSION: Opt = Opt::flag("V", &["version"], "show the version");
const SYSLOG: Opt = Opt::flag("s", &["syslog"], "send messages to syslog, not to standard error");
const EXPLAIN: Opt =
    Opt::flag("", &["explain"], "tell cause and cure of a refusal, also where standard error is no terminal");
const FORCE_VERSIONS: Opt = Opt::flag("", &["force-modversion"], "ignore the versions of symbols");
const FORCE_MAGIC: Opt = Opt::flag("", &["force-vermagic"], "ignore the version magic");
const SET_VERSION: Opt = Opt::with(
    "S",
    &["set-version"],
    "RELEASE",
    Kind::Release,
    "take the modules of this kernel, not those of `uname -r`",
);

const STATUS: (&str, &str) = ("Exit status", "0, or 1 if anything failed.");
const DATABASE: (&str, &str) = (
    "Files",
    "The modules of a kernel lie in /lib/modules/RELEASE with the indexes that depmod(8) writes: modules.dep, modules.alias, \
     modules.symbols, modules.builtin and kin, as text and, for look-ups, ending in .bin. Settings are read from *.conf in \
     /etc/modprobe.d, /run/modprobe.d, /usr/local/lib/modprobe.d, /usr/lib/modprobe.d and /lib/modprobe.d; the first file of a \
     name counts.",
);

/// The tools.
pub const TOOLS: &[Command] = &[INSMOD, RMMOD, LSMOD, MODPROBE, MODINFO, DEPMOD, KMOD, STATIC_NODES];

const INSMOD: Command = Command {
    name: "insmod",
    summary: "load a module from a file",
    usage: &[("insmod [options] FILE [param=value ...]", "")],
    text: &[
        "Loads the module in FILE, which may be compressed with gzip, xz or zstd. Modules that it needs must be there: \
         modprobe(8) loads them, too.",
        "What follows FILE are parameters of the module, as `modinfo -p` lists them.",
    ],
    options: &[
        Opt::flag("f", &["force"], "ignore versions of symbols and the version magic: the kernel may crash"),
        FORCE_VERSIONS,
        FORCE_MAGIC,
        Opt { short: "", ..SYSLOG },
        Opt::hidden("s", &[]),
        Opt::hidden("p", &[]),
        Opt::flag("v", &["verbose"], "tell what is done"),
        EXPLAIN,
        INSTANCE,
        VERSION,
        HELP,
    ],
    operands: Operands::ModuleFile,
    notes: &[STATUS],
    examples: &[
        ("insmod ./hello.ko", "load a module that was just built"),
        ("insmod ./hello.ko who=world", "with a parameter"),
        ("insmod --explain ./hello.ko 2>&1 | less", "why the kernel refuses it, from what it logged"),
    ],
    see: &["modprobe(8)", "rmmod(8)", "modinfo(8)", "lkm(1)"],
    ..BLANK
};

const RMMOD: Command = Command {
    name: "rmmod",
    summary: "unload modules",
    usage: &[("rmmod [options] MODULE ...", "")],
    text: &[
        "Unloads modules. A module that is in use, or that another one needs, stays. `modprobe -r` unloads what a module \
         needed, too.",
    ],
    options: &[
        Opt::flag("f", &["force"], "unload a module that is in use: the kernel may crash, and most kernels refuse"),
        SYSLOG,
        Opt::flag("v", &["verbose"], "tell what is done"),
        Opt::hidden("w", &[]),
        INSTANCE,
        VERSION,
        HELP,
    ],
    operands: Operands::Loaded,
    notes: &[STATUS],
    examples: &[("rmmod hello", "unload a module")],
    see: &["modprobe(8)", "insmod(8)", "lsmod(8)", "lkm(1)"],
    ..BLANK
};

const LSMOD: Command = Command {
    name: "lsmod",
    summary: "list loaded modules",
    usage: &[("lsmod [options]", "")],
    text: &["Lists the loaded modules with their sizes, how often each is used, and which modules use it."],
    options: &[Opt::flag("", &["json"], "print JSON"), INSTANCE],
    notes: &[STATUS],
    examples: &[
        ("lsmod", "what is loaded"),
        ("lsmod --json | jq -r '.[] | select(.used == 0).module'", "what could be unloaded"),
    ],
    see: &["modprobe(8)", "modinfo(8)", "lkm(1)"],
    ..BLANK
};

const MODPROBE: Command = Command {
    name: "modprobe",
    summary: "load and unload modules with what they need",
    usage: &[
        ("modprobe [options] MODULE [param=value ...]", "load a module"),
        ("modprobe [options] -a MODULE ...", "load several"),
        ("modprobe [options] -r MODULE ...", "unload"),
        ("modprobe -c", "show the configuration"),
        ("modprobe --dump-modversions FILE", "show the versions that a module was built for"),
    ],
    text: &[
        "Loads a module of the module directory and all that it needs, or unloads it and what nobody needs any more. MODULE is a \
         name, in which - and _ are the same, or an alias.",
        "Without `-r` and `-a`, words after MODULE are its parameters. Those of the configuration and of the kernel's command \
         line are set as well.",
    ],
    options: &[
        Opt::flag("a", &["all"], "every word is a module"),
        Opt::flag("r", &["remove"], "unload, not load"),
        Opt::flag(
            "",
            &["remove-holders", "remove-dependencies"],
            "unload the modules that use it, too; the second name is the old one",
        ),
        Opt::with("w", &["wait"], "MSEC", Kind::Text, "with -r: wait so long for a module that is in use"),
        Opt::flag("", &["first-time"], "fail if there is nothing to do"),
        Opt::flag("i", &["ignore-install", "ignore-remove"], "run no commands of the configuration"),
        Opt::flag("b", &["use-blacklist"], "what is blacklisted is not loaded by its name, either"),
        Opt::flag("f", &["force"], "ignore versions of symbols and the version magic: the kernel may crash"),
        FORCE_VERSIONS,
        FORCE_MAGIC,
        Opt::flag("R", &["resolve-alias"], "print the modules that MODULE stands for, and end"),
        Opt::flag("D", &["show-depends"], "print what would be loaded, and end"),
        Opt::flag("c", &["showconfig", "show-config"], "print the configuration, and end"),
        Opt::flag(
            "",
            &["show-modversions", "dump-modversions"],
            "print the versions of symbols that a module file was built for, and end",
        ),
        Opt::flag("", &["show-exports"], "print the symbols that a module file exports, and end"),
        Opt::flag("n", &["dry-run", "show"], "do nothing; with -v tell what would be done"),
        Opt::with("C", &["config"], "PATH", Kind::File, "read this file or folder instead of the usual folders"),
        Opt::with("d", &["dirname"], "DIR", Kind::Folder, "take the modules below this folder"),
        SET_VERSION,
        SYSLOG,
        Opt::flag("q", &["quiet"], "tell nothing"),
        Opt::flag("v", &["verbose"], "tell more"),
        Opt::flag("", &["json"], "with -D: print JSON"),
        EXPLAIN,
        INSTANCE,
        VERSION,
        HELP,
    ],
    operands: Operands::Module,
    notes: &[
        STATUS,
        (
            "Environment",
            "`MODPROBE_OPTIONS` holds options that are read before those of the command line; commands of the configuration get \
             -C, -q, -s and -v in it.",
        ),
        DATABASE,
    ],
    examples: &[
        ("modprobe btrfs", "load a module with what it needs"),
        ("modprobe -r btrfs", "unload it, and what nobody needs any more"),
        ("modprobe -D btrfs", "what would be loaded, in which order"),
        ("modprobe -R pci:v00008086d000010D3sv00008086sd0000A01Fbc02sc00i00", "which modules are for a device"),
        ("modprobe -r -w 5000 dummy", "wait up to five seconds until nobody uses it"),
    ],
    see: &["insmod(8)", "rmmod(8)", "lsmod(8)", "modinfo(8)", "depmod(8)", "modprobe.d(5)", "lkm(1)"],
    ..BLANK
};

const MODINFO: Command = Command {
    name: "modinfo",
    summary: "show what a module says of itself",
    usage: &[("modinfo [options] MODULE|FILE ...", "")],
    text: &[
        "Shows the fields of modules: who wrote them, their licence, aliases, parameters, signature. A word is a name or alias of \
         the module directory, or a file.",
    ],
    options: &[
        Opt::flag("a", &["author"], "print the authors only"),
        Opt::flag("d", &["description"], "print the description only"),
        Opt::flag("l", &["license"], "print the licence only"),
        Opt::flag("p", &["parameters"], "print the parameters only"),
        Opt::flag("n", &["filename"], "print the file's name only"),
        Opt::flag("0", &["null"], "end fields with a NUL, not with a new line"),
        Opt::flag("m", &["modname"], "words are names of modules, never files or aliases"),
        Opt::with(
            "F",
            &["field"],
            "FIELD",
            Kind::Choice(&[
                "alias",
                "author",
                "build-id",
                "depends",
                "description",
                "filename",
                "firmware",
                "import_ns",
                "intree",
                "license",
                "name",
                "parm",
                "retpoline",
                "sig_hashalgo",
                "sig_id",
                "sig_key",
                "signature",
                "signer",
                "softdep",
                "srcversion",
                "vermagic",
                "version",
            ]),
            "print this field only",
        ),
        Opt { short: "k", ..SET_VERSION },
        Opt::with("b", &["basedir"], "DIR", Kind::Folder, "take the modules below this folder"),
        Opt::flag("", &["json"], "print JSON"),
        VERSION,
        HELP,
    ],
    operands: Operands::ModulesOrFiles,
    notes: &[STATUS, DATABASE],
    examples: &[
        ("modinfo btrfs", "all that a module says"),
        ("modinfo -F vermagic ./hello.ko", "which kernel a file is for"),
        ("modinfo -p loop", "its parameters"),
        ("modinfo --json ext4 | jq -r '.[].alias[]?'", "for programs"),
    ],
    see: &["modprobe(8)", "lkm-sign(1)", "lkm(1)"],
    ..BLANK
};

const DEPMOD: Command = Command {
    name: "depmod",
    summary: "write the indexes of a module directory",
    usage: &[
        ("depmod [options] [-a] [RELEASE]", "of all modules of a kernel; this machine's without RELEASE"),
        ("depmod [options] RELEASE FILE ...", "of these files only"),
    ],
    text: &[
        "Reads the modules of a kernel, and writes which one needs which, their aliases and symbols, for modprobe(8) and others.",
        "The files are replaced all or none: whoever reads them meanwhile, or after a crash, finds a complete set.",
    ],
    options: &[
        Opt::flag("a", &["all"], "read all modules; so it is without files"),
        Opt::flag("A", &["quick"], "do nothing if no module is newer than the indexes"),
        Opt::with("b", &["basedir"], "DIR", Kind::Folder, "the modules are in DIR/lib/modules"),
        Opt::with("o", &["outdir"], "DIR", Kind::Folder, "write below this folder"),
        Opt::with(
            "",
            &["moduledir"],
            "DIR",
            Kind::Folder,
            "the folder of all module directories; /lib/modules otherwise",
        ),
        Opt::with(
            "C",
            &["config"],
            "PATH",
            Kind::File,
            "read this file or folder instead of the usual depmod.d folders",
        ),
        Opt::with("E", &["symvers"], "FILE", Kind::File, "with -e: compare versions with this Module.symvers"),
        Opt::with("F", &["filesyms"], "FILE", Kind::File, "with -e: the kernel's symbols are in this System.map"),
        Opt::flag("e", &["errsyms"], "report symbols that nobody has"),
        Opt::with(
            "P",
            &["symbol-prefix"],
            "CHAR",
            Kind::Text,
            "symbols of this architecture begin with this character",
        ),
        Opt::flag("n", &["show", "dry-run"], "print the text files, and write nothing"),
        Opt::flag("w", &["warn"], "report aliases that a module has twice"),
        Opt::flag("", &["weakdep"], "write modules.weakdep, too"),
        Opt::flag("v", &["verbose"], "tell which module needs which for which symbol"),
        Opt::hidden("u", &[]),
        Opt::hidden("q", &[]),
        Opt::hidden("r", &[]),
        Opt::hidden("m", &[]),
        Opt::hidden("", &["unresolved-error"]),
        Opt::hidden("", &["quiet"]),
        Opt::hidden("", &["root"]),
        Opt::hidden("", &["map"]),
        VERSION,
        HELP,
    ],
    operands: Operands::Release,
    notes: &[
        STATUS,
        (
            "Files",
            "Beside the modules, modules.order, modules.builtin and modules.builtin.modinfo are read. Settings come from *.conf in \
             /etc/depmod.d, /run/depmod.d, /usr/local/lib/depmod.d, /usr/lib/depmod.d and /lib/depmod.d.",
        ),
    ],
    examples: &[
        ("depmod -a", "after modules were added or removed"),
        ("depmod -b /mnt 6.1.0-56-amd64", "for another system, mounted at /mnt"),
        ("depmod -n | grep '^alias pci:'", "look without writing"),
        ("depmod -ae -E Module.symvers", "find modules that were built for another kernel"),
    ],
    see: &["modprobe(8)", "depmod.d(5)", "lkm(1)"],
    ..BLANK
};

const KMOD: Command = Command {
    name: "kmod",
    summary: "the module tools by one name",
    usage: &[("kmod [options] COMMAND [arguments]", "")],
    text: &["The module tools by one name. lsmod, rmmod, insmod, modinfo, modprobe and depmod are links to it."],
    options: &[VERSION, HELP],
    operands: Operands::Commands,
    commands: &[
        ("help", "show the help"),
        ("list", "list loaded modules, as lsmod"),
        ("static-nodes", "print the device nodes that are there before their modules are"),
    ],
    notes: &[STATUS],
    examples: &[("kmod list", "what is loaded"), ("kmod static-nodes -f tmpfiles", "for systemd-tmpfiles(8)")],
    see: &["lsmod(8)", "rmmod(8)", "insmod(8)", "modinfo(8)", "modprobe(8)", "depmod(8)", "lkm(1)"],
    ..BLANK
};

const STATIC_NODES: Command = Command {
    name: "static-nodes",
    of: "kmod",
    summary: "print the device nodes that are there before their modules are",
    usage: &[("kmod static-nodes [options]", "")],
    text: &["Prints what modules.devname of the running kernel says: device nodes whose use loads a module."],
    options: &[
        Opt::with("o", &["output"], "FILE", Kind::File, "write to this file"),
        Opt::with(
            "f",
            &["format"],
            "FORMAT",
            Kind::Choice(&["human", "tmpfiles", "devname"]),
            "human (the default, not for programs), tmpfiles (as in tmpfiles.d(5)) or devname (as in modules.devname)",
        ),
        HELP,
    ],
    notes: &[STATUS],
    examples: &[("kmod static-nodes -f tmpfiles -o /run/tmpfiles.d/static-nodes.conf", "as systemd does at boot")],
    see: &["kmod(8)", "tmpfiles.d(5)"],
    ..BLANK
};
