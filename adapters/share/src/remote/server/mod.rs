//! The daemon's side: one thread for all clients on other machines, as long as the configuration
//! wants them served.
//!
//! Whenever something of that changes (an address, a root, a certificate, the token), a new server
//! takes the old one's place, with all of it read and understood before: connections end, and
//! clients go on from their clocks. So no client stays that knew an old token.

mod connections;
mod service;
mod stream;
mod told;

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tonic::service::interceptor::InterceptedService;
use tonic::transport::{Identity, Server, ServerTlsConfig};

use super::background::{Background, End, ended};
use super::token::{Token, read_secret};
use crate::config::{Config, Remote as Settings};
use crate::problem::Problem;
use crate::server::Shared;
use connections::{Door, Incoming};
use service::{Context, Service};

/// How often a client is asked whether it is still there, and within what time it has to answer.
const ASK_EVERY: Duration = Duration::from_secs(30);
const ANSWER_WITHIN: Duration = Duration::from_secs(20);

/// How long a client's handshake may take.
const HANDSHAKE_WITHIN: Duration = Duration::from_secs(10);

/// How many answers of one connection are under way at once.
const ANSWERS_MAX: u32 = 32;

/// The longest headers of a request.
const HEADER_BYTES_MAX: u32 = 16 << 10;

/// How long clients are given to hear that it ends.
const FAREWELL: Duration = Duration::from_millis(300);

/// What serves clients on other machines, if anything does.
#[derive(Default)]
pub(crate) struct Remote {
    running: Mutex<Option<Running>>,
    /// Whether something does, or is about to: known without waiting for an old server to end.
    listens: AtomicBool,
}

/// A server that runs.
struct Running {
    material: Material,
    address: SocketAddr,
    /// The one it listens at, to be kept when only something else changes.
    listener: TcpListener,
    _background: Background,
}

/// All that says how clients are served, with what is in the files.
#[derive(Clone, PartialEq)]
struct Material {
    settings: Settings,
    token: Token,
    /// Certificates and key, as PEM.
    identity: Option<(String, String)>,
}

/// What is to come of a configuration, with nothing left that could be wrong with it.
pub(crate) enum Prepared {
    /// What is already so.
    Same,
    /// No client is to be served.
    Off,
    /// They are, in this way.
    On(Box<Ready>),
}

/// A server that can be started.
pub(crate) struct Ready {
    material: Material,
    listener: TcpListener,
    tls: Option<ServerTlsConfig>,
}

impl Remote {
    /// Reads and checks what a configuration names, and takes hold of its address.
    ///
    /// # Errors
    /// [`Problem::CONFIG`] or [`Problem::IO`] if a file cannot be read, is open to others or is not
    /// what it should be, or the address cannot be listened at.
    pub(crate) fn prepare(&self, config: &Config) -> Result<Prepared, Problem> {
        let running = self.lock();
        let Some(settings) = &config.remote else {
            return Ok(if running.is_some() { Prepared::Off } else { Prepared::Same });
        };
        let material = Material::read(settings)?;
        if running.as_ref().is_some_and(|running| running.material == material) {
            return Ok(Prepared::Same);
        }
        let tls = material.tls()?;
        let address = settings.listen;
        let cannot = |error| {
            let problem = Problem::io(&format!("cannot listen at {address}"), &error);
            problem.remedy("write a free port and an address of this machine after `listen`")
        };
        let listener = match &*running {
            Some(running) if running.material.settings.listen == address => {
                running.listener.try_clone().map_err(cannot)?
            }
            _ => TcpListener::bind(address).map_err(cannot)?,
        };
        listener.set_nonblocking(true).map_err(cannot)?;
        Ok(Prepared::On(Box::new(Ready { material, listener, tls })))
    }

    /// Serves clients as was prepared.
    pub(crate) fn apply(&self, prepared: Prepared, shared: &Arc<Shared>) {
        let mut running = self.lock();
        let ready = match prepared {
            Prepared::Same => return,
            Prepared::Off => {
                self.listens.store(false, Ordering::Release);
                *running = None;
                return shared.log("other machines are not served any more");
            }
            Prepared::On(ready) => *ready,
        };
        self.listens.store(true, Ordering::Release);
        // The old one ends first: its clients' places are free then.
        *running = None;
        match ready.start(shared) {
            Ok(started) => {
                let plain = if started.material.identity.is_none() { ", without TLS" } else { "" };
                shared.log(&format!("other machines are served at {}{plain}", started.address));
                *running = Some(started);
            }
            Err(error) => {
                self.listens.store(false, Ordering::Release);
                shared.log(&format!("other machines are not served: {error}"));
            }
        }
    }

    /// Whether clients are served, or may come at any time.
    pub(crate) fn listens(&self) -> bool {
        self.listens.load(Ordering::Acquire)
    }

    /// Ends it.
    pub(crate) fn stop(&self) {
        let running = self.lock().take();
        drop(running);
    }

    fn lock(&self) -> MutexGuard<'_, Option<Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The files besides the configuration's own whose changes matter.
pub(crate) fn files_of(config: &Config) -> Vec<PathBuf> {
    config.remote.iter().flat_map(Settings::files).cloned().collect()
}

impl Material {
    fn read(settings: &Settings) -> Result<Self, Problem> {
        let token = Token::read(&settings.token_file)?;
        let identity = match &settings.identity {
            Some((certificate, key)) => Some((
                read_secret(certificate, 0, "")?,
                // By custom a group of servers may read keys.
                read_secret(key, 0o027, "chmod 640")?,
            )),
            None => None,
        };
        Ok(Self { settings: settings.clone(), token, identity })
    }

    /// What TLS needs; checked, so that a key of another certificate is found out now.
    fn tls(&self) -> Result<Option<ServerTlsConfig>, Problem> {
        let (Some((certificate, key)), Some((path, _))) = (&self.identity, &self.settings.identity)
        else {
            return Ok(None);
        };
        let config = ServerTlsConfig::new()
            .identity(Identity::from_pem(certificate, key))
            .timeout(HANDSHAKE_WITHIN);
        match Server::builder().tls_config(config.clone()) {
            Ok(_) => Ok(Some(config)),
            Err(error) => Err(unusable(path, &error)),
        }
    }
}

fn unusable(path: &Path, error: &tonic::transport::Error) -> Problem {
    let why = super::status::innermost(error);
    let what = format!("the certificate and its key cannot be used: {why}");
    let problem = Problem::new(Problem::CONFIG, what).at(path);
    problem.remedy("see that both are PEM, and the key is that of the first certificate")
}

impl Ready {
    fn start(self, shared: &Arc<Shared>) -> std::io::Result<Running> {
        let Self { material, listener, tls } = self;
        let address = listener.local_addr()?;
        let (copy, shared, settings) = (listener.try_clone()?, shared.clone(), &material.settings);
        let door = Door::new(material.token.clone(), settings.clients_max, shared.clone());
        let (roots, streams_max) = (settings.roots.clone(), settings.streams_max);
        let background = Background::start(move |end| async move {
            let context = Context::new(shared.clone(), roots, streams_max, end.clone());
            if let Err(error) = serve(copy, tls, door, context, end).await {
                shared.log(&format!("other machines are not served any more: {error}"));
            }
        })?;
        Ok(Running { material, address, listener, _background: background })
    }
}

/// Serves clients until the end.
async fn serve(
    listener: TcpListener,
    tls: Option<ServerTlsConfig>,
    door: Door,
    context: Context,
    end: End,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let mut server = Server::builder()
        .http2_keepalive_interval(Some(ASK_EVERY))
        .http2_keepalive_timeout(Some(ANSWER_WITHIN))
        .http2_max_header_list_size(HEADER_BYTES_MAX)
        .max_concurrent_streams(ANSWERS_MAX);
    if let Some(tls) = tls {
        server = server.tls_config(tls)?;
    }
    let incoming = Incoming::new(tokio::net::TcpListener::from_std(listener)?, door.clone());
    let check = move |request| door.check(request);
    let service = InterceptedService::new(Service::new(context), check);
    let served = server.serve_with_incoming_shutdown(service, incoming, ended(end.clone()));
    let farewell = async {
        ended(end).await;
        tokio::time::sleep(FAREWELL).await;
    };
    tokio::select! {
        served = served => Ok(served?),
        // What does not go by itself goes with the thread.
        () = farewell => Ok(()),
    }
}
