import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import { deployWithIdentity } from '../../../tasks/DeployWithIdentity/deploy-with-identity.js';
import type { Inputs } from '../../../tasks/DeployWithIdentity/inputs.js';
import type { PlannedTask } from '../../../tasks/_shared/agent/planned-task.js';
import type { Services } from '../../../tasks/_shared/agent/services.js';
import { aksServerApplication, clusterAddress } from '../../../tasks/_shared/azure/cluster-credential.js';
import type { ProblemParts } from '../../../tasks/_shared/reconcile/problem.js';
import type { RunResult } from '../../../tasks/_shared/reconcile/run.js';
import { sharedKey } from '../../fleet/converged.js';
import { HelmStandIn } from '../../kill/helm-stand-in.js';
import type { IdentityRecord } from '../../simulators/arm/identities.js';
import type { KubernetesApi } from '../../simulators/kubernetes/kubernetes-api.js';
import { itemsAt, textAt } from '../../simulators/kubernetes/objects/values.js';
import { Rig, subscriptionId, type RunChoices, type TaskRun } from '../azure/azure-world.js';

const chart = fileURLToPath(new URL('../../fixtures/contoso/charts/orders-api/', import.meta.url));

/** One cluster with a federated identity in a simulated Azure, to which DeployWithIdentity deploys with a helm of this process. */
export class DeployWorld {
  /** Values of every deployment: the chart makes its service account. */
  values = 'serviceAccount: {create: true}, ';

  private constructor(
    readonly rig: Rig,
    readonly api: KubernetesApi,
    readonly identity: IdentityRecord,
  ) {}

  static async start(): Promise<DeployWorld> {
    const rig = await Rig.start();
    const resource = { properties: { oidcIssuerProfile: { enabled: true }, securityProfile: { workloadIdentity: { enabled: true } } } };
    const api = await rig.world.addCluster({ subscriptionId, group: 'rg-dev', name: 'aks-1', location: 'westeurope', resource }, { signingKey: sharedKey });
    const identity = rig.world.arm.identities.add(subscriptionId, 'rg-dev', 'id-orders', 'westeurope');
    identity.credentials.set('wi-aks-1', rig.issuer(), 'system:serviceaccount:orders:api');
    // Long since, so that it acts.
    rig.clock.advance(3_600_000);
    return new DeployWorld(rig, api, identity);
  }

  /** Deploys the sample chart with an image tag, from inputs to outputs. */
  deploy(tag: string, inputs: Readonly<Record<string, string>> = {}, choices: RunChoices = {}): Promise<TaskRun> {
    const given = { namespace: 'orders', serviceAccount: 'api', identity: 'id-orders', chart, releaseName: 'orders-api', values: `{${this.values}image: {tag: ${tag}}}`, ...inputs };
    return this.rig.runTask(withHelm(this.rig), ['aks-1'], given, choices);
  }

  async succeeds(tag: string, inputs: Readonly<Record<string, string>> = {}): Promise<RunResult> {
    const { result } = await this.deploy(tag, inputs);
    assert.equal(result.result, 'succeeded', JSON.stringify([problems(result), result.proofs.map(({ outcome }) => outcome)]));
    return result;
  }

  /** The one problem that a deployment failed with. */
  async fails(tag: string, inputs: Readonly<Record<string, string>> = {}): Promise<ProblemParts> {
    const { result } = await this.deploy(tag, inputs);
    assert.equal(result.result, 'failed');
    const [problem, ...others] = problems(result);
    assert.ok(problem !== undefined && others.length === 0, JSON.stringify(problems(result)));
    return problem;
  }

  /** `1 superseded`, `2 deployed`: the oldest first. */
  revisions(): string[] {
    const labels = this.api.list('Secret', 'orders').map(({ metadata }) => metadata.labels ?? {}).filter(({ owner }) => owner === 'helm');
    return labels.map(({ version = '', status = '' }) => `${version} ${status}`).sort();
  }

  /** Tag of the image that the deployment has now; empty when there is no deployment. */
  tag(): string {
    const [container] = itemsAt(this.api.find('Deployment', 'orders', 'orders-api'), 'spec', 'template', 'spec', 'containers');
    return textAt(container, 'image').split(':')[1] ?? '';
  }
}

/** What went wrong, but for its consequences. */
function problems({ preflight, applied, proofs }: RunResult): ProblemParts[] {
  // A restart looks at the same pods as the proof, and meets the same.
  const outcomes = [...applied.filter(({ resource }) => resource.kind !== 'rollout restart').map(({ outcome }) => outcome), ...proofs.map(({ outcome }) => outcome)];
  const found = [...preflight.findings.map(({ problem }) => problem), ...outcomes.flatMap((outcome) => ('problem' in outcome ? [outcome.problem] : []))];
  return found.filter(({ code }, index) => code !== 'WI9003' && found.findIndex((other) => other.code === code) === index);
}

function withHelm({ network }: Rig): PlannedTask<Inputs, Services> {
  return {
    ...deployWithIdentity,
    desire: (inputs, shared, services) => {
      const { azure } = services;
      const cluster: Services['cluster'] = (entry) => {
        const server = async (): Promise<string> => (await clusterAddress(azure, entry)).server;
        const standIn = new HelmStandIn({ dispatcher: network, clock: azure.clock, server, token: () => azure.token(aksServerApplication) });
        return { ...services.cluster(entry), helm: standIn.run.bind(standIn) };
      };
      return deployWithIdentity.desire(inputs, shared, { ...services, cluster });
    },
  };
}
