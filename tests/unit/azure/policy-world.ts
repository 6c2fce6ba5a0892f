import { assignedPolicies } from '../../../tasks/_shared/azure/assigned-policies.js';
import { object, text, type Json } from '../../../tasks/_shared/fleet/json.js';
import { rbacPolicyId } from '../../../tasks/_shared/fleet/posture/cluster-oversight-rules.js';
import { sharedReader } from '../../../tasks/_shared/reconcile/plan.js';
import { idOf } from '../../simulators/azure/directory.js';
import { role } from '../../simulators/azure/role-definitions.js';
import type { PolicyAssignments } from '../../simulators/arm/policy-assignments.js';
import { clusterId, group, Rig, subscriptionId } from './azure-world.js';

export const subscription = `/subscriptions/${subscriptionId}`;
export const builtIn = `/providers/Microsoft.Authorization/policyDefinitions/${rbacPolicyId}`;
export const otherBuiltIn = '/providers/Microsoft.Authorization/policyDefinitions/e56962a6-4747-49cd-b67b-bf8b01975c4c';
export const title = 'Role-Based Access Control (RBAC) should be used on Kubernetes Services';
/** A policy of the tenant's own. */
export const own = { displayName: 'Our own', policyRule: { then: { effect: 'deny' } } };

/** The properties of a definition with the parameter `effect`, whose default is Audit. */
export function definitionWith(effect: string): Readonly<Record<string, unknown>> {
  return { displayName: title, version: '1.1.0', policyRule: { then: { effect } }, parameters: { effect: { defaultValue: 'Audit' } } };
}

/** One policy of an initiative. */
export function member(reference: string, effect?: string, id = builtIn): object {
  return { policyDefinitionId: id, policyDefinitionReferenceId: reference, ...(effect === undefined ? {} : { parameters: { effect: { value: effect } } }) };
}

/** The policies that come out of entries. */
export function definitions(entries: readonly Json[]): Json[] {
  return entries.map(({ definition }) => object(definition));
}

/** A subscription under the management groups `dev` and `nonprod`, two built-in policies, and ways to assign them. */
export class PolicyWorld {
  private constructor(readonly rig: Rig) {}

  static async start(): Promise<PolicyWorld> {
    const rig = await Rig.start('2026-10-01T12:00:00Z');
    rig.world.hierarchy.addManagementGroup({ name: 'dev', displayName: 'Development', parent: 'nonprod' });
    rig.world.hierarchy.addSubscription({ id: subscriptionId, displayName: 'unit', managementGroup: 'dev' });
    const world = new PolicyWorld(rig);
    world.policies.addDefinition({ scope: '', name: rbacPolicyId, properties: definitionWith("[parameters('effect')]") });
    world.policies.addDefinition({ scope: '', name: otherBuiltIn.split('/').at(-1) ?? '', properties: own });
    return world;
  }

  get policies(): PolicyAssignments {
    return this.rig.world.arm.policyAssignments;
  }

  /** Reads what is assigned to a cluster, as a run of its own. */
  async read(cluster = clusterId(), location = 'westeurope'): Promise<readonly Json[]> {
    return assignedPolicies(await this.rig.connect(), { id: cluster, location }, sharedReader());
  }

  /** The effects that come out, in order. */
  async effects(): Promise<(string | undefined)[]> {
    return definitions(await this.read()).map(({ effect }) => text(effect));
  }

  /** Assigns the policy that the rules look at, or what the properties say. */
  assign(properties: Readonly<Record<string, unknown>> = {}, name = 'aks', scope = subscription): string {
    return this.policies.addAssignment({ scope, name, properties: { policyDefinitionId: builtIn, ...properties } });
  }

  exempt(assignment: string, properties: Readonly<Record<string, unknown>> = {}, name = 'waived', scope = group): string {
    return this.policies.addExemption({ scope, name, properties: { policyAssignmentId: assignment, exemptionCategory: 'Waiver', ...properties } });
  }

  /** Defines an initiative at the subscription. */
  initiative(members: readonly object[], more: object = {}): string {
    return this.policies.addInitiative({ scope: subscription, name: 'baseline', properties: { displayName: 'Baseline', policyDefinitions: members, ...more } });
  }

  /** Takes all rights away and gives these in their place. */
  allowOnly(actions: readonly string[], scope = subscription): void {
    const { roles } = this.rig.world;
    for (const { name } of roles.assignments()) roles.remove(name);
    roles.define(role(idOf('limited'), 'limited', { actions: [...actions] }));
    this.rig.world.assign(this.rig.deployer.objectId, 'limited', scope);
  }

  /** The paths of requests to ARM so far, by their last two parts. */
  requests(): string[] {
    return this.rig.network.log.all('arm').map(({ path }) => (path.split('?')[0] ?? '').split('/').slice(-2).join('/'));
  }
}
