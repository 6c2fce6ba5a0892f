import { keyIn, object, text, type Json } from '../json.js';
import { shown } from '../shown.js';
import type { Outcome, Read, Verdict } from './rule.js';

/** What a rule found, with what was seen. */
export function verdict(outcome: Outcome, evidence: string): Verdict {
  return { outcome, evidence };
}

/** Passes when it holds, else fails. */
export function holds(condition: boolean, evidence: string): Verdict {
  return verdict(condition ? 'pass' : 'fail', evidence);
}

/** Judges what could be read; what could not is unknown, with the reason. */
export function judgeRead<T>(what: string, fact: Read<T>, judge: (found: T) => Verdict): Verdict {
  return 'found' in fact ? judge(fact.found) : verdict('unknown', `${what} could not be read: ${fact.unread}`);
}

/** The cluster's own properties. */
export function properties(raw: Json): Json {
  return object(raw.properties);
}

/** A value as evidence tells it: `networkPolicy is none`, `networkPolicy is absent`. */
export function seen(name: string, value: unknown): string {
  if (value === undefined || value === null || value === '') return `${name} is absent`;
  return `${name} is ${shown(typeof value === 'string' ? value : JSON.stringify(value))}`;
}

/** A text in lower case: Azure answers its words in varying case. */
export function word(value: unknown): string | undefined {
  return text(value)?.toLowerCase();
}

/** The value under a key that different clusters spell in different case. */
export function anyCase(value: unknown, key: string): unknown {
  const holder = object(value);
  return holder[keyIn(holder, key) ?? key];
}

/**
 * An add-on's profile; empty where the cluster has none. Names come as they were first written: `azurepolicy` and `azurePolicy`, `omsagent` and
 * `omsAgent`. Source: npm @azure/arm-containerservice 25.5.0 (`addonProfiles`), Azure CLI, acs/_consts.py and its look-ups without case.
 */
export function addOn(raw: Json, name: string): Json {
  return object(anyCase(properties(raw).addonProfiles, name));
}

/** An add-on's state, as evidence tells it. */
export function addOnState(raw: Json, name: string): string {
  const { enabled } = addOn(raw, name);
  return enabled === undefined ? `add-on ${name} is absent` : `add-on ${name} is ${enabled === true ? 'enabled' : 'disabled'}`;
}
