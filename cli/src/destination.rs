//! Which file a path names for writing (docs/trust.md row 18).
//!
//! A repository may hold symbolic links, and its author chooses where they lead. A file that is written takes the place of a
//! link; only an edit follows it, and only to a SealedSecret. Links to folders are followed as long as they stay in the
//! repository. Without a repository the folder of the link takes its place, and of links to folders only those count that the
//! folder that the program runs in may have brought. Nothing is ever written into git's own folder.

use std::ffi::OsString;
use std::fs::{self, FileType};
use std::io;
use std::path::{Component, Path, PathBuf};

use signet_common::Printable;

use crate::error::Failure;
use crate::git_folder;

/// As many as the system itself follows.
const MAX_LINKS: usize = 40;

/// What is written to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Destination {
    /// A stream of this program, or a device: it takes what comes and is never replaced.
    Stream,
    /// A regular file, or nothing yet.
    File {
        /// The folder that it is really in.
        folder: PathBuf,
        /// Its name there, which is a link only if that is to be replaced.
        name: OsString,
        /// Whether the path itself was a link to it.
        linked: bool,
    },
}

/// What becomes of a symbolic link that a path itself is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Links {
    /// The file takes its place.
    Replace,
    /// Its file is meant.
    Follow,
}

/// Follows the path to the file that it names.
///
/// # Errors
/// It names a folder, a pipe or a socket, leads out of the repository or into git's own folder, or its folder does not exist.
pub(crate) fn resolve(path: &Path, links: Links) -> Result<Destination, Failure> {
    let failed = |error: io::Error| Failure::file("open", path, &error);
    if is_own_stream(path) {
        return Ok(Destination::Stream);
    }
    let repository = repository(path);
    if repository.is_none() {
        refuse_folder_links_out(path)?;
    }
    let mut tree = repository.clone();
    let mut at = path.to_owned();
    let mut linked = false;
    for _ in 0..MAX_LINKS {
        let (folder, name) = folder_and_name(&at).map_err(failed)?;
        let tree = &*tree.get_or_insert_with(|| folder.clone());
        if !folder.starts_with(tree) {
            return Err(leads_out(path, tree, repository.is_some()));
        }
        if git_folder::holds(&folder, &name) {
            return Err(is_gits(path));
        }
        let file = folder.join(&name);
        let destination = |name| Destination::File {
            folder: folder.clone(),
            name,
            linked,
        };
        let kind = match fs::symlink_metadata(&file) {
            Ok(found) => found.file_type(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(destination(name)),
            Err(error) => return Err(failed(error)),
        };
        if kind.is_symlink() {
            if links == Links::Replace {
                return Ok(destination(name));
            }
            at = folder.join(fs::read_link(&file).map_err(failed)?);
            linked = true;
            continue;
        }
        return match sort(kind) {
            Kind::Regular => Ok(destination(name)),
            Kind::Device => Ok(Destination::Stream),
            Kind::Folder => Err(failed(io::Error::from(io::ErrorKind::IsADirectory))),
            Kind::Other(what) => Err(Failure::trouble(format_args!(
                "open {}: it is {what}, and only regular files are written",
                shown(path)
            ))
            .hint("write to stdout and redirect it, if that is what you want")),
        };
    }
    Err(Failure::trouble(format_args!(
        "open {}: too many levels of symbolic links",
        shown(path)
    )))
}

/// Whether the path names something that is neither a file nor a folder, such as `/dev/stdin` or the pipe of `<(…)`.
pub(crate) fn is_stream(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|found| !found.is_file() && !found.is_dir())
}

/// `/dev/stdout` and its like: the stream may be a file, which then belongs to whoever redirected it.
fn is_own_stream(path: &Path) -> bool {
    let path = path.to_string_lossy();
    let number = ["/dev/fd/", "/proc/self/fd/"]
        .iter()
        .find_map(|folder| path.strip_prefix(folder));
    match number {
        Some(number) => !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()),
        None => ["/dev/stdout", "/dev/stderr"].contains(&&*path),
    }
}

/// The nearest folder above the path, as it is written, that holds `.git`.
fn repository(path: &Path) -> Option<PathBuf> {
    let mut absolute = PathBuf::new();
    for part in std::path::absolute(path).ok()?.components() {
        match part {
            Component::ParentDir => {
                absolute.pop();
            }
            other => absolute.push(other),
        }
    }
    let top = absolute
        .ancestors()
        .skip(1)
        .find(|folder| folder.join(".git").exists())?;
    fs::canonicalize(top).ok()
}

/// Without a repository somebody may have unpacked another's work and run the program in it: from there on a link to a folder
/// must lead into the folder that it stands in. Links elsewhere are the system's own, such as /tmp on some, or the user's.
fn refuse_folder_links_out(path: &Path) -> Result<(), Failure> {
    let work = std::env::current_dir().and_then(fs::canonicalize).ok();
    let work = work.filter(|work| work.parent().is_some());
    let (Some(work), Ok(absolute)) = (work, std::path::absolute(path)) else {
        return Ok(());
    };
    let mut real = PathBuf::new();
    for part in absolute.parent().unwrap_or(&absolute).components() {
        let next = match part {
            Component::ParentDir => {
                real.pop();
                continue;
            }
            other => real.join(other),
        };
        let Ok(target) = fs::canonicalize(&next) else {
            // Whoever opens it says why.
            return Ok(());
        };
        if target != next && real.starts_with(&work) && !target.starts_with(&real) {
            return Err(leads_out(path, &real, false));
        }
        real = target;
    }
    Ok(())
}

fn folder_and_name(path: &Path) -> io::Result<(PathBuf, OsString)> {
    let name = path.file_name().ok_or(io::ErrorKind::IsADirectory)?;
    let folder = match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    Ok((fs::canonicalize(folder)?, name.to_owned()))
}

fn leads_out(path: &Path, tree: &Path, is_repository: bool) -> Failure {
    let tree = tree.to_string_lossy();
    let what = if is_repository {
        "the repository"
    } else {
        "the folder"
    };
    Failure::trouble(format_args!(
        "open {}: a symbolic link leads out of {what} {}",
        shown(path),
        Printable(&tree)
    ))
    .hint("name the file itself if that is where you want to write")
}

fn is_gits(path: &Path) -> Failure {
    Failure::trouble(format_args!(
        "open {}: it is in a folder of git's own",
        shown(path)
    ))
    .hint("git runs what lies there, so nothing is written: choose another folder")
}

fn shown(path: &Path) -> String {
    Printable(&path.to_string_lossy()).to_string()
}

enum Kind {
    Regular,
    Folder,
    Device,
    Other(&'static str),
}

#[cfg(unix)]
fn sort(kind: FileType) -> Kind {
    use std::os::unix::fs::FileTypeExt as _;
    if kind.is_file() {
        Kind::Regular
    } else if kind.is_dir() {
        Kind::Folder
    } else if kind.is_char_device() {
        Kind::Device
    } else if kind.is_fifo() {
        Kind::Other("a pipe")
    } else if kind.is_socket() {
        Kind::Other("a socket")
    } else {
        Kind::Other("a block device")
    }
}

#[cfg(not(unix))]
fn sort(kind: FileType) -> Kind {
    if kind.is_file() {
        Kind::Regular
    } else if kind.is_dir() {
        Kind::Folder
    } else {
        Kind::Other("no regular file")
    }
}
