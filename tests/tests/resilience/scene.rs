//! One control plane and one controller for the tests that leave both alone; they take turns, so that counters can be
//! compared.

use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use anyhow::anyhow;
use signet_harness::ControlPlane;
use signet_tests::shared;
use signet_tests::signet::SignetController;

/// The controller's namespace.
pub(crate) const SYSTEM: &str = "kube-system";

/// A turn with the shared controller.
pub(crate) struct Scene {
    pub(crate) plane: &'static ControlPlane,
    pub(crate) controller: &'static SignetController,
    _turn: MutexGuard<'static, ()>,
}

/// Awaits a turn. Requests to `/v1/verify` and `/v1/rotate` are not limited here.
pub(crate) fn enter() -> anyhow::Result<Scene> {
    static TURN: Mutex<()> = Mutex::new(());
    static CONTROLLER: OnceLock<Result<SignetController, String>> = OnceLock::new();
    let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let plane = shared()?;
    let started = CONTROLLER.get_or_init(|| {
        let unlimited = ["--rate-limit=1000", "--rate-limit-burst=1000"];
        SignetController::start(plane, SYSTEM, &unlimited).map_err(|error| format!("{error:#}"))
    });
    let controller = started
        .as_ref()
        .map_err(|error| anyhow!("the shared controller did not start: {error}"))?;
    Ok(Scene {
        plane,
        controller,
        _turn: turn,
    })
}

impl Scene {
    /// Fails if the process that was started has ended: `/proc` is asked, since the shared controller is not ours to
    /// wait for.
    pub(crate) fn ensure_same_process(&self) -> anyhow::Result<()> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.controller.process.id()))?;
        anyhow::ensure!(
            !stat.contains(") Z "),
            "the controller ended:\n{}",
            self.controller.process.log_tail()
        );
        let log = self.controller.process.log();
        anyhow::ensure!(
            !log.contains("a defect: panic"),
            "it panicked:\n{}",
            self.controller.process.log_tail()
        );
        Ok(())
    }
}
