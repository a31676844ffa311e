//! Why the kernel refused a module, and the cure: the help that a bare errno does not give.

use crate::error::{Failure, status, strerror};
use std::path::Path;

/// A known refusal: how the log or the errno shows it, the cause, and the cure. `{}` is what stands at the mark.
struct Known {
    /// A part of the log line; empty for an entry that the errno alone decides.
    log: &'static str,
    /// The errno; 0 for any.
    errno: i32,
    cause: &'static str,
    cure: &'static str,
}

/// More telling entries first.
const KNOWN: &[Known] = &[
    Known {
        log: "Unknown symbol",
        errno: 0,
        cause: "the module uses a symbol that neither the kernel nor a loaded module exports (or exports only to GPL modules)",
        cure: "load the module that exports it first (`modprobe` does that by itself), or build for this kernel release; a\nMODULE_LICENSE(\"GPL\") is needed for symbols exported with EXPORT_SYMBOL_GPL",
    },
    Known {
        log: "disagrees about version of symbol",
        errno: 0,
        cause: "the module was built for a kernel in which this symbol had another type (its CRC differs)",
        cure: "rebuild the module against the headers of this kernel; for a symbol of another module, rebuild both with one\nModule.symvers (KBUILD_EXTRA_SYMBOLS)",
    },
    Known {
        log: "no symbol version for",
        errno: 0,
        cause: "the module has no version for a symbol it uses: its build had no Module.symvers",
        cure: "rebuild it against complete kernel headers, with KBUILD_EXTRA_SYMBOLS for symbols of other modules",
    },
    Known {
        log: "version magic",
        errno: 0,
        cause: "the module was built for another kernel or another configuration",
        cure: "rebuild it against the headers of the kernel it shall run on; `modinfo -F vermagic FILE` shows what it was built for",
    },
    Known {
        log: "uses symbols from namespaces",
        errno: 0,
        cause: "the module uses symbols of an export namespace that it does not import",
        cure: "add MODULE_IMPORT_NS(NAME) to its source",
    },
    Known {
        log: "uses symbol",
        errno: 0,
        cause: "the module uses a symbol of an export namespace that it does not import",
        cure: "add MODULE_IMPORT_NS(NAME) to its source",
    },
    Known {
        log: "unknown parameter",
        errno: 0,
        cause: "the module has no parameter of this name",
        cure: "`modinfo -p FILE` lists its parameters",
    },
    Known {
        log: "parameter",
        errno: 22,
        cause: "a parameter's value was refused",
        cure: "`modinfo -p FILE` lists its parameters with their types",
    },
    Known {
        log: "Invalid ELF",
        errno: 0,
        cause: "the file is no sound ELF object: it was cut short or damaged, or is no module at all",
        cure: "copy or build it again, and compare its size with the original's; the line above says what is wrong in it",
    },
    Known {
        log: "ELF Spec violation",
        errno: 0,
        cause: "the file is no sound ELF object: it was cut short or damaged, or is no module at all",
        cure: "copy or build it again, and compare its size with the original's; the line above says what is wrong in it",
    },
    Known {
        log: "Invalid architecture in ELF header",
        errno: 0,
        cause: "the module was built for another machine",
        cure: "build it for this machine's architecture (`file FILE` shows which one it is for)",
    },
    Known {
        log: "relocation",
        errno: 8,
        cause: "the file's relocations are damaged, or were applied already",
        cure: "build or copy the file again; do not link or edit a .ko after kbuild made it",
    },
    Known {
        log: "Required key not available",
        errno: 126,
        cause: "the kernel accepts only modules signed with a key it knows (secure boot or module.sig_enforce)",
        cure: "sign the module and enrol the key (`mokutil --import`), or test it with `lkm run`, which needs neither",
    },
    Known {
        log: "",
        errno: 126,
        cause: "the kernel accepts only modules signed with a key it knows (secure boot or module.sig_enforce)",
        cure: "sign the module and enrol the key (`mokutil --import`), or test it with `lkm run`, which needs neither",
    },
    Known {
        log: "",
        errno: 129,
        cause: "the module's signature does not fit its bytes",
        cure: "sign it again after the last change (strip before signing)",
    },
    Known {
        log: "",
        errno: 8,
        cause: "the file is no module that this kernel can load: another kernel or architecture, a damaged file, or no .ko",
        cure: "`modinfo FILE` shows what it was built for; rebuild it against the headers of this kernel",
    },
    Known {
        log: "",
        errno: 2,
        cause: "the module uses a symbol that is not there, or its init function said ENOENT",
        cure: "the kernel's log names the symbol (`lkm dmesg | tail`)",
    },
    Known {
        log: "",
        errno: 17,
        cause: "a module of this name is loaded already, or one exports the same symbol",
        cure: "unload it first (`lkm rmmod NAME`)",
    },
    Known {
        log: "",
        errno: 1,
        cause: "loading needs the right to (CAP_SYS_MODULE), and a kernel that is not locked down",
        cure: "run it as root, or test the module without root: `lkm run FILE`",
    },
    Known {
        log: "",
        errno: 38,
        cause: "this kernel was built without loadable modules",
        cure: "`lkm run FILE` runs it in lkm's own kernel",
    },
    Known {
        log: "",
        errno: 12,
        cause: "there was not enough memory, or the module asked for far too much",
        cure: "look at what its init function allocates",
    },
];

/// Cause and cure of a refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Explanation {
    /// Why.
    pub cause: &'static str,
    /// What to do.
    pub cure: &'static str,
}

/// Looks up what is known of a refusal: by the log lines it left, then by its errno.
pub fn explain(errno: i32, log: &[String]) -> Option<Explanation> {
    let fits = |known: &&Known| {
        (known.errno == 0 || known.errno == errno)
            && (known.log.is_empty() || log.iter().any(|line| line.contains(known.log)))
    };
    KNOWN.iter().find(fits).map(|known| Explanation { cause: known.cause, cure: known.cure })
}

/// The lines of a log that say why a module was refused; a few at most.
pub fn telling(log: Vec<String>) -> Vec<String> {
    let tells = |line: &String| KNOWN.iter().any(|known| !known.log.is_empty() && line.contains(known.log));
    log.into_iter().filter(tells).take(10).collect()
}

/// The name of an errno (`ENOEXEC`), or its number.
pub fn errno_name(errno: i32) -> String {
    let name = u32::try_from(errno).ok().and_then(kernel::klib::vsprintf::errname);
    name.map_or_else(|| format!("errno {errno}"), str::to_string)
}

/// What lkm's own kernel says of the file below the console's level: which part of it is wrong. `log` is the kernel's.
pub fn place(path: &Path, log: &[u8]) -> Option<String> {
    let log = String::from_utf8_lossy(log);
    let mark = format!("lkm: {}: ", path.display());
    log.lines().rev().find_map(|line| line.split_once(&mark)).map(|(_, what)| what.to_owned())
}

/// The refusal of a file that is damaged: `place` says where.
pub fn damaged(path: &Path, errno: i32, place: String) -> Failure {
    let cause = match errno {
        12 => "the file asks for more memory than a module can have",
        _ => "the file is damaged, cut short, or no module for this kernel",
    };
    let cure =
        "build or copy the file again, and load the .ko that kbuild made (`readelf -SW FILE` shows its sections)";
    refusal(path, errno, vec![place]).cause(cause).cure(cure)
}

/// The refusal of a module, with what the log says and what is known.
pub fn refusal(path: &Path, errno: i32, log: Vec<String>) -> Failure {
    // strerror's words for ENOEXEC are about programs; these are kmod's.
    let meaning = if errno == 8 { "Invalid module format".into() } else { strerror(errno) };
    let what = format!("the kernel refused {}: {} ({meaning})", path.display(), errno_name(errno));
    let found = explain(errno, &log);
    let failure = Failure::new(status::REFUSED, what).evidence(log);
    match found {
        Some(found) => failure.cause(found.cause).cure(found.cure),
        None => failure
            .cause("its init function returned this error")
            .cure("the module's source tells why; its log lines are above"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_decides_before_the_errno() {
        let line = |text: &str| vec![text.to_owned()];
        let cause = |errno, log: &[String]| explain(errno, log).map(|e| e.cause).unwrap_or_default();
        assert!(cause(2, &line("bucket: Unknown symbol wellhead_fill (err -2)")).contains("exports"));
        assert!(cause(8, &line("magic: version magic 'a' should be 'b'")).contains("another configuration"));
        assert!(cause(22, &line("x: disagrees about version of symbol y")).contains("CRC"));
        assert!(cause(8, &[]).contains("no module"));
        let log = b"<6>[    0.1] hello\n<7>[    0.2] lkm: /x.ko: section 3: outside of the file\n<6>[    0.3] bye\n";
        assert_eq!(place(Path::new("/x.ko"), log).as_deref(), Some("section 3: outside of the file"));
        assert_eq!(place(Path::new("/y.ko"), log), None);
        assert!(cause(8, &line("x: Unknown rela relocation: 42")).contains("relocations"));
        assert!(cause(8, &line("Invalid architecture in ELF header: 183")).contains("another machine"));
        assert!(cause(8, &line("Invalid ELF section header overflow")).contains("cut short"));
        assert!(cause(8, &line("ELF Spec violation: section name table isn't null terminated")).contains("damaged"));
        assert_eq!(explain(75, &[]), None);
    }

    #[test]
    fn errnos_have_names() {
        assert_eq!(errno_name(122), "EDQUOT");
        assert_eq!(errno_name(9999), "errno 9999");
    }
}
