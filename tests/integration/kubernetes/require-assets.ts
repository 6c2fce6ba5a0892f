import { howToGetAssets, kubeAssets } from '../../real-kubernetes/kube-assets.js';

// Required by `npm run test:kube`, which would pass on the simulator otherwise and say nothing about a real API server.
if (kubeAssets(process.env) === undefined) throw new Error(`These tests want a real API server, and KUBEBUILDER_ASSETS is not set. ${howToGetAssets}`);
