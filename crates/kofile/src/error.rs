//! The one error of this crate: what is wrong, where, and which errno the kernel gives for it.

use std::fmt;

/// The result of reading a part of a module.
pub type Result<T> = std::result::Result<T, Error>;

const EIO: i32 = 5;
const ENOEXEC: i32 = 8;
const EINVAL: i32 = 22;
const EFBIG: i32 = 27;
const ENOPKG: i32 = 65;
const EBADMSG: i32 = 74;

/// What is wrong with a file, and where: prints as `file: section 5 (.rela.text): entry 12 at offset 0x120: cause`.
#[derive(Debug)]
pub struct Error(Box<Inner>);

#[derive(Debug)]
struct Inner {
    file: Option<String>,
    section: Option<(usize, String)>,
    entry: Option<usize>,
    offset: Option<u64>,
    kind: ErrorKind,
}

/// The causes of an [`Error`].
#[derive(Debug)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The file cannot be read.
    Io(std::io::Error),
    /// The compressed data is damaged.
    Decompress {
        /// Name of the format.
        format: &'static str,
        /// The decoder's own words.
        cause: std::io::Error,
    },
    /// The unpacked (or plain) file is larger than the limit of the caller.
    TooLarge {
        /// The limit in bytes.
        limit: u64,
    },
    /// Something needs more bytes than the file or section has.
    Truncated {
        /// What does not fit.
        what: &'static str,
        /// Bytes it needs from `offset` on.
        needs: u64,
        /// Bytes that are there.
        has: u64,
    },
    /// The file does not begin with the ELF magic.
    NotElf,
    /// An ELF file that is not ELF64 little-endian version 1.
    UnsupportedClass {
        /// What it is instead.
        found: &'static str,
    },
    /// An ELF file that is no relocatable object.
    NotRelocatable {
        /// `e_type`.
        kind: u16,
    },
    /// A machine that this crate does not read.
    UnsupportedMachine {
        /// `e_machine`.
        machine: u16,
        /// Its name.
        name: &'static str,
    },
    /// `e_shentsize` or `sh_entsize` is wrong.
    EntrySize {
        /// Which field.
        what: &'static str,
        /// Its value.
        found: u64,
        /// The only right value.
        wanted: u64,
    },
    /// An index is outside of what it points into.
    Index {
        /// What the index selects.
        what: &'static str,
        /// Its value.
        index: u64,
        /// What it points into.
        table: &'static str,
        /// Entries of the table.
        count: u64,
    },
    /// A section reaches over the end of the file.
    OutsideOfFile {
        /// `sh_offset`.
        offset: u64,
        /// `sh_size`.
        size: u64,
        /// Bytes of the file.
        file_size: u64,
    },
    /// An alignment is no power of two.
    Alignment {
        /// Its value.
        align: u64,
    },
    /// A string table is empty or does not end with a NUL.
    Unterminated,
    /// A section that must be there once is missing or there more often.
    SectionCount {
        /// Its name.
        name: &'static str,
        /// How often it is there.
        count: usize,
        /// What to do about it.
        cure: &'static str,
    },
    /// Something has a form that is not allowed there.
    Malformed {
        /// What, why, and what would be right.
        what: &'static str,
    },
    /// The signature at the end of the file is damaged.
    BadSignature {
        /// What is wrong with it.
        what: &'static str,
    },
    /// The signature is of a type that Linux gave up (PGP, X509) or does not know.
    UnsupportedSignature {
        /// `id_type` of the trailer.
        id_type: u8,
    },
}

impl Error {
    /// An error without a place.
    #[cold]
    pub fn new(kind: ErrorKind) -> Self {
        Error(Box::new(Inner { file: None, section: None, entry: None, offset: None, kind }))
    }

    /// Names the file (an earlier name stays).
    pub fn in_file(mut self, file: &str) -> Self {
        self.0.file.get_or_insert_with(|| file.to_owned());
        self
    }

    /// Names the section.
    pub fn in_section(mut self, index: usize, name: impl fmt::Display) -> Self {
        self.0.section = Some((index, name.to_string()));
        self
    }

    /// Names the entry of a table.
    pub fn at_entry(mut self, entry: usize) -> Self {
        self.0.entry = Some(entry);
        self
    }

    /// Names the offset: in the section if there is one, else in the file.
    pub fn at(mut self, offset: u64) -> Self {
        self.0.offset = Some(offset);
        self
    }

    /// What is wrong.
    pub fn kind(&self) -> &ErrorKind {
        &self.0.kind
    }

    /// The file that is wrong.
    pub fn file(&self) -> Option<&str> {
        self.0.file.as_deref()
    }

    /// Index and name of the section that is wrong.
    pub fn section(&self) -> Option<(usize, &str)> {
        self.0.section.as_ref().map(|(index, name)| (*index, name.as_str()))
    }

    /// Where: in the section if there is one, else in the file.
    pub fn offset(&self) -> Option<u64> {
        self.0.offset
    }

    /// The (positive) errno that `init_module(2)` or `finit_module(2)` gives for this file.
    pub fn errno(&self) -> i32 {
        match &self.0.kind {
            ErrorKind::Io(error) => error.raw_os_error().unwrap_or(EIO),
            ErrorKind::Decompress { .. } => EINVAL,
            ErrorKind::TooLarge { .. } => EFBIG,
            ErrorKind::BadSignature { .. } => EBADMSG,
            ErrorKind::UnsupportedSignature { .. } => ENOPKG,
            _ => ENOEXEC,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = &self.0;
        if let Some(file) = &inner.file {
            write!(f, "{file}: ")?;
        }
        if let Some((index, name)) = &inner.section {
            write!(f, "section {index} ({name}): ")?;
        }
        match (inner.entry, inner.offset) {
            (Some(entry), Some(offset)) => write!(f, "entry {entry} at offset {offset:#x}: ")?,
            (Some(entry), None) => write!(f, "entry {entry}: ")?,
            (None, Some(offset)) => write!(f, "offset {offset:#x}: ")?,
            (None, None) => {}
        }
        inner.kind.fmt(f)
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(cause) => write!(f, "cannot read: {cause}"),
            Self::Decompress { format, cause } => write!(f, "cannot unpack the {format} data: {cause}"),
            Self::TooLarge { limit } => write!(f, "larger than the limit of {limit} bytes"),
            Self::Truncated { what, needs, has } => {
                write!(f, "{what} needs {needs} bytes, but {has} are there: the file is truncated or damaged")
            }
            Self::NotElf => write!(f, "no ELF file (the magic 7f 45 4c 46 is missing)"),
            Self::UnsupportedClass { found } => {
                write!(f, "the file is {found}, only ELF64 little-endian version 1 is supported")
            }
            Self::NotRelocatable { kind } => {
                write!(f, "e_type is {kind} ({}), but a module is a relocatable file (ET_REL, 1)", type_name(*kind))
            }
            Self::UnsupportedMachine { machine, name } => write!(
                f,
                "built for machine {machine} ({name}), only x86-64, aarch64 and riscv64 are supported: build it for one of these"
            ),
            Self::EntrySize { what, found, wanted } => write!(f, "{what} is {found}, must be {wanted}"),
            Self::Index { what, index, table, count } => {
                write!(f, "{what} {index} is outside of the {table} with {count} entries")
            }
            Self::OutsideOfFile { offset, size, file_size } => write!(
                f,
                "{size:#x} bytes at file offset {offset:#x} reach over the end of the file ({file_size:#x} bytes): the file is truncated or damaged"
            ),
            Self::Alignment { align } => write!(f, "alignment {align:#x} is no power of two"),
            Self::Unterminated => write!(f, "the string table does not end with a NUL byte"),
            Self::SectionCount { name, count: 0, cure } => write!(f, "the file has no section {name}: {cure}"),
            Self::SectionCount { name, count, cure } => {
                write!(f, "the file has {count} sections {name}, only one is allowed: {cure}")
            }
            Self::Malformed { what } => f.write_str(what),
            Self::BadSignature { what } => write!(f, "module signature: {what}: sign the file again"),
            Self::UnsupportedSignature { id_type } => write!(
                f,
                "module signature: type {id_type} is not supported, only PKCS#7 (2) is: sign the file again with scripts/sign-file"
            ),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.0.kind {
            ErrorKind::Io(cause) | ErrorKind::Decompress { cause, .. } => Some(cause),
            _ => None,
        }
    }
}

/// The name of an ELF file type.
fn type_name(kind: u16) -> &'static str {
    match kind {
        0 => "none",
        1 => "relocatable",
        2 => "executable",
        3 => "shared object or position-independent executable",
        4 => "core dump",
        _ => "unknown",
    }
}

#[test]
fn error_names_every_place() {
    let kind = ErrorKind::Index { what: "symbol", index: 900, table: "symbol table", count: 80 };
    let error = Error::new(kind).at(0x120).at_entry(12).in_section(5, ".rela.text").in_file("a.ko").in_file("b.ko");
    let text =
        "section 5 (.rela.text): entry 12 at offset 0x120: symbol 900 is outside of the symbol table with 80 entries";
    assert_eq!(error.to_string(), format!("a.ko: {text}"));
    assert_eq!((error.errno(), error.section(), error.offset()), (ENOEXEC, Some((5, ".rela.text")), Some(0x120)));
}

#[test]
fn errno_follows_the_kernel() {
    let io = |n| ErrorKind::Io(std::io::Error::from_raw_os_error(n));
    assert_eq!(Error::new(io(2)).errno(), 2);
    assert_eq!(Error::new(ErrorKind::BadSignature { what: "x" }).errno(), EBADMSG);
    assert_eq!(Error::new(ErrorKind::UnsupportedSignature { id_type: 1 }).errno(), ENOPKG);
    assert_eq!(Error::new(ErrorKind::TooLarge { limit: 1 }).errno(), EFBIG);
    assert_eq!(Error::new(ErrorKind::NotElf).errno(), ENOEXEC);
}
