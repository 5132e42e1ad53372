//! Help texts and typical errors, word for word: `tests/cmd`. After a wanted change, `TRYCMD=overwrite cargo test -p
//! signet-controller --test golden` writes them anew; read the difference.

#[test]
fn help_and_errors_read_as_written_down() {
    trycmd::TestCases::new()
        .env("HOME", "/nonexistent")
        .env("KUBECONFIG", "/nonexistent/config")
        .case("tests/cmd/*.trycmd");
}
