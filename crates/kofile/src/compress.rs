//! Unpacks gzip, xz and zstd data, told apart by their magic and never by a file's name.
//!
//! Kernel counterpart: `kernel/module/decompress.c`. DIFFERS: the kernel unpacks only the format that its
//! configuration names; here all three are read everywhere, as kmod does.

use std::io::{self, Read};

use liblzma::stream::{Action, Status, Stream};
use zstd::zstd_safe;

use crate::error::{Error, ErrorKind, Result};

/// Memory the xz decoder may take: dictionaries of up to 64 MiB (`xz -9`) and some more.
const XZ_MEMORY: u64 = 128 << 20;
/// Windows of up to 128 MiB, as `zstd -d` takes without being asked.
const ZSTD_WINDOW_LOG: u32 = 27;
/// No more than this is reserved on the word of a file,
const MAX_RESERVE: u64 = 64 << 20;
/// and no more than this many times its own size.
const MAX_RATIO: u64 = 64;
/// Room that is added at least where too little was reserved.
const MIN_GROWTH: u64 = 64 << 10;

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
        let mut unpacked = Vec::new();
        Unpacker::default().unpack(self, bytes, limit, &mut unpacked)?;
        Ok(unpacked)
    }

    /// How many bytes come out by what the file says; the last part decides where there are several.
    fn said(self, bytes: &[u8]) -> Option<u64> {
        match (self, bytes) {
            (Format::Zstd, _) => zstd_safe::get_frame_content_size(bytes).ok().flatten(),
            (Format::Gzip, [.., a, b, c, d]) => Some(u64::from(u32::from_le_bytes([*a, *b, *c, *d]))),
            (Format::Xz, _) => xz_size(bytes),
            (Format::Gzip, _) => None,
        }
    }
}

/// Unpacks file after file with decoders that are made once, and into room that is used again.
#[derive(Default)]
pub struct Unpacker {
    zstd: Option<zstd_safe::DCtx<'static>>,
}

impl std::fmt::Debug for Unpacker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Unpacker").finish_non_exhaustive()
    }
}

impl Unpacker {
    /// Unpacks `bytes`, of which at most `limit` bytes may come, into `to`: what was in it is gone.
    ///
    /// # Errors
    /// The data is damaged or truncated, or more than `limit` bytes would come out of it.
    pub fn unpack(&mut self, format: Format, bytes: &[u8], limit: u64, to: &mut Vec<u8>) -> Result<()> {
        to.clear();
        let (packed, stop) = (bytes.len() as u64, limit.saturating_add(1));
        let most = packed.saturating_mul(MAX_RATIO).min(stop).min(MAX_RESERVE);
        let said = format.said(bytes);
        let likely = said.unwrap_or(packed.saturating_mul(5)).saturating_add(1).min(most) as usize;
        if to.capacity() < likely {
            // The old room goes first: nothing of it is wanted.
            *to = Vec::new();
            to.reserve_exact(likely);
        }
        let done = match format {
            Format::Gzip => flate2::bufread::MultiGzDecoder::new(bytes).take(stop).read_to_end(to).map(drop),
            Format::Xz => xz(bytes, stop, to),
            Format::Zstd => self.zstd(bytes, said.filter(|said| *said < most), stop, to),
        };
        done.map_err(|cause| Error::new(ErrorKind::Decompress { format: format.name(), cause }))?;
        if to.len() as u64 > limit {
            return Err(Error::new(ErrorKind::TooLarge { limit }));
        }
        Ok(())
    }

    /// A file that is one frame and says how much it holds is unpacked in one call, straight to where it shall be; any
    /// other through a window.
    fn zstd(&mut self, bytes: &[u8], said: Option<u64>, stop: u64, to: &mut Vec<u8>) -> io::Result<()> {
        let failed = |code| io::Error::other(zstd_safe::get_error_name(code));
        let context = self.zstd.get_or_insert_with(zstd_safe::DCtx::create);
        if said.is_some() && zstd_safe::find_frame_compressed_size(bytes) == Ok(bytes.len()) {
            return context.decompress(to, bytes).map(drop).map_err(failed);
        }
        context.reset(zstd_safe::ResetDirective::SessionOnly).map_err(failed)?;
        context.set_parameter(zstd_safe::DParameter::WindowLogMax(ZSTD_WINDOW_LOG)).map_err(failed)?;
        let decoder = zstd::stream::read::Decoder::with_context(bytes, context);
        decoder.take(stop).read_to_end(to).map(drop)
    }
}

/// Appends what comes out of xz data, `stop` bytes at most.
fn xz(bytes: &[u8], stop: u64, to: &mut Vec<u8>) -> io::Result<()> {
    let mut stream = Stream::new_stream_decoder(XZ_MEMORY, liblzma::stream::CONCATENATED)?;
    loop {
        let rest = usize::try_from(stream.total_in()).ok().and_then(|at| bytes.get(at..)).unwrap_or_default();
        let status = stream.process_vec(rest, to, Action::Finish)?;
        if status == Status::StreamEnd || to.len() as u64 >= stop {
            return Ok(());
        }
        if to.len() < to.capacity() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let more = (to.len() as u64).clamp(MIN_GROWTH, MAX_RESERVE).min(stop - to.len() as u64);
        to.reserve_exact(more as usize);
    }
}

/// How many bytes come out of the last stream of an xz file: the sum of what its index says (sections 2.1.2 and 4 of the
/// format's description). Nothing is checked: a wrong sum reserves a wrong amount of room.
fn xz_size(bytes: &[u8]) -> Option<u64> {
    let (rest, footer) = bytes.split_last_chunk::<12>()?;
    let [_, _, _, _, a, b, c, d, _, _, b'Y', b'Z'] = *footer else { return None };
    let size = (usize::try_from(u32::from_le_bytes([a, b, c, d])).ok()? + 1).checked_mul(4)?;
    let [0, index @ ..] = rest.get(rest.len().checked_sub(size)?..)? else { return None };
    let mut numbers = index.iter();
    // Seven bits a byte, the lowest first; the last byte has no high bit.
    let mut number = || {
        let mut value = 0u64;
        for shift in (0..63).step_by(7) {
            let byte = *numbers.next()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(value);
            }
        }
        None
    };
    let records = number()?;
    let mut sum = 0u64;
    for _ in 0..records {
        let _packed = number()?;
        sum = sum.checked_add(number()?)?;
    }
    Some(sum)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    /// `data` in every format; with zstd without its size, as from a pipe, and with it.
    fn packed(data: &[u8]) -> [(Format, Vec<u8>); 4] {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(data).unwrap();
        let mut xz = liblzma::write::XzEncoder::new(Vec::new(), 1);
        xz.write_all(data).unwrap();
        [
            (Format::Gzip, gzip.finish().unwrap()),
            (Format::Xz, xz.finish().unwrap()),
            (Format::Zstd, zstd::stream::encode_all(data, 1).unwrap()),
            (Format::Zstd, zstd::bulk::compress(data, 1).unwrap()),
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

    #[test]
    fn said_is_what_comes_out_where_the_file_says_it() {
        let data = [7; 300];
        let said = packed(&data).map(|(format, bytes)| format.said(&bytes));
        assert_eq!(said, [Some(300), Some(300), None, Some(300)]);
        let [_, (_, xz), ..] = packed(&data);
        for end in 0..xz.len() {
            assert_eq!(Format::Xz.said(&xz[..end]), None, "{end}");
        }
    }

    #[test]
    fn an_unpacker_goes_on_after_damage() {
        let (mut unpacker, mut room) = (Unpacker::default(), Vec::new());
        for (format, bytes) in packed(b"first") {
            let (other, more) = (packed(&[1; 5000]), packed(b"last"));
            for (format, bytes) in &other {
                assert!(unpacker.unpack(*format, &bytes[..bytes.len() - 1], 9000, &mut room).is_err());
                assert!(unpacker.unpack(*format, bytes, 4999, &mut room).is_err());
            }
            unpacker.unpack(format, &bytes, 100, &mut room).unwrap();
            assert_eq!(room, b"first");
            for (format, bytes) in more {
                unpacker.unpack(format, &bytes, 4, &mut room).unwrap();
                assert_eq!(room, b"last");
            }
        }
    }

    #[test]
    fn a_wrong_size_is_damage_and_makes_no_room() {
        // Frame header of 1 byte, then the size: the flags 0x40 of a size of two bytes.
        let mut zstd = zstd::bulk::compress(&[3; 300], 1).unwrap();
        assert_eq!(zstd[4] & 0xc0, 0x40, "a size of two bytes");
        zstd[5] ^= 1;
        assert!(Format::Zstd.unpack(&zstd, 1000).is_err());
        let [(_, mut gzip), ..] = packed(&[3; 300]);
        let end = gzip.len();
        gzip[end - 1] = 0xff;
        let mut room = Vec::new();
        assert!(Unpacker::default().unpack(Format::Gzip, &gzip, u64::MAX, &mut room).is_err());
        assert!(room.capacity() <= MAX_RATIO as usize * gzip.len(), "{}", room.capacity());
    }
}
