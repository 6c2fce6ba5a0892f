/** The client of the Logs Ingestion API: a chunk of its own, loaded when a run sends its ledger. */
export { LogsIngestionClient } from '@azure/monitor-ingestion';
