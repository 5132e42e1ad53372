//! Files as people have them: backups, and the example of upstream's documentation.

use anyhow::ensure;

use super::shell::each;

#[test]
fn keys_are_backed_up_and_open_without_a_cluster() -> anyhow::Result<()> {
    each("backup", |shell| {
        let said = shell.run(
            "kubectl create secret generic db --dry-run=client --from-literal=k=v -o json | kubeseal -o yaml >sealed.yaml
             kubectl get secret -n kube-system -l sealedsecrets.bitnami.com/sealed-secrets-key -o yaml >main.key
             KUBECONFIG=/nonexistent kubeseal --recovery-unseal --recovery-private-key main.key -o yaml <sealed.yaml >clear.yaml
             kubectl create --dry-run=client -f clear.yaml -o 'jsonpath={.data.k}'",
        )?;
        ensure!(said == "dg==", "{said}");
        Ok(())
    })
}

/// `docs/examples/config-template`, with ciphertexts that open. It begins with `--- `.
const EXAMPLE: &str = r#"--- 
apiVersion: bitnami.com/v1alpha1
kind: SealedSecret
metadata:
  name: example
  annotations:
    sealedsecrets.bitnami.com/cluster-wide: "true"
spec:
  encryptedData:
    server1: "{v::one}"
    server2: "{v::two}"
  template:
    metadata:
      creationTimestamp: null
      name: example
      annotations:
        sealedsecrets.bitnami.com/cluster-wide: "true"
    data:
      myconfig.json: |
        {
          "Server": [{
            "password": {{ toJson .server1 }}
          },{
            "password": {{ toJson .server2 }}
          }]
        }
"#;

#[test]
fn the_example_of_a_configuration_file_is_updated_and_applied() -> anyhow::Result<()> {
    each("template", |shell| {
        shell.write("sealedsecret.yaml", EXAMPLE)?;
        shell.run(
            "echo -n baz | kubectl create secret generic example --dry-run=client --from-file=server1=/dev/stdin -o json |
                 kubeseal -o yaml --scope cluster-wide --merge-into sealedsecret.yaml
             kubectl apply -f sealedsecret.yaml",
        )?;
        let config = "{\n  \"Server\": [{\n    \"password\": \"baz\"\n  },{\n    \"password\": \"two\"\n  }]\n}\n";
        shell.opens(
            "example",
            &[
                ("server1", "baz"),
                ("server2", "two"),
                ("myconfig.json", config),
            ],
        )
    })
}
