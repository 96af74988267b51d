//! Which ports of a host are taken, and by whom.

use std::{collections::BTreeSet, time::Duration};

use steadyhand_remote::Host;

/// How long a host may take to answer.
const PATIENCE: Duration = Duration::from_secs(15);
/// How far above the port that is taken a free one is looked for.
const REACH: u16 = 200;

/// Lists listening TCP ports (`L port`, in hexadecimal from /proc or decimal from lsof) and who holds the port in
/// question (`H pid name`). Linux is read from /proc, which needs no tool beyond awk; other systems are asked with
/// lsof. See proc_pid_net(5): state 0A is listening, field 10 is the socket's inode.
const SCRIPT: &str = r#"
hex=$(printf '%04X' "$port")
if [ -r /proc/net/tcp ]; then
  cat /proc/net/tcp /proc/net/tcp6 2>/dev/null | awk '$4 == "0A" { n = split($2, a, ":"); print "L", a[n] }'
  inode=$(cat /proc/net/tcp /proc/net/tcp6 2>/dev/null |
    awk -v p="$hex" '$4 == "0A" { n = split($2, a, ":"); if (a[n] == p) { print $10; exit } }')
  if [ -n "$inode" ]; then
    dir=$(ls -l /proc/[0-9]*/fd 2>/dev/null |
      awk -v s="socket:[$inode]" '/^\/proc\// { d = $1 } index($0, s) { print d; exit }')
    pid=${dir#/proc/}; pid=${pid%%/*}
    [ -n "$pid" ] && echo "H $pid $(cat "/proc/$pid/comm" 2>/dev/null)"
  fi
else
  lsof -nP -iTCP -sTCP:LISTEN -Fn 2>/dev/null | sed -n 's/^n.*:\([0-9][0-9]*\)$/D \1/p'
  pid=$(lsof -nP -t -iTCP:"$port" -sTCP:LISTEN 2>/dev/null | head -n 1)
  [ -n "$pid" ] && echo "H $pid $(ps -o comm= -p "$pid")"
fi
exit 0
"#;

/// What is known of a host's ports.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Ports {
    /// Ports that something listens on.
    listening: BTreeSet<u16>,
    /// The process that holds the port in question, when it can be seen: its number and name.
    pub(crate) holder: Option<(u32, String)>,
}

impl Ports {
    fn parse(answer: &str) -> Self {
        let mut ports = Self::default();
        for line in answer.lines() {
            let mut words = line.split_whitespace();
            match (words.next(), words.next(), words.next()) {
                (Some("L"), Some(port), _) => ports.listening.extend(u16::from_str_radix(port, 16)),
                (Some("D"), Some(port), _) => ports.listening.extend(port.parse::<u16>()),
                (Some("H"), Some(pid), Some(name)) => {
                    ports.holder = pid.parse().ok().map(|pid| (pid, name.to_owned()));
                }
                _ => {}
            }
        }
        ports
    }
}

/// Asks a host about its ports; none when it cannot be asked.
pub(crate) async fn look(host: &Host, port: u16) -> Option<Ports> {
    let probe = host.probe(&format!("port={port}\n{SCRIPT}"), PATIENCE).await.ok()?;
    (probe.status == Some(0)).then(|| Ports::parse(&String::from_utf8_lossy(&probe.output)))
}

/// The first port above `taken` that is free on all of these hosts.
pub(crate) fn free_on_all(taken: u16, hosts: &[Ports]) -> Option<u16> {
    (taken.checked_add(1)?..=taken.saturating_add(REACH))
        .find(|port| hosts.iter().all(|host| !host.listening.contains(port)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_port_that_is_free_everywhere_is_found() {
        let web1 = Ports::parse("L 0BB8\nL 0BB9\nH 1893 grafana-server\n");
        let web2 = Ports::parse("D 3002\nnoise\n");
        assert_eq!(web1.holder, Some((1893, "grafana-server".to_owned())));
        assert_eq!(free_on_all(3000, &[web1.clone(), web2]), Some(3003));
        assert_eq!(free_on_all(3000, &[web1]), Some(3002));
        assert_eq!(free_on_all(u16::MAX, &[]), None);
    }
}
