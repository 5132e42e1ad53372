//! Tar archives that depend on their content alone: sorted by the caller, owned by root, one time stamp, no names of users.

use std::io::Write as _;

use flate2::{Compression, GzBuilder};
use tar::{Builder, EntryType, Header};

/// One entry of an archive.
pub(crate) enum Entry {
    /// A folder.
    Folder {
        /// Path without a leading or trailing slash.
        path: String,
        /// Permission bits.
        mode: u32,
    },
    /// A file.
    File {
        /// Path without a leading slash.
        path: String,
        /// Permission bits.
        mode: u32,
        /// What it holds.
        content: Vec<u8>,
    },
    /// A second name of a file that comes before it.
    Link {
        /// Path without a leading slash.
        path: String,
        /// Path of the file.
        target: String,
    },
}

/// The archive, not compressed. `epoch` is the time of every entry, in seconds since 1970.
///
/// # Errors
/// A path does not fit into an entry.
pub(crate) fn tar(entries: &[Entry], epoch: u64) -> anyhow::Result<Vec<u8>> {
    let mut builder = Builder::new(Vec::new());
    for entry in entries {
        let mut header = Header::new_ustar();
        header.set_mtime(epoch);
        header.set_uid(0);
        header.set_gid(0);
        match entry {
            Entry::Folder { path, mode } => {
                header.set_entry_type(EntryType::Directory);
                header.set_mode(*mode);
                header.set_size(0);
                builder.append_data(&mut header, format!("{path}/"), [].as_slice())?;
            }
            Entry::File {
                path,
                mode,
                content,
            } => {
                header.set_entry_type(EntryType::Regular);
                header.set_mode(*mode);
                header.set_size(content.len() as u64);
                builder.append_data(&mut header, path, content.as_slice())?;
            }
            Entry::Link { path, target } => {
                header.set_entry_type(EntryType::Link);
                header.set_mode(0o755);
                header.set_size(0);
                builder.append_link(&mut header, path, target)?;
            }
        }
    }
    Ok(builder.into_inner()?)
}

/// Compressed, without a time or name in the header.
///
/// # Errors
/// None while memory lasts.
pub(crate) fn gzip(content: &[u8]) -> anyhow::Result<Vec<u8>> {
    let mut encoder = GzBuilder::new()
        .mtime(0)
        .write(Vec::new(), Compression::best());
    encoder.write_all(content)?;
    Ok(encoder.finish()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries(content: &[u8]) -> [Entry; 3] {
        [
            Entry::Folder {
                path: "tmp".into(),
                mode: 0o1777,
            },
            Entry::File {
                path: "bin/one".into(),
                mode: 0o755,
                content: content.to_vec(),
            },
            Entry::Link {
                path: "bin/two".into(),
                target: "bin/one".into(),
            },
        ]
    }

    #[test]
    fn an_archive_depends_on_its_content_alone() {
        let packed = |content: &[u8], epoch| gzip(&tar(&entries(content), epoch).unwrap()).unwrap();
        assert_eq!(packed(b"a", 1), packed(b"a", 1));
        assert_ne!(packed(b"a", 1), packed(b"b", 1));
        assert_ne!(packed(b"a", 1), packed(b"a", 2));
    }

    #[test]
    fn an_archive_reads_back_as_written() {
        let bytes = tar(&entries(b"hello"), 7).unwrap();
        let mut archive = ::tar::Archive::new(bytes.as_slice());
        let seen: Vec<_> = archive
            .entries()
            .unwrap()
            .map(|entry| {
                let entry = entry.unwrap();
                let header = entry.header();
                (
                    entry.path().unwrap().display().to_string(),
                    header.entry_type(),
                    header.mode().unwrap(),
                    header.mtime().unwrap(),
                )
            })
            .collect();
        let wanted = [
            ("tmp/".to_owned(), EntryType::Directory, 0o1777, 7),
            ("bin/one".to_owned(), EntryType::Regular, 0o755, 7),
            ("bin/two".to_owned(), EntryType::Link, 0o755, 7),
        ];
        assert_eq!(seen, wanted);
    }
}
