/**
 * The gate of one service as data: a union of phases, a union of events, and the pure `nextGate`. Whoever runs it (the
 * daemon; test/model) owns the state and carries out the effects in their order, at once, before the next event.
 * It never reads the board, a clock or a socket itself.
 */
import { assert } from '../../base/errors.ts';

export interface GateTarget {
  /** The instance id. */
  readonly id: string;
  readonly state: 'starting' | 'ready';
}

export type GatePhase =
  /** Requests are held and raise `wake`. Opens when a target has answered. */
  | { readonly kind: 'closed' }
  | { readonly kind: 'open' }
  /** First phase of a sleep: the gate was closed a moment ago, the board is being read. */
  | { readonly kind: 'fencing'; readonly token: string; readonly ends: number }
  /** Quiet. A wake, or the loss of the link, opens it. */
  | { readonly kind: 'fenced'; readonly token: string }
  /** Second phase: the board is looked at once more. */
  | { readonly kind: 'signalling'; readonly token: string }
  /** The instance may be stopped at any moment: opens only on the owner's word. */
  | { readonly kind: 'signalled'; readonly token: string };

export interface Gate {
  readonly phase: GatePhase;
  readonly targets: readonly GateTarget[];
  /** The oldest route table with which a worker may pass: no older one lacks a target's departure. */
  readonly generation: number;
  /** The owner's link: `unsettled` from its hello until its snapshot is in force. */
  readonly link: 'down' | 'unsettled' | 'ready';
}

/** What a reading of the service's row found; `ends` modulo 2^32. */
export interface GateReading {
  readonly inFlight: number;
  readonly held: number;
  readonly ends: number;
}

export interface WakeFailure {
  readonly code: string;
  readonly message: string;
  readonly retryAfterMs: number;
}

/** `generation` is the one that the route table will have if this event changes it. */
export type GateEvent =
  | {
      readonly kind: 'published';
      readonly targets: readonly string[];
      readonly isSnapshot: boolean;
      readonly generation: number;
      /** Those of the targets that are known to answer before they are published. */
      readonly answered?: readonly string[];
    }
  /** A probe of a worker or of the daemon got through to a starting target. */
  | { readonly kind: 'target-answered'; readonly targetId: string; readonly generation: number }
  /** The first phase is asked for; `token` is fresh. */
  | { readonly kind: 'fence'; readonly ends: number; readonly token: string }
  /** The result of `read-board`. Nothing else can come before it. */
  | { readonly kind: 'board-read'; readonly reading: GateReading }
  | { readonly kind: 'signalled'; readonly token: string }
  | { readonly kind: 'lift'; readonly token: string }
  /** A worker holds requests. */
  | { readonly kind: 'wake' }
  | { readonly kind: 'wake-failed'; readonly failure: WakeFailure }
  | { readonly kind: 'link-made' }
  | { readonly kind: 'link-ready' }
  | { readonly kind: 'link-lost' }
  /** The service goes; the runner forgets the gate afterwards. */
  | { readonly kind: 'removed'; readonly generation: number };

export type GateEffect =
  | { readonly kind: 'close-gate' }
  | { readonly kind: 'open-gate'; readonly generation: number }
  | { readonly kind: 'close-target'; readonly targetId: string }
  | { readonly kind: 'open-target'; readonly targetId: string; readonly generation: number }
  /** Send the workers a route table with `gate.targets` as they are now. */
  | { readonly kind: 'change-table'; readonly generation: number }
  /** Tell every worker that its held requests begin again; those still held say `wake` again. */
  | { readonly kind: 'announce' }
  /** Read the service's row (in-flight, then held, then ends) and say `board-read` before anything else. */
  | { readonly kind: 'read-board' }
  /** Tell every worker to answer what it holds, and new requests for `retryAfterMs`. */
  | { readonly kind: 'answer-held'; readonly failure: WakeFailure }
  /** To the owner. */
  | { readonly kind: 'send-wake' }
  /** To the owner, if the board shows anything held now. */
  | { readonly kind: 'send-wake-if-held' }
  | { readonly kind: 'send-answered'; readonly targetId: string }
  | { readonly kind: 'send-fence-lifted'; readonly token: string }
  /** Answers to `fence` and `signalled`; a refusal carries the activity as it is now. */
  | { readonly kind: 'reply-fence'; readonly result: 'refused' | { readonly token: string } }
  | { readonly kind: 'reply-signalled'; readonly result: 'accepted' | 'stale' };

export interface GateStep {
  readonly gate: Gate;
  readonly effects: readonly GateEffect[];
}

/** A service nobody has published yet. */
export const newGate: Gate = { phase: { kind: 'closed' }, targets: [], generation: 0, link: 'down' };

/**
 * A service found in the state file or on a board taken over. Only a gate that is known to have been open, in this
 * boot of the machine, opens again; any other may have been signalled, and waits for its owner's snapshot.
 */
export function restoredGate(saved: {
  targets: readonly GateTarget[];
  wasOpen: boolean;
  generation: number;
}): GateStep {
  const { targets, generation } = saved;
  const gate: Gate = { ...newGate, targets, generation };
  const ready = targets.filter(({ state }) => state === 'ready');
  const targetGates = ready.map(({ id }): GateEffect => ({ kind: 'open-target', targetId: id, generation }));
  if (!saved.wasOpen) return { gate, effects: targetGates };
  const reopened = openAgain(gate);
  return { gate: reopened.gate, effects: [...targetGates, ...reopened.effects] };
}

export function nextGate(gate: Gate, event: GateEvent): GateStep {
  const isReading = gate.phase.kind === 'fencing' || gate.phase.kind === 'signalling';
  assert(isReading === (event.kind === 'board-read'), `gate ${gate.phase.kind} met ${event.kind}`);
  switch (event.kind) {
    case 'published':
      return onPublished(gate, event);
    case 'target-answered':
      return onAnswered(gate, event.targetId, event.generation);
    case 'fence':
      return onFence(gate, event.ends, event.token);
    case 'board-read':
      return onBoardRead(gate, event.reading);
    case 'signalled':
      return onSignalled(gate, event.token);
    case 'lift':
      return hasToken(gate, event.token) ? openAgain(gate) : unchanged(gate);
    case 'wake':
      return onWake(gate);
    case 'wake-failed':
      return onWakeFailed(gate, event.failure);
    case 'link-made':
      return onLinkChange(gate, 'unsettled');
    case 'link-ready':
      return onLinkReady(gate);
    case 'link-lost':
      return onLinkChange(gate, 'down');
    case 'removed':
      return onRemoved(gate, event.generation);
  }
}

/** A service that holds requests, whichever way it came to that. */
function isShut(gate: Gate): boolean {
  return gate.phase.kind === 'closed' || gate.phase.kind === 'signalled';
}

function hasToken(gate: Gate, token: string): boolean {
  return 'token' in gate.phase && gate.phase.token === token;
}

function hasReadyTarget(targets: readonly GateTarget[]): boolean {
  return targets.some(({ state }) => state === 'ready');
}

function isReady(gate: Gate, targetId: string): boolean {
  return gate.targets.some(({ id, state }) => id === targetId && state === 'ready');
}

function unchanged(gate: Gate, ...effects: GateEffect[]): GateStep {
  return { gate, effects };
}

/** Ends a fence, for the same targets as before. A gate without a ready target stays closed. */
function openAgain(gate: Gate, ...after: GateEffect[]): GateStep {
  if (!hasReadyTarget(gate.targets)) return { gate: { ...gate, phase: { kind: 'closed' } }, effects: after };
  return {
    gate: { ...gate, phase: { kind: 'open' } },
    effects: [{ kind: 'open-gate', generation: gate.generation }, { kind: 'announce' }, ...after],
  };
}

// ---- the owner's wishes

type Published = Extract<GateEvent, { kind: 'published' }>;

function onPublished(gate: Gate, event: Published): GateStep {
  const targets = mergeTargets(gate, event);
  const gone = gate.targets.filter((known) => !targets.some(({ id }) => id === known.id));
  const added = targets.filter((target) => target.state === 'ready' && !isReady(gate, target.id));
  const isSame = gone.length === 0 && added.length === 0 && targets.length === gate.targets.length;
  const isUnderFence = gate.phase.kind === 'fenced' || gate.phase.kind === 'signalled';
  // Other settings may change while the instance is being stopped; that must not send requests to it.
  if (isSame && isUnderFence && !event.isSnapshot) return unchanged(gate);
  const opens = hasReadyTarget(targets);
  // Who passes with an older table may know none but departed targets, and would find no way on.
  const needsNewTable = gone.length > 0 || gate.phase.kind !== 'open';
  const generation = opens && needsNewTable && !isSame ? event.generation : gate.generation;
  const isGateMoved = opens && (gate.phase.kind !== 'open' || generation !== gate.generation);
  const effects: GateEffect[] = [];
  // Gates before the table, so that no worker acts on the new table while an older gate stands; the call to look again last.
  for (const { id } of added) {
    effects.push({ kind: 'open-target', targetId: id, generation: event.generation });
  }
  if (isGateMoved) effects.push({ kind: 'open-gate', generation });
  if (!opens && gate.phase.kind === 'open') effects.push({ kind: 'close-gate' });
  for (const { id } of gone) effects.push({ kind: 'close-target', targetId: id });
  if (!isSame) effects.push({ kind: 'change-table', generation: event.generation });
  if (isGateMoved) effects.push({ kind: 'announce' });
  const phase: GatePhase = opens ? { kind: 'open' } : { kind: 'closed' };
  return { gate: { ...gate, phase, targets: isSame ? gate.targets : targets, generation }, effects };
}

/** Known targets keep their state. A snapshot that would leave an open gate without a ready target keeps those it has. */
function mergeTargets(gate: Gate, event: Published): GateTarget[] {
  const targets = event.targets.map((id): GateTarget => {
    if (event.answered?.includes(id)) return { id, state: 'ready' };
    return gate.targets.find((known) => known.id === id) ?? { id, state: 'starting' };
  });
  if (!event.isSnapshot || gate.phase.kind !== 'open' || hasReadyTarget(targets)) return targets;
  return [...targets, ...gate.targets.filter(({ state }) => state === 'ready')];
}

function onRemoved(gate: Gate, generation: number): GateStep {
  const effects: GateEffect[] = [
    { kind: 'close-gate' },
    ...gate.targets.map(({ id }): GateEffect => ({ kind: 'close-target', targetId: id })),
    { kind: 'change-table', generation },
  ];
  return { gate: { ...gate, phase: { kind: 'closed' }, targets: [] }, effects };
}

function onWakeFailed(gate: Gate, failure: WakeFailure): GateStep {
  return isShut(gate) ? unchanged(gate, { kind: 'answer-held', failure }) : unchanged(gate);
}

// ---- going to sleep in two phases

function onFence(gate: Gate, ends: number, token: string): GateStep {
  if (gate.phase.kind === 'fenced') return openAgain(gate, { kind: 'reply-fence', result: 'refused' });
  const isOwners = gate.link === 'ready';
  if (gate.phase.kind !== 'open' || !isOwners) {
    return unchanged(gate, { kind: 'reply-fence', result: 'refused' });
  }
  // Close, THEN read: whoever entered before the closing is counted already, whoever enters after it is turned away.
  return {
    gate: { ...gate, phase: { kind: 'fencing', token, ends } },
    effects: [{ kind: 'close-gate' }, { kind: 'read-board' }],
  };
}

function onSignalled(gate: Gate, token: string): GateStep {
  const { phase } = gate;
  if (phase.kind !== 'fenced' || phase.token !== token) {
    return unchanged(gate, { kind: 'reply-signalled', result: 'stale' });
  }
  return { gate: { ...gate, phase: { kind: 'signalling', token } }, effects: [{ kind: 'read-board' }] };
}

function onBoardRead(gate: Gate, reading: GateReading): GateStep {
  const { phase } = gate;
  const isQuiet = reading.inFlight === 0 && reading.held === 0;
  if (phase.kind === 'fencing') {
    if (!isQuiet || reading.ends !== phase.ends) {
      return openAgain(gate, { kind: 'reply-fence', result: 'refused' });
    }
    const { token } = phase;
    return {
      gate: { ...gate, phase: { kind: 'fenced', token } },
      effects: [{ kind: 'reply-fence', result: { token } }],
    };
  }
  assert(phase.kind === 'signalling', 'only a fence reads the board');
  // Somebody is held, or about to be: the wake is on its way, and an instance is still there to serve it.
  if (!isQuiet) return openAgain(gate, { kind: 'reply-signalled', result: 'stale' });
  return {
    gate: { ...gate, phase: { kind: 'signalled', token: phase.token } },
    effects: [{ kind: 'reply-signalled', result: 'accepted' }],
  };
}

// ---- what requests, targets and the link do

function onWake(gate: Gate): GateStep {
  if (gate.phase.kind === 'fenced') {
    return openAgain(gate, { kind: 'send-fence-lifted', token: gate.phase.token });
  }
  // An open gate was announced, or is about to be: the holder will see it. Without a settled link the wake
  // is not lost either: `link-ready` looks at the board.
  return isShut(gate) && gate.link === 'ready' ? unchanged(gate, { kind: 'send-wake' }) : unchanged(gate);
}

function onAnswered(gate: Gate, targetId: string, generation: number): GateStep {
  const isStarting = gate.targets.some(({ id, state }) => id === targetId && state === 'starting');
  if (!isStarting) return unchanged(gate);
  const targets = gate.targets.map(
    (known): GateTarget => (known.id === targetId ? { id: targetId, state: 'ready' } : known),
  );
  const opens = gate.phase.kind === 'closed';
  const effects: GateEffect[] = [{ kind: 'open-target', targetId, generation }];
  if (opens) effects.push({ kind: 'open-gate', generation });
  effects.push({ kind: 'change-table', generation });
  if (opens) effects.push({ kind: 'announce' });
  if (gate.link !== 'down') effects.push({ kind: 'send-answered', targetId });
  const next: Gate = opens ? { ...gate, targets, phase: { kind: 'open' }, generation } : { ...gate, targets };
  return { gate: next, effects };
}

/** Whoever asked for a fence is gone, or is another now: it cannot say `signalled` any more. */
function onLinkChange(gate: Gate, link: 'down' | 'unsettled'): GateStep {
  const changed: Gate = { ...gate, link };
  return gate.phase.kind === 'fenced' ? openAgain(changed) : unchanged(changed);
}

function onLinkReady(gate: Gate): GateStep {
  const changed: Gate = { ...gate, link: 'ready' };
  return isShut(gate) ? unchanged(changed, { kind: 'send-wake-if-held' }) : unchanged(changed);
}
