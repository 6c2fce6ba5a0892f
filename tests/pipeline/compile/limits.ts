import type { Position, Problems } from '../problems.js';
import type { YamlNode } from '../yaml/nodes.js';

/**
 * Template limits of the service. Source: azure-devops-docs, process/templates ("Imposed limits"): 100 files, 100 levels of nesting and
 * 20 megabytes of memory while parsing; earlier texts say 20 levels and 10 megabytes.
 */
export const maximumFiles = 100;
export const maximumDepth = 100;
export const maximumBytes = 20 * 1024 * 1024;

/** What a node costs in a 64-bit .NET process: the object, and its text with two bytes a character. Chosen: the service does not say how it counts. */
const nodeBytes = 24;
const textBytes = 26;

/** Expansion cannot go on; the problem has been recorded. */
export class TemplateLimitExceeded extends Error {
  constructor() {
    super('A limit of template expansion was exceeded.');
    this.name = 'TemplateLimitExceeded';
  }
}

/** The memory that reading and expanding the templates of one pipeline may take. */
export class TemplateMemory {
  readonly #problems: Problems;
  #bytes = 0;

  constructor(problems: Problems) {
    this.#problems = problems;
  }

  /** Counts one node, without what it holds. @throws {TemplateLimitExceeded} with a problem, once there is no memory left. */
  take(node: YamlNode): void {
    this.#add(node.kind === 'scalar' ? nodeBytes + textBytes + 2 * node.text.length : nodeBytes, node.at);
  }

  /** Counts a node with all that it holds: a file that was read, or what an expression has inserted. @throws {TemplateLimitExceeded} as above. */
  takeAll(node: YamlNode): void {
    this.take(node);
    if (node.kind === 'list') for (const item of node.items) this.takeAll(item);
    if (node.kind === 'map') {
      for (const { key, value } of node.entries) {
        this.take(key);
        this.takeAll(value);
      }
    }
  }

  #add(bytes: number, at: Position): void {
    this.#bytes += bytes;
    if (this.#bytes <= maximumBytes) return;
    this.#problems.add(at, `Maximum memory of ${maximumBytes / 1024 / 1024} megabytes exceeded while evaluating the templates. This may indicate too many nested loops: use fewer or smaller templates.`);
    throw new TemplateLimitExceeded();
  }
}
