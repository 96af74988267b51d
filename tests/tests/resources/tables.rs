//! The resources, and what is done to them.

/// A resource: the step that makes it, how it is seen to be there, what somebody does to it, and the step that undoes it.
pub(crate) struct Row {
    pub(crate) present: &'static str,
    /// Succeeds on the host when all is as it should be.
    pub(crate) look: &'static str,
    pub(crate) drift: &'static str,
    pub(crate) absent: &'static str,
    /// Succeeds on the host when it is gone.
    pub(crate) gone: &'static str,
}

/// What needs nothing else of the plan.
pub(crate) const FIRST: &[Row] = &[
    Row {
        present: "package: { name: [tree, cron], recommends: false }",
        look: "tree --version; dpkg-query -W -f '${Status}' tree | grep -x 'install ok installed'",
        drift: "apt-get -y -qq remove tree >/dev/null 2>&1",
        absent: "package: { name: tree, state: absent }",
        gone: "! dpkg-query -W -f '${Status}' tree | grep -x 'install ok installed'",
    },
    Row {
        present: "group: { name: crew, gid: 1500 }",
        look: "grep -x 'crew:x:1500:' /etc/group",
        drift: "sed -i s/^crew:x:1500/crew:x:1501/ /etc/group",
        absent: "group: { name: crew, state: absent }",
        gone: "! grep ^crew: /etc/group",
    },
    Row {
        present: "user: { name: amy, uid: 1700, groups: [adm, games], home: /srv/amy, shell: /bin/sh, comment: 'Amy $A', \
                  password: '$6$salt$not.the.hash.of.anything' }",
        look: "grep -xF 'amy:x:1700:1700:Amy $A:/srv/amy:/bin/sh' /etc/passwd
               id -Gn amy | tr ' ' '\\n' | sort | tr '\\n' ' ' | grep -x 'adm amy games '
               grep -F 'amy:$6$salt$not.the.hash.of.anything:' /etc/shadow
               [ \"$(stat -c %U /srv/amy)\" = amy ]",
        drift: "sed -i 's/^amy:.*/amy:x:1701:1700:B:\\/srv\\/amy2:\\/bin\\/false/' /etc/passwd; mv /srv/amy /srv/amy2
                sed -i '/^games:/s/amy//;/^daemon:/s/$/amy/' /etc/group; chown -R 1701 /srv/amy2
                sed -i 's/^amy:[^:]*/amy:*/' /etc/shadow",
        absent: "user: { name: amy, state: absent, remove_home: true }",
        gone: "! grep ^amy: /etc/passwd; [ ! -e /srv/amy ]",
    },
    Row {
        present: "directory: { path: /opt/shop/data, owner: daemon, group: '1', mode: '0750' }",
        look: "stat -c '%U %G %a' /opt/shop/data | grep -x 'daemon daemon 750'",
        drift: "chown 0:60 /opt/shop/data; chmod 777 /opt/shop/data",
        absent: "directory: { path: /opt/shop/data, state: absent }",
        gone: "[ ! -e /opt/shop/data ]",
    },
    Row {
        present: r#"file: { path: /etc/shop.conf, content: "a'b \"c\"\n$x `y` \\n\n", owner: daemon, mode: "0640" }"#,
        look: r#"[ "$(cat /etc/shop.conf)" = "$(printf '%s\n' "a'b \"c\"" '$x `y` \n')" ]
                stat -c '%U %G %a' /etc/shop.conf | grep -x 'daemon root 640'"#,
        drift: "echo more >>/etc/shop.conf; chmod 666 /etc/shop.conf; chown 7 /etc/shop.conf",
        absent: "file: { path: /etc/shop.conf, state: absent }",
        gone: "[ ! -e /etc/shop.conf ]",
    },
    Row {
        present: "link: { path: /usr/local/bin/shop, to: '/opt/shop/a b' }",
        look: "[ \"$(readlink /usr/local/bin/shop)\" = '/opt/shop/a b' ]",
        drift: "ln -sfn /etc /usr/local/bin/shop",
        absent: "link: { path: /usr/local/bin/shop, state: absent }",
        gone: "[ ! -L /usr/local/bin/shop ]",
    },
    Row {
        present: "line: { path: /etc/profile, line: 'export SHOP=\"1 & \\2\"', match: '^export SHOP=', after: '^PATH' }",
        look: r#"[ "$(grep -c '^export SHOP="1 & \\2"$' /etc/profile)" = 1 ]"#,
        drift: "sed -i 's/^export SHOP=.*/export SHOP=2/' /etc/profile",
        absent: "line: { path: /etc/profile, match: '^export SHOP=', state: absent }",
        gone: "! grep SHOP /etc/profile",
    },
    Row {
        present: "cron: { name: backup, schedule: '0 3 * * *', run: \"date '+%F %T' >/tmp/last\" }",
        look: r#"crontab -l | grep -xF "0 3 * * * date '+\\%F \\%T' >/tmp/last"; crontab -l | grep -x '1 2 3 4 5 true'"#,
        drift: "crontab -l | sed 's/^0 3/0 4/' | crontab -",
        absent: "cron: { name: backup, state: absent }",
        gone: "[ \"$(crontab -l)\" = '1 2 3 4 5 true' ]",
    },
    Row {
        present: "service: { name: cron, state: running, enabled: false }",
        look: "service cron status; ! ls /etc/rc2.d/S*cron",
        drift: "service cron stop; update-rc.d cron enable",
        absent: "service: { name: cron, state: stopped, enabled: true }",
        gone: "! service cron status; ls /etc/rc2.d/S*cron",
    },
    Row {
        present: r#"systemd_unit: { name: shop, content: "[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=multi-user.target\n", enabled: true }"#,
        look: "grep -x ExecStart=/bin/true /etc/systemd/system/shop.service; systemctl --root=/ is-enabled shop",
        drift: "sed -i s/true/false/ /etc/systemd/system/shop.service; systemctl --root=/ -q disable shop",
        absent: "systemd_unit: { name: shop, state: absent }",
        gone: "[ ! -e /etc/systemd/system/shop.service ]; ! ls /etc/systemd/system/*/shop.service",
    },
    Row {
        present: "git: { repo: /srv/shop.git, to: /opt/source, revision: v1 }",
        look: "[ \"$(cat /opt/source/file)\" = one ]",
        drift: "git -C /opt/source checkout -q origin/main",
        absent: "directory: { path: /opt/source, state: absent, recursive: true }",
        gone: "[ ! -e /opt/source ]",
    },
    Row {
        present: "archive: { from: /srv/shop.tgz, to: /opt/unpacked, strip: 1 }",
        look: "[ \"$(cat /opt/unpacked/bin/app)\" = app ]",
        drift: "rm -r /opt/unpacked",
        absent: "directory: { path: /opt/unpacked, state: absent, recursive: true }",
        gone: "[ ! -e /opt/unpacked ]",
    },
];

/// What needs what is in the first table.
pub(crate) const SECOND: &[Row] = &[
    Row {
        present: "authorized_key: { user: amy, key: 'no-pty ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB amy@home' }",
        look: "stat -c '%U %a' /srv/amy/.ssh /srv/amy/.ssh/authorized_keys | tr '\\n' ' ' | grep -x 'amy 700 amy 600 '
               grep -x 'no-pty ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB amy@home' /srv/amy/.ssh/authorized_keys",
        drift: "chmod 755 /srv/amy/.ssh; chmod 644 /srv/amy/.ssh/authorized_keys
                sed -i s/no-pty/no-X11-forwarding/ /srv/amy/.ssh/authorized_keys",
        absent: "authorized_key: { user: amy, key: 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB', state: absent }",
        gone: "[ ! -s /srv/amy/.ssh/authorized_keys ]",
    },
    Row {
        present: "file: { path: /opt/shop/data/list, owner: amy, group: crew }",
        look: "stat -c '%U %G %s' /opt/shop/data/list | grep -x 'amy crew 0'",
        drift: "chown root:root /opt/shop/data/list",
        absent: "file: { path: /opt/shop/data/list, state: absent }",
        gone: "[ ! -e /opt/shop/data/list ]",
    },
];

/// What concerns the network, for a host in one of its own.
pub(crate) const NETWORK: &[Row] = &[
    Row {
        present: "sysctl: { name: net.ipv4.ip_forward, value: '1' }",
        look: "[ \"$(cat /proc/sys/net/ipv4/ip_forward)\" = 1 ]
               grep -x 'net.ipv4.ip_forward = 1' /etc/sysctl.d/99-steadyhand-net.ipv4.ip_forward.conf",
        drift: "echo 0 >/proc/sys/net/ipv4/ip_forward; rm /etc/sysctl.d/99-steadyhand-net.ipv4.ip_forward.conf",
        absent: "sysctl: { name: net.ipv4.ip_forward, state: absent }",
        gone: "[ ! -e /etc/sysctl.d/99-steadyhand-net.ipv4.ip_forward.conf ]",
    },
    Row {
        present: "firewall: { port: 5432, from: 10.0.0.0/8, tool: nftables }",
        look: "nft list table inet steadyhand | grep -F 'ip saddr 10.0.0.0/8 tcp dport 5432 accept'
               nft -c -f /etc/nftables.conf; grep -F steadyhand.nft /etc/nftables.conf",
        drift: "nft delete table inet steadyhand; sed -i /steadyhand/d /etc/nftables.conf",
        absent: "firewall: { port: 5432, from: 10.0.0.0/8, tool: nftables, state: absent }",
        gone: "! nft list table inet steadyhand | grep 5432",
    },
];

/// The rows of the first table that stand on packages which busybox alone has not.
pub(crate) const PACKAGED: &[&str] = &["package:", "service:", "systemd_unit:", "git:"];

/// Services where there is no manager of them, only their scripts.
pub(crate) const SCRIPTS: &[Row] = &[Row {
    present: "service: shop",
    look: "[ -e /run/shop ]",
    drift: "rm /run/shop",
    absent: "service: { name: shop, state: stopped }",
    gone: "[ ! -e /run/shop ]",
}];

/// What docker runs.
pub(crate) const CONTAINERS: &[Row] = &[
    Row {
        present: "docker_container: { name: web, image: shop, env: { A: 'x y' }, labels: { tier: web }, network: host, \
                  restart: unless-stopped, command: [sh, -c, 'trap \"exit 0\" TERM; while :; do sleep 1 & wait; done'] }",
        look: "docker inspect -f '{{.State.Status}} {{index .Config.Env 0}} {{.Config.Labels.tier}}' web | grep -x 'running A=x y web'
               docker inspect -f '{{.HostConfig.NetworkMode}} {{.HostConfig.RestartPolicy.Name}}' web | grep -x 'host unless-stopped'
               [ \"$(docker ps -aq | wc -l)\" = 2 ]",
        drift: "docker rm -f web; docker run -d --name web --network host shop sh -c 'while :; do sleep 1; done'",
        absent: "docker_container: { name: web, state: absent }",
        gone: "! docker inspect web",
    },
    Row {
        present: "docker_compose: /opt/compose",
        look: "[ \"$(docker ps -q --filter label=com.docker.compose.project=compose | wc -l)\" = 1 ]",
        drift: "docker kill compose_app_1",
        absent: "docker_compose: { folder: /opt/compose, state: down }",
        gone: "[ ! \"$(docker ps -aq)\" ]",
    },
];
