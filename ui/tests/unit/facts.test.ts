import { describe, expect, it } from 'vitest';
import { binarySize, factLines } from '../../src/lib/domain/fact-labels';
import { FactsOfHosts } from '../../src/lib/domain/facts.svelte';
import type { Facts } from '../../src/lib/shared/api';
import { BackendError } from '../../src/lib/shared/backend';
import { FakeBackend } from './fake-backend';

const GIB = 1024 ** 3;
const told = (facts: Facts): string[] => factLines(facts).map((line) => `${line.name}: ${line.values.join(', ')}${line.tone === undefined ? '' : ` (${line.tone})`}`);

describe('the facts of a host', () => {
  it('are told in words', () => {
    expect(told({
      os: 'linux', distribution: 'ubuntu', version: '24.04', kernel: '6.8', arch: 'aarch64', hostname: 'web1', fqdn: 'web1.example.com', cpu_count: 4, memory: 8 * GIB,
      package_manager: 'apt', init: 'systemd', container_runtime: 'none', user: 'deploy', uid: 1000, sudo: 'password', addresses: ['10.0.0.5', '2001:db8::1'],
    })).toEqual([
      'System: Ubuntu 24.04', 'Kernel: Linux 6.8, aarch64', 'Name: web1, web1.example.com', 'Processors: 4', 'Memory: 8 GiB', 'Addresses: 10.0.0.5, 2001:db8::1',
      'Packages: apt', 'Services: systemd', 'Containers: no runtime', 'User: deploy (1000), sudo wants a password',
    ]);
  });

  it('are left out where the host cannot tell them', () => {
    expect(told({})).toEqual([]);
    expect(told({ os: 'plan9', hostname: 'a', fqdn: 'a', user: 'root', uid: 0, sudo: 'none' })).toEqual(['System: plan9', 'Kernel: plan9', 'Name: a', 'User: root (0)']);
  });

  it('stand out where a disk is nearly full or a clock is off', () => {
    expect(told({ disks: [{ mount: '/', size: 100 * GIB, free: 10 * GIB }, { mount: '/var', size: 100 * GIB, free: 9 * GIB }, { mount: '/srv', size: GIB, free: 0 }] }))
      .toEqual(['/: 10 GiB free of 100 GiB', '/var: 9 GiB free of 100 GiB (warn)', '/srv: 0 B free of 1 GiB (bad)']);
    expect([0, 0.3, -7.4, 120].flatMap((clock_offset) => told({ clock_offset }))).toEqual(['Clock: as here', 'Clock: 0.3 s ahead', 'Clock: 7.4 s behind (warn)', 'Clock: 2 min 00 s ahead (warn)']);
  });

  it.each([[0, '0 B'], [1023, '1023 B'], [1024, '1 KiB'], [1536, '1.5 KiB'], [7.6 * GIB, '7.6 GiB'], [1023.9 * GIB, '1 TiB'], [252 * GIB, '252 GiB']])('have sizes: %d bytes are %s', (bytes, words) => {
    expect(binarySize(bytes)).toBe(words);
  });
});

describe('asking a host', () => {
  it('is done once at a time, and what was known stays when it fails', async () => {
    let answer: () => Facts = () => ({ hostname: 'web1' });
    const fake = new FakeBackend({ facts: () => answer() });
    const facts = new FactsOfHosts(fake);
    const asking = facts.ask('p', 'web1');
    expect(facts.of('p', 'web1').asking).toBe(true);
    await Promise.all([asking, facts.ask('p', 'web1')]);
    expect([fake.count('facts'), facts.of('p', 'web1').facts?.hostname, facts.of('q', 'web1').facts]).toEqual([1, 'web1', null]);
    answer = () => { throw new BackendError('unreachable', 'web1 does not answer'); };
    await facts.ask('p', 'web1');
    expect(facts.of('p', 'web1')).toMatchObject({ asking: false, error: 'web1 does not answer', facts: { hostname: 'web1' } });
    answer = () => ({ hostname: 'web1b' });
    await facts.ask('p', 'web1');
    expect(facts.of('p', 'web1')).toMatchObject({ error: null, facts: { hostname: 'web1b' } });
  });

  it('is done anew under another plan, which may mean another host', async () => {
    const facts = new FactsOfHosts(new FakeBackend({ facts: () => ({}) }));
    await facts.ask('p', 'web1');
    await facts.ask('q', 'web1');
    facts.apply({ kind: 'plan', project_id: 'p', sha256: 'x' });
    expect([facts.of('p', 'web1').facts, facts.of('q', 'web1').facts]).toEqual([null, {}]);
  });
});
