import type { SendPolicy } from '../../../tasks/_shared/kubernetes/send-checks.js';

/** What the task asks of a chart of one's own where nobody says otherwise. */
export const strictPolicy: SendPolicy = { plainSecrets: 'error', allowedSecrets: [], latestImages: 'error', otherNamespaces: [] };
