//! `steady secret`: what is kept in the vault.

use std::io::{self, IsTerminal, Read};

use secrecy::ExposeSecret;
use steadyhand_api::{
    Api, ApiError, CreateProject, DeployKey, ErrorCode, KeyPlace, ListSecrets, Nothing, OfSecret,
    RotateVault, SetSecret, UnlockVault, VAULT_KEY_VARIABLE, VaultLock, VaultView, check_secret_name,
    records::Project,
};

use crate::{
    args::{Place, Secret},
    ask,
    documents::{KeyMade, ListedSecret, SecretRemoved, SecretValue, SecretWasSet},
    exit::Exit,
    output::{Colour, Failure, Output},
    terminal_text::plain,
    words,
};

/// How often a passphrase may be wrong.
const TRIES: usize = 3;
/// More of standard input than this is not read: no secret is this long.
const MOST_INPUT: u64 = 1024 * 1024;

pub(crate) async fn secret(api: &Api, output: &mut Output, command: Secret) -> Result<Exit, Failure> {
    match command {
        Secret::Set { name, project, create } => set(api, output, name, &project, create).await,
        Secret::Key { name, project } => key(api, output, name, &project).await,
        Secret::Get { name, project } => get(api, output, name, &project).await,
        Secret::List { project } => list(api, output, project.as_deref()).await,
        Secret::Rm { name, project } => remove(api, output, name, &project).await,
        Secret::Rotate { to } => rotate(api, output, to).await,
    }
}

async fn set(
    api: &Api,
    output: &mut Output,
    name: String,
    project: &str,
    create: bool,
) -> Result<Exit, Failure> {
    let project = match api.find_project(project).await {
        Err(error) if error.code == ErrorCode::NotFound && create => {
            api.create_project(CreateProject { name: project.to_owned(), source: None }).await?
        }
        Err(ApiError { code: ErrorCode::NotFound, message }) => {
            let message = format!("{message}, and `--create` makes it");
            return Err(ApiError { code: ErrorCode::NotFound, message }.into());
        }
        found => found?,
    };
    // Before a person types a value for nothing.
    check_secret_name(&name)?;
    let before = opened(api, output).await?;
    if before.state == VaultLock::Absent {
        choose_key(api, output, before).await?;
    }
    let prompt = format!("Value of {} for {}: ", plain(&name), plain(&project.name));
    let value = read(output, &prompt).await?;
    let request = SetSecret { project_id: project.id, name: name.clone(), value };
    let done = api.set_secret(request).await?;
    output.document(&SecretWasSet { project: &project.name, name: &name, replaced: done.replaced })?;
    let again = if done.replaced { " again" } else { "" };
    output.line(&format!("{} of {} is set{again}.", plain(&name), plain(&project.name)))?;
    if before.state == VaultLock::Absent {
        let key = api.vault(Nothing {}).await?.key;
        output.line(&format!("The key of the vault is {key}."))?;
    }
    if !done.hidden {
        output.note("It is too short to be hidden where a command prints it: shorter than four characters.");
    }
    Ok(Exit::Done)
}

async fn key(api: &Api, output: &mut Output, name: String, project: &str) -> Result<Exit, Failure> {
    let project = api.find_project(project).await?;
    check_secret_name(&name)?;
    let before = opened(api, output).await?;
    if before.state == VaultLock::Absent {
        choose_key(api, output, before).await?;
    }
    let key = api.deploy_key(OfSecret { project_id: project.id, name }).await?;
    let DeployKey { name, public_key, made } = &key;
    if output.json() {
        output.document(&KeyMade { project: &project.name, name, public_key, made: *made })?;
        return Ok(Exit::Done);
    }
    output.line(&plain(public_key))?;
    let done = if *made { "is a new key" } else { "is that key already" };
    let name = plain(name);
    output.note(&format!(
        "{name} of {} {done}. Give the line above to the repository as a deploy key that may read it, and in the plan put {name} under \
         `secrets:` and `key: \"${{{{ secrets.{name} }}}}\"` in the source of `app`.",
        plain(&project.name)
    ));
    Ok(Exit::Done)
}

async fn get(api: &Api, output: &mut Output, name: String, project: &str) -> Result<Exit, Failure> {
    let project = api.find_project(project).await?;
    opened(api, output).await?;
    let value = api.secret_value(OfSecret { project_id: project.id, name: name.clone() }).await?;
    let value = value.expose_secret();
    if output.json() {
        output.document(&SecretValue { project: &project.name, name: &name, value })?;
    } else {
        output.bytes(value.as_bytes())?;
        if !value.ends_with('\n') {
            output.bytes(b"\n")?;
        }
    }
    Ok(Exit::Done)
}

async fn list(api: &Api, output: &mut Output, project: Option<&str>) -> Result<Exit, Failure> {
    let projects = match project {
        Some(name) => vec![api.find_project(name).await?],
        None => api.projects(Nothing {}).await?,
    };
    let only = project.and(projects.first());
    let secrets = api.secrets(ListSecrets { project_id: only.map(|project| project.id) }).await?;
    let mut listed: Vec<ListedSecret<'_>> = Vec::new();
    for Project { id, name: project, .. } in &projects {
        let of = secrets.iter().filter(|secret| secret.project_id == *id);
        listed.extend(of.map(|secret| ListedSecret { project, name: &secret.name, set_at: secret.set_at }));
    }
    output.document(&listed)?;
    if listed.is_empty() {
        output.line("No secrets yet. `steady secret set NAME --project PROJECT` sets one.")?;
        return Ok(Exit::Done);
    }
    let now = api.now();
    output.line(&output.paint(Colour::Grey, &columns("project", "secret", "set")))?;
    for ListedSecret { project, name, set_at } in listed {
        output.line(&columns(&plain(project), &plain(name), &words::ago(now.since(set_at))))?;
    }
    Ok(Exit::Done)
}

fn columns(project: &str, name: &str, set: &str) -> String {
    format!("{project:<24} {name:<32} {set}")
}

async fn remove(api: &Api, output: &mut Output, name: String, project: &str) -> Result<Exit, Failure> {
    let project = api.find_project(project).await?;
    opened(api, output).await?;
    api.remove_secret(OfSecret { project_id: project.id, name: name.clone() }).await?;
    output.document(&SecretRemoved { project: &project.name, name: &name })?;
    output.line(&format!("{} of {} is removed.", plain(&name), plain(&project.name)))?;
    Ok(Exit::Done)
}

async fn rotate(api: &Api, output: &mut Output, to: Option<Place>) -> Result<Exit, Failure> {
    let before = opened(api, output).await?;
    let to = to.map(|place| match place {
        Place::Keyring => KeyPlace::Keyring,
        Place::Passphrase => KeyPlace::Passphrase,
        Place::File => KeyPlace::File,
    });
    let made_from_one = before.state == VaultLock::Open && to.unwrap_or(before.key) == KeyPlace::Passphrase;
    let passphrase = match made_from_one {
        true if io::stdin().is_terminal() => Some(new_passphrase(output, "New passphrase: ").await?),
        true => Some(read(output, "").await?),
        false => None,
    };
    let after = api.rotate_vault(RotateVault { to, passphrase }).await?;
    output.document(&after)?;
    output.line(&format!("Every secret is locked with a new key. It is {}.", after.key))?;
    if after.key != KeyPlace::Environment && std::env::var_os(VAULT_KEY_VARIABLE).is_some() {
        output.note(&format!("{VAULT_KEY_VARIABLE} still has the old one: take it out of the environment."));
    }
    Ok(Exit::Done)
}

/// The vault, for a command that needs its key: asks for the passphrase, where there is a terminal to ask on.
async fn opened(api: &Api, output: &mut Output) -> Result<VaultView, Failure> {
    let vault = api.vault(Nothing {}).await?;
    if vault.state == VaultLock::Locked && unlock(api, output).await? {
        return Ok(api.vault(Nothing {}).await?);
    }
    Ok(vault)
}

/// Asks for the passphrase of the vault; says whether it was given. Without a terminal nobody is asked.
pub(crate) async fn unlock(api: &Api, output: &mut Output) -> Result<bool, Failure> {
    if !ask::can_ask_for_secrets() {
        return Ok(false);
    }
    for tried in 1.. {
        let passphrase = ask::secret(output, "Passphrase of the vault of secrets: ").await?;
        match api.unlock_vault(UnlockVault { passphrase }).await {
            Ok(_) => return Ok(true),
            Err(error) if error.code == ErrorCode::Locked && tried < TRIES => output.note(&error.message),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(false)
}

/// Where no keyring keeps the key of a new vault, a person can choose a passphrase for it.
async fn choose_key(api: &Api, output: &mut Output, vault: VaultView) -> Result<(), Failure> {
    if vault.key != KeyPlace::File || !io::stdin().is_terminal() || !ask::can_ask_for_secrets() {
        return Ok(());
    }
    output.note(
        "No keyring answers here, so the key of the vault goes into a file beside it. A passphrase protects it better, but \
         each command and each server needs to be given it.",
    );
    let passphrase =
        new_passphrase(output, "Passphrase for the vault (Enter: keep the key in a file): ").await?;
    if !passphrase.is_empty() {
        api.unlock_vault(UnlockVault { passphrase }).await?;
    }
    Ok(())
}

async fn new_passphrase(output: &mut Output, prompt: &str) -> Result<String, Failure> {
    let passphrase = ask::secret(output, prompt).await?;
    if !passphrase.is_empty() && ask::secret(output, "The same again: ").await? != passphrase {
        let message = "The two differ; nothing was changed".to_owned();
        return Err(ApiError { code: ErrorCode::Invalid, message }.into());
    }
    Ok(passphrase)
}

/// What a person types without seeing it, or all of standard input.
async fn read(output: &mut Output, prompt: &str) -> Result<String, Failure> {
    if io::stdin().is_terminal() {
        return Ok(ask::secret(output, prompt).await?);
    }
    let mut bytes = Vec::new();
    io::stdin()
        .take(MOST_INPUT)
        .read_to_end(&mut bytes)
        .map_err(|error| invalid(format!("Cannot read standard input: {error}")))?;
    let mut text = String::from_utf8(bytes).map_err(|_| {
        invalid("Standard input is not UTF-8 text; encode it, such as with `base64`".to_owned())
    })?;
    let content = text.trim_end_matches(['\r', '\n']);
    if !content.contains('\n') {
        text.truncate(content.len());
    }
    Ok(text)
}

fn invalid(message: String) -> ApiError {
    ApiError { code: ErrorCode::Invalid, message }
}
