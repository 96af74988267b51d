import type { Scan, Severity, Vulnerability } from '../shared/api';
import type { Tone } from './run-labels';

/** The severities, the most severe first. */
export const SEVERITIES: readonly Severity[] = ['critical', 'high', 'medium', 'low', 'unknown'];

export function severityLabel(severity: Severity): string {
  switch (severity) {
    case 'critical': return 'Critical';
    case 'high': return 'High';
    case 'medium': return 'Medium';
    case 'low': return 'Low';
    case 'unknown': return 'Not judged';
  }
}

export function severityTone(severity: Severity): Tone {
  switch (severity) {
    case 'critical': case 'high': return 'bad';
    case 'medium': return 'warn';
    case 'low': case 'unknown': return 'idle';
  }
}

/** The scanner and its version, as people call it. */
export function scannerLabel(scan: Pick<Scan, 'scanner' | 'version'>): string {
  const name = scan.scanner === 'trivy' ? 'Trivy' : 'Grype';
  return scan.version === null ? name : `${name} ${scan.version}`;
}

/** How many were found in all. */
export function foundInAll(scan: Pick<Scan, 'counts'>): number {
  return SEVERITIES.reduce((sum, severity) => sum + scan.counts[severity], 0);
}

/** Those of a severity, or of all where none is chosen, that have a text in them. */
export function chosen(found: readonly Vulnerability[], severity: Severity | null, text: string): Vulnerability[] {
  const wanted = text.trim().toLowerCase();
  const has = (one: Vulnerability): boolean => [one.id, one.package, one.title ?? ''].some((part) => part.toLowerCase().includes(wanted));
  return found.filter((one) => (severity === null || one.severity === severity) && (wanted === '' || has(one)));
}
