/** Every bound of automatic certificates, in one place. */

/** Services are looked at this long after one has changed. */
export const SERVICES_LOOK_MS = 100;
/** Orders under way at once, all CAs together. */
export const ORDERS_AT_ONCE_MAX = 8;
/** One order, from the first request to the certificate. */
export const ORDER_TIMEOUT_MS = 5 * 60 * 1_000;
/** One request to a CA or to a DNS provider. */
export const ACME_REQUEST_TIMEOUT_MS = 30_000;
/** An answer of a CA or a DNS provider. */
export const ACME_ANSWER_BYTES_MAX = 1024 * 1024;
/** The directory is asked for again after this long. */
export const DIRECTORY_MAX_AGE_MS = 60 * 60 * 1_000;
/** How often one request is repeated because the CA did not like its nonce. */
export const NONCE_RETRIES_MAX = 12;
/** Whether the CA has made up its mind is asked this often: first and longest pause. */
export const POLL_FIRST_MS = 250;
export const POLL_LONGEST_MS = 5_000;
/** The longest pause between two such questions that a CA may ask for. */
export const POLL_RETRY_AFTER_MAX_MS = 60_000;

/** After a validation that failed: Let's Encrypt allows five an hour for a name. Worked: 5, 10, 20, 40 minutes … */
export const FAILED_FIRST_MS = 5 * 60 * 1_000;
/** After a CA that could not be reached or did not feel well. Worked: 10, 20, 40 seconds … */
export const UNREACHABLE_FIRST_MS = 10_000;
export const BACK_OFF_LONGEST_MS = 6 * 60 * 60 * 1_000;
/** After the CA has said that it will not sign this name. */
export const REFUSED_RETRY_MS = 24 * 60 * 60 * 1_000;
/** No Retry-After keeps us away for longer. */
export const RETRY_AFTER_MAX_MS = 7 * 24 * 60 * 60 * 1_000;
/** Share of a pause by which it may be longer or shorter, so that many names do not come at once. */
export const BACK_OFF_JITTER = 0.2;

/** Renewal begins after this share of the lifetime, at most so much of the lifetime later. */
export const RENEW_AFTER = 2 / 3;
export const RENEW_JITTER = 1 / 30;
/** Whatever a CA suggests, it begins by then. */
export const RENEW_LATEST = 9 / 10;
/** No timer waits for longer before it looks at the wall clock again. */
export const TIMER_LONGEST_MS = 60 * 60 * 1_000;

/** A CA is first asked when to renew within this time after it has signed, or after a start. */
export const RENEWAL_INFO_FIRST_MS = 5_000;
/** A CA that wants a certificate replaced now is obeyed once in so long for a name: one that always says so is broken. */
export const SUGGESTED_AGAIN_MS = 6 * 60 * 60 * 1_000;
/** RFC 9773 §4.3: how often a CA may be asked when to renew; six hours where it does not say. */
export const RENEWAL_INFO_PERIOD_MS = 6 * 60 * 60 * 1_000;
export const RENEWAL_INFO_PERIOD_MIN_MS = 60_000;
export const RENEWAL_INFO_PERIOD_MAX_MS = 24 * 60 * 60 * 1_000;

/** A TXT record may take this long to be seen; then the CA is asked all the same. */
export const DNS_VISIBLE_TIMEOUT_MS = 60_000;
export const DNS_VISIBLE_PERIOD_MS = 2_000;
/** One question to one name server. */
export const DNS_QUESTION_TIMEOUT_MS = 5_000;
/** How long a record that nobody needs any more may be remembered by resolvers: the least that Cloudflare takes. */
export const DNS_RECORD_TTL_S = 60;

/** The service's own word about a name it was not deployed with; kamal-proxy waits as long. */
export const ASK_TIMEOUT_MS = 2_000;
/** How long a no is believed. */
export const ASK_NO_MS = 60_000;
/** Names whose no is remembered, and questions under way at once: beyond them the answer is no. */
export const ASK_REMEMBERED_MAX = 10_000;
export const ASK_AT_ONCE_MAX = 100;

/** One certificate with its key and chain. */
export const CERTIFICATE_FILE_BYTES_MAX = 1024 * 1024;
