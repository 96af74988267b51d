//! How a deployment is now: its containers, what they use, and what they write.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use steadyhand_domain::DeploymentId;
use steadyhand_engine::{AskedAbout, AskedBy, Engine, EngineError};
use steadyhand_remote::resource::{self, Mode};
use ts_rs::TS;

/// The most lines of a log that are told at once.
const MOST_LINES: u32 = 1000;

/// How a deployment is reached, and how its containers are.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS, JsonSchema)]
pub struct Live {
    /// The name of its host in the plan.
    pub host: String,
    /// The port at which the environment is reached on the host's loopback, once it was deployed to.
    pub port: Option<u16>,
    /// Whether a person has stopped what serves.
    pub stopped: bool,
    /// The addresses that it is reached by from elsewhere.
    pub addresses: Vec<String>,
    /// Its containers, in their order.
    pub containers: Vec<Container>,
}

/// A container, as it is now.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS, JsonSchema)]
pub struct Container {
    /// What it is called on its host.
    pub name: String,
    /// Its number among those of its deployment, from 1.
    pub replica: u32,
    /// What docker calls its state: `running`, `exited`, `restarting`, …
    pub state: String,
    /// What the check of its image says, if it has one: `healthy`, `unhealthy`, `starting`.
    pub health: Option<String>,
    /// When it was started, as RFC 3339.
    pub started_at: String,
    /// How often docker has started it again.
    pub restarts: u32,
    /// The status that it ended with, if it has.
    pub exit_status: Option<i32>,
    /// Whether it was killed for want of memory.
    pub out_of_memory: bool,
    /// What it uses of the processors, in percent of one.
    pub cpu_percent: Option<f64>,
    /// What it uses of the memory, in bytes.
    #[ts(type = "number | null")]
    pub memory: Option<u64>,
    /// What it may use of the memory, in bytes; none when it may use all.
    #[ts(type = "number | null")]
    pub memory_limit: Option<u64>,
}

/// A part of what containers have written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
pub struct ContainerLog {
    /// The lines, oldest first.
    pub lines: Vec<ContainerLine>,
    /// What to ask with for the lines after these.
    pub after: String,
}

/// A line that a container has written.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, TS, JsonSchema)]
pub struct ContainerLine {
    /// When, as RFC 3339.
    pub at: String,
    /// The container's number, from 1.
    pub replica: u32,
    /// The line.
    pub text: String,
    /// The line with its stack trace in the original source, where a source map is known for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub original: Option<String>,
}

/// One line each: `C` the container, `S` what it uses, `P` the port.
const CONTAINERS: &str = r#"
ids=$(docker ps -aq --filter "label=steadyhand.app=$p_app" --filter "label=steadyhand.release=$p_release" 2>&1) || { echo "$ids"; exit 1; }
[ -f "/var/lib/steadyhand/apps/$p_app/stopped" ] && echo stopped
[ -s "/var/lib/steadyhand/apps/$p_app/port" ] && echo "P $(cat "/var/lib/steadyhand/apps/$p_app/port")"
[ "$ids" ] || exit 0
docker inspect -f 'C {{.ID}} {{index .Config.Labels "steadyhand.replica"}} {{.Name}} {{.State.Status}} {{if .State.Health}}{{.State.Health.Status}}{{else}}-{{end}} {{.State.StartedAt}} {{.RestartCount}} {{.State.ExitCode}} {{.State.OOMKilled}} {{.HostConfig.Memory}}' $ids || exit 1
docker stats --no-stream --no-trunc --format 'S {{.ID}} {{.CPUPerc}} {{.MemUsage}}' $ids 2>/dev/null
exit 0
"#;

/// `REPLICA TIME TEXT`, for each container from where it was read to. Very long lines are cut.
const LOG: &str = r#"
ids=$(docker ps -aq --filter "label=steadyhand.app=$p_app" --filter "label=steadyhand.release=$p_release" 2>&1) || { echo "$ids"; exit 1; }
[ "$ids" ] || exit 0
# All of it has to fit into one answer.
most=$((56000 / $(printf '%s\n' "$ids" | wc -l)))
for id in $ids; do
  replica=$(docker inspect -f '{{index .Config.Labels "steadyhand.replica"}}' "$id" 2>/dev/null)
  [ "$replica" ] || continue
  from=$(printf '%s\n' "$p_after" | tr , '\n' | sed -n "s/^$replica=//p")
  docker logs --timestamps --tail "$p_lines" ${from:+--since "$from"} "$id" 2>&1 | cut -c 1-2000 | sed "s/^/$replica /" | tail -c "$most"
done
exit 0
"#;

/// How a deployment is now.
///
/// # Errors
/// As [`Engine::ask_about`].
pub async fn live(engine: &Engine, id: DeploymentId, by: AskedBy) -> Result<Live, EngineError> {
    let told = engine.ask_about(id, by, |asked| script(asked, &[], CONTAINERS)).await?;
    let (port, containers) = read(&told.text);
    let stopped = told.text.lines().any(|line| line == "stopped");
    Ok(Live {
        host: told.host,
        port,
        stopped,
        addresses: told.domains.iter().map(|name| address(name)).collect(),
        containers,
    })
}

/// What the containers of a deployment have written: the last `lines` of each, or what came `after` an earlier answer.
///
/// # Errors
/// As [`Engine::ask_about`].
pub async fn log(
    engine: &Engine,
    id: DeploymentId,
    by: AskedBy,
    after: &str,
    lines: u32,
) -> Result<ContainerLog, EngineError> {
    let lines = lines.min(MOST_LINES).to_string();
    let told =
        engine.ask_about(id, by, |asked| script(asked, &[("after", after), ("lines", &lines)], LOG)).await?;
    Ok(read_log(&told.text, after))
}

fn script(asked: AskedAbout<'_>, more: &[(&str, &str)], program: &str) -> String {
    let names = [("app", asked.environment), ("release", asked.deployment)];
    resource::compose(&[program], names.into_iter().chain(more.iter().copied()), Mode::Check)
}

/// The address of a name that a plan gives.
fn address(name: &str) -> String {
    if name.contains("://") { name.to_owned() } else { format!("https://{name}") }
}

fn read(text: &str) -> (Option<u16>, Vec<Container>) {
    let mut port = None;
    let mut containers: Vec<(String, Container)> = Vec::new();
    for line in text.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words[..] {
            ["P", number] => port = number.parse().ok(),
            ["C", id, replica, name, state, health, started, restarts, status, killed, limit] => {
                let container = Container {
                    name: name.trim_start_matches('/').to_owned(),
                    replica: replica.parse().unwrap_or(1),
                    state: state.to_owned(),
                    health: Some(health.to_owned()).filter(|health| health != "-"),
                    started_at: started.to_owned(),
                    restarts: restarts.parse().unwrap_or(0),
                    exit_status: status.parse().ok().filter(|_| state == "exited" || state == "dead"),
                    out_of_memory: killed == "true",
                    cpu_percent: None,
                    memory: None,
                    memory_limit: limit.parse().ok().filter(|limit| *limit > 0),
                };
                containers.push((id.to_owned(), container));
            }
            ["S", id, cpu, memory, ..] => {
                if let Some((_, container)) = containers.iter_mut().find(|(known, _)| known == id) {
                    container.cpu_percent = cpu.trim_end_matches('%').parse().ok();
                    container.memory = bytes(memory);
                }
            }
            _ => {}
        }
    }
    let mut containers: Vec<Container> = containers.into_iter().map(|(_, container)| container).collect();
    containers.sort_by_key(|container| container.replica);
    (port, containers)
}

/// `12.5MiB`, as docker writes sizes.
fn bytes(text: &str) -> Option<u64> {
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let factor = match unit {
        "B" => 1.0,
        "KiB" => 1024.0,
        "MiB" => 1024.0 * 1024.0,
        "GiB" => 1024.0 * 1024.0 * 1024.0,
        "TiB" => 1024.0 * 1024.0 * 1024.0 * 1024.0,
        "kB" => 1e3,
        "MB" => 1e6,
        "GB" => 1e9,
        _ => return None,
    };
    let bytes = number.parse::<f64>().ok()? * factor;
    // A size that docker tells is far below what a u64 holds.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a small positive number")]
    Some(bytes.round() as u64)
}

fn read_log(text: &str, after: &str) -> ContainerLog {
    let mut seen: Vec<(u32, String)> = after
        .split(',')
        .filter_map(|one| one.split_once('='))
        .filter_map(|(replica, at)| Some((replica.parse().ok()?, at.to_owned())))
        .collect();
    let mut lines = Vec::new();
    for line in text.lines() {
        let mut words = line.splitn(3, ' ');
        let (Some(replica), Some(at)) = (words.next().and_then(|word| word.parse().ok()), words.next())
        else {
            continue;
        };
        // What was cut off in the middle has no time, and what was told before is told again.
        let is_old = seen.iter().any(|(known, until)| *known == replica && at <= until.as_str());
        if !at.ends_with('Z') || is_old {
            continue;
        }
        let text = words.next().unwrap_or_default().trim_end_matches('\r').to_owned();
        lines.push(ContainerLine { at: at.to_owned(), replica, text, original: None });
    }
    lines.sort_by(|a, b| a.at.cmp(&b.at));
    for line in &lines {
        match seen.iter_mut().find(|(replica, _)| *replica == line.replica) {
            Some((_, at)) => at.clone_from(&line.at),
            None => seen.push((line.replica, line.at.clone())),
        }
    }
    let after: Vec<String> = seen.iter().map(|(replica, at)| format!("{replica}={at}")).collect();
    ContainerLog { lines, after: after.join(",") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_docker_says_of_containers_is_read() {
        let said = "P 4100\n\
            C aa 2 /shop-3-2 exited - 2026-11-22T06:00:00.1Z 3 137 true 8388608\n\
            C bb 1 /shop-3-1 running healthy 2026-11-22T06:00:00Z 0 0 false 0\n\
            S bb 0.52% 12.5MiB / 1.9GiB\nS cc 1% 1B / 1B\nnoise\n";
        let (port, containers) = read(said);
        assert_eq!(port, Some(4100));
        let [one, two] = &containers[..] else { panic!("{containers:?}") };
        assert_eq!((one.name.as_str(), one.health.as_deref()), ("shop-3-1", Some("healthy")));
        assert_eq!((one.cpu_percent, one.memory, one.memory_limit), (Some(0.52), Some(13_107_200), None));
        assert_eq!((two.exit_status, two.out_of_memory, two.restarts), (Some(137), true, 3));
        assert_eq!(two.memory_limit, Some(8_388_608));
    }

    #[test]
    fn lines_of_several_containers_are_put_in_order_and_told_once() {
        let first = read_log(
            "1 2026-11-22T06:00:01.000000001Z one\n1 2026-11-22T06:00:03.000000001Z three\n\
             2 2026-11-22T06:00:02.000000001Z two  words\ncut off\n",
            "",
        );
        let texts: Vec<&str> = first.lines.iter().map(|line| line.text.as_str()).collect();
        assert_eq!(texts, ["one", "two  words", "three"]);
        assert_eq!(first.after, "1=2026-11-22T06:00:03.000000001Z,2=2026-11-22T06:00:02.000000001Z");
        let next = read_log(
            "1 2026-11-22T06:00:03.000000001Z three\n2 2026-11-22T06:00:04.000000001Z \n",
            &first.after,
        );
        assert_eq!(next.lines.len(), 1);
        assert_eq!(next.lines[0].text, "");
    }
}
