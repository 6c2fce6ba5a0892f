/** What a YAML node is, as far as template expansion cares: where templates may stand and where variables come into sight. */
export type Kind = 'pipeline' | 'stages' | 'stage' | 'jobs' | 'job' | 'steps' | 'step' | 'variables' | 'variable' | 'strategy' | 'hook' | 'any';

/** The lists whose items may be templates. */
export type TemplateKind = 'stages' | 'jobs' | 'steps' | 'variables';

const childKinds: Record<Kind, Readonly<Record<string, Kind>>> = {
  pipeline: { stages: 'stages', jobs: 'jobs', steps: 'steps', variables: 'variables' },
  stages: {},
  stage: { jobs: 'jobs', variables: 'variables' },
  jobs: {},
  job: { steps: 'steps', variables: 'variables', strategy: 'strategy' },
  steps: {},
  step: {},
  variables: {},
  variable: {},
  strategy: { runOnce: 'hook', rolling: 'hook', canary: 'hook' },
  hook: { preDeploy: 'hook', deploy: 'hook', routeTraffic: 'hook', postRouteTraffic: 'hook', on: 'hook', success: 'hook', failure: 'hook', steps: 'steps' },
  any: {},
};

const itemKinds: Readonly<Partial<Record<Kind, Kind>>> = { stages: 'stage', jobs: 'job', steps: 'step', variables: 'variable' };

/** The kind of the value under `key` in a mapping of `kind`. */
export function childKind(kind: Kind, key: string): Kind {
  return childKinds[kind][key] ?? 'any';
}

/** The kind of the items of a list of `kind`. */
export function itemKind(kind: Kind): Kind {
  return itemKinds[kind] ?? 'any';
}

export function isTemplateKind(kind: Kind): kind is TemplateKind {
  return itemKinds[kind] !== undefined;
}
