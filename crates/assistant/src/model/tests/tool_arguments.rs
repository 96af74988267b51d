//! What models write as arguments, and what they are told when it doesn't fit.

use serde_json::{Value, json};
use steadyhand_domain::Choice;

use super::super::{
    Tool, ToolRisk,
    tools::{DecideStepArgs, ListRunsArgs, MaybeRunArgs, NoArgs, ProposePlanArgs, ReadLogArgs, RunArgs},
};

fn check(name: &str, arguments: Value, expected: Tool) {
    assert_eq!(Tool::parse(name, &arguments), Ok(expected));
}

fn refused(name: &str, arguments: Value, expected: &str) {
    let error = Tool::parse(name, &arguments).unwrap_err().to_string();
    assert!(error.contains(expected), "{error}");
}

#[test]
fn arguments_that_fit_are_read() {
    check("redeploy", json!({}), Tool::Redeploy(NoArgs {}));
    check("list_runs", json!({ "limit": 5 }), Tool::ListRuns(ListRunsArgs { limit: Some(5) }));
    check("show_run", json!({ "run": 12 }), Tool::ShowRun(RunArgs { run: 12 }));
    check("stop_run", json!({}), Tool::StopRun(MaybeRunArgs { run: None }));
    let log = ReadLogArgs { run: 3, step: 2, from_line: Some(10), count: Some(50) };
    check("read_log", json!({ "run": 3, "step": 2, "from_line": 10, "count": 50 }), Tool::ReadLog(log));
    let decision = DecideStepArgs { choice: Choice::Skip, host: Some("web2".into()), step: None, all: None };
    check("decide_step", json!({ "choice": "skip", "host": "web2" }), Tool::DecideStep(decision));
    let plan = ProposePlanArgs { source: "name: shop\n".into(), title: "Use port 3002".into() };
    check(
        "propose_plan",
        json!({ "source": "name: shop\n", "title": "Use port 3002" }),
        Tool::ProposePlan(plan),
    );
}

#[test]
fn small_slips_of_models_are_forgiven() {
    check("redeploy", Value::Null, Tool::Redeploy(NoArgs {}));
    check("show_run", json!({ "run": "12" }), Tool::ShowRun(RunArgs { run: 12 }));
    check("show_run", json!({ "run": 12.0 }), Tool::ShowRun(RunArgs { run: 12 }));
    check("stop_run", json!({ "run": null }), Tool::StopRun(MaybeRunArgs { run: None }));
}

#[test]
fn the_model_is_told_what_is_wrong_and_what_is_expected() {
    refused("show_run", json!({}), "missing field `run`; its arguments are {run: integer}");
    refused("show_run", json!({ "run": "the last one" }), "expected u32");
    refused("show_run", json!({ "run": 0 }), "`run` is 0, but must be at least 1");
    refused("show_run", json!({ "run": -1 }), "must be at least 1");
    refused(
        "read_log",
        json!({ "run": 1, "step": 1, "count": 100_000 }),
        "`count` is 100000, but must be at most 400",
    );
    refused("decide_step", json!({ "choice": "ignore" }), "unknown variant `ignore`");
    refused("decide_step", json!({}), "{all?: boolean, choice: string, host?: string, step?: string}");
    refused("redeploy", json!({ "host": "web1" }), "unknown field `host`");
    refused("list_runs", json!([5]), "expected an object, found a list");
    refused("read_log", json!({ "run": 1 }), "missing field `step`");
    refused("read_log", json!({ "run": 1 }), "run: integer");
    refused("read_log", json!({ "run": 1 }), "from_line?: integer");
    refused("rm_rf", json!({}), "there is no tool `rm_rf`; the tools are: redeploy, status");
}

#[test]
fn what_changes_something_is_never_called_reading() {
    let risk = |name: &str, arguments: Value| Tool::parse(name, &arguments).unwrap().risk();
    for name in ["status", "list_runs", "explain_failure", "read_plan"] {
        assert_eq!(risk(name, json!({})), ToolRisk::Read, "{name}");
    }
    for name in ["redeploy", "pause_run", "resume_run", "stop_run"] {
        assert_eq!(risk(name, json!({})), ToolRisk::RunAcceptedPlan, "{name}");
    }
    assert_eq!(risk("retry_run", json!({ "run": 1 })), ToolRisk::RunAcceptedPlan);
    assert_eq!(risk("decide_step", json!({ "choice": "retry" })), ToolRisk::RunAcceptedPlan);
    assert_eq!(risk("propose_plan", json!({ "source": "", "title": "" })), ToolRisk::Propose);
}

#[test]
fn every_tool_is_told_to_the_model_with_a_plain_schema() {
    let specs = Tool::specs();
    assert_eq!(specs.iter().map(|spec| spec.name).collect::<Vec<_>>(), Tool::NAMES);
    for spec in &specs {
        let schema = spec.parameters.to_string();
        assert_eq!(spec.parameters["type"], "object", "{schema}");
        assert!(spec.parameters["properties"].is_object(), "{schema}");
        assert_eq!(spec.parameters["additionalProperties"], false, "{schema}");
        for unwanted in ["$ref", "$schema", "uint32", "null"] {
            assert!(!schema.contains(unwanted), "{}: {unwanted} in {schema}", spec.name);
        }
        assert!(spec.description.ends_with('.') && spec.description.len() < 200, "{}", spec.description);
    }
    let read_log = specs.iter().find(|spec| spec.name == "read_log").unwrap();
    assert_eq!(read_log.parameters["required"], json!(["run", "step"]));
    assert_eq!(read_log.parameters["properties"]["count"]["maximum"], 400);
    assert!(read_log.parameters["properties"]["count"]["description"].is_string());
    let decide = specs.iter().find(|spec| spec.name == "decide_step").unwrap();
    let choices = &decide.parameters["properties"]["choice"];
    assert_eq!((&choices["type"], &choices["enum"]), (&json!("string"), &json!(["retry", "skip", "fail"])));
    for choice in choices["enum"].as_array().unwrap() {
        assert!(Tool::parse("decide_step", &json!({ "choice": choice })).is_ok(), "{choice}");
    }
}
