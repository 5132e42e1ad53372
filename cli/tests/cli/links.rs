//! What a path may lead to: links, pipes, folders and files that may not be written.

use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::os::unix::net::UnixListener;
use std::process::Command;

use crate::support::{CANARY, Place, Program, Ran, item, key, secret, unseal, words};

/// A sealed file, as text.
fn sealed(place: &Place) -> String {
    let input = secret().replace("password", "kept");
    let ran = place.run(
        Program::Signet,
        &Program::Signet.sealing(),
        input.as_bytes(),
    );
    ran.assert_done();
    ran.stdout
}

/// `-w FILE` of both programs, and `--merge-into FILE`.
fn ways(file: &str) -> [(Program, Vec<String>); 3] {
    let with = |program: Program, flag: &str| [program.sealing(), words(&[flag, file])].concat();
    [
        (Program::Signet, with(Program::Signet, "-w")),
        (Program::Kubeseal, with(Program::Kubeseal, "-w")),
        (Program::Kubeseal, with(Program::Kubeseal, "--merge-into")),
    ]
}

fn write_to(place: &Place, file: &str) -> Vec<Ran> {
    ways(file)
        .into_iter()
        .map(|(program, arguments)| place.run(program, &arguments, secret().as_bytes()))
        .collect()
}

fn merge_into(place: &Place, file: &str) -> Ran {
    let [_, _, (program, arguments)] = ways(file);
    place.run(program, &arguments, secret().as_bytes())
}

/// Every way of writing to `file` is refused with `why`.
#[track_caller]
fn assert_refused(place: &Place, file: &str, why: &str) {
    for (program, arguments) in ways(file) {
        let ran = place.run(program, &arguments, secret().as_bytes());
        assert_eq!(ran.code, program.trouble(), "{arguments:?}: {}", ran.said());
        assert_eq!(ran.stdout, "");
        ran.assert_says(why).assert_no_canary();
    }
}

/// Only an edit would follow the link `file`, and is refused with `why`; what is written takes the link's place.
#[track_caller]
fn assert_not_followed(place: &Place, file: &str, why: &str) {
    let ran = merge_into(place, file);
    assert_eq!(ran.code, Some(1), "{file}: {}", ran.said());
    ran.assert_says(why).assert_no_canary();
    assert!(place.path(file).is_symlink(), "{file}");
    let [(program, arguments), ..] = ways(file);
    place
        .run(program, &arguments, secret().as_bytes())
        .assert_done();
    assert!(!place.path(file).is_symlink(), "{file}");
}

/// `repo` with `repo/sub`, and `outside`; each has a sealed file `db.yaml`.
fn tree(is_repository: bool) -> (Place, String) {
    let place = Place::new();
    let text = sealed(&place);
    for folder in ["repo/sub", "outside"] {
        std::fs::create_dir_all(place.path(folder)).expect("a folder");
        place.write(&format!("{folder}/db.yaml"), &text);
    }
    if is_repository {
        std::fs::create_dir(place.path("repo/.git")).expect("a folder");
    }
    (place, text)
}

#[test]
fn an_edit_follows_a_link_within_the_repository_and_a_file_that_is_written_replaces_it() {
    let (place, before) = tree(true);
    symlink("sub", place.path("repo/folder")).expect("a link");
    symlink("../folder/db.yaml", place.path("repo/sub/second.yaml")).expect("a link");
    symlink("sub/second.yaml", place.path("repo/first.yaml")).expect("a link");
    merge_into(&place, "repo/first.yaml").assert_done();
    let merged = place.read("repo/sub/db.yaml");
    assert_ne!(merged, before);
    for link in ["repo/first.yaml", "repo/sub/second.yaml"] {
        assert!(place.path(link).is_symlink(), "{link}");
    }
    for (file, way) in [("repo/folder/second.yaml", 0), ("repo/first.yaml", 1)] {
        let (program, arguments) = ways(file)[way].clone();
        place
            .run(program, &arguments, secret().as_bytes())
            .assert_done();
        assert!(!place.path(file).is_symlink(), "{file}");
        let opened = unseal(&place, &place.read(file));
        assert_eq!(item(&opened, "password"), CANARY.as_bytes());
    }
    assert!(place.path("repo/folder").is_symlink());
    assert_eq!(place.read("repo/sub/db.yaml"), merged);
}

#[test]
fn a_link_that_leads_out_of_the_repository_is_refused() {
    let (place, before) = tree(true);
    let outside = place.path("outside");
    symlink("../outside/db.yaml", place.path("repo/link.yaml")).expect("a link");
    symlink(outside.join("db.yaml"), place.path("repo/absolute.yaml")).expect("a link");
    symlink("../outside/new.yaml", place.path("repo/dangling.yaml")).expect("a link");
    symlink(&outside, place.path("repo/folder")).expect("a link");
    symlink("folder/db.yaml", place.path("repo/indirect.yaml")).expect("a link");
    symlink("../outside/db.yaml", place.path("repo/other.yaml")).expect("a link");
    let why =
        |file: &str| format!("open repo/{file}: a symbolic link leads out of the repository ");
    assert_refused(&place, "repo/folder/db.yaml", &why("folder/db.yaml"));
    let files = [
        "link.yaml",
        "absolute.yaml",
        "dangling.yaml",
        "indirect.yaml",
        "sub/../other.yaml",
    ];
    for file in files {
        assert_not_followed(&place, &format!("repo/{file}"), &why(file));
    }
    assert_eq!(place.read("outside/db.yaml"), before);
    assert_eq!(std::fs::read_dir(outside).expect("a folder").count(), 1);
}

#[test]
fn a_file_outside_that_is_named_itself_is_written_from_within_a_repository() {
    let (place, before) = tree(true);
    for (program, mut arguments) in ways("../outside/db.yaml") {
        for argument in &mut arguments {
            // The certificate is the only other path, and it is absolute.
            assert!(!argument.starts_with("./"));
        }
        let mut command = Command::new("sh");
        command
            .args(["-c", "cd repo && exec \"$0\" \"$@\"", program.path()])
            .args(arguments);
        place.finish(command, secret().as_bytes()).assert_done();
    }
    assert_ne!(place.read("outside/db.yaml"), before);
}

#[test]
fn without_a_repository_a_link_is_followed_within_its_folder_only() {
    let (place, before) = tree(false);
    symlink("sub/db.yaml", place.path("repo/within.yaml")).expect("a link");
    symlink("../outside/db.yaml", place.path("repo/out.yaml")).expect("a link");
    merge_into(&place, "repo/within.yaml").assert_done();
    let why = "a symbolic link leads out of the folder ";
    assert_not_followed(&place, "repo/out.yaml", why);
    assert_eq!(place.read("outside/db.yaml"), before);
    // The system's own links, such as those above a home folder, are no business of ours.
    symlink("outside", place.path("home")).expect("a link");
    for ran in write_to(&place, "home/db.yaml") {
        ran.assert_done();
    }
}

#[test]
fn without_a_repository_a_link_to_a_folder_leads_into_its_own_folder_only() {
    let (place, before) = tree(false);
    symlink("../outside", place.path("repo/out")).expect("a link");
    symlink("sub", place.path("repo/in")).expect("a link");
    let why = "repo/out/db.yaml: a symbolic link leads out of the folder ";
    assert_refused(&place, "repo/out/db.yaml", why);
    for (program, arguments) in ways("out/db.yaml") {
        let mut command = Command::new("sh");
        command
            .args(["-c", "cd repo && exec \"$0\" \"$@\"", program.path()])
            .args(arguments);
        let ran = place.finish(command, secret().as_bytes());
        assert_eq!(ran.code, program.trouble(), "{}", ran.said());
        ran.assert_says("out/db.yaml: a symbolic link leads out of the folder ");
    }
    assert_eq!(place.read("outside/db.yaml"), before);
    for ran in write_to(&place, "repo/in/db.yaml") {
        ran.assert_done();
    }
    // From elsewhere, the whole path is what somebody asked for.
    let elsewhere = Place::new();
    let file = place.path("repo/out/db.yaml");
    for ran in write_to(&elsewhere, &file.to_string_lossy()) {
        ran.assert_done();
    }
}

#[test]
fn a_dangling_link_and_a_loop_are_replaced_and_not_edited() {
    let (place, _) = tree(true);
    symlink("new.yaml", place.path("repo/dangling.yaml")).expect("a link");
    symlink("loop.yaml", place.path("repo/loop.yaml")).expect("a link");
    let missing = "open repo/dangling.yaml: no such file or directory";
    assert_not_followed(&place, "repo/dangling.yaml", missing);
    assert!(!place.path("repo/new.yaml").exists());
    let endless = "too many levels of symbolic links";
    assert_not_followed(&place, "repo/loop.yaml", endless);
}

#[test]
fn pipes_and_sockets_are_not_written_to_and_stay() {
    let place = Place::new();
    let made = Command::new("mkfifo").arg(place.path("pipe")).status();
    assert!(made.expect("mkfifo").success());
    let _socket = UnixListener::bind(place.path("socket")).expect("a socket");
    assert_refused(
        &place,
        "pipe",
        "open pipe: it is a pipe, and only regular files are written",
    );
    assert_refused(&place, "socket", "open socket: it is a socket");
    assert_eq!(place.names(), ["pipe", "socket"]);
}

#[test]
fn links_pipes_and_devices_are_read() {
    let place = Place::new();
    place.write("secret.yaml", secret());
    symlink("secret.yaml", place.path("link.yaml")).expect("a link");
    std::fs::copy(key("seal.crt"), place.path("cert.pem")).expect("a copy");
    let scripts = [
        "\"$0\" --cert cert.pem -f link.yaml",
        "\"$0\" --cert cert.pem -f /dev/stdin <secret.yaml",
        "cat secret.yaml | \"$0\" --cert cert.pem -f /dev/stdin",
        "\"$0\" --cert <(cat cert.pem) -f <(cat secret.yaml)",
        "\"$0\" --cert cert.pem -f <(cat secret.yaml) -w /dev/stdout | cat",
        "\"$0\" --cert cert.pem -f secret.yaml -w /dev/fd/3 3>&1 | cat",
        "\"$0\" --cert cert.pem -f secret.yaml -w >(cat); wait $!",
        "\"$0\" --cert cert.pem -f secret.yaml -w /dev/stdout >out; cat out",
        "echo kept >out; \"$0\" --cert cert.pem -f secret.yaml -w /dev/stdout >>out; grep -q kept out && sed 1d out",
    ];
    for script in scripts {
        let mut command = Command::new("bash");
        command.args(["-c", script, Program::Kubeseal.path()]);
        let ran = place.finish(command, b"");
        assert_eq!(ran.stderr, "", "{script}");
        let opened = unseal(&place, &ran.assert_done().stdout);
        assert_eq!(item(&opened, "password"), CANARY.as_bytes(), "{script}");
    }
    for script in [
        "printf x | \"$0\" --cert cert.pem --raw --scope cluster-wide --from-file /dev/stdin",
        "\"$0\" --cert cert.pem --raw --scope cluster-wide --from-file <(printf x)",
    ] {
        let mut command = Command::new("bash");
        command.args(["-c", script, Program::Kubeseal.path()]);
        let ran = place.finish(command, b"");
        assert!(ran.assert_done().stdout.starts_with("AQ"), "{script}");
    }
}

/// Runs a script as somebody who is not root, in a folder of his own.
fn as_nobody(place: &Place, script: &str) -> Ran {
    let everybody = std::fs::Permissions::from_mode(0o777);
    std::fs::set_permissions(place.path("."), everybody).expect("chmod");
    let program = place.path("kubeseal");
    // By another program: a child that a test starts meanwhile would hold our handle, and what is open for writing is not run.
    let copied = Command::new("cp")
        .args([Program::Kubeseal.path().as_ref(), program.as_path()])
        .status();
    assert!(copied.expect("cp").success());
    std::fs::copy(key("seal.crt"), place.path("cert.pem")).expect("a copy");
    let mut command = match Command::new("id")
        .arg("-u")
        .output()
        .expect("id")
        .stdout
        .as_slice()
    {
        b"0\n" => {
            let mut command = Command::new("setpriv");
            command.args(["--reuid=65534", "--regid=65534", "--clear-groups", "bash"]);
            command
        }
        _ => Command::new("bash"),
    };
    command.args(["-c", script]).arg(program);
    place.finish(command, secret().as_bytes())
}

#[test]
fn a_folder_that_may_not_be_written_leaves_the_file_and_nothing_else() {
    let place = Place::new();
    let text = sealed(&place);
    place.write("secret.yaml", secret());
    std::fs::create_dir(place.path("d")).expect("a folder");
    place.write("d/db.yaml", &text);
    let mode = |file: &str, mode| {
        let permissions = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(place.path(file), permissions).expect("chmod");
    };
    mode("d/db.yaml", 0o666);
    mode("d", 0o555);
    let ran = as_nobody(
        &place,
        "for flag in -w --merge-into; do \"$0\" --cert cert.pem -f secret.yaml $flag d/db.yaml; echo $?; done",
    );
    mode("d", 0o755);
    ran.assert_says("error: open d/db.yaml: permission denied");
    assert_eq!(ran.stdout, "1\n1\n", "{}", ran.said());
    assert_eq!(place.read("d/db.yaml"), text);
    assert_eq!(
        std::fs::read_dir(place.path("d"))
            .expect("a folder")
            .count(),
        1
    );
}

#[test]
fn a_read_only_file_is_not_merged_into() {
    let place = Place::new();
    let text = sealed(&place);
    place.write("db.yaml", &text);
    let read_only = std::fs::Permissions::from_mode(0o444);
    std::fs::set_permissions(place.path("db.yaml"), read_only).expect("chmod");
    let ran = as_nobody(&place, "\"$0\" --cert cert.pem --merge-into db.yaml");
    assert_eq!(ran.code, Some(1), "{}", ran.said());
    ran.assert_says("error: open db.yaml: permission denied");
    assert_eq!(place.read("db.yaml"), text);
}

#[test]
fn a_file_can_be_input_and_output_at_once() {
    for program in Program::BOTH {
        let place = Place::new();
        place.write("db.yaml", secret());
        let arguments = [
            program.sealing(),
            words(&["-f", "db.yaml", "-w", "db.yaml"]),
        ]
        .concat();
        place.run(program, &arguments, b"").assert_done();
        let opened = unseal(&place, &place.read("db.yaml"));
        assert_eq!(item(&opened, "password"), CANARY.as_bytes());
        assert_eq!(place.names(), ["db.yaml"]);
    }
}

#[test]
fn a_reader_that_goes_away_is_an_error_and_no_panic() {
    let place = Place::new();
    for program in Program::BOTH {
        let mut command = Command::new("bash");
        command.args([
            "-c",
            "{ \"$@\"; echo \"exit $?\" >&2; } | (exec <&-; exit 0)",
            "bash",
            program.path(),
        ]);
        command.args(program.sealing());
        let big = secret().replace(CANARY, &"x".repeat(300_000));
        let ran = place.finish(command, big.as_bytes());
        let code = program.trouble().expect("a code");
        ran.assert_says("error: write stdout: broken pipe")
            .assert_says(&format!("exit {code}"));
    }
}
