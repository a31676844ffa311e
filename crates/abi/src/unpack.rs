//! A bootable kernel image (bzImage) or a plain ELF file -> the bytes of `vmlinux`.
//!
//! The payload's place is in the setup header (Documentation/arch/x86/boot.rst: `payload_offset`,
//! `payload_length`); it is one compressed frame, followed by the unpacked length in four bytes
//! (scripts/Makefile.lib appends them where the format itself has none).

use crate::bytes::{slice, u16_at, u32_at};
use crate::error::{Error, Result};
use std::borrow::Cow;
use std::io::Read;

/// No kernel is larger unpacked; a damaged file must not make us fill the memory.
const MAX_UNPACKED: usize = 1 << 30;

/// How a payload is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Packing {
    Gzip,
    Xz,
    Zstd,
    Lz4Legacy,
    Plain,
}

/// Told how many bytes are unpacked, and of how many (0: not known).
pub(crate) type Report<'r> = &'r dyn Fn(u64, u64);

/// The `vmlinux` ELF bytes of `image`, which is a bzImage or already an ELF file (possibly compressed).
///
/// # Errors
/// `Error::Image` when it is neither, or damaged.
pub(crate) fn vmlinux_of<'a>(image: &'a [u8], report: Report<'_>) -> Result<Cow<'a, [u8]>> {
    if image.starts_with(b"\x7fELF") {
        return Ok(Cow::Borrowed(image));
    }
    let payload = match payload_of(image) {
        Some(payload) => payload,
        None if packing_of(image).is_some() => image,
        None => return Err(Error::image("neither a bzImage (x86 boot header) nor an ELF file")),
    };
    let unpacked = unpack(payload, report)?;
    if !unpacked.starts_with(b"\x7fELF") {
        return Err(Error::image("the unpacked payload is not an ELF file"));
    }
    Ok(unpacked)
}

/// The compressed payload of a bzImage.
fn payload_of(image: &[u8]) -> Option<&[u8]> {
    if slice(image, 0x202, 4)? != b"HdrS" || u16_at(image, 0x206)? < 0x0208 {
        return None;
    }
    let sectors = match image.get(0x1f1)? {
        0 => 4,
        &n => usize::from(n),
    };
    let start = ((sectors + 1) * 512).checked_add(u32_at(image, 0x248)? as usize)?;
    slice(image, start, u32_at(image, 0x24c)? as usize)
}

fn packing_of(data: &[u8]) -> Option<Packing> {
    const MAGICS: [(&[u8], Packing); 5] = [
        (b"\x1f\x8b", Packing::Gzip),
        (b"\xfd7zXZ\0", Packing::Xz),
        (b"\x28\xb5\x2f\xfd", Packing::Zstd),
        (b"\x02\x21\x4c\x18", Packing::Lz4Legacy),
        (b"\x7fELF", Packing::Plain),
    ];
    MAGICS.iter().find(|(magic, _)| data.starts_with(magic)).map(|&(_, packing)| packing)
}

fn unpack<'a>(payload: &'a [u8], report: Report<'_>) -> Result<Cow<'a, [u8]>> {
    let packing = packing_of(payload).ok_or_else(|| {
        let head: Vec<String> = payload.iter().take(4).map(|b| format!("{b:02x}")).collect();
        Error::image(format!("payload packed in a way lkm does not know (it starts with {})", head.join(" ")))
    })?;
    let damaged = |e: std::io::Error| Error::image(format!("payload ({packing:?}) is damaged: {e}"));
    match packing {
        Packing::Plain => Ok(Cow::Borrowed(payload)),
        Packing::Gzip => read_all(flate2::bufread::GzDecoder::new(payload), payload, report).map_err(damaged),
        Packing::Xz => read_all(liblzma::bufread::XzDecoder::new(payload), payload, report).map_err(damaged),
        Packing::Zstd => zstd::stream::read::Decoder::with_buffer(payload)
            .and_then(|decoder| read_all(decoder.single_frame(), payload, report))
            .map_err(damaged),
        Packing::Lz4Legacy => lz4_legacy(payload).map(Cow::Owned),
    }
}

/// Reads `from` to its end, but no more than a kernel can hold.
fn read_all<'a>(mut from: impl Read, payload: &[u8], report: Report<'_>) -> std::io::Result<Cow<'a, [u8]>> {
    const STEP: u64 = 4 << 20;
    let hint = capacity_hint(payload);
    let mut out = Vec::with_capacity(hint);
    loop {
        if (&mut from).take(STEP).read_to_end(&mut out)? == 0 {
            return Ok(Cow::Owned(out));
        }
        if out.len() > MAX_UNPACKED {
            return Err(std::io::Error::other("it unpacks to more than 1 GiB"));
        }
        report(out.len() as u64, hint as u64);
    }
}

/// The unpacked length that the build appended, if it is plausible.
fn capacity_hint(payload: &[u8]) -> usize {
    let tail = payload.len().checked_sub(4).and_then(|at| u32_at(payload, at)).unwrap_or(0) as usize;
    // No format here shrinks a kernel to less than a fiftieth: more is a damaged tail.
    if tail <= payload.len().saturating_mul(50) { tail.min(MAX_UNPACKED) + 1 } else { 0 }
}

/// The legacy frame (lz4 -l): the magic, then blocks of at most 8 MiB unpacked, each after its packed length.
fn lz4_legacy(payload: &[u8]) -> Result<Vec<u8>> {
    const BLOCK: usize = 8 << 20;
    let want = payload.len().checked_sub(4).and_then(|at| u32_at(payload, at)).unwrap_or(0) as usize;
    let mut out = Vec::with_capacity(capacity_hint(payload));
    let mut block = vec![0u8; BLOCK];
    let mut at = 4;
    while let Some(packed_len) = u32_at(payload, at) {
        // The last four bytes are the unpacked length, not a block's.
        if at + 4 == payload.len() && packed_len as usize == out.len() {
            break;
        }
        let damaged = || Error::image(format!("payload (lz4) is damaged at byte {at}"));
        let packed = slice(payload, at + 4, packed_len as usize).ok_or_else(damaged)?;
        let len = lz4_flex::block::decompress_into(packed, &mut block).map_err(|_| damaged())?;
        out.extend_from_slice(block.get(..len).ok_or_else(damaged)?);
        if out.len() > MAX_UNPACKED {
            return Err(Error::image("payload (lz4) unpacks to more than 1 GiB"));
        }
        at = at.checked_add(4).and_then(|at| at.checked_add(packed_len as usize)).ok_or_else(damaged)?;
        if len < BLOCK && out.len() == want {
            break;
        }
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    /// A bzImage around `payload`, with one setup sector.
    fn bzimage(payload: &[u8]) -> Vec<u8> {
        let mut image = vec![0u8; 1024];
        image[0x1f1] = 1;
        image[0x202..0x206].copy_from_slice(b"HdrS");
        image[0x206..0x208].copy_from_slice(&0x020fu16.to_le_bytes());
        image[0x248..0x24c].copy_from_slice(&16u32.to_le_bytes());
        image[0x24c..0x250].copy_from_slice(&(payload.len() as u32).to_le_bytes());
        image.extend_from_slice(&[0xcc; 16]);
        image.extend_from_slice(payload);
        image
    }

    fn elf() -> Vec<u8> {
        let mut v = b"\x7fELF".to_vec();
        v.extend((0..100_000u32).flat_map(|n| (n / 7).to_le_bytes()));
        v
    }

    fn with_length(mut packed: Vec<u8>) -> Vec<u8> {
        packed.extend_from_slice(&(elf().len() as u32).to_le_bytes());
        packed
    }

    fn packed(packing: Packing) -> Vec<u8> {
        let elf = elf();
        match packing {
            Packing::Gzip => {
                let mut w = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
                w.write_all(&elf).unwrap();
                w.finish().unwrap()
            }
            Packing::Xz => {
                let mut w = liblzma::write::XzEncoder::new(Vec::new(), 0);
                w.write_all(&elf).unwrap();
                with_length(w.finish().unwrap())
            }
            Packing::Zstd => with_length(zstd::encode_all(&elf[..], 1).unwrap()),
            Packing::Lz4Legacy => {
                let block = lz4_flex::block::compress(&elf);
                let mut v = b"\x02\x21\x4c\x18".to_vec();
                v.extend_from_slice(&(block.len() as u32).to_le_bytes());
                v.extend_from_slice(&block);
                with_length(v)
            }
            Packing::Plain => elf,
        }
    }

    const ALL: [Packing; 5] = [Packing::Gzip, Packing::Xz, Packing::Zstd, Packing::Lz4Legacy, Packing::Plain];

    #[test]
    fn every_packing_unpacks() {
        for packing in ALL {
            let image = bzimage(&packed(packing));
            assert!(vmlinux_of(&image, &|_, _| ()).unwrap().as_ref() == elf(), "{packing:?}");
        }
    }

    #[test]
    fn damaged_payloads_are_errors_not_panics() {
        for packing in ALL {
            let image = bzimage(&packed(packing));
            for cut in [0x24d, 1030, 1041, 1050, image.len() - 200] {
                let short = &image[..cut];
                assert!(vmlinux_of(short, &|_, _| ()).is_err(), "{packing:?} cut at {cut}");
            }
            for at in (1024..image.len()).step_by(97) {
                let mut bad = image.clone();
                bad[at] ^= 0x55;
                // May pass or fail (a flipped byte can be data); must return.
                let _ = vmlinux_of(&bad, &|_, _| ());
            }
        }
    }

    #[test]
    fn what_is_no_image_says_so() {
        let error = vmlinux_of(b"hello", &|_, _| ()).unwrap_err().to_string();
        assert!(error.contains("neither a bzImage"), "{error}");
    }
}
