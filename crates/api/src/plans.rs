//! Plans: reading, checking, saving, and what a run would do.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use steadyhand_assistant::difference;
use steadyhand_domain::{ProjectId, Reason, Trigger};
use steadyhand_engine::{Compiled, EngineError, FoundAt, Look, PlanPlace, RunOptions, RunSpec, now};
use steadyhand_plan::{
    Action, Checked, CompiledHost, CompiledStep, Diagnostic, Outline, Probe, Severity, compile, source_sha256,
};
use steadyhand_store::{
    StoreError, chat, plans, projects,
    records::{PlanRevision, ProposalState, RunSummary},
};
use tokio_util::sync::CancellationToken;

use crate::{
    Api, ApiError, CheckReport, DiscoveredHost, ErrorCode, OfProject, OfRevision, OutlineHost, OutlineTask,
    PlanCheck, PlanOutline, PlanView, Preview, PreviewStep, Problem, ProblemSeverity, RestorePlan,
    RevisionView, SavePlan, Source,
};

/// The largest plan that is taken, in bytes.
const LARGEST: usize = 1024 * 1024;

fn problem(diagnostic: &Diagnostic) -> Problem {
    Problem {
        severity: match diagnostic.severity {
            Severity::Error => ProblemSeverity::Error,
            Severity::Warning => ProblemSeverity::Warning,
            Severity::Note => ProblemSeverity::Note,
        },
        message: diagnostic.message.clone(),
        hint: diagnostic.hint.clone(),
        file: diagnostic.file.clone(),
        line: diagnostic.line,
        column: diagnostic.column,
        end_line: diagnostic.end_line,
        end_column: diagnostic.end_column,
    }
}

fn check_source(source: &str, place: &PlanPlace) -> PlanCheck {
    plan_check(steadyhand_engine::check_source(source, place))
}

/// What is to say about a plan that was read.
pub(crate) fn plan_check(checked: Checked) -> PlanCheck {
    // Names of hosts are resolved once the plan is right; until then they are shown as they are written.
    let compiled = checked.plan.as_ref().and_then(|plan| compile(plan, &Default::default()).ok());
    let hosts_of = |task: &str, written: &[String]| {
        compiled
            .as_ref()
            .and_then(|plan| plan.tasks.iter().find(|found| found.name == task))
            .map_or_else(|| written.to_vec(), |task| task.hosts.clone())
    };
    let Outline { hosts, mut tasks, .. } = checked.outline;
    if let Some(compiled) = &compiled {
        let place = |name: &str| compiled.tasks.iter().position(|task| task.name == name);
        tasks.sort_by_key(|task| place(&task.name));
    }
    let outline = PlanOutline {
        hosts: hosts
            .into_iter()
            .map(|host| OutlineHost {
                address: address(&host.name, host.user.as_deref(), &host.address, host.port),
                groups: host.tags,
                name: host.name,
            })
            .collect(),
        tasks: tasks
            .into_iter()
            .map(|task| OutlineTask {
                hosts: hosts_of(&task.name, &task.on),
                name: task.name,
                needs: task.needs,
                steps: task.steps,
                tags: task.tags,
                line: task.line,
                file: task.file,
            })
            .collect(),
    };
    PlanCheck { problems: checked.diagnostics.iter().map(problem).collect(), outline }
}

/// What is connected to, as a person would write it.
pub(crate) fn address(name: &str, user: Option<&str>, address: &str, port: Option<u16>) -> String {
    if name == "local" {
        return "this machine".to_owned();
    }
    let user = user.map(|user| format!("{user}@")).unwrap_or_default();
    match port.filter(|port| *port != 22) {
        Some(port) if address.contains(':') => format!("{user}[{address}]:{port}"),
        Some(port) => format!("{user}{address}:{port}"),
        None => format!("{user}{address}"),
    }
}

/// What a step would do, in a line or a few.
fn what(step: &CompiledStep) -> String {
    match &step.action {
        Action::Run { script, .. } => script.to_string().trim().to_owned(),
        Action::Resource { .. } => step.name.clone(),
        Action::Upload { from, to } => format!("upload {from} to {to}"),
        Action::Download { from, to } => format!("download {from} to {to}"),
        Action::WaitFor { probe: Probe::Http { url, status }, .. } => {
            format!("wait for {url} to answer {status}")
        }
        Action::WaitFor { probe: Probe::Tcp { address, port }, .. } => {
            format!("wait for {address} port {port}")
        }
        Action::WaitFor { probe: Probe::Command { script }, .. } => format!("wait for: {script}"),
    }
}

/// What it depends on whether a step runs, if anything is known of that before.
fn condition(step: &CompiledStep) -> Option<String> {
    if let Some(Reason::WhenFalse { when }) = step.never() {
        return Some(format!("skipped: `{when}` is false"));
    }
    let conditions: Vec<String> = step.when.iter().map(|when| format!("`{}`", when.when)).collect();
    (!conditions.is_empty()).then(|| format!("only when {}", conditions.join(" and ")))
}

fn limited(source: &str) -> Result<(), ApiError> {
    if source.len() > LARGEST {
        let message = format!("the plan has {} bytes, and at most {LARGEST} are taken", source.len());
        return Err(ApiError::new(ErrorCode::Invalid, message));
    }
    Ok(())
}

fn no_such_revision() -> ApiError {
    ApiError::new(ErrorCode::NotFound, "the project has had no such revision of its plan")
}

impl Api {
    /// See the list of operations.
    pub async fn plan(&self, request: OfProject) -> Result<PlanView, ApiError> {
        let id = request.project_id;
        self.project(id).await?;
        let plan = plans::current(&mut *self.read().await?, id).await?.ok_or(EngineError::NoPlan)?;
        let place = self.inner.engine.place(id).await?;
        Ok(PlanView {
            check: check_source(&plan.source, &place),
            sha256: plan.revision.sha256,
            saved_at: plan.revision.saved_at,
            source: plan.source,
        })
    }

    /// See the list of operations.
    pub async fn check_plan(&self, request: Source) -> Result<PlanCheck, ApiError> {
        limited(&request.source)?;
        let place = match request.project_id {
            Some(project) => self.inner.engine.place(project).await?,
            None => PlanPlace::default(),
        };
        Ok(check_source(&request.source, &place))
    }

    /// See the list of operations.
    pub async fn save_plan(&self, request: SavePlan) -> Result<PlanView, ApiError> {
        limited(&request.source)?;
        let id = request.project_id;
        self.project(id).await?;
        let mut db = self.write().await?;
        let current = plans::current(&mut db, id).await?;
        if current.is_some_and(|plan| plan.revision.sha256 != request.base_sha256) {
            let message = "the plan was changed elsewhere while you edited it; copy your text, load the newer plan, and \
                           put your change in again";
            return Err(ApiError::new(ErrorCode::Conflict, message));
        }
        self.save_revision(&mut db, id, &request.source, "edited").await?;
        self.commit(db).await?;
        self.plan(OfProject { project_id: id }).await
    }

    /// See the list of operations.
    pub async fn restore_plan(&self, request: RestorePlan) -> Result<PlanView, ApiError> {
        let id = request.project_id;
        self.project(id).await?;
        let mut db = self.write().await?;
        let current = plans::current(&mut db, id).await?;
        if current.is_some_and(|plan| plan.revision.sha256 != request.base_sha256) {
            let message =
                "the plan was changed elsewhere meanwhile; look at the difference to the newer plan first";
            return Err(ApiError::new(ErrorCode::Conflict, message));
        }
        let Some(earlier) = plans::by_sha256(&mut db, id, &request.sha256).await? else {
            return Err(no_such_revision());
        };
        let short: String = earlier.revision.sha256.chars().take(7).collect();
        self.save_revision(&mut db, id, &earlier.source, &format!("restored {short}")).await?;
        self.commit(db).await?;
        self.plan(OfProject { project_id: id }).await
    }

    /// Saves a revision; proposals that were made for the one before are void.
    async fn save_revision(
        &self,
        db: &mut steadyhand_store::Writer,
        project: ProjectId,
        source: &str,
        note: &str,
    ) -> Result<String, StoreError> {
        let sha256 = source_sha256(source);
        plans::save(db, project, &sha256, source, note, now()).await?;
        for proposal in chat::open_proposals(db, project).await? {
            if proposal.base_sha256 != sha256 {
                let state = ProposalState::Void { why: "the plan was changed after it was made".to_owned() };
                chat::set_proposal_state(db, proposal.id, &state, now()).await?;
            }
        }
        Ok(sha256)
    }

    /// See the list of operations.
    pub async fn plan_revisions(&self, request: OfProject) -> Result<Vec<PlanRevision>, ApiError> {
        self.project(request.project_id).await?;
        Ok(plans::revisions(&mut *self.read().await?, request.project_id).await?)
    }

    /// See the list of operations.
    pub async fn plan_revision(&self, request: OfRevision) -> Result<RevisionView, ApiError> {
        let id = request.project_id;
        self.project(id).await?;
        let mut db = self.read().await?;
        let current = plans::current(&mut db, id).await?.ok_or(EngineError::NoPlan)?;
        let plan = plans::by_sha256(&mut db, id, &request.sha256).await?.ok_or_else(no_such_revision)?;
        Ok(RevisionView {
            diff: difference(&current.source, &plan.source),
            revision: plan.revision,
            source: plan.source,
            current_sha256: current.revision.sha256,
        })
    }

    /// See the list of operations.
    pub async fn preview(&self, request: OfProject) -> Result<Preview, ApiError> {
        let (engine, options) = (&self.inner.engine, RunOptions::default());
        let (_, spec) = engine.compile_current(request.project_id, &options, Look::Again).await?;
        self.preview_of(&spec).await
    }

    /// What a run of a plan file would do.
    ///
    /// # Errors
    /// [`ErrorCode::PlanInvalid`], or [`ErrorCode::Invalid`] when the file or what is chosen of it cannot be read.
    pub async fn preview_file(&self, path: &Path, options: &RunOptions) -> Result<Preview, ApiError> {
        let spec = self.spec_of_file(path, options).await?;
        self.preview_of(&spec).await
    }

    /// See the list of operations.
    pub async fn check_run(&self, request: OfProject) -> Result<CheckReport, ApiError> {
        let (_, spec) = self
            .inner
            .engine
            .compile_current(request.project_id, &RunOptions::default(), Look::Again)
            .await?;
        self.report_of(&spec).await
    }

    /// What a run of a plan file would change.
    ///
    /// # Errors
    /// As [`Api::preview_file`], and [`ErrorCode::Invalid`] when secrets have no value.
    pub async fn check_file(&self, path: &Path, options: &RunOptions) -> Result<CheckReport, ApiError> {
        let spec = self.spec_of_file(path, options).await?;
        self.report_of(&spec).await
    }

    /// What a run of a plan file would execute.
    pub(crate) async fn spec_of_file(&self, path: &Path, options: &RunOptions) -> Result<RunSpec, ApiError> {
        let (_, Compiled { plan, found }) = self.compile_file(path, options, Look::Again).await?;
        let project = projects::by_name(&mut *self.read().await?, &plan.name).await?;
        let folder = std::path::absolute(path).ok().and_then(|path| path.parent().map(Path::to_path_buf));
        let mut spec = RunSpec::new(project.map(|project| project.id), plan, folder);
        spec.found = found;
        Ok(spec)
    }

    /// The text of a plan file, and what is compiled from it.
    async fn compile_file(
        &self,
        path: &Path,
        options: &RunOptions,
        look: Look,
    ) -> Result<(String, Compiled), ApiError> {
        let source = read_plan(path)?;
        let place = PlanPlace::of_file(path);
        known_variables(path, &source, &place, &options.vars)?;
        let compiled = self.inner.engine.compile(&source, &place, options, look).await;
        Ok((source, compiled.map_err(|error| in_file(path, error))?))
    }

    async fn report_of(&self, spec: &RunSpec) -> Result<CheckReport, ApiError> {
        // Who asked may have gone: then nobody needs the answer.
        let cancel = CancellationToken::new();
        let _guard = cancel.clone().drop_guard();
        let steps = self.inner.engine.check(spec, &cancel).await?;
        Ok(CheckReport { steps, rendered_sha256: spec.plan.sha256.clone() })
    }

    async fn preview_of(&self, spec: &RunSpec) -> Result<Preview, ApiError> {
        Ok(Preview {
            missing_secrets: self.inner.engine.missing_secrets(spec).await?,
            steps: spec
                .plan
                .steps
                .iter()
                .map(|step| PreviewStep {
                    task: step.task.clone(),
                    host: step.host.clone(),
                    name: step.name.clone(),
                    what: what(step),
                    condition: condition(step),
                })
                .collect(),
            discovered: spec.found.hosts.iter().map(|found| discovered(spec, found)).collect(),
            notes: spec.found.notes.clone(),
            rendered_sha256: spec.plan.sha256.clone(),
        })
    }

    /// A plan file with what is to say about it.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`] or [`ErrorCode::Invalid`] when it cannot be read.
    pub async fn validate_file(&self, path: &Path) -> Result<(String, PlanCheck), ApiError> {
        let source = read_plan(path)?;
        let check = check_source(&source, &PlanPlace::of_file(path));
        Ok((source, check))
    }

    /// Runs a plan file. Its project is the one of the plan's name, which is made when it is missing; the file's text
    /// becomes that project's current revision. `shown` is the SHA-256 of the rendered plan that was shown.
    ///
    /// # Errors
    /// As [`Api::validate_file`] and [`Api::start_run`]; [`ErrorCode::Conflict`] when something else would run now.
    pub async fn run_plan_file(
        &self,
        path: &Path,
        options: &RunOptions,
        shown: &str,
    ) -> Result<RunSummary, ApiError> {
        let (source, Compiled { plan: compiled, .. }) =
            self.compile_file(path, options, Look::Recent).await?;
        if compiled.sha256 != shown {
            return Err(EngineError::Changed.into());
        }
        let existing = projects::by_name(&mut *self.read().await?, &compiled.name).await?;
        self.inner.engine.take_over();
        let project = match existing {
            Some(project) if project.practice => {
                let message =
                    format!("“{}” is the practice project; give the plan another name", project.name);
                return Err(ApiError::new(ErrorCode::Conflict, message));
            }
            Some(project) => {
                // What cannot run now leaves the project's plan as it is.
                if let Some(run) = project.last_run.as_ref().filter(|run| !run.state.is_final()) {
                    return Err(StoreError::RunUnderWay { number: run.number }.into());
                }
                let mut db = self.write().await?;
                let note = format!("from {}", path.display());
                self.save_revision(&mut db, project.id, &source, &note).await?;
                self.commit(db).await?;
                project
            }
            None => {
                let note = format!("from {}", path.display());
                self.insert_project(&compiled.name, &source, &note, false).await?
            }
        };
        let folder = std::path::absolute(path).ok();
        let folder = folder.as_deref().and_then(Path::parent).map(|folder| folder.display().to_string());
        self.inner.engine.set_folder(project.id, folder.as_deref()).await?;
        let user = &self.inner.user;
        Ok(self
            .inner
            .engine
            .start_current(project.id, Trigger::CommandLine, user, Some(shown), options)
            .await?)
    }
}

/// A host that was found, as far as it is part of what would run.
fn discovered(spec: &RunSpec, found: &FoundAt) -> DiscoveredHost {
    let address = match spec.plan.hosts.get(&found.name) {
        Some(CompiledHost::Ssh(ssh)) => {
            Some(address(&found.name, ssh.user.as_deref(), &ssh.address, ssh.port))
        }
        Some(CompiledHost::Local) | None => None,
    };
    DiscoveredHost { name: found.name.clone(), address, by: found.by.clone() }
}

/// Refuses values of variables that the plan does not have.
fn known_variables(
    path: &Path,
    source: &str,
    place: &PlanPlace,
    vars: &BTreeMap<String, String>,
) -> Result<(), ApiError> {
    if vars.is_empty() {
        return Ok(());
    }
    let known = steadyhand_engine::check_source(source, place).outline.vars;
    let unknown = vars.keys().find(|name| !known.contains(name));
    unknown.map_or(Ok(()), |unknown| Err(no_such_variable(path, unknown, &known)))
}

fn no_such_variable(path: &Path, name: &str, known: &[String]) -> ApiError {
    let shown = path.display();
    let has = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
    let message = format!("the plan {shown} has no variable `{name}` to set; it has {has}. Nothing was run.");
    ApiError::new(ErrorCode::Invalid, message)
}

/// Errors of a plan with the file and the lines that they are in.
pub(crate) fn in_file(path: &Path, error: EngineError) -> ApiError {
    let EngineError::Plan { diagnostics } = &error else { return error.into() };
    let errors = diagnostics.iter().filter(|problem| problem.is_error());
    let lines = errors.map(|problem| {
        let file = in_plan(path, problem.file.as_deref());
        format!("\n  {}:{}: {}", file.display(), problem.line, problem.message)
    });
    let message = format!("the plan has errors; nothing was run:{}", lines.collect::<String>());
    ApiError::new(ErrorCode::PlanInvalid, message)
}

/// A file that a plan includes, as seen from where the plan's own path is seen from; the plan itself when none is named.
pub(crate) fn in_plan(plan: &Path, file: Option<&str>) -> PathBuf {
    file.map_or_else(|| plan.to_owned(), |file| plan.with_file_name("").join(file))
}

pub(crate) fn read_plan(path: &Path) -> Result<String, ApiError> {
    let shown = path.display();
    let bytes = std::fs::read(path).map_err(|error| {
        let code = match error.kind() {
            std::io::ErrorKind::NotFound => ErrorCode::NotFound,
            _ => ErrorCode::Invalid,
        };
        ApiError::new(code, format!("the plan {shown} cannot be read: {error}; check the path"))
    })?;
    if bytes.len() > LARGEST {
        let message = format!("the plan {shown} has {} bytes; a plan has at most {LARGEST}", bytes.len());
        return Err(ApiError::new(ErrorCode::Invalid, message));
    }
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        ApiError::new(
            ErrorCode::PlanInvalid,
            format!("the plan {shown} is not UTF-8 text (byte {at}); save it as UTF-8"),
        )
    })
}
