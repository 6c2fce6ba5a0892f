import assert from 'node:assert/strict';
import { cluster, message, record, verdict, World } from './test-world.js';

describe('arm: refusals that no source confirms', () => {
  const other = { status: 418, code: 'Other' };

  it('have status and code by knob', async () => {
    const world = await World.start();
    world.addCluster({ properties: { oidcIssuerProfile: { enabled: true } } });
    world.addCluster({}, 'aks-bare');
    world.addCluster({ properties: { powerState: { code: 'Stopped' } } }, 'aks-stopped');
    world.addCluster({ properties: { apiServerAccessProfile: { disableRunCommand: true } } }, 'aks-silent');
    const put = async (name: string, change: Record<string, unknown>, headers: Record<string, string> = {}): Promise<string> => {
      const path = cluster.replace('aks-shop', name);
      const before = record((await world.send('GET', path)).body);
      return verdict(await world.send('PUT', path, { ...before, properties: { ...record(before.properties), ...change } }, { headers }));
    };
    const all = async (): Promise<string[]> => [
      await put('aks-shop', { oidcIssuerProfile: { enabled: false } }),
      await put('aks-bare', { securityProfile: { workloadIdentity: { enabled: true } } }),
      await put('aks-stopped', {}),
      verdict(await world.send('POST', `${cluster}/listClusterAdminCredential`)),
      verdict(await world.send('POST', `${cluster.replace('aks-shop', 'aks-silent')}/runCommand`, { command: 'kubectl version' })),
      await put('aks-shop', {}, { 'if-match': 'stale' }),
    ];
    assert.deepEqual(await all(), ['400 OIDCIssuerFeatureCannotBeDisabled flat', '400 BadRequest flat', '409 OperationNotAllowed flat', '400 BadRequest flat', '400 BadRequest flat', '412 PreConditionFailed flat']);
    world.arm.clusters.knobs.unconfirmed = { issuerOff: other, issuerNeeded: other, stopped: other, staticCredential: other, commandsOff: other, precondition: other };
    assert.deepEqual(await all(), Array.from({ length: 6 }, () => '418 Other flat'));
    assert.match(message(await world.send('POST', `${cluster}/listClusterAdminCredential`)), /^Getting static credential isn't allowed because this cluster is set to disable local accounts\.$/);
  });
});
