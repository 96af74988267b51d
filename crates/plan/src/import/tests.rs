//! Inventories as people have them, and what becomes of them.

use super::*;
use crate::{Files, Inputs, check_with, compile};

/// The text of an imported inventory, which must be right as a file that a plan includes.
fn imported(name: &str, text: &str) -> String {
    let Imported { text, hosts, groups, .. } = ansible(name, text).unwrap();
    let mut files = Files::default();
    files.insert("hosts.yaml", Ok(text.clone()));
    let on = if groups > 0 { "all" } else { "local" };
    let plan =
        format!("name: a\ninclude: [hosts.yaml]\ntasks: {{ t: {{ on: {on}, steps: [ {{ run: x }} ] }} }}\n");
    let checked = check_with(&plan, &files);
    assert!(checked.diagnostics.is_empty(), "{text}\n{:#?}", checked.diagnostics);
    let compiled = compile(&checked.plan.unwrap(), &Inputs::default()).unwrap();
    assert!(compiled.steps.len() >= hosts, "{text}");
    text
}

const INI: &str = r#"
# The hosts of a shop.
mail.example.com

[web]
web[01:03].example.com   ansible_user=deploy http_port=80
www.example.com:2222     ansible_host=203.0.113.9 ; not a comment
"#;

#[test]
fn an_ini_inventory_becomes_hosts_and_groups() {
    let text = INI.replace(" ; not a comment", "")
        + r#"
[db]
db-[a:b] ansible_ssh_private_key_file="~/.ssh/db key" ansible_become=yes
here ansible_connection=local

[site:children]
web
db

[db:vars]
ansible_user = postgres
ansible_port=2200
ansible_ssh_common_args='-o ProxyJump=ops@bastion.example.com:2022'

[empty]

[win]
pc ansible_connection=winrm

[all:vars]
ansible_user=root
ansible_password='hunter2 # no'
"#;
    let text = imported("inventory", &text);
    assert_eq!(
        text,
        r#"# Not taken over:
#   variables of mail.example.com: ansible_password
#   variables of web01.example.com: ansible_password, http_port
#   variables of web02.example.com: ansible_password, http_port
#   variables of web03.example.com: ansible_password, http_port
#   variables of www.example.com: ansible_password
#   variables of db-a: ansible_become, ansible_password
#   variables of db-b: ansible_become, ansible_password
#   host here: it is this machine, which a plan calls local
#   variables of here: ansible_password
#   host pc: it is reached by winrm, not by SSH
#   group empty: it has no hosts
#   group win: it has no hosts
hosts:
  mail.example.com: root@mail.example.com
  web01.example.com: deploy@web01.example.com
  web02.example.com: deploy@web02.example.com
  web03.example.com: deploy@web03.example.com
  www.example.com: "root@203.0.113.9:2222"
  db-a: { address: db-a, user: postgres, port: 2200, identity: "~/.ssh/db key", jump: "ops@bastion.example.com:2022" }
  db-b: { address: db-b, user: postgres, port: 2200, identity: "~/.ssh/db key", jump: "ops@bastion.example.com:2022" }
groups:
  web: [web01.example.com, web02.example.com, web03.example.com, www.example.com]
  db: [db-a, db-b, local]
  site: [web, db]
  all: [mail.example.com, web01.example.com, web02.example.com, web03.example.com, www.example.com, db-a, db-b, local]
"#
    );
    assert!(!text.contains("hunter2"));
}

const YAML: &str = r#"
all:
  vars:
    ansible_user: deploy
    ansible_become_password: !vault |
      $ANSIBLE_VAULT;1.1;AES256
      6162636465
  hosts:
    mail.example.com:
  children:
    web:
      hosts:
        web[1:2]:
          ansible_port: 2222
        "2001:db8::7":
      vars: { nested: { a: 1 } }
    prod:
      children:
        web:
        web1:
    web1:
      hosts: { "old host": { ansible_host: 192.0.2.8, ansible_user: "{{ who }}" }, other: { ansible_host: 192.0.2.9 } }
"#;

#[test]
fn a_yaml_inventory_becomes_hosts_and_groups_with_names_that_a_plan_can_have() {
    assert_eq!(
        imported("hosts.yml", YAML),
        r#"# Not taken over:
#   variables of mail.example.com: ansible_become_password
#   variables of web1: ansible_become_password, nested
#   variables of web2: ansible_become_password, nested
#   name 2001:db8::7: the host is called 2001-db8--7 here
#   variables of 2001:db8::7: ansible_become_password, nested
#   host `old host` has its user from a template: `{{ who }}`
#   variables of other: ansible_become_password
#   name web1: the group is called web1-2 here
hosts:
  mail.example.com: deploy@mail.example.com
  web1: "deploy@web1:2222"
  web2: "deploy@web2:2222"
  2001-db8--7: { address: "2001:db8::7", user: deploy }
  other: deploy@192.0.2.9
groups:
  web: [web1, web2, 2001-db8--7]
  prod: [web, web1-2]
  web1-2: [other]
  all: [mail.example.com, web1, web2, 2001-db8--7, other]
"#
    );
    // Whatever its name: YAML is told from INI by what is in it.
    assert_eq!(imported("inventory", YAML), imported("hosts.yml", YAML));
    let json = imported("x.json", r#"{ "web": { "hosts": ["a", "b"] } }"#);
    assert!(json.ends_with("groups:\n  web: [a, b]\n  all: [a, b]\n"), "{json}");
}

#[test]
fn what_cannot_be_read_is_told_with_its_line() {
    let check = |name: &str, text: &str, expected: &str| {
        let said = ansible(name, text).unwrap_err();
        assert!(said.contains(expected), "{text:?}: {said}");
    };
    check("i", "[web\na\n", "line 1: `[web` is no section");
    check("i", "[web:hosts]\n", "line 1");
    check("i", "[web]\na b\n", "line 2: `b` is not name=value");
    check("i", "[web]\na x='1\n", "line 2: a quote (') is not closed");
    check("i", "[web]\n\nweb[3:1]\n", "line 3: the range in `web[3:1]`");
    check("i", "[web:vars]\nport\n", "line 2: `port` is not name=value");
    check("i.yaml", "web: [a\n", "line 2");
    check("i.yaml", "web:\n  hots: {}\n", "line 2: a group has `hosts`, `children` and `vars`, not `hots`");
    check("i.yaml", "- a\n", "must be a mapping, but is a list");
    check("i.yaml", "", "empty");
    check("i", "", "no host");
    check("i", "[web]\n-oProxyCommand=x\n", "no host");
    check("i", "web[1:9000][1:9000]", "more than 10000");
}

#[test]
fn a_text_that_would_be_a_value_of_a_plan_is_not_taken_over() {
    let said = ansible("i", "a ansible_ssh_private_key_file='${{ secrets.KEY }}'\nb\n").unwrap();
    assert!(said.text.contains("#   host `a` has its key from a template"), "{}", said.text);
    assert!(said.text.ends_with("hosts:\n  b: { address: \"b\" }\ngroups:\n  all: [b]\n"), "{}", said.text);
}
