//! What git takes for its own folder (docs/trust.md row 18): whoever writes there makes git run a command.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::Read as _;
use std::path::{Component, Path, PathBuf};

/// Longer than any path that a `.git` file or a `commondir` holds.
const MAX_POINTER_BYTES: u64 = 8 * 1024;

/// Whether a file of this folder, whose path has no links in it, would be one of git's own.
pub(crate) fn holds(folder: &Path, name: &OsStr) -> bool {
    let in_named = folder.components().any(|part| match part {
        Component::Normal(part) => is_git_name(part),
        _ => false,
    });
    in_named || is_git_name(name) || folder.ancestors().any(|above| is_gits(above, folder))
}

/// Whether git would take a file of that name for `.git`, on any file system: `is_hfs_dotgit` and `is_ntfs_dotgit` of git.
fn is_git_name(name: &OsStr) -> bool {
    // On Windows, names are cut there.
    let name = name.to_string_lossy();
    name.split('\\').any(|part| {
        let visible: String = part.chars().filter(|c| !is_ignored_by_hfs(*c)).collect();
        visible.eq_ignore_ascii_case(".git") || is_git_on_ntfs(part)
    })
}

fn is_git_on_ntfs(name: &str) -> bool {
    // What follows a colon is a stream of the file; spaces and dots at the end do not count.
    let name = name.split(':').next().unwrap_or_default();
    let name = name.trim_end_matches([' ', '.']);
    [".git", "git~1"]
        .iter()
        .any(|git| name.eq_ignore_ascii_case(git))
}

fn is_ignored_by_hfs(character: char) -> bool {
    matches!(
        character,
        '\u{200c}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{206a}'..='\u{206f}' | '\u{feff}'
    )
}

/// Whether `above` is git's own, or has a `.git` that leads to `folder` or a folder above it.
fn is_gits(above: &Path, folder: &Path) -> bool {
    let is_there = |name: &str| above.join(name).symlink_metadata().is_ok();
    if is_there("HEAD") && is_there("objects") && is_there("refs") {
        return true;
    }
    let git = above.join(".git");
    let own = match fs::metadata(&git) {
        Ok(found) if found.is_dir() => fs::canonicalize(&git).ok(),
        Ok(found) if found.is_file() => {
            pointer(&git).and_then(|text| resolved(above, text.strip_prefix("gitdir: ")?))
        }
        _ => None,
    };
    let Some(own) = own else {
        return false;
    };
    let common = pointer(&own.join("commondir")).and_then(|text| resolved(&own, &text));
    [Some(own), common]
        .iter()
        .flatten()
        .any(|git| folder.starts_with(git))
}

fn pointer(file: &Path) -> Option<String> {
    let file = File::open(file).ok()?;
    let mut text = String::new();
    file.take(MAX_POINTER_BYTES)
        .read_to_string(&mut text)
        .ok()?;
    Some(text)
}

fn resolved(from: &Path, pointer: &str) -> Option<PathBuf> {
    fs::canonicalize(from.join(pointer.trim_end_matches(['\r', '\n']))).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_that_git_guards_is_its_own() {
        let own = [
            ".git",
            ".GIT",
            ".giT",
            "git~1",
            "GIT~1",
            ".git ",
            ".git.",
            ".git . .",
            "git~1 .",
            ".git::$INDEX_ALLOCATION",
            "git~1:x",
            ".git\\hooks",
            "x\\.git",
            ".g\u{200c}it",
            "\u{feff}.git\u{206f}",
            ".\u{202e}GIT",
        ];
        for name in own {
            assert!(is_git_name(OsStr::new(name)), "{name:?}");
        }
        let other = [
            "git",
            "git~2",
            "git~10",
            ".github",
            ".gitignore",
            ".git-x",
            "..git",
            ".gi",
            "x.git",
            " .git",
            ".git\u{a0}",
            "",
        ];
        for name in other {
            assert!(!is_git_name(OsStr::new(name)), "{name:?}");
        }
    }

    #[test]
    fn the_folder_of_a_worktree_and_what_all_worktrees_share_are_its_own() {
        let place = tempfile::tempdir().expect("a folder");
        let place = fs::canonicalize(place.path()).expect("a path");
        let make = |folder: &str| fs::create_dir_all(place.join(folder)).expect("a folder");
        let write = |file: &str, text: &str| fs::write(place.join(file), text).expect("a file");
        make("shared/hooks");
        make("own/of-worktree");
        make("tree/sub");
        write("tree/.git", "gitdir: ../own/of-worktree\n");
        write("own/of-worktree/commondir", "../../shared\n");
        let holds = |folder: &str| holds(&place.join(folder), OsStr::new("x"));
        assert!(!holds("tree/sub"));
        // Only seen from a folder above them.
        write(".git", "gitdir: own/of-worktree\n");
        assert!(holds("own/of-worktree") && holds("shared/hooks"));
        assert!(!holds("tree/sub") && !holds("own"));
        make("bare/hooks");
        make("bare/refs");
        make("bare/objects");
        assert!(!holds("bare/hooks"));
        write("bare/HEAD", "ref: refs/heads/main\n");
        assert!(holds("bare") && holds("bare/hooks"));
    }
}
