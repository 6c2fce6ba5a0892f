import type { Problem } from '../reconcile/problem.js';
import type { ChartSource } from './chart.js';
import { misplacedIdentity } from './misplaced-identity.js';
import { movingImages } from './moving-images.js';
import { foreignObjects } from './foreign-objects.js';
import { plainSecrets } from './plain-secrets.js';
import type { RenderedObject } from './rendered-objects.js';

/** What becomes of something that a check finds: the release is refused, or it is told as a warning. */
export const severities = ['error', 'warn'] as const;
export type Severity = (typeof severities)[number];

/** What becomes of credentials in what is sent: refused, told, or refused unless they are listed. */
export const secretPolicies = ['error', 'warn', 'allow-list'] as const;
export type SecretPolicy = (typeof secretPolicies)[number];

/** Where what is deployed comes from. */
export type SourceKind = ChartSource | 'manifests';

/** What may be sent to a cluster. */
export interface SendPolicy {
  readonly plainSecrets: SecretPolicy;
  /** What is let pass with `allow-list`: `Kind/name`, or `Kind/name/key`; an asterisk stands for any text. */
  readonly allowedSecrets: readonly string[];
  /** Images that can become others without a change of the manifest. */
  readonly latestImages: Severity;
  /** Namespaces besides the release's that objects, and subjects of bindings, may be of. */
  readonly otherNamespaces: readonly string[];
}

/** What one check found: the problem, and what becomes of it. Names objects, containers, variables and keys, never a value. */
export interface SendFinding {
  readonly severity: Severity;
  readonly problem: Problem;
}

/** What is looked at before it is sent. */
export interface Sending {
  /** With the identity in it. */
  readonly objects: readonly RenderedObject[];
  /** The same, rendered once more: what differs was made up while rendering. Absent where nothing tells. */
  readonly again?: readonly RenderedObject[];
  /** Of the release. */
  readonly namespace: string;
  readonly serviceAccount: string;
  readonly policy: SendPolicy;
  /** What the objects are from, as messages call it: `the chart`, `the manifests`. */
  readonly source: string;
}

/** What is done where the user does not say: what somebody else wrote is told, what is the user's own is refused. */
export function defaultSeverity(origin: SourceKind = 'folder'): Severity {
  return origin === 'repository' || origin === 'oci' ? 'warn' : 'error';
}

/** Looks at everything that is about to be sent, and finds all at once what should not be. Pure. */
export function checkSending(sending: Sending): readonly SendFinding[] {
  return [...plainSecrets(sending), ...movingImages(sending), ...misplacedIdentity(sending), ...foreignObjects(sending)];
}
