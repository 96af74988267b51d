//! Answers of several systems, and what is made of them.

use super::*;

const WINDOW: Window = Window { asked: Timestamp(1_795_289_639_400), answered: Timestamp(1_795_289_639_500) };

fn facts(answer: &str) -> Facts {
    read(answer.as_bytes(), WINDOW).unwrap()
}

fn text(text: &str) -> Option<String> {
    Some(text.to_owned())
}

#[test]
fn a_debian_server_is_understood() {
    let facts = facts(
        "begin 1795289639.428490558\nnode web1\nsudo 1 sudo: unable to resolve host web1: Name or service not known \
         sudo: a password is required\nkernel_name Linux\nkernel 6.1.0-18-amd64\n\
         disk Filesystem     1024-blocks     Used Available Capacity Mounted on\n\
         disk /dev/vda1        264212084 65666940  29618948      69% /\n\
         disk /dev/vdb1              100       40        60      40% /srv/my data\n\
         disk /dev/vda1        264212084 65666940  29618948      69% /etc/hosts\n\
         arch x86_64\nuser deploy\nfqdn web1.example.com\nuid 1000\nrelease VERSION_ID=\"12\"\nrelease ID=debian\n\
         cpus 2\nmemory 24684084 kB\n\
         ip 1: lo    inet 127.0.0.1/8 scope host lo\\       valid_lft forever preferred_lft forever\n\
         ip 1: lo    inet6 ::1/128 scope host \\       valid_lft forever preferred_lft forever\n\
         ip 4: eth0    inet 192.0.2.2/24 brd 192.0.2.255 scope global eth0\\       valid_lft forever\n\
         ip 4: eth0    inet6 fe80::fc:ff:fe00:1/64 scope link \\       valid_lft forever\n\
         manager apt-get\nmanager brew\nfirst systemd\nbooted systemd\ncontainers podman\nend 1795289639.483744676\n",
    );
    let expected = Facts {
        os: text("linux"),
        os_family: text("debian"),
        distribution: text("debian"),
        version: text("12"),
        hostname: text("web1"),
        fqdn: text("web1.example.com"),
        arch: text("x86_64"),
        kernel: text("6.1.0-18-amd64"),
        cpu_count: Some(2),
        memory: Some(24_684_084 * 1024),
        disks: Some(vec![
            Disk { mount: "/".to_owned(), size: 264_212_084 * 1024, free: 29_618_948 * 1024 },
            Disk { mount: "/srv/my data".to_owned(), size: 100 * 1024, free: 60 * 1024 },
        ]),
        addresses: Some(vec!["192.0.2.2".to_owned(), "fe80::fc:ff:fe00:1".to_owned()]),
        package_manager: Some(PackageManager::Apt),
        init: Some(Init::Systemd),
        container_runtime: Some(ContainerRuntime::Podman),
        user: text("deploy"),
        uid: Some(1000),
        sudo: Some(Sudo::Password),
        clock_offset: Some(0.0),
    };
    assert_eq!(facts, expected);
}

#[test]
fn an_alpine_host_with_busybox_is_understood() {
    let facts = facts(
        "begin 1795289639\nnode box\nsudo absent\nkernel_name Linux\nkernel 6.6.31-0-virt\narch aarch64\nuser root\nuid 0\n\
         disk Filesystem           1024-blocks    Used Available Capacity Mounted on\n\
         disk /dev/vda             264212084  65668148  29617740  69% /\n\
         release ID=alpine\nrelease VERSION_ID=3.20.1\ncpus 4\nmemory 1004 kB\n\
         inet           inet addr:10.0.2.15  Bcast:10.0.2.255  Mask:255.255.255.0\n\
         inet           inet6 addr: fec0::5054:ff:fe12:3456/64 Scope:Site\n\
         inet           inet addr:127.0.0.1  Mask:255.0.0.0\n\
         manager apk\nfirst init\nbooted openrc\ncontainers none\nend 1795289639\n",
    );
    assert_eq!(
        (facts.os_family, facts.distribution, facts.version),
        (text("alpine"), text("alpine"), text("3.20.1"))
    );
    assert_eq!((facts.init, facts.package_manager), (Some(Init::Openrc), Some(PackageManager::Apk)));
    assert_eq!((facts.sudo, facts.container_runtime), (Some(Sudo::None), Some(ContainerRuntime::None)));
    assert_eq!(facts.addresses.unwrap(), ["10.0.2.15", "fec0::5054:ff:fe12:3456"]);
    assert_eq!((facts.fqdn, facts.clock_offset), (None, Some(0.0)));
    assert_eq!(facts.disks.unwrap()[0].mount, "/");
}

#[test]
fn a_mac_is_understood() {
    let facts = facts(
        "begin 1795289639\nnode mini.local\nkernel_name Darwin\nkernel 23.5.0\narch arm64\nuser anna\nuid 501\n\
         product 14.5\ncpus 8\nmemory 17179869184\nsudo 1 sudo: a password is required\n\
         disk Filesystem     1024-blocks      Used Available Capacity  Mounted on\n\
         disk /dev/disk3s1s1   482797652   9623768 223342364     5%    /\n\
         disk /dev/disk3s6     482797652        20 223342364     1%    /System/Volumes/VM\n\
         disk /dev/disk3s5     482797652 244424772 223342364    53%    /System/Volumes/Data\n\
         inet \tinet 127.0.0.1 netmask 0xff000000\ninet \tinet6 fe80::1%lo0 prefixlen 64 scopeid 0x1\n\
         inet \tinet6 fe80::4a9:8f2b%en0 prefixlen 64 secured scopeid 0xb\n\
         inet \tinet 192.168.1.7 netmask 0xffffff00 broadcast 192.168.1.255\n\
         manager brew\nfirst /sbin/launchd\ncontainers none\nend 1795289639\n",
    );
    assert_eq!((facts.os, facts.os_family), (text("darwin"), text("darwin")));
    assert_eq!((facts.distribution, facts.version), (text("macos"), text("14.5")));
    assert_eq!((facts.hostname, facts.fqdn), (text("mini.local"), text("mini.local")));
    assert_eq!((facts.init, facts.package_manager), (Some(Init::Launchd), Some(PackageManager::Brew)));
    assert_eq!(facts.memory, Some(16 << 30));
    assert_eq!(facts.addresses.unwrap(), ["fe80::4a9:8f2b", "192.168.1.7"]);
    let mounts: Vec<String> = facts.disks.unwrap().into_iter().map(|disk| disk.mount).collect();
    assert_eq!(mounts, ["/", "/System/Volumes/Data"]);
}

#[test]
fn a_distribution_is_of_the_family_that_it_is_like() {
    let check = |release: &str, expected: Option<&str>| {
        let release: String = release.lines().map(|line| format!("release {line}\n")).collect();
        let facts = facts(&format!("kernel_name Linux\n{release}"));
        assert_eq!(facts.os_family.as_deref(), expected, "{release}");
    };
    check("ID=ubuntu\nID_LIKE=debian", Some("debian"));
    check("ID=\"rocky\"\nID_LIKE=\"rhel centos fedora\"", Some("redhat"));
    check("ID='pop'\nID_LIKE='ubuntu debian'", Some("debian"));
    check("ID=opensuse-leap\nID_LIKE=\"suse opensuse\"", Some("suse"));
    check("ID=endeavouros\nID_LIKE=arch", Some("arch"));
    check("ID=nixos", Some("nixos"));
    check("ID_LIKE=debian", None);
    check("", None);
    check("ID=\"$(reboot)\"", None);
}

#[test]
fn what_runs_as_process_1_counts_and_not_what_is_installed() {
    let check = |answer: &str, expected: Option<Init>| {
        assert_eq!(facts(&format!("kernel_name Linux\n{answer}")).init, expected, "{answer}");
    };
    check("first systemd", Some(Init::Systemd));
    check("first bash\nbooted sysv", Some(Init::None));
    check("first tini", Some(Init::None));
    check("first init\nbooted sysv", Some(Init::Sysv));
    check("first init\nbooted openrc\nbooted sysv", Some(Init::Openrc));
    check("first init", None);
    check("first runit", None);
    // Where others' processes are hidden.
    check("booted systemd", Some(Init::Systemd));
    check("", None);
}

#[test]
fn sudo_is_told_by_what_it_says() {
    let check = |said: &str, expected: Option<Sudo>| {
        assert_eq!(facts(&format!("kernel_name Linux\nsudo {said}")).sudo, expected, "{said}");
    };
    check("0", Some(Sudo::Passwordless));
    check("0 sudo: unable to resolve host x", Some(Sudo::Passwordless));
    check("1 sudo: a password is required", Some(Sudo::Password));
    check("1 sudo: no tty present and no askpass program specified", Some(Sudo::Password));
    check("1 anna is not in the sudoers file.", Some(Sudo::None));
    check("1 Sorry, user anna may not run sudo on web1.", Some(Sudo::None));
    check("absent", Some(Sudo::None));
    check("124", None);
    check("1 sudo: /etc/sudo.conf is owned by uid 1000, should be 0", None);
    check("yes", None);
}

#[test]
fn the_offset_of_a_clock_allows_for_the_way_there_and_back() {
    let check = |begin: &str, end: &str, asked: i64, answered: i64, expected: Option<f64>| {
        let answer = format!("begin {begin}\nend {end}\n");
        let window = Window { asked: Timestamp(asked), answered: Timestamp(answered) };
        assert_eq!(read(answer.as_bytes(), window).unwrap().clock_offset, expected, "{begin} {end}");
    };
    // Half a second there, one second of thought, half a second back: the clocks agree.
    check("1000.500000000", "1001.500000000", 1_000_000, 1_002_000, Some(0.0));
    // What is within half of the way cannot be told from nothing.
    check("1000.900000000", "1001.900000000", 1_000_000, 1_002_000, Some(0.0));
    check("1010.500000000", "1011.500000000", 1_000_000, 1_002_000, Some(10.0));
    check("990.250000000", "990.300000000", 1_000_000, 1_000_100, Some(-9.775));
    // Whole seconds say no more than that.
    check("1000", "1000", 1_000_900, 1_000_950, Some(0.0));
    check("1042", "1042", 1_000_000, 1_000_020, Some(42.0));
    check("940", "941", 1_000_000, 1_000_020, Some(-59.0));
    // Clocks that are set meanwhile, and texts that are no time.
    check("1001.500000000", "1000.500000000", 1_000_000, 1_002_000, None);
    check("1000.500000000", "1001.500000000", 1_002_000, 1_000_000, None);
    check("now", "then", 0, 1, None);
    check("1e308", "1e308", 0, 1, None);
    check("9999999999999999999999999999", "9999999999999999999999999999", 0, 1, None);
}

#[test]
fn an_answer_that_breaks_off_has_the_facts_that_came() {
    let facts = facts("begin 1795289639.42\nkernel_name Linux\ncpus 2\nmemory 12");
    assert_eq!((facts.cpu_count, facts.clock_offset, facts.disks), (Some(2), None, None));
}

#[test]
fn hostile_answers_have_no_facts() {
    let long = format!("kernel_name Linux\nnode {}\n", "a".repeat(300));
    assert_eq!(facts(&long).hostname, None);
    let hostile = facts(
        "kernel_name Linux\nnode evil\u{1b}[2J\nuser \u{7}\nuid -1\ncpus 0\nmemory 99999999999999999999 kB\n\
         memory 5 kB\ndisk /dev/x 99999999999999999999 1 1 1% /\ndisk /dev/x 18446744073709551615 1 1 1% /\n\
         disk x 1 1 1 1% ../etc\ndisk 1% 1% 1% 1% 1% /\ndisk % / \ndisk \u{1f600}% /\ndisk\nip inet\nip inet not-an-address\n\
         inet inet addr:\naddress 300.1.1.1 ::g\ncontainers rm -rf /\nmanager rpm\nfirst \nrelease ID=\nrelease ID=\"\n\
         release VERSION_ID=\"\u{1b}]0;x\"\nkernel \narch",
    );
    assert_eq!(hostile, Facts { os: text("linux"), ..Facts::default() });
    let many: String = (0..5000).map(|i| format!("disk /dev/a{i} 9 9 9 9% /m{i}\n")).collect();
    assert_eq!(facts(&format!("kernel_name Linux\n{many}")).disks.unwrap().len(), MOST);
    let mut bytes = b"kernel_name Linux\nnode ".to_vec();
    bytes.extend([0xff, 0xfe, 0, b'\n']);
    bytes.extend(b"arch x86_64\n");
    let read = read(&bytes, WINDOW).unwrap();
    assert_eq!((read.hostname, read.arch), (None, text("x86_64")));
}

#[test]
fn what_is_no_answer_is_none() {
    for nothing in ["", "\n\n", "This account is not available.\n", "sh: syntax error\n", "\0\0\0"] {
        assert_eq!(read(nothing.as_bytes(), WINDOW), None, "{nothing:?}");
    }
}

/// Runs the question in a shell of its own with only busybox to be found.
fn with_busybox_only(shell: &str) -> Facts {
    let folder = tempfile::tempdir().unwrap();
    let busybox =
        ["/bin/busybox", "/usr/bin/busybox"].into_iter().find(|path| std::path::Path::new(path).exists());
    let busybox = busybox.expect("busybox is installed");
    let status =
        std::process::Command::new(busybox).args(["--install", "-s"]).arg(folder.path()).status().unwrap();
    assert!(status.success());
    // The question adds the usual folders, which here must stay out of sight.
    let question = shell::facts_question().replace("PATH=\"$PATH:", "NOT_THE_PATH=\"");
    let output = std::process::Command::new(folder.path().join(shell))
        .args(["-c", &question])
        .env_clear()
        .env("PATH", folder.path())
        .output()
        .unwrap();
    read(&output.stdout, WINDOW).unwrap()
}

#[test]
fn busybox_alone_is_enough() {
    let facts = with_busybox_only("ash");
    assert_eq!(facts.os.as_deref(), Some("linux"));
    for name in
        ["os_family", "hostname", "arch", "kernel", "cpu_count", "memory", "disks", "addresses", "uid"]
    {
        assert!(facts.get(name).is_some(), "{name}: {facts:?}");
    }
    assert_eq!(facts.sudo, Some(Sudo::None));
    // Nothing else is to be found, so no manager of packages is.
    assert_eq!((facts.package_manager, facts.container_runtime), (None, Some(ContainerRuntime::None)));
}

#[test]
fn every_shell_gives_the_same_facts() {
    let run = |words: &[&str]| {
        let mut command = std::process::Command::new(words[0]);
        command.args(&words[1..]).args(["-c", &shell::facts_question()]);
        let mut facts = read(&command.output().unwrap().stdout, WINDOW).unwrap();
        // Builds write meanwhile, and so do other tests.
        facts.clock_offset = None;
        facts.disks.iter_mut().flatten().for_each(|disk| disk.free = 0);
        facts
    };
    let dash = run(&["dash"]);
    assert!(dash.disks.is_some() && dash.addresses.is_some(), "{dash:?}");
    for shell in [&["bash"][..], &["bash", "--posix"], &["busybox", "sh"]] {
        assert_eq!(run(shell), dash, "{shell:?}");
    }
}
