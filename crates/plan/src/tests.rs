//! Tests of the whole way from source to steps.

mod bad;
mod compiled;
mod included;
mod inert;
mod notify;
mod select;
mod shell;
mod shipped;

use crate::{Action, CompiledPlan, Inputs, check, compile, render};

/// Compiles a plan that must be right.
fn compiled(source: &str, inputs: &Inputs) -> CompiledPlan {
    let checked = check(source);
    let shown: Vec<String> =
        checked.diagnostics.iter().map(|problem| render(problem, "plan.yaml", source)).collect();
    let plan = checked.plan.unwrap_or_else(|| panic!("{}", shown.concat()));
    let plan = plan.with_discovered(&[]).unwrap();
    compile(&plan, inputs).unwrap_or_else(|problems| panic!("{problems:#?}"))
}

/// The script of the one step of a plan, without secrets.
fn script(plan: &CompiledPlan) -> String {
    match &plan.steps.first().unwrap().action {
        Action::Run { script, .. } => script.as_literal().unwrap().to_owned(),
        action => panic!("{action:?}"),
    }
}
