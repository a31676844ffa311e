//! Packed module files, for `finit_module(2)` with `MODULE_INIT_COMPRESSED_FILE`. Counterpart:
//! kernel/module/decompress.c.

use crate::log;
use kabi::errno::{EINVAL, EOPNOTSUPP};
use kabi::{Errno, profile};
use kofile::{ErrorKind, Format};
use std::io::ErrorKind::UnexpectedEof;

/// What the kernel unpacks: the one format that it is built for, if any.
fn format() -> Option<Format> {
    let has = |name: &str| profile().symbol(name).is_some();
    if !has("module_decompress") {
        return None;
    }
    let of = |(name, format): (&str, Format)| has(name).then_some(format);
    let own = [("module_zstd_decompress", Format::Zstd), ("module_gzip_decompress", Format::Gzip)];
    Some(own.into_iter().find_map(of).unwrap_or(Format::Xz))
}

/// Unpacks a file.
///
/// # Errors
/// `EOPNOTSUPP`: the kernel has no decompressor. `EINVAL`: not of its format, or damaged.
pub fn decompress(file: &str, bytes: &[u8]) -> Result<Vec<u8>, Errno> {
    let format = format().ok_or(EOPNOTSUPP)?;
    if Format::detect(bytes) != Some(format) {
        let article = if format == Format::Xz { "an" } else { "a" };
        let name = if format == Format::Gzip { "gzip" } else { format.name() };
        log::line(3, &format!("not {article} {name} compressed module"));
        return Err(EINVAL);
    }
    format.unpack(bytes, kofile::DEFAULT_LIMIT).map_err(|error| {
        log::line(3, &complaint(format, &error));
        log::line(7, &format!("lkm: {}", error.in_file(file)));
        EINVAL
    })
}

/// What the kernel's decoder says. DIFFERS: it knows more numbers than these two.
fn complaint(format: Format, error: &kofile::Error) -> String {
    let is_short = matches!(error.kind(), ErrorKind::Decompress { cause, .. } if cause.kind() == UnexpectedEof);
    match format {
        // XZ_OK: it wants more; XZ_DATA_ERROR.
        Format::Xz => format!("decompression failed with status {}", if is_short { 0 } else { 7 }),
        // Z_OK; Z_DATA_ERROR.
        Format::Gzip => format!("decompression failed with status {}", if is_short { 0 } else { -3 }),
        // ZSTD_error_corruption_detected.
        Format::Zstd => "ZSTD-decompression failed with status 20".to_string(),
    }
}
