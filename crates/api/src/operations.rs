//! The one list of operations. The dispatcher that shells call and the TypeScript that pages compile against are
//! both made from it, so an operation is added in one place.

use futures::future::BoxFuture;
use serde_json::Value;
use steadyhand_deploy::{
    jobs::{CronJobs, CronLog},
    live::{ContainerLog, Live},
};
use steadyhand_domain::{Facts, Preflight};
use steadyhand_store::records::{
    Deployment, Environment, LogMatches, LogWindow, Message, PlanRevision, Project, Proposal, RunSummary,
};

use crate::{Api, ApiError, ErrorCode, *};

/// Hands the list of operations to the macro named by its argument, as `name(Request) -> Response;` items with docs.
macro_rules! with_operations {
    ($consumer:ident) => {
        $consumer! {
            /// Facts about this Steadyhand.
            app_info(Nothing) -> AppInfo;
            /// All projects, by name.
            projects(Nothing) -> Vec<Project>;
            /// Makes a project.
            create_project(CreateProject) -> Project;
            /// Gives a project another name. Its plan keeps its own.
            rename_project(RenameProject) -> Project;
            /// Removes a project with its runs, logs and chat. Nothing on any server is touched.
            remove_project(OfProject) -> Nothing;

            /// A project's current plan.
            plan(OfProject) -> PlanView;
            /// What is to say about a plan that is being written.
            check_plan(Source) -> PlanCheck;
            /// Saves a new revision of a plan. A plan with errors is saved too: work in progress is not lost.
            save_plan(SavePlan) -> PlanView;
            /// The revisions of a plan, newest first.
            plan_revisions(OfProject) -> Vec<PlanRevision>;
            /// A revision of a plan, and how it differs from the current one.
            plan_revision(OfRevision) -> RevisionView;
            /// Saves an earlier revision of a plan as a new one.
            restore_plan(RestorePlan) -> PlanView;
            /// What a run would do now.
            preview(OfProject) -> Preview;
            /// What a run would change now: asks every host, and changes nothing.
            check_run(OfProject) -> CheckReport;
            /// Looks at everything that a run of the current plan needs: hosts, disks, secrets, files. Changes nothing.
            preflight(AskPreflight) -> Preflight;

            /// Starts a run of the current plan.
            start_run(StartRun) -> RunSummary;
            /// Runs the plan of an earlier run again.
            retry_run(RetryRun) -> RunSummary;
            /// Takes back what a run has done: runs the `undo` of its completed steps, backwards.
            undo_run(OfRun) -> RunSummary;
            /// Holds a run after its current step.
            pause_run(OfRun) -> RunSummary;
            /// Decides what becomes of a step that has failed and is held.
            decide_step(DecideStep) -> RunSummary;
            /// Lets a paused run go on.
            resume_run(OfRun) -> RunSummary;
            /// Ends a run and what it is running.
            stop_run(OfRun) -> RunSummary;
            /// A page of a project's runs, newest first.
            runs(ListRuns) -> Vec<RunSummary>;
            /// A run with its steps.
            run(OfRun) -> RunDetail;

            /// The environments of a project, each with its current deployment and its last one.
            environments(OfProject) -> Vec<Environment>;
            /// A page of a project's deployments, newest first.
            deployments(ListDeployments) -> Vec<Deployment>;
            /// A deployment with its course, and what can be done about it.
            deployment(OfDeployment) -> DeploymentDetail;
            /// How a deployment differs from the one that served before it, or from another one.
            deployment_difference(AskDifference) -> DeploymentDifference;
            /// Brings an earlier deployment back, as a new one: with its image and its settings, without a build.
            rollback(OfDeployment) -> RunSummary;
            /// Starts the deployment that serves anew, as a new one: in fresh containers, without a build.
            restart(OfDeployment) -> RunSummary;
            /// Stops what an environment serves. It is kept, and can be started again.
            stop_environment(OfEnvironment) -> RunSummary;
            /// Starts what was stopped, as a new deployment: in fresh containers, without a build.
            start_environment(OfEnvironment) -> RunSummary;
            /// How a deployment is now: its addresses, and its containers with what they use. Asks its host.
            live(OfDeployment) -> Live;
            /// What the containers of a deployment have written last. Asks its host.
            container_log(AskContainerLog) -> ContainerLog;
            /// The picture of a deployment's page, or why there is none.
            screenshot(OfDeployment) -> Screenshot;
            /// What was found in the image of a deployment that is known to be vulnerable, or why nobody has looked.
            scan(OfDeployment) -> ScanView;
            /// The jobs of the environment that a deployment was made to, with their last runs. Asks its host.
            cron_jobs(OfDeployment) -> CronJobs;
            /// What a run of a job has written. Asks its host.
            cron_log(AskCronLog) -> CronLog;

            /// A window of the lines of a log.
            log_lines(LogLines) -> LogWindow;
            /// The lines of a log that contain a text.
            log_search(LogSearch) -> LogMatches;
            /// Writes a whole log, byte for byte, to a file in the person's downloads folder.
            save_log(OfLog) -> SavedFile;

            /// A page of a chat, newest last.
            messages(ListMessages) -> Vec<Message>;
            /// Says something; the answer arrives as updates of messages.
            say(Say) -> Message;
            /// Ends the answer that is being written.
            cancel_answer(OfProject) -> Nothing;
            /// A proposal.
            proposal(OfProposal) -> Proposal;
            /// Carries a proposal out.
            accept_proposal(AcceptProposal) -> Proposal;
            /// Refuses a proposal.
            dismiss_proposal(OfProposal) -> Proposal;

            /// Questions that wait for a person.
            questions(Nothing) -> Vec<Question>;
            /// Answers a question.
            answer_question(AnswerQuestion) -> Nothing;
            /// The hosts of a project's plan.
            hosts(OfProject) -> Vec<HostStatus>;
            /// Asks a host what it is.
            facts(AskFacts) -> Facts;
            /// Finds out what the source in a folder is, and how it is built and run. Executes nothing of it.
            detect(DetectFolder) -> SourceView;
            /// Measures the way to each host; results arrive as updates.
            check_hosts(OfProject) -> Nothing;

            /// What a person can set.
            settings(Nothing) -> Settings;
            /// Sets the model that answers.
            save_model(SaveModel) -> Settings;
            /// Goes back to the built-in assistant, and forgets the key.
            forget_model(Nothing) -> Settings;

            /// What secrets are kept in, and whether it can be used.
            vault(Nothing) -> VaultView;
            /// Opens the vault with its passphrase for as long as this Steadyhand runs; chooses that of a vault that is not made
            /// yet.
            unlock_vault(UnlockVault) -> VaultView;
            /// Locks every secret with a new key.
            rotate_vault(RotateVault) -> VaultView;
            /// The names of secrets. No operation gives a value.
            secrets(ListSecrets) -> Vec<SecretView>;
            /// Gives a secret of a project a value.
            set_secret(SetSecret) -> SecretSet;
            /// The public half of a key that is a secret of a project; a project without that secret gets a new key.
            deploy_key(OfSecret) -> DeployKey;
            /// Removes a secret.
            remove_secret(OfSecret) -> Nothing;

            /// The source of the practice application.
            practice_source(Nothing) -> PracticeSource;
            /// Changes the source of the practice application.
            save_practice_source(Text) -> PracticeSource;
            /// Ends the process that serves the practice application.
            stop_practice_application(Nothing) -> Nothing;
        }
    };
}
pub(crate) use with_operations;

macro_rules! dispatcher {
    ($($(#[$doc:meta])* $name:ident($request:ty) -> $response:ty;)*) => {
        impl Api {
            /// Carries out the operation of that name with a request in JSON; the answer is JSON.
            ///
            /// # Errors
            /// [`ErrorCode::NotFound`] for an operation that does not exist, [`ErrorCode::Invalid`] for a request
            /// that does not fit, and the operation's own errors.
            pub async fn call(&self, operation: &str, request: Value) -> Result<Value, ApiError> {
                match operation {
                    $(stringify!($name) => {
                        let request: $request = read(operation, request)?;
                        // Boxed: a future of all operations together takes the compiler minutes to see through.
                        let answer: BoxFuture<'_, Result<$response, ApiError>> = Box::pin(self.$name(request));
                        let response = answer.await?;
                        serde_json::to_value(response).map_err(|error| {
                            ApiError::new(ErrorCode::Internal, format!("{operation}: {error}"))
                        })
                    })*
                    _ => Err(ApiError::new(
                        ErrorCode::NotFound,
                        format!("there is no operation “{}”", operation.chars().take(80).collect::<String>()),
                    )),
                }
            }
        }
    };
}

with_operations!(dispatcher);

fn read<T: serde::de::DeserializeOwned>(operation: &str, request: Value) -> Result<T, ApiError> {
    serde_json::from_value(request).map_err(|error| {
        ApiError::new(ErrorCode::Invalid, format!("the request for {operation} does not fit: {error}"))
    })
}
