/** A client's connection as the edge's door sees it, whatever is spoken on it: to drain, to cut, to close. */
export interface OpenClient {
  /** Nothing new is begun on it: closed at once where it is idle and `idleMs` is 0, else when nothing comes for so long. */
  drain(idleMs: number): void;
  /** The time to finish is over. */
  cut(): void;
  /** A target that left its service has had its time. */
  cutAt(service: string, targetIds: readonly string[]): void;
  /** What was said is still sent by the kernel; nothing more is waited for. */
  finishNow(): void;
}
