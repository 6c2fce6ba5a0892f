import type { Job, Located, Pipeline, Stage, VariableDeclaration } from '../compile/model.js';
import { grammarOf } from '../expressions/evaluate.js';
import { ExpressionError } from '../expressions/lexer.js';
import { parseExpression } from '../expressions/parser.js';
import { refusedContexts, variableSignatures } from '../expressions/runtime.js';
import type { Position, Problems } from '../problems.js';
import type { PipelineWorld } from '../world.js';
import { contexts, runtimeExpression, statusSignatures } from '../run/contexts.js';
import type { ContextLevel } from '../run/contexts.js';
import type { TaskLibrary } from './manifest.js';
import { checkDeployment } from './deployments.js';
import { checkTaskStep } from './task-inputs.js';

interface Node {
  readonly name: string;
  readonly dependsOn: readonly string[];
  readonly at: Position;
}

function same(left: string, right: string): boolean {
  return left.toLowerCase() === right.toLowerCase();
}

/** Names are valid and unique, dependencies exist and form no circle. */
function checkGraph(what: string, nodes: readonly Node[], problems: Problems): void {
  for (const [index, node] of nodes.entries()) {
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(node.name)) problems.add(node.at, `The ${what} name ${node.name} is not valid. Names may only contain alphanumeric characters and '_' and cannot start with a number.`);
    if (nodes.slice(0, index).some((other) => same(other.name, node.name))) problems.add(node.at, `The ${what} name ${node.name} appears more than once. Names must be unique.`);
    for (const wanted of node.dependsOn) {
      if (!nodes.some((other) => same(other.name, wanted))) problems.add(node.at, `The ${what} ${node.name} depends on unknown ${what} ${wanted}.`);
    }
  }
  let open = [...nodes];
  for (;;) {
    const next = open.filter((node) => node.dependsOn.some((wanted) => open.some((other) => same(other.name, wanted))));
    if (next.length === open.length) break;
    open = next;
  }
  const [first] = open;
  if (first !== undefined) problems.add(first.at, `The ${what} dependencies of ${open.map((node) => node.name).join(', ')} form a circle.`);
}

/** What the caller of a run allows and provides. */
export interface ValidationSettings {
  /** Aliases of repositories with a local folder. */
  readonly repositories: readonly string[];
  /** Jobs with a container run without it. */
  readonly containersOnHost: boolean;
}

/** Finds what the service would refuse when the run is queued, beyond the shape of the YAML. */
export class Validator {
  readonly #tasks: TaskLibrary;
  readonly #world: PipelineWorld;
  readonly #problems: Problems;

  readonly #settings: ValidationSettings;

  constructor(tasks: TaskLibrary, world: PipelineWorld, problems: Problems, settings: ValidationSettings) {
    this.#tasks = tasks;
    this.#world = world;
    this.#problems = problems;
    this.#settings = settings;
  }

  check(pipeline: Pipeline): void {
    if (pipeline.stages.length === 0) this.#problems.add(pipeline.at, 'The pipeline has no stages.');
    checkGraph('stage', pipeline.stages, this.#problems);
    this.#variables(pipeline.variables, 'pipeline');
    for (const stage of pipeline.stages) this.#stage(stage);
  }

  #stage(stage: Stage): void {
    if (stage.jobs.length === 0) this.#problems.add(stage.at, `Stage ${stage.name} must contain at least one job.`);
    checkGraph('job', stage.jobs, this.#problems);
    this.#condition(stage.condition, 'stage');
    // Variables of a stage are evaluated for each of its jobs.
    this.#variables(stage.variables, 'job');
    for (const job of stage.jobs) this.#job(job);
  }

  #job(job: Job): void {
    this.#condition(job.condition, 'job');
    this.#variables(job.variables, 'job');
    this.#strategy(job);
    if (job.steps.length === 0) this.#problems.add(job.at, `Job ${job.name} has no steps.`);
    if (job.deployment !== undefined) checkDeployment(job.name, job.deployment, this.#world, this.#problems);
    if (job.container !== undefined && !this.#settings.containersOnHost) {
      this.#problems.unsupported(job.container.at, `container jobs: there is no container engine here. Job ${job.name} could only run on this machine itself, which the caller has to allow`);
    }
    for (const step of job.steps) {
      this.#condition(step.condition, 'step');
      if (step.kind === 'task') checkTaskStep(step, this.#tasks, this.#world, this.#problems);
      if (step.kind === 'checkout' && !['self', 'none', ...this.#settings.repositories].includes(step.repository)) {
        this.#problems.unsupported(step.at, `the checkout of '${step.repository}' without a local folder for it`);
      }
    }
  }

  #strategy({ strategy }: Job): void {
    if (strategy?.kind !== 'matrix' || !('text' in strategy.legs)) return;
    const expression = runtimeExpression(strategy.legs.text);
    if (expression !== undefined) this.#expression(expression, strategy.legs.at, 'job', false);
  }

  #condition(condition: Located | undefined, level: ContextLevel): void {
    if (condition !== undefined && condition.text.trim() !== '') this.#expression(condition.text, condition.at, level, true);
  }

  #variables(declarations: readonly VariableDeclaration[], level: ContextLevel): void {
    for (const one of declarations) {
      if (one.kind === 'value') {
        const expression = runtimeExpression(one.value);
        if (expression !== undefined) this.#expression(expression, one.at, level, false);
        continue;
      }
      const group = one.group.includes('$(') ? undefined : this.#world.variableGroup(one.group);
      if (group === undefined || group.authorized === false) {
        this.#problems.add(one.at, `Variable group ${one.group} could not be found. The variable group does not exist or has not been authorized for use.`);
      }
    }
  }

  #expression(text: string, at: Position, level: ContextLevel, status: boolean): void {
    try {
      parseExpression(text, grammarOf(contexts[level], status ? statusSignatures(level) : variableSignatures, status ? [] : refusedContexts));
    } catch (error) {
      if (!(error instanceof ExpressionError)) throw error;
      this.#problems.add(at, error.message);
    }
  }
}
