//! The use cases of upstream's manual, typed as they stand there, with the real `kubectl` and upstream's controller. Each
//! is walked with both `kubeseal`s; what counts is the Secret that the controller makes of it.

mod files;
mod shell;
mod sources;

use anyhow::ensure;
use serde_json::Value;

use shell::{Shell, each};

#[test]
fn a_secret_is_made_sealed_and_applied() -> anyhow::Result<()> {
    each("basic", |shell| {
        shell.run(
            "echo -n bar | kubectl create secret generic mysecret --dry-run=client --from-file=foo=/dev/stdin -o json >mysecret.json
             kubeseal -f mysecret.json -w mysealedsecret.json
             kubectl create -f mysealedsecret.json",
        )?;
        shell.opens("mysecret", &[("foo", "bar")])
    })
}

#[test]
fn a_secret_goes_through_a_pipe() -> anyhow::Result<()> {
    each("pipe", |shell| {
        shell.run(
            "kubectl create secret generic piped --dry-run=client --from-literal=a=1 --from-literal=b=two -o yaml |
                 kubeseal --format yaml | kubectl apply -f -",
        )?;
        shell.opens("piped", &[("a", "1"), ("b", "two")])
    })
}

#[test]
fn scopes_are_chosen_by_flag_and_by_annotation() -> anyhow::Result<()> {
    each("scopes", |shell| {
        shell.run(
            "secret() { kubectl create secret generic $1 --dry-run=client --from-literal=k=v -o json; }
             secret flagged | kubeseal --scope cluster-wide | sed 's/\"flagged\"/\"moved\"/' | kubectl apply -f -
             secret noted | kubectl annotate --local -f - sealedsecrets.bitnami.com/namespace-wide=true -o json |
                 kubeseal | sed 's/\"noted\"/\"renamed\"/' | kubectl apply -f -",
        )?;
        shell.opens("moved", &[("k", "v")])?;
        shell.opens("renamed", &[("k", "v")])
    })
}

#[test]
fn items_are_updated_one_by_one() -> anyhow::Result<()> {
    each("update", |shell| {
        shell.run(
            "item() { echo -n $2 | kubectl create secret generic mysecret --dry-run=client --from-file=$1=/dev/stdin -o json; }
             item foo bar | kubeseal >mysealedsecret.json
             item bar baz | kubeseal --merge-into mysealedsecret.json
             item foo newer | kubeseal --merge-into mysealedsecret.json
             kubectl apply -f mysealedsecret.json",
        )?;
        shell.opens("mysecret", &[("bar", "baz"), ("foo", "newer")])
    })
}

#[test]
fn a_raw_value_is_pasted_into_a_manifest() -> anyhow::Result<()> {
    each("raw", |shell| {
        shell.run(
            "paste() { printf 'apiVersion: bitnami.com/v1alpha1\\nkind: SealedSecret\\nmetadata:\\n  name: %s\\n%bspec:\\n  encryptedData:\\n    foo: %s\\n' \"$1\" \"$2\" \"$3\" | kubectl apply -f -; }
             paste strict '' \"$(echo -n bar | kubeseal --raw --name strict)\"
             paste wide '  annotations: {sealedsecrets.bitnami.com/namespace-wide: \"true\"}\\n' \"$(echo -n baz | kubeseal --raw --scope namespace-wide --from-file=/dev/stdin)\"
             paste all '  annotations: {sealedsecrets.bitnami.com/cluster-wide: \"true\"}\\n' \"$(echo -n qux | kubeseal --raw --scope cluster-wide)\"",
        )?;
        shell.opens("strict", &[("foo", "bar")])?;
        shell.opens("wide", &[("foo", "baz")])?;
        shell.opens("all", &[("foo", "qux")])
    })
}

#[test]
fn a_sealed_secret_is_validated_before_it_is_applied() -> anyhow::Result<()> {
    each("validate", |shell| {
        let said = shell.run(
            "kubectl create secret generic good --dry-run=client --from-literal=k=v -o json | kubeseal >good.json
             sed 's/\"good\"/\"bad\"/' good.json >bad.json
             cat good.json | kubeseal --validate && echo yes
             if kubeseal --validate <bad.json 2>said; then echo yes; else echo \"no $?\"; fi
             grep -o 'error: unable to decrypt sealed secret' said",
        )?;
        ensure!(
            said == "yes\nno 1\nerror: unable to decrypt sealed secret\n",
            "{said}"
        );
        Ok(())
    })
}

#[test]
fn several_secrets_lie_in_one_file() -> anyhow::Result<()> {
    each("several", |shell| {
        shell.run(
            "secret() { kubectl create secret generic $1 --dry-run=client --from-literal=k=of-$1 -o yaml; echo ---; }
             { secret one; secret two; } >secrets.yaml
             kubeseal -f secrets.yaml -w sealed.yaml
             kubectl apply -f sealed.yaml",
        )?;
        shell.opens("one", &[("k", "of-one")])?;
        shell.opens("two", &[("k", "of-two")])
    })
}

#[test]
fn old_ciphertexts_are_encrypted_again() -> anyhow::Result<()> {
    each("again", |shell| {
        shell.run(
            "kubectl create secret generic old --dry-run=client --from-literal=k=v -o json |
                 kubeseal --cert $KEYS/other.crt >old.json
             cp old.json before.json
             kubeseal --re-encrypt <old.json >tmp.json && mv tmp.json old.json
             cp before.json in-place.json
             kubeseal --re-encrypt -f in-place.json
             kubectl apply -f old.json",
        )?;
        shell.opens("old", &[("k", "v")])?;
        for file in ["old.json", "in-place.json"] {
            let item = |name: &str| -> anyhow::Result<Value> {
                let object: Value = serde_json::from_str(&shell.read(name)?)?;
                Ok(object["spec"]["encryptedData"]["k"].clone())
            };
            ensure!(item(file)? != item("before.json")?, "{file} is as it was");
        }
        Ok(())
    })
}

/// `set -eu` is on: what fails in the middle fails the scenario.
#[test]
fn a_scenario_that_fails_is_noticed() -> anyhow::Result<()> {
    let shell = Shell::new("fails", crate::run::Whose::Signet)?;
    let error = shell.run("kubeseal --frobnicate; echo went on");
    ensure!(error.is_err_and(|error| error.to_string().contains("--frobnicate")));
    Ok(())
}
