//! A folder that files are replaced in, on systems without handles of folders: the same names as in `folder.rs`, weaker promises.
//! Temporary files have a name, and nothing is locked.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A folder by its path.
pub(crate) struct Folder {
    path: PathBuf,
}

/// What becomes of a file that is already there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum IfThere {
    /// It is replaced.
    Replace,
    /// It stays, and publishing fails.
    Refuse,
}

/// Nothing that could be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ownership {
    /// Permissions, without meaning here.
    pub(crate) mode: u32,
}

/// No lock.
pub(crate) struct FolderLock;

impl Folder {
    /// Remembers the path of a folder.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let path = path.to_owned();
        Ok(Self { path })
    }

    /// The same: links on the way are followed.
    pub(crate) fn open_real(path: &Path) -> io::Result<Self> {
        Self::open(path)
    }

    /// Opens a regular file of this folder for reading.
    pub(crate) fn open_file(&self, name: &OsStr) -> io::Result<File> {
        File::open(self.path.join(name))
    }

    /// Nothing is kept.
    pub(crate) fn ownership(&self, _name: &OsStr) -> Option<Ownership> {
        None
    }

    /// Whether a file of this folder may be written. One that is not there may.
    ///
    /// # Errors
    /// It is read-only.
    pub(crate) fn check_writable(&self, name: &OsStr) -> io::Result<()> {
        match std::fs::metadata(self.path.join(name)) {
            Ok(found) if found.permissions().readonly() => {
                Err(io::ErrorKind::PermissionDenied.into())
            }
            _ => Ok(()),
        }
    }

    /// There are no locks.
    pub(crate) fn lock(&self, _wait: Duration) -> Option<FolderLock> {
        None
    }

    /// A new file with a temporary name.
    pub(crate) fn temporary(&self, _mode: u32) -> io::Result<Temporary> {
        let file = tempfile::Builder::new()
            .prefix(".signet-")
            .suffix(".tmp")
            .tempfile_in(&self.path)?;
        Ok(Temporary {
            file,
            folder: self.path.clone(),
        })
    }
}

/// A file that is being written. Unless it is published, nothing of it stays.
pub(crate) struct Temporary {
    file: tempfile::NamedTempFile,
    folder: PathBuf,
}

impl Temporary {
    /// To write to.
    pub(crate) fn file(&mut self) -> &mut File {
        self.file.as_file_mut()
    }

    /// Nothing is kept.
    pub(crate) fn set_mode(&self, _mode: u32) -> io::Result<()> {
        Ok(())
    }

    /// Nothing is kept.
    pub(crate) fn belong_as(&self, _other: Ownership) {}

    /// Gives the file its name.
    pub(crate) fn publish(self, name: &OsStr, if_there: IfThere) -> io::Result<()> {
        let path = self.folder.join(name);
        let published = match if_there {
            IfThere::Replace => self.file.persist(path),
            IfThere::Refuse => self.file.persist_noclobber(path),
        };
        published.map(|_| ()).map_err(|error| error.error)
    }
}
