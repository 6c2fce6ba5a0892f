import { list, map, scalar } from '../yaml/nodes.js';
import type { MapEntry, MapNode, YamlNode } from '../yaml/nodes.js';
import { childKind, itemKind } from './schema.js';
import type { Kind } from './schema.js';

/** Keys that every kind of step has; everything else of a shortcut is an input of its task. Source: yaml-schema, steps.task. */
const common = ['condition', 'continueOnError', 'displayName', 'target', 'enabled', 'env', 'name', 'timeoutInMinutes', 'retryCountOnTaskFailure', 'templateContext'];

interface Shortcut {
  readonly keyword: string;
  readonly task: string;
  /** Inputs that the shortcut stands for, besides `script`. */
  readonly inputs: Readonly<Record<string, string>>;
}

/** Source: azure-devops-docs, security/templates (typed steps are seen as tasks) and yaml-schema, steps.script, steps.bash, steps.pwsh. */
const shortcuts: readonly Shortcut[] = [
  { keyword: 'script', task: 'CmdLine@2', inputs: {} },
  { keyword: 'bash', task: 'Bash@3', inputs: { targetType: 'inline' } },
  { keyword: 'pwsh', task: 'PowerShell@2', inputs: { targetType: 'inline', pwsh: 'true' } },
  { keyword: 'powershell', task: 'PowerShell@2', inputs: { targetType: 'inline' } },
];

/** The kinds that can hold a step. */
const holders: readonly Kind[] = ['pipeline', 'stages', 'stage', 'jobs', 'job', 'strategy', 'hook', 'steps', 'step'];

/** Rewrites every step, and every other mapping that may carry a `templateContext`, of a tree. */
function rewrite(node: YamlNode, kind: Kind, change: (node: MapNode, kind: Kind) => MapNode): YamlNode {
  if (node.kind === 'scalar' || !holders.includes(kind)) return node;
  if (node.kind === 'list') return list(node.items.map((item) => rewrite(item, itemKind(kind), change)), node.at);
  const changed = change(node, kind);
  return map(changed.entries.map(({ key, value }) => ({ key, value: rewrite(value, childKind(kind, key.text), change) })), changed.at);
}

function find(node: MapNode, name: string): MapEntry | undefined {
  return node.entries.find((entry) => entry.key.text === name);
}

function stepAsTask(step: MapNode): MapNode {
  const shortcut = shortcuts.find(({ keyword }) => find(step, keyword) !== undefined);
  const script = shortcut === undefined ? undefined : find(step, shortcut.keyword);
  if (shortcut === undefined || script === undefined) return step;
  const { at } = script.key;
  const fixed = Object.entries(shortcut.inputs).map(([name, value]) => ({ key: scalar(name, at), value: scalar(value, at) }));
  const own = step.entries.filter((entry) => entry !== script && !common.includes(entry.key.text));
  const inputs = map([...fixed, { key: scalar('script', at), value: script.value }, ...own], at);
  const kept = step.entries.filter((entry) => common.includes(entry.key.text));
  return map([{ key: scalar('task', at), value: scalar(shortcut.task, at) }, ...kept, { key: scalar('inputs', at), value: inputs }], step.at);
}

/** All scalars of a tree as text. */
export function asTexts(node: YamlNode): YamlNode {
  if (node.kind === 'scalar') return scalar(node.text, node.at);
  if (node.kind === 'list') return list(node.items.map(asTexts), node.at);
  return map(node.entries.map(({ key, value }) => ({ key, value: asTexts(value) })), node.at);
}

/**
 * A typed parameter as templates see it: `script` and the other shells are tasks, and `templateContext` holds texts only
 * (ChristopherHX/runner.server#354).
 */
export function typedView(node: YamlNode, kind: Kind): YamlNode {
  return rewrite(node, kind, (one, at) => {
    const step = at === 'step' ? stepAsTask(one) : one;
    return map(step.entries.map(({ key, value }) => ({ key, value: key.text === 'templateContext' ? asTexts(value) : value })), step.at);
  });
}

function lower(entry: MapEntry | undefined): string {
  return entry?.value.kind === 'scalar' ? entry.value.text.toLowerCase() : '';
}

function taskAsStep(step: MapNode): MapNode {
  const task = find(step, 'task');
  const inputs = find(step, 'inputs')?.value;
  if (task === undefined || inputs?.kind !== 'map') return step;
  const shortcut = shortcuts.find((one) => one.task.toLowerCase() === lower(task) && Object.entries(one.inputs).every(([name, value]) => lower(find(inputs, name)) === value));
  const script = find(inputs, 'script');
  if (shortcut === undefined || script === undefined) return step;
  const own = inputs.entries.filter((entry) => entry !== script && shortcut.inputs[entry.key.text] === undefined);
  const kept = step.entries.filter((entry) => common.includes(entry.key.text));
  return map([{ key: scalar(shortcut.keyword, task.key.at), value: script.value }, ...own, ...kept], step.at);
}

/**
 * The expanded tree as it is read for a run: the tasks of the shells as the shells themselves, and no `templateContext`, which only
 * templates look at. Source: azure-devops-docs, process/template-parameters ("templateContext").
 */
export function runnableView(root: MapNode): MapNode {
  const rewritten = rewrite(root, 'pipeline', (one, kind) => {
    const bare = kind === 'stage' || kind === 'job' || kind === 'step' ? map(one.entries.filter(({ key }) => key.text !== 'templateContext'), one.at) : one;
    return kind === 'step' ? taskAsStep(bare) : bare;
  });
  return rewritten.kind === 'map' ? rewritten : root;
}
