import { dirname, join, relative, resolve, sep } from 'node:path';
import type { BuildOptions, Plugin } from 'esbuild';

/** An SDK that lies beside a task's index.js and is loaded when the task first needs it. */
export interface Chunk {
  /** The only module through which our code sees the SDK, relative to the project's root. */
  readonly source: string;
  readonly file: string;
  /** Packages that the SDK asks for only on paths that we never take. */
  readonly external: string[];
}

/**
 * Cold starts are why there is more than one file: the Kubernetes client alone is more than half of everything, and a task that stops at
 * a bad input needs none of it.
 */
export const chunks: readonly Chunk[] = [
  { source: 'tasks/_shared/azure/sdk.ts', file: 'azure-sdk.js', external: [] },
  { source: 'tasks/_shared/azure/arm-sdk.ts', file: 'arm-sdk.js', external: [] },
  // `open` starts a browser for interactive sign-in; it needs import.meta, which a CommonJS bundle has not.
  { source: 'tasks/_shared/azure/identity-sdk.ts', file: 'identity-sdk.js', external: ['open'] },
  { source: 'tasks/_shared/azure/ingestion-sdk.ts', file: 'ingestion-sdk.js', external: [] },
  { source: 'tasks/_shared/kubernetes/sdk.ts', file: 'kubernetes-sdk.js', external: [] },
  { source: 'tasks/_shared/kubernetes/zip-sdk.ts', file: 'zip-sdk.js', external: [] },
  { source: 'tasks/_shared/network/sdk.ts', file: 'network-sdk.js', external: [] },
  { source: 'tasks/_shared/agent/devops-sdk.ts', file: 'devops-sdk.js', external: [] },
];

/** How everything is bundled. */
export const options = {
  bundle: true,
  format: 'cjs',
  platform: 'node',
  target: 'node20',
  minify: true,
  legalComments: 'none',
  sourcemap: false,
  logLevel: 'silent',
  // `import()` of a chunk becomes a `require` on demand, which starts faster.
  supported: { 'dynamic-import': false },
} satisfies BuildOptions;

/** Leaves dynamic imports of SDK modules as requests for the chunk file beside the bundle; refuses static ones, and SDKs by their package names. */
export function sdkChunks(root: string): Plugin {
  const files = new Map(chunks.map(({ source, file }) => [join(root, source), file]));
  return {
    name: 'sdk-chunks',
    setup: (context) => {
      context.onResolve({ filter: /^(@azure|@kubernetes)\/|^azure-devops-node-api|^(https-proxy-agent|jszip)$/ }, (args) => {
        const importer = relative(root, args.importer).split(sep).join('/');
        return { errors: [{ text: `${importer} imports ${args.path}, which only an SDK module may do: ${chunks.map(({ source }) => source).join(', ')}.` }] };
      });
      context.onResolve({ filter: /sdk(\.[jt]s)?$/ }, (args) => {
        if (!args.path.startsWith('.')) return undefined;
        const file = files.get(resolve(args.resolveDir, args.path.replace(/(\.[jt]s)?$/, '.ts')));
        if (file === undefined) return undefined;
        if (args.kind === 'dynamic-import') return { path: `./${file}`, external: true };
        const importer = relative(root, args.importer).split(sep).join('/');
        const text = `${importer} imports ${args.path} statically. Use "await import('${args.path}')", and "import type" for its types.`;
        return { errors: [{ text, notes: [{ text: `It would put ${file} into every start of ${dirname(importer)}.` }] }] };
      });
    },
  };
}
