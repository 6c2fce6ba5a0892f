/** Types of the Azure SDK that appear in our own signatures. */
export type { AccessToken, TokenCredential } from '@azure/identity';
export type { HttpClient, PipelinePolicy, PipelineRequest, PipelineResponse } from '@azure/core-rest-pipeline';
