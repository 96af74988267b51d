use std::{
    fs,
    sync::atomic::{AtomicUsize, Ordering},
};

use secrecy::ExposeSecret;
use tempfile::TempDir;
use uuid::Uuid;

use super::{crypt::Key, *};

mod keys;

const SHOP: ProjectId = ProjectId(Uuid::from_u128(1));
const BLOG: ProjectId = ProjectId(Uuid::from_u128(2));
const NOW: Timestamp = Timestamp(1_700_000_000_000);
const PASSPHRASE: &str = "correct horse battery";
const QUICK: Costs = Costs { memory_kib: 64, passes: 1, lanes: 1 };

/// A keyring that does not answer.
struct NoKeyring;

impl Keyring for NoKeyring {
    fn read(&self) -> Result<Option<SecretString>, String> {
        Err("there is none".to_owned())
    }
    fn write(&self, _: &SecretString) -> Result<(), String> {
        Err("there is none".to_owned())
    }
    fn forget(&self) -> Result<(), String> {
        Err("there is none".to_owned())
    }
}

/// A keyring in memory, which refuses everything after some writes.
#[derive(Clone)]
struct Memory {
    text: Arc<Mutex<Option<SecretString>>>,
    writes_left: Arc<AtomicUsize>,
}

impl Memory {
    fn new() -> Self {
        Self { text: Arc::default(), writes_left: Arc::new(AtomicUsize::new(usize::MAX)) }
    }

    fn keys(&self) -> usize {
        locked(&self.text).as_ref().map_or(0, |text| text.expose_secret().lines().count())
    }
}

impl Keyring for Memory {
    fn read(&self) -> Result<Option<SecretString>, String> {
        Ok(locked(&self.text).clone())
    }
    fn write(&self, text: &SecretString) -> Result<(), String> {
        let left = self.writes_left.load(Ordering::Relaxed);
        self.writes_left.store(left.checked_sub(1).ok_or("it is full")?, Ordering::Relaxed);
        *locked(&self.text) = Some(text.clone());
        Ok(())
    }
    fn forget(&self) -> Result<(), String> {
        *locked(&self.text) = None;
        Ok(())
    }
}

fn options(folder: &TempDir) -> VaultOptions {
    let folder = folder.path().to_owned();
    VaultOptions { folder, environment: None, keyring: Box::new(NoKeyring), costs: QUICK }
}

/// A vault as a process that has just begun sees it, with its key in a file.
fn vault(folder: &TempDir) -> Vault {
    Vault::new(options(folder))
}

fn with_environment(folder: &TempDir, text: &str) -> Vault {
    Vault::new(VaultOptions { environment: Some(text.into()), ..options(folder) })
}

fn with_keyring(folder: &TempDir, keyring: &Memory) -> Vault {
    Vault::new(VaultOptions { keyring: Box::new(keyring.clone()), ..options(folder) })
}

fn folder() -> TempDir {
    tempfile::tempdir().expect("a folder")
}

fn set(vault: &Vault, project: ProjectId, name: &str, value: &str) -> bool {
    vault.set(project, name, &value.into(), NOW).expect("it is set")
}

fn value(vault: &Vault, project: ProjectId, name: &str) -> Option<String> {
    let value = vault.value(project, name).expect("the vault can be read");
    value.map(|value| value.expose_secret().to_owned())
}

/// A folder with a vault of two secrets of the shop and one of the blog.
fn filled() -> TempDir {
    let folder = folder();
    fill(&vault(&folder));
    folder
}

fn fill(vault: &Vault) {
    set(vault, SHOP, "DATABASE_URL", "postgres://shop:geheim@db/shop");
    set(vault, SHOP, "KEY", "-----BEGIN-----\nläufer\n-----END-----\n");
    set(vault, BLOG, "KEY", "of the blog");
}

fn check_filled(vault: &Vault) {
    assert_eq!(value(vault, SHOP, "DATABASE_URL").as_deref(), Some("postgres://shop:geheim@db/shop"));
    assert_eq!(value(vault, SHOP, "KEY").as_deref(), Some("-----BEGIN-----\nläufer\n-----END-----\n"));
    assert_eq!(value(vault, BLOG, "KEY").as_deref(), Some("of the blog"));
}

fn text(folder: &TempDir) -> String {
    fs::read_to_string(folder.path().join("secrets.vault")).expect("the vault's file")
}

fn put(folder: &TempDir, content: impl AsRef<[u8]>) {
    fs::write(folder.path().join("secrets.vault"), content).expect("the vault's file");
}

/// The text with the checksum that fits it: what somebody can do who has no key.
fn with_its_sum(text: &str) -> String {
    let (body, end) = text.trim_end().rsplit_once('\n').expect("an end");
    let body = format!("{body}\n");
    let end: serde_json::Value = serde_json::from_str(end).expect("JSON");
    let seal = end["seal"].as_str().expect("a seal");
    let sum = crypt::checksum(format!("{body}{seal}").as_bytes());
    format!("{body}{{\"seal\":\"{seal}\",\"sum\":\"{sum}\"}}\n")
}

#[test]
fn what_is_set_is_there_for_the_next_process_and_in_no_file_as_it_is() {
    let folder = filled();
    check_filled(&vault(&folder));
    let names = vault(&folder).names(Some(SHOP)).expect("names");
    assert_eq!(names.iter().map(|secret| secret.name.as_str()).collect::<Vec<_>>(), ["DATABASE_URL", "KEY"]);
    assert_eq!((names[0].project, names[0].set_at), (SHOP, NOW));
    assert_eq!(vault(&folder).names(None).expect("names").len(), 3);
    for entry in fs::read_dir(folder.path()).expect("the folder") {
        let content = fs::read(entry.expect("an entry").path()).expect("a file");
        let content = String::from_utf8_lossy(&content);
        for part in ["geheim", "läufer", "of the blog", "Z2VoZWlt"] {
            assert!(!content.contains(part), "{part}: {content}");
        }
    }
}

#[test]
fn a_secret_can_be_replaced_and_removed() {
    let folder = filled();
    let vault = vault(&folder);
    assert!(set(&vault, SHOP, "KEY", "another"));
    assert!(!set(&vault, SHOP, "NEW", ""));
    assert_eq!(value(&vault, SHOP, "KEY").as_deref(), Some("another"));
    assert_eq!(value(&vault, SHOP, "NEW").as_deref(), Some(""));
    assert_eq!(value(&vault, BLOG, "KEY").as_deref(), Some("of the blog"));
    assert!(vault.remove(SHOP, "KEY").expect("it is removed"));
    assert!(!vault.remove(SHOP, "KEY").expect("it was not there"));
    assert_eq!(value(&vault, SHOP, "KEY"), None);
    vault.remove_project(SHOP).expect("they are removed");
    assert_eq!(vault.names(None).expect("names").len(), 1);
    assert_eq!(value(&vault, BLOG, "KEY").as_deref(), Some("of the blog"));
}

#[test]
fn a_project_has_only_its_own_secrets() {
    let folder = filled();
    let values = vault(&folder).values(Some(BLOG)).expect("values");
    let values: Vec<_> = values.iter().map(|(name, value)| (name.as_str(), value.expose_secret())).collect();
    assert_eq!(values, [("KEY", "of the blog")]);
    assert_eq!(vault(&folder).values(None).expect("values").len(), 3);
}

#[test]
fn every_write_has_nonces_of_its_own() {
    let folder = folder();
    let vault = vault(&folder);
    let mut seen = std::collections::HashSet::new();
    for _ in 0..20 {
        set(&vault, SHOP, "KEY", "the same each time");
        for line in text(&folder).lines().skip(1) {
            let line: serde_json::Value = serde_json::from_str(line).expect("JSON");
            let locked = line.get("locked").or(line.get("seal")).and_then(|text| text.as_str());
            // Twelve bytes are sixteen letters.
            assert!(seen.insert(locked.expect("something locked")[..16].to_owned()), "a nonce twice");
        }
    }
    assert_eq!(seen.len(), 40);
}

#[test]
fn a_file_with_any_byte_changed_is_refused_and_left_as_it_is() {
    let folder = filled();
    let whole = text(&folder).into_bytes();
    let vault = vault(&folder);
    check_filled(&vault);
    for at in 0..whole.len() {
        for bit in [0x01, 0x08, 0x20, 0x80] {
            let mut changed = whole.clone();
            changed[at] ^= bit;
            put(&folder, &changed);
            let error = vault.values(Some(SHOP)).expect_err("it is refused");
            assert!(
                matches!(error, VaultError::Damaged { .. } | VaultError::Newer { .. }),
                "byte {at}: {error}"
            );
            vault.set(SHOP, "MORE", &"more".into(), NOW).expect_err("nothing is added to it");
            assert_eq!(fs::read(vault.path()).expect("the file"), changed);
        }
    }
    put(&folder, &whole);
    check_filled(&vault);
}

#[test]
fn a_file_that_was_cut_off_anywhere_is_refused() {
    let folder = filled();
    let whole = text(&folder);
    for length in 0..whole.len() {
        put(&folder, &whole.as_bytes()[..length]);
        let error = vault(&folder).names(None).expect_err("it is refused");
        assert!(matches!(error, VaultError::Damaged { .. }), "{length}: {error}");
    }
}

#[test]
fn entries_that_were_swapped_renamed_taken_out_or_put_back_are_refused() {
    let folder = filled();
    let whole = text(&folder);
    let lines: Vec<&str> = whole.lines().collect();
    let swapped = {
        let locked = |line: &str| line.split("\"locked\":").nth(1).expect("a value").to_owned();
        let (one, other) = (locked(lines[1]), locked(lines[2]));
        whole.replace(&one, "@").replace(&other, &one).replace('@', &other)
    };
    let renamed = whole.replace("DATABASE_URL", "DATABASE_URI");
    let moved = whole.replace(&SHOP.to_string(), &BLOG.to_string());
    let without = whole.replace(&format!("{}\n", lines[2]), "");
    vault(&folder).remove(SHOP, "KEY").expect("it is removed");
    let removed = text(&folder);
    let put_back = removed.replacen(lines[1], &format!("{}\n{}", lines[1], lines[2]), 1);
    assert_ne!(put_back, removed);
    for changed in [swapped, renamed, moved, without, put_back] {
        assert_ne!(changed, whole);
        put(&folder, with_its_sum(&changed));
        let error = vault(&folder).values(None).expect_err("it is refused").to_string();
        assert!(error.contains("changed by something else than Steadyhand"), "{error}");
    }
    // The checksum alone is not what tells it.
    put(&folder, with_its_sum(&whole));
    check_filled(&vault(&folder));
}

#[test]
fn a_value_is_bound_to_its_project_its_name_and_its_time_also_below_the_seal() {
    let key = Key::random().expect("a key");
    let entry = Entry::lock(&key, SHOP, "KEY", NOW, &"value".into()).expect("it is locked");
    assert!(entry.open(&key).is_some());
    assert!(entry.open(&Key::random().expect("a key")).is_none());
    assert!(Entry { project: BLOG, ..entry.clone() }.open(&key).is_none());
    assert!(Entry { name: "KEYS".to_owned(), ..entry.clone() }.open(&key).is_none());
    assert!(Entry { set_at: NOW.plus_ms(1), ..entry }.open(&key).is_none());
}

#[test]
fn a_newer_format_is_said_to_be_one() {
    let folder = filled();
    put(&folder, text(&folder).replacen("\"steadyhand_vault\":1", "\"steadyhand_vault\":2,\"more\":[]", 1));
    let error = vault(&folder).names(None).expect_err("it is refused");
    assert!(matches!(error, VaultError::Newer { .. }), "{error}");
}

#[test]
fn without_its_key_a_vault_is_refused_and_goes_on_when_the_key_is_back() {
    let folder = filled();
    let key = folder.path().join("secrets.key");
    let own = fs::read(&key).expect("the key");
    fs::remove_file(&key).expect("it is gone");
    let error = vault(&folder).values(Some(SHOP)).expect_err("there is no key");
    assert!(matches!(error, VaultError::NoKey { .. }), "{error}");
    let refused = vault(&folder).set(SHOP, "MORE", &"more".into(), NOW).expect_err("no second key is made");
    assert!(matches!(refused, VaultError::NoKey { .. }), "{refused}");
    file::replace(&key, Key::random().expect("a key").to_text().expose_secret().as_bytes()).expect("written");
    let error = vault(&folder).values(Some(SHOP)).expect_err("it is another key");
    assert!(matches!(error, VaultError::WrongKey { place: KeyPlace::File, .. }), "{error}");
    file::replace(&key, b"no key\n").expect("written");
    let error = vault(&folder).values(Some(SHOP)).expect_err("it is no key");
    assert!(matches!(error, VaultError::Damaged { .. }), "{error}");
    // What needs no value needs no key.
    assert_eq!(vault(&folder).names(None).expect("names").len(), 3);
    assert!(vault(&folder).values(Some(ProjectId(Uuid::from_u128(3)))).expect("it has none").is_empty());
    file::replace(&key, &own).expect("written");
    check_filled(&vault(&folder));
}

#[cfg(unix)]
#[test]
fn files_are_private_and_refused_when_others_can_read_them() {
    use std::os::unix::fs::PermissionsExt;
    let folder = filled();
    for name in ["secrets.vault", "secrets.key"] {
        let path = folder.path().join(name);
        let set_mode = |mode| fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("its mode");
        assert_eq!(fs::metadata(&path).expect("it is there").permissions().mode() & 0o777, 0o600, "{name}");
        for loose in [0o640, 0o604, 0o620, 0o601] {
            set_mode(loose);
            let error = vault(&folder).values(Some(SHOP)).expect_err("it is refused");
            assert!(matches!(error, VaultError::Exposed { .. }), "{error}");
            assert!(error.to_string().contains(&format!("chmod 600 {}", path.display())), "{error}");
            vault(&folder).set(SHOP, "MORE", &"more".into(), NOW).expect_err("it is refused");
        }
        set_mode(0o400);
        check_filled(&vault(&folder));
        set_mode(0o600);
    }
}

#[test]
fn writers_at_the_same_time_lose_nothing() {
    let folder = folder();
    std::thread::scope(|scope| {
        for writer in 0..8 {
            // Each has a vault of its own, as a process has.
            let vault = vault(&folder);
            scope.spawn(move || {
                for number in 0..10 {
                    set(&vault, SHOP, &format!("KEY_{writer}_{number}"), &format!("{writer}/{number}"));
                }
            });
        }
    });
    let vault = vault(&folder);
    assert_eq!(vault.values(Some(SHOP)).expect("values").len(), 80);
    assert_eq!(value(&vault, SHOP, "KEY_7_9").as_deref(), Some("7/9"));
}

#[test]
fn readers_see_every_value_while_the_key_is_changed_again_and_again() {
    let folder = filled();
    std::thread::scope(|scope| {
        let rotating = scope.spawn(|| {
            for _ in 0..30 {
                vault(&folder).rotate(NewKey::InItsPlace).expect("it has a new key");
            }
        });
        while !rotating.is_finished() {
            check_filled(&vault(&folder));
        }
    });
    check_filled(&vault(&folder));
}

#[test]
fn a_write_that_was_cut_off_leaves_the_old_file_and_is_no_hindrance() {
    let folder = filled();
    let half = text(&folder)[..100].to_owned();
    fs::write(folder.path().join("secrets.vault.new"), half).expect("the half");
    check_filled(&vault(&folder));
    set(&vault(&folder), SHOP, "MORE", "more");
    check_filled(&vault(&folder));
    assert!(!folder.path().join("secrets.vault.new").exists());
}

#[test]
fn a_vault_that_cannot_be_written_keeps_what_it_has_and_says_so() {
    let folder = filled();
    let before = text(&folder);
    // A folder in the place of the new file: nobody can write there, not even root.
    fs::create_dir_all(folder.path().join("secrets.vault.new/taken")).expect("a folder");
    let error = vault(&folder).set(SHOP, "MORE", &"more".into(), NOW).expect_err("it cannot be written");
    assert!(error.to_string().contains("cannot write"), "{error}");
    assert_eq!(text(&folder), before);
}

#[test]
fn a_new_key_keeps_every_value_and_the_old_one_opens_nothing_more() {
    let folder = filled();
    let key = folder.path().join("secrets.key");
    let (old, before) = (fs::read_to_string(&key).expect("the key"), text(&folder));
    assert_eq!(vault(&folder).rotate(NewKey::InItsPlace).expect("it has a new key"), KeyPlace::File);
    check_filled(&vault(&folder));
    let new = fs::read_to_string(&key).expect("the key");
    assert!(!new.contains(old.trim()) && new.lines().count() == 1, "only the new key is kept");
    for line in before.lines() {
        assert!(!text(&folder).contains(line), "everything is locked again");
    }
    let error = with_environment(&folder, &old).values(None).expect_err("the old key");
    assert!(matches!(error, VaultError::WrongKey { place: KeyPlace::Environment, .. }), "{error}");
    assert_eq!(vault(&folder).names(Some(SHOP)).expect("names")[0].set_at, NOW);
}

#[test]
fn a_change_of_the_key_can_be_interrupted_anywhere() {
    // Each number of writes that the keyring takes is one place to be interrupted at: before the new key is kept, before
    // the old one is removed, and not at all.
    for (writes, rotated, keys) in [(0, false, 1), (1, true, 2), (2, true, 1)] {
        let (folder, keyring) = (folder(), Memory::new());
        fill(&with_keyring(&folder, &keyring));
        let before = text(&folder);
        keyring.writes_left.store(writes, Ordering::Relaxed);
        let result = with_keyring(&folder, &keyring).rotate(NewKey::InItsPlace);
        assert_eq!(result.is_ok(), writes == 2, "{writes}: {result:?}");
        assert_eq!((text(&folder) != before, keyring.keys()), (rotated, keys), "{writes}");
        check_filled(&with_keyring(&folder, &keyring));
        keyring.writes_left.store(usize::MAX, Ordering::Relaxed);
        with_keyring(&folder, &keyring).rotate(NewKey::InItsPlace).expect("the next one does it all");
        assert_eq!(keyring.keys(), 1);
        check_filled(&with_keyring(&folder, &keyring));
    }
    // Between the two: both keys are kept, and the vault is locked with the old one.
    let folder = filled();
    fs::create_dir_all(folder.path().join("secrets.vault.new/taken")).expect("a folder");
    vault(&folder).rotate(NewKey::InItsPlace).expect_err("the vault cannot be written");
    let kept = fs::read_to_string(folder.path().join("secrets.key")).expect("the keys");
    assert_eq!(kept.lines().count(), 2);
    check_filled(&vault(&folder));
    fs::remove_dir_all(folder.path().join("secrets.vault.new")).expect("it is gone");
    set(&vault(&folder), SHOP, "MORE", "more");
    vault(&folder).rotate(NewKey::InItsPlace).expect("it has a new key");
    check_filled(&vault(&folder));
}

#[test]
fn there_is_nothing_to_change_before_the_first_secret() {
    let folder = folder();
    assert!(vault(&folder).names(None).expect("no names").is_empty());
    assert!(vault(&folder).values(None).expect("no values").is_empty());
    assert!(!vault(&folder).remove(SHOP, "KEY").expect("it was not there"));
    assert!(matches!(vault(&folder).rotate(NewKey::InItsPlace), Err(VaultError::Absent)));
    assert_eq!(vault(&folder).state().expect("a state"), VaultState::Absent(KeyPlace::File));
    assert!(!folder.path().join("secrets.vault").exists());
}
