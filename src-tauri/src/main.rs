//! The desktop window.
//!
//! Architecture invariant: nothing here knows what an operation does. The window hands every request to
//! `steadyhand_api` and shows the pages that `steady serve` also serves.

#![cfg_attr(not(debug_assertions), windows_subsystem = "windows")]

mod commands;
mod opener;
mod startup;
mod window;

use std::{process::ExitCode, time::Duration};

use steadyhand_api::Api;
use tauri::{AppHandle, Manager, RunEvent};
use tracing_subscriber::EnvFilter;

/// How long letting go of runs and connections may take after the window was closed.
const LETTING_GO: Duration = Duration::from_secs(5);

fn main() -> ExitCode {
    tracing_subscriber::fmt()
        .with_env_filter(
            EnvFilter::try_from_env("STEADYHAND_LOG").unwrap_or_else(|_| EnvFilter::new("error")),
        )
        .with_writer(std::io::stderr)
        .init();
    let built = tauri::Builder::default()
        .invoke_handler(tauri::generate_handler![commands::call, commands::listen, commands::open_external])
        .register_uri_scheme_protocol(startup::SCHEME, |context, _| startup::page(context.app_handle()))
        .setup(|app| {
            startup::open(app.handle());
            window::open(app.handle())?;
            Ok(())
        })
        .build(tauri::generate_context!());
    match built {
        Ok(app) => {
            end_with_signals(app.handle().clone());
            app.run(on_event);
            ExitCode::SUCCESS
        }
        Err(error) => {
            // No window can be made, so this is the only place left.
            tracing::error!(%error, "the window cannot be opened; without a display, use `steady serve`");
            ExitCode::FAILURE
        }
    }
}

/// The last window is closed: let go of what this process owns, so that another one takes it over at once.
fn on_event(app: &AppHandle, event: RunEvent) {
    let RunEvent::ExitRequested { api: exit, code: None, .. } = event else { return };
    let Some(api) = app.try_state::<Api>().map(|api| Api::clone(&api)) else { return };
    exit.prevent_exit();
    let app = app.clone();
    tauri::async_runtime::spawn(async move {
        if tokio::time::timeout(LETTING_GO, api.shutdown()).await.is_err() {
            tracing::warn!("not everything was let go of in time; the next start picks it up");
        }
        app.exit(0);
    });
}

/// The system ends programs with a signal when a person logs out.
fn end_with_signals(app: AppHandle) {
    tauri::async_runtime::spawn(async move {
        if let Err(error) = signal().await {
            tracing::warn!(%error, "signals to end are not noticed");
            return;
        }
        for window in app.webview_windows().into_values() {
            // A window that is closed already needs no closing.
            let _ = window.close();
        }
    });
}

#[cfg(unix)]
async fn signal() -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}

#[cfg(not(unix))]
async fn signal() -> std::io::Result<()> {
    tokio::signal::ctrl_c().await
}
