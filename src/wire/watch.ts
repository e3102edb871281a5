import {
  bytes,
  constant,
  s32,
  struct,
  tuple,
  u8,
  u32,
  u64,
  type ValueOf,
  vec,
  versioned,
} from '../codec/index.ts';
import { EntityAddr } from './address.ts';
import { EntityName } from './basic.ts';
import { message } from './message.ts';

// Watch and notify: fact sheet §4.9, §6.2, §6.6.

export const WATCH_NOTIFY_OP = { notify: 1, notifyComplete: 2, disconnect: 3 } as const;
/** To a watcher: someone notifies. To the notifier: the acks, in the data segment as a {@link NotifyResult}. */
export const MWatchNotify = message(
  'MWatchNotify',
  44,
  { version: 3, compat: 1 },
  struct('MWatchNotify', {
    messageVersion: constant(u8, 1),
    opcode: u8,
    cookie: u64,
    version: u64,
    notifyId: u64,
    payload: bytes,
    returnCode: s32,
    notifierGid: u64,
  }),
);

/** Input of NOTIFY; the timeout is in seconds. */
export const NotifyInput = struct('notify', {
  version: constant(u32, 1),
  timeout: u32,
  payload: bytes,
});
/** Input of NOTIFY_ACK. */
export const NotifyAckInput = struct('notify_ack', { notifyId: u64, cookie: u64, reply: bytes });

const watcherKey = struct('watcher', { gid: u64, cookie: u64 });
/** Who answered a notify and with what, and who did not in time. */
export const NotifyResult = struct('notify_result', {
  acks: vec(tuple(watcherKey, bytes)),
  missed: vec(watcherKey),
});
export type NotifyResult = ValueOf<typeof NotifyResult>;

const Watcher = versioned(
  'watch_item_t',
  { v: 2, compat: 1 },
  { name: EntityName, cookie: u64, timeoutSeconds: u32, addr: EntityAddr },
);
/** Output of LIST_WATCHERS. */
export const WatcherList = versioned(
  'obj_list_watch_response_t',
  { v: 1, compat: 1 },
  { watchers: vec(Watcher) },
);
