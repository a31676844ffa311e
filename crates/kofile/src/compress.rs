//! Unpacks gzip, xz and zstd data, told apart by their magic and never by a file's name.
//!
//! Kernel counterpart: `kernel/module/decompress.c`. DIFFERS: the kernel unpacks only the format that its
//! configuration names; here all three are read everywhere, as kmod does.

use std::io::{self, Read};

use crate::error::{Error, ErrorKind, Result};

/// Memory the xz decoder may take: dictionaries of up to 64 MiB (`xz -9`) and some more.
const XZ_MEMORY: u64 = 128 << 20;
/// Windows of up to 128 MiB, as `zstd -d` takes without being asked.
const ZSTD_WINDOW_LOG: u32 = 27;
/// No more than this is reserved on the word of a file.
const MAX_RESERVE: u64 = 64 << 20;

/// How a file is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// gzip (RFC 1952)
    Gzip,
    /// xz
    Xz,
    /// Zstandard (RFC 8878)
    Zstd,
}

impl Format {
    /// The format whose magic the bytes begin with; `None` for an unpacked file.
    pub fn detect(bytes: &[u8]) -> Option<Format> {
        match bytes {
            [0x1f, 0x8b, ..] => Some(Format::Gzip),
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Some(Format::Xz),
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Some(Format::Zstd),
            _ => None,
        }
    }

    /// The name, as `/sys/module/compression` gives it.
    pub fn name(self) -> &'static str {
        match self {
            Format::Gzip => "gzip",
            Format::Xz => "xz",
            Format::Zstd => "zstd",
        }
    }

    /// Unpacks `bytes`, of which at most `limit` bytes may come.
    ///
    /// # Errors
    /// The data is damaged or truncated, or more than `limit` bytes would come out of it.
    pub fn unpack(self, bytes: &[u8], limit: u64) -> Result<Vec<u8>> {
        let failed = |cause| Error::new(ErrorKind::Decompress { format: self.name(), cause });
        let mut unpacked = Vec::with_capacity(self.guess(bytes, limit));
        self.unpack_into(bytes, limit, &mut unpacked).map_err(failed)?;
        if unpacked.len() as u64 > limit {
            return Err(Error::new(ErrorKind::TooLarge { limit }));
        }
        Ok(unpacked)
    }

    /// Appends the unpacked bytes, one more than `limit` at most.
    fn unpack_into(self, bytes: &[u8], limit: u64, to: &mut Vec<u8>) -> io::Result<usize> {
        let stop = limit.saturating_add(1);
        match self {
            Format::Gzip => flate2::bufread::MultiGzDecoder::new(bytes).take(stop).read_to_end(to),
            Format::Xz => {
                let stream = liblzma::stream::Stream::new_stream_decoder(XZ_MEMORY, liblzma::stream::CONCATENATED)?;
                liblzma::bufread::XzDecoder::new_stream(bytes, stream).take(stop).read_to_end(to)
            }
            Format::Zstd => {
                let mut decoder = zstd::stream::read::Decoder::with_buffer(bytes)?;
                decoder.window_log_max(ZSTD_WINDOW_LOG)?;
                decoder.take(stop).read_to_end(to)
            }
        }
    }

    /// How many bytes to make room for: what the file says, or a common ratio; never much on a file's word alone.
    fn guess(self, bytes: &[u8], limit: u64) -> usize {
        let packed = bytes.len() as u64;
        let said = match (self, bytes) {
            (Format::Zstd, _) => zstd::zstd_safe::get_frame_content_size(bytes).ok().flatten(),
            (Format::Gzip, [.., a, b, c, d]) => Some(u64::from(u32::from_le_bytes([*a, *b, *c, *d]))),
            _ => None,
        };
        let likely = said.unwrap_or(packed.saturating_mul(5)).saturating_add(1);
        likely.min(packed.saturating_mul(64)).min(limit.saturating_add(1)).min(MAX_RESERVE) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    /// `data` in every format.
    fn packed(data: &[u8]) -> [(Format, Vec<u8>); 3] {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(data).unwrap();
        let mut xz = liblzma::write::XzEncoder::new(Vec::new(), 1);
        xz.write_all(data).unwrap();
        [
            (Format::Gzip, gzip.finish().unwrap()),
            (Format::Xz, xz.finish().unwrap()),
            (Format::Zstd, zstd::stream::encode_all(data, 1).unwrap()),
        ]
    }

    #[test]
    fn detect_goes_by_the_magic() {
        for (format, bytes) in packed(b"abc") {
            assert_eq!(Format::detect(&bytes), Some(format));
        }
        assert_eq!(Format::detect(b"\x7fELF"), None);
        assert_eq!(Format::detect(b""), None);
    }

    #[test]
    fn unpack_gives_what_was_packed() {
        let data: Vec<u8> = (0..100_000u32).flat_map(u32::to_le_bytes).collect();
        for (format, bytes) in packed(&data) {
            assert!(format.unpack(&bytes, data.len() as u64).unwrap() == data, "{format:?}");
        }
    }

    #[test]
    fn unpack_reads_several_streams_in_one_file() {
        for ((format, mut bytes), (_, more)) in packed(b"abc").into_iter().zip(packed(b"def")) {
            bytes.extend(more);
            assert_eq!(format.unpack(&bytes, 100).unwrap(), b"abcdef", "{format:?}");
        }
    }

    #[test]
    fn unpack_stops_a_bomb() {
        for (format, bytes) in packed(&vec![0; 1 << 20]) {
            let error = format.unpack(&bytes, 1000).unwrap_err();
            assert_eq!(error.to_string(), "larger than the limit of 1000 bytes", "{format:?}");
            assert!(format.unpack(&bytes, 1 << 20).is_ok(), "{format:?}");
        }
    }

    #[test]
    fn unpack_refuses_every_truncation() {
        for (format, bytes) in packed(b"a module, or what is left of it") {
            for end in 0..bytes.len() {
                assert!(format.unpack(&bytes[..end], 1000).is_err(), "{format:?} at {end}");
            }
        }
    }
}
