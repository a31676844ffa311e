//! A module file, unpacked if it has to be.

use std::borrow::Cow;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::compress::Format;
use crate::elf::Elf;
use crate::error::{Error, ErrorKind, Result};
use crate::module::Module;

/// The default limit of [`Image::open`] and [`Image::from_bytes`]: 1 GiB, ten times the largest known module with its
/// debug information.
pub const DEFAULT_LIMIT: u64 = 1 << 30;

/// A packed file that unpacks to more than this, and to more than [`RATIO`] times its own size, is no module but a trap
/// for memory. Modules shrink to a fifth, those with much debug information to a tenth.
const UNSUSPICIOUS: u64 = 64 << 20;
/// See [`UNSUSPICIOUS`].
const RATIO: u64 = 64;

/// The bytes of a module: borrowed or owned, never copied when the file was not packed.
#[derive(Debug, Clone)]
pub struct Image<'a> {
    file: String,
    bytes: Cow<'a, [u8]>,
    format: Option<Format>,
}

impl<'a> Image<'a> {
    /// Reads a file, and unpacks it if it is packed.
    ///
    /// # Errors
    /// The file cannot be read or unpacked, or is larger than [`DEFAULT_LIMIT`].
    pub fn open(path: impl AsRef<Path>) -> Result<Image<'static>> {
        Image::open_with_limit(path, DEFAULT_LIMIT)
    }

    /// [`Image::open`] with a limit for the bytes in the file and for those that come out of it.
    ///
    /// # Errors
    /// The file cannot be read or unpacked, or is larger than `limit`.
    pub fn open_with_limit(path: impl AsRef<Path>, limit: u64) -> Result<Image<'static>> {
        let file = path.as_ref().to_string_lossy().into_owned();
        match read(path.as_ref(), limit) {
            Ok(bytes) => Image::from_bytes_with_limit(file, bytes, limit),
            Err(error) => Err(error.in_file(&file)),
        }
    }

    /// Takes bytes (a `&[u8]` or a `Vec<u8>`) and unpacks them if they are packed; `file` is their name in errors.
    ///
    /// # Errors
    /// The bytes cannot be unpacked, or are more than [`DEFAULT_LIMIT`].
    pub fn from_bytes(file: impl Into<String>, bytes: impl Into<Cow<'a, [u8]>>) -> Result<Self> {
        Self::from_bytes_with_limit(file, bytes, DEFAULT_LIMIT)
    }

    /// [`Image::from_bytes`] with a limit for the unpacked bytes.
    ///
    /// # Errors
    /// The bytes cannot be unpacked, or are more than `limit`, or than 64 MiB and 64 times what is packed.
    pub fn from_bytes_with_limit(file: impl Into<String>, bytes: impl Into<Cow<'a, [u8]>>, limit: u64) -> Result<Self> {
        let (file, mut bytes) = (file.into(), bytes.into());
        let format = Format::detect(&bytes);
        match format {
            Some(format) => {
                let likely = (bytes.len() as u64).saturating_mul(RATIO).max(UNSUSPICIOUS);
                bytes = format.unpack(&bytes, limit.min(likely)).map_err(|error| error.in_file(&file))?.into();
            }
            None if bytes.len() as u64 > limit => {
                return Err(Error::new(ErrorKind::TooLarge { limit }).in_file(&file));
            }
            None => {}
        }
        Ok(Image { file, bytes, format })
    }

    /// The name of the file.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// The unpacked bytes, with the signature if there is one.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// How the file was packed.
    pub fn format(&self) -> Option<Format> {
        self.format
    }

    /// Gives the bytes away.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes.into_owned()
    }

    /// Reads the ELF file alone; see [`Elf::parse`].
    ///
    /// # Errors
    /// Those of [`Elf::parse`].
    pub fn elf(&self) -> Result<Elf<'_>> {
        Elf::parse(&self.file, &self.bytes)
    }

    /// Reads signature and ELF file; see [`Module::parse`].
    ///
    /// # Errors
    /// Those of [`Module::parse`].
    pub fn module(&self) -> Result<Module<'_>> {
        Module::parse(&self.file, &self.bytes)
    }
}

/// Reads a whole file that has at most `limit` bytes.
fn read(path: &Path, limit: u64) -> Result<Vec<u8>> {
    let failed = |cause| Error::new(ErrorKind::Io(cause));
    let file = File::open(path).map_err(failed)?;
    let size = file.metadata().map_err(failed)?.len();
    if size > limit {
        return Err(Error::new(ErrorKind::TooLarge { limit }));
    }
    let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or(0));
    file.take(limit.saturating_add(1)).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > limit {
        return Err(Error::new(ErrorKind::TooLarge { limit }));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Builder;

    #[test]
    fn plain_bytes_are_not_copied() {
        let bytes = Builder::module().build();
        let image = Image::from_bytes("m.ko", &bytes[..]).unwrap();
        assert!(std::ptr::eq(image.bytes(), &bytes[..]));
        assert_eq!((image.format(), image.file()), (None, "m.ko"));
        assert_eq!(image.elf().unwrap().file(), "m.ko");
        let place = bytes.as_ptr();
        let image = Image::from_bytes("m.ko", bytes).unwrap();
        let bytes = image.into_bytes();
        assert_eq!(bytes.as_ptr(), place);
    }

    #[test]
    fn packed_bytes_are_unpacked_whatever_their_name() {
        let bytes = Builder::module().build();
        let packed = zstd::stream::encode_all(&bytes[..], 1).unwrap();
        let image = Image::from_bytes("m.ko.xz", packed).unwrap();
        assert_eq!((image.bytes(), image.format()), (&bytes[..], Some(Format::Zstd)));
    }

    #[test]
    fn a_bomb_is_not_unpacked() {
        let packed = zstd::stream::encode_all(&vec![0; 65 << 20][..], 1).unwrap();
        let error = Image::from_bytes("m.ko.zst", packed).unwrap_err();
        assert_eq!(error.to_string(), "m.ko.zst: larger than the limit of 67108864 bytes");
    }

    #[test]
    fn open_reads_a_file_within_the_limit() {
        let path = std::env::temp_dir().join(format!("kofile-image-{}.ko", std::process::id()));
        std::fs::write(&path, Builder::module().build()).unwrap();
        let opened = (Image::open(&path), Image::open_with_limit(&path, 100));
        std::fs::remove_file(&path).unwrap();
        assert!(opened.0.unwrap().module().is_ok());
        let error = opened.1.unwrap_err();
        assert!(error.to_string().ends_with(".ko: larger than the limit of 100 bytes"), "{error}");
        let error = Image::open(&path).unwrap_err();
        assert_eq!(error.errno(), 2);
        assert!(error.to_string().contains(".ko: cannot read: "), "{error}");
    }
}
