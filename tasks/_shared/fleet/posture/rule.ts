import type { Read } from '../../reconcile/attempt.js';
import type { Json } from '../json.js';

export type { Read } from '../../reconcile/attempt.js';

/** How bad it is that a rule does not hold, the worst first. */
export const severities = ['high', 'medium', 'low'] as const;
export type Severity = (typeof severities)[number];

/**
 * What a rule found at one place: it holds, it does not, it does not apply there, or it could not be told. What cannot be told is never taken
 * for either.
 */
export type Outcome = 'pass' | 'fail' | 'notApplicable' | 'unknown';

/** One look of a rule at one place. */
export interface Verdict {
  readonly outcome: Outcome;
  /** What was seen, in a clause with the values that decided: `networkPolicy is none`. Never a secret's value. */
  readonly evidence: string;
  /** What in the place it is about, where that is one object of several: `pod orders/api-1`. */
  readonly object?: string;
}

/** What every rule of the security baseline says of itself. */
export interface RuleText {
  /** Kebab case, for ever: reports, exceptions and SARIF refer to it. */
  readonly id: string;
  /** What holds when it passes, as a sentence without its full stop. */
  readonly title: string;
  readonly severity: Severity;
  /** The written procedures that ask for it, by title and section. */
  readonly source: readonly string[];
  /** What to do where it fails, as an imperative. */
  readonly remedy: string;
  /** Ids of other rules whose outcome may change with what this one watches. */
  readonly dependants: readonly string[];
  /** The input of EnableWorkloadIdentity that mends it; absent where none does. */
  readonly mendedBy?: string;
}

/** A rule over one cluster. */
export interface ClusterRule extends RuleText {
  judge(facts: ClusterFacts): Verdict;
}

/** A rule over one namespace in scope: one verdict, or one for each object that is at fault. */
export interface NamespaceRule extends RuleText {
  judge(facts: NamespaceFacts, cluster: ClusterFacts): readonly [Verdict, ...Verdict[]];
}

/** What several lists have, as far as they could be read, and why the others could not. */
export interface Gathered<T> {
  readonly found: readonly T[];
  /** In clauses. */
  readonly unread: readonly string[];
}

/** A role assignment, as far as rules look at it. */
export interface GrantFact {
  /** Name of the role, or its GUID where the definition cannot be read. */
  readonly role: string;
  /** ARM id. */
  readonly scope: string;
  readonly principalId: string;
  /** Why the role is too much for anything but a few people, in a clause: what its definition allows. Absent where nothing was found. */
  readonly danger?: string;
}

/** What the rules know of one cluster. */
export interface ClusterFacts {
  readonly label: string;
  /** ARM id. */
  readonly id: string;
  /** The tenant of the service connection. */
  readonly tenantId: string;
  /** The cluster as ARM answers it. */
  readonly raw: Json;
  /** The cluster's diagnostic settings, as ARM answers them. */
  readonly diagnosticSettings: Read<readonly Json[]>;
  /**
   * Policy assignments that reach the cluster, as ARM answers them, one for each policy that they assign (an initiative assigns several), with
   * `definition: { id, displayName, effect }` of that policy where it could be read: the effect is the one that applies, parameters and overrides worked
   * out; absent where that could not be done. Where an exemption from it is in force for the cluster, there is `exemption: { name, expiresOn }`, the
   * latter where it ends; where it could not be told whether there is one, `exemptionsUnread` says why.
   */
  readonly policyAssignments: Read<readonly Json[]>;
  /** What the kubelet identity and the add-ons' identities were granted, as far as the connection sees it. */
  readonly grants: Gathered<GrantFact>;
}

/** Objects of Kubernetes by kind, as the API server answers them: `NetworkPolicy`, `Pod`, `ServiceAccount`, … A kind that could not be listed says why. */
export type Listed = Readonly<Record<string, Read<readonly Json[]>>>;

/** What the rules know of one namespace in scope. */
export interface NamespaceFacts {
  readonly name: string;
  /** The namespace itself. */
  readonly raw: Json;
  /** Namespaced objects in it. Of secrets only what {@link SecretFact} says: values never leave the function that read them. */
  readonly objects: Listed;
  readonly secrets: Read<readonly SecretFact[]>;
  /** Cluster-wide objects: `ClusterRoleBinding`, `ClusterRole`. */
  readonly clusterWide: Listed;
  /** Subjects (`system:serviceaccount:…`) that federated credentials of the identities in scope trust for this cluster's issuer, with the client id of each identity. */
  readonly federated: Read<readonly { readonly subject: string; readonly clientId: string }[]>;
  /** What the user says of the namespace's edge. */
  readonly edge: EdgeRules;
}

/** What is known of a secret without its values. */
export interface SecretFact {
  readonly name: string;
  readonly type: string;
  readonly keys: readonly string[];
  /** Kinds of static credentials that its values look like: `registry admin user`, `service principal secret`, `storage connection string`. */
  readonly looksLike: readonly string[];
}

/** What may be reachable from outside. */
export interface EdgeRules {
  /** Ingress classes that stand behind a web application firewall. */
  readonly wafClasses: readonly string[];
  /** Services, as `namespace/name`, that must only be reachable within the cluster. */
  readonly clusterOnly: readonly string[];
}
