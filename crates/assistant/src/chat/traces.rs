//! A stack trace that a person pastes, in the original source of what serves.

use std::sync::Arc;

use steadyhand_deploy::source_maps;
use steadyhand_store::{
    deployments, environments,
    records::{Deployment, DeploymentKind, Message},
};

use super::{AssistantError, Shared, actions::Reply};

/// What to say to a message with a stack trace of what serves; none to every other message. Only a text that has a frame as a
/// line of its own, in a bundle whose map is kept, gets an answer here.
pub(super) async fn reply(shared: &Arc<Shared>, message: &Message) -> Result<Option<Reply>, AssistantError> {
    if !source_maps::is_trace(&message.text) {
        return Ok(None);
    }
    let mut db = shared.engine.store().read().await?;
    let environments = environments::of_project(&mut db, message.project_id).await?;
    let Some(current) = environments.into_iter().find_map(|environment| environment.current) else {
        return Ok(None);
    };
    let brought = match current.takes_from {
        Some(from) => deployments::get(&mut db, from).await?,
        None => None,
    };
    drop(db);
    let (data, id, text) = (shared.engine.store().folder().to_owned(), current.id, message.text.clone());
    // A map may be long.
    let found = tokio::task::spawn_blocking(move || source_maps::of(&data, id)?.original(&text));
    let Some(original) = found.await.ok().flatten() else { return Ok(None) };
    Ok(Some(Reply::say(format!(
        "In the source of deployment {}{}:\n\n```\n{}\n```",
        current.number,
        version(&current, brought.as_ref()),
        // Nothing in it ends the block that it is in.
        original.replace("```", "\u{2019}\u{2019}\u{2019}")
    ))))
}

/// `, which serves (commit 1a2b3c4d)`.
fn version(current: &Deployment, brought: Option<&Deployment>) -> String {
    let commit = current.source.as_ref().and_then(|source| source.commit.as_deref());
    let commit = commit.map(|commit| commit.chars().take(8).collect::<String>());
    let back = match (current.kind, brought) {
        (DeploymentKind::Rollback, Some(brought)) => format!(", that of deployment {}", brought.number),
        _ => String::new(),
    };
    match commit {
        Some(commit) => format!(", which serves{back} (commit {commit})"),
        None => format!(", which serves{back}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_is_asked_for_in_words_is_taken_for_a_stack_trace() {
        let all = [include_str!("../intents/sentences.txt"), include_str!("../intents/sentences_blind.txt")];
        let mut count = 0;
        for sentence in all.iter().flat_map(|text| text.lines()) {
            assert!(!source_maps::is_trace(sentence), "{sentence}");
            count += 1;
        }
        assert!(count > 500, "{count} sentences were looked at");
    }
}
