//! Keys of controllers that this user has seen before (docs/trust.md row 13).
//!
//! Somebody between a command line and the certificate could put another certificate in its place. A key that is new for a
//! controller that was asked before is announced, once. Renewal makes new keys as well, so it is no error: whoever wants
//! certainty pins keys.
//!
//! `~/.config/signet/known-keys` has one line for each key: API server, Service, SHA-256 of the SubjectPublicKeyInfo, day. Whatever
//! goes wrong with that file is no reason to fail.

use std::ffi::OsStr;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use sha2::{Digest as _, Sha256};
use signet_common::{Certificate, Printable};

use crate::atomic_file::{self, Privacy};
use crate::certificate::day;
use crate::folder::{Folder, IfThere};
use crate::session::{Program, Session};

/// `off` switches all of this off.
const VARIABLE: &str = "SIGNET_KNOWN_KEYS";
const FILE: &str = "known-keys";
const HEAD: &str = "# Keys of controllers that signet and kubeseal have seen. A line can be deleted at any time.\n";
/// A file that is larger is somebody else's.
const MAX_BYTES: u64 = 1024 * 1024;
/// The oldest lines go when there are more.
const MAX_LINES: usize = 1000;
/// For other runs that write the file.
const PATIENCE: Duration = Duration::from_secs(1);

/// A controller as the file names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ControllerName {
    /// Address of the API server, without a user.
    pub server: String,
    /// Namespace and name of the Service.
    pub service: String,
}

/// Announces a key that is new for a known controller, and remembers it.
pub fn check(session: &mut Session<'_>, controller: &ControllerName, certificate: &Certificate) {
    let fingerprint = Sha256::digest(certificate.key().spki_der());
    let hex: String = fingerprint
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let today = day(session.now);
    let Some(folder) = folder(session) else {
        return;
    };
    // A file that cannot be read is not written either.
    let Ok(before) = read(&folder) else { return };
    let keys = keys_of(&before, controller);
    if keys.iter().any(|(key, _)| *key == hex) {
        return;
    }
    if let Some((last, since)) = keys.last() {
        if !session.shows_warnings() {
            // Not remembered either: the next run that may speak announces it.
            return;
        }
        announce(session, controller, &hex, (last, since));
    }
    let _lock = folder.lock(PATIENCE);
    let Ok(now) = read(&folder) else { return };
    // Another run may have remembered it meanwhile.
    if keys_of(&now, controller).iter().any(|(key, _)| *key == hex) {
        return;
    }
    let text = with_line(&now, controller, &hex, &today);
    let (name, replace) = (OsStr::new(FILE), IfThere::Replace);
    // The next run tries again.
    let _ = atomic_file::write(&folder, name, text.as_bytes(), Privacy::Personal, replace);
}

fn announce(
    session: &mut Session<'_>,
    controller: &ControllerName,
    key: &str,
    (last, since): (&str, &str),
) {
    let what = format!(
        "{} at {} has the new key {}; the last one seen here was {}, since {}",
        Printable(&controller.service),
        Printable(&controller.server),
        short(key),
        Printable(short(last)),
        Printable(since)
    );
    const WHY: &str =
        "controllers renew their key, every 30 days by default, and this is said once for each key";
    match session.program {
        Program::Kubeseal => session.warn(&format!("{what} ({WHY})")),
        Program::Signet => {
            session.warn(&what);
            session.notice(&format!(
                "hint: {WHY}; if this one was not renewed, compare the key with its operator's, and pin it with --pin sha256:{key}"
            ));
        }
    }
}

/// The key id: what people see elsewhere.
fn short(key: &str) -> &str {
    key.get(..16).unwrap_or(key)
}

/// Fingerprint and day of each key of a controller, in the order of the file. Lines that make no sense are passed over.
pub fn keys_of<'t>(text: &'t str, controller: &ControllerName) -> Vec<(&'t str, &'t str)> {
    text.lines()
        .filter_map(|line| {
            let words: Vec<&str> = line.split_whitespace().collect();
            let [server, service, key, day] = words.as_slice() else {
                return None;
            };
            let key = key.strip_prefix("sha256:")?;
            (*server == controller.server && *service == controller.service).then_some((key, *day))
        })
        .collect()
}

/// The text of the file with one more line, and without the oldest ones if there are too many.
pub fn with_line(text: &str, controller: &ControllerName, key: &str, day: &str) -> String {
    let ControllerName { server, service } = controller;
    let new = format!("{server} {service} sha256:{key} {day}");
    let lines: Vec<&str> = text
        .lines()
        .filter(|line| !line.starts_with('#') && !line.trim().is_empty())
        .chain([new.as_str()])
        .collect();
    let kept = &lines[lines.len().saturating_sub(MAX_LINES)..];
    format!("{HEAD}{}\n", kept.join("\n"))
}

fn read(folder: &Folder) -> io::Result<String> {
    let mut text = String::new();
    match folder.open_file(OsStr::new(FILE)) {
        Ok(file) => file.take(MAX_BYTES + 1).read_to_string(&mut text)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
        Err(error) => return Err(error),
    };
    if text.len() as u64 > MAX_BYTES {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    Ok(text)
}

/// The user's folder for this, made if only its last two parts are missing. Nobody without a home gets one.
fn folder(session: &Session<'_>) -> Option<Folder> {
    if (session.variable)(VARIABLE).as_deref() == Some("off") {
        return None;
    }
    let absolute = |variable| {
        (session.variable)(variable)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    let base = absolute("XDG_CONFIG_HOME").or_else(|| Some(absolute("HOME")?.join(".config")))?;
    let folder = base.join("signet");
    for path in [&base, &folder] {
        make(path);
    }
    Folder::open(&folder).ok()
}

fn make(path: &Path) {
    let mut builder = std::fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    // It mostly exists; if it cannot be made, opening it fails.
    let _ = builder.create(path);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn controller(server: &str) -> ControllerName {
        ControllerName {
            server: server.to_owned(),
            service: "ns/name".to_owned(),
        }
    }

    #[test]
    fn keys_are_kept_for_each_controller_and_nonsense_is_passed_over() {
        let (a, b) = (controller("https://a"), controller("https://b"));
        let text = with_line("", &a, "11", "2026-01-01");
        let text = with_line(&text, &b, "22", "2026-01-02");
        let text = with_line(
            &format!("{text}\nnonsense\nhttps://a ns/name md5:0 x\n"),
            &a,
            "33",
            "2026-01-03",
        );
        assert_eq!(
            keys_of(&text, &a),
            [("11", "2026-01-01"), ("33", "2026-01-03")]
        );
        assert_eq!(keys_of(&text, &b), [("22", "2026-01-02")]);
        assert_eq!(text.matches(HEAD).count(), 1);
    }

    #[test]
    fn the_oldest_lines_go_first() {
        let a = controller("https://a");
        let text = (0..MAX_LINES + 5).fold(String::new(), |text, number| {
            with_line(&text, &a, &format!("{number}"), "d")
        });
        let keys = keys_of(&text, &a);
        assert_eq!((keys.len(), keys[0].0), (MAX_LINES, "5"));
    }
}
