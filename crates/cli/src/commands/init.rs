//! `steady init`: a first plan.

use std::{io::IsTerminal, path::Path};

use steadyhand_api::{FirstPlan, first_plan};

use super::files::new_file;
use crate::{
    args::Init,
    ask,
    documents::Written,
    exit::Exit,
    output::{Failure, Output},
    terminal_text::plain,
};

pub(super) async fn init(output: &mut Output, options: Init) -> Result<Exit, Failure> {
    let Init { file, name, host, from } = options;
    // Before a person answers for nothing.
    if file.exists() {
        new_file(&file, "")?;
    }
    let asks = !output.json() && std::io::stdin().is_terminal() && output.terminal();
    let usual_name = folder_name(&file);
    let name = match name {
        None if asks => ask::text(output, &format!("Name of the plan [{}]: ", plain(&usual_name))).await,
        given => given.unwrap_or_default(),
    };
    let host = match host {
        None if asks && from.is_none() => {
            ask::text(output, "Server to deploy to, user@address [this machine]: ").await
        }
        given => given.unwrap_or_default(),
    };
    let name = if name.trim().is_empty() { usual_name } else { name.trim().to_owned() };
    let host = Some(host.trim()).filter(|host| !host.is_empty() && *host != "local");
    let text = first_plan(&FirstPlan { name: &name, host, from: from.as_deref() })?;
    new_file(&file, &text)?;
    output.document(&Written { plan: file.display().to_string(), name })?;
    let shown = plain(&file.display().to_string());
    output.line(&format!("{shown} is written. `steady run {shown} --dry-run` shows what it would do."))?;
    Ok(Exit::Done)
}

/// The name of the folder that the file is in.
fn folder_name(file: &Path) -> String {
    let path = std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
    let name = path.parent().and_then(Path::file_name).map(|name| name.to_string_lossy().into_owned());
    name.filter(|name| !name.trim().is_empty()).unwrap_or_else(|| "my-application".to_owned())
}
