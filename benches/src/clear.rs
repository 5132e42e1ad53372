//! `signet-load clear`: takes the status from every SealedSecret, as a restore from a backup does.

use anyhow::Context as _;
use http::Method;
use serde_json::{Value, json};

use crate::client::{Target, collection, connect, send};

/// Remove the status of every SealedSecret.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    target: Target,
}

pub(crate) async fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let client = connect(&arguments.target.kubeconfig).await?;
    let path = "/apis/bitnami.com/v1alpha1/sealedsecrets";
    let list = send(&client, Method::GET, path, Vec::new()).await?;
    let mut list: Value = serde_json::from_slice(&list)?;
    let mut requests = Vec::new();
    for object in list["items"].as_array_mut().context("a list")? {
        object["apiVersion"] = "bitnami.com/v1alpha1".into();
        object["kind"] = "SealedSecret".into();
        let name = object["metadata"]["name"].as_str().context("a name")?;
        let path = format!("{}/{name}/status", collection(object)?);
        object
            .as_object_mut()
            .context("an object")?
            .remove("status");
        requests.push((path, serde_json::to_vec(object)?));
    }
    let objects = requests.len();
    let target = &arguments.target;
    target.send_all(&client, Method::PUT, requests).await?;
    println!("{}", json!({ "objects": objects }));
    Ok(())
}
