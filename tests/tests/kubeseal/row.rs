//! One row of the table: what both programs are given, and in what they may differ.

/// Where stdin comes from.
#[derive(Clone, Debug)]
pub(crate) enum Stdin {
    /// A pipe that holds these bytes.
    Bytes(Vec<u8>),
    /// `/dev/null`.
    Null,
    /// A terminal at which somebody types these bytes; stdout and stderr are files.
    Typed(Vec<u8>),
    /// A terminal for all three streams; stderr is shown with stdout.
    Terminal,
}

/// A file that is there before the run.
#[derive(Clone, Debug)]
pub(crate) struct Given {
    pub(crate) name: &'static str,
    pub(crate) content: Content,
    pub(crate) mode: u32,
}

/// What is there under a name.
#[derive(Clone, Debug)]
pub(crate) enum Content {
    Bytes(Vec<u8>),
    Folder,
    Link(&'static str),
}

/// A documented difference: with `theirs` replaced by `ours`, what upstream did is what Signet did.
#[derive(Clone, Debug)]
pub(crate) struct Claim {
    pub(crate) id: &'static str,
    pub(crate) theirs: &'static str,
    pub(crate) ours: &'static str,
    /// Only that upstream's outcome holds `theirs` and Signet's holds `ours` is checked.
    pub(crate) wholly: bool,
}

/// One row.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) arguments: Vec<String>,
    pub(crate) stdin: Stdin,
    pub(crate) variables: Vec<(String, String)>,
    pub(crate) files: Vec<Given>,
    /// What upstream's outcome must hold, so that two programs that fail for a reason of the test's do not pass.
    pub(crate) gives: Vec<String>,
    pub(crate) claims: Vec<Claim>,
    /// Labels to try when ciphertexts are opened, besides those that names in the output suggest.
    pub(crate) labels: Vec<String>,
    /// Upstream does not end, and is killed.
    pub(crate) endless: bool,
    /// `umask` of both programs.
    pub(crate) umask: &'static str,
}

/// A row with exactly these arguments. `{k}` is the folder of keys; see `world.rs` for more.
pub(crate) fn row(name: &str, arguments: &[&str]) -> Row {
    Row {
        name: name.to_owned(),
        arguments: arguments.iter().map(|text| (*text).to_owned()).collect(),
        stdin: Stdin::Null,
        variables: Vec::new(),
        files: Vec::new(),
        gives: Vec::new(),
        claims: Vec::new(),
        labels: Vec::new(),
        endless: false,
        umask: "022",
    }
}

/// A row that seals [`SECRET`] with the test certificate.
pub(crate) fn seal(name: &str, arguments: &[&str]) -> Row {
    row(name, &[&["--cert", "{k}/seal.crt"], arguments].concat()).stdin(SECRET)
}

/// A Secret that says everything about itself.
pub(crate) const SECRET: &str = "apiVersion: v1
kind: Secret
metadata:
  name: db
  namespace: team
  labels: {app: db, tier: <back> & end}
  annotations: {note: two words}
type: Opaque
data:
  password: aHVudGVyMi1sb25n
stringData:
  user: alice-of-wonderland
";

impl Row {
    pub(crate) fn stdin(mut self, bytes: impl AsRef<[u8]>) -> Self {
        self.stdin = Stdin::Bytes(bytes.as_ref().to_vec());
        self
    }

    pub(crate) fn typed(mut self, bytes: impl AsRef<[u8]>) -> Self {
        self.stdin = Stdin::Typed(bytes.as_ref().to_vec());
        self
    }

    pub(crate) fn terminal(mut self) -> Self {
        self.stdin = Stdin::Terminal;
        self
    }

    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn file(self, name: &'static str, content: impl AsRef<[u8]>) -> Self {
        self.file_with_mode(name, content, 0o644)
    }

    pub(crate) fn file_with_mode(
        mut self,
        name: &'static str,
        content: impl AsRef<[u8]>,
        mode: u32,
    ) -> Self {
        self.files.push(Given {
            name,
            content: Content::Bytes(content.as_ref().to_vec()),
            mode,
        });
        self
    }

    pub(crate) fn folder(mut self, name: &'static str) -> Self {
        self.files.push(Given {
            name,
            content: Content::Folder,
            mode: 0o755,
        });
        self
    }

    pub(crate) fn link(mut self, name: &'static str, target: &'static str) -> Self {
        self.files.push(Given {
            name,
            content: Content::Link(target),
            mode: 0o777,
        });
        self
    }

    /// Upstream's outcome holds this.
    pub(crate) fn gives(mut self, text: &str) -> Self {
        self.gives.push(text.to_owned());
        self
    }

    /// Both outcomes are the same once `theirs` is replaced by `ours`.
    pub(crate) fn differs(
        self,
        id: &'static str,
        theirs: &'static str,
        ours: &'static str,
    ) -> Self {
        self.claim(Claim {
            id,
            theirs,
            ours,
            wholly: false,
        })
    }

    /// The outcomes have little in common: upstream's holds `theirs`, and Signet's holds `ours`.
    pub(crate) fn differs_wholly(
        self,
        id: &'static str,
        theirs: &'static str,
        ours: &'static str,
    ) -> Self {
        self.claim(Claim {
            id,
            theirs,
            ours,
            wholly: true,
        })
    }

    fn claim(mut self, claim: Claim) -> Self {
        self.claims.push(claim);
        self
    }

    /// The same row under another name.
    pub(crate) fn named(mut self, name: &str) -> Self {
        name.clone_into(&mut self.name);
        self
    }

    pub(crate) fn label(mut self, label: &str) -> Self {
        self.labels.push(label.to_owned());
        self
    }

    pub(crate) fn endless(mut self) -> Self {
        self.endless = true;
        self
    }

    pub(crate) fn umask(mut self, umask: &'static str) -> Self {
        self.umask = umask;
        self
    }
}
