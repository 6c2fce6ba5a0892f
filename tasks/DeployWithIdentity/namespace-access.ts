import type { Access } from '../_shared/reconcile/access.js';
import type { AnyResource } from '../_shared/reconcile/resource.js';
import type { Refs } from '../_shared/reconcile/ref.js';
import { AccessBinding } from '../_shared/kubernetes/access-binding.js';
import { bindingOf, type AccessGrant } from '../_shared/kubernetes/access-grants.js';
import type { NamespaceLabels } from '../_shared/kubernetes/namespace-labels.js';
import { ObsoleteAccess } from '../_shared/kubernetes/obsolete-access.js';
import type { Blueprint, ReleaseInputs } from '../_shared/kubernetes/release-blueprint.js';

/** The labels that a release asks of its namespace. */
export function labelsOf(release: string, labels: Readonly<Record<string, string>> | undefined): NamespaceLabels | undefined {
  return labels === undefined ? undefined : { labels, part: `namespace.${release}` };
}

/** Who may reach the namespace of a release; nothing where nobody is asked about. Roles that the chart brings along are bound after it. */
export function accessResources(blueprint: Blueprint, release: { readonly key: string }, grants: readonly AccessGrant[] | undefined, refs: Refs<ReleaseInputs>, accesses: readonly Access[]): AnyResource[] {
  if (grants === undefined) return [];
  const { connection, namespace, release: name } = blueprint.settings;
  const place = { namespace, release: name };
  const bindings = grants.map((grant) => new AccessBinding(connection, grant, place, {
    inputs: refs,
    accesses,
    renderedRoles: async (known) => (await blueprint.inspect(known)).roles,
    after: [release.key],
  }));
  const wanted = grants.map((grant) => bindingOf(grant, place).metadata.name);
  return [...bindings, new ObsoleteAccess(connection, place, wanted, { namespace: refs.namespace }, bindings.map(({ key }) => key))];
}
