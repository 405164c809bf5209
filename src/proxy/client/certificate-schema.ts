/** What the management socket says about certificates: one schema for both ends. */
import { z } from 'zod';

/** `own`: from a person's files; the others are of certificates that Luma orders. */
export const CERTIFICATE_STATES = [
  'wanted',
  'ordering',
  'valid',
  'due',
  'renewing',
  'backing-off',
  'refused',
  'retired',
  'own',
] as const;

const instant = z.string().nullable();

export const certificateStatusSchema = z.object({
  host: z.string(),
  /** Null: no service wants it any more. */
  service: z.string().nullable(),
  state: z.enum(CERTIFICATE_STATES),
  /** Whether HTTPS works for the host, whatever the state. */
  served: z.boolean(),
  issuer: z.string().nullable(),
  not_before: instant,
  not_after: instant,
  /** What proved it to the CA: `http-01`, `tls-alpn-01`, `dns-01`. */
  challenge: z.string().nullable(),
  /** The ACME directory it is, or will be, ordered from; null: a person brought it. */
  directory: z.string().nullable(),
  /** Ordered when the first client came. */
  on_demand: z.boolean(),
  /** Of the next order: a renewal, or after a failure; null: it is under way, or there is none. */
  next_try_at: instant,
  last_error: z
    .object({ code: z.string(), message: z.string(), hint: z.string().nullable(), at: z.string() })
    .nullable(),
});
export type CertificateStatus = z.infer<typeof certificateStatusSchema>;
