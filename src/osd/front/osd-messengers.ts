import {
  createMessenger,
  DEFAULT_BOUNDS,
  type Dispatcher,
  type ListenPlace,
  listenWithin,
  type Messenger,
} from '../../msgr/index.ts';
import type { Network, Runtime } from '../../runtime/index.ts';
import { ENTITY, type EntityAddr } from '../../wire/index.ts';

/**
 * All of a change that is not object data stands in front of its message to other OSDs: attributes and omap values, of
 * which a client's request may bring as much as its own session allows as data.
 */
const OSD_LINK_BOUNDS = { frontBytesMax: DEFAULT_BOUNDS.dataBytesMax + (64 << 20) };

/** The messengers of an OSD, but for those of heartbeats: what they bring goes one way. */
export class OsdMessengers {
  /** For clients and the monitor. */
  readonly clients: Messenger;
  /** For other OSDs. */
  readonly osds: Messenger;

  /** @param network to other OSDs */
  constructor(
    runtime: Runtime,
    network: Network,
    id: number,
    dispatcher: Dispatcher,
    onFatal: (error: unknown) => void,
  ) {
    const name = { type: ENTITY.osd, num: id };
    const authName = { type: ENTITY.osd, id: String(id) };
    const options = { name, authName, dispatcher, onFatal };
    this.clients = createMessenger(runtime, options);
    const toOsds = { ...options, bounds: OSD_LINK_BOUNDS };
    this.osds = createMessenger({ ...runtime, network }, toOsds);
  }

  async listen(
    at: { readonly public: ListenPlace; readonly cluster: ListenPlace },
    nonce: number,
  ): Promise<{ public: EntityAddr; cluster: EntityAddr }> {
    const [publicAddr, clusterAddr] = await Promise.all([
      listenWithin(this.clients, at.public, nonce),
      listenWithin(this.osds, at.cluster, nonce),
    ]);
    return { public: publicAddr, cluster: clusterAddr };
  }

  async shutdown(): Promise<void> {
    await Promise.all([this.clients.shutdown(), this.osds.shutdown()]);
  }
}
