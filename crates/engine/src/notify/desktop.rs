//! A notification on the desktop of this machine.
//!
//! How that is done belongs to the shell, which hands it in. Where nothing was handed in, as where there is no desktop,
//! nobody is there to be told.

use std::sync::Arc;

use super::{Attempt, message::Message, text::cut};

/// The most of what desktops show.
const TITLE: usize = 120;
const BODY: usize = 300;

/// Shows a notification with this title and this text, and says why it could not. It may wait for the desktop.
pub type ShowOnDesktop = Arc<dyn Fn(&str, &str) -> Result<(), String> + Send + Sync>;

pub(super) async fn show(port: Option<ShowOnDesktop>, message: &Message) -> Attempt {
    let Some(port) = port else { return Attempt::Delivered };
    let (title, body) = (cut(&message.title(), TITLE), in_markup(&cut(&message.short(), BODY)));
    match tokio::task::spawn_blocking(move || port(&title, &body)).await {
        Ok(Ok(())) => {}
        Ok(Err(problem)) => tracing::debug!(problem, "the desktop shows nothing"),
        Err(error) => tracing::debug!(%error, "the desktop shows nothing"),
    }
    // Later it would be about something that is long over.
    Attempt::Delivered
}

/// Bodies may have markup (Desktop Notifications Specification, "Markup"): a text is one without any.
fn in_markup(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
