import { actionMatches } from './conditions.js';

/** A deny assignment as stored. */
export interface DenyAssignment {
  /** GUID. */
  readonly name: string;
  readonly displayName: string;
  /** ARM id that it is made at. */
  readonly scope: string;
  readonly actions: readonly string[];
  readonly notActions?: readonly string[];
  readonly dataActions?: readonly string[];
  readonly notDataActions?: readonly string[];
  /** Object ids; the all-zero one stands for everybody. */
  readonly principals: readonly { readonly id: string; readonly type: string }[];
  readonly excludePrincipals?: readonly { readonly id: string; readonly type: string }[];
  readonly doNotApplyToChildScopes?: boolean;
  /** Shown, never evaluated. */
  readonly condition?: string;
}

/** Everybody, as the `SystemDefined` principal of deny assignments names it. Source: azure-docs, deny-assignments. */
export const everybody = '00000000-0000-0000-0000-000000000000';

/**
 * True when a deny assignment that reaches a scope denies an action there.
 * @param own whether it is made at the very scope
 */
export function denies(entry: DenyAssignment, question: { readonly objectId: string; readonly action: string; readonly data: boolean }, own: boolean): boolean {
  const names = (principals: DenyAssignment['principals'] = []): boolean => principals.some(({ id }) => id === everybody || id.toLowerCase() === question.objectId.toLowerCase());
  if (!names(entry.principals) || names(entry.excludePrincipals)) return false;
  if (entry.doNotApplyToChildScopes === true && !own) return false;
  const [denied, left] = question.data ? [entry.dataActions, entry.notDataActions] : [entry.actions, entry.notActions];
  const matches = (pattern: string): boolean => actionMatches(pattern, question.action);
  return (denied ?? []).some(matches) && !(left ?? []).some(matches);
}
