//! Files that are written: as a whole or not at all, with the mode they had.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown, symlink};
use std::process::Command;

use crate::support::{CANARY, Place, Program, READ_ONLY, assert_hidden, key, secret, words};

fn writing(program: Program, file: &str) -> Vec<String> {
    let mut arguments = program.sealing();
    arguments.extend(words(&["-w", file]));
    arguments
}

fn mode(place: &Place, name: &str) -> u32 {
    let metadata = std::fs::metadata(place.path(name)).expect("metadata");
    metadata.permissions().mode() & 0o7777
}

#[test]
fn an_existing_file_is_replaced_and_keeps_its_mode() {
    for program in Program::BOTH {
        let place = Place::new();
        place.write("out.yaml", "old");
        let permissions = std::fs::Permissions::from_mode(0o640);
        std::fs::set_permissions(place.path("out.yaml"), permissions).expect("chmod");
        let ran = place.run(program, &writing(program, "out.yaml"), secret().as_bytes());
        ran.assert_done();
        assert_eq!(ran.stdout, "");
        assert!(
            place
                .read("out.yaml")
                .starts_with("---\napiVersion: bitnami.com/v1alpha1\n")
        );
        assert_hidden(&place.read("out.yaml"));
        assert_eq!(mode(&place, "out.yaml"), 0o640);
        assert_eq!(place.names(), ["out.yaml"]);
    }
}

#[test]
fn a_new_file_gets_the_mode_that_the_umask_gives() {
    for program in Program::BOTH {
        let place = Place::new();
        let mut shell = Command::new("sh");
        shell
            .arg("-c")
            .arg("umask 027; exec \"$0\" \"$@\"")
            .arg(program.path());
        shell.args(writing(program, "new.yaml"));
        place.finish(shell, secret().as_bytes()).assert_done();
        assert_eq!(mode(&place, "new.yaml"), 0o640);
    }
}

#[test]
fn the_extension_chooses_the_format_as_upstreams_does() {
    let place = Place::new();
    for (file, is_yaml) in [
        ("a.yaml", true),
        ("a.yml", true),
        ("a.json", false),
        ("a", false),
    ] {
        let mut arguments = writing(Program::Kubeseal, file);
        arguments.extend(words(&["-o", "json"]));
        place
            .run(Program::Kubeseal, &arguments, secret().as_bytes())
            .assert_done();
        assert_eq!(place.read(file).starts_with("---\n"), is_yaml, "{file}");
    }
    place
        .run(
            Program::Signet,
            &writing(Program::Signet, "b.json"),
            secret().as_bytes(),
        )
        .assert_done();
    assert!(
        place
            .read("b.json")
            .starts_with("{\n  \"kind\": \"SealedSecret\"")
    );
}

#[test]
fn a_symbolic_link_is_replaced_and_its_file_stays() {
    for program in Program::BOTH {
        let place = Place::new();
        place.write("real.yaml", "old");
        symlink("real.yaml", place.path("link.yaml")).expect("a link");
        place
            .run(program, &writing(program, "link.yaml"), secret().as_bytes())
            .assert_done();
        assert_eq!(place.read("real.yaml"), "old");
        assert!(place.read("link.yaml").contains("encryptedData"));
        assert!(!place.path("link.yaml").is_symlink());
        assert_eq!(mode(&place, "link.yaml") & 0o111, 0);
    }
}

#[test]
fn a_folder_that_does_not_exist_is_named() {
    for program in Program::BOTH {
        let place = Place::new();
        let ran = place.run(
            program,
            &writing(program, "missing/out.yaml"),
            secret().as_bytes(),
        );
        assert_eq!(ran.code, program.trouble());
        ran.assert_says("open missing/out.yaml: no such file or directory")
            .assert_no_canary();
        assert_eq!(place.names(), [""; 0]);
    }
}

#[test]
fn a_folder_as_output_is_refused() {
    for program in Program::BOTH {
        let place = Place::new();
        std::fs::create_dir(place.path("out.yaml")).expect("a folder");
        let ran = place.run(program, &writing(program, "out.yaml"), secret().as_bytes());
        assert_eq!(ran.code, program.trouble());
        ran.assert_says("open out.yaml: is a directory")
            .assert_no_canary();
    }
}

/// Runs `script` in a mount namespace of its own, in which `mnt` is a small file system. The program and its arguments are
/// `"$@"`.
fn in_small_file_system(program: Program, script: &str) -> (Place, crate::support::Ran) {
    let place = Place::new();
    std::fs::create_dir(place.path("mnt")).expect("a folder");
    let script = format!(
        "mount -t tmpfs -o size=16k tmpfs mnt && printf old >mnt/out.yaml || exit 99\n{script}\necho \"code $?\"; cat mnt/out.yaml; ls -A mnt"
    );
    let mut shell = Command::new("unshare");
    shell.args(["-rm", "sh", "-c", &script, "sh", program.path()]);
    shell.args(writing(program, "mnt/out.yaml"));
    let ran = place.finish(shell, secret().as_bytes());
    assert_ne!(
        ran.code,
        Some(99),
        "this test needs user namespaces: {}",
        ran.said()
    );
    (place, ran)
}

#[test]
fn a_read_only_folder_leaves_the_old_file() {
    for program in Program::BOTH {
        let script = format!("{READ_ONLY} || exit 99; \"$@\"");
        let (_place, ran) = in_small_file_system(program, &script);
        ran.assert_says("open mnt/out.yaml: read-only file system")
            .assert_no_canary();
        let code = program.trouble().expect("a code");
        assert_eq!(
            ran.stdout,
            format!("code {code}\noldout.yaml\n"),
            "{}",
            ran.said()
        );
    }
}

#[test]
fn a_full_disk_leaves_the_old_file_and_no_other() {
    for program in Program::BOTH {
        let script =
            "head -c 12000 /dev/zero >mnt/filler; \"$@\"; code=$?; rm mnt/filler; (exit $code)";
        let (_place, ran) = in_small_file_system(program, script);
        ran.assert_says("mnt/out.yaml: no space left on device")
            .assert_no_canary();
        let code = program.trouble().expect("a code");
        assert_eq!(
            ran.stdout,
            format!("code {code}\noldout.yaml\n"),
            "{}",
            ran.said()
        );
    }
}

#[test]
fn a_full_device_is_an_error() {
    for program in Program::BOTH {
        let place = Place::new();
        let ran = place.run(program, &writing(program, "/dev/full"), secret().as_bytes());
        assert_eq!(ran.code, program.trouble());
        ran.assert_says("write /dev/full: no space left on device")
            .assert_no_canary();
    }
}

#[test]
fn a_device_is_written_to_and_not_replaced() {
    for program in Program::BOTH {
        let place = Place::new();
        let ran = place.run(
            program,
            &writing(program, "/dev/stdout"),
            secret().as_bytes(),
        );
        ran.assert_done();
        assert!(ran.stdout.contains("encryptedData"));
    }
}

#[test]
fn an_input_file_that_cannot_be_read_is_named() {
    let place = Place::new();
    std::fs::create_dir(place.path("folder")).expect("a folder");
    for (file, why) in [
        ("missing", "open missing: no such file or directory"),
        ("folder", "read folder: is a directory"),
    ] {
        for program in Program::BOTH {
            let mut arguments = program.sealing();
            arguments.extend(words(&["-f", file]));
            let ran = place.run(program, &arguments, b"");
            assert_eq!(ran.code, program.trouble());
            ran.assert_says(why);
            if program == Program::Kubeseal {
                ran.assert_says("Could not read file specified with --secret-file");
            }
        }
    }
}

#[test]
fn a_generated_key_is_private_and_never_overwritten() {
    let place = Place::new();
    let arguments = words(&[
        "keys",
        "generate",
        "--bits",
        "2048",
        "--out-key",
        "k",
        "--out-cert",
        "c",
    ]);
    let made = place.run(Program::Signet, &arguments, b"");
    made.assert_done().assert_says("made key ");
    assert_eq!(made.stdout, "");
    assert_eq!(mode(&place, "k"), 0o600);
    let before = (place.read("k"), place.read("c"));
    let again = place.run(Program::Signet, &arguments, b"");
    assert_eq!(again.code, Some(2));
    again.assert_says("create k: file exists");
    assert_eq!((place.read("k"), place.read("c")), before);
    let sealed = place.run(
        Program::Signet,
        &words(&["seal", "--cert", "c"]),
        secret().as_bytes(),
    );
    let opened = place.run(
        Program::Signet,
        &words(&["unseal", "-k", "k", "-o", "json"]),
        sealed.stdout.as_bytes(),
    );
    opened.assert_done();
    assert_eq!(
        crate::support::item(&opened.stdout, "password"),
        CANARY.as_bytes()
    );
}

#[test]
fn opened_values_are_written_for_the_owner_only_and_never_over_the_sealed_file() {
    let place = Place::new();
    place
        .run(
            Program::Signet,
            &writing(Program::Signet, "sealed.yaml"),
            secret().as_bytes(),
        )
        .assert_done();
    let sealed = place.read("sealed.yaml");
    let commands = [
        (
            Program::Signet,
            words(&["unseal", "-k", &key("seal.key"), "-f", "sealed.yaml"]),
        ),
        (
            Program::Kubeseal,
            words(&[
                "--recovery-unseal",
                "--recovery-private-key",
                &key("seal.key"),
                "-f",
                "sealed.yaml",
            ]),
        ),
    ];
    for (program, base) in commands {
        place.write("plain.yaml", "old");
        // Somebody else may have made the file. Only root can make it so.
        let given = chown(place.path("plain.yaml"), Some(1234), Some(1234)).is_ok();
        let me = std::fs::metadata(place.path("sealed.yaml")).expect("metadata");
        let owner = |place: &Place| {
            let found = std::fs::metadata(place.path("plain.yaml")).expect("metadata");
            (found.uid(), found.gid())
        };
        assert_eq!(given, owner(&place) == (1234, 1234));
        let to = |file: &str| [base.clone(), words(&["-w", file])].concat();
        place.run(program, &to("plain.yaml"), b"").assert_done();
        assert_eq!(mode(&place, "plain.yaml"), 0o600);
        assert_eq!(owner(&place), (me.uid(), me.gid()), "{program:?}");
        assert!(place.read("plain.yaml").contains("kind: Secret"));
        let over = place.run(program, &to("./sealed.yaml"), b"");
        assert_eq!(over.code, program.trouble());
        over.assert_says("would replace the sealed file with plain values");
        assert_eq!(place.read("sealed.yaml"), sealed);
        let _ = std::fs::remove_file(place.path("link.yaml"));
        std::fs::hard_link(place.path("sealed.yaml"), place.path("link.yaml")).expect("a link");
        let mut from_stdin = Command::new("sh");
        from_stdin
            .args(["-c", "exec \"$0\" \"$@\" < sealed.yaml"])
            .arg(program.path())
            .args(&base[..base.len() - 2])
            .args(["-w", "sealed.yaml"]);
        for ran in [
            place.run(program, &to("link.yaml"), b""),
            place.finish(from_stdin, b""),
        ] {
            assert_eq!(ran.code, program.trouble(), "{}", ran.said());
            ran.assert_says("would replace the sealed file with plain values");
        }
        assert_eq!(place.read("sealed.yaml"), sealed);
    }
}
