import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { parseBoundaryPolicy } from '../tasks/_shared/fleet/boundary-parse.js';
import { azurePolicies, managementGroupId, type AzurePolicies, type BoundaryFacts } from './boundary-policy/definitions.js';
import { readFacts, readRoleIds } from './boundary-policy/read-facts.js';

const usage = `usage: npm run boundary-policy -- boundaries.yml --definitions-at MANAGEMENT-GROUP [--facts facts.json] [--out FOLDER]

Writes Azure Policy definitions that deny the federated credentials and role assignments which the boundary policy forbids, with values for their
assignments, and prints the commands that create them. docs/boundary-policy-in-azure.md explains them.`;

/** What the command is asked to do. */
interface Order {
  readonly policyFile: string;
  readonly factsFile: string | undefined;
  readonly definitionsAt: string;
  readonly out: string;
}

/**
 * Makes the files, and the text that is printed.
 * @throws Error that says what is wrong with the arguments, the boundary policy or the facts.
 */
export function boundaryToAzurePolicy(args: readonly string[], rolesFile: string): string {
  const order = orderOf(args);
  const parsed = parseBoundaryPolicy(readFileSync(order.policyFile, 'utf8'));
  if ('mistakes' in parsed) {
    throw new Error(parsed.mistakes.map(({ line, column, because, remedy }) => `${order.policyFile}, line ${line}, column ${column}: ${because}; ${remedy}.`).join('\n'));
  }
  const facts: BoundaryFacts = order.factsFile === undefined ? { issuers: {}, principals: {}, parents: {} } : readFacts(readFileSync(order.factsFile, 'utf8'), parsed.policy);
  const policies = azurePolicies(parsed.policy, facts, readRoleIds(readFileSync(rolesFile, 'utf8')));
  mkdirSync(order.out, { recursive: true });
  for (const { name, policyRule, parameters } of policies.definitions) {
    writeJson(join(order.out, `${name}.rules.json`), policyRule);
    writeJson(join(order.out, `${name}.parameters.json`), parameters);
  }
  for (const { name, values } of policies.assignments) writeJson(join(order.out, `${name}.values.json`), values);
  return `${[...policies.notes.map((note) => `# ${note}`), ...commands(policies, order)].join('\n')}\n`;
}

function orderOf(args: readonly string[]): Order {
  const options = { facts: { type: 'string' }, out: { type: 'string' }, 'definitions-at': { type: 'string' } } as const;
  const { values, positionals } = parseArgs({ args: [...args], options, allowPositionals: true });
  const [policyFile, ...rest] = positionals;
  const definitionsAt = values['definitions-at'];
  if (policyFile === undefined || definitionsAt === undefined || rest.length > 0) throw new Error(usage);
  return { policyFile, definitionsAt, factsFile: values.facts, out: values.out ?? 'build/boundary-policy' };
}

function commands({ definitions, assignments }: AzurePolicies, { out, definitionsAt }: Order): string[] {
  return [
    ...definitions.map(({ name, displayName, description }) => {
      const files = `--rules ${quoted(join(out, `${name}.rules.json`))} --params ${quoted(join(out, `${name}.parameters.json`))}`;
      return `az policy definition create --name ${quoted(name)} --management-group ${quoted(definitionsAt)} --mode All ${files} --display-name ${quoted(displayName)} --description ${quoted(description)}`;
    }),
    ...assignments.map(({ name, definition, managementGroup, notScopes }) => {
      const policy = `${managementGroupId(definitionsAt)}/providers/Microsoft.Authorization/policyDefinitions/${definition}`;
      const except = notScopes.length === 0 ? '' : ` --not-scopes ${notScopes.map(quoted).join(' ')}`;
      return `az policy assignment create --name ${quoted(name)} --scope ${quoted(managementGroupId(managementGroup))} --policy ${quoted(policy)} --params ${quoted(join(out, `${name}.values.json`))}${except}`;
    }),
  ];
}

/** One word of a POSIX shell. */
function quoted(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}

function writeJson(path: string, content: unknown): void {
  writeFileSync(path, `${JSON.stringify(content, undefined, 2)}\n`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    process.stdout.write(boundaryToAzurePolicy(process.argv.slice(2), join(import.meta.dirname, '..', 'templates', 'bootstrap', 'roles.json')));
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  }
}
