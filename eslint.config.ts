import eslint from '@eslint/js';
import { defineConfig } from 'eslint/config';
import tseslint from 'typescript-eslint';

/** Imports only go down: what each floor must not see. Paths are matched against the text of the import. */
const shared = ['agent', 'report', 'azure', 'kubernetes', 'network', 'fleet', 'reconcile'];
const walls: Record<string, string[]> = {
  reconcile: ['agent', 'report', 'azure', 'kubernetes', 'network', 'fleet'],
  fleet: ['agent', 'report', 'azure', 'kubernetes', 'network'],
  network: ['agent', 'report', 'azure', 'kubernetes'],
  azure: ['agent', 'report', 'kubernetes'],
  kubernetes: ['agent', 'report', 'azure'],
  report: ['agent'],
};
const nodeIo = ['fs', 'fs/promises', 'http', 'https', 'net', 'tls', 'child_process', 'os', 'dns', 'worker_threads'];
const io = nodeIo.flatMap((name) => [name, `node:${name}`]);
const agentOnly = ['azure-pipelines-task-lib', 'azure-pipelines-task-lib/*'];
const azureOnly = ['@azure/*'];
const kubernetesOnly = ['@kubernetes/*', 'jszip'];
const networkOnly = ['https-proxy-agent'];
const devopsOnly = ['azure-devops-node-api', 'azure-devops-node-api/*'];

function wall(room: string): object {
  const up = (walls[room] ?? []).flatMap((other) => [`**/${other}/*`, `**/${other}/**`]);
  const tasks = ['**/AuditWorkloadIdentity/**', '**/EnableWorkloadIdentity/**', '**/FederateServiceAccount/**', '**/GrantRegistryRole/**', '**/DeployWithIdentity/**', '**/SelectClusters/**'];
  const libraries = [
    ...(room === 'agent' ? [] : [...agentOnly, ...devopsOnly]),
    ...(room === 'azure' ? [] : azureOnly),
    ...(room === 'kubernetes' ? [] : kubernetesOnly),
    ...(room === 'network' ? [] : networkOnly),
    ...(room === 'reconcile' || room === 'fleet' ? io : []),
  ];
  const restricted = { patterns: [{ group: [...up, ...tasks], message: 'Imports only go down (DESIGN: rooms and floors).' }], paths: [] };
  return {
    files: [`tasks/_shared/${room}/**/*.ts`],
    rules: {
      'no-restricted-imports': ['error', { ...restricted, patterns: [...restricted.patterns, { group: libraries, message: `Not in ${room}/.` }] }],
    },
  };
}

const ambient = ['process', 'console', 'setTimeout', 'setInterval', 'Date'];

export default defineConfig(
  { ignores: ['build/**', 'node_modules/**'] },
  eslint.configs.recommended,
  tseslint.configs.strictTypeChecked,
  tseslint.configs.stylisticTypeChecked,
  {
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: {
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      '@typescript-eslint/switch-exhaustiveness-check': 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/explicit-module-boundary-types': 'error',
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      'no-restricted-exports': ['error', { restrictDefaultExports: { direct: true, named: true } }],
      'max-lines': ['error', { max: 300 }],
      eqeqeq: 'error',
    },
  },
  ...shared.map(wall),
  {
    files: ['tasks/*/*.ts'],
    rules: {
      'no-restricted-imports': [
        'error',
        { patterns: [{ group: ['../[A-Z]*/**', ...agentOnly, ...devopsOnly, ...azureOnly, ...kubernetesOnly, ...networkOnly], message: 'A task imports only _shared.' }] },
      ],
    },
  },
  {
    files: ['tasks/**/*.ts'],
    ignores: ['tasks/_shared/agent/**', 'tasks/_shared/reconcile/clock.ts'],
    rules: { 'no-restricted-globals': ['error', ...ambient.filter((name) => name !== 'Date').map((name) => ({ name, message: 'Only agent/ and the clock touch the process.' }))] },
  },
  { files: ['eslint.config.ts'], rules: { 'no-restricted-exports': 'off' } },
  { files: ['tests/**/*.ts'], rules: { '@typescript-eslint/no-non-null-assertion': 'off', '@typescript-eslint/no-unused-expressions': 'off' } },
);
