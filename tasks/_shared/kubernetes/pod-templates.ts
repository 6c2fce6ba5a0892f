import { object, text, type Json } from '../fleet/json.js';

/** Where each kind has its pod template. Source: Kubernetes API reference, apps/v1 and batch/v1. */
const podTemplates: Readonly<Record<string, readonly string[]>> = {
  Deployment: ['spec', 'template'],
  StatefulSet: ['spec', 'template'],
  DaemonSet: ['spec', 'template'],
  ReplicaSet: ['spec', 'template'],
  Job: ['spec', 'template'],
  CronJob: ['spec', 'jobTemplate', 'spec', 'template'],
  Pod: [],
};

/** Where an object has its pod template; undefined when it makes no pods. A pod is its own template. */
export function podTemplatePath(content: { readonly kind?: unknown }): readonly string[] | undefined {
  return podTemplates[text(content.kind) ?? ''];
}

/** The pod template of an object; undefined when it makes no pods. */
export function podTemplateOf(content: Json): Json | undefined {
  return podTemplatePath(content)?.reduce<Json>((at, part) => object(at[part]), content);
}

/** The service account that a pod template runs as. */
export function serviceAccountOf(template: Json): string {
  const spec = object(template.spec);
  return text(spec.serviceAccountName) ?? text(spec.serviceAccount) ?? 'default';
}
