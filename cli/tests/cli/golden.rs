//! Help texts and typical errors, word for word: `tests/cmd`. After a wanted change, `TRYCMD=overwrite cargo test -p signet-cli`
//! writes them anew; read the difference.

#[test]
fn help_and_errors_read_as_written_down() {
    trycmd::TestCases::new()
        .env("HOME", "/nonexistent")
        .env("KUBECONFIG", "")
        .case("tests/cmd/*/*.trycmd");
}
