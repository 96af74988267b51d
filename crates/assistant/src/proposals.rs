//! Proposals: changes of the plan, bound by hash to what was shown.

use std::sync::Arc;

use similar::{ChangeTag, TextDiff};
use steadyhand_domain::{ProjectId, ProposalId, Trigger};
use steadyhand_engine::{EngineError, Look, RunOptions, now};
use steadyhand_plan::source_sha256;
use steadyhand_store::{
    StoreError, chat, plans,
    records::{DiffKind, DiffLine, Proposal, ProposalState, RunSummary},
};
use uuid::Uuid;

use crate::chat::Shared;

/// Lines of context around a change.
const CONTEXT: usize = 3;

/// Why a proposal cannot be carried out.
#[derive(Debug, thiserror::Error)]
pub enum ProposalError {
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// It was accepted or refused before.
    #[error("this proposal was {0} already")]
    Closed(&'static str),
    /// It is no longer possible.
    #[error("this proposal is no longer possible: {0}")]
    Void(String),
    /// What was shown is not what would be saved.
    #[error("what was shown is not what this proposal says; look at it again")]
    NotWhatWasShown,
}

/// A proposal to make `source` the plan instead of `plan`.
pub(crate) fn make(
    project: ProjectId,
    plan: &plans::Plan,
    source: String,
    title: &str,
    note: &str,
) -> Proposal {
    Proposal {
        id: ProposalId(Uuid::now_v7()),
        project_id: project,
        title: title.chars().filter(|letter| !letter.is_control()).take(120).collect(),
        note: note.to_owned(),
        base_sha256: plan.revision.sha256.clone(),
        sha256: source_sha256(&source),
        diff: difference(&plan.source, &source),
        source,
        state: ProposalState::Open,
    }
}

/// The difference between two texts, with a little context.
#[must_use]
pub fn difference(old: &str, new: &str) -> Vec<DiffLine> {
    let diff = TextDiff::from_lines(old, new);
    let mut lines = Vec::new();
    for (index, group) in diff.grouped_ops(CONTEXT).iter().enumerate() {
        if index > 0 {
            lines.push(DiffLine { kind: DiffKind::Gap, text: String::new() });
        }
        for change in group.iter().flat_map(|op| diff.iter_changes(op)) {
            let kind = match change.tag() {
                ChangeTag::Equal => DiffKind::Context,
                ChangeTag::Delete => DiffKind::Removed,
                ChangeTag::Insert => DiffKind::Added,
            };
            lines.push(DiffLine { kind, text: change.value().trim_end_matches(['\n', '\r']).to_owned() });
        }
    }
    lines
}

pub(crate) async fn insert(shared: &Shared, proposal: &Proposal) -> Result<(), StoreError> {
    let mut db = shared.engine.store().write().await?;
    chat::insert_proposal(&mut db, proposal, now()).await?;
    db.commit().await?;
    shared.engine.committed();
    Ok(())
}

/// What came of the run that was asked for with a proposal; none when none was asked for.
type Started = Option<Result<RunSummary, EngineError>>;

pub(crate) async fn accept(
    shared: &Arc<Shared>,
    id: ProposalId,
    sha256: &str,
    run: bool,
) -> Result<(Proposal, Started), ProposalError> {
    let mut db = shared.engine.store().write().await?;
    let mut proposal = chat::proposal(&mut db, id).await?.ok_or(StoreError::UnknownProposal(id))?;
    open(&proposal)?;
    if proposal.sha256 != sha256 || source_sha256(&proposal.source) != sha256 {
        return Err(ProposalError::NotWhatWasShown);
    }
    let current = plans::current(&mut db, proposal.project_id).await?;
    if current.is_none_or(|plan| plan.revision.sha256 != proposal.base_sha256) {
        let why = "the plan was changed after it was made".to_owned();
        chat::set_proposal_state(&mut db, id, &ProposalState::Void { why: why.clone() }, now()).await?;
        db.commit().await.map_err(StoreError::from)?;
        shared.engine.committed();
        return Err(ProposalError::Void(why));
    }
    plans::save(&mut db, proposal.project_id, sha256, &proposal.source, &proposal.title, now()).await?;
    proposal.state = ProposalState::Accepted;
    chat::set_proposal_state(&mut db, id, &proposal.state, now()).await?;
    for other in chat::open_proposals(&mut db, proposal.project_id).await? {
        let why = format!("“{}” was accepted instead", proposal.title);
        chat::set_proposal_state(&mut db, other.id, &ProposalState::Void { why }, now()).await?;
    }
    db.commit().await.map_err(StoreError::from)?;
    shared.engine.committed();
    // What runs is what was accepted, whatever the plan has become meanwhile.
    let options = RunOptions::default();
    if !run {
        return Ok((proposal, None));
    }
    let (engine, project) = (&shared.engine, proposal.project_id);
    let started = async {
        let place = engine.place(project).await?;
        let shown = engine.compile(&proposal.source, &place, &options, Look::Again).await?.plan.sha256;
        engine.start_current(project, Trigger::Proposal, &shared.user, Some(&shown), &options).await
    };
    let started = Some(started.await);
    Ok((proposal, started))
}

pub(crate) async fn dismiss(shared: &Arc<Shared>, id: ProposalId) -> Result<Proposal, ProposalError> {
    let mut db = shared.engine.store().write().await?;
    let mut proposal = chat::proposal(&mut db, id).await?.ok_or(StoreError::UnknownProposal(id))?;
    open(&proposal)?;
    proposal.state = ProposalState::Dismissed;
    chat::set_proposal_state(&mut db, id, &proposal.state, now()).await?;
    db.commit().await.map_err(StoreError::from)?;
    shared.engine.committed();
    Ok(proposal)
}

fn open(proposal: &Proposal) -> Result<(), ProposalError> {
    match &proposal.state {
        ProposalState::Open => Ok(()),
        ProposalState::Accepted => Err(ProposalError::Closed("accepted")),
        ProposalState::Dismissed => Err(ProposalError::Closed("dismissed")),
        ProposalState::Void { why } => Err(ProposalError::Void(why.clone())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_diff_shows_the_change_with_three_lines_around_it() {
        let old: String = (1..=12).map(|number| format!("line {number}\n")).collect();
        let new = old.replace("line 6\n", "line six\n");
        let shown: Vec<String> = difference(&old, &new)
            .into_iter()
            .map(|line| {
                let sign = match line.kind {
                    DiffKind::Context => ' ',
                    DiffKind::Added => '+',
                    DiffKind::Removed => '-',
                    DiffKind::Gap => '~',
                };
                format!("{sign}{}", line.text)
            })
            .collect();
        assert_eq!(
            shown,
            [" line 3", " line 4", " line 5", "-line 6", "+line six", " line 7", " line 8", " line 9"]
        );
    }
}
