//! A shell in a folder of its own, in which `kubeseal` is one of the two and `kubectl` the real one, in a namespace of its own.

use std::fs;
use std::os::unix::fs::symlink;
use std::process::Command;

use anyhow::{Context, ensure};
use signet_harness::{Tool, kubectl};
use signet_tests::signet::await_items;

use crate::run::Whose;
use crate::world::{World, world};

/// See the module.
pub(super) struct Shell {
    world: &'static World,
    folder: tempfile::TempDir,
    pub(super) namespace: String,
}

/// Walks a scenario with each `kubeseal`.
pub(super) fn each(stem: &str, walk: impl Fn(&Shell) -> anyhow::Result<()>) -> anyhow::Result<()> {
    for whose in [Whose::Upstream, Whose::Signet] {
        let shell = Shell::new(stem, whose)?;
        walk(&shell).with_context(|| format!("with the kubeseal of {whose:?}"))?;
    }
    Ok(())
}

impl Shell {
    pub(super) fn new(stem: &str, whose: Whose) -> anyhow::Result<Self> {
        let world = world()?;
        let plane = world.plane()?;
        let namespace = signet_tests::fresh_namespace(plane, stem)?;
        let folder = tempfile::tempdir()?;
        let programs = folder.path().join("bin");
        fs::create_dir(&programs)?;
        symlink(world.program(whose)?, programs.join("kubeseal"))?;
        symlink(plane.tools().path(Tool::Kubectl)?, programs.join("kubectl"))?;
        let config = plane.kubeconfig(&namespace, world.token()?, &namespace)?;
        fs::copy(config, folder.path().join("kubeconfig"))?;
        fs::create_dir(folder.path().join("work"))?;
        Ok(Self {
            world,
            folder,
            namespace,
        })
    }

    /// Runs a script that must succeed, and gives what it printed.
    pub(super) fn run(&self, script: &str) -> anyhow::Result<String> {
        let folder = self.folder.path();
        let path = format!(
            "{}:/usr/local/bin:/usr/bin:/bin",
            folder.join("bin").display()
        );
        let mut command = Command::new("sh");
        command
            .args(["-eu", "-c", script])
            .current_dir(folder.join("work"))
            .env_clear()
            .env("HOME", folder)
            .env("TMPDIR", folder)
            .env("PATH", path)
            .env("KUBECONFIG", folder.join("kubeconfig"))
            .env("KEYS", self.world.fill("{k}", folder)?)
            .env("URL", self.world.fill("{url}", folder)?);
        let output = kubectl::run(command, "")?;
        ensure!(
            output.status.success(),
            "{}: {}{}",
            output.status,
            output.stdout,
            output.stderr
        );
        Ok(output.stdout)
    }

    /// Awaits that the controller made this Secret.
    pub(super) fn opens(&self, name: &str, items: &[(&str, &str)]) -> anyhow::Result<()> {
        await_items(self.world.plane()?, &self.namespace, name, items).map(drop)
    }

    pub(super) fn write(&self, name: &str, content: &str) -> anyhow::Result<()> {
        let content = self.world.fill(content, self.folder.path())?;
        Ok(fs::write(
            self.folder.path().join("work").join(name),
            content,
        )?)
    }

    pub(super) fn read(&self, name: &str) -> anyhow::Result<String> {
        let path = self.folder.path().join("work").join(name);
        fs::read_to_string(&path).with_context(|| name.to_owned())
    }
}
