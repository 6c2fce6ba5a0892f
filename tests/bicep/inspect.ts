import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parseBicep } from './parse.js';
import { partsOf, plainText, type Declaration, type Expression } from './syntax.js';
import { plainFunction } from './values.js';

const specialFunctions = ['loadJsonContent', 'loadTextContent', 'managementGroup', 'map', 'resourceGroup', 'subscription'];

/**
 * What is wrong with a Bicep file that shows without deploying it: names that are not declared, declarations that nothing uses, parameters without a
 * description, resources without an api-version, modules and files that are missing, parameters of modules that are unknown or left out.
 */
export function flawsOf(file: string): string[] {
  const { declarations } = parseBicep(readFileSync(file, 'utf8'));
  const declared = declarations.filter(({ kind }) => kind !== 'output').map(({ name }) => name);
  const used = new Set<string>();
  const flaws: string[] = declared.filter((name, index) => declared.indexOf(name) !== index).map((name) => `${name} is declared twice`);
  const look = (expression: Expression, items: readonly string[]): void => {
    const inner = expression.kind === 'loop' || expression.kind === 'lambda' ? [...items, expression.item] : items;
    if (expression.kind === 'name' && !inner.includes(expression.name)) {
      used.add(expression.name);
      if (!declared.includes(expression.name)) flaws.push(`nothing is called ${expression.name}`);
    }
    if (expression.kind === 'call') flaws.push(...callFlaws(expression, file));
    for (const part of partsOf(expression)) look(part, inner);
  };
  for (const declaration of declarations) {
    flaws.push(...declarationFlaws(declaration, file));
    for (const { arguments: parts } of declaration.decorators) for (const part of parts) look(part, []);
    if (declaration.value !== undefined) look(declaration.value, []);
  }
  const unused = declarations.filter(({ kind, name }) => (kind === 'param' || kind === 'var') && !used.has(name));
  return [...flaws, ...unused.map(({ name }) => `${name} is not used`)];
}

function callFlaws({ name, arguments: [first] }: Expression & { kind: 'call' }, file: string): string[] {
  const path = name.startsWith('load') ? plainText(first) : undefined;
  if (path !== undefined) return existsSync(join(dirname(file), path)) ? [] : [`${path} does not exist`];
  return plainFunction(name) === undefined && !specialFunctions.includes(name) ? [`no function is called ${name}`] : [];
}

function declarationFlaws(declaration: Declaration, file: string): string[] {
  const { name, kind, decorators } = declaration;
  const described = decorators.some((decorator) => decorator.name === 'description');
  if ((kind === 'param' || kind === 'output') && !described) return [`${name} has no description`];
  if (kind === 'resource' && !/^\d{4}-\d{2}-\d{2}(-preview)?$/.test(declaration.apiVersion)) return [`${name} has no api-version`];
  return kind === 'module' ? moduleFlaws(declaration, file) : [];
}

function moduleFlaws({ name, path, value }: Declaration & { kind: 'module' }, file: string): string[] {
  const target = join(dirname(file), path);
  if (!existsSync(target)) return [`${path} does not exist`];
  const wanted = parseBicep(readFileSync(target, 'utf8')).declarations.filter((declaration) => declaration.kind === 'param');
  const given = keysOf(propertyOf(bare(value), 'params'));
  const unknown = given.filter((key) => !wanted.some((param) => param.name === key)).map((key) => `${name}: ${path} has no parameter ${key}`);
  const missing = wanted.filter((param) => param.value === undefined && !given.includes(param.name)).map((param) => `${name}: ${path} needs the parameter ${param.name}`);
  return [...unknown, ...missing];
}

/** The object inside loops and conditions. */
function bare(expression: Expression): Expression {
  return expression.kind === 'loop' || expression.kind === 'if' ? bare(expression.body) : expression;
}

function propertyOf(expression: Expression, wanted: string): Expression | undefined {
  if (expression.kind !== 'object') return undefined;
  return expression.entries.find(([key]) => plainText(key) === wanted)?.[1];
}

function keysOf(expression: Expression | undefined): string[] {
  if (expression?.kind !== 'object') return [];
  return expression.entries.flatMap(([key]) => plainText(key) ?? []);
}
