import { Document, isCollection, isScalar, parseDocument, visit } from 'yaml';
import type { InputReader } from '../_shared/agent/inputs.js';
import { mappingFlaw } from '../_shared/fleet/yaml-text.js';

/** Shorter texts are no secrets, and masking them would garble the log. */
const shortestSecret = 4;
const lineForm = 'lines such as image.tag=1.10, one value each';

/**
 * Reads the single values: lines `path=value`. They become YAML, because arguments of a command are seen by every process of the machine.
 * Types are those of helm's `--set` (true, false, null and whole numbers; text otherwise). What `--set` does beyond that is refused rather than done
 * in another way: commas between settings, lists, places in lists.
 * @returns YAML; undefined when there are none.
 */
export function readSet(inputs: InputReader): string | undefined {
  const lines = inputs.lines('set', (text) => text.split(/\r?\n/).map((line) => line.trim()).filter((line) => line !== ''));
  if (lines.length === 0) return undefined;
  const values = new Document({});
  for (const [index, line] of lines.entries()) {
    const flaw = addLine(values, line);
    // Values may be confidential, so a mistake is located and not repeated.
    if (flaw !== undefined) inputs.unfit('set', `cannot be read at line ${index + 1}`, flaw, `give ${lineForm}`);
  }
  // Helm reads YAML 1.1, in which yes and 012 are no texts.
  return values.toString({ defaultStringType: 'QUOTE_DOUBLE', lineWidth: 0 });
}

/** Adds one line; says what is wrong with it. */
function addLine(values: Document, line: string): string | undefined {
  const [, left = '', given = ''] = /^([^=]*)=([^]*)$/.exec(line) ?? [];
  if (!line.includes('=')) return 'it has no "="';
  const path = left.trim().split(/(?<!\\)\./).map((key) => key.replaceAll('\\.', '.').trim());
  if (path.some((key) => key === '')) return 'its path has an empty part';
  if (path.some((key) => /[[\]{},\\]/.test(key))) return 'its path has a character that --set reads in a way of its own: lists are written in values, and a dot in a key as \\.';
  const value = typed(given.trim());
  if ('flaw' in value) return value.flaw;
  for (let depth = 1; depth < path.length; depth += 1) {
    const above = values.getIn(path.slice(0, depth));
    if (above !== undefined && !isCollection(above)) return 'a line before gives a part of its path a value';
  }
  if (values.hasIn(path)) return 'a line before sets the same, or something below it';
  values.setIn(path, value.value);
  return undefined;
}

/** Source: helm pkg/strvals, typedVal. */
function typed(given: string): { readonly value: string | number | boolean | null } | { readonly flaw: string } {
  if (/^"[^]*"$/.test(given) && given.length > 1) return quoted(given);
  if (/^[{[]/.test(given)) return { flaw: 'its value is a list or a mapping, which belongs into values' };
  if (/,\s*[^\s,=]+=/.test(given)) return { flaw: 'it looks like several settings in one line; a comma that belongs to the value is written in double quotes' };
  if (given === 'true' || given === 'false') return { value: given === 'true' };
  if (given === 'null') return { value: null };
  const isWhole = /^(0|-?[1-9]\d*)$/.test(given) && Number.isSafeInteger(Number(given));
  return { value: isWhole ? Number(given) : given };
}

function quoted(given: string): { readonly value: string } | { readonly flaw: string } {
  try {
    const value: unknown = JSON.parse(given);
    if (typeof value === 'string') return { value };
  } catch {
    // Told below: the parser's own message would repeat the value.
  }
  return { flaw: 'its value in double quotes has to be a JSON string: a quote in it is written \\", a backslash \\\\' };
}

/** Reads the secret values: a YAML mapping. Every text and number in it is masked, as it is and in Base64. */
export function readSecretValues(inputs: InputReader): (() => string) | undefined {
  if ((inputs.verbatim('secretValues') ?? '').trim() === '') return undefined;
  const text = inputs.secret('secretValues', scalarsOf);
  const flaw = inputs.sound('secretValues') ? mappingFlaw(text()) : undefined;
  if (flaw !== undefined) inputs.unfit('secretValues', 'cannot be read', flaw, 'give a YAML mapping such as "database: {password: \'$(databasePassword)\'}"');
  return text;
}

function scalarsOf(text: string): string[] {
  const found: string[] = [];
  visit(parseDocument(text, { logLevel: 'silent' }), {
    Pair: (_key, { value }) => {
      if (isScalar(value)) found.push(shownAs(value.value));
    },
    Seq: (_key, { items }) => {
      for (const item of items) if (isScalar(item)) found.push(shownAs(item.value));
    },
  });
  return found.filter((value) => value.length >= shortestSecret).flatMap((value) => [value, Buffer.from(value).toString('base64')]);
}

/** Yes and no, and nothing, are no secrets. */
function shownAs(value: unknown): string {
  return typeof value === 'string' ? value : typeof value === 'number' ? String(value) : '';
}
