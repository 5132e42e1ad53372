//! Flags of the library that upstream logs with. It logs nothing that matters, so that they have no effect but to be accepted.

use crate::row::{Row, row, seal};

pub(super) fn rows() -> Vec<Row> {
    let flags: &[&[&str]] = &[
        &["-v", "9"],
        &["-v9"],
        &["-v=9"],
        &["--v", "9"],
        &["--v=9"],
        &["--vmodule", "a=1"],
        &["--logtostderr"],
        &["--logtostderr=false", "--log_dir", "."],
        &["--alsologtostderr"],
        &["--alsologtostderr=false"],
        &["--stderrthreshold", "INFO"],
        &["--stderrthreshold=2"],
        &["--alsologtostderrthreshold", "ERROR"],
        &["--legacy_stderr_threshold_behavior"],
        &["--legacy_stderr_threshold_behavior=false"],
        &["--log_dir", "nosuch"],
        &["--log_file", "nosuch/log"],
        &["--log_file_max_size", "10"],
        &["--add_dir_header"],
        &["--skip_headers"],
        &["--skip_log_headers"],
        &["--one_output"],
        &["--log_backtrace_at", "main.go:1"],
    ];
    let mut rows: Vec<_> = flags
        .iter()
        .map(|flags| seal(&flags.join(" "), flags).gives("[seal for team/db: \"hunter2-long\"]"))
        .collect();
    for (flags, theirs) in [
        ("-v=x", "invalid argument \"x\" for \"-v, --v\" flag: "),
        (
            "--vmodule=x",
            "invalid argument \"x\" for \"--vmodule\" flag: ",
        ),
        (
            "--stderrthreshold=LOUD",
            "invalid argument \"LOUD\" for \"--stderrthreshold\" flag: ",
        ),
        (
            "--log_file_max_size=-1",
            "invalid argument \"-1\" for \"--log_file_max_size\" flag: ",
        ),
        (
            "--log_backtrace_at=x",
            "invalid argument \"x\" for \"--log_backtrace_at\" flag: ",
        ),
        (
            "--logtostderr=maybe",
            "invalid argument \"maybe\" for \"--logtostderr\" flag: ",
        ),
    ] {
        rows.push(seal(flags, &[flags]).differs_wholly("parse-errors-on-stderr", theirs, theirs));
    }
    rows.push(
        row(
            "-v=9 shows what is asked of the cluster",
            &["-v=9", "--fetch-cert"],
        )
        .env("KUBECONFIG", "{kubeconfig}")
        .differs_wholly("logging-flags", "curl -v -XGET", "stderr: nothing\n"),
    );
    rows.push(
        seal(
            "a trace of the namespaces that were asked for",
            &["-v=9", "--logtostderr=false", "--log_file", "log"],
        )
        .gives("exit 0\n"),
    );
    rows
}
