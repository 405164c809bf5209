/** What commands take for granted where they say nothing else. Replaced whole by `set-global-option`, never changed. */
import { z } from 'zod';
import { DEPLOY_TIMEOUT_MS, DRAIN_TIMEOUT_MS, DURATION_MS_MAX, MAX_PAUSE_MS } from '../limits.ts';

const durationMs = z.number().min(0).max(DURATION_MS_MAX).nullable();

/** Null: as Luma has it. */
export const globalOptionsSchema = z.strictObject({
  deployTimeoutMs: durationMs,
  drainTimeoutMs: durationMs,
  maxPauseMs: durationMs,
  /** Whom the CA may write to. */
  letsEncryptEmail: z.string().max(320).nullable().default(null),
});

export type GlobalOptions = Readonly<z.infer<typeof globalOptionsSchema>>;

export const noOptions: GlobalOptions = {
  deployTimeoutMs: null,
  drainTimeoutMs: null,
  maxPauseMs: null,
  letsEncryptEmail: null,
};

type Durations = Omit<GlobalOptions, 'letsEncryptEmail'>;

export type EffectiveOptions = { readonly [name in keyof Durations]: number } & Pick<
  GlobalOptions,
  'letsEncryptEmail'
>;

export function effective(options: GlobalOptions): EffectiveOptions {
  return {
    deployTimeoutMs: options.deployTimeoutMs ?? DEPLOY_TIMEOUT_MS,
    drainTimeoutMs: options.drainTimeoutMs ?? DRAIN_TIMEOUT_MS,
    maxPauseMs: options.maxPauseMs ?? MAX_PAUSE_MS,
    letsEncryptEmail: options.letsEncryptEmail,
  };
}
