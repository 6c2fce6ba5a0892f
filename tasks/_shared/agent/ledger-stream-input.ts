import type { ServiceConnection } from '../azure/connection.js';
import { defaultStream, type LedgerStream } from '../azure/ledger-stream.js';
import { httpsOrigin } from './input-text.js';
import type { InputReader } from './inputs.js';

const needed = ['ledgerEndpoint', 'ledgerRuleId'] as const;

/**
 * Where the run sends its ledger besides attaching it; undefined when the inputs are empty.
 * Source of the forms: Azure Monitor docs, Logs Ingestion API: the rule's immutable id, and streams of our own begin with `Custom-`.
 */
export function readLedgerStream(reader: InputReader, { cloud }: ServiceConnection): LedgerStream | undefined {
  const endpoint = reader.optionalText('ledgerEndpoint');
  const ruleId = reader.optionalText('ledgerRuleId');
  const named = reader.optionalText('ledgerStream');
  if (!reader.sound(...needed, 'ledgerStream') || (endpoint ?? ruleId ?? named) === undefined) return undefined;
  if (endpoint === undefined || ruleId === undefined) {
    const given = endpoint !== undefined ? 'ledgerEndpoint' : ruleId !== undefined ? 'ledgerRuleId' : 'ledgerStream';
    const missing = needed.filter((name) => name !== given);
    const are = missing.length === 1 ? 'is' : 'are';
    reader.contradiction(given, `is "${endpoint ?? ruleId ?? named ?? ''}"`, `${missing.join(' and ')} ${are} empty, and a ledger is sent to a rule at an endpoint`, `give ${missing.join(' and ')} as well, or leave all of them empty`);
    return undefined;
  }
  const origin = httpsOrigin(endpoint);
  const stream = named ?? defaultStream;
  if (origin === undefined) reader.refuse('ledgerEndpoint', endpoint, 'the logs ingestion address such as https://dce-name-abcd.westeurope-1.ingest.monitor.azure.com, without a path');
  if (!/^dcr-[0-9a-z]+$/i.test(ruleId)) reader.refuse('ledgerRuleId', ruleId, 'the immutable id of the data collection rule, dcr- and 32 digits and letters, not its name or ARM id');
  if (!/^Custom-[A-Za-z]\w*$/.test(stream)) reader.refuse('ledgerStream', stream, `the name of a stream of the rule such as ${defaultStream}`);
  const audience = cloud.logsIngestionAudience;
  if (audience === undefined && reader.sound('azureSubscription')) {
    reader.contradiction('ledgerEndpoint', `is "${endpoint}"`, `no logs ingestion of ${cloud.name} is known`, 'leave ledgerEndpoint and ledgerRuleId empty, and take ledgers from the attachments of the runs');
  }
  return origin === undefined || audience === undefined ? undefined : { endpoint: origin, ruleId, stream, audience };
}
