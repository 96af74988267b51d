//! What the pages may ask of the window: three commands, of one line each.

use futures::StreamExt;
use serde_json::Value;
use steadyhand_api::{Api, ApiError, Update};
use tauri::{State, ipc::Channel};

use crate::opener;

/// Any operation, by name.
#[tauri::command]
pub(crate) async fn call(api: State<'_, Api>, operation: String, request: Value) -> Result<Value, ApiError> {
    api.call(&operation, request).await
}

/// Updates in batches, until the page goes away. The first batch is empty: whoever has it misses nothing from then on.
#[tauri::command]
pub(crate) async fn listen(api: State<'_, Api>, channel: Channel<Vec<Update>>) -> Result<(), ApiError> {
    let mut updates = Box::pin(api.updates());
    // A channel whose page is gone takes nothing; then there is nobody left to tell.
    let mut taken = channel.send(Vec::new());
    tauri::async_runtime::spawn(async move {
        while taken.is_ok()
            && let Some(batch) = updates.next().await
        {
            taken = channel.send(batch);
        }
    });
    Ok(())
}

/// Opens a web address in the person's browser.
#[tauri::command]
pub(crate) async fn open_external(url: String) -> Result<(), ApiError> {
    opener::open(&url)
}
