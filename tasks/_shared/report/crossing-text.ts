import type { PolicyOrigin } from '../fleet/policy-origin.js';
import type { Crossing } from '../reconcile/access.js';
import { brief } from './columns.js';

/** Hexadecimal digits of a commit or hash that tell it from others. */
const telling = 12;

/** `crosses nonprod → prod, allowed by push-releases until 2027-01-31: release images are built in nonprod`. */
export function crossingText({ from, to, rule, reason, until }: Crossing): string {
  return `crosses ${from} → ${to}, allowed by ${rule}${until === undefined ? '' : ` until ${until}`}: ${brief(reason, 120)}`;
}

/** What crosses: `grant AcrPush: identity id-orders → registry crprod`. */
export function accessText({ access: { kind, from, to, role } }: Pick<Crossing, 'access'>): string {
  return `${kind}${role === undefined ? '' : ` ${role}`}: ${from.kind} ${from.name} → ${to.kind} ${to.name}`;
}

/** A policy as logs and summaries call it: `boundaries.yml · commit 1f0c1f0c1f0c · sha256 6e2f…`. */
export function policyText({ path, commit, sha256 }: PolicyOrigin): string {
  return [path, ...(commit === undefined ? [] : [`commit ${commit.slice(0, telling)}`]), `sha256 ${sha256.slice(0, telling)}`].join(' · ');
}
