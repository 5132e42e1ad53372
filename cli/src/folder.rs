//! A folder that files are replaced in: everything in it is reached through one handle and never through a symbolic link.
//!
//! A new file gets its content before it gets a name, where the system can do that (Linux: `O_TMPFILE`). So a program that is
//! killed leaves nothing behind, except between the two calls that give the content a temporary name and rename it over the old
//! file. What is left then, or by a file system without such files, is removed by the next run in the same folder: whoever
//! writes a temporary file holds a lock on it, and the lock dies with the program.

use std::ffi::{OsStr, OsString};
use std::fs::{File, Permissions, TryLockError};
use std::io;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, fchown};
#[cfg(target_os = "linux")]
use std::path::Component;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::fs::{
    Access, AtFlags, CWD, Dir, FileType, Mode, OFlags, accessat, linkat, open, openat, renameat,
    statat, unlinkat,
};
use rustix::io::Errno;

/// How often a lock that somebody else holds is asked for.
const ASK_AGAIN: Duration = Duration::from_millis(10);
/// Temporary names: this, 32 hex digits, and [`SUFFIX`].
const PREFIX: &str = ".signet-";
const SUFFIX: &str = ".tmp";
const DIGITS: usize = 32;

/// An open folder.
pub(crate) struct Folder {
    handle: OwnedFd,
}

/// What becomes of a file that is already there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum IfThere {
    /// It is replaced.
    Replace,
    /// It stays, and publishing fails.
    Refuse,
}

/// Whose a file is, and who may do what with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ownership {
    /// Permissions, the lower twelve bits.
    pub(crate) mode: u32,
    owner: u32,
    group: u32,
}

/// Holds the lock of a folder until it is dropped.
pub(crate) struct FolderLock {
    _handle: File,
}

impl Folder {
    /// Opens a folder; links on the way to it are followed.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let handle = open(path, flags, Mode::empty())?;
        Ok(Self { handle })
    }

    /// Opens the folder of an absolute path that is known to have no links in it, step by step: somebody may put a link in the
    /// place of a folder after it was looked at.
    ///
    /// # Errors
    /// It cannot be opened, or is reached through a link now ("not a directory").
    #[cfg(target_os = "linux")]
    pub(crate) fn open_real(path: &Path) -> io::Result<Self> {
        let step = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mut at = open("/", step, Mode::empty())?;
        for part in path.components() {
            match part {
                Component::RootDir => {}
                Component::Normal(name) => at = openat(&at, name, step, Mode::empty())?,
                _ => return Err(io::ErrorKind::InvalidInput.into()),
            }
        }
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let handle = openat(&at, ".", flags, Mode::empty())?;
        Ok(Self { handle })
    }

    /// Opens a folder. Other systems have no handle for a folder that may be passed through but not read, so a link that
    /// somebody puts on the way at this moment is followed.
    #[cfg(not(target_os = "linux"))]
    pub(crate) fn open_real(path: &Path) -> io::Result<Self> {
        Self::open(path)
    }

    /// Mode, owner and group of a regular file of this folder, if it is there. A link has none that mean anything.
    pub(crate) fn ownership(&self, name: &OsStr) -> Option<Ownership> {
        let found = statat(&self.handle, name, AtFlags::SYMLINK_NOFOLLOW).ok()?;
        if FileType::from_raw_mode(found.st_mode) != FileType::RegularFile {
            return None;
        }
        Some(Ownership {
            mode: found.st_mode & 0o7777,
            owner: found.st_uid,
            group: found.st_gid,
        })
    }

    /// Opens a regular file of this folder for reading.
    ///
    /// # Errors
    /// It is not there, may not be read, or is a link, a pipe or another thing that is no regular file.
    pub(crate) fn open_file(&self, name: &OsStr) -> io::Result<File> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = File::from(openat(&self.handle, name, flags, Mode::empty())?);
        if file.metadata()?.is_file() {
            Ok(file)
        } else {
            Err(io::Error::other("not a regular file"))
        }
    }

    /// Whether a file of this folder may be written. One that is not there may.
    ///
    /// # Errors
    /// It may not, because of its mode or of its file system.
    pub(crate) fn check_writable(&self, name: &OsStr) -> io::Result<()> {
        match accessat(&self.handle, name, Access::WRITE_OK, AtFlags::EACCESS) {
            Err(error @ (Errno::ACCESS | Errno::ROFS | Errno::PERM)) => Err(error.into()),
            _ => Ok(()),
        }
    }

    /// Waits for the lock of this folder, which whoever edits a file of it holds. `None` if somebody else kept it all the time,
    /// or the file system has no locks.
    pub(crate) fn lock(&self, wait: Duration) -> Option<FolderLock> {
        // A description of its own: a duplicate would share the lock.
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let handle = File::from(openat(&self.handle, ".", flags, Mode::empty()).ok()?);
        let end = Instant::now() + wait;
        loop {
            match handle.try_lock() {
                Ok(()) => return Some(FolderLock { _handle: handle }),
                Err(TryLockError::WouldBlock) if Instant::now() < end => {
                    std::thread::sleep(ASK_AGAIN);
                }
                Err(_) => return None,
            }
        }
    }

    /// A new file without content, and without a name where that can be had. `mode` is what the umask is taken from.
    pub(crate) fn temporary(&self, mode: u32) -> io::Result<Temporary<'_>> {
        self.remove_leftovers();
        let mode = Mode::from_bits_truncate(mode);
        if let Some(file) = self.unnamed(mode)? {
            // The lock is there before the name, so nobody can take it for a leftover.
            let _ = file.try_lock();
            return Ok(Temporary {
                folder: self,
                file,
                name: None,
            });
        }
        self.named(mode)
    }

    /// `None` where files must have a name.
    #[cfg(target_os = "linux")]
    fn unnamed(&self, mode: Mode) -> io::Result<Option<File>> {
        // Without it the file could never get a name.
        if !Path::new("/proc/self/fd").exists() {
            return Ok(None);
        }
        let flags = OFlags::WRONLY | OFlags::TMPFILE | OFlags::CLOEXEC;
        match openat(&self.handle, ".", flags, mode) {
            Ok(file) => Ok(Some(File::from(file))),
            Err(Errno::OPNOTSUPP | Errno::ISDIR | Errno::INVAL) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    #[cfg(not(target_os = "linux"))]
    #[expect(clippy::unnecessary_wraps, reason = "as on Linux")]
    fn unnamed(&self, _mode: Mode) -> io::Result<Option<File>> {
        Ok(None)
    }

    fn named(&self, mode: Mode) -> io::Result<Temporary<'_>> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        let name = temporary_name();
        let file = File::from(openat(&self.handle, name.as_os_str(), flags, mode)?);
        let temporary = Temporary {
            folder: self,
            file,
            name: Some(name),
        };
        let _ = temporary.file.try_lock();
        if temporary.file.metadata()?.nlink() == 0 {
            return Err(io::Error::other(
                "another program removed the temporary file",
            ));
        }
        Ok(temporary)
    }

    /// Removes temporary files of ours whose writer is dead. Whatever goes wrong is left for the next time.
    fn remove_leftovers(&self) {
        let Ok(entries) = Dir::read_from(&self.handle) else {
            return;
        };
        for entry in entries.flatten() {
            let name = OsString::from(entry.file_name().to_string_lossy().into_owned());
            if is_temporary_name(&name) && self.is_leftover(&name) {
                let _ = unlinkat(&self.handle, name.as_os_str(), AtFlags::empty());
            }
        }
    }

    fn is_leftover(&self, name: &OsStr) -> bool {
        let Ok(file) = self.open_file(name) else {
            return false;
        };
        let ours = file
            .metadata()
            .is_ok_and(|found| found.uid() == rustix::process::geteuid().as_raw());
        ours && file.try_lock().is_ok()
    }
}

fn temporary_name() -> OsString {
    let digits = rand::random::<u128>();
    OsString::from(format!("{PREFIX}{digits:0DIGITS$x}{SUFFIX}"))
}

fn is_temporary_name(name: &OsStr) -> bool {
    let digits = name
        .to_str()
        .and_then(|name| name.strip_prefix(PREFIX)?.strip_suffix(SUFFIX));
    digits.is_some_and(|digits| {
        digits.len() == DIGITS && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
    })
}

/// A file that is being written. Unless it is published, nothing of it stays.
pub(crate) struct Temporary<'f> {
    folder: &'f Folder,
    file: File,
    name: Option<OsString>,
}

impl Temporary<'_> {
    /// To write to.
    pub(crate) fn file(&mut self) -> &mut File {
        &mut self.file
    }

    /// Gives the file a mode.
    pub(crate) fn set_mode(&self, mode: u32) -> io::Result<()> {
        self.file.set_permissions(Permissions::from_mode(mode))
    }

    /// Gives the file the owner and group of another, where that is allowed. Before its mode: this may take bits away.
    pub(crate) fn belong_as(&self, other: Ownership) {
        // Only root may give files away; who else edits a file gets it, as with any editor.
        let _ = fchown(&self.file, Some(other.owner), Some(other.group));
    }

    /// Gives the file its name, in one step: whoever looks finds the old file or this one.
    pub(crate) fn publish(mut self, name: &OsStr, if_there: IfThere) -> io::Result<()> {
        let folder = &self.folder.handle;
        if self.name.is_none() {
            match self.link(name) {
                Err(error) if is_taken(&error) && if_there == IfThere::Replace => {}
                done => return done,
            }
            let temporary = temporary_name();
            self.link(&temporary)?;
            self.name = Some(temporary);
        }
        let temporary = self.name.as_deref().unwrap_or_default();
        match if_there {
            IfThere::Replace => renameat(folder, temporary, folder, name)?,
            IfThere::Refuse => rename_to_free(folder, temporary, name)?,
        }
        self.name = None;
        Ok(())
    }

    /// A name for a file that has none. It must be free.
    fn link(&self, name: &OsStr) -> io::Result<()> {
        let path = format!("/proc/self/fd/{}", self.file.as_raw_fd());
        let folder = &self.folder.handle;
        Ok(linkat(CWD, path, folder, name, AtFlags::SYMLINK_FOLLOW)?)
    }
}

fn is_taken(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::AlreadyExists
}

/// Renames unless the new name is taken.
fn rename_to_free(folder: &OwnedFd, from: &OsStr, to: &OsStr) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    {
        use rustix::fs::{RenameFlags, renameat_with};
        match renameat_with(folder, from, folder, to, RenameFlags::NOREPLACE) {
            Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {}
            done => return Ok(done?),
        }
    }
    linkat(folder, from, folder, to, AtFlags::empty())?;
    Ok(unlinkat(folder, from, AtFlags::empty())?)
}

impl Drop for Temporary<'_> {
    fn drop(&mut self) {
        if let Some(name) = &self.name {
            let _ = unlinkat(&self.folder.handle, name.as_os_str(), AtFlags::empty());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(folder).expect("a folder");
        let mut names: Vec<String> = entries
            .map(|entry| {
                entry
                    .expect("an entry")
                    .file_name()
                    .to_string_lossy()
                    .into_owned()
            })
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_temporary_file_with_a_name_is_published_and_never_stays() {
        let place = tempfile::tempdir().expect("a folder");
        let folder = Folder::open(place.path()).expect("open");
        for content in ["first", "second"] {
            let mut file = folder
                .named(Mode::from_bits_truncate(0o644))
                .expect("a file");
            file.file().write_all(content.as_bytes()).expect("write");
            file.publish(OsStr::new("x"), IfThere::Replace)
                .expect("publish");
            let found = std::fs::read_to_string(place.path().join("x")).expect("read");
            assert_eq!(found, content);
        }
        let refused = folder
            .named(Mode::from_bits_truncate(0o644))
            .expect("a file");
        assert!(refused.publish(OsStr::new("x"), IfThere::Refuse).is_err());
        assert_eq!(names(place.path()), ["x"]);
    }

    #[test]
    fn leftovers_of_the_dead_are_removed_and_files_of_the_living_stay() {
        let place = tempfile::tempdir().expect("a folder");
        let folder = Folder::open(place.path()).expect("open");
        let dead = temporary_name();
        std::fs::write(place.path().join(&dead), "left").expect("write");
        std::fs::write(place.path().join(".signet-mine.tmp"), "kept").expect("write");
        let alive = folder
            .named(Mode::from_bits_truncate(0o600))
            .expect("a file");
        let living = alive
            .name
            .clone()
            .expect("a name")
            .into_string()
            .expect("text");
        drop(Folder::open(place.path()).expect("open").temporary(0o600));
        let mut expected = [living, ".signet-mine.tmp".to_owned()];
        expected.sort();
        assert_eq!(names(place.path()), expected);
    }

    #[test]
    fn a_lock_is_held_by_one_at_a_time_and_waited_for_within_a_bound() {
        let place = tempfile::tempdir().expect("a folder");
        let (one, two) = (Folder::open(place.path()), Folder::open(place.path()));
        let (one, two) = (one.expect("open"), two.expect("open"));
        let held = one.lock(Duration::ZERO).expect("free");
        assert!(two.lock(Duration::from_millis(30)).is_none());
        assert!(one.lock(Duration::ZERO).is_none());
        drop(held);
        assert!(two.lock(Duration::ZERO).is_some());
    }
}
