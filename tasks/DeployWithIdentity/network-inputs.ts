import type { InputReader } from '../_shared/agent/inputs.js';
import { entriesIn } from '../_shared/agent/input-text.js';
import type { SharedInputs } from '../_shared/agent/planned-task.js';
import { parseRange, type AddressRange } from '../_shared/fleet/address-range.js';
import type { ClusterEntry } from '../_shared/fleet/clusters.js';
import { egressForm, flowForm, parseEgress, parseFlow, type EgressPlace, type Flow } from '../_shared/fleet/flows.js';
import { shown } from '../_shared/fleet/shown.js';
import type { Isolation } from '../_shared/kubernetes/network-isolation.js';

/** The inputs about the network. */
export interface NetworkInputs {
  /** What each cluster's pods may connect to, by cluster label; absent where they are not isolated. */
  readonly isolation?: ReadonlyMap<string, Isolation>;
}

/** What stands for an empty list where an empty input would leave open what is meant. */
const nothing = 'none';
/** Where AKS LocalDNS listens on each node: for queries to the network's servers, and to the cluster's. Source: AKS docs, localdns-custom, verification. */
const localDns = ['169.254.10.10', '169.254.10.11'];
const rangesForm = 'address ranges such as 10.1.4.5/32, separated by commas or lines';
const named = ['allowedFlows', 'egressAllowed', 'apiServerRanges', 'localDnsAddresses'] as const;
type Named = (typeof named)[number];
type OwnList = Exclude<Named, 'localDnsAddresses'>;

/** Reads the inputs about the network. */
export function readNetwork(inputs: InputReader, { clusters }: SharedInputs): NetworkInputs {
  const policy = inputs.choice('networkPolicy', ['none', 'default-deny'], 'none');
  const lists = new Map(named.map((name) => [name, inputs.lines(name)]));
  if (policy === 'none') {
    for (const [name, list] of lists) {
      if (list.length > 0) inputs.contradiction(name, 'is given', 'input networkPolicy is none, so that nothing is isolated', 'set networkPolicy to default-deny, or leave it empty');
    }
    return {};
  }
  const common = (name: Named): readonly string[] => lists.get(name) ?? [];
  const nodes = common('localDnsAddresses');
  const addresses = readRanges(inputs, 'localDnsAddresses', nodes.length === 0 ? localDns : isNothing(nodes) ? [] : nodes);
  const isolation = new Map(clusters.map((cluster) => [cluster.label, { ...readFor(inputs, cluster, common), localDns: addresses }]));
  return { isolation };
}

/** What one cluster is to have: its own lists take the place of the inputs. */
function readFor(inputs: InputReader, { label, overrides }: ClusterEntry, common: (name: Named) => readonly string[]): Omit<Isolation, 'localDns'> {
  const own = (name: OwnList): string | undefined => (overrides[name] === undefined ? undefined : label);
  const list = (name: OwnList): readonly string[] => (overrides[name] === undefined ? common(name) : entriesIn(overrides[name]));
  const flows = readFlows(inputs, list('allowedFlows'), own('allowedFlows'));
  const apiServer = readRanges(inputs, 'apiServerRanges', list('apiServerRanges'), own('apiServerRanges'));
  const asked = flows.find(({ from, to }) => from.kind === 'apiServer' || to.kind === 'apiServer');
  if (asked !== undefined && apiServer.length === 0 && inputs.sound('apiServerRanges')) {
    inputs.contradiction('apiServerRanges', 'is empty', `flow "${asked.text}" names the API server, whose addresses only its owner knows`, 'give its addresses: of a private cluster that of its private endpoint, otherwise what the cluster’s fqdn resolves to');
  }
  return { flows, egress: readEgress(inputs, list('egressAllowed'), own('egressAllowed')), apiServer };
}

function readFlows(inputs: InputReader, lines: readonly string[], of: string | undefined): Flow[] {
  return lines.flatMap((line) => {
    const flow = parseFlow(line);
    if (!('because' in flow)) return [flow];
    inputs.unfit('allowedFlows', `has "${shown(line)}"`, flow.because, `give ${flowForm}`, of);
    return [];
  });
}

/** Nothing given would leave pods with an identity that they cannot use; whether that is meant has to be said. */
function readEgress(inputs: InputReader, entries: readonly string[], of: string | undefined): EgressPlace[] {
  if (entries.length === 0 && inputs.sound('egressAllowed')) {
    inputs.unfit('egressAllowed', 'is empty', 'pods that are isolated get no token from Entra, and read no vault, unless it says where these are', `give ${egressForm}`, of);
  }
  if (isNothing(entries)) return [];
  return entries.flatMap((entry) => {
    const place = parseEgress(entry);
    if (!('because' in place)) return [place];
    inputs.unfit('egressAllowed', `has "${shown(entry)}"`, place.because, `give ${egressForm}`, of);
    return [];
  });
}

function readRanges(inputs: InputReader, name: Named, entries: readonly string[], of?: string): AddressRange[] {
  return entries.flatMap((entry) => {
    const range = parseRange(entry);
    if (!('because' in range)) return [range];
    inputs.unfit(name, `has "${shown(entry)}"`, range.because, `give ${rangesForm}`, of);
    return [];
  });
}

function isNothing(entries: readonly string[]): boolean {
  return entries.length === 1 && entries[0] === nothing;
}
