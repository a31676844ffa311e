//! `Module.symvers`, the headers' list of exports and their CRCs (scripts/mod/modpost.c writes it).

use crate::error::{Error, Result};
use std::io::Read;
use std::path::{Path, PathBuf};

/// A line of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Line {
    pub crc: u32,
    pub name: String,
    pub module: String,
    pub gpl: bool,
    pub namespace: String,
}

/// The file of a build folder, packed or not.
pub(crate) fn locate(build: &Path) -> Option<PathBuf> {
    ["Module.symvers", "Module.symvers.xz", "symvers.xz", "Module.symvers.gz"]
        .iter()
        .map(|n| build.join(n))
        .find(|p| p.exists())
}

/// The lines of the file at `path`, which may be packed with xz or gzip.
pub(crate) fn read(path: &Path) -> Result<Vec<Line>> {
    let io = |e| Error::io("read", path, e);
    let raw = std::fs::read(path).map_err(io)?;
    let mut text = Vec::new();
    if raw.starts_with(b"\xfd7zXZ\0") {
        liblzma::bufread::XzDecoder::new(&raw[..]).read_to_end(&mut text).map_err(io)?;
    } else if raw.starts_with(b"\x1f\x8b") {
        flate2::bufread::GzDecoder::new(&raw[..]).read_to_end(&mut text).map_err(io)?;
    } else {
        text = raw;
    }
    let text = String::from_utf8_lossy(&text);
    Ok(text.lines().filter_map(parse).collect())
}

/// `0xcrc name module EXPORT_SYMBOL[_GPL] [namespace]`, separated by tabs. Before 5.8 the namespace, where
/// there was one, stood before the module.
fn parse(line: &str) -> Option<Line> {
    let mut fields: Vec<&str> = line.split('\t').collect();
    let kind_at = fields.iter().position(|f| f.starts_with("EXPORT_"))?;
    let kind = fields.remove(kind_at);
    if kind_at == 4 {
        let namespace = fields.remove(2);
        fields.insert(3, namespace);
    }
    Some(Line {
        crc: u32::from_str_radix(fields.first()?.strip_prefix("0x")?, 16).ok()?,
        name: (*fields.get(1)?).to_owned(),
        module: (*fields.get(2)?).to_owned(),
        gpl: kind.contains("GPL"),
        namespace: fields.get(3).map_or("", |n| n.trim()).to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_all_ages_are_read() {
        let line = |namespace: &str| Line {
            crc: 0x12,
            name: "f".into(),
            module: "drivers/x".into(),
            gpl: true,
            namespace: namespace.into(),
        };
        assert_eq!(parse("0x00000012\tf\tdrivers/x\tEXPORT_SYMBOL_GPL\t").unwrap(), line(""));
        assert_eq!(parse("0x00000012\tf\tdrivers/x\tEXPORT_SYMBOL_GPL").unwrap(), line(""));
        assert_eq!(parse("0x00000012\tf\tdrivers/x\tEXPORT_SYMBOL_GPL\tNS").unwrap(), line("NS"));
        assert_eq!(parse("0x00000012\tf\tNS\tdrivers/x\tEXPORT_SYMBOL_GPL").unwrap(), line("NS"));
        assert_eq!(parse("f\tdrivers/x"), None);
        assert_eq!(parse(""), None);
    }
}
