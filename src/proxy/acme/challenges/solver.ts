/** How one kind of challenge is answered (RFC 8555 §8): the contract of http-01, tls-alpn-01 and dns-01. */

export type ChallengeKind = 'http-01' | 'tls-alpn-01' | 'dns-01';

export interface ChallengeTask {
  /** The name to be proved; of a wildcard the part behind `*.`. */
  readonly host: string;
  readonly token: string;
  /** As this kind is answered: for dns-01 already the digest. */
  readonly keyAuthorization: string;
  readonly signal: AbortSignal;
}

export interface ChallengeSolver {
  /** Resolves when the CA may look, with what takes the answer away again. */
  present(task: ChallengeTask): Promise<() => Promise<void>>;
}

/** Those that this daemon can answer. */
export type Solvers = Readonly<Partial<Record<ChallengeKind, ChallengeSolver>>>;
