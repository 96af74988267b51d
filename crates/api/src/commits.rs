//! The commits between two deployments.
//!
//! Each deployment knows what has come and gone in its repository since the one that served before it. What lies between two that
//! are further apart is put together from that.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use steadyhand_domain::DeploymentState;
use steadyhand_store::{
    Reader, StoreError,
    deployments::{self, Filter},
    records::{Commit, Deployment, History},
};
use ts_rs::TS;

/// So many deployments between two are looked through at most.
const MOST: u32 = 100;

/// The commits between two deployments of one repository.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
pub struct CommitsBetween {
    /// Those that this one has and the other one has not, newest first.
    pub came: Vec<Commit>,
    /// Those that the other one has and this one has not, newest first.
    pub went: Vec<Commit>,
    /// Whether these are all; otherwise only the newest ones are known.
    pub is_whole: bool,
    /// Files that differ and whose names say that they change a database, within the repository.
    pub migrations: Vec<String>,
}

/// What lies between a deployment and a later one, as seen from the later; none when that is not known.
pub(crate) async fn between(
    db: &mut Reader,
    older: &Deployment,
    newer: &Deployment,
) -> Result<Option<CommitsBetween>, StoreError> {
    let states = [DeploymentState::Ready, DeploymentState::Superseded];
    let filter = Filter { environment: Some(newer.environment_id), states: &states, before: Some(newer.id) };
    let mut served = deployments::list(db, newer.project_id, &filter, MOST).await?;
    served.reverse();
    // What goes back to an earlier one is known by what has happened since that one.
    let mut first = older.number;
    for one in served.iter().chain([newer]).rev().filter(|one| one.number > older.number) {
        first = first.min(one.takes_from_number.unwrap_or(first));
    }
    served.retain(|one| one.number >= first);
    let mut known: BTreeMap<u32, CommitsBetween> = BTreeMap::new();
    let mut at: Option<&str> = None;
    let mut so_far = CommitsBetween { is_whole: true, ..CommitsBetween::default() };
    for next in served.iter().chain([newer]) {
        let Some(commit) = commit_of(next) else { return Ok(None) };
        let next_is_known = match next.takes_from_number {
            Some(from) => known.get(&from).map(|then| so_far = then.clone()).is_some(),
            None if at.is_some_and(|at| at != commit) => {
                let history = deployments::history(db, next.id).await?;
                let history = history.filter(|history| at == Some(&history.since));
                history.map(|history| so_far.then(history.into())).is_some()
            }
            None => true,
        };
        if !next_is_known {
            if next.number > older.number {
                return Ok(None);
            }
            // What was before that nobody has to know.
            known.clear();
            so_far = CommitsBetween { is_whole: true, ..CommitsBetween::default() };
        }
        at = Some(commit);
        known.insert(next.number, so_far.clone());
    }
    let Some(then) = known.remove(&older.number) else { return Ok(None) };
    let mut whole = then.reversed();
    whole.then(so_far);
    let nothing = whole.came.is_empty() && whole.went.is_empty();
    Ok((!nothing).then_some(whole))
}

fn commit_of(deployment: &Deployment) -> Option<&str> {
    deployment.source.as_ref()?.commit.as_deref()
}

impl CommitsBetween {
    /// The same, seen from the other one.
    pub(crate) fn reversed(self) -> Self {
        Self { came: self.went, went: self.came, ..self }
    }

    /// Goes on with what came and went after it. A commit that goes and comes back was never away.
    fn then(&mut self, next: Self) {
        for commit in next.came.into_iter().rev() {
            take_over(commit, &mut self.went, &mut self.came);
        }
        for commit in next.went.into_iter().rev() {
            take_over(commit, &mut self.came, &mut self.went);
        }
        self.is_whole &= next.is_whole;
        for file in next.migrations {
            if !self.migrations.contains(&file) {
                self.migrations.push(file);
            }
        }
    }
}

impl From<History> for CommitsBetween {
    fn from(History { since: _, is_whole, came, went, migrations }: History) -> Self {
        Self { came, went, is_whole, migrations }
    }
}

fn take_over(commit: Commit, from: &mut Vec<Commit>, to: &mut Vec<Commit>) {
    match from.iter().position(|other| other.commit == commit.commit) {
        Some(at) => drop(from.remove(at)),
        None => to.insert(0, commit),
    }
}

#[cfg(test)]
mod tests {
    use steadyhand_domain::Timestamp;

    use super::*;

    fn commits(names: &str) -> Vec<Commit> {
        let commit = |name: &str| Commit {
            commit: name.to_owned(),
            committed_at: Timestamp(0),
            author: "Ada".to_owned(),
            message: name.to_owned(),
            link: None,
        };
        names.split_whitespace().map(commit).collect()
    }

    #[test]
    fn what_goes_and_comes_back_was_never_away() {
        let mut all = CommitsBetween { is_whole: true, ..Default::default() };
        let history = |came: &str, went: &str, migrations: &[&str]| CommitsBetween {
            is_whole: true,
            came: commits(came),
            went: commits(went),
            migrations: migrations.iter().map(|&file| file.to_owned()).collect(),
        };
        all.then(history("c b", "", &["db/migrate/1.sql"]));
        all.then(history("e", "c", &["db/migrate/1.sql", "db/migrate/2.sql"]));
        all.then(history("f", "a", &[]));
        assert_eq!((&all.came, &all.went), (&commits("f e b"), &commits("a")));
        assert_eq!(all.migrations, ["db/migrate/1.sql", "db/migrate/2.sql"]);
        all.then(history("a", "f e", &[]));
        assert_eq!((&all.came, &all.went), (&commits("b"), &commits("")));
        assert_eq!(all.reversed().went, commits("b"));
    }
}
