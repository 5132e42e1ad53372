//! What the author of a repository plants in it, for somebody else to write to (docs/trust.md row 18).

use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::process::Command;

use crate::support::{Place, Program, Ran, item, secret, unseal, words};

/// A value that a shell would run where the manifest is taken for a script.
const COMMAND: &str = "annotations: {note: \"see $(touch ../pwned) and wiki\"}, name: db";

/// Every way of writing to `file`.
fn ways(file: &str) -> [(Program, Vec<String>); 3] {
    let with = |program: Program, flag: &str| [program.sealing(), words(&[flag, file])].concat();
    [
        (Program::Signet, with(Program::Signet, "-w")),
        (Program::Kubeseal, with(Program::Kubeseal, "-w")),
        (Program::Kubeseal, with(Program::Kubeseal, "--merge-into")),
    ]
}

fn write_to(place: &Place, file: &str) -> Vec<Ran> {
    let input = secret().replace("name: db", COMMAND);
    ways(file)
        .into_iter()
        .map(|(program, arguments)| place.run(program, &arguments, input.as_bytes()))
        .collect()
}

fn git(place: &Place, arguments: &[&str]) -> Ran {
    let mut command = Command::new("git");
    command
        .args(["-C", "repo"])
        .args(["-c", "user.name=dev", "-c", "user.email=dev@example.com"])
        .args(arguments)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("GIT_CONFIG_NOSYSTEM", "1");
    place.finish(command, b"")
}

fn repository() -> Place {
    let place = Place::new();
    std::fs::create_dir_all(place.path("repo/deploy")).expect("a folder");
    git(&place, &["init", "--quiet"]).assert_done();
    place
}

fn write_executable(place: &Place, file: &str, text: &str) {
    let path = place.path(file);
    std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
    place.write(file, text);
    set_mode(&path, 0o755);
}

fn set_mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("chmod");
}

fn mode(path: &Path) -> u32 {
    let metadata = std::fs::symlink_metadata(path).expect("metadata");
    metadata.permissions().mode() & 0o7777
}

fn sealed(place: &Place) -> String {
    let ran = place.run(
        Program::Signet,
        &Program::Signet.sealing(),
        secret().as_bytes(),
    );
    ran.assert_done();
    ran.stdout
}

const HOOK: &str = "#!/bin/sh\nexit 0\n";

#[test]
fn a_commit_runs_no_command_that_a_link_into_git_hooks_brought() {
    for way in 0..3 {
        let place = repository();
        write_executable(&place, "repo/.git/hooks/pre-commit", HOOK);
        let link = "repo/deploy/sealed.yaml";
        symlink("../.git/hooks/pre-commit", place.path(link)).expect("a link");
        let (program, arguments) = ways(link)[way].clone();
        let input = secret().replace("name: db", COMMAND);
        place.run(program, &arguments, input.as_bytes());
        place.write("repo/file", "x");
        git(&place, &["add", "file"]).assert_done();
        let commit = git(&place, &["commit", "--quiet", "-m", "x"]);
        assert!(
            !place.path("pwned").exists(),
            "{arguments:?}: the command ran"
        );
        commit.assert_done();
        assert_eq!(place.read("repo/.git/hooks/pre-commit"), HOOK);
    }
}

#[test]
fn a_file_that_a_planted_link_leads_to_stays_as_it_is() {
    let targets = [
        ".husky/pre-commit",
        ".envrc",
        "Makefile",
        ".git/config",
        ".git/hooks/post-checkout",
    ];
    for target in targets {
        let place = repository();
        let file = format!("repo/{target}");
        write_executable(&place, &file, HOOK);
        let link = "repo/deploy/sealed.yaml";
        for (program, arguments) in ways(link) {
            drop(std::fs::remove_file(place.path(link)));
            symlink(format!("../{target}"), place.path(link)).expect("a link");
            let ran = place.run(program, &arguments, secret().as_bytes());
            assert_eq!(place.read(&file), HOOK, "{arguments:?}: {}", ran.said());
            assert_eq!(mode(&place.path(&file)), 0o755);
            if arguments.contains(&"-w".to_owned()) {
                ran.assert_done();
                assert_eq!(mode(&place.path(link)) & 0o111, 0);
                let opened = unseal(&place, &place.read(link));
                assert_eq!(item(&opened, "password"), b"canary-4711-hunter2");
            } else {
                assert_eq!(ran.code, Some(1), "{}", ran.said());
                ran.assert_says("error: open repo/deploy/sealed.yaml: ");
                assert!(place.path(link).is_symlink());
            }
        }
    }
}

#[test]
fn a_link_to_something_without_a_kind_is_not_merged_into() {
    let place = repository();
    let text = "spec: {encryptedData: {}}\nmetadata: {name: db, namespace: pay}\n";
    place.write("repo/tool.yaml", text);
    symlink("../tool.yaml", place.path("repo/deploy/sealed.yaml")).expect("a link");
    let [_, _, (program, arguments)] = ways("repo/deploy/sealed.yaml");
    let ran = place.run(program, &arguments, secret().as_bytes());
    assert_eq!(ran.code, Some(1), "{}", ran.said());
    ran.assert_says("a symbolic link leads to a file that is no SealedSecret");
    assert_eq!(place.read("repo/tool.yaml"), text);
    // Named itself, it is taken as upstream takes it.
    let [_, _, (program, arguments)] = ways("repo/tool.yaml");
    place
        .run(program, &arguments, secret().as_bytes())
        .assert_done();
}

#[test]
fn nothing_is_written_below_what_git_takes_for_its_folder() {
    let spellings = [
        ".git",
        ".GIT",
        ".Git",
        "git~1",
        "GIT~1",
        ".git ",
        ".git.",
        ".git . .",
        ".git::$INDEX_ALLOCATION",
        ".gi\u{200c}t",
        "\u{feff}.git",
        ".g\u{206f}it\u{200d}",
    ];
    for spelling in spellings {
        let place = Place::new();
        let text = sealed(&place);
        let hooks = format!("repo/{spelling}/hooks");
        std::fs::create_dir_all(place.path(&hooks)).expect("a folder");
        place.write(&format!("{hooks}/old"), &text);
        symlink(format!("{spelling}/hooks"), place.path("repo/deploy")).expect("a link");
        for folder in [&*hooks, "repo/deploy"] {
            for name in ["old", "new"] {
                for ran in write_to(&place, &format!("{folder}/{name}")) {
                    assert_ne!(ran.code, Some(0), "{folder}/{name}: {}", ran.said());
                }
            }
        }
        assert_eq!(place.read(&format!("{hooks}/old")), text, "{spelling}");
        assert!(!place.path(&format!("{hooks}/new")).exists(), "{spelling}");
        // Nor in its place.
        for ran in write_to(&place, &format!("repo/deploy/../../{spelling}")) {
            assert_ne!(ran.code, Some(0), "{spelling}: {}", ran.said());
        }
    }
}

#[test]
fn nothing_is_written_below_the_folder_that_a_git_file_names() {
    let place = Place::new();
    let text = sealed(&place);
    std::fs::create_dir_all(place.path("repo/deploy")).expect("a folder");
    git(&place, &["init", "--quiet", "--separate-git-dir", "store"]).assert_done();
    assert!(place.path("repo/.git").is_file() && place.path("repo/store/hooks").is_dir());
    place.write("repo/store/hooks/old", &text);
    symlink("../store/hooks", place.path("repo/deploy/hooks")).expect("a link");
    for folder in ["repo/store/hooks", "repo/deploy/hooks"] {
        for name in ["old", "new"] {
            for ran in write_to(&place, &format!("{folder}/{name}")) {
                assert_ne!(ran.code, Some(0), "{}", ran.said());
            }
        }
    }
    assert_eq!(place.read("repo/store/hooks/old"), text);
    assert!(!place.path("repo/store/hooks/new").exists());
    // One that is only named, and does not look like git's own yet.
    place.write("repo/.git", "gitdir: ./other\n");
    std::fs::create_dir_all(place.path("repo/other/hooks")).expect("a folder");
    for ran in write_to(&place, "repo/other/hooks/new") {
        assert_ne!(ran.code, Some(0), "{}", ran.said());
    }
    assert!(!place.path("repo/other/hooks/new").exists());
    // Names that only resemble it are nothing special.
    for folder in [".github", ".gitops", "git~10", "git", ".git-secrets"] {
        std::fs::create_dir_all(place.path(folder)).expect("a folder");
        let [(program, arguments), ..] = ways(&format!("{folder}/x.yaml"));
        place
            .run(program, &arguments, secret().as_bytes())
            .assert_done();
    }
}

#[test]
fn only_a_sealed_secret_keeps_its_executable_bits() {
    for (program, arguments) in ways("t.yaml") {
        let place = Place::new();
        write_executable(&place, "t.yaml", &sealed(&place));
        place
            .run(program, &arguments, secret().as_bytes())
            .assert_done();
        assert_eq!(mode(&place.path("t.yaml")), 0o755, "{arguments:?}");
        if arguments.contains(&"-w".to_owned()) {
            write_executable(&place, "t.yaml", HOOK);
            set_mode(&place.path("t.yaml"), 0o4775);
            place
                .run(program, &arguments, secret().as_bytes())
                .assert_done();
            assert_eq!(mode(&place.path("t.yaml")), 0o664, "{arguments:?}");
        }
    }
}
