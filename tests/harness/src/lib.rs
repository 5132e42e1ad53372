//! A real Kubernetes control plane on a developer machine, and the real upstream programs as peers.
//!
//! Owns: building the programs, the network namespace they run in, starting and stopping them, and independent
//! witnesses (audit log, canary search). It knows nothing about Signet's own code, so that it cannot share its mistakes.

pub mod api;
pub mod audit;
pub mod binary;
pub mod canary;
pub mod clock;
pub mod control_plane;
pub mod kubectl;
pub mod netns;
pub mod port;
pub mod process;
pub mod proxy;
pub mod service_proxy;
pub mod tools;
pub mod upstream;
pub mod wait;
pub mod workload;

pub use api::Api;
pub use audit::{AuditLog, Marker, Record};
pub use canary::Canary;
pub use clock::Clock;
pub use control_plane::{Component, ControlPlane, Options};
pub use kubectl::Kubectl;
pub use process::Process;
pub use proxy::FaultProxy;
pub use tools::{Tool, Tools};
pub use wait::eventually;
pub use workload::Workload;
