import { stringify } from 'yaml';
import { text, type Json } from '../fleet/json.js';
import type { CallFile } from './command-script.js';

/**
 * A chart that renders to given manifests and to nothing else: they lie beside its one template, which puts them in as they are. Hooks keep their annotations, and
 * definitions of custom resources their folder, from which helm makes them at the first installation only.
 * Source: helm docs, accessing files inside templates; charts, custom resource definitions.
 * @param meta Chart.yaml of the chart that they were rendered from
 * @param manifests output of `helm template --include-crds`
 */
export function packedChart(meta: Json, manifests: string): CallFile[] {
  const documents = manifests.split(/^---[ \t]*(?:#.*)?\r?$/m).filter((document) => document.trim() !== '');
  const definitions = documents.filter(isFromDefinitions);
  const objects = documents.filter((document) => !isFromDefinitions(document));
  return [
    { path: 'Chart.yaml', content: stringify({ apiVersion: 'v2', name: text(meta.name) ?? 'chart', version: text(meta.version) ?? '0.0.0', ...optional('appVersion', meta.appVersion), ...optional('description', meta.description) }) },
    { path: 'templates/objects.yaml', content: '{{ .Files.Get "objects.yaml" }}\n' },
    { path: 'objects.yaml', content: joined(objects) },
    ...(definitions.length === 0 ? [] : [{ path: 'crds/definitions.yaml', content: joined(definitions) }]),
  ];
}

/** Helm says of every document which file of which chart it is from: those of a folder `crds` beside `templates` are definitions. */
function isFromDefinitions(document: string): boolean {
  const source = /^# Source: (\S+)/m.exec(document)?.[1]?.split('/') ?? [];
  return source.includes('crds') && !source.includes('templates');
}

function joined(documents: readonly string[]): string {
  return documents.map((document) => `---${document.startsWith('\n') || document.startsWith('\r') ? '' : '\n'}${document.endsWith('\n') ? document : `${document}\n`}`).join('');
}

function optional(key: string, value: unknown): Record<string, string> {
  return typeof value === 'string' || typeof value === 'number' ? { [key]: String(value) } : {};
}
