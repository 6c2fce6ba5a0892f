import type { Deployment } from '../compile/model.js';
import type { Problems } from '../problems.js';
import type { PipelineWorld, VirtualMachine } from '../world.js';

/** The virtual machines that a deployment means: its resource, or all that have every tag. */
export function machinesOf(deployment: Deployment, world: PipelineWorld): readonly VirtualMachine[] {
  if (!deployment.machines) return [];
  const all = world.environment(deployment.environment.text)?.virtualMachines ?? [];
  const wanted = deployment.resource?.text.toLowerCase();
  const tags = deployment.tags.map((tag) => tag.toLowerCase());
  return all.filter((one) => (wanted === undefined || one.name.toLowerCase() === wanted) && tags.every((tag) => one.tags.some((other) => other.toLowerCase() === tag)));
}

/** Checks that environment and machines exist, and that the strategy can do with them what it says. */
export function checkDeployment(job: string, deployment: Deployment, world: PipelineWorld, problems: Problems): void {
  const { environment, resource, kind, tags } = deployment;
  const { at, text: name } = environment;
  if (world.environment(name) === undefined) {
    problems.add(at, `Job ${job}: Environment ${name} could not be found. The environment does not exist or has not been authorized for use.`);
    return;
  }
  if (kind === 'rolling' && !deployment.machines) {
    problems.add(at, `Job ${job}: rolling deploys to virtual machines only. Name them with 'resourceType: VirtualMachine' under 'environment'.`);
    return;
  }
  if (!deployment.machines) return;
  if (kind === 'canary') problems.unsupported(at, `canary on virtual machines of environment ${name}`);
  else if (machinesOf(deployment, world).length === 0) {
    const which = resource === undefined ? (tags.length === 0 ? '' : ` with the tags ${tags.join(', ')}`) : ` called ${resource.text}`;
    problems.add((resource ?? environment).at, `Job ${job}: environment ${name} has no virtual machine${which}. Other resources of environments are not supported by the local runner.`);
  }
}
