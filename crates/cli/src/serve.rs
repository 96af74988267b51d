//! `steady serve`: the pages of the window for a browser, and the operations as an HTTP API.
//!
//! Who has the token can run commands on the person's servers, so everything under `/api` needs it, and no page of
//! another origin gets to use the browser that has it ([`access`]). The token is in the fragment of the printed address,
//! which browsers send nowhere; the page keeps it for its tab and sends it with each of its requests. There is no TLS
//! here: beyond this machine, put a proxy with TLS in front, or use an SSH tunnel.

mod access;
mod pages;
mod routes;
mod tickets;
mod token;

use std::{io, path::Path, sync::Arc, time::Duration};

use axum::{
    Router,
    extract::DefaultBodyLimit,
    middleware::{from_fn, from_fn_with_state},
    routing::{get, post},
    serve::ListenerExt,
};
use steadyhand_api::{Api, ApiError, ErrorCode, Nothing, VaultLock};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::{
    args,
    documents::{Listening, ListeningKind},
    exit::Exit,
    output::{Failure, Output},
    signals::Signals,
};

/// How long requests that are being answered may take once the server is to end.
const LAST_ANSWERS: Duration = Duration::from_secs(5);

/// The largest request of an operation; the largest thing that is sent is a plan.
const LARGEST_REQUEST: usize = 1024 * 1024;

/// What every request needs.
#[derive(Clone)]
pub(crate) struct Server {
    api: Api,
    access: Arc<access::Access>,
    tickets: Arc<tickets::Tickets>,
    /// Ends the streams that would never end by themselves.
    ending: CancellationToken,
}

pub(crate) async fn serve(
    api: &Api,
    output: &mut Output,
    data_dir: &Path,
    options: args::Serve,
) -> Result<Exit, Failure> {
    let mut signals = Signals::listen()?;
    let listener =
        TcpListener::bind(options.listen).await.map_err(|error| cannot_listen(&options, &error))?;
    let address = listener.local_addr()?;
    let token_file = options.token_file.unwrap_or_else(|| data_dir.join("serve.token"));
    let token = token::load(&token_file, options.new_token)?;
    let opened_at = if address.ip().is_unspecified() {
        format!("localhost:{}", address.port())
    } else {
        address.to_string()
    };
    let url = format!("http://{opened_at}/#token={token}");
    let server = Server {
        api: api.clone(),
        access: Arc::new(access::Access::new(address, options.allow_hosts, token)),
        tickets: Arc::default(),
        ending: CancellationToken::new(),
    };
    let ending = server.ending.clone();
    let listener = listener.tap_io(|connection| {
        // Small answers must not wait for more; without it they are only slower.
        let _ = connection.set_nodelay(true);
    });
    let serving =
        axum::serve(listener, router(server)).with_graceful_shutdown(ending.clone().cancelled_owned());
    let mut serving = tokio::spawn(serving.into_future());

    output.document(&Listening { kind: ListeningKind, address: address.to_string(), url: &url })?;
    output.line(&url)?;
    output.flush()?;
    if !address.ip().is_loopback() {
        output.note(
            "This address can be reached from other machines, and the connection is not encrypted. Whoever sees the \
             token can run commands on your servers.",
        );
    }
    output.note(
        "Open the address in a browser. Ctrl-C ends the server; runs go on when Steadyhand is started again.",
    );

    match api.vault(Nothing {}).await {
        Ok(vault) if vault.state == VaultLock::Locked => output.note(
            "The vault of secrets is locked, so what needs a secret of it waits or is refused. Start the server with \
             STEADYHAND_VAULT_KEY, or send the passphrase to `unlock_vault`.",
        ),
        Ok(_) => {}
        Err(error) => output.note(&error.message),
    }

    tokio::select! {
        ended = &mut serving => ended.map_err(io::Error::other)??,
        _ = signals.next() => {
            ending.cancel();
            tokio::select! {
                // A connection that is still open then is closed with the process.
                _ = tokio::time::timeout(LAST_ANSWERS, &mut serving) => {}
                _ = signals.next() => {}
            }
        }
    }
    Ok(Exit::Done)
}

fn router(server: Server) -> Router {
    let api = Router::new()
        .route("/updates", get(routes::updates))
        .route("/log/{step}/{attempt}", get(routes::log).post(routes::log_ticket))
        .route("/{operation}", post(routes::call))
        .fallback(routes::no_such_address)
        .method_not_allowed_fallback(routes::wrong_method)
        .layer(DefaultBodyLimit::max(LARGEST_REQUEST))
        .layer(from_fn_with_state(server.clone(), access::need_token))
        .layer(from_fn(access::refuse_other_sites));
    // A HEAD would use up the ticket and give nothing for it.
    let download = get(routes::download)
        .head(routes::wrong_method)
        .fallback(routes::wrong_method)
        .layer(from_fn(access::refuse_other_sites));
    Router::new()
        .nest("/api", api)
        .route("/download/{ticket}", download)
        .fallback(pages::page)
        .layer(from_fn_with_state(server.clone(), access::refuse_other_origins))
        .layer(from_fn(access::protect_answers))
        .with_state(server)
}

fn cannot_listen(options: &args::Serve, error: &io::Error) -> ApiError {
    let address = options.listen;
    let what_to_do = match error.kind() {
        io::ErrorKind::AddrInUse => {
            "; another program listens there. Choose another port with --listen, or 0 for a free one"
        }
        io::ErrorKind::AddrNotAvailable => {
            "; it is no address of this machine. Choose another one with --listen"
        }
        io::ErrorKind::PermissionDenied => {
            "; ports below 1024 are reserved. Choose another one with --listen"
        }
        _ => "",
    };
    ApiError {
        code: ErrorCode::Conflict,
        message: format!("cannot listen on {address}: {error}{what_to_do}"),
    }
}
