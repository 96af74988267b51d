import type { Check, CheckKind, HostPreflight, Preflight } from '../shared/api';
import type { PreflightCheck, PreflightHost } from './preflight';

/** Words for what is looked at, where its name is not what people call it. */
const NAMES: Readonly<Partial<Record<CheckKind, string>>> = { host_key: 'host key', local_file: 'local files', secret: 'secrets', disk: 'disk space' };
/** The way to a host, in this order: what comes after the last of them that is told was not looked at. */
const WAY: readonly CheckKind[] = ['name', 'connection', 'host_key', 'login', 'shell'];
const GRAVITY = { ok: 0, warn: 1, fail: 2 } as const;

const nameOf = (what: CheckKind): string => NAMES[what] ?? what;

/** Several findings about one thing, such as two full disks, are one check: the gravest verdict with all causes. */
function together(checks: readonly Check[]): PreflightCheck[] {
  const byName = new Map<CheckKind, Check[]>();
  for (const check of checks) byName.set(check.what, [...byName.get(check.what) ?? [], check]);
  return [...byName].map(([what, found]) => {
    const verdict = found.reduce((worst, one) => (GRAVITY[one.verdict] > GRAVITY[worst] ? one.verdict : worst), 'ok' as Check['verdict']);
    // Beside a problem, what is as it should be is not said.
    const causes = found.filter((one) => one.verdict === verdict || one.verdict !== 'ok').map((one) => one.message);
    return { name: nameOf(what), verdict, cause: causes.join('; ') };
  });
}

/** A report as it is shown: this machine and the plan stand first, as if they were a host. */
export function preflightHosts(report: Pick<Preflight, 'here'> & { hosts: readonly Pick<HostPreflight, 'host' | 'checks'>[] }): PreflightHost[] {
  const here = together(report.here);
  const hosts = report.hosts.map(({ host, checks }): PreflightHost => {
    const found = together(checks);
    const reached = WAY.findLastIndex((what) => checks.some((check) => check.what === what));
    const missed = reached < 0 ? [] : WAY.slice(reached + 1);
    return { host, checks: [...found, ...missed.map((what): PreflightCheck => ({ name: nameOf(what), verdict: 'skipped', cause: 'not looked at, since the way there ends before it' }))] };
  });
  return here.length > 0 ? [{ host: 'this machine', checks: here }, ...hosts] : hosts;
}
