import { formatValue } from '../../codec/index.ts';
import { RELEASE, releaseName } from '../../maps/index.ts';
import type { CommandArgs } from '../args.ts';
import {
  CommandFailure,
  type CommandSpec,
  changed,
  type Decision,
  ok,
  unchanged,
} from '../command.ts';
import type { MonState } from '../state.ts';
import { type Balancer, isActive, poolIds } from './balancer.ts';

// Signatures and texts: pybind/mgr/balancer/module.py, release 16.2.

function set(name: string, value: string): Decision {
  return changed(ok(), {
    config: [{ section: 'mgr', mask: '', name: `mgr/balancer/${name}`, value }],
  });
}

function setMode(state: MonState, args: CommandArgs): Decision {
  const mode = args.needText('mode');
  if (!['none', 'crush-compat', 'upmap'].includes(mode)) {
    throw new CommandFailure('EINVAL', `${mode} not in none|crush-compat|upmap`);
  }
  const promised = state.osdmap.data.requireMinCompatClient;
  if (mode === 'upmap' && promised < RELEASE.luminous) {
    throw new CommandFailure(
      'EPERM',
      `min_compat_client "${releaseName(promised)}" < "luminous", which is required for pg-upmap. Try "ceph osd set-require-min-compat-client luminous" before enabling this mode`,
    );
  }
  return set('mode', mode);
}

function turn(state: MonState, isOn: boolean): Decision {
  return isActive(state) === isOn ? unchanged(ok()) : set('active', String(isOn));
}

/** By name; the pools that are gone are left out. */
function poolLs(state: MonState): Decision {
  const ids = poolIds(state);
  if (ids.length === 0) return unchanged(ok());
  const names = ids.flatMap((id) => state.osdmap.poolName(id) ?? []);
  const reply = ok(`${formatValue(names.sort(), true)}\n`);
  if (names.length === ids.length) return unchanged(reply);
  const left = ids.filter((id) => state.osdmap.pool(id));
  return { ...set('pool_ids', left.join(',')), reply };
}

function poolAdd(state: MonState, args: CommandArgs): Decision {
  const names = args.list('pools');
  const unknown = names.filter((name) => !state.osdmap.poolByName(name));
  if (unknown.length > 0) {
    const list = unknown.map((n) => `'${n}'`).join(', ');
    throw new CommandFailure('EINVAL', `pool(s) [${list}] not found`);
  }
  const added = names.map((name) => state.osdmap.poolByName(name)!.id);
  return set('pool_ids', [...new Set([...poolIds(state), ...added])].join(','));
}

function poolRemove(state: MonState, args: CommandArgs): Decision {
  const ids = poolIds(state);
  if (ids.length === 0) return unchanged(ok());
  const gone = new Set(args.list('pools').map((name) => state.osdmap.poolByName(name)?.id));
  const left = ids.filter((id) => state.osdmap.pool(id) && !gone.has(id));
  return set('pool_ids', left.join(','));
}

const plan = 'name=plan,type=CephString';
const pools = 'name=pools,type=CephString,n=N';
const option = 'name=option,type=CephString,req=false';

/** `ceph balancer ...`, of the manager that has this balancer. */
export function balancerCommands(balancer: Balancer): CommandSpec[] {
  const command = (
    perm: 'r' | 'rw',
    sig: string,
    help: string,
    decide: (state: MonState, args: CommandArgs) => Decision,
  ): CommandSpec => ({ module: 'mgr', perm, sig: `balancer ${sig}`, help, decide });
  return [
    command('r', 'status', 'Show what the balancer does.', (s) => balancer.status(s)),
    command(
      'rw',
      'mode name=mode,type=CephChoices,strings=none|crush-compat|upmap',
      'Set how PGs are spread evenly.',
      setMode,
    ),
    command('rw', 'on', 'Spread PGs evenly without being asked.', (s) => turn(s, true)),
    command('rw', 'off', 'Spread PGs evenly only when asked.', (s) => turn(s, false)),
    command('r', 'pool ls', 'List the pools that are spread evenly; none: all.', poolLs),
    command('rw', `pool add ${pools}`, 'Spread these pools evenly.', poolAdd),
    command('rw', `pool rm ${pools}`, 'Leave these pools as they are.', poolRemove),
    command(
      'r',
      `eval-verbose ${option}`,
      'Say how even the spread is of the cluster, a pool or a plan, with figures.',
      (s, a) => balancer.evaluate(s, a, true),
    ),
    command(
      'r',
      `eval ${option}`,
      'Say how even the spread is of the cluster, a pool or a plan.',
      (s, a) => balancer.evaluate(s, a, false),
    ),
    command(
      'r',
      `optimize ${plan} ${pools},req=false`,
      'Make a plan that spreads PGs more evenly.',
      (s, a) => balancer.plan(s, a),
    ),
    command('r', `show ${plan}`, 'Show a plan as commands.', (_, a) => balancer.show(a)),
    command('rw', `rm ${plan}`, 'Forget a plan.', (_, a) => balancer.remove(a)),
    command('rw', 'reset', 'Forget all plans.', () => balancer.reset()),
    command('r', `dump ${plan}`, 'Show the change that a plan makes.', (_, a) => balancer.dump(a)),
    command('r', 'ls', 'List the plans.', () => balancer.ls()),
    command('r', `execute ${plan}`, 'Carry out a plan.', (s, a) => balancer.execute(s, a)),
  ];
}
