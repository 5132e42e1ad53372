//! What templates must not reach: the environment of the process that renders them, and the network.

use jiff::Timestamp;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng as _;
use signet_templates::{Env, Functions, Mode, Options, render};

fn error_of(template: &str, functions: Functions) -> Option<String> {
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let mut env = Env::new(Timestamp::UNIX_EPOCH, &mut rng);
    let options = Options {
        mode: Mode::Full,
        functions,
    };
    let templates = [("k", template)].into();
    let rendered = render(&templates, &Default::default(), options, &mut env);
    rendered.err().map(|error| error.to_string())
}

#[test]
fn what_reads_the_environment_or_asks_the_network_does_not_exist() {
    let names = ["env", "expandenv", "getHostByName"];
    for name in names {
        assert!(signet_templates::find(name).is_none(), "{name} exists");
        for functions in [Functions::Safe, Functions::All] {
            // Also where it would never be called, and as a value.
            for template in [
                format!("{{{{ {name} \"PATH\" }}}}"),
                format!("{{{{ if false }}}}{{{{ {name} \"PATH\" }}}}{{{{ end }}}}"),
                format!("{{{{ \"PATH\" | {name} }}}}"),
            ] {
                let error = error_of(&template, functions).unwrap_or_default();
                assert!(error.contains(name), "{template}: {error:?}");
            }
        }
    }
    assert_eq!(error_of("{{ upper \"PATH\" }}", Functions::Safe), None);
}
