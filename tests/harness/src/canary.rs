//! Searches sinks (logs, etcd files, answers) for a secret value in the forms in which it usually leaks.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};

/// Shorter values are found by chance.
const MIN_LENGTH: usize = 8;

/// A secret value and the forms to look for.
#[derive(Clone, Debug)]
pub struct Canary {
    forms: Vec<(&'static str, Vec<u8>)>,
}

/// One place where the value was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The file; empty for bytes in memory.
    pub path: PathBuf,
    /// How the value was written there.
    pub form: &'static str,
    /// Where in the file.
    pub offset: usize,
}

impl Canary {
    /// Prepares the search for `value`, which must have at least 8 bytes.
    pub fn new(value: &[u8]) -> anyhow::Result<Self> {
        ensure!(
            value.len() >= MIN_LENGTH,
            "a canary needs {MIN_LENGTH} bytes or more"
        );
        let mut forms = vec![
            ("raw", value.to_vec()),
            ("hex", hex(value, "", |byte| format!("{byte:02x}"))),
            ("HEX", hex(value, "", |byte| format!("{byte:02X}"))),
            ("decimal list", hex(value, ", ", |byte| byte.to_string())),
            ("decimal words", hex(value, " ", |byte| byte.to_string())),
            ("url", url(value, |byte| format!("%{byte:02X}"))),
            ("url, lower case", url(value, |byte| format!("%{byte:02x}"))),
            (
                "form",
                url(value, |byte| {
                    if byte == b' ' {
                        "+".to_owned()
                    } else {
                        format!("%{byte:02X}")
                    }
                }),
            ),
        ];
        for offset in 0..3 {
            forms.push(("base64", base64(value, offset, &STANDARD)));
            forms.push(("base64url", base64(value, offset, &URL_SAFE)));
        }
        if let Ok(text) = std::str::from_utf8(value) {
            let once = json(text);
            // A log line in JSON, say, that quotes an error which quotes the value.
            let twice = json(&once);
            forms.push(("json by Go", as_go(&once).into()));
            forms.push(("json twice by Go", as_go(&twice).into()));
            forms.push(("json", once.into()));
            forms.push(("json twice", twice.into()));
        }
        let mut distinct: Vec<(&'static str, Vec<u8>)> = Vec::new();
        for (name, form) in forms {
            if !distinct.iter().any(|(_, known)| *known == form) {
                distinct.push((name, form));
            }
        }
        Ok(Self { forms: distinct })
    }

    /// The first place of each form in `bytes`.
    pub fn scan_bytes(&self, bytes: &[u8]) -> Vec<Finding> {
        self.forms
            .iter()
            .filter_map(|(form, needle)| {
                let offset = memchr::memmem::find(bytes, needle)?;
                Some(Finding {
                    path: PathBuf::new(),
                    form,
                    offset,
                })
            })
            .collect()
    }

    /// Searches files, and folders with all below them. A path that does not exist is an error: it would hide a leak.
    pub fn scan_paths(&self, paths: &[&Path]) -> anyhow::Result<Scan> {
        let mut scan = Scan {
            findings: Vec::new(),
            bytes: 0,
        };
        for path in paths {
            self.scan_path(path, &mut scan)?;
        }
        Ok(scan)
    }

    fn scan_path(&self, path: &Path, scan: &mut Scan) -> anyhow::Result<()> {
        let kind = fs::symlink_metadata(path)
            .with_context(|| format!("look at {}", path.display()))?
            .file_type();
        if kind.is_dir() {
            for entry in fs::read_dir(path)? {
                self.scan_path(&entry?.path(), scan)?;
            }
        } else if kind.is_file() {
            let bytes = fs::read(path).with_context(|| format!("read {}", path.display()))?;
            scan.bytes += bytes.len();
            scan.findings
                .extend(self.scan_bytes(&bytes).into_iter().map(|finding| Finding {
                    path: path.to_owned(),
                    ..finding
                }));
        }
        Ok(())
    }
}

/// What a search saw.
#[derive(Debug)]
pub struct Scan {
    /// Every place where the value was found.
    pub findings: Vec<Finding>,
    /// How much was searched: shows that the sinks were not empty.
    pub bytes: usize,
}

/// The inside of a JSON string.
fn json(text: &str) -> String {
    let quoted = serde_json::Value::from(text).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}

/// Go, and with it the API server, writes these in JSON so that they mean nothing in HTML.
fn as_go(json: &str) -> String {
    let json = json.replace('<', "\\u003c");
    json.replace('>', "\\u003e").replace('&', "\\u0026")
}

fn hex(value: &[u8], separator: &str, digit: impl Fn(u8) -> String) -> Vec<u8> {
    value
        .iter()
        .map(|&byte| digit(byte))
        .collect::<Vec<_>>()
        .join(separator)
        .into_bytes()
}

fn url(value: &[u8], escape: impl Fn(u8) -> String) -> Vec<u8> {
    let unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let parts = value.iter().map(|&byte| {
        if unreserved(byte) {
            char::from(byte).to_string()
        } else {
            escape(byte)
        }
    });
    parts.collect::<String>().into_bytes()
}

/// The characters that `value` alone decides when it starts `offset` bytes into a group of three.
fn base64(value: &[u8], offset: usize, engine: &impl Engine) -> Vec<u8> {
    let padded = [&[0; 2][..offset], value].concat();
    let first = (offset * 8).div_ceil(6);
    let last = padded.len() * 8 / 6;
    engine.encode(&padded).as_bytes()[first..last].to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    // Bytes that differ between standard and url-safe base64, need escapes in JSON and in URLs.
    const VALUE: &[u8] = b"ca?>nary \"\xc3\xbf\xc3\xbf\" 7f3a";

    fn found(text: impl AsRef<[u8]>) -> bool {
        !Canary::new(VALUE)
            .unwrap()
            .scan_bytes(text.as_ref())
            .is_empty()
    }

    #[test]
    fn a_planted_copy_is_found_in_every_form() {
        let text = std::str::from_utf8(VALUE).unwrap();
        assert!(found([b"log: ", VALUE, b"\n"].concat()), "raw");
        assert!(found(hex(VALUE, "", |byte| format!("{byte:02x}"))), "hex");
        assert!(
            found(hex(VALUE, "", |byte| format!("{byte:02X}"))),
            "upper-case hex"
        );
        assert!(found(format!("{VALUE:?}")), "debug print of bytes");
        assert!(found(serde_json::json!({ "v": text }).to_string()), "JSON");
        assert!(found("k=ca%3F%3Enary%20%22%C3%BF%C3%BF%22%207f3a"), "url");
        assert!(
            found("k=ca%3f%3enary%20%22%c3%bf%c3%bf%22%207f3a"),
            "lower-case url"
        );
        assert!(found("k=ca%3F%3Enary+%22%C3%BF%C3%BF%22+7f3a"), "form");
    }

    #[test]
    fn a_copy_is_found_inside_longer_base64_at_every_alignment() {
        for before in 0..6 {
            for after in 0..3 {
                let longer = [&b"beforebefore"[..before], VALUE, &b"after"[..after]].concat();
                assert!(
                    found(STANDARD.encode(&longer)),
                    "standard, {before} before, {after} after"
                );
                assert!(
                    found(URL_SAFE.encode(&longer)),
                    "url-safe, {before} before, {after} after"
                );
            }
        }
    }

    #[test]
    fn text_without_the_value_is_not_found() {
        assert!(!found("an ordinary log line about a canary"));
        assert!(!found(
            STANDARD.encode("an ordinary log line about a canary")
        ));
        assert!(!found(&VALUE[..VALUE.len() - 1]));
    }

    #[test]
    fn a_folder_is_searched_with_all_below_it() {
        let dir = tempfile::tempdir().unwrap();
        let nested = dir.path().join("a/b");
        fs::create_dir_all(&nested).unwrap();
        fs::write(nested.join("clean"), "nothing here").unwrap();
        fs::write(nested.join("leak"), STANDARD.encode(VALUE)).unwrap();
        let scan = Canary::new(VALUE)
            .unwrap()
            .scan_paths(&[dir.path()])
            .unwrap();
        let paths: Vec<_> = scan
            .findings
            .iter()
            .map(|finding| finding.path.clone())
            .collect();
        assert_eq!(paths, [nested.join("leak")]);
        assert!(scan.bytes > 12);
    }

    #[test]
    fn a_missing_path_is_an_error() {
        assert!(
            Canary::new(VALUE)
                .unwrap()
                .scan_paths(&[Path::new("/nonexistent")])
                .is_err()
        );
    }

    #[test]
    fn a_short_value_is_refused() {
        assert!(Canary::new(b"short").is_err());
    }
}
