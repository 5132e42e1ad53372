//! Running the programs in a folder of their own, with an environment of their own.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// A value that must never be seen in clear.
pub(crate) const CANARY: &str = "canary-4711-hunter2";

/// Makes the file system `mnt` read-only, in a user namespace as well: with its source in the words, `mount` does not add the
/// options that the kernel shows, among them the owner as a number that is not mapped there.
pub(crate) const READ_ONLY: &str = "mount -o remount,ro -t tmpfs tmpfs mnt";

/// A folder for one test, removed afterwards.
pub(crate) struct Place {
    folder: tempfile::TempDir,
}

/// What a program did.
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// The program under test.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Program {
    Signet,
    Kubeseal,
}

impl Program {
    pub(crate) const BOTH: [Self; 2] = [Self::Signet, Self::Kubeseal];

    pub(crate) fn path(self) -> &'static str {
        match self {
            Self::Signet => env!("CARGO_BIN_EXE_signet"),
            Self::Kubeseal => env!("CARGO_BIN_EXE_kubeseal"),
        }
    }

    /// The arguments that seal with the test certificate.
    pub(crate) fn sealing(self) -> Vec<String> {
        let certificate = key("seal.crt");
        match self {
            Self::Signet => words(&["seal", "--cert", &certificate]),
            Self::Kubeseal => words(&["--cert", &certificate]),
        }
    }

    /// The exit code for "could not do it".
    pub(crate) fn trouble(self) -> Option<i32> {
        match self {
            Self::Signet => Some(2),
            Self::Kubeseal => Some(1),
        }
    }
}

pub(crate) fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

/// Path of a file in `tests/keys`.
pub(crate) fn key(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/keys")
        .join(name);
    path.to_string_lossy().into_owned()
}

impl Place {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        Self { folder }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        std::fs::write(self.path(name), content).expect("a file can be written");
        self.path(name).to_string_lossy().into_owned()
    }

    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).expect("a file can be read")
    }

    /// Names of everything in the folder.
    pub(crate) fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.folder.path()).expect("a folder can be read");
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

    pub(crate) fn run(&self, program: Program, arguments: &[String], stdin: &[u8]) -> Ran {
        self.run_with(program, arguments, stdin, &BTreeMap::new())
    }

    pub(crate) fn run_with(
        &self,
        program: Program,
        arguments: &[String],
        stdin: &[u8],
        variables: &BTreeMap<&str, String>,
    ) -> Ran {
        let mut command = Command::new(program.path());
        command.args(arguments).env_clear().envs(variables);
        self.finish(command, stdin)
    }

    /// Runs a prepared command in this folder. Of the environment of whoever runs the tests it gets `PATH` only.
    pub(crate) fn finish(&self, mut command: Command, stdin: &[u8]) -> Ran {
        let named: BTreeSet<OsString> = command.get_envs().map(|(name, _)| name.into()).collect();
        for (name, _) in std::env::vars_os() {
            if name != "PATH" && !named.contains(&name) {
                command.env_remove(name);
            }
        }
        let mut child = command
            .env("HOME", self.folder.path())
            .current_dir(self.folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let mut pipe = child.stdin.take().expect("a pipe");
        let input = stdin.to_vec();
        let writer = std::thread::spawn(move || {
            // A program that does not read its input closes the pipe.
            let _ = pipe.write_all(&input);
        });
        let output = child.wait_with_output().expect("the program ends");
        writer.join().expect("the writer ends");
        Ran {
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

impl Ran {
    /// Everything the program said, for messages.
    pub(crate) fn said(&self) -> String {
        format!("exit {:?}\n{}{}", self.code, self.stdout, self.stderr)
    }

    #[track_caller]
    pub(crate) fn assert_done(&self) -> &Self {
        assert_eq!(self.code, Some(0), "{}", self.said());
        self
    }

    #[track_caller]
    pub(crate) fn assert_says(&self, text: &str) -> &Self {
        assert!(
            self.stderr.contains(text),
            "no {text:?} in\n{}",
            self.said()
        );
        self
    }

    /// The canary in none of the forms that a careless program would print it in.
    #[track_caller]
    pub(crate) fn assert_no_canary(&self) -> &Self {
        assert_hidden(&self.stdout);
        assert_hidden(&self.stderr);
        self
    }
}

#[track_caller]
pub(crate) fn assert_hidden(text: &str) {
    let hex: String = CANARY.bytes().map(|byte| format!("{byte:02x}")).collect();
    for form in [CANARY.to_owned(), STANDARD.encode(CANARY), hex] {
        assert!(
            !text.contains(&form),
            "the canary shows as {form} in\n{text}"
        );
    }
}

/// A Secret with the canary in it.
pub(crate) fn secret() -> String {
    format!(
        "apiVersion: v1\nkind: Secret\nmetadata: {{name: db, namespace: pay}}\nstringData: {{password: {CANARY}}}\n"
    )
}

/// The value of an item of a Secret in JSON.
pub(crate) fn item(secret_json: &str, name: &str) -> Vec<u8> {
    let secret: serde_json::Value = serde_json::from_str(secret_json).expect("JSON");
    let text = secret["data"][name]
        .as_str()
        .unwrap_or_else(|| panic!("no {name} in {secret}"));
    STANDARD.decode(text).expect("base64")
}

/// Opens a SealedSecret with the test key, as JSON.
#[track_caller]
pub(crate) fn unseal(place: &Place, sealed: &str) -> String {
    let arguments = words(&["unseal", "-k", &key("seal.key"), "-o", "json"]);
    let ran = place.run(Program::Signet, &arguments, sealed.as_bytes());
    ran.assert_done();
    ran.stdout
}

/// Seals `input` over an existing file with both programs: refused with `expected`, nothing lost.
#[track_caller]
pub(crate) fn check_refused(input: &[u8], extra: &[&str], expected: &str) {
    for program in Program::BOTH {
        let place = Place::new();
        place.write("old.yaml", "old");
        let mut arguments = program.sealing();
        arguments.extend(words(extra));
        let to_stdout = place.run(program, &arguments, input);
        assert_refusal(program, &to_stdout, expected);
        arguments.extend(words(&["-w", "old.yaml"]));
        let to_file = place.run(program, &arguments, input);
        assert_refusal(program, &to_file, expected);
        assert_eq!(place.read("old.yaml"), "old");
        assert_eq!(place.names(), ["old.yaml"]);
    }
}

#[track_caller]
pub(crate) fn assert_refusal(program: Program, ran: &Ran, expected: &str) {
    assert_eq!(ran.code, program.trouble(), "{program:?}: {}", ran.said());
    assert_eq!(ran.stdout, "", "{program:?}");
    ran.assert_says(expected).assert_no_canary();
    let prefix = match program {
        Program::Signet => "signet: error: ",
        Program::Kubeseal => "error: ",
    };
    assert!(
        ran.stderr.lines().any(|line| line.starts_with(prefix)),
        "{}",
        ran.said()
    );
}
