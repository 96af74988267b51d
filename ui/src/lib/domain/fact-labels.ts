import type { Facts } from '../shared/api';
import { duration } from '../shared/time';

/** Something that a host tells about itself, for people to read. */
export interface FactLine {
  name: string;
  values: string[];
  /** Whether it is likely to be in the way. */
  tone?: 'warn' | 'bad';
}

/** The clock of a host may be this far off before that is worth saying loudly. */
const CLOCK_SECONDS = 5;
/** A file system with less than this free is nearly full. */
const LITTLE_FREE = 0.1;

const NAMES: Readonly<Record<string, string>> = {
  debian: 'Debian', ubuntu: 'Ubuntu', alpine: 'Alpine', fedora: 'Fedora', rhel: 'RHEL', rocky: 'Rocky Linux', almalinux: 'AlmaLinux', centos: 'CentOS',
  arch: 'Arch', opensuse: 'openSUSE', macos: 'macOS', linux: 'Linux', darwin: 'Darwin',
};
const named = (word: string): string => NAMES[word] ?? word;

/** A size of memory or disk, in the units that these are sold in: `7.6 GiB`. */
export function binarySize(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];
  let value = bytes;
  let unit = 0;
  while (value >= 1023.5 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${unit === 0 || value >= 9.95 ? Math.round(value) : value.toFixed(1).replace(/\.0$/, '')} ${units[unit]}`;
}

function clockLine(seconds: number): FactLine {
  const off = Math.abs(seconds);
  if (off < 0.05) return { name: 'Clock', values: ['as here'] };
  const values = [`${duration(off * 1_000)} ${seconds > 0 ? 'ahead' : 'behind'}`];
  return off >= CLOCK_SECONDS ? { name: 'Clock', values, tone: 'warn' } : { name: 'Clock', values };
}

function sudoWords(facts: Facts): string {
  switch (facts.sudo) {
    case 'passwordless': return 'sudo without a password';
    case 'password': return 'sudo wants a password';
    case 'none': return 'no sudo';
    default: return '';
  }
}

/** What a host has told, in the order in which people ask. What it cannot tell is left out. */
export function factLines(facts: Facts): FactLine[] {
  const lines: FactLine[] = [];
  const add = (name: string, ...values: (string | undefined)[]): void => {
    const said = values.filter((value): value is string => value !== undefined && value !== '');
    if (said.length > 0) lines.push({ name, values: said });
  };
  const { distribution, version, os, kernel, arch, hostname, fqdn, cpu_count, memory, disks, addresses } = facts;
  add('System', [named(distribution ?? os ?? ''), version ?? ''].join(' ').trim());
  add('Kernel', [os === undefined ? '' : named(os), kernel ?? ''].join(' ').trim(), arch);
  add('Name', hostname, fqdn === hostname ? undefined : fqdn);
  add('Processors', cpu_count === undefined ? undefined : String(cpu_count));
  add('Memory', memory === undefined ? undefined : binarySize(memory));
  for (const disk of disks ?? []) {
    const values = [`${binarySize(disk.free)} free of ${binarySize(disk.size)}`];
    lines.push({ name: disk.mount, values, ...(disk.free === 0 ? { tone: 'bad' as const } : disk.free < disk.size * LITTLE_FREE ? { tone: 'warn' as const } : {}) });
  }
  add('Addresses', ...(addresses ?? []));
  add('Packages', facts.package_manager);
  add('Services', facts.init === 'none' ? 'no init system' : facts.init);
  add('Containers', facts.container_runtime === 'none' ? 'no runtime' : facts.container_runtime);
  add('User', facts.user === undefined ? undefined : facts.uid === undefined ? facts.user : `${facts.user} (${facts.uid})`, facts.uid === 0 ? '' : sudoWords(facts));
  if (facts.clock_offset !== undefined) lines.push(clockLine(facts.clock_offset));
  return lines;
}
