import { type OSDMap, RELEASE, releaseByName, releaseName } from '../../maps/index.ts';
import { CommandFailure } from '../command.ts';

// What the map promises to the oldest clients forbids some changes. Texts follow Ceph 16.2.

/** @throws CommandFailure EPERM where clients that the map promises to serve would not understand the change */
export function needUpmapClients(map: OSDMap): void {
  const promised = map.data.requireMinCompatClient;
  if (promised >= RELEASE.luminous) return;
  throw new CommandFailure(
    'EPERM',
    `min_compat_client ${releaseName(promised)} < luminous, which is required for pg-upmap. Try 'ceph osd set-require-min-compat-client luminous' before using the new interface`,
  );
}

/** @throws CommandFailure EPERM where the map promises to serve clients from before firefly */
export function needFireflyClients(map: OSDMap, feature: string): void {
  const promised = map.data.requireMinCompatClient;
  if (promised === 0 || promised >= releaseByName('firefly')!) return;
  throw new CommandFailure(
    'EPERM',
    `require_min_compat_client ${releaseName(promised)} < firefly, which is required for ${feature}`,
  );
}
