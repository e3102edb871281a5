import type { ConfigSubject } from '../config/index.ts';
import type { MonState } from './state.ts';

/** What masks may ask of an entity: an OSD's class and host, as it said at boot. */
export function configSubject(state: Pick<MonState, 'osdMetadata'>, name: string): ConfigSubject {
  const osd = /^osd\.(\d+)$/.exec(name);
  const metadata = osd && state.osdMetadata.get(Number(osd[1]));
  if (!metadata) return { name };
  const host = metadata.get('hostname');
  return {
    name,
    deviceClass: metadata.get('device_class'),
    location: host === undefined ? undefined : new Map([['host', host]]),
  };
}
