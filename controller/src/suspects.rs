//! Whose templates are being rendered, noted where it outlives this process (docs/decisions/0009-a-note-for-the-next-process.md).
//!
//! A process that is killed for its memory says nothing any more. The next one would begin with the same object, and be
//! killed as well. So it reads here what was being rendered: that comes last and alone, and if that kills, never again.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::{Deserialize, Serialize};

use crate::index::ObjectKey;

/// The file in the folder.
const FILE: &str = "signet-rendering.json";
/// More than the names of all that can be rendered at once.
const LONGEST: u64 = 1 << 20;

/// What is to be done with an object's templates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// What is done with all.
    Render,
    /// A process was killed while it rendered them, perhaps beside others: when nobody else waits, and alone.
    LastAndAlone,
    /// A process was killed while it rendered them and nothing else.
    Never,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Mark {
    Running,
    RunningAlone,
    Suspect,
    Guilty,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Entry {
    namespace: String,
    name: String,
    uid: String,
    generation: Option<i64>,
    mark: Mark,
}

impl Entry {
    fn is_about(&self, object: &ObjectMeta) -> bool {
        Some(self.uid.as_str()) == object.uid.as_deref() && self.generation == object.generation
    }
}

/// The note. Without a folder nothing is written, and nobody is suspected.
#[derive(Default)]
pub struct Suspects {
    path: Option<PathBuf>,
    entries: Mutex<BTreeMap<ObjectKey, Entry>>,
}

impl Suspects {
    /// Reads what an earlier process left behind.
    pub fn read(folder: Option<&Path>) -> Self {
        let path = folder.map(|folder| folder.join(FILE));
        let left = path.as_deref().and_then(read);
        let entries = left.unwrap_or_default().into_iter().map(|mut entry| {
            entry.mark = match entry.mark {
                Mark::Running | Mark::Suspect => Mark::Suspect,
                Mark::RunningAlone | Mark::Guilty => Mark::Guilty,
            };
            let key = ObjectKey {
                namespace: entry.namespace.as_str().into(),
                name: entry.name.as_str().into(),
            };
            tracing::warn!(object = %key, "an earlier process was killed while it rendered these templates");
            (key, entry)
        });
        let suspects = Self {
            entries: Mutex::new(entries.collect()),
            path,
        };
        if let Err(error) = suspects.write(&suspects.entries()) {
            tracing::warn!(%error, "the note of what is being rendered cannot be written: after a crash nobody knows");
        }
        suspects
    }

    fn entries(&self) -> MutexGuard<'_, BTreeMap<ObjectKey, Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is to be done with the templates of an object, as it is now.
    pub fn verdict(&self, object: &ObjectMeta) -> Verdict {
        let entries = self.entries();
        let entry = entries.get(&ObjectKey::of(object));
        match entry
            .filter(|entry| entry.is_about(object))
            .map(|entry| entry.mark)
        {
            Some(Mark::Suspect) => Verdict::LastAndAlone,
            Some(Mark::Guilty) => Verdict::Never,
            _ => Verdict::Render,
        }
    }

    /// Notes that rendering begins. It has ended when the answer is dropped.
    pub fn begin(&self, object: &ObjectMeta, alone: bool) -> Rendering<'_> {
        let key = ObjectKey::of(object);
        let mark = if alone {
            Mark::RunningAlone
        } else {
            Mark::Running
        };
        let entry = Entry {
            namespace: key.namespace.to_string(),
            name: key.name.to_string(),
            uid: object.uid.clone().unwrap_or_default(),
            generation: object.generation,
            mark,
        };
        let mut entries = self.entries();
        entries.insert(key.clone(), entry);
        // It was said at the start if this does not work.
        let _ = self.write(&entries);
        Rendering {
            suspects: self,
            key,
        }
    }

    /// Whole or not at all: the process may be killed at any moment.
    fn write(&self, entries: &BTreeMap<ObjectKey, Entry>) -> io::Result<()> {
        let Some(path) = &self.path else {
            return Ok(());
        };
        let text = serde_json::to_vec(&entries.values().collect::<Vec<_>>())?;
        let new = path.with_extension(format!("{}.new", std::process::id()));
        // Of a process that was killed here; or a link that somebody else put here.
        let _ = fs::remove_file(&new);
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&new)?;
        file.write_all(&text)?;
        fs::rename(&new, path)
    }
}

/// The entries of a file; `None` if there is none, or another one than ours.
fn read(path: &Path) -> Option<Vec<Entry>> {
    // A pipe would have us wait.
    if !fs::symlink_metadata(path).ok()?.is_file() {
        return None;
    }
    let mut text = Vec::new();
    let file = File::open(path).ok()?;
    file.take(LONGEST).read_to_end(&mut text).ok()?;
    serde_json::from_slice(&text).ok()
}

/// Templates of one object are being rendered.
pub struct Rendering<'s> {
    suspects: &'s Suspects,
    key: ObjectKey,
}

impl Drop for Rendering<'_> {
    fn drop(&mut self) {
        let mut entries = self.suspects.entries();
        entries.remove(&self.key);
        let _ = self.suspects.write(&entries);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(name: &str, generation: i64) -> ObjectMeta {
        ObjectMeta {
            namespace: Some("ns".to_owned()),
            name: Some(name.to_owned()),
            uid: Some(format!("uid of {name}")),
            generation: Some(generation),
            ..ObjectMeta::default()
        }
    }

    /// A process that is killed drops nothing.
    fn killed(rendering: Rendering<'_>) {
        std::mem::forget(rendering);
    }

    #[test]
    fn what_was_rendered_beside_others_when_a_process_was_killed_comes_last_and_alone() {
        let folder = tempfile::tempdir().unwrap();
        let first = Suspects::read(Some(folder.path()));
        drop(first.begin(&object("done", 1), false));
        killed(first.begin(&object("hog", 1), false));
        killed(first.begin(&object("beside", 1), false));
        let second = Suspects::read(Some(folder.path()));
        for (name, generation, verdict) in [
            ("hog", 1, Verdict::LastAndAlone),
            ("beside", 1, Verdict::LastAndAlone),
            ("done", 1, Verdict::Render),
            ("hog", 2, Verdict::Render),
        ] {
            assert_eq!(
                second.verdict(&object(name, generation)),
                verdict,
                "{name} {generation}"
            );
        }
        // Alone it does no harm, and is like any other.
        drop(second.begin(&object("beside", 1), true));
        assert_eq!(second.verdict(&object("beside", 1)), Verdict::Render);
        killed(second.begin(&object("hog", 1), true));
        let third = Suspects::read(Some(folder.path()));
        assert_eq!(third.verdict(&object("hog", 1)), Verdict::Never);
        assert_eq!(third.verdict(&object("beside", 1)), Verdict::Render);
        // That does not wear off, until it is changed or made anew.
        let fourth = Suspects::read(Some(folder.path()));
        assert_eq!(fourth.verdict(&object("hog", 1)), Verdict::Never);
        assert_eq!(fourth.verdict(&object("hog", 2)), Verdict::Render);
        let mut anew = object("hog", 1);
        anew.uid = Some("another".to_owned());
        assert_eq!(fourth.verdict(&anew), Verdict::Render);
    }

    #[test]
    fn without_a_folder_that_can_be_written_everything_is_rendered() {
        for folder in [None, Some(Path::new("/proc/none"))] {
            let suspects = Suspects::read(folder);
            killed(suspects.begin(&object("hog", 1), false));
            let next = Suspects::read(folder);
            assert_eq!(next.verdict(&object("hog", 1)), Verdict::Render);
        }
    }

    #[test]
    fn a_file_of_something_else_is_no_note_and_a_link_is_not_written_through() {
        let folder = tempfile::tempdir().unwrap();
        let (ours, other) = (folder.path().join(FILE), folder.path().join("other"));
        fs::write(&other, "[]").unwrap();
        let new = format!("{}.new", std::process::id());
        for place in [ours.clone(), ours.with_extension(new)] {
            std::os::unix::fs::symlink(&other, place).unwrap();
        }
        let suspects = Suspects::read(Some(folder.path()));
        killed(suspects.begin(&object("hog", 1), false));
        assert_eq!(fs::read_to_string(&other).unwrap(), "[]");
        fs::write(&ours, "{").unwrap();
        let next = Suspects::read(Some(folder.path()));
        assert_eq!(next.verdict(&object("hog", 1)), Verdict::Render);
    }
}
