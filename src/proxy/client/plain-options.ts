/** A service of which nothing was said, for those that publish one. */
import type { Issuance } from './contract.ts';

export { PLAIN_OPTIONS } from '../../edge/routing/service-route.ts';

/** By which a client comes back to the target that it had first. */
export const AFFINITY_COOKIE = 'luma_instance';
export const PLAIN_ISSUANCE: Issuance = { staging: false, onDemandUrl: null, ownCertificateId: null };
