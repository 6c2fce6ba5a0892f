/** What is measured against what, in the order of the report. */
export interface Target {
  readonly name: string;
  /** The largest value that passes. */
  readonly target: number;
  readonly unit: '× bound' | 'writes' | 'MB' | '× a read each' | '× node -e 0';
}

/** A target with what was measured. */
export interface Measured extends Target {
  readonly value: number;
  readonly pass: boolean;
}

const tasks = ['SelectClusters', 'EnableWorkloadIdentity', 'FederateServiceAccount', 'GrantRegistryRole', 'DeployWithIdentity'] as const;
export type TaskName = (typeof tasks)[number];

/** The tasks that connect to clusters: their start may take longer. */
const withKubernetes: readonly TaskName[] = ['FederateServiceAccount', 'GrantRegistryRole', 'DeployWithIdentity'];

/** Every target of the project's first figures. */
export const targets: readonly Target[] = [
  { name: '1 cluster cold', target: 1.3, unit: '× bound' },
  { name: '25 clusters cold', target: 1.3, unit: '× bound' },
  { name: '25 clusters converged', target: 1.3, unit: '× bound' },
  { name: '25 clusters converged, writes', target: 0, unit: 'writes' },
  { name: '1000 clusters converged, writes', target: 0, unit: 'writes' },
  { name: '1000 clusters converged, peak RSS', target: 250, unit: 'MB' },
  { name: '1000 clusters converged, reads of clusters, identities and grants', target: 0.25, unit: '× a read each' },
  ...tasks.map((task): Target => ({ name: `start of ${task}`, target: withKubernetes.includes(task) ? 3.5 : 2.5, unit: '× node -e 0' })),
];

export { tasks as startedTasks };

/** A measured value beside its target. @throws Error for a name that is no target. */
export function measured(name: string, value: number): Measured {
  const target = targets.find((candidate) => candidate.name === name);
  if (target === undefined) throw new Error(`${name} is no target`);
  return { ...target, value: Math.round(value * 1000) / 1000, pass: value <= target.target };
}
