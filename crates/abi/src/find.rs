//! Finding what a profile can be made from, and the one made earlier.

use crate::bytes::{find, u16_at, u64_at};
use crate::cache::dir::{self, Key};
use crate::error::{Error, Result};
use crate::headers::{self, Place};
use crate::import::{self, Progress};
use crate::profile::Profile;
use crate::symvers;
use std::cmp::Ordering;
use std::fmt;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What is told how far an import is.
pub type ProgressFn = Arc<dyn Fn(Progress) + Send + Sync>;

/// Where to look, and where to keep what was found.
#[derive(Clone)]
pub struct Options {
    /// The folder taken for "/": another system's tree can be looked at.
    pub root: PathBuf,
    /// This image (bzImage or vmlinux), and no other place.
    pub image: Option<PathBuf>,
    /// The cache folder; `None` for $XDG_CACHE_HOME/lkm, ~/.cache/lkm or /tmp/lkm-cache-UID.
    pub cache_dir: Option<PathBuf>,
    /// Called during an import.
    pub progress: Option<ProgressFn>,
}

impl Default for Options {
    fn default() -> Self {
        Options { root: PathBuf::from("/"), image: None, cache_dir: None, progress: None }
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Options { root, image, cache_dir, progress } = self;
        let progress = progress.as_ref().map(|_| "...");
        let mut out = f.debug_struct("Options");
        out.field("root", root)
            .field("image", image)
            .field("cache_dir", cache_dir)
            .field("progress", &progress)
            .finish()
    }
}

impl Options {
    fn tell(&self, progress: Progress) {
        if let Some(call) = &self.progress {
            call(progress);
        }
    }

    fn under_root(&self, path: &str) -> PathBuf {
        self.root.join(path.trim_start_matches('/'))
    }
}

/// What a profile of a release can be made from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Available {
    /// The release.
    pub release: String,
    /// The image, or the headers' build folder.
    pub source: PathBuf,
    /// Whether it is an image (else headers).
    pub is_image: bool,
    /// Whether its profile is in the cache already.
    pub cached: bool,
}

impl Profile {
    /// The profile of a release: from the cache, or imported now from the first image or headers that fit.
    ///
    /// # Errors
    /// `Error::NotFound` names every place looked at and the cure; otherwise why a named image does not serve.
    pub fn for_release(release: &str, options: &Options) -> Result<Profile> {
        if let Some(image) = &options.image {
            let profile = Profile::from_image(image, options)?;
            return check_release(profile, image, release);
        }
        let mut looked = Vec::new();
        for image in images_of(release, options) {
            match try_image(&image, release, options) {
                Some(Ok(profile)) => return Ok(profile),
                Some(Err(error)) => looked.push(error.to_string()),
                None => looked.push(format!("{} (absent)", image.display())),
            }
        }
        match build_folder(release, options).map(|build| from_headers(release, &build, options)) {
            Some(Ok(profile)) => return Ok(profile),
            Some(Err(error)) => looked.push(error.to_string()),
            None => looked.push(format!(
                "{} (no headers)",
                options.under_root(&format!("lib/modules/{release}/build")).display()
            )),
        }
        Err(Error::NotFound { release: release.to_owned(), looked })
    }

    /// The profile of the kernel a module was built for, by its vermagic ("6.1.0-56-amd64 SMP preempt ...").
    ///
    /// # Errors
    /// As [`Profile::for_release`].
    pub fn for_vermagic(vermagic: &str, options: &Options) -> Result<Profile> {
        Profile::for_release(vermagic.split_whitespace().next().unwrap_or(""), options)
    }

    /// The profile of one image, whatever its release.
    ///
    /// # Errors
    /// `Error::Io` or `Error::Image`: why this file does not serve.
    pub fn from_image(image: &Path, options: &Options) -> Result<Profile> {
        let image = std::path::absolute(image).map_err(|e| Error::io("read", image, e))?;
        match open_or_import(&image, "image", None, options) {
            Some(result) => result,
            None => Err(Error::io("read", image, std::io::ErrorKind::NotFound.into())),
        }
    }
}

/// The releases profiles can be made of, oldest first; a release with an image is not listed again for its headers.
pub fn list(options: &Options) -> Vec<Available> {
    let mut found: Vec<Available> = Vec::new();
    for release in releases(options) {
        let image = images_of(&release, options).into_iter().find(|p| may_be_image(p));
        let Some(source) = image.clone().or_else(|| build_folder(&release, options)) else { continue };
        let state = if image.is_some() { Some(source.clone()) } else { symvers::locate(&source) };
        let cached = state
            .and_then(|path| Key::of(&release, &[&path]))
            .is_some_and(|key| dir::open(&dir::folders(options.cache_dir.as_deref()), &key).is_some());
        found.push(Available { release, source, is_image: image.is_some(), cached });
    }
    found
}

fn releases(options: &Options) -> Vec<String> {
    let mut all = Vec::new();
    let names = |folder: &str| {
        let entries = std::fs::read_dir(options.under_root(folder)).into_iter().flatten().flatten();
        entries.filter_map(|e| e.file_name().into_string().ok()).collect::<Vec<_>>()
    };
    all.extend(names("boot").iter().filter_map(|n| n.strip_prefix("vmlinuz-")).map(str::to_owned));
    all.extend(names("lib/modules"));
    all.sort_by(|a, b| compare_releases(a, b));
    all.dedup();
    all
}

/// Compares two releases as people count them: numbers by value, the rest by letters (`6.1.0-9-amd64` before
/// `6.1.0-56-amd64`).
pub fn compare_releases(a: &str, b: &str) -> Ordering {
    fn parts(release: &str) -> Vec<(u64, &str)> {
        let piece = |piece: &'_ str| piece.bytes().take_while(u8::is_ascii_digit).count();
        release
            .split(['.', '-', '+'])
            .map(|p| p.split_at(piece(p)))
            .map(|(n, rest)| (n.parse().unwrap_or(0), rest))
            .collect()
    }
    parts(a).cmp(&parts(b)).then_with(|| a.cmp(b))
}

/// The newest release with an image that is `version` or continues it: `6.1` finds `6.1.0-56-amd64`, not `6.12.1`.
pub fn newest(version: &str, options: &Options) -> Option<String> {
    let fits = |r: &String| r.strip_prefix(version).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '-']));
    let has_image = |r: &String| images_of(r, options).iter().any(|p| p.exists() && may_be_image(p));
    releases(options).into_iter().rev().filter(fits).find(has_image)
}

/// Where an image of a release can be, best first.
fn images_of(release: &str, options: &Options) -> Vec<PathBuf> {
    let mut all = vec![
        options.under_root(&format!("boot/vmlinuz-{release}")),
        options.under_root(&format!("lib/modules/{release}/vmlinuz")),
        options.under_root(&format!("usr/lib/modules/{release}/vmlinuz")),
    ];
    match build_folder(release, options) {
        Some(build) => all.push(build.join("vmlinux")),
        None => all.push(options.under_root(&format!("lib/modules/{release}/build/vmlinux"))),
    }
    all.push(options.under_root(&format!("boot/vmlinux-{release}")));
    all
}

/// Whether a file may be a whole image. Some headers bring a `vmlinux` with nothing but type information: an
/// ELF file without the table of exports is none. Reads only the section headers and names.
fn may_be_image(path: &Path) -> bool {
    let Ok(file) = std::fs::File::open(path) else { return path.exists() };
    let read = |at: u64, len: usize| {
        let mut bytes = vec![0; len];
        file.read_exact_at(&mut bytes, at).ok().map(|()| bytes)
    };
    let names = || {
        let head = read(0, 64).filter(|h| h.starts_with(b"\x7fELF"))?;
        let at = u64_at(&head, 0x28)?.checked_add(u64::from(u16_at(&head, 0x3e)?).checked_mul(64)?)?;
        let strings = read(at, 64)?;
        read(u64_at(&strings, 24)?, usize::try_from(u64_at(&strings, 32)?).ok().filter(|&len| len < 1 << 20)?)
    };
    names().is_none_or(|names| find(&names, b"\0__ksymtab\0", 0).is_some())
}

/// The folder modules of a release are built with. The link to it is absolute and must stay under the root.
fn build_folder(release: &str, options: &Options) -> Option<PathBuf> {
    let link = options.under_root(&format!("lib/modules/{release}/build"));
    let target = match std::fs::read_link(&link) {
        Ok(target) => match target.strip_prefix("/") {
            Ok(absolute) => options.root.join(absolute),
            Err(_) => link.parent()?.join(target),
        },
        Err(_) => link,
    };
    let debian = options.under_root(&format!("usr/src/linux-headers-{release}"));
    [target, debian].into_iter().find(|p| p.is_dir())
}

/// The profile of an image that may be the release's; `None` if there is no such file.
fn try_image(image: &Path, release: &str, options: &Options) -> Option<Result<Profile>> {
    let profile = open_or_import(image, release, Some(release), options)?;
    Some(profile.and_then(|profile| check_release(profile, image, release)))
}

fn check_release(profile: Profile, image: &Path, release: &str) -> Result<Profile> {
    if profile.release() == release {
        return Ok(profile);
    }
    let reason = format!("it is a kernel {}, not {release}", profile.release());
    Err(Error::Image { path: image.to_owned(), reason })
}

fn open_or_import(image: &Path, label: &str, release: Option<&str>, options: &Options) -> Option<Result<Profile>> {
    let key = Key::of(label, &[image])?;
    let folders = dir::folders(options.cache_dir.as_deref());
    if let Some((bytes, head, path)) = dir::open(&folders, &key) {
        return Some(Ok(Profile::new((bytes, head, Some(path)))));
    }
    if !may_be_image(image) {
        let reason = "it holds only type information, not a kernel".to_owned();
        return Some(Err(Error::Image { path: image.to_owned(), reason }));
    }
    let build = release.and_then(|r| build_folder(r, options));
    let place = build.as_deref().zip(release).map(|(build, release)| place(release, build, options));
    let stored = import::image(image, place, &folders, &key, &|p| options.tell(p));
    Some(stored.map(Profile::new))
}

fn place<'p>(release: &'p str, build: &'p Path, options: &Options) -> Place<'p> {
    Place { release, build, ask_running: options.root == Path::new("/") }
}

/// The profile made from headers, where no image serves.
fn from_headers(release: &str, build: &Path, options: &Options) -> Result<Profile> {
    let missing = || Error::Headers { path: build.to_owned(), reason: "there is no Module.symvers".to_owned() };
    let key = symvers::locate(build).and_then(|path| Key::of(release, &[&path])).ok_or_else(missing)?;
    let folders = dir::folders(options.cache_dir.as_deref());
    if let Some((bytes, head, path)) = dir::open(&folders, &key) {
        return Ok(Profile::new((bytes, head, Some(path))));
    }
    let place = place(release, build, options);
    headers::import(place, &folders, &key, &|p| options.tell(p)).map(Profile::new)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_are_sorted_by_number() {
        let mut all = ["6.10.0-1", "6.1.0-56-amd64", "6.1.0-9-amd64", "6.12.117+deb12-amd64", "5.10"];
        all.sort_by(|a, b| compare_releases(a, b));
        assert_eq!(all, ["5.10", "6.1.0-9-amd64", "6.1.0-56-amd64", "6.10.0-1", "6.12.117+deb12-amd64"]);
    }
}
