import { formatValue } from '../codec/index.ts';
import { type CommandSpec, changed, type Decision, ok, unchanged } from './command.ts';
import type { Progress } from './progress.ts';
import type { MonState, ProgressEvent } from './state.ts';
import { completedJson, progressJson, progressText } from './views/progress-text.ts';

// Texts: pybind/mgr/progress/module.py, release 16.2.15.

const INDENT = 4;

function list(progress: Progress, { nowMs }: MonState): Decision {
  const { events, completed } = progress;
  if (events.length + completed.length === 0) return unchanged(ok('', 'Nothing in progress'));
  const text = (e: ProgressEvent, now: number): string => progressText(e, now, INDENT);
  const newestFirst = [...events].reverse();
  const over = completed.map((e) => `[Complete]: ${text(e, e.finishedMs ?? nowMs)}\n`);
  const gone = over.length > 0 ? `\n${over.join('')}` : '';
  return unchanged(ok(`${newestFirst.map((e) => `${text(e, nowMs)}\n`).join('')}${gone}`));
}

function json(progress: Progress, { nowMs }: MonState): Decision {
  const value = {
    completed: progress.completed.map(completedJson),
    events: progress.events.map((e) => progressJson(e, nowMs)),
  };
  return unchanged(ok(`${formatValue(value, true)}\n`));
}

function turn(state: MonState, isOn: boolean): Decision {
  const word = isOn ? 'enabled' : 'disabled';
  if ((state.option('mgr/progress/enabled') === true) === isOn) {
    return unchanged(ok('', `progress already ${word}!`));
  }
  const option = { section: 'mgr', mask: '', name: 'mgr/progress/enabled', value: String(isOn) };
  return changed(ok('', `progress ${word}`), { config: [option] });
}

/** `ceph progress ...`, of the manager that keeps this record. */
export function progressCommands(progress: Progress): CommandSpec[] {
  const command = (
    perm: 'r' | 'rw',
    words: string,
    help: string,
    decide: (state: MonState) => Decision,
  ): CommandSpec => ({ module: 'mgr', perm, sig: `progress${words}`, help, decide });
  return [
    command('r', '', 'Show what goes on and what is over.', (s) => list(progress, s)),
    command('r', ' json', 'The same for programs.', (s) => json(progress, s)),
    command('rw', ' clear', 'Forget what goes on and what is over.', () => {
      progress.clear();
      return unchanged(ok());
    }),
    command('rw', ' on', 'Watch the progress of recovery.', (s) => turn(s, true)),
    command('rw', ' off', 'Do not watch the progress of recovery.', (s) => turn(s, false)),
  ];
}
