import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { CommandRestrictions } from '../compile/model.js';
import { isRecord } from '../../simulators/kernel/service.js';

/** An input of a task, as far as the agent and the service use it. */
export interface TaskInput {
  readonly name: string;
  readonly aliases: readonly string[];
  readonly type: string;
  readonly defaultValue: string;
  readonly required: boolean;
  readonly visibleRule?: string;
  readonly groupName?: string;
}

/** An installed task: a folder with task.json and the file it runs. */
export interface TaskManifest {
  readonly id: string;
  readonly name: string;
  readonly friendlyName: string;
  readonly description: string;
  readonly author: string;
  readonly help: string;
  readonly version: string;
  readonly major: number;
  readonly folder: string;
  readonly inputs: readonly TaskInput[];
  readonly groupRules: ReadonlyMap<string, string>;
  /** File to run, relative to the folder; absent when the task has no Node handler. */
  readonly main?: string;
  readonly post?: string;
  readonly hasPreJob: boolean;
  /** What a task may do through logging commands. Source: task.json `restrictions`. */
  readonly restrictions: CommandRestrictions;
  /** Declared output variables: setting one makes it an output also without `isOutput`. */
  readonly outputVariables: readonly string[];
  /** It is not the caller's: the runner itself does what it would do. */
  readonly ofService: boolean;
}

/** What every organisation has installed, as far as the runner knows it. Source: Azure Pipelines docs, tasks/reference. */
const serviceTasks = fileURLToPath(new URL('../../fixtures/service-tasks/', import.meta.url));

/** Preference of the agent among Node handlers. Source: azure-pipelines-agent TaskRunner. */
const handlers = ['Node24', 'Node20_1', 'Node16', 'Node10', 'Node'];

function text(value: unknown): string {
  if (typeof value === 'string') return value;
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : '';
}

function records(value: unknown): readonly Record<string, unknown>[] {
  return Array.isArray(value) ? value.filter(isRecord) : [];
}

function texts(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.map(text) : [];
}

function input(raw: Record<string, unknown>): TaskInput {
  return {
    name: text(raw.name),
    aliases: texts(raw.aliases),
    type: text(raw.type),
    defaultValue: text(raw.defaultValue),
    required: raw.required === true || raw.required === 'true',
    ...(typeof raw.visibleRule === 'string' ? { visibleRule: raw.visibleRule } : {}),
    ...(typeof raw.groupName === 'string' ? { groupName: raw.groupName } : {}),
  };
}

function target(execution: unknown): string | undefined {
  if (!isRecord(execution)) return undefined;
  const handler = handlers.map((name) => execution[name]).find(isRecord);
  return handler === undefined ? undefined : text(handler.target);
}

function restrictions(raw: unknown): CommandRestrictions {
  if (!isRecord(raw)) return { restrictedCommands: false };
  const commands = raw.commands;
  const settable = raw.settableVariables;
  return {
    restrictedCommands: isRecord(commands) && text(commands.mode).toLowerCase() === 'restricted',
    ...(isRecord(settable) && Array.isArray(settable.allowed) ? { settableVariables: texts(settable.allowed) } : {}),
  };
}

/** Reads one task.json. @throws when it is no JSON object or names no task. */
export function readManifest(folder: string, ofService = false): TaskManifest {
  const raw: unknown = JSON.parse(readFileSync(join(folder, 'task.json'), 'utf8'));
  if (!isRecord(raw) || typeof raw.name !== 'string') throw new Error(`${folder}: task.json names no task.`);
  const version = isRecord(raw.version) ? raw.version : {};
  const main = target(raw.execution);
  const post = target(raw.postjobexecution);
  return {
    id: text(raw.id).toLowerCase(),
    name: raw.name,
    friendlyName: text(raw.friendlyName),
    description: text(raw.description),
    author: text(raw.author),
    help: text(raw.helpMarkDown) || text(raw.helpUrl),
    version: ['Major', 'Minor', 'Patch'].map((part) => text(version[part])).join('.'),
    major: Number(text(version.Major)),
    folder,
    inputs: records(raw.inputs).map(input),
    groupRules: new Map(records(raw.groups).flatMap((group) => (typeof group.visibleRule === 'string' ? [[text(group.name), group.visibleRule] as const] : []))),
    ...(main === undefined ? {} : { main }),
    ...(post === undefined ? {} : { post }),
    hasPreJob: raw.prejobexecution !== undefined,
    restrictions: restrictions(raw.restrictions),
    outputVariables: records(raw.outputVariables).map((one) => text(one.name)),
    ofService,
  };
}

/** The folders of tasks under a folder; a missing folder holds none. */
function taskFolders(folder: string): readonly string[] {
  const folders = existsSync(folder) ? readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory()) : [];
  return folders.map((entry) => join(folder, entry.name)).filter((path) => existsSync(join(path, 'task.json')));
}

/** The names of the service's own tasks that the runner stands in for. */
export const serviceTaskNames: readonly string[] = taskFolders(serviceTasks).map((folder) => readManifest(folder).name);

/** The tasks that are installed: the caller's, one folder each under `folder`, and the service's own. */
export class TaskLibrary {
  readonly #tasks: readonly TaskManifest[];

  /** @param folder holds `<Name>/task.json`; a missing folder holds no tasks. */
  constructor(folder: string) {
    const own = taskFolders(folder).map((path) => readManifest(path));
    this.#tasks = [...own, ...taskFolders(serviceTasks).map((path) => readManifest(path, true))];
  }

  /** The tasks that a name or GUID may mean; `publisher.extension.contribution.Name` is accepted. */
  named(name: string): readonly TaskManifest[] {
    const short = (name.split('.').at(-1) ?? '').toLowerCase();
    return this.#tasks.filter((task) => task.name.toLowerCase() === short || task.id === name.toLowerCase());
  }

  find(reference: string): TaskManifest | undefined {
    const [name = '', major = ''] = reference.split('@');
    return this.named(name).find((task) => String(task.major) === major);
  }
}
