//! The places of the key.

use super::*;

#[test]
fn the_keyring_is_taken_where_there_is_one_and_a_file_where_there_is_none() {
    let (folder, keyring) = (folder(), Memory::new());
    let first = with_keyring(&folder, &keyring);
    assert_eq!(first.state().expect("a state"), VaultState::Absent(KeyPlace::Keyring));
    fill(&first);
    assert_eq!(first.state().expect("a state"), VaultState::Open(KeyPlace::Keyring));
    assert!(!folder.path().join("secrets.key").exists());
    assert_eq!(with_keyring(&folder, &keyring).rotate(NewKey::File).expect("it is moved"), KeyPlace::File);
    assert_eq!(keyring.keys(), 0);
    check_filled(&vault(&folder));
    let back = with_keyring(&folder, &keyring).rotate(NewKey::Keyring).expect("it is moved back");
    assert_eq!((back, keyring.keys()), (KeyPlace::Keyring, 1));
    assert!(!folder.path().join("secrets.key").exists());
    check_filled(&with_keyring(&folder, &keyring));
    let error = vault(&folder).values(None).expect_err("the keyring is gone");
    assert!(error.to_string().contains("there is none"), "{error}");
    let refused = vault(&folder).rotate(NewKey::Keyring).expect_err("there is none");
    assert!(matches!(refused, VaultError::NoKey { .. }), "{refused}");
}

#[test]
fn a_keyring_that_forgets_at_once_is_not_trusted_with_the_key() {
    struct Forgets;
    impl Keyring for Forgets {
        fn read(&self) -> Result<Option<SecretString>, String> {
            Ok(None)
        }
        fn write(&self, _: &SecretString) -> Result<(), String> {
            Ok(())
        }
        fn forget(&self) -> Result<(), String> {
            Ok(())
        }
    }
    let folder = folder();
    let first = Vault::new(VaultOptions { keyring: Box::new(Forgets), ..options(&folder) });
    fill(&first);
    assert_eq!(first.state().expect("a state"), VaultState::Open(KeyPlace::File));
    check_filled(&vault(&folder));
}

#[test]
fn the_environment_goes_before_the_other_places() {
    let (folder, keyring) = (folder(), Memory::new());
    let key = Key::random().expect("a key").to_text();
    let key = key.expose_secret();
    let both = |text: &str| {
        Vault::new(VaultOptions {
            environment: Some(text.into()),
            keyring: Box::new(keyring.clone()),
            ..options(&folder)
        })
    };
    assert_eq!(both(key).state().expect("a state"), VaultState::Absent(KeyPlace::Environment));
    fill(&both(key));
    assert_eq!(keyring.keys(), 0);
    assert!(!folder.path().join("secrets.key").exists());
    check_filled(&both(key));
    let error = both("hunter2").values(None).expect_err("it is no key");
    assert!(matches!(error, VaultError::NotAKey), "{error}");
    let refused = both(key).rotate(NewKey::InItsPlace).expect_err("it cannot be changed from here");
    assert!(matches!(refused, VaultError::EnvironmentKey), "{refused}");
    let newer = Key::random().expect("a key").to_text();
    let newer = newer.expose_secret();
    both(&format!("{newer} {key}")).rotate(NewKey::InItsPlace).expect("both are given");
    check_filled(&both(newer));
    both(key).values(None).expect_err("the old key opens nothing more");
    let to_file = both(newer).rotate(NewKey::File).expect("it is moved");
    assert_eq!(to_file, KeyPlace::File);
    check_filled(&vault(&folder));
}

#[test]
fn a_passphrase_opens_a_vault_and_another_one_does_not() {
    let folder = folder();
    let made = vault(&folder);
    let short = made.unlock(&"geheim".into()).expect_err("it could be guessed");
    assert!(matches!(short, VaultError::ShortPassphrase(12)), "{short}");
    made.unlock(&PASSPHRASE.into()).expect("it is chosen");
    fill(&made);
    assert!(!folder.path().join("secrets.key").exists());

    let locked = vault(&folder);
    assert_eq!(locked.state().expect("a state"), VaultState::Locked);
    assert!(matches!(locked.values(Some(SHOP)), Err(VaultError::Locked)));
    assert_eq!(locked.names(None).expect("names").len(), 3);
    let wrong = locked.unlock(&"wrong horse battery".into()).expect_err("it is another one");
    assert!(matches!(wrong, VaultError::WrongPassphrase), "{wrong}");
    locked.unlock(&PASSPHRASE.into()).expect("it is the one");
    check_filled(&locked);
    check_filled(&with_environment(&folder, PASSPHRASE));
    let wrong = with_environment(&folder, "wrong horse battery").values(None).expect_err("it is another one");
    assert!(matches!(wrong, VaultError::WrongKey { place: KeyPlace::Environment, .. }), "{wrong}");

    let needed = locked.rotate(NewKey::InItsPlace).expect_err("nobody can choose it for them");
    assert!(matches!(needed, VaultError::PassphraseNeeded), "{needed}");
    let place = locked.rotate(NewKey::Passphrase("another horse battery".into())).expect("it is changed");
    assert_eq!(place, KeyPlace::Passphrase);
    check_filled(&locked);
    check_filled(&with_environment(&folder, "another horse battery"));
    with_environment(&folder, PASSPHRASE).values(None).expect_err("the old one opens nothing more");
    assert_eq!(locked.rotate(NewKey::File).expect("it is moved"), KeyPlace::File);
    check_filled(&vault(&folder));
    let none = vault(&folder).unlock(&PASSPHRASE.into()).expect_err("there is no passphrase now");
    assert!(matches!(none, VaultError::NoPassphrase(KeyPlace::File)), "{none}");
}

#[test]
fn parameters_that_would_take_all_memory_are_refused() {
    let folder = folder();
    fill(&with_environment(&folder, PASSPHRASE));
    let greedy = text(&folder).replace("\"memory_kib\":64", "\"memory_kib\":4000000000");
    put(&folder, with_its_sum(&greedy));
    let error = with_environment(&folder, PASSPHRASE).values(None).expect_err("it is refused");
    assert!(matches!(error, VaultError::Damaged { .. }), "{error}");
}
