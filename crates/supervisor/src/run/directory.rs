//! `/run/lkm` inside: the control socket and the tools, without hiding what the host has in `/run`.

use super::Setup;
use super::channel::Failure;
use crate::client::PERSONALITY;
use rustix::fs::{CWD, Mode};
use rustix::mount::{MountFlags, MoveMountFlags, OpenTreeFlags};
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType};
use std::fs::FileType;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

/// Our directory.
pub(super) const DIRECTORY: &str = "/run/lkm";
/// Where the tools are.
pub(super) const BIN: &str = "/run/lkm/bin";

/// Makes the directory and returns the listening control socket.
pub(super) fn make(setup: &Setup) -> Result<OwnedFd, Failure> {
    if Path::new(DIRECTORY).is_dir() {
        mount_tmpfs(DIRECTORY)?;
    } else {
        writable_run()?;
        std::fs::create_dir(DIRECTORY).map_err(Failure::at(format!("making {DIRECTORY}")))?;
    }
    std::fs::create_dir(BIN).map_err(Failure::at(format!("making {BIN}")))?;
    for tool in &setup.program.tools {
        let link = Path::new(BIN).join(tool);
        let failed = Failure::at(format!("making {}", link.display()));
        std::os::unix::fs::symlink(&setup.executable, &link).map_err(failed)?;
    }
    if setup.program.personality24 {
        std::fs::write(PERSONALITY, "2.4\n").map_err(Failure::at(format!("making {PERSONALITY}")))?;
    }
    listen()
}

fn mount_tmpfs(target: &str) -> Result<(), Failure> {
    rustix::mount::mount("tmpfs", target, "tmpfs", MountFlags::NOSUID | MountFlags::NODEV, c"mode=755")
        .map_err(Failure::at(format!("mounting a tmpfs on {target}")))
}

fn listen() -> Result<OwnedFd, Failure> {
    let path = crate::client::SOCKET;
    let failed = || Failure::at(format!("making the socket {path}"));
    let socket = rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)
        .map_err(failed())?;
    let address = SocketAddrUnix::new(path).map_err(failed())?;
    rustix::net::bind(&socket, &address).map_err(failed())?;
    // Like a system call, it is there for every user; the kernel process checks who may do what.
    rustix::fs::chmod(path, Mode::from_raw_mode(0o666)).map_err(failed())?;
    rustix::net::listen(&socket, 64).map_err(failed())?;
    Ok(socket)
}

/// Lays a tmpfs over /run with the host's entries bound into it.
fn writable_run() -> Result<(), Failure> {
    let mut entries: Vec<(PathBuf, FileType, Option<OwnedFd>)> = Vec::new();
    if let Ok(list) = std::fs::read_dir("/run") {
        for entry in list.flatten() {
            let Ok(kind) = entry.file_type() else { continue };
            let clone = if kind.is_symlink() { None } else { Some(clone_tree(&entry.path())) };
            match clone {
                None => entries.push((entry.path(), kind, None)),
                Some(Ok(fd)) => entries.push((entry.path(), kind, Some(fd))),
                // An entry that cannot be cloned is left out; it may have vanished.
                Some(Err(_)) => {}
            }
        }
    }
    let links: Vec<_> = entries.iter().map(|(path, ..)| std::fs::read_link(path).ok()).collect();
    mount_tmpfs("/run")?;
    for ((path, kind, fd), link) in entries.into_iter().zip(links) {
        match (fd, link) {
            (Some(fd), _) => attach(&fd, &path, kind.is_dir())?,
            (None, Some(target)) => {
                let _ = std::os::unix::fs::symlink(target, &path);
            }
            (None, None) => {}
        }
    }
    Ok(())
}

/// A copy of the mounts at and below `path`, attached nowhere.
pub(super) fn clone_tree(path: &Path) -> rustix::io::Result<OwnedFd> {
    let recursive = OpenTreeFlags::from_bits_retain(0x8000);
    let flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC | recursive;
    rustix::mount::open_tree(CWD, path, flags | OpenTreeFlags::AT_SYMLINK_NOFOLLOW)
}

/// Makes `path` and mounts the tree there.
fn attach(tree: &OwnedFd, path: &Path, is_dir: bool) -> Result<(), Failure> {
    let failed = || Failure::at(format!("binding {}", path.display()));
    if is_dir {
        std::fs::create_dir(path).map_err(failed())?;
    } else {
        std::fs::File::create(path).map_err(failed())?;
    }
    mount_tree(tree, path).map_err(Failure::at(format!("binding {}", path.display())))
}

/// Mounts the tree on `path`.
pub(super) fn mount_tree(tree: &OwnedFd, path: &Path) -> rustix::io::Result<()> {
    rustix::mount::move_mount(tree, "", CWD, path, MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH)
}
