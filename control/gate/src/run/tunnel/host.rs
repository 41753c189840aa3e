//! What the tunnel thread asks of control, at the desk where the control socket asks, too.

use std::net::{Ipv4Addr, SocketAddr};

use rustix::process::{getpid, getuid};
use wicketgate_tunnel::dialog::Question;
use wicketgate_tunnel::end::{Code, End};
use wicketgate_tunnel::message::{self, Admitted, Credentials, Refused, ToUser};
use wicketgate_tunnel::server::Host;

use crate::api::desk::{Answer, Desk};
use crate::api::model::{
    self, Actor, Fault, GrantRequest, Request, Roles, TunnelAsk, TunnelLogin, TunnelProof,
};
use crate::api::reply::{self, Reply};
use crate::api::secret::Secret;

/// Tries to tell control of an end, at a tenth of a second each: its desk may be full for a moment.
const TRIES: u32 = 50;

/// The tunnel thread's way to control.
pub(super) struct GateHost {
    desk: Desk,
    /// The gate itself.
    actor: Actor,
}

impl GateHost {
    pub(super) fn new(desk: Desk) -> GateHost {
        let (uid, pid) = (getuid().as_raw(), getpid().as_raw_nonzero().get());
        let actor = Actor { uid, pid, roles: Roles::NONE, name: Some("tunnel".to_owned()) };
        GateHost { desk, actor }
    }

    async fn ask_control(&self, request: Request) -> Answer {
        self.desk.ask(self.actor.clone(), request).await
    }

    /// Asks until there is room at the desk: what is not told would leave a login behind.
    async fn insist(&self, request: Request) {
        for _ in 0..TRIES {
            match self.ask_control(request.clone()).await {
                Err(fault) if fault.status == 503 => {
                    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
                }
                _ => return,
            }
        }
    }
}

impl Host for GateHost {
    async fn log_in(
        &self,
        tunnel: u32,
        peer: SocketAddr,
        shown: Credentials,
        certificate: Option<Vec<u8>>,
    ) -> Result<Admitted, Refused> {
        let shown = model::Credentials {
            user: shown.user,
            password: shown.password.map(secret),
            code: shown.code.map(secret),
            source: None,
        };
        match self
            .ask_control(Request::OpenTunnel(TunnelLogin { tunnel, peer, shown, certificate }))
            .await
        {
            Ok(Reply::Tunnel(opened)) => Ok(Admitted {
                login: opened.login.id,
                user: opened.login.user,
                address: opened.address,
                overlay: opened.overlay,
                mtu: 0,
                left: opened.login.left,
                assets: opened.assets,
                proven: names(opened.login.proven),
            }),
            Ok(_) => Err(Refused { what: "no answer".to_owned(), wait: None }),
            Err(fault) => Err(refused(fault)),
        }
    }

    async fn ask(&self, tunnel: u32, peer: SocketAddr, question: Question) -> Option<ToUser> {
        let request = match question {
            Question::StepUp(proof) => {
                Request::StepUpTunnel(TunnelProof { tunnel, peer, proof: proof_of(proof) })
            }
            Question::Grant(message::Wanted { rule, asset, reason }) => {
                let wanted = GrantRequest { rule, asset, reason };
                Request::AskByTunnel(TunnelAsk { tunnel, peer, wanted })
            }
        };
        match self.ask_control(request).await {
            Ok(Reply::Login(login)) => Some(ToUser::SteppedUp { proven: names(login.proven) }),
            // How it stands, control has told.
            Ok(_) => None,
            Err(fault) => Some(ToUser::NotDone(refused(fault))),
        }
    }

    async fn ended(&self, tunnel: u32, end: &End) {
        let by_user = end.code == Code::Bye;
        self.insist(Request::CloseTunnel { tunnel, by_user }).await;
    }

    async fn spoofed(&self, tunnel: u32, source: Ipv4Addr, packets: u64) {
        self.insist(Request::TunnelSpoofed { tunnel, source, packets }).await;
    }
}

fn secret(text: wicketgate_tunnel::secret::Secret) -> Secret {
    Secret::new(text.expose().to_owned())
}

fn proof_of(shown: message::Proof) -> model::Proof {
    model::Proof { password: shown.password.map(secret), code: shown.code.map(secret) }
}

fn names(proven: Vec<reply::Proven>) -> Vec<String> {
    proven.into_iter().map(|proven| proven.factor).collect()
}

fn refused(fault: Fault) -> Refused {
    Refused { what: fault.what, wait: None }
}
