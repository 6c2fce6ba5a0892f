import { fileURLToPath } from 'node:url';
import type { LedgerLine } from '../../tasks/_shared/report/ledger.js';
import { ledgerType } from '../../tasks/_shared/report/schema.js';
import { clusterId, subscriptions } from '../simulators/world/contoso.js';
import type { ContosoRun, ContosoStage } from './contoso-run.js';

const file = fileURLToPath(new URL('../fixtures/contoso/crossing.yml', import.meta.url));
const registry = `/subscriptions/${subscriptions.prd}/resourceGroups/rg-shared/providers/Microsoft.ContainerRegistry/registries/crcontosoprd`;

/** What became of the crossing, and what was not as it should be. */
export interface CrossingScene {
  readonly refused: ContosoRun;
  readonly allowed: ContosoRun;
  /** The ledger's line of the one write. */
  readonly line: LedgerLine | undefined;
  readonly problems: readonly string[];
}

/** The identity of dev asks for AcrPush on the production registry: first under a policy that knows no such rule, then under one that does. */
export async function showCrossing(stage: ContosoStage, title: (text: string) => void, print: (line: string) => void): Promise<CrossingScene> {
  const run = (policy: string): Promise<ContosoRun> =>
    stage.run(print, { file, parameters: { boundaryPolicy: `tests/fixtures/contoso/${policy}`, cluster: clusterId('dev'), registry } });
  title('A crossing: the dev identity asks AcrPush on the production registry');
  const refused = await run('boundaries.yml');
  title('The same with a rule that allows it');
  const allowed = await run('boundaries-with-release.yml');
  const lines = ledgerIn(allowed);
  const [line] = lines;
  title('The ledger line of that write');
  print(JSON.stringify(line, undefined, 2));
  const found = refused.lines.filter((text) => text.includes('WI3111'));
  const problems = [
    ...(refused.result.result === 'Failed' && found.length > 0 ? [] : ['the crossing without a rule was not refused']),
    ...refused.writes.map(({ service, method, path }) => `the refused crossing wrote: ${service} ${method} ${path}`),
    ...(allowed.result.result === 'Succeeded' ? [] : [`the allowed crossing ended as ${allowed.result.result}`]),
    ...(allowed.writes.length === 1 && lines.length === 1 ? [] : [`the allowed crossing made ${allowed.writes.length} writes and ${lines.length} lines of the ledger, not one`]),
    ...(line?.crossings?.some(({ rule, from, to }) => rule === 'push-releases' && from === 'nonprod' && to === 'prod') === true ? [] : ['the ledger does not name the crossing and its rule']),
  ];
  return { refused, allowed, line, problems };
}

function ledgerIn({ result }: ContosoRun): LedgerLine[] {
  const steps = result.stages.flatMap(({ jobs }) => jobs.flatMap((job) => job.steps));
  const attached = steps.flatMap(({ attachments }) => attachments.filter(({ type }) => type === ledgerType));
  return attached.flatMap(({ content }) => content.trim().split('\n').map((text) => JSON.parse(text) as LedgerLine));
}
