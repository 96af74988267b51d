//! The jobs of an application on its host: when they are due, how their last runs went, and what those have written.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use steadyhand_domain::{DeploymentId, Timestamp};
use steadyhand_engine::{AskedBy, Engine, EngineError};
use steadyhand_plan::Schedule;
use steadyhand_remote::resource::{self, Mode};
use ts_rs::TS;

/// The jobs of an environment, as its host has them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
pub struct CronJobs {
    /// The name of the host in the plan.
    pub host: String,
    /// The jobs, by name.
    pub jobs: Vec<CronJob>,
}

/// A command of an application that is run again and again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
pub struct CronJob {
    /// What it is called.
    pub name: String,
    /// When it is due, as the plan says it.
    pub schedule: String,
    /// The command.
    pub run: String,
    /// When it is due next, by the clock of its host; not known when that is to be put forward or back before.
    pub next: Option<Timestamp>,
    /// Its last runs, newest first.
    pub runs: Vec<CronRun>,
}

/// A run of a job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
pub struct CronRun {
    /// What it is called on its host, to ask for what it has written.
    pub id: String,
    /// How it is.
    pub state: CronRunState,
    /// The number of the deployment that it was a run of.
    pub deployment: Option<u32>,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended, once it has.
    pub ended_at: Option<Timestamp>,
    /// The status that it ended with, once it has.
    pub status: Option<u8>,
    /// How often the job was due while it ran, and was not started again.
    pub skipped: u32,
}

/// How a run of a job is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CronRunState {
    /// It runs.
    Running,
    /// It ended with status 0.
    Succeeded,
    /// It ended with another status.
    Failed,
    /// It was ended from outside, for instance with its host, so that its status is not known.
    Lost,
}

/// What a run of a job has written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
pub struct CronLog {
    /// All of it, or of a lot the beginning and the end. While it runs, there may be less than it has written.
    pub text: String,
}

/// The most runs of a job that are told.
const MOST_RUNS: &str = "20";

/// `T` the time and its distance from UTC, then for each job `J` its name, `S` when it is due and `C` its command, and for each of
/// its runs `R` its name, the lines of its record behind `r`, and `r alive` while it runs.
const JOBS: &str = r#"
app=/var/lib/steadyhand/apps/$p_app
echo "T $(date '+%s %z')"
for here in "$app"/cron/*; do
  [ -s "$here/run" ] || continue
  printf 'J %s\nS %s\nC %s\n' "${here##*/}" "$(cat "$here/schedule")" "$(cat "$here/run")"
  for run in $(ls "$here/runs" 2>/dev/null | sort -rn | head -n "$p_runs"); do
    record=$here/runs/$run/record
    [ -s "$record" ] || continue
    echo "R $run"
    sed 's/^/r /' "$record"
    grep -q '^end ' "$record" && continue
    grep -q run-job "/proc/$(sed -n 's/^pid //p' "$record")/cmdline" 2>/dev/null && echo 'r alive'
  done
done
exit 0
"#;

const LOG: &str = r#"
log=/var/lib/steadyhand/apps/$p_app/cron/$p_job/runs/$p_run/log
if [ ! -d "${log%/*}" ]; then
  echo "$p_job has no such run on this host any more; the last 50 are kept"
  exit 1
fi
cat "$log" 2>/dev/null
exit 0
"#;

/// The jobs of the environment that a deployment was made to.
///
/// # Errors
/// As [`Engine::ask_about`].
pub async fn jobs(engine: &Engine, id: DeploymentId, by: AskedBy) -> Result<CronJobs, EngineError> {
    let told = engine
        .ask_about(id, by, |asked| {
            let params = [("app", asked.environment), ("runs", MOST_RUNS)];
            resource::compose(&[JOBS], params, Mode::Check)
        })
        .await?;
    Ok(CronJobs { jobs: read(&told.text), host: told.host })
}

/// What a run of a job has written.
///
/// # Errors
/// As [`Engine::ask_about`]; there being no such run is one, too.
pub async fn log(
    engine: &Engine,
    id: DeploymentId,
    by: AskedBy,
    job: &str,
    run: &str,
) -> Result<CronLog, EngineError> {
    // Both become parts of a path.
    let word = |word: &str| {
        word.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_')).collect::<String>()
    };
    let (job, run) = (word(job), word(run));
    let told = engine
        .ask_about(id, by, |asked| {
            let params = [("app", asked.environment), ("job", job.as_str()), ("run", run.as_str())];
            resource::compose(&[LOG], params, Mode::Check)
        })
        .await?;
    Ok(CronLog { text: told.text })
}

fn read(text: &str) -> Vec<CronJob> {
    let mut now = None;
    let mut jobs: Vec<CronJob> = Vec::new();
    for line in text.lines() {
        let Some((kind, rest)) = line.split_once(' ') else { continue };
        match (kind, jobs.last_mut()) {
            ("T", None) => now = clock(rest),
            ("J", _) => jobs.push(CronJob {
                name: rest.to_owned(),
                schedule: String::new(),
                run: String::new(),
                next: None,
                runs: Vec::new(),
            }),
            ("S", Some(job)) => {
                job.next = now.and_then(|now| due(rest, now));
                rest.clone_into(&mut job.schedule);
            }
            ("C", Some(job)) => rest.clone_into(&mut job.run),
            ("R", Some(job)) => job.runs.push(CronRun {
                id: rest.to_owned(),
                // Until something else is known of it.
                state: CronRunState::Lost,
                deployment: None,
                started_at: Timestamp(0),
                ended_at: None,
                status: None,
                skipped: 0,
            }),
            ("r", Some(job)) => {
                if let Some(run) = job.runs.last_mut() {
                    recorded(run, rest);
                }
            }
            _ => {}
        }
    }
    jobs
}

/// Takes a line of the record of a run.
fn recorded(run: &mut CronRun, line: &str) {
    let (key, value) = line.split_once(' ').unwrap_or((line, ""));
    let seconds = || Some(Timestamp(value.parse::<i64>().ok()?.checked_mul(1000)?));
    match key {
        "start" => run.started_at = seconds().unwrap_or(run.started_at),
        "release" => run.deployment = value.split('-').next().and_then(|number| number.parse().ok()),
        "skipped" => run.skipped += 1,
        "status" => run.status = value.parse().ok(),
        // It comes last, so what has it is whole.
        "end" => {
            run.ended_at = seconds();
            run.state = match run.status {
                Some(0) => CronRunState::Succeeded,
                Some(_) => CronRunState::Failed,
                None => CronRunState::Lost,
            };
        }
        "alive" => run.state = CronRunState::Running,
        _ => {}
    }
}

/// `1795330164 +0200`: the seconds since 1970, and those by which the clock on the wall is ahead.
fn clock(text: &str) -> Option<(i64, i64)> {
    let (now, zone) = text.split_once(' ')?;
    let zone: i64 = zone.parse().ok()?;
    Some((now.parse().ok()?, (zone / 100 * 60 + zone % 100) * 60))
}

fn due(schedule: &str, (now, ahead): (i64, i64)) -> Option<Timestamp> {
    let next = Schedule::parse(schedule).ok()?.next((now + ahead).div_euclid(60))?;
    Some(Timestamp((next * 60 - ahead) * 1000))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_host_says_of_jobs_is_read() {
        // 06:49 UTC, which is 08:49 there.
        let jobs = read(
            "T 1795330164 +0200\nJ cleanup\nS 0 9 * * *\nC bin/cleanup --all\n\
             R 1795330100\nr start 1795330100\nr pid 7\nr release 4-abc123\nr skipped 1795330160\nr alive\n\
             R 1795330000\nr start 1795330001\nr release 3-abc123\nr status 7\nr end 1795330003\n\
             R 1795320000\nr start 1795320000\nr lost\nJ report\nS @daily\nC bin/report\nnoise\n",
        );
        let [cleanup, report] = &jobs[..] else { panic!("{jobs:?}") };
        assert_eq!((cleanup.name.as_str(), cleanup.run.as_str()), ("cleanup", "bin/cleanup --all"));
        assert_eq!(cleanup.next, Some(Timestamp(1_795_330_800_000)));
        let [going, failed, lost] = &cleanup.runs[..] else { panic!("{cleanup:?}") };
        assert_eq!((going.state, going.deployment, going.skipped), (CronRunState::Running, Some(4), 1));
        assert_eq!((failed.state, failed.status), (CronRunState::Failed, Some(7)));
        assert_eq!(failed.ended_at.map(|end| end.since(failed.started_at)), Some(2000));
        assert_eq!((lost.state, lost.ended_at), (CronRunState::Lost, None));
        assert_eq!((report.schedule.as_str(), report.runs.len()), ("@daily", 0));
    }

    #[test]
    fn a_clock_behind_utc_is_read() {
        assert_eq!(clock("10 -0330"), Some((10, -12_600)));
        assert_eq!(clock("10"), None);
    }
}
