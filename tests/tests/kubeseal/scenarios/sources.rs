//! Where the certificate comes from.

use anyhow::ensure;

use super::shell::each;

#[test]
fn a_certificate_is_fetched_once_and_used_offline() -> anyhow::Result<()> {
    each("offline", |shell| {
        shell.run(
            "kubeseal --fetch-cert >mycert.pem
             name=$(kubectl config view --minify -o 'jsonpath={..namespace}')
             kubectl create secret generic db -n $name --dry-run=client --from-literal=k=v -o json >mysecret.json
             KUBECONFIG=/nonexistent kubeseal --cert mycert.pem <mysecret.json >sealed.json
             kubectl apply -f sealed.json",
        )?;
        shell.opens("db", &[("k", "v")])
    })
}

#[test]
fn a_certificate_lies_at_an_address() -> anyhow::Result<()> {
    each("address", |shell| {
        shell.run(
            "secret() { kubectl create secret generic $1 --dry-run=client --from-literal=k=v -o json; }
             secret flag | kubeseal --cert $URL/cert.pem | kubectl apply -f -
             secret variable | SEALED_SECRETS_CERT=$URL/cert.pem kubeseal | kubectl apply -f -",
        )?;
        shell.opens("flag", &[("k", "v")])?;
        shell.opens("variable", &[("k", "v")])
    })
}

#[test]
fn the_controller_is_in_another_namespace() -> anyhow::Result<()> {
    each("elsewhere", |shell| {
        shell.run(
            "secret() { kubectl create secret generic $1 --dry-run=client --from-literal=k=v -o json; }
             secret flag | kubeseal --controller-namespace=ways --controller-name=named >flag.json
             kubectl apply -f flag.json
             export SEALED_SECRETS_CONTROLLER_NAMESPACE=ways SEALED_SECRETS_CONTROLLER_NAME=named
             secret variable | kubeseal | kubectl apply -f -
             kubeseal --validate <flag.json",
        )?;
        shell.opens("flag", &[("k", "v")])?;
        shell.opens("variable", &[("k", "v")])
    })
}

/// `docs/bring-your-own-certificates.md`: one's own pair seals, and opens offline; the controller takes it on a restart.
#[test]
fn somebody_brings_a_certificate_of_their_own() -> anyhow::Result<()> {
    each("own", |shell| {
        let said = shell.run(
            "ns=kube-system
             name=$(kubectl config view --minify -o 'jsonpath={..namespace}')
             kubectl -n $ns create secret tls $name --cert=$KEYS/other.crt --key=$KEYS/other.key >/dev/null
             kubectl -n $ns label secret $name sealedsecrets.bitnami.com/sealed-secrets-key=active >/dev/null
             kubectl create secret generic db --dry-run=client --from-literal=k=v -o json |
                 kubeseal --cert $KEYS/other.crt >sealed.json
             kubectl -n $ns get secret $name -o yaml >backup.yaml
             kubectl -n $ns delete secret $name >/dev/null
             kubeseal --recovery-unseal --recovery-private-key backup.yaml <sealed.json | kubectl create --dry-run=client -f - -o 'jsonpath={.data.k}'",
        )?;
        ensure!(said == "dg==", "{said}");
        Ok(())
    })
}
