import { isWithin } from '../fleet/arm-id.js';
import { object, text } from '../fleet/json.js';
import { apiVersions } from './api-versions.js';
import type { Azure } from './azure.js';
import { findingAt, listedAt, unread, type Look, type PlannedRight } from './planned-rights.js';

/** A management lock. */
interface Lock {
  readonly name: string;
  readonly level: string;
  readonly scope: string;
}

/**
 * Locks that will not let the plan's writes happen: ReadOnly stands against each of them, CanNotDelete against those that delete.
 * Source: azure-docs, lock resources; npm @azure/arm-locks 2.1.0.
 */
export async function lookAtLocks(azure: Azure, all: readonly PlannedRight[]): Promise<Look> {
  const rights = all.filter(({ permission }) => !/\/read$/i.test(permission.action));
  const found = await listedAt(azure, rights.map(({ permission }) => permission.scope), (scope, below) => {
    const path = `${scope}/providers/Microsoft.Authorization/locks${below ? '' : '?$filter=atScope()'}`;
    return azure.arm.list(path, apiVersions.locks, { tried: `read the locks at ${scope}`, what: `The locks at ${scope} cannot be read` });
  });
  const findings = rights.flatMap(({ entry, permission: { scope, action } }) => {
    const deletes = /\/delete$/i.test(action);
    const lock = (found.get(scope) ?? []).flatMap(lockIn).find((one) => isWithin(scope, one.scope) && (one.level === 'readonly' || (deletes && one.level === 'cannotdelete')));
    if (lock === undefined) return [];
    const { kind, name } = entry.resource;
    const lets = lock.level === 'readonly' ? 'ReadOnly, which lets nothing be changed' : 'CanNotDelete, which lets nothing be removed';
    return [findingAt(entry, {
      code: 'WI3133',
      what: `${kind} ${name} cannot be ${deletes ? 'removed' : 'written'}`,
      because: `lock ${lock.name} on ${lock.scope} is ${lets} there`,
      remedy: 'have whoever set the lock take it away for the time of the run, then run again',
    })];
  });
  return { findings, open: unread('locks', found) };
}

function lockIn(item: Readonly<Record<string, unknown>>): Lock[] {
  const id = text(item.id) ?? '';
  const at = id.toLowerCase().lastIndexOf('/providers/microsoft.authorization/locks/');
  const level = text(object(item.properties).level);
  return at === -1 || level === undefined ? [] : [{ name: text(item.name) ?? id, level: level.toLowerCase(), scope: id.slice(0, at) }];
}
