/** The life of one instance, as data. `docs/states/instance.md` is generated from this table. */

export type InstanceState =
  | 'preparing' // being pulled and created
  | 'prepared' // created, not running: a wake is only a start
  | 'starting' // the start call was made, or it runs and has not answered yet
  | 'running' // it answered
  | 'frozen' // suspended
  | 'stopping' // a stop was begun; nothing can cancel it
  | 'failed' // could not be prepared or started, or ended by itself
  | 'gone'; // removed; the end

export type InstanceEvent =
  | 'prepared'
  | 'prepare-failed'
  | 'start'
  | 'answered'
  | 'start-failed'
  | 'freeze'
  | 'thaw'
  | 'stop'
  | 'exited'
  | 'retry'
  | 'removed';

type Table = { readonly [S in InstanceState]: { readonly [E in InstanceEvent]?: InstanceState } };

/** What is not listed cannot happen: `next` returns null, and the caller asserts or ignores knowingly. */
export const instanceTransitions: Table = {
  preparing: { prepared: 'prepared', 'prepare-failed': 'failed', removed: 'gone' },
  prepared: { start: 'starting', retry: 'preparing', 'prepare-failed': 'failed', removed: 'gone' },
  starting: {
    answered: 'running',
    'start-failed': 'failed',
    stop: 'stopping',
    exited: 'failed',
    removed: 'gone',
  },
  running: { freeze: 'frozen', stop: 'stopping', exited: 'failed', removed: 'gone' },
  frozen: { thaw: 'starting', stop: 'stopping', exited: 'failed', removed: 'gone' },
  stopping: { exited: 'prepared', removed: 'gone' },
  failed: { retry: 'preparing', start: 'starting', stop: 'stopping', removed: 'gone' },
  gone: {},
};

export function nextInstanceState(state: InstanceState, event: InstanceEvent): InstanceState | null {
  return instanceTransitions[state][event] ?? null;
}
