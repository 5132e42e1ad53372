//! Replacing a file as a whole or not at all.
//!
//! The new content is written beside the old one, flushed to disk and renamed over it, so that a full disk, a signal or a crash
//! leaves the old file as it was. The mode of an existing file is kept.

use std::fs::{self, OpenOptions, Permissions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::error::Failure;

/// Who may read a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Privacy {
    /// Sealed data and certificates: a new file gets the mode that the umask gives.
    Public,
    /// Plain values: nobody but the owner may read the file, new or old.
    OwnerOnly,
}

/// Replaces the content of `path`, following a symbolic link. Something that is no regular file, such as a pipe or a terminal,
/// is written to directly.
///
/// # Errors
/// Names the path and what the operating system said. The old file is then untouched.
pub fn replace(path: &Path, content: &[u8], privacy: Privacy) -> Result<(), Failure> {
    let fail = |operation: &str, error: &io::Error| {
        Failure::file(operation, path, error).hint("the old file, if there was one, is unchanged")
    };
    let existing = match fs::metadata(path) {
        Ok(metadata) => Some(metadata),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(fail("open", &error)),
    };
    if let Some(metadata) = &existing
        && !metadata.is_file()
    {
        let mut file = OpenOptions::new()
            .write(true)
            .open(path)
            .map_err(|error| fail("open", &error))?;
        return file
            .write_all(content)
            .map_err(|error| fail("write", &error));
    }
    let target = match &existing {
        Some(_) => fs::canonicalize(path).map_err(|error| fail("open", &error))?,
        None => path.to_owned(),
    };
    let mode = existing.map(|metadata| metadata.permissions());
    write_beside(&target, content, mode, privacy)
        .map_err(|(operation, error)| fail(operation, &error))
}

fn write_beside(
    target: &Path,
    content: &[u8],
    old: Option<Permissions>,
    privacy: Privacy,
) -> Result<(), (&'static str, io::Error)> {
    let mut temporary = create_beside(target, privacy).map_err(|error| ("open", error))?;
    if let Some(old) = old {
        let permissions = narrowed(old, privacy);
        temporary
            .as_file()
            .set_permissions(permissions)
            .map_err(|error| ("chmod", error))?;
    }
    temporary
        .write_all(content)
        .and_then(|()| temporary.as_file().sync_all())
        .map_err(|error| ("write", error))?;
    temporary
        .persist(target)
        .map_err(|error| ("rename", error.error))?;
    Ok(())
}

fn create_beside(target: &Path, privacy: Privacy) -> io::Result<tempfile::NamedTempFile> {
    let folder = match target.parent() {
        Some(parent) if parent != Path::new("") => parent.to_owned(),
        _ => PathBuf::from("."),
    };
    let mut builder = tempfile::Builder::new();
    builder.prefix(".signet-").suffix(".tmp");
    #[cfg(unix)]
    let permissions = {
        use std::os::unix::fs::PermissionsExt as _;
        Permissions::from_mode(match privacy {
            Privacy::Public => 0o666,
            Privacy::OwnerOnly => 0o600,
        })
    };
    #[cfg(unix)]
    builder.permissions(permissions);
    builder.tempfile_in(folder)
}

#[cfg(unix)]
fn narrowed(old: Permissions, privacy: Privacy) -> Permissions {
    use std::os::unix::fs::PermissionsExt as _;
    match privacy {
        Privacy::Public => old,
        Privacy::OwnerOnly => Permissions::from_mode(old.mode() & 0o700),
    }
}

#[cfg(not(unix))]
fn narrowed(old: Permissions, _privacy: Privacy) -> Permissions {
    old
}

/// Writes a file that must not exist yet.
///
/// # Errors
/// The file exists, or cannot be written.
pub fn create_new(path: &Path, content: &[u8], privacy: Privacy) -> Result<(), Failure> {
    let fail = |operation, error: &io::Error| Failure::file(operation, path, error);
    let temporary = create_beside(path, privacy).map_err(|error| fail("open", &error))?;
    let mut temporary = temporary;
    temporary
        .write_all(content)
        .and_then(|()| temporary.as_file().sync_all())
        .map_err(|error| fail("write", &error))?;
    temporary
        .persist_noclobber(path)
        .map_err(|error| fail("create", &error.error))?;
    Ok(())
}
