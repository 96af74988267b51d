// Generated from the Rust types by `./dev types`; do not edit.

/**
 * Accepts a proposal.
 */
export type AcceptProposal = { 
/**
 * Which.
 */
proposal_id: ProposalId, 
/**
 * SHA-256 of the plan that was shown.
 */
sha256: string, 
/**
 * Whether to start a run of the new plan.
 */
run: boolean, };

/**
 * A way to mend a failure that the person carries out.
 */
export type Advice = { 
/**
 * What to do, in one sentence.
 */
title: string, 
/**
 * How and why.
 */
detail: string, 
/**
 * A shell command that does it.
 */
command: string | null, };

/**
 * Something else that the folder could be.
 */
export type Alternative = { 
/**
 * What.
 */
framework: Framework, 
/**
 * Why it could be that.
 */
reasons: Array<Evidence>, 
/**
 * Why it was not taken.
 */
lost: string, };

/**
 * A person's answer.
 */
export type Answer = { "kind": "trust" } | { "kind": "secret", 
/**
 * It.
 */
value: string, } | { "kind": "refuse" };

/**
 * Answers a question.
 */
export type AnswerQuestion = { 
/**
 * Which.
 */
question_id: QuestionId, 
/**
 * How.
 */
answer: Answer, };

/**
 * An error of an operation.
 */
export type ApiError = { 
/**
 * What kind of error it is.
 */
code: ErrorCode, 
/**
 * What happened, where, and what to do next.
 */
message: string, };

/**
 * Facts about this Steadyhand.
 */
export type AppInfo = { 
/**
 * Its version.
 */
version: string, 
/**
 * The folder that holds its data.
 */
data_dir: string, 
/**
 * Whether it runs in the desktop window (`window`), behind `steady serve` (`server`) or as a command (`command`).
 */
shell: string, };

/**
 * An application, and the Dockerfile that is made for it.
 */
export type ApplicationView = { 
/**
 * The Dockerfile, when it has none of its own and one can be made.
 */
dockerfile?: Dockerfile, 
/**
 * Its folder, from the source's; `.` is the source's own.
 */
path: string, 
/**
 * Its name, where its manifest has one.
 */
name?: string, 
/**
 * What it is made with.
 */
framework: Framework, 
/**
 * How sure that is.
 */
confidence: Confidence, 
/**
 * Why.
 */
reasons: Array<Evidence>, 
/**
 * What fetches its dependencies.
 */
package_manager?: DependencyManager, 
/**
 * The version of its language.
 */
version?: LanguageVersion, 
/**
 * The command that builds it.
 */
build?: string, 
/**
 * The command that starts it; absent for static files.
 */
start?: string, 
/**
 * The folder of static files that it is, or that its build leaves; from its own folder.
 */
output?: string, 
/**
 * The port that it listens on.
 */
port?: Port, 
/**
 * The path that tells whether it is well.
 */
health?: HealthPath, 
/**
 * What it needs beside it.
 */
services: Array<Service>, 
/**
 * The variables that it reads, by name.
 */
variables: Array<Variable>, 
/**
 * What to know before it is built.
 */
warnings: Array<Warning>, 
/**
 * What else it could be, best first.
 */
alternatives: Array<Alternative>, 
/**
 * What a Dockerfile needs to know.
 */
recipe: Recipe, };

/**
 * Asks for what the containers of a deployment have written.
 */
export type AskContainerLog = { 
/**
 * The deployment.
 */
deployment_id: DeploymentId, 
/**
 * Only what came after an earlier answer: its `after`.
 */
after?: string, 
/**
 * At most so many lines of each container, the last ones (1,000 at most).
 */
lines: number, };

/**
 * Asks for what a run of a job has written.
 */
export type AskCronLog = { 
/**
 * A deployment of the job's environment.
 */
deployment_id: DeploymentId, 
/**
 * The job.
 */
job: string, 
/**
 * The run: its `id`.
 */
run: string, };

/**
 * Asks how a deployment differs from another one.
 */
export type AskDifference = { 
/**
 * The deployment.
 */
deployment_id: DeploymentId, 
/**
 * The other one, of the same environment; the one that served before it when none is named.
 */
with?: DeploymentId, };

/**
 * Which host is asked for facts.
 */
export type AskFacts = { 
/**
 * The project whose plan names the host.
 */
project_id?: ProjectId, 
/**
 * A host of the plan, `user@address[:port]`, or `local`.
 */
host: string, };

/**
 * A look at what a run needs.
 */
export type AskPreflight = { 
/**
 * The project whose current plan would run.
 */
project_id: ProjectId, 
/**
 * Hosts of the plan on which `sudo` is looked at, too.
 */
sudo_on: Array<string>, };

/**
 * One attempt of a step.
 */
export type Attempt = { 
/**
 * Counts from 1.
 */
number: number, 
/**
 * When it was begun.
 */
started_at: Timestamp, 
/**
 * When its end was recorded.
 */
ended_at: Timestamp | null, 
/**
 * How it ended.
 */
outcome: StepOutcome | null, 
/**
 * Lines in its log; an unfinished last line counts.
 */
lines: number, 
/**
 * Bytes in its log.
 */
bytes: number, };

/**
 * Something in a message that is more than text.
 */
export type Card = { "kind": "run", 
/**
 * Which.
 */
run_id: RunId, } | { "kind": "runs", 
/**
 * Which.
 */
run_ids: Array<RunId>, } | { "kind": "finding", 
/**
 * The run.
 */
run_id: RunId, 
/**
 * The step that failed.
 */
step_id: StepId, 
/**
 * The attempt whose log is cited.
 */
attempt: number, 
/**
 * The cause in one sentence; none when it is not known.
 */
title: string | null, 
/**
 * The cause in a few sentences.
 */
explanation: string | null, 
/**
 * The lines that this rests on, the telling one first.
 */
citations: Array<CitedLine>, 
/**
 * What the person can do.
 */
advice: Array<Advice>, } | { "kind": "proposal", 
/**
 * Which.
 */
proposal_id: ProposalId, } | { "kind": "link", 
/**
 * What it is.
 */
label: string, 
/**
 * An `http:` or `https:` address.
 */
url: string, } | { "kind": "replies", 
/**
 * What each button says and sends.
 */
texts: Array<string>, } | { "kind": "tool_call", 
/**
 * The tool's name.
 */
tool: string, 
/**
 * What came of it, in one sentence.
 */
result: string, } | { "kind": "usage", 
/**
 * Tokens sent.
 */
prompt_tokens: number, 
/**
 * Tokens received.
 */
completion_tokens: number, 
/**
 * The model's name.
 */
model: string, };

/**
 * One thing that was looked at.
 */
export type Check = { 
/**
 * What.
 */
what: CheckKind, 
/**
 * What is to be thought of it.
 */
verdict: PreflightVerdict, 
/**
 * What is the matter, in a word for programs: `no_such_name`, `refused`, `timed_out`, `host_key_changed`,
 * `login_refused`, `no_sudo`, `disk_full`, …
 */
cause?: string, 
/**
 * What was found, and what to do about it.
 */
message: string, };

/**
 * What was looked at.
 */
export type CheckKind = "name" | "connection" | "host_key" | "login" | "shell" | "sudo" | "disk" | "programs" | "clock" | "local_file" | "secret";

/**
 * What a run would change now.
 */
export type CheckReport = { 
/**
 * SHA-256 of the rendered plan.
 */
rendered_sha256: string, 
/**
 * The steps, in order, each with what a run would do about it.
 */
steps: Array<CheckedStep>, };

/**
 * A step and what a run would do about it.
 */
export type CheckedStep = { 
/**
 * Its place in the run, from 0.
 */
index: number, 
/**
 * Its task.
 */
task: string, 
/**
 * Its host.
 */
host: string, 
/**
 * What it is called.
 */
step: string, 
/**
 * What a run would do.
 */
verdict: Verdict, 
/**
 * What differs, with a diff where there is one; why it is skipped; what is not known. Without secrets.
 */
text: string, };

/**
 * What a person decides about a step that has failed and is held.
 */
export type Choice = "retry" | "skip" | "fail";

/**
 * One line of a log that an answer rests on.
 */
export type CitedLine = { 
/**
 * The line's number in the log, from 1.
 */
line: number, 
/**
 * Its text without control sequences.
 */
text: string, };

/**
 * A commit of a repository.
 */
export type Commit = { 
/**
 * Its name, in full.
 */
commit: string, 
/**
 * When it was made.
 */
committed_at: Timestamp, 
/**
 * Who wrote it.
 */
author: string, 
/**
 * The first line of its message.
 */
message: string, 
/**
 * Where it can be looked at: an `http:` or `https:` address.
 */
link?: string, };

/**
 * The commits between two deployments of one repository.
 */
export type CommitsBetween = { 
/**
 * Those that this one has and the other one has not, newest first.
 */
came: Array<Commit>, 
/**
 * Those that the other one has and this one has not, newest first.
 */
went: Array<Commit>, 
/**
 * Whether these are all; otherwise only the newest ones are known.
 */
is_whole: boolean, 
/**
 * Files that differ and whose names say that they change a database, within the repository.
 */
migrations: Array<string>, };

/**
 * How sure it is.
 */
export type Confidence = "guess" | "likely" | "certain";

/**
 * A container, as it is now.
 */
export type Container = { 
/**
 * What it is called on its host.
 */
name: string, 
/**
 * Its number among those of its deployment, from 1.
 */
replica: number, 
/**
 * What docker calls its state: `running`, `exited`, `restarting`, …
 */
state: string, 
/**
 * What the check of its image says, if it has one: `healthy`, `unhealthy`, `starting`.
 */
health: string | null, 
/**
 * When it was started, as RFC 3339.
 */
started_at: string, 
/**
 * How often docker has started it again.
 */
restarts: number, 
/**
 * The status that it ended with, if it has.
 */
exit_status: number | null, 
/**
 * Whether it was killed for want of memory.
 */
out_of_memory: boolean, 
/**
 * What it uses of the processors, in percent of one.
 */
cpu_percent: number | null, 
/**
 * What it uses of the memory, in bytes.
 */
memory: number | null, 
/**
 * What it may use of the memory, in bytes; none when it may use all.
 */
memory_limit: number | null, };

/**
 * A line that a container has written.
 */
export type ContainerLine = { 
/**
 * When, as RFC 3339.
 */
at: string, 
/**
 * The container's number, from 1.
 */
replica: number, 
/**
 * The line.
 */
text: string, 
/**
 * The line with its stack trace in the original source, where a source map is known for it.
 */
original?: string, };

/**
 * A part of what containers have written.
 */
export type ContainerLog = { 
/**
 * The lines, oldest first.
 */
lines: Array<ContainerLine>, 
/**
 * What to ask with for the lines after these.
 */
after: string, };

/**
 * A program for containers.
 */
export type ContainerRuntime = "docker" | "podman" | "none";

/**
 * A new project.
 */
export type CreateProject = { 
/**
 * Its name, unique.
 */
name: string, 
/**
 * Its plan; a small example when none is given.
 */
source?: string, };

/**
 * A command of an application that is run again and again.
 */
export type CronJob = { 
/**
 * What it is called.
 */
name: string, 
/**
 * When it is due, as the plan says it.
 */
schedule: string, 
/**
 * The command.
 */
run: string, 
/**
 * When it is due next, by the clock of its host; not known when that is to be put forward or back before.
 */
next: Timestamp | null, 
/**
 * Its last runs, newest first.
 */
runs: Array<CronRun>, };

/**
 * The jobs of an environment, as its host has them.
 */
export type CronJobs = { 
/**
 * The name of the host in the plan.
 */
host: string, 
/**
 * The jobs, by name.
 */
jobs: Array<CronJob>, };

/**
 * What a run of a job has written.
 */
export type CronLog = { 
/**
 * All of it, or of a lot the beginning and the end. While it runs, there may be less than it has written.
 */
text: string, };

/**
 * A run of a job.
 */
export type CronRun = { 
/**
 * What it is called on its host, to ask for what it has written.
 */
id: string, 
/**
 * How it is.
 */
state: CronRunState, 
/**
 * The number of the deployment that it was a run of.
 */
deployment: number | null, 
/**
 * When it began.
 */
started_at: Timestamp, 
/**
 * When it ended, once it has.
 */
ended_at: Timestamp | null, 
/**
 * The status that it ended with, once it has.
 */
status: number | null, 
/**
 * How often the job was due while it ran, and was not started again.
 */
skipped: number, };

/**
 * How a run of a job is.
 */
export type CronRunState = "running" | "succeeded" | "failed" | "lost";

/**
 * A decision about a step that has failed and is held.
 */
export type DecideStep = { 
/**
 * The step.
 */
step_id: StepId, 
/**
 * What becomes of it.
 */
choice: Choice, };

/**
 * What fetches the dependencies.
 */
export type DependencyManager = { 
/**
 * Which.
 */
tool: PackageTool, 
/**
 * Its version, where the source says one.
 */
version?: string, 
/**
 * Its lock file, from the source's folder.
 */
lock_file?: string, };

/**
 * A key whose private half is a secret.
 */
export type DeployKey = { 
/**
 * The name of that secret.
 */
name: string, 
/**
 * The public half, as one line of `authorized_keys`.
 */
public_key: string, 
/**
 * Whether it was made now. Otherwise the project had it already.
 */
made: boolean, };

/**
 * One release of an application to an environment.
 */
export type Deployment = { 
/**
 * Its identifier.
 */
id: DeploymentId, 
/**
 * Its project.
 */
project_id: ProjectId, 
/**
 * Its environment.
 */
environment_id: EnvironmentId, 
/**
 * The name of that.
 */
environment: string, 
/**
 * Counts the environment's deployments from 1.
 */
number: number, 
/**
 * The run that makes it.
 */
run_id: RunId, 
/**
 * The number of that.
 */
run_number: number, 
/**
 * What started it.
 */
trigger: Trigger, 
/**
 * Who started it: a user name of this machine.
 */
started_by: string, 
/**
 * What it does.
 */
kind: DeploymentKind, 
/**
 * The deployment whose image and settings it takes, when it is a rollback.
 */
takes_from: DeploymentId | null, 
/**
 * The number of that.
 */
takes_from_number: number | null, 
/**
 * What it is.
 */
state: DeploymentState, 
/**
 * What it is made from.
 */
source: DeploymentSource | null, 
/**
 * Its image: a reference or a digest.
 */
image: string | null, 
/**
 * Whether that image is kept, so that it can be brought back.
 */
image_kept: boolean, 
/**
 * Why it failed: the step and its reason.
 */
error: string | null, 
/**
 * When it was recorded.
 */
created_at: Timestamp, 
/**
 * When it began to serve, failed, or was cancelled.
 */
ended_at: Timestamp | null, 
/**
 * When a later one began to serve in its place.
 */
superseded_at: Timestamp | null, 
/**
 * When the picture of its page was taken, if there is one.
 */
screenshot_at: Timestamp | null, 
/**
 * When its image was looked through for what is known to be vulnerable, if it was.
 */
scanned_at: Timestamp | null, };

/**
 * What a person may want to do about a deployment.
 */
export type DeploymentAction = "cancel" | "stop" | "rollback" | "restart";

/**
 * A deployment with its course, and what can be done about it.
 */
export type DeploymentDetail = { 
/**
 * The deployment.
 */
deployment: Deployment, 
/**
 * The run that makes it. Its steps have the logs.
 */
run: RunSummary, 
/**
 * Its parts in their order, with their times.
 */
stages: Array<StageTimes>, 
/**
 * What a person may want to do about it.
 */
actions: Array<PossibleAction>, };

/**
 * How a deployment differs from another one.
 */
export type DeploymentDifference = { 
/**
 * The other one; none when nothing served before.
 */
with: Deployment | null, 
/**
 * Whether there is nothing to tell: it is nothing but a new deployment.
 */
nothing: boolean, 
/**
 * Where both come from, when that differs.
 */
source: SourceDifference | null, 
/**
 * The commits between the two, when that is known.
 */
commits: CommitsBetween | null, 
/**
 * The variables of its containers that differ, by name.
 */
variables: Array<Differing>, 
/**
 * The settings that differ.
 */
settings: Array<DifferingSetting>, 
/**
 * The images, when they differ.
 */
image: ImageDifference | null, 
/**
 * The revisions of the plan, when they differ.
 */
plan: PlanDifference | null, 
/**
 * Why variables and settings are not compared; none when they are.
 */
not_compared: string | null, 
/**
 * The deployments that ran their own commands (`on_deploy`) after the older of the two, up to the newer one, oldest first.
 * No rollback takes back what those have changed.
 */
hooks_between: Array<HooksRan>, };

/**
 * One release of an application to an environment.
 */
export type DeploymentId = string;

/**
 * What a deployment does.
 */
export type DeploymentKind = "deploy" | "rollback" | "restart";

/**
 * What a deployment is made from, as far as it is known.
 */
export type DeploymentSource = { 
/**
 * What kind of thing.
 */
kind: SourceKind, 
/**
 * The repository, the image, or the file, without passwords.
 */
from: string, 
/**
 * The branch or tag that was asked for.
 */
branch?: string, 
/**
 * The commit, in full.
 */
commit?: string, 
/**
 * Who wrote the commit.
 */
author?: string, 
/**
 * The first line of the commit's message.
 */
message?: string, 
/**
 * Where the commit can be looked at: an `http:` or `https:` address.
 */
link?: string, 
/**
 * The SHA-256 of the file, in lower-case hexadecimal; of a folder, one over the names, contents and modes of what is in it.
 */
sha256?: string, };

/**
 * What a deployment is.
 */
export type DeploymentState = "pending" | "building" | "built" | "deploying" | "ready" | "superseded" | "failed" | "cancelled";

/**
 * What has been asked of a run; stored beside its state, so that a request survives a crash and may come from
 * another process.
 */
export type Desired = "running" | "paused" | "stopped";

/**
 * Which folder is looked at.
 */
export type DetectFolder = { 
/**
 * Its path on the machine on which Steadyhand runs, in full.
 */
path: string, };

/**
 * How a line of a diff differs.
 */
export type DiffKind = "context" | "added" | "removed" | "gap";

/**
 * One line of a diff.
 */
export type DiffLine = { 
/**
 * How it differs.
 */
kind: DiffKind, 
/**
 * The line without its end.
 */
text: string, };

/**
 * Something with a name, as it was and as it is. The value of a secret is never in it, only the secret's name.
 */
export type Differing = { 
/**
 * Its name.
 */
name: string, 
/**
 * What it is for the other deployment; none when that does not have it.
 */
before: string | null, 
/**
 * What it is for this one; none when it does not have it.
 */
after: string | null, };

/**
 * A setting that differs.
 */
export type DifferingSetting = { 
/**
 * What the plan calls it, such as `health.path`.
 */
name: string, 
/**
 * Its values for the other deployment; none when that does not have it.
 */
before: Array<string>, 
/**
 * Its values for this one; none when it does not have it.
 */
after: Array<string>, 
/**
 * Whether a rollback leaves it as it is for the one that serves.
 */
stays: boolean, };

/**
 * A host that was found where the plan looks for hosts.
 */
export type DiscoveredHost = { 
/**
 * Its name in the plan.
 */
name: string, 
/**
 * What would be connected to, as a person would write it; none when no step would run there.
 */
address?: string, 
/**
 * Where it was found.
 */
by: string, };

/**
 * A local file system.
 */
export type Disk = { 
/**
 * Where it is mounted.
 */
mount: string, 
/**
 * Its size in bytes.
 */
size: number, 
/**
 * Bytes that a user may still write.
 */
free: number, };

/**
 * A Dockerfile, and what is kept away from it.
 */
export type Dockerfile = { 
/**
 * The folder that is built, from the source's.
 */
context: string, 
/**
 * The text of the Dockerfile.
 */
text: string, 
/**
 * The text of the `.dockerignore` beside it.
 */
ignore: string, };

/**
 * A place that a project's application is deployed to.
 */
export type Environment = { 
/**
 * Its identifier.
 */
id: EnvironmentId, 
/**
 * Its project.
 */
project_id: ProjectId, 
/**
 * What people call it, such as `production`; unique in its project.
 */
name: string, 
/**
 * What it is.
 */
state: EnvironmentState, 
/**
 * When that began.
 */
since: Timestamp, 
/**
 * When it was first deployed to.
 */
created_at: Timestamp, 
/**
 * The deployment that serves, or that would when the environment is not paused.
 */
current: Deployment | null, 
/**
 * The newest deployment, whatever became of it.
 */
last: Deployment | null, };

/**
 * A place that a project's application is deployed to.
 */
export type EnvironmentId = string;

/**
 * What an environment is.
 */
export type EnvironmentState = "provisioning" | "building" | "deploying" | "running" | "paused" | "failed" | "destroyed";

/**
 * What kind of error it is; pages act on this and never on the message.
 */
export type ErrorCode = "invalid" | "plan_invalid" | "not_found" | "conflict" | "locked" | "unreachable" | "storage" | "internal";

/**
 * Something that was seen, and where.
 */
export type Evidence = { 
/**
 * The file, from the source's folder; empty when it is about several.
 */
file: string, 
/**
 * What was seen there.
 */
seen: string, };

/**
 * What a host tells about itself. A fact that it cannot tell is absent; nothing is guessed.
 */
export type Facts = { 
/**
 * The kernel's name in lower case: `linux`, `darwin`.
 */
os?: string, 
/**
 * What the distribution is a kind of: `debian`, `redhat`, `suse`, `arch`, `alpine`, …; `darwin` for macOS.
 */
os_family?: string, 
/**
 * The distribution: `debian`, `ubuntu`, `alpine`, `macos`.
 */
distribution?: string, 
/**
 * The version of the distribution: `12`, `24.04`, `3.20.1`.
 */
version?: string, 
/**
 * The name that the host has for itself.
 */
hostname?: string, 
/**
 * That name with its domain.
 */
fqdn?: string, 
/**
 * The kind of processor, as `uname -m` names it: `x86_64`, `aarch64`.
 */
arch?: string, 
/**
 * The kernel's release: `6.1.0-18-amd64`.
 */
kernel?: string, 
/**
 * Processors that are online.
 */
cpu_count?: number, 
/**
 * Main memory in bytes.
 */
memory?: number, 
/**
 * Local file systems, each once.
 */
disks?: Array<Disk>, 
/**
 * IPv4 and IPv6 addresses that are not loopback.
 */
addresses?: Array<string>, 
/**
 * What installs packages there.
 */
package_manager?: PackageManager, 
/**
 * What runs as process 1.
 */
init?: Init, 
/**
 * The program for containers that is installed.
 */
container_runtime?: ContainerRuntime, 
/**
 * The name of the user who is logged in.
 */
user?: string, 
/**
 * That user's number; 0 is root.
 */
uid?: number, 
/**
 * What `sudo` wants of that user.
 */
sudo?: Sudo, 
/**
 * Seconds that the host's clock is ahead of this machine's; negative when it is behind. What cannot be told from
 * the time that the question took counts as 0.
 */
clock_offset?: number, };

/**
 * What an application is made with.
 */
export type Framework = "dockerfile" | "compose" | "next" | "nuxt" | "remix" | "react_router" | "astro" | "svelte_kit" | "solid_start" | "angular" | "vite_react" | "vite_vue" | "vite_svelte" | "vite" | "create_react_app" | "docusaurus" | "rsbuild" | "nest" | "express" | "fastify" | "koa" | "hono" | "node" | "bun" | "deno" | "django" | "flask" | "fast_api" | "streamlit" | "python" | "go" | "rust" | "spring" | "maven" | "gradle" | "rails" | "ruby" | "laravel" | "php" | "phoenix" | "elixir" | "dotnet" | "static";

/**
 * The condition that made a step unnecessary.
 */
export type Guard = "creates" | "removes" | "unless" | "only_if";

/**
 * A path that tells whether an application is well.
 */
export type HealthPath = { 
/**
 * The path, from `/`.
 */
path: string, 
/**
 * Where it comes from.
 */
source: string, };

/**
 * What keeps a run, or one host of it, from going on at this moment, though nothing has failed.
 */
export type Hindrance = { "kind": "reconnecting", 
/**
 * The host's name in the plan.
 */
host: string, 
/**
 * How many attempts have failed so far.
 */
failures: number, 
/**
 * Why the last one failed.
 */
message: string, } | { "kind": "waiting", 
/**
 * The host's name in the plan.
 */
host: string, } | { "kind": "held", 
/**
 * The task.
 */
task: string, 
/**
 * Hosts that are done.
 */
done: number, 
/**
 * Of how many.
 */
of: number, } | { "kind": "step_held", 
/**
 * The step.
 */
step_id: StepId, 
/**
 * Its place in the run, from 0.
 */
index: number, 
/**
 * Its name.
 */
step: string, 
/**
 * Its host.
 */
host: string, 
/**
 * Why it failed.
 */
reason: Reason, 
/**
 * The same in words.
 */
reason_text: string, } | { "kind": "resting", 
/**
 * The task.
 */
task: string, 
/**
 * Hosts that are done.
 */
done: number, 
/**
 * Of how many.
 */
of: number, } | { "kind": "vault_locked" } | { "kind": "missing_secrets", 
/**
 * Their names in the plan.
 */
names: Array<string>, };

/**
 * A deployment that ran its own commands.
 */
export type HooksRan = { 
/**
 * The number of the deployment.
 */
number: number, 
/**
 * The commands.
 */
commands: Array<string>, };

/**
 * What was found of one host. What could not be looked at because something before it failed is not in it.
 */
export type HostPreflight = { 
/**
 * Its name in the plan.
 */
host: string, 
/**
 * What was looked at, in order.
 */
checks: Array<Check>, 
/**
 * How long that took, in milliseconds.
 */
took_ms: number, };

/**
 * A host and what is known of the way to it.
 */
export type HostStatus = { 
/**
 * Its name in the plan.
 */
name: string, 
/**
 * What is connected to; `this machine` for `local`.
 */
address: string, 
/**
 * What is known.
 */
reach: Reach, };

/**
 * The images of two deployments.
 */
export type ImageDifference = { 
/**
 * That of the other one, as far as it is known.
 */
before: string | null, 
/**
 * That of this one, as far as it is known.
 */
after: string | null, };

/**
 * What runs as process 1.
 */
export type Init = "systemd" | "openrc" | "sysv" | "launchd" | "none";

/**
 * Where the key of a vault is.
 */
export type KeyPlace = "environment" | "keyring" | "passphrase" | "file";

/**
 * Where the key of the model comes from.
 */
export type KeySource = "environment" | "keyring" | "memory" | "none";

/**
 * A language, or what executes it.
 */
export type Language = "node" | "bun" | "deno" | "python" | "go" | "rust" | "java" | "ruby" | "php" | "elixir" | "dotnet";

/**
 * A version of a language.
 */
export type LanguageVersion = { 
/**
 * Of what.
 */
language: Language, 
/**
 * The version that is taken, as images are tagged with it.
 */
version: string, 
/**
 * What was asked for, as it is written; absent when the version is the usual one.
 */
asked?: string, 
/**
 * Where it comes from.
 */
source: string, };

/**
 * A page of deployments, newest first.
 */
export type ListDeployments = { 
/**
 * The project.
 */
project_id: ProjectId, 
/**
 * Only those to this environment.
 */
environment_id?: EnvironmentId, 
/**
 * Only those in one of these states; all when there are none.
 */
states: Array<DeploymentState>, 
/**
 * Only those that were recorded before this one.
 */
before?: DeploymentId, 
/**
 * At most this many (100 at most).
 */
limit: number, };

/**
 * A page of a chat, newest last.
 */
export type ListMessages = { 
/**
 * The project.
 */
project_id: ProjectId, 
/**
 * Only messages before this one.
 */
before?: MessageId, 
/**
 * At most this many (200 at most).
 */
limit: number, };

/**
 * A page of runs, newest first.
 */
export type ListRuns = { 
/**
 * The project.
 */
project_id: ProjectId, 
/**
 * Only runs with smaller numbers.
 */
before?: number, 
/**
 * At most this many (100 at most).
 */
limit: number, };

/**
 * Which secrets are listed.
 */
export type ListSecrets = { 
/**
 * Of this project; of all when none is given.
 */
project_id?: ProjectId, };

/**
 * How a deployment is reached, and how its containers are.
 */
export type Live = { 
/**
 * The name of its host in the plan.
 */
host: string, 
/**
 * The port at which the environment is reached on the host's loopback, once it was deployed to.
 */
port: number | null, 
/**
 * Whether a person has stopped what serves.
 */
stopped: boolean, 
/**
 * The addresses that it is reached by from elsewhere.
 */
addresses: Array<string>, 
/**
 * Its containers, in their order.
 */
containers: Array<Container>, };

/**
 * One line of a log.
 */
export type LogLine = { 
/**
 * Counts from 1.
 */
number: number, 
/**
 * The line without its end, as far as it is given; bytes that are not UTF-8 are shown as U+FFFD. May contain
 * terminal control sequences.
 */
text: string, 
/**
 * When it was received.
 */
at: Timestamp, 
/**
 * Its whole length in bytes, without its end.
 */
bytes: number, 
/**
 * Whether `text` is only its beginning.
 */
cut: boolean, };

/**
 * A window of a log.
 */
export type LogLines = { 
/**
 * The step.
 */
step_id: StepId, 
/**
 * The attempt.
 */
attempt: number, 
/**
 * The first line wanted, from 1.
 */
from: number, 
/**
 * How many lines (2,000 at most).
 */
count: number, };

/**
 * The answer to a search in a log.
 */
export type LogMatches = { 
/**
 * The numbers of the lines that match, ascending.
 */
lines: Array<number>, 
/**
 * Where to go on searching; none when the whole log was searched.
 */
next: number | null, };

/**
 * A search in a log.
 */
export type LogSearch = { 
/**
 * The step.
 */
step_id: StepId, 
/**
 * The attempt.
 */
attempt: number, 
/**
 * What to find; letter case counts only when it has an upper-case letter.
 */
query: string, 
/**
 * The line to begin at, from 1.
 */
from: number, 
/**
 * At most this many matches (10,000 at most).
 */
limit: number, };

/**
 * A window of lines of a log.
 */
export type LogWindow = { 
/**
 * Lines in the whole log so far; an unfinished last line counts.
 */
total_lines: number, 
/**
 * Bytes in the whole log so far.
 */
total_bytes: number, 
/**
 * The lines asked for, as far as they exist.
 */
lines: Array<LogLine>, };

/**
 * Why the end of an attempt cannot be known.
 */
export type LossReason = { "kind": "rebooted" } | { "kind": "supervisor_gone" } | { "kind": "record_gone", 
/**
 * What was found.
 */
detail: string, } | { "kind": "log_cut" };

/**
 * One message of a project's chat.
 */
export type Message = { 
/**
 * Its identifier.
 */
id: MessageId, 
/**
 * The project whose chat it is in.
 */
project_id: ProjectId, 
/**
 * When it was begun.
 */
at: Timestamp, 
/**
 * Who wrote it.
 */
role: Role, 
/**
 * How far it is.
 */
state: MessageState, 
/**
 * Its text: paragraphs, `**bold**` and `` `code` ``, lists with `- `.
 */
text: string, 
/**
 * What it carries beside the text.
 */
cards: Array<Card>, };

/**
 * One message of a project's chat.
 */
export type MessageId = string;

/**
 * How far a message is.
 */
export type MessageState = "streaming" | "complete" | "cancelled" | "failed";

/**
 * The model that answers, if any.
 */
export type ModelView = { 
/**
 * Such as `http://localhost:11434/v1`.
 */
base_url: string, 
/**
 * Such as `qwen3:8b`.
 */
model: string, 
/**
 * Where its key comes from.
 */
key: KeySource, };

/**
 * Nothing to take, or nothing to give.
 */
export type Nothing = Record<symbol, never>;

/**
 * Names a deployment.
 */
export type OfDeployment = { 
/**
 * Which.
 */
deployment_id: DeploymentId, };

/**
 * Names an environment.
 */
export type OfEnvironment = { 
/**
 * Which.
 */
environment_id: EnvironmentId, };

/**
 * Names a log.
 */
export type OfLog = { 
/**
 * The step.
 */
step_id: StepId, 
/**
 * The attempt.
 */
attempt: number, };

/**
 * Names a project.
 */
export type OfProject = { 
/**
 * Which.
 */
project_id: ProjectId, };

/**
 * Names a proposal.
 */
export type OfProposal = { 
/**
 * Which.
 */
proposal_id: ProposalId, };

/**
 * A revision of a plan.
 */
export type OfRevision = { 
/**
 * The project.
 */
project_id: ProjectId, 
/**
 * The revision.
 */
sha256: string, };

/**
 * Names a run.
 */
export type OfRun = { 
/**
 * Which.
 */
run_id: RunId, };

/**
 * Names a secret.
 */
export type OfSecret = { 
/**
 * The project.
 */
project_id: ProjectId, 
/**
 * The name in plans.
 */
name: string, };

/**
 * A host as a plan declares it.
 */
export type OutlineHost = { 
/**
 * Its name in the plan.
 */
name: string, 
/**
 * What is connected to, as a person would write it; `this machine` for `local`.
 */
address: string, 
/**
 * The groups that it is in.
 */
groups: Array<string>, };

/**
 * A task as a plan declares it.
 */
export type OutlineTask = { 
/**
 * Its name.
 */
name: string, 
/**
 * The names of its hosts.
 */
hosts: Array<string>, 
/**
 * The tasks that must be done before.
 */
needs: Array<string>, 
/**
 * The names of its steps, in order.
 */
steps: Array<string>, 
/**
 * Words to choose it by.
 */
tags?: Array<string>, 
/**
 * Where it stands in the source, from 1.
 */
line: number, 
/**
 * The file that it stands in, when it is not the plan itself but one that it includes.
 */
file?: string, };

/**
 * What installs packages.
 */
export type PackageManager = "apt" | "dnf" | "yum" | "apk" | "pacman" | "zypper" | "brew";

/**
 * What fetches the dependencies.
 */
export type PackageTool = "npm" | "pnpm" | "yarn" | "yarn_berry" | "bun" | "deno" | "pip" | "poetry" | "uv" | "pipenv" | "pdm" | "go_modules" | "cargo" | "maven" | "gradle" | "bundler" | "composer" | "mix" | "nu_get";

/**
 * What is to say about a plan's source.
 */
export type PlanCheck = { 
/**
 * Every problem, in the order of the source.
 */
problems: Array<Problem>, 
/**
 * Its picture.
 */
outline: PlanOutline, };

/**
 * Two revisions of a plan.
 */
export type PlanDifference = { 
/**
 * The revision that the other one was made by.
 */
before_sha256: string, 
/**
 * The revision that this one was made by.
 */
after_sha256: string, 
/**
 * From the one to the other; empty when one of them is not there any more.
 */
diff: Array<DiffLine>, };

/**
 * A plan's picture, as far as it can be read.
 */
export type PlanOutline = { 
/**
 * Its hosts.
 */
hosts: Array<OutlineHost>, 
/**
 * Its tasks, in the order in which they run.
 */
tasks: Array<OutlineTask>, };

/**
 * One saved state of a project's plan. Immutable.
 */
export type PlanRevision = { 
/**
 * SHA-256 of the source, in lower-case hexadecimal.
 */
sha256: string, 
/**
 * When it was saved.
 */
saved_at: Timestamp, 
/**
 * Why it was saved, in a few words.
 */
note: string, };

/**
 * A project's current plan.
 */
export type PlanView = { 
/**
 * SHA-256 of the source.
 */
sha256: string, 
/**
 * The source.
 */
source: string, 
/**
 * When this revision was saved.
 */
saved_at: Timestamp, 
/**
 * What is to say about it.
 */
check: PlanCheck, };

/**
 * The port that an application listens on.
 */
export type Port = { 
/**
 * Which.
 */
number: number, 
/**
 * Where it comes from.
 */
source: string, };

/**
 * Something that a person may want to do, and whether it can be done now.
 */
export type PossibleAction = { 
/**
 * What.
 */
action: DeploymentAction, 
/**
 * Why it cannot be done now; none when it can.
 */
why_not: string | null, };

/**
 * The source of the practice application.
 */
export type PracticeSource = { 
/**
 * The file on this machine, to open in any editor.
 */
path: string, 
/**
 * Its text.
 */
text: string, 
/**
 * The address at which the deployed application answers.
 */
url: string, };

/**
 * What was found before a run.
 */
export type Preflight = { 
/**
 * The worst of all.
 */
verdict: PreflightVerdict, 
/**
 * What concerns this machine and the plan as a whole.
 */
here: Array<Check>, 
/**
 * What concerns each host, in the order of the plan.
 */
hosts: Array<HostPreflight>, 
/**
 * How long everything took, in milliseconds.
 */
took_ms: number, };

/**
 * What is to be thought of it, from good to bad.
 */
export type PreflightVerdict = "ok" | "warn" | "fail";

/**
 * What a run would do now.
 */
export type Preview = { 
/**
 * SHA-256 of the rendered plan.
 */
rendered_sha256: string, 
/**
 * The steps, in order.
 */
steps: Array<PreviewStep>, 
/**
 * Secrets that the plan needs and that have no value yet.
 */
missing_secrets: Array<string>, 
/**
 * The hosts that the plan does not list and that were found where it looks for them.
 */
discovered?: Array<DiscoveredHost>, 
/**
 * What was left out there, and why.
 */
notes?: Array<string>, };

/**
 * A step as it would run.
 */
export type PreviewStep = { 
/**
 * The task.
 */
task: string, 
/**
 * The host.
 */
host: string, 
/**
 * What it is called.
 */
name: string, 
/**
 * What would run, with secrets hidden.
 */
what: string, 
/**
 * That it is skipped, and why; or what it depends on whether it runs.
 */
condition?: string, };

/**
 * A problem of a plan, in place.
 */
export type Problem = { 
/**
 * How grave it is.
 */
severity: ProblemSeverity, 
/**
 * What was found and what was expected.
 */
message: string, 
/**
 * What to do.
 */
hint: string | null, 
/**
 * The file, when it is not the plan itself but one that it includes: as seen from the plan's folder.
 */
file?: string, 
/**
 * From 1.
 */
line: number, 
/**
 * From 1, in characters.
 */
column: number, 
/**
 * From 1.
 */
end_line: number, 
/**
 * From 1, in characters; the place behind the last character.
 */
end_column: number, };

/**
 * How grave a problem of a plan is.
 */
export type ProblemSeverity = "error" | "warning" | "note";

/**
 * An application: its plan, its runs, its chat.
 */
export type Project = { 
/**
 * Its identifier.
 */
id: ProjectId, 
/**
 * What people call it; unique.
 */
name: string, 
/**
 * Whether it is the project that deploys to the practice server.
 */
practice: boolean, 
/**
 * When it was made.
 */
created_at: Timestamp, 
/**
 * Its newest run.
 */
last_run: RunSummary | null, };

/**
 * An application: its plan, its runs, its chat.
 */
export type ProjectId = string;

/**
 * A change of the plan that waits for a person.
 */
export type Proposal = { 
/**
 * Its identifier.
 */
id: ProposalId, 
/**
 * The project whose plan it changes.
 */
project_id: ProjectId, 
/**
 * What it does, in one sentence.
 */
title: string, 
/**
 * What speaks for it, in a few words ("free on web1").
 */
note: string, 
/**
 * The revision that it changes.
 */
base_sha256: string, 
/**
 * The whole plan as it would be.
 */
source: string, 
/**
 * SHA-256 of that source; accepting names it, so that only what was shown is carried out.
 */
sha256: string, 
/**
 * The change.
 */
diff: Array<DiffLine>, 
/**
 * What became of it.
 */
state: ProposalState, };

/**
 * A change that the assistant wants to make and a person must accept.
 */
export type ProposalId = string;

/**
 * What became of a proposal.
 */
export type ProposalState = { "kind": "open" } | { "kind": "accepted" } | { "kind": "dismissed" } | { "kind": "void", 
/**
 * Why.
 */
why: string, };

/**
 * Something that only a person can answer while a connection is made.
 */
export type Question = { 
/**
 * Its identifier.
 */
id: QuestionId, 
/**
 * The run that waits for the answer, if it is one.
 */
run_id: RunId | null, 
/**
 * The host of that run's plan that is to be reached.
 */
reaching: string | null, 
/**
 * The host that it concerns, which may be one on the way there: address and port.
 */
host: string, 
/**
 * What it is about.
 */
about: QuestionKind, 
/**
 * Whether the answer before was wrong.
 */
again: boolean, 
/**
 * When it was asked.
 */
asked_at: Timestamp, };

/**
 * Something that only a person can answer while a connection is made.
 */
export type QuestionId = string;

/**
 * What a question is about.
 */
export type QuestionKind = { "kind": "host_key", 
/**
 * The kind of key, such as `ssh-ed25519`.
 */
algorithm: string, 
/**
 * `SHA256:…`, as OpenSSH prints it.
 */
fingerprint: string, } | { "kind": "passphrase", 
/**
 * The file.
 */
path: string, } | { "kind": "password", 
/**
 * Whose.
 */
user: string, };

/**
 * Whether a host answers.
 */
export type Reach = { "kind": "unknown" } | { "kind": "asking" } | { "kind": "ok", 
/**
 * One round trip, in milliseconds.
 */
latency_ms: number, } | { "kind": "failed", 
/**
 * What happened and what to do next.
 */
message: string, } | { "kind": "key_changed", 
/**
 * Which keys, and what to do next.
 */
message: string, } | { "kind": "key_revoked", 
/**
 * Which key, and what to do next.
 */
message: string, };

/**
 * Why a step failed or was skipped.
 */
export type Reason = { "kind": "guard_held", 
/**
 * Which guard.
 */
guard: Guard, 
/**
 * The path or the command of the guard.
 */
what: string, } | { "kind": "when_false", 
/**
 * The condition as the plan has it.
 */
when: string, } | { "kind": "earlier_step_failed", 
/**
 * The name of the step that failed.
 */
step: string, } | { "kind": "need_failed", 
/**
 * The name of the task that is needed.
 */
task: string, } | { "kind": "not_notified" } | { "kind": "completed_in_run", 
/**
 * That run's number.
 */
run: number, } | { "kind": "run_stopped" } | { "kind": "outcome", 
/**
 * How it ended.
 */
outcome: StepOutcome, } | { "kind": "connection", 
/**
 * What happened, on which host, and what to do next.
 */
message: string, } | { "kind": "error", 
/**
 * What happened and what to do next.
 */
message: string, };

/**
 * What a Dockerfile needs to know beyond what people are shown.
 */
export type Recipe = { 
/**
 * The folder that is built, from the source's: the root of a workspace, else the application's own.
 */
context: string, 
/**
 * The files that the dependencies depend on, from the context.
 */
manifests: Array<string>, 
/**
 * What is built or started: a Go package, a binary, a project, a Dockerfile, …
 */
entry?: string, 
/**
 * A finished server that the build leaves, which needs nothing else: a folder, or an archive of Java.
 */
standalone?: string, 
/**
 * Whether a path that is no file is answered with `index.html`.
 */
single_page: boolean, 
/**
 * Whether what runs needs what is only a dependency of development.
 */
keeps_development: boolean, 
/**
 * Whether a wrapper of the build tool (`mvnw`, `gradlew`) comes with the source.
 */
wrapper: boolean, 
/**
 * Further packages that are needed: of PHP its extensions, of Python what is installed beside the dependencies.
 */
extras: Array<string>, };

/**
 * Another name for a project.
 */
export type RenameProject = { 
/**
 * Which.
 */
project_id: ProjectId, 
/**
 * Its new name, unique.
 */
name: string, };

/**
 * An earlier revision of a plan that is to be the current one again.
 */
export type RestorePlan = { 
/**
 * The project.
 */
project_id: ProjectId, 
/**
 * The revision to restore.
 */
sha256: string, 
/**
 * The revision that it was compared with; refused when it is no longer the current one.
 */
base_sha256: string, };

/**
 * How much of an earlier run is run again.
 */
export type RetryPart = "whole" | "rest" | "rest_of_current_plan";

/**
 * A request to run what an earlier run executed again.
 */
export type RetryRun = { 
/**
 * The run.
 */
run_id: RunId, 
/**
 * How much of it; all when nothing is said.
 */
again?: RetryPart, };

/**
 * A revision of a plan, and what restoring it would change.
 */
export type RevisionView = { 
/**
 * Which.
 */
revision: PlanRevision, 
/**
 * Its text.
 */
source: string, 
/**
 * From the current revision to this one; empty for the current one.
 */
diff: Array<DiffLine>, 
/**
 * The current revision, which the difference starts from.
 */
current_sha256: string, };

/**
 * Who wrote a message.
 */
export type Role = "user" | "assistant";

/**
 * A new key for the vault.
 */
export type RotateVault = { 
/**
 * Where it is to be; where the old one is when none is given.
 */
to?: KeyPlace, 
/**
 * The new passphrase, when it is to be made from one.
 */
passphrase?: string, };

/**
 * A run with all its steps.
 */
export type RunDetail = { 
/**
 * The run.
 */
run: RunSummary, 
/**
 * Its steps, in order.
 */
steps: Array<Step>, };

/**
 * One execution of a plan revision.
 */
export type RunId = string;

/**
 * What a run is.
 */
export type RunState = "started" | "in_progress" | "paused" | "completed" | "failed" | "stopped";

/**
 * A run without its steps.
 */
export type RunSummary = { 
/**
 * Its identifier.
 */
id: RunId, 
/**
 * The project that it belongs to.
 */
project_id: ProjectId, 
/**
 * Counts the project's runs from 1; what people call it ("run 24").
 */
number: number, 
/**
 * What it is.
 */
state: RunState, 
/**
 * What has been asked for; differs from the state while a request is under way.
 */
desired: Desired, 
/**
 * What keeps it, or one of its hosts or tasks, from going on.
 */
hindrances: Array<Hindrance>, 
/**
 * What started it.
 */
trigger: Trigger, 
/**
 * Who started it: a user name of this machine.
 */
started_by: string, 
/**
 * The plan revision that it executes.
 */
plan_sha256: string, 
/**
 * SHA-256 of the rendered plan: what was shown is what runs.
 */
rendered_sha256: string, 
/**
 * When it was recorded.
 */
created_at: Timestamp, 
/**
 * When it reached its final state.
 */
ended_at: Timestamp | null, 
/**
 * How its steps stand.
 */
steps: StepCounts, 
/**
 * The name of the step that is running, or else of the one that failed.
 */
current_step: string | null, 
/**
 * How long this project's completed runs have taken lately: the median, in milliseconds.
 */
typical_ms: number | null, 
/**
 * Who could not be told of it so far, of those that its plan names in `notify`.
 */
untold?: Array<Untold>, 
/**
 * The number of the latest event of the run.
 */
seq: number, };

/**
 * Sets the model.
 */
export type SaveModel = { 
/**
 * Such as `http://localhost:11434/v1`.
 */
base_url: string, 
/**
 * Such as `qwen3:8b`.
 */
model: string, 
/**
 * A new key; the old one is kept when none is given.
 */
key?: string, };

/**
 * A new revision of a plan.
 */
export type SavePlan = { 
/**
 * The project.
 */
project_id: ProjectId, 
/**
 * The text.
 */
source: string, 
/**
 * The revision that was edited; refused when it is no longer the current one.
 */
base_sha256: string, };

/**
 * A file that was written for the person.
 */
export type SavedFile = { 
/**
 * Where it is.
 */
path: string, };

/**
 * Something said in a chat.
 */
export type Say = { 
/**
 * The project.
 */
project_id: ProjectId, 
/**
 * The words.
 */
text: string, };

/**
 * What a scanner has found in the image of a deployment.
 */
export type Scan = { 
/**
 * The scanner.
 */
scanner: Scanner, 
/**
 * Its version, where it says that.
 */
version: string | null, 
/**
 * When it was done.
 */
scanned_at: Timestamp, 
/**
 * How many it has found.
 */
counts: SeverityCounts, 
/**
 * Them, the most severe first; none once the image is not kept any more.
 */
found: Array<Vulnerability> | null, 
/**
 * How many of them are left out of that, because there are so many.
 */
left_out: number, };

/**
 * What was found in the image of a deployment, or why nobody has looked.
 */
export type ScanView = { "kind": "scanned", 
/**
 * What was found.
 */
scan: Scan, } | { "kind": "none", 
/**
 * Why, for people.
 */
reason: string, };

/**
 * What looks for what is known to be vulnerable.
 */
export type Scanner = "trivy" | "grype";

/**
 * A picture of the page of a deployment, or why there is none.
 */
export type Screenshot = { "kind": "taken", 
/**
 * When.
 */
taken_at: Timestamp, 
/**
 * The picture, a PNG in base64.
 */
png_base64: string, } | { "kind": "none", 
/**
 * Why, for people.
 */
reason: string, };

/**
 * What became of a value.
 */
export type SecretSet = { 
/**
 * Whether it took the place of another one.
 */
replaced: boolean, 
/**
 * Whether logs hide it: what is shorter than four characters occurs by chance, and is shown.
 */
hidden: boolean, };

/**
 * A secret of a project, without its value.
 */
export type SecretView = { 
/**
 * Its project.
 */
project_id: ProjectId, 
/**
 * Its name in plans.
 */
name: string, 
/**
 * When it got its value.
 */
set_at: Timestamp, };

/**
 * Something that an application needs beside it.
 */
export type Service = { 
/**
 * What.
 */
kind: ServiceKind, 
/**
 * Why it is thought so.
 */
reasons: Array<Evidence>, };

/**
 * Something that an application needs beside it.
 */
export type ServiceKind = "postgres" | "mysql" | "redis" | "mongodb" | "rabbitmq" | "kafka" | "nats" | "elasticsearch" | "memcached" | "clickhouse" | "sqlserver" | "s3" | "smtp";

/**
 * A value for a secret.
 */
export type SetSecret = { 
/**
 * The project.
 */
project_id: ProjectId, 
/**
 * The name in plans.
 */
name: string, 
/**
 * The value, as it is.
 */
value: string, };

/**
 * What a person can set.
 */
export type Settings = { 
/**
 * The model that answers; none means the built-in assistant.
 */
model: ModelView | null, };

/**
 * How severe a vulnerability is, the most severe first.
 */
export type Severity = "critical" | "high" | "medium" | "low" | "unknown";

/**
 * How many there are of each severity.
 */
export type SeverityCounts = { 
/**
 * Critical ones.
 */
critical: number, 
/**
 * High ones.
 */
high: number, 
/**
 * Medium ones.
 */
medium: number, 
/**
 * Low and negligible ones.
 */
low: number, 
/**
 * Those that were not judged.
 */
unknown: number, };

/**
 * A plan's source.
 */
export type Source = { 
/**
 * The text.
 */
source: string, 
/**
 * The project whose plan it is: files that it includes are looked for in that one's folder.
 */
project_id?: ProjectId, };

/**
 * Where two deployments come from.
 */
export type SourceDifference = { 
/**
 * Where the other one comes from.
 */
before: DeploymentSource | null, 
/**
 * Where this one comes from.
 */
after: DeploymentSource | null, };

/**
 * What kind of thing a deployment is made from.
 */
export type SourceKind = "git" | "image" | "image_archive" | "folder" | "archive" | "bundle";

/**
 * What a folder's source is.
 */
export type SourceView = { 
/**
 * The folder.
 */
path: string, 
/**
 * The applications in it: that of the folder itself first, the others by path.
 */
applications: Array<ApplicationView>, 
/**
 * What holds them together, when it is a monorepo.
 */
workspaces: Array<Evidence>, 
/**
 * What else is to be known: why nothing was found, what could not be read, what was left out.
 */
notes: Array<string>, };

/**
 * What a step of a deployment is there for.
 */
export type Stage = "prepare" | "fetch" | "detect" | "build" | "start" | "health" | "hooks" | "switch" | "drain" | "after" | "stop";

/**
 * A part of a deployment, with its times.
 */
export type StageTimes = { 
/**
 * Which.
 */
stage: Stage, 
/**
 * When its first step began; none when none has.
 */
started_at: Timestamp | null, 
/**
 * When its last step ended; none while steps of it are left.
 */
ended_at: Timestamp | null, 
/**
 * How its steps stand, on all hosts.
 */
steps: StepCounts, };

/**
 * A request for a run.
 */
export type StartRun = { 
/**
 * The project.
 */
project_id: ProjectId, 
/**
 * The rendered plan that was shown, when one was: refused when it has changed since.
 */
rendered_sha256?: string, };

/**
 * One action on one host.
 */
export type Step = { 
/**
 * Its identifier.
 */
id: StepId, 
/**
 * The run that it belongs to.
 */
run_id: RunId, 
/**
 * Its place in the run, from 0.
 */
index: number, 
/**
 * The task that it belongs to.
 */
task: string, 
/**
 * The host that it acts on.
 */
host: string, 
/**
 * What it is called.
 */
name: string, 
/**
 * What it does: `run`, `upload`, `download`, `wait_for` or the kind of a resource.
 */
kind: string, 
/**
 * What it is there for, when it is of a deployment.
 */
stage?: Stage, 
/**
 * What it is.
 */
state: StepState, 
/**
 * Whether it has changed something on its host; not known while it has not completed.
 */
changed: boolean | null, 
/**
 * Why it failed or was skipped.
 */
reason: Reason | null, 
/**
 * The same as a sentence.
 */
reason_text: string | null, 
/**
 * When its first attempt began.
 */
started_at: Timestamp | null, 
/**
 * When it reached its final state.
 */
ended_at: Timestamp | null, 
/**
 * Its attempts, oldest first.
 */
attempts: Array<Attempt>, };

/**
 * How many steps of a run are in which state.
 */
export type StepCounts = { 
/**
 * Not begun.
 */
pending: number, 
/**
 * Running now.
 */
running: number, 
/**
 * Done.
 */
completed: number, 
/**
 * Failed.
 */
failed: number, 
/**
 * Not needed or not reached.
 */
skipped: number, };

/**
 * One action on one host within a run.
 */
export type StepId = string;

/**
 * How one attempt of a step ended. Only an exit status of 0 that was seen is success; nothing is guessed.
 */
export type StepOutcome = { "kind": "exited", 
/**
 * The exit status.
 */
status: number, } | { "kind": "killed", 
/**
 * The signal's name without `SIG`, or its number where it has no portable name.
 */
signal: string, } | { "kind": "timed_out" } | { "kind": "stopped" } | { "kind": "lost", 
/**
 * Why not.
 */
reason: LossReason, };

/**
 * What a step is.
 */
export type StepState = "pending" | "running" | "completed" | "failed" | "skipped";

/**
 * What `sudo` wants of a user.
 */
export type Sudo = "none" | "passwordless" | "password";

/**
 * A text to keep.
 */
export type Text = { 
/**
 * It.
 */
text: string, };

/**
 * Milliseconds since 1970-01-01 00:00:00 UTC.
 */
export type Timestamp = number;

/**
 * What started a run.
 */
export type Trigger = "chat" | "window" | "command_line" | "retry" | "undo" | "rollback" | "proposal";

/**
 * The passphrase of the vault.
 */
export type UnlockVault = { 
/**
 * It.
 */
passphrase: string, };

/**
 * Somebody who was to be told of a run, and could not be.
 */
export type Untold = { 
/**
 * The word for the channel in the plan: `slack`, `email`, …
 */
channel: string, 
/**
 * Why, and what to do.
 */
problem: string, 
/**
 * Whether it is tried again.
 */
again: boolean, };

/**
 * One thing that changed. Each replaces what the listener knew of that thing.
 */
export type Update = { "kind": "run", 
/**
 * The run as it is now.
 */
run: RunSummary, 
/**
 * The number of the last change before these.
 */
since: number, 
/**
 * The steps that changed, as they are now.
 */
steps: Array<Step>, } | { "kind": "environment", 
/**
 * The environment as it is now.
 */
environment: Environment, } | { "kind": "deployment", 
/**
 * The deployment as it is now.
 */
deployment: Deployment, } | { "kind": "log", 
/**
 * The run.
 */
run_id: RunId, 
/**
 * The step.
 */
step_id: StepId, 
/**
 * The attempt.
 */
attempt: number, 
/**
 * Lines now.
 */
lines: number, 
/**
 * Bytes now.
 */
bytes: number, } | { "kind": "message", 
/**
 * The message as it is now.
 */
message: Message, } | { "kind": "proposal", 
/**
 * The proposal as it is now.
 */
proposal: Proposal, } | { "kind": "project", 
/**
 * The project as it is now.
 */
project: Project, } | { "kind": "project_removed", 
/**
 * Which.
 */
project_id: ProjectId, } | { "kind": "plan", 
/**
 * The project.
 */
project_id: ProjectId, 
/**
 * The revision.
 */
sha256: string, } | { "kind": "question", 
/**
 * The question.
 */
question: Question, } | { "kind": "question_gone", 
/**
 * Which.
 */
id: QuestionId, } | { "kind": "host", 
/**
 * The project.
 */
project_id: ProjectId, 
/**
 * The host.
 */
host: HostStatus, } | { "kind": "trouble", 
/**
 * What is wrong; none when it is over.
 */
message: string | null, } | { "kind": "lagged" };

/**
 * An environment variable that an application reads.
 */
export type Variable = { 
/**
 * Its name.
 */
name: string, 
/**
 * The file that names it.
 */
source: string, 
/**
 * Whether its name is one that secrets have.
 */
secret: boolean, 
/**
 * Whether the build needs it: its value goes into what is built (`VITE_…`, `NEXT_PUBLIC_…`), so that a change of it needs a new
 * build, or it is a token for fetching dependencies.
 */
at_build: boolean, };

/**
 * Whether secrets can be used.
 */
export type VaultLock = "absent" | "locked" | "open";

/**
 * What secrets are kept in.
 */
export type VaultView = { 
/**
 * Whether they can be used.
 */
state: VaultLock, 
/**
 * Where the key is, or will be.
 */
key: KeyPlace, };

/**
 * What a run would do about a step.
 */
export type Verdict = "ok" | "change" | "unknown" | "skipped" | "failed";

/**
 * Something of an image that is known to be vulnerable.
 */
export type Vulnerability = { 
/**
 * What it is called everywhere, such as `CVE-2024-3094`.
 */
id: string, 
/**
 * The package that has it.
 */
package: string, 
/**
 * The version of the package in the image.
 */
installed: string, 
/**
 * The versions that do not have it any more, if there are any.
 */
fixed: string | null, 
/**
 * How severe it is.
 */
severity: Severity, 
/**
 * What it is, in a line.
 */
title: string | null, 
/**
 * Where more is told about it: an `http:` or `https:` address.
 */
link: string | null, };

/**
 * Something to know before it is built.
 */
export type Warning = { 
/**
 * What it is about.
 */
code: WarningCode, 
/**
 * What was found, and what to do about it.
 */
message: string, };

/**
 * What a warning is about, for programs.
 */
export type WarningCode = "ambiguous" | "no_lock_file" | "several_lock_files" | "no_start" | "no_build" | "not_a_server" | "development_server" | "version_not_pinned" | "old_version" | "latest_image" | "runs_as_root" | "secret_in_build" | "unreadable" | "adapter" | "several_programs" | "no_port";

/** Every operation, with what it takes and gives. */
export interface Operations {
  /** Facts about this Steadyhand. */
  app_info: { request: Nothing; response: AppInfo };
  /** All projects, by name. */
  projects: { request: Nothing; response: Array<Project> };
  /** Makes a project. */
  create_project: { request: CreateProject; response: Project };
  /** Gives a project another name. Its plan keeps its own. */
  rename_project: { request: RenameProject; response: Project };
  /** Removes a project with its runs, logs and chat. Nothing on any server is touched. */
  remove_project: { request: OfProject; response: Nothing };
  /** A project's current plan. */
  plan: { request: OfProject; response: PlanView };
  /** What is to say about a plan that is being written. */
  check_plan: { request: Source; response: PlanCheck };
  /** Saves a new revision of a plan. A plan with errors is saved too: work in progress is not lost. */
  save_plan: { request: SavePlan; response: PlanView };
  /** The revisions of a plan, newest first. */
  plan_revisions: { request: OfProject; response: Array<PlanRevision> };
  /** A revision of a plan, and how it differs from the current one. */
  plan_revision: { request: OfRevision; response: RevisionView };
  /** Saves an earlier revision of a plan as a new one. */
  restore_plan: { request: RestorePlan; response: PlanView };
  /** What a run would do now. */
  preview: { request: OfProject; response: Preview };
  /** What a run would change now: asks every host, and changes nothing. */
  check_run: { request: OfProject; response: CheckReport };
  /** Looks at everything that a run of the current plan needs: hosts, disks, secrets, files. Changes nothing. */
  preflight: { request: AskPreflight; response: Preflight };
  /** Starts a run of the current plan. */
  start_run: { request: StartRun; response: RunSummary };
  /** Runs the plan of an earlier run again. */
  retry_run: { request: RetryRun; response: RunSummary };
  /** Takes back what a run has done: runs the `undo` of its completed steps, backwards. */
  undo_run: { request: OfRun; response: RunSummary };
  /** Holds a run after its current step. */
  pause_run: { request: OfRun; response: RunSummary };
  /** Decides what becomes of a step that has failed and is held. */
  decide_step: { request: DecideStep; response: RunSummary };
  /** Lets a paused run go on. */
  resume_run: { request: OfRun; response: RunSummary };
  /** Ends a run and what it is running. */
  stop_run: { request: OfRun; response: RunSummary };
  /** A page of a project's runs, newest first. */
  runs: { request: ListRuns; response: Array<RunSummary> };
  /** A run with its steps. */
  run: { request: OfRun; response: RunDetail };
  /** The environments of a project, each with its current deployment and its last one. */
  environments: { request: OfProject; response: Array<Environment> };
  /** A page of a project's deployments, newest first. */
  deployments: { request: ListDeployments; response: Array<Deployment> };
  /** A deployment with its course, and what can be done about it. */
  deployment: { request: OfDeployment; response: DeploymentDetail };
  /** How a deployment differs from the one that served before it, or from another one. */
  deployment_difference: { request: AskDifference; response: DeploymentDifference };
  /** Brings an earlier deployment back, as a new one: with its image and its settings, without a build. */
  rollback: { request: OfDeployment; response: RunSummary };
  /** Starts the deployment that serves anew, as a new one: in fresh containers, without a build. */
  restart: { request: OfDeployment; response: RunSummary };
  /** Stops what an environment serves. It is kept, and can be started again. */
  stop_environment: { request: OfEnvironment; response: RunSummary };
  /** Starts what was stopped, as a new deployment: in fresh containers, without a build. */
  start_environment: { request: OfEnvironment; response: RunSummary };
  /** How a deployment is now: its addresses, and its containers with what they use. Asks its host. */
  live: { request: OfDeployment; response: Live };
  /** What the containers of a deployment have written last. Asks its host. */
  container_log: { request: AskContainerLog; response: ContainerLog };
  /** The picture of a deployment's page, or why there is none. */
  screenshot: { request: OfDeployment; response: Screenshot };
  /** What was found in the image of a deployment that is known to be vulnerable, or why nobody has looked. */
  scan: { request: OfDeployment; response: ScanView };
  /** The jobs of the environment that a deployment was made to, with their last runs. Asks its host. */
  cron_jobs: { request: OfDeployment; response: CronJobs };
  /** What a run of a job has written. Asks its host. */
  cron_log: { request: AskCronLog; response: CronLog };
  /** A window of the lines of a log. */
  log_lines: { request: LogLines; response: LogWindow };
  /** The lines of a log that contain a text. */
  log_search: { request: LogSearch; response: LogMatches };
  /** Writes a whole log, byte for byte, to a file in the person's downloads folder. */
  save_log: { request: OfLog; response: SavedFile };
  /** A page of a chat, newest last. */
  messages: { request: ListMessages; response: Array<Message> };
  /** Says something; the answer arrives as updates of messages. */
  say: { request: Say; response: Message };
  /** Ends the answer that is being written. */
  cancel_answer: { request: OfProject; response: Nothing };
  /** A proposal. */
  proposal: { request: OfProposal; response: Proposal };
  /** Carries a proposal out. */
  accept_proposal: { request: AcceptProposal; response: Proposal };
  /** Refuses a proposal. */
  dismiss_proposal: { request: OfProposal; response: Proposal };
  /** Questions that wait for a person. */
  questions: { request: Nothing; response: Array<Question> };
  /** Answers a question. */
  answer_question: { request: AnswerQuestion; response: Nothing };
  /** The hosts of a project's plan. */
  hosts: { request: OfProject; response: Array<HostStatus> };
  /** Asks a host what it is. */
  facts: { request: AskFacts; response: Facts };
  /** Finds out what the source in a folder is, and how it is built and run. Executes nothing of it. */
  detect: { request: DetectFolder; response: SourceView };
  /** Measures the way to each host; results arrive as updates. */
  check_hosts: { request: OfProject; response: Nothing };
  /** What a person can set. */
  settings: { request: Nothing; response: Settings };
  /** Sets the model that answers. */
  save_model: { request: SaveModel; response: Settings };
  /** Goes back to the built-in assistant, and forgets the key. */
  forget_model: { request: Nothing; response: Settings };
  /** What secrets are kept in, and whether it can be used. */
  vault: { request: Nothing; response: VaultView };
  /** Opens the vault with its passphrase for as long as this Steadyhand runs; chooses that of a vault that is not made */
  /** yet. */
  unlock_vault: { request: UnlockVault; response: VaultView };
  /** Locks every secret with a new key. */
  rotate_vault: { request: RotateVault; response: VaultView };
  /** The names of secrets. No operation gives a value. */
  secrets: { request: ListSecrets; response: Array<SecretView> };
  /** Gives a secret of a project a value. */
  set_secret: { request: SetSecret; response: SecretSet };
  /** The public half of a key that is a secret of a project; a project without that secret gets a new key. */
  deploy_key: { request: OfSecret; response: DeployKey };
  /** Removes a secret. */
  remove_secret: { request: OfSecret; response: Nothing };
  /** The source of the practice application. */
  practice_source: { request: Nothing; response: PracticeSource };
  /** Changes the source of the practice application. */
  save_practice_source: { request: Text; response: PracticeSource };
  /** Ends the process that serves the practice application. */
  stop_practice_application: { request: Nothing; response: Nothing };
}
