//! What is nested as deeply as allowed, on half the stack of an ordinary thread.

use std::collections::BTreeMap;

use jiff::Timestamp;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng as _;
use signet_templates::{Env, FaultKind, Limits, Options, TemplateError, render};

fn run(text: &str) -> Result<usize, TemplateError> {
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let mut env = Env::new(Timestamp::UNIX_EPOCH, &mut rng);
    let data: BTreeMap<&str, &[u8]> = [("a", b"value".as_slice())].into();
    let out = render(&[("t", text)].into(), &data, Options::default(), &mut env)?;
    Ok(out["t"].len())
}

#[test]
fn what_is_nested_as_deeply_as_allowed_fits_on_half_a_stack() {
    let run_all = || {
        let deep = |open: &str, middle: &str, close: &str| {
            let count = Limits::DEPTH - 2;
            format!("{}{middle}{}", open.repeat(count), close.repeat(count))
        };
        let parens = deep("(print ", "1", ")");
        for text in [
            format!("{{{{{parens}}}}}"),
            deep("{{if 1}}", &format!("{{{{{}}}}}", "(print 1)"), "{{end}}"),
            deep("{{range 1}}", "x", "{{end}}"),
            deep("{{with 1}}", "x", "{{end}}"),
            format!(
                "{{{{$x := list}}}}{{{{range {}}}}}{{{{$x = list $x}}}}{{{{end}}}}{{{{$x}}}}{{{{toJson $x}}}}{{{{deepEqual $x $x}}}}",
                Limits::DEPTH - 2
            ),
        ] {
            run(&text).unwrap_or_else(|error| panic!("{text}: {error}"));
        }
        let recursive = format!(
            "{{{{define \"x\"}}}}{{{{if true}}}}{{{{with {parens}}}}}{{{{template \"x\" .}}}}{{{{end}}}}{{{{end}}}}{{{{end}}}}{{{{template \"x\" 1}}}}"
        );
        let error = run(&recursive).expect_err("endless");
        assert_eq!(error.kind, FaultKind::TooExpensive);
    };
    let thread = std::thread::Builder::new().stack_size(1 << 20);
    let done = thread.spawn(run_all).expect("a thread").join();
    done.expect("no panic");
}
