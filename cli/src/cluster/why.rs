//! Why a cluster gives no Service, and what to do about it.

use http::StatusCode;

/// Kinds of causes, each with its own advice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Why {
    /// There is no such Service.
    NotThere,
    /// The API server does not know who asks.
    Unknown,
    /// Whoever asks may not.
    Forbidden,
    /// The API server is not who it should be.
    Untrusted,
    /// The API server does not answer.
    Unreachable,
    /// The API server has troubles of its own.
    Trouble,
    /// What the kubeconfig says cannot be used.
    NoClient,
}

impl Why {
    pub(super) fn of_answer(status: StatusCode) -> Self {
        match status {
            StatusCode::NOT_FOUND => Self::NotThere,
            StatusCode::UNAUTHORIZED => Self::Unknown,
            StatusCode::FORBIDDEN => Self::Forbidden,
            _ => Self::Trouble,
        }
    }

    /// `text` is what the TLS library or the system said.
    pub(super) fn of_network(text: &str) -> Self {
        match text.contains("certificate") {
            true => Self::Untrusted,
            false => Self::Unreachable,
        }
    }

    pub(super) fn advice(self) -> &'static str {
        match self {
            Self::NotThere => "look for it with 'kubectl get services -A | grep sealed'",
            Self::Unknown => {
                "the credential of the kubeconfig is wrong or has expired: log in again; 'kubectl auth whoami' shows whether it is taken"
            }
            Self::Forbidden => {
                "ask for the right to get this Service, and to use it through the API server (services/proxy)"
            }
            Self::Untrusted => {
                "the certificate-authority of the kubeconfig is not that of this server, or its certificate is not for this address"
            }
            Self::Unreachable => {
                "is the address in the kubeconfig right, and can this machine reach it? 'kubectl version' asks the same server"
            }
            Self::Trouble => "try again later; 'kubectl get --raw /readyz' asks the same server",
            Self::NoClient => "correct the user or the cluster in the kubeconfig",
        }
    }
}
