import assert from 'node:assert/strict';
import type { Azure } from '../../../tasks/_shared/azure/azure.js';
import type { ProofContext } from '../../../tasks/_shared/reconcile/proof.js';
import { idOf, type ServicePrincipal } from '../../simulators/azure/directory.js';
import { Rig, subscriptionId } from './azure-world.js';

/** A minute in milliseconds. */
export const minute = 60_000;

/** An identity that acts, beside the pipeline that watches. */
export async function start(): Promise<{ rig: Rig; azure: Azure; principal: ServicePrincipal }> {
  const rig = await Rig.start();
  const { principalId } = rig.world.arm.identities.add(subscriptionId, 'rg-dev', 'id-orders', 'westeurope');
  const principal = rig.world.directory.byObjectId(principalId);
  assert.ok(principal !== undefined);
  return { rig, azure: await rig.connect(), principal };
}

/** What a proof runs with. */
export function context(rig: Rig, fresh = false): ProofContext {
  return { signal: rig.abort.signal, fresh, progress: (line) => void rig.progress.push(line), write: () => Promise.reject(new Error('no proof in Azure writes')) };
}

/** A grant as of now: it acts when the world's propagation is over. */
export function grant(rig: Rig, principal: ServicePrincipal, roleName: string, scope: string, condition?: string): string {
  const role = rig.world.roles.definitions().find(({ name }) => name === roleName);
  assert.ok(role !== undefined);
  const name = idOf(`${roleName} ${scope}`);
  const more = condition === undefined ? {} : { condition, conditionVersion: '2.0' };
  rig.world.roles.add({ name, scope, principalId: principal.objectId, principalType: 'ServicePrincipal', roleDefinitionId: role.id, ...more });
  return name;
}

/** How long new assignments need to act; those of the pipeline itself are old. */
export function propagate(rig: Rig, milliseconds: number): void {
  rig.world.roles.effectMs = milliseconds;
}
