//! Replacing a file as a whole or not at all.
//!
//! The new content is flushed to disk before it takes the old file's place, so that a full disk, a signal or a crash leaves the
//! old file as it was. The mode of an existing file is kept, and its owner where the system allows it; but a file that was
//! something else before never stays executable, and plain values are never given to the owner of an old file.

use std::ffi::OsStr;
use std::fs::OpenOptions;
use std::io::{self, Read as _, Write as _};
use std::path::Path;

use crate::destination::{Destination, Links, resolve};
use crate::error::Failure;
use crate::folder::{Folder, IfThere};
use crate::input;

/// Who may read a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Privacy {
    /// Sealed data and certificates: a new file gets the mode that the umask gives.
    Public,
    /// Plain values: nobody but who runs the program may read the file, whoever owned the one that it replaces.
    OwnerOnly,
    /// No secret, but nobody else's business: as plain values, only that the file stays its owner's.
    Personal,
}

/// Puts a file at `path`, in the place of a file or a link that is there; a stream or a device is written to directly.
///
/// # Errors
/// Names the path and what the operating system said. The old file is then untouched.
pub fn replace(path: &Path, content: &[u8], privacy: Privacy) -> Result<(), Failure> {
    match resolve(path, Links::Replace)? {
        Destination::Stream => append(path, content).map_err(|why| failed(path, &why)),
        Destination::File { folder, name, .. } => {
            let folder = open_folder(path, &folder)?;
            write(&folder, &name, content, privacy, IfThere::Replace)
                .map_err(|why| failed(path, &why).hint(UNCHANGED))
        }
    }
}

/// Writes a file that must not exist yet.
///
/// # Errors
/// The file exists, or cannot be written.
pub fn create_new(path: &Path, content: &[u8], privacy: Privacy) -> Result<(), Failure> {
    match resolve(path, Links::Replace)? {
        Destination::Stream => Err(Failure::file(
            "create",
            path,
            &io::ErrorKind::AlreadyExists.into(),
        )),
        Destination::File { folder, name, .. } => {
            let folder = open_folder(path, &folder)?;
            write(&folder, &name, content, privacy, IfThere::Refuse)
                .map_err(|why| failed(path, &why))
        }
    }
}

/// What is said of the old file after a failure.
pub(crate) const UNCHANGED: &str = "the old file, if there was one, is unchanged";

/// Opens the real folder of `path`, which is what a failure names.
pub(crate) fn open_folder(path: &Path, folder: &Path) -> Result<Folder, Failure> {
    Folder::open_real(folder).map_err(|error| Failure::file("open", path, &error).hint(UNCHANGED))
}

/// An operation that failed, and why.
pub(crate) type Trouble = (&'static str, io::Error);

/// The failure of an operation on `path`.
pub(crate) fn failed(path: &Path, (operation, error): &Trouble) -> Failure {
    Failure::file(operation, path, error)
}

/// Writes the file `name` of a folder.
pub(crate) fn write(
    folder: &Folder,
    name: &OsStr,
    content: &[u8],
    privacy: Privacy,
    if_there: IfThere,
) -> Result<(), Trouble> {
    let new_mode = match privacy {
        Privacy::Public => 0o666,
        Privacy::OwnerOnly | Privacy::Personal => 0o600,
    };
    let mut temporary = folder
        .temporary(new_mode)
        .map_err(|error| ("open", error))?;
    if let Some(old) = folder.ownership(name) {
        let mode = kept_mode(old.mode, privacy, || is_sealed(folder, name));
        // Whoever made the old file must not own what is in the new one.
        if privacy != Privacy::OwnerOnly {
            temporary.belong_as(old);
        }
        temporary.set_mode(mode).map_err(|error| ("chmod", error))?;
    }
    let file = temporary.file();
    file.write_all(content)
        .and_then(|()| file.sync_all())
        .map_err(|error| ("write", error))?;
    temporary.publish(name, if_there).map_err(|error| {
        let operation = match if_there {
            IfThere::Replace => "rename",
            IfThere::Refuse => "create",
        };
        (operation, error)
    })
}

/// What stays of an old file's mode. A program whose text somebody else chose must not become one that runs.
fn kept_mode(old: u32, privacy: Privacy, was_sealed: impl FnOnce() -> bool) -> u32 {
    match privacy {
        Privacy::OwnerOnly | Privacy::Personal => old & 0o600,
        Privacy::Public if old & 0o7111 == 0 || was_sealed() => old,
        Privacy::Public => old & 0o666,
    }
}

/// Whether a file holds SealedSecrets and nothing else.
fn is_sealed(folder: &Folder, name: &OsStr) -> bool {
    let mut bytes = Vec::new();
    let read = folder.open_file(name).and_then(|file| {
        let one_more = input::MAX_BYTES as u64 + 1;
        file.take(one_more).read_to_end(&mut bytes)
    });
    read.is_ok() && input::holds_only_sealed_secrets(&bytes)
}

/// A stream may be a file that somebody redirected it to, with content of others in it.
fn append(path: &Path, content: &[u8]) -> Result<(), Trouble> {
    let mut stream = OpenOptions::new()
        .append(true)
        .open(path)
        .map_err(|error| ("open", error))?;
    stream.write_all(content).map_err(|error| ("write", error))
}
