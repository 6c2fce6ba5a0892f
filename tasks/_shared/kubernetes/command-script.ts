import { gunzipSync } from 'node:zlib';

/** A file that a call needs beside it, by its path below the folder of the call. */
export interface CallFile {
  /** Parts are separated by slashes. */
  readonly path: string;
  readonly content: string;
}

/** One argument of a call: a text, or the place of a file or folder that comes with it. */
export type CallArgument = string | { readonly place: string };

/** One program that is run in a cluster. */
export interface InnerCall {
  /** The program first. */
  readonly line: readonly CallArgument[];
  readonly files?: readonly CallFile[];
  /** What it prints is of no interest: only errors come back. */
  readonly quiet?: boolean;
  /** After so many seconds it is asked to stop, where the image can do that. */
  readonly limitSeconds?: number;
}

/** How a call ended. */
export interface InnerResult {
  readonly exitCode: number;
  readonly output: string;
  readonly errors: string;
}

/** What is to be run in one pod. */
export interface CommandScript {
  readonly command: string;
  readonly files: readonly CallFile[];
}

const scriptName = 'calls.sh';

/**
 * Runs calls one after another, whatever becomes of each, and prints each one's exit code, output and errors between marks. The output is
 * packed where the image has gzip and base64, because what AKS gives back ends at 512 kB. Source: AKS docs, access-private-cluster.
 */
const frame = (mark: string, calls: string): string => `#!/bin/sh
form=text
if command -v gzip >/dev/null 2>&1 && command -v base64 >/dev/null 2>&1; then form=gzip; fi
box=$(mktemp -d) || exit 3
trap 'rm -rf "$box"' EXIT
limited() { if command -v timeout >/dev/null 2>&1; then timeout "$@"; else shift; "$@"; fi; }
show() { if [ $form = gzip ]; then gzip -c "$1" | base64; else cat "$1"; echo; fi; }
call() {
  number=$1; quiet=$2; shift 2
  "$@" >"$box/output" 2>"$box/errors" </dev/null
  code=$?
  if [ "$quiet" = quiet ]; then : >"$box/output"; fi
  echo "${mark} output $number $code $form"; show "$box/output"
  echo "${mark} errors $number"; show "$box/errors"
  echo "${mark} end $number"
}
${calls}
`;

/**
 * Writes the script of some calls.
 * @param mark a word that no output can hold by chance or by intent
 */
export function scriptOf(calls: readonly InnerCall[], mark: string): CommandScript {
  const lines = calls.map(({ line, quiet, limitSeconds }, index) => {
    const limit = limitSeconds === undefined ? [] : ['limited', limitSeconds];
    return ['call', index, quiet === true ? 'quiet' : 'loud', ...limit, ...line.map((argument) => quoted(argument, index))].join(' ');
  });
  const files = calls.flatMap(({ files: own = [] }, index) => own.map(({ path, content }) => ({ path: `${folderOf(index)}/${path}`, content })));
  return { command: `sh ${scriptName}`, files: [{ path: scriptName, content: frame(mark, lines.join('\n')) }, ...files] };
}

/** @returns what became of each call; undefined for one whose end is not there or whose output was cut. */
export function resultsIn(logs: string, mark: string, count: number): (InnerResult | undefined)[] {
  return Array.from({ length: count }, (_, index) => resultIn(logs, mark, index));
}

function resultIn(logs: string, mark: string, index: number): InnerResult | undefined {
  const [head, body, errors] = [`${mark} output ${index} `, `${mark} errors ${index}\n`, `${mark} end ${index}`];
  const at = logs.indexOf(head);
  const atErrors = logs.indexOf(body, at);
  const atEnd = logs.indexOf(errors, atErrors);
  if (at === -1 || atErrors === -1 || atEnd === -1) return undefined;
  const firstLineEnd = logs.indexOf('\n', at);
  const [code, form] = logs.slice(at + head.length, firstLineEnd).trim().split(' ');
  const unpack = form === 'gzip' ? unpacked : plain;
  const output = unpack(logs.slice(firstLineEnd + 1, atErrors));
  const said = unpack(logs.slice(atErrors + body.length, atEnd));
  if (output === undefined || said === undefined || code === undefined || !/^\d+$/.test(code)) return undefined;
  return { exitCode: Number(code), output, errors: said };
}

/** gzip carries a checksum: what was cut does not pass for whole. */
function unpacked(packed: string): string | undefined {
  try {
    return gunzipSync(Buffer.from(packed.replaceAll(/\s/g, ''), 'base64')).toString('utf8');
  } catch {
    return undefined;
  }
}

/** Without the line end that follows it. */
function plain(shown: string): string {
  return shown.replace(/\r?\n$/, '');
}

function quoted(argument: CallArgument, index: number): string {
  const text = typeof argument === 'string' ? argument : `${folderOf(index)}/${argument.place}`;
  return `'${text.replaceAll("'", "'\\''")}'`;
}

function folderOf(index: number): string {
  return `call-${index}`;
}
