//! `cargo xtask demo`: shows the main job from a terminal to a Secret, and checks every step of it.
//!
//! This file owns the order of things and the end of everything that was started; the acts are in the modules below.

mod cluster;
mod controller;
mod folder;
mod live;
mod narrator;
mod offline;
mod user_cluster;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, bail, ensure};
use signet_harness::tools::PendingTools;
use signet_harness::{Tool, Tools, wait};

use crate::cargo;
use cluster::{Cluster, Local};
use controller::Controller;
use folder::{RunFolder, Stopped};
use live::Scene;
use narrator::{Narrator, print};
use offline::Signet;
use user_cluster::UserCluster;

const LOCAL_NAMESPACE: &str = "signet-demo";
const STOP_COMMAND: &str = "cargo xtask demo --down";

/// Show the main job, checked step by step: seal offline, then a real API server makes the Secret.
///
/// Needs no root, no cluster, no kubectl and no container engine. The first run builds etcd and kube-apiserver with Go,
/// which takes minutes; later runs take less than one.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Only what needs no cluster: act 1.
    #[arg(long, conflicts_with_all = ["keep", "context"])]
    offline: bool,
    /// Leave the API server and the controller running at the end.
    #[arg(long, conflicts_with = "context")]
    keep: bool,
    /// Stop what `--keep` left running.
    #[arg(long, conflicts_with_all = ["offline", "keep", "context", "yes"])]
    down: bool,
    /// Use the cluster of this context of your kubeconfig, through your kubectl.
    #[arg(long, value_name = "NAME")]
    context: Option<String>,
    /// Create in that cluster what the demo lists, without asking.
    #[arg(long, requires = "context")]
    yes: bool,
}

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    if arguments.down {
        return stop_kept();
    }
    let mut namespace = LOCAL_NAMESPACE.to_owned();
    let mut user = None;
    if let Some(context) = &arguments.context {
        namespace = format!("{LOCAL_NAMESPACE}-{}", std::process::id());
        let cluster = UserCluster::connect(context)?;
        cluster.refuse_beside_others()?;
        if !cluster.ask(&namespace, arguments.yes)? {
            print("Nothing was created.\n");
            return Ok(ExitCode::FAILURE);
        }
        user = Some(cluster);
    }
    // From here on the end of the demo belongs to us.
    wait::fail_on_signals()?;
    let mut demo = Demo {
        story: Narrator::new(),
        namespace,
        controller: None,
        local: None,
        user,
        pending: None,
        folder: RunFolder::create()?,
    };
    let played = demo.play(arguments);
    demo.end(arguments, played)
}

/// All that runs. The fields are dropped in this order.
struct Demo {
    story: Narrator,
    namespace: String,
    controller: Option<Controller>,
    local: Option<Local>,
    user: Option<UserCluster>,
    pending: Option<PendingTools>,
    folder: RunFolder,
}

impl Demo {
    fn play(&mut self, arguments: &Arguments) -> anyhow::Result<()> {
        let mut without_tools = None;
        if !arguments.offline && self.user.is_none() {
            // They are built with what Cargo and act 1 leave of the machine.
            match Tools::ensure_in_background(&[Tool::Etcd, Tool::KubeApiserver]) {
                Ok(pending) => self.pending = Some(pending),
                Err(error) => without_tools = Some(error),
            }
        }
        self.story.prepare("build signet");
        let signet = Signet {
            program: build("signet")?,
        };
        offline::play(&mut self.story, &self.folder, &signet, &self.namespace)?;
        if let Some(error) = without_tools {
            self.story.prepare("prepare act 2");
            return Err(error.context("act 2 cannot play; --offline plays act 1 only"));
        }
        if !arguments.offline {
            self.play_live(&signet)?;
        }
        Ok(())
    }

    fn play_live(&mut self, signet: &Signet) -> anyhow::Result<()> {
        self.story.prepare("build what act 2 needs");
        let program = build(controller::PROGRAM)?;
        let tools = match self.pending.take() {
            Some(pending) => Some(pending.wait()?),
            None => None,
        };
        if let Some(tools) = tools {
            self.story.act("Act 2: a real API server");
            self.story
                .step("Start etcd and kube-apiserver on 127.0.0.1");
            let local = Local::start(&tools, &mut self.folder)?;
            self.story
                .checked(format_args!("{} is ready", local.plane().url()));
            self.story.say(
                "Lines with kubectl show what you would type. The demo asks the API server itself and needs no kubectl.",
            );
            self.local = Some(local);
        } else {
            self.story.act("Act 2: your cluster");
        }
        let user = self.user.as_mut().map(|user| user as &mut dyn Cluster);
        let local = self.local.as_mut().map(|local| local as &mut dyn Cluster);
        let mut scene = Scene {
            story: &mut self.story,
            folder: &mut self.folder,
            cluster: user.or(local).context("there is one cluster")?,
            namespace: &self.namespace,
        };
        scene.install()?;
        let (setup, running) = scene.start_controller(&program)?;
        let controller = &mut self.controller;
        scene.apply(controller.insert(running))?;
        scene.edit_by_hand()?;
        scene.restart(&setup, controller)?;
        scene.roll_out(signet, controller.as_ref().context("it was started again")?)
    }

    /// Act 3, or what is left of it after a failure. Whatever happened, nothing stays that was not asked for.
    fn end(
        mut self,
        arguments: &Arguments,
        played: anyhow::Result<()>,
    ) -> anyhow::Result<ExitCode> {
        let place = self.story.place();
        let interrupted = self.stop_builds(played.is_err());
        let played = played.with_context(|| place);
        if played.is_ok() && !interrupted && arguments.keep {
            return self.keep();
        }
        self.story.act("Act 3: the end");
        let removed = self.remove_all();
        if interrupted {
            removed?;
            bail!("interrupted; all that was started is stopped");
        }
        // The failure of a step matters more than what it left behind.
        played?;
        removed?;
        let (seen, next) = if arguments.offline {
            ("", NEXT_OFFLINE)
        } else {
            (SEEN_LIVE, NEXT_LIVE)
        };
        let totals = self.story.totals();
        print(&format!(
            "\nDone: {totals}.\n\n{SEEN_OFFLINE}{seen}\nNext:\n{next}"
        ));
        Ok(ExitCode::SUCCESS)
    }

    /// Ends a build that nobody waits for. Tells whether a signal came; waiting works again afterwards.
    fn stop_builds(&mut self, failed: bool) -> bool {
        let interrupted = wait::is_interrupted();
        if let Some(pending) = self.pending.take() {
            if failed {
                wait::interrupt();
            }
            // Its error is that it was interrupted.
            let _ = pending.wait();
        }
        wait::take_interrupt();
        interrupted
    }

    fn remove_all(&mut self) -> anyhow::Result<()> {
        let mut started = self.folder.running();
        let stopped = self.controller.take().map_or(Ok(()), Controller::stop);
        let removed = match self.user.take() {
            Some(user) => user.remove(&mut self.story),
            None => Ok(()),
        };
        drop(self.local.take());
        stopped?;
        removed?;
        let left = self.folder.running();
        ensure!(left.is_empty(), "still running: {}", left.join(", "));
        started.sort();
        if !started.is_empty() {
            self.story
                .checked(format_args!("stopped: {}", started.join(", ")));
        }
        Ok(())
    }

    fn keep(mut self) -> anyhow::Result<ExitCode> {
        let local = self
            .local
            .take()
            .context("--keep is about the local cluster")?;
        let controller = self.controller.take().context("the controller runs")?;
        self.story.act("Act 3: yours now");
        let kubeconfig = local.plane().admin_kubeconfig();
        let folder = self.folder.path();
        print(&format!(
            "\nDone: {}.\n\n\
             Still running: {}.\n  \
             kubeconfig:      {}\n  \
             certificate:     {}\n  \
             controller log:  {}\n\n\
             Try:\n  \
             export KUBECONFIG={}\n  \
             kubectl get sealedsecret,secret -n {}\n  \
             cargo run -q -p signet-cli --bin signet -- seal --cert {} YOUR-SECRET.yaml | kubectl apply -f -\n\n\
             This cluster has no kube-controller-manager: a Secret stays when its SealedSecret is deleted.\n\
             Everybody on this machine can reach it: use it for play only.\n\
             Stop it all: {STOP_COMMAND}\n",
            self.story.totals(),
            self.folder.running().join(", "),
            kubeconfig.display(),
            folder.join("cert.pem").display(),
            controller.log_path().display(),
            kubeconfig.display(),
            self.namespace,
            folder.join("cert.pem").display(),
        ));
        self.folder.keep()?;
        controller.leave_running();
        local.leave_running();
        Ok(ExitCode::SUCCESS)
    }
}

const SEEN_OFFLINE: &str = "What you saw: a Secret that was sealed with a certificate alone, into a file that is safe to commit and opens nowhere
else.
";
const SEEN_LIVE: &str = "\
And on a real API server: a controller that makes the Secret, keeps it right, and does nothing when nothing changed.
";
const NEXT_OFFLINE: &str = "  \
cargo xtask demo                   the same and then a real API server, built with Go the first time
";
const NEXT_LIVE: &str = "  \
cargo xtask demo --keep            the same, and leaves it running for you to play with
  cargo xtask demo --context NAME    the same in a cluster of your kubeconfig; asks first
  cargo xtask test                   all tests, on a real control plane beside upstream's own programs
  docs/format.md                     what is in a sealed value, byte by byte
";

fn stop_kept() -> anyhow::Result<ExitCode> {
    let runs = folder::stop_all()?;
    if runs.is_empty() {
        print("Nothing to stop.\n");
    }
    for run in runs {
        match run {
            Stopped::Ended(names) if names.is_empty() => {
                print("Removed the files of a demo that had ended.\n")
            }
            Stopped::Ended(names) => print(&format!("Stopped: {}.\n", names.join(", "))),
            Stopped::StillPlaying(pid) => print(&format!(
                "Left alone: a demo that is going on in another terminal (process {pid}).\n"
            )),
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Builds one of our programs. All packages are selected, so that everybody compiles dependencies with the same features.
fn build(program: &str) -> anyhow::Result<PathBuf> {
    let arguments = [
        "build",
        "--workspace",
        "--exclude",
        "xtask",
        "--bin",
        program,
    ];
    let built = cargo::build(&arguments)?;
    let found = built.into_iter().find(|artifact| {
        artifact
            .path
            .file_stem()
            .is_some_and(|stem| stem == program)
    });
    found
        .map(|artifact| artifact.path)
        .with_context(|| format!("Cargo built no {program}"))
}
