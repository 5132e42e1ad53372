//! Editing a file in place: nobody's change is lost, neither ours nor that of a program that edits the file at the same time.
//!
//! Whoever edits holds the lock of the file's folder, so two runs of ours work one after the other. Other programs know nothing
//! of that lock: the content is compared right before the file is replaced (docs/trust.md row 18).

use std::ffi::OsString;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use signet_common::Printable;

use crate::atomic_file::{self, Privacy, failed, open_folder};
use crate::destination::{Destination, Links, resolve};
use crate::error::Failure;
use crate::folder::{Folder, FolderLock, IfThere};
use crate::input::{MAX_BYTES, holds_only_sealed_secrets};
use crate::session::Session;

/// How long the lock is waited for. An edit takes milliseconds.
const PATIENCE: Duration = Duration::from_secs(30);

/// The text of a file that is edited in place later on: found out now whether that can be done at all.
///
/// # Errors
/// It is no regular file, cannot be read or written, is larger than 10 MiB or not UTF-8, or a link leads to something else
/// than a SealedSecret.
pub(crate) fn read(path: &Path) -> Result<String, Failure> {
    Place::find(path)?.text()
}

/// A file that may not be written is not edited, although it could be replaced.
///
/// # Errors
/// It is read-only.
pub(crate) fn refuse_read_only(path: &Path) -> Result<(), Failure> {
    let place = Place::find(path)?;
    place.folder.check_writable(&place.name).map_err(|error| {
        Failure::file("open", path, &error)
            .hint("the file is unchanged; it must be writable, as must its folder")
    })
}

/// The failure of an edit that others do not let through.
pub(crate) fn changed(path: &Path) -> Failure {
    let path = path.to_string_lossy();
    Failure::trouble(format_args!(
        "{} was changed by another program meanwhile",
        Printable(&path)
    ))
    .hint("nothing was written; run it again")
}

/// A file that nobody else edits at the moment.
pub(crate) struct InPlace {
    place: Place,
    text: String,
    _lock: Option<FolderLock>,
}

/// What became of an edit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The file has the new text.
    Done,
    /// Somebody else changed it meanwhile: nothing was written.
    Changed,
}

impl InPlace {
    /// Waits until no other run edits a file of the same folder, and reads the file.
    ///
    /// # Errors
    /// As [`read`].
    pub(crate) fn open(path: &Path, session: &mut Session<'_>) -> Result<Self, Failure> {
        let place = Place::find(path)?;
        let lock = place.folder.lock(PATIENCE);
        if lock.is_none() {
            session.warn(&format!(
                "the folder of {} cannot be locked, or another program keeps it locked: going on without",
                place.shown()
            ));
        }
        let text = place.text()?;
        Ok(Self {
            place,
            text,
            _lock: lock,
        })
    }

    /// What stands in the file.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Replaces the file's content, unless it is no longer what was read.
    ///
    /// # Errors
    /// The file cannot be replaced; it is unchanged.
    pub(crate) fn replace(self, new: &str) -> Result<Outcome, Failure> {
        let place = &self.place;
        if place.text().as_deref() != Ok(self.text.as_str()) {
            return Ok(Outcome::Changed);
        }
        let content = new.as_bytes();
        let replace = IfThere::Replace;
        atomic_file::write(&place.folder, &place.name, content, Privacy::Public, replace)
            .map(|()| Outcome::Done)
            .map_err(|why| {
                let denied = why.1.kind() == io::ErrorKind::PermissionDenied;
                failed(&place.path, &why).hint(if denied {
                    "the file is unchanged; it is replaced as a whole, so its folder must be writable too"
                } else {
                    "the file is unchanged"
                })
            })
    }
}

/// The file behind a path that a person gave.
struct Place {
    path: PathBuf,
    folder: Folder,
    name: OsString,
    linked: bool,
}

impl Place {
    fn find(path: &Path) -> Result<Self, Failure> {
        let Destination::File {
            folder,
            name,
            linked,
        } = resolve(path, Links::Follow)?
        else {
            let path = path.to_string_lossy();
            return Err(Failure::trouble(format_args!(
                "open {}: it is no regular file, so it cannot be edited in place",
                Printable(&path)
            )));
        };
        Ok(Self {
            path: path.to_owned(),
            folder: open_folder(path, &folder)?,
            name,
            linked,
        })
    }

    fn shown(&self) -> String {
        Printable(&self.path.to_string_lossy()).to_string()
    }

    fn text(&self) -> Result<String, Failure> {
        let fail = |operation, error: &io::Error| Failure::file(operation, &self.path, error);
        let file = self
            .folder
            .open_file(&self.name)
            .map_err(|error| fail("open", &error))?;
        let mut bytes = Vec::new();
        file.take(MAX_BYTES as u64 + 1)
            .read_to_end(&mut bytes)
            .map_err(|error| fail("read", &error))?;
        if bytes.len() > MAX_BYTES {
            return Err(Failure::trouble(format_args!(
                "{} is larger than 10 MiB",
                self.shown()
            )));
        }
        // Who put the link there must not choose which file of another program is changed.
        if self.linked && !holds_only_sealed_secrets(&bytes) {
            return Err(Failure::trouble(format_args!(
                "open {}: a symbolic link leads to a file that is no SealedSecret",
                self.shown()
            ))
            .hint("name the file itself if that is what you want to change"));
        }
        String::from_utf8(bytes).map_err(|_| {
            Failure::trouble(format_args!("{} is not UTF-8 text", self.shown()))
                .hint("only UTF-8 files are edited in place: convert it first, for example with 'iconv -f UTF-16 -t UTF-8'")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_by_another_program_is_noticed_and_kept() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("t");
        let mut session = Session {
            program: crate::session::Program::Signet,
            stdin: &mut io::empty(),
            stdin_is_terminal: false,
            stderr_is_terminal: false,
            stdout: &mut io::sink(),
            stderr: &mut io::sink(),
            variable: &|_| None,
            rng: &mut rand::rng(),
            now: jiff::Timestamp::UNIX_EPOCH,
        };
        std::fs::write(&path, "old").expect("write");
        let file = InPlace::open(&path, &mut session).expect("open");
        assert_eq!(file.replace("ours"), Ok(Outcome::Done));
        let file = InPlace::open(&path, &mut session).expect("open");
        std::fs::write(&path, "theirs").expect("write");
        assert_eq!(file.replace("ours"), Ok(Outcome::Changed));
        assert_eq!(read(&path).as_deref(), Ok("theirs"));
        let file = InPlace::open(&path, &mut session).expect("open");
        std::fs::remove_file(&path).expect("remove");
        assert_eq!(file.replace("ours"), Ok(Outcome::Changed));
        assert!(!path.exists());
    }
}
